"""The SQL that `mlang explain` shows runs elsewhere: with its setup, in a fresh engine, it gives the query's rows."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import duckdb
import pytest

import mlang
from folding.explain import StepReport, explain_steps
from mlang.app import api
from mlang.app.cli import run as run_command
from mlang.compile.entry import Document, run
from mlang.connectors.sqlite_functions import register

ROWS = "SELECT i AS k, 'x' || (i % 7) AS t, i * 0.5::DOUBLE AS v FROM range(20000) r(i)"
#: How the rows are reached, by the kind of source.
SOURCES = {
    "Parquet": 'Parquet.Document(File.Contents("PLACE/it\'s orders.parquet"))',
    "CSV": 'Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents("PLACE/orders.csv"))),'
    ' {{"k", Int64.Type}, {"v", type number}})',
    "DuckDB": 'DuckDB.Database("PLACE/it\'s a shop.duckdb"){[Name = "orders"]}[Data]',
    "a view": 'DuckDB.Database("PLACE/it\'s a shop.duckdb"){[Name = "all of them"]}[Data]',
    "SQLite": 'SQLite.Database("PLACE/shop.sqlite"){[Name = "orders"]}[Data]',
}
STEPS = {
    "filtered": 'Table.Sort(Table.SelectRows(Orders, each [v] > 10 and [t] <> "x2"), {"k", Order.Descending})',
    "grouped": 'Table.Group(Orders, {"t"}, {{"n", each List.Sum([v]), type number}})',
    "divided": 'Table.AddColumn(Orders, "d", each 1 / ([k] + 1), type number)',
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown")
    quoted = str(folder).replace("'", "''")
    duckdb.sql(f"COPY ({ROWS}) TO '{quoted}/it''s orders.parquet'")
    duckdb.sql(f"COPY ({ROWS}) TO '{quoted}/orders.csv' (HEADER)")
    duckdb.sql(f"COPY (SELECT now() AS w, 1 AS k) TO '{quoted}/when.parquet'")
    with duckdb.connect(str(folder / "it's a shop.duckdb")) as shop:
        shop.execute(f"CREATE TABLE orders AS {ROWS}")
        shop.execute('CREATE VIEW "all of them" AS SELECT * FROM orders')
    shop = sqlite3.connect(folder / "shop.sqlite")
    shop.execute("CREATE TABLE orders (k INTEGER, t TEXT, v REAL)")
    shop.executemany("INSERT INTO orders VALUES (?, ?, ?)", duckdb.sql(ROWS).fetchall())
    shop.commit()
    shop.close()
    return folder


def reached(place: Path, source: str) -> str:
    return SOURCES[source].replace("PLACE", str(place))


def query(place: Path, source: str, step: str) -> str:
    return f"let Orders = {reached(place, source)} in {STEPS[step]}"


def report(text: str, engine: str = "duckdb") -> StepReport:
    document = Document(text)
    return run(lambda: explain_steps(document.steps(), document.evaluated), api.open_session(engine=engine))[
        -1
    ]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("source", SOURCES)
def test_what_is_shown_runs_elsewhere(place: Path, source: str, step: str) -> None:
    text = query(place, source, step)
    found = report(text)
    assert found.sql is not None
    table = mlang.evaluate(text, engine="none").to_arrow()
    rows = [tuple(row.values()) for row in table.to_pylist()]
    if source == "SQLite":
        connection = sqlite3.connect(place / "shop.sqlite")
        register(connection)
        shown = connection.execute(found.sql).fetchall()
        connection.close()
    else:
        with duckdb.connect() as fresh:
            for statement in found.setup:
                fresh.execute(statement)
            cursor = fresh.execute(found.sql)
            names = [column[0] for column in cursor.description]
            kept = [
                i for i, name in enumerate(names) if name in table.column_names
            ]  # not texts that did not convert
            assert [names[i] for i in kept] == table.column_names
            shown = [tuple(row[i] for i in kept) for row in cursor.fetchall()]
    assert shown == rows


def test_the_script_runs_as_it_is_printed(
    place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "shop.pq"
    file.write_text(query(place, "DuckDB", "filtered"), encoding="utf-8")
    assert run_command(["explain", str(file), "--sql"]) == 0
    script = capsys.readouterr().out
    path = str(place).replace("'", "''")
    assert script.startswith(f"ATTACH '{path}/it''s a shop.duckdb' AS file")
    assert " (READ_ONLY);\n" in script
    with duckdb.connect() as fresh:
        assert (
            len(fresh.execute(script).fetchall())
            == mlang.evaluate(file.read_text(encoding="utf-8")).to_arrow().num_rows
        )


def test_setup_is_its_own_field(place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file, page = tmp_path / "shop.pq", tmp_path / "shop.html"
    file.write_text(query(place, "DuckDB", "divided"), encoding="utf-8")
    assert run_command(["explain", str(file), "--json", "--tree"]) == 0
    found = json.loads(capsys.readouterr().out)
    for part in (found["steps"][-1], found["plan"]):
        (attach,) = part["setup"]
        assert attach.startswith("ATTACH ")
        assert part["sql"].startswith("SELECT")
        assert ";" not in part["sql"]
        assert part["sql_notes"] == []
    assert run_command(["explain", str(file), "--html", str(page)]) == 0
    assert "<p>First:</p><pre>ATTACH " in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "step", "said"),
    [
        ("CSV", "filtered", "ERROR('M') and CAST('M' || …) stop the query on purpose"),
        ("CSV", "filtered", "x1 and x3: the text of a cell that did not convert"),
        ("SQLite", "grouped", "m_sum is a function that the connection of this process adds to SQLite."),
        ("SQLite", "filtered", "shop.sqlite."),
    ],
)
def test_odd_parts_are_said_in_words(place: Path, source: str, step: str, said: str) -> None:
    found = report(query(place, source, step))
    assert any(said in note for note in found.sql_notes), found.sql_notes
    assert found.setup == ()


def test_error_is_said_in_words(place: Path) -> None:
    source = reached(place, "Parquet")
    found = report(f'Table.AddColumn({source}, "s", each Text.Start([t], [k]), type text)')
    assert found.sql is not None
    assert "ERROR('M')" in found.sql
    assert any(note.startswith("ERROR('M') stops the query on purpose") for note in found.sql_notes)


def test_instants_are_read_in_utc(place: Path) -> None:
    text = f'Table.SelectRows(Parquet.Document(File.Contents("{place}/when.parquet")), each [k] > 0)'
    assert report(text).setup == ("SET GLOBAL TimeZone = 'UTC'",)


# ---------------------------------------------------------------- sums


SUMS = 'Table.Group({}, {{"t"}}, {{{{"n", each List.{}([v]), type number}}}})'


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Sum", "sums of doubles in row order if a run, which counts first, finds at most 1,000,000 rows"),
        (
            "Average",
            "sums of doubles in row order if a run, which counts first, finds at most 1,000,000 rows",
        ),
        ("StandardDeviation", "a standard deviation folds if a run, which counts first, finds at most"),
        ("Product", "a product folds if a run, which counts first, finds at most 1,000,000 rows"),
    ],
)
def test_a_run_counts_the_rows_of_a_view_before_it_adds(place: Path, name: str, said: str) -> None:
    text = SUMS.format(reached(place, "a view"), name)
    found = report(text)
    assert found.indicator == "Folding"
    assert any(note.startswith(said) for note in found.notes), found.notes
    tables = [mlang.evaluate(text, engine=engine).to_arrow() for engine in ("duckdb", "none")]
    assert tables[0].equals(tables[1])


def test_nothing_is_said_of_sums_in_row_order(place: Path) -> None:
    assert report(SUMS.format(reached(place, "Parquet"), "Sum")).notes == ()


def test_sums_of_more_rows_are_said_to_be_rounded(tmp_path: Path) -> None:
    many = "SELECT 'a' AS t, i * 0.1::DOUBLE AS v FROM range(1000001) r(i)"
    duckdb.sql(f"COPY ({many}) TO '{tmp_path}/many.parquet'")
    source = f'Parquet.Document(File.Contents("{tmp_path}/many.parquet"))'
    (note,) = report(SUMS.format(source, "Sum")).notes
    assert note == (
        "sums of doubles to about the last digit instead of in row order (there may be more than 1,000,000 rows)"
    )
