"""Well-known text of the shapes that Geography.* and Geometry.* know: read into records, and written.

A shape is a record with Kind.  A POINT has its coordinates (names as in ``geography.py``) and, where
there are any, Z and M.  LINESTRING and CIRCULARSTRING have Points, a list of points; POLYGON has
Rings, a list of lines; CURVEPOLYGON Rings, COMPOUNDCURVE, MULTIPOINT, MULTILINESTRING, MULTICURVE,
MULTIPOLYGON, MULTISURFACE and GEOMETRYCOLLECTION have Components, a list of shapes.  An empty
shape has an empty list, an empty point null coordinates.  The SRID stands in the outermost record.
"""

from __future__ import annotations

import re
from typing import Any

from mlang import errors
from mlang.library.arguments import as_int, of_kind
from mlang.values.lists import forced
from mlang.values.records import field_or
from mlang.values.show import number_text

Names = tuple[str, str]

_TOKEN = re.compile(r"\s*(?:([A-Za-z]+)|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|([(),;=]))")
_DEEPEST = 100

#: Kind -> what stands between its parentheses: points, or shapes of the kind named (None: of any kind).
_LINES = ("LINESTRING", "CIRCULARSTRING")
_PARTS: dict[str, str | None] = {
    "POLYGON": "LINESTRING", "CURVEPOLYGON": "LINESTRING", "COMPOUNDCURVE": "LINESTRING",
    "MULTIPOINT": "POINT", "MULTILINESTRING": "LINESTRING", "MULTICURVE": "LINESTRING",
    "MULTIPOLYGON": "POLYGON", "MULTISURFACE": "POLYGON", "GEOMETRYCOLLECTION": None,
}  # fmt: skip
#: Kinds whose parts may name a kind of their own.
_TAGGED = frozenset(("CURVEPOLYGON", "COMPOUNDCURVE", "MULTICURVE", "MULTISURFACE", "GEOMETRYCOLLECTION"))
_RINGS = frozenset(("POLYGON", "CURVEPOLYGON"))


def make_point(
    names: Names, values: list[Any], z: Any = None, m: Any = None, srid: Any = None
) -> dict[str, Any]:
    """The record of a point; what it lacks has no field."""
    point = {"Kind": "POINT", names[0]: values[0], names[1]: values[1]}
    rest = {"Z": z, "M": m, "SRID": None if srid is None else float(as_int(srid))}
    return {**point, **{name: value for name, value in rest.items() if value is not None}}


def read(text: str, names: Names) -> dict[str, Any]:
    """The record of a shape."""
    return _Reader(text, names).whole()


class _Reader:
    """Reads well-known text token by token."""

    def __init__(self, text: str, names: Names) -> None:
        self.text, self.names = text, names
        self.tokens: list[str] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise errors.bad_well_known_text(text)
            self.tokens.append((match[1] or match[2] or match[3]).upper())
            at = match.end()
        self.tokens.append("")
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at]

    def take(self, token: str = "") -> str:
        """The next token, which must be the one named."""
        found = self.tokens[self.at]
        if not found or (token and found != token):
            raise errors.bad_well_known_text(self.text)
        self.at += 1
        return found

    def whole(self) -> dict[str, Any]:
        srid = None
        if self.peek() == "SRID":
            self.at += 1
            self.take("=")
            number = self.take()
            self.take(";")
            if not number.isdecimal():
                raise errors.bad_well_known_text(self.text)
            srid = float(number)
        shape = self.shape(0)
        if self.peek():
            raise errors.bad_well_known_text(self.text)
        return shape if srid is None else {**shape, "SRID": srid}

    def shape(self, depth: int) -> dict[str, Any]:
        kind, axes = self.take(), None
        for suffix in ("ZM", "Z", "M"):  # POINTZ and POINT Z are the same
            if kind.endswith(suffix) and (kind[: -len(suffix)] == "POINT" or kind[: -len(suffix)] in _KINDS):
                kind, axes = kind[: -len(suffix)], suffix
                break
        if axes is None and self.peek() in ("Z", "M", "ZM"):
            axes = self.take()
        if kind == "FULLGLOBE":
            return {"Kind": kind}
        if kind != "POINT" and kind not in _KINDS:
            raise errors.bad_well_known_text(self.text)
        return self.body(kind, axes, depth)

    def body(self, kind: str, axes: str | None, depth: int) -> dict[str, Any]:
        """What follows the kind: EMPTY, or points or parts between parentheses."""
        if depth > _DEEPEST:
            raise errors.bad_well_known_text(self.text)
        if self.peek() == "EMPTY":
            self.at += 1
            return (
                make_point(self.names, [None, None]) if kind == "POINT" else {"Kind": kind, _member(kind): []}
            )
        self.take("(")
        if kind == "POINT":
            point = self.point(axes)
            self.take(")")
            return point
        members = []
        while True:
            members.append(self.point(axes) if kind in _LINES else self.part(kind, axes, depth))
            if self.take() != ",":
                break
        if self.tokens[self.at - 1] != ")":
            raise errors.bad_well_known_text(self.text)
        return {"Kind": kind, _member(kind): members}

    def part(self, kind: str, axes: str | None, depth: int) -> dict[str, Any]:
        inner = _PARTS[kind]
        if kind == "MULTIPOINT" and self.peek() not in ("(", "EMPTY"):
            return self.point(axes)
        if inner is None or (kind in _TAGGED and self.peek() not in ("(", "EMPTY")):
            return self.shape(depth + 1)
        return self.body(inner, axes, depth + 1)

    def point(self, axes: str | None) -> dict[str, Any]:
        numbers: list[float | None] = []
        while self.peek() not in (",", ")", ""):
            word = self.take()
            try:
                numbers.append(None if word == "NULL" else float(word))
            except ValueError:
                raise errors.bad_well_known_text(self.text) from None
        rest = numbers[2:]
        axes = axes or "ZM"[: len(rest)]
        if len(numbers) < 2 or len(rest) != len(axes) or None in numbers[:2]:
            raise errors.bad_well_known_text(self.text)
        extra = dict(zip(axes, rest, strict=True))
        return make_point(self.names, numbers[:2], extra.get("Z"), extra.get("M"))


_KINDS = frozenset((*_LINES, *_PARTS))


def _member(kind: str) -> str:
    """The field that holds the list of a shape."""
    return "Points" if kind in _LINES else "Rings" if kind in _RINGS else "Components"


# ---------------------------------------------------------------- writing


def write(shape: dict[str, Any], names: Names, omit_srid: bool) -> str:
    """The text of a shape."""
    srid = field_or(shape, "SRID")
    prefix = "" if srid is None or omit_srid else f"SRID={number_text(of_kind(srid, 'number'))};"
    return prefix + _tagged(shape, names, 0)


def _kind(shape: dict[str, Any]) -> str:
    kind = field_or(shape, "Kind")
    if kind.__class__ is not str or kind.upper() not in ("POINT", "FULLGLOBE", *_KINDS):
        raise errors.bad_point(shape)
    return str(kind.upper())


def _tagged(shape: dict[str, Any], names: Names, depth: int) -> str:
    kind = _kind(shape)
    if kind == "FULLGLOBE":
        return kind
    body = _body(shape, kind, names, depth)
    return f"{kind} {body}" if body == "EMPTY" else kind + body


def _body(shape: dict[str, Any], kind: str, names: Names, depth: int) -> str:
    if depth > _DEEPEST:
        raise errors.bad_point(shape)
    if kind == "POINT":
        empty = all(name in shape and field_or(shape, name) is None for name in names)
        return "EMPTY" if empty else f"({_numbers(shape, names)})"
    listed = field_or(shape, _member(kind))
    if listed is None:
        raise errors.bad_point(shape)
    members = [of_kind(member, "record") for member in forced(of_kind(listed, "list"))]
    if not members:
        return "EMPTY"
    return f"({', '.join([_part(member, kind, names, depth) for member in members])})"


def _part(member: dict[str, Any], kind: str, names: Names, depth: int) -> str:
    if kind in _LINES:
        if _kind(member) != "POINT":
            raise errors.bad_point(member)
        return _numbers(member, names)
    inner = _PARTS[kind]
    if kind in _TAGGED and _kind(member) != inner:
        return _tagged(member, names, depth + 1)
    if _kind(member) != inner:
        raise errors.bad_point(member)
    return _body(member, str(inner), names, depth + 1)


def _numbers(point: dict[str, Any], names: Names) -> str:
    """The coordinates of a point, separated by blanks."""
    if any(field_or(point, name) is None for name in names):
        raise errors.bad_point(point)
    z, m = field_or(point, "Z"), field_or(point, "M")
    words = [number_text(of_kind(field_or(point, name), "number")) for name in names]
    if z is not None or m is not None:
        words.append("NULL" if z is None else number_text(of_kind(z, "number")))
    if m is not None:
        words.append(number_text(of_kind(m, "number")))
    return " ".join(words)
