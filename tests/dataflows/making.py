"""Small dataflows for tests: folders made from an M text and a few settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from staging.dataflow import Dataflow, read
from staging.history import QueryRun, Run
from staging.refresh import Refresh, staged_value
from staging.workspace import Workspace


def make(
    folder: Path, text: str, *, name: str = "t", unstaged: tuple[str, ...] = (), **metadata: Any
) -> Path:
    """Writes ``name.Dataflow`` with the members of ``text``; the section line is added when missing."""
    place = folder / f"{name}.Dataflow"
    place.mkdir(parents=True, exist_ok=True)
    document = text if "section " in text else f"section Section1;\n{text}"
    (place / "mashup.pq").write_text(document, encoding="utf-8")
    queries = {q: {"queryId": q, "queryName": q, "loadEnabled": False} for q in unstaged}
    about = {"formatVersion": "202502", "name": name, "queriesMetadata": queries, **metadata}
    (place / "queryMetadata.json").write_text(json.dumps(about), encoding="utf-8")
    return place


def workspace(place: Path) -> Workspace:
    return Workspace.beside(place)


def refresh(place: Path, *only: str, session: dict[str, Any] | None = None, **parameters: Any) -> Run:
    """One refresh with the default workspace."""
    found: Dataflow = read(place)
    return Refresh(found, Workspace.beside(place), parameters, session or {}, only=list(only) or None).run()


def result(run: Run, query: str, kind: str = "Table") -> QueryRun:
    """What became of a query in a run."""
    return next(q for q in run.queries if q.query == query and q.kind == kind)


def rows(place: Path, query: str) -> list[tuple[Any, ...]]:
    """The staged rows that readers get."""
    from mlang.values.thunk import force

    table = staged_value(Workspace.beside(place), place.name, query)
    return [tuple(force(c) for c in row) for row in table.rows()]


def members(text: str) -> dict[str, Any]:
    """The expressions of section members by name."""
    from mlang.syntax.parser import parse_document

    return {m.name: m.value for m in parse_document(f"section S;\n{text}").sections[0].members}
