"""Dates, times and durations that are spelt in texts, by a format or in the way that every culture reads.

A text that is spelt otherwise stops the query: the interpreter reads it, or raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from attrs import define, evolve, field
from sqlglot import exp

from folding import terms as t
from folding import zones
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.calendars import full_year
from mlang.culture.data import CultureInfo
from mlang.culture.date_formats import UNIVERSAL, BadFormat, Token, expand, tokens
from mlang.values.temporal import DAY, HOUR, MINUTE, SECOND

#: Specifier and size to a pattern of what is surely such a part.
_PARTS = {
    ("d", 1): "[1-9]|[12][0-9]|3[01]", ("d", 2): "[0-9]{2}", ("M", 1): "[1-9]|1[0-2]", ("M", 2): "[0-9]{2}",
    ("y", 2): "[0-9]{2}", ("y", 4): "[0-9]{4}", ("H", 1): "[0-9]|1[0-9]|2[0-3]", ("H", 2): "[0-9]{2}",
    ("h", 1): "[0-9]|1[0-2]", ("h", 2): "[0-9]{2}", ("m", 2): "[0-9]{2}", ("s", 2): "[0-9]{2}",
    **{("f", size): f"[0-9]{{{size}}}" for size in range(1, 7)},
    ("z", 2): "[+-][0-9]{2}", ("z", 3): "[+-][0-9]{2}:?[0-9]{2}", ("K", 1): "Z|[+-][0-9]{2}:?[0-9]{2}",
}  # fmt: skip


@define
class _Parts:
    """What a format asks for: a pattern, and of each letter its group, size and names."""

    pattern: str = ""
    groups: dict[str, int] = field(factory=dict)
    sizes: dict[str, int] = field(factory=dict)
    names: dict[str, list[str]] = field(factory=dict)

    def add(self, letter: str, size: int, pattern: str) -> None:
        if letter in self.groups:
            raise Unfoldable("a format with a part given twice")
        self.pattern += f"({pattern})"
        self.groups[letter], self.sizes[letter] = len(self.groups) + 1, size

    def add_names(self, letter: str, size: int, *names: str) -> None:
        """A part that is one of some names, of which none is how another one starts."""
        folded = [name.casefold() for name in names]
        if any(a.startswith(b) for i, a in enumerate(folded) for j, b in enumerate(folded) if i != j):
            raise Unfoldable("a format with names that start alike")
        self.add(letter, size, "|".join(re.escape(name) for name in names))
        self.names[letter] = list(names)


def by_format(text: Scalar, kind: str, format: str, info: CultureInfo) -> Scalar:
    """A text in a format of digits and names."""
    try:
        custom, info = expand(format, info)
        found = tokens(custom)
    except BadFormat:
        raise Unfoldable("a format that M does not know") from None
    if info.calendar != "gregorian":
        raise Unfoldable(f"dates of the {info.calendar} calendar")
    if format in UNIVERSAL and kind not in ("date", "time"):
        raise Unfoldable("a format of the clock of UTC")
    parts, open_end = _Parts(), False
    for token in found:
        before = len(parts.pattern)
        _add(parts, token, info)
        if open_end and parts.pattern[before:].lstrip("(").startswith(tuple("0123456789[")):
            raise Unfoldable("a format with digits after as many digits as there are")
        open_end = token.size == 1 and token.letter in "dMHh"
    if any(c < " " or c > "~" for c in parts.pattern):
        raise Unfoldable("a format with other than ASCII characters")
    return _read(text, kind, parts)


def _add(parts: _Parts, token: Token, info: CultureInfo) -> None:
    letter, size = token.letter, token.size
    if letter in (":", "/"):
        parts.pattern += re.escape(info.time_separator if letter == ":" else info.date_separator)
    elif not letter:
        parts.pattern += re.escape(token.literal)
    elif letter == "M" and size == 3:
        parts.add_names("M", size, *info.month_names_abbreviated[:12])
    elif letter == "M" and size == 4 and info.month_names_genitive[:12] == info.month_names[:12]:
        parts.add_names("M", size, *info.month_names[:12])
    elif letter == "d" and size in (3, 4):
        names = info.day_names_abbreviated if size == 3 else info.day_names
        parts.add_names("weekday", size, *names[:7])
    elif letter == "t" and size == 2 and info.am and info.pm:
        parts.add_names("t", size, info.am, info.pm)
    elif (letter, size) in _PARTS:
        parts.add("z" if letter == "K" else letter, size, _PARTS[letter, size])
    else:
        raise Unfoldable(f"a format with '{letter * size}'")


_NEEDED = {"date": "yMd", "datetime": "yMd", "time": "H", "datetimezone": "yMdz"}
_ALLOWED = {"date": "yMd", "datetime": "yMdHmsf", "time": "Hmsf", "datetimezone": "yMdHmsfz"}


def _check(parts: _Parts, kind: str) -> None:
    """Refuses formats of which M fills parts, or whose parts may contradict each other."""
    given = set(parts.groups) - {"weekday", "h", "t"} | ({"H"} if "h" in parts.groups else set())
    if not set(_NEEDED[kind]) <= given <= set(_ALLOWED[kind]) or (
        "weekday" in parts.groups and kind == "time"
    ):
        raise Unfoldable("a format without all parts, or with parts of another kind")
    for part, needs in (("f", "s"), ("s", "m"), ("m", "H")):
        if part in given and needs not in given:
            raise Unfoldable("a format without all parts")
    if ("h" in parts.groups and "H" in parts.groups) or ("t" in parts.groups and "h" not in parts.groups):
        raise Unfoldable("a format with two hours")


def _read(text: Scalar, kind: str, parts: _Parts) -> Scalar:
    _check(parts, kind)

    def raw(letter: str) -> Any:
        group = t.whole(parts.groups[letter])
        whole = exp.Literal.string(f"^{parts.pattern}$")  # else the first alternative that fits would do
        return t.function("regexp_extract", text.use, whole, group)

    def part(letter: str) -> Any:
        if letter not in parts.groups:
            return t.whole(0)
        if letter in parts.names:
            names = [t.string(n) for n in parts.names[letter]]
            return t.function("list_position", t.function("list_value", *names), raw(letter))
        return t.try_cast(raw(letter), "BIGINT")

    fits = t.function("regexp_full_match", text.use, exp.Literal.string(parts.pattern))
    checks = [t.negation(fits)]
    for letter, most in (("H", 23), ("h", 12), ("m", 59), ("s", 59)):
        if letter in parts.groups:
            checks.append(t.binary(exp.GT, part(letter), t.whole(most)))
    clock = [_hour(parts, part), part("m"), part("s")]
    fraction = None
    if "f" in parts.groups:
        unit = t.whole(10 ** (6 - parts.sizes["f"]))
        fraction = t.function("to_microseconds", t.binary(exp.Mul, part("f"), unit))
    if kind == "time":
        made = t.function("make_time", clock[0], clock[1], t.cast(clock[2], "DOUBLE"))
        made = made if fraction is None else t.binary(exp.Add, made, fraction)
        return typed(t.unless(t.any_of(checks), made), "time", "TIME", text, raises=True)
    year, month, day = _year(parts, part), part("M"), part("d")
    for sql, most in ((year, 9999), (month, 12), (day, 31)):
        checks += [t.binary(exp.LT, sql, t.whole(1)), t.binary(exp.GT, sql, t.whole(most))]
    first = t.function("make_date", year, month, t.whole(1))
    late = t.binary(exp.GT, day, t.function("day", t.function("last_day", first)))
    made = t.function("make_date", year, month, day)
    wrong = [(late, t.error())]
    if "weekday" in parts.groups:
        weekday = t.binary(exp.Add, t.function("dayofweek", made), t.whole(1))
        wrong.append((t.binary(exp.NEQ, weekday, part("weekday")), t.error()))
    storage = "DATE"
    if kind != "date":
        made = t.function("make_timestamp", year, month, day, clock[0], clock[1], t.cast(clock[2], "DOUBLE"))
        made = made if fraction is None else t.binary(exp.Add, made, fraction)
        storage = "TIMESTAMP"
    sql = t.case((t.any_of(checks), t.error()), *wrong, otherwise=made)
    if kind != "datetimezone":
        return typed(sql, kind, storage, text, raises=True)
    shown = typed(sql, "datetime", storage, text, raises=True)
    return zones.at_clock(shown, _offset(raw("z"), parts.sizes["z"]))


def _hour(parts: _Parts, part: Callable[[str], Any]) -> Any:
    """The hour of the day; 12 is the first one of a half."""
    if "h" not in parts.groups:
        return part("H")
    hour = t.binary(exp.Mod, part("h"), t.whole(12))
    if "t" not in parts.groups:
        return hour
    half = t.binary(exp.Mul, t.whole(12), t.binary(exp.Sub, part("t"), t.whole(1)))
    return t.binary(exp.Add, hour, half)


def _year(parts: _Parts, part: Callable[[str], Any]) -> Any:
    if parts.sizes.get("y") != 2:
        return part("y")
    last = next(n for n in range(100) if full_year(n, "gregorian") > full_year((n + 1) % 100, "gregorian"))
    century = t.case(
        (t.binary(exp.LTE, part("y"), t.whole(last)), t.whole(full_year(0, "gregorian"))),
        otherwise=t.whole(full_year(last + 1, "gregorian") - last - 1),
    )
    return t.binary(exp.Add, part("y"), century)


def _offset(spelt: Any, size: int) -> Any:
    """The minutes that a text such as +02:00 tells; where it tells none that M knows the query stops."""

    def digits(start: int) -> Any:
        piece = t.function("substring", plain, t.whole(start), t.whole(2))
        return t.function("coalesce", t.try_cast(piece, "BIGINT"), t.whole(0))

    plain = t.function("replace", spelt, exp.Literal.string(":"), exp.Literal.string(""))
    hours, minutes = digits(2), digits(4) if size != 2 else t.whole(0)
    total = t.binary(exp.Add, t.binary(exp.Mul, hours, t.whole(60)), minutes)
    far = [t.binary(exp.GT, minutes, t.whole(59)), t.binary(exp.GT, total, t.whole(14 * 60))]
    back = t.function("starts_with", spelt, exp.Literal.string("-"))
    signed = t.case((back, exp.Neg(this=exp.Paren(this=total))), otherwise=total)
    return t.unless(t.any_of(far), signed)


def time_of(text: Scalar) -> Scalar:
    """`10:11` or `10:11:12`, which every culture reads; an empty text is null."""
    made = _read(text, "time", _Parts("([0-9]{2}):([0-9]{2}):([0-9]{2})", {"H": 1, "m": 2, "s": 3}))
    short = _read(text, "time", _Parts("([0-9]{2}):([0-9]{2})", {"H": 1, "m": 2}))
    brief = t.binary(exp.EQ, t.function("length", text.use), t.whole(5))
    return _or_null(evolve(made, sql=t.case((brief, short.sql), otherwise=made.sql)), text)


def _or_null(made: Scalar, text: Scalar) -> Scalar:
    empty = t.binary(exp.EQ, text.use, exp.Literal.string(""))
    if text.nullable:
        empty = t.any_of([t.is_null(text.use), empty])
    sql = t.case((empty, t.cast(exp.Null(), made.storage)), otherwise=made.sql)
    return evolve(made, sql=sql, nullable=True)


_SPAN = "(-)?(?:([0-9]{1,6})[.])?([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?"


def duration_of(text: Scalar) -> Scalar:
    """`[-][d.]hh:mm[:ss]` or whole days; an empty text is null."""

    def part(place: int) -> Any:
        found = t.function("regexp_extract", text.use, exp.Literal.string(_SPAN), t.whole(place))
        return t.function("coalesce", t.try_cast(found, "BIGINT"), t.whole(0))

    pieces = [part(place) for place in (2, 3, 4, 5)]
    total: Any = None
    for number, unit in zip(pieces, (DAY, HOUR, MINUTE, SECOND), strict=True):
        ticks = t.binary(exp.Mul, number, t.cast(t.whole(unit), "BIGINT"))
        total = ticks if total is None else t.binary(exp.Add, total, ticks)
    below = t.function("starts_with", text.use, exp.Literal.string("-"))
    signed = t.case((below, exp.Neg(this=exp.Paren(this=total))), otherwise=total)
    fits = t.function("regexp_full_match", text.use, exp.Literal.string(_SPAN))
    beyond = [
        t.binary(exp.GT, sql, t.whole(most)) for sql, most in zip(pieces[1:], (23, 59, 59), strict=True)
    ]
    days = t.function("regexp_full_match", text.use, exp.Literal.string("-?[0-9]{1,6}"))
    whole = t.binary(exp.Mul, t.try_cast(text.use, "BIGINT"), t.cast(t.whole(DAY), "BIGINT"))
    sql = t.case(
        (days, whole), (t.negation(fits), t.error()), (t.any_of(beyond), t.error()), otherwise=signed
    )
    return _or_null(typed(sql, "duration", "BIGINT", text, raises=True), text)
