"""The pages of an Access database (.mdb, .accdb): header, rows of a page, long values, texts.

A file is pages of 2 KiB (Jet 3, Access 97) or 4 KiB (Jet 4 and later); a row is known by its page and
its number there, a table by the page of its definition.  Whatever does not hold together is an error
(`broken`), never a row that is left out.  Read ``access_table.py`` next: definitions and rows of tables.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from mlang import errors
from mlang.errors import MError

DATA_PAGE, TABLE_PAGE, BITMAP_PAGE = 1, 2, 5
#: What stands in the offset of a row.
_DELETED, _ELSEWHERE, _OFFSET = 0x8000, 0x4000, 0x1FFF
_ENGINES = (b"Standard Jet DB\0", b"Standard ACE DB\0")
_MASKED_FROM, _MASK_KEY = 0x18, bytes((0xC7, 0xDA, 0x39, 0x6B))
_MOST_HOPS = 16


def broken(reason: str) -> MError:
    return errors.not_a_document("Access", reason)


@contextmanager
def whole_file() -> Iterator[None]:
    """Numbers that point outside the file make it no database."""
    try:
        yield
    except (struct.error, IndexError, UnicodeDecodeError):
        raise broken("the file is damaged") from None


class AccessFile:
    """The bytes of a database, by page."""

    def __init__(self, data: bytes) -> None:
        if data[4:20] not in _ENGINES:
            raise broken("the header is missing")
        with whole_file():
            version = data[0x14]
            if version > 6:
                raise errors.not_supported("Access.Database", f"a file of version {version}")
            self.jet3 = version == 0
            self.size = 2048 if self.jet3 else 4096
            self._data = data
            size = 126 if self.jet3 else 128
            header = bytearray(data[: self.size])
            header[_MASKED_FROM : _MASKED_FROM + size] = _unmasked(
                bytes(header[_MASKED_FROM : _MASKED_FROM + size])
            )
            self._check_access(header)
            (self.code_page,) = struct.unpack_from("<H", header, 0x3C)
        self._pages: dict[int, bytes] = {}

    def key(self) -> int:
        """What tells this database from others."""
        return id(self)

    def _check_access(self, header: bytearray) -> None:
        """Encrypted files and those with a password are refused, as they are without the password."""
        if any(header[0x3E:0x42]):
            raise errors.not_supported("Access.Database", "an encrypted database")
        password = bytes(header[0x42 : 0x42 + (20 if self.jet3 else 40)])
        if not self.jet3:
            (created,) = struct.unpack_from("<d", header, 0x72)
            mask = struct.pack("<i", int(created)) if abs(created) < 2**31 else bytes(4)
            password = bytes(byte ^ mask[i % 4] for i, byte in enumerate(password))
        if any(password):
            raise errors.not_supported("Access.Database", "a database with a password")

    def page(self, number: int, kind: int) -> bytes:
        """A page, which must be of a kind."""
        start = number * self.size
        page = self._data[start : start + self.size]
        if number <= 0 or len(page) < self.size or page[0] != kind:
            raise broken(f"page {number} isn't what it should be")
        return page

    # ------------------------------------------------------------ rows

    def row_places(self, page: bytes) -> Iterator[int]:
        """The numbers of a data page's rows, without those that are deleted or only lent to other pages."""
        at = 8 if self.jet3 else 12
        (count,) = struct.unpack_from("<H", page, at)
        for number in range(count):
            (offset,) = struct.unpack_from("<H", page, at + 2 + 2 * number)
            if not offset & _DELETED:
                yield number

    def row(self, page: bytes, number: int) -> bytes:
        """A row of a data page, or what its pointer to another page leads to."""
        for _ in range(_MOST_HOPS):
            part, elsewhere = self._part(page, number)
            if not elsewhere:
                return part
            number, page = self._place(part, 0)
        raise broken("a row has no end")

    def _part(self, page: bytes, number: int) -> tuple[bytes, bool]:
        at = 8 if self.jet3 else 12
        (count,) = struct.unpack_from("<H", page, at)
        if number >= count:
            raise broken("a row is missing")
        (offset,) = struct.unpack_from("<H", page, at + 2 + 2 * number)
        end = self.size
        if number:
            end = struct.unpack_from("<H", page, at + 2 * number)[0] & _OFFSET
        start = offset & _OFFSET
        if not at <= start <= end <= self.size:
            raise broken("a row stands outside its page")
        return page[start:end], bool(offset & _ELSEWHERE)

    def _place(self, data: bytes, at: int) -> tuple[int, bytes]:
        """Row number and page of a pointer: one byte, and three."""
        (pointer,) = struct.unpack_from("<I", data, at)
        return pointer & 0xFF, self.page(pointer >> 8, DATA_PAGE)

    def pointed(self, data: bytes, at: int) -> bytes:
        """The row that a pointer means."""
        number, page = self._place(data, at)
        return self._part(page, number)[0]

    # ------------------------------------------------------------ long values

    def long_value(self, cell: bytes) -> bytes:
        """The bytes of a memo or OLE cell: in the cell, in one other row, or in a chain of them."""
        (head,) = struct.unpack_from("<I", cell)
        length, kind = head & 0x3FFFFFFF, head >> 30
        if kind & 2:
            data = cell[12 : 12 + length]
        elif kind == 1:
            data = self.pointed(cell, 4)[:length]
        else:
            data = b"".join(self._chain(cell, length))
        if len(data) != length:
            raise broken("a long value is cut off")
        return data

    def _chain(self, cell: bytes, length: int) -> Iterator[bytes]:
        pointer, at = cell, 4
        while length > 0:
            row = self.pointed(pointer, at)
            part = row[4 : 4 + length]
            if not part:
                raise broken("a long value is cut off")
            yield part
            length -= len(part)
            pointer, at = row, 0

    # ------------------------------------------------------------ usage maps and texts

    def mapped_pages(self, data: bytes, at: int) -> list[int]:
        """The pages that a usage map (the row behind a pointer) names, in order."""
        row = self.pointed(data, at)
        if row[0] == 0:
            (first,) = struct.unpack_from("<I", row, 1)
            return [first + i for i in _bits(row[5:])]
        if row[0] != 1:
            raise broken("a usage map is of no known kind")
        found: list[int] = []
        width = (self.size - 4) * 8
        for index, (number,) in enumerate(struct.iter_unpack("<I", row[1 : 1 + (len(row) - 1) // 4 * 4])):
            if number:
                found += [index * width + i for i in _bits(self.page(number, BITMAP_PAGE)[4:])]
        return found

    def text(self, data: bytes, code_page: int = 0) -> str:
        """A text: of Jet 3 in a code page, else UTF-16, of which parts may have only their low bytes."""
        if self.jet3:
            return data.decode(_codec(code_page or self.code_page), "replace")
        if data[:2] != b"\xff\xfe":
            return data[: len(data) // 2 * 2].decode("utf-16-le", "surrogatepass")
        return _unpacked(data)


def _unpacked(data: bytes) -> str:
    """Low bytes, from a zero byte to the next whole characters, and so on."""
    parts: list[str] = []
    at, low = 2, True
    while at < len(data):
        if low:
            end = data.find(b"\0", at)
            end = len(data) if end < 0 else end
            parts.append(data[at:end].decode("latin-1"))
        else:
            end = at
            while end < len(data) - 1 and data[end]:
                end += 2
            parts.append(data[at:end].decode("utf-16-le", "surrogatepass"))
            if end < len(data) and data[end]:
                break  # half a character
        at, low = end + 1, not low
    text = "".join(parts)  # halves of a surrogate pair may stand in different parts
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _codec(code_page: int) -> str:
    from mlang.values import encodings

    try:
        return encodings.codec_of(code_page or 1252)
    except MError:
        return "cp1252"


def _bits(data: bytes) -> Iterator[int]:
    for index, byte in enumerate(data):
        if byte:
            for bit in range(8):
                if byte >> bit & 1:
                    yield index * 8 + bit


def _unmasked(data: bytes) -> bytes:
    """The header's parts that a fixed key hides (RC4)."""
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + _MASK_KEY[i % 4]) & 0xFF
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) & 0xFF
        j = (j + state[i]) & 0xFF
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) & 0xFF])
    return bytes(out)
