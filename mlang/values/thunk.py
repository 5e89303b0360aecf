"""A delayed value: let variables, record fields, list items and table cells that were not read yet.

A `Thunk` runs its function once and remembers the value, or the failure: an entry
that failed raises the same error at each access (EVL-06).  A thunk met while it
runs is a cycle (EVL-24).  Containers hold plain values and thunks side by side;
whoever reads a member calls `force`.
"""

from __future__ import annotations

from collections.abc import Callable

from mlang.errors import MError, cyclic_reference

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

WAITING, DONE, BUSY, FAILED = range(4)


class Thunk:
    """State, and the function, the value or the `MError` that goes with it."""

    __slots__ = ("content", "state")

    def __init__(self, function: Callable[[], Any]) -> None:
        self.content: Any = function
        self.state = WAITING

    def get(self) -> Any:
        """The value; runs the function at the first call."""
        state = self.state
        if state == DONE:
            return self.content
        if state == WAITING:
            self.state = BUSY
            try:
                value = self.content()
            except MError as error:
                keep_frames(error)
                self.content = error
                self.state = FAILED
                raise
            except BaseException:
                self.state = WAITING
                raise
            self.content = value
            self.state = DONE
            return value
        if state == FAILED:
            raise self.content.with_traceback(None)
        raise cyclic_reference()


def keep_frames(error: MError) -> None:
    """Notes the generated-code lines an error crossed, before its traceback is dropped."""
    if error.frames is not None:
        return
    frames: list[tuple[str, int]] = []
    traceback = error.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if name.startswith("<m:"):
            frames.append((name, traceback.tb_lineno))
            if len(frames) > 400:
                del frames[20:-20]
        traceback = traceback.tb_next
    frames.reverse()
    error.frames = list(frames[:40])


def failed(error: MError) -> Thunk:
    """A thunk that already failed: how an error sits in a cell."""
    thunk = Thunk.__new__(Thunk)
    error.__traceback__ = None
    thunk.content = error
    thunk.state = FAILED
    return thunk


def force(value: Any) -> Any:
    """The value itself, a delayed one evaluated."""
    return value.get() if value.__class__ is Thunk else value


def error_of(value: Any) -> MError | None:
    """The error that a member holds, evaluating it if need be; None when it has a value."""
    if value.__class__ is not Thunk:
        return None
    try:
        value.get()
    except MError as error:
        return error
    return None
