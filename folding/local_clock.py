"""The session's clock in SQL: how far it is ahead of UTC at an instant, or when it shows a time.

Where that never changes it is a constant.  A zone with rules becomes lists of the years 1970 to 2049, made by asking
the interpreter's own functions (``mlang/culture/zones.py``): when in each year the clock is set, and how far it is
ahead before and after.  What lies outside these years stops the query.  Read ``zones.py`` for the values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from attrs import evolve, frozen
from sqlglot import exp

from folding import instants, zones
from folding import terms as t
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.zones import constant_offset, local_offset, offset_at_local
from mlang.errors import MError
from mlang.session import current
from mlang.values.temporal import DAY, SECOND, days_of

_FIRST, _END = 1970, 2050


@frozen
class Settings:
    """When a clock is set: for each year as many moments (microseconds since 1970), and one offset more."""

    most: int
    moments: tuple[tuple[int, ...], ...]
    offsets: tuple[int, ...]


def minutes_at(moment: Scalar, by_clock: bool = False) -> Any:
    """The minutes that the clock is ahead at an instant, or ``by_clock`` when it shows a moment."""
    try:
        found = constant_offset()
    except MError:
        raise Unfoldable("a time zone that nobody knows") from None
    if found is not None:
        return zones.ahead(found)
    settings = _settings(current().time_zone or "", by_clock)
    coarse = instants.in_microseconds(moment).use
    micros = t.function("epoch_us", coarse)
    place = t.binary(exp.Sub, t.function("year", coarse), t.whole(_FIRST - 1))
    passed: Any = t.binary(exp.Add, t.binary(exp.Mul, _less(place), t.whole(settings.most + 1)), t.whole(1))
    for moments in settings.moments:
        set_before = t.binary(exp.GTE, micros, t.function("list_extract", _listed(moments), place))
        passed = t.binary(exp.Add, passed, t.cast(exp.Paren(this=set_before), "BIGINT"))
    ahead = t.function("list_extract", _listed(settings.offsets), passed)
    first, end = _micros(_FIRST), _micros(_END)
    outside = t.any_of([t.binary(exp.LT, micros, t.whole(first)), t.binary(exp.GTE, micros, t.whole(end))])
    return t.unless(outside, ahead)


def _less(place: Any) -> Any:
    return exp.Paren(this=t.binary(exp.Sub, place, t.whole(1)))


def _listed(numbers: tuple[int, ...]) -> Any:
    """A constant list, as one literal: an expression of hundreds of them would be too large to be repeated."""
    return t.cast(exp.Literal.string(str(list(numbers))), "BIGINT[]")


def _micros(year: int) -> int:
    return (days_of(year, 1, 1) * DAY - instants.EPOCH_TICKS) // 10


@lru_cache(maxsize=32)
def _settings(name: str, by_clock: bool) -> Settings:
    """Those of the session's zone, which has this name."""
    ahead = offset_at_local if by_clock else local_offset
    years = [_of_year(ahead, year) for year in range(_FIRST, _END)]
    most = max(len(found) for found, _ in years)
    moments = [[*found, *[_micros(_END)] * (most - len(found))] for found, _ in years]
    offsets = [n for found, kept in years for n in [*kept, *kept[-1:] * (most - len(found))]]
    return Settings(most, tuple(tuple(m[i] for m in moments) for i in range(most)), tuple(offsets))


def _of_year(ahead: Callable[[int], int], year: int) -> tuple[list[int], list[int]]:
    """When the clock is set in a year, and the offsets before, between and after: nowhere twice within two days."""
    start, end = days_of(year, 1, 1) * DAY, days_of(year + 1, 1, 1) * DAY
    moments, offsets = [], [ahead(start)]
    for day in range(start, end, 2 * DAY):
        last = min(day + 2 * DAY, end - SECOND)
        if ahead(last) == offsets[-1]:
            continue
        low, high = day, last  # the offset changes after the one, and has changed at the other
        while high - low > SECOND:
            middle = (low + high) // 2 // SECOND * SECOND
            low, high = (middle, high) if ahead(middle) == offsets[-1] else (low, middle)
        moments.append((high - instants.EPOCH_TICKS) // 10)
        offsets.append(ahead(last))
    return moments, offsets


# ---------------------------------------------------------------- conversions


def _raising(count: Any) -> bool:
    return t.stops(count)


def shown(zone: Scalar) -> Scalar:
    """What the session's clock shows at an instant, as a datetime."""
    now = zones.instant(zone)
    count = minutes_at(now)
    if not _raising(count):
        return zones.moved(now, count, checked=True)
    return evolve(zones.moved(now, count), raises=True)


def to_local(zone: Scalar) -> Scalar:
    """The same instant on the session's clock."""
    now = zones.instant(zone)
    count = minutes_at(now)
    return _stopping(now, count) if _raising(count) else zones.switched(now, count)


def _stopping(moment: Scalar, count: Any) -> Scalar:
    """A value whose offset may stop the query."""
    return evolve(zones.zoned(moment, count), raises=True)


def attached(moment: Scalar) -> Scalar:
    """A date or datetime with the distance from UTC of the session's clock."""
    if moment.kind == "date":
        moment = typed(t.cast(moment.use, "TIMESTAMP"), "datetime", "TIMESTAMP", moment)
    count = minutes_at(moment, by_clock=True)
    if not _raising(count):
        return zones.at_clock(moment, count)
    return _stopping(evolve(zones.moved(moment, count, back=True), raises=True), count)
