"""The SQL that `explain` shows: names of M, no needless signs, and the same rows as what runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang

SALES = pa.table({
    "id": list(range(60)), "product": [i * 7 % 11 for i in range(60)], "Region": [f"R{i * 5 % 4}" for i in range(60)],
    "unit price": [i * 13 % 17 / 4 for i in range(60)], "price": [str(i) if i % 9 else "n/a" for i in range(60)],
    "select": [i % 3 == 0 for i in range(60)],
})  # fmt: skip
PRODUCTS = pa.table({"product": list(range(9)), "category": [f"C{i % 3}" for i in range(9)]})
S, P = 'Parquet.Document(File.Contents("sales"))', 'Parquet.Document(File.Contents("products"))'

QUERIES = {
    "filter": f'Table.SelectRows({S}, each [id] > 8 and [Region] = "R1" and [price] <> null)',
    "compute": f'Table.SelectColumns(Table.AddColumn({S}, "Total value", each [unit price] * ([id] + 1)), {{"Total value", "id"}})',
    "swap": f'Table.RenameColumns({S}, {{{{"id", "product"}}, {{"product", "id"}}}})',
    "shadow": f'Table.AddColumn(Table.SelectColumns({S}, {{"id"}}), "product", each [id] * 2)',
    "group": f'Table.Group({S}, {{"Region"}}, {{{{"n", each Table.RowCount(_)}}, {{"unit price", each List.Max([unit price])}}}})',
    "top": f'Table.FirstN(Table.Sort({S}, {{{{"unit price", 1}}}}), 5)',
    "join": f'Table.ExpandTableColumn(Table.NestedJoin({S}, {{"product"}}, {P}, {{"product"}}, "p", JoinKind.LeftOuter), "p", {{"category"}}, {{"Category"}})',
    "append": f'Table.Combine({{Table.SelectRows({S}, each [id] < 5), Table.SelectRows({S}, each [id] > 55)}})',
    "distinct": f'Table.Distinct(Table.SelectColumns({S}, {{"product", "Region"}}))',
    "index": f'Table.SelectRows(Table.AddIndexColumn({S}, "Index", 1, 1), each Number.Mod([Index], 7) = 0)',
    "pivot": f'Table.Pivot(Table.SelectColumns({S}, {{"product", "Region", "id"}}), {{"R0", "R1"}}, "Region", "id", List.Sum)',
    "unpivot": f'Table.UnpivotOtherColumns(Table.SelectColumns({S}, {{"Region", "id", "unit price"}}), {{"Region"}}, "what", "value")',
    "capitals": f'Table.AddColumn(Table.SelectColumns({S}, {{"id"}}), "ID", each [id] + 1)',
    "membership": f'Table.Join({S}, "product", Table.RenameColumns({P}, {{{{"product", "pid"}}}}), "pid", JoinKind.LeftSemi)',
    "leading": f'Table.FirstN({S}, each [Region] <> "R3" or [id] < 9)',
    "trailing": f'Table.RemoveLastN({S}, each [product] <> 4)',
    "latest": f'Table.Distinct(Table.Buffer(Table.Sort({S}, {{{{"unit price", 1}}, {{"Region", 0}}}})), {{"product"}})',
    "largest": f'let s = {S}, x = Table.SelectRows(s, each [id] = List.Max(s[product])) in x',
    "text": f'Table.TransformColumns({S}, {{{{"Region", Text.Lower, type text}}}})',
    "nothing": f"Table.SelectColumns({S}, {{}})",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pq.write_table(SALES, tmp_path / "sales")
    pq.write_table(PRODUCTS, tmp_path / "products")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(m: str) -> str:
    report = mlang.explain(m)[-1]
    assert report.indicator == "Folding", report.reason
    assert report.sql is not None
    return str(report.sql)


def rows(table: Any) -> list[tuple[Any, ...]]:
    return list(zip(*[table.column(i).to_pylist() for i in range(table.num_columns)], strict=True))


@pytest.mark.parametrize("name", QUERIES)
def test_what_is_shown_gives_the_same_rows(folder: Path, name: str) -> None:
    found = duckdb.connect().sql(shown(QUERIES[name])).to_arrow_table()
    table = mlang.evaluate(QUERIES[name], engine="none")
    if table.names:
        assert [n.removesuffix("_1") for n in found.column_names] == list(table.names)
        assert rows(found) == rows(table.to_arrow())
    else:
        assert found.num_rows == 60


def test_one_select_with_the_names_of_m(folder: Path) -> None:
    text = " ".join(shown(QUERIES["compute"]).split())
    assert text.startswith('SELECT "unit price" * ')
    assert text.endswith(f""" AS "Total value", id FROM READ_PARQUET('{folder}/sales')""")
    kept = " ".join(shown(f'Table.SelectRows({S}, each [id] > 8 and [Region] <> "R1")').split())
    assert kept == (
        'SELECT id, product, Region, "unit price", price, "select" '
        f"FROM READ_PARQUET('{folder}/sales') WHERE id > 8 AND Region <> 'R1'"
    )


def test_names_that_engines_take_for_others_are_kept_apart(folder: Path) -> None:
    """A new column that has the name of one of the file: columns say which table they are of."""
    assert "t1.id" in shown(QUERIES["swap"])
    assert "t1.id" in shown(QUERIES["shadow"])
