"""Lays out a flat list of pieces as lines of a given width.

A piece is a text or one of the marks below.  A group (OPEN to CLOSE) is printed
on one line when it fits, else each of its own line marks breaks.  Two passes over the list,
no recursion: the first measures every group, the second writes.  Used by
``printer.py``.
"""

from __future__ import annotations

from enum import Enum


class Mark(Enum):
    """What a layout list holds besides texts."""

    OPEN = 1  # a group begins
    CLOSE = 2  # and ends
    INDENT = 3  # lines from here on stand further to the right
    DEDENT = 4
    LINE = 5  # a space, or a line end in a broken group
    SOFT = 6  # nothing, or a line end in a broken group
    HARD = 7  # always a line end; its groups cannot stand on one line
    BLANK = 8  # as HARD, with an empty line


Piece = str | Mark

INDENT = 4
#: Beyond this column lines stand no further to the right.
DEEPEST = 60
_ENDLESS = 1 << 40


def one_line(pieces: list[Piece]) -> str:
    """All on one line, whatever the width."""
    out: list[str] = []
    for piece in pieces:
        if piece.__class__ is str:
            out.append(piece)
        elif piece is Mark.LINE or piece is Mark.HARD or piece is Mark.BLANK:
            out.append(" ")
    return "".join(out)


def lines(pieces: list[Piece], width: int) -> str:
    """In lines of at most ``width`` columns, where that is possible."""
    sizes = _measure(pieces)
    out: list[str] = []
    flat: list[bool] = [False]
    column = indent = 0
    for index, piece in enumerate(pieces):
        if piece.__class__ is str:
            out.append(piece)
            column += len(piece)
        elif piece is Mark.OPEN:
            flat.append(flat[-1] or column + sizes[index] <= width)
        elif piece is Mark.CLOSE:
            flat.pop()
        elif piece is Mark.INDENT:
            indent += INDENT
        elif piece is Mark.DEDENT:
            indent -= INDENT
        elif flat[-1]:
            if piece is not Mark.SOFT:
                out.append(" ")
                column += 1
        else:
            column = min(indent, DEEPEST)
            out.append(("\n\n" if piece is Mark.BLANK else "\n") + " " * column)
    return "".join(out)


def _measure(pieces: list[Piece]) -> dict[int, int]:
    """The width of each group on one line, by the index of its OPEN."""
    sizes: dict[int, int] = {}
    opened: list[tuple[int, int]] = []
    total = 0
    for index, piece in enumerate(pieces):
        if piece.__class__ is str:
            total += len(piece)
        elif piece is Mark.OPEN:
            opened.append((index, total))
        elif piece is Mark.CLOSE:
            at, before = opened.pop()
            sizes[at] = total - before
        elif piece is Mark.LINE:
            total += 1
        elif piece is Mark.HARD or piece is Mark.BLANK:
            total += _ENDLESS
    return sizes
