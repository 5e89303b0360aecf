"""Arrow data as M values and M types.

`column_to_values` is the only way from an Arrow column to cells: whole numbers become
doubles (those a double cannot hold stay `int`), decimals stay `Decimal`, temporal columns
go through their integers (an Arrow scalar costs 20 times as much), lists and structs
become lists and records.  Nanoseconds are cut to M's 100 ns ticks; values outside years
1 to 9999 are error cells.  A timestamp with a zone becomes a datetimezone with that zone's
offset at the instant.  The way back is ``arrow_out.py``, re-exported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlang import errors
from mlang.connectors.arrow_out import arrow_type_of, infer_type, values_to_array
from mlang.connectors.sources import BATCH_ROWS, ArrowSource
from mlang.culture.zones import offset_of
from mlang.tables.batches import ArrowBatch
from mlang.tables.plan import Batch, Scan
from mlang.tables.table import Table
from mlang.values import types as mtypes
from mlang.values.temporal import (
    DAY,
    DAYS,
    MAX_TICKS,
    MINUTE,
    SECOND,
    Date,
    DateTime,
    DateTimeZone,
    Duration,
    Time,
)
from mlang.values.thunk import failed
from mlang.values.types import Field, ListType, MType, RecordType, table_type

__all__ = [
    "arrow_batches", "arrow_type_of", "column_to_values", "infer_type", "m_type_of", "m_types_of",
    "table_from_arrow", "values_to_array",
]  # fmt: skip

#: Rows per batch when all are wanted: slices of data in memory cost nothing.
WHOLE_ROWS = 8 * BATCH_ROWS
EPOCH_DAYS = 719_162
EPOCH_TICKS = EPOCH_DAYS * DAY
_EXACT = 2**53


# ---------------------------------------------------------------- types


def _named(name: str) -> MType:
    return mtypes.NAMED[name]


def m_type_of(type: pa.DataType, nullable: bool = True) -> MType:
    """The M type that a column of this Arrow type has (nullable unless said otherwise)."""
    found = _m_type(type)
    return mtypes.nullable(found) if nullable else found


def m_types_of(schema: pa.Schema) -> dict[str, MType]:
    """Column name -> M type of an Arrow schema; M wants distinct names."""
    types: dict[str, MType] = {}
    for field in schema:
        if field.name in types:
            raise errors.column_exists(field.name)
        types[field.name] = m_type_of(field.type, field.nullable)
    return types


def _m_type(type: pa.DataType) -> MType:
    t = pa.types
    for test, name in (
        (t.is_int64, "Int64.Type"), (t.is_int32, "Int32.Type"), (t.is_int16, "Int16.Type"),
        (t.is_int8, "Int8.Type"), (t.is_uint8, "Byte.Type"), (t.is_uint16, "Int32.Type"),
        (t.is_uint32, "Int64.Type"), (t.is_float32, "Single.Type"), (t.is_float16, "Single.Type"),
    ):  # fmt: skip
        if test(type):
            return _named(name)
    if t.is_float64(type) or t.is_uint64(type):
        return mtypes.NUMBER
    if t.is_decimal(type):
        return _named("Currency.Type" if type.scale == 4 and type.precision <= 19 else "Decimal.Type")
    for tests, kind in (
        ((t.is_string, t.is_large_string, t.is_string_view), "text"),
        ((t.is_boolean,), "logical"),
        ((t.is_date,), "date"),
        ((t.is_time,), "time"),
        ((t.is_duration,), "duration"),
        ((t.is_binary, t.is_large_binary, t.is_binary_view, t.is_fixed_size_binary), "binary"),
        ((t.is_null,), "null"),
    ):
        if any(test(type) for test in tests):
            return mtypes.primitive(kind)
    if t.is_timestamp(type):
        return mtypes.primitive("datetimezone" if type.tz else "datetime")
    if t.is_dictionary(type) or t.is_run_end_encoded(type):
        return _m_type(type.value_type)
    if isinstance(type, pa.BaseExtensionType):
        return mtypes.TEXT if type.extension_name == "arrow.uuid" else _m_type(type.storage_type)
    return _m_nested_type(type)


def _m_nested_type(type: pa.DataType) -> MType:
    t = pa.types
    if t.is_map(type):
        pair = RecordType(
            [Field("Key", m_type_of(type.key_type, False)), Field("Value", m_type_of(type.item_type))]
        )
        return ListType(pair)
    if t.is_struct(type):
        return RecordType([Field(f.name, m_type_of(f.type, f.nullable)) for f in type])
    if hasattr(type, "value_type"):
        return ListType(m_type_of(type.value_type))
    return mtypes.ANY


# ---------------------------------------------------------------- values


def column_to_values(column: Any) -> list[Any]:
    """The cells of an Arrow array or chunked array; out of range temporals are failed thunks."""
    if isinstance(column, pa.ChunkedArray):
        if column.num_chunks == 1:
            return column_to_values(column.chunk(0))
        return [value for chunk in column.chunks for value in column_to_values(chunk)]
    type, t = column.type, pa.types
    if t.is_floating(type):
        return _list(column if t.is_float64(type) else column.cast(pa.float64()))
    if t.is_integer(type):
        return _integers(column)
    if t.is_dictionary(type):
        return _dictionary(column)
    if t.is_temporal(type) and not t.is_interval(type):
        return _temporal(column)
    if isinstance(type, pa.BaseExtensionType):
        if type.extension_name == "arrow.uuid":
            import uuid

            return [None if v is None else str(uuid.UUID(bytes=v)) for v in column.storage.to_pylist()]
        return column_to_values(column.storage)
    if t.is_run_end_encoded(type):
        return column_to_values(pc.run_end_decode(column))
    if t.is_nested(type):
        return _nested(column)
    if _m_type(type).kind == "any":
        raise errors.not_supported("Arrow", f"the type {type}")
    return _list(column)


def _list(column: Any) -> list[Any]:
    values: list[Any]
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:  # a file may hold any bytes as a text
        data = column.cast(pa.large_binary()).to_pylist()
        values = [None if cell is None else cell.decode("utf-8", "replace") for cell in data]
    return values


def _integers(column: Any) -> list[Any]:
    if column.type.bit_width == 64:
        bounds = pc.min_max(column).as_py()
        if bounds["min"] is not None and (bounds["min"] < -_EXACT or bounds["max"] > _EXACT):
            return [v if v is None or not -_EXACT <= v <= _EXACT else float(v) for v in column.to_pylist()]
    return _list(column.cast(pa.float64(), safe=False))


def _dictionary(column: Any) -> list[Any]:
    values = column_to_values(column.dictionary)
    return [None if i is None else values[i] for i in column.indices.to_pylist()]


def _nested(column: Any) -> list[Any]:
    type, t = column.type, pa.types
    if t.is_struct(type):
        names = [f.name for f in type]
        parts = [column_to_values(part) for part in column.flatten()]
        valid = column.is_valid().to_pylist()
        rows = zip(*parts, strict=True) if parts else iter([()] * len(column))
        return [
            dict(zip(names, row, strict=True)) if ok else None for ok, row in zip(valid, rows, strict=True)
        ]
    if t.is_map(type):
        keys, items = column_to_values(column.keys), column_to_values(column.items)
        values: list[Any] = [{"Key": k, "Value": v} for k, v in zip(keys, items, strict=True)]
    elif t.is_list(type) or t.is_large_list(type):
        values = column_to_values(column.values)
    elif t.is_union(type):
        raise errors.not_supported("Arrow", f"the type {type}")
    else:
        return _nested(column.cast(pa.large_list(type.value_type)))
    offsets = column.offsets.to_pylist()
    valid = column.is_valid().to_pylist()
    return [values[offsets[i] : offsets[i + 1]] if ok else None for i, ok in enumerate(valid)]


_TICKS = {"s": SECOND, "ms": SECOND // 1000, "us": 10}


def _ticks(column: Any, bits: int = 64) -> list[Any]:
    """A temporal column's integers in 100 ns ticks."""
    numbers = column.view(pa.int32() if bits == 32 else pa.int64()).to_pylist()
    unit = column.type.unit
    if unit == "ns":
        return [None if n is None else n // 100 for n in numbers]
    factor = _TICKS[unit]
    return [None if n is None else n * factor for n in numbers]


def _temporal(column: Any) -> list[Any]:
    type, t = column.type, pa.types
    if t.is_date(type):
        if t.is_date64(type):
            days = [None if n is None else n // 86_400_000 for n in column.view(pa.int64()).to_pylist()]
        else:
            days = column.view(pa.int32()).to_pylist()
        return _built(days, EPOCH_DAYS, DAYS - 1, Date, "Date")
    if t.is_time(type):
        return [None if n is None else Time(n) for n in _ticks(column, type.bit_width)]
    if t.is_duration(type):
        return [None if n is None else Duration(n) for n in _ticks(column)]
    if type.tz:
        offset = offset_of(type.tz)
        return _built(_ticks(column), EPOCH_TICKS, MAX_TICKS, lambda n: _zoned(n, offset), "DateTimeZone")
    return _built(_ticks(column), EPOCH_TICKS, MAX_TICKS, DateTime, "DateTime")


def _built(numbers: list[Any], shift: int, most: int, make: Callable[[int], Any], kind: str) -> list[Any]:
    """One value per number; a number outside M's calendar gives an error cell."""
    out: list[Any] = []
    for n in numbers:
        if n is None:
            out.append(None)
        elif 0 <= n + shift <= most:
            out.append(make(n + shift))
        else:
            out.append(failed(errors.could_not_parse(kind, None)))
    return out


def _zoned(utc: int, offset: int | Callable[[int], int]) -> Any:
    minutes = offset if isinstance(offset, int) else offset(utc)
    local = utc + minutes * MINUTE
    return DateTimeZone(local, minutes) if 0 <= local <= MAX_TICKS else DateTimeZone(utc, 0)


# ---------------------------------------------------------------- batches and tables


def arrow_batches(data: Any, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
    """Batches of M cells from a Table, RecordBatch, reader or dataset; only the asked columns are read."""
    left, size = limit, BATCH_ROWS if limit is not None else WHOLE_ROWS
    for piece in _pieces(data, columns):
        for start in range(0, piece.num_rows, size):
            part = piece.slice(start, size)
            if left is not None:
                if left <= 0:
                    return
                part = part.slice(0, left)
                left -= part.num_rows
            yield ArrowBatch(part)


def _pieces(data: Any, columns: list[str] | None) -> Iterator[Any]:
    if isinstance(data, pa.Table):
        data = data if columns is None else data.select(columns)
        yield from data.to_batches()
    elif isinstance(data, pa.RecordBatch):
        yield data if columns is None else data.select(columns)
    elif isinstance(data, pa.RecordBatchReader):
        for batch in data:
            yield batch if columns is None else batch.select(columns)
    else:  # a dataset
        try:
            yield from data.to_batches(columns=columns, batch_size=BATCH_ROWS)
        except (OSError, pa.ArrowException) as error:
            raise errors.not_parquet(str(error).partition("\n")[0]) from None


def table_from_arrow(data: pa.Table, name: str = "Arrow", label: str = "Arrow data") -> Table:
    """An M table over a ``pyarrow.Table`` in memory; nothing is converted until somebody reads."""
    types = m_types_of(data.schema)
    source = ArrowSource(lambda: data, types, data=data, rows=data.num_rows, label=label)
    return Table(Scan(table_type(types, types.values()), source, tuple(types), name))
