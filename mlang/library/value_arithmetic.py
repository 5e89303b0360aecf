"""Value.*, arithmetic and comparison with a precision (OP-73 to OP-77, NUM-10).

``Precision.Decimal`` works on numbers only; other kinds do what the operators do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang.library import decimals
from mlang.library.arguments import enum_member
from mlang.registry import builtin
from mlang.values import operators
from mlang.values.compare import compare, equal
from mlang.values.kinds import is_number


def _exact(a: Any, b: Any, precision: Any) -> bool:
    """Whether to work in decimal: asked for, and both sides are numbers."""
    return enum_member(precision, "precision", (0, 1)) == 1 and is_number(a) and is_number(b)


def _either(a: Any, b: Any, precision: Any, exact: Callable[..., Any], plain: Callable[..., Any]) -> Any:
    return exact(a, b) if _exact(a, b, precision) else plain(a, b)


@builtin("Value.Add(value1 as any, value2 as any, optional precision as nullable number) as any")
def add(a: Any, b: Any, precision: Any = None) -> Any:
    """Adds two values, in double or decimal precision."""
    return _either(a, b, precision, decimals.add, operators.add)


@builtin("Value.Subtract(value1 as any, value2 as any, optional precision as nullable number) as any")
def subtract(a: Any, b: Any, precision: Any = None) -> Any:
    """Subtracts a value from another, in double or decimal precision."""
    return _either(a, b, precision, decimals.subtract, operators.subtract)


@builtin("Value.Multiply(value1 as any, value2 as any, optional precision as nullable number) as any")
def multiply(a: Any, b: Any, precision: Any = None) -> Any:
    """Multiplies two values, in double or decimal precision."""
    return _either(a, b, precision, decimals.multiply, operators.multiply)


@builtin("Value.Divide(value1 as any, value2 as any, optional precision as nullable number) as any")
def divide(a: Any, b: Any, precision: Any = None) -> Any:
    """Divides a value by another, in double or decimal precision."""
    return _either(a, b, precision, decimals.divide, operators.divide)


@builtin("Value.Equals(value1 as any, value2 as any, optional precision as nullable number) as logical")
def equals(a: Any, b: Any, precision: Any = None) -> bool:
    """Says whether two values are equal; null equals null."""
    if _exact(a, b, precision):
        return decimals.to_decimal(a) == decimals.to_decimal(b)
    return equal(a, b)


@builtin(
    "Value.NullableEquals(value1 as any, value2 as any, optional precision as nullable number) "
    "as nullable logical",
    null="value1, value2",
)
def nullable_equals(a: Any, b: Any, precision: Any = None) -> bool:
    """Says whether two values are equal; null when one of them is null."""
    return equals(a, b, precision)


@builtin("Value.Compare(value1 as any, value2 as any, optional precision as nullable number) as number")
def value_compare(a: Any, b: Any, precision: Any = None) -> float:
    """Gives -1, 0 or 1 when the first value is less than, equal to or greater than the second."""
    if _exact(a, b, precision):
        x, y = decimals.to_decimal(a), decimals.to_decimal(b)
        return float((x > y) - (x < y))
    return float(compare(a, b))
