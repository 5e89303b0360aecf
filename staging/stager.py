"""Stages one query: evaluates it, writes a new generation, and notes it for publishing.

Where the whole query is SQL the engine writes (``copying.py``), else cells are computed.  An incremental query writes
the rows that stay and those of the buckets that changed (``incremental.py``).  Nothing that is written here is served
before the refresh publishes it.  Read ``refresh.py`` for the order of things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlang.tables.plan import Batch
from mlang.tables.related import without_related
from mlang.tables.table import Table
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from staging import copying, history, spark
from staging.ahead import Ahead, side_by_side
from staging.drift import FREEZE, SchemaChanged, changes, report
from staging.history import CACHED, CACHED_FOLDED, FOLDED, NA, QueryRun
from staging.incremental import Seen, check_policy, merged, state, survey, warning, within
from staging.queries import Queries
from staging.store.files import remove
from staging.store.lakehouse import LakehouseWriter
from staging.store.manifest import Manifest
from staging.store.warehouse import WarehouseWriter
from staging.tasks import Task
from staging.types import Column, staged_columns
from staging.workspace import LAKEHOUSE, WAREHOUSE

if TYPE_CHECKING:
    from staging.refresh import Refresh


class Stager:
    """Stages the queries of one refresh."""

    def __init__(self, refresh: Refresh) -> None:
        self.refresh = refresh

    def stage(self, task: Task, queries: Queries, result: QueryRun) -> None:
        """Makes a new generation of a query; what is served stays as it is."""
        value = strip(queries.value(task.query, self.refresh.overrides(task)))
        left_out: list[str] = []
        if kind_of(value) == "table":
            value, left_out = without_related(value)
        if kind_of(value) != "table":
            # Data of an earlier, tabular definition must not stand in for the value.
            self.refresh.gone.add(task.query)
            result.note = f"is not staged: its value is a {kind_of(value)}"
            return
        item = WAREHOUSE if task.needs and not spark.chosen(queries.session) else LAKEHOUSE
        columns = staged_columns(task.query, value.type)
        tables: list[Table] = [value]
        buckets: dict[str, Any] = {}
        bounds: list[tuple[Any, Any]] = []
        if self.refresh.dataflow.queries[task.query].incremental is not None:
            tables, buckets, bounds = self._changed_buckets(task, value, queries, result)
            if not tables:
                return
        self._check_drift(task.query, value, result)
        place = self.refresh.place(task.query, item)
        building = place.begin()
        writer = _writer(item, building, task.query, columns)
        try:
            if not self._fill(task, tables, bounds, writer, queries):
                writer.abandon()
                remove(building)
                building = place.begin()
                writer = _writer(item, building, task.query, columns)
                for table in tables:
                    self._write(task.query, queries.batches(table), writer)
            parts = writer.finish()
            result.engine = engine_of(task, value, queries, staged=True)
            draft = Manifest(
                dataflow=self.refresh.dataflow.key, query=task.query, generation=0,
                store="warehouse" if item == WAREHOUSE else "lakehouse", engine=result.engine, created=history.now(),
                query_hash=self.refresh.mark(task.query), sources=self._sources(task), inputs=queries.session.inputs,
                columns=writer.columns, parts=parts, buckets=buckets,
                facts=writer.facts(), keys=value.type.keys,
            )  # fmt: skip
            before = self.refresh.before.entries.get(task.query)
            final = place.seal(building, draft, above=before.generation if before is not None else 0)
        except BaseException:
            writer.abandon()
            remove(building)
            raise
        self.refresh.made[task.query] = (item, final)
        spark.note(result, queries.session)
        result.rows, result.bytes, result.errors = final.rows, final.bytes, final.errors
        note_left_out(result, left_out)

    def _check_drift(self, query: str, value: Table, result: QueryRun) -> None:
        """Notes how the schema changed since the last refresh; refuses where it is frozen."""
        served = self.refresh.served(query)
        found = changes(served.type, value.type) if served is not None else []
        if found:
            text = report(query, found, self.refresh.needs, self.refresh.dataflow.queries)
            if self.refresh.schema == FREEZE:
                raise SchemaChanged(f"{text} The schema is frozen; what is served stays as it was.")
            result.drift = text

    def survey(self, query: str, value: Table, queries: Queries) -> list[Seen]:
        """The buckets of an incremental query, and which of them changed."""
        policy = self.refresh.dataflow.queries[query].incremental
        assert policy is not None
        kind = check_policy(query, policy, value.type)
        return survey(
            query, value, policy, kind, self._buckets_before(query), self.refresh.mark(query), queries
        )

    def _buckets_before(self, query: str) -> dict[str, Any]:
        served = None if self.refresh.full else self.refresh.served(query)
        return {} if served is None else served.buckets

    def _changed_buckets(
        self, task: Task, value: Table, queries: Queries, result: QueryRun
    ) -> tuple[list[Table], dict[str, Any], list[tuple[Any, Any]]]:
        """What makes the new generation, what it remembers, which ranges are loaded; nothing where all is as it was."""
        query = task.query
        policy = self.refresh.dataflow.queries[query].incremental
        assert policy is not None
        seen = self.survey(query, value, queries)
        changed = sum(s.run for s in seen)
        result.note = f"loaded {changed} of {len(seen)} buckets"
        if text := warning(policy):
            result.note += f"; it {text}"
        served = None if self.refresh.full else self.refresh.served(query)
        if served is not None and not changed:
            result.status, result.engine = history.REUSED, CACHED
            result.rows, result.bytes = served.rows, served.bytes
            return [], {}, []
        if served is not None and (drift := changes(served.type, value.type)):
            text = report(query, drift, self.refresh.needs, self.refresh.dataflow.queries)
            raise SchemaChanged(
                f"{text} An incremental refresh has a fixed schema; mlang refresh --full loads everything anew."
            )
        kind = check_policy(query, policy, value.type)
        old = None if served is None else self.refresh.staged(query)
        before = self._buckets_before(query)
        remembered = state(
            policy, seen, before, self.refresh.mark(query), self.refresh.run_id, fresh=served is None
        )
        bounds = [s.bucket.bounds(kind) for s in seen if s.run]
        return merged(value, old, policy, kind, seen, queries.session), remembered, bounds

    def _fill(
        self, task: Task, tables: list[Table], bounds: list[tuple[Any, Any]], writer: Any, queries: Queries
    ) -> bool:
        """Writes the rows of some tables, the last ones buckets; False when an engine stopped in the middle of one."""
        ahead, first = self._ahead(task, tables, bounds, queries), len(tables) - len(bounds)
        try:
            for number, table in enumerate(tables):
                before = writer.rows
                if ahead is not None and number >= first:
                    self._write(task.query, ahead.batches(number - first), writer)
                    continue
                if self._copy(task.query, table, writer, queries):
                    continue
                if writer.rows != before:
                    return False
                self._write(task.query, queries.batches(table), writer)
            return True
        finally:
            if ahead is not None:
                ahead.close()

    def _ahead(
        self, task: Task, tables: list[Table], bounds: list[tuple[Any, Any]], queries: Queries
    ) -> Ahead | None:
        """Who reads the buckets of a database side by side."""
        policy, jobs = self.refresh.dataflow.queries[task.query].incremental, self.refresh.concurrency
        if policy is None or jobs < 2 or len(bounds) < 2 or not side_by_side(tables[-1], queries):
            return None
        overrides = self.refresh.overrides(task)

        def reader(bucket: tuple[Any, Any]) -> Callable[[Queries], Table]:
            return lambda own: within(
                strip(own.value(task.query, overrides)), policy.filter_column, [bucket], own.session
            )

        return Ahead([reader(b) for b in bounds], queries, jobs)

    def _copy(self, query: str, table: Table, writer: Any, queries: Queries) -> bool:
        """Lets the engine write when the whole query is SQL; False when the cells must be computed."""
        found = copying.engine_query(table, writer.columns, queries.session)
        if found is None:
            return False
        before = writer.rows
        if spark.writes(found, writer, queries.session):
            self.refresh.watcher.rows(query, writer.rows)
            return True
        if copying.may_hold_errors(found):
            return False
        try:
            for arrays, length in copying.engine_batches(found, queries.session):
                writer.write_arrow(arrays, length)
                self.refresh.watcher.rows(query, writer.rows)
        except copying.failures():
            return False
        # An empty join may not have looked at rows where M would raise.
        return bool(writer.rows > before) or not found.relation.strict

    def _write(self, query: str, batches: Iterator[Batch], writer: Any) -> None:
        count = 0
        for batch in batches:
            writer.write(batch.columns, batch.length)
            count += batch.length
            self.refresh.watcher.rows(query, count)

    def _sources(self, task: Task) -> dict[str, int]:
        """The generations of the staged queries that a task reads."""
        found = {}
        for name in sorted(task.needs):
            if name in self.refresh.made:
                found[name] = self.refresh.made[name][1].generation
            elif name in self.refresh.before.entries and name not in self.refresh.gone:
                found[name] = self.refresh.before.entries[name].generation
        return found


def note_left_out(result: QueryRun, columns: list[str]) -> None:
    """Says which columns were not written: those that lead to related tables."""
    if columns:
        said = f"leaves out columns that lead to related tables: {', '.join(columns)}"
        result.note = f"{result.note}; it {said}" if result.note else said


def engine_of(task: Task, value: Table, queries: Queries, staged: bool) -> str:
    """The word of the product for who did the work."""
    folded = bool(task.needs) and queries.folds(value)
    if staged:
        return CACHED_FOLDED if folded else CACHED
    return FOLDED if folded else NA


def _writer(item: str, folder: Path, query: str, columns: tuple[Column, ...]) -> Any:
    make = WarehouseWriter if item == WAREHOUSE else LakehouseWriter
    return make(folder, query, columns)
