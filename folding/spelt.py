"""Dates, times and durations that are spelt in texts, by a format or in the way that every culture reads.

A text that is spelt otherwise stops the query: the interpreter reads it, or raises.
"""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.data import CultureInfo
from mlang.culture.date_formats import BadFormat, expand, tokens
from mlang.values.temporal import DAY, HOUR, MINUTE, SECOND

#: Specifier and size to a pattern of what is surely such a part.
_PARTS = {
    ("d", 1): "[1-9]|[12][0-9]|3[01]", ("d", 2): "[0-9]{2}", ("M", 1): "[1-9]|1[0-2]", ("M", 2): "[0-9]{2}",
    ("y", 4): "[0-9]{4}", ("H", 1): "[0-9]|1[0-9]|2[0-3]", ("H", 2): "[0-9]{2}", ("m", 2): "[0-9]{2}",
    ("s", 2): "[0-9]{2}",
}  # fmt: skip


def by_format(text: Scalar, kind: str, format: str, info: CultureInfo) -> Scalar:
    """A text in a format of digits."""
    try:
        custom, info = expand(format, info)
        found = tokens(custom)
    except BadFormat:
        raise Unfoldable("a format that M does not know") from None
    if info.calendar != "gregorian":
        raise Unfoldable(f"dates of the {info.calendar} calendar")
    pattern, names = "", []
    groups: dict[str, int] = {}
    for token in found:
        if token.letter in (":", "/"):
            pattern += re.escape(info.time_separator if token.letter == ":" else info.date_separator)
        elif not token.letter:
            pattern += re.escape(token.literal)
        elif token.letter in groups:
            raise Unfoldable("a format with a part given twice")
        elif (token.letter, token.size) == ("M", 3):
            names = list(info.month_names_abbreviated[:12])
            pattern += "(" + "|".join(re.escape(n) for n in names) + ")"
            groups["M"] = len(groups) + 1
        elif (token.letter, token.size) in _PARTS:
            pattern += "(" + _PARTS[token.letter, token.size] + ")"
            groups[token.letter] = len(groups) + 1
        else:
            raise Unfoldable(f"a format with '{token.letter * token.size}'")
    if any(c < " " or c > "~" for c in pattern) or (names and len(set(names)) < 12):
        raise Unfoldable("a format with other than ASCII characters")
    return _read(text, kind, pattern, groups, names)


_NEEDED = {"date": "yMd", "datetime": "yMd", "time": "H"}
_ALLOWED = {"date": "yMd", "datetime": "yMdHms", "time": "Hms"}


def _read(text: Scalar, kind: str, pattern: str, groups: dict[str, int], names: list[str]) -> Scalar:
    if not set(_NEEDED[kind]) <= set(groups) <= set(_ALLOWED[kind]):
        raise Unfoldable("a format without all parts, or with parts of another kind")
    if ("s" in groups and "m" not in groups) or ("m" in groups and "H" not in groups):
        raise Unfoldable("a format without all parts")

    def part(letter: str) -> Any:
        if letter not in groups:
            return t.whole(0)
        found = t.function("regexp_extract", text.use, exp.Literal.string(pattern), t.whole(groups[letter]))
        if letter == "M" and names:
            return t.function("list_position", t.function("list_value", *[t.string(n) for n in names]), found)
        return t.try_cast(found, "BIGINT")

    fits = t.function("regexp_full_match", text.use, exp.Literal.string(pattern))
    checks = [t.negation(fits)]
    clock = [part(letter) for letter in "Hms"]
    for letter, sql, most in zip("Hms", clock, (23, 59, 59), strict=True):
        if letter in groups:
            checks.append(t.binary(exp.GT, sql, t.whole(most)))
    if kind == "time":
        made = t.function("make_time", clock[0], clock[1], t.cast(clock[2], "DOUBLE"))
        return typed(t.unless(t.any_of(checks), made), "time", "TIME", text, raises=True)
    year, month, day = (part(letter) for letter in "yMd")
    for sql, most in ((year, 9999), (month, 12), (day, 31)):
        checks += [t.binary(exp.LT, sql, t.whole(1)), t.binary(exp.GT, sql, t.whole(most))]
    first = t.function("make_date", year, month, t.whole(1))
    late = t.binary(exp.GT, day, t.function("day", t.function("last_day", first)))
    made = t.function("make_date", year, month, day)
    storage = "DATE"
    if kind == "datetime":
        made = t.function("make_timestamp", year, month, day, clock[0], clock[1], t.cast(clock[2], "DOUBLE"))
        storage = "TIMESTAMP"
    sql = t.case((t.any_of(checks), t.error()), (late, t.error()), otherwise=made)
    return typed(sql, kind, storage, text, raises=True)


def time_of(text: Scalar) -> Scalar:
    """`10:11` or `10:11:12`, which every culture reads; an empty text is null."""
    made = _read(text, "time", "([0-9]{2}):([0-9]{2}):([0-9]{2})", {"H": 1, "m": 2, "s": 3}, [])
    short = _read(text, "time", "([0-9]{2}):([0-9]{2})", {"H": 1, "m": 2}, [])
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
