"""Places in a text: an offset as line and column, and an excerpt with carets.

Offsets count Python characters from 0; lines and columns count from 1, as editors
show them.  Lines end at CR, LF, CR LF, U+0085, U+2028 or U+2029.  Read
``failure.py`` next, which shows such places to people.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import lru_cache

_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")

#: An excerpt never shows more of a line than this.
WIDTH = 120


def line_starts(text: str) -> list[int]:
    """The offset at which each line begins."""
    return [0, *(match.end() for match in _LINE_END.finditer(text))]


@lru_cache(maxsize=4)
def _starts(text: str) -> list[int]:
    """The same, for the texts that are asked about now: a long one has many places."""
    return line_starts(text)


def line_column(text: str, offset: int) -> tuple[int, int]:
    """The line and the column, both from 1, of the character at ``offset``."""
    starts = _starts(text)
    line = bisect_right(starts, offset)
    return line, offset - starts[line - 1] + 1


def line_at(text: str, offset: int) -> tuple[int, int]:
    """Where the line that holds ``offset`` begins and ends (without its line end)."""
    start = _starts(text)[bisect_right(_starts(text), offset) - 1]
    end = _LINE_END.search(text, start)
    return start, end.start() if end is not None else len(text)


def excerpt(text: str, offset: int, end: int) -> str:
    """The line of ``offset`` and below it carets under ``offset`` to ``end``."""
    start, stop = line_at(text, offset)
    end = max(offset + 1, min(end, stop))
    first, last = start, stop
    if stop - start > WIDTH:
        first = max(start, min(offset - WIDTH // 2, stop - WIDTH))
        last = min(stop, first + WIDTH)
    head = "" if first == start else "... "
    tail = "" if last == stop else " ..."
    line = head + printable(text[first:last]) + tail
    before = " " * len(head) + "".join(_blank(c) for c in text[first:offset])
    marked = sum(_columns(c) for c in text[offset : min(end, last)]) or 1
    return f"{line}\n{before}{'^' * marked}"


def printable(line: str) -> str:
    """The line with a sign for every character that cannot be shown."""
    return "".join(c if c == "\t" or _visible(c) else "\ufffd" for c in line)


def _visible(character: str) -> bool:
    return (
        " " <= character < "\x7f" or "\xa0" <= character < "\u2028" or "\u2029" < character < "\ud800"
    ) or character > "\udfff"


def _blank(character: str) -> str:
    return "\t" if character == "\t" else " " * _columns(character)


def _columns(character: str) -> int:
    """How many terminal cells a character takes."""
    if character.isascii():
        return 1
    import unicodedata

    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
