"""The bitwise functions: signed 64-bit integers, shift counts modulo 64 (CVT-77)."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import as_int64
from mlang.registry import builtin
from mlang.values.kinds import is_number

_EXACT = 2**53


def _number(value: int) -> Any:
    """64 bits read as a signed number; a double where it holds them."""
    value &= 2**64 - 1
    if value >= 2**63:
        value -= 2**64
    return float(value) if -_EXACT <= value <= _EXACT else value


@builtin("Number.BitwiseNot(number as any) as any", null="number")
def bitwise_not(number: Any) -> Any:
    """Inverts all 64 bits of a whole number."""
    if not is_number(number):
        raise errors.cannot_convert(number, "Number")
    return _number(~as_int64(number))


@builtin(
    "Number.BitwiseAnd(number1 as nullable number, number2 as nullable number) as nullable number",
    null="number1,number2",
)
def bitwise_and(number1: Any, number2: Any) -> Any:
    """Keeps the bits that both whole numbers have."""
    return _number(as_int64(number1) & as_int64(number2))


@builtin(
    "Number.BitwiseOr(number1 as nullable number, number2 as nullable number) as nullable number",
    null="number1,number2",
)
def bitwise_or(number1: Any, number2: Any) -> Any:
    """Joins the bits of two whole numbers."""
    return _number(as_int64(number1) | as_int64(number2))


@builtin(
    "Number.BitwiseXor(number1 as nullable number, number2 as nullable number) as nullable number",
    null="number1,number2",
)
def bitwise_xor(number1: Any, number2: Any) -> Any:
    """Keeps the bits that exactly one of two whole numbers has."""
    return _number(as_int64(number1) ^ as_int64(number2))


@builtin(
    "Number.BitwiseShiftLeft(number1 as nullable number, number2 as nullable number) as nullable number",
    null="number1,number2",
)
def shift_left(number1: Any, number2: Any) -> Any:
    """Moves the bits of a whole number to the left; the count is taken modulo 64."""
    return _number(as_int64(number1) << (as_int64(number2) & 63))


@builtin(
    "Number.BitwiseShiftRight(number1 as nullable number, number2 as nullable number) as nullable number",
    null="number1,number2",
)
def shift_right(number1: Any, number2: Any) -> Any:
    """Moves the bits of a whole number to the right, keeping its sign; the count is taken modulo 64."""
    return _number(as_int64(number1) >> (as_int64(number2) & 63))
