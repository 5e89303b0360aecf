"""Generated code of the expression forms: functions, let, if, error, try, and types."""

from __future__ import annotations

from mlang.compile.branches import reach, settle
from mlang.compile.codegen import MAX_EXPRESSION, MAX_INDENT, MAX_TRY, Frame, Generator, emits, spec_arity
from mlang.compile.expressions import EXACT, constant_value
from mlang.compile.scopes import VALUE, Variable
from mlang.syntax import nodes
from mlang.values.functions import Param, Spec
from mlang.values.types import PRIMITIVES, primitive

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

# ---------------------------------------------------------------- functions


@emits(nodes.Function, nodes.Each)
def _function(g: Generator, node: Any) -> str:
    name = g.fresh("each" if node.__class__ is nodes.Each else "function")
    spec = function_definition(g, node, name, None)
    least, most = spec_arity(node)
    return f"Function({name}, {least}, {most}, {spec})"


def function_definition(g: Generator, node: Any, name: str, variable: Variable | None) -> str:
    """Adds the def of a function expression to the current block; returns the constant of its `Spec`.

    ``variable`` is the let variable or field it is bound to: self tail calls through
    it become a loop when the body makes no closures.
    """
    looping = variable is not None and _loops(g, node, variable)
    frame = None
    if looping:
        from mlang.compile.attempts import attempt, makes_closures

        def write() -> Frame | None:
            made = _function_frame(g, node, variable)
            return None if makes_closures(made.lines) else made

        frame = attempt(g, [node.body], write)
    looping = frame is not None
    if frame is None:
        frame = _function_frame(g, node, None)
    saved, g.pos = g.pos, node.pos
    optional = [False] if node.__class__ is nodes.Each else [p.optional for p in node.parameters]
    names = [v.python for v in g.r.scopes[id(node)]]
    head = ", ".join(n + ("=None" if o else "") for n, o in zip(names, optional, strict=True))
    g.frame.lines += g.function_lines(name, head, frame, None, looping)
    g.pos = saved
    return g.constant(_spec(g, node, name))


def _function_frame(g: Generator, node: Any, looping: Variable | None) -> Frame:
    """The body of a function expression; self tail calls through ``looping`` go round the loop."""
    parameters = g.r.scopes[id(node)]
    frame = Frame(g.frame, False)
    if looping is not None:
        frame.loop, frame.blocks, frame.head = (looping, parameters), 1, []
    saved, g.pos = g.pos, node.pos
    with g.inside(frame):
        g.declare(parameters)
        for parameter in parameters:
            parameter.state = VALUE
            frame.known[parameter] = parameter.python
        declared = () if node.__class__ is nodes.Each else node.parameters
        for p, v in zip(declared, parameters, strict=False):
            _check_parameter(g, p, v)
        _body(g, node.body, None if node.__class__ is nodes.Each else node.result)
    g.pos = saved
    return frame


def _body(g: Generator, body: nodes.Node, result: nodes.PrimitiveType | None) -> None:
    if g.frame.depth <= MAX_INDENT:
        tail(g, body, result)
        return
    from mlang.compile.outline import lift

    g.line(f"return {lift(g, body, result)}")


def _check_parameter(g: Generator, p: nodes.Parameter, v: Variable) -> None:
    declared = p.type
    if not isinstance(declared, nodes.PrimitiveType) or declared.name == "any":
        return
    cls = EXACT.get(declared.name)
    nullable = declared.nullable or p.optional
    call = f"{v.python} = as_kind({v.python}, {g.text(declared.name)}, {nullable})"
    g.line(f"if {v.python}.__class__ is not {cls}: {call}" if cls else call)


def _spec(g: Generator, node: Any, name: str) -> Spec:
    if node.__class__ is nodes.Each:
        parameters: tuple[Param, ...] = (Param("_"),)
        result = None
    else:
        parameters = tuple(
            Param(
                p.name,
                p.type.name if p.type is not None else "any",
                (p.type.nullable or p.type.name in ("any", "null")) if p.type is not None else True,
                p.optional,
            )
            for p in node.parameters
        )
        result = node.result
    names = {v.name: v.definition or v.python for v in g.r.mentions(node)}
    kind = result.name if result is not None else "any"
    nullable = (result.nullable or kind in ("any", "null")) if result is not None else True
    spec = Spec(parameters, kind, nullable, node=node, names=names, document=g.unit)
    g.unit.specs[name] = spec
    return spec


#: What a body may consist of to make no closures whatever is known of its variables.
_LOOPABLE = (
    nodes.Literal, nodes.Name, nodes.Binary, nodes.Unary, nodes.If, nodes.Invocation, nodes.FieldAccess,
    nodes.ItemAccess, nodes.TypeTest, nodes.Parenthesized, nodes.PrimitiveType,
)  # fmt: skip


def _loops(g: Generator, node: Any, variable: Variable) -> bool:
    """Whether a function calls itself in tail position; one that then makes closures is no loop after all."""
    if node.__class__ is nodes.Each or (node.result is not None and node.result.name != "any"):
        return False
    if not any(_is_self(g, call, variable) for call in _tail_calls(node.body)):
        return False
    return not any(isinstance(n, (nodes.Function, nodes.Each)) for n in node.body.walk())


def _tail_calls(node: nodes.Node) -> list[nodes.Invocation]:
    found, stack = [], [node]
    while stack:
        n = stack.pop()
        if isinstance(n, nodes.Parenthesized):
            stack.append(n.inner)
        elif isinstance(n, nodes.Let):
            stack.append(n.body)
        elif isinstance(n, nodes.If):
            stack += [n.then, n.otherwise]
        elif isinstance(n, nodes.Invocation):
            found.append(n)
    return found


def _is_self(g: Generator, call: nodes.Invocation, variable: Variable) -> bool:
    return (
        isinstance(call.function, nodes.Name)
        and g.r.meaning.get(id(call.function)) is variable
        and len(call.arguments) == len(variable.node.parameters)  # type: ignore[union-attr]
    )


def tail(g: Generator, node: nodes.Node, result: nodes.PrimitiveType | None) -> None:
    """Generates a node in tail position: lines that end in return (or go round the loop)."""
    if isinstance(node, nodes.Parenthesized):
        tail(g, node.inner, result)
        return
    if isinstance(node, nodes.Let):
        g.declare(g.r.scopes[id(node)])
        tail(g, node.body, result)
        return
    if isinstance(node, nodes.If) and g.frame.depth < MAX_INDENT:
        _tail_if(g, node, result)
        return
    if isinstance(node, nodes.Invocation) and g.frame.loop is not None:
        variable, parameters = g.frame.loop
        if _is_self(g, node, variable):
            _go_round(g, node, parameters)
            return
    code = g.emit(node)
    saved, g.pos = g.pos, node.pos
    if result is not None and result.name != "any":
        cls = EXACT.get(result.name)
        if cls is not None and g.kind(code) == cls:
            g.line(f"return {code}")
            g.pos = saved
            return
        fast = f"{(code := g.named(code))} if {code}.__class__ is {cls} else " if cls else ""
        code = f"{fast}as_kind({code}, {g.text(result.name)}, {result.nullable})"
    g.line(f"return {code}")
    g.pos = saved


def _tail_if(g: Generator, node: nodes.If, result: nodes.PrimitiveType | None) -> None:
    """Else branches follow at the same level, because each branch ends in return."""
    while True:
        test = _condition(g, node)
        settle(g, [node.then, node.otherwise])
        with g.block() as lines:
            tail(g, node.then, result)
        g.line(f"if {test}:")
        g.frame.lines += lines
        otherwise = node.otherwise
        while isinstance(otherwise, nodes.Parenthesized):
            otherwise = otherwise.inner
        if not isinstance(otherwise, nodes.If):
            tail(g, otherwise, result)
            return
        node = otherwise


def _go_round(g: Generator, node: nodes.Invocation, parameters: list[Variable]) -> None:
    arguments = g.emit_all(node.arguments)
    if len(arguments) == 1:
        g.line(f"{parameters[0].python} = {arguments[0]}")
    elif arguments:
        g.line(f"{', '.join(p.python for p in parameters)} = {', '.join(arguments)}")
    g.line("continue")


# ---------------------------------------------------------------- let, if


@emits(nodes.Let)
def _let(g: Generator, node: nodes.Let) -> str:
    g.declare(g.r.scopes[id(node)])
    return g.emit(node.body)


def _condition(g: Generator, node: nodes.If) -> str:
    """A Python condition for an if; what is no logical raises (ERR-08)."""
    condition = node.condition
    while isinstance(condition, nodes.Parenthesized):
        condition = condition.inner
    code = g.emit(condition)
    if g.kind(code) == "bool":
        return code
    if code in g.conditions:
        fast, slow = g.conditions[code]
        return f"({fast} else condition({slow}))"
    test = g.named(code)
    return f"{test} is True or ({test} is not False and condition({test}))"


def _outlined(g: Generator, node: nodes.Node) -> str:
    from mlang.compile.outline import outlined

    return outlined(g, node)


@emits(nodes.If)
def _if(g: Generator, node: nodes.If) -> str:
    if g.frame.depth >= MAX_INDENT:
        return _outlined(g, node)
    test = _condition(g, node)
    settle(g, [node.then, node.otherwise])
    with g.block() as then_lines:
        then = g.emit(node.then)
        kind = g.kind(then)
    with g.block() as else_lines:
        otherwise = g.emit(node.otherwise)
        if g.kind(otherwise) != kind:
            kind = None
    if not then_lines and not else_lines:
        return g.mark(f"({then} if {test} else {otherwise})", kind)
    result = g.fresh()
    g.line(f"if {test}:")
    g.frame.lines += [*then_lines, (g.frame.indent + 1, f"{result} = {then}", g.pos)]
    g.line("else:")
    g.frame.lines += [*else_lines, (g.frame.indent + 1, f"{result} = {otherwise}", g.pos)]
    return g.mark(result, kind)


# ---------------------------------------------------------------- errors


@emits(nodes.Error)
def _error(g: Generator, node: nodes.Error) -> str:
    code = g.emit(node.operand)
    if not g.frame.discards:
        return f"fail({code})"
    # Nobody sees this error, only that there is one: the handler stands in the same frame.
    if not code.isidentifier():
        g.line(code)
    g.line("raise Discarded")
    return "None"


@emits(nodes.Try)
def _try(g: Generator, node: nodes.Try) -> str:
    if g.frame.blocks >= MAX_TRY or g.frame.depth >= MAX_INDENT:
        return _outlined(g, node)
    result, error = g.fresh(), g.fresh("error")
    handler = node.otherwise or (node.catch.body if node.catch is not None else None)
    if handler is not None:
        # Both parts may run: what both mention is remembered between them.
        later = reach(g, [handler])[1]
        for variable in reach(g, [node.body])[1]:
            if variable in later and variable.owner is g.frame:
                g.capture(variable)
        settle(g, [handler])
    settle(g, [node.body])
    g.frame.blocks += 1
    discards, g.frame.discards = g.frame.discards, node.otherwise is not None
    with g.block() as body:
        value = g.emit(node.body)
    g.frame.blocks -= 1
    g.frame.discards = discards
    if handler is None:
        value = f'{{"HasError": False, "Value": {value}}}'
    g.line("try:")
    g.frame.lines += [*body, (g.frame.indent + 1, f"{result} = {value}", g.pos)]
    g.line("except MError:" if node.otherwise is not None else f"except MError as {error}:")
    g.frame.blocks += 2  # an except part counts as two
    with g.block() as handling:
        _handle(g, node, handler, result, error)
    g.frame.blocks -= 2
    g.frame.lines += handling
    return result


def _handle(g: Generator, node: nodes.Try, handler: nodes.Node | None, result: str, error: str) -> None:
    """The except part: what it evaluates runs after the error variable is safe in a local."""
    if handler is None:
        g.line(f'{result} = {{"HasError": True, "Error": caught({error})}}')
        return
    if node.catch is not None:
        parameters = g.r.scopes[id(node.catch)]
        g.declare(parameters)
        if parameters:
            g.line(f"{parameters[0].python} = caught({error})")
            parameters[0].state = VALUE
            g.know(parameters[0], parameters[0].python)
    g.line(f"{result} = {g.emit(handler)}")


# ---------------------------------------------------------------- types


@emits(nodes.Type)
def _type(g: Generator, node: nodes.Type) -> str:
    return _type_code(g, node.inner)


def _type_code(g: Generator, node: nodes.Node) -> str:
    cls = node.__class__
    if cls is nodes.PrimitiveType:
        return _primitive_type(g, node)
    emitter = _TYPES.get(cls)
    if emitter is not None:
        code: str = emitter(g, node)
        return code if len(code) < MAX_EXPRESSION else g.temp(code)
    return f"as_type({g.emit(node)})"


@emits(nodes.PrimitiveType)
def _primitive_type(g: Generator, node: nodes.PrimitiveType) -> str:
    assert node.name in PRIMITIVES
    return g.constant(primitive(node.name, node.nullable), ("type", node.name, node.nullable))


def _nullable_type(g: Generator, node: nodes.NullableType) -> str:
    return f"nullable_type({_type_code(g, node.inner)})"


def _list_type(g: Generator, node: nodes.ListType) -> str:
    return f"list_type({_type_code(g, node.item)})"


def _entries(g: Generator, entries: Any) -> str:
    codes = []
    for entry in entries:
        code = "None" if entry.type is None else g.as_atom(_type_code(g, entry.type))
        if entry.type is None:
            code = g.constant(primitive("any"), ("type", "any", False))
        codes.append(f"({g.text(entry.name)}, {entry.optional}, {code}),")
    return "(" + " ".join(codes) + ")"


def _record_type(g: Generator, node: nodes.RecordType) -> str:
    return f"record_type({_entries(g, node.entries)}, {node.open})"


def _table_type(g: Generator, node: nodes.TableType) -> str:
    return f"table_type({_type_code(g, node.row)})"


def _function_type(g: Generator, node: nodes.FunctionType) -> str:
    return f"function_type({_entries(g, node.parameters)}, {_type_code(g, node.result)})"


_TYPES: dict[type, Any] = {
    nodes.NullableType: _nullable_type,
    nodes.ListType: _list_type,
    nodes.RecordType: _record_type,
    nodes.TableType: _table_type,
    nodes.FunctionType: _function_type,
}

__all__ = ["constant_value", "function_definition", "tail"]
