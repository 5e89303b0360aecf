"""What has a length: BinaryFormat.Binary, Text, Length and List.

A length is a number of bytes, or a format that reads it in front of the value (BIN-12).
A list that is the whole answer streams: an item is read when somebody asks for it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from mlang.library.arguments import as_count, of_kind
from mlang.library.binaryformat.formats import (
    Format,
    Reader,
    Reading,
    as_format,
    ended,
    format_of,
    function_of,
    length_reader,
    problem,
)
from mlang.library.binaryformat.scalars import NARROW
from mlang.registry import builtin
from mlang.values.encodings import codec_of, decode
from mlang.values.functions import Function, bind
from mlang.values.kinds import kind_of
from mlang.values.lists import Computed

#: What byte order marks begin with.
_MARKED = frozenset((b"\xef", b"\xff", b"\xfe", b"\0"))


def _fixed_size(length: Any) -> int | None:
    return as_count(of_kind(length, "number"), "length") if kind_of(length) == "number" else None


def _pieces(length: Any, convert: Callable[[bytes], Any]) -> Format:
    """A format that reads as many bytes as ``length`` says and converts them."""
    if kind_of(length) == "number":
        return _fixed_pieces(as_count(length, "length"), convert)
    as_format(length)

    def make(order: str) -> Reader:
        measure = length_reader(length, "length", order)

        def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
            size, start = measure(data, at, end)
            stop = start + size
            if stop > end:
                raise ended(end)
            return convert(data[start:stop]), stop

        return read

    return Format(make)


def _fixed_pieces(size: int, convert: Callable[[bytes], Any]) -> Format:
    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        stop = at + size
        if stop > end:
            raise ended(end)
        return convert(data[at:stop]), stop

    return Format(lambda order: read, size=size)


@builtin("BinaryFormat.Binary(optional length as any) as function")
def binary(length: Any = None) -> Function:
    """Gives a binary format that reads so many bytes, or all the rest.

    The length may also be a binary format that reads it in front of the bytes.
    """
    if length is None:
        return function_of(Format(lambda order: lambda data, at, end: (data[at:end], end)))
    return function_of(_pieces(length, lambda data: data))


@builtin("BinaryFormat.Text(length as any, optional encoding as nullable number) as function")
def text(length: Any, encoding: Any = None) -> Function:
    """Gives a binary format that reads a text of so many bytes.

    Without an encoding it is UTF-8 or what its byte order mark says.  The length may also be
    a binary format that reads it in front of the text.
    """
    codec = codec_of(encoding)

    def convert(data: bytes) -> str:
        if data[:1] in _MARKED:
            return decode(data, encoding)
        return data.decode(codec, "replace")

    return function_of(_pieces(length, convert))


@builtin("BinaryFormat.Length(binaryFormat as function, length as any) as function")
def length(binary_format: Any, length: Any) -> Function:
    """Gives a binary format that reads within so many bytes and ends behind them.

    The length may also be a binary format that reads it in front of them.
    """
    inner = as_format(binary_format)
    if kind_of(length) != "number":
        as_format(length)

    def build(order: str, read: Reader) -> Reader:
        measure = length_reader(length, "length", order)

        def limited(data: bytes, at: int, end: int) -> tuple[Any, int]:
            size, start = measure(data, at, end)
            stop = min(start + size, end)
            return read(data, start, stop)[0], stop

        return limited

    return function_of(
        Format(
            lambda order: build(order, inner.reader(order)),
            size=_fixed_size(length),
            stream=lambda order: build(order, inner.streaming(order)),
        )
    )


# ---------------------------------------------------------------- lists


@builtin("BinaryFormat.List(binaryFormat as function, optional countOrCondition as any) as function")
def list_of(binary_format: Any, count_or_condition: Any = None) -> Function:
    """Gives a binary format that reads items of one format into a list.

    It reads to the end of the data; or as many as the number says, or the binary format in front
    of them; or, with a function of the item, until that says false: the last item is in the list.
    """
    item = as_format(binary_format)
    if count_or_condition is None:
        return function_of(_to_the_end(item))
    if kind_of(count_or_condition) == "function" and format_of(count_or_condition) is None:
        return function_of(_while(item, bind(count_or_condition, 1)))
    if kind_of(count_or_condition) != "function":
        as_count(of_kind(count_or_condition, "number"), "countOrCondition")
    return function_of(_counted(item, count_or_condition))


def _to_the_end(item: Format) -> Format:
    def items(order: str, data: bytes, at: int, end: int) -> Iterator[Any]:
        read = item.reader(order)
        while at < end:
            value, behind = read(data, at, end)
            if behind == at:
                raise problem(at, "A list of items without bytes has no end.")
            at = behind
            yield value

    def make(order: str) -> Reader:
        many = bulk(item, order)

        def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
            if many is not None and (end - at) % many.size == 0:
                return many(data, at, (end - at) // many.size), end
            return list(items(order, data, at, end)), end

        return read

    def stream(order: str) -> Reader:
        def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
            return Reading(lambda: items(order, data, at, end)), end

        return _indexed(item, order, read)

    return Format(make, stream=stream)


def _indexed(item: Format, order: str, otherwise: Reader) -> Reader:
    """A list to the end whose items all have one size: any of them is found at once."""
    size = item.size
    if not size:
        return otherwise
    one = item.reader(order)

    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        if (end - at) % size:
            return otherwise(data, at, end)
        return Computed((end - at) // size, lambda index: one(data, at + index * size, end)[0]), end

    return read


def _counted(item: Format, count: Any) -> Format:
    def items(read: Reader, left: int, data: bytes, at: int, end: int) -> Iterator[Any]:
        while left:
            value, at = read(data, at, end)
            left -= 1
            yield value

    def make(order: str) -> Reader:
        measure = length_reader(count, "countOrCondition", order)
        one = item.reader(order)
        many = bulk(item, order)

        def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
            number, at = measure(data, at, end)
            if many is not None and at + number * many.size <= end:
                return many(data, at, number), at + number * many.size
            values = []
            for _ in range(number):
                value, at = one(data, at, end)
                values.append(value)
            return values, at

        return read

    def stream(order: str) -> Reader:
        measure = length_reader(count, "countOrCondition", order)
        one = item.reader(order)
        many = bulk(item, order)

        def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
            number, at = measure(data, at, end)
            if many is not None and at + number * many.size <= end:
                return many(data, at, number), end
            return Reading(lambda: items(one, number, data, at, end)), end

        return read

    number = as_count(count, "countOrCondition") if kind_of(count) == "number" else None
    size = number * item.size if number is not None and item.size is not None else None
    return Format(make, size=size, stream=stream)


def _while(item: Format, goes_on: Callable[[Any], Any]) -> Format:
    """The item that the condition refuses is the last one and in the list (BIN-11)."""

    def steps(order: str, data: bytes, at: int, end: int) -> Iterator[tuple[Any, int]]:
        read = item.reader(order)
        while True:
            value, behind = read(data, at, end)
            yield value, behind
            if not of_kind(goes_on(value), "logical"):
                return
            if behind == at:  # the same item would come again and again
                raise problem(at, "A list of items without bytes has no end.")
            at = behind

    def make(order: str) -> Reader:
        def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
            values = []
            behind = at
            for value, behind in steps(order, data, at, end):  # noqa: B007
                values.append(value)
            return values, behind

        return read

    def stream(order: str) -> Reader:
        def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
            return Reading(lambda: (value for value, _ in steps(order, data, at, end))), end

        return read

    return Format(make, stream=stream)


class Bulk:
    """Reads many plain numbers at once."""

    __slots__ = ("code", "order", "size")

    def __init__(self, order: str, code: str, size: int) -> None:
        self.order, self.code, self.size = order, code, size

    def __call__(self, data: bytes, at: int, number: int) -> list[float]:
        """So many numbers from a position; the caller has seen that they are there."""
        numbers = struct.unpack_from(f"{self.order}{number}{self.code}", data, at)
        return list(numbers) if self.code in "fd" else [float(n) for n in numbers]


def bulk(item: Format, order: str) -> Bulk | None:
    """How to read many items at once; None where they are no plain numbers."""
    if item.code is None or item.code not in NARROW or not item.size:
        return None
    return Bulk(order, item.code, item.size)
