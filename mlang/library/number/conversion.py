"""Number.From, FromText, ToText and the typed From functions (CVT-14 to CVT-83).

A number that comes in stays as it is; texts are parsed in the culture, logicals are 1
and 0, moments are days since 1899-12-30 (CVT-57).  The integer types round, then check
their range.
"""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Any

from mlang import errors
from mlang.culture.data import culture as find
from mlang.culture.numbers import format_number, parse_number
from mlang.library.arguments import enum_member
from mlang.library.number.rounding import TO_EVEN, round_number, to_integer
from mlang.registry import builtin
from mlang.values.kinds import kind_of
from mlang.values.show import number_text

_MODES = range(5)
_TEMPORAL = ("date", "datetime", "datetimezone", "time", "duration")


@builtin("Number.From(value as any, optional culture as nullable text) as nullable number")
def from_value(value: Any, culture: str | None = None) -> Any:
    """Converts a value to a number.

    Texts are read in the culture, logicals give 1 and 0, dates and times the days since
    1899-12-30, durations their days.  Null stays null; every other kind raises an error.
    """
    kind = value.__class__
    if kind is float or value is None:
        return value
    if kind is str:
        return from_text(value, culture)
    if kind is bool:
        return 1.0 if value else 0.0
    name = kind_of(value)
    if name == "number":
        return value
    if name in _TEMPORAL:
        from mlang.culture.dates import ole_serial

        return ole_serial(value)
    raise errors.cannot_convert(value, "Number")


@builtin(
    "Number.FromText(text as nullable text, optional culture as nullable text) as nullable number",
    null="text",
)
def from_text(text: str, culture: str | None = None) -> Any:
    """Reads the number that a text spells in a culture; an empty text gives null."""
    if culture is not None:
        find(culture)  # an unknown culture raises with every text
    return parse_number(text, culture)


@builtin(
    "Number.ToText(number as nullable number, optional format as nullable text, "
    "optional culture as nullable text) as nullable text",
    null="number",
)
def to_text(number: Any, format: str | None = None, culture: str | None = None) -> str:
    """Writes a number as text.

    ``format`` is a standard format (C, D, E, F, G, N, P, X, maybe with a precision) or a
    custom one made of 0, #, separators and literals; without it the shortest exact text.
    """
    return format_number(number, format, culture)


def _integer(value: Any, culture: Any, mode: Any, bits: int) -> Any:
    number = from_value(value, culture)
    if number is None:
        return None
    return to_integer(number, bits, enum_member(mode, "roundingMode", _MODES, TO_EVEN))


@builtin(
    "Byte.From(value as any, optional culture as nullable text, optional roundingMode as nullable number) "
    "as nullable number"
)
def byte_from(value: Any, culture: str | None = None, roundingMode: Any = None) -> Any:
    """Converts a value to a whole number from 0 to 255."""
    return _integer(value, culture, roundingMode, 0)


@builtin(
    "Int8.From(value as any, optional culture as nullable text, optional roundingMode as nullable number) "
    "as nullable number"
)
def int8_from(value: Any, culture: str | None = None, roundingMode: Any = None) -> Any:
    """Converts a value to a signed whole number of 8 bits."""
    return _integer(value, culture, roundingMode, 8)


@builtin(
    "Int16.From(value as any, optional culture as nullable text, optional roundingMode as nullable number) "
    "as nullable number"
)
def int16_from(value: Any, culture: str | None = None, roundingMode: Any = None) -> Any:
    """Converts a value to a signed whole number of 16 bits."""
    return _integer(value, culture, roundingMode, 16)


@builtin(
    "Int32.From(value as any, optional culture as nullable text, optional roundingMode as nullable number) "
    "as nullable number"
)
def int32_from(value: Any, culture: str | None = None, roundingMode: Any = None) -> Any:
    """Converts a value to a signed whole number of 32 bits."""
    return _integer(value, culture, roundingMode, 32)


@builtin(
    "Int64.From(value as any, optional culture as nullable text, optional roundingMode as nullable number) "
    "as nullable number"
)
def int64_from(value: Any, culture: str | None = None, roundingMode: Any = None) -> Any:
    """Converts a value to a signed whole number of 64 bits."""
    if value.__class__ is float and roundingMode is None and value.is_integer() and abs(value) < 2.0**63:
        return value
    return _integer(value, culture, roundingMode, 64)


@builtin("Double.From(value as any, optional culture as nullable text) as nullable number")
def double_from(value: Any, culture: str | None = None) -> Any:
    """Converts a value to a double."""
    number = from_value(value, culture)
    return None if number is None else float(number)


@builtin("Single.From(value as any, optional culture as nullable text) as nullable number")
def single_from(value: Any, culture: str | None = None) -> Any:
    """Converts a value to a number with the precision of 32-bit floating point (CVT-68)."""
    number = from_value(value, culture)
    if number is None:
        return None
    try:
        packed = struct.pack("<f", number)
    except OverflowError:
        raise errors.number_out_of_range("Single", number) from None
    return float(struct.unpack("<f", packed)[0])


@builtin("Decimal.From(value as any, optional culture as nullable text) as nullable number")
def decimal_from(value: Any, culture: str | None = None) -> Any:
    """Converts a value to a number that a decimal of 28 digits can hold."""
    number = from_value(value, culture)
    if number is None:
        return None
    if number != number or abs(number) >= 2**96:
        raise errors.decimal_out_of_range(number)
    return number


_CURRENCY_LIMIT = Decimal(2**63).scaleb(-4)


@builtin(
    "Currency.From(value as any, optional culture as nullable text, "
    "optional roundingMode as nullable number) as nullable number"
)
def currency_from(value: Any, culture: str | None = None, roundingMode: Any = None) -> Any:
    """Converts a value to an amount of money with four decimals (CVT-67)."""
    number = from_value(value, culture)
    if number is None:
        return None
    mode = enum_member(roundingMode, "roundingMode", _MODES, TO_EVEN)
    if number.__class__ is float and not math.isfinite(number):
        raise errors.number_out_of_range("Currency", number)
    rounded = round_number(number, 4, mode)
    exact = Decimal(rounded) if rounded.__class__ is not float else Decimal(number_text(rounded))
    if not -_CURRENCY_LIMIT <= exact < _CURRENCY_LIMIT:
        raise errors.number_out_of_range("Currency", number)
    return rounded


@builtin("Percentage.From(value as any, optional culture as nullable text) as nullable number")
def percentage_from(value: Any, culture: str | None = None) -> Any:
    """Converts a value to a number; a text with a percent sign is divided by 100 (CVT-53)."""
    return from_value(value, culture)
