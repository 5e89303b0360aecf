"""SQL forms of ``Text.*`` and ``Replacer.ReplaceText``.

Lengths and positions count UTF-16 units in M and characters in the engine: forms that
count leave texts beyond the basic plane to the interpreter (`basic_plane`).
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding import utf16
from folding.functions import Call, folds
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.data import culture as named
from mlang.culture.text import is_turkic
from mlang.errors import MError

#: What .NET calls white space.
BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


#: Longer texts are not made by repeating and filling up.
_LONGEST = 10_000
#: Letters whose other case differs between the engine and M (found by comparing all of them).
ODD_LETTERS = {"Text.Upper": r"ß\x{10D0}-\x{10FF}\x{10000}-\x{10FFFF}", "Text.Lower": r"\x{10000}-\x{10FFFF}"}


def _text(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    return typed(sql, "text", "VARCHAR", *parts, **facts)


def _logical(sql: Any, *parts: Scalar) -> Scalar:
    return typed(sql, "logical", "BOOLEAN", *parts)


def culture_name(call: Call, index: int) -> str:
    """The culture that was given, or the session's."""
    call.at_most(index + 1)
    name = call.constant(index) if call.count > index else None
    if name is not None and name.__class__ is not str:
        raise Unfoldable(f"{call.name} with a culture that is no text")
    try:
        return str(named(name).name)
    except MError:
        raise Unfoldable("an unknown culture") from None


@folds("Text.Length")
def length(call: Call) -> Scalar:
    text = call.of(0, "text")
    call.at_most(1)
    sql = t.function("length", text.use)
    if not text.ascii:
        astral = t.function(
            "len", t.function("regexp_extract_all", text.use, exp.Literal.string(utf16.ASTRAL))
        )
        plain = t.binary(exp.EQ, t.function("strlen", text.use), sql.copy())
        sql = t.case((plain, sql.copy()), otherwise=t.binary(exp.Add, sql.copy(), astral))
    return typed(sql, "number", "BIGINT", text, nonan=True, int53=True)


@folds("Text.Upper", "Text.Lower")
def letter_case(call: Call) -> Scalar:
    """One letter for one letter; letters that the engine maps otherwise go to the interpreter."""
    text = call.of(0, "text")
    if is_turkic(culture_name(call, 1)):
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
    text, (size, *counts) = call.of(0, "text"), count(call, 1)
    name = "left" if call.name == "Text.Start" else "right"
    sql = utf16.basic_plane(text, t.function(name, text.use, size))
    return _text(sql, text, *counts, ascii=text.ascii, raises=bool(counts) or text.raises)


def count(call: Call, index: int, most: int = 2**31 - 2) -> tuple[Any, *tuple[Scalar, ...]]:
    """A count of characters: a constant, or a whole number of the row, which must not be below 0; and its term."""
    try:
        known = call.count_at(index)
    except Unfoldable:
        x = call.whole(index)
    else:
        if known > most:
            raise Unfoldable(f"{call.name} with a large count")
        return (t.whole(known),)
    far = t.any_of([t.binary(exp.LT, x.use, t.whole(0)), t.binary(exp.GT, x.use, t.whole(most))])
    return t.unless(far, x.use), x


@folds("Text.Middle")
def middle(call: Call) -> Scalar:
    text, (start, *counts) = call.of(0, "text"), count(call, 1)
    arguments = [text.use, t.binary(exp.Add, start, t.whole(1)) if counts else t.whole(int(start.name) + 1)]
    if call.count > 2:
        size, *sizes = count(call, 2)
        arguments.append(size)
        counts += sizes
    sql = utf16.basic_plane(text, t.function("substr", *arguments))
    return _text(sql, text, *counts, ascii=text.ascii, raises=bool(counts) or text.raises)


@folds("Text.Range")
def part(call: Call) -> Scalar:
    """Raises outside the text, unlike Text.Middle."""
    text, (start, *counts) = call.of(0, "text"), count(call, 1)
    arguments, end = [text.use, t.binary(exp.Add, start, t.whole(1))], start
    if call.count > 2:
        size, *sizes = count(call, 2)
        counts += sizes
        arguments.append(size)
        end = t.binary(exp.Add, start, size)
    short = t.binary(exp.LT, t.function("length", text.use), end)
    sql = t.unless(short, t.function("substr", *arguments))
    return _text(utf16.basic_plane(text, sql), text, *counts, raises=True, ascii=text.ascii)


@folds("Text.At")
def at(call: Call) -> Scalar:
    text, (index, *counts) = call.of(0, "text"), count(call, 1)
    short = t.binary(exp.LTE, t.function("length", text.use), index)
    sql = t.unless(short, t.function("substr", text.use, t.binary(exp.Add, index, t.whole(1)), t.whole(1)))
    return _text(utf16.basic_plane(text, sql), text, *counts, raises=True, ascii=text.ascii)


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


@folds("Text.Replace", "Replacer.ReplaceText")
def replace(call: Call) -> Scalar:
    text, old, new = call.of(0, "text"), call.sure(1, "text"), call.sure(2, "text")
    call.at_most(3)
    if old.is_constant and not old.constant:
        raise Unfoldable("Text.Replace of an empty text")
    sql = t.function("replace", text.use, old.use, new.use)
    if not old.is_constant:
        sql = t.unless(t.binary(exp.EQ, old.use, exp.Literal.string("")), sql)
    raises = text.raises or old.raises or new.raises or not old.is_constant
    return _text(sql, text, old, new, raises=raises, ascii=text.ascii and new.ascii)


@folds("Text.PadStart", "Text.PadEnd")
def pad(call: Call) -> Scalar:
    text, (size, *counts) = call.of(0, "text"), count(call, 1, _LONGEST)
    filler = call.text(2) if call.count > 2 else " "
    if len(filler) != 1 or not "\0" < filler < "\ud800":
        raise Unfoldable(f"{call.name} with a filler that is not a single character")
    name = "lpad" if call.name == "Text.PadStart" else "rpad"
    full = t.binary(exp.GTE, t.function("length", text.use), size)
    padded = t.function(name, text.use, t.cast(size, "INTEGER") if counts else size, t.string(filler))
    sql = utf16.basic_plane(text, t.case((full, text.use), otherwise=padded))
    raises = bool(counts) or text.raises
    return _text(sql, text, *counts, raises=raises, ascii=text.ascii and filler.isascii())


@folds("Text.Repeat")
def repeat(call: Call) -> Scalar:
    text, (times, *counts) = call.of(0, "text"), count(call, 1, _LONGEST)
    raises = bool(counts) or text.raises
    return _text(t.function("repeat", text.use, times), text, *counts, raises=raises, ascii=text.ascii)


@folds("Text.Reverse")
def reverse(call: Call) -> Scalar:
    text = call.of(0, "text")
    letters = t.function("string_split", text.use, exp.Literal.string(""))
    sql = t.function("array_to_string", t.function("list_reverse", letters), exp.Literal.string(""))
    return _text(utf16.basic_plane(text, sql), text, ascii=text.ascii)


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
