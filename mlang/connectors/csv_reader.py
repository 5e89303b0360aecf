"""The exact reader of delimited text, and the check whether an engine's reader would read the same.

Two ways over the same rules (DAT-01 to DAT-09): Python's ``csv`` for the default dialect
with a one-character delimiter, and `Splitter`, a small state machine, for everything else
(longer or several delimiters, runs of blanks, quotes that count anywhere, line breaks that
always end a row).  Both stream.  Large text goes through
``csv_blocks.py`` first, which reads what is plain faster.  Rules beyond the facts: a blank line is a row of one empty
field, an unclosed quote loses its quote, a row longer than the table raises in the default
mode (ERR-43), a shorter one is filled with "" as the documented example shows.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from mlang import errors
from mlang.connectors.sources import BATCH_ROWS, CsvSource
from mlang.tables.plan import Batch
from mlang.values import binary, encodings

EXTRA_LIST, EXTRA_ERROR, EXTRA_IGNORE = 0, 1, 2


# ---------------------------------------------------------------- rows


def lines_of(source: CsvSource) -> Iterator[str]:
    """The physical lines of the source, each with its line break, read anew."""
    if source.path is not None:
        from mlang.connectors.file import os_error

        try:
            with encodings.open_text(source.path, source.encoding) as stream:
                yield from stream
        except OSError as error:
            raise os_error(error, source.path) from None
        return
    text = source.content
    if text.__class__ is not str:
        text = encodings.decode(binary.content(text), source.encoding)
    yield from io.StringIO(text, newline="")


def rows_of(source: CsvSource, lines: Iterator[str] | None = None) -> Iterator[list[str]]:
    """The rows as lists of fields, of whatever length they have; ``lines`` are some in place of all."""
    delimiter = source.delimiter
    if lines is None:
        lines = lines_of(source)
    if isinstance(delimiter, tuple) and isinstance(delimiter[0], int):
        return _fixed_width(lines, delimiter)
    if not _single(source):
        return _general(source, lines)
    assert isinstance(delimiter, str)
    return _unquoted_breaks(lines, delimiter) if not source.quoted_breaks else _standard(lines, delimiter)


def _single(source: CsvSource) -> bool:
    """Whether one character separates, and quotes count at the start of a field only."""
    return source.single and not source.quote_always


def _standard(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    for row in _bare_rows(lines, delimiter):
        yield row or [""]


def _bare_rows(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    """The rows as ``csv`` gives them: a blank line has no field."""
    import csv

    csv.field_size_limit(2**31 - 1)
    return csv.reader(lines, delimiter=delimiter)


def _unquoted_breaks(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    splitter = Splitter(delimiter, False, False)
    for line in lines:
        if '"' not in line:
            yield line.rstrip("\r\n").split(delimiter)
        else:
            splitter.feed(line)
            yield splitter.finish()


def _fixed_width(lines: Iterator[str], starts: tuple[Any, ...]) -> Iterator[list[str]]:
    """Lines cut at positions; quotes mean nothing here, and what is before the first position is dropped."""
    cuts = [slice(start, end) for start, end in zip(starts, (*starts[1:], None), strict=True)]
    for line in lines:
        body = line.rstrip("\r\n")
        yield [body[cut] for cut in cuts]


def _general(source: CsvSource, lines: Iterator[str]) -> Iterator[list[str]]:
    splitter = Splitter(source.delimiter, source.quoted_breaks, source.quote_always)
    pending = False
    for line in lines:
        pending = splitter.feed(line)
        if not pending:
            yield splitter.finish()
    if pending:
        yield splitter.finish()


class Splitter:
    """Splits lines into fields; a quoted field may go on over several lines."""

    __slots__ = ("_always", "_breaks", "_fields", "_parts", "_quoted", "_start", "_stop")

    def __init__(self, delimiter: str | tuple[Any, ...], quoted_breaks: bool, quote_always: bool) -> None:
        if delimiter == "":
            pattern = r"\s+"
        else:
            texts = (delimiter,) if isinstance(delimiter, str) else delimiter
            pattern = "|".join(re.escape(t) for t in sorted(texts, key=len, reverse=True))
        self._stop = re.compile(f'{pattern}|"' if quote_always else pattern)
        self._breaks, self._always = quoted_breaks, quote_always
        self._fields: list[str] = []
        self._parts: list[str] = []
        self._quoted, self._start = False, True

    def finish(self) -> list[str]:
        """The fields of the row that just ended."""
        fields = self._fields
        fields.append("".join(self._parts))
        self._fields, self._parts = [], []
        self._quoted, self._start = False, True
        return fields

    def feed(self, line: str) -> bool:
        """Takes one physical line; True when its row goes on in the next line."""
        body = line.rstrip("\r\n")
        position = 0
        while position < len(body):
            position = self._in_quotes(body, position) if self._quoted else self._outside(body, position)
        if self._quoted and self._breaks:
            self._parts.append(line[len(body) :])
            return True
        return False

    def _in_quotes(self, body: str, position: int) -> int:
        end = body.find('"', position)
        if end < 0:
            self._parts.append(body[position:])
            return len(body)
        self._parts.append(body[position:end])
        if body[end + 1 : end + 2] == '"':
            self._parts.append('"')
            return end + 2
        self._quoted = False
        return end + 1

    def _outside(self, body: str, position: int) -> int:
        if self._start and body[position : position + 1] == '"':
            self._quoted, self._start = True, False
            return position + 1
        match = self._stop.search(body, position)
        if match is None:
            self._parts.append(body[position:])
            self._start = False
            return len(body)
        self._parts.append(body[position : match.start()])
        if self._always and match.group() == '"':
            self._quoted, self._start = True, False
        else:
            self._fields.append("".join(self._parts))
            self._parts, self._start = [], True
        return match.end()


def first_width(source: CsvSource) -> int:
    """The number of fields of the first row (DAT-03); 0 when there is none."""
    return len(first_row(source))


def first_row(source: CsvSource) -> list[str]:
    """The fields of the first row, if there is one.  Reads no further."""
    rows = rows_of(source)
    for row in rows:
        rows.close()  # type: ignore[attr-defined]
        return row
    return []


# ---------------------------------------------------------------- batches


def batches(
    source: CsvSource, columns: list[str] | None, limit: int | None, types: dict[str, Any] | None = None
) -> Iterator[Batch]:
    """The rows by column; only the asked columns are built.  Large sources that are read to the end go by blocks.

    ``types`` are Arrow types of columns that blocks may have instead of texts, where all cells of the block are
    such values or empty.
    """
    if limit is None:
        from mlang.connectors import csv_blocks

        opened = csv_blocks.stream_of(source)
        if opened is not None:
            return csv_blocks.block_batches(
                source, columns, *opened, lambda s: _exact(source, columns, None, s), types
            )
    return _exact(source, columns, limit, None)


def _exact(
    source: CsvSource, columns: list[str] | None, limit: int | None, lines: Iterator[str] | None
) -> Iterator[Batch]:
    """The batches of the source, or of some of its lines, by the exact reader."""
    width = source.width
    wanted: Any = range(width)
    if columns is not None:
        places = {name: place for place, name in enumerate(source.names)}  # there may be many thousands
        wanted = [places[name] for name in columns]
    size = BATCH_ROWS if limit is None else max(1, min(BATCH_ROWS, limit))
    bare = _single(source) and source.quoted_breaks
    if lines is None:
        lines = lines_of(source)
    rows = _bare_rows(lines, str(source.delimiter)) if bare else rows_of(source, lines)
    while chunk := list(islice(rows, size)):
        if source.extra_values == EXTRA_LIST or set(map(len, chunk)) != {width}:
            if bare:
                chunk = [row or [""] for row in chunk]
            _fit(chunk, source)
        if len(wanted) > 2:
            by_column = list(zip(*chunk, strict=True))
            yield Batch([list(by_column[i]) for i in wanted], len(chunk))
        else:
            yield Batch([[row[i] for row in chunk] for i in wanted], len(chunk))


def _fit(chunk: list[list[Any]], source: CsvSource) -> None:
    """Makes every row as wide as the table, in place."""
    width = source.width
    for index, row in enumerate(chunk):
        length = len(row)
        if length == width and source.extra_values != EXTRA_LIST:
            continue
        if length < width:
            row.extend([source.missing] * (width - length))
        elif source.extra_values == EXTRA_IGNORE:
            del row[width:]
        elif source.extra_values == EXTRA_LIST and width:
            chunk[index] = [*row[: width - 1], row[width - 1 :]]
        else:
            raise errors.too_many_columns(width)


# ---------------------------------------------------------------- engines

_safe: dict[tuple[str, str, int, int], bool] = {}


def engine_safe(path: str, delimiter: str) -> bool:
    """Whether DuckDB's strict reader gives the same cells or refuses; cached by size and time."""
    status = os.stat(path)
    key = (path, delimiter, status.st_size, status.st_mtime_ns)
    known = _safe.get(key)
    if known is None:
        known = _safe[key] = _scan(path, delimiter)
    return known


def _scan(path: str, delimiter: str) -> bool:
    """Looks for what engines read differently: blank lines, mixed breaks, blanks beside quotes, U+0001.

    Also a first row that the engine skips in another way than it reads rows: with quotes that do not open or close
    cells, and with a quote behind the byte order mark, which it overlooks.
    """
    cut = re.escape(delimiter.encode())
    blanks = re.compile(rb'(?:^|%s|[\r\n]) +"|" +(?:%s|[\r\n]|$)' % (cut, cut))
    cell = rb'(?:"[^"]*(?:""[^"]*)*"|(?:(?!%s)[^"\r\n])*)' % cut
    well_formed = re.compile(rb"%s(?:%s%s)*(?:[\r\n]|\Z)" % (cell, cut, cell))
    returns = feeds = both = 0
    tail = b"\n"
    with open(path, "rb") as stream:
        head = stream.read(4)
        if encodings.mark_of(head)[0] not in (None, "utf-8"):
            return False
        mark = encodings.mark_of(head)[1]
        stream.seek(mark)
        first = stream.read(1 << 16)
        if (mark and first.startswith(b'"')) or not well_formed.match(first):
            return False
        stream.seek(mark)
        while chunk := stream.read(1 << 20):
            window = tail + chunk
            if b"\x01" in chunk or b"\n\n" in window:
                return False
            if b"\r" in chunk or b"\r" in tail:
                if b"\r\r" in window or b"\n\r" in window:
                    return False
                returns += chunk.count(b"\r")
                both += window.count(b"\r\n") - tail.count(b"\r\n")
            if b'"' in window and (b' "' in window or b'" ' in window) and blanks.search(window):
                return False
            feeds += chunk.count(b"\n")
            tail = window[-4096:]
    return returns == 0 or feeds == 0 or returns == feeds == both
