"""Random steps over one table: rows chosen and ordered, columns added, changed, filled, split, nested, expanded.

A step is M with ``{0}`` for the table before; drawing it changes what is known of the columns.
"""

from __future__ import annotations

from tests.properties.dataflows_base import claimed, field, listed
from tests.properties.dataflows_expressions import CHOICES, Expressions
from tests.properties.pool import NUMBERS, NUMERIC, Kind, quoted

COUNTS = ["0", "1", "2", "3", "5"]
ON_TEXT = [
    "Text.Upper", "Text.Trim", "Text.Length", 'each _ & "x"', "each Text.Start(_, 2)", "each try Number.From(_) otherwise null", "Text.Lower",
    "Text.Proper", "fSafe", 'each fText(_, "y")', "Text.Clean", "each if _ = \"\" then null else _", "each Date.From(_, \"de-DE\")",
]  # fmt: skip
ON_NUMBER = [
    "each _ * 2", "Number.Abs", "each Number.Round(_, 1)", "each if _ = null then 0 else _", "Text.From", "each _ / 3", "fOverTwo", "fBand", "each fTwo(_, pMax)",
    "each _ + pSum", "Int64.From", "Number.ToText", "fFact",
]  # fmt: skip
TARGETS = [
    "type number", "type text", "type text", "type date", "type logical", "Int64.Type", "type datetime", "type time", "type duration", "type datetimezone",
    "Currency.Type", "Int32.Type", "Percentage.Type", "Single.Type", "type any", "Int8.Type", "Decimal.Type",
]  # fmt: skip
KIND_OF = {
    "type number": "number", "type text": "text", "type date": "date", "type logical": "logical", "Int64.Type": "whole", "type datetime": "datetime", "type time": "time",
    "type duration": "duration", "type datetimezone": "zoned", "Int32.Type": "int32", "Single.Type": "single", "type any": "any", "Int8.Type": "flag",
}  # fmt: skip
DRAWN = ["number", "number", "text", "text", "logical", "date", "datetime", "time", "duration", "zoned"]
SPLITTERS = [
    'Splitter.SplitTextByDelimiter("-")', 'Splitter.SplitTextByEachDelimiter({"-"})', "Splitter.SplitTextByPositions({0, 1})",
    'Splitter.SplitTextByDelimiter(",", QuoteStyle.Csv)', 'Splitter.SplitTextByDelimiter(" ", QuoteStyle.None)', "Splitter.SplitTextByLengths({1, 2})",
    'Splitter.SplitTextByEachDelimiter({"-"}, QuoteStyle.None, true)', 'Splitter.SplitTextByAnyDelimiter({"-", " "})', "Splitter.SplitTextByRepeatedLengths(1)",
    "Splitter.SplitTextByRanges({{0, 1}, {1, 2}})", 'Splitter.SplitTextByCharacterTransition({"a".."z"}, {"0".."9"})', "each Text.ToList(_)",
]  # fmt: skip


class Steps(Expressions):
    """Draws steps over one table."""

    def row_step(self) -> str:
        """Rows are left out, ordered or repeated."""
        names, one, count = self.some(), self.some(1), self.pick(COUNTS)
        condition = self.logical(self.pick([0, 1, 1, 2]))
        ordered = f"Table.Sort({{0}}, {{{self.sort_keys(names)}}})"
        firsts = f"Table.FirstN({ordered.replace('{0}', '_')}, {count})"
        others = listed([n for n in self.columns if n != one[0]])
        return str(self.pick([
            *[f"Table.SelectRows({{0}}, each {condition})"] * 6, *[ordered] * 3,
            f"Table.Sort({{0}}, {{{{each {self.expression('number', 1)}, {self.pick('01')}}}}})", f"Table.FirstN({{0}}, {count})",
            f"Table.Skip({{0}}, {count})", f"Table.LastN({{0}}, {count})", f"Table.RemoveLastN({{0}}, {count})",
            f"Table.FirstN({{0}}, each {condition})", f"Table.Skip({{0}}, each {condition})", "Table.ReverseRows({0})",
            f"Table.Distinct({{0}}, {listed(names)})", "Table.Distinct({0})", "{0} & {0}", "Table.Buffer({0})",
            "Table.StopFolding({0})", f"Table.RemoveRowsWithErrors({{0}}, {listed(names)})", "Table.RemoveRowsWithErrors({0})",
            f"Table.SelectRowsWithErrors({{0}}, {listed(one)})", f"Table.Range({{0}}, {count}, 4)",
            f"Table.MaxN({{0}}, {listed(one)}, {count})", f"Table.MinN({{0}}, {listed(one)}, {count})",
            f"Table.AlternateRows({{0}}, {count}, 1, 2)", f"Table.RemoveRows({{0}}, {count})" if count != "0" else "Table.FirstN({0}, 4)",
            f"Table.RemoveMatchingRows({{0}}, {{[{field(one[0])[1:-1]} = {self.pick(NUMBERS)}]}}, {quoted(one[0])})",
            "Table.Repeat({0}, 1)" if self.long else f"Table.Repeat({{0}}, {self.pick('12')})",
            f"Table.FirstN({ordered}, {count})", f"Table.Distinct({ordered}, {listed(one)})", f"Table.LastN({ordered}, {count})",
            f"Table.Distinct(Table.Buffer({ordered}), {listed(names)})", f"Table.MaxN({{0}}, {quoted(one[0])}, each {condition})",
            f"Table.MinN({{0}}, each {self.expression('number', 1)}, {count})", f"Table.RemoveRowsWithErrors({{0}}, {listed([*names, *one][:2])})",
            f"Table.SelectRows({{0}}, let b = {self.expression_over_other()} in each {field(self.numeric())} >= b)",
            f"Table.SelectRows({{0}}, (row) => row{field(one[0])} <> null and fRow(row) > 0)", f"Table.Skip({ordered}, {count})",
            f"Table.Distinct({{0}}, {{{{{quoted(one[0])}, Comparer.OrdinalIgnoreCase}}}})", f"Table.SelectRows({{0}}, each (try {field(one[0])} otherwise null) <> null)",
            f"Table.SelectRows({{0}}, each not (try {field(one[0])})[HasError])", f"Table.InsertRows({{0}}, 0, {{[{field(one[0])[1:-1]} = {self.pick(NUMBERS)}]}})",
            f"Table.RemoveLastN({{0}}, each {condition})", f"Table.LastN({{0}}, each {condition})", "Table.SelectRowsWithErrors({0})",
            f'Table.ExpandTableColumn(Table.Group({{0}}, {listed(one)}, {{{{"top of", each {firsts}}}}}), "top of", {others})',
            f'Table.ExpandTableColumn(Table.Group({{0}}, {listed(one)}, {{{{"all of", each _}}}}), "all of", {others})',
            f'Table.ExpandRecordColumn(Table.Group({{0}}, {listed(one)}, {{{{"one of", each Table.Max(_, {quoted(names[0])})}}}}), "one of", {others})',
        ]))  # fmt: skip

    def sort_keys(self, names: list[str]) -> str:
        """Columns with and without an order."""
        return ", ".join(
            self.pick([quoted(n), f"{{{quoted(n)}, Order.Descending}}", f"{{{quoted(n)}, 0}}"]) for n in names
        )

    def expression_over_other(self) -> str:
        """A value of the other table."""
        number = self.pick([n for n, k in self.other.items() if k in NUMERIC] or ["k"])
        how = self.pick(
            ["List.Max", "List.Min", "List.Sum", "List.First", "List.Average", "List.Median", "List.Count"]
        )
        return f"{how}(r{field(number)})"

    def column_step(self) -> str:
        """Columns are added, changed, chosen or taken apart."""
        made = self.pick([
            self.add, self.add, self.add, self.transform, self.transform, self.replace, self.fill, self.choose, self.convert,
            self.convert, self.index, self.errors, self.rename, self.split, self.merge, self.compound, self.expand, self.expand, self.names,
        ])  # fmt: skip
        return made(self.pick(DRAWN))

    def add(self, kind: str) -> str:
        value, name = self.expression(kind, self.pick([1, 2, 3])), self.name()
        claim = self.pick(["", "", f", {claimed(kind)}"])
        self.columns[name] = kind
        if self.random.random() < 0.03:
            return f"Table.AddColumn({{0}}, {quoted(name)}, (row) => (let x = row in Record.Field(x, {quoted(self.some(1)[0])})))"
        return f"Table.AddColumn({{0}}, {quoted(name)}, each {value}{claim})"

    def transform(self, kind: str) -> str:
        text, number = self.textual(), self.numeric()
        on_text, on_number = self.pick(ON_TEXT), self.pick(ON_NUMBER)
        if self.random.random() < 0.1:
            return f"Table.TransformColumns({{0}}, {{}}, {self.pick([on_text, on_number, 'each try Text.From(_) otherwise _'])})"
        if self.random.random() < 0.5:
            whole = any(word in on_text for word in ("Length", "Number", "fSafe"))
            self.columns[text] = "number" if whole else "date" if "Date" in on_text else "text"
            return f"Table.TransformColumns({{0}}, {{{{{quoted(text)}, {on_text}}}}})"
        is_text = on_number in ("Text.From", "fBand", "Number.ToText")
        self.columns[number] = "text" if is_text else "number"
        claim = (
            self.pick(["", "", ", type nullable number", ", Int64.Type"])
            if not is_text
            else self.pick(["", ", type text"])
        )
        missing = self.pick(["", "", ", null, MissingField.Ignore"])
        return f"Table.TransformColumns({{0}}, {{{{{quoted(number)}, {on_number}{claim}}}}}{missing})"

    def replace(self, kind: str) -> str:
        number, text, name = self.numeric(), self.textual(), self.of(kind) or "k"
        return str(self.pick([
            f"Table.ReplaceValue({{0}}, {self.pick(['null', '2', 'pMax', '#nan', '0'])}, 0, Replacer.ReplaceValue, {listed([number])})",
            f"Table.ReplaceValue({{0}}, {self.pick(CHOICES['s'])}, {self.pick(CHOICES['s'])}, Replacer.ReplaceText, {listed([text])})",
            f"Table.ReplaceValue({{0}}, each {field(name)}, each {self.expression(kind, 1)}, Replacer.ReplaceValue, {listed([name])})",
            f"Table.ReplaceValue({{0}}, null, {self.constant(kind)}, Replacer.ReplaceValue, {listed(self.some())})",
            f"Table.ReplaceValue({{0}}, {self.constant(kind)}, null, Replacer.ReplaceValue, {listed([name])})",
            f"Table.ReplaceValue({{0}}, {self.constant(kind)}, each {field(name)}, (x, y, z) => if x = y then z else x, {listed([name])})",
        ]))  # fmt: skip

    def constant(self, kind: str) -> str:
        """A constant of a kind."""
        with self.over({}):
            return self.leaf(kind)

    def fill(self, kind: str) -> str:
        filled = f"Table.Fill{self.pick(['Down', 'Up'])}(#, {listed(self.some())})"
        if self.random.random() < 0.4:
            return filled.replace("#", f"Table.Sort({{0}}, {{{self.sort_keys(self.some(2))}}})")
        return filled.replace("#", "{0}")

    def choose(self, kind: str) -> str:
        shape, names = self.random.random(), self.some(4)
        if shape < 0.3 and len(self.columns) > len(names):
            self.columns = {n: k for n, k in self.columns.items() if n not in names}
            return f"Table.RemoveColumns({{0}}, {listed(names)})"
        if shape < 0.5:
            self.columns = {n: self.columns[n] for n in names}
            missing = self.pick(["", "", ", MissingField.UseNull"])
            return f"Table.SelectColumns({{0}}, {listed(names)}{missing})"
        if shape < 0.6:
            self.columns = {n: self.columns[n] for n in names}
            return "{0}[[" + "], [".join(field(n)[1:-1] for n in names) + "]]"
        if shape < 0.8:
            return f"Table.ReorderColumns({{0}}, {listed(names)})"
        new = self.name()
        self.columns[new] = self.columns[names[0]]
        return f"Table.DuplicateColumn({{0}}, {quoted(names[0])}, {quoted(new)})"

    def convert(self, kind: str) -> str:
        changes = []
        for name in self.some(3):
            target = self.pick(TARGETS)
            changes.append(f"{{{quoted(name)}, {target}}}")
            self.columns[name] = KIND_OF.get(target, "number")
        culture = self.pick(["", "", "", ', "en-US"', ', "de-DE"', ', "fr-FR"', ', "ja-JP"'])
        return f"Table.TransformColumnTypes({{0}}, {{{', '.join(changes)}}}{culture})"

    def index(self, kind: str) -> str:
        name, base, step = self.name(), self.pick(["0", "1", "-5"]), self.pick(["1", "2", "0.1", "-1"])
        keys = self.some(2)
        self.columns[name] = "whole"
        if self.random.random() < 0.3:
            how = self.pick(["Competition", "Dense", "Ordinal"])
            return f"Table.AddRankColumn({{0}}, {quoted(name)}, {{{self.sort_keys(keys)}}}, [RankKind = RankKind.{how}])"
        before = self.pick([
            "{0}", "{0}", f"Table.Sort({{0}}, {{{self.sort_keys(keys)}}})", f"Table.SelectRows({{0}}, each {self.logical(1)})",
        ])  # fmt: skip
        return f"Table.AddIndexColumn({before}, {quoted(name)}, {base}, {step})"

    def errors(self, kind: str) -> str:
        pairs = ", ".join(
            f"{{{quoted(n)}, {self.pick(['9', 'null', chr(34) + 'bad' + chr(34), 'pMax'])}}}"
            for n in self.some(2)
        )
        return f"Table.ReplaceErrorValues({{0}}, {{{pairs}}})"

    def rename(self, kind: str) -> str:
        old, new = self.some(1)[0], self.name()
        if self.random.random() < 0.2:
            self.columns = {"p." + n: k for n, k in self.columns.items()}
            return 'Table.PrefixColumns({0}, "p")'
        if self.random.random() < 0.2:  # two change their names
            names = self.some(2)
            swapped = dict(zip(names, reversed(names), strict=True))
            self.columns = {swapped.get(n, n): k for n, k in self.columns.items()}
            pairs = ", ".join(f"{{{quoted(a)}, {quoted(b)}}}" for a, b in swapped.items())
            return f"Table.RenameColumns({{0}}, {{{pairs}}})"
        self.columns = {new if n == old else n: k for n, k in self.columns.items()}
        return f"Table.RenameColumns({{0}}, {{{{{quoted(old)}, {quoted(new)}}}}})"

    def names(self, kind: str) -> str:
        """All names change."""
        change, how = self.pick(
            [(lambda n: n + "_", 'each _ & "_"'), (str.upper, "Text.Upper"), (lambda n: n, "Text.Trim")]
        )
        if len(set(map(change, self.columns))) == len(self.columns) and how != "Text.Trim":
            self.columns = {change(n): k for n, k in self.columns.items()}
        return f"Table.TransformColumnNames({{0}}, {how})"

    def split(self, kind: str) -> str:
        name, new = self.textual(), [self.name(), self.name()]
        self.columns = {n: k for n, k in self.columns.items() if n != name}
        self.columns.update(dict.fromkeys(new, "text"))
        names = self.pick([listed(new), listed(new), listed(new), listed(new) + ', "?"'])
        return f"Table.SplitColumn({{0}}, {quoted(name)}, {self.pick(SPLITTERS)}, {names})"

    def merge(self, kind: str) -> str:
        names = [n for n, k in self.columns.items() if k == "text"][:2] or self.some(2)
        new = self.name()
        self.columns = {n: k for n, k in self.columns.items() if n not in names}
        self.columns[new] = "text"
        how = self.pick(
            [
                'Combiner.CombineTextByDelimiter("-")',
                'Combiner.CombineTextByDelimiter(", ")',
                'Combiner.CombineTextByDelimiter(",", QuoteStyle.None)',
                "each List.First(_)",
            ]
        )
        return f"Table.CombineColumns({{0}}, {listed(names)}, {how}, {quoted(new)})"

    # ------------------------------------------------------------ lists and records in cells

    def compound(self, kind: str) -> str:
        """A column of lists, of records, or of what one gives of both."""
        name, names, one = self.name(), self.some(2), self.expression(kind, 1)
        shape = self.random.random()
        if shape < 0.35:
            inside = {"x": kind, "y": self.columns[names[0]]}
            self.columns[name] = Kind("record", inside)
            return f"Table.AddColumn({{0}}, {quoted(name)}, each [x = {one}, y = {field(names[0])}])"
        if shape < 0.6:
            self.columns[name] = Kind("list", kind)
            return f"Table.AddColumn({{0}}, {quoted(name)}, each {{{one}, {self.expression(kind, 1)}}})"
        if shape < 0.8:
            self.columns[name] = Kind("list", "text")
            return f"Table.AddColumn({{0}}, {quoted(name)}, each Text.Split({self.expression('text', 1)}, {self.pick(CHOICES['s'])}))"
        self.columns[name] = Kind("record", dict(self.columns))
        return f"Table.AddColumn({{0}}, {quoted(name)}, each _)"

    def expand(self, kind: str) -> str:
        """A column of lists, records or tables is opened, or one value made of it."""
        name = self.having("record", "list", "table")
        if name is None:
            return self.compound(kind) if self.random.random() < 0.5 else self.add(kind)
        held = self.columns[name]
        inside = getattr(held, "inside", None)
        if held == "list":
            if self.random.random() < 0.4:
                made = self.name()
                self.columns[made] = "number"
                how = self.pick(
                    [
                        "List.Count",
                        "List.Sum",
                        "List.Max",
                        "List.First",
                        "List.IsEmpty",
                        "List.NonNullCount",
                        "List.Distinct",
                    ]
                )
                return f"Table.AddColumn({{0}}, {quoted(made)}, each {how}({field(name)}))"
            self.columns[name] = inside if isinstance(inside, str) else "any"
            return f"Table.ExpandListColumn({{0}}, {quoted(name)})"
        if not isinstance(inside, dict) or not inside:
            return self.add(kind)
        if held == "table":
            return self.open_table(name, inside)
        if self.random.random() < 0.3:
            made, one = self.name(), self.pick(list(inside))
            self.columns[made] = inside[one]
            return f"Table.AddColumn({{0}}, {quoted(made)}, each {field(name)}{field(one)}{self.pick(['', '?'])})"
        chosen = self.random.sample(list(inside), self.random.randint(1, min(3, len(inside))))
        new = [self.name() for _ in chosen]
        del self.columns[name]
        self.columns.update({n: inside[c] for n, c in zip(new, chosen, strict=True)})
        return f"Table.ExpandRecordColumn({{0}}, {quoted(name)}, {listed(chosen)}, {listed(new)})"

    def open_table(self, name: str, inside: dict[str, str]) -> str:
        """A column of tables is expanded, aggregated, counted or left out."""
        shape, chosen = (
            self.random.random(),
            self.random.sample(list(inside), self.random.randint(1, min(3, len(inside)))),
        )
        new = [self.name() for _ in chosen]
        number = next((n for n, k in inside.items() if k in NUMERIC), chosen[0])
        if shape < 0.5:
            del self.columns[name]
            self.columns.update({n: inside[c] for n, c in zip(new, chosen, strict=True)})
            return f"Table.ExpandTableColumn({{0}}, {quoted(name)}, {listed(chosen)}, {listed(new)})"
        if shape < 0.65:
            del self.columns[name]
            self.columns.update({new[0]: "number", new[0] + "c": "number"})
            how = self.pick(["List.Sum", "List.Max", "List.Average", "List.Min", "List.NonNullCount"])
            return f"Table.AggregateTableColumn({{0}}, {quoted(name)}, {{{{{quoted(number)}, {how}, {quoted(new[0])}}}, {{{quoted(chosen[0])}, List.Count, {quoted(new[0] + 'c')}}}}})"
        if shape < 0.85:
            self.columns[new[0]] = "number"
            value = self.pick([
                f"Table.RowCount({field(name)})", f"List.Sum({field(name)}{field(number)})", f"Table.IsEmpty({field(name)})", f"List.Max({field(name)}{field(number)})",
                f"{field(name)}{{ 0}}?{field(number)}?", f"Table.RowCount(Table.Distinct({field(name)}))", f"Table.RowCount(Table.SelectRows({field(name)}, each {field(number)} <> null))",
            ])  # fmt: skip
            return f"Table.AddColumn({{0}}, {quoted(new[0])}, each {value})"
        if shape < 0.95:
            change = self.pick(
                [
                    "each Table.FirstN(_, 1)",
                    f"each Table.Sort(_, {quoted(number)})",
                    'each Table.AddIndexColumn(_, "zz", 1)',
                    "each Table.SelectRows(_, each true)",
                ]
            )
            return f"Table.TransformColumns({{0}}, {{{{{quoted(name)}, {change}}}}})"
        del self.columns[name]
        return f"Table.RemoveColumns({{0}}, {listed([name])})"
