"""Which query needs which: names that are free in a query's expression and are members of the section.

Local variables, fields of the same record and parameters hide members, as in evaluation.
`order` sorts queries so that each comes after what it reads, and refuses circles;
`Reach` tells what an evaluation may ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mlang.syntax import nodes
from staging.errors import DataflowError

_Scope = frozenset[str]


def references(node: nodes.Node) -> set[str]:
    """The names that an expression takes from around it, ``@`` ones included; section!name too."""
    found: set[str] = set()
    # With each node: the names that hide members, for plain and for @ references.
    stack: list[tuple[nodes.Node, _Scope, _Scope]] = [(node, frozenset(), frozenset())]
    while stack:
        current, plain, inclusive = stack.pop()
        if isinstance(current, nodes.Name):
            if current.name not in (inclusive if current.inclusive else plain):
                found.add(current.name)
        elif isinstance(current, nodes.SectionAccess):
            found.add(current.name)
        else:
            stack.extend(_below(current, plain, inclusive))
    return found


def _below(node: nodes.Node, plain: _Scope, inclusive: _Scope) -> Iterator[tuple[nodes.Node, _Scope, _Scope]]:
    if isinstance(node, nodes.Let):
        yield from _bindings(node.bindings, plain, inclusive)
        names = frozenset(b.name for b in node.bindings)
        yield node.body, plain | names, inclusive | names
    elif isinstance(node, nodes.Record):
        yield from _bindings(node.entries, plain, inclusive)
    elif isinstance(node, nodes.Function):
        names = frozenset(p.name for p in node.parameters)
        yield node.body, plain | names, inclusive | names
    elif isinstance(node, nodes.Each):
        yield node.body, plain | {"_"}, inclusive | {"_"}
    else:
        for child in node.children():
            yield child, plain, inclusive


def _bindings(
    bindings: tuple[nodes.Binding, ...], plain: _Scope, inclusive: _Scope
) -> Iterator[tuple[nodes.Node, _Scope, _Scope]]:
    names = frozenset(b.name for b in bindings)
    for binding in bindings:
        # A binding does not see itself, except through @.
        yield binding.value, plain | (names - {binding.name}), inclusive | names


def dependencies(members: Mapping[str, nodes.Node]) -> dict[str, set[str]]:
    """For each member the other members that it names."""
    return {name: references(node) & members.keys() for name, node in members.items()}


def upstream(name: str, needs: Mapping[str, set[str]], stop: Iterable[str] = ()) -> set[str]:
    """All that a member needs, directly or through others; what is in ``stop`` is not looked through."""
    stops = stop if isinstance(stop, (set, frozenset)) else set(stop)
    found: set[str] = set()
    waiting = list(needs[name])
    while waiting:
        current = waiting.pop()
        if current in found:
            continue
        found.add(current)
        if current not in stops:
            waiting.extend(needs[current])
    return found - {name} if name not in needs[name] else found


class Reach:
    """What the evaluation of a member may ask of the others."""

    #: They reach members by names that are known only when they run.
    _ANY = frozenset(["#shared", "#sections", "Value.Firewall"])

    def __init__(self, members: Mapping[str, nodes.Node]) -> None:
        found = {name: references(node) for name, node in members.items()}
        self._needs = {name: names & members.keys() for name, names in found.items()}
        self._open = {name for name, names in found.items() if names & self._ANY}

    def of(self, name: str) -> set[str] | None:
        """The member and all that it needs; None where it may be any."""
        found = upstream(name, self._needs) | {name}
        return None if found & self._open else found


def order(names: Iterable[str], needs: Mapping[str, set[str]], recursive: Iterable[str] = ()) -> list[str]:
    """The names, and what they need, each after what it needs; stable.

    A circle through one of ``recursive`` (functions) may be: what a function names is needed when it is called.
    Any other circle is a `DataflowError` that shows it.
    """
    allowed = set(recursive)
    done: dict[str, bool] = {}
    result: list[str] = []
    for start in names:
        path: list[tuple[str, Iterator[str]]] = []
        if start not in done:
            done[start] = False
            path.append((start, iter(sorted(needs[start]))))
        while path:
            name, rest = path[-1]
            follower = next(rest, None)
            if follower is None:
                path.pop()
                done[name] = True
                result.append(name)
            elif follower not in done:
                done[follower] = False
                path.append((follower, iter(sorted(needs[follower]))))
            elif not done[follower]:
                _check_circle([n for n, _ in path], follower, allowed)
    return result


def _check_circle(path: list[str], again: str, allowed: set[str]) -> None:
    circle = path[path.index(again) :]
    if any(name in allowed for name in circle):
        return
    shown = " → ".join([*circle, again])
    raise DataflowError(f"Queries need each other in a circle: {shown}.")
