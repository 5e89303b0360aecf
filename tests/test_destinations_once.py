"""Appends after a refresh that did not complete: the same rows are appended once, other rows are new."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from dataflows.making import make, result
from test_table_destinations import APPEND, CREDENTIALS, KINDS, Place

from staging.dataflow import read
from staging.destinations.once import Digest, Journal
from staging.history import COMPLETED, QueryRun
from staging.refresh import Refresh
from staging.workspace import Workspace

DOCUMENT = """
[DataDestinations = {{[Definition = [Kind = "Reference", QueryName = "D"], Settings = [{append}]]}}]
shared A = #table(type table [a = number, b = nullable text], {rows});
shared D = {target};
"""
ROWS = '{{1, "x"}, {2, null}}'


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    found = Place(request.param, tmp_path)
    if found.kind in ("PostgreSQL", "MySQL"):
        found.run("DROP TABLE IF EXISTS mlang_loads")
    return found


def loaded(folder: Path, target: str, rows: str = ROWS, dies: bool = False) -> QueryRun:
    """One refresh; ``dies``: all is done, and nobody notes that it is."""
    made = make(folder, DOCUMENT.format(append=APPEND, rows=rows, target=target))
    refresh = Refresh(read(made), Workspace.beside(made), {}, {"credentials": CREDENTIALS})
    end = Journal.end
    if dies:
        Journal.end = lambda self: None  # type: ignore[method-assign]
    try:
        found = result(refresh.run(), "A", "Activity")
    finally:
        Journal.end = end  # type: ignore[method-assign]
    assert found.status == COMPLETED, found.error
    return found


def test_the_same_rows_once(place: Place) -> None:
    loaded(place.folder, place.m, dies=True)
    again = loaded(place.folder, place.m)
    assert "appended these rows already" in str(again.note)
    assert len(place.rows()) == 2
    assert loaded(place.folder, place.m).note is None  # a refresh of its own
    assert len(place.rows()) == 4


def test_markers_are_not_listed(tmp_path: Path) -> None:
    import mlang

    loaded(tmp_path, Place("Warehouse", tmp_path).m)
    text = 'Fabric.Warehouse([]){0}[Data]{[warehouseName = "dw"]}[Data][Item]'
    found = mlang.to_python(mlang.evaluate(text, base_dir=str(tmp_path / "t.Dataflow")))
    assert found == ["T"]


def test_other_rows_are_new(place: Place) -> None:
    loaded(place.folder, place.m, dies=True)
    loaded(place.folder, place.m, '{{3, "y"}}')
    assert len(place.rows()) == 3


def test_a_chain_of_crashes(place: Place) -> None:
    for _ in range(3):
        loaded(place.folder, place.m, dies=True)
    assert len(place.rows()) == 2


def test_a_table_that_was_dropped_is_loaded(place: Place) -> None:
    loaded(place.folder, place.m, dies=True)
    if place.kind == "Lakehouse":
        shutil.rmtree(place.delta)
    else:
        place.run('DROP TABLE "T"')
    loaded(place.folder, place.m)
    assert len(place.rows()) == 2


@pytest.mark.parametrize("name", ["o.csv", "o.parquet"])
def test_files(tmp_path: Path, name: str) -> None:
    def count() -> int:
        import duckdb

        return len(duckdb.connect().execute(f"SELECT * FROM '{tmp_path / 't.Dataflow' / name}'").fetchall())

    target = f'File.Contents("{name}")'
    loaded(tmp_path, target, dies=True)
    assert "already" in str(loaded(tmp_path, target, dies=True).note)
    assert count() == 2
    loaded(tmp_path, target, '{{1, "x"}, {5, null}}')
    assert count() == 4
    assert list((tmp_path / ".mlang" / "loads").iterdir()) == []


def test_a_failed_refresh_is_continued(tmp_path: Path) -> None:
    text = DOCUMENT.format(
        append=APPEND, rows=ROWS, target='SQLite.Database("o.sqlite"){[Item = "T"]}?[Data]?'
    )
    broken = text + 'shared B = error "no";'
    for document in (broken, broken, text):
        made = make(tmp_path, document)
        Refresh(read(made), Workspace.beside(made)).run()
    import sqlite3

    with sqlite3.connect(made / "o.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM T").fetchone() == (2,)
        assert connection.execute("SELECT row_count FROM mlang_loads").fetchall() == [(2,)]


def test_a_role_that_makes_no_tables(tmp_path: Path) -> None:
    place = Place("PostgreSQL", tmp_path)
    loaded(tmp_path, place.m)
    place.run("DROP TABLE IF EXISTS mlang_loads")
    place.run("CREATE OR REPLACE FUNCTION no_tables() RETURNS event_trigger LANGUAGE plpgsql AS "
              "$$ BEGIN RAISE EXCEPTION 'no tables here'; END $$")  # fmt: skip
    place.run("CREATE EVENT TRIGGER no_tables ON ddl_command_start WHEN TAG IN ('CREATE TABLE') "
              "EXECUTE FUNCTION no_tables()")  # fmt: skip
    try:
        assert "leaves no marker" in str(loaded(tmp_path, place.m).note)
    finally:
        place.run("DROP EVENT TRIGGER no_tables")
    assert len(place.rows()) == 4


def test_a_digest_minds_rows_only() -> None:
    import pyarrow as pa

    def digest(*batches: Any) -> tuple[int, str]:
        found = Digest()
        for batch in batches:
            found.add(pa.record_batch([pa.array(c) for c in zip(*batch, strict=True)], names=["a", "b"]))
        return found.count, found.text

    one = digest([(1, "x"), (2, None), (1, "x")])
    assert one == digest([(1, "x")], [(2, None), (1, "x")]) == digest([(2, None), (1, "x"), (1, "x")])
    assert one != digest([(1, "x"), (2, None)])
    assert one[1] != digest([(1, "x"), (2, "x"), (1, None)])[1]


def test_a_damaged_journal_is_an_empty_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "d")
    assert journal.begin("r1") == frozenset()
    journal.note("k", {"run": "r1"})
    assert (journal.begin("r2"), json.loads(journal.path.read_text())["files"]) == (
        {"r1"},
        {"k": {"run": "r1"}},
    )
    journal.path.write_text("[", encoding="utf-8")
    assert journal.begin("r3") == frozenset()
    journal.end()
    assert not journal.path.exists()
