"""The table value: a type and a plan.

Library functions take tables apart with ``table.plan`` and build larger plans; nobody
reads rows until somebody enumerates.  `batches` sends the plan to the session's
runner: the folding one when the front door installed it, else ``local.py``.
Read ``plan.py`` for the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from mlang import session as sessions
from mlang.tables.flow import Batch
from mlang.tables.plan import Plan, Values
from mlang.values.types import TableType, primitive, table_type


class Table:
    """``type`` is the claimed table type; ``plan`` what computes the rows; ``session`` where it was made."""

    __slots__ = ("_type", "meta", "plan", "session")
    m_kind = "table"

    def __init__(self, plan: Plan, meta: dict[str, Any] | None = None, type: TableType | None = None) -> None:
        self.plan, self.meta = plan, meta
        self._type = type
        self.session = sessions.current()

    @property
    def type(self) -> TableType:
        """The table type; equal to the plan's schema unless only keys or metadata were ascribed."""
        return self._type if self._type is not None else self.plan.schema

    def with_meta(self, meta: dict[str, Any] | None) -> Table:
        """The same rows with other metadata."""
        return Table(self.plan, meta, self._type)

    def with_type(self, type: TableType) -> Table:
        """The same rows and column names with other keys or type metadata (`plan.Retype` does the rest)."""
        return Table(self.plan, self.meta, type)

    @property
    def names(self) -> tuple[str, ...]:
        """The column names in order."""
        return self.plan.schema.names

    def batches(self, columns: list[str] | None = None, limit: int | None = None) -> Iterator[Batch]:
        """Runs the plan: batches with the named columns only (None: all); ``limit`` rows are wanted."""
        return run(self.plan, columns, limit, self.session)

    def rows(self, limit: int | None = None) -> Iterator[tuple[Any, ...]]:
        """The rows as tuples of cells (values or thunks) in schema order."""
        for batch in self.batches(None, limit):
            if batch.columns:
                yield from zip(*batch.columns, strict=True)
            else:
                for _ in range(batch.length):
                    yield ()

    def records(self, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """The rows as M records."""
        names = self.names
        for row in self.rows(limit):
            yield dict(zip(names, row, strict=True))

    # The methods that Python users call (`to_arrow`, `to_pandas`, `to_polars`, `schema`) are
    # attached by ``tables/export.py`` so that pyarrow is loaded by those who ask for it.
    def to_arrow(self) -> Any:
        """The rows as a ``pyarrow.Table``; raises `MError` when a cell holds an error."""
        from mlang.compile.entry import run as enter
        from mlang.tables.export import to_arrow

        return enter(lambda: to_arrow(self), self.session)

    def to_pandas(self) -> Any:
        """The rows as a pandas frame (needs pandas)."""
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """The rows as a polars frame (needs polars)."""
        import polars

        return polars.from_arrow(self.to_arrow())

    @property
    def schema(self) -> dict[str, str]:
        """Column name -> M type text, in order."""
        from mlang.values.show import type_text

        return {
            n: type_text(t if getattr(t, "related", None) is None else primitive(t.kind, t.nullable))
            for n, t in zip(self.type.names, self.type.types, strict=True)
        }


def run(
    plan: Plan, columns: list[str] | None, limit: int | None, session: sessions.Session
) -> Iterator[Batch]:
    """Runs a plan inside its session with the session's runner."""
    runner = session.runner or _local()

    def make() -> Iterator[Batch]:
        return runner(settled(plan), columns, limit)

    if sessions.current() is session:
        return make()
    return _within(session, make)


_resolve: Callable[[Plan], Plan] | None = None


def resolve_with(function: Callable[[Plan], Plan]) -> None:
    """Names what lets views handle their steps; ``tables/view.py`` does so with the first view."""
    global _resolve
    _resolve = function


def views_exist() -> bool:
    """Whether anybody made a view."""
    return _resolve is not None


def settled(plan: Plan) -> Plan:
    """The plan after its views handled their steps; the same plan where there are none."""
    return plan if _resolve is None else _resolve(plan)


@cache  # an import statement takes time that grows with the generators around it
def _local() -> Callable[..., Iterator[Batch]]:
    from mlang.tables.local import run_local

    return run_local


def _within(session: sessions.Session, make: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
    """Batches of a table that is read after its evaluation ended: each is made inside the table's session."""
    with sessions.use(session):
        batches = make()
    while True:
        with sessions.use(session):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def from_columns(names: list[str], columns: list[list[Any]], types: Any = None) -> Table:
    """A table of columns in memory."""
    length = len(columns[0]) if columns else 0
    return Table(Values(table_type(names, types), columns, length))
