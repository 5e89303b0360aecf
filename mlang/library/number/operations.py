"""Number.Abs to Number.Sqrt: arithmetic beyond the operators.

Impossible calculations give NaN or an infinity and never raise (NUM-01), except where
the engine does: Number.Sign(NaN), negative counts (NUM-03).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.library.arguments import as_unsigned, enum_member
from mlang.library.number.rounding import plain
from mlang.registry import builtin

_PRECISIONS = (0, 1)


@builtin("Number.Abs(number as nullable number) as nullable number", null="number")
def absolute(number: Any) -> Any:
    """Gives the number without its sign."""
    return abs(number)


@builtin("Number.Sign(number as nullable number) as nullable number", null="number")
def sign(number: Any) -> float:
    """Gives 1 for positive numbers, -1 for negative ones and 0 for zero."""
    if number != number:
        raise errors.sign_of_nan()
    return float(number > 0) - float(number < 0)


def guarded(function: Callable[[float], float], value: Any) -> float:
    """A function of Python's math with NaN where it is not defined and infinity where it overflows."""
    try:
        return function(float(value))
    except ValueError:
        return math.nan
    except OverflowError:
        return math.inf


@builtin("Number.Sqrt(number as nullable number) as nullable number", null="number")
def square_root(number: Any) -> float:
    """Gives the square root; NaN for negative numbers."""
    return guarded(math.sqrt, number)


@builtin("Number.Exp(number as nullable number) as nullable number", null="number")
def exponential(number: Any) -> float:
    """Raises Euler's number to a power."""
    return guarded(math.exp, number)


def _logarithm(function: Callable[[float], float], number: Any) -> float:
    return -math.inf if number == 0 else guarded(function, number)


@builtin("Number.Ln(number as nullable number) as nullable number", null="number")
def natural_logarithm(number: Any) -> float:
    """Gives the natural logarithm; -infinity for 0 and NaN below."""
    return _logarithm(math.log, number)


@builtin("Number.Log10(number as nullable number) as nullable number", null="number")
def decimal_logarithm(number: Any) -> float:
    """Gives the logarithm to base 10; -infinity for 0 and NaN below."""
    return _logarithm(math.log10, number)


@builtin(
    "Number.Log(number as nullable number, optional base as nullable number) as nullable number",
    null="number",
)
def logarithm(number: Any, base: Any = None) -> float:
    """Gives the logarithm to a base, Number.E by default; NaN for bases 1, 0 and below (NUM-02)."""
    if base is None:
        return _logarithm(math.log, number)
    if base == 10:
        return _logarithm(math.log10, number)
    if not 0 < base < math.inf or base == 1:
        return math.nan
    return _logarithm(math.log, number) / math.log(base)


@builtin(
    "Number.Power(number as nullable number, power as nullable number) as nullable number",
    null="number,power",
)
def power(number: Any, power: Any) -> float:
    """Raises a number to a power.

    Zero or infinity to the power 0, and 1 to an infinite power, are NaN here (CVT-74, CVT-75).
    """
    base, exponent = float(number), float(power)
    if base != base or exponent != exponent:
        return math.nan
    if exponent == 0 and (base == 0 or math.isinf(base)):
        return math.nan
    if abs(base) == 1 and math.isinf(exponent):
        return math.nan
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
    except ValueError:  # a root of a negative number, or zero to a negative power
        if base != 0:
            return math.nan
        return math.copysign(math.inf, base) if exponent % 2 == 1 else math.inf


def _decimal_precision(precision: Any) -> bool:
    return enum_member(precision, "precision", _PRECISIONS) == 1


@builtin(
    "Number.Mod(number as nullable number, divisor as nullable number, "
    "optional precision as nullable number) as nullable number",
    null="number,divisor",
)
def modulo(number: Any, divisor: Any, precision: Any = None) -> Any:
    """Gives what is left after dividing as often as goes whole, with the sign of the dividend (CVT-71).

    ``precision`` (Precision.Type) chooses doubles or decimals.
    """
    if _decimal_precision(precision):
        from mlang.library import decimals

        a, b = decimals.to_decimal(number), decimals.to_decimal(divisor)
        return math.nan if b == 0 else plain(a % b)
    try:
        return math.fmod(number, divisor)
    except ValueError:
        return math.nan


@builtin(
    "Number.IntegerDivide(number1 as nullable number, number2 as nullable number, "
    "optional precision as nullable number) as nullable number",
    null="number1,number2",
)
def integer_divide(number1: Any, number2: Any, precision: Any = None) -> Any:
    """Divides and drops the fraction of the quotient; by zero gives infinity or NaN (CVT-73)."""
    if _decimal_precision(precision):
        from mlang.library import decimals

        quotient = decimals.divide(number1, number2)
        return quotient if quotient.__class__ is float else plain(quotient.to_integral_value("ROUND_DOWN"))
    from mlang.values import operators

    result = operators.divide(float(number1), float(number2))
    return float(math.trunc(result)) if math.isfinite(result) else result


# ---------------------------------------------------------------- counting


def _as_double(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


@builtin("Number.Factorial(number as nullable number) as nullable number", null="number")
def factorial(number: Any) -> float:
    """Multiplies all whole numbers from 1 to a number."""
    count = as_unsigned(number)
    return math.inf if count > 170 else float(math.factorial(count))


@builtin(
    "Number.Combinations(setSize as nullable number, combinationSize as nullable number) as nullable number",
    null="setSize,combinationSize",
)
def combinations(setSize: Any, combinationSize: Any) -> float:
    """Counts the ways to choose some items of a set when their order does not matter."""
    n, k = as_unsigned(setSize), as_unsigned(combinationSize)
    k = min(k, n - k) if k <= n else k
    if k > n:
        return 0.0
    return math.inf if k > 520 else _as_double(math.comb(n, k))


@builtin(
    "Number.Permutations(setSize as nullable number, permutationSize as nullable number) as nullable number",
    null="setSize,permutationSize",
)
def permutations(setSize: Any, permutationSize: Any) -> float:
    """Counts the ways to choose some items of a set when their order matters."""
    n, k = as_unsigned(setSize), as_unsigned(permutationSize)
    if k > n:
        return 0.0
    return math.inf if k > 170 else _as_double(math.perm(n, k))
