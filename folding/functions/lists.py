"""SQL forms of list functions inside row functions, and of ``Text.Split`` and ``Record.Field``.

A list that is written out (`{[a], [b]}`) is taken item by item; a column of lists is the engine's list
(`structures.py`); a column of a nested table is aggregated (`nested.py`).
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.operators import equality, unify
from folding.scalars import Row
from folding.structures import Items, item_at, list_of
from folding.terms import Scalar, Unfoldable, need, typed
from mlang.syntax import nodes
from mlang.values.thunk import force


def written(call: Call, index: int = 0) -> list[Scalar] | None:
    """The items of a list that is written out; None for another list."""
    node = call.arguments[index]
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    found = cells_of_row(call, node)
    if found is not None:
        return found
    if (
        not isinstance(node, nodes.List)
        or not node.items
        or any(isinstance(i, nodes.Range) for i in node.items)
    ):
        return None
    if len(node.items) > 50:
        raise Unfoldable("a long list")
    return [call.translator.scalar(item) for item in node.items]


#: Functions that give the cells of a row as a list.
_CELLS = ("Record.FieldValues", "Record.ToList")


def _named(call: Call, node: Any) -> str:
    """The library function that an expression calls; "" where it is no such call."""
    if not isinstance(node, nodes.Invocation) or not isinstance(node.function, nodes.Name):
        return ""
    function = call.translator.meaning(node.function.name)
    spec = getattr(function, "spec", None)
    return spec.builtin.name if spec is not None and spec.builtin is not None else ""


def cells_of_row(call: Call, node: Any) -> list[Scalar] | None:
    """The cells of `Record.FieldValues(_)`; None for another expression."""
    if _named(call, node) not in _CELLS or len(node.arguments) != 1:
        return None
    row = call.translator.any(node.arguments[0])
    if row.__class__ is not Row or not row.names or len(row.names) > 200:
        return None
    return [x for x in (row.field(name) for name in row.names) if x is not None]


@folds("List.IsEmpty")
def is_empty(call: Call) -> Scalar:
    """Of the cells of a row, or a list that is written out, from which nulls or some constants were taken out."""
    call.at_most(1)
    node = call.arguments[0]
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    name, out = _named(call, node), []
    if name == "List.RemoveNulls" and len(node.arguments) == 1:
        out = [None]
    elif name == "List.RemoveMatchingItems" and len(node.arguments) == 2:
        given = call.translator.constant(node.arguments[1])
        out = [force(item) for item in given] if given.__class__ is list else []
    if not out or len(out) > 100:
        raise Unfoldable("List.IsEmpty of a list from which nothing constant was taken out")
    items = written(Call(name, call.translator, node.arguments))
    if items is None:
        raise Unfoldable("List.IsEmpty of a list that is not written out")
    gone = [_among(item, out) for item in items]
    if any(x.raises for x in gone):
        raise Unfoldable("a list whose items may raise")
    return typed(t.all_of([x.use for x in gone]), "logical", "BOOLEAN", nullable=False)


def _among(item: Scalar, values: list[Any]) -> Scalar:
    """Whether a term equals one of some constants."""
    tests = [equality(item, t.literal(value), False) for value in values]
    useful = [x for x in tests if not isinstance(x.sql, exp.Boolean) or x.sql.this] or tests[:1]
    return typed(t.any_of([x.use for x in useful]), "logical", "BOOLEAN", *useful, nullable=False)


@folds("List.Contains")
def list_contains(call: Call) -> Scalar:
    """A constant list: null is found like any value; or one that is written out."""
    call.at_most(2)
    try:
        items = call.constant(0)
    except Unfoldable:
        return _contained(call)
    if items.__class__ is not list or len(items) > 2000:
        raise Unfoldable("List.Contains of something other than a short constant list")
    value = call.term(1)
    tests = [equality(value, t.literal(force(item)), False) for item in items]
    tests = [x for x in tests if not isinstance(x.sql, exp.Boolean) or x.sql.this]
    if not tests:
        if value.raises:
            raise Unfoldable("List.Contains of an empty list, whose value may raise")
        return typed(exp.false(), "logical", "BOOLEAN", nullable=False)
    same = [x.sql.expression for x in tests if isinstance(x.sql, (exp.NullSafeEQ, exp.EQ))]
    rest = [x.use for x in tests if not isinstance(x.sql, (exp.NullSafeEQ, exp.EQ))]
    found = []
    if same:
        first = next(x.sql.this for x in tests if isinstance(x.sql, (exp.NullSafeEQ, exp.EQ)))
        inside = exp.In(this=t.operand(first.copy()), expressions=[s.copy() for s in same])
        found.append(t.function("coalesce", inside, exp.false()) if value.nullable else inside)
    return typed(t.any_of(found + rest), "logical", "BOOLEAN", value, nullable=False)


def _contained(call: Call) -> Scalar:
    items, value = written(call), call.term(1)
    if not items or value.raises or any(x.raises for x in items):
        raise Unfoldable("List.Contains of something other than a short constant list")
    tests = [equality(value, item, False).use for item in items]
    return typed(t.any_of(tests), "logical", "BOOLEAN", nullable=False)


@folds("List.AnyTrue", "List.AllTrue")
def logicals(call: Call) -> Scalar:
    """Of a list that is written out; nulls do not count."""
    call.at_most(1)
    items = written(call)
    if items is None or any(x.raises for x in items):
        raise Unfoldable(f"{call.name} of a list that is not written out, or whose items may raise")
    every = call.name == "List.AllTrue"
    tests = [t.function("coalesce", need(x, "logical").use, exp.Boolean(this=every)) for x in items]
    sql = t.all_of(tests) if every else t.any_of(tests)
    return typed(sql, "logical", "BOOLEAN", nullable=False)


@folds("Table.RowCount")
def nested_count(call: Call) -> Scalar:
    """Of a nested table."""
    from folding.aggregates import row_count
    from folding.nested import aggregated

    call.at_most(1)
    return aggregated(call.term(0), lambda group: row_count())


@folds(
    "List.Sum", "List.Average", "List.Count", "List.NonNullCount", "List.Min", "List.Max", "List.First",
    "List.Last", "List.Median",
)  # fmt: skip
def nested_list(call: Call) -> Scalar:
    """Of a column of a nested table (`List.Sum([nested][x])`), a list that is written out, or a column of lists."""
    from folding.aggregates import AGGREGATES
    from folding.nested import NestedTable, aggregated
    from folding.related import RelatedRows

    call.at_most(1)
    items = written(call)
    if items is not None:
        return _of_items(call.name, items)
    node = call.arguments[0]
    if isinstance(node, nodes.FieldAccess) and node.target is not None and not node.optional:
        table = call.translator.any(node.target)
        if table.__class__ is Scalar and isinstance(table.inside, (NestedTable, RelatedRows)):
            return aggregated(table, lambda group: AGGREGATES[call.name](group.values(node.name), group))
    return _of_column(call.name, call.term(0))


# ---------------------------------------------------------------- lists that are written out


def _of_items(name: str, items: list[Scalar]) -> Scalar:
    if name == "List.Count":
        if any(x.raises for x in items):
            raise Unfoldable("a list whose items may raise")
        return t.literal(float(len(items)))
    if name in ("List.First", "List.Last"):
        return items[0 if name == "List.First" else -1]
    same = [items[0]]
    for item in items[1:]:
        same = [unify(x, item)[0] for x in same]
        same.append(unify(same[0], item)[1])
    form = _ITEM_FORMS.get(name)
    if form is None:
        raise Unfoldable(f"{name} of a list")
    made: Scalar = form(same)
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
    total = _added(items)
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
        if any(x.kind not in ("number", "date", "datetime", "time", "duration") for x in items):
            raise Unfoldable("the largest of values of this kind")
        odd = [t.function("isnan", x.use) for x in items if x.kind == "number" and not x.nonan]
        best = items[0]
        for item in items[1:]:
            take = t.binary(node, item.use, best.use)
            if best.nullable:
                take = t.any_of([t.is_null(best.use), take])
            sql = t.case((take, item.use), otherwise=best.use)
            if item.nullable:
                sql = t.case((t.is_null(item.use), best.use), otherwise=sql)
            best = typed(sql, item.kind, item.storage, best, item, nullable=best.nullable and item.nullable)
            if t.size(sql) > 1500:
                raise Unfoldable("the expression is too large")
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


def _of_column(name: str, column: Scalar) -> Scalar:
    held = column.inside
    if not isinstance(held, Items) or column.nullable:
        raise Unfoldable(f"{name} of a list")
    if name == "List.Count":
        return typed(t.function("len", column.use), "number", "BIGINT", column, nonan=True, int53=True)
    if name == "List.NonNullCount":
        return typed(t.function("list_count", column.use), "number", "BIGINT", column, nonan=True, int53=True)
    if name == "List.First":
        return item_at(column, 0, True)
    raise Unfoldable(f"{name} of a list")


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
    parts = written(call)
    if parts is None:
        return _joined(call.term(0), separator)
    parts = [p if p.kind != "null" else t.null("text") for p in parts]
    if any(p.kind != "text" for p in parts):
        raise Unfoldable("Text.Combine of values that may not be texts")
    sql = t.function("concat_ws", t.string(separator), *[p.use for p in parts])
    ascii = separator.isascii() and all(p.ascii for p in parts)
    return typed(sql, "text", "VARCHAR", *parts, nullable=False, ascii=ascii)


def _joined(column: Scalar, separator: str) -> Scalar:
    held = column.inside
    if not isinstance(held, Items) or column.nullable or held.term.kind != "text":
        raise Unfoldable("Text.Combine of something other than a list of texts")
    sql = t.function(
        "coalesce", t.function("array_to_string", column.use, t.string(separator)), exp.Literal.string("")
    )
    return typed(
        sql, "text", "VARCHAR", column, nullable=False, ascii=held.term.ascii and separator.isascii()
    )


# ---------------------------------------------------------------- fields by name


@folds("Record.Field", "Record.FieldOrDefault")
def field(call: Call) -> Scalar:
    """A column of the row, or a field of a record in a cell, by a constant name."""
    default = call.name == "Record.FieldOrDefault"
    call.at_most(3 if default else 2)
    target, name = call.translator.any(call.arguments[0]), call.text(1)
    found = None
    if target.__class__ is Row:
        found = target.field(name)
    else:
        found = call.translator.on_FieldAccess(nodes.FieldAccess(call.arguments[0], name, default))
        found = None if found.kind == "null" else found
    if found is not None:
        return found
    if not default:
        raise Unfoldable(f"there is no field '{name}'")
    return call.term(2) if call.count > 2 else t.null()
