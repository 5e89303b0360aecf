"""Ten typical dataflows, each as hand-written SQL, as M, in polars and in pandas; see `bench_folding.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

_STEP = {
    "filter": """
        f = Table.SelectRows(sales, each [quantity] > 8),
        a = Table.AddColumn(f, "value", each [amount] * [quantity], type number),
        c = Table.SelectColumns(a, {"id", "region", "value"}) in c""",
    "group": """
        g = Table.Group(sales, {"region"}, {{"n", each Table.RowCount(_), Int64.Type},
            {"s", each List.Sum([quantity]), type number}, {"m", each List.Max([amount]), type number}}) in g""",
    "join": """
        f = Table.SelectRows(sales, each [quantity] > 2 and [region] <> "R3"),
        j = Table.ExpandTableColumn(Table.NestedJoin(f, {"product"}, products, {"product_id"}, "o", JoinKind.LeftOuter),
            "o", {"category"}),
        g = Table.Group(j, {"category"}, {{"n", each Table.RowCount(_), Int64.Type},
            {"s", each List.Sum([quantity]), type number}}) in g""",
    "pivot": """
        s = Table.SelectColumns(sales, {"product", "region", "quantity"}),
        p = Table.Pivot(s, {"R0", "R1", "R2"}, "region", "quantity", List.Sum) in p""",
    "dirty": """
        s = Table.SelectColumns(sales, {"region", "price"}),
        t = Table.TransformColumnTypes(s, {{"price", type number}}, "en-US"),
        e = Table.RemoveRowsWithErrors(t, {"price"}),
        g = Table.Group(e, {"region"}, {{"n", each Table.RowCount(_), Int64.Type},
            {"m", each List.Max([price]), type number}}) in g""",
    "middle": """
        f = Table.SelectRows(sales, each [quantity] > 8),
        s = Table.SelectColumns(f, {"product", "quantity"}),
        a = Table.AddColumn(s, "hex", each Number.ToText([product], "X"), type text),
        g = Table.Group(a, {"hex"}, {{"n", each Table.RowCount(_), Int64.Type}}) in g""",
    "top": """
        o = Table.Sort(sales, {{"amount", Order.Descending}, {"id", Order.Ascending}}),
        t = Table.FirstN(o, 100) in t""",
    "distinct": """
        d = Table.Distinct(Table.SelectColumns(sales, {"product", "region"})) in d""",
    "index": """
        f = Table.SelectRows(sales, each [quantity] > 4),
        i = Table.AddIndexColumn(f, "i", 0, 1, Int64.Type),
        k = Table.SelectRows(i, each Number.Mod([i], 1000) = 0) in k""",
    "append": """
        a = Table.SelectRows(sales, each [quantity] > 7), b = Table.SelectRows(sales, each [quantity] < 2),
        g = Table.Group(Table.Combine({a, b}), {"region"}, {{"n", each Table.RowCount(_), Int64.Type},
            {"s", each List.Sum([quantity]), type number}}) in g""",
}  # fmt: skip
SQL = {
    "filter": "SELECT id, region, amount * quantity AS value FROM {sales} WHERE quantity > 8",
    "group": "SELECT region, count(*) AS n, sum(quantity) AS s, max(amount) AS m FROM {sales} GROUP BY region",
    "join": """SELECT category, count(*) AS n, sum(quantity) AS s FROM {sales} LEFT JOIN {products} ON product = product_id
        WHERE quantity > 2 AND region <> 'R3' GROUP BY category""",
    "pivot": """SELECT product, sum(quantity) FILTER (WHERE region = 'R0') AS R0, sum(quantity) FILTER (WHERE region = 'R1')
        AS R1, sum(quantity) FILTER (WHERE region = 'R2') AS R2 FROM {sales} GROUP BY product""",
    "dirty": """SELECT region, count(*) AS n, max(p) AS m FROM (SELECT region, TRY_CAST(price AS DOUBLE) AS p FROM {texts})
        WHERE p IS NOT NULL GROUP BY region""",
    "middle": """SELECT to_hex(product) AS hex, count(*) AS n FROM {sales} WHERE quantity > 8 GROUP BY ALL""",
    "top": "SELECT * FROM {sales} ORDER BY amount DESC, id LIMIT 100",
    "distinct": "SELECT DISTINCT product, region FROM {sales}",
    "index": """SELECT * FROM (SELECT *, row_number() OVER () - 1 AS i FROM {sales} WHERE quantity > 4) WHERE i % 1000 = 0""",
    "append": """SELECT region, count(*) AS n, sum(quantity) AS s FROM (SELECT region, quantity FROM {sales} WHERE quantity > 7
        UNION ALL SELECT region, quantity FROM {sales} WHERE quantity < 2) GROUP BY region""",
}  # fmt: skip
#: SQL by hand that promises what M does: groups and distinct rows in the order of their first rows (`row_place`
#: numbers the rows of a source), ties in the order of the rows, and a stop at a text that only M may read as a number.
SAME = {
    **SQL,
    "group": "SELECT region, count(*) AS n, sum(quantity) AS s, max(amount) AS m FROM {placed} GROUP BY region ORDER BY min(row_place)",
    "join": """SELECT category, count(*) AS n, sum(quantity) AS s FROM {placed} LEFT JOIN {products} ON product = product_id
        WHERE quantity > 2 AND region <> 'R3' GROUP BY category ORDER BY min(row_place)""",
    "pivot": """SELECT product, sum(quantity) FILTER (WHERE region = 'R0') AS R0, sum(quantity) FILTER (WHERE region = 'R1')
        AS R1, sum(quantity) FILTER (WHERE region = 'R2') AS R2 FROM {placed} GROUP BY product ORDER BY min(row_place)""",
    "dirty": """SELECT region, count(*) AS n, max(p) AS m FROM (SELECT region, row_place AS place, TRY_CAST(price AS DOUBLE) AS p,
            CASE WHEN TRY_CAST(price AS DOUBLE) IS NULL AND NOT regexp_full_match(price, '[a-z/]+')
            THEN error('not a plain number') END AS odd FROM {placed_texts})
        WHERE p IS NOT NULL AND odd IS NULL GROUP BY region ORDER BY min(place)""",
    "middle": """SELECT to_hex(product) AS hex, count(*) AS n FROM {placed} WHERE quantity > 8 GROUP BY hex
        ORDER BY min(row_place)""",
    "top": "SELECT * FROM {placed} ORDER BY amount DESC, id, row_place LIMIT 100",
    "distinct": "SELECT product, region FROM {placed} GROUP BY product, region ORDER BY min(row_place)",
    "append": """SELECT region, count(*) AS n, sum(quantity) AS s FROM (SELECT region, quantity, row_place AS place FROM {placed}
        WHERE quantity > 7 UNION ALL SELECT region, quantity, 1000000000000 + row_place FROM {placed} WHERE quantity < 2)
        GROUP BY region ORDER BY min(place)""",
}  # fmt: skip
#: Columns that a frame has to read.
_READS = {
    "filter": ["id", "region", "amount", "quantity"], "group": ["region", "quantity", "amount"],
    "join": ["product", "region", "quantity"], "pivot": ["product", "region", "quantity"], "dirty": ["region", "price"],
    "middle": ["product", "quantity"], "distinct": ["product", "region"], "append": ["region", "quantity"],
}  # fmt: skip
NAMES = tuple(_STEP)


def m_text(case: str, sales: str, products: str) -> str:
    """The dataflow in M over two sources."""
    return f"let sales = {sales}, products = {products}, {_STEP[case]}"


def with_pandas(case: str, kind: str, folder: Path) -> Callable[[], Any]:
    """The dataflow as a pandas user writes it."""
    import pandas as pd

    columns = _READS.get(case)

    def read() -> Any:
        if kind == "parquet":
            return pd.read_parquet(folder / "sales.parquet", columns=columns)
        return pd.read_csv(folder / "sales.csv", usecols=columns, dtype={"price": "str"})

    def products() -> Any:
        return pd.read_parquet(folder / "products.parquet")

    return lambda: _PANDAS[case](read(), products)


def _pandas_join(s: Any, products: Any) -> Any:
    s = s[(s["quantity"] > 2) & (s["region"] != "R3")]
    j = s.merge(products(), how="left", left_on="product", right_on="product_id")
    return j.groupby("category", sort=False, dropna=False).agg(n=("quantity", "size"), s=("quantity", "sum"))


def _pandas_dirty(s: Any, _: Any) -> Any:
    import pandas as pd

    s = s.assign(price=pd.to_numeric(s["price"], errors="coerce")).dropna(subset=["price"])
    return s.groupby("region", sort=False).agg(n=("price", "size"), m=("price", "max"))


def _pandas_pivot(s: Any, _: Any) -> Any:
    s = s[s["region"].isin(["R0", "R1", "R2"])]
    return s.pivot_table(index="product", columns="region", values="quantity", aggfunc="sum")


def _pandas_middle(s: Any, _: Any) -> Any:
    s = s[s["quantity"] > 8]
    return s.assign(hex=s["product"].map(lambda x: f"{x:X}")).groupby("hex", sort=False).size()


def _pandas_append(s: Any, _: Any) -> Any:
    import pandas as pd

    both = pd.concat([s[s["quantity"] > 7], s[s["quantity"] < 2]])
    return both.groupby("region", sort=False).agg(n=("quantity", "size"), s=("quantity", "sum"))


def _pandas_filter(s: Any, _: Any) -> Any:
    s = s[s["quantity"] > 8]
    return s.assign(value=s["amount"] * s["quantity"])[["id", "region", "value"]]


def _pandas_group(s: Any, _: Any) -> Any:
    found = s.groupby("region", sort=False)
    return found.agg(n=("quantity", "size"), s=("quantity", "sum"), m=("amount", "max"))


def _pandas_index(s: Any, _: Any) -> Any:
    s = s[s["quantity"] > 4].reset_index(drop=True)
    return s[s.index % 1000 == 0].reset_index(names="i")


_PANDAS: dict[str, Callable[[Any, Any], Any]] = {
    "filter": _pandas_filter, "group": _pandas_group, "join": _pandas_join, "pivot": _pandas_pivot,
    "dirty": _pandas_dirty, "middle": _pandas_middle, "index": _pandas_index, "append": _pandas_append,
    "top": lambda s, _: s.sort_values(["amount", "id"], ascending=[False, True]).head(100),
    "distinct": lambda s, _: s.drop_duplicates(),
}  # fmt: skip


def with_polars(case: str, kind: str, folder: Path) -> Callable[[], Any]:
    """The dataflow as a polars user writes it."""
    import polars as pl

    def run() -> Any:
        if kind == "parquet":
            s = pl.scan_parquet(folder / "sales.parquet")
        else:
            s = pl.scan_csv(folder / "sales.csv", schema_overrides={"price": pl.String}, try_parse_dates=True)
        return _polars(case, s, pl.scan_parquet(folder / "products.parquet"), pl).collect()

    return run


def _polars(case: str, s: Any, products: Any, pl: Any) -> Any:
    quantity, count = pl.col("quantity"), pl.len().alias("n")
    if case == "filter":
        s = s.filter(quantity > 8)
        return s.select("id", "region", (pl.col("amount") * quantity).alias("value"))
    if case == "group":
        return s.group_by("region").agg(count, quantity.sum().alias("s"), pl.col("amount").max().alias("m"))
    if case == "join":
        s = s.filter((quantity > 2) & (pl.col("region") != "R3"))
        s = s.join(products, how="left", left_on="product", right_on="product_id")
        return s.group_by("category").agg(count, quantity.sum().alias("s"))
    if case == "pivot":
        parts = [quantity.filter(pl.col("region") == r).sum().alias(r) for r in ("R0", "R1", "R2")]
        return s.group_by("product").agg(*parts)
    if case == "dirty":
        s = s.select("region", pl.col("price").cast(pl.Float64, strict=False)).drop_nulls("price")
        return s.group_by("region").agg(count, pl.col("price").max().alias("m"))
    if case == "middle":
        text = pl.col("product").map_elements(lambda x: f"{x:X}", return_dtype=pl.String).alias("hex")
        return s.filter(quantity > 8).select(text).group_by("hex").agg(count)
    if case == "top":
        return s.sort(["amount", "id"], descending=[True, False]).head(100)
    if case == "distinct":
        return s.select("product", "region").unique()
    if case == "index":
        return s.filter(quantity > 4).with_row_index("i").filter(pl.col("i") % 1000 == 0)
    both = pl.concat([s.filter(quantity > 7), s.filter(quantity < 2)])
    return both.group_by("region").agg(count, quantity.sum().alias("s"))
