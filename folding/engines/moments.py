"""Texts of dates and datetimes, and pieces of texts, from what every engine has: numbers of parts and names by number.

Engines have functions for formats of their own, whose names depend on settings of the server; here a format is put
together piece by piece.
"""

from __future__ import annotations

import re
from functools import reduce
from typing import Any

from sqlglot import exp

from folding.engines.renderer import Renderer, Typed
from folding.terms import Unfoldable

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
#: Code: the part of a moment, the least number of digits, and what is done with the number.
_NUMBERS = {
    "%Y": ("year", 4, "{}"), "%y": ("year", 2, "{} % 100"), "%m": ("month", 2, "{}"), "%-m": ("month", 0, "{}"),
    "%d": ("day", 2, "{}"), "%-d": ("day", 0, "{}"), "%H": ("hour", 2, "{}"), "%-H": ("hour", 0, "{}"),
    "%I": ("hour", 2, "({} + 11) % 12 + 1"), "%-I": ("hour", 0, "({} + 11) % 12 + 1"), "%M": ("minute", 2, "{}"),
    "%-M": ("minute", 0, "{}"), "%S": ("second", 2, "{}"), "%-S": ("second", 0, "{}"),
}  # fmt: skip
#: Code: the part, the number of the first name, and the names.
_NAMES = {
    "%B": ("month", 1, _MONTHS), "%b": ("month", 1, tuple(m[:3] for m in _MONTHS)), "%A": ("dayofweek", 0, _DAYS),
    "%a": ("dayofweek", 0, tuple(d[:3] for d in _DAYS)), "%p": ("hour", 0, ("AM",) * 12 + ("PM",) * 12),
}  # fmt: skip


def strftime(r: Renderer, nodes: list[Any]) -> Typed:
    """A date or datetime in a format; null for null."""
    value = r.render(nodes[0])
    if value.type not in ("DATE", "TIMESTAMP") or not isinstance(nodes[1], exp.Literal):
        raise Unfoldable("a format that is not constant, or of something else")
    pieces = [_piece(r, nodes[0], code) for code in re.findall(r"%-?.|[^%]+", nodes[1].this, re.DOTALL)]
    text = reduce(r.joined, pieces)
    return Typed(r.collated(f"CASE WHEN {value.inner} IS NOT NULL THEN {text.sql} END"), "VARCHAR")


def _piece(r: Renderer, moment: Any, code: str) -> Typed:
    if not code.startswith("%") or code == "%%":
        return Typed(r.text(code[-1:] if code == "%%" else code), "VARCHAR")
    if code in _NUMBERS:
        part, width, template = _NUMBERS[code]
        number = template.format(r.call(part, moment).inner)
        return Typed(r.digits(number, width) if width else r.digits_of(number), "VARCHAR")
    if code in _NAMES:
        part, first, names = _NAMES[code]
        return by_number(r, r.call(part, moment), names, first)
    raise Unfoldable("fractions of seconds in texts")


def by_number(r: Renderer, number: Typed, names: Any, first: int) -> Typed:
    """The text with a number."""
    cases = " ".join(f"WHEN {i} THEN {r.text(name)}" for i, name in enumerate(names, first))
    return Typed(f"CASE {number.sql} {cases} END", "VARCHAR")


def list_extract(r: Renderer, nodes: list[Any]) -> Typed:
    """A constant name by its number, or a piece of a text that is split."""
    listed, number = nodes
    if isinstance(listed, exp.Array) and all(isinstance(e, exp.Literal) for e in listed.expressions):
        names = [e.this for e in listed.expressions]
        found = by_number(r, r.render(number), names, 1)
        return Typed(r.collated(found.sql), "VARCHAR")
    text, mark = split_by(r, listed)
    if not isinstance(number, exp.Literal) or number.is_string or int(number.name) < 1:
        raise Unfoldable("a piece of a text that is not constant")
    return Typed(r.piece(text, mark, int(number.name)), "VARCHAR")


def split_by(r: Renderer, node: Any) -> tuple[str, str]:
    """The text that is split, and the literal by which; none that overlaps itself, which engines count otherwise."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "string_split":
        raise Unfoldable("lists")
    text, mark = node.expressions
    value = r.render(text)
    if value.type != "VARCHAR" or not isinstance(mark, exp.Literal) or not mark.this:
        raise Unfoldable("a text that is split by something that is not constant")
    if any(mark.this.startswith(mark.this[i:]) for i in range(1, len(mark.this))):
        raise Unfoldable("a delimiter that overlaps itself")
    return value.sql, mark.this


def pieces_of(r: Renderer, node: Any, length: str) -> Typed:
    """How many pieces a split text has; ``length`` is the engine's count of characters."""
    text, mark = split_by(r, node)
    gone = f"replace({text}, {r.text(mark)}, '')"
    taken = f"({length.format(text)} - {length.format(gone)})"
    return Typed(f"{taken} {r.whole_division} {len(mark)} + 1", "BIGINT", False)
