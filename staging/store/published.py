"""The snapshot of a dataflow: which generation of each staged query readers get.

One JSON file, replaced by one rename at the end of the staging phases: readers see all tables
of the last refresh or all of the new one, never a mixture.  The newest published generations
are kept (`KEEP`) for readers that still have an older snapshot in hand.  A query whose staging
was switched off stays for 30 days (`retain`).  The snapshot before stays beside it (``.last``): it is
served when somebody deletes or damages the newer one.
"""

from __future__ import annotations

import contextlib
import json
import os
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
    #: Why nothing can be served though there were refreshes: the file is damaged.
    broken: str | None = None

    def place(self, query: str) -> Generations:
        """The folder of a query's table."""
        return generations.table(self.root / self.entries[query].item, self.dataflow, query)

    def served(self, query: str) -> tuple[Generations, Manifest] | None:
        """The generation that readers of a query get."""
        if self.broken is not None:
            raise StagedDataMissing(self.broken)
        entry = self.entries.get(query)
        if entry is None:
            return None
        place = self.place(query)
        found = place.read(entry.generation)
        if found is None:
            raise StagedDataMissing(
                f"Staged table '{query}': generation {entry.generation} is gone from {place.folder}. "
                "Refresh the dataflow: it makes the table anew."
            )
        return place, found

    def with_tables(self, made: Mapping[str, tuple[str, int]], gone: Collection[str] = ()) -> Snapshot:
        """The snapshot after new generations (query -> item, number); ``gone`` are no tables any more."""
        entries = {query: entry for query, entry in self.entries.items() if query not in gone}
        for query, (item, number) in made.items():
            old = entries.get(query)
            before = old.kept if old is not None and old.item == item else ()
            entries[query] = Entry(item, (number, *before)[:KEEP])
        return evolve(self, entries=entries, broken=None)

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
                # A time that is still to come was noted by a clock that was wrong.
                entries[query] = evolve(entry, unstaged=min(entry.unstaged, moment))
        return evolve(self, entries=entries)

    def publish(self) -> None:
        """Makes this what readers get."""
        path = snapshot_path(self.root, self.dataflow)
        path.parent.mkdir(parents=True, exist_ok=True)
        _keep_last(path)
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
        if self.broken is not None:
            return  # it does not know what to keep
        kept = {self.place(query).folder: entry.kept for query, entry in self.entries.items()}
        for item in items:
            for place in generations.tables(self.root / item, self.dataflow):
                place.collect(kept.get(place.folder, ()))


def snapshot_path(root: Path, dataflow: str) -> Path:
    """Where a dataflow's snapshot lies."""
    return root / "published" / (files.safe_name(dataflow) + ".json")


def _last(path: Path) -> Path:
    return path.with_suffix(".last")


def _keep_last(path: Path) -> None:
    """Gives the served file a second name; the rename that follows takes only the first away."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.link")
    try:
        json.loads(path.read_bytes())
        temporary.unlink(missing_ok=True)
        os.link(path, temporary)
        os.replace(temporary, _last(path))
    except ValueError:
        return  # damaged: the one before is still the last good one
    except OSError:  # nothing was published yet, or the file system has no second names
        if path.exists():
            with contextlib.suppress(OSError):
                files.write_atomically(_last(path), path.read_bytes())


def read(root: Path, dataflow: str) -> Snapshot:
    """The snapshot of a dataflow; an empty one when it was never refreshed.

    A damaged file is replaced by the one before; without that the snapshot is ``broken``.
    """
    path = snapshot_path(root, dataflow)
    return _read(root, path, dataflow) or Snapshot(root, dataflow)


def _read(root: Path, path: Path, dataflow: str) -> Snapshot | None:
    broken = None
    for place in (path, _last(path)):
        try:
            return _from_json(root, place, json.loads(place.read_bytes()))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (ValueError, StagedDataMissing) as error:
            text = (
                str(error)
                if isinstance(error, StagedDataMissing)
                else f"{place} is no snapshot of a dataflow."
            )
            broken = broken or text
    if broken is None:
        return None
    return Snapshot(root, dataflow, broken=f"{broken} Refresh the dataflow: it writes the file anew.")


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
        if not all(e.kept for e in entries.values()):
            raise KeyError("generations")
        return Snapshot(root, found["dataflow"], entries, found["run"], found.get("about", {}))
    except (KeyError, TypeError, AttributeError) as error:
        raise StagedDataMissing(f"{path} is no snapshot of a dataflow ({error}).") from None


def all_snapshots(root: Path) -> list[Snapshot]:
    """The snapshots of all dataflows of a workspace; damaged ones are ``broken``."""
    folder = root / "published"
    paths = {p.with_suffix(".json") for p in folder.iterdir()} if folder.is_dir() else set()
    found = [_read(root, path, path.stem) for path in sorted(paths) if not path.name.startswith(".")]
    return [snapshot for snapshot in found if snapshot is not None]


def drop(root: Path, dataflow: str, items: Collection[str]) -> None:
    """Removes all staged data of a dataflow that was deleted: first what readers see, then the files."""
    path = snapshot_path(root, dataflow)
    _last(path).unlink(missing_ok=True)  # first, or it would be served again
    path.unlink(missing_ok=True)
    for item in items:
        files.remove(root / item / files.safe_name(dataflow))
