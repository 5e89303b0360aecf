"""What the interpreter makes in the middle of a query, entering the engine again batch by batch.

M code runs on the evaluating thread only: it fills a short queue of Arrow batches, and the
engine, which runs the query on a thread of its own, takes them from there.  The same loop hands out
the results, so that neither side waits for the other and memory stays bounded (`run`).
A column is of the kind of its first rows; a cell of another kind stops the query, and the
interpreter does the work.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from folding import types
from folding.engines.database import record_batches
from folding.sources import Leaf
from folding.terms import Unfoldable
from mlang.errors import MError
from mlang.tables.plan import Batch
from mlang.values.thunk import Thunk

#: Batches that wait on either side.
WAITING = 4


class Stopped(Exception):
    """The query cannot go on: a cell does not fit, or nobody wants its rows any more."""


class StreamOrigin(Leaf):
    """Batches of the interpreter; ``first`` are those that were made to see what the columns are."""

    engine = "DuckDB (streamed)"

    def __init__(
        self, alias: str, label: str, kinds: list[str], first: list[Batch], rest: Iterator[Batch]
    ) -> None:
        super().__init__(alias)
        self.label, self.kinds, self.name = label, kinds, f"{alias}_data"
        self.waiting = deque(first)
        self.rest = rest
        self.queue: deque[Any] = deque()
        self.ended = self.whole = False
        self.number = 0

    def prepare(self, database: Any, cursor: Any) -> None:
        """What a query reads more than once cannot be streamed."""
        if self.whole:
            import pyarrow as pa

            batches = list(iter(self.produce, None))
            cursor.register(self.name, pa.Table.from_batches(batches, self.schema()))

    def schema(self) -> Any:
        """The Arrow schema: the columns c1.. and the row number r1."""
        import pyarrow as pa

        fields = [(f"c{i}", types.arrow_type(kind)) for i, kind in enumerate(self.kinds, 1)]
        return pa.schema([*fields, ("r1", pa.int64())])

    def produce(self) -> Any:
        """The next batch as Arrow data, None at the end; runs M code."""
        import pyarrow as pa

        batch = self.waiting.popleft() if self.waiting else next(self.rest, None)
        if batch is None:
            return None
        arrays = [arrow_cells(cells, kind) for cells, kind in zip(batch.columns, self.kinds, strict=True)]
        numbers = pa.array(range(self.number, self.number + batch.length), pa.int64())
        self.number += batch.length
        return pa.RecordBatch.from_arrays([*arrays, numbers], schema=self.schema())

    def render(self, needed: set[str]) -> Any:
        from sqlglot import exp

        alias = exp.TableAlias(this=exp.to_identifier(self.alias))
        return exp.Table(this=exp.to_identifier(self.name), alias=alias)


def computed(cells: list[Any]) -> list[Any]:
    """The cells with what is delayed computed; errors stay."""
    if Thunk not in set(map(type, cells)):
        return cells
    return [_computed(c) if c.__class__ is Thunk else c for c in cells]


def _computed(cell: Thunk) -> Any:
    try:
        return cell.get()
    except MError:
        return cell
    except RecursionError:  # maybe for a cell that nobody asks for
        raise types.Untyped("a cell whose function does not come to an end") from None


def computed_columns(batches: list[Batch], names: tuple[str, ...]) -> list[list[Any]]:
    """The columns of batches, computed; `Unfoldable` where a cell does not come to an end."""
    columns = []
    for index, name in enumerate(names):
        try:
            columns.append(computed([c for batch in batches for c in batch.columns[index]]))
        except types.Untyped as no:
            raise Unfoldable(f"column '{name}' has {no}") from None
    return columns


def arrow_cells(cells: list[Any], kind: str) -> Any:
    """Cells as an Arrow array of a kind; `Stopped` when one does not fit."""
    try:
        settled = types.settled(computed(cells))
        found = types.kind_of_column(settled)
        if found not in ("null", kind):
            raise Stopped("cells of several kinds")
        return types.to_arrow(settled, kind).cast(types.arrow_type(kind))
    except types.Untyped as no:
        raise Stopped(str(no)) from None


def kinds_of(batches: list[Batch], names: tuple[str, ...]) -> list[str]:
    """The kinds of the columns by their first rows; `Unfoldable` when a column is of several kinds."""
    kinds = []
    for index, name in enumerate(names):
        cells = [c for batch in batches for c in batch.columns[index]]
        try:
            kinds.append(types.kind_of_column(types.settled(computed(cells))))
        except types.Untyped as no:
            raise Unfoldable(f"column '{name}' has {no}") from None
    return kinds


# ---------------------------------------------------------------- running


class _Exchange:
    """What the evaluating thread and the engine's thread share; everything is done under ``ready``."""

    def __init__(self) -> None:
        self.ready = threading.Condition()
        self.results: deque[Any] = deque()
        self.done = False
        self.closed = False
        self.failure: BaseException | None = None
        self.hungry: StreamOrigin | None = None

    def feed(self, origin: StreamOrigin) -> Iterator[Any]:
        """The engine's side of an input: waits for batches; runs no M code."""
        while True:
            with self.ready:
                while not origin.queue and not origin.ended and not self.closed:
                    self.hungry = origin
                    self.ready.notify_all()
                    self.ready.wait()
                if self.closed:
                    raise Stopped("closed")
                if not origin.queue:
                    return
                batch = origin.queue.popleft()
                self.ready.notify_all()
            yield batch


def run(origins: list[StreamOrigin], cursor: Any, text: str, size: int) -> Iterator[Any]:
    """The record batches of a query over streamed inputs."""
    import pyarrow as pa

    exchange = _Exchange()
    readers = [pa.RecordBatchReader.from_batches(o.schema(), exchange.feed(o)) for o in origins]
    for origin, reader in zip(origins, readers, strict=True):
        cursor.register(origin.name, reader)
    thread = threading.Thread(target=_execute, args=(exchange, cursor, text, size), daemon=True)
    thread.start()
    try:
        yield from _serve(exchange, origins)
    finally:
        with exchange.ready:
            exchange.closed = True
            exchange.ready.notify_all()
        thread.join()
        for origin in origins:
            close = getattr(origin.rest, "close", None)
            if close is not None:
                close()


def _execute(exchange: _Exchange, cursor: Any, text: str, size: int) -> None:
    """The engine's thread: runs the query and hands over what it gives."""
    try:
        for part in record_batches(cursor, text, size):
            with exchange.ready:
                while len(exchange.results) >= WAITING and not exchange.closed:
                    exchange.ready.wait()
                if exchange.closed:
                    return
                exchange.results.append(part)
                exchange.ready.notify_all()
    except BaseException as failure:  # handed to the evaluating thread
        exchange.failure = failure
    finally:
        with exchange.ready:
            exchange.done = True
            exchange.ready.notify_all()


def _serve(exchange: _Exchange, origins: list[StreamOrigin]) -> Iterator[Any]:
    """The evaluating thread: hands out results, else makes the batch that is wanted next, else waits."""
    while True:
        part = target = None
        with exchange.ready:
            while True:
                if exchange.results:
                    part = exchange.results.popleft()
                    exchange.ready.notify_all()
                    break
                if exchange.done:
                    if exchange.failure is not None:
                        raise exchange.failure
                    return
                target = _wanted(exchange, origins)
                if target is not None:
                    break
                exchange.ready.wait()
        if part is not None:
            yield part
            continue
        assert target is not None
        batch = target.produce()
        with exchange.ready:
            if batch is None:
                target.ended = True
            else:
                target.queue.append(batch)
            exchange.ready.notify_all()


def _wanted(exchange: _Exchange, origins: list[StreamOrigin]) -> StreamOrigin | None:
    """The input that needs a batch: first the one that the engine waits for."""
    hungry = exchange.hungry
    if hungry is not None and not hungry.ended and not hungry.queue:
        return hungry
    return next((o for o in origins if not o.ended and len(o.queue) < WAITING), None)
