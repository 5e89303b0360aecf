"""Helpers over table types: what the column types of a step's result are.

Table types are immutable; each function here gives a new one.  Keys survive as long as
all their columns do (they never change a result, TYP-33).  Read ``plan.py`` for the steps
whose ``schema`` these make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlang import errors
from mlang.values.compare import equal_types
from mlang.values.types import ANY, Field, MType, RecordType, TableType, is_plain, nullable, table_type


def of_columns(columns: Iterable[tuple[str, MType]], keys: Any = ()) -> TableType:
    """A table type from (name, type) pairs."""
    return TableType(RecordType(Field(name, type) for name, type in columns), tuple(keys))


def pairs(schema: TableType) -> list[tuple[str, MType]]:
    """The (name, type) pairs of a table type."""
    return [(f.name, f.type) for f in schema.row.fields]


def column_type(schema: TableType, name: str) -> MType:
    """The type of a column; the engine's error when it is missing."""
    return schema.row.fields[schema.index(name)].type


def append(schema: TableType, name: str, type: MType = ANY) -> TableType:
    """One more column at the end; a name that is taken raises (TBL-28)."""
    if schema.has(name):
        raise errors.column_exists(name)
    return of_columns([*pairs(schema), (name, type)], schema.keys)


def retyped(schema: TableType, types: Mapping[str, MType]) -> TableType:
    """Other types for some columns."""
    return of_columns([(n, types.get(n, t)) for n, t in pairs(schema)], schema.keys)


def unkeyed(schema: TableType, names: Iterable[str] | None = None) -> TableType:
    """The same columns without the keys that some columns take part in, or without any key.

    For steps after which equal keys may stand in several rows.
    """
    if not schema.keys:
        return schema
    gone = set(schema.names if names is None else names)
    return of_columns(pairs(schema), [key for key in schema.keys if not gone.intersection(key[0])])


def untyped(schema: TableType) -> TableType:
    """The same names, every column any."""
    return table_type(schema.names)


def projected(schema: TableType, columns: Iterable[tuple[str, str | None]]) -> TableType:
    """The type of a `plan.Project`: (new name, old name or None) pairs."""
    columns = list(columns)
    unique([new for new, _ in columns])
    first: dict[str, str] = {}
    for new, old in columns:
        if old is not None:
            first.setdefault(old, new)
    kept = [
        (tuple(first[n] for n in names), primary)
        for names, primary in schema.keys
        if all(n in first for n in names)
    ]
    types = [(new, ANY if old is None else column_type(schema, old)) for new, old in columns]
    return of_columns(types, kept)


def replaced(schema: TableType, name: str, columns: Iterable[tuple[str, MType]]) -> TableType:
    """Other columns in the place of one (expanding, splitting); clashing names raise (TBL-88)."""
    place = schema.index(name)
    all_pairs = pairs(schema)
    result = [*all_pairs[:place], *columns, *all_pairs[place + 1 :]]
    unique([n for n, _ in result])
    keys = [key for key in schema.keys if name not in key[0]]
    return of_columns(result, keys)


def unique(names: Iterable[str]) -> None:
    """Raises for the first name that comes twice (ERR-13)."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise errors.column_exists(name)
        seen.add(name)


def default_names(count: int) -> list[str]:
    """Column1, Column2 … (TBL-11)."""
    return [f"Column{i + 1}" for i in range(count)]


def same_type(a: MType, b: MType) -> bool:
    """Whether two types are written the same (facets included)."""
    return equal_types(a, b)


def union(types: Iterable[MType]) -> MType:
    """The one type that several columns have in common: any unless they agree (TYP-47)."""
    result: MType | None = None
    for type in types:
        if result is None:
            result = type
        elif not same_type(result, type):
            if not same_type(nullable(result), nullable(type)):
                return ANY
            result = nullable(result)
    return result if result is not None else ANY


def primitive_name(type: MType) -> str:
    """What ``Table.Schema`` calls a type: Int64.Type, Text.Type, Any.Type (TYP-36)."""
    from mlang.values.kinds import DISPLAY

    return type.name if type.name is not None else DISPLAY[type.kind] + ".Type"


def is_untyped(schema: TableType) -> bool:
    """Whether every column is plain any."""
    return all(is_plain(t) and t.kind == "any" for t in schema.types)
