"""Records: a plain dict from field name to value or thunk, in field order.

Merging and selecting never force a field (EVL-10).
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.values.thunk import Thunk


def field(record: dict[str, Any], name: str) -> Any:
    """The forced value of a field; the engine's error when it is missing (ERR-12)."""
    try:
        value = record[name]
    except KeyError:
        raise errors.field_not_found(name, record) from None
    return value.get() if value.__class__ is Thunk else value


def field_or(record: dict[str, Any], name: str, default: Any = None) -> Any:
    """The forced value of a field, or ``default`` when it is missing."""
    value = record.get(name, default)
    return value.get() if value.__class__ is Thunk else value
