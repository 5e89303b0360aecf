"""The buckets of an incremental refresh, read from a database side by side and written one after the other.

Each bucket is read on a thread with a session, so a connection, of its own; a few batches wait until the writer comes
to them.  Only whole queries that the source itself does are read so: elsewhere each bucket would read everything.
Read ``incremental.py`` for what a bucket is.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator
from typing import Any

from mlang.compile.entry import run
from mlang.tables.plan import Batch
from mlang.tables.table import Table
from staging.crew import Crew
from staging.queries import Queries

#: Batches of a bucket that wait for the writer.
_WAITING = 8
_End = None


def side_by_side(table: Table, queries: Queries) -> bool:
    """Whether the rows come from a database by one statement."""
    from folding.engines import remote
    from folding.terms import Unfoldable

    def act() -> bool:
        if not remote.has_tables(table.plan):
            return False
        try:
            remote.compiled(table.plan)
        except Unfoldable:
            return False
        return True

    return run(act, queries.session)


class Ahead:
    """Tables that are read ahead of their writer, at most ``size`` at a time."""

    def __init__(self, makers: list[Callable[[Queries], Table]], queries: Queries, size: int) -> None:
        self._makers, self._queries, self._size = makers, queries, max(1, size)
        self._queues: list[queue.Queue[Any]] = [queue.Queue(_WAITING) for _ in makers]
        self._crew = Crew(self._size, None)
        self._started, self._closed = 0, False

    def batches(self, number: int) -> Iterator[Batch]:
        """The rows of a table; those of the ones before must have been taken."""
        while self._started < min(number + self._size, len(self._makers)):
            self._start(self._started)
            self._started += 1
        while (found := self._get(number)) is not _End:
            if isinstance(found, BaseException):
                raise found
            yield found
        self._crew.wait()

    def close(self) -> None:
        """Stops whoever still reads, and waits for their ends."""
        self._closed = True
        if self._crew.busy:
            self._crew.cancel()
        while self._crew.busy:
            self._crew.wait()

    def _start(self, number: int) -> None:
        own = self._queries.fresh()

        def read() -> None:
            try:
                for batch in own.batches(self._makers[number](own)):
                    self._put(number, batch)
                self._put(number, _End)
            except BaseException as error:  # raised where the rows are taken
                self._put(number, error)
            finally:
                self._queries.session.inputs.update(own.session.inputs)

        self._crew.start(number, own, read)

    def _get(self, number: int) -> Any:
        """Waits in pieces, so that the writer, too, can be stopped."""
        while True:
            with contextlib.suppress(queue.Empty):
                return self._queues[number].get(timeout=0.1)

    def _put(self, number: int, found: Any) -> None:
        """Waits in pieces, so that a reader that waits can be stopped."""
        while not self._closed:
            with contextlib.suppress(queue.Full):
                self._queues[number].put(found, timeout=0.1)
                return
