"""Tables as Arrow: what ``Table.to_arrow``, staging and the command line use.

A column whose M type says what it holds streams (`to_batches`); one that does not
(any, untyped lists and records) is read whole first, so that its Arrow type fits all
cells.  A value that the column's type cannot hold unchanged widens the column.  Read
``connectors/arrow_out.py`` for the types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from mlang.connectors.arrow_out import Unfit, arrow_type_of, infer_type, values_to_array, wider
from mlang.tables.table import Table


def to_arrow(table: Table) -> pa.Table:
    """The whole table; an error cell raises its `MError`."""
    names, types = table.type.names, table.type.types
    columns: list[list[Any]] = [[] for _ in names]
    length = 0
    for batch in table.batches():
        length += batch.length
        for column, part in zip(columns, batch.columns, strict=True):
            column.extend(part)
    if not names:
        return pa.table({}) if not length else pa.table({"": pa.nulls(length)}).select([])
    return pa.Table.from_arrays(
        [column_array(column, type) for column, type in zip(columns, types, strict=True)], names=list(names)
    )


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
    types = [arrow_type_of(t) for t in table.type.types]
    if not types or any(t is None for t in types):
        yield from to_arrow(table).to_batches()
        return
    schema = arrow_schema(table)
    for batch in table.batches():
        try:
            arrays = [
                values_to_array(values, m_type, arrow_type=t)
                for values, m_type, t in zip(batch.columns, table.type.types, types, strict=True)
            ]
        except Unfit as unfit:
            raise _lossy(unfit) from None
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def arrow_schema(table: Table) -> pa.Schema:
    """The schema that `to_batches` gives; columns that only their values can type are text here."""
    types = [arrow_type_of(t) or pa.string() for t in table.type.types]
    return pa.schema(list(zip(table.type.names, types, strict=True)))
