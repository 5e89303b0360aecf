"""Telling cells of navigation columns from others, without asking for their rows (``tables/related.py``).

Related tables refer to each other without end, so whoever goes through values to their ground stops at these.  Two
related rows are equal when their own columns are: the navigation columns of a table follow from these.
"""

from __future__ import annotations

from mlang.values.metadata import Annotated
from mlang.values.thunk import DONE, WAITING, Thunk

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any


#: Classes of values that hold no related rows.
_OTHERS = frozenset({float, str, int, bool, type(None), dict, list, bytes})


def related_kind(cell: Any) -> str | None:
    """What a cell or field holds that leads to related rows: "record" or "table"; None for all others."""
    if cell.__class__ in _OTHERS:
        return None
    if cell.__class__ is Thunk:
        if cell.state == WAITING:
            found: str | None = getattr(cell.content, "related_kind", None)
            return found
        if cell.state != DONE:
            return None
        cell = cell.content
    type = cell.type if cell.__class__ is Annotated else getattr(cell, "_type", None)
    return None if type is None or getattr(type, "related", None) is None else str(type.kind)


def own_part(value: Any) -> Any:
    """A forced value without the navigation columns of related rows; all other values as they are."""
    kind = related_kind(value)
    if kind == "record":
        return own_fields(value.value)
    if kind == "table":
        from mlang.tables.related import without_related

        return without_related(value)[0]
    return value


def own_fields(record: dict[str, Any]) -> dict[str, Any]:
    """The fields of a row that are no navigation columns."""
    return {name: cell for name, cell in record.items() if related_kind(cell) is None}
