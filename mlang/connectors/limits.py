"""Packed data that would grow beyond reason is refused before anybody unpacks it.

What is packed 200 times smaller than it is, and larger than 256 MiB, is no document.  The
environment variable ``MLANG_UNPACK_LIMIT`` sets another number of bytes than 256 MiB.
"""

from __future__ import annotations

import io
import os
import re
import zlib

from mlang import errors

LIMIT = 256 << 20
RATIO = 200
_STEP = 1 << 20
_STREAM = re.compile(rb"stream\r?\n")


def allowed(packed: int) -> int:
    """How large something packed into so many bytes may become."""
    return max(limit(), packed * RATIO)


def limit() -> int:
    """The size that anything packed may have."""
    chosen = os.environ.get("MLANG_UNPACK_LIMIT", "")
    return int(chosen) if chosen.isdecimal() else LIMIT


def check_size(size: int, packed: int) -> None:
    """Refuses what says of itself that it is too large."""
    if size > allowed(packed):
        raise errors.too_large_unpacked(allowed(packed))


def check_zip(data: bytes) -> None:
    """Refuses a zip file whose parts say that they are too large; other data passes."""
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            size = sum(part.file_size for part in file.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return
    if size > allowed(len(data)):
        raise errors.too_large_unpacked(limit())


def check_deflated_streams(data: bytes) -> None:
    """Refuses a PDF file whose deflated streams are too large together."""
    left = allowed(len(data))
    for found in _STREAM.finditer(data):
        unpacker = zlib.decompressobj()
        feed: bytes = data[found.end() : found.end() + _STEP]
        position = found.end() + len(feed)
        try:
            while feed and not unpacker.eof:
                left -= len(unpacker.decompress(feed, _STEP))
                if left < 0:
                    raise errors.too_large_unpacked(limit())
                feed = unpacker.unconsumed_tail
                if not feed and not unpacker.eof:
                    feed = data[position : position + _STEP]
                    position += len(feed)
        except zlib.error:
            continue  # not deflated, or encrypted
