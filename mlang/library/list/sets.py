"""List.*, set operations: lists as bags, where multiplicity counts (LST-26 to LST-30)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from mlang.library.comparer import Criteria, criteria, is_none_or_comparer
from mlang.library.list.shared import NOTHING, as_list
from mlang.registry import builtin
from mlang.values.lists import Deferred, Streamed, forced


@builtin("List.Distinct(list as list, optional equationCriteria as any) as list")
def distinct(items: Any, equation_criteria: Any = None) -> Any:
    """Keeps the first of equal items."""
    if items.__class__.__name__ == "TableColumn" and is_none_or_comparer(equation_criteria):
        from mlang.tables.asking import distinct_column

        column = distinct_column(items, equation_criteria)
        if column is not NOTHING:
            return column
    rule = criteria(equation_criteria, "List.Distinct")

    def make() -> Iterator[Any]:
        seen = set()
        for value in forced(items):
            key = rule.key(value)
            if key not in seen:
                seen.add(key)
                yield value

    return Streamed(make)


def _unite(left: list[Any], right: Any, rule: Criteria) -> list[Any]:
    """``left`` and what ``right`` has more of."""
    have = Counter(rule.key(value) for value in left)
    result = list(left)
    for value in forced(right):
        key = rule.key(value)
        if have[key] > 0:
            have[key] -= 1
        else:
            result.append(value)
    return result


def _intersect(left: list[Any], right: Any, rule: Criteria) -> list[Any]:
    """The items of ``left`` that ``right`` has too, as often as both have them."""
    have = Counter(rule.key(value) for value in forced(right))
    result = []
    for value in left:
        key = rule.key(value)
        if have[key] > 0:
            have[key] -= 1
            result.append(value)
    return result


@builtin("List.Union(lists as list, optional equationCriteria as any) as list")
def union(lists: Any, equation_criteria: Any = None) -> Any:
    """Unites lists; an item appears as often as in the list that has most of it."""
    rule = criteria(equation_criteria, "List.Union")

    def make() -> list[Any]:
        result: list[Any] = []
        for part in lists:
            result = _unite(result, as_list(part), rule)
        return result

    return Deferred(make)


@builtin("List.Intersect(lists as list, optional equationCriteria as any) as list")
def intersect(lists: Any, equation_criteria: Any = None) -> Any:
    """Gives the items that all lists have, as often as all have them, in the order of the first list."""
    rule = criteria(equation_criteria, "List.Intersect")

    def make() -> list[Any]:
        parts = [as_list(part) for part in lists]
        if not parts:
            return []
        result = list(forced(parts[0]))
        for part in parts[1:]:
            result = _intersect(result, part, rule)
        return result

    return Deferred(make)


@builtin("List.Difference(list1 as list, list2 as list, optional equationCriteria as any) as list")
def difference(items: Any, other: Any, equation_criteria: Any = None) -> Any:
    """Takes the items of a second list out of the first, one occurrence each."""
    rule = criteria(equation_criteria, "List.Difference")

    def make() -> Iterator[Any]:
        gone = Counter(rule.key(value) for value in forced(other))
        for value in forced(items):
            key = rule.key(value)
            if gone[key] > 0:
                gone[key] -= 1
            else:
                yield value

    return Streamed(make)
