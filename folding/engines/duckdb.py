"""DuckDB on this machine: relations become queries, results become batches.

Results stream as Arrow record batches and stay Arrow (`batches.FoldedBatch`) until somebody reads
cells; cells that did not convert come with their text and are done by the interpreter
here (`_failed`).  Read `database.py` for the connection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import evolve
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from folding.batches import FoldedBatch
from folding.common import with_definitions
from folding.csv_stream import converted, share, streamed
from folding.engines.database import DIALECT, record_batches, release_unused, root
from folding.relations import Column, Relation
from folding.sources import PASSING, Leaf
from folding.streaming import StreamOrigin, run
from folding.structures import cells_of, holds
from folding.terms import STOPPING
from folding.types import Untyped, to_arrow
from mlang import session as sessions
from mlang.errors_sources import query_failed
from mlang.tables.plan import Batch
from mlang.values.thunk import Thunk
from mlang.values.types import TableType

if TYPE_CHECKING:
    from folding.shown import Shown

#: Rows per record batch.
BATCH_ROWS = 32_768


@cache
def _printer() -> Dialect:
    return Dialect.get_or_raise(DIALECT)


def _printed(tree: Any, pretty: bool = False) -> str:
    """The text of a query; trees share nodes, which the printer leaves as they are."""
    return str(_printer().generate(tree, copy=False, pretty=pretty))


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
                raise relation.context.unread(c)
            chosen.append((f"c{index}", c.term.sql))
            if c.text is not None:
                chosen.append((f"x{index}", c.text))
        tree = relation.select(chosen or [("one", exp.Literal.number(1))], ordered=True)
        self.tree = with_definitions(tree, relation.context)
        self._taken_apart = any(holds(c.term) for c in self.columns)
        self._clean = all(c.text is None for c in self.columns)

    def targets(self) -> list[Any]:
        """The Arrow types that the table's column types claim; None where they claim none."""
        if self._targets is None:
            from mlang.connectors.arrow_out import arrow_type_of

            types = self.schema.types if self.schema is not None else [None] * len(self.columns)
            self._targets = [None if type is None else arrow_type_of(type) for type in types]
        return self._targets

    def sql(self, pretty: bool = False) -> str:
        """The query as text."""
        return _printed(self.tree, pretty)

    def shown(self, steps: Mapping[int, str] | None = None) -> Shown:
        """The query for people to read; ``steps`` are the names of steps by the `id` of their plan."""
        from folding.readable import Step, readable
        from folding.shown import of_duckdb

        steps, context = steps or {}, self.relation.context
        names = self.schema.names if self.schema is not None else ()
        leaves = [leaf for leaf in self.relation.sources() if isinstance(leaf, Leaf)]
        known = {a: Step(steps[id(n)], n.schema.names) for a, n in context.steps.items() if steps.get(id(n))}
        for made in context.common.values():
            known[made.name] = Step(steps.get(id(made.step), ""), made.columns)
        tree = readable(self.tree, leaves, names, known)
        return of_duckdb(self, tree, _printed(tree, True))

    def reader(self) -> Any:
        """Runs the query: its record batches."""
        release_unused()
        streams = self._streams()
        leaves, tree = list(dict.fromkeys(self.relation.sources())), self.tree
        if any(getattr(leaf, "streamed", False) for leaf in leaves):
            tree = streamed(tree)
            share(leaves, tree)
            converted(leaves, tree)
        text = _printed(tree)
        database = root(self.relation.strict, self._joins_stream(), any(mark in text for mark in STOPPING))
        cursor = database.cursor()
        sessions.current().fixed["folding.cursor"] = cursor  # whoever stops the evaluation interrupts it
        for leaf in leaves:
            assert isinstance(leaf, Leaf)
            leaf.prepare(database, cursor)
        if streams:
            return run(streams, cursor, text, BATCH_ROWS)
        return record_batches(cursor, text, BATCH_ROWS)

    def _joins_stream(self) -> bool:
        """Whether rows of unknown number are joined, which the engine would take for few."""
        sources = self.relation.sources()
        return len(sources) > 1 and any(getattr(s, "streamed", False) for s in sources)

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

        session = sessions.current()
        around = session.fixed.get("folding.cursor")
        try:
            parts = None
            try:
                parts = self.reader()
                for part in parts:
                    if part.num_rows:
                        yield self._batch(part)
            finally:
                if parts is not None:
                    parts.close()
                session.fixed["folding.cursor"] = around  # what was registered for this query may go
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
        if not self._taken_apart:
            return FoldedBatch(part.columns, part.num_rows, self) if self._clean else self._flat(part)
        columns: list[list[Any]] = []
        for index, c in enumerate(self.columns, 1):
            cells = cells_of(part.column(f"c{index}"), c.term)
            if c.text is not None:
                _patch(cells, *_failed(part, index, c))
            columns.append(cells)
        return Batch(columns, part.num_rows)

    def _flat(self, part: Any) -> Batch:
        """Columns stay Arrow data; where cells did not convert, only these are done again."""
        data = [part.column(f"c{index}") for index in range(1, len(self.columns) + 1)]
        odd: dict[int, list[Any]] = {}
        for index, c in enumerate(self.columns):
            if c.text is None:
                continue
            there, answers = _failed(part, index + 1, c)
            if not answers:
                continue
            better = _replaced(data[index], c.term.kind, there, answers)
            if better is None:
                odd[index] = cells_of(data[index], c.term)
                _patch(odd[index], there, answers)
            else:
                data[index] = better
        return FoldedBatch(data, part.num_rows, self, odd)


def _is_full(failure: Exception) -> bool:
    """Whether the engine had no room in memory or on the disk; through Arrow it says so in words."""
    import duckdb

    text = str(failure)
    words = "Out of Memory Error" in text or "No space left on device" in text
    return isinstance(failure, duckdb.OutOfMemoryException) or words


def _failed(part: Any, index: int, column: Column) -> tuple[Any, list[Any]]:
    """Where cells of a column did not convert, and what the interpreter makes of them: values or errors."""
    from folding.repairs import redone

    texts = part.column(f"x{index}")
    if texts.null_count == len(texts):
        return None, []
    there = texts.is_valid()
    return there, redone(column, texts.filter(there).to_pylist())


def _patch(cells: list[Any], there: Any, answers: list[Any]) -> None:
    """Puts the answers into the cells where an Arrow mask is true."""
    if answers:
        import pyarrow.compute as pc

        for place, answer in zip(pc.indices_nonzero(there).to_pylist(), answers, strict=True):
            cells[place] = answer


def _replaced(array: Any, kind: str, there: Any, answers: list[Any]) -> Any:
    """Arrow data with other values where a mask is true; None when one is an error or does not fit unchanged."""
    if kind not in ("number", "logical", "date") or any(a.__class__ is Thunk for a in answers):
        return None
    if kind == "number" and not set(map(type, answers)) <= {float, type(None)}:
        return None  # decimals, and whole numbers that no double holds
    if kind == "number" and array.type != "double" and 0 in answers:
        return None  # a zero may be negative
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        values = to_arrow(answers, kind).cast(array.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, Untyped):
        return None
    return pc.replace_with_mask(array, there, values)
