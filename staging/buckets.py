"""Incremental refresh: its settings on a query, and the buckets of days, weeks, months, quarters or years they mean.

How the product writes these settings into its files is in no public file, so they have a form of ours, an attribute
beside ``DataDestinations``:

    [IncrementalRefresh = [FilterColumn = "Ordered", Past = 3, Period = "Month", Bucket = "Month",
        ChangeColumn = "Modified", OnlyConcluded = false, RequireFolding = true]]
    shared Orders = ...

``Past`` periods before the current one, and the current one, are looked at.  Buckets begin at the beginning of their
period (weeks on Monday), in UTC; with ``OnlyConcluded`` the one that isn't over is left out.
Read ``incremental.py`` for what a refresh does with them.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from attrs import frozen

from mlang.values.temporal import DAY, Date, DateTime, DateTimeZone
from staging.errors import DataflowError

ATTRIBUTE = "IncrementalRefresh"
#: The product's limits: buckets of one query and of a whole dataflow.
MOST_OF_QUERY, MOST_OF_DATAFLOW = 50, 150
PERIODS = ("Day", "Week", "Month", "Quarter", "Year")
KINDS = ("date", "datetime", "datetimezone")
_FIELDS = {
    "FilterColumn": str, "Past": (int, float), "Period": str, "Bucket": str, "ChangeColumn": str,
    "OnlyConcluded": bool, "RequireFolding": bool,
}  # fmt: skip


@frozen
class Policy:
    """The settings of one query."""

    filter_column: str
    past: int
    period: str
    bucket: str
    change_column: str
    concluded: bool = False
    folding: bool = True

    @property
    def text(self) -> str:
        """What makes two policies the same for the state that is remembered."""
        return f"{self.filter_column};{self.bucket};{self.change_column}"


@frozen
class Bucket:
    """A range of days: from ``first`` to before ``end``."""

    first: date
    end: date

    @property
    def key(self) -> str:
        """The name of the bucket in manifests and plans."""
        return f"{self.first.isoformat()}/{self.end.isoformat()}"

    def bounds(self, kind: str) -> tuple[Any, Any]:
        """The first moment and the first one after, as M values of the filter column's kind."""
        return _moment(self.first, kind), _moment(self.end, kind)


def _moment(day: date, kind: str) -> Any:
    days = day.toordinal() - 1
    if kind == "date":
        return Date(days)
    return DateTime(days * DAY) if kind == "datetime" else DateTimeZone(days * DAY, 0)


def policy_of(query: str, found: Any) -> Policy:
    """The policy that an attribute describes; `DataflowError` says what is wrong with it."""
    where = f"Query '{query}': {ATTRIBUTE}"
    if not isinstance(found, dict):
        raise DataflowError(f"{where} must be a literal record.")
    unknown = sorted(set(found) - set(_FIELDS))
    if unknown:
        raise DataflowError(f"{where}: '{unknown[0]}' is not known. Fields: {', '.join(_FIELDS)}.")
    for name, value in found.items():
        kinds = _FIELDS[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):  # type: ignore[arg-type]
            raise DataflowError(f"{where}: {name} can't be {value!r}.")
    missing = [name for name in ("FilterColumn", "Past", "Period", "ChangeColumn") if name not in found]
    if missing:
        raise DataflowError(f"{where} needs {missing[0]}.")
    bucket = str(found.get("Bucket", found["Period"]))
    for name, period in (("Period", found["Period"]), ("Bucket", bucket)):
        if period not in PERIODS:
            raise DataflowError(f"{where}: {name} {period!r} is not known ({', '.join(PERIODS)}).")
    past = found["Past"]
    if past != int(past) or not 0 <= past <= 10_000:
        raise DataflowError(f"{where}: Past must be a whole number that is not negative.")
    return Policy(
        found["FilterColumn"], int(past), found["Period"], bucket, found["ChangeColumn"],
        found.get("OnlyConcluded", False), found.get("RequireFolding", True),
    )  # fmt: skip


def buckets(policy: Policy, today: date) -> list[Bucket]:
    """The buckets that a refresh of a day looks at, the oldest first."""
    start = beginning(today, policy.period)
    for _ in range(policy.past):
        if start.year <= 1:
            break
        start = beginning(start - timedelta(days=1), policy.period)
    found: list[Bucket] = []
    first = beginning(start, policy.bucket)
    while first <= today and len(found) <= 10_000:
        end = following(first, policy.bucket)
        if end <= today or not policy.concluded:
            found.append(Bucket(first, end))
        first = end
    return found


def beginning(day: date, period: str) -> date:
    """The first day of the period that a day lies in."""
    if period == "Week":
        return day - timedelta(days=day.weekday()) if day.toordinal() > 7 else date.min
    if period == "Month":
        return day.replace(day=1)
    if period == "Quarter":
        return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
    return date(day.year, 1, 1) if period == "Year" else day


def following(first: date, period: str) -> date:
    """The first day after a period that begins on ``first``."""
    months = {"Month": 1, "Quarter": 3, "Year": 12}.get(period)
    if months is None:
        return first + timedelta(days=7 if period == "Week" else 1)
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def limits(counts: dict[str, int]) -> list[str]:
    """What the product's limits say of the numbers of buckets by query."""
    found = [
        f"Query '{query}': {count} buckets; a query has at most {MOST_OF_QUERY}. "
        "Take larger buckets or less of the past."
        for query, count in counts.items()
        if count > MOST_OF_QUERY
    ]
    total = sum(counts.values())
    if total > MOST_OF_DATAFLOW:
        found.append(f"The dataflow has {total} buckets; at most {MOST_OF_DATAFLOW} are allowed.")
    return found
