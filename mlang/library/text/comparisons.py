"""What becomes text and what text becomes: Text.From, encodings, characters, GUIDs."""

from __future__ import annotations

import re
from typing import Any

from mlang import errors, session
from mlang.culture.data import culture as find
from mlang.culture.text import merge, units
from mlang.library.arguments import as_int
from mlang.registry import builtin
from mlang.values.binary import content
from mlang.values.encodings import decode, encode
from mlang.values.kinds import kind_of
from mlang.values.show import number_text


def text_of(value: Any, culture: str | None = None) -> str:
    """The text of any scalar but null, as Text.From gives it (CVT-81, CVT-82)."""
    kind = value.__class__
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    name = "number" if kind is float else kind_of(value)
    if name == "number":
        if culture is not None:
            find(culture)  # an unknown culture raises with every number
        text = number_text(value)
        if "." in text or text.endswith(("N", "∞")):
            from mlang.culture.numbers import default_text as number_default

            return number_default(value, find(culture))
        return text
    if name == "binary":
        from base64 import b64encode

        return b64encode(content(value)).decode("ascii")
    if name in ("date", "time", "datetime", "datetimezone", "duration"):
        from mlang.culture.dates import default_text

        return default_text(value, culture)
    raise errors.cannot_convert(value, "Text")


@builtin("Text.From(value as any, optional culture as nullable text) as nullable text", null="value")
def from_value(value: Any, culture: str | None = None) -> str:
    """Writes a value as text in a culture.

    Numbers, logicals, dates, times, durations and binaries (as base 64) can be written;
    null stays null and every other kind raises an error.
    """
    return value if value.__class__ is str else text_of(value, culture)


@builtin("Text.ToList(text as text) as list")
def to_list(text: str) -> list[str]:
    """Gives the characters of a text as a list."""
    return list(units(text))


# ---------------------------------------------------------------- bytes


@builtin(
    "Text.ToBinary(text as nullable text, optional encoding as nullable number, "
    "optional includeByteOrderMark as nullable logical) as nullable binary",
    null="text",
)
def to_binary(text: str, encoding: Any = None, includeByteOrderMark: bool | None = None) -> bytes:
    """Encodes a text as bytes, UTF-8 by default, with a byte order mark if asked."""
    return encode(text, encoding, bool(includeByteOrderMark))


@builtin(
    "Text.FromBinary(binary as nullable binary, optional encoding as nullable number) as nullable text",
    null="binary",
)
def from_binary(binary: Any, encoding: Any = None) -> str:
    """Decodes bytes as text: by their byte order mark, else the encoding given, else UTF-8."""
    return decode(content(binary), encoding)


# ---------------------------------------------------------------- characters


@builtin("Character.FromNumber(number as nullable number) as nullable text", null="number")
def character_from_number(number: Any) -> str:
    """Gives the character of a Unicode code point."""
    code = as_int(number)
    if not 0 <= code <= 0x10FFFF:
        raise errors.argument_out_of_range("number", number)
    return chr(code)


@builtin("Character.ToNumber(character as nullable text) as nullable number", null="character")
def character_to_number(character: str) -> float:
    """Gives the Unicode code point of the first character."""
    if not character:
        raise errors.not_single_character(character)
    return float(ord(merge(character[:2])[0]))


# ---------------------------------------------------------------- GUIDs

_GUID = re.compile(
    r"(?P<open>[{(]?)([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})[)}]?\Z", re.A
)
_CLOSING = {"": "", "{": "}", "(": ")"}


def _hyphenated(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@builtin("Guid.From(value as nullable text) as nullable text", null="value")
def guid_from(value: str) -> str:
    """Reads a GUID, with or without hyphens, braces or parentheses, and gives its ordinary form."""
    text = value.strip().lower()
    if re.fullmatch("[0-9a-f]{32}", text):
        return _hyphenated(text)
    match = _GUID.match(text)
    if match is None or text[36 + len(match["open"]) :] != _CLOSING[match["open"]]:
        raise errors.could_not_convert_to_guid(value)
    return "-".join(match.groups()[1:])


@builtin("Text.NewGuid() as text")
def new_guid() -> str:
    """Makes a new random GUID (version 4)."""
    if session.current().seed is None:
        from secrets import randbits

        number = randbits(128)
    else:
        from mlang.library.number.random import generator

        number = generator().getrandbits(128)
    number = number & ~(0xF << 76) | 4 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return _hyphenated(f"{number:032x}")
