"""SQL forms of ``Number.*``: doubles, bit for bit.  Rounding and conversions are in ``rounding.py``."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.functions.rounding import no_negative_zero
from folding.terms import Scalar, Unfoldable, typed


def _number(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    return typed(sql, "number", "DOUBLE", *parts, **facts)


@folds("Number.Abs")
def absolute(call: Call) -> Scalar:
    x = t.kept(call.of(0, "number"))
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
    if x.storage == "BIGINT" and x.natural and x.largest is not None and y.is_constant and y.int53:
        divisor = int(y.constant)
        if divisor > 0:  # no negative zero comes of these
            rest = t.binary(exp.Mod, x.use, t.whole(divisor))
            facts = {"nonan": True, "int53": True, "largest": divisor, "natural": True}
            return typed(rest, "number", "BIGINT", x, **facts)
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
