"""What a run of a plan costs: rows, seconds and bytes at every boundary, and the errors in the cells of its result.

`measured` runs a plan as a load of its result does, every cell computed, and gives the tree of `plantree.py`
with what it saw.  Sources that count and time stand where rows cross between an engine and the interpreter.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from folding.batches import FoldedBatch
from folding.boundary import REPAIRED, Piece, run_plan, with_pieces
from folding.engines import remote
from folding.inputs import with_inputs
from folding.plantree import (
    ColumnErrors,
    Cost,
    Node,
    broken_at,
    entered_plans,
    inputs_of,
    remote_query,
    stays,
    tree,
)  # fmt: skip
from mlang import session as sessions
from mlang.connectors.sources import CsvSource, ParquetSource
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.tables.batches import ArrowBatch
from mlang.tables.plan import Batch, Source
from mlang.tables.simplify import prune
from mlang.values.kinds import kind_of
from mlang.values.related import related_kind
from mlang.values.show import to_m
from mlang.values.thunk import Thunk

#: Details that are shown, and how much of them.
PLAIN = frozenset(("text", "number", "logical", "date", "time", "datetime", "datetimezone", "duration"))
_DETAIL = 80


def measured(plan: p.Plan, names: Mapping[int, str] | None = None) -> Node:
    """Runs a plan and gives its tree with the cost of every boundary and of the whole."""
    costs: dict[int, Cost] = {}
    repaired = sessions.current().fixed.setdefault(REPAIRED, [])
    repaired.clear()
    begin = time.perf_counter()
    found = _Cells(plan.schema.names)
    for batch in run_plan(_watched(plan, costs)):
        found.read(batch)
    costs[id(plan)] = Cost(found.rows, time.perf_counter() - begin, bytes_read(plan))
    built = tree(plan, names, costs)
    built = evolve(
        built, notes=tuple(dict.fromkeys([*built.notes, *repaired])), errors=tuple(found.errors.values())
    )
    return built if built.cost is not None else evolve(built, cost=costs[id(plan)])


# ---------------------------------------------------------------- the cells


class _Cells:
    """Computes the cells of a result and counts those that are errors, by column."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.rows = names, 0
        self.errors: dict[str, ColumnErrors] = {}

    def read(self, batch: Batch) -> None:
        """All cells of the next rows; Arrow data stays as it is."""
        for name, cells in zip(self.names, _delayed(batch), strict=True):
            for row, cell in enumerate(cells, self.rows + 1):
                if cell.__class__ is Thunk and related_kind(cell) is None:
                    try:
                        cell.get()
                    except MError as error:
                        if error.final:
                            raise
                        self._note(name, row, error)
        self.rows += batch.length

    def _note(self, name: str, row: int, error: MError) -> None:
        known = self.errors.get(name)
        if known is not None:
            self.errors[name] = evolve(known, count=known.count + 1)
            return
        plain = kind_of(error.detail) in PLAIN
        detail = to_m(error.detail)[:_DETAIL] if plain else None
        self.errors[name] = ColumnErrors(name, 1, row, str(error.reason), str(error.message), detail)


def _delayed(batch: Batch) -> list[list[Any]]:
    """The columns of a batch; those that are Arrow data, in which no cell is delayed or an error, as nothing."""
    if isinstance(batch, FoldedBatch):
        return [batch.cells(i) if i in batch.odd else [] for i in range(batch.width)]
    if isinstance(batch, ArrowBatch):
        return [[] if part.raw is not None else part.cells() for part in batch.parts]
    return batch.columns


# ---------------------------------------------------------------- the boundaries


class Measured(Source):
    """A plan whose rows are counted and timed as they cross over."""

    def __init__(self, plan: p.Plan, inner: Source | None, costs: dict[int, Cost]) -> None:
        self.plan, self.inner, self.costs = plan, inner, costs
        self.label = plan.function

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        """The rows, and afterwards their cost."""
        if self.inner is not None:
            found = self.inner.batches(columns, limit)
        else:
            from mlang.tables.local import run_local

            found = run_local(self.plan, columns, limit)
        key = id(self.inner.plan) if isinstance(self.inner, (Piece, remote.RemoteSource)) else id(self.plan)
        read = bytes_read(self.inner.plan) if isinstance(self.inner, Piece) else None
        rows, seconds = 0, 0.0
        try:
            while True:
                begin = time.perf_counter()
                batch = next(found, None)
                seconds += time.perf_counter() - begin
                if batch is None:
                    break
                rows += batch.length
                yield batch
        finally:
            self.costs[key] = Cost(rows, seconds, read)


def _watched(plan: p.Plan, costs: dict[int, Cost]) -> p.Plan:
    """The plan with sources that measure at the places where rows cross over."""
    if stays(plan):
        return plan
    if remote.has_tables(plan):
        return plan if remote_query(plan) else _scans(remote.place(plan), costs)
    if broken_at(plan) is None:
        return plan
    entered = entered_plans(plan)
    if not entered:
        return _scans(with_pieces(plan), costs)
    kept = [(node, _scans(with_pieces(node), costs)) for node in entered]
    wrapped = [(n, p.Scan(n.schema, _Made(n, made, costs), n.schema.names, n.function)) for n, made in kept]
    return _replaced(plan, wrapped)


class _Made(Measured):
    """What the interpreter makes for the engine; ``made`` is the plan that reads measured pieces."""

    def __init__(self, plan: p.Plan, made: p.Plan, costs: dict[int, Cost]) -> None:
        super().__init__(plan, _Interpreted(made), costs)


class _Interpreted(Source):
    def __init__(self, plan: p.Plan) -> None:
        self.made = plan

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        from mlang.tables.local import run_local

        return run_local(self.made, columns, limit)


def _scans(plan: p.Plan, costs: dict[int, Cost]) -> p.Plan:
    """The plan with each scan of a query's result measured."""
    if isinstance(plan, p.Scan):
        if isinstance(plan.source, (Piece, remote.RemoteSource)):
            return evolve(plan, source=Measured(plan, plan.source, costs))
        return plan
    return with_inputs(plan, lambda node: _scans(node, costs))


def _replaced(plan: p.Plan, changes: Sequence[tuple[p.Plan, p.Plan]]) -> p.Plan:
    for old, new in changes:
        if plan is old:
            return new
    return with_inputs(plan, lambda node: _replaced(node, changes))


def bytes_read(plan: p.Plan) -> int | None:
    """What a query reads of the files below a plan: CSV whole, of Parquet the column chunks; None if unknown."""
    total, known = 0, False
    stack = [prune(plan, plan.schema.names)]
    while stack:
        node = stack.pop()
        stack.extend(inputs_of(node))
        if isinstance(node, p.Scan):
            size = _size(node)
            if size is None:
                return None
            total, known = total + size, True
    return total if known else None


def _size(node: p.Scan) -> int | None:
    source = node.source
    try:
        if isinstance(source, CsvSource):
            return os.path.getsize(str(source.path))
        if isinstance(source, ParquetSource) and source.path is not None:
            return _chunks(str(source.path), set(node.columns))
    except OSError:
        return None
    return None


def _chunks(path: str, columns: set[str]) -> int:
    """The compressed bytes of some columns of a Parquet file."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        metadata = file.metadata
        groups = (metadata.row_group(g) for g in range(metadata.num_row_groups))
        return sum(
            chunk.total_compressed_size
            for group in groups
            for chunk in (group.column(i) for i in range(group.num_columns))
            if chunk.path_in_schema.partition(".")[0] in columns
        )
