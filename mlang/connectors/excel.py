"""Excel.Workbook: sheets, tables and defined names of a workbook.

Cells: numbers are doubles, dates and times datetimes (a time of day counts from
1899-12-31, where Excel's serial numbers begin), empty cells null, error cells errors
(ENV-46, ENV-47).  A sheet's table covers the area that the file says is used, or the cells
that have something when that reaches further.  Nothing of a sheet is read before its Data is.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from mlang import errors
from mlang.connectors.excel_binary import error_cells
from mlang.connectors.excel_file import Area, OpenXml, check_area, check_cells, dimension_of, odd_cells
from mlang.connectors.excel_names import defined_names
from mlang.connectors.excel_ods import ods_errors
from mlang.connectors.file import os_error
from mlang.connectors.limits import check_zip
from mlang.library.arguments import of_kind, options
from mlang.registry import builtin, value_of
from mlang.session import current
from mlang.tables.plan import Values
from mlang.tables.table import Table, from_columns
from mlang.values import binary
from mlang.values.kinds import kind_of
from mlang.values.temporal import DAY, SECOND, DateTime, days_of
from mlang.values.thunk import Thunk, failed
from mlang.values.types import ANY, LOGICAL, TABLE, TEXT, MType, TableType, nullable, primitive, table_type

_OPTIONS: dict[str, Any] = {"UseHeaders": None, "DelayTypes": None, "InferSheetDimensions": None}
#: Serial 0 for times of day, and the base for serials from 60 on (Excel knows a 1900-02-29).
_DAY_ZERO = days_of(1899, 12, 31)
_LAST_SERIAL = 2_958_465


@builtin(
    "Excel.Workbook(workbook as binary, optional useHeaders as any, optional delayTypes as nullable logical) "
    "as table"
)
def workbook(source: Any, use_headers: Any = None, delay_types: Any = None) -> Table:
    """Lists the sheets, tables and named ranges of an Excel workbook, each with its cells in Data.

    Workbooks are those of Excel (xlsx, xlsm, xlsb, xls) and OpenDocument (ods); only the first two list
    tables, as in the engine, which reads others through the Access database engine.  With useHeaders
    the first row of a sheet names its columns; unless delayTypes is true a column whose cells are all of
    one kind gets that type.  The second argument may be a record with UseHeaders, DelayTypes and
    InferSheetDimensions.
    """
    if kind_of(use_headers) == "record":
        chosen = options(use_headers, "Excel.Workbook", _OPTIONS)
        if delay_types is not None:
            raise errors.excel_options_twice()
    else:
        chosen = {**_OPTIONS, "UseHeaders": use_headers, "DelayTypes": delay_types}
    flags = {name: value is not None and of_kind(value, "logical") for name, value in chosen.items()}
    return Workbook(source, flags).listing()


def _reading(read: Callable[[], Any]) -> Any:
    """What the calamine reader gives; a damaged file is no workbook, even where the reader gives up in panic."""
    import python_calamine as calamine

    try:
        return read()
    except (calamine.CalamineError, OSError, ValueError):
        raise errors.not_a_workbook() from None
    except BaseException as failure:
        if type(failure).__name__ != "PanicException":  # of the reader's own language: no Exception here
            raise
        raise errors.not_a_workbook() from None


class Workbook:
    """An opened workbook; sheets are read once, when the first Data that needs them is."""

    def __init__(self, source: Any, flags: dict[str, bool]) -> None:
        import python_calamine as calamine

        self._flags = flags
        data = binary.content(source)
        check_zip(data)
        is_zip = data.startswith(b"PK") and b"xl/workbook.xml" in data
        self._errors = {} if is_zip else error_cells(data) or ods_errors(data)
        self._book = _reading(lambda: calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)))
        self._xml = OpenXml(data) if is_zip else None
        self._names = partial(defined_names, data)
        self._sheets: dict[str, Sheet] = {}

    def listing(self) -> Table:
        """The navigation table (DAT-15)."""
        import python_calamine as calamine

        rows: list[tuple[Any, ...]] = []
        for meta in self._book.sheets_metadata:
            if meta.typ == calamine.SheetTypeEnum.WorkSheet:
                hidden = meta.visible != calamine.SheetVisibleEnum.Visible
                rows.append((meta.name, self._sheet_data(meta.name), meta.name, "Sheet", hidden))
        for part in self._xml.tables() if self._xml else ():
            data = self._area_data(part.sheet, part.area, part.columns)
            rows.append((part.name, data, part.name, "Table", False))
        for name in self._xml.defined_names() if self._xml else self._names():
            data = self._area_data(name.sheet, name.area, None)
            rows.append((name.name, data, name.item, "DefinedName", name.hidden))
        schema = table_type(["Name", "Data", "Item", "Kind", "Hidden"], [TEXT, TABLE, TEXT, TEXT, LOGICAL])
        schema = TableType(schema.row, ((("Item", "Kind"), True),))
        columns = [[row[i] for row in rows] for i in range(5)]
        return Table(Values(schema, columns, len(rows)))

    def current(self) -> Table:
        """Tables and named ranges as Content and Name: what the workbook's own queries see (DAT-17)."""
        if self._xml is None:
            raise errors.not_supported("Excel.CurrentWorkbook", "a workbook other than .xlsx and .xlsm")
        found = [(t.name, self._area_data(t.sheet, t.area, t.columns)) for t in self._xml.tables()]
        for name in self._xml.defined_names():
            shown = name.item.replace("_xlnm.", "")
            found.append((shown, self._area_data(name.sheet, name.area, None)))
        schema = table_type(["Content", "Name"], [TABLE, TEXT])
        return Table(Values(schema, [[data for _, data in found], [name for name, _ in found]], len(found)))

    def _sheet_data(self, name: str) -> Thunk:
        return Thunk(lambda: self._table(self._sheet(name).area, name, None))

    def _area_data(self, sheet: str, area: Area, names: list[str] | None) -> Thunk:
        return Thunk(lambda: self._table(area, sheet, names))

    def _sheet(self, name: str) -> Sheet:
        if name not in self._sheets:
            xml = self._xml.sheet_xml(name) if self._xml else b""
            odd = odd_cells(xml) if self._xml else self._errors.get(name, {})
            self._sheets[name] = Sheet(self._book, name, xml, odd, self._flags["InferSheetDimensions"])
        return self._sheets[name]

    def _table(self, area: Area | None, sheet: str, names: list[str] | None) -> Table:
        if area is None:
            return from_columns([], [])
        check_cells(area)
        columns = self._sheet(sheet).columns(area)
        height = max(0, area[2] - area[0] + 1)
        if names is None:
            names = [f"Column{i + 1}" for i in range(len(columns))]
            if self._flags["UseHeaders"] and height:
                names = _promoted(names, [column[0] for column in columns])
                columns = [column[1:] for column in columns]
                height -= 1
        types = [ANY if self._flags["DelayTypes"] else _inferred(column) for column in columns]
        return Table(Values(table_type(names, types), columns, height))


class Sheet:
    """The cells of one sheet: a grid from calamine, with errors and empty texts put back."""

    def __init__(
        self, book: Any, name: str, xml: bytes, odd: dict[tuple[int, int], Any], infer: bool
    ) -> None:
        check_area(xml)
        sheet = _reading(lambda: book.get_sheet_by_name(name))
        self._grid = [_cells(row) for row in _reading(lambda: sheet.to_python(skip_empty_area=True))]
        start: tuple[int, int] = sheet.start or (0, 0)
        self._top: int = start[0]
        self._left: int = start[1]
        self._odd = odd
        found = None
        if self._grid and self._grid[0]:
            bottom, right = self._top + len(self._grid) - 1, self._left + len(self._grid[0]) - 1
            found = (self._top, self._left, bottom, right)
        for row, column in self._odd:
            found = _joined(found, (row, column, row, column))
        claimed = None if infer else dimension_of(xml)
        if claimed is not None and (found is not None or claimed != (0, 0, 0, 0)):
            found = _joined(found, claimed)
        self.area: Area | None = found

    def columns(self, area: Area) -> list[list[Any]]:
        """The cells of an area by column; what lies outside the grid is null."""
        top, left, bottom, right = area
        width = right - left + 1
        out: list[list[Any]] = [[] for _ in range(width)]
        blank = [None] * width
        for row in range(top, bottom + 1):
            index = row - self._top
            cells = blank
            if 0 <= index < len(self._grid):
                grid, shift = self._grid[index], left - self._left
                if shift == 0 and width == len(grid):
                    cells = grid
                else:
                    cells = [grid[i] if 0 <= i < len(grid) else None for i in range(shift, shift + width)]
            for cells_of_column, cell in zip(out, cells, strict=True):
                cells_of_column.append(cell)
        for (row, column), odd in self._odd.items():
            if top <= row <= bottom and left <= column <= right:
                out[column - left][row - top] = odd if odd == "" else failed(odd)
        return out


def _joined(one: Area | None, other: Area) -> Area:
    if one is None:
        return other
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _promoted(names: list[str], header: list[Any]) -> list[str]:
    """Column names from the first row, as Table.PromoteHeaders makes them of all scalars."""
    row = from_columns(names, [[cell] for cell in header])
    promoted = value_of("Table.PromoteHeaders").fn(row, {"PromoteAllScalars": True})
    return list(promoted.names)


def _inferred(column: list[Any]) -> MType:
    """The kind that all cells with a value share, else any."""
    kinds = {kind_of(cell) for cell in column if cell is not None and cell.__class__ is not Thunk}
    if len(kinds) != 1:
        return ANY
    return nullable(primitive(kinds.pop()))


# ---------------------------------------------------------------- cells


def _cells(row: list[Any]) -> list[Any]:
    return [
        cell if cell.__class__ is float else (cell or None) if cell.__class__ is str else _cell(cell)
        for cell in row
    ]


def _cell(cell: Any) -> Any:
    """One calamine value as an M value."""
    if cell is None or cell.__class__ is bool:
        return cell
    if cell.__class__ is int:
        return float(cell)
    if isinstance(cell, datetime):
        return DateTime(_day(cell) * DAY + _clock(cell))
    if isinstance(cell, date):
        return DateTime(_day(cell) * DAY)
    if isinstance(cell, time):
        return DateTime(_DAY_ZERO * DAY + _clock(cell))
    if isinstance(cell, timedelta):
        if not 0 <= cell.days <= _LAST_SERIAL:  # no date: the number of days that the cell holds
            return cell.total_seconds() / 86_400
        zero = _DAY_ZERO if cell.days < 60 else _DAY_ZERO - 1
        return DateTime((zero + cell.days) * DAY + cell.seconds * SECOND + cell.microseconds * 10)
    raise errors.not_supported("Excel.Workbook", f"a cell of type {cell.__class__.__name__}")


def _day(value: date) -> int:
    return value.toordinal() - 1


def _clock(value: datetime | time) -> int:
    return (value.hour * 3600 + value.minute * 60 + value.second) * SECOND + value.microsecond * 10


@builtin(
    "Excel.CurrentWorkbook() as table",
    missing="queries outside a workbook, and those of binary workbooks (.xlsb)",
)
def current_workbook() -> Table:
    """Lists the tables and named ranges of the workbook that the query lives in, as they were last saved.

    There is such a workbook when `mlang` is given an .xlsx or .xlsm file, or a dataflow that was imported from one;
    cells have the type any.
    """
    path = current().workbook
    if path is None:
        raise errors.not_supported("Excel.CurrentWorkbook", "the current workbook")
    path = current().resolve_path(path)  # noted: the query depends on the file
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise os_error(error, path) from None
    book = Workbook(data, {"UseHeaders": False, "DelayTypes": True, "InferSheetDimensions": False})
    return book.current()
