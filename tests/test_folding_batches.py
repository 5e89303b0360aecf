"""Results as Arrow data, cells that did not convert among them; files whose texts are looked at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

import mlang
from folding import spelling
from folding.batches import FoldedBatch
from mlang.compile.entry import run
from mlang.values.show import to_m

ROWS = 40_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Parquet file of texts of which one in a thousand is no plain number."""
    path = tmp_path_factory.mktemp("odd") / "odd.parquet"
    duckdb.sql(f"""COPY (SELECT 'row ' || i AS t,
        CASE WHEN i % 1000 = 9 THEN '1,' || (100 + i % 5) ELSE (i % 97) || '.5' END AS double,
        CASE WHEN i % 1000 = 9 THEN '1,' || (100 + i % 5) ELSE (i % 97)::VARCHAR END AS whole,
        CASE WHEN i % 1000 = 9 THEN '-0' WHEN i % 1000 = 8 THEN '' ELSE i::VARCHAR END AS zero,
        CASE WHEN i = 39000 THEN 'none' WHEN i % 1000 = 9 THEN '1,5' ELSE i::VARCHAR END AS bad,
        CASE WHEN i % 1000 = 9 THEN 'TRUE' WHEN i % 3 = 0 THEN 'true' ELSE 'false' END AS logical,
        CASE WHEN i % 1000 = 9 THEN '3 May 2021' ELSE '2021-05-' || (10 + i % 20) END AS day
        FROM range({ROWS}) AS r(i)) TO '{path}'""")
    return f'Parquet.Document(File.Contents("{path}"))'


def outcome(m: str, engine: str) -> tuple[Any, str]:
    """The Arrow data (or the error that stands in its way), and all cells with their errors."""
    table = mlang.evaluate(m, engine=engine, culture="en-US")
    try:
        data = table.to_arrow()
    except mlang.MError as error:
        data = str(error)
    return data, run(lambda: to_m(table, "show"))


@pytest.mark.parametrize(
    ("column", "type"),
    [
        ("double", "type number"), ("whole", "Int64.Type"), ("zero", "Int64.Type"), ("zero", "type number"),
        ("bad", "type number"), ("bad", "Int64.Type"), ("logical", "type logical"), ("day", "type date"),
    ],
)  # fmt: skip
def test_cells_that_are_converted_one_by_one(source: str, column: str, type: str) -> None:
    m = f'Table.TransformColumnTypes({source}, {{{{"{column}", {type}}}}}, "en-US")'
    (folded, cells), (interpreted, expected) = outcome(m, "duckdb"), outcome(m, "none")
    assert cells == expected
    assert folded == interpreted


def test_the_other_columns_stay_arrow(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither converted texts nor errors in one column make cells of the others."""
    made: set[str] = set()
    cells = FoldedBatch.cells

    def seen(self: FoldedBatch, index: int) -> list[Any]:
        if index not in self._cells:
            made.add(str(self._query.columns[index].term.sql))
        return cells(self, index)

    monkeypatch.setattr(FoldedBatch, "cells", seen)
    m = f'Table.TransformColumnTypes({source}, {{{{"double", type number}}, {{"whole", Int64.Type}}}}, "en-US")'
    assert mlang.evaluate(m, engine="duckdb").to_arrow().num_rows == ROWS
    assert not made


_CSV_TYPES = '{{"a", Int64.Type}, {"b", type number}, {"c", Int64.Type}, {"d", type date}}'


def test_columns_of_a_file_are_looked_at_in_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second query asks about all columns at once, the third knows; a file that changed is asked anew."""
    asked: list[int] = []
    ask = spelling._asked

    def counted(origin: Any, columns: dict[int, Any]) -> dict[int, dict[str, Any]]:
        if columns:
            asked.append(len(columns))
        return ask(origin, columns)

    monkeypatch.setattr(spelling, "_asked", counted)
    path = tmp_path / "a.csv"
    typed = f'Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents("{path}"))), {_CSV_TYPES})'
    m = f"Table.SelectRows({typed}, each [a] <> 1 and [b] <> 7 and [c] <> 9 and [d] <> #date(2021, 1, 2))"

    def rows() -> str:
        found = [
            mlang.to_m(mlang.evaluate(m, engine=engine, culture="en-US")) for engine in ("duckdb", "none")
        ]
        assert found[0] == found[1]
        return found[0]

    path.write_text("a,b,c,d\n1,2.5,3,2020-01-01\n2,3,4,2020-01-02\n")
    first = rows()
    assert asked == []
    assert rows() == first
    assert asked == [4]
    assert rows() == first
    assert asked == [4]
    path.write_text("a,b,c,d\n1,2.5,3,2020-01-01\n2,3,-0,2020-01-02\n+5,1e3,,2020-01-03\n")
    changed = rows()
    assert changed != first
    assert asked == [4]
    assert rows() == changed
    assert asked == [4, 4]
    assert rows() == changed
    assert asked == [4, 4]


def test_a_column_converted_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    text = f'Table.PromoteHeaders(Csv.Document(File.Contents("{path}")))'
    m = f'Table.TransformColumnTypes({text}, {{{{"a", type number}}, {{"b", Int64.Type}}, {{"a", Int64.Type}}}})'
    for _ in range(3):
        found = [mlang.to_m(mlang.evaluate(m, engine=engine)) for engine in ("duckdb", "none")]
        assert found[0] == found[1]


@pytest.mark.parametrize(
    "body",
    [
        "Table.Combine({a, b, a})",
        'Table.Group(Table.Combine({b, a}), {"k"}, {{"n", each Table.RowCount(_)}, {"s", each List.Sum([v])}})',
        'Table.Distinct(Table.Combine({Table.Skip(b, 2), a}), {"k"})',
        'Table.AddIndexColumn(Table.Combine({a, Table.Sort(b, "v"), a}), "i")',
        'Table.Distinct(Table.Combine({Table.Join(a, "k", r, "rk", JoinKind.FullOuter), b}), {"k"})',
        'Table.Distinct(Table.Combine({Table.Combine({a, b}), Table.FirstN(b, 3), a}), {"k", "v"})',
        'Table.Skip(Table.Combine({Table.LastN(a, 5), Table.ReverseRows(b)}), 3)',
        'Table.Join(Table.Combine({b, a}), "k", r, "rk", JoinKind.LeftOuter)',
    ],
)  # fmt: skip
def test_the_order_of_combined_tables(tmp_path: Path, body: str) -> None:
    """Row numbers of the parts follow each other."""
    duckdb.sql(f"COPY (SELECT (i * 7) % 5 AS k, i AS v FROM range(20) r(i)) TO '{tmp_path}/a.parquet'")
    duckdb.sql(f"COPY (SELECT (i * 3) % 11 AS k, 40 - i AS v FROM range(9) r(i)) TO '{tmp_path}/b.parquet'")
    m = f"""let a = Parquet.Document(File.Contents("{tmp_path}/a.parquet")), b = Parquet.Document(File.Contents("{tmp_path}/b.parquet")),
        r = Table.RenameColumns(Table.SelectColumns(b, "k"), {{"k", "rk"}}) in {body}"""
    folded, interpreted = (mlang.to_m(mlang.evaluate(m, engine=engine)) for engine in ("duckdb", "none"))
    assert folded == interpreted


def test_nested_tables_are_not_asked_for_one_by_one(tmp_path: Path, queries_run: list[str]) -> None:
    for name in ("left", "right"):
        duckdb.sql(f"COPY (SELECT i % 500 AS k, i AS v FROM range(1000) r(i)) TO '{tmp_path}/{name}.parquet'")
    left, right = (
        f'Table.SelectRows(Parquet.Document(File.Contents("{tmp_path}/{name}.parquet")), each [v] > 10)'
        for name in ("left", "right")
    )
    text = f'Table.NestedJoin({left}, "k", {right}, "k", "n", JoinKind.LeftOuter)'
    expected = mlang.to_m(mlang.evaluate(text, engine="none"))
    assert mlang.to_m(mlang.evaluate(text, engine="duckdb")) == expected
    assert 1 <= len(queries_run) < 10, len(queries_run)
