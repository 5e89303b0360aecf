"""The command line: output, exit codes, messages; run in this process unless a start matters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conftest import ROOT
from dataflows.making import make

from mlang.app import xlsx
from mlang.app.main import main
from mlang.app.repl import incomplete

TABLE = '#table(type table [a = nullable number, b = nullable text], {{1, "x"}, {2.5, null}})'


class Done:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def mlang(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*arguments: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        seen = capsys.readouterr()
        return Done(int(ended.value.code or 0), seen.out, seen.err)

    return call


# ---------------------------------------------------------------- eval


@pytest.mark.parametrize(
    ("expression", "out"),
    [
        ("1 + 1", "2\n"),
        ('"a" & "#(lf)"', '"a#(lf)"\n'),
        ("{1, [a = null]}", "{1, [a = null]}\n"),
        ("(x) => x", "(x) => ...\n"),
        (TABLE, "a    b\n---  ----\n  1  x\n2.5  null\n"),
        ('#table(type table [a = number], {})', "a\n-\n"),
        ("#table({\"e\"}, {{error \"x\"}, {{1}}})", "e\n------\nError\n[List]\n"),
    ],
)  # fmt: skip
def test_eval_prints_values(mlang: Any, expression: str, out: str) -> None:
    done = mlang("eval", expression)
    if expression.startswith("("):
        assert done.code == 0
        return
    assert (done.code, done.out, done.err) == (0, out, "")


def test_eval_as_json(mlang: Any) -> None:
    done = mlang("eval", "--json", TABLE)
    assert json.loads(done.out) == [{"a": 1, "b": "x"}, {"a": 2.5, "b": None}]


def test_m_errors_have_reason_detail_and_place(mlang: Any) -> None:
    done = mlang("eval", "let x = [a = 1], y = x[b] in y")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "Expression.Error: The field 'b' of the record wasn't found.",
        "Detail: [a = 1]",
        "<text>:1:22 (step y)",
        "    let x = [a = 1], y = x[b] in y",
        "                         ^^^^",
        "More: mlang help field",
    ]


def test_syntax_errors_have_a_caret_and_exit_code_2(mlang: Any) -> None:
    done = mlang("eval", "let x = in x")
    assert done.code == 2
    assert done.err.startswith("<text>:1:9: found 'in'")
    assert done.err.endswith("^^\nMore: mlang help syntax\n")


def test_errors_as_json(mlang: Any) -> None:
    done = mlang("eval", "--json", 'error "no"')
    assert done.code == 1
    found = json.loads(done.err)["error"]
    assert (found["reason"], found["message"]) == ("Expression.Error", "no")


@pytest.mark.parametrize("arguments", [(), ("frob",), ("eval",), ("run",), ("run", "--frob")])
def test_wrong_usage(mlang: Any, arguments: tuple[str, ...]) -> None:
    done = mlang(*arguments)
    assert done.code == 2
    assert "Usage:" in done.out + done.err


# ---------------------------------------------------------------- run


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "q.pq"
    path.write_text(
        f"""section S;
shared N = 1 meta [IsParameterQuery = true, Type = "Number"];
shared T = Table.AddColumn({TABLE}, "n", each N, type number);
shared Bad = let Source = T, Gone = Table.SelectColumns(Source, {{"zz"}}) in Gone;
""",
        encoding="utf-8",
    )
    return path


def test_run_a_query_with_a_parameter(mlang: Any, document: Path) -> None:
    done = mlang("run", str(document), "-q", "T", "--param", "N=7", "--json")
    assert json.loads(done.out)[1] == {"a": 2.5, "b": None, "n": 7}


def test_run_names_file_query_and_step(mlang: Any, document: Path) -> None:
    done = mlang("run", str(document), "--query", "Bad")
    assert done.code == 1
    assert "The column 'zz' of the table wasn't found." in done.err
    assert f"{document}:4:37 (query Bad, step Gone)" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-q", "Nope"), "no query 'Nope'"),
        (("-q", "T", "--param", "M=1"), "There is no parameter 'M'. Parameters: N."),
        (("-q", "T", "--param", "N=x"), "'x' is no such value"),
        (("-q", "T", "--param", "N"), "not of the form name=value"),
        (("-q", "T", "-o", "x.doc"), "format of x.doc is not known"),
    ],
)
def test_run_refuses(mlang: Any, document: Path, arguments: tuple[str, ...], message: str) -> None:
    done = mlang("run", str(document), *arguments)
    assert done.code == 2
    assert message in done.err


def test_run_with_a_step_replaced(mlang: Any, tmp_path: Path) -> None:
    (tmp_path / "q.pq").write_text(
        'section S; shared Source = Csv.Document(File.Contents("nowhere.csv"));'
        "shared Big = let Raw = Source, Kept = Table.SelectRows(Raw, each Number.From([a]) > 1) in Kept;"
    )
    (tmp_path / "mock.csv").write_text("a\n1\n5\n")
    file, mock = str(tmp_path / "q.pq"), str(tmp_path / "mock.csv")
    for name in ("Source", "Big/Raw", "Raw"):
        done = mlang("run", file, "-q", "Big", "--json", "--bind", f"{name}={mock}")
        assert (done.code, json.loads(done.out)) == (0, [{"a": "5"}])
    assert mlang("explain", file, "-q", "Big", "--bind", f"Source={mock}").code == 0
    wrong = mlang("run", file, "-q", "Big", "--bind", f"Sorce={mock}")
    assert (wrong.code, "did you mean 'Source'" in wrong.err) == (2, True)


def test_python_replaces_steps_by_values_frames_functions_and_files(tmp_path: Path) -> None:
    import pyarrow

    import mlang

    text = 'let Raw = error "no source", Twice = (n) => n, Sum = List.Sum(Raw[a]) in Twice(Sum)'
    (tmp_path / "mock.m").write_text('#table({"a"}, {{1}, {2}})')
    for raw in (pyarrow.table({"a": [1.0, 2.0]}), tmp_path / "mock.m"):
        bound = {"Raw": raw, "Twice": lambda n: 2 * n}
        assert mlang.evaluate(text, bind=bound) == 6
    with pytest.raises(mlang.Fault, match="to replace"):
        mlang.evaluate(text, bind={"Nothing": 1})


def test_a_long_list_is_written_as_it_comes(mlang: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlang.app import main as entry

    monkeypatch.setattr(entry, "_HELD", 20)
    done = mlang("eval", "List.Numbers(1, 100)")
    assert done.out == "{" + ", ".join(map(str, range(1, 101))) + "}\n"
    failed = mlang("eval", '{1, 2, error "late"}')
    assert (failed.code, failed.out) == (1, "")


def test_run_a_missing_file(mlang: Any) -> None:
    done = mlang("run", "nowhere.pq")
    assert (done.code, done.err) == (2, "There is no file nowhere.pq.\n")


def test_outputs(mlang: Any, document: Path, tmp_path: Path) -> None:
    for suffix in ("csv", "json", "parquet", "arrow", "xlsx"):
        done = mlang("run", str(document), "-q", "T", "-o", str(tmp_path / f"o.{suffix}"))
        assert (done.code, done.out) == (0, "")
        assert f"Wrote {tmp_path / 'o'}.{suffix}" in done.err
    assert (tmp_path / "o.csv").read_bytes() == b"a,b,n\r\n1,x,1\r\n2.5,,1\r\n"
    assert json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))[0] == {"a": 1, "b": "x", "n": 1}
    assert pq.read_table(tmp_path / "o.parquet").to_pylist()[1] == {"a": 2.5, "b": None, "n": 1.0}
    assert not list(tmp_path.glob(".*tmp"))


def test_an_error_cell_stops_an_export(mlang: Any, tmp_path: Path) -> None:
    path = tmp_path / "e.pq"
    path.write_text('#table(type table [a = number], {{1}, {error "bad"}})', encoding="utf-8")
    for suffix in ("csv", "xlsx", "parquet"):
        done = mlang("run", str(path), "-o", str(tmp_path / f"o.{suffix}"))
        assert done.code == 1
        assert "bad" in done.err
        assert not (tmp_path / f"o.{suffix}").exists()


def test_xlsx_is_read_back(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    from mlang.values.temporal import DAY, Date, DateTime, Time

    row = [
        ("text", " <a&b>\x01 "), ("number", 1.5), ("number", float("nan")), ("logical", True), ("null", None),
        ("date", Date(738_000)), ("datetime", DateTime(738_000 * DAY + DAY // 2)), ("time", Time(DAY // 4)),
    ]  # fmt: skip
    xlsx.write(tmp_path / "x.xlsx", [f"h{i}" for i in range(len(row))], [row])
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").active
    found = [cell.value for cell in sheet[2]]
    assert found[1] == 1.5
    assert (found[3], found[4]) == (True, None)
    assert [f.isoformat() for f in found[5:]] == ["2021-07-30T00:00:00", "2021-07-30T12:00:00", "06:00:00"]
    with zipfile.ZipFile(tmp_path / "x.xlsx") as archive:
        assert b" &lt;a&amp;b&gt;_x0001_ " in archive.read("xl/worksheets/sheet1.xml")


# ---------------------------------------------------------------- dataflows


def test_refresh_list_show_history_drop(mlang: Any, tmp_path: Path) -> None:
    place = make(tmp_path, f"shared A = {TABLE}; shared B = Table.SelectRows(A, each [a] > 1);")
    done = mlang("refresh", str(place))
    assert done.code == 0
    assert done.out.splitlines()[0].split() == [
        "Query",
        "Kind",
        "Rows",
        "Bytes",
        "Engine",
        "Seconds",
        "Status",
    ]
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == ["A", "B"]
    assert "Completed in" in done.err
    done = mlang("staging", "list", str(place), "--json")
    assert [(r["query"], r["rows"]) for r in json.loads(done.out)] == [("A", 2), ("B", 1)]
    assert "Item" not in mlang("staging", "list", str(tmp_path)).out
    assert "DataflowsStagingLakehouse" in mlang("staging", "list", str(tmp_path), "--all").out
    assert json.loads(mlang("staging", "show", str(place), "B", "--json").out) == [{"a": 2.5, "b": None}]
    assert "no staged data" in mlang("staging", "show", str(place), "C").err
    runs = json.loads(mlang("history", str(place), "--json").out)
    assert [r["status"] for r in runs] == ["Completed"]
    assert "Completed" in mlang("history", str(tmp_path), "--run", runs[0]["id"][:6]).out
    assert mlang("staging", "drop", str(place)).code == 0
    assert "Nothing is staged" in mlang("staging", "list", str(place)).err


def test_failed_refresh_says_why(mlang: Any, tmp_path: Path) -> None:
    place = make(tmp_path, 'shared A = let Source = error "broken" in Source; shared B = A;')
    done = mlang("refresh", str(place))
    assert done.code == 1
    assert "Error: Query 'A', step 'Source' (mashup.pq:2:25): Expression.Error: broken" in done.err
    assert "Note: query 'B' needs 'A', which was not refreshed." in done.err
    done = mlang("refresh", str(place), "--json")
    assert done.code == 1
    assert [q["status"] for q in json.loads(done.out)["queries"]] == ["Failed", "Skipped"]


def test_error_cells_are_warned_about(mlang: Any, tmp_path: Path) -> None:
    place = make(tmp_path, 'shared A = #table(type table [a = number], {{1}, {error "x"}});')
    done = mlang("refresh", str(place))
    assert done.code == 0
    assert "Warning: query 'A', column 'a': 1 error cell stored as null." in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("refresh", "nowhere.Dataflow"), 2, "There is no dataflow at nowhere.Dataflow."),
        (("refresh", "{place}", "-q", "Nope"), 2, "There is no query 'Nope' in t. Queries: A."),
        (("refresh", "{place}", "--param", "Nope=1"), 2, "There is no parameter 'Nope'."),
        (("refresh", "{broken}"), 2, "mashup.pq:2:"),
        (("staging", "list", "nowhere"), 2, "There is nothing at nowhere."),
        (("history", "{place}", "--run", "xyz"), 2, "There is no run xyz."),
    ],
)
def test_bad_input(mlang: Any, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    place = make(tmp_path, "shared A = 1;")
    broken = make(tmp_path, "shared A = ;", name="broken")
    done = mlang(*(a.format(place=place, broken=broken) for a in arguments))
    assert done.code == code, done.err
    assert message in done.err
    assert done.out == ""


# ---------------------------------------------------------------- explain


def test_explain(mlang: Any, tmp_path: Path) -> None:
    place = make(
        tmp_path,
        """
        shared A = #table(type table [a = number], {{1}, {2}});
        shared B = let
            Kept = Table.SelectRows(A, each [a] > 1),
            Named = Table.AddColumn(Kept, "t", each Text.Proper("x" & Text.From([a])), type text)
        in Named;
        """,
    )
    assert mlang("refresh", str(place)).code == 0
    done = mlang("explain", str(place), "-q", "B")
    assert "Over staged data of A." in done.err
    lines = {line.split()[0]: line for line in done.out.splitlines()}
    assert " Folding " in lines["Kept"]
    sql = mlang("explain", str(place), "-q", "B", "--step", "Kept", "--sql").out
    assert sql.startswith("SELECT")
    assert json.loads(mlang("explain", str(place), "-q", "B", "--json").out)[0]["indicator"] == "Folding"
    assert "no step 'Nope'" in mlang("explain", str(place), "-q", "B", "--step", "Nope").err


# ---------------------------------------------------------------- repl and starts


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("1 +", True), ("1 + 1", False), ("let x = 1", True), ('"a', True), ("/* a", True), ("[a]b]", False),
        ("{1,", True), ("f(", True), (":let x = {", True), (":quit", False), (")", False), (":type 1", False),
    ],
)  # fmt: skip
def test_incomplete(text: str, more: bool) -> None:
    assert incomplete(text) is more


def process(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlang", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, cwd=ROOT, check=False)


def test_repl_in_a_pipe() -> None:
    done = process("repl", text=':let x = 20\nlet\n y = x\nin\n y * 2 + 2\n1/\n\n"é"\nx[a]\n:nope\n')
    assert done.stdout.splitlines() == ["42", '"é"']
    assert done.returncode == 1
    assert "field access" in done.stderr
    assert "There is no command :nope" in done.stderr


def test_output_to_a_closed_pipe_is_quiet() -> None:
    source = "Table.FromList({1..20000}, Splitter.SplitByNothing())"
    command = f"{sys.executable} -m mlang eval '{source}' | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stderr == ""


def test_version() -> None:
    assert process("--version").stdout.startswith("mlang ")
    assert process("version").stdout == process("--version").stdout


def test_output_is_utf8_whatever_the_locale() -> None:
    command = [sys.executable, "-m", "mlang", "eval", '"é😀"']
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment, check=False)
    assert done.stdout.decode() == '"é😀"\n'


def test_devices_without_end_are_not_read(mlang: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlang.app import textfile

    monkeypatch.setattr(textfile, "LARGEST", 1 << 20)
    for command in ("run", "fmt", "list"):
        done = mlang(command, "/dev/zero")
        assert (done.code, "it isn't read" in done.err) == (2, True)


def test_a_page_that_cannot_be_written_is_named(mlang: Any, tmp_path: Path) -> None:
    (tmp_path / "a.pq").write_text("1")
    done = mlang("explain", str(tmp_path / "a.pq"), "--html", str(tmp_path / "no" / "x.html"))
    assert (done.code, done.err) == (
        2,
        f"{tmp_path}/no/x.html can't be written: No such file or directory.\n",
    )


def test_an_error_without_a_message_has_its_reason(mlang: Any) -> None:
    assert mlang("eval", 'error [Reason = "a"]').err.splitlines()[0] == "a"


def test_a_name_that_was_not_finished(mlang: Any) -> None:
    assert "Did you mean List.Generate?" in mlang("eval", "List.Gener").err


@pytest.mark.parametrize(
    "command", ["eval {1..1000000}", "lint --rules", "fmt --diff long.pq", "steps long.pq"]
)
def test_a_reader_that_goes_away(tmp_path: Path, command: str) -> None:
    steps = ",\n".join(f"s{i}={{{i}}}&{{{i}}}" for i in range(900))
    (tmp_path / "long.pq").write_text(f"let {steps} in s0")
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "mlang.app", *command.split(" ")], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait(60)) == ("", 0)
    process.stderr.close()
