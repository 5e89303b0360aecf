"""Which failures are worth another attempt, and how long to wait for it.

A source that answers with a failure may answer later; a wrong address, missing credentials, a
refusal or a function that isn't there never will.
"""

from __future__ import annotations

from mlang.errors import MError
from staging.errors import StagingError

#: Seconds before the first repetition; each further wait is twice as long.
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
_AGAIN = (408, 425, 429)
_NEVER = (
    "Credentials are required",
    "The credentials provided",
    "Access to the resource",
    "#{0} can't be used",
)


def worth_retrying(error: BaseException) -> bool:
    """Whether the source may do better the next time."""
    if not isinstance(error, MError) or isinstance(error, StagingError) or error.reason != "DataSource.Error":
        return False
    template = error.message_format or ""
    if template.startswith(_NEVER):
        return False
    codes = [p for p in error.message_parameters or () if isinstance(p, int) and 400 <= p < 500]
    return not codes or codes[0] in _AGAIN


def wait_before(attempt: int) -> float:
    """Seconds before repetition number ``attempt`` (1, 2, 3 …)."""
    return float(min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT))
