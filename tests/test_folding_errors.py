"""Errors and order where the engine looks at other rows than the interpreter: the interpreter has the last word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

import mlang
from folding import boundary
from mlang.compile.entry import run
from mlang.values.show import to_m


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small tables, and one of texts of which some do not convert."""
    path = tmp_path_factory.mktemp("errors")
    for name, rows in {
        "l": "(1, 1.0, 'a'), (2, NULL, 'b'), (3, 5.0, NULL), (4, 7.0, 'a')",
        "r": "(1, 1.0, 'a'), (2, 2.0, 'b'), (3, 1.0, NULL), (4, 9.0, 'c')",
        "bad": "(1, '5', '2024-01-01'), (2, 'x', '2024-01-02'), (3, '', 'y'), (4, '1e2', '2024-01-01'), (5, 'x', 'z')",
    }.items():
        duckdb.sql(f"COPY (SELECT * FROM (VALUES {rows}) AS v(k, n, t)) TO '{path / name}.parquet'")
    return path


def answers(folder: Path, body: str) -> tuple[str, str]:
    """What both engines give: the value, or the error."""
    sources = "".join(
        f'{name} = Parquet.Document(File.Contents("{folder / name}.parquet")), ' for name in ("l", "r", "bad")
    )
    text = f"""let {sources} T = Table.TransformColumnTypes(bad, {{{{"n", type number}}, {{"t", type date}}}}, "en-US"),
        N = #table({{"n"}}, {{{{null}}}}), r2 = Table.PrefixColumns(r, "r"), A = Table.AddColumn(l, "z", each Date.AddDays(#date(9999, 12, 31), 5)) in {body}"""
    found = []
    for engine in ("duckdb", "none"):
        try:
            value = mlang.evaluate(text, engine=engine, culture="en-US")
            found.append(str(run(lambda shown=value: to_m(shown, "show"))))
        except mlang.MError as error:
            found.append(f"error {error}")
    return found[0], found[1]


def agree(folder: Path, body: str, starts: str) -> str:
    """What both engines give, which is the same and starts so."""
    folded, interpreted = answers(folder, body)
    assert folded == interpreted
    assert folded.startswith(starts)
    return folded


@pytest.mark.parametrize(
    ("body", "starts"),
    [
        ('Table.SelectRowsWithErrors(Table.Combine({A, r}), {"z"})', "#table"),
        ("Table.LastN(Table.Distinct(T), 0)", "error DataFormat.Error"),
        ("Table.LastN(Table.Distinct(l), 0)", "#table"),
        ('Table.MaxN(Table.SelectRows(l, each Int64.From([n] * 1e300) > 0), "k", 0)', "#table"),
        (
            'Table.Join(Table.SelectRows(T, each (try [t] otherwise 1) = 1 or [n] > 1), "k", r2, "r.k", JoinKind.Inner)',
            "error DataFormat.Error",
        ),
        # a null that only an attempt without an error gives is no null before it is known
        (
            'Table.AddColumn(l, "z", each Text.Combine({(try Number.From("q"))[Error]?[Message]?, [t]}, "/"))',
            "#table",
        ),
        (
            'Table.AddColumn(l, "z", each List.Select({[t]}, each (try Number.From("q"))[Error]?[Message]?))',
            "error Expr",
        ),
        # an unknown culture is an error also where all cultures write the same
        ('Table.TransformColumnTypes(l, {{"k", type text}}, "qq")', "#table"),
        ('Table.TransformColumnTypes(bad, {{"n", Int64.Type}}, "qq")', "error Expression.Error"),
        # null and an error is the error
        ('Table.SelectRows(l, each null > [k] and Logical.From("q"))', "error Expression.Error"),
        ("Table.SelectRows(l, each [k] = 2 and [n] > 1 and Logical.From([t]))", "error Expression.Error"),
        ("Table.SelectRows(l, each [k] = 1 and [n] > 1 and Logical.From([t]))", "#table"),
        (
            'Table.Group(l, "k", {{"c", each Table.RowCount(Table.SelectRows(_, each [n] > null and Logical.From([t])))}})',
            "#table",
        ),
        (
            'Table.LastN(Table.SelectRows(l, each "a" = Number.ToText(#nan, "X")), 0)',
            "error Expression.Error",
        ),
        (
            'Table.Unpivot(Table.Combine({Table.SelectRows(N, each if [n] < 1 then true else false), N}), {"n"}, "a", "v")',
            "error Expression.Error",
        ),
        # the record of a missing row is null, not one of nulls
        ('Table.Join(Table.AddColumn(l, "z", each [a = [k]]), "n", r2, "r.k", JoinKind.FullOuter)', "#table"),
        (
            'Table.AddColumn(Table.Join(r2, "r.n", Table.AddColumn(l, "z", each _), "n", JoinKind.LeftOuter), "w", each [z] = null)',
            "#table",
        ),
        (
            """Table.ExpandTableColumn(Table.Join(Table.NestedJoin(l, "t", l, "t", "z"), "k",
                Table.PrefixColumns(Table.TransformColumns(l, {"k", each _ + 2}), "p"), "p.k", JoinKind.RightOuter), "z", {"k"}, {"zk"})""",
            "#table",
        ),
        # nobody asks for the cells of a function that does not come to an end
        (
            """let f = (n) => if n = 0 then 1 else @f(n - 0.5), g = Table.Group(Table.StopFolding(l), {"k"}, {{"s", each List.Sum([n])}})
            in Table.Distinct(Table.SelectColumns(Table.AddColumn(g, "z", each f([s] * #nan)), {"k"}))""",
            "#table",
        ),
        # nothing is in the next -1 years, but the date is computed
        ("Table.SelectRows(A, each Date.IsInNextNYears([z], -1))", "error Expression.Error"),
    ],
)
def test_errors(folder: Path, body: str, starts: str) -> None:
    agree(folder, body, starts)


@pytest.mark.parametrize("last", ["RightOuter", "FullOuter"])
@pytest.mark.parametrize("first", ["Inner", "LeftOuter", "RightOuter", "FullOuter"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_order_of_joins_over_joins(folder: Path, first: str, last: str, side: str) -> None:
    """Rows that only the right table has come before those that only the left one has (TBL-82)."""
    below = f'Table.Join(l, "n", Table.PrefixColumns(r, "x"), "x.n", JoinKind.{first})'
    other = 'Table.PrefixColumns(r, "y")'
    left, key, right, other_key = (
        (below, "n", other, "y.n") if side == "left" else (other, "y.n", below, "n")
    )  # fmt: skip
    folded, interpreted = answers(
        folder, f'Table.Join({left}, "{key}", {right}, "{other_key}", JoinKind.{last})'
    )
    assert folded == interpreted
    assert not folded.startswith("error")


@pytest.mark.parametrize("last", ["RightOuter", "FullOuter"])
def test_order_of_joins_over_sorted_rows(folder: Path, last: str) -> None:
    """A null sort key is no missing row."""
    body = f"""Table.Join(Table.Sort(Table.Distinct(Table.SelectColumns(l, {{"n"}})), "n"), "n",
        Table.Sort(Table.PrefixColumns(r, "y"), "y.n"), "y.n", JoinKind.{last})"""
    folded, interpreted = answers(folder, body)
    assert folded == interpreted
    assert not folded.startswith("error")


@pytest.mark.parametrize(
    "body",
    [
        'Table.Group(Table.RemoveRowsWithErrors(T, {"n"}), {"n"}, {{"c", each Table.RowCount(_)}})',
        'Table.RemoveRowsWithErrors(T, {"n"})',
        "Table.RemoveRowsWithErrors(T)",
        "Table.RemoveRowsWithErrors(Table.Skip(T, 1))",
        'Table.ReplaceErrorValues(T, {{"n", -1}})',
        'Table.ReplaceErrorValues(T, {{"n", null}, {"t", #date(1999, 1, 1)}})',
        'Table.ReplaceErrorValues(T, {{"n", "none"}})',
        'Table.SelectRowsWithErrors(T, {"n"})',
    ],
)
def test_rows_with_errors(folder: Path, body: str) -> None:
    folded, interpreted = answers(folder, body)
    assert folded == interpreted
    assert not folded.startswith("error")


@pytest.mark.parametrize(
    "step",
    [
        'Table.RemoveRowsWithErrors(T, {"n"})',
        "Table.RemoveRowsWithErrors(T)",
        'Table.ReplaceErrorValues(T, {{"n", -1}})',
    ],
)
def test_rows_with_errors_stay_in_the_engine(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The interpreter converts the doubtful texts; it does not run the plan."""
    plans: list[Any] = []
    local = boundary.run_local

    def seen(plan: Any, *arguments: Any) -> Any:
        plans.append(plan)
        return local(plan, *arguments)

    monkeypatch.setattr(boundary, "run_local", seen)
    text = f"""let T = Table.TransformColumnTypes(Parquet.Document(File.Contents("{folder / "bad"}.parquet")),
        {{{{"n", type number}}}}, "en-US") in {step}"""
    run(lambda: to_m(mlang.evaluate(text, engine="duckdb", culture="en-US"), "show"))
    assert not plans


def test_rows_are_counted_though_their_order_may_raise(tmp_path: Path) -> None:
    """A plan that folds, but not as a count, below a step that asks for rows without columns."""
    (tmp_path / "a.csv").write_text("m,n\n1,a\n3,b\n")
    text = """let l = Table.PromoteHeaders(Csv.Document(File.Contents("a.csv"))),
        t = Table.TransformColumnTypes(l, {{"m", Int64.Type}}), s = Table.Sort(t, {{"m", Order.Ascending}})
        in {Table.IsEmpty(Table.RemoveRowsWithErrors(s, {"m"})), Table.RowCount(s)}"""
    for engine in ("none", "duckdb"):
        assert mlang.to_m(mlang.evaluate(text, base_dir=str(tmp_path), engine=engine)) == "{false, 2}"


def test_keys_that_raise_below_other_keys(tmp_path: Path) -> None:
    """M computes a sort key that raises although the keys above it leave no ties; the engine would not look."""
    path = tmp_path / "k.parquet"
    duckdb.sql(f"COPY (SELECT NULL::BIGINT AS k, i AS v FROM range(5) r(i)) TO '{path}'")
    grouped = f'Table.Group(Parquet.Document(File.Contents("{path}")), {{"k"}}, {{{{"n", each Table.RowCount(_)}}}})'
    odd = f"Table.Sort({grouped}, {{{{each if [k] >= [k] then 2.5 else 0.1, 1}}}})"
    both = f'Table.Sort({grouped}, {{"k", {{each if [k] >= [k] then 2.5 else 0.1, 1}}}})'
    for m in (f'Table.MinN({odd}, {{"k"}}, 5)', f'Table.Sort({odd}, "k")', both):
        with pytest.raises(mlang.MError) as folded:
            mlang.to_m(mlang.evaluate(m, engine="duckdb"))
        with pytest.raises(mlang.MError) as interpreted:
            mlang.to_m(mlang.evaluate(m, engine="none"))
        assert str(folded.value) == str(interpreted.value)


@pytest.mark.parametrize("kind", ["LeftOuter", "LeftAnti", "LeftSemi", "RightAnti", "RightSemi", "FullOuter"])
def test_sorts_that_raise_below_joins(folder: Path, kind: str) -> None:
    """M sorts rows that are only looked up; an engine that needs no order would not compute the key."""
    odd = "Table.Sort(Table.SelectRows(l, each [k] <> 9), {{each if [n] > 0 then 1 else 0, 0}})"
    for body in (
        f'Table.Join({odd}, {{"k"}}, r2, {{"rk"}}, JoinKind.{kind})',
        f'Table.Join(r2, {{"rk"}}, {odd}, {{"k"}}, JoinKind.{kind})',
    ):
        agree(folder, body, "error Expression.Error")


@pytest.mark.parametrize(
    "steps",
    [
        'Table.Sort(Table.Pivot({odd}, {{"a", "b"}}, "t", "k", List.Max), {{"n"}})',
        'Table.Sort(Table.Distinct({odd}), {{"k", "n", "t"}})',
        'Table.Sort(Table.Group({odd}, {{"k"}}, {{{{"c", each List.Sum([n])}}}}), {{"k"}})',
        'Table.Sort(Table.Distinct({odd}, {{"k"}}), {{"k"}})',
        'Table.Unpivot({odd}, {{"t"}}, "a", "v")',
        'Table.RowCount(Table.Group({odd}, {{"t"}}, {{{{"c", each List.Sum([n])}}}}))',
        'Table.IsEmpty(Table.Group({odd}, {{"t"}}, {{{{"c", each List.Sum([n])}}}}))',
    ],
)
def test_sorts_that_raise_below_steps_that_need_no_order(folder: Path, steps: str) -> None:
    """The order of groups, pivots and distinct rows is lost where a later sort leaves no ties; its errors are not."""
    odd = "Table.Sort(l, {{each if [n] > 0 then 1 else 0, 0}})"
    agree(folder, steps.format(odd=odd), "error Expression.Error")


def test_no_rows_of_a_join_that_raises(folder: Path) -> None:
    """No cell of the column is an error: the engine would see that nothing is wanted, and not look at the keys."""
    body = 'Table.SelectRowsWithErrors(Table.Join(l, {"k"}, Table.PrefixColumns(T, "T"), {"T.n"}, JoinKind.LeftOuter), {"k"})'
    agree(folder, body, "error DataFormat.Error")


NESTED = 'N1 = Table.NestedJoin(l, {"n"}, r2, {"r.n"}, "z", JoinKind.LeftOuter)'


@pytest.mark.parametrize(
    "body",
    [
        'Table.ExpandTableColumn(Table.Combine({Table.SelectColumns(N1, {"t"}), N1}), "z", {"r.k"})',
        'Table.AggregateTableColumn(Table.Combine({Table.SelectColumns(N1, {"t"}), N1}), "z", {{"r.k", List.Sum, "s"}})',
        "List.NonNullCount(N1[z])",
        'Table.Group(N1, "t", {{"y", each List.NonNullCount([z])}})',
        'Table.Group(N1, {}, {{"y", each List.Count(List.RemoveNulls([z]))}})',
    ],
)
def test_tables_whose_keys_are_null(folder: Path, body: str) -> None:
    """In the engine a column of nested tables holds their keys: a null key is a table, and no table is no key."""
    folded, interpreted = answers(folder, f"let {NESTED} in {body}")
    assert folded == interpreted
    assert not folded.startswith("error")


@pytest.mark.parametrize(
    "never", ["false", "[k] > 1 and false", "[k] is text", "List.Contains({}, [k])", '"a" = "b"']
)
@pytest.mark.parametrize(
    "body",
    [
        'Table.Combine({{r, Table.SelectRows(Table.MinN(T, {{"n"}}, 2), each {never})}})',
        'Table.Join(r2, "r.k", Table.SelectRows(Table.Sort(T, "n"), each {never}), "k", JoinKind.LeftOuter)',
    ],
)
def test_no_rows_of_what_raises_beside_other_rows(folder: Path, never: str, body: str) -> None:
    """M sorts the rows that no condition lets through, an engine that knows the condition does not."""
    agree(folder, body.format(never=never), "error DataFormat.Error")


@pytest.mark.parametrize(
    "condition",
    [
        "1 else 2) > 1e300",
        "1 else 2) = #nan",
        "[k] else 2) > 1e300",
        "#date(2020, 1, 1) else #date(2021, 1, 1)) < #date(1, 1, 1)",
    ],
)
def test_conditions_whose_answer_an_engine_knows(folder: Path, condition: str) -> None:
    """From the least and the largest value that there can be, without computing what raises."""
    agree(
        folder, f"Table.SelectRows(l, each (if Number.IsNaN([n]) then {condition})", "error Expression.Error"
    )


def test_last_rows_of_what_raises_elsewhere(folder: Path) -> None:
    """An engine that sorts for a few rows leaves out others by their place before it looks whether they raise."""
    body = (
        'Table.LastN(Table.Combine({Table.SelectRows(l, each Text.At([t], 1) = "q"), Table.FirstN(l, 1)}), 1)'
    )
    agree(folder, body, "error Expression.Error")


@pytest.mark.parametrize("select", ["SelectRowsWithErrors", "RemoveRowsWithErrors"])
def test_items_of_lists_that_are_errors(folder: Path, select: str) -> None:
    listed = 'Table.AddColumn(bad, "z", each {1, Number.From([n])})'
    folded = agree(folder, f'Table.{select}(Table.ExpandListColumn({listed}, "z"))', "#table")
    assert ("error" in folded) == (select == "SelectRowsWithErrors")


@pytest.mark.parametrize(
    "value",
    [
        "List.IsEmpty(List.Distinct({[n], [n], -3}))", "List.Last(List.Select({[n], 1}, each true))",
        "List.First(List.Select({[n], 1}, each [k] > 99))", "List.First(List.Reverse(List.Select({[n], 1}, each _ <> 5)))",
        "List.Last(List.Select({[n], 1}, each _ <> 5))", "List.IsEmpty(List.Select({[n], 1}, each _ <> 9 or true))",
        'List.Last(List.RemoveMatchingItems({Text.At([k] & "", 5), "f"}, {null}))', "List.Count(List.Distinct({[n]}))",
    ],
)  # fmt: skip
def test_items_that_are_looked_at_and_not_taken(folder: Path, value: str) -> None:
    """Conditions, and the search for equal items, compute each item; whoever counts or takes another does not."""
    folded = agree(folder, f'Table.AddColumn(T, "z", each {value})[[z]]', "#table")
    assert "error" in folded


@pytest.mark.parametrize("kind", ["Inner", "LeftSemi", "RightOuter"])
def test_empty_sides_of_joins_beside_other_rows(folder: Path, kind: str) -> None:
    """An engine does not read one side where the other is empty, which is seen only where no row is left at all."""
    none = "Table.SelectRows(r2, each [r.k] > 99)"
    joined = f'Table.Join(Table.Sort(T, "n"), "k", {none}, "r.k", JoinKind.{kind})'
    for body in (
        joined,
        f"Table.Combine({{r, {joined}}})",
        f'Table.Join(l, "k", Table.PrefixColumns({joined}, "j"), "j.k", JoinKind.LeftOuter)',
        f'Table.Group({joined}, {{}}, {{{{"c", each List.Sum([k])}}}})',
        f'Table.Combine({{r, Table.Unpivot({joined}, {{"k"}}, "a", "v")}})',
    ):
        agree(folder, body, "error DataFormat.Error")


def test_lists_are_looked_at_before_they_are_sorted(folder: Path) -> None:
    """The error of a cell comes before one that ends the rows behind it (EVL-18)."""
    body = "List.Sort(Table.Combine({T, Table.SelectRows(l, (row) => row[zz] > 0)})[n])"
    agree(folder, body, "error DataFormat.Error")


def test_what_is_computed_below_the_first_of_each_key(folder: Path) -> None:
    """An engine that may not move conditions forgets it where it makes an aggregate of a window."""
    rows = '{{-3, "x", #datetime(2020, 2, 29, 1, 0, 0)}, {-2, "x", #datetime(2020, 2, 28, 1, 0, 0)}}'
    body = f"""let s = #table(type table [n = number, b = text, m = datetime], {rows}),
        d = Table.Distinct(Table.TransformColumns(s, {{"n", Number.Abs}}), {{"b"}}), z = Table.AddColumn(d, "z", each [m] + #duration(-1, 0, 0, 0)),
        c = Table.Group(z, {{"z"}}, {{{{"c", Table.RowCount}}}})
        in Table.ExpandTableColumn(Table.NestedJoin(z, {{"z"}}, c, {{"z"}}, "j"), "j", {{"c"}})"""
    assert '{3, "x", ' in agree(folder, body, "#table")


@pytest.mark.parametrize(
    "body",
    [
        # a constant that has no end, of no rows
        'let f = (n) => 1 + @f(n + 1) in Table.AddColumn(Table.SelectRows(l, each [k] > 99), "z", each f(1))',
        # the first of records, which are no numbers of two sorts
        'Table.Group(Table.AddColumn(l, "z", each _), {"t"}, {{"f", each List.First([z])}})',
        'Table.Group(Table.AddColumn(l[[k], [t]], "z", each _), {"t"}, {{"f", each List.Last([z])}})',
    ],
)
def test_answers_where_folding_must_not_stumble(folder: Path, body: str) -> None:
    agree(folder, body, "#table")
