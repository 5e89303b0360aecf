"""A refresh in three phases: extract and stage, run downstream queries on staged data, load destinations.

Phase 1 evaluates the staged queries that read sources and writes them to the lakehouse.
Phase 2 evaluates the staged queries that read staged ones: a reference to a staged query is
its staged table, so the steps fold to SQL over it; results go to the warehouse.  Phase 3
loads destinations.  Each staged table is published by itself, atomically; a query that fails
keeps its last good generation, those that need it are skipped, the others go on.
Read ``queries.py`` (evaluation) and ``store/generations.py`` (publishing) next.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from mlang.errors import Cancelled
from mlang.tables.table import Table
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from staging import graph, history, retention
from staging.dataflow import Dataflow, DestinationSettings
from staging.destinations import csv as csv_destination
from staging.destinations import duckdb as duckdb_destination
from staging.destinations import parquet as parquet_destination
from staging.destinations.rows import Rows, mapped
from staging.destinations.target import DuckDbTarget, Target, target_of
from staging.errors import DataflowError, StagedDataMissing
from staging.failures import describe
from staging.history import CACHED, CACHED_FOLDED, FOLDED, NA, QueryRun, Run
from staging.queries import Queries
from staging.store import generations
from staging.store.files import remove_tree, writer_lock
from staging.store.generations import Generations
from staging.store.lakehouse import LakehouseWriter
from staging.store.manifest import Manifest
from staging.store.sources import staged_table
from staging.store.warehouse import WarehouseWriter
from staging.types import staged_columns
from staging.workspace import Workspace

TABLE, ACTIVITY = "Table", "Activity"


class Watcher:
    """Told how a refresh goes; the command line draws a progress bar with it."""

    def begin(self, total: int) -> None:
        """The number of tasks."""

    def start(self, query: str, kind: str) -> None:
        """A query begins."""

    def rows(self, query: str, count: int) -> None:
        """So many rows so far."""

    def done(self, result: QueryRun) -> None:
        """A query ended."""


@frozen
class Task:
    """One query to stage (``settings`` None) or to load to one destination."""

    query: str
    settings: DestinationSettings | None = None
    needs: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        return TABLE if self.settings is None else ACTIVITY


@frozen
class Outlook:
    """What a refresh will do, in order, and what each query needs."""

    tasks: tuple[Task, ...]
    needs: dict[str, set[str]]


def outlook(
    dataflow: Dataflow, only: Iterable[str] | None = None, served: Callable[[str], bool] | None = None
) -> Outlook:
    """The tasks of a refresh.  ``only`` names queries; staged ones they need come along unless ``served``."""
    queries = dataflow.queries
    members = {m.name: m.value for m in dataflow.tree.sections[0].members}
    needs = graph.dependencies(members)
    functions = [name for name, q in queries.items() if q.is_function]
    ordered = graph.order(members, needs, recursive=functions)
    staged = {name for name, q in queries.items() if q.staged}
    wanted = _wanted(dataflow, needs, staged, only, served)
    tasks = []
    for name in ordered:
        if name in staged and name in wanted:
            tasks.append(Task(name, None, frozenset(_staged_needs(name, needs, staged))))
    # Phase 1 before phase 2: what needs nothing staged comes first; the order is kept otherwise.
    tasks.sort(key=lambda t: bool(t.needs))
    for name in ordered:
        if name in queries and (only is None or name in wanted):
            own = frozenset(_staged_needs(name, needs, staged)) | ({name} & staged)
            tasks += [Task(name, settings, own) for settings in queries[name].destinations]
    return Outlook(tuple(tasks), needs)


def _wanted(
    dataflow: Dataflow,
    needs: dict[str, set[str]],
    staged: set[str],
    only: Iterable[str] | None,
    served: Callable[[str], bool] | None,
) -> set[str]:
    if only is None:
        return set(staged)
    wanted = {dataflow.query(name).name for name in only}
    waiting = list(wanted)
    while waiting:
        for name in _staged_needs(waiting.pop(), needs, staged):
            if name not in wanted and not (served is not None and served(name)):
                wanted.add(name)
                waiting.append(name)
    return wanted


def _staged_needs(name: str, needs: dict[str, set[str]], staged: set[str]) -> set[str]:
    return (graph.upstream(name, needs, stop=staged) & staged) - {name}


# ---------------------------------------------------------------- running


@define
class Refresh:
    """One run over a dataflow; `run` gives its record and writes it to the history."""

    dataflow: Dataflow
    workspace: Workspace
    parameters: dict[str, Any] = field(factory=dict)
    session: dict[str, Any] = field(factory=dict)
    watcher: Watcher = field(factory=Watcher)
    only: list[str] | None = None
    _results: list[QueryRun] = field(factory=list, init=False)
    _bad: set[str] = field(factory=set, init=False)
    _needs: dict[str, set[str]] = field(factory=dict, init=False)

    def run(self) -> Run:
        """Runs the tasks; StagingError when the refresh cannot even begin."""
        queries = Queries(self.dataflow, self.parameters, self.session)
        plan = outlook(self.dataflow, self.only, self._is_served)
        self._needs = plan.needs
        self.workspace.create()
        started = time.monotonic()
        run = Run(str(uuid.uuid4()), self.dataflow.key, _now(), "", history.COMPLETED, 0.0)
        with writer_lock(self.workspace.lock(self.dataflow.key)):
            try:
                self._all(plan.tasks, queries)
            finally:
                run.queries = self._results
                run.status = _overall(self._results)
                run.end, run.seconds = _now(), round(time.monotonic() - started, 3)
                history.append(self.workspace.history, run)
        return run

    def _all(self, tasks: tuple[Task, ...], queries: Queries) -> None:
        self.watcher.begin(len(tasks))
        cancelled = False
        for task in tasks:
            if cancelled:
                result = self._result(task, history.CANCELLED)
            elif missing := sorted(task.needs & self._bad):
                result = self._result(task, history.SKIPPED)
                others = [name for name in missing if name != task.query]
                result.note = f"needs '{others[0]}', which was not refreshed" if others else "was not staged"
                self._bad.add(task.query)
            else:
                result = self._one(task, queries)
                cancelled = result.status == history.CANCELLED
            self._results.append(result)
            self.watcher.done(result)
        if not cancelled and self.only is None:
            items = (self.workspace.lakehouse, self.workspace.warehouse)
            staged = [name for name, q in self.dataflow.queries.items() if q.staged]
            retention.collect_unstaged(items, self.dataflow.key, staged)

    def _result(self, task: Task, status: str) -> QueryRun:
        return QueryRun(task.query, task.kind, status, _now())

    def _one(self, task: Task, queries: Queries) -> QueryRun:
        """Runs a task; whatever goes wrong ends in the result."""
        result = self._result(task, history.COMPLETED)
        started = time.monotonic()
        self.watcher.start(task.query, task.kind)
        try:
            if task.settings is None:
                self._stage(task, queries, result)
            else:
                self._load(task, task.settings, queries, result)
        except (KeyboardInterrupt, Cancelled):
            result.status = history.CANCELLED
        except Exception as error:
            result.status = history.FAILED
            secrets = queries.secrets()
            result.error = history.redact(
                describe(error, task.query, queries, self._overrides(task)), secrets
            )
        if result.status != history.COMPLETED and task.settings is None:
            self._bad.add(task.query)
        result.seconds = round(time.monotonic() - started, 3)
        return result

    # ------------------------------------------------------------ staged data

    def _place(self, query: str, downstream: bool) -> Generations:
        item = self.workspace.warehouse if downstream else self.workspace.lakehouse
        return generations.table(item, self.dataflow.key, query)

    def _served(self, query: str) -> tuple[Generations, Manifest] | None:
        return served(self.workspace, self.dataflow.key, query)

    def _is_served(self, query: str) -> bool:
        return self._served(query) is not None

    def _overrides(self, task: Task) -> dict[str, Any]:
        """The staged tables in place of the queries that the task reads."""
        found = {}
        for name in task.needs - ({task.query} if task.settings is None else set()):
            place = self._served(name)
            if place is not None:
                found[name] = staged_table(place[0].folder, place[1])
        return found

    # ------------------------------------------------------------ phases 1 and 2

    def _stage(self, task: Task, queries: Queries, result: QueryRun) -> None:
        value = strip(queries.value(task.query, self._overrides(task)))
        if kind_of(value) != "table":
            # Data of an earlier, tabular definition would stand in for the value.
            for downstream in (False, True):
                remove_tree(self._place(task.query, downstream).folder)
            result.note = f"is not staged: its value is a {kind_of(value)}"
            return
        place = self._place(task.query, bool(task.needs))
        place.collect()
        building = place.begin()
        columns = staged_columns(task.query, value.type)
        make = WarehouseWriter if task.needs else LakehouseWriter
        writer = make(building, task.query, columns)
        try:
            self._write(task.query, value, writer, queries)
            parts = writer.finish()
            engine = self._engine(task, value, queries, staged=True)
            draft = Manifest(
                dataflow=self.dataflow.key, query=task.query, generation=0,
                store="warehouse" if task.needs else "lakehouse", engine=engine, created=_now(),
                query_hash=self._hash(task.query), columns=writer.columns, parts=parts,
                facts=writer.facts(), keys=value.type.keys,
            )  # fmt: skip
            final = place.publish(building, draft)
        except BaseException:
            writer.abandon()
            remove_tree(building)
            raise
        place.collect()
        self._forget_other(task)
        result.rows, result.bytes, result.engine, result.errors = (
            final.rows,
            final.bytes,
            engine,
            final.errors,
        )

    def _write(self, query: str, table: Table, writer: Any, queries: Queries) -> None:
        count = 0
        for batch in queries.batches(table):
            writer.write(batch.columns, batch.length)
            count += batch.length
            self.watcher.rows(query, count)

    def _forget_other(self, task: Task) -> None:
        """A query that moved between lakehouse and warehouse is served from its new place only."""
        other = self._place(task.query, not task.needs)
        if other.folder.is_dir():
            remove_tree(other.folder)

    def _hash(self, query: str) -> str:
        text, members = self.dataflow.text, {m.name: m for m in self.dataflow.tree.sections[0].members}
        names = sorted({query} | graph.upstream(query, self._needs))
        digest = hashlib.sha256()
        for name in names:
            node = members[name].value
            digest.update(f"{name}={text[node.pos : node.end]};".encode("utf-8", "surrogatepass"))
        for name in sorted(self.parameters.keys() & set(names)):
            digest.update(f"{name}:{self.parameters[name]!r};".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def _engine(self, task: Task, value: Table, queries: Queries, staged: bool) -> str:
        folded = bool(task.needs) and queries.folds(value)
        if staged:
            return CACHED_FOLDED if folded else CACHED
        return FOLDED if folded else NA

    # ------------------------------------------------------------ phase 3

    def _load(self, task: Task, settings: DestinationSettings, queries: Queries, result: QueryRun) -> None:
        table_name = task.query if settings.default else None
        target = target_of(settings.query, queries.members, queries.parameters, table_name)
        result.target = target.label
        overrides = self._overrides(task)
        value = overrides.get(task.query)
        if value is None:
            value = strip(queries.value(task.query, overrides))
        if kind_of(value) != "table":
            raise DataflowError(
                f"Query '{task.query}' can't be loaded: its value is a {kind_of(value)}, not a table."
            )
        names, columns = mapped(task.query, value, settings.mappings)
        progress = lambda count: self.watcher.rows(task.query, count)  # noqa: E731
        rows = Rows(task.query, queries.batches(value, names), columns, progress)
        path = Path(queries.resolve_path(target.path))
        result.bytes = load(target, path, settings, rows)
        result.rows, result.errors = rows.count, rows.errors()
        result.engine = self._engine(task, value, queries, staged=False)


def load(target: Target, path: Path, settings: DestinationSettings, rows: Rows) -> int:
    """Writes rows to a target; gives its size in bytes."""
    if isinstance(target, DuckDbTarget):
        return duckdb_destination.load(target, path, settings, rows)
    if target.format == "parquet":
        return parquet_destination.load(path, settings, rows)
    return csv_destination.load(target, path, settings, rows)


def served(workspace: Workspace, dataflow: str, query: str) -> tuple[Generations, Manifest] | None:
    """The generation of a staged query that readers get, from whichever item holds the newest."""
    best: tuple[Generations, Manifest] | None = None
    for item in (workspace.lakehouse, workspace.warehouse):
        place = generations.table(item, dataflow, query)
        found = place.current()
        if found is not None and (best is None or found.created > best[1].created):
            best = (place, found)
    return best


def staged_value(workspace: Workspace, dataflow: str, query: str) -> Table:
    """The last good data of a staged query as an M table."""
    found = served(workspace, dataflow, query)
    if found is None:
        raise StagedDataMissing(f"Query '{query}' of {dataflow} has no staged data in {workspace.path}.")
    return staged_table(found[0].folder, found[1])


def _overall(results: list[QueryRun]) -> str:
    statuses = {r.status for r in results}
    for status in (history.CANCELLED, history.FAILED, history.SKIPPED):
        if status in statuses:
            return history.FAILED if status == history.SKIPPED else status
    return history.COMPLETED


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
