"""The REPL: an expression is evaluated as soon as it is complete, over as many lines as it takes.

``:let x = expression`` keeps a value for later lines, ``it`` is the last one.  Without a terminal it reads
standard input the same way and writes only results, so that scripts can be piped in.  The other commands
are in ``commands.py``, what Tab offers in ``completion.py``.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlang.app import api
from mlang.app.commands import COMMANDS, WITH_EXPRESSION
from mlang.app.modules import load
from mlang.app.overlay import Overlay
from mlang.app.report import print_error
from mlang.compile.entry import run
from mlang.errors import Fault, MError
from mlang.syntax.failure import MSyntaxError
from mlang.syntax.parser import parse_expression
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import DONE, Thunk

HELP = """\
Type an M expression; it is evaluated when it is complete.  it is the last value.
  :let name = expression   keep a value for later expressions
  :names                   the values that were kept
  :type expression         the type of a value
  :schema expression       the columns of a table, without reading it
  :more                    more rows of the last table, more items of the last list
  :fold :plan :sql e       whether and how it folds, step by step, as SQL
  :time :profile e         how long it takes; what the columns hold
  :load file  :save file   names from a file, names to a file
  :help name               help on a library function
  :quit                    leave (or Ctrl-D)
it{0}[Column] opens the value in a row, it[Field] the one in a record, it{0} the one in a list.
An empty line ends an expression that never gets complete.  Tab completes, Ctrl-C stops an evaluation."""


class Repl:
    """One conversation."""

    def __init__(self, extensions: tuple[Path, ...] = (), **settings: Any) -> None:
        self.session = api.open_session(base_dir=os.getcwd(), **settings)
        #: Name -> its text, and -> its value.
        self.kept: dict[str, str] = {}
        self.thunks: dict[str, Thunk] = load(extensions) if extensions else {}
        self.failed = False
        self._documents: list[Overlay] = []
        #: The last table or list and how many of its rows or items were shown.
        self._shown: tuple[Any, int] | None = None

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
        prompt: Any = PromptSession(
            history=FileHistory(str(path / "history")),
            completer=self._completer(),
            complete_while_typing=False,
        )
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
            if command == ":let":
                self._keep(rest)
            elif command == ":more":
                self._more()
            elif command in COMMANDS:
                COMMANDS[command](self, rest)
            elif command.startswith(":"):
                raise Fault(f"There is no command {command}. :help lists them.")
            else:
                self._evaluate(text)
        except (MError, Fault) as error:
            self._fail(error)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._fail(Fault(f"{error.strerror or error}: {error.filename}"))
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
        name = name[2:-1].replace('""', '"') if name.startswith('#"') else name
        # Blanks in place of the command keep the columns of messages.
        document = self.document(" " * len(f":let {text.partition('=')[0]}=") + source)
        document.text = f":let {text}"
        run(document.value, self.session)
        self.keep(name, document.thunk(), source.strip())

    def keep(self, name: str, thunk: Thunk, source: str) -> None:
        """Makes a value known under a name."""
        self.kept[name] = source
        self.thunks = {**self.thunks, name: thunk}

    def document(self, text: str) -> Overlay:
        """An expression that sees the kept names."""
        parse_expression(text)
        document = Overlay(text, given=self.thunks)
        self._documents = [*self._documents[-3:], document]
        return document

    def value(self, text: str) -> Any:
        """The value of an expression."""
        return self.document(text).value()

    def _evaluate(self, text: str) -> None:
        document = self.document(text)

        def work() -> None:
            value = document.value()
            self.thunks = {**self.thunks, "it": document.thunk()}
            self._shown = None
            self._show(strip(value))

        run(work, self.session)

    def _show(self, value: Any) -> None:
        """A value in a pipe is written whole, on a terminal as much as a screen holds."""
        from mlang.app.main import show

        kind = kind_of(value)
        if kind == "table":
            self._shown = (value, _rows())
        if kind == "table" or not sys.stdout.isatty():
            show(value)
        elif kind == "list":
            self._show_items(value, 0)
        else:
            from mlang.app.preview import preview

            print(preview(value, shutil.get_terminal_size().columns))

    def _show_items(self, items: Any, start: int) -> None:
        from mlang.app.preview import PAGE, page

        text, more = page(items, start)
        self._shown = (items, start + PAGE) if more else None
        print(text)
        if more:
            print(f"{start + PAGE:,} items shown, :more shows more")

    def _more(self) -> None:
        """The next rows of the last table, or items of the last list."""
        from mlang import registry
        from mlang.app.main import show

        if self._shown is None:
            raise Fault("There is no more of the last value.")
        value, start = self._shown
        if kind_of(value) == "list":
            run(lambda: self._show_items(value, start), self.session)
            return
        rows = registry.value_of("Table.Range").fn
        run(lambda: show(rows(value, float(start), float(_rows()))), self.session)
        self._shown = (value, start + _rows())

    def draw(self, steps: list[Any], tree: Any) -> None:
        """A plan that was printed, for who has pictures too (``notebook/kernel.py``)."""

    # ------------------------------------------------------------ completing

    def fields(self, name: str) -> list[tuple[str, str]]:
        """The columns or fields of a kept value that is known already; nothing is evaluated for it."""
        from mlang.values.show import type_text

        thunk = self.thunks.get(name)
        if thunk is None or thunk.state != DONE:
            return []
        value = strip(thunk.content)
        if kind_of(value) == "table":
            return [(n, type_text(t, True)) for n, t in zip(value.type.names, value.type.types, strict=True)]
        return [(n, "field") for n in value] if kind_of(value) == "record" else []

    def _completer(self) -> Any:
        from prompt_toolkit.completion import Completer, Completion

        from mlang.app import completion

        commands = [":let", ":more", ":quit", *COMMANDS]
        inner = completion.Completer(lambda: self.thunks, self.fields, sorted(commands))

        class FromM(Completer):  # type: ignore[misc, unused-ignore]
            def get_completions(self, document: Any, event: Any) -> Iterator[Any]:
                for found in inner.complete(document.text_before_cursor):
                    yield Completion(found.text, -found.replaces, display_meta=found.about)

        return FromM()


def _rows() -> int:
    from mlang.app.render import TERMINAL_ROWS

    return TERMINAL_ROWS


def incomplete(text: str) -> bool:
    """Whether more lines could make the text an expression: it ends where something is still expected."""
    if text.lstrip().startswith(":"):
        command, _, rest = text.strip().partition(" ")
        if command != ":let" and command not in WITH_EXPRESSION:
            return False
        text = rest.partition("=")[2] if command == ":let" else rest
        if not text.strip():
            return False
    if text.endswith(",") and "//" not in text.rpartition("\n")[2]:
        return True  # nothing ends in a comma: many lines need not be read again for each
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
