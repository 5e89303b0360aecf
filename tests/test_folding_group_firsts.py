"""The first rows of each group by a sort, expanded: their numbers are a list of the group (TBL-64, TBL-61, TBL-67)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from folding.boundary import fold
from folding.engines.duckdb import Query
from mlang.app.api import open_session
from mlang.compile.entry import Document
from mlang.session import use
from mlang.values.show import to_m


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "t.parquet"
    table = pa.table({
        "k": pa.array(["b", "a", None, "b", "a", None, "c", "b", "B", "b"]),
        "x": pa.array([1.5, 0.0, -1.0, None, -0.0, 2.0, 1.0, 1.5, float("inf"), 1.5]),
        "t": pa.array(["\U0001f600", "\uffee", None, "", "a", "A", "é", "e\u0301", "a", None]),
        "n": pa.nulls(10, pa.int32()),
        "id": pa.array(range(10)),
    })  # fmt: skip
    pq.write_table(table, path, row_group_size=4)
    return f'Parquet.Document(File.Contents("{path}"))'


def answer(text: str, engine: str) -> str:
    return to_m(mlang.evaluate(text, engine=engine), errors="show")


def shown(text: str, engine: str) -> str:
    """The answer, or the error."""
    try:
        return answer(text, engine)
    except mlang.MError as failure:
        return f"error {failure}"


def sql(text: str) -> str:
    with use(open_session(engine="duckdb")):
        return str(Query(fold(Document(text).value().plan)).sql())


_PARTS = [
    'Table.FirstN(Table.Sort(_, {"x", Order.Descending}), 3)', 'Table.FirstN(Table.Sort(_, {"x"}), 1)',
    'Table.FirstN(Table.Sort(_, {{"x", Order.Descending}, {"t", Order.Ascending}}), 2)', 'Table.MaxN(_, "x", 2)',
    'Table.FirstN(Table.Sort(_, {"n", "t"}), 2)', 'Table.MinN(_, {"t", "x"}, 2)',
    'Table.FirstN(Table.Sort(_, {each [id] * -1}), 2)', 'Table.FirstN(Table.Sort(_, "n"), 100)',
]  # fmt: skip
_GROUPS = [
    'Table.Group({0}, "k", {{{{"r", each {1}}}}})', 'Table.Group({0}, {{"k", "x"}}, {{{{"r", each {1}}}}})',
    'Table.Group({0}, "k", {{{{"c", Table.RowCount}}, {{"r", each {1}}}, {{"m", each List.Max([id])}}}})',
    'Table.Group(Table.SelectRows({0}, each [id] <> 3), "k", {{{{"r", each {1}}}}})',
    'Table.Group(Table.SelectRows({0}, each false), "k", {{{{"r", each {1}}}}})',
]  # fmt: skip


@pytest.mark.parametrize("part", _PARTS)
@pytest.mark.parametrize("group", _GROUPS)
def test_first_rows_are_found_by_their_numbers(source: str, group: str, part: str) -> None:
    m = f'Table.ExpandTableColumn({group.format(source, part)}, "r", {{"id", "t", "gone"}}, {{"a", "b", "c d"}})'
    assert "create_sort_key" in sql(m).lower()
    assert answer(m, "duckdb") == answer(m, "none")


@pytest.mark.parametrize(
    "group",
    [
        'Table.Group({0}, "k", {{{{"r", each Table.FirstN(Table.Sort(_, "x"), 2)}}}}, GroupKind.Local)',
        'Table.Group({0}, "k", {{{{"r", each Table.FirstN(Table.Sort(_, "x"), 2)}}}}, null, Comparer.OrdinalIgnoreCase)',
        'Table.Group({0}, {{}}, {{{{"r", each Table.FirstN(Table.Sort(_, "x"), 2)}}}})',
        'Table.Group({0}, "k", {{{{"r", each Table.FirstN(Table.Sort(_, "x"), 0)}}}})',
        'Table.Group({0}, "k", {{{{"r", each Table.FirstN(Table.Sort(_, "x"), 2)}}, {{"s", each Table.FirstN(_, 1)}}}})',
        'Table.Group({0} & {0}, "k", {{{{"r", each Table.FirstN(Table.Sort(_, "x"), 2)}}}})',
        'Table.Group(Table.Sort({0}, {{"id", 1}}), "k", {{{{"r", each Table.FirstN(Table.Sort(_, "x"), 2)}}}})',
        'Table.Group({0}, "k", {{{{"r", each Table.FirstN(Table.Sort(_, each 1 / [t]), 2)}}}})',
        'Table.SelectRows(Table.Group({0}, "k", {{{{"r", each Table.FirstN(Table.Sort(_, "x"), 2)}}}}), each [k] <> "a")',
    ],
)  # fmt: skip
def test_other_groups_go_another_way(source: str, group: str) -> None:
    m = f'Table.ExpandTableColumn({group.format(source)}, "r", {{"id", "t"}}, {{"a", "b"}})'
    assert shown(m, "duckdb") == shown(m, "none")


@pytest.mark.parametrize(
    "row",
    [
        'Table.Max(_, "x")', 'Table.Min(_, {"t", "x"})', 'Table.Sort(_, {"x", Order.Descending}){0}',
        'Table.First(Table.Sort(_, {{"n"}, {"t", Order.Descending}}))', "Table.Sort(_, each [id] * -1){0}?",
    ],
)  # fmt: skip
@pytest.mark.parametrize("group", _GROUPS)
def test_the_first_row_is_found_by_its_number(source: str, group: str, row: str) -> None:
    m = f'Table.ExpandRecordColumn({group.format(source, row)}, "r", {{"id", "t", "gone"}}, {{"a", "b", "c d"}})'
    assert sql(m).lower().count("first(") == 1
    assert answer(m, "duckdb") == answer(m, "none")


@pytest.mark.parametrize(
    "row", ['Table.Max(_, "x", null)', "_{1}?", 'Table.Last(Table.Sort(_, {{"x"}}))', "_{0}"]
)
def test_other_rows_go_another_way(source: str, row: str) -> None:
    m = f'Table.ExpandRecordColumn(Table.Group({source}, "k", {{{{"r", each {row}}}}}), "r", {{"id", "t"}}, {{"a", "b"}})'
    assert shown(m, "duckdb") == shown(m, "none")
