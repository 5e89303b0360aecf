"""M values as Arrow columns: for staging, export and engines.

`arrow_type_of` says which Arrow type an M type has, whatever the values are: numbers are
doubles, the whole-number types integers of their width, Currency.Type decimal(19, 4), date
and time kinds microseconds (a datetimezone keeps the instant in UTC; staging stores
the offset in a column of its own).  `values_to_array` never changes a value silently: one that does not fit
(a fraction in an Int64.Type column, an integer a double cannot hold, ticks below the
microsecond) raises `Unfit`, and the caller chooses a wider type (`wider`) or the interpreter.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from mlang import errors as messages
from mlang.errors import Fault, MError
from mlang.tables.related import is_related, without_related
from mlang.values import binary, lists
from mlang.values import types as mtypes
from mlang.values.kinds import DISPLAY, kind_of
from mlang.values.metadata import Annotated
from mlang.values.related import related_kind
from mlang.values.temporal import DAY
from mlang.values.thunk import Thunk
from mlang.values.types import Field, ListType, MType, RecordType, TableType

_EPOCH_DAYS = 719_162
_EPOCH_TICKS = _EPOCH_DAYS * DAY
_INTEGERS = {
    "Int64.Type": pa.int64(), "Int32.Type": pa.int32(), "Int16.Type": pa.int16(), "Int8.Type": pa.int8(),
    "Byte.Type": pa.uint8(),
}  # fmt: skip
_PLAIN = {
    "number": pa.float64(), "text": pa.string(), "logical": pa.bool_(), "binary": pa.large_binary(),
    "date": pa.date32(), "time": pa.time64("us"), "datetime": pa.timestamp("us"),
    "datetimezone": pa.timestamp("us", "UTC"), "duration": pa.duration("us"), "null": pa.null(),
}  # fmt: skip


class Unfit(Fault):
    """A value that the Arrow type cannot hold unchanged: its row and the type."""

    def __init__(self, row: int, value: Any, type: pa.DataType) -> None:
        super().__init__(f"row {row}: {value!r} does not fit {type}")
        self.row, self.value, self.type = row, value, type


# ---------------------------------------------------------------- types


def arrow_type_of(type: MType) -> pa.DataType | None:
    """The Arrow type of an M type; None when only the values can tell (any, untyped lists and records)."""
    if type.kind == "number":
        if type.name in _INTEGERS:
            return _INTEGERS[type.name]
        return pa.decimal128(19, 4) if type.name == "Currency.Type" else pa.float64()
    if type.kind in _PLAIN:
        return _PLAIN[type.kind]
    if isinstance(type, ListType):
        item = arrow_type_of(type.item)
        return None if item is None else pa.list_(item)
    row = type.row if isinstance(type, TableType) else type
    if isinstance(row, RecordType) and not row.open:
        parts = [(f.name, arrow_type_of(f.type)) for f in row.fields if not is_related(f.type)]
        if any(t is None for _, t in parts):
            return None
        struct = pa.struct(parts)
        return pa.list_(struct) if isinstance(type, TableType) else struct
    return None


def wider(type: pa.DataType, value: Any) -> pa.DataType | None:
    """A type that holds what ``type`` does and ``value`` too; None when there is none."""
    t = pa.types
    if t.is_integer(type):
        whole = value == value and int(value) == value if abs(value) < 2**64 else False
        if whole and -(2**63) <= value < 2**63 and type != pa.int64():
            return pa.int64()
        return pa.float64() if value.__class__ is float else pa.decimal128(38, 10)
    if t.is_floating(type) or t.is_decimal(type):
        return None if type == pa.decimal128(38, 10) else pa.decimal128(38, 10)
    if t.is_timestamp(type) and type.unit == "us":
        return pa.timestamp("ns", type.tz)
    if t.is_time(type) and type.unit == "us":
        return pa.time64("ns")
    if t.is_duration(type) and type.unit == "us":
        return pa.duration("ns")
    return None


class_of = type  # parameters named ``type`` hide it below
_NONE = type(None)
_PLAIN_CLASSES = ((float, "number"), (str, "text"), (bool, "logical"))


def infer_type(values: list[Any]) -> MType:
    """The narrowest M type of some cells, lists and records looked into; mixed kinds are text."""
    classes = set(map(class_of, values)) - {_NONE}
    for plain, plain_kind in _PLAIN_CLASSES:
        if classes == {plain}:
            return mtypes.primitive(plain_kind, True)
    bare = [v for v in (_settled(v) for v in values) if v is not None]
    kinds = {kind_of(v) for v in bare}
    if not kinds:
        return mtypes.nullable(mtypes.TEXT)
    if len(kinds) > 1:
        return mtypes.nullable(mtypes.TEXT)
    kind = kinds.pop()
    if kind == "list":
        return mtypes.nullable(ListType(infer_type([i for v in bare for i in lists.to_list(v)])))
    if kind == "record":
        return mtypes.nullable(_infer_record(bare))
    if kind == "table":
        tables = [without_related(table)[0] for table in bare]
        rows = [record for table in tables for record in table.records()]
        rows = rows or [dict.fromkeys(table.names) for table in tables]  # only the names are known
        return mtypes.nullable(ListType(_infer_record(rows)))
    if kind in ("function", "type"):
        raise messages.cannot_convert(bare[0], "Text")
    return mtypes.primitive(kind, True)


def _infer_record(records: list[dict[str, Any]]) -> RecordType:
    columns: dict[str, list[Any]] = {}
    related: set[str] = set()
    for record in records:
        for name, cell in record.items():
            columns.setdefault(name, [])
            if related_kind(cell) is not None:
                related.add(name)
    for name in related:
        del columns[name]
    for name, values in columns.items():
        values.extend(r.get(name) for r in records)
    return RecordType([Field(name, infer_type(values)) for name, values in columns.items()])


def _settled(value: Any) -> Any:
    """A cell's value; None for one that failed."""
    if value.__class__ is Thunk:
        try:
            value = value.get()
        except MError:
            return None
    return value.value if value.__class__ is Annotated else value


# ---------------------------------------------------------------- values


def values_to_array(
    values: list[Any], type: MType, errors: str = "raise", arrow_type: pa.DataType | None = None
) -> Any:
    """One column as an Arrow array of ``arrow_type`` (default: what `arrow_type_of` or the values say).

    Cells may be thunks.  A failed cell, or one of another kind than the type claims, raises its
    `MError`; with ``errors="collect"`` it becomes null and the result is (array, [(row, error)]).
    Where the type says nothing (any), cells of mixed kinds become what Text.From makes of them.
    """
    problems: list[tuple[int, MError]] | None = [] if errors == "collect" else None
    bare = _forced(values, problems)
    claimed = arrow_type_of(type)
    if arrow_type is None:
        arrow_type = claimed if claimed is not None else arrow_type_of(infer_type(bare)) or pa.null()
    array = _array(bare, arrow_type, problems, claimed is None)
    if problems is None:
        return array
    problems.sort(key=_row_of)
    return array, problems


def _row_of(problem: tuple[int, MError]) -> int:
    return problem[0]


def _forced(values: list[Any], problems: list[tuple[int, MError]] | None) -> list[Any]:
    """The cells without thunks and wrappers; the same list when there are none."""
    classes = set(map(type, values))
    if Thunk not in classes and Annotated not in classes:
        return values
    out = []
    for row, value in enumerate(values):
        if value.__class__ is Thunk:
            try:
                value = value.get()
            except MError as error:
                if problems is None:
                    raise
                problems.append((row, error))
                value = None
        out.append(value.value if value.__class__ is Annotated else value)
    return out


def _array(
    values: list[Any], type: pa.DataType, problems: list[tuple[int, MError]] | None, mixed: bool = False
) -> Any:
    t = pa.types
    if t.is_floating(type) or t.is_integer(type) or t.is_decimal(type):
        return _numbers(values, type, problems)
    if t.is_list(type):
        return _lists(values, type, problems, mixed)
    if t.is_struct(type):
        return _structs(values, type, problems, mixed)
    kind = _kind_of_arrow(type)
    if t.is_null(type):
        return pa.nulls(len(_checked(values, kind, problems)))
    if kind == "text" and mixed and set(map(class_of, values)) - {str, _NONE}:
        values = _as_texts(values)
    values = _checked(values, kind, problems)
    if kind in ("text", "logical"):
        return _encoded(values, type)
    if kind == "binary":
        return pa.array([None if v is None else binary.content(v) for v in values], type)
    return _temporal(values, type, kind)


def _encoded(values: list[Any], type: pa.DataType) -> Any:
    try:
        return pa.array(values, type)
    except UnicodeEncodeError:  # Arrow text is UTF-8, which has no lone surrogates
        for row, value in enumerate(values):
            try:
                value is not None and value.encode()
            except UnicodeEncodeError:
                raise Unfit(row, value, type) from None
        raise


def _as_texts(values: list[Any]) -> list[Any]:
    """Cells of mixed kinds as Text.From gives them."""
    from mlang import registry

    text_from = registry.value_of("Text.From").fn
    return [v if v is None or v.__class__ is str else text_from(v) for v in values]


def _kind_of_arrow(type: pa.DataType) -> str:
    t = pa.types
    if t.is_timestamp(type):
        return "datetimezone" if type.tz else "datetime"
    for test, kind in (
        (t.is_string, "text"), (t.is_large_string, "text"), (t.is_boolean, "logical"), (t.is_date, "date"),
        (t.is_time, "time"), (t.is_duration, "duration"), (t.is_large_binary, "binary"),
        (t.is_binary, "binary"), (t.is_null, "null"),
    ):  # fmt: skip
        if test(type):
            return kind
    raise messages.not_supported("Arrow", f"the type {type}")


def _checked(values: list[Any], kind: str, problems: list[tuple[int, MError]] | None) -> list[Any]:
    """The cells, those of another kind refused (or null, collected)."""
    classes = set(map(class_of, values)) - {_NONE}
    strangers = {c for c in classes if _kind_of_class(c, values) != kind}
    if not strangers:
        return values
    out = []
    for row, value in enumerate(values):
        if value.__class__ in strangers and kind_of(value) != kind:
            error = messages.cannot_convert(value, DISPLAY[kind])
            if problems is None:
                raise error
            problems.append((row, error))
            value = None
        out.append(value)
    return out


def _kind_of_class(cls: Any, values: list[Any]) -> str:
    """The kind of the values of one class (their class decides, looked up at the first of them)."""
    return kind_of(next(v for v in values if v.__class__ is cls))


def _numbers(values: list[Any], type: pa.DataType, problems: list[tuple[int, MError]] | None) -> Any:
    values = _checked(values, "number", problems)
    classes = set(map(class_of, values)) - {_NONE}
    if type == pa.float64():
        if classes <= {float}:
            return pa.array(values, type, from_pandas=False)
        return pa.array([None if v is None else _as_double(r, v, type) for r, v in enumerate(values)], type)
    if pa.types.is_integer(type):
        if classes <= {float}:
            try:  # refused when a value is not whole, or out of range: then the loop finds it
                return pa.array(values, pa.float64(), from_pandas=False).cast(type)
            except pa.ArrowInvalid:
                pass
        return pa.array([None if v is None else _as_integer(r, v, type) for r, v in enumerate(values)], type)
    if pa.types.is_decimal(type):
        return pa.array([None if v is None else _as_decimal(r, v, type) for r, v in enumerate(values)], type)
    doubles = [None if v is None else _as_double(r, v, type) for r, v in enumerate(values)]
    return pa.array(doubles, pa.float64()).cast(type)


def _as_double(row: int, value: Any, type: pa.DataType) -> float:
    """The double equal to a number; for a decimal, the double whose shortest text it is."""
    if value.__class__ is float:
        return float(value)
    double = float(value)
    if double == value or (value.__class__ is not int and Decimal(repr(double)) == value):
        return double
    raise Unfit(row, value, type)


def _as_integer(row: int, value: Any, type: pa.DataType) -> int:
    bits = type.bit_width
    low, high = (0, 2**bits) if pa.types.is_unsigned_integer(type) else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    if value == value and low <= value < high and int(value) == value:
        return int(value)
    raise Unfit(row, value, type)


def _as_decimal(row: int, value: Any, type: pa.DataType) -> Decimal:
    exact = Decimal(repr(value)) if value.__class__ is float else Decimal(value)
    if exact.is_finite():
        _, digits, exponent = exact.as_tuple()
        surplus = -type.scale - int(exponent)  # digits below the scale: all must be zero
        below = digits[max(0, len(digits) - surplus) :] if surplus > 0 else ()
        if exact == 0 or (exact.adjusted() + type.scale < type.precision and not any(below)):
            return exact
    raise Unfit(row, value, type)


def _temporal(values: list[Any], type: pa.DataType, kind: str) -> Any:
    if kind == "date":
        return pa.array([None if v is None else v.days - _EPOCH_DAYS for v in values], pa.int32()).view(type)
    if kind == "datetime":
        ticks = [None if v is None else v.ticks - _EPOCH_TICKS for v in values]
    elif kind == "datetimezone":
        ticks = [None if v is None else v.utc_ticks - _EPOCH_TICKS for v in values]
    else:
        ticks = [None if v is None else v.ticks for v in values]
    if type.unit == "ns":
        numbers = [None if n is None else n * 100 for n in ticks]
        for row, n in enumerate(numbers):
            if n is not None and not -(2**63) <= n < 2**63:
                raise Unfit(row, values[row], type)
    else:
        for row, n in enumerate(ticks):
            if n is not None and n % 10:
                raise Unfit(row, values[row], type)
        numbers = [None if n is None else n // 10 for n in ticks]
    return pa.array(numbers, pa.int64()).view(type)


def _lists(
    values: list[Any], type: pa.DataType, problems: list[tuple[int, MError]] | None, mixed: bool
) -> Any:
    if any(kind_of(v) == "table" for v in values if v is not None):
        values = [
            list(without_related(v)[0].records()) if v is not None and kind_of(v) == "table" else v
            for v in values
        ]
    values = _checked(values, "list", problems)
    offsets: list[int | None] = []
    flat: list[Any] = []
    for value in values:
        offsets.append(None if value is None else len(flat))
        if value is not None:
            flat.extend(lists.to_list(value))
    offsets.append(len(flat))
    child = _array(_forced(flat, None), type.value_type, None, mixed)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), child)


def _structs(
    values: list[Any], type: pa.DataType, problems: list[tuple[int, MError]] | None, mixed: bool
) -> Any:
    values = _checked(values, "record", problems)
    children = []
    for field in type:
        cells = [None if v is None else v.get(field.name) for v in values]
        children.append(_array(_forced(cells, None), field.type, None, mixed))
    mask = pa.array([v is None for v in values], pa.bool_())
    if not children:
        return pa.array([None if v is None else {} for v in values], type)
    return pa.StructArray.from_arrays(children, fields=list(type), mask=mask)
