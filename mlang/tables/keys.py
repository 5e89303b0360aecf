"""Whole columns as hash keys and sort keys, for groups, joins, distinct rows, pivots and sorts.

Most columns are of one plain class, and then their cells are their own keys (``compare.key_of``
and ``compare.sort_key`` say the same, cell by cell, for all others).  What is built here runs in
C where no M function can be met: the cells are settled first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

from mlang.values.compare import key_of, sort_key
from mlang.values.temporal import Date, DateTime, Duration, Time
from mlang.values.thunk import Thunk

_NONE = type(None)
_TEXTS = frozenset({str, _NONE})
_PLAIN = frozenset({str, float, _NONE})
_TICKED: tuple[type, ...] = (DateTime, Time, Duration)


def classes_of(column: Sequence[Any]) -> set[type]:
    """The classes of a column's cells."""
    return set(map(type, column))


def key_column(column: list[Any]) -> list[Any]:
    """The keys of a column's cells, as `key_of` gives them; raises the first cell's error."""
    classes = classes_of(column)
    if classes <= _TEXTS or (classes <= _PLAIN and not has_nan(column)):
        return column
    return [key_of(cell.get() if cell.__class__ is Thunk else cell) for cell in column]


def has_nan(column: list[Any]) -> bool:
    """Whether a column has a number that differs from itself."""
    try:
        total = sum(column)
    except TypeError:  # some are null, or text
        return any(cell != cell for cell in column if cell.__class__ is float)
    return total != total and any(cell != cell for cell in column)


def key_rows(columns: list[list[Any]], length: int) -> list[Any]:
    """One key per row: the cell's key where there is one column, else a tuple of them."""
    keys = [key_column(column) for column in columns]
    if len(keys) == 1:
        return keys[0]
    return list(zip(*keys, strict=True)) if keys else [()] * length


def first_rows(keys: list[Any]) -> dict[Any, int]:
    """Where each key stands first."""
    return dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))


def numbered(keys: list[Any]) -> tuple[list[int], list[int]]:
    """The number of each key among the distinct ones, in order of appearance, and where each first stands."""
    places = sorted(first_rows(keys).values())
    numbers = {keys[place]: number for number, place in enumerate(places)}
    return [numbers[key] for key in keys], places


def gathered_by(numbers: list[int], count: int, column: list[Any]) -> list[list[Any]]:
    """The cells of a column, one list for each number, in their order."""
    lists: list[list[Any]] = [[] for _ in repeat(None, count)]
    for number, cell in zip(numbers, column, strict=True):
        lists[number].append(cell)
    return lists


def sort_column(column: list[Any]) -> tuple[list[Any], bool]:
    """Keys that sort settled cells as M does, and whether some of them are null (and stay None)."""
    classes = classes_of(column)
    nulls = _NONE in classes
    kinds = classes - {_NONE}
    if len(kinds) == 1:
        make = _SORTED.get(kinds.pop())
        keys = make(column) if make is not None else None
        if keys is not None:
            return keys, nulls
    if len(column) < 2:  # nothing is compared, so no kind can be wrong
        return [0] * len(column), False
    return [sort_key(value, column[0 if i else 1]) for i, value in enumerate(column)], False


def text_keys(column: list[Any]) -> list[Any] | None:
    """Texts sort by UTF-16 units, which is Python's order unless both halves of the plane are met."""
    for text in column:
        if text is not None and not text.isascii() and max(text) >= "\ue000":
            return None
    return column


def _float_keys(column: list[Any]) -> list[Any] | None:
    return None if has_nan(column) else column


def _day_keys(column: list[Any]) -> list[Any]:
    return [None if cell is None else cell.days for cell in column]


def _tick_keys(column: list[Any]) -> list[Any]:
    return [None if cell is None else cell.ticks for cell in column]


_SORTED: dict[type, Callable[[list[Any]], list[Any] | None]] = {
    str: text_keys,
    float: _float_keys,
    bool: lambda column: column,
    Date: _day_keys,
    **dict.fromkeys(_TICKED, _tick_keys),
}


#: The keys of one criterion, whether some are null, and whether it descends.
Criterion = tuple[list[Any], bool, bool]


def sorted_rows(rows: list[int], criteria: Sequence[Criterion]) -> list[int]:
    """Row numbers in stable order of some criteria; null comes first, descending last."""
    if not criteria:
        return rows
    keys, nulls, descending = criteria[0]
    if not nulls:
        return _ordered(rows, criteria)
    empty = sorted_rows([row for row in rows if keys[row] is None], criteria[1:])
    others = _ordered([row for row in rows if keys[row] is not None], criteria)
    return others + empty if descending else empty + others


def _ordered(rows: list[int], criteria: Sequence[Criterion]) -> list[int]:
    """Rows none of whose first keys is null."""
    if len(rows) > _MANY:
        buckets = _buckets(rows, *criteria[0])
        if buckets is not None:
            rest = criteria[1:]
            return [row for bucket in buckets for row in (sorted_rows(bucket, rest) if rest else bucket)]
    for keys, nulls, descending in reversed(criteria):
        if nulls and keys is not criteria[0][0]:
            rows = sorted_rows(rows, [(keys, nulls, descending)])
        else:
            rows.sort(key=keys.__getitem__, reverse=descending)
    return rows


#: From so many rows on it pays to look whether keys repeat.
_MANY = 1000


def _buckets(rows: list[int], keys: list[Any], nulls: bool, descending: bool) -> list[list[int]] | None:
    """The rows of each key, in the order of the keys; None when there are nearly as many keys as rows."""
    values = list(map(keys.__getitem__, rows))
    try:
        distinct = set(values)
    except TypeError:  # a key that refuses to be ordered, which the sort will find
        return None
    if len(distinct) * 4 > len(rows):
        return None
    found: dict[Any, list[int]] = {key: [] for key in sorted(distinct, reverse=descending)}
    for value, row in zip(values, rows, strict=True):
        found[value].append(row)
    return list(found.values())
