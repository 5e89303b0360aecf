"""Staging: dataflow files, stores, refreshes, and what is left after failures."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from mlang.errors import MError
from mlang.syntax.failure import MSyntaxError
from mlang.syntax.parser import parse_document
from mlang.values import temporal as t
from mlang.values.thunk import Thunk, failed
from mlang.values.types import NAMED, primitive, table_type
from staging import dataflow, graph, history, retention
from staging.destinations.target import DuckDbTarget, FileTarget, target_of
from staging.encode import Encoder
from staging.errors import CannotStage, DataflowError, StagedDataMissing, StagingError
from staging.refresh import outlook, staged_value
from staging.store import files, generations, lakehouse, manifest
from staging.store.manifest import Manifest
from staging.store.sources import staged_table
from staging.types import destination_columns, staged_columns
from staging.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent))
from dataflows.making import make, refresh, result, rows, workspace  # noqa: E402

N = NAMED


def members(text: str) -> dict[str, Any]:
    return {m.name: m.value for m in parse_document(f"section S;\n{text}").sections[0].members}


# ---------------------------------------------------------------- dataflow files


def test_which_queries_are_staged(tmp_path: Path) -> None:
    place = make(
        tmp_path,
        """
        shared P = "x" meta [IsParameterQuery = true, Type = "Text"];
        shared F = (a) => a;
        [DataDestinations = {[Definition = [Kind = "Reference", QueryName = "T", IsNewTarget = true],
          Settings = [Kind = "Manual", UpdateMethod = [Kind = "Append"], AllowCreation = false, DynamicSchema = true,
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
        ("section S; [DataDestinations = {[Definition = [QueryName = \"B\"]]}] shared A = 1;", None, "'B' is not in"),
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
    node = members('shared X = let A = B, C = A & @C, D = (E) => E + F in [G = A, H = G + I] & S!J & {each _[K]};')["X"]
    assert graph.references(node) == {"B", "F", "I", "J"}


def test_order_and_circles() -> None:
    needs = graph.dependencies(members("shared C = B + A; shared A = 1; shared B = A; shared R = (n) => @R(n - 1);"))
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
    assert [(task.query, sorted(task.needs)) for task in tasks] == [("A", []), ("Z", []), ("B", ["A"]), ("C", ["B"])]
    only = outlook(dataflow.read(place), ["C"]).tasks
    assert [task.query for task in only] == ["A", "B", "C"]
    assert [task.query for task in outlook(dataflow.read(place), ["C"], lambda name: True).tasks] == ["C"]


# ---------------------------------------------------------------- cells


def stage(folder: Path, types: dict[str, Any], columns: list[list[Any]], batches: int = 1) -> Manifest:
    """Publishes columns as a generation of query Q."""
    place = generations.Generations(folder)
    building = place.begin()
    type = table_type(types, types.values())
    writer = lakehouse.LakehouseWriter(building, "Q", staged_columns("Q", type))
    length = len(columns[0]) if columns else 0
    step = max(1, -(-length // batches))
    for start in range(0, length, step):
        part = [c[start : start + step] for c in columns]
        writer.write(part, len(part[0]))
    parts = writer.finish()
    draft = Manifest("d", "Q", 0, "lakehouse", "Cached", "now", "hash", writer.columns, parts, writer.facts())
    return place.publish(building, draft)


def read_back(folder: Path) -> list[tuple[Any, ...]]:
    found = generations.Generations(folder).current()
    assert found is not None
    return list(staged_table(folder, found).rows())


VALUES: dict[str, tuple[Any, list[Any]]] = {
    "number": (primitive("number", True), [1.0, -0.0, 1e308, None, 2.5]),
    "int": (N["Int64.Type"], [1.0, 2**60 + 1, None, -5.0, 0.0]),
    "text": (primitive("text"), ["", "ß€", "😀", None, "a\0b"]),
    "logical": (primitive("logical"), [True, False, None, True, True]),
    "date": (primitive("date"), [t.Date(0), t.Date(t.DAYS - 1), None, t.Date(738000), t.Date(1)]),
    "time": (primitive("time"), [t.Time(1), t.Time(t.DAY - 1), None, t.Time(0), t.Time(5)]),
    "datetime": (primitive("datetime"), [t.DateTime(0), t.DateTime(10), None, t.DateTime(t.MAX_TICKS // 10 * 10), None]),
    "zone": (primitive("datetimezone"), [t.DateTimeZone(10**17, 90), t.DateTimeZone(10**17, -720), None, None, None]),
    "duration": (primitive("duration"), [t.Duration(-1), t.Duration(10**15), None, t.Duration(0), None]),
}


@pytest.mark.parametrize("batches", [1, 3])
def test_every_type_comes_back(tmp_path: Path, batches: int) -> None:
    stage(tmp_path, {n: type for n, (type, _) in VALUES.items()}, [v for _, v in VALUES.values()], batches)
    expected = list(zip(*[v for _, v in VALUES.values()], strict=True))
    assert [tuple(map(repr, row)) for row in read_back(tmp_path)] == [tuple(map(repr, row)) for row in expected]
    found = manifest.read(tmp_path)
    assert found is not None
    assert found.type.types[1].name == "Int64.Type"
    assert found.type.types[0].nullable


def test_ticks_below_a_microsecond_widen_what_was_written(tmp_path: Path) -> None:
    cells = [t.DateTime(20), t.DateTime(30), None, t.DateTime(31)]
    zoned = [t.DateTimeZone(10**17, 60), None, t.DateTimeZone(10**17 + 1, 60), None]
    found = stage(tmp_path, {"d": primitive("datetime"), "z": primitive("datetimezone")}, [cells, zoned], 4)
    assert [c.code for c in found.columns] == ["datetime_ticks", "datetimezone_ticks"]
    assert [r[0] for r in read_back(tmp_path)] == cells
    assert [repr(r[1]) for r in read_back(tmp_path)] == [repr(z) for z in zoned]
    assert (found.facts["d"]["min"], found.facts["d"]["max"]) == (20, 31)


def test_error_cells_become_null_and_are_counted(tmp_path: Path) -> None:
    def fails() -> Any:
        raise MError("Expression.Error", "no")

    found = stage(tmp_path, {"a": primitive("number")}, [[1.0, failed(MError("DataFormat.Error", "bad")), Thunk(fails)]])
    assert read_back(tmp_path) == [(1.0,), (None,), (None,)]
    assert found.errors == {"a": 2}
    assert found.facts["a"]["first_error"] == "row 2: DataFormat.Error: bad"
    assert found.facts["a"]["nulls"] == 2


def test_facts(tmp_path: Path) -> None:
    number, text = primitive("number"), primitive("text")
    types = {"whole": number, "half": number, "nan": number, "ascii": text, "bmp": text, "astral": text}
    columns: list[list[Any]] = [
        [1.0, -3.0, None], [1.5, 2.0, 3.0], [float("nan"), 1.0, 2.0],
        ["b", "a", None], ["ß", "a", ""], ["😀", "a", ""],
    ]  # fmt: skip
    facts = stage(tmp_path, types, columns, 2).facts
    assert facts["whole"] == {"nulls": 1, "int53": True, "min": -3.0, "max": 1.0}
    assert facts["half"]["int53"] is False
    assert facts["nan"]["nan"] is True
    assert facts["ascii"] == {"nulls": 1, "ascii": True, "bmp": True, "min": "a", "max": "b"}
    assert (facts["bmp"]["ascii"], facts["bmp"]["bmp"]) == (False, True)
    assert (facts["astral"]["ascii"], facts["astral"]["bmp"]) == (False, False)


@pytest.mark.parametrize(
    ("type", "cell", "message"),
    [
        (primitive("number"), "x", "row 1 holds a text, its type says number"),
        (primitive("number"), True, "holds a logical"),
        (primitive("text"), 1.0, "holds a number"),
        (primitive("text"), "\ud800", "can't store"),
        (N["Int64.Type"], 1.5, "holds a value that Int64.Type can't store"),
        (N["Int64.Type"], float("nan"), "can't store"),
        (N["Currency.Type"], 1e16, "can't store"),
    ],
)
def test_cells_that_do_not_fit(type: Any, cell: Any, message: str) -> None:
    (column,) = staged_columns("Q", table_type(["a"], [type]))
    with pytest.raises(CannotStage, match="Query 'Q': column 'a', row 1 ") as raised:
        Encoder("Q", column).encode([cell])
    assert message in str(raised.value)


@pytest.mark.parametrize("kind", ["any", "binary", "list", "record", "table", "function", "type", "null"])
def test_types_that_are_not_staged(kind: str) -> None:
    with pytest.raises(CannotStage, match=f"Query 'Q': column 'b' of type {kind} can't be staged"):
        staged_columns("Q", table_type(["a", "b"], [primitive("text"), primitive(kind)]))


def test_tables_without_rows_or_columns(tmp_path: Path) -> None:
    stage(tmp_path / "a", {"x": primitive("text")}, [[]])
    assert read_back(tmp_path / "a") == []
    stage(tmp_path / "b", {}, [])
    assert read_back(tmp_path / "b") == []


# ---------------------------------------------------------------- generations


def test_generations_are_kept_and_collected(tmp_path: Path) -> None:
    for number in range(6):
        stage(tmp_path, {"a": primitive("number")}, [[float(number)]])
        (tmp_path / "tmp-dead").mkdir()
        generations.Generations(tmp_path).collect()
    place = generations.Generations(tmp_path)
    assert [m.generation for m in place.kept()] == [6, 5, 4]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["gen-000004", "gen-000005", "gen-000006", "manifest.json"]
    assert read_back(tmp_path) == [(5.0,)]


def test_unpublished_generation_is_not_served(tmp_path: Path) -> None:
    stage(tmp_path, {"a": primitive("number")}, [[1.0]])
    (tmp_path / "gen-000002").mkdir()  # renamed, but the manifest was never swapped
    assert read_back(tmp_path) == [(1.0,)]
    assert stage(tmp_path, {"a": primitive("number")}, [[2.0]]).generation == 3
    generations.Generations(tmp_path).collect()
    assert read_back(tmp_path) == [(2.0,)]


def test_broken_manifest_is_a_clear_error(tmp_path: Path) -> None:
    stage(tmp_path, {"a": primitive("number")}, [[1.0]])
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(StagedDataMissing, match="no manifest"):
        generations.Generations(tmp_path).current()


def test_readers_are_never_torn(tmp_path: Path) -> None:
    types = {"a": primitive("number"), "b": primitive("number")}
    stage(tmp_path, types, [[0.0] * 50, [0.0] * 50])
    stop = threading.Event()

    def write() -> None:
        number = 0.0
        while not stop.is_set():
            number += 1
            stage(tmp_path, types, [[number] * 50, [number] * 50])
            if number % 5 == 0:
                generations.Generations(tmp_path).collect(keep=20)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            seen = read_back(tmp_path)
            assert len(seen) == 50
            assert len({v for row in seen for v in row}) == 1
    finally:
        stop.set()
        writer.join()


def test_second_writer_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with files.writer_lock(path):
        with pytest.raises(StagingError, match=f"process {os.getpid()} on"), files.writer_lock(path):
            pass
    with files.writer_lock(path):
        pass
    dead = {"pid": 2**22 + 5, "host": json.loads(json.dumps(os.uname().nodename)), "start": ""}
    path.write_text(json.dumps(dead), encoding="utf-8")
    with files.writer_lock(path):
        pass
    assert not path.exists()


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
    assert list((tmp_path / ".mlang" / "DataflowsStagingWarehouse").rglob("data.duckdb"))


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
    make(
        tmp_path,
        good.replace("{{1}}", '{{"x"}}').replace("{{7}}", "{{8}}").replace("shared A = ", "shared A = let\n Typed = ")
        .replace('{{"x"}});', '{{"x"}}),\n Sum = Table.TransformColumns(Typed, {"a", each _ + 1}),\n'
                 ' Missing = Table.SelectColumns(Sum, {"zz"}) in Missing;'),
    )  # fmt: skip
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
    assert result(run, "A").error == "Query 'A': The disk is full. The last good data are still served."
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
    found = workspace(place)
    items = (found.lakehouse, found.warehouse)
    assert len(rows(place, "Kinds")) == 2  # still readable for 30 days
    assert retention.collect_unstaged(items, place.name, ["Orders"], time.time() + 29 * 86_400) == []
    assert retention.collect_unstaged(items, place.name, ["Orders"], time.time() + 31 * 86_400) == ["Kinds"]
    with pytest.raises(StagedDataMissing):
        staged_value(found, place.name, "Kinds")


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


# ---------------------------------------------------------------- destinations


def test_targets() -> None:
    found = members(
        """
        shared Folder = "out" meta [IsParameterQuery = true];
        shared D = let Source = DuckDB.Database(Folder & "/x.duckdb") in Source{[Schema = "s", Item = "T"]}?[Data]?;
        shared F = Folder.Contents("out"){[Name = "a.parquet"]}?[Content]?;
        shared C = Csv.Document(File.Contents("a.txt"), [Delimiter = ";", Encoding = TextEncoding.Windows]);
        shared L = Lakehouse.Contents([]){[workspaceId = "w"]}[Data];
        shared X = File.Contents("a.exe");
        """
    )
    assert target_of("D", found, {"Folder": "zz"}) == DuckDbTarget("zz/x.duckdb", "s", "T")
    assert target_of("F", found, {}) == FileTarget("out/a.parquet", "parquet")
    assert target_of("C", found, {}) == FileTarget("a.txt", "csv", ";", "cp1252")
    with pytest.raises(DataflowError, match="Lakehouse.Contents isn't a supported target"):
        target_of("L", found, {})
    with pytest.raises(DataflowError, match="must end in"):
        target_of("X", found, {})


def loading(folder: Path, target: str, settings: str = 'Kind = "Automatic"', table: str | None = None) -> Path:
    value = table or '#table(type table [a = nullable number, b = nullable text], {{1, "x"}, {2, null}})'
    return make(
        folder,
        f"""
        [DataDestinations = {{[Definition = [Kind = "Reference", QueryName = "T"], Settings = [{settings}]]}}]
        shared A = {value};
        shared T = {target};
        """,
    )


DUCK = 'DuckDB.Database("out/x.duckdb"){[Schema = "main", Item = "T"]}?[Data]?'


def duck(place: Path, query: str = "SELECT * FROM T") -> list[Any]:
    with duckdb.connect(str(place / "out" / "x.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_duckdb_destination(tmp_path: Path) -> None:
    place = loading(tmp_path, DUCK)
    for _ in range(2):
        run = refresh(place)
        assert run.status == "Completed", run
    loaded = result(run, "A", "Activity")
    assert (loaded.rows, loaded.target) == (2, "out/x.duckdb: main.T")
    assert duck(place) == [(1.0, "x"), (2.0, None)]


def test_append_and_fixed_schema(tmp_path: Path) -> None:
    place = loading(tmp_path, DUCK, 'Kind = "Manual", UpdateMethod = [Kind = "Append"]')
    refresh(place)
    refresh(place)
    assert len(duck(place)) == 4
    fixed = 'Kind = "Manual", UpdateMethod = [Kind = "Replace"], DynamicSchema = false'
    loading(tmp_path, DUCK, fixed)
    refresh(place)
    assert len(duck(place)) == 2
    loading(tmp_path, DUCK, fixed, "#table(type table [zz = number], {{1}})")
    run = refresh(place)
    assert run.status == "Failed"
    assert "has no column 'zz'" in str(result(run, "A", "Activity").error)
    assert len(duck(place)) == 2  # nothing was deleted


def test_mapping_and_creation(tmp_path: Path) -> None:
    mapping = 'ColumnSettings = [Mappings = {[SourceColumnName = "b", DestinationColumnName = "Text"]}]'
    place = loading(tmp_path, DUCK, f'Kind = "Manual", AllowCreation = true, {mapping}')
    assert refresh(place).status == "Completed"
    assert duck(place, "SELECT Text FROM T") == [("x",), (None,)]
    loading(tmp_path, DUCK.replace('"T"', '"U"'), 'Kind = "Manual", AllowCreation = false')
    assert "AllowCreation is false" in str(result(refresh(place), "A", "Activity").error)


def test_null_in_a_non_nullable_column(tmp_path: Path) -> None:
    place = loading(tmp_path, DUCK, table="#table(type table [a = number], {{null}})")
    error = str(result(refresh(place), "A", "Activity").error)
    assert "We can't insert null data into a non-nullable column." in error


def test_files_of_every_type(tmp_path: Path) -> None:
    table = """#table(
        type table [n = number, i = Int64.Type, c = Currency.Type, t = text, l = logical, d = date, dt = datetime,
                    z = datetimezone, h = time, u = duration, x = nullable text],
        {{1.5, 2, 3.25, "a,""b", true, #date(2024, 2, 29), #datetime(1, 1, 1, 1, 2, 3.5),
          #datetimezone(2024, 1, 1, 0, 30, 0, 2, 0), #time(23, 59, 59), #duration(-1, 0, 0, -1), null}})"""
    place = loading(tmp_path, 'File.Contents("out/x.csv")', table=table)
    run = refresh(place)
    assert run.status == "Completed", run
    text = (place / "out" / "x.csv").read_bytes().decode()
    assert text.split("\r\n") == [
        "n,i,c,t,l,d,dt,z,h,u,x",
        '1.5,2,3.25,"a,""b",True,2024-02-29,0001-01-01T01:02:03.5,2023-12-31T22:30:00Z,23:59:59,-1.00:00:01,',
        "",
    ]
    loading(tmp_path, 'File.Contents("out/x.parquet")', table=table)
    assert refresh(place).status == "Completed"
    data = pq.read_table(place / "out" / "x.parquet")
    assert data.num_rows == 1
    assert str(data.schema.field("z").type) == "timestamp[us, tz=UTC]"


def test_append_to_files(tmp_path: Path) -> None:
    for target in ("out/x.csv", "out/x.parquet"):
        place = loading(tmp_path, f'File.Contents("{target}")', 'Kind = "Manual", UpdateMethod = [Kind = "Append"]')
        for _ in range(2):
            run = refresh(place)
            assert run.status == "Completed", run
    assert (place / "out" / "x.csv").read_text(encoding="utf-8").count("\n") == 5
    assert pq.read_table(place / "out" / "x.parquet").num_rows == 4
    changed = "#table(type table [zz = number], {{1}})"
    loading(tmp_path, 'File.Contents("out/x.parquet")', 'Kind = "Manual", UpdateMethod = [Kind = "Append"]', changed)
    assert "append needs equal ones" in str(result(refresh(place), "A", "Activity").error)
    assert pq.read_table(place / "out" / "x.parquet").num_rows == 4


def test_failed_load_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = loading(tmp_path, 'File.Contents("out/x.parquet")')
    refresh(place)
    before = (place / "out" / "x.parquet").read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("staging.destinations.parquet.parquet_writer", full)
    run = refresh(place)
    assert result(run, "A", "Activity").status == "Failed"
    assert (place / "out" / "x.parquet").read_bytes() == before
    assert [p.name for p in (place / "out").iterdir()] == ["x.parquet"]


def test_destination_names_that_differ_only_in_case() -> None:
    type = table_type(["a", "A"], [primitive("text"), primitive("text")])
    assert len(destination_columns("Q", type)) == 2  # the check is where the names of the target are known
    with pytest.raises(CannotStage, match="binary|any"):
        destination_columns("Q", table_type(["a"], [primitive("any")]))


def test_default_destination(tmp_path: Path) -> None:
    place = make(
        tmp_path,
        """
        [DefaultOutputDestinationSettings = [
            DestinationDefinition = [Kind = "Reference", QueryName = "DefaultDestination", IsNewTarget = true],
            UpdateMethod = [Kind = "Replace"]]]
        section Section1;
        [BindToDefaultDestination = true] shared A = #table(type table [a = nullable number], {{1}});
        shared DefaultDestination = DuckDB.Database("out/x.duckdb");
        """,
    )
    run = refresh(place)
    assert run.status == "Completed", run
    assert duck(place, "SELECT * FROM A") == [(1.0,)]


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
        for query in ("A", "B"):
            seen = rows(place, query)
            assert len(seen) == 60000
            assert len(set(seen)) == 1
    assert refresh(place, Mark="9").status == "Completed"  # the dead writer's lock is taken over
    assert rows(place, "A")[0] == (9.0,)
    assert Workspace.beside(place).history.exists()
