"""The plan of a query as a tree: who does each step, how much of its input it needs, where data crosses over.

`tree` follows what the runner does (`boundary.py`, `engines/remote.py`) without running anything: a node is
``remote`` when a query does it (a database's or DuckDB's), else the interpreter does it, ``streaming`` (rows
go through) or ``full scan`` (it needs all rows before it gives the first).  A node whose data crosses
between an engine and the interpreter on the way up is a boundary.

`measured` runs the same tree and says what each boundary carried: rows, seconds, bytes of the files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
from attrs import evolve, field, frozen

from folding.advice import cure
from folding.boundary import REPAIRED, Piece, fold, resumes, run_plan, with_pieces
from folding.common import marked, whole
from folding.engines import remote
from folding.inputs import with_inputs
from folding.terms import CannotFold, Unfoldable
from mlang import session as sessions
from mlang.connectors.sources import CsvSource, ParquetSource
from mlang.tables import plan as p
from mlang.tables.plan import Batch, Source
from mlang.tables.simplify import prune

REMOTE, STREAMING, FULL_SCAN, MEMORY = "remote", "streaming", "full scan", "memory"
DUCKDB, INTERPRETER = "DuckDB", "interpreter"
SPARK, WORKERS = "Spark", "Spark, on the workers"
#: Steps of the interpreter that let rows through; all others need their whole input first.
_THROUGH = (
    p.Scan, p.Project, p.AddColumn, p.TransformColumns, p.ChangeTypes, p.ReplaceValue, p.AddIndex, p.Retype,
    p.ReplaceErrors, p.SelectRows, p.ErrorRows, p.Take, p.Drop, p.Append, p.ExpandTable, p.ExpandRecord, p.ExpandList,
    p.Unpivot, p.Rows,
)  # fmt: skip
_FENCES = frozenset({"Table.StopFolding", "Table.Buffer"})


@frozen
class Cost:
    """What a run moved over a boundary: rows, seconds until the last one, bytes read from files if known.

    Seconds of a boundary include what stands below it.
    """

    rows: int
    seconds: float
    bytes: int | None = None


@frozen
class Node:
    """A step of the plan.

    ``step`` is the M name, "" if it has none; ``runs`` one of remote, streaming, full scan, memory;
    ``engine`` who does it; ``crosses`` where its rows go when that is someone else ("" if not);
    ``sql`` the query of the piece whose top this is; ``rows`` known without reading; ``columns`` how many.
    """

    id: str
    step: str
    function: str
    runs: str
    engine: str
    inputs: tuple[Node, ...] = ()
    detail: str = ""
    crosses: str = ""
    fence: bool = False
    reason: str | None = None
    cure: str | None = None
    sql: str | None = None
    rows: int | None = None
    columns: int = 0
    cost: Cost | None = None
    notes: tuple[str, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for node in self.inputs:
            yield from node.walk()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found: dict[str, Any] = {
            n: getattr(self, n)
            for n in ("id", "step", "function", "runs", "engine", "detail", "crosses", "fence", "reason", "cure",
                      "sql", "rows", "columns", "notes")
        }  # fmt: skip
        found["cost"] = None if self.cost is None else attrs.asdict(self.cost)
        found["inputs"] = [node.as_dict() for node in self.inputs]
        return found


def tree(plan: p.Plan, names: dict[int, str] | None = None) -> Node:
    """The tree of a plan; ``names`` are the M names of steps by the `id` of their plan."""
    return _Builder(dict(names or {})).built(plan)


# ---------------------------------------------------------------- building


@frozen
class _Builder:
    names: dict[int, str]
    #: What a run measured, by the `id` of the plan whose rows crossed.
    costs: dict[int, Cost] = field(factory=dict)

    #: Steps that workers of a cluster do in Python, by `id`.
    workers: dict[int, p.Plan] = field(factory=dict)
    #: Plans that were made here: names go by `id`, so they must live.
    kept: list[p.Plan] = field(factory=list)
    #: What they were made of, by their `id`.
    origins: dict[int, p.Plan] = field(factory=dict)

    def built(self, plan: p.Plan) -> Node:
        if sessions.current().engine != "none" and remote.has_tables(plan):
            whole = _whole(plan)
            if whole is not None:
                return self.engine(plan, "1", whole)
            return self.local(self.adopted(plan, remote.place(plan)), "1")
        return self.local(plan, "1")

    def adopted(self, plan: p.Plan, made: p.Plan) -> p.Plan:
        """A plan that was made of another one, its steps under the same names."""
        self.kept.append(made)
        self.origins[id(made)] = plan
        if made is not plan:
            if id(plan) in self.names:
                self.names[id(made)] = self.names[id(plan)]
            if made.__class__ is plan.__class__:
                for old, new in zip(_inputs(plan), _inputs(made), strict=True):
                    self.adopted(old, new)
        return made

    def local(self, plan: p.Plan, number: str) -> Node:
        """A plan that no source database does whole: DuckDB, or the interpreter over pieces."""
        if sessions.current().engine == "none" or _in_memory(plan):
            return self.interpreted(plan, number, None)
        if sessions.current().engine == "spark":
            from folding.engines import spark

            found = spark.describe(plan)
            if not isinstance(found, CannotFold):
                self.workers.update(found.worker_nodes)
                return evolve(self.folded(plan, number, SPARK), sql=found.sql(pretty=True))
        try:
            return self.piece(plan, number)
        except Unfoldable as no:
            broken = no
        entered = entered_plans(plan)
        if entered:
            return self.resumed(plan, number, entered)
        return self.interpreted(self.adopted(plan, with_pieces(plan)), number, broken)

    def piece(self, plan: p.Plan, number: str) -> Node:
        """The top of what DuckDB does in one query."""
        query, text = shown_query(plan, self.names)
        notes = tuple(dict.fromkeys(query.relation.notes))
        return evolve(self.folded(plan, number, DUCKDB), sql=text, notes=notes)

    def engine(self, plan: p.Plan, number: str, query: Any) -> Node:
        """The top of what a source database does in one query."""
        name = remote.NAMES[query.server.dialect]
        return evolve(self.folded(plan, number, name), sql=query.sql)

    def folded(self, plan: p.Plan, number: str, engine: str) -> Node:
        """A step inside a query, and what stands below it in the same query."""
        if isinstance(plan, p.Scan) and isinstance(plan.source, (Piece, remote.RemoteSource)):
            return self.scan(plan, number, engine)
        below = tuple(self.folded(n, f"{number}.{i}", engine) for i, n in enumerate(_inputs(plan), 1))
        engine = WORKERS if engine == SPARK and id(plan) in self.workers else engine
        return self.node(plan, number, REMOTE, engine, below)

    def resumed(self, plan: p.Plan, number: str, entered: list[p.Plan]) -> Node:
        """A step of the query above the rows that the interpreter makes for the engine."""
        if any(plan is node for node in entered):
            broken = _broken(plan)
            below = self.interpreted(self.adopted(plan, with_pieces(plan)), number, broken)
            return evolve(below, crosses=f"{DUCKDB}, batch by batch")
        parts = enumerate(_inputs(plan), 1)
        below_all = tuple(self.resumed(n, f"{number}.{i}", entered) for i, n in parts)
        return self.node(plan, number, REMOTE, DUCKDB, below_all)

    def interpreted(self, plan: p.Plan, number: str, broken: Unfoldable | None) -> Node:
        """A step of the interpreter; what it reads may be the result of a query."""
        if isinstance(plan, p.Scan) and isinstance(plan.source, (Piece, remote.RemoteSource)):
            return self.scan(plan, number, INTERPRETER)
        below = tuple(self.interpreted(n, f"{number}.{i}", broken) for i, n in enumerate(_inputs(plan), 1))
        runs = MEMORY if isinstance(plan, p.Values) else STREAMING if _streams(plan) else FULL_SCAN
        node = self.node(plan, number, runs, INTERPRETER, below)
        own = self.reason(plan, below) if broken is not None and below else None
        return node if own is None else evolve(node, reason=own, cure=cure(own, plan.function))

    def reason(self, plan: p.Plan, below: tuple[Node, ...]) -> str | None:
        """Why this step itself does not fold, where all below it does or it has no form at all."""
        if any(node.engine == INTERPRETER and node.inputs for node in below):
            return "the step has no SQL form" if plan.__class__ in (p.Step, p.Buffer) else None
        no = _broken(self.origins.get(id(plan), plan))
        return no.reason if no is not None and no.step in (None, plan.function) else None

    def scan(self, plan: p.Scan, number: str, reader: str) -> Node:
        """The result of a query, read by somebody else."""
        source = plan.source
        if isinstance(source, Piece):
            found = self.piece(source.plan, number)
        else:
            assert isinstance(source, remote.RemoteSource)
            found = self.engine(source.plan, number, source.query)
        return evolve(found, crosses=reader)

    def node(self, plan: p.Plan, number: str, runs: str, engine: str, inputs: tuple[Node, ...]) -> Node:
        from folding.explain import known_rows

        detail = plan.source.label if isinstance(plan, p.Scan) else ""
        return Node(
            number, self.names.get(id(plan), ""), plan.function, runs, engine, inputs, detail, rows=known_rows(plan),
            fence=plan.function in _FENCES, columns=len(plan.schema.names),
            cost=self.costs.get(id(self.origins.get(id(plan), plan))),
        )  # fmt: skip


def _inputs(plan: p.Plan) -> tuple[p.Plan, ...]:
    if isinstance(plan, p.Buffer) and plan.cell:
        return (plan.cell[0],)
    return plan.inputs


def _streams(plan: p.Plan) -> bool:
    if isinstance(plan, (p.Take, p.Drop)):
        return True
    if isinstance(plan, p.Fill):
        return plan.down
    return isinstance(plan, _THROUGH)


def _in_memory(plan: p.Plan) -> bool:
    stack = [plan]
    while stack:
        node = stack.pop()
        if not _inputs(node) and not isinstance(node, (p.Values, p.Rows)):
            return False
        stack.extend(_inputs(node))
    return True


def shown_query(plan: p.Plan, names: Mapping[int, str]) -> tuple[Any, str]:
    """The query of a plan that folds whole, and its text with the names of steps (by the `id` of their plans)."""
    from folding.engines.duckdb import Query

    common = marked(plan)
    if common is not None:
        known = {id(new): names.get(id(old), "") for new, old in common.origins.values()}
        try:
            query = Query(fold(whole(common)), schema=plan.schema)
            return query, query.shown({**names, **known})
        except Unfoldable:  # but without shared parts it may
            pass
    query = Query(fold(plan), schema=plan.schema)
    return query, query.shown(names)


def _whole(plan: p.Plan) -> Any:
    """The query of a source database for the whole plan; None when there is none."""
    found, _ = remote.describe(plan)
    return found if isinstance(found, remote.RemoteQuery) else None


def entered_plans(plan: p.Plan) -> list[p.Plan]:
    """The plans whose rows the interpreter makes for the engine; empty when the engine does not go on."""
    found: list[p.Plan] = []
    if resumes(plan):
        try:
            fold(plan, resume=True, entered=found)
        except Unfoldable:
            return []
    return found


def _broken(plan: p.Plan) -> Unfoldable | None:
    try:
        fold(plan)
    except Unfoldable as no:
        return no
    return None


# ---------------------------------------------------------------- running


class Measured(Source):
    """A plan whose rows are counted and timed as they cross over."""

    def __init__(self, plan: p.Plan, inner: Source | None, costs: dict[int, Cost]) -> None:
        self.plan, self.inner, self.costs = plan, inner, costs
        self.label = plan.function

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        """The rows, and afterwards their cost."""
        if self.inner is not None:
            found = self.inner.batches(columns, limit)
        else:
            from mlang.tables.local import run_local

            found = run_local(self.plan, columns, limit)
        key = id(self.inner.plan) if isinstance(self.inner, (Piece, remote.RemoteSource)) else id(self.plan)
        read = bytes_read(self.inner.plan) if isinstance(self.inner, Piece) else None
        rows, seconds = 0, 0.0
        try:
            while True:
                begin = time.perf_counter()
                batch = next(found, None)
                seconds += time.perf_counter() - begin
                if batch is None:
                    break
                rows += batch.length
                yield batch
        finally:
            self.costs[key] = Cost(rows, seconds, read)


def measured(plan: p.Plan, names: dict[int, str] | None = None) -> Node:
    """Runs a plan and gives its tree with the cost of every boundary and of the whole."""
    costs: dict[int, Cost] = {}
    repaired = sessions.current().fixed.setdefault(REPAIRED, [])
    repaired.clear()
    begin = time.perf_counter()
    rows = sum(batch.length for batch in run_plan(_watched(plan, costs)))
    costs[id(plan)] = Cost(rows, time.perf_counter() - begin, bytes_read(plan))
    built = _Builder(dict(names or {}), costs).built(plan)
    built = evolve(built, notes=tuple(dict.fromkeys([*built.notes, *repaired])))
    return built if built.cost is not None else evolve(built, cost=costs[id(plan)])


def _watched(plan: p.Plan, costs: dict[int, Cost]) -> p.Plan:
    """The plan with sources that measure at the places where rows cross over."""
    if sessions.current().engine == "none" or _in_memory(plan):
        return plan
    if remote.has_tables(plan):
        return plan if _whole(plan) else _scans(remote.place(plan), costs)
    if _broken(plan) is None:
        return plan
    entered = entered_plans(plan)
    if not entered:
        return _scans(with_pieces(plan), costs)
    kept = [(node, _scans(with_pieces(node), costs)) for node in entered]
    wrapped = [(n, p.Scan(n.schema, _Made(n, made, costs), n.schema.names, n.function)) for n, made in kept]
    return _replaced(plan, wrapped)


class _Made(Measured):
    """What the interpreter makes for the engine; ``made`` is the plan that reads measured pieces."""

    def __init__(self, plan: p.Plan, made: p.Plan, costs: dict[int, Cost]) -> None:
        super().__init__(plan, _Interpreted(made), costs)


class _Interpreted(Source):
    def __init__(self, plan: p.Plan) -> None:
        self.made = plan

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        from mlang.tables.local import run_local

        return run_local(self.made, columns, limit)


def _scans(plan: p.Plan, costs: dict[int, Cost]) -> p.Plan:
    """The plan with each scan of a query's result measured."""
    if isinstance(plan, p.Scan):
        if isinstance(plan.source, (Piece, remote.RemoteSource)):
            return evolve(plan, source=Measured(plan, plan.source, costs))
        return plan
    return with_inputs(plan, lambda node: _scans(node, costs))


def _replaced(plan: p.Plan, changes: Sequence[tuple[p.Plan, p.Plan]]) -> p.Plan:
    for old, new in changes:
        if plan is old:
            return new
    return with_inputs(plan, lambda node: _replaced(node, changes))


def bytes_read(plan: p.Plan) -> int | None:
    """What a query reads of the files below a plan: CSV whole, of Parquet the column chunks; None if unknown."""
    total, known = 0, False
    stack = [prune(plan, plan.schema.names)]
    while stack:
        node = stack.pop()
        stack.extend(_inputs(node))
        if isinstance(node, p.Scan):
            size = _size(node)
            if size is None:
                return None
            total, known = total + size, True
    return total if known else None


def _size(node: p.Scan) -> int | None:
    source = node.source
    try:
        if isinstance(source, CsvSource):
            return os.path.getsize(str(source.path))
        if isinstance(source, ParquetSource) and source.path is not None:
            return _chunks(str(source.path), set(node.columns))
    except OSError:
        return None
    return None


def _chunks(path: str, columns: set[str]) -> int:
    """The compressed bytes of some columns of a Parquet file."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        metadata = file.metadata
        groups = (metadata.row_group(g) for g in range(metadata.num_row_groups))
        return sum(
            chunk.total_compressed_size
            for group in groups
            for chunk in (group.column(i) for i in range(group.num_columns))
            if chunk.path_in_schema.partition(".")[0] in columns
        )


# ---------------------------------------------------------------- text


def lines(node: Node) -> Iterator[str]:
    """The tree as text, the result first, each step's inputs below it."""
    yield from _lines(node, "", "")


def _lines(node: Node, first: str, rest: str) -> Iterator[str]:
    yield first + label(node)
    more = rest + ("│ " if node.inputs else "  ")
    if node.reason is not None:
        yield f"{more}  does not fold: {node.reason}"
    if node.cure is not None:
        yield f"{more}  instead: {node.cure}"
    for note in node.notes:
        yield f"{more}  note: {note}"
    for index, below in enumerate(node.inputs):
        last = index == len(node.inputs) - 1
        if below.crosses:
            yield f"{rest}│   ↑ boundary: {boundary_text(below)}"
        yield from _lines(below, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def label(node: Node) -> str:
    """A node in one line."""
    name = f"{node.step}: " if node.step else ""
    where = node.engine if node.runs == REMOTE else f"{node.engine}, {node.runs}"
    detail = f" ({node.detail})" if node.detail else ""
    rows = f" {node.rows:,} rows" if node.rows is not None else ""
    fence = " [fence]" if node.fence else ""
    cost = f"  {cost_text(node.cost)}" if node.cost is not None and not node.crosses else ""
    runs = " [remote]" if node.runs == REMOTE else ""
    return f"{name}{node.function}{detail}  {where}{runs}{fence}{rows}{cost}"


def boundary_text(node: Node) -> str:
    """What crosses over above a node."""
    cost = f": {cost_text(node.cost)}" if node.cost is not None else ""
    return f"{node.engine} → {node.crosses}{cost}"


def cost_text(cost: Cost) -> str:
    """Rows, time and bytes."""
    size = f", {_bytes(cost.bytes)} read" if cost.bytes is not None else ""
    return f"{cost.rows:,} row{'' if cost.rows == 1 else 's'} in {cost.seconds * 1000:,.1f} ms{size}"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
