"""Text files that are written back as they were: mode, byte order mark and line ends kept, atomically."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from mlang.errors import Fault

_BOM = b"\xef\xbb\xbf"


#: A text that is longer is no M that somebody wrote; devices without end are not read either.
LARGEST = 256 << 20


def read_bytes(path: Path) -> bytes:
    """The bytes of a file of bounded size."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise Fault(f"There is no file {path}.") from None
    if len(data) > LARGEST:
        raise Fault(f"{path} is larger than {LARGEST >> 20} MiB; it isn't read.")
    return data


def decoded(data: bytes, path: Path) -> str:
    """UTF-8 text without its byte order mark."""
    try:
        return data.removeprefix(_BOM).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Fault(f"{path} is not UTF-8 text (byte {error.start}).") from None


class TextFile:
    """The text of a file with ``\\n`` line ends, and how it is stored."""

    #: Whether what is replaced is kept beside it: only where M lives inside another file.
    backup = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = read_bytes(path)
        self.text = decoded(self.bytes, path)
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
    try:
        _replace(path.resolve(), data)
    except OSError as error:
        raise Fault(f"{path} can't be written: {error.strerror or error}.") from None


def _replace(target: Path, data: bytes) -> None:
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
