"""The plan of a query as a tree: who does each step, how much of its input it needs, where data crosses over.

`tree` follows what the runner does (`boundary.py`, `engines/remote.py`) without running anything: a node is
``remote`` when a query does it (a database's or DuckDB's), else the interpreter does it, ``streaming`` (rows
go through) or ``full scan`` (it needs all rows before it gives the first).  A node whose data crosses
between an engine and the interpreter on the way up is a boundary.

`measuring.py` runs the same tree and says what each boundary carried: rows, seconds, bytes of the files,
and which cells of the result are errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import attrs
from attrs import evolve, field, frozen

from folding.advice import cure
from folding.boundary import SMALL, Piece, fold, leaves, resumes, with_pieces
from folding.common import marked, whole
from folding.engines import remote
from folding.shown import Shown, of_server
from folding.terms import CannotFold, Unfoldable
from mlang import session as sessions
from mlang.tables import plan as p
from mlang.tables.access import in_memory

REMOTE, STREAMING, FULL_SCAN, MEMORY = "remote", "streaming", "full scan", "memory"
DUCKDB, INTERPRETER = "DuckDB", "interpreter"
SPARK, WORKERS = "Spark", "Spark, on the workers"
#: Steps of the interpreter that let rows through; all others need their whole input first.
_THROUGH = (
    p.Scan, p.Project, p.AddColumn, p.TransformColumns, p.ChangeTypes, p.ReplaceValue, p.AddIndex, p.Retype,
    p.ReplaceErrors, p.SelectRows, p.ErrorRows, p.Take, p.Drop, p.Append, p.ExpandTable, p.ExpandRecord, p.ExpandList,
    p.Unpivot, p.Rows,
)  # fmt: skip
_SERVERS = frozenset(remote.NAMES.values())
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
class ColumnErrors:
    """The cells of a column that are errors: how many, and the first one: its row (from 1) and what it says.

    ``detail`` is the M text of its detail where that is a value without parts.
    """

    column: str
    count: int
    row: int
    reason: str
    message: str
    detail: str | None = None


@frozen
class Node:
    """A step of the plan.

    ``step`` is the M name, "" if it has none; ``runs`` one of remote, streaming, full scan, memory;
    ``engine`` who does it; ``crosses`` where its rows go when that is someone else ("" if not);
    ``shown`` the query of the piece whose top this is; ``rows`` known without reading; ``columns`` how many;
    ``errors`` are those of the result of a run, None if it was not run.
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
    shown: Shown | None = None
    rows: int | None = None
    columns: int = 0
    cost: Cost | None = None
    notes: tuple[str, ...] = ()
    errors: tuple[ColumnErrors, ...] | None = None

    @property
    def sql(self) -> str | None:
        """The statement of the piece whose top this is."""
        return None if self.shown is None else self.shown.sql

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
        found["setup"] = () if self.shown is None else self.shown.setup
        found["sql_notes"] = () if self.shown is None else self.shown.remarks
        found["cost"] = None if self.cost is None else attrs.asdict(self.cost)
        found["errors"] = None if self.errors is None else [attrs.asdict(e) for e in self.errors]
        found["inputs"] = [node.as_dict() for node in self.inputs]
        return found


def tree(plan: p.Plan, names: Mapping[int, str] | None = None, costs: dict[int, Cost] | None = None) -> Node:
    """The tree of a plan; ``names`` are the M names of steps by the `id` of their plan, ``costs`` what a run
    measured where rows crossed over."""
    return _Builder(dict(names or {}), costs or {}).built(plan)


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

    def built(self, plan: p.Plan, number: str = "1") -> Node:
        if sessions.current().engine != "none" and remote.has_tables(plan):
            whole = remote_query(plan)
            if whole is not None:
                return self.engine(plan, number, whole)
            return self.local(self.adopted(plan, remote.place(plan)), number)
        return self.local(plan, number)

    def adopted(self, plan: p.Plan, made: p.Plan) -> p.Plan:
        """A plan that was made of another one, its steps under the same names."""
        self.kept.append(made)
        if made is not plan:
            self.origins[id(made)] = plan
            if id(plan) in self.names:
                self.names[id(made)] = self.names[id(plan)]
            if made.__class__ is plan.__class__:
                for old, new in zip(inputs_of(plan), inputs_of(made), strict=True):
                    self.adopted(old, new)
        return made

    def local(self, plan: p.Plan, number: str) -> Node:
        """A plan that no source database does whole: DuckDB, or the interpreter over pieces."""
        if stays(plan):
            return self.interpreted(plan, number, None)
        if sessions.current().engine == "spark":
            from folding.engines import spark

            found = spark.describe(plan)
            if not isinstance(found, CannotFold):
                self.workers.update(found.worker_nodes)
                return evolve(self.folded(plan, number, SPARK), shown=Shown(found.sql(pretty=True)))
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
        return evolve(self.folded(plan, number, DUCKDB), shown=text(), notes=notes)

    def engine(self, plan: p.Plan, number: str, query: Any) -> Node:
        """The top of what a source database does in one query."""
        name = remote.NAMES[query.server.dialect]
        return evolve(self.folded(plan, number, name), shown=of_server(query))

    def folded(self, plan: p.Plan, number: str, engine: str) -> Node:
        """A step inside a query, and what stands below it in the same query."""
        if isinstance(plan, p.Scan) and isinstance(plan.source, (Piece, remote.RemoteSource)):
            return self.scan(plan, number, engine)
        if isinstance(plan, p.Values):
            return evolve(self.node(plan, number, MEMORY, INTERPRETER, ()), crosses=engine)
        if isinstance(plan, p.Buffer) and plan.cell:
            return evolve(self.buffer(plan, number), crosses=engine)
        below = tuple(self.folded(n, f"{number}.{i}", engine) for i, n in enumerate(inputs_of(plan), 1))
        engine = WORKERS if engine == SPARK and id(plan) in self.workers else engine
        return evolve(self.node(plan, number, REMOTE, engine, below), notes=self.elsewhere(plan, below))

    def elsewhere(self, plan: p.Plan, below: tuple[Node, ...]) -> tuple[str, ...]:
        """Why a step that an engine does is not done by the database whose rows it reads."""
        reason = self.not_there(plan, below)
        where = next((node.engine for node in below if node.engine in _SERVERS), "")
        return () if reason is None else (f"not done in {where}: {reason}",)

    def not_there(self, plan: p.Plan, below: tuple[Node, ...]) -> str | None:
        """Why the database whose rows a step reads does not do it; None where it reads none."""
        if not any(node.crosses and node.engine in _SERVERS for node in below):
            return None
        no = remote_break(self.origin(plan))
        return None if no is None else no.reason

    def origin(self, plan: p.Plan) -> p.Plan:
        """The step of the query that a plan was made of, if it was made here."""
        while self.origins.get(id(plan), plan) is not plan:
            plan = self.origins[id(plan)]
        return plan

    def resumed(self, plan: p.Plan, number: str, entered: list[p.Plan]) -> Node:
        """A step of the query above the rows that the interpreter makes for the engine."""
        if any(plan is node for node in entered):
            broken = broken_at(plan)
            below = self.interpreted(self.adopted(plan, with_pieces(plan)), number, broken)
            return evolve(below, crosses=f"{DUCKDB}, batch by batch")
        parts = enumerate(inputs_of(plan), 1)
        below_all = tuple(self.resumed(n, f"{number}.{i}", entered) for i, n in parts)
        notes = self.elsewhere(plan, below_all)
        return evolve(self.node(plan, number, REMOTE, DUCKDB, below_all), notes=notes)

    def interpreted(self, plan: p.Plan, number: str, broken: Unfoldable | None) -> Node:
        """A step of the interpreter; what it reads may be the result of a query."""
        if isinstance(plan, p.Scan) and isinstance(plan.source, (Piece, remote.RemoteSource)):
            return self.scan(plan, number, INTERPRETER)
        if isinstance(plan, p.Buffer) and plan.cell:
            return self.buffer(plan, number)
        below = tuple(self.interpreted(n, f"{number}.{i}", broken) for i, n in enumerate(inputs_of(plan), 1))
        runs = MEMORY if isinstance(plan, p.Values) else STREAMING if _streams(plan) else FULL_SCAN
        node = self.node(plan, number, runs, INTERPRETER, below)
        own = self.not_there(plan, below) or (self.reason(plan, below) if broken is not None else None)
        return node if own is None else evolve(node, reason=own, cure=cure(own, plan.function))

    def buffer(self, plan: p.Buffer, number: str) -> Node:
        """A buffer that is filled already, and what it was filled from."""
        below = _Builder(self.names, self.costs).built(plan.input, f"{number}.1")
        if below.runs == REMOTE:
            below = evolve(below, crosses=INTERPRETER)
        found = self.node(plan, number, MEMORY, INTERPRETER, (below,))
        if sessions.current().engine == "none" or below.runs == MEMORY:
            return evolve(found, rows=plan.cell[0].length)
        no = "a buffer is filled by the interpreter"
        return evolve(found, rows=plan.cell[0].length, reason=no, cure=cure(no, plan.function))

    def reason(self, plan: p.Plan, below: tuple[Node, ...]) -> str | None:
        """Why this step itself does not fold, where all below it does or it has no form at all."""
        if any(node.engine == INTERPRETER and node.inputs for node in below):
            return "the step has no SQL form" if plan.__class__ in (p.Step, p.Buffer) else None
        no = broken_at(self.origin(plan))
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
            cost=self.costs.get(id(plan), self.costs.get(id(self.origin(plan)))),
        )  # fmt: skip


def inputs_of(plan: p.Plan) -> tuple[p.Plan, ...]:
    if isinstance(plan, p.Buffer) and plan.cell:
        return (plan.cell[0],)
    return plan.inputs


def _streams(plan: p.Plan) -> bool:
    if isinstance(plan, (p.Take, p.Drop)):
        return True
    if isinstance(plan, p.Fill):
        return plan.down
    return isinstance(plan, _THROUGH)


def stays(plan: p.Plan) -> bool:
    """Whether the interpreter runs a plan without asking an engine: it is told to, or all rows are here, and few."""
    engine = sessions.current().engine
    if engine in ("none", "duckdb"):
        return engine == "none" or in_memory(plan) is not None
    rows = 0
    for leaf in leaves(plan):
        if not isinstance(leaf, (p.Values, p.Rows)):
            return False
        rows += leaf.length if isinstance(leaf, p.Values) else 0
    return rows < SMALL


def shown_query(plan: p.Plan, names: Mapping[int, str]) -> tuple[Any, Callable[[], Shown]]:
    """The query of a plan that folds whole, and what writes it with the names of steps (by the `id` of their plans)."""
    from folding.engines.duckdb import Query

    common = marked(plan)
    if common is not None:
        known = {id(new): names.get(id(old), "") for new, old in common.origins.values()}
        try:
            query = Query(fold(whole(common)), schema=plan.schema)
            return query, partial(query.shown, {**names, **known})
        except Unfoldable:  # but without shared parts it may
            pass
    query = Query(fold(plan), schema=plan.schema)
    return query, partial(query.shown, dict(names))


def remote_query(plan: p.Plan) -> Any:
    """The query of a source database for the whole plan; None when there is none."""
    found, _ = remote.describe(plan)
    return found if isinstance(found, remote.RemoteQuery) else None


def remote_break(plan: p.Plan) -> CannotFold | None:
    """The lowest step of a plan that its database does not do, and why; None when it does all."""
    found, _ = remote.describe(plan)
    if isinstance(found, remote.RemoteQuery):
        return None
    for node in plan.inputs:
        if remote.has_tables(node):
            below = remote_break(node)
            if below is not None:
                return below
    return CannotFold(found.step if not plan.inputs else plan.function, found.reason)


def entered_plans(plan: p.Plan) -> list[p.Plan]:
    """The plans whose rows the interpreter makes for the engine; empty when the engine does not go on."""
    found: list[p.Plan] = []
    if resumes(plan):
        try:
            fold(plan, resume=True, entered=found)
        except Unfoldable:
            return []
    return found


def broken_at(plan: p.Plan) -> Unfoldable | None:
    try:
        fold(plan)
    except Unfoldable as no:
        return no
    return None


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
    for found in node.errors or ():
        yield f"{more}  {errors_text(found)}"
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
    rows = f" {node.rows:,} row{'' if node.rows == 1 else 's'}" if node.rows is not None else ""
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


def errors_text(found: ColumnErrors) -> str:
    """The errors of a column in one line."""
    cells = "1 error" if found.count == 1 else f"{found.count:,} errors, the first"
    detail = f" Detail: {found.detail}" if found.detail is not None else ""
    return f"column {found.column}: {cells} in row {found.row:,}: {found.reason}: {found.message}{detail}"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
