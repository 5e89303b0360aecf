"""Steps that choose or order rows: conditions, counts, sorting, distinct rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import aggregates, mixed, utf16, zones
from folding import terms as t
from folding.comparers import folded, keeps_apart
from folding.counts import row_count
from folding.csv_source import CsvOrigin
from folding.early import beginning
from folding.pairs import Compared, Pair
from folding.relations import Column, Context, Key, Relation, compiles
from folding.relations_columns import apply_function, window_order
from folding.sources import ArrowOrigin, DatabaseOrigin, ParquetOrigin, dense_rows
from folding.streaming import StreamOrigin
from folding.terms import Scalar, Unfoldable, need, typed
from mlang.tables import plan as p

#: Fewer rows at the start are passed over where they come, which costs the rows behind nothing.
SKIPPED = 50_000
#: A delimited file has at most so many lines, by its size, if it is read once more to count them.
_COUNTED_LINES = 20_000_000


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
    below = _below_nested_join(node) or beginning(node, context)
    if below is not None:
        return context.child(below)
    base = context.child(node.input)
    limit = node.count if base.limit is None else min(node.count, base.limit)
    rows = limit if base.rows is None else min(base.rows, limit)
    return evolve(base, limit=limit, rows=rows)


def _below_nested_join(node: p.Take) -> p.Plan | None:
    """The same rows, of which only as many as are wanted look for their partners."""
    above, inner = [], node.input
    while isinstance(inner, p.AddColumn | p.Project):
        above.append(inner)
        inner = inner.input
    if not isinstance(inner, p.NestedJoin) or inner.kind != p.LEFT_OUTER:
        return None
    found: p.Plan = evolve(inner, left=evolve(node, schema=inner.left.schema, input=inner.left))
    for step in reversed(above):
        found = evolve(step, input=found)
    return found


@compiles(p.Drop)
def drop(node: p.Drop, context: Context) -> Relation:
    if node.count is None:
        return _leading(node, context, exp.GTE)
    base = context.child(node.input)
    if node.count == 0:
        return base
    if node.count == 1 and isinstance(base.origin, CsvOrigin) and base.origin.untouched(base):
        return base.origin.without_first_row(base, node.header)
    if node.count >= SKIPPED and dense_rows(base) is not None:
        return _numbered_from(base, node.count)
    if base.limit is not None:
        base = base.closed()
    return evolve(base, offset=base.offset + node.count)


def _numbered_from(base: Relation, first: int) -> Relation:
    """The rows of a dense leaf from a number on: the engine then reads no row group below, as it does for an OFFSET."""
    condition = t.binary(exp.GTE, base.order[0].sql, t.whole(first))
    kept = base.filtered(typed(condition, "logical", "BOOLEAN", nullable=False))
    rows = None if base.rows is None else max(base.rows - first, 0)
    return evolve(kept, rows=rows)


def _leading(node: p.Take | p.Drop, context: Context, side: Any) -> Relation:
    """The rows before, or from, the first one for which the condition does not hold."""
    base, place, first = _failing(node, context, "min")
    end = t.function("coalesce", first, t.whole(2**63 - 1))
    return base.filtered(typed(t.binary(side, place.copy(), end), "logical", "BOOLEAN", nullable=False))


def _trailing(node: p.TakeLast | p.DropLast, context: Context, side: Any) -> Relation:
    """The rows behind, or up to, the last one for which the condition does not hold."""
    base, place, last = _failing(node, context, "max")
    end = t.function("coalesce", last, t.whole(-1))
    return base.filtered(typed(t.binary(side, place.copy(), end), "logical", "BOOLEAN", nullable=False))


def _failing(node: Any, context: Context, which: str) -> tuple[Relation, Any, Any]:
    """The rows, their places, and the first or last place where a condition does not hold (null does not)."""
    base, place = numbered(unlimited(context.child(node.input)).opened().compact())
    base = base.opened()
    holds = need(apply_function(node.condition, base.row(node.input.schema)), "logical")
    if holds.raises or base.raises:
        raise Unfoldable("a condition on leading or trailing rows that may raise")
    no = t.negation(holds.use)
    fails = t.function("coalesce", no, exp.true()) if holds.nullable else no
    others = base.filtered(typed(fails, "logical", "BOOLEAN", nullable=False))
    found = exp.Subquery(this=others.select([("place", t.function(which, place.copy()))], ordered=False))
    return base, place, found


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
        return _trailing(node, context, exp.GT)
    base = unlimited(context.child(node.input))
    if not base.order:
        raise Unfoldable("rows without an order")
    if node.count == 0 and base.raises:
        raise Unfoldable("no rows of a table that may raise: M reads it to its end, the engine does not")
    found = dense_rows(base)
    if found is not None:
        return _numbered_from(base, max(found - node.count, 0))
    backwards = tuple(k.reversed() for k in base.order)
    last = evolve(base, order=backwards, natural=False, limit=node.count).closed()
    return evolve(last, order=tuple(k.reversed() for k in last.order), natural=False)


@compiles(p.DropLast)
def drop_last(node: p.DropLast, context: Context) -> Relation:
    if node.count is None:
        return _trailing(node, context, exp.LTE)
    base = unlimited(context.child(node.input))
    if not base.order:
        raise Unfoldable("rows without an order")
    found = dense_rows(base)
    if found is not None:
        left = max(found - node.count, 0)
        return evolve(base, limit=left, rows=left)
    backwards = tuple(k.reversed() for k in base.order)
    kept = evolve(base, order=backwards, natural=False, offset=node.count).closed()
    return evolve(kept, order=tuple(k.reversed() for k in kept.order), natural=False)


def order_term(term: Scalar) -> Any:
    """What to order by so that the engine orders as M; NaN goes to the interpreter."""
    if isinstance(term.inside, t.Scaled):
        return term.use
    term = t.plain_number(term)
    if term.kind in ("any", "null", "binary"):
        raise Unfoldable("an order of values of unknown kind")
    if term.kind == "text":
        return utf16.ordinal_key(term)
    return key_term(term).sql


def key_term(term: Scalar) -> Scalar:
    """A term in a form whose equal values the engine groups as M does."""
    if isinstance(term.inside, t.Scaled):
        return term
    if t.is_decimal(term):
        term = t.plain_number(term)
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
    if column.inside is not key.inside and t.is_decimal(column):
        return mixed.first_of(column, place)
    return zones.first_of(column, place.copy()) if column.kind == "datetimezone" else key


@compiles(p.Sort)
def sort(node: p.Sort, context: Context) -> Relation:
    base = unlimited(context.child(node.input)).compact()
    keys, terms = criteria(base, node.keys, node.input.schema)
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


def criteria(base: Relation, given: Any, schema: Any) -> tuple[list[Key], list[Scalar]]:
    """What to sort by, and the terms that are compared."""
    if not base.order:
        raise Unfoldable("rows without an order")
    keys, terms = [], []
    for key in given:
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
    from folding.steps import STEPS

    form = STEPS.get(node.name)
    if form is None or node.recipe is None:
        raise Unfoldable("the step has no SQL form")
    made: Relation = form(node.parts[0], context.child(node.parts[0]), *node.recipe)
    return made


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


def sums_of(relation: Relation, context: Context) -> Callable[[], str]:
    """How sums of doubles are made, for who makes one: "ordered" (bit for bit), "rounded" or "plain"; "counted" is
    one of the first two, which nobody knows before a run has counted the rows."""

    @cache
    def mode() -> str:
        if context.number_mode == "relaxed":
            return "plain"
        if context.number_mode == "ordered":
            return "ordered"
        most = relation.rows
        if (most is None or most > aggregates.ORDERED_ROWS) and _soon_counted(relation):
            if not context.runs:
                return "counted"
            most = row_count(relation, aggregates.ORDERED_ROWS + 1)
        return "ordered" if most is not None and most <= aggregates.ORDERED_ROWS else "rounded"

    return mode


def _soon_counted(relation: Relation) -> bool:
    """Whether counting costs little: of small sources, also joined, and of one view as far as is needed."""
    return all(_is_small(source, relation) for source in relation.sources())


def _is_small(source: Any, relation: Relation) -> bool:
    most: int | None = getattr(source, "rows", None)
    if most is not None:
        return most <= (_COUNTED_LINES if isinstance(source, CsvOrigin) else aggregates.ORDERED_ROWS)
    if isinstance(source, StreamOrigin):
        return False
    if relation.natural or not relation.context.runs:
        return True  # a count of its rows ends where it has enough
    most = row_count(Relation(relation.context, source, (), ()), aggregates.ORDERED_ROWS + 1)
    return most is not None and most <= aggregates.ORDERED_ROWS


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
    found = (
        None if whole else _first_rows(base, [(schema.index(name), comparer) for name, comparer in columns])
    )
    if found is not None:
        return found
    base, place = numbered(base)
    base = base.opened()
    if whole:
        return _whole_rows(base, place)
    terms = [key_term(folded(base.use(schema.index(name)), comparer)) for name, comparer in columns]
    if context.keeps_order and all(map(_is_value, base.columns)):
        return _first_cells(base, place, terms)
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


def _is_value(column: Column) -> bool:
    """Whether an engine finds a cell by the number of its row unchanged: it has no double inside of it."""
    return column.term.kind != "any" and (column.term.inside is None or t.is_decimal(column.term))


def _first_cells(base: Relation, place: Any, terms: list[Scalar]) -> Relation:
    """The first row of each key, cell by cell: so it is found without a sort, also where no pass may be trusted."""

    def first(column: Column) -> Column:
        found = mixed.at_place("arg_min_null", column.term, place)
        text = None if column.text is None else t.function("arg_min_null", column.text, place.copy())
        return evolve(column, term=evolve(column.term, sql=found, constant=t.VARIES, conjuncts=()), text=text)

    return evolve(
        base.consumed(terms), columns=tuple(map(first, base.columns)), natural=False,
        order=(Key(t.function("min", place.copy()), plain=True),), group=tuple(x.use for x in terms),
    )  # fmt: skip


def _first_rows(base: Relation, columns: list[tuple[int, Any]]) -> Relation | None:
    """The first row of each key of a source: its number is looked for first, then the rows of these numbers.

    An engine finds the first of each group without sorting all rows, but only of one value; of rows as a whole it
    loses the sign of a zero.
    """
    number = number_of_source(base)
    if number is None:
        return None
    terms = [key_term(folded(base.use(place), comparer)) for place, comparer in columns]
    if any(x.raises for x in terms):
        return None
    if len(base.order) == 1:
        first = t.function("min", number)
    else:
        first = t.function("first", exp.Order(this=number, expressions=[k.ordered() for k in base.order]))
    firsts = evolve(base, group=tuple(x.use for x in terms)).select([("place", first)], ordered=False)
    chosen = exp.In(this=number, query=exp.Subquery(this=firsts))
    return evolve(base.filtered(typed(chosen, "logical", "BOOLEAN", nullable=False)), natural=False)


def number_of_source(base: Relation) -> Any:
    """The number of each row in a file, a table or memory, which may be read twice and does not raise, where that
    is the last key of the order; None for other rows."""
    raises = base.raises or base.sort_raises or any(x.raises for x in base.where)
    if raises or base.joins or base.beside or base.sealed or not base.order or not base.context.keeps_order:
        return None
    origin, last = base.origin, base.order[-1]
    if not isinstance(origin, (ParquetOrigin, ArrowOrigin, DatabaseOrigin)):
        return None
    is_view = isinstance(origin, DatabaseOrigin) and not origin.is_table
    if is_view or not last.plain or last.descending:
        return None
    own = t.column(origin.counter, origin.alias)
    return own if last.sql == own else None


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
    if node.waits:
        return context.child(node.input)
    raise Unfoldable("a buffer is filled by the interpreter")
