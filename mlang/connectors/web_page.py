"""Web.Page: the tables of an HTML text, and the document as a tree.

Each ``table`` element is a row with its caption, class, id and cells; the last row is the
document itself, as nested tables of Kind, Name, Children and Text.  The page is read as it
stands: no script runs.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.connectors.html import Page
from mlang.registry import builtin
from mlang.tables.plan import Values
from mlang.tables.table import Table, from_columns
from mlang.values.thunk import Thunk
from mlang.values.types import TABLE, TEXT, nullable, table_type

_OPTIONAL = nullable(TEXT)
_PAGE = table_type(
    ["Caption", "Source", "ClassName", "Id", "Data"], [_OPTIONAL, TEXT, _OPTIONAL, _OPTIONAL, TABLE]
)
_TREE = table_type(["Kind", "Name", "Children", "Text"], [TEXT, _OPTIONAL, nullable(TABLE), _OPTIONAL])
_SPAN_LIMIT = 1000
#: Cells may stand in so many more places than one each.
_MOST_SPANNED = 10_000_000


@builtin("Web.Page(html as any) as table", missing="what scripts would add to the page")
def page(source: Any) -> Table:
    """Lists the tables of HTML text or binary with Caption, Source, ClassName, Id and Data.

    The last row is the whole document: nested tables with Kind, Name, Children and Text.
    """
    document = Page(source, "Web.Page")
    rows: list[tuple[Any, ...]] = []
    for node in document.find("table"):
        caption = next((text(n) for n in _own(node, "caption")), None)
        names = node.attributes
        rows.append((caption, "Table", names.get("class"), names.get("id"), _data(node)))
    root = document.root
    tree = Thunk(lambda: _nodes([root] if root is not None else []))
    rows.append(("Document", "Service", None, None, tree))
    return Table(Values(_PAGE, [list(column) for column in zip(*rows, strict=True)], len(rows)))


# ---------------------------------------------------------------- tables


def _data(node: Any) -> Thunk:
    return Thunk(lambda: _grid(node))


def text(node: Any) -> str:
    """Text as it shows: runs of white space are one blank, line breaks stay."""
    parts: list[str] = []
    for inner in node.traverse(include_text=True):
        if inner.is_text_node:
            parts.append(" ".join(f"|{inner.text_content or ''}|".split())[1:-1])
        elif inner.tag == "br":
            parts.append("\n")
    lines = "".join(parts).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines).strip()


def _own(table: Any, *tags: str) -> list[Any]:
    """The elements of these kinds that belong to a table and not to one inside it."""
    return [n for n in table.css(", ".join(tags)) if _table_of(n) == table.mem_id]


def _table_of(node: Any) -> int | None:
    above = node.parent
    while above is not None and above.tag != "table":
        above = above.parent
    return above.mem_id if above is not None else None


def _grid(node: Any) -> Table:
    """The cells of a table element; a cell that spans several places stands in each of them."""
    lines = [[n for n in row.iter() if n.tag in ("td", "th")] for row in _own(node, "tr")]
    heads = _header_rows(node, lines)
    grid = _spanned(lines)
    width = max((len(row) for row in grid), default=0)
    grid = [row + [None] * (width - len(row)) for row in grid]
    names = [f"Column{i + 1}" for i in range(width)]
    if heads:
        names = _names(
            [" ".join(dict.fromkeys(filter(None, column))) for column in zip(*grid[:heads], strict=True)]
        )
    body = grid[heads:]
    return from_columns(names, [[row[i] for row in body] for i in range(width)], [_OPTIONAL] * width)


def _header_rows(node: Any, lines: list[list[Any]]) -> int:
    """How many rows at the top name the columns: those of thead, else leading rows of th only."""
    heads = [row for row in _own(node, "tr") if row.parent is not None and row.parent.tag == "thead"]
    if heads:
        return len(heads)
    count = 0
    for line in lines:
        if not line or any(cell.tag != "th" for cell in line):
            break
        count += 1
    return count if count < len(lines) else 0


def _spanned(lines: list[list[Any]]) -> list[list[str | None]]:
    """Texts by row and column, spans filled."""
    grid: list[dict[int, str]] = [{} for _ in lines]
    spanned = 0
    for y, line in enumerate(lines):
        x = 0
        for cell in line:
            while x in grid[y]:
                x += 1
            value = text(cell)
            wide, high = _span(cell, "colspan"), _span(cell, "rowspan")
            spanned += wide * min(high, len(grid) - y) - 1
            if spanned > _MOST_SPANNED:
                raise errors.not_supported("Web.Page", "a table whose cells span so many places")
            for row in grid[y : y + high]:
                row.update(dict.fromkeys(range(x, x + wide), value))
            x += wide
    return [[row.get(i) for i in range(max(row, default=-1) + 1)] for row in grid]


def _span(cell: Any, name: str) -> int:
    value = (cell.attributes.get(name) or "").strip()
    return min(max(int(value), 1), _SPAN_LIMIT) if value.isascii() and value.isdigit() else 1


def _names(wanted: list[str]) -> list[str]:
    """Distinct names: the second of a name gets a 2 behind it, the third a 3."""
    taken: set[str] = set()
    names = []
    for name in wanted:
        number, candidate = 1, name
        while candidate in taken:
            number += 1
            candidate = f"{name}{number}"
        taken.add(candidate)
        names.append(candidate)
    return names


# ---------------------------------------------------------------- the document


def _nodes(nodes: list[Any]) -> Table:
    rows = [_node(node) for node in nodes]
    columns = [[row[i] for row in rows] for i in range(4)]
    return Table(Values(_TREE, columns, len(rows)))


def _node(node: Any) -> tuple[Any, ...]:
    if node.is_text_node:
        return ("Text", None, None, node.text_content)
    return ("Element", node.tag.upper(), Thunk(lambda: _nodes(_children(node))), None)


def _children(node: Any) -> list[Any]:
    return [
        n
        for n in node.iter(include_text=True)
        if n.is_element_node or (n.is_text_node and (n.text_content or "").strip())
    ]
