"""Which name means what, for rules and edits: like ``compile/scopes.py``, but it goes on after an unknown name.

`analyse` gives each `nodes.Name` its target: the binding, parameter, member or ``each`` that defines it, or
None for names from outside (the library, or nothing).
"""

from __future__ import annotations

from typing import Any

from mlang.syntax import nodes

#: What may define a name.
Definition = Any


class _Level:
    """A level of names; ``hidden`` marks the initialiser of a name, which does not see it."""

    __slots__ = ("hidden", "names", "parent")

    def __init__(
        self, parent: _Level | None, names: dict[str, Definition], hidden: str | None = None
    ) -> None:
        self.parent, self.names, self.hidden = parent, names, hidden

    def find(self, name: str, inclusive: bool = False) -> Definition:
        level: _Level | None = self
        while level is not None:
            if level.hidden is None:
                found = level.names.get(name)
                if found is not None:
                    return found
            elif level.hidden == name and not inclusive:
                assert level.parent is not None
                level = level.parent  # the level that holds the name: passed over too
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
        #: id(definition) -> the names that mean it.
        self.mentions: dict[int, list[nodes.Node]] = {}
        #: Nodes that read an implicit ``_`` ([field]) or ``_`` itself, with their each.
        self.underscores: dict[int, list[nodes.Node]] = {}

    def target(self, node: nodes.Node) -> Definition:
        """What a name means, None when it comes from outside."""
        return self._targets.get(id(node))

    def note(self, node: nodes.Node, target: Definition, inside: Definition) -> None:
        """Remembers a mention."""
        self._targets[id(node)] = target
        self.users.setdefault(id(target), []).append(inside)
        self.mentions.setdefault(id(target), []).append(node)
        if isinstance(target, nodes.Each):
            self.underscores.setdefault(id(target), []).append(node)


def analyse(tree: nodes.Node) -> Scopes:
    """Resolves a whole tree."""
    found = Scopes()
    sections = tree.sections if isinstance(tree, nodes.SectionDocument) else ()
    by_name = {(s.name, m.name): m for s in reversed(sections) for m in reversed(s.members)}
    # Explicit stack: trees may be very deep.  Entries: node, level, definition whose expression it is in.
    stack: list[tuple[nodes.Node, _Level, Definition]] = []
    for section in sections:
        others = {m.name: m for s in reversed(sections) if s is not section for m in s.members if m.shared}
        own = {m.name: m for m in section.members}
        stack.append((section, _Level(_Level(None, others), own), None))
    if not sections:
        stack.append((tree, _Level(None, {}), None))
    stack.reverse()
    while stack:
        node, level, inside = stack.pop()
        if isinstance(node, nodes.SectionAccess):
            member = by_name.get((node.section, node.name))
            if member is not None:
                found.note(node, member, inside)
        stack += reversed(list(_visit(found, node, level, inside)))
    return found


def _visit(found: Scopes, node: nodes.Node, level: _Level, inside: Definition) -> Any:
    if isinstance(node, nodes.Name):
        _name(found, node, level, inside)
    elif isinstance(node, (nodes.FieldAccess, nodes.Projection)) and node.target is None:
        target = level.find("_")
        if target is not None:
            found.note(node, target, inside)
    elif isinstance(node, (nodes.Let, nodes.Record)):
        bindings = node.bindings if isinstance(node, nodes.Let) else node.entries
        inner = _Level(level, {b.name: b for b in bindings})
        if isinstance(node, nodes.Let):
            _hide(found, bindings, level)
            yield node.body, inner, inside
        for binding in bindings:
            hidden = _Level(inner, {}, binding.name)
            yield binding.value, hidden, binding if isinstance(node, nodes.Let) else inside
        return
    elif isinstance(node, nodes.Function):
        _hide(found, node.parameters, level)
        inner = _Level(level, {p.name: p for p in node.parameters})
        yield node.body, inner, inside
        return
    elif isinstance(node, nodes.Each):
        yield node.body, _Level(level, {"_": node}), inside
        return
    elif isinstance(node, nodes.Member):
        yield node.value, level, node
        return
    for child in node.children():
        yield child, level, inside


def _name(found: Scopes, node: nodes.Name, level: _Level, inside: Definition) -> None:
    target = level.find(node.name, node.inclusive)
    if target is not None:
        found.note(node, target, inside)
    elif not node.name.startswith("#"):
        found.free.append(node)


def _hide(found: Scopes, definitions: Any, level: _Level) -> None:
    for definition in definitions:
        outer = level.find(definition.name)
        if outer is not None:
            found.hiding.append((definition, outer))
