"""List functions that choose, change and cut: what is left are the items themselves, or a function of each.

Order and different items are in ``list_order.py``, several lists in ``list_sets.py``, lists made from a rule in
``list_rules.py``.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.functions import Call
from folding.functions.list_shapes import (
    Shape,
    Written,
    chosen,
    common,
    condition_of,
    function_at,
    item_of,
    list_at,
    listed,
    makes,
    mapped,
    over,
    whole_at,
)  # fmt: skip
from folding.meanings import as_term
from folding.operators import connective, equality, null_test, unify
from folding.structures import Items, list_of, settled
from folding.terms import Scalar, Unfoldable, typed
from mlang.values.functions import Function
from mlang.values.thunk import force

# ---------------------------------------------------------------- items one by one


@makes("List.Select")
def _select(call: Call) -> Shape:
    call.at_most(2)
    return chosen(list_at(call), function_at(call, 1))


@makes("List.Transform")
def _transform(call: Call) -> Shape:
    call.at_most(2)
    return mapped(list_at(call), function_at(call, 1))


@makes("List.Buffer")
def _buffer(call: Call) -> Shape:
    call.at_most(1)
    return list_at(call)


def _is_there(value: Any) -> Scalar:
    term = as_term(value)
    if term.is_constant:
        return t.literal(term.constant is not None)
    there = t.negation(null_test(term))
    return typed(there, "logical", "BOOLEAN", nullable=False, raises=term.raises)


@makes("List.RemoveNulls")
def _remove_nulls(call: Call) -> Shape:
    call.at_most(1)
    return without_nulls(list_at(call))


def without_nulls(shape: Shape) -> Shape:
    """The items that are not null."""
    kept = chosen(shape, _is_there)
    if isinstance(kept, Scalar):
        return evolve(kept, inside=Items(evolve(item_of(kept), nullable=False)))
    return kept


@makes("List.RemoveItems", "List.RemoveMatchingItems")
def _remove_items(call: Call) -> Shape:
    call.at_most(2)
    shape, values = list_at(call), list_at(call, 1)
    if not isinstance(values, Written):
        values = listed(values)
    return chosen(shape, lambda x: negated(contained(values, as_term(x))))


def negated(term: Scalar) -> Scalar:
    if term.is_constant:
        return t.literal(not term.constant)
    return typed(t.negation(term.use), "logical", "BOOLEAN", term, nullable=False)


def contained(shape: Shape, value: Scalar) -> Scalar:
    """Whether a value is among the items of a list."""
    tests = chosen_tests(shape, lambda item: equality(as_term(item), value, False))
    if isinstance(tests, Scalar):
        found = t.function("list_contains", tests.use, exp.true())
        return typed(found, "logical", "BOOLEAN", tests, value, nullable=False)
    useful = [
        x
        for x in tests
        if not x.is_constant and (not isinstance(x.sql, exp.Boolean) or x.sql.this or x.raises)
    ]
    if not useful:
        if value.raises:
            raise Unfoldable("a value that may raise, looked for where it cannot be")
        return typed(exp.false(), "logical", "BOOLEAN", nullable=False)
    return typed(t.any_of([x.use for x in useful]), "logical", "BOOLEAN", *useful, nullable=False)


def chosen_tests(shape: Shape, test: Any) -> Any:
    """A condition for each item: terms of a written list, else a list of logicals of the engine."""
    if isinstance(shape, Written):
        found = []
        for item in shape.items:
            met = condition_of(test(item.value))
            found.append(met if item.there is None else connective("and", item.there, met))
        return found
    return mapped(listed(shape), lambda x: condition_of(test(x)))


@makes("List.ReplaceValue")
def _replace_value(call: Call) -> Shape:
    replacer = call.translator.any(call.arguments[3])
    builtin = replacer.spec.builtin if replacer.__class__ is Function and replacer.spec else None
    if builtin is None or builtin.name != "Replacer.ReplaceValue":
        raise Unfoldable("a replacer other than Replacer.ReplaceValue")
    old, new = call.term(1), call.term(2)
    return mapped(list_at(call), lambda x: either(equality(as_term(x), old, False), new, as_term(x)))


def either(condition: Scalar, then: Scalar, otherwise: Scalar) -> Scalar:
    """One of two alternatives, by a condition that is never null."""
    then, otherwise = unify(then, otherwise)
    return typed(
        t.case((condition.use, then.use), otherwise=otherwise.use), then.kind, then.storage, condition, then,
        otherwise, nullable=then.nullable or otherwise.nullable, nonan=then.nonan and otherwise.nonan,
        int53=then.int53 and otherwise.int53, ascii=then.ascii and otherwise.ascii,
    )  # fmt: skip


@makes("List.ReplaceMatchingItems")
def _replace_matching(call: Call) -> Shape:
    call.at_most(2)
    pairs = [[force(x) for x in pair] for pair in _constants(call, 1) if pair.__class__ is list]
    if not pairs or len(pairs) > 50 or any(len(pair) != 2 for pair in pairs):
        raise Unfoldable("replacements that are no short list of pairs of constants")

    def replaced(x: Any) -> Scalar:
        made = item = as_term(x)
        for old, new in reversed(pairs):
            made = either(equality(item, t.literal(old), False), t.literal(new), made)
        return made

    return mapped(list_at(call), replaced)


def _constants(call: Call, index: int) -> list[Any]:
    found = call.constant(index)
    if found.__class__ is not list:
        raise Unfoldable("something other than a list of constants")
    return [force(x) for x in found]


# ---------------------------------------------------------------- parts by place


@makes("List.FirstN", "List.LastN", "List.Skip", "List.RemoveFirstN", "List.RemoveLastN")
def cut(call: Call) -> Shape:
    """So many items from an end, or all but these; the leading ones for which a condition holds."""
    call.at_most(2)
    shape = list_at(call)
    if call.count > 1 and not _is_number(call):
        return _leading(call, listed(shape))
    first = call.name in ("List.FirstN", "List.Skip", "List.RemoveFirstN")
    kept = call.name in ("List.FirstN", "List.LastN")
    if call.count < 2 and kept:
        raise Unfoldable(f"{call.name} without a count")
    constant = constant_count(call)
    if isinstance(shape, Written) and shape.fixed and constant is not None:
        all, most = len(shape.items), min(constant, len(shape.items))
        if first:
            return Written(shape.items[:most] if kept else shape.items[most:])
        return Written(shape.items[all - most :] if kept else shape.items[: all - most])
    column, n = listed(shape), count_of(call, constant)
    size = t.function("len", column.use)
    if first and kept:
        return sliced(column, t.whole(1), n.use, n)
    if first:
        return sliced(column, t.binary(exp.Add, n.use, t.whole(1)), size, n)
    rest = t.function("greatest", t.binary(exp.Sub, size, n.use), t.whole(0))
    if kept:
        return sliced(column, t.binary(exp.Add, rest, t.whole(1)), size.copy(), n)
    return sliced(column, t.whole(1), rest, n)


def _is_number(call: Call) -> bool:
    argument = call.arguments[1]
    if isinstance(argument, Scalar):
        return True
    return isinstance(call.translator.any(argument), (Scalar, float))


def constant_count(call: Call) -> int | None:
    if call.count < 2:
        return 1
    try:
        return call.count_at(1, 1)
    except Unfoldable:
        return None


def count_of(call: Call, constant: int | None, index: int = 1) -> Scalar:
    """A count of the row; a negative one raises in M."""
    if constant is not None:
        return typed(t.cast(t.whole(constant), "BIGINT"), "number", "BIGINT", nullable=False)
    n = whole_at(call, index)
    if n.natural:
        return n
    return evolve(n, sql=t.unless(t.binary(exp.LT, n.use, t.whole(0)), n.use), raises=True)


def sliced(column: Scalar, start: Any, stop: Any, *counts: Scalar) -> Scalar:
    """The items between two places, counted from 1."""
    sql = t.function("list_slice", column.use, start, stop)
    return evolve(column, sql=sql, raises=column.raises or any(x.raises for x in counts))


def _leading(call: Call, column: Scalar) -> Scalar:
    """The items before, or from, the first one for which a condition does not hold."""
    if call.name not in ("List.FirstN", "List.Skip", "List.RemoveFirstN"):
        raise Unfoldable("a condition on trailing items")
    tests = chosen_tests(column, function_at(call, 1))
    place = t.function("list_position", tests.use, exp.false())
    end = t.function("coalesce", place, t.binary(exp.Add, t.function("len", column.use), t.whole(1)))
    if call.name == "List.FirstN":
        return sliced(column, t.whole(1), t.binary(exp.Sub, end, t.whole(1)), tests)
    return sliced(column, end, t.function("len", column.use), tests)


@makes("List.Range")
def _range(call: Call) -> Shape:
    call.at_most(3)
    column = listed(list_at(call))
    start = count_of(call, None)
    first = t.binary(exp.Add, start.use, t.whole(1))
    if call.count < 3:
        return sliced(column, first, t.function("len", column.use), start)
    n = count_of(call, None, 2)
    return sliced(column, first, t.binary(exp.Add, start.use, n.use), start, n)


@makes("List.RemoveRange")
def _remove_range(call: Call) -> Shape:
    call.at_most(3)
    column, start = listed(list_at(call)), call.count_at(1)
    size = call.count_at(2, 1) if call.count > 2 else 1
    short = t.binary(exp.LT, t.function("len", column.use), t.whole(start + size))
    before = t.function("list_slice", column.use, t.whole(1), t.whole(start))
    after = t.function("list_slice", column.use, t.whole(start + size + 1), t.function("len", column.use))
    return evolve(column, sql=t.unless(short, t.function("list_concat", before, after)), raises=True)


@makes("List.InsertRange")
def _insert_range(call: Call) -> Shape:
    """At a constant place; one beyond the end raises in M."""
    from folding.functions.list_sets import lists_alike

    call.at_most(3)
    start = call.count_at(1)
    column, values = lists_alike([listed(list_at(call)), listed(list_at(call, 2))])
    short = t.binary(exp.LT, t.function("len", column.use), t.whole(start))
    before = t.function("list_slice", column.use, t.whole(1), t.whole(start))
    after = t.function("list_slice", column.use, t.whole(start + 1), t.function("len", column.use))
    sql = t.function("list_concat", before, values.use, after)
    item = common([column, values])
    return list_of(t.unless(short, sql), item, nullable=False, raises=True)


@makes("List.Reverse")
def _reverse(call: Call) -> Shape:
    from folding.functions.list_tables import turned

    call.at_most(1)
    shape = list_at(call)
    if isinstance(shape, Written) and (shape.fixed or not shape.raises):
        return Written(shape.items[::-1])
    if isinstance(shape, (Written, Scalar)):
        column = listed(shape)
        return evolve(column, sql=t.function("list_reverse", column.use))
    return evolve(
        shape, group=evolve(shape.group, order=tuple(turned(key) for key in shape.group.ordering()))
    )


@makes("List.Split")
def _split(call: Call) -> Shape:
    """Lists of a size."""
    column, size = listed(list_at(call)), call.count_at(1)
    if size == 0:
        raise Unfoldable("parts without items")
    beyond = t.binary(exp.Add, t.function("len", column.use), t.whole(1))
    starts = t.function("range", t.whole(1), beyond, t.whole(size))

    def page(at: Any) -> Any:
        return t.function("list_slice", column.use, at, t.binary(exp.Add, at, t.whole(size - 1)))

    pages = over(starts, page)
    return list_of(pages, settled(evolve(column, sql=exp.Null())), column, nullable=False)
