"""M row functions as SQL: from the syntax tree of `each [a] + 1` to a typed term.

`Translator` knows what the function's variables mean (the row, the cell, captured
values, inner lets) and walks the body; one method per kind of node, found by the node's
class name.  Library functions are looked up in `functions/`.  Whatever has no exact form
raises `Unfoldable` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.operators import (
    ORDER,
    arithmetic,
    coalesce,
    computing,
    connective,
    equality,
    joined,
    logical_not,
    null_test,
    ordering,
    unify,
)
from folding.terms import Scalar, Unfoldable, need, typed
from mlang import registry
from mlang.errors import MError
from mlang.syntax import nodes
from mlang.values import operators
from mlang.values.compare import equal
from mlang.values.functions import Function, captured, member_of
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import MType, conforms

#: How deep helper functions written in M may call each other.
DEEPEST = 20
#: Larger expressions are not folded: the text would explode.
LARGEST = 3000


class Row:
    """The row record of a row function: columns by name, and their names in order."""

    __slots__ = ("field", "names")

    def __init__(self, field: Callable[[str], Scalar | None], names: tuple[str, ...] = ()) -> None:
        self.field, self.names = field, names


class Lazy:
    """A let variable: translated where it is used."""

    __slots__ = ("node", "scope")

    def __init__(self, node: nodes.Node, scope: Translator) -> None:
        self.node, self.scope = node, scope


class Closure:
    """A function written inside the row function."""

    __slots__ = ("node", "scope")

    def __init__(self, node: nodes.Function | nodes.Each, scope: Translator) -> None:
        self.node, self.scope = node, scope


class Translator:
    """Translates expressions of one function body; ``names`` are parameters and inner lets."""

    __slots__ = ("depth", "function", "names")

    def __init__(self, function: Function | None, names: dict[str, Any], depth: int = 0) -> None:
        self.function, self.names, self.depth = function, names, depth

    def scoped(self, names: dict[str, Any]) -> Translator:
        """A translator of a part in which more names are known."""
        return Translator(self.function, names, self.depth)

    # ------------------------------------------------------------ names

    def meaning(self, name: str) -> Any:
        """What a name stands for: a `Scalar`, a `Row`, or an M value."""
        if name in self.names:
            found = self.names[name]
            if found.__class__ is Lazy:
                return found.scope.any(found.node)
            return found
        if self.function is not None:
            try:
                return strip(_forced(captured(self.function, name)))
            except KeyError:
                member = member_of(self.function, name)
            if member is not None:
                return strip(_forced(member))
        try:
            return registry.value_of(name)
        except KeyError:
            raise Unfoldable(f"'{name}' is not known to folding") from None

    def any(self, node: nodes.Node) -> Any:
        """What an expression stands for: names and parentheses looked through, else a term."""
        while isinstance(node, nodes.Parenthesized):
    def binding(self, bindings: tuple[nodes.Binding, ...]) -> Translator:
        """A translator in which variables see each other; an initialiser does not see its own name."""
        own = {binding.name for binding in bindings}
        names = {name: found for name, found in self.names.items() if name.removeprefix("@") not in own}
        for binding in bindings:
            seen: Mapping[str, Any] = names
            if binding.name in self.names:
                seen = _Hidden(names, self.names, binding.name)
            names[binding.name] = Lazy(binding.value, self.scoped(seen))
        return self.scoped(names)

            node = node.inner
        if isinstance(node, nodes.Name):
            return self.meaning(node.name)
        if isinstance(node, (nodes.Function, nodes.Each)):
            return Closure(node, self)
        return self.scalar(node)

    def scalar(self, node: nodes.Node) -> Scalar:
        """The expression as a typed term."""
        method = getattr(self, "on_" + node.__class__.__name__, None)
        if method is None:
            raise Unfoldable(f"the expression form {node.__class__.__name__} has no SQL form")
        result: Scalar = method(node)
        return result

    def constant(self, node: nodes.Node) -> Any:
        """The M value of an expression that does not depend on the row."""
        while isinstance(node, nodes.Parenthesized):
            node = node.inner
        if isinstance(node, nodes.Literal):
            return node.value
        if isinstance(node, nodes.List):
            return [value for item in node.items for value in self._items(item)]
        if isinstance(node, nodes.Unary) and node.operator == "-":
            value = self.constant(node.operand)
            if value.__class__ is float:
                return -value
        if isinstance(node, nodes.Invocation) and isinstance(node.function, nodes.Name):
            return self._constant_call(node)
        if isinstance(node, nodes.Name):
            value = self.meaning(node.name)
            if value.__class__ is Scalar and value.is_constant:
                return value.constant
            if value.__class__ not in (Scalar, Row):
                return value
        if isinstance(node, nodes.Record):
            return {entry.name: self.constant(entry.value) for entry in node.entries}
        if isinstance(node, (nodes.FieldAccess, nodes.ItemAccess)):
            term = self.scalar(node)
            if term.is_constant:
                return term.constant
        raise Unfoldable("an argument that is not a constant")

    def _items(self, node: nodes.Node) -> list[Any]:
        """One item of a constant list, or a short range of numbers or letters."""
        if not isinstance(node, nodes.Range):
            return [self.constant(node)]
        first, last = self.constant(node.first), self.constant(node.last)
        if (
            first.__class__ is float
            and last.__class__ is float
            and first.is_integer()
            and 0 <= last - first < 2000
        ):
            return [first + i for i in range(int(last - first) + 1)]
        if first.__class__ is str and last.__class__ is str and len(first) == len(last) == 1:
            return [chr(c) for c in range(ord(first), ord(last) + 1)]
        raise Unfoldable("a range that is not short and constant")

    def _constant_call(self, node: nodes.Invocation) -> Any:
        from folding.functions import form_of

        function = self.meaning(node.function.name)  # type: ignore[attr-defined]
        builtin = function.spec.builtin if function.__class__ is Function and function.spec else None
        if builtin is None or (builtin.name not in _CONSTRUCTORS and form_of(builtin.name) is None):
            raise Unfoldable("an argument that is not a constant")
        return self._computed(function, node)

    def _computed(self, function: Function, node: nodes.Invocation) -> Any:
        """A call of a library function whose arguments are constants."""
        arguments = [self.constant(a) for a in node.arguments]
        if any(kind_of(a) in ("table", "function") for a in arguments):
            raise Unfoldable("an argument that is not a constant")
        try:
            return strip(function.fn(*arguments))
        except MError:
            raise Unfoldable("a constant that raises") from None

    # ------------------------------------------------------------ primary expressions

    def on_Literal(self, node: nodes.Literal) -> Scalar:
        return t.literal(node.value)

    def on_Parenthesized(self, node: nodes.Parenthesized) -> Scalar:
        return self.scalar(node.inner)

    def on_Name(self, node: nodes.Name) -> Scalar:
        return as_term(self.meaning(node.name))

    def on_FieldAccess(self, node: nodes.FieldAccess) -> Scalar:
        if node.target is not None:
            from folding.functions.list_tables import part_of

            part = part_of(self, node)
            if part is not None:
                return part
        target = self.meaning("_") if node.target is None else self.any(node.target)
        if target.__class__ is Row:
            found: Scalar | None = target.field(node.name)
            if found is not None:
                return found
            if node.optional:
                return t.null()
            raise Unfoldable(f"there is no column '{node.name}'")
        if target.__class__ is dict and node.name in target:
            return as_term(strip(_forced(target[node.name])))
        if target.__class__ is Scalar and target.inside is not None:
            return _field(target, node)
        raise Unfoldable("access to a field of something that is not the row")

    def on_Record(self, node: nodes.Record) -> Scalar:
        """A record of terms; fields see each other."""
        from folding.structures import record

        inner = self.scoped(dict(self.names))
        for entry in node.entries:
            inner.names[entry.name] = Lazy(entry.value, inner)
        names = [entry.name for entry in node.entries]
        return record(names, [as_term(inner.meaning(name)) for name in names])

    def on_List(self, node: nodes.List) -> Scalar:
        from folding.structures import items

        if any(isinstance(item, nodes.Range) for item in node.items):
            from folding.functions.list_rules import ranged

            return ranged(self, node)
        return items([self.scalar(item) for item in node.items])

    def on_ItemAccess(self, node: nodes.ItemAccess) -> Scalar:
        from folding.structures import item_at

        index = self.constant(node.index)
        if index.__class__ is not float or index < 0 or not index.is_integer() or index > 1e6:
            raise Unfoldable("an item at a place that is no constant whole number")
        target = self.any(node.target)
        if target.__class__ is list and index < len(target):
            return as_term(strip(_forced(target[int(index)])))
        return item_at(as_term(target), int(index), node.optional)

    def on_Invocation(self, node: nodes.Invocation) -> Scalar:
        from folding.functions import Call, form_of, formed

        function = self._called(node.function)
        if function.__class__ is Closure:
            return apply_closure(function, [self.any(a) for a in node.arguments])
        if function.__class__ is not Function or function.spec is None:
            raise Unfoldable("a call of something that is not a known function")
        if function.spec.builtin is not None:
            name = function.spec.builtin.name
            if name in _CONSTRUCTORS:
                try:
                    return t.literal(self._constant_call(node))
                except Unfoldable:
                    if form_of(name) is None:
                        raise  # else it may be made of the row
            form = form_of(name)
            if form is not None and node.arguments:
                try:
                    return t.literal(self._computed(function, node))
                except (Unfoldable, TypeError):
                    pass  # it depends on the row
            if form is None:
                raise Unfoldable(f"{name} has no exact SQL form")
            return formed(form, Call(name, self, node.arguments))
        if function.spec.node is None:
            raise Unfoldable("a call of a function that the library made")
        return inline(function, [self.any(a) for a in node.arguments], self.depth + 1)

    def _called(self, node: nodes.Node) -> Any:
        while isinstance(node, nodes.Parenthesized):
            node = node.inner
        return self.any(node) if isinstance(node, (nodes.Name, nodes.Function, nodes.Each)) else None

    def on_Let(self, node: nodes.Let) -> Scalar:
        inner = self.scoped(dict(self.names))
        for binding in node.bindings:
            inner.names[binding.name] = Lazy(binding.value, inner)
        result = inner.scalar(node.body)
        if t.size(result.sql) > LARGEST:
            raise Unfoldable("the expression is too large")
        return result

    # ------------------------------------------------------------ operators

    def on_Unary(self, node: nodes.Unary) -> Scalar:
        value = self.scalar(node.operand)
        if node.operator == "not":
            return logical_not(value)
        if value.kind == "duration" and node.operator == "-":
            return typed(exp.Neg(this=t.operand(value.use)), "duration", "BIGINT", value)
        need(value, "number")
        if node.operator == "+":
            return value
        if value.is_constant and value.constant is not None:
            return t.literal(-value.constant)
        return typed(
            exp.Neg(this=t.operand(t.as_double(value))), "number", "DOUBLE", value, nonan=value.nonan
        )

    def on_Binary(self, node: nodes.Binary) -> Scalar:
        operator = node.operator
        if operator == "meta":
            return self.scalar(node.left)
        left, right = self.scalar(node.left), self.scalar(node.right)
        if operator in _KNOWN and left.is_constant and right.is_constant:
            return as_term(_known(_KNOWN[operator], left.constant, right.constant))
        if operator in ("and", "or"):
            return connective(operator, left, right)
        if operator in ("=", "<>"):
            return equality(left, right, operator == "<>")
        if operator in ORDER:
            return ordering(operator, left, right)
        if operator == "??":
            return coalesce(left, right)
        if operator == "&" and left.kind == right.kind == "any":
            from folding.functions.list_sets import concatenated

            return concatenated([left, right])
        if operator == "&":
            return joined(left, right)
        return arithmetic(operator, left, right)

    def on_TypeTest(self, node: nodes.TypeTest) -> Scalar:
        value = self.scalar(node.operand)
        if value.kind in ("any", "null"):
            raise Unfoldable("a type test of a value of unknown kind")
        fits = conforms(value.kind, node.type.name, node.type.nullable)
        null_fits = conforms("null", node.type.name, node.type.nullable)
        if node.operator == "as":
            if fits and (null_fits or not value.nullable):
                return value
            raise Unfoldable("a type assertion that can fail")
        if fits and null_fits:
            return typed(exp.true(), "logical", "BOOLEAN", nullable=False)
        if not fits and not null_fits:
            return typed(exp.false(), "logical", "BOOLEAN", nullable=False)
        test = null_test(value)
        if fits:
            test = t.negation(test)
        return typed(test, "logical", "BOOLEAN", value, nullable=False)

    # ------------------------------------------------------------ forms

    def on_If(self, node: nodes.If) -> Scalar:
        condition = need(self.scalar(node.condition), "logical")
        then, otherwise = unify(self.scalar(node.then), self.scalar(node.otherwise))
        if condition.is_constant and condition.constant is not None:
            return then if condition.constant else otherwise
        if condition.nullable:  # a null condition raises
            sql = t.case(
                (condition.use, then.use), (t.negation(condition.use), otherwise.use), otherwise=t.error()
            )
        else:
            sql = t.case((condition.use, then.use), otherwise=otherwise.use)
        made = typed(
            sql, then.kind, then.storage, nullable=then.nullable or otherwise.nullable,
            raises=condition.nullable or condition.raises or then.raises or otherwise.raises,
            nonan=then.nonan and otherwise.nonan, int53=then.int53 and otherwise.int53,
            ascii=then.ascii and otherwise.ascii,
        )  # fmt: skip
        # of two alternatives that it knows to be the same, the engine makes one
        alike = (then.nullable and otherwise.nullable) or then.sql == otherwise.sql
        return computing(made, condition) if condition.raises and alike else made

    def on_Try(self, node: nodes.Try) -> Scalar:
        """Where the engine stops, the interpreter runs the row's function: the handler is its work, too."""
        body = self.scalar(node.body)
        if node.otherwise is None:
            raise Unfoldable("try around something that can fail")
        if not body.raises:
            return body
        body, handler = unify(body, self.scalar(node.otherwise))
        return typed(
            body.sql, body.kind, body.storage, nullable=body.nullable or handler.nullable, raises=handler.raises,
            nonan=body.nonan and handler.nonan, int53=body.int53 and handler.int53,
            ascii=body.ascii and handler.ascii,
        )  # fmt: skip


#: Constructors of constants; variables are the same for a whole evaluation.
_CONSTRUCTORS = frozenset(
    {
        "#date", "#datetime", "#datetimezone", "#time", "#duration", "Variable.Value", "Variable.ValueOrDefault",
        # the clock: read once, as by an engine
        "DateTime.LocalNow", "DateTime.FixedLocalNow", "DateTimeZone.UtcNow", "DateTimeZone.FixedUtcNow",
        "DateTimeZone.LocalNow", "DateTimeZone.FixedLocalNow",
    }
)  # fmt: skip


#: Operators of two constants; their answer is a constant, too.
_KNOWN = {
    "=": equal, "<>": lambda a, b: not equal(a, b), "<": operators.less, "<=": operators.less_equal,
    ">": operators.greater, ">=": operators.greater_equal,
}  # fmt: skip


def _known(operator: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    try:
        return operator(left, right)
    except MError:
        raise Unfoldable("a constant that raises") from None


def _field(target: Scalar, node: nodes.FieldAccess) -> Scalar:
    """A field of a record in a cell."""
    from folding.related import RelatedRows
    from folding.structures import Fields

    if isinstance(target.inside, RelatedRows):
        return target.inside.field(target, node.name, node.optional)
    if not isinstance(target.inside, Fields):
        raise Unfoldable("access to a field of something that is not a record")
    if target.nullable:
        raise Unfoldable("a field of a record that may be null")
    found = target.inside.field(target, node.name)
    if found is None and not node.optional:
        raise Unfoldable(f"there is no field '{node.name}'")
    return t.null() if found is None else found


def _forced(value: Any) -> Any:
    try:
        return force(value)
    except MError:
        raise Unfoldable("a variable whose value is an error") from None


def as_term(value: Any) -> Scalar:
    """A name's meaning as a term."""
    if value.__class__ is Scalar:
        term: Scalar = value
        return term
    if value.__class__ in (Row, Function, list, dict) or isinstance(value, MType):
        raise Unfoldable("a row, function, list, record or type used as a cell")
    try:
        return t.literal(value)
    except TypeError:
        raise Unfoldable("a value that SQL cannot hold") from None


def inline(function: Function, arguments: list[Any], depth: int = 0) -> Scalar:
    """The body of a function written in M, with the meanings of its arguments put in."""
    node = function.spec.node if function.spec is not None else None
    if node is None or depth > DEEPEST:
        raise Unfoldable("a function whose body is not known")
    if isinstance(node, nodes.Each):
        names = {"_": arguments[0]} if len(arguments) == 1 else None
        body: nodes.Node = node.body
    else:
        names = _bound(node, arguments)
        body = node.body
    if names is None:
        raise Unfoldable("a call with the wrong number of arguments")
    result = Translator(function, names, depth).scalar(body)
    if t.size(result.sql) > LARGEST:
        raise Unfoldable("the expression is too large")
    if isinstance(node, nodes.Function) and node.result is not None:
        _check(result, node.result)
    return result


def apply_closure(function: Closure, arguments: list[Any]) -> Scalar:
    """A call of a function written inside the row function."""
    from folding.calls import called

    return as_term(called(function, arguments, function.scope.depth + 1))


class _Hidden(Mapping[str, Any]):
    """The names that an initialiser sees: its own means what it means outside, with an @ itself."""

    def __init__(self, names: Mapping[str, Any], outer: Mapping[str, Any], own: str) -> None:
        self.inner, self.outer, self.own = names, outer, own

    def __getitem__(self, name: str) -> Any:
        if name == "@" + self.own:
            return self.inner[self.own]
        return (self.outer if name == self.own else self.inner)[name]

    def __iter__(self) -> Iterator[str]:
        yield "@" + self.own
        yield from self.inner

    def __len__(self) -> int:
        return len(self.inner) + 1
