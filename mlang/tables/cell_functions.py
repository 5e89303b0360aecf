"""Functions of a cell as loops over a column: ``each Text.Trim(_)``, ``each _ * 2``.

The compiler makes loops of functions that read fields of their argument.  A function of a cell
is one of those when its argument is taken for the only field of a row: `columnar_cell` writes
the tree that says so, and asks for its column form.
"""

from __future__ import annotations

from typing import Any

from mlang.syntax import nodes
from mlang.tables.keys import classes_of
from mlang.values.functions import Function, Spec
from mlang.values.thunk import Thunk

#: The field that stands for the cell; no M name has a U+0000.
CELL = "\0cell"
_TEXTS = {str, type(None)}


def columnar_cell(function: Any) -> Any:
    """The column form of a function of a cell that only does cheap work; else None."""
    if function.__class__ is not Function or function.spec is None or function.spec.node is None:
        return None
    row = as_row_function(function)
    if row is None:
        return None
    from mlang.compile.fusion import columnar

    form = columnar(row)
    return form if form is not None and form.cheap and form.fields == (CELL,) else None


def as_row_function(function: Function) -> Function | None:
    """The function of a cell as a function of a row whose only field is `CELL`."""
    spec = function.spec
    assert spec is not None
    if "cell" not in spec.made:
        spec.made["cell"] = _row_spec(spec)
    rewritten: Spec | None = spec.made["cell"]
    return None if rewritten is None else Function(function.fn, 1, 1, rewritten)


def _row_spec(spec: Spec) -> Spec | None:
    node = spec.node
    if isinstance(node, nodes.Each):
        name = "_"
    elif (
        isinstance(node, nodes.Function)
        and len(node.parameters) == 1
        and node.parameters[0].type is None
        and not node.parameters[0].optional
        and node.result is None
    ):
        name = node.parameters[0].name
    else:
        return None
    below = list(node.body.walk())
    if len(below) > _LARGE or any(isinstance(n, _SCOPES) for n in below):
        return None  # names of their own, which this rewriting does not follow
    if name != "_" and any(_is_outer(n) for n in below):
        return None
    body = _rewritten(node.body, name)
    each = nodes.Each(body, node.pos, node.end)
    return Spec(spec.parameters, node=each, names=spec.names, document=spec.document)


_SCOPES = (nodes.Each, nodes.Function, nodes.Let, nodes.Record, nodes.Try)
_LARGE = 300
#: So many texts are remembered before the memory is emptied.
_MOST = 100_000


def _is_outer(node: nodes.Node) -> bool:
    """Whether a node reads the ``_`` of an enclosing each."""
    if isinstance(node, nodes.Name):
        return node.name == "_"
    return isinstance(node, (nodes.FieldAccess, nodes.Projection)) and node.target is None


def _rewritten(node: Any, name: str) -> Any:
    """The tree with the cell's name replaced by a field of the row."""
    if node.__class__ is tuple:
        return tuple([_rewritten(part, name) for part in node])
    if not isinstance(node, nodes.Node):
        return node
    if isinstance(node, nodes.Name):
        return nodes.FieldAccess(None, CELL, False, node.pos, node.end) if node.name == name else node
    parts = {field: _rewritten(getattr(node, field), name) for field in node.fields}
    if isinstance(node, (nodes.FieldAccess, nodes.Projection)) and node.target is None:
        parts["target"] = nodes.FieldAccess(None, CELL, False, node.pos, node.end)
    return node.__class__(**parts, pos=node.pos, end=node.end)  # type: ignore[call-arg]


class CellLoop:
    """A cheap function of a cell over a column; once per distinct text where texts repeat."""

    __slots__ = ("form", "known")

    def __init__(self, form: Any) -> None:
        self.form = form
        self.known: dict[Any, Any] = {}

    def __call__(self, column: list[Any]) -> list[Any]:
        if classes_of(column) <= _TEXTS:
            if len(self.known) > _MOST:
                self.known.clear()
            fresh = list(set(column).difference(self.known))
            if len(fresh) * 2 <= len(column):
                found = self.form.map([fresh], len(fresh))
                if Thunk not in classes_of(found):
                    self.known.update(zip(fresh, found, strict=True))
                    return list(map(self.known.__getitem__, column))
        results: list[Any] = self.form.map([column], len(column))
        return results
