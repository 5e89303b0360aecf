"""SQL forms of ``DateTimeZone.*``, and those of dates, datetimes and times for datetimezones.

A datetimezone is its instant and its offset (`folding/zones.py`).  Functions that look at its own clock, or move it,
are those of a datetime: this module, which is loaded last, wraps their forms.  What asks for the session's clock
is in ``folding/local_clock.py``.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import local_clock, zones
from folding import terms as t
from folding.functions import FORMS, Call, Form, folds
from folding.functions.dates import read_text
from folding.functions.formats import culture_of
from folding.structures import record
from folding.terms import Scalar, Unfoldable, typed
from mlang import registry
from mlang.errors import MError


def _zone(call: Call, index: int = 0) -> Scalar:
    return t.need(t.of_kind(call.term(index), "datetimezone"), "datetimezone")


# ---------------------------------------------------------------- parts


@folds("DateTimeZone.ZoneHours", "DateTimeZone.ZoneMinutes")
def zone_part(call: Call) -> Scalar:
    """Whole hours, and the minutes beyond them; both have the sign."""
    call.at_most(1)
    value = zones.offset(_zone(call))
    node = exp.IntDiv if call.name == "DateTimeZone.ZoneHours" else exp.Mod
    sql = t.binary(node, value.use, t.whole(60))
    return typed(sql, "number", "BIGINT", value, nonan=True, int53=True, largest=59)


@folds("DateTimeZone.RemoveZone")
def remove_zone(call: Call) -> Scalar:
    call.at_most(1)
    return zones.clock(_zone(call))


@folds("DateTimeZone.ToRecord")
def to_record(call: Call) -> Scalar:
    call.at_most(1)
    value = t.need_not_null(_zone(call))
    parts = {
        "Year": "Date.Year", "Month": "Date.Month", "Day": "Date.Day", "Hour": "Time.Hour", "Minute": "Time.Minute",
        "Second": "Time.Second", "ZoneHours": "DateTimeZone.ZoneHours", "ZoneMinutes": "DateTimeZone.ZoneMinutes",
    }  # fmt: skip
    return record(
        list(parts), [FORMS[name](Call(name, call.translator, (value,))) for name in parts.values()]
    )


# ---------------------------------------------------------------- other clocks


def _distance(call: Call) -> int:
    """The constant hours and minutes from UTC that are given."""
    from mlang.library.constructors import offset_minutes

    hours, minutes = call.constant(1), call.constant(2)
    if hours.__class__ is not float or minutes.__class__ not in (float, type(None)):
        raise Unfoldable(f"{call.name} with a zone that is no number")
    try:
        return offset_minutes(hours, minutes or 0)
    except MError:
        raise Unfoldable(f"{call.name} with a zone that is none") from None


@folds("DateTimeZone.SwitchZone")
def switch_zone(call: Call) -> Scalar:
    return zones.switched(zones.instant(_zone(call)), zones.ahead(_distance(call)))


@folds("DateTimeZone.ToUtc")
def to_utc(call: Call) -> Scalar:
    call.at_most(1)
    return zones.zoned(zones.instant(_zone(call)), zones.ahead(0))


@folds("DateTimeZone.ToLocal")
def to_local(call: Call) -> Scalar:
    call.at_most(1)
    return local_clock.to_local(_zone(call))


@folds("DateTime.AddZone")
def add_zone(call: Call) -> Scalar:
    shown = t.need(t.of_kind(call.term(0), "datetime"), "datetime")
    return zones.at_clock(shown, zones.ahead(_distance(call)))


# ---------------------------------------------------------------- conversions and texts


@folds("DateTimeZone.From", "DateTimeZone.FromText")
def datetimezone_from(call: Call) -> Scalar:
    kinds = ("text",) if call.name.endswith("Text") else ("datetimezone", "date", "datetime", "text")
    value = t.need(t.of_kind(call.term(0), kinds[0]), *kinds)
    call.at_most(2)
    if value.kind == "text":
        return read_text(call, value, "datetimezone")
    culture_of(call.constant(1) if call.count > 1 else None)
    return value if value.kind == "datetimezone" else local_clock.attached(value)


@folds(
    "DateTimeZone.UtcNow", "DateTimeZone.FixedUtcNow", "DateTimeZone.LocalNow", "DateTimeZone.FixedLocalNow"
)
def now(call: Call) -> Scalar:
    """The clock is read once for a query."""
    call.at_most(0)
    return t.literal(registry.value_of(call.name).fn())


# ---------------------------------------------------------------- forms of datetimes


def _passed(call: Call, form: Form, value: Scalar) -> Scalar:
    """A form of a datetime, given one in place of the call's first argument."""
    inner = Call(call.name, call.translator, (value, *call.arguments[1:]))
    made = form(inner)
    call.terms.update({place: term for place, term in inner.terms.items() if place})
    return made


def _of_clock(form: Form) -> Form:
    """Of what the value's own clock shows."""
    return _wrapped(form, lambda call, value: _passed(call, form, zones.clock(value)))


def _on_clock(form: Form) -> Form:
    """The same, which gives another moment of that clock."""

    def make(call: Call, value: Scalar) -> Scalar:
        return zones.at_clock(_passed(call, form, zones.clock(value)), zones.minutes(value))

    return _wrapped(form, make)


def _of_local(form: Form) -> Form:
    """Of what the session's clock shows at the instant."""
    return _wrapped(form, lambda call, value: _passed(call, form, local_clock.shown(value)))


def _wrapped(form: Form, make: Any) -> Form:
    def wrapped(call: Call) -> Scalar:
        value = call.term(0)
        made: Scalar = make(call, value) if value.kind == "datetimezone" else form(call)
        return made

    return wrapped


_PARTS = (
    "Date.Year", "Date.Month", "Date.Day", "Date.DayOfYear", "Date.QuarterOfYear", "Date.DayOfWeek", "Date.WeekOfYear",
    "Date.WeekOfMonth", "Date.DaysInMonth", "Date.IsLeapYear", "Date.MonthName", "Date.DayOfWeekName", "DateTime.Date",
    "DateTime.Time", "Time.Hour", "Time.Minute", "Time.Second",
)  # fmt: skip
_MOVES = (
    *(f"Date.{end}Of{unit}" for end in ("Start", "End") for unit in ("Day", "Week", "Month", "Quarter", "Year")),
    *(f"Date.Add{unit}s" for unit in ("Day", "Week", "Month", "Quarter", "Year")),
    "Time.StartOfHour", "Time.EndOfHour",
)  # fmt: skip
_LOCAL = ("Date.From", "DateTime.From", "Time.From", "Number.From")

for _names, _wrap in ((_PARTS, _of_clock), (_MOVES, _on_clock), (_LOCAL, _of_local)):
    for _name in _names:
        FORMS[_name] = _wrap(FORMS[_name])
for _name in [name for name in FORMS if ".IsIn" in name]:
    FORMS[_name] = _of_local(FORMS[_name])
