"""Dates that an engine has and M has not: the column is left to the interpreter, whose cells are errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from folding.boundary import try_fold
from folding.terms import CannotFold
from mlang.compile.entry import run
from mlang.connectors.arrow import table_from_arrow

QUERIES = ["{0}", 'Table.SelectColumns({0}, {{"d"}})', "Table.SelectRows({0}, each [n] > 1)"]


def answer(source: str, query: str, engine: str) -> str:
    try:
        return mlang.to_m(mlang.evaluate(query.format(source), engine=engine))
    except mlang.MError as error:
        return str(error)


def sources(folder: Path, strange: bool) -> list[str]:
    days = [10, 20, 10**8 if strange else None]
    table = pa.table({"n": [1.0, 2.0, 3.0], "d": pa.array(days, pa.int32()).view(pa.date32())})
    pq.write_table(table, folder / "t.parquet")
    with duckdb.connect(str(folder / "t.duckdb")) as database:
        database.execute(
            "CREATE TABLE t AS SELECT n::DOUBLE AS n, d::DATE AS d FROM (VALUES (1, '2020-01-01'))v(n, d)"
        )
        if strange:
            database.execute("INSERT INTO t VALUES (2, 'infinity'), (3, '0044-03-15 (BC)')")
    return [
        f'Parquet.Document(File.Contents("{folder / "t.parquet"}"))',
        f'DuckDB.Database("{folder / "t.duckdb"}"){{[Schema = "main", Item = "t"]}}[Data]',
    ]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("strange", [False, True])
def test_answers_are_the_same(tmp_path: Path, query: str, strange: bool) -> None:
    for source in sources(tmp_path, strange):
        assert answer(source, query, "duckdb") == answer(source, query, "none")


@pytest.mark.parametrize("strange", [False, True])
def test_only_known_dates_fold(tmp_path: Path, strange: bool) -> None:
    for source in sources(tmp_path, strange):
        table: Any = mlang.evaluate(source)
        folded = run(lambda t=table: try_fold(t.plan), table.session)
        assert isinstance(folded, CannotFold) == strange


def test_arrow_data_with_strange_dates_is_interpreted() -> None:
    wild = pa.table({"d": pa.array([10**8], pa.int32()).view(pa.date32())})
    made = table_from_arrow(wild)
    assert isinstance(run(lambda: try_fold(made.plan), made.session), CannotFold)
