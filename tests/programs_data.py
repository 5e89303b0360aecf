"""Files for the programs in ``tests/programs``: made by the tests, never committed."""

from __future__ import annotations

import sqlite3
import struct
from datetime import date
from pathlib import Path
from typing import Any

#: name, kind, length, decimals
DBASE_FIELDS = [("NAME", "C", 12, 0), ("PRICE", "N", 10, 2), ("SOLD", "D", 8, 0), ("PAID", "L", 1, 0)]


def write_dbase(path: Path, rows: list[tuple[Any, ...]], deleted: frozenset[int] = frozenset()) -> None:
    """A dBASE III file with the fields above."""
    length = 1 + sum(size for _, _, size, _ in DBASE_FIELDS)
    header = 32 + 32 * len(DBASE_FIELDS) + 1
    with path.open("wb") as out:
        out.write(struct.pack("<4BIHH20x", 3, 126, 3, 4, len(rows), header, length))
        for name, kind, size, decimals in DBASE_FIELDS:
            out.write(struct.pack("<11sc4xBB14x", name.encode(), kind.encode(), size, decimals))
        out.write(b"\r")
        for index, row in enumerate(rows):
            out.write(b"*" if index in deleted else b" ")
            out.write(b"".join(_field(v, f) for v, f in zip(row, DBASE_FIELDS, strict=True)))
        out.write(b"\x1a")


def _field(value: Any, field: tuple[str, str, int, int]) -> bytes:
    _, kind, size, decimals = field
    if value is None:
        return b"?" if kind == "L" else b" " * size
    if kind == "C":
        return str(value).encode("cp1252").ljust(size)
    if kind == "D":
        assert isinstance(value, date)
        return value.strftime("%Y%m%d").encode()
    if kind == "L":
        return b"T" if value else b"F"
    return f"{value:{size}.{decimals}f}".encode()


def write_sqlite(path: Path, statements: list[str], rows: dict[str, list[tuple[Any, ...]]]) -> None:
    """An SQLite file: statements first, then the rows of each table."""
    connection = sqlite3.connect(path)
    try:
        for statement in statements:
            connection.execute(statement)
        for table, values in rows.items():
            marks = ", ".join("?" * len(values[0]))
            connection.executemany(f"insert into {table} values ({marks})", values)
        connection.commit()
    finally:
        connection.close()
