"""A refresh in three phases: extract and stage, run downstream queries on staged data, load destinations.

Phase 1 evaluates the staged queries that read sources and writes them to the lakehouse.
Phase 2 evaluates the staged queries that read staged ones: a reference to a staged query is
its staged table, so the steps fold to SQL over it; results go to the warehouse.  Then all new
tables are published by one rename, and phase 3 loads destinations.  A query that fails
keeps its last good generation, those that need it are skipped, the others go on.  Whoever
kills or cancels the staging phases leaves readers with the last refresh.
Read ``queries.py`` (evaluation) and ``store/generations.py`` (publishing) next.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from mlang.errors import Cancelled
from mlang.tables.table import Table
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from staging import copying, graph, history
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
from staging.store import generations, published
from staging.store.files import remove, writer_lock
from staging.store.generations import Generations
from staging.store.lakehouse import LakehouseWriter
from staging.store.manifest import Manifest
from staging.store.published import Snapshot
from staging.store.sources import staged_table
from staging.store.warehouse import WarehouseWriter
from staging.tasks import ACTIVITY, TABLE, Task, outlook
from staging.types import Column, staged_columns
from staging.workspace import ITEMS, LAKEHOUSE, WAREHOUSE, Workspace


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
    #: What readers got before this run, and what this run has made and not published yet.
    _before: Snapshot = field(init=False)
    _made: dict[str, tuple[str, Manifest]] = field(factory=dict, init=False)
    _gone: set[str] = field(factory=set, init=False)

    def run(self) -> Run:
        """Runs the tasks; StagingError when the refresh cannot even begin."""
        settings = {"workspace": str(self.workspace.path), **self.session}
        queries = Queries(self.dataflow, self.parameters, settings)
        self._before = published.read(self.workspace.path, self.dataflow.key)
        plan = outlook(self.dataflow, self.only, lambda name: name in self._before.entries)
        self._needs = plan.needs
        self.workspace.create()
        started = time.monotonic()
        run = Run(str(uuid.uuid4()), self.dataflow.key, _now(), "", history.COMPLETED, 0.0)
        with writer_lock(self.workspace.lock(self.dataflow.key)):
            self._before = published.read(self.workspace.path, self.dataflow.key)
            self._before.collect(ITEMS)  # what a killed writer left
            try:
                self._all(plan.tasks, queries, run.id)
            finally:
                run.queries = self._results
                run.status = _overall(self._results)
                run.end, run.seconds = _now(), round(time.monotonic() - started, 3)
                history.append(self.workspace.history, run)
        return run

    def _all(self, tasks: tuple[Task, ...], queries: Queries, run: str) -> None:
        self.watcher.begin(len(tasks))
        staging = [t for t in tasks if t.kind == TABLE]
        loading = [t for t in tasks if t.kind == ACTIVITY]
        cancelled = self._some(staging, queries, cancelled=False)
        if cancelled:
            self._before.collect(ITEMS)
        else:
            self._publish(run)
        self._some(loading, queries, cancelled)

    def _some(self, tasks: list[Task], queries: Queries, cancelled: bool) -> bool:
        """Runs tasks in order; True when the user stopped it."""
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
        return cancelled

    def _publish(self, run: str) -> None:
        """One rename: from now on readers get everything that this run made."""
        made = {query: (item, found.generation) for query, (item, found) in self._made.items()}
        after = evolve(self._before.with_tables(made, self._gone), run=run, about=self.dataflow.about)
        after = after.retain([name for name, q in self.dataflow.queries.items() if q.staged])
        after.publish()
        after.collect(ITEMS)

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

    # ------------------------------------------------------------ phases 1 and 2

    def _overrides(self, task: Task) -> dict[str, Any]:
        """The staged tables in place of the queries that the task reads."""
        found = {}
        for name in task.needs - ({task.query} if task.settings is None else set()):
            staged = self._staged(name)
            if staged is not None:
                found[name] = staged
        return found

    def _staged(self, query: str) -> Table | None:
        """What this run made of a query, else what is served of it; None for what is no table."""
        if query in self._gone:
            return None
        if query in self._made:
            item, found = self._made[query]
            return staged_table(self._place(query, item).folder, found)
        served = self._before.served(query)
        return None if served is None else staged_table(served[0].folder, served[1])

    def _place(self, query: str, item: str) -> Generations:
        return generations.table(self.workspace.path / item, self.dataflow.key, query)

    def _stage(self, task: Task, queries: Queries, result: QueryRun) -> None:
        value = strip(queries.value(task.query, self._overrides(task)))
        if kind_of(value) != "table":
            # Data of an earlier, tabular definition must not stand in for the value.
            self._gone.add(task.query)
            result.note = f"is not staged: its value is a {kind_of(value)}"
            return
        item = WAREHOUSE if task.needs else LAKEHOUSE
        columns = staged_columns(task.query, value.type)
        place = self._place(task.query, item)
        building = place.begin()
        writer = _writer(item, building, task.query, columns)
        try:
            copied = self._copy(task.query, value, writer, queries)
            if not copied:
                writer.abandon()
                remove(building)
                building = place.begin()
                writer = _writer(item, building, task.query, columns)
                self._write(task.query, value, writer, queries)
            parts = writer.finish()
            result.engine = self._engine(task, value, queries, staged=True)
            draft = Manifest(
                dataflow=self.dataflow.key, query=task.query, generation=0,
                store="warehouse" if task.needs else "lakehouse", engine=result.engine, created=_now(),
                query_hash=self._hash(task.query), columns=writer.columns, parts=parts,
                facts=writer.facts(), keys=value.type.keys,
            )  # fmt: skip
            before = self._before.entries.get(task.query)
            final = place.seal(building, draft, above=before.generation if before is not None else 0)
        except BaseException:
            writer.abandon()
            remove(building)
            raise
        self._made[task.query] = (item, final)
        result.rows, result.bytes, result.errors = final.rows, final.bytes, final.errors

    def _copy(self, query: str, table: Table, writer: Any, queries: Queries) -> bool:
        """Lets the engine write when the whole query is SQL; False when the cells must be computed."""
        found = copying.engine_query(table, writer.columns, queries.session)
        if found is None:
            return False
        try:
            for arrays, length in copying.engine_batches(found, queries.session):
                writer.write_arrow(arrays, length)
                self.watcher.rows(query, writer.rows)
        except copying.failures():
            return False
        # An empty join may not have looked at rows where M would raise.
        return writer.rows > 0 or not found.relation.strict

    def _write(self, query: str, table: Table, writer: Any, queries: Queries) -> None:
        count = 0
        for batch in queries.batches(table):
            writer.write(batch.columns, batch.length)
            count += batch.length
            self.watcher.rows(query, count)

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


def _writer(item: str, folder: Path, query: str, columns: tuple[Column, ...]) -> Any:
    make = WarehouseWriter if item == WAREHOUSE else LakehouseWriter
    return make(folder, query, columns)


def load(target: Target, path: Path, settings: DestinationSettings, rows: Rows) -> int:
    """Writes rows to a target; gives its size in bytes."""
    if isinstance(target, DuckDbTarget):
        return duckdb_destination.load(target, path, settings, rows)
    if target.format == "parquet":
        return parquet_destination.load(path, settings, rows)
    return csv_destination.load(target, path, settings, rows)


def staged_value(workspace: Workspace, dataflow: str, query: str) -> Table:
    """The last good data of a staged query as an M table."""
    found = published.read(workspace.path, dataflow).served(query)
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
