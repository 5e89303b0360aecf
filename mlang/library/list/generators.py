"""List.*, generators: lists made from a rule instead of other lists (LST-14 to LST-20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from mlang.library.arguments import as_count, as_int
from mlang.library.list.shared import predicate
from mlang.registry import builtin
from mlang.values import operators
from mlang.values import temporal as t
from mlang.values.functions import Function, bind
from mlang.values.lists import Computed, LazyList, NumberRange, Streamed
from mlang.values.thunk import Thunk


class Generated(LazyList):
    """A state that moves on as long as a condition holds; the next state is made when it is demanded."""

    __slots__ = ("condition", "initial", "next", "selector")

    def __init__(self, initial: Any, condition: Any, next: Any, selector: Any) -> None:
        self.initial, self.condition, self.next, self.selector = initial, condition, next, selector

    def states(self) -> Iterator[Any]:
        """The approved states; the condition judges each before it is given (LST-15)."""
        condition, step = self.condition, self.next
        state = self.initial()
        while condition(state):
            yield state
            state = step(state)

    def __iter__(self) -> Iterator[Any]:
        selector = self.selector
        if selector is None:
            return self.states()
        return (Thunk(_view(selector, state)) for state in self.states())

    def values(self) -> Iterator[Any]:
        selector = self.selector
        if selector is None:
            yield from self.states()
            return
        for state in self.states():
            yield selector(state)

    def count(self) -> int:
        return sum(1 for _ in self.states())


def _view(selector: Any, state: Any) -> Callable[[], Any]:
    return lambda: selector(state)


@builtin(
    "List.Generate(initial as function, condition as function, next as function, "
    "optional selector as nullable function) as list"
)
def generate(initial: Function, condition: Function, next: Function, selector: Function | None = None) -> Any:
    """Makes a list from a first state, a condition to go on, a next state, and a view of the state."""
    view = None if selector is None else bind(selector, 1)
    return Generated(bind(initial, 0), predicate(condition), bind(next, 1), view)


@builtin("List.Numbers(start as number, count as number, optional increment as nullable number) as list")
def numbers(start: Any, count: Any, increment: Any = None) -> Any:
    """Makes so many numbers from a start, each an increment (1) after the last."""
    size = as_count(count, "count")
    step = 1.0 if increment is None else float(increment)
    first = float(start)
    if step == 1.0 and first.is_integer() and abs(first) + size < 2**53:
        return NumberRange(int(first), int(first) + size - 1)
    return Computed(size, lambda index: first + index * step)


def _steps(start: Any, count: Any, step: t.Duration) -> Any:
    size = as_count(count, "count")
    return Computed(size, lambda index: operators.add(start, t.Duration(step.ticks * index)))


@builtin("List.Dates(start as date, count as number, step as duration) as list")
def dates(start: t.Date, count: Any, step: t.Duration) -> Any:
    """Makes so many dates from a start, a step apart."""
    size = as_count(count, "count")

    def at(index: int) -> t.Date:
        days = start.days + step.ticks * index // t.DAY
        if not 0 <= days < t.DAYS:
            raise operators.out_of_range("Date")
        return t.Date(days)

    return Computed(size, at)


@builtin("List.DateTimes(start as datetime, count as number, step as duration) as list")
def date_times(start: t.DateTime, count: Any, step: t.Duration) -> Any:
    """Makes so many datetimes from a start, a step apart."""
    return _steps(start, count, step)


@builtin("List.DateTimeZones(start as datetimezone, count as number, step as duration) as list")
def date_time_zones(start: t.DateTimeZone, count: Any, step: t.Duration) -> Any:
    """Makes so many datetimezones from a start, a step apart."""
    return _steps(start, count, step)


@builtin("List.Times(start as time, count as number, step as duration) as list")
def times(start: t.Time, count: Any, step: t.Duration) -> Any:
    """Makes so many times from a start, a step apart; after midnight it begins anew."""
    return _steps(start, count, step)


@builtin("List.Durations(start as duration, count as number, step as duration) as list")
def durations(start: t.Duration, count: Any, step: t.Duration) -> Any:
    """Makes so many durations from a start, a step apart."""
    return _steps(start, count, step)


@builtin("List.Random(count as number, optional seed as nullable number) as list")
def random_numbers(count: Any, seed: Any = None) -> Any:
    """Makes so many random numbers between 0 and 1; the same seed gives the same numbers."""
    from mlang.library.number.random import generator
    from mlang.library.number.seeded import numbers as seeded

    size = as_count(count, "count")
    start = generator().getrandbits(31) if seed is None else as_int(seed)
    return Streamed(lambda: islice(seeded(start), size), lambda: size)
