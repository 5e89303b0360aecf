"""Parts of zip files read within limits, and replaced so that every other entry keeps its bytes.

Python's `zipfile` reads; for writing, entries are copied as they lie in the file (header, extra fields,
packed data, gaps), and the central directory gets new offsets.  The replaced entry keeps its name, time,
attributes, place and method.  Nothing is unpacked that says of itself that it is too large.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from mlang.app.containers.base import LARGEST_PART, BrokenFile, CannotWrite
from mlang.connectors.limits import RATIO

_BROKEN = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, struct.error,
)  # fmt: skip
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_FULL = 0xFFFFFFFF
_STREAMED = 8
#: Compound files: encrypted packages, and what Excel wrote before 2007.
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class Package:
    """A zip file in memory."""

    def __init__(self, data: bytes, where: str) -> None:
        self.data, self.where = data, where
        if data.startswith(COMPOUND):
            raise BrokenFile(f"{where} is encrypted or of the old binary format; its queries can't be read.")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _BROKEN:
            raise BrokenFile(f"{where} is no zip file, or a damaged one.") from None
        self.names: list[str] = self._zip.namelist()

    def __contains__(self, name: str) -> bool:
        return name in self._zip.NameToInfo

    def read(self, name: str, limit: int = LARGEST_PART) -> bytes:
        """The content of an entry of reasonable size."""
        info = self._zip.NameToInfo[name]
        if info.file_size > limit or (
            info.file_size > 1 << 20 and info.file_size > info.compress_size * RATIO * 5
        ):
            raise BrokenFile(
                f"{self.where}: {name} says that it is {info.file_size} bytes; it isn't unpacked."
            )
        if info.flag_bits & 1:
            raise BrokenFile(f"{self.where}: {name} is encrypted.")
        try:
            return self._zip.read(info)
        except (KeyError, *_BROKEN):
            raise BrokenFile(f"{self.where}: {name} is damaged.") from None

    def replaced(self, parts: dict[str, bytes]) -> bytes:
        """The file with other contents of some entries."""
        try:
            return self._replaced({self._zip.NameToInfo[n].header_offset: d for n, d in parts.items()})
        except (struct.error, IndexError):
            raise BrokenFile(f"{self.where} is damaged; nothing was written.") from None

    def _replaced(self, contents: dict[int, bytes]) -> bytes:
        starts = sorted(i.header_offset for i in self._zip.infolist())
        directory = self._zip.start_dir
        bounds = dict(zip(starts, [*starts[1:], directory], strict=True))
        if len(bounds) != len(starts):
            raise CannotWrite(
                f"{self.where}: entries of the zip file lie over each other; nothing was written."
            )
        out = [self.data[: starts[0]]]
        moved: dict[int, int] = {}
        made: dict[int, tuple[int, int, int]] = {}
        shift = 0
        for start in starts:
            moved[start] = start + shift
            old = self.data[start : bounds[start]]
            if start in contents:
                new, made[start] = self._entry(old, contents[start])
                shift += len(new) - len(old)
                out.append(new)
            else:
                out.append(old)
        listing, end = self._directory(directory, moved, made)
        return b"".join([*out, listing, self._ending(end, directory, shift, len(listing))])

    def _entry(self, old: bytes, content: bytes) -> tuple[bytes, tuple[int, int, int]]:
        """A local header with its data; checksum and both sizes."""
        sig, version, flags, method, time, date, _, _, _, names, extras = _LOCAL.unpack_from(old)
        if method == zipfile.ZIP_DEFLATED:
            packer = zlib.compressobj(6, zlib.DEFLATED, -15)
            packed = packer.compress(content) + packer.flush()
        elif method == zipfile.ZIP_STORED:
            packed = content
        else:
            raise CannotWrite(f"{self.where}: an entry is packed by method {method}; nothing was written.")
        name = old[_LOCAL.size : _LOCAL.size + names]
        extra = _without_zip64(old[_LOCAL.size + names : _LOCAL.size + names + extras])
        crc, sizes = zlib.crc32(content), (len(packed), len(content))
        header = _LOCAL.pack(
            sig, version, flags & ~_STREAMED, method, time, date, crc, *sizes, names, len(extra)
        )
        return header + name + extra + packed, (crc, *sizes)

    def _directory(
        self, position: int, moved: dict[int, int], made: dict[int, tuple[int, int, int]]
    ) -> tuple[bytes, int]:
        """The central directory after the move, and where the old one ends."""
        concat = self._zip.infolist()[0].header_offset - self._first_offset(position)
        out = []
        for _ in self.names:
            fields = list(_CENTRAL.unpack_from(self.data, position))
            names, extras, comments = fields[10:13]
            begin = position + _CENTRAL.size
            name, extra = self.data[begin : begin + names], self.data[begin + names : begin + names + extras]
            comment = self.data[begin + names + extras : begin + names + extras + comments]
            position = begin + names + extras + comments
            old = concat + (_zip64_offset(fields, extra) if fields[16] == _FULL else fields[16])
            if old in made:
                fields[3] &= ~_STREAMED
                fields[7:10] = made[old]
                extra = _without_zip64(extra)
                fields[11], fields[16] = len(extra), moved[old] - concat
            elif fields[16] == _FULL:
                extra = _with_zip64_offset(fields, extra, moved[old] - concat)
            else:
                fields[16] = moved[old] - concat
            out += [_CENTRAL.pack(*fields), name, extra, comment]
        return b"".join(out), position

    def _first_offset(self, position: int) -> int:
        """The offset that the first entry of the directory has by its own word."""
        fields = list(_CENTRAL.unpack_from(self.data, position))
        begin = position + _CENTRAL.size + fields[10]
        extra = self.data[begin : begin + fields[11]]
        return _zip64_offset(fields, extra) if fields[16] == _FULL else int(fields[16])

    def _ending(self, position: int, directory: int, shift: int, size: int) -> bytes:
        """Everything after the central directory: its own record, that of zip64, the comment."""
        tail = bytearray(self.data[position:])
        end = tail.rfind(b"PK\5\6")
        fields = list(_END.unpack_from(tail, end))
        grown = size - (position - directory)
        if fields[5] != _FULL:
            fields[5] += grown
        if fields[6] != _FULL:
            fields[6] += shift
        _END.pack_into(tail, end, *fields)
        if end >= 20 and tail[end - 20 : end - 16] == b"PK\6\7":
            _add(tail, end - 20 + 8, shift + grown)
            record = tail.find(b"PK\6\6")
            if record >= 0:
                _add(tail, record + 40, grown)
                _add(tail, record + 48, shift)
        return bytes(tail)


def _add(data: bytearray, position: int, number: int) -> None:
    (old,) = struct.unpack_from("<Q", data, position)
    struct.pack_into("<Q", data, position, old + number)


def _blocks(extra: bytes) -> list[tuple[int, bytes]]:
    found, position = [], 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        found.append((kind, extra[position : position + 4 + size]))
        position += 4 + size
    if position < len(extra):
        found.append((-1, extra[position:]))
    return found


def _without_zip64(extra: bytes) -> bytes:
    return b"".join(block for kind, block in _blocks(extra) if kind != 1)


def _zip64_place(fields: list[int]) -> int:
    """Where the offset stands in the zip64 block: after the sizes that are there too."""
    return 4 + 8 * ((fields[9] == _FULL) + (fields[8] == _FULL))


def _zip64_offset(fields: list[int], extra: bytes) -> int:
    block = next((b for kind, b in _blocks(extra) if kind == 1), b"")
    (offset,) = struct.unpack_from("<Q", block, _zip64_place(fields))
    return int(offset)


def _with_zip64_offset(fields: list[int], extra: bytes, offset: int) -> bytes:
    out = []
    for kind, block in _blocks(extra):
        changed = bytearray(block)
        if kind == 1:
            struct.pack_into("<Q", changed, _zip64_place(fields), offset)
        out.append(bytes(changed))
    return b"".join(out)
