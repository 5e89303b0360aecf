"""Spark and Sail as the engine of a session: the largest parts of a plan that they do exactly, as Spark SQL.

A relation is compiled as for DuckDB, over leaves that the cluster reads itself (``spark_leaves.py``), and printed in
Spark's forms (``spark_forms.py``), of which those that the server does otherwise are off (``spark_probes.py``).
What does not print goes to DuckDB and the interpreter as ever, reading the results of the parts below.
Results come as Arrow batches in row order.  A query that the server refuses is done here; a server that is gone, or
cannot read a file, is an error (``spark_server.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
from attrs import evolve
from sqlglot import exp

from folding.engines.spark_forms import SailRenderer, SparkRenderer
from folding.engines.spark_leaves import SentOrigin, SparkOrigin, in_memory, leaf, parts, staged_parts
from folding.engines.spark_server import LOCAL, Refusal, Running, SparkServer, address, current
from folding.relations import Context, Relation, compile_node
from folding.sources import PASSING
from folding.terms import CannotFold, Unfoldable
from mlang import session as sessions
from mlang.connectors.sources import ParquetSource
from mlang.tables import plan as p
from mlang.tables.batches import ArrowBatch
from mlang.tables.local import run_local
from mlang.tables.plan import Batch, Source
from mlang.tables.schema import projected
from mlang.tables.simplify import one_pass, prune
from mlang.values.types import TableType

RENDERERS: dict[str, type[SparkRenderer]] = {"spark": SparkRenderer, "sail": SailRenderer}
#: Rows above which doubles are not summed in row order: the values of a group would be gathered in one place.
ORDERED_ROWS = 5_000_000
#: Rows made here that are sent along.
SENT_ROWS = 200_000
#: Steps that alone are no reason to ask a cluster: their rows are read here as fast.
_LIGHT = (p.Scan, p.Project, p.Retype, p.Append, p.Take)


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
        chosen = []
        for index, c in enumerate(relation.columns, 1):
            if c.text is not None or getattr(c, "failures", None):
                raise Unfoldable("conversions of texts are done by the interpreter")
            if c.term.kind == "any" and c.term.storage not in PASSING:
                raise Unfoldable("a column of a type that only the interpreter reads")
            chosen.append((f"c{index}", c.term.sql))
        self.tree = relation.select(chosen or [("one", exp.Literal.number(1))], ordered=True)
        found = [o for o in relation.sources() if isinstance(o, SparkOrigin)]
        self.leaves = list(dict.fromkeys(found))  # a union reads one several times
        self._check_sums()
        if server is not None:
            from folding.engines.spark_probes import refused_forms

            dialect, off = server.dialect, refused_forms(server) if off is None else off
        self._make = (RENDERERS[dialect], off or frozenset())
        self._print()

    def _check_sums(self) -> None:
        ordered = any(isinstance(node.parent, exp.Anonymous) for node in self.tree.find_all(exp.Order))
        if ordered and any(o.rows is None or o.rows > ORDERED_ROWS for o in self.leaves):
            raise Unfoldable(
                "doubles of so many rows summed in row order (number mode relaxed: in any order)"
            )

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
                    if isinstance(origin, SentOrigin):
                        origin.release(server)

    def _arranged(self, part: Any) -> Any:
        """A batch with the types that DuckDB would give."""
        import pyarrow as pa

        types = {"BIGINT": pa.int64(), "DOUBLE": pa.float64(), "VARCHAR": pa.string(), "BOOLEAN": pa.bool_(),
                 "DATE": pa.date32(), "TIMESTAMP": pa.timestamp("us"), "NULL": pa.string()}  # fmt: skip
        arrays, names = [], []
        for index, (array, type) in enumerate(zip(part.columns, self.types, strict=True), 1):
            wanted = types.get(type)
            arrays.append(array if wanted is None or array.type == wanted else array.cast(wanted))
            names.append(f"c{index}")
        return pa.RecordBatch.from_arrays(arrays, names=names)

    def batches(self) -> Iterator[Batch]:
        """The rows as batches of M cells."""
        for part in self.reader():
            yield Batch([], part.num_rows) if not self.columns else SparkBatch(part, self)


class SparkBatch(ArrowBatch):
    """Rows of a result, Arrow data until somebody reads cells."""

    __slots__ = ("_arrow", "_cells", "_part", "_query")

    def __init__(self, part: Any, query: SparkQuery) -> None:
        self._part, self._query = part, query
        self.length = part.num_rows
        self._cells: list[list[Any]] | None = None
        self._arrow: Any = None

    @property
    def columns(self) -> list[list[Any]]:  # type: ignore[override]
        """The cells as M values, by column."""
        from folding.types import to_values

        if self._cells is None:
            pairs = enumerate(self._query.columns)
            self._cells = [to_values(self._part.column(i), c.term.kind) for i, c in pairs]
        return self._cells

    @property
    def data(self) -> Any:
        """The rows as a record batch of the types that the table claims."""
        import pyarrow as pa

        from folding.types import exported

        if self._arrow is None:
            made = zip(self._part.columns, self._query.columns, self._query.targets(), strict=True)
            arrays = [exported(array, c.term.kind, target) for array, c, target in made]
            self._arrow = pa.RecordBatch.from_arrays(arrays, names=self._part.schema.names)
        return self._arrow

    def arrow(self, index: int) -> Any:
        """A column as Arrow data."""
        return self.data.column(index)


# ---------------------------------------------------------------- compiling


def compiled(plan: p.Plan, claimed: bool = False) -> Relation:
    """The relation of a whole plan over what Spark reads; `Unfoldable` when there is none.

    What it cannot read itself is made here and sent, if it is small; with ``claimed`` nothing is made.
    """

    mixed = reads_files(plan)

    def child(node: p.Plan) -> Relation:
        if mixed and node.schema.names and not reads_files(node) and not isinstance(node, p.Values):
            return _claimed(node, context) if claimed else _made_here(node, context)
        try:
            return _node(node, context)
        except Unfoldable as no:
            no.step = no.step or node.function
            raise

    mode = sessions.current().number_mode
    context = Context(child, "ordered" if mode == "exact" else mode)
    context.keeps_order = False
    return child(plan)


def _node(node: p.Plan, context: Context) -> Relation:
    if isinstance(node, p.Scan):
        found: Relation = leaf(node, context)
        return found
    if isinstance(node, p.Values):
        from folding.boundary import _values

        base = _values(node, context)
        if not base.columns:
            raise Unfoldable("rows without columns")
        data: Any = base.origin
        sent: Relation = in_memory(context, data.data, data.label, [c.term for c in base.columns])
        return sent
    if isinstance(node, p.Append):
        files = staged_parts(node)
        if files is not None:
            together: Relation = parts(node, files, context)
            return together
    return compile_node(node, context)


def _made_here(node: p.Plan, context: Context) -> Relation:
    """Rows that DuckDB or the interpreter makes, sent along; made once per evaluation."""
    from folding import boundary
    from folding.streaming import computed

    session = sessions.current()
    kept = session.fixed.setdefault("spark.sent", {})
    if id(node) not in kept:
        found: list[Batch] = []
        length = 0
        for batch in boundary._folded(node, None, None, session):
            found.append(batch)
            length += batch.length
            if length > SENT_ROWS:
                break
        kept[id(node)] = (node, found if length <= SENT_ROWS else None)
    found = kept[id(node)][1]
    if found is None:
        raise Unfoldable("rows of this process that are too many to be sent")
    names = node.schema.names
    columns = [computed([c for b in found for c in b.columns[i]]) for i in range(len(names))]
    base = boundary._enter(columns, sum(b.length for b in found), names, node.function, context)
    data: Any = base.origin
    sent: Relation = in_memory(context, data.data, data.label, [c.term for c in base.columns])
    return sent


def _claimed(node: p.Plan, context: Context) -> Relation:
    """In place of what would be sent: no rows, of the types that the columns claim."""
    import pyarrow as pa

    from folding import types
    from folding.terms import Scalar

    kinds = [type.kind if type.kind in types.KINDS else "text" for type in node.schema.types]
    data = pa.table(
        [pa.nulls(0, types.arrow_type(k)) for k in kinds], names=[f"c{i}" for i, _ in enumerate(kinds, 1)]
    )
    sent: Relation = in_memory(
        context, data, node.function, [Scalar(exp.Null(), kind, types.storage_of(kind)) for kind in kinds]
    )
    return sent


def reads_files(plan: p.Plan) -> bool:
    """Whether a plan reads something that a cluster can read itself."""
    stack = [plan]
    while stack:
        node = stack.pop()
        if (
            isinstance(node, p.Scan)
            and isinstance(node.source, ParquetSource)
            and node.source.path is not None
        ):
            return True
        if not isinstance(node, p.Buffer):
            stack.extend(node.inputs)
    return False


def _worthwhile(plan: p.Plan) -> bool:
    """Whether a plan has a step for which asking a cluster pays."""
    stack = [plan]
    while stack:
        node = stack.pop()
        if not isinstance(node, _LIGHT):
            return True
        stack.extend(node.inputs)
    return False


def query_of(plan: p.Plan) -> SparkQuery:
    """The query of a whole plan, for the server; `Unfoldable` when there is none."""
    if not reads_files(plan) or not _worthwhile(plan):
        raise Unfoldable("nothing here that a cluster would read and work on")
    relation = compiled(plan)
    return SparkQuery(relation, current(), schema=plan.schema)


# ---------------------------------------------------------------- running


class SparkSource(Source):
    """A part of a plan that Spark runs."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan, self.label = plan, "Spark query"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        return run(self.plan, columns, limit)


def run(plan: p.Plan, columns: Sequence[str] | None, limit: int | None) -> Iterator[Batch]:
    """The rows of a plan, where the session's engine is Spark."""
    from folding import boundary

    session = sessions.current()
    if boundary._is_small(plan) or one_pass(plan) or boundary._is_glance(plan, limit):
        return run_local(plan, columns, limit)
    names = plan.schema.names if columns is None else tuple(columns)
    pruned = prune(plan, names)
    if reads_files(pruned):
        try:
            return _guarded(_query(pruned, plan, columns, limit), plan, columns, limit)
        except (Unfoldable, Refusal):
            pass
        placed = place(pruned)
        if placed is not pruned:
            return boundary._folded(placed, columns, limit, session)
    return boundary._folded(plan, columns, limit, session)


def _query(
    pruned: p.Plan, plan: p.Plan, columns: Sequence[str] | None, limit: int | None
) -> tuple[SparkQuery, bool]:
    """The query, and whether it only counts."""
    from folding.boundary import counted

    names = plan.schema.names if columns is None else tuple(columns)
    if not _worthwhile(pruned):
        raise Unfoldable("nothing that a cluster would do better")
    relation = compiled(pruned)
    if not names:
        return SparkQuery(counted(relation, limit), current()), True
    schema = plan.schema if columns is None else projected(plan.schema, [(n, n) for n in names])
    return SparkQuery(relation, current(), limit, schema), False


def _guarded(
    query: tuple[SparkQuery, bool], plan: p.Plan, columns: Sequence[str] | None, limit: int | None
) -> Iterator[Batch]:
    """The query's rows; when the server refuses, those of DuckDB or the interpreter from where it stopped."""
    from folding import boundary

    done = 0
    made, counting = query
    try:
        for batch in made.batches():
            if counting:
                batch = Batch([], int(batch.columns[0][0]))
                if batch.length == 0:
                    continue
            done += batch.length
            yield batch
        return
    except (Refusal, Unfoldable):
        pass
    yield from boundary.skipped(boundary._folded(plan, columns, limit, sessions.current()), done)


def place(plan: p.Plan) -> p.Plan:
    """The plan with its largest parts that Spark does replaced by scans of their results."""
    changes: dict[str, Any] = {}
    for attribute in attrs.fields(plan.__class__):
        value = getattr(plan, attribute.name)
        if isinstance(value, p.Plan):
            changes[attribute.name] = _piece(value)
        elif value.__class__ is tuple and value and all(isinstance(v, p.Plan) for v in value):
            changes[attribute.name] = tuple(_piece(v) for v in value)
    if all(_same(changes[k], getattr(plan, k)) for k in changes):
        return plan
    result: p.Plan = evolve(plan, **changes)
    return result


def _same(new: Any, old: Any) -> bool:
    return all(a is b for a, b in zip(new, old, strict=True)) if new.__class__ is tuple else new is old


def _piece(plan: p.Plan) -> p.Plan:
    if not plan.inputs or isinstance(plan, p.Buffer) or not reads_files(plan) or not _worthwhile(plan):
        return plan
    try:
        query_of(plan)
        return p.Scan(plan.schema, SparkSource(plan), plan.schema.names, plan.function)
    except Unfoldable:
        return place(plan)


def describe(plan: p.Plan) -> SparkQuery | CannotFold:
    """For reports: the query of a whole plan, or the step that does not fold and why; no server is asked."""
    try:
        if not reads_files(plan) or not _worthwhile(plan):
            raise Unfoldable("nothing here that a cluster would read and work on")
        return SparkQuery(compiled(plan, claimed=True), dialect="sail" if address() == LOCAL else "spark")
    except Unfoldable as no:
        return CannotFold(no.step or plan.function, no.reason)
