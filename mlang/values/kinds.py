"""Which M kind a host value has.

Host values serve where Python has them: None, bool, float (the ordinary number),
int (whole numbers a double cannot hold), Decimal (digits a double cannot hold), str,
bytes, dict (records), list.  What Python lacks has a class of its own with a class
attribute ``m_kind``.  `kind_of` is the only place that knows.
"""

from __future__ import annotations

from mlang.values.metadata import Annotated

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "logical",
    float: "number",
    int: "number",
    str: "text",
    bytes: "binary",
    dict: "record",
    list: "list",
}

#: Kind names as messages show them.
DISPLAY = {
    "null": "Null",
    "logical": "Logical",
    "number": "Number",
    "text": "Text",
    "binary": "Binary",
    "date": "Date",
    "time": "Time",
    "datetime": "DateTime",
    "datetimezone": "DateTimeZone",
    "duration": "Duration",
    "list": "List",
    "record": "Record",
    "table": "Table",
    "function": "Function",
    "type": "Type",
    "action": "Action",
    "any": "Any",
    "anynonnull": "AnyNonNull",
    "none": "None",
}


def kind_of(value: Any) -> str:
    """The primitive kind of a (forced) value: "null", "number", "table" …"""
    kind = _KINDS.get(value.__class__)
    if kind is not None:
        return kind
    if value.__class__ is Annotated:
        return kind_of(value.value)
    kind = getattr(value.__class__, "m_kind", None)
    if kind is None:
        kind = _foreign(value)
    _KINDS[value.__class__] = kind
    return kind


def _foreign(value: Any) -> str:
    from decimal import Decimal

    if isinstance(value, Decimal):
        return "number"
    raise TypeError(f"not an M value: {value.__class__.__name__}")


def is_number(value: Any) -> bool:
    """True for float, int and Decimal, never for a logical."""
    return value.__class__ is float or (value.__class__ is not bool and kind_of(value) == "number")
