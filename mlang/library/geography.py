"""Geography.*, GeographyPoint.*, Geometry.* and GeometryPoint.*: shapes as records and as well-known text (FUN-14).

A point is a record with Kind "POINT", its two coordinates (longitude and latitude, or X
and Y) and, where there are any, Z, M and SRID; for the other shapes read ``shapes.py``.
"""

from __future__ import annotations

from typing import Any

from mlang.library import shapes
from mlang.registry import builtin

_GEOGRAPHY = ("Longitude", "Latitude")
_GEOMETRY = ("X", "Y")


@builtin(
    "GeographyPoint.From(longitude as number, latitude as number, optional z as nullable number, "
    "optional m as nullable number, optional srid as nullable number) as record"
)
def geography_point(longitude: Any, latitude: Any, z: Any = None, m: Any = None, srid: Any = None) -> Any:
    """Makes the record of a geographic point: longitude first, then latitude."""
    return shapes.make_point(_GEOGRAPHY, [longitude, latitude], z, m, srid)


@builtin(
    "GeometryPoint.From(x as number, y as number, optional z as nullable number, "
    "optional m as nullable number, optional srid as nullable number) as record"
)
def geometry_point(x: Any, y: Any, z: Any = None, m: Any = None, srid: Any = None) -> Any:
    """Makes the record of a geometric point."""
    return shapes.make_point(_GEOMETRY, [x, y], z, m, srid)


@builtin("Geography.FromWellKnownText(input as nullable text) as nullable record", null="input")
def geography_from_text(text: str) -> Any:
    """Reads a geographic shape from well-known text."""
    return shapes.read(text, _GEOGRAPHY)


@builtin("Geometry.FromWellKnownText(input as nullable text) as nullable record", null="input")
def geometry_from_text(text: str) -> Any:
    """Reads a geometric shape from well-known text."""
    return shapes.read(text, _GEOMETRY)


@builtin(
    "Geography.ToWellKnownText(input as nullable record, optional omitSRID as nullable logical) as nullable text",
    null="input",
)
def geography_to_text(shape: dict[str, Any], omit_srid: Any = None) -> str:
    """Writes a geographic shape as well-known text, with its SRID in front unless that is omitted."""
    return shapes.write(shape, _GEOGRAPHY, bool(omit_srid))


@builtin(
    "Geometry.ToWellKnownText(input as nullable record, optional omitSRID as nullable logical) as nullable text",
    null="input",
)
def geometry_to_text(shape: dict[str, Any], omit_srid: Any = None) -> str:
    """Writes a geometric shape as well-known text, with its SRID in front unless that is omitted."""
    return shapes.write(shape, _GEOMETRY, bool(omit_srid))
