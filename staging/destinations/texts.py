"""Columns of Arrow data as SQL text, a whole column at a time: for COPY and for INSERT statements.

Every number has the shortest text that reads back to the same double; dates and times are ISO 8601; instants are UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from staging.destinations.rows import Rows
from staging.errors import CannotStage
from staging.types import Column

#: Characters of one INSERT statement, about.
_STATEMENT = 500_000
_QUOTED = ("date", "datetime", "instant", "datetimezone", "time64")


def plain(column: Column, array: Any) -> Any:
    """The texts of a column, null where it is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.code in ("instant", "datetimezone"):
        naive = array.cast(pa.int64()).cast(pa.timestamp("us"))
        return pc.binary_join_element_wise(naive.cast(pa.string()), "+00:00", "")
    if column.code == "interval":
        micros = array.cast(pa.int64()).cast(pa.string())
        return pc.binary_join_element_wise(micros, " microseconds", "")
    if column.code == "binary":
        return pa.array([None if v is None else v.hex() for v in array.to_pylist()], pa.string())
    return array if column.code == "text" else array.cast(pa.string())


# ---------------------------------------------------------------- COPY of PostgreSQL


def copy_lines(rows: Rows) -> Iterator[bytes]:
    """The rows in the text format of COPY, a batch at a time."""
    for batch in rows.arrow():
        columns = [_copied(c, a) for c, a in zip(rows.columns, batch.columns, strict=True)]
        yield from _lines(columns, "\t", "\\N", "", "\n")


def _copied(column: Column, array: Any) -> Any:
    import pyarrow.compute as pc

    found = plain(column, array)
    if column.code == "binary":
        return pc.binary_join_element_wise("\\\\x", found, "")
    if column.code == "text":
        for char, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
            found = pc.replace_substring(found, char, escaped)
    return found


def _lines(columns: list[Any], between: str, null: str, before: str, after: str) -> Iterator[bytes]:
    import pyarrow.compute as pc

    joined = pc.binary_join_element_wise(
        *columns, between, null_handling="replace", null_replacement=null
    )  # fmt: skip
    texts = joined.to_pylist()
    if texts:
        yield (before + (after + before).join(texts) + after).encode()


# ---------------------------------------------------------------- INSERT


def inserts(rows: Rows, head: str, dialect: str, most: int) -> Iterator[str]:
    """INSERT statements of no more than ``most`` rows each; ``head`` ends with VALUES."""
    import pyarrow.compute as pc

    for batch in rows.arrow():
        columns = [
            _literal(rows.query, c, a, dialect) for c, a in zip(rows.columns, batch.columns, strict=True)
        ]
        joined = pc.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="NULL")
        waiting: list[str] = []
        size = 0
        for text in joined.to_pylist():
            if waiting and (len(waiting) == most or size + len(text) > _STATEMENT):
                yield head + "(" + "),(".join(waiting) + ")"
                waiting, size = [], 0
            waiting.append(text)
            size += len(text)
        if waiting:
            yield head + "(" + "),(".join(waiting) + ")"


def _literal(query: str, column: Column, array: Any, dialect: str) -> Any:
    """The literals of a column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    code = column.code
    if code == "logical":
        return array.cast(pa.int8()).cast(pa.string())
    if code == "double":
        if pc.any(pc.invert(pc.is_finite(array))).as_py():
            raise CannotStage(
                f"Query '{query}': column '{column.name}' holds NaN or an infinity, which {dialect} hasn't."
            )
        found = array.cast(pa.string())
        exact = pc.if_else(pc.match_substring(found, "e"), "", "e0")
        return pc.binary_join_element_wise(found, exact, "")
    if code == "text":
        quoted = pc.replace_substring(array, "'", "''")
        return pc.binary_join_element_wise("N'" if dialect == "SQL Server" else "'", quoted, "'", "")
    if code == "binary":
        form = ("0x", "") if dialect == "SQL Server" else ("X'", "'")
        return pc.binary_join_element_wise(form[0], plain(column, array), form[1], "")
    found = plain(column, array)
    if code in ("instant", "datetimezone") and dialect == "MySQL":
        found = pc.replace_substring(found, "+00:00", "")
    return pc.binary_join_element_wise("'", found, "'", "") if code in _QUOTED else found
