"""Datetimes in SQL: as TIMESTAMP, or as ticks of 100 ns where they may be finer than a microsecond.

Read `zones.py` for datetimes with a zone.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.terms import Scalar

#: Ticks (100 ns) and microseconds from 0001-01-01 to 1970-01-01.
EPOCH_TICKS = 621_355_968_000_000_000
#: Ticks of the first moment after 9999-12-31.
END_TICKS = 3_155_378_976_000_000_000


def is_fine(term: Scalar) -> bool:
    """Whether a datetime is stored as ticks (BIGINT), because it may be finer than a microsecond."""
    return term.kind == "datetime" and term.storage == "BIGINT"


def ticks(term: Scalar) -> Any:
    """A datetime as ticks since 0001-01-01."""
    if is_fine(term):
        return term.use
    return t.binary(
        exp.Add, t.binary(exp.Mul, t.function("epoch_us", term.use), t.whole(10)), t.whole(EPOCH_TICKS)
    )


def in_microseconds(term: Scalar) -> Scalar:
    """The same moment as a TIMESTAMP, what is below a microsecond cut off."""
    if not is_fine(term):
        return term
    micros = t.binary(exp.Sub, t.binary(exp.IntDiv, term.use, t.whole(10)), t.whole(EPOCH_TICKS // 10))
    return evolve(term, sql=t.function("make_timestamp", micros), storage="TIMESTAMP")


def fine(sql: Any, *parts: Scalar, **facts: Any) -> Scalar:
    """A datetime of ticks."""
    return t.typed(t.cast(sql, "BIGINT"), "datetime", "BIGINT", *parts, **facts)


def ticks_of_double(number: Any, *parts: Scalar) -> Scalar:
    """A duration of a computed number of ticks: half to even, an error where there is no such duration."""
    beyond = t.negation(t.binary(exp.LT, t.function("abs", number), t.double(2.0**63)))
    whole_ticks = t.cast(t.function("round_even", number, t.whole(0)), "BIGINT")
    return t.typed(t.unless(beyond, whole_ticks), "duration", "BIGINT", *parts, raises=True)
