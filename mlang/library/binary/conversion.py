"""Binaries from and to text (base 64, hexadecimal) and lists of numbers."""

from __future__ import annotations

import base64
from typing import Any

from mlang import errors
from mlang.library.arguments import enum_member
from mlang.library.constructors import binary as make_binary
from mlang.registry import builtin
from mlang.values import binary
from mlang.values.kinds import kind_of

BASE64, HEX = 0, 1


def _encoding(value: Any) -> int:
    return enum_member(value, "encoding", (BASE64, HEX), BASE64)


@builtin("Binary.From(value as any, optional encoding as nullable number) as nullable binary", null="value")
def from_value(value: Any, encoding: Any = None) -> Any:
    """Gives a binary from text in base 64 (or hexadecimal); a binary is returned as it is."""
    kind = kind_of(value)
    if kind == "binary":
        return value
    if kind == "text":
        return from_text(value, encoding)
    raise errors.cannot_convert(value, "Binary")


@builtin(
    "Binary.FromText(text as nullable text, optional encoding as nullable number) as nullable binary",
    null="text",
)
def from_text(text: str, encoding: Any = None) -> Any:
    """Decodes text in base 64, or hexadecimal when the encoding says so."""
    if _encoding(encoding) == BASE64:
        return make_binary(text)
    try:
        return bytes.fromhex(text) if text.isascii() and not set(text) & set(" \t\r\n\v\f") else _bad(text)
    except ValueError:
        return _bad(text)


def _bad(text: str) -> bytes:
    raise errors.bad_binary_text(text)


@builtin(
    "Binary.ToText(binary as nullable binary, optional encoding as nullable number) as nullable text",
    null="binary",
)
def to_text(value: Any, encoding: Any = None) -> str:
    """Encodes a binary as base 64 text, or as lower-case hexadecimal digits."""
    data = binary.content(value)
    return data.hex() if _encoding(encoding) == HEX else base64.b64encode(data).decode("ascii")


@builtin("Binary.FromList(list as list) as binary")
def from_list(items: Any) -> Any:
    """Makes a binary of a list of numbers from 0 to 255."""
    return make_binary(items)


@builtin("Binary.ToList(binary as binary) as list")
def to_list(value: Any) -> list[float]:
    """Gives the bytes of a binary as a list of numbers."""
    return [float(byte) for byte in binary.content(value)]
