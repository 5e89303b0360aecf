"""SQL forms of numbers in formats: ``Number.ToText([n], "#,##0.00")`` and the standard formats F, N, P, C, D, X and G.

A number is rounded to the places of its format, half away from zero, which leaves a whole number of the last
place; its digits are cut into those before and behind the point.  Numbers of more digits than that is exact for
stop the query.
"""

from __future__ import annotations

import re
from typing import Any

from attrs import evolve, frozen
from sqlglot import exp

from folding import terms as t
from folding.functions.rounding import rounded, to_digits
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.custom import _Plan, _plans
from mlang.culture.data import CultureInfo

_AWAY_FROM_ZERO = 2
_STANDARD = re.compile(r"([A-Za-z])([0-9]{0,2})")


def _text(sql: Any, *parts: Scalar) -> Scalar:
    return typed(sql, "text", "VARCHAR", *parts)


def _joined(parts: list[Any]) -> Any:
    """Texts put together; what is empty is left out."""
    kept = [p for p in parts if not (isinstance(p, exp.Literal) and p.is_string and not p.this)]
    if not kept:
        return exp.Literal.string("")
    result = kept[0]
    for part in kept[1:]:
        result = t.binary(exp.DPipe, result, part)
    return result


# ---------------------------------------------------------------- the digits


@frozen
class Places:
    """How many digits stand before the point at least and behind it at least and at most, and the power of ten."""

    before: int
    least: int
    most: int
    adjust: int = 0


def _units(x: Scalar, places: int) -> Any:
    """The magnitude as a whole number of so many decimals, rounded half away from zero."""
    number = t.as_double(x)
    if x.int53 and places >= 0:
        if places > 9:
            raise Unfoldable("a format with very many decimals")
        size = t.function("abs", t.cast(number, "BIGINT"))
        limit = 10 ** min(15, 18 - places)
        if x.largest is None or x.largest >= limit:
            size = t.unless(t.binary(exp.GTE, size, t.whole(limit)), size)
        return t.binary(exp.Mul, size, t.cast(t.whole(10**places), "BIGINT")) if places else size
    if abs(places) > 9:
        raise Unfoldable("a format with very many decimals")
    nearest = to_digits(x, places, _AWAY_FROM_ZERO) if places else rounded(x, 0, _AWAY_FROM_ZERO).sql
    size = t.function("abs", nearest)
    scaled = size
    if places > 0:
        scaled = t.binary(exp.Mul, size, t.double(10.0**places))
    elif places < 0:
        scaled = exp.Div(this=t.operand(size), expression=t.double(10.0**-places), typed=True)
    whole = t.function("round_even", scaled, t.whole(0))
    beyond = t.negation(t.binary(exp.LT, t.function("abs", number), t.double(1e15)))
    return t.cast(t.unless(beyond, whole), "BIGINT")


def _written(units: Any, places: Places, group: str | None, point: str) -> Any:
    """The digits of a whole number of units, with a point and groups of three."""
    if places.most > 15:
        raise Unfoldable("a format with very many decimals")
    ten = t.cast(t.whole(10**places.most), "BIGINT")
    whole = t.binary(exp.IntDiv, units, ten) if places.most else units
    if group is None:
        digits = t.cast(whole, "VARCHAR")
        if places.before > 1:
            long = t.binary(exp.GTE, t.function("length", digits), t.whole(places.before))
            padded = t.function("lpad", digits, t.whole(places.before), exp.Literal.string("0"))
            digits = t.case((long, digits), otherwise=padded)
    else:
        if places.before > 1:
            raise Unfoldable("a format of groups with zeros in front")
        digits = t.function("format", exp.Literal.string("{:,}"), whole)
        if group != ",":
            digits = t.function("replace", digits, exp.Literal.string(","), t.string(group))
    if not places.before:
        digits = t.case((t.binary(exp.EQ, whole, t.whole(0)), exp.Literal.string("")), otherwise=digits)
    if not places.most:
        return digits
    rest = t.cast(t.binary(exp.Mod, units, ten), "VARCHAR")
    rest = t.function("lpad", rest, t.whole(places.most), exp.Literal.string("0"))
    if places.least == places.most:
        return _joined([digits, t.string(point), rest])
    kept = t.function("left", rest, t.whole(places.least))
    optional = t.function(
        "rtrim", t.function("substr", rest, t.whole(places.least + 1)), exp.Literal.string("0")
    )
    rest = _joined([kept, optional]) if places.least else optional
    pointed = t.binary(exp.DPipe, t.string(point), rest)
    if not places.least:
        pointed = t.case(
            (t.binary(exp.EQ, rest, exp.Literal.string("")), exp.Literal.string("")), otherwise=pointed
        )
    return t.binary(exp.DPipe, digits, pointed)


def _group(info: CultureInfo, separator: str) -> str:
    if tuple(info.group_sizes) != (3,):
        raise Unfoldable("a culture that groups digits otherwise than by three")
    return separator


# ---------------------------------------------------------------- standard formats


def formatted(x: Scalar, format: Any, info: CultureInfo) -> Scalar:
    """A number in a constant format."""
    if format.__class__ is not str:
        raise Unfoldable("a format that is no text")
    x = t.need(t.plain_number(t.of_kind(x, "number")), "number")
    if x.storage == "BIGINT" and not x.int53:
        raise Unfoldable("64-bit whole numbers in a format")
    found = _STANDARD.fullmatch(format)
    if found is None:
        return _custom(x, format, info)
    letter, precision = found[1].upper(), int(found[2]) if found[2] else None
    if letter in _AMOUNTS:
        return _AMOUNTS[letter](x, precision, info)
    if letter == "D":
        return _whole(x, precision or 1, info)
    if letter == "X":
        return _hexadecimal(x, found[1], precision or 1)
    if letter == "G" and not precision:
        return _general(x, info)
    raise Unfoldable("a number in this format")


def _amount(
    x: Scalar, places: Places, group: str | None, point: str, patterns: tuple[str, str], signs: dict[str, str]
) -> Scalar:
    """A number in one of two patterns, in which n stands for the digits."""
    units = _units(x, places.most + places.adjust)
    digits = _written(units, places, group, point)

    def filled(pattern: str) -> Any:
        parts = [digits if c == "n" else t.string(signs.get(c, c)) for c in pattern]
        return _joined(parts)

    below = t.all_of([t.binary(exp.LT, t.as_double(x), t.double(0.0)), t.binary(exp.GT, units, t.whole(0))])
    return _text(t.case((below, filled(patterns[1])), otherwise=filled(patterns[0])), x)


def _fixed(x: Scalar, precision: int | None, info: CultureInfo) -> Scalar:
    places = 2 if precision is None else precision
    return _amount(x, Places(1, places, places), None, info.decimal, ("n", "-n"), {"-": info.negative_sign})


def _number(x: Scalar, precision: int | None, info: CultureInfo) -> Scalar:
    places = 2 if precision is None else precision
    group = _group(info, info.group)
    return _amount(x, Places(1, places, places), group, info.decimal, ("n", "-n"), {"-": info.negative_sign})


def _percent(x: Scalar, precision: int | None, info: CultureInfo) -> Scalar:
    places = 2 if precision is None else precision
    signs = {"-": info.negative_sign, "%": info.percent_symbol}
    patterns = info.percent_positive, info.percent_negative
    return _amount(x, Places(1, places, places, 2), _group(info, info.group), info.decimal, patterns, signs)


def _currency(x: Scalar, precision: int | None, info: CultureInfo) -> Scalar:
    places = info.currency_digits if precision is None else precision
    signs = {"-": info.negative_sign, "$": info.currency_symbol}
    patterns = info.currency_positive, info.currency_negative
    group = _group(info, info.currency_group)
    return _amount(x, Places(1, places, places), group, info.currency_decimal, patterns, signs)


_AMOUNTS = {"F": _fixed, "N": _number, "P": _percent, "C": _currency}


def _certainly_whole(x: Scalar) -> Any:
    """The number as a BIGINT; one that is not whole, or large, stops the query."""
    if x.int53 and x.storage == "BIGINT":
        return t.cast(x.use, "BIGINT")
    number = t.as_double(x)
    if x.int53:
        return t.cast(number, "BIGINT")
    fine = t.binary(exp.LT, t.function("abs", number), t.double(float(t.INT53)))
    same = t.binary(exp.EQ, t.function("trunc", number), number)
    return t.cast(t.unless(t.negation(t.all_of([fine, same])), number), "BIGINT")


def _whole(x: Scalar, width: int, info: CultureInfo) -> Scalar:
    number = _certainly_whole(x)
    digits = _written(t.function("abs", number), Places(width, 0, 0), None, "")
    below = t.binary(exp.LT, number, t.whole(0))
    return _of_whole(t.case((below, _joined([t.string(info.negative_sign), digits])), otherwise=digits), x)


def _hexadecimal(x: Scalar, letter: str, width: int) -> Scalar:
    """A negative number in the two's complement of the narrowest integer type that has it."""
    number = _certainly_whole(x)
    if x.natural:
        return _of_whole(_hexadecimal_digits(number, letter, width), x)
    branches = []
    for bits in (8, 16, 32):
        fits = t.binary(exp.GTE, number, t.whole(-(1 << (bits - 1))))
        branches.append((fits, t.binary(exp.Add, number, t.cast(t.whole(1 << bits), "BIGINT"))))
    wrapped = t.case(*branches, (t.not_null(number), t.error()), otherwise=number)
    # a function of the column itself is computed once for each of its different values, where the file keeps them so
    plain = t.binary(exp.GTE, number, t.whole(0)), _hexadecimal_digits(number, letter, width)
    return _of_whole(t.case(plain, otherwise=_hexadecimal_digits(wrapped, letter, width)), x)


def _hexadecimal_digits(number: Any, letter: str, width: int) -> Any:
    """A whole number that is not negative."""
    digits = t.function("to_hex", number)  # half the time of format
    if letter == "x":
        digits = t.function("lower", digits)
    if width <= 1:
        return digits
    long = t.binary(exp.GTE, t.function("length", digits), t.whole(width))
    padded = t.function("lpad", digits, t.whole(width), exp.Literal.string("0"))
    return t.case((long, digits), otherwise=padded)


def _of_whole(sql: Any, x: Scalar) -> Scalar:
    """A text of whole numbers; M raises for others."""
    return evolve(_text(sql, x), raises=x.raises or not x.int53)


def _general(x: Scalar, info: CultureInfo) -> Scalar:
    """15 digits; what is written with an exponent stops the query."""
    number = t.binary(exp.Add, t.as_double(x), t.double(0.0))
    size = t.function("abs", number)
    small = t.all_of([t.binary(exp.LT, size, t.double(1e-4)), t.binary(exp.GT, size, t.double(0.0))])
    outside = t.any_of([t.negation(t.binary(exp.LT, size, t.double(9.99999999999999e14))), small])
    sql: Any = t.function("printf", exp.Literal.string("%.15g"), number)
    if info.decimal != ".":
        sql = t.function("replace", sql, exp.Literal.string("."), t.string(info.decimal))
    if info.negative_sign != "-":
        raise Unfoldable("a culture with another sign")
    return _text(
        t.case((t.is_null(number), t.cast(exp.Null(), "VARCHAR")), (outside, t.error()), otherwise=sql), x
    )


# ---------------------------------------------------------------- custom formats


def _custom(x: Scalar, format: str, info: CultureInfo) -> Scalar:
    """Up to three sections: for numbers above zero, below it, and zero; what rounds to zero is zero."""
    plans = _plans(format)
    if any("\ud800" <= c <= "\udfff" or c < " " for c in format):
        raise Unfoldable("a format with control characters")

    def section(index: int) -> int:
        return index if index < len(plans) and plans[index] is not None else 0

    number = t.as_double(x)
    zero = _section(x, plans[section(2)], info, section(2) == 0, "zero")
    branches = []
    for index, node in ((section(1), exp.LT), (0, exp.GT)):
        plan = plans[index]
        assert plan is not None
        units = _units(x, _places(plan).most + _places(plan).adjust)
        there = t.all_of([t.binary(node, number, t.double(0.0)), t.binary(exp.GT, units, t.whole(0))])
        sign = "below" if node is exp.LT and index == 0 else "above"
        branches.append((there, _section(x, plan, info, index == 0, sign)))
    odd = [] if x.int53 else [(t.negation(t.function("isfinite", number)), t.error())]
    null = [(t.is_null(number), t.cast(exp.Null(), "VARCHAR"))] if x.nullable else []
    return _text(t.case(*null, *odd, *branches, otherwise=zero), x)


def _places(plan: _Plan) -> Places:
    before = plan.point - plan.first_zero if plan.first_zero < plan.point else 0
    least = plan.last_zero - plan.point if plan.last_zero > plan.point else 0
    return Places(before, least, plan.digit_count - plan.point, plan.scale_adjust)


def _section(x: Scalar, plan: _Plan | None, info: CultureInfo, first: bool, sign: str) -> Any:
    """A section of a format, filled: its digits stand together, as a rule."""
    assert plan is not None
    places = _places(plan)
    kinds = [kind for kind, _ in plan.tokens]
    inner = [i for i, kind in enumerate(kinds) if kind in ("digit", "point")]
    if plan.scientific or (inner and "literal" in kinds[inner[0] : inner[-1] + 1]):
        raise Unfoldable("a format with something between its digits")
    if inner and "percent" in kinds[inner[0] : inner[-1] + 1]:
        raise Unfoldable("a format with something between its digits")
    if places.before > 15:
        raise Unfoldable("a format of very many digits")
    units = t.cast(t.whole(0), "BIGINT") if sign == "zero" else _units(x, places.most + places.adjust)
    group = _group(info, info.group) if plan.grouped else None
    parts: list[Any] = [t.string(info.negative_sign)] if sign == "below" and first else []
    written = False
    for kind, text in plan.tokens:
        if kind == "literal":
            parts.append(t.string(text))
        elif kind == "percent":
            parts.append(t.string(info.percent_symbol if text == "%" else info.per_mille_symbol))
        elif kind in ("digit", "point") and not written:
            written = True
            parts.append(
                _written(units, places, group, info.decimal) if plan.digit_count else exp.Literal.string("")
            )
    return _joined(parts)
