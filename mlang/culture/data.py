"""What a culture is: separators, symbols, patterns and names, as Windows gives them to .NET.

`culture("de-DE")` answers a `CultureInfo`; names ignore case and "" is the invariant
culture (CVT-30).  The common cultures stand in ``tables.py``; every other one is
derived from CLDR in ``cldr.py``, which alone imports babel.  What Windows has otherwise stands in
``windows.py``.  Patterns are in .NET pattern syntax.  Read ``numbers.py`` and ``dates.py``
next: they use what stands here.
"""

from __future__ import annotations

from typing import NamedTuple

from mlang import errors

#: Names of the invariant culture, English for people.
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS_SHORT = tuple(month[:3] for month in MONTHS)
_DAYS_SHORT = tuple(day[:3] for day in DAYS)


class CultureInfo(NamedTuple):
    """A culture; the defaults are those of the invariant one.

    Number patterns hold ``n`` for the digits, ``$`` for the currency symbol and ``%``
    for the percent sign (the symbols themselves are fields).  Weeks begin with
    Sunday = 0.  Month tuples have 12 names, day tuples 7 from Sunday.
    ``month_names_genitive`` is used beside a day number (``d MMMM``); the abbreviated
    ones are only read, never written.
    """

    name: str = ""
    # numbers
    decimal: str = "."
    group: str = ","
    group_sizes: tuple[int, ...] = (3,)
    negative_sign: str = "-"
    positive_sign: str = "+"
    nan: str = "NaN"
    infinity: str = "∞"
    negative_infinity: str = "-∞"
    percent_symbol: str = "%"
    per_mille_symbol: str = "‰"
    percent_positive: str = "n %"
    percent_negative: str = "-n %"
    currency_symbol: str = "¤"
    currency_digits: int = 2
    currency_decimal: str = "."
    currency_group: str = ","
    currency_positive: str = "$n"
    currency_negative: str = "($n)"
    # dates
    calendar: str = "gregorian"
    month_names: tuple[str, ...] = MONTHS
    month_names_genitive: tuple[str, ...] = MONTHS
    month_names_abbreviated: tuple[str, ...] = _MONTHS_SHORT
    month_names_abbreviated_genitive: tuple[str, ...] = _MONTHS_SHORT
    day_names: tuple[str, ...] = DAYS
    day_names_abbreviated: tuple[str, ...] = _DAYS_SHORT
    am: str = "AM"
    pm: str = "PM"
    era: str = "A.D."
    first_day: int = 0
    short_date: str = "MM/dd/yyyy"
    long_date: str = "dddd, dd MMMM yyyy"
    short_time: str = "HH:mm"
    long_time: str = "HH:mm:ss"
    month_day: str = "MMMM dd"
    year_month: str = "yyyy MMMM"
    date_separator: str = "/"
    time_separator: str = ":"

    @property
    def language(self) -> str:
        """The language part of the name in lower case, "" for the invariant culture."""
        return self.name.partition("-")[0].lower()


INVARIANT = CultureInfo()

_known: dict[str, CultureInfo] = {"": INVARIANT}


def culture(name: str | None = None) -> CultureInfo:
    """The culture of that name; None means the session's.  An unknown name raises."""
    if name is None:
        from mlang.session import current

        name = current().culture
    info = _known.get(name)
    if info is None:
        info = _known[name] = _find(name)
    return info


def _find(name: str) -> CultureInfo:
    from mlang.culture.tables import build

    info = build(name.replace("_", "-").lower())
    if info is None:
        from mlang.culture.cldr import derive
        from mlang.culture.windows import ALIASES

        other = ALIASES.get(name.lower())
        info = derive(name) if other is None else culture(other)._replace(name=name)
    if info is None:
        raise errors.culture_not_supported(name)
    return info
