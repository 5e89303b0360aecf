"""Error cells of xls and xlsb workbooks, which the calamine reader turns into nothing.

Both formats are sequences of records; only the few that hold an error are looked at.  An xlsb
file is a zip of parts; an xls file is one stream in a compound file (`compound_stream`).
Damaged files give no error cells here: calamine says what is wrong with them.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterator
from posixpath import join, normpath
from typing import Any
from xml.etree import ElementTree

from mlang import errors
from mlang.connectors.excel_file import BROKEN_ZIP, MOST_CELLS

_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!",
    0x2A: "#N/A", 0x2B: "#GETTING_DATA",
}  # fmt: skip
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENDS = 0xFFFFFFFA  # sector numbers from here on mean something else

Places = dict[tuple[int, int], Any]


def error_cells(data: bytes) -> dict[str, Places]:
    """Sheet name -> (row, column) -> error."""
    try:
        if data.startswith(COMPOUND):
            return _xls(compound_stream(data, ("Workbook", "Book")))
        if data.startswith(b"PK") and b"xl/workbook.bin" in data:
            return _xlsb(data)
    except (struct.error, IndexError, KeyError, ValueError, ElementTree.ParseError, *BROKEN_ZIP):
        return {}
    return {}


def _failure(code: int) -> Any:
    return errors.invalid_cell(_ERRORS.get(code, "#N/A"))


# ---------------------------------------------------------------- xlsb

_ROW, _CELL_ERROR, _FORMULA_ERROR, _SHEET = 0, 3, 11, 156


def _xlsb(data: bytes) -> dict[str, Places]:
    found: dict[str, Places] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        relations = ElementTree.fromstring(file.read("xl/_rels/workbook.bin.rels"))
        parts = {r.attrib["Id"]: normpath(join("xl", r.attrib["Target"])).lstrip("/") for r in relations}
        for kind, body in part_records(file.read("xl/workbook.bin")):
            if kind == _SHEET:
                relation, end = wide_text(body, 8)
                name, _ = wide_text(body, end)
                part = parts.get(relation, "")
                if part in file.namelist():
                    try:
                        found[name] = _xlsb_sheet(file.read(part))
                    except (struct.error, IndexError):  # what comes after may be of any size
                        raise errors.not_a_workbook() from None
    return found


def _xlsb_sheet(data: bytes) -> Places:
    found: Places = {}
    row = width = 0
    for kind, body in part_records(data):
        if kind == _ROW:
            (row,) = struct.unpack_from("<I", body)
            continue
        if kind < 12 and len(body) >= 4:
            width = max(width, *struct.unpack_from("<I", body))
            if (row + 1) * (width + 1) > MOST_CELLS:
                raise errors.not_supported("Excel.Workbook", "a sheet whose cells lie so far apart")
        if kind in (_CELL_ERROR, _FORMULA_ERROR):
            (column,) = struct.unpack_from("<I", body)
            found[row, column] = _failure(body[8])
    return found


def part_records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of an xlsb part: numbers and sizes are seven bits a byte."""
    position = 0
    while position < len(data):
        kind = data[position]
        position += 1
        if kind & 0x80:
            kind = kind & 0x7F | data[position] << 7
            position += 1
        size = shift = 0
        while True:
            byte = data[position]
            position += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80 or shift > 21:
                break
        yield kind, data[position : position + size]
        position += size


def wide_text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", data, at)
    end = at + 4 + 2 * length
    return data[at + 4 : end].decode("utf-16-le"), end


# ---------------------------------------------------------------- xls

_BOUND_SHEET, _DIMENSIONS, _BOOL_ERR, _FORMULA, _END = 0x85, 0x200, 0x205, 0x06, 0x0A


def _xls(stream: bytes) -> dict[str, Places]:
    _check_dimensions(stream)
    found: dict[str, Places] = {}
    for kind, body in stream_records(stream, 0):
        if kind == _BOUND_SHEET:
            (start,) = struct.unpack_from("<I", body)
            length, wide = body[6], body[7] & 1
            name = body[8 : 8 + length * (2 if wide else 1)].decode("utf-16-le" if wide else "latin-1")
            found[name] = _xls_sheet(stream, start)
    return found


#: Records of cells, which begin with row and column.
_CELLS = {0x06, 0xBD, 0xBE, 0xD6, 0xFD, 0x201, 0x203, 0x204, 0x205, 0x27E}


def _check_dimensions(stream: bytes) -> None:
    """Refuses sizes and places that no sheet has: the reader would make room for them."""
    position = 0
    while position + 16 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, position)
        if kind == _DIMENSIONS and size >= 12:
            top, bottom, left, right = struct.unpack_from("<IIHH", stream, position + 4)
            if not (top <= bottom <= 65_536 and left <= right <= 256):
                raise errors.not_a_workbook()
        elif (
            kind in _CELLS and size >= 6 and stream[position + 7 : position + 8] != b"\0"
        ):  # column 256 or beyond
            raise errors.not_a_workbook()
        position += 4 + size


def _xls_sheet(stream: bytes, start: int) -> Places:
    found: Places = {}
    for kind, body in stream_records(stream, start):
        if kind == _BOOL_ERR and len(body) >= 8 and body[7]:
            found[struct.unpack_from("<HH", body)] = _failure(body[6])
        elif kind == _FORMULA and body[12:14] == b"\xff\xff" and body[6] == 2:
            found[struct.unpack_from("<HH", body)] = _failure(body[8])
    return found


def stream_records(stream: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    """The records of a substream, up to its end; substreams inside (charts) are passed over."""
    depth = 0
    while position + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, position)
        body = stream[position + 4 : position + 4 + size]
        position += 4 + size
        if kind in (0x809, 0x409, 0x209, 0x009):
            depth += 1
        elif kind == _END:
            depth -= 1
            if depth <= 0:
                return
        elif depth == 1:
            yield kind, body


def compound_stream(data: bytes, names: tuple[str, ...]) -> bytes:
    """A stream of a compound file by one of its names; KeyError without it."""
    size, small = 1 << struct.unpack_from("<H", data, 30)[0], 1 << struct.unpack_from("<H", data, 32)[0]
    directory_at, cutoff, mini_at, more_at = (
        struct.unpack_from("<I", data, at)[0] for at in (48, 56, 60, 68)
    )

    def sector(number: int) -> bytes:
        return data[(number + 1) * size : (number + 2) * size]

    heads = list(struct.unpack_from("<109I", data, 76))
    while more_at < _ENDS and len(heads) < len(data) // 4:
        *some, more_at = struct.unpack(f"<{size // 4}I", sector(more_at))
        heads.extend(some)
    table = [n for head in heads if head < _ENDS for n in struct.unpack(f"<{size // 4}I", sector(head))]
    directory = b"".join(map(sector, _chain(table, directory_at)))
    entries: dict[str, tuple[int, int]] = {}
    for at in range(0, len(directory) - 127, 128):
        (length,) = struct.unpack_from("<H", directory, at + 64)
        name = directory[at : at + max(length - 2, 0)].decode("utf-16-le")
        entries.setdefault(name, struct.unpack_from("<II", directory, at + 116))
    name = next((name for name in names if name in entries), names[0])
    start, length = entries[name]
    if length >= cutoff:
        return b"".join(map(sector, _chain(table, start)))[:length]
    pool = b"".join(map(sector, _chain(table, entries["Root Entry"][0])))
    minis = b"".join(map(sector, _chain(table, mini_at)))
    mini_table = list(struct.unpack(f"<{len(minis) // 4}I", minis))
    return b"".join(pool[n * small : (n + 1) * small] for n in _chain(mini_table, start))[:length]


def _chain(table: list[int], number: int) -> list[int]:
    """The sectors of a stream, in order."""
    chain: list[int] = []
    while number < _ENDS:
        if len(chain) > len(table):
            raise ValueError("a chain of sectors has no end")
        chain.append(number)
        number = table[number]
    return chain
