"""Groups, pivots and unpivots."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import enum_member, of_kind, texts
from mlang.library.table.criteria import function_of, items, known_columns
from mlang.registry import builtin
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.table import Table
from mlang.values.functions import Function
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import ANY, TEXT, MType

_LOCAL, _GLOBAL = 0, 1


@builtin("Table.Group(table as table, key as any, aggregatedColumns as list, "
    "optional groupKind as nullable number, "
         "optional comparer as nullable function) as table")  # fmt: skip
def group(
    table: Table, key: Any, aggregated: Any, kind: Any = None, comparer: Function | None = None
) -> Table:
    """One row per key, with aggregates of the rows that have it.

    An aggregate is a name, a function of the group's table, and perhaps the column's type.
    ``GroupKind.Local`` starts a new group wherever the key changes.  A comparer says
    which keys are equal; the first row of a group gives its key.
    """
    local = enum_member(kind, "groupKind", (_LOCAL, _GLOBAL), _GLOBAL) == _LOCAL
    keys = known_columns(key, table.type)
    single = strip(force(key)).__class__ is str
    aggregates, types = _aggregates(aggregated)
    columns = [(name, schemas.column_type(table.type, name)) for name in keys]
    columns += [(a.column, t) for a, t in zip(aggregates, types, strict=True)]
    schemas.unique([name for name, _ in columns])
    node = p.Group(schemas.of_columns(columns), table.plan, tuple(keys), aggregates, local, comparer, single)
    return Table(node)


def _aggregates(value: Any) -> tuple[tuple[p.Aggregate, ...], list[MType]]:
    parts = items(value)
    rows = [parts] if parts and kind_of(parts[0]) != "list" else [items(part) for part in parts]
    aggregates: list[p.Aggregate] = []
    types: list[MType] = []
    for row in rows:
        if not 2 <= len(row) <= 3:
            raise errors.bad_pairs(row, "aggregatedColumns")
        aggregates.append(p.Aggregate(of_kind(row[0], "text"), function_of(row[1])))
        types.append(of_kind(row[2], "type") if len(row) == 3 and row[2] is not None else ANY)
    return tuple(aggregates), types


@builtin("Table.Pivot(table as table, pivotValues as list, attributeColumn as text, valueColumn as text, "
         "optional aggregationFunction as nullable function) as table")  # fmt: skip
def pivot(
    table: Table, values: Any, attribute: str, value: str, aggregation: Function | None = None
) -> Table:
    """Turns the values of one column into columns, filled from another one.

    The remaining columns are the key of a row.  The function makes one value of the
    list of those that meet in a cell; without it two values are an error there.
    """
    attribute_place, value_place = table.type.index(attribute), table.type.index(value)
    names = texts(values)
    type = table.type.types[value_place]
    keys = [c for i, c in enumerate(schemas.pairs(table.type)) if i not in (attribute_place, value_place)]
    columns = [*keys, *((name, type) for name in names)]
    schemas.unique([name for name, _ in columns])
    return Table(
        p.Pivot(schemas.of_columns(columns), table.plan, tuple(names), attribute, value, aggregation)
    )


@builtin(
    "Table.Unpivot(table as table, pivotColumns as list, attributeColumn as text, "
    "valueColumn as text) as table"
)
def unpivot(table: Table, columns: Any, attribute: str, value: str) -> Table:
    """Turns columns into rows of name and value, one for each cell that is not null."""
    return _unpivoted(table, known_columns(columns, table.type), attribute, value)


@builtin("Table.UnpivotOtherColumns(table as table, pivotColumns as list, attributeColumn as text, "
         "valueColumn as text) as table")  # fmt: skip
def unpivot_other_columns(table: Table, columns: Any, attribute: str, value: str) -> Table:
    """Turns all columns but the named ones into rows of name and value."""
    kept = set(known_columns(columns, table.type))
    return _unpivoted(table, [n for n in table.names if n not in kept], attribute, value)


def _unpivoted(table: Table, names: list[str], attribute: str, value: str) -> Table:
    gone = set(names)
    kept = [(n, t) for n, t in schemas.pairs(table.type) if n not in gone]
    type = schemas.union([schemas.column_type(table.type, n) for n in names])
    columns = [*kept, (attribute, TEXT), (value, type)]
    schemas.unique([name for name, _ in columns])
    # Attributes come in the order of the table's columns, not of the list.
    ordered = tuple(n for n in table.names if n in gone)
    return Table(p.Unpivot(schemas.of_columns(columns), table.plan, ordered, attribute, value))
