"""Phase 3 of a refresh: loads the destinations of a query, whole or by the buckets that they do not hold yet.

Read ``destinations/loading.py`` for who writes, ``incremental.py`` for buckets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mlang.session import use
from mlang.tables.related import without_related
from mlang.tables.table import Table
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from staging import spark
from staging.dataflow import DestinationSettings
from staging.destinations.loading import load, settings_for
from staging.destinations.once import AlreadyLoaded, Journal, Once
from staging.destinations.rows import Rows, mapped
from staging.destinations.tables import TargetMissing
from staging.destinations.target import WORKSPACE, ServerTarget, Target, target_of
from staging.errors import DataflowError
from staging.history import QueryRun
from staging.incremental import Loads, check_policy, part_of, stamps, within
from staging.queries import Queries
from staging.stager import engine_of, note_left_out
from staging.tasks import Task

if TYPE_CHECKING:
    from staging.refresh import Refresh


class Activities:
    """The loads of one refresh."""

    def __init__(self, refresh: Refresh) -> None:
        self.refresh = refresh
        self._lock = threading.Lock()
        self._places: dict[Path, threading.Lock] = {}
        self._journal = Journal(refresh.workspace.path, refresh.dataflow.key)
        #: The refreshes that did not complete; None until something is appended.
        self._unfinished: frozenset[str] | None = None

    def _place_lock(self, path: Path) -> threading.Lock:
        """Queries that are loaded to one file take turns."""
        with self._lock:
            return self._places.setdefault(path, threading.Lock())

    def load(self, task: Task, settings: DestinationSettings, queries: Queries, result: QueryRun) -> None:
        """Loads one destination of a query."""
        table_name = task.query if settings.default else None
        target = target_of(settings.query, queries.members, queries.parameters, table_name)
        result.target = target.label
        overrides = self.refresh.overrides(task)
        value = overrides.get(task.query)
        if value is None:
            value = strip(queries.value(task.query, overrides))
        if kind_of(value) != "table":
            raise DataflowError(
                f"Query '{task.query}' can't be loaded: its value is a {kind_of(value)}, not a table."
            )
        left_out: list[str] = []
        if settings.mappings is None:  # who maps a column gets told that it cannot be written
            value, left_out = without_related(value)
        names, columns = mapped(task.query, value, settings.mappings)
        path = self._path(target, queries)

        def rows_of(table: Table) -> Rows:
            progress = lambda count: self.refresh.watcher.rows(task.query, count)  # noqa: E731
            return Rows(task.query, queries.batches(table, names), columns, progress)

        with self._place_lock(path), use(queries.session):
            if self.refresh.dataflow.queries[task.query].incremental is None:
                rows, how = rows_of(value), settings_for(target, settings)
                if how.update == "Append":
                    rows.once = self._once(task.query, target, path)
                result.bytes = spark.loads(target, path, how, rows, value, names, queries.session)
                if result.bytes is None:
                    self._load_rows(task.query, how, target, path, rows, result)
            else:
                rows = self._load_buckets(task, settings, target, path, value, rows_of, queries, result)
        spark.note(result, queries.session)
        result.rows, result.errors = rows.count, rows.errors()
        note_left_out(result, left_out)
        result.engine = engine_of(task, value, queries, staged=False)

    def _load_rows(
        self,
        query: str,
        settings: DestinationSettings,
        target: Target,
        path: Path,
        rows: Rows,
        result: QueryRun,
    ) -> None:
        """Loads all rows; those that an uncompleted refresh appended are not appended again."""
        if settings.update == "Append" and rows.once is None:
            rows.once = self._once(query, target, path)
        try:
            result.bytes = load(target, path, settings, rows)
        except AlreadyLoaded:
            result.note = "has appended these rows already, in a refresh that was not completed"
        if rows.once is not None and rows.once.missing is not None:
            result.note = (
                f"leaves no marker in {target.label} ({rows.once.missing}): after a crash it appends again"
            )

    def _once(self, query: str, target: Target, path: Path) -> Once:
        place = target.label if isinstance(target, ServerTarget) else f"{path.resolve()} {target.label}"
        name = f"{self.refresh.dataflow.key} {query} {place}"
        with self._lock:
            if self._unfinished is None:
                self._unfinished = self._journal.begin(self.refresh.run_id)
        return Once(name, self.refresh.run_id, self._unfinished, self._journal)

    def completed(self) -> None:
        """The refresh is complete: what it appended, the next one appends anew."""
        self._journal.end()

    def _load_buckets(
        self,
        task: Task,
        settings: DestinationSettings,
        target: Target,
        path: Path,
        value: Table,
        rows_of: Callable[[Table], Rows],
        queries: Queries,
        result: QueryRun,
    ) -> Rows:
        """Replaces the buckets that the destination does not hold yet; all rows where there is no table."""
        policy = self.refresh.dataflow.queries[task.query].incremental
        found = self.refresh.newest(task.query)
        assert policy is not None
        assert found is not None  # `refuse` saw to it that it is staged
        kind = check_policy(task.query, policy, value.type)
        loads, wanted = Loads(self.refresh.workspace.path, self.refresh.dataflow.key), stamps(found)
        with self._lock:
            held = {} if self.refresh.full else loads.of(task.query, target.label)
        rows = rows_of(value)
        part, bounds = part_of(task.query, policy, kind, wanted, held, rows.columns)
        result.note = f"loaded {len(bounds)} of {len(wanted)} buckets"
        try:
            rows = rows_of(within(value, policy.filter_column, bounds, queries.session))
            result.bytes = load(target, path, settings, rows, part)
        except TargetMissing:
            rows = rows_of(value)
            result.note = "made the table with all rows"
            result.bytes = load(target, path, settings, rows)
        with self._lock:
            loads.note(task.query, target.label, wanted)
        return rows

    def _path(self, target: Target, queries: Queries) -> Path:
        """Where a target lies: in the workspace, beside the dataflow, or (a server) nowhere here."""
        if target.path.startswith(WORKSPACE):
            return self.refresh.workspace.path / target.path.removeprefix(WORKSPACE)
        return (
            Path(target.path) if isinstance(target, ServerTarget) else Path(queries.resolve_path(target.path))
        )
