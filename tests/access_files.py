"""Writes small Access databases (Jet 4 pages) for the tests: a catalogue and tables of a few rows."""

from __future__ import annotations

import struct
from typing import Any

from mlang.connectors.access_file import _unmasked

PAGE = 4096
FORMS = {1: "", 2: "<B", 3: "<h", 4: "<i", 5: "<q", 6: "<f", 7: "<d", 8: "<d", 19: "<q"}
CATALOGUE = [("Id", 4), ("Name", 10), ("Type", 3), ("Flags", 4), ("LvProp", 11)]

Cells = list[Any]
Columns = list[tuple[str, int]]


def database(
    tables: dict[str, tuple[Columns, list[Cells]]], *, others: list[Cells] | None = None, password: str = ""
) -> bytes:
    """A file with these tables; ``others`` are further rows of the catalogue."""
    listed = [[2, "MSysObjects", 1, -0x80000000, None]]
    listed += [[4 + 2 * i, name, 1, 0, None] for i, name in enumerate(tables)]
    contents = [(CATALOGUE, listed + (others or [])), *tables.values()]
    maps = [b"\0" + struct.pack("<I", 3 + 2 * i) + b"\1" + bytes(63) for i in range(len(contents))]
    pages = [_header(password), data_page(1, maps)]
    for i, (columns, rows) in enumerate(contents):
        pages.append(definition(columns, len(rows), i))
        pages.append(data_page(2 + 2 * i, [r if isinstance(r, bytes) else row(columns, r) for r in rows]))
    return b"".join(pages)


def _header(password: str) -> bytes:
    secret = bytearray(128)
    secret[0x42 - 0x18 : 0x42 - 0x18 + 40] = password.encode("utf-16-le").ljust(40, b"\0")
    head = b"\0\1\0\0Standard Jet DB\0" + b"\1\0\0\0"
    return (head + _unmasked(bytes(secret))).ljust(PAGE, b"\0")


def data_page(owner: int, rows: list[bytes], flags: dict[int, int] | None = None) -> bytes:
    """Rows from the end of the page backwards; ``flags`` mark rows as deleted or lent."""
    offsets, end = [], PAGE
    for number, data in enumerate(rows):
        end -= len(data)
        offsets.append(end | (flags or {}).get(number, 0))
    head = struct.pack("<BBHIIH", 1, 1, 0, owner, 0, len(rows)) + struct.pack(f"<{len(rows)}H", *offsets)
    return head.ljust(end, b"\0") + b"".join(reversed(rows))


def is_fixed(kind: int) -> bool:
    return kind in FORMS


def definition(columns: Columns, rows: int, map_row: int, keys: tuple[int, ...] = (0,)) -> bytes:
    """The page that defines a table; its primary key are the columns of these numbers."""
    variables = [name for name, kind in columns if not is_fixed(kind)]
    body = struct.pack("<III", 0, 0, rows).ljust(32, b"\0") + b"N"
    body += struct.pack("<HHHII", len(columns), len(variables), len(columns), 1, 1)
    body += struct.pack("<II", map_row | 1 << 8, map_row | 1 << 8)
    body += bytes(12)  # one index
    offset = variable = 0
    for number, (_, kind) in enumerate(columns):
        size = struct.calcsize(FORMS[kind]) if is_fixed(kind) else 0
        flags = 1 if is_fixed(kind) else 0
        body += struct.pack("<BIHHHBBHBBI", kind, 0, number, variable, number, 0, 3, 0, flags, 0, 0)
        body += struct.pack("<HH", offset, size)
        offset, variable = offset + size, variable + (not is_fixed(kind))
    for name, _ in columns:
        text = name.encode("utf-16-le")
        body += struct.pack("<H", len(text)) + text
    index = b"".join(struct.pack("<HB", keys[i] if i < len(keys) else 0xFFFF, 1) for i in range(10))
    body += bytes(4) + index + bytes(18)
    body += struct.pack("<IIIB", 0, 0, 0, 0).ljust(23, b"\0") + b"\1" + bytes(4)
    return (struct.pack("<BBHI", 2, 1, 0, 0) + body).ljust(PAGE, b"\0")


def row(columns: Columns, cells: Cells) -> bytes:
    """A row: the number of columns, fixed parts, others, where those stand, and which have a value."""
    fixed, others, ends = b"", b"", []
    marks = bytearray((len(columns) + 7) // 8)
    start = 2 + sum(struct.calcsize(FORMS[kind]) for _, kind in columns if is_fixed(kind))
    for number, ((_, kind), cell) in enumerate(zip(columns, cells, strict=True)):
        if cell is not None and cell is not False:
            marks[number >> 3] |= 1 << (number & 7)
        if kind == 1:
            continue
        if is_fixed(kind):
            fixed += struct.pack(FORMS[kind], cell or 0)
            continue
        ends.append(start + len(others))
        others += _variable(kind, cell)
    ends.append(start + len(others))
    data = struct.pack("<H", len(columns)) + fixed + others
    data += struct.pack(f"<{len(ends)}H", *reversed(ends)) + struct.pack("<H", len(ends) - 1)
    return data + bytes(marks)


def _variable(kind: int, cell: Any) -> bytes:
    if cell is None:
        return b""
    data = cell if isinstance(cell, bytes) else cell.encode("utf-16-le")
    return struct.pack("<III", len(data) | 0x80000000, 0, 0) + data if kind in (11, 12) else data
