"""The constants of Number.* (NUM-06, NUM-07)."""

from __future__ import annotations

import math

from mlang.registry import constant

constant("Number.PI", math.pi, "The ratio of a circle's circumference to its diameter.", __name__)
constant("Number.E", math.e, "Euler's number, the base of natural logarithms.", __name__)
constant("Number.NaN", math.nan, "Not a number: the result of 0 divided by 0.", __name__)
constant("Number.PositiveInfinity", math.inf, "Positive infinity: the result of 1 divided by 0.", __name__)
constant("Number.NegativeInfinity", -math.inf, "Negative infinity: the result of -1 divided by 0.", __name__)
constant("Number.Epsilon", 5e-324, "The smallest positive number that a double holds.", __name__)
