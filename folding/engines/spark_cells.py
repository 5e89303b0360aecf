"""M values as texts, for what travels between a session and the workers of a cluster.

Constants that a row function captured, cells of columns without a type, and errors with their records go as JSON in
which every value carries its kind, so that what arrives is what was sent, bit for bit.  Functions, types, tables and
annotated values do not travel (`Unsendable`).  Used by ``spark_workers.py`` here and ``spark_worker.py`` there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mlang.errors import MError
from mlang.values.temporal import Date, DateTime, DateTimeZone, Duration, Time, zoned_of
from mlang.values.thunk import Thunk, failed

#: Values nested deeper than this do not travel.
_DEEPEST = 50
#: Items of a list, fields of a record.
_MOST = 100_000


class Unsendable(Exception):
    """A value that does not travel."""


def encoded(value: Any) -> str | None:
    """A cell as text; null as none.  A cell that holds an error raises it."""
    plain = _plain(value, 0)
    return None if plain is None else json.dumps(plain, ensure_ascii=True, separators=(",", ":"))


def decoded(text: str | None) -> Any:
    """The value that `encoded` made the text of."""
    return None if text is None else _value(json.loads(text))


def error_text(error: MError) -> str:
    """An error with its record."""
    return json.dumps(_error(error, 0), ensure_ascii=True, separators=(",", ":"))


def error_cell(text: str) -> Thunk:
    """The cell that holds the error that `error_text` made the text of."""
    return failed(_raised(json.loads(text)))


# ---------------------------------------------------------------- writing


def _plain(value: Any, depth: int) -> Any:
    """A value as JSON: null, true, a text behind ":", or a list of a kind and what it holds."""
    if value is None or value is True or value is False:
        return value
    kind = value.__class__
    if kind is str:
        return ":" + value
    if kind is float:
        return ["n", value.hex()]
    write = _WRITERS.get(kind)
    if write is not None:
        return write(value)
    if depth > _DEEPEST:
        raise Unsendable("a value that is nested very deeply")
    if kind is dict and len(value) <= _MOST:
        return ["r", [[name, _member(item, depth)] for name, item in value.items()]]
    if isinstance(value, list):
        items: list[Any] = []
        for item in value:
            if len(items) >= _MOST:
                raise Unsendable("a very long list")
            items.append(_member(item, depth))
        return ["l", items]
    raise Unsendable("a value that is no number, text, date, list or record")


_WRITERS: dict[type, Callable[[Any], Any]] = {
    int: lambda v: ["i", str(v)],
    Decimal: lambda v: ["m", str(v)],
    bytes: lambda v: ["x", base64.b64encode(v).decode("ascii")],
    Date: lambda v: ["d", v.days],
    DateTime: lambda v: ["t", v.ticks],
    Time: lambda v: ["h", v.ticks],
    Duration: lambda v: ["u", v.ticks],
    DateTimeZone: lambda v: ["z", v.ticks, v.offset],
}


def _member(value: Any, depth: int) -> Any:
    """An item or field; one that holds an error keeps it."""
    if value.__class__ is not Thunk:
        return _plain(value, depth + 1)
    try:
        return _plain(value.get(), depth + 1)
    except MError as error:
        return ["e", _error(error, depth + 1)]


def _error(error: MError, depth: int) -> Any:
    parts = (error.reason, error.message, error.detail, error.message_format, error.message_parameters,
             error.error_code)  # fmt: skip
    return [[_member(part, depth) for part in parts], error.final]


# ---------------------------------------------------------------- reading


def _value(plain: Any) -> Any:
    if plain.__class__ is str:
        return plain[1:]
    if plain.__class__ is not list:
        return plain
    return _READERS[plain[0]](*plain[1:])


def _raised(plain: Any) -> MError:
    parts, final = plain
    reason, message, detail, format, parameters, code = [_value(part) for part in parts]
    error = MError(
        reason, message, detail, message_format=format, message_parameters=parameters, error_code=code
    )
    if final:
        error.final = True
    return error


_READERS: dict[str, Callable[..., Any]] = {
    "n": float.fromhex,
    "i": int,
    "m": Decimal,
    "x": base64.b64decode,
    "d": Date,
    "t": DateTime,
    "h": Time,
    "u": Duration,
    "z": zoned_of,
    "l": lambda items: [_value(item) for item in items],
    "r": lambda fields: {name: _value(item) for name, item in fields},
    "e": lambda plain: failed(_raised(plain)),
}
