"""Views: tables whose type, rows and row count come from handlers.

`GetType`, `GetRows` and `GetRowCount` are called; the ``On…`` handlers only say how a
source could do a step faster and must not change its result (TBL-100), so mlang does
the steps itself over the rows of ``GetRows``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlang import errors
from mlang.errors import MError
from mlang.library.arguments import of_kind
from mlang.registry import builtin
from mlang.tables import plan as p
from mlang.tables.plan import Batch, Source
from mlang.tables.table import Table
from mlang.values.functions import Function, apply
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import TableType

_NO_ON = "the On… handlers are not called; rows come from GetRows"


class ViewSource(Source):
    """The rows of a view."""

    label = "Table.View"

    def __init__(self, table: Table | None, handlers: dict[str, Any]) -> None:
        self.table, self.handlers = table, handlers

    def ask(self, name: str) -> Any:
        """What a handler answers; None when there is none, or when it raises over a table that can serve."""
        handler = strip(force(self.handlers.get(name)))
        if handler is None:
            return None
        try:
            return strip(apply(handler))
        except MError:
            if self.table is None:
                raise
            return None

    def type(self) -> TableType:
        """The view's table type."""
        type = self.ask("GetType")
        if type is None:
            return self._default().type
        if not isinstance(type, TableType):
            raise errors.cannot_convert(type, "Table")
        return type

    def _default(self) -> Table:
        if self.table is None:
            raise errors.field_not_found(
                "GetRows" if "GetType" in self.handlers else "GetType", self.handlers
            )
        return self.table

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        """The rows of ``GetRows``, else of the table underneath."""
        answer = self.ask("GetRows")
        rows: Table = self._default() if answer is None else of_kind(answer, "table")
        return rows.batches(columns, limit)

    def row_count(self) -> int | None:
        """What ``GetRowCount`` says, whatever the rows are (TBL-102)."""
        count = self.ask("GetRowCount")
        return None if count is None else int(of_kind(count, "number"))


@builtin("Table.View(table as nullable table, handlers as record) as table", missing=_NO_ON)
def view(table: Table | None, handlers: dict[str, Any]) -> Table:
    """A table whose type, rows and row count come from handler functions.

    Without a table the handlers ``GetType`` and ``GetRows`` are needed; with one, it serves
    wherever a handler is missing or raises.
    """
    source = ViewSource(table, handlers)
    type = source.type()
    if table is None and "GetRows" not in handlers:
        raise errors.field_not_found("GetRows", handlers)
    return Table(p.Scan(type, source, type.names, "Table.View"))


@builtin("Table.ViewError(errorRecord as record) as record", raw=True, missing=_NO_ON)
def view_error(record: Any) -> Any:
    """An error record for handlers that want their error to be final; here the record itself."""
    return record


@builtin("Table.ViewFunction(function as function) as function", raw=True, missing=_NO_ON)
def view_function(function: Function) -> Function:
    """A function that a view may handle; here it is always applied to the view's rows."""
    return function
