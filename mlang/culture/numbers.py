"""Numbers to text and back as .NET does it in a culture.

`format_number` knows the standard formats C D E F G N P X (CVT-12 to CVT-31) and
hands everything else to ``custom.py``; without a format it writes the default text
(CVT-01 to CVT-13).  `parse_number` reads what NumberStyles.Any reads (CVT-42 to
CVT-56).  Digits and rounding are in ``digits.py``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from mlang import errors
from mlang.culture.data import CultureInfo, culture
from mlang.culture.digits import Digits, digits_of, group
from mlang.culture.text import WHITE_SPACE
from mlang.values.show import number_text

_STANDARD = re.compile(r"([A-Za-z])(0*[0-9]{0,2})\Z")


# ---------------------------------------------------------------- to text


def default_text(value: Any, info: CultureInfo) -> str:
    """The text of a number without a format, in a culture (CVT-11)."""
    if value.__class__ is float and not -_INFINITY < value < _INFINITY:
        return _symbol(value, info)
    text = number_text(value)
    if info.decimal != "." and "." in text:
        text = text.replace(".", info.decimal)
    return text


def format_number(value: Any, format: str | None, culture_name: str | None = None) -> str:
    """The text of a number in a standard or custom format; None is the session's culture."""
    info = culture(culture_name)
    if not format:
        return default_text(value, info)
    match = _STANDARD.match(format)
    letter = match[1].upper() if match else ""
    if match and letter not in _FORMATS:
        raise errors.format_not_supported("Number", format)
    if value.__class__ is float and (value != value or value in (_INFINITY, -_INFINITY)):
        if letter in ("D", "X"):
            raise errors.format_not_supported("Number", format)
        return _symbol(value, info)
    if match is None:
        from mlang.culture.custom import format_custom

        return format_custom(digits_of(value), format, info)
    precision = int(match[2]) if match[2] else None
    return _FORMATS[letter](value, precision, match[1], info)


_INFINITY = float("inf")


def _symbol(value: float, info: CultureInfo) -> str:
    """What a culture writes for what is no finite number (CVT-12)."""
    return info.nan if value != value else info.infinity if value > 0 else info.negative_infinity


def _sign(number: Digits, text: str, info: CultureInfo) -> str:
    return info.negative_sign + text if number.negative else text


def _fixed(value: Any, precision: int | None, letter: str, info: CultureInfo) -> str:
    places = 2 if precision is None else precision
    number = digits_of(value)
    number.round(number.scale + places)
    whole, rest = number.fixed(places)
    return _sign(number, whole + (info.decimal + rest if rest else ""), info)


def _grouped(number: Digits, places: int, info: CultureInfo, separator: str, point: str) -> str:
    number.round(number.scale + places)
    whole, rest = number.fixed(places)
    return group(whole, info, separator) + (point + rest if rest else "")


def _number(value: Any, precision: int | None, letter: str, info: CultureInfo) -> str:
    number = digits_of(value)
    text = _grouped(number, 2 if precision is None else precision, info, info.group, info.decimal)
    return _sign(number, text, info)


def _percent(value: Any, precision: int | None, letter: str, info: CultureInfo) -> str:
    number = digits_of(value)
    if number.digits:
        number.scale += 2
    text = _grouped(number, 2 if precision is None else precision, info, info.group, info.decimal)
    pattern = info.percent_negative if number.negative else info.percent_positive
    return _fill(pattern, {"n": text, "%": info.percent_symbol, "-": info.negative_sign})


def _currency(value: Any, precision: int | None, letter: str, info: CultureInfo) -> str:
    number = digits_of(value)
    places = info.currency_digits if precision is None else precision
    text = _grouped(number, places, info, info.currency_group, info.currency_decimal)
    pattern = info.currency_negative if number.negative else info.currency_positive
    return _fill(pattern, {"n": text, "$": info.currency_symbol, "-": info.negative_sign})


def _fill(pattern: str, parts: dict[str, str]) -> str:
    return "".join(parts.get(char, char) for char in pattern)


def _scientific(value: Any, precision: int | None, letter: str, info: CultureInfo) -> str:
    places = 6 if precision is None else precision
    number = digits_of(value, 17 if places > 14 else 15)
    number.round(places + 1)
    return _sign(number, _mantissa(number, places, info) + _exponent(number, letter, 3, info), info)


def _mantissa(number: Digits, places: int, info: CultureInfo) -> str:
    digits = number.digits.ljust(places + 1, "0")
    return digits[0] + (info.decimal + digits[1 : places + 1] if places else "")


def _exponent(number: Digits, letter: str, width: int, info: CultureInfo) -> str:
    exponent = number.scale - 1 if number.digits else 0
    sign = info.negative_sign if exponent < 0 else info.positive_sign
    return letter + sign + str(abs(exponent)).rjust(width, "0")


def _general(value: Any, precision: int | None, letter: str, info: CultureInfo) -> str:
    if not precision and value.__class__ is Decimal:
        return default_text(value, info)
    number = digits_of(value, 17 if precision and precision > 15 else 15)
    places = precision or number.precision
    number.round(places)
    if number.scale > places or number.scale < -3:
        digits = max(len(number.digits) - 1, 0)
        mark = "E" if letter == "G" else "e"
        return _sign(number, _mantissa(number, digits, info) + _exponent(number, mark, 2, info), info)
    whole, rest = number.fixed(max(len(number.digits) - number.scale, 0))
    return _sign(number, whole + (info.decimal + rest if rest else ""), info)


def _whole(value: Any, format: str) -> int:
    whole = int(value)
    if whole != value or not -(2**63) <= whole < 2**63:
        raise errors.format_not_supported("Number", format)
    return whole


def _decimal(value: Any, precision: int | None, letter: str, info: CultureInfo) -> str:
    whole = _whole(value, letter)
    text = str(abs(whole)).rjust(precision or 1, "0")
    return info.negative_sign + text if whole < 0 else text


def _hexadecimal(value: Any, precision: int | None, letter: str, info: CultureInfo) -> str:
    """Negative numbers in the two's complement of the narrowest integer type that has them (CVT-20)."""
    whole = _whole(value, letter)
    if whole < 0:
        bits = next(b for b in (8, 16, 32, 64) if whole >= -(1 << (b - 1)))
        whole += 1 << bits
    text = f"{whole:{letter}}"
    return text.rjust(precision or 1, "0")


_FORMATS = {
    "C": _currency, "D": _decimal, "E": _scientific, "F": _fixed, "G": _general, "N": _number, "P": _percent,
    "X": _hexadecimal,
}  # fmt: skip


# ---------------------------------------------------------------- from text

_SIMPLE = re.compile(r"[-+]?[0-9]{1,15}\Z")
_SIMPLE_FRACTION = re.compile(r"[-+]?(?=[0-9.]{2,16}\Z)[0-9]+\.[0-9]*\Z")
#: Longest decimal text that is kept exactly: 28 digits and as many behind the point.
_MOST_DIGITS = 28


def parse_number(text: str, culture_name: str | None = None) -> Any:
    """The number a text spells in a culture; None for an empty text; else the engine's error.

    The result is a float unless that would lose digits (CVT-52): a whole number of 64
    bits, or a Decimal.
    """
    if _SIMPLE.match(text):
        return float(text)
    info = culture(culture_name)
    if info.decimal == "." and _SIMPLE_FRACTION.match(text) and len(text) < 16:
        plain = float(text)
        if abs(plain) >= 1e-4 or plain == 0:
            return plain
    spelt = read(text.strip(WHITE_SPACE), info)
    if spelt is None:
        raise errors.could_not_convert_to_number(text)
    return spelt.number


_DIGIT = re.compile("[0-9]")


class Spelt:
    """A number read from text, and how it was written (for Text.InferNumberType)."""

    __slots__ = ("currency", "number", "percent", "whole")

    def __init__(
        self, number: Any, percent: bool = False, currency: bool = False, whole: bool = False
    ) -> None:
        self.number, self.percent, self.currency, self.whole = number, percent, currency, whole


def read(text: str, info: CultureInfo) -> Spelt | None:
    """Reads a text without blanks around it; None when it spells no number."""
    if not text or text.lower() == "null":
        return Spelt(None)
    if text == info.nan:
        return Spelt(float("nan"))
    if text == info.infinity:
        return Spelt(_INFINITY)
    if text == info.negative_infinity:
        return Spelt(-_INFINITY)
    if _DIGIT.search(text) is None:  # most texts that are no numbers are words
        return None
    body, percent = _without_percent(text, info)
    money = _CURRENCY_FIRST.match(body)
    separators = _separators(info, money is not None and info.currency_symbol in money[0])
    match = _grammar(info, separators).match(body)
    if match is None or not (match["whole"] or match["fraction"]):
        return None
    around = _around(match["lead"], match["trail"], info)
    if around is None:
        return None
    digits = match["whole"]
    for mark in separators[1]:
        digits = digits.replace(mark, "")
    negative, currency = around
    number = _value(digits, match["fraction"] or "", match["exponent"], negative, 2 if percent else 0)
    whole = match["fraction"] is None and match["exponent"] is None
    return None if number is None else Spelt(number, percent, currency, whole)


def _without_percent(text: str, info: CultureInfo) -> tuple[str, bool]:
    mark = info.percent_symbol
    if text.endswith(mark):
        return text[: -len(mark)].rstrip(WHITE_SPACE), True
    if text.startswith(mark):
        return text[len(mark) :].lstrip(WHITE_SPACE), True
    return text, False


def _around(lead: str, trail: str, info: CultureInfo) -> tuple[bool, bool] | None:
    """Negative? and currency? of what stands beside the digits; None when it contradicts itself.

    One sign or one pair of parentheses, one currency symbol; no blank between a sign and
    the digits unless the currency symbol came before.
    """
    sign = open_ = closed = currency = False
    negative = False
    for at_front, part in ((True, lead), (False, trail)):
        for token in _tokens(info).findall(part):
            if token == info.currency_symbol:
                if currency:
                    return None
                currency = True
            elif token in (info.negative_sign, info.positive_sign, "("):
                if sign:
                    return None
                sign, negative, open_ = True, token != info.positive_sign, token == "("
            elif token == ")":
                if closed or not open_:
                    return None
                closed = True
            elif at_front and sign and not currency:
                return None
    return (negative, currency) if open_ == closed else None


#: Decimal and group separators that count.
Separators = tuple[tuple[str, ...], tuple[str, ...]]
_CURRENCY_FIRST = re.compile(r"[^0-9]*")
_grammars: dict[tuple[str, Separators], re.Pattern[str]] = {}
_token_patterns: dict[str, re.Pattern[str]] = {}


def _separators(info: CultureInfo, money: bool) -> Separators:
    """Those of amounts of money, and those of numbers unless the currency symbol came before the digits.

    A no-break blank may be typed as a blank; the narrow one may not (CVT-51).
    """
    decimals = (info.currency_decimal,) if money else (info.currency_decimal, info.decimal)
    groups = [info.currency_group] if money else [info.currency_group, info.group]
    if "\u00a0" in groups:
        groups.append(" ")
    return decimals, tuple(mark for mark in groups if mark not in decimals)


def _tokens(info: CultureInfo) -> re.Pattern[str]:
    pattern = _token_patterns.get(info.name)
    if pattern is None:
        marks = (info.currency_symbol, info.negative_sign, info.positive_sign, "(", ")")
        either = "|".join(re.escape(mark) for mark in marks)
        pattern = _token_patterns[info.name] = re.compile(rf"{either}|[ \t-\r]")
    return pattern


def _grammar(info: CultureInfo, separators: Separators) -> re.Pattern[str]:
    """The shape of numbers in a culture; what may stand at the sides is checked by `_around`."""
    pattern = _grammars.get((info.name, separators))
    if pattern is None:
        points, marks = ("|".join(re.escape(mark) for mark in either) for either in separators)
        sides = _tokens(info).pattern
        pattern = _grammars[info.name, separators] = re.compile(
            rf"(?P<lead>(?:{sides})*)(?P<whole>(?:[0-9](?:{marks})*)*)"
            rf"(?:(?:{points})(?P<fraction>[0-9]*))?(?:[eE](?P<exponent>[-+]?[0-9]+))?"
            rf"(?P<trail>(?:{sides})*)\Z"
        )
    return pattern


def _value(digits: str, fraction: str, exponent: str | None, negative: bool, shift: int) -> Any:
    """The number of some digits, None when no double holds it; ``shift`` is 2 for percent."""
    text = f"{'-' if negative else ''}{digits or '0'}{'.' if fraction else ''}{fraction}e"
    if exponent is not None:
        power = int(exponent) - shift if len(exponent) < 9 else exponent
        plain = float(f"{text}{power}")
        return None if plain in (_INFINITY, -_INFINITY) else plain
    plain = float(f"{text}{-shift}")
    significant = (digits + fraction).strip("0")
    size = abs(plain)
    if len(significant) <= 15 and (size >= 1e-4 or plain == 0) and size < 2.0**63:
        return plain
    exact = Decimal(f"{text}{-shift}")
    if size < 1e19 and exact == exact.to_integral_value() and -(2**63) <= exact < 2**63:
        return plain if abs(exact) <= 2**53 else int(exact)
    if len(significant) > _MOST_DIGITS or len(fraction) + shift > _MOST_DIGITS or size >= 10.0**_MOST_DIGITS:
        return None if size == _INFINITY else plain
    return plain if size >= 1e-4 and Decimal(repr(plain)) == exact and size < 2.0**63 else exact
