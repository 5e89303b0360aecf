"""M kinds, Arrow types and SQL types: which is which, and M values from and to Arrow columns.

Only what is exact both ways has a kind; every other Arrow type travels as "any": it may
pass through a query but no expression is folded over it.
Read `sources.py` for the tables that come in and `engines/duckdb.py` for those that go out.
"""

from __future__ import annotations

from typing import Any

from mlang.tables.column import Column
from mlang.values.temporal import MAX_TICKS, MINUTE, Date, DateTime, DateTimeZone, Duration, Time
from mlang.values.thunk import DONE, Thunk

#: Days and ticks from 0001-01-01 to 1970-01-01.
EPOCH_DAYS = 719_162
EPOCH_TICKS = 621_355_968_000_000_000

_SQL = {
    "number": "DOUBLE", "text": "VARCHAR", "logical": "BOOLEAN", "date": "DATE", "datetime": "TIMESTAMP",
    "time": "TIME", "duration": "BIGINT", "binary": "BLOB",
    "datetimezone": "STRUCT(u TIMESTAMP, o BIGINT)",  # `zones.py`
}  # fmt: skip

KINDS = frozenset(_SQL)


def storage_of(kind: str) -> str:
    """The SQL type that stores a kind by default."""
    return _SQL[kind]


def from_arrow_type(type: Any) -> tuple[str, str, bool]:
    """Kind, SQL type and whether every value is a whole number below 2^53."""
    import pyarrow as pa

    t = pa.types
    if t.is_dictionary(type):
        type = type.value_type
    if t.is_string(type) or t.is_large_string(type) or t.is_string_view(type):
        return "text", "VARCHAR", False
    if t.is_float64(type) or t.is_float32(type):
        return "number", "DOUBLE", False
    if t.is_integer(type) and not t.is_uint64(type):
        return "number", "BIGINT", type.bit_width < 64
    if t.is_boolean(type):
        return "logical", "BOOLEAN", False
    if t.is_date32(type):
        return "date", "DATE", False
    if t.is_timestamp(type) and type.tz is None and type.unit != "ns":
        return "datetime", "TIMESTAMP", False
    if t.is_time64(type) and type.unit == "us":
        return "time", "TIME", False
    if t.is_binary(type) or t.is_large_binary(type):
        return "binary", "BLOB", False
    return "any", "", False


def from_sql_type(name: str) -> tuple[str, str, bool]:
    """The same for the name of a DuckDB column type."""
    name = name.upper()
    if name in ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"):
        return "number", "BIGINT", True
    found = {
        "BIGINT": ("number", "BIGINT"), "DOUBLE": ("number", "DOUBLE"), "FLOAT": ("number", "DOUBLE"),
        "VARCHAR": ("text", "VARCHAR"), "BOOLEAN": ("logical", "BOOLEAN"), "DATE": ("date", "DATE"),
        "TIMESTAMP": ("datetime", "TIMESTAMP"), "TIME": ("time", "TIME"), "BLOB": ("binary", "BLOB"),
    }.get(name)  # fmt: skip
    return (*found, False) if found else ("any", "", False)


# ---------------------------------------------------------------- M values to Arrow


class Untyped(Exception):
    """A column that is not of one kind that SQL can hold."""


def settled(column: list[Any]) -> list[Any]:
    """The cells as values; `Untyped` when one is an error or not evaluated yet."""
    if Thunk not in set(map(type, column)):
        return column
    out = []
    for cell in column:
        if cell.__class__ is Thunk:
            if cell.state != DONE:
                raise Untyped("cells that hold errors or are not computed yet")
            cell = cell.content
        out.append(cell)
    return out


def kind_of_column(cells: list[Any]) -> str:
    """The one kind of all cells that are not null ("null" when all are); `Untyped` when mixed."""
    classes = set(map(type, cells))
    classes.discard(type(None))
    if not classes:
        return "null"
    if len(classes) > 1:
        raise Untyped("cells of several kinds")
    kind = _CLASSES.get(classes.pop())
    if kind is None:
        raise Untyped("cells that SQL cannot hold")
    return kind


_CLASSES: dict[type, str] = {
    float: "number", str: "text", bool: "logical", Date: "date", DateTime: "datetime", Time: "time",
    Duration: "duration", bytes: "binary", DateTimeZone: "datetimezone",
}  # fmt: skip


def arrow_type(kind: str) -> Any:
    """The Arrow type that `to_arrow` gives for a kind."""
    import pyarrow as pa

    return {
        "number": pa.float64(), "text": pa.string(), "null": pa.string(), "logical": pa.bool_(),
        "binary": pa.binary(), "date": pa.date32(), "duration": pa.int64(), "time": pa.time64("us"),
        "datetime": pa.timestamp("us"), "datetimezone": _zone_type(),
    }[kind]  # fmt: skip


def _zone_type() -> Any:
    import pyarrow as pa

    return pa.struct([("u", pa.timestamp("us")), ("o", pa.int64())])


def to_arrow(cells: list[Any], kind: str) -> Any:
    """An Arrow array of settled cells of one kind; `Untyped` when a cell does not fit."""
    import pyarrow as pa

    if kind == "number":
        return pa.array(cells, pa.float64(), from_pandas=False)
    if kind in ("text", "null"):
        try:
            return pa.array(cells, pa.string())
        except (UnicodeEncodeError, pa.ArrowInvalid):
            raise Untyped("texts with half surrogate pairs") from None
    if kind == "logical":
        return pa.array(cells, pa.bool_())
    if kind == "binary":
        return pa.array(cells, pa.binary())
    if kind == "date":
        days = [None if c is None else c.days - EPOCH_DAYS for c in cells]
        return pa.array(days, pa.int32()).cast(pa.date32())
    if kind == "duration":
        return pa.array([None if c is None else c.ticks for c in cells], pa.int64())
    return _clock_to_arrow(cells, kind)


def _clock_to_arrow(cells: list[Any], kind: str) -> Any:
    import pyarrow as pa

    if kind == "datetimezone":
        instants = [None if c is None else DateTime(c.utc_ticks) for c in cells]
        parts = [
            _clock_to_arrow(instants, "datetime"),
            pa.array([None if c is None else c.offset for c in cells], pa.int64()),
        ]
        null = pa.array([c is None for c in cells], pa.bool_())
        return pa.StructArray.from_arrays(parts, fields=list(_zone_type()), mask=null)
    if any(c is not None and c.ticks % 10 for c in cells):
        raise Untyped("times finer than a microsecond")
    if kind == "time":
        micros = [None if c is None else c.ticks // 10 for c in cells]
        return pa.array(micros, pa.int64()).cast(pa.time64("us"))
    micros = [None if c is None else (c.ticks - EPOCH_TICKS) // 10 for c in cells]
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us"))


def facts_of(array: Any, kind: str) -> dict[str, Any]:
    """What is proven of an Arrow array that holds a kind as `to_arrow` gives it."""
    import pyarrow.compute as pc

    facts: dict[str, Any] = {"nullable": array.null_count > 0 if kind != "null" else True}
    if kind == "number":
        facts["nonan"] = not pc.any(pc.is_nan(array), min_count=0).as_py()
        small, whole = pc.less(pc.abs(array), 2.0**53), pc.equal(pc.floor(array), array)
        facts["int53"] = bool(pc.all(pc.and_(small, whole), min_count=0).as_py())
    if kind == "text":
        facts["ascii"] = bool(pc.all(pc.string_is_ascii(array), min_count=0).as_py())
    return facts


def typed_array(column: Column) -> tuple[str, Any]:
    """Kind and Arrow array of a column in memory; `Untyped` when SQL cannot hold it."""
    array = None if column.raw is None else _told(column)
    if array is not None:
        return _kind_of_array(array)
    cells = settled(column.cells())
    kind = kind_of_column(cells)
    return kind, to_arrow(cells, kind)


def is_told(array: Any, kind: str) -> bool:
    """Whether Arrow data itself says what its cells are, if a query says that they are of a kind."""
    return kind != "any" and from_arrow_type(array.type)[0] == kind


def _told(column: Column) -> Any:
    """The Arrow data of a column as `to_arrow` would give its cells; None where these have to be looked at."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array, kind = column.array(), from_arrow_type(column.raw.type)[0]
    try:
        if kind == "text" and array is not None:
            array.validate(full=True)  # a file may hold any bytes as a text
        elif kind in ("datetime", "time", "binary"):
            array = column.raw.cast(arrow_type(kind))
    except pa.ArrowInvalid:
        return None
    if kind == "datetime" and array.null_count < len(array):
        bounds = pc.min_max(array.cast(pa.int64())).as_py()
        if bounds["min"] < -EPOCH_TICKS // 10 or bounds["max"] > (MAX_TICKS - EPOCH_TICKS) // 10:
            return None
    return array


def _kind_of_array(array: Any) -> tuple[str, Any]:
    import pyarrow as pa

    if array.null_count == len(array):
        return "null", pa.nulls(len(array), pa.string())
    return from_arrow_type(array.type)[0], array


# ---------------------------------------------------------------- Arrow to M values


def to_values(array: Any, kind: str) -> list[Any]:
    """The M values of an Arrow array that holds a kind (as `storage_of` stores it)."""
    import pyarrow as pa

    t = array.type
    if kind in ("text", "logical", "binary") or (kind == "number" and pa.types.is_floating(t)):
        return list(array.to_pylist())
    if kind == "number" and pa.types.is_integer(t):
        return _whole_numbers(array)
    if kind == "date":
        return [None if d is None else Date(d + EPOCH_DAYS) for d in array.cast(pa.int32()).to_pylist()]
    if kind == "datetime" and pa.types.is_integer(t):  # finer than a microsecond
        return [None if n is None else DateTime(n) for n in array.to_pylist()]
    if kind == "datetime":
        micros = array.cast(pa.timestamp("us")).cast(pa.int64()).to_pylist()
        return [None if m is None else DateTime(m * 10 + EPOCH_TICKS) for m in micros]
    if kind == "datetimezone":
        return _zones(array)
    if kind == "time":
        micros = array.cast(pa.time64("us")).cast(pa.int64()).to_pylist()
        return [None if m is None else Time(m * 10) for m in micros]
    if kind == "duration":
        return [None if n is None else Duration(n) for n in array.cast(pa.int64()).to_pylist()]
    if kind == "null":
        return [None] * len(array)
    from mlang.connectors.arrow import column_to_values

    return column_to_values(array)


def _zones(array: Any) -> list[Any]:
    """Of instants (in ticks, where they are whole numbers) and offsets."""
    import pyarrow as pa

    instants, offsets = array.flatten()
    moments = to_values(instants, "datetime")
    pairs = zip(moments, offsets.cast(pa.int64()).to_pylist(), strict=True)
    return [None if m is None else DateTimeZone(m.ticks + o * MINUTE, o) for m, o in pairs]


def exported(array: Any, kind: str, target: Any) -> Any:
    """An Arrow array that holds a kind, as ``target`` if it fits unchanged; never of a type that misleads.

    None where only the cells say what they are.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    t = pa.types
    if kind == "null":
        return pa.nulls(len(array), target)
    if kind == "duration":
        micros = pc.divide(array, 10)
        if not pc.all(pc.equal(pc.multiply(micros, 10), array), min_count=0).as_py():
            return array.cast(pa.decimal128(38, 0))  # a type that no column claims
        return micros.cast(pa.duration("us"))
    if kind == "datetimezone":  # Arrow data of this kind has the instant only: where that is asked for
        found = (
            exported(array.flatten()[0], "datetime", None) if target == pa.timestamp("us", "UTC") else None
        )
        return found.cast(target) if found is not None and t.is_timestamp(found.type) else None
    if kind == "datetime" and t.is_integer(array.type):
        micros = pc.divide(array, 10)
        if not pc.all(pc.equal(pc.multiply(micros, 10), array), min_count=0).as_py():
            return array.cast(pa.decimal128(38, 0))  # a type that no column claims
        return pc.subtract(micros, EPOCH_TICKS // 10).cast(pa.timestamp("us"))
    if target is None or array.type == target:
        return array
    if kind == "number" and t.is_integer(array.type) and t.is_float64(target):
        bounds = pc.min_max(array).as_py()
        fits = bounds["min"] is None or (bounds["min"] >= -(2**53) and bounds["max"] <= 2**53)
        return array.cast(target) if fits else array
    if kind == "number" and t.is_integer(target) and (t.is_integer(array.type) or t.is_float64(array.type)):
        try:
            return array.cast(target)
        except pa.ArrowInvalid:
            return array
    if kind == "binary" and t.is_large_binary(target):
        return array.cast(target)
    return array


def _whole_numbers(array: Any) -> list[Any]:
    """Whole numbers as M has them: doubles where a double is exact."""
    values = array.to_pylist()
    return [v if v is None else (float(v) if -(2**53) <= v <= 2**53 else v) for v in values]
