"""Expressions with list functions for the conformance list of ``test_folding.py``: over columns x and y of given kinds."""

from __future__ import annotations

_PAIRS = ("number", "number"), ("text", "text"), ("date", "date")
_CHOSEN = (
    "List.Transform({[x], [y]}, each _ = null)",
    "List.Select({[x], [y], null}, each _ <> null)",
    "List.RemoveNulls({[x], null, [y]})",
    "List.RemoveItems({[x], [y], [x]}, {[y]})",
    "List.Distinct({[x], [y], [x]})",
    "List.Count(List.Distinct({[x], [y], [x], null}))",
    "List.First(List.RemoveNulls({[x], [y]}))",
    "List.Last(List.RemoveNulls({[x], [y]}))",
    "List.IsDistinct({[x], [y]})",
    "List.Reverse({[x], [y]})",
    "List.PositionOf({[x], [y]}, [y])",
    'List.PositionOf({2, "a", null, #date(2020, 2, 29), true}, [x])',
    'List.PositionOf({2, "a", null, [x], #date(2020, 2, 29), [y], true}, [y], Occurrence.Last)',
    "List.PositionOf({[x], [y]}, [x], Occurrence.Last)",
    "List.PositionOf({[x], [y]}, [x], Occurrence.All)",
    "List.PositionOfAny({[x], [y]}, {[y], null})",
    "List.Sort({[y], [x], [y]})",
    "List.Sort({[y], [x]}, Order.Descending)",
    "List.MaxN({[x], [y]}, 1)",
    "List.MinN({[x], [y], null}, 2)",
    "List.Mode({[x], [y], [y], [x]})",
    "List.Modes({[x], [y], [x], [y]})",
    "List.Difference({[x], [y], [x]}, {[x]})",
    "List.Union({{[x], [x], [y]}, {[y], [x]}})",
    "List.Intersect({{[x], [y], [x]}, {[x], [x]}})",
    "List.ContainsAny({[x], [y]}, {[y], null})",
    "List.ContainsAll({[x], [y]}, {[y], null})",
    "List.MatchesAll({[x], [y]}, each _ <> null)",
    "List.MatchesAny({[x], [y]}, each _ = null)",
    "List.Zip({{[x], [y]}, {[y]}})",
    "List.Combine({{[x]}, {[y], null}})",
    "{[x]} & {[y]}",
    "List.Buffer({[x], [y]})",
    "List.ReplaceMatchingItems({[x], [y]}, {{null, null}})",
    "List.InsertRange({[x]}, 1, {[y]})",
    "List.Percentile({[x], [y], [x]}, 0.7, [PercentileMode = PercentileMode.SqlDisc])",
)
#: Of the pieces of a text.
_PIECES = 'Text.Split([x], "b")'
_OF_PIECES = (
    f"List.FirstN({_PIECES}, 2)",
    f"List.LastN({_PIECES}, 1)",
    f"List.Skip({_PIECES}, 2)",
    f"List.Skip({_PIECES})",
    f"List.RemoveFirstN({_PIECES})",
    f"List.RemoveLastN({_PIECES}, 2)",
    f"List.Range({_PIECES}, 1, 1)",
    f"List.Range({_PIECES}, 1)",
    f'List.FirstN({_PIECES}, each _ <> "")',
    f'List.Skip({_PIECES}, each _ = "a")',
    f"List.RemoveRange({_PIECES}, 0)",
    f"List.Reverse({_PIECES})",
    f"List.Distinct({_PIECES})",
    f"List.Sort({_PIECES})",
    f"List.Sort({_PIECES}, {{each Text.Length(_), Order.Descending}})",
    f"List.Sort({_PIECES}, each Text.Length(_))",
    f"List.Transform({_PIECES}, Text.Length)",
    f'List.Transform({_PIECES}, each List.Count(Text.Split(_, "a")))',
    f'List.Select({_PIECES}, each _ <> "")',
    f'Text.Combine(List.Select({_PIECES}, each _ <> ""), ", ")',
    f'List.RemoveItems({_PIECES}, {{"", "a"}})',
    f'List.RemoveMatchingItems({_PIECES}, {{"c"}})',
    f'List.ReplaceValue({_PIECES}, "", null, Replacer.ReplaceValue)',
    f'List.ReplaceMatchingItems({_PIECES}, {{{{"a", "z"}}, {{"", null}}}})',
    f'List.PositionOf({_PIECES}, "a")',
    f'List.Contains({_PIECES}, "a")',
    f'List.ContainsAny({_PIECES}, {{"a", "c"}})',
    f"List.Positions({_PIECES})",
    f"List.Split({_PIECES}, 2)",
    f'List.Zip({{{_PIECES}, Text.Split([x], "a")}})',
    f'List.Combine({{{_PIECES}, {{"-"}}}})',
    f'List.Combine(List.Transform({_PIECES}, each Text.Split(_, "a")))',
    f'List.Union({{{_PIECES}, Text.Split([x], "a")}})',
    f'List.Intersect({{{_PIECES}, Text.Split([x], "a")}})',
    f'List.Difference({_PIECES}, Text.Split([x], "a"))',
    f"List.Repeat({_PIECES}, 2)",
    f"List.MatchesAll({_PIECES}, each Text.Length(_) < 3)",
    f'List.MatchesAny({_PIECES}, each _ = "a")',
    f"List.Mode({_PIECES})",
    f"List.Modes({_PIECES})",
    f"List.Max({_PIECES})",
    f"List.Min({_PIECES})",
    f"List.Sum(List.Transform({_PIECES}, Text.Length))",
    f"List.Median(List.Transform({_PIECES}, Text.Length))",
    f"List.StandardDeviation(List.Transform({_PIECES}, Text.Length))",
    f"List.Product(List.Transform({_PIECES}, Text.Length))",
    f"List.Average(List.Transform({_PIECES}, Text.Length))",
    f"List.Covariance(List.Transform({_PIECES}, Text.Length), List.Positions({_PIECES}))",
    f"List.IsDistinct({_PIECES})",
    f'List.IsEmpty(List.Select({_PIECES}, each _ = "a"))',
    f"List.Last({_PIECES})",
    f'List.First(List.Select({_PIECES}, each _ = "zz"), "none")',
    f"let p = {_PIECES} in p{{0}} & Text.From(List.Count(p))",
    "Text.ToList([x])",
    "Text.Combine(List.Reverse(Text.ToList([x])))",
    'List.Count(List.Select(Text.ToList([x]), each _ = "a"))',
    'List.Accumulate({{"a", "1"}, {"b", "2"}}, [x], (s, c) => Text.Replace(s, c{0}, c{1}))',
    'List.Accumulate({[o = "a", n = "é"], [o = "X", n = ""]}, [x], (s, c) => Text.Replace(s, c[o], c[n]))',
    'List.AnyTrue(List.Transform({"a", "X"}, (part) => Text.Contains([x], part)))',
)
FORMS = [
    *[(text, x, y) for text in _CHOSEN for x, y in _PAIRS],
    *[(text, "sure", None) for text in _OF_PIECES],
    *[
        (f"List.Percentile({{[x], [y], 1, 2.5}}, {share}, [PercentileMode = PercentileMode.{mode}])", "number", "number")
        for share in ("0", "0.25", "0.5", "0.9", "{0.3, 0.5}")
        for mode in ("ExcelInc", "ExcelExc", "SqlDisc", "SqlCont")
        if mode != "ExcelExc" or share not in ("0", "0.9")
    ],
    *[(f"List.{f}(List.RemoveNulls({{[x], [y]}}))", "number", "number") for f in
      ("Sum", "Average", "Max", "Min", "Median", "Product", "StandardDeviation", "Count", "NonNullCount")],
    *[(f"List.{f}(List.Sort({{[x], [y], 0.1}}))", "number", "number") for f in
      ("Sum", "Average", "Max", "Min", "Median", "Product", "StandardDeviation", "NonNullCount", "First", "Last")],
    ("List.Sum(List.Select({[x], [y]}, each _ > 1))", "number", "number"),
    ("List.Count(List.Select({[x], [y], 3}, each _ > 1))", "number", "number"),
    ("List.Covariance({[x], 1, 2}, {[y], 3, 5})", "number", "number"),
    ("List.Sum(List.Transform({[x], [y], 2}, each _ * 3))", "number", "number"),
    ("List.Accumulate({1, 2, 3}, [x], (s, c) => s * 2 + c)", "number", None),
    ("List.Accumulate({[x], [y]}, 0, (s, c) => if c > s then c else s)", "sure_whole", "sure_whole"),
    ("List.Transform({0..3}, (i) => i * [x])", "number", None),
    ("List.Sort({[x], [y], 0, -0}, each 0 - _)", "number", "number"),
    ("Text.Combine(List.Transform({[x], [y]}, each Text.From(_)), \"|\")", "number", "date"),
    ('Text.Combine(List.RemoveNulls({[x], [y]}), " ")', "text", "text"),
    ('Text.Combine(List.Transform(Record.FieldValues(_), each Text.From(_) ?? "-"), ",")', "whole", "text"),
    ("List.Count(List.RemoveNulls(Record.ToList(_))) + [y]", "text", "sure_whole"),
    *[(f"List.{f}({{[x], [y], true}})", "logical", "logical") for f in ("AnyTrue", "AllTrue", "Distinct", "Sort", "Mode")],
    ("List.AllTrue(List.Sort({[x], [y]}))", "logical", "logical"), ("List.AnyTrue(List.Reverse(List.Sort({[x], [y]})))", "logical", "logical"),
    # made from a rule
    ("List.Numbers([x], 3)", "number", None), ("List.Numbers([x], 3, 0.1)", "number", None), ("List.Numbers(1, [x] * [x])", "sure_whole", None),
    ("List.Numbers([x], 2, [y])", "number", "number"), ("List.Dates([x], 3, #duration(1, 0, 0, 0))", "date", None),
    ("List.Dates([x], 2, #duration(-7, 0, 0, 0))", "date", None), ("List.Dates([x], Number.Mod(Duration.Days([y] - [x]), 40), #duration(1, 0, 0, 0))", "sure_date", "sure_date"),
    ("List.DateTimes([x], 3, #duration(0, 1, 0, 0.5))", "datetime", None), ("List.DateTimes([x], 2, [y])", "datetime", "duration"),
    ("List.Durations([x], 3, [y])", "duration", "duration"), ("{[x]..[y]}", "sure_whole", "sure_whole"), ("{[x]..5}", "number", None),
    ("{[x], 1..[y]}", "whole", "sure_whole"), ("List.Repeat({[x]}, [y])", "number", "whole"), ("List.FirstN({[x], 1, 2}, [y])", "number", "whole"),
    ("List.Range({[x], 1, 2}, [y])", "number", "whole"),
]  # fmt: skip

#: Aggregates of groups with columns n (numbers), k (whole numbers), t (texts), e (whole numbers or errors).
AGGREGATES = (
    "List.Sum(List.Select([n], each _ > 1))", "List.Count(List.Select([n], each _ > 1))", "List.Sum(Table.SelectRows(_, each [t] = \"a\")[n])",
    "Table.RowCount(Table.SelectRows(_, each [n] <> null and [n] > 0))", "List.Sum(List.Transform([n], each _ * 2))",
    'List.Sum(Table.AddColumn(_, "q", each [n] * [k])[q])', 'Text.Combine(List.Transform([t], each _ & "!"), ", ")',
    'Text.Combine(List.Distinct([t]), ",")', "Text.Combine(List.Sort(List.RemoveNulls([t])))", 'Text.Combine(List.Transform(List.Distinct([k]), Text.From), ";")',
    "List.Count(List.Distinct([n]))", "List.Count(List.Distinct(List.Select([k], each _ > 1)))", "List.First(List.RemoveNulls([n]))", "List.Last(List.RemoveNulls([t]))",
    'Table.Max(_, "n")[t]', 'Table.Min(_, "n")[k]', 'Table.Max(_, {"t", "k"})[n]', "Table.First(_)[n]", "Table.Last(_)[t]", "_{0}[t]", 'Table.Max(Table.RemoveColumns(_, "e"), "k")',
    "List.AllTrue(List.Transform([k], each _ > 1))", "List.AnyTrue(List.Transform([n], each _ > 1))", "List.MatchesAny([n], each _ > 2)", "List.MatchesAll([k], each _ < 4)",
    "List.IsEmpty(List.Select([k], each _ = 2))", "List.Contains([k], 2)", "List.Contains([t], null)", "List.ContainsAny([t], {\"a\", \"b\"})", "List.Covariance([k], [k])",
    "List.Covariance(List.RemoveNulls([n]), List.RemoveNulls([n]))", "[a = List.Sum([n]), b = {1, Table.RowCount(_)}]", "List.Sum([n]) / List.Count([n])",
    'if List.Sum([k]) > 3 then "a" else "b"', "List.NonNullCount(List.Select([n], each _ <> 1))", "List.Average(List.Select([n], each _ > 0))", "List.Max(List.Select([t], each _ <> \"b\"))",
    *[f"List.Percentile([{c}], {p}{o})" for c in "nk" for p in ("0.3", "0.5", "{0, 0.9}") for o in ("", ", [PercentileMode = PercentileMode.SqlDisc]", ", [PercentileMode = PercentileMode.SqlCont]")],
    "List.Percentile([n], 0.5, [PercentileMode = PercentileMode.ExcelExc])", "List.Percentile([t], 0.4, [PercentileMode = PercentileMode.SqlDisc])",
    *[f"List.{f}([{c}])" for f in ("Mode", "Modes", "Distinct", "Sort", "Reverse", "RemoveNulls", "IsDistinct", "Positions") for c in "nkt"],
    *[f"List.{f}([{c}], 2)" for f in ("MaxN", "MinN", "FirstN", "LastN", "Skip", "RemoveLastN") for c in "nt"], "List.Sort([n], Order.Descending)", "List.Sort([t], each Text.Length(_ ?? \"\"))",
    'Table.FirstN(Table.Sort(_, {{"n", 1}}), 1)[t]', 'Table.Sort(_, {{"k", 1}}){0}[t]', 'List.First(Table.Sort(_, {"t"})[n])', 'List.Sum(Table.Sort(_, {"t", {"k", 1}})[n])',
    'Text.Combine(Table.Sort(_, {{"n", 1}})[t], ",")', 'List.FirstN(Table.Sort(_, {"k"})[t], 2)', "List.PositionOf([n], 3)", "List.PositionOf([k], null)",
    "let s = Table.SelectRows(_, each [n] > 0) in List.Sum(s[n]) / Table.RowCount(s)", "List.StandardDeviation(List.Distinct([k]))", "List.Average(List.MaxN([n], 2))",
    "List.Product(List.Select([n], each _ <> 0))", "List.Median(List.Select([n], each _ <> null and _ > 0))", "Table.IsEmpty(Table.SelectRows(_, each [n] > 5))",
    "List.Accumulate({1, 2, 3}, List.Sum([n]), (s, c) => s + c)", "List.Last(List.Reverse([n]))", "List.Sum(Table.SelectRows(_, each [e] > 1)[n])", "List.Sum(List.Transform([e], each _ + 1))",
    "Table.SelectRows(_, each [k] = 2){0}[t]", "List.Sum(List.Combine({[n], [k]}))", "List.Union({[k], {2, 2}})", "List.Intersect({[t], {\"a\", \"b\"}})", "List.Difference([k], {1, 2})",
    "[n] & [n]", "Table.First(_[[t], [k]])", "_[[t], [n]]{0}", 'Table.Min(Table.RemoveColumns(_, {"e", "t"}), "n")', "List.Zip({[k], [n]})", "Table.RowCount(Table.Distinct(_))", "List.Transform([k], (x) => x = 2)", "List.Sum(List.FirstN([n], 2))", "List.First([k], 7)",
    "Table.Max(_, each [k])[t]", "Table.Min(_, each [n] * -1)[t]", "Table.Sort(_, (a, b) => Value.Compare(a[k], b[k]))[t]{0}", "Table.Sort(_, {{each [k], 1}, \"t\"}){0}[n]",
    'Text.Combine(Table.Sort(_, each Text.Length([t] ?? ""))[t], ",")', "List.First(Table.Sort(_, (r) => r[t])[k])",
    "List.ReplaceValue([k], null, 0, Replacer.ReplaceValue)", "Table.ReverseRows(_)[t]", "List.First(Table.ReverseRows(Table.Sort(_, {\"k\"}))[t])",
)  # fmt: skip
#: Of the table of each row, made by a nested join.
NESTED = (
    "List.Sum(List.Select([nest][n], each _ > 1))", "Table.RowCount(Table.SelectRows([nest], each [n] > 1))", 'Text.Combine([nest][t], ";")', "List.Percentile([nest][n], 0.4)",
    "List.Mode([nest][k])", "List.Distinct([nest][t])", "List.Count(List.Distinct([nest][t]))", "Table.IsEmpty([nest])", "List.IsEmpty([nest][n])", "[nest][t]",
    "List.AnyTrue(List.Transform([nest][k], each _ > 2))", 'Table.Max(Table.RemoveColumns([nest], {"e"}), "t")', "List.First(List.Sort([nest][t]))", "[nest]{0}[t]",
    'Table.Max([nest], "n")[t]', 'Table.Min([nest], "n")[t]', "Table.First([nest])[k]", "Table.Last([nest])[k]", "List.Sum(Table.Sort([nest], {\"t\"})[n])", "List.Product([nest][n])",
    "if Table.IsEmpty([nest]) then null else [nest]{0}[t]", "((r) => Table.RowCount(Table.SelectRows(r[nest], (q) => q[n] > r[n])))(_)", "List.StandardDeviation([nest][n])",
)  # fmt: skip
#: Of a whole column of a table {0}.
VALUES = (
    *[f"List.Percentile(T[n], {p}{o})" for p in ("0.3", "{0, 0.5}") for o in ("", ", [PercentileMode = PercentileMode.SqlDisc]")], "List.Mode(T[k])", "List.Modes(T[t])",
    "List.AllTrue(List.Transform(T[k], each _ > 0))", "List.AnyTrue(List.Transform(T[n], each _ = 2))", "List.PositionOf(T[k], 3)", 'List.PositionOf(T[t], "a", Occurrence.All)',
    "List.PositionOf(T[k], null, Occurrence.Last)", "List.MatchesAll(T[n], each _ <> null)", "List.MatchesAny(T[e], each _ > 3)", "List.IsDistinct(T[k])", "List.IsDistinct(T[n])",
    *[f"List.{f}(T[{c}], 2)" for f in ("FirstN", "LastN", "Skip", "RemoveLastN", "MaxN", "MinN") for c in "ne"], "List.Sort(T[t])", "List.Sort(T[e], 1)", "List.FirstN(List.Sort(T[n], 1), 3)",
    "List.First(List.RemoveNulls(T[e]))", "List.FirstN(List.RemoveNulls(T[e]), 2)", "List.Select(T[e], each _ > 2)", "List.FirstN(List.Select(T[e], each _ > 2), 1)",
    "List.Sum(List.Select(T[n], each _ > 1))", "List.Sum(List.RemoveNulls(T[n]))", "List.Count(List.Select(T[k], each _ > 1))", "List.Sum(List.Transform(T[k], each _ * 2))",
    "List.Transform(T[e], each _ + 1)", "List.Transform(T[t], Text.Upper)", "List.FirstN(List.Transform(T[e], each _ * 2), 1)", "List.Max(List.Skip(T[n], 2))", "List.Reverse(T[t])", "List.Reverse(T[t]){0}",
    "List.Count(List.RemoveNulls(T[e]))", "List.Median(List.Skip(T[n]))", "List.First(List.Sort(T[t]))", "List.Average(List.LastN(T[k], 2))", "List.Contains(List.Transform(T[k], each _ + 1), 4)",
    "List.Distinct(List.Sort(T[k]))", "List.Last(List.Sort(List.Select(T[n], each _ <> null)))", "List.Transform(List.Select(T[k], each _ <> 2), each if _ = null then 0 else _)",
    "List.StandardDeviation(List.Select(T[k], each _ <> 2))", "let s = List.Sort(T[k]) in {s{0}?, s{1}?, List.Count(s)}", "List.Select(T[n], each if _ = null then null else _ > 1)",
)  # fmt: skip
#: Tables of groups that are a part of the group.
TABLES = (
    'Table.FirstN(Table.Sort(_, {{"n", 1}}), 2)', 'Table.MaxN(_, "n", 1)', "Table.FirstN(_, 1)", "Table.SelectRows(_, each [n] > 1)", 'Table.Skip(Table.Sort(_, {"t"}), 1)',
    'Table.Sort(_, {{"k", 1}, "t"})', "Table.FirstN(Table.SelectRows(_, each [n] <> null), 1)", 'Table.MinN(_, {"n"}, 2)', "Table.FirstN(_, 0)",
    'Table.AddIndexColumn(_, "i", 1, 1)', 'Table.AddIndexColumn(Table.Sort(_, {{"n", 1}}), "i")', 'Table.FirstN(Table.AddIndexColumn(_, "i", 5, -2), 2)', "Table.LastN(_, 1)",
    'Table.LastN(Table.Sort(_, {"t"}), 2)', 'Table.RemoveLastN(Table.Sort(_, {{"n", 1}}), 1)', 'Table.AddColumn(_, "s", each [n] + [k])', 'Table.SelectColumns(_, {"t", "n", "k"})',
    'Table.RemoveColumns(Table.Sort(_, {{"e", 1}}), {"e"})', 'Table.FillDown(_, {"n"})', 'Table.FillUp(Table.Sort(_, "t"), {"n", "t"})', "Table.Sort(_, each [n] * -1)",
    'Table.Sort(_, (a, b) => Value.Compare(a[t], b[t]))', 'Table.FirstN(Table.Sort(_, {{each Text.Length([t] ?? ""), 1}}), 1)',
    'Table.FirstN(Table.Skip(Table.Sort(_, {{"n", 1}}), 1), 1)', 'Table.Sort(Table.FirstN(_, 2), {{"t", 1}})', 'Table.Skip(Table.SelectRows(Table.Sort(_, "t"), each [e] <> 2), 1)',
)  # fmt: skip
_EXPANDED = (
    "{[k]..[k] + 2}", "List.Numbers([k], 2)", 'List.Transform(Text.Split([t] ?? "", "b"), Text.Length)', "List.RemoveNulls({[n], [k]})", "List.Sort({[n], [k], 1})",
    "List.Dates(#date(2020, 1, 30), [k] ?? 0, #duration(1, 0, 0, 0))",
)  # fmt: skip


def _over(text: str) -> str:
    """The text of an expression for `str.format`."""
    return text.replace("{", "{{").replace("}", "}}")


#: Whole steps over a table {0} (and another one, {1}).
ENDS = [
    *['Table.Group({0}, {{"k"}}, {{{{"v", each ' + _over(text) + '}}}})' for text in AGGREGATES],
    *['Table.RemoveColumns(Table.AddColumn(Table.NestedJoin({0}, "k", {1}, "k", "nest"), "v", each ' + _over(text) + '), "nest")' for text in NESTED],
    *['Table.ExpandTableColumn(Table.Group({0}, {{"k"}}, {{{{"v", each ' + _over(text) + '}}, {{"c", each Table.RowCount(_)}}}}), "v", {{"n", "t"}})' for text in TABLES],
    *['Table.RemoveColumns(Table.AddColumn(Table.Group({0}, {{"t"}}, {{{{"v", each ' + _over(text) + '}}}}), "w", each Text.Combine(List.Transform([v][k], Text.From), ",")), "v")' for text in TABLES],
    *['Table.Group({0}, {{"t"}}, {{{{"v", each ' + text + '}}}})' for text in ("Table.First(_)", 'Table.Max(_, "n")')],
    *["let T = {0} in " + _over(text) for text in VALUES],
    *['Table.ExpandListColumn(Table.AddColumn({0}, "v", each ' + _over(text) + '), "v")' for text in _EXPANDED],
]  # fmt: skip
