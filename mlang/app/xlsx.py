"""Writes one worksheet as .xlsx, row by row, with nothing but the zip library.

Numbers are numbers, logicals are logicals, dates and times are serials with a format, everything
else is text.  Excel's own limits are refused, not cut.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from mlang.values.temporal import DAY, OLE_DAY

_ROWS, _COLUMNS, _TEXT = 1_048_576, 16_384, 32_767
_CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")
#: Style numbers in `_STYLES`.
_STYLE = {"date": 1, "datetime": 2, "time": 3, "duration": 4}


class TooLarge(ValueError):
    """A table that no worksheet can hold."""


def write(path: Path, names: list[str], rows: Iterable[list[tuple[str, Any]]]) -> None:
    """Writes a header and rows of (kind, value) pairs; kinds are M kinds."""
    if len(names) > _COLUMNS:
        raise TooLarge(f"An .xlsx sheet has at most {_COLUMNS} columns; the table has {len(names)}.")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _PARTS.items():
            archive.writestr(name, content)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            sheet.write(_row(1, [("text", n) for n in names]).encode())
            for number, row in enumerate(rows, start=2):
                if number > _ROWS:
                    raise TooLarge(f"An .xlsx sheet has at most {_ROWS} rows; the table has more.")
                sheet.write(_row(number, row).encode())
            sheet.write(b"</sheetData></worksheet>")


def _row(number: int, cells: list[tuple[str, Any]]) -> str:
    inner = "".join(_cell(kind, value) for kind, value in cells)
    return f'<row r="{number}">{inner}</row>'


def _cell(kind: str, value: Any) -> str:
    if value is None:
        return "<c/>"
    if kind == "number" and value == value and value not in (float("inf"), float("-inf")):
        return f"<c><v>{value!r}</v></c>" if isinstance(value, float) else f"<c><v>{value}</v></c>"
    if kind == "logical":
        return f'<c t="b"><v>{int(value)}</v></c>'
    serial = _serial(kind, value)
    if serial is not None:
        return f'<c s="{_STYLE[kind]}"><v>{serial!r}</v></c>'
    text = _text(kind, value)
    if len(text) > _TEXT:
        raise TooLarge(f"An .xlsx cell holds at most {_TEXT} characters; a text has {len(text)}.")
    return f'<c t="inlineStr"><is><t xml:space="preserve">{_escaped(text)}</t></is></c>'


def _serial(kind: str, value: Any) -> float | None:
    """Days since 1899-12-30; None where Excel has no serial (before March 1900)."""
    if kind == "date":
        days = float(value.days - OLE_DAY)
    elif kind == "datetime":
        days = value.ticks / DAY - OLE_DAY
    elif kind in ("time", "duration"):
        return float(value.ticks / DAY) if value.ticks >= 0 else None
    else:
        return None
    return days if days >= 61 else None


def _text(kind: str, value: Any) -> str:
    if kind == "text":
        return str(value)
    from mlang.app.render import plain_text

    return plain_text(value, kind)


def _escaped(text: str) -> str:
    # Characters that XML forbids, and texts that look like their escapes, are written as _xHHHH_.
    def code(match: re.Match[str]) -> str:
        found = match[0]
        return f"_x{ord(found):04X}_" if len(found) == 1 else f"_x005F{found}"

    return escape(_FORBIDDEN.sub(code, text))


_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_FORMATS = ("yyyy\\-mm\\-dd", "yyyy\\-mm\\-dd\\ hh:mm:ss", "hh:mm:ss", "[h]:mm:ss")
_PARTS = {
    "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_CONTENT}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_CONTENT}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_CONTENT}.styles+xml"/></Types>',
    "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="4">'
    + "".join(f'<numFmt numFmtId="{164 + i}" formatCode="{f}"/>' for i, f in enumerate(_FORMATS))
    + '</numFmts><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="5"><xf/>'
    + "".join(f'<xf numFmtId="{164 + i}" applyNumberFormat="1"/>' for i in range(4))
    + '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
