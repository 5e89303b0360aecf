"""List functions of order: sorted lists, the largest items, and the different ones.

Lists of the engine are sorted as pairs of a key and a place, so that equal items stay as they came.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding import utf16
from folding.functions import Call
from folding.functions.list_makers import contained, cut, negated, without_nulls
from folding.functions.list_shapes import (
    Item,
    Shape,
    Written,
    applied,
    bare,
    element,
    indexed,
    item_of,
    let,
    list_at,
    listed,
    makes,
    no_nan,
    over,
    part,
    structure,
    unknown,
)  # fmt: skip
from folding.meanings import Closure
from folding.operators import connective
from folding.terms import Scalar, Unfoldable
from mlang.syntax import nodes
from mlang.values.functions import Function


def ordered(shape: Shape, key: Any = None, descending: bool = False) -> Shape:
    """The items in order, equal ones as they came; null comes first, or last when descending."""
    from folding.relations import Key
    from folding.relations_rows import order_term

    if not isinstance(shape, (Scalar, Written)):
        term = shape.value if key is None else key(shape.value)
        if term.raises:
            raise Unfoldable("an order in a group by what may raise")
        first = Key(order_term(term), descending).ordered()
        return evolve(shape, group=evolve(shape.group, order=(first, *shape.group.order)))
    column = listed(shape)
    item = item_of(column)
    order = ("DESC", "NULLS LAST") if descending else ("ASC", "NULLS FIRST")
    how = [exp.Literal.string(text) for text in order]
    if key is None and item.kind != "any" and item.storage in _SORTED:
        if item.kind == "text" and not item.ascii:
            odd = over(column.use, lambda v: t.function("coalesce", utf16.has_astral(v), exp.false()))
            sql = t.unless(t.function("list_contains", odd, exp.true()), column.use)
            column = evolve(column, sql=sql)
        return evolve(column, sql=t.function("list_sort", column.use, *how))
    facts: list[Scalar] = []

    def entry(value: Any, place: Any) -> Any:
        x = evolve(item, sql=value, raises=False)
        term = x if key is None else key(x)
        facts.append(term)
        there = t.case((t.is_null(term.use), t.whole(0)), otherwise=t.whole(1))
        return structure(there, order_term(term), exp.Neg(this=place) if descending else place, value)

    entries = t.function("list_sort", indexed(column.use, entry), *how)
    sql = over(entries, lambda s: part(s, 4))
    return evolve(column, sql=sql, raises=column.raises or any(x.raises for x in facts))


#: Types whose equal values cannot be told apart: the engine's own sort will do.
_SORTED = frozenset({"BIGINT", "DATE", "TIMESTAMP", "TIME", "BOOLEAN", "VARCHAR"})


@makes("List.Sort")
def _sort(call: Call) -> Shape:
    call.at_most(2)
    return ordered(list_at(call), *_criterion(call, 1))


def _criterion(call: Call, index: int) -> tuple[Any, bool]:
    """A criterion of order: the key of an item, if by one, and whether it descends."""
    if call.count <= index:
        return None, False
    node = bare(call.arguments[index])
    if isinstance(node, nodes.List) and len(node.items) in (1, 2):
        order = call.translator.constant(node.items[1]) if len(node.items) == 2 else 0.0
        function = call.translator.any(node.items[0])
        if takes_one(function) and order in (0.0, 1.0):
            return (lambda x: applied(function, [x])), order == 1.0
        raise Unfoldable("an order by several criteria")
    function = call.translator.any(node)
    if takes_one(function):
        return (lambda x: applied(function, [x])), False
    order = call.constant(index)
    if order.__class__ is not float or order not in (0.0, 1.0):
        raise Unfoldable("an order by a comparer")
    return None, order == 1.0


def takes_one(function: Any) -> bool:
    """Whether a function value is a key of an item: M takes one of one argument so, but for comparers."""
    if function.__class__ is Closure:
        node = function.node
        return isinstance(node, nodes.Each) or len(node.parameters) == 1
    if function.__class__ is not Function or function.spec is None or function.spec.builtin is not None:
        return False
    return bool(function.least <= 1 and function.most == 1)


@makes("List.MaxN", "List.MinN")
def _extremes(call: Call) -> Shape:
    """The items that are not null in order, so many of them."""
    call.at_most(2)
    number = call.count_at(1, 1)
    kept = ordered(without_nulls(list_at(call)), None, call.name == "List.MaxN")
    return cut(Call("List.FirstN", call.translator, (listed(kept), t.literal(float(number)))))


@makes("List.Distinct")
def _distinct(call: Call) -> Shape:
    """The first of equal items."""
    call.at_most(1)
    shape = list_at(call)
    if isinstance(shape, Written) and not shape.raises:
        return _distinct_items(shape)
    return distinct_list(listed(shape))


def _distinct_items(shape: Written) -> Written:
    if len(shape.items) > 20:
        raise Unfoldable("different items of a long list")
    kept: list[Item] = []
    for item in shape.items:
        again = contained(Written(tuple(kept)), item.term()) if kept else t.literal(False)
        new = negated(again)
        if isinstance(new.sql, exp.Boolean) or new.is_constant:
            kept.append(item)
            continue
        if isinstance(new.sql, exp.Not) and isinstance(bare_sql(new.sql.this), exp.Boolean):
            kept.append(item)
            continue
        kept.append(evolve(item, there=new if item.there is None else connective("and", item.there, new)))
    return Written(tuple(kept))


def bare_sql(sql: Any) -> Any:
    """An expression of SQL without its parentheses."""
    while isinstance(sql, exp.Paren):
        sql = sql.this
    return sql


def distinct_list(column: Scalar) -> Scalar:
    """Sorted by value and place, the first of each run, sorted by place again."""
    item = item_of(column)
    if unknown(item):
        raise Unfoldable("different values of unknown kind")
    column = no_nan(column, "different numbers")
    runs = runs_of(column)

    def firsts(pair: Any) -> Any:
        def first(at: Any) -> Any:
            entry = element(part(pair, 1), at)
            return structure(part(entry, 2), part(entry, 1))

        return over(part(pair, 2), first)

    found = t.function("list_sort", let(runs, firsts))
    sql = over(found, lambda s: part(s, 2))
    return evolve(column, sql=sql)


def runs_of(column: Scalar) -> Any:
    """A structure of the items as pairs (item, place), sorted, and where in it an item differs from the last."""
    entries = t.function("list_sort", indexed(column.use, structure))

    def both(entries: Any) -> Any:
        def begins(_: Any, at: Any) -> Any:
            before = element(entries, t.binary(exp.Sub, at, t.whole(1)))
            new = t.binary(exp.NullSafeNEQ, part(before, 1), part(element(entries, at), 1))
            return t.any_of([t.binary(exp.EQ, at, t.whole(1)), new])

        places = t.function("range", t.whole(1), t.binary(exp.Add, t.function("len", entries), t.whole(1)))
        return structure(entries, indexed(places, begins, "list_filter"))

    return let(entries, both)
