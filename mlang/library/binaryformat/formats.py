"""What a binary format is: a reader of bytes at a position, made once for each byte order.

A reader takes the bytes, the position and the end of what it may read, and gives the
value and the position behind it.  Formats made of formats call the readers inside them,
so the bytes are never cut into pieces and positions in messages are those of the
whole binary.  As an M value a format is a function whose callable is a method of the
format; `format_of` recognises one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeAlias

from mlang import errors
from mlang.library.arguments import as_count, of_kind
from mlang.values.binary import content
from mlang.values.functions import Function, Param, Spec
from mlang.values.lists import LazyList
from mlang.values.metadata import strip

#: (bytes, position, end) -> (value, position behind it)
Reader: TypeAlias = Callable[[bytes, int, int], tuple[Any, int]]

BIG, LITTLE = ">", "<"


class Format:
    """``make`` builds the reader for a byte order.

    ``code`` is the letter of `struct` for formats that are one plain number, ``size``
    the number of bytes of formats that always read the same number.  ``stream`` builds
    a reader whose value may still be reading the bytes: of lists that are the whole
    answer, so nobody waits for the position behind them.
    """

    __slots__ = ("_big", "_big_stream", "_little", "_little_stream", "code", "make", "size", "stream")

    def __init__(
        self,
        make: Callable[[str], Reader],
        *,
        code: str | None = None,
        size: int | None = None,
        stream: Callable[[str], Reader] | None = None,
    ) -> None:
        self.make, self.code, self.size, self.stream = make, code, size, stream
        self._big = self._little = self._big_stream = self._little_stream = None

    _big: Reader | None
    _little: Reader | None
    _big_stream: Reader | None
    _little_stream: Reader | None

    def reader(self, order: str) -> Reader:
        """The reader for a byte order; made once."""
        if order == BIG:
            if self._big is None:
                self._big = self.make(BIG)
            return self._big
        if self._little is None:
            self._little = self.make(LITTLE)
        return self._little

    def streaming(self, order: str) -> Reader:
        """The reader of a whole answer."""
        if self.stream is None:
            return self.reader(order)
        if order == BIG:
            if self._big_stream is None:
                self._big_stream = self.stream(BIG)
            return self._big_stream
        if self._little_stream is None:
            self._little_stream = self.stream(LITTLE)
        return self._little_stream

    def read(self, data: bytes) -> Any:
        """The value at the beginning of some bytes; what follows it does not matter (BIN-16)."""
        return self.streaming(BIG)(data, 0, len(data))[0]

    def call(self, binary: Any) -> Any:
        """What applying the format as a function does."""
        return self.read(binary if binary.__class__ is bytes else content(of_kind(binary, "binary")))


#: What all functions that are formats have in common.
_SPEC = Spec((Param("binary", "binary", False),))


def function_of(format: Format) -> Function:
    """The M function of a format: its callable is the format's own method, by which `format_of` knows it."""
    return Function(format.call, 1, 1, _SPEC)


def format_of(value: Any) -> Format | None:
    """The format that a value is; None when it is no format."""
    value = strip(value)
    if value.__class__ is not Function:
        return None
    spec = value.spec
    if spec is _SPEC:
        return value.fn.__self__  # type: ignore[no-any-return,attr-defined]
    entry = spec.builtin if spec is not None else None
    return getattr(entry.implementation, "format", None) if entry is not None else None


def as_format(value: Any) -> Format:
    """The format that a value is, or an error."""
    if value.__class__ is Function and value.spec is _SPEC:
        return value.fn.__self__  # type: ignore[no-any-return,attr-defined]
    found = format_of(value)
    if found is None:
        raise errors.not_a_binary_format(of_kind(value, "function"))
    return found


def length_reader(length: Any, name: str, order: str) -> Reader:
    """A reader of a length: a format of its own in front of the value, or a number that reads nothing."""
    format = format_of(length)
    if format is None:
        number = as_count(of_kind(length, "number"), name)
        return lambda data, at, end: (number, at)
    read = format.reader(order)

    def preceding(data: bytes, at: int, end: int) -> tuple[int, int]:
        value, behind = read(data, at, end)
        return as_count(of_kind(value, "number"), name), behind

    return preceding


class Reading(LazyList):
    """The items that an iterator reads, anew each time; asked for by index they are kept."""

    __slots__ = ("_items", "_rest", "make")

    def __init__(self, make: Callable[[], Iterator[Any]]) -> None:
        self.make = make
        self._items: list[Any] | None = None
        self._rest: Iterator[Any] | None = None

    def __iter__(self) -> Iterator[Any]:
        return self.make()

    def count(self) -> int:
        return sum(1 for _ in self.make())

    def item(self, index: int) -> Any:
        if self._items is None:
            self._items, self._rest = [], self.make()
        items, rest = self._items, self._rest
        if index >= len(items) and rest is not None:
            try:
                items.extend(islice(rest, index + 1 - len(items)))
            except errors.MError:
                self._items = None  # an iterator that failed reads nothing more: begin anew next time
                raise
        return items[index]


def problem(position: int, what: str) -> errors.MError:
    """What went wrong at a position of the bytes (ERR-44)."""
    return errors.binary_format_problem(position, what)


def ended(position: int) -> errors.MError:
    """The bytes ended within a value: the position is where they ended, not where it began."""
    return errors.binary_format_problem(
        position, "The end of the input was reached before the value could be read."
    )
