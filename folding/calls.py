"""Calls of functions written in M: their bodies, with the meanings of the arguments put in.

M computes every argument, used or not, and checks the kinds that are declared.  Read `scalars.py` for who calls this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.meanings import Closure, Row
from folding.operators import computing, null_test
from folding.scalars import Translator
from folding.terms import Scalar, Unfoldable, typed
from mlang.syntax import nodes
from mlang.values.functions import Function
from mlang.values.kinds import kind_of
from mlang.values.types import conforms

#: How deep helper functions written in M may call each other.
DEEPEST = 20


def called(function: Function | Closure, arguments: list[Any], depth: int, name: str = "") -> Any:
    """What a function written in M (and known by a name, if any) gives: a term, or the meaning of a name."""
    node: Any = None
    names: Mapping[str, Any] = {}
    outer: Function | None
    if isinstance(function, Closure):
        node, outer, names = function.node, function.scope.function, function.scope.names
    else:
        node, outer = function.spec.node if function.spec is not None else None, function
    if node is None:
        raise Unfoldable("a function whose body is not known")
    if depth > DEEPEST:
        who = name and f" ({name})"
        raise Unfoldable(f"a function that calls itself, or functions that call each other too deeply{who}")
    given, seen = bound(node, arguments)
    known = {key: found for key, found in names.items() if key.removeprefix("@") not in given}
    result = Translator(outer, {**known, **given}, depth).any(node.body)
    if isinstance(node, nodes.Function) and node.result is not None:
        result = checked(result, node.result)
    if seen and result.__class__ is not Scalar:
        raise Unfoldable("arguments that may raise, of a function that gives no single value")
    result = computing(result, *seen) if seen else result
    if result.__class__ is Scalar:
        t.limited(result.sql)
    return result


def bound(node: nodes.Function | nodes.Each, arguments: list[Any]) -> tuple[dict[str, Any], list[Scalar]]:
    """The meanings of the parameters, and the arguments that may raise."""
    if isinstance(node, nodes.Each):
        if len(arguments) != 1:
            raise Unfoldable("a call with the wrong number of arguments")
        names = {"_": arguments[0]}
    else:
        required = sum(1 for q in node.parameters if not q.optional)
        if not required <= len(arguments) <= len(node.parameters):
            raise Unfoldable("a call with the wrong number of arguments")
        names = {}
        for index, parameter in enumerate(node.parameters):
            value = arguments[index] if index < len(arguments) else t.null()
            if isinstance(parameter.type, nodes.PrimitiveType):
                value = checked(value, parameter.type, parameter.optional)
            names[parameter.name] = value
    return names, [x for x in names.values() if x.__class__ is Scalar and x.raises]


# ---------------------------------------------------------------- declared kinds


def kind_of_meaning(value: Any) -> str:
    """The M kind of what a name stands for; "any" where it is not known."""
    from folding.aggregates import Group, Taken
    from folding.structures import Fields, Items

    if value.__class__ is Row:
        return "record"
    if value.__class__ is Closure:
        return "function"
    if value.__class__ in (Group, Taken):
        return "table" if value.__class__ is Group else "list"
    if value.__class__ is not Scalar:
        return kind_of(value)
    if value.kind != "any":
        return str(value.kind)
    return {Fields: "record", Items: "list"}.get(value.inside.__class__, "any")


def checked(value: Any, wanted: nodes.PrimitiveType, optional: bool = False) -> Any:
    """The meaning after M's check of a declared kind; where that fails, the query stops."""
    if wanted.name == "any":
        return value
    kind = kind_of_meaning(value)
    null_fits = wanted.nullable or optional or conforms("null", wanted.name, False)
    fits = kind != "any" and conforms(kind, wanted.name, wanted.nullable or optional)
    if value.__class__ is not Scalar:
        if not fits:
            raise Unfoldable(f"a value that is not of the declared kind {wanted.name}")
        return value
    if kind == "any":
        raise Unfoldable(f"a value that may not be of the declared kind {wanted.name}")
    if fits and (null_fits or not value.nullable):
        return value
    if value.is_constant:
        raise Unfoldable(f"a constant that is not of the declared kind {wanted.name}")
    if not fits and not (null_fits and value.nullable):
        return evolve(t.failure(), raises=True)
    missing = t.is_null(value.use)
    sql = t.unless(missing, value.use) if fits else t.unless(t.negation(missing), value.use)
    return evolve(value, sql=sql, raises=True, nullable=not fits, conjuncts=())


def fits(value: Any, name: str, nullable: bool) -> Scalar:
    """Whether a value is of a primitive type (``is``)."""
    kind = kind_of_meaning(value)
    if kind == "any":
        raise Unfoldable("a type test of a value of unknown kind")
    if value.__class__ is not Scalar:
        return t.literal(conforms(kind, name, nullable))
    fit, null_fits = conforms(kind, name, nullable), conforms("null", name, nullable)
    if kind == "null" or not value.nullable:
        fit = null_fits = null_fits if kind == "null" else fit
    if fit == null_fits:
        answer = typed(exp.Boolean(this=fit), "logical", "BOOLEAN", nullable=False)
        return computing(answer, value) if value.raises else answer
    test = null_test(value)
    return typed(t.negation(test) if fit else test, "logical", "BOOLEAN", value, nullable=False)
