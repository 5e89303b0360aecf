"""Columns of tables: what a nested join makes, and aggregates of it.

`Table.NestedJoin` keeps the left rows and adds a column whose cells are the matching right rows.  The column
is carried as the right relation and the condition (`NestedTable`); an aggregate of it is a scalar
subquery over the rows that match, which the engine turns into a join and a group.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen
from sqlglot import exp

from folding import terms as t
from folding.relations import Relation
from folding.terms import Scalar, Unfoldable
from mlang.values.metadata import strip

if TYPE_CHECKING:
    from folding.aggregates import Group


@frozen(eq=False)
class NestedTable:
    """The right side of a nested join: its rows, its schema, the row number, the mode of sums.

    The SQL of the column is the left key, or a struct of several: ``keys`` are their facts, ``match`` gives
    the condition that a right row belongs to such keys.
    """

    relation: Relation
    schema: Any
    place: Any
    sums: Callable[[], str]
    match: Callable[[list[Scalar]], Any]
    keys: tuple[Scalar, ...]

    def condition(self, column: Scalar) -> Any:
        """The condition for the left row of a column of these tables."""
        if len(self.keys) == 1:
            return self.match([evolve(self.keys[0], sql=column.use)])
        if isinstance(column.sql, exp.Anonymous):  # still the keys themselves
            found = zip(self.keys, column.sql.expressions, strict=True)
            return self.match([evolve(key, sql=sql.copy()) for key, sql in found])
        return self.match([
            evolve(key, sql=t.function("struct_extract", column.use, t.whole(i)))
            for i, key in enumerate(self.keys, 1)
        ])  # fmt: skip


def nested_table(column: Scalar) -> NestedTable | None:
    """The nested tables that a column holds, also those of a navigation column (``related.py``)."""
    from folding.related import RelatedRows

    inside = column.inside
    if isinstance(inside, RelatedRows):
        return inside.nested()
    return inside if isinstance(inside, NestedTable) else None


def packed(keys: list[Scalar]) -> Any:
    """The left keys as one value."""
    return keys[0].use if len(keys) == 1 else t.function("row", *[key.use for key in keys])


def nested_aggregate(column: Scalar, inner: str, function: Any) -> Scalar:
    """A list function of a column of the nested table."""
    from folding.aggregates import AGGREGATES, Taken
    from folding.functions.list_shapes import applied

    name, group = builtin_name(function), group_of(column)
    if name in AGGREGATES:
        return group.finish(AGGREGATES[name](group.values(inner), group))
    return applied(strip(function), [Taken(group.values(inner), group)])


def builtin_name(function: Any) -> str:
    """The name of a library function; "" for others."""
    spec = getattr(function, "spec", None)
    return spec.builtin.name if spec is not None and spec.builtin is not None else ""


def aggregated(column: Scalar, build: Callable[[Any], Scalar]) -> Scalar:
    """An aggregate of the nested table of each row, as a scalar subquery."""
    group = group_of(column)
    return group.finish(build(group))


def group_of(column: Scalar) -> Group:
    """The nested table of each row as the rows of a group; what is made of them becomes a scalar subquery."""
    from folding.aggregates import Group

    nested = nested_table(column)
    if nested is None:
        raise Unfoldable("a nested table that no join of the same piece made")
    relation, schema = nested.relation, nested.schema

    def field(name: str) -> Scalar | None:
        return relation.use(schema.index(name)) if schema.has(name) else None

    def finish(value: Scalar) -> Scalar:
        if value.raises or relation.raises:
            raise Unfoldable("an aggregate of a nested table that may raise")
        condition = Scalar(nested.condition(column), "logical", "BOOLEAN", True)
        query = evolve(relation, where=(*relation.where, condition), order=(), natural=True)
        sql = exp.Subquery(this=query.select([("v", value.sql)], False, joined=True))
        return evolve(value, sql=sql, nullable=True)

    return Group(field, nested.place, nested.sums, relation.rows, tuple(schema.names), finish=finish)
