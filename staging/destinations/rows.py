"""What every destination does first: choose and rename columns, encode cells, refuse what it cannot hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve

from mlang.tables.plan import Batch
from mlang.tables.table import Table
from staging.destinations.once import Once
from staging.encode import Encoder, TooFine
from staging.errors import CannotStage, DataflowError
from staging.types import Column, arrow_schema, destination_columns

#: Called with the number of rows after each batch.
Progress = Callable[[int], None]


def mapped(
    query: str, table: Table, mappings: tuple[tuple[str, str], ...] | None
) -> tuple[list[str], tuple[Column, ...]]:
    """The M columns to write, in order, and the columns of the target; without mappings all, by name."""
    columns = destination_columns(query, table.type) if mappings is None else _mapped(query, table, mappings)
    names = [c.physical for c in columns]
    folded = [n.casefold() for n in names]
    twice = next((n for n in names if folded.count(n.casefold()) > 1), None)
    if twice is not None:
        raise CannotStage(
            f"Query '{query}': destination column '{twice}' occurs twice (case does not count)."
        )
    return [c.name for c in columns], columns


def _mapped(query: str, table: Table, mappings: tuple[tuple[str, str], ...]) -> tuple[Column, ...]:
    from mlang.values.types import Field, RecordType, TableType

    missing = [source for source, _ in mappings if not table.type.has(source)]
    if missing:
        raise DataflowError(
            f"Query '{query}': the mapping names column '{missing[0]}', which the query hasn't."
        )
    fields = [Field(s, table.type.types[table.type.index(s)]) for s, _ in mappings]
    columns = destination_columns(query, TableType(RecordType(fields)))
    return tuple(evolve(c, physical=d) for c, (_, d) in zip(columns, mappings, strict=True))


class Rows:
    """The rows of a query as Arrow record batches for a target; counts rows and error cells on the way."""

    def __init__(
        self, query: str, batches: Iterator[Batch], columns: tuple[Column, ...], progress: Progress | None
    ) -> None:
        self.query, self.columns, self.progress = query, columns, progress
        self._batches = batches
        self.encoders = [Encoder(query, c) for c in columns]
        self.schema = arrow_schema(tuple(evolve_plain(c) for c in columns), row_number=False)
        self.count = 0
        #: How an append finds out that it was made already; None for what may be repeated.
        self.once: Once | None = None

    def arrow(self) -> Iterator[Any]:
        """The record batches, once."""
        import pyarrow as pa

        for batch in self._batches:
            arrays = [self._encoded(e, cells) for e, cells in zip(self.encoders, batch.columns, strict=True)]
            self.count += batch.length
            made = pa.record_batch(arrays, schema=self.schema)
            if self.once is not None:
                self.once.digest.add(made)
            yield made
            if self.progress is not None:
                self.progress(self.count)

    def _encoded(self, encoder: Encoder, cells: list[Any]) -> Any:
        column = encoder.column
        before = encoder.facts.nulls - encoder.facts.errors
        try:
            array = encoder.encode(cells)[0]
        except TooFine:
            raise CannotStage(
                f"Query '{self.query}': column '{column.name}' has ticks below a microsecond, "
                "which the destination can't hold."
            ) from None
        if not column.type.nullable and encoder.facts.nulls - encoder.facts.errors > before:
            raise CannotStage(
                f"Query '{self.query}': column '{column.name}': "
                "DataFormat.Error: Error in replacing table's content with new data in a version: #{0}., "
                "InnerException: We can't insert null data into a non-nullable column. "
                "Make the column's type nullable (type nullable text in Table.TransformColumnTypes)."
            )
        return array

    def errors(self) -> dict[str, int]:
        """Error cells that became null, by column."""
        return {e.column.name: e.facts.errors for e in self.encoders if e.facts.errors}


def evolve_plain(column: Column) -> Column:
    """The column without a second, physical one for offsets."""
    return evolve(column, code="instant") if column.code.startswith("datetimezone") else column
