"""Rows stay in the order of their source where nothing sorts them, however many threads an engine has (TBL-82)."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import mlang

ROWS = 400_000
TESTS = [
    "List.Contains({1, 5, 9, 13, 17, 21, 44}, [k])",
    'List.Contains({"t1", "t5", "t9", "t13", "t17", "t21", "t44"}, [t])',
    'List.Contains({"t1", "t5", "t9", "t13", "t17", null, "t44"}, [t])',
    "List.Contains({#date(2020, 1, 2), #date(2020, 1, 6), #date(2020, 1, 9), #date(2020, 1, 14), #date(2020, 2, 2)}, [d])",
    "List.Contains({1, 5, 9, 13, 17, 21, 44}, [k]) or [t] = \"t3\"",
    "List.Contains({\"A\", \"b\", \"c\", \"d\", \"e\", \"f\"}, \"A\" ?? [t])",
    "if [k] > 40 then List.Contains({1, 5, 9, 13, 17, 21, 44}, [k]) else true",
    "List.Max({[k], 3}) > 5",
    "not List.Contains({1, 5, 9, 13, 17, 21, 44}, [k])",
]  # fmt: skip
STEPS = [
    "Table.SelectRows({0}, each {1})[id]",
    'Table.AddColumn({0}, "x", each {1}, type logical)[id]',
    'Table.TransformColumns({0}, {{"k", each if List.Contains({{1, 5, 9, 13, 17}}, _) then 1 else 0, type number}})[id]',
    "Table.SelectRows(Table.Combine({{{0}, Table.FirstN({0}, 2)}}), each {1} or [id] < 0)[id]",
    "Table.FirstN(Table.SelectRows({0}, each {1}), 200000)[id]",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("order")
    with duckdb.connect(str(made / "t.duckdb")) as con:
        con.execute(
            "CREATE TABLE t AS SELECT i AS id, (i * 7) % 50 AS k, 't' || ((i * 7) % 50) AS t,"
            f" DATE '2020-01-01' + ((i * 7) % 50)::INTEGER AS d FROM range({ROWS}) AS r(i)"
        )
        con.execute(f"COPY t TO '{made}/t.parquet' (ROW_GROUP_SIZE 20000)")
    return made


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("kind", ["parquet", "table"])
def test_rows_keep_their_order(folder: Path, kind: str, test: str, step: str) -> None:
    if kind == "parquet":
        source = f'Parquet.Document(File.Contents("{folder}/t.parquet"))'
    else:
        source = f'DuckDB.Database("{folder}/t.duckdb"){{[Schema = "main", Item = "t"]}}[Data]'
    program = f"let s = {source} in {step.format('s', test)}"
    found = [int(cell) for cell in mlang.evaluate(program, engine="duckdb")]
    while "Combine" in step and found[-1] < 2:  # the first rows once more, at the end
        found.pop()
    assert len(found) > 1000
    assert found == sorted(found)
