"""Binary.View: a binary whose content and length come from functions (BIN-07).

A handler that raises falls back to the binary underneath, when there is one.
"""

from __future__ import annotations

from typing import Any

from mlang.errors import MError
from mlang.library.arguments import of_kind
from mlang.registry import builtin
from mlang.values import binary
from mlang.values.functions import Function, apply, as_function
from mlang.values.metadata import with_metadata
from mlang.values.records import field, field_or


class ViewBinary(binary.LazyBinary):
    """A binary that keeps the handlers of its view, for functions that views may handle."""

    __slots__ = ("handlers",)

    def __init__(self, read: Any, length: Any, handlers: dict[str, Any], meta: Any = None) -> None:
        super().__init__(read, length=length, meta=meta)
        self.handlers = handlers

    def with_meta(self, meta: dict[str, Any] | None) -> ViewBinary:
        """The same view with other metadata."""
        other = ViewBinary(self.read, self.length, self.handlers, meta)
        other._bytes = self._bytes
        return other


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
        except MError as error:
            if base is None or error.final:
                raise
            return binary.content(base)

    def measure() -> int:
        try:
            if length is not None:
                return int(of_kind(apply(length), "number"))
        except MError as error:
            if error.final:
                raise
        return binary.length(base) if base is not None and stream is None else len(read())

    return ViewBinary(read, measure, handlers)


def _handler(handlers: dict[str, Any], name: str) -> Function | None:
    value = field_or(handlers, name)
    return None if value is None else as_function(value)


@builtin("Binary.ViewFunction(function as function) as function")
def view_function(function: Function) -> Function:
    """Gives a function that the ``OnInvoke`` handler of a view may handle; else it is applied to the view."""
    from mlang.tables.view import view_function

    return view_function(function)


@builtin("Binary.ViewError(errorRecord as record) as record")
def view_error(record: dict[str, Any]) -> Any:
    """An error record that a handler of a view raises for good: the view does not fall back."""
    return with_metadata(record, {"ViewError": True})
