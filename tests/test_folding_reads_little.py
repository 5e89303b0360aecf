"""Queries that need few rows of a file, or only what is known of it, read no more; and give what the interpreter gives."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from folding import relations_rows

ROWS = 10
PLACES = (0, 4, ROWS + 2)
STEPS = (
    "Table.LastN({0}, {1})", "Table.Skip({0}, {1})", "Table.RemoveLastN({0}, {1})", "Table.LastN(Table.Skip({0}, 2), {1})",
    "Table.FirstN(Table.Skip({0}, {1}), 2)", "Table.RemoveLastN(Table.Skip({0}, {1}), 2)", "Table.RowCount(Table.LastN({0}, {1}))",
    "Table.LastN(Table.SelectRows({0}, each [a] <> 8), {1})", "Table.SelectRows(Table.LastN({0}, {1}), each [a] <> 8)",
    "Table.LastN(Table.ReverseRows({0}), {1})", 'Table.LastN(Table.AddIndexColumn({0}, "i"), {1})',
    'Table.Group(Table.LastN({0}, {1}), {{}}, {{{{"m", each List.Max([a])}}, {{"f", each List.First([t])}}}})',
    "Table.Combine({{Table.LastN({0}, {1}), Table.RemoveLastN({0}, {1})}})", "List.Max({0}[t])",
    'Table.Group(Table.SelectRows({0}, each [a] > {1}), {{}}, {{{{"n", each Table.RowCount(_)}}, {{"s", each List.Sum([a])}}}})',
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Parquet file and database tables: whole, with a gap in the row numbers, without the last rows, empty, a view."""
    folder = tmp_path_factory.mktemp("few")
    data = pa.table({"a": pa.array(range(ROWS), pa.int64()), "t": [f"text {i}" for i in range(ROWS)]})
    pq.write_table(data, folder / "whole.parquet", row_group_size=3)
    pq.write_table(data.slice(0, 0), folder / "empty.parquet")
    made = duckdb.connect(str(folder / "a.duckdb"))
    made.execute(f"CREATE TABLE whole AS SELECT i AS a, 'text ' || i AS t FROM range({ROWS}) AS r(i)")
    made.execute("CREATE TABLE gap AS FROM whole")
    made.execute("DELETE FROM gap WHERE a IN (2, 3)")
    made.execute("CREATE TABLE shorter AS FROM whole")
    made.execute("DELETE FROM shorter WHERE a > 5")
    made.execute("CREATE TABLE none AS FROM whole LIMIT 0")
    made.execute("CREATE VIEW seen AS FROM whole")
    made.close()
    return folder


def source(place: Path, name: str) -> str:
    if name.endswith(".parquet"):
        return f'Parquet.Document(File.Contents("{place}/{name}"))'
    return f'DuckDB.Database("{place}/a.duckdb"){{[Schema = "main", Item = "{name}"]}}[Data]'


@pytest.mark.parametrize(
    "name", ["whole.parquet", "empty.parquet", "whole", "gap", "shorter", "none", "seen"]
)
def test_rows_by_their_numbers(place: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relations_rows, "SKIPPED", 2)
    for step in STEPS:
        for count in PLACES:
            m = step.format(source(place, name), count)
            found = [mlang.to_m(mlang.evaluate(m, engine=engine)) for engine in ("duckdb", "none")]
            assert found[0] == found[1], m


def test_doubles_of_joined_views_are_added_in_row_order(tmp_path: Path, queries_run: list[str]) -> None:
    """How many rows a view has, nobody knows before it is counted (LST-38)."""
    path = tmp_path / "sums.duckdb"
    with duckdb.connect(str(path)) as made:
        made.execute(
            "CREATE TABLE t AS SELECT * FROM (VALUES (1, 1e16), (2, 1.0), (3, 1.0), (4, -1e16)) AS v(a, x)"
        )
        made.execute("CREATE VIEW v AS FROM t")
    tables = f'DuckDB.Database("{path}"){{{{[Schema = "main", Item = "{{}}"]}}}}[Data]'
    joined = f'Table.Join({tables.format("t")}, "a", Table.PrefixColumns({tables.format("v")}, "v"), "v.a", JoinKind.LeftOuter)'
    for step in (
        "List.Sum({}[x])",
        "List.Average({}[v.x])",
        'Table.Group({}, {{}}, {{{{"s", each List.Sum([x])}}}})',
    ):
        found = [mlang.to_m(mlang.evaluate(step.format(joined), engine=e)) for e in ("duckdb", "none")]
        assert found[0] == found[1]
    assert any("LIMIT 1000001" in query for query in queries_run)


def sql(m: str) -> str:
    return mlang.explain(m).steps[-1].sql or ""


def test_last_rows_are_not_sorted_for(place: Path) -> None:
    for name in ("whole.parquet", "whole"):
        last = sql(f"Table.LastN({source(place, name)}, 3)")
        assert f">= {ROWS - 3}" in last
        assert not any(word in last for word in ("ORDER BY", "LIMIT"))
    assert "ORDER BY" in sql(f"Table.LastN({source(place, 'gap')}, 3)")


def test_a_whole_table_is_one_group_by_itself(place: Path) -> None:
    text = sql(f'Table.Group({source(place, "whole.parquet")}, {{}}, {{{{"m", each List.Max([a])}}}})')
    assert not any(word in text for word in ("GROUP BY", "ORDER BY"))


def test_parts_of_a_combination_have_the_limit(place: Path) -> None:
    whole, gap = source(place, "whole.parquet"), source(place, "gap")
    both = f"Table.FirstN(Table.Skip(Table.Combine({{{gap}, {whole}}}), 3), 7)"
    joined = (
        f'Table.ExpandTableColumn(Table.NestedJoin({both}, "a", {whole}, "a", "o"), "o", {{"t"}}, {{"u"}})'
    )
    assert sql(joined).count("LIMIT 10") == 2
    assert mlang.to_m(mlang.evaluate(joined, engine="duckdb")) == mlang.to_m(
        mlang.evaluate(joined, engine="none")
    )


def test_many_lists_taken_apart_are_planned_soon(place: Path) -> None:
    m = source(place, "whole.parquet")
    for i in range(60):
        m = f'Table.ExpandListColumn(Table.AddColumn({m}, "x{i}", each {{[a], {i}}}), "x{i}")' if i == 7 else (
            f'Table.ExpandListColumn(Table.AddColumn({m}, "x{i}", each {{{i}}}), "x{i}")'
        )  # fmt: skip
    start = time.process_time()
    found = mlang.to_m(mlang.evaluate(m, engine="duckdb"))
    assert time.process_time() - start < 5
    assert found == mlang.to_m(mlang.evaluate(m, engine="none"))


@pytest.mark.parametrize("kind", ["date", "datetime", "logical", "number"])
def test_empty_texts_are_null_without_the_interpreter(tmp_path: Path, kind: str) -> None:
    good = {"date": "2020-01-02", "datetime": "2020-01-02T03:04:05", "logical": "true", "number": "1.5"}[kind]
    pq.write_table(pa.table({"a": ["", good, None, ""]}), tmp_path / "a.parquet")
    t = f'Parquet.Document(File.Contents("{tmp_path}/a.parquet"))'
    name = {"date": "Date", "datetime": "DateTime", "logical": "Logical", "number": "Number"}[kind]
    for m in (
        f'Table.SelectRows(Table.TransformColumnTypes({t}, {{{{"a", type {kind}}}}}, "en-US"), each [a] = null)',
        f"Table.SelectRows({t}, each {name}.From([a]) = null)",
    ):
        folded = mlang.evaluate(f"Table.RowCount({m})", engine="duckdb")
        assert folded == mlang.evaluate(f"Table.RowCount({m})", engine="none") == 3
