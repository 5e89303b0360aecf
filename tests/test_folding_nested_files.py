"""Steps over Parquet files that hold lists and records beside their plain columns, and what is said of tables in cells."""

from __future__ import annotations

from pathlib import Path

import pytest

import mlang

ROWS = """select i as id, date '2020-01-01' + cast(i % 1500 as int) as d, [i % 3, i % 5] as li,
    {'x': i % 4, 'y': 's' || (i % 2)} as st, timestamp '2020-01-01' + interval (i) minute as ts from range(3000) t(i)"""
QUERY = """let S = Parquet.Document(File.Contents("{path}")), R = Table.RemoveColumns(S, {{"li", "st"}}),
    F = Table.SelectRows(R, each Date.Year([d]) = 2021),
    G = Table.Group(F, {{"d"}}, {{{{"n", Table.RowCount}}, {{"t", each List.Max([ts])}}}}) in G"""


def test_statistics_of_plain_columns_beside_nested_ones(tmp_path: Path) -> None:
    """Records have several columns in the file: those after them are found all the same."""
    import duckdb

    path = tmp_path / "t.parquet"
    duckdb.connect().execute(f"copy ({ROWS}) to '{path}' (format parquet)")
    query = QUERY.format(path=path)
    assert mlang.explain(query)["G"].indicator == "Folding"
    answers = {mlang.to_m(mlang.evaluate(query, engine=engine)) for engine in ("duckdb", "none")}
    assert len(answers) == 1


@pytest.mark.parametrize(
    "step", ['Table.Group(S, {"g"}, {{"rows", each _}})', 'Table.NestedJoin(S, "g", S, "g", "rows")']
)
def test_tables_in_cells_are_called_so(tmp_path: Path, step: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("g,v\n1,2\n1,3\n")
    query = f'let S = Table.PromoteHeaders(Csv.Document(File.Contents("{path}"))), G = {step} in G'
    made = mlang.explain(query)["G"]
    assert made.reason == "the column 'rows' holds a table in each row"
    assert made.cure is not None
    assert "expands or aggregates" in made.cure
    next_step = query.replace(" in G", ', X = Table.ExpandTableColumn(G, "rows", {"v"}, {"w"}) in X')
    assert mlang.explain(next_step)["X"].indicator == "Folding"
