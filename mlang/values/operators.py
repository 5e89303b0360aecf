"""The operators of M on forced values.

One function per operator.  The first line of each is the ordinary case (two
doubles, two texts); the rest looks the pair of kinds up in a table, so that what an
operator means for which kinds can be read off the tables at the end of each part.
A null operand gives null (OP-17, OP-37, OP-38, OP-60).  Generated code inlines the
ordinary case and calls these for the rest.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from mlang import errors
from mlang.values import temporal as t
from mlang.values.compare import real, text_key
from mlang.values.kinds import kind_of
from mlang.values.metadata import Annotated, strip

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

    Pairs = dict[tuple[str, str], Callable[[Any, Any], Any]]


def _dispatch(operator: str, table: Pairs, a: Any, b: Any) -> Any:
    a, b = strip(a), strip(b)
    if a is None or b is None:
        return None
    apply = table.get((kind_of(a), kind_of(b)))
    if apply is None:
        raise errors.cannot_apply(operator, a, b)
    return apply(a, b)


# ---------------------------------------------------------------- arithmetic


def add(a: Any, b: Any) -> Any:
    """``a + b``"""
    if a.__class__ is float and b.__class__ is float:
        return a + b
    return _dispatch("+", _ADD, a, b)


def subtract(a: Any, b: Any) -> Any:
    """``a - b``"""
    if a.__class__ is float and b.__class__ is float:
        return a - b
    return _dispatch("-", _SUBTRACT, a, b)


def multiply(a: Any, b: Any) -> Any:
    """``a * b``"""
    if a.__class__ is float and b.__class__ is float:
        return a * b
    return _dispatch("*", _MULTIPLY, a, b)


def divide(a: Any, b: Any) -> Any:
    """``a / b``; by zero gives infinity or NaN (OP-34)."""
    if a.__class__ is float and b.__class__ is float:
        return a / b if b else _by_zero(a, b)
    return _dispatch("/", _DIVIDE, a, b)


def _by_zero(a: float, b: float) -> float:
    if a == 0 or a != a:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _divide_numbers(a: Any, b: Any) -> float:
    x, y = float(a), float(b)
    return x / y if y else _by_zero(x, y)


def out_of_range(kind: str) -> errors.MError:
    """A temporal result outside years 1 to 9999."""
    return errors.expression_error("The #{0} operation failed because the resulting value falls outside "
                                   "the range of allowed values.", kind)  # fmt: skip


def _date_plus(a: t.Date, ticks: int) -> Any:
    """A date moved by whole days stays a date, otherwise it becomes a datetime (OP-43, OP-44)."""
    if ticks % t.DAY:
        return _clock_plus(t.DateTime(a.days * t.DAY), ticks)
    days = a.days + ticks // t.DAY
    if not 0 <= days < t.DAYS:
        raise out_of_range("Date")
    return t.Date(days)


def _clock_plus(a: Any, ticks: int) -> Any:
    moved = a.ticks + ticks
    if not 0 <= moved <= t.MAX_TICKS:
        raise out_of_range("DateTimeZone" if a.__class__ is t.DateTimeZone else "DateTime")
    return t.DateTimeZone(moved, a.offset) if a.__class__ is t.DateTimeZone else t.DateTime(moved)


def duration(ticks: float) -> t.Duration:
    """A duration of so many ticks, rounded; raises outside the signed 64-bit range."""
    if not -(2**63) <= ticks < 2**63:
        raise out_of_range("Duration")
    return t.Duration(round(ticks))


def _number(a: Any) -> float:
    return a if a.__class__ is float else float(a)


def _duration_by(a: t.Duration, b: Any) -> t.Duration:
    quotient = _divide_numbers(a.ticks, b)
    return duration(quotient)


_ADD: Pairs = {
    ("number", "number"): lambda a, b: _number(a) + _number(b),
    ("date", "duration"): lambda a, b: _date_plus(a, b.ticks),
    ("duration", "date"): lambda a, b: _date_plus(b, a.ticks),
    ("datetime", "duration"): lambda a, b: _clock_plus(a, b.ticks),
    ("duration", "datetime"): lambda a, b: _clock_plus(b, a.ticks),
    ("datetimezone", "duration"): lambda a, b: _clock_plus(a, b.ticks),
    ("duration", "datetimezone"): lambda a, b: _clock_plus(b, a.ticks),
    ("time", "duration"): lambda a, b: t.Time((a.ticks + b.ticks) % t.DAY),
    ("duration", "time"): lambda a, b: t.Time((a.ticks + b.ticks) % t.DAY),
    ("duration", "duration"): lambda a, b: duration(a.ticks + b.ticks),
}
_SUBTRACT: Pairs = {
    ("number", "number"): lambda a, b: _number(a) - _number(b),
    ("date", "duration"): lambda a, b: _date_plus(a, -b.ticks),
    ("datetime", "duration"): lambda a, b: _clock_plus(a, -b.ticks),
    ("datetimezone", "duration"): lambda a, b: _clock_plus(a, -b.ticks),
    ("time", "duration"): lambda a, b: t.Time((a.ticks - b.ticks) % t.DAY),
    ("duration", "duration"): lambda a, b: duration(a.ticks - b.ticks),
    ("date", "date"): lambda a, b: t.Duration((a.days - b.days) * t.DAY),
    ("datetime", "datetime"): lambda a, b: t.Duration(a.ticks - b.ticks),
    ("datetimezone", "datetimezone"): lambda a, b: t.Duration(a.utc_ticks - b.utc_ticks),
    ("time", "time"): lambda a, b: t.Duration(a.ticks - b.ticks),
}
_MULTIPLY: Pairs = {
    ("number", "number"): lambda a, b: _number(a) * _number(b),
    ("duration", "number"): lambda a, b: duration(a.ticks * _number(b)),
    ("number", "duration"): lambda a, b: duration(b.ticks * _number(a)),
}
_DIVIDE: Pairs = {
    ("number", "number"): _divide_numbers,
    ("duration", "number"): _duration_by,
    ("duration", "duration"): lambda a, b: _divide_numbers(a.ticks, b.ticks),
}


def negate(a: Any) -> Any:
    """``-a`` of a number or a duration."""
    if a.__class__ is float:
        return -a
    a = strip(a)
    if a is None:
        return None
    kind = kind_of(a)
    if kind == "number":
        return -a
    if kind == "duration":
        return t.duration_of(-a.ticks)
    raise errors.cannot_apply_unary("-", a)


def positive(a: Any) -> Any:
    """``+a`` of a number or a duration."""
    if a.__class__ is float:
        return a
    a = strip(a)
    if a is None or kind_of(a) in ("number", "duration"):
        return a
    raise errors.cannot_apply_unary("+", a)


def logical_not(a: Any) -> bool | None:
    """``not a``; of null it is null."""
    if a is True:
        return False
    if a is False:
        return True
    a = strip(a)
    if a is None:
        return None
    if a.__class__ is bool:
        return not a
    raise errors.cannot_apply_unary("not", a)


# ---------------------------------------------------------------- combination


def concatenate(a: Any, b: Any) -> Any:
    """``a & b``: texts, lists, records, tables, a date and a time."""
    if a.__class__ is str and b.__class__ is str:
        return a + b if a.isascii() else joined(a, b)
    a, b = strip(a), strip(b)
    if a is None or b is None:
        other = b if a is None else a
        if other is not None and kind_of(other) == "list":
            return _with_null(a, b)
        return None
    apply = _CONCATENATE.get((kind_of(a), kind_of(b)))
    if apply is None:
        raise errors.cannot_apply("&", a, b)
    return apply(a, b)


def joined(a: str, b: str) -> str:
    """Two texts as one; half a character at the end of the one and half at the start of the other join."""
    if a and b and "\ud800" <= a[-1] <= "\udbff" and "\udc00" <= b[0] <= "\udfff":
        return a[:-1] + chr(0x10000 + ((ord(a[-1]) - 0xD800) << 10) + ord(b[0]) - 0xDC00) + b[1:]
    return a + b


def _with_null(a: Any, b: Any) -> Any:
    """A list beside null fails when it is enumerated, not before (OP-62)."""
    from mlang.values.lists import Concatenated, Streamed

    def fail() -> Any:
        raise errors.cannot_convert(None, "List")

    return Concatenated([Streamed(fail) if part is None else part for part in (a, b)])


def _concatenate_lists(a: Any, b: Any) -> Any:
    if a.__class__ is list and b.__class__ is list and len(a) + len(b) < 64:
        return a + b
    from mlang.values.lists import Concatenated

    return Concatenated([a, b])


def _concatenate_tables(a: Any, b: Any) -> Any:
    from mlang.tables.access import concatenate as concatenate_tables

    return concatenate_tables(a, b)


_CONCATENATE: Pairs = {
    ("text", "text"): joined,
    ("list", "list"): _concatenate_lists,
    ("record", "record"): lambda a, b: {**a, **b},
    ("table", "table"): _concatenate_tables,
    ("date", "time"): lambda a, b: t.DateTime(a.days * t.DAY + b.ticks),
}

# ---------------------------------------------------------------- relations

#: Kinds with an order and what they are ordered by; None is the value itself.
_ORDERED: dict[str, Callable[[Any], Any] | None] = {
    "number": real,
    "text": text_key,
    "logical": None,
    "date": None,
    "time": None,
    "datetime": None,
    "datetimezone": None,
    "duration": None,
    "binary": bytes,
}


def _operands(a: Any, b: Any) -> tuple[Any, Any]:
    """Both sides as Python values that compare right; the error names ``<`` and swaps (ERR-02)."""
    a, b = strip(a), strip(b)
    kind = kind_of(a)
    if kind != kind_of(b) or kind not in _ORDERED:
        raise errors.cannot_apply("<", b, a)
    if kind == "binary":
        from mlang.values.binary import content

        return content(a), content(b)
    key = _ORDERED[kind]
    if key is not None:
        a, b = key(a), key(b)
        if a != a or b != b:  # Python's decimals refuse an order beside NaN, which has none
            return math.nan, math.nan
    return a, b


def _is_null(a: Any, b: Any) -> bool:
    return a is None or b is None or strip(a) is None or strip(b) is None


def less(a: Any, b: Any) -> bool | None:
    """``a < b``"""
    if a.__class__ is float and b.__class__ is float:
        return bool(a < b)
    if _is_null(a, b):
        return None
    x, y = _operands(a, b)
    return bool(x < y)


def less_equal(a: Any, b: Any) -> bool | None:
    """``a <= b``"""
    if a.__class__ is float and b.__class__ is float:
        return bool(a <= b)
    if _is_null(a, b):
        return None
    x, y = _operands(a, b)
    return bool(x <= y)


def greater(a: Any, b: Any) -> bool | None:
    """``a > b``"""
    if a.__class__ is float and b.__class__ is float:
        return bool(a > b)
    if _is_null(a, b):
        return None
    x, y = _operands(a, b)
    return bool(y < x)


def greater_equal(a: Any, b: Any) -> bool | None:
    """``a >= b``"""
    if a.__class__ is float and b.__class__ is float:
        return bool(a >= b)
    if _is_null(a, b):
        return None
    x, y = _operands(a, b)
    return bool(y <= x)


# ---------------------------------------------------------------- logic


def condition(value: Any) -> bool:
    """The value of an ``if`` condition or predicate that must be logical (ERR-08)."""
    if value is True or value is False:
        return bool(value)
    if value.__class__ is Annotated:
        return condition(value.value)
    raise errors.cannot_convert(value, "Logical")


def both(a: Any, b: Callable[[], Any]) -> bool | None:
    """``a and b``; ``b`` is evaluated unless ``a`` is false (OP-24, OP-25)."""
    a = strip(a)
    if a is False:
        return False
    if a is not True and a is not None:
        raise errors.cannot_convert(a, "Logical")
    right = strip(b())
    if right is not None and right.__class__ is not bool:
        raise errors.cannot_convert(right, "Logical")
    if right is False:
        return False
    return None if a is None or right is None else True


def either(a: Any, b: Callable[[], Any]) -> bool | None:
    """``a or b``; ``b`` is evaluated unless ``a`` is true."""
    a = strip(a)
    if a is True:
        return True
    if a is not False and a is not None:
        raise errors.cannot_convert(a, "Logical")
    right = strip(b())
    if right is not None and right.__class__ is not bool:
        raise errors.cannot_convert(right, "Logical")
    if right is True:
        return True
    return None if a is None or right is None else False
