"""The DataMashup stream of workbooks and Power BI files ([MS-QDEFF]): parts, metadata, another text.

Version 0, then four lengths with content: the package (a zip file with ``Formulas/Section1.m``), permissions,
metadata, permission bindings.  The bindings are a checksum that only the user's Windows can make; a reader
that finds them wrong has to take the default permissions.  They and the permissions stay as they are.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import unescape

from mlang.app.containers.base import BrokenFile, CannotWrite, Load, decoded, encoded
from mlang.app.containers.package import Package

SECTION = "Formulas/Section1.m"
CONFIG = "Config/Package.xml"
_LENGTH = struct.Struct("<I")
_ITEM_PATH = re.compile(r"(<(?:\w+:)?ItemPath>)([^<]*)(</)")
#: What .NET leaves alone when it escapes a part of an address.
_PLAIN = "-_.~!*'()"


@dataclass(frozen=True)
class Mashup:
    """A stream in its parts; ``rest`` is what follows them."""

    where: str
    package: bytes
    permissions: bytes
    metadata: bytes
    bindings: bytes
    rest: bytes

    @classmethod
    def read(cls, data: bytes, where: str) -> Mashup:
        """The parts of a stream."""
        parts, place = [], 4
        try:
            (version,) = _LENGTH.unpack_from(data)
            for _ in range(4):
                (length,) = _LENGTH.unpack_from(data, place)
                part = data[place + 4 : place + 4 + length]
                if len(part) < length:
                    raise struct.error
                parts.append(part)
                place += 4 + length
        except struct.error:
            raise BrokenFile(f"{where}: the DataMashup stream is broken.") from None
        if version != 0 or len(parts[0]) < 4:
            raise BrokenFile(f"{where}: the DataMashup stream is broken or of version {version}.")
        return cls(where, parts[0], parts[1], parts[2], parts[3], data[place:])

    def stream(self) -> bytes:
        """The stream again."""
        parts = (self.package, self.permissions, self.metadata, self.bindings)
        return _LENGTH.pack(0) + b"".join(_LENGTH.pack(len(p)) + p for p in parts) + self.rest

    def _opened(self) -> Package:
        try:
            return Package(self.package, f"{self.where} (DataMashup)")
        except BrokenFile:
            raise BrokenFile(f"{self.where}: the DataMashup stream is broken.") from None

    @property
    def text(self) -> str:
        """The section document."""
        package = self._opened()
        if SECTION not in package:
            raise BrokenFile(f"{self.where}: the DataMashup stream is broken: it has no {SECTION}.")
        return decoded(package.read(SECTION), f"{self.where}: {SECTION}")[0]

    @property
    def culture(self) -> str | None:
        """The culture that texts are read in."""
        package = self._opened()
        root = xml_root(package.read(CONFIG)) if CONFIG in package else None
        return root.findtext("{*}Culture") or None if root is not None else None

    def with_text(self, text: str) -> Mashup:
        """The stream with another section document."""
        package = self._opened()
        where = f"{self.where}: {SECTION}"
        _, encoding, mark = decoded(package.read(SECTION), where)
        return replace(self, package=package.replaced({SECTION: encoded(text, encoding, mark, where)}))

    # ------------------------------------------------------------ metadata

    def _metadata_xml(self) -> bytes:
        if len(self.metadata) < 8:
            return b""
        (length,) = _LENGTH.unpack_from(self.metadata, 4)
        return self.metadata[8 : 8 + length]

    def entries(self) -> dict[str, dict[str, str]]:
        """What the metadata say of each query: values by type, without their leading letter for the kind."""
        root = xml_root(self._metadata_xml())
        found: dict[str, dict[str, str]] = {}
        for item in root.findall(".//{*}Item") if root is not None else ():
            parts = [unquote(p) for p in (item.findtext("{*}ItemLocation/{*}ItemPath") or "").split("/")]
            if item.findtext("{*}ItemLocation/{*}ItemType") == "Formula" and len(parts) == 2:
                entries = item.findall(".//{*}Entry")
                found[parts[1]] = {e.get("Type", ""): e.get("Value", "")[1:] for e in entries}
        return found

    def renamed(self, new_path: Callable[[list[str]], list[str]]) -> Mashup:
        """The stream with other paths of the items of queries (Section1/Query) and steps (…/Step)."""
        xml = self._metadata_xml()
        if not xml:
            return self
        text, encoding, mark = decoded(xml, f"{self.where}: metadata")

        def one(match: re.Match[str]) -> str:
            parts = [unquote(unescape(p)) for p in match[2].split("/")]
            new = new_path(parts)
            return (
                match[0]
                if new == parts
                else match[1] + "/".join(quote(p, safe=_PLAIN) for p in new) + match[3]
            )

        changed = encoded(_ITEM_PATH.sub(one, text), encoding, mark, f"{self.where}: metadata")
        head, tail = self.metadata[:4], self.metadata[8 + len(xml) :]
        return replace(self, metadata=head + _LENGTH.pack(len(changed)) + changed + tail)

    def loads(self, is_workbook: bool) -> dict[str, Load]:
        """Where the queries are loaded."""
        return {
            name: Load(tuple(_targets(entries, is_workbook)))
            for name, entries in self.entries().items()
            if any(flag in entries for flag in _FILLS)
        }


#: What says whether a query is loaded: to a sheet, to a workbook's data model, to the model of a report.
_FILLS = ("FillEnabled", "FillToDataModelEnabled", "LoadedToAnalysisServices")


def _targets(entries: dict[str, str], is_workbook: bool) -> list[str]:
    found = []
    if not is_workbook:
        return ["model"] if any(entries.get(flag) == "1" for flag in _FILLS) else []
    if entries.get("FillEnabled") == "1":
        named = entries.get("FillTarget", "")
        kind = entries.get("FillObjectType", "Table")
        if kind != "ConnectionOnly":
            found.append(f"{_KINDS.get(kind, kind)} {named}".strip())
    if entries.get("FillToDataModelEnabled") == "1":
        found.append("data model")
    return found


_KINDS = {"Table": "table", "PivotTable": "pivot table", "PivotChart": "pivot chart"}


def about_queries(mashup: Mashup) -> dict[str, dict[str, Any]]:
    """Fields of a dataflow's ``queriesMetadata``: a query that was filled nowhere is not staged."""
    found: dict[str, dict[str, Any]] = {}
    for name, entries in mashup.entries().items():
        fills = [entries[flag] == "1" for flag in _FILLS if flag in entries]
        about: dict[str, Any] = {"loadEnabled": False} if fills and not any(fills) else {}
        if entries.get("QueryID"):
            about["queryId"] = entries["QueryID"]
        found[name] = about
    return found


def xml_root(data: bytes) -> ElementTree.Element | None:
    """The root of an XML part; none where it is broken or declares entities."""
    if (
        b"<!DOCTYPE" in data
        or "<!DOCTYPE".encode("utf-16-le") in data
        or "<!DOCTYPE".encode("utf-16-be") in data
    ):
        return None
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None


def refuse_rename(where: str, query: str, why: str) -> CannotWrite:
    """A rename that would leave something behind that means the old name."""
    return CannotWrite(f"{where}: '{query}' can't be renamed here: {why}. Nothing was written.")
