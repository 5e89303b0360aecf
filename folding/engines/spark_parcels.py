"""Row-wise steps of a plan as data that workers of a cluster make the same steps of.

A function written in M goes as its text and the values that it captured, never as code: the worker compiles the text
with the compiler that made it here.  What would not mean the same there does not go (`Unsendable`): the clock,
random numbers, sources, tables, sections, the firewall.  Read ``spark_workers.py`` for who packs, ``spark_worker.py``
for who unpacks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from folding.engines.spark_cells import Unsendable, encoded
from mlang import registry
from mlang.errors import MError
from mlang.syntax import nodes
from mlang.syntax.printer import print_node
from mlang.tables import plan as p
from mlang.tables.local import RowFunction
from mlang.values.functions import Function, captured
from mlang.values.metadata import strip
from mlang.values.thunk import DONE, Thunk, force
from mlang.values.types import MType

#: Families whose functions depend on their arguments, the culture and the time zone only.
_FAMILIES = frozenset([
    "text", "character", "guid", "logical", "date", "datetime", "datetimezone", "time", "duration", "number", "byte",
    "int8", "int16", "int32", "int64", "single", "double", "decimal", "currency", "percentage", "list", "record",
    "splitter", "combiner", "comparer", "replacer", "value", "json", "binary", "occurrence", "roundingmode", "day",
    "missingfield", "extravalues", "quotestyle", "precision", "order", "relativeposition", "textencoding", "any",
    "function", "uri", "culture", "compression", "binaryencoding", "null", "none",
])  # fmt: skip
#: Not the same at each call, or about things that do not travel.
_HERE = frozenset([
    "Number.Random", "Number.RandomBetween", "List.Random", "Text.NewGuid", "Value.NativeQuery", "Value.Firewall",
    "Value.Type", "Value.Metadata", "Value.Lineage", "Value.Traits", "Value.VersionIdentity", "Value.Versions",
    "Value.Alternates", "Value.ViewError", "Value.ViewFunction", "Value.Expression", "Value.Optimize", "Value.As",
    "Value.Is", "Value.ReplaceType", "Value.ReplaceMetadata", "Value.RemoveMetadata", "List.Buffer", "Binary.Buffer",
    "#table", "#shared", "#sections", "Function.From", "Function.ScalarVector", "Function.InvokeAfter",
    "Function.InvokeWithErrorContext",
])  # fmt: skip
#: What asks the session's time zone, which a machine may give.
_ZONED = frozenset(["DateTime.From", "Date.From", "Time.From", "DateTime.AddZone", "DateTime.ToText"])
_DEEPEST = 20
#: Steps that may go: each row by itself.
ROW_WISE = (
    p.AddColumn, p.TransformColumns, p.ChangeTypes, p.SelectRows, p.ReplaceValue, p.ReplaceErrors, p.ErrorRows,
    p.Project, p.Retype,
)  # fmt: skip


class Parcel:
    """What is sent for one query; ``zoned`` tells that the session's time zone is known by name."""

    def __init__(self, zoned: bool) -> None:
        self.zoned = zoned

    # ------------------------------------------------------------ values

    def value(self, value: Any, depth: int = 0) -> dict[str, Any]:
        """A constant, or a function."""
        if value.__class__ is Thunk:
            try:
                value = force(value)
            except MError:
                raise Unsendable("a value that is an error") from None
        value = strip(value) if strip(value).__class__ is Function else value
        if value.__class__ is Function:
            return {"f": self.function(value, depth + 1)}
        return {"v": encoded(value)}

    def function(self, function: Any, depth: int = 0) -> dict[str, Any]:
        """A function value: the name of a library function, or M text and what it captured."""
        function = strip(function)
        if function.__class__ is not Function or function.spec is None or depth > _DEEPEST:
            raise Unsendable("a function whose body is not known")
        spec = function.spec
        if spec.builtin is not None:
            self.allowed(spec.builtin.name)
            return {"text": spec.builtin.name, "names": {}}
        if spec.node is None or spec.document is None:
            raise Unsendable("a function that the library made")
        names: dict[str, Any] = {}
        local = _bound(spec.node)
        for node in spec.node.walk():
            if isinstance(node, (nodes.SectionAccess, nodes.Verbatim)):
                raise Unsendable("a function that asks a section")
            if isinstance(node, nodes.Name) and node.name not in names:
                found = self.meaning(function, node.name, local)
                if found is not _NOWHERE:
                    names[node.name] = self.value(found, depth)
        return {"text": print_node(spec.node), "names": names}

    def meaning(self, function: Any, name: str, local: set[str]) -> Any:
        """What a name in a function stands for outside of it; `_NOWHERE` for its own and those of the library."""
        found = captured(function, name, _NOWHERE)
        if found is not _NOWHERE or name in local:
            return found
        unit = function.spec.document
        document = getattr(unit, "document", None)
        if document is None or document.environment is not None:
            raise Unsendable("a function of an environment of its own")
        member = document.member(name, unit.section)
        if member is not None:
            return member
        self.allowed(name)
        return _NOWHERE

    def allowed(self, name: str) -> None:
        """Raises `Unsendable` for what is not the same on a worker."""
        if registry.lookup(name) is None:
            raise Unsendable(f"'{name}' is not known")
        family = name.partition(".")[0].lower()
        clock = any(word in name for word in ("Now", "Today", ".IsIn", "Local", "Random", "Current"))
        if name in _HERE or clock or (family not in _FAMILIES and not name.startswith("#")):
            raise Unsendable(f"{name} is not the same on a worker")
        if not self.zoned and (name in _ZONED or family == "datetimezone"):
            raise Unsendable("the time zone of this machine")

    # ------------------------------------------------------------ steps

    def step(self, node: p.Plan) -> dict[str, Any]:
        """A step of the plan."""
        write = _STEPS.get(node.__class__)
        if write is None:
            raise Unsendable(f"{node.function} needs more than one row")
        return write(self, node)

    def converted(self, type: MType) -> list[Any]:
        """A type of cells."""
        if type.__class__ is not MType or type.facets is not None:
            raise Unsendable("a type with parts")
        if type.kind == "datetimezone" and not self.zoned:
            raise Unsendable("the time zone of this machine")
        return [type.kind, type.nullable, type.name]


_NOWHERE: Any = object()


def _bound(node: nodes.Node) -> set[str]:
    """Names that are bound somewhere in an expression."""
    found = {"_"}
    for part in node.walk():
        if isinstance(part, (nodes.Binding, nodes.Parameter)):
            found.add(part.name)
    return found


def _add(parcel: Parcel, node: p.AddColumn) -> dict[str, Any]:
    return {"do": "add", "name": node.column, "f": parcel.function(node.value)}


def _transform(parcel: Parcel, node: p.TransformColumns) -> dict[str, Any]:
    return {"do": "transform", "of": [[name, parcel.function(f)] for name, f in node.transforms]}


def _types(parcel: Parcel, node: p.ChangeTypes) -> dict[str, Any]:
    of = [[name, parcel.converted(type)] for name, type in node.changes]
    return {"do": "types", "of": of, "culture": node.culture}


def _select(parcel: Parcel, node: p.SelectRows) -> dict[str, Any]:
    return {"do": "select", "f": parcel.function(node.predicate)}


def _replace(parcel: Parcel, node: p.ReplaceValue) -> dict[str, Any]:
    if not node.per_row and any(v.__class__ is Thunk and v.state != DONE for v in (node.old, node.new)):
        raise Unsendable("replacement values that are not computed yet")
    return {
        "do": "replace", "old": parcel.value(node.old), "new": parcel.value(node.new),
        "by": parcel.function(node.replacer), "columns": list(node.columns), "row": node.per_row,
    }  # fmt: skip


def _errors(parcel: Parcel, node: p.ReplaceErrors) -> dict[str, Any]:
    if any(v.__class__ is Thunk and v.state != DONE for _, v in node.replacements):
        raise Unsendable("replacement values that are not computed yet")
    return {"do": "errors", "of": [[name, parcel.value(value)] for name, value in node.replacements]}


def _bad(parcel: Parcel, node: p.ErrorRows) -> dict[str, Any]:
    return {"do": "bad", "columns": list(node.columns), "keep": node.keep}


def _project(parcel: Parcel, node: p.Project) -> dict[str, Any]:
    return {"do": "project", "of": [[new, old] for new, old in node.columns]}


def _retype(parcel: Parcel, node: p.Retype) -> dict[str, Any]:
    pairs = zip(node.schema.names, node.input.schema.names, strict=True)
    return {"do": "project", "of": [[new, old] for new, old in pairs]}


_STEPS: dict[type, Callable[[Parcel, Any], dict[str, Any]]] = {
    p.AddColumn: _add, p.TransformColumns: _transform, p.ChangeTypes: _types, p.SelectRows: _select,
    p.ReplaceValue: _replace, p.ReplaceErrors: _errors, p.ErrorRows: _bad, p.Project: _project, p.Retype: _retype,
}  # fmt: skip


# ---------------------------------------------------------------- columns


def reads(node: Any) -> tuple[str, ...]:
    """The columns of its input that a step looks into."""
    if isinstance(node, p.AddColumn):
        return _of_row(node.value, node.input.schema)
    if isinstance(node, p.SelectRows):
        return _of_row(node.predicate, node.input.schema)
    if isinstance(node, p.ReplaceValue) and node.per_row:
        return tuple(node.input.schema.names)
    if isinstance(node, (p.ReplaceValue, p.ErrorRows)):
        return tuple(node.columns)
    return changed(node)


def _of_row(function: Any, schema: Any) -> tuple[str, ...]:
    found = RowFunction(function, schema).reads
    return tuple(found) if all(schema.has(name) for name in found) else tuple(schema.names)


def changed(node: Any) -> tuple[str, ...]:
    """The columns of its input whose cells a step makes anew."""
    if isinstance(node, p.TransformColumns):
        return tuple(name for name, _ in node.transforms)
    if isinstance(node, p.ChangeTypes):
        return tuple(name for name, _ in node.changes)
    if isinstance(node, p.ReplaceErrors):
        return tuple(name for name, _ in node.replacements)
    return tuple(node.columns) if isinstance(node, p.ReplaceValue) else ()


# ---------------------------------------------------------------- kinds

_LOGICAL = frozenset(["=", "<>"])


def kind_of_result(function: Any) -> str | None:
    """The kind that a function's results are likely of; what is of another kind is noticed on the worker."""
    function = strip(function)
    spec = function.spec if function.__class__ is Function else None
    if spec is None:
        return None
    if spec.builtin is not None:
        return str(spec.builtin.result)
    if spec.node is None:
        return None
    if isinstance(spec.node, nodes.Function) and spec.node.result is not None:
        return str(spec.result)
    return _kind(spec.node.body)


def _kind(node: Any) -> str | None:
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if isinstance(node, nodes.Invocation) and isinstance(node.function, nodes.Name):
        entry = registry.lookup(node.function.name) if "." in node.function.name else None
        return str(entry.result) if isinstance(entry, registry.Builtin) else None
    if isinstance(node, nodes.Let):
        return _kind(node.body)
    if isinstance(node, nodes.Literal):
        return {str: "text", float: "number", bool: "logical"}.get(node.value.__class__)
    if isinstance(node, nodes.Binary) and node.operator in _LOGICAL:
        return "logical"
    if isinstance(node, nodes.Binary) and node.operator == "&":
        return "text" if "text" in (_kind(node.left), _kind(node.right)) else None
    if isinstance(node, nodes.If):
        return _either(node.then, node.otherwise)
    if isinstance(node, nodes.Try) and node.otherwise is not None:
        return _either(node.body, node.otherwise)
    return None


def _either(left: Any, right: Any) -> str | None:
    a, b = _kind(left), _kind(right)
    nothing = [isinstance(n, nodes.Literal) and n.value is None for n in (left, right)]
    if a == b or nothing[1]:
        return a
    return b if nothing[0] else None
