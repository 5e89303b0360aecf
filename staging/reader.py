"""Reads what workspaces serve, for the dataflow connector (``mlang/connectors/dataflows.py``).

A reader takes the snapshots of all dataflows once, when it is first asked, and keeps
them: an evaluation never sees tables of two refreshes.  The workspaces are the session's (or
the one beside the document) and those that MLANG_WORKSPACES lists.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from pathlib import Path
from typing import Any

from mlang.connectors.dataflows import Entity, Item, Stored
from mlang.session import Session
from mlang.tables.table import Table
from staging.errors import StagedDataMissing
from staging.store import published
from staging.store.published import Snapshot
from staging.store.sources import staged_table
from staging.workspace import LAKEHOUSE, WAREHOUSE

_ITEMS = {"Lakehouse": LAKEHOUSE, "Warehouse": WAREHOUSE}


class Reader:
    """The staged data of some workspace folders, as they were at the first question."""

    def __init__(self, folders: list[Path]) -> None:
        self.folders = folders
        self._known: dict[Item, list[tuple[Item, Snapshot]]] | None = None
        self._lock = threading.Lock()

    def workspaces(self) -> list[Item]:
        """The workspaces, in the order of the folders."""
        return list(self._all())

    def dataflows(self, workspace: Item) -> list[Item]:
        """The dataflows that were refreshed there."""
        return [item for item, _ in self._all()[workspace]]

    def entities(self, workspace: Item, dataflow: Item) -> list[Entity]:
        """What a dataflow staged."""
        return [e for e, _ in self._entities(workspace) if e.dataflow == dataflow]

    def items(self, workspace: Item, kind: str) -> list[Item]:
        """The staging lakehouse or warehouse of a workspace, then those that destinations made."""
        own = sorted(p.name.removesuffix(f".{kind}") for p in self._folder(workspace).glob(f"*.{kind}"))
        return [Item(_derived(workspace.id, _ITEMS[kind]), _ITEMS[kind]), *[Item(name, name) for name in own]]

    def stored(self, workspace: Item, kind: str, item: Item) -> list[Stored]:
        """What lies in an item."""
        if item.name == _ITEMS[kind]:
            found = [e for e, place in self._entities(workspace) if place == _ITEMS[kind]]
            return [Stored("dbo", f"{e.dataflow.name}.{e.name}", e.open) for e in found]
        folder = self._folder(workspace) / f"{item.name}.{kind}"
        return _delta_tables(folder / "Tables") if kind == "Lakehouse" else _warehouse_tables(folder)

    def files(self, workspace: Item, item: Item) -> str | None:
        """The folder of a lakehouse's files."""
        folder = self._folder(workspace) / f"{item.name}.Lakehouse" / "Files"
        return str(folder) if folder.is_dir() else None

    def _folder(self, workspace: Item) -> Path:
        return next(folder for folder in self.folders if _workspace(folder) == workspace)

    def _entities(self, workspace: Item) -> list[tuple[Entity, str]]:
        found = []
        for dataflow, snapshot in self._all()[workspace]:
            for query in sorted(snapshot.entries):
                entry = snapshot.entries[query]
                found.append((Entity(dataflow, query, _opener(snapshot, query)), entry.item))
        return found

    def _all(self) -> dict[Item, list[tuple[Item, Snapshot]]]:
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known

    def _read(self) -> dict[Item, list[tuple[Item, Snapshot]]]:
        found = {}
        for folder in self.folders:
            workspace = _workspace(folder)
            if workspace is not None:
                found[workspace] = [(_dataflow(workspace, s), s) for s in published.all_snapshots(folder)]
        return found


def _delta_tables(folder: Path) -> list[Stored]:
    """The Delta tables of a lakehouse: of its own schema, then of those that are folders."""
    from mlang.connectors.deltalake import _version

    logs = sorted([*folder.glob("*/_delta_log"), *folder.glob("*/*/_delta_log")])
    return [
        Stored(
            "dbo" if log.parent.parent == folder else log.parent.parent.name,
            log.parent.name,
            lambda path=log.parent: _version(str(path), None),  # type: ignore[misc]
        )
        for log in logs
    ]


def _warehouse_tables(folder: Path) -> list[Stored]:
    """The tables of a warehouse's DuckDB file."""
    from mlang import registry
    from mlang.values.thunk import force
    from staging.destinations.once import TABLE

    file = folder / "warehouse.duckdb"
    if not file.is_file():
        return []
    rows = registry.value_of("DuckDB.Database").fn(str(file)).rows()
    return [
        Stored(force(row[2]), force(row[3]), lambda data=row[1]: force(data))  # type: ignore[misc]
        for row in rows
        if force(row[3]) != TABLE  # markers of loads are nobody's data
    ]


def _opener(snapshot: Snapshot, query: str) -> Any:
    def open_table() -> Table:
        found = snapshot.served(query)
        if found is None:
            raise StagedDataMissing(f"Query '{query}' of {snapshot.dataflow} has no staged data.")
        return staged_table(found[0].folder, found[1])

    return open_table


def _derived(*parts: str) -> str:
    """An id that is the same each time, for what has none of its own."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts)))


def _workspace(folder: Path) -> Item | None:
    try:
        about = json.loads((folder / "workspace.json").read_bytes())
        identity = about["id"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no workspace: nothing was ever refreshed there
    full = folder.resolve()
    name = about.get("name") or (full.parent.name if full.name == ".mlang" else full.name)
    return Item(str(identity), str(name))


def _dataflow(workspace: Item, snapshot: Snapshot) -> Item:
    name = snapshot.about.get("name") or snapshot.dataflow.partition(".")[0]
    identity = snapshot.about.get("id") or _derived(workspace.id, snapshot.dataflow)
    return Item(str(identity), str(name))


def reader_of(session: Session) -> Reader:
    """The reader of an evaluation."""
    return Reader(list(dict.fromkeys([*_own(session), *_listed()])))


def _own(session: Session) -> list[Path]:
    if session.workspace:
        return [Path(session.workspace).resolve()]
    given = os.environ.get("MLANG_WORKSPACE")
    if given:
        return [Path(given).resolve()]
    base = Path(session.base_dir or ".").resolve()
    # A dataflow is a folder beside the workspace, or a document in the workspace's folder.
    return [base / ".mlang", base.parent / ".mlang"]


def _listed() -> list[Path]:
    found = os.environ.get("MLANG_WORKSPACES", "")
    return [Path(text).resolve() for text in found.split(os.pathsep) if text]
