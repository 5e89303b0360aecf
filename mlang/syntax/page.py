"""A page that a formatter writes: what stands on it so far, its last line, and what was put there last.

A line may be taken up again after it ended (`resume`): what closes an empty block stands where the block began.
Used by ``formatter.py``.
"""

from __future__ import annotations

from enum import Enum

INDENT = 4
#: Beyond this column lines stand no further to the right.
DEEPEST = 400


class Last(Enum):
    """What was written last."""

    WORD = 1
    OPENING = 2
    CLOSING = 3
    DIVIDER = 4
    COMMENT = 5
    ELSE = 6


class Page:
    """Text in lines; ``line`` is the last one."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self.line = ""
        self.indent = 0
        self.last = Last.WORD
        #: How many lines were ended.
        self.ended = 0
        self._joins = False
        #: The line goes on where the last one ended, and nothing was put there since.
        self._resumed = self._fresh = False

    @property
    def text(self) -> str:
        """All that was written, without blank lines around it."""
        return "".join(self._out).strip("\n").rstrip(" \t\n")

    @property
    def margin(self) -> str:
        """The blanks at the beginning of a line."""
        return " " * min(self.indent * INDENT, DEEPEST)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was written."""
        return not self._out

    @property
    def at_line_start(self) -> bool:
        """Whether a line has just ended."""
        return not self.line and (not self._out or self._out[-1] == "\n")

    def word(self, text: str) -> None:
        """A token or comment, after the margin when it begins a line."""
        if not self.line and not self._resumed:
            self.put(self.margin)
        self.put(text)

    def blank(self) -> None:
        """One blank after a word, unless there is one."""
        if self.line and self.line[-1] not in " \t" and not self._fresh:
            self.put(" ")

    def put(self, text: str) -> None:
        """Adds text as it is; a blank is left out after `join`."""
        if self._joins and text == " ":
            return
        self._joins = self._fresh = False
        self._out.append(text)
        self.line += text
        self.last = Last.WORD

    def join(self) -> None:
        """No blank before what comes."""
        self._joins = True

    def end_line(self) -> None:
        """Ends the line, without blanks at its end."""
        self._joins = False
        self.ended += 1
        if not self._fresh:
            self._strip(" \t")
        self._out.append("\n")
        self.line = ""
        self._resumed = False

    def trim(self) -> None:
        """Takes blanks at the end of the line away."""
        self._strip(" \t")
        self.line = self.line.rstrip(" \t")

    def close_up(self) -> None:
        """Nothing stands between the brackets of an empty block on one line."""
        self.trim()
        self._fresh = True

    def resume(self) -> None:
        """Goes on where the last line ended, unless a comment ends it."""
        if not self.line and self.last is not Last.COMMENT:
            self._strip("\r\n")
            self._strip(" \t")
            self._resumed = self._fresh = True

    def _strip(self, characters: str) -> None:
        while self._out:
            rest = self._out[-1].rstrip(characters)
            if rest:
                self._out[-1] = rest
                return
            self._out.pop()
