"""SQL forms of ``Number.*``: doubles, bit for bit."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.terms import Scalar, Unfoldable, typed


def _number(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    return typed(sql, "number", "DOUBLE", *parts, **facts)


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
    return _number(sql, x, nonan=x.nonan, int53=x.int53)


@folds("Number.Round")
def round_(call: Call) -> Scalar:
    """Half to even, or half away from zero, at whole numbers."""
    x = call.of(0, "number")
    if call.count > 1 and call.constant(1) not in (None, 0.0):
        raise Unfoldable("Number.Round with digits rounds decimally")
    mode = call.constant(2, 0.0) if call.count > 2 else 0.0
    if x.int53:
        return _number(t.as_double(x), x, nonan=True, int53=True)
    if mode in (None, _mode("ToEven")):
        return _number(t.function("round_even", t.as_double(x), t.whole(0)), x, nonan=x.nonan)
    if mode == _mode("AwayFromZero"):
        return _number(t.function("round", t.as_double(x), t.whole(0)), x, nonan=x.nonan)
    if call.count <= 2:
        return _number(t.function("round_even", t.as_double(x), t.whole(0)), x, nonan=x.nonan)
    raise Unfoldable("Number.Round with this rounding mode")


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
    return _number(t.function("trunc", quotient), x, y)


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
