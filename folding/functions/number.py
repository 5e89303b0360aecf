"""SQL forms of ``Number.*``: doubles, bit for bit."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.terms import Scalar, Unfoldable, typed


def _number(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    return typed(sql, "number", "DOUBLE", *parts, **facts)


def no_negative_zero(sql: Any) -> Any:
    """The number, zero without its sign, as M's rounding gives it."""
    return t.binary(exp.Add, sql, t.double(0.0))


@folds("Number.RoundUp", "Number.RoundDown", "Number.RoundTowardZero", "Number.RoundAwayFromZero")
def towards(call: Call) -> Scalar:
    """Whole numbers only: with digits the interpreter rounds decimally."""
    x = call.of(0, "number")
    if call.count > 1 and call.constant(1) != 0:
        raise Unfoldable(f"{call.name} with digits rounds decimally")
    number = t.as_double(x)
    if call.name == "Number.RoundAwayFromZero":
        down = t.binary(exp.LT, number, t.whole(0))
        sql = t.case((down, t.function("floor", number.copy())), otherwise=t.function("ceil", number.copy()))
    else:
        name = {"Number.RoundUp": "ceil", "Number.RoundDown": "floor", "Number.RoundTowardZero": "trunc"}[
            call.name
        ]
        sql = t.function(name, number)
    distance = t.binary(exp.Sub, t.as_double(x), t.function("round_even", t.as_double(x), t.whole(0)))
    sql = _decimally(t.as_double(x), no_negative_zero(sql), distance, x.int53)
    return _number(sql, x, nonan=x.nonan, int53=x.int53)


@folds("Number.Round")
def round_(call: Call) -> Scalar:
    """Half to even, or half away from zero, at whole numbers.

    M rounds the 15 decimal digits of a number: what is almost a tie, or has more digits before the
    point, goes to the interpreter.
    """
    x = call.of(0, "number")
    if call.count > 1 and call.constant(1) not in (None, 0.0):
        raise Unfoldable("Number.Round with digits rounds decimally")
    mode = call.constant(2, 0.0) if call.count > 2 else None
    if mode is None or mode == _mode("ToEven"):
        name = "round_even"
    elif mode == _mode("AwayFromZero"):
        name = "round"
    else:
        raise Unfoldable("Number.Round with this rounding mode")
    number = t.as_double(x)
    rounded = no_negative_zero(t.function(name, number, t.whole(0)))
    size = t.function("abs", number.copy())
    rest = t.binary(exp.Sub, size, t.function("trunc", size.copy()))
    return _number(_decimally(number, rounded, t.binary(exp.Sub, rest, t.double(0.5)), x.int53), x,
                   nonan=x.nonan, int53=x.int53)  # fmt: skip


def _decimally(number: Any, rounded: Any, distance: Any, whole: bool) -> Any:
    """``rounded``; but numbers of more than 15 digits, or nearer to the edge (``distance`` 0) than
    15 digits can tell, go to the interpreter."""
    size = t.function("abs", number.copy())
    large = t.binary(exp.GTE, size, t.double(1e13))
    if whole:
        return t.unless(large, rounded)
    off = t.function("abs", distance)
    near = t.binary(exp.LT, off.copy(), t.binary(exp.Mul, size.copy(), t.double(2e-14)))
    return t.unless(t.any_of([large, t.all_of([t.binary(exp.GT, off, t.double(0.0)), near])]), rounded)


def _mode(name: str) -> Any:
    from mlang import registry

    try:
        return registry.value_of("RoundingMode." + name)
    except KeyError:
        raise Unfoldable("rounding modes are not known") from None


@folds("Number.Abs")
def absolute(call: Call) -> Scalar:
    x = call.of(0, "number")
    return _number(t.function("abs", t.as_double(x)), x, nonan=x.nonan, int53=x.int53)


@folds("Number.Sign")
def sign(call: Call) -> Scalar:
    x = call.of(0, "number")
    if not x.nonan:
        raise Unfoldable("Number.Sign of a number that may be NaN")
    sql = t.cast(t.function("sign", t.as_double(x)), "DOUBLE")
    return _number(sql, x, nonan=True, int53=True)


@folds("Number.Sqrt")
def square_root(call: Call) -> Scalar:
    x = call.of(0, "number")
    return _number(t.function("sqrt", t.as_double(x)), x)


@folds("Number.Mod")
def modulo(call: Call) -> Scalar:
    x, y = call.of(0, "number"), call.of(1, "number")
    call.at_most(2)
    return _number(t.binary(exp.Mod, t.as_double(x), t.as_double(y)), x, y)


@folds("Number.IntegerDivide")
def integer_divide(call: Call) -> Scalar:
    x, y = call.of(0, "number"), call.of(1, "number")
    call.at_most(2)
    quotient = t.binary(exp.Div, t.as_double(x), t.as_double(y))
    quotient.set("typed", True)
    return _number(no_negative_zero(t.function("trunc", quotient)), x, y)


@folds("Number.IsEven", "Number.IsOdd")
def parity(call: Call) -> Scalar:
    x = call.sure(0, "number")
    if not x.int53:
        raise Unfoldable(f"{call.name} of a number that may not be whole")
    rest = t.binary(exp.Mod, t.as_double(x), t.double(2.0))
    node = exp.EQ if call.name == "Number.IsEven" else exp.NEQ
    return typed(t.binary(node, rest, t.double(0.0)), "logical", "BOOLEAN", x)


@folds("Number.IsNaN")
def is_nan(call: Call) -> Scalar:
    x = call.sure(0, "number")
    return typed(t.function("isnan", t.as_double(x)), "logical", "BOOLEAN", x)


@folds("Number.From")
def number_from(call: Call) -> Scalar:
    value = call.term(0)
    call.at_most(1)
    if value.kind == "number":
        return t.need(value, "number")
    if value.kind == "logical":
        return _number(t.cast(value.use, "DOUBLE"), value, nonan=True, int53=True)
    if value.kind == "date":
        origin = t.cast(exp.Literal.string("1899-12-30"), "DATE")
        days = exp.Paren(this=t.binary(exp.Sub, value.use, origin))
        return _number(t.cast(days, "DOUBLE"), value, nonan=True, int53=True)
    raise Unfoldable(f"Number.From of a {value.kind}")
