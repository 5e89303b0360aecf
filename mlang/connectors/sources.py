"""The sources that engines know: what a `plan.Scan` may read from, as plain attributes.

Each class says *where* the data is (a path, a table of a database, Arrow data), so that
folding can read it its own way; ``batches`` is the interpreter's way in and delegates to
the module that knows how (``csv_reader.py``, ``arrow.py``, ``duckdb.py``), imported when
somebody reads.  This module imports nothing heavy.

Row order is the order of the source in every class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlang.tables.plan import Batch, Source
from mlang.values.types import MType

#: Rows per batch of everything that streams (performance: 8 to 64 thousand).
BATCH_ROWS = 16_384
#: A text that a CSV file which passed `CsvSource.engine_safe` cannot contain.
NULL_TEXT = "\x01null\x01"


def engine_path(path: str | None) -> bool:
    """Whether an engine that takes patterns, addresses and packed files reads just this file, as it is."""
    if path is None or any(character in path for character in "*?["):
        return False
    return "://" not in path and not path.lower().endswith((".gz", ".zst", ".bz2", ".xz"))


class CsvSource(Source):
    """Delimited text; every cell is text (or what ``extra_values`` makes of surplus fields).

    ``path`` is the local file, or None when the text is in memory; ``content`` the text or the
    binary that it is read from.  ``encoding`` is a Windows code page (65001 is UTF-8).
    ``names`` are all column names of the file in order (``width`` of them).
    ``quoted_breaks`` is QuoteStyle.Csv; ``quote_always`` is CsvStyle.QuoteAlways.
    ``delimiter`` is a single character, a longer text, a tuple of alternatives, "" (runs of blanks), or a
    tuple of the positions where columns of fixed width start.
    ``extra_values`` is the ExtraValues number: what happens to a row longer than ``width``.
    A row shorter than ``width`` is filled with ``missing``.
    """

    __slots__ = (
        "content", "delimiter", "encoding", "extra_values", "missing", "names", "path", "quote_always",
        "quoted_breaks",
    )  # fmt: skip

    def __init__(
        self,
        content: Any,
        names: tuple[str, ...],
        *,
        path: str | None = None,
        delimiter: str | tuple[str, ...] | tuple[int, ...] = ",",
        encoding: int = 65001,
        quoted_breaks: bool = True,
        quote_always: bool = False,
        extra_values: int = 1,
        missing: str | None = "",
    ) -> None:
        self.content, self.names, self.path = content, names, path
        self.delimiter, self.encoding = delimiter, encoding
        self.quoted_breaks, self.quote_always = quoted_breaks, quote_always
        self.extra_values, self.missing = extra_values, missing

    @property
    def width(self) -> int:
        """How many columns."""
        return len(self.names)

    @property
    def form(self) -> tuple[Any, ...]:
        """All that decides which cells are read from the same bytes."""
        return (
            self.delimiter, self.encoding, self.quoted_breaks, self.quote_always, self.extra_values,
            self.missing, self.width,
        )  # fmt: skip

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"CSV file {self.path}" if self.path else "CSV text"

    @property
    def single(self) -> bool:
        """Whether one character separates the fields."""
        return isinstance(self.delimiter, str) and len(self.delimiter) == 1 and self.delimiter not in '"\r\n'

    @property
    def plain(self) -> bool:
        """A local UTF-8 file in the default dialect with a one-character delimiter."""
        return (
            engine_path(self.path)
            and self.encoding == 65001
            and self.single
            and self.quoted_breaks
            and not self.quote_always
        )

    def engine_safe(self) -> bool:
        """Whether DuckDB's reader, told everything, gives the same cells or refuses with an error.

        Proven for: ``auto_detect=false, header=false``, all columns VARCHAR, ``quote='"', escape='"'``,
        ``strict_mode=true, null_padding=false, allow_quoted_nulls=false`` and `NULL_TEXT` as nullstr; rows of
        uneven width and unclosed quotes are refused by the engine, so that piece is run again here.
        Scans the file's bytes once (cached by path, size and time): UTF-8, no blank lines, one kind of
        line break, no blanks between a quote and its delimiter.
        """
        if not self.plain:
            return False
        from mlang.connectors.csv_reader import engine_safe

        assert self.path is not None
        assert isinstance(self.delimiter, str)
        return engine_safe(self.path, self.delimiter)

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        from mlang.connectors.csv_reader import batches

        return batches(self, columns, limit)


class ParquetSource(Source):
    """A Parquet file: ``path`` on this machine, or the bytes of ``content`` when ``path`` is None.

    ``types`` maps each column to its M type, in file order.
    """

    __slots__ = ("content", "path", "types")

    def __init__(self, content: Any, types: dict[str, MType], *, path: str | None = None) -> None:
        self.content, self.types, self.path = content, types, path

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"Parquet file {self.path}" if self.path else "Parquet data"

    @property
    def plain(self) -> bool:
        """A local file that an engine can open by its path."""
        return engine_path(self.path)

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        from mlang.connectors.parquet import source_batches

        return source_batches(self, columns, limit)

    def row_count(self) -> int | None:
        from mlang.connectors.parquet import open_file

        return int(open_file(self).metadata.num_rows)


class ArrowSource(Source):
    """Arrow data: ``make()`` gives a ``pyarrow.Table``, dataset or a fresh ``RecordBatchReader``.

    ``data`` is the Table when it is in memory (an engine may read it without copying), else None.
    ``types`` maps column names to M types in order.  ``rows`` is the number of rows when known.
    """

    __slots__ = ("data", "label", "make", "rows", "types")

    def __init__(
        self,
        make: Callable[[], Any],
        types: dict[str, MType],
        *,
        data: Any = None,
        rows: int | None = None,
        label: str = "Arrow data",
    ) -> None:
        self.make, self.types, self.data, self.rows, self.label = make, types, data, rows, label

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        from mlang.connectors.arrow import arrow_batches

        return arrow_batches(self.make(), columns, limit)

    def row_count(self) -> int | None:
        return self.rows


class DuckDbSource(Source):
    """A table or view of a DuckDB file, opened read-only.

    ``types`` maps each column to its M type, ``physical`` to the engine's type text, in table order.
    """

    __slots__ = ("path", "physical", "schema", "table", "types")

    def __init__(
        self, path: str, schema: str, table: str, types: dict[str, MType], physical: dict[str, str]
    ) -> None:
        self.path, self.schema, self.table = path, schema, table
        self.types, self.physical = types, physical

    @property
    def label(self) -> str:  # type: ignore[override]
        return f"DuckDB table {self.schema}.{self.table} of {self.path}"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        from mlang.connectors.duckdb import source_batches

        return source_batches(self, columns, limit)

    def row_count(self) -> int | None:
        from mlang.connectors.duckdb import count_rows

        return count_rows(self)
