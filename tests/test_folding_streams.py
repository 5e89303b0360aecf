"""What the interpreter makes in the middle of a query enters the engine again, batch by batch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import mlang
from folding.engines import duckdb as engine

pytestmark = pytest.mark.usefixtures("proper_without_form")

ROWS = 40_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("streams") / "a.parquet"
    columns = f"i AS id, (i * 7919) % 1000 AS k, 'name ' || (i * 31 % 500) AS nm, i / 8.0::DOUBLE AS x FROM range({ROWS}) r(i)"
    duckdb.sql(f"COPY (SELECT {columns}) TO '{path}'")
    return f'Parquet.Document(File.Contents("{path}"))'


@pytest.fixture
def streamed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many inputs each query streamed."""
    monkeypatch.setattr(
        "folding.by_values.WIDEST", 0
    )  # no function is computed for its different inputs instead
    seen: list[int] = []
    original = engine.run

    def counting(origins, *rest):  # type: ignore[no-untyped-def]
        seen.append(len(origins))
        return original(origins, *rest)

    monkeypatch.setattr(engine, "run", counting)
    yield seen
    assert not [t for t in threading.enumerate() if t.daemon and "_execute" in t.name]


def answer(m: str, kind: str) -> str:
    try:
        return mlang.to_m(mlang.evaluate(m, engine=kind, culture="en-US"))
    except mlang.MError as error:
        return str(error)


P = 'Table.AddColumn(s, "p", each Text.Proper([nm]))'
QUERIES = [
    (1, f'Table.FirstN(Table.Sort({P}, {{{{"p", 1}}, {{"x", 0}}}}), 50)'),
    (1, f'Table.Skip(Table.Sort({P}, {{"p"}}), 39990)'),
    (1, f'Table.FirstN(Table.Join({P}, "id", Table.RenameColumns(Table.SelectRows(s, each [k] = 5), {{{{"id", "i2"}}, {{"k", "k2"}}, {{"nm", "n2"}}, {{"x", "x2"}}}}), "i2"), 30)'),
    (2, f'let t = Table.SelectColumns({P}, {{"id", "p"}}) in Table.LastN(Table.Join(t, "id", Table.RenameColumns(t, {{{{"id", "i2"}}, {{"p", "q"}}}}), "i2"), 9)'),
    (1, f'Table.Group(Table.Sort({P}, {{"p"}}), {{"p"}}, {{{{"n", each Table.RowCount(_)}}, {{"f", each List.First([id])}}}})'),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "query"), QUERIES)
def test_streamed(source: str, streamed: list[int], inputs: int, query: str) -> None:
    m = f"let s = {source} in {query}"
    assert answer(m, "auto") == answer(m, "none")
    assert streamed
    assert max(streamed) == inputs


@pytest.mark.parametrize(
    "late",
    ['error "x"', "7", "null", "#nan", '"a"', "{1}"],
    ids=["error", "number", "null", "nan", "text", "list"],
)
def test_a_cell_that_comes_late(source: str, streamed: list[int], late: str) -> None:
    """An error, a null or a value of another kind in the last rows: what the interpreter says."""
    column = f'Table.AddColumn(s, "p", each if [id] = {ROWS - 3} then {late} else Text.Proper([nm]))'
    m = f'let s = {source} in Table.FirstN(Table.Sort({column}, {{{{"p", 1}}}}), 3)'
    assert answer(m, "auto") == answer(m, "none")
    assert streamed


def test_nobody_reads_on(source: str, streamed: list[int]) -> None:
    before = threading.active_count()
    table = mlang.evaluate(f'let s = {source} in Table.Sort({P}, {{"p"}})')
    batches = table.batches()
    assert next(batches).length
    batches.close()
    assert streamed
    assert threading.active_count() <= before


def test_what_is_read_twice_is_made_whole(source: str, tmp_path: Path) -> None:
    m = f'let s = {source}, t = Table.Buffer(Table.Sort({P}, {{"p"}})) in Table.FirstN(Table.UnpivotOtherColumns(t, {{"id", "x", "k"}}, "a", "v"), 9)'
    assert answer(m, "auto") == answer(m, "none")


def test_explain_shows_both_boundaries(source: str) -> None:
    m = f'let s = {source}, f = Table.SelectRows(s, each [k] > 3), a = Table.AddColumn(f, "p", each Text.Proper([nm]), type text), t = Table.Sort(a, {{"p"}}) in t'
    plan = mlang.explain(m)
    assert plan["f"].indicator == "Folding"
    assert plan["a"].notes == (
        "DuckDB runs the steps up to Table.SelectRows",
        "the interpreter runs the rest",
    )
    assert plan["t"].indicator == "Might fold"
    assert plan["t"].notes == (
        "DuckDB runs the steps up to Table.SelectRows",
        "the interpreter runs the steps up to Table.AddColumn",
        "DuckDB goes on from there, reading batch by batch, if there are many rows",
    )
