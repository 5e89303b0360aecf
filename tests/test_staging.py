"""Staging: dataflow files, refreshes, and what is left after failures."""

from __future__ import annotations

import errno
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from dataflows.making import make, members, refresh, result, rows, workspace

from mlang.syntax.failure import MSyntaxError
from mlang.values.show import to_m
from mlang.values.types import NAMED
from staging import dataflow, graph, history
from staging.errors import DataflowError, StagedDataMissing
from staging.refresh import staged_value
from staging.store import generations, lakehouse, published
from staging.tasks import outlook
from staging.workspace import Workspace

N = NAMED


# ---------------------------------------------------------------- dataflow files


def test_which_queries_are_staged(tmp_path: Path) -> None:
    place = make(
        tmp_path,
        """
        shared P = "x" meta [IsParameterQuery = true, Type = "Text"];
        shared F = (a) => a;
        [DataDestinations = {[Definition = [Kind = "Reference", QueryName = "T", IsNewTarget = true],
          Settings = [Kind = "Manual", UpdateMethod = [Kind = "Append"], AllowCreation = false,
            DynamicSchema = true,
            ColumnSettings = [Mappings = {[SourceColumnName = "a", DestinationColumnName = "b"]}]]]}]
        shared A = #table({"a"}, {});
        shared Off = A;
        shared T = File.Contents("x.csv");
        """,
        unstaged=("Off",),
        customThing={"kept": 1},
    )
    found = dataflow.read(place)
    assert [n for n, q in found.queries.items() if q.staged] == ["A"]
    assert found.metadata["customThing"] == {"kept": 1}
    settings = found.queries["A"].destinations[0]
    assert (settings.update, settings.allow_creation, settings.dynamic_schema) == ("Append", False, True)
    assert settings.mappings == (("a", "b"),)


def test_single_document_and_section_attributes(tmp_path: Path) -> None:
    path = tmp_path / "one.pq"
    path.write_text('[StagingDefinition = [Kind = "FastCopy"]] section S; shared A = 1;', encoding="utf-8")
    found = dataflow.read(path)
    assert found.attributes["StagingDefinition"] == {"Kind": "FastCopy"}
    assert (found.name, found.key) == ("one", "one.pq")


@pytest.mark.parametrize(
    ("text", "metadata", "message"),
    [
        ("1 + 1", None, "is one expression"),
        ("section S; shared A = 1;", "{", "is not JSON"),
        ("section S; shared A = 1;", '{"formatVersion": "1"}', "formatVersion '1'"),
        ('section S; [DataDestinations = {[Definition = [QueryName = "B"]]}] shared A = 1;', None, "'B'"),
        ("section S; [DataDestinations = 1] shared A = 1;", None, "must be a list"),
        ("section S; [BindToDefaultDestination = true] shared A = 1;", None, "default destination"),
    ],
)  # fmt: skip
def test_broken_dataflows(tmp_path: Path, text: str, metadata: str | None, message: str) -> None:
    place = tmp_path / "x.Dataflow"
    place.mkdir()
    (place / "mashup.pq").write_text(text, encoding="utf-8")
    if metadata is not None:
        (place / "queryMetadata.json").write_text(metadata, encoding="utf-8")
    with pytest.raises(DataflowError, match=message):
        dataflow.read(place)


def test_missing_and_broken_m(tmp_path: Path) -> None:
    with pytest.raises(DataflowError, match="no dataflow at"):
        dataflow.read(tmp_path / "nothing")
    with pytest.raises(DataflowError, match=r"no mashup\.pq"):
        dataflow.read(tmp_path)
    place = make(tmp_path, "section S;\nshared A = let x = in x;")
    with pytest.raises(MSyntaxError) as raised:
        dataflow.read(place)
    assert raised.value.line == 2


# ---------------------------------------------------------------- who needs whom


def test_references_respect_scopes() -> None:
    node = members(
        "shared X = let A = B, C = A & @C, D = (E) => E + F in [G = A, H = G + I] & S!J & {each _[K]};"
    )["X"]
    assert graph.references(node) == {"B", "F", "I", "J"}


def test_order_and_circles() -> None:
    needs = graph.dependencies(
        members("shared C = B + A; shared A = 1; shared B = A; shared R = (n) => @R(n - 1);")
    )
    assert graph.order(needs, needs, recursive=["R"]) == ["A", "B", "C", "R"]
    circle = graph.dependencies(members("shared A = B; shared B = let x = C in x; shared C = A;"))
    with pytest.raises(DataflowError, match="A → B → C → A"):
        graph.order(circle, circle)
    local = graph.dependencies(members("shared A = let B = 1 in B; shared B = A;"))
    assert graph.order(local, local) == ["A", "B"]


def test_phases(tmp_path: Path) -> None:
    place = make(
        tmp_path,
        "shared C = B; shared B = Mid; shared Mid = A; shared A = #table({}, {}); shared Z = #table({}, {});",
        unstaged=("Mid",),
    )
    tasks = outlook(dataflow.read(place)).tasks
    assert [(task.query, sorted(task.needs)) for task in tasks] == [
        ("A", []),
        ("Z", []),
        ("B", ["A"]),
        ("C", ["B"]),
    ]
    only = outlook(dataflow.read(place), ["C"]).tasks
    assert [task.query for task in only] == ["A", "B", "C"]
    assert [task.query for task in outlook(dataflow.read(place), ["C"], lambda name: True).tasks] == ["C"]


# ---------------------------------------------------------------- refreshes

ORDERS = """
shared Orders = Table.FromRows({{1, "a"}, {2, "b"}, {3, "a"}}, type table [Id = number, Kind = text]);
shared Kinds = Table.Group(Orders, {"Kind"}, {{"N", each Table.RowCount(_), Int64.Type}});
"""


def test_refresh_stages_queries(tmp_path: Path) -> None:
    place = make(tmp_path, ORDERS)
    run = refresh(place)
    assert run.status == "Completed"
    assert rows(place, "Orders") == [(1.0, "a"), (2.0, "b"), (3.0, "a")]
    assert rows(place, "Kinds") == [("a", 2.0), ("b", 1.0)]
    orders = result(run, "Orders")
    assert (orders.rows, orders.engine) == (3, "Cached")
    assert orders.bytes
    assert (tmp_path / ".mlang" / "DataflowsStagingLakehouse").is_dir()
    assert list((tmp_path / ".mlang" / "DataflowsStagingWarehouse").rglob("data-*.duckdb"))


@pytest.mark.parametrize("engine", ["duckdb", "none"])
def test_columns_keep_their_places_in_both_stores(tmp_path: Path, engine: str) -> None:
    place = make(
        tmp_path,
        """
        shared A = #table(type table [p = number, q = number, a = number, A = number],
            {{1, 10, 100, 1000}, {2, 20, 200, 2000}, {1, 30, 300, 3000}});
        shared B = Table.SelectRows(A, each [p] > 0);
        shared C = Table.Group(B, {"p"}, {{"q", each List.Sum([q]), type number}, {"A", each List.Sum([A]), type number}});
        shared D = Table.Group(A, {"p"}, {{"a", each List.Sum([a]), type number}, {"q", each List.Sum([q]), type number}});
        """,
    )
    run = refresh(place, session={"engine": engine})
    assert run.status == "Completed", run
    assert rows(place, "B") == [
        (1.0, 10.0, 100.0, 1000.0),
        (2.0, 20.0, 200.0, 2000.0),
        (1.0, 30.0, 300.0, 3000.0),
    ]
    assert rows(place, "C") == [(1.0, 40.0, 4000.0), (2.0, 20.0, 2000.0)]
    assert rows(place, "D") == [(1.0, 400.0, 40.0), (2.0, 200.0, 20.0)]
    if engine == "duckdb":
        assert {q.query: q.engine for q in run.queries} == {
            "A": "Cached", "B": "Cached + Folded", "C": "Cached + Folded", "D": "Cached + Folded",
        }  # fmt: skip


@pytest.mark.parametrize("engine", ["duckdb", "none"])
@pytest.mark.parametrize("part_rows", [100_000, 3])
def test_steps_fold_beside_columns_of_ticks_and_offsets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, part_rows: int
) -> None:
    """Times, durations, offsets and datetimes finer than a microsecond do not keep a table out of the engine."""
    monkeypatch.setattr(lakehouse, "PART_ROWS", part_rows)
    monkeypatch.setattr(lakehouse, "GROUP_ROWS", part_rows)
    place = make(
        tmp_path,
        """
        shared A = #table(type table [id = number, t = nullable time, d = nullable duration, z = nullable datetimezone, f = nullable datetime], {
            {1, #time(1, 2, 3), #duration(1, 0, 0, 0.5), #datetimezone(2020, 1, 1, 0, 0, 0, 2, 0), #datetime(2020, 1, 1, 0, 0, 0)},
            {2, null, #duration(-1, 0, 0, 0), #datetimezone(1999, 12, 31, 23, 0, 0, -5, 30), Date.EndOfDay(#datetime(2020, 1, 1, 0, 0, 0))},
            {3, #time(23, 59, 59), null, null, null},
            {4, #time(0, 0, 0), #duration(0, 1, 0, 0), #datetimezone(2021, 6, 1, 12, 0, 0, 0, 0), #datetime(1, 1, 1, 0, 0, 0)},
            {5, #time(12, 0, 0), #duration(0, 0, 0, 1.25), #datetimezone(9999, 12, 31, 23, 59, 59, 0, 0), #datetime(9999, 12, 31, 23, 59, 59)}});
        shared B = Table.SelectRows(A, each [id] > 1);
        shared C = Table.AddColumn(Table.SelectRows(B, each [d] = null or [d] < #duration(0, 2, 0, 0)), "h", each Time.Hour([t]), type number);
        shared D = Table.Group(B, {"t"}, {{"m", each List.Max([f]), type datetime}, {"s", each List.Sum([d]), type duration}});
        shared E = Table.Sort(B, {{"f", Order.Descending}});
        """,
    )
    run = refresh(place, session={"engine": engine})
    assert run.status == "Completed", run
    with_engine = {name: [tuple(map(to_m, row)) for row in rows(place, name)] for name in "ABCDE"}
    assert [row[0] for row in with_engine["B"]] == ["2", "3", "4", "5"]
    assert [row[0] for row in with_engine["C"]] == ["2", "3", "4", "5"]
    assert [row[5] for row in with_engine["C"]] == ["null", "23", "0", "12"]
    assert [row[0] for row in with_engine["E"]] == ["5", "2", "4", "3"]
    assert with_engine["A"][1:] == with_engine["B"]
    assert with_engine["D"][0][1:] == (with_engine["A"][1][4], with_engine["A"][1][2])
    if engine == "duckdb":
        folded = {q.query: q.engine for q in run.queries}
        assert {folded[name] for name in "BCDE"} == {"Cached + Folded"}, folded


@pytest.mark.parametrize("engine", ["duckdb", "none"])
def test_a_table_of_several_files_keeps_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setattr(lakehouse, "PART_ROWS", 10_000)
    monkeypatch.setattr(lakehouse, "GROUP_ROWS", 5_000)
    place = make(
        tmp_path,
        """
        shared A = Table.FromColumns({List.Transform({1..70000}, each Number.Mod(_ * 7919, 70001))},
            type table [n = number]);
        shared B = Table.SelectRows(A, each [n] <= 60000);
        """,
    )
    run = refresh(place, session={"engine": engine})
    assert run.status == "Completed", run
    parts = list(workspace(place).lakehouse.glob("*/A-*/gen-*/*.parquet"))
    assert len(parts) >= 2
    expected = [(float(i * 7919 % 70001),) for i in range(1, 70001)]
    assert rows(place, "A") == expected
    assert rows(place, "B") == [row for row in expected if row[0] <= 60000]


def test_a_reference_reads_the_staged_table_not_the_source(tmp_path: Path) -> None:
    place = make(
        tmp_path,
        """
        shared Source = Table.TransformColumnTypes(
            Csv.Document(File.Contents("in.csv"), [Columns = {"a"}]), {{"a", Int64.Type}});
        shared Copy = Table.SelectRows(Source, each [a] > 1);
        """,
    )
    (place / "in.csv").write_text("1\n2\n3\n", encoding="utf-8")
    assert refresh(place).status == "Completed"
    (place / "in.csv").unlink()
    run = refresh(place, "Copy")
    assert run.status == "Completed"
    assert [q.query for q in run.queries] == ["Copy"]
    assert rows(place, "Copy") == [(2.0,), (3.0,)]


def test_what_is_no_table_is_not_staged(tmp_path: Path) -> None:
    place = make(tmp_path, "shared N = 5; shared A = #table(type table [a = number], {{N}});")
    run = refresh(place)
    assert run.status == "Completed"
    assert result(run, "N").note == "is not staged: its value is a number"
    assert rows(place, "A") == [(5.0,)]


def test_failure_skips_dependents_and_keeps_the_last_good_data(tmp_path: Path) -> None:
    good = """
    shared A = #table(type table [a = number], {{1}});
    shared B = Table.AddColumn(A, "b", each [a] + 1, type number);
    shared C = #table(type table [c = number], {{7}});
    """
    place = make(tmp_path, good)
    assert refresh(place).status == "Completed"
    broken = """
    shared A = let
        Typed = #table(type table [a = number], {{1}}),
        Sum = Table.TransformColumns(Typed, {"a", each _ + 1}),
        Missing = Table.SelectColumns(Sum, {"zz"})
      in Missing;
    shared B = Table.AddColumn(A, "b", each [a] + 1, type number);
    shared C = #table(type table [c = number], {{8}});
    """
    make(tmp_path, broken)
    run = refresh(place)
    assert run.status == "Failed"
    failed_run = result(run, "A")
    assert failed_run.status == "Failed"
    assert failed_run.error is not None
    assert failed_run.error.startswith("Query 'A', step 'Missing' (mashup.pq:")
    assert "The column 'zz' of the table wasn't found." in failed_run.error
    assert result(run, "B").status == "Skipped"
    assert result(run, "C").status == "Completed"
    assert rows(place, "A") == [(1.0,)]
    assert rows(place, "B") == [(1.0, 2.0)]
    assert rows(place, "C") == [(8.0,)]


def test_a_missing_file_names_query_and_step(tmp_path: Path) -> None:
    place = make(
        tmp_path,
        """
        shared A = let
            Source = Csv.Document(File.Contents("none.csv")),
            Named = Table.PromoteHeaders(Source)
        in Named;
        """,
    )
    run = refresh(place)
    error = result(run, "A").error
    assert error is not None
    assert "Query 'A', step 'Source'" in error
    assert "none.csv" in error


def test_error_cells_are_warned_about(tmp_path: Path) -> None:
    place = make(
        tmp_path,
        """shared A = Table.TransformColumnTypes(
            #table(type table [a = text], {{"1"}, {"x"}}), {{"a", type number}});""",
    )
    run = refresh(place)
    assert result(run, "A").errors == {"a": 1}
    assert rows(place, "A") == [(1.0,), (None,)]


def test_any_column_is_refused(tmp_path: Path) -> None:
    place = make(tmp_path, 'shared A = #table({"a"}, {{1}});')
    error = result(refresh(place), "A").error
    assert error is not None
    assert error.startswith("Query 'A': column 'a' of type any can't be staged.")


def test_full_disk_keeps_the_last_good_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make(tmp_path, "shared A = #table(type table [a = number], {{1}});")
    refresh(place)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    run = refresh(place)
    monkeypatch.undo()
    assert run.status == "Failed"
    assert result(run, "A").error == (
        "Query 'A': The disk is full. The last good data are still served. Free some room "
        "(mlang staging gc --dry-run shows what can go) and refresh again."
    )
    assert rows(place, "A") == [(1.0,)]
    folder = generations.table(workspace(place).lakehouse, place.name, "A").folder
    assert not list(folder.glob("tmp-*"))


def test_cancelled_refresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = make(tmp_path, ORDERS)
    refresh(place)

    def cancel(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lakehouse.LakehouseWriter, "write", cancel)
    run = refresh(place)
    monkeypatch.undo()
    assert run.status == "Cancelled"
    assert [q.status for q in run.queries] == ["Cancelled", "Cancelled"]
    assert history.read(workspace(place).history)[0]["status"] == "Cancelled"
    assert len(rows(place, "Orders")) == 3


def test_unknown_query_and_parameter(tmp_path: Path) -> None:
    place = make(tmp_path, ORDERS)
    with pytest.raises(DataflowError, match="There is no query 'Nope'"):
        refresh(place, "Nope")
    with pytest.raises(DataflowError, match="There is no parameter 'Nope'"):
        refresh(place, Nope="1")


def test_parameters(tmp_path: Path) -> None:
    place = make(
        tmp_path,
        """
        shared N = 1 meta [IsParameterQuery = true, Type = "Number"];
        shared Must = null meta [IsParameterQuery = true, Type = "Text", IsParameterQueryRequired = true];
        shared A = #table(type table [a = number, b = text], {{N, Must}});
        """,
    )
    with pytest.raises(DataflowError, match="'Must' is required"):
        refresh(place)
    with pytest.raises(DataflowError, match="'N' is of type Number; 'x'"):
        refresh(place, N="x", Must="y")
    assert refresh(place, N="42", Must="y").status == "Completed"
    assert rows(place, "A") == [(42.0, "y")]
    assert '"Must"' not in workspace(place).history.read_text(encoding="utf-8")


def test_circle_is_an_error(tmp_path: Path) -> None:
    place = make(tmp_path, "shared A = B; shared B = A;")
    with pytest.raises(DataflowError, match="A → B → A"):
        refresh(place)


def test_retention(tmp_path: Path) -> None:
    place = make(tmp_path, ORDERS)
    refresh(place)
    make(tmp_path, ORDERS, unstaged=("Kinds",))
    refresh(place)
    assert len(rows(place, "Kinds")) == 2  # still readable for 30 days
    snapshot = published.read(workspace(place).path, place.name)
    assert "Kinds" in snapshot.retain(["Orders"], time.time() + 29 * 86_400).entries
    later = snapshot.retain(["Orders"], time.time() + 31 * 86_400)
    assert list(later.entries) == ["Orders"]
    later.publish()
    with pytest.raises(StagedDataMissing):
        staged_value(workspace(place), place.name, "Kinds")
    assert snapshot.retain(["Orders", "Kinds"]).entries["Kinds"].unstaged is None


def test_nothing_is_published_before_everything_is_staged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make(tmp_path, ORDERS)
    refresh(place)
    make(tmp_path, ORDERS.replace("{3, ", "{4, "))
    original = lakehouse.LakehouseWriter.finish

    def finish(writer: lakehouse.LakehouseWriter) -> Any:
        if writer.query == "Kinds":
            assert rows(place, "Orders")[2] == (3.0, "a")  # the new Orders wait for Kinds
            raise KeyboardInterrupt
        return original(writer)

    monkeypatch.setattr(lakehouse.LakehouseWriter, "finish", finish)
    assert refresh(place).status == "Cancelled"
    assert rows(place, "Orders")[2] == (3.0, "a")
    monkeypatch.undo()
    assert refresh(place).status == "Completed"
    assert rows(place, "Orders")[2] == (4.0, "a")


# ---------------------------------------------------------------- history


def test_history_keeps_the_newest_and_no_secrets(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    for number in range(history.KEEP + 3):
        history.append(path, history.Run(f"r{number}", "d", "", "", "Completed", 0.0))
    found = history.read(path)
    assert len(found) == history.KEEP
    assert found[0]["id"] == f"r{history.KEEP + 2}"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Server=x;Password=hunter2;User=a", "Server=x;Password=***;User=a"),
        ("https://me:pw@host/x?sig=abc%3D&y=1", "https://***@host/x?sig=***&y=1"),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer ***"),
        ("the token my-key-1 was refused", "the token *** was refused"),
    ],
)
def test_redaction(text: str, clean: str) -> None:
    assert history.redact(text, ["my-key-1"]) == clean


# ---------------------------------------------------------------- killed

MARKED = """
shared Mark = 0 meta [IsParameterQuery = true, Type = "Number"];
shared A = Table.FromColumns({List.Repeat({Mark}, 60000)}, type table [m = number]);
shared B = Table.SelectRows(A, each [m] >= 0);
"""


def kill_during_refresh(place: Path, mark: int, delay: float) -> bool:
    """Starts a refresh in another process and kills it; True when it was still running."""
    command = [sys.executable, "-m", "mlang", "refresh", str(place), "--param", f"Mark={mark}"]
    root = Path(__file__).parent.parent
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=root)
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def test_kill_leaves_whole_generations(tmp_path: Path) -> None:
    place = make(tmp_path, MARKED)
    assert refresh(place, Mark="0").status == "Completed"
    chance = random.Random(11)
    for mark in range(1, 4):
        kill_during_refresh(place, mark, 0.3 + chance.random() * 0.7)
        first, second = rows(place, "A"), rows(place, "B")
        assert len(first) == 60000
        assert len(set(first)) == 1
        assert second == first
    assert refresh(place, Mark="9").status == "Completed"  # the dead writer's lock is taken over
    assert rows(place, "A")[0] == (9.0,)
    assert Workspace.beside(place).history.exists()
