"""Memory of steps that go on in the engine after one that only the interpreter does.

`python -m tests.benchmarks.bench_memory [--rows 10000000] [--limit 400MB] [--only group,distinct,sort]`

Each query runs in a process of its own: a Parquet file, a column that the interpreter computes, and a group,
distinct or sort over it, with the engine's memory limited so that it spills to disk.  Printed are
seconds and the largest resident size of the process.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_MADE = (
    'Table.AddColumn(Parquet.Document(File.Contents("{path}")), "b", each Number.BitwiseAnd([id], 4194303))'
)
_QUERIES = {
    "middle": "{made}",
    "group": 'Table.Group({made}, {{"b"}}, {{{{"n", each Table.RowCount(_)}}, {{"m", each List.Max([t])}}}})',
    "distinct": 'Table.Distinct(Table.SelectColumns({made}, {{"b"}}))',
    "sort": 'Table.Sort({made}, {{{{"b", Order.Descending}}}})',
}


def run(name: str, path: str, limit: str, spill: str) -> None:
    """One query in this process."""
    import mlang
    from folding.engines.database import root

    root().database.execute(f"SET memory_limit = '{limit}'")
    root().database.execute(f"SET temp_directory = '{spill}'")
    start = time.perf_counter()
    table = mlang.evaluate(_QUERIES[name].format(made=_MADE.format(path=path)))
    rows = sum(batch.length for batch in table.batches())
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name:9} {rows:>10} rows  {time.perf_counter() - start:7.1f} s  max RSS {largest} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--limit", default="400MB", help="the engine's memory")
    parser.add_argument("--only", default=",".join(_QUERIES))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, path, spill = options.one.split("|")
        run(name, path, options.limit, spill)
        return
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        texts = "'customer ' || (i * 104729) % 200000"
        duckdb.sql(f"COPY (SELECT i AS id, {texts} AS t FROM range({options.rows}) r(i)) TO '{path}'")
        for name in options.only.split(","):
            one = f"{name}|{path}|{folder}"
            command = [sys.executable, "-m", "tests.benchmarks.bench_memory", "--limit", options.limit]
            subprocess.run([*command, "--one", one], check=True)


if __name__ == "__main__":
    main()
