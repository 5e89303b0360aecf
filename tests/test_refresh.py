"""Refreshes: several queries at a time, deadlines, retries, reuse, drift, validation, plans, garbage."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import ROOT
from dataflows.making import make, result, rows, workspace

from mlang import evaluate
from mlang.errors import data_source_error
from staging import gc
from staging.check import check
from staging.dataflow import read
from staging.errors import DataflowError
from staging.history import Run
from staging.parameters import gathered
from staging.planning import plan
from staging.queries import Queries
from staging.refresh import Refresh
from staging.stager import Stager
from staging.store import published
from staging.workspace import Workspace

TWO = """
shared A = Table.TransformColumnTypes(
    Csv.Document(File.Contents("in.csv"), [Columns = {"a"}]), {{"a", Int64.Type}});
shared B = Table.SelectRows(A, each [a] > 1);
shared C = #table(type table [c = number], {{1}});
"""


def prepared(place: Path, **settings: Any) -> Refresh:
    return Refresh(read(place), Workspace.beside(place), **settings)


def refresh(place: Path, **settings: Any) -> Run:
    return prepared(place, **settings).run()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    found = make(tmp_path, TWO)
    (found / "in.csv").write_text("1\n2\n3\n", encoding="utf-8")
    return found


# ---------------------------------------------------------------- several at a time


def test_queries_run_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # 48, 65
    text = "\n".join(f"shared Q{i} = #table(type table [a = number], {{{{{i}}}}});" for i in range(6))
    place = make(tmp_path, text, computeEngineSettings={"maxConcurrency": 3})
    assert read(place).concurrency == 3
    seen, most, lock = [0], [0], threading.Lock()
    original = Stager.stage

    def stage(self: Stager, *arguments: Any) -> None:
        with lock:
            seen[0] += 1
            most[0] = max(most[0], seen[0])
        time.sleep(0.05)
        original(self, *arguments)
        with lock:
            seen[0] -= 1

    monkeypatch.setattr(Stager, "stage", stage)
    run = refresh(place)
    assert run.status == "Completed"
    assert [q.query for q in run.queries] == [f"Q{i}" for i in range(6)]  # the order of the document
    assert 2 <= most[0] <= 3
    assert [rows(place, f"Q{i}") for i in range(6)] == [[(float(i),)] for i in range(6)]


def test_loads_to_one_file_take_turns(tmp_path: Path) -> None:
    text, target = "", 'DuckDB.Database("out/x.duckdb"){[Schema = "main", Item = "%s"]}?[Data]?'
    for i in range(5):
        attribute = f'[DataDestinations = {{[Definition = [Kind = "Reference", QueryName = "T{i}"], Settings = [Kind = "Automatic"]]}}]'
        text += f"{attribute} shared Q{i} = #table(type table [a = number], {{{{{i}}}}});\n"
        text += f"shared T{i} = {target % f'Q{i}'};\n"
    assert refresh(make(tmp_path, text), jobs=5).status == "Completed"


ENDLESS = """
shared A = let f = (n) => if n < 0 then n else @f(Number.Mod(n + 1, 1000)) in #table(type table [a = number], {{f(1)}});
shared B = #table(type table [b = number], {{1}});
shared C = Table.SelectRows(A, each true);
"""


def test_a_deadline_stops_one_query_only(tmp_path: Path) -> None:  # 49, 67
    run = refresh(make(tmp_path, ENDLESS), timeout=0.5)
    assert [(q.query, q.status) for q in run.queries] == [
        ("A", "Failed"),
        ("B", "Completed"),
        ("C", "Skipped"),
    ]
    assert result(run, "A").error == "Query 'A': it ran longer than 0.5 s and was stopped."


def test_interrupt_ends_all_and_publishes_nothing(tmp_path: Path) -> None:  # 3
    place = make(tmp_path, ENDLESS)
    command = [sys.executable, "-m", "mlang", "refresh", str(place), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert {q["query"]: q["status"] for q in json.loads(out)["queries"]}["A"] == "Cancelled"
    assert published.read(workspace(place).path, place.name).entries == {}


# ---------------------------------------------------------------- retries


@pytest.mark.parametrize(("failures", "status", "retries"), [(1, "Completed", 1), (9, "Failed", 2)])
def test_a_failing_source_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, status: str, retries: int
) -> None:  # 66
    monkeypatch.setattr("staging.refresh.wait_before", lambda attempt: 0.01 * attempt)
    left = [failures]

    (tmp_path / "x").write_bytes(b"7")

    def flaky(path: str) -> str:
        if left[0]:
            left[0] -= 1
            raise data_source_error("The server is busy.")
        return str(tmp_path / path)

    monkeypatch.setattr("mlang.connectors.file.absolute", flaky)
    text = 'shared A = let t = Text.FromBinary(File.Contents("x")) in if t = "" then error "no" else #table(type table [a = text], {{t}});'
    run = refresh(make(tmp_path, text), jobs=1)
    found = result(run, "A")
    assert (found.status, found.retries) == (status, retries)


# ---------------------------------------------------------------- parameters


def test_parameters_from_file_environment_and_command_line(tmp_path: Path) -> None:  # 34
    members = {
        m.name: m.value
        for m in read(make(tmp_path, 'shared N = 1 meta [IsParameterQuery = true, Type = "Number"]; '
                           'shared L = true meta [IsParameterQuery = true, Type = "Logical"]; '
                           'shared T = "" meta [IsParameterQuery = true, Type = "Text"];')).tree.sections[0].members
    }  # fmt: skip
    file = tmp_path / "p.json"
    file.write_text('{"N": 2, "T": "file", "L": false}', encoding="utf-8")
    found = gathered(members, {"N": "4"}, file, {"MLANG_PARAM_T": "env", "MLANG_PARAM_Other": "x"})
    assert found == {"N": "4", "T": "env", "L": False}
    file.write_text("[1]", encoding="utf-8")
    with pytest.raises(DataflowError, match="must hold a JSON object"):
        gathered(members, {}, file)


@pytest.mark.parametrize(
    ("given", "message"), [({"N": True}, "is of type Number; true"), ({"T": 1.0}, "of type Text")]
)
def test_values_of_a_file_must_have_the_type(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    place = make(tmp_path, 'shared N = 1 meta [IsParameterQuery = true, Type = "Number"]; '
                 'shared T = "" meta [IsParameterQuery = true, Type = "Text"];')  # fmt: skip
    with pytest.raises(DataflowError, match=message):
        refresh(place, parameters=given)


# ---------------------------------------------------------------- reuse and plan


def statuses(run: Run) -> dict[str, str]:
    return {q.query: q.status for q in run.queries}


def test_what_has_not_changed_is_used_again(place: Path) -> None:  # 44
    assert set(statuses(refresh(place)).values()) == {"Completed"}
    again = refresh(place, reuse=True)
    assert statuses(again) == {"A": "Cached", "C": "Cached", "B": "Cached"}
    assert again.status == "Completed"
    assert "nothing it reads has changed" in str(result(again, "A").note)
    (place / "in.csv").write_text("1\n2\n3\n4\n", encoding="utf-8")
    assert statuses(refresh(place, reuse=True)) == {"A": "Completed", "C": "Cached", "B": "Completed"}
    assert rows(place, "B") == [(2.0,), (3.0,), (4.0,)]
    make(place.parent, TWO.replace("> 1", "> 2"))
    assert statuses(refresh(place, reuse=True)) == {"A": "Cached", "C": "Cached", "B": "Completed"}
    assert rows(place, "B") == [(3.0,), (4.0,)]


def test_the_clock_is_never_reused(tmp_path: Path) -> None:
    place = make(tmp_path, "shared A = #table(type table [a = datetime], {{DateTime.LocalNow()}});")
    refresh(place)
    assert statuses(refresh(place, reuse=True)) == {"A": "Completed"}


def test_a_plan_says_why(place: Path) -> None:  # 45
    first = plan(prepared(place, reuse=True))
    assert [(p.query, p.action, p.why) for p in first] == [
        ("A", "run", "it was never staged"), ("C", "run", "it was never staged"),
        ("B", "run", "it was never staged"),
    ]  # fmt: skip
    refresh(place)
    (place / "in.csv").write_text("9\n", encoding="utf-8")
    found = {p.query: p for p in plan(prepared(place, reuse=True))}
    assert found["A"].why.endswith("in.csv changed")
    assert (found["B"].why, found["B"].engine, found["B"].needs) == ("'A' is refreshed", "DuckDB", ["A"])
    assert found["C"].action == "reuse"
    assert len(rows(place, "A")) == 3  # nothing ran


def test_a_plan_shows_schema_changes(place: Path) -> None:  # 11
    refresh(place)
    make(
        place.parent, TWO.replace("[c = number]", "[c = text, d = logical]").replace("{{1}}", '{{"x", true}}')
    )
    found = {p.query: p for p in plan(prepared(place))}
    assert found["C"].changes == ["column 'c' changes from number to text", "column 'd' is new (logical)"]


# ---------------------------------------------------------------- validation without rows


def test_check_finds_schemas_without_rows(tmp_path: Path) -> None:  # 31
    place = make(
        tmp_path,
        """
        shared A = #table(type table [a = number, b = text], {{error "never read", "x"}});
        shared B = Table.Group(A, {"b"}, {{"n", each Table.RowCount(_), Int64.Type}});
        shared Bad = Table.SelectColumns(A, {"zz"});
        shared Any = #table({"x"}, {});
        shared Row = #table(type table [k = number], {{A{0}[b]}});
        """,
    )
    found = {s.query: s for s in check(read(place), Queries(read(place), {}, {}))}
    assert found["B"].columns == {"b": "text", "n": "Int64.Type"}
    assert "The column 'zz' of the table wasn't found." in str(found["Bad"].error)
    assert found["Any"].problems
    assert found["Row"].good
    assert not workspace(place).path.exists()


# ---------------------------------------------------------------- drift


def test_drift_is_reported_and_can_be_refused(tmp_path: Path) -> None:  # 11, 23
    text = 'shared A = #table(type table [a = number, b = text], {{1, "x"}}); shared B = Table.FirstN(A, 1);'
    place = make(tmp_path, text)
    refresh(place)
    make(tmp_path, text.replace("b = text", "b = any").replace("b = any", "c = text"))
    run = refresh(place, schema="freeze")
    assert statuses(run) == {"A": "Failed", "B": "Skipped"}
    assert result(run, "A").error == (
        "Query 'A': column 'b' is gone (was text); column 'c' is new (text). Read by B. "
        "The schema is frozen; what is served stays as it was."
    )
    assert rows(place, "B") == [(1.0, "x")]
    run = refresh(place)
    assert run.status == "Completed"
    assert "column 'c' is new (text). Read by B." in str(result(run, "A").drift)


# ---------------------------------------------------------------- garbage


def test_garbage_collection(place: Path) -> None:  # 4
    home = workspace(place)
    for _ in range(3):
        refresh(place)
    home.change(keep_generations=1, retention_days=10)
    seen = gc.collect(home, dry=True)
    assert len(seen.garbage) == 6
    assert len(list(home.path.rglob("gen-*"))) == 9
    assert all("an old generation of" in g.why for g in seen.garbage)
    done = gc.collect(home, dry=False)
    assert (len(done.garbage), done.left) == (6, gc.usage(home.path))
    assert len(list(home.path.rglob("gen-*"))) == 3
    make(place.parent, TWO, unstaged=("C",))
    refresh(place)
    week, month = time.time() + 7 * 86_400, time.time() + 30 * 86_400
    assert not [g for g in gc.collect(home, True, week).garbage if "C-" in str(g.path)]
    assert [g.why for g in gc.collect(home, False, month).garbage if "C-" in str(g.path)] == [
        "staging of 'C' has been off for 10 days"
    ]
    assert sorted(published.read(home.path, place.name).entries) == ["A", "B"]


def test_a_deleted_dataflow_is_garbage_at_once(place: Path) -> None:  # 4
    home = workspace(place)
    refresh(place)
    for path in sorted(place.iterdir()):
        path.unlink()
    place.rmdir()
    assert {g.why for g in gc.collect(home, False).garbage} == {"its dataflow was deleted"}
    assert not list(home.path.rglob("gen-*"))


def mlang(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlang", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment}, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_delete_asks_first(place: Path) -> None:  # 4
    refresh(place)
    refused = mlang("delete", str(place))
    assert refused.returncode == 2
    assert "say --yes" in refused.stderr
    assert mlang("delete", str(place), "--yes").returncode == 0
    assert [p.name for p in place.iterdir()] == ["in.csv"]  # the user's own file stays
    assert not list(workspace(place).path.rglob("gen-*"))
    assert mlang("delete", str(workspace(place).path), "--yes").returncode == 0
    assert not workspace(place).path.exists()


@pytest.mark.parametrize("most", [3, 1_000_000])
def test_sums_are_made_as_runs_make_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """The engine is asked how many rows a view has, also when its sums are staged: in order while they are few."""
    monkeypatch.setattr("folding.aggregates.ORDERED_ROWS", most)
    with duckdb.connect(str(tmp_path / "d.duckdb")) as database:
        database.execute(
            "CREATE TABLE a AS SELECT * FROM (VALUES (1, 1e16), (1, 1.0), (1, 1.0), (1, -1e16)) t(k, v)"
        )
        database.execute("CREATE VIEW w AS SELECT * FROM a")
    view = f'DuckDB.Database("{tmp_path / "d.duckdb"}"){{[Schema = "main", Item = "w"]}}[Data]'
    summed = f'Table.Group({view}, {{"k"}}, {{{{"s", each List.Sum([v]), type number}}}})'
    place = make(tmp_path, f"shared T = {summed};")
    refresh(place, session={"engine": "duckdb"})
    assert rows(place, "T") == list(evaluate(summed, engine="duckdb").rows())
    assert rows(place, "T") == [(1, 0.0 if most > 3 else 2.0)]


def test_commands(place: Path) -> None:
    assert mlang("check", str(place)).returncode == 0
    assert mlang("refresh", str(place), "--jobs", "2", "--timeout", "100").returncode == 0
    done = mlang("plan", str(place), "--reuse", "--json")
    assert [p["action"] for p in json.loads(done.stdout)] == ["reuse"] * 3
    done = mlang("staging", "settings", str(place), "--retention-days", "5", "--reuse", "--json")
    assert json.loads(done.stdout)["retentionDays"] == 5
    assert "Cached" in mlang("refresh", str(place)).stdout
    lines = mlang("history", str(place), "--csv", "-n", "1").stdout.splitlines()  # 64
    assert lines[0].startswith(
        "Requested on,Dataflow name,Dataflow refresh status,Entity name,Partition name"
    )
    assert ",t.Dataflow,Completed,A,FullRefreshPolicyPartition,Cached," in lines[1]
    assert json.loads(mlang("staging", "gc", str(place), "--dry-run", "--json").stdout)["garbage"] == []
