"""Rules about calls of library functions: how many arguments, and which kinds when they are written out."""

from __future__ import annotations

from typing import Any

from mlang.app.linting.base import Found, Subject, rule
from mlang.syntax import nodes


def _calls(subject: Subject) -> Any:
    """Calls of library functions that the text does not redefine, with their declarations."""
    from mlang import registry

    for call in subject.calls():
        assert isinstance(call.function, nodes.Name)
        if subject.scopes.target(call.function) is None and call.function.name not in subject.given:
            entry = registry.lookup(call.function.name)
            if isinstance(entry, registry.Builtin):
                yield call, entry


@rule("M106", "argument-count", "A library function with too few or too many arguments.")
def argument_count(subject: Subject) -> Found:
    for call, entry in _calls(subject):
        least, most, count = entry.function.least, entry.function.most, len(call.arguments)
        if count < least or (most is not None and count > most):
            wanted = (
                str(least) if least == most else f"{least} or more" if most is None else f"{least} to {most}"
            )
            noun = "argument" if wanted == "1" else "arguments"
            yield call, f"{entry.name} takes {wanted} {noun}, not {count}: {entry.signature}"


@rule("M107", "argument-kind", "A library function with a literal of another kind than it takes.")
def argument_kind(subject: Subject) -> Found:
    for call, entry in _calls(subject):
        for argument, parameter in zip(call.arguments, entry.parameters, strict=False):
            kind = literal_kind(argument)
            if kind is None or parameter.kind in ("any", kind):
                continue
            nulls = (n.strip() for n in (entry.null or "").split(","))
            if kind == "null" and (parameter.nullable or parameter.optional or parameter.name in nulls):
                continue
            if parameter.kind == "anynonnull" and kind != "null":
                continue
            yield argument, f"{entry.name}: '{parameter.name}' is {parameter.kind}, this is {kind}"


def literal_kind(node: nodes.Node) -> str | None:
    """The kind of a value that is written out; None when only evaluation tells."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if isinstance(node, nodes.Literal):
        value = node.value
        if value is None:
            return "null"
        return "logical" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    kinds: dict[type, str] = {
        nodes.List: "list", nodes.Record: "record", nodes.Each: "function", nodes.Function: "function",
        nodes.Type: "type",
    }  # fmt: skip
    return kinds.get(node.__class__)
