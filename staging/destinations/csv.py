"""Writes delimited text: a header, RFC 4180 quoting, invariant texts, CR LF line ends as the product writes.

Null is an empty field, an empty text is ``""``.  Numbers have the shortest text that reads back to the
same number; dates and times are ISO 8601; logicals are True and False; binary is Base64.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlang.values.temporal import Date, DateTime, Time
from staging.dataflow import DestinationSettings
from staging.destinations.files import replacing
from staging.destinations.rows import Rows
from staging.destinations.target import FileTarget
from staging.encode import EPOCH_DAYS, EPOCH_MICROS
from staging.errors import CannotStage, DataflowError
from staging.types import Column


def load(target: FileTarget, path: Path, settings: DestinationSettings, rows: Rows) -> int:
    """Writes the rows; append puts them after those of the existing file.  Gives the file's size."""
    header = _line([c.physical for c in rows.columns], target.delimiter)
    with replacing(path, settings, rows.once) as temporary:
        append = settings.update == "Append" and path.exists()
        if append:
            _check(path, target, header, rows.query)
            shutil.copyfile(path, temporary)
        with open(temporary, "a" if append else "w", encoding=target.encoding, newline="") as out:
            if not append:
                out.write(header)
            try:
                for batch in rows.arrow():
                    out.write(_lines(batch, rows, target.delimiter))
            except UnicodeEncodeError as error:
                raise CannotStage(
                    f"Query '{rows.query}': a text can't be written as {target.encoding}: "
                    f"{error.object[error.start : error.end]!r}."
                ) from None
    return path.stat().st_size


def _check(path: Path, target: FileTarget, header: str, query: str) -> None:
    with open(path, encoding=target.encoding, newline="") as old:
        found = old.readline()
    if found.lstrip("\ufeff").rstrip("\r\n") != header.rstrip("\r\n"):
        raise DataflowError(
            f"Query '{query}': {path} has the header {found.strip()!r}, the query {header.strip()!r}; "
            "append needs equal ones."
        )
    with open(path, "rb") as raw:
        raw.seek(-1, 2)
        if raw.read(1) not in b"\n\x00":
            raise DataflowError(
                f"Query '{query}': the last line of {path} is not complete; nothing is appended."
            )


def cells(column: Column, array: Any) -> list[str | None]:
    """The texts of a column."""
    import pyarrow as pa

    if column.code == "date":
        array = array.cast(pa.int32())
    elif column.code in ("datetime", "instant", "time64", "interval"):
        array = array.cast(pa.int64())
    text = _TEXTS[column.code]
    return [None if v is None else text(v) for v in array.to_pylist()]


def _lines(batch: Any, rows: Rows, delimiter: str) -> str:
    texts = [cells(c, array) for c, array in zip(rows.columns, batch.columns, strict=True)]
    if not texts:
        return "\r\n" * int(batch.num_rows)
    return "".join(_line(row, delimiter) for row in zip(*texts, strict=True))


def _line(fields: Any, delimiter: str) -> str:
    return delimiter.join(["" if f is None else _field(f, delimiter) for f in fields]) + "\r\n"


def _field(text: str, delimiter: str) -> str:
    if text == "" or delimiter in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _number(value: float) -> str:
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def _date(days: int) -> str:
    return "{:04d}-{:02d}-{:02d}".format(*Date(days + EPOCH_DAYS).ymd)


def _clock(value: Any) -> str:
    text = f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}"
    return text + (f".{value.fraction:07d}".rstrip("0") if value.fraction else "")


def _datetime(micros: int) -> str:
    value = DateTime((micros + EPOCH_MICROS) * 10)
    return "{:04d}-{:02d}-{:02d}T".format(*value.ymd) + _clock(value)


def _interval(micros: int) -> str:
    sign, rest = ("-", -micros) if micros < 0 else ("", micros)
    days, inside = divmod(rest, 86_400_000_000)
    return f"{sign}{days}." + _clock(Time(inside * 10))


_TEXTS: dict[str, Callable[[Any], str]] = {
    "double": _number,
    "int64": str,
    "currency": lambda v: format(v.normalize(), "f"),
    "text": lambda v: v,
    "logical": str,
    "date": _date,
    "datetime": _datetime,
    "instant": lambda v: _datetime(v) + "Z",
    "time64": lambda v: _clock(Time(v * 10)),
    "interval": _interval,
    "binary": lambda v: base64.b64encode(v).decode(),
}
