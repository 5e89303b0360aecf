"""How tables run: what is computed, when, in what pieces (results: tests/rows/library/table*.toml)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import mlang
from mlang import errors
from mlang.tables import access
from mlang.tables import plan as p
from mlang.tables.local import batched_rows, run_local
from mlang.tables.plan import Batch, Source
from mlang.tables.simplify import prune
from mlang.tables.table import Table, from_columns
from mlang.values.functions import native
from mlang.values.thunk import Thunk
from mlang.values.types import ANY, table_type


class Counting(Source):
    """A source of numbered rows that notes what was asked of it."""

    def __init__(self, rows: int = 100_000) -> None:
        self.rows, self.read = rows, 0
        self.asked: list[tuple[list[str] | None, int | None]] = []

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        self.asked.append((columns, limit))
        width = 3 if columns is None else len(columns)
        for start in range(0, self.rows, 100):
            count = min(100, self.rows - start)
            self.read += count
            yield Batch([[float(start + i) for i in range(count)] for _ in range(width)], count)


def scan(source: Source) -> Table:
    return Table(p.Scan(table_type(["a", "b", "c"]), source, ("a", "b", "c")))


def rows(plan: p.Plan, columns: list[str] | None = None, limit: int | None = None) -> list[tuple[Any, ...]]:
    return [row for batch in run_local(plan, columns, limit) for row in zip(*batch.columns, strict=True)]


def failing(*_: Any) -> Any:
    raise errors.not_enough_elements()


def added(table: Table, name: str, function: Any) -> Table:
    from mlang.registry import value_of

    result: Table = value_of("Table.AddColumn").fn(table, name, native(function, "row"))
    return result


def test_only_wanted_columns_are_read() -> None:
    source = Counting(10)
    assert rows(scan(source).plan, ["b"])[3] == (3.0,)
    assert source.asked == [(["b"], None)]


def test_a_column_nobody_reads_is_not_computed() -> None:
    source = Counting(10)
    table = added(scan(source), "d", failing)
    assert rows(table.plan, ["a"], 1)[0] == (0.0,)
    assert source.asked == [(["a"], 1)]


def test_counting_asks_for_no_column() -> None:
    source = Counting(250)
    assert access.row_count(added(scan(source), "d", failing)) == 250
    assert source.asked == [([], None)]


def test_taking_rows_stops_the_source() -> None:
    source = Counting()
    table = Table(p.Take(scan(source).type, scan(source).plan, 5))
    assert len(rows(table.plan)) == 5
    assert source.read == 100
    assert source.asked[-1][1] == 5


def test_a_row_by_index_reads_no_further() -> None:
    source = Counting()
    assert access.item(scan(source), 150.0) == {"a": 150.0, "b": 150.0, "c": 150.0}
    assert source.read == 200


def test_a_stream_runs_again_at_each_reading() -> None:
    source = Counting(10)
    table = scan(source)
    assert access.equal(table, table)
    assert len(source.asked) == 2


def test_an_error_comes_after_the_rows_before_it() -> None:
    def make() -> Iterator[Any]:
        yield [1.0]
        yield [2.0]
        failing()

    batches = batched_rows(make(), 1)
    assert next(batches).columns == [[1.0, 2.0]]
    with pytest.raises(mlang.MError):
        next(batches)


def test_batches_grow() -> None:
    sizes = [batch.length for batch in batched_rows(([i] for i in range(20_000)), 1)]
    assert sizes[:4] == [64, 256, 1024, 4096]
    assert max(sizes) == 8192
    assert sum(sizes) == 20_000


def test_key_access_evaluates_key_cells_only() -> None:
    table = from_columns(["k", "v"], [["x", "y"], [Thunk(failing), "found"]])
    found = access.select_key(table, {"k": "y"})
    assert found == {"k": "y", "v": "found"}
    assert access.select_key(table, {"k": "z"}, True) is None


def test_pruning_drops_steps_and_merges_choices() -> None:
    table = added(scan(Counting(3)), "d", failing)
    chosen = p.Project(table_type(["x", "y"]), table.plan, (("x", "a"), ("y", "d")))
    pruned = prune(chosen, ("x",))
    assert isinstance(pruned, p.Project)
    assert pruned.input.__class__ is p.Scan
    assert rows(pruned) == [(0.0,), (1.0,), (2.0,)]


def test_a_merge_and_its_expansion_are_one_join() -> None:
    left = from_columns(["k", "n"], [[1.0, 2.0], ["a", "b"]])
    right = from_columns(["k", "v"], [[1.0, 1.0], ["x", "y"]])
    nested = p.NestedJoin(
        table_type(["k", "n", "t"]), left.plan, right.plan, ("k",), ("k",), "t", p.LEFT_OUTER
    )
    expanded = p.ExpandTable(table_type(["k", "n", "k2", "v"]), nested, "t", (("k", "k2"), ("v", "v")))
    assert rows(expanded) == [(1.0, "a", 1.0, "x"), (1.0, "a", 1.0, "y"), (2.0, "b", None, None)]
    other = p.ExpandTable(table_type(["k", "n", "w"]), nested, "t", (("missing", "w"),))
    assert rows(other, ["w"]) == [(None,), (None,), (None,)]


def test_hundreds_of_steps_run() -> None:
    source = (
        'let t = #table({"a"}, {{1}, {2}}), '
        'r = List.Accumulate({1..400}, t, (s, i) => Table.AddColumn(s, "c" & Text.From(i), each [a] + i)) '
        "in List.Sum(r[c400]) + Table.ColumnCount(r)"
    )
    assert mlang.evaluate(source, engine="none") == 1204.0


def test_views_ask_their_handlers() -> None:
    view = (
        "Table.View(null, [GetType = () => type table [a = number], "
        "GetRows = () => #table(type table [a = number], {{1}, {2}}), GetRowCount = () => 99])"
    )
    assert mlang.evaluate(f"Table.RowCount({view})", engine="none") == 99.0
    assert (
        mlang.to_m(mlang.evaluate(f'Table.AddColumn({view}, "b", each [a] * 2)[b]', engine="none"))
        == "{2, 4}"
    )
    over = 'Table.View(#table({"a"}, {{5}}), [GetRows = () => error "no"])'
    assert mlang.to_m(mlang.evaluate(f"{over}[a]", engine="none")) == "{5}"


def test_any_is_the_type_of_untyped_columns() -> None:
    assert table_type(["a"]).types == (ANY,)


@pytest.mark.parametrize(
    "step",
    [
        "Table.SelectRows(t, each [a] > 1)",
        'Table.Sort(t, {"b", Order.Descending})',
        'Table.Distinct(t, "b")',
        "Table.Distinct(t)",
        "Table.FirstN(t, each [a] < 3)",
        'Table.AddColumn(t, "z", each [c] + 1)',
        'Table.FillDown(t, {"a", "c"})',
        'Table.TransformColumns(t, {{"a", each _ + 1}, {"c", each -_}})',
        'Table.ReplaceValue(t, each [a], each [c], Replacer.ReplaceValue, {"a", "b"})',
        'Table.Group(t, "b", {{"s", each List.Sum([a])}, {"n", each Table.RowCount(_)}, {"all", each _}})',
        'Table.Join(t, "a", Table.PrefixColumns(t, "r"), "r.c", JoinKind.FullOuter)',
        'Table.Join(t, "a", Table.SelectColumns(t, {"a"}), "a")',
        'Table.SelectRows(Table.AddColumn(Table.PrefixColumns(t, "p"), "z", each [p.a] * 2), each [z] > 2)',
    ],
)
def test_a_pruned_plan_gives_the_same_cells(step: str) -> None:
    base = '#table({"a", "b", "c"}, {{1, "x", 3}, {2, "y", null}, {3, "x", 1}, {null, null, 2}})'
    table = mlang.evaluate(f"let t = {base} in {step}", engine="none")
    for name in table.names:
        whole = rows(table.plan, [name])
        pruned = prune(table.plan, (name,))
        assert pruned.schema.names == (name,)
        assert mlang.to_m([c for (c,) in rows(pruned)]) == mlang.to_m([c for (c,) in whole])
