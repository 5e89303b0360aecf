"""SQL forms of ``Text.PositionOf`` and its kin, ``Text.SplitAny``, ``Character.*`` and ``Text.Format``."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from folding import terms as t
from folding import utf16
from folding.comparers import builtin_comparer
from folding.functions import Call, folds
from folding.functions.formats import culture_of, written_text
from folding.functions.pieces import overlaps
from folding.meanings import as_term
from folding.records import record_in
from folding.structures import list_of
from folding.terms import Scalar, Unfoldable, typed
from mlang.syntax import nodes
from mlang.values.thunk import force

_FIRST, _LAST, _ALL = range(3)


def _occurrence(call: Call) -> int:
    value = call.constant(2) if call.count > 2 else None
    if value is None:
        return _FIRST
    if value not in (0.0, 1.0, 2.0):
        raise Unfoldable(f"{call.name} with an occurrence that is none")
    return int(value)


def _whole(sql: Any, *parts: Scalar) -> Scalar:
    return typed(sql, "number", "BIGINT", *parts, nonan=True, int53=True)


def _places(text: Scalar, pieces: Any, size: int) -> Scalar:
    """Where the gaps between the pieces of a text begin."""
    place, piece = exp.to_identifier("i"), exp.to_identifier("w")
    before = t.function("list_slice", pieces, t.whole(1), place)
    lengths = exp.Lambda(this=t.function("length", piece), expressions=[piece], colon=True)
    total = t.cast(t.function("list_sum", t.function("list_transform", before, lengths)), "BIGINT")
    gaps = t.binary(exp.Mul, exp.Paren(this=t.binary(exp.Sub, place, t.whole(1))), t.whole(size))
    each = exp.Lambda(this=t.binary(exp.Add, total, gaps), expressions=[place], colon=True)
    numbers = t.function("range", t.whole(1), t.function("len", pieces))
    item = Scalar(exp.Null(), "number", "BIGINT", False, nonan=True, int53=True)
    return list_of(utf16.basic_plane(text, t.function("list_transform", numbers, each)), item, text)


@folds("Text.PositionOf")
def position_of(call: Call) -> Scalar:
    """The first, last or every place of a text in another."""
    text, part, which = call.sure(0, "text"), call.sure(1, "text"), _occurrence(call)
    comparer = call.constant(3) if call.count > 3 else None
    if comparer is not None:
        name, _ = builtin_comparer(comparer)
        if name == "Comparer.OrdinalIgnoreCase":
            text, part = _in_capitals(text), _in_capitals(part)
        elif name != "Comparer.Ordinal":
            raise Unfoldable("Text.PositionOf with a comparer")
    if which == _FIRST:
        sql = t.binary(exp.Sub, t.function("strpos", text.use, part.use), t.whole(1))
        return _whole(utf16.basic_plane(text, sql), text, part)
    mark = part.constant if part.is_constant else call.constant(1)
    if not mark or (which == _LAST and overlaps(mark)) or any(c > "\uffff" for c in mark):
        raise Unfoldable("the last place of a text that is empty or may overlap itself")
    pieces = t.function("string_split", text.use, part.use)
    if which == _ALL:
        return _places(text, pieces, len(mark))
    size = t.function("length", text.use)
    behind = t.function("length", t.function("list_extract", pieces, t.whole(-1)))
    there = t.function("contains", text.use, part.use)
    place = t.binary(exp.Sub, t.binary(exp.Sub, size, behind), t.whole(len(mark)))
    return _whole(utf16.basic_plane(text, t.case((there, place), otherwise=t.whole(-1))), text, part)


def _in_capitals(text: Scalar) -> Scalar:
    """An ASCII text in capitals; other texts stop the query."""
    sql = t.function("upper", text.use)
    if not text.ascii:
        sql = t.unless(t.binary(exp.NEQ, t.function("strlen", text.use), t.function("length", text.use)), sql)
    constant = text.constant.upper() if text.is_constant and text.ascii else t.VARIES
    return typed(
        sql, "text", "VARCHAR", text, ascii=True, raises=text.raises or not text.ascii, constant=constant
    )


def _any_of(call: Call, given: Any) -> str:
    """A pattern of some characters."""
    items = list(given) if given.__class__ is str else []
    if given.__class__ is list:
        items = [force(item) for item in given]
    if not items or not all(i.__class__ is str and len(i) == 1 and "\0" < i < "\ud800" for i in items):
        raise Unfoldable(f"{call.name} with characters that are not single")
    return "".join(r"\x{" + format(ord(i), "X") + "}" for i in items)


@folds("Text.PositionOfAny")
def position_of_any(call: Call) -> Scalar:
    """The first, last or every place of any of some characters."""
    text, which = call.sure(0, "text"), _occurrence(call)
    call.at_most(3)
    codes = _any_of(call, call.constant(1))
    if which == _ALL:
        return _places(text, t.function("string_split_regex", text.use, exp.Literal.string(f"[{codes}]")), 1)
    if which == _LAST:
        upto = t.function("regexp_extract", text.use, exp.Literal.string(f"(?s)^.*[{codes}]"))
        return _whole(
            utf16.basic_plane(text, t.binary(exp.Sub, t.function("length", upto), t.whole(1))), text
        )
    ahead = t.function("length", t.function("regexp_extract", text.use, exp.Literal.string(f"^[^{codes}]*")))
    nowhere = t.binary(exp.EQ, ahead, t.function("length", text.use))
    return _whole(utf16.basic_plane(text, t.case((nowhere, t.whole(-1)), otherwise=ahead)), text)


@folds("Text.SplitAny")
def split_any(call: Call) -> Scalar:
    text = call.sure(0, "text")
    call.at_most(2)
    pattern = exp.Literal.string(f"[{_any_of(call, call.text(1))}]")
    item = Scalar(exp.Null(), "text", "VARCHAR", False, ascii=text.ascii)
    return list_of(t.function("string_split_regex", text.use, pattern), item, text)


# ---------------------------------------------------------------- characters


@folds("Character.FromNumber")
def from_number(call: Call) -> Scalar:
    """Halves of surrogate pairs are no text of an engine."""
    x = t.plain_number(call.of(0, "number"))
    call.at_most(1)
    code = call.whole_or_null(x)
    odd = [
        t.binary(exp.LT, code, t.whole(1)), t.binary(exp.GT, code, t.whole(0x10FFFF)),
        t.all_of([t.binary(exp.GTE, code, t.whole(0xD800)), t.binary(exp.LTE, code, t.whole(0xDFFF))]),
    ]  # fmt: skip
    sql: Any = t.function("chr", t.cast(t.unless(t.any_of(odd), code), "INTEGER"))
    if x.nullable:
        sql = t.case((t.not_null(x.use), sql))
    return typed(sql, "text", "VARCHAR", x, raises=True)


@folds("Character.ToNumber")
def to_number(call: Call) -> Scalar:
    text = call.of(0, "text")
    call.at_most(1)
    empty = t.binary(exp.EQ, text.use, exp.Literal.string(""))
    code = t.cast(t.function("unicode", text.use), "BIGINT")
    return typed(t.unless(empty, code), "number", "BIGINT", text, nonan=True, int53=True, raises=True)


# ---------------------------------------------------------------- Text.Format

_PLACEHOLDER = re.compile(r"#\{([^{}]*)\}|#\[([^\[\]]*)\]")


@folds("Text.Format")
def format_(call: Call) -> Scalar:
    """A constant template, filled with the items of a list that is written out or the fields of a record."""
    template = call.text(0)
    info = culture_of(call.constant(2) if call.count > 2 else None)
    node = call.arguments[1]
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    items = node.items if isinstance(node, nodes.List) else None
    record = record_in(call.translator.any(node)) if items is None else None
    if items is None and record is None:
        raise Unfoldable("Text.Format of values that are not written out")
    parts: list[Any] = []
    terms = []
    at = 0
    for found in _PLACEHOLDER.finditer(template):
        parts.append(t.string(template[at : found.start()]))
        at = found.end()
        name, place = found[2], (found[1] or "").strip()
        if name is not None and record is not None and name in record.names:
            value = as_term(record.meaning(name))
        elif (
            name is None
            and items is not None
            and place.isascii()
            and place.isdigit()
            and int(place) < len(items)
        ):
            value = call.translator.scalar(items[int(place)])
        else:
            raise Unfoldable("Text.Format with a placeholder that has no value")
        written = written_text(value, info)
        terms.append(written)
        null = (t.is_null(written.use), exp.Literal.string("null"))
        parts.append(t.case(null, otherwise=written.use) if written.nullable else written.use)
    parts.append(t.string(template[at:]))
    sql: Any = parts[0]
    for part in parts[1:]:
        sql = t.binary(exp.DPipe, sql, part)
    ascii = template.isascii() and all(x.ascii for x in terms)
    return typed(sql, "text", "VARCHAR", *terms, nullable=False, ascii=ascii)
