"""Folded M against the same query written by hand in SQL, in one warm process.

`python -m tests.benchmarks.bench_folding [--rows 10000000] [--repeats 7] [--only parquet,duckdb,csv]`

DuckDB makes the data in a temporary folder.  For each case the hand-written SQL, mlang (the whole
of `mlang.evaluate` and `to_arrow`) and, where installed, pandas and polars run in turn; medians and
ratios to the SQL are printed.
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

_SALES = """
    SELECT i AS id, (i * 7919) % 1000 AS product, 'R' || ((i * 31) % 12) AS region, (i * 17) % 10 AS quantity,
        ((i * 7907) % 100003) / 100.0::DOUBLE AS amount, DATE '2020-01-01' + ((i * 13) % 1500)::INTEGER AS day,
        'customer ' || ((i * 104729) % 200000) AS customer, i % 3 = 0 AS paid
    FROM range({rows}) AS r(i)
"""
_PRODUCTS = "SELECT i AS product_id, 'category ' || (i % 40) AS category, i * 1.5::DOUBLE AS price FROM range(1000) AS r(i)"

_WHERE = "quantity > 2 AND region <> 'R3'"
_STEPS = """
    f = Table.SelectRows(sales, each [quantity] > 2 and [region] <> "R3"),
    j = Table.ExpandTableColumn(
        Table.NestedJoin(f, {"product"}, products, {"product_id"}, "other", JoinKind.LeftOuter), "other", {"category"}
    ),
"""
#: name -> (hand-written SQL, last steps of the M query); {sales} and {products} are filled in.
CASES = {
    "filter-join-group": (
        f"""SELECT category, count(*) AS n, sum(amount) AS s FROM {{sales}} LEFT JOIN {{products}} ON product = product_id
            WHERE {_WHERE} GROUP BY category""",
        _STEPS + 'g = Table.Group(j, {"category"}, {{"n", each Table.RowCount(_), Int64.Type},'
        ' {"s", each List.Sum([amount]), type number}}) in g',
    ),
    "filter-group-join": (
        f"""SELECT g.*, category FROM (SELECT product, count(*) AS n, sum(quantity) AS q, max(amount) AS m FROM {{sales}}
            WHERE {_WHERE} GROUP BY product) AS g LEFT JOIN {{products}} ON product = product_id""",
        """
    f = Table.SelectRows(sales, each [quantity] > 2 and [region] <> "R3"),
    g = Table.Group(f, {"product"}, {{"n", each Table.RowCount(_), Int64.Type},
        {"q", each List.Sum([quantity]), type number}, {"m", each List.Max([amount]), type number}}),
    j = Table.ExpandTableColumn(
        Table.NestedJoin(g, {"product"}, products, {"product_id"}, "other", JoinKind.LeftOuter), "other", {"category"}
    ) in j""",
    ),
    "filter-project": (
        "SELECT id, region, amount * quantity AS value FROM {sales} WHERE quantity > 8",
        """
    f = Table.SelectRows(sales, each [quantity] > 8),
    a = Table.AddColumn(f, "value", each [amount] * [quantity], type number),
    c = Table.SelectColumns(a, {"id", "region", "value"}) in c""",
    ),
}
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
        columns = "id, product, region, quantity, amount, day"
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


def other_frames(case: str, kind: str, folder: Path) -> dict[str, Callable[[], Any]]:
    """The first case in pandas and polars, as their users write it."""
    if case != "filter-join-group" or kind != "parquet":
        return {}
    found: dict[str, Callable[[], Any]] = {}
    sales, products = folder / "sales.parquet", folder / "products.parquet"
    if importlib.util.find_spec("pandas"):
        import pandas as pd

        def with_pandas() -> Any:
            columns = ["product", "region", "quantity", "amount"]
            s = pd.read_parquet(sales, columns=columns)
            s = s[(s["quantity"] > 2) & (s["region"] != "R3")]
            j = s.merge(pd.read_parquet(products), how="left", left_on="product", right_on="product_id")
            return j.groupby("category", sort=False, dropna=False).agg(
                n=("amount", "size"), s=("amount", "sum")
            )

        found["pandas"] = with_pandas
    if importlib.util.find_spec("polars"):
        import polars as pl

        def with_polars() -> Any:
            s = pl.scan_parquet(sales).filter((pl.col("quantity") > 2) & (pl.col("region") != "R3"))
            j = s.join(pl.scan_parquet(products), how="left", left_on="product", right_on="product_id")
            return j.group_by("category").agg(n=pl.len(), s=pl.col("amount").sum()).collect()

        found["polars"] = with_polars
    return found


def measure(runs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Median milliseconds of each, taken in turn after one warm-up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repeats + 1):
        for name, call in runs.items():
            start = time.perf_counter()
            call()
            if turn:
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(found) for name, found in times.items()}


def runs_of(case: str, kind: str, folder: Path, con: Any) -> dict[str, Callable[[], Any]]:
    """What is compared in one case."""
    sql_sales, sql_products, m_sales, m_products = sources(kind, folder)
    sql, steps = CASES[case]
    sql = sql.format(sales=sql_sales, products=sql_products)
    m = f"let sales = {m_sales}, products = {m_products}, {steps}"
    step = mlang.explain(m).steps[-1]
    if step.indicator != "Folding":
        raise SystemExit(f"{case} over {kind} does not fold: {step.reason}")
    return {
        "sql": lambda: con.cursor().sql(sql).to_arrow_table(),
        "mlang": lambda: mlang.evaluate(m).to_arrow(),
        **other_frames(case, kind, folder),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--csv-rows", type=int, default=5_000_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", default="parquet,duckdb,csv", help="formats")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--folder", type=Path, help="keep the data here, and use what is there already")
    options = parser.parse_args()
    wanted = set(options.only.split(","))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if not (folder / "data.duckdb").exists():
            folder.mkdir(parents=True, exist_ok=True)
            make(folder, options.rows, options.csv_rows, wanted)
        con = duckdb.connect()
        con.execute(f"ATTACH '{folder}/data.duckdb' AS file (READ_ONLY)")
        for kind in ("parquet", "duckdb", "csv"):
            for case in options.cases.split(",") if kind in wanted else ():
                medians = measure(runs_of(case, kind, folder, con), options.repeats)
                shown = "  ".join(
                    f"{name} {value:8.1f} ms {value / medians['sql']:5.2f}x"
                    for name, value in medians.items()
                )
                print(f"{kind:8} {case:20} {shown}", flush=True)


if __name__ == "__main__":
    main()
