"""What works on whole columns gives what works cell by cell: conversions, keys, orders, cell functions."""

from __future__ import annotations

import itertools
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

import mlang
from mlang.compile.entry import Document, run
from mlang.errors import MError
from mlang.session import Session
from mlang.tables import batches, gathering, local, local_group
from mlang.tables import column as typed
from mlang.tables.cell_functions import columnar_cell
from mlang.tables.convert import converter
from mlang.tables.convert_columns import cells, column_converter
from mlang.tables.keys import key_column, numbered, sort_column, sorted_rows
from mlang.tables.table import from_columns
from mlang.values.compare import compare, equal, sort_key
from mlang.values.functions import apply
from mlang.values.temporal import Date
from mlang.values.thunk import error_of, force
from mlang.values.types import NAMED, primitive

TYPES = {
    "number": primitive("number", True),
    "text": primitive("text", True),
    "date": primitive("date", True),
    "datetime": primitive("datetime", True),
    "logical": primitive("logical", True),
    **{n: NAMED[n] for n in ("Int64.Type", "Int32.Type", "Int8.Type", "Byte.Type", "Currency.Type")},
}
digits = st.text("0123456789", min_size=1, max_size=22)
spelt = st.one_of(
    digits,
    st.builds("{}{}.{}".format, st.sampled_from(["", "-", "+"]), digits, st.text("0123456789", max_size=20)),
    st.floats(allow_nan=False).map(repr),
    st.floats(1e-4, 1e9).map(repr),
    st.integers(-(10**6), 10**6).map(str),
    st.builds("{:04}-{:02}-{:02}".format, st.integers(0, 2100), st.integers(0, 13), st.integers(0, 32)),
    st.builds(
        "2024-02-{:02}{}{:02}:{:02}:59{}".format, st.integers(1, 31), st.sampled_from("T t"),
        st.integers(0, 24), st.integers(0, 60), st.sampled_from(["", ".5", ".1234567", ".12345678", "Z"]),
    ),
    st.sampled_from(["", " ", "1\n2", "1_000", "1,5", "1.5e3", "12%", "$5", "true", "٣", "NaN", "-0", "0.0", "x"]),
)  # fmt: skip
cell = st.one_of(spelt, st.none(), st.floats(), st.booleans(), st.builds(Date, st.integers(0, 10**6)))
columns = st.one_of(
    st.lists(st.integers(-(10**7), 10**7).map(str), min_size=1, max_size=12),
    st.lists(st.floats(-1e6, 1e6).map(lambda x: f"{x:.3f}"), min_size=1, max_size=12),
    st.lists(spelt, min_size=1, max_size=12),
    st.lists(cell, min_size=1, max_size=12),
    st.lists(st.sampled_from(["a", "B", None, "b"]), min_size=1, max_size=12),
)


def shown(value: Any) -> Any:
    """A cell as its class and M text, or its error's."""
    error = error_of(value)
    if error is not None:
        return ("error", str(error))
    value = force(value)
    return (value.__class__, repr(value))


@settings(max_examples=400, deadline=None)
@given(columns, st.sampled_from(sorted(TYPES)), st.sampled_from([None, "en-US", "de-DE", "sv-SE"]))
def test_conversions(column: list[Any], target: str, culture: str | None) -> None:
    convert = converter(TYPES[target], culture)
    whole = column_converter(TYPES[target], culture)
    assert convert is not None
    assert whole is not None
    expected = [shown(c) for c in cells(column, convert)]
    assert [shown(c) for c in whole(list(column))] == expected
    assert [shown(c) for c in whole(list(column) * 3)] == expected * 3


@settings(max_examples=200, deadline=None)
@given(st.one_of(columns, st.lists(st.floats(), min_size=1)))
def test_keys(column: list[Any]) -> None:
    keys = key_column(column)
    for i, a in enumerate(column):
        for j, b in enumerate(column):
            assert (keys[i] == keys[j]) is (i == j or equal(a, b))
    numbers, places = numbered(keys)
    assert places == sorted(places)
    assert [numbers[place] for place in places] == list(range(len(places)))
    assert all(equal(column[places[n]], c) or c != c for n, c in zip(numbers, column, strict=True))


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.lists(st.one_of(st.none(), st.floats())),
        st.lists(st.one_of(st.none(), st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0x10010), max_size=3))),
        st.lists(st.one_of(st.none(), st.sampled_from("abc"))).map(lambda c: c * 400),
        st.lists(st.one_of(st.none(), st.builds(Date, st.integers(0, 10)))),
        st.lists(cell),
    ),
    st.booleans(),
)  # fmt: skip
def test_orders(column: list[Any], descending: bool) -> None:
    rows = sorted_rows(list(range(len(column))), [(*sort_column(column), descending)])
    assert sorted(rows) == list(range(len(column)))
    for a, b in itertools.pairwise(rows):
        order = compare(column[a], column[b])
        assert (order == 0 and a < b) or (order > 0 if descending else order < 0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([1.0, 2.0, None])), min_size=1).map(
        lambda rows: rows * (1 + 1200 // len(rows))
    ),
    st.booleans(),
    st.booleans(),
)
def test_orders_of_two(pairs: list[tuple[Any, Any]], first: bool, second: bool) -> None:
    columns = [[a for a, _ in pairs], [b for _, b in pairs]]
    criteria = [(*sort_column(columns[0]), first), (*sort_column(columns[1]), second)]
    expected = list(range(len(pairs)))
    for column, descending in ((columns[1], second), (columns[0], first)):
        expected.sort(key=lambda i: sort_key(column[i]), reverse=descending)
    assert sorted_rows(list(range(len(pairs))), criteria) == expected


GROUPED = (
    'Table.Group(T, {"k"}, {{"a", each List.Sum([v])}, {"b", each List.Min([v])}, {"c", each List.Max([v])}, '
    '{"d", each List.Average([v])}, {"e", Table.RowCount}, {"f", each List.Count([v])}, '
    '{"g", each List.NonNullCount([v])}, {"h", each List.First([v])}, {"i", each List.Last([v])}, {"j", each List.Median([v])}})'
)
#: The same functions in a form that gets a table of each group.
TABLED = GROUPED.replace("each List", "each let t = _ in List").replace("([v])", "(t[v])")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", None]),
            st.one_of(st.none(), st.floats(), st.just(-0.0), st.sampled_from([0.1, 1e16, 2**60, "x"])),
        ),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 5),
)
def test_groups_that_pass_by(rows: list[tuple[Any, Any]], held: int) -> None:
    keys, values = [k for k, _ in rows], [v for _, v in rows]

    def of(source: str) -> list[list[Any]]:
        table = mlang.evaluate(
            f"section S; shared T = null; shared R = {source};",
            query="R", parameters={"T": from_columns(["k", "v"], [keys, values])}, engine="none",
        )  # fmt: skip
        with patch.object(local, "LARGEST", 4), patch.multiple(gathering, _GATHERED=held, _PER_GROUP=0):
            return run(lambda: [[shown(cell) for cell in row] for row in table.rows()], table.session)

    with patch.object(gathering.Gathering, "_fold", lambda self: None):
        expected = of(GROUPED)
    assert of(GROUPED) == expected
    assert of(TABLED) == expected


keys = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=20)
doubles = st.one_of(st.none(), st.floats(-9, 9), st.sampled_from([0.1, 0.2, 1e16, -1e16, 0.0]))
wild = st.one_of(doubles, st.sampled_from([-0.0, float("nan"), float("inf"), "x", Date(700_000), 2**60]))


@settings(max_examples=200, deadline=None)
@given(
    keys, st.lists(doubles, max_size=20), st.lists(wild, max_size=20), st.integers(1, 7), st.integers(1, 9)
)
def test_typed_groups_that_pass_by(
    names: list[Any], first: list[Any], then: list[Any], rows: int, chunk: int
) -> None:
    """Chunks of typed cells, and then of any; keys that stop being text."""
    if not first or not then:
        return
    parts = [[(names * len(values))[: len(values)], values] for values in (first, then)]
    if len(then) > 9:
        parts[1][0][9] = 7.0
    tables = {name: from_columns(["k", "v"], part) for name, part in zip("TU", parts, strict=True)}

    def of(source: str, least: int) -> list[list[Any]]:
        whole = source.replace("(T,", "(Table.Combine({T, U}),")
        table = mlang.evaluate(
            f"section S; shared T = null; shared U = null; shared R = {whole};",
            query="R", parameters=tables, engine="none",
        )  # fmt: skip
        with (
            patch.object(typed, "MANY", least),
            patch.object(batches, "ROWS", rows),
            patch.object(local_group, "_CHUNK", chunk),
            patch.multiple(gathering, _GATHERED=chunk, _PER_GROUP=0),
        ):
            return run(lambda: [[shown(cell) for cell in row] for row in table.rows()], table.session)

    assert of(GROUPED, 1) == of(TABLED, 10**9)


FUNCTIONS = [
    "each _ * 2", "each Text.Upper(_)", "each if _ = null then 0 else Text.Length(_)", "(x) => x & \"!\"",
    "each Text.BeforeDelimiter(_, \".\")", "each _[a]", "each [a]", "each {_, _}", "(x) => -x", "each 1",
    "each _ > 3 and _ < 9", "let k = 3 in each _ + k", "each Number.From(_) + 1", "each Text.From(_)",
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(columns, st.sampled_from(FUNCTIONS))
def test_cell_functions(column: list[Any], source: str) -> None:
    function = Document(source).value(None)
    form = columnar_cell(function)
    if form is None:
        return

    def alone(value: Any) -> Any:
        try:
            return shown(apply(function, value))
        except MError as error:
            return ("error", str(error))

    expected = run(lambda: [alone(value) for value in column], Session())
    assert run(lambda: [shown(c) for c in form.map([column], len(column))], Session()) == expected


def test_most_cell_functions_are_loops() -> None:
    assert sum(columnar_cell(Document(source).value(None)) is not None for source in FUNCTIONS) >= 10


def test_outer_underscore_is_not_the_cell() -> None:
    source = """Table.AddColumn(#table({"a"}, {{1}, {2}}), "b",
        each Table.TransformColumns(#table({"c"}, {{10}}), {"c", (x) => x + [a]}){0}[c])[b]"""
    assert mlang.to_m(mlang.evaluate(source)) == "{11, 12}"
