"""Forms of datetimezones for the conformance list of ``test_folding.py``: expressions and the values they run over."""

from __future__ import annotations

#: The same instants on several clocks, both ends of the calendar, offsets from -14:00 to +14:00.
ZONES = [
    f"#datetimezone({z})"
    for z in (
        "1,1,1,0,0,0,0,0", "1,1,1,14,0,0,14,0", "1,1,2,0,0,0,-10,0", "1,1,1,0,0,0,-14,0",
        "9999,12,31,23,59,59.999999,0,0", "9999,12,31,23,59,59.999999,14,0", "9999,12,31,9,59,59,-14,0",
        "2020,2,29,23,59,59.5,5,30", "2020,2,29,18,29,59.5,0,0", "2020,2,29,12,59,59.5,-5,-30",
        "1969,12,31,12,30,0.5,-3,-30", "2011,3,27,1,2,3,1,0", "2011,3,26,23,47,3,0,-15", "1899,12,30,0,0,0,0,45",
        "2000,1,1,0,0,0,0,0", "1999,12,31,22,0,0,-2,0", "2000,1,1,14,0,0,14,0",
    )
]  # fmt: skip
#: ISO texts, and others that only the interpreter reads.
SPELT_ZONES = [
    f'"{x}"'
    for x in (
        "2020-01-02T10:11:12Z", "2020-01-02 10:11:12+02:00", "2020-01-02T10:11:12-05:30", "2020-01-02T10:11:12",
        "2020-01-02T10:11:12.5+14:00", "2020-01-02T10:11:12.1234560Z", "2020-01-02T10:11:12.1234567Z",
        "2020-01-02T10:11:12+14:01", "2020-01-02T24:00:00Z", "2020-02-30T10:00:00Z", "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00", "2020-01-02T10:11Z", "2020-01-02", "1/2/2020 1:00 PM", "abc", "",
    )
] + ["null"]  # fmt: skip
GRID = {"zone": [*ZONES, "null"], "sure_zone": ZONES, "spelt_zone": SPELT_ZONES}

_CONSTANT = "#datetimezone(1999,12,31,23,0,0,-1,0)"
_PERIODS = ("Day", "Week", "Month", "Quarter", "Year")

FORMS: list[tuple[str, str, str | None]] = [
    *[(f"[x] {op} [y]", "zone", "zone") for op in ("=", "<>", "<", "<=", ">", ">=", "-", "??")],
    *[(f"[x] {op} {_CONSTANT}", "zone", None) for op in ("=", "<>", "<", ">=", "-", "??")],
    ("[x] = null", "zone", None), ("[x] <> null", "zone", None), ("[x] is datetimezone", "zone", None),
    ("[x] = [y]", "zone", "datetime"), ("[x] is nullable datetime", "zone", None),
    *[(f"[x] {op} #duration({d})", "zone", None) for op in "+-" for d in ("1,1,1,1.25", "0,10,0,0", "0,0,0,0.0000001")],
    ("[x] + [y]", "zone", "duration"), ("#duration(0,10,0,0) + [x]", "zone", None),
    ("#duration(0,1,0,0) + ([x] + #duration(0,10,0,0))", "zone", None),
    (f"if [x] < {_CONSTANT} then [x] else {_CONSTANT}", "sure_zone", None),
    (f"if [x] < {_CONSTANT} then [x] else Date.EndOfDay({_CONSTANT})", "sure_zone", None),
    ("try [x] + #duration(1,0,0,0) otherwise [x]", "zone", None), ("{[x], [y]}{1}", "zone", "zone"),
    *[(f"DateTimeZone.{n}([x])", "zone", None)
      for n in ("ZoneHours", "ZoneMinutes", "RemoveZone", "ToUtc", "ToLocal", "From", "ToText")],
    *[(f"DateTimeZone.SwitchZone([x], {o})", "zone", None) for o in ("2", "-5, -30", "14", "-14", "5.5, 1", "0")],
    ("DateTimeZone.ZoneHours(DateTimeZone.SwitchZone([x], 2))", "zone", None),
    ('DateTimeZone.ToText(DateTimeZone.SwitchZone([x], 2), "zzz")', "zone", None),
    ("DateTimeZone.RemoveZone(DateTimeZone.SwitchZone([x], -2))", "zone", None),
    *[(f"DateTimeZone.ToText([x], {f})", "zone", None) for f in (
        '"o"', '"u"', '"R"', '"s"', '"yyyy-MM-dd HH:mm:ss.fff zzz"', '"%z zz zzz K"', 'null, "de-DE"',
        '[Format = "d MMMM yyyy z", Culture = "ru-RU"]')],
    ('DateTimeZone.ToText(Date.EndOfMonth([x]), "o")', "zone", None),
    ("Text.From([x])", "zone", None), ('Text.From([x], "ja-JP")', "zone", None),
    *[(f"DateTimeZone.{n}([x])", "spelt_zone", None) for n in ("From", "FromText")],
    ('DateTimeZone.From([x], "de-DE")', "spelt_zone", None),
    ("DateTimeZone.From([x])", "date", None), ("DateTimeZone.From([x])", "datetime", None),
    *[(f"DateTime.AddZone([x], {o})", "datetime", None) for o in ("3", "-3, -30", "0", "14", "-14")],
    ("DateTime.AddZone(Date.EndOfDay([x]), 3)", "datetime", None),
    *[(f"DateTimeZone.ToRecord([x]){f}", "sure_zone", None) for f in ("", "[Second]", "[ZoneMinutes]")],
    *[(f"[x] < DateTimeZone.{n}()", "zone", None) for n in ("UtcNow", "FixedUtcNow", "LocalNow", "FixedLocalNow")],
    ("DateTimeZone.FixedUtcNow() - [x]", "zone", None), ("[x] < DateTimeZone.RemoveZone(DateTimeZone.UtcNow())", "datetime", None),
    *[(f"Date.{n}([x])", "zone", None) for n in (
        "Year", "Month", "Day", "DayOfYear", "QuarterOfYear", "DayOfWeek", "WeekOfYear", "WeekOfMonth", "DaysInMonth",
        "IsLeapYear", "MonthName", "DayOfWeekName", *(f"{e}Of{u}" for e in ("Start", "End") for u in _PERIODS), "From",
        "IsInYearToDate", *(f"IsIn{w}{u}" for w in ("Current", "Next", "Previous") for u in _PERIODS))],
    *[(f"Date.Add{u}s([x], {k})", "zone", None) for u in _PERIODS for k in (1, -1)],
    ("Date.AddDays([x], [y])", "zone", "sure_whole"), ("Date.AddMonths([x], [y])", "zone", "sure_whole"),
    *[(f"Date.IsIn{w}NDays([x], 20)", "zone", None) for w in ("Next", "Previous")],
    *[(f"DateTime.{n}([x])", "zone", None)
      for n in ("Date", "Time", "From", "IsInCurrentHour", "IsInNextMinute", "IsInPreviousSecond")],
    *[(f"DateTime.IsIn{w}NHours([x], 300)", "zone", None) for w in ("Next", "Previous")],
    *[(f"Time.{n}([x])", "zone", None) for n in ("Hour", "Minute", "Second", "StartOfHour", "EndOfHour", "From")],
    ("Number.From([x])", "zone", None), ("Number.From([x])", "datetime", None), ("Number.From(Date.EndOfDay([x]))", "datetime", None),
    ("Value.Equals([x], [y])", "zone", "zone"), ("Value.NullableEquals([x], [y])", "zone", "zone"),
    (f"List.Contains({{{_CONSTANT}, null}}, [x])", "zone", None),
    *[(f"List.{n}({{[x], null, [y]}})", "zone", "zone") for n in ("Max", "Min", "NonNullCount", "First", "Last")],
    ("[a = [x], b = {[x]}]", "zone", None), ("[a = [x]][a]", "zone", None),
]  # fmt: skip
