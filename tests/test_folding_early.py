"""First rows that are found without all rows, cells of unpivoted columns in their order: a large file, folded and interpreted."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import mlang

_ROWS = 120_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "rows.parquet"
    duckdb.connect().execute(
        f"COPY (SELECT i AS id, 'g' || (i * 7 % 90) AS part, CASE WHEN i % 3 > 0 THEN i % 5 END AS x, i % 11 AS y "
        f"FROM range({_ROWS}) AS r(i)) TO '{path}'"
    )
    return path


def _text(path: Path, step: str, engine: str) -> str:
    source = f'rows = Parquet.Document(File.Contents("{path}"))'
    other = "other = #table(type table [k = number, w = number], {{1, 5}, {4, 6}, {1, 7}})"
    table = f"let {source}, {other}, made = {step} in Text.FromBinary(Json.FromValue(Table.ToRows(made)))"
    return str(mlang.evaluate(table, engine=engine))


@pytest.mark.parametrize(
    "step",
    [
        'Table.FirstN(Table.Distinct(rows, {"id"}), 7)',
        'Table.FirstN(Table.Distinct(rows, {"part"}), 60)',
        'Table.FirstN(Table.Distinct(rows, {"part"}), 200)',
        'Table.FirstN(Table.Distinct(Table.SelectRows(rows, each [y] = 4), {"part", "x"}), 30)',
        'Table.FirstN(Table.Distinct(Table.Skip(rows, 119990), {"id"}), 5)',
        'Table.FirstN(Table.Distinct(Table.Sort(rows, {"y"}), {"part"}), 5)',
        "Table.FirstN(Table.Distinct(rows[[part], [y]]), 12)",
        'Table.RemoveColumns(Table.FirstN(Table.AddColumn(Table.NestedJoin(rows, "x", other, "k", "o"), "n", each List.Sum([o][w])), 9), "o")',
        'Table.ExpandTableColumn(Table.FirstN(Table.NestedJoin(rows, "x", other, "k", "o"), 9), "o", {"w"})',
        'Table.FirstN(Table.Unpivot(rows, {"x", "y"}, "a", "v"), 20)',
        'Table.Group(Table.Unpivot(rows, {"y", "x"}, "a", "v"), {"a", "v"}, {"n", Table.RowCount})',
        'Table.FirstN(Table.Unpivot(Table.Unpivot(rows, {"x", "y"}, "a", "v"), {"id", "v"}, "b", "u"), 20)',
    ],
)
def test_first_rows_folded_are_those_interpreted(large: Path, step: str) -> None:
    assert _text(large, step, "duckdb") == _text(large, step, "none")


def test_a_beginning_of_the_file_is_enough(large: Path, queries_run: list[str]) -> None:
    _text(large, 'Table.FirstN(Table.Distinct(rows, {"id"}), 7)', "duckdb")
    assert queries_run
    assert all("LIMIT 28" in text for text in queries_run)


def test_sums_of_few_rows_of_a_join_are_added_in_order(tmp_path: Path) -> None:
    """Both tables multiplied would be over the million rows up to which doubles are added as M adds them."""
    duckdb.sql(
        "COPY (SELECT i % 265 AS c, sin(i) * 1000 / 3 AS v FROM range(12000) AS t(i)) "
        f"TO '{tmp_path / 'l.parquet'}'"
    )
    duckdb.sql(f"COPY (SELECT i AS c, i % 7 AS g FROM range(265) AS t(i)) TO '{tmp_path / 'r.parquet'}'")
    left, right = (f'Parquet.Document(File.Contents("{tmp_path / name}.parquet"))' for name in "lr")
    text = f"""Table.Group(Table.ExpandTableColumn(Table.NestedJoin({left}, "c", {right}, "c", "n"), "n", {{"g"}}), "g",
        {{{{"s", each List.Sum([v])}}, {{"a", each List.Average([v])}}}})"""
    folded, interpreted = (mlang.to_m(mlang.evaluate(text, engine=engine)) for engine in ("duckdb", "none"))
    assert folded == interpreted


@pytest.mark.parametrize("encoding", [65001, 1252])
def test_sums_of_few_rows_of_a_file_are_added_in_order(tmp_path: Path, encoding: int) -> None:
    """By its size alone the file might have over a million lines."""
    path = tmp_path / "rows.csv"
    lines = [f"{i % 7},{i * 7919 % 10007 / 3!r},text {i} é that is long enough" for i in range(30_000)]
    path.write_text("k,v,t\n" + "\n".join(lines) + "\n", encoding="utf-8" if encoding == 65001 else "cp1252")
    source = f'Csv.Document(File.Contents("{path}"), [Delimiter = ",", Encoding = {encoding}])'
    typed = f'Table.TransformColumnTypes(Table.PromoteHeaders({source}), {{{{"v", type number}}}}, "en-US")'
    text = f'Table.Group({typed}, "k", {{{{"s", each List.Sum([v])}}, {{"a", each List.Average([v])}}}})'
    folded, interpreted = (mlang.to_m(mlang.evaluate(text, engine=engine)) for engine in ("duckdb", "none"))
    assert folded == interpreted
