"""List functions that test items, or find their places."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.functions.list_makers import chosen_tests, contained
from folding.functions.list_order import distinct_list
from folding.functions.list_shapes import Written, condition_of, function_at, indexed, list_at, listed
from folding.meanings import as_term
from folding.operators import equality
from folding.structures import list_of
from folding.terms import Scalar, Unfoldable, need, typed
from mlang.values.thunk import force


@folds("List.IsEmpty")
def is_empty(call: Call) -> Scalar:
    """Whether no item is there."""
    call.at_most(1)
    shape = list_at(call)
    if isinstance(shape, Written):
        if shape.raises:
            raise Unfoldable("a list whose items may raise")
        gone = [item.there for item in shape.items if item.there is not None]
        if len(gone) < len(shape.items) or not gone:
            return t.literal(not shape.items)
        return _logical(t.all_of([t.negation(x.use) for x in gone]), *gone)
    if isinstance(shape, Scalar):
        return _logical(t.binary(exp.EQ, t.function("len", shape.use), t.whole(0)), shape)
    from folding.aggregates import row_count

    number = shape.group.finish(row_count(shape.group))
    return _logical(t.binary(exp.EQ, number.use, t.whole(0)), number)


def _logical(sql: Any, *parts: Scalar) -> Scalar:
    return typed(sql, "logical", "BOOLEAN", *parts, nullable=False)


@folds("List.Contains")
def list_contains(call: Call) -> Scalar:
    """A constant list: null is found like any value; or any other list."""
    call.at_most(2)
    try:
        items = call.constant(0)
    except Unfoldable:
        return _found(call, [call.term(1)], False)
    if items.__class__ is not list or len(items) > 2000:
        raise Unfoldable("List.Contains of something other than a short constant list")
    value = call.term(1)
    tests = [equality(value, t.literal(force(item)), False) for item in items]
    tests = [x for x in tests if not isinstance(x.sql, exp.Boolean) or x.sql.this]
    if not tests:
        if value.raises:
            raise Unfoldable("List.Contains of an empty list, whose value may raise")
        return _logical(exp.false())
    same = [x.sql.expression for x in tests if isinstance(x.sql, (exp.NullSafeEQ, exp.EQ))]
    rest = [x.use for x in tests if not isinstance(x.sql, (exp.NullSafeEQ, exp.EQ))]
    found = []
    if same:
        first = next(x.sql.this for x in tests if isinstance(x.sql, (exp.NullSafeEQ, exp.EQ)))
        inside = exp.In(this=t.operand(first.copy()), expressions=[s.copy() for s in same])
        found.append(t.function("coalesce", inside, exp.false()) if value.nullable else inside)
    return _logical(t.any_of(found + rest), value)


def _found(call: Call, values: list[Scalar], every: bool) -> Scalar:
    """Whether one of some values, or every one, is in the list of the first argument."""
    shape = list_at(call)
    if isinstance(shape, Written):
        if any(x.raises for x in values) or any(x.term().raises for x in shape.items):
            raise Unfoldable("a list whose items may raise")
    else:
        shape = listed(shape)
    tests = [contained(shape, value) for value in values]
    if not tests:
        if not isinstance(shape, Written) and shape.raises:
            raise Unfoldable("no values in a list that may raise")
        return t.literal(every)
    sqls = [x.use for x in tests]
    return _logical(t.all_of(sqls) if every else t.any_of(sqls), *tests)


@folds("List.ContainsAny", "List.ContainsAll")
def contains_several(call: Call) -> Scalar:
    """For values that are written out."""
    call.at_most(2)
    values = list_at(call, 1)
    if not isinstance(values, Written) or not values.fixed or len(values.items) > 50:
        raise Unfoldable(f"{call.name} of values that are not written out")
    return _found(call, [item.term() for item in values.items], call.name == "List.ContainsAll")


@folds("List.AnyTrue", "List.AllTrue")
def logicals(call: Call) -> Scalar:
    """Nulls do not count."""
    call.at_most(1)
    shape, every = list_at(call), call.name == "List.AllTrue"
    if isinstance(shape, Written):
        items = [item.or_null() for item in shape.items]
        if any(x.raises for x in items):
            raise Unfoldable("a list whose items may raise")
        if not items:
            return t.literal(every)
        tests = [t.function("coalesce", need(x, "logical").use, exp.Boolean(this=every)) for x in items]
        return _logical(t.all_of(tests) if every else t.any_of(tests))
    if not isinstance(shape, Scalar):
        return _of_group(shape, every)
    tests_of = chosen_tests(shape, lambda x: _either_way(need(as_term(x), "logical"), every))
    found = t.function("list_contains", tests_of.use, exp.Boolean(this=not every))
    return _logical(t.negation(found) if every else found, tests_of)


def _either_way(x: Scalar, every: bool) -> Scalar:
    sql = t.function("coalesce", x.use, exp.Boolean(this=every)) if x.nullable else x.use
    return _logical(sql, x)


def _of_group(column: Any, every: bool) -> Scalar:
    x = need(column.group.chosen(column.value), "logical")
    found = t.function("bool_and" if every else "bool_or", x.use)
    made: Scalar = column.group.finish(typed(found, "logical", "BOOLEAN", x, nullable=True))
    return _logical(t.function("coalesce", made.use, exp.Boolean(this=every)), made)


@folds("List.MatchesAll", "List.MatchesAny")
def matches(call: Call) -> Scalar:
    """Whether a condition holds for every item, or one of them; null is not met."""
    call.at_most(2)
    shape, test, every = list_at(call), function_at(call, 1), call.name == "List.MatchesAll"
    if not isinstance(shape, (Written, Scalar)):
        return _of_group(shape.mapped(lambda x: condition_of(test(x))), every)
    tests = chosen_tests(shape, test)
    if isinstance(tests, Scalar):
        found = t.function("list_contains", tests.use, exp.Boolean(this=not every))
        return _logical(t.negation(found) if every else found, tests)
    if isinstance(shape, Written) and not shape.fixed:
        raise Unfoldable("a condition of items that may not be there")
    if any(x.raises for x in tests):
        raise Unfoldable("a condition that may raise")
    if not tests:
        return t.literal(every)
    return _logical(t.all_of([x.use for x in tests]) if every else t.any_of([x.use for x in tests]), *tests)


@folds("List.PositionOf", "List.PositionOfAny")
def position(call: Call) -> Scalar:
    """The first or last place of a value, or of one of some values; -1 where it is not; or all places."""
    call.at_most(3)
    which = call.constant(2, 0.0) if call.count > 2 else 0.0
    shape = list_at(call)
    try:
        column = listed(shape)
    except Unfoldable:
        if not isinstance(shape, Written) or call.name != "List.PositionOf" or which not in (0.0, 1.0):
            raise
        return _place(shape, call.term(1), which == 1.0)
    if call.name == "List.PositionOf":
        value = call.term(1)
        tests = chosen_tests(column, lambda x: equality(as_term(x), value, False))
    else:
        values = list_at(call, 1)
        tests = chosen_tests(column, lambda x: contained(values, as_term(x)))
    if which == 2.0:
        places = indexed(tests.use, lambda v, i: t.case((v, t.binary(exp.Sub, i, t.whole(1)))))
        kept = t.function("list_filter", places, _not_null())
        item = Scalar(exp.Null(), "number", "BIGINT", False, nonan=True, int53=True)
        return list_of(kept, item, tests, nullable=False)
    if which not in (0.0, 1.0):
        raise Unfoldable("an occurrence that is none")
    if which == 0.0:
        place = t.function("list_position", tests.use, exp.true())
        sql = t.binary(exp.Sub, t.function("coalesce", place, t.whole(0)), t.whole(1))
    else:
        place = t.function("list_position", t.function("list_reverse", tests.use), exp.true())
        size = t.binary(exp.Add, t.function("len", tests.use), t.whole(1))
        back = t.binary(exp.Sub, size, t.function("coalesce", place, size))
        sql = t.binary(exp.Sub, back, t.whole(1))
    return typed(t.cast(sql, "BIGINT"), "number", "BIGINT", tests, nullable=False, nonan=True, int53=True)


def _place(shape: Written, value: Scalar, last: bool) -> Scalar:
    """The first or last place of a value among items of several kinds, compared one by one."""
    items = [item.term() for item in shape.items] if shape.fixed else []
    if not 0 < len(items) <= 50 or value.raises or any(x.raises for x in items):
        raise Unfoldable("a place in a long list, or one whose items may raise")
    tests = [equality(x, value, False) for x in items]
    branches = [(x.use, t.whole(place)) for place, x in enumerate(tests)]
    sql = t.case(*(branches[::-1] if last else branches), otherwise=t.whole(-1))
    return typed(t.cast(sql, "BIGINT"), "number", "BIGINT", *tests, nullable=False, nonan=True, int53=True)


def _not_null() -> Any:
    variable = exp.to_identifier("p")
    return exp.Lambda(this=t.not_null(variable), expressions=[variable], colon=True)


@folds("List.IsDistinct")
def is_distinct(call: Call) -> Scalar:
    """Whether no item is there twice."""
    call.at_most(1)
    shape = list_at(call)
    if not isinstance(shape, (Written, Scalar)):
        from folding.aggregates import count_distinct, row_count

        one, all = count_distinct(shape.value, shape.group), row_count(shape.group)
        same: Scalar = shape.group.finish(_logical(t.binary(exp.EQ, one.use, all.use), one, all))
        return same
    column = listed(shape)
    different = distinct_list(column)
    sql = t.binary(exp.EQ, t.function("len", different.use), t.function("len", column.use))
    return _logical(sql, different)
