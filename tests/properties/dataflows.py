"""Random dataflows over random tables, from a seed and a number: the same program each time.

A program is a list of steps over typed columns; each step knows the columns that it leaves, so most steps
make sense, and some raise.  `prove_folding.py` runs them; hypothesis is not used because a hundred
thousand programs need no shrinking but of the few that differ.
"""

from __future__ import annotations

from random import Random
from typing import Any

from attrs import evolve, frozen

from tests.properties.pool import CELLS, COLUMNS, CSV_TYPES, NUMBERS, POOL, TYPES, drawn, literal

JOINS = ["Inner", "LeftOuter", "RightOuter", "FullOuter", "LeftAnti", "RightAnti", "LeftSemi", "RightSemi"]


@frozen
class Program:
    """Two tables (expressions), steps with ``{0}`` for the table before, and what is asked at the end."""

    left: str
    right: str
    steps: tuple[str, ...]
    end: str

    def text(self) -> str:
        """The program as M."""
        lines = [f"l = {self.left}", f"r = {self.right}"]
        last = "l"
        for number, step in enumerate(self.steps, 1):
            lines.append(f"s{number} = {step.replace('{0}', last)}")
            last = f"s{number}"
        return "let\n    " + ",\n    ".join(lines) + "\nin\n    " + self.end.replace("{0}", last)

    def smaller(self) -> list[Program]:
        """The program with something left out, the larger parts first."""
        found = [evolve(self, steps=self.steps[:i] + self.steps[i + 1 :]) for i in range(len(self.steps))]
        if self.end != "{0}":
            found.append(evolve(self, end="{0}"))
        return found


def program(seed: int, number: int) -> Program:
    """The program of a seed with a number."""
    return Maker(Random(f"{seed}:{number}")).program()


def quoted(name: str) -> str:
    return '"' + name + '"'


def claimed(kind: str) -> str:
    """The type of a kind, as an expression."""
    return TYPES[kind] if "." in TYPES[kind] else "type " + TYPES[kind]


def listed(names: Any) -> str:
    return "{" + ", ".join(map(quoted, names)) + "}"


class Maker:
    """Draws one program; ``columns`` are the names and kinds at the point that is drawn."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.columns: dict[str, str] = dict(COLUMNS)
        self.made = 0
        self.pick = random.choice

    def program(self) -> Program:
        left, right = self.source(), self.source()
        steps = []
        for _ in range(self.random.randint(1, 5)):
            step = self.step()
            if step is not None:
                steps.append(step)
        return Program(left, right, tuple(steps), self.end())

    def source(self) -> str:
        """A table of the pool, or one that is written out; ``{folder}`` stands for the pool's folder."""
        number, shape = self.random.randrange(POOL), self.random.random()
        if shape < 0.4:
            return f'Parquet.Document(File.Contents("{{folder}}/t{number}.parquet"))'
        if shape < 0.65:
            return f'DuckDB.Database("{{folder}}/pool.duckdb"){{[Schema = "main", Item = "t{number}"]}}[Data]'
        if shape < 0.85:
            text = f'Csv.Document(File.Contents("{{folder}}/t{number}.csv"), [Delimiter = ",", Encoding = 65001])'
            return f'Table.TransformColumnTypes(Table.PromoteHeaders({text}), {CSV_TYPES}, "en-US")'
        return literal(drawn(self.random, self.random.random() < 0.5, 8), self.random.random() < 0.5)

    # ------------------------------------------------------------ columns

    def name(self) -> str:
        self.made += 1
        return f"z{self.made}"

    def of(self, *kinds: str) -> str | None:
        """A column of one of the kinds; rarely of any."""
        names = [n for n, kind in self.columns.items() if kind in kinds]
        if not names or self.random.random() < 0.02:
            names = list(self.columns)
        return self.pick(names) if names else None

    def some(self, most: int = 3) -> list[str]:
        names = list(self.columns)
        return self.random.sample(names, self.random.randint(1, min(most, len(names)))) if names else []

    # ------------------------------------------------------------ expressions

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
        make = {"number": self.number, "text": self.text, "logical": self.logical, "date": self.date}.get(
            kind
        )
        return make(depth - 1) if make is not None else self.leaf(kind)

    def leaf(self, kind: str) -> str:
        kinds = ("number", "whole") if kind == "number" else (kind,)
        name = self.of(*kinds)
        if name is not None and self.random.random() < 0.7:
            return f"[{name}]"
        return self.pick(CELLS[kind])

    def number(self, depth: int) -> str:
        x, y = self.expression("number", depth), self.expression("number", depth)
        t, d = self.expression("text", depth), self.expression("date", depth)
        count = self.pick(["0", "1", "2", "-1"])
        return self.pick([
            f"({x} + {y})", f"({x} - {y})", f"({x} * {y})", f"({x} / {y})", f"(-{x})", f"Number.Abs({x})", f"Number.Sign({x})",
            f"Number.Round({x}, {self.pick(['0', '1', '2', '-1'])})", f"Number.Round({x})", f"Number.RoundUp({x})",
            f"Number.RoundDown({x})", f"Number.Sqrt({x})", f"Number.Mod({x}, {self.pick(['3', '2', y])})",
            f"Number.IntegerDivide({x}, {self.pick(['3', '2', y])})", f"Text.Length({t})", f"Date.Year({d})", f"Date.Month({d})",
            f"Date.Day({d})", f"Date.DayOfWeek({d}, Day.Monday)", f"Date.QuarterOfYear({d})", f"Date.DayOfYear({d})",
            f"Number.From({x})", f"Number.From({t})", f"Number.From({d})", f'Text.PositionOf({t}, "b")', f"List.Sum({{{x}, {y}}})",
            f"List.Max({{{x}, {y}}})", f"List.Min({{{x}, {y}}})", f"Number.Power({x}, 2)", f"Int64.From({x})", f"Date.WeekOfYear({d})",
            f"Number.RoundTowardZero({x})", f"Number.RoundAwayFromZero({x})", f"Number.RoundUp({x}, {count})", f"Number.Log({x})",
            f"Number.Round({x}, {count}, RoundingMode.{self.pick(['Up', 'Down', 'AwayFromZero', 'TowardZero'])})", f"Number.Exp({x})",
            f"Number.Power({x}, {y})", f"Int32.From({t})", f"(try Number.From({t}) otherwise {y})", f"Number.Sin({x})", f"Byte.From({x})",
            f"Duration.TotalHours({d} - {self.expression('date', depth)})", f"Time.Second({self.leaf('datetime')})",
            f"Duration.Seconds(Date.EndOfDay({self.leaf('datetime')}) - {self.leaf('datetime')})", f"Number.FromText({t}, \"de-DE\")",
            f"List.NonNullCount(Record.FieldValues(_)) + {x}" if depth else x,
        ])  # fmt: skip

    def text(self, depth: int) -> str:
        t, u, n = (
            self.expression("text", depth),
            self.expression("text", depth),
            self.expression("number", depth),
        )
        count = self.pick(["0", "1", "2", "3"])
        return self.pick([
            f"({t} & {u})", f'({t} & "!")', f"Text.Upper({t})", f"Text.Lower({t})", f"Text.Trim({t})", f"Text.Start({t}, {count})",
            f"Text.End({t}, {count})", f"Text.Middle({t}, {count}, {self.pick(['1', '2'])})", f'Text.Replace({t}, "a", "zz")',
            f'Text.PadStart({t}, 4, "0")', f"Text.Reverse({t})", f"Text.From({n})", f'Text.BeforeDelimiter({t}, "-")',
            f'Text.AfterDelimiter({t}, "-")', f'Text.Remove({t}, {{"a", "b"}})', f"Text.Proper({t})", f"Text.TrimStart({t})",
            f'Text.Combine({{{t}, {u}}}, "/")', f"Text.Repeat({t}, {count})", f"Text.From({self.expression('date', depth)})",
            f'Text.PadEnd({t}, 3)', f"Text.Clean({t})", f"Text.From({self.logical(depth)})", f'Text.Select({t}, {{"a".."z"}})',
            f'Text.Insert({t}, {count}, "+")', f'Text.BetweenDelimiters({t}, "-", "-")', f"Text.Range({t}, {count})",
            f"Number.ToText({n}, \"0.00\")", f"Text.At({t}, {count})", f'Text.From({n}, "de-DE")', f"Number.ToText({n})",
            f"Date.ToText({self.expression('date', depth)}, \"{self.pick(['yyyy-MM-dd', 'd MMM yy', 'D'])}\")",
            f"DateTime.ToText({self.leaf('datetime')})", f"DateTime.ToText(Date.EndOfDay({self.leaf('datetime')}), \"s\", \"fr-FR\")",
            f"Date.MonthName({self.expression('date', depth)})", f"Text.From({self.leaf('datetime')} + #duration(1, 2, 3, 4))",
            f'Text.AfterDelimiter({t}, "-", {{{{0, RelativePosition.FromEnd}}}})', f'Text.BeforeDelimiter({t}, "b", {count})',
            f"Text.RemoveRange({t}, {count})", f'Text.ReplaceRange({t}, 0, {count}, {u})', f"Text.Start({t}, Text.Length({t}) - 1)",
            f"Text.Middle({t}, {n}, 2)",
        ])  # fmt: skip

    def logical(self, depth: int) -> str:
        kind = self.pick(["number", "number", "number", "text", "text", "date", "datetime", "logical"])
        x, y = self.expression(kind, depth), self.expression(kind, depth)
        shape = self.random.random()
        if shape < 0.45:
            return f"({x} {self.pick(['=', '<>', '<', '<=', '>', '>='])} {y})"
        if shape < 0.6 and depth > 0:
            return f"({self.logical(depth - 1)} {self.pick(['and', 'or'])} {self.logical(depth - 1)})"
        if shape < 0.65 and depth > 0:
            return f"(not {self.logical(depth - 1)})"
        t = self.expression("text", depth)
        return self.pick([
            f"({x} = null)", f"({x} <> null)", f'Text.Contains({t}, "a")', f'Text.StartsWith({t}, "a")', f'Text.EndsWith({t}, "b")',
            f'Text.Contains({t}, "A", Comparer.OrdinalIgnoreCase)', f"List.Contains({{{x}, {self.leaf(kind)}}}, {y})",
            f"Value.Is({x}, type {kind})", f"({x} is {kind})", f"Value.Equals({x}, {y})", f"Number.IsEven({self.leaf('number')})",
            f"List.Contains({{1, null, 3}}, {self.leaf('number')})", f"Number.IsNaN({self.leaf('number')})",
            f'({t} = "")', f"Date.IsIn{self.pick(['PreviousN', 'NextN'])}Years({self.leaf('date')}, 5)",
            f"Date.IsInCurrentYear({self.leaf('datetime')})", f"Date.IsLeapYear({self.leaf('date')})",
            f'List.IsEmpty(List.RemoveMatchingItems({{{t}, {x}}}, {{"", null}}))',
        ])  # fmt: skip

    def date(self, depth: int) -> str:
        d, t = self.expression("date", depth), self.leaf("text")
        count = self.pick(["0", "1", "-1", "5", "13"])
        return self.pick([
            f"Date.AddDays({d}, {count})", f"Date.AddMonths({d}, {count})", f"Date.AddYears({d}, {count})", f"Date.StartOfMonth({d})",
            f"Date.EndOfMonth({d})", f"Date.StartOfYear({d})", f"Date.StartOfWeek({d}, Day.Monday)", f"Date.EndOfQuarter({d})",
            f"Date.From({t})", f"(try Date.From({t}) otherwise {d})", f"Date.EndOfWeek({d})", f"Date.From(Date.EndOfMonth({self.leaf('datetime')}))",
            f"({d} + #duration({count}, 0, 0, 0))", f"#date(Date.Year({d}), Date.Month({d}), {self.pick(['1', '29'])})",
            f"Date.AddMonths({d}, {self.leaf('number')})", f"Date.From({d} & #time(1, 2, 3))",
            f"Date.From({self.leaf('datetime')})", f"DateTime.Date({self.leaf('datetime')})", f"Date.StartOfQuarter({d})",
        ])  # fmt: skip

    # ------------------------------------------------------------ steps

    def step(self) -> str | None:
        """A step; changes what is known of the columns."""
        if not self.columns:
            return None
        group = self.random.random()
        if group < 0.35:
            return self.row_step()
        if group < 0.75:
            return self.column_step()
        return self.table_step()

    def row_step(self) -> str:
        names, one, count = self.some(), self.some(1), self.pick(["0", "1", "2", "3", "5"])
        keys = ", ".join(
            self.pick([f'"{n}"', f'{{"{n}", Order.Descending}}', f'{{"{n}", 0}}']) for n in names
        )
        condition = self.logical(self.pick([0, 1, 1, 2]))
        return self.pick([
            *[f"Table.SelectRows({{0}}, each {condition})"] * 5, *[f"Table.Sort({{0}}, {{{keys}}})"] * 3,
            f"Table.Sort({{0}}, {{{{each {self.expression('number', 1)}, {self.pick('01')}}}}})", f"Table.FirstN({{0}}, {count})",
            f"Table.Skip({{0}}, {count})", f"Table.LastN({{0}}, {count})", f"Table.RemoveLastN({{0}}, {count})",
            f"Table.FirstN({{0}}, each {condition})", f"Table.Skip({{0}}, each {condition})", "Table.ReverseRows({0})",
            f"Table.Distinct({{0}}, {listed(names)})", "Table.Distinct({0})", "{0} & {0}", "Table.Buffer({0})",
            "Table.StopFolding({0})", f"Table.RemoveRowsWithErrors({{0}}, {listed(names)})", "Table.RemoveRowsWithErrors({0})",
            f"Table.SelectRowsWithErrors({{0}}, {listed(one)})", f"Table.Range({{0}}, {count}, 4)",
            f"Table.MaxN({{0}}, {listed(one)}, {count})", f"Table.MinN({{0}}, {listed(one)}, {count})",
            f"Table.AlternateRows({{0}}, {count}, 1, 2)", f"Table.RemoveRows({{0}}, {count})" if count != "0" else "Table.FirstN({0}, 4)",
            f"Table.RemoveMatchingRows({{0}}, {{[{one[0]} = {self.pick(NUMBERS)}]}}, {quoted(one[0])})",
            f"Table.Repeat({{0}}, {self.pick(['1', '2'])})",
        ])  # fmt: skip

    def column_step(self) -> str:
        kind = self.pick(["number", "number", "text", "text", "logical", "date"])
        made = self.pick([
            self.add, self.add, self.add, self.transform, self.transform, self.replace, self.fill, self.choose, self.convert,
            self.convert, self.index, self.errors, self.rename, self.split, self.merge,
        ])  # fmt: skip
        return made(kind)

    def add(self, kind: str) -> str:
        value, name = self.expression(kind, self.pick([1, 2, 3])), self.name()
        claim = self.pick(["", "", f", {claimed(kind)}"])
        self.columns[name] = kind
        return f'Table.AddColumn({{0}}, "{name}", each {value}{claim})'

    def transform(self, kind: str) -> str:
        text, number = self.of("text"), self.of("number", "whole")
        assert text is not None
        assert number is not None
        on_text = self.pick(
            [
                "Text.Upper",
                "Text.Trim",
                "Text.Length",
                'each _ & "x"',
                "each Text.Start(_, 2)",
                "each try Number.From(_) otherwise null",
                "Text.Lower",
            ]
        )
        on_number = self.pick(
            [
                "each _ * 2",
                "Number.Abs",
                "each Number.Round(_, 1)",
                "each if _ = null then 0 else _",
                "Text.From",
                "each _ / 3",
            ]
        )
        if self.random.random() < 0.5:
            self.columns[text] = "number" if "Length" in on_text or "From" in on_text else "text"
            return f'Table.TransformColumns({{0}}, {{{{"{text}", {on_text}}}}})'
        self.columns[number] = "text" if on_number == "Text.From" else "number"
        claim = self.pick(["", "", ", type nullable number"]) if on_number != "Text.From" else ""
        return f'Table.TransformColumns({{0}}, {{{{"{number}", {on_number}{claim}}}}})'

    def replace(self, kind: str) -> str:
        if self.random.random() < 0.4:
            return f"Table.ReplaceValue({{0}}, {self.pick(['null', '2'])}, 0, Replacer.ReplaceValue, {listed([self.of('number', 'whole')])})"
        if self.random.random() < 0.5:
            return f'Table.ReplaceValue({{0}}, "a", "z", Replacer.ReplaceText, {listed([self.of("text")])})'
        name = self.of(kind)
        return f"Table.ReplaceValue({{0}}, each [{name}], each {self.expression(kind, 1)}, Replacer.ReplaceValue, {listed([name])})"

    def fill(self, kind: str) -> str:
        return f"Table.Fill{self.pick(['Down', 'Up'])}({{0}}, {listed(self.some())})"

    def choose(self, kind: str) -> str:
        shape, names = self.random.random(), self.some(4)
        if shape < 0.3 and len(self.columns) > len(names):
            self.columns = {n: k for n, k in self.columns.items() if n not in names}
            return f"Table.RemoveColumns({{0}}, {listed(names)})"
        if shape < 0.6:
            self.columns = {n: self.columns[n] for n in names}
            return f"Table.SelectColumns({{0}}, {listed(names)})"
        if shape < 0.8:
            return f"Table.ReorderColumns({{0}}, {listed(names)})"
        new = self.name()
        self.columns[new] = self.columns[names[0]]
        return f'Table.DuplicateColumn({{0}}, "{names[0]}", "{new}")'

    def convert(self, kind: str) -> str:
        names = self.some(2)
        changes = []
        for name in names:
            target = self.pick(["number", "text", "text", "date", "logical", "Int64.Type", "datetime"])
            changes.append(f'{{"{name}", {target if "." in target else "type " + target}}}')
            self.columns[name] = "whole" if "." in target else target
        culture = self.pick(["", "", "", ', "en-US"', ', "de-DE"'])
        return f"Table.TransformColumnTypes({{0}}, {{{', '.join(changes)}}}{culture})"

    def index(self, kind: str) -> str:
        name = self.name()
        if self.random.random() < 0.3:
            keys = listed(self.some(2))
            self.columns[name] = "whole"
            how = self.pick(["Competition", "Dense", "Ordinal"])
            return f'Table.AddRankColumn({{0}}, "{name}", {keys}, [RankKind = RankKind.{how}])'
        self.columns[name] = "whole"
        return f'Table.AddIndexColumn({{0}}, "{name}", {self.pick(["0", "1", "-5"])}, {self.pick(["1", "2", "0.1", "-1"])})'

    def errors(self, kind: str) -> str:
        return f"Table.ReplaceErrorValues({{0}}, {{{{{quoted(self.some(1)[0])}, {self.pick(['9', 'null', chr(34) + 'bad' + chr(34)])}}}}})"

    def rename(self, kind: str) -> str:
        old, new = self.some(1)[0], self.name()
        if self.random.random() < 0.2:
            self.columns = {"p." + n: k for n, k in self.columns.items()}
            return 'Table.PrefixColumns({0}, "p")' if self.columns else "{0}"
        self.columns = {new if n == old else n: k for n, k in self.columns.items()}
        return f'Table.RenameColumns({{0}}, {{{{"{old}", "{new}"}}}})'

    def split(self, kind: str) -> str:
        name = self.of("text")
        new = [self.name(), self.name()]
        self.columns = {n: k for n, k in self.columns.items() if n != name}
        self.columns.update(dict.fromkeys(new, "text"))
        how = self.pick(
            [
                'Splitter.SplitTextByDelimiter("-")',
                'Splitter.SplitTextByEachDelimiter({"-"})',
                "Splitter.SplitTextByPositions({0, 1})",
            ]
        )
        return f'Table.SplitColumn({{0}}, "{name}", {how}, {listed(new)})'

    def merge(self, kind: str) -> str:
        names = [n for n, k in self.columns.items() if k == "text"][:2] or self.some(2)
        new = self.name()
        self.columns = {n: k for n, k in self.columns.items() if n not in names}
        self.columns[new] = "text"
        return f'Table.CombineColumns({{0}}, {listed(names)}, Combiner.CombineTextByDelimiter("-"), "{new}")'

    # ------------------------------------------------------------ several tables, shapes

    def table_step(self) -> str:
        return self.pick(
            [
                self.group,
                self.group,
                self.group,
                self.join,
                self.join,
                self.nested,
                self.append,
                self.unpivot,
                self.pivot,
            ]
        )()

    def group(self) -> str:
        keys = self.some(2) if self.random.random() < 0.93 else []
        aggregates, columns = [], {k: self.columns[k] for k in keys}
        for _ in range(self.random.randint(1, 3)):
            name = self.name()
            kind, value = self.aggregate()
            aggregates.append(f'{{"{name}", each {value}{self.pick(["", f", {claimed(kind)}"])}}}')
            columns[name] = kind
        self.columns = columns
        local = self.pick(["", "", "", ", GroupKind.Local"])
        return f"Table.Group({{0}}, {listed(keys)}, {{{', '.join(aggregates)}}}{local})"

    def aggregate(self) -> tuple[str, str]:
        number, any_column = f"[{self.of('number', 'whole')}]", f"[{self.some(1)[0]}]"
        name = any_column[1:-1]
        if self.random.random() < 0.5:
            form = self.pick([
                f"List.Sum({number})", f"List.Average({number})", "Table.RowCount(_)", f"List.Count({any_column})",
                f"List.NonNullCount({any_column})", f"List.Count(List.Distinct({any_column}))", f"List.Median({number})",
                f"List.Sum(Table.SelectRows(_, each {number} > 1){number})", f"List.StandardDeviation({number})",
                f"Table.RowCount(Table.Distinct(_, {listed([name])}))", f"List.Product({number})", f"List.Sum({number}) / Table.RowCount(_)",
            ])  # fmt: skip
            return "number", form
        form = self.pick(
            [
                f"List.Max({any_column})",
                f"List.Min({any_column})",
                f"List.First({any_column})",
                f"List.Last({any_column})",
            ]
        )
        return self.columns[name], form

    def right(self) -> tuple[str, dict[str, str]]:
        """Another table with other names for its columns."""
        prefix = self.name()
        return f'Table.PrefixColumns(r, "{prefix}")', {f"{prefix}.{n}": k for n, k in COLUMNS.items()}

    def keys(self, other: dict[str, str]) -> tuple[list[str], list[str]] | None:
        pairs = [(a, b) for a, k in self.columns.items() for b, j in other.items() if k == j]
        if not pairs:
            return None
        chosen = self.random.sample(pairs, min(len(pairs), self.pick([1, 1, 1, 2])))
        return [a for a, _ in chosen], [b for _, b in chosen]

    def join(self) -> str | None:  # type: ignore[return]
        right, other = self.right()
        found = self.keys(other)
        if found is None:
            return "{0}"
        self.columns.update(other)
        return (
            f"Table.Join({{0}}, {listed(found[0])}, {right}, {listed(found[1])}, JoinKind.{self.pick(JOINS)})"
        )

    def nested(self) -> str:
        found = self.keys(COLUMNS)
        if found is None:
            return "{0}"
        kind = self.pick(JOINS)
        inner = self.random.sample(list(COLUMNS), self.random.randint(1, 3))
        new = [self.name() for _ in inner]
        joined = (
            f'Table.NestedJoin({{0}}, {listed(found[0])}, r, {listed(found[1])}, "nest", JoinKind.{kind})'
        )
        if self.random.random() < 0.25:
            self.columns[new[0]] = "number"
            over = self.pick(
                [
                    f'{{{{"{inner[0]}", List.Count, "{new[0]}"}}}}',
                    f'{{{{"n", List.Sum, "{new[0]}"}}}}',
                    f'{{{{"k", List.Max, "{new[0]}"}}}}',
                ]
            )
            return f'Table.AggregateTableColumn({joined}, "nest", {over})'
        if self.random.random() < 0.1:
            return f'Table.RemoveColumns(Table.AddColumn({joined}, "{self.name()}x", each Table.RowCount([nest])), "nest")'
        self.columns.update({n: COLUMNS[i] for n, i in zip(new, inner, strict=True)})
        return f'Table.ExpandTableColumn({joined}, "nest", {listed(inner)}, {listed(new)})'

    def append(self) -> str:
        if self.columns == COLUMNS or self.random.random() < 0.5:
            self.columns = {
                **self.columns,
                **{n: (k if self.columns.get(n, k) == k else "any") for n, k in COLUMNS.items()},
            }
            return self.pick(["Table.Combine({ {0}, r})", "Table.Combine({r, {0}})", "{0} & r"])
        names = self.some(2)
        self.columns = {n: self.columns[n] for n in [*names, *[c for c in self.columns if c not in names]]}
        return f"Table.Combine({{ Table.SelectColumns({{0}}, {listed(names)}), Table.FirstN({{0}}, 2)}})"

    def unpivot(self) -> str:
        names, attribute, value = self.some(2), self.name(), self.name()
        kinds = {k for n, k in self.columns.items() if n not in names}
        kept = {n: self.columns[n] for n in names}
        if self.random.random() < 0.5:
            text = f'Table.UnpivotOtherColumns({{0}}, {listed(names)}, "{attribute}", "{value}")'
            kind = kinds.pop() if len(kinds) == 1 else "any"
            self.columns = {**kept, attribute: "text", value: kind}
            return text
        kind = next(iter(set(kept.values()))) if len(set(kept.values())) == 1 else "any"
        rest = {n: k for n, k in self.columns.items() if n not in names}
        self.columns = {**rest, attribute: "text", value: kind}
        return f'Table.Unpivot({{0}}, {listed(names)}, "{attribute}", "{value}")'

    def pivot(self) -> str:
        text, number = self.of("text"), self.of("number", "whole")
        others = [n for n in self.columns if n not in (text, number)][:2]
        if text == number or not others:
            return "{0}"
        self.columns = {**{n: self.columns[n] for n in others}, "a": "number", "b": "number"}
        how = self.pick(["List.Sum", "List.Max", "List.Count", "List.Average"])
        chosen = [*others, text, number]
        return f'Table.Pivot(Table.SelectColumns({{0}}, {listed(chosen)}), {{"a", "b"}}, "{text}", "{number}", {how})'

    # ------------------------------------------------------------ ends

    def end(self) -> str:
        if self.random.random() < 0.7 or not self.columns:
            return "{0}"
        name, number = self.some(1)[0], self.of("number", "whole")
        return self.pick([
            "Table.RowCount({0})", "Table.IsEmpty({0})", f"List.Sum({{0}}[{number}])", f"List.Max({{0}}[{name}])", f"{{0}}[{name}]",
            "{0}{ 0 }?", "Table.First({0})", "Table.Last({0})", f"List.Distinct({{0}}[{name}])", f"Table.Column({{0}}, \"{name}\")",
            f"List.Average({{0}}[{number}])", f"List.Contains({{0}}[{name}], 2)", "Table.ColumnNames({0})", "Table.ToRecords({0})",
            f"Table.Contains({{0}}, [{name} = 2])", f"Table.HasColumns({{0}}, \"{name}\")", f"Table.IsDistinct({{0}}, {listed([name])})",
            f"Table.Max({{0}}, \"{name}\")", f"Table.MatchesAnyRows({{0}}, each [{name}] = null)", "Table.ToRows({0})",
        ])  # fmt: skip
