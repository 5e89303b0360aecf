"""Binary formats: whatever is written comes back, cut bytes raise, the byte order reaches everything."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlang
from mlang import registry
from mlang.errors import MError
from mlang.values.functions import Function
from mlang.values.lists import forced

NUMBERS = {
    "Byte": "B", "SignedInteger16": "h", "SignedInteger32": "i", "SignedInteger64": "q",
    "UnsignedInteger16": "H", "UnsignedInteger32": "I", "UnsignedInteger64": "Q", "Double": "d",
}  # fmt: skip


def call(name: str, *arguments: Any) -> Any:
    return registry.value_of(f"BinaryFormat.{name}").fn(*arguments)


def numbers() -> st.SearchStrategy[tuple[Any, Any, Any]]:
    """(format, value, writer of the value in a byte order)."""

    def one(name: str) -> st.SearchStrategy[tuple[Any, Any, Any]]:
        code = NUMBERS[name]
        if code == "d":
            values = st.floats(allow_nan=False)
        else:
            bits = struct.calcsize("<" + code) * 8
            low = 0 if code.isupper() else -(2 ** (bits - 1))
            values = st.integers(low, low + 2**bits - 1)
        made = registry.value_of(f"BinaryFormat.{name}")
        return values.map(lambda v: (made, v, lambda order: struct.pack(order + code, v)))

    return st.sampled_from(sorted(NUMBERS)).flatmap(one)


def texts() -> st.SearchStrategy[tuple[Any, Any, Any]]:
    def made(text: str) -> tuple[Any, Any, Any]:
        data = text.encode()
        length = registry.value_of("BinaryFormat.UnsignedInteger16")
        return call("Text", length, 65001.0), text, lambda order: struct.pack(order + "H", len(data)) + data

    return st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=20).map(made)


def binaries() -> st.SearchStrategy[tuple[Any, Any, Any]]:
    return st.binary(max_size=20).map(lambda b: (call("Binary", float(len(b))), b, lambda order: b))


def records(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, Any, Any]]:
    def made(fields: list[tuple[Any, Any, Any]]) -> tuple[Any, Any, Any]:
        formats = {f"f{i}": f for i, (f, _, _) in enumerate(fields)}
        values = {f"f{i}": v for i, (_, v, _) in enumerate(fields)}
        return call("Record", formats), values, lambda order: b"".join(w(order) for _, _, w in fields)

    return st.lists(parts, min_size=1, max_size=5).map(made)


def lists(part: tuple[Any, Any, Any], count: int, counted: bool) -> tuple[Any, Any, Any]:
    format, value, write = part
    number: Any = registry.value_of("BinaryFormat.Byte") if counted else float(count)
    head = bytes([count]) if counted else b""
    return call("List", format, number), [value] * count, lambda order: head + write(order) * count


SHAPES = st.recursive(
    numbers() | texts() | binaries(),
    lambda parts: records(parts) | st.builds(lists, parts, st.integers(0, 4), st.booleans()),
    max_leaves=12,
)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    if isinstance(value, (str, bytes, int, float)):
        return value
    return [plain(v) for v in forced(value)]


def apply(format: Function, data: bytes, order: str) -> Any:
    if order == "<":
        format = call("ByteOrder", format, 0.0)
    return plain(format.fn(data))


@given(SHAPES, st.sampled_from("<>"), st.binary(max_size=3))
def test_what_is_written_is_read(shape: tuple[Any, Any, Any], order: str, rest: bytes) -> None:
    format, value, write = shape
    assert apply(format, write(order) + rest, order) == value


@given(SHAPES, st.sampled_from("<>"), st.data())
def test_cut_bytes_raise(shape: tuple[Any, Any, Any], order: str, data: st.DataObject) -> None:
    format, _, write = shape
    written = write(order)
    if not written:
        return
    cut = written[: data.draw(st.integers(0, len(written) - 1))]
    with pytest.raises(MError, match="The end of the input was reached") as caught:
        apply(format, cut, order)
    assert caught.value.reason == "DataFormat.Error"


@given(st.integers(0, 2**64 - 1))
def test_varying_integers(number: int) -> None:
    data, left = bytearray(), number
    while True:
        data.append(left & 0x7F | (0x80 if left > 0x7F else 0))
        left >>= 7
        if not left:
            break
    assert call("7BitEncodedUnsignedInteger", bytes(data)) == number
    signed = number >> 1 ^ -(number & 1)
    assert call("7BitEncodedSignedInteger", bytes(data)) == signed


@given(st.binary(max_size=40))
def test_any_bytes_give_a_value_or_an_error(data: bytes) -> None:
    text = """
        BinaryFormat.List(BinaryFormat.Choice(BinaryFormat.7BitEncodedUnsignedInteger, (n) =>
            if Number.Mod(n, 3) = 0 then BinaryFormat.Text(BinaryFormat.Byte)
            else if Number.Mod(n, 3) = 1 then BinaryFormat.Decimal else BinaryFormat.Length(BinaryFormat.Binary(), n)))
    """
    reason = "DataFormat.Error"
    try:
        plain(mlang.evaluate(text).fn(data))
    except MError as error:
        reason = str(error.reason)
    assert reason in ("DataFormat.Error", "Expression.Error")
