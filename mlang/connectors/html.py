"""Html.Table: a table out of HTML by CSS selectors.

The text is parsed as browsers do (selectolax, lexbor engine); no script runs.  Selectors are
matched against the whole document.  What a column's selector finds belongs to the row that
starts last at or before it, so a cell may stand beside its row's element as well as inside;
the first find in a row is the cell, none gives null (DAT-13, DAT-14).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.connectors.extras import need
from mlang.library.arguments import of_kind, options
from mlang.registry import builtin
from mlang.tables import schema as schemas
from mlang.tables.plan import Values
from mlang.tables.table import Table
from mlang.values import binary, encodings
from mlang.values.functions import bind
from mlang.values.kinds import kind_of
from mlang.values.thunk import Thunk
from mlang.values.types import ANY, TEXT, nullable, table_type

_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]+)""", re.I)
_HEAD = 4096


@builtin(
    "Html.Table(html as any, columnNameSelectorPairs as list, optional options as nullable record) as table"
)
def table(source: Any, pairs: Any, option: dict[str, Any] | None = None) -> Table:
    """Makes a table of what CSS selectors find in HTML text or binary.

    Each column is a list of a name, a selector and perhaps a function of a record with TagName,
    TextContent and Attributes of the element that was found; without a function the cell is the
    element's text.  The option RowSelector finds the rows, and must be there for several columns.
    """
    chosen = options(option, "Html.Table", {"RowSelector": None})
    columns = [_column(pair) for pair in pairs]
    schemas.unique([name for name, _, _ in columns])
    row_selector = chosen["RowSelector"]
    if row_selector is not None:
        row_selector = of_kind(row_selector, "text")
    elif len(columns) > 1:
        raise errors.row_selector_required()
    page = Page(source, "Html.Table")
    found = [page.find(selector) for _, selector, _ in columns]
    if row_selector is None:
        cells = found
        height = len(found[0]) if found else 0
    else:
        rows = page.find(row_selector)
        starts = [page.position(row) for row in rows]
        height = len(rows)
        cells = [_first_of_rows(page, nodes, starts) for nodes in found]
    values = [
        [None if node is None else _cell(node, function) for node in nodes]
        for nodes, (_, _, function) in zip(cells, columns, strict=True)
    ]
    types = [nullable(TEXT if function is None else ANY) for _, _, function in columns]
    return Table(Values(table_type([name for name, _, _ in columns], types), values, height))


def _column(pair: Any) -> tuple[str, str, Callable[[Any], Any] | None]:
    parts = list(of_kind(pair, "list"))
    if not 2 <= len(parts) <= 3:
        raise errors.bad_selector_pair(pair)
    function = bind(of_kind(parts[2], "function"), 1) if len(parts) == 3 else None
    return of_kind(parts[0], "text"), of_kind(parts[1], "text"), function


def _first_of_rows(page: Page, nodes: list[Any], starts: list[int]) -> list[Any]:
    """The first node of each row; rows begin at ``starts`` and end where the next begins."""
    firsts: list[Any] = [None] * len(starts)
    for node in nodes:
        row = bisect_right(starts, page.position(node)) - 1
        if row >= 0 and firsts[row] is None:
            firsts[row] = node
    return firsts


def _cell(node: Any, function: Callable[[Any], Any] | None) -> Any:
    if function is None:
        return text_of(node)
    return Thunk(lambda: function(element_record(node)))


def element_record(node: Any) -> dict[str, Any]:
    """What a column's function sees of an element."""
    return {
        "TagName": node.tag.upper(),
        "TextContent": text_of(node),
        "Attributes": {name: value or "" for name, value in node.attributes.items()},
    }


def text_of(node: Any) -> str:
    """All text inside an element, as it stands."""
    return str(node.text(deep=True))


class Page:
    """Parsed HTML."""

    def __init__(self, source: Any, function: str) -> None:
        lexbor = need("selectolax.lexbor", function, "html")
        self._failure = lexbor.SelectolaxError
        self._tree = lexbor.LexborHTMLParser(html_text(source))
        self._order: dict[int, int] | None = None

    @property
    def root(self) -> Any:
        """The html element."""
        return self._tree.root

    def find(self, selector: str) -> list[Any]:
        """The elements that a selector matches, in document order."""
        if not selector.strip():
            raise errors.bad_css_selector(selector)
        try:
            return list(self._tree.css(selector))
        except self._failure:
            raise errors.bad_css_selector(selector) from None

    def position(self, node: Any) -> int:
        """Where an element begins, counted in elements."""
        if self._order is None:
            self._order = {n.mem_id: i for i, n in enumerate(self.root.traverse())}
        return self._order[node.mem_id]


def html_text(source: Any) -> str:
    """HTML text from text or binary: a byte order mark or the page's own charset wins over UTF-8."""
    if source.__class__ is str:
        return source
    if kind_of(source) != "binary":
        raise errors.cannot_convert(source, "Binary")
    data = binary.content(source)
    marked, skip = encodings.mark_of(data[:4])
    if marked is not None:
        return data[skip:].decode(marked, "replace")
    declared = _CHARSET.search(data[:_HEAD])
    if declared:
        try:
            return data.decode(declared[1].decode("ascii"), "replace")
        except LookupError:
            pass  # a charset that nobody knows: browsers go on with their default
    return data.decode("utf-8", "replace")
