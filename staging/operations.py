"""Requests that take long: work on a thread of its own, asked for again by an id until it is done.

This is the pattern of the product's interface: who does not get the answer at once gets 202 with the address of the
operation's state, and from there, when it succeeded, that of its result.  Read ``serving.py`` for who starts them.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from attrs import define, field

#: Results that are kept to be fetched, and the seconds that one is kept.
_MOST, _KEPT = 20, 600.0


@define(eq=False)
class Operation:
    """One piece of work; ``result`` or ``failure`` when it ended."""

    id: str = field(factory=lambda: str(uuid.uuid4()))
    created: datetime = field(factory=lambda: datetime.now(UTC))
    updated: datetime = field(factory=lambda: datetime.now(UTC))
    result: bytes | None = None
    failure: Exception | None = None
    ended: threading.Event = field(factory=threading.Event)
    moment: float = field(factory=time.monotonic)

    @property
    def status(self) -> str:
        """The product's word."""
        if not self.ended.is_set():
            return "Running"
        return "Succeeded" if self.failure is None else "Failed"

    def state(self) -> dict[str, Any]:
        """The answer to who asks how it goes; the error is for the caller to add."""
        done = 100 if self.ended.is_set() else 0
        return {
            "status": self.status, "createdTimeUtc": _text(self.created), "lastUpdatedTimeUtc": _text(self.updated),
            "percentComplete": done, "error": None,
        }  # fmt: skip


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Operations:
    """The operations of a server."""

    def __init__(self) -> None:
        self._known: dict[str, Operation] = {}
        self._lock = threading.Lock()

    def start(self, act: Callable[[], bytes]) -> Operation:
        """Begins some work."""
        made = Operation()

        def work() -> None:
            try:
                made.result = act()
            except Exception as error:  # told to whoever asks for it
                made.failure = error
            made.updated, made.moment = datetime.now(UTC), time.monotonic()
            made.ended.set()

        with self._lock:
            self._known[made.id] = made
        threading.Thread(target=work, name=f"operation {made.id}", daemon=True).start()
        return made

    def get(self, id: str) -> Operation | None:
        """An operation that runs, or whose result is still kept."""
        with self._lock:
            self._forget()
            return self._known.get(id)

    def drop(self, operation: Operation) -> None:
        """Forgets one whose answer was given."""
        with self._lock:
            self._known.pop(operation.id, None)

    def _forget(self) -> None:
        """Drops what ended long ago, or is one of too many."""
        ended = sorted((o for o in self._known.values() if o.ended.is_set()), key=lambda o: o.moment)
        now = time.monotonic()
        for place, found in enumerate(ended):
            if now - found.moment > _KEPT or len(ended) - place > _MOST:
                del self._known[found.id]
