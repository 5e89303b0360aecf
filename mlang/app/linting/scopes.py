"""Which name means what, for rules: like ``compile/scopes.py``, but it goes on after an unknown name.

`analyse` gives each `nodes.Name` its target: the binding, parameter, member or ``each`` that defines it, or
None for names from outside (the library, or nothing).
"""

from __future__ import annotations

from typing import Any

from mlang.syntax import nodes

#: What may define a name.
Definition = Any


class _Level:
    __slots__ = ("names", "parent")

    def __init__(self, parent: _Level | None, names: dict[str, Definition]) -> None:
        self.parent, self.names = parent, names

    def find(self, name: str, skip: Definition = None) -> Definition:
        level: _Level | None = self
        while level is not None:
            found = level.names.get(name)
            if found is not None and found is not skip:
                return found
            level = level.parent
        return None


class Scopes:
    """The meaning of all names of a tree."""

    def __init__(self) -> None:
        self._targets: dict[int, Definition] = {}
        #: Names that no scope of the text defines.
        self.free: list[nodes.Name] = []
        #: (definition, the outer definition that it hides)
        self.hiding: list[tuple[Definition, Definition]] = []
        #: id(definition) -> the definitions in whose expression it is mentioned (None: elsewhere).
        self.users: dict[int, list[Definition]] = {}
        #: Nodes that read an implicit ``_`` ([field]) or ``_`` itself, with their each.
        self.underscores: dict[int, list[nodes.Node]] = {}

    def target(self, node: nodes.Node) -> Definition:
        """What a name means, None when it comes from outside."""
        return self._targets.get(id(node))

    def note(self, node: nodes.Node, target: Definition, inside: Definition) -> None:
        """Remembers a mention."""
        self._targets[id(node)] = target
        self.users.setdefault(id(target), []).append(inside)
        if isinstance(target, nodes.Each):
            self.underscores.setdefault(id(target), []).append(node)


def analyse(tree: nodes.Node) -> Scopes:
    """Resolves a whole tree."""
    found = Scopes()
    members: dict[str, Definition] = {}
    if isinstance(tree, nodes.SectionDocument):
        members = {m.name: m for s in tree.sections for m in s.members}
    # Explicit stack: trees may be very deep.  Entries: node, level, definition whose expression it is in,
    # definition that the node does not see (a binding does not see itself).
    stack: list[tuple[nodes.Node, _Level, Definition, Definition]] = [
        (tree, _Level(None, members), None, None)
    ]
    while stack:
        node, level, inside, hidden = stack.pop()
        stack += reversed(list(_visit(found, node, level, inside, hidden)))
    return found


def _visit(found: Scopes, node: nodes.Node, level: _Level, inside: Definition, hidden: Definition) -> Any:
    if isinstance(node, nodes.Name):
        _name(found, node, level, inside, hidden)
    elif isinstance(node, (nodes.FieldAccess, nodes.Projection)) and node.target is None:
        target = level.find("_")
        if target is not None:
            found.note(node, target, inside)
    elif isinstance(node, (nodes.Let, nodes.Record)):
        bindings = node.bindings if isinstance(node, nodes.Let) else node.entries
        inner = _Level(level, {b.name: b for b in bindings})
        if isinstance(node, nodes.Let):
            _hide(found, bindings, level)
            yield node.body, inner, inside, None
        for binding in bindings:
            yield binding.value, inner, binding if isinstance(node, nodes.Let) else inside, binding
        return
    elif isinstance(node, nodes.Function):
        _hide(found, node.parameters, level)
        inner = _Level(level, {p.name: p for p in node.parameters})
        yield node.body, inner, inside, hidden
        return
    elif isinstance(node, nodes.Each):
        yield node.body, _Level(level, {"_": node}), inside, hidden
        return
    elif isinstance(node, nodes.Member):
        yield node.value, level, node, None
        return
    for child in node.children():
        yield child, level, inside, hidden


def _name(found: Scopes, node: nodes.Name, level: _Level, inside: Definition, hidden: Definition) -> None:
    target = level.find(node.name, None if node.inclusive else hidden)
    if target is not None:
        found.note(node, target, inside)
    elif not node.name.startswith("#"):
        found.free.append(node)


def _hide(found: Scopes, definitions: Any, level: _Level) -> None:
    for definition in definitions:
        outer = level.find(definition.name)
        if outer is not None:
            found.hiding.append((definition, outer))
