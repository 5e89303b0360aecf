"""SQL forms of functions that cut and mend texts: at delimiters, at places, and word by word.

A delimiter is found where its UTF-16 units stand, which is where its characters stand; so only forms that count
characters leave texts beyond the basic plane to the interpreter.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding import utf16
from folding.functions import Call, folds
from folding.functions.text import count, culture_name
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.text import is_turkic
from mlang.values.kinds import kind_of
from mlang.values.thunk import force


def _text(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    return typed(sql, "text", "VARCHAR", *parts, **facts)


# ---------------------------------------------------------------- delimiters


def _mark(call: Call, index: int) -> str:
    mark = call.text(index)
    if not mark:
        raise Unfoldable(f"{call.name} with an empty delimiter")
    return mark


def _occurrence(call: Call, index: int, mark: str) -> tuple[int, bool]:
    """Which occurrence of a delimiter counts, and whether from the end."""
    given = call.constant(index) if call.count > index else None
    from_end = False
    if given is not None and kind_of(given) == "list":
        parts = [force(part) for part in given]
        if len(parts) != 2 or parts[1] not in (0.0, 1.0):
            raise Unfoldable(f"{call.name} with an index of another shape")
        given, from_end = parts[0], parts[1] == 1.0
    number = 0.0 if given is None else given
    if number.__class__ is not float or number < 0 or not number.is_integer() or number > 1e6:
        raise Unfoldable(f"{call.name} with an index that is no whole number")
    if from_end and overlaps(mark):
        raise Unfoldable("a delimiter that may overlap itself, looked for from the end")
    return int(number), from_end


def overlaps(mark: str) -> bool:
    """Whether a delimiter may overlap itself, so that it matters from which side it is looked for."""
    return any(mark.startswith(mark[i:]) for i in range(1, len(mark)))


def _cut(text: Scalar, mark: str) -> tuple[Any, Any]:
    """The pieces of a text, and how often the delimiter occurs."""
    pieces = t.function("string_split", text.use, t.string(mark))
    return pieces, t.binary(exp.Sub, t.function("len", pieces.copy()), t.whole(1))


def _put_together(pieces: Any, first: Any, last: Any, mark: str) -> Any:
    """Some of the pieces of a text, counted from 1, with the delimiters between them."""
    return t.function("array_to_string", t.function("list_slice", pieces, first, last), t.string(mark))


def before(text: Scalar, mark: str, number: int, from_end: bool) -> Scalar:
    if not number and not from_end:
        sql = t.function("split_part", text.use, t.string(mark), t.whole(1))
        return _text(sql, text, ascii=text.ascii)
    pieces, count = _cut(text, mark)
    last = t.binary(exp.Sub, count, t.whole(number)) if from_end else t.whole(number + 1)
    part = _put_together(pieces, t.whole(1), last, mark)
    there = t.binary(exp.GT, count.copy(), t.whole(number))
    return _text(t.case((there, part), otherwise=text.use), text, ascii=text.ascii)


def after(text: Scalar, mark: str, number: int, from_end: bool) -> Scalar:
    nothing = (t.not_null(text.use), exp.Literal.string(""))
    if not number and not from_end:
        place = t.function("strpos", text.use, t.string(mark))
        rest = t.function("substr", text.use, t.binary(exp.Add, place, t.function("length", t.string(mark))))
        found = t.function("contains", text.use, t.string(mark))
        return _text(t.case((found, rest), nothing), text, ascii=text.ascii)
    pieces, count = _cut(text, mark)
    first = t.binary(exp.Sub, t.binary(exp.Add, count, t.whole(1)), t.whole(number)) if from_end else t.whole(
        number + 2)  # fmt: skip
    part = _put_together(pieces, first, t.binary(exp.Add, count.copy(), t.whole(1)), mark)
    there = t.binary(exp.GT, count.copy(), t.whole(number))
    return _text(t.case((there, part), nothing), text, ascii=text.ascii)


@folds("Text.BeforeDelimiter", "Text.AfterDelimiter")
def beside(call: Call) -> Scalar:
    """Before the first, or another, occurrence of a delimiter, or after it."""
    text = call.of(0, "text")
    call.at_most(3)
    if call.count == 2 and not call.is_constant(1):
        return _beside_of_row(call, text)
    mark = _mark(call, 1)
    build = before if call.name == "Text.BeforeDelimiter" else after
    return build(text, mark, *_occurrence(call, 2, mark))


def _beside_of_row(call: Call, text: Scalar) -> Scalar:
    """Before or after the first occurrence of a delimiter that the row tells; an empty one stops the query."""
    mark = call.sure(1, "text")
    place = t.function("strpos", text.use, mark.use)
    there = t.binary(exp.GT, place, t.whole(0))
    if call.name == "Text.BeforeDelimiter":
        part = t.function("left", text.use, t.binary(exp.Sub, place, t.whole(1)))
        found = t.case((there, part), otherwise=text.use)
    else:
        part = t.function("substr", text.use, t.binary(exp.Add, place, t.function("length", mark.use)))
        found = t.case((there, part), (t.not_null(text.use), exp.Literal.string("")))
    empty = t.binary(exp.EQ, mark.use, exp.Literal.string(""))
    return _text(t.unless(empty, found), text, mark, nullable=text.nullable, raises=True, ascii=text.ascii)


@folds("Text.BetweenDelimiters")
def between(call: Call) -> Scalar:
    """What stands before the second delimiter in what stands after the first."""
    text, start, end = call.of(0, "text"), _mark(call, 1), _mark(call, 2)
    rest = after(text, start, *_occurrence(call, 3, start))
    return before(rest, end, *_occurrence(call, 4, end))


# ---------------------------------------------------------------- places


def _changed(call: Call, offset: Any, size: Any, new: Any, *parts: Scalar) -> Scalar:
    """A text with something in place of so many characters; a place outside the text raises."""
    text = parts[0]
    left = t.function("left", text.use, offset)
    end = t.binary(exp.Add, offset, size)
    right = t.function("substr", text.use, t.binary(exp.Add, end, t.whole(1)))
    sql = t.binary(exp.DPipe, left, right if new is None else t.binary(exp.DPipe, new, right))
    short = t.binary(exp.LT, t.function("length", text.use), end)
    sql = utf16.basic_plane(text, t.unless(short, sql))
    return _text(sql, *parts, raises=True, ascii=all(x.ascii for x in parts if x.kind == "text"))


@folds("Text.Insert")
def insert(call: Call) -> Scalar:
    text, (offset, *counts), new = call.of(0, "text"), count(call, 1), call.sure(2, "text")
    return _changed(call, offset, t.whole(0), new.use, text, new, *counts)


@folds("Text.ReplaceRange")
def replace_range(call: Call) -> Scalar:
    text, (offset, *counts), (size, *sizes) = call.of(0, "text"), count(call, 1), count(call, 2)
    new = call.sure(3, "text")
    return _changed(call, offset, size, new.use, text, new, *counts, *sizes)


@folds("Text.RemoveRange")
def remove_range(call: Call) -> Scalar:
    text, (offset, *counts) = call.of(0, "text"), count(call, 1)
    size, *sizes = count(call, 2) if call.count > 2 else (t.whole(1),)
    return _changed(call, offset, size, None, text, *counts, *sizes)


# ---------------------------------------------------------------- words


@folds("Text.Proper")
def proper(call: Call) -> Scalar:
    """The first letter of each run of letters; texts with others than ASCII letters go to the interpreter."""
    text = call.of(0, "text")
    if is_turkic(culture_name(call, 1)):
        raise Unfoldable("Text.Proper in a culture that has a second i")
    runs = t.function(
        "regexp_extract_all", t.function("lower", text.use), exp.Literal.string("[a-z]+|[^a-z]+")
    )
    large = t.binary(
        exp.DPipe, t.function("upper", t.function("left", exp.to_identifier("w"), t.whole(1))),
        t.function("substr", exp.to_identifier("w"), t.whole(2)),
    )  # fmt: skip
    each = exp.Lambda(this=large, expressions=[exp.to_identifier("w")], colon=True)
    sql = t.function("array_to_string", t.function("list_transform", runs, each), exp.Literal.string(""))
    if not text.ascii:
        other = t.binary(exp.NEQ, t.function("strlen", text.use), t.function("length", text.use))
        sql = t.unless(other, sql)
    return _text(sql, text, ascii=text.ascii)
