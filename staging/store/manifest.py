"""The manifest: everything a reader must know about one generation of a staged table, as JSON.

It lies beside the data files, as immutable as they are.  Read ``generations.py`` next.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attrs import field, frozen

from mlang.values.types import TableType
from staging.errors import StagedDataMissing
from staging.types import Column, table_type_of, type_from_json, type_label, type_to_json

FORMAT = 1
NAME = "manifest.json"


@frozen
class Part:
    """A data file, relative to the table's folder; rows ``first`` to ``first + rows - 1`` of ``rn``."""

    file: str
    rows: int
    first: int
    bytes: int


@frozen
class Manifest:
    """One generation: its rows, columns, facts, and what it was made from."""

    dataflow: str
    query: str
    generation: int
    store: str
    engine: str
    created: str
    query_hash: str
    columns: tuple[Column, ...]
    parts: tuple[Part, ...]
    facts: dict[str, dict[str, Any]] = field(factory=dict)
    keys: tuple[tuple[tuple[str, ...], bool], ...] = ()
    #: What it was made from: the generations of staged queries, and the state of each file (``reuse.py``).
    sources: dict[str, int] = field(factory=dict)
    inputs: dict[str, Any] = field(factory=dict)
    #: The buckets of an incremental refresh and what they held (``incremental.py``).
    buckets: dict[str, Any] = field(factory=dict)

    @property
    def rows(self) -> int:
        """How many rows."""
        return sum(p.rows for p in self.parts)

    @property
    def bytes(self) -> int:
        """How many bytes on disk."""
        return sum(p.bytes for p in self.parts)

    @property
    def errors(self) -> dict[str, int]:
        """Error cells that were stored as null, by column."""
        return {name: f["errors"] for name, f in self.facts.items() if f.get("errors")}

    @property
    def type(self) -> TableType:
        """The M type of the staged table."""
        return table_type_of(self.columns, self.keys)

    def to_json(self) -> dict[str, Any]:
        """The document as it is written."""
        return {
            "formatVersion": FORMAT,
            "dataflow": self.dataflow,
            "query": self.query,
            "generation": self.generation,
            "store": self.store,
            "engine": self.engine,
            "created": self.created,
            "queryHash": self.query_hash,
            "rows": self.rows,
            "rowNumber": "rn",
            "parts": [
                {"file": p.file, "rows": p.rows, "rn": [p.first, p.first + p.rows - 1], "bytes": p.bytes}
                for p in self.parts
            ],
            "columns": [
                {
                    "name": c.name,
                    "physical": c.physical,
                    "code": c.code,
                    "type": type_to_json(c.type),
                    "typeText": type_label(c.type),
                    "facts": self.facts.get(c.name, {}),
                }
                for c in self.columns
            ],
            "keys": [{"columns": list(names), "primary": primary} for names, primary in self.keys],
            "sources": self.sources,
            "inputs": self.inputs,
            **({"buckets": self.buckets} if self.buckets else {}),
        }


def from_json(found: dict[str, Any]) -> Manifest:
    """The manifest that a document describes; KeyError or TypeError when it is none."""
    if found["formatVersion"] != FORMAT:
        raise StagedDataMissing(
            f"Staged table '{found.get('query')}': format version {found['formatVersion']}, "
            f"this mlang reads {FORMAT}. Refresh the dataflow."
        )
    columns = tuple(
        Column(c["name"], type_from_json(c["type"]), c["physical"], c["code"]) for c in found["columns"]
    )
    return Manifest(
        dataflow=found["dataflow"],
        query=found["query"],
        generation=found["generation"],
        store=found["store"],
        engine=found["engine"],
        created=found["created"],
        query_hash=found["queryHash"],
        columns=columns,
        parts=tuple(Part(p["file"], p["rows"], p["rn"][0], p["bytes"]) for p in found["parts"]),
        facts={c["name"]: c["facts"] for c in found["columns"]},
        keys=tuple((tuple(k["columns"]), k["primary"]) for k in found["keys"]),
        sources=found.get("sources", {}),
        inputs=found.get("inputs", {}),
        buckets=found.get("buckets", {}),
    )


def read(folder: Path, name: str = NAME) -> Manifest | None:
    """The manifest of a table's folder; None when nothing was ever published there."""
    path = folder / name
    try:
        text = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return from_json(json.loads(text))
    except (ValueError, KeyError, TypeError) as error:
        raise StagedDataMissing(
            f"{path} is no manifest of a staged table ({error}). Refresh the dataflow: it makes the table anew."
        ) from None
