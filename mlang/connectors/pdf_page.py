"""The text of a PDF page as a grid: lines are rows, columns lie between the gaps that all lines share."""

from __future__ import annotations

from typing import Any

#: Words whose middle lies within this share of their height are on one line.
_SAME_LINE = 0.5
#: A gap between columns is at least so many points wide.
_GAP = 6.0


def page_grid(words: list[dict[str, Any]]) -> list[list[str | None]]:
    """The cells of a page from its words (pdfplumber's: text, x0, x1, top, bottom)."""
    return grid_of(lines_of(words), columns_of(words))


def grid_of(lines: list[list[dict[str, Any]]], columns: list[tuple[float, float]]) -> list[list[str | None]]:
    """The cells of some lines under some columns."""
    grid = []
    for line in lines:
        cells: list[list[str]] = [[] for _ in columns]
        for word in line:
            place = next(i for i, (_, right) in enumerate(columns) if word["x0"] <= right)
            cells[place].append(word["text"])
        grid.append([" ".join(cell) or None for cell in cells])
    return grid


def lines_of(words: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Words by line, from top to bottom and left to right."""
    lines: list[list[dict[str, Any]]] = []
    middle = height = 0.0
    for word in sorted(words, key=lambda w: ((w["top"] + w["bottom"]) / 2, w["x0"])):
        here = (word["top"] + word["bottom"]) / 2
        if lines and here - middle <= _SAME_LINE * height:
            lines[-1].append(word)
        else:
            lines.append([word])
            middle, height = here, word["bottom"] - word["top"]
    return [sorted(line, key=lambda w: float(w["x0"])) for line in lines]


def columns_of(words: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Stretches of the page's width that are nowhere interrupted by a gap."""
    columns: list[tuple[float, float]] = []
    for word in sorted(words, key=lambda w: float(w["x0"])):
        if columns and word["x0"] - columns[-1][1] < _GAP:
            columns[-1] = (columns[-1][0], max(columns[-1][1], word["x1"]))
        else:
            columns.append((word["x0"], word["x1"]))
    return columns
