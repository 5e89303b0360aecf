"""The M of any file as a text file: read, format, edit and write back in one way.

`open_source` gives a `TextFile`: the file itself, or the M inside a container.  An `EmbeddedFile` is written
atomically, with a backup beside it, and only when nobody changed the container meanwhile; what a container
says in other places of a renamed query follows, or the change is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlang.app.containers.base import Container
from mlang.app.containers.files import open_container
from mlang.app.containers.paths import is_container, workbook_of
from mlang.app.textfile import TextFile, write_atomically
from mlang.errors import Fault


class EmbeddedFile(TextFile):
    """The M in a container; ``text`` is a section document."""

    def __init__(self, path: Path, backup: bool = True) -> None:
        self.container: Container = open_container(path)
        self.path, self.backup = path, backup
        self.text = self.container.document
        self.bytes = self.text.encode("utf-8", "surrogatepass")
        self.bom = False
        self.crlf = self.text.count("\r\n") * 2 > self.text.count("\n")
        self.final_line_end = self.text.endswith("\n") or not self.text

    def formatted(self, one: Callable[[str, str], str]) -> str:
        """The text formatted: as a whole, or each expression by itself."""
        new = self.container.formatted(one)
        return new if self.final_line_end else new.removesuffix("\n")

    def unchanged(self) -> None:
        """Raises when a file of the container is no longer what was read."""
        for path, data in self.container.files.items():
            try:
                now: bytes | None = path.read_bytes()
            except OSError:
                now = None
            if now != data:
                raise Fault(f"{path} was changed by someone else meanwhile; nothing was written.")

    def write(self, text: str) -> bool:
        """Replaces the M, with line ends as most of its lines have them."""
        wanted = self.encoded(text)
        if wanted == self.bytes:
            return False
        return self._store(wanted.decode("utf-8"))

    def write_as_it_is(self, text: str) -> None:
        """Replaces the M by a text whose line ends are meant."""
        self._store(text)

    def _store(self, text: str) -> bool:
        changed = self.container.encode(text)
        changed = {path: data for path, data in changed.items() if data != self.container.files[path]}
        self.unchanged()
        for path in changed if self.backup else ():
            write_atomically(backup_of(path), self.container.files[path])
        for path, data in changed.items():
            write_atomically(path, data)
        return bool(changed)


def backup_of(path: Path) -> Path:
    """The first free name of ``X.bak``, ``X.bak2``, …"""
    found, number = path.with_name(path.name + ".bak"), 2
    while found.exists():
        found = path.with_name(f"{path.name}.bak{number}")
        number += 1
    return found


def open_source(path: Path, backup: bool = True) -> TextFile:
    """The M at a path: of a container, else a text file."""
    return EmbeddedFile(path, backup) if is_container(path) else TextFile(path)


def session_of(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a session for the M at a path: its workbook, and its file's culture if none is chosen."""
    found = {**settings, "workbook": workbook_of(path)}
    if is_container(path) and not settings.get("culture") and not os.environ.get("MLANG_CULTURE"):
        found["culture"] = open_container(path).culture
    return found
