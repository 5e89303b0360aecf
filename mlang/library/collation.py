"""Texts as cultures order them.

`collation_key` is a small collation of our own: base letters first, then accents,
then case (lower before upper), punctuation before digits before letters, hyphen and
apostrophe only deciding between otherwise equal texts.  A table names the letters that
some languages sort as letters of their own.  It agrees with the engine's cultures on
ordinary words; it is not the full Unicode collation of every script.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

#: Letters that are two letters for comparison.
_EXPANSIONS = {
    "æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ĳ": "ij", "ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff", "ø": "o\u0338",
    "đ": "d\u0335", "ł": "l\u0335", "ı": "i",
}  # fmt: skip
#: Letters with a place of their own: culture -> letter -> the letter it follows and its rank there.
_TAILORED: dict[str, dict[str, tuple[str, int]]] = {
    "sv": {"å": ("z", 1), "ä": ("z", 2), "æ": ("z", 2), "ö": ("z", 3), "ø": ("z", 3)},
    "da": {"æ": ("z", 1), "ä": ("z", 1), "ø": ("z", 2), "ö": ("z", 2), "å": ("z", 3)},
    "es": {"ñ": ("n", 1)},
    "pl": {
        "ą": ("a", 1), "ć": ("c", 1), "ę": ("e", 1), "ł": ("l", 1), "ń": ("n", 1), "ó": ("o", 1),
        "ś": ("s", 1), "ź": ("z", 1), "ż": ("z", 2),
    },
    "tr": {"ç": ("c", 1), "ğ": ("g", 1), "ı": ("h", 1), "ö": ("o", 1), "ş": ("s", 1), "ü": ("u", 1)},
    "cs": {"č": ("c", 1), "ř": ("r", 1), "š": ("s", 1), "ž": ("z", 1)},
}  # fmt: skip
_TAILORED["fi"] = _TAILORED["sv"]
_TAILORED["nb"] = _TAILORED["nn"] = _TAILORED["no"] = _TAILORED["da"]
_TAILORED["az"] = _TAILORED["tr"]
_TAILORED["sk"] = _TAILORED["cs"]
#: Ignored until everything else is equal.
_IGNORABLE = frozenset("-'\u00ad\u2010\u2011\u2019")

Key = tuple[tuple[tuple[int, str, int], ...], tuple[str, ...], tuple[int, ...], str]


@lru_cache(maxsize=65536)
def collation_key(text: str, culture: str, ignore_case: bool) -> Key:
    """A key that orders and equates texts as a culture does."""
    language = culture.replace("_", "-").partition("-")[0].lower()
    tailored = _TAILORED.get(language, {})
    primary: list[tuple[int, str, int]] = []
    accents: list[str] = []
    cases: list[int] = []
    ignored: list[str] = []
    for character in unicodedata.normalize("NFC", text):
        if character in _IGNORABLE:
            ignored.append(f"{len(primary)}{character}")
            continue
        lower = _lower(character, language)
        case = 0 if lower == character else 1
        if lower in tailored:
            letter, rank = tailored[lower]
            primary.append((3, letter, rank))
            accents.append("")
            cases.append(case)
            continue
        for base, marks in _elements(lower):
            primary.append((_class_of(base), base, 0))
            accents.append(marks)
            cases.append(case)
    return tuple(primary), tuple(accents), () if ignore_case else tuple(cases), "".join(ignored)


def _lower(character: str, language: str) -> str:
    if language in ("tr", "az"):
        special = {"I": "ı", "İ": "i"}.get(character)
        if special is not None:
            return special
    lower = character.lower()
    return lower if len(lower) == 1 else lower[0]


def _elements(character: str) -> list[tuple[str, str]]:
    """The base letters of a character with the marks on each."""
    expanded = _EXPANSIONS.get(character, character)
    elements: list[tuple[str, str]] = []
    for part in unicodedata.normalize("NFKD", expanded):
        if unicodedata.combining(part) and elements:
            base, marks = elements[-1]
            elements[-1] = (base, marks + part)
        else:
            elements.append((part, ""))
    return elements


def _class_of(character: str) -> int:
    """White space and punctuation, symbols, digits, letters: in this order."""
    category = unicodedata.category(character)[0]
    return {"Z": 0, "C": 0, "P": 0, "S": 1, "N": 2}.get(category, 3)
