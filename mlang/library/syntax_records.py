"""Syntax trees as M records: what RowExpression.From and ItemExpression.From give (FUN-06).

The nodes are Constant, Invocation, Unary, Binary, If and FieldAccess; lets and
parentheses vanish, captured variables and library names become constants.  The row itself is
an invocation without arguments of a function that nobody can call (`ROW`).
"""

from __future__ import annotations

from typing import Any

from mlang import errors, registry
from mlang.errors import MError
from mlang.syntax import nodes
from mlang.values import operators
from mlang.values.functions import Function, apply, captured, native
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import primitive

_BINARY = {
    "+": "Add", "-": "Subtract", "*": "Multiply", "/": "Divide", "&": "Concatenate", "=": "Equals",
    "<>": "NotEquals", "<": "LessThan", "<=": "LessThanOrEquals", ">": "GreaterThan",
    ">=": "GreaterThanOrEquals", "and": "And", "or": "Or", "??": "Coalesce",
}  # fmt: skip
_UNARY = {"not": "Not", "-": "Negative", "+": "Positive"}


def constant(value: Any) -> dict[str, Any]:
    """The node of a value."""
    return {"Kind": "Constant", "Value": value}


def invocation(function: Any, arguments: list[Any]) -> dict[str, Any]:
    """The node of a call of a function value."""
    return {"Kind": "Invocation", "Function": constant(function), "Arguments": arguments}


def _row() -> Any:
    raise errors.no_row()


ROW = invocation(native(_row), [])


def column(name: str) -> dict[str, Any]:
    """The node of a column of the row."""
    return {"Kind": "FieldAccess", "Expression": ROW, "MemberName": name}


def tree(function: Function) -> dict[str, Any]:
    """The body of a function of one parameter as records."""
    spec = function.spec
    node = spec.node if spec is not None else None
    if isinstance(node, nodes.Each):
        return _Writer(function, {"_": ROW}).write(node.body)
    if isinstance(node, nodes.Function) and len(node.parameters) == 1:
        return _Writer(function, {node.parameters[0].name: ROW}).write(node.body)
    raise errors.no_row_expression("it isn't a function of one parameter written in M")


class _Writer:
    """Writes nodes as records; ``names`` are the parameter and the variables of inner lets."""

    def __init__(self, function: Function, names: dict[str, Any]) -> None:
        self.function, self.names = function, names

    def write(self, node: nodes.Node) -> dict[str, Any]:
        """The record of an expression."""
        while isinstance(node, nodes.Parenthesized):
            node = node.inner
        method = getattr(self, "on_" + node.__class__.__name__, None)
        if method is None:
            raise errors.no_row_expression(f"it has an expression of the form {node.__class__.__name__}")
        record: dict[str, Any] = method(node)
        return record

    def on_Literal(self, node: nodes.Literal) -> dict[str, Any]:
        return constant(node.value)

    def on_Name(self, node: nodes.Name) -> dict[str, Any]:
        found = self.names.get(node.name)
        if found is not None:
            return found() if callable(found) else found  # type: ignore[no-any-return]
        return constant(self._outer(node.name))

    def _outer(self, name: str) -> Any:
        """What a name means that the function did not define."""
        try:
            return force(captured(self.function, name))
        except KeyError:
            pass
        spec = self.function.spec
        unit = spec.document if spec is not None else None
        if unit is not None:
            from mlang.compile.entry import Environment

            found = Environment(unit.document, unit.section).find(name)
            if found is not None:
                return force(found.value) if found.builtin is None else unit.builtin_value(found.builtin)
        raise errors.unknown_name(name)

    def on_Let(self, node: nodes.Let) -> dict[str, Any]:
        inner = _Writer(self.function, dict(self.names))
        for binding in node.bindings:
            inner.names[binding.name] = _Once(inner, binding.value)
        return inner.write(node.body)

    def on_FieldAccess(self, node: nodes.FieldAccess) -> dict[str, Any]:
        target = self.names["_"] if node.target is None and "_" in self.names else None
        if node.target is not None:
            target = self.write(node.target)
        if target is None:
            raise errors.no_row_expression("it mentions _ outside each")
        if node.optional:
            function = registry.value_of("Record.FieldOrDefault")
            return invocation(function, [target, constant(node.name)])
        return {"Kind": "FieldAccess", "Expression": target, "MemberName": node.name}

    def on_Unary(self, node: nodes.Unary) -> dict[str, Any]:
        operand = self.write(node.operand)
        if node.operator == "-" and operand["Kind"] == "Constant" and operand["Value"].__class__ is float:
            return constant(operators.negate(operand["Value"]))
        return {"Kind": "Unary", "Operator": _UNARY[node.operator], "Expression": operand}

    def on_Binary(self, node: nodes.Binary) -> dict[str, Any]:
        if node.operator not in _BINARY:
            raise errors.no_row_expression(f"it uses the operator {node.operator}")
        left, right = self.write(node.left), self.write(node.right)
        return {"Kind": "Binary", "Operator": _BINARY[node.operator], "Left": left, "Right": right}

    def on_If(self, node: nodes.If) -> dict[str, Any]:
        return {
            "Kind": "If",
            "Condition": self.write(node.condition),
            "TrueCase": self.write(node.then),
            "FalseCase": self.write(node.otherwise),
        }

    def on_TypeTest(self, node: nodes.TypeTest) -> dict[str, Any]:
        function = registry.value_of("Value.Is" if node.operator == "is" else "Value.As")
        type = primitive(node.type.name, node.type.nullable)
        return invocation(function, [self.write(node.operand), constant(type)])

    def on_Invocation(self, node: nodes.Invocation) -> dict[str, Any]:
        function = self.write(node.function)
        if function["Kind"] != "Constant":
            raise errors.no_row_expression("it calls a function that depends on the row")
        value = strip(function["Value"])
        arguments = [self.write(argument) for argument in node.arguments]
        if _is_constructor(node.function) and all(a["Kind"] == "Constant" for a in arguments):
            return constant(apply(value, *[a["Value"] for a in arguments]))
        return invocation(value, arguments)

    def on_List(self, node: nodes.List) -> dict[str, Any]:
        return constant([self._value(item) for item in node.items])

    def on_Record(self, node: nodes.Record) -> dict[str, Any]:
        return constant({entry.name: self._value(entry.value) for entry in node.entries})

    def _value(self, node: nodes.Node) -> Any:
        """A part of a list or record that must be constant."""
        written = self.write(node)
        if written["Kind"] != "Constant":
            raise errors.no_row_expression("it has a list or record that depends on the row")
        return written["Value"]


class _Once:
    """A let variable: written where it is mentioned first; a cycle is an error."""

    def __init__(self, writer: _Writer, node: nodes.Node) -> None:
        self.writer, self.node, self.busy = writer, node, False
        self.record: dict[str, Any] | None = None

    def __call__(self) -> dict[str, Any]:
        if self.record is None:
            if self.busy:
                raise errors.cyclic_reference()
            self.busy = True
            try:
                self.record = self.writer.write(self.node)
            except MError:
                self.busy = False
                raise
        return self.record


def _is_constructor(node: nodes.Node) -> bool:
    """Whether a function is one of #date, #duration …"""
    return isinstance(node, nodes.Name) and node.name.startswith("#")
