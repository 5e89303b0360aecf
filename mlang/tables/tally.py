"""Aggregates of groups in one pass of Arrow: over typed keys, or the numbers that stand for them.

The keys that were met before and what was found for them are the first rows of the pass, so that sums go on from
what they are, from left to right.  Read ``gathering.py`` for who asks, ``codes.py`` for typed keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from attrs import frozen

from mlang.tables.codes import numbers


@frozen
class Ask:
    """An aggregate that is asked for: its name in Arrow, the cells, and what was found for the known groups."""

    how: str
    cells: Any
    before: Any


def tallied(known: Sequence[Any], keys: Sequence[Any], asks: Sequence[Ask]) -> tuple[list[Any], list[Any]]:
    """The keys in order of appearance, those that are known first, and for each ask its answers."""
    before, length = len(known[0]), len(keys[0])
    columns = {f"k{i}": pa.chunked_array(pair) for i, pair in enumerate(zip(known, keys, strict=True))}
    columns["row"] = pa.chunked_array([numbers(before), pc.add(numbers(length), before)])
    wanted: list[Any] = [("row", "min")]
    for i, ask in enumerate(asks):
        options = pc.ScalarAggregateOptions(min_count=1) if ask.how != "count" else None
        wanted.append((f"a{i}", ask.how, options))
        columns[f"a{i}"] = _cells(ask, before, length)
    names = [f"k{i}" for i in range(len(keys))]
    found = pa.table(columns).group_by(names, use_threads=False).aggregate(wanted)
    rows = found["row_min"].combine_chunks()
    if not _rising(rows):
        found = found.take(pc.array_sort_indices(rows))
    answers = [_answer(found[f"a{i}_{ask.how}"], ask, before) for i, ask in enumerate(asks)]
    return [_one(found[name]) for name in names], answers


def _cells(ask: Ask, before: int, length: int) -> Any:
    if ask.how == "count":  # numbers add up: nothing of the known groups is counted again
        cells = pa.repeat(True, length) if ask.cells is None else ask.cells
        return pa.chunked_array([pa.nulls(before, cells.type), cells])
    known = pa.nulls(before, ask.cells.type) if ask.before is None else ask.before
    return pa.chunked_array([known, ask.cells])


def _answer(found: Any, ask: Ask, before: int) -> Any:
    array = _one(found)
    if ask.how != "count":
        return array
    array = array.cast(pa.float64())
    if ask.before is None:
        return array
    return pc.add(array, pa.concat_arrays([ask.before, pa.repeat(pa.scalar(0.0), len(array) - before)]))


def _one(chunked: Any) -> Any:
    found = chunked.combine_chunks()
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _rising(rows: Any) -> bool:
    return len(rows) < 2 or bool(pc.all(pc.greater(rows[1:], rows[:-1])).as_py())
