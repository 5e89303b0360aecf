"""Random small tables through random steps: folded equals interpreted, rows, order and errors."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import mlang
from folding import reference
from mlang.compile.entry import run
from mlang.values.show import to_m
from tests.list_forms import ENDS as LISTS

NUMBERS = ["null", "0", "-0", "1", "2", "2", "3", "-1.5", "0.1", "0.2", "1e300", "#nan", "#infinity", "7"]
WHOLE = ["null", "0", "1", "2", "3", "4"]
TEXTS = ["null", '""', '"a"', '"A"', '"b"', '"é"', '"a b"', '"10"', '"😀"', '"\ue000"']
#: Texts on which SQL and M part: letters mapped otherwise, numbers that only M reads, quotes, delimiters.
ODD = [
    *TEXTS,
    '"straße"',
    '"1,000"',
    '"(5)"',
    '"1e2"',
    '" 7"',
    '"x,y"',
    '"a,""b,c"""',
    '"😀,é"',
    '"2020-01-02"',
]
CELLS = {"n": NUMBERS, "k": WHOLE, "t": TEXTS, "e": [*WHOLE, 'error "bad"']}
CLEAN = [c for c in NUMBERS if c != "#nan"]

STEPS = [
    "Table.SelectRows({0}, each [n] > 1)", "Table.SelectRows({0}, each [n] <> [k])", "Table.SelectRows({0}, each [k] = null or [t] = \"a\")",
    "Table.SelectRows({0}, each not ([n] <= 2))", "Table.SelectRows({0}, each [t] < \"b\")", "Table.SelectRows({0}, each [e] = 1)",
    "Table.SelectRows({0}, each if [k] > 1 then true else [n] = 0)", "Table.SelectRows({0}, each List.Contains({{1, null, 3}}, [k]))",
    'Table.Sort({0}, {{"k"}})', 'Table.Sort({0}, {{{{"t", Order.Descending}}, "n"}})', 'Table.Sort({0}, {{{{"k", 1}}, {{"t", 0}}}})',
    "Table.Sort({0}, {{each [k] * -1, 0}})", "Table.FirstN({0}, 3)", "Table.Skip({0}, 2)", "Table.LastN({0}, 4)", "Table.RemoveLastN({0}, 2)",
    "Table.FirstN({0}, each [k] <> 3)", "Table.FirstN({0}, each [n] < 3)", "Table.Skip({0}, each [k] <> 2)",
    "Table.Skip({0}, each [t] <> \"b\" and [k] <> 4)", "Table.ReverseRows({0})",
    'Table.Distinct({0}, "k")', 'Table.Distinct({0}, {{"t", "k"}})', 'Table.Distinct({0}, "n")', "Table.Distinct({0})",
    'Table.TransformColumns({0}, {{{{"n", each _ * 2}}, {{"t", Text.Upper}}}})', 'Table.TransformColumns({0}, {{{{"t", Text.Length}}}})',
    'Table.ReplaceValue({0}, null, 0, Replacer.ReplaceValue, {{"n", "k"}})', 'Table.ReplaceValue({0}, "a", "z", Replacer.ReplaceText, {{"t"}})',
    'Table.FillDown({0}, {{"k", "t"}})', 'Table.FillUp({0}, {{"n"}})', "{0} & {0}", "Table.Combine({{{0}, Table.FirstN({0}, 1)}})",
    'Table.RemoveRowsWithErrors({0})', 'Table.ReplaceErrorValues({0}, {{{{"e", 9}}}})', 'Table.SelectColumns({0}, {{"t", "n", "k", "e"}})',
    'Table.RenameColumns(Table.RenameColumns({0}, {{{{"n", "x"}}}}), {{{{"x", "n"}}}})', "Table.Buffer({0})",
    # odd cells: computed by the interpreter, the rest by the engine
    'Table.AddColumn({0}, "n", each 1)', 'Table.TransformColumnTypes({0}, {{{{"t", type number}}}})',
    'Table.TransformColumnTypes({0}, {{{{"t", Int64.Type}}}}, "en-US")', 'Table.TransformColumns({0}, {{{{"t", Text.Lower}}}})',
    'Table.TransformColumns({0}, {{{{"k", each if _ > 1 then _ else 0}}}})', 'Table.TransformColumns({0}, {{{{"t", each Text.Start(_, 1)}}}})',
    "Table.SelectRows({0}, each Text.Middle([t], 1) <> \"\")", "Table.SelectRows({0}, each (try [e] otherwise 7) > 1)",
    'Table.RemoveRowsWithErrors({0}, {{"t"}})', 'Table.SelectRowsWithErrors({0}, {{"t", "e"}})', 'Table.ReplaceErrorValues({0}, {{{{"t", null}}}})',
    # steps that came later
    "Table.AlternateRows({0}, 1, 2, 1)", "Table.AlternateRows({0}, 0, 1, 3)", "Table.RemoveFirstN({0}, 1)", "Table.Range({0}, 1, 4)",
    'Table.MaxN({0}, "k", 3)', 'Table.MinN({0}, {{"t", "k"}}, 2)', "Table.Repeat({0}, 2)", 'Table.ReorderColumns({0}, {{"t", "n"}})',
    'Table.TransformColumnNames(Table.TransformColumnNames({0}, Text.Upper), Text.Lower)',
    'Value.ReplaceType({0}, type table [n = any, k = any, t = any, e = any])',
    # rows by their places
    "Table.RemoveRows({0}, 1, 2)", 'Table.InsertRows({0}, 1, {{[n = 4, k = 1, t = "q", e = 2], [n = null, k = null, t = null, e = null]}})',
    'Table.ReplaceRows({0}, 2, 2, {{[n = 4.5, k = 1, t = "é", e = 2]}})', 'Table.ClearDown({0}, {{"k"}})', 'Table.ClearDown({0}, {{"t", "k"}})',
    'Table.ClearDown({0}, {{"e"}})',
    "Table.LastN({0}, each [k] > 1)", "Table.RemoveLastN({0}, each [n] <> 2)",
    # values of the row replaced
    'Table.ReplaceValue({0}, each [k], each [e], Replacer.ReplaceValue, {{"n", "k"}})', 'Table.ReplaceValue({0}, "a", each [t] ?? "-", Replacer.ReplaceText, {{"t"}})',
    'Table.ReplaceValue({0}, 2, null, (c, o, n) => if c = o then n else c, {{"k"}})',
    # rows that equal some
    'Table.RemoveMatchingRows({0}, {{[k = 2], [k = null]}}, "k")', 'Table.RemoveMatchingRows({0}, {{[t = "A", k = 1]}}, {{"k", {{"t", Comparer.OrdinalIgnoreCase}}}})',
    'Table.ReplaceMatchingRows({0}, {{{{[k = 2], [n = 8, k = 7, t = "w", e = 1]}}, {{[k = 3], [n = null, k = null, t = null, e = null]}}}}, "k")',
    'Table.RemoveMatchingRows({0}, {{{0}{{1}}?}})', 'Table.FindText({0}, "a")', 'Table.ExpandTableColumn(Table.AddJoinColumn({0}, "k", {0}, "k", "j"), "j", {{}})',
    # by comparers
    'Table.Distinct({0}, {{"t", Comparer.OrdinalIgnoreCase}})', 'Table.Distinct({0}, {{{{"t", Comparer.FromCulture("de-DE", true)}}, "k"}})',
    'Table.Sort({0}, (a, b) => Value.Compare(b[k], a[k]))', 'Table.Sort({0}, {{{{(a, b) => Comparer.OrdinalIgnoreCase(a[t], b[t]), 1}}, "n"}})',
    'Table.Sort({0}, (a, b) => if a[k] <> b[k] then Value.Compare(a[k], b[k]) else Value.Compare(b[n], a[n]))',
]  # fmt: skip
ENDS = [
    'Table.AddRankColumn({0}, "r", "k")', 'Table.AddRankColumn({0}, "r", {{{{"t", 1}}, "k"}}, [RankKind = RankKind.Dense])',
    'Table.AddRankColumn({0}, "r", {{"k"}}, [RankKind = RankKind.Ordinal])',
    *[f'Table.PositionOf({{0}}, [k = 2], {which}, "k")' for which in ("null", "Occurrence.Last", "Occurrence.All")],
    'Table.PositionOfAny({0}, {{[t = "A"], [t = null]}}, Occurrence.All, {{"t", Comparer.OrdinalIgnoreCase}})', 'Table.Contains({0}, [k = 2], each [k])',
    'Table.ContainsAny({0}, {{[t = "B"], [t = "É"]}}, {{"t", Comparer.OrdinalIgnoreCase}})', 'Table.MatchesAllRows({0}, each [k] < 4)',
    'Table.MatchesAnyRows({0}, each [e] = 3)', 'Table.IsDistinct({0}, "k")', 'Table.IsDistinct({0})', 'Table.IsDistinct({0}, {{"t", Comparer.OrdinalIgnoreCase}})',
    'List.Contains({0}[t], "A", Comparer.OrdinalIgnoreCase)', 'List.Distinct({0}[t], Comparer.OrdinalIgnoreCase)',
    'Table.First({0})', 'Table.FirstValue({0})', 'Table.Last({0})', 'Table.SingleRow(Table.FirstN({0}, 1))', 'Table.Max({0}, "n")', 'Table.Min({0}, {{"k", "t"}})',
    'Table.SplitAt({0}, 2)', "Table.Split({0}, 2)", "Table.ApproximateRowCount({0})", 'Table.ToColumns({0})', 'Table.Column({0}, "k")', 'Table.ToList({0}[[t]])', 'Table.ToRecords({0})', 'Table.ToRows({0})', 'Table.TransformRows({0}, each [k])',
    'Table.Schema({0})', 'Table.ColumnNames({0})',
    'Table.DemoteHeaders({0}[[t]])', 'Table.CombineColumns({0}, {{"n", "k"}}, List.Sum, "z")', 'Table.ExpandRecordColumn(Table.CombineColumnsToRecord({0}, "r", {{"k", "t"}}), "r", {{"t"}})',
    'Table.CombineColumnsToRecord({0}, "r", {{"k", "t"}})', 'Table.Pivot(Table.Distinct({0}[[k], [t], [n]], {{"k", "t"}}), {{"a", "b"}}, "t", "n")',
    'Table.CombineColumns(Table.DuplicateColumn({0}, "t", "u"), {{"t", "u"}}, Combiner.CombineTextByEachDelimiter({{","}}, QuoteStyle.Csv), "z")',
    *[
        f'Table.SplitColumn({{0}}, "t", Splitter.{way}, {{{{"a", "b"}}}}, "-", {extra})'
        for way in ("SplitTextByWhitespace()", 'SplitTextByAnyDelimiter({{"a", ",b"}})', "SplitTextByRepeatedLengths(2)",
                    'SplitTextByCharacterTransition({{"a".."z"}}, (c) => not List.Contains({{"a".."z"}}, c))', 'SplitTextByEachDelimiter({{",", "b"}})')
        for extra in ("ExtraValues.Ignore", "ExtraValues.Error")
    ],
    'Table.Group({0}, "t", {{{{"c", each Table.RowCount(_)}}, {{"s", each List.Sum([k])}}}}, GroupKind.Global, Comparer.OrdinalIgnoreCase)',
    'Table.Group({0}, {{"t", "k"}}, {{{{"l", each List.Last([n])}}}}, GroupKind.Local, Comparer.OrdinalIgnoreCase)',
    'Table.ExpandTableColumn(Table.Group({0}, {{"t"}}, {{{{"all", each _}}}}, GroupKind.Global, Comparer.OrdinalIgnoreCase), "all", {{"n", "k"}})',
    'Table.Pivot(Table.Distinct({0}[[t], [n]], "t"), {{"a", "b"}}, "t", "n")', 'Table.Pivot({0}[[t], [k]], {{"b", "é"}}, "t", "k", List.Max)',
    'Table.MinN({0}, each [k] * -1, each [n] <> 3)', 'Table.MaxN({0}, {{"t", each [k]}}, 2)',
    'Table.Group({0}, "k", {{{{"c", each Table.RowCount(_)}}}}, GroupKind.Local, (x, y) => Number.From(y <> null))',
    'Table.Group({0}, {{"k"}}, {{{{"c", each Table.RowCount(_)}}}}, GroupKind.Global, (x, y) => Value.Compare(x[k], y[k]))',
    'Table.Group({0}, {{"t"}}, {{{{"c", each Table.RowCount(_)}}}}, GroupKind.Local, (x, y) => if x[t] = y[t] then 0 else 1)',
    *[
        f'Table.Join({{0}}, {{{{"t", "k"}}}}, Table.PrefixColumns({{1}}, "r"), {{{{"r.t", "r.k"}}}}, {kind}, null, {{{{Comparer.OrdinalIgnoreCase, null}}}})'
        for kind in ("JoinKind.Inner", "JoinKind.LeftOuter", "JoinKind.FullOuter", "JoinKind.LeftAnti")
    ],
    'Table.ExpandTableColumn(Table.NestedJoin({0}, "t", {1}, "t", "nest", JoinKind.LeftOuter, {{Comparer.OrdinalIgnoreCase}}), "nest", {{"n"}}, {{"n2"}})',
    'Table.SplitColumn({0}, "t", Splitter.SplitTextByDelimiter(","), {{"a", "b"}})',
    'Table.SplitColumn({0}, "t", Splitter.SplitTextByDelimiter(",", QuoteStyle.None), {{"a", "b"}}, "-", ExtraValues.Error)',
    *[
        f'Table.SplitColumn({{0}}, "t", Splitter.SplitTextByEachDelimiter({{{{"{mark}"}}}}, {quotes}, {end}), {{{{"a", "b"}}}})'
        for mark in (",", "x,") for quotes in ("QuoteStyle.Csv", "QuoteStyle.None") for end in ("false", "true")
    ],
    'Table.SplitColumn({0}, "t", Splitter.SplitTextByPositions({{0, 1}}), {{"a", "b", "c"}})',
    'Table.SplitColumn({0}, "t", Splitter.SplitTextByLengths({{1, 0, 2}}), 3)',
    'Table.SplitColumn({0}, "t", Splitter.SplitTextByRanges({{{{1, 1}}, {{0, null}}}}), {{"a", "b"}})',
    'Table.Sort(Table.SplitColumn({0}, "t", Splitter.SplitTextByDelimiter(","), {{"a", "b"}}), {{"b", "a"}})',
    'Table.CombineColumns(Table.DuplicateColumn({0}, "t", "u"), {{"t", "u"}}, Combiner.CombineTextByDelimiter("-"), "z")',
    'Table.AddColumn({0}, "z", each try Text.Upper([t]) otherwise "none")', 'Table.AddColumn({0}, "z", each Text.Upper([t]) & Text.From([k]))',
    'Table.Group(Table.AddColumn({0}, "z", each Text.Upper([t])), {{"z"}}, {{{{"c", each Table.RowCount(_)}}, {{"s", each List.Sum([k])}}}})',
    'Table.Sort(Table.AddColumn({0}, "z", each if [k] > 2 then [t] else "low"), {{"z"}})',
    *[
        f'Table.AggregateTableColumn(Table.NestedJoin({{0}}, "k", {{1}}, "k", "nest"), "nest", {{{{{{{{"{c}", {f}, "v"}}}}}}}})'
        for c, f in (("n", "List.Sum"), ("n", "List.Max"), ("t", "List.Count"), ("t", "List.NonNullCount"), ("n", "List.Average"),
                     ("t", "List.First"), ("k", "List.Min"), ("t", "List.Last"), ("k", "List.Median"))
    ],
    'Table.RemoveColumns(Table.AddColumn(Table.NestedJoin({0}, {{"k", "t"}}, {1}, {{"k", "t"}}, "nest"), "c", each Table.RowCount([nest])), "nest")',
    'Table.ExpandTableColumn(Table.AddColumn(Table.NestedJoin({0}, "k", {1}, "k", "nest"), "c", each List.Max([nest][k])), "nest", {{"n"}}, {{"n2"}})',
    'Table.ExpandRecordColumn(Table.AddColumn({0}, "rec", each [p = [k], q = [t] & "!"]), "rec", {{"q", "p", "none"}}, {{"q1", "p1", "n1"}})',
    'Table.SelectRows(Table.AddColumn({0}, "rec", each [p = [k], q = [t]]), each [rec][p] > 1)', 'Table.AddColumn({0}, "lst", each {{[n], [k]}})',
    'Table.ExpandListColumn(Table.AddColumn({0}, "lst", each {{[n], null, [k]}}), "lst")', 'Table.RowCount(Table.ExpandListColumn(Table.AddColumn({0}, "lst", each {{[k], 1}}), "lst"))',
    'Table.Sort(Table.ExpandListColumn(Table.AddColumn({0}, "lst", each Text.Split([t] ?? "", "b")), "lst"), {{"lst", "k"}})',
    'Table.ExpandTableColumn(Table.Group({0}, {{"k"}}, {{{{"all", each _}}, {{"c", each Table.RowCount(_)}}}}), "all", {{"n", "t"}})',
    'Table.RemoveColumns(Table.AddColumn(Table.Group({0}, {{"k", "t"}}, {{{{"all", each _}}}}), "m", each List.Max([all][k])), "all")',
    'Table.ExpandListColumn(Table.Group({0}, {{"k"}}, {{{{"lst", each [t]}}}}), "lst")', 'Table.Group({0}, {{"k"}}, {{{{"c", each Text.Combine([t], "; ")}}}})',
    'Table.ExpandRecordColumn(Table.Group({0}, {{"t"}}, {{{{"rec", each [s = List.Sum([k]), c = Table.RowCount(_)]}}}}), "rec", {{"c", "s"}})',
    "{0}{{1}}", "{0}{{[k = 2]}}?", '{0}{{[t = "a", k = 1]}}', "{0}[k]", 'Table.Column({0}, "t")', "Table.Contains({0}, [k = 2])",
    'Table.ContainsAny({0}, {{[k = 7], [t = "b"]}})', "Table.ContainsAll({0}, {{[k = 1], [k = null]}})", 'Table.PositionOf({0}, [n = 1, k = 1, t = "a", e = 1])',
    *[f"List.{f}({{0}}[{c}])" for f in ("Sum", "Average", "Max", "Min", "Median", "NonNullCount", "Count", "Distinct") for c in ("n", "k", "e")],
    "List.Max({0}[t])", "List.Contains({0}[t], \"b\")", "List.Contains({0}[k], null)", "Table.Profile({0}[[n], [k], [t]])",
    'Table.RemoveColumns(Table.PrefixColumns({0}, "p"), {{"p.e"}})', "Table.FillDown({0}, {{\"k\"}})", 'Table.Unpivot({0}, {{"n", "k"}}, "at", "v")',
    "{0}", "Table.RowCount({0})", 'Table.RemoveColumns({0}, "e")', 'Table.AddIndexColumn({0}, "i", 1, 1)',
    'Table.AddColumn({0}, "z", each [n] / [k])', 'Table.AddColumn({0}, "z", each if [t] = null then "-" else [t] & "!")',
    'Table.AddColumn({0}, "z", each [e] + 1)', 'Table.AddColumn({0}, "z", each try [n] otherwise 0)',
    'Table.Group({0}, {{"k"}}, {{{{"c", each Table.RowCount(_)}}, {{"s", each List.Sum([n])}}, {{"f", each List.First([t])}}}})',
    'Table.Group({0}, {{"t"}}, {{{{"a", each List.Average([n])}}, {{"m", each List.Max([k])}}, {{"i", each List.Min([t])}}}})',
    'Table.Group({0}, {{"k", "t"}}, {{{{"d", each List.Count(List.Distinct([n]))}}, {{"l", each List.Last([n])}}, {{"e", each List.Sum([e])}}}})',
    'Table.Group({0}, {{"k"}}, {{{{"md", each List.Median([n])}}, {{"nn", each List.NonNullCount([t])}}}})',
    'Table.Group({0}, {{"k"}}, {{{{"sd", each List.StandardDeviation([n])}}, {{"p", each List.Product([n])}}, {{"dr", each Table.RowCount(Table.Distinct(_))}}}})',
    "List.StandardDeviation({0}[n])", "List.Product({0}[k])", 'Table.Group({0}, {{}}, {{{{"dr", each Table.RowCount(Table.Distinct(_))}}}})',
    *[
        f'Table.Join({{0}}, "k", Table.PrefixColumns({{1}}, "r"), "r.k", {kind})'
        for kind in ("JoinKind.Inner", "JoinKind.LeftOuter", "JoinKind.RightOuter", "JoinKind.FullOuter", "JoinKind.LeftAnti",
                     "JoinKind.RightAnti", "JoinKind.LeftSemi", "JoinKind.RightSemi")
    ],
    'Table.Join({0}, {{"n", "t"}}, Table.PrefixColumns({1}, "r"), {{"r.n", "r.t"}}, JoinKind.LeftOuter)',
    'Table.ExpandTableColumn(Table.NestedJoin({0}, "t", {1}, "t", "nest"), "nest", {{"n", "k"}}, {{"n2", "k2"}})',
    'Table.Group({0}, {{"k"}}, {{{{"c", each Table.RowCount(_)}}, {{"l", each List.Last([t])}}}}, GroupKind.Local)',
    'Table.Group({0}, {{"t", "k"}}, {{{{"s", each List.Sum([n])}}}}, GroupKind.Local)', "Table.IsEmpty({0})",
    'Table.Group({0}, {{}}, {{{{"c", each Table.RowCount(_)}}, {{"m", each List.Max([n])}}, {{"i", each List.Min([n])}}}})',
    'Table.UnpivotOtherColumns({0}[[t], [n], [k]], {{"t"}}, "at", "v")',
    'Table.Pivot(Table.SelectColumns({0}, {{"k", "t", "n"}}), {{"a", "b"}}, "t", "n", List.Sum)',
    *[text for text in LISTS if "NestedJoin" in text],
]  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> str:
    clean = draw(st.booleans())  # most ways to go wrong need tables without errors and NaN, which fold whole
    texts = draw(st.sampled_from([TEXTS, ODD]))
    rows = []
    for _ in range(draw(st.integers(0, 9))):
        number = draw(st.sampled_from(CLEAN if clean else NUMBERS))
        extra = draw(st.sampled_from(WHOLE if clean else CELLS["e"]))
        rows.append(f"{{{number}, {draw(st.sampled_from(WHOLE))}, {draw(st.sampled_from(texts))}, {extra}}}")
    return '#table({"n", "k", "t", "e"}, {' + ", ".join(rows) + "})"


def answer(m: str, engine: str) -> str:
    """The value, errors in cells shown, or the error."""
    try:
        value = mlang.evaluate(m, engine=engine, culture="en-US")
        return str(run(lambda: to_m(value, "show")))
    except mlang.MError as error:
        return str(error)


@given(tables(), tables(), st.lists(st.sampled_from(STEPS), max_size=4), st.sampled_from(ENDS))
@settings(max_examples=250)
def test_folded_equals_interpreted(left: str, right: str, steps: list[str], end: str) -> None:
    m = left
    for step in steps:
        m = f"(let x = {m} in {step.format('x')})"
    m = f"let l = {m}, r = {right} in {end.format('l', 'r')}"
    assert answer(m, "duckdb") == answer(m, "none"), m


@given(tables(), tables(), st.sampled_from(LISTS))
@settings(max_examples=150)
def test_list_functions(left: str, right: str, end: str) -> None:
    """Lists in groups, of nested tables, and lists that become rows."""
    m = f"let l = {left}, r = {right} in {end.format('l', 'r')}"
    assert answer(m, "duckdb") == answer(m, "none"), m


#: Steps that read sources: their tests make files.
_SOURCES = frozenset({"Csv.Document", "Parquet.Document", "Table.PromoteHeaders", "Value.NativeQuery"})


def test_every_step_is_generated() -> None:
    """A function may only fold as a step when random programs contain it."""
    texts = [*STEPS, *ENDS, "Table.SelectColumns(", "Table.NestedJoin("]
    steps = [name for names in reference.STEPS.values() for name in names]
    steps += [
        *reference.COUNTS,
        *reference.TAKEN,
        *(name for name in reference.ASKED if name.startswith("Table.")),
    ]
    missing = [
        name
        for name in steps
        if name not in _SOURCES
        and not name.endswith(".Database")
        and not any(name + "(" in text for text in texts)
    ]
    assert not missing
