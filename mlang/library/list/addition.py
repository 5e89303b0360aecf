"""List.*, addition: Sum and Product (LST-35 to LST-38)."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library import decimals
from mlang.library.arguments import enum_member
from mlang.library.list.shared import NOTHING, bare, numbers, of_column, unsigned
from mlang.registry import builtin
from mlang.values import operators
from mlang.values.kinds import kind_of
from mlang.values.temporal import Duration

#: What a sum of one value is itself.
_AS_THEY_ARE = frozenset({float, int, Duration})


@builtin("List.Sum(list as list, optional precision as nullable number) as any")
def list_sum(items: Any, precision: Any = None) -> Any:
    """Adds up numbers or durations, left to right; nulls do not count, nothing to add gives null."""
    if items.__class__ is not list and precision is None:
        found = of_column(items, "List.Sum")
        if found is not NOTHING:
            return found
    if enum_member(precision, "precision", (0, 1)):
        values = [value for value in bare(items) if value is not None]
        if values and kind_of(values[0]) == "number":
            return decimals.total(values)
    else:
        values = bare(items)  # type: ignore[assignment]
    total: Any = None
    unfit: Any = None
    for value in values:
        if unfit is not None and value is not None:
            raise errors.cannot_apply("+", unfit, value)
        if value.__class__ is float and total.__class__ is float:
            total += value
        elif value is None:
            continue
        elif total is None:
            if kind_of(value) not in ("number", "duration"):
                unfit = value  # the error shows it with what it was to be added to
                continue
            total = (
                value if value.__class__ in _AS_THEY_ARE else operators.add(0.0, value)
            )  # decimals: doubles
        else:
            total = operators.add(total, value)
    if unfit is not None:
        raise errors.cannot_apply("+", unfit, unfit)
    return unsigned(total)


@builtin("List.Product(numbersList as list, optional precision as nullable number) as nullable number")
def product(items: Any, precision: Any = None) -> Any:
    """Multiplies numbers; nulls do not count, nothing to multiply gives null."""
    if items.__class__ is not list and precision is None:
        found = of_column(items, "List.Product")
        if found is not NOTHING:
            return found
    exact = enum_member(precision, "precision", (0, 1))
    values = numbers(items)
    if not values:
        return None
    total: Any = values[0]
    for value in values[1:]:
        total = decimals.multiply(total, value) if exact else operators.multiply(total, value)
    return total
