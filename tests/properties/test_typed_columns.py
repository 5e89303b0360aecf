"""Steps over typed columns (Arrow) give what steps over cells give: values, order, errors, kinds."""

from __future__ import annotations

import math
from functools import cache, reduce
from operator import add
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlang
from mlang.compile.entry import run
from mlang.connectors.arrow import column_to_values
from mlang.errors import MError
from mlang.tables import batches, local_group, local_join
from mlang.tables import column as columns
from mlang.tables.column import Column
from mlang.tables.table import Table, from_columns
from mlang.values.temporal import Date
from mlang.values.thunk import Thunk

numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 1.0, 2.0, 0.1, 1e300, math.inf, -math.inf, math.nan]),
    st.floats(-100, 100),
    st.integers(-3, 3).map(float),
)
plain_numbers = st.one_of(st.sampled_from([0.0, 1.0, 2.0, 2.5, 0.1]), st.integers(-5, 5).map(float))
texts = st.one_of(
    st.sampled_from(["", "a", "A", "b", "ab", "é", "\ue000", "😀", "12", "-3.5", "007", "1e5", "1.", "2024-02-29",
                     "0000-01-01", "2024-02-30", "12345678901234567890", "0.00001", "-0", "ﬃ", "\ud800",
                     " a ", "\x1c\ta\x0b\r\n", "Ii", "\u00a0a"]),
    st.text("abÄ1", max_size=3),
)  # fmt: skip
logicals = st.booleans()
dates = st.integers(0, 5).map(lambda n: Date(738_000 + n))


def failing() -> Any:
    """A cell that holds an error."""

    def fail() -> Any:
        raise mlang.MError("Expression.Error", "no cell")

    return Thunk(fail)


def cells_of(kind: Any, length: int) -> Any:
    """Columns of one kind; some with null; a few mixed, or with an error."""
    maybe = st.one_of(st.none(), kind)
    wild = st.one_of(maybe, texts, numbers, logicals)
    wilder = st.one_of(wild, st.just("error cell"))
    fixed = [
        st.lists(items, min_size=length, max_size=length)
        for items in (kind, kind, maybe, maybe, wild, wilder)
    ]
    return st.one_of(*fixed)


@st.composite
def tables(draw: Any) -> dict[str, list[Any]]:
    """Columns k (text), x and y (numbers), b (logical), d (date), each as it comes."""
    length = draw(st.integers(1, 9))
    kinds = {
        "k": draw(st.sampled_from([texts, st.sampled_from(["a", "b"])])),
        "x": draw(st.sampled_from([numbers, plain_numbers])),
        "y": draw(st.sampled_from([numbers, plain_numbers])),
        "b": logicals, "d": dates,
    }  # fmt: skip
    return {name: draw(cells_of(kind, length)) for name, kind in kinds.items()}


STEPS = [
    "Table.SelectRows(T, each [x] > 1)",
    "Table.SelectRows(T, each [x] <= [y] and not ([k] = \"a\"))",
    "Table.SelectRows(T, each [k] <> \"a\" or [x] = null)",
    "Table.SelectRows(T, each [k] < \"b\")",
    "Table.SelectRows(T, each [b])",
    "Table.SelectRows(T, each [b] or [x] <> [y])",
    "Table.SelectRows(T, each [b] and [x] / 0 > 1)",
    "Table.SelectRows(T, (r) => r[x] + limit >= -1)",
    "Table.SelectRows(T, each [d] >= #date(2021, 8, 2))",
    "Table.SelectRows(T, each [d] = day)",
    "Table.SelectRows(T, each Text.Length([k]) > 1)",
    "Table.SelectRows(T, each if [x] > 0 then [b] else error \"never\")",
    "Table.AddColumn(T, \"z\", each [x] * 2 + [y] - 1)",
    "Table.AddColumn(T, \"z\", each [x] / [y])",
    "Table.AddColumn(T, \"z\", each -[x])",
    "Table.AddColumn(T, \"z\", each [k] & \"!\")",
    "Table.AddColumn(T, \"z\", each if [x] > 1 then \"big\" else null)",
    "Table.AddColumn(T, \"z\", each if [b] then [x] else [y])",
    "Table.AddColumn(T, \"z\", each [x] ?? [y])",
    "Table.AddColumn(T, \"z\", each [x] = [y])",
    "Table.AddColumn(T, \"z\", each [b] and [x] > 0)",
    "Table.AddColumn(T, \"z\", each Text.Upper([k]) & Text.From([k]))",
    "Table.AddColumn(T, \"z\", each [b] > false)",
    "Table.AddColumn(T, \"z\", each Number.From([k]))",
    "Table.TransformColumns(T, {{\"k\", Text.Upper}, {\"x\", each _ * 2}})",
    "Table.TransformColumns(T, {{\"k\", each Text.Start(_, 1)}})",
    "Table.TransformColumns(T, {{\"k\", Text.Lower}, {\"x\", Number.Abs}})",
    "Table.TransformColumns(T, {{\"k\", Text.Trim}})",
    "Table.TransformColumns(T, {{\"k\", Text.TrimEnd}, {\"b\", Text.From}})",
    "Table.TransformColumns(T, {{\"k\", each Text.TrimStart(_)}})",
    "Table.TransformColumns(T, {{\"k\", Text.Length}})",
    "Table.TransformColumns(T, {{\"k\", each Text.Reverse(_)}})",
    "Table.AddColumn(T, \"z\", each Text.Lower([k]) & Text.Upper(other[k]))",
    "Table.AddColumn(T, \"z\", let Text.Upper = (t) => t & \"?\" in each Text.Upper([k]))",
    "Table.SelectRows(T, each Text.Length([k]) = 1 and [x] >= 0)",
    "Table.ReplaceValue(T, \"a\", \"z\", Replacer.ReplaceValue, {\"k\"})",
    "Table.ReplaceValue(T, null, 7, Replacer.ReplaceValue, {\"x\"})",
    "Table.ReplaceErrorValues(T, {{\"x\", 0}})",
    "Table.FillDown(T, {\"x\"})",
    "Table.TransformColumnTypes(T, {{\"k\", type number}})",
    "Table.TransformColumnTypes(T, {{\"k\", Int64.Type}, {\"x\", Int64.Type}})",
    "Table.TransformColumnTypes(T, {{\"k\", type date}})",
    "Table.TransformColumnTypes(T, {{\"k\", type text}, {\"x\", type text}, {\"d\", type date}}, \"de-DE\")",
    "Table.Skip(Table.FirstN(T, 5), 1)",
    "Table.Sort(T, {\"x\"})",
    "Table.Sort(T, {{\"k\", Order.Descending}, {\"x\", Order.Ascending}})",
    "Table.Sort(T, {{\"b\", Order.Ascending}, {\"x\", Order.Descending}, {\"d\", Order.Descending}})",
    "Table.Sort(T, {{each [x] * -1, Order.Descending}})",
    "Table.Distinct(T)",
    "Table.Distinct(T, {\"x\"})",
    "Table.Distinct(T, {\"k\", \"b\"})",
    "Table.Group(T, {\"k\"}, {{\"s\", each List.Sum([x])}, {\"n\", each Table.RowCount(_)}})",
    "Table.Group(T, {\"x\"}, {{\"a\", each List.Average([y])}, {\"c\", each List.NonNullCount([k])}})",
    "Table.Group(T, {\"b\", \"d\"}, {{\"l\", each List.Min([x])}, {\"h\", each List.Max([y])}, {\"f\", each List.First([k])}})",
    "Table.Pivot(Table.SelectColumns(T, {\"b\", \"k\", \"x\"}), {\"a\", \"b\", \"none\"}, \"k\", \"x\", List.Sum)",
    "Table.Pivot(Table.SelectColumns(T, {\"d\", \"k\", \"x\"}), {\"a\", \"b\"}, \"k\", \"x\", List.NonNullCount)",
    "Table.Unpivot(Table.SelectColumns(T, {\"k\", \"x\", \"y\"}), {\"x\", \"y\"}, \"n\", \"v\")",
    "Table.Join(T, {\"x\"}, R, {\"ry\"})",
    "Table.Join(T, {\"k\"}, R, {\"rk\"}, JoinKind.LeftOuter)",
    "Table.Join(T, {\"k\", \"x\"}, R, {\"rk\", \"ry\"}, JoinKind.LeftAnti)",
    "Table.Join(T, {\"b\"}, R, {\"rb\"}, JoinKind.FullOuter)",
    "Table.Sort(Table.SelectRows(Table.AddColumn(T, \"z\", each [x] + 1), each [z] > 0), {\"k\"})",
]  # fmt: skip


@st.composite
def arrow_tables(draw: Any) -> Any:
    """The same columns as Arrow data of many types."""
    length = draw(st.integers(1, 9))

    def column(items: Any, type: Any) -> Any:
        return pa.array(
            draw(st.lists(st.one_of(st.none(), items), min_size=length, max_size=length)),
            type,
            from_pandas=False,
        )

    whole, day = st.one_of(st.integers(-3, 3), st.just(2**53 + 1)), st.integers(18_000, 18_004)
    number_type = draw(st.sampled_from([pa.int64(), pa.int32(), pa.float64(), pa.float32()]))
    number = (
        whole if number_type == pa.int64() else st.integers(-3, 3) if number_type == pa.int32() else numbers
    )
    text_type = draw(st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())]))
    return pa.table({
        "k": column(st.sampled_from(["a", "b", "😀", "\ue000", "12"]), text_type),
        "x": column(number, number_type),
        "y": column(plain_numbers, pa.float64()),
        "b": column(logicals, pa.bool_()),
        "d": column(day, pa.date32()),
    })  # fmt: skip


def table_of(data: dict[str, list[Any]], prefix: str = "") -> Table:
    """The columns as an M table."""
    cells = [[failing() if c == "error cell" else c for c in column] for column in data.values()]
    return from_columns([prefix + name for name in data], cells)


def shown(value: Any) -> Any:
    """A cell as text that tells NaN, the zeros and the kinds apart; errors by their message."""
    if value.__class__ is Thunk:
        try:
            value = value.get()
        except MError as error:
            return ("error", error.message)
    return (type(value).__name__, repr(value))


def outcome(step: str, data: Any, right: dict[str, list[Any]], least: int) -> Any:
    """All cells of a step's result, or its error."""
    source = f'section S; shared T = null; shared R = null; shared day = #date(2021, 8, 3); shared limit = 1; shared other = [k = "é"]; shared Result = {step};'

    def read(table: Any) -> Any:
        return [tuple(map(shown, row)) for row in table.rows()]

    with patch.object(columns, "MANY", least):
        try:
            result = mlang.evaluate(
                source,
                query="Result",
                parameters={
                    "T": table_of(data) if isinstance(data, dict) else data,
                    "R": table_of(right, "r"),
                },
                engine="none",
            )
            return run(lambda: read(result), result.session)
        except MError as error:
            return ("error", error.message)


@pytest.mark.parametrize("step", STEPS)
@settings(max_examples=15, deadline=None)
@given(tables(), tables())
def test_typed_columns_are_no_other(
    step: str, data: dict[str, list[Any]], right: dict[str, list[Any]]
) -> None:
    assert outcome(step, data, right, 1) == outcome(step, data, right, 10**9)


@pytest.mark.parametrize("step", STEPS)
@settings(max_examples=10, deadline=None)
@given(arrow_tables(), tables())
def test_arrow_data_is_no_other(step: str, data: pa.Table, right: dict[str, list[Any]]) -> None:
    cells = {name: column_to_values(data.column(name)) for name in data.column_names}
    assert outcome(step, data, right, 1) == outcome(step, cells, right, 10**9)


joined_keys = st.one_of(
    st.none(), st.integers(-4, 12).map(float), st.sampled_from([0.5, -0.0, 1e-17, math.inf, -math.inf, 1e300, 2.0**53])
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(joined_keys, max_size=12),
    st.one_of(
        st.permutations(range(-3, 9)), st.lists(st.integers(-9, 30), unique=True), st.lists(joined_keys)
    ).map(lambda keys: [None if key is None else float(key) for key in keys]),
    st.sampled_from(["Inner", "LeftOuter", "LeftAnti"]),
)
def test_joins_by_whole_numbers(left: list[Any], right: list[Any], kind: str) -> None:
    step = f'Table.Join(T, {{"k"}}, R, {{"rk"}}, JoinKind.{kind})'
    data, other = (
        {"k": left, "n": [float(i) for i in range(len(left))]},
        {"k": right, "v": [str(k) for k in right]},
    )
    assert outcome(step, data, other, 1) == outcome(step, data, other, 10**9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e18, 1e18), min_size=1, max_size=400), st.integers(1, 4))
def test_sums_add_from_left_to_right(values: list[float], groups: int) -> None:
    data = {"k": [float(i % groups) for i in range(len(values))], "x": values}
    found = outcome('Table.Group(T, {"k"}, {{"s", each List.Sum([x])}})', data, {"y": [1.0]}, 1)
    for group in range(min(groups, len(values))):
        assert found[group][1] == shown(reduce(add, values[group::groups]))


def test_columns_that_nobody_reads_stay_as_they_are() -> None:
    data = pa.table({"x": pa.array(range(20_000), pa.float64()), "s": ["a", "b"] * 10_000})
    source = 'section S; shared T = null; shared Result = Table.SelectRows(Table.AddColumn(T, "y", each [x] * 2), each [y] > 10);'
    result = mlang.evaluate(source, query="Result", parameters={"T": data}, engine="none")

    def refused(self: Column) -> Any:
        raise AssertionError("cells were made")

    with patch.object(Column, "cells", refused):
        arrow = result.to_arrow()
    assert arrow.num_rows == 20_000 - 6
    assert arrow.column("s").type == pa.string()


# ---------------------------------------------------------------- borders of batches and blocks

#: More rows than any batch of columns or Arrow data has.
LONG = 140_001
BORDER_STEPS = [
    'Table.SelectRows(T, each [x] > 3 and [k] <> "k7")',
    'Table.SelectRows(Table.AddColumn(T, "z", each [n] * 2 - [x]), each [z] >= 1)',
    'Table.SelectColumns(Table.FirstN(Table.Skip(T, 65535), 65538), {"n", "k"})',
    'Table.SelectColumns(Table.Range(T, 131071, 3), {"n", "k"})',
    'Table.Combine({Table.LastN(T, 70000), Table.FirstN(T, 66000)})',
    'Table.SelectColumns(Table.Sort(T, {{"k", Order.Ascending}, {"x", Order.Descending}}), {"n", "k"})',
    'Table.Distinct(Table.SelectColumns(T, {"k", "x"}))',
    'Table.Group(T, {"k", "x"}, {{"s", each List.Sum([n])}, {"c", each Table.RowCount(_)}})',
    'Table.Pivot(Table.SelectColumns(T, {"k", "q", "n"}), {"a", "b"}, "q", "n", List.Sum)',
    'Table.Join(T, {"n"}, Table.PrefixColumns(Table.Skip(T, 40000), "r"), {"r.n"}, JoinKind.LeftOuter)',
    'Table.Join(Table.SelectColumns(T, {"n", "k"}), {"k"}, #table({"j", "v"}, {{"k1", 1}, {null, 2}, {"k1", 3}}), {"j"})',
    'Table.TransformColumns(Table.SelectColumns(T, {"k", "n"}), {{"k", Text.Upper}})',
    'Table.ReplaceValue(Table.AddIndexColumn(T, "i"), "k1", "one", Replacer.ReplaceValue, {"k"})',
    'Table.FillDown(Table.SelectColumns(T, {"n", "k"}), {"k"})',
    'Table.TransformColumnTypes(Table.TransformColumnTypes(T, {{"n", type text}}), {{"n", type number}})',
    'Table.Sort(Table.SelectRows(Table.Skip(T, 70000), each [x] = 5 or [k] = null), {"k"})',
]  # fmt: skip


@cache
def long_table() -> dict[str, list[Any]]:
    """Keys with nulls, also where batches meet; numbers that tell every row from the others."""
    import random

    chance = random.Random(20)
    nulls = {65_535, 65_536, 131_071, 131_072}
    rows = range(LONG)
    keys = [None if i in nulls or chance.random() < 0.01 else f"k{chance.randrange(50)}" for i in rows]
    return {
        "n": [float(i) for i in rows],
        "k": keys,
        "x": [float(chance.randrange(10)) for _ in rows],
        "q": [chance.choice("ab") for _ in rows],
    }


@pytest.mark.parametrize("step", BORDER_STEPS)
def test_rows_are_not_lost_between_batches(step: str) -> None:
    data = long_table()
    source = f"section S; shared T = null; shared Result = {step};"

    def columns_of(table: Any, least: int) -> Any:
        with (
            patch.object(columns, "MANY", least),
            patch.object(batches, "TAKEN", 30_000),
            patch.object(local_join, "_BLOCK", 50_000),
            patch.object(local_group, "_CHUNK", 50_000),
        ):
            result = mlang.evaluate(source, query="Result", parameters={"T": table}, engine="none")
            return {name: result.to_arrow().column(name).to_pylist() for name in result.names}

    expected = columns_of(table_of(data), 10**9)
    assert len(expected[next(iter(expected))]) > 1
    assert columns_of(table_of(data), columns.MANY) == expected
    assert columns_of(pa.table(data), columns.MANY) == expected
