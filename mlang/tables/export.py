"""Tables as Arrow: what ``Table.to_arrow``, staging and the command line use.

A column whose M type says what it holds streams (`to_batches`); one that does not
(any, untyped lists and records) is read whole first, so that its Arrow type fits all
cells.  A value that the column's type cannot hold unchanged widens the column.  Columns that lead to
related tables (``related.py``) are left out.  Read
``connectors/arrow_out.py`` for the types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlang.connectors.arrow_out import Unfit, arrow_type_of, infer_type, values_to_array, wider
from mlang.tables import plan as p
from mlang.tables.batches import ArrowBatch
from mlang.tables.flow import Batch
from mlang.tables.related import is_related, without_related
from mlang.tables.table import Table
from mlang.values.types import MType, primitive


def to_arrow(table: Table) -> pa.Table:
    """The whole table; an error cell raises its `MError`."""
    table = without_related(table)[0]
    names, types = table.type.names, table.type.types
    batches = list(table.batches())
    if not names:
        length = sum(batch.length for batch in batches)
        return pa.table({}) if not length else pa.table({"": pa.nulls(length)}).select([])
    return pa.Table.from_arrays(
        [_whole_column(batches, index, type) for index, type in enumerate(types)], names=list(names)
    )


def _whole_column(batches: list[Batch], index: int, type: MType) -> Any:
    """One column of all batches: as it is where it is Arrow of the right type, else through its cells."""
    target = arrow_type_of(type)
    if target is None:
        target = _inferred(batches, index)
    ready = [_ready(batch, index, target) for batch in batches] if target is not None else []
    if any(column is not None for column in ready):
        try:  # batches that are not Arrow data yet become so one by one
            parts = [
                values_to_array(_cells(batch, index), type, arrow_type=target) if column is None else column
                for batch, column in zip(batches, ready, strict=True)
            ]
        except Unfit:
            pass
        else:
            return pa.chunked_array(parts, target)
    return column_array([cell for batch in batches for cell in _cells(batch, index)], type)


def _cells(batch: Batch, index: int) -> list[Any]:
    return batch.cells(index) if isinstance(batch, ArrowBatch) else batch.columns[index]


#: Arrow types that say what their cells are, and the type that such cells have where none is claimed.
_TELLING = {
    pa.string(): pa.string(),
    pa.float64(): pa.float64(),
    pa.bool_(): pa.bool_(),
    pa.int64(): pa.float64(),
}


def _inferred(batches: list[Batch], index: int) -> pa.DataType | None:
    """The type of an untyped column, told by its Arrow data; None when its cells must be looked at."""
    if not batches or not all(isinstance(batch, ArrowBatch) for batch in batches):
        return None
    columns = [batch.arrow(index) for batch in batches if isinstance(batch, ArrowBatch)]
    if any(column is None for column in columns):
        return None
    if len({column.type for column in columns}) > 1 or all(c.null_count == len(c) for c in columns):
        return None
    return _TELLING.get(columns[0].type)


#: Days and microseconds since 1970 of the first and last moments that M has.
_CALENDAR = {"date": (-719_162, 2_932_896), "timestamp": (-62_135_596_800_000_000, 253_402_300_799_999_999)}


def _ready(batch: Batch, index: int, target: pa.DataType | None) -> Any:
    """A column of Arrow data that may go out unconverted; None when its cells must be looked at."""
    if not isinstance(batch, ArrowBatch):
        return None
    column = batch.arrow(index)
    if column is None:
        return None
    if column.type != target:
        if target is not None and pa.types.is_decimal128(column.type):
            return _from_decimals(column, target)
        return _as_numbers(column, target) if {column.type, target} == {pa.int64(), pa.float64()} else None
    if pa.types.is_temporal(column.type) and not _is_in_calendar(column):
        return None
    return column


def _is_in_calendar(column: Any) -> bool:
    """Whether all days or moments of a column are M's."""
    days = pa.types.is_date(column.type)
    if not days and not pa.types.is_timestamp(column.type):
        return True
    first, last = _CALENDAR["date" if days else "timestamp"]
    numbers = pc.min_max(column.view(pa.int32() if days else pa.int64())).as_py()
    return numbers["min"] is None or (numbers["min"] >= first and numbers["max"] <= last)


#: Decimals of fewer digits are the shortest text of the double next to them; greater powers of ten are no doubles.
_DIGITS, _SCALE = 10**15, 22


def _from_decimals(column: Any, target: pa.DataType) -> Any:
    """Decimals as doubles, or with other digits; None when some may not fit, which only the cells say."""
    if pa.types.is_decimal128(target):
        return _as_numbers(column, target)
    if target != pa.float64() or not isinstance(column, pa.Array) or not 0 <= column.type.scale <= _SCALE:
        return None
    halves = pa.Array.from_buffers(
        pa.int64(), 2 * len(column), [None, column.buffers()[1]], offset=2 * column.offset
    )
    pairs = pa.FixedSizeListArray.from_arrays(halves, 2)
    there = column.is_valid()
    low, high = (pc.if_else(there, pc.list_element(pairs, i), pa.scalar(None, pa.int64())) for i in (0, 1))
    bounds = pc.min_max(low).as_py()
    if bounds["min"] is None:
        return pa.nulls(len(column), target)
    fits = bounds["min"] > -_DIGITS and bounds["max"] < _DIGITS
    if not fits or not pc.all(pc.equal(high, pc.if_else(pc.less(low, 0), -1, 0))).as_py():
        return None
    return pc.divide(low.cast(target), pa.scalar(float(10**column.type.scale)))


def _as_numbers(column: Any, target: pa.DataType) -> Any:
    """Numbers of one type as those of another; None when there are some that do not fit."""
    try:
        return column.cast(target)
    except pa.ArrowInvalid:
        return None


def column_array(values: list[Any], type: Any) -> Any:
    """One column as an Arrow array, as wide as its values need."""
    arrow_type = arrow_type_of(type) or arrow_type_of(infer_type(values))
    while True:
        try:
            return values_to_array(values, type, arrow_type=arrow_type)
        except Unfit as unfit:
            better = wider(arrow_type, unfit.value) if unfit.type == arrow_type else None
            if better is None:
                raise _lossy(unfit) from None
            arrow_type = better


def _lossy(unfit: Unfit) -> Exception:
    from mlang import errors

    return errors.not_supported("Table.to_arrow", f"a value that {unfit.type} cannot hold exactly")


def to_batches(table: Table) -> Iterator[pa.RecordBatch]:
    """The table as record batches of one schema, in constant memory when all columns have a plain type."""
    table = without_related(table)[0]
    claimed = [
        proven_type(table.plan, name) or type
        for name, type in zip(table.names, table.type.types, strict=True)
    ]
    types = [arrow_type_of(t) for t in claimed]
    if not types or any(t is None for t in types):
        yield from to_arrow(table).to_batches()
        return
    schema = arrow_schema(table)
    for batch in table.batches():
        try:
            arrays = []
            for i, (m_type, t) in enumerate(zip(claimed, types, strict=True)):
                ready = _ready(batch, i, t)
                cells = values_to_array(_cells(batch, i), m_type, arrow_type=t) if ready is None else ready
                arrays.append(cells)
        except Unfit as unfit:
            raise _lossy(unfit) from None
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


#: Steps that change no cell.
_SAME_CELLS = (
    p.SelectRows, p.Take, p.Drop, p.TakeLast, p.DropLast, p.Sort, p.Reverse, p.Distinct, p.AddIndex, p.AddColumn,
)  # fmt: skip


def proven_type(plan: p.Plan, name: str) -> MType | None:
    """Text, where an untyped column can hold nothing else: it comes from delimited text as it is."""
    while True:
        if plan.schema.row.fields[plan.schema.index(name)].type.kind not in ("any", "text"):
            return None
        if isinstance(plan, p.Scan):
            from mlang.connectors.sources import CsvSource

            whole = isinstance(plan.source, CsvSource) and plan.source.extra_values != 0
            return primitive("text", True) if whole else None
        if isinstance(plan, p.Project):
            source = dict(plan.columns)[name]
            if source is None:
                return None
            name = source
        elif isinstance(plan, p.Retype):
            name = plan.input.schema.names[plan.schema.index(name)]
        elif isinstance(plan, p.ChangeTypes):
            changed = dict(plan.changes).get(name)
            if changed is not None:
                return primitive("text", True) if changed.kind == "text" and changed.name is None else None
        elif not isinstance(plan, _SAME_CELLS) or not plan.input.schema.has(name):
            return None
        plan = plan.input


def arrow_schema(table: Table) -> pa.Schema:
    """The schema that `to_batches` gives; columns that only their values can type are text here."""
    columns = [(f.name, f.type) for f in table.type.row.fields if not is_related(f.type)]
    return pa.schema([(name, arrow_type_of(type) or pa.string()) for name, type in columns])
