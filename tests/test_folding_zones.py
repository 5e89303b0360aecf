"""Columns of datetimezones in the engine: steps over them, where they come from and where they go.

Equal values (the same instant) may differ in their offsets: which of them a step shows is part of the answer, so
everything here is compared cell by cell with what the interpreter gives.  Row functions are compared by the
conformance list (``zone_forms.py``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_folding import columns_of, same

import mlang
from folding.boundary import fold
from folding.engines.duckdb import Query
from folding.instants import EPOCH_TICKS
from folding.local_clock import _settings
from folding.terms import Unfoldable
from mlang.connectors.arrow import table_from_arrow
from mlang.session import Session, use
from mlang.tables import plan as p
from mlang.tables.local import run_local
from mlang.values.temporal import DAY, MINUTE, DateTimeZone, days_of
from mlang.values.thunk import error_of, force
from tests.zone_forms import SPELT_ZONES, ZONES

NOW = days_of(2020, 2, 29) * DAY + DAY - 5_000_000
#: Instants in the first rows, then the same ones on other clocks, nulls between them.
_INSTANTS = ("2020,2,29,18,29,59.5", "2000,1,1,0,0,0", "2011,3,27,0,2,3", "1,1,2,0,0,0", "9999,12,30,12,0,0")
_OFFSETS = (0, 330, -330, -840, 840, 60, -15)
ROWS = [
    "{"
    + ("null" if i % 7 == 6 else
       f"DateTimeZone.SwitchZone(#datetimezone({_INSTANTS[i * i % 5]}, 0, 0), 0, {_OFFSETS[i * 3 % 7]})")
    + f", {'null' if i % 5 == 4 else i % 3}, \"{'abc'[i * i % 3]}\", {i}}}"
    for i in range(43)
]  # fmt: skip
T = f'#table({{"z", "k", "t", "i"}}, {{{", ".join(ROWS)}}})'
S = f'#table({{"z", "k", "t", "i"}}, {{{ROWS[1]}, {ROWS[3]}, {ROWS[6]}, {{{ZONES[10]}, 1, "a", 99}}}})'

STEPS = [
    "Table.Distinct(T)", 'Table.Distinct(Table.SelectColumns(T, {"z"}))', 'Table.Distinct(Table.SelectColumns(T, {"z", "k"}))',
    'Table.Distinct(T, "z")', 'Table.Distinct(T, {"z", "k"})', 'Table.Sort(T, "z")',
    'Table.Sort(T, {{"z", Order.Descending}, "k"})', "Table.Sort(T, each [z])", 'Table.MaxN(T, "z", 5)', 'Table.MinN(T, "z", 5)',
    'Table.Group(T, "z", {{"n", each Table.RowCount(_)}, {"l", each List.Last([z])}})',
    'Table.Group(T, {"z", "k"}, {{"n", each List.Max([i])}, {"f", each List.First([z])}})',
    'Table.Group(T, "z", {{"n", each List.Max([i])}}, GroupKind.Local)',
    'Table.Group(T, "k", {{"n", each List.Max([z])}, {"m", each List.Min([z])}, {"c", each List.Count(List.Distinct([z]))}})',
    'Table.Group(T, {}, {{"n", each List.Max([z])}, {"m", each List.Min([z])}, {"c", each List.NonNullCount([z])}})',
    'Table.Group(T, "k", {{"n", each List.Max([z]) - List.Min([z])}, {"d", each Table.RowCount(Table.Distinct(_))}})',
    'Table.AddColumn(Table.Group(T, {"z", "k"}, {{"all", each _}}), "n", each Table.RowCount([all]))[[z], [k], [n]]',
    'Table.FillDown(T, {"z"})', 'Table.FillUp(T, {"z"})',
    'Table.ReplaceValue(T, null, #datetimezone(2000,1,1,0,0,0,9,0), Replacer.ReplaceValue, {"z"})',
    'Table.ReplaceValue(T, #datetimezone(2000,1,1,9,0,0,9,0), null, Replacer.ReplaceValue, {"z"})',
    "Table.SelectRows(T, each [z] = #datetimezone(2000,1,1,1,0,0,1,0))",
    "Table.SelectRows(T, each [z] > #datetimezone(2000,1,1,1,0,0,1,0) or [k] = 1)",
    *[f'Table.Join(T, "z", Table.PrefixColumns(S, "s"), "s.z", JoinKind.{kind})'
      for kind in ("Inner", "LeftOuter", "RightOuter", "FullOuter", "LeftAnti", "RightAnti", "LeftSemi")],
    'Table.Join(T, {"z", "k"}, Table.PrefixColumns(S, "s"), {"s.z", "s.k"}, JoinKind.LeftOuter)',
    'Table.ExpandTableColumn(Table.NestedJoin(T, "z", S, "z", "n", JoinKind.LeftOuter), "n", {"i", "z"}, {"i2", "z2"})',
    'Table.AddColumn(Table.NestedJoin(T, {"z", "k"}, S, {"z", "k"}, "n", JoinKind.LeftOuter), "m", each List.Max([n][z]))[[i], [m]]',
    "Table.Combine({T, S})", 'Table.Distinct(Table.Combine({T, S}), "z")', 'Table.Combine({T, Table.RemoveColumns(S, "z")})',
    'Table.Pivot(Table.RemoveColumns(T, "k"), {"a", "b", "c"}, "t", "i", List.Sum)',
    'Table.Pivot(Table.SelectColumns(T, {"z", "t", "i"}), {"a", "b"}, "t", "i", List.Sum)',
    'Table.Pivot(Table.SelectColumns(T, {"k", "t", "z"}), {"a", "b", "c"}, "t", "z", List.Max)',
    'Table.UnpivotOtherColumns(Table.AddColumn(T[[i], [z]], "w", each DateTimeZone.ToUtc([z])), {"i"}, "a", "v")',
    'Table.AddRankColumn(T, "r", "z")', 'Table.TransformColumns(T, {{"z", DateTimeZone.ToUtc}})',
    *[f'Table.TransformColumnTypes(T, {{{{"z", type {kind}}}}})' for kind in ("date", "datetime", "datetimezone")],
    'Table.TransformColumnTypes(Table.TransformColumns(T, {{"z", DateTime.Date}}), {{"z", type datetimezone}})',
    "Table.FirstN(T, each [z] = null or [z] < #datetimezone(9999,1,1,0,0,0,0,0))", 'Table.LastN(Table.Sort(T, "z"), 7)',
    'Table.ExpandRecordColumn(Table.AddColumn(T, "r", each [a = [z], b = [k]]), "r", {"a", "b"})',
    'Table.ExpandListColumn(Table.AddColumn(T, "r", each {[z], DateTimeZone.ToUtc([z])}), "r")',
    # values finer than a microsecond
    "Table.SelectRows(F, each [e] > [z])", 'Table.Group(F, "e", {{"m", each List.Max([e])}, {"n", each List.Min([z])}})',
    "Table.Distinct(F[[e]])", 'Table.Join(F, "e", Table.PrefixColumns(F, "f"), "f.e")', "Table.Combine({F, F})",
    'Table.Combine({F[[e]], Table.RenameColumns(F[[z]], {{"z", "e"}})})',
    'Table.Combine({Table.TransformColumns(F[[e]], {{"e", DateTimeZone.RemoveZone}}), #table({"e"}, {{#datetime(2020,1,1,0,0,0)}})})',
    'Table.AddColumn(F, "d", each [e] - [z])', 'Table.AddColumn(F, "d", each if [k] = 1 then [e] else [z])',
]  # fmt: skip


@pytest.fixture(scope="module", params=["UTC", "Etc/GMT-3"])
def session(request: pytest.FixtureRequest) -> Session:
    return Session(culture="en-US", time_zone=request.param, engine="duckdb", clock=lambda: NOW)


def planned(m: str, session: Session) -> p.Plan:
    """The plan of a table, with the cells of its `#table`s computed."""
    made = mlang.evaluate(m, culture="en-US", time_zone=session.time_zone, engine="duckdb", clock=lambda: NOW)
    stack: list[p.Plan] = [made.plan]
    while stack:
        node = stack.pop()
        if isinstance(node, p.Values):
            node.columns[:] = [[force(cell) for cell in column] for column in node.columns]
        stack.extend(node.inputs)
    plan: p.Plan = made.plan
    return plan


def compared(m: str, session: Session) -> list[list[Any]]:
    """The columns that the engine gives, after they were found to be the interpreter's."""
    plan = planned(m, session)
    with use(session):
        folded = columns_of(Query(fold(plan)).batches())
        local = columns_of(run_local(plan, None, None))
        for column in local:
            for cell in column:
                error_of(cell)  # computed here, by the session's clock
    assert [len(c) for c in folded] == [len(c) for c in local]
    for a, b in zip(local, folded, strict=True):
        for row, (x, y) in enumerate(zip(a, b, strict=True)):
            assert same(x, y), f"{m}: row {row}: interpreted {x!r}, folded {y!r}"
    return folded


@pytest.mark.parametrize("step", STEPS)
def test_steps(session: Session, step: str) -> None:
    end = 'Table.AddColumn(Table.SelectRows(T, each Date.Year([z]) > 1 and Date.Year([z]) < 9999), "e", each Date.EndOfDay([z]))'
    found = compared(f"let T = {T}, S = {S}, F = {end} in {step}", session)
    assert found[0]


def test_empty_and_null_columns(session: Session) -> None:
    for rows in ("", "{null, 1}, {null, 2}"):
        t = f"#table(type table [z = nullable datetimezone, i = number], {{{rows}}})"
        m = f'Table.AddColumn(Table.FillDown({t}, {{"z"}}), "n", each [z] = null)'
        assert mlang.to_m(mlang.evaluate(m, engine="duckdb")) == mlang.to_m(mlang.evaluate(m, engine="none"))


# ---------------------------------------------------------------- texts


@pytest.mark.parametrize("culture", ["en-US", "de-DE", "ar-SA"])
def test_texts(session: Session, culture: str) -> None:
    """Every text becomes the same value or the same error."""
    rows = ", ".join(f"{{{x}}}" for x in SPELT_ZONES)
    m = f'Table.TransformColumnTypes(#table({{"x"}}, {{{rows}}}), {{{{"x", type datetimezone}}}}, "{culture}")'
    assert len(compared(m, session)[0]) == len(SPELT_ZONES)


def test_texts_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "z.csv"
    texts = [x.strip('"') for x in SPELT_ZONES if x != "null"] * 50
    file.write_text("z,i\n" + "\n".join(f"{x},{i}" for i, x in enumerate(texts)), encoding="utf-8")
    source = f'Table.PromoteHeaders(Csv.Document(File.Contents("{file}")))'
    typed = (
        f'Table.TransformColumnTypes({source}, {{{{"z", type datetimezone}}, {{"i", Int64.Type}}}}, "en-US")'
    )
    sorted_ = f'Table.Sort(Table.RemoveRowsWithErrors({typed}), {{"z", "i"}})'
    for m in (f'Table.ReplaceErrorValues({typed}, {{{{"z", null}}}})', sorted_):
        found = [mlang.to_m(mlang.evaluate(m, engine=e, time_zone="UTC")) for e in ("duckdb", "none")]
        assert found[0] == found[1]


# ---------------------------------------------------------------- a zone with rules

LOCAL = [
    "DateTimeZone.ToLocal([z])", "Date.From([z])", "DateTime.From([z])", "Time.From([z])", "Number.From([z])",
    "DateTimeZone.From(DateTimeZone.RemoveZone([z]))", "DateTimeZone.From(DateTime.Date([z]))",
    "DateTimeZone.ToText(DateTimeZone.ToLocal([z]))", "Date.StartOfMonth(DateTimeZone.ToLocal([z]))", "Date.IsInPreviousNYears([z], 20)",
]  # fmt: skip


@pytest.mark.parametrize(
    "zone", ["Europe/Paris", "America/St_Johns", "Africa/Casablanca", "Australia/Lord_Howe"]
)
def test_a_clock_that_is_set(zone: str) -> None:
    """Around each moment at which the clock is set, by the instant and by what it shows."""
    session = Session(culture="en-US", time_zone=zone, engine="duckdb", clock=lambda: NOW)
    with use(session):
        found = {
            m
            for by_clock in (False, True)
            for ms in _settings(zone, by_clock).moments[:2]
            for m in ms[25:60:3]
        }
    ticks = [
        m * 10 + EPOCH_TICKS + d
        for m in found
        if m < 2_500_000_000_000_000
        for d in (-36 * 10**9, -10, 0, 18 * 10**9)
    ]
    rows = ", ".join(f"{{{DateTimeZone(n + o * MINUTE, o)!r}}}" for n in sorted(ticks) for o in (0, 330))
    for expression in LOCAL:
        compared(f'Table.AddColumn(#table({{"z"}}, {{{rows}, {{null}}}}), "r", each {expression})', session)


@pytest.mark.parametrize("expression", LOCAL)
def test_the_ends_of_the_calendar_in_a_zone_with_rules(expression: str) -> None:
    """What no list of years knows is for the interpreter."""
    m = f'Table.AddColumn({T}, "r", each {expression})'
    answers = []
    for engine in ("duckdb", "none"):
        made = mlang.evaluate(m, engine=engine, time_zone="Europe/Paris", clock=lambda: NOW)
        answers.append(columns_of(made.batches()))
    for a, b in zip(*answers, strict=True):
        assert all(same(x, y) for x, y in zip(a, b, strict=True))


def test_a_zone_that_nobody_knows() -> None:
    """Only what asks for it fails, as in the interpreter."""
    for value, fails in (('"2020-01-01T10:00:00Z"', False), ('"2020-01-01T10:00:00"', True)):
        m = f'Table.TransformColumnTypes(#table({{"z"}}, {{{{{value}}}}}), {{{{"z", type datetimezone}}}}){{0}}[z]'
        for engine in ("duckdb", "none"):
            if fails:
                with pytest.raises(mlang.MError, match="Nowhere"):
                    mlang.evaluate(m, engine=engine, time_zone="Nowhere/At_All")
            else:
                assert (
                    mlang.to_m(mlang.evaluate(m, engine=engine, time_zone="Nowhere/At_All"))
                    == "#datetimezone(2020, 1, 1, 10, 0, 0, 0, 0)"
                )


# ---------------------------------------------------------------- sources


def _micros(*parts: int) -> int:
    return int((datetime(*parts, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 10**6  # type: ignore[misc, arg-type]


MICROS = [
    0, None, _micros(2020, 2, 29, 18, 29, 59) + 500_000, _micros(1, 1, 1), _micros(9999, 12, 31, 23, 59, 59) + 999_999,
    _micros(2011, 3, 27, 0, 2, 3), _micros(2000, 1, 1), _micros(2000, 1, 1),
]  # fmt: skip
OVER_SOURCES = [
    "S", "Table.SelectRows(S, each [z] >= #datetimezone(2000,1,1,2,0,0,2,0))", 'Table.Sort(S, {"z", "i"})',
    'Table.Group(S, "z", {{"n", each Table.RowCount(_)}, {"m", each List.Max([i])}})',
    'Table.AddColumn(S, "t", each Text.From([z]))', 'Table.AddColumn(S, "d", each DateTimeZone.RemoveZone([z]))',
    'Table.Join(S, "z", Table.PrefixColumns(S, "r"), "r.z")', 'Table.FillDown(S, {"z"})',
]  # fmt: skip


def _arrow(unit: str, zone: str) -> pa.Table:
    found = pa.array(MICROS, pa.timestamp("us")).cast(pa.timestamp(unit), safe=False)
    return pa.table({"z": found.cast(pa.timestamp(unit, zone)), "i": list(range(len(MICROS)))})


@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT+3", "+02:00", "-05:30", "+14:00"])
@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_arrow_data_and_parquet(tmp_path: Path, session: Session, zone: str, unit: str) -> None:
    data = _arrow(unit, zone)
    pq.write_table(data, tmp_path / "z.parquet")
    for query in OVER_SOURCES:
        compared(f'let S = Parquet.Document(File.Contents("{tmp_path}/z.parquet")) in {query}', session)
        answers = [
            mlang.evaluate(f"(S) => {query}", engine=engine).fn(table_from_arrow(data))
            for engine in ("duckdb", "none")
        ]
        assert mlang.to_m(answers[0]) == mlang.to_m(answers[1])


def test_a_zone_with_rules_stays_here(tmp_path: Path, session: Session) -> None:
    """The offsets of such a column differ from row to row."""
    pq.write_table(_arrow("us", "Europe/Paris"), tmp_path / "z.parquet")
    m = f'Table.Sort(Parquet.Document(File.Contents("{tmp_path}/z.parquet")), "z")'
    with pytest.raises(Unfoldable), use(session):
        fold(planned(m, session))
    assert mlang.to_m(mlang.evaluate(m, engine="duckdb")) == mlang.to_m(mlang.evaluate(m, engine="none"))


@pytest.mark.parametrize("item", ["t", "v"])
def test_duckdb_tables(tmp_path: Path, session: Session, item: str) -> None:
    file = tmp_path / "z.duckdb"
    with duckdb.connect(str(file)) as database:
        database.register("d", pa.table({"m": pa.array(MICROS, pa.int64()), "i": list(range(len(MICROS)))}))
        database.execute("CREATE TABLE t AS SELECT to_timestamp(0) + to_microseconds(m) AS z, i FROM d")
        database.execute("CREATE VIEW v AS SELECT * FROM t")
    source = f'DuckDB.Database("{file}"){{[Schema = "main", Item = "{item}"]}}[Data]'
    for query in OVER_SOURCES:
        compared(f"let S = {source} in {query}", session)


#: More rows than are looked at for their kinds, made by the interpreter.
STREAMED = (
    "Table.FromList(List.Numbers(0, 60000), each {_, #datetimezone(2000,1,1,0,0,0,1,0) + #duration(0,0,_,STEP)}, "
    '{"i", "z"})'
)


@pytest.mark.parametrize("step", ["0", "if _ > 50000 then 0.0000001 else 0"])
def test_streams_from_the_interpreter(step: str) -> None:
    """Also where some are finer than a microsecond, which is seen when the engine runs already."""
    made = STREAMED.replace("STEP", step)
    m = f'Table.FirstN(Table.Sort({made}, {{{{"z", Order.Descending}}}}), 5)'
    assert mlang.to_m(mlang.evaluate(m, engine="duckdb")) == mlang.to_m(mlang.evaluate(m, engine="none"))


# ---------------------------------------------------------------- what comes out


def test_export_has_the_instants(tmp_path: Path) -> None:
    """Arrow data of datetimezones is the instant; a claimed type that is another is not believed."""
    pq.write_table(_arrow("us", "+02:00").slice(5), tmp_path / "z.parquet")
    source = f'Parquet.Document(File.Contents("{tmp_path}/z.parquet"))'
    for value, type in (
        ("DateTimeZone.SwitchZone([z], -1)", ", type datetimezone"), ("Date.EndOfDay([z])", ", type datetimezone"),
        ("DateTimeZone.SwitchZone([z], -1)", ""), ("DateTimeZone.RemoveZone([z])", ", type datetime"),
    ):  # fmt: skip
        m = f'Table.AddColumn({source}, "w", each {value}{type})'
        folded, local = [mlang.evaluate(m, engine=engine).to_arrow() for engine in ("duckdb", "none")]
        assert folded.schema == local.schema
        assert folded.equals(local)


def test_the_shown_query_is_one(session: Session) -> None:
    """No part of a plan over datetimezones is left to the interpreter."""
    rows = ", ".join(f"{{{z}}}" for z in ZONES)
    plan = planned(
        f'Table.Sort(Table.SelectRows(#table({{"z"}}, {{{rows}}}), each Date.Year([z]) > 1), "z")', session
    )
    with use(session):
        text = Query(fold(plan)).sql()
    assert text.count("SELECT") == 1
    assert "ORDER BY" in text


# ---------------------------------------------------------------- lists

_SAME = "#datetimezone(2000,1,1,1,0,0,1,0)"
LISTS = [
    *[f"List.{n}(T[z])" for n in ("Max", "Min", "Distinct", "NonNullCount", "Sort", "IsDistinct")],
    f"List.Contains(T[z], {_SAME})", f'Table.Contains(T, [z = {_SAME}], "z")', "Table.Profile(T)",
    *[f'Table.Group(T, "k", {{{{"l", each {e}}}}})' for e in (
        "List.Sort([z])", "List.Distinct([z])", "List.Mode([z])", "List.Modes([z])", "List.MaxN([z], 2)", "List.Median([z])",
        f"List.Contains([z], {_SAME})", f"List.PositionOf([z], {_SAME})", "List.Average([z])", f"List.RemoveItems([z], {{{_SAME}}})",
        'Table.Max(_, "z")[i]', 'Table.Sort(_, "z"){0}[i]', 'Table.RowCount(Table.Distinct(_, "z"))',
        f"List.Difference([z], {{{_SAME}}})", f"List.Union({{[z], {{{_SAME}}}}})", f"List.Intersect({{[z], {{{_SAME}}}}})")],
    *[f'Table.AddColumn(T, "l", each {e})' for e in (
        f"List.Distinct({{[z], {_SAME}}})", f"List.Mode({{[z], {_SAME}, null}})", f"List.Sort({{[z], {_SAME}}})",
        f"List.Difference({{[z], {_SAME}}}, {{{_SAME}}})", f"[z = [z]] = [z = {_SAME}]", f"{{[z]}} = {{{_SAME}}}",
        f'#table({{"z", "v"}}, {{{{{_SAME}, 1}}}}){{[z = [z]]}}?[v]?')],
]  # fmt: skip


@pytest.mark.parametrize("query", LISTS)
def test_lists(query: str) -> None:
    """Functions that compare items: by the instant, wherever they run."""
    found = []
    for engine in ("duckdb", "none"):
        value = mlang.evaluate(f"let T = {T} in {query}", engine=engine, culture="en-US", time_zone="UTC")
        try:
            found.append(mlang.to_m(value))
        except mlang.MError as error:
            found.append(str(error))
    assert found[0] == found[1]
