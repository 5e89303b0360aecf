"""``Table.TransformColumnTypes``: which function converts a cell to a type (CVT-136 to CVT-140).

The rule of the reference: the ``.From`` function of the target type, with the culture
where it takes one.  Read ``local_columns.py`` for who calls the converter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import errors, registry
from mlang.values.types import MType

#: ``.From`` functions that take a culture as their second argument.
CULTURED = frozenset(
    [
        "Text.From",
        "Number.From",
        "Date.From",
        "DateTime.From",
        "DateTimeZone.From",
        "Time.From",
        "Byte.From",
        "Int8.From",
        "Int16.From",
        "Int32.From",
        "Int64.From",
        "Single.From",
        "Double.From",
        "Decimal.From",
        "Currency.From",
        "Percentage.From",
    ]
)
_FAMILIES = {
    "number": "Number", "text": "Text", "logical": "Logical", "date": "Date", "time": "Time",
    "datetime": "DateTime", "datetimezone": "DateTimeZone", "duration": "Duration", "binary": "Binary",
}  # fmt: skip
#: Classes whose values a plain target leaves as they are.
_SAME: dict[str, type] = {"Number.From": float, "Text.From": str, "Logical.From": bool}


def conversion_name(type: MType) -> str | None:
    """The library function that converts to a type; None when cells stay as they are."""
    if type.kind == "any":
        return None
    if type.name is not None:
        name = type.name.removesuffix(".Type") + ".From"
        return name if registry.lookup(name) is not None else _FAMILIES[type.kind] + ".From"
    family = _FAMILIES.get(type.kind)
    if family is None:
        raise errors.bad_conversion_type(type)
    return family + ".From"


def converter(type: MType, culture: str | None) -> Callable[[Any], Any] | None:
    """The function of a cell for a target type; None when nothing changes."""
    name = conversion_name(type)
    if name is None:
        return None
    call: Callable[..., Any] = registry.value_of(name).fn
    same = _SAME.get(name)
    if culture is not None and name in CULTURED:
        return lambda v: v if v is None or v.__class__ is same else call(v, culture)
    return lambda v: v if v is None or v.__class__ is same else call(v)
