"""Lists made from a rule, a text, a record: numbers and dates a step apart, characters, the cells of a row."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding import utf16
from folding.functions import Call
from folding.functions.list_makers import constant_count, count_of
from folding.functions.list_shapes import (
    LONGEST,
    Item,
    Shape,
    Written,
    constant_list,
    lambda_of,
    list_at,
    listed,
    makes,
    over,
    sure_at,
    whole_at,
)  # fmt: skip
from folding.meanings import Row
from folding.operators import arithmetic
from folding.scalars import Translator
from folding.structures import list_of, settled
from folding.terms import Scalar, Unfoldable, typed
from mlang.syntax import nodes
from mlang.values.temporal import DAY


@makes("List.Positions")
def _positions(call: Call) -> Shape:
    call.at_most(1)
    column = listed(list_at(call))
    return _numbers(t.function("range", t.function("len", column.use)), column)


def _numbers(sql: Any, *parts: Scalar) -> Scalar:
    """A list of whole numbers of the engine."""
    item = Scalar(exp.Null(), "number", "BIGINT", False, nonan=True, int53=True)
    return list_of(sql, item, *parts, nullable=False)


@makes("List.Repeat")
def _repeat(call: Call) -> Shape:
    call.at_most(2)
    column, number = listed(list_at(call)), count_of(call, constant_count(call))
    beyond = t.binary(
        exp.GT, t.binary(exp.Mul, t.function("len", column.use), number.use), t.whole(1_000_000)
    )
    times = over(t.function("range", t.unless(beyond, number.use)), lambda _: column.use)
    return evolve(column, sql=t.function("flatten", times), raises=column.raises or number.raises)


# ---------------------------------------------------------------- made from a rule


#: Longer lists that are made of a row are for the interpreter.
_MOST = 1_000_000


@makes("List.Numbers", "List.Dates", "List.DateTimes", "List.Durations")
def _from_rule(call: Call) -> Shape:
    """So many values from a start, each a step after the last."""
    kind = {"Numbers": "number", "Dates": "date", "DateTimes": "datetime", "Durations": "duration"}[
        call.name[5:]
    ]
    start, number = sure_at(call, 0, kind), count_of(call, constant_count(call))
    if kind == "number":
        step = sure_at(call, 2, "number") if call.count > 2 else t.literal(1.0)
    else:
        step = sure_at(call, 2, "duration")
    beyond = t.binary(exp.GT, number.use, t.whole(_MOST))
    places = t.function("range", t.unless(beyond, number.use))
    index = Scalar(exp.Null(), "number", "BIGINT", False, nonan=True, int53=True)
    each, made = lambda_of(index, lambda i: _value_at(kind, start, i, step))
    if made.kind != kind:
        raise Unfoldable("a step that makes values of another kind")
    sql = t.function("list_transform", places, each)
    whole = kind == "number" and start.int53 and step.is_constant and step.constant == 1.0
    item = evolve(settled(made), int53=whole and start.largest is not None)
    raises = made.raises or any(x.raises for x in (start, number, step))
    return list_of(sql, item, nullable=False, raises=raises)


def _value_at(kind: str, start: Scalar, index: Scalar, step: Scalar) -> Scalar:
    if kind == "number":
        moved = arithmetic("*", index, step)
        return arithmetic("+", start, moved)
    if kind == "date":
        if not step.is_constant or step.constant.ticks % DAY:
            raise Unfoldable("dates a constant number of days apart only")
        days = t.binary(exp.Mul, index.use, t.whole(step.constant.ticks // DAY))
        far = t.binary(exp.GT, t.function("abs", days), t.whole(4_000_000))
        moved = t.binary(exp.Add, start.use, t.cast(t.unless(far, days), "INTEGER"))
        ends = [t.cast(exp.Literal.string(text), "DATE") for text in ("0001-01-01", "9999-12-31")]
        outside = t.any_of([t.binary(exp.LT, moved, ends[0]), t.binary(exp.GT, moved, ends[1])])
        return typed(t.unless(outside, moved), "date", "DATE", start, raises=True)
    ticks = t.binary(exp.Mul, index.use, step.use)
    return arithmetic("+", start, typed(ticks, "duration", "BIGINT", step, nullable=False))


@makes("Text.ToList")
def _characters(call: Call) -> Shape:
    """The characters of a text; those that M counts as two are for the interpreter."""
    text = sure_at(call, 0, "text")
    nothing = exp.Array(expressions=[])
    parts = t.function("string_split", text.use, exp.Literal.string(""))
    sql = t.case((t.binary(exp.EQ, text.use, exp.Literal.string("")), nothing), otherwise=parts)
    item = Scalar(exp.Null(), "text", "VARCHAR", False, ascii=text.ascii)
    return list_of(utf16.basic_plane(text, sql), item, text, nullable=False, raises=text.raises)


@makes("Record.FieldValues", "Record.ToList")
def _cells(call: Call) -> Shape:
    """The cells of the row, or the fields of a record."""
    from folding.structures import Fields

    call.at_most(1)
    row = call.translator.any(call.arguments[0])
    if isinstance(row, Row):
        if not row.names or len(row.names) > LONGEST:
            raise Unfoldable("the cells of a row without columns, or with too many")
        found = [row.field(name) for name in row.names]
        return Written(tuple(Item(x) for x in found if x is not None))
    if not isinstance(row, Scalar) or not isinstance(row.inside, Fields) or row.nullable:
        raise Unfoldable("the fields of something that is no record")
    fields = [row.inside.field(row, name) for name in row.inside.names]
    return Written(tuple(Item(x) for x in fields if x is not None))


def ranged(translator: Translator, node: nodes.List) -> Scalar:
    """A list with ranges of whole numbers of the row."""
    from folding.functions.list_sets import concatenated

    try:
        return listed(constant_list(translator.constant(node)))
    except Unfoldable:
        pass  # it depends on the row
    parts = []
    for item in node.items:
        if not isinstance(item, nodes.Range):
            parts.append(listed(Written((Item(translator.scalar(item)),))))
            continue
        call = Call("a range", translator, (item.first, item.last))
        first, last = whole_at(call, 0), whole_at(call, 1)
        size = t.binary(exp.Sub, last.use, first.use)
        end = t.binary(exp.Add, last.use, t.whole(1))
        sql = t.function("range", first.use, t.unless(t.binary(exp.GT, size, t.whole(_MOST)), end))
        parts.append(_numbers(sql, first, last))
    return parts[0] if len(parts) == 1 else concatenated(parts)
