"""Arithmetic with ``Precision.Decimal``: 28 to 29 significant digits, as the engine's decimal type has.

A double enters with its 15 significant decimal digits, so that 0.1 is one tenth.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, Overflow
from typing import Any

from mlang import errors
from mlang.values.kinds import is_number
from mlang.values.metadata import strip

_CONTEXT = Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, Overflow])
#: The largest magnitude: a 96-bit integer.
_LARGEST = Decimal(2**96 - 1)


def to_decimal(value: Any) -> Decimal:
    """A number as a decimal; NaN, infinities and what does not fit raise."""
    value = strip(value)
    if not is_number(value):
        raise errors.cannot_convert(value, "Number")
    if value.__class__ is float:
        if value != value or value in (float("inf"), float("-inf")):
            raise errors.decimal_out_of_range(value)
        number = Decimal(f"{value:.15g}")
    else:
        number = Decimal(value)
    return _fit(_CONTEXT.plus(number), value)


def _fit(number: Decimal, value: Any) -> Decimal:
    if abs(number) > _LARGEST:
        raise errors.decimal_out_of_range(value)
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and (exponent < -28 or exponent > 0):
        number = number.quantize(Decimal((0, (1,), max(min(exponent, 0), -28))), context=Context(prec=60))
    return number


def add(a: Any, b: Any) -> Decimal:
    """The sum in decimal."""
    return _fit(_CONTEXT.add(to_decimal(a), to_decimal(b)), a)


def subtract(a: Any, b: Any) -> Decimal:
    """The difference in decimal."""
    return _fit(_CONTEXT.subtract(to_decimal(a), to_decimal(b)), a)


def multiply(a: Any, b: Any) -> Decimal:
    """The product in decimal."""
    return _fit(_CONTEXT.multiply(to_decimal(a), to_decimal(b)), a)


def divide(a: Any, b: Any) -> Any:
    """The quotient in decimal; by zero as with doubles."""
    divisor = to_decimal(b)
    if divisor == 0:
        from mlang.values import operators

        return operators.divide(float(a), 0.0)
    return _fit(_CONTEXT.divide(to_decimal(a), divisor), a)


def total(values: Iterable[Any]) -> Decimal:
    """The sum of several numbers in decimal."""
    result = Decimal(0)
    for value in values:
        result = add(result, value)
    return result
