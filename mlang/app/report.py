"""Errors for people: reason and message, detail, and the place with an excerpt and carets; on stderr.

DataFormat.Error: We couldn't parse the input provided as a Date value.
Detail: "2024-13-01"
orders.pq:4:16 (query Orders, step Typed)
    Typed = Table.TransformColumnTypes(Source, {{"Day", type date}})
            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""

from __future__ import annotations

import sys
from typing import Any

from mlang.app.hints import brief, hint_for
from mlang.app.pages import page_of
from mlang.errors import Cancelled, Fault, MError

M_ERROR, USAGE = 1, 2
_DETAIL = 400


def print_error(error: BaseException, as_json: bool = False) -> int:
    """Writes an error to stderr and gives the exit code."""
    if as_json:
        import json

        print(json.dumps({"error": error_json(error)}, ensure_ascii=False), file=sys.stderr)
    else:
        for line in error_lines(error):
            print(line, file=sys.stderr)
        page = page_of(error)
        if page is not None:
            print(f"More: mlang help {page}", file=sys.stderr)
    return exit_code(error)


def exit_code(error: BaseException) -> int:
    """2 for texts that are no M and for names that aren't there; 1 for everything that M itself reports."""
    if isinstance(error, MError):
        return M_ERROR
    from mlang.syntax.failure import MSyntaxError

    if isinstance(error, MSyntaxError):
        return USAGE
    return M_ERROR if isinstance(error, Cancelled) else USAGE if isinstance(error, Fault) else M_ERROR


def error_lines(error: BaseException) -> list[str]:
    """The message and what goes with it."""
    if not isinstance(error, MError):
        return [str(error) or error.__class__.__name__]
    found = [str(error)]
    # The detail of an unknown name only repeats its place.
    detail = detail_text(error.detail) if getattr(error, "place", None) is None else None
    if detail is not None:
        found.append(f"Detail: {detail}")
    hint = hint_for(error)
    if hint:
        found.append(f"Hint: {hint}")
    return found + place_lines(error)


def detail_text(detail: Any) -> str | None:
    """The detail as M text, cut to a readable length and without reading rows; None when there is none."""
    if detail is None:
        return None
    try:
        text = brief(detail)
    except MError:
        return None  # a detail that fails itself helps nobody
    return text if len(text) <= _DETAIL else text[: _DETAIL - 4] + " ..."


def place_lines(error: MError) -> list[str]:
    """Where it happened: the innermost place with its line, then the queries it passed through."""
    from mlang.compile.places import places
    from mlang.syntax.spans import excerpt

    found = places(error)
    if not found:
        return []
    first = found[0]
    lines = [place_text(first)]
    lines += ["    " + line for line in excerpt(first.text, first.offset, first.end).split("\n")]
    passed = {(first.query, first.step)}
    for place in found[1:]:
        if place.query is not None and (place.query, place.step) not in passed:
            passed.add((place.query, place.step))
            lines.append(f"called from {place_text(place)}")
    return lines[:12]


def place_text(place: Any) -> str:
    """``file:line:column (query Q, step S)``"""
    from mlang.syntax.spans import line_column

    line, column = line_column(place.text, place.offset)
    names = [f"query {place.query}"] if place.query else []
    names += [f"step {place.step}"] if place.step else []
    inside = f" ({', '.join(names)})" if names else ""
    return f"{place.filename or '<text>'}:{line}:{column}{inside}"


def error_json(error: BaseException) -> dict[str, Any]:
    """The same for machines."""
    from mlang.syntax.failure import MSyntaxError

    if isinstance(error, MSyntaxError):
        return {
            "reason": "SyntaxError", "message": error.message, "file": error.filename,
            "line": error.line, "column": error.column,
        }  # fmt: skip
    if not isinstance(error, MError):
        return {"reason": error.__class__.__name__, "message": str(error)}
    from mlang.compile.places import places
    from mlang.syntax.spans import line_column

    found: dict[str, Any] = {"reason": error.reason, "message": error.message}
    found["detail"] = detail_text(error.detail)
    hint = hint_for(error)
    if hint:
        found["hint"] = hint
    for place in places(error)[:1]:
        line, column = line_column(place.text, place.offset)
        found |= {
            "file": place.filename,
            "line": line,
            "column": column,
            "query": place.query,
            "step": place.step,
        }
    return found
