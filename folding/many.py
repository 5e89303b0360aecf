"""The same small question to many files, side by side.

A snapshot may have twenty thousand files, and storage that workers share answers in milliseconds: one after the other
these are minutes.  What is done must not need the evaluation it is asked from: threads have none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

#: Files below which threads would cost more than they save.
_FEW = 32
#: Questions at a time; most of them wait for storage.
_THREADS = 32
_T = TypeVar("_T")
_R = TypeVar("_R")


def side_by_side(ask: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    """The answers in the order of the items; the first failure among them is raised, and ends what is not begun."""
    if len(items) < _FEW:
        return [ask(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    size = max(1, len(items) // (_THREADS * 8))
    parts = [items[i : i + size] for i in range(0, len(items), size)]
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mlang-files")
    try:
        waiting = [pool.submit(_all, ask, part) for part in parts]
        return [answer for found in waiting for answer in found.result()]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _all(ask: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    return [ask(item) for item in items]
