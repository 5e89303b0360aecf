"""SQL forms of rounding: ``Number.Round*`` and the conversions to whole numbers.

M rounds the 15 decimal digits of a number.  A double that was typed as a tie of few digits lies within three
units in the last place of it, and no other 15 digits do: such a tie is settled here.  What is a little farther off,
or too large, goes to the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.casts import text_to_number
from folding.functions import Call, folds
from folding.serials import number_of
from folding.terms import Scalar, Unfoldable, typed

#: `RoundingMode.Type`.
_UP, _DOWN, _AWAY_FROM_ZERO, _TOWARD_ZERO, _TO_EVEN = range(5)
#: Numbers whose last digits count for more than ties are left to the interpreter.
_LARGEST = 1e12
#: A tie that was typed is no farther off (relative to the scaled number); nothing else is as near.
_SURE = 3e-16
#: From here on 15 digits are on the same side as the number itself.
_CLEAR = 2e-14


def number(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    """A term of doubles."""
    return typed(sql, "number", "DOUBLE", *parts, **facts)


def no_negative_zero(sql: Any) -> Any:
    """The number, zero without its sign, as M's rounding gives it."""
    return t.binary(exp.Add, sql, t.double(0.0))


def mode_of(call: Call, index: int) -> int:
    """The rounding mode that was given, or half to even."""
    value = call.constant(index) if call.count > index else None
    if value is None:
        return _TO_EVEN
    if value not in (0.0, 1.0, 2.0, 3.0, 4.0):
        raise Unfoldable(f"{call.name} with a rounding mode that is none")
    return int(value)


def _digits(call: Call) -> int:
    value = call.constant(1) if call.count > 1 else None
    if value is None:
        return 0
    if value.__class__ is not float or not value.is_integer() or abs(value) > 15:
        raise Unfoldable(f"{call.name} with a number of digits that is not whole, or large")
    return int(value)


# ---------------------------------------------------------------- to so many decimals


def _scaled(x: Scalar, digits: int) -> Any:
    if digits < 0 and x.storage == "BIGINT" and not x.int53:
        raise Unfoldable("64-bit whole numbers rounded to tens")
    if digits == 0:
        return t.as_double(x)
    sql = t.binary(exp.Mul if digits > 0 else exp.Div, t.as_double(x), t.double(10.0 ** abs(digits)))
    if digits < 0:
        sql.set("typed", True)
    return sql


def _unscaled(sql: Any, digits: int) -> Any:
    if digits == 0:
        return sql
    result = t.binary(exp.Div if digits > 0 else exp.Mul, sql, t.double(10.0 ** abs(digits)))
    if digits > 0:
        result.set("typed", True)
    return result


def _rounded(x: Scalar, digits: int, distance: Any, scaled: Any, near: Any, else_: Any) -> Any:
    """``near`` where the scaled number is one of the places that ``distance`` is measured from, ``else_`` where it
    is clearly not; the interpreter's where 15 digits are needed to tell."""
    size = t.function("abs", scaled.copy())
    sure = t.binary(exp.LTE, distance, t.binary(exp.Mul, size.copy(), t.double(_SURE)))
    close = t.binary(exp.LT, distance.copy(), t.binary(exp.Mul, size.copy(), t.double(_CLEAR)))
    branches = [(t.binary(exp.GTE, size, t.double(_LARGEST)), t.error()), (sure, near), (close, t.error())]
    if x.int53 and digits >= 0:
        branches = branches[:1]
    value = no_negative_zero(_unscaled(t.case(*branches, otherwise=else_), digits))
    if x.nonan and x.int53:
        return value
    infinite = t.negation(t.function("isfinite", t.as_double(x)))
    return t.case((infinite, t.as_double(x)), otherwise=value)


def to_digits(x: Scalar, digits: int, mode: int) -> Any:
    """The nearest multiple of a power of ten; the mode settles ties."""
    scaled = _scaled(x, digits)
    lower = t.function("floor", scaled.copy())
    distance = t.function(
        "abs", t.binary(exp.Sub, t.binary(exp.Sub, scaled.copy(), lower.copy()), t.double(0.5))
    )
    upper = t.binary(exp.Add, lower.copy(), t.double(1.0))
    half = t.binary(exp.Add, lower.copy(), t.double(0.5))
    negative = t.binary(exp.LT, scaled.copy(), t.double(0.0))
    tie = {
        _UP: lambda: upper,
        _DOWN: lambda: lower,
        _AWAY_FROM_ZERO: lambda: t.case((negative, lower), otherwise=upper),
        _TOWARD_ZERO: lambda: t.case((negative, upper), otherwise=lower),
        _TO_EVEN: lambda: t.function("round_even", half, t.whole(0)),
    }[mode]()
    nearest = t.function("floor", t.binary(exp.Add, scaled.copy(), t.double(0.5)))
    return _rounded(x, digits, distance, scaled, tie, nearest)


_TOWARDS: dict[str, Callable[[Any], Any]] = {
    "Number.RoundUp": lambda s: t.function("ceil", s),
    "Number.RoundDown": lambda s: t.function("floor", s),
    "Number.RoundTowardZero": lambda s: t.function("trunc", s),
    "Number.RoundAwayFromZero": lambda s: t.case(
        (t.binary(exp.LT, s, t.double(0.0)), t.function("floor", s.copy())),
        otherwise=t.function("ceil", s.copy()),
    ),
}


@folds("Number.RoundUp", "Number.RoundDown", "Number.RoundTowardZero", "Number.RoundAwayFromZero")
def towards(call: Call) -> Scalar:
    """To the next multiple in a direction; what is a multiple within 15 digits stays."""
    x, digits = call.of(0, "number"), _digits(call)
    call.at_most(2)
    if digits == 0:
        return _whole_towards(x, call.name)
    scaled = _scaled(x, digits)
    nearest = t.function("floor", t.binary(exp.Add, scaled.copy(), t.double(0.5)))
    distance = t.function("abs", t.binary(exp.Sub, scaled.copy(), nearest.copy()))
    moved = _TOWARDS[call.name](scaled.copy())
    sql = _rounded(x, digits, distance, scaled, nearest, moved)
    return number(sql, x, nonan=x.nonan, int53=x.int53 and digits > 0)


def _whole_towards(x: Scalar, name: str) -> Scalar:
    sql = _TOWARDS[name](t.as_double(x))
    distance = t.binary(exp.Sub, t.as_double(x), t.function("round_even", t.as_double(x), t.whole(0)))
    sql = _decimally(t.as_double(x), no_negative_zero(sql), distance, x.int53)
    return number(sql, x, nonan=x.nonan, int53=x.int53)


@folds("Number.Round")
def round_(call: Call) -> Scalar:
    """Half to even unless told otherwise, at whole numbers or decimals."""
    x, digits, mode = call.of(0, "number"), _digits(call), mode_of(call, 2)
    call.at_most(3)
    return rounded(x, digits, mode)


def rounded(x: Scalar, digits: int = 0, mode: int = _TO_EVEN) -> Scalar:
    """The number to so many decimals."""
    if digits or mode not in (_TO_EVEN, _AWAY_FROM_ZERO):
        sql = to_digits(x, digits, mode)
        return number(sql, x, nonan=x.nonan, int53=x.int53 and digits >= 0)
    whole = t.as_double(x)
    name = "round_even" if mode == _TO_EVEN else "round"
    sql = no_negative_zero(t.function(name, whole, t.whole(0)))
    size = t.function("abs", whole.copy())
    rest = t.binary(exp.Sub, size, t.function("trunc", size.copy()))
    distance = t.binary(exp.Sub, rest, t.double(0.5))
    return number(_decimally(whole, sql, distance, x.int53), x, nonan=x.nonan, int53=x.int53)


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


# ---------------------------------------------------------------- conversions


def as_number(call: Call, value: Scalar) -> Scalar:
    """What ``Number.From`` makes of a term."""
    if call.count > 1:  # it must be a text also where it says nothing about the value
        t.need(t.of_kind(call.term(1), "text"), "text")
    if value.kind == "number":
        return t.need(value, "number")
    if value.kind == "null":
        return value
    if value.kind == "logical":
        return number(t.cast(value.use, "DOUBLE"), value, nonan=True, int53=True)
    if value.kind == "date":
        origin = t.cast(exp.Literal.string("1899-12-30"), "DATE")
        days = exp.Paren(this=t.binary(exp.Sub, value.use, origin))
        return number(t.cast(days, "DOUBLE"), value, nonan=True, int53=True)
    if value.kind == "duration":
        per_tick = t.double(1.0 / 864e9)
        return number(t.binary(exp.Mul, t.cast(value.use, "DOUBLE"), per_tick), value, nonan=True)
    if value.kind in ("datetime", "time"):
        return number_of(value)
    if value.kind == "text":
        culture = call.constant(1) if call.count > 1 else None
        if culture is not None and culture.__class__ is not str:
            raise Unfoldable(f"{call.name} with a culture that is no text")
        return text_to_number(value, culture)
    raise Unfoldable(f"{call.name} of a {value.kind}")


@folds("Number.From", "Number.FromText", "Double.From", "Percentage.From")
def number_from(call: Call) -> Scalar:
    value = call.term(0)
    call.at_most(2)
    if call.name == "Number.FromText":
        value = t.need(t.of_kind(value, "text"), "text")
    made = as_number(call, value)
    if call.name == "Double.From" and made.storage == "BIGINT" and not made.int53:
        return number(t.as_double(made), made, nonan=True)
    return made


#: The least and the largest value of whole numbers of a type.
_RANGES = {
    "Byte.From": (0, 255), "Int8.From": (-128, 127), "Int16.From": (-(2**15), 2**15 - 1),
    "Int32.From": (-(2**31), 2**31 - 1), "Int64.From": None,
}  # fmt: skip


@folds("Byte.From", "Int8.From", "Int16.From", "Int32.From", "Int64.From")
def whole_from(call: Call) -> Scalar:
    """A whole number in a range; what has no place there raises."""
    value = call.term(0)
    call.at_most(3)
    x, mode = as_number(call, value), mode_of(call, 2)
    if value.kind != "text" or not isinstance(x.sql, exp.Case):
        return _whole(call.name, x, mode)
    converted, (doubtful,) = x.sql.args["default"], x.sql.args["ifs"]  # the number of a text, once
    made = _whole(call.name, evolve(x, sql=converted, raises=False), mode)
    sql = t.case((doubtful.this, doubtful.args["true"]), otherwise=made.use)
    return evolve(made, sql=sql, raises=True)


def _whole(name: str, x: Scalar, mode: int) -> Scalar:
    limits = _RANGES[name]
    if x.kind == "null":
        return x
    if x.storage == "BIGINT" and limits is None:
        return x
    if x.storage == "BIGINT" and not x.int53:
        raise Unfoldable("64-bit whole numbers in a smaller type")
    made = x
    if not x.int53:  # whole numbers stay as they are, a zero with its sign
        integral = t.binary(exp.EQ, t.function("trunc", x.use), x.use)
        small = t.binary(exp.LT, t.function("abs", x.use), t.double(float(t.INT53)))
        kept = t.case((t.all_of([integral, small]), x.use), otherwise=rounded(x, 0, mode).sql)
        made = evolve(x, sql=kept, storage="DOUBLE")
    sql = made.sql
    odd = []
    if not x.int53:
        odd.append(t.negation(t.function("isfinite", t.as_double(x))))
    if limits is not None:
        low, high = limits
        odd.append(t.binary(exp.LT, made.use, t.double(float(low))))
        odd.append(t.binary(exp.GT, made.use, t.double(float(high))))
    if odd:
        sql = t.unless(t.any_of(odd), made.use)
    return typed(sql, "number", made.storage, x, nonan=True, int53=True, raises=bool(odd) or x.raises)


@folds("Single.From", "Decimal.From")
def narrower_from(call: Call) -> Scalar:
    """A number that a type can hold: in the precision of 32 bits, or as it is."""
    x = as_number(call, t.plain_number(call.term(0)))
    call.at_most(2)
    if x.kind == "null" or (call.name == "Decimal.From" and x.storage == "BIGINT"):
        return x
    value = t.as_double(x)
    size = t.function("abs", value)
    if call.name == "Decimal.From":
        held = t.binary(exp.LT, size, t.double(2.0**96))
        return number(t.unless(t.negation(held), value), x, nonan=True, int53=x.int53, raises=True)
    infinite = t.function("isinf", value)
    beyond = t.all_of([t.binary(exp.GT, size, t.double(3.4028234663852886e38)), t.negation(infinite)])
    if not x.nonan:
        beyond = t.any_of([t.function("isnan", value), beyond])
    return number(t.cast(t.cast(t.unless(beyond, value), "FLOAT"), "DOUBLE"), x, nonan=True, raises=True)


@folds("Currency.From")
def currency_from(call: Call) -> Scalar:
    """Four decimals."""
    x, mode = as_number(call, t.plain_number(call.term(0))), mode_of(call, 2)
    call.at_most(3)
    if x.kind == "null":
        return x
    value = t.as_double(x)
    beyond = t.negation(t.binary(exp.LT, t.function("abs", value), t.double(9e14)))
    if x.int53:
        return number(no_negative_zero(t.unless(beyond, value)), x, nonan=True, int53=True, raises=True)
    if x.storage == "BIGINT":
        raise Unfoldable("64-bit whole numbers as amounts of money")
    made = t.unless(beyond, to_digits(x, 4, mode))
    return number(made, x, nonan=True, raises=True)
