"""List.*, membership: which values are there and where, and tests of all or any items (LST-24 to LST-34)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.library.arguments import enum_member
from mlang.library.comparer import Criteria, criteria, is_none_or_comparer
from mlang.library.list.shared import NOTHING, bare, of_column, predicate
from mlang.registry import builtin
from mlang.values.functions import Function
from mlang.values.lists import Streamed, forced


def _matcher(values: list[Any], rule: Criteria) -> Callable[[Any], bool]:
    """A test whether an item equals one of the values."""
    if rule.keyed:
        keys = {rule.key(value) for value in values}
        return lambda item: rule.key(item) in keys

    def test(item: Any) -> bool:
        for value in values:  # noqa: SIM110
            if rule.equal(item, value):
                return True
        return False

    return test


# ---------------------------------------------------------------- contains


@builtin("List.Contains(list as list, value as any, optional equationCriteria as any) as logical")
def contains(items: Any, value: Any, equation_criteria: Any = None) -> bool:
    """Says whether a value is in a list."""
    if items.__class__.__name__ == "TableColumn" and is_none_or_comparer(equation_criteria):
        from mlang.tables.asking import in_column

        found = in_column(items, value, equation_criteria)
        if found is not NOTHING:
            return bool(found)
    test = _matcher([value], criteria(equation_criteria, "List.Contains", custom=True))
    for item in forced(items):  # noqa: SIM110 -- M functions are called from Python loops only
        if test(item):
            return True
    return False


@builtin("List.ContainsAll(list as list, values as list, optional equationCriteria as any) as logical")
def contains_all(items: Any, values: Any, equation_criteria: Any = None) -> bool:
    """Says whether every one of some values is in a list."""
    rule = criteria(equation_criteria, "List.ContainsAll", custom=True)
    if not rule.keyed:
        plain = list(forced(items))
        return _contains_all_pairwise(plain, list(forced(values)), rule)
    missing = {rule.key(value) for value in forced(values)}
    if not missing:
        return True
    for item in forced(items):
        missing.discard(rule.key(item))
        if not missing:
            return True
    return False


def _contains_all_pairwise(items: list[Any], values: list[Any], rule: Criteria) -> bool:
    for value in values:
        for item in items:
            if rule.equal(item, value):
                break
        else:
            return False
    return True


@builtin("List.ContainsAny(list as list, values as list, optional equationCriteria as any) as logical")
def contains_any(items: Any, values: Any, equation_criteria: Any = None) -> bool:
    """Says whether at least one of some values is in a list."""
    wanted = list(forced(values))
    if not wanted:
        return False
    test = _matcher(wanted, criteria(equation_criteria, "List.ContainsAny", custom=True))
    for item in forced(items):  # noqa: SIM110 -- M functions are called from Python loops only
        if test(item):
            return True
    return False


# ---------------------------------------------------------------- positions


@builtin(
    "List.PositionOf(list as list, value as any, optional occurrence as nullable number, "
    "optional equationCriteria as any) as any"
)
def position_of(items: Any, value: Any, occurrence: Any = None, equation_criteria: Any = None) -> Any:
    """Gives the first or last position of a value (-1 when absent), or the list of all its positions."""
    if items.__class__ is not list and equation_criteria is None:
        found = of_column(items, "List.PositionOf", value, occurrence)
        if found is not NOTHING:
            return found
    test = _matcher([value], criteria(equation_criteria, "List.PositionOf", custom=True))
    return _positions(items, test, occurrence)


@builtin(
    "List.PositionOfAny(list as list, values as list, optional occurrence as nullable number, "
    "optional equationCriteria as any) as any"
)
def position_of_any(items: Any, values: Any, occurrence: Any = None, equation_criteria: Any = None) -> Any:
    """Gives the first or last position of one of some values, or all such positions."""
    rule = criteria(equation_criteria, "List.PositionOfAny", custom=True)
    return _positions(items, _matcher(list(forced(values)), rule), occurrence)


def _positions(items: Any, test: Callable[[Any], bool], occurrence: Any) -> Any:
    which = enum_member(occurrence, "occurrence", (0, 1, 2))
    if which == 2:
        return [float(i) for i, item in enumerate(forced(items)) if test(item)]
    found = -1
    for index, item in enumerate(forced(items)):
        if test(item):
            found = index
            if which == 0:
                break
    return float(found)


# ---------------------------------------------------------------- removing


def _without(items: Any, values: Any, rule: Criteria) -> Any:
    def make() -> Any:
        test = _matcher(list(forced(values)), rule)
        for item in forced(items):
            if not test(item):
                yield item

    return Streamed(make)


@builtin("List.RemoveItems(list1 as list, list2 as list) as list")
def remove_items(items: Any, values: Any) -> Any:
    """Leaves out every item that equals one of some values."""
    return _without(items, values, criteria(None))


@builtin("List.RemoveMatchingItems(list1 as list, list2 as list, optional equationCriteria as any) as list")
def remove_matching_items(items: Any, values: Any, equation_criteria: Any = None) -> Any:
    """Leaves out every item that equals one of some values by a criterion."""
    return _without(items, values, criteria(equation_criteria, "List.RemoveMatchingItems"))


# ---------------------------------------------------------------- tests


@builtin("List.AllTrue(list as list) as logical")
def all_true(items: Any) -> bool:
    """Says whether no item is false; nulls do not count, the empty list is all true."""
    if items.__class__ is not list:
        found = of_column(items, "List.AllTrue")
        if found is not NOTHING:
            return bool(found)
    for value in bare(items):
        if value is False:
            return False
        _logical(value)
    return True


@builtin("List.AnyTrue(list as list) as logical")
def any_true(items: Any) -> bool:
    """Says whether an item is true; nulls do not count."""
    if items.__class__ is not list:
        found = of_column(items, "List.AnyTrue")
        if found is not NOTHING:
            return bool(found)
    for value in bare(items):
        if value is True:
            return True
        _logical(value)
    return False


def _logical(value: Any) -> None:
    if value is not None and value.__class__ is not bool:
        raise errors.cannot_convert(value, "Logical")


@builtin("List.MatchesAll(list as list, condition as function) as logical")
def matches_all(items: Any, condition: Function) -> bool:
    """Says whether a condition holds for every item."""
    if items.__class__ is not list:
        found = of_column(items, "List.MatchesAll", condition)
        if found is not NOTHING:
            return bool(found)
    test = predicate(condition)
    for value in forced(items):  # noqa: SIM110
        if not test(value):
            return False
    return True


@builtin("List.MatchesAny(list as list, condition as function) as logical")
def matches_any(items: Any, condition: Function) -> bool:
    """Says whether a condition holds for at least one item."""
    if items.__class__ is not list:
        found = of_column(items, "List.MatchesAny", condition)
        if found is not NOTHING:
            return bool(found)
    test = predicate(condition)
    for value in forced(items):  # noqa: SIM110
        if test(value):
            return True
    return False
