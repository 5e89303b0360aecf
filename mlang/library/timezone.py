"""TimeZone.Current: the session's time zone as a text value (FUN-13); see ``culture.py``."""

from __future__ import annotations

from mlang.library.culture import Ambient
from mlang.registry import BUILTINS
from mlang.session import current

BUILTINS["TimeZone.Current"] = Ambient(
    "TimeZone.Current", lambda: current().time_zone or "UTC", "The name of the current time zone.", __name__
)
