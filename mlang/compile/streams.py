"""Lists behind fused calls of List.Transform, List.Select and List.Generate (see ``loops.py``).

Each is what the library's own shape of the same call is: lazy, computed anew at each
enumeration.  Only the loop is generated code instead of a call for every item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from mlang import errors
from mlang.errors import MError
from mlang.registry import _check, value_of
from mlang.values.functions import Param
from mlang.values.lists import LazyList, Mapped, Streamed, forced
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, failed

_LIST = Param("list", "list", False)
#: Items that are certainly at hand, and small.
_SCALARS = frozenset({float, str, bool, int, type(None)})


def list_argument(value: Any) -> Any:
    """The list that a library function was given, or its conversion error."""
    return value if value.__class__ is list else _check(value, _LIST, False)


def met(result: Any) -> bool:
    """Whether the result of a condition counts as true; null does not, other kinds raise."""
    if result is True or result is False:
        return bool(result)
    result = strip(result)
    if result is None:
        return False
    if result.__class__ is bool:
        return bool(result)
    raise errors.cannot_convert(result, "Logical")


class Transformed(Mapped):
    """List.Transform: ``stream`` maps forced items, ``function`` one item.

    With a ``cheap`` function, items of scalars are computed at once, not delayed.
    """

    __slots__ = ("cheap", "stream")

    def __init__(
        self, source: Any, function: Any, stream: Callable[[Any], Iterator[Any]], cheap: bool
    ) -> None:
        self.source, self.function, self.stream, self.cheap = source, function, stream, cheap

    def values(self) -> Iterator[Any]:
        return self.stream(forced(self.source))

    def __iter__(self) -> Iterator[Any]:
        return self._computed() if self.cheap else super().__iter__()

    def _computed(self) -> Iterator[Any]:
        function = self.function
        for item in self.source:
            if item.__class__ in _SCALARS:
                try:
                    value = function(item)
                except MError as error:
                    value = failed(error)
                yield value
            else:
                yield Thunk(_delayed(function, item))


def _delayed(function: Callable[[Any], Any], item: Any) -> Callable[[], Any]:
    return lambda: function(item.get() if item.__class__ is Thunk else item)


def selected(source: Any, stream: Callable[[Any], Iterator[Any]]) -> Any:
    """List.Select: ``stream`` picks among forced items."""
    return Streamed(lambda: stream(forced(source)))


class Generating(LazyList):
    """List.Generate: ``items`` gives the raw items, ``strict`` the forced ones."""

    __slots__ = ("items", "strict")

    def __init__(self, items: Callable[[], Iterator[Any]], strict: Callable[[], Iterator[Any]]) -> None:
        self.items, self.strict = items, strict

    def __iter__(self) -> Iterator[Any]:
        return self.items()

    def values(self) -> Iterator[Any]:
        return self.strict()


def total(items: Any) -> Any:
    """List.Sum: doubles are added here, anything else is the library's business."""
    if items.__class__.__name__ == "TableColumn":
        return value_of("List.Sum").fn(items)  # an engine may add them
    if items.__class__ is list or isinstance(items, LazyList):
        result = 0.0
        some = False
        rest: Any = None
        values = forced(items)
        for value in values:
            if value.__class__ is not float:
                rest = value
                break
            result = result + value if some else value
            some = True
        else:
            return result + 0.0 if some else None  # zero without a sign
        return value_of("List.Sum").fn(Streamed(lambda: chain([result, rest] if some else [rest], values)))
    return value_of("List.Sum").fn(items)


def byte_at(data: Any, offset: Any) -> Any:
    """``BinaryFormat.Byte(Binary.Range(data, offset, 1))``, where it is no byte of bytes in memory."""
    return value_of("BinaryFormat.Byte").fn(value_of("Binary.Range").fn(data, offset, 1.0))


#: The numbers that bytes are.
BYTES = tuple(float(byte) for byte in range(256))

NAMES: dict[str, Any] = {
    "Generating": Generating, "Transformed": Transformed, "forced": forced, "list_argument": list_argument,
    "met": met, "selected": selected, "byte_at": byte_at, "total": total,
}  # fmt: skip
