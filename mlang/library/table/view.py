"""Views: tables whose type, rows, row count and steps come from handlers.

How steps reach the handlers is in ``mlang/tables/view.py``.
"""

from __future__ import annotations

from typing import Any

from mlang.registry import builtin
from mlang.tables.table import Table
from mlang.values.functions import Function
from mlang.values.metadata import with_metadata


@builtin("Table.View(table as nullable table, handlers as record) as table")
def view(table: Table | None, handlers: dict[str, Any]) -> Table:
    """A table whose type, rows, row count and steps come from handler functions.

    ``GetType``, ``GetRows`` and ``GetRowCount`` answer questions; ``OnTake``, ``OnSkip``, ``OnSelectColumns``,
    ``OnRenameColumns``, ``OnSelectRows``, ``OnSort``, ``OnAddColumns``, ``OnGroup``, ``OnDistinct``, ``OnJoin``,
    ``OnCombine``, ``OnPivot``, ``OnUnpivot`` and ``OnInvoke`` do steps.  Without a table ``GetType`` and
    ``GetRows`` are needed; with one, it serves where a handler is missing or raises.
    """
    from mlang.tables.view import make_view

    return make_view(table, handlers)


@builtin("Table.ViewError(errorRecord as record) as record")
def view_error(record: dict[str, Any]) -> Any:
    """An error record that a handler of a view raises for good: the view does not fall back."""
    return with_metadata(record, {"ViewError": True})


@builtin("Table.ViewFunction(function as function) as function")
def view_function(function: Function) -> Function:
    """A function that the ``OnInvoke`` handler of a view may handle; else it is applied to the view."""
    from mlang.tables.view import view_function

    return view_function(function)
