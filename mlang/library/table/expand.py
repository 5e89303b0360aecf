"""Expanding columns of tables, records and lists, and aggregating columns of tables."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import of_kind, texts
from mlang.library.table.criteria import function_of, result_type, tuples
from mlang.library.table.transform import row_function
from mlang.registry import builtin
from mlang.tables import access
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.table import Table
from mlang.values.functions import bind
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import ANY, ListType, MType, RecordType, TableType, nullable


def _fields(names: Any, new_names: Any) -> tuple[tuple[str, str], ...]:
    """(inner name, new name) pairs; new names may be missing, then the inner ones stay."""
    old = texts(names)
    new = old if new_names is None else texts(new_names)
    if len(new) != len(old):
        raise errors.argument_out_of_range("newColumnNames", new_names)
    return tuple(zip(old, new, strict=True))


def _row_types(type: MType) -> dict[str, MType]:
    """The field types of a column of tables or records."""
    if isinstance(type, TableType):
        type = type.row
    return {f.name: f.type for f in type.fields} if isinstance(type, RecordType) else {}


def _expanded_schema(table: Table, column: str, fields: tuple[tuple[str, str], ...]) -> TableType:
    """New columns in the place of the old one; they are nullable, as an empty cell gives nulls."""
    inner = _row_types(schemas.column_type(table.type, column))
    return schemas.replaced(table.type, column, [(new, nullable(inner.get(old, ANY))) for old, new in fields])


@builtin("Table.ExpandTableColumn(table as table, column as text, columnNames as list, "
         "optional newColumnNames as nullable list) as table")  # fmt: skip
def expand_table_column(table: Table, column: str, names: Any, new_names: Any = None) -> Table:
    """Replaces a column of tables by columns of those tables, with a row for each of their rows.

    A row with an empty table stays, with nulls.  New names avoid clashes.
    """
    fields = _fields(names, new_names)
    schema = schemas.unkeyed(_expanded_schema(table, column, fields))
    return Table(p.ExpandTable(schema, table.plan, column, fields))


@builtin("Table.ExpandRecordColumn(table as table, column as text, fieldNames as list, "
         "optional newColumnNames as nullable list) as table")  # fmt: skip
def expand_record_column(table: Table, column: str, names: Any, new_names: Any = None) -> Table:
    """Replaces a column of records by columns of their fields; what is missing is null."""
    fields = _fields(names, new_names)
    return Table(p.ExpandRecord(_expanded_schema(table, column, fields), table.plan, column, fields))


@builtin("Table.ExpandListColumn(table as table, column as text) as table")
def expand_list_column(table: Table, column: str) -> Table:
    """Gives each item of a column of lists a row of its own; an empty list gives a row with null."""
    type = schemas.column_type(table.type, column)
    item: MType = ANY
    if isinstance(type, ListType):
        item = nullable(type.item)
    elif isinstance(type, TableType):
        item = nullable(type.row)
    schema = schemas.unkeyed(schemas.retyped(table.type, {column: item}))
    return Table(p.ExpandList(schema, table.plan, column))


@builtin("Table.AggregateTableColumn(table as table, column as text, aggregations as list) as table")
def aggregate_table_column(table: Table, column: str, aggregations: Any) -> Table:
    """Replaces a column of tables by aggregates of their columns.

    An aggregation is the inner column, a function of the list of its cells, and the
    name of the new column.
    """
    place = table.type.index(column)
    plan = table.plan
    columns: list[tuple[str, str]] = []
    types: list[tuple[str, MType]] = []
    for i, aggregation in enumerate(tuples(aggregations, "aggregations")):
        if not 2 <= len(aggregation) <= 3:
            raise errors.bad_pairs(aggregation, "aggregations")
        inner, function = of_kind(aggregation[0], "text"), function_of(aggregation[1])
        new = of_kind(aggregation[2], "text") if len(aggregation) == 3 else inner
        value = row_function(
            _aggregate(column, inner, bind(function, 1)),
            [column],
            False,
            ("aggregate", column, inner, function),
        )
        hidden = f"\0{i}"
        plan = p.AddColumn(schemas.append(plan.schema, hidden), plan, hidden, value)
        columns.append((new, hidden))
        types.append((new, result_type(function)))
    names = table.names
    chosen = [*((n, n) for n in names[:place]), *columns, *((n, n) for n in names[place + 1 :])]
    schema = schemas.replaced(table.type, column, types)
    return Table(p.Project(schema, plan, tuple(chosen), "Table.AggregateTableColumn"))


def _aggregate(column: str, inner: str, call: Any) -> Any:
    """A function of the row: the aggregate of one column of its nested table; null where there is none."""

    def value(row: dict[str, Any]) -> Any:
        nested = strip(force(row[column]))
        if nested is None:
            return None
        return call(access.column(of_kind(nested, "table"), inner))

    return value
