"""Combiner.*: functions that make functions that join a list of texts (SPL-12 to SPL-15).

As with splitters, the returned function's spec carries the combiner's name and its
arguments.  A null in the list counts as an empty text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.culture.text import merge, units
from mlang.library.arguments import as_length, enum_member, of_kind
from mlang.library.splitter import ranges_of
from mlang.registry import builtin
from mlang.values.functions import Function, Param, Spec
from mlang.values.lists import forced
from mlang.values.metadata import strip

_LIST = (Param("texts", "list", False),)


def _combiner(name: str, arguments: tuple[Any, ...], join: Callable[[list[str]], str]) -> Function:
    def combiner(values: Any) -> str:
        return join([_text(value) for value in forced(of_kind(values, "list"))])

    spec = Spec(_LIST, "text", False, name=name, document=arguments)
    return Function(combiner, 1, 1, spec)


def _text(value: Any) -> str:
    value = strip(value)
    if value is None:
        return ""
    if value.__class__ is not str:
        raise errors.cannot_convert(value, "Text")
    return str(value)


def quoted(text: str, delimiters: tuple[str, ...]) -> str:
    """The text in quotes when it has a delimiter, a quote or a line break in it."""
    if '"' in text or "\r" in text or "\n" in text or any(d and d in text for d in delimiters):
        return '"' + text.replace('"', '""') + '"'
    return text


@builtin(
    "Combiner.CombineTextByDelimiter(delimiter as text, optional quoteStyle as nullable number) as function"
)
def combine_text_by_delimiter(delimiter: str, quote_style: Any = None) -> Function:
    """Makes a function that joins texts with a delimiter between them, quoted as CSV if asked."""
    quotes = enum_member(quote_style, "quoteStyle", (0, 1)) == 1

    def join(texts: list[str]) -> str:
        if quotes:
            texts = [quoted(text, (delimiter,)) for text in texts]
        return delimiter.join(texts)

    return _combiner("Combiner.CombineTextByDelimiter", (delimiter, quote_style), join)


@builtin(
    "Combiner.CombineTextByEachDelimiter(delimiters as list, optional quoteStyle as nullable number) "
    "as function"
)
def combine_text_by_each_delimiter(delimiters: Any, quote_style: Any = None) -> Function:
    """Makes a function that joins texts with a sequence of delimiters, each used once."""
    chosen = tuple(of_kind(item, "text") for item in delimiters)
    quotes = enum_member(quote_style, "quoteStyle", (0, 1)) == 1

    def join(texts: list[str]) -> str:
        if len(texts) > len(chosen) + 1:
            raise errors.not_enough_elements(list(chosen))
        if quotes:
            texts = [quoted(text, chosen) for text in texts]
        parts = texts[:1]
        for delimiter, text in zip(chosen, texts[1:]):
            parts += [delimiter, text]
        return "".join(parts)

    return _combiner("Combiner.CombineTextByEachDelimiter", (chosen, quote_style), join)


# ---------------------------------------------------------------- by place


def _place(texts: list[str], places: list[tuple[int, int | None]], template: str) -> str:
    """The template with each text written at its offset, cut to its length.

    Blanks fill the template up to where the last place ends; texts without a place are left out.
    """
    width = max((offset + (length or 0) for offset, length in places), default=0)
    result = units(template).ljust(width)
    for text, (offset, length) in zip(texts, places):
        piece = units(text)[:length]
        result = result[:offset] + piece + result[offset + len(piece) :]
    return merge(result)


def _by_place(name: str, places: list[tuple[int, int | None]], template: Any) -> Function:
    filled = template or ""
    return _combiner(name, (tuple(places), template), lambda texts: _place(texts, places, filled))


@builtin("Combiner.CombineTextByLengths(lengths as list, optional template as nullable text) as function")
def combine_text_by_lengths(lengths: Any, template: Any = None) -> Function:
    """Makes a function that writes texts one after the other, each cut to its length, over a template."""
    places: list[tuple[int, int | None]] = []
    at = 0
    for length in forced(lengths):
        size = as_length(length, "lengths")
        places.append((at, size))
        at += size
    return _by_place("Combiner.CombineTextByLengths", places, template)


@builtin("Combiner.CombineTextByPositions(positions as list, optional template as nullable text) as function")
def combine_text_by_positions(positions: Any, template: Any = None) -> Function:
    """Makes a function that writes texts at given positions over a template; the next one cuts the last."""
    starts = [as_length(position, "positions") for position in forced(positions)]
    ends: list[int | None] = [*starts[1:], None]
    places: list[tuple[int, int | None]] = [
        (start, None if end is None else max(0, end - start)) for start, end in zip(starts, ends)
    ]
    return _by_place("Combiner.CombineTextByPositions", places, template)


@builtin("Combiner.CombineTextByRanges(ranges as list, optional template as nullable text) as function")
def combine_text_by_ranges(ranges: Any, template: Any = None) -> Function:
    """Makes a function that writes texts at given offsets, cut to given lengths, over a template."""
    return _by_place("Combiner.CombineTextByRanges", list(ranges_of(ranges)), template)
