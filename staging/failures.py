"""What went wrong with a query, in one text: query, step, cause, detail, place.

The step comes from the places that the error crossed.  An error of a source or of a library
step crosses no M code when rows are read; then the steps are tried in order, for a few
seconds, and the first that fails the same way is named.
"""

from __future__ import annotations

import time
from typing import Any

from mlang.compile.entry import run
from mlang.compile.places import places
from mlang.errors import Cancelled, Fault, MError
from mlang.syntax.spans import line_column
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.show import to_m
from mlang.values.thunk import Thunk
from staging.errors import StagingError, cure_of, os_error
from staging.queries import Queries

#: Seconds that looking for the failing step may take.
PATIENCE = 10.0
_DETAIL = 300


def describe(error: BaseException, query: str, queries: Queries, overrides: dict[str, Any]) -> str:
    """The message of a failed query, with the cure where a disk or its rights are the cause."""
    text = _described(error, query, queries, overrides)
    cure = "" if isinstance(error, MError) else cure_of(text)
    return text if not cure or cure in text else f"{text.rstrip('.')}. {cure}"


def _described(error: BaseException, query: str, queries: Queries, overrides: dict[str, Any]) -> str:
    if isinstance(error, MError):
        return _m_error(error, query, queries, overrides)
    if isinstance(error, StagingError):
        text = str(error)
        return text if f"'{query}'" in text else f"Query '{query}': {text}"
    if isinstance(error, OSError):
        return f"Query '{query}': {os_error(error)}"
    if isinstance(error, MemoryError):
        return f"Query '{query}': out of memory."
    if isinstance(error, Fault):
        return f"Query '{query}': {error}"
    return f"Query '{query}': {error.__class__.__name__}: {error}"


def _m_error(error: MError, query: str, queries: Queries, overrides: dict[str, Any]) -> str:
    found = places(error)
    place = next((p for p in found if p.query is not None), None)
    step = place.step if place is not None else None
    of = place.query if place is not None and place.query is not None else query
    if step is None and (place is None or of == query):
        step = _failing_step(error, query, queries, overrides)
    where = f"Query '{query}'" if of == query else f"Query '{query}', through '{of}'"
    if step:
        where += f", step '{step}'"
    if place is not None:
        line, column = line_column(place.text, place.offset)
        where += f" ({queries.dataflow.path.name}:{line}:{column})"
    return f"{where}: {error}{_detail(error)}"


def _detail(error: MError) -> str:
    if error.detail is None or getattr(error, "place", None) is not None:
        return ""  # an unknown name's detail only repeats the place
    try:
        text = run(lambda: to_m(error.detail))
    except MError:
        return ""
    return f" Detail: {text if len(text) <= _DETAIL else text[: _DETAIL - 4] + ' ...'}"


def _failing_step(error: MError, query: str, queries: Queries, overrides: dict[str, Any]) -> str | None:
    """The first step whose value, or whose rows, fail with the same message."""
    if query in overrides:
        return None  # its staged table is loaded: no step runs
    deadline = time.monotonic() + PATIENCE
    try:
        steps = queries.steps(query, overrides)
    except (MError, Fault):
        return None
    for name, thunk in steps:
        if name == "" or time.monotonic() > deadline:
            return None
        if _fails_alike(thunk, error, queries, deadline):
            return name
    return None


def _fails_alike(thunk: Thunk, error: MError, queries: Queries, deadline: float) -> bool:
    try:
        value = strip(run(thunk.get, queries.session))
        if kind_of(value) == "table":
            for _ in queries.batches(value):
                if time.monotonic() > deadline:
                    return False
    except MError as found:
        return (found.reason, found.message) == (error.reason, error.message)
    except Cancelled:
        raise
    except Fault:
        return False
    return False
