"""What Access keeps of a table's columns beside their definition: the type that a calculated column gives.

The properties are blocks (length, kind, content): one with all names, then one for each column with the
numbers of names and values.  Read ``access_table.py`` for what is done with them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mlang.connectors.access_file import AccessFile, broken, whole_file

_NAMES, _OF_A_COLUMN = 0x80, 1
_RESULT = "ResultType"


def result_types(file: AccessFile, properties: bytes) -> dict[str, int]:
    """Column name -> the kind of its values, for calculated columns."""
    names: list[str] = []
    found: dict[str, int] = {}
    with whole_file():
        for kind, block in _blocks(properties):
            if kind == _NAMES:
                names = list(_texts(file, block))
            elif kind == _OF_A_COLUMN:
                (size,) = struct.unpack_from("<I", block)
                (column,) = list(_texts(file, block[4:size]))[:1] or [""]
                for name, value in _values(block[size:]):
                    if names[name] == _RESULT and value:
                        found[column] = value[0]
    return found


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 4
    while at + 6 <= len(data):
        size, kind = struct.unpack_from("<IH", data, at)
        if size < 6 or at + size > len(data):
            raise broken("properties are cut off")
        yield kind, data[at + 6 : at + size]
        at += size


def _texts(file: AccessFile, data: bytes) -> Iterator[str]:
    at = 0
    while at + 2 <= len(data):
        (size,) = struct.unpack_from("<H", data, at)
        part = data[at + 2 : at + 2 + size]
        yield file.text(part) if file.jet3 else part.decode("utf-16-le", "surrogatepass")
        at += 2 + size


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, _, _, name, length = struct.unpack_from("<HBBHH", data, at)
        if size < 8:
            raise broken("properties are cut off")
        yield name, data[at + 8 : at + 8 + length]
        at += size
