"""List.*, information: how many, whether any, whether distinct (LST-45)."""

from __future__ import annotations

from typing import Any

from mlang.library.comparer import criteria
from mlang.library.list.shared import NOTHING, bare, of_column
from mlang.registry import builtin
from mlang.values.lists import count, forced, indexed


@builtin("List.Count(list as list) as number")
def list_count(items: Any) -> float:
    """Counts the items of a list without evaluating them."""
    return float(count(items))


@builtin("List.NonNullCount(list as list) as number")
def non_null_count(items: Any) -> float:
    """Counts the items that are not null."""
    if items.__class__ is not list:
        found = of_column(items, "List.NonNullCount")
        if found is not NOTHING:
            return float(found)
    return float(sum(1 for value in bare(items) if value is not None))


@builtin("List.IsEmpty(list as list) as logical")
def is_empty(items: Any) -> bool:
    """Says whether a list has no items; ``{null}`` has one."""
    if indexed(items):
        return count(items) == 0
    return all(False for _ in items)


@builtin("List.IsDistinct(list as list, optional equationCriteria as any) as logical")
def is_distinct(items: Any, equation_criteria: Any = None) -> bool:
    """Says whether no item of a list occurs twice."""
    if items.__class__ is not list and equation_criteria is None:
        found = of_column(items, "List.IsDistinct")
        if found is not NOTHING:
            return bool(found)
    rule = criteria(equation_criteria, "List.IsDistinct")
    seen = set()
    for value in forced(items):
        key = rule.key(value)
        if key in seen:
            return False
        seen.add(key)
    return True
