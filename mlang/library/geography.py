"""Geography.*, GeographyPoint.*, Geometry.* and GeometryPoint.*: points as records and as well-known text (FUN-14).

A point is a record with Kind "POINT", its two coordinates (longitude and latitude, or X
and Y) and, where there are any, Z, M and SRID.
"""

from __future__ import annotations

import re
from typing import Any

from mlang import errors
from mlang.library.arguments import as_int, of_kind
from mlang.registry import builtin
from mlang.values.records import field_or
from mlang.values.show import number_text

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_POINT = re.compile(
    rf"\s*(?:SRID\s*=\s*(?P<srid>\d+)\s*;\s*)?POINT\s*(?P<axes>ZM|Z|M)?\s*"
    rf"\(\s*(?P<numbers>(?:{_NUMBER}|NULL)(?:\s+(?:{_NUMBER}|NULL)){{1,3}})\s*\)\s*\Z",
    re.I,
)
_GEOGRAPHY = ("Longitude", "Latitude")
_GEOMETRY = ("X", "Y")
_SHAPES = "shapes other than points"


def _point(names: tuple[str, str], first: Any, second: Any, z: Any, m: Any, srid: Any) -> dict[str, Any]:
    point = {"Kind": "POINT", names[0]: first, names[1]: second}
    rest = {"Z": z, "M": m, "SRID": None if srid is None else float(as_int(srid))}
    return {**point, **{name: value for name, value in rest.items() if value is not None}}


@builtin(
    "GeographyPoint.From(longitude as number, latitude as number, optional z as nullable number, "
    "optional m as nullable number, optional srid as nullable number) as record"
)
def geography_point(longitude: Any, latitude: Any, z: Any = None, m: Any = None, srid: Any = None) -> Any:
    """Makes the record of a geographic point: longitude first, then latitude."""
    return _point(_GEOGRAPHY, longitude, latitude, z, m, srid)


@builtin(
    "GeometryPoint.From(x as number, y as number, optional z as nullable number, "
    "optional m as nullable number, optional srid as nullable number) as record"
)
def geometry_point(x: Any, y: Any, z: Any = None, m: Any = None, srid: Any = None) -> Any:
    """Makes the record of a geometric point."""
    return _point(_GEOMETRY, x, y, z, m, srid)


@builtin(
    "Geography.FromWellKnownText(input as nullable text) as nullable record", null="input", missing=_SHAPES
)
def geography_from_text(text: str) -> Any:
    """Reads a geographic point from well-known text."""
    return _read(text, _GEOGRAPHY, "Geography.FromWellKnownText")


@builtin(
    "Geometry.FromWellKnownText(input as nullable text) as nullable record", null="input", missing=_SHAPES
)
def geometry_from_text(text: str) -> Any:
    """Reads a geometric point from well-known text."""
    return _read(text, _GEOMETRY, "Geometry.FromWellKnownText")


@builtin(
    "Geography.ToWellKnownText(input as nullable record, optional omitSRID as nullable logical) as nullable text",
    null="input",
    missing=_SHAPES,
)
def geography_to_text(point: dict[str, Any], omit_srid: Any = None) -> str:
    """Writes a geographic point as well-known text, with its SRID in front unless that is omitted."""
    return _write(point, _GEOGRAPHY, bool(omit_srid), "Geography.ToWellKnownText")


@builtin(
    "Geometry.ToWellKnownText(input as nullable record, optional omitSRID as nullable logical) as nullable text",
    null="input",
    missing=_SHAPES,
)
def geometry_to_text(point: dict[str, Any], omit_srid: Any = None) -> str:
    """Writes a geometric point as well-known text, with its SRID in front unless that is omitted."""
    return _write(point, _GEOMETRY, bool(omit_srid), "Geometry.ToWellKnownText")


_OTHER_SHAPES = re.compile(
    r"\s*(?:SRID\s*=\s*\d+\s*;\s*)?(POINT\s+EMPTY|LINESTRING|POLYGON|MULTI\w+|GEOMETRYCOLLECTION|CIRCULARSTRING|"
    r"COMPOUNDCURVE|CURVEPOLYGON|FULLGLOBE)\b",
    re.I,
)


def _read(text: str, names: tuple[str, str], function: str) -> dict[str, Any]:
    match = _POINT.match(text)
    if match is None:
        other = _OTHER_SHAPES.match(text)
        if other is not None:
            raise errors.not_supported(function, f"the shape {other[1].upper()}")
        raise errors.bad_well_known_text(text)
    numbers = [None if n.upper() == "NULL" else float(n) for n in match["numbers"].split()]
    first, second, *rest = numbers
    if first is None or second is None:
        raise errors.bad_well_known_text(text)
    axes = (match["axes"] or "ZM"[: len(rest)]).upper()
    if len(axes) != len(rest):
        raise errors.bad_well_known_text(text)
    extra = dict(zip(axes, rest, strict=True))
    srid = float(match["srid"]) if match["srid"] else None
    return _point(names, first, second, extra.get("Z"), extra.get("M"), srid)


def _write(point: dict[str, Any], names: tuple[str, str], omit_srid: bool, function: str) -> str:
    kind = field_or(point, "Kind")
    if kind.__class__ is str and kind.upper() != "POINT":
        raise errors.not_supported(function, f"the shape {kind}")
    if kind is None or any(field_or(point, name) is None for name in names):
        raise errors.bad_point(point)
    z, m, srid = field_or(point, "Z"), field_or(point, "M"), field_or(point, "SRID")
    values = [of_kind(field_or(point, name), "number") for name in names]
    words = [number_text(value) for value in values]
    if z is not None or m is not None:
        words.append("NULL" if z is None else number_text(of_kind(z, "number")))
    if m is not None:
        words.append(number_text(of_kind(m, "number")))
    prefix = "" if srid is None or omit_srid else f"SRID={number_text(of_kind(srid, 'number'))};"
    return f"{prefix}POINT({' '.join(words)})"
