"""What is the same for all rows is computed once by the interpreter; what may be something else each time is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlang
from folding.boundary import try_fold
from folding.terms import CannotFold
from mlang.session import Session, use
from mlang.values.thunk import force

ROWS = '#table({"x", "t"}, {{1, "a"}, {2, "b"}, {null, "é"}, {-4.5, null}})'


def settled(m: str) -> Any:
    made = mlang.evaluate(m, engine="none", culture="en-US")
    made.plan.columns[:] = [[force(cell) for cell in column] for column in made.plan.columns]
    return made


def folds_alike(m: str) -> bool:
    """Whether a function of a table folds; both engines give the same in any case."""
    shown = []
    for engine in ("duckdb", "none"):
        with use(Session(culture="en-US", time_zone="UTC", engine=engine)):
            made = mlang.evaluate(m, engine=engine, culture="en-US").fn(settled(ROWS))
            shown.append(mlang.to_m(made))
            if engine == "duckdb":
                folded = not isinstance(try_fold(made.plan), CannotFold)
    assert shown[0] == shown[1], m
    return folded


@pytest.mark.parametrize(
    "m",
    [
        '(S) => Table.AddColumn(S, "p", each [x] / List.Sum(S[x]))',
        '(S) => Table.AddColumn(S, "p", each [x] > List.Average(Table.Column(S, "x")))',
        '(S) => Table.AddColumn(S, "p", each Text.PadStart(Text.From(List.Count(S[t])), 3, "0") & [t])',
        '(S) => let f = (a) => Text.Upper(a) & "!" in Table.AddColumn(S, "p", each f("k") & [t])',
        '(S) => let r = [a = 1, b = (v) => v * 2] in Table.AddColumn(S, "p", each r[b](r[a]) + [x])',
        '(S) => let k = #table({"k", "v"}, {{"a", 10}, {"b", 20}}) in Table.AddColumn(S, "p", each k{[k = [t]]}?[v]?)',
        '(S) => let k = {"zero", "one", "two"} in Table.AddColumn(S, "p", each try k{[x]} otherwise "none")',
        '(S) => let n = [a = "first", b = "second"] in Table.AddColumn(S, "p", each Record.FieldOrDefault(n, [t] ?? "", "-"))',
        '(S) => Table.AddColumn(S, "p", each [x] + Number.FromText("1,5", "de-DE"))',
        "(S) => Table.SelectRows(S, each [x] > List.Min({3, 1, 2}))",
    ],
)
def test_computed_once(m: str) -> None:
    assert folds_alike(m), m


@pytest.mark.parametrize(
    "expression",
    [
        "Number.Random() * 0 + [x]",
        "Number.RandomBetween(1, 1) + [x]",
        "let f = () => Number.Random() * 0 in f() + [x]",
        "let r = [f = () => Number.RandomBetween(2, 2)] in r[f]() + [x]",
        "Text.Length(Text.NewGuid()) + [x]",
    ],
)
def test_what_varies_is_not(expression: str) -> None:
    assert not folds_alike(f'(S) => Table.AddColumn(S, "p", each {expression})')


def test_a_captured_function_that_varies() -> None:
    assert not folds_alike(
        '(S) => let f = () => Number.RandomBetween(3, 3) in Table.AddColumn(S, "p", each f() + [x])'
    )


def test_errors_in_what_is_the_same_for_all_rows() -> None:
    """They are errors of the cells that look at them, and of no others."""
    m = '(S) => Table.AddColumn(S, "p", each if [x] = 1 then Number.FromText("no") else 2)'
    folds_alike(f'(S) => Table.ReplaceErrorValues(({m})(S), {{{{"p", -1}}}})')


def test_arguments_are_computed_used_or_not() -> None:
    """A call computes its arguments: one that raises makes the cell an error."""
    m = '(S) => Table.AddColumn(S, "p", each ((a, b) => a)(1, Text.At([t] ?? "", 0)))'
    folds_alike(
        f'(S) => Table.ReplaceErrorValues(({m})(Table.ReplaceValue(S, "a", "", Replacer.ReplaceValue, {{"t"}})), {{{{"p", -1}}}})'
    )


def test_shares_of_a_total_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("k,v\na,1\nb,2.5\na,4\n", encoding="utf-8")
    m = (
        f'let S = Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents("{path}"))), {{{{"v", type number}}}}),'
        ' P = Table.AddColumn(S, "p", each [v] / List.Sum(S[v])) in P'
    )
    assert mlang.to_m(mlang.evaluate(m, engine="duckdb")) == mlang.to_m(mlang.evaluate(m, engine="none"))
    assert mlang.explain(m)["P"].indicator == "Folding"
