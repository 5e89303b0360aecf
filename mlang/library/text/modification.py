"""Text.Insert, Remove, RemoveRange, Replace, ReplaceRange, Select."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.culture.text import merge, units
from mlang.library.arguments import of_kind
from mlang.library.text.extraction import span
from mlang.registry import builtin
from mlang.values.kinds import kind_of


@builtin(
    "Text.Insert(text as nullable text, offset as number, newText as text) as nullable text", null="text"
)
def insert(text: str, offset: Any, newText: str) -> str:
    """Puts a text into another one at a position."""
    characters = units(text)
    first, _ = span(characters, offset, 0)
    return merge(characters[:first] + newText + characters[first:])


@builtin(
    "Text.RemoveRange(text as nullable text, offset as number, optional count as nullable number) "
    "as nullable text",
    null="text",
)
def remove_range(text: str, offset: Any, count: Any = None) -> str:
    """Drops so many characters (1 by default) from a position on."""
    characters = units(text)
    first, last = span(characters, offset, 1 if count is None else count)
    return merge(characters[:first] + characters[last:])


@builtin(
    "Text.ReplaceRange(text as nullable text, offset as number, count as number, newText as text) "
    "as nullable text",
    null="text",
)
def replace_range(text: str, offset: Any, count: Any, newText: str) -> str:
    """Puts a text in the place of so many characters from a position on."""
    characters = units(text)
    first, last = span(characters, offset, count)
    return merge(characters[:first] + newText + characters[last:])


@builtin("Text.Replace(text as nullable text, old as text, new as text) as nullable text", null="text")
def replace(text: str, old: str, new: str) -> str:
    """Replaces every occurrence of a text by another one; case matters."""
    if not old:
        return text
    return text.replace(old, new) if text.isascii() else merge(units(text).replace(units(old), new))


def single_characters(value: Any) -> set[str]:
    """The characters of one single-character text or a list of them (TXT-09, TXT-17, TXT-26)."""
    if value.__class__ is str:
        items = [value]
    elif value.__class__ is list and (quick := _plain_characters(value)) is not None:
        return quick
    elif kind_of(value) == "list":
        items = [of_kind(item, "text") for item in value]
    else:
        raise errors.cannot_convert(value, "List")
    characters: set[str] = set()
    for item in items:
        code_units = units(item)
        if len(code_units) == 1 or len(item) == 1:
            characters.update(code_units)
        else:
            raise errors.not_single_character(item)
    return characters


def _plain_characters(items: list[Any]) -> set[str] | None:
    """The characters of a list of single ASCII texts; None for every other list."""
    try:
        joined = "".join(items)
    except TypeError:
        return None
    return set(items) if joined.isascii() and set(map(len, items)) <= {1} else None


@builtin("Text.Remove(text as nullable text, removeChars as any) as nullable text", null="text")
def remove(text: str, removeChars: Any) -> str:
    """Drops all occurrences of a character, or of each character of a list."""
    dropped = single_characters(removeChars)
    return merge("".join([c for c in units(text) if c not in dropped]))


@builtin("Text.Select(text as nullable text, selectChars as any) as nullable text", null="text")
def select(text: str, selectChars: Any) -> str:
    """Keeps only a character, or the characters of a list."""
    kept = single_characters(selectChars)
    return merge("".join([c for c in units(text) if c in kept]))
