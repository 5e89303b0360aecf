"""Configuration files, ``mlang lint --fix`` and ``mlang check``."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from test_cli import mlang  # noqa: F401

from mlang.app.linting.command import chosen_rules, lint_text
from mlang.app.linting.fixes import fixed


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


UNUSED = "let x = 1, y = 2 in x\n"

# ---------------------------------------------------------------- configuration


def test_the_nearest_file_counts_and_the_command_line_wins(mlang: Any, place: Path) -> None:  # noqa: F811
    (place / "sub").mkdir()
    (place / "a.pq").write_text(UNUSED), (place / "sub" / "b.pq").write_text(UNUSED)
    (place / "mlang.toml").write_text('[lint]\nignore = ["M102"]')
    assert mlang("lint", ".").code == 0
    (place / "sub" / "pyproject.toml").write_text("[project]\nname = 'x'")
    assert mlang("lint", ".").code == 0  # without [tool.mlang] it does not count
    (place / "sub" / "pyproject.toml").write_text('[tool.mlang.lint]\nselect = ["M1"]')
    assert mlang("lint", ".").out.startswith("sub/b.pq:1:12: M102")
    assert len(mlang("lint", ".", "--select", "M102", "--ignore", "").out.splitlines()) == 2
    assert mlang("lint", ".", "--ignore", "M102").code == 0


def test_rules_can_be_ignored_by_file(mlang: Any, place: Path) -> None:  # noqa: F811
    (place / "a.pq").write_text(UNUSED), (place / "old").mkdir(), (place / "old" / "b.pq").write_text(UNUSED)
    (place / "mlang.toml").write_text('[lint.per-file-ignores]\n"old/*" = ["M1"]\n"c*.pq" = "M2"')
    assert [line[:4] for line in mlang("lint").out.splitlines()] == ["a.pq"]
    assert mlang("lint", "--select", "ALL", "old").code == 0


def test_width_and_culture(mlang: Any, place: Path) -> None:  # noqa: F811
    (place / "mlang.toml").write_text('culture = "de-DE"\n[fmt]\nwidth = 40')
    (place / "a.pq").write_text("{1111111, 2222222, 3333333, 4444444, 5555555}\n")
    assert "+    1111111,\n" in mlang("fmt", "--diff", "a.pq").out
    assert mlang("fmt", "--check", "--width", "120", "a.pq").code == 0
    (place / "c.pq").write_text("let a = Number.ToText(1.5) in a")
    assert "1,5" in mlang("steps", "c.pq").out
    assert "1.5" in mlang("steps", "c.pq", "--culture", "en-US").out


#: What a file says, and what is said about it.
WRONG = {
    "mlang.toml": {
        "[lint]\nselct = []": "[lint] has no key 'selct'; did you mean 'select'?",
        "zzz = 1": "it has no key 'zzz'. Keys: culture, lint, fmt, test.",
        "[fmt]\nwidth = 'x'": "fmt.width must be a whole number of at least 20",
        "[fmt]\nwidth = true": "fmt.width must be a whole number",
        "lint = 1": "lint must be a table",
        "[lint]\nselect = ['M999']": "There is no rule M999",
        "[lint]\nselect = 5": "lint.select must be a list of codes",
        "x = ": "is not TOML",
        "[test]\nfail-under = 101": "test.fail-under must be a number from 0 to 100",
        "[test]\nbind = ['a']": "test.bind must be a table",
    },
    "pyproject.toml": {
        "[tool.mlang.fmt]\nwidht = 1": "[tool.mlang.fmt] has no key 'widht'; did you mean 'width'?",
        "[tool.mlang]\nlints = 1": "[tool.mlang] has no key 'lints'; did you mean 'lint'?",
        "[tool]\nmlang = 1": "Write [tool.mlang]",
    },
}


@pytest.mark.parametrize(
    ("name", "text", "message"), [(name, *case) for name, cases in WRONG.items() for case in cases.items()]
)
def test_wrong_configuration_is_an_error(mlang: Any, place: Path, name: str, text: str, message: str) -> None:  # noqa: F811
    (place / name).write_text(text)
    (place / "a.pq").write_text("1\n")
    for command in ("lint", "fmt", "test"):
        done = mlang(command, "a.pq")
        assert (done.code, name in done.err, message in done.err) == (2, True, True), done.err


def test_options_of_tests(mlang: Any, place: Path) -> None:  # noqa: F811
    (place / "conf").mkdir(), (place / "q").mkdir()
    (place / "conf" / "fixture.m").write_text("7")
    (place / "q" / "a.query.pq").write_text(
        "let Source = 1, n = DateTime.LocalNow() in {Source, n, Number.ToText(1.5)}"
    )
    (place / "q" / "a.query.pqout").write_text('{7, #datetime(2024, 1, 31, 12, 0, 0), "1,5"}')
    (place / "mlang.toml").write_text(
        'culture = "de-DE"\n[test]\nclock = "2024-01-31T12:00:00"\nbind = { Source = "conf/fixture.m" }\npaths = ["q"]\n'
        'engine = "none"\njobs = 1\nfail-under = 50'
    )  # fmt: skip
    done = mlang("test")
    assert done.code == 0, done.out + done.err
    assert "1 passed" in done.out
    assert "Coverage" in done.out
    assert mlang("test", "--culture", "en-US").code == 3


# ---------------------------------------------------------------- lint --fix


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("list.sum({1})", "List.Sum({1})"),
        ("let a = List.Sum({1}), b = List.Sum({1}) in a + b", "let a = List.Sum({1}), b = a in a + b"),
        ("let a = List.Sum({1}), b = List.Sum({1}), c = List.Sum({1}) in a + b + c",
         "let a = List.Sum({1}), b = a, c = a in a + b + c"),
        ('let a = Text.NewGuid(), b = Text.NewGuid() in {a, b}', None),
        ("(b) => let a = Text.From(b), b = Text.From(b) in a & b", None),
        ("(t) => Table.RowCount(t) = 0", "(t) => Table.IsEmpty(t)"),
        ("(t) => 0 < Table.RowCount(t) and true", "(t) => not Table.IsEmpty(t) and true"),
        ("(t) => List.Count(t) <> 0", "(t) => not List.IsEmpty(t)"),
        ("(t) => List.Count(t) < 0", None),
        ("(t) => 0 > List.Count(t)", None),
        ("(Table.IsEmpty, t) => Table.RowCount(t) = 0", None),
        ('let #"a" = 1, #"b c" = #"a", t = type #"text" in {a, #"b c", #"each"}',
         'let a = 1, #"b c" = a, t = type #"text" in {a, #"b c", #"each"}'),
        ('[#"a b" = 1, #"c" = 2][#"c"]', '[#"a b" = 1, c = 2][c]'),
        ("(a) => not (a = 1)", "(a) => (a <> 1)"),
        ("(a) => not (a /* x */ <> 1)", "(a) => (a /* x */ = 1)"),
        ("let x = 1 in x", "1"),
        ("(f) => let x = f(1) in (x)", "(f) => (f(1))"),
        ("let x = 1, y = 2 in x", None),
        ("let x = 1 /* c */ in x // d", "/* c */ 1 // d"),
        ("List.Transform({1}, each Text.From(_))", None),
    ],
)  # fmt: skip
def test_safe_fixes(text: str, after: str | None) -> None:
    rules = chosen_rules("ALL")
    new, count = fixed(text, lambda t: lint_text(t, "x.pq", rules))
    assert new == (text if after is None else after)
    assert (count > 0) == (after is not None)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("let x = 1, y = 2 in x", "let x = 1 in x"),
        ("let x = 1, y = z, z = 3 in x", "let x = 1 in x"),
        ("let y = 2 in 1", "1"),
        ("List.Transform({1}, each Text.From(_))", "List.Transform({1}, Text.From)"),
    ],
)
def test_unsafe_fixes(text: str, after: str) -> None:
    rules = chosen_rules("M102,M205")
    assert fixed(text, lambda t: lint_text(t, "x.pq", rules), unsafe=True)[0] == after


def test_fix_command(mlang: Any, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    file = place / "a.pq"
    content = b"\xef\xbb\xbflet a = list.sum({1}),\r\n y = 2,\n x = a in x\n"
    file.write_bytes(content)
    shown = mlang("lint", "--diff", "a.pq")
    assert shown.code == 1
    assert "+\ufefflet" not in shown.out
    assert "+let a = List.Sum({1})," in shown.out
    assert json.loads(mlang("lint", "--diff", "--json", "a.pq").out) == {"fixes": {"a.pq": 1}}
    assert file.read_bytes() == content
    done = mlang("lint", "--fix", "a.pq")
    assert done.code == 1
    assert "M102" in done.out
    assert "1 finding fixed in 1 file." in done.err
    assert file.read_bytes() == content.replace(b"list.sum", b"List.Sum")
    assert mlang("lint", "--fix", "--unsafe", "a.pq").code == 0
    assert file.read_bytes() == b"\xef\xbb\xbflet a = List.Sum({1}),\r\n x = a in x\n"
    assert mlang("lint", "--diff", "a.pq").code == 0
    assert mlang("lint", "--unsafe", "a.pq").code == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("list.sum({1})\n"))
    assert mlang("lint", "--fix", "-").out == "List.Sum({1})\n"
    (place / "b.pq").write_text("let")
    assert mlang("lint", "--fix", "b.pq").code == 1


def test_rules_say_which_can_be_fixed(mlang: Any) -> None:  # noqa: F811
    lines = {line.split()[0]: line.split() for line in mlang("lint", "--rules").out.splitlines()[2:]}
    assert lines["M304"][3] == "safe"
    assert lines["M102"][3] == "unsafe"
    assert lines["M301"][3] not in ("safe", "unsafe")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ('Text.Start("a")', ["M106"]),
        ('Text.Start("a", 1, 2)', ["M106"]),
        ("Text.Length(1)", ["M107"]),
        ("Text.Length(null)", []),
        ("List.Sum([a = 1])", ["M107"]),
        ("Table.SelectRows(1, each true)", ["M107"]),
        ("let Text.Length = (x) => x in Text.Length(1)", ["M103"]),
        ("Text.Combine({})", []),
        ("#date(2024, 1)", ["M106"]),
    ],
)
def test_calls(text: str, codes: list[str]) -> None:
    assert [f.code for f in lint_text(text, "x.pq")] == codes


def test_names_after_nested_initialisers() -> None:
    found = lint_text("let x = (let y = x in y) in x", "x.pq", chosen_rules("M101"))
    assert [(f.column, f.code) for f in found] == [(18, "M101")]


# ---------------------------------------------------------------- check

GOOD = 'let Source = #table(type table [Amount = number, Name = text], {{1, "a"}}),'


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("Kept = Table.SelectRows(Source, each [Amount] > 1) in Kept", []),
        ("Kept = Table.SelectRows(Source, each [Amuont] > 1) in Kept", ["'Source' has no column 'Amuont'; did you mean [Amount]?"]),
        ("Kept = Table.SelectRows(Source, each _[Amuont] > 1) in Kept", ["did you mean [Amount]?"]),
        ("Kept = Table.SelectRows(Source, each [Amuont]? > 1) in Kept", []),
        ('Kept = Table.AddColumn(Source, "x", (r) => r[Q]) in Kept', ["'Source' has no column 'Q'; it has Amount, Name."]),
        ('Kept = Table.AddColumn(Source, "x", each [[Name], [Q]]) in Kept', ["has no column 'Q'"]),
        ('Kept = Table.AddColumn(Source, "x", each List.Transform({[a = 1]}, each [a])) in Kept', []),
        ("Kept = Table.SelectRows(Source, each [Amuont] > 1), // mlang: ignore\n x = 1 in {Kept, x}", []),
        ("Kept = Table.Rowcount(Source) in Kept", ["did you mean Table.RowCount?"]),
        ('Kept = Table.RemoveColumns(Source, "Q") in Kept', ["The column 'Q' of the table wasn't found."]),
        ("n = Table.RowCount(Source) in n", []),
        ('n = Number.From(error "never asked") in 1', []),
    ],
)  # fmt: skip
def test_check_of_an_expression(mlang: Any, place: Path, text: str, problems: list[str]) -> None:  # noqa: F811
    (place / "a.pq").write_text(GOOD + text)
    done = mlang("check", "a.pq")
    assert done.code == (1 if problems else 0), done.err
    assert all(p in done.err for p in problems), done.err
    found = json.loads(mlang("check", "a.pq", "--json").out)
    assert bool(found["problems"] or any(s["error"] for s in found["steps"])) == bool(problems)


def test_check_reads_no_rows(mlang: Any, place: Path) -> None:  # noqa: F811
    (place / "a.pq").write_text(
        'let t = #table({"a"}, {{1}}), r = Table.TransformRows(t, each error "read"), '
        'x = Table.AddColumn(t, "b", each error "read"), n = List.Sum(r) in {x, n}'
    )
    done = mlang("check", "a.pq", "--json")
    assert done.code == 0
    assert next(s["kind"] for s in json.loads(done.out)["steps"]) == "table"


def test_check_of_a_section_document(mlang: Any, place: Path) -> None:  # noqa: F811
    (place / "a.pq").write_text(
        f"section S; shared A = {GOOD} K = Table.SelectRows(Source, each [Q] = 1) in K; shared B = 1;"
    )
    done = mlang("check", "a.pq", "--json")
    assert done.code == 1
    found = {s["query"]: s for s in json.loads(done.out)}
    assert found["A"]["problems"] == ["a.pq:1:133: 'Source' has no column 'Q'; it has Amount, Name."]
    assert found["B"]["problems"] == []
    (place / "b.pq").write_text("let")
    assert mlang("check", "b.pq").code == 2
    assert mlang("check", "nix.pq").code == 2
