# ruff: noqa: SIM905
"""Folding: every SQL form gives what the interpreter gives, over grids of nasty values.

`FORMS` is the conformance list: an expression over columns x (and y) of given kinds.
Each runs over the grid in the interpreter and in the engine; where the engine refuses a row
(it hands it to the interpreter) the other rows are compared one by one, and some must be left.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import mlang
from folding import reference
from folding.boundary import fold
from folding.engines.duckdb import Query
from folding.terms import Unfoldable
from mlang.session import Session, use
from mlang.tables.local import run_local
from mlang.values.temporal import DAY, days_of
from mlang.values.thunk import error_of, force
from tests import scalar_forms, zone_forms
from tests.list_forms import FORMS as LIST_FORMS

NUMBERS = """0 -0 1 -1 0.5 1.5 2.5 -2.5 0.1 0.30000000000000004 2.675 1e15 1e16 1.2345678901234568e17 9007199254740992 1e300 -1e300 1.7976931348623157e308 5e-324 1e-7 3 7 10 100 -7 0.49999999999999994 2.9999999999999996 3.4999999999999996 1234567890123.5
    #infinity -#infinity #nan null""".split()
WHOLE = "0 1 -1 2 -2 3 7 10 -7 100 1000000 -999999 9007199254740991 null".split()
TEXTS = [
    "", "a", "A", "abc", "ABC", "aXbXc", " a ", "\t b\n", "x,y,,z", ",", "é", "É", "e\u0301", "ß", "İ", "ı", "ſ", "ẞ", "ǆ", "ﬁ",
    "\u00a0nb\u2003", "\u0085x\u200b", "\ufeff", "日本語", "\ue000", "\uffee", "😀", "a😀b", "\U0001f468\u200d\U0001f469", "_", "%", "a_b%",
    "'", '"', "\\", "null", "1", " 1", "-", "aaaa", "abab", "\x01\x7f\x9f", "Zoë", "straße", "ΑΣ", "ς",
]  # fmt: skip
DATES = """#date(1,1,1) #date(9999,12,31) #date(1899,12,30) #date(1900,2,28) #date(2000,2,29) #date(2011,3,27)
    #date(2020,1,31) #date(2020,2,29) #date(2021,12,31) #date(2023,7,2) #date(1582,10,10) null""".split()
TIMES = """#datetime(1,1,1,0,0,0) #datetime(2020,2,29,23,59,59.999999) #datetime(1969,12,31,12,30,0.5)
    #datetime(9999,12,31,0,0,0) #datetime(2011,3,27,1,2,3) null""".split()
LOGICALS = ["true", "false", "null"]
DURATIONS = [
    f"#duration({d})" for d in ("0,0,0,0", "1,2,3,4", "-1,-2,-3,-4.5", "400,0,0,0", "0,23,59,59.9999999")
]


def quoted(text: str) -> str:
    escaped = "".join(
        c if " " <= c < "\x7f" and c not in '"#' else f"#({ord(c):0{8 if ord(c) > 65535 else 4}X})"
        for c in text
    )
    return f'"{escaped}"'  # fmt: skip


#: Numbers near ties and multiples, where rounding to decimals goes one way or the other.
TIES = """0.125 0.135 2.675 1.005 -1.005 3.0149999999999997 0.285 1234.565 1234.5650000000001 -0.125 0.375 2.5 0.05 0.15 0.25 -0.35
    1e-3 5e-3 0.30000000000000004 99999.995 0.1 7 -7 1e11 123456789.125 12.345678912345 149 150 151 250 -150 1e20 null""".split()
CLOCK = "#time(0,0,0) #time(23,59,59.999999) #time(12,30,0.5) #time(1,2,3) null".split()
SPELT = [
    quoted(x)
    for x in (
        "1",
        "-2.5",
        "1e3",
        "1,000",
        "abc",
        "",
        " 7",
        "2020-02-29",
        "2020-2-9",
        "2020-01-02T10:11:12",
        "true",
        "False",
        "yes",
    )
] + ["null"]
GRID = {
    **scalar_forms.GRID, **zone_forms.GRID, "ties": TIES, "time": CLOCK, "spelt": SPELT, "number": NUMBERS, "whole": WHOLE, "text": [*[quoted(t) for t in TEXTS], "null"], "date": DATES,
    "datetime": TIMES, "logical": LOGICALS, "duration": DURATIONS, "sure": [quoted(t) for t in TEXTS],
    "sure_whole": [n for n in WHOLE if n != "null"], "sure_date": [d for d in DATES if d != "null"],
}  # fmt: skip

FORMS = [
    *[(f"[x] {op} [y]", "number", "number") for op in "= <> < <= > >= + - * /".split()],
    *[(f"[x] {op} {n}", "number", None) for op in "= <> < <= > >=".split() for n in ("2", "#nan", "0", "-#infinity")],
    *[(f"[x] {op} [y]", kind, kind) for op in "= <> < <= > >=".split() for kind in ("text", "date", "logical", "whole")],
    *[(f"[x] {op} [y]", "logical", "logical") for op in ("and", "or")],
    ("not [x]", "logical", None), ("[x] = null", "text", None), ("[x] <> null", "number", None),
    ("not ([x] > 1)", "number", None), ("[x] ?? 5", "number", None), ("-[x]", "number", None), ("+[x]", "number", None),
    ('[x] = "a"', "number", None), ('[x] <> "a"', "date", None), ("[x] = [y]", "number", "text"),
    ("if [x] = null then 0 else [x]", "number", None), ("if [x] > 1 then \"a\" else null", "whole", None),
    ("[x] is number", "number", None), ("[x] is nullable text", "number", None), ("[x] is null", "text", None),
    ("[x] & [y]", "text", "text"), ('"<" & [x] & ">"', "text", None),
    ("let a = [x] + 1, b = a * a in b - a", "number", None),
    *[(f"Number.{n}([x])", "number", None) for n in
      "Abs Sqrt RoundUp RoundDown RoundTowardZero RoundAwayFromZero Round".split()],
    ("Number.Round([x], 0, RoundingMode.AwayFromZero)", "number", None), ("Number.Sign([x])", "whole", None),
    ("Number.Mod([x],[y])", "number", "number"), ("Number.IntegerDivide([x],[y])", "number", "number"),
    ("Number.Mod([x], 3)", "whole", None), ("if [x] = null then null else Number.IsEven([x])", "whole", None),
    ("Text.From([x])", "whole", None), ("Text.From([x])", "logical", None), ("Number.From([x])", "date", None),
    ("Number.From([x])", "logical", None), ("Logical.From([x])", "whole", None),
    *[(f"Text.{n}([x])", "text", None) for n in "Length Upper Lower Trim TrimStart TrimEnd Clean Reverse".split()],
    *[(f"Text.{n}([x], [y])", "text", "sure") for n in ("Contains", "StartsWith", "EndsWith")],
    *[(f'Text.{n}([x], "B", Comparer.OrdinalIgnoreCase)', "text", None) for n in ("Contains", "StartsWith", "EndsWith")],
    *[(f"Text.{n}([x], 2)", "text", None) for n in ("Start", "End", "Middle", "Range", "At", "Repeat", "PadStart", "PadEnd")],
    ("Text.Start([x], 0)", "text", None), ("Text.Middle([x], 1, 2)", "text", None), ("Text.Range([x], 1, 1)", "text", None),
    ('Text.PadStart([x], 4, "0")', "text", None), ('Text.PadEnd([x], 4, "é")', "text", None), ('Text.Trim([x], {"a", "x"})', "text", None),
    ('Text.PositionOf([x], "b")', "sure", None), ('Text.PositionOf([x], "")', "sure", None),
    ('Text.Replace([x], "a", "zz")', "text", None), ('Text.Replace([x], "X", "")', "text", None),
    ('Text.BeforeDelimiter([x], ",")', "text", None), ('Text.AfterDelimiter([x], ",")', "text", None),
    ('Text.AfterDelimiter([x], "bX")', "text", None), ('Text.Remove([x], {"a", "X", "\\", "]"})', "text", None),
    ('Text.Select([x], {"a".."c"})', "text", None), ('Text.Select([x], {"a", "-", "^"})', "text", None),
    ('Text.Combine({[x], "-", [y]}, "/")', "text", "text"), ('List.Contains({1, 2, null}, [x])', "number", None),
    ('List.Contains({"a", "é"}, [x])', "text", None), ("List.Contains({1, \"a\"}, [x])", "whole", None),
    *[(f"Date.{n}([x])", "date", None) for n in
      "Year Month Day DayOfYear QuarterOfYear DaysInMonth StartOfMonth StartOfQuarter StartOfYear EndOfMonth EndOfYear".split()],
    *[(f"Date.{n}([x])", "datetime", None) for n in "Year Month Day DayOfYear QuarterOfYear StartOfMonth StartOfYear".split()],
    *[(f"Date.{n}([x], {f})", "date", None) for f in range(7) for n in ("DayOfWeek", "WeekOfYear", "WeekOfMonth", "StartOfWeek")],
    *[(f"Date.{n}([x], {k})", "date", None) for n in ("AddDays", "AddMonths", "AddYears", "AddQuarters", "AddWeeks") for k in (1, -1, 13)],
    ("Date.From([x])", "datetime", None), ("DateTime.From([x])", "date", None), ("DateTime.Time([x])", "datetime", None),
    ("DateTime.Date([x])", "datetime", None), ("Time.Hour([x])", "datetime", None), ("Time.Minute(DateTime.Time([x]))", "datetime", None),
    ("[x] - [y]", "date", "date"), ("[x] - [y]", "datetime", "datetime"), ("[x] >= #date(2020,1,31)", "date", None),
    *[(f"Duration.{n}([x])", "duration", None) for n in ("Days", "Hours", "Minutes")],
    ("(try [x] otherwise 0) + 1", "number", None), ("((a, optional b as nullable number) => a * 2)([x])", "number", None),
    ("Value.Equals([x], [y])", "number", "number"), ("Value.NullableEquals([x], [y])", "number", "number"),
    ("Value.NullableEquals([x], [y])", "text", "text"), ("Value.NullableEquals([x], 2)", "whole", None),
    ("Date.StartOfDay([x])", "date", None), ("Date.StartOfDay([x])", "datetime", None), ("Logical.ToText([x])", "logical", None), ("Number.ToText([x])", "whole", None),
    *[(f"Number.Round([x], {d}, RoundingMode.{m})", "ties", None) for d in (0, 1, 2, -1) for m in
      ("Up", "Down", "AwayFromZero", "TowardZero", "ToEven")],
    *[(f"Number.Round([x], {d})", "number", None) for d in (1, 2, 8, -2)],
    *[(f"Number.{n}([x], {d})", kind, None) for n in ("RoundUp", "RoundDown", "RoundTowardZero", "RoundAwayFromZero")
      for d, kind in ((2, "ties"), (-1, "ties"), (1, "number"))],
    *[(f"{n}.From([x])", kind, None) for n in ("Int64", "Int32", "Int16", "Int8", "Byte", "Double", "Percentage") for kind in ("number", "whole", "ties")],
    ("Int64.From([x], null, RoundingMode.AwayFromZero)", "ties", None), ("Int64.From([x])", "spelt", None),
    *[(f"{n}([x])", "spelt", None) for n in ("Number.From", "Number.FromText", "Double.From", "Date.From", "Date.FromText", "DateTime.From",
      "DateTime.FromText", "Logical.From", "Logical.FromText")],
    ('Number.From([x], "de-DE")', "spelt", None), ("try Number.From([x]) otherwise -1", "spelt", None),
    ("(try Date.From([x]) otherwise #date(1,1,1)) = #date(1,1,1)", "spelt", None),
    *[(f"Number.{n}([x])", "number", None) for n in "Sin Cos Tan Asin Acos Atan Sinh Cosh Tanh Exp Ln Log Log10".split()],
    *[(f"Number.Log([x], {b})", "number", None) for b in (2, 10, 0.5, 1, -3)],
    ("Number.Power([x], [y])", "number", "number"), ("Number.Power([x], 2)", "whole", None),
    *[(f"Text.From([x]{c})", kind, None) for kind in ("number", "ties", "date", "datetime", "time") for c in ("", ', "de-DE"', ', "ja-JP"')],
    ("Number.ToText([x])", "number", None), ('Number.ToText([x], null, "fr-FR")', "ties", None),
    *[(f'{n}.ToText([x]{c})', n.lower(), None) for n in ("Date", "DateTime", "Time") for c in ("", ', null, "ru-RU"')],
    *[(f'DateTime.ToText([x], {f})', "datetime", None) for f in ('"yyyy-MM-dd HH:mm:ss.fffffff"', '[Format = "dddd, d MMMM yyyy"]',
      '[Format = "ddd d. MMM yy h:mm tt", Culture = "de-DE"]', '[Format = "D", Culture = "pl-PL"]', '"o"', '"s"', '"%h\\h t"', '"fff"')],
    ('Date.ToText([x], "yyyy/MM/dd")', "date", None), ('Date.ToText([x], "d.M.yy", "en-GB")', "date", None), ('Time.ToText([x], "HH:mm:ss.ffffff")', "time", None),
    ("Date.MonthName([x])", "date", None), ('Date.DayOfWeekName([x], "fr-FR")', "datetime", None),
    *[(f"Date.{n}([x])", kind, None) for n in ("EndOfMonth", "EndOfQuarter", "EndOfYear", "EndOfWeek", "EndOfDay", "StartOfWeek", "DayOfWeek", "WeekOfYear",
      "WeekOfMonth") for kind in ("date", "datetime")],
    *[(f"Date.{n}([x], {k})", "datetime", None) for n in ("AddDays", "AddMonths", "AddYears", "AddQuarters", "AddWeeks") for k in (1, -1)],
    *[(f"List.{f}({{[x], [y], 1}})", "number", "number") for f in ("Sum", "Average", "Max", "Min", "NonNullCount", "Count", "First", "Last")],
    *[(f"List.{f}({{[x], null, [y]}})", "number", "number") for f in ("Sum", "Average", "Max", "Min", "NonNullCount")],
    *[(f"List.{f}({{[x], [y]}})", "date", "date") for f in ("Max", "Min")], ("List.Contains({[x], 1, null}, [y])", "number", "number"),
    *[(f"List.{f}({{[x], [y]}})", "logical", "logical") for f in ("AnyTrue", "AllTrue")],
    ('Text.Split([x], ",")', "sure", None), ('Text.Split([x], "b"){0}', "sure", None), ('List.Count(Text.Split([x], "b"))', "sure", None),
    ('Text.Combine(Text.Split([x], "b"), "--")', "sure", None), ('Record.Field(_, "x")', "number", None), ('Record.FieldOrDefault(_, "q", 5)', "number", None),
    ("[a = [x], b = a + 1][b]", "number", None), ("[a = [x], b = {[x], null}]", "text", None), ("{[x], [y]}{1}", "number", "number"), ("{[x]}{3}?", "number", None),
    *[(f"{f}(Date.EndOfMonth([x]))", "datetime", None) for f in ("DateTime.ToText", "Date.From", "Date.Day", "Time.Hour", "DateTime.Date", "Date.EndOfYear")],
    ("Date.EndOfDay([x]) - [x]", "datetime", None), ("Date.EndOfDay([x]) > [x]", "datetime", None), ("Date.EndOfDay([x]) = [y]", "datetime", "datetime"),
    ("if [x] = null then null else if [x] > #datetime(2000,1,1,0,0,0) then Date.EndOfDay([x]) else [x]", "datetime", None),
    ("DateTime.From(Date.EndOfDay([x]))", "datetime", None), ('DateTime.ToText(Date.EndOfDay([x]), "HH:mm:ss.fffffff")', "datetime", None),
    *[(f"Time.{n}([x])", kind, None) for n in ("Second", "StartOfHour", "EndOfHour", "Hour", "From") for kind in ("time", "datetime") if (n, kind) != ("EndOfHour", "time")],
    *[(f"Duration.{n}([x])", "duration", None) for n in ("Seconds", "TotalDays", "TotalHours", "TotalMinutes", "TotalSeconds", "From")],
    ("Duration.From([x])", "ties", None), ("Number.From([x])", "duration", None),
    *[(f"[x] {o} #duration({d})", "datetime", None) for o in "+-" for d in ("1,1,1,1.25", "0,0,0,0.0000001", "-400,0,0,0")],
    ("#duration(1,0,0,0) + [x]", "datetime", None), ("[x] + [y]", "datetime", "duration"), ("[x] - [y]", "duration", "duration"),
    ("[x] * 1.5", "duration", None), ("[x] / 3", "duration", None), ("[x] / #duration(0,1,0,0)", "duration", None), ("-[x]", "duration", None),
    ("[x] - #time(1,0,0)", "time", None), ("if [x] <> null then [x] else DateTime.From(-2)", "datetime", None),
    ("if [x] = null then null else Number.IsNaN([x])", "number", None), ("if [x] = null then null else Number.IsOdd([x])", "whole", None),
    # pieces of texts
    *[(f'Text.{n}Delimiter([x], {m}, {i})', "text", None) for n in ("Before", "After") for m in ('","', '"X"', '"ab"', '"a😀"')
      for i in ("0", "1", "2", "{0, RelativePosition.FromEnd}", "{1, RelativePosition.FromEnd}", "{1, RelativePosition.FromStart}")],
    ('Text.BetweenDelimiters([x], "a", "b")', "text", None), ('Text.BetweenDelimiters([x], ",", ",", 1, 0)', "text", None),
    ('Text.BetweenDelimiters([x], "X", "c", {0, RelativePosition.FromEnd}, {0, RelativePosition.FromEnd})', "text", None),
    *[(f"Text.{n}", "text", None) for n in ('Insert([x], 1, "é")', 'Insert([x], 0, "")', "RemoveRange([x], 1)", "RemoveRange([x], 0, 2)",
      'ReplaceRange([x], 1, 2, "zz")', 'ReplaceRange([x], 0, 0, "😀")', "Proper([x])")],
    ("Text.Insert([x], 1, [y])", "text", "sure"), ('Text.PositionOfAny([x], {"b", "X", "é"})', "sure", None), ('Text.PositionOfAny([x], {"\\", "]", "^", "-"})', "sure", None),
    # moments and durations
    ("[x] & [y]", "date", "time"), *[(f"[x] {o} #duration({d})", "date", None) for o in "+-" for d in ("1,0,0,0", "1,5,0,0", "400,0,0,0", "0,0,0,0.5", "-3,0,0,0")],
    ("#duration(1,0,0,0) + [x]", "date", None), ("[x] + [y]", "time", "duration"), ("[x] - [y]", "time", "duration"), ("#duration(0,1,0,0) + [x]", "time", None),
    ("[x] < DateTime.FixedLocalNow()", "datetime", None), ("[x] = Date.From(DateTime.LocalNow())", "date", None),
    *[(f"Date.IsIn{w}{u}(Date.AddDays([x], {k}))", kind, None) for w in ("Current", "Next", "Previous") for u in ("Day", "Week", "Month", "Quarter", "Year")
      for kind, k in (("date", 0), ("date", 1), ("datetime", -7), ("date", 31), ("date", -60), ("datetime", 366))],
    *[(f"Date.IsIn{w}N{u}s([x], {k})", kind, None) for w in ("Next", "Previous") for u in ("Day", "Week", "Month", "Quarter", "Year") for kind, k in (("date", 2), ("datetime", 1), ("date", 0), ("date", 150000))],
    *[(f"DateTime.IsIn{w}{u}([x] + #duration({d}))", "datetime", None) for w in ("Current", "Next", "Previous") for u in ("Hour", "Minute", "Second")
      for d in ("0,0,0,0", "0,0,0,1", "0,-1,0,0", "0,0,1,0.0000001")],
    *[(f"DateTime.IsIn{w}N{u}s([x], {k})", "datetime", None) for w in ("Next", "Previous") for u in ("Hour", "Minute", "Second") for k in (2, 3000000)],
    ("Date.IsInYearToDate([x])", "date", None), ("Date.IsInYearToDate([x])", "datetime", None),
    # the cells of a row
    ('List.IsEmpty(List.RemoveMatchingItems(Record.FieldValues(_), {"", null}))', "text", None), ("List.IsEmpty(List.RemoveNulls({[x], [y]}))", "number", "text"),
    ('List.IsEmpty(List.RemoveMatchingItems({[x], [y]}, {0, "", null}))', "number", "text"), ("List.NonNullCount(Record.FieldValues(_)) + Text.Length([y])", "text", "sure"),
    *[(f"Number.ToText([x], {f})", "whole", None) for f in ('"00"', '"0"', '"D3"', '"000000000000000"', '"d10"')],
    # constructors and counts of the row
    ("#date(Date.Year([x]), Date.Month([x]), 1)", "sure_date", None), ("#date([x] + 2018, 2, 29)", "sure_whole", None), ("#date(2020, [x], [y])", "sure_whole", "sure_whole"),
    ("#datetime([x] + 2018, 1, 2, [y], 7, 5)", "sure_whole", "sure_whole"), ("#time([x], [y], 3)", "sure_whole", "sure_whole"), ("#duration([x], 0, [y], 1)", "sure_whole", "sure_whole"),
    ("Date.IsLeapYear([x])", "date", None), ("Date.IsLeapYear([x])", "datetime", None), *[(f"Date.{n}([x], [y])", kind, "sure_whole") for n in
      ("AddMonths", "AddYears", "AddQuarters") for kind in ("date", "datetime")],
    *[(f"Text.{n}([x], [y])", "text", "sure_whole") for n in ("Start", "End", "Middle")], ("Text.Middle([x], 1, [y])", "text", "sure_whole"),
    ("Text.End([x], Text.Length([x]) - 1)", "sure", None), ("Text.Middle([x], [y], [y])", "text", "sure_whole"),
    *scalar_forms.FORMS,
    ("List.Sum(Record.ToList(_)) + [y] * 0", "number", "number"), ("List.IsEmpty(List.RemoveMatchingItems(Record.FieldValues(_), {1, null}))", "ties", None),
    *LIST_FORMS,
    *zone_forms.FORMS,
]  # fmt: skip


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    now = days_of(2020, 2, 29) * DAY + DAY - 5_000_000  # among the values of the grid
    made = Session(culture="en-US", time_zone="UTC", engine="duckdb", clock=lambda: now)
    with use(made):
        yield made


def same(a: Any, b: Any) -> bool:
    """The same M value, NaN and the sign of zero included."""
    error = error_of(a)
    if error is not None or error_of(b) is not None:
        other = error_of(b)
        return error is not None and other is not None and error.message == other.message
    a, b = force(a), force(b)
    if a.__class__ is float and b.__class__ is float:
        return a.hex() == b.hex()
    return mlang.to_m(a) == mlang.to_m(b)


def columns_of(batches: Any) -> list[list[Any]]:
    found: list[list[Any]] = []
    for batch in batches:
        found = found or [[] for _ in batch.columns]
        for store, cells in zip(found, batch.columns, strict=True):
            store.extend(cells)
    return found


def added(expression: str, rows: list[str]) -> Any:
    names = '{"x", "y"}' if "[y]" in expression else '{"x"}'
    table = f"#table({names}, {{{', '.join('{' + r + '}' for r in rows)}}})"
    made = mlang.evaluate(
        f'Table.AddColumn({table}, "r", each {expression})', engine="duckdb", culture="en-US"
    )
    values = made.plan.input
    values.columns[:] = [[force(c) for c in column] for column in values.columns]
    return made


def rows_for(expression: str, x: str, y: str | None) -> list[str]:
    if y is None or "[y]" not in expression:
        return GRID[x]
    step = max(1, len(GRID[x]) * len(GRID[y]) // 500)
    pairs = [f"{a}, {b}" for a in GRID[x] for b in GRID[y]]
    return pairs[::step] + [f"{a}, {a}" for a in GRID[x] if a in GRID[y]]


@pytest.mark.parametrize(("expression", "x", "y"), FORMS, ids=lambda v: str(v))
def test_form(session: Session, expression: str, x: str, y: str | None) -> None:
    rows = rows_for(expression, x, y)
    compared, refused = 0, ""
    # one row alone proves too much of its column, so another kind of number stands beside it where it may
    wide = {"number": ["0.5", "null"], "ties": ["0.5", "null"]}.get(x, []) if "[y]" not in expression else []
    for part in [rows, *(p for r in rows for p in ([[r, *wide], [r]] if wide else [[r]]))]:
        plan = added(expression, part).plan
        with use(session):
            try:
                folded = columns_of(Query(fold(plan)).batches())
            except (Unfoldable, duckdb.Error) as no:
                refused = str(no)
                continue
            local = columns_of(run_local(plan, None, None))
            answers = [(cell, error_of(cell)) for cell in local[-1]]  # computed here, by the session's clock
        for row, (a, _), b in zip(part, answers, folded[-1], strict=True):
            assert same(a, b), f"{expression} over {row}: interpreted {a!r}, folded {b!r}"
        compared += len(part)
        if len(part) > 1:
            return
        if len(rows) > 100 and compared >= 60:
            return
    assert compared > 0, f"no row was computed by the engine: {refused}"


def test_simple_letter_case_everywhere(session: Session) -> None:
    """Upper and Lower of every character that the form does not refuse."""
    rows = [chr(c) for c in range(0x80, 0x30000) if not 0xD800 <= c <= 0xDFFF]
    for name in ("Upper", "Lower"):
        from mlang import registry
        from mlang.values.types import table_type

        plan = mlang.evaluate(f'Table.TransformColumns(#table({{"x"}}, {{}}), {{{{"x", Text.{name}}}}})').plan
        from attrs import evolve

        from folding.functions.text import ODD_LETTERS
        from mlang.tables import plan as p

        odd = re.compile(
            "[" + re.sub(r"\\x\{(\w+)\}", lambda m: chr(int(m[1], 16)), ODD_LETTERS[f"Text.{name}"]) + "]"
        )
        texts = [c for c in rows if not odd.match(c)]
        values = p.Values(table_type(["x"]), [texts], len(texts))
        assert registry.lookup(f"Text.{name}") is not None
        with use(session):
            folded = columns_of(Query(fold(evolve(plan, input=values))).batches())[0]
            call = registry.value_of(f"Text.{name}").fn
        wrong = [(t, call(t), f) for t, f in zip(texts, folded, strict=True) if call(t) != f]
        assert not wrong, wrong[:20]


# ---------------------------------------------------------------- conversions

CELLS = """1|-1|+1|007|1.5|2.5|-0|.5|5.|1e3|1E+05|1e-5|1e400|1_000|1,000|1,5|(5)|$5|5%|0x10|0b1|inf|nan|NaN|Infinity| 1|1 |
    9007199254740993|0.1234567890123456789|123456789012345678901234567890|abc||--1|1e|true|TRUE|False|yes|1.0|00|-007|1 000|
    2020-01-02|2020-1-2|1/2/2020|2020-02-30|0001-01-01|0000-01-01|10000-01-01|2020-01-02T10:11:12|2020-01-02 10:11:12|
    2020-01-02T10:11:12.5|2020-01-02T10:11:12.1234567|2020-01-02T10:11:12Z|2020-01-02T10:11:12+02:00|epoch|infinity|
    2020-01-02 (BC)|2020-01-02T24:00:00|20200102|Jan 2, 2020|10:11""".replace("\n    ", "").split("|")  # fmt: skip


@pytest.mark.parametrize(
    "target", ["type number", "Int64.Type", "type date", "type datetime", "type logical"]
)
@pytest.mark.parametrize("culture", ["en-US", "de-DE"])
def test_conversion_of_texts(session: Session, target: str, culture: str) -> None:
    """Every text becomes the same value or the same error."""
    rows = ", ".join("{" + quoted(c) + "}" for c in CELLS) + ", {null}"
    m = f'Table.TransformColumnTypes(#table({{"x"}}, {{{rows}}}), {{{{"x", {target}}}}}, "{culture}")'
    plan = mlang.evaluate(m, engine="duckdb").plan
    with use(session):
        folded = columns_of(Query(fold(plan)).batches())[0]
        local = columns_of(run_local(plan, None, None))[0]
        for text, a, b in zip([*CELLS, None], local, folded, strict=True):
            assert same(a, b), (text, a, b, error_of(a), error_of(b))


# ---------------------------------------------------------------- files and whole queries

CSV = 'id,name,amount,day\n1,ann,10.5,2020-01-01\n2,"bob, jr",,2020-02-29\n3,"",7,2021-05-06\n4,éva,1e3,2021-12-31\n1,ann,-7,\n'
TYPED = (
    'let s = Table.PromoteHeaders(Csv.Document(File.Contents("{path}"))), '
    't = Table.TransformColumnTypes(s, {{{{"id", Int64.Type}}, {{"amount", type number}}}}) in '
)
QUERIES = [
    "t", "s", "Table.SelectRows(t, each [id] > 1)", 'Table.Sort(t, {{"amount", Order.Descending}})',
    'Table.Group(t, {"id"}, {{"n", each Table.RowCount(_)}, {"s", each List.Sum([amount])}, {"f", each List.First([name])}})',
    'Table.Group(t, {"id"}, {{"a", each List.Average([amount])}, {"l", each List.Last([amount])}, {"m", each List.Median([amount])}})',
    'Table.Group(t, {"id"}, {{"a", each List.Count(List.Distinct([name]))}, {"b", each List.Max([name])}, {"c", each List.Sum([amount]) / Table.RowCount(_)}})',
    "Table.RowCount(t)", 'Table.RowCount(Table.SelectRows(t, each [name] = "ann"))', 'Table.Distinct(t, {"id", "name"})',
    "Table.FirstN(Table.Skip(t, 1), 2)", "Table.LastN(t, 2)", "Table.ReverseRows(t)", 'Table.AddIndexColumn(t, "i", 10, 5)',
    'Table.Join(t, "id", Table.PrefixColumns(t, "r"), "r.id", JoinKind.LeftOuter)', "t & t",
    'Table.ExpandTableColumn(Table.NestedJoin(t, "id", t, "id", "n"), "n", {"amount"}, {"n.amount"})',
    'Table.AddColumn(Table.AddColumn(t, "p", each Text.Proper([name])), "q", each [p] & "!")',
    'Table.Sort(Table.AddColumn(t, "p", each Text.Proper([name])), {"p"})',
    'Table.UnpivotOtherColumns(t[[id], [name], [day]], {"id"}, "a", "v")', 'Table.FillDown(t, {"amount"})', 'Table.FillUp(t, {"amount"})',
    'Table.SelectRows(t, each [amount] <> null and [amount] > 0)[amount]', "Table.SelectRows(t, each true)", "Table.SelectRows(t, each false)",
    "Table.RemoveRowsWithErrors(t)", 'Table.RowCount(Table.RemoveRowsWithErrors(t, {"amount"}))', 'Table.ReplaceErrorValues(t, {{"amount", 0}, {"id", -1}})',
    'Table.SelectRowsWithErrors(t, {"amount"})', 'Table.SelectRows(Table.RemoveRowsWithErrors(t, {"amount"}), each [amount] > 1)[name]',
]  # fmt: skip


def answer(m: str, engine: str) -> str:
    try:
        return mlang.to_m(mlang.evaluate(m, engine=engine, culture="en-US"))
    except mlang.MError as error:
        return str(error)


@pytest.mark.parametrize("query", QUERIES)
def test_csv(tmp_path: Path, query: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV, encoding="utf-8")
    m = TYPED.format(path=path) + query
    assert answer(m, "duckdb") == answer(m, "auto") == answer(m, "none")


@pytest.mark.parametrize("query", QUERIES)
def test_csv_with_cells_that_do_not_convert(tmp_path: Path, query: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV + 'x,odd,"1,000",z\n5,neg,(5),\n6,bad,b,\n', encoding="utf-8")
    m = TYPED.format(path=path) + query
    assert answer(m, "duckdb") == answer(m, "none")


@pytest.mark.parametrize(
    "text",
    ["a,b\n1\n2,3\n", "a,b\n1,2\n\n3,4\n", "a,b\n1,2,3\n", 'a,b\n1, "x"\n', "a,b\r\n1,2\n", "a\n\nb\n"],
)
def test_odd_csv(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    m = f'Table.SelectRows(Csv.Document(File.Contents("{path}")), each true)'
    assert answer(m, "auto") == answer(m, "none")


def test_duckdb_and_parquet(tmp_path: Path) -> None:
    made = duckdb.connect(str(tmp_path / "a.duckdb"))
    made.execute(
        "create table t as select i::BIGINT id, (i * 37 % 11)::INTEGER k, 'n' || (i % 5) nm, i / 7.0::DOUBLE x from range(500) r(i)"
    )
    made.execute("delete from t where id % 17 = 0")
    made.table("t").write_parquet(str(tmp_path / "a.parquet"))
    made.close()
    sources = [
        f'DuckDB.Database("{tmp_path}/a.duckdb"){{[Schema="main", Item="t"]}}[Data]',
        f'Parquet.Document(File.Contents("{tmp_path}/a.parquet"))',
    ]
    for source in sources:
        for query in (
            'Table.Group(t, {"nm"}, {{"s", each List.Sum([x])}, {"i", each List.Sum([id])}, {"n", each Table.RowCount(_)}})',
            'Table.FirstN(Table.Sort(Table.SelectRows(t, each [k] >= 3 and [nm] <> "n1"), {{"k", 1}}), 40)',
            'Table.Join(t, "k", Table.RenameColumns(Table.SelectRows(t, each [id] < 20)[[id], [k]], {{"id", "id2"}, {"k", "k2"}}), "k2", JoinKind.FullOuter)',
            "Table.RowCount(t)",
        ):  # fmt: skip
            m = f"let t = {source} in {query}"
            assert answer(m, "auto") == answer(m, "none"), m
        plan = mlang.explain(f"let t = {source}, f = Table.SelectRows(t, each [k] > 3) in f")
        assert plan["f"].indicator == "Folding"
        assert "WHERE" in plan["f"].sql


DECIMALS = [
    'Table.AddColumn(S, "x", each [p] * 2 + [q])', 'Table.AddColumn(S, "x", each [p] > 1)', 'Table.AddColumn(S, "x", each [p] = 1.5)',
    'Table.AddColumn(S, "x", each [p] = [q])', 'Table.SelectRows(S, each [p] > 0 and [q] <= 2.1)', 'Table.Sort(S, {{"p", 1}, {"id", 0}})',
    'Table.Group(S, {"p"}, {{"n", each Table.RowCount(_)}, {"m", each List.Max([q])}, {"c", each List.Count(List.Distinct([q]))}})',
    'Table.Distinct(S[[p], [q]])', 'Table.Join(S, "p", Table.PrefixColumns(S, "r"), "r.p")', 'Table.Join(S, "id", Table.PrefixColumns(S, "r"), "r.q")',
    'Table.Combine({S[[p]], Table.RenameColumns(S[[q]], {"q", "p"})})', "S & S", 'Table.MaxN(S, "p", 2)', 'Table.AddColumn(S, "x", each List.Contains({1.5, 2}, [p]))',
    'Table.AddColumn(S, "x", each Text.From([p]) & "|" & Text.From([q]))', 'Table.AddColumn(S, "x", each Text.From([q], "de-DE"))', 'Table.TransformColumnTypes(S, {{"q", type text}, {"o", type text}})',
    'Table.AddColumn(S, "x", each Text.From([o]) & Number.ToText([o], null, "fr-FR"))', 'Table.TransformColumns(S, {{"o", Text.From, type text}})',
]  # fmt: skip
#: Decimals beside other numbers: each stays what it is.
MIXED_DECIMALS = [
    'Table.AddColumn(S, "x", each if [q] = null then 0 else [q])', 'Table.AddColumn(S, "x", each [q] ?? 0.5)', 'Table.AddColumn(S, "x", each if [p] > 1 then [q] else [id])',
    'Table.ReplaceValue(S, null, 0, Replacer.ReplaceValue, {"p", "q"})', 'Table.ReplaceValue(S, 1.5, each [id] / 4, Replacer.ReplaceValue, {"p"})', 'Table.TransformColumns(S, {{"q", each _ ?? 0}})',
    'Table.TransformColumnTypes(Table.ReplaceValue(S, null, 0, Replacer.ReplaceValue, {"q"}), {{"q", type number}})', 'Table.TransformColumnTypes(S, {{"q", Currency.Type}, {"id", type number}})',
    'Table.Combine({S[[q]], Table.RenameColumns(Table.TransformColumnTypes(S[[id]], {{"id", type number}}), {"id", "q"})})',
    'Table.SelectRows(Table.ReplaceValue(S, null, 0, Replacer.ReplaceValue, {"q"}), each [q] < 1)', 'Table.Sort(Table.ReplaceValue(S, null, 0.2, Replacer.ReplaceValue, {"q"}), {"q", 1})',
    'Table.Group(Table.ReplaceValue(S, null, 0, Replacer.ReplaceValue, {"q"}), "id", {{"s", each List.Sum([q])}, {"c", each List.NonNullCount([q])}})',
    'Table.FillDown(Table.AddColumn(S, "x", each if [id] = 3 then null else if [id] = 4 then 0 else [q]), {"x"})', 'Table.AddColumn(S, "x", each [q] = null)', 'Table.FillDown(S, {"q"})',
    'Table.AddColumn(Table.Group(S, "id", {"m", each List.Median([q])}), "n", each [m] = null)', 'Table.Group(Table.Group(S, "id", {"m", each List.Product([q])}), {}, {"c", each List.NonNullCount([m])})',
]  # fmt: skip


@pytest.mark.parametrize("query", MIXED_DECIMALS)
def test_decimals_beside_other_numbers_fold(tmp_path: Path, query: str) -> None:
    made = duckdb.connect(str(tmp_path / "a.duckdb"))
    made.execute("create table t(id int, p DECIMAL(10, 1), q DECIMAL(10, 2))")
    made.execute(
        "insert into t values (1, 1.5, 2.1), (2, -0.1, null), (3, 12345, 7), (4, 0, 0.3), (5, 1.5, 0)"
    )
    made.close()
    m = f'let S = DuckDB.Database("{tmp_path}/a.duckdb"){{[Schema = "main", Item = "t"]}}[Data], r = {query} in r'
    assert mlang.explain(m)["r"].indicator == "Folding"
    assert answer(m, "duckdb") == answer(m, "none")


@pytest.mark.parametrize("query", DECIMALS)
def test_decimals(tmp_path: Path, query: str) -> None:
    """Compared and ordered as they are, doubles in arithmetic; their zeros at the end stay."""
    made = duckdb.connect(str(tmp_path / "a.duckdb"))
    made.execute("create table t(id int, p DECIMAL(19, 4), q DECIMAL(10, 2), o DECIMAL(4, 4))")
    made.execute(
        "insert into t values (1, 1.5, 2.1, 0.5), (2, -0.1, null, -0.25), (3, 123456789012345.1234, 7, null),"
        " (4, 0, 0.3, 0), (5, 1.5, 0.1, 0.0001)"
    )
    made.close()
    m = f'let S = DuckDB.Database("{tmp_path}/a.duckdb"){{[Schema = "main", Item = "t"]}}[Data] in {query}'
    assert answer(m, "duckdb") == answer(m, "none")


NESTED = [
    "S", 'Table.ExpandRecordColumn(S, "r", {"a b", "b", "zz"}, {"a", "b2", "z"})', 'Table.ExpandListColumn(S, "l")',
    'Table.ExpandRecordColumn(Table.ExpandRecordColumn(S, "r", {"c", "b"}), "c", {"d"})', 'Table.Distinct(Table.ExpandListColumn(S[[id], [l]], "l"), "l")',
    'Table.RowCount(Table.ExpandListColumn(S, "l"))', 'Table.FirstN(Table.ExpandListColumn(S, "l"), 3)', 'Table.Sort(S, {{"id", 1}})',
    'Table.AddColumn(Table.SelectRows(S, each [id] = 1), "x", each [r][b])',
]  # fmt: skip


@pytest.mark.parametrize("query", NESTED)
def test_structs_and_lists(tmp_path: Path, query: str) -> None:
    made = duckdb.connect(str(tmp_path / "a.duckdb"))
    made.execute(
        'create table t(id INTEGER, r STRUCT("a b" INTEGER, b VARCHAR, c STRUCT(d DOUBLE)), l VARCHAR[])'
    )
    made.execute(
        "insert into t values (1, {'a b': 1, 'b': 'x', 'c': {'d': 1.5}}, ['p', 'q']), (2, null, []), "
        "(3, {'a b': null, 'b': null, 'c': null}, null), (4, {'a b': 7, 'b': 'y', 'c': {'d': null}}, [null, 'z'])"
    )
    made.close()
    m = f'let S = DuckDB.Database("{tmp_path}/a.duckdb"){{[Schema = "main", Item = "t"]}}[Data] in {query}'
    assert answer(m, "duckdb") == answer(m, "none")


def test_a_fold_does_not_hide_an_error(tmp_path: Path) -> None:
    """A condition that raises is not overtaken by one that would drop the row."""
    path = tmp_path / "a.csv"
    path.write_text("k,v\n1,1\n2,bad\n3,3\n", encoding="utf-8")
    t = f'Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents("{path}"))), {{{{"k", Int64.Type}}, {{"v", type number}}}})'
    for m in (
        f"Table.SelectRows(Table.SelectRows({t}, each [v] > 0), each [k] <> 2)",
        f'Table.Join(Table.SelectRows({t}, each [v] > 0), "k", #table({{"k2"}}, {{{{1}}, {{3}}}}), "k2")',
        f'Table.RowCount(Table.SelectRows({t}, each [v] > 0))', f'Table.Distinct({t}, "v")',
    ):  # fmt: skip
        assert answer(m, "auto") == answer(m, "none")
        assert "convert" in answer(m, "auto")
    fine = f"Table.SelectRows(Table.SelectRows({t}, each [k] <> 2), each [v] > 0)"
    assert answer(fine, "auto") == answer(fine, "none")


def test_explain_says_why() -> None:
    plan = mlang.explain(
        'let t = #table({"a"}, {{"x"}}), p = Table.AddColumn(t, "b", each Text.Proper([a])), n = 1 in p'
    )
    assert [s.indicator for s in plan] == ["Opaque", "Opaque", "Unknown", "Opaque"]
    assert "interpreter" in str(plan)


# ---------------------------------------------------------------- the reference, and what it promises


def test_document_is_up_to_date() -> None:
    current = (Path(__file__).parents[1] / reference.DOCUMENT).read_text(encoding="utf-8")
    assert current == reference.document(), "run: python -m folding.reference --write"


@pytest.mark.parametrize("name", [n for n, where in reference.places().items() if "row" in where])
def test_sql_form_is_in_the_grid(name: str) -> None:
    """A function may only fold in row functions when `FORMS` compares it with the interpreter."""
    from tests.properties.test_folded_equals_interpreted import ENDS

    nested = any("NestedJoin" in text and name in text for text in ENDS)  # of a column of tables
    assert nested or any(name + "(" in expression for expression, _, _ in FORMS)


@pytest.mark.parametrize("name", [n for n, where in reference.places().items() if "aggregate" in where])
def test_aggregate_is_compared(name: str) -> None:
    texts = (
        QUERIES
        + (Path(__file__).parent / "properties" / "test_folded_equals_interpreted.py")
        .read_text()
        .splitlines()
    )
    assert name == "List.StandardDeviation" or any(f"each {name}(" in text for text in texts)


def test_every_compiled_step_is_in_the_reference() -> None:
    from mlang import registry

    assert reference.compiled_nodes() == set(reference.STEPS)
    for names in reference.STEPS.values():
        for name in names:
            assert registry.lookup(name) is not None, name


def test_nothing_of_a_query_is_kept_after_it() -> None:
    """Neither in memory, nor so that the engine's client complains when Python ends."""
    text = (
        "import mlang; t = mlang.evaluate('Table.Group(Table.FromColumns({List.Numbers(1, 20000)}), {},"
        " {{\"s\", each List.Sum([Column1])}})', engine='duckdb'); print(t.to_arrow().to_pydict());"
        "from mlang.session import current; print(current().fixed['folding.cursor'])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["{'s': [200010000.0]}", "None"]
    assert done.stderr == ""
