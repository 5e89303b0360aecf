"""Random dataflows over random tables, from a seed and a number: the same program each time.

A program is a list of steps over typed columns; each step knows the columns that it leaves, so most steps
make sense, and some raise.  `prove_folding.py` runs them; hypothesis is not used because a hundred
thousand programs need no shrinking but of the few that differ.  What is drawn is in `dataflows_expressions.py`,
`dataflows_steps.py` and `dataflows_tables.py`, the tables in `pool.py`.
"""

from __future__ import annotations

import re
from random import Random

from attrs import evolve, frozen

from tests.properties.dataflows_base import DEFINITIONS, field, listed
from tests.properties.dataflows_tables import Tables
from tests.properties.pool import (
    COLUMNS,
    FORMATS,
    LONG,
    ODD,
    POOL,
    Kind,
    Shape,
    drawn,
    literal,
    long_shape,
    odd_shape,
    quoted,
)  # fmt: skip

#: How often a program reads a table of many rows, and one of odd columns.
MANY, STRANGE = 0.01, 0.25


@frozen
class Program:
    """Two tables (expressions), steps with ``{0}`` for the table before, and what is asked at the end."""

    left: str
    right: str
    steps: tuple[str, ...]
    end: str

    def text(self) -> str:
        """The program as M."""
        lines = [f"l = {self.left}", f"r = {self.right}", *self.definitions()]
        last = "l"
        for number, step in enumerate(self.steps, 1):
            lines.append(f"s{number} = {step.replace('{0}', last)}")
            last = f"s{number}"
        return "let\n    " + ",\n    ".join(lines) + "\nin\n    " + self.end.replace("{0}", last)

    def definitions(self) -> list[str]:
        """The values and functions that the steps name."""
        wanted, seen = " ".join([*self.steps, self.end]), set[str]()
        while True:
            named = {n for n in re.findall(r"\b[pf][A-Z][A-Za-z]+", wanted) if n in DEFINITIONS} - seen
            if not named:
                return [f"{name} = {DEFINITIONS[name]}" for name in DEFINITIONS if name in seen]
            seen |= named
            wanted = " ".join(DEFINITIONS[name] for name in named)

    def smaller(self) -> list[Program]:
        """The program with something left out, the larger parts first."""
        found = [evolve(self, steps=self.steps[:i] + self.steps[i + 1 :]) for i in range(len(self.steps))]
        if self.end != "{0}":
            found.append(evolve(self, end="{0}"))
        if "#table({}" not in self.right:
            found.append(evolve(self, right='#table({"k"}, {})'))
        return found


def program(seed: int, number: int, large: bool = False, over: str = "") -> Program:
    """The program of a seed with a number; a large one reads tables of tens of thousands of rows.

    Over a source database most tables are those that it holds.
    """
    return Maker(Random(f"{seed}:{number}"), seed, large, over).program()


class Maker(Tables):
    """Draws one program."""

    def __init__(self, random: Random, seed: int, large: bool, over: str) -> None:
        super().__init__(random)
        self.seed, self.large, self.database = seed, large, over

    def program(self) -> Program:
        """A program over tables of the pool of the seed."""
        self.long = self.large or self.random.random() < MANY
        left, self.columns = self.source(self.long)
        right, self.other = self.source(not self.long and self.random.random() < MANY)
        steps = []
        for _ in range(self.random.randint(1, 6)):
            if self.columns:
                steps.append(self.step())
        return Program(left, right, tuple(steps), self.end())

    def source(self, many: bool) -> tuple[str, dict[str, str]]:
        """A table of the pool, or one that is written out, and its columns."""
        shape = self.random.random()
        if self.database and (many or shape < 0.88):
            return self.served(many, shape)
        if many:
            found = long_shape(self.seed, self.random.randrange(LONG), self.large)
        elif shape < STRANGE:
            found = odd_shape(self.seed, self.random.randrange(ODD))
        elif shape < (0.94 if self.database else 0.85):
            found = Shape(f"t{self.random.randrange(POOL)}", self.random.choices(FORMATS, [4, 3, 2])[0])
        else:
            return self.written()
        return found.expression, dict(found.columns)

    def served(self, many: bool, shape: float) -> tuple[str, dict[str, str]]:
        """A table of the source database, and its columns."""
        if many:
            found = long_shape(self.seed, self.random.randrange(LONG), False, self.database)
        elif shape < STRANGE:
            found = odd_shape(self.seed, self.random.randrange(ODD), self.database)
        else:
            found = Shape(f"t{self.random.randrange(POOL)}", self.database)
        return found.expression, dict(found.columns)

    def written(self) -> tuple[str, dict[str, str]]:
        """A table that is written out."""
        columns = dict(COLUMNS)
        if self.random.random() < 0.4:
            shape = odd_shape(self.seed, self.random.randrange(ODD))
            columns = {n: k for n, k in shape.columns.items() if not isinstance(k, Kind)} or columns
        rows = drawn(self.random, self.random.random() < 0.5, self.pick([0, 1, 8, 8, 8]), columns)
        return literal(rows, self.random.random() < 0.6, columns), columns

    def step(self) -> str:
        """A step; changes what is known of the columns."""
        group = self.random.random()
        if group < 0.33:
            return self.row_step()
        if group < 0.7:
            return self.column_step()
        return self.table_step()

    def end(self) -> str:
        """What is asked of the last table; never all rows of a large one."""
        if self.large and self.random.random() < 0.7:
            return str(
                self.pick(
                    ["Table.FirstN({0}, 200)", "Table.LastN({0}, 200)", "Table.AlternateRows({0}, 0, 997, 1)"]
                )
            )
        if self.random.random() < 0.6 or not self.columns:
            return "{0}"
        name, number = self.some(1)[0], field(self.numeric())
        column, key = "{0}" + field(name), field(name)[1:-1]
        return str(self.pick([
            "Table.RowCount({0})", "Table.IsEmpty({0})", f"List.Sum({{0}}{number})", f"List.Max({column})", column, f"List.Min({column})",
            "{0}{ 0 }?", "Table.First({0})", "Table.Last({0})", f"List.Distinct({column})", f"Table.Column({{0}}, {quoted(name)})",
            f"List.Average({{0}}{number})", f"List.Contains({column}, 2)", "Table.ColumnNames({0})", "Table.ToRecords({0})",
            f"Table.Contains({{0}}, [{key} = 2])", f"Table.HasColumns({{0}}, {quoted(name)})", f"Table.IsDistinct({{0}}, {listed([name])})",
            f"Table.Max({{0}}, {quoted(name)})", f"Table.MatchesAnyRows({{0}}, each [{key}] = null)", "Table.ToRows({0})", "Table.Schema({0})",
            "Table.FirstN({0}, 3)", f"Table.Min({{0}}, {quoted(name)})", "Table.Profile({0})", f"[a = Table.RowCount({{0}}), b = {column}]",
            f"{{0}}{{[{key} = {self.constant(self.columns[name])}]}}", f"{{0}}{{[{key} = {self.constant(self.columns[name])}]}}?", "{0}{ 1 }", f"{column}{{ 0}}?",
            f"List.Median({{0}}{number})", f"List.NonNullCount({column})", f"List.First({column})", f"List.Last({column})", f"List.Sort({column})",
            f"List.StandardDeviation({{0}}{number})", f"List.Product({{0}}{number})", f"List.Count({column})", f"List.IsEmpty({column})", "Table.ColumnCount({0})",
            f"Table.PositionOf({{0}}, [{key} = 2])", "Table.ToColumns({0})", "Table.Transpose(Table.FirstN({0}, 4))", "Table.DemoteHeaders({0})", "Table.SingleRow(Table.FirstN({0}, 1))",
            f"{{ Table.RowCount({{0}}), List.Count({column}), Table.FirstN({{0}}, 1) }}", f"Record.Field({{0}}{{ 0}}, {quoted(name)})", "Value.Type({0})",
            f"Text.Combine(List.Transform({column}, each try Text.From(_) otherwise \"!\"), \",\")", f"Table.Partition({{0}}, {quoted(name)}, 2, (x) => 1)", "Table.Distinct({0}) = {0}",
            f"List.Accumulate({column}, 0, (a, b) => try a + b otherwise a)", "Table.Split({0}, 2)", f"List.Max(Table.SelectRows({{0}}, each [{key}] <> null)[{key}])",
            "Table.RowCount(Table.SelectColumns({0}, Table.ColumnNames({0})))", f"Table.MinN({{0}}, {quoted(name)}, 2)", "Table.FirstValue({0})", f"List.Mode({column})",
        ]))  # fmt: skip
