"""List.*, transformation: mapping, flattening, combining, replacing, folding (LST-11 to LST-22)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlang import errors
from mlang.library.arguments import as_count
from mlang.library.comparer import criteria
from mlang.library.list.shared import NOTHING, as_list, is_column
from mlang.registry import builtin
from mlang.values.functions import Function, bind
from mlang.values.lists import LazyList, Mapped, Streamed, count, forced
from mlang.values.thunk import Thunk, force


@builtin("List.Transform(list as list, transform as function) as list")
def transform(items: Any, function: Function) -> Any:
    """Applies a function to each item, when the item is read."""
    if is_column(items):
        from mlang.tables.asking import transformed_column

        column = transformed_column(items, function)
        if column is not NOTHING:
            return column
    return Mapped(items, bind(function, 1))


class Flattened(LazyList):
    """``result(x, y)`` for each ``y`` of the list ``collection(x)``, for each ``x``."""

    __slots__ = ("collection", "result", "source")

    def __init__(self, source: Any, collection: Any, result: Any) -> None:
        self.source, self.collection, self.result = source, collection, result

    def __iter__(self) -> Iterator[Any]:
        result = self.result
        for outer in forced(self.source):
            for inner in as_list(self.collection(outer)):
                yield Thunk(_result(result, outer, inner))

    def values(self) -> Iterator[Any]:
        result = self.result
        for outer in forced(self.source):
            for inner in forced(as_list(self.collection(outer))):
                yield result(outer, inner)


def _result(function: Any, outer: Any, inner: Any) -> Callable[[], Any]:
    return lambda: function(outer, force(inner))


@builtin(
    "List.TransformMany(list as list, collectionTransform as function, resultTransform as function) as list"
)
def transform_many(items: Any, collection: Function, result: Function) -> Any:
    """Makes a list of each item and joins a function's results for the item and each member of it."""
    return Flattened(items, bind(collection, 1), bind(result, 2))


@builtin("List.Combine(lists as list) as list")
def combine(lists: Any) -> Any:
    """Joins a list of lists into one list."""

    def make() -> Iterator[Any]:
        for part in lists:
            yield from as_list(part)

    return Streamed(make, lambda: sum(count(as_list(part)) for part in lists))


@builtin("List.Zip(lists as list) as list")
def zip_lists(lists: Any) -> Any:
    """Makes lists of the first items, the second items and so on; short lists are filled up with null."""

    def make() -> Iterator[list[Any]]:
        sources = [iter(as_list(part)) for part in lists]
        end = object()
        while sources:
            row = [next(source, end) for source in sources]
            if all(item is end for item in row):
                return
            yield [None if item is end else item for item in row]

    return Streamed(make)


@builtin("List.Repeat(list as list, count as number) as list")
def repeat(items: Any, number: Any) -> Any:
    """Gives the items of a list so many times over."""
    times = as_count(number, "count")

    def make() -> Iterator[Any]:
        for _ in range(times):
            yield from items

    return Streamed(make, lambda: times * count(items))


@builtin("List.Accumulate(list as list, seed as any, accumulator as function) as any", keeps="seed")
def accumulate(items: Any, seed: Any, accumulator: Function) -> Any:
    """Goes through a list with a state: each step makes the next state of the state and the item."""
    step = bind(accumulator, 2)
    state = seed
    for value in forced(items):
        state = step(state, value)
    return state


@builtin(
    "List.ReplaceValue(list as list, oldValue as any, newValue as any, replacer as function) as list",
    keeps="newValue",
)
def replace_value(items: Any, old: Any, new: Any, replacer: Function) -> Any:
    """Lets a replacer (Replacer.ReplaceValue, Replacer.ReplaceText) replace a value in every item."""
    replace = bind(replacer, 3)
    return Mapped(items, lambda value: replace(value, old, new))


@builtin(
    "List.ReplaceMatchingItems(list as list, replacements as list, optional equationCriteria as any) as list"
)
def replace_matching_items(items: Any, replacements: Any, equation_criteria: Any = None) -> Any:
    """Replaces items: each pair of an old and a new value applies to the items as they were."""
    rule = criteria(equation_criteria, "List.ReplaceMatchingItems")
    table: dict[Any, Any] = {}
    for entry in replacements:
        pair = list(as_list(entry))
        if len(pair) < 2:
            raise errors.not_enough_elements(pair)
        if len(pair) > 2:
            raise errors.too_many_elements(pair)
        table.setdefault(rule.key(force(pair[0])), pair[1])

    def replaced(value: Any) -> Any:
        new = table.get(rule.key(value), table)
        return value if new is table else force(new)

    return Mapped(items, replaced)


@builtin(
    "List.ConformToPageReader(list as list, optional options as nullable record) as table",
    missing="the whole function: it serves the engine's own page readers",
)
def conform_to_page_reader(items: Any, options: Any = None) -> Any:
    """Serves the engine's own page readers; not part of this implementation."""
    raise errors.not_supported("List.ConformToPageReader", "the internal page reader")
