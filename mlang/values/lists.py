"""Lists: a plain Python list, or a lazy shape.

A list's items are values or thunks.  A lazy list *streams*: each enumeration may
compute its items again (EVL-09); ``List.Buffer`` makes a plain list of it.  Library
code uses the functions at the end and never asks which shape it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from mlang import errors
from mlang.values.thunk import Thunk, force


class LazyList:
    """A list that is computed while it is read."""

    __slots__ = ()
    m_kind = "list"

    def __iter__(self) -> Iterator[Any]:
        """The raw items (values or thunks), from the first on, anew at each call."""
        raise NotImplementedError

    def count(self) -> int:
        """How many items; does not force them."""
        return sum(1 for _ in self)

    def item(self, index: int) -> Any:
        """The raw item at a zero-based index; IndexError past the end."""
        for item in islice(iter(self), index, None):
            return item
        raise IndexError(index)


class Streamed(LazyList):
    """Items of an iterator that a function makes anew for each enumeration."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self.make = make

    def __iter__(self) -> Iterator[Any]:
        return self.make()


class NumberRange(LazyList):
    """``{first..last}`` over whole numbers, both ends included."""

    __slots__ = ("first", "last")

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last

    def __iter__(self) -> Iterator[float]:
        return map(float, range(self.first, self.last + 1))

    def count(self) -> int:
        return max(0, self.last - self.first + 1)

    def item(self, index: int) -> float:
        if index >= self.count():
            raise IndexError(index)
        return float(self.first + index)


class Mapped(LazyList):
    """``function`` of each item of ``source``; an item is computed when it is read (EVL-13)."""

    __slots__ = ("function", "source")

    def __init__(self, source: Any, function: Callable[[Any], Any]) -> None:
        self.source, self.function = source, function

    def __iter__(self) -> Iterator[Any]:
        function = self.function
        for item in self.source:
            yield Thunk(_apply(function, item))

    def count(self) -> int:
        return count(self.source)

    def item(self, index: int) -> Any:
        return Thunk(_apply(self.function, raw_item(self.source, index)))


def _apply(function: Callable[[Any], Any], item: Any) -> Callable[[], Any]:
    return lambda: function(item.get() if item.__class__ is Thunk else item)


class Concatenated(LazyList):
    """Several lists, one after the other."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[Any]:
        for part in self.parts:
            yield from part

    def count(self) -> int:
        return sum(count(part) for part in self.parts)


def count(items: Any) -> int:
    """The number of items of any list shape, none of them forced."""
    return len(items) if items.__class__ is list else items.count()


def raw_item(items: Any, index: int) -> Any:
    """The item at a zero-based index, not forced; IndexError past the end."""
    return items[index] if items.__class__ is list else items.item(index)


def forced(items: Any) -> Iterator[Any]:
    """The items of any list shape, each forced as it is reached."""
    for item in items:
        yield item.get() if item.__class__ is Thunk else item


def to_list(items: Any) -> list[Any]:
    """A plain list of the raw items."""
    return items if items.__class__ is list else list(items)


def item_at(items: Any, index: int) -> Any:
    """The forced item at an index; the engine's error past the end (ERR-17)."""
    try:
        return force(raw_item(items, index))
    except IndexError:
        raise errors.not_enough_elements(items) from None
