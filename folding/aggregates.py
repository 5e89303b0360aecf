"""Aggregates of a group: `each List.Sum([x])`, `Table.RowCount` and expressions over them.

`GroupTranslator` reads the function of a group's table as a row function whose columns
are lists: list functions over a column become aggregates, everything around them is
translated as usual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.scalars import Translator
from folding.terms import Scalar, Unfoldable, need, typed
from mlang.syntax import nodes
from mlang.values.functions import Function
from mlang.values.metadata import strip

#: What `Table.Profile` asks besides the list functions (`mlang/tables/asking.py`): how many different values.
DISTINCT = "List.Count(List.Distinct)"
#: Up to this many rows, sums of doubles are added in order, bit for bit.
ORDERED_ROWS = 1_000_000


class Group:
    """The table of one group: columns by name, row order, how sums of doubles are made, most rows."""

    __slots__ = ("column", "names", "notes", "place", "rows", "sums")

    def __init__(
        self,
        column: Callable[[str], Scalar | None],
        place: Any,
        sums: str,
        rows: int | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        self.column, self.place, self.sums, self.rows, self.names = column, place, sums, rows, names
        self.notes: list[str] = []

    def values(self, name: str) -> Scalar:
        """A column of the group's table."""
        found = self.column(name)
        if found is None:
            raise Unfoldable(f"there is no column '{name}'")
        return found


def aggregate(function: Any, group: Group) -> Scalar:
    """The function of a group's table as an aggregate expression."""
    function = strip(function)
    if function.__class__ is not Function or function.spec is None:
        raise Unfoldable("an aggregate whose body is not known")
    spec = function.spec
    if spec.builtin is not None:
        if spec.builtin.name == "Table.RowCount":
            return row_count()
        raise Unfoldable(f"{spec.builtin.name} of a group has no SQL form")
    node = spec.node
    if node is None and spec.name == "column":  # `mlang/tables/asking.py`
        name, column = spec.document
        if name == DISTINCT:
            return count_distinct(group.values(column), group)
        return AGGREGATES[name](group.values(column), group)
    if isinstance(node, nodes.Each):
        return GroupTranslator(function, {"_": group}, group).scalar(node.body)
    if isinstance(node, nodes.Function) and len(node.parameters) == 1 and node.result is None:
        return GroupTranslator(function, {node.parameters[0].name: group}, group).scalar(node.body)
    raise Unfoldable("an aggregate whose body is not known")


def is_identity(function: Any) -> bool:
    """Whether an aggregate is the group's table itself: `each _`."""
    function = strip(function)
    node = function.spec.node if function.__class__ is Function and function.spec is not None else None
    if not isinstance(node, (nodes.Each, nodes.Function)):
        return False
    name = "_"
    if isinstance(node, nodes.Function):
        if len(node.parameters) != 1 or node.result is not None:
            return False
        name = node.parameters[0].name
    body = node.body
    while isinstance(body, nodes.Parenthesized):
        body = body.inner
    return isinstance(body, nodes.Name) and body.name == name


def row_count() -> Scalar:
    """count(*)"""
    sql = exp.Count(this=exp.Star())
    return typed(sql, "number", "BIGINT", nullable=False, nonan=True, int53=True)


class GroupTranslator(Translator):
    """Translates the body of an aggregate."""

    __slots__ = ("group",)

    def __init__(self, function: Function | None, names: dict[str, Any], group: Group) -> None:
        super().__init__(function, names)
        self.group = group

    def scoped(self, names: dict[str, Any]) -> Translator:
        return GroupTranslator(self.function, names, self.group)

    def on_Invocation(self, node: nodes.Invocation) -> Scalar:
        name = self._builtin(node)
        if name == "Text.Combine" and node.arguments and not isinstance(node.arguments[0], nodes.List):
            return self._combined(node)
        form = AGGREGATES.get(name)
        if form is None:
            if name == "Table.RowCount" and len(node.arguments) == 1 and self._is_distinct(node.arguments[0]):
                return count_rows(self.group)
            if (
                name == "Table.RowCount"
                and len(node.arguments) == 1
                and self.any(node.arguments[0]) is self.group
            ):
                return row_count()
            return super().on_Invocation(node)
        return self._aggregate(name, node)

    def _is_distinct(self, node: nodes.Node) -> bool:
        """Whether an expression is `Table.Distinct(_)`."""
        if self._builtin(node) != "Table.Distinct":
            return False
        arguments = node.arguments  # type: ignore[attr-defined]
        return len(arguments) == 1 and self.any(arguments[0]) is self.group

    def _aggregate(self, name: str, node: nodes.Invocation) -> Scalar:
        if len(node.arguments) != 1:
            raise Unfoldable(f"{name} with optional arguments in a group")
        argument = node.arguments[0]
        if isinstance(argument, nodes.List):
            return super().on_Invocation(node)
        distinct = self._builtin(argument) == "List.Distinct"
        if distinct:
            inner = argument.arguments  # type: ignore[attr-defined]
            if name != "List.Count" or len(inner) != 1:
                raise Unfoldable(f"{name} of distinct values")
            return count_distinct(self.column(inner[0]), self.group)
        if name == "List.Count":
            self.column(argument)
        return AGGREGATES[name](self.column(argument), self.group)

    def _combined(self, node: nodes.Invocation) -> Scalar:
        """The texts of a column in their order; nulls are left out."""
        x = need(self.column(node.arguments[0]), "text")
        separator = self.constant(node.arguments[1]) if len(node.arguments) > 1 else ""
        separator = "" if separator is None else separator
        if separator.__class__ is not str or len(node.arguments) > 2:
            raise Unfoldable("Text.Combine with a separator that is no constant text")
        ordered = exp.Order(
            this=t.string(separator),
            expressions=[exp.Ordered(this=self.group.place.copy(), nulls_first=False)],
        )
        sql = t.function("coalesce", t.function("string_agg", x.use, ordered), exp.Literal.string(""))
        return typed(sql, "text", "VARCHAR", x, nullable=False, ascii=x.ascii and separator.isascii())

    def _builtin(self, node: nodes.Node) -> str:
        if not isinstance(node, nodes.Invocation) or not isinstance(node.function, nodes.Name):
            return ""
        function = self.meaning(node.function.name)
        spec = function.spec if function.__class__ is Function else None
        return spec.builtin.name if spec is not None and spec.builtin is not None else ""

    def column(self, node: nodes.Node) -> Scalar:
        """The column that a list expression is: `[x]`, `_[x]` or `Table.Column(_, "x")`."""
        if isinstance(node, nodes.FieldAccess) and not node.optional:
            target = self.meaning("_") if node.target is None else self.any(node.target)
            if target is self.group:
                found: Scalar = self.group.values(node.name)
                return found
        if self._builtin(node) == "Table.Column":
            arguments = node.arguments  # type: ignore[attr-defined]
            if len(arguments) == 2 and self.any(arguments[0]) is self.group:
                name = self.constant(arguments[1])
                if name.__class__ is str:
                    listed: Scalar = self.group.values(name)
                    return listed
        raise Unfoldable("a list in a group that is not one of its columns")

    def on_FieldAccess(self, node: nodes.FieldAccess) -> Scalar:
        """A column of the group as a list; a field of something else as ever."""
        from folding.structures import list_of, settled

        target = self.meaning("_") if node.target is None else self.any(node.target)
        if target is not self.group:
            return super().on_FieldAccess(node)
        x = self.column(node)
        if x.kind in ("any", "null"):
            raise Unfoldable("a list of values of unknown kind")
        return list_of(_in_order("list", x, self.group), settled(x), x, nullable=False)


# ---------------------------------------------------------------- the aggregates


def _count(x: Scalar, group: Group) -> Scalar:
    return row_count()


def _non_null_count(x: Scalar, group: Group) -> Scalar:
    sql = t.function("count", x.use)
    if (
        x.raises
    ):  # the engine counts rows where it proves that there are no nulls, without computing the values
        sql = t.case((t.is_null(t.function("min", x.use)), t.whole(0)), otherwise=sql)
    return typed(sql, "number", "BIGINT", x, nullable=False, nonan=True, int53=True)


def count_distinct(x: Scalar, group: Group) -> Scalar:
    """Null counts as one value; NaN, which equals nothing, goes to the interpreter."""
    from folding.relations_rows import key_term

    key = key_term(x)
    sql: Any = exp.Count(this=exp.Distinct(expressions=[key.use]))
    if x.nullable:
        nulls = t.function("max", t.cast(t.is_null(x.use), "INTEGER"))
        sql = t.binary(exp.Add, sql, t.function("coalesce", nulls, t.whole(0)))
    return typed(sql, "number", "BIGINT", x, nullable=False, nonan=True, int53=True)


def _in_order(name: str, x: Scalar, group: Group) -> Any:
    ordered = exp.Order(this=x.use, expressions=[exp.Ordered(this=group.place.copy(), nulls_first=False)])
    return t.function(name, ordered)


def total(x: Scalar, group: Group) -> Any:
    """The sum as a DOUBLE: whole numbers exactly, others as the number mode says."""
    if x.int53 and x.largest is not None and group.rows is not None and x.largest * group.rows < t.INT53:
        return t.cast(t.function("sum", x.use), "DOUBLE")
    if x.int53:  # exact in any order while the sum of magnitudes is
        size = t.function("sum", t.function("abs", x.use))
        beyond = t.binary(exp.GT, size, t.whole(t.INT53))
        return t.unless(beyond, t.cast(t.function("sum", x.use), "DOUBLE"))
    double = evolve(x, sql=t.as_double(x))
    if group.sums == "ordered":
        return _in_order("sum", double, group)
    if group.sums == "plain":
        group.notes.append("sums of doubles in any order (number mode relaxed)")
        return t.function("sum", double.use)
    group.notes.append("sums of doubles correctly rounded instead of in row order (more than 1,000,000 rows)")
    rounded = t.function("fsum", double.use)  # of infinities it makes NaN, so those go to the interpreter
    return t.unless(t.negation(t.function("isfinite", rounded.copy())), rounded)


def _sum(x: Scalar, group: Group) -> Scalar:
    if x.kind == "duration":
        return typed(t.cast(t.function("sum", x.use), "BIGINT"), "duration", "BIGINT", x, nullable=True)
    x = need(t.plain_number(x), "number")
    return typed(total(x, group), "number", "DOUBLE", x, nullable=True)


def _average(x: Scalar, group: Group) -> Scalar:
    x = need(t.plain_number(x), "number")
    number = t.cast(t.function("count", x.use), "DOUBLE")
    present = t.binary(exp.GT, t.function("count", x.use), t.whole(0))
    quotient = exp.Div(this=t.operand(total(x, group)), expression=number, typed=True)
    return typed(t.case((present, quotient)), "number", "DOUBLE", x, nullable=True)


def _extreme(name: str) -> Callable[[Scalar, Group], Scalar]:
    def make(x: Scalar, group: Group) -> Scalar:
        from folding.relations_rows import key_term

        if x.kind == "binary":
            raise Unfoldable("the order of binaries")
        number = x.kind == "number" and not x.nonan
        key = x if number else key_term(x)
        sql = t.function(name, t.need(key, key.kind).use)
        if number:  # the engine counts NaN as the largest number
            sql = t.unless(t.function("isnan", t.function("max", x.use)), sql)
        if x.kind == "text" and not x.ascii:  # the engine orders by code point
            sql = t.unless(t.function("bool_or", t.has_astral(x.use)), sql)
        return typed(
            sql,
            x.kind,
            x.storage,
            key,
            nullable=True,
            nonan=True,
            int53=x.int53,
            ascii=x.ascii,
            inside=x.inside,
        )

    return make


def _end(last: bool) -> Callable[[Scalar, Group], Scalar]:
    def make(x: Scalar, group: Group) -> Scalar:
        name = "arg_max_null" if last else "arg_min_null"
        sql = t.function(name, x.use, group.place.copy())
        return typed(sql, x.kind, x.storage, x, nullable=True, nonan=x.nonan, int53=x.int53, ascii=x.ascii)

    return make


def _median(x: Scalar, group: Group) -> Scalar:
    from folding.relations_rows import key_term

    need(x, "number")
    number = t.as_double(key_term(x))
    middle = exp.Literal.number("0.5")
    low = t.function("quantile_disc", number, middle)
    high = exp.Neg(this=t.function("quantile_disc", exp.Neg(this=t.operand(number.copy())), middle.copy()))
    both = t.binary(exp.Add, low, high)
    half = exp.Div(this=exp.Paren(this=both), expression=t.double(2.0), typed=True)
    sql = t.unless(t.negation(t.function("isfinite", both.copy())), half)
    return typed(sql, "number", "DOUBLE", x, nullable=True, nonan=True)


def _deviation(x: Scalar, group: Group) -> Scalar:
    x = need(t.plain_number(x), "number")
    one = t.binary(exp.EQ, t.function("count", x.use), t.whole(1))
    if group.sums == "ordered":
        return typed(
            t.case((one, t.double(0.0)), otherwise=_spread(x, group)), "number", "DOUBLE", x, nullable=True
        )
    if group.sums != "plain":
        raise Unfoldable("List.StandardDeviation of so many rows folds only in number mode relaxed")
    group.notes.append("standard deviation by the engine's formula (number mode relaxed)")
    sql = t.case((one, t.double(0.0)), otherwise=t.function("stddev_samp", t.as_double(x)))
    return typed(sql, "number", "DOUBLE", x, nullable=True)


def _spread(x: Scalar, group: Group) -> Any:
    """The standard deviation as the interpreter adds it up: the mean first, then the squares, in row order."""
    number = evolve(x, sql=t.as_double(x))
    many = t.cast(t.function("count", x.use), "DOUBLE")
    mean = exp.Div(this=_in_order("sum", number, group), expression=many, typed=True)
    item = exp.to_identifier("v")
    off = exp.Paren(this=t.binary(exp.Sub, item, exp.Paren(this=mean)))
    square = exp.Lambda(
        this=t.binary(exp.Mul, off, off.copy()), expressions=[exp.to_identifier("v")], colon=True
    )
    listed = t.function("list_transform", _in_order("list", number, group), square)
    rest = t.binary(exp.Sub, many.copy(), t.double(1.0))
    return t.function(
        "sqrt", exp.Div(this=t.function("list_sum", listed), expression=exp.Paren(this=rest), typed=True)
    )


def _product(x: Scalar, group: Group) -> Scalar:
    """Multiplied in row order."""
    need(x, "number")
    if group.sums == "rounded":
        raise Unfoldable("List.Product of so many rows")
    sql = _in_order("product", evolve(x, sql=t.as_double(x)), group)
    return typed(sql, "number", "DOUBLE", x, nullable=True)


def count_rows(group: Group) -> Scalar:
    """How many different rows a group has."""
    from folding.relations_rows import key_term

    if not group.names:
        raise Unfoldable("different rows of a table without columns")
    keys = [key_term(group.values(name)) for name in group.names]
    sql = exp.Count(this=exp.Distinct(expressions=[t.function("row", *[key.use for key in keys])]))
    return typed(sql, "number", "BIGINT", *keys, nullable=False, nonan=True, int53=True)


AGGREGATES: dict[str, Callable[[Scalar, Group], Scalar]] = {
    "List.Sum": _sum,
    "List.Average": _average,
    "List.Count": _count,
    "List.NonNullCount": _non_null_count,
    "List.Min": _extreme("min"),
    "List.Max": _extreme("max"),
    "List.First": _end(False),
    "List.Last": _end(True),
    "List.Median": _median,
    "List.StandardDeviation": _deviation,
    "List.Product": _product,
}
