"""Batches that are Arrow data until somebody reads their cells.

Sources that have Arrow data yield `ArrowBatch`: steps read ``columns`` as of any batch, and
get M values; whoever wants Arrow (export, staging) takes ``data`` and nothing is converted.
"""

from __future__ import annotations

from typing import Any

from mlang.tables.plan import Batch


class ArrowBatch(Batch):
    """The rows of a ``pyarrow.RecordBatch``; ``columns`` are converted at the first access."""

    __slots__ = ("_cells", "data")

    def __init__(self, data: Any) -> None:
        self.data = data
        self.length = data.num_rows
        self._cells: list[list[Any]] | None = None

    @property
    def columns(self) -> list[list[Any]]:  # type: ignore[override]
        """The cells as M values, by column."""
        if self._cells is None:
            from mlang.connectors.arrow import column_to_values

            self._cells = [column_to_values(column) for column in self.data.columns]
        return self._cells
