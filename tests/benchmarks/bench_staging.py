"""What staging costs and saves: overhead against pyarrow, reads of a source, a join of two large staged tables.

    python tests/benchmarks/bench_staging.py [--rows 10000000] [--join 10000000] [--nested 1000000] [--folder DIR]

1. A 10-row lookup and ``rows`` rows staged, against pyarrow writing the same Parquet file (same schema, row groups,
   compression) from the same source file: ratio of the times, the first figure one of a warm process.
2. The reference pattern: how often a refresh opens the source of a query that five others read.
3. Two tables of ``join`` rows: stage both, join and group them; the same statement in DuckDB by hand over the source
   files; and the join in memory without staging, by the interpreter (``engine="none"``, with ``nested`` rows).
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[i]) for i in (1, 2)]

import duckdb  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from dataflows.making import make  # noqa: E402

from staging.dataflow import read  # noqa: E402
from staging.refresh import Refresh  # noqa: E402
from staging.store.lakehouse import GROUP_ROWS, parquet_writer  # noqa: E402
from staging.workspace import Workspace  # noqa: E402


def timed(act: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result."""
    start = time.perf_counter()
    found = act()
    return time.perf_counter() - start, found


def refreshed(place: Path, **settings: Any) -> Any:
    run = Refresh(read(place), Workspace.beside(place), **settings).run()
    assert run.status == "Completed", [(q.query, q.error) for q in run.queries]
    return run


def source(folder: Path, name: str, rows: int, offset: int = 0) -> Path:
    """A Parquet file: key, group, number, text, date."""
    path = folder / f"{name}.parquet"
    duckdb.sql(
        f"COPY (SELECT (i * 7919 + {offset}) % {rows} AS k, i % 1000 AS g, CAST(i % 977 AS DOUBLE) / 4 AS v, "
        f"'name ' || (i % 5000) AS t, DATE '2020-01-01' + CAST(i % 1500 AS INTEGER) AS d FROM range({rows}) r(i)) "
        f"TO '{path}' (FORMAT parquet)"
    )
    return path


def overhead(folder: Path, rows: int, repeats: int) -> dict[str, float]:
    """Staging a file against copying it with pyarrow."""
    path = source(folder, f"s{rows}", rows)
    place = make(folder, f'shared A = Parquet.Document(File.Contents("{path}"));', name=f"o{rows}")

    def plain() -> None:
        with pq.ParquetFile(path) as found:
            schema = found.schema_arrow
            with parquet_writer(folder / "plain.parquet", schema) as out:
                for batch in found.iter_batches(GROUP_ROWS):
                    out.write_batch(batch)

    staged = min(timed(lambda: refreshed(place))[0] for _ in range(repeats))
    copied = min(timed(plain)[0] for _ in range(repeats))
    return {"staged s": staged, "pyarrow s": copied, "ratio": staged / copied}


def reads(folder: Path) -> dict[str, int]:
    """How many statements read a database table that five queries need, staged and not staged."""
    from mlang.connectors.servers import Server

    path = folder / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, n REAL NOT NULL)")
        connection.executemany("INSERT INTO orders VALUES (?, ?)", [(i, i / 2) for i in range(1000)])
    below = "\n".join(
        f"shared Q{i} = Table.SelectRows(S, each Number.Mod([id], {i + 2}) = 0);" for i in range(5)
    )
    text = f'shared S = SQLite.Database("{path}"){{[Schema = "main", Item = "orders"]}}[Data]; {below}'
    said: list[str] = []
    rows = Server.rows

    def noted(self: Server, sql: str, checks: str | None = None) -> Any:
        said.append(sql)
        return rows(self, sql, checks)

    found = {}
    Server.rows = noted  # type: ignore[method-assign]
    try:
        for title, unstaged in (
            ("source staged: reads of its rows", ()),
            ("not staged: reads of its rows", ("S",)),
        ):
            said.clear()
            refreshed(make(folder, text, name="pattern", unstaged=unstaged))
            found[title] = sum("FROM" in sql and '"orders"' in sql and "typeof" not in sql for sql in said)
    finally:
        Server.rows = rows  # type: ignore[method-assign]
    return found


JOIN = """
    J = Table.NestedJoin(A, {{"k"}}, B, {{"k"}}, "b", JoinKind.Inner),
    E = Table.ExpandTableColumn(J, "b", {{"v"}}, {{"w"}}),
    G = Table.Group(E, {{"g"}}, {{{{"n", each Table.RowCount(_), Int64.Type}}, {{"s", each List.Sum([w]), type number}}}})
"""


def join(folder: Path, rows: int, nested: int) -> dict[str, float]:
    """Stage-then-merge against hand SQL and against the join in memory."""
    a, b = source(folder, "a", rows), source(folder, "b", rows, 3)
    text = f"""
        shared A = Parquet.Document(File.Contents("{a}"));
        shared B = Parquet.Document(File.Contents("{b}"));
        shared R = let {JOIN.format()} in G;
    """
    place = make(folder, text, name="join")
    total, run = timed(lambda: refreshed(place))
    found = {q.query: q.seconds for q in run.queries}
    sql = (
        f"SELECT a.g, count(*) n, sum(b.v) s FROM '{a}' a JOIN '{b}' b ON a.k = b.k GROUP BY a.g ORDER BY a.g"
    )
    hand, _ = timed(lambda: duckdb.sql(sql).fetchall())
    small = folder / "small"
    small.mkdir()
    a, b = source(small, "a", nested), source(small, "b", nested, 3)
    text = text.replace(str(folder / "a.parquet"), str(a)).replace(str(folder / "b.parquet"), str(b))
    memory, _ = timed(
        lambda: refreshed(make(small, text, name="join", unstaged=("A", "B")), session={"engine": "none"})
    )
    folded, _ = timed(lambda: refreshed(make(small, text, name="join2")))
    return {
        "refresh s": total, "stage A s": found["A"], "stage B s": found["B"], "join over staged s": found["R"],
        "hand SQL over the files s": hand, f"in memory, {nested:,} rows s": memory, f"staged, {nested:,} rows s": folded,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--join", type=int, default=10_000_000)
    parser.add_argument("--nested", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mlang-bench-", dir=options.folder))
    try:
        refreshed(make(folder, "shared W = #table(type table [a = number], {{1}});", name="warm"))
        parts: list[tuple[str, Callable[[], dict[str, Any]]]] = [
            ("Lookup of 10 rows", lambda: overhead(folder, 10, 5)),
            (f"{options.rows:,} rows", lambda: overhead(folder, options.rows, 1)),
            ("Reference pattern", lambda: reads(folder)),
            (
                f"Join of two tables of {options.join:,} rows",
                lambda: join(folder, options.join, options.nested),
            ),
        ]
        for title, act in parts:
            print(title)
            for name, value in act().items():
                print(f"  {name:32} {value:10.3f}" if isinstance(value, float) else f"  {name:32} {value:10}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
