"""How `Table.SplitColumn` cuts a text: one form per splitter, which gives a piece and where the query has to stop.

A form gets the text, the splitter's arguments, the whole cut (`Pieces`) and which piece; it gives the SQL of the piece
(null where there is none) and conditions under which the interpreter has to do it: quotes, surplus pieces that are
errors, characters that count two.  `recipes.py` calls these.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from attrs import frozen
from sqlglot import exp

from folding import terms as t
from folding import utf16
from folding.terms import Scalar, Unfoldable
from mlang.culture.text import WHITE_SPACE
from mlang.errors import MError
from mlang.values.functions import Function, bind
from mlang.values.lists import forced
from mlang.values.metadata import strip

#: What becomes of surplus pieces (`ExtraValues`).
LIST, ERROR = 0, 1


@frozen(eq=False)
class Pieces:
    """How a text is cut: the splitter function, how many columns, what fills up, and the mode of `ExtraValues`."""

    splitter: Any
    width: int
    default: Any
    extra: int


def _by_delimiter(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    delimiter, quotes, _ = arguments
    if not delimiter:
        raise Unfoldable("a split at nothing")
    parts = t.function("string_split", text.use, t.string(delimiter))
    odd = []
    if quotes is None or quotes != 0:
        odd.append(t.function("contains", text.use, exp.Literal.string('"')))
    if how.extra == ERROR:
        odd.append(t.binary(exp.GT, t.function("len", parts.copy()), t.whole(how.width)))
    return t.function("list_extract", parts, t.whole(index + 1)), odd


def _by_patterns(text: Scalar, pattern: str, quotes: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    parts = t.function("string_split_regex", text.use, exp.Literal.string(pattern))
    odd = [] if quotes == 0 else [t.function("contains", text.use, exp.Literal.string('"'))]
    if how.extra == ERROR:
        odd.append(t.binary(exp.GT, t.function("len", parts.copy()), t.whole(how.width)))
    return t.function("list_extract", parts, t.whole(index + 1)), odd


def _by_any(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    """At whichever of some delimiters stands first in their list."""
    delimiters, quotes, at_end = arguments
    marks = [mark for mark in delimiters if mark]
    if not marks or (at_end and any(len(mark) > 1 for mark in marks)) or any("\0" in mark for mark in marks):
        raise Unfoldable("a split at no delimiter, or at longer ones from the end")
    return _by_patterns(text, "|".join("".join(map(_code, mark)) for mark in marks), quotes, how, index)


def _by_blanks(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    return _by_patterns(text, "[" + "".join(map(_code, WHITE_SPACE)) + "]+", arguments[0], how, index)


def _code(character: str) -> str:
    return r"\x{" + format(ord(character), "X") + "}"


#: Stands between pieces: no character of any text is this one, or the query stops.
_BETWEEN = "\U0010fffd"
#: Characters of which a condition is asked.
_PLANE = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]


def _by_transition(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    """Between a character of one kind and one of another: marked behind the first kind, unmarked before others."""
    before, after = (_characters(kind) for kind in arguments)
    everywhere = exp.Literal.string("g")
    sql = text.use
    if before and after:
        sql = t.function(
            "regexp_replace", sql, exp.Literal.string(f"([{before}])"), exp.Literal.string(r"\1" + _BETWEEN),
            everywhere,
        )  # fmt: skip
        others = exp.Literal.string(f"{_BETWEEN}([^{after}]|$)")
        sql = t.function("regexp_replace", sql, others, exp.Literal.string(r"\1"), everywhere.copy())
    parts = t.function("string_split", sql, exp.Literal.string(_BETWEEN))
    odd = [] if text.ascii else [utf16.has_astral(text.use)]
    if how.extra == ERROR:
        odd.append(t.binary(exp.GT, t.function("len", parts.copy()), t.whole(how.width)))
    return t.function("list_extract", parts, t.whole(index + 1)), odd


def _characters(kind: Any) -> str:
    """The characters of the basic plane that are of a kind, as the inside of a class."""
    if kind.__class__ is Function:
        return _ranges(_meeting(kind))
    found = [item for item in map(strip, forced(kind)) if item.__class__ is str and len(item) == 1]
    return _ranges(sorted(item for item in found if item <= "\uffff" and not "\ud800" <= item < "\ue000"))


@lru_cache(64)
def _meeting(function: Function) -> list[str]:
    """The characters for which a condition holds; it is one that folds, so it is the same each time."""
    from folding.relations_columns import apply_function

    apply_function(function, Scalar(t.column("c"), "text", "VARCHAR", False))
    call = bind(function, 1)
    try:
        return [character for character in _PLANE if strip(call(character)) is True]
    except MError:
        raise Unfoldable("a condition on characters that may raise") from None


def _ranges(characters: list[str]) -> str:
    """Sorted characters as ranges of codes."""
    found: list[list[int]] = []
    for code in map(ord, characters):
        if found and code <= found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(rf"\x{{{low:X}}}-\x{{{high:X}}}" for low, high in found)


def _by_each(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    """Once at each of some delimiters, in turn; or at the last occurrence of one."""
    from folding.functions.pieces import after, before

    delimiters, quotes, at_end = arguments
    marks = [mark for mark in delimiters if mark]
    if len(marks) < 2 or at_end:
        return _by_one(text, (marks, quotes, at_end), how, index)
    if how.extra == ERROR and how.width <= len(marks):
        raise Unfoldable("more pieces than columns")
    odd = [] if quotes == 0 else [t.function("contains", text.use, exp.Literal.string('"'))]
    rest, found = text, exp.true()
    for mark in marks[:index]:
        found = t.all_of([found, t.function("contains", rest.use, t.string(mark))])
        rest = after(rest, mark, 0, False)
    if index > len(marks):
        return t.cast(exp.Null(), "VARCHAR"), odd
    piece = before(rest, marks[index], 0, False) if index < len(marks) else rest
    return t.case((found, piece.use)), odd


def _by_one(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    """Once, at the first or the last occurrence of one delimiter."""
    from folding.functions.pieces import after, before, overlaps

    delimiters, quotes, at_end = arguments
    if len(delimiters) != 1 or not delimiters[0] or (at_end and overlaps(delimiters[0])):
        raise Unfoldable("a split at several delimiters, or at one that may overlap itself")
    mark, from_end = delimiters[0], bool(at_end)
    there = t.function("contains", text.use, t.string(mark))
    odd = [] if quotes == 0 else [t.function("contains", text.use, exp.Literal.string('"'))]
    if how.extra == ERROR and how.width < 2:
        odd.append(there.copy())
    if index > 1:
        return t.cast(exp.Null(), "VARCHAR"), odd
    if index:
        return t.case((there, after(text, mark, 0, from_end).sql)), odd
    return before(text, mark, 0, from_end).sql, odd


def _slices(
    text: Scalar, ranges: list[tuple[int, int | None]], how: Pieces, index: int
) -> tuple[Any, list[Any]]:
    """Pieces at fixed places."""
    if how.extra == ERROR and len(ranges) > how.width:
        raise Unfoldable("more pieces than columns")
    if index >= len(ranges):
        return t.cast(exp.Null(), "VARCHAR"), []
    start, size = ranges[index]
    arguments = [text.use, t.whole(start + 1)] + ([] if size is None else [t.whole(max(size, 0))])
    odd = [] if text.ascii else [utf16.has_astral(text.use)]
    return t.function("substr", *arguments), odd


def _by_positions(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    starts, at_end = arguments
    _from_start(at_end)
    ends = (*starts[1:], None)
    ranges = [(a, None if b is None else b - a) for a, b in zip(starts, ends, strict=True)]
    return _slices(text, ranges, how, index)


def _by_ranges(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    ranges, at_end = arguments
    _from_start(at_end)
    return _slices(text, list(ranges), how, index)


def _by_lengths(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    """What is left over is dropped; there is no piece behind the end of the text."""
    sizes, at_end = arguments
    _from_start(at_end)
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    found, odd = _slices(text, list(zip(starts, sizes, strict=True)), how, index)
    needed = [starts[i] for i in range(min(index + 1, len(sizes))) if sizes[i] > 0]
    if index < len(sizes) and needed:
        found = t.case((t.binary(exp.GT, t.function("length", text.use), t.whole(needed[-1])), found))
    return found, odd


def _by_repeated(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    """Pieces of one length; the last may be shorter."""
    size, at_end = arguments
    _from_start(at_end)
    found, odd = _slices(text, [(i * size, size) for i in range(how.width)], how, index)
    length = t.function("length", text.use)
    if how.extra == ERROR:
        odd.append(t.binary(exp.GT, length.copy(), t.whole(size * how.width)))
    if index * size > 2**31:
        raise Unfoldable("pieces behind the end of any text")
    return t.case((t.binary(exp.GT, length, t.whole(index * size)), found)), odd


def _from_start(at_end: Any) -> None:
    if at_end:
        raise Unfoldable("a splitter that starts at the end")


CUTS = {
    "Splitter.SplitTextByDelimiter": _by_delimiter, "Splitter.SplitTextByPositions": _by_positions,
    "Splitter.SplitTextByEachDelimiter": _by_each,
    "Splitter.SplitTextByAnyDelimiter": _by_any, "Splitter.SplitTextByWhitespace": _by_blanks,
    "Splitter.SplitTextByCharacterTransition": _by_transition,
    "Splitter.SplitTextByRepeatedLengths": _by_repeated,
    "Splitter.SplitTextByRanges": _by_ranges, "Splitter.SplitTextByLengths": _by_lengths,
}  # fmt: skip
