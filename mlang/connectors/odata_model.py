"""The model of an OData service ($metadata, CSDL 4): entity sets, types, and values of them out of JSON.

Names of types are full (namespace and name); an alias of a namespace is resolved at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.library.arguments import of_kind
from mlang.registry import value_of
from mlang.values import types as mtypes
from mlang.values.temporal import DAY, HOUR, MINUTE, SECOND, Duration
from mlang.values.thunk import failed
from mlang.values.types import MType

_COLLECTION = re.compile(r"Collection\((.*)\)")
_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,7})\d*)?S)?)?")
#: Primitive types and the M types of their columns.
_NAMES = {
    "Edm.Boolean": "logical", "Edm.Byte": "Byte.Type", "Edm.SByte": "Int8.Type", "Edm.Int16": "Int16.Type",
    "Edm.Int32": "Int32.Type", "Edm.Int64": "Int64.Type", "Edm.Single": "Single.Type",
    "Edm.Double": "Double.Type", "Edm.Decimal": "Decimal.Type", "Edm.String": "text", "Edm.Guid": "Guid.Type",
    "Edm.Binary": "binary", "Edm.Date": "date", "Edm.DateTimeOffset": "datetimezone",
    "Edm.TimeOfDay": "time", "Edm.Duration": "duration",
}  # fmt: skip
_SPECIAL = {"INF": float("inf"), "-INF": float("-inf"), "NaN": float("nan")}


class Property:
    """A property: its full type name, whether it is a collection, and whether another entity stands there."""

    __slots__ = ("collection", "name", "navigation", "nullable", "type")

    def __init__(self, name: str, type: str, nullable: bool, navigation: bool) -> None:
        found = _COLLECTION.fullmatch(type)
        self.name, self.nullable, self.navigation = name, nullable, navigation
        self.type, self.collection = (found[1], True) if found else (type, False)


class Structure:
    """An entity type or complex type."""

    __slots__ = ("base", "keys", "properties")

    def __init__(self, base: str | None, keys: list[str], properties: list[Property]) -> None:
        self.base, self.keys, self.properties = base, keys, properties


class Model:
    """All that $metadata says and is needed here."""

    def __init__(self, root: Any) -> None:
        self.sets: dict[str, str] = {}
        self.singletons: dict[str, str] = {}
        self.structures: dict[str, Structure] = {}
        self.enumerations: set[str] = set()
        self._definitions: dict[str, str] = {}
        if _local(root) != "Edmx":
            raise errors.odata_metadata_invalid()
        schemas = [node for node in root.iter() if _local(node) == "Schema"]
        self._aliases = {s.get("Alias"): s.get("Namespace") for s in schemas if s.get("Alias")}
        for schema in schemas:
            for node in schema:
                self._declare(_needed(schema, "Namespace"), node)

    def _declare(self, namespace: str, node: Any) -> None:
        tag, name = _local(node), f"{namespace}.{node.get('Name')}"
        if tag in ("EntityType", "ComplexType"):
            self.structures[name] = self._structure(node)
        elif tag == "EnumType":
            self.enumerations.add(name)
        elif tag == "TypeDefinition":
            self._definitions[name] = _needed(node, "UnderlyingType")
        elif tag == "EntityContainer":
            for part in node:
                if _local(part) == "EntitySet":
                    self.sets[_needed(part, "Name")] = self.full(_needed(part, "EntityType"))
                elif _local(part) == "Singleton":
                    self.singletons[_needed(part, "Name")] = self.full(_needed(part, "Type"))

    def _structure(self, node: Any) -> Structure:
        keys = [_needed(part, "Name") for key in node if _local(key) == "Key" for part in key]
        properties = []
        for part in node:
            if _local(part) in ("Property", "NavigationProperty"):
                nullable = part.get("Nullable") != "false"
                navigation = _local(part) == "NavigationProperty"
                type_name = self.full(_needed(part, "Type"))
                properties.append(Property(_needed(part, "Name"), type_name, nullable, navigation))
        base = node.get("BaseType")
        return Structure(self.full(base) if base else None, keys, properties)

    def full(self, name: str) -> str:
        """A type name with its namespace instead of an alias."""
        found = _COLLECTION.fullmatch(name)
        if found:
            return f"Collection({self.full(found[1])})"
        namespace, _, local = name.rpartition(".")
        return f"{self._aliases.get(namespace, namespace)}.{local}"

    def lineage(self, name: str) -> list[Structure]:
        """A structure and those it is based on, the base first."""
        found: list[Structure] = []
        current: str | None = name
        while current is not None and len(found) < 100:
            if current not in self.structures:
                raise errors.odata_metadata_invalid()
            found.insert(0, self.structures[current])
            current = found[0].base
        return found

    def properties(self, name: str) -> list[Property]:
        """All properties of a structure: plain ones first, then those that lead to other entities."""
        every = [p for structure in self.lineage(name) for p in structure.properties]
        if len({p.name for p in every}) < len(every):
            raise errors.odata_metadata_invalid()
        return [p for p in every if not p.navigation] + [p for p in every if p.navigation]

    def keys(self, name: str) -> list[str]:
        """The key of an entity type."""
        return next((s.keys for s in self.lineage(name) if s.keys), [])

    def m_type(self, found: Property) -> MType:
        """The M type of a property's column."""
        if found.collection:
            return mtypes.TABLE if found.type in self.structures else mtypes.primitive("list", True)
        if found.type in self.structures:
            return mtypes.primitive("record", True)
        name = self._definitions.get(found.type, found.type)
        if name in self.enumerations:
            return mtypes.primitive("text", found.nullable)
        if name not in _NAMES:
            return mtypes.ANY
        return _m_type(name).with_nullable(found.nullable)  # type: ignore[no-any-return]

    def value(self, name: str, value: Any) -> Any:
        """A primitive value out of JSON; what doesn't fit its type is an error cell."""
        name = self._definitions.get(name, name)
        if value is None or (name not in _NAMES and name not in self.enumerations):
            return value
        kind = "text" if name in self.enumerations else _m_type(name).kind
        reader = _READERS.get(name)
        try:
            if reader is not None and (value.__class__ is str or kind == "number"):
                value = reader(value)
            return of_kind(value, kind)
        except errors.MError as error:
            return failed(error)


def _m_type(name: str) -> MType:
    """The M type of a primitive type."""
    return mtypes.NAMED.get(_NAMES[name]) or mtypes.primitive(_NAMES[name])


def _needed(node: Any, name: str) -> str:
    """An attribute that must be there."""
    value = node.get(name)
    if value is None:
        raise errors.odata_metadata_invalid()
    return str(value)


def _local(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]


# ---------------------------------------------------------------- values


def _by(function: str) -> Callable[[str], Any]:
    return lambda text: value_of(function).fn(text, "en-US")


def _number(value: Any) -> Any:
    return _SPECIAL.get(value, value) if value.__class__ is str else value


def _decimal(value: Any) -> Any:
    return value_of("Number.FromText").fn(value, "en-US") if value.__class__ is str else value


def _binary(text: str) -> bytes:
    import base64
    import binascii

    try:
        return base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise errors.bad_binary_text(text) from None


def _duration(text: str) -> Duration:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise errors.could_not_parse("Duration", text)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:5])
    ticks = (
        days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND + int((found[6] or "").ljust(7, "0"))
    )
    return Duration(-ticks if found[1] else ticks)


_READERS: dict[str, Callable[[Any], Any]] = {
    "Edm.Date": _by("Date.FromText"),
    "Edm.DateTimeOffset": _by("DateTimeZone.FromText"),
    "Edm.TimeOfDay": _by("Time.FromText"),
    "Edm.Duration": _duration,
    "Edm.Binary": _binary,
    "Edm.Double": _number,
    "Edm.Single": _number,
    "Edm.Decimal": _decimal,
    "Edm.Int64": _decimal,
}
