"""`Table.Distinct` by some columns: the first row of each key, cell for cell, signs of zeros included (TBL-51)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang

ROWS = [
    ("a", 0.0, -0.0, None), ("b", -0.0, 0.0, "x"), ("a", 1.0, 5.0, "y"), (None, 2.0, None, "z"), (None, 3.0, -0.0, None),
    ("b", 0.0, 7.0, None), ("c", None, -0.0, "😀"), ("A", None, 1.0, "x"),
]  # fmt: skip
KINDS = ["memory", "parquet", "table", "view", "csv"]


def source_of(kind: str, folder: Path) -> str:
    """The rows as an M expression over one kind of source."""
    data = pa.table(dict(zip("ktvw", map(list, zip(*ROWS, strict=True)), strict=True)))
    if kind == "memory":
        rows = ", ".join("{" + ", ".join(map(_literal, row)) + "}" for row in ROWS)
        return f"#table(type table [k = text, t = number, v = number, w = text], {{{rows}}})"
    if kind == "parquet":
        pq.write_table(data, folder / "t.parquet", row_group_size=3)
        return f'Parquet.Document(File.Contents("{folder}/t.parquet"))'
    if kind == "csv":
        lines = [",".join("" if x is None else str(x) for x in row) for row in ROWS]
        (folder / "t.csv").write_text("\n".join(["k,t,v,w", *lines]))
        text = f'Table.PromoteHeaders(Csv.Document(File.Contents("{folder}/t.csv"), [Columns = 4]))'
        return f'Table.TransformColumnTypes({text}, {{{{"t", type number}}, {{"v", type number}}}})'
    with duckdb.connect(str(folder / "t.duckdb")) as con:
        con.register("data", data)
        con.execute("CREATE TABLE base AS FROM data")
        con.execute("CREATE VIEW looked AS FROM base")
    name = "base" if kind == "table" else "looked"
    return f'DuckDB.Database("{folder}/t.duckdb"){{[Schema = "main", Item = "{name}"]}}[Data]'


def _literal(cell: Any) -> str:
    return repr(cell) if isinstance(cell, float) else mlang.to_m(cell)


def cells(text: str, engine: str) -> list[tuple[Any, ...]]:
    """The rows, numbers as Python writes them: with the sign of a zero."""
    rows = mlang.evaluate(text, engine=engine).to_arrow().to_pylist()
    return [tuple(repr(cell) for cell in row.values()) for row in rows]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "keys", ['"k"', '"t"', '{"k", "t"}', '"w"', '{"k", Comparer.OrdinalIgnoreCase}', '"v"']
)
@pytest.mark.parametrize(
    "step",
    ["{0}", "Table.SelectRows({0}, each [v] <> 7)", 'Table.AddIndexColumn({0}, "i")', "Table.Skip({0}, 1)",
     'Table.Sort({0}, {{"w", Order.Descending}})', "Table.Combine({{{0}, {0}}})",
     'Table.AddColumn({0}, "n", each -1 * [v], type number)',
     'Table.SelectRows({0}, each if [k] = "no" then error "x" else true)'],
)  # fmt: skip
def test_the_first_row_of_each_key_is_whole(tmp_path: Path, kind: str, keys: str, step: str) -> None:
    text = f"Table.Distinct({step.format(source_of(kind, tmp_path))}, {keys})"
    assert cells(text, "duckdb") == cells(text, "none")


@pytest.mark.parametrize("kind", ["parquet", "table"])
def test_the_first_rows_of_files_are_found_by_their_numbers(
    tmp_path: Path, kind: str, queries_run: list[str]
) -> None:
    mlang.evaluate(f'Table.Distinct({source_of(kind, tmp_path)}, "k")', engine="duckdb").to_arrow()
    assert "IN (SELECT MIN(" in queries_run[-1]
    assert "OVER" not in queries_run[-1]
