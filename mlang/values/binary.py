"""Binary values: bytes, or content that is read when somebody needs it.

`FileContent` keeps the path, so that a reader (CSV, Parquet, Excel) may hand the
file itself to an engine instead of its bytes.  Library code calls `content`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class LazyBinary:
    """Bytes that a function reads on demand, once."""

    __slots__ = ("_bytes", "length", "meta", "path", "read")
    m_kind = "binary"

    def __init__(
        self,
        read: Callable[[], bytes],
        *,
        path: str | None = None,
        length: Callable[[], int] | None = None,
        meta: dict[str, Any] | None = None,
    ) -> None:
        self.read, self.path, self.length, self.meta = read, path, length, meta
        self._bytes: bytes | None = None

    def with_meta(self, meta: dict[str, Any] | None) -> LazyBinary:
        """The same content with other metadata."""
        other = LazyBinary(self.read, path=self.path, length=self.length, meta=meta)
        other._bytes = self._bytes
        return other

    def content(self) -> bytes:
        """The bytes; read at the first call."""
        if self._bytes is None:
            self._bytes = self.read()
        return self._bytes


def content(value: Any) -> bytes:
    """The bytes of any binary value."""
    return value if value.__class__ is bytes else value.content()


def length(value: Any) -> int:
    """How many bytes, without reading a file for it."""
    if value.__class__ is bytes:
        return len(value)
    return int(value.length()) if value.length is not None else len(value.content())


def path_of(value: Any) -> str | None:
    """The file behind a binary, when it is a whole local file."""
    return None if value.__class__ is bytes else value.path


def part(value: Any, start: int, stop: int | None) -> bytes:
    """The bytes from ``start`` up to ``stop`` (None: the end), clipped; of a file, no others are read."""
    if value.__class__ is bytes:
        return bytes(value[start:stop])
    if value.path is None or value._bytes is not None:
        return bytes(value.content()[start:stop])
    try:
        with open(value.path, "rb") as stream:
            stream.seek(start)
            return stream.read() if stop is None else stream.read(max(0, stop - start))
    except OSError:
        return bytes(value.content()[start:stop])  # raises the engine's error
