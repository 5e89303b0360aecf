"""Common subplans: what a query reads twice is computed once, and shown under the names of its steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

import mlang
from folding.boundary import fold
from folding.common import marked, settled
from folding.engines.duckdb import Query
from mlang.app.api import open_session
from mlang.compile.entry import Document, run
from mlang.session import use
from mlang.values.show import to_m

ROWS = 3000
SALES = pa.table({
    "id": range(ROWS), "k": [i * 7 % 31 for i in range(ROWS)], "g": [i * 5 % 4 for i in range(ROWS)],
    "v": [None if i % 97 == 0 else i * 13 % 17 / 4 for i in range(ROWS)], "t": [f"T{i % 11}" for i in range(ROWS)],
})  # fmt: skip
SOURCES = {
    "parquet": 'Parquet.Document(File.Contents("sales"))',
    "csv": 'Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents("sales.csv"))),'
    ' {{"id", Int64.Type}, {"k", Int64.Type}, {"g", Int64.Type}, {"v", type number}})',
}

#: Steps over s, with how many parts are shared when s is a Parquet file.
DIAMONDS = {
    "group, two filters": ("""g = Table.Group(s, {"k", "g"}, {{"v", each List.Sum([v])}, {"n", each Table.RowCount(_)}}),
        a = Table.SelectRows(g, each [g] = 3), b = Table.Group(g, {"g"}, {{"m", each List.Max([v])}}),
        r = Table.Join(a, "g", Table.RenameColumns(b, {{"g", "g2"}}), "g2")""", 1),
    "a table and itself": ("""g = Table.Distinct(s[[k], [g]]), r = g & g""", 1),
    "a self join": ("""g = Table.Group(s, {"k"}, {{"m", each List.Max([v])}}),
        r = Table.ExpandTableColumn(Table.NestedJoin(g, "k", g, "m", "x", JoinKind.LeftOuter), "x", {"k", "m"}, {"k2", "m2"})""", 1),
    "parts of parts": ("""d = Table.Distinct(s, {"t", "k"}), g = Table.Group(d, {"k"}, {{"m", each List.Max([v])}}),
        a = Table.Join(Table.RenameColumns(d, {{"k", "q"}}), "q", g, "k"), b = Table.SelectRows(g, each [m] > 2),
        r = Table.Join(Table.PrefixColumns(a, "a"), "a.k", b, "k")""", 2),
    "other columns wanted by each": ("""g = Table.Group(s, {"k"}, {{"a", each List.Sum([v])}, {"b", each List.Max([t])}, {"c", each List.Min([id])}}),
        r = Table.Join(g[[k], [a]], "k", Table.RenameColumns(g[[k], [b]], {{"k", "k2"}}), "k2")""", 1),
    "rows cut off": ("""g = Table.Distinct(s, {"k", "t"}), r = Table.FirstN(g, 5) & Table.LastN(g, 4) & Table.Skip(g, 300)""", 1),
    "sorted": ("""g = Table.Distinct(Table.Sort(s, {{"v", 1}, "t"}), {"k", "g"}), r = Table.FirstN(g, 7) & Table.SelectRows(g, each [g] = 1)""", 1),
    "a join": ("""j = Table.Join(s, "k", Table.RenameColumns(Table.Distinct(s[[g], [t]]), {{"g", "g2"}, {"t", "t2"}}), "g2"),
        r = Table.Group(j, {"t"}, {{"n", each Table.RowCount(_)}}) & Table.Group(j, {"t2"}, {{"n", each List.Sum([v])}})""", 1),
    "filled": ("""f = Table.FillDown(s, {"v"}), r = Table.SelectRows(f, each [id] < 100) & Table.SelectRows(f, each [id] > 2900)""", 1),
    "a cheap part is read twice": ("""f = Table.SelectRows(s, each [g] = 1), r = Table.SelectRows(f, each [k] < 3) & Table.SelectRows(f, each [k] > 28)""", 0),
    "one reader": ("""g = Table.Group(s, {"k"}, {{"m", each List.Max([v])}}), r = Table.SelectRows(g, each [m] > 3)""", 0),
}  # fmt: skip
#: What is asked of r.
ENDS = [
    "r",
    "Table.RowCount(r)",
    "Table.FirstN(r, 3)",
    "Table.Sort(r, Table.ColumnNames(r))",
    "Table.LastN(r, 3)",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pq.write_table(SALES, tmp_path / "sales", row_group_size=700)
    pc.write_csv(SALES, tmp_path / "sales.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(name: str, source: str, end: str = "r") -> str:
    return f"let s = {SOURCES[source]}, {DIAMONDS[name][0]} in {end}"


def answer(m: str, engine: str) -> str:
    value = mlang.evaluate(m, engine=engine, culture="en-US")
    return str(run(lambda: to_m(value, "show")))


def query(m: str) -> tuple[str, int]:
    """The SQL that runs, and how many parts are shared."""

    def made() -> tuple[str, int]:
        with use(open_session(engine="duckdb")):
            plan = Document(m).value().plan
            found = marked(plan)
            if found is None:
                return Query(fold(plan)).sql(), 0
            return Query(fold(settled(found, plan.schema.names))).sql(), len(found.parts)

    return run(made)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", DIAMONDS)
def test_shared_equals_interpreted(folder: Path, name: str, source: str, end: str) -> None:
    m = written(name, source, end)
    assert answer(m, "duckdb") == answer(m, "none")


@pytest.mark.parametrize("name", DIAMONDS)
def test_parts_are_computed_once(folder: Path, name: str) -> None:
    text, parts = query(written(name, "parquet"))
    assert parts == DIAMONDS[name][1]
    assert text.count(" AS MATERIALIZED ") == parts
    assert "MATERIALIZED" not in text or "WITH" in text


def test_a_shared_source_is_scanned_once(folder: Path) -> None:
    text, _ = query(written("group, two filters", "parquet"))
    assert text.count("READ_PARQUET") == 1


def test_only_wanted_columns_are_computed(folder: Path) -> None:
    text, _ = query(written("other columns wanted by each", "parquet"))
    assert "MAX(" in text
    assert text.count("MIN(") == 1  # of row numbers, for the order; the column c is not wanted


@pytest.mark.parametrize("name", DIAMONDS)
def test_what_is_shown_gives_the_same_rows(folder: Path, name: str) -> None:
    report = mlang.explain(written(name, "parquet"))[-1]
    assert report.sql is not None
    found = duckdb.connect().sql(report.sql).to_arrow_table()
    expected = mlang.evaluate(written(name, "parquet"), engine="none").to_arrow()
    columns: list[Any] = [[c.to_pylist() for c in t.columns] for t in (found, expected)]
    assert columns[0] == columns[1]


def test_step_names(folder: Path) -> None:
    m = f'''let Source = {SOURCES["parquet"]},
        #"Totals ""a""" = Table.Group(Source, {{"k"}}, {{{{"total", each List.Max([v])}}}}),
        Large = Table.SelectRows(#"Totals ""a""", each [total] > 3),
        Small = Table.SelectRows(#"Totals ""a""", each [total] < 1),
        Result = Table.Sort(Large & Small, {{"k"}})
    in Result'''
    shown = str(mlang.explain(m)["Result"].sql)
    assert shown.startswith('WITH "Totals ""a""" AS MATERIALIZED (')
    assert shown.count('FROM "Totals ""a"""') == 2
    alone = str(mlang.explain(m)["Large"].sql)
    assert alone.startswith('WITH "Totals ""a""" AS (')
    assert "WHERE\n  total > " in alone
    assert duckdb.connect().sql(alone).fetchall() == [
        tuple(r.values()) for r in mlang.evaluate(m.replace("in Result", "in Large"), engine="none").to_arrow().to_pylist()
    ]  # fmt: skip


def test_an_error_in_a_part_is_raised(folder: Path) -> None:
    m = written("group, two filters", "parquet").replace(
        "List.Sum([v])", 'List.Sum([v]) + (if [k]{0} = 5 then error "no" else 0)'
    )
    for engine in ("duckdb", "none"):
        with pytest.raises(mlang.MError, match="no"):
            answer(
                m.replace("in r", 'in Table.Sort(r, "m")').replace("List.Max([v])", "List.Max([v])"), engine
            )
