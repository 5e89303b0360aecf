"""Names to variables: what each identifier in an expression means.

`resolve` walks a tree once and gives every `nodes.Name` (and every field access on
the implicit ``_``) its `Variable`, or a `Global`: a section member, a library name,
an entry of the environment.  The rules of scope are here and nowhere else: an
initialiser does not see its own name unless written ``@name`` (GRM-40), record
fields see each other (GRM-42), inner names hide outer ones (GRM-44), section
members see themselves (GRM-45).  ``codegen.py`` reads the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mlang.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

#: States of a variable while its frame is being generated.
UNSET, BUSY, THUNK, VALUE = range(4)


class Variable:
    """A let variable, record field or parameter.

    ``node`` is its initialiser (None for parameters), ``total`` how often it is
    mentioned, ``calls`` how often as the function of a call, ``recursive`` whether its
    value may depend on itself.  The rest belongs to the generator: ``owner`` (frame),
    ``python`` (its name there), ``state``, ``emitted`` (mentions generated so far) and
    ``definition`` (the Python function behind a variable that is bound to a function).
    """

    __slots__ = (
        "calls", "definition", "emitted", "name", "node", "owner", "python", "recursive", "state", "total",
    )  # fmt: skip

    def __init__(self, name: str, node: nodes.Node | None) -> None:
        self.name, self.node = name, node
        self.total = self.calls = self.emitted = 0
        self.recursive = False
        self.owner: Any = None
        self.python = ""
        self.state = UNSET
        self.definition: str | None = None

    def __repr__(self) -> str:
        return f"<variable {self.name}>"


class Global:
    """A name from outside the expression: ``value`` is a thunk or constant, ``builtin`` the declaration."""

    __slots__ = ("builtin", "name", "value")

    def __init__(self, name: str, value: Any = None, builtin: Any = None) -> None:
        self.name, self.value, self.builtin = name, value, builtin


class _Scope:
    """A level of names; ``hidden`` marks the initialiser of a name, which does not see it."""

    __slots__ = ("hidden", "names", "parent")

    def __init__(self, parent: _Scope | None, names: dict[str, Variable], hidden: str | None = None) -> None:
        self.parent, self.names, self.hidden = parent, names, hidden

    def find(self, name: str, inclusive: bool) -> Variable | None:
        scope: _Scope | None = self
        while scope is not None:
            if scope.hidden is not None:
                if scope.hidden == name and not inclusive:
                    assert scope.parent is not None
                    scope = scope.parent.parent
                    continue
            elif name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None


class Resolution:
    """What `resolve` found: variables of scopes, meaning of names, mention counts."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        #: id(node) -> Variable or Global, for Name and implicit field access.
        self.meaning: dict[int, Variable | Global] = {}
        #: id(Let or Record or Function node) -> its variables in order.
        self.scopes: dict[int, list[Variable]] = {}
        self._mentions: dict[int, Counter[Variable]] = {}

    def mentions(self, node: nodes.Node) -> Counter[Variable]:
        """How often each variable is mentioned in a subtree (not through other variables)."""
        found = self._mentions.get(id(node))
        if found is None:
            # Inner ifs first and once: in a chain of a thousand else-ifs each part is asked for.
            inner = [n for n in node.walk() if n.__class__ is nodes.If and n is not node]
            for part in reversed(inner):
                if id(part) not in self._mentions:
                    self._count(part)
            found = self._count(node)
        return found

    def _count(self, node: nodes.Node) -> Counter[Variable]:
        """The mentions in a subtree; those of ifs in it are known."""
        found: Counter[Variable] = Counter()
        stack = [node]
        while stack:
            part = stack.pop()
            known = self._mentions.get(id(part))
            if known is not None:
                for variable, times in known.items():
                    found[variable] += times
                continue
            meaning = self.meaning.get(id(part))
            if meaning.__class__ is Variable:
                found[meaning] += 1
            stack.extend(reversed(list(part.children())))
        self._mentions[id(node)] = found
        return found


class UnknownName(Exception):
    """A name that nothing defines; the compiler makes the engine's error of it."""

    def __init__(self, node: nodes.Node, name: str) -> None:
        super().__init__(name)
        self.node, self.name = node, name


def resolve(root: nodes.Node, environment: Any) -> Resolution:
    """Resolves a whole expression.

    ``environment.find(name)`` gives a `Global` or None for names that no scope of the
    expression defines.  Raises `UnknownName` for the first name that nothing defines.
    """
    resolution = Resolution(environment)
    _Resolver(resolution).visit(root, None)
    return resolution


class _Resolver:
    def __init__(self, resolution: Resolution) -> None:
        self.r = resolution

    def visit(self, node: nodes.Node, scope: _Scope | None) -> None:
        handler = _VISITORS.get(node.__class__)
        if handler is not None:
            handler(self, node, scope)
        else:
            for child in node.children():
                self.visit(child, scope)

    def refer(self, node: nodes.Node, name: str, inclusive: bool, scope: _Scope | None) -> None:
        variable = scope.find(name, inclusive) if scope is not None else None
        if variable is not None:
            variable.total += 1
            self.r.meaning[id(node)] = variable
            return
        found = self.r.environment.find(name)
        if found is None:
            raise UnknownName(node, name)
        self.r.meaning[id(node)] = found

    def bindings(self, node: Any, bindings: Iterable[nodes.Binding], scope: _Scope | None) -> _Scope:
        variables = [Variable(b.name, b.value) for b in bindings]
        self.r.scopes[id(node)] = variables
        inner = _Scope(scope, {v.name: v for v in variables})
        for variable in variables:
            assert variable.node is not None
            self.visit(variable.node, _Scope(inner, {}, variable.name))
        mark_recursive(variables, self.r)
        return inner


def _visit_name(self: _Resolver, node: nodes.Name, scope: _Scope | None) -> None:
    self.refer(node, node.name, node.inclusive, scope)


def _visit_access(self: _Resolver, node: Any, scope: _Scope | None) -> None:
    if node.target is None:
        self.refer(node, "_", False, scope)
    else:
        self.visit(node.target, scope)


def _visit_let(self: _Resolver, node: nodes.Let, scope: _Scope | None) -> None:
    self.visit(node.body, self.bindings(node, node.bindings, scope))


def _visit_record(self: _Resolver, node: nodes.Record, scope: _Scope | None) -> None:
    self.bindings(node, node.entries, scope)
    for variable in self.r.scopes[id(node)]:
        variable.total += 1  # the record itself holds each of its fields


def _visit_function(self: _Resolver, node: nodes.Function, scope: _Scope | None) -> None:
    variables = [Variable(p.name, None) for p in node.parameters]
    self.r.scopes[id(node)] = variables
    self.visit(node.body, _Scope(scope, {v.name: v for v in variables}))


def _visit_each(self: _Resolver, node: nodes.Each, scope: _Scope | None) -> None:
    variable = Variable("_", None)
    self.r.scopes[id(node)] = [variable]
    self.visit(node.body, _Scope(scope, {"_": variable}))


def _visit_invocation(self: _Resolver, node: nodes.Invocation, scope: _Scope | None) -> None:
    self.visit(node.function, scope)
    meaning = self.r.meaning.get(id(node.function))
    if meaning.__class__ is Variable:
        meaning.calls += 1
    for argument in node.arguments:
        self.visit(argument, scope)


_VISITORS: dict[type, Any] = {
    nodes.Name: _visit_name,
    nodes.FieldAccess: _visit_access,
    nodes.Projection: _visit_access,
    nodes.Let: _visit_let,
    nodes.Record: _visit_record,
    nodes.Function: _visit_function,
    nodes.Each: _visit_each,
    nodes.Invocation: _visit_invocation,
}


def mark_recursive(variables: list[Variable], resolution: Resolution) -> None:
    """Marks the variables of one scope whose initialisers reach themselves (Tarjan's components)."""
    local = set(variables)
    edges = {v: [m for m in resolution.mentions(v.node) if m in local] for v in variables}  # type: ignore[arg-type]
    index: dict[Variable, int] = {}
    low: dict[Variable, int] = {}
    stack: list[Variable] = []
    on_stack: set[Variable] = set()

    def close(v: Variable) -> None:
        component = []
        while True:
            w = stack.pop()
            on_stack.discard(w)
            component.append(w)
            if w is v:
                break
        if len(component) > 1 or v in edges[v]:
            for w in component:
                w.recursive = True

    for start in variables:
        if start in index:
            continue
        work = [(start, iter(edges[start]))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            v, successors = work[-1]
            for w in successors:
                if w not in index:
                    index[w] = low[w] = len(index)
                    stack.append(w)
                    on_stack.add(w)
                    work.append((w, iter(edges[w])))
                    break
                if w in on_stack:
                    low[v] = min(low[v], index[w])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[v])
                if low[v] == index[v]:
                    close(v)
