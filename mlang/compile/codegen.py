"""From a resolved tree to Python source text.

A `Generator` makes one *unit*: a Python function of no arguments that gives the
expression's value.  What it generates, and why:

- A variable is evaluated at its first use in the frame and is a plain local
  afterwards.  A thunk is made only where something lazy (a function, a record field,
  a list item) captures it unevaluated, or where a branch might evaluate it and
  later code might need it too (``branches.py``).
- The ordinary case of an operator (two doubles) stands inline behind a class test,
  the rest is a call into ``runtime.py``.
- A let-bound function is called directly; a self tail call in a body without closures
  becomes a loop.
- M text never becomes Python text: names are numbered, literals and field names are
  constants handed over in the unit's globals.

A `Frame` (``frames.py``) is a Python function being written: its lines and what is
known in it.  Handlers for node kinds are in ``expressions.py`` and ``forms.py``, registered by
`emits`.  ``entry.py`` runs units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlang.compile.frames import Frame, Line, source_text
from mlang.compile.scopes import BUSY, THUNK, UNSET, VALUE, Global, Resolution, Variable
from mlang.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

#: CPython allows 100 levels of indentation and 20 nested blocks; deeper code is outlined.
MAX_INDENT = 60
MAX_TRY = 8
#: Longer expressions are spilt to a local: the parser of CPython allows 200 nested brackets.
MAX_EXPRESSION = 300


#: What `Generator.kind` says of the constants that generated code spells out.
_CONSTANTS = {"True": "bool", "False": "bool", "None": "NoneType"}

EMITTERS: dict[type, Callable[[Generator, Any], str]] = {}


def emits(*classes: type) -> Callable[[Callable[[Generator, Any], str]], Callable[[Generator, Any], str]]:
    """Registers the handler that generates a node class: it may add lines and returns an expression."""

    def register(handler: Callable[[Generator, Any], str]) -> Callable[[Generator, Any], str]:
        for cls in classes:
            EMITTERS[cls] = handler
        return handler

    return register


def _is_atom(code: str) -> bool:
    """Whether an expression is a name or a number, which may be repeated."""
    return code.isidentifier() or code.replace(".", "", 1).isdigit()


class Generator:
    """Generates one unit."""

    def __init__(self, resolution: Resolution, unit: Any) -> None:
        self.r = resolution
        self.unit = unit
        self.frame = Frame(None, True)
        self.globals: dict[str, Any] = {}
        self._constants: dict[Any, str] = {}
        self._constant_kinds: dict[str, str] = {}
        #: Comparisons whose result may be null: the fast form with its guard, and the slow form.
        self.conditions: dict[str, tuple[str, str]] = {}
        #: Variables whose thunk is being written: their local is not set yet.
        self.delaying: set[Variable] = set()
        #: Row parameters whose fields are locals, with the variables of those.
        self.rows: dict[Variable, dict[str, Variable]] = {}
        self._counter = 0
        self.pos = 0
        #: Nodes made while generating: what is known of nodes goes by their identity, so they stay alive.
        self.kept: list[nodes.Node] = []
        #: Functions at the top of the unit (see ``outline.py``).
        self.lifted: dict[str, list[Line]] = {}

    # ------------------------------------------------------------ names and lines

    def fresh(self, hint: str = "t") -> str:
        """A Python name that nothing else in the unit has."""
        self._counter += 1
        word = "".join(c if c.isascii() and c.isalnum() else "_" for c in hint[:24])
        return f"v{word}_{self._counter}" if word[:1].isdigit() else f"{word}_{self._counter}"

    @property
    def made(self) -> int:
        """The number of the latest name."""
        return self._counter

    def is_local(self, name: str) -> bool:
        """Whether a name is one of `fresh`, for a local of some function of the unit."""
        return name.rpartition("_")[2].isdigit() and "_" in name and name not in self.lifted

    def constant(self, value: Any, key: Any = None) -> str:
        """The global name of a constant; equal keys share one."""
        if key is not None and key in self._constants:
            return self._constants[key]
        self._counter += 1
        name = f"K{self._counter}"
        self.globals[name] = value
        self._constant_kinds[name] = value.__class__.__name__
        if key is not None:
            self._constants[key] = name
        return name

    def text(self, value: str) -> str:
        """The global name of a text constant."""
        return self.constant(value, ("text", value))

    def line(self, text: str) -> None:
        """Adds a line to the current block."""
        self.frame.lines.append((self.frame.indent, text, self.pos))

    def temp(self, code: str, hint: str = "t") -> str:
        """A local that holds an expression's value."""
        name = self.fresh(hint)
        self.line(f"{name} = {code}")
        return self.mark(name, self.kind(code))

    # ------------------------------------------------------------ kinds

    def kind(self, code: str) -> str | None:
        """The Python class that an expression's value certainly has at this point; None when any."""
        if code[0].isdigit():
            return "float"
        frame: Frame | None = self.frame
        while frame is not None:
            kind = frame.kinds.get(code)
            if kind is not None:
                return kind
            frame = frame.parent
        return _CONSTANTS.get(code) or self._constant_kinds.get(code)

    def mark(self, code: str, kind: str | None) -> str:
        """Notes what `kind` shall say of an expression until the end of the block."""
        if kind is not None:
            self.frame.kinds[code] = kind
        return code

    # ------------------------------------------------------------ expressions

    def emit(self, node: nodes.Node) -> str:
        """Generates a node; returns a Python expression for its forced value."""
        saved, self.pos = self.pos, node.pos
        code = EMITTERS[node.__class__](self, node)
        if len(code) > MAX_EXPRESSION:
            code = self.temp(code)
        self.pos = saved
        return code

    def atom(self, node: nodes.Node) -> str:
        """As `emit`, but the expression is a name or number that may be repeated."""
        return self.as_atom(self.emit(node))

    def as_atom(self, code: str) -> str:
        """The expression itself when it may be repeated, else a local holding it."""
        return code if _is_atom(code) else self.temp(code)

    def named(self, code: str) -> str:
        """As `as_atom`, but never a number: for identity tests."""
        return code if code.isidentifier() else self.temp(code)

    def emit_all(self, given: tuple[nodes.Node, ...] | list[nodes.Node]) -> list[str]:
        """Generates several nodes, evaluated in order: earlier ones are spilt when later ones need lines."""
        codes: list[str] = []
        for node in given:
            mark = len(self.frame.lines)
            code = self.emit(node)
            if len(self.frame.lines) > mark:
                for i, earlier in enumerate(codes):
                    if not _is_atom(earlier):
                        name = self.fresh()
                        self.frame.lines.insert(mark, (self.frame.indent, f"{name} = {earlier}", self.pos))
                        codes[i] = self.mark(name, self.kind(earlier))
                        mark += 1
            codes.append(code)
        return codes

    # ------------------------------------------------------------ frames and blocks

    @contextmanager
    def inside(self, frame: Frame) -> Iterator[None]:
        """Generates into another frame."""
        saved, self.frame = self.frame, frame
        try:
            yield
        finally:
            self.frame = saved

    @contextmanager
    def block(self) -> Iterator[list[Line]]:
        """A nested block of the current frame; what it evaluates is not known after it."""
        frame = self.frame
        saved_lines, saved_trail = frame.lines, frame.trail
        saved_known, saved_kinds, saved_fields = dict(frame.known), dict(frame.kinds), dict(frame.fields)
        frame.lines, frame.trail = [], []
        frame.indent += 1
        lines = frame.lines
        try:
            yield lines
        finally:
            for undo in reversed(frame.trail):
                undo()
            frame.lines, frame.trail = saved_lines, saved_trail
            frame.known, frame.kinds, frame.fields = saved_known, saved_kinds, saved_fields
            frame.indent -= 1

    def know(self, variable: Variable, python: str) -> None:
        """From here to the end of the block this local holds the variable's forced value."""
        self.frame.known[variable] = python

    def set_state(self, variable: Variable, state: int) -> None:
        """Changes a variable's state until the owner's current block ends."""
        owner: Frame = variable.owner
        before, definition = variable.state, variable.definition

        def undo() -> None:
            variable.state, variable.definition = before, definition

        owner.trail.append(undo)
        variable.state = state

    def declare(self, variables: list[Variable]) -> None:
        """Makes variables belong to the current frame, not evaluated yet."""
        for variable in variables:
            variable.owner = self.frame
            variable.python = self.fresh(variable.name)
            variable.state, variable.definition, variable.emitted = UNSET, None, 0

    def function_lines(
        self, name: str, parameters: str, frame: Frame, result: str | None, loop: bool = False
    ) -> list[Line]:
        """A finished frame as the lines of a def, at the current indentation."""
        indent = self.frame.indent
        out: list[Line] = [(indent, f"def {name}({parameters}):", self.pos)]
        extra = indent
        if loop:
            out.append((indent + 1, "while True:", self.pos))
            extra += 1
        out[1:1] = [(indent + 1, text, pos) for _, text, pos in frame.head or ()]
        out += [(i + extra, text, pos) for i, text, pos in frame.lines]
        if result is not None:
            out.append((extra + 1, f"return {result}", self.pos))
        return out

    # ------------------------------------------------------------ variables

    def use(self, variable: Variable) -> str:
        """A local name that holds the variable's forced value."""
        variable.emitted += 1
        frame = self.frame
        known = frame.known.get(variable)
        if known is not None:
            return known
        owner: Frame = variable.owner
        if owner is frame:
            return self._use_own(variable)
        if variable.state == UNSET and variable.total == 1 and self._once_up_to(owner):
            assert variable.node is not None
            self.set_state(variable, BUSY)
            return self.as_atom(self.emit(variable.node))
        self.capture(variable)
        if variable.state == VALUE or owner.known.get(variable) == variable.python:
            self.know(variable, variable.python)
            return variable.python
        alias = self.fresh(variable.name)
        python = variable.python
        if frame.head is not None:  # looked up once for all rounds, and forced in the first that needs it
            frame.head.append((0, f"{alias} = {python}", self.pos))
            self.line(f"if {alias}.__class__ is Thunk: {alias} = {alias}.get()")
            self.know(variable, alias)
            return alias
        self.line(f"{alias} = {python}.get() if {python}.__class__ is Thunk else {python}")
        self.know(variable, alias)
        return alias

    def _use_own(self, variable: Variable) -> str:
        if variable.state == UNSET:
            if variable.node.__class__ in (nodes.Function, nodes.Each):
                self.define(variable)
                self.know(variable, variable.python)
                return variable.python
            if not variable.recursive:
                return self._evaluate(variable)
            self.delay(variable)
        if variable.state == BUSY:
            return self.temp("fail_with(cyclic)")
        python = variable.python
        self.line(f"if {python}.__class__ is Thunk: {python} = {python}.get()")
        self.know(variable, python)
        return python

    def _evaluate(self, variable: Variable) -> str:
        """Evaluates a variable in place: its first use in its own frame."""
        assert variable.node is not None
        self.set_state(variable, BUSY)
        code = self.emit(variable.node)
        saved, self.pos = self.pos, variable.node.pos
        self.line(f"{variable.python} = {code}")
        self.mark(variable.python, self.kind(code))
        self.pos = saved
        variable.state = VALUE
        self.know(variable, variable.python)
        return variable.python

    def _once_up_to(self, owner: Frame) -> bool:
        frame: Frame | None = self.frame
        while frame is not None and frame is not owner:
            if not frame.once:
                return False
            frame = frame.parent
        return True

    def capture(self, variable: Variable) -> None:
        """Makes sure that the owner's local is set (to a value or a thunk) where inner frames read it."""
        if variable.state != UNSET:
            return
        with self.inside(variable.owner):
            if variable.node.__class__ in (nodes.Function, nodes.Each):
                self.define(variable)
            elif variable.node.__class__ is nodes.Literal or self._alias(variable.node):
                self._evaluate(variable)
            else:
                self.delay(variable)

    def _alias(self, node: nodes.Node | None) -> bool:
        """Whether an initialiser is the name of a variable that is evaluated already."""
        meaning = self.r.meaning.get(id(node)) if node.__class__ is nodes.Name else None
        return isinstance(meaning, Variable) and (
            meaning in self.frame.known or (meaning.state == VALUE and meaning.node is None)
        )

    def delay(self, variable: Variable) -> None:
        """Sets the owner's local to a thunk, or to the value when it costs less than a thunk."""
        assert variable.node is not None
        self.set_state(variable, THUNK)
        code = None
        if variable.node.__class__ is nodes.Binary and not variable.recursive:
            from mlang.compile.eager import eager_member

            self.delaying.add(variable)
            code = eager_member(self, variable.node)
            self.delaying.discard(variable)
        self.line(f"{variable.python} = {code or self.thunk(variable.node, variable.name)}")

    def define(self, variable: Variable) -> None:
        """Generates a let-bound function: the Python function and, where it is used as a value, the M one."""
        from mlang.compile.forms import function_definition

        node: Any = variable.node
        self.set_state(variable, VALUE)
        definition = self.fresh(variable.name)
        variable.definition = definition
        spec = function_definition(self, node, definition, variable)
        least, most = spec_arity(node)
        self.line(f"{variable.python} = Function({definition}, {least}, {most}, {spec})")

    def thunk(self, node: nodes.Node, hint: str = "lazy") -> str:
        """A thunk of a node: an expression that makes it."""
        outer = self.frame
        frame = Frame(outer, True)
        with self.inside(frame):
            if frame.depth > MAX_INDENT:
                from mlang.compile.outline import lift

                result = lift(self, node, None)
            else:
                result = self.emit(node)
        if not frame.lines:
            return f"Thunk(lambda: {result})"
        name = self.fresh(hint)
        outer.lines += self.function_lines(name, "", frame, result)
        return f"Thunk({name})"

    def member(self, node: nodes.Node) -> str:
        """A list item or record field: an expression for its value or a thunk of it."""
        cls = node.__class__
        if cls is nodes.Parenthesized:
            return self.member(node.inner)  # type: ignore[attr-defined]
        if cls in _TOTAL:
            return self.emit(node)
        if cls is nodes.List and not any(i.__class__ is nodes.Range for i in node.items):  # type: ignore[attr-defined]
            return self.emit(node)
        if cls is nodes.FieldAccess:
            variable = self.row_variable(node)  # type: ignore[arg-type]
            if variable is not None:
                return self.raw(variable)
        if cls is nodes.Name:
            meaning = self.r.meaning[id(node)]
            if meaning.__class__ is Variable:
                return self.raw(meaning)
            assert isinstance(meaning, Global)
            if meaning.builtin is not None or meaning.value.__class__.__name__ == "Thunk":
                return self.global_value(meaning, force=False)
        from mlang.compile.eager import eager_member

        return eager_member(self, node) or self.thunk(node)

    def raw(self, variable: Variable) -> str:
        """A variable as a member: its value when known, else its thunk; never evaluates it."""
        known = self.frame.known.get(variable)
        if known is not None:
            variable.emitted += 1
            return known
        if variable.state == UNSET and variable.total == 1 and self._once_up_to(variable.owner):
            variable.emitted += 1
            assert variable.node is not None
            self.set_state(variable, BUSY)
            return self.member(variable.node)
        variable.emitted += 1
        self.capture(variable)
        return variable.python

    def global_value(self, meaning: Global, force: bool = True) -> str:
        """A name from outside the unit."""
        if meaning.builtin is not None:
            return self.constant(self.unit.builtin_value(meaning.builtin), ("builtin", meaning.name))
        name = self.constant(meaning.value, ("global", meaning.name))
        if force and meaning.value.__class__.__name__ == "Thunk":
            return self.as_atom(f"({name}.content if {name}.state == 1 else {name}.get())")
        return name

    def row_variable(self, node: nodes.FieldAccess) -> Variable | None:
        """The variable that stands for ``row[field]`` where a row's fields are locals (``self.rows``)."""
        if not self.rows or node.optional:
            return None
        row = self.r.meaning.get(id(node if node.target is None else node.target))
        fields = self.rows.get(row) if isinstance(row, Variable) else None
        return fields.get(node.name) if fields is not None else None


#: Nodes whose evaluation cannot fail and costs nothing: generated where they stand.
_TOTAL = frozenset({nodes.Literal, nodes.Function, nodes.Each, nodes.Record})


def spec_arity(node: Any) -> tuple[int, int]:
    """The least and most arguments of a function expression."""
    if node.__class__ is nodes.Each:
        return 1, 1
    return sum(1 for p in node.parameters if not p.optional), len(node.parameters)


__all__ = [
    "EMITTERS", "MAX_EXPRESSION", "MAX_INDENT", "MAX_TRY", "Frame", "Generator", "Line", "emits",
    "source_text", "spec_arity",
]  # fmt: skip
