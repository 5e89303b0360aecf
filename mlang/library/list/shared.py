"""What the List functions share: predicates, counts or conditions, lists inside lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlang import errors
from mlang.library.arguments import as_count
from mlang.values.functions import Function, bind
from mlang.values.kinds import is_number, kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force

#: An engine has no answer (`tables/asking.py`).
NOTHING: Any = object()


def is_column(items: Any) -> bool:
    """Whether a list is the column of a table."""
    return items.__class__.__name__ in ("TableColumn", "KeptColumn")


def of_column(items: Any, name: str, *arguments: Any) -> Any:
    """A list function of a table's column by the engine that holds the table; `NOTHING` otherwise."""
    if not is_column(items):
        return NOTHING
    from mlang.tables import asking

    return asking.of_column(items, name, *arguments)


def predicate(function: Any) -> Callable[[Any], bool]:
    """A condition of one argument; null counts as not met (as in Table.SelectRows), other kinds raise."""
    test = bind(function, 1)

    def met(value: Any) -> bool:
        result = test(value)
        if result is True:
            return True
        if result is False:
            return False
        result = strip(result)
        if result is None:
            return False
        if result.__class__ is bool:
            return bool(result)
        raise errors.cannot_convert(result, "Logical")

    return met


def count_or_condition(
    value: Any, default: int | None = None
) -> tuple[int, None] | tuple[None, Callable[[Any], bool]]:
    """A ``countOrCondition`` argument as (count, None) or (None, condition)."""
    if value.__class__ is Function:
        return None, predicate(value)
    if value is None and default is not None:
        return default, None
    if not is_number(value):
        raise errors.cannot_convert(value, "Number")
    return as_count(value, "countOrCondition"), None


def as_list(value: Any) -> Any:
    """A member that must be a list, forced; the conversion error otherwise (LST-11)."""
    value = strip(force(value))
    if value.__class__ is not list and kind_of(value) != "list":
        raise errors.cannot_convert(value, "List")
    return value


def bare(items: Any) -> Iterator[Any]:
    """The forced items without annotations."""
    from mlang.values.lists import forced

    for value in forced(items):
        yield strip(value)


def unsigned(value: Any) -> Any:
    """A number that was found or added up, zero without its sign: which of two zeros an engine finds is chance."""
    return value + 0.0 if value.__class__ is float else value


def numbers(items: Any) -> list[Any]:
    """The numbers of a list, nulls left out; other kinds raise."""
    found = []
    for value in bare(items):
        if value is None:
            continue
        if not is_number(value):
            raise errors.cannot_convert(value, "Number")
        found.append(value)
    return found
