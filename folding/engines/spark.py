"""Spark and Sail as the engine of a session: the largest parts of a plan that they do exactly, as Spark SQL.

A relation is compiled as for DuckDB, over leaves that the cluster reads itself (``spark_leaves.py``), and printed in
Spark's forms (``spark_forms.py``), of which those that the server does otherwise are off (``spark_probes.py``).
What does not print goes to DuckDB and the interpreter as ever, reading the results of the parts below.
Row-wise steps without an SQL form are done by workers of the cluster (``spark_workers.py``).  A query that the server
refuses is done here; a server that is gone, or cannot read a file, is an error (``spark_server.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlglot import exp

from folding.engines.spark_leaves import in_memory, leaf, parts, staged_parts
from folding.engines.spark_query import SparkQuery as SparkQuery
from folding.engines.spark_server import LOCAL, Refusal, SparkServer, _servers, address, current
from folding.engines.spark_workers import WorkerOrigin, Workers, known_missing, missing
from folding.inputs import with_inputs
from folding.relations import Context, Relation, compile_node
from folding.terms import CannotFold, Unfoldable
from mlang import session as sessions
from mlang.connectors.sources import ParquetSource
from mlang.tables import plan as p
from mlang.tables.column import Column as Part
from mlang.tables.local import run_local
from mlang.tables.plan import Batch, Source
from mlang.tables.schema import projected
from mlang.tables.simplify import one_pass, prune

#: Rows made here that are sent along.
SENT_ROWS = 200_000
#: Steps that alone are no reason to ask a cluster: their rows are read here as fast.
_LIGHT = (p.Scan, p.Project, p.Retype, p.Append, p.Take)


# ---------------------------------------------------------------- compiling


def compiled(plan: p.Plan, claimed: bool = False, workers: Workers | None = None) -> Relation:
    """The relation of a whole plan over what Spark reads; `Unfoldable` when there is none.

    What it cannot read itself is made here and sent, if it is small; with ``claimed`` nothing is made.
    With ``workers`` row-wise steps without an SQL form are done by these.
    """

    mixed = reads_files(plan)

    def child(node: p.Plan) -> Relation:
        if mixed and node.schema.names and not reads_files(node) and not isinstance(node, p.Values):
            return _claimed(node, context) if claimed else _made_here(node, context)
        try:
            if workers is not None and reads_files(node):
                return workers.compiled(node, context, _node)
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
    columns = [Part(computed([c for b in found for c in b.columns[i]])) for i in range(len(names))]
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
    try:
        return SparkQuery(compiled(plan), current(), schema=plan.schema)
    except Unfoldable as no:
        return with_workers(plan, no, schema=plan.schema)


def with_workers(
    plan: p.Plan,
    no: Unfoldable,
    careful: bool = False,
    counting: tuple[int | None] | None = None,
    **more: Any,
) -> SparkQuery:
    """The query of a plan of which workers do what has no SQL form; raises ``no`` when there is none.

    With ``careful`` they also do what may raise for some row, and make error cells of that.  ``counting`` asks how
    many rows there are, up to a limit.
    """
    from folding.boundary import counted

    server = current()
    if missing(server):
        raise no
    from folding.engines.spark_probes import refused_forms

    workers = Workers(server.dialect, refused_forms(server), careful)
    try:
        relation = compiled(plan, workers=workers)
        relation = relation if counting is None else counted(relation, counting[0])
        query = SparkQuery(relation, server, **more)
    except Unfoldable:
        raise no from None
    if not workers.nodes:
        raise no
    query.workers, query.worker_nodes = workers.steps, workers.nodes
    return query


# ---------------------------------------------------------------- running


class SparkSource(Source):
    """A part of a plan that Spark runs."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan, self.label = plan, "Spark query"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        if columns is None or columns:
            return run(self.plan, columns, limit)
        # Only how many rows there are: what is a query need not be one as a count, and would come here again.
        return (Batch([], batch.length) for batch in run(self.plan, None, limit))


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
            return _guarded(_query(pruned, plan, columns, limit), pruned, plan, columns, limit)
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
    if not names:
        try:
            return SparkQuery(counted(compiled(pruned), limit), current()), True
        except Unfoldable as no:
            return with_workers(pruned, no, counting=(limit,)), True
    schema = plan.schema if columns is None else projected(plan.schema, [(n, n) for n in names])
    try:
        return SparkQuery(compiled(pruned), current(), limit, schema), False
    except Unfoldable as no:
        return with_workers(pruned, no, limit=limit, schema=schema), False


def _guarded(
    query: tuple[SparkQuery, bool],
    pruned: p.Plan,
    plan: p.Plan,
    columns: Sequence[str] | None,
    limit: int | None,
) -> Iterator[Batch]:
    """The query's rows; when the server refuses, those of a query in which workers do the steps that may raise,
    else those of DuckDB or the interpreter, from where it stopped."""
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
    except (Refusal, Unfoldable) as no:
        refused = no
    if not counting and isinstance(refused, Refusal):
        try:
            second = with_workers(pruned, Unfoldable(""), True, limit=limit, schema=made.schema)
            if _parcels(second) == _parcels(made):
                raise refused
            for batch in boundary.skipped(second.batches(), done):
                done += batch.length
                yield batch
            return
        except (Refusal, Unfoldable):
            pass
    yield from boundary.skipped(boundary._folded(plan, columns, limit, sessions.current()), done)


def _parcels(query: SparkQuery) -> list[Any]:
    """What workers get."""
    return [o.parcel for o in query.leaves if isinstance(o, WorkerOrigin)]


def place(plan: p.Plan) -> p.Plan:
    """The plan with its largest parts that Spark does replaced by scans of their results."""
    return with_inputs(plan, _piece)


def _piece(plan: p.Plan) -> p.Plan:
    if not plan.inputs or isinstance(plan, p.Buffer) or not reads_files(plan) or not _worthwhile(plan):
        return plan
    try:
        query_of(plan)
        return p.Scan(plan.schema, SparkSource(plan), plan.schema.names, plan.function)
    except Unfoldable:
        return place(plan)


def opened(where: str) -> SparkServer | None:
    """The server of an address, if a session with it was opened."""
    return _servers.get(where)


def describe(plan: p.Plan) -> SparkQuery | CannotFold:
    """For reports: the query of a whole plan, or the step that does not fold and why; no server is asked."""
    dialect = "sail" if address() == LOCAL else "spark"
    try:
        if not reads_files(plan) or not _worthwhile(plan):
            raise Unfoldable("nothing here that a cluster would read and work on")
        try:
            return SparkQuery(compiled(plan, claimed=True), dialect=dialect)
        except Unfoldable as no:
            why = known_missing(opened(address()))
            if why:
                raise Unfoldable(f"{no.reason} ({why})", no.step) from None
            workers = Workers(dialect, frozenset())
            try:
                query = SparkQuery(compiled(plan, claimed=True, workers=workers), dialect=dialect)
            except Unfoldable:
                raise no from None
            query.workers, query.worker_nodes = workers.steps, workers.nodes
            return query
    except Unfoldable as no:
        return CannotFold(no.step or plan.function, no.reason)
