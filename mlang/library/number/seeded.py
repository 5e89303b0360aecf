"""The random numbers of a seed, as the engine makes them: System.Random of .NET Framework.

It is Knuth's subtractive generator over 55 numbers below 2**31 - 1.  ``List.Random`` with
a seed gives the same numbers as Power Query does, so samples drawn there can be drawn here.
"""

from __future__ import annotations

from collections.abc import Iterator

_BIG = 2**31 - 1
_START = 161_803_398
_SIZE = 55
#: How far the second place is ahead of the first one.
_AHEAD = 21


def _wrapped(number: int) -> int:
    """A number as 32 bits hold it."""
    return (number + 2**31 & 0xFFFF_FFFF) - 2**31


def _state(seed: int) -> list[int]:
    """The 55 numbers that a seed begins with; index 0 is not used."""
    last = _START - min(abs(seed), _BIG)
    state = [0] * _SIZE + [last]
    number = 1
    for i in range(1, _SIZE):
        place = 21 * i % _SIZE
        state[place] = number
        number = last - number
        if number < 0:
            number += _BIG
        last = state[place]
    for _ in range(4):
        for i in range(1, _SIZE + 1):
            state[i] = _wrapped(state[i] - state[1 + (i + 30) % _SIZE])
            if state[i] < 0:
                state[i] += _BIG
    return state


def numbers(seed: int) -> Iterator[float]:
    """Numbers from 0 up to 1, without end."""
    state = _state(seed)
    first, second = 0, _AHEAD
    while True:
        first, second = first % _SIZE + 1, second % _SIZE + 1
        number = _wrapped(state[first] - state[second])
        if number == _BIG:
            number -= 1
        if number < 0:
            number += _BIG
        state[first] = number
        yield number * (1.0 / _BIG)
