"""The Umm al-Qura calendar of Saudi Arabia (ar-SA; CVT-103): its months as .NET has them, 1318 to 1500.

The calendar follows no formula, so the lengths of its months stand here: three
hexadecimal digits a year, bit 0 for the first month, set when the month has 30 days
and clear when it has 29.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache

from mlang import errors
from mlang.values.temporal import days_of

FIRST_YEAR = 1318
_MONTHS = (
    "2EA6E9ED2EA4D4AA96536AB5DAABA4B49A9352BA574B6AB55AAD55D2AA564AE95D2EC6D56AA5554AB95B2BA575BB2764"
    "7496552AB55BADA6D4EC9D92D25A4D2AD56DB6AB52AA5A4B4979372B6575D6AD52A9692D25D4DDADA5D4DA9D52AAA4D6"
    "9B63747697526A554BAAB55AAD5DD2DA4D49A9552DA5D55AAD56AA69552BA574AE97656CB55AAAA554AD95D2DA5D9DB2"
    "BA4B4AA552B5575B6ABD2BC4B89A9552D5ADB6A6D4DC9D92AA69562AE56D36AB55AAA94D49D95D2BA5B55AAD55A9A92E"
    "26E55DADA6D46A554BA9754EAAE5ACBA9D92B2564BCAB55AB556D2EA5E4AA9552DAAD36C7596D269552DA5B4BA9BA3B4"
    "B69B52AA64B696D2EC6D9EB2D54D2AA564AE96DD6AB54B29A9352BA57536AB56AAE93"
)


@cache
def _starts() -> list[int]:
    """Days since 0001-01-01 on which each month begins, and the day after the last one."""
    starts = [days_of(1900, 4, 30)]
    for at in range(0, len(_MONTHS), 3):
        bits = int(_MONTHS[at : at + 3], 16)
        for month in range(12):
            starts.append(starts[-1] + 29 + (bits >> month & 1))
    return starts


def parts(days: int) -> tuple[int, int, int]:
    """Year, month and day of a day; outside the published years an error."""
    starts = _starts()
    if not starts[0] <= days < starts[-1]:
        raise errors.temporal_out_of_range("Date")
    index = bisect_right(starts, days) - 1
    return FIRST_YEAR + index // 12, index % 12 + 1, days - starts[index] + 1


def to_days(year: int, month: int, day: int) -> int:
    """Days since 0001-01-01; ValueError for no such date, or one outside the published years."""
    starts = _starts()
    index = (year - FIRST_YEAR) * 12 + month - 1
    if not (1 <= month <= 12 and 0 <= index < len(starts) - 1):
        raise ValueError(year)
    if not 1 <= day <= starts[index + 1] - starts[index]:
        raise ValueError(day)
    return starts[index] + day - 1
