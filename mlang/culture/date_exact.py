"""Dates and times read from text by a format, character for character (CVT-106, CVT-107, CVT-110).

`parse_exact` answers a `Found`: the parts that stood in the text, missing ones filled as
.NET fills them.  ``date_parse.py`` decides which parts a kind of value wants.
"""

from __future__ import annotations

from typing import NamedTuple

from mlang.culture.calendars import full_year, parts, to_days
from mlang.culture.data import CultureInfo
from mlang.culture.date_formats import UNIVERSAL, Token, expand, tokens
from mlang.values.temporal import HOUR, MINUTE, SECOND


class Unreadable(ValueError):
    """The text does not say a date or time in this form."""


class Found(NamedTuple):
    """What a text says: day number, ticks since midnight, offset in minutes; None where it says nothing."""

    days: int | None
    ticks: int | None
    offset: int | None


def parse_exact(text: str, format: str, culture: CultureInfo) -> Found:
    """Reads a text by a standard or custom format; raises `Unreadable`, or `BadFormat` for no format."""
    custom, culture = expand(format, culture)
    reader = _Reader(text, culture)
    found = tokens(custom)
    skip = False
    for index, token in enumerate(found):
        following = found[index + 1] if index + 1 < len(found) else None
        if skip:
            skip = False
        elif (
            token.literal == "."
            and following is not None
            and following.letter == "F"
            and not reader.at_point()
        ):
            skip = True  # without its point an optional fraction is left out
        else:
            reader.read(token)
    if reader.at != len(text):
        raise Unreadable(text)
    if format in UNIVERSAL:
        reader.parts["offset"] = 0
    return reader.result()


class _Reader:
    """A position in the text and the parts read so far."""

    def __init__(self, text: str, culture: CultureInfo) -> None:
        self.text, self.culture, self.at = text, culture, 0
        self.parts: dict[str, int] = {}

    # -- characters

    def digits(self, least: int, most: int) -> int:
        text, start = self.text, self.at
        stop = start
        while stop < len(text) and stop - start < most and text[stop] in "0123456789":
            stop += 1
        if stop - start < least:
            raise Unreadable(text)
        self.at = stop
        return int(text[start:stop] or 0)

    def at_point(self) -> bool:
        """Whether a decimal point stands here."""
        return self.text.startswith(".", self.at)

    def literal(self, wanted: str) -> None:
        if not self.text.startswith(wanted, self.at):
            raise Unreadable(self.text)
        self.at += len(wanted)

    def name(self, names: tuple[str, ...]) -> int:
        """The index of the longest of the names that stands here, whatever the case."""
        best, length = -1, 0
        rest = self.text[self.at :].casefold()
        for index, name in enumerate(names):
            if len(name) > length and rest.startswith(name.casefold()):
                best, length = index, len(name)
        if best < 0:
            raise Unreadable(self.text)
        self.at += length
        return best

    def put(self, part: str, value: int) -> None:
        """Remembers a part; the same part twice must say the same."""
        if self.parts.setdefault(part, value) != value:
            raise Unreadable(self.text)

    # -- specifiers

    def read(self, token: Token) -> None:
        letter, count = token.letter, token.size
        if not letter:
            self.literal(token.literal)
        elif letter in "dMyg":
            self.date_part(letter, count)
        elif letter in "fF":
            self.fraction(count, letter == "F")
        elif letter in "zK":
            self.zone(letter, count)
        elif letter == "t":
            self.designator(count)
        elif letter in ":/":
            own = self.culture.time_separator if letter == ":" else self.culture.date_separator
            self.literal(letter if self.text.startswith(letter, self.at) else own)
        else:
            part = {"h": "hour12", "H": "hour", "m": "minute", "s": "second"}[letter]
            self.put(part, self.digits(1 if count == 1 else 2, 2))

    def date_part(self, letter: str, count: int) -> None:
        culture = self.culture
        if letter == "g":
            self.literal(culture.era)
        elif letter == "d" and count > 2:
            names = culture.day_names_abbreviated if count == 3 else culture.day_names
            self.put("weekday", self.name(names))
        elif letter == "M" and count > 2:
            full = culture.month_names_genitive + culture.month_names
            names = culture.month_names_abbreviated if count == 3 else full
            self.put("month", self.name(names) % 12 + 1)
        elif letter in "dM":
            self.put("day" if letter == "d" else "month", self.digits(1 if count == 1 else 2, 2))
        elif count <= 2:
            self.put("year", full_year(self.digits(count, 2), culture.calendar))
        else:
            self.put("year", self.digits(count, count))

    def fraction(self, count: int, optional: bool) -> None:
        start = self.at
        try:
            self.digits(0 if optional else count, count)
        finally:
            digits = self.text[start : self.at]
        self.put("fraction", int(digits.ljust(7, "0")) if digits else 0)

    def designator(self, count: int) -> None:
        am, pm = self.culture.am, self.culture.pm
        if count == 1:
            here = self.text[self.at : self.at + 1]
            if not here or here not in (am[:1], pm[:1]):
                raise Unreadable(self.text)
            self.at += 1
            self.put("pm", int(here != am[:1]))
        elif pm:
            self.put("pm", self.name((am, pm)))
        else:
            self.put("pm", 1)  # .NET lets the empty name of the afternoon match

    def zone(self, letter: str, count: int) -> None:
        here = self.text[self.at : self.at + 1]
        if letter == "K":
            if here == "Z":
                self.at += 1
                self.put("offset", 0)
                return
            if here not in ("+", "-"):
                return
            count = 3
        if here not in ("+", "-"):
            raise Unreadable(self.text)
        self.at += 1
        hours = self.digits(2 if count == 2 else 1, 2)
        minutes = 0
        if count > 2:
            if self.text.startswith(":", self.at):
                self.at += 1
            minutes = self.digits(2, 2)
        total = hours * 60 + minutes
        if minutes > 59 or total > 14 * 60:
            raise Unreadable(self.text)
        self.put("offset", -total if here == "-" else total)

    # -- the whole

    def result(self) -> Found:
        return Found(self.days(), self.clock(), self.parts.get("offset"))

    def days(self) -> int | None:
        given = {name: self.parts[name] for name in ("year", "month", "day") if name in self.parts}
        if not given:
            if "weekday" in self.parts:
                raise Unreadable(self.text)
            return None
        year = given.get("year")
        if year is None:
            year = this_year(self.culture.calendar)
        try:
            days = to_days(year, given.get("month", 1), given.get("day", 1), self.culture.calendar)
        except ValueError:
            raise Unreadable(self.text) from None
        if "weekday" in self.parts and self.parts["weekday"] != (days + 1) % 7:
            raise Unreadable(self.text)
        return days

    def clock(self) -> int | None:
        own = self.parts
        if not own.keys() & {"hour", "hour12", "minute", "second", "fraction", "pm"}:
            return None
        hour = self.hour()
        minute, second = own.get("minute", 0), own.get("second", 0)
        if hour > 23 or minute > 59 or second > 59:
            raise Unreadable(self.text)
        return hour * HOUR + minute * MINUTE + second * SECOND + own.get("fraction", 0)

    def hour(self) -> int:
        """The hour of the day; without AM or PM a 12-hour clock shows the morning."""
        own = self.parts
        if "hour12" not in own:
            hour, pm = own.get("hour", 0), own.get("pm")
            if pm is not None and ("hour" not in own or (hour >= 12) != bool(pm)):
                raise Unreadable(self.text)
            return hour
        if own["hour12"] > 12:
            raise Unreadable(self.text)
        hour = own["hour12"] % 12 + 12 * own.get("pm", 0)
        if own.get("hour", hour) != hour:
            raise Unreadable(self.text)
        return hour


def this_year(calendar: str) -> int:
    """The year of the evaluation's local date, in a calendar."""
    from mlang.culture.zones import today

    return parts(today(), calendar)[0]
