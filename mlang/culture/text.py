"""Texts as .NET sees them: UTF-16 code units, one-to-one case mapping, white space.

M counts code units (TXT-01), Python counts code points; they differ only for
characters beyond U+FFFF.  `units` turns such a text into one whose characters are the
code units and `merge` turns it back, so that library code works on either with plain
slices.  Case mapping never changes the length (TXT-20).  Used by ``library/text``.
"""

from __future__ import annotations

import re

#: What .NET calls white space: 25 characters (TXT-17).
WHITE_SPACE = (
    "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)

_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


# ---------------------------------------------------------------- UTF-16


def _split(match: re.Match[str]) -> str:
    code = ord(match[0]) - 0x10000
    return chr(0xD800 + (code >> 10)) + chr(0xDC00 + (code & 0x3FF))


def _join(match: re.Match[str]) -> str:
    high, low = match[0][0], match[0][1]
    return chr(0x10000 + ((ord(high) - 0xD800) << 10) + (ord(low) - 0xDC00))


def units(text: str) -> str:
    """The text with one character per UTF-16 code unit; the same object when it already is so."""
    if text.isascii():
        return text
    return _ASTRAL.sub(_split, text)


def merge(text: str) -> str:
    """The text with surrogate pairs joined again."""
    if text.isascii():
        return text
    return _PAIR.sub(_join, text)


def utf16_length(text: str) -> int:
    """How many UTF-16 code units."""
    if text.isascii():
        return len(text)
    return len(text) + len(_ASTRAL.findall(text))


def utf16_slice(text: str, start: int, count: int | None = None) -> str:
    """``count`` code units from ``start`` (to the end without a count), clipped."""
    end = None if count is None else start + count
    if text.isascii():
        return text[start:end]
    return merge(units(text)[start:end])


# ---------------------------------------------------------------- case


class _Mapping(dict[int, int]):
    """A table for str.translate that fills itself, one character at a time."""

    def __init__(self, upper: bool, fixed: dict[str, str]) -> None:
        super().__init__({ord(a): ord(b) for a, b in fixed.items()})
        self._upper = upper

    def __missing__(self, code: int) -> int:
        char = chr(code)
        mapped = char.upper() if self._upper else char.lower()
        if len(mapped) > 1 and self._upper:
            mapped = char.title()  # iota subscripts have a single capital, ß and ligatures have none
        if len(mapped) != 1 or 0x10D0 <= code <= 0x10FF or code > 0xFFFF:
            mapped = char
        self[code] = ord(mapped)
        return ord(mapped)


#: Invariant casing leaves dotted capital I, dotless i and long s alone (TXT-22).
_KEPT = {"ı": "ı", "ſ": "ſ", "İ": "İ"}
_UPPER_INVARIANT = _Mapping(True, _KEPT)
_LOWER_INVARIANT = _Mapping(False, _KEPT)
_UPPER = _Mapping(True, {})
_LOWER = _Mapping(False, {"İ": "i"})
_UPPER_TURKIC = _Mapping(True, {"i": "İ", "ı": "I"})
_LOWER_TURKIC = _Mapping(False, {"I": "ı", "İ": "i"})


def is_turkic(culture_name: str) -> bool:
    return culture_name[:2].lower() in ("tr", "az") and culture_name[2:3] in ("", "-", "_")


def upper(text: str, culture_name: str) -> str:
    """Upper case in a culture; "" is the invariant one."""
    if is_turkic(culture_name):
        return text.translate(_UPPER_TURKIC)
    if text.isascii():
        return text.upper()
    return text.translate(_UPPER if culture_name else _UPPER_INVARIANT)


def lower(text: str, culture_name: str) -> str:
    """Lower case in a culture; "" is the invariant one."""
    if is_turkic(culture_name):
        return text.translate(_LOWER_TURKIC)
    if text.isascii():
        return text.lower()
    return text.translate(_LOWER if culture_name else _LOWER_INVARIANT)


_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f])*")


def proper(text: str, culture_name: str) -> str:
    """The first letter of each run of letters upper, all others lower (TXT-19)."""

    def word(match: re.Match[str]) -> str:
        return upper(match[0][0], culture_name) + match[0][1:]

    return _WORD.sub(word, lower(text, culture_name))


def fold_ordinal(text: str) -> str:
    """What OrdinalIgnoreCase compares (TXT-22): same length, invariant upper case."""
    if text.isascii():
        return text.upper()
    return text.translate(_UPPER_INVARIANT)
