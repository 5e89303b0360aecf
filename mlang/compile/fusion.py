"""Row functions as loops over columns.

`columnar` compiles a row function that reads its row only as ``[field]`` into a loop
over the columns of those fields: no record per row, the body inline.  The result
list holds values, and failed thunks where the body raised.  What the function
captured is looked up once per call.  A function whose row escapes (``_`` itself is
passed on, kept or projected) has no such form and gets records instead.

``cheap`` tells that the body only does bounded work (operators and pure library
functions on fields and constants), so that a lazy cell may as well be computed at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import registry
from mlang.compile import codegen, forms
from mlang.compile.codegen import Frame, Generator
from mlang.compile.runtime import NAMES
from mlang.compile.scopes import THUNK, Global, Resolution, UnknownName, Variable, resolve
from mlang.syntax import nodes
from mlang.values.functions import Function, captured
from mlang.values.thunk import failed


class Columnar:
    """A row function over columns: ``fields`` are the columns it reads, in the order `map` wants them."""

    __slots__ = ("_loop", "cheap", "fields")

    def __init__(
        self, fields: tuple[str, ...], cheap: bool, loop: Callable[[list[list[Any]], int], list[Any]]
    ) -> None:
        self.fields, self.cheap, self._loop = fields, cheap, loop

    def map(self, columns: list[list[Any]], length: int) -> list[Any]:
        """The function of each row; ``columns`` are those of ``fields``; errors become failed thunks."""
        if self.cheap:
            return self._loop(columns, length)
        # A body that may recurse through tables.  CPython looks for the error being handled through all
        # suspended generators, whenever one is raised or a generator is left; here it finds one.
        try:
            raise _Edge
        except _Edge as edge:
            edge.__traceback__ = edge.__context__ = None
            return self._loop(columns, length)


class _Edge(Exception):
    """Handled around the rows of a table, so that unwinding a deep recursion takes linear time."""


class _Shape:
    """What is the same for all closures of one function expression."""

    __slots__ = ("captures", "cheap", "code", "constants", "fields")

    def __init__(
        self,
        fields: tuple[str, ...],
        cheap: bool,
        code: Any,
        constants: dict[str, Any],
        captures: dict[str, str],
    ) -> None:
        self.fields, self.cheap, self.code = fields, cheap, code
        self.constants, self.captures = constants, captures


def columnar(function: Any) -> Columnar | None:
    """The columnar form of a row function, or None when it has none."""
    if not isinstance(function, Function) or function.spec is None or function.spec.node is None:
        return None
    node = function.spec.node
    if isinstance(node, nodes.Function) and (
        len(node.parameters) != 1 or node.parameters[0].type is not None
    ):
        return None
    made = function.spec.made
    if "columnar" not in made:
        made["columnar"] = _shape(function)
    shape: _Shape | None = made["columnar"]
    if shape is None:
        return None
    scope: dict[str, Any] = {**NAMES, **shape.constants, "failed": failed}
    for constant, name in shape.captures.items():
        scope[constant] = captured(function, name)
    exec(shape.code, scope)
    return Columnar(shape.fields, shape.cheap, scope["loop"])


class _Captured:
    """The environment of a function's body: what it captured, then what its document sees."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.names: dict[str, Global] = {}
        unit = function.spec.document  # type: ignore[union-attr]
        from mlang.compile.entry import Environment

        self.outer = Environment(unit.document, unit.section)

    def find(self, name: str) -> Global | None:
        if name in self.names:
            return self.names[name]
        try:
            captured(self.function, name)
        except KeyError:
            return self.outer.find(name)
        # Captured values differ from closure to closure: a marker stands for them in the shape.
        found = self.names[name] = Global(name, _Marker(name))
        return found


class _Marker:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _shape(function: Function) -> _Shape | None:
    node = function.spec.node  # type: ignore[union-attr]
    try:
        resolution = resolve(node, _Captured(function))
    except UnknownName:
        return None
    row = resolution.scopes[id(node)][0]
    accesses = _row_accesses(node.body, row, resolution)
    if accesses is None:
        return None
    fields = tuple(dict.fromkeys(a.name for a in accesses))
    generator = _RowGenerator(resolution, function.spec.document, row, fields)  # type: ignore[union-attr]
    code = generator.loop(node.body)
    captures = {k: v.name for k, v in generator.globals.items() if isinstance(v, _Marker)}
    constants = {k: v for k, v in generator.globals.items() if not isinstance(v, _Marker)}
    return _Shape(fields, _is_cheap(node.body, resolution), code, constants, captures)


def _row_accesses(body: nodes.Node, row: Variable, resolution: Resolution) -> list[nodes.FieldAccess] | None:
    """The places where the body reads a field of its row; None when the row escapes."""
    found: list[nodes.FieldAccess] = []
    mentions = 0
    for node in body.walk():
        if resolution.meaning.get(id(node)) is row:
            mentions += 1
        if isinstance(node, nodes.FieldAccess) and not node.optional:
            target = node.target
            if (target is None and resolution.meaning.get(id(node)) is row) or (
                isinstance(target, nodes.Name) and resolution.meaning.get(id(target)) is row
            ):
                found.append(node)
    return found if len(found) == mentions else None


#: Nodes that make no closures, so that a loop's variables are safe in them.
_INLINE = (*forms._LOOPABLE, nodes.Try)
#: Families whose functions do bounded work without reading anything from outside.
_PURE = frozenset(
    [
        "Text",
        "Number",
        "Date",
        "Time",
        "DateTime",
        "DateTimeZone",
        "Duration",
        "Logical",
        "Int8",
        "Int16",
        "Int32",
        "Int64",
        "Byte",
        "Single",
        "Double",
        "Decimal",
        "Currency",
        "Percentage",
        "Character",
        "Value",
    ]
)


def _is_cheap(body: nodes.Node, resolution: Resolution) -> bool:
    for node in body.walk():
        if not isinstance(node, _INLINE):
            return False
        if isinstance(node, nodes.Invocation):
            meaning = resolution.meaning.get(id(node.function))
            builtin = meaning.builtin if isinstance(meaning, Global) else None
            if not isinstance(builtin, registry.Builtin) or builtin.name.partition(".")[0] not in _PURE:
                return False
    return True


class _RowGenerator(Generator):
    """A generator for which the row's fields are locals."""

    def __init__(self, resolution: Resolution, unit: Any, row: Variable, fields: tuple[str, ...]) -> None:
        super().__init__(resolution, unit)
        self.fields = {name: Variable(name, None) for name in fields}
        self.rows[row] = self.fields

    def global_value(self, meaning: Global, force: bool = True) -> str:
        if isinstance(meaning.value, _Marker):
            name = self.constant(meaning.value, ("captured", meaning.name))
            return self.as_atom(f"({name}.get() if {name}.__class__ is Thunk else {name})") if force else name
        return super().global_value(meaning, force)

    def loop(self, body: nodes.Node) -> Any:
        """The code object that defines ``loop(columns, length)``."""
        inline = all(isinstance(n, _INLINE) for n in body.walk())
        frame = Frame(None, False)
        self.frame = frame
        variables = list(self.fields.values())
        self.declare(variables)
        for variable in variables:
            # A cell may be a thunk: forced at its first use, as an outer thunk would be.
            variable.state = THUNK
        frame.indent = 2 if inline else 1
        result = self.emit(body)
        names = [v.python for v in variables]
        lines: list[codegen.Line] = []
        if not inline:
            lines += [(0, f"def row({', '.join(names)}):", 0), *frame.lines, (1, f"return {result}", 0)]
        lines += [(0, "def loop(columns, length):", 0), (1, "out = []", 0), (1, "append = out.append", 0)]
        lines.append((1, f"for {_loop_head(names)}:", 0))
        lines.append((2, "try:", 0))
        if inline:
            lines += [(i + 1, text, pos) for i, text, pos in frame.lines]
            lines.append((3, f"append({result})", 0))
        else:
            lines.append((3, f"append(row({', '.join(names)}))", 0))
        lines += [(2, "except MError as error:", 0), (3, "append(failed(error))", 0), (1, "return out", 0)]
        for function in self.lifted.values():
            lines += function
        return compile(codegen.source_text(lines)[0], "<m:columns>", "exec")


def _loop_head(names: list[str]) -> str:
    if not names:
        return "_ in range(length)"
    if len(names) == 1:
        return f"{names[0]} in columns[0]"
    return f"{', '.join(names)} in zip(*columns)"


__all__ = ["Columnar", "columnar"]
