"""Number.Round and its siblings, which round through decimal (CVT-59 to CVT-65).

A double counts with its 15 significant decimal digits: 2.675 is exactly between 2.67
and 2.68.  Where a double is far from every tie the answer is found without decimals.
"""

from __future__ import annotations

import math
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
)
from typing import Any

from mlang import errors
from mlang.library.arguments import as_int, enum_member
from mlang.registry import builtin

UP, DOWN, AWAY_FROM_ZERO, TOWARD_ZERO, TO_EVEN = range(5)
_ALL = range(5)
_WIDE = Context(prec=400)
#: How each mode settles a tie, for positive and for negative numbers.
_TIES = {
    UP: (ROUND_HALF_UP, ROUND_HALF_DOWN),
    DOWN: (ROUND_HALF_DOWN, ROUND_HALF_UP),
    AWAY_FROM_ZERO: (ROUND_HALF_UP, ROUND_HALF_UP),
    TOWARD_ZERO: (ROUND_HALF_DOWN, ROUND_HALF_DOWN),
    TO_EVEN: (ROUND_HALF_EVEN, ROUND_HALF_EVEN),
}


def round_number(value: Any, digits: int, mode: int = TO_EVEN) -> Any:
    """A number to so many decimals; the mode decides ties only (CVT-61)."""
    if value.__class__ is float:
        if 0 <= digits <= 15:
            quick = _far_from_tie(value, digits)
            if quick is not None:
                return quick
        if not math.isfinite(value):
            return value
    return _quantize(value, digits, _TIES[mode][1 if value < 0 else 0])


def _far_from_tie(value: float, digits: int) -> float | None:
    """The nearest multiple when no mode could doubt it; None when the number is big or near a tie."""
    power = 10.0**digits
    scaled = value * power
    if not -1e12 < scaled < 1e12:
        return None
    nearest = math.floor(scaled + 0.5)
    if abs(scaled + 0.5 - nearest) < 1e-3 or abs(scaled - nearest) > 0.499:
        return None
    return nearest / power


def _quantize(value: Any, digits: int, rounding: str) -> Any:
    if value.__class__ is int and digits >= 0:
        return value
    if value.__class__ is float and abs(value) >= 1e15 and digits >= 0:
        exact = Decimal(value)
        if exact == exact.to_integral_value():
            return value
    else:
        exact = Decimal(f"{value:.15g}") if value.__class__ is float else Decimal(value)
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -digits:
        return plain(exact, value)
    step = Decimal((0, (1,), -max(min(digits, 350), -350)))
    return plain(exact.quantize(step, rounding=rounding, context=_WIDE), value)


def plain(result: Decimal, value: Any = None) -> Any:
    """A double where it is as good, or when ``value``, what came in, was one; else an int or the Decimal."""
    number = float(result)
    if value.__class__ is float:
        return number + 0.0
    if number == result or len(result.as_tuple().digits) <= 15:
        return number + 0.0
    if result == result.to_integral_value() and -(2**63) <= result < 2**63:
        return int(result)
    return result


def _digits(digits: Any) -> int:
    return 0 if digits is None else as_int(digits)


@builtin(
    "Number.Round(number as nullable number, optional digits as nullable number, "
    "optional roundingMode as nullable number) as nullable number",
    null="number",
)
def round_(number: Any, digits: Any = None, roundingMode: Any = None) -> Any:
    """Rounds to the nearest number of so many decimals, ties to the even neighbour.

    ``digits`` may be negative (tens, hundreds …) and is 0 by default.  ``roundingMode``
    (RoundingMode.Type) says where exact ties go.
    """
    mode = TO_EVEN if roundingMode is None else enum_member(roundingMode, "roundingMode", _ALL, TO_EVEN)
    return round_number(number, _digits(digits), mode)


def _directed(number: Any, digits: Any, positive: str, negative: str) -> Any:
    places = _digits(digits)
    if number.__class__ is float:
        if not math.isfinite(number):
            return number
        if 0 <= places <= 15:
            power = 10.0**places
            scaled = number * power
            below = math.floor(scaled) if -1e12 < scaled < 1e12 else scaled
            if 1e-3 < scaled - below < 0.999:  # no multiple is near: decimals would agree
                up = (negative if number < 0 else positive) in (
                    (ROUND_CEILING, ROUND_DOWN) if number < 0 else (ROUND_CEILING, ROUND_UP)
                )
                return (below + up) / power + 0.0
    return _quantize(number, places, negative if number < 0 else positive)


@builtin(
    "Number.RoundUp(number as nullable number, optional digits as nullable number) as nullable number",
    null="number",
)
def round_up(number: Any, digits: Any = None) -> Any:
    """Rounds toward positive infinity to so many decimals (0 by default)."""
    return _directed(number, digits, ROUND_CEILING, ROUND_CEILING)


@builtin(
    "Number.RoundDown(number as nullable number, optional digits as nullable number) as nullable number",
    null="number",
)
def round_down(number: Any, digits: Any = None) -> Any:
    """Rounds toward negative infinity to so many decimals (0 by default)."""
    return _directed(number, digits, ROUND_FLOOR, ROUND_FLOOR)


@builtin(
    "Number.RoundTowardZero(number as nullable number, optional digits as nullable number) "
    "as nullable number",
    null="number",
)
def round_toward_zero(number: Any, digits: Any = None) -> Any:
    """Drops what stands behind so many decimals (0 by default)."""
    return _directed(number, digits, ROUND_DOWN, ROUND_DOWN)


@builtin(
    "Number.RoundAwayFromZero(number as nullable number, optional digits as nullable number) "
    "as nullable number",
    null="number",
)
def round_away_from_zero(number: Any, digits: Any = None) -> Any:
    """Rounds to the neighbour farther from zero, to so many decimals (0 by default)."""
    return _directed(number, digits, ROUND_UP, ROUND_UP)


def to_integer(value: Any, bits: int, mode: int = TO_EVEN) -> Any:
    """A signed whole number of so many bits (0: a byte), or the engine's range error (CVT-65, CVT-66)."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if bits else (0, 255)
    if value.__class__ is not float or not value.is_integer():
        if value.__class__ is float and not math.isfinite(value):
            raise errors.integer_out_of_range(bits, value)
        rounded = round_number(value, 0, mode)
    else:
        rounded = value
    if not low <= rounded <= high:
        raise errors.integer_out_of_range(bits, value)
    return rounded if abs(rounded) <= 2**53 else int(rounded)
