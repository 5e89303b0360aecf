"""A text that is no M: `MSyntaxError`.

A syntax error names what was found and what could stand there instead, in words a
reader knows; ``engine_message`` says the same as the Microsoft engine does,
for programs that read it out of Expression.Evaluate.  Read ``explain.py`` for the
words, ``spans.py`` for the excerpt and ``parser.py`` for who raises.
"""

from __future__ import annotations

from mlang.errors import Fault
from mlang.syntax.spans import excerpt, line_column, printable


class MSyntaxError(Fault):
    """A text that is no M, with the place where it stops to be."""

    def __init__(
        self,
        message: str,
        text: str,
        offset: int,
        end: int,
        filename: str | None = None,
        engine: str | None = None,
    ) -> None:
        self._engine = engine or message
        #: One line: what was found and what could stand there.
        self.message = printable(message)
        super().__init__(self.message)
        self.text = text
        self.offset = offset
        self.end = end
        self.filename = filename
        self.line, self.column = line_column(text, offset)

    @property
    def engine_message(self) -> str:
        """The message as the engine words it: ``[1,7-1,12] Token Eof expected.``"""
        line, column = line_column(self.text, max(self.offset, self.end))
        return f"[{self.line},{self.column}-{line},{column}] {self._engine}"

    @property
    def excerpt(self) -> str:
        """The line with carets below what is wrong."""
        return excerpt(self.text, self.offset, self.end)

    def __str__(self) -> str:
        place = f"{self.filename or '<text>'}:{self.line}:{self.column}"
        return f"{place}: {self.message}\n{self.excerpt}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from args by default, which hold the message only.
        return (
            MSyntaxError,
            (self.message, self.text, self.offset, self.end, self.filename, self._engine),
        )


def already_defined(name: str) -> str:
    """The engine's words for a name that is bound twice (GRM-25)."""
    return f"The variable named '{name}' is already defined in this scope."
