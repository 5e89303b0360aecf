"""The processes of ``kill_refresh.py``: refreshes that tell where they are, readers, and a checker.

Processes are forked from one that has everything imported and runs nothing itself, so that a refresh
takes a fraction of a second.  Marks grow; a refresh that follows a kill has the kill's mark plus a million,
so ``Watch`` compares what is served by order of publishing (the run number in ``order``).
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import mmap
import os
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

from attrs import define, field
from dataflows.making import make

from mlang import registry
from mlang.errors import MError
from staging import activities, gc, history, refresh
from staging import dataflow as dataflows
from staging.activities import Activities
from staging.errors import StagedDataMissing
from staging.stager import Stager
from staging.store import files
from staging.store.published import Snapshot
from staging.workspace import LAKEHOUSE, Workspace

START, STAGING, PUBLISH, COLLECT, DESTINATION, HISTORY, GC, DONE = range(1, 9)
NAMES = {
    0: "fork", START: "start", STAGING: "staging", PUBLISH: "publish", COLLECT: "collect", DESTINATION: "destination",
    HISTORY: "history", GC: "gc", DONE: "done",
}  # fmt: skip
_TABLES = ("A", "B", "C")
#: Settings of the victims' sessions: credentials.
SESSION: dict[str, Any] = {}
_DOCUMENT = """section Section1;
shared Mark = 0 meta [IsParameterQuery = true, Type = "Number"];
shared Numbers = #table(type table [Id = number], List.Transform({{1..{rows}}}, each {{_}}));
[DataDestinations = {{{duck}, {csv}}}]
shared A = Table.AddColumn(Numbers, "Mark", each Mark, type number);
[DataDestinations = {{{lite}}}]
shared B = Table.AddColumn(Numbers, "Mark", each Mark, type number);
[DataDestinations = {{{parquet}}}]
shared C = Table.SelectRows(A, each [Id] > 0);
shared Duck = DuckDB.Database("out/x.duckdb"){{[Schema = "main", Item = "T"]}}?[Data]?;
shared Lite = SQLite.Database("out/x.sqlite"){{[Schema = "main", Item = "T"]}}?[Data]?;
shared Text = File.Contents("out/x.csv");
shared Parquet = File.Contents("out/x.parquet");
"""


def dataflow(folder: Path, rows: int) -> Path:
    """The dataflow whose refreshes are killed."""
    entry = '[Definition = [Kind = "Reference", QueryName = "{}"], Settings = [Kind = "Automatic"]]'
    targets = {"duck": "Duck", "csv": "Text", "lite": "Lite", "parquet": "Parquet"}
    text = _DOCUMENT.format(rows=rows, **{k: entry.format(q) for k, q in targets.items()})
    return make(folder, text, unstaged=("Numbers",))


def load_modules(place: Path) -> None:
    """Imports what a refresh and its readers import, as a first one in another process tells; starts no thread."""
    here, there = Pipe()
    if os.fork() == 0:
        known = set(sys.modules)
        _refresh(place, 0)
        served(place, 0)
        there.send(sorted(n for n in set(sys.modules) - known if not n.startswith("_")))
        os._exit(0)
    there.close()
    for name in here.recv():
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            with contextlib.suppress(ImportError):  # made by another module while it was imported
                importlib.import_module(name)
    os.wait()
    registry.load_all()


class Board:
    """One byte that a victim writes and the killer reads, and how long each phase took."""

    def __init__(self) -> None:
        self.memory = mmap.mmap(-1, 256)

    @property
    def phase(self) -> int:
        return self.memory[0]

    @property
    def appended(self) -> bool:
        """Whether the victim has committed an append."""
        return self.memory[1] == 1

    def reset(self) -> None:
        self.memory[0] = self.memory[1] = 0

    def set(self, phase: int) -> None:
        """The victim enters a phase; the time of the one before is noted in milliseconds."""
        now = time.monotonic_ns() // 100_000
        old = self.memory[0]
        if old == phase:
            return
        if old:
            spent = now - int.from_bytes(self.memory[8:16], "little")
            self.memory[16 + 8 * old : 24 + 8 * old] = max(spent, 0).to_bytes(8, "little")
        self.memory[8:16] = now.to_bytes(8, "little")
        self.memory[0] = phase

    def typical(self, phase: int) -> float:
        """Seconds that a phase took when it last ended."""
        return min(int.from_bytes(self.memory[16 + 8 * phase : 24 + 8 * phase], "little") / 10_000, 5.0)


# ---------------------------------------------------------------- victims


def start(place: Path, mark: int, board: Board, kind: str) -> int:
    """Forks a refresh or a garbage collection; it exits with 0 when all went well."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        board.set(START)
        _tell(board)
        code = 0 if (_collect(place, board) if kind == "gc" else _refresh(place, mark)) else 1
        board.set(DONE)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _refresh(place: Path, mark: int) -> bool:
    run = refresh.Refresh(
        dataflows.read(place), Workspace.beside(place), {"Mark": str(mark)}, dict(SESSION)
    ).run()
    if run.status != history.COMPLETED:
        print([(q.query, q.kind, q.status, q.error, q.note) for q in run.queries if q.status != "Completed"])
    return run.status == history.COMPLETED


def _collect(place: Path, board: Board) -> bool:
    """Collects garbage, of which there is some: builds, old generations, a dataflow that never ended."""
    workspace = Workspace.beside(place)
    item = workspace.path / LAKEHOUSE
    for folder in (
        item / files.safe_name(place.name) / files.safe_name("A") / f"tmp-{os.getpid()}",
        item / files.safe_name(place.name) / files.safe_name("Gone") / "gen-000001",
        item / files.safe_name("never") / files.safe_name("A") / "tmp-1",
    ):
        for number in range(30):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"part-{number:05d}.parquet").write_bytes(b"x" * 1000)
    board.set(GC)
    return not gc.collect(workspace, dry=False).busy


def _tell(board: Board) -> None:
    """Lets the phases of this process write on the board."""

    def wrap(owner: Any, name: str, phase: int) -> None:
        old = getattr(owner, name)

        def telling(*arguments: Any, **named: Any) -> Any:
            if board.phase != GC:
                board.set(phase)
            return old(*arguments, **named)

        setattr(owner, name, telling)

    wrap(Stager, "stage", STAGING)
    wrap(refresh.Refresh, "_publish", PUBLISH)
    wrap(Activities, "load", DESTINATION)
    wrap(history, "append", HISTORY)
    _tell_appends(board)
    old = Snapshot.collect

    def collect(self: Snapshot, items: Any) -> None:
        if board.phase == PUBLISH:
            board.set(COLLECT)
        old(self, items)

    Snapshot.collect = collect  # type: ignore[method-assign]


def _tell_appends(board: Board) -> None:
    """Lets an append say that its rows are committed, while its refresh still runs."""
    load = activities.load

    def telling(target: Any, path: Path, settings: Any, *others: Any) -> Any:
        found = load(target, path, settings, *others)
        if settings.update == "Append":
            board.memory[1] = 1
        return found

    activities.load = telling


# ---------------------------------------------------------------- readers


@define
class Check:
    """What is there: the mark that is served, that of each destination, what is wrong."""

    staged: float | None
    destinations: dict[str, float | None]
    problems: list[str] = field(factory=list)


def served(place: Path, count: int) -> tuple[float, list[str]]:
    """The mark that the dataflow connector serves in one evaluation, and what is wrong with the tables."""
    import mlang

    tables = ", ".join(f'D{{[entity="{t}", version=""]}}[Data]' for t in _TABLES)
    text = (
        'let D = PowerPlatform.Dataflows(null){[Id="Workspaces"]}[Data]{0}[Data]{0}[Data] in '
        f"List.Transform({{{tables}}}, each {{Table.RowCount(_), List.Min([Mark]), List.Max([Mark])}})"
    )
    found = mlang.to_python(mlang.evaluate(text, base_dir=str(place)))
    problems = [
        f"table {t}: {f}" for t, f in zip(_TABLES, found, strict=True) if f[0] != count or f[1] != f[2]
    ]
    if len({f[1] for f in found}) > 1:
        problems.append(f"tables of different refreshes: {found}")
    return found[0][1], problems


def check(place: Path, count: int) -> Check:
    """Everything, while nobody writes."""
    mark, problems = served(place, count)
    marks: dict[str, float | None] = {}
    for name, look in _DESTINATIONS.items():
        found = look(place / "out")
        marks[name] = found[1]
        if found[0] != count or found[1] != found[2]:
            problems.append(f"{name}: {found}")
    return Check(mark, marks, problems)


_COUNT = "SELECT count(*), min(Mark), max(Mark) FROM "


def _duckdb(folder: Path) -> Any:
    import duckdb

    with duckdb.connect(str(folder / "x.duckdb"), read_only=True) as connection:
        return connection.execute(_COUNT + "T").fetchone()


def _sqlite(folder: Path) -> Any:
    connection = sqlite3.connect(folder / "x.sqlite")  # who reads first undoes what a killed writer left
    try:
        return connection.execute(_COUNT + "T").fetchone()
    finally:
        connection.close()


def _file(name: str) -> Callable[[Path], Any]:
    def look(folder: Path) -> Any:
        import duckdb

        return duckdb.connect().execute(f"{_COUNT} '{folder / name}'").fetchone()

    return look


_DESTINATIONS: dict[str, Callable[[Path], Any]] = {
    "DuckDB": _duckdb, "SQLite": _sqlite, "Parquet": _file("x.parquet"), "CSV": _file("x.csv"),
}  # fmt: skip


class Watch:
    """What one reader has seen."""

    def __init__(self, place: Path, count: int) -> None:
        self.place, self.count = place, count
        self.found: dict[str, Any] = {"reads": 0, "again": 0, "problems": []}
        self._last: dict[bool, float] = {}

    def look(self) -> None:
        """Reads all tables once; notes what is wrong, and marks that go back."""
        try:
            mark, problems = served(self.place, self.count)
        except MError as error:
            if isinstance(error, StagedDataMissing) or error.reason == "DataSource.Error":
                self.found["again"] += 1
                return
            mark, problems = 0.0, [f"reader: {error}"]
        except Exception as error:
            mark, problems = 0.0, [f"reader: {type(error).__name__}: {error}"]
        self.found["reads"] += 1
        self.found["problems"] += problems
        order = mark % 1_000_000 * 2 + (mark >= 1_000_000)
        if not problems and order < self._last.get(True, 0):
            self.found["problems"].append(f"reader: mark {mark} after {self._last}")
        self._last[True] = order


class Reader:
    """A process that reads until it is stopped."""

    def __init__(self, make_watch: Callable[[], Watch]) -> None:
        self._pipe, there = Pipe()
        self.pid = os.fork()
        if self.pid:
            there.close()
        else:
            watch, parent = make_watch(), os.getppid()
            while not there.poll(0.8):
                if os.getppid() != parent:
                    os._exit(1)  # the killer itself died; other readers keep the pipe open
                watch.look()
            there.send(watch.found)
            os._exit(0)

    def stop(self) -> dict[str, Any]:
        """What it has seen."""
        self._pipe.send(None)
        found: dict[str, Any] = self._pipe.recv()
        os.waitpid(self.pid, 0)
        return found


class Worker:
    """A process that answers one question."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._pipe, there = Pipe()
        self.pid = os.fork()
        if self.pid:
            there.close()
        else:
            self._pipe.close()
            while True:
                try:
                    there.recv()
                except EOFError:
                    os._exit(0)
                try:
                    there.send(answer())
                except BaseException as error:
                    there.send(Check(None, {}, [f"{type(error).__name__}: {error}"]))

    def ask(self) -> Any:
        """The answer."""
        self._pipe.send(None)
        return self._pipe.recv()
