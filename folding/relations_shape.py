"""Steps that change the shape: groups, unpivoted and pivoted columns."""

from __future__ import annotations

import math
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import aggregates
from folding import terms as t
from folding.comparers import folded
from folding.group_firsts import Firsts
from folding.group_rows import Step, steps_of, taken
from folding.meanings import Row
from folding.nested import NestedTable, packed
from folding.origins import Union
from folding.pairs import Pair, written
from folding.relations import Column, Context, Key, Relation, compiles
from folding.relations_rows import key_term, numbered, shown_key, sums_of
from folding.relations_tables import is_open, matching
from folding.spelling import failing
from folding.streaming import StreamOrigin
from folding.terms import Scalar, Unfoldable, typed
from folding.unions import alike, cell, combined, read_back, told
from mlang.tables import plan as p


@compiles(p.Group)
def group(node: p.Group, context: Context) -> Relation:
    base = context.child(node.input).opened().compact()
    base, place = numbered(base)
    base = base.opened()
    schema = node.input.schema
    run = ()
    if node.local and node.keys:
        base, place, run = _runs(base, place, _changes(node, base, place))
    own = keys = [base.use(schema.index(name)) for name in node.keys]
    compared = [] if node.comparer is not None and run else _compared(node, base, keys)
    if node.comparer is None:
        keys = compared
    # grouping by a constant gives no row for a table without rows, as M does
    groups = tuple(k.sql for k in compared) + run or (_all_rows(),)
    places = {name: i for i, name in enumerate(schema.names)}
    table = aggregates.Group(
        lambda name: base.use(places[name]) if name in places else None, place, sums_of(base, context),
        base.rows, tuple(schema.names),
    )  # fmt: skip
    if node.comparer is None:
        shown = [shown_key(x, key, place) for x, key in zip(own, keys, strict=True)]
    else:
        shown = [_first(key, table) for key in keys]
    values = []
    beside = base.beside
    for a in node.aggregates:
        if isinstance(a.value, Firsts):
            values.append(a.value.found(base, schema))
            continue
        steps = steps_of(a.value)
        if steps is not None:
            values.append(_own_rows(node, context, shown, base, steps))
            beside = (*beside, *values[-1].inside.relation.sources())
        else:
            values.append(aggregates.aggregate(a.value, table))
    columns = [Column(evolve(k, raises=False)) for k in shown] + [Column(v) for v in values]
    plain = not run and node.comparer is None
    made = evolve(
        base.consumed(keys), columns=tuple(columns), order=(first_of(place),), natural=False,
        group=groups, unique=tuple(k.sql for k in keys) if plain else (), beside=beside,
        notes=(*base.notes, *dict.fromkeys(table.notes)),
    )  # fmt: skip
    alone = not (node.keys or base.raises or base.strict or any(v.raises for v in values))
    return _one_group(made) if alone else made


def _all_rows() -> Any:
    """What to group by where there is no key."""
    return t.cast(exp.Literal.string("all"), "VARCHAR")


def _one_group(made: Relation) -> Relation:
    """The same without GROUP BY, which keeps the engine from answering by what it knows of a file."""
    number = Column(Scalar(exp.Count(this=exp.Star()), "number", "BIGINT", False, nonan=True, int53=True))
    found = evolve(made, columns=(*made.columns, number), group=()).closed()
    some = t.binary(exp.GT, found.columns[-1].term.use, t.whole(0))
    kept = found.filtered(typed(some, "logical", "BOOLEAN", nullable=False))
    return evolve(kept, columns=kept.columns[:-1], natural=True, rows=1)


def _own_rows(
    node: p.Group, context: Context, keys: list[Scalar], base: Relation, steps: list[Step]
) -> Scalar:
    """The group's own table (`each _`), or part of it: the rows of the input that have its keys."""
    if node.local or not keys or base.raises or any(k.raises for k in keys):
        raise Unfoldable("tables of groups without keys, of runs, or with keys that may raise")
    if written(node.comparer):
        raise Unfoldable("tables of groups by a comparer that somebody wrote")
    if any(isinstance(s, StreamOrigin) for s in base.sources()):
        raise Unfoldable("tables of groups of rows that come from the interpreter")
    rows = context.child(node.input)
    if steps and node.comparer is not None:
        raise Unfoldable("parts of groups by a comparer")
    own = taken(rows, node.input.schema, node.keys, steps)
    if not own.relation.order:
        raise Unfoldable("rows without an order")
    right = own.relation if is_open(own.relation) else own.relation.closed()
    found = [right.use(place) for place in own.keys]
    right_keys = [folded(key, node.comparer) for key in found]

    def match(values: list[Scalar]) -> Any:
        mine = [folded(value, node.comparer) for value in values]
        return t.all_of([matching(a, b) for a, b in zip(mine, right_keys, strict=True)])

    match(keys)
    right, place = numbered(right)
    table = NestedTable(right, own.schema, place, sums_of(right, context), match, tuple(keys))
    return Scalar(packed(keys), "any", "", inside=table)


def _compared(node: p.Group, base: Relation, keys: list[Scalar]) -> list[Scalar]:
    """What is equal within a group."""
    if not written(node.comparer):
        return [key_term(folded(key, node.comparer)) for key in keys]
    found = Pair(node.comparer, _argument(node, base)).equality()
    if found.raises:
        raise Unfoldable("a comparison that may raise")
    return [key_term(found)]


def _first(key: Scalar, group: aggregates.Group) -> Scalar:
    """A key as the first row of the group has it."""
    found = aggregates.AGGREGATES["List.First"](key, group)
    return evolve(found, inside=key.inside, nullable=key.nullable)


def _argument(node: p.Group, base: Relation) -> Any:
    """What a comparer that somebody wrote is given: the value of a single key, else the record of the keys."""
    schema = node.input.schema
    if node.single:
        return base.use(schema.index(node.keys[0]))
    places = {name: schema.index(name) for name in node.keys}
    return Row(lambda name: base.use(places[name]) if name in places else None, node.keys)


def _changes(node: p.Group, base: Relation, place: Any) -> list[Scalar]:
    """Conditions one of which holds where another run begins (the first row may be said to begin one or not)."""
    keys = [base.use(node.input.schema.index(name)) for name in node.keys]
    try:
        compared = _compared(node, base, keys)
    except Unfoldable:
        if not written(node.comparer):
            raise
        return [_starts(node, base)]
    order = exp.Order(expressions=[Key(place, plain=True).ordered()])
    changes = []
    for key in compared:
        before = exp.Window(this=t.function("lag", key.use), order=order.copy())
        change = t.binary(exp.NullSafeNEQ, before, key.use)
        changes.append(typed(change, "logical", "BOOLEAN", key, nullable=False))
    return changes


def _starts(node: p.Group, base: Relation) -> Scalar:
    """A comparer that looks at the later row only says where a run begins; the first row it is not given."""
    found = Pair(node.comparer, _argument(node, base)).starts()
    other = t.binary(exp.NEQ, found.use, t.whole(0))
    if found.nullable:  # no number: an error
        other = t.case((t.is_null(found.use), t.error()), otherwise=other)
    return typed(other, "logical", "BOOLEAN", found, nullable=False, raises=found.raises or found.nullable)


def _runs(base: Relation, place: Any, changes: list[Scalar]) -> tuple[Relation, Any, tuple[Any, ...]]:
    """The rows with a number of their run, their place, and that number."""
    change = t.cast(exp.Paren(this=t.any_of([c.use for c in changes])), "BIGINT")
    mark = Column(typed(change, "number", "BIGINT", nullable=False))
    base = evolve(
        base.consumed(changes), columns=(*base.columns, mark), order=(Key(place, plain=True),), windowed=True
    ).closed()
    place = base.order[0].sql
    frame = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    order = exp.Order(expressions=[base.order[0].ordered()])
    number = exp.Window(this=t.function("sum", base.columns[-1].term.use), order=order, spec=frame)
    mark = Column(typed(number, "number", "BIGINT", nullable=False))
    base = evolve(base, columns=(*base.columns[:-1], mark), windowed=True).closed()
    return base, base.order[0].sql, (base.columns[-1].term.sql,)


def first_of(place: Any) -> Key:
    """Groups in the order of their first rows."""
    return Key(t.function("min", place.copy()), plain=True)


# ---------------------------------------------------------------- pivots


def _cell_place(place: Any, number: int, count: int) -> Any:
    """The place of a row's cell among the cells of all rows: one number, that sorts and is compared at once."""
    first = t.binary(
        exp.Mul, t.function("coalesce", place.copy(), t.whole(0)), t.cast(t.whole(count), "BIGINT")
    )
    return t.binary(exp.Add, first, t.whole(number)) if number else first


@compiles(p.Unpivot)
def unpivot(node: p.Unpivot, context: Context) -> Relation:
    """One SELECT per unpivoted column, put together in row, then column order."""
    if not node.columns:
        raise Unfoldable("no columns to unpivot")
    base = context.child(node.input).compact()
    base, place = numbered(base)
    known = [key.span for key in base.order]
    span = math.prod(s for s in known if s is not None) if None not in known else None
    if base.sealed or base.joins or not isinstance(place, exp.Column):
        base = evolve(base, order=(Key(place, plain=True),)).closed()
        place = base.order[0].sql
    count = len(node.columns)
    single = span is not None and span * count < 2**62
    schema = node.input.schema
    kept = [n for n in node.schema.names if n not in (node.attribute, node.value)]
    kept_columns = [base.columns[schema.index(n)] for n in kept]
    pivoted = [base.columns[schema.index(n)] for n in node.columns]
    if any(c.term.raises for c in [*kept_columns, *pivoted]):
        raise Unfoldable("unpivoting cells that may raise")
    cells = alike(pivoted)
    value = _of_one_kind(combined(cells))
    alias = context.alias()
    parts = []
    for number, (name, c) in enumerate(zip(node.columns, cells, strict=True)):
        assert c is not None
        present = Scalar(_present(c), "logical", "BOOLEAN", False)
        outputs: dict[str, Any] = {}
        for index, k in enumerate(kept_columns, 1):
            outputs[f"c{index}"] = k.term.use
            if k.text is not None:
                outputs[f"x{index}"] = k.text.copy()
        outputs[f"c{len(kept) + 1}"] = t.string(name)
        outputs[f"c{len(kept) + 2}"] = cell(c, value.term)
        if value.text is not None:
            outputs[f"x{len(kept) + 2}"] = told(cells, number, value)
        if single:
            outputs["r1"] = _cell_place(place, number, count)
        else:
            outputs["r1"], outputs["r2"] = place.copy(), t.whole(number)
        parts.append((base.filtered(present), outputs))
    names = Scalar(t.string(""), "text", "VARCHAR", False, ascii=all(n.isascii() for n in node.columns))
    shapes = [*kept_columns, Column(names), value]
    columns = tuple(read_back(shape, index, alias) for index, shape in enumerate(shapes, 1))
    order: tuple[Key, ...] = (
        Key(t.column("r1", alias), plain=True, span=span * count if span and single else None),
    )
    if not single:
        order = (*order, Key(t.column("r2", alias), plain=True, span=count))
    rows = None if base.rows is None else base.rows * count
    relation = Relation(
        context, Union(alias, parts), columns, order, natural=False,
        raises=any(part.raises for part, _ in parts), strict=any(part.strict for part, _ in parts),
        sort_raises=base.sort_raises, hides=base.hides, overlooks=base.overlooks,
        rows=rows, notes=base.notes,
    )  # fmt: skip
    order_of = (*kept, node.attribute, node.value)
    return evolve(relation, columns=tuple(columns[order_of.index(n)] for n in node.schema.names))


def _of_one_kind(value: Column) -> Column:
    """The column of values, none of which is null unless it converts to that."""
    if value.term.kind == "any" and not t.is_decimal(value.term):
        raise Unfoldable("unpivoting values of unknown kind")
    return value if value.text is not None else evolve(value, term=evolve(value.term, nullable=False))


def _present(column: Column) -> Any:
    """Which cells are not null; an error is none, and a text that may be either stops the query."""
    there = t.not_null(column.term.use)
    if column.text is None:
        return there
    if column.failures:
        return t.any_of([t.not_null(column.text.copy()), there])
    return failing(column, exp.true(), there)


@compiles(p.Pivot)
def pivot(node: p.Pivot, context: Context) -> Relation:
    """Without an aggregate a second value is an error of its cell: that is for the interpreter."""
    name = _list_function(node.aggregate) if node.aggregate is not None else _ONLY
    if name not in (
        "List.Sum",
        "List.Count",
        "List.Min",
        "List.Max",
        "List.NonNullCount",
        "List.Average",
        _ONLY,
    ):
        raise Unfoldable("a pivot with this aggregate")
    base = context.child(node.input).opened().compact()
    if base.order_may_raise():
        raise Unfoldable(
            "a pivot of rows in an order that may raise: an engine computes it only where it shows"
        )
    base, place = numbered(base)
    base = base.opened()
    schema = node.input.schema
    attribute = base.use(schema.index(node.attribute))
    value = base.use(schema.index(node.value))
    if attribute.kind != "text" or node.attribute == node.value:
        raise Unfoldable("a pivot over names that may not be texts")
    key_names = [n for n in schema.names if n not in (node.attribute, node.value)]
    keys = [base.use(schema.index(n)) for n in key_names]
    cells = _cells(name, base.consumed([*keys, attribute]), keys, attribute, value, place, context)
    *kept, said, cell = [c.term for c in cells.columns]
    place = cells.order[0].sql
    groups = [key_term(k) for k in kept]
    shown = [shown_key(k, key, place) for k, key in zip(kept, groups, strict=True)]
    picked = [_picked(said, cell, v) for v in node.values]
    return evolve(
        cells, columns=tuple(Column(x) for x in [*shown, *picked]), order=(first_of(place),), natural=False,
        group=tuple(k.sql for k in groups) or (_all_rows(),), unique=tuple(k.sql for k in groups),
    )  # fmt: skip


def _cells(
    name: str,
    base: Relation,
    keys: list[Scalar],
    attribute: Scalar,
    value: Scalar,
    place: Any,
    context: Context,
) -> Relation:
    """One row for each cell of the pivoted table: the rows with equal keys and attribute, aggregated."""
    group = aggregates.Group(lambda _: None, place, sums_of(base, context), base.rows)
    cell = _only(value, group) if name == _ONLY else aggregates.AGGREGATES[name](value, group)
    own = [*keys, attribute]
    terms = [*[key_term(k) for k in keys], attribute]
    shown = [shown_key(x, key, place) for x, key in zip(own, terms, strict=True)]
    columns = [Column(evolve(k, raises=False)) for k in shown] + [Column(cell)]
    return evolve(
        base, columns=tuple(columns), order=(first_of(place),), natural=False,
        group=tuple(k.sql for k in terms), notes=(*base.notes, *dict.fromkeys(group.notes)),
    ).closed()  # fmt: skip


#: In the place of an aggregate: there is one value.
_ONLY = "the only value"


def _only(value: Scalar, group: aggregates.Group) -> Scalar:
    """The value of a cell that has one; several stop the query."""
    if value.inside is not None or value.kind == "any":
        raise Unfoldable("a pivot of values of unknown kind")
    found = aggregates.AGGREGATES["List.First"](value, group)
    several = t.binary(exp.GT, exp.Count(this=exp.Star()), t.whole(1))
    return evolve(found, sql=t.unless(several, found.use), raises=True)


def _picked(said: Scalar, cell: Scalar, wanted: str) -> Scalar:
    """The cell of a name; there is no more than one."""
    here = t.binary(exp.EQ, said.use, t.string(wanted))
    return evolve(cell, sql=t.function("max", t.case((here, cell.use))), nullable=True)


def _list_function(function: Any) -> str:
    spec = getattr(function, "spec", None)
    return spec.builtin.name if spec is not None and spec.builtin is not None else ""
