"""Whether the footer of a Parquet file can be asked about its column chunks.

pyarrow ends the whole process when somebody asks for the metadata of a column chunk that is damaged
or encrypted.  Its readers raise in that case; so a reader is set upon the footer alone, and told
that there is no data when it asks for some: what it refuses before that is a bad footer.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.connectors.limits import check_size

_NO_DATA = "mlang reads no data here"
#: How long the signature of a footer is (a nonce and a tag).
_SIGNATURE = 28


class _NoData:
    """A file of some size without content."""

    closed = False

    def __init__(self, size: int) -> None:
        self._size, self._at = size, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def size(self) -> int:
        return self._size

    def read(self, count: int = -1) -> bytes:
        raise OSError(_NO_DATA)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def check_footer(file: Any, size: int, length: int) -> None:
    """Raises for encrypted columns, damaged column chunks, and row groups that grow beyond reason.

    ``file`` is the opened ``ParquetFile``, ``size`` the file's, ``length`` that of the footer as the file says.
    """
    footer = file.metadata
    if length == footer.serialized_size + _SIGNATURE:
        raise errors.not_parquet("the file is encrypted")
    groups = range(footer.num_row_groups)
    check_size(max((footer.row_group(i).total_byte_size for i in groups), default=0), size)
    _attempt(file, size)
    types = [file.schema.column(i).physical_type for i in range(footer.num_columns)]
    for i in groups:
        group = footer.row_group(i)
        if group.num_columns != len(types) or any(
            group.column(j).physical_type != kind for j, kind in enumerate(types)
        ):
            raise errors.not_parquet("the columns of a row group aren't those of the file")


def _attempt(file: Any, size: int) -> None:
    """Begins to read all row groups and stops where data is needed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    nothing = pa.PythonFile(_NoData(size), mode="r")
    opened = pq.ParquetFile(nothing, metadata=file.metadata, pre_buffer=True)
    try:
        groups = range(opened.num_row_groups)
        next(opened.iter_batches(batch_size=1, row_groups=groups, use_threads=False), None)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        error.__traceback__ = None  # Arrow keeps the error, which would keep the whole evaluation
        if _NO_DATA not in reason:
            raise errors.not_parquet(reason) from None
    finally:
        opened.close(force=True)
