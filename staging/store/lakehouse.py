"""The staging lakehouse: a generation is a few Parquet files with a row number and mangled column names.

Columns are ``rn, c1, c2 …`` because engines take ``a`` and ``A`` for the same name; the manifest has
the real ones.  `LakehouseWriter` streams: memory holds one batch.  Read ``sources.py`` for the way back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve

from folding.many import side_by_side
from staging.encode import Encoder, TooFine
from staging.store.manifest import Part
from staging.types import WIDER, Column, arrow_schema, arrow_type

#: Rows a file and a row group hold at most.
PART_ROWS = 5_000_000
GROUP_ROWS = 122_880


class LakehouseWriter:
    """Writes the batches of one query into a folder; `finish` gives the parts."""

    def __init__(self, folder: Path, query: str, columns: tuple[Column, ...]) -> None:
        self.folder, self.query, self.columns = folder, query, columns
        self.encoders = [Encoder(query, c) for c in columns]
        self.rows = 0
        self._parts: list[Part] = []
        self._file: Any = None
        self._first = 0
        self._pending: list[Any] = []
        self._pending_rows = 0

    def write(self, columns: list[list[Any]], length: int) -> None:
        """Appends the cells of a batch, column by column."""
        arrays = []
        for index, cells in enumerate(columns):
            try:
                arrays += self.encoders[index].encode(cells)
            except TooFine:
                self._widen(index)
                arrays += self.encoders[index].encode(cells)
        self._append(arrays, length)

    def write_arrow(self, columns: list[Any], length: int) -> None:
        """Appends what an engine computed: one Arrow array for each column, all of plain codes."""
        self._append([a for e, c in zip(self.encoders, columns, strict=True) for a in e.accept(c)], length)

    def _append(self, arrays: list[Any], length: int) -> None:
        import pyarrow as pa

        arrays = [pa.array(range(self.rows, self.rows + length), pa.int64()), *arrays]
        schema = arrow_schema(self.columns)
        self._pending.append(pa.record_batch(arrays, schema=schema))
        self._pending_rows += length
        self.rows += length
        if self._pending_rows >= GROUP_ROWS:
            self._flush()

    def adopt(self, paths: list[tuple[Path, int]]) -> None:
        """Takes files with their rows that somebody else wrote for the rows from `rows` on, in order."""
        self._flush()
        self._close()
        places = [self._path(number) for number, _ in enumerate(paths, len(self._parts))]
        sizes = side_by_side(_moved, [(path, place) for (path, _), place in zip(paths, places, strict=True)])
        for (_, rows), place, size in zip(paths, places, sizes, strict=True):
            self._parts.append(Part(place.name, rows, self._first, size))
            self._first += rows
            self.rows += rows

    def finish(self) -> tuple[Part, ...]:
        """Closes the last file; there is always at least one, so that an empty table has a schema."""
        self._flush()
        if self._file is None and not self._parts:
            self._open()
        self._close()
        return tuple(self._parts)

    def abandon(self) -> None:
        """Closes the open file of a build that failed."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def facts(self) -> dict[str, dict[str, Any]]:
        """What was seen of each column, by M name."""
        return {e.column.name: e.facts.to_json() for e in self.encoders}

    # ------------------------------------------------------------ files

    def _path(self, number: int) -> Path:
        return self.folder / f"part-{number:05d}.parquet"

    def _open(self) -> None:
        self._file = parquet_writer(self._path(len(self._parts)), arrow_schema(self.columns))

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._pending:
            return
        if self._file is None:
            self._open()
        table = pa.Table.from_batches(self._pending, schema=arrow_schema(self.columns))
        self._pending, self._pending_rows = [], 0
        self._file.write_table(table, row_group_size=GROUP_ROWS)
        if self.rows - self._first >= PART_ROWS:
            self._close()

    def _close(self) -> None:
        if self._file is None:
            return
        self._file.close()
        self._file = None
        path = self._path(len(self._parts))
        part = Part(path.name, self.rows - self._pending_rows - self._first, self._first, path.stat().st_size)
        self._parts.append(part)
        self._first += part.rows

    # ------------------------------------------------------------ ticks below a microsecond

    def _widen(self, index: int) -> None:
        """Rewrites what was written with the column in 100 ns ticks; rare, so simple rather than fast."""
        self._flush()
        self._close()
        old = self.columns
        column = evolve(old[index], code=WIDER.get(old[index].code, old[index].code))
        self.columns = (*old[:index], column, *old[index + 1 :])
        encoder = self.encoders[index]
        encoder.column = column
        facts = encoder.facts
        if facts.min is not None:
            facts.min, facts.max = to_ticks(facts.min), to_ticks(facts.max)
        self._parts = [self._rewritten(part, column) for part in self._parts]

    def _rewritten(self, part: Part, column: Column) -> Part:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder / part.file
        temporary = path.with_name(path.name + ".wide")
        schema = arrow_schema(self.columns)
        place = schema.get_field_index(column.physical)
        with pq.ParquetFile(path) as source, parquet_writer(temporary, schema) as target:
            for batch in source.iter_batches(GROUP_ROWS):
                arrays = list(batch.columns)
                arrays[place] = pa.array(
                    [None if v is None else to_ticks(v) for v in arrays[place].cast(pa.int64()).to_pylist()],
                    arrow_type(column.code),
                )
                target.write_batch(pa.record_batch(arrays, schema=schema))
        temporary.replace(path)
        return evolve(part, bytes=path.stat().st_size)


def _moved(pair: tuple[Path, Path]) -> int:
    """Renames a file; its size."""
    return pair[0].rename(pair[1]).stat().st_size


def to_ticks(micros: int) -> int:
    """Microseconds since 1970 as 100 ns ticks since the year 1."""
    from staging.encode import EPOCH_MICROS

    return (micros + EPOCH_MICROS) * 10


def parquet_writer(path: Path, schema: Any) -> Any:
    """A Parquet file as the lakehouse writes them."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, schema, compression="snappy", version="2.6", write_statistics=True)
