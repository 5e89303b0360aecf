"""A reference evaluator: the plainest possible reading of the specification, by walking the tree.

Every let variable, field and list item is a thunk, every call makes an environment.
A name that no scope defines is a library function.  The compiler is held against it by
``test_compiler.py`` and measured against it by ``benchmarks/bench_evaluator.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang.compile import runtime
from mlang.errors import MError
from mlang.registry import value_of
from mlang.syntax import nodes
from mlang.values import operators
from mlang.values.compare import equal
from mlang.values.functions import Function, Param, Spec, apply
from mlang.values.thunk import Thunk, force

Env = tuple[dict[str, Any], "Env | None", "str | None"]

BINARY = {
    "+": operators.add, "-": operators.subtract, "*": operators.multiply, "/": operators.divide,
    "&": operators.concatenate, "<": operators.less, "<=": operators.less_equal, ">": operators.greater,
    ">=": operators.greater_equal, "=": equal, "<>": lambda a, b: not equal(a, b), "meta": runtime.add_metadata,
}  # fmt: skip


def lookup(env: Env | None, name: str, inclusive: bool) -> Any:
    while env is not None:
        names, parent, hidden = env
        if hidden is not None:
            if hidden == name and not inclusive:
                assert parent is not None
                env = parent[1]
                continue
        elif name in names:
            return force(names[name])
        env = parent
    return value_of(name)


def bind(bindings: Any, env: Env | None) -> Env:
    names: dict[str, Any] = {}
    inner: Env = (names, env, None)
    for b in bindings:
        names[b.name] = Thunk(lambda b=b: walk(b.value, ({}, inner, b.name)))
    return inner


def walk(node: nodes.Node, env: Env | None) -> Any:
    return WALK[node.__class__](node, env)


def _function(node: Any, env: Env | None) -> Function:
    each = isinstance(node, nodes.Each)
    names = ["_"] if each else [p.name for p in node.parameters]
    optional = [False] if each else [p.optional for p in node.parameters]

    def call(*arguments: Any) -> Any:
        values = [*arguments, *[None] * (len(names) - len(arguments))]
        if not each:
            for i, p in enumerate(node.parameters):
                if p.type is not None:
                    values[i] = runtime.as_kind(values[i], p.type.name, p.type.nullable or p.optional)
        value = walk(node.body, (dict(zip(names, values, strict=True)), env, None))
        declared = None if each else node.result
        return value if declared is None else runtime.as_kind(value, declared.name, declared.nullable)

    spec = Spec(tuple(Param(n, optional=o) for n, o in zip(names, optional, strict=True)))
    return Function(call, optional.count(False), len(names), spec)


def _try(node: nodes.Try, env: Env | None) -> Any:
    try:
        value = walk(node.body, env)
    except MError as error:
        if node.otherwise is not None:
            return walk(node.otherwise, env)
        if node.catch is not None:
            names = {p.name: error.record() for p in node.catch.parameters}
            return walk(node.catch.body, (names, env, None))
        return {"HasError": True, "Error": error.record()}
    return (
        value if node.otherwise is not None or node.catch is not None else {"HasError": False, "Value": value}
    )


def _binary(node: nodes.Binary, env: Env | None) -> Any:
    left = walk(node.left, env)
    if node.operator == "and":
        return operators.both(left, lambda: walk(node.right, env))
    if node.operator == "or":
        return operators.either(left, lambda: walk(node.right, env))
    if node.operator == "??":
        return walk(node.right, env) if runtime.is_null(left) else left
    return BINARY[node.operator](left, walk(node.right, env))


def _field(node: nodes.FieldAccess, env: Env | None) -> Any:
    target = lookup(env, "_", False) if node.target is None else walk(node.target, env)
    return (runtime.field_or_null if node.optional else runtime.field)(target, node.name)


def _if(node: nodes.If, env: Env | None) -> Any:
    return walk(node.then if operators.condition(walk(node.condition, env)) else node.otherwise, env)


def _list(node: nodes.List, env: Env | None) -> Any:
    parts: list[Any] = []
    for item in node.items:
        if isinstance(item, nodes.Range):
            parts.append(runtime.number_range(walk(item.first, env), walk(item.last, env)))
        else:
            parts.append([Thunk(lambda i=item: walk(i, env))])
    if any(part.__class__ is not list for part in parts):
        return runtime.join_items(*parts)
    return [item for part in parts for item in part]


UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operators.negate, "+": operators.positive, "not": operators.logical_not,
}  # fmt: skip

WALK: dict[type, Any] = {
    nodes.Literal: lambda n, e: n.value,
    nodes.Parenthesized: lambda n, e: walk(n.inner, e),
    nodes.Name: lambda n, e: lookup(e, n.name, n.inclusive),
    nodes.Let: lambda n, e: walk(n.body, bind(n.bindings, e)),
    nodes.Record: lambda n, e: bind(n.entries, e)[0],
    nodes.List: _list,
    nodes.If: _if,
    nodes.Try: _try,
    nodes.Function: _function,
    nodes.Each: _function,
    nodes.Binary: _binary,
    nodes.Unary: lambda n, e: UNARY[n.operator](walk(n.operand, e)),
    nodes.FieldAccess: _field,
    nodes.ItemAccess: lambda n, e: (runtime.item_or_null if n.optional else runtime.item)(
        walk(n.target, e), walk(n.index, e)
    ),
    nodes.Invocation: lambda n, e: apply(walk(n.function, e), *[walk(a, e) for a in n.arguments]),
    nodes.Error: lambda n, e: runtime.fail(walk(n.operand, e)),
    nodes.TypeTest: lambda n, e: (runtime.is_kind if n.operator == "is" else runtime.as_kind)(
        walk(n.operand, e), n.type.name, n.type.nullable
    ),
}
