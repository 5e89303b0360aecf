"""List functions of several lists: one after the other, side by side, and as bags of items."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.functions import Call
from folding.functions.list_shapes import (
    Shape,
    Written,
    common,
    constant_list,
    element,
    engine_list,
    indexed,
    item_of,
    let,
    list_at,
    listed,
    makes,
    mapped,
    no_nan,
    over,
    part,
    structure,
)  # fmt: skip
from folding.meanings import as_term
from folding.operators import unify
from folding.structures import Items, list_of, settled
from folding.terms import Scalar, Unfoldable


def lists_alike(columns: list[Scalar]) -> list[Scalar]:
    """Lists whose items are in one kind and SQL type."""
    first = item_of(columns[0])
    for column in columns[1:]:
        first, _ = unify(_sample(first), _sample(item_of(column)))
    found = []
    for column in columns:
        item = item_of(column)
        if item.storage == first.storage and item.kind == first.kind:
            found.append(column)
        else:
            found.append(mapped(column, lambda x: unify(_sample(first), x)[1]))
    return found


def _sample(item: Scalar) -> Scalar:
    return evolve(item, sql=exp.Null())


def concatenated(columns: list[Scalar]) -> Scalar:
    """Lists one after the other."""
    columns = lists_alike([engine_list(x) for x in columns])
    return list_of(
        t.function("list_concat", *[x.use for x in columns]), common(columns), *columns, nullable=False
    )


@makes("List.Combine")
def _combine(call: Call) -> Shape:
    call.at_most(1)
    outer = list_at(call)
    if isinstance(outer, Written) and outer.fixed and outer.items:
        shapes = [_inner(call, item.value) for item in outer.items]
        if all(isinstance(shape, Written) for shape in shapes):
            return Written(tuple(item for shape in shapes for item in shape.items))
        return concatenated([listed(shape) for shape in shapes])
    outer = listed(outer)
    inner = item_of(outer)
    if not isinstance(inner.inside, Items) or inner.nullable:
        raise Unfoldable("List.Combine of what may not be lists")
    return list_of(t.function("flatten", outer.use), inner.inside.term, outer, nullable=False)


@makes("List.Zip")
def _zip(call: Call) -> Shape:
    """Lists of the items in the same places; null where a list is short."""
    call.at_most(1)
    outer = list_at(call)
    if not isinstance(outer, Written) or not outer.fixed or not 1 <= len(outer.items) <= 10:
        raise Unfoldable("List.Zip of lists that are not written out")
    columns = lists_alike([listed(_inner(call, item.value)) for item in outer.items])
    lengths = [t.function("len", x.use) for x in columns]
    longest = t.function("greatest", *lengths) if len(lengths) > 1 else lengths[0]
    places = t.function("range", t.whole(1), t.binary(exp.Add, longest, t.whole(1)))

    def row(all: Any, at: Any) -> Any:
        return t.function("list_value", *[element(part(all, i), at) for i in range(1, len(columns) + 1)])

    rows = let(structure(*[x.use for x in columns]), lambda all: over(places, lambda at: row(all, at)))
    item = evolve(common(columns), nullable=True)
    return list_of(rows, settled(list_of(exp.Null(), item, nullable=False)), *columns, nullable=False)


# ---------------------------------------------------------------- bags


@makes("List.Union", "List.Intersect", "List.Difference")
def _bags(call: Call) -> Shape:
    """Lists as bags: an item counts as often as it is there; the engine compares each with each."""
    if call.name == "List.Difference":
        call.at_most(2)
        shapes = [list_at(call, 0), list_at(call, 1)]
    else:
        call.at_most(1)
        outer = list_at(call)
        if not isinstance(outer, Written) or not outer.fixed or len(outer.items) != 2:
            raise Unfoldable(f"{call.name} of other than two lists that are written out")
        shapes = [_inner(call, item.value) for item in outer.items]
    lists = lists_alike([listed(shape) for shape in shapes])
    left, right = [_short(no_nan(x, "sets of numbers")) for x in lists]
    if call.name == "List.Union":
        return concatenated([left, _bag_part(right, left, False)])
    return _bag_part(left, right, call.name == "List.Intersect")


def _inner(call: Call, value: Any) -> Shape:
    return constant_list(value) if value.__class__ is list else engine_list(as_term(value))


def _short(column: Scalar) -> Scalar:
    """Lists of more than 1000 items are for the interpreter, which does not compare each with each."""
    if item_of(column).kind == "datetimezone":
        raise Unfoldable("sets of datetimezones, which are equal by their instants")
    long = t.binary(exp.GT, t.function("len", column.use), t.whole(1000))
    return evolve(column, sql=t.unless(long, column.use))


def _bag_part(column: Scalar, other: Scalar, common: bool) -> Scalar:
    """The items that another list has as often as (``common``), or less often than, they were there so far."""
    both = structure(column.use, other.use)
    sql = let(both, lambda both: indexed(part(both, 1), _kept_of(both, common), "list_filter"))
    return evolve(column, sql=sql, raises=column.raises or other.raises)


def _kept_of(both: Any, common: bool) -> Any:
    def kept(value: Any, at: Any) -> Any:
        def times(list: Any) -> Any:
            return t.function("len", over(list, lambda v: t.binary(exp.NullSafeEQ, v, value), "list_filter"))

        so_far = t.function("list_slice", part(both, 1), t.whole(1), at)
        return t.binary(exp.LTE if common else exp.GT, times(so_far), times(part(both, 2)))

    return kept
