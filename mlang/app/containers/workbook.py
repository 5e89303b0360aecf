"""Zip files with a DataMashup stream: workbooks keep it in a custom XML part as base 64, Power BI files as a part."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path

from mlang.app.containers.base import BrokenFile, CannotWrite, decoded, encoded
from mlang.app.containers.mashup import Mashup, refuse_rename, xml_root
from mlang.app.containers.package import Package
from mlang.app.containers.sections import Renames, SectionContainer, renames
from mlang.app.containers.tabular import SCHEMA, open_tabular
from mlang.syntax.lexer import tokenize

_NAMESPACE = "{http://schemas.microsoft.com/DataMashup}"
_CUSTOM = re.compile(r"customXml/item\d+\.xml")
_STREAM = re.compile(r"(<(?:\w+:)?DataMashup\b[^>]*>)([^<]*)(</)")
STREAM_PART = "DataMashup"
CONNECTIONS = "xl/connections.xml"


@dataclass
class MashupFile(SectionContainer):
    """A workbook or a Power BI file; ``part`` is the entry with the stream."""

    package: Package | None = None
    part: str = ""
    mashup: Mashup | None = None

    @property
    def is_workbook(self) -> bool:
        """Only a workbook has tables and names."""
        return self.part != STREAM_PART

    def encode(self, document: str) -> dict[Path, bytes]:
        """The file with another section document; metadata and connections follow renames."""
        assert self.package is not None
        assert self.mashup is not None
        if document == self.text:
            return {}
        self._refuse_second_copy(document)
        mashup, parts = self.mashup.with_text(document), {}
        changed = renames(self.text, document)
        if changed:
            mashup = mashup.renamed(changed.path)
            parts = self._connections(changed)
        parts[self.part] = self._stored(mashup.stream())
        return {self.path: self.package.replaced(parts)}

    def _refuse_second_copy(self, document: str) -> None:
        """Templates of a time hold their queries in the model too: both may be laid out, not changed."""
        assert self.package is not None
        if SCHEMA not in self.package or _words(self.text) == _words(document):
            return
        try:
            open_tabular(self.path, b"", self.package)
        except BrokenFile:
            return  # a model without M
        raise CannotWrite(
            f"{self.path} holds its queries twice, for the editor and in its model; they can only be formatted here. "
            "Save it again in a current Power BI Desktop. Nothing was written."
        )

    def _stored(self, stream: bytes) -> bytes:
        """The part with another stream: the XML around the base 64 stays."""
        assert self.package is not None
        if not self.is_workbook:
            return stream
        where = f"{self.path}: {self.part}"
        text, encoding, mark = decoded(self.package.read(self.part), where)
        data = base64.b64encode(stream).decode()
        return encoded(_STREAM.sub(lambda m: m[1] + data + m[3], text, count=1), encoding, mark, where)

    def _connections(self, changed: Renames) -> dict[str, bytes]:
        """The connections through which Excel loads renamed queries."""
        assert self.package is not None
        if not self.is_workbook:
            for query in changed.queries:
                if self.loads.get(query) and self.loads[query].targets:
                    raise refuse_rename(str(self.path), query, "the model of the file is loaded from it")
            return {}
        if CONNECTIONS not in self.package:
            self._refuse_loaded(changed)
            return {}
        where = f"{self.path}: {CONNECTIONS}"
        text, encoding, mark = decoded(self.package.read(CONNECTIONS), where)
        new = text
        for query, name in changed.queries.items():
            new = _reconnected(new, query, name, str(self.path))
        return {CONNECTIONS: encoded(new, encoding, mark, where)} if new != text else {}

    def _refuse_loaded(self, changed: Renames) -> None:
        """Connections of a binary workbook can't be followed."""
        for query in changed.queries:
            if self.loads.get(query) and self.loads[query].targets:
                raise refuse_rename(
                    str(self.path), query, "it is loaded through a connection in a binary part"
                )


_ATTRIBUTE = re.compile(r'\b(connection|command)="([^"]*)"')
_SIMPLE = re.compile(r"\w+", re.ASCII)


def _reconnected(xml: str, old: str, new: str, where: str) -> str:
    """Connections to a query under its new name; forms that aren't known are refused."""
    from xml.sax.saxutils import escape, unescape

    quotes = {'"': "&quot;"}

    def one(match: re.Match[str]) -> str:
        value = unescape(match[2], {"&quot;": '"', "&#10;": "\n", "&apos;": "'"})
        if match[1] == "connection" and "Microsoft.Mashup" in value:
            other = _relocated(value, old, new)
        else:
            other = value.replace(f"SELECT * FROM [{old}]", f"SELECT * FROM [{new}]")
        if other == value:
            return match[0]
        if any(sign in new for sign in '];"'):
            raise refuse_rename(where, old, "the new name has signs that connections can't hold")
        return f'{match[1]}="{escape(other, quotes)}"'

    return _ATTRIBUTE.sub(one, xml)


def _relocated(connection: str, old: str, new: str) -> str:
    """A connection string that names another query as its location."""
    wanted = f"Location={new if _SIMPLE.fullmatch(new) else _quoted(new)}"
    fields = [
        wanted if f in (f"Location={old}", f"Location={_quoted(old)}") else f for f in connection.split(";")
    ]
    return ";".join(fields)


def _words(text: str) -> list[str]:
    tokens = tokenize(text)
    return [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)]


def _quoted(name: str) -> str:
    return f'"{name}"'


def find_stream(package: Package) -> tuple[str, bytes] | None:
    """The entry with a DataMashup stream, and the stream."""
    if STREAM_PART in package:
        return STREAM_PART, package.read(STREAM_PART)
    for name in sorted(n for n in package.names if _CUSTOM.fullmatch(n)):
        data = package.read(name)
        root = xml_root(data) if b"M\0a\0s\0h\0u\0p" in data or b"Mashup" in data else None
        if root is not None and root.tag == _NAMESPACE + "DataMashup":
            try:
                return name, base64.b64decode("".join(root.itertext()).strip())
            except (binascii.Error, ValueError):
                raise BrokenFile(f"{package.where}: {name} is not base 64.") from None
    return None


def open_mashup(path: Path, data: bytes, package: Package, part: str, stream: bytes) -> MashupFile:
    """The container of a stream that was found."""
    mashup = Mashup.read(stream, str(path))
    workbook = part != STREAM_PART
    return MashupFile(
        path, "Excel workbook" if workbook else "Power BI file", {path: data}, mashup.loads(workbook),
        culture=mashup.culture, text=mashup.text, package=package, part=part, mashup=mashup,
    )  # fmt: skip
