"""Random steps over tables: every function that gives a table of another, and those that ask about one.

`Steps` writes M over tables ``T`` (columns k text, x and y numbers, b logical, d date) and ``R`` (rk, rx, v);
`tables` makes their columns.  Used by ``test_table_ways.py``.
"""

from __future__ import annotations

import math
from random import Random
from typing import Any

NAMES = ("k", "x", "y", "b", "d")
TEXTS = ["", "a", "A", "b", "ab", "a b", "a,b", "é", "12", "-3.5", "007", " a ", "b,c,d"]
NUMBERS = [0.0, -0.0, 1.0, 1.0, 2.0, 3.0, 2.5, 0.1, -4.0, 1e300, math.inf, math.nan]
PLAIN = [0.0, 1.0, 2.0, 3.0, 2.5, -1.0]

FUNCTIONS = [
    "Text.Upper", "each _", "each if _ = null then 0 else 1", "Text.From", "each {_}", "each [a = _, b = 1]",
    "each _ & _", "each _ * 2", "(c) => c = null", "Number.From", "each error \"no\"", "Text.Length", "Text.Trim",
]  # fmt: skip
ROW = [
    "[x] + [y]", "[x] * 2", "[k] & \"!\"", "[x] > [y]", "[k] = null", "if [b] then [x] else [y]", "[x] ?? 0",
    "Text.Length([k])", "Record.FieldCount(_)", "{[k], [x]}", "[a = [x], b = [k]]", "[x] / [y]", "null", "7", "[d]",
    "#table({\"p\", \"q\"}, {{[x], [k]}})", "Date.Year([d])", "try [x] + [k] otherwise 0", "[nope]?", "error [k]",
]  # fmt: skip
TESTS = [
    "[x] > 1", "[x] <= [y] and [k] <> \"a\"", "[b]", "not [b]", "[k] = null or [x] = null", "[k] < \"b\"",
    "[d] >= #date(2021, 8, 2)", "Text.Contains([k], \"a\")", "[x] <> [y]", "true", "null", "[k]", "[nope] = 1",
    "List.Contains({1, 2, null}, [x])", "try [x] > [k] otherwise false",
]  # fmt: skip
TYPES = [
    "type number", "type text", "Int64.Type", "type nullable text", "type logical", "type date", "type any",
    "Currency.Type", "Percentage.Type", "type datetime", "Int8.Type",
]  # fmt: skip
AGGREGATES = [
    "each List.Sum([x])", "each Table.RowCount(_)", "each List.Max([y])", "each List.Min([k])", "each List.First([k])",
    "each List.Average([x])", "each List.NonNullCount([k])", "each _", "each [x]", "each List.Count(List.Distinct([k]))",
    "each Table.FirstN(_, 1)", "each List.Sum([x]) + List.Sum([y])", "Table.RowCount", "each List.Median([x])",
    "each Text.Combine([k], \",\")", "each List.Last([d])", "each List.StandardDeviation([x])", "each [x]{0}",
]  # fmt: skip
LISTS = [
    "List.Sum",
    "List.Count",
    "List.First",
    "List.Max",
    "List.Average",
    "each _",
    "List.NonNullCount",
    "List.Min",
]
KINDS = ["Inner", "LeftOuter", "RightOuter", "FullOuter", "LeftAnti", "RightAnti", "LeftSemi", "RightSemi"]
MODES = ["", ", MissingField.Ignore", ", MissingField.UseNull"]


class Steps:
    """Draws one program."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    def pick(self, values: Any) -> Any:
        return self.chance.choice(values)

    def column(self) -> str:
        return self.pick(NAMES) if self.chance.random() < 0.97 else "nope"

    def columns(self, least: int = 1, most: int = 3) -> str:
        return "{" + ", ".join(f'"{n}"' for n in self.some(least, most)) + "}"

    def some(self, least: int = 1, most: int = 3) -> list[str]:
        return self.chance.sample(NAMES, self.chance.randint(least, most))

    def count(self) -> int:
        return self.pick([0, 1, 1, 2, 3, 7])

    def row(self) -> str:
        return "each " + self.pick(ROW)

    def test(self) -> str:
        return "each " + self.pick(TESTS)

    def order(self) -> str:
        way = self.pick(["Order.Ascending", "Order.Descending"])
        return self.pick([
            f'"{self.column()}"', f'{{"{self.column()}", {way}}}', self.columns(),
            f'{{{{"{self.column()}", {way}}}, {{"{self.column()}", Order.Ascending}}}}',
            f"{{each [x], {way}}}", "each [y]", "(p, q) => Value.Compare(p[x], q[x])",
        ])  # fmt: skip

    def criteria(self) -> str:
        return self.pick([
            "", f', "{self.column()}"', ", " + self.columns(), ', {"k", Comparer.OrdinalIgnoreCase}',
            ', {{"k", Comparer.OrdinalIgnoreCase}, {"x", Value.Compare}}', ', each [x]',
        ])  # fmt: skip

    def record(self) -> str:
        return '[k = "a", x = 1, y = 2, b = true, d = #date(2021, 8, 2)]'

    def transforms(self) -> str:
        pairs = [f'{{"{n}", {self.pick(FUNCTIONS)}}}' for n in self.some()]
        return "{" + ", ".join(pairs) + "}"

    def types(self) -> str:
        return "{" + ", ".join(f'{{"{n}", {self.pick(TYPES)}}}' for n in self.some()) + "}"

    def aggregates(self) -> str:
        typed = ["", ", type number", ", type any", ", Int64.Type"]
        found = [
            f'{{"a{i}", {self.pick(AGGREGATES)}{self.pick(typed)}}}' for i in range(self.chance.randint(0, 3))
        ]
        return "{" + ", ".join(found) + "}"

    def step(self, t: str) -> str:
        """One step over the table ``t``."""
        made = self.pick(_STEPS)(self, t)
        return str(made)

    def program(self) -> str:
        """Some steps one after the other, at times with a question at the end."""
        lines, t = [], "T"
        for i in range(self.pick([1, 1, 2, 2, 3])):
            lines.append(f"s{i} = {self.step(t)}")
            t = f"s{i}"
        if self.chance.random() < 0.25:
            lines.append(f"q = {self.pick(_QUESTIONS)(self, t)}")
            t = "q"
        return "let " + ", ".join(lines) + " in " + t


_STEPS = [
    lambda s, t: f'''Table.SelectRows({t}, {s.test()})''',
    lambda s, t: f'''Table.SelectRows({t}, {s.test()})''',
    lambda s, t: f'''Table.AddColumn({t}, "n{s.count()}", {s.row()}{s.pick(['', ', type number', ', type text'])})''',
    lambda s, t: f'''Table.AddColumn({t}, "n{s.count()}", {s.row()})''',
    lambda s, t: f'''Table.TransformColumns({t}, {s.transforms()}{s.pick(['', ', null', ', each _', ', Text.From'])})''',
    lambda s, t: f'''Table.TransformColumnTypes({t}, {s.types()}{s.pick(['', ', "de-DE"', ', [Culture = "en-GB"]'])})''',
    lambda s, t: f'''Table.Sort({t}, {s.order()})''',
    lambda s, t: f'''Table.Sort({t}, {s.order()})''',
    lambda s, t: f'''Table.Group({t}, {s.columns(0, 2)}, {s.aggregates()})''',
    lambda s, t: f'''Table.Group({t}, "{s.column()}", {s.aggregates()}, GroupKind.Local)''',
    lambda s, t: f'''Table.Group({t}, "k", {s.aggregates()}, {s.pick(['null', '0', '1'])}, Comparer.OrdinalIgnoreCase)''',
    lambda s, t: f'''Table.Distinct({t}{s.criteria()})''',
    lambda s, t: f'''Table.Join({t}, {{"{s.column()}"}}, R, {{"{s.pick(['rk', 'rx'])}"}}, JoinKind.{s.pick(KINDS)})''',
    lambda s, t: f'''Table.Join({t}, {{"k", "x"}}, R, {{"rk", "rx"}}, JoinKind.{s.pick(KINDS)})''',
    lambda s, t: f'''Table.NestedJoin({t}, "{s.column()}", R, "{s.pick(['rk', 'rx'])}", "j", JoinKind.{s.pick(KINDS)})''',
    lambda s, t: f'''Table.ExpandTableColumn(Table.NestedJoin({t}, "k", R, "rk", "j", JoinKind.{s.pick(KINDS)}), "j", {{"v", "rx"}})''',
    lambda s, t: f'''Table.AggregateTableColumn(Table.NestedJoin({t}, "k", R, "rk", "j"), "j", {{{{"rx", {s.pick(LISTS)}, "agg"}}}})''',
    lambda s, t: f'''Table.AddJoinColumn({t}, "k", R, "rk", "j")''',
    lambda s, t: f'''Table.Pivot(Table.SelectColumns({t}, {{"{s.pick('yd')}", "k", "x"}}), {{"a", "b", "z"}}, "k", "x"{s.pick(['', *[', ' + f for f in LISTS]])})''',
    lambda s, t: f'''Table.Unpivot({t}, {s.columns(0, 3)}, "at", "val")''',
    lambda s, t: f'''Table.UnpivotOtherColumns({t}, {s.columns(0, 3)}, "at", "val")''',
    lambda s, t: f'''Table.SelectColumns({t}, {s.columns(0, 4)}{s.pick(MODES)})''',
    lambda s, t: f'''Table.RemoveColumns({t}, {s.columns(0, 2)}{s.pick(MODES)})''',
    lambda s, t: f'''Table.RenameColumns({t}, {{{{"{s.column()}", "new"}}}}{s.pick(MODES)})''',
    lambda s, t: f'''Table.ReorderColumns({t}, {s.columns(1, 4)}{s.pick(MODES)})''',
    lambda s, t: f'''Table.PrefixColumns({t}, "p")''',
    lambda s, t: f'''Table.DuplicateColumn({t}, "{s.column()}", "copy"{s.pick(['', ', type any'])})''',
    lambda s, t: f'''Table.TransformColumnNames({t}, {s.pick(['Text.Upper', 'each "c"', 'each _ & "1"'])})''',
    lambda s, t: f'''Table.DemoteHeaders({t})''',
    lambda s, t: f'''Table.PromoteHeaders({t}{s.pick(['', ', [PromoteAllScalars = true]'])})''',
    lambda s, t: f'''Table.Transpose({t})''',
    lambda s, t: f'''Table.FirstN({t}, {s.pick([s.count(), s.test()])})''',
    lambda s, t: f'''Table.Skip({t}, {s.pick([s.count(), s.test()])})''',
    lambda s, t: f'''Table.LastN({t}, {s.pick([s.count(), s.test()])})''',
    lambda s, t: f'''Table.RemoveFirstN({t}, {s.pick([s.count(), s.test()])})''',
    lambda s, t: f'''Table.RemoveLastN({t}, {s.pick([s.count(), s.test()])})''',
    lambda s, t: f'''Table.RemoveRows({t}, {s.count()}{s.pick(['', ', 1', ', 2'])})''',
    lambda s, t: f'''Table.Range({t}, {s.count()}{s.pick(['', ', 2'])})''',
    lambda s, t: f'''Table.AlternateRows({t}, {s.count()}, {s.count()}, {s.count()})''',
    lambda s, t: f'''Table.Repeat({t}, {s.count()})''',
    lambda s, t: f'''Table.ReverseRows({t})''',
    lambda s, t: f'''Table.InsertRows({t}, {s.count()}, {{{s.record()}}})''',
    lambda s, t: f'''Table.ReplaceRows({t}, {s.count()}, 1, {{{s.record()}}})''',
    lambda s, t: f'''Table.ReplaceMatchingRows({t}, {{{{{s.record()}, {s.record()}}}}}{s.criteria()})''',
    lambda s, t: f'''Table.RemoveMatchingRows({t}, {{{s.record()}}}{s.criteria()})''',
    lambda s, t: f'''Table.FindText({t}, "a")''',
    lambda s, t: f'''Table.AddIndexColumn({t}, "i", {s.count()}, {s.pick(['1', '2', '-1', '0.5'])})''',
    lambda s, t: f'''Table.AddRankColumn({t}, "rank", {s.order()}{s.pick(['', ', [RankKind = RankKind.Dense]', ', [RankKind = RankKind.Ordinal]'])})''',
    lambda s, t: f'''Table.FillDown({t}, {s.columns()})''',
    lambda s, t: f'''Table.FillUp({t}, {s.columns()})''',
    lambda s, t: f'''Table.ReplaceValue({t}, {s.pick(['"a"', 'null', '1', 'each [k]'])}, {s.pick(['"z"', '7', 'null', 'each [x]'])}, Replacer.{s.pick(['ReplaceValue', 'ReplaceText'])}, {s.columns()})''',
    lambda s, t: f'''Table.ReplaceErrorValues({t}, {{{{"x", 0}}, {{"k", null}}}})''',
    lambda s, t: f'''Table.RemoveRowsWithErrors({t}{s.pick(['', ', ' + s.columns()])})''',
    lambda s, t: f'''Table.SelectRowsWithErrors({t}{s.pick(['', ', ' + s.columns()])})''',
    lambda s, t: f'''Table.SplitColumn({t}, "k", Splitter.SplitTextByDelimiter(","){s.pick(['', ', 2', ', {"k1", "k2"}'])})''',
    lambda s, t: f'''Table.CombineColumns({t}, {s.columns(1, 2)}, Combiner.CombineTextByDelimiter(";"), "c")''',
    lambda s, t: f'''Table.CombineColumnsToRecord({t}, "c", {s.columns()})''',
    lambda s, t: f'''Table.ExpandRecordColumn(Table.AddColumn({t}, "r", each [e = [x], f = [k]]), "r", {{"e", "f", "g"}})''',
    lambda s, t: f'''Table.ExpandListColumn(Table.AddColumn({t}, "l", each {{[x], [k]}}), "l")''',
    lambda s, t: f'''Table.ExpandListColumn(Table.Group({t}, "k", {{{{"l", each [x]}}}}), "l")''',
    lambda s, t: f'''Table.ExpandTableColumn(Table.Group({t}, "b", {{{{"u", each _}}}}), "u", {{"k", "x"}})''',
    lambda s, t: f'''Table.Combine({{{t}, {s.pick(['T', 'R', 'Table.FirstN(T, 1)'])}}})''',
    lambda s, t: f'''Table.FromPartitions("part", {{{{1, {t}}}, {{2, T}}}})''',
    lambda s, t: f'''Table.Partition({t}, "x", 2, each if _ = null then 0 else 1){{{s.pick([0, 1])}}}''',
    lambda s, t: f'''Table.Split({t}, 2){{0}}''',
    lambda s, t: f'''Table.SplitAt({t}, 1){{{s.pick([0, 1])}}}''',
    lambda s, t: f'''Table.MinN({t}, {s.order()}, {s.pick([s.count(), s.test()])})''',
    lambda s, t: f'''Table.MaxN({t}, {s.order()}, {s.pick([s.count(), s.test()])})''',
    lambda s, t: f'''Table.Buffer({t})''',
    lambda s, t: f'''Table.StopFolding({t})''',
    lambda s, t: f'''Table.AddKey({t}, {s.columns(1, 2)}, {s.pick(['true', 'false'])})''',
    lambda s, t: f'''Table.ReplaceKeys({t}, {{[Columns = {{"k"}}, Primary = true]}})''',
    lambda s, t: f'''Table.FromRecords(Table.ToRecords({t}))''',
    lambda s, t: f'''Table.FromRows(Table.ToRows({t}), Table.ColumnNames({t}))''',
    lambda s, t: f'''Table.FromColumns(Table.ToColumns({t}))''',
    lambda s, t: f'''Table.TransformRows({t}, {s.row()}){{0}}''',
    lambda s, t: f'''Table.FromValue(Table.ToList(Table.TransformColumns({t}, {{}}, Text.From)))''',
    lambda s, t: f'''Table.ColumnsOfType({t}, {{type text, type nullable number}})''',
    lambda s, t: f'''Table.Schema({t})''',
    lambda s, t: f'''Table.Profile({t})''',
]  # fmt: skip

_QUESTIONS = [
    lambda s, t: f'''Table.RowCount({t})''',
    lambda s, t: f'''Table.ColumnCount({t})''',
    lambda s, t: f'''Table.IsEmpty({t})''',
    lambda s, t: f'''Table.First({t}, "none")''',
    lambda s, t: f'''Table.Last({t}, "none")''',
    lambda s, t: f'''Table.FirstValue({t}, 0)''',
    lambda s, t: f'''Table.SingleRow({t})''',
    lambda s, t: f'''Table.Min({t}, {s.order()})''',
    lambda s, t: f'''Table.Max({t}, {s.order()})''',
    lambda s, t: f'''Table.Column({t}, "{s.column()}")''',
    lambda s, t: f'''Table.ColumnNames({t})''',
    lambda s, t: f'''Table.HasColumns({t}, {s.columns()})''',
    lambda s, t: f'''Table.IsDistinct({t}{s.criteria()})''',
    lambda s, t: f'''Table.Contains({t}, {s.record()}{s.criteria()})''',
    lambda s, t: f'''Table.ContainsAll({t}, {{{s.record()}}}{s.criteria()})''',
    lambda s, t: f'''Table.ContainsAny({t}, {{{s.record()}}}{s.criteria()})''',
    lambda s, t: f'''Table.PositionOf({t}, {s.record()}, {s.pick(['Occurrence.First', 'Occurrence.All', 'Occurrence.Last'])}{s.criteria()})''',
    lambda s, t: f'''Table.PositionOfAny({t}, {{{s.record()}}}, Occurrence.All{s.criteria()})''',
    lambda s, t: f'''Table.MatchesAllRows({t}, {s.test()})''',
    lambda s, t: f'''Table.MatchesAnyRows({t}, {s.test()})''',
    lambda s, t: f'''Table.ToRecords({t})''',
    lambda s, t: f'''Table.ToRows({t})''',
    lambda s, t: f'''Table.ToColumns({t})''',
    lambda s, t: f'''Table.TransformRows({t}, {s.row()})''',
    lambda s, t: f'''Table.Keys({t})''',
    lambda s, t: f'''Table.ApproximateRowCount({t})''',
    lambda s, t: f'''{t}{{0}}''',
    lambda s, t: f'''{t}{{[k = "a"]}}?''',
    lambda s, t: f'''{t} = T''',
    lambda s, t: f'''List.Sum({t}[x])''',
    lambda s, t: f'''Table.ToList({t}, each Text.From(List.Count(_)))''',
]  # fmt: skip


def columns(chance: Random) -> dict[str, list[Any]]:
    """The cells of T, whose kinds are plain; dates as days since 1970."""
    length = chance.choice([0, 1, 2, 3, 4, 5, 6, 8, 12])
    numbers = chance.choice([NUMBERS, PLAIN, PLAIN])
    holes = chance.choice([0.0, 0.0, 0.2, 0.5])

    def cells(values: Any) -> list[Any]:
        return [None if chance.random() < holes else chance.choice(values) for _ in range(length)]

    return {
        "k": cells(chance.choice([TEXTS, ["a", "b"]])),
        "x": cells(numbers),
        "y": cells(numbers),
        "b": cells([True, False]),
        "d": cells([18_840, 18_841, 18_842]),
    }


def others(chance: Random) -> dict[str, list[Any]]:
    """The cells of R."""
    length = chance.choice([0, 1, 2, 4, 6])
    distinct = chance.random() < 0.5
    keys = (
        chance.sample(["a", "b", "A", "", "12", "é"], length)
        if distinct
        else chance.choices([*TEXTS[:5], None], k=length)
    )
    numbers = (
        chance.sample([0.0, 1.0, 2.0, 3.0, -4.0, 2.5], length)
        if distinct
        else chance.choices([*PLAIN, None], k=length)
    )
    return {"rk": keys, "rx": numbers, "v": [f"v{i}" for i in range(length)]}
