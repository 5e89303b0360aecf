"""Text.At, Start, End, Middle and Range: parts of a text by position (TXT-10 to TXT-14)."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.culture.text import merge, units, utf16_length, utf16_slice
from mlang.library.arguments import as_length
from mlang.registry import builtin


@builtin("Text.At(text as nullable text, index as number) as nullable text", null="text")
def at(text: str, index: Any) -> str:
    """Gives the character at a position; the first one is at 0."""
    position = as_length(index, "index")
    characters = units(text)
    if position >= len(characters):
        raise errors.argument_out_of_range("index", index)
    return characters[position]


@builtin("Text.Start(text as nullable text, count as number) as nullable text", null="text")
def start(text: str, count: Any) -> str:
    """Gives so many characters from the beginning, or the whole text when it is shorter."""
    return utf16_slice(text, 0, as_length(count, "count"))


@builtin("Text.End(text as nullable text, count as number) as nullable text", null="text")
def end(text: str, count: Any) -> str:
    """Gives so many characters from the end, or the whole text when it is shorter."""
    return utf16_slice(text, max(utf16_length(text) - as_length(count, "count"), 0))


@builtin(
    "Text.Middle(text as nullable text, start as number, optional count as nullable number) as nullable text",
    null="text",
)
def middle(text: str, start: Any, count: Any = None) -> str:
    """Gives so many characters from a position on, or what there is of them."""
    limit = None if count is None else as_length(count, "count")
    return utf16_slice(text, as_length(start, "start"), limit)


def span(characters: str, offset: Any, count: Any) -> tuple[int, int]:
    """Where a range begins and ends; outside the text is an error.  A count of None reaches the end."""
    first = as_length(offset, "offset")
    if first > len(characters):
        raise errors.argument_out_of_range("offset", offset)
    if count is None:
        return first, len(characters)
    last = first + as_length(count, "count")
    if last > len(characters):
        raise errors.argument_out_of_range("count", count)
    return first, last


@builtin(
    "Text.Range(text as nullable text, offset as number, optional count as nullable number) as nullable text",
    null="text",
)
def range_(text: str, offset: Any, count: Any = None) -> str:
    """Gives exactly so many characters from a position on; raises when there are not that many."""
    characters = units(text)
    first, last = span(characters, offset, count)
    return merge(characters[first:last])
