"""One expression per library function and operator, over a row of one column of each kind.

From these come the probes that a server answers before anything is folded to it (``probes.py``) and the columns of
docs/folding.md.  The row: n a number, m another, w and v whole numbers, t a text, u a text that is never null, d and
e dates, s a datetime, b a logical.
"""

from __future__ import annotations

KINDS = {
    "n": "number",
    "m": "number",
    "w": "whole",
    "v": "whole",
    "t": "text",
    "u": "text",
    "d": "date",
    "e": "date",
    "s": "datetime",
    "b": "logical",
}

#: Rows of the probe, as M: what the engines are known to do otherwise, if they do.
ROWS = (
    '{0.5, 0.1, 1, 2, "a", "a ", #date(2020,1,31), #date(2011,3,27), #datetime(2020,2,29,23,59,59), true}',
    '{2.5, -3, -7, 3, "B", "b", #date(2020,2,29), #date(2000,12,31), #datetime(1969,12,31,12,30,0), false}',
    '{-2.5, 1e300, 10, 0, "aXbX,c", "X", #date(1999,12,31), #date(1582,10,10), #datetime(2011,3,27,1,2,3), null}',
    '{null, 7, null, 5, null, "%", null, #date(2023,7,2), null, true}',
    '{1234567.25, 2, 100, 100, " a ", "_", #date(1,1,1), #date(9999,12,31), #datetime(1,1,1,0,0,0), false}',
    '{-7, 0.2, 2, 2, "é", "é", #date(2021,12,31), #date(2021,12,31), #datetime(9999,12,31,0,0,0), true}',
)

#: Operators and forms of the language.
OPERATORS = {
    "=": "[n] = [m]",
    "<>": "[n] <> [m]",
    "<": "[n] < [m]",
    ">=": "[n] >= [m]",
    "+": "[n] + [m]",
    "-": "[n] - [m]",
    "*": "[n] * [m]",
    "/": "[n] / [m]",
    "= (text)": "[t] = [u]",
    "< (text)": "[t] < [u]",
    "= (date)": "[d] = [e]",
    "< (date)": "[d] < [e]",
    "&": "[t] & [u]",
    "and": "[b] and [w] > 1",
    "or": "[b] or [w] > 1",
    "not": "not [b]",
    "??": "[n] ?? 5",
    "if": "if [w] = null then 0 else [w]",
    "= null": "[t] = null",
    "- (dates)": "[d] - [e]",
}

#: Functions of one number.
_OF_ONE = ("Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Tanh", "Exp", "Ln", "Log", "Log10")
_DAYS, _CLOCK = ("Day", "Week", "Month", "Quarter", "Year"), ("Hour", "Minute", "Second")
FUNCTIONS = {
    "Text.Length": "Text.Length([t])",
    "Text.Upper": 'Text.Upper("a" & Text.From([w]))',
    "Text.Lower": 'Text.Lower("A" & Text.From([w]))',
    "Text.Trim": "Text.Trim([t])",
    "Text.TrimStart": "Text.TrimStart([t])",
    "Text.TrimEnd": "Text.TrimEnd([t])",
    "Text.Clean": "Text.Clean([t])",
    "Text.Start": "Text.Start([t], 2)",
    "Text.End": "Text.End([t], 2)",
    "Text.Middle": "Text.Middle([t], 1, 2)",
    "Text.Range": "Text.Range([u], 0, 1)",
    "Text.At": "Text.At([u], 0)",
    "Text.Contains": "Text.Contains([t], [u])",
    "Text.StartsWith": "Text.StartsWith([t], [u])",
    "Text.EndsWith": "Text.EndsWith([t], [u])",
    "Text.PositionOf": 'Text.PositionOf([u], "b")',
    "Text.Replace": 'Text.Replace([t], "a", "z")',
    "Text.PadStart": 'Text.PadStart([t], 4, "0")',
    "Text.PadEnd": "Text.PadEnd([t], 4)",
    "Text.Repeat": "Text.Repeat([t], 2)",
    "Text.Reverse": "Text.Reverse([t])",
    "Text.BeforeDelimiter": 'Text.BeforeDelimiter([t], ",")',
    "Text.AfterDelimiter": 'Text.AfterDelimiter([t], ",")',
    "Text.Remove": 'Text.Remove([t], {"a", "X"})',
    "Text.Select": 'Text.Select([t], {"a".."c"})',
    "Text.Combine": 'Text.Combine({[t], [u]}, "/")',
    "Text.From": "Text.From([w])",
    "Number.ToText": "Number.ToText([w])",
    "Logical.ToText": "Logical.ToText([b])",
    "Number.RoundUp": "Number.RoundUp([n])",
    "Number.RoundDown": "Number.RoundDown([n])",
    "Number.RoundTowardZero": "Number.RoundTowardZero([n])",
    "Number.RoundAwayFromZero": "Number.RoundAwayFromZero([n])",
    "Number.Round": "Number.Round([n])",
    "Number.Abs": "Number.Abs([n])",
    "Number.Sign": "Number.Sign([w])",
    "Number.Sqrt": "Number.Sqrt(Number.Abs([n]))",
    "Number.Mod": "Number.Mod([w], 3)",
    "Number.IntegerDivide": "Number.IntegerDivide([n], [m])",
    "Number.IsEven": "Number.IsEven([v])",
    "Number.IsOdd": "Number.IsOdd([v])",
    "Number.IsNaN": "Number.IsNaN([m])",
    "Number.From": "Number.From([d])",
    "Date.Year": "Date.Year([d])",
    "Date.Month": "Date.Month([d])",
    "Date.Day": "Date.Day([d])",
    "Date.DayOfYear": "Date.DayOfYear([d])",
    "Date.QuarterOfYear": "Date.QuarterOfYear([d])",
    "Date.DayOfWeek": "Date.DayOfWeek([d], 1)",
    "Date.WeekOfYear": "Date.WeekOfYear([d], 1)",
    "Date.WeekOfMonth": "Date.WeekOfMonth([d], 1)",
    "Date.DaysInMonth": "Date.DaysInMonth([d])",
    "Date.StartOfMonth": "Date.StartOfMonth([d])",
    "Date.StartOfQuarter": "Date.StartOfQuarter([d])",
    "Date.StartOfYear": "Date.StartOfYear([d])",
    "Date.EndOfMonth": "Date.EndOfMonth([d])",
    "Date.EndOfYear": "Date.EndOfYear([d])",
    "Date.StartOfWeek": "Date.StartOfWeek([d], 1)",
    "Date.AddDays": "Date.AddDays([d], 1)",
    "Date.AddMonths": "Date.AddMonths([d], 1)",
    "Date.AddYears": "Date.AddYears([d], 1)",
    "Date.AddQuarters": "Date.AddQuarters([d], 1)",
    "Date.AddWeeks": "Date.AddWeeks([d], 1)",
    "Date.From": "Date.From([s])",
    "DateTime.Date": "DateTime.Date([s])",
    "DateTime.From": "DateTime.From([d])",
    "DateTime.Time": "DateTime.Time([s])",
    "Time.Hour": "Time.Hour([s])",
    "Time.Minute": "Time.Minute([s])",
    "Duration.Days": "Duration.Days([d] - [e])",
    "Duration.Hours": "Duration.Hours([d] - [e])",
    "Duration.Minutes": "Duration.Minutes([d] - [e])",
    "List.Contains": "List.Contains({1, null}, [w])",
    "Logical.From": "Logical.From([w])",
    "Value.Equals": "Value.Equals([n], [m])",
    "Value.NullableEquals": "Value.NullableEquals([n], [m])",
    "Date.StartOfDay": "Date.StartOfDay([s])",
    "Number.FromText": "Number.FromText(Text.From([w]))",
    "Percentage.From": "Percentage.From([n])",
    "Double.From": "Double.From([w])",
    "Byte.From": "Byte.From([v])",
    "Int8.From": "Int8.From([w])",
    "Int16.From": "Int16.From([w])",
    "Int32.From": "Int32.From([n])",
    "Int64.From": "Int64.From([n])",
    **{f"Number.{n}": f"Number.{n}([n])" for n in _OF_ONE},
    "Number.Power": "Number.Power([n], 2)",
    "Date.FromText": 'Date.FromText("2020-01-02" & Text.Start([t], 0))',
    "DateTime.FromText": 'DateTime.FromText("2020-01-02T10:11:12" & Text.Start([t], 0))',
    "Date.EndOfDay": "Date.EndOfDay([s])",
    "Date.EndOfWeek": "Date.EndOfWeek([d], 1)",
    "Date.EndOfQuarter": "Date.EndOfQuarter([d])",
    "Date.MonthName": "Date.MonthName([d])",
    "Date.DayOfWeekName": "Date.DayOfWeekName([d])",
    "Date.ToText": 'Date.ToText([d], "yyyy-MM-dd")',
    "DateTime.ToText": 'DateTime.ToText([s], "dd.MM.yyyy HH:mm:ss")',
    "Time.ToText": 'Time.ToText(DateTime.Time([s]), "HH:mm")',
    "Time.From": "Time.From([s])",
    "Time.Second": "Time.Second([s])",
    "Time.StartOfHour": "Time.StartOfHour([s])",
    "Time.EndOfHour": "Time.EndOfHour([s])",
    "Duration.Seconds": "Duration.Seconds([s] - #datetime(2000, 1, 1, 0, 0, 0))",
    **{
        f"Duration.Total{n}": f"Duration.Total{n}([d] - [e])" for n in ("Days", "Hours", "Minutes", "Seconds")
    },
    "Duration.From": "Duration.From([w])",
    "List.AnyTrue": "List.AnyTrue({[b], [w] > 1})",
    "List.AllTrue": "List.AllTrue({[b], [w] > 1})",
    "Text.Split": 'List.Count(Text.Split([u], "b"))',
    "Record.Field": 'Record.Field(_, "w")',
    "Record.FieldOrDefault": 'Record.FieldOrDefault(_, "q", 5)',
    "Logical.FromText": "Logical.FromText(Logical.ToText([b]))",
    "#date": "#date(Date.Year([e]), Date.Month([e]), 1)",
    "#datetime": "#datetime(Date.Year([e]), 1, Date.Day([e]), 1, 2, 3)",
    "#time": "#time(Date.Month([e]), 0, Date.Day([e]))",
    "#duration": "#duration(Date.Day([e]), 0, 0, 1)",
    "Date.IsLeapYear": "Date.IsLeapYear([d])",
    "Text.BetweenDelimiters": 'Text.BetweenDelimiters([t], "a", "b")',
    "Text.Insert": 'Text.Insert([u], 0, "-")',
    "Text.RemoveRange": "Text.RemoveRange([u], 0, 1)",
    "Text.ReplaceRange": 'Text.ReplaceRange([u], 0, 1, "-")',
    "Text.PositionOfAny": 'Text.PositionOfAny([u], {"b", "X"})',
    "Text.Proper": "Text.Proper([t])",
    "List.IsEmpty": 'List.IsEmpty(List.RemoveMatchingItems({[t], [u]}, {"", null}))',
    **{
        f"Date.IsIn{word}{unit}": f"Date.IsIn{word}{unit}([d])"
        for word in ("Current", "Next", "Previous")
        for unit in _DAYS
    },
    **{
        f"DateTime.IsIn{word}{unit}": f"DateTime.IsIn{word}{unit}([s])"
        for word in ("Current", "Next", "Previous")
        for unit in _CLOCK
    },
    **{
        f"{family}.IsIn{word}N{unit}s": f"{family}.IsIn{word}N{unit}s([{column}], 20)"
        for family, column, units in (("Date", "d", _DAYS), ("DateTime", "s", _CLOCK))
        for word in ("Next", "Previous")
        for unit in units
    },
    "Date.IsInYearToDate": "Date.IsInYearToDate([s])",
}

#: Steps: over a table T.
STEPS = {
    "Table.SelectColumns": 'Table.SelectColumns(T, {"w"})',
    "Table.RemoveColumns": 'Table.RemoveColumns(T, {"w"})',
    "Table.RenameColumns": 'Table.RenameColumns(T, {{"w", "x"}})',
    "Table.ReorderColumns": 'Table.ReorderColumns(T, {"m", "n"})',
    "Table.DuplicateColumn": 'Table.DuplicateColumn(T, "w", "x")',
    "Table.PrefixColumns": 'Table.PrefixColumns(T, "x")',
    "Table.TransformColumnNames": "Table.TransformColumnNames(T, Text.Upper)",
    "Table.AddColumn": 'Table.AddColumn(T, "x", each [w])',
    "Table.TransformColumns": 'Table.TransformColumns(T, {{"w", each _ + 1}})',
    "Table.TransformColumnTypes": 'Table.TransformColumnTypes(T, {{"d", type datetime}})',
    "Table.ReplaceValue": 'Table.ReplaceValue(T, null, 0, Replacer.ReplaceValue, {"w"})',
    "Table.AddIndexColumn": 'Table.AddIndexColumn(T, "i", 1, 1)',
    "Value.ReplaceType": "Value.ReplaceType(T, Value.Type(T))",
    "Table.FillDown": 'Table.FillDown(T, {"w"})',
    "Table.FillUp": 'Table.FillUp(T, {"w"})',
    "Table.ReplaceErrorValues": 'Table.ReplaceErrorValues(T, {{"w", 0}})',
    "Table.RemoveRowsWithErrors": "Table.RemoveRowsWithErrors(T)",
    "Table.SelectRowsWithErrors": 'Table.SelectRowsWithErrors(T, {"w"})',
    "Table.SelectRows": "Table.SelectRows(T, each [w] > 1)",
    "Table.FirstN": "Table.FirstN(T, 2)",
    "Table.Range": "Table.Range(T, 1, 2)",
    "Table.MaxN": 'Table.MaxN(T, "w", 2)',
    "Table.MinN": 'Table.MinN(T, "w", 2)',
    "Table.Skip": "Table.Skip(T, 1)",
    "Table.RemoveFirstN": "Table.RemoveFirstN(T, 1)",
    "Table.LastN": "Table.LastN(T, 2)",
    "Table.RemoveLastN": "Table.RemoveLastN(T, 2)",
    "Table.ReverseRows": "Table.ReverseRows(T)",
    "Table.Sort": 'Table.Sort(T, {{"w", Order.Descending}})',
    "Table.Distinct": 'Table.Distinct(T, "w")',
    "Table.Combine": "Table.Combine({T, T})",
    "Table.Repeat": "Table.Repeat(T, 2)",
    "Table.Join": 'Table.Join(T, "w", Table.PrefixColumns(T, "r"), "r.w", JoinKind.LeftOuter)',
    "Table.NestedJoin": 'Table.ExpandTableColumn(Table.NestedJoin(T, "w", T, "w", "x"), "x", {"d"}, {"x.d"})',
    "Table.ExpandRecordColumn": 'Table.ExpandRecordColumn(Table.AddColumn(T, "x", each [p = [w]]), "x", {"p"})',
    "Table.ExpandListColumn": 'Table.ExpandListColumn(Table.AddColumn(T, "x", each {[w], [v]}), "x")',
    "Table.ExpandTableColumn": 'Table.ExpandTableColumn(Table.NestedJoin(T, "w", T, "w", "x"), "x", {"d"}, {"x.d"})',
    "Table.Group": 'Table.Group(T, {"d"}, {{"c", each Table.RowCount(_)}})',
    "Table.Pivot": 'Table.Pivot(T[[w], [t], [v]], {"a", "B"}, "t", "v", List.Count)',
    "Table.Unpivot": 'Table.Unpivot(T[[t], [w], [v]], {"w", "v"}, "x", "y")',
    "Table.UnpivotOtherColumns": 'Table.UnpivotOtherColumns(T[[t], [w], [v]], {"t"}, "x", "y")',
    "Table.RowCount": 'Table.Group(T, {"d"}, {{"c", each Table.RowCount(_)}})',
    "Table.IsEmpty": "Table.FirstN(T, 1)",
}

_GROUP = 'Table.Group(T, {"d"}, {{"x", each '
AGGREGATES = {
    name: f"{_GROUP}{name}([{column}])}}}})"
    for name, column in {
        "List.Sum": "n",
        "List.Average": "n",
        "List.Count": "w",
        "List.NonNullCount": "w",
        "List.Min": "n",
        "List.Max": "n",
        "List.First": "w",
        "List.Last": "w",
        "List.Median": "n",
        "List.Product": "n",
    }.items()
}

#: Of the nested table of a row; no source database is sent these.
_NESTED = 'Table.AddColumn(Table.NestedJoin(T, "w", T, "v", "x"), "y", each '
NESTED = {
    "Table.RowCount": f'Table.RemoveColumns({_NESTED}Table.RowCount([x])), "x")',
    **{
        name: f'Table.RemoveColumns({_NESTED}{name}([x][{column}])), "x")'
        for name, column in {
            "List.Sum": "m",
            "List.Average": "m",
            "List.Count": "w",
            "List.NonNullCount": "w",
            "List.Min": "m",
            "List.Max": "m",
            "List.First": "w",
            "List.Last": "w",
            "List.Median": "m",
        }.items()
    },
}
