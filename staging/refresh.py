"""A refresh in three phases: extract and stage, run downstream queries on staged data, load destinations.

Phase 1 evaluates the staged queries that read sources and writes them to the lakehouse.
Phase 2 evaluates the staged queries that read staged ones: a reference to a staged query is
its staged table, so the steps fold to SQL over it; results go to the warehouse.  Then all new
tables are published by one rename, and phase 3 loads destinations.  A query that fails
keeps its last good generation, those that need it are skipped, the others go on.  Whoever
kills or cancels the staging phases leaves readers with the last refresh.
Read ``stager.py`` (one query) and ``store/published.py`` (publishing) next.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Collection
from typing import Any

from attrs import define, evolve, field

from mlang import registry
from mlang.errors import Cancelled, MError, stack_overflow
from mlang.tables.table import Table
from mlang.values.thunk import keep_frames
from staging import history
from staging.activities import Activities
from staging.crew import Crew, TimedOut, deep_stacks, pause
from staging.dataflow import Dataflow
from staging.drift import EVOLVE, dependents
from staging.errors import StagedDataMissing, os_error
from staging.failures import describe
from staging.firewall import analyse, enforced, guarded, refusals
from staging.graph import upstream
from staging.history import CACHED, QueryRun, Run
from staging.incremental import (
    Seen,
    refuse,
)
from staging.queries import Queries
from staging.retries import wait_before, worth_retrying
from staging.reuse import Decision, decide, fingerprint, volatile
from staging.stager import Stager
from staging.store import generations, published
from staging.store.files import writer_lock
from staging.store.generations import Generations
from staging.store.manifest import Manifest
from staging.store.published import Snapshot
from staging.store.sources import staged_table
from staging.tasks import ACTIVITY, TABLE, Task, outlook
from staging.workspace import ITEMS, Workspace


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
    #: Queries at a time (None: what the dataflow says), seconds a query may run, repetitions after source errors.
    jobs: int | None = None
    timeout: float | None = None
    retries: int = 2
    #: Whether what is staged is used again when nothing that it was made from has changed.
    reuse: bool = False
    #: Whether incremental queries are loaded whole, as if for the first time.
    full: bool = False
    #: What happens when the columns of a staged query change: ``evolve`` or ``freeze``.
    schema: str = EVOLVE
    #: Active value sets of variable libraries (``variables.py``).
    value_sets: tuple[str, ...] = ()
    #: Whether the privacy firewall refuses and buffers (None: as the item says); the levels of sources.
    firewall: bool | None = None
    levels: dict[tuple[str, str], str] = field(factory=dict)
    _results: list[QueryRun] = field(factory=list, init=False)
    _bad: set[str] = field(factory=set, init=False)
    needs: dict[str, set[str]] = field(factory=dict, init=False)
    #: What readers got before this run, and what this run has made and not published yet.
    before: Snapshot = field(init=False)
    made: dict[str, tuple[str, Manifest]] = field(factory=dict, init=False)
    gone: set[str] = field(factory=set, init=False)
    _firewall: dict[str, str] = field(factory=dict, init=False)
    _lock: Any = field(factory=threading.Lock, init=False)
    _run: str = field(factory=lambda: str(uuid.uuid4()), init=False)
    _activities: Activities = field(init=False)
    _stager: Stager = field(init=False)

    @property
    def run_id(self) -> str:
        """The id of this run."""
        return self._run

    @property
    def concurrency(self) -> int:
        """How much may run at a time."""
        return self.dataflow.concurrency if self.jobs is None else self.jobs

    def prepare(self) -> Queries:
        """Reads what is served and settles the parameters; StagingError when that fails."""
        settings = {"workspace": str(self.workspace.path), **self.session}
        queries = Queries(self.dataflow, self.parameters, settings, self.value_sets)
        if self._enforced():
            queries.guarded = guarded(analyse(self.dataflow))
        self.before = published.read(self.workspace.path, self.dataflow.key)
        self.needs = outlook(self.dataflow).needs
        self._activities, self._stager = Activities(self), Stager(self)
        refuse(self.dataflow, queries.session)
        return queries

    def newest(self, query: str) -> Manifest | None:
        """What this run made of a query, else what readers get of it."""
        return self.made[query][1] if query in self.made else self.served(query)

    def dependents(self, query: str) -> list[str]:
        """Who reads a query and where it is loaded to, as sentences."""
        return dependents(query, self.needs, self.dataflow.queries)

    def tasks(self) -> tuple[Task, ...]:
        """What is to be done, in order."""
        return outlook(self.dataflow, self.only, lambda name: name in self.before.entries).tasks

    def survey(self, query: str, value: Table, queries: Queries) -> list[Seen]:
        """The buckets of an incremental query, and which of them changed."""
        return self._stager.survey(query, value, queries)

    def served(self, query: str) -> Manifest | None:
        """What readers get of a query before this run; None also for damaged data, which this run replaces."""
        try:
            found = self.before.served(query) if query in self.before.entries else None
        except StagedDataMissing:
            return None
        return None if found is None else found[1]

    def run(self) -> Run:
        """Runs the tasks; StagingError when the refresh cannot even begin."""
        queries = self.prepare()
        tasks = self.tasks()
        self.workspace.open()
        started = time.monotonic()
        run = Run(self._run, self.dataflow.key, history.now(), "", history.COMPLETED, 0.0)
        with writer_lock(self.workspace.lock(self.dataflow.key)):
            self.before = published.read(self.workspace.path, self.dataflow.key)
            self.before.collect(ITEMS)  # what a killed writer left
            try:
                self._all(tasks, queries, run.id)
            finally:
                run.queries = self._results
                run.status = _overall(self._results)
                run.end, run.seconds = history.now(), round(time.monotonic() - started, 3)
                self._record(run)
            if run.status == history.COMPLETED:
                self._activities.completed()
        return run

    def _record(self, run: Run) -> None:
        """Adds the run to the history; a full disk is told in the run."""
        try:
            history.append(self.workspace.history, run)
        except OSError as error:
            run.error = f"The run is not in the history: {os_error(error)}"

    def _all(self, tasks: tuple[Task, ...], queries: Queries, run: str) -> None:
        self.watcher.begin(len(tasks))
        staging = [t for t in tasks if t.kind == TABLE]
        loading = [t for t in tasks if t.kind == ACTIVITY]
        self._firewall = self._refused()
        registry.load_all()  # modules are not to be imported by several threads at once
        with deep_stacks():
            cancelled = self._some(staging, queries, cancelled=False)
            if cancelled:
                self.before.collect(ITEMS)
            else:
                try:
                    self._publish(run)
                except OSError as error:
                    self._unpublished(error)
            self._some(loading, queries, cancelled)

    def _some(self, tasks: list[Task], queries: Queries, cancelled: bool) -> bool:
        """Runs tasks, each after those it needs, some at a time; True when the user stopped it."""
        crew = Crew(self.concurrency, self.timeout)
        waiting = dict(enumerate(tasks))
        results: dict[int, QueryRun] = {}
        while waiting or crew.busy:
            try:
                ended = self._start_ready(crew, tasks, waiting, results, queries, cancelled)
                if not ended and crew.busy:
                    key, found = crew.wait()
                    ended = [(key, self._ended(tasks[key], found))]
            except KeyboardInterrupt:
                cancelled = True
                crew.cancel()
                continue
            for key, result in ended:
                results[key] = result
                if result.status == history.CANCELLED and not cancelled:
                    cancelled = True
                    crew.cancel()
                self.watcher.done(result)
        self._results += [results.get(k) or self._result(t, history.CANCELLED) for k, t in enumerate(tasks)]
        return cancelled

    def _start_ready(
        self,
        crew: Crew,
        tasks: list[Task],
        waiting: dict[int, Task],
        results: dict[int, QueryRun],
        queries: Queries,
        cancelled: bool,
    ) -> list[tuple[int, QueryRun]]:
        """Starts what may start; gives what needs no start (skipped, cancelled, reused)."""
        open_ = {t.query for key, t in enumerate(tasks) if key not in results and t.kind == TABLE}
        ended = []
        for key, task in list(waiting.items()):
            if not cancelled and task.needs & (open_ - {task.query}):
                continue
            result = self._result(task, history.CANCELLED) if cancelled else self._without_running(task)
            if result is not None:
                del waiting[key]
                ended.append((key, result))
                continue
            if not crew.free:
                break
            del waiting[key]
            own = queries.fresh()
            self.watcher.start(task.query, task.kind)
            crew.start(key, own, lambda task=task, own=own: self._one(task, own))  # type: ignore[misc]
        return ended

    def _refused(self) -> dict[str, str]:
        """The queries that the privacy firewall refuses, with its message."""
        return refusals(self.dataflow, self.levels) if self._enforced() else {}

    def _enforced(self) -> bool:
        return enforced(self.dataflow, self.firewall, self.workspace.settings().firewall)

    def _behind(self, task: Task) -> str | None:
        """Why the firewall refuses a task: its own query, or an unstaged one that it evaluates."""
        staged = {name for name, q in self.dataflow.queries.items() if q.staged}
        names = [task.query, *sorted(upstream(task.query, self.needs, stop=staged) - staged)]
        return next((self._firewall[n] for n in names if n in self._firewall), None)

    def _without_running(self, task: Task) -> QueryRun | None:
        """The result of a task that cannot run, or need not."""
        if refused := self._behind(task):
            result = self._result(task, history.FAILED)
            result.error = f"Query '{task.query}': {refused}"
            self._bad.add(task.query)
            return result
        missing = sorted(task.needs & self._bad)
        if missing:
            result = self._result(task, history.SKIPPED)
            others = [name for name in missing if name != task.query]
            result.note = f"needs '{others[0]}', which was not refreshed" if others else "was not staged"
            self._bad.add(task.query)
            return result
        if self.reuse and task.kind == TABLE and self.dataflow.queries[task.query].incremental is None:
            decision = self.decision(task, self.made.keys() | self.gone)
            if decision.reuse:
                result = self._result(task, history.REUSED)
                served = self.before.served(task.query)
                assert served is not None
                result.rows, result.bytes, result.engine = served[1].rows, served[1].bytes, CACHED
                result.note = f"is as it was: {decision.why}"
                return result
        return None

    def decision(self, task: Task, remade: Collection[str]) -> Decision:
        """Whether what is served of a query still stands, and why."""
        staged = {name for name, q in self.dataflow.queries.items() if q.staged}
        mark = self.mark(task.query)
        unforeseen = volatile(self.dataflow, self.needs, staged, task.query)
        return decide(task.query, self.before, mark, unforeseen, remade)

    def _ended(self, task: Task, found: Any) -> QueryRun:
        """The result of a task's thread; one that was stopped at its very end has none."""
        if isinstance(found, QueryRun):
            return found
        result = self._result(task, history.CANCELLED)
        if isinstance(found, TimedOut) or not isinstance(found, (Cancelled, KeyboardInterrupt)):
            result.status, result.error = history.FAILED, f"Query '{task.query}': {found or 'stopped'}"
        self._bad.add(task.query)
        return result

    def _publish(self, run: str) -> None:
        """One rename: from now on readers get everything that this run made."""
        made = {query: (item, found.generation) for query, (item, found) in self.made.items()}
        after = evolve(self.before.with_tables(made, self.gone), run=run, about=self.dataflow.about)
        settings = self.workspace.settings()
        staged = [name for name, q in self.dataflow.queries.items() if q.staged]
        after = after.retain(staged, days=settings.retention_days).trimmed(settings.keep_generations)
        after.publish()
        after.collect(ITEMS)

    def _unpublished(self, error: OSError) -> None:
        """Readers keep what they had; nothing that was staged now counts as done."""
        for result in self._results:
            if result.status == history.COMPLETED:
                result.status = history.FAILED
                result.error = f"Query '{result.query}': it could not be published. {os_error(error)}"
                self._bad.add(result.query)
        self.before.collect(ITEMS)

    def _result(self, task: Task, status: str) -> QueryRun:
        return QueryRun(task.query, task.kind, status, history.now())

    def _one(self, task: Task, queries: Queries) -> QueryRun:
        """Runs a task on its thread; whatever goes wrong ends in the result."""
        result = self._result(task, history.COMPLETED)
        started = time.monotonic()
        try:
            self._attempts(task, queries, result)
        except TimedOut:
            result.status = history.FAILED
            result.error = f"Query '{task.query}': it ran longer than {self.timeout:g} s and was stopped."
        except (KeyboardInterrupt, Cancelled):
            result.status = history.CANCELLED
        except Exception as error:
            result.status = history.FAILED
            if isinstance(error, RecursionError):
                error = stack_overflow()
            if isinstance(error, MError):
                keep_frames(error)
            text = describe(error, task.query, queries, self.overrides(task))
            result.error = history.redact(text, queries.secrets())
        if result.status not in (history.COMPLETED, history.REUSED) and task.settings is None:
            self._bad.add(task.query)
        result.seconds = round(time.monotonic() - started, 3)
        return result

    def _attempts(self, task: Task, queries: Queries, result: QueryRun) -> None:
        """Once, and again after a while when a source failed."""
        while True:
            try:
                if task.settings is None:
                    self._stager.stage(task, queries, result)
                else:
                    self._activities.load(task, task.settings, queries, result)
                return
            except MError as error:
                if result.retries >= self.retries or not worth_retrying(error):
                    raise
            result.retries += 1
            pause(wait_before(result.retries))
            queries.forget()

    # ------------------------------------------------------------ phases 1 and 2

    def overrides(self, task: Task) -> dict[str, Any]:
        """The staged tables in place of the queries that the task reads."""
        found = {}
        for name in task.needs - ({task.query} if task.settings is None else set()):
            staged = self.staged(name)
            if staged is not None:
                found[name] = staged
        return found

    def staged(self, query: str) -> Table | None:
        """What this run made of a query, else what is served of it; None for what is no table."""
        if query in self.gone:
            return None
        if query in self.made:
            item, found = self.made[query]
            return staged_table(self.place(query, item).folder, found)
        served = self.before.served(query)
        return None if served is None else staged_table(served[0].folder, served[1])

    def place(self, query: str, item: str) -> Generations:
        """The folder of a query's generations in an item."""
        return generations.table(self.workspace.path / item, self.dataflow.key, query)

    def mark(self, query: str) -> str:
        """What stands for the query's text and parameters."""
        staged = {name for name, q in self.dataflow.queries.items() if q.staged}
        return fingerprint(self.dataflow, self.needs, staged, self.parameters, query)


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
