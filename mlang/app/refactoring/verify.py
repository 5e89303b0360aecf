"""Why an edit is safe: after it, every name that was there before means what it meant.

`check` parses the edited text and compares the meaning of each name with that of the same name before the
edit, by the places that `Edited` knows.  A name that is captured by another definition, or captures one, is
refused whichever edit does it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang.app.refactoring.edits import Edited, Refused
from mlang.app.refactoring.source import Source
from mlang.syntax import MSyntaxError, nodes
from mlang.syntax.spans import line_column

#: What a name means: where its definition begins, or its own name when no scope defines it.
Meaning = tuple[str, Any]


def _references(source: Source) -> list[tuple[tuple[str, int], nodes.Node]]:
    """All names that are read, and the places of the implicit ``_``."""
    found: list[tuple[tuple[str, int], nodes.Node]] = []
    for node in source.tree.walk():
        if isinstance(node, (nodes.Name, nodes.SectionAccess)):
            found.append((("name", source.name_span(node)[0]), node))
        elif isinstance(node, (nodes.FieldAccess, nodes.Projection)) and node.target is None:
            found.append((("_", node.pos), node))
    return found


def _meaning(source: Source, node: nodes.Node) -> Meaning:
    target = source.scopes.target(node)
    if target is None:
        return "outside", getattr(node, "name", "_") if not isinstance(node, nodes.FieldAccess) else "_"
    if isinstance(target, nodes.Each):
        return "each", target.pos
    return "own", source.name_span(target)[0]


def meanings(source: Source) -> dict[tuple[str, int], Meaning]:
    """The meaning of each name of a text."""
    return {key: _meaning(source, node) for key, node in _references(source)}


def check(
    old: Source, edited: Edited, what: str, fresh: Callable[[Source, nodes.Node], None] | None = None
) -> Source:
    """The edited text as a source; `Refused` when a name would mean something else.

    ``fresh`` judges the names that stand in new text.
    """
    try:
        new = Source(edited.text, old.filename)
    except MSyntaxError as error:
        raise Refused(f"{what} would make a text that is no M: {error.message}.") from None
    before = meanings(old)
    for (kind, offset), node in _references(new):
        origin = edited.before(offset)
        if origin is None:
            if fresh is not None:
                fresh(new, node)
            continue
        was = before.get((kind, origin))
        sort, value = _meaning(new, node)
        now = (sort, value if sort == "outside" else edited.before(value))
        if was != now and not (was is not None and was[0] == sort == "outside"):
            name = getattr(node, "name", "_")
            line, column = line_column(old.text, origin)
            raise Refused(
                f"{what} would change what '{name}' at {line}:{column} means: another definition of that name "
                "is nearer. Rename one of them first."
            )
    return new
