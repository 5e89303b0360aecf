"""Containers whose M is one section document already, and what two versions of such a document differ in by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlang.app.containers.base import Container
from mlang.syntax import MSyntaxError, nodes, parse_document


@dataclass
class SectionContainer(Container):
    """A container of one text."""

    text: str = ""

    @property
    def document(self) -> str:
        """The text as it is stored."""
        return self.text

    def formatted(self, one: Callable[[str, str], str]) -> str:
        """The whole text, formatted."""
        return one(self.text, str(self.path))


@dataclass(frozen=True)
class Renames:
    """Old and new names of queries, and of steps by the old name of their query."""

    queries: dict[str, str]
    steps: dict[tuple[str, str], str]

    def path(self, parts: list[str]) -> list[str]:
        """The metadata path ``Section1/Query/Step`` after the renames."""
        if len(parts) < 2:
            return parts
        query, rest = parts[1], parts[2:]
        if rest:
            rest = [self.steps.get((query, rest[0]), rest[0]), *rest[1:]]
        return [parts[0], self.queries.get(query, query), *rest]

    def __bool__(self) -> bool:
        return bool(self.queries or self.steps)


def renames(old: str, new: str) -> Renames:
    """What has another name at the same place; nothing where members or steps came or went."""
    before, after = members(old), members(new)
    queries: dict[str, str] = {}
    steps: dict[tuple[str, str], str] = {}
    if len(before) == len(after):
        left, came = {m.name for m in before}, {m.name for m in after}
        pairs = list(zip(before, after, strict=True))
        queries = {b.name: a.name for b, a in pairs if a.name not in left and b.name not in came}
    else:
        named = {m.name: m for m in after}
        pairs = [(m, named[m.name]) for m in before if m.name in named]
    for one, other in pairs:
        was, now = _steps(one.value), _steps(other.value)
        if len(was) == len(now):
            steps |= {
                (one.name, w): n for w, n in zip(was, now, strict=True) if n not in was and w not in now
            }
    return Renames(queries, steps)


def members(text: str) -> list[nodes.Member]:
    """The members of all sections; none of a text that is no section document."""
    try:
        tree = parse_document(text)
    except MSyntaxError:
        return []
    return [m for s in tree.sections for m in s.members] if isinstance(tree, nodes.SectionDocument) else []


def _steps(node: nodes.Node) -> list[str]:
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    return [b.name for b in node.bindings] if isinstance(node, nodes.Let) else []
