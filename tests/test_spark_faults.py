"""What fails on a cluster in the middle of a refresh: it completes, or the old generation stays; nothing is half published.

A worker or an executor killed, the driver lost, the connection cut, a stop, files that change or vanish.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spark_servers
from database_servers import Missing
from dataflows.making import make, result, rows, workspace
from spark_tables import address_or_skip, all_or_skip, engine, evaluated, parquet
from test_spark import refreshed

from folding.engines import spark_leaves, spark_writes
from staging import cluster
from staging.history import Run
from staging.store import published

#: Each row with all others of its group: a minute of work for rows that fit one page.
FLOW = """
shared S = #table(type table [k = Int64.Type, c = Int64.Type], List.Transform({1..COUNT}, each {_, Number.Mod(_, 2)}));
shared Small = Table.SelectRows(Table.Sort(S, {{"k", Order.Descending}}), each [k] <= 50);
shared Slow = Table.Group(Table.Join(S, "c", Table.PrefixColumns(S, "r"), "r.c"), {"k"},
    {{"s", each List.Max([r.k]), Int64.Type}, {"n", each Table.RowCount(_), Int64.Type}});
"""
GROUP = 'each Table.Group(_, {"k"}, {{"s", each List.Max([x]), type number}})'


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows: the cluster writes."""
    monkeypatch.setattr(cluster, "ROWS", 0)


def dataflow(folder: Path, count: int) -> Path:
    return make(folder, FLOW.replace("COUNT", str(count)))


@contextmanager
def at_work(action: Callable[[], None], after: float = 2.0) -> Iterator[list[float]]:
    """Does something so many seconds after the slow query began to be written; gives when."""
    original, done = spark_writes.Writing.run, []

    def run(self: Any, *given: Any) -> Any:
        if "max(" in self.query.sql().lower() and not done:
            done.append(0.0)

            def act() -> None:
                done[0] = time.monotonic()
                action()

            threading.Timer(after, act).start()
        return original(self, *given)

    spark_writes.Writing.run = run  # type: ignore[method-assign]
    try:
        yield done
    finally:
        spark_writes.Writing.run = original  # type: ignore[method-assign]


def generations(place: Path) -> dict[str, int]:
    """What readers get."""
    found = published.read(workspace(place).path, place.name)
    return {query: entry.generation for query, entry in found.entries.items()}


def leftovers(place: Path) -> list[Path]:
    """What was being built, in the workspace."""
    return [p for p in workspace(place).path.rglob("*") if p.name.startswith(("tmp-", "spark-", ".probe"))]


def expected(count: int) -> list[tuple[float, float, float]]:
    """The rows of the slow query."""
    top = {n % 2: float(n) for n in range(1, count + 1)}
    sizes = {n: float(len(range(2 - n, count + 1, 2))) for n in (0, 1)}
    return [(float(k), top[k % 2], sizes[k % 2]) for k in range(1, count + 1)]


@contextmanager
def own_spark() -> Iterator[tuple[str, list[Any]]]:
    """A cluster that may be broken."""
    try:
        started = spark_servers.spark()
        address, processes = started.__enter__()
    except Missing as no:
        pytest.skip(str(no))
    try:
        with engine(address):
            yield address, processes
    finally:
        started.__exit__(None, None, None)


def executors(worker: Any) -> list[int]:
    """The processes that a worker started for its tasks."""
    listed = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").parent.parent.glob("*/children")
    return [int(pid) for path in listed for pid in path.read_text().split()]


# ---------------------------------------------------------------- a cluster that loses parts


def test_killed_executors_workers_and_driver(tmp_path: Path) -> None:
    """An executor and a worker: their stages are done again.  The driver: the old generation stays."""
    with own_spark() as (address, processes):
        place = dataflow(tmp_path, 200)
        assert refreshed(place, "spark").status == "Completed"
        assert rows(place, "Slow") == expected(200)
        count = 6000
        dataflow(tmp_path, count)

        def harm() -> None:
            for pid in executors(processes[1]):
                os.kill(pid, signal.SIGKILL)  # its worker starts another one
            time.sleep(1)
            for pid in executors(processes[0]):
                os.kill(pid, signal.SIGKILL)
            processes[0].kill()

        with at_work(harm, 1.0) as done:
            run = refreshed(place, "spark", retries=0)
        assert [(q.query, q.error) for q in run.queries if q.status != "Completed"] == []
        assert done[0] > 0, "nothing was killed in the middle"
        assert rows(place, "Slow") == expected(count)
        assert result(run, "Slow").note is None
        before = generations(place)

        dataflow(tmp_path, count + 1000)
        with at_work(processes[-1].kill, 1.0) as done:
            run = refreshed(place, "spark", retries=0)
        assert done[0] > 0
        said = str(result(run, "Slow").error)
        assert "DataSource.Error" in said
        assert f"Spark server {address}: the connection was lost" in said
        assert run.status == "Failed"
        assert generations(place)["Slow"] == before["Slow"]
        assert rows(place, "Slow") == expected(count)
        assert leftovers(place) == []


# ---------------------------------------------------------------- connections


class Wire:
    """A connection between client and server that can be cut."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("sc://").partition(":")
        self.target = (host, int(port))
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"sc://127.0.0.1:{self.listening.getsockname()[1]}"
        self.ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listening.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            self.ends += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                end.close()

    def cut(self, for_good: bool) -> None:
        """Drops what is connected; for good: nobody can connect again."""
        if for_good and self.listening.fileno() >= 0:
            self.listening.shutdown(socket.SHUT_RDWR)
            self.listening.close()
        for end in self.ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it was closed


@pytest.mark.parametrize("for_good", [False, True])
@pytest.mark.parametrize("name", ["Sail", "Spark"])
def test_a_cut_connection(name: str, for_good: bool, tmp_path: Path) -> None:
    """In the middle of what the cluster writes."""
    wire = Wire(all_or_skip(name))
    with engine(wire.address):
        place = dataflow(tmp_path, 200)
        assert refreshed(place, "spark").status == "Completed"
        before = generations(place)
        count = 20_000 if name == "Sail" else 3000
        dataflow(tmp_path, count)
        with at_work(lambda: wire.cut(for_good), 0.5) as done:
            run = refreshed(place, "spark", retries=0 if for_good else 2)
        assert done
        if for_good:
            assert run.status == "Failed"
            assert f"Spark server {wire.address}: the connection was lost" in str(result(run, "Slow").error)
            assert generations(place)["Slow"] == before["Slow"]
            assert rows(place, "Slow") == expected(200)
        else:
            assert [(q.query, q.error) for q in run.queries if q.status != "Completed"] == []
            assert rows(place, "Slow") == expected(count)
        assert leftovers(place) == []
    wire.cut(True)


# ---------------------------------------------------------------- stopping


@pytest.mark.parametrize("name", ["Sail", "Spark"])
def test_ctrl_c_stops_the_job(name: str, tmp_path: Path) -> None:
    """The refresh is cancelled soon, nothing is published, and the server is free for others."""
    with engine(address_or_skip(name)):
        place = dataflow(tmp_path, 200)
        assert refreshed(place, "spark").status == "Completed"
        before = generations(place)
        dataflow(tmp_path, 200_000)
        earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with at_work(lambda: os.kill(os.getpid(), signal.SIGINT)) as done:
                run = refreshed(place, "spark")
            taken = time.monotonic() - done[0]
        finally:
            signal.signal(signal.SIGINT, earlier)
        assert run.status == "Cancelled"
        assert done[0] > 0
        assert taken < 30
        assert generations(place) == before
        assert rows(place, "Slow") == expected(200)
        assert leftovers(place) == []
        start = time.monotonic()
        dataflow(tmp_path, 201)
        assert refreshed(place, "spark").status == "Completed"
        assert time.monotonic() - start < 60  # the join of 200,000 rows would hold both cores for hours


def test_a_deadline_stops_the_job(tmp_path: Path) -> None:
    with engine(address_or_skip("Sail")):
        place = dataflow(tmp_path, 200_000)
        run: Run = refreshed(place, "spark", timeout=8.0)
        assert "it ran longer than 8 s" in str(result(run, "Slow").error)
        assert len(rows(place, "Small")) == 50
        assert leftovers(place) == []


# ---------------------------------------------------------------- files


@pytest.fixture(params=["Sail", "Spark"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    address = address_or_skip(request.param)
    with engine(address):
        yield address


def meddled(monkeypatch: pytest.MonkeyPatch, action: Callable[[str], None], when: str) -> None:
    """Something happens to the file before a step of opening it: after the plan, before the workers read."""
    original = getattr(spark_leaves.FilesOrigin, when)

    def step(self: Any, *given: Any) -> Any:
        action(self.paths[0])
        return original(self, *given)

    monkeypatch.setattr(spark_leaves.FilesOrigin, when, step)


def vanish(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def change(path: str) -> None:
    pq.write_table(pa.table({"k": ["a", "b"], "x": [1, 2], "rn": [1, 2]}), path)


@pytest.mark.parametrize(
    ("action", "when", "words"),
    [
        (vanish, "open", "vanished since the query was planned"),
        (vanish, "_made", "all workers see"),
        (change, "open", "changed since the query was planned"),
    ],
)
def test_a_file_that_is_not_what_was_planned(
    server: str, monkeypatch: pytest.MonkeyPatch, action: Callable[[str], None], when: str, words: str
) -> None:
    """It vanishes, or other columns stand under a snapshot: named with server and cure, and nobody reads the others."""
    table = parquet({"k": "whole", "x": "number"}, [[1.0, 0.5], [2.0, None]])
    path = table.plan.source.path  # type: ignore[attr-defined]
    meddled(monkeypatch, action, when)
    said = evaluated(GROUP, "spark", table)
    assert said.startswith(f"DataSource.Error: Spark server {server}: "), said
    assert path in said
    assert words in said


def test_other_columns_at_the_last_moment() -> None:
    """What Apache Spark says of it."""
    server = address_or_skip("Spark")
    with engine(server), pytest.MonkeyPatch.context() as patch:
        meddled(patch, change, "_made")
        table = parquet({"k": "whole", "x": "number"}, [[1.0, 0.5], [2.0, None]])
        said = evaluated(GROUP, "spark", table)
        assert said.startswith(f"DataSource.Error: Spark server {server}: a file isn't what the query"), said
        assert "Repeat" in said
