"""Seconds (of processor time) and rows of the file readers written in M (``tests/programs``).

python tests/benchmarks/bench_readers.py [ROWS] [--profile]
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from programs_data import write_dbase, write_sqlite  # noqa: E402

import mlang  # noqa: E402
from mlang.compile.entry import run  # noqa: E402


def sqlite_file(folder: Path, rows: int) -> Path:
    """Six columns: integers of several sizes, a double, texts, some nulls."""
    file = folder / "bench.db"
    values = [
        (
            i,
            i % 100,
            i * 1.25,
            f"customer {i % 997}",
            None if i % 5 else "note " * (i % 7),
            i * 1000003 % 2**40,
        )
        for i in range(rows)
    ]
    create = "create table t (id integer primary key, small int, price real, name text, note text, big int)"
    write_sqlite(file, [create], {"t": values})
    return file


def dbase_file(folder: Path, rows: int) -> Path:
    """The fields of `programs_data`."""
    file = folder / "bench.dbf"
    write_dbase(file, [(f"item {i}", i * 0.25, date(2020, 1, 1 + i % 28), i % 3 == 0) for i in range(rows)])
    return file


def read(program: str, query: str, file: Path) -> Callable[[], int]:
    """Reads the file with the program and counts the rows, all of whose cells are evaluated."""
    source = (TESTS / "programs" / program).read_text(encoding="utf-8")

    def work() -> int:
        value = mlang.evaluate(source, query=query, parameters={"File": str(file)}, engine="none")
        table = run(lambda: value.fn("t")) if query == "Contents" and program == "sqlite3.pq" else value
        return run(lambda: _count(table))

    return work


def _count(table: Any) -> int:
    return sum(1 for row in mlang.to_python(table) if row)


def main() -> None:
    """Prints one line for each reader."""
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    rows = numbers[0] if numbers else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, work in (
            ("sqlite3.pq", read("sqlite3.pq", "Contents", sqlite_file(folder, rows))),
            ("dbase.pq", read("dbase.pq", "Contents", dbase_file(folder, rows))),
        ):
            if "--profile" in sys.argv:
                profile(work)
                continue
            start = time.process_time()
            count = work()
            seconds = time.process_time() - start
            print(f"{label:12} {count:8d} rows {seconds:8.3f} s {count / seconds:10.0f} rows/s")


def profile(work: Callable[[], int]) -> None:
    """Where the time goes."""
    profiler = cProfile.Profile()
    run(lambda: profiler.runcall(work))  # on the thread that evaluates
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
