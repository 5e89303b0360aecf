"""Loads a table of a DuckDB file in one transaction: readers see all rows or none of them.

A warehouse of the workspace is such a file, with the product's narrower rules.
Read ``tables.py`` for what the settings do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlang.connectors.native import temporal_text
from mlang.values.kinds import kind_of
from mlang.values.temporal import DateTime
from staging.dataflow import DestinationSettings
from staging.destinations.once import TABLE, Once, create, settle
from staging.destinations.rows import Rows
from staging.destinations.tables import Existing, Part, TableWriter, checked, prepare, quoted_text, supported
from staging.destinations.target import DuckDbTarget
from staging.errors import DataflowError
from staging.types import Column

#: Whole numbers of the warehouse; it has none of eight bits.
_WAREHOUSE = {
    "Byte.Type": "SMALLINT", "Int8.Type": "SMALLINT", "Int16.Type": "SMALLINT", "Int32.Type": "INTEGER",
}  # fmt: skip
#: Types that the catalogue spells in another way than the CREATE statement.
_TYPES_SHOWN = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
_SQL = {
    "double": "DOUBLE", "int64": "BIGINT", "currency": "DECIMAL(19,4)", "text": "VARCHAR",
    "logical": "BOOLEAN", "date": "DATE", "datetime": "TIMESTAMP", "time64": "TIME", "interval": "INTERVAL",
    "instant": "TIMESTAMPTZ", "binary": "BLOB",
}  # fmt: skip


class DuckDbWriter(TableWriter):
    """A table of a DuckDB file; ``warehouse`` has the product's types and an always fixed schema."""

    def __init__(self, connection: Any, target: DuckDbTarget) -> None:
        self.connection, self.target, self.label = connection, target, target.label
        self.name = f"{self.quoted(target.schema)}.{self.quoted(target.table)}"
        self.always_fixed = target.warehouse

    def columns(self) -> Sequence[Existing] | None:
        found = self.connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_catalog = current_database() AND table_schema = ? AND table_name = ? "
            "ORDER BY ordinal_position",
            [self.target.schema, self.target.table],
        ).fetchall()
        return [Existing(name, _TYPES_SHOWN.get(type, type)) for name, type in found] or None

    def run(self, sql: str) -> Sequence[Any]:
        """Executes a statement; gives its rows."""
        found: list[Any] = self.connection.execute(sql).fetchall()
        return found

    def type_of(self, column: Column) -> str:
        if self.target.warehouse and column.type.name in _WAREHOUSE:
            return _WAREHOUSE[column.type.name]
        return _SQL["instant" if column.code.startswith("datetimezone") else column.code]

    def create(self, columns: tuple[Column, ...]) -> None:
        self.run(f"CREATE SCHEMA IF NOT EXISTS {self.quoted(self.target.schema)}")
        super().create(columns)

    def moment(self, value: Any) -> str:
        kind = kind_of(value)
        if kind == "datetimezone":
            return f"TIMESTAMPTZ '{temporal_text(DateTime(value.utc_ticks), 'datetime')}+00:00'"
        return f"{'DATE' if kind == 'date' else 'TIMESTAMP'} '{temporal_text(value, kind)}'"


def load(
    target: DuckDbTarget, path: Path, settings: DestinationSettings, rows: Rows, part: Part | None = None
) -> int:
    """Writes the rows; gives the size of the database file."""
    import duckdb

    if target.warehouse:
        supported("warehouse", rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(str(path))
    except duckdb.Error as error:
        raise DataflowError(f"The database {path} can't be opened for writing: {error}") from None
    try:
        connection.execute("BEGIN")
        writer = DuckDbWriter(connection, target)
        existing = prepare(writer, settings, rows.columns, part)
        _insert(writer, checked(rows, existing))
        if rows.once is not None:
            _settle(writer, rows.once, fresh=existing is None)
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise DataflowError(f"Query '{rows.query}', destination {target.label}: {error}") from None
    finally:
        connection.close()  # without COMMIT everything is undone
    return path.stat().st_size


def _settle(writer: DuckDbWriter, once: Once, fresh: bool) -> None:
    name = f"{writer.quoted(writer.target.schema)}.{TABLE}"
    writer.run(create(name))
    settle(once, name, writer.run, quoted_text, fresh)


def _insert(writer: DuckDbWriter, rows: Rows) -> None:
    import pyarrow as pa

    connection = writer.connection

    failure: list[BaseException] = []
    reader = pa.RecordBatchReader.from_batches(rows.schema, _kept(failure, rows))
    connection.register("incoming", reader)
    try:
        connection.execute(f"INSERT INTO {writer.name} BY NAME SELECT * FROM incoming")
    except Exception:
        # The engine wraps what a reader raises; the cause is what people need.
        if failure:
            raise failure[0] from None
        raise


def _kept(failure: list[BaseException], rows: Rows) -> Any:
    try:
        yield from rows.arrow()
    except BaseException as error:
        failure.append(error)
        raise
