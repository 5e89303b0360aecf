"""Functions that queries to SQLite use where SQLite has none, or one that differs from M.

They raise where a double cannot be stored (SQLite makes NaN null) and where M would raise; the interpreter then does
the work.  ``folding/engines/sqlite.py`` prints the calls.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any


class Refused(Exception):
    """This row is for the interpreter."""


def _refuse(*arguments: Any) -> None:
    raise Refused


def _not_a_number(a: Any, b: Any) -> None:
    """What stands in for a result that is null: null when an operand is, else it was NaN."""
    if a is not None and b is not None:
        raise Refused


def _divide(a: float | None, b: float | None) -> float | None:
    """A division by zero."""
    if a is None or b is None:
        return None
    if a == 0 or a != a:
        raise Refused
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Null for null."""
    return lambda *arguments: None if None in arguments else function(*arguments)


def _finite(function: Callable[[float], Any]) -> Callable[[Any], Any]:
    return lambda x: None if x is None else (x if math.isinf(x) else float(function(x)))


def _remainder(a: float, b: float) -> float:
    if b == 0 or math.isinf(a):
        raise Refused
    return math.fmod(a, b)


@lru_cache(64)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A class of characters as folding writes it."""
    return re.compile(re.sub(r"\\x\{([0-9A-Fa-f]+)\}", lambda m: "\\U" + m[1].rjust(8, "0"), pattern))


def _replaced(text: str, pattern: str, new: str) -> str:
    return _compiled(pattern).sub(new, text)


def _extracted(text: str, pattern: str) -> str:
    found = _compiled(pattern).search(text)
    return found[0] if found else ""


def _row(*cells: Any) -> str:
    """Cells as one text, the same for equal cells: -0 is 0."""
    return repr([c + 0.0 if c.__class__ is float else c for c in cells])


def _piece(text: str, mark: str, number: int) -> str | None:
    pieces = text.split(mark)
    return pieces[number - 1] if number <= len(pieces) else None


#: Functions of one number that the interpreter has from the same library.
OF_ONE = ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "log10")


def _computed(function: Callable[..., float]) -> Callable[..., Any]:
    """A function of doubles; where it is not a finite number the interpreter says what M has."""

    def call(*numbers: float) -> float:
        try:
            found = function(*numbers)
        except (ValueError, OverflowError):
            raise Refused from None
        if not math.isfinite(found):
            raise Refused
        return found

    return _strict(call)


def _joined(separator: str, *texts: str | None) -> str:
    return separator.join(t for t in texts if t is not None)


def _moved(day: str, days: int) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days=int(days))).isoformat()
    except (OverflowError, ValueError):
        raise Refused from None


def _months(day: str, months: int) -> str:
    found = date.fromisoformat(day)
    place = found.year * 12 + found.month - 1 + int(months)
    year, month = divmod(place, 12)
    if not 1 <= year <= 9999:
        raise Refused
    return date(year, month + 1, min(found.day, _days_in(year, month + 1))).isoformat()


def _days_in(year: int, month: int) -> int:
    from calendar import monthrange

    return monthrange(year, month)[1]


def _last_day(day: str) -> str:
    return f"{day[:8]}{_days_in(int(day[:4]), int(day[5:7])):02}"


def _micros(moment: str) -> int:
    days = date.fromisoformat(moment[:10]).toordinal() - 719_163
    seconds = int(moment[11:13]) * 3600 + int(moment[14:16]) * 60 + int(moment[17:19])
    return (days * 86_400 + seconds) * 1_000_000 + int(moment[20:26].ljust(6, "0"))


class _Collected:
    """An aggregate over the values in the order of their places."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, Any]] = []

    def step(self, value: Any, place: Any) -> None:
        self.rows.append((place, value))

    def values(self) -> list[Any]:
        """The values in order, nulls included."""
        return [v for _, v in sorted(self.rows, key=_place)]


def _place(row: tuple[Any, Any]) -> Any:
    return row[0]


class _Sum(_Collected):
    """Doubles added one by one."""

    def finalize(self) -> float | None:
        total = None
        for value in self.values():
            if value is not None:
                total = value if total is None else total + value
        if total is not None and total != total:
            raise Refused
        return total


class _First(_Collected):
    def finalize(self) -> Any:
        return self.values()[0]


class _Last(_Collected):
    def finalize(self) -> Any:
        return self.values()[-1]


class _Product(_Collected):
    """Doubles multiplied one by one."""

    def finalize(self) -> float | None:
        total = None
        for value in self.values():
            if value is not None:
                total = value if total is None else total * value
        if total is not None and total != total:
            raise Refused
        return total


class _Squares(_Collected):
    """The squares of the distances from the mean, added one by one."""

    def finalize(self) -> float | None:
        numbers = [v for v in self.values() if v is not None]
        if not numbers:
            return None
        whole = total = 0.0
        for number in numbers:  # not sum(), which newer Pythons round otherwise
            whole += number
        mean = whole / len(numbers)
        for number in numbers:
            total += (number - mean) * (number - mean)
        if total != total:
            raise Refused
        return total


class _Texts:
    """Texts in the order of their places, with a text between them; no text gives null."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, Any]] = []
        self.between = ""

    def step(self, value: str | None, place: Any, between: str) -> None:
        self.between = between
        if value is not None:
            self.rows.append((place, value))

    def finalize(self) -> str | None:
        return self.between.join(v for _, v in sorted(self.rows, key=_place)) if self.rows else None


class _Median:
    """The lower of the two middle values."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def step(self, value: float | None) -> None:
        if value is not None:
            self.found.append(value)

    def finalize(self) -> float | None:
        ordered = sorted(self.found)
        return ordered[(len(ordered) - 1) // 2] if ordered else None


_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "m_nan": (2, _not_a_number), "m_divide": (2, _divide), "m_mod": (2, _strict(_remainder)),
    "m_floor": (1, _finite(math.floor)), "m_ceil": (1, _finite(math.ceil)), "m_trunc": (1, _finite(math.trunc)),
    "m_round": (1, _finite(round)), "m_sqrt": (1, _strict(math.sqrt)),
    "m_matches": (2, _strict(lambda t, p: _compiled(p).search(t) is not None)),
    "m_count": (2, _strict(lambda t, p: len(_compiled(p).findall(t)))),
    "m_replace": (3, _strict(_replaced)), "m_concat_ws": (-1, _joined), "m_repeat": (2, _strict(lambda t, n: t * n)),
    "m_lpad": (3, _strict(lambda t, n, c: t.rjust(n, c))), "m_rpad": (3, _strict(lambda t, n, c: t.ljust(n, c))),
    **{f"m_{n}": (1, _computed(getattr(math, n))) for n in OF_ONE}, "m_ln": (1, _computed(math.log)),
    "m_pow": (2, _computed(math.pow)), "m_piece": (3, _strict(_piece)), "m_row": (-1, _row),
    "m_extract": (2, _strict(_extracted)),
    "m_reverse": (1, _strict(lambda t: t[::-1])),
    "m_add_days": (2, _strict(_moved)), "m_add_months": (2, _strict(_months)), "m_last_day": (1, _strict(_last_day)),
    "m_micros": (1, _strict(_micros)),
    "m_days": (2, _strict(lambda a, b: (date.fromisoformat(a) - date.fromisoformat(b)).days)),
}  # fmt: skip
_AGGREGATES: dict[str, tuple[int, type]] = {
    "m_sum": (2, _Sum),
    "m_first": (2, _First),
    "m_last": (2, _Last),
    "m_median": (1, _Median),
    "m_product": (2, _Product),
    "m_squares": (2, _Squares),
    "m_join": (3, _Texts),
}


def register(connection: Any) -> None:
    """Declares the functions on a connection."""
    connection.create_function("m_error", -1, _refuse)
    for name, (count, function) in _FUNCTIONS.items():
        connection.create_function(name, count, function, deterministic=True)
    for name, (count, aggregate) in _AGGREGATES.items():
        connection.create_aggregate(name, count, aggregate)
