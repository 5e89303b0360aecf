"""Text.BeforeDelimiter, AfterDelimiter and BetweenDelimiters (TXT-27 to TXT-29).

An index is null, a number (the occurrence, counted from 0) or a list of a number and a
RelativePosition.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.culture.text import merge, units
from mlang.library.arguments import as_length, enum_member
from mlang.registry import builtin
from mlang.values.kinds import is_number, kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force

_POSITIONS = range(2)


def _occurrence(index: Any, name: str) -> tuple[int, bool]:
    """Which occurrence, and whether it is counted from the end."""
    if index is None:
        return 0, False
    if is_number(index):
        return as_length(index, name), False
    if kind_of(index) != "list":
        raise errors.cannot_convert(index, "Number")
    parts = [strip(force(part)) for part in index]
    if len(parts) != 2:
        raise errors.argument_out_of_range(name, index)
    return as_length(parts[0], name), enum_member(parts[1], name, _POSITIONS) == 1


def _find(text: str, delimiter: str, index: Any, name: str) -> int:
    """The position of the chosen occurrence of a delimiter, -1 without one."""
    count, from_end = _occurrence(index, name)
    if not delimiter:
        return len(text) if from_end else 0
    if from_end:
        found = text.rfind(delimiter)
        while count and found >= 0:
            found = text.rfind(delimiter, 0, found)
            count -= 1
        return found
    found = text.find(delimiter)
    while count and found >= 0:
        found = text.find(delimiter, found + len(delimiter))
        count -= 1
    return found


def _before(text: str, delimiter: str, index: Any, name: str) -> str:
    found = _find(text, delimiter, index, name)
    return text if found < 0 else text[:found]


def _after(text: str, delimiter: str, index: Any, name: str) -> str:
    found = _find(text, delimiter, index, name)
    return "" if found < 0 else text[found + len(delimiter) :]


@builtin(
    "Text.BeforeDelimiter(text as nullable text, delimiter as text, optional index as any) as any",
    null="text",
)
def before_delimiter(text: str, delimiter: str, index: Any = None) -> str:
    """Gives what stands before a delimiter; the whole text when there is no such delimiter.

    ``index`` says which occurrence counts: a number from 0, or {number, RelativePosition.FromEnd}.
    """
    return merge(_before(units(text), units(delimiter), index, "index"))


@builtin(
    "Text.AfterDelimiter(text as nullable text, delimiter as text, optional index as any) as any",
    null="text",
)
def after_delimiter(text: str, delimiter: str, index: Any = None) -> str:
    """Gives what stands after a delimiter; an empty text when there is no such delimiter.

    ``index`` says which occurrence counts: a number from 0, or {number, RelativePosition.FromEnd}.
    """
    return merge(_after(units(text), units(delimiter), index, "index"))


@builtin(
    "Text.BetweenDelimiters(text as nullable text, startDelimiter as text, endDelimiter as text, "
    "optional startIndex as any, optional endIndex as any) as any",
    null="text",
)
def between_delimiters(
    text: str, startDelimiter: str, endDelimiter: str, startIndex: Any = None, endIndex: Any = None
) -> str:
    """Gives what stands between two delimiters.

    ``startIndex`` says which occurrence of the first one counts; ``endIndex`` counts the
    second one from there.
    """
    rest = _after(units(text), units(startDelimiter), startIndex, "startIndex")
    return merge(_before(rest, units(endDelimiter), endIndex, "endIndex"))
