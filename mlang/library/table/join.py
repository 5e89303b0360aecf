"""Joins: rows side by side, or the matching rows of another table nested in a column."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from mlang import errors
from mlang.library.arguments import enum_member, of_kind
from mlang.library.table.criteria import known_columns
from mlang.registry import builtin
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.table import Table
from mlang.values.functions import Function, apply
from mlang.values.lists import forced
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import ANY, MType, nullable

_KINDS = range(8)
#: Kinds whose result may lack a left row, or a right one: those columns are nullable.
_NO_LEFT = frozenset({p.RIGHT_OUTER, p.FULL_OUTER, p.RIGHT_ANTI, p.RIGHT_SEMI})
_NO_RIGHT = frozenset({p.LEFT_OUTER, p.FULL_OUTER, p.LEFT_ANTI, p.LEFT_SEMI})

#: `JoinAlgorithm.LeftHash` keeps the left rows and passes through the right ones, `RightHash` the other way
#: round: where that is not the order in which the kind comes anyway, the side that gives the order.
_LEFT, _RIGHT = "left", "right"
_ORDER_OF = {
    (3, p.INNER): _RIGHT,
    (3, p.LEFT_OUTER): _RIGHT,
    (3, p.RIGHT_OUTER): _RIGHT,
    (3, p.FULL_OUTER): _RIGHT,
    (4, p.FULL_OUTER): _LEFT,
}


def _keys(left: Table, key1: Any, right: Table, key2: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Both sides' key columns, as many on each side."""
    first, second = known_columns(key1, left.type), known_columns(key2, right.type)
    if len(first) != len(second):
        raise errors.different_key_counts()
    return tuple(first), tuple(second)


def _comparers(value: Any, count: int) -> tuple[Any, ...] | None:
    """One key equality comparer per key, or None (TBL-94)."""
    if value is None:
        return None
    given: list[Any] = []
    for item in forced(value):
        comparer = strip(item)
        if comparer is not None and comparer.__class__ is not Function:
            raise errors.cannot_convert(comparer, "Function")
        given.append(comparer)
    if len(given) != count:
        raise errors.argument_out_of_range("keyEqualityComparers", value)
    return tuple(given) if any(c is not None for c in given) else None


def _loosened(columns: list[tuple[str, MType]], loosen: bool) -> list[tuple[str, MType]]:
    return [(name, nullable(type)) for name, type in columns] if loosen else columns


@builtin(
    "Table.Join(table1 as table, key1 as any, table2 as table, key2 as any, "
    "optional joinKind as nullable number, "
    "optional joinAlgorithm as nullable number, optional keyEqualityComparers as nullable list) as table"
)
def join(
    left: Table,
    key1: Any,
    right: Table,
    key2: Any,
    kind: Any = None,
    algorithm: Any = None,
    comparers: Any = None,
) -> Table:
    """Puts the rows of two tables side by side where their keys are equal.

    The kind says which rows without a partner stay (``JoinKind.Inner`` unless told).  Both tables' columns
    need different names, except that an inner join may share its key columns.
    Rows come in the order of the first table, with ``JoinAlgorithm.LeftHash`` in that of the second;
    else the algorithm changes nothing.
    """
    number = enum_member(kind, "joinKind", _KINDS, p.INNER)
    way = enum_member(algorithm, "joinAlgorithm", range(7))
    keys, others = _keys(left, key1, right, key2)
    shared = [name for name in right.names if left.type.has(name)]
    pairs = set(zip(keys, others, strict=True))
    for name in shared:
        if number != p.INNER or (name, name) not in pairs:
            raise errors.duplicate_join_column(name, right.type)
    kept = tuple(name for name in right.names if name not in shared)
    right_types = [(name, schemas.column_type(right.type, name)) for name in kept]
    schema = schemas.of_columns(
        _loosened(schemas.pairs(left.type), number in _NO_LEFT) + _loosened(right_types, number in _NO_RIGHT)
    )
    equal = _comparers(comparers, len(keys))
    node = p.Join(schema, left.plan, right.plan, keys, others, number, kept, equal)
    side = _ORDER_OF.get((way, number))
    return Table(node if side is None else _in_order_of(node, side))


def _in_order_of(node: p.Join, side: str) -> p.Plan:
    """A join whose rows come as those of one side do; rows of the other side alone come last, in their order."""
    place = "\0place"  # 0, -1, -2 …: descending, so that the rows without one are last
    below = node.left if side == _LEFT else node.right
    counted = p.AddIndex(schemas.append(below.schema, place), below, place, 0.0, -1.0)
    names = node.schema.names
    if side == _LEFT:
        columns = schemas.pairs(node.schema)
        columns.insert(len(node.left.schema.names), (place, ANY))
        joined = evolve(node, schema=schemas.of_columns(columns), left=counted)
    else:
        kept = (*node.right_columns, place)
        joined = evolve(node, schema=schemas.append(node.schema, place), right=counted, right_columns=kept)
    ordered = p.Sort(joined.schema, joined, (p.SortKey(column=place, descending=True),))
    return p.Project(node.schema, ordered, tuple((name, name) for name in names), "Table.Join")


def _table_or_made(value: Any) -> Table:
    """A table, or what a function without arguments makes: how older queries put the other table off."""
    value = strip(force(value))
    if value.__class__ is Function:
        value = apply(value)
    table: Table = of_kind(value, "table")
    return table


@builtin(
    "Table.NestedJoin(table1 as table, key1 as any, table2 as any, key2 as any, newColumnName as text, "
    "optional joinKind as nullable number, optional keyEqualityComparers as nullable list) as table"
)
def nested_join(
    left: Table, key1: Any, right: Any, key2: Any, column: str, kind: Any = None, comparers: Any = None
) -> Table:
    """Adds a column with the rows of another table that have an equal key, as a table.

    The kind says which rows without a partner stay (``JoinKind.LeftOuter`` unless told).
    """
    number = enum_member(kind, "joinKind", _KINDS, p.LEFT_OUTER)
    right = _table_or_made(right)
    keys, others = _keys(left, key1, right, key2)
    if left.type.has(column):
        raise errors.column_exists(column)
    lefts = _loosened(schemas.pairs(left.type), number in _NO_LEFT)
    schema = schemas.of_columns([*lefts, (column, right.type)])
    equal = _comparers(comparers, len(keys))
    return Table(p.NestedJoin(schema, left.plan, right.plan, keys, others, column, number, equal))


@builtin(
    "Table.AddJoinColumn(table1 as table, key1 as any, table2 as any, key2 as any, "
    "newColumnName as text) as table"
)
def add_join_column(left: Table, key1: Any, right: Any, key2: Any, column: str) -> Table:
    """Adds a column with the rows of another table that have an equal key; every row stays."""
    return nested_join(left, key1, right, key2, column)
