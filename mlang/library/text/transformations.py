"""Text.Upper to Text.Trim: texts made from texts; Split and Combine (TXT-03 to TXT-06, TXT-15 to TXT-23)."""

from __future__ import annotations

import re
from typing import Any

from mlang import errors, session
from mlang.culture import text as casing
from mlang.culture.text import WHITE_SPACE, merge, units
from mlang.library.arguments import as_length
from mlang.library.text.modification import single_characters
from mlang.registry import builtin
from mlang.values.lists import forced
from mlang.values.metadata import strip

# ---------------------------------------------------------------- case


def _culture_name(culture: str | None) -> str:
    if culture is None:
        return session.current().culture
    from mlang.culture.data import culture as find

    return find(culture).name


@builtin("Text.Upper(text as nullable text, optional culture as nullable text) as nullable text", null="text")
def upper(text: str, culture: str | None = None) -> str:
    """Writes all letters in upper case, by the rules of a culture."""
    return casing.upper(text, _culture_name(culture))


@builtin("Text.Lower(text as nullable text, optional culture as nullable text) as nullable text", null="text")
def lower(text: str, culture: str | None = None) -> str:
    """Writes all letters in lower case, by the rules of a culture."""
    return casing.lower(text, _culture_name(culture))


@builtin(
    "Text.Proper(text as nullable text, optional culture as nullable text) as nullable text", null="text"
)
def proper(text: str, culture: str | None = None) -> str:
    """Writes the first letter of each word in upper case and the others in lower case."""
    return casing.proper(text, _culture_name(culture))


# ---------------------------------------------------------------- trimming and padding


def _trimmed(trim: Any) -> str:
    """The characters to trim; without any said, white space."""
    return WHITE_SPACE if trim is None else "".join(single_characters(trim))


@builtin("Text.Trim(text as nullable text, optional trim as any) as nullable text", null="text")
def trim(text: str, trim: Any = None) -> str:
    """Drops white space, or the characters given, from both ends."""
    return text.strip(WHITE_SPACE) if trim is None else merge(units(text).strip(_trimmed(trim)))


@builtin("Text.TrimStart(text as nullable text, optional trim as any) as nullable text", null="text")
def trim_start(text: str, trim: Any = None) -> str:
    """Drops white space, or the characters given, from the beginning."""
    return merge(units(text).lstrip(_trimmed(trim)))


@builtin("Text.TrimEnd(text as nullable text, optional trim as any) as nullable text", null="text")
def trim_end(text: str, trim: Any = None) -> str:
    """Drops white space, or the characters given, from the end."""
    return merge(units(text).rstrip(_trimmed(trim)))


def _padding(text: str, count: Any, character: str | None) -> str:
    """What is missing to a length of ``count``."""
    length = as_length(count, "count")
    fill = " " if character is None else character
    if len(units(fill)) != 1:
        raise errors.not_single_character(character)
    return fill * (length - len(units(text)))


@builtin(
    "Text.PadStart(text as nullable text, count as number, optional character as nullable text) "
    "as nullable text",
    null="text",
)
def pad_start(text: str, count: Any, character: str | None = None) -> str:
    """Fills a text up to a length at its beginning, with blanks or the character given."""
    return _padding(text, count, character) + text


@builtin(
    "Text.PadEnd(text as nullable text, count as number, optional character as nullable text) "
    "as nullable text",
    null="text",
)
def pad_end(text: str, count: Any, character: str | None = None) -> str:
    """Fills a text up to a length at its end, with blanks or the character given."""
    return text + _padding(text, count, character)


# ---------------------------------------------------------------- the rest

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


@builtin("Text.Clean(text as nullable text) as nullable text", null="text")
def clean(text: str) -> str:
    """Drops all control characters, line breaks and tabs among them."""
    return merge(_CONTROL.sub("", text))


@builtin("Text.Reverse(text as nullable text) as nullable text", null="text")
def reverse(text: str) -> str:
    """Writes the characters (UTF-16 code units) in reverse order."""
    return text[::-1] if text.isascii() else merge(units(text)[::-1])


@builtin("Text.Repeat(text as nullable text, count as number) as nullable text", null="text")
def repeat(text: str, count: Any) -> str:
    """Writes a text so many times."""
    return merge(text * as_length(count, "count"))


@builtin("Text.Split(text as text, separator as text) as list")
def split(text: str, separator: str) -> list[str]:
    """Splits a text at each occurrence of a separator."""
    if not separator:
        return [text]
    if text.isascii():
        return text.split(separator)
    return [merge(part) for part in units(text).split(units(separator))]


@builtin("Text.SplitAny(text as text, separators as text) as list")
def split_any(text: str, separators: str) -> list[str]:
    """Splits a text at each occurrence of any character of a text."""
    if not separators:
        return [text]
    pattern = "[" + re.escape(units(separators)) + "]"
    return [merge(part) for part in re.split(pattern, units(text))]


@builtin("Text.Combine(texts as list, optional separator as nullable text) as text")
def combine(texts: Any, separator: str | None = None) -> str:
    """Joins the texts of a list, with a separator between them if given; nulls are left out."""
    parts: list[str] = []
    for item in forced(texts):
        text = item if item.__class__ is str else strip(item)
        if text.__class__ is str:
            parts.append(text)
        elif text is not None:
            raise errors.cannot_convert(text, "Text")
    return merge((separator or "").join(parts))
