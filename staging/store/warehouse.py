"""The staging warehouse: a generation is one DuckDB file, never opened for writing again.

DuckDB's lock would shut readers out of a file that is being written, so a new generation is
always a new file.  Cells are first streamed to Parquet, which settles the column types, and
loaded from there in row-number order.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from staging.store.lakehouse import LakehouseWriter
from staging.store.manifest import Part
from staging.store.sources import WAREHOUSE_TABLE
from staging.types import ROW_NUMBER, Column

#: DuckDB reserves whole blocks: small tables get small ones.
_BLOCK, _SMALL_BLOCK, _SMALL_ROWS = 262_144, 16_384, 50_000


class WarehouseWriter:
    """Like `LakehouseWriter`, but `finish` leaves one DuckDB file."""

    def __init__(self, folder: Path, query: str, columns: tuple[Column, ...]) -> None:
        self.folder = folder
        self._lake = LakehouseWriter(folder, query, columns)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The stored columns; their codes may have widened."""
        return self._lake.columns

    @property
    def rows(self) -> int:
        return self._lake.rows

    def write(self, columns: list[list[Any]], length: int) -> None:
        """Appends the cells of a batch, column by column."""
        self._lake.write(columns, length)

    def write_arrow(self, columns: list[Any], length: int) -> None:
        """Appends Arrow arrays that an engine computed."""
        self._lake.write_arrow(columns, length)

    def facts(self) -> dict[str, dict[str, Any]]:
        """What was seen of each column, by M name."""
        return self._lake.facts()

    def abandon(self) -> None:
        """Closes the open file of a build that failed."""
        self._lake.abandon()

    def finish(self) -> tuple[Part, ...]:
        """Loads the Parquet parts into the DuckDB file and removes them."""
        parts = [self.folder / p.file for p in self._lake.finish()]
        # A new name each time: a process that has an older file attached under its path must not meet it.
        path = self.folder / f"data-{uuid.uuid4().hex[:8]}.duckdb"
        load_parquet(path, parts, self._lake.rows)
        for part in parts:
            part.unlink()
        return (Part(path.name, self._lake.rows, 0, path.stat().st_size),)


def load_parquet(path: Path, parts: list[Path], rows: int) -> None:
    """Makes the DuckDB file of a generation; closing it writes everything into the one file."""
    import duckdb

    block = _SMALL_BLOCK if rows < _SMALL_ROWS else _BLOCK
    connection = duckdb.connect()
    try:
        connection.execute(f"ATTACH {_literal(path)} AS made (BLOCK_SIZE {block})")
        connection.execute(
            f"CREATE TABLE made.main.{WAREHOUSE_TABLE} AS "
            f"SELECT * FROM read_parquet(?, hive_partitioning = false) ORDER BY {ROW_NUMBER}",
            [[str(p) for p in parts]],
        )
        connection.execute("DETACH made")  # writes the log into the file
    finally:
        connection.close()


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
