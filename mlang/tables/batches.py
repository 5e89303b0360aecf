"""Batches whose columns may be Arrow data until somebody reads their cells.

Sources that have Arrow data yield `ArrowBatch`, and so do the steps that work on it: steps read
``parts`` and move the columns as they are, others read ``columns`` as of any batch, and get M
values; whoever wants Arrow (export, staging) asks for `ArrowBatch.arrow` and nothing is converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from mlang.errors import MError
from mlang.tables.column import Column, joined
from mlang.tables.flow import Batch
from mlang.tables.plan import Values
from mlang.values.types import TableType

#: Rows of the batches that columns in memory are cut into.
ROWS = 65_536
#: Rows that are taken of one column before the next.
TAKEN = 1 << 20


class ArrowBatch(Batch):
    """The rows of a ``pyarrow.RecordBatch``, or of some `Column`s (`of`)."""

    __slots__ = ("parts",)

    parts: list[Column]

    def __init__(self, data: Any) -> None:
        self.parts = [Column(raw=column) for column in data.columns]
        self.length = data.num_rows

    @property
    def columns(self) -> list[list[Any]]:  # type: ignore[override]
        """The cells as M values, by column."""
        return [part.cells() for part in self.parts]

    def arrow(self, index: int) -> Any:
        """A column's Arrow data; None when its cells do not say what it is."""
        part = self.parts[index]
        return part.raw if part.raw is not None else part.array(small=True)

    def cells(self, index: int) -> list[Any]:
        """A column's cells; the other columns stay as they are."""
        return self.parts[index].cells()

    def kept(self) -> list[Column]:
        """The columns, to be kept: Arrow data where it says what the cells are."""
        return self.parts


class Cells(Sequence[list[Any]]):
    """The cells of some columns, made when they are first looked at."""

    __slots__ = ("_parts",)

    def __init__(self, parts: list[Column]) -> None:
        self._parts = parts

    @overload
    def __getitem__(self, place: int) -> list[Any]: ...
    @overload
    def __getitem__(self, place: slice) -> list[list[Any]]: ...
    def __getitem__(self, place: int | slice) -> list[Any]:
        if isinstance(place, slice):
            return [part.cells() for part in self._parts[place]]
        return self._parts[place].cells()

    def __len__(self) -> int:
        return len(self._parts)


def of(parts: list[Column], length: int) -> Batch:
    """A batch of columns."""
    batch = ArrowBatch.__new__(ArrowBatch)
    batch.parts, batch.length = parts, length
    return batch


def parts_of(batch: Batch) -> list[Column]:
    """The columns of any batch."""
    if batch.__class__ is ArrowBatch:
        return batch.parts
    return [Column(cells) for cells in batch.columns]


def as_values(schema: TableType, parts: list[Column], length: int) -> Values:
    """Columns as rows in memory; what is Arrow data stays so until somebody looks at the cells."""
    return Values(schema, Cells(parts), length, parts)


def memory(node: Values, names: tuple[str, ...]) -> list[Column]:
    """Columns in memory; what they are as Arrow data is remembered."""
    if not node.parts:
        node.parts.extend([Column(cells) for cells in node.columns])
    return [node.parts[node.schema.index(name)] for name in names]


def gathered(batches: Iterator[Batch], width: int) -> tuple[list[Column], int]:
    """All rows of some batches, by column."""
    parts, length, failure = good(batches, width)
    if failure is not None:
        raise failure
    return parts, length


def good(batches: Iterator[Batch], width: int) -> tuple[list[Column], int, MError | None]:
    """The rows of some batches, by column, up to the failure that ended them, if one did."""
    found: list[list[Column]] = [[] for _ in range(width)]
    length, failure = 0, None
    try:
        for batch in batches:
            length += batch.length
            for store, part in zip(found, parts_of(batch), strict=True):
                store.append(part)
    except MError as error:
        failure = error
    return [joined(parts) if parts else Column([]) for parts in found], length, failure


def failing(batch: Batch, failure: MError | None) -> Iterator[Batch]:
    """Rows, and the failure that comes after them."""
    yield batch
    if failure is not None:
        raise failure


def cut(parts: list[Column], length: int) -> Iterator[Batch]:
    """Columns in memory as batches."""
    for start in range(0, length, ROWS):
        stop = min(length, start + ROWS)
        yield of([part.slice(start, stop) for part in parts], stop - start)


def taken(parts: list[Column], rows: Any) -> Iterator[Batch]:
    """Rows of columns in memory, in the order of an Arrow array of row numbers."""
    for start, size in spans(len(rows)):
        some = rows.slice(start, size)
        yield from cut([part.take(some) for part in parts], len(some))


def spans(length: int) -> Iterator[tuple[int, int]]:
    """Starts and sizes of the rows that are taken at once: a small first, as it may be all that is read.

    Rows stand anywhere in a column, so it is faster to stay with one column for long.
    """
    start, size = 0, ROWS
    while start < length:
        yield start, min(size, length - start)
        start, size = start + size, TAKEN


def choosing(have: tuple[str, ...], want: tuple[str, ...]) -> Callable[[list[Column]], list[Column]]:
    """A function that picks the wanted columns (`local.picker` for columns)."""
    if have == want:
        return lambda parts: parts
    places = [have.index(name) for name in want]
    return lambda parts: [parts[i] for i in places]
