"""Arguments that many library functions share: whole numbers, enumeration members, options records.

Numbers reach a builtin as float, int or Decimal; what must be whole goes through
`as_int`, `as_count`, `as_length` or `as_width`.  Options records go through `options`, which knows the engine's
error for unknown fields.  Read ``enumerations.py`` for the members and their numbers.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mlang import errors
from mlang.values.kinds import DISPLAY, is_number, kind_of
from mlang.values.metadata import Annotated, strip
from mlang.values.thunk import force

_INT32 = 2**31
_COLUMNS = 2**20


def as_int(value: Any) -> int:
    """A whole number argument of up to 32 bits; others raise as the engine's own conversion does."""
    return _whole(value, 32)


def as_int64(value: Any) -> int:
    """A whole number of up to 64 bits."""
    return _whole(value, 64)


def _whole(value: Any, bits: int) -> int:
    limit = 1 << (bits - 1)
    if value.__class__ is float:
        if value.is_integer() and -limit <= value < limit:
            return int(value)
        raise errors.integer_out_of_range(bits, value)
    if value.__class__ is Annotated:  # an item of a list
        return _whole(value.value, bits)
    if not is_number(value):
        raise errors.cannot_convert(value, "Number")
    whole = int(value)
    if whole != value or not -limit <= whole < limit:
        raise errors.integer_out_of_range(bits, value)
    return whole


def as_count(value: Any, name: str) -> int:
    """A whole number that is not negative: counts and offsets in lists and tables."""
    return _not_negative(_whole(value, 64), value, name)


def as_length(value: Any, name: str) -> int:
    """A whole number of 32 bits that is not negative: places and lengths in texts."""
    return _not_negative(_whole(value, 32), value, name)


def as_width(value: Any, name: str, bits: int = 32) -> int:
    """A number of columns; names for more than any table has would fill the memory."""
    whole = _not_negative(_whole(value, bits), value, name)
    if whole > _COLUMNS:
        raise errors.argument_out_of_range(name, value)
    return whole


def _not_negative(whole: int, value: Any, name: str) -> int:
    if whole < 0:
        raise errors.argument_out_of_range(name, value)
    return whole


def as_unsigned(value: Any) -> int:
    """A whole number that functions of unsigned integers take (Number.Factorial and its kin)."""
    whole = _whole(value, 64)
    if whole < 0:
        raise errors.not_unsigned(value)
    return whole


def enum_member(value: Any, name: str, members: Collection[int], default: int = 0) -> int:
    """The member number of an enumeration argument; null is ``default``, strangers raise (MSC-10)."""
    value = strip(force(value))
    if value is None:
        return default
    if not is_number(value):
        raise errors.cannot_convert(value, "Number")
    if -_INT32 <= value < _INT32 and int(value) == value and int(value) in members:
        return int(value)
    raise errors.argument_out_of_range(name, value)


def options(record: dict[str, Any] | None, function: str, defaults: dict[str, Any]) -> dict[str, Any]:
    """All fields of an options record, forced and bare, defaults filled in; unknown fields raise (ERR-49)."""
    chosen = dict(defaults)
    if record is None:
        return chosen
    for field, value in record.items():
        if field not in defaults:
            raise errors.bad_option(field, function, list(defaults))
        chosen[field] = strip(force(value))
    return chosen


def of_kind(value: Any, kind: str) -> Any:
    """A forced, bare value of the primitive kind, or the conversion error (list items, option values)."""
    value = strip(force(value))
    if kind_of(value) != kind:
        raise errors.cannot_convert(value, DISPLAY[kind])
    return value


def texts(value: Any) -> list[str]:
    """One text or a list of texts, as a list (field and column names)."""
    if value.__class__ is str:
        return [value]
    value = of_kind(value, "list")
    return [of_kind(item, "text") for item in value]
