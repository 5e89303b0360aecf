"""Sorting: stable, by several keys, null first ascending (TBL-61).

`order` gives row numbers; ``Table.Sort``, ``Min``, ``Max`` and the ranks share it.  The
keys are computed in a loop before Python sorts, so that no M function runs below C code;
a criterion that compares two rows gets a merge sort of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Any

from mlang import errors
from mlang.tables import plan as p
from mlang.tables.batches import choosing, taken
from mlang.tables.column import Column, many
from mlang.tables.flow import Batch
from mlang.tables.keys import Criterion, classes_of, sort_column, sorted_rows
from mlang.tables.local import (
    Columns,
    RowFunction,
    in_batches,
    merged,
    picker,
    records,
    runs,
    take_rows,
    whole_columns,
)
from mlang.values.functions import bind
from mlang.values.kinds import is_number
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk


@runs(p.Sort)
def run_sort(node: p.Sort, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Rows in order."""
    below = merged(columns, reads(node.keys, node.input.schema))
    parts, length = whole_columns(node.input, below)
    typed = _typed_order(node, below, parts, length)
    if typed is not None:
        yield from taken(choosing(below, columns)(parts), typed)
        return
    gathered = [part.cells() for part in parts]
    rows = order(node.keys, node.input.schema, below, gathered, length)
    yield from in_batches(take_rows(picker(below, columns)(gathered), rows), length, limit)


def _typed_order(node: p.Sort, below: Columns, parts: list[Column], length: int) -> Any:
    """The row numbers in order, by Arrow; None when a key must be looked at cell by cell."""
    if not many(length):
        return None
    criteria: list[tuple[Column, bool]] = []
    for key in node.keys:
        column: Column | None = None
        if key.column is not None:
            column = parts[below.index(key.column)]
        elif key.key is not None:
            function = RowFunction(key.key, node.input.schema)
            column = function.vector(choosing(below, function.reads)(parts), length)
        if column is None or column.array() is None:
            return None
        criteria.append((column, key.descending))
    from mlang.tables.codes import sorted_rows as rows_in_order

    return rows_in_order(criteria) if criteria else None


def reads(keys: tuple[p.SortKey, ...], schema: Any) -> Columns:
    """The columns that sort keys look at."""
    needed: Columns = ()
    for key in keys:
        if key.column is not None:
            needed = merged(needed, (key.column,))
        elif key.key is not None:
            needed = merged(needed, RowFunction(key.key, schema).reads)
        else:
            needed = merged(needed, schema.names)
    return needed


def order(
    keys: tuple[p.SortKey, ...], schema: Any, names: Columns, columns: list[list[Any]], length: int
) -> list[int]:
    """The row numbers in sorted order."""

    def ordered(rows: list[int], keys: tuple[p.SortKey, ...]) -> list[int]:
        """Some rows by some keys; a comparison of two rows is only asked about ties of the keys before it."""
        head = tuple(takewhile(lambda key: key.comparer is None, keys))
        criteria: list[Criterion] = [
            (*key_values(key, schema, names, columns, length), key.descending) for key in head
        ]
        rows = sorted_rows(rows, criteria)
        if len(head) == len(keys):
            return rows
        compare, rest = row_comparer(keys[len(head)], names, columns, length), keys[len(head) + 1 :]
        tied = _all([_same(values) for values, _, _ in criteria])
        result: list[int] = []
        for group in _runs_of(rows, tied):
            part = merge_sort(group, compare)
            for equals in _runs_of(part, _ties(compare)) if rest else [part]:
                result += ordered(equals, rest) if rest else equals
        return result

    return ordered(list(range(length)), keys)


def _runs_of(rows: list[int], same: Callable[[int, int], bool]) -> list[list[int]]:
    """Sorted rows cut wherever one differs from the one before."""
    groups: list[list[int]] = []
    for row in rows:
        if groups and same(groups[-1][-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def key_values(
    key: p.SortKey, schema: Any, names: Columns, columns: list[list[Any]], length: int
) -> tuple[list[Any], bool]:
    """What Python sorts by, per row, and whether some of it is None, for null."""
    if key.column is not None:
        column = columns[names.index(key.column)]
        values = column
        if Thunk in classes_of(column):
            values = [cell.get() if cell.__class__ is Thunk else cell for cell in column]
    else:
        function = RowFunction(key.key, schema)
        values = list(function.each(picker(names, function.reads)(columns), length))
    return sort_column(values)


def row_comparer(
    key: p.SortKey, names: Columns, columns: list[list[Any]], length: int
) -> Callable[[int, int], float]:
    """The comparison of two row numbers by a function of two rows."""
    rows = records(names, columns, length)
    call = bind(key.comparer, 2)
    sign = -1 if key.descending else 1

    def compare(a: int, b: int) -> float:
        result = strip(call(rows[a], rows[b]))
        if not is_number(result):
            raise errors.cannot_convert(result, "Number")
        return float(result) * sign

    return compare


def merge_sort(items: list[Any], compare: Callable[[Any, Any], float]) -> list[Any]:
    """A stable sort in Python, because ``compare`` runs M code."""
    width, count = 1, len(items)
    while width < count:
        merged_items: list[Any] = []
        for start in range(0, count, 2 * width):
            left, right = items[start : start + width], items[start + width : start + 2 * width]
            i = j = 0
            while i < len(left) and j < len(right):
                if compare(right[j], left[i]) < 0:
                    merged_items.append(right[j])
                    j += 1
                else:
                    merged_items.append(left[i])
                    i += 1
            merged_items += left[i:]
            merged_items += right[j:]
        items, width = merged_items, width * 2
    return items


def tie_test(
    keys: tuple[p.SortKey, ...], schema: Any, names: Columns, columns: list[list[Any]], length: int
) -> Callable[[int, int], bool]:
    """Whether two row numbers are equal under all keys (ranks)."""
    tests: list[Callable[[int, int], bool]] = []
    for key in keys:
        if key.comparer is not None:
            compare = row_comparer(key, names, columns, length)
            tests.append(_ties(compare))
        else:
            tests.append(_same(key_values(key, schema, names, columns, length)[0]))
    return _all(tests)


def _all(tests: list[Callable[[int, int], bool]]) -> Callable[[int, int], bool]:
    return lambda a, b: all(test(a, b) for test in tests)


def _ties(compare: Callable[[int, int], float]) -> Callable[[int, int], bool]:
    return lambda a, b: compare(a, b) == 0


def _same(values: list[Any]) -> Callable[[int, int], bool]:
    return lambda a, b: bool(values[a] == values[b])
