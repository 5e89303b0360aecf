"""Tables one below the other and unpivoted columns, where converted cells may be errors: the engine does them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import mlang
from folding.boundary import fold
from folding.engines.duckdb import Query
from mlang.compile.entry import run
from mlang.session import Session, use
from mlang.values.show import to_m

PLAIN = "id,g,x,y\n1,a,1.5,2\n2,b,,3\n3,a,7,\n"
ODD = 'id,g,x,y\n4,a,zz,1\n5,,"1,000",#N/A\nnine,c,(5),\n6,b,1e400,007\n7,b,,5\n'
TYPES = '{{"id", Int64.Type}, {"x", type number}, {"y", Int64.Type}}'
STEPS = (
    "T", "Table.SelectRows(T, each [y] = 3)", 'Table.Distinct(T, "g")', 'Table.Group(T, {"g"}, {{"n", each Table.RowCount(_)}})',
    'Table.RemoveRowsWithErrors(T)', 'Table.SelectRowsWithErrors(T, {"x"})', 'Table.ReplaceErrorValues(T, {{"x", -1}})',
    "T & T", "Table.RowCount(T)", 'Table.AddColumn(T, "z", each try [x] otherwise "bad")', 'Table.Sort(T, {"g", "y"})',
    'Table.Unpivot(T, {"x"}, "a", "v")', 'Table.Unpivot(T, {"x", "y"}, "a", "v")', 'Table.UnpivotOtherColumns(T, {"id", "g"}, "a", "v")',
    'Table.RemoveRowsWithErrors(Table.Unpivot(T, {"x", "y"}, "a", "v"))', 'Table.SelectRowsWithErrors(Table.Unpivot(T, {"x"}, "a", "v"))',
    'Table.Group(Table.Unpivot(T, {"x"}, "a", "v"), {"a"}, {{"n", each Table.RowCount(_)}})', 'Table.FillDown(T, {"g"})',
)  # fmt: skip
#: What is put together of the two files: alike, converted otherwise or not at all, one table twice, missing columns.
TABLES = (
    "typed(odd, null)", "typed(plain, null) & typed(odd, null)", "typed(odd, null) & typed(plain, null)", "typed(odd, null) & typed(plain, null)[[id], [g]]",
    'Table.Combine({typed(odd, "en-US"), typed(odd, "de-DE")})', 'typed(odd, null) & Table.TransformColumnTypes(odd, {{"x", Int64.Type}})',
    'Table.AddColumn(typed(odd, null), "n", each Text.Upper([g])) & Table.AddColumn(typed(plain, null), "n", each [x])',
)  # fmt: skip


def program(folder: Path, table: str, step: str) -> str:
    files = ", ".join(
        f'{name} = Table.PromoteHeaders(Csv.Document(File.Contents("{folder}/{name}.csv")))' for name in ("plain", "odd")
    )  # fmt: skip
    typed = f"typed = (t, c) => Table.TransformColumnTypes(t, {TYPES}, c)"
    return f"let {files}, {typed}, T = {table} in {step}"


def shown(text: str, engine: str) -> str:
    try:
        value = mlang.evaluate(text, engine=engine, culture="en-US")
        return str(run(lambda: to_m(value, "show")))
    except mlang.MError as error:
        return f"error {error}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unions")
    for name, text in {"plain": PLAIN, "odd": ODD}.items():
        (path / f"{name}.csv").write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("table", TABLES)
def test_the_same_as_interpreted(folder: Path, table: str) -> None:
    for step in STEPS:
        text = program(folder, table, step)
        assert shown(text, "duckdb") == shown(text, "none"), text


@pytest.mark.parametrize("table", TABLES[:4])
@pytest.mark.parametrize(
    "step", ["T", "T & T", 'Table.Unpivot(T, {"g"}, "a", "v")', 'Table.SelectRows(T, each [g] = "b")']
)
def test_the_engine_does_it(folder: Path, table: str, step: str) -> None:
    """Cells that do not convert come back as texts, and the rows with them; nothing stops."""
    with use(Session(culture="en-US", time_zone="UTC", engine="duckdb")):
        relation = fold(mlang.evaluate(program(folder, table, step), engine="duckdb").plan)
        assert sum(b.length for b in Query(relation).batches()) > 0
    assert any(c.text is not None for c in relation.columns)


def test_numbers_of_errors_go_on(folder: Path) -> None:
    """A database's odd cells are numbered in each part of the whole."""
    path = folder / "odd.parquet"
    duckdb.sql(
        f"COPY (SELECT i AS k, CASE WHEN i % 3 > 0 THEN i > 4 END AS b FROM range(9) AS r(i)) TO '{path}'"
    )
    made = 'Table.AddColumn(Parquet.Document(File.Contents("{0}")), "v", each if [b] then 1 else [k])'
    text = f"let A = {made.format(path)}, B = Table.SelectRows(A, each [k] > 2) in "
    for step in (
        "A & B",
        "A & B & A",
        'Table.RemoveRowsWithErrors(A & B, {"v"})',
        'Table.SelectRowsWithErrors(B & A, {"v"})',
    ):
        assert shown(text + step, "duckdb") == shown(text + step, "none")
