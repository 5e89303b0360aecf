"""Garbage: what lies in a workspace and serves nobody, why, and how large it is.

The product keeps data for 30 days after staging was switched off, and removes them at once when a
dataflow or the workspace is deleted (behaviour 4).  `collect` finds all that, and builds and
generations that no snapshot names; with ``dry`` it only tells.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from attrs import evolve, frozen

from staging import dataflow as dataflows
from staging.errors import StagingError
from staging.leftovers import Garbage, leftovers
from staging.store import files, published
from staging.store.published import Snapshot
from staging.workspace import ITEMS, Workspace


@frozen
class Collected:
    """What was found (and removed), dataflows that are being refreshed, and the bytes that stay."""

    garbage: list[Garbage]
    busy: list[str]
    left: int


def collect(workspace: Workspace, dry: bool, now: float | None = None) -> Collected:
    """Finds garbage in all dataflows of a workspace and removes it unless ``dry``."""
    settings, moment = workspace.settings(), time.time() if now is None else now
    garbage: list[Garbage] = []
    busy: list[str] = []
    gone: set[str] = set()
    snapshots = published.all_snapshots(workspace.path)
    for snapshot in (s for s in snapshots if s.broken is None):
        after = _after(snapshot, settings.retention_days, settings.keep_generations, moment)
        found = _of_snapshot(snapshot, after, settings.retention_days)
        try:
            if not dry:
                _collected(workspace, snapshot, after)
        except StagingError:
            busy.append(snapshot.dataflow)
            continue
        garbage += found
        if after is None:
            gone.add(published.snapshot_path(workspace.path, snapshot.dataflow).stem)
    known = {
        published.snapshot_path(workspace.path, s.dataflow).stem if s.broken is None else s.dataflow
        for s in snapshots
    }
    garbage += _nameless(workspace, known, dry)
    garbage += leftovers(workspace.path, known - gone, dry)
    return Collected(garbage, busy, usage(workspace.path) - (sum(g.bytes for g in garbage) if dry else 0))


def _collected(workspace: Workspace, snapshot: Snapshot, after: Snapshot | None) -> None:
    with files.writer_lock(workspace.lock(snapshot.dataflow)):
        if published.read(workspace.path, snapshot.dataflow) != snapshot:
            raise StagingError("refreshed in between")
        _apply(snapshot, after)


def _after(snapshot: Snapshot, days: float, keep: int, now: float) -> Snapshot | None:
    """The snapshot as it should be; None when its dataflow is gone."""
    place = snapshot.about.get("path")
    if place is not None and not Path(place).exists() and Path(place).parent.is_dir():
        return None
    staged = list(snapshot.entries)
    if place is not None:
        try:
            found = dataflows.read(place)
            staged = [name for name, q in found.queries.items() if q.staged]
        except Exception:  # a broken document says nothing about what it stages
            staged = [q for q, e in snapshot.entries.items() if e.unstaged is None]
    return snapshot.retain(staged, now, days).trimmed(keep)


def _of_snapshot(snapshot: Snapshot, after: Snapshot | None, days: float) -> list[Garbage]:
    found = []
    kept = {} if after is None else {after.place(q).folder: (q, e) for q, e in after.entries.items()}
    before = {snapshot.place(q).folder: q for q in snapshot.entries}
    for item in ITEMS:
        for place in _folders(snapshot.root / item / files.safe_name(snapshot.dataflow)):
            if after is None:
                found.append(_garbage(place, "its dataflow was deleted"))
            elif place not in kept:
                gone = (
                    f"staging of '{before[place]}' has been off for {days:g} days" if place in before else ""
                )
                found.append(_garbage(place, gone or "no snapshot names it"))
            else:
                query, entry = kept[place]
                names = {f"gen-{number:06d}" for number in entry.kept}
                for generation in _folders(place):
                    if generation.name not in names:
                        found.append(_garbage(generation, _why(generation.name, query)))
    return found


def _why(name: str, query: str) -> str:
    return (
        f"an unfinished build of '{query}'" if name.startswith("tmp-") else f"an old generation of '{query}'"
    )


def _apply(snapshot: Snapshot, after: Snapshot | None) -> None:
    if after is None:
        published.drop(snapshot.root, snapshot.dataflow, ITEMS)
        return
    if after != snapshot:
        evolve(after).publish()
    after.collect(ITEMS)


def _nameless(workspace: Workspace, known: set[str], dry: bool) -> list[Garbage]:
    """Folders of dataflows that have no snapshot: a first refresh that never ended."""
    found = []
    for item in ITEMS:
        for folder in _folders(workspace.path / item):
            lock = workspace.path / "locks" / (folder.name + ".lock")
            if folder.name in known or lock.exists():
                continue
            found.append(_garbage(folder, "its dataflow has no published data"))
            if not dry:
                files.remove(folder)
    return found


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir()) if path.is_dir() else []


def _garbage(path: Path, why: str) -> Garbage:
    return Garbage(path, usage(path), why)


def usage(path: Path) -> int:
    """The bytes of all files below a folder."""
    total = 0
    for place in path.rglob("*"):
        with contextlib.suppress(OSError):  # a writer may remove it while we count
            total += place.stat().st_size if place.is_file() else 0
    return total


# ---------------------------------------------------------------- deleting


#: The files of a dataflow item; whatever else lies in its folder is the user's.
_OWN = ("mashup.pq", "queryMetadata.json", ".platform")


def delete_dataflow(workspace: Workspace, place: Path) -> None:
    """Removes a dataflow and its staged data; other files in its folder stay."""
    key = place.resolve().name
    with files.writer_lock(workspace.lock(key)):
        published.drop(workspace.path, key, ITEMS)
        for ending in (".json", ".open"):
            (workspace.path / "loads" / (files.safe_name(key) + ending)).unlink(missing_ok=True)
        if place.is_file():
            place.unlink()
            return
        for path in [place / name for name in _OWN] + sorted(place.glob("*.mdf")):
            path.unlink(missing_ok=True)
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()


def delete_workspace(workspace: Workspace) -> None:
    """Removes a workspace with both staging items; refused while a refresh runs."""
    try:
        json.loads(workspace.about.read_bytes())
    except (OSError, ValueError):
        raise StagingError(f"{workspace.path} is no workspace.") from None
    held = [
        s.dataflow for s in published.all_snapshots(workspace.path) if workspace.lock(s.dataflow).exists()
    ]
    for key in held:
        with files.writer_lock(workspace.lock(key)):
            pass  # a dead writer's lock is taken over, a living one's is an error
    files.remove(workspace.path)
