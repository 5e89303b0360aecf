"""Destinations that the workers of a cluster append to, and what they leave to this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deltalake
import pyarrow.parquet as pq
import pytest
from dataflows.making import make, result
from test_spark import refreshed
from test_spark_cluster import APPEND, AUTOMATIC, OURS, completed, contents, dataflow

from folding.engines.spark_server import current
from staging import cluster_loads
from staging.destinations.once import Journal


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The destinations, and whether the cluster wrote them."""
    found: list[tuple[str, bool]] = []
    original = cluster_loads.load

    def load(target: Any, *given: Any) -> int | None:
        size = original(target, *given)
        found.append((type(target).__name__, size is not None))
        return size

    monkeypatch.setattr(cluster_loads, "load", load)
    return found


def lake(place: Path) -> Path:
    return place.parent / ".mlang" / "shop.Lakehouse" / "Tables" / "T"


def without_end(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """A refresh that does all and dies before anybody notes it."""
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "end", lambda self: None)
        completed(refreshed(place, "spark"))


BOTH = [("DeltaTarget", True), ("FileTarget", True)]


def test_appends(cluster_server: str, tmp_path: Path, loads: list[tuple[str, bool]]) -> None:
    """The rows of three refreshes, as this process appends them: to nothing, to its own, to those of others."""
    found = {}
    for name in ("spark", "duckdb"):
        place = dataflow(tmp_path / name, APPEND)
        for one in (name, "duckdb", name):
            completed(refreshed(place, one))
        found[name] = contents(place)
    assert sorted(loads) == sorted(BOTH * 2)
    for a, b in zip(found["spark"], found["duckdb"], strict=True):
        assert a.schema.equals(b.schema)
        assert repr(a.to_pylist()) == repr(b.to_pylist())
    assert (found["spark"][0].num_rows, found["spark"][1].num_rows) == (3 * 47, 3 * 50)
    place = tmp_path / "spark" / "t.Dataflow"
    table = deltalake.DeltaTable(str(lake(place)))
    assert table.version() == 2
    assert all(h["mlang.load"] for h in table.history())
    files = [pq.read_metadata(lake(place) / f.path).created_by for f in _added(table)]
    assert len([f for f in files if f.partition(" ")[0] not in OURS]) >= 2
    assert {p.name for p in place.iterdir()} == {"mashup.pq", "queryMetadata.json", "out.parquet"}


def _added(table: Any) -> list[Any]:
    from types import SimpleNamespace

    import pyarrow as pa

    rows = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return [SimpleNamespace(path=row["path"]) for row in rows]


def test_an_append_is_done_once(
    any_cluster_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loads: list[tuple[str, bool]]
) -> None:
    """After a refresh that did it and died, whoever wrote; other rows are appended; a later refresh appends again."""
    place = dataflow(tmp_path, APPEND)
    without_end(monkeypatch, place)
    run = refreshed(place, "spark")
    completed(run)
    for query in ("A", "B"):
        assert "has appended these rows already" in str(result(run, query, "Activity").note)
    assert [t.num_rows for t in contents(place)] == [47, 50]
    without_end(monkeypatch, place)
    dataflow(tmp_path, APPEND, 60)
    completed(refreshed(place, "spark"))
    assert [t.num_rows for t in contents(place)] == [47 * 2 + 57, 50 * 2 + 60]
    completed(refreshed(place, "duckdb"))
    assert [t.num_rows for t in contents(place)] == [47 * 2 + 57 * 2, 50 * 2 + 60 * 2]
    wrote = [done for _, done in loads]
    assert wrote.count(True) == 4  # the first and the third refresh
    assert wrote.count(False) == 4  # what may have been done is compared here


def test_append_to_other_columns(
    any_cluster_server: str, tmp_path: Path, loads: list[tuple[str, bool]]
) -> None:
    """The same words as without a cluster, and nothing is changed."""
    said = {}
    for name in ("spark", "duckdb"):
        place = dataflow(tmp_path / name, APPEND)
        completed(refreshed(place, name))
        document = place / "mashup.pq"
        document.write_text(document.read_text().replace('"y", each', '"z", each').replace("k = Int64.Type, g", "k2 = Int64.Type, g")
                            .replace('{"k", Order', '{"k2", Order').replace("[k]", "[k2]").replace('S, "k")', 'S, "k2")'))  # fmt: skip
        run = refreshed(place, name)
        said[name] = [
            str(result(run, q, "Activity").error).replace(str(tmp_path / name), "") for q in ("A", "B")
        ]
        assert [t.num_rows for t in contents(place)] == [47, 50]
    assert said["spark"] == said["duckdb"]
    assert all("column" in text for text in said["spark"])
    assert [done for _, done in loads] == [True, True, False, False]


def test_rules_of_a_table_are_kept(
    any_cluster_server: str, tmp_path: Path, loads: list[tuple[str, bool]]
) -> None:
    """A constraint that somebody put on it: files alone would pass it by."""
    place = dataflow(tmp_path, APPEND)
    completed(refreshed(place, "spark"))
    deltalake.DeltaTable(str(lake(place))).alter.add_constraint({"low": "k < 51"})
    completed(refreshed(place, "spark"))
    assert contents(place)[0].num_rows == 94
    dataflow(tmp_path, APPEND, 60)
    run = refreshed(place, "spark")
    assert result(run, "A", "Activity").status == "Failed"
    assert "10 rows failed validation" in str(result(run, "A", "Activity").error)
    assert contents(place)[0].num_rows == 94
    assert [done for kind, done in loads if kind == "DeltaTarget"] == [True, False, False]


ERRORS = """
shared S = #table(type table [k = Int64.Type, t = nullable text], List.Transform({1..COUNT}, each {_, {"1", "x", null, "2.5"}{Number.Mod(_, 4)}}));
[DataDestinations = {[Definition = [Kind = "Reference", QueryName = "D"], Settings = [SETTINGS]]}]
shared A = Table.AddColumn(Table.AddColumn(Table.Sort(S, {{"k", Order.Descending}}), "n", each Number.FromText(Text.Proper([t])), type number),
    "e", each if [k] = 3 then error [Reason = "R", Message = "m", Detail = [k = [k]]] else Text.Proper([t]), type nullable text);
[DataDestinations = {[Definition = [Kind = "Reference", QueryName = "P"], Settings = [SETTINGS]]}]
shared B = A;
shared D = Lakehouse.Contents([]){[workspaceId = "w"]}[Data]{[lakehouseId = "shop"]}[Data]{[Id = "T", ItemKind = "Table"]}?[Data]?;
shared P = File.Contents("out.parquet");
"""


@pytest.mark.parametrize("how", [AUTOMATIC, APPEND])
def test_error_cells(
    any_cluster_server: str, tmp_path: Path, loads: list[tuple[str, bool]], how: str
) -> None:
    """Nulls that are counted, as this process writes them; Spark writes them itself."""
    found = {}
    nullable = ERRORS.replace("type number)", "type nullable number)")
    for name in ("spark", "duckdb"):
        text = nullable.replace("COUNT", "60").replace("SETTINGS", how)
        place = make(tmp_path / name, text, unstaged=("A", "B"))
        run = refreshed(place, name)
        completed(run)
        counts = [(result(run, q, "Activity").rows, result(run, q, "Activity").errors) for q in ("A", "B")]
        found[name] = (counts, [t.to_pylist() for t in contents(place)])
    assert repr(found["spark"]) == repr(found["duckdb"])
    assert found["duckdb"][0] == [(60, {"n": 15, "e": 1})] * 2
    assert [done for _, done in loads] == [current().dialect == "spark"] * 2
