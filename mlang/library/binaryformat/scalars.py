"""Numbers: integers, floating point, decimals, integers of varying length; and what reads nothing.

The byte order is big-endian unless BinaryFormat.ByteOrder says otherwise (BIN-08).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mlang.library.binaryformat.formats import Format, Reader, ended, problem
from mlang.registry import builtin
from mlang.values.binary import content

#: Letters of `struct` whose numbers a double holds.
NARROW = frozenset("BhHiIfd")


def exact(number: int) -> float | int:
    """A whole number as a double when that loses nothing."""
    double = float(number)
    return double if double == number else number


def number_reader(order: str, code: str) -> Reader:
    """The reader of one plain number."""
    plain = struct.Struct(order + code)
    unpack, size = plain.unpack_from, plain.size
    convert: Callable[[Any], Any] = float if code in NARROW else exact

    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        behind = at + size
        if behind > end:
            raise ended(end)
        return convert(unpack(data, at)[0]), behind

    return read


def _byte(order: str) -> Reader:
    def read(data: bytes, at: int, end: int) -> tuple[float, int]:
        if at >= end:
            raise ended(end)
        return float(data[at]), at + 1

    return read


def _decimal(order: str) -> Reader:
    words = struct.Struct(order + "4I")

    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        if at + 16 > end:
            raise ended(end)
        low, middle, high, flags = words.unpack_from(data, at)
        scale = flags >> 16 & 0xFF
        if scale > 28 or flags & 0x7F00FFFF:
            raise problem(at, "The bytes aren't a decimal value.")
        value = Decimal(high << 64 | middle << 32 | low).scaleb(-scale)
        return _number(-value if flags >> 31 else value), at + 16

    return read


def _number(value: Decimal) -> Any:
    """A decimal as a double when its digits survive."""
    double = float(value)
    return double if Decimal(repr(double)) == value else value


def _varying(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Seven bits a byte, the lowest first, until a byte below 128 (BIN-09)."""
    value = shift = 0
    here = at
    while True:
        if here >= end:
            raise ended(end)
        byte = data[here]
        here += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            raise problem(at, "The number has more than 64 bits.")
    if value >> 64:
        raise problem(at, "The number has more than 64 bits.")
    return value, here


def _varying_unsigned(order: str) -> Reader:
    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        if at < end and data[at] < 0x80:
            return float(data[at]), at + 1
        value, behind = _varying(data, at, end)
        return exact(value), behind

    return read


def _varying_signed(order: str) -> Reader:
    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        value, behind = _varying(data, at, end)
        return exact(value >> 1 ^ -(value & 1)), behind  # zig-zag

    return read


def _nothing(order: str) -> Reader:
    return lambda data, at, end: (None, at)


def _declare(name: str, format: Format, doc: str) -> None:
    """A format that is itself the builtin, not the result of one."""

    def call(binary: Any) -> Any:
        return format.read(content(binary))

    call.__doc__ = doc
    call.format = format  # type: ignore[attr-defined]
    builtin(f"BinaryFormat.{name}(binary as binary) as any")(call)


def _declare_all() -> None:
    plain = {
        "SignedInteger16": ("h", "a signed integer of 16 bits"),
        "SignedInteger32": ("i", "a signed integer of 32 bits"),
        "SignedInteger64": ("q", "a signed integer of 64 bits"),
        "UnsignedInteger16": ("H", "an unsigned integer of 16 bits"),
        "UnsignedInteger32": ("I", "an unsigned integer of 32 bits"),
        "UnsignedInteger64": ("Q", "an unsigned integer of 64 bits"),
        "Single": ("f", "a floating point number of 4 bytes"),
        "Double": ("d", "a floating point number of 8 bytes"),
    }
    for name, (code, what) in plain.items():
        make = _plain(code)
        size = struct.calcsize("<" + code)
        _declare(name, Format(make, code=code, size=size), f"A binary format that reads {what}.")
    _declare("Byte", Format(_byte, code="B", size=1), "A binary format that reads a byte as a number.")
    _declare("Decimal", Format(_decimal, size=16), "A binary format that reads a .NET decimal of 16 bytes.")
    _declare("Null", Format(_nothing, size=0), "A binary format that reads nothing and gives null.")
    varying = "A binary format that reads {} integer stored in groups of 7 bits."
    _declare("7BitEncodedUnsignedInteger", Format(_varying_unsigned), varying.format("an unsigned"))
    _declare("7BitEncodedSignedInteger", Format(_varying_signed), varying.format("a signed"))


def _plain(code: str) -> Callable[[str], Reader]:
    return lambda order: number_reader(order, code)


_declare_all()
