"""Explaining folding: the tree, boundaries, cures, costs, the page; ``--no-fold``; engines that fail."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest

import mlang
from folding import advice
from folding.explain import plan_tree
from folding.plantree import Node, lines
from mlang.app import api
from mlang.compile.entry import Document, run

pytestmark = pytest.mark.usefixtures("proper_without_form")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two Parquet files, one of 20,000 rows."""
    folder = tmp_path_factory.mktemp("explain")
    orders = "SELECT i AS k, 'x' || (i % 7) AS t, i * 0.5::DOUBLE AS v FROM range(20000) r(i)"
    duckdb.sql(f"COPY ({orders}) TO '{folder}/orders.parquet'")
    duckdb.sql(f"COPY (SELECT i AS k, 'c' || (i % 5) AS c FROM range(100) r(i)) TO '{folder}/names.parquet'")
    return folder


def query(place: Path, steps: str) -> str:
    return (
        f'let Orders = Parquet.Document(File.Contents("{place}/orders.parquet")),'
        f' Names = Parquet.Document(File.Contents("{place}/names.parquet")), {steps}'
    )


ODD = 'Odd = Table.AddColumn(Kept, "u", each Text.Proper(Text.From([k])), type text)'
KEPT = "Kept = Table.SelectRows(Orders, each [v] > 10)"


def tree(text: str, measure: bool = False, **settings: Any) -> Node:
    document = Document(text)
    found = run(lambda: plan_tree(document.steps(), measure), api.open_session(**settings))
    assert found is not None
    return found


def where(node: Node) -> dict[str, tuple[str, str, str]]:
    return {n.step or n.function: (n.runs, n.engine, n.crosses) for n in node.walk()}


# ---------------------------------------------------------------- the tree


def test_a_plan_that_folds_is_one_query(place: Path) -> None:
    found = tree(query(place, f'{KEPT}, Sorted = Table.Sort(Kept, "k") in Sorted'))
    assert where(found) == dict.fromkeys(("Sorted", "Kept", "Orders"), ("remote", "DuckDB", ""))
    assert found.sql is not None
    assert "ORDER BY" in found.sql
    assert all(n.sql is None for n in found.walk() if n is not found)


def test_a_step_that_does_not_fold_has_a_boundary_a_reason_and_a_cure(place: Path) -> None:
    found = tree(query(place, f"{KEPT}, {ODD} in Odd"))
    assert where(found) == {
        "Odd": ("streaming", "interpreter", ""),
        "Kept": ("remote", "DuckDB", "interpreter"),
        "Orders": ("remote", "DuckDB", ""),
    }
    assert "Text.Proper" in (found.reason or "")
    assert "Text.Proper" in (found.cure or "")
    assert any("boundary: DuckDB → interpreter" in line for line in lines(found))


def test_rows_enter_the_engine_again_below_a_join(place: Path) -> None:
    joined = 'Joined = Table.Join(Odd, "k", Table.PrefixColumns(Names, "n"), "n.k") in Joined'
    found = where(tree(query(place, f"{KEPT}, {ODD}, {joined}")))
    assert found["Joined"] == ("remote", "DuckDB", "")
    assert found["Odd"] == ("streaming", "interpreter", "DuckDB, batch by batch")
    assert found["Kept"] == ("remote", "DuckDB", "interpreter")
    assert found["Names"] == ("remote", "DuckDB", "")


def test_stop_folding_is_a_fence(place: Path) -> None:
    steps = (
        f'{KEPT}, Fence = Table.StopFolding(Kept), G = Table.Group(Fence, "t", {{"n", Table.RowCount}}) in G'
    )
    found = tree(query(place, steps))
    fence = next(n for n in found.walk() if n.step == "Fence")
    assert fence.fence
    assert "remove Table.StopFolding" in (fence.cure or "")
    assert where(found)["Kept"] == ("remote", "DuckDB", "interpreter")


def test_without_folding_the_interpreter_does_all(place: Path) -> None:
    text = query(place, f"{KEPT} in Kept")
    assert {n.engine for n in tree(text, engine="none").walk()} == {"interpreter"}
    folded, interpreted = (mlang.to_m(mlang.evaluate(text, engine=e)) for e in ("duckdb", "none"))
    assert folded == interpreted


def test_a_run_says_what_crossed_over(place: Path) -> None:
    steps = f'{KEPT}, {ODD}, J = Table.Join(Odd, "k", Table.PrefixColumns(Names, "n"), "n.k") in J'
    found = tree(query(place, steps), measure=True)
    costs = {n.step: n.cost for n in found.walk() if n.cost is not None}
    assert costs["J"].rows == 79
    assert costs["Odd"].rows == costs["Kept"].rows == 19_979
    assert costs["Kept"].bytes is not None
    assert 0 < costs["Kept"].bytes < (place / "orders.parquet").stat().st_size
    assert 0 < costs["Kept"].seconds <= costs["Odd"].seconds


def test_what_is_no_table_has_no_tree(place: Path) -> None:
    document = Document("let a = 1 in a")
    assert run(lambda: plan_tree(document.steps()), api.open_session()) is None


def test_rows_that_the_interpreter_would_make_are_explained_whatever_stands_above(tmp_path: Path) -> None:
    """Also where a query inside the query reads them once more."""
    path = tmp_path / "t.parquet"
    duckdb.sql(f"COPY (SELECT i AS k, 'x' || i AS t FROM range(3) r(i)) TO '{path}'")
    found = mlang.explain(f"""
        let t = Parquet.Document(File.Contents("{path}")),
            count = (n) => if n <= 0 then 0 else @count(n - 1),
            counted = Table.AddColumn(t, "z", each count([k])),
            grouped = Table.Group(counted, "t", {{{{"x", each List.Max([z])}}}}),
            leading = Table.FirstN(grouped, each [x] = 0)
        in Table.Sort(leading, "x")
    """)
    assert [step.indicator for step in found.steps[-3:]] == ["Might fold"] * 3
    assert "a function that calls itself (count)" in str(found[-1].reason)


def test_conversions_inside_each_other_are_not_written_out(place: Path) -> None:
    """Each repeats its argument a dozen times: four would be an expression of many millions of parts."""
    inner = "Text.From(DateTimeZone.From(Text.Start([t], Text.Length([t]) - 1)))"
    for _ in range(3):
        inner = f"Text.From(DateTimeZone.From({inner}))"
    found = mlang.explain(
        f'Table.AddColumn(Parquet.Document(File.Contents("{place}/orders.parquet")), "z", each {inner})'
    )[-1]
    assert found.indicator == "Not folding"
    assert "the expression is too large" in str(found.reason)


# ---------------------------------------------------------------- cures


def test_every_cure_is_for_a_reason_that_is_given() -> None:
    sources = "\n".join(
        p.read_text(encoding="utf-8")
        for p in Path(advice.__file__).parent.rglob("*.py")
        if p.name != "advice.py"
    )
    for reason in re.findall(r'Unfoldable\("([^"]+)"', sources):
        assert advice.cure(reason, "Table.AddColumn") or "in memory" in reason, reason


@pytest.mark.parametrize(
    ("reason", "function", "part"),
    [
        ("'MyRoman' is not known to folding", "Table.AddColumn", "MyRoman"),
        (
            "Text.Upper with its optional arguments has no exact SQL form",
            "Table.AddColumn",
            "Text.Upper([Name])",
        ),
        ("Text.Contains with a comparer", "Table.SelectRows", "Text.Lower"),
        ("a join with key comparers", "Table.Join", "Table.AddColumn"),
        ("conversion of texts to Date.Type depends on the culture", "Table.TransformColumnTypes", "en-US"),
        ("a value of unknown kind where number is needed", "Table.AddColumn", "Table.TransformColumnTypes"),
        ("the step has no SQL form (Table.StopFolding)", "Table.Group", "fence"),
        ("Excel.Workbook is not read by an engine", "Table.SelectRows", "Stage"),
        ("something nobody has thought of", "Table.SelectRows", "Move this step"),
    ],
)
def test_cure(reason: str, function: str, part: str) -> None:
    assert part in (advice.cure(reason, function) or "")


@pytest.mark.parametrize("reason", [None, "the data is in memory already", "few rows, already in memory"])
def test_nothing_to_cure(reason: str | None) -> None:
    assert advice.cure(reason, "Table.Sort") is None


# ---------------------------------------------------------------- the command


@pytest.fixture
def file(place: Path, tmp_path: Path) -> str:
    path = tmp_path / "q.pq"
    path.write_text(query(place, f"{KEPT}, {ODD}, Fence = Table.StopFolding(Odd) in Fence"), encoding="utf-8")
    return str(path)


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    from mlang.app.cli import run as run_command

    code = run_command(list(arguments))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_tree_as_text(capsys: pytest.CaptureFixture[str], file: str) -> None:
    code, out, _ = command(capsys, "explain", file, "--tree")
    assert code == 0
    assert out.startswith("Fence: Table.StopFolding")
    assert "[fence]" in out
    assert "Kept: Table.SelectRows  DuckDB [remote]" in out


def test_tree_up_to_a_step(capsys: pytest.CaptureFixture[str], file: str) -> None:
    assert command(capsys, "explain", file, "--tree", "--step", "Kept")[1].startswith("Kept:")
    code, _, err = command(capsys, "explain", file, "--tree", "--step", "Nope")
    assert code == 2
    assert "no step 'Nope'" in err


def test_run_as_json(capsys: pytest.CaptureFixture[str], file: str) -> None:
    code, out, _ = command(capsys, "explain", file, "--run", "--json")
    found = json.loads(out)
    assert code == 0
    assert [s["name"] for s in found["steps"]] == ["Orders", "Names", "Kept", "Odd", "Fence", ""]
    assert found["steps"][3]["cure"]
    assert found["plan"]["cost"]["rows"] == 19_979
    assert found["plan"]["inputs"][0]["inputs"][0]["crosses"] == "interpreter"


class Page(HTMLParser):
    """Tags that are open at the end, and what was linked."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [v for n, v in attrs if n in ("src", "href") and v]
        if tag not in ("meta", "rect", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "path"):
            assert self.open.pop() == tag


def test_page(capsys: pytest.CaptureFixture[str], file: str, tmp_path: Path) -> None:
    target = tmp_path / "plan.html"
    code, out, err = command(capsys, "explain", file, "--html", str(target))
    assert (code, out) == (0, "")
    assert "Wrote" in err
    text = target.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.links == []  # nothing but the file itself
    assert '<svg role="img" aria-labelledby=' in text
    assert "prefers-color-scheme:dark" in text
    assert "<details><summary>SQL</summary>" in text
    assert "Instead:" in text


def test_page_escapes_names(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    source, target = tmp_path / "q.pq", tmp_path / "plan.html"
    source.write_text(
        'let #"<b>&" = #table({"a"}, {{1}}), x = Table.FirstN(#"<b>&", 1) in x', encoding="utf-8"
    )
    assert command(capsys, "explain", str(source), "--html", str(target))[0] == 0
    text = target.read_text(encoding="utf-8")
    assert "<b>" not in text
    assert "&lt;b&gt;&amp;" in text


def test_no_fold_is_engine_none(capsys: pytest.CaptureFixture[str], file: str) -> None:
    plain, without = (command(capsys, "run", file, *more)[1] for more in ((), ("--no-fold",)))
    assert plain == without != ""
    assert command(capsys, "eval", "1 + 1", "--no-fold")[1] == "2\n"
    assert "interpreter" in command(capsys, "explain", file, "--no-fold", "--tree")[1].splitlines()[-1]
    code, _, err = command(capsys, "run", file, "--no-fold", "--engine", "duckdb")
    assert code == 2
    assert "contradict" in err


def test_prompt_shows_tree_and_cure(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from mlang.app.repl import Repl

    repl = Repl()
    repl.answer(":plan " + query(place, f"{KEPT}, {ODD} in Odd"))
    assert "└─ " in capsys.readouterr().out
    repl.answer(":fold " + query(place, f"{KEPT}, {ODD} in Odd"))
    assert "Instead: " in capsys.readouterr().out


# ---------------------------------------------------------------- NaN in Parquet files


@pytest.mark.parametrize(
    "step",
    ["Table.SelectRows(t, each [n] <> 2)", "Table.SelectRows(t, each Number.IsNaN([n]))", 'Table.Sort(t, "n")',
     'Table.AddColumn(t, "c", each [k] < [n])', "List.Max(t[n])", "Table.SelectRows(t, each not ([n] <= 2))"],
)  # fmt: skip
def test_nan_that_parquet_statistics_leave_out(tmp_path: Path, step: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "nan.parquet"
    pq.write_table(pa.table({"k": [1, 2, 3], "n": [2.0, float("nan"), 2.0]}), path)
    m = f'let t = Parquet.Document(File.Contents("{path}")) in {step}'
    assert mlang.to_m(mlang.evaluate(m, engine="duckdb")) == mlang.to_m(mlang.evaluate(m, engine="none"))


# ---------------------------------------------------------------- sources that are down


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            'DuckDB.Database("{folder}/none.duckdb"){[Schema = "main", Item = "t"]}[Data]',
            "Could not find file",
        ),
        (
            'PostgreSQL.Database("127.0.0.1:1", "x"){[Schema = "public", Item = "t"]}[Data]',
            "connection failed",
        ),
        ('Parquet.Document(File.Contents("{folder}/none.parquet"))', "Could not find file"),
    ],
)
def test_a_source_that_is_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, says: str
) -> None:
    """Every step is reported, in one line each; the first one says what failed, the others which step did."""
    if "PostgreSQL" in source:
        pytest.importorskip("psycopg")
    text = f"let s = {source.replace('{folder}', str(tmp_path))}, f = Table.SelectRows(s, each [a] > 1) in f"
    found = mlang.explain(text)
    assert [step.indicator for step in found] == ["Unknown"] * 3
    assert says in (found["s"].reason or "")
    assert "\n" not in (found["s"].reason or "")
    assert found["f"].reason == "the step s raises"
    file = tmp_path / "q.pq"
    file.write_text(text, encoding="utf-8")
    _, out, err = command(capsys, "explain", str(file))
    assert says in out + err
    assert "Traceback" not in out + err


def test_a_source_that_goes_away_before_it_is_asked(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from folding import explain
    from mlang.errors_sources import query_failed

    def gone(plan: Any, names: Any) -> Any:
        raise query_failed("PostgreSQL", "server closed the connection\nmore", "x", "08006", "SELECT 1")

    monkeypatch.setattr(explain, "shown_query", gone)
    found = mlang.explain(query(place, f"{KEPT} in Kept"))
    assert found["Kept"].indicator == "Unknown"
    assert "does not answer" in (found["Kept"].reason or "")
    assert "server closed the connection" in (found["Kept"].reason or "")


def test_notes_of_a_query_with_odd_cells(tmp_path: Path) -> None:
    """After a run the tree says what the interpreter computed for the engine."""
    duckdb.sql(
        f"COPY (SELECT CASE WHEN i = 3 THEN 'straße' ELSE 'a' END AS t FROM range(20000) r(i)) TO '{tmp_path}/t.parquet'"
    )
    source = f'Parquet.Document(File.Contents("{tmp_path}/t.parquet"))'
    text = f'let s = {source}, u = Table.Sort(Table.AddColumn(s, "u", each Text.Upper([t])), "u") in u'
    assert tree(text).notes == ()
    found = tree(text, True)
    assert any("odd inputs computed by the interpreter" in note for note in found.notes)
    assert any("note: " in line for line in lines(found))
