"""Type.*, table types: rows, columns, keys, partition keys, schema (TYP-27, TYP-31 to TYP-37)."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import of_kind, texts
from mlang.registry import builtin
from mlang.tables.describe import schema_table
from mlang.values.lists import forced
from mlang.values.records import field
from mlang.values.types import MType, RecordType, TableType, row_of

Keys = tuple[tuple[tuple[str, ...], bool], ...]


def table_type_of(type: MType) -> TableType:
    """A table type; ``type table`` counts as one without columns."""
    if isinstance(type, TableType):
        return type
    if type.kind != "table":
        raise errors.wrong_type_kind("table", type)
    return TableType(RecordType(()), nullable=type.nullable)


def with_keys(type: TableType, keys: Keys) -> TableType:
    """The same table type with other keys, checked: known columns, at most one primary key."""
    for names, _ in keys:
        for name in names:
            type.index(name)
    if sum(primary for _, primary in keys) > 1:
        raise errors.two_primary_keys()
    other: TableType = type.copy()
    other.keys = keys
    return other


def keys_of(type: TableType) -> list[dict[str, Any]]:
    """The keys as M records."""
    return [{"Columns": list(names), "Primary": primary} for names, primary in type.keys]


def read_keys(keys: Any) -> Keys:
    """Keys from M records of Columns and Primary."""
    read = []
    for entry in forced(keys):
        record = of_kind(entry, "record")
        names = tuple(texts(of_kind(field(record, "Columns"), "list")))
        read.append((names, bool(of_kind(field(record, "Primary"), "logical"))))
    return tuple(read)


@builtin("Type.TableRow(table as type) as type")
def table_row(type: MType) -> MType:
    """Gives the type of the rows of a table type; of ``type table`` that is ``type record``."""
    return row_of(type if type.kind == "table" else table_type_of(type))


@builtin("Type.TableColumn(tableType as type, column as text) as type")
def table_column(type: MType, column: str) -> MType:
    """Gives the type of a column of a table type."""
    table = table_type_of(type)
    return table.types[table.index(column)]


@builtin("Type.TableSchema(tableType as type) as table")
def table_schema(type: MType) -> Any:
    """Describes the columns of a table type, a row per column."""
    return schema_table(table_type_of(type))


@builtin("Type.TableKeys(tableType as type) as list")
def table_keys(type: MType) -> list[dict[str, Any]]:
    """Gives the keys of a table type: for each its columns and whether it is the primary one."""
    return keys_of(table_type_of(type))


@builtin("Type.AddTableKey(table as type, columns as list, isPrimary as logical) as type")
def add_table_key(type: MType, columns: Any, primary: bool) -> TableType:
    """Gives a table type with one more key."""
    table = table_type_of(type)
    return with_keys(table, (*table.keys, (tuple(texts(columns)), primary)))


@builtin("Type.ReplaceTableKeys(tableType as type, keys as list) as type")
def replace_table_keys(type: MType, keys: Any) -> TableType:
    """Gives a table type with exactly the given keys."""
    return with_keys(table_type_of(type), read_keys(keys))


@builtin("Type.TablePartitionKey(tableType as type) as nullable list")
def table_partition_key(type: MType) -> Any:
    """Gives the columns that a table type is partitioned by, or null."""
    key = table_type_of(type).partition_key
    return None if key is None else list(key)


@builtin("Type.ReplaceTablePartitionKey(tableType as type, partitionKey as nullable list) as type")
def replace_table_partition_key(type: MType, key: Any) -> TableType:
    """Gives a table type that is partitioned by the given columns, or by none."""
    table = table_type_of(type)
    names = None if key is None else texts(key)
    for name in names or ():
        table.index(name)
    other: TableType = table.copy()
    other.partition_key = names
    return other
