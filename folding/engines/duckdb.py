"""DuckDB on this machine: relations become queries, results become batches.

Results stream as Arrow record batches and stay Arrow (`FoldedBatch`) until somebody reads
cells; cells that did not convert come with their text and are done by the interpreter
here (`_patched`).  Read `database.py` for the connection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding.engines.database import DIALECT, release_unused, root
from folding.relations import Column, Relation
from folding.sources import PASSING, Leaf
from folding.streaming import StreamOrigin, run
from folding.structures import cells_of, holds
from folding.terms import Unfoldable
from folding.types import exported, to_values
from mlang import session as sessions
from mlang.errors_sources import query_failed
from mlang.tables.batches import ArrowBatch
from mlang.tables.plan import Batch
from mlang.values.types import TableType

#: Rows per record batch.
BATCH_ROWS = 32_768


class FoldedBatch(ArrowBatch):
    """Rows of a result: cells by the kinds that folding knows, Arrow data of the types that the table claims."""

    __slots__ = ("_arrow", "_cells", "_part", "_query")

    def __init__(self, part: Any, query: Query) -> None:
        self._part, self._query = part, query
        self.length = part.num_rows
        self._cells: list[list[Any]] | None = None
        self._arrow: Any = None

    @property
    def columns(self) -> list[list[Any]]:  # type: ignore[override]
        """The cells as M values, by column."""
        if self._cells is None:
            self._cells = [
                to_values(self._part.column(f"c{i}"), c.term.kind)
                for i, c in enumerate(self._query.columns, 1)
            ]
        return self._cells

    @property
    def data(self) -> Any:
        """The rows as a record batch."""
        if self._arrow is None:
            import pyarrow as pa

            arrays = [
                exported(self._part.column(f"c{i}"), c.term.kind, target)
                for i, (c, target) in enumerate(
                    zip(self._query.columns, self._query.targets(), strict=True), 1
                )
            ]
            self._arrow = pa.RecordBatch.from_arrays(
                arrays, names=[f"c{i}" for i in range(1, len(arrays) + 1)]
            )
        return self._arrow

    def arrow(self, index: int) -> Any:
        """A column as Arrow data."""
        return self.data.column(index)


class Query:
    """A relation made ready to run: its SQL tree, and how its outputs become cells.

    ``schema`` is the table type of the result, where somebody may want it as Arrow data.
    """

    def __init__(self, relation: Relation, limit: int | None = None, schema: TableType | None = None) -> None:
        if limit is not None:
            capped = limit if relation.limit is None else min(limit, relation.limit)
            relation = evolve(relation, limit=capped)
        self.relation = relation
        self.columns = relation.columns
        self.schema = schema
        self._targets: list[Any] | None = None
        chosen: list[tuple[str, Any]] = []
        for index, c in enumerate(relation.columns, 1):
            if c.term.kind == "any" and c.term.storage not in PASSING and not holds(c.term):
                raise Unfoldable("a column of a type that only the interpreter reads")
            chosen.append((f"c{index}", c.term.sql))
            if c.text is not None:
                chosen.append((f"x{index}", c.text))
        self.tree = relation.select(chosen or [("one", exp.Literal.number(1))], ordered=True)

    def targets(self) -> list[Any]:
        """The Arrow types that the table's column types claim; None where they claim none."""
        if self._targets is None:
            from mlang.connectors.arrow_out import arrow_type_of

            types = self.schema.types if self.schema is not None else [None] * len(self.columns)
            self._targets = [None if type is None else arrow_type_of(type) for type in types]
        return self._targets

    def sql(self, pretty: bool = False) -> str:
        """The query as text."""
        return str(self.tree.sql(DIALECT, pretty=pretty))

    def reader(self) -> Any:
        """Runs the query: its record batches."""
        release_unused()
        database = root(self.relation.strict)
        cursor = database.cursor()
        streams = self._streams()
        sessions.current().fixed["folding.cursor"] = cursor  # whoever stops the evaluation interrupts it
        for leaf in self.relation.sources():
            assert isinstance(leaf, Leaf)
            leaf.prepare(database, cursor)
        if streams:
            return run(streams, cursor, self.sql(), BATCH_ROWS)
        return cursor.sql(self.sql()).to_arrow_reader(BATCH_ROWS)

    def _streams(self) -> list[StreamOrigin]:
        """The inputs that the interpreter makes; one that the query reads more than once is made whole first."""
        found = {s.name: s for s in self.relation.sources() if isinstance(s, StreamOrigin)}
        times = Counter(table.name for table in self.tree.find_all(exp.Table)) if found else Counter[str]()
        for stream in found.values():
            stream.whole = times[stream.name] != 1
        return [s for s in found.values() if not s.whole]

    def batches(self) -> Iterator[Batch]:
        """The rows as batches of M cells."""
        import duckdb

        try:
            parts = self.reader()
            try:
                for part in parts:
                    if part.num_rows:
                        yield self._batch(part)
            finally:
                parts.close()
        except (duckdb.OutOfMemoryException, duckdb.IOException, OSError) as full:
            # what does not fit there fits nowhere: the interpreter, which takes more, is not asked
            if not _is_full(full):
                raise
            text = str(full).partition("\n")[0]
            failed = query_failed("DuckDB", text, "memory", "OUT_OF_MEMORY", self.sql(pretty=True))
            failed.final = True
            raise failed from None

    def _batch(self, part: Any) -> Batch:
        if not self.columns:
            return Batch([], part.num_rows)
        flat = not any(holds(c.term) for c in self.columns)
        if flat and all(c.text is None or _all_null(part, i) for i, c in enumerate(self.columns, 1)):
            return FoldedBatch(part, self)
        columns: list[list[Any]] = []
        for index, c in enumerate(self.columns, 1):
            cells = cells_of(part.column(f"c{index}"), c.term)
            if c.text is not None and not _all_null(part, index):
                cells = _patched(cells, part.column(f"x{index}").to_pylist(), c)
            columns.append(cells)
        return Batch(columns, part.num_rows)


def _is_full(failure: Exception) -> bool:
    """Whether the engine had no room in memory or on the disk; through Arrow it says so in words."""
    import duckdb

    text = str(failure)
    words = "Out of Memory Error" in text or "No space left on device" in text
    return isinstance(failure, duckdb.OutOfMemoryException) or words


def _all_null(part: Any, index: int) -> bool:
    texts = part.column(f"x{index}")
    return bool(texts.null_count == len(texts))


def _patched(cells: list[Any], texts: list[Any], column: Column) -> list[Any]:
    """The cells, those that did not convert done again by the interpreter (a value or an error)."""
    from folding.repairs import redone

    places = [i for i, text in enumerate(texts) if text is not None]
    for place, cell in zip(places, redone(column, [texts[i] for i in places]), strict=True):
        cells[place] = cell
    return cells
