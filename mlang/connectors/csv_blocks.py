"""Delimited text by blocks of bytes: Arrow's reader where it reads what the exact one reads.

A block is whole rows; some are read side by side, and given in their order.  Arrow gets a block
when nothing in it can be read in two ways: quotes only around whole fields, line feeds (with or
without a carriage return) at the ends of rows, no blank line where a row is one field, no NUL,
valid text, and every row as wide as the table.  A block of which that is not so goes through the
exact reader; where quotes stand that do not enclose a field, all that follows does, unless every line
break ends a row (QuoteStyle.None).
Read ``csv_reader.py`` for the rules and `rows_of` for the exact reader.
"""

from __future__ import annotations

import codecs
import io
import os
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from mlang.connectors.sources import CsvSource
from mlang.tables.plan import Batch
from mlang.values import binary, encodings

#: Below so many bytes the exact reader is done before Arrow is imported.
LEAST = 1 << 20
#: Bytes that are looked at together, and read by one thread.
BLOCK = 1 << 22
#: Blocks that are read while the one before is used.
_AHEAD = 3
#: How often the end of a block moves back when it stands inside quotes.
_TRIES = 4
_MARK = b"\xef\xbb\xbf"
#: Code pages in which every byte is a character: blocks of them can be decoded one by one.
_BYTEWISE = re.compile(r"ascii\Z|cp125[0-8]\Z|iso8859-[0-9]+\Z")
#: Encodings whose line feeds are not found among bytes: they become UTF-8 before blocks are cut.
_WIDE = ("utf-16", "utf-32")

#: The exact batches of some lines.
Exact = Callable[[Iterator[str]], Iterator[Batch]]


def stream_of(source: CsvSource) -> tuple[BinaryIO, str] | None:
    """The bytes behind the byte order mark, and their codec; None when they are few, or not for Arrow."""
    delimiter = source.delimiter
    if (
        not isinstance(delimiter, str)
        or len(delimiter) != 1
        or not (delimiter == "\t" or " " <= delimiter <= "~")
    ):
        return None
    if delimiter == '"' or source.extra_values == 0 or not source.width:
        return None
    codec = encodings.codec_of(source.encoding)
    stream = _bytes(source)
    if stream is None:
        return None
    marked, skip = encodings.mark_of(stream.read(4))
    stream.seek(skip)
    codec = marked or codec
    if codec.startswith(_WIDE):
        return io.BufferedReader(_Recoded(stream, codec)), "utf-8"
    if codec != "utf-8" and not _BYTEWISE.match(codec):
        stream.close()
        return None
    return stream, codec


def _bytes(source: CsvSource) -> BinaryIO | None:
    if source.path is not None:
        try:
            return open(source.path, "rb") if os.path.getsize(source.path) >= LEAST else None
        except OSError:
            return None  # read row by row it raises the engine's error
    if source.content.__class__ is str:
        return None
    data = binary.content(source.content)
    return io.BytesIO(data) if len(data) >= LEAST else None


def block_batches(
    source: CsvSource, columns: list[str] | None, stream: BinaryIO, codec: str, exact: Exact,
    types: dict[str, Any] | None = None,
) -> Iterator[Batch]:  # fmt: skip
    """The rows of a stream; ``exact`` reads the lines that Arrow might read in another way (``types``: `batches`)."""
    looks = _Looks(_identity(stream))
    plain = _reader(source, columns, types or {}, looks)

    def read(block: bytearray) -> list[Batch] | None:
        return plain(block if codec == "utf-8" or block.isascii() else _recoded(block, codec))

    with stream:
        blocks = _Blocks(source, stream, source.quoted_breaks and not looks.known)
        for block, found in _read_ahead(iter(blocks), read):
            yield from (
                exact(iter(io.StringIO(block.decode(codec, "replace"), newline="")))
                if found is None
                else found
            )
        if blocks.odd is not None:
            yield from exact(_lines(blocks.odd, codec))
        else:
            looks.remember(_identity(stream))


class _Blocks:
    """The blocks of a stream, each whole rows, which ``spanning`` quotes may hold together.

    ``odd`` is what follows where quotes do not enclose a field.
    """

    def __init__(self, source: CsvSource, stream: BinaryIO, spanning: bool) -> None:
        self._stream, self._delimiter, self._spanning = stream, str(source.delimiter), spanning
        self.odd: Any = None

    def __iter__(self) -> Iterator[bytearray]:
        rest, ended = bytearray(), False
        while not ended:
            # filled in place: copies of all bytes take a quarter of the time
            block = bytearray(len(rest) + BLOCK)
            block[: len(rest)] = rest
            with memoryview(block) as all, all[len(rest) :] as room:
                more = self._stream.readinto(room)  # type: ignore[attr-defined]
            del block[len(rest) + more :]
            ended = not more
            end = _rows_end(block, self._delimiter, ended, self._spanning)
            if not end and not ended and len(block) <= 2 * BLOCK:
                rest = block
                continue
            if not end:
                self.odd = io.BufferedReader(_Chained(block, self._stream)) if block else None
                return
            rest = block[end:]
            del block[end:]
            yield block
        if rest:
            self.odd = io.BytesIO(rest)


def _read_ahead(
    blocks: Iterator[bytearray], read: Callable[[bytearray], list[Batch] | None]
) -> Iterator[tuple[bytearray, list[Batch] | None]]:
    """Blocks and what ``read`` makes of them, which goes on beside for those that come next."""
    first = next(blocks, None)
    if first is None:
        return
    second = next(blocks, None)
    if second is None:
        yield first, read(first)
        return
    from concurrent.futures import Future, ThreadPoolExecutor

    pool = ThreadPoolExecutor(max(2, min(_AHEAD, os.cpu_count() or 1)), "csv")
    waiting: deque[tuple[bytearray, Future[list[Batch] | None]]] = deque()
    failure: OSError | None = None
    try:
        for block in (first, second):
            waiting.append((block, pool.submit(read, block)))
        while waiting:
            try:
                following = next(blocks, None) if failure is None else None
            except OSError as failed:  # what came before it is given first
                following, failure = None, failed
            if following is not None:
                waiting.append((following, pool.submit(read, following)))
                if len(waiting) <= _AHEAD:
                    continue
            block, found = waiting.popleft()
            yield block, found.result()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _recoded(block: bytearray, codec: str) -> bytes:
    return block.decode(codec, "replace").encode()


def _lines(stream: Any, codec: str) -> Iterator[str]:
    yield from io.TextIOWrapper(stream, encoding=codec, errors="replace", newline="")


class _Recoded(io.RawIOBase):
    """A stream of another encoding as UTF-8."""

    def __init__(self, stream: BinaryIO, codec: str) -> None:
        self._stream, self._ready = stream, memoryview(b"")
        self._decoder = codecs.getincrementaldecoder(codec)("replace")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        ended = False
        while not self._ready and not ended:
            data = self._stream.read(1 << 20)
            ended = not data
            self._ready = memoryview(self._decoder.decode(data, ended).encode())
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Chained(io.RawIOBase):
    """Bytes that were read already, and the stream that goes on after them."""

    def __init__(self, head: bytearray, stream: BinaryIO) -> None:
        self._parts = [io.BytesIO(head), stream]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._parts:
            data = self._parts[0].read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._parts.pop(0)
        return 0


# ---------------------------------------------------------------- what a block is


def _rows_end(block: bytearray, delimiter: str, ended: bool, spanning: bool) -> int:
    """Where the last row ends that surely does; 0 when none does.  ``spanning`` rows go on behind quoted breaks."""
    stop = len(block) if ended else block.rfind(b"\n") + 1
    if not spanning or b'"' not in block:
        return stop
    pattern = _quoted(delimiter, True)
    for _ in range(_TRIES):
        match = pattern.match(block, 0, stop)
        assert match is not None
        if match.end() == stop:
            return stop
        stop = block.rfind(b"\n", 0, match.end()) + 1
    return 0


_patterns: dict[tuple[str, bool], re.Pattern[bytes]] = {}


def _quoted(delimiter: str, spanning: bool) -> re.Pattern[bytes]:
    """Text whose quotes all enclose a field, with line breaks in it where fields may be ``spanning``."""
    found = _patterns.get((delimiter, spanning))
    if found is None:
        cut = re.escape(delimiter.encode())
        border = rb"(?:(?<=[%s\n])|\A)" % cut
        inner = rb'[^"]' if spanning else rb'[^"\r\n]'
        field = rb'%s"(?:%s++|"")*+"(?=[%s\r\n]|\Z)' % (border, inner, cut)
        pattern = re.compile(rb'(?:[^"]*+%s)*+[^"]*+' % field)
        found = _patterns[delimiter, spanning] = pattern
    return found


#: Files below so many bytes are looked at each time: they may be written anew before the clock of files moves.
_LASTING = 1 << 24
_KEPT = 256
_simple: dict[tuple[int, ...], None] = {}


def _identity(stream: BinaryIO) -> tuple[int, ...] | None:
    """What tells a large file from others, and from what it was before; None for other streams."""
    if not isinstance(getattr(stream, "raw", None), io.FileIO):
        return None
    found = os.fstat(stream.fileno())
    return (
        (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns) if found.st_size >= _LASTING else None
    )


class _Looks:
    """Whether blocks are simple: ASCII without quotes, NUL and carriage returns.

    Looking takes a tenth of the time of reading, so that a file in which all were is not looked at again.
    """

    def __init__(self, file: tuple[int, ...] | None) -> None:
        self._file, self.known, self._all = file, file in _simple, True

    def simple(self, block: bytes | bytearray) -> bool:
        """Whether a block is."""
        if self.known:
            return True
        found = block.isascii() and not any(mark in block for mark in (b'"', b"\r", b"\0"))
        self._all = self._all and found
        return found

    def remember(self, file: tuple[int, ...] | None) -> None:
        """All blocks of a file were looked at, which is now this one."""
        if file is None or file != self._file or not self._all or self.known:
            return
        while len(_simple) >= _KEPT:
            _simple.pop(next(iter(_simple)), None)
        _simple[file] = None


def _ambiguous(block: bytes | bytearray, blanks: bool, quoted: bool, simple: bool) -> bool:
    """Whether there is something besides quotes that readers take in different ways.

    ``blanks`` says that blank lines are, ``simple`` what `_Looks` found.  Where nothing is quoted a lone carriage
    return shows in the number of Arrow's rows (`_reader`): to look for it here would take as long as reading.
    """
    if block.startswith((_MARK, b"\n", b"\r")) or (not simple and b"\0" in block):
        return True
    if blanks and (b"\n\n" in block or b"\n\r" in block):
        return True
    return not simple and (quoted or blanks) and block.count(b"\r") != block.count(b"\r\n")


def _line_feeds(block: bytes | bytearray) -> int:
    """How many rows a block without quotes has."""
    return block.count(b"\n") + (not block.endswith(b"\n"))


# ---------------------------------------------------------------- Arrow


def _reader(
    source: CsvSource, columns: list[str] | None, types: dict[str, Any], looks: _Looks
) -> Callable[[bytes | bytearray], list[Batch] | None]:
    """A function that reads a block with Arrow, or says None."""
    import pyarrow as pa
    from pyarrow import csv

    from mlang.tables.batches import ArrowBatch

    names = [str(i) for i in range(source.width)]
    places = dict(zip(source.names, names, strict=True))
    wanted = names if columns is None else [places[name] for name in columns]
    all_texts = dict.fromkeys(names, pa.string())
    given = {places[name]: type for name, type in types.items()}
    converting = {
        (typed, ascii): csv.ConvertOptions(
            column_types=all_texts | given if typed else all_texts, include_columns=wanted or names[:1],
            strings_can_be_null=False, null_values=[""], check_utf8=not ascii,
        )
        for typed in (False, True)
        for ascii in (False, True)
    }  # fmt: skip
    parsing = {
        quoted: csv.ParseOptions(
            delimiter=str(source.delimiter), quote_char='"' if quoted else False, double_quote=quoted,
            escape_char=False, newlines_in_values=quoted, ignore_empty_lines=False,
        )
        for quoted in (False, True)
    }  # fmt: skip

    # of several fields, a blank line is a row of empty texts for Arrow too
    blanks = source.width == 1 or source.missing != ""
    # blocks of spanning rows were cut by what their quotes are
    lines = None if source.quoted_breaks else _quoted(str(source.delimiter), False)

    def read(block: bytes | bytearray) -> list[Batch] | None:
        simple = looks.simple(block)
        quoted = not simple and b'"' in block
        if _ambiguous(block, blanks, quoted, simple) or (quoted and lines and not lines.fullmatch(block)):
            return None
        reading = csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False)
        found, data, ascii = None, pa.py_buffer(block), simple or block.isascii()
        for typed in (True, False) if given else (False,):
            try:
                found = csv.read_csv(data, reading, parsing[quoted], converting[typed, ascii])
                break
            except pa.ArrowInvalid:  # rows of another width, bytes that are no text, a header above numbers
                continue
        if found is None:
            return None
        if not (simple or quoted) and b"\r" in block and found.num_rows != _line_feeds(block):
            return None
        return [ArrowBatch(part) for part in found.select(wanted).to_batches()]

    return read
