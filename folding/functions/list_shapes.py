"""What a list inside a row function is, and how its items are gone through.

A list is `Written` (its items are known one by one, each with the condition under which it is there), a list of the
engine (a `Scalar` whose ``inside`` is `Items`), or a column of a group's table (`aggregates.Taken`).  `listing` says
which one an expression is; `mapped` and `chosen` apply M functions to the items; `listed` makes any of them a list
of the engine.  Functions that give lists declare themselves by `makes` (``list_makers.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from attrs import evolve, field, frozen
from sqlglot import exp

from folding import terms as t
from folding.functions import FORMS, Call, form_of, formed
from folding.meanings import Closure, Lazy, Row, as_term
from folding.operators import computing, connective, unify
from folding.scalars import Translator, apply_closure, inline
from folding.structures import Items, items, list_of, settled
from folding.terms import Scalar, Unfoldable, need, typed
from mlang.errors import MError
from mlang.syntax import nodes
from mlang.values.functions import Function
from mlang.values.lists import LazyList, NumberRange
from mlang.values.metadata import strip
from mlang.values.thunk import force

if TYPE_CHECKING:
    from folding.aggregates import Taken

#: Written lists longer than this are not taken apart.
LONGEST = 200


@frozen(eq=False)
class Item:
    """An item of a written list: a term (or a list or record of constants), and when it is there."""

    value: Any
    there: Scalar | None = None

    def term(self) -> Scalar:
        """The item as a term, of use where it is there."""
        return as_term(self.value)

    @property
    def raises(self) -> bool:
        """Whether the item, or whether it is there, may raise."""
        return any(isinstance(x, Scalar) and x.raises for x in (self.value, self.there))

    def or_null(self) -> Scalar:
        """The item, null where it is not there."""
        x = self.term()
        if self.there is None:
            return x
        raises = x.raises or self.there.raises
        sql = t.case((self.there.use, x.use))
        return evolve(x, sql=sql, nullable=True, raises=raises, constant=t.VARIES, conjuncts=())


@frozen(eq=False)
class Written:
    """A list whose items are known one by one."""

    items: tuple[Item, ...] = field(default=())

    @property
    def fixed(self) -> bool:
        """Whether all items are always there."""
        return all(item.there is None for item in self.items)

    @property
    def raises(self) -> bool:
        """Whether an item, or whether it is there, may raise."""
        return any(item.raises for item in self.items)


#: What `listing` gives: a written list, a list of the engine, a column of a group.
Shape = Any
MAKERS: dict[str, Callable[[Call], Shape]] = {}


def makes(*names: str) -> Callable[[Callable[[Call], Shape]], Callable[[Call], Shape]]:
    """Declares a function that gives a list; where a term is wanted it is a list of the engine."""

    def declare(maker: Callable[[Call], Shape]) -> Callable[[Call], Shape]:
        for name in names:
            MAKERS[name] = maker
            FORMS[name] = lambda call: listed(maker(call))
        return maker

    return declare


def bare(node: Any) -> Any:
    """An expression without its parentheses."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    return node


def called(translator: Translator, node: Any) -> str:
    """The library function that an expression calls; "" where it is no such call."""
    if not isinstance(node, nodes.Invocation) or not isinstance(node.function, nodes.Name):
        return ""
    function = translator.meaning(node.function.name)
    spec = function.spec if function.__class__ is Function else None
    return spec.builtin.name if spec is not None and spec.builtin is not None else ""


def listing(translator: Translator, node: Any) -> Shape:
    """The list that an expression is."""
    from folding.aggregates import Taken
    from folding.functions.list_tables import column_of

    if isinstance(node, Taken):
        return node
    if isinstance(node, Scalar):
        return engine_list(node)
    node = bare(node)
    column = column_of(translator, node)
    if column is not None:
        return column
    if isinstance(node, nodes.List) and not any(isinstance(item, nodes.Range) for item in node.items):
        if len(node.items) > LONGEST:
            raise Unfoldable("a long list")
        return Written(tuple(Item(_written(translator, item)) for item in node.items))
    if isinstance(node, nodes.Name):
        found = translator.names.get(node.name)
        if found.__class__ is Lazy:
            return listing(found.scope, found.node)
        value = translator.meaning(node.name)
        if isinstance(value, Taken):
            return value
        return engine_list(value) if isinstance(value, Scalar) else constant_list(value)
    try:
        return constant_list(translator.constant(node))
    except (Unfoldable, TypeError):
        pass  # it depends on the row
    maker = MAKERS.get(called(translator, node))
    if maker is not None:
        return maker(Call(called(translator, node), translator, node.arguments))
    return engine_list(translator.scalar(node))


def list_at(call: Call, index: int = 0) -> Shape:
    """The list that an argument is."""
    if index >= len(call.arguments):
        raise Unfoldable(f"{call.name} with the wrong number of arguments")
    return listing(call.translator, call.arguments[index])


def _written(translator: Translator, node: Any) -> Any:
    """An item of a written list: lists and records of constants stay M values."""
    node = bare(node)
    if isinstance(node, (nodes.List, nodes.Record)):
        try:
            return translator.constant(node)
        except Unfoldable:
            pass  # it depends on the row
    return translator.any(node)


def constant_list(value: Any) -> Written:
    """A list of constants."""
    if value.__class__ is not list and (
        value.__class__.__name__ == "TableColumn" or not isinstance(value, LazyList)
    ):
        raise Unfoldable("something other than a list of constants")
    if (
        value.__class__ is not list
        and not isinstance(value, NumberRange)
        and value.__class__.__name__ != "Computed"
    ):
        raise Unfoldable("a list that is not computed yet")
    found = []
    for item in islice(iter(value), LONGEST + 1):
        try:
            plain = strip(force(item))
        except MError:
            raise Unfoldable("a list with an error") from None
        found.append(Item(plain if plain.__class__ in (list, dict) else as_term(plain)))
    if len(found) > LONGEST:
        raise Unfoldable("a long list")
    return Written(tuple(found))


def engine_list(column: Scalar) -> Scalar:
    """A list of the engine that is not null: where it is, the query stops."""
    if not isinstance(column.inside, Items):
        raise Unfoldable("a list that is not known to the engine")
    if not column.nullable:
        return column
    sql = t.unless(t.is_null(column.use), column.use)
    return evolve(column, sql=sql, nullable=False, raises=True)


def sure_at(call: Call, index: int, *kinds: str) -> Scalar:
    """An argument that may not be null: where it is, the query stops, as M raises."""
    x = call.of(index, *kinds)
    if not x.nullable:
        return x
    return evolve(x, sql=t.unless(t.is_null(x.use), x.use), nullable=False, raises=True)


def whole_at(call: Call, index: int) -> Scalar:
    """The same for a whole number, as a BIGINT."""
    given = list(call.arguments)
    given[index] = sure_at(call, index, "number")
    return Call(call.name, call.translator, tuple(given)).whole(index)


def item_of(column: Scalar) -> Scalar:
    """What is known of the items of an engine's list."""
    return cast(Items, column.inside).term


def unknown(item: Scalar) -> bool:
    """Whether the items of a list are not compared by the engine as M does."""
    plain = item.kind not in ("null", "any", "datetimezone")  # equal instants may have other offsets
    return not plain and not isinstance(item.inside, t.Scaled)


# ---------------------------------------------------------------- functions of items


def function_at(call: Call, index: int) -> Callable[..., Scalar]:
    """An argument that is a function, to be applied to terms."""
    if index >= len(call.arguments):
        raise Unfoldable(f"{call.name} with the wrong number of arguments")
    function = call.translator.any(call.arguments[index])
    return lambda *given: applied(function, list(given))


def applied(function: Any, given: list[Any]) -> Scalar:
    """A call of a function value: written in M, or a library function passed by name."""
    if function.__class__ is Closure:
        return apply_closure(function, given)
    if function.__class__ is not Function or function.spec is None:
        raise Unfoldable("a function whose body is not known")
    if function.spec.node is not None:
        return inline(function, given)
    builtin = function.spec.builtin
    form = form_of(builtin.name) if builtin is not None else None
    if builtin is None or form is None or any(x.__class__ in (Row, list, dict) for x in given):
        raise Unfoldable("a function without an SQL form, applied to the items of a list")
    return formed(form, Call(builtin.name, Translator(None, {}), tuple(given)))


def condition_of(found: Scalar) -> Scalar:
    """What a condition says: null is not met."""
    if found.kind == "null":
        return computing(t.literal(False), found) if found.raises else t.literal(False)
    need(found, "logical")
    if found.is_constant:
        return t.literal(found.constant is True)
    sql = t.function("coalesce", found.use, exp.false()) if found.nullable else found.use
    return typed(sql, "logical", "BOOLEAN", found, nullable=False)


def mapped(shape: Shape, function: Callable[[Any], Scalar]) -> Shape:
    """The results of a function for each item."""
    if isinstance(shape, Written):
        return Written(tuple(evolve(item, value=function(item.value)) for item in shape.items))
    if isinstance(shape, Scalar):
        each, made = lambda_of(item_of(shape), function)
        if made.kind == "null":
            raise Unfoldable("a list of nulls")
        sql = t.function("list_transform", shape.use, each)
        return list_of(sql, settled(made), nullable=False, raises=shape.raises or made.raises)
    return shape.mapped(function)


def each_kept(column: Scalar) -> Scalar:
    """A list of numbers whose items are the same as doubles (`terms.kept`)."""
    item = item_of(column)
    if item.kind != "number" or t.kept(item) is item:
        return column
    made: Scalar = mapped(column, t.kept)
    return evolve(made, nullable=column.nullable)


def chosen(shape: Shape, condition: Callable[[Any], Scalar]) -> Shape:
    """The items for which a condition holds; M looks at each, also where the condition does not."""
    if isinstance(shape, Written):
        kept = []
        for item in shape.items:
            test = condition_of(condition(item.value))
            if item.raises and not _computes(test, item):
                return chosen(listed(shape), condition)
            if test.is_constant:
                if test.constant:
                    kept.append(item)
                continue
            there = test if item.there is None else connective("and", item.there, test)
            kept.append(evolve(item, there=there))
        return Written(tuple(kept))
    if isinstance(shape, Scalar):
        each, test = lambda_of(item_of(shape), lambda item: condition_of(condition(item)))
        sql = t.function("list_filter", shape.use, each)
        return evolve(shape, sql=sql, raises=shape.raises or test.raises)
    return shape.chosen(condition)


def _computes(test: Scalar, item: Item) -> bool:
    """Whether a condition computes the item that it is for."""
    if item.there is not None and item.there.raises:
        return False
    return not test.is_constant and any(node == item.term().sql for node in test.sql.walk())


#: How many functions of the engine's lists stand around what is translated: each has a variable of its own.
_DEPTH: ContextVar[int] = ContextVar("depth", default=0)


def lambda_of(item: Scalar, build: Callable[[Scalar], Scalar]) -> tuple[Any, Scalar]:
    """A function for the engine's lists, and its result."""
    depth = _DEPTH.get()
    token = _DEPTH.set(depth + 1)
    try:
        variable = exp.to_identifier(f"v{depth}")
        made = build(evolve(item, sql=variable, raises=False, constant=t.VARIES, conjuncts=()))
    finally:
        _DEPTH.reset(token)
    return exp.Lambda(this=made.sql, expressions=[variable], colon=True), made


def let(sql: Any, body: Callable[[Any], Any]) -> Any:
    """An expression that uses another one several times and computes it once."""
    each, _ = lambda_of(Scalar(sql, "any", ""), lambda held: Scalar(body(held.sql), "any", ""))
    once = t.function("list_transform", t.function("list_value", sql), each)
    return t.function("list_extract", once, t.whole(1))


def over(list: Any, body: Callable[[Any], Any], name: str = "list_transform") -> Any:
    """A function of the engine over a list, for expressions that are put together from the engine's functions."""
    each, _ = lambda_of(Scalar(list, "any", ""), lambda held: Scalar(body(held.sql), "any", ""))
    return t.function(name, list, each)


def indexed(list: Any, body: Any, name: str = "list_transform") -> Any:
    """A function of the engine over a list, of each item and its place from 1."""
    depth = _DEPTH.get()
    token = _DEPTH.set(depth + 1)
    try:
        variables = [exp.to_identifier(f"v{depth}"), exp.to_identifier(f"i{depth}")]
        made = body(*variables)
    finally:
        _DEPTH.reset(token)
    return t.function(name, list, exp.Lambda(this=made, expressions=variables, colon=True))


def structure(*values: Any) -> Any:
    """A struct of the engine with the fields c1, c2 …"""
    return exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier(f"c{i}"), expression=value)
            for i, value in enumerate(values, 1)
        ]
    )


def part(structure: Any, number: int) -> Any:
    """A field of such a struct."""
    return t.function("struct_extract", structure, exp.Literal.string(f"c{number}"))


def element(list: Any, place: Any) -> Any:
    """An item of a list, counted from 1."""
    return t.function("list_extract", list, place)


# ---------------------------------------------------------------- lists of the engine


def listed(shape: Shape) -> Scalar:
    """Any list as a list of the engine."""
    if isinstance(shape, Scalar):
        return shape
    if not isinstance(shape, Written):
        return cast("Taken", shape).listed()
    if shape.fixed:
        return items([item.term() for item in shape.items])
    terms = alike([item.term() for item in shape.items])
    whole = items(terms)
    parts = []
    for item, term in zip(shape.items, terms, strict=True):
        one = t.function("list_value", term.use)
        parts.append(
            one if item.there is None else t.case((item.there.use, one), otherwise=exp.Array(expressions=[]))
        )
    conditions = [item.there for item in shape.items if item.there is not None]
    raises = whole.raises or any(c.raises for c in conditions)
    return evolve(whole, sql=t.function("list_concat", *parts), raises=raises)


def alike(terms: list[Scalar]) -> list[Scalar]:
    """Terms in one kind and SQL type."""
    if not terms:
        raise Unfoldable("a list without items")
    first = terms[0]
    for term in terms[1:]:
        first, _ = unify(first, term)
    return [unify(first, term)[1] for term in terms]


def common(columns: list[Scalar]) -> Scalar:
    """What is known of the items of several lists."""
    held = [item_of(x) for x in columns]
    return evolve(
        held[0], nullable=any(x.nullable for x in held), nonan=all(x.nonan for x in held),
        int53=all(x.int53 for x in held), ascii=all(x.ascii for x in held), largest=None, natural=False,
    )  # fmt: skip


def no_nan(column: Scalar, what: str) -> Scalar:
    """A list of numbers without NaN; with one the query stops."""
    item = item_of(column)
    if item.kind != "number" or item.nonan:
        return column
    odd = over(column.use, lambda v: t.function("coalesce", t.function("isnan", v), exp.false()))
    sql = t.unless(t.function("list_contains", odd, exp.true()), column.use)
    return evolve(column, sql=sql, raises=True, inside=Items(evolve(item, nonan=True)))
