"""Steps over whole tables that have to fold: by comparers, by place, by rows that are looked for, pieces of texts.

That their answers are the interpreter's is also what random programs compare
(`tests/properties/test_folded_equals_interpreted.py`); here each must be one query.
"""

from __future__ import annotations

import pytest

import mlang
from folding import terms as t
from folding.boundary import fold
from folding.comparers import ordinal_ignore_case
from folding.terms import Scalar, Unfoldable
from mlang.culture.text import fold_ordinal
from mlang.session import Session, use
from mlang.tables import asking

T = (
    '#table({"n", "k", "t", "u"}, {{1, 3, "a", "A"}, {2.5, 3, "b", null}, {3, null, "Ä-1", "straße"}, {2, 3, "ä 1", "STRASSE"},'
    ' {null, 1, null, "x,y"}, {2, 1, "a", "x"}})'
)
FOLDED = [
    'Table.Distinct(T, {"t", Comparer.OrdinalIgnoreCase})', 'Table.Distinct(T, {{"u", Comparer.OrdinalIgnoreCase}, "k"})',
    'Table.Distinct(T, Comparer.Ordinal)',
    'Table.Group(T, "t", {{"c", each Table.RowCount(_)}}, GroupKind.Global, Comparer.OrdinalIgnoreCase)',
    'Table.Group(T, {"t", "k"}, {{"s", each List.Sum([n])}}, GroupKind.Local, Comparer.OrdinalIgnoreCase)',
    'Table.Group(T, "k", {{"c", each Table.RowCount(_)}}, GroupKind.Local, (x, y) => Number.From(y <> null))',
    'Table.Group(T, {"k"}, {{"c", each Table.RowCount(_)}}, GroupKind.Global, (x, y) => if x[k] = y[k] then 0 else 1)',
    'Table.Sort(T, (a, b) => Value.Compare(b[n], a[n]))', 'Table.Sort(T, {(a, b) => Comparer.OrdinalIgnoreCase(a[t], b[t]), 1})',
    'Table.Sort(T, (a, b) => let c = Value.Compare(a[k], b[k]) in if c <> 0 then c else Value.Compare(b[n], a[n]))',
    'Table.Join(T, "t", Table.PrefixColumns(T, "r"), "r.u", JoinKind.FullOuter, null, {Comparer.OrdinalIgnoreCase})',
    'Table.ExpandTableColumn(Table.NestedJoin(T, "t", T, "u", "j", JoinKind.LeftOuter, {Comparer.OrdinalIgnoreCase}), "j", {"k"}, {"j"})',
    *[
        f'Table.ExpandTableColumn(Table.NestedJoin(T, "t", T, "u", "j", JoinKind.{kind}), "j", {{"k", "u"}}, {{"j", "v"}})'
        for kind in ("Inner", "RightOuter", "FullOuter", "LeftAnti", "RightAnti", "LeftSemi", "RightSemi")
    ],
    *[
        f'Table.RemoveColumns(Table.NestedJoin(T, "t", T, "u", "j", JoinKind.{kind}), {{"j", "k"}})'
        for kind in ("Inner", "LeftAnti", "LeftSemi")
    ],
    'Table.RemoveMatchingRows(T, {[k = 3], [k = null]}, "k")', 'Table.RemoveMatchingRows(T, {[n = 1, k = 3, t = "a", u = "A"]})',
    'Table.ReplaceMatchingRows(T, {{[t = "A"], [n = 0, k = 0, t = "z", u = null]}}, {"t", Comparer.OrdinalIgnoreCase})',
    'Table.FindText(T, "x")', "Table.RemoveRows(T, 1, 2)", 'Table.InsertRows(T, 2, {[n = 1, k = 1, t = "q", u = null]})',
    'Table.ReplaceRows(T, 4, 5, {[n = 1, k = 1, t = "q", u = null]})', 'Table.ClearDown(T, {"k"})', "Table.LastN(T, each [k] = 1)",
    "Table.RemoveLastN(T, each [k] = 1)", 'Table.ReplaceValue(T, each [k], each [n], Replacer.ReplaceValue, {"n", "k"})',
    'Table.ReplaceValue(T, 3, null, (cell, old, new) => if cell = old then new else cell, {"k", "n"})',
    'Table.ReplaceValue(T, "a", "b", Text.Replace, {"t"})', 'Table.CombineColumns(T, {"n", "k"}, List.Max, "z")',
    'Table.CombineColumns(T, {"t", "u"}, Combiner.CombineTextByEachDelimiter({","}, QuoteStyle.Csv), "z")',
    'Table.CombineColumnsToRecord(T, "r", {"n", "t"})', 'Table.DemoteHeaders(T[[t], [u]])', 'Table.AddJoinColumn(T[[k]], "k", T, "k", "j")[[k]]',
    *[
        f'Table.SplitColumn(T, "t", Splitter.{way}, {{"a", "b"}})'
        for way in ("SplitTextByWhitespace()", 'SplitTextByAnyDelimiter({"-", " "})', "SplitTextByRepeatedLengths(2)",
                    'SplitTextByEachDelimiter({"-", "1"})', 'SplitTextByCharacterTransition((c) => not Text.Contains("0123456789", c), {"0".."9"})')
    ],
    'Table.Pivot(Table.Distinct(T[[k], [t], [n]], {"k", "t"}), {"a", "b"}, "t", "n")',
]  # fmt: skip
ASKED = [
    'Table.PositionOf(T, [k = 3], Occurrence.Last, "k")', 'Table.PositionOfAny(T, {[t = "A"], [t = null]}, Occurrence.All, {"t", Comparer.OrdinalIgnoreCase})',
    'Table.Contains(T, [t = "Ä-1"], {"t", Comparer.OrdinalIgnoreCase})', "Table.Contains(T, [n = -2], each [n] * -1)",
    "Table.MatchesAllRows(T, each [k] <> 2)", "Table.MatchesAnyRows(T, each [n] > 2)", 'Table.IsDistinct(T, {"n", "k"})',
    'Table.IsDistinct(T, {"u", Comparer.OrdinalIgnoreCase})',
]  # fmt: skip
INTERPRETED = [
    'Table.Sort(T, (a, b) => Value.Compare(a[n], b[k]))', 'Table.Sort(T, (a, b) => Value.Compare(Text.Start(a[t], -1), Text.Start(b[t], -1)))',
    'Table.Group(T, {"k"}, {{"c", each Table.RowCount(_)}}, GroupKind.Local, (x, y) => Number.From(Number.Abs((x[k] ?? 0) - (y[k] ?? 0)) > 1))',
    'Table.Distinct(T, {"t", Comparer.FromCulture("tr-TR", true)})', 'Table.InsertRows(T, 1, {[n = "one", k = 1, t = "q", u = null]})',
    'Table.ReplaceMatchingRows(T, {{[k = 3], [n = "one", k = 0, t = "z", u = null]}}, "k")',
]  # fmt: skip


def answer(m: str, engine: str) -> str:
    try:
        return mlang.to_m(mlang.evaluate(f"let T = {T} in {m}", engine=engine))
    except mlang.MError as error:
        return str(error)


@pytest.mark.parametrize("query", FOLDED)
def test_folds(query: str) -> None:
    with use(Session(engine="duckdb")):
        fold(mlang.evaluate(f"let T = {T} in {query}", engine="duckdb").plan)
    assert answer(query, "duckdb") == answer(query, "none")


@pytest.mark.parametrize("query", INTERPRETED)
def test_does_not_fold(query: str) -> None:
    with use(Session(engine="duckdb")), pytest.raises(Unfoldable):
        fold(mlang.evaluate(f"let T = {T} in {query}", engine="duckdb").plan)
    assert answer(query, "duckdb") == answer(query, "none")


@pytest.mark.parametrize("query", ASKED)
def test_is_asked(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    ask = asking._asked

    def asked(*arguments: object) -> object:
        answers.append(ask(*arguments))  # type: ignore[arg-type]
        return answers[-1]

    monkeypatch.setattr(asking, "_asked", asked)
    assert answer(query, "duckdb") == answer(query, "none")
    assert answers[0] is not None


def test_letter_case_is_that_of_the_comparer() -> None:
    """Of every character: the same upper case, or the query stops; and few make it stop."""
    import duckdb
    import pyarrow as pa

    sql = ordinal_ignore_case(Scalar(t.column("c"), "text", "VARCHAR")).sql.sql("duckdb")
    sql = sql.replace("CAST(", "TRY_CAST(")  # what would stop is null
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for beside in ("", "ß"):
        texts = [beside + character for character in characters]
        data = pa.table({"c": texts})
        found = duckdb.connect().from_arrow(data).project(f"{sql} as x").fetchall()
        stopped = sum(x is None for (x,) in found)
        assert stopped < 1200
        wrong = [c for c, (x,) in zip(texts, found, strict=True) if x is not None and x != fold_ordinal(c)]
        assert not wrong, wrong[:10]


def test_rows_behind_the_end_raise_as_ever() -> None:
    m = 'Table.InsertRows(T, 9, {[n = 1, k = 1, t = "q", u = null]})'
    assert answer(m, "duckdb") == answer(m, "none")
    assert "out of range" in answer(m, "duckdb") or "offset" in answer(m, "duckdb")
