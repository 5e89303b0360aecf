"""Tutorial, how-to and error pages: every block of code in them is run, and shows what it says.

A page is one story in one folder, read from the top:

- a block after a line that holds only a file's name in backticks and a colon is written to that file;
- ``m`` blocks are evaluated; a last line ``// = value`` or ``// Reason: message`` is what must come, without
  one they need a server and must at least be known M;
- ``console`` blocks run their ``$ commands`` and compare what is printed (``...`` stands for any text);
  a command without output must succeed; ``> lines`` are typed at one prompt;
- ``python`` blocks are executed; ``expression  # value`` compares;
- ``yaml`` blocks run their ``run: mlang`` lines; ``sh`` blocks are installations: the extras must exist.

``python tests/test_docs.py --update PAGE...`` writes what consoles print into the pages.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import mlang
from mlang.app.main import main
from mlang.app.pages import page_of
from mlang.app.repl import Repl

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.glob("tutorial*.md")),
    *sorted(DOCS.glob("how-to/*.md")),
    *sorted(DOCS.glob("errors/*.md")),
]
EXPECTED = re.compile(r"\n// (= (?P<value>.*)|(?P<reason>[\w.]+): (?P<message>.*))\n\Z")
_BLOCK = re.compile(r"^(?:`(?P<file>[^`\n]+)`:\n\n)?```(?P<kind>[\w-]*)\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A block of code: where its text begins in the page, the file that it is, its language, the text."""

    start: int
    file: str | None
    kind: str
    text: str


def blocks(page: str) -> list[Block]:
    return [Block(m.start("text"), m["file"], m["kind"], m["text"]) for m in _BLOCK.finditer(page)]


class Reader:
    """Does what a page says, in the current folder."""

    def __init__(self) -> None:
        self.prompt: Any = None
        self.names: dict[str, Any] = {"mlang": mlang}

    def read(self, block: Block) -> None:
        if block.file is not None:
            path = Path(block.file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8", newline="\n")
        if block.kind == "yaml":
            for command in re.findall(r"run: (mlang .*)", block.text):
                code, shown = self.command(command)
                assert code == 0, (command, shown)
        elif block.file is None:
            getattr(self, f"read_{block.kind}")(block.text)

    def read_m(self, text: str) -> None:
        expected = EXPECTED.search(text)
        if expected is None:
            unknown = known_names(text)
            assert not unknown, unknown
        elif expected["value"] is not None:
            assert mlang.to_m(mlang.evaluate(text)) == mlang.to_m(mlang.evaluate(expected["value"]))
        else:
            with pytest.raises((mlang.MError, mlang.MSyntaxError)) as caught:
                mlang.to_m(mlang.evaluate(text))
            assert like(error_text(caught.value), f"{expected['reason']}: {expected['message']}")

    def read_console(self, text: str) -> None:
        for line, expected in spoken(text):
            code, shown = self.say(line)
            assert like(shown, expected), f"{line}\n{shown}"
            assert expected or code == 0, (line, code)

    def read_python(self, text: str) -> None:
        lines = text.splitlines()
        for statement in ast.parse(text).body:
            code = ast.unparse(statement)
            _, sign, value = lines[(statement.end_lineno or 1) - 1].partition("  # ")
            if sign:
                assert repr(eval(code, self.names)) == value, code
            else:
                exec(code, self.names)

    def read_sh(self, text: str) -> None:
        with (ROOT / "pyproject.toml").open("rb") as file:
            extras = tomllib.load(file)["project"]["optional-dependencies"]
        for line in text.splitlines():
            assert re.match(r"(pip install|python -m venv|\. \.venv/|jupyter|#)", line), line
            for named in re.findall(r"\[([\w,]+)\]", line):
                assert set(named.split(",")) <= set(extras), line

    def say(self, line: str) -> tuple[int, str]:
        """A command of the shell, or a line at the prompt."""
        if line.startswith("$ "):
            return self.command(line[2:])
        if self.prompt is None:
            self.prompt = Repl()
        with caught_output() as out:
            self.prompt.answer(line[2:])
        return 0, out.getvalue()

    def command(self, line: str) -> tuple[int, str]:
        """mlang runs in this process, the few other commands in a shell."""
        line, _, file = line.partition(" > ")
        words = split(line)
        if words[0] == "mlang":
            with caught_output() as out:
                try:
                    main(words[1:])
                except SystemExit as ended:
                    code = int(ended.code or 0)
            shown = out.getvalue()
        else:
            done = subprocess.run(
                words if words[0] != "python" else [sys.executable, *words[1:]],
                text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            code, shown = done.returncode, done.stdout
        if file:
            Path(file).write_text(shown, encoding="utf-8")
            shown = ""
        return code, shown


def split(line: str) -> list[str]:
    import shlex

    return shlex.split(line, comments=True)


@contextlib.contextmanager
def caught_output() -> Iterator[io.StringIO]:
    """What is printed on either stream, in the order of a terminal."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield out


def spoken(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console with what each prints."""
    parts = re.split(r"^(?=[$>] )", text, flags=re.M)
    assert not parts[0], "a console begins with a command"
    for part in parts[1:]:
        line, _, shown = part.partition("\n")
        yield line, shown


def like(shown: str, expected: str) -> bool:
    """Blanks at the end of lines do not count, ``...`` on a line of its own are any lines, elsewhere any text."""
    pattern = ""
    for line in expected.rstrip("\n").split("\n") if expected.strip() else []:
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(p) for p in line.rstrip().split("...")) + r"[ ]*\n"
    shown = re.sub(r"\(\n\s+('[^'\n]*')\n\s*\)", r"(\1)", shown)  # SQL breaks lines where a path is long
    shown = "".join(line.rstrip() + "\n" for line in shown.rstrip("\n").split("\n")) if shown.strip() else ""
    return re.fullmatch(pattern, shown) is not None if expected.strip() else True


def known_names(text: str) -> list[str]:
    """Names in an expression that nothing defines."""
    from mlang import registry
    from mlang.syntax import nodes
    from mlang.syntax.parser import parse_expression

    registry.load_all()
    tree = parse_expression(text)
    own = {n.name for n in tree.walk() if isinstance(n, nodes.Binding | nodes.Parameter)}
    used = {n.name for n in tree.walk() if isinstance(n, nodes.Name)}
    return sorted(used - own - set(registry.BUILTINS) - {"_"})


def error_text(error: Exception) -> str:
    """Reason and message; a text that is no M has the reason that the editor gives."""
    if isinstance(error, mlang.MError):
        return f"{error.reason}: {error.message}"
    return f"Expression.SyntaxError: {error.message}"  # type: ignore[attr-defined]


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_page_does_what_it_says(page: Path, story: Path) -> None:
    reader = Reader()
    text = page.read_text(encoding="utf-8")
    assert len(blocks(text)) * 2 == len(re.findall(r"^```", text, re.M))
    for block in blocks(text):
        reader.read(block)


# ---------------------------------------------------------------- error pages


ERRORS = [p for p in PAGES if p.parent.name == "errors" and p.name != "index.md"]


@pytest.mark.parametrize("page", ERRORS, ids=lambda p: p.stem)
def test_each_failing_block_leads_to_its_page(page: Path) -> None:
    failing = 0
    for block in blocks(page.read_text(encoding="utf-8")):
        expected = EXPECTED.search(block.text)
        if block.kind == "m" and expected is not None and expected["reason"] is not None:
            with pytest.raises((mlang.MError, mlang.MSyntaxError)) as caught:
                mlang.to_m(mlang.evaluate(block.text))
            assert page_of(caught.value) == page.stem
            failing += 1
    assert failing


def test_every_page_that_errors_name_is_there() -> None:
    from mlang.app.pages import PAGES as known

    assert {page for _, page in known} == {p.stem for p in ERRORS}
    index = (DOCS / "errors" / "index.md").read_text(encoding="utf-8")
    assert [p.name for p in ERRORS if f"({p.name})" not in index] == []


# ---------------------------------------------------------------- links


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower().strip()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize(
    "page", [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CHANGELOG.md"], ids=lambda p: str(p.relative_to(ROOT))
)  # fmt: skip
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_the_generator_knows_the_pages() -> None:
    """The navigation of mkdocs.yml names pages that are there, each once, and all of these."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = re.findall(r"^\s*- (?:[^:\n]+: )?([\w/.-]+\.md)$", text, re.M)
    assert [n for n in named if not (DOCS / n).exists()] == []
    assert len(named) == len(set(named))
    assert {str(p.relative_to(DOCS)) for p in PAGES} <= set(named)


def update(page: Path) -> None:
    """Writes what the consoles of a page print; a hand's ``...`` stay where they fit."""
    import tempfile

    text = page.read_text(encoding="utf-8")
    reader, found, changed = Reader(), blocks(text), []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block in found:
            if block.kind != "console":
                reader.read(block)
                continue
            new = ""
            for line, expected in spoken(block.text):
                _, shown = reader.say(line)
                keep = expected.strip() and like(shown, expected)
                new += (
                    line
                    + "\n"
                    + (expected if keep else "".join(x.rstrip() + "\n" for x in shown.splitlines()))
                )
            changed.append((block, new))
    for block, new in reversed(changed):
        text = text[: block.start] + new + text[block.start + len(block.text) :]
    page.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    if sys.argv[1:2] != ["--update"]:
        sys.exit("python tests/test_docs.py --update PAGE...")
    for name in sys.argv[2:]:
        update(Path(name).resolve())
