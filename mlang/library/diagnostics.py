"""Diagnostics.*: traces and the ids of the running evaluation (FUN-10, FUN-11).

Traces go to Python's logger ``mlang.trace``; a host shows them by giving it a handler.
"""

from __future__ import annotations

from typing import Any

from mlang import session
from mlang.library.arguments import enum_member
from mlang.registry import builtin
from mlang.values.functions import as_function, bind
from mlang.values.metadata import strip

#: TraceLevel -> level of Python's logging.
_LEVELS = {1: 50, 2: 40, 4: 30, 8: 20, 16: 10}


@builtin(
    "Diagnostics.Trace(traceLevel as number, message as anynonnull, value as any, "
    "optional delayed as nullable logical) as any",
    raw=True,
)
def trace(level: Any, message: Any, value: Any, delayed: Any = None) -> Any:
    """Writes a message to the trace and gives the value; a delayed value is made after the message."""
    import logging

    number = enum_member(level, "traceLevel", _LEVELS)
    logger = logging.getLogger("mlang.trace")
    if logger.isEnabledFor(_LEVELS[number]):
        logger.log(_LEVELS[number], "%s", _text(strip(message)))
    return bind(as_function(value), 0)() if strip(delayed) else value


def _text(message: Any) -> str:
    from mlang.values.show import to_m

    return message if message.__class__ is str else to_m(message, "show")


@builtin("Diagnostics.ActivityId() as nullable text")
def activity_id() -> str:
    """Gives an id of the running evaluation."""
    return _id("activity")


@builtin("Diagnostics.CorrelationId() as nullable text")
def correlation_id() -> str:
    """Gives an id that ties requests to others to the running evaluation."""
    return _id("correlation")


def _id(kind: str) -> str:
    fixed = session.current().fixed
    key = ("diagnostics", kind)
    if key not in fixed:
        import uuid

        fixed[key] = str(uuid.uuid4())
    return str(fixed[key])
