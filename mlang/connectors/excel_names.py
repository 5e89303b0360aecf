"""Defined names of xls, xlsb and ods workbooks (Open XML has its own in ``excel_file.py``).

A name counts when it stands for one range of one sheet.  In xls and xlsb a name that is local to a
sheet is shown as the engine's reader of those formats (the Access database engine) writes it:
``'02-North$'Print_Area``, and built-in names as ``_xlnm#_FilterDatabase``, but Print_Area and
Print_Titles.  That reader lists no tables of such workbooks, nor does this one.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from typing import Any
from xml.etree import ElementTree

from mlang.connectors.excel_binary import COMPOUND, compound_stream, part_records, stream_records, wide_text
from mlang.connectors.excel_file import BROKEN_ZIP, Area, DefinedName, area_of

_BUILT_IN = (
    "Consolidate_Area", "Auto_Open", "Auto_Close", "Extract", "Database", "Criteria", "Print_Area", "Print_Titles",
    "Recorder", "Data_Form", "Auto_Activate", "Auto_Deactivate", "Sheet_Title", "_FilterDatabase",
)  # fmt: skip
_BARE = re.compile(r"[A-Za-z_]\w*")
_ODS_RANGE = re.compile(
    r"\$?(?:'((?:[^']|'')+)'|([^'.]+))\.\$?([A-Z]+)\$?(\d+)(?::\S*\.\$?([A-Z]+)\$?(\d+))?"
)
#: What reading a damaged file raises here; calamine says what is wrong with it.
_DAMAGED = (struct.error, IndexError, KeyError, ValueError, ElementTree.ParseError, *BROKEN_ZIP)


def defined_names(data: bytes) -> list[DefinedName]:
    """The names of a workbook that is no Open XML workbook, in the order of the file."""
    try:
        if data.startswith(COMPOUND):
            return _xls(compound_stream(data, ("Workbook", "Book")))
        if data.startswith(b"PK") and b"xl/workbook.bin" in data:
            with zipfile.ZipFile(io.BytesIO(data)) as file:
                return _xlsb(file.read("xl/workbook.bin"))
        if data.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(data)) as file:
                return _ods(file.read("content.xml"))
    except _DAMAGED:
        return []
    return []


def _named(name: str, sheets: list[str], place: tuple[int, Area], owner: int | None, hidden: bool) -> Any:
    """A name of xls or xlsb; None when its sheet does not exist."""
    sheet, area = place
    if not 0 <= sheet < len(sheets) or (owner is not None and not 0 <= owner < len(sheets)):
        return None
    if owner is not None:
        prefix = f"{sheets[owner]}$"
        name = (prefix if _BARE.fullmatch(sheets[owner]) else f"'{prefix}'") + name
    return DefinedName(name, name, sheets[sheet], area, hidden)


def _built_in(name: str) -> str:
    return name if name in ("Print_Area", "Print_Titles") else f"_xlnm#{name}"


# ---------------------------------------------------------------- xls

_BOUND_SHEET, _EXTERN_SHEET, _SUP_BOOK, _NAME = 0x85, 0x17, 0x1AE, 0x18


def _xls(stream: bytes) -> list[DefinedName]:
    new = struct.unpack_from("<H", stream, 4)[0] >= 0x600  # of Excel 97 and later
    sheets: list[str] = []
    own: list[bool] = []  # whether a "book" of references is this workbook
    places: list[tuple[int, int, int]] = []
    names: list[bytes] = []
    for kind, body in stream_records(stream, 0):
        if kind == _BOUND_SHEET:
            sheets.append(_text(body, 7, body[6]) if new else body[7 : 7 + body[6]].decode("latin-1"))
        elif kind == _SUP_BOOK:
            own.append(body[2:4] == b"\x01\x04")
        elif kind == _EXTERN_SHEET and new:
            (count,) = struct.unpack_from("<H", body)
            places = [struct.unpack_from("<Hhh", body, 2 + 6 * i) for i in range(count)]
        elif kind == _NAME:
            names.append(body)
    found = [
        _xls_name(body, new, sheets, [p if own[p[0]] else (0, -1, -1) for p in places]) for body in names
    ]
    return [name for name in found if name is not None]


def _text(body: bytes, at: int, length: int) -> str:
    """Characters of one or two bytes, as the flag before them says."""
    if body[at] & 1:
        return body[at + 1 : at + 1 + 2 * length].decode("utf-16-le")
    return body[at + 1 : at + 1 + length].decode("latin-1")


def _xls_name(body: bytes, new: bool, sheets: list[str], places: list[tuple[int, int, int]]) -> Any:
    flags, _, length, size, _, owner = struct.unpack_from("<HBBHHH", body)
    if new:
        name, at = _text(body, 14, length), 15 + length * (1 + (body[14] & 1))
    else:
        name, at = body[14 : 14 + length].decode("latin-1"), 14 + length
    if flags & 0x20:
        name = _built_in(_BUILT_IN[ord(name[0])])
    formula = body[at : at + size]
    place = _new_range(formula, places) if new else _old_range(formula)
    return _named(name, sheets, place, owner - 1 if owner else None, bool(flags & 1)) if place else None


def _new_range(formula: bytes, places: list[tuple[int, int, int]]) -> tuple[int, Area] | None:
    kind = formula[0] & 0x1F if formula else 0
    if kind == 0x1A and len(formula) == 7:
        index, top, left = struct.unpack_from("<HHH", formula, 1)
        bottom, right = top, left
    elif kind == 0x1B and len(formula) == 11:
        index, top, bottom, left, right = struct.unpack_from("<HHHHH", formula, 1)
    else:
        return None
    return _on_one_sheet(places[index], (top, left & 0x3FFF, bottom, right & 0x3FFF))


def _on_one_sheet(place: tuple[int, int, int], area: Area) -> tuple[int, Area] | None:
    _, first, last = place
    return (first, area) if first == last and first >= 0 else None


def _old_range(formula: bytes) -> tuple[int, Area] | None:
    """Of Excel 5 and 95: the sheets stand in the reference itself."""
    kind = formula[0] & 0x1F if formula else 0
    if kind == 0x1A and len(formula) == 18:
        book, first, last, top, left = struct.unpack_from("<h8xhhHB", formula, 1)
        bottom, right = top, left
    elif kind == 0x1B and len(formula) == 21:
        book, first, last, top, bottom, left, right = struct.unpack_from("<h8xhhHHBB", formula, 1)
    else:
        return None
    return _on_one_sheet((0, first, last), (top & 0x3FFF, left, bottom & 0x3FFF, right)) if book < 0 else None


# ---------------------------------------------------------------- xlsb

_SHEET, _WIDE_NAME, _OWN, _SAME, _BOOK, _ADD_IN, _REFERENCES = 156, 39, 357, 358, 355, 667, 362


def _xlsb(book: bytes) -> list[DefinedName]:
    sheets: list[str] = []
    own: list[bool] = []
    places: list[tuple[int, int, int]] = []
    names: list[bytes] = []
    for kind, body in part_records(book):
        if kind == _SHEET:
            sheets.append(wide_text(body, wide_text(body, 8)[1])[0])
        elif kind in (_OWN, _SAME, _BOOK, _ADD_IN):
            own.append(kind in (_OWN, _SAME))
        elif kind == _REFERENCES:
            (count,) = struct.unpack_from("<I", body)
            places = [struct.unpack_from("<Iii", body, 4 + 12 * i) for i in range(count)]
        elif kind == _WIDE_NAME:
            names.append(body)
    found = [_xlsb_name(body, sheets, [p if own[p[0]] else (0, -1, -1) for p in places]) for body in names]
    return [name for name in found if name is not None]


def _xlsb_name(body: bytes, sheets: list[str], places: list[tuple[int, int, int]]) -> Any:
    flags, _, owner = struct.unpack_from("<IBI", body)
    name, at = wide_text(body, 9)
    (size,) = struct.unpack_from("<I", body, at)
    formula = body[at + 4 : at + 4 + size]
    kind = formula[0] & 0x1F if formula else 0
    if kind == 0x1A and len(formula) == 9:
        index, top, left = struct.unpack_from("<HIH", formula, 1)
        bottom, right = top, left
    elif kind == 0x1B and len(formula) == 15:
        index, top, bottom, left, right = struct.unpack_from("<HIIHH", formula, 1)
    else:
        return None
    place = _on_one_sheet(places[index], (top, left & 0x3FFF, bottom, right & 0x3FFF))
    if flags & 0x20 or name.startswith("_xlnm."):
        name = _built_in(name.removeprefix("_xlnm."))
    local = None if owner == 0xFFFFFFFF else owner
    return _named(name, sheets, place, local, bool(flags & 1)) if place else None


# ---------------------------------------------------------------- ods


def _ods(content: bytes) -> list[DefinedName]:
    if b"named-range" not in content:
        return []
    found: list[DefinedName] = []
    sheets: list[str] = []
    sheet: str | None = None
    for event, element in ElementTree.iterparse(io.BytesIO(content), ("start", "end")):
        tag = element.tag.rpartition("}")[2]
        if tag == "table":
            sheet = _attribute(element, "name") if event == "start" else None
            sheets.append(sheet or "")
        elif tag == "named-range" and event == "end":
            match = _ODS_RANGE.fullmatch(_attribute(element, "cell-range-address"))
            if match is None:
                continue
            name = _attribute(element, "name")
            area = area_of(f"{match[3]}{match[4]}:{match[5] or match[3]}{match[6] or match[4]}")
            on = (match[1] or match[2]).replace("''", "'")
            if area is not None and on in sheets:
                item = f"{sheet}!{name}" if sheet else name
                found.append(DefinedName(name, item, on, area, False))
        elif tag == "table-row" and event == "end":
            element.clear()
    return found


def _attribute(element: Any, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")
