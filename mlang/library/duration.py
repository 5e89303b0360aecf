"""Duration.*: the parts of a duration, its totals, its text.

Parts carry the sign (DTM-22).  Totals are ticks times the reciprocal of the unit, as .NET
Framework computes them (the reference's example of TotalHours shows the last digit);
SQL must multiply by the same constants to agree bit for bit.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.moments import to_duration
from mlang.registry import builtin
from mlang.values.temporal import DAYS_PER_TICK, SECOND, Duration

HOURS_PER_TICK = 1.0 / 36e9
MINUTES_PER_TICK = 1.0 / 6e8
SECONDS_PER_TICK = 1.0 / 1e7


@builtin("Duration.Days(duration as nullable duration) as nullable number", null="duration")
def days(value: Duration) -> float:
    """The whole days of a duration."""
    return float(value.parts[0])


@builtin("Duration.Hours(duration as nullable duration) as nullable number", null="duration")
def hours(value: Duration) -> float:
    """The hours of a duration beyond its whole days, -23 to 23."""
    return float(value.parts[1])


@builtin("Duration.Minutes(duration as nullable duration) as nullable number", null="duration")
def minutes(value: Duration) -> float:
    """The minutes of a duration beyond its whole hours, -59 to 59."""
    return float(value.parts[2])


@builtin("Duration.Seconds(duration as nullable duration) as nullable number", null="duration")
def seconds(value: Duration) -> float:
    """The seconds of a duration beyond its whole minutes, with their fraction."""
    *_, whole, ticks = value.parts
    return (whole * SECOND + ticks) / 1e7


@builtin("Duration.TotalDays(duration as nullable duration) as nullable number", null="duration")
def total_days(value: Duration) -> float:
    """The whole duration in days."""
    return value.ticks * DAYS_PER_TICK


@builtin("Duration.TotalHours(duration as nullable duration) as nullable number", null="duration")
def total_hours(value: Duration) -> float:
    """The whole duration in hours."""
    return value.ticks * HOURS_PER_TICK


@builtin("Duration.TotalMinutes(duration as nullable duration) as nullable number", null="duration")
def total_minutes(value: Duration) -> float:
    """The whole duration in minutes."""
    return value.ticks * MINUTES_PER_TICK


@builtin("Duration.TotalSeconds(duration as nullable duration) as nullable number", null="duration")
def total_seconds(value: Duration) -> float:
    """The whole duration in seconds."""
    return value.ticks * SECONDS_PER_TICK


@builtin("Duration.From(value as any) as nullable duration", null="value")
def duration_from(value: Any) -> Duration | None:
    """The duration of a text or of a number of days."""
    return to_duration(value)


@builtin("Duration.FromText(text as nullable text) as nullable duration", null="text")
def duration_from_text(text: str) -> Duration | None:
    """The duration that a text says: ``[-][d.]hh:mm[:ss[.fffffff]]``, or the ISO form such as PT5H30M."""
    from mlang.culture.duration_parse import parse_duration

    return parse_duration(text)


@builtin(
    "Duration.ToText(duration as nullable duration, optional format as nullable text) as nullable text",
    null="duration",
)
def duration_to_text(value: Duration, format: str | None = None) -> str:
    """The text ``[-][d.]hh:mm:ss[.fffffff]`` of a duration; a format is an error."""
    from mlang.culture.dates import duration_text

    if format is not None:
        raise errors.duration_format()
    return duration_text(value)


@builtin("Duration.ToRecord(duration as duration) as record")
def duration_to_record(value: Duration) -> dict[str, Any]:
    """The days, hours, minutes and seconds of a duration as a record."""
    days, hours, minutes, *_ = value.parts
    return {
        "Days": float(days), "Hours": float(hours), "Minutes": float(minutes), "Seconds": seconds(value),
    }  # fmt: skip
