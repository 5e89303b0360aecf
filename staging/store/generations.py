"""Generations of a staged table: built aside, sealed, served once a snapshot names them.

    <item>/<dataflow>/<query>/gen-000007/        sealed: data files and manifest.json, never changed again
    <item>/<dataflow>/<query>/tmp-…/             being built, or what a killed writer left

Sealing flushes the files and renames the folder.  Nobody reads a sealed generation until
the dataflow's snapshot (``published.py``) names it; that is one rename for all tables of a
refresh.  What no snapshot names is collected by the next writer; one writer at a time holds
``files.writer_lock``.  Read ``lakehouse.py`` and ``warehouse.py`` for the files inside.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import evolve, frozen

from folding.many import side_by_side
from staging.store import files, manifest
from staging.store.manifest import Manifest

_GENERATION = re.compile(r"gen-(\d+)$")


@frozen
class Generations:
    """The folder of one staged query."""

    folder: Path

    def read(self, generation: int) -> Manifest | None:
        """The manifest of a sealed generation; None when it is gone."""
        return manifest.read(self.folder / _name(generation))

    def numbers(self) -> list[int]:
        """The sealed generations that exist."""
        return sorted(number for number, _ in self._folders())

    def _folders(self) -> list[tuple[int, Path]]:
        if not self.folder.is_dir():
            return []
        matched = [(_GENERATION.match(path.name), path) for path in self.folder.iterdir()]
        return [(int(match[1]), path) for match, path in matched if match]

    def begin(self) -> Path:
        """A new folder to build a generation in; the caller seals or removes it."""
        building = self.folder / f"tmp-{uuid.uuid4().hex}"
        building.mkdir(parents=True)
        return building

    def seal(self, building: Path, draft: Manifest, above: int = 0) -> Manifest:
        """Makes what was built a generation; its number is higher than ``above`` and all that exist."""
        number = max([*self.numbers(), above]) + 1
        name = _name(number)
        parts = tuple(evolve(p, file=f"{name}/{p.file}") for p in draft.parts)
        final = evolve(draft, generation=number, parts=parts)
        files.write_json(building / manifest.NAME, final.to_json())
        side_by_side(files.flush_file, [building / part.file for part in draft.parts])
        files.flush_folder(building)
        building.rename(self.folder / name)
        files.flush_folder(self.folder)
        return final

    def collect(self, keep: Collection[int]) -> None:
        """Removes unfinished builds and all generations but the kept ones; for the writer with the lock."""
        if not self.folder.is_dir():
            return
        kept = {_name(number) for number in keep}
        for path in list(self.folder.iterdir()):
            if path.name not in kept:
                files.remove(path)
        if not kept:
            files.remove(self.folder)


def _name(generation: int) -> str:
    return f"gen-{generation:06d}"


def tables(item: Path, dataflow: str) -> Iterator[Generations]:
    """The folders of a dataflow's staged queries in a staging item."""
    folder = item / files.safe_name(dataflow)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        yield Generations(path)


def table(item: Path, dataflow: str, query: str) -> Generations:
    """The place of one staged query; it may not exist yet."""
    return Generations(item / files.safe_name(dataflow) / files.safe_name(query))
