"""Binary.View: a binary whose content and length come from functions (BIN-07).

A handler that raises falls back to the binary underneath, when there is one.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.errors import MError
from mlang.library.arguments import of_kind
from mlang.registry import builtin
from mlang.values import binary
from mlang.values.functions import Function, apply, as_function
from mlang.values.records import field, field_or
from mlang.values.thunk import force


@builtin("Binary.View(binary as nullable binary, handlers as record) as binary")
def view(base: Any, handlers: dict[str, Any]) -> binary.LazyBinary:
    """Gives a binary whose GetStream and GetLength handlers answer instead of the binary given.

    Without a binary, GetStream is required.  The handlers take no arguments.
    """
    if base is None:
        field(handlers, "GetStream")
    stream, length = _handler(handlers, "GetStream"), _handler(handlers, "GetLength")

    def read() -> bytes:
        if stream is None:
            return binary.content(base)
        try:
            return binary.content(of_kind(apply(stream), "binary"))
        except MError:
            if base is None:
                raise
            return binary.content(base)

    def measure() -> int:
        try:
            if length is not None:
                return int(of_kind(apply(length), "number"))
        except MError:
            if base is None and stream is None:
                raise
        return binary.length(base) if base is not None and stream is None else len(read())

    return binary.LazyBinary(read, length=measure)


def _handler(handlers: dict[str, Any], name: str) -> Function | None:
    value = field_or(handlers, name)
    return None if value is None else as_function(value)


@builtin("Binary.ViewFunction(function as function) as function")
def view_function(function: Any) -> Any:
    """Gives the function itself: views here have no handlers for calls, so it applies to the view."""
    return force(function)


@builtin(
    "Binary.ViewError(errorRecord as record) as record", missing="errors that stop the fallback of a view"
)
def view_error(record: dict[str, Any]) -> Any:
    """Would mark an error record so that a view does not fall back; not supported."""
    raise errors.not_supported("Binary.ViewError", "an error that stops the fallback of a view")
