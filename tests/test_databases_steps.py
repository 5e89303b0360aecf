"""Steps that databases do in a way of their own: one query there, and what the interpreter gives."""

from __future__ import annotations

from typing import Any

import pytest
from database_tables import Engine, engine_or_skip

import mlang
from folding.engines import remote
from mlang.connectors.databases import SqlSource
from mlang.session import use

NAMES = ["SQLite", "PostgreSQL", "MySQL"]
ROWS = [
    [1.0, "a,b", "x"], [2.5, None, "y"], [None, "b", "x"], [-0.5, "é,ü,z", "x"], [3.0, "", "y"], [0.1, "a,b", "x"],
    [0.2, None, None],
]  # fmt: skip


@pytest.fixture(scope="module", params=NAMES)
def engine(request: pytest.FixtureRequest) -> Engine:
    found = engine_or_skip(request.param)
    found.make("steps", {"n": "number", "t": "text", "g": "text"}, ROWS)
    return found


def whole_query(engine: Engine, m: str) -> None:
    """The steps are one query, which gives what the interpreter gives."""
    with use(engine.session()):
        found, _ = remote.describe(engine.evaluate(m).plan)
        assert isinstance(found, remote.RemoteQuery), found
        batches = list(found.batches())  # raises where the server refuses
    rows = [list(row) for batch in batches for row in zip(*batch.columns, strict=True)]
    expected = engine.evaluate(f"Table.ToRows({m})", "none")
    assert [mlang.to_m(row) for row in rows] == [mlang.to_m(row) for row in expected]
    assert mlang.to_m(engine.evaluate(m)) == mlang.to_m(engine.evaluate(m, "none"))


@pytest.mark.parametrize(
    "step",
    [
        'Table.FillDown(T, {"n", "t"})',
        'Table.FillUp(T, {"t", "g"})',
        'Table.FillUp(Table.FirstN(Table.Sort(T, "n"), 4), {"t"})',
        'Table.AddRankColumn(T, "r", {"g", {"n", 1}})',
        'Table.AddRankColumn(T, "r", "g", [RankKind = RankKind.Dense])',
        'Table.AlternateRows(T, 1, 1, 2)',
        'Table.SplitColumn(T, "t", Splitter.SplitTextByDelimiter(","), {"p", "q", "r"})',
        'Table.ExpandListColumn(Table.AddColumn(T, "l", each {[t], [g], "z"}), "l")',
        'Table.ExpandListColumn(Table.AddColumn(Table.FirstN(T, 3), "l", each {[n], 1}), "l")',
        'Table.Group(T, {"g"}, {{"x", each Text.Combine([t], "-")}})',
        'Table.Group(T, {"g"}, {{"s", each List.Sum([n])}, {"a", each List.Average([n])}, {"m", each List.Median([n])}})',
        'Table.Group(T, {"g"}, {{"f", each List.First([t])}, {"l", each List.Last([n])}})',
        'Table.Group(T, {}, {{"f", each List.First([t])}, {"s", each List.Sum([n])}})',
        'Table.Group(T, {"g"}, {{"f", each List.Sum([n])}}, GroupKind.Local)',
        'Table.Pivot(T, {"a,b", "b"}, "t", "n", List.Sum)',
        'Table.AddColumn(T, "x", each List.Sum({[n], 1}))',
    ],
)  # fmt: skip
def test_steps(engine: Engine, step: str) -> None:
    whole_query(engine, f'let T = Table.RemoveColumns({engine.reads("steps")}, "#") in {step}')


@pytest.mark.parametrize("name", ["PostgreSQL", "MySQL"])
@pytest.mark.parametrize(
    "step",
    [
        "Table.SelectRows(T, each [p] > 1)",
        "Table.SelectRows(T, each [p] = 1.5 or [p] < [q])",
        'Table.Sort(T, {{"p", 1}})',
        'Table.Group(T, {"t"}, {{"s", each List.Sum([p])}, {"m", each List.Max([q])}, {"f", each List.First([p])}})',
        'Table.Group(T, {"p"}, {{"c", each Table.RowCount(_)}})',
        'Table.AddColumn(T, "x", each [p] * [q])',
        'Table.FillDown(T, {"p"})',
        'Table.Combine({Table.SelectColumns(T, {"id"}), T})',
        'Table.Join(T, "p", Table.PrefixColumns(T, "r"), "r.p")',
        'Table.Distinct(T, {"p"})',
        'Table.AddColumn(T, "x", each if [p] = null then 0 else [p])',
        'Table.AddColumn(T, "x", each [p] ?? 0.5)',
        'Table.ReplaceValue(T, null, 0, Replacer.ReplaceValue, {"p", "q"})',
        'Table.SelectRows(Table.ReplaceValue(T, null, 0, Replacer.ReplaceValue, {"p"}), each [p] < 1)',
        'Table.AddColumn(Table.ReplaceValue(T, null, 0, Replacer.ReplaceValue, {"p"}), "x", each [p] * [q])',
        'Table.Sort(Table.ReplaceValue(T, null, 0, Replacer.ReplaceValue, {"p"}), {{"p", 1}, {"t", 0}})',
        'Table.FirstN(Table.Sort(Table.AddColumn(T, "x", each [p] ?? [id]), {"x", "id"}), 4)',
        'Table.Group(Table.ReplaceValue(T, null, 1.5, Replacer.ReplaceValue, {"p"}), {"p"}, {{"n", each List.Sum([q])}})',
        'let U = Table.ReplaceValue(T, null, 0, Replacer.ReplaceValue, {"p"}) in Table.Group(U, {"t"}, {{"a", each List.Max([p])}, {"b", each List.Sum([p])}, {"c", each List.Last([p])}, {"d", each List.NonNullCount([p])}})',
        'Table.Distinct(Table.ReplaceValue(T[[p], [t]], null, 1.5, Replacer.ReplaceValue, {"p"}))',
        'Table.Join(Table.ReplaceValue(T, null, 2.5, Replacer.ReplaceValue, {"p"}), "p", Table.PrefixColumns(T, "r"), "r.q", 1)',
        'Table.SelectRows(Table.Skip(Table.Sort(Table.AddColumn(T, "x", each [p] ?? 0), "x"), 1), each [x] <> null)',
        'Table.TransformColumnTypes(T, {{"p", type number}, {"q", type number}})',
    ],
)
def test_decimals(name: str, step: str) -> None:
    """Decimals of up to 15 digits behind the point: compared, ordered and grouped as they are, computed as doubles."""
    engine = engine_or_skip(name)
    if "decimals" not in engine.known:
        engine.run(
            "DROP TABLE IF EXISTS decimals",
            "CREATE TABLE decimals (id integer PRIMARY KEY, p numeric(10, 2), q numeric(20, 3), t varchar(9))",
            "INSERT INTO decimals VALUES (1, 1.50, 2.5, 'a'), (2, NULL, 3.25, 'b'), (3, -7.25, 0, 'c'), "
            "(4, 100.00, 99999999999.125, 'd'), (5, 0.10, 0.001, NULL), (6, 1.50, -1, 'a'), (7, 12345678.99, 0.2, 'b')",
        )
        engine.known.add("decimals")
    whole_query(engine, f"let T = {engine.reads('decimals')} in {step}")


def test_decimals_that_are_no_numbers() -> None:
    """NaN of a numeric column: the query asks first, then stays here."""
    engine = engine_or_skip("PostgreSQL")
    engine.run(
        "DROP TABLE IF EXISTS odd",
        "CREATE TABLE odd (id integer PRIMARY KEY, p numeric(10, 2), w numeric)",
        "INSERT INTO odd VALUES (1, 1.5, 2), (2, 'NaN', 'NaN'), (3, -1, 'Infinity')",
    )
    for step in (
        "Table.SelectRows(T, each [p] > 1)",
        'Table.Sort(T, "p")',
        'Table.Sort(T, "w")',
        "Table.SelectRows(T, each [w] <> null)",
        'Table.AddColumn(T, "x", each [p] ?? [id])',
    ):
        m = f"let T = {engine.reads('odd')} in {step}"
        assert mlang.to_m(engine.evaluate(m)) == mlang.to_m(engine.evaluate(m, "none"))


def test_rows_of_views_come_as_the_server_reads_them() -> None:
    """MariaDB's window functions sort rows that have no key; they are numbered by a variable."""
    engine = engine_or_skip("MySQL")
    rows: list[list[Any]] = [[float((7 * i) % 20), float(i % 3)] for i in range(20)]
    engine.make("keyed", {"a": "number", "b": "whole"}, rows)
    engine.run("DROP VIEW IF EXISTS unkeyed", "CREATE VIEW unkeyed AS SELECT a, b FROM keyed")
    for step in (
        "T",
        "Table.Skip(T, each [a] < 15)",
        'Table.Join(T, "a", Table.PrefixColumns(T, "r"), "r.a")',
    ):
        whole_query(engine, f"let T = {engine.reads('unkeyed')} in {step}")


@pytest.mark.parametrize(
    "question",
    [
        'Table.Contains(T, [n = 7, t = "no"], {"n", "t"})',
        'Table.ContainsAny(T, {[g = "no"], [g = "none"]}, {"g"})',
        'Table.ContainsAll(T, {[g = "x"], [g = "no"]}, {"g"})',
        'Table.ContainsAll(T, {[g = "x"], [g = null]}, {"g"})',
        'List.Contains(T[g], "no")',
    ],
)
def test_questions_are_answered_there(engine: Engine, question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no row is found, no rows are read for the answer."""
    m = f"let T = {engine.reads('steps')} in {question}"
    expected = engine.evaluate(m, "none")

    def read(*_: object) -> None:
        raise AssertionError("rows were read")

    monkeypatch.setattr(SqlSource, "batches", read)
    assert engine.evaluate(m) is expected


SHARED = {
    "a self join": """g = Table.Group(s, {"g"}, {{"m", each List.Max([n])}}),
        r = Table.ExpandTableColumn(Table.NestedJoin(g, "g", g, "g", "x", JoinKind.LeftOuter), "x", {"m"}, {"m2"})""",
    "appended to itself": """d = Table.Distinct(s, {"g"}), r = d & Table.FirstN(d, 1)""",
    "parts of parts": """d = Table.Distinct(s, {"t", "g"}), g = Table.Group(d, {"g"}, {{"m", each List.Max([n])}}),
        a = Table.Join(Table.RenameColumns(d, {{"g", "q"}}), "q", g, "g"),
        r = Table.Join(Table.PrefixColumns(a, "a"), "a.g", Table.SelectRows(g, each [m] > 2.5), "g")""",
}


@pytest.mark.parametrize("name", SHARED)
def test_what_is_read_twice_is_said_once(engine: Engine, name: str) -> None:
    m = f'let s = Table.RemoveColumns({engine.reads("steps")}, "#"), {SHARED[name]} in r'
    whole_query(engine, m)
    whole_query(engine, f"Table.FirstN({m}, 2)")
    with use(engine.session()):
        found, _ = remote.describe(engine.evaluate(m).plan)
    assert isinstance(found, remote.RemoteQuery)
    assert found.sql.startswith("WITH ")
