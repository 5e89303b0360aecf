"""Lists: a plain Python list, or a lazy shape.

A list's items are values or thunks.  A lazy list *streams*: each enumeration may
compute its items again (EVL-09); ``List.Buffer`` makes a plain list of it.  Library
code uses the functions at the end and never asks which shape it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from mlang import errors
from mlang.values.thunk import Thunk, force

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any


class LazyList:
    """A list that is computed while it is read."""

    __slots__ = ()
    m_kind = "list"

    def __iter__(self) -> Iterator[Any]:
        """The raw items (values or thunks), from the first on, anew at each call."""
        raise NotImplementedError

    def count(self) -> int:
        """How many items; does not force them."""
        return _counted(iter(self))

    def item(self, index: int) -> Any:
        """The raw item at a zero-based index; IndexError past the end."""
        for item in islice(iter(self), index, None):
            return item
        raise IndexError(index)

    def values(self) -> Iterator[Any]:
        """The forced items in order, without a thunk for each where the shape can do so."""
        for item in self:
            yield item.get() if item.__class__ is Thunk else item

    @property
    def indexed(self) -> bool:
        """Whether `count` and `item` answer at once, without walking the list."""
        return False


def _counted(items: Iterator[Any]) -> int:
    size = 0
    for _ in items:
        size += 1
    return size


class Streamed(LazyList):
    """Items of an iterator that a function makes anew for each enumeration.

    ``size`` counts them without making them, where that is possible.
    """

    __slots__ = ("make", "size")

    def __init__(self, make: Callable[[], Iterator[Any]], size: Callable[[], int] | None = None) -> None:
        self.make, self.size = make, size

    def __iter__(self) -> Iterator[Any]:
        return self.make()

    def count(self) -> int:
        return self.size() if self.size is not None else _counted(self.make())


class Deferred(LazyList):
    """A list that is made as a whole at its first enumeration, once (sorted, reversed lists)."""

    __slots__ = ("_items", "make", "size")

    def __init__(self, make: Callable[[], list[Any]], size: Callable[[], int] | None = None) -> None:
        self.make, self.size = make, size
        self._items: list[Any] | None = None

    def items(self) -> list[Any]:
        """The made list."""
        if self._items is None:
            self._items = self.make()
        return self._items

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items())

    def count(self) -> int:
        return self.size() if self._items is None and self.size is not None else len(self.items())

    def item(self, index: int) -> Any:
        return self.items()[index]

    @property
    def indexed(self) -> bool:
        return self._items is not None


class Computed(LazyList):
    """``size`` items, each ``at(index)``: progressions of numbers, dates, durations."""

    __slots__ = ("at", "size")

    def __init__(self, size: int, at: Callable[[int], Any]) -> None:
        self.size, self.at = size, at

    def __iter__(self) -> Iterator[Any]:
        at = self.at
        for index in range(self.size):
            yield at(index)

    def count(self) -> int:
        return self.size

    def item(self, index: int) -> Any:
        if index >= self.size:
            raise IndexError(index)
        return self.at(index)

    @property
    def indexed(self) -> bool:
        return True


_LONG = 1 << 20


class NumberRange(LazyList):
    """``{first..last}`` over whole numbers, both ends included."""

    __slots__ = ("first", "last")

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last

    def __iter__(self) -> Iterator[float]:
        if self.last - self.first > _LONG:
            return self._in_parts()
        return map(float, range(self.first, self.last + 1))

    def _in_parts(self) -> Iterator[float]:
        """A long range: between its parts Ctrl-C is heard even while C code makes a list of it."""
        for start in range(self.first, self.last + 1, _LONG):
            yield from map(float, range(start, min(start + _LONG, self.last + 1)))

    def values(self) -> Iterator[float]:
        return iter(self)

    def count(self) -> int:
        return max(0, self.last - self.first + 1)

    def item(self, index: int) -> float:
        if index >= self.count():
            raise IndexError(index)
        return float(self.first + index)

    @property
    def indexed(self) -> bool:
        return True


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

    def values(self) -> Iterator[Any]:
        function = self.function
        for value in forced(self.source):
            yield function(value)

    @property
    def indexed(self) -> bool:
        return indexed(self.source)


class Sliced(LazyList):
    """The items of ``source`` from ``start`` up to ``stop`` (None: to the end); clips at the end (LST-05)."""

    __slots__ = ("source", "start", "stop")
    source: Any
    start: int
    stop: int | None

    def __init__(self, source: Any, start: int, stop: int | None = None) -> None:
        if source.__class__ is Sliced:
            # Slices of slices collapse, so that a recursion over List.Skip stays flat.
            outer = source
            if stop is None:
                stop = outer.stop
            else:
                stop += outer.start
                stop = stop if outer.stop is None else min(stop, outer.stop)
            start += outer.start
            source = outer.source
        self.source, self.start, self.stop = source, start, stop

    def __iter__(self) -> Iterator[Any]:
        if self.stop is not None and self.stop <= self.start:
            return iter(())
        if not indexed(self.source):
            return islice(iter(self.source), self.start, self.stop)
        return self._by_index()

    def _by_index(self) -> Iterator[Any]:
        source = self.source
        if source.__class__ is list:
            for index in range(self.start, self._end()):
                yield source[index]
        else:
            for index in range(self.start, self._end()):
                yield source.item(index)

    def _end(self) -> int:
        size = count(self.source)
        return size if self.stop is None else min(self.stop, size)

    def count(self) -> int:
        if indexed(self.source):
            return max(0, self._end() - self.start)
        return sum(1 for _ in self)

    def item(self, index: int) -> Any:
        index += self.start
        if self.stop is not None and index >= self.stop:
            raise IndexError(index)
        return raw_item(self.source, index)

    @property
    def indexed(self) -> bool:
        return indexed(self.source)


def _apply(function: Callable[[Any], Any], item: Any) -> Callable[[], Any]:
    return lambda: function(item.get() if item.__class__ is Thunk else item)


class Concatenated(LazyList):
    """Several lists, one after the other.

    ``s & {x}`` in a loop nests these thousands deep, on the left; so every walk uses a
    stack of its own, and the number of items is remembered where it is cheap to know.
    """

    __slots__ = ("_count", "parts")

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts
        self._count: int | None = None

    def _leaves(self) -> Iterator[Any]:
        """The parts that are no concatenations, in order."""
        stack: list[Any] = [self]
        while stack:
            part = stack.pop()
            if part.__class__ is Concatenated:
                stack.extend(reversed(part.parts))
            else:
                yield part

    def __iter__(self) -> Iterator[Any]:
        for leaf in self._leaves():
            yield from leaf

    def known(self) -> int | None:
        """The number of items when every part tells it at once; remembered for all lists below too."""
        if self._count is None:
            stack: list[tuple[Any, bool]] = [(self, False)]
            while stack:
                node, ready = stack.pop()
                if node._count is not None:
                    continue
                if ready:
                    node._count = _total(node.parts)
                    continue
                stack.append((node, True))
                stack.extend((p, False) for p in node.parts if p.__class__ is Concatenated)
        return None if self._count == _UNKNOWN else self._count

    def count(self) -> int:
        known = self.known()
        return known if known is not None else sum(count(leaf) for leaf in self._leaves())

    def item(self, index: int) -> Any:
        stack: list[Any] = [self]
        while stack:
            part = stack.pop()
            if part.__class__ is Concatenated:
                size = part.known()
                if size is not None and index >= size:
                    index -= size
                else:
                    stack.extend(reversed(part.parts))
            elif indexed(part):
                size = count(part)
                if index < size:
                    return raw_item(part, index)
                index -= size
            else:
                for item in part:
                    if index == 0:
                        return item
                    index -= 1
        raise IndexError(index)

    def last(self) -> Any:
        """The raw last item; looks from the end, so that earlier parts stay unread."""
        stack: list[Any] = [self]
        while stack:
            part = stack.pop()
            if part.__class__ is Concatenated:
                stack.extend(part.parts)
                continue
            try:
                return last_item(part)
            except IndexError:
                continue
        raise IndexError(0)


_UNKNOWN = -1


def _total(parts: list[Any]) -> int:
    """The items of parts that were counted before or count at once; `_UNKNOWN` when one does not."""
    total = 0
    for part in parts:
        if part.__class__ is Concatenated:
            if part._count == _UNKNOWN:
                return _UNKNOWN
            total += part._count or 0
        elif indexed(part):
            total += count(part)
        else:
            return _UNKNOWN
    return total


def count(items: Any) -> int:
    """The number of items of any list shape, none of them forced."""
    return len(items) if items.__class__ is list else items.count()


def raw_item(items: Any, index: int) -> Any:
    """The item at a zero-based index, not forced; IndexError past the end."""
    return items[index] if items.__class__ is list else items.item(index)


def forced(items: Any) -> Iterator[Any]:
    """The items of any list shape, each forced as it is reached."""
    if items.__class__ is not list:
        return items.values()  # type: ignore[no-any-return]
    return _forced(items)


def _forced(items: list[Any]) -> Iterator[Any]:
    for item in items:
        yield item.get() if item.__class__ is Thunk else item


def indexed(items: Any) -> bool:
    """Whether counting and reaching an item by its index cost nothing."""
    return items.__class__ is list or bool(items.indexed)


def last_item(items: Any) -> Any:
    """The raw last item; IndexError when there is none."""
    if indexed(items):
        size = count(items)
        if size == 0:
            raise IndexError(0)
        return raw_item(items, size - 1)
    if items.__class__ is Concatenated:
        return items.last()
    last: Any = _NOTHING
    for item in items:
        last = item
    if last is _NOTHING:
        raise IndexError(0)
    return last


_NOTHING = object()


def to_list(items: Any) -> list[Any]:
    """A plain list of the raw items."""
    return items if items.__class__ is list else list(items)


def item_at(items: Any, index: int) -> Any:
    """The forced item at an index; the engine's error past the end (ERR-17)."""
    try:
        return force(raw_item(items, index))
    except IndexError:
        raise errors.not_enough_elements(items) from None
