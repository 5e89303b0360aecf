"""Edits of a text, and files that are edited: everything outside an edit stays byte for byte.

The new text of an `Edit` is made of pieces: new text, and spans of the old one.  `Edited` therefore knows of
every place in the new text where it was before, which is what ``verify.py`` needs.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any

from mlang.app.containers.paths import is_container
from mlang.app.textfile import TextFile
from mlang.errors import Fault
from mlang.syntax.spans import line_column


class Refused(Fault):
    """An edit that would change what the text means."""


@dataclass(frozen=True)
class Copy:
    """A piece of the old text."""

    start: int
    end: int


@dataclass(frozen=True)
class Respelt:
    """New text for a token of the old one: it still is at ``start``."""

    text: str
    start: int


Piece = str | Copy | Respelt


@dataclass(frozen=True)
class Edit:
    """The span ``start`` to ``end`` becomes the pieces."""

    start: int
    end: int
    pieces: tuple[Piece, ...]

    def text(self, old: str) -> str:
        """The new text of the span."""
        return "".join(_piece_text(piece, old) for piece in self.pieces)


def _piece_text(piece: Piece, old: str) -> str:
    if isinstance(piece, Copy):
        return old[piece.start : piece.end]
    return piece.text if isinstance(piece, Respelt) else piece


def replaced(start: int, end: int, text: str) -> Edit:
    """An edit of plain new text."""
    return Edit(start, end, (text,) if text else ())


class Edited:
    """A text after its edits, and where its places were before."""

    def __init__(self, old: str, edits: list[Edit]) -> None:
        self.old, self.edits = old, sorted(edits, key=lambda e: (e.start, e.end))
        parts: list[str] = []
        #: Beginnings in the new text, and the old place (None: new text) and the length of each part.
        self._begins: list[int] = []
        self._origins: list[tuple[int | None, int]] = []
        self._size = 0
        position = 0
        for edit in self.edits:
            assert edit.start >= position, "edits overlap"
            self._add(parts, Copy(position, edit.start))
            for piece in edit.pieces:
                self._add(parts, piece)
            position = edit.end
        self._add(parts, Copy(position, len(old)))
        self.text = "".join(parts)

    def _add(self, parts: list[str], piece: Piece) -> None:
        text = _piece_text(piece, self.old)
        if not text:
            return
        self._begins.append(self._size)
        if isinstance(piece, Copy):
            self._origins.append((piece.start, len(text)))
        else:
            self._origins.append((piece.start if isinstance(piece, Respelt) else None, 1))
        parts.append(text)
        self._size += len(text)

    def before(self, offset: int) -> int | None:
        """Where a place of the new text was in the old one; None for new text."""
        index = bisect_right(self._begins, offset) - 1
        if index < 0:
            return None
        origin, length = self._origins[index]
        inside = offset - self._begins[index]
        return origin + inside if origin is not None and inside < length else None


# ---------------------------------------------------------------- files


@dataclass
class Change:
    """The edits of one file."""

    file: TextFile
    edits: list[Edit]
    name: str = ""

    def __post_init__(self) -> None:
        self.name = self.name or str(self.file.path)

    @property
    def after(self) -> str:
        """The edited text."""
        return Edited(self.file.text, self.edits).text

    def diff(self) -> str:
        """A unified diff."""
        return diff_text(self.file.text, self.after, self.name)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        old = self.file.text
        return {
            "file": self.name,
            "edits": [
                {
                    **dict(zip(("line", "column"), line_column(old, e.start), strict=True)),
                    "old": old[e.start : e.end], "new": e.text(old),
                }
                for e in sorted(self.edits, key=lambda e: e.start)
            ],
            "diff": self.diff(),
        }  # fmt: skip


@dataclass
class Plan:
    """What a refactoring would do, and what its reader should know."""

    changes: list[Change]
    notes: list[str] = field(default_factory=list)


def diff_text(before: str, after: str, name: str) -> str:
    """A unified diff that ``patch`` reads; carriage returns are left out."""
    old, new = (t.replace("\r\n", "\n").split("\n") for t in (before, after))
    lines = unified_diff(_ended(old), _ended(new), name, name)
    return "".join(li if li.endswith("\n") else li + "\n\\ No newline at end of file\n" for li in lines)


def _ended(lines: list[str]) -> list[str]:
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def carry_out(plan: Plan, write: bool, as_json: bool, backup: bool = True) -> int:
    """Prints the diff, or writes; nothing is written when a file changed meanwhile."""
    import json

    changes = [c for c in plan.changes if c.after != c.file.text]
    if write:
        for change in changes:
            change.file.backup = change.file.backup and backup
        write_all(changes)
    for note in plan.notes:
        print(f"Note: {note}", file=sys.stderr)
    if as_json:
        found = {"written": write, "notes": plan.notes, "files": [c.as_dict() for c in changes]}
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return 0
    for change in changes:
        print(f"wrote {change.name}") if write else print(change.diff(), end="")
    if not changes:
        print("Nothing would change.", file=sys.stderr)
    elif not write:
        print(f"{_files(len(changes))} would change; --write does it.", file=sys.stderr)
    return 0


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def write_all(changes: list[Change]) -> None:
    """Every file, or none when one of them is not as it was read."""
    for change in changes:
        change.file.unchanged()
    for change in changes:
        change.file.write_as_it_is(change.after)


def opened(path: Path) -> TextFile:
    """The M behind a path: a dataflow folder is its document, a workbook or model has one inside."""
    if is_container(path):
        from mlang.app.containers.source import open_source

        return open_source(path)
    found = path / "mashup.pq" if path.is_dir() else path
    if path.is_dir() and not found.is_file():
        raise Fault(f"{path} is no dataflow: it has no mashup.pq. Name an M file.")
    return TextFile(found)
