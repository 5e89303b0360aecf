"""Logical.*: conversions from and to logical (CVT-78 to CVT-80)."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.registry import builtin
from mlang.values.kinds import is_number

_WORDS = {"true": True, "false": False, "": None}


@builtin("Logical.FromText(text as nullable text) as nullable logical", null="text")
def from_text(text: str) -> bool | None:
    """Reads true or false, in upper or lower case; no text gives null."""
    value = _WORDS.get(text.lower(), text)
    if value.__class__ is str:
        raise errors.could_not_convert_to_logical(text)
    return value  # type: ignore[return-value]


@builtin("Logical.From(value as any) as nullable logical", null="value")
def from_value(value: Any) -> bool | None:
    """Makes a logical of a number (zero is false) or of a text that spells one."""
    if value.__class__ is bool:
        return bool(value)
    if value.__class__ is str:
        return from_text(value)
    if is_number(value):
        return bool(value != 0)
    raise errors.cannot_convert(value, "Logical")


@builtin("Logical.ToText(logicalValue as nullable logical) as nullable text", null="logicalValue")
def to_text(value: bool) -> str:
    """Spells a logical as "true" or "false"."""
    return "true" if value else "false"
