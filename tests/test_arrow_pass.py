"""Which plans over Arrow data in memory the interpreter keeps, and that both engines give the same there."""

from __future__ import annotations

from unittest.mock import patch

import pyarrow as pa
import pytest

import mlang
from folding import boundary
from mlang.tables.arrow_pass import arrow_pass

ROWS = 12_000
DATA = pa.table({
    "k": [("é" if i % 97 == 0 else "k") + str(i % 7) for i in range(ROWS)],
    "n": [str(i) for i in range(ROWS)],
    "x": pa.array([None if i % 5 == 0 else i / 4 for i in range(ROWS)], pa.float64()),
    "at": pa.array([i * 1_000_000 for i in range(ROWS)], pa.timestamp("us")),
})  # fmt: skip
OTHER = pa.table({"rk": ["k1", "k2", "none"], "v": [1.0, 2.0, 3.0]})

KEPT = [
    'Table.TransformColumns(T, {{"k", Text.Upper, type text}})',
    'Table.AddColumn(T, "y", each Text.Trim([k]) & "!", type text)',
    'Table.AddColumn(T, "y", each if [x] = null then 0 else [x] * 2 + 1, type number)',
    'Table.SelectRows(T, (r) => r[x] > 20 and r[k] <> "k1")',
    'Table.Group(T, {"k"}, {{"s", each List.Sum([x]), type number}, {"n", each Table.RowCount(_)}})',
    'Table.Sort(Table.Group(T, {"k"}, {{"s", each List.Max([x]), type number}}), {{"s", Order.Descending}})',
    'Table.Join(T, {"k"}, R, {"rk"})',
    'Table.Distinct(Table.SelectColumns(T, {"k"}))',
    'Table.TransformColumnTypes(T, {{"n", Int64.Type}, {"k", type text}})',
    "Table.FirstN(Table.Skip(T, 10000), 100)",
]
NOT_KEPT = [
    'Table.Sort(T, {"x"})',
    'Table.AddColumn(T, "y", each Text.PadStart([k], 9))',
    'Table.Group(T, {"k"}, {{"m", each List.Median([x])}})',
    'Table.Group(T, {"at"}, {{"n", each Table.RowCount(_)}})',
    'Table.TransformColumnTypes(T, {{"x", type text}})',
    'Table.Distinct(T, {"k"})',
    'Table.Join(T, {"k"}, R, {"rk"}, JoinKind.Inner, JoinAlgorithm.Dynamic, {Comparer.OrdinalIgnoreCase})',
]


def result_of(step: str, engine: str) -> mlang.Table:
    source = f"section S; shared T = null; shared R = null; shared Result = {step};"
    return mlang.evaluate(source, query="Result", parameters={"T": DATA, "R": OTHER}, engine=engine)


@pytest.mark.parametrize("step", KEPT)
def test_passes_over_columns_start_no_engine(step: str) -> None:
    result = result_of(step, "auto")
    assert arrow_pass(result.plan)
    with patch.object(boundary, "_folded", side_effect=AssertionError("an engine was asked")):
        found = result.to_arrow()
    assert found.num_rows
    assert found.equals(result_of(step, "duckdb").to_arrow())


@pytest.mark.parametrize("step", NOT_KEPT)
def test_other_steps_are_left_to_the_engine(step: str) -> None:
    assert not arrow_pass(result_of(step, "auto").plan)


def test_rows_that_are_not_in_memory_are_left_to_the_engine(tmp_path: object) -> None:
    path = f"{tmp_path}/a.csv"
    with open(path, "w", encoding="utf-8") as file:
        file.write("k,x\na,1\n")
    table = mlang.evaluate(f'Csv.Document(File.Contents("{path}"))', engine="auto")
    assert not arrow_pass(table.plan)
