"""What the workers of a cluster write themselves: staged generations and destinations, as this process would write them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import spark_servers
from database_servers import Missing
from dataflows.making import make, result, rows, workspace
from spark_tables import engine
from test_spark import flow, refreshed

from folding.engines.spark_server import current
from staging import cluster
from staging.history import Run
from staging.store import published
from staging.store.manifest import Manifest

FLOW = """
shared S = #table(type table [k = Int64.Type, g = nullable text, x = nullable number, b = nullable logical, d = date,
    t = datetime, w = number], List.Transform({1..COUNT}, each {_, {"a", "b", "ß", null}{Number.Mod(_, 4)},
    {0.5, null, 1e300, 2}{Number.Mod(_, 4)} + _, {true, null}{Number.Mod(_, 2)}, Date.AddDays(#date(2020, 1, 1), _),
    #datetime(1950, 1, 1, 1, 2, 3.5), -0.0}));
[DataDestinations = {[Definition = [Kind = "Reference", QueryName = "D"], Settings = [SETTINGS]]}]
shared A = Table.SelectRows(Table.Sort(S, {{"k", Order.Descending}}), each [k] > 3);
[DataDestinations = {[Definition = [Kind = "Reference", QueryName = "P"], Settings = [SETTINGS]]}]
shared B = Table.AddColumn(S, "y", each [k] * 2, type number);
shared None = Table.SelectRows(Table.Sort(S, "k"), each [k] < 0);
shared D = Lakehouse.Contents([]){[workspaceId = "w"]}[Data]{[lakehouseId = "shop"]}[Data]{[Id = "T", ItemKind = "Table"]}?[Data]?;
shared P = File.Contents("out.parquet");
"""
AUTOMATIC = 'Kind = "Automatic"'
FIXED = 'Kind = "Manual", UpdateMethod = [Kind = "Replace"], DynamicSchema = false'
APPEND = 'Kind = "Manual", UpdateMethod = [Kind = "Append"]'
#: What this process and DuckDB leave as the writer's name.
OURS = ("parquet-cpp-arrow", "DuckDB")


def dataflow(folder: Path, settings: str = AUTOMATIC, count: int = 50) -> Path:
    return make(folder, FLOW.replace("COUNT", str(count)).replace("SETTINGS", settings))


def manifest(place: Path, query: str) -> tuple[Path, Manifest]:
    found = published.read(workspace(place).path, place.name).served(query)
    assert found is not None
    return found[0].folder, found[1]


def writers(place: Path, query: str) -> set[str]:
    folder, found = manifest(place, query)
    return {pq.read_metadata(folder / part.file).created_by.partition(" ")[0] for part in found.parts}


def completed(run: Run) -> None:
    assert [(q.query, q.kind, q.error) for q in run.queries if q.status != "Completed"] == []


def contents(place: Path) -> tuple[Any, Any]:
    """The rows of both destinations, in the order of the first column, and their schemas."""
    import deltalake

    table = deltalake.DeltaTable(str(place.parent / ".mlang" / "shop.Lakehouse" / "Tables" / "T"))
    assert not table.metadata().partition_columns
    file = pq.read_table(place / "out.parquet")
    return table.to_pyarrow_table().sort_by("k"), file


def test_staged_rows_types_and_facts(cluster_server: str, tmp_path: Path) -> None:
    """As our own writer gives them, whoever wrote; row numbers are without a gap, and nothing else lies there."""
    found = {}
    for name in ("spark", "duckdb"):
        place = dataflow(tmp_path / name)
        completed(refreshed(place, name))
        found[name] = [
            (rows(place, q), m.facts, [(c.name, c.code, c.physical) for c in m.columns])
            for q in ("A", "B", "None")
            for m in [manifest(place, q)[1]]
        ]
    assert repr(found["spark"]) == repr(found["duckdb"])  # so that -0 is not 0
    place = tmp_path / "spark" / "t.Dataflow"
    for query in ("A", "B"):
        assert not writers(place, query) & set(OURS)
        folder, m = manifest(place, query)
        numbers = [
            n for p in m.parts for n in pq.read_table(folder / p.file, columns=["rn"]).column(0).to_pylist()
        ]
        assert numbers == list(range(m.rows))
        assert [p.first for p in m.parts] == [sum(q.rows for q in m.parts[:i]) for i, _ in enumerate(m.parts)]
        inside = {p.name for p in (folder / m.parts[0].file).parent.iterdir()}
        assert inside == {"manifest.json", *(Path(p.file).name for p in m.parts)}


def test_destinations(cluster_server: str, tmp_path: Path) -> None:
    """Delta and Parquet files that are replaced; the log is committed here, and older versions stay readable."""
    import deltalake

    found = {}
    for name in ("spark", "duckdb"):
        place = dataflow(tmp_path / name)
        completed(refreshed(place, name))
        first = contents(place)
        dataflow(tmp_path / name, FIXED, 60)
        completed(refreshed(place, name))
        found[name] = (first, contents(place))
    for mine, others in zip(found["spark"], found["duckdb"], strict=True):
        for a, b in zip(mine, others, strict=True):
            assert a.schema.equals(b.schema)
            assert repr(a.to_pylist()) == repr(b.to_pylist())
    place = tmp_path / "spark" / "t.Dataflow"
    assert pq.read_metadata(place / "out.parquet").created_by.partition(" ")[0] not in OURS
    lake = place.parent / ".mlang" / "shop.Lakehouse" / "Tables" / "T"
    assert deltalake.DeltaTable(str(lake), version=0).to_pyarrow_table().num_rows == 47
    files = {p.name for p in lake.iterdir()} - {"_delta_log"}
    assert all(pq.read_metadata(lake / f).created_by.partition(" ")[0] not in OURS for f in files)
    assert {p.name for p in place.iterdir()} == {"mashup.pq", "queryMetadata.json", "out.parquet"}


def test_small_results_come_through_this_process(
    any_cluster_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ROWS", 1000)
    place = dataflow(tmp_path)
    completed(refreshed(place, "spark"))
    assert writers(place, "A") <= set(OURS)


def test_several_files(any_cluster_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PART_ROWS", 20)
    place = flow(tmp_path)
    completed(refreshed(place, "spark"))
    parts = manifest(place, "Joined")[1].parts
    assert len(parts) >= 3
    assert [p.first for p in parts] == [sum(q.rows for q in parts[:i]) for i, _ in enumerate(parts)]
    assert [r[0] for r in rows(place, "Joined")] == [float(k) for k in range(3, 51)]


ORDERED = """
shared S = #table(type table [k = Int64.Type, c = Int64.Type], List.Transform({1..100000}, each {_, Number.Mod(_, 2)}));
[DataDestinations = {[Definition = [Kind = "Reference", QueryName = "P"], Settings = [Kind = "Automatic"]]}]
shared A = Table.Group(S, {"k"}, {{"n", each Table.RowCount(_), Int64.Type}});
shared P = File.Contents("out.parquet");
"""


def test_rows_are_in_order_within_files(
    any_cluster_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one file and of several, with numbers and without: Sail deals rows out to threads after they are sorted."""
    for name, most in (("one", 5_000_000), ("several", 40_000)):
        monkeypatch.setattr(cluster, "PART_ROWS", most)
        place = make(tmp_path / name, ORDERED)
        completed(refreshed(place, "spark"))
        folder, found = manifest(place, "A")
        assert len(found.parts) == 1 or name == "several"
        assert not writers(place, "A") & set(OURS) or name == "several"  # which are put in order here
        numbers = [
            n
            for part in found.parts
            for n in pq.read_table(folder / part.file, columns=["rn"]).column(0).to_pylist()
        ]
        assert numbers == list(range(100_000))
        assert [r[0] for r in rows(place, "A")] == [float(k) for k in range(1, 100_001)]
        file = place / "out.parquet"
        assert pq.read_table(file).column("k").to_pylist() == list(range(1, 100_001))
        assert pq.read_metadata(file).created_by.partition(" ")[0] not in OURS


def test_numbers_that_do_not_fit_their_type(any_cluster_server: str, tmp_path: Path) -> None:
    """What the store cannot hold stops the query, as ever, with M's names."""
    text = """
    shared S = #table(type table [k = Int64.Type, x = number], List.Transform({1..50}, each {_, _ / 2}));
    shared A = Table.AddColumn(S, "y", each [x] * 1, Int64.Type);
    """
    errors = []
    for name in ("spark", "duckdb"):
        run = refreshed(make(tmp_path / name, text), name)
        assert result(run, "A").status == "Failed"
        errors.append(result(run, "A").error)
    assert errors[0] == errors[1]
    assert "row 1 holds a value that Int64.Type can't store" in str(errors[0])


# ---------------------------------------------------------------- folders that workers do not see


@pytest.fixture
def blind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A Sail server in a file system of its own, which hides the folder "hidden" of the test's folder."""
    monkeypatch.setattr(cluster, "ROWS", 0)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    wrapped = ["unshare", "--mount", "sh", "-c", f'mount -t tmpfs none "{hidden}" && exec "$@"', "sh"]
    try:
        subprocess.run([*wrapped, "true"], check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("no mount namespaces here (unshare --mount)")
    try:
        with spark_servers.sail(tuple(wrapped)) as (address, _), engine(address):
            yield address, hidden
    except Missing as no:
        pytest.skip(str(no))


def test_a_workspace_that_workers_cannot_see(blind: tuple[str, Path]) -> None:
    """An error that names server, path and cure: what is staged there they could not read, either."""
    address, hidden = blind
    run = refreshed(dataflow(hidden), "spark", retries=0)
    said = str(result(run, "A").error)
    assert result(run, "A").status == "Failed"
    for part in ("DataSource.Error", address, str(hidden), "all workers see"):
        assert part in said
    assert run.status == "Failed"


def test_a_destination_that_workers_cannot_see(blind: tuple[str, Path], tmp_path: Path) -> None:
    """Its rows come through this process, and a note says why."""
    _, hidden = blind
    place = dataflow(tmp_path / "seen")
    document = place / "mashup.pq"
    document.write_text(document.read_text().replace('"out.parquet"', f'"{hidden}/out.parquet"'))
    run = refreshed(place, "spark")
    completed(run)
    note = result(run, "B", "Activity").note
    assert note == f"came through this process: of 16 rows that workers wrote to {hidden} 0 are here"
    assert pq.read_table(hidden / "out.parquet").num_rows == 50
    assert os.listdir(hidden) == ["out.parquet"]
    assert result(run, "A", "Activity").note is None
    assert not writers(place, "B") & set(OURS)


ERRORS = """
shared S = #table(type table [k = Int64.Type, t = nullable text], List.Transform({1..COUNT}, each {_, {"1", "x", null, "2.5"}{Number.Mod(_, 4)}}));
shared Bad = Table.AddColumn(Table.AddColumn(Table.Sort(S, {{"k", Order.Descending}}), "n", each Number.FromText(Text.Proper([t])), type number),
    "e", each if [k] = 3 then error [Reason = "R", Message = "m", Detail = [k = [k]]] else Text.Proper([t]), type text);
"""


def test_error_cells(any_cluster_server: str, tmp_path: Path) -> None:
    """Nulls that are counted, with the first error and its row, as this process writes them; Spark writes them itself."""
    found = {}
    for name in ("spark", "duckdb"):
        place = make(tmp_path / name, ERRORS.replace("COUNT", "60"))
        run = refreshed(place, name)
        completed(run)
        query = result(run, "Bad")
        found[name] = (rows(place, "Bad"), manifest(place, "Bad")[1].facts, query.errors, query.rows)
    assert repr(found["spark"]) == repr(found["duckdb"])
    assert found["duckdb"][2] == {"n": 15, "e": 1}
    ours = writers(tmp_path / "spark" / "t.Dataflow", "Bad") & set(OURS)
    assert bool(ours) == (current().dialect == "sail")
