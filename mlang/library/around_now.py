"""The IsIn* functions of Date and DateTime: is a value in the current, next or previous unit.

Both families have the same five functions per unit; they differ in how far a value is
from now.  Next and previous units leave out the current one (DTM-11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mlang.library.arguments import as_int
from mlang.registry import builtin

#: How many units (first the value, then the unit) a value lies after the current one.
Distance = Callable[[Any, str], int]


def declare(family: str, noun: str, units: Iterable[str], distance: Distance) -> None:
    """Declares ``family.IsInCurrentDay`` … for each unit; ``noun`` is what help texts call the value."""
    for unit in units:
        for word, step in (("Current", 0), ("Next", 1), ("Previous", -1)):
            _single(family, noun, unit, word, step, distance)
        for word, step in (("Next", 1), ("Previous", -1)):
            _several(family, noun, unit, word, step, distance)


def _single(family: str, noun: str, unit: str, word: str, wanted: int, distance: Distance) -> None:
    def test(value: Any) -> bool:
        return distance(value, unit) == wanted

    test.__doc__ = f"Says whether {noun} lies in the {word.lower()} {unit.lower()}."
    test.__name__ = f"is_in_{word.lower()}_{unit.lower()}"
    builtin(f"{family}.IsIn{word}{unit}(dateTime as any) as nullable logical", null="dateTime")(test)


def _several(family: str, noun: str, unit: str, word: str, sign: int, distance: Distance) -> None:
    units = unit.lower() + "s"

    def test(value: Any, count: Any) -> bool:
        return 1 <= sign * distance(value, unit) <= as_int(count)

    test.__doc__ = f"Says whether {noun} lies in the {word.lower()} so many {units}, beside the current one."
    test.__name__ = f"is_in_{word.lower()}_n_{units}"
    signature = f"{family}.IsIn{word}N{unit}s(dateTime as any, {units} as number) as nullable logical"
    builtin(signature, null="dateTime")(test)
