"""SQL forms of ``Date.IsIn*`` and ``DateTime.IsIn*``: is a value in the current, next or previous unit.

Now is the evaluation's frozen clock, so each is a range between two constant moments, which an engine can look
up in its statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from folding import instants
from folding import terms as t
from folding.functions import Call, folds
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.zones import fixed_now, to_local
from mlang.library.date.weeks import first_day, since_first
from mlang.values.temporal import DAY, DAYS, HOUR, MINUTE, SECOND, Date, DateTime, days_of

#: Farther than this from now nothing is asked for.
_FARTHEST = 200_000_000
_CLOCKS = {"Hour": HOUR, "Minute": MINUTE, "Second": SECOND}


def _first_of_month(months: int) -> int:
    """The day on which a month begins, counted from year 0; clipped to the days that there are."""
    year, month = divmod(months, 12)
    if year < 1:
        return 0
    return int(DAYS if year > 9999 else days_of(year, month + 1, 1))


def _start_of_week(today: Date, weeks: int) -> int:
    return int(today.days) - since_first(today.days, first_day()) + 7 * weeks


#: Where the unit begins that is so many units after the one of today, in days.
_STARTS: dict[str, Callable[[Date, int], int]] = {
    "Day": lambda today, n: today.days + n,
    "Week": _start_of_week,
    "Month": lambda today, n: _first_of_month(today.year * 12 + today.month - 1 + n),
    "Quarter": lambda today, n: _first_of_month(today.year * 12 + (today.month - 1) // 3 * 3 + 3 * n),
    "Year": lambda today, n: _first_of_month((today.year + n) * 12),
}  # fmt: skip


def _bounds(unit: str, first: int, last: int) -> tuple[int, int]:
    """The ticks from which, and up to which, a local moment lies in units ``first`` to ``last`` after now."""
    now = to_local(fixed_now())
    if unit in _CLOCKS:
        size = _CLOCKS[unit]
        return (now // size + first) * size, (now // size + last + 1) * size
    start, today = _STARTS[unit], Date(now // DAY)
    return start(today, first) * DAY, start(today, last + 1) * DAY


def _within(value: Scalar, low: int, high: int) -> Scalar:
    """Whether a moment lies between two others, given in ticks; the second one is not inside."""
    low, high = (min(max(ticks, 0), instants.END_TICKS) for ticks in (low, high))
    storage = value.storage
    tests = []
    if low > 0:
        tests.append(t.binary(exp.GTE, value.use, _moment(low, storage)))
    if high < instants.END_TICKS:
        tests.append(t.binary(exp.LT, value.use, _moment(high, storage)))
    if not tests or low >= instants.END_TICKS or high <= low:
        nowhere = exp.Boolean(this=bool(not tests and high > low))
        sql = t.case((t.not_null(value.use), nowhere)) if value.nullable else nowhere
        return typed(sql, "logical", "BOOLEAN", value)
    return typed(t.all_of(tests), "logical", "BOOLEAN", value)


def _moment(ticks: int, storage: str) -> Any:
    return t.literal(Date(ticks // DAY) if storage == "DATE" else DateTime(ticks)).sql


def _value(call: Call) -> Scalar:
    """The date or datetime that is looked at; what is below a microsecond does not count."""
    return call.moment(0, *(("date", "datetime") if call.name.startswith("Date.") else ("datetime",)))


def _single(call: Call) -> Scalar:
    call.at_most(1)
    word, unit = _parts(call.name)
    place = {"Current": 0, "Next": 1, "Previous": -1}[word]
    return _within(_value(call), *_bounds(unit, place, place))


def _several(call: Call) -> Scalar:
    call.at_most(2)
    word, unit = _parts(call.name)
    count = call.constant(1)
    if count.__class__ is not float or not count.is_integer() or abs(count) > _FARTHEST:
        raise Unfoldable(f"{call.name} with a number that is not a constant whole number")
    n = max(int(count), 0)
    first, last = (1, n) if word == "Next" else (-n, -1)
    return _within(_value(call), *(_bounds(unit, first, last) if n else (0, 0)))


def _parts(name: str) -> tuple[str, str]:
    """ "Next" and "Day" of Date.IsInNextDay and Date.IsInNextNDays."""
    rest = name.partition(".IsIn")[2]
    word = next(w for w in ("Current", "Next", "Previous") if rest.startswith(w))
    unit = rest.removeprefix(word)
    return word, unit[1:-1] if unit[0] == "N" and unit.endswith("s") else unit


for _family, _units in (("Date", _STARTS), ("DateTime", _CLOCKS)):
    for _unit in _units:
        folds(*(f"{_family}.IsIn{word}{_unit}" for word in ("Current", "Next", "Previous")))(_single)
        folds(*(f"{_family}.IsIn{word}N{_unit}s" for word in ("Next", "Previous")))(_several)


@folds("Date.IsInYearToDate")
def year_to_date(call: Call) -> Scalar:
    call.at_most(1)
    return _within(_value(call), _bounds("Year", 0, 0)[0], _bounds("Day", 0, 0)[1])
