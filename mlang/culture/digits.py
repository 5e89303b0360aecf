"""A number as decimal digits: what all number formats work on (CVT-14, CVT-15).

A double counts with its 15 significant decimal digits, exact whole numbers and
decimals with all of theirs; rounding is half away from zero on those digits.  Read
``numbers.py`` next (standard formats and parsing), then ``custom.py``.
"""

from __future__ import annotations

from typing import Any

from mlang.culture.data import CultureInfo


class Digits:
    """``0.digits * 10 ** scale`` and the sign; ``digits`` has no zeros at its ends, zero is ``""``."""

    __slots__ = ("digits", "negative", "precision", "scale")

    def __init__(self, digits: str, scale: int, negative: bool, precision: int) -> None:
        self.digits, self.scale, self.negative, self.precision = digits, scale, negative, precision

    def round(self, places: int) -> None:
        """Keeps so many digits, half away from zero; what vanishes loses its sign."""
        if places < len(self.digits):
            up = places >= 0 and self.digits[places] >= "5"
            kept = self.digits[: max(places, 0)]
            if up:
                carried = str(int("1" + kept) + 1)
                if carried[0] == "2":
                    self.scale += 1
                    kept = "1"
                else:
                    kept = carried[1:]
            self.digits = kept.rstrip("0")
        if not self.digits:
            self.scale, self.negative = 0, False

    def fixed(self, places: int) -> tuple[str, str]:
        """The whole digits (at least "0") and exactly ``places`` digits after the point."""
        if self.scale > 0:
            whole = self.digits[: self.scale].ljust(self.scale, "0")
            rest = self.digits[self.scale :]
        else:
            whole, rest = "0", "0" * min(-self.scale, places) + self.digits
        return whole, rest[:places].ljust(places, "0")


def digits_of(value: Any, double_digits: int = 15) -> Digits:
    """The digits of a finite number; a double is cut to ``double_digits`` significant ones."""
    if value.__class__ is float:
        if value == 0:
            return Digits("", 0, False, 15)
        mantissa, _, exponent = f"{abs(value):.{double_digits - 1}e}".partition("e")
        return Digits(mantissa.replace(".", "").rstrip("0"), int(exponent) + 1, value < 0, 15)
    if value.__class__ is int:
        text = str(abs(value))
        return Digits(text.rstrip("0") if value else "", len(text) if value else 0, value < 0, 19)
    sign, parts, exponent = value.as_tuple()
    text = "".join(str(d) for d in parts).lstrip("0")
    if not text:
        return Digits("", 0, False, 29)
    return Digits(text.rstrip("0"), len(text) + int(exponent), bool(sign), 29)


def group(whole: str, info: CultureInfo, separator: str) -> str:
    """The digits before the point with group separators; the last size repeats, 0 ends grouping."""
    parts: list[str] = []
    sizes, index = info.group_sizes, 0
    while whole:
        size = sizes[min(index, len(sizes) - 1)] if sizes else 0
        if size == 0 or size >= len(whole):
            parts.append(whole)
            break
        parts.append(whole[-size:])
        whole = whole[:-size]
        index += 1
    return separator.join(reversed(parts))
