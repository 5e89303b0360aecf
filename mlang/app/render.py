"""Values as text for people: tables aligned in columns, in colour and cut to the window on a terminal.

In a pipe all rows are written, one a line, columns two blanks apart, so that ``grep`` and
``column`` work; machines should ask for ``--json`` or ``-o``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from mlang.errors import MError
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.related import related_kind
from mlang.values.thunk import force

#: Rows that a terminal shows; the rest is counted.
TERMINAL_ROWS = 50
CELL_WIDTH = 60
_OPAQUE = {
    "list": "[List]",
    "record": "[Record]",
    "table": "[Table]",
    "function": "[Function]",
    "type": "[Type]",
}
_RIGHT = frozenset(("number", "duration"))


def cell_text(cell: Any) -> str:
    """A cell as the editor's grid shows it: null, structured values by their kind, errors as Error."""
    related = related_kind(cell)  # shown without asking for the rows
    if related is not None:
        return _OPAQUE[related]
    try:
        value = strip(force(cell))
    except MError:
        return "Error"
    if value is None:
        return "null"
    if value.__class__ is str:
        return value.replace("\r", "␍").replace("\n", "␊").replace("\t", "␉")
    kind = kind_of(value)
    return _OPAQUE.get(kind) or plain_text(value, kind)


def plain_text(value: Any, kind: str) -> str:
    """A scalar as invariant text: numbers shortest, dates and times ISO 8601, binary by its length."""
    if kind == "number":
        from mlang.values.show import number_text

        return number_text(value)
    if kind == "logical":
        return "true" if value else "false"
    if kind == "binary":
        from mlang.values.binary import length

        return f"[Binary {length(value)} bytes]"
    return temporal_text(value, kind)


def temporal_text(value: Any, kind: str) -> str:
    """ISO 8601 for dates and times; durations as d.hh:mm:ss."""
    date = "{:04d}-{:02d}-{:02d}".format(*value.ymd) if kind.startswith("date") else ""
    if kind == "date":
        return date
    if kind == "duration":
        days, hours, minutes, seconds, ticks = (abs(p) for p in value.parts)
        sign = "-" if value.ticks < 0 else ""
        return f"{sign}{days}.{hours:02d}:{minutes:02d}:{seconds:02d}{_fraction(ticks)}"
    clock = f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}{_fraction(value.fraction)}"
    if kind == "time":
        return clock
    if kind == "datetime":
        return f"{date}T{clock}"
    sign, offset = ("-", -value.offset) if value.offset < 0 else ("+", value.offset)
    return f"{date}T{clock}{sign}{offset // 60:02d}:{offset % 60:02d}"


def _fraction(ticks: int) -> str:
    return f".{ticks:07d}".rstrip("0") if ticks else ""


# ---------------------------------------------------------------- tables


def print_table(table: Any, rows: int | None = None) -> None:
    """A table on stdout; ``rows`` limits a terminal (None: the usual number), a pipe gets all."""
    if sys.stdout.isatty():
        _on_terminal(table, TERMINAL_ROWS if rows is None else rows)
        return
    for line in lines(table, rows):
        print(line)


def lines(table: Any, limit: int | None = None) -> Iterator[str]:
    """The aligned lines of a table: names, a rule, the rows."""
    names = list(table.names)
    kinds = [t.kind for t in table.type.types]
    chunk: list[list[str]] = []
    widths: list[int] | None = None
    for count, row in enumerate(table.rows(limit)):
        if limit is not None and count >= limit:
            break
        chunk.append([cell_text(c) for c in row])
        if len(chunk) == 1000:  # widths are settled by the first thousand rows: the rest streams
            widths = yield from _chunk(names, kinds, chunk, widths)
            chunk = []
    if chunk or widths is None:
        yield from _chunk(names, kinds, chunk, widths)


def _chunk(names: list[str], kinds: list[str], rows: list[list[str]], widths: list[int] | None) -> Any:
    if widths is None:
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        widths = [
            min(CELL_WIDTH, max([len(n), *(len(c) for c in cells)]))
            for n, cells in zip(names, columns, strict=True)
        ]
        yield "  ".join(n.ljust(w) for n, w in zip(names, widths, strict=True)).rstrip()
        yield "  ".join("-" * w for w in widths)
    for row in rows:
        cells = [
            c.rjust(w) if k in _RIGHT else c.ljust(w) for c, w, k in zip(row, widths, kinds, strict=True)
        ]
        yield "  ".join(cells).rstrip()
    return widths


def _on_terminal(table: Any, limit: int) -> None:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    names, kinds = list(table.names), [t.kind for t in table.type.types]
    rows = [[cell_text(c) for c in row] for _, row in zip(range(limit + 1), table.rows(limit + 1))]
    more = len(rows) > limit
    del rows[limit:]
    console = Console(highlight=False)
    for group in _fitting(names, rows, console.width):
        grid = Grid(header_style="bold", show_edge=False)
        for i in group:
            side: Any = "right" if kinds[i] in _RIGHT else "left"
            grid.add_column(Text(names[i]), justify=side, overflow="ellipsis")
        for row in rows:
            grid.add_row(*(Text(row[i], _CELL_STYLES.get(row[i], "")) for i in group))
        console.print(grid)
    word = " rows shown, there are more" if more else _rows_word(len(rows))
    console.print(f"[dim]{len(rows)}{word}[/dim]")


_CELL_STYLES = {"null": "dim italic", "Error": "red"}


def _fitting(names: list[str], rows: list[list[str]], width: int) -> Iterator[list[int]]:
    """The columns in groups that fit beside each other: a wide table is shown in several parts."""
    group: list[int] = []
    used = 0
    for index, name in enumerate(names):
        needs = min(CELL_WIDTH, max([len(name), *(len(r[index]) for r in rows)])) + 3
        if group and used + needs > width:
            yield group
            group, used = [], 0
        group.append(index)
        used += needs
    yield group


def _rows_word(count: int) -> str:
    return " row" if count == 1 else " rows"


# ---------------------------------------------------------------- listings


def grid_lines(names: list[str], rows: list[list[str]], right: frozenset[int] = frozenset()) -> Iterator[str]:
    """Aligned plain lines of a small listing (staged tables, runs)."""
    widths = [max([len(n), *(len(r[i]) for r in rows)]) for i, n in enumerate(names)]
    yield "  ".join(
        n.rjust(w) if i in right else n.ljust(w) for i, (n, w) in enumerate(zip(names, widths))
    ).rstrip()
    for row in rows:
        cells = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))]
        yield "  ".join(cells).rstrip()


def print_grid(
    names: list[str], rows: list[list[str]], right: frozenset[int] = frozenset(), err: bool = False
) -> None:
    """A listing on stdout or stderr: with rich on a terminal, plain lines in a pipe."""
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty():
        for line in grid_lines(names, rows, right):
            print(line, file=stream)
        return
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(header_style="bold", show_edge=False)
    for index, name in enumerate(names):
        grid.add_column(Text(name), justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(c, _STYLES.get(c, "")) for c in row))
    Console(file=stream, highlight=False).print(grid)


_STYLES = {"Completed": "green", "Failed": "red", "Skipped": "yellow", "Cancelled": "yellow"}
