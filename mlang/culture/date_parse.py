"""Dates and times read from text as people write them (CVT-105 to CVT-117).

Three ways, tried in this order: a format when one is given (``date_exact.py``), the ISO
8601 forms, which every culture accepts, and then the culture's own habits, read as
liberally as .NET does: any usual separator, names of months and days, the order of day,
month and year that the culture's short date has.  All raise the same error (ERR-30).
An empty text is null, as it is for numbers and logicals (CVT-42, CVT-78): so the empty
fields of a delimited file become nulls, not errors, when their column gets a type.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from mlang import errors
from mlang.culture import data
from mlang.culture.calendars import full_year, to_days
from mlang.culture.data import CultureInfo
from mlang.culture.date_exact import Found, Unreadable, parse_exact, this_year
from mlang.culture.date_formats import UNIVERSAL, BadFormat
from mlang.values.temporal import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Date,
    DateTime,
    DateTimeZone,
    Time,
    zoned_of,
)


def parse_date(text: str, culture: CultureInfo | str | None = None, format: str | None = None) -> Date | None:
    """A date; a text that also says a time of day is none."""
    if not text:
        return None
    found = _read(text, culture, format, "Date")
    if found.days is None or (format is None and (found.ticks is not None or found.offset is not None)):
        raise errors.could_not_parse("Date", text)
    return Date(found.days)


def parse_time(text: str, culture: CultureInfo | str | None = None, format: str | None = None) -> Time | None:
    """A time of day."""
    if not text:
        return None
    found = _read(text, culture, format, "Time")
    if found.ticks is None or found.days is not None or found.offset is not None:
        raise errors.could_not_parse("Time", text)
    return Time(found.ticks)


def parse_datetime(
    text: str, culture: CultureInfo | str | None = None, format: str | None = None
) -> DateTime | None:
    """A datetime; without a time it is midnight (CVT-109), with an offset the local time of that instant."""
    if not text:
        return None
    found = _read(text, culture, format, "DateTime")
    ticks = _ticks(found, format, "DateTime", text)
    if found.offset is not None:
        from mlang.culture.zones import to_local

        ticks = to_local(zoned_of(ticks, found.offset).utc_ticks)
    return DateTime(ticks)


def parse_datetimezone(
    text: str, culture: CultureInfo | str | None = None, format: str | None = None
) -> DateTimeZone | None:
    """A datetimezone; without an offset it has that of the local zone."""
    if not text:
        return None
    found = _read(text, culture, format, "DateTimeZone")
    ticks = _ticks(found, format, "DateTimeZone", text)
    offset = found.offset
    if offset is None:
        from mlang.culture.zones import offset_at_local

        offset = offset_at_local(ticks)
    return zoned_of(ticks, offset)


def parse_any(text: str, culture: CultureInfo | str | None = None) -> Any:
    """What a text says without being asked for a kind: a datetime, datetimezone or time; None for neither."""
    try:
        found = _iso(text.strip(), "DateTime") or _cultural(text.strip(), _info(culture), "DateTime")
    except Unreadable:
        return None
    if found.days is None:
        return Time(found.ticks) if found.ticks is not None else None
    ticks = found.days * DAY + (found.ticks or 0)
    return DateTime(ticks) if found.offset is None else zoned_of(ticks, found.offset)


def _info(culture: CultureInfo | str | None) -> CultureInfo:
    return culture if isinstance(culture, CultureInfo) else data.culture(culture)


def _read(text: str, culture: CultureInfo | str | None, format: str | None, kind: str) -> Found:
    try:
        if format:
            found = parse_exact(text, format, _info(culture))
            universal = format in UNIVERSAL and kind != "DateTimeZone"  # .NET keeps the fields as they are
            return found._replace(offset=None) if universal else found
        trimmed = text.strip()
        return _iso(trimmed, kind) or _cultural(trimmed, _info(culture), kind)
    except (Unreadable, BadFormat):
        raise errors.could_not_parse(kind, text) from None


def _ticks(found: Found, format: str | None, kind: str, text: str) -> int:
    """Ticks of date and time; with a format and no date in it, today's (as .NET)."""
    days = found.days
    if days is None:
        if not format or found.ticks is None:
            raise errors.could_not_parse(kind, text)
        from mlang.culture.zones import today

        days = today()
    return days * DAY + (found.ticks or 0)


# ---------------------------------------------------------------- ISO 8601

_ISO_DATE = r"(?P<y>\d{4})(?:-(?P<m>\d\d)(?:-(?P<d>\d\d))?)?"
_ISO_BASIC = r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)"
_ISO_CLOCK = r"(?P<h>\d\d)(?::?(?P<mi>\d\d)(?::?(?P<s>\d\d)(?:[.,](?P<f>\d+))?)?)?"
_ISO_ZONE = r"\s*(?P<z>[Zz]|[+-][0-9][0-9](?::?[0-9][0-9])?)"
_ISO_MOMENT = re.compile(rf"{_ISO_DATE}(?:[Tt ]{_ISO_CLOCK}(?:{_ISO_ZONE})?)?$", re.ASCII)
_ISO_PACKED = re.compile(rf"{_ISO_BASIC}(?:[Tt]{_ISO_CLOCK}(?:{_ISO_ZONE})?)?$", re.ASCII)
_ISO_TIME = re.compile(rf"{_ISO_CLOCK}$", re.ASCII)


def _iso(text: str, kind: str) -> Found | None:
    """The ISO 8601 reading, or None when the text has another form."""
    match = _ISO_TIME.match(text) if kind == "Time" else _ISO_MOMENT.match(text) or _ISO_PACKED.match(text)
    if match is None:
        return None
    part = match.groupdict()
    days = None
    if part.get("y"):
        try:
            days = to_days(int(part["y"]), int(part["m"] or 1), int(part["d"] or 1), "gregorian")
        except ValueError:
            raise Unreadable(text) from None
    ticks = None
    if part["h"]:
        ticks = _clock(int(part["h"]), int(part["mi"] or 0), int(part["s"] or 0), part["f"], text)
    return Found(days, ticks, _zone(part["z"], text) if part.get("z") else None)


def _clock(hour: int, minute: int, second: int, fraction: str | None, text: str) -> int:
    if hour > 23 or minute > 59 or second > 59:
        raise Unreadable(text)
    return hour * HOUR + minute * MINUTE + second * SECOND + fraction_ticks(fraction)


def fraction_ticks(digits: str | None) -> int:
    """Ticks of the digits behind the point; from the eighth on they are rounded."""
    if not digits:
        return 0
    whole = int(digits[:7].ljust(7, "0"))
    return whole + (digits[7:8] >= "5")


def _zone(text: str, whole: str) -> int:
    """Minutes of ``Z``, ``+hh``, ``+hhmm`` or ``+h:mm``."""
    if text.upper() in ("Z", "GMT", "UTC"):
        return 0
    hours, colon, minutes = text[1:].partition(":")
    if not colon and len(hours) > 2:
        hours, minutes = hours[:-2], hours[-2:]
    total = int(hours) * 60 + int(minutes or 0)
    if int(minutes or 0) > 59 or total > 14 * 60:
        raise Unreadable(whole)
    return -total if text[0] == "-" else total


# ---------------------------------------------------------------- as a culture writes


class Habits:
    """What the liberal reading needs of a culture, made once."""

    def __init__(self, culture: CultureInfo) -> None:
        self.culture = culture
        self.months = _names(
            data.MONTHS, tuple(m[:3] for m in data.MONTHS),
            culture.month_names_abbreviated_genitive, culture.month_names_abbreviated,
            culture.month_names_genitive, culture.month_names,
        )  # fmt: skip
        self.weekdays = _names(
            data.DAYS, tuple(d[:3] for d in data.DAYS), culture.day_names_abbreviated, culture.day_names
        )
        self.fillers = _fillers(culture)
        #: Whether a point only stands between parts, not at the end.
        self.points = culture.date_separator == "." != culture.time_separator
        self.order = _order(culture.short_date, "dMy")
        self.month_day = _order(culture.month_day, "dM")
        self.year_month = _order(culture.year_month, "My")
        self.clocks = _clocks(culture)
        self.phrases = _phrases(self.months, self.weekdays)

    def word(self, part: str) -> str:
        """A word as the tables have it: with its final point when a name ends in one."""
        folded = part.casefold()
        return folded if folded in self.months or folded in self.weekdays else folded.removesuffix(".")


def _names(*groups: tuple[str, ...]) -> dict[str, int]:
    """Name -> index; later groups win, names of digits (Japanese months) are left out."""
    return {
        _BLANKS.sub(" ", name.casefold()): index
        for group in groups
        for index, name in enumerate(group)
        if name and not name[0].isdigit()
    }


#: These belong to the number before them and are read by `_CJK`.
_CJK_SUFFIXES = frozenset("年月日년월일")


def _fillers(culture: CultureInfo) -> frozenset[str]:
    """Words of the culture's patterns that mean nothing by themselves: "de", "den"."""
    patterns = culture.long_date + culture.month_day + culture.year_month
    words = re.findall(r"'([^']*)'", patterns)
    return frozenset(w for text in words for w in re.findall(r"[^\W\d_]+", text.casefold())) - _CJK_SUFFIXES


def _order(pattern: str, letters: str) -> str:
    """The order in which the letters stand in a pattern, such as "Mdy"; the names of days do not count."""
    bare = re.sub(r"'[^']*'|d{3,}", "", pattern)
    return "".join(sorted((c for c in letters if c in bare), key=bare.index))


_ZONE = r"(?:\s*(?P<z>Z(?!\w)|GMT(?!\w)|[+-][0-9]{1,2}(?::[0-9][0-9])?(?![0-9])|[+-][0-9]{4}(?![0-9])))?"
_AFTER_LETTER = r"(?<![^\W\d_])"
_BEFORE_LETTER = r"(?![^\W\d_])"


def _clocks(culture: CultureInfo) -> list[re.Pattern[str]]:
    """How times are written, likelier first: with separators, with an hour and AM or PM only, with points."""
    own = [m for m in (culture.am, culture.pm) if m]
    marks = sorted({*own, "AM", "PM"}, key=len, reverse=True)
    mark = "|".join(re.escape(m) for m in marks)
    lead = "|".join(re.escape(m) for m in own) or "AM|PM"
    separator = ":"
    if culture.time_separator not in (":", culture.date_separator, ".", ",", "-", "/", " "):
        separator = f"(?::|{re.escape(culture.time_separator)})"
    usual = (
        rf"(?<![0-9+-])(?:{_AFTER_LETTER}(?P<lead>{lead})\s*)?"
        rf"(?P<h>[0-9]{{1,2}}){separator}(?P<mi>[0-9]{{1,2}})(?:{separator}(?P<s>[0-9]{{1,2}})(?:\.(?P<f>[0-9]+))?)?"
        rf"(?:\s*(?P<mark>{mark}){_BEFORE_LETTER})?{_ZONE}"
    )
    found = [
        usual,
        rf"(?<![0-9])(?P<h>[0-9]{{1,2}})\s*(?P<mark>{mark}){_BEFORE_LETTER}{_ZONE}",
    ]
    if culture.time_separator == ".":
        found.append(
            rf"(?:^|(?<=\s))(?P<h>[0-9]{{1,2}})\.(?P<mi>[0-9][0-9])(?:\.(?P<s>[0-9][0-9])(?:\.(?P<f>[0-9]+))?)?"
            rf"(?:\s*(?P<mark>{mark}){_BEFORE_LETTER})?{_ZONE}$"
        )
    found.append(rf"(?:{_AFTER_LETTER}(?P<lead>{lead})\s*)?{_CJK_CLOCK}$")
    return [re.compile(pattern, re.IGNORECASE) for pattern in found]


@lru_cache(maxsize=32)
def _habits(name: str) -> Habits:
    return Habits(data.culture(name))


def _phrases(months: dict[str, int], weekdays: dict[str, int]) -> list[tuple[str, str]]:
    """Names of several words, the longest first, and the word that stands for each while reading."""
    found: list[tuple[str, str]] = []
    for names in (months, weekdays):
        for name in [n for n in names if not n.replace("-", "").removesuffix(".").isalpha()]:
            word = f"name{len(found)}of{len(name)}".translate(_LETTERS)
            names[word] = names[name]
            found.append((name, word))
    return sorted(found, key=lambda pair: -len(pair[0]))


#: Blanks that do not break stand in Windows' names of several words; people type others.
_BLANKS = re.compile("[\u00a0\u202f]")
#: A distance from UTC straight behind a date.
_DATE_ZONE = re.compile(r"(?<=[0-9])\s*(Z|[+-][0-9]{1,2}:[0-9][0-9])$")
_LETTERS = str.maketrans("0123456789", "abcdefghij")
_CJK = re.compile(
    r"(?:(?P<y>[0-9]{1,4})(?:\s*[年년]|(?<=[0-9]{4})\s)\s*)?(?P<m>[0-9]{1,2})\s*[月월]\s*(?:(?P<d>[0-9]{1,2})(?:\s*[日일])?)?"
    r"\s*(?P<name>[^\s0-9]+)?"
)
_CJK_CLOCK = r"(?P<h>[0-9]{1,2})[時时시]\s*(?:(?P<mi>[0-9]{1,2})[分분]\s*)?(?:(?P<s>[0-9]{1,2})[秒초])?"
_WORD = re.compile(r"[^\W\d_](?:[^\s0-9,./،-]|-(?=[^\W\d_]))*\.?|[0-9]+|[\s,./،-]+", re.UNICODE)
#: What may stand between two parts: one mark with blanks around it, or blanks.
_GAP = re.compile(r"\s+|\s*[,./،-]\s*|\.\s+|\.,\s*")


def _cultural(text: str, culture: CultureInfo, kind: str) -> Found:
    """Reads a text by a culture's habits; raises `Unreadable`."""
    habits = _habits(culture.name)
    text = _BLANKS.sub(" ", text.strip("#"))
    clock = _find_clock(text, habits, kind)
    ticks = offset = None
    rest = text
    if clock is not None:
        ticks, offset = _cultural_clock(clock, habits, text)
        before, after = text[: clock.start()].strip(), text[clock.end() :].strip()
        if before and after:
            raise Unreadable(text)
        rest = (before or after).removeprefix(",").removesuffix(",").strip()
        if not rest:
            return Found(None, ticks, offset)
    elif zone := _DATE_ZONE.search(text):
        rest, offset = text[: zone.start()], _zone(zone[1], text)
    if not rest:
        raise Unreadable(text)
    return Found(_cultural_date(rest, habits), ticks, offset)


def _find_clock(text: str, habits: Habits, kind: str) -> re.Match[str] | None:
    """The time of day in a text; one with points is only a time beside a date, or where a time is wanted."""
    for index, pattern in enumerate(habits.clocks):
        match = pattern.search(text)
        if match is not None and (index < 2 or match.start() > 0 or kind == "Time"):
            return match
    return None


def _cultural_clock(match: re.Match[str], habits: Habits, text: str) -> tuple[int, int | None]:
    part = dict.fromkeys(("lead", "mark", "mi", "s", "f", "z")) | match.groupdict()
    mark = part["mark"] or part["lead"]
    if part["lead"] and part["mark"]:
        raise Unreadable(text)
    hour = int(part["h"] or 0)
    if mark is not None:
        folded = mark.casefold()
        pm = folded == "pm" or folded == habits.culture.pm.casefold()
        if hour > 12 and not pm:
            raise Unreadable(text)
        hour = hour if hour > 12 else hour % 12 + 12 * pm
    ticks = _clock(hour, int(part["mi"] or 0), int(part["s"] or 0), part["f"], text)
    return ticks, _zone(part["z"], text) if part["z"] else None


def _cultural_date(text: str, habits: Habits) -> int:
    cjk = _CJK.fullmatch(text)
    if cjk:
        year = None if cjk["y"] is None else int(cjk["y"])
        if year is not None and len(cjk["y"]) < 3:
            year = full_year(year, habits.culture.calendar)
        days = _days(year, int(cjk["m"]), int(cjk["d"] or 1), habits, text)
        weekday = None
        if cjk["name"]:
            weekday = habits.weekdays.get(cjk["name"].casefold(), 7)
    else:
        numbers, month, at, weekday = _scan(_simplified(text, habits), habits)
        if month is None:
            days = _from_numbers(numbers, habits, text)
        else:
            days = _from_name(month, at, numbers, habits, text)
    if weekday is not None and weekday != (days + 1) % 7:
        raise Unreadable(text)
    return days


def _simplified(text: str, habits: Habits) -> str:
    """The text with one word for each name of several, and without the era."""
    era = habits.culture.era
    if era and f" {era} " in text:
        text = text.replace(f" {era} ", " ")
    for name, word in habits.phrases:
        at = text.casefold().find(name)
        if at >= 0 and len(text.casefold()) == len(text):
            text = text[:at] + word + text[at + len(name) :]
    return text


def _scan(text: str, habits: Habits) -> tuple[list[str], int | None, int, int | None]:
    """The numbers, the month's name (0 to 11) and how many numbers stand before it, and the weekday."""
    numbers: list[str] = []
    month = weekday = None
    at = position = 0
    gap = True
    for match in _WORD.finditer(text):
        if match.start() != position:
            raise Unreadable(text)
        position = match.end()
        part = match[0]
        if part[0].isdigit():
            numbers.append(part)
        elif part[0].isalpha():
            word = habits.word(part)
            if word in habits.months and month is None:
                month, at = habits.months[word], len(numbers)
            elif word in habits.weekdays and weekday is None:
                weekday = habits.weekdays[word]
            elif word not in habits.fillers:
                raise Unreadable(text)
        elif position == len(text):
            if part not in (".", ",") or (part == "." and habits.points):
                raise Unreadable(text)
        elif gap or not _GAP.fullmatch(part):
            raise Unreadable(text)
        gap = not part[0].isalnum()
    if position != len(text):
        raise Unreadable(text)
    return numbers, month, at, weekday


def _from_numbers(numbers: list[str], habits: Habits, text: str) -> int:
    """Numbers only: a long one is the year, the others go by the culture's order."""
    long = [i for i, n in enumerate(numbers) if len(n) > 2]
    if len(long) > 1 or any(len(numbers[i]) > 4 for i in long):
        raise Unreadable(text)
    values = [int(n) for n in numbers]
    if len(numbers) == 3:
        if not long:
            named = dict(zip(habits.order, values, strict=True))
            return _days(full_year(named["y"], habits.culture.calendar), named["M"], named["d"], habits, text)
        if long[0] == 0:
            return _days(values[0], *_month_day(values[1:], habits.order == "ydM"), habits, text)
        if long[0] == 2:
            return _days(values[2], *_month_day(values[:2], habits.order not in ("Mdy", "yMd")), habits, text)
    if len(numbers) == 2:
        if not long:
            return _days(None, *_month_day(values, habits.month_day == "dM"), habits, text)
        year, month = (values[0], values[1]) if long[0] == 0 else (values[1], values[0])
        return _days(year, month, 1, habits, text)
    raise Unreadable(text)


def _month_day(pair: list[int], day_first: bool) -> tuple[int, int]:
    return (pair[1], pair[0]) if day_first else (pair[0], pair[1])


def _from_name(month: int, at: int, numbers: list[str], habits: Habits, text: str) -> int:
    """A month's name and one or two numbers; ``at`` of them stand before the name."""
    if len(numbers) == 1:
        number = numbers[0]
        if len(number) > 2:
            return _days(int(number), month + 1, 1, habits, text)
        if _is_year(at, habits):
            return _days(full_year(int(number), habits.culture.calendar), month + 1, 1, habits, text)
        return _days(None, month + 1, int(number), habits, text)
    if len(numbers) != 2:
        raise Unreadable(text)
    first, second = numbers
    if len(first) > 2 and len(second) > 2:
        raise Unreadable(text)
    year_first = len(first) > 2 or (len(second) <= 2 and habits.order.startswith("y"))
    year, day = (first, second) if year_first else (second, first)
    whole = int(year) if len(year) > 2 else full_year(int(year), habits.culture.calendar)
    return _days(whole, month + 1, int(day), habits, text)


def _is_year(at: int, habits: Habits) -> bool:
    """Whether one short number beside a name is the year, by the culture's month-day and year-month order."""
    if at == 0:
        return habits.month_day == "dM" and habits.year_month == "My"
    return habits.month_day == "Md" and habits.year_month == "yM"


def _days(year: int | None, month: int, day: int, habits: Habits, text: str) -> int:
    calendar = habits.culture.calendar
    try:
        return to_days(this_year(calendar) if year is None else year, month, day, calendar)
    except ValueError:
        raise Unreadable(text) from None
