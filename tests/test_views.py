"""Views: when handlers are called, and what happens around them (results: tests/rows/library/table_view.toml)."""

from __future__ import annotations

from typing import Any

import pytest

import mlang
from mlang.library.table.view import view
from mlang.registry import value_of
from mlang.tables import plan as p
from mlang.tables.table import Table, from_columns
from mlang.tables.view import resolved
from mlang.values.functions import native
from mlang.values.types import table_type


class Noted:
    """Handlers of a view over three rows that note their calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def handlers(self, **more: Any) -> dict[str, Any]:
        base = {
            "GetType": lambda: table_type(["a"]),
            "GetRows": lambda: from_columns(["a"], [[1.0, 2.0, 3.0]]),
            **more,
        }
        return {name: self.noted(name, function) for name, function in base.items()}

    def noted(self, name: str, function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            self.calls.append(name)
            return function(*arguments)

        return native(call, *"xyzuvw"[: function.__code__.co_argcount])


def step(name: str, *arguments: Any) -> Table:
    table: Table = value_of(name).fn(*arguments)
    return table


def test_no_step_is_handled_before_somebody_reads() -> None:
    noted = Noted()
    table = view(None, noted.handlers(OnTake=lambda n: from_columns(["a"], [[n]])))
    first = step("Table.FirstN", table, 2.0)
    assert first.names == ("a",)
    assert noted.calls == ["GetType"]
    assert list(first.rows()) == [(2.0,)]
    assert noted.calls == ["GetType", "OnTake"]


def test_rows_of_a_view_are_read_once_per_reading() -> None:
    noted = Noted()
    table = view(None, noted.handlers())
    assert list(step("Table.SelectRows", table, native(lambda row: row["a"] > 1, "row")).rows()) == [
        (2.0,),
        (3.0,),
    ]
    assert noted.calls == ["GetType", "GetRows"]


def test_a_step_without_handler_stands_on_the_table_underneath() -> None:
    base = from_columns(["a"], [[1.0, 2.0]])
    table = view(base, {"OnSkip": native(lambda n: base, "n")})
    plan = resolved(step("Table.FirstN", table, 1.0).plan)
    assert isinstance(plan, p.Take)
    assert plan.input is base.plan


def test_plans_without_views_stay_the_same() -> None:
    view(from_columns(["a"], [[]]), {})
    plan = step("Table.FirstN", from_columns(["a"], [[1.0]]), 1.0).plan
    assert resolved(plan) is plan


def test_a_handler_gets_a_shared_view_only_once() -> None:
    noted = Noted()
    table = view(None, noted.handlers(OnTake=lambda n: from_columns(["a"], [[n]])))
    first = step("Table.FirstN", table, 1.0)
    assert list(step("Table.Combine", [first, first]).rows()) == [(1.0,), (1.0,)]
    assert noted.calls.count("OnTake") == 1


def test_faults_are_not_caught() -> None:
    class Stop(Exception):
        pass

    def fail(n: Any) -> Any:
        raise Stop

    table = view(from_columns(["a"], [[1.0]]), {"OnTake": native(fail, "n")})
    with pytest.raises(Stop):
        list(step("Table.FirstN", table, 1.0).rows())


ENTITY = """
let
    Rows = #table(type table [Name = text, Age = number], {{"Ann", 30}, {"Bob", 20}, {"Cid", 40}}),
    Run = (s) =>
        let
            sorted = if s[Sort]? = null then Rows else Table.Sort(Rows, s[Sort]),
            skipped = Table.Skip(sorted, s[Skip]? ?? 0),
            taken = if s[Top]? = null then skipped else Table.FirstN(skipped, s[Top])
        in
            if s[Columns]? = null then taken else Table.SelectColumns(taken, s[Columns]),
    View = (s) => Table.View(null, [
        GetType = () => Value.Type(Run(s)),
        GetRows = () => Run(s),
        GetRowCount = () => if s = [] then 3 else ...,
        OnTake = (n) => @View(s & [Top = n]),
        OnSkip = (n) => if s[Top]? <> null then ... else @View(s & [Skip = n]),
        OnSort = (o) => @View(s & [Sort = List.Transform(o, each {[Name], [Order]})]),
        OnSelectColumns = (c) => @View(s & [Columns = c])
    ]),
    t = View([])
in
"""


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("Table.RowCount(t)", "3"),
        ('Table.FirstN(Table.Sort(t, "Age"), 2)[Name]', '{"Bob", "Ann"}'),
        ('Table.Skip(Table.FirstN(Table.Sort(t, {"Age", 1}), 2), 1)[Name]', '{"Ann"}'),
        ('Table.SelectColumns(Table.FirstN(t, 1), {"Age"}){0}', "[Age = 30]"),
        ("Table.RowCount(Table.SelectRows(t, each [Age] > 25))", "2"),
        ('t{[Name = "Cid"]}[Age]', "40"),
        ("Table.Sort(t, each -[Age])[Age]", "{40, 30, 20}"),
        ('Table.Group(t, {}, {"n", Table.RowCount})[n]', "{3}"),
        ('Table.NestedJoin(t, "Name", t, "Name", "N"){1}[N]{0}[Age]', "20"),
        ("Table.Buffer(Table.FirstN(t, 1)) = Table.FirstN(t, 1)", "true"),
    ],
)
@pytest.mark.parametrize("engine", ["none", "duckdb"])
def test_a_connector_that_keeps_state(expression: str, result: str, engine: str) -> None:
    assert mlang.to_m(mlang.evaluate(ENTITY + expression, engine=engine)) == result
