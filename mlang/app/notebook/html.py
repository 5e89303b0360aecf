"""Values and plans as HTML for notebooks: tables as grids with the types of their columns, plans as pictures.

Only the first rows are read; how many more there are is not counted, since that would run the whole query.
"""

from __future__ import annotations

from html import escape
from typing import Any

from mlang.app.render import cell_text
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.show import type_text

#: Rows, items or fields that are drawn.
ROWS = 50
_LEFT, _RIGHT = "left", "right"
_STYLES = {"null": "color:#888;font-style:italic", "Error": "color:#c00;font-weight:bold"}


def value_html(value: Any, rows: int = ROWS) -> str | None:
    """A table, list or record as an HTML grid; None for what is better read as text."""
    bare = strip(value)
    kind = kind_of(bare)
    if kind == "table":
        return table_html(bare, rows)
    if kind == "record":
        pairs = [[name, cell_text(cell)] for name, cell in list(bare.items())[: rows + 1]]
        return _grid([("Name", "", _LEFT), ("Value", "", _LEFT)], pairs, rows)
    if kind == "list":
        items = [[str(place), cell_text(cell)] for place, cell in zip(range(rows + 1), bare)]
        return _grid([("", "", _RIGHT), ("Value", "", _LEFT)], items, rows)
    return None


def table_html(table: Any, rows: int = ROWS) -> str:
    """The first rows of a table under its column names and types."""
    columns = [
        (name, type_text(type, True), _RIGHT if type.kind in ("number", "duration") else _LEFT)
        for name, type in zip(table.type.names, table.type.types, strict=True)
    ]
    cells = [[cell_text(c) for c in row] for _, row in zip(range(rows + 1), table.rows(rows + 1))]
    return _grid(columns, cells, rows)


class Explained:
    """What `mlang.explain` gives, with a picture of the plan; steps by name or position as there."""

    def __init__(self, steps: Any, tree: Any) -> None:
        self.steps, self.tree = steps, tree

    def __getitem__(self, name: str | int) -> Any:
        return self.steps[name]

    def __repr__(self) -> str:
        return str(self.steps)

    def _repr_html_(self) -> str:
        return plan_html(list(self.steps), self.tree)


def plan_html(steps: list[Any], tree: Any) -> str:
    """The page of ``planpage.py`` in a frame, so that its styles and the notebook's stay apart."""
    from mlang.app.planpage import html

    depth = 0 if tree is None else max(node.id.count(".") + 1 for node in tree.walk())
    height = min(240 + 110 * depth + 40 * len(steps), 900)
    page = escape(html("Plan", steps, tree), quote=True)
    return f'<iframe title="Plan" srcdoc="{page}" style="width:100%;height:{height}px;border:0"></iframe>'


def _grid(columns: list[tuple[str, str, str]], rows: list[list[str]], limit: int) -> str:
    more = len(rows) > limit
    rows = rows[:limit]
    head = "".join(
        f'<th style="text-align:{side}">{escape(name)}{_small(about)}</th>' for name, about, side in columns
    )
    body = "".join(
        "<tr>" + "".join(_cell(c, side) for c, (_, _, side) in zip(row, columns, strict=True)) + "</tr>"
        for row in rows
    )
    count = f"first {limit}, there are more" if more else str(len(rows))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><small>Rows: {count}</small>"


def _small(text: str) -> str:
    return f'<br><small style="font-weight:normal;color:#666">{escape(text)}</small>' if text else ""


def _cell(text: str, side: str) -> str:
    style = _STYLES.get(text, "")
    return f'<td style="text-align:{side};{style}">{escape(text)}</td>'
