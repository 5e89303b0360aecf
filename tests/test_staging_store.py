"""The staging store: cells, facts, generations, locks."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mlang.errors import MError
from mlang.values import temporal as t
from mlang.values.thunk import Thunk, failed
from mlang.values.types import NAMED, primitive, table_type
from staging.encode import Encoder
from staging.errors import CannotStage, StagedDataMissing, StagingError
from staging.store import files, generations, lakehouse, published
from staging.store.manifest import Manifest
from staging.store.published import Snapshot
from staging.store.sources import staged_table
from staging.types import staged_columns

N = NAMED


# ---------------------------------------------------------------- cells


def snapshot(root: Path) -> Snapshot:
    return published.read(root, "d")


def stage(root: Path, types: dict[str, Any], columns: list[list[Any]], batches: int = 1) -> Manifest:
    """Publishes columns as a new generation of query Q of dataflow d."""
    place = generations.table(root / "item", "d", "Q")
    building = place.begin()
    writer = lakehouse.LakehouseWriter(building, "Q", staged_columns("Q", table_type(types, types.values())))
    length = len(columns[0]) if columns else 0
    step = max(1, -(-length // batches))
    for start in range(0, length, step):
        part = [c[start : start + step] for c in columns]
        writer.write(part, len(part[0]))
    parts = writer.finish()
    draft = Manifest("d", "Q", 0, "lakehouse", "Cached", "now", "hash", writer.columns, parts, writer.facts())
    final = place.seal(building, draft)
    snapshot(root).with_tables({"Q": ("item", final.generation)}).publish()
    return final


def served(root: Path) -> tuple[generations.Generations, Manifest]:
    found = snapshot(root).served("Q")
    assert found is not None
    return found


def read_back(root: Path) -> list[tuple[Any, ...]]:
    place, found = served(root)
    return list(staged_table(place.folder, found).rows())


VALUES: dict[str, tuple[Any, list[Any]]] = {
    "number": (primitive("number", True), [1.0, -0.0, 1e308, None, 2.5]),
    "int": (N["Int64.Type"], [1.0, 2**60 + 1, None, -5.0, 0.0]),
    "text": (primitive("text"), ["", "ß€", "😀", None, "a\0b"]),
    "logical": (primitive("logical"), [True, False, None, True, True]),
    "date": (primitive("date"), [t.Date(0), t.Date(t.DAYS - 1), None, t.Date(738000), t.Date(1)]),
    "time": (primitive("time"), [t.Time(1), t.Time(t.DAY - 1), None, t.Time(0), t.Time(5)]),
    "datetime": (
        primitive("datetime"),
        [t.DateTime(0), t.DateTime(10), None, t.DateTime(t.MAX_TICKS // 10 * 10), None],
    ),
    "zone": (
        primitive("datetimezone"),
        [t.DateTimeZone(10**17, 90), t.DateTimeZone(10**17, -720), None, None, None],
    ),
    "duration": (primitive("duration"), [t.Duration(-1), t.Duration(10**15), None, t.Duration(0), None]),
}


@pytest.mark.parametrize("batches", [1, 3])
def test_every_type_comes_back(tmp_path: Path, batches: int) -> None:
    stage(tmp_path, {n: type for n, (type, _) in VALUES.items()}, [v for _, v in VALUES.values()], batches)
    expected = list(zip(*[v for _, v in VALUES.values()], strict=True))
    assert [tuple(map(repr, row)) for row in read_back(tmp_path)] == [
        tuple(map(repr, row)) for row in expected
    ]
    found = served(tmp_path)[1]
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

    found = stage(
        tmp_path, {"a": primitive("number")}, [[1.0, failed(MError("DataFormat.Error", "bad")), Thunk(fails)]]
    )
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
    zero = stage(tmp_path / "zero", {"z": number}, [[0.0, -0.0, 1.0]]).facts
    assert zero["z"]["int53"] is False
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
    folder = generations.table(tmp_path / "item", "d", "Q").folder
    for number in range(6):
        stage(tmp_path, {"a": primitive("number")}, [[float(number)]])
        (folder / "tmp-dead").mkdir()
        snapshot(tmp_path).collect(["item"])
    assert sorted(p.name for p in folder.iterdir()) == ["gen-000004", "gen-000005", "gen-000006"]
    assert snapshot(tmp_path).entries["Q"].kept == (6, 5, 4)
    assert read_back(tmp_path) == [(5.0,)]


def test_unpublished_generation_is_not_served(tmp_path: Path) -> None:
    first = stage(tmp_path, {"a": primitive("number")}, [[1.0]])
    before = snapshot(tmp_path)
    assert stage(tmp_path, {"a": primitive("number")}, [[2.0]]).generation == 2
    before.publish()  # as if the writer had been killed between sealing and publishing
    assert served(tmp_path)[1] == first
    assert stage(tmp_path, {"a": primitive("number")}, [[3.0]]).generation == 3
    snapshot(tmp_path).collect(["item"])
    assert generations.table(tmp_path / "item", "d", "Q").numbers() == [1, 3]
    assert read_back(tmp_path) == [(3.0,)]


def test_broken_files_are_clear_errors(tmp_path: Path) -> None:
    stage(tmp_path, {"a": primitive("number")}, [[1.0]])
    place = served(tmp_path)[0]
    (place.folder / "gen-000001" / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(StagedDataMissing, match="no manifest"):
        read_back(tmp_path)
    files.remove(place.folder)
    with pytest.raises(StagedDataMissing, match="generation 1 is gone"):
        read_back(tmp_path)
    published.snapshot_path(tmp_path, "d").write_text("[]", encoding="utf-8")
    with pytest.raises(StagedDataMissing, match="no snapshot"):
        read_back(tmp_path)


def test_a_file_that_goes_while_it_is_read(tmp_path: Path) -> None:
    stage(tmp_path, {"a": primitive("number")}, [[1.0]])
    place, found = served(tmp_path)
    table = staged_table(place.folder, found)
    files.remove(place.folder)
    with pytest.raises(StagedDataMissing, match="newer refreshes replaced it"):
        list(table.rows())


def test_dropping_a_dataflow(tmp_path: Path) -> None:
    stage(tmp_path, {"a": primitive("number")}, [[1.0]])
    published.drop(tmp_path, "d", ["item"])
    assert snapshot(tmp_path).served("Q") is None
    assert not list((tmp_path / "item").iterdir())


def test_readers_are_never_torn(tmp_path: Path) -> None:
    types = {"a": primitive("number"), "b": primitive("number")}
    stage(tmp_path, types, [[0.0] * 50, [0.0] * 50])
    stop = threading.Event()

    def write() -> None:
        number = 0.0
        while not stop.is_set():
            number += 1
            stage(tmp_path, types, [[number] * 50, [number] * 50])
            if number % 40 == 0:  # a reader is never forty refreshes late
                snapshot(tmp_path).collect(["item"])

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
        second = files.writer_lock(path)
        with pytest.raises(StagingError, match=f"process {os.getpid()} on"):
            second.__enter__()
    with files.writer_lock(path):
        pass
    dead = {"pid": 2**22 + 5, "host": json.loads(json.dumps(os.uname().nodename)), "start": ""}
    path.write_text(json.dumps(dead), encoding="utf-8")
    with files.writer_lock(path):
        pass
    assert not path.exists()
