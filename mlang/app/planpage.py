"""One self-contained HTML page about how a query folds: a picture of the plan, its steps, their SQL.

The picture is an SVG, sources at the top and the result at the bottom; a step's colour says who does it and
its words say it too.  Colours are CSS variables, so the page follows the reader's light or dark theme.
Called by ``mlang explain --html``; `folding.plantree` makes the tree.
"""

from __future__ import annotations

from html import escape
from typing import Any

from attrs import frozen

_WIDTH, _HEIGHT, _ACROSS, _DOWN, _MARGIN = 300, 70, 340, 112, 16
#: runs -> (CSS class, what the legend says).
_RUNS = {
    "remote": ("remote", "remote: in a query of an engine"),
    "streaming": ("streaming", "streaming: the interpreter, row by row"),
    "full scan": ("scan", "full scan: the interpreter, all rows first"),
    "memory": ("memory", "in memory"),
}
_INDICATORS = {
    "Folding": "remote", "Not folding": "scan", "Might fold": "streaming", "Opaque": "memory", "Unknown": "memory",
}  # fmt: skip
_CSS = """
:root{color-scheme:light dark;--bg:#fff;--fg:#212529;--soft:#495057;--line:#868e96;--panel:#f1f3f5;--remote:#d3f9d8;
--remote-line:#2b8a3e;--streaming:#fff3bf;--streaming-line:#a86400;--scan:#ffe3e3;--scan-line:#c92a2a;--memory:#e9ecef;
--memory-line:#495057;--boundary:#5f3dc4}
@media(prefers-color-scheme:dark){:root{--bg:#16191d;--fg:#e9ecef;--soft:#adb5bd;--line:#868e96;--panel:#23272c;
--remote:#12351d;--remote-line:#69db7c;--streaming:#3d3000;--streaming-line:#ffd43b;--scan:#42181a;--scan-line:#ff8787;
--memory:#2b3035;--memory-line:#adb5bd;--boundary:#b197fc}}
*{box-sizing:border-box}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;padding:1.25rem;max-width:1200px;
color:var(--fg);background:var(--bg)}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
p.lead{margin:.25rem 0;color:var(--soft)}
ul.legend{display:flex;flex-wrap:wrap;gap:.4rem .75rem;list-style:none;padding:0;margin:.75rem 0;font-size:.85rem}
ul.legend span,.mark{border:1.5px solid;border-radius:4px;padding:.05em .5em;white-space:nowrap}
.remote{background:var(--remote);border-color:var(--remote-line)}.streaming{background:var(--streaming);border-color:var(--streaming-line)}
.scan{background:var(--scan);border-color:var(--scan-line)}.memory{background:var(--memory);border-color:var(--memory-line)}
ul.legend .boundary{border-style:dashed;border-color:var(--boundary)}
.picture,.wide{overflow-x:auto}svg{display:block;max-width:none}svg text{fill:var(--fg);font-family:inherit}
svg .quiet{fill:var(--soft);font-size:12px}svg .name{font-weight:600;font-size:14px}
svg rect{stroke-width:1.5}svg rect.remote{fill:var(--remote);stroke:var(--remote-line)}
svg rect.streaming{fill:var(--streaming);stroke:var(--streaming-line)}
svg rect.scan{fill:var(--scan);stroke:var(--scan-line)}
svg rect.memory{fill:var(--memory);stroke:var(--memory-line)}svg rect.fence{stroke-dasharray:6 3;stroke-width:2.5}
svg path.edge{fill:none;stroke:var(--line);stroke-width:1.5}
svg path.cross{stroke:var(--boundary);stroke-dasharray:5 4;stroke-width:2}
svg path.tip{fill:var(--line)}svg path.tip.cross{fill:var(--boundary);stroke:none}
svg text.cross{fill:var(--boundary);font-size:12px;font-weight:600;paint-order:stroke;stroke:var(--bg);stroke-width:4px}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
th{background:var(--panel)}td p{margin:0 0 .25rem;max-width:44rem}
td.number{text-align:right;font-variant-numeric:tabular-nums}
pre{background:var(--panel);padding:.75rem;border-radius:6px;overflow-x:auto;font:13px/1.4 ui-monospace,monospace;
margin:.4rem 0}
details summary{cursor:pointer}summary:focus-visible{outline:2px solid var(--boundary)}
"""


@frozen
class _Placed:
    """A node of the tree with its place in the picture."""

    node: Any
    x: int
    y: int
    inputs: tuple[_Placed, ...]

    def walk(self) -> Any:
        yield self
        for below in self.inputs:
            yield from below.walk()


def html(title: str, steps: list[Any], tree: Any) -> str:
    """The page; ``tree`` is None when the result is no table."""
    from folding.plantree import cost_text

    last = steps[-1]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{_mark(last.indicator)} {escape(_summary(last, tree))}</p>',
    ]
    if tree is not None:
        if tree.cost is not None:
            parts.append(f'<p class="lead">The run gave {escape(cost_text(tree.cost))}.</p>')
        parts += ["<h2>Plan</h2>", _legend(), f'<div class="picture">{_picture(tree)}</div>']
    parts.append(_steps(steps))
    if tree is not None:
        parts += [_errors(tree), _queries(tree), _boundaries(tree)]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_CSS}</style></head>\n<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _summary(last: Any, tree: Any) -> str:
    if tree is None:
        return last.reason or ""
    nodes = list(tree.walk())
    remote = sum(1 for n in nodes if n.runs == "remote")
    crossing = sum(1 for n in nodes if n.crosses)
    boundaries = f"{crossing} boundar{'y' if crossing == 1 else 'ies'}"
    return f"{remote} of {len(nodes)} nodes of the plan run in an engine, {boundaries}."


def _legend() -> str:
    items = [f'<li><span class="{css}">{escape(text)}</span></li>' for css, text in _RUNS.values()]
    items.append('<li><span class="boundary">dashed: rows cross over to another engine</span></li>')
    return f'<ul class="legend" aria-label="Colours">{"".join(items)}</ul>'


def _mark(indicator: str) -> str:
    return f'<span class="mark {_INDICATORS[indicator]}">{escape(indicator)}</span>'


# ---------------------------------------------------------------- the picture


def _picture(tree: Any) -> str:
    top = max(len(n.id.split(".")) for n in tree.walk()) - 1
    placed, across = _place(tree, 0, top)
    width = across * _ACROSS + 2 * _MARGIN + 220  # a boundary's words stand beside it
    height = top * _DOWN + _HEIGHT + 2 * _MARGIN
    nodes = list(placed.walk())
    shapes = [_edge(below, above) for above in nodes for below in above.inputs]
    shapes += [_box(found) for found in reversed(nodes)]
    return (
        f'<svg role="img" aria-labelledby="plan-title plan-about" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><title id="plan-title">The plan, sources at the top, the result at the bottom'
        f'</title><desc id="plan-about">{escape(_words(tree))}</desc>{"".join(shapes)}</svg>'
    )


def _place(node: Any, column: int, top: int) -> tuple[_Placed, int]:
    """A node and all below it from a column on; how many columns they take."""
    inputs, used = [], 0
    for below in node.inputs:
        found, wide = _place(below, column + used, top)
        inputs.append(found)
        used += wide
    depth = len(node.id.split(".")) - 1
    x = (inputs[0].x + inputs[-1].x) // 2 if inputs else _MARGIN + column * _ACROSS
    return _Placed(node, x, _MARGIN + (top - depth) * _DOWN, tuple(inputs)), max(used, 1)


def _words(tree: Any) -> str:
    """The picture in words, from the sources to the result."""
    said = []
    for node in reversed(list(tree.walk())):
        crossing = f", then to {node.crosses}" if node.crosses else ""
        said.append(f"{_name(node)} ({node.function}): {node.engine}, {node.runs}{crossing}")
    return "; ".join(said) + "."


def _name(node: Any) -> str:
    name: str = node.step or node.function
    return name


def _edge(below: _Placed, above: _Placed) -> str:
    from folding.plantree import boundary_text

    cross = " cross" if below.node.crosses else ""
    x1, y1, x2, y2 = below.x + _WIDTH // 2, below.y + _HEIGHT, above.x + _WIDTH // 2, above.y
    middle = (y1 + y2) // 2
    path = (
        f'<path class="edge{cross}" d="M{x1} {y1}C{x1} {middle} {x2} {middle} {x2} {y2 - 5}"/>'
        f'<path class="tip{cross}" d="M{x2 - 4} {y2 - 7}L{x2 + 4} {y2 - 7}L{x2} {y2}Z"/>'
    )
    if not cross:
        return path
    below_it = x1 + 10 if x1 >= x2 else x1 - 10
    anchor = "start" if x1 >= x2 else "end"
    if x1 == x2:
        y = middle + 4
    else:
        y = y1 + 16
    words: str = boundary_text(below.node)
    return path + f'<text class="cross" x="{below_it}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def _box(placed: _Placed) -> str:
    node, x, y = placed.node, placed.x, placed.y
    css = _RUNS[node.runs][0] + (" fence" if node.fence else "")
    where = node.engine if node.runs == "remote" else f"{node.engine} · {node.runs}"
    where = f"fence · {where}" if node.fence else where
    rows = f" · {node.rows:,} rows" if node.rows is not None else ""
    about = [f"{_name(node)}: {node.function}", node.detail, where, f"{node.columns} columns{rows}"]
    about += [f"Does not fold: {node.reason}"] if node.reason else []
    about += [f"Instead: {node.cure}"] if node.cure else []
    lines = [f'<text class="name" x="{x + 12}" y="{y + 22}">{escape(_cut(_name(node), 30))}</text>']
    if node.step:
        lines.append(
            f'<text class="quiet" x="{x + 12}" y="{y + 41}">{escape(_cut(node.function, 42))}</text>'
        )
    low = y + (59 if node.step else 41)
    lines.append(f'<text class="quiet" x="{x + 12}" y="{low}">{escape(_cut(where + rows, 42))}</text>')
    if node.reason:
        lines.append(f'<text x="{x + _WIDTH - 24}" y="{y + 24}" aria-hidden="true">⚠</text>')
    return (
        f"<g><title>{escape(chr(10).join(a for a in about if a))}</title>"
        f'<rect class="{css}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>{"".join(lines)}</g>'
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


# ---------------------------------------------------------------- the tables


def _steps(steps: list[Any]) -> str:
    rows = []
    for step in steps:
        why = [f"<p>{escape(step.reason)}</p>"] if step.reason else []
        why += [f"<p><strong>Instead:</strong> {escape(step.cure)}</p>"] if step.cure else []
        why += [f"<p>{escape(note)}</p>" for note in step.notes]
        sql = f"<details><summary>SQL</summary>{_query(step.shown)}</details>" if step.shown else ""
        count = f"{step.rows:,}" if step.rows is not None else ""
        rows.append(
            f'<tr><th scope="row">{escape(step.name or "(result)")}</th><td>{escape(step.function)}</td>'
            f"<td>{_mark(step.indicator)}</td><td>{escape(step.engine)}</td>"
            f'<td class="number">{count}</td><td>{"".join(why)}{sql}</td></tr>'
        )
    head = "".join(
        f'<th scope="col">{h}</th>' for h in ("Step", "Function", "Folding", "Engine", "Rows", "Why and how")
    )
    return (
        f'<h2>Steps</h2><div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody>'
        "</table></div>"
    )


def _errors(tree: Any) -> str:
    """The error cells of a run, by column."""
    if tree.errors is None:
        return ""
    if not tree.errors:
        return "<h2>Errors</h2><p>No cell of the result is an error.</p>"
    rows = [
        f'<tr><th scope="row">{escape(e.column)}</th><td class="number">{e.count:,}</td>'
        f'<td class="number">{e.row:,}</td><td>{escape(_said(e))}</td></tr>'
        for e in tree.errors
    ]
    head = "".join(
        f'<th scope="col">{h}</th>' for h in ("Column", "Error cells", "First in row", "Which says")
    )
    return (
        f'<h2>Errors</h2><div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody>'
        "</table></div>"
    )


def _said(found: Any) -> str:
    detail = f" Detail: {found.detail}" if found.detail is not None else ""
    return f"{found.reason}: {found.message}{detail}"


def _queries(tree: Any) -> str:
    found = [n for n in tree.walk() if n.shown]
    if not found:
        return ""
    parts = [
        f"<details><summary>{escape(_name(n))}: {escape(n.engine)}</summary>{_query(n.shown)}</details>"
        for n in found
    ]
    return f"<h2>Queries</h2>{''.join(parts)}"


def _query(shown: Any) -> str:
    """What to know about a query, what to run before it, and its text."""
    parts = [f"<p>{escape(remark)}</p>" for remark in shown.remarks]
    if shown.setup:
        before = "\n".join(f"{statement};" for statement in shown.setup)
        parts.append(f"<p>First:</p><pre>{escape(before)}</pre>")
    return "".join([*parts, f"<pre>{escape(shown.sql)}</pre>"])


def _boundaries(tree: Any) -> str:
    from folding.plantree import boundary_text

    found = [n for n in tree.walk() if n.crosses]
    if not found:
        return ""
    items = [f"<li>{escape(_name(n))}: {escape(boundary_text(n))}</li>" for n in found]
    return f"<h2>Boundaries</h2><ul>{''.join(items)}</ul>"
