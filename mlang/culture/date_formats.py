"""Date and time format texts taken apart: which specifiers they hold, what standard ones stand for.

Both directions read the same `Token` list: ``dates.py`` writes text by it and
``date_exact.py`` reads text by it.  Facts: CVT-88 to CVT-101.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from mlang.culture.data import INVARIANT, CultureInfo


class Token(NamedTuple):
    """A specifier letter and how often it stands there, or ``literal`` text (letter "")."""

    letter: str
    size: int
    literal: str = ""


class BadFormat(ValueError):
    """The text is no format: .NET raises FormatException, M the kind's own error (ERR-36)."""


_LETTERS = frozenset("dfFghHKmMstyz")
_ROUND_TRIP = "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK"
#: Standard formats that no culture changes (CVT-89).
_FIXED = {
    "o": _ROUND_TRIP, "O": _ROUND_TRIP,
    "r": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'", "R": "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
    "s": "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
    "u": "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
}  # fmt: skip
#: Standard formats of one culture's patterns.
_CULTURAL = {
    "d": ("short_date",), "D": ("long_date",),
    "f": ("long_date", "short_time"), "F": ("long_date", "long_time"),
    "g": ("short_date", "short_time"), "G": ("short_date", "long_time"),
    "M": ("month_day",), "m": ("month_day",),
    "t": ("short_time",), "T": ("long_time",),
    "Y": ("year_month",), "y": ("year_month",),
}  # fmt: skip
#: Standard formats that print the instant in UTC (CVT-99).
UNIVERSAL = frozenset("rRu")


def expand(text: str, culture: CultureInfo) -> tuple[str, CultureInfo]:
    """A format as a custom one and the culture to use; one letter is a standard format (CVT-91)."""
    if len(text) != 1:
        return text, culture
    fixed = _FIXED.get(text)
    if fixed is not None:
        return fixed, INVARIANT
    patterns = _CULTURAL.get(text)
    if patterns is None:
        raise BadFormat(text)
    return " ".join(getattr(culture, name) for name in patterns), culture


@lru_cache(maxsize=512)
def tokens(text: str) -> tuple[Token, ...]:
    """The parts of a custom format; raises `BadFormat` for an open quote, a lone % or a final backslash."""
    found: list[Token] = []
    at, end = 0, len(text)
    while at < end:
        char = text[at]
        if char in _LETTERS:
            stop = at
            while stop < end and text[stop] == char:
                stop += 1
            if char in "fF" and stop - at > 7:
                raise BadFormat(text)
            found.append(Token(char, stop - at))
            at = stop
        elif char in "'\"":
            literal, at = _quoted(text, at)
            found.append(Token("", 0, literal))
        elif char == "%":
            if at + 1 >= end or text[at + 1] == "%":
                raise BadFormat(text)
            at += 1
            if text[at] in "'\"\\":
                raise BadFormat(text)
            if text[at] in _LETTERS:
                found.append(Token(text[at], 1))
                at += 1
        elif char == "\\":
            if at + 1 >= end:
                raise BadFormat(text)
            found.append(Token("", 0, text[at + 1]))
            at += 2
        else:
            found.append(Token(char, 1) if char in ":/" else Token("", 0, char))
            at += 1
    return tuple(found)


def _quoted(text: str, at: int) -> tuple[str, int]:
    """The literal that starts with the quote at ``at``, and where it ends; a backslash escapes in it."""
    quote, at = text[at], at + 1
    parts: list[str] = []
    while at < len(text):
        char = text[at]
        if char == quote:
            return "".join(parts), at + 1
        if char == "\\":
            at += 1
            if at >= len(text):
                break
            char = text[at]
        parts.append(char)
        at += 1
    raise BadFormat(text)


def beside_day_number(parts: tuple[Token, ...], index: int) -> bool:
    """Whether the next ``d`` before or after a month is a day of the month: the month takes its genitive.

    As in .NET a ``d`` in a literal counts too, and one behind a day's name hides what lies farther.
    """
    before = "".join(_letters(part) for part in parts[:index])
    behind = "".join(_letters(part) for part in parts[index + 1 :])
    for near in (before[::-1], behind):
        at = near.find("d")
        if at >= 0 and near[at : at + 3] != "ddd":
            return True
    return False


def _letters(part: Token) -> str:
    return part.letter * part.size if part.letter else f"'{part.literal}'"
