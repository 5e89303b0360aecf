"""BinaryFormat.Group: items behind keys, in any order (BIN-13).

The answer is a list with one value for each item definition, in the order of the definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.library.arguments import enum_member, of_kind
from mlang.library.binaryformat.formats import Format, Reader, as_format, function_of, problem
from mlang.registry import builtin
from mlang.values.compare import equal, key_of
from mlang.values.functions import Function, bind
from mlang.values.lists import forced

_OPTIONAL, _REQUIRED, _REPEATING = range(3)


class _Item:
    """One definition: key, format, occurrence, default, transform."""

    __slots__ = ("default", "format", "key", "occurrence", "transform")

    def __init__(self, definition: Any) -> None:
        parts = list(forced(of_kind(definition, "list")))
        if not 3 <= len(parts) <= 5:
            raise errors.bad_group_item(definition)
        self.key = parts[0]
        self.format = as_format(parts[1])
        self.occurrence = enum_member(parts[2], "occurrence", (_OPTIONAL, _REQUIRED, _REPEATING))
        given = parts[3] if len(parts) > 3 else None
        self.default = [] if given is None and self.occurrence == _REPEATING else given
        function = parts[4] if len(parts) > 4 else None
        self.transform: Callable[[Any], Any] | None = None if function is None else bind(function, 1)


@builtin(
    "BinaryFormat.Group(binaryFormat as function, group as list, "
    "optional extra as nullable function, optional lastKey as any) as function"
)
def group(binary_format: Any, group: Any, extra: Function | None = None, last_key: Any = None) -> Function:
    """Gives a binary format that reads keys, each with an item, and gives a list of the items' values.

    ``group`` has a list for each item: key, format, how often it may occur, and if wanted a default
    and a function of the value.  ``extra`` gives the format of what follows any other key, which is
    read and dropped; without it such a key is an error.  Reading stops at the end or at ``lastKey``.
    """
    key_format = as_format(binary_format)
    items = [_Item(definition) for definition in forced(group)]
    places = {key_of(item.key): index for index, item in enumerate(items)}
    if len(places) != len(items):
        raise errors.duplicate_group_key()
    other = bind(extra, 1) if extra is not None else None

    def make(order: str) -> Reader:
        return _group_reader(order, key_format, items, places, other, last_key)

    return function_of(Format(make))


def _group_reader(
    order: str,
    key_format: Format,
    items: list[_Item],
    places: dict[Any, int],
    other: Callable[[Any], Any] | None,
    last_key: Any,
) -> Reader:
    read_key = key_format.reader(order)

    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        found: dict[int, list[Any]] = {}
        while at < end:
            start = at
            key, at = read_key(data, at, end)
            place = places.get(key_of(key))
            last = last_key is not None and equal(key, last_key)
            if place is not None and (place not in found or items[place].occurrence == _REPEATING):
                value, at = items[place].format.reader(order)(data, at, end)
                found.setdefault(place, []).append(value)
            elif not last:
                if other is None:
                    raise problem(start, "An unexpected key was found in the group.")
                _, at = as_format(other(key)).reader(order)(data, at, end)
            if last:
                break
            if at == start:
                raise problem(at, "A group of items without bytes has no end.")
        return [_value(item, found.get(place), at) for place, item in enumerate(items)], at

    return read


def _value(item: _Item, found: list[Any] | None, at: int) -> Any:
    if found is None:
        if item.occurrence == _REQUIRED:
            raise problem(at, "A required item of the group is missing.")
        return item.default
    value = found if item.occurrence == _REPEATING else found[0]
    return value if item.transform is None else item.transform(value)
