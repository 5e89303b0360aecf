"""The graph of a dataflow: which query reads which, in text, as Mermaid, as one HTML page with an SVG."""

from __future__ import annotations

from html import escape

from attrs import frozen

from staging import graph
from staging.dataflow import Dataflow

_KINDS = {
    "parameter": ("#f3f0ff", "parameter"), "function": ("#e7f5ff", "function"), "staged": ("#d3f9d8", "staged"),
    "query": ("#ffffff", "not staged"), "destination": ("#fff3bf", "destination"),
}  # fmt: skip
_WIDTH, _HEIGHT, _ACROSS, _DOWN = 190, 34, 250, 52


@frozen
class Node:
    """A query, what it is, what it reads; ``layer`` is its distance from the sources."""

    name: str
    kind: str
    reads: tuple[str, ...]
    layer: int


def nodes_of(dataflow: Dataflow) -> list[Node]:
    """The queries, each after those it reads; a destination query reads what is loaded to it."""
    members = {m.name: m.value for m in dataflow.tree.sections[0].members}
    needs = graph.dependencies(members)
    functions = [name for name, q in dataflow.queries.items() if q.is_function]
    targets: dict[str, set[str]] = {}
    for name, query in dataflow.queries.items():
        for settings in query.destinations:
            targets.setdefault(settings.query, set()).add(name)
    layers: dict[str, int] = {}
    found = []
    ordered = graph.order(members, needs, recursive=functions)
    ordered = [n for n in ordered if n not in targets] + [n for n in ordered if n in targets]
    for name in ordered:
        reads = sorted((needs[name] | targets.get(name, set())) - {name})
        layers[name] = 1 + max((layers.get(r, -1) for r in reads), default=-1)
        found.append(Node(name, _kind(dataflow, name), tuple(reads), layers[name]))
    return found


def _kind(dataflow: Dataflow, name: str) -> str:
    query = dataflow.queries.get(name)
    if query is None:
        return "query"
    if query.is_target:
        return "destination"
    if query.is_parameter or query.is_function:
        return "parameter" if query.is_parameter else "function"
    return "staged" if query.staged else "query"


def text(dataflow: Dataflow) -> str:
    """One line a query."""
    lines = []
    for node in nodes_of(dataflow):
        reads = f" ← {', '.join(node.reads)}" if node.reads else ""
        lines.append(f"{'  ' * node.layer}{node.name} ({_KINDS[node.kind][1]}){reads}")
    return "\n".join(lines)


def mermaid(dataflow: Dataflow) -> str:
    """A flowchart for Markdown."""
    found = nodes_of(dataflow)
    number = {node.name: f"q{i}" for i, node in enumerate(found)}
    lines = ["flowchart LR"]
    for node in found:
        label = node.name.replace('"', "#quot;")
        left, right = {"parameter": ("(", ")"), "destination": ("[(", ")]"), "function": ("{{", "}}")}.get(
            node.kind, ("[", "]")
        )
        lines.append(f'    {number[node.name]}{left}"{label}"{right}:::{node.kind}')
    for node in found:
        lines += [f"    {number[r]} --> {number[node.name]}" for r in node.reads]
    lines += [
        f"    classDef {kind} fill:{colour},stroke:#868e96,color:#212529"
        for kind, (colour, _) in _KINDS.items()
    ]
    return "\n".join(lines)


def html(dataflow: Dataflow) -> str:
    """A page that needs nothing else."""
    found = nodes_of(dataflow)
    rows: dict[int, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for node in found:
        row = rows.get(node.layer, 0)
        rows[node.layer] = row + 1
        places[node.name] = (20 + node.layer * _ACROSS, 20 + row * _DOWN)
    width = 40 + (max(rows, default=0) + 1) * _ACROSS
    height = 40 + max(rows.values(), default=1) * _DOWN
    shapes = [_edge(places[r], places[n.name]) for n in found for r in n.reads]
    shapes += [_box(node, *places[node.name]) for node in found]
    legend = " ".join(
        f'<span style="background:{colour}">{escape(label)}</span>' for colour, label in _KINDS.values()
    )
    title = escape(dataflow.name)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>'
        "body{font:14px system-ui,sans-serif;margin:1rem;color:#212529;background:#fff}"
        "span{border:1px solid #868e96;border-radius:4px;padding:0 .5em}svg{max-width:100%;height:auto}"
        f"</style></head><body><h1>{title}</h1><p>{legend}</p>"
        f'<svg role="img" aria-label="Graph of {title}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{"".join(shapes)}</svg></body></html>\n'
    )


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    x1, y1, x2, y2 = start[0] + _WIDTH, start[1] + _HEIGHT // 2, end[0], end[1] + _HEIGHT // 2
    bend = max(30, abs(x2 - x1) // 2)
    return (
        f'<path d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}" fill="none" stroke="#868e96"/>'
        f'<path d="M{x2 - 6} {y2 - 4}L{x2} {y2}L{x2 - 6} {y2 + 4}Z" fill="#868e96"/>'
    )


def _box(node: Node, x: int, y: int) -> str:
    short = node.name if len(node.name) <= 24 else node.name[:23] + "…"
    return (
        f'<g><title>{escape(node.name)} ({_KINDS[node.kind][1]})</title><rect x="{x}" y="{y}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" rx="5" fill="{_KINDS[node.kind][0]}" stroke="#868e96"/>'
        f'<text x="{x + 10}" y="{y + 22}" font-size="13">{escape(short)}</text></g>'
    )
