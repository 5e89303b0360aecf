"""``mlang deps``: what each query of a document needs, who needs it, and which sources it opens."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlang.app.refactoring.edits import opened
from mlang.app.refactoring.rename import is_environment
from mlang.app.refactoring.source import Source, outer_let
from mlang.app.refactoring.sources import DataSource, own_sources
from mlang.errors import Fault
from mlang.syntax import nodes


@dataclass
class Entry:
    """A query (or, in one expression, a step) and what it is connected to."""

    name: str
    kind: str
    needs: list[str] = field(default_factory=list)
    used_by: list[str] = field(default_factory=list)
    sources: list[DataSource] = field(default_factory=list)
    #: Names that the document does not define and the library neither: of an extension, or nothing.
    unknown: list[str] = field(default_factory=list)
    #: Queries that say where its data is loaded to.
    destinations: list[str] = field(default_factory=list)


def dependencies(source: Source) -> dict[str, Entry]:
    """Every query; the steps when the text is one expression."""
    if source.is_section:
        holders: list[Any] = list(source.members.values())
        kind = "query"
    else:
        let = outer_let(source.tree)
        holders = list(let.bindings) if let is not None else []
        kind = "step"
    found = {h.name: Entry(h.name, kind) for h in holders}
    parts = [(h.name, h.value) for h in holders]
    if not source.is_section:
        found["(result)"] = Entry("(result)", "result")
        parts.append(("(result)", let.body if let is not None else source.tree))
    for name, member in source.members.items():
        found[name].destinations = _destinations(member, found)
    defined, free = {id(h) for h in holders}, {id(n) for n in source.scopes.free}
    for name, node in parts:
        _fill(source, found, found[name], node, defined, free)
    return found


def _destinations(member: nodes.Member, found: dict[str, Entry]) -> list[str]:
    """The queries that a member's attributes name."""
    inside = member.attributes.walk() if member.attributes is not None else ()
    named = [
        n.value.value
        for n in inside
        if isinstance(n, nodes.Binding) and n.name == "QueryName" and isinstance(n.value, nodes.Literal)
    ]
    return list(dict.fromkeys(str(n) for n in named if n in found))


def _fill(
    source: Source, found: dict[str, Entry], entry: Entry, node: nodes.Node, holders: set[int], free: set[int]
) -> None:
    from mlang import registry

    for inner in node.walk():
        target = source.scopes.target(inner)
        if isinstance(inner, nodes.FieldAccess) and is_environment(inner.target):
            target = source.members.get(inner.name)
        if target is not None and id(target) in holders and target.name not in entry.needs:
            entry.needs.append(target.name)
            found[target.name].used_by.append(entry.name)
        is_unknown = id(inner) in free and registry.lookup(inner.name) is None  # type: ignore[attr-defined]
        if is_unknown and inner.name not in entry.unknown:  # type: ignore[attr-defined]
            entry.unknown.append(inner.name)  # type: ignore[attr-defined]
    entry.sources = own_sources(source, node)


def reached(found: dict[str, Entry], name: str, reverse: bool) -> list[str]:
    """A query and all it needs (or all that need it), nearest first."""
    order, seen = [name], {name}
    for current in order:
        entry = found[current]
        for other in entry.used_by if reverse else entry.needs:
            if other not in seen:
                seen.add(other)
                order.append(other)
    return order


def show(path: Path, query: str | None, reverse: bool, mermaid: bool, as_json: bool) -> int:
    """Prints the dependencies of a file."""
    file = opened(path)
    found = dependencies(Source(file.text, str(file.path)))
    names = list(found)
    if query is not None:
        if query not in found:
            from mlang.app.hints import near

            close = near(query, found)
            raise Fault(f"There is no query '{query}'" + (f"; did you mean '{close}'?" if close else "."))
        names = reached(found, query, reverse)
    chosen = [found[n] for n in names]
    if as_json:
        print(json.dumps([_as_dict(e) for e in chosen], ensure_ascii=False, indent=1))
    elif mermaid:
        print(mermaid_text(chosen), end="")
    else:
        _print(chosen, reverse)
    return 0


def _as_dict(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name, "kind": entry.kind, "needs": entry.needs, "used_by": entry.used_by,
        "sources": [vars(s) for s in entry.sources], "unknown": entry.unknown,
        "destinations": entry.destinations,
    }  # fmt: skip


def _label(source: DataSource) -> str:
    return f"{source.kind} {source.path if source.path is not None else '(computed)'}"


def _print(entries: list[Entry], reverse: bool) -> None:
    from mlang.app.render import print_grid

    more = {"Destinations": [e.destinations for e in entries], "Unknown": [e.unknown for e in entries]}
    more = {name: cells for name, cells in more.items() if any(cells)}
    rows = [
        [e.name, ", ".join(e.used_by if reverse else e.needs), "; ".join(_label(s) for s in e.sources)]
        + [", ".join(cells[number]) for cells in more.values()]
        for number, e in enumerate(entries)
    ]
    head = [
        "Query" if entries[0].kind == "query" else "Step",
        "Used by" if reverse else "Needs",
        "Sources",
        *more,
    ]
    print_grid(head, rows)


def mermaid_text(entries: list[Entry]) -> str:
    """A flowchart from sources to results."""
    numbers = {e.name: f"q{i}" for i, e in enumerate(entries)}
    sources = list(dict.fromkeys(s for e in entries for s in e.sources))
    lines = ["flowchart LR"]
    lines += [f'    s{i}[("{_quoted(_label(s))}")]' for i, s in enumerate(sources)]
    lines += [f'    {numbers[e.name]}["{_quoted(e.name)}"]' for e in entries]
    for entry in entries:
        lines += [f"    s{sources.index(s)} --> {numbers[entry.name]}" for s in entry.sources]
        lines += [f"    {numbers[n]} --> {numbers[entry.name]}" for n in entry.needs if n in numbers]
        lines += [f"    {numbers[entry.name]} -.-> {numbers[n]}" for n in entry.destinations if n in numbers]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A label in quotes: entities for what Mermaid would read as markup."""
    for character in '&#"<>[]{}|`\\':
        text = text.replace(character, {"&": "&amp;"}.get(character, f"\0{ord(character)};"))
    return text.replace("\0", "#").replace("\n", " ").replace("&amp;", "#38;")
