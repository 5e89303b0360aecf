"""The REPL: an expression is evaluated as soon as it is complete, over as many lines as it takes.

``:let x = expression`` keeps a value for later lines.  Without a terminal it reads standard input
the same way and writes only results, so that scripts can be piped in.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlang.app import api
from mlang.app.report import print_error
from mlang.compile.entry import Document, run
from mlang.errors import Fault, MError
from mlang.syntax.failure import MSyntaxError
from mlang.syntax.parser import parse_expression

HELP = """\
Type an M expression; it is evaluated when it is complete.
  :let name = expression   keep a value for later expressions
  :names                   the values that were kept
  :type expression         the type of a value
  :help                    this text
  :quit                    leave (or Ctrl-D)
An empty line ends an expression that never gets complete."""


class Repl:
    """One conversation."""

    def __init__(self, **settings: Any) -> None:
        self.session = api.open_session(base_dir=os.getcwd(), **settings)
        self.kept: dict[str, str] = {}
        self.failed = False
        self._documents: list[Document] = []

    def run(self) -> int:
        """Reads until the end; in a pipe the exit code says whether an expression failed."""
        terminal = sys.stdin.isatty()
        for text in self._typed() if terminal else self._piped():
            if text.strip() == ":quit":
                break
            self.answer(text)
        return 1 if self.failed and not terminal else 0

    # ------------------------------------------------------------ reading

    def _typed(self) -> Iterator[str]:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import FileHistory

        path = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "mlang"
        path.mkdir(parents=True, exist_ok=True)
        prompt: Any = PromptSession(history=FileHistory(str(path / "history")))
        print(":help for help, :quit to leave")
        lines: list[str] = []
        while True:
            try:
                lines.append(prompt.prompt("  " if lines else "> "))
            except EOFError:
                return
            except KeyboardInterrupt:
                lines = []
                continue
            text = "\n".join(lines)
            if not text.strip():
                lines = []
            elif lines[-1].strip() == "" or not incomplete(text):
                lines = []
                yield text

    def _piped(self) -> Iterator[str]:
        lines: list[str] = []
        for line in sys.stdin:
            lines.append(line.rstrip("\r\n"))
            text = "\n".join(lines)
            if not text.strip():
                lines = []
            elif lines[-1].strip() == "" or not incomplete(text):
                lines = []
                yield text
        if "".join(lines).strip():
            yield "\n".join(lines)

    # ------------------------------------------------------------ answering

    def answer(self, text: str) -> None:
        """Evaluates a line or runs a command; errors are shown and the conversation goes on."""
        command, _, rest = text.strip().partition(" ")
        try:
            if command == ":help":
                print(HELP)
            elif command == ":names":
                for name, source in self.kept.items():
                    print(f"{name} = {source}")
            elif command == ":let":
                self._keep(rest)
            elif command == ":type":
                self._evaluate(f"Value.Type({rest.strip()}\n)")
            elif command.startswith(":"):
                self._fail(Fault(f"There is no command {command}. :help lists them."))
            else:
                self._evaluate(text)
        except (MError, Fault) as error:
            self._fail(error)
        except KeyboardInterrupt:
            print("Cancelled.", file=sys.stderr)

    def _fail(self, error: Exception) -> None:
        self.failed = True
        print_error(error)

    def _keep(self, text: str) -> None:
        name, sign, source = text.partition("=")
        name = name.strip()
        if not sign or not name:
            raise Fault("Write :let name = expression.")
        self._value(f"{source.strip()}")
        self.kept[name] = source.strip()

    def _document(self, text: str) -> Document:
        if self.kept:
            variables = ", ".join(f"{name} = {source}" for name, source in self.kept.items())
            parse_expression(text)  # errors in what was typed, not in what is put around it
            text = f"let {variables} in\n{text}"
        document = Document(text)
        self._documents = [*self._documents[-3:], document]
        return document

    def _value(self, text: str) -> Any:
        document = self._document(text)
        return run(document.value, self.session)

    def _evaluate(self, text: str) -> None:
        from mlang.app.main import show

        document = self._document(text)
        run(lambda: show(document.value()), self.session)


def incomplete(text: str) -> bool:
    """Whether more lines could make the text an expression: it ends where something is still expected."""
    if text.lstrip().startswith(":"):
        command, _, rest = text.strip().partition(" ")
        if command not in (":let", ":type"):
            return False
        text = rest.partition("=")[2] if command == ":let" else rest
        if not text.strip():
            return False
    try:
        parse_expression(text)
    except MSyntaxError as error:
        return error.offset >= len(text.rstrip()) or _open_literal(text)
    return False


def _open_literal(text: str) -> bool:
    """An unclosed text or comment: the lexer complains at its beginning, not at the end."""
    for closing in ('"', "*/"):
        try:
            parse_expression(text + closing)
            return True
        except MSyntaxError as error:
            if error.offset >= len(text):
                return True
    return False
