"""SQL forms of list functions that give one value, and of ``Text.Split`` and ``Record.Field``.

A list is written out (`{[a], [b]}`), a list of the engine, or a column of a group (``list_shapes.py``); aggregates
of groups are in ``folding/aggregates.py``.  Functions that give lists: ``list_makers.py``; tests: ``list_tests.py``.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding import utf16
from folding.functions import Call, folds
from folding.functions import list_rules as _rules  # noqa: F401 -- declares its forms
from folding.functions import list_sets as _sets  # noqa: F401
from folding.functions import list_statistics as _statistics  # noqa: F401
from folding.functions import list_tables as _tables  # noqa: F401
from folding.functions import list_tests as _tests  # noqa: F401
from folding.functions.list_shapes import (
    Item,
    Written,
    alike,
    bare,
    called,
    each_kept,
    item_of,
    list_at,
    listed,
    listing,
    no_nan,
    over,
)
from folding.operators import storage_pair, unify
from folding.structures import item_at, list_of
from folding.terms import Scalar, Unfoldable, need, typed


@folds(
    "List.Sum", "List.Average", "List.Count", "List.NonNullCount", "List.Min", "List.Max", "List.First",
    "List.Last", "List.Median", "List.Product", "List.StandardDeviation",
)  # fmt: skip
def list_value(call: Call) -> Scalar:
    """Of a list that is written out, a list of the engine, or a column of a group or nested table."""
    from folding.aggregates import AGGREGATES, count_distinct

    name = call.name
    default = _default(call) if name in ("List.First", "List.Last") else None
    if default is None:
        call.at_most(1)
    node = bare(call.arguments[0])
    if name == "List.Count" and called(call.translator, node) == "List.Distinct" and len(node.arguments) == 1:
        different = listing(call.translator, node.arguments[0])
        if not isinstance(different, (Written, Scalar)):
            counted: Scalar = different.group.finish(count_distinct(different.value, different.group))
            return counted
    shape = list_at(call)
    if isinstance(shape, Written) and (name in _ITEM_FORMS or name in _ENDS or name == "List.Count"):
        return _of_items(name, shape, default)
    if isinstance(shape, Written) and not shape.items:
        return t.null("number", "DOUBLE")
    if not isinstance(shape, (Written, Scalar)) and default is None:
        made: Scalar = shape.group.finish(AGGREGATES[name](shape.value, shape.group))
        return made
    return _of_column(name, listed(shape), default)


_ENDS = ("List.First", "List.Last")


def _default(call: Call) -> Scalar | None:
    return call.term(1) if call.count > 1 else None


# ---------------------------------------------------------------- lists that are written out


def _of_items(name: str, shape: Written, default: Scalar | None) -> Scalar:
    items = shape.items
    if name == "List.Count":
        if shape.raises:
            raise Unfoldable("a list whose items may raise")
        return _present(items)
    if name == "List.Last" and any(x.there is not None and x.there.raises for x in items):
        return _of_column(name, listed(shape), default)
    if name in _ENDS:
        return _end(items if name == "List.First" else items[::-1], default)
    if not items:
        return t.literal(0.0) if name == "List.NonNullCount" else t.null("number", "DOUBLE")
    terms = [item.or_null() for item in items]
    if name in ("List.Sum", "List.Average"):
        terms = [t.plain_number(x) for x in terms]
    if name != "List.NonNullCount":
        terms = alike(terms)
    made: Scalar = _ITEM_FORMS[name](terms)
    return made


def _present(items: tuple[Item, ...]) -> Scalar:
    """How many items are there."""
    if all(item.there is None for item in items):
        return t.literal(float(len(items)))
    conditions = [item.there for item in items if item.there is not None]
    total: Any = t.double(float(len(items) - len(conditions)))
    for condition in conditions:
        total = t.binary(exp.Add, total, t.case((condition.use, t.double(1.0)), otherwise=t.double(0.0)))
    return typed(total, "number", "DOUBLE", *conditions, nullable=False, nonan=True, int53=True, natural=True)


def _end(items: tuple[Item, ...], default: Scalar | None) -> Scalar:
    """The first item that is there."""
    from folding.functions.list_makers import either

    last = next((place for place, item in enumerate(items) if item.there is None), None)
    made = (default or t.null()) if last is None else items[last].term()
    for item in reversed(items[:last]):
        if item.there is not None:
            made = either(item.there, item.term(), made)
    return made


def _count(items: list[Scalar]) -> Any:
    """How many are not null, as a DOUBLE."""
    total: Any = None
    for item in items:
        one = (
            t.case((t.is_null(item.use), t.double(0.0)), otherwise=t.double(1.0))
            if item.nullable
            else t.double(1.0)
        )
        total = one if total is None else t.binary(exp.Add, total, one)
    return total


def _non_null_count(items: list[Scalar]) -> Scalar:
    if any(x.kind == "any" or x.raises for x in items):
        raise Unfoldable("a list whose items may raise")
    return typed(_count(items), "number", "DOUBLE", nullable=False, nonan=True, int53=True)


def _added(items: list[Scalar]) -> Any:
    """The sum from left to right; -0 in place of null changes nothing, not even a zero's sign."""
    total: Any = None
    for item in items:
        number = t.as_double(need(item, "number"))
        number = t.function("coalesce", number, t.double(-0.0)) if item.nullable else number
        total = number if total is None else t.binary(exp.Add, total, number)
    return total


def _all_null(items: list[Scalar]) -> list[Any]:
    return [t.all_of([t.is_null(x.use) for x in items])] if all(x.nullable for x in items) else []


def _sum(items: list[Scalar]) -> Scalar:
    null = t.cast(exp.Null(), "DOUBLE")
    nothing = [(test, null) for test in _all_null(items)]
    if sum(not x.nullable for x in items) < 2:  # a value alone is its own sum
        items = [t.kept(x) for x in items]
    total = t.binary(exp.Add, t.double(0.0), _added(items))
    return typed(t.case(*nothing, otherwise=total) if nothing else total, "number", "DOUBLE", *items,
                 nullable=bool(nothing))  # fmt: skip


def _average(items: list[Scalar]) -> Scalar:
    null = t.cast(exp.Null(), "DOUBLE")
    nothing = [(test, null) for test in _all_null(items)]
    total = t.binary(exp.Add, t.double(0.0), _added(items))
    mean = exp.Div(this=t.operand(total), expression=t.operand(_count(items)), typed=True)
    return typed(t.case(*nothing, otherwise=mean) if nothing else mean, "number", "DOUBLE", *items,
                 nullable=bool(nothing))  # fmt: skip


def _extreme(node: Any) -> Any:
    def make(items: list[Scalar]) -> Scalar:
        """The first of equal ones; NaN goes to the interpreter."""
        if any(
            x.kind not in ("number", "date", "datetime", "datetimezone", "time", "duration") for x in items
        ):
            raise Unfoldable("the largest of values of this kind")
        odd = [t.function("isnan", x.use) for x in items if x.kind == "number" and not x.nonan]
        best = items[0]
        for item in items[1:]:
            take = t.binary(node, *storage_pair(item, best))
            if best.nullable:
                take = t.any_of([t.is_null(best.use), take])
            sql = t.case((take, item.use), otherwise=best.use)
            if item.nullable:
                sql = t.case((t.is_null(item.use), best.use), otherwise=sql)
            best = typed(sql, item.kind, item.storage, best, item, nullable=best.nullable and item.nullable)
            t.limited(sql, 1500)
        best = t.unsigned(best)
        sql = t.unless(t.any_of(odd), best.sql) if odd else best.sql
        return typed(
            sql,
            best.kind,
            best.storage,
            *items,
            nullable=best.nullable,
            nonan=True,
            int53=all(x.int53 for x in items),
        )

    return make


_ITEM_FORMS: dict[str, Any] = {
    "List.Sum": _sum, "List.Average": _average, "List.NonNullCount": _non_null_count, "List.Max": _extreme(exp.GT),
    "List.Min": _extreme(exp.LT),
}  # fmt: skip


# ---------------------------------------------------------------- columns of lists


def _of_column(name: str, column: Scalar, default: Scalar | None) -> Scalar:
    if name == "List.Count":
        return typed(t.function("len", column.use), "number", "BIGINT", column, nonan=True, int53=True)
    if name == "List.NonNullCount":
        return typed(t.function("list_count", column.use), "number", "BIGINT", column, nonan=True, int53=True)
    if name == "List.First":
        found = item_at(column, 0, True)
    elif name == "List.Last":
        item = item_of(column)
        last = t.function("list_extract", column.use, t.whole(-1))
        found = evolve(item, sql=last, nullable=True, raises=column.raises)
    else:
        made: Scalar = _COLUMN_FORMS[name](column)
        return made
    if default is None or default.kind == "null":
        return found
    first, other = unify(evolve(found, nullable=item_of(column).nullable), default)
    empty = t.binary(exp.EQ, t.function("len", column.use), t.whole(0))
    return typed(
        t.case((empty, other.use), otherwise=first.use), first.kind, first.storage, first, other,
        nonan=first.nonan and other.nonan, int53=first.int53 and other.int53, ascii=first.ascii and other.ascii,
    )  # fmt: skip


def _doubles(column: Scalar) -> Any:
    """A list of numbers as doubles, which are added one after the other as M does."""
    item = item_of(column)
    if isinstance(item.inside, t.Scaled):
        return over(column.use, lambda v: t.plain_number(evolve(item, sql=v)).sql)
    need(item, "number")
    return column.use if item.storage == "DOUBLE" else over(column.use, lambda v: t.cast(v, "DOUBLE"))


def _sum_of(column: Scalar) -> Scalar:
    if item_of(column).kind == "duration":
        sql = t.cast(t.function("list_sum", column.use), "BIGINT")
        return typed(sql, "duration", "BIGINT", column, nullable=True)
    sql = t.function("list_sum", _doubles(column))
    item = item_of(column)
    if item.storage == "BIGINT" and not item.int53 and not isinstance(item.inside, t.Scaled):
        # a value alone is its own sum: a whole number that no double holds
        alone = t.binary(exp.EQ, t.function("list_count", column.use), t.whole(1))
        beyond = t.beyond_doubles(t.function("list_min", column.use), t.function("list_max", column.use))
        sql = t.unless(t.all_of([alone, beyond]), sql)
        column = evolve(column, raises=True)
    return typed(sql, "number", "DOUBLE", column, nullable=True)


def _average_of(column: Scalar) -> Scalar:
    total, number = t.function("list_sum", _doubles(column)), t.function("list_count", column.use)
    mean = exp.Div(this=total, expression=t.cast(number, "DOUBLE"), typed=True)
    present = t.binary(exp.GT, number, t.whole(0))
    return typed(t.case((present, mean)), "number", "DOUBLE", column, nullable=True)


def _product_of(column: Scalar) -> Scalar:
    column = each_kept(column)
    return typed(t.function("list_product", _doubles(column)), "number", "DOUBLE", column, nullable=True)


def _deviation_of(column: Scalar) -> Scalar:
    """As the interpreter adds it up: the mean first, then the squares, in their order."""
    from folding.functions.list_shapes import let

    def spread(values: Any) -> Any:
        many = t.cast(t.function("len", values), "DOUBLE")
        mean = exp.Div(this=t.function("list_sum", values), expression=many, typed=True)

        def around(mean: Any) -> Any:
            def square(v: Any) -> Any:
                off = exp.Paren(this=t.binary(exp.Sub, v, mean))
                return t.binary(exp.Mul, off, off)

            rest = exp.Paren(this=t.binary(exp.Sub, many, t.double(1.0)))
            total = t.function("list_sum", over(values, square))
            return t.function("sqrt", exp.Div(this=total, expression=rest, typed=True))

        one = t.binary(exp.EQ, t.function("len", values), t.whole(1))
        some = t.binary(exp.GT, t.function("len", values), t.whole(0))
        return t.case((one, t.double(0.0)), (some, let(mean, around)))

    present = over(_doubles(column), t.not_null, "list_filter")
    return typed(let(present, spread), "number", "DOUBLE", column, nullable=True)


def _extreme_of(name: str) -> Any:
    def make(column: Scalar) -> Scalar:
        item = item_of(column)
        if not isinstance(item.inside, t.Scaled) and item.kind not in (
            "number",
            "date",
            "datetime",
            "time",
            "duration",
            "text",
            "logical",
        ):
            raise Unfoldable("the largest of values of this kind")
        if item.kind == "text" and not item.ascii:  # the engine orders by code point
            odd = over(column.use, lambda v: t.function("coalesce", utf16.has_astral(v), exp.false()))
            found = t.function("list_contains", odd, exp.true())
            column = evolve(column, sql=t.unless(found, column.use))
        sql = t.function(name, no_nan(column, "the order of numbers").use)
        return t.unsigned(evolve(item, sql=sql, nullable=True, raises=column.raises, nonan=True))

    return make


def _median_of(column: Scalar) -> Scalar:
    from folding.functions.list_statistics import share_of

    if item_of(column).kind != "number" and not isinstance(item_of(column).inside, t.Scaled):
        raise Unfoldable("the middle of values that are no numbers")
    return share_of(column, 0.5, 1)


_COLUMN_FORMS: dict[str, Any] = {
    "List.Sum": _sum_of, "List.Average": _average_of, "List.Product": _product_of, "List.Max": _extreme_of("list_max"),
    "List.Min": _extreme_of("list_min"), "List.StandardDeviation": _deviation_of, "List.Median": _median_of,
}  # fmt: skip


@folds("Text.Split")
def split(call: Call) -> Scalar:
    """At a constant text."""
    text, separator = call.sure(0, "text"), call.text(1)
    if not separator:
        raise Unfoldable("Text.Split at nothing")
    item = Scalar(exp.Null(), "text", "VARCHAR", False, ascii=text.ascii)
    return list_of(t.function("string_split", text.use, t.string(separator)), item, text)


@folds("Text.Combine")
def combine(call: Call) -> Scalar:
    """Texts that are written out, or a list of texts; nulls are left out."""
    call.at_most(2)
    separator = call.text(1) if call.count > 1 else ""
    shape = list_at(call)
    if not isinstance(shape, (Written, Scalar)):
        return _texts_of(shape, separator)
    if isinstance(shape, Scalar):
        return _joined(shape, separator)
    parts = [item.or_null() for item in shape.items]
    if not parts:
        return t.literal("")
    parts = [t.of_kind(p, "text") for p in parts]
    if any(p.kind != "text" for p in parts):
        raise Unfoldable("Text.Combine of values that may not be texts")
    sql = t.function("concat_ws", t.string(separator), *[p.use for p in parts])
    ascii = separator.isascii() and all(p.ascii for p in parts)
    return typed(sql, "text", "VARCHAR", *parts, nullable=False, ascii=ascii)


def _texts_of(column: Any, separator: str) -> Scalar:
    """The texts of a column of a group in their order; nulls are left out."""
    x, group = need(column.group.chosen(column.value), "text"), column.group
    order = exp.Order(this=t.string(separator), expressions=group.ordering())
    sql = t.function("string_agg", x.use, order)
    ascii = x.ascii and separator.isascii()
    made: Scalar = group.finish(typed(sql, "text", "VARCHAR", x, nullable=True, ascii=ascii))
    whole = t.function("coalesce", made.sql, exp.Literal.string(""))
    return evolve(made, sql=whole, nullable=False)


def _joined(column: Scalar, separator: str) -> Scalar:
    item = item_of(column)
    if item.kind != "text":
        raise Unfoldable("Text.Combine of something other than a list of texts")
    sql = t.function(
        "coalesce", t.function("array_to_string", column.use, t.string(separator)), exp.Literal.string("")
    )
    return typed(sql, "text", "VARCHAR", column, nullable=False, ascii=item.ascii and separator.isascii())
