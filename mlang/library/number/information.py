"""Number.IsNaN, IsEven and IsOdd."""

from __future__ import annotations

import math
from typing import Any

from mlang.registry import builtin


@builtin("Number.IsNaN(number as number) as logical")
def is_nan(number: Any) -> bool:
    """Says whether a number is NaN, the result of an impossible calculation such as 0/0."""
    return bool(number != number)


def _remainder(number: Any) -> float:
    """What is left of the whole part after division by two; NaN for NaN and infinities (NUM-08)."""
    if number.__class__ is float and not math.isfinite(number):
        return math.nan
    return float(abs(int(number)) % 2)


@builtin("Number.IsEven(number as number) as logical")
def is_even(number: Any) -> bool:
    """Says whether the whole part of a number is even."""
    return _remainder(number) == 0


@builtin("Number.IsOdd(number as number) as logical")
def is_odd(number: Any) -> bool:
    """Says whether the whole part of a number is odd."""
    return _remainder(number) == 1
