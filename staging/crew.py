"""Threads for the queries of a refresh: a few at a time, each with a deadline, all stoppable.

A query runs on a deep stack of its own (`mlang.compile.entry.run`).  Python stops a thread only
between two of its own instructions, so whoever is to stop also gets its engine interrupted.
Read ``refresh.py`` for what the threads do.
"""

from __future__ import annotations

import ctypes
import gc
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from mlang.compile.entry import RECURSION_LIMIT, run
from mlang.errors import Cancelled
from mlang.session import Session


class TimedOut(Cancelled):
    """A query ran longer than it may."""


class Owner(Protocol):
    """Who evaluates: its session may change between attempts."""

    @property
    def session(self) -> Session:
        """The session that is running."""


class Ticket:
    """One running query: how to stop it."""

    def __init__(self, owner: Owner, deadline: float | None) -> None:
        self.owner, self.deadline = owner, deadline
        self.stopped = False
        self._ident: int | None = None
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Called on the thread that evaluates."""
        self._ident = threading.get_ident()

    def end(self) -> None:
        """Called on that thread at its end: its number may be given to the next thread, which must not be stopped."""
        with self._lock:
            self._ident = None

    def stop(self, reason: type[Cancelled]) -> None:
        """Raises ``reason`` in the query at its next instruction; once."""
        if self.stopped:
            return
        with self._lock:
            if self._ident is None:
                return
            self.stopped = True
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._ident), ctypes.py_object(reason))
        engine = self.owner.session.fixed.get("folding.cursor")
        if engine is not None:
            engine.interrupt()


class Crew:
    """At most ``size`` queries at a time."""

    def __init__(self, size: int, timeout: float | None) -> None:
        self.size, self.timeout = max(1, size), timeout
        self._cancelled = False
        self._running: dict[int, Ticket] = {}
        self._done: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()

    @property
    def busy(self) -> int:
        """How many are running."""
        return len(self._running)

    @property
    def free(self) -> bool:
        """Whether one more may start."""
        return len(self._running) < self.size

    def start(self, key: int, owner: Owner, work: Callable[[], Any]) -> None:
        """Runs ``work`` on a thread; `wait` gives its result, or what it raised."""
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        ticket = self._running[key] = Ticket(owner, deadline)

        def body() -> Any:
            ticket.begin()
            try:
                return work()
            finally:
                ticket.end()

        def target() -> None:
            try:
                self._done.put((key, run(body, owner.session)))
            except BaseException as error:
                self._done.put((key, error))

        threading.Thread(target=target, name=f"refresh {key}", daemon=True).start()

    def wait(self) -> tuple[int, Any]:
        """The next that ended.  A deadline that passes stops its query, which then ends as timed out."""
        while True:
            try:
                key, result = self._done.get(timeout=0.2)
            except queue.Empty:
                now = time.monotonic()
                for ticket in self._running.values():
                    if self._cancelled:
                        ticket.stop(Cancelled)  # one that had not begun when the others were stopped
                    elif ticket.deadline is not None and now > ticket.deadline:
                        ticket.stop(TimedOut)
                continue
            del self._running[key]
            return key, result

    def cancel(self) -> None:
        """Stops all that run; `wait` still has to be called for each."""
        self._cancelled = True
        for ticket in list(self._running.values()):
            ticket.stop(Cancelled)


@contextmanager
def deep_stacks() -> Iterator[None]:
    """Raises the recursion limit for all threads at once: one that ends must not lower it for another."""
    limit, thresholds = sys.getrecursionlimit(), gc.get_threshold()
    sys.setrecursionlimit(RECURSION_LIMIT)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        gc.set_threshold(*thresholds)


def pause(seconds: float) -> None:
    """Sleeps in pieces, so that a query that waits can be stopped."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
