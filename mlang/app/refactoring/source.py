"""An M text with its tree, its tokens and its names: what is defined where, and what mentions it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlang.app.hints import near
from mlang.app.linting.scopes import Scopes, analyse
from mlang.compile.entry import run
from mlang.errors import Fault
from mlang.syntax import nodes, parse_document
from mlang.syntax.lexer import Tokens, tokenize
from mlang.syntax.spans import line_column

QUERY, STEP, PARAMETER = "query", "step", "parameter"


@dataclass(frozen=True)
class Place:
    """A definition: ``path`` is ``Query``, ``Query/Step`` or ``Step``; ``siblings`` share its scope."""

    kind: str
    path: str
    node: Any
    siblings: tuple[Any, ...]

    @property
    def name(self) -> str:
        """Its own name."""
        return str(self.node.name)


class Source:
    """A parsed text; raises MSyntaxError when it is no M."""

    def __init__(self, text: str, filename: str | None = None) -> None:
        self.text, self.filename = text, filename
        self.tree: nodes.Node = parse_document(text, filename)
        self.scopes: Scopes = run(lambda: analyse(self.tree))
        self.tokens: Tokens = tokenize(text)

    @property
    def is_section(self) -> bool:
        """Whether it is a section document."""
        return isinstance(self.tree, nodes.SectionDocument)

    @property
    def members(self) -> dict[str, nodes.Member]:
        """Its queries by name."""
        if not isinstance(self.tree, nodes.SectionDocument):
            return {}
        return {m.name: m for s in self.tree.sections for m in s.members}

    # ------------------------------------------------------------ places

    @cached_property
    def places(self) -> list[Place]:
        """All queries, steps and parameters, in the order of the text."""
        return list(self._places())

    def _places(self) -> Iterator[Place]:
        if isinstance(self.tree, nodes.SectionDocument):
            for section in self.tree.sections:
                for member in section.members:
                    yield Place(QUERY, member.name, member, section.members)
                    yield from _inner(member.value, member.name + "/")
        else:
            yield from _inner(self.tree, "")

    def find(
        self, name: str, at: tuple[int, int] | None = None, kinds: tuple[str, ...] = (QUERY, STEP)
    ) -> Place:
        """The one definition of a name; ``at`` (line, column) chooses among several, and reaches parameters."""
        if at is not None:
            return self._at(name, at)
        places = [p for p in self.places if p.kind in kinds]
        found = [p for p in places if p.path == name] or [p for p in places if p.name == name]
        queries = [p for p in found if p.kind == QUERY]
        if len(queries) == 1:
            return queries[0]
        if len(found) == 1:
            return found[0]
        what = " or ".join(kinds)
        if not found:
            close = near(name, [p.path for p in places] + [p.name for p in places])
            where = self.filename or "the text"
            raise Fault(
                f"There is no {what} '{name}' in {where}" + (f"; did you mean '{close}'?" if close else ".")
            )
        listed = ", ".join(f"{p.path} ({self._where(p.node.pos)})" for p in found[:8])
        raise Fault(
            f"'{name}' is defined {len(found)} times: {listed}. Write Query/Step, or --at LINE:COLUMN."
        )

    def _where(self, offset: int) -> str:
        line, column = line_column(self.text, offset)
        return f"{line}:{column}"

    def _at(self, name: str, at: tuple[int, int]) -> Place:
        """The definition at a place of the text, or the one that the name there means."""
        for place in self.places:
            if line_column(self.text, self.name_span(place.node)[0])[0] == at[0] and place.name == name:
                start, end = self.name_span(place.node)
                column = line_column(self.text, start)[1]
                if at[1] == 0 or column <= at[1] < column + max(end - start, 1):
                    return place
        by_node = {id(p.node): p for p in self.places}
        for node in self.tree.walk():
            if isinstance(node, nodes.Name) and node.name == name:
                line, column = line_column(self.text, node.pos)
                target = by_node.get(id(self.scopes.target(node)))
                if (
                    target is not None
                    and line == at[0]
                    and (at[1] == 0 or column <= at[1] < column + node.end - node.pos)
                ):
                    return target
        column_text = f":{at[1]}" if at[1] else ""
        raise Fault(f"There is no '{name}' at line {at[0]}{column_text}.")

    # ------------------------------------------------------------ spans

    def name_span(self, node: Any) -> tuple[int, int]:
        """Where the name stands in a definition or a mention (without ``@`` and ``section!``)."""
        starts, ends = self.tokens.starts, self.tokens.ends
        if isinstance(node, (nodes.Name, nodes.SectionAccess)):
            index = bisect_left(ends, node.end)
        elif isinstance(node, (nodes.Binding, nodes.Member)):
            index = bisect_left(starts, node.value.pos) - 2  # name = value
        else:
            index = bisect_left(starts, node.pos) + (1 if node.optional else 0)
        return starts[index], ends[index]

    def mentions(self, node: Any) -> list[Any]:
        """The names that mean a definition."""
        return self.scopes.mentions.get(id(node), [])

    def token_before(self, offset: int) -> tuple[str, int, int]:
        """The last token that ends at or before a place."""
        index = bisect_left(self.tokens.starts, offset) - 1
        start, end = self.tokens.starts[index], self.tokens.ends[index]
        return self.text[start:end], start, end

    def token_at(self, offset: int) -> tuple[str, int, int]:
        """The first token that begins at or after a place."""
        index = bisect_left(self.tokens.starts, offset)
        start, end = self.tokens.starts[index], self.tokens.ends[index]
        return self.text[start:end], start, end


def _inner(root: nodes.Node, prefix: str) -> Iterator[Place]:
    for node in root.walk():
        if isinstance(node, nodes.Let):
            for binding in node.bindings:
                yield Place(STEP, prefix + binding.name, binding, node.bindings)
        elif isinstance(node, nodes.Function):
            for parameter in node.parameters:
                yield Place(PARAMETER, prefix + parameter.name, parameter, node.parameters)


def bare(node: nodes.Node) -> nodes.Node:
    """Without parentheses."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    return node


def steps_let(node: nodes.Node) -> nodes.Let | None:
    """The let that holds the steps of a query, under ``meta`` too."""
    found = bare(node)
    while isinstance(found, nodes.Binary) and found.operator == "meta":
        found = bare(found.left)
    return found if isinstance(found, nodes.Let) else None


def outer_let(node: nodes.Node) -> nodes.Let | None:
    """The let of a query, through parentheses."""
    found = bare(node)
    return found if isinstance(found, nodes.Let) else None
