"""Whole numbers that no double holds: what keeps them in the interpreter keeps them folded (OP-30, OP-31)."""

from __future__ import annotations

import duckdb
import pytest

import mlang


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("large") / "t.parquet"
    values = "(9007199254740993), (9007199254740992), (-9007199254740993), (7), (NULL)"
    duckdb.sql(f"COPY (SELECT * FROM (VALUES {values}) AS v(n)) TO '{path}'")
    return f'Parquet.Document(File.Contents("{path}"))'


SINGLE = [
    "List.Sum({0})", "List.Product({0})", "List.Average({0})", "List.Median({0})", "List.Max({0})", "List.Percentile({0}, 0.5)",
    "List.Sum(List.FirstN({0}, 2))", "List.Product(List.FirstN({0}, 2))", "List.Median(List.Select({0}, each _ <> 3))",
]  # fmt: skip


@pytest.mark.parametrize(
    "step",
    [
        *[f'Table.AddColumn(T, "z", each {f.format("{[n]}")})' for f in SINGLE],
        *[f'Table.AddColumn(T, "z", each {f.format("{[n], null}")})' for f in SINGLE],
        *[f'Table.Group(T, {{"n"}}, {{{{"z", each {f.format("[n]")}}}}})' for f in SINGLE],
        *[f'Table.AddColumn(T, "z", each {f})' for f in ("-[n]", "Number.Abs([n])", "[n] * 1", "[n] + 0", "List.Sum({[n], 0})")],
        'Table.Distinct(Table.Group(T, {"n"}, {{"z", each List.Sum(List.FirstN([n], 2))}}), {"z"})',
    ],
)  # fmt: skip
def test_folded_as_interpreted(table: str, step: str) -> None:
    folded, interpreted = (
        mlang.to_m(mlang.evaluate(f"let T = {table} in {step}", engine=engine))
        for engine in ("duckdb", "none")
    )
    assert folded == interpreted
