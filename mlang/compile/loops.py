"""List functions with literal lambdas as loops: the lambda's body stands in the loop, no call per item.

`fuse` is asked for every call of a library function named in `FUSED` and gives None
where the ordinary call is as good.  A body that makes closures (thunks, functions)
never stands in a loop, because closures would see the loop's variables move on: it
stays a function, of which the closures capture the parameters.  Next: ``states.py``
(List.Generate) and ``streams.py`` (what the loops stand behind).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang.compile import streams
from mlang.compile.attempts import attempt, flat, makes_closures
from mlang.compile.codegen import Frame, Generator
from mlang.compile.fusion import _is_cheap
from mlang.compile.scopes import VALUE, Global, Variable
from mlang.syntax import nodes


def fuse(g: Generator, name: str, node: nodes.Invocation) -> str | None:
    """The call as a loop: an expression for its value, or None."""
    return _FUSERS[name](g, node)


def helper(g: Generator, name: str) -> str:
    """The global name of something in ``streams.py``."""
    return g.constant(streams.NAMES[name], ("stream", name))


def literal(node: nodes.Node, count: int) -> Any:
    """The function expression with ``count`` plain parameters that a node is, else None."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if isinstance(node, nodes.Each):
        return node if count == 1 else None
    if not isinstance(node, nodes.Function) or len(node.parameters) != count or node.result is not None:
        return None
    return None if any(p.optional or p.type is not None for p in node.parameters) else node


def bind(g: Generator, frame: Frame, variable: Variable, kind: str | None = None) -> str:
    """A parameter of a frame that holds a forced value."""
    variable.owner, variable.state, variable.emitted, variable.definition = frame, VALUE, 0, None
    variable.python = g.fresh(variable.name)
    frame.known[variable] = variable.python
    if kind is not None:
        frame.kinds[variable.python] = kind
    return variable.python


def item_kind(g: Generator, items: nodes.Node) -> str | None:
    """The class that all items of a list expression have: of ranges from or to a number."""
    while isinstance(items, nodes.Parenthesized):
        items = items.inner
    if isinstance(items, nodes.List) and len(items.items) == 1:
        only = items.items[0]
        if isinstance(only, nodes.Range):
            for end in (only.first, only.last):
                if isinstance(end, nodes.Literal) and end.value.__class__ is float:
                    return "float"
    return None


def _loop(
    g: Generator, hint: str, made: Any, kinds: list[str | None], step: Callable[[list[str]], bool]
) -> str | None:
    """``def hint(items, ...): for item in items: ...``; ``step`` writes the body and may refuse it."""
    variables = g.r.scopes[id(made)]
    frame = Frame(g.frame, False)
    frame.blocks, frame.head = 1, []
    name = g.fresh(hint)

    def write() -> str | None:
        with g.inside(frame):
            names = [bind(g, frame, v, k) for v, k in zip(variables, kinds, strict=True)]
            with g.block() as lines:
                if not step(names) or makes_closures(lines):
                    frame.head = []
                    return None
        g.line(f"def {name}({', '.join(['items', *names[:-1]])}):")
        at = g.frame.indent
        g.frame.lines += [(at + 1, text, pos) for _, text, pos in frame.head or ()]
        g.frame.lines.append((at + 1, f"for {names[-1]} in items:", g.pos))
        g.frame.lines += [(i + at, text, pos) for i, text, pos in lines]
        if len(names) > 1:
            g.frame.lines.append((at + 1, f"return {names[0]}", g.pos))
        return name

    result: str | None = attempt(g, [made.body], write)
    return result


def _transform(g: Generator, node: nodes.Invocation) -> str | None:
    made = literal(node.arguments[1], 1) if len(node.arguments) == 2 else None
    if made is None or not flat(made.body):
        return None
    items = g.as_atom(g.emit(node.arguments[0]))

    def step(names: list[str]) -> bool:
        g.line(f"yield {g.emit(made.body)}")
        return True

    stream = _loop(g, "transform", made, [item_kind(g, node.arguments[0])], step)
    function = g.as_atom(g.emit(made))
    source = f"{helper(g, 'list_argument')}({items})"
    if stream is None:
        return f"{_ordinary(g, 'List.Transform')}({items}, {function})"
    cheap = _is_cheap(made.body, g.r) and _reads_only(g, made)
    return f"{helper(g, 'Transformed')}({source}, {function}.fn, {stream}, {cheap})"


def _reads_only(g: Generator, made: Any) -> bool:
    """Whether a body mentions nothing that may still wait to be evaluated."""
    own = g.r.scopes[id(made)][0]
    for node in made.body.walk():
        meaning = g.r.meaning.get(id(node))
        if (
            isinstance(meaning, Variable)
            and meaning is not own
            and meaning.state != VALUE
            and meaning.node.__class__ is not nodes.Literal
        ):
            return False
        if isinstance(meaning, Global) and meaning.builtin is None:
            return False
    return True


def _select(g: Generator, node: nodes.Invocation) -> str | None:
    made = literal(node.arguments[1], 1) if len(node.arguments) == 2 else None
    if made is None or not flat(made.body):
        return None
    items = g.as_atom(g.emit(node.arguments[0]))

    def step(names: list[str]) -> bool:
        g.line(f"if {condition(g, g.emit(made.body))}: yield {names[0]}")
        return True

    stream = _loop(g, "select", made, [item_kind(g, node.arguments[0])], step)
    if stream is None:
        return f"{_ordinary(g, 'List.Select')}({items}, {g.emit(made)})"
    return f"{helper(g, 'selected')}({helper(g, 'list_argument')}({items}), {stream})"


def condition(g: Generator, code: str) -> str:
    """A Python condition for the result of a predicate."""
    if g.kind(code) == "bool":
        return code
    if code in g.conditions:
        fast, slow = g.conditions[code]
        return f"({fast} else {helper(g, 'met')}({slow}))"
    return f"{helper(g, 'met')}({code})"


def _accumulate(g: Generator, node: nodes.Invocation) -> str | None:
    made = literal(node.arguments[2], 2) if len(node.arguments) == 3 else None
    if made is None or not flat(made.body):
        return None
    items, seed = (g.as_atom(code) for code in g.emit_all(node.arguments[:2]))
    item = item_kind(g, node.arguments[0])
    name = None
    for kind in dict.fromkeys([g.kind(seed) if g.kind(seed) == "float" else None, None]):

        def step(names: list[str], kind: str | None = kind) -> bool:
            result = g.emit(made.body)
            g.line(f"{names[0]} = {result}")
            return kind is None or g.kind(result) == kind

        name = _loop(g, "accumulate", made, [kind, item], step)
        if name is not None:
            break
    if name is None:
        return f"{_ordinary(g, 'List.Accumulate')}({items}, {seed}, {g.emit(made)})"
    source = f"{helper(g, 'list_argument')}({items})"
    return f"{name}({helper(g, 'forced')}({source}), {seed})"


def _ordinary(g: Generator, name: str) -> str:
    """The library's own function."""
    from mlang import registry

    return g.constant(registry.value_of(name).fn, ("direct", name))


def _generate(g: Generator, node: nodes.Invocation) -> str | None:
    from mlang.compile.states import generate

    return generate(g, node)


def _byte(g: Generator, node: nodes.Invocation) -> str | None:
    """``BinaryFormat.Byte(Binary.Range(data, offset, 1))`` without the range."""
    part = node.arguments[0] if len(node.arguments) == 1 else None
    if not isinstance(part, nodes.Invocation) or len(part.arguments) != 3:
        return None
    meaning, count = g.r.meaning.get(id(part.function)), part.arguments[2]
    if not isinstance(meaning, Global) or meaning.builtin is None or meaning.name != "Binary.Range":
        return None
    if not isinstance(count, nodes.Literal) or count.value.__class__ is not float or count.value != 1.0:
        return None
    data, offset = (g.as_atom(code) for code in g.emit_all(part.arguments[:2]))
    tests = [f"{data}.__class__ is bytes"] if g.kind(data) != "bytes" else []
    if g.kind(offset) != "float":
        tests.append(f"{offset}.__class__ is float")
    at = g.fresh("at")
    tests.append(f"0.0 <= {offset} < len({data}) and ({at} := int({offset})) == {offset}")
    numbers = g.constant(streams.BYTES, ("stream", "BYTES"))
    slow = f"{helper(g, 'byte_at')}({data}, {offset})"
    return g.mark(g.temp(f"{numbers}[{data}[{at}]] if {' and '.join(tests)} else {slow}"), "float")


_FUSERS: dict[str, Callable[[Generator, nodes.Invocation], str | None]] = {
    "List.Transform": _transform,
    "List.Select": _select,
    "List.Accumulate": _accumulate,
    "List.Generate": _generate,
    "BinaryFormat.Byte": _byte,
}
