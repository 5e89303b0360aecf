"""What an imported dataflow lacks here, and a dataflow as a Power Query template (.pqt).

Read ``interchange.py`` first, which reads other files and writes Fabric items.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from mlang import registry
from mlang.syntax.parser import parse_document
from staging import graph
from staging.dataflow import Dataflow

_CONTENT_TYPES = (
    '<?xml version="1.0" encoding="utf-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="json" ContentType="application/json" />'
    '<Default Extension="pq" ContentType="application/x-ms-m" /></Types>'
)
_KEYWORDS = {"#shared", "#sections", "_"}
_PARTS_TIME = (1980, 1, 1, 0, 0, 0)


def will_not_run(document: str) -> list[str]:
    """A line for each name that neither the document nor the library here has, with the queries that use it."""
    tree = parse_document(document, "mashup.pq")
    members = {m.name: m.value for s in getattr(tree, "sections", ()) for m in s.members}
    users: dict[str, list[str]] = {}
    for query, node in members.items():
        for name in sorted(graph.references(node) - members.keys() - _KEYWORDS):
            if registry.lookup(name) is None:
                users.setdefault(name, []).append(query)
    return [f"{name} is not known here; used by {', '.join(found)}." for name, found in sorted(users.items())]


def template(dataflow: Dataflow) -> bytes:
    """The dataflow as a template: the bytes of its document, which queries are hidden, its name."""
    known = dataflow.metadata.get("queriesMetadata", {})
    queries: list[dict[str, Any]] = []
    for name in dataflow.queries:
        about = known.get(name)
        hidden = isinstance(about, dict) and about.get("isHidden") is True
        queries.append({"Name": name, "IsHidden": True} if hidden else {"Name": name})
    described = dataflow.platform.get("metadata", {}).get("description")
    about = {
        "Name": dataflow.name, "Description": described if isinstance(described, str) else "", "Version": "1.0",
    }  # fmt: skip
    parts = {
        "[Content_Types].xml": _CONTENT_TYPES.encode(),
        "MashupDocument.pq": dataflow.content,
        "MashupMetadata.json": _json({"Version": "1.0", "QueriesMetadata": queries}),
        "Metadata.json": _json(about),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, data in parts.items():
            # No time of day: the same dataflow gives the same bytes.
            package.writestr(zipfile.ZipInfo(name, _PARTS_TIME), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=2).encode()
