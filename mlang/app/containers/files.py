"""What a path is: which container, or a plain M file.  Nothing is opened to answer `is_container` of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlang.app.containers.base import BrokenFile, Container, Load, decoded, read_file
from mlang.app.containers.jsontext import JsonText
from mlang.app.containers.package import COMPOUND, Package
from mlang.app.containers.tabular import SCHEMA, open_tabular
from mlang.app.containers.template import DOCUMENT, find_document, open_export, open_template
from mlang.app.containers.tmdl import open_tmdl
from mlang.app.containers.workbook import find_stream, open_mashup
from mlang.errors import Fault

_MODELS = (".SemanticModel", ".Dataset")
KNOWN = ".xlsx, .xlsm, .xlsb, .pbix, .pbit, .pqt, .pbip, .bim, .tmdl and model.json"


def open_container(path: Path) -> Container:
    """The container at a path; `BrokenFile` says what it is instead."""
    if path.is_dir():
        return _open_folder(path)
    suffix = path.suffix.lower()
    if suffix == ".pbip":
        return _open_folder(_model_of_project(path), path)
    if suffix == ".pbir":
        return _open_folder(_model_of_report(path.parent, path), path)
    if suffix == ".tmdl":
        return open_tmdl(path, [path])
    data = read_file(path)
    if data.startswith((b"PK", COMPOUND)):
        return _open_zip(path, data, Package(data, str(path)))
    if suffix in (".json", ".bim"):
        return _open_json(path, data)
    raise BrokenFile(
        f"{path}: not known are files other than {KNOWN}; this is none of them, or a damaged one."
    )


def _open_zip(path: Path, data: bytes, package: Package) -> Container:
    if DOCUMENT in package:
        return open_template(path, data, package)
    found = find_stream(package)
    if found is not None:
        return open_mashup(path, data, package, *found)
    if SCHEMA in package:
        return open_tabular(path, data, package)
    if "DataModel" in package:
        raise BrokenFile(
            f"{path}: the queries of this report are inside its compressed data model, which can't be read. "
            "Save it in Power BI Desktop as a template (.pbit) or a project (.pbip); both hold them as text."
        )
    if "Report/Layout" in package or "Connections" in package:
        raise BrokenFile(f"{path} holds no queries: it is a report on a model that lives elsewhere.")
    raise BrokenFile(f"{path} holds no queries.")


def _open_json(path: Path, data: bytes) -> Container:
    json_text = JsonText(decoded(data, str(path))[0], str(path))
    if find_document(json_text.root) is not None or path.suffix.lower() == ".json":
        return open_export(path, data, json_text)
    return open_tabular(path, data)


# ---------------------------------------------------------------- folders


def is_model_folder(path: Path) -> bool:
    """Whether a folder is a model, a report or a project of Power BI; a dataflow folder is none."""
    if (path / "mashup.pq").is_file():
        return False
    return (
        _is_model(path)
        or (path / "definition.pbir").is_file()
        or any(path.glob("*.pbip"))
        or any(p.is_dir() for ending in _MODELS for p in path.glob("*" + ending))
    )


def models_in(path: Path) -> list[Path]:
    """The models that a named folder stands for: itself, those right below it, or that of its project."""
    if _is_model(path):
        return [path]
    below = sorted(p for ending in _MODELS for p in path.glob("*" + ending) if p.is_dir())
    if below or not is_model_folder(path):
        return below
    try:
        return [path] if open_container(path).files else []
    except BrokenFile:
        return []  # reports on models that live elsewhere


def _is_model(path: Path) -> bool:
    return (
        (path / "model.bim").is_file()
        or (path / "definition" / "model.tmdl").is_file()
        or (path / "model.tmdl").is_file()
        or (path / "definition" / "tables").is_dir()
        or path.name.endswith(_MODELS)
    )


def _open_folder(path: Path, named: Path | None = None) -> Container:
    shown = named or path
    if (path / "model.bim").is_file():
        container: Container = open_tabular(path / "model.bim", read_file(path / "model.bim"))
        container.path = shown
        return container
    if _is_model(path):
        home = path / "definition" if (path / "definition").is_dir() else path
        files = sorted(p for p in home.rglob("*.tmdl") if p.is_file())
        if not files:
            raise BrokenFile(f"{shown} holds no queries: there is neither model.bim nor TMDL in {path}.")
        return open_tmdl(shown, files)
    if (path / "definition.pbir").is_file():
        return _open_folder(_model_of_report(path, shown), shown)
    projects = sorted(path.glob("*.pbip"))
    models = sorted(p for ending in _MODELS for p in path.glob("*" + ending) if p.is_dir())
    if len(models) == 1:
        return _open_folder(models[0], shown)
    if len(projects) == 1:
        return _open_folder(_model_of_project(projects[0]), shown)
    if models or projects:
        listed = ", ".join(p.name for p in models or projects)
        raise Fault(f"{path} holds several models; name one of {listed}.")
    raise BrokenFile(f"{path} is neither a dataflow nor a model nor a project of Power BI.")


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(decoded(read_file(path), str(path))[0])
    except (ValueError, RecursionError):
        raise BrokenFile(f"{path} holds no readable JSON.") from None
    return found if isinstance(found, dict) else {}


def _field(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _model_of_project(path: Path) -> Path:
    """The model that the report of a project reads, else the one beside it."""
    artifacts = _json(path).get("artifacts")
    for artifact in artifacts if isinstance(artifacts, list) else ():
        report = _field(artifact, "report", "path")
        if isinstance(report, str) and (path.parent / report / "definition.pbir").is_file():
            return _model_of_report(path.parent / report, path)
    beside = [path.with_name(path.stem + ending) for ending in _MODELS]
    found = next((p for p in beside if p.is_dir()), None)
    if found is None:
        raise BrokenFile(f"{path}: its model isn't here: there is no {beside[0].name} beside it.")
    return found


def _model_of_report(folder: Path, shown: Path) -> Path:
    definition = folder / "definition.pbir"
    place = _field(_json(definition), "datasetReference", "byPath", "path")
    if not isinstance(place, str):
        raise BrokenFile(f"{shown} holds no queries: its report reads a model that lives elsewhere.")
    found = (folder / place.replace("\\", "/")).resolve()
    if not found.is_dir() or (found / "definition.pbir").is_file():
        raise BrokenFile(f"{shown}: its model isn't here: there is no folder {place}.")
    return found


# ---------------------------------------------------------------- dataflow items


def dataflow_loads(folder: Path) -> dict[str, Load]:
    """What ``queryMetadata.json`` of a dataflow item says of its queries."""
    path = folder / "queryMetadata.json"
    about = _json(path).get("queriesMetadata") if path.is_file() else None
    loads = {}
    for name, entry in about.items() if isinstance(about, dict) else ():
        if isinstance(entry, dict):
            staged = entry.get("loadEnabled") is not False
            loads[name] = Load(("staging",) if staged else (), entry.get("isHidden") is True)
    return loads
