"""What flows between the steps of a plan, and where it comes from.

A `Batch` has columns of M values (or thunks: an error in a cell is a failed thunk), all of the
same length; ``batches.py`` has those whose columns may be Arrow data.  Connectors subclass `Source`.
Read ``plan.py`` for the steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Batch:
    """Some rows by column: ``columns[i][row]``; ``length`` rows (tables may have no columns)."""

    __slots__ = ("columns", "length")

    def __init__(self, columns: list[list[Any]], length: int) -> None:
        self.columns, self.length = columns, length


class Source:
    """Where a `Scan` reads from.  Connectors subclass it.

    ``batches`` is the interpreter's way in; engines look for the class they know
    (`ArrowSource`, `FileSource` …) and read it their own way.
    """

    #: What ``explain`` calls it, e.g. "CSV file orders.csv".
    label = "source"

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        """The rows, only the named columns (None: all) in that order; ``limit`` is a hint."""
        raise NotImplementedError

    def row_count(self) -> int | None:
        """The exact number of rows when it is known without reading; None otherwise."""
        return None
