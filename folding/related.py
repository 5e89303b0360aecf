"""Navigation columns in a query: the keys of the related rows, until somebody asks for more.

A navigation column (`plan.Related`) is a term that stands for rows of another table of the same database
(`RelatedRows`).  Expanding it is a left join, an aggregate of it a scalar subquery, as with a nested join; when it
is itself a result, its keys travel and the cells are made of them (``engines/remote.py``).  The other table is
looked at when one of these happens, so a column that nobody uses leaves no trace in the query.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, field, frozen
from sqlglot import exp

from folding import terms as t
from folding.engines.decorrelate import SINGLE
from folding.nested import NestedTable, aggregated, packed
from folding.origins import Joined
from folding.relations import Column, Context, Relation, compiles
from folding.relations_rows import numbered, sums_of
from folding.relations_tables import matching, most_rows, nullable_column, side
from folding.terms import Scalar, Unfoldable
from mlang.tables import plan as p
from mlang.tables.related import Link


@frozen(eq=False)
class RelatedRows:
    """The rows at the other end of a link; ``keys`` are the facts of the keys on this side.

    The SQL of such a column is the key, or a row of several (`packed`).
    """

    link: Link
    keys: tuple[Scalar, ...]
    context: Context
    _nested: list[NestedTable] = field(factory=list)

    def parts(self, column: Scalar) -> list[Scalar]:
        """The keys in a column of these rows."""
        if len(self.keys) == 1:
            return [evolve(self.keys[0], sql=column.use, nullable=True)]
        if not isinstance(column.sql, exp.Anonymous):
            raise Unfoldable("related rows by several keys that are in a subquery")
        found = column.sql.expressions
        return [evolve(key, sql=sql.copy(), nullable=True) for key, sql in zip(self.keys, found, strict=True)]

    def other(self) -> tuple[Relation, list[Scalar]]:
        """The other table, and its keys; anew each time, as a query may read it twice."""
        plan = self.link.target.plan
        right, keys = side(self.context.child(plan), plan.schema, self.link.target_keys)
        if right.raises or any(k.raises for k in keys):
            raise Unfoldable("related rows whose keys may raise")
        return right, keys

    def nested(self) -> NestedTable:
        """The rows as a nested join has them, for the aggregates of one query."""
        if not self._nested:
            self._nested.append(self._made())
        return self._nested[0]

    def _made(self) -> NestedTable:
        right, keys = self.other()
        right, place = numbered(right)

        def match(values: list[Scalar]) -> Any:
            return matched(values, keys)

        return NestedTable(
            right, self.link.target.plan.schema, place, sums_of(right, self.context), match, self.keys
        )

    def field(self, column: Scalar, name: str, optional: bool) -> Scalar:
        """A field of the related record; null where there is no record, if M gives null there."""
        if not self.link.single:
            raise Unfoldable("a field of related rows that may be several")
        if not optional:
            raise Unfoldable("a field of a related record, which may be null")
        if not self.link.target.plan.schema.has(name):
            return t.null()
        found = aggregated(column, lambda group: group.values(name))
        found.sql.meta[SINGLE] = True
        return found


def matched(values: list[Scalar], keys: list[Scalar]) -> Any:
    """The condition that keys are equal; a null belongs to no row."""
    pairs = zip(values, keys, strict=True)
    return t.all_of([matching(evolve(a, nullable=False), evolve(b, nullable=False)) for a, b in pairs])


@compiles(p.Related)
def related(node: p.Related, context: Context) -> Relation:
    """The table, and for each link a column that stands for the related rows."""
    base = context.child(node.input)
    if not context.leaves:
        raise Unfoldable("related tables of a database that is not asked here")
    schema = node.input.schema
    columns = list(base.columns)
    for link in node.links:
        keys = [base.use(schema.index(name)) for name in link.keys]
        inside = RelatedRows(link, tuple(keys), context)
        columns.append(Column(Scalar(packed(keys), "any", "", inside=inside)))
    return evolve(base, columns=tuple(columns))


def expanded(node: p.ExpandTable | p.ExpandRecord, base: Relation) -> Relation:
    """The expansion of a navigation column: a left join by its keys.

    Several of them stand beside each other in one SELECT, as a left join takes no row away.
    """
    schema = node.input.schema
    place = schema.index(node.column)
    rows = base.columns[place].term.inside
    assert isinstance(rows, RelatedRows)
    if base.strict or base.raises:
        raise Unfoldable("an expansion of rows that may raise")
    right, right_keys = rows.other()
    if right.order_may_raise():
        raise Unfoldable("related rows in an order that may raise")
    if not _takes_joins(base):
        hidden = [Column(key) for key in rows.parts(base.columns[place].term)]
        base = evolve(base, columns=(*base.columns, *hidden)).closed()
        keys = [c.term for c in base.columns[-len(hidden) :]]
        base = evolve(base, columns=base.columns[: -len(hidden)])
    else:
        keys = rows.parts(base.columns[place].term)
    joined = Joined(right.origin, "LEFT", matched(keys, right_keys))
    target = rows.link.target.plan.schema
    fields = {
        new: nullable_column(right.columns[target.index(old)]) if target.has(old) else Column(t.null())
        for old, new in node.fields
    }
    kept = dict(zip(schema.names, base.columns, strict=True))
    single = rows.link.single
    return evolve(
        base, columns=tuple(fields.get(n) or kept[n] for n in node.schema.names), joins=(*base.joins, joined),
        order=base.order if single else (*base.order, *right.order), natural=False,
        unique=base.unique if single else (), rows=base.rows if single else most_rows(base, right),
        sort_raises=base.sort_raises or right.sort_raises, notes=(*base.notes, *right.notes),
    )  # fmt: skip


def _takes_joins(base: Relation) -> bool:
    """Whether a left join may be added to this SELECT: it has no joins but such, and nothing that counts rows."""
    return not (base.sealed or base.beside) and all(j.side == "LEFT" for j in base.joins)
