"""``mlang lint --fix``: edits that keep what a text gives, applied until nothing is left to fix.

A rule that knows a cure yields it as edits beside its message.  Fixes that overlap wait for the next round; a fix
after which a name would mean something else (``refactoring/verify.py``) is left out.
"""

from __future__ import annotations

from collections.abc import Callable

from mlang.app.linting.base import Finding
from mlang.app.refactoring.edits import Edit, Edited, Refused
from mlang.app.refactoring.source import Source
from mlang.app.refactoring.verify import check
from mlang.syntax import nodes

#: A fix may make room for another: more rounds than this is a circle.
_ROUNDS = 20


def fixed(text: str, findings: Callable[[str], list[Finding]], unsafe: bool = False) -> tuple[str, int]:
    """A text with everything fixed that can be, and the number of fixes."""
    count = 0
    for _ in range(_ROUNDS):
        chosen = _chosen(text, findings(text), unsafe)
        if not chosen:
            break
        text = Edited(text, [e for fix in chosen for e in fix]).text
        count += len(chosen)
    return text, count


def _chosen(text: str, found: list[Finding], unsafe: bool) -> list[tuple[Edit, ...]]:
    """The fixes of one round: they do not overlap, and each keeps the meaning of all names."""
    chosen: list[tuple[Edit, ...]] = []
    taken: list[tuple[int, int]] = []
    source: Source | None = None
    for finding in found:
        if not finding.fix or (finding.unsafe and not unsafe):
            continue
        spans = [(e.start, e.end) for e in finding.fix]
        first, last = min(a for a, _ in spans), max(b for _, b in spans)
        if any(a <= last and first <= b for a, b in taken):
            continue
        source = source or Source(text)
        try:
            check(source, Edited(text, list(finding.fix)), finding.code, _library)
        except Refused:
            continue
        chosen.append(finding.fix)
        taken.append((first, last))
    return chosen


def _library(new: Source, node: nodes.Node) -> None:
    """A library name that a fix writes must mean the library."""
    if isinstance(node, nodes.Name) and "." in node.name and new.scopes.target(node) is not None:
        raise Refused(f"{node.name} means something else here.")
