"""Loads a table of a DuckDB file in one transaction: readers see all rows or none of them.

Replace with a dynamic schema drops and creates; with a fixed one it keeps the table and
deletes its rows; append adds to the table, by column name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from staging.dataflow import DestinationSettings
from staging.destinations.rows import Rows
from staging.destinations.target import DuckDbTarget
from staging.errors import DataflowError
from staging.types import Column

_SQL = {
    "double": "DOUBLE", "int64": "BIGINT", "currency": "DECIMAL(19,4)", "text": "VARCHAR",
    "logical": "BOOLEAN", "date": "DATE", "datetime": "TIMESTAMP", "time64": "TIME", "interval": "INTERVAL",
    "instant": "TIMESTAMPTZ", "binary": "BLOB",
}  # fmt: skip


def load(target: DuckDbTarget, path: Path, settings: DestinationSettings, rows: Rows) -> int:
    """Writes the rows; gives the size of the database file."""
    import duckdb

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(str(path))
    except duckdb.Error as error:
        raise DataflowError(f"The database {path} can't be opened for writing: {error}") from None
    try:
        connection.execute("BEGIN")
        _prepare(connection, target, settings, rows.columns)
        _insert(connection, target, rows)
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise DataflowError(f"Query '{rows.query}', destination {target.label}: {error}") from None
    finally:
        connection.close()  # without COMMIT everything is undone
    return path.stat().st_size


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _table(target: DuckDbTarget) -> str:
    return f"{quoted(target.schema)}.{quoted(target.table)}"


def _prepare(
    connection: Any, target: DuckDbTarget, settings: DestinationSettings, columns: tuple[Column, ...]
) -> None:
    existing = _existing(connection, target)
    if existing is None:
        if not settings.allow_creation:
            raise DataflowError(f"The table {target.label} doesn't exist, and AllowCreation is false.")
        _create(connection, target, columns)
    elif settings.update == "Append":
        _check(target, existing, columns)
    elif settings.automatic or settings.dynamic_schema or settings.default:
        connection.execute(f"DROP TABLE {_table(target)}")
        _create(connection, target, columns)
    else:
        _check(target, existing, columns)
        connection.execute(f"DELETE FROM {_table(target)}")


def _existing(connection: Any, target: DuckDbTarget) -> dict[str, str] | None:
    found = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns "
        "WHERE table_catalog = current_database() AND table_schema = ? AND table_name = ? "
        "ORDER BY ordinal_position",
        [target.schema, target.table],
    ).fetchall()
    return dict(found) or None


def _create(connection: Any, target: DuckDbTarget, columns: tuple[Column, ...]) -> None:
    if not columns:
        raise DataflowError(f"The table {target.label} can't be made without columns.")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(target.schema)}")
    listed = ", ".join(
        f"{quoted(c.physical)} {_SQL[c.code]}{'' if c.type.nullable else ' NOT NULL'}" for c in columns
    )
    connection.execute(f"CREATE TABLE {_table(target)} ({listed})")


def _check(target: DuckDbTarget, existing: dict[str, str], columns: tuple[Column, ...]) -> None:
    """A fixed schema: every column of the query is there; types are for the engine to convert or refuse."""
    known = {name.casefold() for name in existing}
    missing = [c.physical for c in columns if c.physical.casefold() not in known]
    if missing:
        raise DataflowError(
            f"The table {target.label} has no column '{missing[0]}'; its schema is fixed. "
            f"Columns: {', '.join(existing)}."
        )


def _insert(connection: Any, target: DuckDbTarget, rows: Rows) -> None:
    import pyarrow as pa

    failure: list[BaseException] = []
    reader = pa.RecordBatchReader.from_batches(rows.schema, _kept(failure, rows))
    connection.register("incoming", reader)
    try:
        connection.execute(f"INSERT INTO {_table(target)} BY NAME SELECT * FROM incoming")
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
