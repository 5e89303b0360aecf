"""Date.*: what a date says, other dates from it, the periods it lies in, and its text.

``information`` (year, week, names), ``addition``, ``boundaries`` (start and end of
periods), ``periods`` (is it in the current month?), ``conversion``.  All but the last
take dates, datetimes and datetimezones and keep the kind (DTM-07).
"""

from __future__ import annotations

from mlang.library.date import addition, boundaries, conversion, information, periods  # noqa: F401
