"""Steps that only have a recipe (`plan.Step`): ranks, rows by their places, rows and cells replaced by place or value.

A form gets the step's input, the relation over it and the step's arguments; `STEPS` names them.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.operators import computing, unify
from folding.recipes import one_of
from folding.relations import Column, Key, Relation
from folding.relations_columns import window_order
from folding.relations_rows import criteria, key_term, numbered, unlimited
from folding.terms import Scalar, Unfoldable, typed
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.values.metadata import strip
from mlang.values.thunk import force

#: RankKind: what the window function is called.
_RANKS = ("rank", "dense_rank", "row_number")


def _ranked(input: p.Plan, base: Relation, given: Any, kind: int) -> Relation:
    """`Table.AddRankColumn`: the rows sorted, with their rank."""
    base = unlimited(base).opened().compact()
    base = base.opened()
    keys, terms = criteria(base, given, input.schema)
    if not keys:
        raise Unfoldable("ranks by constants")
    order = (*keys, *base.order)
    within = order if _RANKS[kind] == "row_number" else keys
    place = exp.Window(
        this=t.function(_RANKS[kind]), order=exp.Order(expressions=[k.ordered() for k in within])
    )
    rank = Column(typed(t.cast(place, "DOUBLE"), "number", "DOUBLE", nullable=False, nonan=True, int53=True))
    return evolve(
        base.consumed(terms), columns=(*base.columns, rank), order=order, natural=False, windowed=True
    ).closed()


def _alternate(input: p.Plan, base: Relation, start: int, gap: int, length: int) -> Relation:
    """`Table.AlternateRows`: the first rows, then in turn so many left out and kept."""
    cycle = gap + length
    if cycle == 0:
        return base
    base = base.opened()
    marked, number = _placed(base)
    place = t.binary(exp.Sub, number, t.whole(1 + start))
    turn = t.binary(exp.Mod, exp.Paren(this=place), t.whole(cycle))
    kept = t.any_of([t.binary(exp.LT, place.copy(), t.whole(0)), t.binary(exp.GTE, turn, t.whole(gap))])
    return marked.filtered(typed(kept, "logical", "BOOLEAN", nullable=False))


def _replaced_rows(input: p.Plan, base: Relation, wanted: Any, news: Any) -> Relation:
    """`Table.ReplaceMatchingRows`: the first of the wanted rows that a row equals gives its cells."""
    base = base.compact()
    row = base.row(input.schema)
    hits = [one_of(row, cells).use for cells in wanted]
    columns = []
    for index in range(len(base.columns)):
        kept, terms = base.use(index), [_value(new[index]) for new in news]
        for term in terms:
            kept, _ = unify(kept, term)
        terms = [unify(kept, term)[1] for term in terms]
        if kept.kind == "any" or kept.inside is not None:
            raise Unfoldable("rows with cells of unknown kind replaced")
        branches = [(hit, term.use) for hit, term in zip(hits, terms, strict=True)]
        every = [kept, *terms]
        made = typed(
            t.case(*branches, otherwise=kept.use) if branches else kept.use, kept.kind, kept.storage, *every,
            nonan=all(x.nonan for x in every), int53=all(x.int53 for x in every),
            ascii=all(x.ascii for x in every),
        )  # fmt: skip
        columns.append(Column(made))
    return evolve(base, columns=tuple(columns))


def _value(cell: Any) -> Scalar:
    """A value of the query that a step puts into rows."""
    try:
        return t.literal(strip(force(cell)))
    except MError:
        raise Unfoldable("a value that is an error") from None


# ---------------------------------------------------------------- rows by their places


def _placed(base: Relation) -> tuple[Relation, Any]:
    """The rows with their numbers, from 1, and that number."""
    base = base.opened()
    number = exp.Window(this=exp.RowNumber(), order=None if base.natural else window_order(base))
    mark = Column(typed(number, "number", "BIGINT", nullable=False, nonan=True, int53=True))
    marked = evolve(base, columns=(*base.columns, mark), windowed=True).closed()
    return evolve(marked, columns=marked.columns[:-1]), marked.columns[-1].term.use


def _removed(input: p.Plan, base: Relation, start: int, gone: int) -> Relation:
    """`Table.RemoveRows`: the rows before some place and those behind another."""
    base, place = _placed(base)
    kept = t.any_of(
        [t.binary(exp.LTE, place, t.whole(start)), t.binary(exp.GT, place.copy(), t.whole(start + gone))]
    )
    return base.filtered(typed(kept, "logical", "BOOLEAN", nullable=False))


def _spliced(input: p.Plan, base: Relation, start: int, gone: int, columns: Any, length: int) -> Relation:
    """`Table.InsertRows` and `Table.ReplaceRows`: some rows in the place of others."""
    if not length:
        return _removed(input, base, start, gone)
    schema = input.schema
    new: p.Plan = p.Values(schema, [list(column) for column in columns], length)
    if start:
        new = p.Step(schema, (new,), _only_checked, "rows there", (input, start))
    rest = p.Drop(schema, input, start + gone)
    parts = (p.Take(schema, input, start), new, rest) if start else (new, rest)
    return base.context.child(p.Append(schema, parts))


def _only_checked(*batches: Any) -> Any:
    raise Unfoldable("rows put behind the end of a table")


def _there(input: p.Plan, base: Relation, table: p.Plan, count: int) -> Relation:
    """The rows, but stop the query where another table has fewer than so many: M raises behind its last row."""
    others = base.context.child(p.Take(table.schema, table, count)).closed()
    number = exp.Count(this=exp.Star())
    counted = evolve(others, columns=(), order=(), natural=True)
    short = t.binary(
        exp.LT, exp.Subquery(this=counted.select([("n", number)], ordered=False)), t.whole(count)
    )
    enough = typed(t.unless(short, exp.true()), "logical", "BOOLEAN", nullable=False, raises=True)
    base = base.opened()
    return evolve(base.filtered(enough), beside=(*base.beside, *others.sources()))


def _cleared(input: p.Plan, base: Relation, names: tuple[str, ...]) -> Relation:
    """`Table.ClearDown`: nulls in the place of cells that all repeat those of the row above."""
    if not names:
        return base
    base, place = numbered(base.opened().compact())
    base = base.opened()
    places = [input.schema.index(name) for name in names]
    keys = [key_term(base.use(index)) for index in places]
    raising = [key for key in keys if key.raises]
    if raising:  # M looks at these cells also where nobody looks at the columns
        fine = typed(exp.true(), "logical", "BOOLEAN", nullable=False)
        base = base.filtered(computing(fine, *raising))
    order = exp.Order(expressions=[Key(place, plain=True).ordered()])
    number = exp.Window(this=exp.RowNumber(), order=order)
    tests = [t.binary(exp.GT, number, t.whole(1))]
    for key in keys:
        above = exp.Window(this=t.function("lag", key.use), order=order.copy())
        tests.append(t.same(above, key.use))
    repeated = t.all_of(tests)
    columns = list(base.columns)
    for index, key in zip(places, keys, strict=True):
        cell = base.use(index)
        sql = t.case((repeated.copy(), t.cast(exp.Null(), cell.storage)), otherwise=cell.use)
        columns[index] = Column(evolve(cell, sql=sql, nullable=True, raises=key.raises))
    made = evolve(base.consumed(keys), columns=tuple(columns), order=(Key(place, plain=True),), windowed=True)
    return made.closed()


STEPS: dict[str, Any] = {
    "Table.AddRankColumn": _ranked,
    "Table.AlternateRows": _alternate,
    "Table.ReplaceMatchingRows": _replaced_rows,
    "Table.RemoveRows": _removed,
    "Table.InsertRows": _spliced,
    "Table.ReplaceRows": _spliced,
    "Table.ClearDown": _cleared,
    "rows there": _there,
}
