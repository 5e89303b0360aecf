"""Binary.Compress and Binary.Decompress (BIN-05).

GZip and raw deflate come with Python; Snappy, Brotli, LZ4 and Zstandard with the package
``cramjam`` (the extra ``codecs``).  Snappy is written as one raw block, as Parquet and
Avro have it, LZ4 as a frame; of Snappy the framed form is read as well.  What would unpack to
more than ``connectors/limits.py`` allows is refused before it fills the memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.connectors import limits
from mlang.library.arguments import enum_member
from mlang.library.enumerations import MEMBERS
from mlang.registry import builtin
from mlang.values import binary

NONE, GZIP, DEFLATE, SNAPPY, BROTLI, LZ4, ZSTANDARD = -1, 0, 1, 2, 3, 4, 5
_MEMBERS = tuple(MEMBERS["Compression"].values())
_SNAPPY_STREAM = b"\xff\x06\x00\x00sNaPpY"
_ROOM = 1 << 16


def _codecs(function: str) -> Any:
    """The package with the codecs that Python lacks."""
    from mlang.connectors.extras import need

    return need("cramjam", function, "codecs")


@builtin(
    "Binary.Compress(binary as nullable binary, compressionType as number) as nullable binary",
    null="binary",
)
def compress(value: Any, compression: Any) -> bytes:
    """Compresses a binary with GZip, Deflate (without a zlib header), Snappy, Brotli, LZ4 or Zstandard."""
    kind = enum_member(compression, "compressionType", _MEMBERS)
    data = binary.content(value)
    if kind == NONE:
        return data
    if kind in (GZIP, DEFLATE):
        packer = zlib.compressobj(wbits=31 if kind == GZIP else -15)
        return packer.compress(data) + packer.flush()
    codecs = _codecs("Binary.Compress")
    packers: dict[int, Callable[[bytes], Any]] = {
        SNAPPY: codecs.snappy.compress_raw,
        BROTLI: codecs.brotli.compress,
        LZ4: codecs.lz4.compress,
        ZSTANDARD: codecs.zstd.compress,
    }
    return bytes(packers[kind](data))


@builtin(
    "Binary.Decompress(binary as nullable binary, compressionType as number) as nullable binary",
    null="binary",
)
def decompress(value: Any, compression: Any) -> bytes:
    """Expands a compressed binary."""
    kind = enum_member(compression, "compressionType", _MEMBERS)
    data = binary.content(value)
    if kind == NONE:
        return data
    if kind in (GZIP, DEFLATE):
        return _inflate(data, kind)
    codecs = _codecs("Binary.Decompress")
    raw = kind == SNAPPY and not data.startswith(_SNAPPY_STREAM)
    try:
        if raw:
            limits.check_size(codecs.snappy.decompress_raw_len(data), len(data))
            return bytes(codecs.snappy.decompress_raw(data))
        unpackers = {SNAPPY: codecs.snappy, BROTLI: codecs.brotli, LZ4: codecs.lz4, ZSTANDARD: codecs.zstd}
        return _unpacked(unpackers[kind].decompress_into, data, codecs.DecompressionError)
    except codecs.DecompressionError:
        raise errors.bad_compressed_data() from None


def _unpacked(unpack: Callable[[bytes, bytearray], int], data: bytes, failure: type[Exception]) -> bytes:
    """What unpacks into a room that grows as long as it is too small, up to the limit."""
    limit = limits.allowed(len(data))
    room = min(limit, max(_ROOM, 16 * len(data)))
    while True:
        space = bytearray(room)
        try:
            size = unpack(data, space)
            return bytes(memoryview(space)[:size])
        except failure as error:
            if "whole buffer" not in str(error) or "write" not in str(error):
                raise
        if room >= limit:
            raise errors.too_large_unpacked(limit)
        room = min(limit, room * 8)


def _inflate(data: bytes, kind: int) -> bytes:
    """The members of a gzip file, or one raw deflate stream, step by step up to the limit."""
    out: list[bytes] = []
    limit = left = limits.allowed(len(data))
    try:
        while data:
            unpacker = zlib.decompressobj(wbits=31 if kind == GZIP else -15)
            while data and not unpacker.eof:
                out.append(unpacker.decompress(data, left + 1))
                left -= len(out[-1])
                if left < 0:
                    raise errors.too_large_unpacked(limit)
                data = unpacker.unconsumed_tail
            if not unpacker.eof:
                raise errors.bad_compressed_data()
            data = unpacker.unused_data.lstrip(b"\0") if kind == GZIP else b""  # gzip members may follow
    except zlib.error:
        raise errors.bad_compressed_data() from None
    return b"".join(out)
