"""The snapshot of a dataflow: which generation of each staged query readers get.

One JSON file, replaced by one rename at the end of the staging phases: readers see all tables
of the last refresh or all of the new one, never a mixture.  The newest published generations
are kept (`KEEP`) for readers that still have an older snapshot in hand.  A query whose staging
was switched off stays for 30 days (`retain`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from staging.errors import StagedDataMissing
from staging.store import files, generations
from staging.store.generations import Generations
from staging.store.manifest import Manifest

FORMAT = 1
KEEP = 3
RETENTION_DAYS = 30


@frozen
class Entry:
    """A staged query: its item, its published generations (newest first), since when it is unstaged."""

    item: str
    kept: tuple[int, ...]
    unstaged: float | None = None

    @property
    def generation(self) -> int:
        """The one that is served."""
        return self.kept[0]


@frozen
class Snapshot:
    """What is served of a dataflow; ``root`` is the workspace folder."""

    root: Path
    dataflow: str
    entries: dict[str, Entry] = field(factory=dict)
    run: str | None = None
    #: What the connector shows of the dataflow: its name, and its id when it has one.
    about: dict[str, str] = field(factory=dict)

    def place(self, query: str) -> Generations:
        """The folder of a query's table."""
        return generations.table(self.root / self.entries[query].item, self.dataflow, query)

    def served(self, query: str) -> tuple[Generations, Manifest] | None:
        """The generation that readers of a query get."""
        entry = self.entries.get(query)
        if entry is None:
            return None
        place = self.place(query)
        found = place.read(entry.generation)
        if found is None:
            raise StagedDataMissing(
                f"Staged table '{query}': generation {entry.generation} is gone from {place.folder}."
            )
        return place, found

    def with_tables(self, made: Mapping[str, tuple[str, int]], gone: Collection[str] = ()) -> Snapshot:
        """The snapshot after new generations (query -> item, number); ``gone`` are no tables any more."""
        entries = {query: entry for query, entry in self.entries.items() if query not in gone}
        for query, (item, number) in made.items():
            old = entries.get(query)
            before = old.kept if old is not None and old.item == item else ()
            entries[query] = Entry(item, (number, *before)[:KEEP])
        return evolve(self, entries=entries)

    def trimmed(self, keep: int) -> Snapshot:
        """At most ``keep`` generations of each table."""
        return evolve(
            self, entries={q: evolve(e, kept=e.kept[: max(1, keep)]) for q, e in self.entries.items()}
        )

    def retain(
        self, staged: Collection[str], now: float | None = None, days: float = RETENTION_DAYS
    ) -> Snapshot:
        """Notes since when queries are no longer staged; drops those that were not for ``days``."""
        moment = time.time() if now is None else now
        entries = {}
        for query, entry in self.entries.items():
            if query in staged:
                entries[query] = evolve(entry, unstaged=None)
            elif entry.unstaged is None:
                entries[query] = evolve(entry, unstaged=moment)
            elif moment - entry.unstaged < days * 86_400:
                entries[query] = entry
        return evolve(self, entries=entries)

    def publish(self) -> None:
        """Makes this what readers get."""
        path = snapshot_path(self.root, self.dataflow)
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_json(path, self._to_json())

    def _to_json(self) -> dict[str, Any]:
        return {
            "formatVersion": FORMAT,
            "dataflow": self.dataflow,
            "run": self.run,
            "about": self.about,
            "tables": {
                query: {"item": e.item, "generations": list(e.kept), "unstaged": e.unstaged}
                for query, e in self.entries.items()
            },
        }

    def collect(self, items: Collection[str]) -> None:
        """Removes every generation, build and table that this snapshot doesn't name; under the lock."""
        kept = {self.place(query).folder: entry.kept for query, entry in self.entries.items()}
        for item in items:
            for place in generations.tables(self.root / item, self.dataflow):
                place.collect(kept.get(place.folder, ()))


def snapshot_path(root: Path, dataflow: str) -> Path:
    """Where a dataflow's snapshot lies."""
    return root / "published" / (files.safe_name(dataflow) + ".json")


def read(root: Path, dataflow: str) -> Snapshot:
    """The snapshot of a dataflow; an empty one when it was never refreshed."""
    path = snapshot_path(root, dataflow)
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Snapshot(root, dataflow)
    except ValueError:
        raise StagedDataMissing(f"{path} is no snapshot of a dataflow.") from None
    return _from_json(root, path, found)


def _from_json(root: Path, path: Path, found: Any) -> Snapshot:
    try:
        if found["formatVersion"] != FORMAT:
            raise StagedDataMissing(
                f"{path}: format version {found['formatVersion']}, this mlang reads {FORMAT}."
            )
        entries = {
            query: Entry(e["item"], tuple(e["generations"]), e["unstaged"])
            for query, e in found["tables"].items()
        }
        return Snapshot(root, found["dataflow"], entries, found["run"], found.get("about", {}))
    except (KeyError, TypeError, AttributeError) as error:
        raise StagedDataMissing(f"{path} is no snapshot of a dataflow ({error}).") from None


def all_snapshots(root: Path) -> list[Snapshot]:
    """The snapshots of all dataflows of a workspace."""
    folder = root / "published"
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [_from_json(root, path, json.loads(path.read_bytes())) for path in paths]


def drop(root: Path, dataflow: str, items: Collection[str]) -> None:
    """Removes all staged data of a dataflow that was deleted: first what readers see, then the files."""
    snapshot_path(root, dataflow).unlink(missing_ok=True)
    for item in items:
        files.remove(root / item / files.safe_name(dataflow))
