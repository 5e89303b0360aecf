"""Random expressions over the columns of a row: templates of each kind of result, whose holes are drawn.

``<n>`` stands for a number, ``<t>`` a text, ``<d>`` a date, ``<m>`` a datetime, ``<i>`` a time, ``<v>`` a duration,
``<z>`` a datetimezone, ``<l>`` a logical, ``<c>`` a small count, ``<k>`` a culture, ``<s>`` a short constant text.
`dataflows_forms.py` has those of lists and records.
"""

from __future__ import annotations

import re

from tests.properties.dataflows_base import Drawing, field
from tests.properties.dataflows_forms import COMPOUND, MORE
from tests.properties.pool import CELLS, NUMERIC

HOLES = {
    "n": "number",
    "t": "text",
    "d": "date",
    "m": "datetime",
    "i": "time",
    "v": "duration",
    "z": "zoned",
    "l": "logical",
}
CHOICES = {
    "c": ["0", "1", "2", "3", "-1"], "w": ["0", "1", "-1", "5", "13"], "k": ['"de-DE"', '"fr-FR"', '"ja-JP"', '"en-US"', '"en-GB"', '"pl-PL"'],
    "s": ['"a"', '"-"', '""', '"b"', '"é"', '"😀"', '" "', '"A"'], "o": ["=", "<>", "<", "<=", ">", ">="],
    "day": ["Day.Monday", "Day.Sunday", "Day.Saturday"], "round": ["Up", "Down", "AwayFromZero", "TowardZero", "ToEven"],
    "unit": ["Day", "Week", "Month", "Quarter", "Year"],
}  # fmt: skip
TEMPLATES = {
    "number": [
        "(<n> + <n>)", "(<n> - <n>)", "(<n> * <n>)", "(<n> / <n>)", "(-<n>)", "Number.Abs(<n>)", "Number.Sign(<n>)", "(<n> + <n>)",
        "(<n> * <n>)", "Number.Round(<n>, <c>)", "Number.Round(<n>)", "Number.RoundUp(<n>)", "Number.RoundDown(<n>)", "Number.Sqrt(<n>)",
        "Number.Mod(<n>, 3)", "Number.Mod(<n>, <n>)", "Number.IntegerDivide(<n>, 2)", "Number.IntegerDivide(<n>, <n>)", "Text.Length(<t>)",
        "Date.Year(<d>)", "Date.Month(<d>)", "Date.Day(<d>)", "Date.DayOfWeek(<d>, <day>)", "Date.QuarterOfYear(<d>)", "Date.DayOfYear(<d>)",
        "Number.From(<n>)", "Number.From(<t>)", "Number.From(<d>)", "Text.PositionOf(<t>, <s>)", "List.Sum({<n>, <n>})", "Date.DaysInMonth(<d>)",
        "List.Max({<n>, <n>})", "List.Min({<n>, <n>, <n>})", "Number.Power(<n>, 2)", "Int64.From(<n>)", "Date.WeekOfYear(<d>)", "Date.WeekOfMonth(<d>, <day>)",
        "Number.RoundTowardZero(<n>)", "Number.RoundAwayFromZero(<n>)", "Number.RoundUp(<n>, <c>)", "Number.Log(<n>)", "Number.Log10(<n>)",
        "Number.Round(<n>, <c>, RoundingMode.<round>)", "Number.Exp(<n>)", "Number.Power(<n>, <n>)", "Int32.From(<t>)", "Number.Ln(<n>)",
        "(try Number.From(<t>) otherwise <n>)", "Number.Sin(<n>)", "Byte.From(<n>)", "Int16.From(<n>, null, RoundingMode.<round>)",
        "Duration.TotalHours(<d> - <d>)", "Time.Second(<m>)", "Duration.Seconds(Date.EndOfDay(<m>) - <m>)", "Number.FromText(<t>, <k>)",
        "Duration.TotalSeconds(<v>)", "Duration.Days(<v>)", "Duration.TotalDays(<m> - <m>)", "Number.From(<i>)", "Number.From(<m>)", "Number.From(<l>)",
        "Duration.Minutes(<v>)", "Time.Hour(<i>)", "Time.Minute(<m>)", "Number.From(<v>)", "Int64.From(<t>, <k>)", "Currency.From(<n>)", "Single.From(<n>)",
        "Decimal.From(<n>)", "List.NonNullCount(Record.FieldValues(_)) + <n>", "List.Average({<n>, <n>})", "List.Median({<n>, <n>, <n>})", "List.Product({<n>, <n>})",
        "List.Count(Text.Split(<t>, <s>))", "Number.Atan(<n>)", "Number.Cos(<n>)", "Number.RoundDown(<n>, <c>)", "Text.PositionOf(<t>, <s>, Occurrence.Last)",
        "Text.PositionOfAny(<t>, {<s>, \"b\"})", "DateTimeZone.ZoneHours(<z>)", "Date.Year(<z>)", "Time.Hour(<z>)", "Duration.TotalHours(<z> - <z>)", "Percentage.From(<t>)",
        "Number.BitwiseAnd(<n>, 3)", "Number.Factorial(Number.Mod(Number.Abs(<n>), 5))", "Character.ToNumber(<t>)", "Record.FieldCount(_) * <n>",
        "List.Count(List.Distinct({<n>, <n>, <n>}))", "Double.From(<t>, <k>)", "Value.Add(<n>, <n>)", "List.PositionOf({1, 2, 3}, <n>)", "Date.DayOfWeek(<m>)",
        '(try Int64.From(<t>, <k>) otherwise -1)', 'List.PositionOf({1, "a", null, #date(2024, 1, 1), true}, <t>)', 'List.PositionOf({"", 1, #date(2024, 1, 1), null}, <d>, Occurrence.Last)',
    ],
    "text": [
        "(<t> & <t>)", '(<t> & "!")', "Text.Upper(<t>)", "Text.Lower(<t>)", "Text.Trim(<t>)", "Text.Start(<t>, <c>)", "Text.End(<t>, <c>)", "Text.Middle(<t>, <c>, <c>)",
        "Text.Replace(<t>, <s>, <s>)", 'Text.PadStart(<t>, 4, "0")', "Text.Reverse(<t>)", "Text.From(<n>)", "Text.BeforeDelimiter(<t>, <s>)", "Text.AfterDelimiter(<t>, <s>)",
        'Text.Remove(<t>, {"a", "b"})', "Text.Proper(<t>)", "Text.TrimStart(<t>)", "Text.TrimEnd(<t>, <s>)", 'Text.Combine({<t>, <t>}, "/")', "Text.Repeat(<t>, <c>)",
        "Text.From(<d>)", "Text.PadEnd(<t>, 3)", "Text.Clean(<t>)", "Text.From(<l>)", 'Text.Select(<t>, {"a".."z"})', 'Text.Insert(<t>, <c>, "+")', "Text.BetweenDelimiters(<t>, <s>, <s>)",
        "Text.Range(<t>, <c>)", 'Number.ToText(<n>, "0.00")', "Text.At(<t>, <c>)", "Text.From(<n>, <k>)", "Number.ToText(<n>)", 'Number.ToText(<n>, "N2", <k>)', 'Number.ToText(<n>, "#,##0.##")',
        'Date.ToText(<d>, "yyyy-MM-dd")', 'Date.ToText(<d>, "d MMM yy", <k>)', 'Date.ToText(<d>, "D")', "DateTime.ToText(<m>)", 'DateTime.ToText(Date.EndOfDay(<m>), "s", <k>)', "Date.MonthName(<d>)",
        "Date.MonthName(<d>, <k>)", "Date.DayOfWeekName(<d>, <k>)", "Text.From(<m> + #duration(1, 2, 3, 4))", 'Text.AfterDelimiter(<t>, "-", {0, RelativePosition.FromEnd})', "Text.BeforeDelimiter(<t>, <s>, <c>)",
        "Text.RemoveRange(<t>, <c>)", "Text.ReplaceRange(<t>, 0, <c>, <t>)", "Text.Start(<t>, Text.Length(<t>) - 1)", "Text.Middle(<t>, <n>, 2)", "Text.From(<v>)", "Text.From(<i>)", "Text.From(<z>)",
        "Text.From(<d>, <k>)", "Logical.ToText(<l>)", 'Text.Format("#{0}-#{1}", {<t>, <n>})', "Text.Split(<t>, <s>){0}", "(Text.Split(<t>, <s>){1}? ?? <t>)", "List.Last(Text.Split(<t>, <s>))",
        "List.First({<t>, <t>})", "List.Max({<t>, <t>})", 'Time.ToText(<i>, "HH:mm")', "Text.Upper(<t>, <k>)", 'Text.Combine(List.RemoveNulls({<t>, <t>, Text.From(<n>)}), " ")', 'Duration.ToText(<v>)',
        'Text.Combine(List.Reverse(Text.Split(<t>, "-")), "-")', "Text.Combine(Text.ToList(<t>), <s>)", 'Number.ToText(<n>, "D3")', 'Number.ToText(<n>, "P1", <k>)', 'Text.Trim(<t>, {"a", " "})', "Text.From(_[<any>]?)",
    ],
    "date": [
        "Date.AddDays(<d>, <w>)", "Date.AddMonths(<d>, <w>)", "Date.AddYears(<d>, <w>)", "Date.StartOfMonth(<d>)", "Date.EndOfMonth(<d>)", "Date.StartOfYear(<d>)", "Date.StartOfWeek(<d>, <day>)",
        "Date.EndOfQuarter(<d>)", "Date.From(<t>)", "(try Date.From(<t>) otherwise <d>)", "Date.EndOfWeek(<d>)", "Date.From(Date.EndOfMonth(<m>))", "(<d> + #duration(<w>, 0, 0, 0))", "Date.From(<t>, <k>)",
        "#date(Date.Year(<d>), Date.Month(<d>), 1)", "#date(Date.Year(<d>), Date.Month(<d>), 29)", "Date.AddMonths(<d>, <n>)", "Date.From(<d> & #time(1, 2, 3))", "Date.From(<m>)", "DateTime.Date(<m>)",
        "Date.StartOfQuarter(<d>)", "Date.AddWeeks(<d>, <w>)", "Date.AddQuarters(<d>, <w>)", "Date.From(<z>)", "Date.From(<n>)", "List.Max({<d>, <d>})", "Date.FromText(<t>, [Format = \"dd.MM.yyyy\", Culture = <k>])",
        'Date.FromText(Date.ToText(<d>, "d MMMM yyyy", "en-US"), [Format = "d MMMM yyyy", Culture = "en-US"])', 'Date.FromText(<t>, [Format = "yyyy-M-d"])', 'Date.FromText(Date.ToText(<d>, "yy-MM-dd"), [Format = "yy-MM-dd"])',
    ],
    "datetime": [
        "(<d> & <i>)", "DateTime.From(<d>)", "Date.AddDays(<m>, <w>)", "Date.AddMonths(<m>, <w>)", "(<m> + <v>)", "(<m> - #duration(0, <w>, 0, 1))", "Date.StartOfMonth(<m>)", "Date.EndOfYear(<m>)", "DateTime.From(<t>, <k>)",
        "(try DateTime.From(<t>) otherwise <m>)", "DateTimeZone.RemoveZone(<z>)", "Date.EndOfDay(<m>)", "Time.StartOfHour(<m>)", "DateTime.From(<n>)", "List.Min({<m>, <m>})", "DateTime.From(<z>)", 'DateTime.FromText(DateTime.ToText(<m>, "yyyy-MM-dd hh:mm tt", "en-US"), [Format = "yyyy-MM-dd hh:mm tt", Culture = "en-US"])',
    ],
    "time": ["Time.From(<m>)", "DateTime.Time(<m>)", "Time.EndOfHour(<i>)", "#time(Time.Hour(<i>), 5, 0)", "(try Time.From(<t>) otherwise <i>)", "(<i> + #duration(0, <w>, 0, 0))", "Time.From(<n>)"],
    "duration": ["(<d> - <d>)", "(<m> - <m>)", "(<v> + <v>)", "(-<v>)", "(<v> * <n>)", "(<v> / 2)", "Duration.From(<n>)", "#duration(<w>, 1, 2, 3)", "(<i> - <i>)", "List.Sum({<v>, <v>})", "(try Duration.From(<t>) otherwise <v>)", "(<z> - <z>)"],
    "zoned": ["DateTimeZone.From(<m>)", "DateTimeZone.SwitchZone(<z>, <w>)", "DateTime.AddZone(<m>, 2, 30)", "DateTimeZone.ToUtc(<z>)", "(<z> + <v>)", "Date.AddMonths(<z>, <w>)", "Date.StartOfMonth(<z>)", "(try DateTimeZone.From(<t>) otherwise <z>)"],
    "logical": [
        "(try Number.From(<t>))[HasError]", "(let a = try Date.From(<t>) in if a[HasError] then null else a[Value] > <d>)",
        "(<n> = null)", "(<t> <> null)", "(<d> = null)", "Text.Contains(<t>, <s>)", "Text.StartsWith(<t>, <s>)", "Text.EndsWith(<t>, <t>)", "Text.Contains(<t>, <s>, Comparer.OrdinalIgnoreCase)",
        "List.Contains({<n>, <n>}, <n>)", "List.Contains({<t>, <t>}, <t>)", "List.Contains({<d>, null}, <d>)", "Value.Is(<n>, type number)", "(<t> is text)", "Value.Equals(<n>, <n>)", "Value.NullableEquals(<t>, <t>)",
        "Number.IsEven(<n>)", "List.Contains({1, null, 3}, <n>)", "Number.IsNaN(<n>)", '(<t> = "")', "Date.IsInPreviousNYears(<d>, 5)", "Date.IsInNextNYears(<m>, <c>)", "Date.IsInCurrentYear(<m>)",
        "Date.IsInPrevious<unit>(<d>)", "Date.IsInNextN<unit>s(<d>, 3)", "Date.IsLeapYear(<d>)", 'List.IsEmpty(List.RemoveMatchingItems({<t>, <n>}, {"", null}))', "Logical.From(<n>)", "Logical.From(<t>)", "(<i> < <i>)",
        "(<v> >= <v>)", "(<z> < <z>)", "(<z> = <z>)", "(<d> in <d>)".replace(" in ", " <= "), "List.AnyTrue({<l>, <l>})", "List.AllTrue({<l>, <l>})", "List.Contains(pList, <n>)", "List.Contains(pTexts, <t>)", "(<n> > pMax)", "(<n> = pFirst)",
        "(<t> = pText)", "(<d> > pDate)", "(pCount > 3 and <l>)", "(<n> = pNull)", "(try <l> otherwise false)", "List.MatchesAny({<n>, <n>}, (x) => x > 1)", "(Record.FieldOrDefault(_, \"k\", 0) = <n>)", "List.Contains(r[k], <n>)",
        "(not List.Contains(r[t], <t>))", "List.ContainsAny(Text.Split(<t>, \"-\"), {<t>})", "(Comparer.OrdinalIgnoreCase(<t>, <t>) = 0)", "(<n> > List.Average(r[k]))", "Table.Contains(r, [k = <n>])", "(Value.Compare(<n>, <n>) = 1)",
    ],
}  # fmt: skip
#: Calls of the functions and values that programs define (`DEFINITIONS`).
CALLS = {
    "number": ["pMax", "pCount", "pFirst", "pSum", "(pMax + <n>)", "fTwo(<n>)", "fTwo(<n>, <n>)", "fOver(2)(<n>)", "fOverTwo(<n>)", "fFact(<n>)", "fSafe(<t>)", "fRow(_)", "(pRecord[k]? + <n>)", "fTwo(<n>, pMax)"],
    "text": ["pText", "fText(<n>)", "fText(<t>, <t>)", "fBand(<n>)", "fParts(<t>)", "(<t> & pText)", "fText(<d>, pText)"],
}  # fmt: skip


class Expressions(Drawing):
    """Draws expressions."""

    def expression(self, kind: str, depth: int) -> str:
        """An expression of a kind over the columns of a row."""
        if depth <= 0 or self.random.random() < 0.25:
            return self.leaf(kind)
        shape = self.random.random()
        if shape < 0.1:
            return f"(if {self.logical(depth - 1)} then {self.expression(kind, depth - 1)} else {self.expression(kind, depth - 1)})"
        if shape < 0.15:
            return f"({self.expression(kind, depth - 1)} ?? {self.expression(kind, depth - 1)})"
        if shape < 0.19:
            return f"(try {self.expression(kind, depth - 1)} otherwise {self.leaf(kind)})"
        if shape < 0.21:
            return f"(let v = {self.expression(kind, depth - 1)} in {self.pick(['v', 'if v = null then v else v'])})"
        if shape < 0.23:
            return f'(if {self.logical(depth - 1)} then error "no" else {self.expression(kind, depth - 1)})'
        if shape < 0.28 and kind in CALLS:
            return self.filled(self.pick(CALLS[kind]), depth - 1)
        if shape < 0.55 and kind in MORE:
            return self.filled(self.pick(MORE[kind]), depth - 1)
        if kind == "logical":
            return self.logical(depth - 1)
        return self.filled(self.pick(TEMPLATES[kind]), depth - 1) if kind in TEMPLATES else self.leaf(kind)

    def filled(self, template: str, depth: int) -> str:
        """A template with its holes drawn."""

        def hole(found: re.Match[str]) -> str:
            word = found[1]
            if word in HOLES:
                return self.expression(HOLES[word], depth)
            if word in COMPOUND:
                return self.filled(self.pick(COMPOUND[word][: None if depth > -1 else 3]), depth - 1)
            if word == "any":
                return self.anything()
            return str(self.pick(CHOICES[word]))

        filled = re.sub(r"<([a-zA-Z]+)>", hole, template)
        return filled.replace("{0}", "{ 0}")  # the first item, not the table before

    def anything(self) -> str:
        """The access to any column, without its brackets."""
        return field(self.pick(list(self.columns) or ["k"]))[1:-1]

    def leaf(self, kind: str) -> str:
        """A column or a constant."""
        kinds = NUMERIC if kind == "number" else ("text", "dirty") if kind == "text" else (kind,)
        name = self.of(*kinds)
        if name is not None and self.random.random() < 0.7:
            return field(name)
        if kind == "whole" and self.random.random() < 0.1:
            return "pMax"
        return str(self.pick(CELLS.get(kind, ["null", "1", '"a"'])))

    def logical(self, depth: int) -> str:
        """A condition."""
        kind = self.pick(
            [
                "number",
                "number",
                "number",
                "text",
                "text",
                "date",
                "datetime",
                "logical",
                "time",
                "duration",
                "zoned",
                "binary",
            ]
        )
        shape = self.random.random()
        if shape < 0.45:
            x, y = self.expression(kind, depth), self.expression(kind, depth)
            return f"({x} {self.pick(CHOICES['o'])} {y})"
        if shape < 0.6 and depth > 0:
            return f"({self.logical(depth - 1)} {self.pick(['and', 'or'])} {self.logical(depth - 1)})"
        if shape < 0.65 and depth > 0:
            return f"(not {self.logical(depth - 1)})"
        templates = self.pick([TEMPLATES["logical"], MORE["logical"]])
        return self.filled(self.pick(templates), depth)
