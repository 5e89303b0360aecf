"""Weeks: the day they begin with is an argument or the culture's (DTM-01)."""

from __future__ import annotations

from typing import Any


def first_day(value: Any = None) -> int:
    """The first day of the week, 0 for Sunday."""
    if value is not None:
        from mlang.library.arguments import enum_member

        return enum_member(value, "firstDayOfWeek", range(7))
    from mlang.culture.data import culture

    return culture().first_day


def since_first(days: int, first: int) -> int:
    """How many days a day lies behind the first of its week."""
    return (days + 1 - first) % 7
