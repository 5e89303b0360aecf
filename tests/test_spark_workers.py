"""Row-wise steps that workers of Spark and Sail do in Python: what travels, what they give, when they do not."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from spark_tables import address_or_skip, engine, evaluated, parquet, session

import mlang
from folding.engines import (
    spark,
    spark_cells,
    spark_parcels,
    spark_query,
    spark_server,
    spark_worker,
    spark_workers,
)
from folding.engines.spark_cells import Unsendable
from folding.explain import explain_step, plan_tree
from folding.plantree import lines
from folding.terms import CannotFold, Unfoldable
from mlang.compile.entry import run
from mlang.errors import MError
from mlang.session import use
from mlang.tables.table import Table
from mlang.values.temporal import Date, DateTime
from mlang.values.thunk import Thunk, failed, force

KINDS = {"k": "whole", "x": "number", "t": "text", "d": "date", "s": "datetime", "b": "logical"}
TEXTS = ["abc def", "ß ölig", None, "12", "x,y"]


@pytest.fixture(params=["Sail", "Spark"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    address = address_or_skip(request.param)
    with engine(address):
        yield address


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The queries that servers got, other than for probes."""
    found: list[Any] = []
    told = spark_query.SparkQuery._read

    def spy(self: Any, *more: Any) -> Any:
        if self.schema is not None or self.workers:
            found.append(self)
        return told(self, *more)

    monkeypatch.setattr(spark_query.SparkQuery, "_read", spy)
    return found


def table(count: int = 20) -> Table:
    rows = [
        [float(i), i / 8 if i % 5 else None, TEXTS[i % 5], Date(730_000 + i),
         DateTime((730_000 + i) * 864_000_000_000 + i * 10), i % 2 == 0]
        for i in range(count)
    ]  # fmt: skip
    return parquet(KINDS, rows)


PROPER = 'Table.AddColumn(_, "p", each Text.Proper([t]))'
DONE = [
    f"each {PROPER}",
    'each Table.AddColumn(_, "p", each {[k], [t], [d], [s], [b], #duration(1, 0, 0, 0)})',
    'each Table.AddColumn(_, "p", each Number.FromText([t]), type number)',
    'each Table.AddColumn(_, "p", each if [k] = 3 then error [Reason = "A", Message = "m", Detail = [a = {1, _}]] else [x])',
    'each Table.AddColumn(_, "p", each Record.FieldNames(_))',
    'each Table.AddColumn(_, "p", each [missing])',
    'each Table.SelectRows(_, each Text.Proper([t]) = "Abc Def")',
    f'each Table.Group({PROPER}, {{"p"}}, {{{{"n", each Table.RowCount(_), Int64.Type}}, {{"m", each List.Sum([x])}}}})',
    f'each Table.Sort({PROPER}, {{{{"p", Order.Descending}}, "k"}})',
    'each Table.TransformColumns(_, {{"t", Text.Proper}, {"x", each Number.ToText(_, "N2"), type text}})',
    f'each Table.TransformColumnTypes({PROPER}, {{{{"x", type text}}, {{"t", type number}}}})',
    'each Table.RemoveRowsWithErrors(Table.AddColumn(_, "p", each Number.FromText([t])), {"p"})',
    'each Table.SelectRowsWithErrors(Table.AddColumn(_, "p", each Number.FromText([t])), {"p"})',
    'each Table.Sort(Table.ReplaceErrorValues(Table.AddColumn(_, "p", each Number.FromText([t])), {{"p", 7}}), "p")',
    'let f = (v) => Text.Proper(v) & mark, mark = "!", #"a b" = [c = 5] in (t) => Table.AddColumn(t, "p", each f([t]) & Text.From(#"a b"[c]))',
    f'each Table.AddColumn(Table.RenameColumns({PROPER}, {{{{"t", "u"}}, {{"p", "t"}}}}), "z", each Text.Proper([u]) & [t])',
    f'each Table.AddColumn(Table.Sort({PROPER}, {{"p", "k"}}), "q", each Text.Proper([p]))',
    'each Table.AddColumn(Table.AddColumn(_, "p", each {[k]}), "q", each [p]{0} + 1)',
    'each Table.ReplaceValue(_, each [t], each Text.Proper([t]), Replacer.ReplaceValue, {"t"})',
    'each Table.RowCount(Table.SelectRows(_, each Text.Proper([t]) = "Abc Def"))',
    f'each Table.Join({PROPER}, "p", Table.PrefixColumns({PROPER}, "r"), "r.p")',
    f'each Table.Pivot(Table.SelectColumns({PROPER}, {{"b", "p", "x"}}), {{"12", "X,Y"}}, "p", "x", List.Sum)',
]  # fmt: skip


@pytest.mark.parametrize("m", DONE)
def test_workers_give_what_the_interpreter_gives(server: str, asked: list[Any], m: str) -> None:
    """Values, types, errors with their records; and it is workers that do it."""
    rows = table()
    assert evaluated(m, "spark", rows) == evaluated(m, "none", rows)
    assert asked
    assert asked[-1].workers


def test_rows_that_sql_refuses(server: str, asked: list[Any]) -> None:
    """Where the server's form raises for a row, workers make the error cell."""
    m = 'each Table.AddColumn(_, "y", each Text.Range([t], 3, 2))'
    rows = table()
    assert evaluated(m, "spark", rows) == evaluated(m, "none", rows)
    assert asked[-1].workers == ("Table.AddColumn",)


@pytest.mark.parametrize(
    "m",
    [
        'each Table.AddColumn(_, "y", each Text.Proper([t]), type number)',  # cells of another kind than claimed
        "each Table.SelectRows(_, each Text.Proper([t]))",  # a condition that is no logical
        'each Table.AddColumn(_, "y", each #table({"a"}, {{1}}))',  # a value that does not travel
        'each Table.AddColumn(_, "y", each DateTime.LocalNow() > [s])',  # the clock is the session's
        'each Table.Sort(Table.AddColumn(_, "y", each Number.FromText([t])), "y")',  # an error in a key
    ],
)
def test_what_workers_do_not_do(server: str, m: str) -> None:
    """The session does it: the same rows, or M's error."""
    rows = table()
    assert evaluated(m, "spark", rows) == evaluated(m, "none", rows)


def test_where_mlang_is_not_installed(server: str, asked: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers without mlang, or with another one, are not asked; reports say so."""
    monkeypatch.setattr(spark_workers, "_answers", {})
    monkeypatch.setattr(spark_worker, "here", lambda: "mlang 99")
    rows = table()
    m = f"each {PROPER}"
    assert evaluated(m, "spark", rows) == evaluated(m, "none", rows)
    assert not asked
    with use(session()):
        made = mlang.evaluate(m, engine="spark", culture="en-US").fn(Table(rows.plan))
        found = spark.describe(made.plan)
    assert isinstance(found, CannotFold)
    assert "the workers have mlang" in found.reason


def test_the_time_zone_and_culture_travel(server: str, asked: list[Any]) -> None:
    rows = table()
    m = 'each Table.AddColumn(_, "y", each {Number.ToText([x], "N2"), DateTimeZone.ToText(DateTimeZone.From([s]))})'
    found = {}
    for name in ("spark", "none"):
        given = session(name)
        given.culture, given.time_zone = "de-DE", "Europe/Berlin"
        with use(given):
            made = mlang.evaluate(m, engine=name, culture="de-DE", time_zone="Europe/Berlin")
            found[name] = mlang.to_m(made.fn(Table(rows.plan)))
    assert found["spark"] == found["none"]
    assert asked[-1].workers
    assert "0,13" in found["none"]


# ---------------------------------------------------------------- without a server


def test_no_view_of_a_query_stays(server: str) -> None:
    """Those of workers, of what they read and of data that was sent, also where one is read twice."""
    names = '#table(type table [k = number, name = text], {{1, "a"}, {2, "b"}})'
    joined = f'Table.Join(_, "k", Table.PrefixColumns({names}, "r"), "r.k")'
    proper = f'Table.AddColumn({joined}, "p", each Text.Proper([t] & [r.name]))'
    for m in (
        f"each {PROPER}",
        f"each {proper}",
        f'each Table.Join({proper}, "k", Table.PrefixColumns({proper}, "q"), "q.k")',
    ):
        assert "Error" not in evaluated(m, "spark", table())
    left = [t.name for t in spark_server.current().session.catalog.listTables()]
    assert [n for n in left if n.startswith(("mlang_made", "mlang_sent"))] == []


def test_reports_say_what_workers_do() -> None:
    """No server is asked."""
    with engine("sc://127.0.0.1:1"), use(session()):
        made = mlang.evaluate(f'each Table.Sort({PROPER}, "k")', engine="spark", culture="en-US").fn(table())
        report = explain_step("s", made)
        tree = plan_tree([("s", made)])
    assert (report.indicator, report.engine) == ("Folding", "Spark")
    assert "on the workers: Table.AddColumn" in report.notes
    assert tree is not None
    assert [line.partition("  ")[2].partition(" [")[0] for line in lines(tree)][:2] == [
        "Spark", "Table.AddColumn  Spark, on the workers"
    ] or "Spark, on the workers" in "\n".join(lines(tree))  # fmt: skip


def test_values_travel_as_they_are() -> None:
    """Bits of doubles, digits of decimals, order of fields, errors inside; what is no data does not."""
    texts = ['{1, -0.0, #nan, #infinity, 0.1, "a#(lf)""", ":", null, true}', '[b = {[a = 1]}, a = #date(2020, 1, 2)]',
             '{#time(1, 2, 3.5), #duration(-1, 0, 0, 0), #datetime(2020, 1, 1, 0, 0, 0.0000001)}',
             "#datetimezone(2020, 1, 1, 0, 0, 0, 2, 30)", '#binary("AAE=")']  # fmt: skip
    for text in texts:
        value = mlang.evaluate(text, engine="none", time_zone="UTC")
        assert mlang.to_m(spark_cells.decoded(spark_cells.encoded(value))) == mlang.to_m(value)
    minus = spark_cells.decoded(spark_cells.encoded(-0.0))
    assert str(minus) == "-0.0"
    for exact in (2**60 + 1, Decimal("0.10")):
        assert spark_cells.decoded(spark_cells.encoded(exact)) == exact
    for text in ("(x) => x", "type text", "#table({}, {})", "[a = (x) => x]"):
        with pytest.raises(Unsendable):
            spark_cells.encoded(mlang.evaluate(text, engine="none"))


def test_errors_travel_with_their_records() -> None:
    error = MError(
        "R", "m", {"a": [1.0, failed(MError("S", "n"))]}, message_format="f", message_parameters=["p"]
    )
    error.final = True
    cell = spark_cells.error_cell(spark_cells.error_text(error))
    assert cell.__class__ is Thunk
    found = cell.content
    assert (found.reason, found.message, found.message_format, found.final) == ("R", "m", "f", True)
    assert found.message_parameters == ["p"]
    with pytest.raises(MError, match="S: n"):
        force(found.detail["a"][1])


@pytest.mark.parametrize(
    ("m", "why"),
    [
        ("each DateTime.LocalNow()", "DateTime.LocalNow is not the same on a worker"),
        ("each Date.IsInCurrentDay([d])", "Date.IsInCurrentDay is not the same"),
        ("each Number.Random()", "Number.Random is not the same"),
        ('each File.Contents("x")', "File.Contents is not the same"),
        ("each DateTimeZone.From([s])", "the time zone of this machine"),
        ("let t = #table({}, {}) in each t", "no number, text, date, list or record"),
        ('let bad = error "x" in each bad', "a value that is an error"),
    ],
)  # fmt: skip
def test_what_is_not_sent(m: str, why: str) -> None:
    """What would not mean the same on a worker."""
    with use(session()):
        function = mlang.evaluate(m, engine="none", time_zone="UTC")
        with pytest.raises(Unsendable, match=why):
            run(lambda: spark_parcels.Parcel(False).function(function))


def test_a_parcel_is_text() -> None:
    """Functions go as M text and what they captured, not as code."""
    function = mlang.evaluate("let a = 1, f = (x) => x + a in each f([k]) * a", engine="none")
    sent = run(lambda: spark_parcels.Parcel(True).function(function))
    assert sent["text"] == "each f([k]) * a"
    assert sent["names"]["a"] == {"v": '["n","0x1.0000000000000p+0"]'}
    assert sent["names"]["f"]["f"]["text"] == "(x) => x + a"
    assert run(lambda: spark_worker._function(sent).fn({"k": 3.0})) == 4.0


@pytest.mark.usefixtures("proper_without_form")
def test_a_chain_is_one_stage() -> None:
    """Steps one above the other go to the workers once."""
    m = f'each Table.AddColumn(Table.SelectRows({PROPER}, each [k] > 1), "q", each Text.Proper([p]))'
    with use(session()):
        made = mlang.evaluate(m, engine="spark", culture="en-US").fn(table())
        workers = spark_workers.Workers("sail", frozenset())
        relation = spark.compiled(made.plan, workers=workers)
        (origin,) = relation.sources()
        with pytest.raises(Unfoldable, match=r"Text\.Proper has no exact SQL form"):
            spark.compiled(made.plan)
    assert isinstance(origin, spark_workers.WorkerOrigin)
    assert [step["do"] for step in origin.parcel["steps"]] == ["add", "select", "add"]
    assert workers.steps == ("Table.AddColumn", "Table.SelectRows")
