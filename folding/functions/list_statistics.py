"""List functions of statistics: percentiles, the most frequent items, covariance; and ``List.Accumulate``."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.functions.list_makers import without_nulls
from folding.functions.list_order import ordered, runs_of
from folding.functions.list_shapes import (
    Written,
    each_kept,
    element,
    function_at,
    indexed,
    item_of,
    let,
    list_at,
    listed,
    makes,
    no_nan,
    over,
    part,
    structure,
    unknown,
)
from folding.operators import computing
from folding.structures import items as items_of
from folding.structures import list_of
from folding.terms import Scalar, Unfoldable, need, typed
from mlang.values.kinds import is_number
from mlang.values.thunk import force

#: `PercentileMode`: Excel's two, the discrete and the continuous one of SQL.
_INC, _EXC, _DISC, _CONT = 1, 2, 3, 4


@folds("List.Percentile")
def percentile(call: Call) -> Scalar:
    """For constant shares."""
    call.at_most(3)
    shares, mode = call.constant(1), _mode(call)
    column = listed(list_at(call))
    if shares.__class__ is list:
        wanted = [force(x) for x in shares]
        if not 1 <= len(wanted) <= 20:
            raise Unfoldable("no shares, or many")
        return items_of([share_of(column, _share(x), mode) for x in wanted])
    return share_of(column, _share(shares), mode)


def _mode(call: Call) -> int:
    options = call.constant(2) if call.count > 2 else None
    if options is None:
        return _INC
    if options.__class__ is not dict or set(options) - {"PercentileMode"}:
        raise Unfoldable("options that are none")
    mode = force(options.get("PercentileMode"))
    if mode is None:
        return _INC
    if mode.__class__ is not float or mode not in (_INC, _EXC, _DISC, _CONT):
        raise Unfoldable("options that are none")
    return int(mode)


def _share(value: Any) -> float:
    if not is_number(value) or not 0 <= float(value) <= 1:
        raise Unfoldable("a share that raises")
    return float(value)


def share_of(column: Scalar, share: float, mode: int) -> Scalar:
    """The value below which a share of the items that are not null lies."""
    item = item_of(column)
    if isinstance(item.inside, t.Scaled):
        return _of_decimals(column, share, mode)
    if item.kind != "number" and (mode != _DISC or item.kind in ("any", "null", "binary")):
        raise Unfoldable("the value between two that are no numbers")
    if item.kind == "number":
        column = _as_doubles(each_kept(column))
    kept = listed(ordered(without_nulls(column)))
    item = item_of(kept)

    def pick(values: Any) -> Any:
        size = t.function("len", values)
        empty = t.binary(exp.EQ, size, t.whole(0))
        if mode == _DISC:
            return t.case((empty, exp.Null()), otherwise=element(values, _discrete(size, share)))
        return t.case(
            (empty, exp.Null()), otherwise=let(_place(size, share, mode), lambda p: _between(values, p))
        )

    storage = item.storage
    sql = t.cast(let(kept.use, pick), storage)
    raises = kept.raises or mode == _EXC
    return t.unsigned(evolve(item, sql=sql, nullable=True, raises=raises, nonan=mode == _DISC, int53=False))


def _of_decimals(column: Scalar, share: float, mode: int) -> Scalar:
    """One of the decimals, or the double between two."""
    kept = listed(ordered(without_nulls(column)))
    item = item_of(kept)

    def fields(values: Any) -> Any:
        size = t.function("len", values)
        none = t.binary(exp.EQ, size, t.whole(0))
        if mode == _DISC:
            found = structure(element(values, _discrete(size, share)), exp.Null())
            return t.case((none, exp.Null()), otherwise=found)

        def parts(place: Any) -> Any:
            index = t.cast(t.function("trunc", place), "BIGINT")
            low = element(values, t.binary(exp.Add, index, t.whole(1)))
            whole = t.binary(exp.EQ, place, t.function("trunc", place))
            doubles = over(values, lambda v: t.plain_number(evolve(item, sql=v)).sql)
            between = let(doubles, lambda all: _between(all, place))
            return structure(t.case((whole, low)), t.case((whole, exp.Null()), otherwise=between))

        return t.case((none, exp.Null()), otherwise=let(_place(size, share, mode), parts))

    raises = kept.raises or mode == _EXC
    return Scalar(let(kept.use, fields), "any", "", True, raises, inside=t.Mixed())


def _discrete(size: Any, share: float) -> Any:
    """The place, from 1, of the first item that a share of all is not beyond."""
    up = t.function("ceil", t.binary(exp.Mul, t.double(share), t.cast(size, "DOUBLE")))
    return t.function("greatest", t.cast(up, "BIGINT"), t.whole(1))


def _as_doubles(column: Scalar) -> Scalar:
    item = need(item_of(column), "number")
    if item.storage == "DOUBLE":
        return column
    facts = evolve(item, sql=exp.Null(), storage="DOUBLE", int53=False, largest=None, natural=False)
    return list_of(over(column.use, lambda v: t.cast(v, "DOUBLE")), facts, column, nullable=False)


def _place(size: Any, share: float, mode: int) -> Any:
    """The place, from 0, with its fraction; one outside the list raises in M."""
    number = t.cast(size, "DOUBLE")
    if mode != _EXC:
        return t.binary(exp.Mul, t.double(share), t.binary(exp.Sub, number, t.double(1.0)))
    above = t.binary(exp.Mul, t.double(share), t.binary(exp.Add, number, t.double(1.0)))
    place = t.binary(exp.Sub, above, t.double(1.0))
    low = t.binary(exp.LT, place, t.double(0.0))
    high = t.binary(exp.GT, place, t.binary(exp.Sub, number, t.double(1.0)))
    return t.unless(t.any_of([low, high]), place)


def _between(values: Any, place: Any) -> Any:
    """The item at a place, or the value a fraction of the way to the next one, as the interpreter computes it."""
    index = t.cast(t.function("trunc", place), "BIGINT")
    fraction = t.binary(exp.Sub, place, t.function("trunc", place))
    low, high = [element(values, t.binary(exp.Add, index, t.whole(i))) for i in (1, 2)]
    both = t.binary(exp.Add, low, high)
    half = exp.Div(this=exp.Paren(this=both), expression=t.double(2.0), typed=True)
    middle = t.all_of([t.binary(exp.EQ, fraction, t.double(0.5)), t.function("isfinite", both)])
    step = t.binary(exp.Mul, exp.Paren(this=t.binary(exp.Sub, high, low)), fraction)
    whole = t.binary(exp.EQ, fraction, t.double(0.0))
    return t.case((whole, low), (middle, half), otherwise=t.binary(exp.Add, low, step))


# ---------------------------------------------------------------- the most frequent


@folds("List.Mode")
def mode(call: Call) -> Scalar:
    """The most frequent item, of several the one that came last."""
    call.at_most(1)
    found = _modes(call)
    sql = t.function("list_extract", found.use, t.whole(-1))
    return evolve(item_of(found), sql=sql, nullable=True, raises=found.raises)


@makes("List.Modes")
def _modes(call: Call) -> Scalar:
    """Runs of equal items after sorting; the longest ones in the order in which they began."""
    call.at_most(1)
    column = listed(list_at(call))
    item = item_of(column)
    if unknown(item):
        raise Unfoldable("the most frequent of values of unknown kind")
    column = no_nan(column, "the most frequent number")

    def longest(pair: Any) -> Any:
        entries, starts = part(pair, 1), part(pair, 2)

        def run(at: Any, number: Any) -> Any:
            following = element(starts, t.binary(exp.Add, number, t.whole(1)))
            end = t.function("coalesce", following, t.binary(exp.Add, t.function("len", entries), t.whole(1)))
            first = element(entries, at)
            return structure(part(first, 2), part(first, 1), t.binary(exp.Sub, end, at))

        return let(indexed(starts, run), _longest)

    found = t.function("list_sort", let(runs_of(column), longest))
    return evolve(column, sql=over(found, lambda s: part(s, 2)))


def _longest(runs: Any) -> Any:
    most = t.function("list_max", over(runs, lambda r: part(r, 3)))
    return let(most, lambda most: over(runs, lambda r: t.binary(exp.EQ, part(r, 3), most), "list_filter"))


@folds("List.Covariance")
def covariance(call: Call) -> Scalar:
    """Of two lists of numbers; nulls do not count."""
    call.at_most(2)
    xs, ys = [over(_as_doubles(listed(list_at(call, i))).use, t.not_null, "list_filter") for i in (0, 1)]
    parts = [listed(list_at(call, i)) for i in (0, 1)]

    def both(pair: Any) -> Any:
        left, right = part(pair, 1), part(pair, 2)
        size = t.cast(t.function("len", left), "DOUBLE")
        products = indexed(left, lambda v, i: _over(t.binary(exp.Mul, v, element(right, i)), size))
        means = [exp.Paren(this=_over(t.function("list_sum", side), size)) for side in (left, right)]
        value = t.binary(exp.Sub, t.function("list_sum", products), t.binary(exp.Mul, *means))
        unlike = t.binary(exp.NEQ, t.function("len", left), t.function("len", right))
        none = t.binary(exp.EQ, t.function("len", left), t.whole(0))
        return t.case((unlike, t.error()), (none, exp.Null()), otherwise=value)

    sql = t.cast(let(structure(xs, ys), both), "DOUBLE")
    return typed(sql, "number", "DOUBLE", *parts, nullable=True, raises=True)


def _over(sql: Any, size: Any) -> Any:
    return exp.Div(this=t.operand(sql), expression=size, typed=True)


# ---------------------------------------------------------------- states


@folds("List.Accumulate")
def accumulate(call: Call) -> Scalar:
    """Over a list that is written out, step by step."""
    call.at_most(3)
    shape, step = list_at(call), function_at(call, 2)
    if not isinstance(shape, Written) or not shape.fixed or len(shape.items) > 50:
        raise Unfoldable("List.Accumulate over a list that is not written out")
    state = call.term(1)
    for item in shape.items:
        before, state = state, step(state, item.value)
        if before.raises:  # M computes each state, also one of which the next makes no use
            state = computing(state, before)
        t.limited(state.sql)
    return state
