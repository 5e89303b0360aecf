"""The prompt: what it shows of values without end, and what it takes for unfinished."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from mlang.app import api
from mlang.app.overlay import Overlay
from mlang.app.preview import PAGE, page, preview
from mlang.app.repl import incomplete
from mlang.compile.entry import run


def shown(text: str, width: int = 80) -> str:
    document = Overlay(text)
    return run(lambda: preview(document.value(), width), api.open_session())


@pytest.mark.parametrize(
    ("m", "text"),
    [
        ("[a = 1, b = {1, 2}]", "[a = 1, b = {1, 2}]"),
        ('[a = 1, b = error "no"]', '[a = 1, b = error "Expression.Error: no"]'),
        ("let r = [b = @r] in r", "[b = [b = [b = [b = [...]]]]]"),
        ("[a = {1..1000000}]", "[a = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, ...}]"),
        ('[t = #table({"x"}, {{error "not read"}})]', '[t = #table({"x"}, ...)]'),
        ("#binary({1, 2})", '#binary("AQI=")'),
        ('"a#(lf)b"', '"a#(lf)b"'),
        ("null", "null"),
        ("[a = {{{{{1}}}}}]", "[a = {{{{...}}}}]"),
    ],
)  # fmt: skip
def test_a_preview_shows_what_a_screen_holds(m: str, text: str) -> None:
    assert shown(m) == text


def test_a_wide_record_has_a_field_a_line() -> None:
    assert shown("[a = 1, b = 2]", width=10) == "[\n  a = 1,\n  b = 2\n]"


def test_long_texts_are_cut() -> None:
    assert shown('Text.Repeat("x", 1000000)') == '"' + "x" * 2000 + '" ... 1,000,000 characters'


def test_lists_are_paged_and_evaluated_no_further() -> None:
    endless = Overlay('List.Generate(() => 1, each if _ > 150 then error "too far" else true, each _ + 1)')

    def work() -> tuple[str, bool]:
        return page(endless.value(), 0)

    text, more = run(work, api.open_session())
    assert more
    assert text == "{" + ", ".join(str(i) for i in range(1, PAGE + 1)) + ", ..."
    assert page([1.0, 2.0], 0) == ("{1, 2}", False)
    assert page([float(i) for i in range(PAGE + 2)], PAGE) == ("..., 100, 101}", False)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("let a = 1,", True), ("1 // a,", False), ("1 /* a,", True), ('"a,', True), ("{1,", True), ("1)", False),
        (":let a = {1,", True), (":help a,", False),
    ],
)  # fmt: skip
def test_incomplete(text: str, answer: bool) -> None:
    assert incomplete(text) is answer


#: Moves and colours, which may stand anywhere in what was typed; only the one that says ready is kept.
_DRAWING = re.compile(r"\x1b\[(?!\?2004)[0-9;?]*[A-Za-z]")


class Terminal:
    """A prompt in a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        self.master, slave = pty.openpty()
        environment = os.environ | {
            "XDG_STATE_HOME": str(folder), "TERM": "xterm", "COLUMNS": "100", "LINES": "40", "PYTHONPATH": str(ROOT),
            "PROMPT_TOOLKIT_NO_CPR": "1",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlang.app", "repl"],
            stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
            preexec_fn=_controlled,
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def wait(self, text: str, seconds: float = 60) -> None:
        """Reads until the text was printed after what was waited for before."""
        until = time.monotonic() + seconds
        while text not in self.seen:
            left = until - time.monotonic()
            assert left > 0, f"{text!r} did not come: {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
                self.seen = _DRAWING.sub("", self.seen)
        self.seen = self.seen.partition(text)[2]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


def _controlled() -> None:
    """Makes the slave the controlling terminal, so that Ctrl-C is a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def terminal(tmp_path: Path) -> Any:
    made = Terminal(tmp_path)
    yield made
    made.close()


def test_a_conversation_in_a_terminal(terminal: Terminal) -> None:
    ready = "\x1b[?2004h"  # the editor takes pasted text now: keys are its own
    terminal.wait(ready)
    terminal.type("Text.Prop\t")
    terminal.wait("Text.Proper")
    terminal.type('("ab")\r')
    terminal.wait('"Ab"')
    terminal.wait(ready)
    terminal.type("{1..10000000}\r")
    terminal.wait("100 items shown")
    terminal.wait(ready)
    terminal.type(":more\r")
    terminal.wait("101, 102")
    terminal.wait(ready)
    terminal.type("List.Count(List.Generate(() => 1, each true, each _ + 1))\r")
    terminal.wait("\x1b[?2004l")
    time.sleep(1)
    terminal.type("\x03")
    terminal.wait("Cancelled.")
    terminal.wait(ready)
    terminal.type("40 + 2\r")
    terminal.wait("42")
    terminal.wait(ready)
    terminal.type("\x04")
    assert terminal.process.wait(20) == 0
