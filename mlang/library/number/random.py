"""Number.Random and Number.RandomBetween, from the session's generator.

A session with a seed gives the same numbers in every run; without one they are new
each time.
"""

from __future__ import annotations

import random
from typing import Any

from mlang import errors, session
from mlang.registry import builtin

_KEY = "Number.Random"


def generator() -> random.Random:
    """The generator of the running session."""
    current = session.current()
    found = current.fixed.get(_KEY)
    if found is None:
        found = current.fixed[_KEY] = random.Random(current.seed)
    return found


@builtin("Number.Random() as number")
def random_number() -> float:
    """Gives a random number of at least 0 and less than 1."""
    return generator().random()


@builtin("Number.RandomBetween(bottom as number, top as number) as number")
def random_between(bottom: Any, top: Any) -> float:
    """Gives a random number, in general with a fraction, between two numbers."""
    if not bottom <= top:
        raise errors.argument_out_of_range("top", top)
    low, high = float(bottom), float(top)
    return low + (high - low) * generator().random()
