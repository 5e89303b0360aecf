"""List.*, selection: items, parts and rearrangements of a list that leave the items themselves alone.

Nothing here forces an item that it does not have to judge (EVL-12): slices are lazy
shapes over the list they cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from mlang import errors
from mlang.library.arguments import as_count
from mlang.library.list.shared import NOTHING, count_or_condition, is_column, predicate
from mlang.registry import builtin
from mlang.values.functions import Function
from mlang.values.lists import (
    Deferred,
    LazyList,
    Sliced,
    Streamed,
    count,
    forced,
    indexed,
    last_item,
    raw_item,
)
from mlang.values.thunk import force

#: Lists up to this size are copied when cut; longer ones are referred to.
SMALL = 32


def cut(items: Any, start: int, stop: int | None = None) -> Any:
    """Items ``start`` to ``stop`` (exclusive; None: all the rest), clipped."""
    if items.__class__ is list and len(items) <= SMALL:
        return items[start:stop]
    return Sliced(items, start, stop)


def part(items: Any, step: Callable[[Any, Any], Any], kept: bool = False) -> Any:
    """The column that a step makes of a table's column, where an engine may do it; else `NOTHING`."""
    if not is_column(items):
        return NOTHING
    from mlang.tables import plan
    from mlang.tables.asking import column_of

    return column_of(items, lambda input: step(plan, input), kept)


# ---------------------------------------------------------------- single items


@builtin("List.First(list as list, optional defaultValue as any) as any", keeps="defaultValue")
def first(items: Any, default: Any = None) -> Any:
    """Gives the first item, or a default (null) when the list is empty."""
    for item in items:
        return force(item)
    return default


@builtin("List.Last(list as list, optional defaultValue as any) as any", keeps="defaultValue")
def last(items: Any, default: Any = None) -> Any:
    """Gives the last item, or a default (null) when the list is empty."""
    try:
        item = last_item(items)
    except IndexError:
        return default
    return force(item)


@builtin("List.Single(list as list) as any")
def single(items: Any) -> Any:
    """Gives the only item of a list; raises when there are none or several."""
    found = list(islice(iter(items), 2))
    if not found:
        raise errors.not_enough_elements(items)
    if len(found) > 1:
        raise errors.too_many_elements(items)
    return force(found[0])


@builtin("List.SingleOrDefault(list as list, optional default as any) as any", keeps="default")
def single_or_default(items: Any, default: Any = None) -> Any:
    """Gives the only item of a list, or a default when it is empty; raises when there are several."""
    found = list(islice(iter(items), 2))
    if len(found) > 1:
        raise errors.too_many_elements(items)
    return force(found[0]) if found else default


# ---------------------------------------------------------------- from the front


@builtin("List.FirstN(list as list, countOrCondition as any) as any")
def first_n(items: Any, count_or_test: Any) -> Any:
    """Gives the first items: so many, or as long as a condition holds."""
    number, test = count_or_condition(count_or_test)
    if number is not None:
        column = part(items, lambda p, plan: p.Take(plan.schema, plan, number))
        return cut(items, 0, number) if column is NOTHING else column

    def leading() -> Iterator[Any]:
        assert test is not None
        for value in forced(items):
            if not test(value):
                return
            yield value

    return Streamed(leading)


def _skip(items: Any, count_or_test: Any) -> Any:
    number, test = count_or_condition(count_or_test, 1)
    if number is not None:
        column = part(items, lambda p, plan: p.Drop(plan.schema, plan, number))
        return cut(items, number) if column is NOTHING else column

    def rest() -> Iterator[Any]:
        assert test is not None
        source = iter(items)
        for item in source:
            if not test(force(item)):
                yield item
                break
        yield from source

    return Streamed(rest)


@builtin("List.Skip(list as list, optional countOrCondition as any) as list")
def skip(items: Any, count_or_test: Any = None) -> Any:
    """Leaves out the first items: one, so many, or as long as a condition holds."""
    return _skip(items, count_or_test)


@builtin("List.RemoveFirstN(list as list, optional countOrCondition as any) as list")
def remove_first_n(items: Any, count_or_test: Any = None) -> Any:
    """Leaves out the first items: one, so many, or as long as a condition holds."""
    return _skip(items, count_or_test)


# ---------------------------------------------------------------- from the end


def _trailing(items: Any, test: Any) -> tuple[list[Any], int]:
    """The raw items, and where the trailing run that meets a condition begins (LST-03)."""
    plain = list(items)
    start = len(plain)
    while start and test(force(plain[start - 1])):
        start -= 1
    return plain, start


@builtin("List.LastN(list as list, optional countOrCondition as any) as any")
def last_n(items: Any, count_or_test: Any = None) -> Any:
    """Gives the last items in their order: so many, or the trailing run that meets a condition."""
    number, test = count_or_condition(count_or_test)
    if number is None:

        def run() -> list[Any]:
            plain, start = _trailing(items, test)
            return plain[start:]

        return Deferred(run)
    column = part(items, lambda p, plan: p.TakeLast(plan.schema, plan, number), True)
    if column is not NOTHING:
        return column
    if indexed(items):
        return cut(items, max(0, count(items) - number))

    def tail() -> list[Any]:
        plain = list(items)
        return plain[max(0, len(plain) - number) :]

    return Deferred(tail, lambda: min(number, count(items)))


@builtin("List.RemoveLastN(list as list, optional countOrCondition as any) as list")
def remove_last_n(items: Any, count_or_test: Any = None) -> Any:
    """Leaves out the last items: one, so many, or the trailing run that meets a condition."""
    number, test = count_or_condition(count_or_test, 1)
    if number is None:

        def before() -> list[Any]:
            plain, start = _trailing(items, test)
            return plain[:start]

        return Deferred(before)
    column = part(items, lambda p, plan: p.DropLast(plan.schema, plan, number))
    if column is not NOTHING:
        return column
    if indexed(items):
        return cut(items, 0, max(0, count(items) - number))
    return Streamed(lambda: _all_but_last(items, number), lambda: max(0, count(items) - number))


def _all_but_last(items: Any, number: int) -> Iterator[Any]:
    from collections import deque

    waiting: deque[Any] = deque()
    for item in items:
        waiting.append(item)
        if len(waiting) > number:
            yield waiting.popleft()


# ---------------------------------------------------------------- ranges


@builtin("List.Range(list as list, offset as number, optional count as nullable number) as list")
def list_range(items: Any, offset: Any, number: Any = None) -> Any:
    """Gives the items from an offset on, all or so many; clips at the end."""
    start = as_count(offset, "offset")
    return cut(items, start, None if number is None else start + as_count(number, "count"))


@builtin("List.InsertRange(list as list, index as number, values as list) as list")
def insert_range(items: Any, index: Any, values: Any) -> Any:
    """Puts the items of a list into another one at a position; the position after the last appends."""
    return _replaced(items, as_count(index, "index"), 0, values, index, 0.0)


@builtin("List.RemoveRange(list as list, index as number, optional count as nullable number) as list")
def remove_range(items: Any, index: Any, number: Any = None) -> Any:
    """Leaves out so many items (one) from a position on."""
    size = 1 if number is None else as_count(number, "count")
    return _replaced(items, as_count(index, "index"), size, [], index, number)


@builtin("List.ReplaceRange(list as list, index as number, count as number, replaceWith as list) as list")
def replace_range(items: Any, index: Any, number: Any, replacement: Any) -> Any:
    """Replaces so many items from a position on by the items of another list."""
    size = as_count(number, "count")
    return _replaced(items, as_count(index, "index"), size, replacement, index, number)


def _replaced(items: Any, start: int, size: int, middle: Any, index: Any, number: Any) -> LazyList:
    """The list with ``size`` items from ``start`` on replaced; a position beyond the end raises."""

    def make() -> Iterator[Any]:
        source = iter(items)
        passed = 0
        for item in islice(source, start):
            passed += 1
            yield item
        if passed < start:
            raise errors.argument_out_of_range("index", index)
        if sum(1 for _ in islice(source, size)) < size:
            raise errors.argument_out_of_range("count", 1.0 if number is None else number)
        yield from middle
        yield from source

    return Streamed(make)


@builtin(
    "List.Alternate(list as list, count as number, optional repeatInterval as nullable number, "
    "optional offset as nullable number) as list"
)
def alternate(items: Any, number: Any, repeat_interval: Any = None, offset: Any = None) -> Any:
    """Keeps an offset, then by turns skips and keeps so many items; without an interval skips once."""
    skipped = as_count(number, "count")
    kept = None if repeat_interval is None else as_count(repeat_interval, "repeatInterval")
    head = 0 if offset is None else as_count(offset, "offset")

    def make() -> Iterator[Any]:
        for position, item in enumerate(items):
            place = position - head
            if place < 0 or (place >= skipped if kept is None else place % (skipped + kept or 1) >= skipped):
                yield item

    return Streamed(make)


@builtin("List.Split(list as list, pageSize as number) as list")
def split(items: Any, page_size: Any) -> Any:
    """Cuts a list into lists of a size; the last one may be shorter."""
    size = as_count(page_size, "pageSize")
    if size == 0:
        raise errors.argument_out_of_range("pageSize", page_size)

    def pages() -> Iterator[list[Any]]:
        source = iter(items)
        while page := list(islice(source, size)):
            yield page

    return Streamed(pages, lambda: -(-count(items) // size))


# ---------------------------------------------------------------- by condition, by order


@builtin("List.Select(list as list, selection as function) as list")
def select(items: Any, selection: Function) -> Any:
    """Gives the items for which a condition holds."""
    if is_column(items):
        from mlang.tables.asking import chosen_column

        column = chosen_column(items, selection)
        if column is not NOTHING:
            return column
    test = predicate(selection)

    def matching() -> Iterator[Any]:
        for value in forced(items):
            if test(value):
                yield value

    return Streamed(matching)


@builtin("List.RemoveNulls(list as list) as list")
def remove_nulls(items: Any) -> Any:
    """Leaves out the items that are null."""
    if is_column(items):
        from mlang.tables.asking import present_column

        column = present_column(items)
        if column is not NOTHING:
            return column

    def make() -> Iterator[Any]:
        from mlang.values.metadata import strip

        for value in forced(items):
            if strip(value) is not None:
                yield value

    return Streamed(make)


@builtin("List.FindText(list as list, text as text) as list")
def find_text(items: Any, text: str) -> Any:
    """Gives the texts that contain a text, and the records with such a text in a field."""

    def make() -> Iterator[Any]:
        for value in forced(items):
            if _contains_text(value, text):
                yield value

    return Streamed(make)


def _contains_text(value: Any, text: str) -> bool:
    from mlang.values.metadata import strip

    value = strip(value)
    if value.__class__ is str:
        return text in value
    if value.__class__ is dict:
        return any(_contains_text(force(field), text) for field in value.values())
    return False


@builtin("List.Reverse(list as list) as list")
def reverse(items: Any) -> Any:
    """Turns a list round."""
    column = part(items, lambda p, plan: p.Reverse(plan.schema, plan), True)
    if column is not NOTHING:
        return column

    def backwards() -> Iterator[Any]:
        for index in range(count(items) - 1, -1, -1):
            yield raw_item(items, index)

    if items.__class__ is list:
        return items[::-1]
    if indexed(items):
        return Streamed(backwards, lambda: count(items))
    return Deferred(lambda: list(items)[::-1], lambda: count(items))


@builtin("List.Positions(list as list) as list")
def positions(items: Any) -> Any:
    """Gives the positions 0, 1, 2 … of the items of a list."""

    def make() -> Iterator[float]:
        for index, _ in enumerate(items):
            yield float(index)

    return Streamed(make, lambda: count(items))


@builtin("List.Buffer(list as list) as list")
def buffer(items: Any) -> list[Any]:
    """Evaluates all items once and keeps them; items that fail stay in the list as errors."""
    from mlang.values.thunk import Thunk, error_of

    kept = []
    for item in items:
        if item.__class__ is Thunk and error_of(item) is None:
            kept.append(item.get())
        else:
            kept.append(item)
    return kept
