"""Runs something again whenever one of its files is saved, until Ctrl-C.

Files are asked for their time, size and identity twice a second: that works on every system and network drive,
and with editors that write a new file and put it in the place of the old one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from mlang.errors import Cancelled, Fault, MError

#: Seconds between two looks, and how long a file may be away while an editor replaces it.
INTERVAL, AWAY = 0.5, 2.0
State = dict[Path, tuple[int, int, int] | None]


def state_of(paths: Iterable[Path]) -> State:
    """Time, size and identity of each file; None for those that are not there."""
    found: State = {}
    for path in paths:
        try:
            about = path.stat()
        except OSError:
            found[path] = None
        else:
            size = 0 if path.is_dir() else about.st_size
            found[path] = (about.st_mtime_ns, size, about.st_ino)
    return found


def changed(before: State, after: State) -> set[Path]:
    """The files whose state is another one."""
    return {path for path, state in after.items() if before.get(path) != state}


def wait_for_change(before: State, interval: float = INTERVAL) -> set[Path]:
    """Waits until files change and have come to rest."""
    while True:
        time.sleep(interval)
        now = state_of(before)
        if not changed(before, now):
            continue
        deadline = time.monotonic() + AWAY
        while True:  # an editor may still be at it
            time.sleep(interval / 5)
            settled = state_of(before)
            gone = [p for p, s in settled.items() if s is None and before[p] is not None]
            if settled == now and (not gone or time.monotonic() > deadline):
                return changed(before, settled)
            now = settled


def watch(
    action: Callable[[set[Path] | None], object], files: Callable[[], set[Path]], interval: float = INTERVAL
) -> int:
    """Calls ``action`` with None, then with what changed, for ever; Ctrl-C ends it with exit code 0.

    ``files`` is asked after each run: an edit may name other files.
    """
    what: set[Path] | None = None
    try:
        before = state_of(_asked(files))
        while True:
            _once(action, what)
            after = state_of(_asked(files, before))
            # Saved while it ran: run again at once.  Folders count from now on: the run may have written there.
            what = {p for p in changed(before, after) if p in before and not p.is_dir()}
            if not what:
                print(
                    f"Watching {len(after)} file{'' if len(after) == 1 else 's'}; Ctrl-C ends.",
                    file=sys.stderr,
                    flush=True,
                )
                what = wait_for_change(after, interval)
            before = state_of({*before, *after})
            _announce(what)
    except (KeyboardInterrupt, Cancelled):
        print("Stopped.", file=sys.stderr)
        return 0


def _asked(files: Callable[[], set[Path]], known: Iterable[Path] = ()) -> set[Path]:
    """The files to look at; those of before when a half-typed text or a missing file keeps them from being known."""
    try:
        return files()
    except (MError, Fault, OSError):
        if not known:
            raise
        return set(known)


def _once(action: Callable[[set[Path] | None], object], what: set[Path] | None) -> None:
    from mlang.app.report import print_error

    try:
        action(what)
    except Cancelled:
        raise
    except (MError, Fault) as error:
        print_error(error)
    except OSError as error:
        print(f"{error.strerror or error}: {error.filename or ''}", file=sys.stderr)
    sys.stdout.flush()


def _announce(what: set[Path]) -> None:
    if sys.stdout.isatty():
        print("\x1b[2J\x1b[H", end="")
    names = ", ".join(sorted(p.name for p in what)[:3]) + (" ..." if len(what) > 3 else "")
    print(f"-- {time.strftime('%H:%M:%S')} {names} changed", file=sys.stderr, flush=True)
