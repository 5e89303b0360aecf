"""``mlang inline``: a step disappears, its expression stands wherever the step was mentioned.

M is lazy and pure, so the result is the same; what can differ is the work: a step is evaluated once, an
expression at each place, in a function at each call.  The plan says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlang.app.refactoring.edits import Change, Copy, Edit, Edited, Piece, Plan, Refused, opened
from mlang.app.refactoring.removal import without_bindings
from mlang.app.refactoring.source import STEP, Place, Source, bare
from mlang.app.refactoring.verify import check
from mlang.syntax import nodes

#: What can stand anywhere without parentheses.
_CLOSED = (nodes.Name, nodes.Parenthesized, nodes.List, nodes.Invocation)
#: Parts of nodes where any expression stands as it is.
_OPEN = {
    nodes.Binding: ("value",), nodes.Let: ("body",), nodes.Function: ("body",), nodes.Each: ("body",),
    nodes.If: ("condition", "then", "otherwise"), nodes.List: ("items",), nodes.Invocation: ("arguments",),
    nodes.Parenthesized: ("inner",), nodes.Member: ("value",), nodes.ItemAccess: ("index",),
}  # fmt: skip


def plan(path: Path, name: str, at: tuple[int, int] | None = None) -> Plan:
    """The edits that put a step's expression into its places."""
    file = opened(path)
    source = Source(file.text, str(file.path))
    place = source.find(name, at, (STEP,))
    edits = inline(source, place)
    return Plan([Change(file, edits)], _notes(source, place))


def _notes(source: Source, place: Place) -> list[str]:
    sites = source.mentions(place.node)
    notes: list[str] = []
    if isinstance(bare(place.node.value), nodes.Literal):
        return notes
    if len(sites) > 1:
        notes.append(f"'{place.name}' was evaluated once and stands in {len(sites)} places now.")
    inside = [s for s in sites if _in_function(source, s, place)]
    if inside and not isinstance(bare(place.node.value), (nodes.Function, nodes.Each)):
        notes.append(f"'{place.name}' stands in a function now and is evaluated at each call of it.")
    if not sites:
        notes.append(f"nothing mentions '{place.name}': it is removed.")
    return notes


def _in_function(source: Source, site: nodes.Node, place: Place) -> bool:
    functions = [n for n in source.tree.walk() if isinstance(n, (nodes.Function, nodes.Each))]
    return any(n.pos <= site.pos < n.end and not n.pos <= place.node.pos < n.end for n in functions)


def inline(source: Source, place: Place) -> list[Edit]:
    """The edits of a text."""
    binding, sites = place.node, source.mentions(place.node)
    what = f"Inlining '{place.name}'"
    if any(binding.value.pos <= s.pos < binding.value.end for s in sites):
        raise Refused(f"'{place.name}' mentions itself: it cannot be inlined.")
    parents = _parents(source.tree, {id(s) for s in sites})
    puts = [Edit(s.pos, s.end, _pieces(binding.value, s, parents[id(s)])) for s in sites]
    let = next(
        n
        for n in source.tree.walk()
        if isinstance(n, nodes.Let) and binding in n.bindings and any(b is binding for b in n.bindings)
    )
    edits = without_bindings(source, let, [binding], puts)
    edited = Edited(source.text, edits)
    new = check(source, edited, what)
    if _plain(new.tree) != _plain(_substituted(source, let, place)):
        raise Refused(f"{what} would change how the text around it is read.")
    return edits


def _parents(tree: nodes.Node, sites: set[int]) -> dict[int, tuple[nodes.Node, str]]:
    """Of each site the node above it, and as which of its parts it stands there."""
    found: dict[int, tuple[nodes.Node, str]] = {}
    for node in tree.walk():
        for name in node.fields:
            value = getattr(node, name)
            for item in value if value.__class__ is tuple else (value,):
                if id(item) in sites:
                    found[id(item)] = node, name
    return found


def _pieces(value: nodes.Node, site: nodes.Node, parent: tuple[nodes.Node, str]) -> tuple[Piece, ...]:
    copy = Copy(value.pos, value.end)
    above, part = parent
    number_or_text = isinstance(value, nodes.Literal) and part not in ("function", "target")
    if number_or_text or isinstance(value, _CLOSED) or part in _OPEN.get(above.__class__, ()):
        return (copy,)
    return "(", copy, ")"


# ---------------------------------------------------------------- how it is read


def _substituted(source: Source, let: nodes.Let, place: Place) -> nodes.Node:
    """The tree that the edited text must have."""
    fresh = Source(source.text, source.filename)
    steps = [
        n for n in fresh.tree.walk() if isinstance(n, nodes.Let) and (n.pos, n.end) == (let.pos, let.end)
    ]
    own = steps[0]
    binding = next(b for b in own.bindings if b.name == place.name)
    instead: dict[int, nodes.Node] = {id(m): binding.value for m in fresh.mentions(binding)}
    own.bindings = tuple(b for b in own.bindings if b is not binding)
    if not own.bindings:
        instead[id(own)] = own.body
    return replace_nodes(fresh.tree, instead)


def replace_nodes(tree: nodes.Node, instead: dict[int, nodes.Node]) -> nodes.Node:
    """A tree with other nodes in the places of some, changed in place."""
    holder = nodes.Parenthesized(tree)

    def settled(node: Any) -> Any:
        while id(node) in instead:
            node = instead[id(node)]
        return node

    for node in [*holder.walk(), *(n for value in instead.values() for n in value.walk())]:
        for name in node.fields:
            value = getattr(node, name)
            if isinstance(value, nodes.Node):
                setattr(node, name, settled(value))
            elif value.__class__ is tuple:
                setattr(node, name, tuple(settled(v) for v in value))
    return holder.inner


def _plain(tree: nodes.Node) -> nodes.Node:
    """Without parentheses; changes the tree."""
    instead = {id(n): n.inner for n in tree.walk() if isinstance(n, nodes.Parenthesized)}
    return replace_nodes(tree, instead)
