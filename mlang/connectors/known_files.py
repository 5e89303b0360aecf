"""What was found out about a file, for as long as it is the same file.

A file is the same while its place, size and times are.  One that was written a moment ago could be
written again without any of these changing, as clocks of file systems tick: of such a file nothing is kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_KEPT = 256
#: Nanoseconds after which another writing shows in a file's times, whatever the file system.
_SETTLED = 3_000_000_000
_known: dict[Any, Any] = {}


def known(path: str, what: str, find: Callable[[], T]) -> T:
    """What ``find`` gave for the file before, or gives now; errors are not kept."""
    try:
        s = os.stat(path)
    except OSError:
        return find()
    key = what, os.path.abspath(path), s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns
    if key in _known:
        result: T = _known[key]
        return result
    found = find()
    if time.time_ns() - max(s.st_mtime_ns, s.st_ctime_ns) > _SETTLED:
        for oldest in list(_known)[: max(0, len(_known) - _KEPT + 1)]:
            _known.pop(oldest, None)
        _known[key] = found
    return found
