"""A buffer of a sorted table is sorted by the query that reads it: the same rows, once (TBL-52, TBL-98, EVL-19)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from mlang.tables import local_rows
from mlang.values.show import to_m

_DAYS = [20100, None, 20101, 20101, 20100, None, 20099, 20101]


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "t.parquet"
    table = pa.table({
        "k": pa.array(["a", "b", None, "a", "b", None, "c", "a"]),
        "day": pa.array(_DAYS, pa.int32()).cast(pa.date32()),
        "x": pa.array([1.5, 0.0, -1.0, None, -0.0, 2.0, 1.0, 1.5]),
        "id": pa.array(range(8)),
    })  # fmt: skip
    pq.write_table(table, path)
    return f'Parquet.Document(File.Contents("{path}"))'


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The buffers that were read into memory."""
    found: list[Any] = []
    real = local_rows.buffered

    def seen(node: Any) -> Any:
        if not node.cell:
            found.append(node)
        return real(node)

    monkeypatch.setattr(local_rows, "buffered", seen)
    return found


def answer(text: str, engine: str) -> str:
    return to_m(mlang.evaluate(text, engine=engine), errors="show")


@pytest.mark.parametrize("order", ["Order.Descending", "Order.Ascending"])
@pytest.mark.parametrize(
    "keys", ['"k"', '{"k"}', '{"k", Comparer.OrdinalIgnoreCase}', '{"day"}', '{"k", "day"}']
)
def test_the_first_of_each_key_is_a_query(source: str, filled: list[Any], order: str, keys: str) -> None:
    m = f'Table.Distinct(Table.Buffer(Table.Sort({source}, {{"day", {order}}})), {keys})'
    folded = answer(m, "duckdb")
    assert not filled
    assert folded == answer(m, "none")


def test_the_order_decides_which_row_stays(source: str) -> None:
    m = f'Table.Distinct(Table.Buffer(Table.Sort({source}, {{"day", Order.Descending}})), "k")[id]'
    assert answer(m, "duckdb") == "{2, 3, 4, 6}"


def test_what_is_read_twice_is_kept(source: str, filled: list[Any]) -> None:
    m = f'let b = Table.Buffer(Table.Sort({source}, "day")) in {{Table.Distinct(b, "k"), Table.Distinct(b, "day"), b}}'
    folded = answer(m, "duckdb")
    assert len(filled) == 1
    assert folded == answer(m, "none")


@pytest.mark.parametrize(
    "rows",
    [
        '{}', 'Table.SelectRows({}, each [id] > 2)', 'Table.AddColumn({}, "y", each [id] * 2)',
        'Table.SelectColumns({}, {{"k", "day", "id"}})',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "read",
    [
        'Table.Distinct(b, "k")', "Table.RowCount(b)", "b{0}", "Table.FirstN(b, 2)", "b & b",
        'Table.Join(Table.PrefixColumns(b, "p"), "p.id", b, "id")', 'Table.Group(b, "k", {"n", each List.First([id])})',
        'Table.AddColumn(b, "f", each Table.SelectRows(b, (r) => r[id] < [id]){0}?[k]?)',
        'Table.AddIndexColumn(Table.Distinct(b, "k"), "i")', "Table.ReverseRows(b)",
    ],
)  # fmt: skip
def test_all_that_reads_a_buffer_agrees(source: str, rows: str, read: str) -> None:
    m = f'let b = Table.Buffer(Table.Sort({rows.format(source)}, {{"day", Order.Descending}})) in {read}'
    assert answer(m, "duckdb") == answer(m, "none")


@pytest.mark.parametrize(
    "sorted_rows",
    ['Table.Sort(Table.AddColumn({}, "y", each 1 / [k]), "y")', 'Table.Sort({}, each [day] + 1)'],
)  # fmt: skip
def test_what_may_raise_is_read_at_once(source: str, filled: list[Any], sorted_rows: str) -> None:
    m = f"(try Table.Buffer({sorted_rows.format(source)}))[HasError]"
    folded = answer(m, "duckdb")
    assert filled
    assert folded == answer(m, "none")


def test_explained_as_one_query(source: str) -> None:
    m = f'let s = Table.Sort({source}, {{"day", Order.Descending}}), b = Table.Buffer(s), d = Table.Distinct(b, "k") in d'
    assert {step.indicator for step in mlang.explain(m)} == {"Folding"}
