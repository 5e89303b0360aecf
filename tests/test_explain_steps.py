"""Steps further in, the indicators of buffers, fences and databases, error cells of a run, and what a command leaves behind."""

from __future__ import annotations

import gc
import json
import os
import re
import sqlite3
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import duckdb
import pytest

import mlang
from folding.explain import plan_tree
from folding.plantree import Node, lines
from mlang.app import api
from mlang.app.cli import run as run_command
from mlang.compile.entry import Document, run

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Parquet file of 20,000 rows with a dirty column, and a SQLite database."""
    folder = tmp_path_factory.mktemp("steps")
    duckdb.sql(
        "COPY (SELECT i AS k, 'g' || (i % 7) AS t, CASE WHEN i % 5000 = 17 THEN '<b>x' || i ELSE (i % 90)::VARCHAR END AS n"
        f" FROM range(20000) r(i)) TO '{folder}/a.parquet'"
    )
    with sqlite3.connect(folder / "a.sqlite") as db:
        db.execute("CREATE TABLE a (k INTEGER PRIMARY KEY, t TEXT)")
        db.executemany("INSERT INTO a VALUES (?, ?)", [(i, f"t{i % 3}") for i in range(50)])
    db.close()
    return folder


def source(place: Path) -> str:
    return f'Parquet.Document(File.Contents("{place}/a.parquet"))'


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run_command(list(arguments))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def tree(text: str, measure: bool = False, **settings: str) -> Node:
    document = Document(text)
    found = run(lambda: plan_tree(document.steps(), measure), api.open_session(**settings))
    assert found is not None
    return found


# ---------------------------------------------------------------- steps further in

SECTION = '''section Shop;
shared Rows = let
    Source = {source},
    Kept = Table.SelectRows(Source, each [k] > 10)
in Kept;
shared Cut = (t as table, n as number) as table => let
    #"First ""few""" = Table.FirstN(t, n),
    Named = Table.RenameColumns(#"First ""few""", {{{{"t", "T"}}}})
in Named;
shared Result = let
    Called = Cut(Rows, 5),
    Inner = let
        Lower = Table.AddColumn(Called, "low", each let x = Text.Lower([T]) in x, type text),
        Sorted = Table.Sort(Lower, "low")
    in Sorted
in Inner;
'''


@pytest.fixture
def shop(place: Path, tmp_path: Path) -> str:
    path = tmp_path / "shop.pq"
    path.write_text(SECTION.format(source=source(place)), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("step", "part"),
    [
        ("Called", "LIMIT 5"),
        ("Inner/Lower", "LOWER("),
        ("Sorted", "ORDER BY"),
        ("Rows/Kept", "k > 10"),
        ("Kept", "k > 10"),
        ("Rows/Source", "READ_PARQUET"),
        ('Cut/First "few"', "LIMIT 5"),
        ('#"First ""few"""', "LIMIT 5"),
        ("Rows", "k > 10"),
    ],
)
def test_the_sql_of_a_step_further_in(
    capsys: pytest.CaptureFixture[str], shop: str, step: str, part: str
) -> None:
    code, out, err = command(capsys, "explain", shop, "-q", "Result", "--step", step, "--sql")
    assert code == 0, err
    assert part in " ".join(out.split())
    assert duckdb.sql(out).fetchall()  # what is shown is a query


def test_a_step_that_is_not_there(capsys: pytest.CaptureFixture[str], shop: str) -> None:
    code, _, err = command(capsys, "explain", shop, "-q", "Result", "--step", "Sortd", "--sql")
    assert code == 2
    assert "There is no step 'Sortd'" in err
    assert "Inner/Sorted" in err


def test_steps_of_the_same_name_are_told_apart(
    capsys: pytest.CaptureFixture[str], place: Path, tmp_path: Path
) -> None:
    path = tmp_path / "q.pq"
    one = f"let S = {source(place)} in Table.FirstN(S, 1)"
    path.write_text(f"let A = {one}, B = {one} in Table.Combine({{A, B}})", encoding="utf-8")
    code, _, err = command(capsys, "explain", str(path), "--step", "S")
    assert code == 2
    assert "several steps 'S': A/S, B/S" in err
    assert command(capsys, "explain", str(path), "--step", "B/S")[1].splitlines()[1].startswith("B/S")


def test_all_steps(capsys: pytest.CaptureFixture[str], shop: str) -> None:
    found = json.loads(command(capsys, "explain", shop, "-q", "Result", "--all", "--json")[1])
    names = {step["name"]: step["indicator"] for step in found}
    assert {"Rows", "Rows/Kept", 'Cut/First "few"', "Cut/Named", "Inner/Lower", "Called", ""} <= set(names)
    assert set(names.values()) == {"Folding"}


def test_nodes_have_the_names_of_steps_further_in(capsys: pytest.CaptureFixture[str], shop: str) -> None:
    out = command(capsys, "explain", shop, "-q", "Result", "--run")[1]
    names = re.findall(r"([\w/]+|\w+/First \"few\"): Table\.\w+", out)
    assert names == ["Inner", "Inner/Lower", "Called", 'Cut/First "few"', "Rows"]
    assert "5 rows in" in out


def test_cures_name_the_step(capsys: pytest.CaptureFixture[str], place: Path, tmp_path: Path) -> None:
    path = tmp_path / "q.pq"
    path.write_text(
        f'let S = {source(place)}, #"A b" = Table.StopFolding(S), C = Table.FirstN(#"A b", 3) in C', encoding="utf-8"
    )  # fmt: skip
    out = command(capsys, "explain", str(path))[1]
    assert [line for line in out.splitlines() if line.startswith("Instead, at A b: This is a fence")]


# ---------------------------------------------------------------- indicators


def test_a_buffer_over_a_source_does_not_fold(place: Path) -> None:
    text = (
        f'let S = {source(place)}, B = Table.Buffer(S), G = Table.Group(B, "t", {{"n", Table.RowCount}}) in G'
    )
    found = mlang.explain(text)
    assert [s.indicator for s in found] == ["Folding", "Not folding", "Not folding", "Not folding"]
    assert "remove Table.Buffer" in (found["G"].cure or "")
    node = next(n for n in tree(text).walk() if n.step == "B")
    assert (node.runs, node.fence, node.rows) == ("memory", True, 20_000)
    assert [n.step for n in node.inputs] == ["S"]


def test_a_buffer_over_rows_in_memory_is_opaque() -> None:
    text = 'let S = #table({"a"}, {{1}}), B = Table.Buffer(S), F = Table.FirstN(B, 1) in F'
    assert {s.indicator for s in mlang.explain(text)} == {"Opaque"}


def test_many_rows_in_memory_go_to_the_engine() -> None:
    """As they do in a run: the tree says who does it."""
    rows = 'S = Table.FromColumns({{1..20000}}, {"a"})'
    found = tree(f'let {rows}, G = Table.Group(S, "a", {{"n", Table.RowCount}}) in G')
    assert [(n.runs, n.engine, n.crosses) for n in found.walk()][-1] == ("memory", "interpreter", "DuckDB")
    assert found.engine == "DuckDB"
    few = tree('let S = #table({"a"}, {{1}}), G = Table.Group(S, "a", {"n", Table.RowCount}) in G')
    assert {n.engine for n in few.walk()} == {"interpreter"}


def test_without_folding_no_step_folds(
    capsys: pytest.CaptureFixture[str], place: Path, tmp_path: Path
) -> None:
    path = tmp_path / "q.pq"
    path.write_text(f"let S = {source(place)}, F = Table.FirstN(S, 3) in F", encoding="utf-8")
    found = json.loads(command(capsys, "explain", str(path), "--no-fold", "--json")[1])
    assert [(s["indicator"], s["reason"], s["cure"], s["sql"]) for s in found] == [
        ("Not folding", "folding is turned off", None, None)
    ] * 3


@pytest.mark.usefixtures("proper_without_form")
def test_the_step_that_a_database_does_not_do_is_named(place: Path) -> None:
    text = f"""let Db = SQLite.Database("{place}/a.sqlite"), A = Db{{[Name = "a"]}}[Data],
        Middle = Table.AddColumn(A, "p", each Text.Proper([t])), Sorted = Table.Sort(Middle, "p") in Sorted"""
    found = mlang.explain(text)
    assert found["Db"].indicator == "Opaque"
    assert found["A"].indicator == "Folding"
    assert "Text.Proper" in (found["Middle"].reason or "")
    assert (found["Sorted"].reason or "").endswith("(Table.AddColumn)")
    assert any("does not fold: Text.Proper" in line for line in lines(tree(text)))


def test_a_source_that_is_read_by_the_interpreter_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;b\n" * 20, encoding="utf-8")
    text = f'let S = Csv.Document(File.Contents("{tmp_path}/a.csv"), [Delimiter = {{0, 2}}]) in S'
    (leaf,) = tree(text, engine="duckdb").walk()
    assert "read by the interpreter" in (leaf.reason or "")
    assert leaf.cure


# ---------------------------------------------------------------- error cells

DIRTY = 'T = Table.TransformColumnTypes(S, {{"n", type number}}, "en-US")'


@pytest.mark.parametrize("engine", ["auto", "duckdb", "none"])
def test_error_cells_of_a_run_are_counted(place: Path, engine: str) -> None:
    found = tree(f"let S = {source(place)}, {DIRTY} in T", measure=True, engine=engine)
    assert found.errors is not None
    (column,) = found.errors
    assert (column.column, column.count, column.row, column.detail) == ("n", 4, 18, '"<b>x17"')
    assert f"{column.reason}: {column.message}" == "DataFormat.Error: We couldn't convert to Number."
    assert any("column n: 4 errors, the first in row 18" in line for line in lines(found))


@pytest.mark.usefixtures("proper_without_form")
def test_a_run_computes_the_cells_of_the_interpreter(place: Path) -> None:
    """What is delayed is computed as by whoever loads the result: its errors count, its time is in the sum."""
    odd = 'U = Table.AddColumn(S, "u", each if [k] = 3 then error "no" else Text.Proper([t]))'
    found = tree(f"let S = {source(place)}, {odd} in U", measure=True)
    assert found.errors is not None
    assert [(e.column, e.count, e.row, e.message) for e in found.errors] == [("u", 1, 4, "no")]


def test_no_errors_and_no_run(place: Path) -> None:
    text = f"let S = {source(place)} in S"
    assert tree(text, measure=True).errors == ()
    assert tree(text).errors is None


def test_errors_in_json_and_on_the_page(
    capsys: pytest.CaptureFixture[str], place: Path, tmp_path: Path
) -> None:
    path, page = tmp_path / "q.pq", tmp_path / "q.html"
    path.write_text(f"let S = {source(place)}, {DIRTY} in T", encoding="utf-8")
    out = command(capsys, "explain", str(path), "--run", "--json", "--html", str(page))[1]
    assert json.loads(out)["plan"]["errors"] == [
        {"column": "n", "count": 4, "row": 18, "reason": "DataFormat.Error",
         "message": "We couldn't convert to Number.", "detail": '"<b>x17"'}
    ]  # fmt: skip
    text = page.read_text(encoding="utf-8")
    assert "Error cells" in text
    assert "<b>x17" not in text
    assert "&lt;b&gt;x17" in text


# ---------------------------------------------------------------- the process


@pytest.mark.parametrize("more", [[], ["--run"], ["--all"]])
def test_nothing_is_left_to_say_at_the_end(place: Path, tmp_path: Path, more: list[str]) -> None:
    """The client's library speaks up when connections are alive after the end."""
    path = tmp_path / "q.pq"
    upper = 'Table.AddColumn(S, "u", each Text.Upper([t] & (if [k] = 3 then "ß" else "")))'
    path.write_text(f'let S = {source(place)}, U = {upper}, G = Table.Sort(U, "u") in G', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mlang", "explain", str(path), *more],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ}, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "Table.Sort" in done.stdout


def test_a_parquet_file_keeps_no_evaluation(place: Path) -> None:
    """Arrow keeps the error with which the look at a file's footer ends, and that must not keep what was evaluated."""

    def looked_at() -> weakref.ref[Any]:
        session, document = api.open_session(), Document(source(place))
        run(lambda: plan_tree(document.steps()), session)
        return weakref.ref(session)

    kept = looked_at()
    gc.collect()
    assert kept() is None


# ---------------------------------------------------------------- wording


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ('let S = {0}, N = Table.NestedJoin(S, "k", S, "k", "nested") in N', [],
         "(result)  Table.NestedJoin  Not folding  interpreter  as N"),
        ('let F = Folder.Files(".") in F', [], "the interpreter makes the rows: there is nothing to fold to"),
        ("let T = #table({{\"a\"}}, {{{{1}}}}) in T", [], "the data is in memory already"),
        ('let S = {0}, K = Table.FirstN(S, 5), N = Table.NestedJoin(K, "k", S, "k", "nested") in N', ["--sql"],
         "holds a table in each row. The queries of its parts stand in --html, and in --tree --json."),
        ('error "It broke."', ["--sql"], "the step raises Expression.Error: It broke.\n"),
    ],
)  # fmt: skip
def test_words(
    capsys: pytest.CaptureFixture[str],
    place: Path,
    tmp_path: Path,
    text: str,
    arguments: list[str],
    said: str,
) -> None:
    file = tmp_path / "q.pq"
    file.write_text(text.format(source(place)), encoding="utf-8")
    run_command(["explain", str(file), *arguments])
    captured = capsys.readouterr()
    assert said in captured.out + captured.err
    assert "the interpreter runs the rest" not in captured.out or "up to" in captured.out
