"""Dataflows from other files, and into Fabric items: ``mlang import`` and ``mlang export``.

Read is what ``mlang/app/containers`` reads: workbooks, Power BI files, projects and templates, Power Query
templates; and Gen1 exports (model.json) with what they say of their entities.  An existing item is exported
with its files byte for byte; only entries that a new query needs are put in.
"""

from __future__ import annotations

import base64
import json
import os
import re
import uuid
from pathlib import Path
from typing import Any

from attrs import define, field

from mlang.app.containers.base import Container, read_file
from mlang.app.containers.files import open_container
from mlang.app.containers.mashup import about_queries
from mlang.app.containers.paths import ORIGIN, WORKBOOKS
from mlang.app.containers.template import Template, read_json
from mlang.app.containers.workbook import MashupFile
from mlang.errors import Fault
from mlang.syntax.parser import parse_document
from staging.dataflow import FORMAT, Dataflow
from staging.errors import DataflowError

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
    #: The workbook whose tables the queries read as Excel.CurrentWorkbook().
    workbook: Path | None = None


def read(path: Path) -> Imported:
    """The dataflow in a file or folder; the ending and the content say what it is."""
    if path.suffix.lower() == ".json":
        return _from_model(path, _content(path))
    try:
        return _from_container(open_container(path))
    except Fault as error:
        raise DataflowError(str(error)) from None


def _content(path: Path) -> bytes:
    try:
        return read_file(path)
    except (Fault, OSError) as error:
        raise DataflowError(str(error)) from None


def _from_container(container: Container) -> Imported:
    """The document of a workbook, model or template, with what it says of its queries."""
    found = Imported(container.path.stem, container.document, notes=list(container.notes))
    if container.culture:
        found.metadata["documentLocale"] = container.culture
    if isinstance(container, MashupFile) and container.mashup is not None:
        found.queries = about_queries(container.mashup)
        _bind(found, container.path)
    elif isinstance(container, Template) and container.package is not None:
        name = read_json(container.package, "Metadata.json", str(container.path)).get("Name")
        found.name = name if isinstance(name, str) and name else found.name
        found.queries = {n: {"isHidden": True} if load.hidden else {} for n, load in container.loads.items()}
    return found


def _bind(found: Imported, path: Path) -> None:
    """Keeps the workbook where its queries read tables of it, and says so."""
    if path.suffix.lower() not in WORKBOOKS or "Excel.CurrentWorkbook" not in found.document:
        return
    if path.suffix.lower() == ".xlsb":
        found.notes.append("Excel.CurrentWorkbook() does not read .xlsb: save it as .xlsx and import that.")
        return
    found.workbook = path
    found.notes.append(
        f"Excel.CurrentWorkbook() goes on reading {path}, as it was last saved; {ORIGIN} beside mashup.pq names it."
    )


def _json(path: Path, data: bytes) -> Any:
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le"):
        try:
            return json.loads(data.decode(encoding))
        except (ValueError, RecursionError):
            continue
    raise DataflowError(f"{path} holds no readable JSON.")


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
    if found.workbook is not None:
        (place / ORIGIN).write_text(_from(place, found.workbook) + "\n", encoding="utf-8")
    return place


def _from(place: Path, file: Path) -> str:
    """A file seen from a folder; its whole path where there is no way (another drive)."""
    try:
        return Path(os.path.relpath(file.resolve(), place.resolve())).as_posix()
    except ValueError:
        return file.resolve().as_posix()


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
    parts = {"mashup.pq": dataflow.content}
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
