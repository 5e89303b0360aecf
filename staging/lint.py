"""Rules about dataflows that can be decided from their files: ``mlang lint DATAFLOW``.

The codes are those of the list of documented anti-patterns (L1 to L19).  Each finding has a reason and a
cure.  ``// mlang: ignore L5`` in a query, or on the lines just above it, switches a rule off there; above
the section it holds for the whole document.  L8 looks at dataflows that stage with fast copy, L10 at our
form of incremental refresh (``buckets.py``); L11 and parts of L12 need the schemas of ``check.py``.
The rules are in ``rules/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import asdict, frozen

from mlang.syntax import nodes
from mlang.syntax.spans import line_column
from mlang.values.types import TableType
from staging import graph
from staging.dataflow import Dataflow, Query

_IGNORE = re.compile(r"//\s*mlang:\s*ignore((?:[\s,]+L\d+)+)")


@frozen
class Finding:
    """A rule that a query breaks."""

    code: str
    query: str | None
    line: int
    reason: str
    cure: str

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


class Context:
    """A dataflow with what the rules ask of it again and again."""

    def __init__(self, dataflow: Dataflow, schemas: Mapping[str, TableType]) -> None:
        self.dataflow, self.schemas = dataflow, schemas
        self.members = {m.name: m.value for m in dataflow.tree.sections[0].members}
        self.needs = graph.dependencies(self.members)
        self.staged = {name for name, q in dataflow.queries.items() if q.staged}
        self.readers: dict[str, list[str]] = {name: [] for name in self.members}
        for name, needed in self.needs.items():
            for other in sorted(needed):
                self.readers[other].append(name)

    def line(self, node: nodes.Node) -> int:
        """The line of a node."""
        return line_column(self.dataflow.text, node.pos)[0]

    def finding(
        self, code: str, query: Query, reason: str, cure: str, node: nodes.Node | None = None
    ) -> Finding:
        """A finding at a node, or at the query."""
        return Finding(code, query.name, self.line(node if node is not None else query.node), reason, cure)

    def queries(self) -> Iterator[Query]:
        """The queries that are neither parameters, functions nor destination queries."""
        for query in self.dataflow.queries.values():
            if not (query.is_parameter or query.is_function or query.is_target):
                yield query

    def staged_needs(self, name: str) -> set[str]:
        """The staged queries that a query reads, directly or through unstaged ones."""
        return (graph.upstream(name, self.needs, stop=self.staged) & self.staged) - {name}

    def target_function(self, query: str) -> str | None:
        """The function that a destination query starts from."""
        for node in self.members[query].walk():
            if isinstance(node, nodes.Invocation) and isinstance(node.function, nodes.Name):
                name = node.function.name
                if name.split(".")[-1] in (
                    "Contents",
                    "Database",
                    "Databases",
                    "Warehouse",
                    "Files",
                    "Document",
                ):
                    return name
        return None


def calls(node: nodes.Node, *names: str) -> Iterator[nodes.Invocation]:
    """The calls of some functions inside an expression."""
    for found in node.walk():
        named = isinstance(found, nodes.Invocation) and isinstance(found.function, nodes.Name)
        if named and found.function.name in names:  # type: ignore[attr-defined]
            yield found  # type: ignore[misc]


def resolved(node: nodes.Node, steps: Mapping[str, nodes.Node]) -> nodes.Node:
    """What a name of a step stands for."""
    for _ in range(200):
        if isinstance(node, nodes.Parenthesized):
            node = node.inner
        elif isinstance(node, nodes.Name) and node.name in steps:
            node = steps[node.name]
        else:
            break
    return node


def steps_of(node: nodes.Node) -> dict[str, nodes.Node]:
    """The steps of a query's outermost let."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    return {b.name: b.value for b in node.bindings} if isinstance(node, nodes.Let) else {}


def lint(dataflow: Dataflow, schemas: Mapping[str, TableType] | None = None) -> list[Finding]:
    """All findings that are not switched off, by line."""
    from staging.rules import RULES

    context = Context(dataflow, schemas or {})
    everywhere, here = ignored(dataflow)
    found = []
    for code, rule in RULES.items():
        for finding in rule(context):
            assert finding.code == code
            if code not in everywhere and code not in here.get(finding.query or "", ()):
                found.append(finding)
    return sorted(found, key=lambda f: (f.line, int(f.code[1:]), f.query or ""))


def ignored(dataflow: Dataflow) -> tuple[set[str], dict[str, set[str]]]:
    """The rules that are off: in the whole document, and by query."""
    section = dataflow.tree.sections[0]
    ends = [(m.value.end, m.name) for m in section.members]
    first = dataflow.text.find("section", section.attributes.end if section.attributes is not None else 0)
    everywhere: set[str] = set()
    here: dict[str, set[str]] = {}
    for match in _IGNORE.finditer(dataflow.text):
        codes = set(re.findall(r"L\d+", match[1]))
        # A comment at the end of a member's last line stands after its end.
        line_start = dataflow.text.rfind("\n", 0, match.start()) + 1
        owner = next((name for end, name in ends if end > line_start), None)
        if match.start() < first or owner is None:
            everywhere |= codes
        else:
            here.setdefault(owner, set()).update(codes)
    return everywhere, here
