"""Tables of an Access database: their columns, their primary key, and their rows as M values.

Columns come in the order in which Access shows them, rows in the order of the file's pages.  Numbers,
texts and moments are what the cells hold: currency and decimals exact, dates as .NET takes them from
their number of days.  Read ``access_file.py`` for pages and ``access.py`` for the function.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from attrs import evolve, frozen

from mlang import errors
from mlang.connectors.access_file import DATA_PAGE, TABLE_PAGE, AccessFile, broken, whole_file
from mlang.connectors.access_properties import result_types
from mlang.connectors.sources import BATCH_ROWS
from mlang.tables.plan import Batch, Source
from mlang.values import types as mtypes
from mlang.values.temporal import DAY, MAX_TICKS, DateTime, days_of
from mlang.values.thunk import failed
from mlang.values.types import MType

_BOOLEAN, _BYTE, _INTEGER, _LONG, _CURRENCY, _SINGLE, _DOUBLE, _MOMENT = 1, 2, 3, 4, 5, 6, 7, 8
_BINARY, _TEXT, _OLE, _MEMO, _GUID, _NUMERIC, _COMPLEX, _BIGINT, _EXTENDED = 9, 10, 11, 12, 15, 16, 18, 19, 20
_LONGEST = 2**53
_OLE_ZERO = days_of(1899, 12, 30)
#: .NET's OLE dates end before the year 10000 and begin with the year 100.
_FIRST_OLE, _LAST_OLE = -657_435.0, 2_958_466.0


@frozen
class JetColumn:
    """A column as its table defines it."""

    name: str
    kind: int
    number: int
    shown: int
    variable: int | None  # its place among those of variable length
    offset: int
    size: int
    scale: int
    code_page: int
    calculated: bool

    @property
    def type(self) -> MType:
        return mtypes.nullable(_M_TYPES.get(self.kind, mtypes.ANY))


_M_TYPES: dict[int, MType] = {
    _BOOLEAN: mtypes.LOGICAL, _BYTE: mtypes.INT64, _INTEGER: mtypes.INT64, _LONG: mtypes.INT64,
    _BIGINT: mtypes.INT64, _CURRENCY: mtypes.NAMED["Currency.Type"], _SINGLE: mtypes.NUMBER,
    _DOUBLE: mtypes.NUMBER, _NUMERIC: mtypes.NUMBER, _MOMENT: mtypes.primitive("datetime"),
    _EXTENDED: mtypes.primitive("datetime"), _BINARY: mtypes.primitive("binary"),
    _OLE: mtypes.primitive("binary"), _TEXT: mtypes.TEXT, _MEMO: mtypes.TEXT, _GUID: mtypes.NAMED["Guid.Type"],
}  # fmt: skip
_SIZES = {_BYTE: 1, _INTEGER: 2, _LONG: 4, _CURRENCY: 8, _SINGLE: 4, _DOUBLE: 8, _MOMENT: 8, _GUID: 16,
          _NUMERIC: 17, _BIGINT: 8, _EXTENDED: 42}  # fmt: skip


class JetTable:
    """The definition of a table, read from the pages it stands on."""

    def __init__(
        self, file: AccessFile, page: int, properties: Callable[[], bytes | None] = lambda: None
    ) -> None:
        self.file, self.page = file, page
        with whole_file():
            data = self._definition()
            old = file.jet3
            counts = struct.unpack_from("<HH", data, 23 if old else 43)
            indexes, real = struct.unpack_from("<II", data, 27 if old else 47)
            self._map = 35 if old else 55
            self._data = data
            self.variables = counts[0]
            at = (43 if old else 63) + real * (8 if old else 12)
            width = 18 if old else 25
            names, end = self._names(at + width * counts[1], counts[1])
            columns = [self._column(name, at + width * i) for i, name in enumerate(names)]
            if any(c.calculated for c in columns):
                results = result_types(file, properties() or b"")
                columns = [
                    evolve(c, kind=results.get(c.name, c.kind)) if c.calculated else c for c in columns
                ]
            self.columns = sorted(columns, key=lambda c: (c.shown, c.number))
            self.keys = self._primary_key(end, real, indexes)

    def _definition(self) -> bytes:
        parts: list[bytes] = []
        seen: set[int] = set()
        number = self.page
        while number:
            if number in seen:
                raise broken("the definition of a table has no end")
            seen.add(number)
            page = self.file.page(number, TABLE_PAGE)
            parts.append(page[8:] if parts else page)
            (number,) = struct.unpack_from("<I", page, 4)
        return b"".join(parts)

    def _names(self, at: int, count: int) -> tuple[list[str], int]:
        names = []
        for _ in range(count):
            if self.file.jet3:
                length, at = self._data[at], at + 1
            else:
                length, at = struct.unpack_from("<H", self._data, at)[0], at + 2
            names.append(self.file.text(self._data[at : at + length]))
            at += length
        return names, at

    def _column(self, name: str, at: int) -> JetColumn:
        data = self._data
        kind = data[at]
        if self.file.jet3:
            number, variable = struct.unpack_from("<HH", data, at + 1)
            shown, flags, more = struct.unpack_from("<H", data, at + 5)[0], data[at + 13], 0
            offset, size = struct.unpack_from("<HH", data, at + 14)
            scale = data[at + 12]
            code_page = struct.unpack_from("<H", data, at + 11)[0] if kind in (_TEXT, _MEMO) else 0
        else:
            number, variable, shown = struct.unpack_from("<HHH", data, at + 5)
            flags, more, scale, code_page = data[at + 15], data[at + 16], data[at + 12], 0
            offset, size = struct.unpack_from("<HH", data, at + 21)
        fixed = flags & 1
        calculated = more & 0xC0 == 0xC0
        return JetColumn(
            name, kind, number, shown, None if fixed else variable, offset, size, scale, code_page, calculated
        )

    def _primary_key(self, at: int, real: int, indexes: int) -> tuple[str, ...]:
        """The names of the columns of the index that is marked as primary."""
        real_size, size = (39, 20) if self.file.jet3 else (52, 28)
        head = 0 if self.file.jet3 else 4
        columns = {c.number: c.name for c in self.columns}
        for place in range(indexes):
            entry = at + real * real_size + place * size
            if self._data[entry + size - (1 if self.file.jet3 else 5)] != 1:
                continue
            (index,) = struct.unpack_from("<I", self._data, entry + head + 4)
            if index >= real:
                raise broken("an index is missing")
            start = at + index * real_size + head
            numbers = [struct.unpack_from("<H", self._data, start + 3 * i)[0] for i in range(10)]
            return tuple(columns[n] for n in numbers if n in columns)
        return ()

    # ------------------------------------------------------------ rows

    def rows(self, columns: list[JetColumn]) -> Iterator[list[Any]]:
        """The cells of these columns, row by row."""
        readers = [self._reader(column) for column in columns]
        for number in self.file.mapped_pages(self._data, self._map):
            page = self.file.page(number, DATA_PAGE)
            if struct.unpack_from("<I", page, 4)[0] != self.page:
                raise broken(f"page {number} belongs to another table")
            for place in self.file.row_places(page):
                row = JetRow(self.file.row(page, place), self.file.jet3, self.variables)
                yield [reader(row) for reader in readers]

    def _reader(self, column: JetColumn) -> Callable[[JetRow], Any]:
        """A function from a row to the cell of a column."""
        if column.kind == _BOOLEAN and not column.calculated:
            return lambda row: row.marked(column.number)
        decode = self._decoder(column)

        def read(row: JetRow) -> Any:
            cell = row.cell(column)
            return None if cell is None else decode(cell)

        return read

    def _decoder(self, column: JetColumn) -> Callable[[bytes], Any]:
        file, kind = self.file, column.kind
        if column.calculated:
            return self._calculated(column)
        if kind == _TEXT:
            return lambda cell: file.text(cell, column.code_page)
        if kind == _MEMO:
            return lambda cell: file.text(file.long_value(cell), column.code_page)
        if kind == _OLE:
            return file.long_value
        if kind == _NUMERIC:
            return lambda cell: _numeric(cell, column.scale)
        return _DECODERS.get(kind, _strange)

    def _calculated(self, column: JetColumn) -> Callable[[bytes], Any]:
        """The value of a calculated column has a header of its own; an empty one is none."""
        file, kind = self.file, column.kind
        decode = _DECODERS.get(kind, _strange)
        if kind in (_TEXT, _MEMO):
            decode = file.text
        elif kind == _NUMERIC:
            decode = _ole_decimal

        def read(cell: bytes) -> Any:
            value = _unwrapped(file.long_value(cell) if kind == _MEMO else cell)
            if not value and kind not in (_TEXT, _MEMO):
                return False if kind == _BOOLEAN else None
            return decode(value)

        return read


class JetRow:
    """A row's bytes: how many columns it knows, which of them have a value, and where."""

    __slots__ = ("_count", "_data", "_ends", "_head", "_marks")

    def __init__(self, data: bytes, jet3: bool, variables: int) -> None:
        self._data, self._head = data, 1 if jet3 else 2
        self._count = data[0] if jet3 else data[0] | data[1] << 8
        size = (self._count + 7) // 8
        if len(data) < self._head + size:
            raise broken("a row is cut off")
        self._marks = data[len(data) - size :]
        self._ends: tuple[int, ...] | list[int] = ()
        if variables:
            self._ends = _jet3_ends(data, size) if jet3 else _ends(data, size)

    def marked(self, number: int) -> bool:
        """Whether a column has a value; a logical column is nothing else."""
        return number < self._count and bool(self._marks[number >> 3] >> (number & 7) & 1)

    def cell(self, column: JetColumn) -> bytes | None:
        """The bytes of a column; None without a value."""
        if not self.marked(column.number):
            return None
        if column.variable is None:
            start = self._head + column.offset
            end = start + _SIZES.get(column.kind, column.size)
        elif column.variable + 1 < len(self._ends):
            start, end = self._ends[column.variable], self._ends[column.variable + 1]
        else:
            return None  # the row is older than the column
        if not 0 <= start <= end <= len(self._data):
            raise broken("a cell stands outside its row")
        return self._data[start:end]


def _ends(data: bytes, marks: int) -> tuple[int, ...]:
    """Where the values of variable length begin, and the last ends: numbers from the row's end backwards."""
    at = len(data) - marks - 2
    (count,) = struct.unpack_from("<H", data, at)
    start = at - 2 * (count + 1)
    if start < 0:
        raise broken("a row is cut off")
    return struct.unpack_from(f"<{count + 1}H", data, start)[::-1]


def _jet3_ends(data: bytes, marks: int) -> list[int]:
    """The same in single bytes; a table says from which value on 256 more are meant."""
    last = len(data) - marks - 1
    count, jumps = data[last], (len(data) - 1) // 256
    at = last - jumps - 1
    if (at - count) // 256 < jumps:
        jumps -= 1  # the last one counts nothing
    ends, used = [], 0
    for index in range(count + 1):
        while used < jumps and data[last - 1 - used] == index:
            used += 1
        if at - index < 0:
            raise broken("a row is cut off")
        ends.append(data[at - index] + 256 * used)
    return ends


def _unwrapped(cell: bytes) -> bytes:
    """The value of a calculated column, which has its own header."""
    (length,) = struct.unpack_from("<I", cell, 16)
    if 20 + length > len(cell):
        raise broken("a calculated value is cut off")
    return cell[20 : 20 + length]


# ---------------------------------------------------------------- cells


def _number(form: str) -> Callable[[bytes], Any]:
    reader = struct.Struct(form)
    return lambda cell: float(reader.unpack(cell)[0])


def _long(cell: bytes) -> Any:
    number = int.from_bytes(cell, "little", signed=True)
    return float(number) if -_LONGEST <= number <= _LONGEST else number


def _decimal(number: int, scale: int) -> Any:
    exact = Decimal(number).scaleb(-scale)
    double = float(exact)
    return double if Decimal(repr(double)) == exact else exact


def _currency(cell: bytes) -> Any:
    return _decimal(int.from_bytes(cell, "little", signed=True), 4)


def _numeric(cell: bytes, scale: int) -> Any:
    """A sign, and four parts of 32 bits, the highest first."""
    if len(cell) != 17:
        raise broken("a decimal is cut off")
    number = 0
    for (part,) in struct.iter_unpack("<I", cell[1:]):
        number = number << 32 | part
    return _decimal(-number if cell[0] & 0x80 else number, scale)


def _ole_decimal(cell: bytes) -> Any:
    """A decimal as OLE has it: two unused bytes, scale, sign, the highest 32 bits, the other 64."""
    if len(cell) != 16:
        raise broken("a decimal is cut off")
    _, scale, sign, high, low = struct.unpack("<HBBIQ", cell)
    number = high << 64 | low
    return _decimal(-number if sign else number, scale)


def _moment(cell: bytes) -> Any:
    """Days since 1899-12-30 as .NET reads them: to the millisecond, the time of day always forwards."""
    (days,) = struct.unpack("<d", cell)
    if not _FIRST_OLE < days < _LAST_OLE:
        return failed(errors.could_not_parse("DateTime", None))
    milliseconds = int(days * 86_400_000 + (0.5 if days >= 0 else -0.5))
    if milliseconds < 0:
        milliseconds -= -(-milliseconds % 86_400_000) * 2
    return DateTime(_OLE_ZERO * DAY + milliseconds * 10_000)


def _extended(cell: bytes) -> Any:
    """Days since 0001-01-01, seconds and ticks of 100 ns, as digits."""
    try:
        ticks = int(cell[:19]) * DAY + int(cell[20:32]) * 10_000_000 + int(cell[32:39])
    except ValueError:
        raise broken("a date is no number") from None
    return DateTime(ticks) if 0 <= ticks <= MAX_TICKS else failed(errors.could_not_parse("DateTime", None))


def _guid(cell: bytes) -> str:
    if len(cell) != 16:
        raise broken("a GUID is cut off")
    return str(uuid.UUID(bytes_le=cell))


def _strange(cell: bytes) -> Any:
    return failed(
        errors.not_supported("Access.Database", "a column of attachments, several values or an unknown type")
    )


_DECODERS: dict[int, Callable[[bytes], Any]] = {
    _BOOLEAN: lambda cell: bool(cell[0]), _BYTE: _number("<B"), _INTEGER: _number("<h"), _LONG: _number("<i"),
    _SINGLE: _number("<f"), _DOUBLE: _number("<d"), _CURRENCY: _currency, _MOMENT: _moment, _EXTENDED: _extended,
    _BINARY: bytes, _GUID: _guid, _BIGINT: _long,
}  # fmt: skip


# ---------------------------------------------------------------- as a source


class AccessSource(Source):
    """A table of an Access database as a source of rows."""

    __slots__ = ("label", "table")

    def __init__(self, table: JetTable, name: str) -> None:
        self.table, self.label = table, f"Access table {name}"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        known = {c.name: c for c in self.table.columns}
        chosen = self.table.columns if columns is None else [known[name] for name in columns]
        size = BATCH_ROWS if limit is None else max(1, min(BATCH_ROWS, limit))
        part: list[list[Any]] = []
        with whole_file():
            for row in self.table.rows(chosen):
                part.append(row)
                if len(part) == size:
                    yield _batch(part, len(chosen))
                    part = []
            if part:
                yield _batch(part, len(chosen))


def _batch(rows: list[list[Any]], width: int) -> Batch:
    columns = [list(column) for column in zip(*rows, strict=True)] if width else []
    return Batch(columns, len(rows))
