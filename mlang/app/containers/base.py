"""What every container has: its files as they were read, its queries, and its M as one section document.

A container is written by `Container.encode`, which gives the new bytes of the files that change; nothing else
of them does.  ``source.py`` checks, backs up and writes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlang.errors import Fault

#: Files larger than this are not read.
LARGEST_FILE = 1 << 30
#: A part that holds M or says where M is, unpacked.
LARGEST_PART = 256 << 20


class BrokenFile(Fault):
    """A file that is not what its name or its beginning says, or that holds no M."""


class CannotWrite(Fault):
    """A change that the container has no safe place for."""


@dataclass
class Load:
    """Where a query's rows go; empty: nowhere, None: unknown."""

    targets: tuple[str, ...] | None = None
    hidden: bool = False


@dataclass
class Container(ABC):
    """An opened file or folder with M in it."""

    path: Path
    kind: str
    #: The bytes of each file that was read.
    files: dict[Path, bytes]
    loads: dict[str, Load] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    culture: str | None = None

    @property
    @abstractmethod
    def document(self) -> str:
        """All M as one section document."""

    @abstractmethod
    def formatted(self, one: Callable[[str, str], str]) -> str:
        """The document after formatting; ``one`` formats a text of a name."""

    @abstractmethod
    def encode(self, document: str) -> dict[Path, bytes]:
        """The new bytes of the files that another document changes."""

    @property
    def is_workbook(self) -> bool:
        """Whether ``Excel.CurrentWorkbook()`` means this file."""
        return False


def read_file(path: Path) -> bytes:
    """The bytes of a file of bounded size."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BrokenFile(f"{path} is larger than {LARGEST_FILE >> 30} GiB; it isn't read.")
        return path.read_bytes()
    except FileNotFoundError:
        raise Fault(f"There is no file {path}.") from None


def decoded(data: bytes, where: str) -> tuple[str, str, bytes]:
    """A text, its encoding and its byte order mark: UTF-8, or UTF-16 with a mark or of ASCII beginning."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _text(data[len(mark) :], encoding, where), encoding, mark
    if data[1:2] == b"\0" and data[:1] != b"\0":
        return _text(data, "utf-16-le", where), "utf-16-le", b""
    return _text(data, "utf-8", where), "utf-8", b""


_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def _text(data: bytes, encoding: str, where: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise BrokenFile(f"{where} is not {encoding.upper()} text (byte {error.start}).") from None


def encoded(text: str, encoding: str, mark: bytes, where: str) -> bytes:
    """The opposite of `decoded`."""
    try:
        return mark + text.encode(encoding)
    except UnicodeEncodeError:
        raise CannotWrite(f"{where}: the text has half a character (a lone surrogate).") from None
