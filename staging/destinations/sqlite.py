"""Loads a table of an SQLite file in one transaction: readers see all rows or none of them.

SQLite has few types: dates and times are ISO 8601 texts (as in CSV files), Currency is the exact text of
its digits, logicals are 0 and 1.  NaN has no form there and is refused.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mlang.connectors.native import temporal_text
from mlang.values.kinds import kind_of
from mlang.values.temporal import DateTime
from staging.dataflow import DestinationSettings
from staging.destinations.csv import cells
from staging.destinations.once import TABLE, create, settle
from staging.destinations.rows import Rows
from staging.destinations.tables import Existing, Part, TableWriter, prepare, quoted_text
from staging.destinations.target import SqliteTarget
from staging.errors import CannotStage, DataflowError
from staging.types import Column

_SQL = {"double": "REAL", "int64": "INTEGER", "logical": "INTEGER", "binary": "BLOB"}


class SqliteWriter(TableWriter):
    """A table of an SQLite file."""

    def __init__(self, connection: sqlite3.Connection, target: SqliteTarget) -> None:
        self.connection, self.label = connection, target.label
        self.name = self.quoted(target.table)

    def columns(self) -> Sequence[Existing] | None:
        listed = self.connection.execute(f"PRAGMA table_info({self.name})").fetchall()
        return [Existing(row[1], row[2].upper()) for row in listed] or None

    def run(self, sql: str) -> Sequence[Any]:
        """Executes a statement; gives its rows."""
        return self.connection.execute(sql).fetchall()

    def type_of(self, column: Column) -> str:
        return _SQL.get(column.code, "TEXT")

    def moment(self, value: Any) -> str:
        kind = kind_of(value)
        found = DateTime(value.utc_ticks) if kind == "datetimezone" else value
        # Texts have no digits after the seconds unless there are some: so have the bounds of buckets.
        text = temporal_text(found, "date" if kind == "date" else "datetime").replace(" ", "T")
        return f"'{text}{'Z' if kind == 'datetimezone' else ''}'"


def load(
    target: SqliteTarget, path: Path, settings: DestinationSettings, rows: Rows, part: Part | None = None
) -> int:
    """Writes the rows; gives the size of the database file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    connection = sqlite3.connect(path, isolation_level=None)
    done = False
    try:
        connection.execute("BEGIN IMMEDIATE")
        writer = SqliteWriter(connection, target)
        existing = prepare(writer, settings, rows.columns, part)
        names = ", ".join(writer.quoted(c.physical) for c in rows.columns)
        marks = ", ".join("?" for _ in rows.columns)
        insert = f"INSERT INTO {writer.name} ({names}) VALUES ({marks})"
        for batch in rows.arrow():
            connection.executemany(insert, _records(batch, rows))
        if rows.once is not None:
            connection.execute(create(TABLE))
            settle(rows.once, TABLE, writer.run, quoted_text, fresh=existing is None)
        connection.execute("COMMIT")
        done = True
    except sqlite3.Error as error:
        raise DataflowError(f"Query '{rows.query}', destination {target.label}: {error}") from None
    finally:
        connection.close()  # without COMMIT everything is undone
        if fresh and not done:
            path.unlink(missing_ok=True)
    return path.stat().st_size


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
