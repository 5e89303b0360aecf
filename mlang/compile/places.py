"""Where an error happened: document, query, step, offset; for whoever shows errors to people.

An `MError` remembers the lines of generated code that it crossed; `places` looks them up in the
units that made the code, innermost first.  A step is a variable of a query's outermost let.
"""

from __future__ import annotations

from typing import Any

from mlang.compile.entry import UNITS
from mlang.errors import MError
from mlang.syntax import nodes


class Place:
    """A spot in M text; ``query`` and ``step`` are None where there is none."""

    __slots__ = ("end", "filename", "offset", "query", "step", "text")

    def __init__(
        self, text: str, filename: str | None, offset: int, end: int, query: str | None, step: str | None
    ) -> None:
        self.text, self.filename, self.offset, self.end = text, filename, offset, end
        self.query, self.step = query, step


def places(error: MError) -> list[Place]:
    """The known places of an error, innermost first, each once."""
    found: list[Place] = []
    named = getattr(error, "place", None)
    if named is not None:
        document, offset, end = named
        found.append(_in_document(document, offset, end))
    seen: set[tuple[str | None, int]] = set()
    for filename, line in _lines(error):
        unit = UNITS.get(filename)
        offset = unit.position(line) if unit is not None else None
        if unit is None or offset is None or not unit.document.text:
            continue
        key = (unit.filename, offset)
        if key not in seen:
            seen.add(key)
            end = _end(unit.node, offset)
            name = unit.name or None
            place = Place(
                unit.document.text, unit.document.filename, offset, end, name, step_at(unit.node, offset)
            )
            found.append(place)
    return found


def _lines(error: MError) -> list[tuple[str, int]]:
    lines: list[tuple[str, int]] = list(error.frames or [])
    traceback = error.__traceback__
    live: list[tuple[str, int]] = []
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if name.startswith("<m:"):
            live.append((name, traceback.tb_lineno))
        traceback = traceback.tb_next
    return lines + [entry for entry in reversed(live) if entry not in lines]


def _in_document(document: Any, offset: int, end: int) -> Place:
    for section in document.sections:
        for member in section.members:
            if member.value.pos <= offset < max(member.value.end, member.value.pos + 1):
                step = step_at(member.value, offset)
                return Place(document.text, document.filename, offset, end, member.name, step)
    return Place(document.text, document.filename, offset, end, None, step_at(document.tree, offset))


def step_at(node: nodes.Node, offset: int) -> str | None:
    """The variable of the outermost let whose expression holds the offset."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if isinstance(node, nodes.Let):
        for binding in node.bindings:
            if binding.value.pos <= offset < max(binding.value.end, binding.value.pos + 1):
                return binding.name
    return None


def _end(node: nodes.Node, offset: int) -> int:
    """The end of the largest node that starts at an offset."""
    ends = [n.end for n in node.walk() if n.pos == offset]
    return max(ends, default=offset + 1)
