"""Json.Document and Json.FromValue.

Reading keeps whole numbers exact (a double where it holds them, else an integer, or a
decimal beyond 64 bits); writing escapes as the engine does (CVT-128 to CVT-133): no blanks,
``/`` as ``\\/``, everything outside printable ASCII as ``\\uxxxx`` in lower case.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from mlang import errors
from mlang.registry import builtin
from mlang.tables.related import without_related
from mlang.values import binary, encodings
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.related import related_kind
from mlang.values.temporal import with_fraction
from mlang.values.thunk import force

_EXACT = 2**53


# ---------------------------------------------------------------- reading


@builtin("Json.Document(jsonText as any, optional encoding as nullable number) as any")
def document(source: Any, encoding: Any = None) -> Any:
    """Reads JSON text or binary: objects become records, arrays lists, and scalars what they are.

    Whole numbers stay exact.  The encoding is UTF-8 unless the second argument or a byte order
    mark says otherwise.
    """
    if source.__class__ is not str:
        if kind_of(source) != "binary":
            raise errors.text_or_binary(source)
        source = encodings.decode(binary.content(source), encoding)
    return parse(source.removeprefix("\ufeff"))


def parse(text: str) -> Any:
    """The M value of a JSON text."""
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise _failure(error) from None
    except _NotJson as error:
        name = str(error)
        raise errors.json_unexpected(name[0], text.find(name)) from None


class _NotJson(Exception):
    """NaN or Infinity, which Python takes for JSON."""


def _refuse(name: str) -> Any:
    raise _NotJson(name)


def _whole(text: str) -> Any:
    if len(text) < 16:
        return float(text)
    number = int(text) if len(text) <= 40 else 2**200
    if -_EXACT <= number <= _EXACT:
        return float(number)
    if -(2**63) <= number < 2**63:
        return number
    return Decimal(number) if abs(number) < 2**96 else float(text)


_decoder = json.JSONDecoder(parse_int=_whole, parse_float=float, parse_constant=_refuse)


def _failure(error: json.JSONDecodeError) -> errors.MError:
    """ERR-41, from where Python's parser stopped."""
    rest = error.doc[error.pos :]
    if error.msg == "Extra data":
        return errors.json_extra_characters(rest[:1], error.pos)
    if not rest.strip() or error.msg.startswith("Unterminated"):
        return errors.json_end_of_input(rest, len(error.doc))
    return errors.json_unexpected(rest[:1], error.pos)


# ---------------------------------------------------------------- writing


@builtin("Json.FromValue(value as any, optional encoding as nullable number) as binary")
def from_value(value: Any, encoding: Any = None) -> bytes:
    """Gives the JSON text of a value as a binary, in UTF-8 unless another encoding is asked for.

    Tables become arrays of objects, dates and times ISO 8601 texts, durations "P1DT2H3M4S",
    binaries base 64 texts; NaN and the infinities become null.  Functions and types have no JSON form.
    """
    return encodings.encode(to_json(value), encoding)


def to_json(value: Any) -> str:
    """The JSON text of a value."""
    out: list[str] = []
    _write(value, out)
    return "".join(out)


def _write(value: Any, out: list[str]) -> None:
    value = strip(force(value))
    kind = kind_of(value)
    if kind == "record":
        _write_object(value, out)
    elif kind == "list":
        _write_array(iter(value) if value.__class__ is not list else value, out)
    elif kind == "table":
        _write_array(without_related(value)[0].records(), out)
    else:
        writer = _SCALARS.get(kind)
        if writer is None:
            raise errors.not_json_value()
        out.append(writer(value))


def _write_object(record: dict[str, Any], out: list[str]) -> None:
    separator = "{"
    for name, value in record.items():
        if related_kind(value) is not None:
            continue  # rows of related tables, which refer to each other without end
        out.append(f"{separator}{_text(name)}:")
        _write(value, out)
        separator = ","
    out.append("}" if separator == "," else "{}")


def _write_array(items: Any, out: list[str]) -> None:
    separator = "["
    for item in items:
        out.append(separator)
        _write(item, out)
        separator = ","
    out.append("]" if separator == "," else "[]")


_ESCAPED = re.compile(r'["\\/]|[^ -~]')


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in '"\\/':
        return "\\" + character
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _text(value: str) -> str:
    return f'"{_ESCAPED.sub(_escape, value)}"'


def _number(value: Any) -> str:
    from mlang.values.show import number_text

    if value.__class__ is float and (value != value or value in (float("inf"), float("-inf"))):
        return "null"
    return number_text(value)


def _date(value: Any) -> str:
    year, month, day = value.ymd
    return f"{year:04d}-{month:02d}-{day:02d}"


def _clock(value: Any) -> str:
    fraction = f".{value.fraction:07d}".rstrip("0") if value.fraction else ""
    return f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}{fraction}"


def _zone(value: Any) -> str:
    if value.offset == 0:
        return "Z"
    hours, minutes = divmod(abs(value.offset), 60)
    return f"{'-' if value.offset < 0 else '+'}{hours:02d}:{minutes:02d}"


def duration_text(value: Any) -> str:
    """ISO 8601 text of a duration (CVT-127); the writers of CSV use it too."""
    days, hours, minutes, seconds, fraction = (abs(part) for part in value.parts)
    clock = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    if seconds or fraction:
        clock += with_fraction(seconds, fraction) + "S"
    text = f"{days}D" * bool(days) + (f"T{clock}" if clock else "")
    return ("-" if value.ticks < 0 else "") + "P" + (text or "T0S")


def _base64(value: Any) -> str:
    import base64

    return _text(base64.b64encode(binary.content(value)).decode("ascii"))


_SCALARS: dict[str, Any] = {
    "null": lambda value: "null",
    "logical": lambda value: "true" if value else "false",
    "number": _number,
    "text": _text,
    "binary": _base64,
    "date": lambda value: f'"{_date(value)}"',
    "time": lambda value: f'"{_clock(value)}"',
    "datetime": lambda value: f'"{_date(value)}T{_clock(value)}"',
    "datetimezone": lambda value: f'"{_date(value)}T{_clock(value)}{_zone(value)}"',
    "duration": lambda value: f'"{duration_text(value)}"',
}
