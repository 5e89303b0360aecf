"""Kills refreshes with SIGKILL at random moments, with readers beside them, and looks at what is left.

    python tests/benchmarks/kill_refresh.py [--kills 1000] [--readers 8] [--rows 1000] [--minutes 600] [--seed 1]

Each refresh writes one mark into every row of three staged tables (two in the lakehouse, one in the
warehouse) and of four destinations.  A third of the kills hit any moment of the run, the others are
aimed at a phase: the victim says in shared memory (``victims.py``) where it is.  After each kill a
process looks at tables and destinations; every third one is followed by a refresh that must succeed.  Readers evaluate the dataflow
connector all the time: a table with two marks or missing rows, tables of different refreshes, or an
older mark than before is a failure.  Prints the figures; exit code 1 when anything was wrong.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[i]) for i in (1, 2)]

from benchmarks import victims  # noqa: E402
from benchmarks.victims import DONE, NAMES, Board, Check  # noqa: E402

#: Where kills are aimed, by turns: 0 is any moment between start and end.
AIMS = (0, victims.STAGING, victims.PUBLISH, 0, victims.DESTINATION, victims.GC, 0, victims.COLLECT,
        victims.DESTINATION, victims.STAGING)  # fmt: skip


class Killer:
    """One workspace, its readers, and the counts."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.options = options
        self.chance = random.Random(options.seed)
        self.place = victims.dataflow(folder, options.rows)
        self.board = Board()
        self.checker = victims.Worker(lambda: victims.check(self.place, options.rows))
        self.hits: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.again = 0
        self.times: dict[int, float] = {}
        self.fractions: list[float] = []
        self.last: Check

    def run_whole(self, mark: int, kind: str = "refresh") -> bool:
        """A refresh that nobody kills; False when it failed."""
        started = time.monotonic()
        pid = victims.start(self.place, mark, self.board, kind)
        _, status = os.waitpid(pid, 0)
        self.times[0] = time.monotonic() - started
        return status == 0

    def kill_one(self, mark: int) -> None:
        """Starts a refresh (or gc), kills it, checks what is left, and refreshes again."""
        aim = AIMS[mark % len(AIMS)]
        kind = "gc" if aim == victims.GC else "refresh"
        before = self.last
        self.board.reset()
        started = time.monotonic()
        pid = victims.start(self.place, mark, self.board, kind)
        self._aim(aim, pid)
        moment = time.monotonic() - started
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        phase = self.board.phase
        self.hits[NAMES[phase]] += 1
        if phase != DONE:
            self.fractions.append(moment / max(self.times[0], moment))
        self._look(before, mark if kind == "refresh" else before.staged, f"kill {mark} in {NAMES[phase]}")
        if mark % self.options.every == 0:
            self._refresh_again(mark, NAMES[phase])

    def _refresh_again(self, mark: int, phase: str) -> None:
        """The refresh after a kill: it must succeed, and everything must hold its mark."""
        following = mark + 1_000_000
        self.again += 1
        if not self.run_whole(following):
            self.wrong.append(f"the refresh after kill {mark} in {phase} failed")
        else:
            after = self.last = self.checker.ask()
            if after.staged != following or set(after.destinations.values()) != {following} or after.problems:
                self.wrong.append(f"after the refresh that followed kill {mark}: {after}")

    def _aim(self, aim: int, pid: int) -> None:
        """Waits for a random moment of the whole run, or of one phase."""
        if aim == 0:
            time.sleep(self.chance.uniform(0.0, 0.95) * self.times[0])
            return
        deadline = time.monotonic() + 60
        while self.board.phase < aim and time.monotonic() < deadline:
            time.sleep(0.0002)
        time.sleep(self.chance.uniform(0.0, 0.9) * self.board.typical(aim))

    def _look(self, before: Check, mark: float | None, where: str) -> None:
        after: Check = self.checker.ask()
        self.last = after
        self.wrong += [f"{where}: {problem}" for problem in after.problems]
        if after.staged not in (before.staged, mark):
            self.wrong.append(f"{where}: serves {after.staged}, was {before.staged}")
        for name, found in after.destinations.items():
            if found not in (before.destinations[name], mark):
                self.wrong.append(f"{where}: {name} holds {found}, was {before.destinations[name]}")

    def report(self, readers: list[dict[str, Any]], seconds: float) -> int:
        """Prints the figures; the exit code."""
        tenths = Counter(min(int(f * 10), 9) for f in self.fractions)
        reads = sum(r["reads"] for r in readers)
        for reader in readers:
            self.wrong += reader["problems"]
        print(f"kills: {sum(self.hits.values())} in {seconds:.0f} s; before the end: {len(self.fractions)}")
        print("by phase: " + ", ".join(f"{name} {self.hits[name]}" for name in NAMES.values()))
        print("by tenth of the run: " + " ".join(str(tenths[i]) for i in range(10)))
        print(f"refreshes after a kill that nobody killed: {self.again}")
        print(
            f"reads by {len(readers)} readers: {reads}, told to read again: {sum(r['again'] for r in readers)}"
        )
        print(f"wrong (lost, mixed or half-replaced, failed refreshes): {len(self.wrong)}")
        for text in self.wrong[:20]:
            print("  " + text)
        return 1 if self.wrong or any(r["reads"] == 0 for r in readers) else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill refreshes and look at what is served.")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--every", type=int, default=3, help="kills before a refresh may end")
    parser.add_argument("--minutes", type=float, default=600.0, help="when to stop, whatever is left")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        victims.load_modules(victims.dataflow(Path(folder) / "first", options.rows))
        killer = Killer(Path(folder), options)
        if not killer.run_whole(1):
            print("the first refresh failed")
            return 1
        killer.run_whole(2)
        read = lambda: victims.Watch(killer.place, options.rows)  # noqa: E731
        killer.last = killer.checker.ask()
        readers = [victims.Reader(read) for _ in range(options.readers)]
        started = time.monotonic()
        for mark in range(3, options.kills + 3):
            if time.monotonic() - started > options.minutes * 60:
                break
            killer.kill_one(mark)
            if mark % 100 == 0:
                print(f"{mark} of {options.kills}, wrong: {len(killer.wrong)}", flush=True)
        found = [r.stop() for r in readers]
        return killer.report(found, time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
