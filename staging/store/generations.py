"""Generations of a staged table: built aside, published by one rename, collected later.

    <item>/<dataflow>/<query>/manifest.json      what readers read: the current generation
    <item>/<dataflow>/<query>/gen-000007/        its files, never changed; with a copy of the manifest
    <item>/<dataflow>/<query>/tmp-…/             a generation being built, or what a killed writer left

A reader opens the manifest and then the files that it names.  Publishing flushes the new files,
renames their folder, then replaces the manifest.  Whatever is killed when, the manifest
names files that are complete.  The last generations are kept for readers that still have
an older manifest open (`KEEP`).  One writer at a time: ``files.writer_lock``.
Read ``lakehouse.py`` and ``warehouse.py`` for the files inside a generation.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

from attrs import evolve, frozen

from staging.store import files, manifest
from staging.store.manifest import Manifest

KEEP = 3
_GENERATION = re.compile(r"gen-(\d+)$")


@frozen
class Generations:
    """The folder of one staged query."""

    folder: Path

    def current(self) -> Manifest | None:
        """The generation that is served."""
        return manifest.read(self.folder)

    def kept(self) -> list[Manifest]:
        """All complete generations up to the served one, newest first."""
        current = self.current()
        if current is None:
            return []
        found = [manifest.read(path) for number, path in self._folders() if number <= current.generation]
        return sorted((m for m in found if m is not None), key=_number, reverse=True)

    def _folders(self) -> list[tuple[int, Path]]:
        if not self.folder.is_dir():
            return []
        matched = [(_GENERATION.match(path.name), path) for path in self.folder.iterdir()]
        return [(int(match[1]), path) for match, path in matched if match]

    def begin(self) -> Path:
        """A new folder to build a generation in; the caller publishes or removes it."""
        building = self.folder / f"tmp-{uuid.uuid4().hex}"
        building.mkdir(parents=True)
        return building

    def publish(self, building: Path, draft: Manifest) -> Manifest:
        """Makes what was built the served generation; the draft's parts are relative to ``building``."""
        current = self.current()
        known = [number for number, _ in self._folders()]
        number = max([*known, current.generation if current else 0]) + 1
        name = f"gen-{number:06d}"
        parts = tuple(evolve(p, file=f"{name}/{p.file}") for p in draft.parts)
        final = evolve(draft, generation=number, parts=parts)
        files.write_json(building / manifest.NAME, final.to_json())
        for part in draft.parts:
            files.flush_file(building / part.file)
        files.flush_folder(building)
        building.rename(self.folder / name)
        files.flush_folder(self.folder)
        files.write_json(self.folder / manifest.NAME, final.to_json())
        return final

    def collect(self, keep: int = KEEP) -> int:
        """Removes what no reader needs: unfinished builds, unpublished and old generations; counts them.

        Only the writer that holds the lock may call it: it takes every build for a leftover.
        """
        current = self.current()
        newest = current.generation if current else 0
        removed = 0
        for path in self._leftovers():
            files.remove_tree(path) if path.is_dir() else path.unlink(missing_ok=True)
            removed += 1
        for number, path in self._folders():
            if number > newest or number <= newest - keep:
                files.remove_tree(path)
                removed += 1
        return removed

    def _leftovers(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [p for p in self.folder.iterdir() if p.name.startswith("tmp-") or p.name.endswith(".tmp")]


def _number(found: Manifest) -> int:
    return found.generation


def staged(item: Path, dataflow: str) -> Iterator[Generations]:
    """The staged tables of a dataflow in a staging item."""
    folder = item / files.safe_name(dataflow)
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            yield Generations(path)


def table(item: Path, dataflow: str, query: str) -> Generations:
    """The place of one staged query; it may not exist yet."""
    return Generations(item / files.safe_name(dataflow) / files.safe_name(query))
