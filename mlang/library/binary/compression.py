"""Binary.Compress and Binary.Decompress: gzip and raw deflate (BIN-05)."""

from __future__ import annotations

import zlib
from typing import Any

from mlang import errors
from mlang.library.arguments import enum_member
from mlang.library.enumerations import MEMBERS
from mlang.registry import builtin
from mlang.values import binary

GZIP, DEFLATE = 0, 1
_MEMBERS = tuple(MEMBERS["Compression"].values())


def _kind(value: Any, function: str) -> int:
    kind = enum_member(value, "compressionType", _MEMBERS)
    if kind not in (GZIP, DEFLATE):
        name = next(n for n, v in MEMBERS["Compression"].items() if v == kind)
        raise errors.not_supported(function, f"Compression.{name}")
    return kind


@builtin(
    "Binary.Compress(binary as nullable binary, compressionType as number) as nullable binary",
    null="binary",
    missing="Compression.None, Snappy, Brotli, LZ4, Zstandard",
)
def compress(value: Any, compression: Any) -> bytes:
    """Compresses a binary with Compression.GZip or Compression.Deflate (without a zlib header)."""
    kind = _kind(compression, "Binary.Compress")
    packer = zlib.compressobj(wbits=31 if kind == GZIP else -15)
    return packer.compress(binary.content(value)) + packer.flush()


@builtin(
    "Binary.Decompress(binary as nullable binary, compressionType as number) as nullable binary",
    null="binary",
    missing="Compression.None, Snappy, Brotli, LZ4, Zstandard",
)
def decompress(value: Any, compression: Any) -> bytes:
    """Expands a binary that was compressed with Compression.GZip or Compression.Deflate."""
    kind = _kind(compression, "Binary.Decompress")
    data = binary.content(value)
    out = []
    try:
        while data:
            unpacker = zlib.decompressobj(wbits=31 if kind == GZIP else -15)
            out.append(unpacker.decompress(data))
            if not unpacker.eof:
                raise errors.bad_compressed_data()
            data = unpacker.unused_data.lstrip(b"\0") if kind == GZIP else b""  # gzip members may follow
    except zlib.error:
        raise errors.bad_compressed_data() from None
    return b"".join(out)
