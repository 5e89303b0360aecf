"""Destinations: what a destination query points to, and what is written there."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from dataflows.making import make, members, refresh, result, rows

from mlang.values.types import NAMED
from staging.destinations.target import DuckDbTarget, FileTarget, target_of
from staging.errors import DataflowError

N = NAMED


# ---------------------------------------------------------------- destinations


def test_targets() -> None:
    found = members(
        """
        shared Folder = "out" meta [IsParameterQuery = true];
        shared D = let
            Source = DuckDB.Database(Folder & "/x.duckdb")
        in
            Source{[Schema = "s", Item = "T"]}?[Data]?;
        shared F = Folder.Contents("out"){[Name = "a.parquet"]}?[Content]?;
        shared C = Csv.Document(File.Contents("a.txt"), [Delimiter = ";", Encoding = TextEncoding.Windows]);
        shared L = Lakehouse.Contents([]){[workspaceId = "w"]}[Data];
        shared X = File.Contents("a.exe");
        """
    )
    assert target_of("D", found, {"Folder": "zz"}) == DuckDbTarget("zz/x.duckdb", "s", "T")
    assert target_of("F", found, {}) == FileTarget("out/a.parquet", "parquet")
    assert target_of("C", found, {}) == FileTarget("a.txt", "csv", ";", "cp1252")
    with pytest.raises(DataflowError, match="name it by"):
        target_of("L", found, {})
    with pytest.raises(DataflowError, match="must end in"):
        target_of("X", found, {})


def loading(
    folder: Path, target: str, settings: str = 'Kind = "Automatic"', table: str | None = None
) -> Path:
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
        type table [n = number, i = Int64.Type, c = Currency.Type, t = text, l = logical,
                    d = date, dt = datetime, z = datetimezone, h = time, u = duration, x = nullable text],
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
        place = loading(
            tmp_path, f'File.Contents("{target}")', 'Kind = "Manual", UpdateMethod = [Kind = "Append"]'
        )
        for _ in range(2):
            run = refresh(place)
            assert run.status == "Completed", run
    assert (place / "out" / "x.csv").read_text(encoding="utf-8").count("\n") == 5
    assert pq.read_table(place / "out" / "x.parquet").num_rows == 4
    changed = "#table(type table [zz = number], {{1}})"
    loading(
        tmp_path,
        'File.Contents("out/x.parquet")',
        'Kind = "Manual", UpdateMethod = [Kind = "Append"]',
        changed,
    )
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


def test_destination_names_that_differ_only_in_case(tmp_path: Path) -> None:
    place = loading(tmp_path, DUCK, table="#table(type table [a = number, A = number], {{1, 2}})")
    run = refresh(place)
    assert result(run, "A").status == "Completed"  # the staging store keeps the two apart
    assert rows(place, "A") == [(1.0, 2.0)]
    assert "occurs twice (case does not count)" in str(result(run, "A", "Activity").error)


def test_default_destination(tmp_path: Path) -> None:
    place = make(
        tmp_path,
        """
        [DefaultOutputDestinationSettings = [
            DestinationDefinition = [Kind = "Reference", QueryName = "DefaultDestination"],
            UpdateMethod = [Kind = "Replace"]]]
        section Section1;
        [BindToDefaultDestination = true] shared A = #table(type table [a = nullable number], {{1}});
        shared DefaultDestination = DuckDB.Database("out/x.duckdb");
        """,
    )
    run = refresh(place)
    assert run.status == "Completed", run
    assert duck(place, "SELECT * FROM A") == [(1.0,)]


def test_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    place = loading(tmp_path, DUCK)
    (place / "out").mkdir()
    (place / "out" / "x.duckdb").write_bytes(b"this is no database, whatever its name says" * 200)
    run = refresh(place)
    assert result(run, "A").status == "Completed"
    assert "can't be opened for writing" in str(result(run, "A", "Activity").error)


def test_relative_targets_stand_in_the_dataflow_not_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for target in (
        DUCK,
        'File.Contents("out/x.csv")',
        'File.Contents("x.parquet")',
        'SQLite.Database("x.sqlite")',
    ):
        named = target if "SQLite" not in target else target + '{[Item = "T"]}?[Data]?'
        assert refresh(loading(tmp_path, named)).status == "Completed"
    assert list(elsewhere.iterdir()) == []
