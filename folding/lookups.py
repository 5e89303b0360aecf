"""``list{n}``, ``table{n}`` and ``table{[key = …]}`` in row functions.

A list or table that is the same for all rows is written into the query, as keys and values side by side, when it is
short; what is looked up there is found by the engine.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.meanings import Row, as_term
from folding.operators import unify
from folding.records import record_in
from folding.scalars import Translator
from folding.structures import Items, item_at
from folding.terms import Scalar, Unfoldable
from mlang.errors import MError
from mlang.syntax import nodes
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force

#: Items that are written into a query.
MOST = 500


def item(translator: Translator, node: nodes.ItemAccess) -> Any:
    """``target{index}``"""
    known = translator.once(node.target)
    target = translator.any(node.target) if known is None else known[0]
    place = translator.any(node.index)
    if target.__class__ is Scalar and isinstance(target.inside, Items):
        return _of_cell(target, as_term(place), node.optional)
    if target.__class__ in (Scalar, Row):
        raise Unfoldable("an item of something that is not a list")
    key = record_in(place)
    kind = _kind(target)
    if kind == "table" and key is not None:
        return _row(target, key, node.optional)
    if kind == "list" and place.__class__ is Scalar and place.kind == "number":
        return _at(target, place, node.optional)
    raise Unfoldable("an item that is looked up otherwise")


def _kind(value: Any) -> str:
    """The kind of a value; none has what stands for rows or functions while a query is made."""
    try:
        return kind_of(value)
    except TypeError:
        return ""


def _of_cell(column: Scalar, place: Scalar, optional: bool) -> Scalar:
    """An item of a list in a cell, by a constant place or one that the row tells."""
    held = column.inside
    if place.is_constant:
        index = place.constant
        if index.__class__ is not float or index < 0 or not index.is_integer() or index > 1e6:
            raise Unfoldable("an item at a place that is no whole number")
        return item_at(column, int(index), optional)
    if column.nullable or not isinstance(held, Items):
        raise Unfoldable("an item of a list that may be null")
    return _picked(column.use, held.term, t.function("len", column.use), place, optional)


def constants(values: Any) -> list[Any]:
    """The values of a short list that the interpreter made."""
    found = []
    try:
        for value in values:
            found.append(strip(force(value)))
            if len(found) > MOST:
                raise Unfoldable("a long list in a row function")
    except MError:
        raise Unfoldable("a list that holds errors") from None
    return found


def listed(values: list[Any]) -> tuple[Any, Scalar]:
    """Constants as the engine's list, and what is known of its items."""
    terms = [as_term(value) for value in values]
    first = terms[0]
    for term in terms[1:]:
        first, _ = unify(first, term)
    same = [unify(first, term)[1] for term in terms]
    if first.kind in ("any", "null"):
        raise Unfoldable("a list of values of unknown kind")
    known = Scalar(
        exp.Null(), first.kind, same[0].storage, any(x.nullable for x in same), nonan=all(x.nonan for x in same),
        int53=all(x.int53 for x in same), ascii=all(x.ascii for x in same),
    )  # fmt: skip
    return t.function("list_value", *[x.use for x in same]), known


def _at(values: Any, place: Scalar, optional: bool) -> Scalar:
    """An item of a list that is the same for all rows, at a place that the row tells."""
    found = constants(values)
    if not found:
        raise Unfoldable("an item of an empty list")
    sql, known = listed(found)
    return _picked(sql, known, t.whole(len(found)), place, optional)


def _picked(sql: Any, known: Scalar, size: Any, place: Scalar, optional: bool) -> Scalar:
    """An item at a place that the row tells; a place that is none stops the query."""
    number = t.as_double(t.need(t.plain_number(place), "number"))
    odd = [t.binary(exp.LT, number, t.double(0.0)), t.binary(exp.NEQ, t.function("trunc", number), number)]
    if place.nullable:
        odd.append(t.is_null(number))
    if not place.nonan:
        odd.append(t.function("isnan", number))
    beyond = t.binary(exp.GTE, number, size)
    picked = t.function("list_extract", sql, t.cast(t.binary(exp.Add, number, t.double(1.0)), "BIGINT"))
    nothing = (
        t.error() if not optional else t.cast(exp.Null(), known.storage) if known.storage else exp.Null()
    )
    made = t.case((t.any_of(odd), t.error()), (beyond, nothing), otherwise=picked)
    return evolve(known, sql=made, raises=True, nullable=known.nullable or optional, constant=t.VARIES)


def _row(table: Any, key: Row, optional: bool) -> Row:
    """The row of a table that is the same for all rows, by the value of one column."""
    names = tuple(table.type.names)
    if len(key.names) != 1 or key.names[0] not in names:
        raise Unfoldable("a row that is looked up by several columns")
    wanted = as_term(key.field(key.names[0]))
    keys = constants(_cells(table, key.names[0]))
    place = place_in(keys, wanted)

    def field(name: str) -> Scalar | None:
        if name not in names:
            return None
        sql, known = listed(constants(_cells(table, name)))
        found = t.function("list_extract", sql, place.sql)
        missing = t.cast(exp.Null(), known.storage) if optional else t.error()
        made = t.case((t.is_null(place.sql), missing), otherwise=found)
        return evolve(
            known, sql=made, nullable=known.nullable or optional, raises=place.raises or not optional
        )

    return Row(field, names)


def _cells(table: Any, name: str) -> Any:
    place = table.type.names.index(name)
    for count, row in enumerate(table.rows()):
        if count > MOST:
            raise Unfoldable("a long table in a row function")
        yield row[place]


def place_in(keys: list[Any], wanted: Scalar) -> Scalar:
    """Where (from 1) a value stands among different constants; null where it does not."""
    if not keys:
        raise Unfoldable("a lookup in nothing")
    kinds = {kind_of(k) for k in keys if k is not None}
    if len(kinds) == 1:
        wanted = t.of_kind(wanted, min(kinds))
    if kinds != {wanted.kind} or wanted.kind not in ("number", "text", "date", "datetime", "time", "logical"):
        raise Unfoldable("a lookup of values of another kind")
    if len({(k.__class__, k) for k in keys}) < len(keys) or any(k != k for k in keys):
        raise Unfoldable("a lookup among values that are there twice")
    sql, known = listed([k for k in keys if k is not None])
    wanted = t.plain_number(wanted)
    if wanted.storage != known.storage:
        if wanted.kind != "number" or not wanted.int53:
            raise Unfoldable("a lookup of values of another type")
        wanted = evolve(wanted, sql=t.as_double(wanted), storage="DOUBLE")
    present = [k for k in keys if k is not None]
    found: Any = t.function("nullif", t.function("list_position", sql, wanted.use), t.whole(0))
    if len(present) < len(keys):
        after = t.whole(keys.index(None))
        moved = t.case(
            (t.binary(exp.GT, found, after), t.binary(exp.Add, found, t.whole(1))), otherwise=found
        )
        null_place = t.whole(keys.index(None) + 1)
        found = t.case((t.is_null(wanted.use), null_place), otherwise=moved)
    if wanted.kind == "number" and not wanted.nonan:
        nan = t.function("isnan", t.as_double(wanted))
        found = t.case((nan, t.cast(exp.Null(), "BIGINT")), otherwise=found)
    return Scalar(found, "number", "BIGINT", True, raises=wanted.raises)
