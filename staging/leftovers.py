"""What killed and deleted refreshes leave beside staged tables: temporary files, notes on loads, old Delta files.

Lakehouses of the workspace are Delta tables: a replace leaves the files of the old version for those that read it, a
killed one files that no version names.  Both go after `DELTA_HOURS`, which is Delta's own default.  Delta tables
outside of the workspace are their owner's.  Read ``gc.py`` first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import frozen

from staging.store import files

DELTA_HOURS = 168


@frozen
class Garbage:
    """Something to remove: its place, its bytes, the reason."""

    path: Path
    bytes: int
    why: str


def leftovers(workspace: Path, known: Collection[str], dry: bool) -> list[Garbage]:
    """Everything of this kind; removed unless ``dry``.  ``known`` are the safe names of dataflows that are there."""
    found = [*_temporary(workspace), *_loads(workspace, known)]
    if not dry:
        for one in found:
            one.path.unlink(missing_ok=True)
    return found + [g for path in _delta_tables(workspace) for g in _vacuumed(path, dry)]


def _temporary(workspace: Path) -> Iterator[Garbage]:
    """Files that were about to be renamed when their process died."""
    for folder in (workspace, workspace / "published", workspace / "loads"):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if files.abandoned(path):
                yield Garbage(path, path.stat().st_size, "a killed process was writing it")


def _loads(workspace: Path, known: Collection[str]) -> Iterator[Garbage]:
    folder = workspace / "loads"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix in (".json", ".open") and path.stem not in known:
            lock = workspace / "locks" / f"{path.stem}.lock"
            if not path.name.startswith(".") and not lock.exists():
                yield Garbage(path, path.stat().st_size, "notes on the loads of a dataflow that is gone")


def _delta_tables(workspace: Path) -> list[Path]:
    found = [
        *workspace.glob("*.Lakehouse/Tables/*/_delta_log"),
        *workspace.glob("*.Lakehouse/Tables/*/*/_delta_log"),
    ]
    return sorted(log.parent for log in found)


def _vacuumed(table: Path, dry: bool) -> Iterator[Garbage]:
    try:
        import deltalake
        from deltalake.exceptions import DeltaError
    except ImportError:
        return  # whoever made the table had the package; without it nothing is touched
    with contextlib.suppress(DeltaError):  # a table that can't be read is left as it is
        found = deltalake.DeltaTable(str(table))
        old = found.vacuum(DELTA_HOURS, dry_run=True, enforce_retention_duration=False, full=True)
        sizes = [(table / name).stat().st_size for name in old if (table / name).is_file()]
        if not sizes:
            return
        if not dry:
            found.vacuum(DELTA_HOURS, dry_run=False, enforce_retention_duration=False, full=True)
        count = "1 file" if len(sizes) == 1 else f"{len(sizes)} files"
        yield Garbage(table, sum(sizes), f"{count} of older versions")
