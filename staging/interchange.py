"""Dataflows from other files, and into Fabric items: ``mlang import`` and ``mlang export``.

Read are workbooks and Power BI files (the DataMashup stream of MS-QDEFF), Power BI templates
without one (their model's M), Power Query templates (.pqt) and Gen1 exports (model.json).  An
existing item is exported with its files byte for byte; only entries that a new query needs
are put in.  Nothing of the permissions stream is used: it is bound to a user's machine.
"""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import uuid
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from attrs import define, field

from mlang.syntax.parser import parse_document
from mlang.syntax.quoting import identifier
from staging.dataflow import FORMAT, Dataflow
from staging.errors import DataflowError

_NAMESPACE = "{http://schemas.microsoft.com/DataMashup}"
_LARGEST = 64 << 20
_PLATFORM = (
    "https://developer.microsoft.com/json-schemas/fabric/gitIntegration/platformProperties/2.0.0/schema.json"
)


@define
class Imported:
    """A dataflow found in another file; ``metadata`` are fields of queryMetadata.json."""

    name: str
    document: str
    queries: dict[str, dict[str, Any]] = field(factory=dict)
    metadata: dict[str, Any] = field(factory=dict)
    notes: list[str] = field(factory=list)


def read(path: Path) -> Imported:
    """The dataflow in a file; the ending and the content say what it is."""
    data = _bounded(path)
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return _from_package(path, package)
    if path.suffix.lower() == ".json":
        return _from_model(path, data)
    raise DataflowError(
        f"{path}: not known are files other than .xlsx, .xlsm, .pbix, .pbit, .pqt and model.json."
    )


def _bounded(path: Path) -> bytes:
    try:
        if path.stat().st_size > 16 * _LARGEST:
            raise DataflowError(f"{path} is too large to import.")
        return path.read_bytes()
    except OSError as error:
        raise DataflowError(f"{path}: {error.strerror or error}.") from None


def _part(package: zipfile.ZipFile, name: str) -> bytes:
    if package.getinfo(name).file_size > _LARGEST:
        raise DataflowError(f"The part {name} is too large to import.")
    return package.read(name)


def _from_package(path: Path, package: zipfile.ZipFile) -> Imported:
    names = package.namelist()
    if "MashupDocument.pq" in names:
        return _from_template(path, package)
    if "DataMashup" in names:
        return _from_stream(path.stem, _part(package, "DataMashup"))
    for name in sorted(n for n in names if re.fullmatch(r"customXml/item\d+\.xml", n)):
        root = _xml(_part(package, name))
        if root is not None and root.tag == _NAMESPACE + "DataMashup":
            try:
                stream = base64.b64decode("".join(root.itertext()).strip())
            except ValueError:
                raise DataflowError(f"{path}: {name} is not base 64.") from None
            return _from_stream(path.stem, stream)
    if "DataModelSchema" in names:
        return _from_tabular(path, _json(path, _part(package, "DataModelSchema")))
    raise DataflowError(f"{path} holds no queries.")


def _xml(data: bytes) -> ElementTree.Element | None:
    """The root of an XML part; none where it is broken or declares entities."""
    if b"<!DOCTYPE" in data or "<!DOCTYPE".encode("utf-16-le") in data:
        return None
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError):
        return None


def _json(path: Path, data: bytes) -> Any:
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le"):
        try:
            return json.loads(data.decode(encoding))
        except ValueError:
            continue
    raise DataflowError(f"{path} holds no readable JSON.")


# ---------------------------------------------------------------- MS-QDEFF


def _from_stream(name: str, data: bytes) -> Imported:
    """Version 0, then four lengths with content: package, permissions, metadata, bindings."""
    try:
        (version,) = struct.unpack_from("<I", data)
        sections, place = [], 4
        for _ in range(3):
            (length,) = struct.unpack_from("<I", data, place)
            sections.append(data[place + 4 : place + 4 + length])
            place += 4 + length
        if version != 0 or len(sections[0]) < 4:
            raise struct.error
        with zipfile.ZipFile(io.BytesIO(sections[0])) as package:
            document = _part(package, "Formulas/Section1.m").decode("utf-8-sig")
            config = (
                _xml(_part(package, "Config/Package.xml"))
                if "Config/Package.xml" in package.namelist()
                else None
            )
    except (struct.error, zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        raise DataflowError(f"{name}: the DataMashup stream is broken.") from None
    found = Imported(name, document)
    culture = config.findtext("{*}Culture") if config is not None else None
    if culture:
        found.metadata["documentLocale"] = culture
    found.queries = _loads(sections[2])
    return found


def _loads(data: bytes) -> dict[str, dict[str, Any]]:
    """What the metadata say of each query: one that was filled nowhere is not staged."""
    if len(data) < 8:
        return {}
    (length,) = struct.unpack_from("<I", data, 4)
    root = _xml(data[8 : 8 + length])
    found: dict[str, dict[str, Any]] = {}
    for item in root.findall(".//{*}Item") if root is not None else ():
        place = item.findtext("{*}ItemLocation/{*}ItemPath") or ""
        parts = [unquote(p) for p in place.split("/")]
        if item.findtext("{*}ItemLocation/{*}ItemType") != "Formula" or len(parts) != 2:
            continue
        entries = {e.get("Type"): e.get("Value", "") for e in item.findall(".//{*}Entry")}
        fills = [entries[n] == "l1" for n in ("FillEnabled", "FillToDataModelEnabled") if n in entries]
        about: dict[str, Any] = {}
        if fills and not any(fills):
            about["loadEnabled"] = False
        if entries.get("QueryID", "s")[1:]:
            about["queryId"] = entries["QueryID"][1:]
        found[parts[1]] = about
    return found


# ---------------------------------------------------------------- the other files


def _from_template(path: Path, package: zipfile.ZipFile) -> Imported:
    document = _part(package, "MashupDocument.pq").decode("utf-8-sig")
    names = package.namelist()
    about = _json(path, _part(package, "Metadata.json")) if "Metadata.json" in names else {}
    more = _json(path, _part(package, "MashupMetadata.json")) if "MashupMetadata.json" in names else {}
    queries = {}
    for entry in more.get("QueriesMetadata", []) if isinstance(more, dict) else []:
        if isinstance(entry, dict) and isinstance(entry.get("Name"), str):
            queries[entry["Name"]] = {"isHidden": True} if entry.get("IsHidden") is True else {}
    name = about.get("Name") if isinstance(about, dict) else None
    return Imported(name or path.stem, document, queries)


def _from_tabular(path: Path, model: Any) -> Imported:
    """The M of a model: shared expressions, and one partition per table."""
    body = model.get("model", {}) if isinstance(model, dict) else {}
    members: dict[str, str] = {}
    notes = []
    for entry in body.get("expressions", []):
        members[str(entry.get("name"))] = _lines(entry.get("expression"))
    for table in body.get("tables", []):
        sources = [p.get("source", {}) for p in table.get("partitions", [])]
        texts = [_lines(s.get("expression")) for s in sources if s.get("type") == "m"]
        if len(texts) > 1:
            notes.append(f"Table '{table.get('name')}' has {len(texts)} partitions; the first was taken.")
        if texts:
            members[str(table.get("name"))] = texts[0]
    if not members:
        raise DataflowError(f"{path} holds no queries.")
    found = Imported(path.stem, section_of(members), notes=notes)
    if isinstance(body.get("culture"), str):
        found.metadata["documentLocale"] = body["culture"]
    return found


def _lines(found: Any) -> str:
    return "\n".join(map(str, found)) if isinstance(found, list) else str(found)


def section_of(members: dict[str, str]) -> str:
    """A section document of expressions by name."""
    return "section Section1;\n\n" + "\n".join(
        f"shared {identifier(n)} =\n{t};\n" for n, t in members.items()
    )


def _from_model(path: Path, data: bytes) -> Imported:
    """A Gen1 export."""
    model = _json(path, data)
    if not isinstance(model, dict):
        raise DataflowError(f"{path} is no model.json.")
    mashup = model.get("pbi:mashup")
    mashup = mashup if isinstance(mashup, dict) else {}
    notes = {a.get("name"): a.get("value") for a in model.get("annotations", []) if isinstance(a, dict)}
    document = mashup.get("document") or notes.get("pbi:mashup.document") or model.get("document")
    if not isinstance(document, str):
        raise DataflowError(f"{path} holds no mashup document.")
    known = mashup.get("queriesMetadata")
    found = Imported(str(model.get("name") or path.stem), document, known if isinstance(known, dict) else {})
    for name in ("fastCombine", "allowNativeQueries"):
        if isinstance(mashup.get(name), bool):
            found.metadata[name] = mashup[name]
    if isinstance(model.get("culture"), str):
        found.metadata["documentLocale"] = model["culture"]
    groups = notes.get("pbi:QueryGroups")
    if isinstance(groups, str):
        found.metadata["queryGroups"] = _json(path, groups.encode())
    found.notes = [
        f"Entity '{e.get('name')}': {what} is not imported."
        for e in model.get("entities", []) if isinstance(e, dict)
        for key, what in _SPECIAL
        if _special(e, key)
    ]  # fmt: skip
    return found


_SPECIAL = (("pbi:refreshPolicy", "an incremental refresh policy"), ("modelId", "a link to another dataflow"))


def _special(entity: dict[str, Any], key: str) -> bool:
    value = entity.get(key)
    if key == "pbi:refreshPolicy":
        return isinstance(value, dict) and "Incremental" in str(value.get("$type"))
    return value is not None


# ---------------------------------------------------------------- writing items


def write_item(found: Imported, folder: Path) -> Path:
    """Writes ``Name.Dataflow`` into a folder; refuses to replace one."""
    tree: Any = parse_document(found.document, "mashup.pq")  # broken M is not imported
    place = folder / f"{_file_name(found.name)}.Dataflow"
    if place.exists():
        raise DataflowError(f"{place} exists already.")
    names = [m.name for m in tree.sections[0].members] if hasattr(tree, "sections") else []
    if not names:
        raise DataflowError(f"{found.name}: the document is no section with members.")
    queries = {n: {"queryId": str(uuid.uuid4()), "queryName": n, **found.queries.get(n, {})} for n in names}
    for name, about in queries.items():
        about["queryName"] = name
    metadata = {
        "formatVersion": FORMAT, "computeEngineSettings": {}, "name": found.name, "queryGroups": [],
        "documentLocale": "en-US", **found.metadata, "queriesMetadata": queries,
    }  # fmt: skip
    place.mkdir(parents=True)
    (place / "mashup.pq").write_text(found.document, encoding="utf-8", newline="")
    (place / "queryMetadata.json").write_text(_dump(metadata), encoding="utf-8")
    (place / ".platform").write_text(_dump(_platform(found.name)), encoding="utf-8")
    return place


def _file_name(name: str) -> str:
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .") or "Dataflow"


def _platform(name: str) -> dict[str, Any]:
    return {
        "$schema": _PLATFORM, "metadata": {"type": "Dataflow", "displayName": name},
        "config": {"version": "2.0", "logicalId": str(uuid.uuid4())},
    }  # fmt: skip


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def item_parts(dataflow: Dataflow) -> dict[str, bytes]:
    """The files of the Fabric item: those that exist unchanged, those that are missing made."""
    home = dataflow.path.parent
    own = dataflow.path.name == "mashup.pq"
    parts = {"mashup.pq": dataflow.path.read_bytes()}
    for name in ("queryMetadata.json", ".platform"):
        path = home / name
        if own and path.is_file():
            parts[name] = path.read_bytes()
    if "queryMetadata.json" in parts:
        parts["queryMetadata.json"] = _completed(parts["queryMetadata.json"], dataflow)
    else:
        queries = {n: _entry(n) for n in dataflow.queries}
        about = {"formatVersion": FORMAT, "name": dataflow.name, "queriesMetadata": queries}
        parts["queryMetadata.json"] = _dump(about).encode()
    parts.setdefault(".platform", _dump(_platform(dataflow.name)).encode())
    if own:
        parts |= {p.name: p.read_bytes() for p in sorted(home.glob("*.mdf"))}
    return parts


def _entry(name: str) -> dict[str, Any]:
    return {"queryId": str(uuid.uuid4()), "queryName": name}


def _completed(data: bytes, dataflow: Dataflow) -> bytes:
    """The metadata with entries for queries that have none; every other byte stays."""
    known = dataflow.metadata.get("queriesMetadata", {})
    missing = [name for name in dataflow.queries if name not in known]
    start = re.search(rb'"queriesMetadata"\s*:\s*\{', data)
    if not missing or start is None:
        return data
    entries = [
        f"{json.dumps(n, ensure_ascii=False)}: {json.dumps(_entry(n), ensure_ascii=False)}" for n in missing
    ]
    added = ", ".join(entries)
    comma = b"," if known else b""
    return data[: start.end()] + added.encode() + comma + data[start.end() :]


def rest_definition(parts: dict[str, bytes]) -> dict[str, Any]:
    """The item as the REST interface takes it."""
    listed = [
        {"path": name, "payload": base64.b64encode(data).decode(), "payloadType": "InlineBase64"}
        for name, data in parts.items()
    ]
    return {"definition": {"parts": listed}}
