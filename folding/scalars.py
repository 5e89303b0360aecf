"""M row functions as SQL: from the syntax tree of `each [a] + 1` to a typed term.

`Translator` knows what the function's variables mean (the row, the cell, captured
values, inner lets) and walks the body; one method per kind of node, found by the node's
class name.  Library functions are looked up in `functions/`.  Whatever has no exact form
raises `Unfoldable` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.constants import evaluated
from folding.meanings import Closure, Hidden, Lazy, Row, as_term, record_of
from folding.mixed import bound
from folding.operators import (
    ORDER,
    alternatives,
    arithmetic,
    coalesce,
    computing,
    connective,
    equality,
    joined,
    logical_not,
    ordering,
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


class Translator:
    """Translates expressions of one function body; ``names`` are parameters and inner lets."""

    __slots__ = ("depth", "function", "names")

    def __init__(self, function: Function | None, names: Mapping[str, Any], depth: int = 0) -> None:
        self.function, self.names, self.depth = function, names, depth

    def scoped(self, names: Mapping[str, Any]) -> Translator:
        """A translator of a part in which more names are known."""
        return Translator(self.function, names, self.depth)

    def binding(self, bindings: tuple[nodes.Binding, ...]) -> Translator:
        """A translator in which variables see each other; an initialiser does not see its own name."""
        own = {binding.name for binding in bindings}
        names = {name: found for name, found in self.names.items() if name.removeprefix("@") not in own}
        for binding in bindings:
            seen: Mapping[str, Any] = names
            if binding.name in self.names:
                seen = Hidden(names, self.names, binding.name)
            names[binding.name] = Lazy(binding.value, self.scoped(seen))
        return self.scoped(names)

    # ------------------------------------------------------------ names

    def meaning(self, name: str, inclusive: bool = False) -> Any:
        """What a name (with `@`, if ``inclusive``) stands for: a `Scalar`, a `Row`, or an M value."""
        if name in self.names:
            found = self.names[name]
            return found.meaning() if found.__class__ is Lazy else found
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
            if inclusive:  # the name of what is being made
                raise Unfoldable(f"a function that calls itself ({name})") from None
            raise Unfoldable(f"'{name}' is not known to folding") from None

    def any(self, node: nodes.Node) -> Any:
        """What an expression stands for: a term, or a record, function, type or other value that is none."""
        while isinstance(node, nodes.Parenthesized):
            node = node.inner
        method = getattr(self, "any_" + node.__class__.__name__, None)
        return self.scalar(node) if method is None else method(node)

    def any_Name(self, node: nodes.Name) -> Any:
        marked = "@" + node.name
        return self.meaning(marked if node.inclusive and marked in self.names else node.name, node.inclusive)

    def any_Function(self, node: nodes.Function | nodes.Each) -> Any:
        return Closure(node, self)

    any_Each = any_Function

    def any_Type(self, node: nodes.Type) -> Any:
        return evaluated(self, node)

    def any_Let(self, node: nodes.Let) -> Any:
        return self.binding(node.bindings).any(node.body)

    def any_If(self, node: nodes.If) -> Any:
        """Of a constant condition only that branch counts."""
        condition = self.scalar(node.condition)
        if condition.is_constant and condition.constant.__class__ is bool:
            return self.any(node.then if condition.constant else node.otherwise)
        return self._chosen(condition, node)

    def any_Record(self, node: nodes.Record) -> Any:
        if len({entry.name for entry in node.entries}) < len(node.entries):
            raise Unfoldable("a record with a field given twice")
        inner = self.binding(node.entries)
        return record_of({entry.name: inner.names[entry.name] for entry in node.entries})

    def any_Binary(self, node: nodes.Binary) -> Any:
        from folding.records import combined, record_in

        if node.operator == "meta":
            return self.any(node.left)
        if node.operator != "&":
            return self.scalar(node)
        left, right = self.any(node.left), self.any(node.right)
        records = record_in(left), record_in(right)
        if records[0] is not None and records[1] is not None:
            return combined([records[0], records[1]])
        left, right = as_term(left), as_term(right)
        if left.kind == right.kind == "any":
            from folding.functions.list_sets import concatenated

            return concatenated([left, right])
        return joined(left, right)

    def any_FieldAccess(self, node: nodes.FieldAccess) -> Any:
        from folding.functions.list_tables import part_of
        from folding.records import accessed

        part = None if node.target is None else part_of(self, node)
        if part is not None:
            return part
        target = self.meaning("_") if node.target is None else self.any(node.target)
        return accessed(target, node.name, node.optional)

    def any_Projection(self, node: nodes.Projection) -> Any:
        from folding.records import projected

        target = self.meaning("_") if node.target is None else self.any(node.target)
        return projected(target, node.names, node.optional)

    def any_Try(self, node: nodes.Try) -> Any:
        from folding.attempts import attempt, attempted

        return attempt(self, node) if node.otherwise is None and node.catch is None else attempted(self, node)

    def scalar(self, node: nodes.Node) -> Scalar:
        """The expression as a typed term."""
        method = getattr(self, "on_" + node.__class__.__name__, None)
        if method is None and hasattr(self, "any_" + node.__class__.__name__):
            return as_term(self.any(node))
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
            if value.__class__ not in (Scalar, Row, Closure):
                return value
        if isinstance(node, nodes.Record):
            return {entry.name: self.constant(entry.value) for entry in node.entries}
        if isinstance(node, (nodes.FieldAccess, nodes.ItemAccess)):
            term = self.scalar(node)
            if term.is_constant:
                return term.constant
        return evaluated(self, node)

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
            return evaluated(self, node)
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

    def on_List(self, node: nodes.List) -> Scalar:
        from folding.structures import items

        if any(isinstance(item, nodes.Range) for item in node.items):
            from folding.functions.list_rules import ranged

            return ranged(self, node)
        return items([self.scalar(item) for item in node.items])

    def any_ItemAccess(self, node: nodes.ItemAccess) -> Any:
        from folding.functions.list_tables import row_at
        from folding.lookups import item

        row = row_at(self, node)
        return item(self, node) if row is None else row

    def any_Invocation(self, node: nodes.Invocation) -> Any:
        from folding.calls import called
        from folding.functions import Call, form_of, formed
        from folding.functions.records import RECORDS

        function = self._called(node.function)
        builtin = function.spec.builtin if function.__class__ is Function and function.spec else None
        if builtin is not None and builtin.name in _CONSTRUCTORS:
            try:
                return t.literal(self._constant_call(node))
            except Unfoldable:
                if form_of(builtin.name) is None:
                    raise  # else it may be made of the row
        found = self.once(node)
        if found is not None:
            return found[0]
        if function.__class__ is Closure or (builtin is None and function.spec and function.spec.node):
            name = node.function.name if isinstance(node.function, nodes.Name) else ""
            return called(function, [self.any(a) for a in node.arguments], self.depth + 1, name)
        if builtin is None:
            return self._made(function, node)
        call = Call(builtin.name, self, node.arguments)
        form = form_of(builtin.name)
        if form is not None and node.arguments:
            try:
                return t.literal(self._computed(function, node))
            except (Unfoldable, TypeError):
                pass  # it depends on the row
        if builtin.name in RECORDS:
            return RECORDS[builtin.name](call)
        if form is None:
            raise Unfoldable(f"{builtin.name} has no exact SQL form")
        return formed(form, call)

    def _made(self, function: Function, node: nodes.Invocation) -> Scalar:
        """A call of a splitter or combiner."""
        from folding.makers import called_maker, combined_texts

        given = node.arguments[0] if len(node.arguments) == 1 else None
        name = (function.spec.name if function.spec is not None else None) or ""
        if isinstance(given, nodes.List) and name.startswith("Combiner."):
            return combined_texts(function, [self.scalar(item) for item in given.items])
        return called_maker(function, [self.any(a) for a in node.arguments])

    def once(self, node: nodes.Node) -> tuple[Any] | None:
        """The value of an expression that the interpreter computes once; None where it depends on the row."""
        try:
            value = evaluated(self, node)
            return (t.literal(value) if kind_of(value) not in _COMPOUND else value,)
        except (Unfoldable, TypeError):
            return None

    def _called(self, node: nodes.Node) -> Any:
        function = self.any(node)
        if function.__class__ is Closure:
            return function
        if function.__class__ is not Function or function.spec is None:
            raise Unfoldable("a call of something that is not a known function")
        return function

    # ------------------------------------------------------------ operators

    def on_Unary(self, node: nodes.Unary) -> Scalar:
        value = self.scalar(node.operand)
        if node.operator == "not":
            return logical_not(value)
        if value.kind == "duration" and node.operator == "-":
            return typed(exp.Neg(this=t.operand(value.use)), "duration", "BIGINT", value)
        value = need(t.of_kind(value, "number"), "number")
        if node.operator == "+":
            return value
        if value.is_constant and value.constant is not None:
            return t.literal(-value.constant)
        value = t.kept(value)
        return typed(
            exp.Neg(this=t.operand(t.as_double(value))), "number", "DOUBLE", value, nonan=value.nonan
        )

    def on_Binary(self, node: nodes.Binary) -> Scalar:
        operator = node.operator
        if operator in ("meta", "&"):
            return as_term(self.any_Binary(node))
        left, right = self.scalar(node.left), self.scalar(node.right)
        if operator in _KNOWN and left.is_constant and right.is_constant:
            try:
                return as_term(_known(_KNOWN[operator], left.constant, right.constant))
            except Unfoldable:
                pass  # a constant that the engine has to make
        if operator in ("and", "or"):
            return connective(operator, left, right)
        if operator in ("=", "<>"):
            return equality(left, right, operator == "<>")
        if operator in ORDER:
            return ordering(operator, left, right)
        if operator == "??":
            return coalesce(left, right)
        return arithmetic(operator, left, right)

    def any_TypeTest(self, node: nodes.TypeTest) -> Any:
        from folding.calls import checked, fits

        value = self.any(node.operand)
        return (
            checked(value, node.type)
            if node.operator == "as"
            else fits(value, node.type.name, node.type.nullable)
        )

    # ------------------------------------------------------------ forms

    def on_Error(self, node: nodes.Error) -> Scalar:
        """The query stops there: which error it is says the interpreter."""
        return t.failure()

    def on_NotImplementedNode(self, node: nodes.NotImplementedNode) -> Scalar:
        return t.failure()

    def _chosen(self, condition: Scalar, node: nodes.If) -> Scalar:
        condition = need(t.of_kind(condition, "logical"), "logical")
        then, otherwise = alternatives(self.scalar(node.then), self.scalar(node.otherwise))
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
            ascii=then.ascii and otherwise.ascii, inside=then.inside, largest=bound(then, otherwise),
        )  # fmt: skip
        # of two alternatives that it knows to be the same, the engine makes one
        alike = (then.nullable and otherwise.nullable) or then.sql == otherwise.sql
        return computing(made, condition) if condition.raises and alike else made


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
    "+": operators.add, "-": operators.subtract, "*": operators.multiply, "/": operators.divide,
    "=": equal, "<>": lambda a, b: not equal(a, b), "<": operators.less, "<=": operators.less_equal,
    ">": operators.greater, ">=": operators.greater_equal,
}  # fmt: skip


def _known(operator: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    try:
        return operator(left, right)
    except MError:
        raise Unfoldable("a constant that raises") from None


def _forced(value: Any) -> Any:
    try:
        return force(value)
    except MError:
        raise Unfoldable("a variable whose value is an error") from None


#: Kinds of values that are no cells.
_COMPOUND = frozenset({"list", "record", "table", "function", "type", "binary"})


def inline(function: Function, arguments: list[Any], depth: int = 0) -> Scalar:
    """The body of a function written in M as a term, with the meanings of its arguments put in."""
    from folding.calls import called

    return as_term(called(function, arguments, depth))


def apply_closure(function: Closure, arguments: list[Any]) -> Scalar:
    """A call of a function written inside the row function."""
    from folding.calls import called

    return as_term(called(function, arguments, function.scope.depth + 1))
