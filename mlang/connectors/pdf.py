"""Pdf.Tables: the tables of a PDF file, and its pages.

Tables are found by their lines (pdfplumber), or by text that stands in columns (``pdf_text.py``); a
table that goes on at the top of the next page with the same columns is one table, unless
MultiPageTables is false.  After the tables each page
is listed as a whole: one row per line of text, columns where no line has text (``pdf_page.py``).
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from typing import Any

from mlang import errors
from mlang.connectors.extras import need
from mlang.connectors.limits import check_deflated_streams
from mlang.connectors.pdf_page import page_grid
from mlang.connectors.pdf_text import text_tables
from mlang.library.arguments import as_int, of_kind, options
from mlang.registry import builtin
from mlang.tables.plan import Rows
from mlang.tables.table import Table, from_columns
from mlang.values import binary
from mlang.values.types import TABLE, TEXT, TableType, nullable, table_type

_OPTIONS: dict[str, Any] = {
    "Implementation": None, "StartPage": None, "EndPage": None, "MultiPageTables": None,
    "EnforceBorderLines": None,
}  # fmt: skip
_VERSIONS = ("1.1", "1.2", "1.3")
#: How far (in points) the column borders of two parts of a table may lie apart.
_NEAR = 3.0

#: What a broken file raises somewhere inside the parser, besides the parser's own errors.
_BROKEN = (AssertionError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)

Grid = list[list[str | None]]


@builtin("Pdf.Tables(pdf as binary, optional options as nullable record) as table")
def tables(source: Any, option: dict[str, Any] | None = None) -> Table:
    """Lists the tables and the pages of a PDF file with Id, Name, Kind and Data.

    Options: StartPage and EndPage choose pages; MultiPageTables (true) joins tables that go on on
    the next page; EnforceBorderLines takes lines as borders only where they are drawn;
    Implementation names a version ("1.1", "1.2", "1.3"), all of which do the same here.
    """
    chosen = options(option, "Pdf.Tables", _OPTIONS)
    version = chosen["Implementation"]
    if version is not None and of_kind(version, "text") not in _VERSIONS:
        raise errors.argument_out_of_range("Implementation", version)
    first, last = (_page_number(chosen[name], name) for name in ("StartPage", "EndPage"))
    joined = chosen["MultiPageTables"] is None or of_kind(chosen["MultiPageTables"], "logical")
    strict = chosen["EnforceBorderLines"] is not None and of_kind(chosen["EnforceBorderLines"], "logical")
    schema = table_type(["Id", "Name", "Kind", "Data"], [TEXT, TEXT, TEXT, TABLE])
    schema = TableType(schema.row, ((("Id",), True),))
    return Table(Rows(schema, lambda: _listing(source, first or 1, last, joined, strict), "Pdf.Tables"))


def _page_number(value: Any, name: str) -> int | None:
    if value is None:
        return None
    number = as_int(of_kind(value, "number"))
    if number < 1:
        raise errors.argument_out_of_range(name, value)
    return number


class Found:
    """A table on one page or several: its rows and where its columns begin and end."""

    __slots__ = ("borders", "first", "grid", "last")

    def __init__(self, page: int, grid: Grid, borders: list[float]) -> None:
        self.first = self.last = page
        self.grid, self.borders = grid, borders

    def goes_on(self, other: Found) -> bool:
        """Whether another table is the rest of this one."""
        return (
            other.first == self.last + 1
            and len(self.borders) == len(other.borders)
            and all(abs(a - b) <= _NEAR for a, b in zip(self.borders, other.borders, strict=True))
        )


def _listing(
    source: Any, first: int, last: int | None, joined: bool, strict: bool
) -> Iterator[tuple[Any, ...]]:
    pages, found = _read(source, first, last, strict)
    if joined:
        found = _joined(found)
    for number, table in enumerate(found, 1):
        where = f"Page {table.first}" if table.first == table.last else f"Page {table.first}-{table.last}"
        name = f"Table{number:03d}"
        yield name, f"{name} ({where})", "Table", _data(table.grid)
    for number, grid in pages:
        name = f"Page{number:03d}"
        yield name, name, "Page", _data(grid)


def _joined(found: list[Found]) -> list[Found]:
    """Tables that go on on the next page, put together: the last of a page with the first of the next."""
    out: list[Found] = []
    for index, table in enumerate(found):
        is_first = index == 0 or found[index - 1].first != table.first
        if out and is_first and out[-1].goes_on(table):
            out[-1].grid.extend(table.grid)
            out[-1].last = table.last
        else:
            out.append(table)
    return out


def _read(
    source: Any, first: int, last: int | None, strict: bool
) -> tuple[list[tuple[int, Grid]], list[Found]]:
    """The pages' texts and the tables on them."""
    plumber = need("pdfplumber", "Pdf.Tables", "pdf")
    need("pdfminer", "Pdf.Tables", "pdf")
    from pdfminer.pdfexceptions import PDFException
    from pdfminer.psexceptions import PSException
    from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException

    data = binary.content(source)
    if b"%PDF-" not in data[:1024]:
        raise errors.not_a_document("PDF", "the header is missing")
    check_deflated_streams(data)
    pages: list[tuple[int, Grid]] = []
    found: list[Found] = []
    try:
        with _Losses() as losses, plumber.open(io.BytesIO(data)) as file:
            for page in file.pages[first - 1 : last]:
                words = page.extract_words(keep_blank_chars=False)
                pages.append((page.page_number, page_grid(words)))
                found.extend(_tables(page, words, strict))
                page.close()
                if losses.lost:
                    raise errors.not_a_document("PDF", "packed data is damaged")
    except (PDFException, PSException, PdfminerException, MalformedPDFException, *_BROKEN) as error:
        raise errors.not_a_document("PDF", type(error).__name__) from None
    return pages, found


class _Losses(logging.Handler):
    """Hears when pdfminer goes on without data that it could not unpack, and keeps its remarks from the console."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lost = False
        self._thread = threading.get_ident()
        self._logger = logging.getLogger("pdfminer")

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and record.getMessage().startswith("Data-loss"):
            self.lost = True

    def __enter__(self) -> _Losses:
        self._logger.addHandler(self)
        return self

    def __exit__(self, *failure: object) -> None:
        self._logger.removeHandler(self)


def _tables(page: Any, words: list[dict[str, Any]], strict: bool) -> list[Found]:
    """The tables of a page from top to bottom: those with lines, and lines of text that look like one."""
    how = "lines_strict" if strict else "lines"
    settings = {"vertical_strategy": how, "horizontal_strategy": how}
    placed: list[tuple[float, float, Found]] = []
    boxes: list[tuple[float, ...]] = []
    for table in page.find_tables(settings):
        grid = [[cell or None for cell in row] for row in table.extract()]
        if len(grid) < 2 and max(map(len, grid), default=0) < 2:
            continue  # a frame around something
        edges = {round(edge, 1) for cell in table.cells for edge in (cell[0], cell[2])}
        boxes.append(table.bbox)
        placed.append((table.bbox[1], table.bbox[0], Found(page.page_number, grid, sorted(edges))))
    for cells, (box, columns) in text_tables(words, boxes):
        borders = [edge for column in columns for edge in column]
        placed.append((box[1], box[0], Found(page.page_number, cells, borders)))
    placed.sort(key=lambda part: part[:2])
    return [part for _, _, part in placed]


def _data(grid: Grid) -> Table:
    width = max((len(row) for row in grid), default=0)
    rows = [row + [None] * (width - len(row)) for row in grid]
    names = [f"Column{i + 1}" for i in range(width)]
    return from_columns(names, [[row[i] for row in rows] for i in range(width)], [nullable(TEXT)] * width)
