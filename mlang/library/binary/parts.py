"""Length, ranges, pages, concatenation and buffering of binaries."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import as_count, of_kind
from mlang.registry import builtin
from mlang.values import binary
from mlang.values.lists import forced


@builtin("Binary.Length(binary as nullable binary) as nullable number", null="binary")
def length(value: Any) -> float:
    """Counts the bytes of a binary."""
    return float(binary.length(value))


@builtin("Binary.ApproximateLength(binary as nullable binary) as nullable number", null="binary")
def approximate_length(value: Any) -> float:
    """Gives the length of a binary as far as it is known without reading it all; here it is exact."""
    return float(binary.length(value))


@builtin("Binary.Buffer(binary as nullable binary) as nullable binary", null="binary")
def buffer(value: Any) -> bytes:
    """Reads a binary into memory: a later change of the file does not show."""
    return binary.content(value)


@builtin("Binary.Combine(binaries as list) as binary")
def combine(items: Any) -> bytes:
    """Joins binaries into one."""
    return b"".join([binary.content(of_kind(item, "binary")) for item in forced(items)])


@builtin("Binary.Range(binary as binary, offset as number, optional count as nullable number) as binary")
def range_of(value: Any, offset: Any, count: Any = None) -> bytes:
    """Gives the part of a binary from an offset on, to its end or ``count`` bytes at most."""
    start = as_count(offset, "offset")
    stop = None if count is None else start + as_count(count, "count")
    return binary.part(value, start, stop)


@builtin("Binary.Split(binary as binary, pageSize as number) as list")
def split(value: Any, page_size: Any) -> list[bytes]:
    """Cuts a binary into pages of equal size; the last one may be shorter."""
    size = as_count(page_size, "pageSize")
    if size == 0:
        raise errors.argument_out_of_range("pageSize", page_size)
    data = binary.content(value)
    return [data[start : start + size] for start in range(0, len(data), size)]
