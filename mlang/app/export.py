"""Results as files: CSV, JSON, Parquet, Arrow, Excel, by the name's ending.

A file is written beside its target and renamed, so that a failure leaves what was there.
A cell that holds an error stops the export: files have no errors, and null would be a lie.
Columns that lead to related tables of a database are left out, as by whatever loads such a table.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlang.errors import Fault
from mlang.tables.related import related_names, without_related
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force


class CannotWrite(Fault):
    """The result doesn't fit the file."""


def write(value: Any, path: Path) -> int | None:
    """Writes a value; gives the number of rows where the format has rows."""
    suffix = path.suffix.lower()
    writer = _WRITERS.get(suffix)
    if writer is None:
        raise CannotWrite(f"The format of {path} is not known. Known endings: {', '.join(_WRITERS)}.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        count = writer(value, temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise CannotWrite(f"{path} can't be written: {error.strerror or error}.") from None
    finally:
        temporary.unlink(missing_ok=True)
    return count


def as_table(value: Any) -> Any:
    """A table, or what the editor's "To Table" makes of a list, record or scalar."""
    from mlang.tables.table import from_columns
    from mlang.values.lists import to_list

    value = strip(value)
    kind = kind_of(value)
    if kind == "table":
        return without_related(value)[0]
    if kind == "list":
        return from_columns(["Value"], [to_list(value)])
    if kind == "record":
        return from_columns(["Name", "Value"], [list(value), list(value.values())])
    return from_columns(["Value"], [[value]])


def left_out(value: Any) -> list[str]:
    """The columns that no file gets: those that lead to related tables."""
    value = strip(value)
    return related_names(value.type) if kind_of(value) == "table" else []


def json_bytes(value: Any) -> bytes:
    """The value as ``Json.FromValue`` writes it."""
    from mlang import registry
    from mlang.values.binary import content

    return content(registry.value_of("Json.FromValue").fn(value))


# ---------------------------------------------------------------- formats


def _csv(value: Any, path: Path) -> int:
    table = as_table(value)
    count = 0
    with open(path, "w", encoding="utf-8", newline="") as out:
        out.write(",".join(_quoted(n) for n in table.names) + "\r\n")
        for row in table.rows():
            out.write(",".join([_csv_cell(c) for c in row]) + "\r\n")
            count += 1
    return count


def _csv_cell(cell: Any) -> str:
    value = strip(force(cell))
    if value is None:
        return ""
    if value.__class__ is str:
        return _quoted(value)
    kind = kind_of(value)
    if kind == "logical":
        return "True" if value else "False"
    if kind == "binary":
        import base64

        from mlang.values.binary import content

        return base64.b64encode(content(value)).decode()
    return _quoted(_scalar(value, kind, "CSV"))


def _scalar(value: Any, kind: str, what: str) -> str:
    from mlang.app.render import plain_text

    if kind in ("list", "record", "table", "function", "type"):
        raise CannotWrite(f"A cell with a {kind} can't be written to {what}; expand or remove the column.")
    return plain_text(value, kind)


def _quoted(text: str) -> str:
    if text == "" or any(c in text for c in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _json(value: Any, path: Path) -> int | None:
    path.write_bytes(json_bytes(value) + b"\n")
    return None


def _parquet(value: Any, path: Path) -> int:
    import pyarrow.parquet as pq

    data = as_table(value).to_arrow()
    pq.write_table(data, path, compression="zstd")
    return int(data.num_rows)


def _arrow(value: Any, path: Path) -> int:
    import pyarrow as pa

    data = as_table(value).to_arrow()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, data.schema) as writer:
        writer.write_table(data)
    return int(data.num_rows)


def _xlsx(value: Any, path: Path) -> int:
    from mlang.app import xlsx

    table = as_table(value)
    counted = _Counted(_xlsx_rows(table))
    try:
        xlsx.write(path, list(table.names), counted)
    except xlsx.TooLarge as error:
        raise CannotWrite(str(error)) from None
    return counted.count


class _Counted:
    def __init__(self, rows: Iterator[Any]) -> None:
        self.rows, self.count = rows, 0

    def __iter__(self) -> Iterator[Any]:
        for row in self.rows:
            self.count += 1
            yield row


def _xlsx_rows(table: Any) -> Iterator[list[tuple[str, Any]]]:
    for row in table.rows():
        cells = []
        for cell in row:
            value = strip(force(cell))
            kind = kind_of(value)
            if kind in ("list", "record", "table", "function", "type"):
                raise CannotWrite(
                    f"A cell with a {kind} can't be written to Excel; expand or remove the column."
                )
            cells.append((kind, value))
        yield cells


_WRITERS: dict[str, Callable[[Any, Path], int | None]] = {
    ".csv": _csv, ".json": _json, ".parquet": _parquet, ".arrow": _arrow, ".xlsx": _xlsx,
}  # fmt: skip
