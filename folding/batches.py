"""Rows of a result: Arrow data until somebody reads cells (`FoldedBatch`).

The engines that answer in Arrow data yield it: DuckDB (``engines/duckdb.py``) and Spark (``engines/spark_query.py``).
"""

from __future__ import annotations

from typing import Any, Protocol

from folding.relations import Column
from folding.types import exported, is_told, to_values
from mlang.tables.batches import ArrowBatch
from mlang.tables.column import Column as Part


class Made(Protocol):
    """A query that gives batches: its output columns, and the Arrow types that the table claims for them."""

    columns: tuple[Column, ...]

    def targets(self) -> list[Any]: ...


class FoldedBatch(ArrowBatch):
    """Cells by the kinds that folding knows, Arrow data of the types that the table claims."""

    __slots__ = ("_arrays", "_cells", "_data", "_odd", "_query")

    def __init__(
        self, data: list[Any], length: int, query: Made, odd: dict[int, list[Any]] | None = None
    ) -> None:
        """``data`` are the columns; ``odd`` the cells of those (by place) in which some are no Arrow data."""
        self._data, self.length, self._query = data, length, query
        self._cells: dict[int, list[Any]] = odd if odd is not None else {}
        self._odd = frozenset(self._cells)
        self._arrays: dict[int, Any] = {}

    @property
    def odd(self) -> frozenset[int]:
        """The columns (by place) in which some cells are errors, or values that are no Arrow data."""
        return self._odd

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self._data)

    @property
    def columns(self) -> list[list[Any]]:  # type: ignore[override]
        """The cells as M values, by column."""
        return [self.cells(index) for index in range(len(self._data))]

    def cells(self, index: int) -> list[Any]:
        """A column's cells; the other columns stay as they are."""
        if index not in self._cells:
            self._cells[index] = to_values(self._data[index], self._query.columns[index].term.kind)
        return self._cells[index]

    def kept(self) -> list[Part]:
        """The columns, to be kept without the query: Arrow data where it says what the cells are."""
        kinds = [c.term.kind for c in self._query.columns]
        return [
            Part(raw=data) if i not in self._odd and is_told(data, kind) else Part(self.cells(i))
            for i, (data, kind) in enumerate(zip(self._data, kinds, strict=True))
        ]

    def arrow(self, index: int) -> Any:
        """A column as Arrow data; None where some of its cells are none."""
        if index in self._odd:
            return None
        if index not in self._arrays:
            kind, target = self._query.columns[index].term.kind, self._query.targets()[index]
            self._arrays[index] = exported(self._data[index], kind, target)
        return self._arrays[index]
