"""What an engine may leave out, M computes: errors that stand beside nulls, constants, empty tables and limits.

Engines fold comparisons with columns that are null throughout, do not look at the second operand where the first
is null for a whole batch, skip sides of joins when the other has no rows, and drop what nobody reads.  Each
program here puts something that raises next to such data; folded and interpreted must give the same.
`SEED=n PROGRAMS=n` in the environment draw others; `prove_folding.py` is the wide proof.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from mlang.compile.entry import run
from tests.properties.prove_folding import Evaluator

SEED = int(os.environ.get("SEED", "7"))
PROGRAMS = int(os.environ.get("PROGRAMS", "150"))
#: Column, SQL type, one value and another.
COLUMNS = {
    "n": ("DOUBLE", "2.5", "7.5"),
    "k": ("BIGINT", "2", "7"),
    "t": ("VARCHAR", "'a'", "'b'"),
    "d": ("DATE", "DATE '2020-01-31'", "DATE '9999-12-31'"),
    "m": ("TIMESTAMP", "TIMESTAMP '2020-01-31 01:02:03'", "TIMESTAMP '9999-12-31 23:59:59'"),
    "b": ("BOOLEAN", "true", "false"),
}
#: Rows of each table by what stands in its columns: null, the one value, the other.
TABLES = {
    "nulls": ("0", "0", "0"),
    "constant": ("1", "1", "1"),
    "mixed": ("1", "0", "2", "1"),
    "late": ("0", "0", "2"),
    "single": ("1",),
    "lone_null": ("0",),
    "empty": (),
}
#: Expressions that raise for some or all rows: of the column of bad texts, and of the edges of the types.
RAISING = {
    "number": ["Number.From([bad])", "Int64.From([bad])", "Number.From(if [k] = 7 then [bad] else null)"],
    "text": ['(if Number.From([bad]) > 1 then "q" else "r")', "Text.Range([bad], 7)"],
    "date": ["Date.From([bad])", "Date.AddDays([d], 40)", "Date.EndOfWeek([d])"],
    "datetime": ["DateTime.From([bad])", "([m] + #duration(2, 0, 0, 0))"],
    "logical": ["Logical.From([bad])", "(if [b] then true else false)"],
    "duration": ["Duration.From(Number.From([bad]))"],
}
PLAIN = {
    "number": ["[n]", "[k]", "1", "0", "(if 1 = 2 then 1 else null)", "(null + [n])"],
    "text": ["[t]", '"a"', '""'],
    "date": ["[d]", "#date(2020, 2, 29)"],
    "datetime": ["[m]"],
    "logical": ["[b]", "true", "false", "(null < [n])"],
    "duration": ["#duration(1, 0, 0, 0)", "([m] - [m])"],
}
#: Result kind, template, kinds of {0}, {1}.
SHAPES = [
    *[("number", f"({{0}} {o} {{1}})", "number", "number") for o in "+-*/"],
    *[("logical", f"({{0}} {o} {{1}})", kind, kind) for o in ("<", ">=", "=", "<>") for kind in PLAIN],
    *[("logical", f"({{0}} {o} {{1}})", "logical", "logical") for o in ("and", "or")],
    ("logical", "(null >= {0})", "datetime", ""), ("logical", "(not {0})", "logical", ""), ("text", "({0} & {1})", "text", "text"),
    *[(kind, "({0} ?? {1})", kind, kind) for kind in PLAIN],
    *[(kind, "(if {0} then {1} else null)", "logical", kind) for kind in PLAIN],
    *[(kind, "(if {0} = null then null else {1})", "number", kind) for kind in PLAIN],
    ("number", "Number.Mod({0}, {1})", "number", "number"), ("number", "Number.Power({0}, {1})", "number", "number"),
    ("number", "Number.Round({0}, 1)", "number", ""), ("number", "List.Sum({{{0}, {1}}})", "number", "number"),
    ("number", "List.Max({{{0}, {1}}})", "number", "number"), ("number", "{{{0}, {1}}}{{1}}", "number", "number"),
    ("logical", "Text.Contains({0}, {1})", "text", "text"), ("text", 'Text.Replace({0}, "a", {1})', "text", "text"),
    ("text", 'Text.Combine({{{0}, {1}}}, "-")', "text", "text"), ("number", "Text.Length({0})", "text", ""),
    ("duration", "({0} - {1})", "date", "date"), ("duration", "({0} - {1})", "datetime", "datetime"),
    ("datetime", "({0} + {1})", "datetime", "duration"), ("date", "Date.StartOfMonth({0})", "date", ""),
    ("duration", "({0} * {1})", "duration", "number"), ("number", "Duration.TotalDays({0})", "duration", ""),
    ("logical", "Value.NullableEquals({0}, {1})", "number", "number"), ("logical", "Value.Equals({0}, {1})", "text", "text"),
    ("logical", "List.Contains({{1, null}}, {0})", "number", ""), ("logical", "({0} is null)", "number", ""),
    ("number", "[q = {0}, r = {1}][r]", "number", "number"), ("text", "Text.From({0})", "number", ""),
    ("number", "(try {0} otherwise -1)", "number", ""),
]  # fmt: skip
#: What is done with a column z made of an expression, or with a condition.
STEPS = [
    "{z}", 'Table.SelectColumns({z}, {{"z"}})', 'Table.Sort({z}, "z")', 'Table.SelectColumns(Table.Sort({z}, {{"t", "z"}}), {{"k"}})',
    'Table.Group({z}, {{"z"}}, {{{{"c", Table.RowCount}}}})', 'Table.Group({z}, {{}}, {{{{"c", each List.NonNullCount([z])}}}})',
    'Table.Group({z}, {{"t"}}, {{{{"c", each List.Max([z])}}, {{"e", each List.First([z])}}}})', 'Table.Group({z}, {{"z"}}, {{}})',
    'Table.Distinct({z}, {{"z"}})', 'Table.Distinct(Table.SelectColumns({z}, {{"z"}}))', "Table.FirstN({z}, 0)", "Table.LastN({z}, 1)",
    'Table.FirstN(Table.Sort({z}, "z"), 0)', 'Table.FirstN(Table.Sort({z}, "z"), 1)', 'Table.SelectRows({z}, each [z] = null)',
    'Table.SelectRows({z}, each [z] <> null and [k] = 7)', 'Table.SelectRows({z}, each [k] = 7 or [z] = null)',
    'Table.RowCount(Table.SelectRows({z}, each [z] <> null))', 'Table.IsEmpty(Table.SelectRows({z}, each [z] = null))',
    'Table.SelectRows(Table.SelectRows({z}, each [z] = null), each [k] = 100)', 'Table.SelectRows(Table.SelectRows({z}, each [k] = 100), each [z] = null)',
    *[f'Table.Join({{z}}, {{{{"z"}}}}, {{right}}, {{{{"r"}}}}, JoinKind.{kind})' for kind in ("Inner", "LeftOuter", "RightOuter", "FullOuter", "LeftAnti", "RightAnti")],
    *[f'Table.Join({{left}}, {{{{"r"}}}}, {{z}}, {{{{"z"}}}}, JoinKind.{kind})' for kind in ("Inner", "LeftOuter", "RightOuter", "LeftAnti", "LeftSemi")],
    'Table.Join(Table.SelectRows({z}, each [z] = null), {{"k"}}, {right}, {{"q"}})', 'Table.Join({right}, {{"q"}}, Table.SelectRows({z}, each [z] = null), {{"k"}}, JoinKind.LeftOuter)',
    'Table.Combine({{{z}, Table.SelectRows({z}, each [z] = null)}})', 'Table.FillDown({z}, {{"z"}})', 'Table.AddIndexColumn(Table.Sort({z}, "z"), "i")',
    'Table.Unpivot(Table.SelectColumns({z}, {{"k", "z"}}), {{"z"}}, "at", "v")', 'Table.AddColumn({z}, "y", each [z] = null)', 'Table.RemoveRowsWithErrors({z}, {{"z"}})',
    'Table.ReplaceErrorValues({z}, {{{{"z", null}}}})', 'List.NonNullCount({z}[z])', 'List.Max({z}[z])', 'Table.AddRankColumn({z}, "rank", "z")',
    'Table.Pivot(Table.SelectColumns(Table.AddColumn({z}, "p", each "c"), {{"k", "p", "z"}}), {{"c"}}, "p", "z", List.NonNullCount)',
]  # fmt: skip


def make(folder: Path) -> None:
    """The tables in a DuckDB file and as Parquet files."""
    import duckdb

    database = duckdb.connect(str(folder / "edges.duckdb"))
    names = ", ".join(f"{n} {c[0]}" for n, c in COLUMNS.items())
    for table, rows in TABLES.items():
        database.execute(f"CREATE TABLE {table} ({names}, bad VARCHAR)")
        for row in rows:
            cells = ["NULL" if row == "0" else c[int(row)] for c in COLUMNS.values()]
            database.execute(f"INSERT INTO {table} VALUES ({', '.join(cells)}, 'zz')")
        database.execute(f"COPY {table} TO '{folder / table}.parquet'")
    database.close()


class Maker:
    """Draws one program."""

    def __init__(self, random: Random, folder: Path) -> None:
        self.pick, self.chance, self.folder = random.choice, random.random, folder

    def source(self) -> str:
        table = self.pick(list(TABLES))
        if self.chance() < 0.5:
            return f'Parquet.Document(File.Contents("{self.folder}/{table}.parquet"))'
        return f'DuckDB.Database("{self.folder}/edges.duckdb"){{[Schema = "main", Item = "{table}"]}}[Data]'

    def expression(self, kind: str, depth: int) -> str:
        shapes = [s for s in SHAPES if s[0] == kind]
        if not depth or not shapes:
            return self.pick((RAISING if self.chance() < 0.45 else PLAIN)[kind])
        _, template, first, second = self.pick(shapes)
        parts = [self.expression(k, depth - 1) for k in (first, second) if k]
        return template.format(*parts)

    def program(self) -> str:
        kind = self.pick(list(PLAIN))
        z = f'Table.AddColumn({self.source()}, "z", each {self.expression(kind, self.pick([0, 1, 1, 2, 2, 3]))})'
        column = {"number": "n", "text": "t", "date": "d", "datetime": "m", "logical": "b"}.get(kind, "k")
        right, left = (
            f'Table.RenameColumns(Table.SelectColumns({self.source()}, {{"{column}", "bad"}}), {{{{"{column}", "r"}}, {{"bad", "q"}}}})'
            for _ in range(2)
        )
        if column != "k":
            right = right.replace(', "bad"}', ', "k"}').replace('{"bad", "q"}', '{"k", "q"}')
        return self.pick(STEPS).format(z=z, right=right, left=left)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("edges")
    make(made)
    return made


def differences(folder: Path, seed: int, count: int) -> list[str]:
    """The programs whose answers differ, with both."""
    evaluator, found = Evaluator(), []
    for number in range(count):
        text = Maker(Random(f"{seed}:{number}"), folder).program()
        folded, interpreted, _ = evaluator.both(text)
        if folded != interpreted or "PYTHON" in folded:
            found.append(f"{number}: {text}\n  folded      {folded}\n  interpreted {interpreted}")
    return found


def test_nothing_that_raises_is_left_out(folder: Path) -> None:
    found = run(lambda: differences(folder, SEED, PROGRAMS))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "expression",
    [
        "Text.Middle([t], Number.Sqrt(-#infinity), 2)", "Text.Start([t], #infinity)", "Date.AddMonths([d], #nan)", "{[n]}{#infinity}",
        "Date.IsInNextNDays([d], #infinity)", 'Text.AfterDelimiter([t], "a", #nan)', "Number.Round([n], #infinity)", "#date(2020, #nan, 1)",
    ],
)  # fmt: skip
def test_counts_that_are_no_numbers(folder: Path, expression: str) -> None:
    """NaN and the infinities as constants are for the interpreter."""
    table = f'Parquet.Document(File.Contents("{folder}/mixed.parquet"))'
    folded, interpreted, _ = run(
        lambda: Evaluator().both(f'Table.AddColumn({table}, "z", each {expression})')
    )
    assert folded == interpreted
