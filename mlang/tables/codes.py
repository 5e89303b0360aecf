"""Keys and groups of typed columns: rows numbered by key, aggregates, orders and matches by number.

`key_codes` gives each row the number of its key, in order of appearance: equal numbers are
equal M values (kinds agree, null equals null, -0 equals 0; a column with NaN, which equals nothing, has
no codes).  Groups, distinct rows, joins and pivots are then Arrow's work on whole numbers.  Sums
add from left to right, as M adds.  All here give None where a column is not typed (`Column.array`).
Read ``keys.py`` for the same over cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlang.tables.aggregates import ListAggregate
from mlang.tables.column import Column
from mlang.tables.keys import text_keys

# ---------------------------------------------------------------- codes


class Codes:
    """``rows``: the number of each row's key; ``count``: how many keys; ``firsts``: the first row of each."""

    __slots__ = ("count", "rows")

    def __init__(self, rows: Any) -> None:
        self.rows = rows
        self.count: int = pc.max(rows).as_py() + 1 if len(rows) else 0

    @property
    def firsts(self) -> Any:
        """The row where each key stands first: where the number is larger than all before it."""
        if not self.count:
            return pa.array([], pa.int64())
        before = pa.concat_arrays([pa.array([-1], self.rows.type), pc.cumulative_max(self.rows)[:-1]])
        return pc.indices_nonzero(pc.greater(self.rows, before))


def key_codes(columns: Sequence[Column]) -> Codes | None:
    """The codes of the rows of some key columns; None when some of them are not typed."""
    if not columns:
        return None
    arrays = [key_array(column.array()) for column in columns]
    return None if any(array is None for array in arrays) else _combined(arrays)


def key_array(array: Any) -> Any:
    """A typed column as a key: without NaN, and with one zero."""
    if array is None or array.type != pa.float64():
        return array
    if pc.any(pc.is_nan(array)).as_py():
        return None
    return pc.add(array, 0.0)


def is_plain_key(array: Any) -> bool:
    """Whether a typed column is a key as it stands: there is neither NaN nor -0."""
    return array.type != pa.float64() or not (pc.any(pc.is_nan(array)).as_py() or has_negative_zero(array))


def _combined(arrays: list[Any]) -> Codes:
    codes = _encoded(arrays[0])
    for array in arrays[1:]:
        more = _encoded(array)
        size = max(1, more.count)
        type_ = pa.int32() if codes.count * size < 2**31 else pa.int64()
        pairs = pc.add(pc.multiply(codes.rows.cast(type_), pa.scalar(size, type_)), more.rows.cast(type_))
        codes = _encoded(pairs)
    return codes


def _encoded(array: Any) -> Codes:
    return Codes(array.dictionary_encode(null_encoding="encode").indices)


def numbers(count: int) -> Any:
    """0, 1, 2 … as an Arrow array."""
    return pa.arange(0, count)


# ---------------------------------------------------------------- aggregates


def aggregate(form: ListAggregate, codes: Any, count: int, column: Column | None) -> Any:
    """One aggregate of each of ``count`` groups, null where a group has no rows; None when it is not sure."""
    if column is None:
        return _by_code(codes, count, None, "count_all").cast(pa.float64())
    array = column.array()
    if array is None:
        return None
    if form.name == "List.NonNullCount":
        return _by_code(codes, count, array, "count").cast(pa.float64())
    how = number_how(form.name, array)
    if how is None:
        return None
    found = _by_code(codes, count, array, how)
    if form.name == "List.Average":
        return pc.divide(found, _by_code(codes, count, array, "count").cast(pa.float64()))
    return found


def last_rows(codes: Any, count: int) -> Any:
    """The last row of each code; null where there is none."""
    return _by_code(codes, count, numbers(len(codes)), "max")


#: Aggregates of numbers, and how Arrow calls them; an average is a sum and a count.
_HOW = {"List.Sum": "sum", "List.Average": "sum", "List.Min": "min", "List.Max": "max"}


def is_columnar(form: ListAggregate) -> bool:
    """Whether `aggregate` knows an aggregate, if the cells are such."""
    return form.column is None or form.name in _HOW or form.name == "List.NonNullCount"


def number_how(name: str, cells: Any) -> str | None:
    """How Arrow calls a list function of these cells; None where it might not give what M gives."""
    if name not in _HOW or cells.type != pa.float64() or has_negative_zero(cells):
        return None
    if name in ("List.Min", "List.Max") and pc.any(pc.is_nan(cells)).as_py():
        return None
    return _HOW[name]


def has_negative_zero(array: Any) -> bool:
    """Whether one of the numbers is -0, which Arrow's aggregates take for 0 or not as they come."""
    zeros = array.filter(pc.equal(array, 0.0))
    return len(zeros) > 0 and bool(pc.any(pc.less(pc.divide(1.0, zeros), 0.0)).as_py())


def _by_code(codes: Any, count: int, array: Any, how: str) -> Any:
    """Arrow's aggregate by code, rows in order (one thread), as an array with a place for each code."""
    columns = {"code": codes} if array is None else {"code": codes, "cells": array}
    options = pc.ScalarAggregateOptions(min_count=1) if how in ("sum", "min", "max") else None
    what: Any = ([], how) if array is None else ("cells", how, options)
    found = pa.table(columns).group_by("code", use_threads=False).aggregate([what]).combine_chunks()
    name = how if array is None else f"cells_{how}"
    values, at = _one(found[name]), _one(found["code"])
    places = pc.inverse_permutation(at, max_index=count - 1, output_type=pa.int64())
    return values.take(places)


def _one(chunked: Any) -> Any:
    return chunked.combine_chunks() if isinstance(chunked, pa.ChunkedArray) else chunked


# ---------------------------------------------------------------- orders


def sorted_rows(criteria: Sequence[tuple[Column, bool]]) -> Any:
    """Row numbers in stable order of columns (descending or not); None when one of them is not typed."""
    keys: list[tuple[Any, str]] = []
    for column, descending in criteria:
        how = "descending" if descending else "ascending"
        ranked = _sort_keys(column.array())
        if ranked is None:
            return None
        keys += [(key, how) for key in ranked]
    if len(keys) == 1:
        return pc.array_sort_indices(keys[0][0], order=keys[0][1])
    table = pa.table({str(i): key for i, (key, _) in enumerate(keys)})
    return pc.sort_indices(table, sort_keys=[(str(i), how) for i, (_, how) in enumerate(keys)])


def _sort_keys(array: Any) -> list[Any] | None:
    """Arrays without null that sort as M sorts the cells: null is least."""
    if array is None:
        return None
    if array.type == pa.string():
        encoded = array.dictionary_encode()
        if text_keys(encoded.dictionary.to_pylist()) is None:
            return None
        ranks = pc.array_sort_indices(pc.array_sort_indices(encoded.dictionary)).cast(pa.int64())
        return [ranks.take(encoded.indices).fill_null(-1)]
    if array.type == pa.bool_():
        return [array.cast(pa.int8()).fill_null(-1)]
    if array.type == pa.date32():
        return [array.view(pa.int32()).cast(pa.int64()).fill_null(-(2**40))]
    if pc.any(pc.is_nan(array)).as_py():
        return None
    values = pc.add(array, 0.0)
    return [values] if not array.null_count else [pc.is_valid(array).cast(pa.int8()), values.fill_null(0.0)]


# ---------------------------------------------------------------- matches


class Matcher:
    """The rows of a table by typed keys."""

    def __init__(self, keys: list[Any], length: int) -> None:
        self.keys, self.length = keys, length
        #: The one key column, when no value stands in it twice.
        self.unique = None
        #: The row of each whole number, counted from the least, when the keys are such and lie close together.
        self.places: Any = None
        self.least = 0.0
        if len(keys) == 1:
            self.places, self.least = _places(keys[0])
        if (
            self.places is None
            and len(keys) == 1
            and pc.count_distinct(keys[0], mode="all").as_py() == length
        ):
            self.unique = keys[0]

    def pairs(self, columns: Sequence[Column]) -> tuple[Any, Any] | None:
        """For another table's keys: its row numbers, and ours or null for a row that matches nobody.

        Every row of the other table comes once for each of its matches, in our order, or once alone.
        """
        theirs = [key_array(column.array()) for column in columns]
        pairs = list(zip(theirs, self.keys, strict=True))
        if any(array is None or array.type != key.type for array, key in pairs):
            return None
        count = len(theirs[0])
        if self.places is not None:
            return numbers(count), self.places.take(self._offsets(theirs[0]))
        if self.unique is not None:
            places = pc.index_in(theirs[0], value_set=self.unique, skip_nulls=False)
            return numbers(count), places.cast(pa.int64())
        codes = _combined([pa.concat_arrays([array, key]) for array, key in pairs])
        left, right = codes.rows[:count], codes.rows[count:]
        per_code = _by_code(right, codes.count, None, "count_all")
        if not self.length or pc.max(per_code).as_py() == 1:
            places = pc.inverse_permutation(right, max_index=codes.count - 1, output_type=pa.int64())
            return numbers(count), places.take(left)
        order = pc.array_sort_indices(right).cast(pa.int64())
        per_code = per_code.fill_null(0)
        starts = pc.subtract(pc.cumulative_sum(per_code), per_code).take(left)
        found = per_code.take(left)
        repeats = pc.max_element_wise(found, 1)
        ends = pc.cumulative_sum(repeats)
        total = ends[-1].as_py()
        offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends])
        rows = pc.list_parent_indices(pa.LargeListArray.from_arrays(offsets, pa.nulls(total)))
        within = pc.subtract(numbers(total), offsets.take(rows))
        places = pc.add(starts.take(rows), within)
        alone = pc.equal(found.take(rows), 0)
        return rows, order.take(pc.if_else(alone, pa.scalar(None, pa.int64()), places))

    def _offsets(self, keys: Any) -> Any:
        """Where in `places` to look for keys; null for those that are nowhere."""
        most = self.least + len(self.places) - 1
        within = pc.and_(pc.greater_equal(keys, self.least), pc.less_equal(keys, most))
        here = pc.and_(within, pc.equal(pc.floor(keys), keys))
        offsets = pc.subtract(keys, self.least)
        return pc.if_else(here, offsets, pa.scalar(None, pa.float64())).cast(pa.int64())


#: Whole numbers are close together when there are at most so many times as many as rows; and below 2^53.
_SPREAD, _EXACT = 4, 2.0**52


def _places(keys: Any) -> tuple[Any, float]:
    """The row of each whole number from the least key to the greatest; None unless each stands there once."""
    nothing = None, 0.0
    if keys.type != pa.float64() or not len(keys) or keys.null_count:
        return nothing
    bounds = pc.min_max(keys).as_py()
    least, most = bounds["min"], bounds["max"]
    if not (least > -_EXACT and most < _EXACT and most - least < _SPREAD * len(keys)):
        return nothing
    if not pc.all(pc.equal(pc.floor(keys), keys)).as_py():
        return nothing
    offsets = pc.subtract(keys, least).cast(pa.int64())
    places = pc.inverse_permutation(offsets, max_index=int(most - least), output_type=pa.int64())
    return (places, least) if len(places) - places.null_count == len(keys) else nothing


def matcher(columns: Sequence[Column], length: int) -> Matcher | None:
    """A matcher over key columns, small ones too; None when they are not typed."""
    keys = [key_array(column.array(small=True)) for column in columns]
    return None if any(key is None for key in keys) else Matcher(keys, length)
