"""Some of the random dataflows of `prove_folding`, and those that differed once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

import mlang
from mlang.compile.entry import run
from tests.properties.dataflows import program
from tests.properties.pool_files import make_pool
from tests.properties.prove_folding import Evaluator, Pool

SEED = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pool")
    make_pool(SEED, place)
    return place


def test_random_dataflows(folder: Path) -> None:
    folded, evaluator, tables = 0, Evaluator(), Pool(SEED, folder)
    for number in range(150):
        text = tables.text(tables.program(number).text())
        left, right, asked = run(lambda text=text: evaluator.both(text))  # type: ignore[misc]
        assert left == right, text
        folded += asked
    assert folded > 20


def test_the_shown_sql_gives_the_rows(folder: Path) -> None:
    """Alone, in a DuckDB of its own: what `explain` shows is for taking away."""
    import duckdb

    tables, compared = Pool(SEED, folder), 0
    for number in range(120):
        text = tables.text(evolve(tables.program(number), end="{0}").text())
        step = mlang.explain(text, culture="en-US")[-1]
        if step.indicator != "Folding" or step.sql_notes:
            continue
        with duckdb.connect() as database:
            for statement in step.setup:
                database.execute(statement)
            found = database.sql(step.sql).to_arrow_table()
        wanted = mlang.evaluate(text, engine="none", culture="en-US").to_arrow()
        if wanted.column_names:  # a table without columns has one in SQL
            assert cells(found) == cells(wanted), text
            compared += 1
    assert compared > 10


def cells(table: Any) -> list[Any]:
    """The columns, in which NaN is equal to itself and numbers have no types."""
    known = {
        float: lambda x: "NaN" if x != x else x + 0.0,
        int: float,
        Decimal: float,
        type(None): lambda x: x,
    }
    return [[known.get(type(c), lambda x: x)(c) for c in column.to_pylist()] for column in table.columns]


def test_a_seed_gives_the_same_programs() -> None:
    assert program(7, 11).text() == program(7, 11).text() != program(7, 12).text()


@pytest.mark.parametrize(
    "steps",
    [
        # a LIMIT below UNION ALL, over a condition with a subquery
        'f = Table.FirstN(t, each ((2 / [k]) >= (try -0.0 otherwise [k]))), x = Table.Combine({Table.SelectColumns(f, {"t"}), Table.FirstN(f, 2)})',
        # pieces of no text
        'f = Table.FirstN(t, 0), s = Table.SplitColumn(f, "t", Splitter.SplitTextByPositions({0, 1}), {"a", "b"}), x = Table.Sort(s, "a")',
    ],
)  # fmt: skip
def test_what_differed_once(folder: Path, steps: str) -> None:
    source = f'DuckDB.Database("{folder}/pool.duckdb"){{[Schema = "main", Item = "t1"]}}[Data]'
    m = f"let t = {source}, {steps} in x"
    left, right, _ = run(lambda: Evaluator().both(m))
    assert left == right


@pytest.mark.parametrize(
    "kind",
    ["FullOuter", "LeftOuter", "RightOuter", "LeftAnti", "RightAnti", "LeftSemi", "RightSemi", "Inner"],
)
@pytest.mark.parametrize("bad_first", [True, False])
def test_a_key_that_is_an_error_is_looked_at(tmp_path: Path, kind: str, bad_first: bool) -> None:
    """Also where the other side of the join has no rows, or the first key differs already."""
    (tmp_path / "bad.csv").write_text("k,d\n1,2020-01-01\n2,bad\n")
    (tmp_path / "none.csv").write_text("k,d\n")
    (tmp_path / "good.csv").write_text("k,d\n1,2020-01-01\n3,2020-01-02\n")
    for other in ("none", "good"):
        names = ("bad", other) if bad_first else (other, "bad")
        texts = [
            f'Table.PromoteHeaders(Csv.Document(File.Contents("{tmp_path}/{n}.csv"), [Delimiter = ","]))'
            for n in names
        ]
        one, two = (
            f'Table.TransformColumnTypes({x}, {{{{"k", Int64.Type}}, {{"d", type date}}}}, "en-US")'
            for x in texts
        )
        m = f'Table.Join({one}, {{"k", "d"}}, Table.PrefixColumns({two}, "r"), {{"r.k", "r.d"}}, JoinKind.{kind})'
        left, right, _ = run(lambda m=m: Evaluator().both(m))  # type: ignore[misc]
        assert left == right


@pytest.mark.parametrize("kind", ["Inner", "LeftSemi", "RightSemi", "RightOuter"])
@pytest.mark.parametrize("bad_first", [True, False])
def test_a_join_without_rows_hides_no_error_below_rows_of_others(
    tmp_path: Path, kind: str, bad_first: bool
) -> None:
    """An engine does not look at the keys of one side where the other has no row."""
    (tmp_path / "bad.csv").write_text("k,d\n1,2020-01-01\n2,bad\n")
    (tmp_path / "none.csv").write_text("k,d\n")
    (tmp_path / "good.csv").write_text("k,d\n1,2020-01-01\n3,2020-01-02\n")
    bad, none, good = (
        f'Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents("{tmp_path}/{n}.csv"), [Delimiter = ","])), '
        '{{"k", Int64.Type}, {"d", type date}}, "en-US")'
        for n in ("bad", "none", "good")
    )
    one, two = (bad, none) if bad_first else (none, bad)
    joined = f'Table.Join({one}, "d", Table.PrefixColumns({two}, "r"), "r.d", JoinKind.{kind})'
    for end in (
        "Table.Combine({j, g})", 'Table.Join(j, "k", Table.PrefixColumns(g, "g"), "g.k", JoinKind.RightAnti)',
        'Table.Join(j, "k", Table.PrefixColumns(g, "g"), "g.k", JoinKind.FullOuter)', 'Table.Join(Table.PrefixColumns(g, "g"), "g.k", j, "k", JoinKind.LeftOuter)',
        'Table.Join(Table.PrefixColumns(g, "g"), "g.k", j, "k", JoinKind.Inner)', 'Table.NestedJoin(g, "k", j, "k", "x")', "Table.RowCount(j)",
    ):  # fmt: skip
        m = f"let j = {joined}, g = {good} in {end}"
        left, right, _ = run(lambda m=m: Evaluator().both(m))  # type: ignore[misc]
        assert left == right


def test_few_doubles_after_a_join_add_in_order(folder: Path) -> None:
    table = f'DuckDB.Database("{folder}/pool.duckdb"){{[Schema = "main", Item = "t#"]}}[Data]'
    for number in range(12):
        one, two = (table.replace("#", str(n)) for n in (number, number + 1))
        first = f'Table.MinN({one}, {{"t"}}, 5)'
        joined = f'Table.NestedJoin({first}, {{"b"}}, {two}, {{"b"}}, "o", JoinKind.LeftOuter)'
        m = f'List.Sum(Table.ExpandTableColumn({joined}, "o", {{"n"}}, {{"z"}})[n])'
        left, right, _ = run(lambda m=m: Evaluator().both(m))  # type: ignore[misc]
        assert left == right


@pytest.mark.parametrize("name", ["rowid", "RowId"])
def test_a_column_named_like_the_number_of_rows_orders_nothing(tmp_path: Path, name: str) -> None:
    import duckdb

    with duckdb.connect(str(tmp_path / "rows.duckdb")) as database:
        database.execute(f"CREATE TABLE t (k INTEGER, {name} DATE, n TIMESTAMP_NS)")
        database.execute(
            "INSERT INTO t VALUES (1, '2021-01-01', '2021-01-01'), (2, '2020-01-01', '2021-01-02'), (1, null, null)"
        )
        database.execute(f"CREATE TABLE u AS SELECT k, 5 - row_number() OVER () AS {name} FROM t")
    for item in "tu":
        table = f'DuckDB.Database("{tmp_path}/rows.duckdb"){{[Schema = "main", Item = "{item}"]}}[Data]'
        for step in (
            "Table.Skip({0}, 1)",
            'Table.Distinct({0}, "k")',
            'Table.Sort({0}, "k")',
            'Table.Group({0}, "k", {"x", each _})',
        ):
            m = step.replace("{0}", table)
            left, right, _ = run(lambda m=m: Evaluator().both(m))  # type: ignore[misc]
            assert left == right


@pytest.mark.parametrize("scale", [0, 2, 3, 10])
def test_nulls_beside_decimals_do_not_change_their_digits(tmp_path: Path, scale: int) -> None:
    import duckdb

    with duckdb.connect(str(tmp_path / "d.duckdb")) as database:
        database.execute(f"CREATE TABLE t (k INTEGER, f DECIMAL({scale + 18}, {scale}))")
        database.execute("INSERT INTO t VALUES (1, 999999999999999), (2, -0.5), (3, null), (4, 0.01)")
    table = f'DuckDB.Database("{tmp_path}/d.duckdb"){{[Schema = "main", Item = "t"]}}[Data]'
    for step in (
        'Table.Combine({Table.SelectColumns({0}, "k"), {0}})', 'Table.Combine({Table.AddColumn(Table.SelectColumns({0}, "k"), "f", each null), {0}})',
        'Table.AddColumn({0}, "x", each if [k] = 2 then null else [f])', 'Table.AddColumn({0}, "x", each [f] ?? null)',
        'Table.ReplaceValue({0}, 0, null, Replacer.ReplaceValue, {"f"})',
    ):  # fmt: skip
        m = step.replace("{0}", table)
        left, right, asked = run(lambda m=m: Evaluator().both(m))  # type: ignore[misc]
        assert left == right
        assert asked


def test_files_with_a_mark_and_breaks_in_cells(tmp_path: Path) -> None:
    cells = ["a", '"a"', '"a\nb"', '"""\n"', '"a,b"', '""']
    for number in range(36):
        head, cell = cells[number % 6], cells[number // 6]
        path = tmp_path / f"{number}.csv"
        path.write_text(f"{head},x\n{cell},2\n{head},4\n", newline="", encoding="utf-8-sig")
        document = f'Csv.Document(File.Contents("{path}"), [Delimiter = ",", Encoding = 65001])'
        for table in (document, f"Table.PromoteHeaders({document})"):
            m = f"Table.Skip({table}, 1)"
            left, right, _ = run(lambda m=m: Evaluator().both(m))  # type: ignore[misc]
            assert left == right


def test_names_that_differ_by_case_are_two_columns_of_parquet(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = pa.table(
        [[1.0, 2.0, 2.0], [float("nan"), 2.0, 2.0], [3, 1, 2]], names=["n", "N", "file_row_number"]
    )
    pq.write_table(data, tmp_path / "case.parquet")
    table = f'Parquet.Document(File.Contents("{tmp_path}/case.parquet"))'
    for step in (
        "Table.SelectRows({0}, each [N] <> 2)", "Table.SelectRows({0}, each Number.IsNaN([N]))", 'Table.AddColumn({0}, "x", each [N] = [N])',
        "Table.Skip({0}, 1)", 'Table.Sort({0}, "file_row_number")', 'Table.Group({0}, "n", {"s", each List.Sum([N])})',
    ):  # fmt: skip
        m = step.replace("{0}", table)
        left, right, _ = run(lambda m=m: Evaluator().both(m))  # type: ignore[misc]
        assert left == right


@pytest.mark.parametrize("folder_name", ["k=5", "c1=7/t=x", "it's", "a{b,c}"])
def test_names_of_folders_are_no_data(tmp_path: Path, folder_name: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    place = tmp_path / folder_name
    place.mkdir(parents=True)
    pq.write_table(pa.table([[3, 1, 2], ["a", "b", "a"]], names=["k", "t"]), place / "t.parquet")
    (place / "t.csv").write_text("k,t\n3,a\n1,b\n2,a\n")
    for table in (
        f'Parquet.Document(File.Contents("{place}/t.parquet"))',
        f'Table.PromoteHeaders(Csv.Document(File.Contents("{place}/t.csv"), [Delimiter = ","]))',
    ):
        for step in (
            'Table.Sort({0}, "k")',
            "Table.Skip({0}, 1)",
            'Table.Group({0}, "t", {"x", each List.Max([k])})',
        ):
            m = step.replace("{0}", table)
            left, right, asked = run(lambda m=m: Evaluator().both(m))  # type: ignore[misc]
            assert left == right
            assert asked


@pytest.mark.parametrize("collation", ["NOCASE", "NOACCENT"])
def test_texts_with_a_collation_compare_as_in_m(tmp_path: Path, collation: str) -> None:
    import duckdb

    with duckdb.connect(str(tmp_path / "c.duckdb")) as database:
        database.execute(f"CREATE TABLE t (k INTEGER, s VARCHAR COLLATE {collation})")
        database.execute("INSERT INTO t VALUES (1, 'a'), (2, 'A'), (3, 'é'), (4, null), (5, 'e'), (6, 'B')")
        database.execute("CREATE VIEW v AS SELECT * FROM t")
    for item in "tv":
        table = f'DuckDB.Database("{tmp_path}/c.duckdb"){{[Schema = "main", Item = "{item}"]}}[Data]'
        for step in (
            'Table.SelectRows({0}, each [s] = "A" or [s] = "e")', 'Table.Sort({0}, "s")', 'Table.Distinct({0}, "s")',
            'Table.Group({0}, "s", {"x", each Table.RowCount(_)})', 'Table.AddColumn({0}, "x", each Text.Contains([s], "A"))',
        ):  # fmt: skip
            m = step.replace("{0}", table)
            left, right, _ = run(lambda m=m: Evaluator().both(m))  # type: ignore[misc]
            assert left == right


def test_a_row_has_its_fields_in_order_whatever_is_chosen_later(folder: Path) -> None:
    source = f'DuckDB.Database("{folder}/pool.duckdb"){{[Schema = "main", Item = "t1"]}}[Data]'
    added = 'Table.AddColumn({0}, "x", each Text.Combine(Record.FieldNames(_)))'
    chosen = f'Table.SelectColumns({source}, {{"t", "k", "n"}})'
    joined = f'Table.NestedJoin({chosen}, "k", {source}, "k", "o")'
    for before in (source, chosen, joined):
        m = f'Table.SelectColumns({added.replace("{0}", before)}, {{"x", "n", "k"}})'
        left, right, _ = run(lambda m=m: Evaluator().both(m))  # type: ignore[misc]
        assert left == right
