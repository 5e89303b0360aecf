"""Formats made of formats: BinaryFormat.Record, Choice, Transform and ByteOrder.

A record joins neighbouring plain numbers into one reading step; the rest is read field by field.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.library.arguments import enum_member
from mlang.library.binaryformat.formats import BIG, LITTLE, Format, Reader, as_format, format_of, function_of
from mlang.library.binaryformat.scalars import NARROW
from mlang.registry import builtin
from mlang.values.functions import Function, bind
from mlang.values.thunk import force
from mlang.values.types import is_plain


@builtin("BinaryFormat.Record(record as record) as function")
def record(record: dict[str, Any]) -> Function:
    """Gives a binary format that reads a record, field by field.

    A field whose value is a binary format is read; any other value stands in the result as it is.
    """
    fields = {name: force(value) for name, value in record.items()}
    formats = {name: format_of(value) for name, value in fields.items()}
    sizes = [f.size for f in formats.values() if f is not None]
    total = sum(s for s in sizes if s is not None) if None not in sizes else None
    template = dict(record)
    return function_of(Format(lambda order: _record_reader(order, template, formats), size=total))


def _record_reader(order: str, template: dict[str, Any], formats: dict[str, Format | None]) -> Reader:
    read_fields = {n: f for n, f in formats.items() if f is not None}
    names = tuple(read_fields)
    one_by_one = _field_by_field(order, template, read_fields)
    codes = "".join(f.code or " " for f in read_fields.values())
    if not codes or not set(codes) <= NARROW:
        return one_by_one
    plain = struct.Struct(order + codes)
    unpack, size = plain.unpack_from, plain.size
    echoed = len(names) != len(template)

    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        behind = at + size
        if behind > end:
            return one_by_one(data, at, end)  # raises for the field that is not there
        values = zip(names, map(float, unpack(data, at)), strict=True)
        if not echoed:
            return dict(values), behind
        result = dict(template)
        result.update(values)
        return result, behind

    return read


def _field_by_field(order: str, template: dict[str, Any], fields: dict[str, Format]) -> Reader:
    steps = [(name, format.reader(order)) for name, format in fields.items()]

    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        result = dict(template)
        for name, reader in steps:
            result[name], at = reader(data, at, end)
        return result, at

    return read


@builtin(
    "BinaryFormat.Choice(binaryFormat as function, chooseFunction as function, "
    "optional type as nullable type, optional combineFunction as nullable function) as function"
)
def choice(
    binary_format: Any, choose: Function, type: Any = None, combine: Function | None = None
) -> Function:
    """Gives a binary format that reads a value and lets a function of it say how to read on.

    The second value is the result, or what the combine function makes of both.  With the type
    list or binary the result may still be reading.
    """
    first = as_format(binary_format)
    chosen = bind(choose, 1)
    if type is not None and not (is_plain(type) and type.kind in ("any", "list", "binary")):
        raise errors.bad_choice_type(type)
    if combine is not None and type is not None and type.kind != "any":
        raise errors.choice_type_with_combine(type)
    join = bind(combine, 2) if combine is not None else None

    def build(order: str, pick: Callable[[Format, str], Reader]) -> Reader:
        read_first = first.reader(order)

        def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
            key, at = read_first(data, at, end)
            second, behind = pick(as_format(chosen(key)), order)(data, at, end)
            return (second if join is None else join(key, second)), behind

        return read

    streams = type is not None and type.kind == "list"
    return function_of(
        Format(
            lambda order: build(order, Format.reader),
            stream=(lambda order: build(order, Format.streaming)) if streams else None,
        )
    )


@builtin("BinaryFormat.Transform(binaryFormat as function, function as function) as function")
def transform(binary_format: Any, function: Function) -> Function:
    """Gives a binary format that hands what another one read to a function and gives its result."""
    inner = as_format(binary_format)
    apply = bind(function, 1)

    def build(read: Reader) -> Reader:
        def transformed(data: bytes, at: int, end: int) -> tuple[Any, int]:
            value, behind = read(data, at, end)
            return apply(value), behind

        return transformed

    return function_of(Format(lambda order: build(inner.reader(order)), size=inner.size))


@builtin("BinaryFormat.ByteOrder(binaryFormat as function, byteOrder as number) as function")
def byte_order(binary_format: Any, byte_order: Any) -> Function:
    """Gives a binary format that reads with the byte order given, as do all formats inside it."""
    inner = as_format(binary_format)
    order = LITTLE if enum_member(byte_order, "byteOrder", (0, 1), 1) == 0 else BIG
    stream = (lambda _: inner.streaming(order)) if inner.stream is not None else None
    return function_of(Format(lambda _: inner.reader(order), size=inner.size, stream=stream))
