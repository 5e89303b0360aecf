"""Ten dataflows in M against SQL written by hand, polars and pandas, in one warm process.

`python -m tests.benchmarks.bench_folding [--rows 10000000] [--repeats 5] [--only parquet,duckdb,csv] [--cases group,join] [--cpu]`

DuckDB makes the data in a temporary folder.  For each case (`dataflows_at_scale.py`) the hand-written
SQL, SQL by hand that also promises the order and the errors of M ("same"), mlang (the whole of `mlang.evaluate`
and `to_arrow`) and, over files, polars and pandas run in turn; the best times and ratios to the SQL are
printed, a line a case, `!` where mlang is over 1.1 of the SQL of a case that folds or slower than pandas, and at
the end the medians of the ratios.  `--cpu` counts the time of all processor cores instead of the clock's, which
other work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

import mlang
from tests.benchmarks import dataflows_at_scale

_SALES = """
    SELECT i AS id, (i * 7919) % 1000 AS product, 'R' || ((i * 31) % 12) AS region, (i * 17) % 10 AS quantity,
        ((i * 7907) % 100003) / 100.0::DOUBLE AS amount, DATE '2020-01-01' + ((i * 13) % 1500)::INTEGER AS day,
        'customer ' || ((i * 104729) % 200000) AS customer, CASE WHEN i % 100 = 7 THEN 'n/a' ELSE ((i * 7907) % 100003)::VARCHAR || '.5' END AS price
    FROM range({rows}) AS r(i)
"""
_PRODUCTS = "SELECT i AS product_id, 'category ' || (i % 40) AS category, i * 1.5::DOUBLE AS price FROM range(1000) AS r(i)"

_CSV_TYPES = (
    '{{"id", Int64.Type}, {"product", Int64.Type}, {"quantity", Int64.Type}, {"amount", type number},'
    ' {"day", type date}}'
)


def make(folder: Path, rows: int, csv_rows: int, wanted: set[str]) -> None:
    """The data, in each format that is asked for."""
    con = duckdb.connect(str(folder / "data.duckdb"))
    con.execute("SET preserve_insertion_order = true")
    con.execute(f"CREATE TABLE sales AS {_SALES.format(rows=rows)}")
    con.execute(f"CREATE TABLE products AS {_PRODUCTS}")
    con.execute(f"COPY products TO '{folder}/products.parquet'")
    if "parquet" in wanted:
        con.execute(f"COPY sales TO '{folder}/sales.parquet'")
    if "csv" in wanted:
        columns = "id, product, region, quantity, amount, day, price"
        con.execute(f"COPY (SELECT {columns} FROM sales LIMIT {csv_rows}) TO '{folder}/sales.csv'")
    con.close()


def sources(kind: str, folder: Path) -> tuple[str, str, str, str]:
    """The SQL names and the M expressions of both tables."""
    products = f'Parquet.Document(File.Contents("{folder}/products.parquet"))'
    if kind == "parquet":
        sql = f"read_parquet('{folder}/sales.parquet')", f"read_parquet('{folder}/products.parquet')"
        return *sql, f'Parquet.Document(File.Contents("{folder}/sales.parquet"))', products
    if kind == "csv":
        sql = f"read_csv('{folder}/sales.csv')", f"read_parquet('{folder}/products.parquet')"
        text = f'Csv.Document(File.Contents("{folder}/sales.csv"), [Delimiter = ",", Encoding = 65001])'
        typed = f"Table.TransformColumnTypes(Table.PromoteHeaders({text}), {_CSV_TYPES})"
        return *sql, typed, products
    table = 'DuckDB.Database("{0}"){{[Schema = "main", Item = "{1}"]}}[Data]'
    path = folder / "data.duckdb"
    return "file.sales", "file.products", table.format(path, "sales"), table.format(path, "products")


def placed(kind: str, source: str) -> str:
    """A source with `row_place`, a number for each of its rows."""
    number = {"parquet": "file_row_number", "csv": "row_number() OVER ()", "duckdb": "rowid"}[kind]
    return f"(SELECT *, {number} AS row_place FROM {source})"


def measure(runs: dict[str, Callable[[], Any]], repeats: int, clock: Callable[[], float]) -> dict[str, float]:
    """Best milliseconds of each, taken in turn after one warm-up; what is slow runs less often.

    What is remembered of a file is found out when it is read a second time, so mlang warms up twice.
    """
    runs["mlang"]()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, call in runs.items():
            if turn > 1 and sum(times[name]) > 20_000:
                continue
            start = clock()
            call()
            if turn:
                times[name].append((clock() - start) * 1000)
    return {name: min(found) for name, found in times.items()}


def runs_of(
    case: str, kind: str, folder: Path, con: Any, frames: bool
) -> tuple[dict[str, Callable[[], Any]], str]:
    """What is compared in one case, and what folding says of it."""
    sql_sales, sql_products, m_sales, m_products = sources(kind, folder)
    texts = sql_sales.replace(")", ", types = {'price': 'VARCHAR'})") if kind == "csv" else sql_sales
    sql = dataflows_at_scale.SQL[case].format(sales=sql_sales, products=sql_products, texts=texts)
    same = dataflows_at_scale.SAME[case].format(
        sales=sql_sales, products=sql_products, texts=texts, placed=placed(kind, sql_sales),
        placed_texts=placed(kind, texts),
    )  # fmt: skip
    m = dataflows_at_scale.m_text(case, m_sales, m_products)
    runs = {
        "sql": lambda: con.cursor().sql(sql).to_arrow_table(),
        "same": lambda: con.cursor().sql(same).to_arrow_table(),
        "mlang": lambda: mlang.evaluate(m).to_arrow(),
    }
    if frames and kind != "duckdb":
        for name, make_run in (
            ("polars", dataflows_at_scale.with_polars), ("pandas", dataflows_at_scale.with_pandas),
        ):  # fmt: skip
            if importlib.util.find_spec(name):
                runs[name] = make_run(case, kind, folder)
    return runs, mlang.explain(m).steps[-1].indicator


def shown(kind: str, case: str, indicator: str, best: dict[str, float]) -> str:
    """A line of the report."""
    ratio = best["mlang"] / best["sql"]
    slow = ratio > 1.1 if indicator == "Folding" else best["mlang"] > best.get("pandas", float("inf"))
    parts = [f"{name} {value:8.1f} ms {value / best['sql']:6.2f}x" for name, value in best.items()]
    return f"{'!' if slow else ' '} {kind:8} {case:9} {indicator:12} {'  '.join(parts)}"


def summary(kind: str, found: list[dict[str, float]]) -> str:
    """The medians of the ratios over the cases of a format."""
    to = {name: statistics.median(best["mlang"] / best[name] for best in found) for name in ("sql", "same")}
    return f"  {kind:8} median of {len(found)} cases: {to['sql']:.2f} of the SQL, {to['same']:.2f} of the SQL with M's order"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--csv-rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="parquet,duckdb,csv", help="formats")
    parser.add_argument("--cases", default=",".join(dataflows_at_scale.NAMES))
    parser.add_argument("--no-frames", action="store_true", help="leave polars and pandas out")
    parser.add_argument("--folder", type=Path, help="keep the data here, and use what is there already")
    parser.add_argument("--cpu", action="store_true", help="time of the processor, not of the clock")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    wanted = set(options.only.split(","))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "data.duckdb").exists():
            folder.mkdir(parents=True, exist_ok=True)
            make(folder, options.rows, options.csv_rows, wanted)
        con = duckdb.connect()
        con.execute(f"ATTACH '{folder}/data.duckdb' AS file (READ_ONLY)")
        everything = []
        for kind in ("parquet", "duckdb", "csv"):
            found: list[dict[str, float]] = []
            for case in options.cases.split(",") if kind in wanted else ():
                runs, indicator = runs_of(case, kind, folder, con, not options.no_frames)
                found.append(measure(runs, options.repeats, clock))
                print(shown(kind, case, indicator, found[-1]), flush=True)
            if found:
                print(summary(kind, found), flush=True)
            everything += found
        if everything:
            print(summary("all", everything))


if __name__ == "__main__":
    main()
