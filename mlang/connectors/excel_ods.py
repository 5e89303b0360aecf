"""Error cells of OpenDocument spreadsheets, which the calamine reader turns into 0 or nothing.

LibreOffice marks them (``calcext:value-type="error"``); Excel writes a formula whose value is 0 and
whose shown text is the error.  Rows and cells may stand for several (``…-repeated``).
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any
from xml.etree import ElementTree

from mlang import errors
from mlang.connectors.excel_file import BROKEN_ZIP

_ERROR = re.compile(r"#(?:NULL!|DIV/0!|VALUE!|REF!|NAME\?|NUM!|N/A|GETTING_DATA)|Err:\d+")
_MARKED = re.compile(rb'value-type="error"|>(?:#[A-Z][A-Z/0_]+[!?]?|Err:\d+)<')
#: So many error cells are no spreadsheet.
_MOST = 2_000_000

Places = dict[tuple[int, int], Any]


def ods_errors(data: bytes) -> dict[str, Places]:
    """Sheet name -> (row, column) -> error."""
    if not data.startswith(b"PK"):
        return {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            content = file.read("content.xml")
    except KeyError:
        return {}
    except BROKEN_ZIP:
        raise errors.not_a_workbook() from None
    if not _MARKED.search(content):
        return {}
    try:
        return _sheets(content)
    except (ElementTree.ParseError, ValueError):
        raise errors.not_a_workbook() from None


def _sheets(content: bytes) -> dict[str, Places]:
    found: dict[str, Places] = {}
    sheet: Places = {}
    row = 0
    cells: list[tuple[int, int, Any]] = []  # column, how many, error; of the row being read
    column = 0
    for event, element in ElementTree.iterparse(io.BytesIO(content), ("start", "end")):
        tag = element.tag.rpartition("}")[2]
        if event == "start":
            if tag == "table":
                sheet = found[_attribute(element, "name")] = {}
                row = 0
            elif tag == "table-row":
                cells, column = [], 0
        elif tag in ("table-cell", "covered-table-cell"):
            count = int(_attribute(element, "number-columns-repeated") or 1)
            failure = _failure(element)
            if failure is not None:
                cells.append((column, count, failure))
            column += count
            element.clear()
        elif tag == "table-row":
            count = int(_attribute(element, "number-rows-repeated") or 1)
            _put(sheet, row, count, cells)
            row += count
            element.clear()
    return {name: places for name, places in found.items() if places}


def _put(sheet: Places, row: int, rows: int, cells: list[tuple[int, int, Any]]) -> None:
    if rows * sum(count for _, count, _ in cells) > _MOST:
        raise errors.not_a_workbook()
    for column, count, failure in cells:
        for r in range(row, row + rows):
            for c in range(column, column + count):
                sheet[r, c] = failure


def _attribute(element: Any, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def _failure(cell: Any) -> Any:
    """The error of a cell; None when it has a value."""
    kinds = [value for key, value in cell.attrib.items() if key.rpartition("}")[2] == "value-type"]
    shown = "".join("".join(p.itertext()) for p in cell if p.tag.rpartition("}")[2] == "p")
    known = _ERROR.fullmatch(shown) is not None
    if "error" in kinds:
        return errors.invalid_cell(shown if known else "#VALUE!")
    zero = "float" in kinds and _attribute(cell, "value") == "0"
    return errors.invalid_cell(shown) if known and zero and _attribute(cell, "formula") else None
