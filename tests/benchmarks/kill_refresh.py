"""Kills a refresh at random moments and reads the staged tables each time; they must be whole.

    python tests/benchmarks/kill_refresh.py [--kills 10] [--rows 400000] [--seed 1]

Each refresh writes one mark into every row of two staged tables; a table with two marks, or with
rows missing, is a torn read; so are two tables with different marks.  Prints one line per kill; exit code 1 when anything was torn.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[i]) for i in (1, 2)]

from dataflows.making import make, refresh, rows  # noqa: E402
from test_staging import MARKED, kill_during_refresh  # noqa: E402


def check(place: Path, query: str, count: int) -> float | None:
    """The mark of a staged table; None when it is torn."""
    seen = rows(place, query)
    return seen[0][0] if len(seen) == count and len(set(seen)) == 1 else None


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill refreshes and look at what is served.")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        place = make(Path(folder), MARKED.replace("60000", str(options.rows)))
        started = time.monotonic()
        refresh(place, Mark="0")
        whole = time.monotonic() - started + 0.4  # a process starts first
        torn = 0
        for mark in range(1, options.kills + 1):
            delay = chance.uniform(0.1, 1.4) * whole
            killed = kill_during_refresh(place, mark, delay)
            marks = [check(place, query, options.rows) for query in ("A", "B")]
            torn += None in marks or marks[0] != marks[1]
            print(f"kill {mark} after {delay:.2f} s: {'killed' if killed else 'was done'}, serves {marks}")
        final = refresh(place, Mark="99")
        print(f"refresh afterwards: {final.status}; torn: {torn}")
        return 1 if torn or final.status != "Completed" else 0


if __name__ == "__main__":
    sys.exit(main())
