"""The dataflows that ship with the project, refreshed whole, folded and interpreted."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import ROOT

from staging.dataflow import read
from staging.history import Run
from staging.refresh import Refresh
from staging.workspace import Workspace

DATA = ROOT.parent / "shared" / "data"


def refresh(place: Path, folder: Path, engine: str, **parameters: Any) -> Run:
    given = {"OutputFolder": str(folder / "out"), **parameters}
    return Refresh(read(place), Workspace(folder / "ws"), given, {"engine": engine}).run()


def table(path: Path, name: str) -> list[Any]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(f'SELECT * FROM "{name}"').fetchall()


def retail(folder: Path, engine: str) -> tuple[Any, ...]:
    run = refresh(ROOT / "examples" / "retail.Dataflow", folder, engine)
    assert [(q.query, q.error) for q in run.queries if q.status != "Completed"] == []
    out = folder / "out"
    best = duckdb.sql(f"SELECT * FROM read_parquet('{out / 'best_customers.parquet'}')").fetchall()
    returns = list(csv.reader((out / "returns_by_channel.csv").read_text(encoding="utf-8").splitlines()))
    return table(out / "retail.duckdb", "SalesByMonth"), best, returns, run


def test_retail(tmp_path: Path) -> None:
    folded = retail(tmp_path / "folded", "auto")
    interpreted = retail(tmp_path / "interpreted", "none")
    assert folded[:3] == interpreted[:3]
    sales, best, returns, run = folded
    assert len(sales) == 60
    assert best[0][:3] == ("I", 156, "Radia Knuth")
    assert returns[0] == ["Channel", "Orders", "Returned"]
    engines = {q.query: q.engine for q in run.queries if q.kind == "Table"}
    assert engines["Orders"] == "Cached"
    assert engines["SalesByMonth"] == "Cached + Folded"
    orders = next(q for q in run.queries if q.query == "Orders")
    assert orders.rows == sum(row[2] for row in sales) + dropped(tmp_path / "folded")


def dropped(folder: Path) -> int:
    """Orders without a quantity or price: they are staged and leave in OrderLines."""
    part = next((folder / "ws").glob("DataflowsStagingLakehouse/*/Orders-*/gen-*/*.parquet"))
    query = f"SELECT count(*) FROM read_parquet('{part}') WHERE c5 IS NULL OR c6 IS NULL"
    return int(duckdb.sql(query).fetchall()[0][0])


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the taxi data are not there: {DATA}")
@pytest.mark.parametrize("engine", ["auto", "none"])
def test_taxi(tmp_path: Path, engine: str) -> None:
    source = ROOT / "tests" / "dataflows" / "taxi.Dataflow"
    run = refresh(source, tmp_path, engine, DataFolder=str(DATA))
    assert [(q.query, q.error) for q in run.queries if q.status != "Completed"] == []
    trips = duckdb.sql(
        f"SELECT Borough, count(*), max(trip_distance), min(lpep_pickup_datetime) "
        f"FROM read_csv('{DATA / 'nyc_taxi_tripdata.csv'}') t "
        f"JOIN read_csv('{DATA / 'taxi+_zone_lookup.csv'}') z ON t.PULocationID = z.LocationID "
        "WHERE trip_distance > 0 GROUP BY Borough ORDER BY 2 DESC"
    ).fetchall()
    found = table(tmp_path / "out" / "taxi.duckdb", "ByBorough")
    assert sorted(found) == sorted(trips)
    assert [row[1] for row in found] == [row[1] for row in trips]


def test_generator_is_deterministic(tmp_path: Path) -> None:
    import sys

    sys.path.insert(0, str(ROOT / "examples"))
    try:
        import generate
    finally:
        sys.path.remove(str(ROOT / "examples"))
    committed = ROOT / "examples" / "retail.Dataflow" / "data"
    generate.generate(tmp_path, 4000, 7)
    for name in ("orders.csv", "customers.json"):
        assert (tmp_path / name).read_bytes() == (committed / name).read_bytes()
    shutil.rmtree(tmp_path)
