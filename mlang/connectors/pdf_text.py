"""Tables of a PDF page that have no lines: lines of text one below the other with common gaps.

A table is at least three lines that follow each other closely, with gaps at the same places in all
of them; most lines fill several cells, and cells are short, for otherwise it is prose in columns.
"""

from __future__ import annotations

from typing import Any

from mlang.connectors.pdf_page import columns_of, grid_of, lines_of

Words = list[dict[str, Any]]
#: A line this many times its height below the one before it begins something else.
_APART = 2.2
_LEAST_LINES = 3
#: Cells with more characters than this on average are prose.
_LONG = 40
#: This share of the lines fills at least two cells.
_FILLED = 0.75


def text_tables(words: Words, taken: list[tuple[float, ...]]) -> list[tuple[list[list[str | None]], Any]]:
    """(Cells, (x0, top, x1, bottom)) of each table in the words outside of some boxes."""
    free = [word for word in words if not any(_inside(word, box) for box in taken)]
    found = []
    for block in _blocks(lines_of(free)):
        part = _table(block)
        if part is not None:
            found.append(part)
    return found


def _inside(word: dict[str, Any], box: tuple[float, ...]) -> bool:
    x, y = (word["x0"] + word["x1"]) / 2, (word["top"] + word["bottom"]) / 2
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])


def _blocks(lines: list[Words]) -> list[list[Words]]:
    """Runs of lines that have several parts and follow each other closely."""
    blocks: list[list[Words]] = []
    previous: Words | None = None
    for line in lines:
        several = len(columns_of(line)) > 1
        if several and previous is not None and _close(previous, line):
            blocks[-1].append(line)
        elif several:
            blocks.append([line])
        previous = line if several else None
    return blocks


def _close(above: Words, below: Words) -> bool:
    height = max(word["bottom"] - word["top"] for word in above)
    top = min(word["top"] for word in below)
    return bool(top - max(word["bottom"] for word in above) <= _APART * height)


def _table(block: list[Words]) -> tuple[list[list[str | None]], Any] | None:
    if len(block) < _LEAST_LINES:
        return None
    words = [word for line in block for word in line]
    columns = columns_of(words)
    if len(columns) < 2:
        return None
    grid = grid_of(block, columns)
    cells = [cell for row in grid for cell in row if cell]
    filled = sum(1 for row in grid if sum(cell is not None for cell in row) > 1)
    if filled < _FILLED * len(grid) or sum(map(len, cells)) > _LONG * len(cells):
        return None
    box = (
        min(w["x0"] for w in words), min(w["top"] for w in words),
        max(w["x1"] for w in words), max(w["bottom"] for w in words),
    )  # fmt: skip
    return grid, (box, columns)
