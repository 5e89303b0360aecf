"""The session's time zone: how far its clock is from UTC, at an instant or at a local time.

Rules come from the zone database (``zoneinfo``), with daylight saving at that instant
(DTM-16).  No zone means UTC.  As in .NET an ambiguous or skipped local time counts as
standard time, and times before zones existed use the zone's standard offset.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from mlang import errors
from mlang.session import Session, current
from mlang.values.temporal import DAY, MAX_TICKS, MINUTE

_EPOCH = datetime(1, 1, 1)
_FIXED_NOW = "now"


@lru_cache(maxsize=16)
def _zone(name: str) -> tzinfo | None:
    """The rules of a zone by its name or file, or by its Windows name; None is UTC."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    name = name.removeprefix(":")
    if name.upper() in ("", "UTC", "Z", "ETC/UTC"):
        return None
    try:
        if name.startswith("/"):
            with open(name, "rb") as file:
                return ZoneInfo.from_file(file)
        return ZoneInfo(_iana(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise errors.unknown_time_zone(name) from None


def _iana(name: str) -> str:
    """The zone database's name for a Windows one ("GMT Standard Time"); other names as they are."""
    if " " not in name:
        return name
    from babel.core import get_global

    mapping: dict[str, str] = get_global("windows_zone_mapping")
    return mapping.get(name, name)


def _moment(ticks: int) -> datetime:
    """Python's datetime of ticks, kept a day away from the ends of time."""
    ticks = min(max(ticks, DAY), MAX_TICKS - DAY)
    return _EPOCH + timedelta(microseconds=ticks // 10)


def _minutes(zone: tzinfo, moment: datetime) -> int:
    offset = moment.replace(tzinfo=zone).utcoffset() if moment.tzinfo is None else moment.utcoffset()
    assert offset is not None
    seconds = offset.days * 86_400 + offset.seconds
    if seconds % 60 or moment.replace(tzinfo=zone).tzname() == "LMT":
        return _standard(zone)
    return seconds // 60


def _standard(zone: tzinfo) -> int:
    """The offset without daylight saving that the zone has in our days."""
    moment = datetime(2020, 1, 1, tzinfo=zone)
    offset = (moment.utcoffset() or timedelta()) - (moment.dst() or timedelta())
    return int(offset.total_seconds()) // 60


#: Offsets from UTC as files and engines write them: +2, +02, +0200, +02:00, also behind UTC or GMT.
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d)(?::?00)?)?", re.ASCII)
#: How far M's clocks may be from UTC, in minutes.
FARTHEST = 14 * 60


def offset_of(name: str) -> int | Callable[[int], int]:
    """Minutes that a named zone's clock is ahead of UTC: always so many, or a function of the instant's ticks.

    A zone farther from UTC than a datetimezone may be is shown in UTC.
    """
    found = _OFFSET.fullmatch(name)
    if found is not None:
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        return 0 if minutes > FARTHEST else -minutes if found[1] == "-" else minutes
    zone = _zone(name)
    if zone is None:
        return 0
    if zone.utcoffset(None) is not None:
        return _minutes(zone, _moment(0))
    return lambda ticks: _minutes(zone, _moment(ticks).replace(tzinfo=UTC).astimezone(zone))


def local_offset(utc_ticks: int) -> int:
    """Minutes that the session's clock is ahead of UTC at an instant."""
    zone = _zone(current().time_zone or "")
    if zone is None:
        return 0
    return _minutes(zone, _moment(utc_ticks).replace(tzinfo=UTC).astimezone(zone))


def constant_offset() -> int | None:
    """Minutes that the session's clock is always ahead of UTC; None where a zone has rules."""
    zone = _zone(current().time_zone or "")
    if zone is None:
        return 0
    return None if zone.utcoffset(None) is None else _minutes(zone, _moment(0))


def offset_at_local(ticks: int) -> int:
    """Minutes ahead of UTC when the session's clock shows this time."""
    zone = _zone(current().time_zone or "")
    if zone is None:
        return 0
    moment = _moment(ticks)
    return min(_minutes(zone, moment), _minutes(zone, moment.replace(fold=1)))


def to_local(utc_ticks: int) -> int:
    """What the session's clock shows at an instant; the ends of time clip."""
    return min(max(utc_ticks + local_offset(utc_ticks) * MINUTE, 0), MAX_TICKS)


def fixed_now(session: Session | None = None) -> int:
    """The UTC instant of this evaluation: frozen at its first use (DTM-21)."""
    session = session or current()
    ticks = session.fixed.get(_FIXED_NOW)
    if ticks is None:
        ticks = session.fixed[_FIXED_NOW] = session.now_utc()
    return int(ticks)


def today() -> int:
    """Days since 0001-01-01 of the evaluation's local date."""
    return to_local(fixed_now()) // DAY
