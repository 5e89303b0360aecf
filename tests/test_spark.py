"""Dataflows on Sail and Spark: same values, types and errors as on DuckDB; what happens when a server fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spark_servers
from conftest import ROOT
from database_servers import Missing, _free_port
from dataflows.making import make, result, rows
from spark_tables import address_or_skip, engine, evaluated, parquet, session
from test_examples import retail

import mlang
from folding.engines import spark, spark_server
from mlang.errors import Cancelled, MError
from mlang.session import current, use
from mlang.tables.table import Table
from staging import spark as staging_spark
from staging.dataflow import read
from staging.errors import StagingError
from staging.history import Run
from staging.planning import plan
from staging.refresh import Refresh, staged_value
from staging.workspace import Workspace

FLOW = """
shared Source = #table(type table [k = Int64.Type, g = text, x = number, d = date],
    List.Transform({1..COUNT}, each {_, {"a", "b", "ß", null}{Number.Mod(_, 4)}, _ / 8, #date(2020, 1, 1)}));
shared Names = #table(type table [g = text, name = text], {{"a", "A"}, {null, "nothing"}, {"z", "Z"}});
shared Totals = Table.Sort(Table.Group(Source, {"g"}, {{"n", each Table.RowCount(_), Int64.Type},
    {"s", each List.Sum([x]), type number}, {"first", each List.First([k]), Int64.Type}}), {{"n", Order.Descending}, "g"});
shared Joined = let nested = Table.NestedJoin(Source, "g", Names, "g", "n", JoinKind.LeftOuter),
    expanded = Table.ExpandTableColumn(nested, "n", {"name"}),
    made = Table.AddColumn(expanded, "later", each Date.AddMonths([d], 1), type date) in Table.SelectRows(made, each [k] > 2);
shared Odd = Table.AddColumn(Joined, "first", each Text.Proper([name]), type text);
shared Broken = Table.AddColumn(Source, "y", each if [k] = 3 then error "bad" else [x], type number);
"""
STAGED = ("Totals", "Joined", "Odd", "Broken")


@pytest.fixture(params=["Sail", "Spark"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    address = address_or_skip(request.param)
    with engine(address):
        yield address


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries that servers got."""
    found: list[str] = []
    told = spark.SparkQuery._read
    monkeypatch.setattr(
        spark.SparkQuery, "_read", lambda self, *more: found.append(self.sql()) or told(self, *more)
    )
    return found


def flow(folder: Path, count: int = 50) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return make(folder, FLOW.replace("COUNT", str(count)))


def refreshed(place: Path, name: str, **settings: Any) -> Run:
    return Refresh(read(place), Workspace.beside(place), {}, {"engine": name}, **settings).run()


# ---------------------------------------------------------------- the same answers


def test_retail(server: str, tmp_path: Path, asked: list[str]) -> None:
    """The example dataflow: what is written is what DuckDB writes."""
    there, here = retail(tmp_path / "there", "spark"), retail(tmp_path / "here", "duckdb")
    assert there[:3] == here[:3]
    assert len(asked) >= 2
    mine, others = ({q.query: (q.rows, q.errors) for q in run.queries} for run in (there[3], here[3]))
    assert mine == others


def test_a_dataflow(server: str, tmp_path: Path, asked: list[str]) -> None:
    """Groups, joins, dates, steps that do not fold, error cells: values, types, errors; staged as Parquet only."""
    found = {}
    for name in ("spark", "duckdb"):
        place = flow(tmp_path / name)
        run = refreshed(place, name)
        assert [q.query for q in run.queries if q.status != "Completed"] == []
        found[name] = [
            (
                rows(place, q),
                staged_value(Workspace.beside(place), place.name, q).schema,
                result(run, q).errors,
            )
            for q in STAGED
        ]
    assert found["spark"] == found["duckdb"]
    assert len(asked) >= 2
    assert not list((tmp_path / "spark").glob("**/*.duckdb"))


def test_errors_are_those_of_m(server: str) -> None:
    table = parquet({"k": "whole", "x": "number"}, [[1.0, 0.5], [2.0, None], [0.0, 1.0]])
    for m in (
        'each Table.AddColumn(_, "y", each [x] / [k])',
        "each Table.SelectRows(_, each if [x] > 1 then true else false)",
        'each Table.Group(_, {"k"}, {{"s", each List.Sum([missing])}})',
        'each Table.SelectRows(_, each Text.Start("abc", [k] - 1) = "a")',
    ):
        assert evaluated(m, "spark", table) == evaluated(m, "none", table)


# ---------------------------------------------------------------- choosing


def test_nothing_of_spark_is_imported_unless_asked_for() -> None:
    code = 'import sys, mlang; mlang.evaluate(\'Table.RowCount(Table.Sort(#table({"a"}, List.Transform({1..20000}, each {_})), "a"))\'); '
    code += "import staging.refresh; assert not [m for m in sys.modules if 'spark' in m and m != 'staging.spark'], sys.modules"
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)} | {"MLANG_ENGINE": "auto"}
    subprocess.run([sys.executable, "-c", code], check=True, env=surroundings, cwd=ROOT)


@pytest.mark.usefixtures("proper_without_form")
def test_the_plan_names_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server is asked: a plan must not wait for one."""
    monkeypatch.setenv("MLANG_SPARK", "sc://127.0.0.1:1")
    place = flow(tmp_path)
    refreshed(place, "duckdb")
    for query in ("Totals", "Joined"):  # what the warehouse holds only this machine reads
        assert line(place, query, "spark").engine == "Spark (sc://127.0.0.1:1)"
    assert line(place, "Odd", "spark").engine.startswith("DuckDB and interpreter (not Spark: ")
    auto = line(place, "Totals", "auto")
    assert auto.engine == "DuckDB"
    assert auto.chosen.endswith(" MB, fits; --engine spark would run it on sc://127.0.0.1:1")
    monkeypatch.setattr(staging_spark, "_SHARE", 0)
    large = " MB, more than half of the memory; --engine spark runs it on "
    assert line(place, "Totals", "auto").chosen.endswith(large + "sc://127.0.0.1:1")
    monkeypatch.delenv("MLANG_SPARK")
    assert line(place, "Totals", "auto").chosen.endswith(large + "a cluster (MLANG_SPARK)")


def test_auto_says_which_engine_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no Spark is configured, too."""
    monkeypatch.delenv("MLANG_SPARK", raising=False)
    place = flow(tmp_path)
    assert line(place, "Source", "auto").chosen == "it reads nothing that is staged"
    assert line(place, "Totals", "auto").chosen == "what it reads is not staged yet"
    refreshed(place, "duckdb")
    assert line(place, "Totals", "auto").chosen.endswith(" MB, fits")
    assert line(place, "Totals", "duckdb").chosen == ""
    command = [sys.executable, "-m", "mlang", "plan", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "DuckDB: 0.0 MB, fits" in " ".join(done.stdout.split()), done


def test_the_plan_names_the_steps_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over what is staged for a cluster; by the command, too."""
    spark_servers_or_skip()
    place = flow(tmp_path)
    with engine(address_or_skip("Sail")):
        assert refreshed(place, "spark").status == "Completed"
    with engine("sc://127.0.0.1:1"):
        assert (
            line(place, "Odd", "spark").engine == "Spark (sc://127.0.0.1:1), on the workers: Table.AddColumn"
        )
        command = [
            sys.executable,
            "-m",
            "mlang",
            "plan",
            str(place),
            "--json",
            "--spark-url",
            "sc://127.0.0.1:1",
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert '"engine": "Spark (sc://127.0.0.1:1), on the workers: Table.AddColumn"' in done.stdout, done.stderr


def line(place: Path, query: str, engine: str) -> Any:
    found = plan(Refresh(read(place), Workspace.beside(place), {}, {"engine": engine}))
    return next(p for p in found if p.query == query)


def test_the_workspace_chooses(tmp_path: Path) -> None:
    found = Workspace(tmp_path)
    found.change(engine="spark")
    assert found.settings().engine == "spark"
    found.change(engine="cluster")
    with pytest.raises(StagingError, match="engine can't be 'cluster'"):
        found.settings()


# ---------------------------------------------------------------- failures


def failure(m: str, *tables: Any) -> str:
    return evaluated(m, "spark", *tables)


def test_no_server() -> None:
    spark_servers_or_skip()
    table = parquet({"k": "whole"}, [[1.0], [2.0]])
    port = _free_port()
    with engine(f"sc://127.0.0.1:{port}"):
        said = failure('each Table.Sort(_, "k")', table)
        assert said.startswith(f"DataSource.Error: Spark server sc://127.0.0.1:{port}: nobody answers")
        assert "MLANG_SPARK" in said
    for address in ("http://localhost", "sc://", "sc://host:x"):
        with engine(address):
            assert "this is no Spark Connect address" in failure('each Table.Sort(_, "k")', table)


def spark_servers_or_skip() -> None:
    try:
        spark_servers.client()
    except Missing as no:
        pytest.skip(str(no))


def test_somebody_else_answers() -> None:
    """A port where something else listens."""
    spark_servers_or_skip()
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        def hang_up() -> None:
            while True:
                try:
                    other.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        with engine(f"sc://127.0.0.1:{port}"):
            said = failure('each Table.Sort(_, "k")', parquet({"k": "whole"}, [[1.0], [2.0]]))
            assert said.startswith(
                f"DataSource.Error: Spark server sc://127.0.0.1:{port}: no session could be opened"
            )


def test_a_session_that_ended_while_it_rested(server: str) -> None:
    """The next evaluation opens another one; it does not go to the interpreter."""
    table = parquet({"k": "whole"}, [[2.0], [1.0]])
    with use(session()):
        before = spark_server.current()
        before.session.client.release_session()
        before.used -= 1000
        after = spark_server.current()
        assert after is not before
        made = mlang.evaluate('each Table.Sort(_, "k")', engine="spark", culture="en-US").fn(
            Table(table.plan)
        )
        assert [b.columns[0] for b in spark.query_of(made.plan).batches()] == [[1.0, 2.0]]


def test_an_old_server(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_server, "OLDEST", (99, 0))
    with pytest.raises(MError, match=r"its version is \d+\.\d+\.\d+\. mlang needs Spark 4\.0 or later"):
        spark_server.SparkServer(server)


def test_a_file_that_workers_cannot_see(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from folding.engines import spark_leaves

    table = parquet({"k": "whole"}, [[1.0], [2.0]])
    made = spark_leaves.FilesOrigin.__init__

    def elsewhere(self: Any, *given: Any) -> None:
        made(self, *given)
        self.paths = [path + ".elsewhere" for path in self.paths]
        self.planned = self._state()

    monkeypatch.setattr(spark_leaves.FilesOrigin, "__init__", elsewhere)
    monkeypatch.setattr("folding.engines.database.identity", lambda path: (path, 0, 0, 0))
    said = failure('each Table.Sort(_, "k")', table)
    assert said.startswith(f"DataSource.Error: Spark server {server}: it "), said
    assert "elsewhere" in said
    assert "all workers see" in said


def test_a_server_that_dies(tmp_path: Path) -> None:
    """The refresh fails and names the server, the last good generation stays, and a new server serves again."""
    place = flow(tmp_path, 20)
    try:
        with spark_servers.sail() as (address, _), engine(address):
            assert refreshed(place, "spark").status == "Completed"
            before = rows(place, "Totals")
        make(tmp_path, FLOW.replace("COUNT", "30"))
        with engine(address):
            run = refreshed(place, "spark", retries=0)
            assert run.status == "Failed"
            error = str(result(run, "Totals").error)
            assert "DataSource.Error" in error
            assert address in error
            assert rows(place, "Totals") == before
        with spark_servers.sail() as (address, _), engine(address):
            assert refreshed(place, "spark").status == "Completed"
            assert rows(place, "Totals") != before
    except Missing as no:
        pytest.skip(str(no))


def test_a_connection_that_is_cut(tmp_path: Path) -> None:
    """In the middle of a result."""
    try:
        with spark_servers.sail() as (address, process), engine(address):
            table = parquet({"k": "whole", "c": "whole"}, [[float(i), 1.0] for i in range(2000)])
            m = '(t) => Table.Join(t, "c", Table.PrefixColumns(t, "r"), "r.c")'
            with use(session()):
                made = mlang.evaluate(m, engine="spark", culture="en-US").fn(Table(table.plan))
                parts = made.batches()
                next(parts)
                process.kill()
                with pytest.raises(MError, match=r"Spark server sc://.*: the connection was lost"):
                    for _ in parts:
                        pass
    except Missing as no:
        pytest.skip(str(no))


def test_stopping(server: str) -> None:
    """Whoever stops the evaluation stops the job."""
    table = parquet({"k": "whole", "c": "whole"}, [[float(i), 1.0] for i in range(60000)])
    m = 'each Table.Group(Table.Join(_, "c", Table.PrefixColumns(_, "r"), "r.c"), {"k"}, {{"s", each List.Max([r.k])}})'
    with use(session()):
        made = mlang.evaluate(m, engine="spark", culture="en-US").fn(Table(table.plan))
        query = spark.query_of(made.plan)
        parts = query.reader()
        threading.Timer(1.5, current().fixed["folding.cursor"].interrupt).start()
        start = time.monotonic()
        with pytest.raises(Cancelled):
            for _ in parts:
                pass
        assert time.monotonic() - start < 30


ENDING = """
import sys
import mlang, spark_servers
from spark_tables import engine, evaluated, parquet
context = spark_servers.sail()
address, process = context.__enter__()
with engine(address):
    table = parquet({"k": "whole"}, [[2.0], [1.0]])
    print(evaluated('each Table.Sort(_, "k")', "spark", table))
    if sys.argv[1] != "stopped":
        process.kill()
        process.wait()
    if sys.argv[1] == "asked":
        print(evaluated('each Table.Sort(_, "k")', "spark", table))
if sys.argv[1] == "stopped":
    context.__exit__(None, None, None)
"""


@pytest.mark.parametrize("how", ["stopped", "killed", "asked"])
def test_the_end_of_the_process(how: str) -> None:
    """Whether the server goes before the process or not: nothing but the error of a query that was asked in vain."""
    address_or_skip("Sail")
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    done = subprocess.run(
        [sys.executable, "-c", ENDING, how], capture_output=True, text=True, check=False, env=surroundings
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "#table(type table [k = nullable number], {{1}, {2}})", done
    assert done.stderr == ""
    if how == "asked":
        assert "the connection was lost (failed to connect to all addresses" in lines[1]
