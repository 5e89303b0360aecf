"""Parquet.Document and Parquet.Metadata.

Only the footer is read to know the columns and their types; rows are read by row group and
only the columns that somebody needs.  A local file stays a path, so that an engine may read
it by itself.  Read ``arrow.py`` for the types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlang import errors
from mlang.connectors.known_files import known
from mlang.connectors.parquet_footer import check_footer
from mlang.connectors.sources import BATCH_ROWS, ParquetSource
from mlang.library.arguments import enum_member, of_kind, options
from mlang.registry import builtin
from mlang.tables.batches import ArrowBatch
from mlang.tables.plan import Batch, Scan
from mlang.tables.table import Table, from_columns
from mlang.values import binary
from mlang.values.types import TEXT, MType, primitive, table_type

_OPTIONS: dict[str, Any] = {
    "TypeMapping": None,
    "LegacyColumnNameEncoding": None,
    "MaxDepth": None,
    "Compression": None,
}
_NOT_UTF8 = "a name in the footer isn't UTF-8 text"


@builtin("Parquet.Document(binary as binary, optional options as nullable record) as any")
def document(source: Any, option: dict[str, Any] | None = None) -> Table:
    """Reads a Parquet file as a table with the file's column types.

    Nothing but the file's footer is read before rows are needed, and then only the columns in use.
    """
    chosen = options(option, "Parquet.Document", _OPTIONS)
    _check(chosen)
    types = _types(source)
    parquet = ParquetSource(source, types, path=binary.path_of(source))
    return Table(Scan(table_type(types, types.values()), parquet, tuple(types), "Parquet.Document"))


def _check(chosen: dict[str, Any]) -> None:
    """What the options may be; only the defaults are done."""
    if chosen["LegacyColumnNameEncoding"] and of_kind(chosen["LegacyColumnNameEncoding"], "logical"):
        raise errors.not_supported("Parquet.Document", "LegacyColumnNameEncoding")
    if chosen["MaxDepth"] is not None:
        raise errors.not_supported("Parquet.Document", "MaxDepth")
    if chosen["TypeMapping"] is not None and of_kind(chosen["TypeMapping"], "text") != "Sql":
        raise errors.not_supported("Parquet.Document", "TypeMapping")
    enum_member(chosen["Compression"], "Compression", (-1, 0, 1, 2, 3, 4, 5), -1)  # for writing only


@builtin("Parquet.Metadata(binary as binary, optional options as nullable record) as any")
def metadata(source: Any, option: dict[str, Any] | None = None) -> dict[str, Any]:
    """Describes a Parquet file: rows, row groups, who wrote it, key-value metadata and the columns."""
    options(option, "Parquet.Metadata", _OPTIONS)
    file = checked_file(ParquetSource(source, {}, path=binary.path_of(source)))
    try:
        return _described(file)
    except UnicodeDecodeError:
        raise errors.not_parquet(_NOT_UTF8) from None
    finally:
        file.close()


def _described(file: Any) -> dict[str, Any]:
    footer = file.metadata
    pairs = footer.metadata or {}
    names = ["Name", "Path", "PhysicalType", "LogicalType"]
    leaves = [footer.schema.column(i) for i in range(len(footer.schema))]
    cells: list[list[Any]] = [
        [leaf.name for leaf in leaves],
        [leaf.path for leaf in leaves],
        [leaf.physical_type for leaf in leaves],
        [None if leaf.logical_type.type == "NONE" else str(leaf.logical_type) for leaf in leaves],
    ]
    return {
        "NumRows": float(footer.num_rows),
        "NumRowGroups": float(footer.num_row_groups),
        "Version": str(footer.format_version),
        "CreatedBy": footer.created_by,
        "KeyValueMetadata": {_utf8(k): _utf8(v) for k, v in pairs.items() if k != b"ARROW:schema"},
        "Columns": from_columns(names, cells, [TEXT, TEXT, TEXT, primitive("text", True)]),
    }


def _utf8(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def open_file(source: ParquetSource) -> Any:
    """The opened ``pyarrow.parquet.ParquetFile``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mlang.connectors.file import os_error

    try:
        if source.path is not None:
            file = pq.ParquetFile(source.path, memory_map=True, page_checksum_verification=True)
        else:
            content = pa.BufferReader(binary.content(source.content))
            file = pq.ParquetFile(content, page_checksum_verification=True)
    except OSError as error:
        if source.path is not None and error.errno:
            raise os_error(error, source.path) from None
        raise errors.not_parquet(_reason(error)) from None
    except pa.ArrowException as error:
        raise errors.not_parquet(_reason(error)) from None
    except UnicodeDecodeError:
        raise errors.not_parquet(_NOT_UTF8) from None
    return file


def checked_file(source: ParquetSource) -> Any:
    """The opened file, after a look at whether its footer may be asked for everything."""
    file = open_file(source)
    if source.path is None:
        data = binary.content(source.content)
        size, tail = len(data), data[-8:-4]
    else:
        with open(source.path, "rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(-8, 2)
            tail = stream.read(4)
    try:
        check_footer(file, size, int.from_bytes(tail, "little"))
    except errors.MError:
        file.close()
        raise
    return file


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _types(source: Any) -> dict[str, MType]:
    path = binary.path_of(source)
    parquet = ParquetSource(source, {}, path=path)
    if path is None:
        return _read_types(parquet)
    return dict(known(path, "Parquet types", lambda: _read_types(parquet)))


def _read_types(parquet: ParquetSource) -> dict[str, MType]:
    from mlang.connectors.arrow import m_types_of

    file = checked_file(parquet)
    types = m_types_of(file.schema_arrow)
    file.close()
    return types


def source_batches(source: ParquetSource, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
    """The rows, row group by row group; ``limit`` stops early."""
    import pyarrow as pa

    names = list(source.types) if columns is None else columns
    file = open_file(source)
    gone = next((n for n in names if n not in file.schema_arrow.names), None)
    if gone is not None:
        file.close()
        raise errors.column_not_found(gone)
    if not names:  # how many rows there are stands in the footer
        file.close()
        rows = file.metadata.num_rows if limit is None else min(file.metadata.num_rows, limit)
        for start in range(0, rows, BATCH_ROWS):
            yield Batch([], min(BATCH_ROWS, rows - start))
        return
    left = limit
    size = BATCH_ROWS if limit is None else max(1, min(BATCH_ROWS, limit))
    try:
        for part in file.iter_batches(batch_size=size, columns=_top_level(file, names)):
            if left is not None:
                if left <= 0:
                    break
                part = part.slice(0, left)
                left -= part.num_rows
            yield ArrowBatch(part.select(names))
    except (OSError, pa.ArrowException) as error:
        raise errors.not_parquet(_reason(error)) from None
    finally:
        file.close()


def _top_level(file: Any, names: list[str]) -> list[str]:
    """The leaf paths of top-level columns: a name with a dot must not be taken for a path."""
    schema = file.metadata.schema
    wanted = set(names)
    paths = [schema.column(i).path for i in range(len(schema))]
    return [p for p in paths if p in wanted or any(p.startswith(name + ".") for name in wanted)]
