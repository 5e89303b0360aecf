"""Text.Contains, StartsWith, EndsWith, PositionOf and PositionOfAny (TXT-08, TXT-09, TXT-21, TXT-22).

Without a comparer texts are compared code unit by code unit.  A comparer is one of the
library's: the two ordinal ones fold to texts of the same length and stay plain searches;
a culture's folds likewise for plain ASCII and is tried window by window otherwise.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.culture.text import fold_ordinal, lower, units
from mlang.library.arguments import enum_member
from mlang.library.text.modification import single_characters
from mlang.registry import builtin

_FIRST, _LAST, _ALL = range(3)
_OCCURRENCES = range(3)


class _Windows:
    """Search by a culture's rules: a match may be longer or shorter than what is sought."""

    def __init__(self, text: str, sought: str, culture: str, ignore_case: bool) -> None:
        from mlang.library.collation import collation_key

        self.text, self.culture, self.ignore_case = text, culture, ignore_case
        self.key = collation_key
        self.wanted = collation_key(sought, culture, ignore_case)
        self.longest = 2 * len(sought) + 4

    def end_of(self, start: int) -> int:
        """Where a match that begins at ``start`` ends; -1 without one."""
        for end in range(start + 1, min(len(self.text), start + self.longest) + 1):
            if self.key(self.text[start:end], self.culture, self.ignore_case) == self.wanted:
                return end
        return -1

    def find(self, start: int) -> tuple[int, int]:
        """The first match from ``start`` on; (-1, -1) without one."""
        for position in range(start, len(self.text)):
            end = self.end_of(position)
            if end >= 0:
                return position, end
        return -1, -1


def _prepare(text: str, sought: str, comparer: Any) -> tuple[str, str, _Windows | None]:
    """Both texts folded for plain search, or the window search."""
    text, sought = units(text), units(sought)
    if comparer is None:
        return text, sought, None
    spec = comparer.spec
    name = None if spec is None else spec.builtin.name if spec.builtin is not None else spec.name
    if name == "Comparer.Ordinal":
        return text, sought, None
    if name == "Comparer.OrdinalIgnoreCase":
        return fold_ordinal(text), fold_ordinal(sought), None
    if name != "Comparer.FromCulture" or spec.builtin is not None:
        raise errors.custom_comparer()
    culture, ignore_case = spec.document
    if text.isascii() and sought.isascii():
        return (lower(text, culture), lower(sought, culture), None) if ignore_case else (text, sought, None)
    return text, sought, _Windows(text, sought, culture, ignore_case)


@builtin(
    "Text.Contains(text as nullable text, substring as text, optional comparer as nullable function) "
    "as nullable logical",
    null="text",
)
def contains(text: str, substring: str, comparer: Any = None) -> bool:
    """Says whether a text contains another one; a comparer may ignore case."""
    if comparer is None:
        return substring in text if text.isascii() else units(substring) in units(text)
    text, substring, windows = _prepare(text, substring, comparer)
    return substring in text if windows is None or not substring else windows.find(0)[0] >= 0


@builtin(
    "Text.StartsWith(text as nullable text, substring as text, optional comparer as nullable function) "
    "as nullable logical",
    null="text",
)
def starts_with(text: str, substring: str, comparer: Any = None) -> bool:
    """Says whether a text begins with another one; a comparer may ignore case."""
    if comparer is None:
        return text.startswith(substring) if text.isascii() else units(text).startswith(units(substring))
    text, substring, windows = _prepare(text, substring, comparer)
    return text.startswith(substring) if windows is None or not substring else windows.end_of(0) >= 0


@builtin(
    "Text.EndsWith(text as nullable text, substring as text, optional comparer as nullable function) "
    "as nullable logical",
    null="text",
)
def ends_with(text: str, substring: str, comparer: Any = None) -> bool:
    """Says whether a text ends with another one; a comparer may ignore case."""
    if comparer is None:
        return text.endswith(substring) if text.isascii() else units(text).endswith(units(substring))
    text, substring, windows = _prepare(text, substring, comparer)
    if windows is None or not substring:
        return text.endswith(substring)
    first = max(len(text) - windows.longest, 0)
    return any(
        windows.key(text[i:], windows.culture, windows.ignore_case) == windows.wanted
        for i in range(first, len(text))
    )


@builtin(
    "Text.PositionOf(text as text, substring as text, optional occurrence as nullable number, "
    "optional comparer as nullable function) as any"
)
def position_of(text: str, substring: str, occurrence: Any = None, comparer: Any = None) -> Any:
    """Finds a text in another one.

    Gives the first position, with Occurrence.Last the last one, and -1 when there is none;
    with Occurrence.All the list of all positions that do not overlap.
    """
    which = _FIRST if occurrence is None else enum_member(occurrence, "occurrence", _OCCURRENCES)
    text, substring, windows = _prepare(text, substring, comparer)
    if not substring:
        return _positions_of_nothing(len(text), which)
    if windows is not None:
        return _chosen(_all_windows(windows), which)
    if which == _FIRST:
        return float(text.find(substring))
    if which == _LAST:
        return float(text.rfind(substring))
    return _all(text, substring)


def _positions_of_nothing(length: int, which: int) -> Any:
    if which == _ALL:
        return [float(i) for i in range(length)]
    return float(max(length - 1, 0)) if which == _LAST else 0.0


def _all(text: str, substring: str) -> list[float]:
    positions, found = [], text.find(substring)
    while found >= 0:
        positions.append(float(found))
        found = text.find(substring, found + len(substring))
    return positions


def _all_windows(windows: _Windows) -> list[float]:
    positions, (found, end) = [], windows.find(0)
    while found >= 0:
        positions.append(float(found))
        found, end = windows.find(end)
    return positions


def _chosen(positions: list[float], which: int) -> Any:
    if which == _ALL:
        return positions
    if not positions:
        return -1.0
    return positions[0 if which == _FIRST else -1]


@builtin(
    "Text.PositionOfAny(text as text, characters as list, optional occurrence as nullable number) as any"
)
def position_of_any(text: str, characters: Any, occurrence: Any = None) -> Any:
    """Finds any character of a list in a text; positions as with Text.PositionOf."""
    which = enum_member(occurrence, "occurrence", _OCCURRENCES)
    sought = single_characters(characters)
    return _chosen([float(i) for i, c in enumerate(units(text)) if c in sought], which)
