"""SQL forms of ``Text.*`` and ``Replacer.ReplaceText``.

Lengths and positions count UTF-16 units in M and characters in the engine: forms that
count leave texts beyond the basic plane to the interpreter (`basic_plane`).
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.text import is_turkic
from mlang.session import current

#: What .NET calls white space.
BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


#: Letters whose other case differs between the engine and M (found by comparing all of them).
ODD_LETTERS = {"Text.Upper": r"ß\x{10D0}-\x{10FF}\x{10000}-\x{10FFFF}", "Text.Lower": r"\x{10000}-\x{10FFFF}"}


def _text(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    return typed(sql, "text", "VARCHAR", *parts, **facts)


def _logical(sql: Any, *parts: Scalar) -> Scalar:
    return typed(sql, "logical", "BOOLEAN", *parts)


@folds("Text.Length")
def length(call: Call) -> Scalar:
    text = call.of(0, "text")
    call.at_most(1)
    sql = t.function("length", text.use)
    if not text.ascii:
        astral = t.function("len", t.function("regexp_extract_all", text.use, exp.Literal.string(t.ASTRAL)))
        plain = t.binary(exp.EQ, t.function("strlen", text.use), sql.copy())
        sql = t.case((plain, sql.copy()), otherwise=t.binary(exp.Add, sql.copy(), astral))
    return typed(sql, "number", "BIGINT", text, nonan=True, int53=True)


@folds("Text.Upper", "Text.Lower")
def letter_case(call: Call) -> Scalar:
    """One letter for one letter; letters that the engine maps otherwise go to the interpreter."""
    text = call.of(0, "text")
    call.at_most(1)
    if is_turkic(current().culture):
        raise Unfoldable(f"{call.name} in a culture that has a second i")
    name = "upper" if call.name == "Text.Upper" else "lower"
    sql = t.function(name, text.use)
    if not text.ascii:
        plain = t.binary(exp.EQ, t.function("strlen", text.use), t.function("length", text.use))
        odd = t.function("regexp_matches", text.use, exp.Literal.string("[" + ODD_LETTERS[call.name] + "]"))
        sql = t.case((plain, sql), (odd, t.error()), otherwise=sql.copy())
    return _text(sql, text, ascii=text.ascii)


@folds("Text.Trim", "Text.TrimStart", "Text.TrimEnd")
def trim(call: Call) -> Scalar:
    text = call.of(0, "text")
    characters = BLANKS
    if call.count > 1:
        given = call.constant(1)
        items = given if given.__class__ is list else [given]
        if not all(i.__class__ is str and len(i) == 1 and i < "\ud800" for i in items) or not items:
            raise Unfoldable(f"{call.name} with characters that are not single")
        characters = "".join(items)
    name = {"Text.Trim": "trim", "Text.TrimStart": "ltrim", "Text.TrimEnd": "rtrim"}[call.name]
    return _text(t.function(name, text.use, t.string(characters)), text, ascii=text.ascii)


@folds("Text.Clean")
def clean(call: Call) -> Scalar:
    text = call.of(0, "text")
    call.at_most(1)
    control = exp.Literal.string(r"[\x{00}-\x{1F}\x{7F}-\x{9F}]")
    sql = t.function("regexp_replace", text.use, control, exp.Literal.string(""), exp.Literal.string("g"))
    return _text(sql, text, ascii=text.ascii)


@folds("Text.Start", "Text.End")
def ends(call: Call) -> Scalar:
    text, (count, *counts) = call.of(0, "text"), _count(call, 1)
    name = "left" if call.name == "Text.Start" else "right"
    sql = t.basic_plane(text, t.function(name, text.use, count))
    return _text(sql, text, *counts, ascii=text.ascii, raises=bool(counts) or text.raises)


def _count(call: Call, index: int) -> tuple[Any, *tuple[Scalar, ...]]:
    """A count of characters: a constant, or a whole number of the row, which must not be below 0; and its term."""
    try:
        return (t.whole(call.count_at(index)),)
    except Unfoldable:
        x = call.whole(index)
    far = t.any_of([t.binary(exp.LT, x.use, t.whole(0)), t.binary(exp.GT, x.use, t.whole(2**31 - 2))])
    return t.unless(far, x.use), x


@folds("Text.Middle")
def middle(call: Call) -> Scalar:
    text, (start, *counts) = call.of(0, "text"), _count(call, 1)
    arguments = [text.use, t.binary(exp.Add, start, t.whole(1)) if counts else t.whole(int(start.name) + 1)]
    if call.count > 2:
        size, *sizes = _count(call, 2)
        arguments.append(size)
        counts += sizes
    sql = t.basic_plane(text, t.function("substr", *arguments))
    return _text(sql, text, *counts, ascii=text.ascii, raises=bool(counts) or text.raises)


@folds("Text.Range")
def part(call: Call) -> Scalar:
    """Raises outside the text, unlike Text.Middle."""
    text, start = call.of(0, "text"), call.count_at(1)
    count = call.count_at(2) if call.count > 2 else None
    arguments = [text.use, t.whole(start + 1)] + ([t.whole(count)] if count is not None else [])
    short = t.binary(exp.LT, t.function("length", text.use), t.whole(start + (count or 0)))
    sql = t.unless(short, t.function("substr", *arguments))
    return _text(t.basic_plane(text, sql), text, raises=True, ascii=text.ascii)


@folds("Text.At")
def at(call: Call) -> Scalar:
    text, index = call.of(0, "text"), call.count_at(1)
    short = t.binary(exp.LTE, t.function("length", text.use), t.whole(index))
    sql = t.unless(short, t.function("substr", text.use, t.whole(index + 1), t.whole(1)))
    return _text(t.basic_plane(text, sql), text, raises=True, ascii=text.ascii)


@folds("Text.Contains", "Text.StartsWith", "Text.EndsWith")
def contains(call: Call) -> Scalar:
    text, part = call.of(0, "text"), call.sure(1, "text")
    name = {"Text.Contains": "contains", "Text.StartsWith": "starts_with", "Text.EndsWith": "suffix"}[
        call.name
    ]
    if call.count <= 2:
        return _logical(t.function(name, text.use, part.use), text, part)
    comparer = call.constant(2)
    builtin = comparer.spec.builtin if getattr(comparer, "spec", None) is not None else None
    if builtin is not None and builtin.name == "Comparer.Ordinal":
        return _logical(t.function(name, text.use, part.use), text, part)
    if builtin is None or builtin.name != "Comparer.OrdinalIgnoreCase" or not part.ascii:
        raise Unfoldable(f"{call.name} with a comparer")
    folded = t.function(name, t.function("upper", text.use), t.function("upper", part.use))
    if not text.ascii:
        plain = t.binary(exp.EQ, t.function("strlen", text.use), t.function("length", text.use))
        folded = t.case(
            (t.is_null(text.use), t.cast(exp.Null(), "BOOLEAN")), (plain, folded), otherwise=t.error()
        )
    return _logical(folded, text, part)


@folds("Text.PositionOf")
def position(call: Call) -> Scalar:
    text, part = call.sure(0, "text"), call.sure(1, "text")
    call.at_most(2)
    sql = t.binary(exp.Sub, t.function("strpos", text.use, part.use), t.whole(1))
    return typed(t.basic_plane(text, sql), "number", "BIGINT", text, part, nonan=True, int53=True)


@folds("Text.Replace")
def replace(call: Call) -> Scalar:
    text, old, new = call.of(0, "text"), call.text(1), call.sure(2, "text")
    call.at_most(3)
    if not old:
        raise Unfoldable("Text.Replace of an empty text")
    sql = t.function("replace", text.use, t.string(old), new.use)
    return _text(sql, text, new, ascii=text.ascii and new.ascii)


@folds("Text.PadStart", "Text.PadEnd")
def pad(call: Call) -> Scalar:
    text, count = call.of(0, "text"), call.count_at(1)
    filler = call.text(2) if call.count > 2 else " "
    if len(filler) != 1 or not "\0" < filler < "\ud800":
        raise Unfoldable(f"{call.name} with a filler that is not a single character")
    name = "lpad" if call.name == "Text.PadStart" else "rpad"
    full = t.binary(exp.GTE, t.function("length", text.use), t.whole(count))
    padded = t.function(name, text.use, t.whole(count), t.string(filler))
    sql = t.basic_plane(text, t.case((full, text.use), otherwise=padded))
    return _text(sql, text, ascii=text.ascii and filler.isascii())


@folds("Text.Repeat")
def repeat(call: Call) -> Scalar:
    text, count = call.of(0, "text"), call.count_at(1)
    if count > 10_000:
        raise Unfoldable("Text.Repeat with a large count")
    return _text(t.function("repeat", text.use, t.whole(count)), text, ascii=text.ascii)


@folds("Text.Reverse")
def reverse(call: Call) -> Scalar:
    text = call.of(0, "text")
    letters = t.function("string_split", text.use, exp.Literal.string(""))
    sql = t.function("array_to_string", t.function("list_reverse", letters), exp.Literal.string(""))
    return _text(t.basic_plane(text, sql), text, ascii=text.ascii)


@folds("Text.Remove", "Text.Select")
def characters(call: Call) -> Scalar:
    text = call.of(0, "text")
    call.at_most(2)
    given = call.constant(1)
    items = given if given.__class__ is list else [given]
    if not items or not all(i.__class__ is str and len(i) == 1 and " " <= i < "\ud800" for i in items):
        raise Unfoldable(f"{call.name} with characters that are not single")
    codes = "".join(r"\x{" + format(ord(i), "X") + "}" for i in items)
    pattern = f"[{codes}]" if call.name == "Text.Remove" else f"[^{codes}]"
    empty, everywhere = exp.Literal.string(""), exp.Literal.string("g")
    # \n must be matched too, which a class does
    sql = t.function("regexp_replace", text.use, exp.Literal.string(pattern), empty, everywhere)
    return _text(sql, text, ascii=text.ascii)
