"""The table that describes a table type: Table.Schema, Type.TableSchema (TBL-95, TYP-35 to TYP-37)."""

from __future__ import annotations

from typing import Any

from mlang.tables.schema import primitive_name
from mlang.tables.table import Table, from_columns
from mlang.values.types import LOGICAL, NUMBER, TEXT, MType, TableType, nullable

#: The facets in the engine's order (TYP-18), and what they are.
FACETS: dict[str, MType] = {
    "NumericPrecisionBase": NUMBER,
    "NumericPrecision": NUMBER,
    "NumericScale": NUMBER,
    "IsSigned": LOGICAL,
    "DateTimePrecision": NUMBER,
    "MaxLength": NUMBER,
    "IsVariableLength": LOGICAL,
    "NativeTypeName": TEXT,
    "NativeDefaultExpression": TEXT,
    "NativeExpression": TEXT,
}
_COLUMNS: dict[str, MType] = {
    "Name": TEXT,
    "Position": NUMBER,
    "TypeName": TEXT,
    "Kind": TEXT,
    "IsNullable": nullable(LOGICAL),
    **{name: nullable(type) for name, type in FACETS.items()},
    "Description": nullable(TEXT),
    "IsWritable": nullable(LOGICAL),
    "FieldCaption": nullable(TEXT),
}


def _row(name: str, position: int, type: MType) -> list[Any]:
    from mlang.values.thunk import force

    facets = type.facets or {}
    meta = type.meta or {}
    return [
        name,
        float(position),
        primitive_name(type),
        type.kind,
        type.nullable,
        *(facets.get(facet) for facet in FACETS),
        force(meta.get("Documentation.FieldDescription")),
        None,
        force(meta.get("Documentation.FieldCaption")),
    ]


def schema_table(type: TableType) -> Table:
    """One row per column of a table type."""
    rows = [_row(name, i, t) for i, (name, t) in enumerate(zip(type.names, type.types, strict=True))]
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in _COLUMNS]
    return from_columns(list(_COLUMNS), columns, list(_COLUMNS.values()))
