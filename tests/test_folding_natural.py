"""Whole numbers that are known not to be negative: the same cells, signs of zeros included, with less SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from folding import spelling
from mlang.connectors import csv_blocks

CELLS = {
    "natural": [0, 4, 7, 255, 4096],
    "negative": [-4, 0, -7, 255, -300],
    "missing": [None, 4, 6, 0, 65536],
}
KINDS = ["memory", "parquet", "table", "csv"]
STEPS = [
    "{0}",
    "Table.Combine({{{0}, Table.TransformColumns({0}, {{{{\"a\", each -_, Int64.Type}}}})}})",
    "Table.Combine({{Table.SelectColumns(Table.AddIndexColumn(Table.RemoveColumns({0}, {{\"a\"}}), \"a\", 0, 2, Int64.Type), {{\"a\"}}), {0}}})",
    "Table.ReplaceValue({0}, 4, -4, Replacer.ReplaceValue, {{\"a\"}})",
    "Table.FillDown(Table.Sort({0}, \"a\"), {{\"a\"}})",
    "Table.ReplaceErrorValues(Table.TransformColumns({0}, {{\"a\", each Int64.From(_)}}), {{\"a\", -1}})",
]  # fmt: skip


def source_of(kind: str, cells: list[int | None], folder: Path) -> str:
    """A table of one column of whole numbers."""
    data = pa.table({"a": pa.array(cells, pa.int64())})
    if kind == "memory":
        rows = ", ".join("{" + mlang.to_m(cell) + "}" for cell in cells)
        return f"#table(type table [a = Int64.Type], {{{rows}}})"
    if kind == "parquet":
        pq.write_table(data, folder / "t.parquet", row_group_size=2)
        return f'Parquet.Document(File.Contents("{folder}/t.parquet"))'
    if kind == "csv":
        (folder / "t.csv").write_text("\n".join(["a,b", *("," if c is None else f"{c}," for c in cells)]))
        text = f'Table.PromoteHeaders(Csv.Document(File.Contents("{folder}/t.csv")))'
        return f'Table.TransformColumnTypes({text}, {{"a", Int64.Type}})[[a]]'
    with duckdb.connect(str(folder / "t.duckdb")) as con:
        con.register("data", data)
        con.execute("CREATE TABLE t AS FROM data")
    return f'DuckDB.Database("{folder}/t.duckdb"){{[Schema = "main", Item = "t"]}}[Data]'


def rows_of(text: str, engine: str) -> list[tuple[Any, ...]]:
    """The rows as Python writes them: with the sign of a zero."""
    return [
        tuple(map(repr, row.values())) for row in mlang.evaluate(text, engine=engine).to_arrow().to_pylist()
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cells", CELLS)
@pytest.mark.parametrize("step", STEPS)
def test_cells_are_the_same(tmp_path: Path, kind: str, cells: str, step: str) -> None:
    table = step.format(source_of(kind, CELLS[cells], tmp_path))
    text = (
        f'let t = {table}, m = Table.AddColumn(t, "m", each Number.Mod([a], 2), type number),'
        ' x = Table.AddColumn(m, "x", each Number.ToText([a], "X3"), type text) in'
        ' Table.AddColumn(x, "l", each try List.Count(List.FirstN({1, 2, 3}, [a])) otherwise -1, type number)'
    )
    spelling._found.clear()
    with patch.object(csv_blocks, "LEAST", 0):
        expected = rows_of(text, "none")
        assert rows_of(text, "duckdb") == expected
        assert rows_of(text, "duckdb") == expected, "with what the first run learnt"


@pytest.mark.parametrize(("cells", "short"), [("natural", True), ("negative", False), ("missing", True)])
@pytest.mark.parametrize("kind", ["parquet", "table"])
def test_what_is_known_makes_the_query_short(
    tmp_path: Path, kind: str, cells: str, short: bool, queries_run: list[str]
) -> None:
    source = source_of(kind, CELLS[cells], tmp_path)
    text = f'Table.AddColumn({source}, "x", each Number.ToText(Number.Mod([a], 5), "X"), type text)'
    mlang.evaluate(text, engine="duckdb").to_arrow()
    assert ("CASE" not in queries_run[-1]) is short
