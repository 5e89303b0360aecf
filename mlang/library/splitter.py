"""Splitter.*: functions that make functions that cut a text into a list of texts.

Every splitter gives ``{}`` for null (SPL-02).  The returned function's spec carries the
splitter's name and, as its document, the tuple of its arguments, so that folding can
tell what it is.  Lengths and positions count UTF-16 units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.culture.text import WHITE_SPACE, merge, units
from mlang.library.arguments import as_length, enum_member, of_kind
from mlang.library.quoted import any_of, each_of, split, split_from_end
from mlang.registry import builtin
from mlang.values.functions import Function, Param, Spec
from mlang.values.kinds import kind_of
from mlang.values.lists import forced
from mlang.values.metadata import strip

_TEXT = (Param("text", "text", True),)


def _splitter(name: str, arguments: tuple[Any, ...], cut: Callable[[str], list[str]]) -> Function:
    """A splitter function value around ``cut``, which gets text only."""

    def splitter(value: Any) -> list[str]:
        value = strip(value)
        if value is None:
            return []
        if value.__class__ is not str:
            raise errors.cannot_convert(value, "Text")
        return cut(value)

    spec = Spec(_TEXT, "list", False, name=name, document=arguments)
    return Function(splitter, 1, 1, spec)


def _by_units(cut: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """A cut that counts characters, made to count UTF-16 units."""
    return lambda text: cut(text) if text.isascii() else [merge(piece) for piece in cut(units(text))]


def _from_end(cut: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """The mirror image of a cut; pieces in text order."""
    return lambda text: [piece[::-1] for piece in reversed(cut(text[::-1]))]


def _directed(cut: Callable[[str], list[str]], start_at_end: Any) -> Callable[[str], list[str]]:
    return _by_units(_from_end(cut) if start_at_end else cut)


def _honours_quotes(quote_style: Any) -> bool:
    """Quotes count unless QuoteStyle.None is asked for (SPL-01)."""
    return enum_member(quote_style, "quoteStyle", (0, 1), 1) == 1


def _texts(items: Any) -> tuple[str, ...]:
    return tuple(of_kind(item, "text") for item in items)


# ---------------------------------------------------------------- at delimiters


@builtin("Splitter.SplitByNothing() as function")
def split_by_nothing() -> Function:
    """Makes a function that puts its argument into a list, uncut."""
    spec = Spec((Param("value"),), "list", False, name="Splitter.SplitByNothing", document=())
    return Function(lambda value: [value], 1, 1, spec)


@builtin(
    "Splitter.SplitTextByDelimiter(delimiter as text, optional quoteStyle as nullable number, "
    "optional csvStyle as nullable number) as function"
)
def split_text_by_delimiter(delimiter: str, quote_style: Any = None, csv_style: Any = None) -> Function:
    """Makes a function that cuts a text at a delimiter; quotes protect delimiters."""
    quotes = _honours_quotes(quote_style)
    anywhere = enum_member(csv_style, "csvStyle", (0, 1)) == 1

    def cut(text: str) -> list[str]:
        if not delimiter:
            return [text]
        if not quotes or '"' not in text:
            return text.split(delimiter)
        return split(text, any_of((delimiter,)), True, anywhere)

    return _splitter("Splitter.SplitTextByDelimiter", (delimiter, quote_style, csv_style), cut)


@builtin(
    "Splitter.SplitTextByAnyDelimiter(delimiters as list, optional quoteStyle as nullable number, "
    "optional startAtEnd as nullable logical) as function"
)
def split_text_by_any_delimiter(delimiters: Any, quote_style: Any = None, at_end: Any = None) -> Function:
    """Makes a function that cuts a text wherever one of some delimiters stands; quotes protect delimiters."""
    chosen = _texts(delimiters)
    quotes = _honours_quotes(quote_style)

    def cut(text: str) -> list[str]:
        if at_end:
            return split_from_end(text, chosen, any_of, quotes)
        return split(text, any_of(chosen), quotes, True)

    return _splitter("Splitter.SplitTextByAnyDelimiter", (chosen, quote_style, at_end), cut)


@builtin(
    "Splitter.SplitTextByEachDelimiter(delimiters as list, optional quoteStyle as nullable number, "
    "optional startAtEnd as nullable logical) as function"
)
def split_text_by_each_delimiter(delimiters: Any, quote_style: Any = None, at_end: Any = None) -> Function:
    """Makes a function that cuts a text at each of some delimiters once, one after the other."""
    chosen = _texts(delimiters)
    quotes = _honours_quotes(quote_style)

    def cut(text: str) -> list[str]:
        if at_end:
            return split_from_end(text, chosen, each_of, quotes)
        return split(text, each_of(chosen), quotes, True)

    return _splitter("Splitter.SplitTextByEachDelimiter", (chosen, quote_style, at_end), cut)


@builtin("Splitter.SplitTextByWhitespace(optional quoteStyle as nullable number) as function")
def split_text_by_whitespace(quote_style: Any = None) -> Function:
    """Makes a function that cuts a text at runs of white space; quotes protect white space."""
    quotes = _honours_quotes(quote_style)

    def run(text: str, at: int) -> int:
        end = at
        while end < len(text) and text[end] in WHITE_SPACE:
            end += 1
        return end - at

    return _splitter("Splitter.SplitTextByWhitespace", (quote_style,), lambda t: split(t, run, quotes, True))


# ---------------------------------------------------------------- at places


@builtin("Splitter.SplitTextByLengths(lengths as list, optional startAtEnd as nullable logical) as function")
def split_text_by_lengths(lengths: Any, at_end: Any = None) -> Function:
    """Makes a function that cuts pieces of given lengths off a text; what is left over is dropped."""
    sizes = tuple(as_length(size, "lengths") for size in forced(lengths))

    def cut(text: str) -> list[str]:
        pieces, at = [], 0
        for size in sizes:
            if at >= len(text) and size > 0:
                break
            pieces.append(text[at : at + size])
            at += size
        return pieces

    return _splitter("Splitter.SplitTextByLengths", (sizes, at_end), _directed(cut, at_end))


@builtin(
    "Splitter.SplitTextByRepeatedLengths(length as number, optional startAtEnd as nullable logical) "
    "as function"
)
def split_text_by_repeated_lengths(length: Any, at_end: Any = None) -> Function:
    """Makes a function that cuts a text into pieces of one length; the last may be shorter."""
    size = as_length(length, "length")
    if size == 0:
        raise errors.argument_out_of_range("length", length)

    def cut(text: str) -> list[str]:
        return [text[at : at + size] for at in range(0, len(text), size)]

    return _splitter("Splitter.SplitTextByRepeatedLengths", (size, at_end), _directed(cut, at_end))


@builtin(
    "Splitter.SplitTextByPositions(positions as list, optional startAtEnd as nullable logical) as function"
)
def split_text_by_positions(positions: Any, at_end: Any = None) -> Function:
    """Makes a function that cuts a text at given positions; what is before the first one is dropped."""
    starts = tuple(as_length(place, "positions") for place in forced(positions))
    ends: tuple[int | None, ...] = (*starts[1:], None)

    def cut(text: str) -> list[str]:
        return [text[start:end] for start, end in zip(starts, ends, strict=True)] if starts else []

    return _splitter("Splitter.SplitTextByPositions", (starts, at_end), _directed(cut, at_end))


def ranges_of(ranges: Any) -> tuple[tuple[int, int | None], ...]:
    """``{{offset, length}, …}``; a null length means all the rest."""
    result = []
    for entry in forced(ranges):
        parts = list(forced(of_kind(entry, "list")))
        if len(parts) < 2:
            raise errors.not_enough_elements(parts)
        if len(parts) > 2:
            raise errors.too_many_elements(parts)
        offset, length = parts
        size = None if length is None else as_length(length, "length")
        result.append((as_length(offset, "offset"), size))
    return tuple(result)


@builtin("Splitter.SplitTextByRanges(ranges as list, optional startAtEnd as nullable logical) as function")
def split_text_by_ranges(ranges: Any, at_end: Any = None) -> Function:
    """Makes a function that takes given ranges, pairs of offset and length, out of a text."""
    chosen = ranges_of(ranges)

    def cut(text: str) -> list[str]:
        return [text[at : None if size is None else at + size] for at, size in chosen]

    return _splitter("Splitter.SplitTextByRanges", (chosen, at_end), _directed(cut, at_end))


# ---------------------------------------------------------------- at transitions


@builtin("Splitter.SplitTextByCharacterTransition(before as anynonnull, after as anynonnull) as function")
def split_text_by_character_transition(before: Any, after: Any) -> Function:
    """Makes a function that cuts a text where one kind of character is followed by another kind."""
    is_before, is_after = _character_test(before), _character_test(after)

    def cut(text: str) -> list[str]:
        pieces, start = [], 0
        for at in range(1, len(text)):
            if is_after(text[at]) and is_before(text[at - 1]):
                pieces.append(text[start:at])
                start = at
        pieces.append(text[start:])
        return pieces

    return _splitter("Splitter.SplitTextByCharacterTransition", (before, after), cut)


def _character_test(kind: Any) -> Callable[[str], bool]:
    """A list of characters, or a predicate, as a test."""
    if kind_of(kind) == "function":
        from mlang.library.list.shared import predicate

        return predicate(kind)
    members = frozenset(_texts(of_kind(kind, "list")))
    return members.__contains__
