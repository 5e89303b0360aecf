"""Rules about the shape of expressions."""

from __future__ import annotations

from typing import Any

from mlang.app.linting.base import SAFE, UNSAFE, Found, Subject, function_name, rule
from mlang.syntax import nodes

#: Functions that give something else each time.
_UNSTEADY = (
    "Number.Random",
    "List.Random",
    "Text.NewGuid",
    "DateTime.LocalNow",
    "DateTimeZone.LocalNow",
    "DateTimeZone.UtcNow",
)


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


@rule("M203", "duplicate-step", "Two steps of a let with the same expression.", fix=SAFE)
def duplicate_step(subject: Subject) -> Found:
    from mlang.app.refactoring.edits import replaced
    from mlang.syntax.quoting import identifier

    for let in subject.lets():
        seen: dict[str, nodes.Binding] = {}
        for binding in let.bindings:
            value = bare(binding.value)
            if not isinstance(value, nodes.Invocation):
                continue
            earlier = seen.setdefault(repr(value), binding)
            if earlier is binding or _targets(subject, earlier) != _targets(subject, binding):
                continue
            fix = [replaced(binding.value.pos, binding.value.end, identifier(earlier.name))]
            yield binding, f"'{binding.name}' repeats the expression of '{earlier.name}'", fix


def _targets(subject: Subject, binding: nodes.Binding) -> list[Any]:
    """What the names of an expression mean; those that it defines itself by their place in it."""
    found: list[Any] = []
    value = bare(binding.value)
    for node in value.walk():
        if isinstance(node, nodes.Name) and node.name.startswith(_UNSTEADY):
            return [id(binding)]  # like no other
        target = subject.scopes.target(node)
        if target is not None:
            inside = value.pos <= target.pos < value.end
            found.append(target.pos - value.pos if inside else (target.pos,))
    return found


@rule("M204", "same-branches", "An if whose branches are the same.")
def same_branches(subject: Subject) -> Found:
    for node in subject.all:
        if isinstance(node, nodes.If) and bare(node.then) == bare(node.otherwise):
            yield node, "Both branches of this if are the same"


@rule("M205", "needless-each", "each f(_) is f.", default=False, fix=UNSAFE)
def needless_each(subject: Subject) -> Found:
    from mlang.app.refactoring.edits import Copy, Edit

    for node in subject.all:
        if isinstance(node, nodes.Each) and isinstance(node.body, nodes.Invocation):
            arguments = node.body.arguments
            alone = len(arguments) == 1 and arguments[0] == nodes.Name("_")
            if alone and isinstance(node.body.function, nodes.Name):
                function = node.body.function
                fix = [Edit(node.pos, node.end, (Copy(function.pos, function.end),))]
                yield node, f"'each {function.name}(_)' is {function.name}", fix


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


@rule("M209", "needless-quotes", 'A name in #"..." that could stand without.', default=False, fix=SAFE)
def needless_quotes(subject: Subject) -> Found:
    from mlang.app.refactoring.edits import Edit, Respelt
    from mlang.syntax.quoting import identifier
    from mlang.syntax.vocabulary import CONTEXTUAL, TYPE_WORDS, WORDS

    tokens = subject.source.tokens
    contextual = {word for word, kind in WORDS.items() if kind == CONTEXTUAL}
    for start, end, value in zip(tokens.starts, tokens.ends, tokens.values, strict=True):
        quoted = subject.text.startswith('#"', start) and isinstance(value, str)
        if quoted and identifier(value) == value and value not in TYPE_WORDS and value not in contextual:
            fix = [Edit(start, end, (Respelt(value, start),))]
            yield nodes.Literal(None, start, end), f"'{value}' needs no quotes", fix


@rule("M210", "negated-comparison", "not (a = b) is a <> b.", default=False, fix=SAFE)
def negated_comparison(subject: Subject) -> Found:
    from mlang.app.refactoring.edits import Copy, Edit

    for node in subject.all:
        if not isinstance(node, nodes.Unary) or node.operator != "not":
            continue
        inner = node.operand
        if isinstance(inner, nodes.Parenthesized) and isinstance(inner.inner, nodes.Binary):
            other = {"=": "<>", "<>": "="}.get(inner.inner.operator)
            if other is not None:
                _, start, end = subject.source.token_at(inner.inner.left.end)
                fix = [Edit(node.pos, node.end, (Copy(inner.pos, start), other, Copy(end, inner.end)))]
                yield node, f"This not turns a comparison around; write {other}", fix


@rule("M211", "needless-let", "let x = e in x is e.", default=False, fix=SAFE)
def needless_let(subject: Subject) -> Found:
    from mlang.app.refactoring.edits import Refused
    from mlang.app.refactoring.inline import inline

    for let in subject.lets():
        only = let.bindings[0]
        if len(let.bindings) != 1 or subject.scopes.target(bare(let.body)) is not only:
            continue
        place = next(p for p in subject.source.places if p.node.pos == only.pos and p.kind == "step")
        try:
            fix = inline(subject.source, place)
        except Refused:
            fix = []
        yield let, f"This let only names its result '{only.name}'", fix
