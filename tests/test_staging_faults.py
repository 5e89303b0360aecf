"""What goes wrong around a refresh: damaged files, locks, full disks, rights, clocks, odd names."""

from __future__ import annotations

import errno
import gc as collector
import json
import os
import resource
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dataflows.making import make, refresh, result, rows, workspace

import mlang
from mlang.syntax.failure import MSyntaxError
from staging import dataflow, gc, history
from staging.errors import DataflowError, StagedDataMissing, StagingError
from staging.history import Run
from staging.refresh import Refresh
from staging.store import files, published
from staging.store.published import Entry, Snapshot

MARKED = """
shared Mark = 0 meta [IsParameterQuery = true, Type = "Number"];
shared A = #table(type table [m = number], {{Mark}, {Mark}});
shared B = Table.SelectRows(A, each [m] >= 0);
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A dataflow that was refreshed with the marks 1 and 2: A in the lakehouse, B in the warehouse."""
    found = make(tmp_path, MARKED)
    for mark in "12":
        assert refresh(found, Mark=mark).status == "Completed"
    return found


def served(place: Path) -> list[float]:
    return [rows(place, q)[0][0] for q in ("A", "B")]


def snapshot_of(place: Path) -> Path:
    return published.snapshot_path(workspace(place).path, place.name)


def part_of(place: Path, query: str) -> Path:
    """The data file that is served of a query."""
    found = published.read(workspace(place).path, place.name).served(query)
    assert found is not None
    return found[0].folder / found[1].parts[0].file


def in_child(work: Callable[[], Any]) -> str:
    """The text that another process gives; for limits and users that cannot be taken back."""
    here, there = os.pipe()
    collector.freeze()  # what earlier tests left (connections, channels) has no threads in the child: nobody ends it there
    pid = os.fork()
    if pid == 0:
        try:
            text = str(work())
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(there, text.encode()[:60_000])
        os._exit(0)
    collector.unfreeze()
    os.close(there)
    with os.fdopen(here, "rb") as pipe:
        found = pipe.read().decode()
    os.waitpid(pid, 0)
    return found


# ---------------------------------------------------------------- damaged files


@pytest.mark.parametrize("damage", ["{", "[]", "", '{"formatVersion": 9}', None])
def test_a_damaged_snapshot_gives_the_last_good_refresh(place: Path, damage: str | None) -> None:
    path = snapshot_of(place)
    if damage is None:
        path.unlink()
    else:
        path.write_text(damage, encoding="utf-8")
    assert served(place) == [1.0, 1.0]
    entity = 'PowerPlatform.Dataflows(null){[Id="Workspaces"]}[Data]{0}[Data]{0}[Data]{[entity="A"]}[Data][m]'
    assert mlang.to_m(mlang.evaluate(entity, base_dir=str(place))) == "{1, 1}"
    assert refresh(place, Mark="3").status == "Completed"
    assert served(place) == [3.0, 3.0]


def test_without_a_good_snapshot_the_cure_is_told(place: Path) -> None:
    path = snapshot_of(place)
    for found in (path, path.with_suffix(".last")):
        found.write_text("{", encoding="utf-8")
    with pytest.raises(StagedDataMissing, match=r"no snapshot of a dataflow\. Refresh the dataflow"):
        served(place)
    home = workspace(place)
    assert gc.collect(home, dry=False).garbage == []  # what it does not understand it does not remove
    assert refresh(place, Mark="3").status == "Completed"
    assert served(place) == [3.0, 3.0]


def test_one_damaged_dataflow_hides_no_other(place: Path) -> None:
    other = make(place.parent, MARKED, name="other")
    refresh(other, Mark="7")
    for found in (snapshot_of(place), snapshot_of(place).with_suffix(".last")):
        found.write_text("{", encoding="utf-8")
    assert served(other) == [7.0, 7.0]
    names = 'PowerPlatform.Dataflows(null){[Id="Workspaces"]}[Data]{0}[Data][dataflowName]'
    assert "other" in mlang.to_m(mlang.evaluate(names, base_dir=str(other)))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


_DAMAGES: dict[str, Callable[[Path], Any]] = {
    "file gone": lambda path: path.unlink(),
    "file cut": _truncate,
    "file of other bytes": lambda path: path.write_bytes(b"nothing of the kind" * 100),
    "generation gone": lambda path: files.remove(path.parent),
    "manifest broken": lambda path: (path.parent / "manifest.json").write_text("{", encoding="utf-8"),
    "manifest gone": lambda path: (path.parent / "manifest.json").unlink(),
    "table gone": lambda path: files.remove(path.parent.parent),
}


@pytest.mark.parametrize("query", ["A", "B"])
@pytest.mark.parametrize("damage", _DAMAGES.values(), ids=_DAMAGES.keys())
def test_damaged_data_are_told_and_made_anew(place: Path, query: str, damage: Callable[[Path], Any]) -> None:
    damage(part_of(place, query))
    with pytest.raises(StagedDataMissing, match=r"Staged table|no manifest") as raised:
        rows(place, query)
    assert "Refresh the dataflow: it makes the table anew." in str(raised.value)
    run = Refresh(dataflow.read(place), workspace(place), {"Mark": "3"}, {}, reuse=True).run()
    assert run.status == "Completed", run
    assert served(place) == [3.0, 3.0]


def test_reuse_looks_whether_the_file_is_there(place: Path) -> None:
    part_of(place, "A").unlink()
    run = Refresh(dataflow.read(place), workspace(place), {"Mark": "2"}, {}, reuse=True).run()
    assert (result(run, "A").status, run.status) == ("Completed", "Completed")
    assert served(place) == [2.0, 2.0]


def test_a_damaged_history_line_is_left_out(place: Path) -> None:
    path = workspace(place).history
    path.write_bytes(b"{broken\n" + path.read_bytes() + b'\xff\xfe\n"text"\n')
    assert len(history.read(path)) == 2
    refresh(place)
    assert len(history.read(path)) == 3


# ---------------------------------------------------------------- broken dataflows, odd names


def test_a_circle_names_its_queries(tmp_path: Path) -> None:
    found = make(tmp_path, "shared A = B; shared B = Table.FirstN(A, 1);")
    with pytest.raises(DataflowError, match="A → B → A"):
        refresh(found)


def test_a_circle_through_a_function_is_recursion(tmp_path: Path) -> None:
    text = """
    shared Down = (n) => if n = 0 then 0 else Parts{0}(n - 1) + 1;
    shared Parts = {Down};
    shared A = #table(type table [a = number], {{Down(3)}});
    """
    place = make(tmp_path, text)
    run = refresh(place)
    assert result(run, "A").status == "Completed", result(run, "A").error
    assert rows(place, "A") == [(3.0,)]


def test_staged_queries_that_wait_for_each_other(tmp_path: Path) -> None:
    text = """
    shared A = Table.Combine({B, #table({"a"}, {})});
    shared B = Get();
    shared Get = () => Table.FirstN(A, 1);
    """
    with pytest.raises(DataflowError, match="in a circle: B → A → B"):
        refresh(make(tmp_path, text))


def test_duplicate_names(tmp_path: Path) -> None:
    with pytest.raises((DataflowError, MSyntaxError), match="A"):
        refresh(make(tmp_path, "shared A = 1; shared A = 2;"))


_NAMES = [
    "a b",
    "../up",
    "/etc/x",
    "C:\\x",
    "😀",
    "con",
    ".",
    "..",
    "x" * 300,
    "ünï",
    "q'\"uote",
    "a\tb",
    "A",
    "a",
]


def test_any_name_is_staged_in_its_place(tmp_path: Path) -> None:
    quoted = ['#"' + n.replace('"', '""').replace("\t", "#(tab)") + '"' for n in _NAMES]
    text = "\n".join(
        f"shared {q} = #table(type table [n = number], {{{{{i}}}}});" for i, q in enumerate(quoted)
    )
    text += f"\nshared All = Table.Combine({{{', '.join(quoted)}}});"
    found = make(tmp_path / "space 😀", text, name="data flow ‘x’")
    before = sorted(tmp_path.rglob("*"))
    run = refresh(found)
    assert run.status == "Completed", [q.error for q in run.queries if q.error]
    assert [rows(found, n) for n in _NAMES] == [[(float(i),)] for i in range(len(_NAMES))]
    assert rows(found, "All") == [(float(i),) for i in range(len(_NAMES))]
    home = workspace(found).path
    made = [p for p in sorted(tmp_path.rglob("*")) if p not in before]
    assert all(home == p or home in p.parents for p in made)
    assert all(p.name.isascii() and len(p.name) < 100 for p in home.rglob("*"))
    gc.delete_dataflow(workspace(found), found)
    assert not list(home.rglob("*.parquet"))


# ---------------------------------------------------------------- two refreshes at once


def test_a_second_refresh_is_told_and_a_dead_one_is_replaced(place: Path) -> None:
    lock = workspace(place).lock(place.name)
    here, there = os.pipe()
    pid = os.fork()
    if pid == 0:
        with files.writer_lock(lock):
            os.write(there, b"x")
            time.sleep(60)
        os._exit(0)
    os.read(here, 1)
    with pytest.raises(StagingError, match=rf"process {pid} on {socket.gethostname()}, since .* Wait for it"):
        refresh(place, Mark="3")
    assert served(place) == [2.0, 2.0]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert refresh(place, Mark="3").status == "Completed"
    assert served(place) == [3.0, 3.0]


def test_a_process_that_got_the_number_of_a_dead_one_holds_nothing(place: Path) -> None:
    lock = workspace(place).lock(place.name)
    about = {"pid": os.getpid(), "host": socket.gethostname(), "start": "1"}
    lock.write_text(json.dumps(about), encoding="utf-8")
    assert refresh(place, Mark="3").status == "Completed"


def test_a_lock_of_another_host_stays(place: Path) -> None:
    lock = workspace(place).lock(place.name)
    about = {"pid": 1, "host": "elsewhere", "start": "", "since": "2026-01-01T00:00:00Z"}
    lock.write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(StagingError, match=r"process 1 on elsewhere.* remove the lock file") as raised:
        refresh(place, Mark="3")
    assert str(lock) in str(raised.value)
    assert lock.exists()


@pytest.mark.parametrize("hours", [-1, 1])
def test_an_old_empty_lock_is_replaced_whatever_the_clock_says(place: Path, hours: int) -> None:
    lock = workspace(place).lock(place.name)
    lock.write_bytes(b"")
    moment = time.time() + hours * 3600
    os.utime(lock, (moment, moment))
    assert refresh(place, Mark="3").status == "Completed"


def test_who_lost_its_lock_does_not_remove_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    other = json.dumps({"pid": 1, "host": "elsewhere"})
    with files.writer_lock(path):
        path.write_text(other, encoding="utf-8")  # removed by hand, and taken by another
    assert path.read_text(encoding="utf-8") == other


def test_of_many_writers_one_gets_the_lock(tmp_path: Path) -> None:
    path, got, inside = tmp_path / "x.lock", [], threading.Event()
    barrier = threading.Barrier(8)

    def write() -> None:
        barrier.wait()
        try:
            with files.writer_lock(path):
                got.append(1)
                inside.wait(5)
        except StagingError:
            got.append(0)
        if len(got) == 8:
            inside.set()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 5
    while len(got) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    inside.set()
    for thread in threads:
        thread.join()
    assert sum(got) == 1


# ---------------------------------------------------------------- disks and rights


BIG = """
shared A = #table(type table [m = text], List.Transform({1..200000}, each {Text.From(_ * 7919.5)}));
shared B = Table.SelectRows(A, each [m] <> "");
"""


@pytest.mark.parametrize("limit", [4_000, 200_000, 1_500_000])
def test_a_full_disk(tmp_path: Path, limit: int) -> None:
    found = make(tmp_path, MARKED)
    refresh(found, Mark="1")
    make(tmp_path, "shared Mark = 0 meta [IsParameterQuery = true];" + BIG)

    def run() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        done = refresh(found)
        return json.dumps([done.status, [q.error for q in done.queries if q.status == "Failed"]])

    status, errors = json.loads(in_child(run))
    assert status == "Failed"
    assert "disk is full" in errors[0] or "File too large" in errors[0], errors
    assert served(found) == [1.0, 1.0]  # whatever was staged, nothing damaged is served
    make(tmp_path, MARKED)
    assert refresh(found, Mark="2").status == "Completed"
    assert served(found) == [2.0, 2.0]
    assert not list(workspace(found).path.rglob("tmp-*"))


LOADED = """
[DataDestinations = {%s}]
shared A = #table(type table [m = text], List.Transform({1..%d}, each {Text.From(_ * 7919.5)}));
shared D = DuckDB.Database("x.duckdb"){[Schema = "main", Item = "T"]}?[Data]?;
shared S = SQLite.Database("x.sqlite"){[Schema = "main", Item = "T"]}?[Data]?;
shared C = File.Contents("x.csv");
shared P = File.Contents("x.parquet");
"""
ENTRY = '[Definition = [Kind = "Reference", QueryName = "{}"], Settings = [Kind = "Automatic"]]'


def test_a_disk_that_is_full_while_destinations_are_written(tmp_path: Path) -> None:
    entries = ", ".join(ENTRY.format(name) for name in "DSCP")
    found = make(tmp_path, LOADED % (entries, 5), unstaged=("A",))
    assert refresh(found).status == "Completed"
    make(tmp_path, LOADED % (entries, 200_000), unstaged=("A",))

    def run() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, 900_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        return json.dumps([str(q.error) for q in refresh(found).queries])

    errors = json.loads(in_child(run))
    assert all("Free some room" in error or "disk I/O error" in error for error in errors), errors
    sources = [f"'{found / name}'" for name in ("x.csv", "x.parquet")]
    duckdb.execute(f"ATTACH '{found / 'x.duckdb'}' AS held (READ_ONLY)")
    for source in (*sources, "held.T"):
        assert duckdb.execute(f"SELECT count(*) FROM {source}").fetchall() == [(5,)]
    duckdb.execute("DETACH held")
    with closing(sqlite3.connect(found / "x.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM T").fetchall() == [(5,)]
    assert not list(found.glob(".x.*"))


def test_a_disk_that_is_full_when_it_is_published(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Snapshot, "publish", full)
    run = refresh(place, Mark="3")
    monkeypatch.undo()
    assert run.status == "Failed"
    assert "could not be published. The disk is full." in str(result(run, "A").error)
    assert served(place) == [2.0, 2.0]


def test_a_disk_that_is_full_when_the_history_is_written(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(history, "append", full)
    run = refresh(place, Mark="3")
    assert (run.status, served(place)) == ("Completed", [3.0, 3.0])
    assert str(run.error).startswith("The run is not in the history: The disk is full.")


needs_root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="gives up root's rights")


@pytest.fixture
def open_place(place: Path) -> Iterator[Path]:
    """The dataflow in a folder that other users may pass."""
    for folder in [place.parent, *place.parent.parents][:5]:
        if folder.name.startswith(("pytest", "popen", "test_")):  # a worker of pytest-xdist has its own
            folder.chmod(0o755)
    for found in [place.parent, *place.parent.rglob("*")]:
        found.chmod(0o555 if found.is_dir() else 0o444)
    yield place
    for found in [place.parent, *place.parent.rglob("*")]:
        found.chmod(0o755 if found.is_dir() else 0o644)


@needs_root
def test_readers_need_no_right_to_write(open_place: Path) -> None:
    def read() -> Any:
        os.setuid(65534)
        entity = (
            'PowerPlatform.Dataflows(null){[Id="Workspaces"]}[Data]{0}[Data]{0}[Data]{[entity="B"]}[Data]'
        )
        return served(open_place), mlang.to_m(mlang.evaluate(entity + "[m]", base_dir=str(open_place)))

    assert in_child(read) == "([2.0, 2.0], '{2, 2}')"


@needs_root
def test_a_workspace_without_the_right_to_write(open_place: Path) -> None:
    def write() -> Any:
        os.setuid(65534)
        return refresh(open_place, Mark="3")

    found = in_child(write)
    assert found.startswith("StagingError: The workspace can't be written: Permission denied"), found
    assert "change the rights" in found
    assert served(open_place) == [2.0, 2.0]


@needs_root
def test_a_table_without_the_right_to_write(place: Path, open_place: Path) -> None:
    home = workspace(place).path
    for found in (home, home / "locks", home / "published", *(home / "locks").iterdir()):
        found.chmod(0o777)

    def write() -> Any:
        os.setuid(65534)
        run = refresh(open_place, Mark="3")
        return run.status, result(run, "A").error

    found = in_child(write)
    assert found.startswith("('Failed', \"Query 'A': Permission denied ("), found
    assert "Change the rights of the file and its folder" in found
    assert served(open_place) == [2.0, 2.0]


# ---------------------------------------------------------------- clocks


def test_a_clock_that_goes_back_keeps_order_and_retention(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = 86_400
    snapshot = Snapshot(place, "d", {"Q": Entry("item", (1,))})
    ahead = snapshot.retain((), now=1000 * day)  # the clock was wrong by years
    noted = ahead.retain((), now=10 * day)
    assert noted.entries["Q"].unstaged == 10 * day
    assert "Q" in noted.retain((), now=39 * day).entries
    assert "Q" not in noted.retain((), now=41 * day).entries
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 30 * day)
    assert refresh(place, Mark="3").status == "Completed"
    assert served(place) == [3.0, 3.0]
    numbers = published.read(workspace(place).path, place.name).entries["A"].kept
    assert numbers == (3, 2, 1)


def test_history_is_in_the_order_of_writing(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    for name, start in (("first", "2026-02-01T00:00:00Z"), ("second", "2025-01-01T00:00:00Z")):
        history.append(path, Run(name, "d", start, start, "Completed", 0.0))
    assert [r["id"] for r in history.read(path)] == ["second", "first"]


# ---------------------------------------------------------------- views


def test_a_view_is_settled_before_it_is_staged(tmp_path: Path) -> None:
    text = """
    shared Rows = #table(type table [m = number], {{1}, {2}, {3}});
    shared V = Table.View(null, [
        GetType = () => type table [m = number],
        GetRows = () => error "the whole table was read",
        OnTake = (n) => Table.FirstN(Rows, n)]);
    shared A = Table.FirstN(V, 2);
    """
    found = make(tmp_path, text, unstaged=("Rows", "V"))
    run = refresh(found)
    assert run.status == "Completed", [q.error for q in run.queries]
    assert rows(found, "A") == [(1.0,), (2.0,)]


def test_a_view_over_staged_data_folds(tmp_path: Path) -> None:
    text = """
    shared Rows = #table(type table [m = number], {{1}, {2}, {3}});
    shared V = Table.View(null, [
        GetType = () => type table [m = number], GetRows = () => Rows,
        OnTake = (n) => Table.FirstN(Rows, n)]);
    shared A = Table.FirstN(V, 2);
    """
    found = make(tmp_path, text, unstaged=("V",))
    run = refresh(found)
    assert rows(found, "A") == [(1.0,), (2.0,)]
    assert result(run, "A").engine == history.CACHED_FOLDED
