"""What killed and deleted refreshes leave: temporary files, notes about loads, files of old Delta versions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dataflows.making import make, refresh, workspace

from staging import gc, leftovers
from staging.store import files

DEAD = 2**22 + 17  # beyond the largest process number


def old(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def test_temporary_files_of_the_dead(tmp_path: Path) -> None:
    place = make(tmp_path, "shared A = #table(type table [a = number], {{1}});")
    refresh(place)
    home = workspace(place)
    left = [old(home.path / folder / f".x.json.{DEAD}.tmp") for folder in ("", "published", "loads")]
    kept = [old(home.path / f".x.json.{os.getpid()}.tmp"), old(home.path / "loads" / "notes.tmp")]
    fresh = home.path / f".y.json.{DEAD}.tmp"
    fresh.write_text("x")  # of another machine, perhaps
    assert {g.path for g in gc.collect(home, dry=True).garbage} == set(left)
    assert all(p.exists() for p in left)
    gc.collect(home, dry=False)
    assert [p.exists() for p in [*left, *kept, fresh]] == [False] * 3 + [True] * 3


def test_notes_on_loads_go_with_their_dataflow(tmp_path: Path) -> None:
    place = make(tmp_path, "shared A = #table(type table [a = number], {{1}});")
    refresh(place)
    home = workspace(place)
    own = [old(home.path / "loads" / (files.safe_name(place.name) + end)) for end in (".json", ".open")]
    other = old(home.path / "loads" / (files.safe_name("gone.Dataflow") + ".json"))
    assert [g.why for g in gc.collect(home, dry=False).garbage] == [
        "notes on the loads of a dataflow that is gone"
    ]
    assert not other.exists()
    assert all(p.exists() for p in own)
    gc.delete_dataflow(home, place)
    assert not any(p.exists() for p in own)


def test_a_dataflow_deleted_by_hand(tmp_path: Path) -> None:
    place = make(tmp_path, "shared A = #table(type table [a = number], {{1}});")
    refresh(place)
    home = workspace(place)
    note = old(home.path / "loads" / (files.safe_name(place.name) + ".json"))
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    assert note in {g.path for g in gc.collect(home, dry=True).garbage}
    gc.collect(home, dry=False)
    assert not note.exists()


def test_a_load_removes_what_a_killed_one_was_writing(tmp_path: Path) -> None:
    text = """
    [DataDestinations = {[Definition = [Kind = "Reference", QueryName = "D"], Settings = [Kind = "Automatic"]]}]
    shared A = #table(type table [a = number], {{1}});
    shared D = File.Contents("o.csv");
    """
    place = make(tmp_path, text)
    left, kept = old(place / f".o.csv.{DEAD}.tmp"), old(place / f".other.csv.{DEAD}.tmp")
    refresh(place)
    assert (left.exists(), kept.exists()) == (False, True)


def test_old_delta_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deltalake = pytest.importorskip("deltalake")
    text = """
    [DataDestinations = {[Definition = [Kind = "Reference", QueryName = "D"], Settings = [Kind = "Automatic"]]}]
    shared A = #table(type table [a = number], {{1}});
    shared D = Lakehouse.Contents([]){[workspaceId = "w"]}[Data]{[lakehouseId = "shop"]}[Data]
        {[Id = "T", ItemKind = "Table"]}?[Data]?;
    """
    place = make(tmp_path, text)
    for _ in range(3):
        refresh(place)
    home = workspace(place)
    table = home.path / "shop.Lakehouse" / "Tables" / "T"
    orphan = old(table / "part-99999-dead-c000.snappy.parquet")
    assert [g.path for g in gc.collect(home, dry=True).garbage] == [table]  # only the orphan is old
    monkeypatch.setattr(leftovers, "DELTA_HOURS", 0)
    [seen] = gc.collect(home, dry=True).garbage
    assert seen.why == "3 files of older versions"
    assert len(list(table.glob("*.parquet"))) == 4
    gc.collect(home, dry=False)
    assert len(list(table.glob("*.parquet"))) == 1
    assert not orphan.exists()
    assert deltalake.DeltaTable(str(table)).to_pyarrow_table().num_rows == 1
