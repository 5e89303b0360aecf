"""``mlang test --changed``, ``--coverage`` and ``--watch``; ``mlang steps --watch``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from test_cli import mlang  # noqa: F401

from mlang.app.testing.coverage import Spot, merged, percent
from mlang.app.testing.outcome import Outcome
from mlang.app.watching import changed, state_of, wait_for_change

FILES = {
    "calc.pq": """section Calc;
shared Add = (a, b) => let s = a + b, d = a - b in if a > 5 then d else s;
shared Never = (x) => let y = x + 1 in y;
shared Limit = 1 + 2;
shared Literal = 5;
""",
    "calc.test.pq": 'section T; shared CalcTests = {Fact("a", 3, Add(1, 2)), Fact("l", 3, Limit)};',
    "q.query.pq": 'let t = Csv.Document(File.Contents("data/x.csv")), unused = t & t in t{0}[Column1]',
    "q.query.pqout": '"a"',
    "data/x.csv": "a,b\n",
    "other.query.pq": "1 + 1",
    "other.query.pqout": "2",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def git(*arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments], check=True)


# ---------------------------------------------------------------- changed


def ran(done: Any) -> list[str]:
    return sorted({Path(o["file"]).name for o in json.loads(done.out)})


def test_only_what_changes_touch_runs(mlang: Any, place: Path) -> None:  # noqa: F811
    git("init", "-q"), git("add", "."), git("commit", "-qm", "x")
    nothing = mlang("test", "--changed", "--json")
    assert (nothing.code, json.loads(nothing.out)) == (0, [])
    assert "Nothing that changed since HEAD touches a test." in nothing.err

    (place / "calc.pq").write_text(FILES["calc.pq"].replace("1 + 2;", "2 + 1;"))
    assert ran(mlang("test", "--changed", "--json")) == ["calc.test.pq"]
    (place / "data" / "x.csv").write_text("a,c\n")
    assert ran(mlang("test", "--changed=HEAD", "--json")) == ["calc.test.pq", "q.query.pq"]
    git("commit", "-qam", "y")
    assert mlang("test", "--changed").code == 0
    assert ran(mlang("test", "--changed=HEAD~1", "--json", ".")) == ["calc.test.pq", "q.query.pq"]
    (place / "other.query.pqout").unlink()
    assert ran(mlang("test", "--changed", "--json")) == ["other.query.pq"]
    (place / "new.query.pq").write_text("1")
    assert ran(mlang("test", "--changed", "--json")) == ["new.query.pq", "other.query.pq"]
    (place / "e.pq").write_text("section E; shared Extra = 1;")
    everything = ran(mlang("test", "--changed", "--json", "--extension", "e.pq"))
    assert everything == ["calc.test.pq", "new.query.pq", "other.query.pq", "q.query.pq"]


def test_changed_needs_git_and_a_revision(mlang: Any, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(place.parent))
    done = mlang("test", "--changed")
    assert done.code == 2
    assert "is in no git repository: --changed needs one" in done.err
    git("init", "-q")
    done = mlang("test", "--changed=nope")
    assert done.code == 2
    assert "git knows no revision 'nope'" in done.err
    monkeypatch.setenv("PATH", "")
    done = mlang("test", "--changed")
    assert done.code == 2
    assert "There is no git on this machine" in done.err


# ---------------------------------------------------------------- coverage


def test_coverage(mlang: Any, place: Path) -> None:  # noqa: F811
    done = mlang("test", "--coverage", "calc.test.pq", "--json")
    assert done.code == 0
    found = json.loads(done.out)
    assert [t["status"] for t in found["tests"]] == ["passed", "passed"]
    (file,) = found["coverage"]["files"]
    assert {(s["name"], s["line"], s["times"]) for s in file["steps"]} == {
        ("Add", 2, 1), ("s", 2, 1), ("d", 2, 0), ("Never", 3, 0), ("y", 3, 0), ("Limit", 4, 1),
    }  # fmt: skip
    assert found["coverage"]["percent"] == 50
    shown = mlang("test", "--coverage", "calc.test.pq").out
    assert "d:2, Never():3, y:3" in shown
    assert "50.0" in shown


def test_coverage_of_a_query_is_that_of_its_own_steps(mlang: Any, place: Path) -> None:  # noqa: F811
    (file,) = json.loads(mlang("test", "--coverage", "q.query.pq", "--json").out)["coverage"]["files"]
    assert {(s["name"], s["times"]) for s in file["steps"]} == {("t", 1), ("unused", 0)}
    (place / "fixture.m").write_text('#table({"Column1"}, {{"a"}})')
    (file,) = json.loads(mlang("test", "--coverage", "q.query.pq", "--bind", "t=fixture.m", "--json").out)[
        "coverage"
    ]["files"]
    assert {(s["name"], s["times"]) for s in file["steps"]} == {("t", 0), ("unused", 0)}


def test_fail_under(mlang: Any, place: Path) -> None:  # noqa: F811
    assert mlang("test", "--fail-under", "50", "calc.test.pq").code == 0
    done = mlang("test", "--fail-under", "50.1", "calc.test.pq")
    assert done.code == 3
    assert "Coverage is 50.0 %, less than 50.1 %." in done.err
    assert mlang("test", "--fail-under", "101", "calc.test.pq").code == 2


def test_coverage_over_processes_is_the_same(mlang: Any, place: Path) -> None:  # noqa: F811
    (place / "calc.query.pq").write_text("Never(1)")
    (place / "calc.query.pqout").write_text("2")
    paths = ["calc.test.pq", "calc.query.pq", "--coverage", "--json"]
    alone, together = (json.loads(mlang("test", *paths, *more).out)["coverage"] for more in ([], ["-j", "2"]))
    assert alone == together
    assert alone["percent"] == round(500 / 6, 2)


def test_spots_of_one_line_are_told_apart() -> None:
    spots = [Spot("f", "a", 1, False, n) for n in (1, 0)]
    outcomes = [Outcome("x", "", "passed", coverage=spots), Outcome("y", "", "passed", coverage=spots)]
    assert [s.calls for s in merged(outcomes)["f"]] == [2, 0]
    assert percent([]) == 100


# ---------------------------------------------------------------- watch


def test_states_see_edits_replacements_and_removals(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("1")
    before = state_of([a, b])
    assert changed(before, state_of([a, b])) == set()
    other = tmp_path / "other"
    other.write_text("1")
    os.utime(other, ns=(a.stat().st_atime_ns, a.stat().st_mtime_ns))
    other.replace(a)  # same time, same size: another file
    assert changed(before, state_of([a, b])) == {a}
    assert wait_for_change(before, 0.01) == {a}
    b.write_text("new")
    assert changed(before, state_of([a, b])) == {a, b}


class Watching:
    """A watching command in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "mlang.app", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
        )  # fmt: skip
        self.guard = threading.Timer(90, self.process.kill)
        self.guard.start()

    def until(self, text: str) -> str:
        """What it prints up to a line that holds a text."""
        seen = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            seen.append(line)
            if text in line:
                return "".join(seen)
        raise AssertionError("".join(seen))

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        try:
            rest = self.process.communicate(timeout=20)[0]
        finally:
            self.guard.cancel()
            self.process.kill()
        assert "Stopped." in rest
        return self.process.returncode


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
def test_steps_are_shown_again(place: Path) -> None:
    watching = Watching("steps", "calc.pq", "-q", "Limit", "--watch")
    try:
        assert "    3\n" in watching.until("Ctrl-C ends")
        (place / "calc.pq").write_text("section S; shared Limit = ")
        watching.until("changed")
        assert "calc.pq:1:27" in watching.until("Ctrl-C ends")
        (place / "new").write_text("section S; shared Limit = 40 + 2;")
        (place / "calc.pq").unlink()  # as some editors do
        time.sleep(0.2)
        (place / "new").replace(place / "calc.pq")
        assert "    42\n" in watching.until("Ctrl-C ends")
    finally:
        assert watching.end() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
def test_tests_run_again(place: Path) -> None:
    watching = Watching("test", "--watch", "-v")
    try:
        assert "4 passed" in watching.until("Ctrl-C ends")
        (place / "data" / "x.csv").write_text("z,b\n")
        seen = watching.until("Ctrl-C ends")
        assert "FAILED q.query.pq" in seen
        assert "0 passed, 1 failed" in seen
        (place / "more.query.pq").write_text("5")
        assert "more.query.pq" in watching.until("Ctrl-C ends")
    finally:
        assert watching.end() == 0


def test_watch_needs_a_file(mlang: Any, place: Path) -> None:  # noqa: F811
    for file in ("-", "nix.pq"):
        done = mlang("steps", file, "--watch")
        assert done.code == 2
        assert "--watch needs a file that can be saved" in done.err


def test_files_that_an_extension_reads_select_its_tests(mlang: Any, place: Path) -> None:  # noqa: F811
    (place / "ext").mkdir(), (place / "tests").mkdir()
    (place / "ext" / "Shop.pq").write_text(
        'section Shop; shared Shop.Rows = () => Extension.Contents("rows.csv");'
    )
    (place / "ext" / "rows.csv").write_text("a\n1\n")
    (place / "tests" / "r.query.pq").write_text("Text.FromBinary(Shop.Rows())")
    (place / "tests" / "r.query.pqout").write_text('"a#(lf)1#(lf)"')
    git("init", "-q"), git("add", "."), git("commit", "-qm", "x")
    run = ("test", "tests", "--extension", "ext/Shop.pq", "--changed")
    assert mlang(*run).err.startswith("Nothing that changed")
    (place / "ext" / "rows.csv").write_text("a\n2\n")
    assert mlang(*run).code == 3
