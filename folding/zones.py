"""Datetimes with a zone in SQL: the instant in UTC and the minutes that the clock is ahead of it, as one struct.

A value of kind "datetimezone" is a struct of ``u``, the instant (a TIMESTAMP, or ticks where it may be finer than a
microsecond), and ``o``, the offset in minutes; null is a null struct.  Equality, order, keys and differences are
those of the instant (`instant`), parts and texts those of the clock (`clock`), which are terms of kind "datetime":
so every form of a datetime is one of these, too.  A struct that an expression has just made is taken apart again
without being built.  Read ``local_clock.py`` for the session's clock, ``functions/zones.py`` for the functions.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import instants
from folding import terms as t
from folding.terms import Scalar, typed
from mlang.culture.zones import FARTHEST, constant_offset
from mlang.errors import MError
from mlang.values.temporal import MINUTE, DateTime

#: What stores them: in microseconds, and in ticks.
ZONE, ZONE_FINE = "STRUCT(u TIMESTAMP, o BIGINT)", "STRUCT(u BIGINT, o BIGINT)"


# ---------------------------------------------------------------- parts


def _made(sql: Any) -> list[Any] | None:
    """The instant and the offset of which an expression makes a struct."""
    if isinstance(sql, exp.Case) and len(sql.args["ifs"]) == 1 and sql.args.get("default") is None:
        branch = sql.args["ifs"][0]
        found = _made(branch.args["true"])
        return found if found is not None and branch.this == t.not_null(found[0]) else None
    if isinstance(sql, exp.Struct) and len(sql.expressions) == 2:
        return [part.expression for part in sql.expressions]
    return None


def _part(zone: Scalar, name: str) -> Any:
    found = _made(zone.sql)
    if found is not None:
        return found["uo".index(name)]
    return t.function("struct_extract", zone.use, exp.Literal.string(name))


def instant(zone: Scalar) -> Scalar:
    """The instant, as a datetime in UTC."""
    constant = zone.constant
    if zone.is_constant and constant is not None:
        return t.literal(DateTime(constant.utc_ticks))
    storage = "BIGINT" if zone.storage == ZONE_FINE else "TIMESTAMP"
    return typed(_part(zone, "u"), "datetime", storage, zone)


def minutes(zone: Scalar) -> Any:
    """The minutes that the clock is ahead of UTC; where the value is null they may be anything."""
    return _part(zone, "o")


def offset(zone: Scalar) -> Scalar:
    """The same as a number that is null where the value is, and stops the query where it does."""
    from folding.operators import computing

    sql = minutes(zone)
    now = instant(zone)
    if zone.nullable and _made(zone.sql) is not None:
        sql = t.case((t.not_null(now.use), sql))
    made = typed(sql, "number", "BIGINT", zone, nonan=True, int53=True, largest=FARTHEST)
    return computing(made, now) if zone.raises else made


def clock(zone: Scalar) -> Scalar:
    """What the clock shows, as a datetime."""
    return moved(instant(zone), minutes(zone))


def _fixed(sql: Any) -> int | None:
    """The number of minutes that a constant is."""
    if isinstance(sql, exp.Cast) and not isinstance(sql, exp.TryCast):
        sql = sql.this
    negative = isinstance(sql, exp.Neg)
    literal = sql.this if negative else sql
    if not isinstance(literal, exp.Literal) or literal.is_string:
        return None
    return -int(literal.this) if negative else int(literal.this)


def ahead(count: int) -> Any:
    """A constant number of minutes."""
    return t.cast(t.whole(count), "BIGINT")


def _shifted(moment: Scalar, count: Any, back: bool) -> tuple[Any, Any]:
    """A moment in microseconds, or ticks, moved by minutes; and the condition that it lies outside the calendar."""
    fine = instants.is_fine(moment)
    unit = MINUTE if fine else MINUTE // 10
    base = moment.use if fine else t.function("epoch_us", moment.use)
    known = _fixed(count)
    step = t.whole(known * unit) if known is not None else t.binary(exp.Mul, count, t.whole(unit))
    sql = t.binary(exp.Sub if back else exp.Add, base, step)
    return sql, beyond(sql, fine)


def beyond(sql: Any, fine: bool) -> Any:
    """Whether microseconds since 1970 (or ticks) lie outside the calendar."""
    low, high = (
        (0, instants.END_TICKS)
        if fine
        else (-instants.EPOCH_TICKS // 10, (instants.END_TICKS - instants.EPOCH_TICKS) // 10)
    )
    return t.any_of([t.binary(exp.LT, sql, t.whole(low)), t.binary(exp.GTE, sql, t.whole(high))])


def moved(moment: Scalar, count: Any, back: bool = False, checked: bool = False) -> Scalar:
    """A datetime so many minutes later, or earlier; with ``checked`` the query stops outside the calendar."""
    if _fixed(count) == 0:
        return moment
    sql, outside = _shifted(moment, count, back)
    sql = t.unless(outside, sql) if checked else sql
    raises = moment.raises or checked
    if instants.is_fine(moment):
        return typed(sql, "datetime", "BIGINT", moment, raises=raises)
    return typed(t.function("make_timestamp", sql), "datetime", "TIMESTAMP", moment, raises=raises)


# ---------------------------------------------------------------- values


def zoned(moment: Scalar, count: Any, *parts: Scalar, **facts: Any) -> Scalar:
    """The value of an instant and an offset; null where the instant is."""
    struct = exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier(name), expression=sql)
            for name, sql in (("u", moment.use), ("o", count))
        ]
    )
    sql = t.case((t.not_null(moment.use), struct)) if moment.nullable else struct
    storage = ZONE_FINE if instants.is_fine(moment) else ZONE
    return typed(sql, "datetimezone", storage, moment, *parts, **facts)


def at_clock(shown: Scalar, count: Any, *parts: Scalar) -> Scalar:
    """The value whose clock shows a datetime; the instant has to lie in the calendar, too."""
    return zoned(moved(shown, count, back=True, checked=True), count, *parts)


def switched(moment: Scalar, count: Any) -> Scalar:
    """An instant on another clock, which has to show a moment of the calendar."""
    if _fixed(count) == 0:
        return zoned(moment, count)
    outside = _shifted(moment, count, False)[1]
    checked = evolve(moment, sql=t.unless(outside, moment.use), raises=True, constant=t.VARIES)
    return zoned(checked, count)


def constant(value: Any) -> Scalar:
    """A constant as a term."""
    made = zoned(t.literal(DateTime(value.utc_ticks)), ahead(value.offset))
    return evolve(made, constant=value)


def in_ticks(zone: Scalar) -> Scalar:
    """The same value stored in ticks."""
    if zone.storage == ZONE_FINE:
        return zone
    now = instant(zone)
    return zoned(evolve(now, sql=instants.ticks(now), storage="BIGINT", constant=t.VARIES), minutes(zone))


def later(zone: Scalar, span: Scalar, earlier: bool) -> Scalar:
    """A value and a duration: the same offset, and neither the instant nor the clock leaves the calendar."""
    node = exp.Sub if earlier else exp.Add
    whole = span.is_constant and span.constant is not None and span.constant.ticks % 10 == 0
    fine = zone.storage == ZONE_FINE or not whole
    now = instant(zone)
    base = instants.ticks(now) if fine else t.function("epoch_us", now.use)
    moved_to = t.binary(node, base, span.use if fine else t.whole(span.constant.ticks // 10))
    outside = beyond(moved_to, fine)
    count = minutes(zone)
    if _fixed(count) != 0:
        step = t.binary(exp.Mul, count, t.whole(MINUTE if fine else MINUTE // 10))
        outside = t.any_of([outside, beyond(t.binary(exp.Add, moved_to, step), fine)])
    sql = t.unless(outside, moved_to)
    storage = "BIGINT" if fine else "TIMESTAMP"
    moment = typed(
        sql if fine else t.function("make_timestamp", sql), "datetime", storage, zone, span, raises=True
    )
    return zoned(moment, count)


def first_of(zone: Scalar, place: Any) -> Scalar:
    """In a group of equal instants, the value of the first row: they may differ in their offsets."""
    return evolve(zone, sql=t.function("arg_min_null", zone.use, place), raises=False, constant=t.VARIES)


def extreme(name: str, zone: Scalar, place: Any) -> Scalar:
    """The least ("min") or latest ("max") value of a group; of equal ones the first."""
    now = instant(zone)
    behind = exp.Neg(this=exp.Paren(this=place)) if name == "max" else place
    key = t.function("row", now.use, behind)
    if zone.nullable:
        key = t.case((t.not_null(now.use), key))
    sql = t.function(f"arg_{name}_null", zone.use, key)
    return evolve(zone, sql=sql, nullable=True, constant=t.VARIES)


# ---------------------------------------------------------------- texts and sources


#: The plain form of a text: date, time, up to six digits of a second, and the offset, which may not be there.
_PLAIN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6}0?)?"
_OFFSET = r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"


def read(text: Scalar) -> tuple[Scalar, Any]:
    """The value that a text says in the form that every culture reads, and whether it may be another than that."""
    try:
        usual = constant_offset()  # where it changes, texts without an offset are for the interpreter
    except MError:  # a zone that nobody knows
        usual = None
    pattern = f"{_PLAIN}{_OFFSET}{'' if usual is None else '?'}"
    string = exp.Literal.string
    shown = t.try_cast(
        t.function("regexp_extract", text.use, string("^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+")), "TIMESTAMP"
    )
    hours, rest = (
        t.try_cast(t.function("substr", text.use, t.whole(start), t.whole(2)), "BIGINT") for start in (-5, -2)
    )
    distance = t.binary(exp.Add, t.binary(exp.Mul, hours, t.whole(60)), rest)
    sign = t.function("substr", text.use, t.whole(-6), t.whole(1))
    count = t.case(
        (t.binary(exp.EQ, t.function("right", text.use, t.whole(1)), string("Z")), ahead(0)),
        (t.binary(exp.EQ, sign, string("+")), distance),
        # the date's own hyphens stand farther in front
        (t.binary(exp.EQ, sign, string("-")), exp.Neg(this=exp.Paren(this=distance))),
        otherwise=ahead(usual or 0),
    )
    moment, outside = (
        Scalar(shown, "datetime", "TIMESTAMP", True),
        beyond(t.function("epoch_us", shown), False),
    )
    utc, early = _shifted(moment, count, True)
    other = t.negation(t.function("regexp_full_match", text.use, string(pattern)))
    far = t.binary(exp.GT, t.function("abs", count), t.whole(FARTHEST))
    doubtful = t.any_of([other, t.is_null(shown), far, outside, early])
    now = Scalar(
        t.case((t.negation(doubtful), t.function("make_timestamp", utc))), "datetime", "TIMESTAMP", True
    )
    return zoned(now, count), t.all_of([t.binary(exp.NEQ, text.use, string("")), doubtful])


def of_source(moment: Any, count: int, nullable: bool) -> Scalar:
    """A column of an engine's own type for instants, of which M's connectors make values of a fixed offset."""
    micros = t.function("epoch_us", moment)
    now = Scalar(t.function("make_timestamp", micros), "datetime", "TIMESTAMP", nullable)
    if not count:
        return zoned(now, ahead(0))
    outside = beyond(t.binary(exp.Add, micros, t.whole(count * MINUTE // 10)), False)
    return zoned(now, t.case((outside, ahead(0)), otherwise=ahead(count)))
