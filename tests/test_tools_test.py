"""``mlang test``: pairs, sections, inline tests, fixtures, snapshots, reports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from test_cli import mlang  # noqa: F401

from mlang.app.testing.diff import differences
from mlang.app.testing.runner import summary
from mlang.compile.entry import Document, run

TABLE = '#table(type table [a = number, b = text], {{1, "x"}, {2, "y"}, {3, "z"}})'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(place: Path, **files: str) -> None:
    for name, text in files.items():
        (place / name.replace("__", ".")).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("expected", "actual", "where"),
    [
        ("1", "1", []),
        ("1", "2", ["value"]),
        ("1", '"1"', ["value"]),
        ("#nan", "#nan", []),
        ("{1, 2}", "{1, 3}", ["{1}"]),
        ("{1}", "{1, 2}", ["list: number of items"]),
        ("[a = 1, b = {1}]", "[b = {2}, a = 1]", ["[b]{0}"]),
        ("[a = 1]", "[c = 1]", ["[a]", "[c]"]),
        ('error "x"', 'error "x"', []),
        ('{error "x"}', '{error "y"}', ["{0}"]),
        (TABLE, "Table.Skip(" + TABLE + ", 1)", ["row 1", "number of rows"]),
        (
            TABLE,
            "Table.ReplaceValue(" + TABLE + ', "y", "q", Replacer.ReplaceText, {"b"})',
            ["row 2, column b"],
        ),
        (TABLE, "Table.RenameColumns(" + TABLE + ', {"a", "A"})', ["column a", "column A"]),
        ("#table(type table [a = number], {})", "#table(type table [a = Int64.Type], {})", []),
        ("#table(type table [a = number], {})", "#table(type table [a = text], {})", ["type of column a"]),
    ],
)
def test_differences_say_where(expected: str, actual: str, where: list[str]) -> None:
    def found() -> list[str]:
        from mlang.compile.entry import Document as Doc

        return [d.where for d in differences(Doc(expected).thunk(), Doc(actual).thunk())]

    assert run(found) == where


def test_pairs(mlang: Any, place: Path) -> None:  # noqa: F811
    put(
        place,
        a__query__pq="1 + 1",
        a__query__pqout="2",
        b__query__pq=f"Table.Skip({TABLE}, 1)",
        b__query__pqout=TABLE,
    )
    done = mlang("test")
    assert done.code == 3
    assert "FAILED b.query.pq: differs from b.query.pqout" in done.out
    assert "1 passed, 1 failed" in done.out
    assert mlang("test", "-k", "a.query").code == 0
    assert mlang("test", "--update").code == 0
    assert mlang("test").code == 0
    assert '\n        {2, "y"},\n' in (place / "b.query.pqout").read_text()


def test_a_missing_result_fails_unless_the_settings_allow_it(mlang: Any, place: Path) -> None:  # noqa: F811
    put(place, a__query__pq="1")
    assert "--update writes it" in mlang("test").out
    (place / "test.settings").write_text('{"FailOnMissingOutputFile": false}')
    done = mlang("test")
    assert (done.code, "1 skipped" in done.out) == (0, True)


def test_functions_get_the_parameter_query(mlang: Any, place: Path) -> None:  # noqa: F811
    put(place, a__query__pq="(parameter) => Table.RowCount(parameter[t])", a__query__pqout="3")
    assert "parameter" in mlang("test").out
    put(place, all__parameterquery__pq=f"[t = {TABLE}]")
    assert mlang("test").code == 0
    (place / "s").mkdir()
    put(place, two__parameterquery__pq='[t = #table({"a"}, {})]')
    (place / "s" / "x.json").write_text(
        '{"ParameterQueryFilePath": "all.parameterquery.pq", "QueryFilePath": "."}'
    )
    assert mlang("test", "--settings", "s/x.json", "a.query.pq").code == 0


SECTION = """section Calc;
shared Add = (a, b) => a + b;
Hidden = 5;
shared CalcTests = {
    [Name = "adds", Expected = 3, Actual = Add(1, 2)],
    [Name = "refuses", Error = "cannot apply", Actual = Add("a", 2)],
    Fact("wrong", {1, 2}, {1, 3}),
    Fact("breaks", 1, error "no")
};
"""


def test_sections_and_files_beside_them(mlang: Any, place: Path) -> None:  # noqa: F811
    put(
        place,
        calc__pq=SECTION,
        calc__test__pq="section T; shared MyTests = [five = [Expected = 5, Actual = Hidden]];",
    )
    done = mlang("test", "-v", "--junit", "j.xml", "--trx", "t.trx")
    assert done.code == 3
    assert "passed calc.pq::CalcTests: adds" in done.out
    assert "passed calc.test.pq::MyTests: five" in done.out
    assert "3 passed, 2 failed" in done.out
    root = ET.parse(place / "j.xml").getroot()
    assert (root.get("tests"), root.get("failures")) == ("5", "2")
    assert "Counters" in ET.tostring(ET.parse(place / "t.trx").getroot()).decode()
    assert "not ok 3 - calc.pq::CalcTests: wrong" in mlang("test", "--tap", "calc.pq").out
    assert (
        "::error file=calc.pq,line=7,title=CalcTests%3A wrong::" in mlang("test", "--github", "calc.pq").out
    )
    assert [o["status"] for o in json.loads(mlang("test", "--json", "calc.test.pq").out)] == ["passed"]


def test_helpers_of_the_connector_kit_are_understood(mlang: Any, place: Path) -> None:  # noqa: F811
    put(
        place,
        x__query__pq="""section X;
        Fact = (name, expected, actual) => [Result = if expected = actual then "Success" else "Failure", Notes = name,
            Details = ""];
        shared X.UnitTest = Table.FromRecords({[Result = "Failure", Notes = "1", Details = "50% success rate"],
            Fact("good", 1, 1), Fact("bad", 1, 2)});""",
    )
    done = mlang("test", "-v")
    assert "passed x.query.pq::X.UnitTest: good" in done.out
    assert "1 passed, 1 failed" in done.out


def test_fixtures_replace_steps_of_any_depth(mlang: Any, place: Path) -> None:  # noqa: F811
    put(
        place,
        q__pq='section S; shared Orders = let Source = error "no database", N = Table.RowCount(Source) in N;',
        q__test__pq="section T; shared SomeTests = {[Name = \"n\", Expected = 2, Actual = Orders]};",
        s__csv="a,b\n1,x\n2,y\n",
    )  # fmt: skip
    assert mlang("test").code == 3
    assert mlang("test", "--bind", "Source=s.csv").code == 0
    assert mlang("test", "--bind", "Orders/Source=s.csv").code == 0
    assert mlang("test", "--bind", "Sorce=s.csv").code == 2
    assert mlang("test", "--bind", "Source=none.csv").code == 2


def test_broken_files_and_the_clock(mlang: Any, place: Path) -> None:  # noqa: F811
    put(place, bad__query__pq="let x =", c__query__pq="DateTimeZone.UtcNow()",
        c__query__pqout="#datetimezone(2024, 1, 31, 0, 0, 0, 0, 0)")  # fmt: skip
    done = mlang("test", "--clock", "2024-01-31T00:00:00")
    assert "ERROR bad.query.pq: bad.query.pq:1:8" in done.out
    assert "1 passed, 1 failed" in done.out
    assert mlang("test", "bad.query.pq", "-k", "zzz").code == 3
    assert mlang("test", "c.query.pq", "-k", "zzz").code == 2
    assert summary([], 1) == "0 passed in 1.00 s"


def test_processes_give_the_same(mlang: Any, place: Path) -> None:  # noqa: F811
    for number in range(3):
        put(place, **{f"t{number}__query__pq": str(number), f"t{number}__query__pqout": "1"})
    done = mlang("test", "-j", "2")
    assert (done.code, "1 passed, 2 failed" in done.out) == (3, True)


def test_a_row_function_calls_a_let_bound_function() -> None:
    text = 'let f = (x) => let y = x * 2 in y in Table.SelectRows(#table({"a"}, {{1}, {2}}), each f([a]) > 2)'
    assert run(lambda: Document(f"Table.RowCount({text})").value()) == 1


def test_a_section_with_helpers_gives_its_query(mlang: Any, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "x.query.pq"
    file.write_text("section Test; shared Helper = (x) => x + 1; shared Query = let a = Helper(1) in a;")
    (tmp_path / "x.query.pqout").write_text("2")
    assert mlang("test", str(file)).code == 0
    file.write_text("section Test; shared Helper = (x) => x + 1; shared Other = 1;")
    assert "none Query" in mlang("test", str(file)).out


def test_what_no_test_could_run_with_is_wrong_usage(mlang: Any, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "x.pq").write_text("1")
    (tmp_path / "x.pqout").write_text("1")
    file = str(tmp_path / "x.pq")
    assert mlang("test", file).code == 0, "Y.pqout belongs to Y.pq"
    for arguments in (
        ("--clock", "soon"),
        ("--extension", "no.mez"),
        ("--parameter-query", "no.pq"),
        ("--junit", "/no/x"),
    ):
        assert mlang("test", file, *arguments).code == 2, arguments


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_processes_end_with_the_command(tmp_path: Path, name: str) -> None:
    """Tests that never end stop with the command, whatever ends it."""
    for test, text in {"a": "1", "b": "let f = (n) => @f(n + 1) in f(1)", "c": "List.Max({1..1e12})"}.items():
        (tmp_path / f"{test}.query.pq").write_text(text)
        (tmp_path / f"{test}.query.pqout").write_text("1")
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "mlang", "test", "-v", "-j", "2", "."], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(root)}, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert "passed a.query.pq" in process.stdout.readline()
        process.send_signal(getattr(signal, name))
        try:
            process.communicate(timeout=60)  # returns when the last one that could print has ended
        finally:
            process.kill()
    assert process.returncode == (130 if name == "SIGINT" else -getattr(signal, name))
