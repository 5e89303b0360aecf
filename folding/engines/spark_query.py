"""A relation printed for a Spark server, sent there, and its results as batches of cells.

Results come as Arrow batches in row order.  Cells that may be errors come with a second column: of errors with their
records where workers made them, else of texts that only the interpreter converts.  Read ``spark.py`` for who asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding.batches import FoldedBatch
from folding.engines.spark_forms import SailRenderer, SparkRenderer
from folding.engines.spark_leaves import SparkOrigin
from folding.engines.spark_server import Running, SparkServer
from folding.engines.spark_workers import CELL, cells_of
from folding.relations import Relation
from folding.sources import PASSING
from folding.terms import Unfoldable
from mlang import session as sessions
from mlang.tables.plan import Batch
from mlang.values.types import TableType

RENDERERS: dict[str, type[SparkRenderer]] = {"spark": SparkRenderer, "sail": SailRenderer}
#: Rows above which doubles are not summed in row order: the values of a group would be gathered in one place.
ORDERED_ROWS = 5_000_000


class SparkQuery:
    """A relation printed for a server: its text, and how its outputs become cells; as `duckdb.Query`."""

    def __init__(
        self, relation: Relation, server: SparkServer | None = None, limit: int | None = None,
        schema: TableType | None = None, off: frozenset[str] | None = None, dialect: str = "spark",
    ) -> None:  # fmt: skip
        if relation.strict:
            raise Unfoldable("conditions that may raise in an order that the engine chooses")
        if limit is not None:
            relation = evolve(relation, limit=limit if relation.limit is None else min(limit, relation.limit))
        self.relation, self.columns, self.schema, self.server = relation, relation.columns, schema, server
        self._targets: list[Any] | None = None
        for c in relation.columns:
            if c.term.kind == "any" and c.term.storage not in PASSING and c.term.inside != CELL:
                raise relation.context.unread(c)
        chosen = [(f"c{index}", c.term.sql) for index, c in enumerate(relation.columns, 1)]
        #: The columns whose cells may be errors, or texts that only the interpreter converts.
        self.marked = [index for index, c in enumerate(relation.columns, 1) if c.text is not None]
        chosen += [(f"x{index}", relation.columns[index - 1].text) for index in self.marked]
        self.tree = relation.select(chosen or [("one", exp.Literal.number(1))], ordered=True)
        #: The functions of the steps that workers do.
        self.workers: tuple[str, ...] = ()
        self.worker_nodes: dict[int, Any] = {}
        self.leaves = leaves_of(relation)
        check_sums(self.tree, self.leaves)
        if server is not None:
            from folding.engines.spark_probes import refused_forms

            dialect, off = server.dialect, refused_forms(server) if off is None else off
        self._make = (RENDERERS[dialect], off or frozenset())
        self._print()

    def _print(self) -> str:
        kind, off = self._make
        printer = kind({o.alias: o for o in self.leaves}, off)
        text, self.types = printer.query(self.tree)
        self.forms = frozenset(printer.used)
        for c, type in zip(self.columns, self.types, strict=False):
            if c.term.kind == "number" and type not in ("DOUBLE", "BIGINT"):
                raise Unfoldable("a number in another form")
        return text

    def sql(self, pretty: bool = False) -> str:
        """The query as text, over views that stand for the leaves."""
        return self._print()

    def targets(self) -> list[Any]:
        """The Arrow types that the table's column types claim; None where they claim none."""
        if self._targets is None:
            from mlang.connectors.arrow_out import arrow_type_of

            types = self.schema.types if self.schema is not None else [None] * len(self.columns)
            self._targets = [None if type is None else arrow_type_of(type) for type in types]
        return self._targets

    def reader(self) -> Iterator[Any]:
        """The record batches of the result; `Refusal` when the server does not do the query."""
        server = self.server
        assert server is not None
        running = Running(server)
        sessions.current().fixed["folding.cursor"] = running  # whoever stops the evaluation interrupts it
        return self._read(server, running)

    def _read(self, server: SparkServer, running: Running) -> Iterator[Any]:
        try:
            for origin in self.leaves:
                origin.open(server)
            for part in server.batches(self._print(), running):
                if part.num_rows:
                    yield self._arranged(part)
        finally:
            if not server.lost:
                for origin in self.leaves:
                    release = getattr(origin, "release", None)
                    if release is not None:
                        release(server)

    def _arranged(self, part: Any) -> Any:
        """A batch with the types that DuckDB would give."""
        import pyarrow as pa

        types = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string(), "BOOLEAN": pa.bool_(),
                 "DATE": pa.date32(), "TIMESTAMP": pa.timestamp("us"), "TIME": pa.time64("us"),
                 "NULL": pa.string()}  # fmt: skip
        names = [f"c{index}" for index, _ in enumerate(self.columns, 1)] or ["one"]
        names += [f"x{index}" for index in self.marked]
        arrays = []
        for array, type in zip(part.columns, self.types, strict=True):
            wanted = types.get(type)
            arrays.append(array if wanted is None or array.type == wanted else array.cast(wanted))
        return pa.RecordBatch.from_arrays(arrays, names=names)

    def batches(self) -> Iterator[Batch]:
        """The rows as batches of M cells."""
        for part in self.reader():
            yield self._batch(part)

    def _batch(self, part: Any) -> Batch:
        if not self.columns:
            return Batch([], part.num_rows)
        odd = [i for i in self.marked if part.column(f"x{i}").null_count < part.num_rows]
        if odd or any(c.term.inside == CELL for c in self.columns):
            return Batch(cells_of(part, self.columns, odd), part.num_rows)
        return FoldedBatch(part.columns[: len(self.columns)], part.num_rows, self)


def leaves_of(relation: Relation) -> list[SparkOrigin]:
    """What a query reads, each once: a union reads one several times."""
    return list(dict.fromkeys(o for o in relation.sources() if isinstance(o, SparkOrigin)))


def check_sums(tree: Any, leaves: list[SparkOrigin]) -> None:
    """Raises `Unfoldable` where doubles of too many rows would be summed in row order."""
    ordered = any(isinstance(node.parent, exp.Anonymous) for node in tree.find_all(exp.Order))
    if ordered and any(o.rows is None or o.rows > ORDERED_ROWS for o in leaves):
        raise Unfoldable("doubles of so many rows summed in row order (number mode relaxed: in any order)")
