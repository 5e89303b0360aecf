"""SQL forms of ``Number.Bitwise*`` (signed 64-bit integers), ``Number.Factorial`` and its kin, and ``Number.Atan2``."""

from __future__ import annotations

import math
from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.terms import Scalar, Unfoldable, typed

_NODES = {
    "Number.BitwiseAnd": exp.BitwiseAnd, "Number.BitwiseOr": exp.BitwiseOr, "Number.BitwiseXor": None,
    "Number.BitwiseShiftLeft": None, "Number.BitwiseShiftRight": None,
}  # fmt: skip


def _whole(call: Call, index: int) -> tuple[Scalar, Any]:
    x = t.plain_number(call.of(index, "number"))
    return x, call.whole_or_null(x)


def _bits(sql: Any, *parts: Scalar) -> Scalar:
    small = all(x.int53 for x in parts)
    return typed(sql, "number", "BIGINT", *parts, nonan=True, int53=small, raises=True)


@folds("Number.BitwiseAnd", "Number.BitwiseOr", "Number.BitwiseXor")
def two(call: Call) -> Scalar:
    (x, a), (y, b) = _whole(call, 0), _whole(call, 1)
    call.at_most(2)
    node = _NODES[call.name]
    return _bits(t.function("xor", a, b) if node is None else exp.Paren(this=t.binary(node, a, b)), x, y)


@folds("Number.BitwiseNot")
def complement(call: Call) -> Scalar:
    x, a = _whole(call, 0)
    call.at_most(1)
    return _bits(t.binary(exp.Sub, t.whole(-1), a), x)


@folds("Number.BitwiseShiftLeft", "Number.BitwiseShiftRight")
def shifted(call: Call) -> Scalar:
    """By a constant; to the left only where nothing is lost."""
    x, a = _whole(call, 0)
    call.at_most(2)
    by = call.constant(1)
    if by.__class__ is not float or not by.is_integer() or not 0 <= by < 2**31:
        raise Unfoldable(f"{call.name} by a number that is no constant")
    factor = 2 ** (int(by) & 63)
    if factor >= 2**62:
        raise Unfoldable(f"{call.name} by very many bits")
    if call.name == "Number.BitwiseShiftRight":
        down = t.function(
            "floor", exp.Div(this=t.cast(a, "DOUBLE"), expression=t.double(float(factor)), typed=True)
        )
        small = t.binary(exp.LT, t.function("abs", a), t.whole(t.INT53))
        return _bits(t.cast(t.unless(t.negation(small), down), "BIGINT"), x)
    most = t.whole((2**62) // factor)
    beyond = t.binary(exp.GT, t.function("abs", a), most)
    sql = t.binary(exp.Mul, t.unless(beyond, a), t.cast(t.whole(factor), "BIGINT"))
    return typed(sql, "number", "BIGINT", x, nonan=True, raises=True)


# ---------------------------------------------------------------- counts of choices


def _listed(numbers: list[float], x: Scalar, place: Any, beyond: float) -> Scalar:
    """The number at a place; after the last one ``beyond``."""
    sql = t.function("list_extract", t.function("list_value", *[t.double(n) for n in numbers]),
                     t.binary(exp.Add, place, t.whole(1)))  # fmt: skip
    below = (t.binary(exp.LT, place, t.whole(0)), t.error())
    over = (t.binary(exp.GTE, place, t.whole(len(numbers))), t.double(beyond))
    return typed(t.case(below, over, otherwise=sql), "number", "DOUBLE", x, nonan=True, raises=True)


@folds("Number.Factorial")
def factorial(call: Call) -> Scalar:
    x, place = _whole(call, 0)
    call.at_most(1)
    return _listed([float(math.factorial(n)) for n in range(171)], x, place, math.inf)


@folds("Number.Combinations", "Number.Permutations")
def choices(call: Call) -> Scalar:
    """Of a constant number of things."""
    size = call.constant(0)
    if size.__class__ is not float or not size.is_integer() or not 0 <= size <= 170:
        raise Unfoldable(f"{call.name} of a number that is no constant")
    x, place = _whole(call, 1)
    call.at_most(2)
    count = math.comb if call.name == "Number.Combinations" else math.perm
    return _listed([float(count(int(size), k)) for k in range(int(size) + 1)], x, place, 0.0)


# ---------------------------------------------------------------- Number.Atan2

_checked: list[bool] = []


@folds("Number.Atan2")
def angle(call: Call) -> Scalar:
    y, x = t.plain_number(call.of(0, "number")), t.plain_number(call.of(1, "number"))
    call.at_most(2)
    if not _agrees():
        raise Unfoldable("atan2 of this engine differs in the last digit")
    return typed(t.function("atan2", t.as_double(y), t.as_double(x)), "number", "DOUBLE", y, x)


def _agrees() -> bool:
    """Whether the engine gives the bits that Python gives; one query per process."""
    if not _checked:
        import duckdb

        from folding.engines.database import root

        odd = [0.0, -0.0, math.inf, -math.inf, 1.0, -1.0]
        pairs = [(a, b) for a in odd for b in odd]
        pairs += [(i * 0.73 - 20, j / 7 - 4) for i in range(60) for j in range(60)]
        try:
            text = "SELECT atan2(p[1], p[2]) FROM unnest(?) t(p)"
            cells = root().cursor().execute(text, [[list(p) for p in pairs]]).fetchall()
            _checked.append([c[0].hex() for c in cells] == [math.atan2(a, b).hex() for a, b in pairs])
        except duckdb.Error:
            _checked.append(False)
    return _checked[0]
