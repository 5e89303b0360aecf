"""Power Query templates (.pqt) and dataflow exports of the first generation (model.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlang.app.containers.base import BrokenFile, CannotWrite, Load, decoded, encoded
from mlang.app.containers.jsontext import JsonText, Value
from mlang.app.containers.package import Package
from mlang.app.containers.sections import Renames, SectionContainer, renames

DOCUMENT = "MashupDocument.pq"
METADATA = "MashupMetadata.json"


@dataclass
class Template(SectionContainer):
    """A Power Query template: a zip file with the document as a part."""

    package: Package | None = None

    def encode(self, document: str) -> dict[Path, bytes]:
        """The file with another document; the metadata follow renames of queries."""
        assert self.package is not None
        if document == self.text:
            return {}
        where = f"{self.path}: {DOCUMENT}"
        _, encoding, mark = decoded(self.package.read(DOCUMENT), where)
        parts = {DOCUMENT: encoded(document, encoding, mark, where)}
        changed = renames(self.text, document)
        if changed.queries and METADATA in self.package:
            parts[METADATA] = self._metadata(changed)
        return {self.path: self.package.replaced(parts)}

    def _metadata(self, changed: Renames) -> bytes:
        assert self.package is not None
        where = f"{self.path}: {METADATA}"
        text, encoding, mark = decoded(self.package.read(METADATA), where)
        json_text = JsonText(text, where)
        return encoded(json_text.with_strings(renamed_names(json_text.root, changed)), encoding, mark, where)


def renamed_names(root: Value, changed: Renames) -> list[tuple[Value, str]]:
    """The values that name renamed queries in ``QueriesMetadata``: a list of records, or a record by name."""
    found: list[tuple[Value, str]] = []
    about = root.get("QueriesMetadata") or root.get("queriesMetadata")
    if about is None:
        return found
    for key, entry in about.keyed():
        named = entry.get("Name") or entry.get("queryName")
        for value in (key, named):
            if value is not None and isinstance(value.value, str) and value.value in changed.queries:
                found.append((value, changed.queries[value.value]))
    return found


def open_template(path: Path, data: bytes, package: Package) -> Template:
    """A template from its zip file."""
    text = decoded(package.read(DOCUMENT), f"{path}: {DOCUMENT}")[0]
    loads = {}
    locale = read_json(package, METADATA, str(path)).get("DocumentLocale")
    for entry in queries_metadata(package, str(path)):
        name, hidden = entry.get("Name"), entry.get("IsHidden") is True
        if isinstance(name, str):
            enabled = entry.get("LoadEnabled")
            targets = None if enabled is None else (("output",) if enabled else ())
            loads[name] = Load(targets, hidden)
    return Template(path, "Power Query template", {path: data}, loads, text=text, package=package,
                    culture=locale if isinstance(locale, str) and locale else None)  # fmt: skip


def queries_metadata(package: Package, where: str) -> list[dict[str, Any]]:
    """What a template says of its queries."""
    found = read_json(package, METADATA, where)
    entries = found.get("QueriesMetadata", [])
    return [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []


def read_json(package: Package, name: str, where: str) -> dict[str, Any]:
    """A JSON part; empty where there is none."""
    if name not in package:
        return {}
    try:
        found = json.loads(decoded(package.read(name), f"{where}: {name}")[0])
    except (ValueError, RecursionError):
        raise BrokenFile(f"{where}: {name} holds no readable JSON.") from None
    return found if isinstance(found, dict) else {}


# ---------------------------------------------------------------- model.json


@dataclass
class Export(SectionContainer):
    """A dataflow export: JSON with the document as a text."""

    json_text: JsonText | None = None
    place: Value | None = None

    def encode(self, document: str) -> dict[Path, bytes]:
        """The JSON with another document; nothing else of it is rewritten."""
        assert self.json_text is not None
        assert self.place is not None
        if document == self.text:
            return {}
        changed = renames(self.text, document)
        if changed.queries:
            raise CannotWrite(
                f"{self.path}: queries of an export are also entities; they can't be renamed here."
            )
        new = self.json_text.with_strings([(self.place, document)])
        _, encoding, mark = decoded(self.files[self.path], str(self.path))
        return {self.path: encoded(new, encoding, mark, str(self.path))}


def find_document(root: Value) -> Value | None:
    """The value that holds the document of an export."""
    found = [root.get("pbi:mashup", "document")]
    for _, note in (root.get("annotations") or Value.nothing()).keyed():
        name = note.get("name")
        if name is not None and name.value == "pbi:mashup.document":
            found.append(note.get("value"))
    found.append(root.get("document"))
    return next((v for v in found if v is not None and isinstance(v.value, str) and v.value), None)


def open_export(path: Path, data: bytes, json_text: JsonText) -> Export:
    """An export from its JSON."""
    place = find_document(json_text.root)
    if place is None:
        raise BrokenFile(f"{path} holds no mashup document.")
    loads = {}
    about = json_text.root.get("pbi:mashup", "queriesMetadata")
    for key, entry in about.keyed() if about is not None else ():
        enabled = entry.get("loadEnabled")
        if key is not None and isinstance(key.value, str):
            loads[key.value] = Load(() if enabled is not None and enabled.value is False else ("entity",))
    culture = json_text.root.get("culture")
    return Export(
        path, "dataflow export", {path: data}, loads, text=str(place.value), json_text=json_text, place=place,
        culture=culture.value if culture is not None and isinstance(culture.value, str) else None,
    )  # fmt: skip
