"""``mlang rename``, ``replace-source``, ``extract``, ``inline``, ``deps`` and ``diff``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dataflows.making import make
from test_cli import mlang  # noqa: F401

from mlang.app.refactoring.edits import Copy, Edit, Edited, Respelt, replaced
from mlang.app.refactoring.source import Source
from mlang.errors import Fault

LET = "let Source = {1, 2}, Kept = List.FirstN(Source, 1), r = [Source = Source, x = Source] in Kept & {r[Source]}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(text: str, name: str = "a.pq") -> Path:
    file = Path(name)
    file.write_bytes(text.encode("utf-8"))
    return file


def test_edits_know_where_everything_was() -> None:
    edited = Edited(
        "let a = 1 in a",
        [Edit(4, 5, (Respelt("bb", 4),)), replaced(8, 9, "(2)"), Edit(13, 14, (Copy(8, 9),))],
    )
    assert edited.text == "let bb = (2) in 1"
    assert [edited.before(i) for i in (0, 4, 5, 6, 9, 16)] == [0, 4, None, 5, None, 8]


# ---------------------------------------------------------------- rename


@pytest.mark.parametrize(
    ("text", "arguments", "after"),
    [
        (LET, ["Source", "S"], LET.replace("Source = {", "S = {").replace("(Source,", "(S,").replace("= Source,", "= S,")),
        ("let a = 1 in a", ["a", "two words"], 'let #"two words" = 1 in #"two words"'),
        ('let #"a b" = 1 in #"a b"', ["a b", "ab"], "let ab = 1 in ab"),
        ("let a = 1 in a", ["a", "each"], 'let #"each" = 1 in #"each"'),
        ("let a = 1 in a", ["a", "1st"], 'let #"1st" = 1 in #"1st"'),
        ("let f = (n) => if n = 0 then 0 else @f(n - 1) in f(3)", ["f", "g"],
         "let g = (n) => if n = 0 then 0 else @g(n - 1) in g(3)"),
        ("let a = 1, b = let a = a + 1 in a in b", ["a", "c", "--at", "1:5"], "let c = 1, b = let a = c + 1 in a in b"),
        ("let a = 1, b = let a = a + 1 in a in b", ["a", "c", "--at", "1:20"], "let a = 1, b = let c = a + 1 in c in b"),
        ("(x) => x + 1", ["x", "y", "--at", "1"], "(y) => y + 1"),
        ("(optional x as any) => x", ["x", "y", "--at", "1"], "(optional y as any) => y"),
        ("section S; shared Q = [Q = 1, z = Q]; shared R = Q + S!Q + #shared[Q] + #sections[S][Q];", ["Q", "My Q"],
         'section S; shared #"My Q" = [Q = 1, z = Q]; shared R = #"My Q" + S!#"My Q" + #shared[My Q] + #sections[S][My Q];'),
        ("section S; shared Q = let Q = 1 in Q;", ["Q/Q", "x"], "section S; shared Q = let x = 1 in x;"),
        ("section S; shared Q = let Q = 1 in Q;", ["Q", "x"], "section S; shared x = let Q = 1 in Q;"),
        ('section S; [DataSource.Kind="Q", Publish="Q.Publish"] shared P = 1; Q = 2;', ["Q", "R"],
         'section S; [DataSource.Kind="R", Publish="Q.Publish"] shared P = 1; R = 2;'),
        ("/* a */ let\r\n\ta=1,\n b =  a // a\r\nin\r b", ["a", "c"], "/* a */ let\r\n\tc=1,\n b =  c // a\r\nin\r b"),
    ],
)  # fmt: skip
def test_rename(mlang: Any, place: Path, text: str, arguments: list[str], after: str) -> None:  # noqa: F811
    file = put(text)
    shown = mlang("rename", "a.pq", *arguments)
    assert shown.code == 0, shown.err
    assert shown.out.startswith("--- a.pq")
    assert "--write does it" in shown.err
    assert file.read_bytes().decode() == text
    assert mlang("rename", "a.pq", *arguments, "--write").out == "wrote a.pq\n"
    assert file.read_bytes().decode() == after


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("let a = 1, b = 2 in a + b", ["a", "b"], "There is a step 'b' beside 'a' already"),
        ("let a = 1, f = (b) => a + b in f(1)", ["a", "b"], "would change what 'b' at 1:23 means"),
        ("let a = 1, r = [b = 2, c = a] in r", ["a", "b"], "another definition of that name is nearer"),
        ("let a = 1 in let c = 1 in a + c", ["c", "a"], "would change what 'a' at 1:27 means"),
        ("let a = 1 in a + List.Sum({1})", ["a", "List.Sum"], "would change what 'List.Sum'"),
        ("let a = 1 in each a", ["a", "_"], "would change what '_'"),
        ("let ab = 1 in ab", ["abb", "x"], "There is no query or step 'abb' in a.pq; did you mean 'ab'?"),
        ("let a = let a = 1 in a in a", ["a", "x"], "'a' is defined 2 times: a (1:5), a (1:13)"),
        ("let a = 1 in a", ["a", ""], "is no name"),
        ("let a = 1 in a", ["a", "#date"], "is no name"),
        ("let a = 1 in a", ["a", "b", "--at", "7:1"], "There is no 'a' at line 7:1"),
        ("let a = 1 in", ["a", "b"], "a.pq:1:13"),
        ("section S; shared A = 1; shared B = 2;", ["A", "B"], "There is a query 'B' beside 'A' already"),
    ],
)  # fmt: skip
def test_rename_refuses(mlang: Any, place: Path, text: str, arguments: list[str], message: str) -> None:  # noqa: F811
    file = put(text)
    done = mlang("rename", "a.pq", *arguments, "--write")
    assert done.code == 2
    assert message in done.err
    assert file.read_text() == text


def test_rename_says_what_cannot_follow(mlang: Any, place: Path) -> None:  # noqa: F811
    put('section S; shared Q = 1; shared R = Record.Field(#shared, "Q");')
    done = mlang("rename", "a.pq", "Q", "P", "--json")
    found = json.loads(done.out)
    assert found["written"] is False
    assert found["notes"]
    assert "#shared" in found["notes"][0]
    assert found["files"][0]["edits"] == [{"line": 1, "column": 19, "old": "Q", "new": "P"}]
    assert mlang("rename", "a.pq", "Q", "Q").err == "Nothing would change.\n"
    assert mlang("rename", "nix.pq", "Q", "P").code == 2
    assert mlang("rename", "a.pq", "Q", "P", "--at", "x").code == 2


def test_rename_in_a_dataflow_and_its_tests(mlang: Any, tmp_path: Path) -> None:  # noqa: F811
    text = (
        '[DataDestinations = {[Definition = [Kind = "Reference", QueryName = "T"], Settings = [Kind = "Automatic"]]}] '
        "shared Q = 1; shared T = 2;"
    )
    folder = make(tmp_path / "x", text)
    document = next(folder.rglob("mashup.pq")) if folder.is_dir() else folder
    metadata = document.with_name("queryMetadata.json")
    before = '{ "formatVersion": "202502",\r\n  "queriesMetadata": {"T":{"queryId":"T","queryName" : "T"}, "Q": {"queryName":"Q"}}}'
    metadata.write_bytes(before.encode())
    test = document.with_name("mashup.test.pq")
    test.write_text('section T; shared UnitTest = {Fact("T", 2, T)};')
    assert mlang("rename", str(document.parent), "T", "Ziel é", "--write").code == 0
    assert 'QueryName = "Ziel é"' in document.read_text(encoding="utf-8")
    assert metadata.read_bytes().decode() == before.replace('"T":{', '"Ziel é":{').replace(
        '"queryName" : "T"', '"queryName" : "Ziel é"'
    )
    assert 'Fact("T", 2, #"Ziel é")' in test.read_text(encoding="utf-8")
    refused = mlang("rename", str(document.parent), "Q", "Ziel é", "--write")
    assert refused.code == 2
    assert "already" in refused.err
    metadata.write_text("{")
    assert "is not JSON" in mlang("rename", str(document.parent), "Q", "R").err
    assert "no mashup.pq" in mlang("rename", str(tmp_path), "Q", "R").err


def test_write_keeps_mode_and_mark_and_notices_changes(place: Path) -> None:
    from mlang.app.refactoring.edits import write_all
    from mlang.app.refactoring.rename import plan

    file = place / "b.pq"
    file.write_bytes(b"\xef\xbb\xbflet a = 1,\r\n b = a\n in b")
    file.chmod(0o640)
    found = plan(file, "a", "c")
    write_all(found.changes)
    assert file.read_bytes() == b"\xef\xbb\xbflet c = 1,\r\n b = c\n in b"
    assert file.stat().st_mode & 0o777 == 0o640
    stale = plan(file, "c", "d")
    file.write_bytes(b"let c = 1 in c")
    with pytest.raises(Fault, match="changed by someone else"):
        write_all(stale.changes)
    assert file.read_bytes() == b"let c = 1 in c"
    assert [p.name for p in place.iterdir()] == ["b.pq"]


# ---------------------------------------------------------------- replace-source


@pytest.mark.parametrize(
    ("text", "arguments", "after"),
    [
        ("let a = 1 in a", ["a", "2 + 3"], "let a = 2 + 3 in a"),
        ('section S; shared Q = let p = "x", s = File.Contents(p), t = s in t;', ["Q", 'Web.Contents("https://x")'],
         'section S; shared Q = let p = "x", s = Web.Contents("https://x"), t = s in t;'),
        ("section S; shared Q = 1; shared R = 2;", ["Q", "R"], "section S; shared Q = R; shared R = 2;"),
        ("let f = 1 in f", ["f", "(n) => if n = 0 then 0 else @f(n - 1)"],
         "let f = (n) => if n = 0 then 0 else @f(n - 1) in f"),
    ],
)  # fmt: skip
def test_replace_source(mlang: Any, place: Path, text: str, arguments: list[str], after: str) -> None:  # noqa: F811
    file = put(text)
    done = mlang("replace-source", "a.pq", *arguments, "--write")
    assert done.code == 0, done.err
    assert file.read_text() == after


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("let a = 1 in a", ["a", "2 +"], "The new expression is no M"),
        ("let a = 1 in a", ["a", "section S; x = 1;"], "is a section document"),
        ("let a = 1 in a", ["a", "Text.Lenght(1)"], "did you mean Text.Length?"),
        ("let a = 1 in a", ["a", "a + 1"], "Nothing defines 'a'"),
        ("let a = 1, b = a in b", ["a", "b"], "would make 'a' need itself"),
        ("section S; shared Q = let a = 1 in a;", ["Q", "2"], "has no step that reads a source. Name a step: Q/a."),
        ('section S; shared Q = let a = File.Contents("a"), b = File.Contents("b") in {a, b};', ["Q", "2"], "has 2 steps"),
    ],
)  # fmt: skip
def test_replace_source_refuses(
    mlang: Any,  # noqa: F811
    place: Path,
    text: str,
    arguments: list[str],
    message: str,
) -> None:
    file = put(text)
    done = mlang("replace-source", "a.pq", *arguments, "--write")
    assert done.code == 2
    assert message in done.err
    assert file.read_text() == text


# ---------------------------------------------------------------- extract, inline


def test_extract(mlang: Any, place: Path) -> None:  # noqa: F811
    file = put(
        "section S;\n// q\nshared Q = let\n    a = 1, // first\n    k = 10,\n    b = a + k,\n    c = b * k\nin\n    c;\n"
    )
    done = mlang("extract", "a.pq", "Q", "b", "Base", "--write")
    assert done.code == 0
    assert "k: the rest of 'Q' needs it too" in done.err
    assert file.read_text() == (
        "section S;\n// q\nshared Base = let\n    a = 1,\n    k = 10,\n    b = a + k\nin\n    b;\n\n"
        "shared Q = let\n     // first\n    k = 10,\n    b = Base,\n    c = b * k\nin\n    c;\n"
    )
    assert mlang("run", "a.pq", "-q", "Q").out == "110\n"


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("let a = 1 in a", ["Q", "a", "B"], "is one expression"),
        ("section S; shared Q = let a = 1 in a;", ["P", "a", "B"], "There is no query 'P'"),
        ("section S; shared Q = let abcdef = 1 in abcdef;", ["Q", "abcdeg", "B"], "did you mean 'abcdef'?"),
        ("section S; shared Q = 1;", ["Q", "a", "B"], "has no step 'a'"),
        ("section S; shared Q = let a = 1 in a;", ["Q", "a", "Q"], "There is a query 'Q' already"),
        ("section S; shared Q = let a = 1, b = a in b;", ["Q", "a", "b"], "Choose another name"),
    ],
)
def test_extract_refuses(mlang: Any, place: Path, text: str, arguments: list[str], message: str) -> None:  # noqa: F811
    put(text)
    done = mlang("extract", "a.pq", *arguments)
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize(
    ("text", "step", "after"),
    [
        ("let a = 1, b = a + 2 in b", "a", "let b = 1 + 2 in b"),
        ("let a = 1 + 2, b = a * 2 in b", "a", "let b = (1 + 2) * 2 in b"),
        ("let a = 1 + 2, b = {a, [x = a]} in b", "a", "let b = {1 + 2, [x = 1 + 2]} in b"),
        ("let a = 1 in a", "a", "1"),
        ("let a = 1, b = 2 in b", "a", "let b = 2 in b"),
        ("let b = 2, a = 1 in b + a", "a", "let b = 2 in b + 1"),
        ("let a = [x = 1], b = a[x] in b", "a", "let b = ([x = 1])[x] in b"),
        (
            "let a = type number, b = type table [c = a] in b",
            "a",
            "let b = type table [c = (type number)] in b",
        ),
        ("let a = 1, /* keep */ b = a in b", "a", "let  /* keep */ b = 1 in b"),
        ("let /* c1 */ a = 1 /* c2 */ in a", "a", "/* c1 */ /* c2 */ 1"),
    ],
)
def test_inline(mlang: Any, place: Path, text: str, step: str, after: str) -> None:  # noqa: F811
    file = put(text)
    value = mlang("run", "a.pq")
    done = mlang("inline", "a.pq", step, "--write")
    assert done.code == 0, done.err
    assert file.read_text() == after
    again = mlang("run", "a.pq")
    assert (again.code, again.out) == (value.code, value.out)


def test_inlining_the_last_step_leaves_no_empty_line(mlang: Any, place: Path) -> None:  # noqa: F811
    file = put("let a = 1, // one\r\n  c = 3\r\nin c + a")
    assert mlang("inline", "a.pq", "c", "--write").code == 0
    assert file.read_bytes() == b"let a = 1 // one\r\nin 3 + a"
    file = put("let a = 1, // one\n  c = 3 in c + a")
    assert mlang("inline", "a.pq", "c", "--write").code == 0
    assert mlang("run", "a.pq").out == "4\n"


def test_deps_show_destinations(mlang: Any, place: Path) -> None:  # noqa: F811
    put('section S; [DataDestinations = {[Definition = [QueryName = "T"]]}] shared Q = 1; shared T = 2;')
    assert json.loads(mlang("deps", "a.pq", "--json").out)[0]["destinations"] == ["T"]
    assert "q0 -.-> q1" in mlang("deps", "a.pq", "--mermaid").out
    assert "Destinations" in mlang("deps", "a.pq").out


def test_inline_tells_of_more_work_and_refuses_capture(mlang: Any, place: Path) -> None:  # noqa: F811
    put("let a = List.Sum({1}), b = {a, each a} in b")
    done = mlang("inline", "a.pq", "a")
    assert "stands in 2 places now" in done.err
    assert "at each call" in done.err
    put("let x = 1, a = x + 1, b = let x = 5 in a in b")
    assert "would change what 'x' at 1:16 means" in mlang("inline", "a.pq", "a").err
    put("let f = (n) => @f(n) in f")
    assert "mentions itself" in mlang("inline", "a.pq", "f").err
    assert "There is no step 'g'" in mlang("inline", "a.pq", "g").err


# ---------------------------------------------------------------- deps, diff

SECTION = (
    'section S; shared Path = "in/a.csv" meta [IsParameterQuery = true]; shared A = Csv.Document(File.Contents(Path)); '
    'shared B = Sql.Database("srv", "db"){0}[Data]; shared C = Table.Combine({A, B, #shared[D]}); '
    "shared D = Web.Contents(Uri.Combine(Path, X));"
)


def test_deps(mlang: Any, place: Path) -> None:  # noqa: F811
    put(SECTION)
    found = {e["name"]: e for e in json.loads(mlang("deps", "a.pq", "--json").out)}
    assert found["C"]["needs"] == ["A", "B", "D"]
    assert found["Path"]["used_by"] == ["A", "D"]
    assert found["A"]["sources"] == [{"kind": "File", "path": "in/a.csv", "function": "File.Contents"}]
    assert found["B"]["sources"] == [{"kind": "SQL", "path": "srv;db", "function": "Sql.Database"}]
    assert found["D"]["sources"][0]["path"] is None
    assert found["D"]["unknown"] == ["X"]
    assert [e["name"] for e in json.loads(mlang("deps", "a.pq", "-q", "A", "--json").out)] == ["A", "Path"]
    assert [
        e["name"] for e in json.loads(mlang("deps", "a.pq", "-q", "Path", "--reverse", "--json").out)
    ] == ["Path", "A", "D", "C"]
    drawn = mlang("deps", "a.pq", "--mermaid").out
    assert drawn.startswith("flowchart LR\n")
    assert 's0[("File in/a.csv")]' in drawn
    assert "Web (computed)" in mlang("deps", "a.pq").out
    assert mlang("deps", "a.pq", "-q", "Pat").err.endswith("did you mean 'Path'?\n")
    assert mlang("deps", "a.pq", "--json", "--mermaid").code == 2
    put("let a = 1, b = a in b")
    assert [(e["name"], e["needs"]) for e in json.loads(mlang("deps", "a.pq", "--json").out)] == [
        ("a", []), ("b", ["a"]), ("(result)", ["b"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "items"),
    [
        ("let a = 1 in a", "let  a = (1) /* c */ in a", []),
        ("let a = 1 in a", "let a = 2 in a", [("changed", "a")]),
        ("let a = 1, b = 2 in {a, b}", "let b = 2, a = 1 in {a, b}", [("moved", "b")]),
        ("let a = 1 in a", "let a = 1, b = a in b", [("added", "b"), ("changed", "(result)")]),
        ("let a = {1}, b = a in b", "let c = {1}, b = c in b", [("renamed", "c")]),
        ("let a = {1}, b = List.Sum(a) in b", "let c = {1}, d = List.Sum(c) in d", [("renamed", "c"), ("renamed", "d")]),
        ("1", "2", [("changed", None)]),
        ("section S; shared A = 1; shared B = let x = 1 in x;", "section S; shared B = let x = 2 in x; shared C = 5;",
         [("changed", "x"), ("added", None), ("removed", None)]),
    ],
)  # fmt: skip
def test_diff(mlang: Any, place: Path, old: str, new: str, items: list[tuple[str, str | None]]) -> None:  # noqa: F811
    put(old), put(new, "b.pq")
    done = mlang("diff", "a.pq", "b.pq", "--json")
    assert done.code == (1 if items else 0)
    assert [(i["what"], i.get("step")) for i in json.loads(done.out)] == items
    assert mlang("diff", "a.pq", "b.pq").out.count("\n") >= len(items)


def test_diff_of_values(mlang: Any, place: Path) -> None:  # noqa: F811
    (place / "x").mkdir(), (place / "y").mkdir()
    (place / "x" / "d.csv").write_text("a,b\n1,2\n")
    (place / "y" / "d.csv").write_text("a,b\n1,3\n")
    text = 'section S; shared A = Csv.Document(File.Contents("d.csv")); shared B = error "e"; shared C = 1;'
    put(text, "x/q.pq"), put(text, "y/q.pq")
    assert mlang("diff", "x/q.pq", "y/q.pq").code == 0
    done = mlang("diff", "x/q.pq", "y/q.pq", "--values", "--json")
    assert done.code == 1
    assert json.loads(done.out) == [
        {
            "what": "value",
            "query": "A",
            "values": [{"where": "row 2, column Column2", "old": '"2"', "new": '"3"'}],
        }
    ]
    assert mlang("diff", "x/q.pq", "y/q.pq", "--values", "-q", "C").code == 0
    assert "Both have: A, B, C" in mlang("diff", "x/q.pq", "y/q.pq", "--values", "-q", "X").err


def test_diff_with_a_revision(mlang: Any, place: Path) -> None:  # noqa: F811
    put("let a = 1 in a")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *arguments], check=True)
    put("let a = 2 in a")
    assert mlang("diff", "HEAD:a.pq", "a.pq").out.startswith("~ a: changed")
    assert mlang("diff", "HEAD:b.pq", "a.pq").code == 2
    assert mlang("diff", "no.pq", "a.pq").code == 2


def test_at_finds_uses_too() -> None:
    source = Source("let a = 1 in\n  a + 1")
    assert source.find("a", (2, 3)).path == "a"
    with pytest.raises(Fault):
        source.find("a", (2, 5))


_ENTRY = '{"queryId": "1", "queryName": "Q"}'


@pytest.mark.parametrize(
    ("before", "pattern"),
    [
        ('{"queriesMetadata": {"Q": %s}}', '{"queriesMetadata": {"New": {ENTRY}, "Q": %s}}'),
        (
            '{\n  "queriesMetadata": {\n    "Q": %s\n  }\n}',
            '{\n  "queriesMetadata": {\n    "New": {\n      "queryId": ID,\n      "queryName": "New"\n    },\n    "Q": %s\n  }\n}',
        ),
        ('{"queriesMetadata": {}}', '{"queriesMetadata": {"New": {ENTRY}}}'),
        ('{"name": "x"}', '{"name": "x"}'),
    ],
)
def test_extract_adds_an_entry_to_the_metadata(mlang: Any, place: Path, before: str, pattern: str) -> None:  # noqa: F811
    before = before.replace("%s", _ENTRY)
    (place / "x.Dataflow").mkdir()
    put("section S; shared Q = let a = {1}, b = a & {2} in b;", "x.Dataflow/mashup.pq")
    about = put(before, "x.Dataflow/queryMetadata.json")
    planned = mlang("extract", "x.Dataflow", "Q", "a", "New").out
    assert about.read_text() == before
    assert mlang("extract", "x.Dataflow", "Q", "a", "New", "--write").code == 0
    after = about.read_text()
    found = json.loads(after).get("queriesMetadata", {}).get("New", {}).get("queryId", "")
    expected = pattern.replace("%s", _ENTRY).replace(
        "{ENTRY}", f'{{"queryId": "{found}", "queryName": "New"}}'
    )
    assert after == expected.replace("ID", f'"{found}"')
    assert found in planned, "the diff says what is written"
