"""Durations read from text (CVT-124): M's own form, a number of days, and ISO 8601.

They are the same in every culture; ``date_parse.py`` reads dates and times.
"""

from __future__ import annotations

import re

from mlang import errors
from mlang.culture.date_parse import fraction_ticks
from mlang.values.temporal import DAY, HOUR, MINUTE, SECOND, Duration, duration_of

_DURATION = re.compile(
    r"(-)?(?:(\d+)(?:\.(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?)?"
    r"|(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?)$",
    re.ASCII,
)
_ISO_DURATION = re.compile(
    r"(-)?P(?=[\dT])(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d+))?S)?)?$", re.ASCII
)


def parse_duration(text: str) -> Duration | None:
    """A duration: ``[-][d.]hh:mm[:ss[.fffffff]]``, a number of days, or ``P1DT2H30M`` (CVT-124)."""
    if not text:
        return None
    trimmed = text.strip()
    iso = _ISO_DURATION.match(trimmed)
    if iso is not None:
        sign, days, hours, minutes, seconds, digits = iso.groups()
        limited = False
    else:
        match = _DURATION.match(trimmed)
        if match is None:
            raise errors.could_not_parse("Duration", text)
        sign, days = match[1], match[2]
        hours, minutes, seconds, digits = match.groups()[2:6] if days is not None else match.groups()[6:10]
        limited = True
    parts = [int(p or 0) for p in (days, hours, minutes, seconds)]
    if limited and (parts[1] > 23 or parts[2] > 59 or parts[3] > 59):
        raise errors.could_not_parse("Duration", text)
    ticks = parts[0] * DAY + parts[1] * HOUR + parts[2] * MINUTE + parts[3] * SECOND + fraction_ticks(digits)
    try:
        return duration_of(-ticks if sign else ticks)
    except errors.MError:
        raise errors.could_not_parse("Duration", text) from None
