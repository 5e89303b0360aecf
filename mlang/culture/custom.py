"""Custom number formats: ``#,##0.00;(#,##0.00);"none"`` (CVT-32 to CVT-41).

The format is scanned twice, as .NET does: once to learn where digits, point, group
and scaling commas, percent signs and exponent stand, once to write.  Read
``digits.py`` first.
"""

from __future__ import annotations

from functools import lru_cache

from mlang.culture.data import CultureInfo
from mlang.culture.digits import Digits

_FAR = 1 << 30


def format_custom(number: Digits, pattern: str, info: CultureInfo) -> str:
    """The number in a custom format; ``number`` is used up."""
    plan, first_section = _choose(number, pattern)
    return _Writer(number, plan, info, first_section).write()


def _sections(pattern: str) -> list[str]:
    """The format split at its semicolons (those outside quotes); at most three count."""
    sections, current, i = [], "", 0
    while i < len(pattern):
        char = pattern[i]
        end = i + 1
        if char in "'\"":
            close = pattern.find(char, end)
            end = len(pattern) if close < 0 else close + 1
        elif char == "\\":
            end = min(i + 2, len(pattern))
        elif char == ";":
            sections.append(current)
            current, i = "", end
            continue
        current += pattern[i:end]
        i = end
    sections.append(current)
    return sections[:3]


@lru_cache(maxsize=256)
def _plans(pattern: str) -> list[_Plan | None]:
    """The sections, scanned; None for an empty one that is not the first."""
    return [_Plan(section) if section or i == 0 else None for i, section in enumerate(_sections(pattern))]


def _choose(number: Digits, pattern: str) -> tuple[_Plan, bool]:
    """The section that fits, and the number scaled and rounded for it."""
    plans = _plans(pattern)

    def section(index: int) -> int:
        return index if index < len(plans) and plans[index] is not None else 0

    chosen = section(2) if not number.digits else section(1) if number.negative else 0
    while True:
        plan = plans[chosen]
        assert plan is not None
        if not number.digits:
            number.negative, number.scale = False, 0
            return plan, chosen == 0
        number.scale += plan.scale_adjust
        number.round(plan.digit_count if plan.scientific else number.scale + plan.digit_count - plan.point)
        if number.digits or section(2) == chosen:
            return plan, chosen == 0
        chosen = section(2)


class _Plan:
    """One section of a format: its tokens and what they say together."""

    __slots__ = (
        "digit_count", "first_zero", "grouped", "last_zero", "point", "scale_adjust", "scientific", "tokens",
    )  # fmt: skip

    def __init__(self, section: str) -> None:
        self.tokens = list(_tokens(section))
        self.digit_count, self.point, self.scale_adjust = 0, -1, 0
        self.first_zero, self.last_zero = _FAR, 0
        self.grouped = self.scientific = False
        commas_at, commas = -1, 0
        for kind, text in self.tokens:
            if kind == "digit":
                if text == "0":
                    self.first_zero = min(self.first_zero, self.digit_count)
                self.digit_count += 1
                if text == "0":
                    self.last_zero = self.digit_count
            elif kind == "point":
                self.point = self.digit_count if self.point < 0 else self.point
            elif kind == "comma" and self.digit_count > 0 and self.point < 0:
                if commas_at == self.digit_count:
                    commas += 1
                    continue
                self.grouped = self.grouped or commas_at >= 0
                commas_at, commas = self.digit_count, 1
            elif kind == "percent":
                self.scale_adjust += 2 if text == "%" else 3
            elif kind == "exponent":
                self.scientific = True
        if self.point < 0:
            self.point = self.digit_count
        if commas_at >= 0:
            if commas_at == self.point:
                self.scale_adjust -= 3 * commas
            else:
                self.grouped = True


def _tokens(section: str) -> list[tuple[str, str]]:
    """Pairs of kind and text: digit, point, comma, percent, exponent, literal."""
    tokens: list[tuple[str, str]] = []
    i = 0
    simple = {"#": "digit", "0": "digit", ".": "point", ",": "comma", "%": "percent", "‰": "percent"}
    while i < len(section):
        char = section[i]
        i += 1
        if char in simple:
            tokens.append((simple[char], char))
        elif char in "'\"":
            close = section.find(char, i)
            close = len(section) if close < 0 else close
            tokens.append(("literal", section[i:close]))
            i = close + 1
        elif char == "\\":
            tokens.append(("literal", section[i : i + 1]))
            i += 1
        elif char in "eE":
            length = _exponent_length(section, i)
            kind = "exponent" if length else "literal"
            tokens.append((kind, section[i - 1 : i + length]))
            i += length
        else:
            tokens.append(("literal", char))
    return tokens


def _exponent_length(section: str, i: int) -> int:
    """How many characters after an ``E`` make it an exponent: a sign or none, then zeros."""
    start = i
    if section[i : i + 1] in ("+", "-"):
        i += 1
    zeros = len(section[i:]) - len(section[i:].lstrip("0"))
    return i - start + zeros if zeros else 0


class _Writer:
    """Writes the digits into a section's places."""

    def __init__(self, number: Digits, plan: _Plan, info: CultureInfo, first_section: bool) -> None:
        self.number, self.plan, self.info = number, plan, info
        self.out: list[str] = []
        if number.negative and first_section:
            self.out.append(info.negative_sign)
        point = plan.point
        self.first = point - plan.first_zero if plan.first_zero < point else 0
        self.last = point - plan.last_zero if plan.last_zero > point else 0
        if plan.scientific:
            self.position, self.adjust = point, 0
        else:
            self.position = max(number.scale, point)
            self.adjust = number.scale - point
        self.cursor = 0
        self.separators = self._separators() if plan.grouped else set()

    def _separators(self) -> set[int]:
        """After which positions (digits left of the point still to come) a separator stands."""
        total = self.position + min(self.adjust, 0)
        count = max(self.first, total)
        places: set[int] = set()
        sizes, index, at = self.info.group_sizes, 0, 0
        while True:
            size = sizes[min(index, len(sizes) - 1)] if sizes else 0
            at += size
            if size == 0 or at >= count:
                return places
            places.add(at + 1)
            index += 1

    def write(self) -> str:
        """The text."""
        decimal_written = scientific_written = False
        for kind, text in self.plan.tokens:
            if kind in ("digit", "point"):
                self._excess()
            if kind == "digit":
                self._place()
            elif kind == "point":
                more = self.plan.point < self.plan.digit_count and self.cursor < len(self.number.digits)
                if self.position == 0 and not decimal_written and (self.last < 0 or more):
                    self.out.append(self.info.decimal)
                    decimal_written = True
            elif kind == "percent":
                self.out.append(self.info.percent_symbol if text == "%" else self.info.per_mille_symbol)
            elif kind == "exponent":
                self.out.append(text if scientific_written else self._exponent(text))
                scientific_written = True
            elif kind == "literal":
                self.out.append(text)
        return "".join(self.out)

    def _next(self) -> str:
        """The next digit, "" behind the last."""
        digit = self.number.digits[self.cursor : self.cursor + 1]
        self.cursor += 1
        return digit

    def _put(self, digit: str) -> None:
        self.out.append(digit)
        if self.position > 1 and self.position in self.separators:
            self.out.append(self.info.group)

    def _excess(self) -> None:
        """Digits for which the format has no place stand before its first place."""
        while self.adjust > 0:
            self._put(self._next() or "0")
            self.position -= 1
            self.adjust -= 1

    def _place(self) -> None:
        if self.adjust < 0:
            self.adjust += 1
            digit = "0" if self.position <= self.first else ""
        else:
            digit = self._next() or ("0" if self.position > self.last else "")
        if digit:
            self._put(digit)
        self.position -= 1

    def _exponent(self, text: str) -> str:
        letter, rest = text[0], text[1:]
        signed = rest[0] == "+"
        value = self.number.scale - self.plan.point if self.number.digits else 0
        width = min(len(rest.lstrip("+-")), 10)
        sign = self.info.negative_sign if value < 0 else self.info.positive_sign if signed else ""
        return letter + sign + str(abs(value)).rjust(width, "0")
