"""Number.Sin and its siblings; angles in radians, NaN where a function is not defined."""

from __future__ import annotations

import math
from typing import Any

from mlang.library.number.operations import guarded
from mlang.registry import builtin


@builtin("Number.Sin(number as nullable number) as nullable number", null="number")
def sine(number: Any) -> float:
    """Gives the sine of an angle in radians."""
    return guarded(math.sin, number)


@builtin("Number.Cos(number as nullable number) as nullable number", null="number")
def cosine(number: Any) -> float:
    """Gives the cosine of an angle in radians."""
    return guarded(math.cos, number)


@builtin("Number.Tan(number as nullable number) as nullable number", null="number")
def tangent(number: Any) -> float:
    """Gives the tangent of an angle in radians."""
    return guarded(math.tan, number)


@builtin("Number.Asin(number as nullable number) as nullable number", null="number")
def arc_sine(number: Any) -> float:
    """Gives the angle that has this sine; NaN outside -1 to 1."""
    return guarded(math.asin, number)


@builtin("Number.Acos(number as nullable number) as nullable number", null="number")
def arc_cosine(number: Any) -> float:
    """Gives the angle that has this cosine; NaN outside -1 to 1."""
    return guarded(math.acos, number)


@builtin("Number.Atan(number as nullable number) as nullable number", null="number")
def arc_tangent(number: Any) -> float:
    """Gives the angle that has this tangent."""
    return guarded(math.atan, number)


@builtin("Number.Atan2(y as nullable number, x as nullable number) as nullable number", null="y,x")
def arc_tangent_of_point(y: Any, x: Any) -> float:
    """Gives the angle between the x axis and the line to the point (x, y)."""
    return math.atan2(y, x)


@builtin("Number.Sinh(number as nullable number) as nullable number", null="number")
def hyperbolic_sine(number: Any) -> float:
    """Gives the hyperbolic sine."""
    result = guarded(math.sinh, number)
    return -result if result == math.inf and number < 0 else result


@builtin("Number.Cosh(number as nullable number) as nullable number", null="number")
def hyperbolic_cosine(number: Any) -> float:
    """Gives the hyperbolic cosine."""
    return guarded(math.cosh, number)


@builtin("Number.Tanh(number as nullable number) as nullable number", null="number")
def hyperbolic_tangent(number: Any) -> float:
    """Gives the hyperbolic tangent."""
    return guarded(math.tanh, number)
