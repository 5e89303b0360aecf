"""Steps that choose or order rows: conditions, counts, sorting, distinct rows."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import aggregates, zones
from folding import terms as t
from folding.comparers import folded, keeps_apart
from folding.csv_source import CsvOrigin
from folding.operators import unify
from folding.pairs import Compared, Pair
from folding.recipes import one_of
from folding.relations import Column, Context, Key, Relation, compiles
from folding.relations_columns import apply_function, window_order
from folding.terms import Scalar, Unfoldable, need, typed
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.values.metadata import strip
from mlang.values.thunk import force


@compiles(p.SelectRows)
def select_rows(node: p.SelectRows, context: Context) -> Relation:
    base = context.child(node.input).opened()
    schema = node.input.schema

    def condition(relation: Relation) -> Scalar:
        return need(apply_function(node.predicate, relation.row(schema)), "logical")

    if context.repairs is not None:
        base, column = context.repairs.added(base, node.predicate, schema, condition)
        if column.text is not None:
            raise Unfoldable("a condition that raises")
        return base.filtered(column.term)
    term = condition(base)
    # a conversion in the condition is written out, so that those of other columns are made after the filter
    if sum(t.size(part.sql) for part in term.conjuncts or (term,)) > 250:
        base = base.compact()
        term = condition(base)
    return base.filtered(term)


@compiles(p.Take)
def take(node: p.Take, context: Context) -> Relation:
    if node.count is None:
        return _leading(node, context, exp.LT)
    base = context.child(node.input)
    limit = node.count if base.limit is None else min(node.count, base.limit)
    rows = limit if base.rows is None else min(base.rows, limit)
    return evolve(base, limit=limit, rows=rows)


@compiles(p.Drop)
def drop(node: p.Drop, context: Context) -> Relation:
    if node.count is None:
        return _leading(node, context, exp.GTE)
    base = context.child(node.input)
    if node.count == 0:
        return base
    if node.count == 1 and isinstance(base.origin, CsvOrigin) and base.origin.untouched(base):
        return base.origin.without_first_row(base)
    if base.limit is not None:
        base = base.closed()
    return evolve(base, offset=base.offset + node.count)


def _leading(node: p.Take | p.Drop, context: Context, side: Any) -> Relation:
    """The rows before, or from, the first one for which the condition does not hold.

    A null condition anywhere stops the query: M raises when it comes before that row.
    """
    base, place = numbered(unlimited(context.child(node.input)).opened().compact())
    base = base.opened()
    holds = need(apply_function(node.condition, base.row(node.input.schema)), "logical")
    if holds.raises or base.raises:
        raise Unfoldable("a condition on leading rows that may raise")
    no = t.negation(holds.use)
    fails = t.case((no, exp.true()), (holds.use, exp.false()), otherwise=t.error()) if holds.nullable else no
    others = base.filtered(typed(fails, "logical", "BOOLEAN", nullable=False))
    first = exp.Subquery(this=others.select([("first", t.function("min", place.copy()))], ordered=False))
    end = t.function("coalesce", first, t.whole(2**63 - 1))
    return base.filtered(typed(t.binary(side, place.copy(), end), "logical", "BOOLEAN", nullable=False))


@compiles(p.Reverse)
def reverse(node: p.Reverse, context: Context) -> Relation:
    base = unlimited(context.child(node.input))
    if not base.order:
        raise Unfoldable("rows without an order")
    return evolve(base, order=tuple(k.reversed() for k in base.order), natural=False)


def unlimited(relation: Relation) -> Relation:
    """The relation with no count of rows pending, so that it may be ordered anew."""
    return relation.closed() if relation.limit is not None or relation.offset else relation


@compiles(p.TakeLast)
def take_last(node: p.TakeLast, context: Context) -> Relation:
    if node.count is None:
        raise Unfoldable("a condition on trailing rows")
    base = unlimited(context.child(node.input))
    if not base.order:
        raise Unfoldable("rows without an order")
    if node.count == 0 and base.raises:
        raise Unfoldable("no rows of a table that may raise: M reads it to its end, the engine does not")
    backwards = tuple(k.reversed() for k in base.order)
    last = evolve(base, order=backwards, natural=False, limit=node.count).closed()
    return evolve(last, order=tuple(k.reversed() for k in last.order), natural=False)


@compiles(p.DropLast)
def drop_last(node: p.DropLast, context: Context) -> Relation:
    if node.count is None:
        raise Unfoldable("a condition on trailing rows")
    base = unlimited(context.child(node.input))
    if not base.order:
        raise Unfoldable("rows without an order")
    backwards = tuple(k.reversed() for k in base.order)
    kept = evolve(base, order=backwards, natural=False, offset=node.count).closed()
    return evolve(kept, order=tuple(k.reversed() for k in kept.order), natural=False)


def order_term(term: Scalar) -> Any:
    """What to order by so that the engine orders as M; NaN goes to the interpreter."""
    if isinstance(term.inside, t.Scaled):
        return term.use
    if term.kind in ("any", "null", "binary"):
        raise Unfoldable("an order of values of unknown kind")
    if term.kind == "text":
        return t.ordinal_key(term)
    return key_term(term).sql


def key_term(term: Scalar) -> Scalar:
    """A term in a form whose equal values the engine groups as M does."""
    if isinstance(term.inside, t.Scaled):
        return term
    if term.kind in ("any", "null"):
        raise Unfoldable("a key of unknown kind")
    if term.kind == "datetimezone":
        return zones.instant(term)
    need(term, term.kind)
    if term.kind == "number" and not term.nonan:
        sql = t.case((t.function("isnan", term.use), t.stop(term.use, term.storage)), otherwise=term.use)
        return evolve(term, sql=sql, nonan=True)
    return term


def shown_key(column: Scalar, key: Scalar, place: Any) -> Scalar:
    """What a group shows of a column that is its key; equal values that are not the same are those of its first row."""
    return zones.first_of(column, place.copy()) if column.kind == "datetimezone" else key


@compiles(p.Sort)
def sort(node: p.Sort, context: Context) -> Relation:
    base = unlimited(context.child(node.input)).compact()
    keys, terms = _criteria(base, node.keys, node.input.schema)
    ties = () if _one_row_each(base, terms) else base.order
    dropped = base.order_may_raise() if not ties else any(t.stops(k.sql) for k in base.order)
    if dropped or _decided(base, keys):
        raise Unfoldable("an order by what may raise, where other keys decide: M computes it all the same")
    raises = base.sort_raises or any(x.raises for x in terms)
    return evolve(base.consumed(terms), order=(*keys, *ties), natural=False, sort_raises=raises)


def _decided(base: Relation, keys: list[Key]) -> bool:
    """Whether a key that may raise stands behind others that leave no ties, so that the engine may not look at it."""
    seen: set[str] = set()
    for index, key in enumerate(keys):
        mine = {c.sql() for c in key.sql.find_all(exp.Column)}
        if index and t.stops(key.sql) and (base.unique or mine <= seen):
            return True
        seen |= mine
    return False


def _criteria(base: Relation, criteria: Any, schema: Any) -> tuple[list[Key], list[Scalar]]:
    """What to sort by, and the terms that are compared."""
    if not base.order:
        raise Unfoldable("rows without an order")
    keys, terms = [], []
    for key in criteria:
        if key.comparer is not None:
            for part in _compared(key.comparer, base.row(schema)):
                terms.append(part.term)
                keys.append(Key(order_term(part.term), key.descending != part.descending))
            continue
        if key.column is not None:
            term = base.use(schema.index(key.column))
        else:
            term = apply_function(key.key, base.row(schema))
        if term.is_constant:
            continue
        terms.append(term)
        keys.append(Key(order_term(term), key.descending))
    return keys, terms


def _compared(function: Any, row: Any) -> list[Compared]:
    """What a function of two rows compares them by; M computes it for rows that it compares only."""
    parts = Pair(function, row).order()
    if any(part.term.raises for part in parts):
        raise Unfoldable("a comparison that may raise")
    return parts


# ---------------------------------------------------------------- steps that only have a recipe


@compiles(p.Step)
def step(node: p.Step, context: Context) -> Relation:
    form = STEPS.get(node.name)
    if form is None or node.recipe is None:
        raise Unfoldable("the step has no SQL form")
    made: Relation = form(node.parts[0], context.child(node.parts[0]), *node.recipe)
    return made


#: RankKind: what the window function is called.
_RANKS = ("rank", "dense_rank", "row_number")


def _ranked(input: p.Plan, base: Relation, criteria: Any, kind: int) -> Relation:
    """`Table.AddRankColumn`: the rows sorted, with their rank."""
    base = unlimited(base).opened().compact()
    base = base.opened()
    keys, terms = _criteria(base, criteria, input.schema)
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
    number = exp.Window(this=exp.RowNumber(), order=None if base.natural else window_order(base))
    mark = Column(typed(number, "number", "BIGINT", nullable=False, nonan=True, int53=True))
    marked = evolve(base, columns=(*base.columns, mark), windowed=True).closed()
    place = t.binary(exp.Sub, marked.columns[-1].term.use, t.whole(1 + start))
    turn = t.binary(exp.Mod, exp.Paren(this=place), t.whole(cycle))
    kept = t.any_of([t.binary(exp.LT, place.copy(), t.whole(0)), t.binary(exp.GTE, turn, t.whole(gap))])
    marked = evolve(marked, columns=marked.columns[:-1])
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


STEPS: dict[str, Any] = {
    "Table.AddRankColumn": _ranked,
    "Table.AlternateRows": _alternate,
    "Table.ReplaceMatchingRows": _replaced_rows,
}


def _one_row_each(base: Relation, terms: list[Scalar]) -> bool:
    """Whether the sort keys are different in each row: then there are no ties."""
    return bool(base.unique) and all(any(u == x.sql for x in terms) for u in base.unique)


def numbered(relation: Relation) -> tuple[Relation, Any]:
    """The rows with their order as one ascending column without nulls (which MIN would not see), and that column."""
    if len(relation.order) == 1 and relation.order[0].plain and not relation.order[0].descending:
        return relation, relation.order[0].sql
    joined = _one_number(relation.order)
    if joined is not None:
        return relation, joined
    relation = relation.opened()
    number = exp.Window(this=exp.RowNumber(), order=window_order(relation))
    ordered = evolve(relation, order=(Key(number, plain=True),), windowed=True).closed()
    return ordered, ordered.order[0].sql


def sums_of(relation: Relation, context: Context) -> str:
    """How sums of doubles are made: "ordered" (bit for bit), "rounded" (correctly rounded) or "plain"."""
    if context.number_mode == "relaxed":
        return "plain"
    if context.number_mode == "ordered":
        return "ordered"
    small = relation.rows is not None and relation.rows <= aggregates.ORDERED_ROWS
    return "ordered" if small else "rounded"


def _one_number(keys: tuple[Key, ...]) -> Any:
    """Several row numbers as one BIGINT of the same order; None when the spans are unknown or too large."""
    total = 1
    for key in keys:
        if not key.plain or key.descending or key.span is None:
            return None
        total *= key.span
    if not keys or total >= 2**62:
        return None
    result: Any = None
    for key in keys:
        place = t.function("coalesce", key.sql.copy(), t.whole(0))
        if result is not None:
            place = t.binary(
                exp.Add, t.binary(exp.Mul, result, t.cast(t.whole(key.span or 1), "BIGINT")), place
            )
        result = place
    return result


@compiles(p.Distinct)
def distinct(node: p.Distinct, context: Context) -> Relation:
    base = context.child(node.input).opened().compact()
    schema = node.input.schema
    columns = node.columns or tuple((name, None) for name in schema.names)
    if not columns:
        raise Unfoldable("distinct rows of a table without columns")
    apart = all(keeps_apart(comparer) for _, comparer in columns)
    whole = apart and {name for name, _ in columns} == set(schema.names)
    if whole and base.order_may_raise():
        raise Unfoldable(
            "distinct rows in an order that may raise: an engine computes it only where it shows"
        )
    base, place = numbered(base)
    base = base.opened()
    if whole:
        return _whole_rows(base, place)
    terms = [key_term(folded(base.use(schema.index(name)), comparer)) for name, comparer in columns]
    partition = [x.use for x in terms]
    order = exp.Order(expressions=[Key(place, plain=True).ordered()])
    number = exp.Window(this=exp.RowNumber(), partition_by=partition, order=order)
    place_in_key = Column(typed(number, "number", "BIGINT", nullable=False))
    marked = evolve(
        base.consumed(terms), columns=(*base.columns, place_in_key),
        order=(Key(place, plain=True),), windowed=True,
    ).closed()  # fmt: skip
    first = t.binary(exp.EQ, marked.columns[-1].term.use, t.whole(1))
    kept = evolve(marked, columns=marked.columns[:-1], natural=False)
    return evolve(kept, where=(typed(first, "logical", "BOOLEAN", nullable=False),))


def _whole_rows(base: Relation, place: Any) -> Relation:
    from folding.related import RelatedRows

    cells = [base.use(i) for i in range(len(base.columns))]
    # related rows are told apart by their keys: a record always, tables where these are columns, too
    links = [(c, c.inside.parts(c)) for c in cells if isinstance(c.inside, RelatedRows)]
    kept = [c if isinstance(c.inside, RelatedRows) else key_term(c) for c in cells]
    terms = [x for x in kept if not isinstance(x.inside, RelatedRows)]
    for cell, keys in links:
        for key in keys:
            if all(key.sql != x.sql for x in terms):
                if not cell.inside.link.single:
                    raise Unfoldable("distinct rows with related tables whose keys are gone")
                terms.append(key_term(key))
    first = Key(t.function("min", place.copy()), plain=True)
    shown = [shown_key(c, x, place) for c, x in zip(cells, kept, strict=True)]
    return evolve(
        base.consumed(terms), columns=tuple(Column(evolve(x, raises=False)) for x in shown), order=(first,),
        natural=False, group=tuple(x.sql for x in terms),
    )  # fmt: skip


@compiles(p.Buffer)
def buffer(node: p.Buffer, context: Context) -> Relation:
    if node.cell:
        return context.child(node.cell[0])
    raise Unfoldable("a buffer is filled by the interpreter")
