"""Whether a staged query would give the same again: what it was made from, and what that is now.

A generation remembers the text of its query and of the unstaged ones it read, the parameters,
the generations of the staged queries, and the size and time of every file it opened.  A
query that calls something whose answer nobody can foresee (the web, the clock, chance) is
never reused.  `decide` says yes or no, and why; ``mlang plan`` shows it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

import mlang
from mlang.syntax import nodes
from staging import graph
from staging.dataflow import Dataflow
from staging.errors import StagedDataMissing
from staging.store.manifest import Manifest
from staging.store.published import Snapshot

#: Functions whose answers change though no file does; a name that ends in a dot is a family.
VOLATILE = (
    "Web.", "Sql.", "OData.", "Odbc.", "OleDb.", "PowerPlatform.", "PowerBI.", "Lakehouse.", "Fabric.",
    "SharePoint.", "Value.Firewall", "Number.Random", "List.Random", "Text.NewGuid", "Variable.", "Expression.Evaluate",
    "Date.IsIn", "DateTime.IsIn", "DateTime.LocalNow", "DateTime.FixedLocalNow", "DateTimeZone.LocalNow",
    "DateTimeZone.FixedLocalNow", "DateTimeZone.UtcNow", "DateTimeZone.FixedUtcNow", "#shared", "#sections",
    "DateTimeZone.ToLocal", "Html.", "WebAction.", "DeltaLake.", "Diagnostics.",
)  # fmt: skip


@frozen
class Decision:
    """Whether what is staged may stand for the query, and the reason either way."""

    reuse: bool
    why: str


def fingerprint(
    dataflow: Dataflow,
    needs: Mapping[str, set[str]],
    staged: Collection[str],
    parameters: Mapping[str, Any],
    query: str,
) -> str:
    """A hash of the query's own text, of the unstaged members it reads, and of the given parameters."""
    members = {m.name: m for m in dataflow.tree.sections[0].members}
    names = sorted({query} | (graph.upstream(query, needs, stop=staged) - set(staged)))
    digest = hashlib.sha256(f"{mlang.__version__};{dataflow.culture};".encode())
    for name in names:
        node = members[name].value
        digest.update(f"{name}={dataflow.text[node.pos : node.end]};".encode("utf-8", "surrogatepass"))
    for name in sorted(parameters.keys() & set(names)):
        digest.update(f"{name}:{parameters[name]!r};".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def volatile(
    dataflow: Dataflow, needs: Mapping[str, set[str]], staged: Collection[str], query: str
) -> str | None:
    """A function in the query's text whose answers cannot be foreseen."""
    members = {m.name: m.value for m in dataflow.tree.sections[0].members}
    for name in sorted({query} | (graph.upstream(query, needs, stop=staged) - set(staged))):
        for node in members[name].walk():
            if isinstance(node, nodes.Name) and node.name.startswith(VOLATILE):
                return node.name
    return None


def file_state(path: str) -> list[int] | None:
    """Size and time of a file, or of all files below a folder; None when there is nothing."""
    place = Path(path)
    try:
        about = place.stat()
    except OSError:
        return None
    if not place.is_dir():
        return [about.st_size, about.st_mtime_ns]
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(place):
        folders.sort()
        for name in sorted(files):
            found = os.lstat(os.path.join(folder, name))
            text = f"{folder}/{name}:{found.st_size}:{found.st_mtime_ns};"
            digest.update(text.encode("utf-8", "surrogateescape"))
    return [int.from_bytes(digest.digest()[:6]), 0]


def decide(
    query: str, snapshot: Snapshot, fingerprint: str, unforeseen: str | None, remade: Collection[str]
) -> Decision:
    """Whether the served generation of a query still stands; ``remade`` are the queries refreshed before it."""
    try:
        served = snapshot.served(query) if query in snapshot.entries else None
    except StagedDataMissing as error:
        return Decision(False, str(error))
    if served is None:
        return Decision(False, "it was never staged")
    found = served[1]
    gone = next((p.file for p in found.parts if not (served[0].folder / p.file).exists()), None)
    if gone is not None:
        return Decision(False, f"its staged file {gone} is gone")
    if found.query_hash != fingerprint:
        return Decision(False, "its text, a query it contains or a parameter changed")
    if unforeseen is not None:
        return Decision(False, f"{unforeseen} may give something else each time")
    again = sorted(set(found.sources) & set(remade))
    if again:
        return Decision(False, f"'{again[0]}' is refreshed")
    return _inputs(found, snapshot)


def _inputs(found: Manifest, snapshot: Snapshot) -> Decision:
    for name, generation in found.sources.items():
        entry = snapshot.entries.get(name)
        if entry is None or entry.generation != generation:
            return Decision(False, f"'{name}' was refreshed since")
    for path, state in found.inputs.items():
        if file_state(path) != state:
            return Decision(False, f"{path} changed")
    return Decision(True, f"nothing it reads has changed since {found.created}")
