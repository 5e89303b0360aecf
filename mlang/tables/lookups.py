"""Rows of tables in memory by the value of a column: for ``t{[k = v]}`` asked once for every row of another table.

The first look-ups in a column go through it as ever; the next ones find their rows in an index.  It holds the
rows by the column of the *first* field of the key only: the others' cells are computed in just those rows, as
when all rows are looked at.  A column with a cell that fails, or that holds a list, record or the like, has no index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from mlang.errors import MError
from mlang.tables.plan import Values
from mlang.values.compare import key_of
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force

#: Look-ups in one column before an index is worth its while, and the rows that it needs to be.
_PATIENCE = 2
_FEW = 32

_SCALARS = frozenset(
    {"null", "text", "number", "logical", "date", "time", "datetime", "datetimezone", "duration"}
)
_PLAIN = frozenset({str, float, type(None)})

#: By table and column: how often somebody looked, then the index, or None where there can be none.
_known: WeakKeyDictionary[Values, dict[int, Any]] = WeakKeyDictionary()


def rows_with(plan: Values, place: int, value: Any) -> Sequence[int]:
    """The rows, in order, in which the cell of a column may equal a value: all, unless an index tells."""
    every = range(plan.length)
    if plan.length < _FEW:
        return every
    columns = _known.setdefault(plan, {})
    state = columns.get(place, 0)
    if state.__class__ is int:
        state += 1
        columns[place] = state = state if state <= _PATIENCE else _index(plan.columns[place])
    if state.__class__ is not dict:
        return every
    value = strip(value)
    return state.get(key_of(value), ()) if _scalar(value) else every


def _index(column: list[Any]) -> dict[Any, list[int]] | None:
    rows: dict[Any, list[int]] = {}
    for row, cell in enumerate(column):
        try:
            value = strip(force(cell))
        except MError:
            return None
        if not _scalar(value):
            return None
        rows.setdefault(key_of(value), []).append(row)
    return rows


def _scalar(value: Any) -> bool:
    return value.__class__ in _PLAIN or kind_of(value) in _SCALARS
