"""Loads a table of an SQLite file in one transaction: readers see all rows or none of them.

SQLite has few types: dates and times are ISO 8601 texts (as in CSV files), Currency is the exact text of
its digits, logicals are 0 and 1.  NaN has no form there and is refused.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from staging.dataflow import DestinationSettings
from staging.destinations.csv import cells
from staging.destinations.rows import Rows
from staging.destinations.target import SqliteTarget
from staging.errors import CannotStage, DataflowError
from staging.types import Column

_SQL = {"double": "REAL", "int64": "INTEGER", "logical": "INTEGER", "binary": "BLOB"}


def load(target: SqliteTarget, path: Path, settings: DestinationSettings, rows: Rows) -> int:
    """Writes the rows; gives the size of the database file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    connection = sqlite3.connect(path, isolation_level=None)
    done = False
    try:
        connection.execute("BEGIN IMMEDIATE")
        _prepare(connection, target, settings, rows.columns)
        names = ", ".join(quoted(c.physical) for c in rows.columns)
        marks = ", ".join("?" for _ in rows.columns)
        insert = f"INSERT INTO {quoted(target.table)} ({names}) VALUES ({marks})"
        for batch in rows.arrow():
            connection.executemany(insert, _records(batch, rows))
        connection.execute("COMMIT")
        done = True
    except sqlite3.Error as error:
        raise DataflowError(f"Query '{rows.query}', destination {target.label}: {error}") from None
    finally:
        connection.close()  # without COMMIT everything is undone
        if fresh and not done:
            path.unlink(missing_ok=True)
    return path.stat().st_size


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _prepare(
    connection: sqlite3.Connection,
    target: SqliteTarget,
    settings: DestinationSettings,
    columns: tuple[Column, ...],
) -> None:
    existing = [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(target.table)})")]
    if not existing:
        if not settings.allow_creation:
            raise DataflowError(f"The table {target.label} doesn't exist, and AllowCreation is false.")
        _create(connection, target, columns)
    elif settings.update == "Append":
        _check(target, existing, columns)
    elif settings.automatic or settings.dynamic_schema or settings.default:
        connection.execute(f"DROP TABLE {quoted(target.table)}")
        _create(connection, target, columns)
    else:
        _check(target, existing, columns)
        connection.execute(f"DELETE FROM {quoted(target.table)}")


def _create(connection: sqlite3.Connection, target: SqliteTarget, columns: tuple[Column, ...]) -> None:
    if not columns:
        raise DataflowError(f"The table {target.label} can't be made without columns.")
    listed = ", ".join(
        f"{quoted(c.physical)} {_SQL.get(c.code, 'TEXT')}{'' if c.type.nullable else ' NOT NULL'}"
        for c in columns
    )
    connection.execute(f"CREATE TABLE {quoted(target.table)} ({listed})")


def _check(target: SqliteTarget, existing: list[str], columns: tuple[Column, ...]) -> None:
    known = {name.casefold() for name in existing}
    missing = [c.physical for c in columns if c.physical.casefold() not in known]
    if missing:
        raise DataflowError(
            f"The table {target.label} has no column '{missing[0]}'; its schema is fixed. "
            f"Columns: {', '.join(existing)}."
        )


def _records(batch: Any, rows: Rows) -> Iterator[tuple[Any, ...]]:
    columns = [_values(c, array, rows.query) for c, array in zip(rows.columns, batch.columns, strict=True)]
    return zip(*columns, strict=True)


def _values(column: Column, array: Any, query: str) -> list[Any]:
    if column.code not in _SQL:
        return cells(column, array)
    found: list[Any] = array.to_pylist()
    if column.code == "double" and any(v is not None and math.isnan(v) for v in found):
        raise CannotStage(f"Query '{query}': column '{column.name}' holds NaN, which SQLite would make null.")
    return [int(v) if v is not None else None for v in found] if column.code == "logical" else found
