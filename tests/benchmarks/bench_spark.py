"""What Spark costs and how it scales: the same queries on DuckDB, Sail and an Apache Spark cluster in one run.

    python tests/benchmarks/bench_spark.py overhead [ROWS ...]        10 and 10,000,000 rows, all engines
    python tests/benchmarks/bench_spark.py scaling [ROWS ...]         one and two workers, growing data
    python tests/benchmarks/bench_spark.py files [FILES ...]          what this process does for each file; no server

``group``: filter, computed column, join with 1,000 rows made here, group, sort; a thousand rows come back.
``write``: filter and computed column, two thirds of the rows staged (by the workers, or by this process for DuckDB).
``files``: files of ten rows, planned, and checked, renamed and flushed as if a cluster had written them; once as on this
disk, once as if each look at a file took ten milliseconds, as on shared storage.
Seconds: the first time (connection and probes included) and the best of two more.  Spark needs SPARK_HOME and Java.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

GROUP = """each let a = Table.SelectRows(_, each [x] > 50000 and [g] <> "d"),
    b = Table.AddColumn(a, "y", each [x] * 2, type number),
    c = Table.NestedJoin(b, "k", #table(type table [k = number, name = text],
        List.Transform({0..999}, each {_, Text.From(_)})), "k", "n", JoinKind.LeftOuter),
    d = Table.ExpandTableColumn(c, "n", {"name"}),
    e = Table.Group(d, {"name", "g"}, {{"c", each Table.RowCount(_)}, {"m", each List.Max([y])}})
    in Table.Sort(e, {{"m", Order.Descending}, "name", "g"})"""
WRITE = 'each Table.AddColumn(Table.SelectRows(_, each [x] > 33333), "y", each [x] * 2, type number)'
FILE_ROWS = 5_000_000


def table(folder: Path, rows: int) -> Any:
    """A staged table: files of five million rows, with row numbers."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mlang.tables import plan as p
    from mlang.tables.table import Table
    from mlang.values import types as mtypes
    from staging.store.manifest import Manifest, Part
    from staging.store.sources import staged_plan
    from staging.types import Column

    random, parts = np.random.default_rng(1), []
    for first in range(0, rows, FILE_ROWS):
        count = min(FILE_ROWS, rows - first)
        path = folder / f"t{rows}-{first}.parquet"
        if not path.exists():
            letters = pa.array(["a", "b", "c", "d"]).take(pa.array(random.integers(0, 4, count)))
            arrays = [np.arange(first, first + count), random.integers(0, 1000, count), letters,
                      random.integers(0, 100_000, count)]  # fmt: skip
            pq.write_table(pa.table(arrays, names=["rn", "c1", "c2", "c3"]), path, row_group_size=500_000)
        parts.append(Part(path.name, count, first, path.stat().st_size))
    kinds = (
        ("k", mtypes.INT64, "int64"),
        ("g", mtypes.primitive("text"), "text"),
        ("x", mtypes.INT64, "int64"),
    )
    columns = tuple(Column(name, type, f"c{i}", code) for i, (name, type, code) in enumerate(kinds, 1))
    known = {"nulls": 0, "int53": True, "ascii": True}
    facts = {"k": known, "g": known, "x": known}
    found = Manifest("bench", f"t{rows}", 1, "lakehouse", "", "", "", columns, tuple(parts), facts)
    plan: p.Plan = staged_plan(folder, found)
    return Table(plan)


def group(data: Any, engine: str) -> int:
    """Runs the query; the number of rows."""
    from spark_tables import session

    import mlang
    from mlang.session import use
    from mlang.tables.table import Table

    with use(session(engine)):
        made = mlang.evaluate(GROUP, engine=engine, culture="en-US").fn(Table(data.plan))
        return sum(batch.length for batch in made.batches())


def write(data: Any, engine: str) -> int:
    """Stages the query's rows, who ever writes them; their number."""
    from spark_tables import session

    import mlang
    from mlang.session import use
    from mlang.tables.table import Table
    from staging import copying, spark
    from staging.store.lakehouse import LakehouseWriter
    from staging.types import staged_columns

    own = session(engine)
    with use(own), tempfile.TemporaryDirectory(dir=os.environ["MLANG_BENCH"]) as folder:
        made = mlang.evaluate(WRITE, engine=engine, culture="en-US").fn(Table(data.plan))
        place = Path(folder) / "flow" / "query" / "tmp"
        place.mkdir(parents=True)
        writer = LakehouseWriter(place, "query", staged_columns("query", made.type))
        query = copying.engine_query(made, writer.columns, own)
        assert query is not None
        if not spark.writes(query, writer, own):
            assert engine == "duckdb" or writer.rows < 1_000_000, spark.told(own)
            for arrays, length in copying.engine_batches(query, own):
                writer.write_arrow(arrays, length)
        writer.finish()
        return writer.rows


def measured(label: str, engine: str, sizes: list[int], folder: Path, times: int = 3) -> None:
    for rows in sizes:
        data = table(folder, rows)
        for query in (group, write):
            seconds, count = [], 0
            for _ in range(times):
                start = time.perf_counter()
                count = query(data, engine)
                seconds.append(time.perf_counter() - start)
            rest = f"{min(seconds[1:]):8.2f}" if times > 1 else ""
            print(
                f"{label:16} {query.__name__:6} {rows:>12,} -> {count:>11,} rows  {seconds[0]:8.2f} {rest}",
                flush=True,
            )


@contextlib.contextmanager
def spark(workers: int, cores: int = 1) -> Iterator[None]:
    """An Apache Spark cluster that the queries use."""
    import spark_servers
    from spark_tables import engine

    with spark_servers.spark(workers, cores) as (address, _), engine(address):
        yield


def many(folder: Path, count: int) -> Any:
    """A staged table of so many files of ten rows: the manifest."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mlang.values import types as mtypes
    from staging.store.manifest import Manifest, Part
    from staging.types import Column

    parts = []
    for number in range(count):
        path = folder / f"part-{number:05d}.parquet"
        numbers = pa.array(range(number * 10, number * 10 + 10))
        pq.write_table(
            pa.table([numbers, numbers, numbers.cast(pa.string())], names=["rn", "c1", "c2"]), path
        )
        parts.append(Part(path.name, 10, number * 10, path.stat().st_size))
    columns = (Column("k", mtypes.INT64, "c1", "int64"), Column("t", mtypes.primitive("text"), "c2", "text"))
    known = {"k": {"nulls": 0, "int53": True}, "t": {"nulls": 0, "ascii": True}}
    return Manifest("bench", "t", 1, "lakehouse", "", "", "", columns, tuple(parts), known)


def files(count: int, wait: float) -> None:
    """What planning and publishing cost for so many files, if each look at one takes so long."""
    import types

    import pyarrow.parquet as pq
    from spark_tables import session

    import mlang
    from folding.engines import spark, spark_leaves, spark_writes
    from mlang.session import use
    from staging.store import files as store
    from staging.store import lakehouse
    from staging.store.generations import Generations
    from staging.store.sources import staged_table

    def later(action: Any) -> Any:
        return lambda *given: (time.sleep(wait), action(*given))[1]

    with tempfile.TemporaryDirectory() as name:
        found = many(Path(name), count)
        kept = [(module, name, getattr(module, name)) for module, name in (
            (spark_leaves, "_identity"), (pq, "read_metadata"), (store, "flush_file"), (lakehouse, "_moved"))
        ]  # fmt: skip
        for module, attribute, action in kept if wait else ():
            setattr(module, attribute, later(action))
        seconds = [time.perf_counter()]
        try:
            with use(session("spark")):
                read = staged_table(Path(name), found)
                made = mlang.evaluate('each Table.Sort(_, "k")', engine="spark", culture="en-US").fn(read)
                assert not isinstance(spark.describe(made.plan), spark.CannotFold)
            seconds.append(time.perf_counter())
            writing = spark_writes.Writing(types.SimpleNamespace(server=None), [], {}, 10)
            written = spark_writes.Written(writing._found(Path(name).glob("*.parquet")), [])
            assert writing._checked(written, count * 10, 0).rows == count * 10
            seconds.append(time.perf_counter())
            built = Generations(Path(name) / "table")
            writer = lakehouse.LakehouseWriter(built.begin(), "t", found.columns)
            writer.adopt(list(written.files))
            built.seal(writer.folder, found)
            seconds.append(time.perf_counter())
        finally:
            for module, attribute, action in kept:
                setattr(module, attribute, action)
    spent = [b - a for a, b in pairwise(seconds)]
    print(
        f"{count:>7,} files, {wait * 1000:2.0f} ms each  planned {spent[0]:6.2f}  checked {spent[1]:6.2f}  "
        f"renamed, flushed, sealed {spent[2]:6.2f}",
        flush=True,
    )


def main(what: str, sizes: list[int]) -> None:
    import spark_servers
    from spark_tables import engine

    if what == "files":
        for count in sizes or [2_000, 20_000]:
            for wait in (0.0, 0.01):
                files(count, wait)
        return

    with tempfile.TemporaryDirectory(prefix="mlang-bench-") as name:
        os.environ["MLANG_BENCH"] = name
        folder = Path(os.environ.get("MLANG_BENCH_DATA", name))
        if what == "overhead":
            sizes = sizes or [10, 10_000_000]
            measured("DuckDB", "duckdb", sizes, folder)
            with spark_servers.sail() as (address, _), engine(address):
                measured("Sail", "spark", sizes, folder)
            with spark(2):
                measured("Spark, 2 workers", "spark", sizes, folder)
        else:
            sizes = sizes or [1_000_000, 10_000_000, 40_000_000]
            from folding.engines import spark_probes

            # what probes cost does not depend on data or workers
            spark_probes.refused_forms = lambda server: frozenset()
            for workers in (1, 2):
                with spark(workers):
                    group(table(folder, 300_000), "spark")  # connects, and warms Java
                    measured(f"Spark, {workers} workers", "spark", sizes, folder, 1)


if __name__ == "__main__":
    main(sys.argv[1], [int(a) for a in sys.argv[2:]])
