"""Aggregates of a group: `each List.Sum([x])`, `Table.RowCount` and expressions over them.

`GroupTranslator` reads the function of a group's table as a row function whose columns
are lists: list functions over a column become aggregates, everything around them is
translated as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, field, frozen
from sqlglot import exp

from folding import terms as t
from folding import utf16, zones
from folding.meanings import Row
from folding.mixed import at_place, decimal_and_double, is_split, parts, together
from folding.nested import nested_table
from folding.operators import connective
from folding.scalars import Translator
from folding.structures import list_of, mixed, settled
from folding.terms import Scalar, Unfoldable, need, typed
from mlang.syntax import nodes
from mlang.values.functions import Function
from mlang.values.metadata import strip

#: What `Table.Profile` asks besides the list functions (`mlang/tables/asking.py`): how many different values.
DISTINCT = "List.Count(List.Distinct)"
#: Up to this many rows, sums of doubles are added in order, bit for bit.
ORDERED_ROWS = 1_000_000


def _same(term: Scalar) -> Scalar:
    return term


@frozen(eq=False)
class Group:
    """The table of one group, or a part of it: columns by name, row order, how sums of doubles are made, most rows.

    ``condition`` says which rows are in the part, ``order`` how they are sorted (after it they are in the order of
    ``place``); ``finish`` makes of an aggregate what a row can have (`nested.py`).
    """

    column: Callable[[str], Scalar | None]
    place: Any
    sums: Callable[[], str]
    rows: int | None = None
    names: tuple[str, ...] = ()
    condition: Scalar | None = None
    order: tuple[Any, ...] = ()
    finish: Callable[[Scalar], Scalar] = _same
    notes: list[str] = field(factory=list)

    @property
    def whole(self) -> bool:
        """Whether it is all of a group, which has at least one row."""
        return self.condition is None and self.finish is _same

    def values(self, name: str) -> Scalar:
        """A column of the group's table."""
        found = self.column(name)
        if found is None:
            raise Unfoldable(f"there is no column '{name}'")
        if nested_table(found) is not None:  # what it holds in the engine are its keys
            raise Unfoldable("a list of nested tables")
        return found

    def row(self) -> Row:
        """A row of the table, for functions of its rows."""
        return Row(self.column, self.names)

    def where(self, test: Scalar) -> Group:
        """The rows for which a condition, which is never null, holds."""
        flat(test)
        if test.is_constant and test.constant:
            return self
        both = test if self.condition is None else connective("and", self.condition, test)
        return evolve(self, condition=both)

    def chosen(self, x: Scalar) -> Scalar:
        """A value of the rows, null in those that do not belong to the part."""
        if self.condition is None:
            return x
        raises = x.raises or self.condition.raises
        sql = t.case((self.condition.use, x.use))
        return evolve(x, sql=sql, nullable=True, raises=raises, constant=t.VARIES, conjuncts=())

    def ordering(self) -> list[Any]:
        """ORDER BY of the rows."""
        last = exp.Ordered(this=self.place.copy(), nulls_first=False)
        return [*[key.copy() for key in self.order], last]

    def filtered(self, sql: Any) -> Any:
        """An aggregate of the rows that belong to the part."""
        if self.condition is None:
            return sql
        return exp.Filter(this=sql, expression=exp.Where(this=self.condition.use))


#: The engine's aggregate functions that are used here: none may stand inside another.
_AGGREGATES = frozenset(
    (
        "sum", "count", "list", "first", "last", "min", "max", "string_agg", "arg_min_null", "arg_max_null",
        "quantile_disc", "fsum", "product", "bool_or", "bool_and", "stddev_samp",
    )
)  # fmt: skip


def flat(term: Scalar) -> Scalar:
    """A term of a group's rows in which no aggregate stands."""
    for node in t.nodes(term.sql):
        if isinstance(node, (exp.Count, exp.AggFunc, exp.Subquery)) or (
            node.__class__ is exp.Anonymous and node.name.lower() in _AGGREGATES
        ):
            raise Unfoldable("an aggregate in a function of a group's rows")
    return term


@frozen(eq=False)
class Taken:
    """A list that is a column of a group's rows, or computed of them."""

    value: Scalar
    group: Group

    def mapped(self, function: Callable[[Any], Scalar]) -> Taken:
        """The results of a function for each item."""
        return evolve(self, value=flat(function(self.value)))

    def chosen(self, condition: Callable[[Any], Scalar]) -> Taken:
        """The items for which a condition holds."""
        from folding.functions.list_shapes import condition_of

        return evolve(self, group=self.group.where(condition_of(condition(self.value))))

    def listed(self) -> Scalar:
        """The items as a list of the engine."""
        x, group = self.value, self.group
        if x.kind == "null" or (x.kind == "any" and x.inside is None):
            raise Unfoldable("a list of values of unknown kind")
        sql = group.filtered(_in_order("list", x, group))
        raises = x.raises or (group.condition is not None and group.condition.raises)
        made = group.finish(list_of(sql, settled(x), nullable=False, raises=raises))
        if group.whole:
            return made
        nothing = exp.Array(expressions=[])
        return evolve(made, sql=t.function("coalesce", made.sql, nothing), nullable=False)


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
        name, column, *given = spec.document
        if name == DISTINCT:
            return count_distinct(group.values(column), group)
        taken = Taken(group.values(column), group)
        return (
            _asked(name, taken, given)
            if given or name not in AGGREGATES
            else AGGREGATES[name](taken.value, group)
        )
    if isinstance(node, nodes.Each):
        return GroupTranslator(function, {"_": group}, group).scalar(node.body)
    if isinstance(node, nodes.Function) and len(node.parameters) == 1 and node.result is None:
        return GroupTranslator(function, {node.parameters[0].name: group}, group).scalar(node.body)
    raise Unfoldable("an aggregate whose body is not known")


def _asked(name: str, taken: Taken, given: list[Any]) -> Scalar:
    """A list function of a column, with other arguments that are values already."""
    from folding.functions import Call, form_of, formed

    form = form_of(name)
    if form is None:
        raise Unfoldable(f"{name} has no exact SQL form")
    names: dict[str, Any] = {}
    for index, value in enumerate(given):
        try:
            names[f"argument {index}"] = t.literal(strip(value))
        except TypeError:
            raise Unfoldable("an argument that SQL cannot hold") from None
        except Unfoldable:
            names[f"argument {index}"] = strip(value)
    while given and given[-1] is None:
        given = given[:-1]
    translator = GroupTranslator(None, names, taken.group)
    arguments = (taken, *[nodes.Name(f"argument {index}") for index in range(len(given))])
    return formed(form, Call(name, translator, arguments))


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


def row_count(group: Group | None = None) -> Scalar:
    """count(*)"""
    test = None if group is None else group.condition
    sql: Any = exp.Count(this=exp.Star())
    if test is not None:
        sql = t.function("count", t.case((test.use, t.whole(1))))
    raises = test is not None and test.raises
    return typed(sql, "number", "BIGINT", nullable=False, raises=raises, nonan=True, int53=True)


class GroupTranslator(Translator):
    """Translates the body of an aggregate."""

    __slots__ = ("group",)

    def __init__(self, function: Function | None, names: Mapping[str, Any], group: Group) -> None:
        super().__init__(function, names)
        self.group = group

    def scoped(self, names: Mapping[str, Any]) -> Translator:
        return GroupTranslator(self.function, names, self.group)

    def any_FieldAccess(self, node: nodes.FieldAccess) -> Any:
        """A column of the group as a list; a field of something else as ever."""
        if node.target is None and self.meaning("_") is self.group:
            return Taken(self.group.values(node.name), self.group).listed()
        return super().any_FieldAccess(node)


# ---------------------------------------------------------------- the aggregates


def _count(x: Scalar, group: Group) -> Scalar:
    return row_count(group)


def _non_null_count(x: Scalar, group: Group) -> Scalar:
    if is_split(x):
        x = t.plain_number(x)
    x = group.chosen(x)
    sql = t.function("count", x.use)
    if (
        x.raises
    ):  # the engine counts rows where it proves that there are no nulls, without computing the values
        sql = t.case((t.is_null(t.function("min", x.use)), t.whole(0)), otherwise=sql)
    return typed(sql, "number", "BIGINT", x, nullable=False, nonan=True, int53=True)


def count_distinct(x: Scalar, group: Group) -> Scalar:
    """Null counts as one value; NaN, which equals nothing, goes to the interpreter."""
    from folding.relations_rows import key_term

    key = group.chosen(key_term(x))
    sql: Any = exp.Count(this=exp.Distinct(expressions=[key.use]))
    if x.nullable:
        nulls = t.function(
            "max", group.chosen(typed(t.cast(t.is_null(x.use), "INTEGER"), "number", "BIGINT")).sql
        )
        sql = t.binary(exp.Add, sql, t.function("coalesce", nulls, t.whole(0)))
    return typed(sql, "number", "BIGINT", key, nullable=False, nonan=True, int53=True)


def _in_order(name: str, x: Scalar, group: Group) -> Any:
    return t.function(name, exp.Order(this=x.use, expressions=group.ordering()))


def total(x: Scalar, group: Group) -> Any:
    """The sum as a DOUBLE: whole numbers exactly, others as the number mode says."""
    if x.int53 and x.largest is not None and group.rows is not None and x.largest * group.rows < t.INT53:
        return t.cast(t.function("sum", x.use), "DOUBLE")
    if x.int53:  # exact in any order while the sum of magnitudes is
        size = t.function("sum", t.function("abs", x.use))
        beyond = t.binary(exp.GT, size, t.whole(t.INT53))
        return t.unless(beyond, t.cast(t.function("sum", x.use), "DOUBLE"))
    double = evolve(x, sql=t.as_double(x))
    mode = group.sums()
    if mode == "ordered":
        return _in_order("sum", double, group)
    if mode == "plain":
        group.notes.append("sums of doubles in any order (number mode relaxed)")
        return t.function("sum", double.use)
    group.notes.append(
        f"sums of doubles in row order if a run, which counts first, finds at most {ORDERED_ROWS:,} rows; else, as in"
        " this SQL, to about the last digit"
        if mode == "counted"
        else "sums of doubles to about the last digit instead of in row order (there may be more than"
        f" {ORDERED_ROWS:,} rows)"
    )
    rounded = t.function("fsum", double.use)  # of infinities it makes NaN, so those go to the interpreter
    return t.unless(t.negation(t.function("isfinite", rounded.copy())), rounded)


def _sum(x: Scalar, group: Group) -> Scalar:
    x = group.chosen(x)
    if x.kind == "duration":
        return typed(t.cast(t.function("sum", x.use), "BIGINT"), "duration", "BIGINT", x, nullable=True)
    x = need(t.plain_number(x), "number")
    sql = total(x, group)
    if x.storage == "BIGINT" and not x.int53:
        # a value alone is its own sum: a whole number that no double holds
        alone = t.binary(exp.EQ, t.function("count", x.use), t.whole(1))
        beyond = t.beyond_doubles(t.function("min", x.use), t.function("max", x.use))
        sql = t.unless(t.all_of([alone, beyond]), sql)
    return typed(sql, "number", "DOUBLE", x, nullable=True)


def _average(x: Scalar, group: Group) -> Scalar:
    x = need(t.plain_number(group.chosen(x)), "number")
    number = t.cast(t.function("count", x.use), "DOUBLE")
    present = t.binary(exp.GT, t.function("count", x.use), t.whole(0))
    quotient = exp.Div(this=t.operand(total(x, group)), expression=number, typed=True)
    return typed(t.case((present, quotient)), "number", "DOUBLE", x, nullable=True)


def _extreme(name: str) -> Callable[[Scalar, Group], Scalar]:
    def make(x: Scalar, group: Group) -> Scalar:
        from folding.relations_rows import key_term

        if x.kind == "binary":
            raise Unfoldable("the order of binaries")
        if t.is_decimal(x) and x.kind == "any" and isinstance(x.inside, t.Mixed):
            return _extreme_of_both(name, x, group)
        x = group.chosen(x)
        if x.kind == "datetimezone":
            return zones.extreme(name, x, group.place)
        number = x.kind == "number" and not x.nonan
        key = x if number else key_term(x)
        sql = t.function(name, t.need(key, key.kind).use)
        if number:  # the engine counts NaN as the largest number
            sql = t.unless(t.function("isnan", t.function("max", x.use)), sql)
        if x.kind == "text" and not x.ascii:  # the engine orders by code point
            sql = t.unless(t.function("bool_or", utf16.has_astral(x.use)), sql)
        return t.unsigned(
            typed(
                sql, x.kind, x.storage, key, nullable=True, nonan=True, int53=x.int53, ascii=x.ascii, inside=x.inside,
            )
        )  # fmt: skip

    return make


def _extreme_of_both(name: str, x: Scalar, group: Group) -> Scalar:
    """Of decimals and doubles: that of the one sort or of the other; which of two equal ones is for the interpreter."""
    if group.condition is not None or not x.nonan or len(parts(x.use)) == 1:
        raise Unfoldable("the least or largest of some decimals and doubles")
    decimal, number = decimal_and_double(x)
    least, other = (evolve(part, sql=t.function(name, part.use)) for part in (decimal, number))
    double = t.plain_number(evolve(least, largest=x.largest)).use
    better = exp.LT if name == "min" else exp.GT
    equal = t.binary(exp.EQ, double, other.use)
    sql = together(
        t.case((t.binary(better, other.use, double), exp.Null()), otherwise=least.use),
        t.case(
            (equal, t.error()), (t.binary(better, double, other.use), t.cast(exp.Null(), "DOUBLE")),
            otherwise=other.use,
        ),
    )  # fmt: skip
    return evolve(x, sql=sql, nullable=True)


def _end(last: bool) -> Callable[[Scalar, Group], Scalar]:
    def make(x: Scalar, group: Group) -> Scalar:
        if group.order:
            sql = group.filtered(_in_order("last" if last else "first", x, group))
        else:
            place = group.chosen(typed(group.place.copy(), "number", "BIGINT")).sql
            name = "arg_max_null" if last else "arg_min_null"
            sql = at_place(name, x, place)
        raises = x.raises or (group.condition is not None and group.condition.raises)
        return evolve(x, sql=sql, nullable=True, raises=raises, constant=t.VARIES, conjuncts=(), largest=None)

    return make


def _median(x: Scalar, group: Group) -> Scalar:
    from folding.relations_rows import key_term

    x = group.chosen(x)
    if isinstance(x.inside, t.Scaled):
        return _median_of_decimals(x)
    x = t.kept(key_term(need(x, "number")))
    number = t.as_double(x)
    middle = exp.Literal.number("0.5")
    low = t.function("quantile_disc", number, middle)
    high = exp.Neg(this=t.function("quantile_disc", exp.Neg(this=t.operand(number.copy())), middle.copy()))
    both = t.binary(exp.Add, low, high)
    half = exp.Div(this=exp.Paren(this=both), expression=t.double(2.0), typed=True)
    sql = t.unless(t.negation(t.function("isfinite", both.copy())), half)
    return t.unsigned(typed(sql, "number", "DOUBLE", x, nullable=True, nonan=True))


def _median_of_decimals(x: Scalar) -> Scalar:
    """Of an odd number of decimals one of them, of an even number the double between two."""
    middle = exp.Literal.number("0.5")
    low = evolve(x, sql=t.function("quantile_disc", x.use, middle))
    turned = t.function("quantile_disc", exp.Neg(this=t.operand(x.use)), middle)
    high = evolve(x, sql=exp.Paren(this=exp.Neg(this=turned)))
    both = t.binary(exp.Add, t.plain_number(low).use, t.plain_number(high).use)
    half = exp.Div(this=exp.Paren(this=both), expression=t.double(2.0), typed=True)
    odd = t.binary(exp.EQ, t.binary(exp.Mod, t.function("count", x.use), t.whole(2)), t.whole(1))
    return mixed(low, half, odd, x)


def _deviation(x: Scalar, group: Group) -> Scalar:
    x = need(t.plain_number(group.chosen(x)), "number")
    one = t.binary(exp.EQ, t.function("count", x.use), t.whole(1))
    mode = group.sums()
    if mode == "counted":
        group.notes.append(
            f"a standard deviation folds if a run, which counts first, finds at most {ORDERED_ROWS:,} rows"
        )
    if mode in ("ordered", "counted"):
        return typed(
            t.case((one, t.double(0.0)), otherwise=_spread(x, group)), "number", "DOUBLE", x, nullable=True
        )
    if mode != "plain":
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
    x = group.chosen(x)
    if isinstance(x.inside, t.Mixed):
        raise Unfoldable("a product of one number, which stays the decimal or double that it is")
    number = t.kept(need(t.plain_number(x), "number"))
    if group.sums() == "rounded":
        raise Unfoldable("List.Product of so many rows")
    if group.sums() == "counted":
        group.notes.append(
            f"a product folds if a run, which counts first, finds at most {ORDERED_ROWS:,} rows"
        )
    sql = _in_order("product", evolve(number, sql=t.as_double(number)), group)
    if isinstance(x.inside, t.Scaled):
        one = t.binary(exp.EQ, t.function("count", x.use), t.whole(1))
        return mixed(evolve(x, sql=t.function("min", x.use)), sql, one, x)
    return typed(sql, "number", "DOUBLE", number, nullable=True)


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
