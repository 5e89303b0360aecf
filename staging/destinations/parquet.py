"""Writes a Parquet file beside the target and renames it: readers see the old file or the new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from staging.dataflow import DestinationSettings
from staging.destinations.files import replacing
from staging.destinations.rows import Rows
from staging.errors import DataflowError
from staging.store.lakehouse import GROUP_ROWS, parquet_writer


def load(path: Path, settings: DestinationSettings, rows: Rows) -> int:
    """Writes the rows; append puts them after those of the existing file.  Gives the file's size."""
    with replacing(path, settings, rows.once) as temporary:
        old = path if settings.update == "Append" and path.exists() else None
        if old is not None:
            _check(old, rows)
        with parquet_writer(temporary, rows.schema) as writer:
            if old is not None:
                _copy(old, writer, rows.schema)
            for batches in _grouped(rows.arrow()):
                writer.write_table(batches)
    return path.stat().st_size


def _grouped(batches: Iterator[Any]) -> Iterator[Any]:
    """Row groups of a useful size out of small batches."""
    import pyarrow as pa

    waiting: list[Any] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= GROUP_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting, count = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _check(path: Path, rows: Rows) -> None:
    import pyarrow.parquet as pq

    found = pq.read_schema(path).remove_metadata()
    if found.names != rows.schema.names or found.types != rows.schema.types:
        raise DataflowError(
            f"Query '{rows.query}': {path} has other columns ({_listed(found)}) than the query "
            f"({_listed(rows.schema)}); append needs equal ones."
        )


def _listed(schema: Any) -> str:
    return ", ".join(f"{f.name} {f.type}" for f in schema)


def _copy(path: Path, writer: Any, schema: Any) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as source:
        for batch in source.iter_batches(GROUP_ROWS):
            writer.write_batch(batch.cast(schema))
