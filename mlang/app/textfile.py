"""Text files that are written back as they were: mode, byte order mark and line ends kept, atomically."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from mlang.errors import Fault

_BOM = b"\xef\xbb\xbf"


class TextFile:
    """The text of a file with ``\\n`` line ends, and how it is stored."""

    #: Whether what is replaced is kept beside it: only where M lives inside another file.
    backup = False

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.bytes = path.read_bytes()
            self.text = self.bytes.removeprefix(_BOM).decode("utf-8")
        except FileNotFoundError:
            raise Fault(f"There is no file {path}.") from None
        except UnicodeDecodeError as error:
            raise Fault(f"{path} is not UTF-8 text (byte {error.start}).") from None
        self.bom = self.bytes.startswith(_BOM)
        self.crlf = self.text.count("\r\n") * 2 > self.text.count("\n")
        self.final_line_end = self.text.endswith("\n") or not self.text

    def encoded(self, text: str) -> bytes:
        """A text as this file would store it: line ends as most of its lines have them."""
        text = text.replace("\r\n", "\n")
        if self.crlf:
            text = text.replace("\n", "\r\n")
        return (_BOM if self.bom else b"") + text.encode("utf-8")

    def formatted(self, one: Callable[[str, str], str]) -> str:
        """The text after formatting; ``one`` formats a text of a name."""
        return one(self.text, str(self.path))

    def write(self, text: str) -> bool:
        """Replaces the content unless it is the same; refuses when the file changed meanwhile."""
        wanted = self.encoded(text)
        if wanted == self.bytes:
            return False
        self.unchanged()
        write_atomically(self.path, wanted)
        return True

    def unchanged(self) -> None:
        """Raises when the file is no longer what was read."""
        try:
            now = self.path.read_bytes()
        except FileNotFoundError:
            now = None
        if now != self.bytes:
            raise Fault(f"{self.path} was changed by someone else meanwhile; nothing was written.")

    def write_as_it_is(self, text: str) -> None:
        """Replaces the content by a text whose line ends are meant, mixed ones too."""
        self.unchanged()
        write_atomically(self.path, (_BOM if self.bom else b"") + text.encode("utf-8"))

    @property
    def line_end(self) -> str:
        """What ends most of its lines."""
        return "\r\n" if self.crlf else "\n"


def write_atomically(path: Path, data: bytes) -> None:
    """The whole file or nothing; an existing file keeps its mode, a link stays a link."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode(target))
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
