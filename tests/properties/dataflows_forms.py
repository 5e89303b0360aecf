"""More templates of expressions: lists, records, tries and moments with a zone made in a row, and what is asked of them.

The holes are those of `dataflows_expressions.py`; besides ``<L>`` is a list of numbers, ``<T>`` one of texts, ``<R>`` a
record with the fields a (a number), b (a text) and c (a date).
"""

from __future__ import annotations

#: Lists of numbers, of texts, and records.
COMPOUND = {
    "L": [
        "{<n>, <n>}", "{<n>, <n>, <n>}", "{<n>, null, <n>}", "{}", "{1, <n>, 3}", "List.Sort({<n>, <n>, <n>})", "List.Sort({<n>, <n>}, Order.Descending)", "List.Reverse({<n>, <n>, 2})",
        "List.Distinct({<n>, <n>, <n>})", "List.RemoveNulls({<n>, <n>})", "List.Transform({<n>, <n>}, each _ * 2)", "List.Select({<n>, <n>, 2}, each _ > 1)", "List.FirstN({<n>, <n>, <n>}, <c>)",
        "List.LastN({<n>, <n>, <n>}, 2)", "List.Skip({<n>, <n>, <n>}, 1)", "List.Range({<n>, <n>, <n>}, 1, 1)", "List.Combine({{<n>}, {<n>, <n>}})", "({<n>} & {<n>})", "List.RemoveItems({<n>, <n>, 2}, {2, null})",
        "List.Union({{<n>, 2}, {2, <n>}})", "List.Intersect({{<n>, 2, 2}, {2, <n>}})", "List.Difference({<n>, 2, 2}, {2})", "List.Numbers(<n>, 3)", "List.Numbers(1, <c>, 2)", "{1..3}", "{1..<c>}",
        "List.InsertRange({<n>, <n>}, 1, {0})", "List.RemoveRange({<n>, <n>, <n>}, 1)", "List.Repeat({<n>}, 2)", "List.ReplaceValue({<n>, 2, 2}, 2, 9, Replacer.ReplaceValue)", "List.MaxN({<n>, <n>, <n>}, 2)",
        "List.MinN({<n>, <n>, <n>}, 2)", "List.Positions({<n>, <n>})", "List.ReplaceMatchingItems({<n>, 2}, {{2, 5}, {null, 0}})", "List.Modes({<n>, <n>, 2})", "List.RemoveFirstN({<n>, <n>}, 1)", "List.RemoveLastN({<n>, <n>}, 1)",
        "List.Transform(<T>, each Text.Length(_))", "List.Transform(Text.Split(<t>, <s>), each try Number.From(_) otherwise null)", "List.Select(<L>, each _ <> null)", "List.Transform(<L>, (x) => if x = null then 0 else x + <n>)",
        "List.Alternate({<n>, <n>, <n>}, 1, 1)", "List.Zip({{<n>, <n>}, {1, 2}}){0}", "List.Sort(<L>, each -_)", "(if <l> then {<n>} else {})", "List.Generate(() => 1, each _ < 4, each _ + 1)", "List.Buffer({<n>})",
    ],
    "T": [
        "{<t>, <t>}", "Text.Split(<t>, <s>)", 'Text.Split(<t>, "-")', "Text.ToList(<t>)", 'Text.SplitAny(<t>, "-,")', "List.Sort({<t>, <t>, <t>})", "List.Distinct({<t>, <t>})", "List.Transform(Text.Split(<t>, <s>), Text.Trim)", "List.RemoveNulls({<t>, <t>})",
        "List.Select(Text.Split(<t>, <s>), each _ <> \"\")", "List.Reverse(Text.ToList(<t>))", "List.Transform(<L>, Text.From)", "List.RemoveMatchingItems({<t>, <t>}, {\"a\"}, Comparer.OrdinalIgnoreCase)", "Record.FieldNames(<R>)", "{}", "List.Sort(<T>, Order.Descending)",
        "{\"a\"..\"c\"}", "List.Combine({Text.Split(<t>, \"-\"), {<t>}})",
    ],
    "R": [
        "[a = <n>, b = <t>, c = <d>]", "[a = <n>, b = <t>, c = <d>]", "([a = <n>, b = <t>] & [c = <d>])", "Record.AddField([a = <n>, b = <t>], \"c\", <d>)", "Record.Combine({[a = <n>], [b = <t>, c = <d>]})", "Record.RemoveFields([x = 1, a = <n>, b = <t>, c = <d>], \"x\")",
        "Record.RenameFields([x = <n>, b = <t>, c = <d>], {\"x\", \"a\"})", "Record.SelectFields([x = 1, a = <n>, b = <t>, c = <d>], {\"a\", \"b\", \"c\"})", "Record.TransformFields([a = <n>, b = <t>, c = <d>], {\"a\", each _ + 1})", "Record.ReorderFields([c = <d>, a = <n>, b = <t>], {\"a\"})",
        "Record.FromList({<n>, <t>, <d>}, {\"a\", \"b\", \"c\"})", "([a = null, b = null, c = null] & [a = <n>, b = <t>])", "[a = <n>, b = Text.From(a), c = if a = 2 then null else <d>]", "(if <l> then [a = <n>, b = <t>, c = null] else [a = null, b = \"\", c = <d>])",
    ],
}  # fmt: skip
MORE = {
    "number": [
        "List.Count(<L>)", "List.Sum(<L>)", "List.Max(<L>)", "List.Min(<L>)", "List.Average(<L>)", "List.Median(<L>)", "List.First(<L>)", "List.Last(<L>)", "List.First(<L>, -1)", "<L>{0}?", "<L>{1}?", "<L>{0}", "List.PositionOf(<L>, <n>)",
        "List.PositionOf(<T>, <t>)", "List.NonNullCount(<L>)", "List.Product(<L>)", "List.Mode(<L>)", "List.StandardDeviation(<L>)", "List.Accumulate(<L>, 0, (s, x) => s + (x ?? 0))", "List.Count(<T>)", "List.Count(List.Select(<T>, each Text.Length(_) > 1))", "List.Percentile(<L>, 0.5)",
        "List.Sum(List.Transform(<L>, each _ * 2))", "List.PositionOfAny(<L>, {2, 3})", "List.Single({<n>})", "List.SingleOrDefault(<L>, 0)", "<R>[a]", "<R>[a]?", "<R>[zz]?", "Record.Field(<R>, \"a\")", "Record.FieldOrDefault(<R>, \"zz\", <n>)", "Record.FieldCount(<R>)", "List.Max(Record.FieldValues([x = <n>, y = <n>]))",
        "List.Sum(Record.ToList([x = <n>, y = <n>]))", "(let r = <R> in r[a] + Text.Length(r[b]))", "(try <n> + <n> catch (e) => -1)", "(try <n> / <n>)[Value]?", "(try Number.From(<t>))[HasError] as any", "(if (try Number.From(<t>))[HasError] then 0 else 1)", "Number.BitwiseXor(<n>, 5)", "Number.BitwiseOr(<n>, 1)",
        "Number.BitwiseShiftLeft(<n>, 1)", "Number.BitwiseNot(<n>)", "Number.Atan2(<n>, <n>)", "Number.Combinations(5, <n>)", "Number.Tan(<n>)", "Value.Subtract(<n>, <n>)", "Value.Divide(<n>, <n>)", "Value.Multiply(<n>, <n>)", "Function.Invoke(Number.Abs, {<n>})", "Duration.Hours(<v>)", "Duration.TotalMinutes(<v>)",
        "DateTimeZone.ZoneMinutes(<z>)", "Record.Field(DateTimeZone.ToRecord(<z>), \"Year\")", "Number.From(<z>)", "Date.Day(<z>)", "Time.Second(<z>)", "Date.WeekOfYear(<z>)", "Int8.From(<n>)", "Number.Permutations(4, <n>)", "(<n> meta [x = 1])", "(<n> as number)", "(<n> as nullable number)",
        "{<n>, <n>}{Number.Mod(Number.From(<l>), 2)}", "(if <n> is null then 0 else <n>)", "((x, optional y) => x * (y ?? 2))(<n>)", "(let g = (x) => if x = null then 0 else x in g(<n>) + g(<n>))", "Table.RowCount(Table.SelectRows(r, (o) => o[k] = <n>))", "(r{[k = <n>]}?[k]? ?? 0)", "r{0}?[k]?",
        "List.Sum(Table.SelectRows(r, (o) => o[k] = <n>)[k])", "List.First(Table.SelectRows(r, (o) => o[k] > <n>)[k], 0)", "Text.PositionOf(<t>, <t>)", "Comparer.Ordinal(<t>, <t>)", "Value.Compare(<d>, <d>)", "Number.From(Comparer.OrdinalIgnoreCase(<t>, <t>))",
    ],
    "text": [
        "Text.Combine(<T>, <s>)", "Text.Combine(<T>)", "<T>{0}?", "<T>{1}?", "List.First(<T>)", "List.Last(<T>, \"z\")", "List.Max(<T>)", "List.Min(<T>)", "<R>[b]", "<R>[b]?", "Text.Combine(List.Transform(<L>, each Text.From(_)), \",\")", "Record.FieldNames(<R>){1}", "Text.From(<L>{0}?)", "Text.From(<R>[c])",
        "(try Text.From(<n> + 1) otherwise \"e\")", "(try error \"x\" otherwise <t>)", "(try Number.ToText(Number.From(<t>)) catch (e) => e[Message])", "(try Number.From(<t>))[Error]?[Message]?", "(try <t> & <t>)[Value]", "List.Accumulate(<T>, \"\", (s, x) => s & (x ?? \"\"))", "DateTimeZone.ToText(<z>)",
        'DateTimeZone.ToText(<z>, "yyyy-MM-dd HH:mm zzz")', "Text.From(<z>, <k>)", 'DateTime.ToText(<m>, "dd/MM/yyyy HH:mm:ss", <k>)', 'DateTime.ToText(<m>, [Format = "o"])', "Date.DayOfWeekName(<z>)", 'Number.ToText(<n>, "X")', 'Number.ToText(<n>, "C", <k>)', 'Number.ToText(<n>, "E2")', 'Number.ToText(<n>, "000.0;-0;z")', 'Number.ToText(<n>, "G4", <k>)',
        "Character.FromNumber(Number.Mod(Number.Abs(<n>), 50) + 65)", "Text.Combine(List.FirstN(Text.ToList(<t>), 2))", 'Text.Combine(List.Sort(Text.ToList(<t>)), "")', "(<t> as text)", "(<t> as nullable text)", "Text.Upper(Text.Start(<t>, 1)) & Text.Lower(Text.Range(<t>, 1))", "Text.Trim(Text.Lower(<t>)) & fText(<n>)",
        "Text.From(<n>) & Text.From(<d>) & Text.From(<l>)", 'Text.Format("#[a] #[b]", <R>)', "Record.FieldOrDefault(<R>, \"b\", \"none\")", "(if Text.Length(<t>) > 2 then Text.Start(<t>, 2) else <t>)", "Value.As(<t>, type text)", "List.Single({<t>})", 'Text.PadStart(Text.From(<n>), 6, "0")', "r{[k = <n>]}?[k]?",
        "Text.Replace(Text.Replace(<t>, \"a\", \"b\"), \"b\", \"a\")", "(if <t> = \"a\" then \"x\" else if <t> = \"b\" then \"y\" else <t>)", "Text.Middle(<t>, Text.PositionOf(<t>, \"-\") + 1)", "Text.AfterDelimiter(<t>, <s>, <c>)", "Text.BetweenDelimiters(<t>, \"-\", <s>, <c>)", "Text.Select(<t>, {\"0\"..\"9\"})",
    ],
    "logical": [
        "List.Contains(<L>, <n>)", "List.Contains(<T>, <t>)", "List.IsEmpty(<L>)", "List.ContainsAny(<L>, {1, 2})", "List.ContainsAll(<L>, {2})", "List.IsDistinct(<L>)", "List.MatchesAll(<L>, each _ <> null)", "List.MatchesAny(<T>, each _ = <t>)", "(<L> = <L>)", "(<R> = <R>)", "Record.HasFields(<R>, \"a\")", "Record.HasFields(<R>, {\"a\", \"zz\"})",
        "(try <n> > <n>)[HasError]", "(not (try Date.From(<t>))[HasError])", "(try <l> otherwise true)", "(<R>[a] = <n>)", "List.AllTrue(List.Transform(<L>, each _ > 0))", "List.AnyTrue({<l>, false})", "Comparer.Equals(Comparer.OrdinalIgnoreCase, <t>, <t>)", "Number.IsOdd(<n>)", "Date.IsInYearToDate(<d>)", "DateTime.IsInPreviousNHours(<m>, 5)", "Logical.FromText(<t>)",
        "(<z> = <z>)", "(<z> <> null)", "Date.IsInCurrentYear(<z>)", "List.Contains({<z>, null}, <z>)", "(<t> > <t>)", "Text.Contains(<t>, <t>, Comparer.OrdinalIgnoreCase)", "Text.StartsWith(<t>, <s>, Comparer.OrdinalIgnoreCase)", "(<n> is number and <n> > 1)", "(<n> <> null and <n> > 1)", "Value.Is(<t>, Text.Type)", "List.Contains({\"a\", \"B\"}, <t>, Comparer.OrdinalIgnoreCase)",
        "Table.IsEmpty(Table.SelectRows(r, (o) => o[k] = <n>))", "Table.MatchesAnyRows(r, (o) => o[k] = <n>)", "(List.Max(<L>) > 2)", "((try <n>)[HasError] = false)", "(<l> = <l>)", "(<l> and <l> and <l>)", "(<l> or <l> or <n> = 2)",
    ],
    "date": ["<R>[c]", "List.Max({<d>, <d>, <d>})", "List.First({<d>, <d>})", "List.Dates(<d>, 2, #duration(1, 0, 0, 0)){1}?", "(try #date(Date.Year(<d>), 2, 29) otherwise <d>)", "Date.From(<z>)", "(if <d> = null then #date(2020, 1, 1) else <d>)", "DateTime.Date(<z>)", "Date.From(<t>, \"en-GB\")"],
    "datetime": ["DateTimeZone.RemoveZone(<z>)", "DateTime.FromText(<t>)", "(<m> + #duration(<w>, 0, 0, 0))", "Date.StartOfDay(<m>)", "#datetime(Date.Year(<d>), 1, 1, 0, 0, <c>)", "(if <l> then <m> else null)", "List.Max({<m>, <m>})", "DateTime.From(<z>)"],
    "zoned": ["DateTimeZone.SwitchZone(<z>, 5, 30)", "DateTimeZone.From(<d>)", "Date.StartOfDay(<z>)", "(<z> - #duration(0, 5, 0, 0))", "#datetimezone(2020, 1, 1, 0, 0, 0, <c>, 0)", "List.Max({<z>, <z>})", "(if <l> then <z> else null)", "Date.EndOfMonth(<z>)", "DateTimeZone.From(<t>)", "Date.AddDays(<z>, <w>)", "(<z> ?? <z>)"],
    "duration": ["#duration(<c>, 0, <n>, 0)", "Duration.From(<t>)", "List.Max({<v>, <v>})", "(<z> - <z>)", "(<v> - <v>)", "(<v> * 2)", "(if <l> then <v> else null)"],
    "time": ["Time.From(<z>)", "Time.StartOfHour(<i>)", "Time.From(<t>)", "#time(<c>, 0, 0)", "List.Min({<i>, <i>})", "(if <l> then <i> else #time(0,0,0))"],
}  # fmt: skip
