"""Keys and partition keys: claims about a table's type that never change its rows (TYP-31 to TYP-34)."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import texts
from mlang.library.table.criteria import known_columns
from mlang.library.type_tables import keys_of, read_keys, with_keys
from mlang.registry import builtin
from mlang.tables.table import Table
from mlang.values.types import TableType


@builtin("Table.AddKey(table as table, columns as list, isPrimary as logical) as table")
def add_key(table: Table, columns: Any, primary: bool) -> Table:
    """Notes that columns are a key of the table; nothing checks that they are."""
    names = known_columns(columns, table.type)
    return table.with_type(with_keys(table.type, (*table.type.keys, (tuple(names), primary))))


@builtin("Table.Keys(table as table) as list")
def keys(table: Table) -> list[Any]:
    """The keys of a table, each with its columns and whether it is the primary one."""
    return keys_of(table.type)


@builtin("Table.ReplaceKeys(table as table, keys as list) as table")
def replace_keys(table: Table, keys: Any) -> Table:
    """Gives a table exactly these keys."""
    return table.with_type(with_keys(table.type, read_keys(keys)))


@builtin("Table.PartitionKey(table as table) as nullable list")
def partition_key(table: Table) -> list[Any] | None:
    """The columns by which a table is partitioned, or null."""
    key = table.type.partition_key
    return None if key is None else list(key)


@builtin("Table.ReplacePartitionKey(table as table, partitionKey as nullable list) as table")
def replace_partition_key(table: Table, partition_key: Any) -> Table:
    """Notes by which columns a table is partitioned."""
    type = table.type
    names = None if partition_key is None else tuple(texts(partition_key))
    for name in names or ():
        if not type.has(name):
            raise errors.column_not_found(name)
    return table.with_type(TableType(type.row, type.keys, type.nullable, names))


@builtin("Table.PartitionValues(table as table) as table")
def partition_values(table: Table) -> Table:
    """A row per partition of a table; a table without partitions has one row without columns."""
    from mlang.tables import schema as schemas
    from mlang.tables.plan import Distinct, Project, Values
    from mlang.values.types import table_type

    key = table.type.partition_key
    if not key:
        return Table(Values(table_type([]), [], 1))
    columns = tuple((name, name) for name in key)
    schema = schemas.projected(table.type, columns)
    return Table(Distinct(schema, Project(schema, table.plan, columns)))
