"""Staged tables as M tables: a plan over sources that engines know, so that references fold.

A table whose columns are stored as any reader sees them (`types.PLAIN`) becomes scans of
Parquet files or of a DuckDB table, with the facts of the manifest; one with ticks or offsets
becomes a source that only the interpreter decodes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from folding.many import side_by_side
from mlang.connectors.sources import BATCH_ROWS, DuckDbSource, ParquetSource
from mlang.tables.plan import Append, Batch, Plan, Scan, Source
from mlang.tables.table import Table
from mlang.values.types import INT64
from staging.encode import decode
from staging.errors import StagedDataMissing
from staging.store.manifest import Manifest, Part
from staging.types import PLAIN, ROW_NUMBER, Column, arrow_schema

#: The table inside a generation's DuckDB file.
WAREHOUSE_TABLE = "staged"


class StagedParquet(ParquetSource):
    """One Parquet file of a staged table; ``proven`` are its columns' facts as folding names them.

    Parts of one generation have these in common: whoever makes many gives the facts once.
    """

    __slots__ = ("columns", "first", "proven", "query", "rows", "size")

    def __init__(
        self, folder: Path, found: Manifest, part: Part, facts: dict[str, dict[str, Any]] | None = None
    ) -> None:
        types = {ROW_NUMBER: INT64, **{c.physical: c.type for c in found.columns}}
        super().__init__(None, types, path=str(folder / part.file))
        self.query, self.columns, self.rows, self.first = found.query, found.columns, part.rows, part.first
        self.size = part.bytes
        self.proven = proven(found) if facts is None else facts

    def schema(self) -> Any:
        """The Arrow schema of the file, which all parts of the table share; it is not opened for that."""
        return arrow_schema(self.columns)

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"staged table {self.query}"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        assert self.path is not None
        return _parquet_batches(self.query, Path(self.path), _chosen(self.columns, columns))

    def row_count(self) -> int | None:
        return self.rows


class StagedDuckDb(DuckDbSource):
    """The DuckDB file of a staged table in the warehouse."""

    __slots__ = ("columns", "proven", "query", "rows")

    def __init__(self, folder: Path, found: Manifest) -> None:
        # In table order and complete: engines rename columns by position.
        types, physical = {ROW_NUMBER: INT64}, {ROW_NUMBER: "BIGINT"}
        for c in found.columns:
            types[c.physical], physical[c.physical] = c.type, _DUCKDB.get(c.code, "BIGINT")
            if c.offset:
                types[c.offset], physical[c.offset] = INT64, "SMALLINT"
        super().__init__(str(folder / found.parts[0].file), "main", WAREHOUSE_TABLE, types, physical)
        self.query, self.columns, self.rows = found.query, found.columns, found.rows
        self.proven = proven(found)

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"staged table {self.query}"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        return _duckdb_batches(self.query, Path(self.path), _chosen(self.columns, columns))

    def row_count(self) -> int | None:
        return self.rows


class StagedRows(Source):
    """A staged table with columns that only the interpreter decodes (ticks, offsets)."""

    def __init__(self, folder: Path, found: Manifest) -> None:
        self.folder, self.found = folder, found
        self.label = f"staged table {found.query}"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        chosen = _chosen(self.found.columns, columns)
        read = _duckdb_batches if self.found.store == "warehouse" else _parquet_batches
        for part in self.found.parts:
            yield from read(self.found.query, self.folder / part.file, chosen)

    def row_count(self) -> int | None:
        return self.found.rows

    def stored(self) -> list[tuple[ParquetSource | DuckDbSource, dict[str, str]]]:
        """What engines may read instead: each part with its physical columns, and how the columns are coded."""
        codes = {c.physical: c.code for c in self.found.columns}
        if self.found.store == "warehouse":
            return [(StagedDuckDb(self.folder, self.found), codes)]
        facts = proven(self.found)
        return [(StagedParquet(self.folder, self.found, part, facts), codes) for part in self.found.parts]


def proven(found: Manifest) -> dict[str, dict[str, Any]]:
    """What the manifest proves of each physical column, in the words of `folding.terms.Scalar`."""
    facts: dict[str, dict[str, Any]] = {ROW_NUMBER: {"nullable": False, "int53": True}}
    for column in found.columns:
        known = found.facts.get(column.name, {})
        said: dict[str, Any] = {"nullable": known.get("nulls", 1) > 0}
        for name in ("int53", "ascii"):
            if known.get(name) is True:
                said[name] = True
        if column.code == "double" and known:
            said["nonan"] = not known.get("nan", False)
        if column.code == "int64" and said.get("int53") and "max" in known:
            said["largest"] = max(abs(known["min"]), abs(known["max"]))
        facts[column.physical] = said
    return facts


#: What DuckDB calls the plain codes.
_DUCKDB = {
    "double": "DOUBLE", "int64": "BIGINT", "currency": "DECIMAL(19,4)", "text": "VARCHAR",
    "logical": "BOOLEAN", "date": "DATE", "datetime": "TIMESTAMP", "datetimezone": "TIMESTAMP",
}  # fmt: skip


def staged_plan(folder: Path, found: Manifest) -> Plan:
    """The plan that reads one generation."""
    schema = found.type
    names = tuple(c.physical for c in found.columns)
    label = f"Staged[{found.query}]"
    if not found.columns or any(c.code not in PLAIN for c in found.columns):
        return Scan(schema, StagedRows(folder, found), names, label)
    if found.store == "warehouse":
        return Scan(schema, StagedDuckDb(folder, found), names, label)
    facts = proven(found)
    scans = [Scan(schema, StagedParquet(folder, found, part, facts), names, label) for part in found.parts]
    return scans[0] if len(scans) == 1 else Append(schema, tuple(scans))


def staged_table(folder: Path, found: Manifest) -> Table:
    """The M table of one generation."""
    places = [str(folder / part.file) for part in found.parts]
    for place, there in zip(places, side_by_side(os.path.exists, places), strict=True):
        if not there:
            raise StagedDataMissing(
                f"Staged table '{found.query}': {place} is gone. "
                "Refresh the dataflow: it makes the table anew."
            )
    return Table(staged_plan(folder, found))


# ---------------------------------------------------------------- reading files


def _chosen(columns: tuple[Column, ...], names: list[str] | None) -> tuple[Column, ...]:
    if names is None:
        return columns
    by_name = {c.physical: c for c in columns}
    return tuple(by_name[n] for n in names)


def _physical(columns: tuple[Column, ...]) -> list[str]:
    found = []
    for column in columns:
        found.append(column.physical)
        if column.offset:
            found.append(column.offset)
    return list(dict.fromkeys(found))


def to_batch(columns: tuple[Column, ...], batch: Any) -> Batch:
    """M cells of an Arrow batch with physical columns."""
    cells = [
        decode(c, batch.column(c.physical), batch.column(c.offset) if c.offset else None) for c in columns
    ]
    return Batch(cells, batch.num_rows)


def _parquet_batches(query: str, path: Path, columns: tuple[Column, ...]) -> Iterator[Batch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        source = pq.ParquetFile(path)
    except FileNotFoundError:
        raise _collected(query, path) from None
    except (pa.ArrowException, OSError) as error:
        raise _damaged(query, path, error) from None
    with source:
        batches = source.iter_batches(BATCH_ROWS, columns=_physical(columns) or [ROW_NUMBER])
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError) as error:
                raise _damaged(query, path, error) from None
            if batch is None:
                return
            yield to_batch(columns, batch)


def _duckdb_batches(query: str, path: Path, columns: tuple[Column, ...]) -> Iterator[Batch]:
    import duckdb

    if not path.exists():
        raise _collected(query, path)
    names = ", ".join(_physical(columns) or [ROW_NUMBER])
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise _damaged(query, path, error) from None
    try:
        result = connection.sql(f"SELECT {names} FROM {WAREHOUSE_TABLE} ORDER BY {ROW_NUMBER}")
        for batch in result.to_arrow_reader(BATCH_ROWS):
            yield to_batch(columns, batch)
    except duckdb.Error as error:
        raise _damaged(query, path, error) from None
    finally:
        connection.close()


def _collected(query: str, path: Path) -> StagedDataMissing:
    return StagedDataMissing(
        f"Staged table '{query}': {path} is gone: newer refreshes replaced it while it was read. Read again."
    )


def _damaged(query: str, path: Path, error: Exception) -> StagedDataMissing:
    reason = str(error).partition("\n")[0]
    return StagedDataMissing(
        f"Staged table '{query}': {path} can't be read ({reason}). Refresh the dataflow: it makes the table anew."
    )
