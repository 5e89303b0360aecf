"""How M column types are stored: one code per column, one or two Arrow columns per code.

| M type | code | Arrow |
|---|---|---|
| number, Double, Single, Decimal, Percentage | double | float64 |
| Byte, Int8 … Int64 | int64 | int64 |
| Currency | currency | decimal128(19, 4) |
| text and its kinds | text | string |
| logical | logical | bool |
| date | date | date32 |
| datetime | datetime, or datetime_ticks below a microsecond | timestamp[us], int64 |
| datetimezone | datetimezone, datetimezone_ticks | the UTC instant as above, and int16 minutes |
| time, duration | time, duration | int64 ticks of 100 ns |

Destinations use natural Arrow types instead of ticks (`destination_code`).  What a
table cannot hold (any, list, record, table, function, type; binary when staging) is
refused with the query's and the column's name.  Read ``encode.py`` next.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from mlang.values.types import Field, MType, RecordType, TableType, primitive
from staging.errors import CannotStage

_INTEGERS = frozenset(("Byte.Type", "Int8.Type", "Int16.Type", "Int32.Type", "Int64.Type"))
_BY_KIND = {k: k for k in ("text", "logical", "date", "datetime", "datetimezone", "time", "duration")}
#: What `destination_code` says where staging says something else.
_NATURAL = {"time": "time64", "duration": "interval", "datetimezone": "instant"}
#: The code that also holds ticks below a microsecond.
WIDER = {"datetime": "datetime_ticks", "datetimezone": "datetimezone_ticks"}
#: Codes whose stored column is the M value as any reader of Parquet or DuckDB sees it.
PLAIN = frozenset(("double", "int64", "currency", "text", "logical", "date", "datetime"))
#: The stored row number.
ROW_NUMBER = "rn"


@frozen
class Column:
    """A stored column: M name and type, physical name, code."""

    name: str
    type: MType
    physical: str
    code: str

    @property
    def offset(self) -> str | None:
        """The second physical column, of minutes from UTC, where there is one."""
        return self.physical + "_offset" if self.code.startswith("datetimezone") else None


def staging_code(type: MType) -> str | None:
    """The code of a type in the staging store; None when it cannot be staged."""
    if type.kind == "number":
        if type.name in _INTEGERS:
            return "int64"
        return "currency" if type.name == "Currency.Type" else "double"
    return _BY_KIND.get(type.kind)


def destination_code(type: MType) -> str | None:
    """The code of a type in a destination; None when a destination cannot hold it."""
    if type.kind == "binary":
        return "binary"
    code = staging_code(type)
    return _NATURAL.get(code, code) if code is not None else None


def staged_columns(query: str, type: TableType) -> tuple[Column, ...]:
    """The stored columns of a query's table; `CannotStage` names the query and a column without form."""
    refused = [f.name for f in type.row.fields if staging_code(f.type) is None]
    if refused:
        raise CannotStage(_refusal(query, type, refused, "staged"))
    return tuple(
        Column(f.name, f.type, f"c{i}", str(staging_code(f.type)))
        for i, f in enumerate(type.row.fields, start=1)
    )


def destination_columns(query: str, type: TableType) -> tuple[Column, ...]:
    """The columns as a destination gets them, under their own names."""
    refused = [f.name for f in type.row.fields if destination_code(f.type) is None]
    if refused:
        raise CannotStage(_refusal(query, type, refused, "loaded to a destination"))
    return tuple(Column(f.name, f.type, f.name, str(destination_code(f.type))) for f in type.row.fields)


def _refusal(query: str, type: TableType, names: list[str], what: str) -> str:
    column = names[0]
    kind = type.types[type.index(column)].kind
    others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return (
        f"Query '{query}': column '{column}'{others} of type {kind} can't be {what}. "
        "Give it a type (Table.TransformColumnTypes) or remove it."
    )


def arrow_type(code: str) -> Any:
    """The Arrow type of a code's first column."""
    import pyarrow as pa

    return {
        "double": pa.float64(),
        "int64": pa.int64(),
        "currency": pa.decimal128(19, 4),
        "text": pa.string(),
        "logical": pa.bool_(),
        "date": pa.date32(),
        "datetime": pa.timestamp("us"),
        "datetimezone": pa.timestamp("us"),
        "time64": pa.time64("us"),
        "interval": pa.duration("us"),
        "instant": pa.timestamp("us", tz="UTC"),
        "binary": pa.binary(),
    }.get(code, pa.int64())


def arrow_schema(columns: tuple[Column, ...], row_number: bool = True) -> Any:
    """The physical schema: the row number first (staging), then each column and its offset."""
    import pyarrow as pa

    fields = [pa.field(ROW_NUMBER, pa.int64(), nullable=False)] if row_number else []
    for column in columns:
        fields.append(pa.field(column.physical, arrow_type(column.code)))
        if column.offset:
            fields.append(pa.field(column.offset, pa.int16()))
    return pa.schema(fields)


# ---------------------------------------------------------------- types in a manifest


def type_to_json(type: MType) -> dict[str, Any]:
    """A stored column's type: kind, nullable, name, and facets that JSON can say."""
    found: dict[str, Any] = {"kind": type.kind, "nullable": type.nullable}
    if type.name is not None:
        found["name"] = type.name
    facets = {
        k: v for k, v in (type.facets or {}).items() if v is None or isinstance(v, (bool, int, float, str))
    }
    if facets:
        found["facets"] = facets
    return found


def type_from_json(found: dict[str, Any]) -> MType:
    """The type that `type_to_json` described."""
    if "name" not in found and "facets" not in found:
        return primitive(found["kind"], found["nullable"])
    return MType(found["kind"], found["nullable"], found.get("name"), found.get("facets"))


def table_type_of(
    columns: tuple[Column, ...], keys: tuple[tuple[tuple[str, ...], bool], ...] = ()
) -> TableType:
    """The M table type of stored columns."""
    return TableType(RecordType(Field(c.name, c.type) for c in columns), keys)


def type_label(type: MType) -> str:
    """A short text of a stored column's type, for listings: "nullable number", "Int64.Type"."""
    return ("nullable " if type.nullable else "") + (type.name or type.kind)
