"""Metadata, and ascribed types, of values that have none by themselves.

A scalar, list or record with metadata (or an ascribed list/record type) is wrapped
in `Annotated`; functions, types and tables carry both in their own slots.  The
wrapper is rare: the library's calling layer (``registry.py``) strips it from
arguments, operators strip it on their slow path.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any


class Annotated:
    """A value with a metadata record (or None) and an ascribed type (or None)."""

    __slots__ = ("meta", "type", "value")

    def __init__(self, value: Any, meta: dict[str, Any] | None, type: Any = None) -> None:
        self.value, self.meta, self.type = value, meta, type


def strip(value: Any) -> Any:
    """The value without its wrapper."""
    return value.value if value.__class__ is Annotated else value


def metadata_of(value: Any) -> dict[str, Any]:
    """The metadata record of any value; empty when it has none."""
    meta: dict[str, Any] | None = getattr(value, "meta", None)
    return meta if meta is not None else {}


def with_metadata(value: Any, meta: dict[str, Any]) -> Any:
    """The same value with exactly this metadata."""
    if value.__class__ is Annotated:
        if not meta and value.type is None:
            return value.value
        return Annotated(value.value, meta or None, value.type)
    replace = getattr(value, "with_meta", None)
    if replace is not None:
        return replace(meta or None)
    return Annotated(value, meta) if meta else value


def with_type(value: Any, type: Any) -> Any:
    """A list or record with an ascribed type (functions and tables have their own slot)."""
    if value.__class__ is Annotated:
        return Annotated(value.value, value.meta, type)
    return Annotated(value, None, type)
