"""Steps over several tables: tables one after the other, joins of all kinds."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import mixed
from folding import terms as t
from folding.comparers import folded, keeps_apart
from folding.group_firsts import first_rows
from folding.nested import NestedTable, packed
from folding.operators import storage_pair
from folding.origins import Joined, Subquery, Union
from folding.relations import Column, Context, Key, Relation, compiles
from folding.relations_rows import numbered, sums_of, unlimited
from folding.terms import Scalar, Unfoldable, need, typed
from folding.unions import alike, cell, combined, read_back, told
from folding.uniqueness import unique_keys
from mlang.tables import plan as p
from mlang.tables.simplify import expand_of_nested_join

# ---------------------------------------------------------------- Table.Combine


@compiles(p.Append)
def append(node: p.Append, context: Context) -> Relation:
    if not node.parts:
        raise Unfoldable("a combination of no tables")
    if len(node.parts) > 200:
        raise Unfoldable("a combination of very many tables")
    parts = [context.child(part).alone() for part in node.parts]
    names = node.schema.names
    ordered = [numbered(unlimited(part)) for part in parts]
    alias = context.alias()
    rendered = []
    relations = [relation for relation, _ in ordered]
    starts, order = _places(relations, alias)
    columns = [
        alike([_column(r, part, n) for r, part in zip(relations, node.parts, strict=True)]) for n in names
    ]
    shapes = [combined(cells) for cells in columns]
    for number, (relation, place) in enumerate(ordered):
        outputs: dict[str, Any] = {}
        for index, (cells, shape) in enumerate(zip(columns, shapes, strict=True), 1):
            outputs[f"c{index}"] = cell(cells[number], shape.term)
            if shape.text is not None:
                outputs[f"x{index}"] = told(cells, number, shape)
        if starts is None:
            outputs["r1"], outputs["r2"] = t.whole(number), place.copy()
        else:
            start = t.cast(t.whole(starts[number]), "BIGINT")
            if relation.joins:
                place = t.function("coalesce", place, t.whole(0))
            outputs["r1"] = t.binary(exp.Add, place.copy(), start) if starts[number] else place.copy()
        rendered.append((relation, outputs))
    read = tuple(read_back(shape, index, alias) for index, shape in enumerate(shapes, 1))
    known = [r.rows for r, _ in rendered]
    return Relation(
        context, Union(alias, rendered), read, order, natural=all(r.natural for r, _ in rendered),
        raises=any(r.raises for r, _ in rendered),
        sort_raises=any(r.sort_raises for r, _ in rendered), strict=any(r.strict for r, _ in rendered),
        rows=sum(k for k in known if k is not None) if None not in known else None,
        notes=tuple(n for r, _ in rendered for n in r.notes),
    )  # fmt: skip


def _places(parts: list[Relation], alias: str) -> tuple[list[int] | None, tuple[Key, ...]]:
    """The order of a combination: one number where those of the parts have known bounds, else part and place.

    The first is where each part's numbers start.
    """
    keys = [part.order[0] if len(part.order) == 1 else None for part in parts]
    spans = [key.span for key in keys if key is not None and key.plain and key.span is not None]
    if len(spans) == len(parts) and sum(spans) < 2**62:
        starts = [sum(spans[:number]) for number in range(len(spans))]
        return starts, (Key(t.column("r1", alias), plain=True, span=sum(spans)),)
    known = [None if key is None else key.span for key in keys]
    span = max(s for s in known if s is not None) if None not in known else None
    part, place = t.column("r1", alias), t.column("r2", alias)
    return None, (Key(part, plain=True, span=len(parts)), Key(place, plain=True, span=span))


def _column(relation: Relation, part: p.Plan, name: str) -> Column | None:
    return relation.columns[part.schema.index(name)] if part.schema.has(name) else None


# ---------------------------------------------------------------- Table.Join

_SIDES = {
    p.INNER: "INNER", p.LEFT_OUTER: "LEFT", p.RIGHT_OUTER: "RIGHT", p.FULL_OUTER: "FULL",
    p.LEFT_ANTI: "ANTI", p.LEFT_SEMI: "SEMI", p.RIGHT_ANTI: "ANTI", p.RIGHT_SEMI: "SEMI",
}  # fmt: skip
#: Kinds that have no rows where one side has none: the other's keys are not looked at then.
_STOPPING = (p.INNER, p.LEFT_SEMI, p.RIGHT_SEMI, p.RIGHT_OUTER)


@compiles(p.Join)
def join(node: p.Join, context: Context) -> Relation:
    left = context.child(node.left)
    comparers = node.comparers or (None,) * len(node.left_keys)
    left_missing = node.kind in (p.RIGHT_OUTER, p.FULL_OUTER)
    right_missing = node.kind in (p.LEFT_OUTER, p.FULL_OUTER)
    left_mark, right_mark = None, None
    if left_missing:
        left, left_mark = _marked(left)
    if node.kind != p.INNER:
        left = _looked_at(left.opened(), node.left.schema, node.left_keys)
    alone = left_missing or node.kind == p.RIGHT_ANTI
    left, left_keys = side(left, node.left.schema, node.left_keys, left_missing, dispensable=alone)
    other = context.child(node.right)
    keyed = [node.right.schema.index(name) for name in node.right_keys]
    apart = all(keeps_apart(comparer) for comparer in comparers)
    single = (
        node.kind in (p.INNER, p.LEFT_OUTER) and apart and unique_keys(other, keyed)
    )  # at most one match: no row is repeated
    if node.kind == p.FULL_OUTER:
        other, right_mark = _marked(other)
    if alone:
        other = _looked_at(other.opened(), node.right.schema, node.right_keys)
    alone = right_missing or node.kind == p.LEFT_ANTI
    right, right_keys = side(other, node.right.schema, node.right_keys, right_missing, dispensable=alone)
    conditions = [
        matching(folded(a, comparer), folded(b, comparer))
        for a, b, comparer in zip(left_keys, right_keys, comparers, strict=True)
    ]
    if not conditions:
        raise Unfoldable("a join without keys")
    on = t.all_of(conditions)
    both = _known_of_both(node, left, right, any(k.raises for k in [*left_keys, *right_keys]))
    right_columns = [right.columns[node.right.schema.index(name)] for name in node.right_columns]
    if single or _SIDES[node.kind] in ("ANTI", "SEMI"):
        looked_up = left if node.kind in (p.RIGHT_ANTI, p.RIGHT_SEMI) else right
        if looked_up.order_may_raise():
            raise Unfoldable(
                "a sort that may raise, of rows that are only looked up: M sorts them all the same"
            )
    if _SIDES[node.kind] in ("ANTI", "SEMI"):
        return _chosen(node, left, right, right_columns, on, both)
    left_columns = [nullable_column(c) for c in left.columns] if left_missing else list(left.columns)
    if right_missing:
        right_columns = [nullable_column(c) for c in right_columns]
    if single:
        both["unique"] = left.unique
    order = left.order if single else _order(left, right, left_mark, right_mark)
    return evolve(
        left, columns=(*left_columns, *right_columns), joins=(Joined(right.origin, _SIDES[node.kind], on),),
        order=order, natural=False,
        rows=left.rows if single else most_rows(left, right),
        **both,
    )  # fmt: skip


def _known_of_both(node: p.Join, left: Relation, right: Relation, keys_raise: bool) -> dict[str, Any]:
    """What is known of the rows of a join, whichever side they are made of."""
    raises = keys_raise or left.raises or right.raises
    sorts = left.order_may_raise() or right.order_may_raise()
    return {
        "unique": (),
        "raises": raises,
        "sort_raises": left.sort_raises or right.sort_raises,
        "strict": left.strict or right.strict or raises or sorts,
        # an engine stops at an empty side
        "hides": sorts and node.kind not in (p.LEFT_OUTER, p.FULL_OUTER),
        "overlooks": left.overlooks or right.overlooks or (raises and node.kind in _STOPPING),
        "notes": (*left.notes, *right.notes),
    }


def _chosen(
    node: p.Join, left: Relation, right: Relation, right_columns: list[Column], on: Any, both: dict[str, Any]
) -> Relation:
    """The rows of one side that have, or have not, a partner; the other side's columns are null."""
    how = _SIDES[node.kind]
    if node.kind in (p.RIGHT_ANTI, p.RIGHT_SEMI):
        columns = (*[_nothing(c) for c in left.columns], *right_columns)
        return evolve(right, columns=columns, joins=(Joined(left.origin, how, on),), natural=False, **both)
    columns = (*left.columns, *[_nothing(c) for c in right_columns])
    return evolve(left, columns=columns, joins=(Joined(right.origin, how, on),), natural=False, **both)


def side(
    relation: Relation, schema: Any, keys: tuple[str, ...], missing: bool = False, dispensable: bool = True
) -> tuple[Relation, list[Scalar]]:
    """One side as a bare origin (every column a reference), and its keys.

    Where rows of it may be ``missing``, a record has to come from below: one of nulls is no null.  It is
    ``dispensable`` where the join may have rows although it has none.
    """
    relation = relation.alone(dispensable)
    if not relation.order:
        raise Unfoldable("rows without an order")
    if not is_open(relation) or (
        missing and any(isinstance(c.term.sql, exp.Struct) for c in relation.columns)
    ):
        relation = relation.closed()
    return relation, [relation.use(schema.index(name)) for name in keys]


def most_rows(left: Relation, right: Relation) -> int | None:
    """How many rows a join of any kind may have."""
    if left.rows is None or right.rows is None:
        return None
    return left.rows * right.rows + left.rows + right.rows


def _looked_at(relation: Relation, schema: Any, keys: tuple[str, ...]) -> Relation:
    """The rows; a key that is an error stops the query even where the other side has no row to compare it with."""
    texts = [relation.columns[schema.index(name)].text for name in keys]
    for text in [x for x in texts if x is not None]:
        relation = relation.opened()
        fine = t.case((t.not_null(text.copy()), t.stop(text.copy(), "BOOLEAN")), otherwise=exp.true())
        relation = relation.filtered(Scalar(fine, "logical", "BOOLEAN", False))
    return relation


def is_open(relation: Relation) -> bool:
    """Whether a relation may stand in a join as it is."""
    busy = relation.joins or relation.where or relation.sealed or relation.beside
    return not busy and _bare(relation)


def _bare(relation: Relation) -> bool:
    terms = [sql for c in relation.columns for sql in _references(c.term.sql)]
    pieces = terms + [c.text for c in relation.columns if c.text is not None]
    return all(isinstance(sql, exp.Column) for sql in pieces + [k.sql for k in relation.order])


def _references(sql: Any) -> list[Any]:
    """The parts of a term that have to be bare references: the keys of a nested table are a row of some."""
    return list(sql.expressions) if isinstance(sql, exp.Anonymous) and sql.name == "row" else mixed.parts(sql)


def matching(left: Scalar, right: Scalar) -> Any:
    """Keys that are equal as in M: null matches null, NaN nothing, other kinds nothing."""
    if isinstance(left.inside, t.Scaled) and left.inside == right.inside:
        return t.same(left.use, right.use)
    left, right = t.plain_number(left), t.plain_number(right)
    for key in (left, right):
        if key.kind in ("any", "null"):
            raise Unfoldable("a join key of unknown kind")
        need(key, key.kind)
    if left.kind != right.kind:
        raise Unfoldable("join keys of different kinds")
    a, b = storage_pair(left, right)
    sql = t.same(a, b) if left.nullable and right.nullable else t.binary(exp.EQ, a, b)
    if left.kind == "number" and not (left.nonan or right.nonan):
        finite = t.function("coalesce", t.negation(t.function("isnan", a.copy())), exp.true())
        return t.all_of([sql, finite])
    return sql


def nullable_column(column: Column) -> Column:
    if isinstance(column.term.inside, NestedTable):
        raise Unfoldable("a column of tables of rows that may be missing")
    return evolve(column, term=evolve(column.term, nullable=True))


def _nothing(column: Column) -> Column:
    if column.term.kind == "any":
        return Column(t.null())
    return Column(t.null(column.term.kind, column.term.storage))


def _order(left: Relation, right: Relation, left_mark: Any, right_mark: Any) -> tuple[Key, ...]:
    """Matches in left, then right order; then right rows without a match, then such left rows (TBL-82)."""
    keys: list[Key] = []
    if left_mark is not None:
        ranks = [(t.is_null(left_mark), t.whole(1))]
        if right_mark is not None:
            ranks.append((t.is_null(right_mark), t.whole(2)))
        keys.append(Key(t.case(*ranks, otherwise=t.whole(0)), plain=True, span=3))
    return (*keys, *left.order, *right.order)


def _marked(side: Relation) -> tuple[Relation, Any]:
    """One side of an outer join and a column of it that is null only where the join found no row.

    A row number will do when nothing below can have lost it; what was joined before gets a column of its own.
    """
    number = side.order[0] if len(side.order) == 1 else None
    leaf = not side.joins and not isinstance(side.origin, (Subquery, Union))
    if leaf and number is not None and number.plain and isinstance(number.sql, exp.Column) and is_open(side):
        return side, number.sql.copy()
    there = Column(typed(t.whole(1), "number", "INTEGER", nullable=False, nonan=True, int53=True))
    marked = evolve(side, columns=(*side.columns, there)).closed()
    return evolve(marked, columns=marked.columns[:-1]), marked.columns[-1].term.sql.copy()


@compiles(p.ExpandTable)
def expand_table(node: p.ExpandTable, context: Context) -> Relation:
    """What the editor writes for a merge: a nested join and its expansion are one join."""
    joined = expand_of_nested_join(node)
    if joined is not None:
        return context.child(joined)
    firsts = first_rows(node, context)
    if firsts is not None:
        return firsts
    base = context.child(node.input)
    place = node.input.schema.index(node.column)
    nested = base.columns[place].term.inside
    from folding.related import RelatedRows, expanded

    if isinstance(nested, RelatedRows):
        return expanded(node, base)
    if not isinstance(nested, NestedTable):
        raise Unfoldable("nested tables that no join of the same piece made")
    base = base.closed()
    right = nested.relation
    joined_side = Joined(right.origin, "LEFT", nested.condition(base.columns[place].term))
    schema = nested.schema
    fields = {
        new: nullable_column(right.columns[schema.index(old)]) if schema.has(old) else Column(t.null())
        for old, new in node.fields
    }
    kept = dict(zip(node.input.schema.names, base.columns, strict=True))
    order = (*base.order, *right.order)
    if isinstance(node.input, p.Group):
        order = _group_order(*order)
    return evolve(
        base, columns=tuple(fields.get(n) or kept[n] for n in node.schema.names), joins=(joined_side,),
        order=order, natural=False, unique=(), rows=most_rows(base, right),
        raises=base.raises or right.raises,
        sort_raises=base.sort_raises or right.sort_raises, strict=base.strict or right.strict,
        notes=(*base.notes, *right.notes),
    )  # fmt: skip


def _group_order(*keys: Key) -> tuple[Key, ...]:
    """Groups in the order of their first rows, each with its rows: one number, which is sorted faster than two.

    The first row of a group is one of these rows, so that its number is below the same bound.
    """
    plain = all(key.plain and not key.descending for key in keys)
    if len(keys) != 2 or not plain or keys[1].span is None or keys[1].span ** 2 >= 2**62:
        return keys
    first, row = keys
    span = keys[1].span
    start = t.binary(exp.Mul, first.sql, t.cast(t.whole(span), "BIGINT"))
    place = t.function("coalesce", row.sql, t.whole(0))
    return (Key(t.binary(exp.Add, start, place), plain=True, span=span**2),)


@compiles(p.NestedJoin)
def nested_join(node: p.NestedJoin, context: Context) -> Relation:
    """The left rows with a column that stands for the right rows, for aggregates and expansion."""
    if node.kind != p.LEFT_OUTER:
        raise Unfoldable("a nested join of another kind than left outer")
    left = context.child(node.left)
    left = (left.closed() if left.limited else left).compact()  # only for these rows are partners looked for
    keys = [left.use(node.left.schema.index(name)) for name in node.left_keys]
    right, right_keys = side(context.child(node.right), node.right.schema, node.right_keys)
    if not keys or left.raises or right.raises or any(k.raises for k in [*keys, *right_keys]):
        raise Unfoldable("a nested join without keys, or with keys that may raise")

    comparers = node.comparers or (None,) * len(keys)
    others = [folded(key, comparer) for key, comparer in zip(right_keys, comparers, strict=True)]

    def match(values: list[Scalar]) -> Any:
        mine = [folded(value, comparer) for value, comparer in zip(values, comparers, strict=True)]
        return t.all_of([matching(a, b) for a, b in zip(mine, others, strict=True)])

    match(keys)
    right, place = numbered(right)
    table = NestedTable(right, node.right.schema, place, sums_of(right, context), match, tuple(keys))
    nested = Column(Scalar(packed(keys), "any", "", inside=table))
    beside = (*left.beside, *right.sources())
    # a subquery over the tables becomes a join, which keeps no order
    return evolve(left, columns=(*left.columns, nested), beside=beside, natural=False)
