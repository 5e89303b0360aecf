"""Cultures that ``tables.py`` does not have, derived from CLDR by babel (imported only here).

Windows differs from CLDR in ways that hold for all cultures: years are written with
four digits, the minus sign is the hyphen, blanks in patterns are plain blanks
(CVT-28), names stand alone beside no day.  The differences of single cultures stand in
``windows.py``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from mlang.culture.data import CultureInfo
from mlang.culture.tables import build
from mlang.culture.windows import differences

_RUN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.S)
#: CLDR pattern letters and what .NET writes; lengths above the key's take the longest.
_LETTERS = {
    "y": ("yyyy",) * 5, "u": ("yyyy",) * 5,
    "M": ("M", "MM", "MMM", "MMMM"), "L": ("M", "MM", "MMM", "MMMM"),
    "d": ("d", "dd"), "E": ("ddd", "ddd", "ddd", "dddd"), "c": ("ddd", "ddd", "ddd", "dddd"),
    "a": ("tt",), "b": ("tt",), "B": ("tt",), "h": ("h", "hh"), "K": ("h", "hh"),
    "H": ("H", "HH"), "k": ("H", "HH"), "m": ("m", "mm"), "s": ("s", "ss"), "G": ("gg",),
}  # fmt: skip


def derive(name: str) -> CultureInfo | None:
    """The culture of that name from CLDR; None when CLDR has no such one."""
    parsed = _locale(name)
    if parsed is None:
        return None
    shown, locale = parsed
    country = f"{locale.language}-{locale.territory}"
    if locale.script in (None, "Hans", "Latn"):
        known = build(country.lower())
        if known is not None:
            return known._replace(name=shown)
    fields = _numbers(locale) | _dates(locale) | differences(country)
    if locale.script:
        fields |= differences(f"{locale.language}-{locale.script}-{locale.territory}")
    return CultureInfo(shown, **fields)


def _locale(name: str) -> tuple[str, Any] | None:
    """The canonical name and babel's locale, the likely country added to a bare language."""
    from babel import Locale, UnknownLocaleError

    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|[0-9]{3}))?", name):
        return None
    parts = re.split("[-_]", name)
    canonical = [parts[0].lower()] + [p.title() if len(p) == 4 else p.upper() for p in parts[1:]]
    asked = ["nb" if canonical[0] == "no" else canonical[0], *canonical[1:]]
    try:
        locale = Locale.parse("_".join(asked))
        if locale.territory is None:
            locale = Locale.parse("_".join([*asked, _likely_country(asked)]))
    except (UnknownLocaleError, ValueError):
        return None
    return "-".join(canonical), locale


def _likely_country(parts: list[str]) -> str:
    from babel.core import get_global

    subtags = get_global("likely_subtags")
    likely: str | None = subtags.get("_".join(parts)) or subtags.get(parts[0])
    return likely.rpartition("_")[2] if likely else parts[0].upper()


# ---------------------------------------------------------------- numbers


def _numbers(locale: Any) -> dict[str, Any]:
    symbols = locale.number_symbols.get("latn") or next(iter(locale.number_symbols.values()))
    pattern = locale.decimal_formats[None].pattern
    code, digits = _currency(locale)
    decimal, group = symbols.get("decimal", "."), symbols.get("group", ",")
    positive, negative = _sides(_first(locale.currency_formats, "standard").pattern, "¤", "$")
    percent, percent_negative = _sides(locale.percent_formats[None].pattern, "%", "%")
    return {
        "decimal": decimal,
        "group": group,
        "group_sizes": _group_sizes(pattern),
        "nan": symbols.get("nan", "NaN"),
        "percent_positive": percent,
        "percent_negative": percent_negative,
        "currency_symbol": locale.currency_symbols.get(code, code),
        "currency_digits": digits,
        "currency_decimal": symbols.get("currencyDecimal", decimal),
        "currency_group": symbols.get("currencyGroup", group),
        "currency_positive": positive,
        "currency_negative": negative,
    }


def _first(formats: Any, name: str) -> Any:
    found = formats.get(name)
    return found if found is not None else next(iter(formats.values()))


def _currency(locale: Any) -> tuple[str, int]:
    """The country's currency code and how many decimals it is written with."""
    from babel.numbers import get_currency_precision, get_territory_currencies

    codes = get_territory_currencies(locale.territory) if locale.territory else []
    code = codes[0] if codes else "XXX"
    return code, int(get_currency_precision(code))


def _group_sizes(pattern: str) -> tuple[int, ...]:
    """``#,##,##0.###`` groups by three, then by twos."""
    whole = pattern.partition(";")[0].partition(".")[0]
    lengths = [len(part) for part in whole.split(",")[1:]]
    return tuple(reversed(lengths)) if lengths else (3,)


def _sides(pattern: str, mark: str, shown: str) -> tuple[str, str]:
    """Both .NET patterns from a CLDR one: the digits become ``n``, the mark ``shown``."""
    pieces = [_plain(p) for p in pattern.split(";")]
    sides = [re.sub(r"[#0][#0,.]*", "n", p).replace(mark, shown) for p in pieces]
    return sides[0], sides[1] if len(sides) > 1 else "-" + sides[0]


def _plain(text: str) -> str:
    """Special blanks as plain ones, direction marks dropped."""
    for blank in "\u00a0\u202f\u2009":
        text = text.replace(blank, " ")
    for mark in "\u200e\u200f\u061c":
        text = text.replace(mark, "")
    return text


# ---------------------------------------------------------------- dates


def _dates(locale: Any) -> dict[str, Any]:
    beside = locale.months["format"]
    skeletons = locale.datetime_skeletons
    short_date = to_net(locale.date_formats["short"].pattern)
    periods = locale.day_periods.get("format", {})
    names = periods.get("abbreviated") or periods.get("wide") or {}
    return {
        "month_names": _months(_alone(locale.months, "wide")),
        "month_names_genitive": _months(beside["wide"]),
        "month_names_abbreviated": _months(_alone(locale.months, "abbreviated")),
        "month_names_abbreviated_genitive": _months(beside["abbreviated"]),
        "day_names": _days(_alone(locale.days, "wide")),
        "day_names_abbreviated": _days(_alone(locale.days, "abbreviated")),
        "am": _plain(names.get("am", "")),
        "pm": _plain(names.get("pm", "")),
        "era": locale.eras["abbreviated"][1],
        "first_day": (locale.first_week_day + 1) % 7,
        "short_date": short_date,
        "long_date": to_net(locale.date_formats["full"].pattern),
        "short_time": to_net(locale.time_formats["short"].pattern),
        "long_time": to_net(locale.time_formats["medium"].pattern),
        "month_day": to_net(_skeleton(skeletons, "MMMMd", "MMMd", "d MMMM")),
        "year_month": to_net(_skeleton(skeletons, "yMMMM", "yMMM", "MMMM y")),
        "date_separator": _separator(short_date),
        "time_separator": _separator(to_net(locale.time_formats["short"].pattern)),
    }


def _alone(names: Any, width: str) -> Any:
    """Names that stand alone; where CLDR says "as beside a day", those.

    Babel keeps such an alias resolved for whichever locale came first, so it is not asked.
    """
    stored = names["stand-alone"]._data.get(width)
    if stored.__class__ is dict:
        return stored
    beside = names["format"][width]
    return {**beside, **stored[1]} if stored.__class__ is tuple else beside


def _skeleton(skeletons: Any, *names: str) -> str:
    """The first known skeleton's pattern; the last argument is itself a pattern."""
    for name in names[:-1]:
        found = skeletons.get(name)
        if found is not None:
            return str(found.pattern)
    return names[-1]


def _months(names: Any) -> tuple[str, ...]:
    return tuple(names[i] for i in range(1, 13))


def _days(names: Any) -> tuple[str, ...]:
    """From Sunday; babel counts from Monday."""
    return tuple(names[(i + 6) % 7] for i in range(7))


def _separator(pattern: str) -> str:
    match = re.search(r"[A-Za-z]([^A-Za-z']+)[A-Za-z]", pattern)
    return match[1].strip() or "/" if match else "/"


@cache
def to_net(pattern: str) -> str:
    """A CLDR date pattern in .NET's letters."""
    return "".join(_net_run(match) for match in _RUN.finditer(_plain(pattern))).strip()


def _net_run(match: re.Match[str]) -> str:
    letter = match[1]
    if letter is None:
        return match[0]
    forms = _LETTERS.get(letter)
    if forms is None:
        return ""
    return forms[min(len(match[0]), len(forms)) - 1]
