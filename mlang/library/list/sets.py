"""List.*, set operations: lists as bags, where multiplicity counts (LST-26 to LST-30)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from mlang.library.comparer import criteria, is_none_or_comparer
from mlang.library.list.shared import NOTHING, as_list
from mlang.registry import builtin
from mlang.values.lists import Streamed, forced


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


@builtin("List.Union(lists as list, optional equationCriteria as any) as list")
def union(lists: Any, equation_criteria: Any = None) -> Any:
    """Unites lists; an item appears as often as in the list that has most of it."""
    rule = criteria(equation_criteria, "List.Union")

    def make() -> Iterator[Any]:
        given: Counter[Any] = Counter()
        for part in lists:
            seen: Counter[Any] = Counter()
            for value in forced(as_list(part)):
                key = rule.key(value)
                seen[key] += 1
                if seen[key] > given[key]:
                    given[key] += 1
                    yield value

    return Streamed(make)


@builtin("List.Intersect(lists as list, optional equationCriteria as any) as list")
def intersect(lists: Any, equation_criteria: Any = None) -> Any:
    """Gives the items that all lists have, as often as all have them, in the order of the first list."""
    rule = criteria(equation_criteria, "List.Intersect")

    def make() -> Iterator[Any]:
        parts = [as_list(part) for part in lists]
        others = [Counter(rule.key(value) for value in forced(part)) for part in parts[1:]]
        for value in forced(parts[0]) if parts else ():
            key = rule.key(value)
            if _taken_from_all(others, key):
                yield value

    return Streamed(make)


def _taken_from_all(bags: list[Counter[Any]], key: Any) -> bool:
    """Takes an item out of one bag after the other, as long as they have it."""
    for bag in bags:
        if bag[key] <= 0:
            return False
        bag[key] -= 1
    return True


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
