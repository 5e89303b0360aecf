"""``mlang fmt``, ``lint``, ``steps``, the REPL's commands and completion, hints."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from test_cli import mlang  # noqa: F401

from mlang.app.completion import Completer
from mlang.app.hints import brief, hint_for
from mlang.app.linting.command import chosen_rules, lint_text
from mlang.app.repl import Repl
from mlang.compile.entry import Document, run
from mlang.errors import MError
from mlang.values.thunk import Thunk


def test_fmt_keeps_mode_mark_and_line_ends(mlang: Any, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "a.pq"
    file.write_bytes(b"\xef\xbb\xbfsection A;\r\nshared x=1; // c\r\n")
    file.chmod(0o640)
    assert mlang("fmt", "--check", str(file)).code == 1
    assert mlang("fmt", "--diff", str(file)).out.startswith("---")
    assert mlang("fmt", str(tmp_path)).code == 0
    assert file.read_bytes() == b"\xef\xbb\xbfsection A;\r\n\r\nshared x = 1;\r\n// c\r\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert mlang("fmt", "--check", str(file)).code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.pq"]


def test_fmt_reports_what_is_no_m(mlang: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    (tmp_path / "b.pq").write_text("let x =")
    (tmp_path / "c.pq").write_text("{1,2}")
    assert mlang("fmt", str(tmp_path)).code == 2
    assert (tmp_path / "c.pq").read_text() == "{1, 2}\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("let x=1 in x"))
    assert mlang("fmt", "-").out == "let x = 1 in x\n"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("let x = 1, y = 2 in x", ["M102"]),
        ("let x = y, y = x2, x2 = 1, z = @z in 1", ["M102"] * 4),
        ("Table.Rowcount(1)", ["M101"]),
        ("let Text.From = 1 in Text.From", ["M103"]),
        ("(x) => let x = x + 1 in x", ["M104"]),
        ("each each _", ["M201"]),
        ("each List.Transform([l], each _ + [q])", ["M202"]),
        ("let a = List.Sum({1}), b = List.Sum({1}) in a + b", ["M203"]),
        ("if true then 1 else 1", ["M204"]),
        ('each [a] = "null"', ["M206"]),
        ('(t) => Table.Distinct(Table.Sort(t, "a"))', ["M301"]),
        ('(t) => let s = Table.Sort(t, "a"), g = Table.Group(s, {"a"}, {}) in g', ["M301"]),
        ('(t) => Table.Group(Table.Sort(t, "a"), {"a"}, {}, GroupKind.Local)', []),
        ("let k = List.Transform({1}, each _), r = List.Select({1}, each List.Contains(k, _)) in r", ["M302"]),
        ("let k = List.Buffer({1}), r = List.Select({1}, each List.Contains(k, _)) in r", []),
        ('Table.SelectRows(Table.AddIndexColumn(Sql.Database("s", "d"), "i"), each [a] > 1)', ["M303"]),
        ('Table.AddIndexColumn(Table.SelectRows(Sql.Database("s", "d"), each [a] > 1), "i")', []),
        ("(t) => Table.RowCount(t) = 0", ["M304"]),
        (r'File.Contents("C:\Users\me\a.csv")', ["M401"]),
        ('(x) => Web.Contents("https://a/" & x)', ["M402"]),
        ('[Password = "hunter22"]', ["M403"]),
        ("let x =", ["M000"]),
        ("let x = 1, y = 2 in x // mlang: ignore M102", []),
        ("// mlang: ignore M102\nlet x = 1, y = 2 in x", []),
        ("let x = 1, // mlang: ignore\n y = 2 in x", ["M102"]),
        ("// mlang: ignore-file M102\nlet x = 1,\n y = 2 in x", []),
    ],
)  # fmt: skip
def test_lint(text: str, codes: list[str]) -> None:
    found = [f.code for f in lint_text(text, "x.pq")]
    assert found == codes if "z = @z" not in text else set(found) == {"M102"}


def test_lint_command(mlang: Any, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "a.pq"
    file.write_text("let x = 1, y = 2 in x")
    done = mlang("lint", str(file))
    assert (done.code, done.out) == (1, f"{file}:1:12: M102 The step 'y' is never used (unused-step)\n")
    assert json.loads(mlang("lint", str(file), "--json").out)[0]["column"] == 12
    assert mlang("lint", str(file), "--ignore", "M1").code == 0
    assert mlang("lint", str(file), "--select", "M3").code == 0
    assert mlang("lint", str(file), "--select", "M9").code == 2
    assert "L19" in mlang("lint", "--rules").out
    assert len(chosen_rules("ALL")) > len(chosen_rules())


STEPS = """let
    Source = #table(type table [a = number], {{1}, {2}}),
    Twice = (x) => x * 2,
    Unused = 5 + 5,
    Kept = Table.SelectRows(Source, each Twice([a]) > 2),
    Bad = error "no"
in
    Kept
"""


def test_steps_and_trace(mlang: Any, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "s.pq"
    file.write_text(STEPS)
    done = mlang("steps", str(file), "--json", "--count")
    about = {step["name"]: step for step in json.loads(done.out)}
    assert done.code == 1
    assert (about["Kept"]["rows"], about["Kept"]["schema"]) == (1, {"a": "number"})
    assert about["Bad"]["error"] == "Expression.Error: no"
    trace = {s["name"]: s for s in json.loads(mlang("steps", str(file), "--trace", "--json").out)["steps"]}
    assert (trace["Kept"]["order"], trace["Source"]["order"], trace["Twice"]["times"]) == (1, 2, 2)
    assert trace["Unused"]["order"] is None
    assert "Never evaluated: Unused (line 4), Bad (line 6)" in mlang("steps", str(file), "--trace").out


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("let Sorce = 1 in Source", "Did you mean Sorce?"),
        ("table.rowcount(1)", "Did you mean Table.RowCount (names are case sensitive)?"),
        ("Table.Filter(1)", "M has Table.SelectRows for this."),
        ("[Amount = 1][amount]", "Did you mean [Amount]?"),
        ('Table.SelectColumns(#table({"a"}, {{1}}), "A")', "Did you mean 'a'?"),
        ('1 & "a"', "Convert first: Text.From(number) & text."),
        ("(null as number)", "The value is null: give another one with ??, or declare nullable number."),
        ("Text.Length()", "Text.Length(text as nullable text) as nullable number"),
        ('error "x"', None),
    ],
)
def test_hints(text: str, hint: str | None) -> None:
    with pytest.raises(MError) as raised:
        run(lambda: Document(text).value())
    assert hint_for(raised.value) == hint


def test_details_are_not_evaluated() -> None:
    def never() -> Any:
        raise AssertionError("evaluated")

    assert brief({"Name": "a", "Data": Thunk(never), "l": [1.0] * 20}).startswith(
        '[Name = "a", Data = ..., l = {1, '
    )
    table = run(lambda: Document('#table({"Name", "Data"}, {{"a", error "no"}})').value())
    assert brief(table) == '#table({"Name", "Data"}, ...)'


def conversation(capsys: pytest.CaptureFixture[str], *lines: str) -> tuple[str, str]:
    repl = Repl()
    for line in lines:
        repl.answer(line)
    seen = capsys.readouterr()
    return seen.out, seen.err


def test_repl_commands(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "kept.pq"
    out, err = conversation(
        capsys, ':let t = #table(type table [a = number], {{1}, {2}})', "t", "it{0}[a]", ":schema t", ":type t",
        ":fold t", ":profile t", ":help List.Sum", f":save {file}", ":names",
    )  # fmt: skip
    assert err == ""
    assert "a\n-\n1\n2\n1\nName  Type\na     number\ntype table [a = number]\nOpaque" in out
    assert "List.Sum(list as list" in out
    assert file.read_text().startswith("section Section1;\n\nshared t = #table(")
    assert conversation(capsys, f":load {file}", "Table.RowCount(t)")[0] == "Loaded t.\n2\n"


def test_repl_errors_stand_at_the_typed_line(capsys: pytest.CaptureFixture[str]) -> None:
    _, err = conversation(capsys, ":let x = 1", 'x +\n "a"')
    assert "<text>:1:1\n    x +\n" in err
    _, err = conversation(capsys, ':let x = 1 + "a"')
    assert '<text>:1:10\n    :let x = 1 + "a"\n' in err
    _, err = conversation(capsys, ":help list.summ")
    assert "did you mean List.Sum?" in err


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ("Source[A", "Amount"),
        ("Table.SelectRows(Source, each [N", "Name"),
        ('Table.SelectColumns(Source, {"Amo', "Amount"),
        ("Table.SelectR", "Table.SelectRows"),
        ("Sou", "Source"),
        (":sch", ":schema"),
        ('"Table.Sel', None),
    ],
)
def test_completion(before: str, found: str | None) -> None:
    fields = [("Amount", "number"), ("Name", "text")]
    completer = Completer(lambda: ["Source"], lambda n: fields if n == "Source" else [], [":schema", ":sql"])
    candidates = [c.text for c in completer.complete(before)]
    assert candidates[:1] == ([found] if found else [])


def test_staging_list_says_where_it_looked(mlang: Any, tmp_path: Path) -> None:  # noqa: F811
    err = mlang("staging", "list", str(tmp_path)).err
    assert str(tmp_path / ".mlang") in err
    assert "--workspace" in err
