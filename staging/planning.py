"""What a refresh would do and why, before it does it: ``mlang plan``.

For each task: run, reuse or load; the reason; the engine that will do the work; and how the
schema would change against what is served now.  Schemas come from ``check.py``.
"""

from __future__ import annotations

from typing import Any

from attrs import asdict, define, field

from mlang.errors import MError
from mlang.values.metadata import strip
from staging import spark
from staging.check import Schema, check, empty
from staging.destinations.target import target_of
from staging.drift import changes
from staging.errors import StagingError
from staging.queries import Queries
from staging.refresh import Refresh
from staging.tasks import ACTIVITY, Task


@define
class Planned:
    """One line of the plan."""

    query: str
    kind: str
    action: str
    why: str
    engine: str
    target: str | None = None
    needs: list[str] = field(factory=list)
    changes: list[str] = field(factory=list)
    problems: list[str] = field(factory=list)
    #: Where the columns change: who reads them and where they are loaded to.
    dependents: list[str] = field(factory=list)
    #: Of an incremental query: each bucket, whether it would be loaded, and why.
    buckets: list[dict[str, Any]] = field(factory=list)
    #: Why the engine "auto" takes this engine; empty where an engine was asked for.
    chosen: str = ""

    def to_json(self) -> dict[str, Any]:
        """The line for machines."""
        return asdict(self)


def plan(refresh: Refresh) -> list[Planned]:
    """The plan of a refresh; nothing is run or written."""
    queries = refresh.prepare()
    schemas = {s.query: s for s in check(refresh.dataflow, queries)}
    remade: set[str] = set()
    found = []
    for task in refresh.tasks():
        line = _line(refresh, task, queries, schemas[task.query], remade)
        if queries.session.engine == "auto":
            read = [m.bytes for m in map(refresh.served, task.needs) if m is not None]
            waits = bool(task.needs) and not read
            line.chosen = spark.choice("decided" if waits else line.engine, sum(read) if read else None)
        if task.kind != ACTIVITY and line.action == "run":
            remade.add(task.query)
        found.append(line)
    return found


def _line(refresh: Refresh, task: Task, queries: Queries, schema: Schema, remade: set[str]) -> Planned:
    problems = ([schema.error] if schema.error else []) + schema.problems
    needs = sorted(task.needs - {task.query} if task.kind == ACTIVITY else task.needs)
    engine = _engine(task, queries, schema, refresh)
    line = Planned(task.query, task.kind, "run", "", engine, needs=needs, problems=problems)
    if task.settings is not None:
        line.action, line.why = "load", "destinations are loaded by every refresh"
        try:
            table = task.query if task.settings.default else None
            line.target = target_of(task.settings.query, queries.members, queries.parameters, table).label
        except StagingError:
            line.target = None  # the reason is among the problems
        return line
    if schema.kind not in ("table", ""):
        line.action, line.why, line.engine = "evaluate", f"a {schema.kind} is not staged", "interpreter"
        return line
    if refresh.dataflow.queries[task.query].incremental is not None and schema.error is None:
        _buckets(line, refresh, task, queries)
        return line
    decision = refresh.decision(task, remade)
    if decision.reuse and refresh.reuse:
        line.action, line.why = "reuse", decision.why
    elif decision.reuse:
        line.why = f"without --reuse everything runs ({decision.why})"
    else:
        line.why = decision.why
    if schema.type is not None:
        served = refresh.served(task.query)
        if served is not None:
            found = changes(served.type, schema.type)
            line.changes = [c.text for c in found]
            line.dependents = refresh.dependents(task.query) if found else []
    return line


def _buckets(line: Planned, refresh: Refresh, task: Task, queries: Queries) -> None:
    """The buckets of an incremental query: one small question each to the source."""
    tables = {name: refresh.staged(name) for name in task.needs}
    if None in tables.values():
        line.why = "the buckets are known when what it reads is staged"
        return
    own = queries.fresh()
    try:
        seen = refresh.survey(task.query, strip(own.value(task.query, tables)), own)
    except (MError, StagingError) as error:
        line.problems.append(str(error))
        return
    line.buckets = [s.to_json() for s in seen]
    changed = sum(s.run for s in seen)
    line.action = "run" if changed else "reuse"
    line.why = f"{changed} of {len(seen)} buckets changed"


def _engine(task: Task, queries: Queries, schema: Schema, refresh: Refresh) -> str:
    """DuckDB when the whole query folds over what is staged; the interpreter otherwise."""
    if schema.type is None or not task.needs:
        return "interpreter"
    if task.kind == ACTIVITY and task.query in task.needs:
        return "DuckDB" if refresh.served(task.query) is None else _folds(queries, schema)
    tables = {}
    for name in task.needs:
        staged = refresh.staged(name)
        if staged is None:
            return "decided when it runs"
        tables[name] = staged
    try:
        value = queries.fresh().value(task.query, tables)
        return spark.engine_name(value, queries.folds(value))
    except Exception:  # the schema was found without data: whatever this is, the refresh will say it
        return "decided when it runs"


def _folds(queries: Queries, schema: Schema) -> str:
    assert schema.type is not None
    table = empty(schema.type)
    return spark.engine_name(table, queries.folds(table))
