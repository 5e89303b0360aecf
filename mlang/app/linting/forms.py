"""Rules about the shape of expressions."""

from __future__ import annotations

from collections.abc import Iterator

from mlang.app.linting.base import Subject, function_name, rule
from mlang.syntax import nodes

Found = Iterator[tuple[nodes.Node, str]]


def bare(node: nodes.Node) -> nodes.Node:
    """Without parentheses."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    return node


@rule("M201", "each-each", "A function that gives a function: one each too many.")
def each_each(subject: Subject) -> Found:
    for node in subject.all:
        if isinstance(node, nodes.Each) and isinstance(bare(node.body), nodes.Each):
            yield node, "'each each' makes a function that gives a function; one each is meant"


@rule("M202", "nested-each", "An each inside an each that both read _: the inner one hides the outer row.")
def nested_each(subject: Subject) -> Found:
    reads = subject.scopes.underscores
    for node in subject.all:
        if not isinstance(node, nodes.Each) or not reads.get(id(node)):
            continue
        for inner in node.body.walk():
            if isinstance(inner, nodes.Each) and reads.get(id(inner)) and inner is not bare(node.body):
                yield inner, "This each hides the _ of the each around it; write (row) => for one of them"
                break


@rule("M203", "duplicate-step", "Two steps of a let with the same expression.")
def duplicate_step(subject: Subject) -> Found:
    for let in subject.lets():
        seen: dict[str, nodes.Binding] = {}
        for binding in let.bindings:
            value = bare(binding.value)
            if not isinstance(value, nodes.Invocation):
                continue
            earlier = seen.setdefault(repr(value), binding)
            if earlier is not binding:
                yield binding, f"'{binding.name}' repeats the expression of '{earlier.name}'"


@rule("M204", "same-branches", "An if whose branches are the same.")
def same_branches(subject: Subject) -> Found:
    for node in subject.all:
        if isinstance(node, nodes.If) and bare(node.then) == bare(node.otherwise):
            yield node, "Both branches of this if are the same"


@rule("M205", "needless-each", "each f(_) is f.", default=False)
def needless_each(subject: Subject) -> Found:
    for node in subject.all:
        if isinstance(node, nodes.Each) and isinstance(node.body, nodes.Invocation):
            arguments = node.body.arguments
            alone = len(arguments) == 1 and arguments[0] == nodes.Name("_")
            if alone and isinstance(node.body.function, nodes.Name):
                yield node, f"'each {node.body.function.name}(_)' is {node.body.function.name}"


@rule("M206", "compares-with-null-text", 'A comparison of a step with the text "null".')
def null_text(subject: Subject) -> Found:
    for node in subject.all:
        if isinstance(node, nodes.Binary) and node.operator in ("=", "<>"):
            for side in (node.left, node.right):
                if isinstance(side, nodes.Literal) and side.value == "null":
                    yield node, '"null" is a text; null is written without quotes'


@rule("M207", "untyped-parameter", "A named function whose parameter has no type.", default=False)
def untyped_parameter(subject: Subject) -> Found:
    for node in subject.all:
        if isinstance(node, nodes.Function):
            for parameter in node.parameters:
                if parameter.type is None:
                    yield parameter, f"The parameter '{parameter.name}' has no type: it is any"


@rule(
    "M208",
    "impossible-null-test",
    "x = null is fine, but comparing a whole table or list with null is never true.",
)
def table_is_null(subject: Subject) -> Found:
    for node in subject.all:
        if isinstance(node, nodes.Binary) and node.operator == "=":
            sides = (bare(node.left), bare(node.right))
            if any(isinstance(s, nodes.Literal) and s.value is None for s in sides):
                for side in sides:
                    name = function_name(side) or ""
                    if name in ("Table.SelectRows", "List.Select", "Table.FirstN", "Table.Distinct"):
                        yield (
                            node,
                            f"{name} never gives null; Table.IsEmpty or List.IsEmpty tests for nothing",
                        )
