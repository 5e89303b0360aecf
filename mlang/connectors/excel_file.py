"""What a workbook file says beyond its values: dimensions, error cells, tables, defined names.

Values come from the calamine reader, which turns error cells into nothing; the sheet's
XML is asked for those (and for formulas whose text is empty), but only when it has any.
Other formats than Open XML (xls, xlsb, ods) have values and sheets only.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from posixpath import dirname, join, normpath
from typing import Any
from xml.etree import ElementTree

from mlang import errors

#: What reading a damaged, encrypted or oddly packed part raises.
BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, UnicodeDecodeError,
)  # fmt: skip
_ODD = re.compile(rb"""\bt=["']e["']|<v></v>|<v\s*/>|t=["']str["'][^>]*>(?:<f|</)""")
_DIMENSION = re.compile(rb"""<(?:\w+:)?dimension\b[^>]*\bref=["']([A-Z]+\d+)(?::([A-Z]+\d+))?["']""")
_REFERENCE = re.compile(
    r"^(?:'((?:[^']|'')+)'|([^'!]+))!\$?([A-Z]{1,3})\$?(\d+)(?::\$?([A-Z]{1,3})\$?(\d+))?$"
)
_CELL = re.compile(r"([A-Z]+)(\d+)")

#: (first row, first column, last row, last column), zero-based, both ends included.
Area = tuple[int, int, int, int]


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def column_number(letters: str) -> int:
    """A = 0, Z = 25, AA = 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def area_of(reference: str) -> Area | None:
    """The cells of a reference such as A1:C5."""
    corners = [_CELL.fullmatch(part.replace("$", "")) for part in reference.split(":")]
    if not corners or len(corners) > 2 or any(c is None for c in corners):
        return None
    points = [(int(c[2]) - 1, column_number(c[1])) for c in corners if c is not None]
    (top, left), (bottom, right) = points[0], points[-1]
    return min(top, bottom), min(left, right), max(top, bottom), max(left, right)


class TablePart:
    """A table of a sheet: its name, column names and the cells below its header."""

    __slots__ = ("area", "columns", "name", "sheet")

    def __init__(self, name: str, sheet: str, columns: list[str], area: Area) -> None:
        self.name, self.sheet, self.columns, self.area = name, sheet, columns, area


class DefinedName:
    """A name for a range: ``item`` carries the sheet when the name is local to one."""

    __slots__ = ("area", "hidden", "item", "name", "sheet")

    def __init__(self, name: str, item: str, sheet: str, area: Area, hidden: bool) -> None:
        self.name, self.item, self.sheet, self.area, self.hidden = name, item, sheet, area, hidden


class OpenXml:
    """The parts of an xlsx or xlsm package that are read by us."""

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except BROKEN_ZIP:
            raise errors.not_a_workbook() from None
        self._relations = self._related("xl/workbook.xml")
        self._workbook = self._parsed("xl/workbook.xml")
        self.sheets: dict[str, str] = {}
        for element in self._workbook.iter():
            if _local(element.tag) == "sheet":
                target = next((v for k, v in element.attrib.items() if _local(k) == "id"), "")
                self.sheets[element.attrib.get("name", "")] = self._relations.get(target, ("", ""))[0]

    def _read(self, part: str) -> bytes:
        """A part's content; a package that lacks it, or holds something broken there, is no workbook."""
        try:
            return self._zip.read(part)
        except (KeyError, *BROKEN_ZIP):
            raise errors.not_a_workbook() from None

    def _parsed(self, part: str) -> Any:
        try:
            return ElementTree.fromstring(self._read(part))
        except ElementTree.ParseError:
            raise errors.not_a_workbook() from None

    def _related(self, part: str) -> dict[str, tuple[str, str]]:
        """Relation id -> (part name, relation type)."""
        folder, _, name = part.rpartition("/")
        relations = f"{folder}/_rels/{name}.rels"
        if relations not in self._zip.NameToInfo:
            return {}
        root = self._parsed(relations)
        found = {}
        for relation in root:
            target = relation.attrib.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else normpath(join(dirname(part), target))
            found[relation.attrib.get("Id", "")] = (path, relation.attrib.get("Type", "").rpartition("/")[2])
        return found

    def sheet_xml(self, sheet: str) -> bytes:
        """The XML of a sheet; empty for chart sheets and the like."""
        part = self.sheets.get(sheet, "")
        if part not in self._zip.NameToInfo:
            return b""
        xml = self._read(part)
        if b't="s"' in xml and not any(n.lower().endswith("sharedstrings.xml") for n in self._zip.namelist()):
            raise errors.not_a_workbook()  # its texts are lost
        return xml

    def tables(self) -> list[TablePart]:
        """The tables of all sheets, in sheet order."""
        found = []
        for sheet, part in self.sheets.items():
            for target, kind in self._related(part).values() if part else ():
                if kind == "table":
                    table = self._table(sheet, target)
                    if table is not None:
                        found.append(table)
        return found

    def _table(self, sheet: str, part: str) -> TablePart | None:
        root = self._parsed(part)
        area = area_of(root.attrib.get("ref", ""))
        if area is None:
            return None
        top, left, bottom, right = area
        top += int(root.attrib.get("headerRowCount", "1"))
        bottom -= int(root.attrib.get("totalsRowCount", "0"))
        columns = [unescape(e.attrib.get("name", "")) for e in root.iter() if _local(e.tag) == "tableColumn"]
        name = root.attrib.get("displayName") or root.attrib.get("name", "")
        return TablePart(name, sheet, columns, (top, left, bottom, right))

    def defined_names(self) -> list[DefinedName]:
        """The names that stand for one range of one sheet."""
        order = list(self.sheets)
        found = []
        for element in self._workbook.iter():
            if _local(element.tag) != "definedName":
                continue
            match = _REFERENCE.match((element.text or "").strip())
            name = element.attrib.get("name", "")
            if match is None or not name:
                continue
            sheet = (match[1] or match[2] or "").replace("''", "'")
            area = area_of(f"{match[3]}{match[4]}:{match[5] or match[3]}{match[6] or match[4]}")
            if area is None or sheet not in self.sheets:
                continue
            owner = element.attrib.get("localSheetId")
            local = owner is not None and int(owner) < len(order)
            item = f"{order[int(owner or 0)]}!{name}" if local else name
            found.append(DefinedName(name, item, sheet, area, element.attrib.get("hidden") in ("1", "true")))
        return found


def unescape(text: str) -> str:
    """Open XML writes control characters in names as _x000a_."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", _unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def dimension_of(xml: bytes) -> Area | None:
    """The used area that a sheet claims."""
    match = _DIMENSION.search(xml[:8192])
    if match is None:
        return None
    first = match[1].decode()
    return area_of(f"{first}:{match[2].decode()}" if match[2] else first)


#: The reader holds a sheet as a full rectangle: more cells than this are more than memory has.
MOST_CELLS = 250_000_000
_LAST_ROW = re.compile(rb"""<(?:\w+:)?row\b[^>]*?\br=["'](\d+)""")
_COLUMN = re.compile(rb"""\br=["']([A-Z]{2,3})\d""")


def check_area(xml: bytes) -> None:
    """Refuses a sheet whose cells lie so far apart that the rectangle around them cannot be held."""
    found = _LAST_ROW.search(xml, max(0, xml.rfind(b"row ") - 20))
    rows = int(found[1]) if found else 0
    if rows * 16384 <= MOST_CELLS:
        return
    widest = max((column_number(m.decode()) + 1 for m in set(_COLUMN.findall(xml))), default=26)
    if rows * widest > MOST_CELLS:
        raise errors.not_supported("Excel.Workbook", "a sheet whose cells lie so far apart")


def check_cells(area: Area) -> None:
    """Refuses an area that no sheet has, and one whose cells (most of them empty) cannot be held."""
    top, left, bottom, right = area
    if bottom >= 1_048_576 or right >= 16_384:
        raise errors.not_a_workbook()
    if (bottom - top + 1) * (right - left + 1) > MOST_CELLS:
        raise errors.not_supported(
            "Excel.Workbook", "a sheet that claims so many cells (see InferSheetDimensions)"
        )


def odd_cells(xml: bytes) -> dict[tuple[int, int], Any]:
    """(row, column) -> error text for error cells, and "" for formulas whose text is empty."""
    if not _ODD.search(xml):
        return {}
    found: dict[tuple[int, int], Any] = {}
    row = column = -1
    try:
        for event, element in ElementTree.iterparse(io.BytesIO(xml), ("start", "end")):
            tag = _local(element.tag)
            if tag == "row":
                if event == "start":
                    row = int(element.attrib.get("r", row + 2)) - 1
                    column = -1
                else:
                    element.clear()
            elif tag == "c" and event == "end":
                place = area_of(element.attrib["r"]) if "r" in element.attrib else None
                row, column = (place[0], place[1]) if place else (row, column + 1)
                kind = element.attrib.get("t")
                text = "".join(e.text or "" for e in element if _local(e.tag) == "v")
                if kind == "e":
                    found[row, column] = errors.invalid_cell(text)
                elif kind == "str" and not text:
                    found[row, column] = ""
    except ElementTree.ParseError:
        raise errors.not_a_workbook() from None
    return found
