"""The first rows of each group by a sort, expanded: `each Table.FirstN(Table.Sort(_, {"x", Order.Descending}), 3)`.

An engine finds the few first numbers of rows of each group without sorting all rows, so they become a list of the group
(`Firsts`); the rows with these numbers are then read once more (`first_rows`).  All other parts of groups go the way of
``group_rows.py``.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from sqlglot import exp

from folding import terms as t
from folding.group_rows import calls_of
from folding.origins import Joined
from folding.relations import Column, Context, Key, Relation, compile_node
from folding.relations_rows import criteria, key_term, number_of_source
from folding.structures import list_of, unnested
from folding.terms import Scalar, Unfoldable, typed
from mlang.errors import MError
from mlang.library.table.criteria import sort_keys
from mlang.tables import plan as p

#: More rows of a group than these are not gathered.
_MOST = 1_000
#: The functions of which such tables and records are made.
_TABLE = (["Table.Sort", "Table.FirstN"], ["Table.MaxN"], ["Table.MinN"])
_ROW = (["Table.Sort"], ["Table.Max"], ["Table.Min"])


@frozen(eq=False)
class Firsts:
    """Stands for the function of an aggregate: the numbers of the first rows by some criteria, or that of the first."""

    criteria: tuple[p.SortKey, ...]
    count: int | None

    def keys(self, rows: Relation, schema: Any) -> list[Key] | None:
        """What the rows are sorted by; None where comparing them may raise."""
        found, terms = criteria(rows, self.criteria, schema)
        return None if any(x.raises for x in terms) else found

    def found(self, rows: Relation, schema: Any) -> Scalar:
        """The number, or a list of the numbers in their order, as an aggregate of the group's rows."""
        keys, number = self.keys(rows, schema), number_of_source(rows)
        if keys is None or number is None:
            raise Unfoldable("the first rows of groups of rows without numbers")
        order = [*keys, Key(number, plain=True)]
        if self.count is None:
            first = t.function("first", exp.Order(this=number, expressions=[key.ordered() for key in order]))
            return typed(first, "number", "BIGINT", nullable=False)
        parts = [part for key in order for part in _spelt(key)]
        found = t.function("arg_min", number, t.function("create_sort_key", *parts), t.whole(self.count))
        return list_of(found, typed(exp.Null(), "number", "BIGINT", nullable=False), nullable=False)


def _spelt(key: Key) -> tuple[Any, Any]:
    """A key and how it is sorted, as `Key.ordered` says it."""
    ordered = key.ordered()
    how = "DESC" if key.descending else "ASC"
    return key.sql, t.string(f"{how} NULLS {'FIRST' if ordered.args.get('nulls_first') else 'LAST'}")


def first_rows(node: p.ExpandTable | p.ExpandRecord, context: Context) -> Relation | None:
    """The expanded first rows of groups, or first row of each; None for all other tables and records."""
    group = node.input
    found = _firsts_of(node, group) if isinstance(group, p.Group) else None
    if found is None:
        return None
    assert isinstance(group, p.Group)
    schema = group.input.schema
    rows = context.child(group.input).opened().compact()
    number = number_of_source(rows)
    if number is None or len(rows.order) > 1 or found.keys(rows, schema) is None:
        return None
    if any(key_term(rows.use(schema.index(name))).raises for name in group.keys):
        return None
    listed = [a if a.column != node.column else evolve(a, value=found) for a in group.aggregates]
    try:  # not by `Context.child`, which would hand a group that does not fold to the interpreter
        base = compile_node(evolve(group, aggregates=tuple(listed)), context).closed()
    except Unfoldable:
        return None
    place = group.schema.index(node.column)
    item = base.columns[place].term.use
    if found.count is not None:
        item, base = unnested(base, place, context)
    if rows.where:
        rows = rows.closed()
        number = rows.order[-1].sql
    return _joined(node, base, item, rows, number)


def _joined(
    node: p.ExpandTable | p.ExpandRecord, base: Relation, item: Any, rows: Relation, number: Any
) -> Relation:
    """Each group with the rows of its numbers."""
    assert isinstance(node.input, p.Group)
    schema = node.input.input.schema
    fields = {
        new: rows.columns[schema.index(old)] if schema.has(old) else Column(t.null())
        for old, new in node.fields
    }
    kept = dict(zip(node.input.schema.names, base.columns, strict=True))
    on = t.binary(exp.EQ, item, number)
    return evolve(
        base, columns=tuple(fields.get(n) or kept[n] for n in node.schema.names), rows=rows.rows, natural=False,
        unique=(), joins=(Joined(rows.origin, "INNER", on),), notes=(*base.notes, *rows.notes),
    )  # fmt: skip


def _firsts_of(node: p.ExpandTable | p.ExpandRecord, group: p.Group) -> Firsts | None:
    """What an expanded aggregate is the first rows by, where it is the only one that is a table."""
    row = isinstance(node, p.ExpandRecord)
    if group.local or not group.keys or group.comparer is not None:
        return None
    own = [a.value for a in group.aggregates if a.column == node.column]
    others = [a.value for a in group.aggregates if a.column != node.column]
    calls = calls_of(own[0], row) if own else None
    if calls is None or any(calls_of(other) is not None for other in others):
        return None
    names = [call.name for call in calls]
    if names not in (_ROW if row else _TABLE):
        return None
    try:
        keys = sort_keys(calls[0].constant(1), group.input.schema)
        number = None if row else calls[-1].count_at(len(calls[-1].arguments) - 1)
    except (MError, Unfoldable):
        return None
    if names in (["Table.MaxN"], ["Table.Max"]):
        keys = tuple(evolve(key, descending=not key.descending) for key in keys)
    return Firsts(tuple(keys), number) if number is None or 1 <= number <= _MOST else None
