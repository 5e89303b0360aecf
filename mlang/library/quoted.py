"""Cutting texts at delimiters while double quotes protect what is between them (SPL-01 to SPL-10).

A quoted part loses its quotes, a doubled quote inside stands for one, and a quote
that never closes runs to the end.  A quote counts either anywhere, or only at the
start of a field (``CsvStyle.QuoteAfterDelimiter``).  Cutting from the end is cutting
the reversed text.  Used by ``splitter.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

#: Finds a delimiter at a position: its length, or 0 when there is none.
Finder = Callable[[str, int], int]


def any_of(delimiters: Sequence[str]) -> Finder:
    """A finder for whichever of the delimiters stands first in the sequence."""
    starts = {d[0] for d in delimiters if d}

    def find(text: str, at: int) -> int:
        if text[at] in starts:
            for delimiter in delimiters:
                if delimiter and text.startswith(delimiter, at):
                    return len(delimiter)
        return 0

    return find


def each_of(delimiters: Sequence[str]) -> Finder:
    """A finder that looks for each delimiter once, one after the other (SPL-03)."""
    waiting = [d for d in delimiters if d]
    waiting.reverse()

    def find(text: str, at: int) -> int:
        if waiting and text.startswith(waiting[-1], at):
            return len(waiting.pop())
        return 0

    return find


def split(text: str, find: Finder, quotes: bool, anywhere: bool) -> list[str]:
    """The fields between delimiters; ``quotes`` honours quotes, ``anywhere`` also within a field."""
    fields: list[str] = []
    field: list[str] = []
    at, start, end = 0, True, len(text)
    while at < end:
        length = find(text, at)
        if length:
            fields.append("".join(field))
            field, start = [], True
            at += length
            continue
        if quotes and text[at] == '"' and (start or anywhere):
            at = _quoted(text, at + 1, field)
        else:
            field.append(text[at])
            at += 1
        start = False
    fields.append("".join(field))
    return fields


def _quoted(text: str, at: int, field: list[str]) -> int:
    """Reads a quoted part from behind its opening quote; gives the position behind the closing one."""
    while True:
        close = text.find('"', at)
        if close < 0:
            field.append(text[at:])
            return len(text)
        field.append(text[at:close])
        if not text.startswith('""', close):
            return close + 1
        field.append('"')
        at = close + 2


def split_from_end(
    text: str, delimiters: Sequence[str], make: Callable[..., Finder], quotes: bool
) -> list[str]:
    """`split` read from the end; the fields come in text order."""
    find = make([d[::-1] for d in delimiters])
    fields = split(text[::-1], find, quotes, True)
    return [field[::-1] for field in reversed(fields)]
