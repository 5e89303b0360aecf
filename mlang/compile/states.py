"""List.Generate with literal lambdas: a Python generator whose locals are the state.

The state is a record whose fields are only read as ``[field]`` (each field a local, no
record is made), or any value made by plain expressions.  Fields that start as numbers
and stay numbers are known as such.  A part of the loop that makes closures becomes a
function of the state, so that they capture its parameters.
"""

from __future__ import annotations

from typing import Any

from mlang.compile.attempts import attempt, flat, makes_closures
from mlang.compile.codegen import Frame, Generator, Line
from mlang.compile.expressions import record_entries
from mlang.compile.fusion import _row_accesses
from mlang.compile.loops import condition, helper, literal
from mlang.compile.scopes import THUNK, VALUE, Variable
from mlang.syntax import nodes


def generate(g: Generator, node: nodes.Invocation) -> str | None:
    """The call as a list behind two generators (raw items, forced items), or None."""
    if not 3 <= len(node.arguments) <= 4:
        return None
    initial = literal(node.arguments[0], 0)
    rest = [literal(argument, 1) for argument in node.arguments[1:]]
    if initial is None or None in rest or not all(flat(made.body) for made in (initial, *rest)):
        return None
    fields = _fields(g, initial.body, rest)
    if fields is None and not all(_plain(made.body) for made in (initial, *rest[:2])):
        return None
    states = _States(g, initial.body, rest, fields)
    strict = states.function(lazily=False)
    items = states.function(lazily=True) if states.view is not None else strict
    return f"{helper(g, 'Generating')}({items}, {strict})"


def _record_of(node: nodes.Node) -> nodes.Record | None:
    """The record that an expression makes: a record literal, perhaps in lets."""
    while isinstance(node, (nodes.Parenthesized, nodes.Let)):
        node = node.inner if isinstance(node, nodes.Parenthesized) else node.body
    return node if isinstance(node, nodes.Record) else None


def _fields(g: Generator, initial: nodes.Node, rest: list[Any]) -> list[str] | None:
    """The names of the state's fields when it is a record that nobody sees as a whole."""
    first, after = _record_of(initial), _record_of(rest[1].body)
    if first is None or after is None:
        return None
    names = [entry.name for entry in first.entries]
    if sorted(names) != sorted(entry.name for entry in after.entries) or not names:
        return None
    for made in rest:
        accesses = _row_accesses(made.body, g.r.scopes[id(made)][0], g.r)
        if accesses is None or any(access.name not in names for access in accesses):
            return None
    return names


def _plain(node: nodes.Node) -> bool:
    """Whether an expression is of operators only, so that a state made by it is worth a loop."""
    kinds = (
        nodes.Literal,
        nodes.Name,
        nodes.Binary,
        nodes.Unary,
        nodes.If,
        nodes.Parenthesized,
        nodes.Invocation,
        nodes.FieldAccess,
        nodes.ItemAccess,
    )
    return all(isinstance(n, kinds) for n in node.walk())


class _States:
    """Writes the generators of one call; ``fields`` is None for a state that is no record."""

    def __init__(self, g: Generator, initial: nodes.Node, rest: list[Any], fields: list[str] | None) -> None:
        self.g, self.initial, self.fields = g, initial, fields
        self.test, self.next = rest[0].body, rest[1].body
        self.view: nodes.Node | None = rest[2].body if len(rest) > 2 else None
        self.rows: list[Variable] = [g.r.scopes[id(made)][0] for made in rest]
        self.state = [Variable(name, None) for name in fields] if fields is not None else self.rows
        self.bodies = [initial, *[made.body for made in rest]]

    def function(self, lazily: bool) -> str:
        """A generator function that yields the items; its name."""
        g, excluded = self.g, set[str]()
        if self.fields is not None:
            of = dict(zip(self.fields, self.state, strict=True))
            g.rows.update(dict.fromkeys(self.rows, of))
        while True:
            name: str | None = attempt(g, self.bodies, lambda: self._write(lazily, excluded))
            if name is not None:
                return name

    def _write(self, lazily: bool, excluded: set[str]) -> str | None:
        """One try: None when a local taken for a number may become something else (then excluded)."""
        g = self.g
        name, frame = g.fresh("states"), Frame(g.frame, False)
        frame.blocks = 1
        head: list[Line] = []
        with g.inside(frame):
            first = self._part("first", self._make(self.initial), [])
            names = self._declare(first, excluded)
            g.line(f"{names} = {', '.join(code for code, _ in first)}")
            with g.block() as lines:
                self._own(frame)
                frame.head = head
                test = self._part("test", lambda: [condition(g, g.emit(self.test))], self.state)[0][0]
                g.line(f"if not ({test}): return")
                g.line(f"yield {self._viewed(lazily)}")
                after = self._part("next", self._make(self.next), self.state)
            drifted = {n for (_, kind), n in zip(after, self._names(), strict=True) if kind != "float"}
        drifted &= {n for n in self._names() if frame.kinds.get(n) == "float"}
        if drifted:
            excluded.update(v.name for v in self._locals() if v.python in drifted)
            return None
        g.frame.lines += g.function_lines(name, "", frame, None)
        at = g.frame.indent
        g.frame.lines.append((at + 1, "while True:", g.pos))
        g.frame.lines += [(i + at, text, pos) for i, text, pos in lines]
        g.frame.lines.append((at + 2, f"{names} = {', '.join(code for code, _ in after)}", g.pos))
        return name

    def _locals(self) -> list[Variable]:
        """A variable for each Python local of the state."""
        return self.state if self.fields is not None else self.state[:1]

    def _names(self) -> list[str]:
        return [v.python for v in self._locals()]

    def _make(self, node: nodes.Node) -> Any:
        """What writes a state: expressions of its locals, in the order of ``fields``."""
        g, fields = self.g, self.fields

        def write() -> list[str]:
            if fields is None:
                return [g.emit(node)]
            inner = node
            while isinstance(inner, (nodes.Parenthesized, nodes.Let)):
                if isinstance(inner, nodes.Let):
                    g.declare(g.r.scopes[id(inner)])
                inner = inner.inner if isinstance(inner, nodes.Parenthesized) else inner.body
            assert isinstance(inner, nodes.Record)
            entries = dict(record_entries(g, inner))
            return [entries[name] for name in fields]

        return write

    def _declare(self, first: list[tuple[str, str | None]], excluded: set[str]) -> str:
        """Names the locals and says what is known of them; the names as the target of an assignment."""
        g = self.g
        for variable, (_, kind) in zip(self._locals(), first, strict=True):
            variable.python = g.fresh(variable.name)
            number = kind == "float" and variable.name not in excluded
            variable.state = VALUE if number or self.fields is None else THUNK
            if number:
                g.mark(variable.python, "float")
        for other in self.state:
            if self.fields is None:
                other.python, other.state = self.state[0].python, VALUE
        return ", ".join(self._names())

    def _own(self, frame: Frame) -> None:
        """Makes the state belong to a frame that has it as locals or parameters."""
        for variable in self.state:
            variable.owner, variable.definition = frame, None
            if variable.state == VALUE:
                frame.known[variable] = variable.python

    def _part(self, hint: str, write: Any, state: list[Variable]) -> list[tuple[str, str | None]]:
        """Expressions with their kinds, written into the current block; by a function if closures come out."""
        g = self.g

        def inline() -> list[tuple[str, str | None]] | None:
            start = len(g.frame.lines)
            known, fields = dict(g.frame.known), dict(g.frame.fields)
            codes = write()
            if makes_closures(g.frame.lines[start:], *codes):
                del g.frame.lines[start:]
                g.frame.known, g.frame.fields = known, fields
                return None
            return [(code, g.kind(code)) for code in codes]

        found: list[tuple[str, str | None]] | None = attempt(g, self.bodies, inline)
        if found is not None:
            return found
        outer = g.frame
        frame, name = Frame(outer, False), g.fresh(hint)
        if state:
            self._own(frame)
        with g.inside(frame):
            codes = write()
            kinds = [g.kind(code) for code in codes]
        if state:
            self._own(outer)
        names = ", ".join(self._names()) if state else ""
        outer.lines += g.function_lines(
            name, names, frame, ", ".join(codes) + ("," if len(codes) > 1 else "")
        )
        results = [g.fresh(hint) for _ in codes]
        g.line(f"{', '.join(results)} = {name}({names})")
        return [(g.mark(result, kind), kind) for result, kind in zip(results, kinds, strict=True)]

    def _viewed(self, lazily: bool) -> str:
        """The item of a state: the selector's value, delayed or not, or the state itself."""
        g, view = self.g, self.view
        if view is not None:
            write = (lambda: [g.member(view)]) if lazily else (lambda: [g.emit(view)])
            return self._part("view", write, self.state)[0][0]
        if self.fields is None:
            return self._names()[0]
        pairs = zip(self.fields, self._names(), strict=True)
        return "{" + ", ".join(f"{g.text(field)}: {python}" for field, python in pairs) + "}"
