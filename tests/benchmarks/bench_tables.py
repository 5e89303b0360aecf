"""Table steps against pandas and polars: seconds, ratio to pandas, peak memory.

    python tests/benchmarks/bench_tables.py [ROWS] [STEP ...] [--ways none,auto,pandas,polars] [--profile]

Every measurement has a process of its own (so that the peak is its own), which maps the same
data and runs the step some times.  The ways take turns, some rounds of them, and the fastest run of each
counts: what else the machine does only adds.  The ways: ``none`` interprets columns of M
values in memory and reads all cells of the result; ``lists`` gives the same columns to
``engine="auto"``; ``arrow`` interprets Arrow data and ends with it, as pandas and polars start and
end with their own columns; ``auto`` may fold that.  CSV reads a file.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

WAYS = ("none", "lists", "arrow", "auto", "pandas", "polars")
#: The ways of ours that start from Arrow data and end with it, as pandas and polars do with their own columns.
ARROW = ("arrow", "auto")

#: Step -> the M expression over tables T and R (the right side of the join).
STEPS = {
    "filter": "Table.SelectRows(T, each [x] > 500 and [g] <> \"g7\")",
    "add column": "Table.AddColumn(T, \"y\", each [x] * 2 + [id], type number)",
    "change types": "Table.TransformColumnTypes(T, {{\"n\", type number}, {\"i\", Int64.Type}, {\"d\", type date}})",
    "group": "Table.Group(T, {\"g\"}, {{\"sum\", each List.Sum([x]), type number}, "
    "{\"rows\", each Table.RowCount(_), Int64.Type}})",
    "join": "Table.Join(T, {\"id\"}, R, {\"key\"})",
    "sort": "Table.Sort(T, {{\"g\", Order.Ascending}, {\"x\", Order.Descending}})",
    "pivot": "Table.Pivot(Table.SelectColumns(T, {\"k\", \"q\", \"x\"}), {\"q0\", \"q1\", \"q2\", \"q3\"}, \"q\", \"x\", List.Sum)",
    "distinct": "Table.Distinct(Table.SelectColumns(T, {\"g\", \"q\"}))",
    "text": "Table.TransformColumns(T, {{\"g\", Text.Upper, type text}})",
    "ten steps": """let
        a = Table.SelectRows(T, each [x] > 100),
        b = Table.AddColumn(a, "y", each [x] * 2, type number),
        c = Table.AddColumn(b, "big", each if [y] > 1000 then "big" else "small", type text),
        d = Table.RemoveColumns(c, {"d"}),
        e = Table.TransformColumnTypes(d, {{"n", type number}}),
        f = Table.ReplaceValue(e, "g1", "one", Replacer.ReplaceValue, {"g"}),
        g = Table.Join(f, {"id"}, R, {"key"}),
        h = Table.Group(g, {"g", "big"}, {{"sum", each List.Sum([y]), type number},
            {"rows", each Table.RowCount(_), Int64.Type}, {"top", each List.Max([n]), type number}}),
        i = Table.Sort(h, {{"sum", Order.Descending}}),
        j = Table.RenameColumns(i, {{"g", "group"}})
    in j""",
    "csv": "Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents(File)), [PromoteAllScalars = true]), "
    "{{\"id\", Int64.Type}, {\"x\", type number}, {\"n\", type number}, {\"i\", Int64.Type}, {\"d\", type date}})",
}  # fmt: skip


# ---------------------------------------------------------------- the data


def make_data(folder: str, rows: int) -> None:
    """The tables as Arrow files that every process maps, and the left one as a CSV file.

    The left table has a key, a group of about rows / 100, numbers, and numbers and dates
    written as text; the right one each key of the first half once.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    r = np.random.default_rng(7)
    groups = max(10, rows // 100)

    def texts(prefix: str, numbers: Any) -> Any:
        return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")

    def two(low: int, high: int) -> Any:
        return pc.utf8_lpad(pa.array(r.integers(low, high, rows)).cast(pa.string()), 2, "0")

    cents = pa.array(r.integers(0, 10**7, rows))
    whole, rest = pc.divide(cents, 100), pc.subtract(cents, pc.multiply(pc.divide(cents, 100), 100))
    left = {
        "id": pa.array(r.integers(0, rows, rows).astype("float64")),
        "g": texts("g", r.integers(0, groups, rows)),
        "x": pa.array(np.round(r.random(rows) * 1000, 3)),
        "k": pa.array(r.integers(0, groups, rows).astype("float64")),
        "q": texts("q", r.integers(0, 4, rows)),
        "n": pc.binary_join_element_wise(
            whole.cast(pa.string()), pc.utf8_lpad(rest.cast(pa.string()), 2, "0"), "."
        ),
        "i": pa.array(r.integers(0, 10**6, rows)).cast(pa.string()),
        "d": pc.binary_join_element_wise(
            pc.binary_join_element_wise("20", two(0, 24), ""), two(1, 13), two(1, 29), "-"
        ),
    }
    keys = np.arange(rows // 2)
    right = {"key": pa.array(keys.astype("float64")), "label": texts("label ", keys)}
    for name, columns in (("T", left), ("R", right)):
        table = pa.table(columns)
        with pa.OSFile(f"{folder}/{name}.arrow", "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
            out.write_table(table)
    flat = pa.table({**left, "id": left["id"].cast(pa.int64())})
    csv.write_csv(flat, f"{folder}/bench.csv", csv.WriteOptions(quoting_style="none"))


def data_of(folder: str, name: str) -> Any:
    """One of the tables, mapped from its file and in one piece."""
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(f"{folder}/{name}.arrow")).read_all().combine_chunks()


# ---------------------------------------------------------------- the ways


def mlang_step(step: str, way: str, folder: str) -> Callable[[], int]:
    """The step in M; "none" and "lists" start from columns of M values, "arrow" and "auto" from Arrow."""
    import mlang
    from mlang.connectors.arrow import column_to_values
    from mlang.tables.table import from_columns
    from mlang.values.types import NUMBER, TEXT

    def table(name: str) -> Any:
        data = data_of(folder, name)
        if way in ARROW:
            return data
        columns = [column_to_values(column) for column in data.columns]
        types = [NUMBER if cells[0].__class__ is float else TEXT for cells in columns]
        return from_columns(data.column_names, columns, types)

    parameters: dict[str, Any] = {"File": f"{folder}/bench.csv"}
    if step != "csv":
        parameters = {"T": table("T"), "R": table("R")}
    declared = "".join(f"{name} = null; shared " for name in parameters)
    source = f"section S; shared {declared} Result = {STEPS[step]};"
    engine = "none" if way in ("none", "arrow") else "auto"

    def work() -> int:
        result = mlang.evaluate(source, query="Result", parameters=parameters, engine=engine)
        if way in ARROW:
            return int(result.to_arrow().num_rows)
        from mlang.compile.entry import run

        return run(lambda: drain(result), result.session)

    return work


def drain(table: Any) -> int:
    """Reads all cells of a table."""
    from mlang.values.thunk import Thunk

    count = 0
    for batch in table.batches():
        count += batch.length
        for column in batch.columns:
            for cell in column:
                if cell.__class__ is Thunk:
                    cell.get()
    return count


def pandas_step(step: str, folder: str) -> Callable[[], int]:
    """The step in pandas, as one would write it."""
    import pandas as pd

    if step == "csv":
        kinds = {"id": "int64", "x": "float64", "n": "float64", "i": "int64"}
        return lambda: len(pd.read_csv(f"{folder}/bench.csv", dtype=kinds, parse_dates=["d"]))
    t, r = data_of(folder, "T").to_pandas(), data_of(folder, "R").to_pandas()

    def change() -> Any:
        return t.assign(
            n=t["n"].astype("float64"), i=t["i"].astype("int64"), d=pd.to_datetime(t["d"], format="%Y-%m-%d")
        )

    def ten() -> Any:
        a = t[t["x"] > 100]
        b = a.assign(y=a["x"] * 2)
        c = b.assign(big=(b["y"] > 1000).map({True: "big", False: "small"})).drop(columns="d")
        e = c.assign(n=c["n"].astype("float64"), g=c["g"].replace("g1", "one"))
        g = e.merge(r, left_on="id", right_on="key")
        h = g.groupby(["g", "big"], sort=False).agg(sum=("y", "sum"), rows=("y", "size"), top=("n", "max"))
        return h.reset_index().sort_values("sum", ascending=False).rename(columns={"g": "group"})

    steps: dict[str, Callable[[], Any]] = {
        "filter": lambda: t[(t["x"] > 500) & (t["g"] != "g7")],
        "add column": lambda: t.assign(y=t["x"] * 2 + t["id"]),
        "change types": change,
        "group": lambda: t.groupby("g", sort=False).agg(sum=("x", "sum"), rows=("x", "size")),
        "join": lambda: t.merge(r, left_on="id", right_on="key"),
        "sort": lambda: t.sort_values(["g", "x"], ascending=[True, False], kind="stable"),
        "pivot": lambda: t.pivot_table(index="k", columns="q", values="x", aggfunc="sum", sort=False),
        "distinct": lambda: t[["g", "q"]].drop_duplicates(),
        "text": lambda: t.assign(g=t["g"].str.upper()),
        "ten steps": ten,
    }
    return lambda: len(steps[step]())


def polars_step(step: str, folder: str) -> Callable[[], int]:
    """The step in polars (eager; the ten steps lazy, as one would write them)."""
    import polars as pl

    c = pl.col
    if step == "csv":
        kinds = {"id": pl.Int64, "x": pl.Float64, "n": pl.Float64, "i": pl.Int64, "d": pl.Date}
        return lambda: len(pl.read_csv(f"{folder}/bench.csv", schema_overrides=kinds))
    t, r = (pl.DataFrame(pl.from_arrow(data_of(folder, name))) for name in "TR")

    def ten() -> Any:
        kind = pl.when(c("y") > 1000).then(pl.lit("big")).otherwise(pl.lit("small")).alias("big")
        joined = (
            t.lazy().filter(c("x") > 100).with_columns(y=c("x") * 2).with_columns(kind).drop("d")
            .with_columns(c("n").cast(pl.Float64), c("g").replace("g1", "one"))
            .join(r.lazy(), left_on="id", right_on="key")
        )  # fmt: skip
        grouped = joined.group_by("g", "big", maintain_order=True).agg(
            sum=c("y").sum(), rows=pl.len(), top=c("n").max()
        )
        return grouped.sort("sum", descending=True).rename({"g": "group"}).collect()

    steps: dict[str, Callable[[], Any]] = {
        "filter": lambda: t.filter((c("x") > 500) & (c("g") != "g7")),
        "add column": lambda: t.with_columns(y=c("x") * 2 + c("id")),
        "change types": lambda: t.with_columns(
            c("n").cast(pl.Float64), c("i").cast(pl.Int64), c("d").str.to_date("%Y-%m-%d")
        ),
        "group": lambda: t.group_by("g", maintain_order=True).agg(sum=c("x").sum(), rows=pl.len()),
        "join": lambda: t.join(r, left_on="id", right_on="key"),
        "sort": lambda: t.sort("g", "x", descending=[False, True], maintain_order=True),
        "pivot": lambda: t.pivot("q", index="k", values="x", aggregate_function="sum"),
        "distinct": lambda: t.select("g", "q").unique(maintain_order=True),
        "text": lambda: t.with_columns(c("g").str.to_uppercase()),
        "ten steps": ten,
    }
    return lambda: len(steps[step]())


def work_of(step: str, way: str, folder: str) -> Callable[[], int]:
    """The step to be timed; its result is the number of rows it gave."""
    if way == "pandas":
        return pandas_step(step, folder)
    if way == "polars":
        return polars_step(step, folder)
    return mlang_step(step, way, folder)


# ---------------------------------------------------------------- measuring


def measure(step: str, way: str, rows: int, folder: str, repeats: int) -> dict[str, float]:
    """The fastest run in seconds, peak megabytes and rows of one step; runs in a process of its own."""
    work = work_of(step, way, folder)
    times = []
    count = work() if rows <= 200_000 else 0  # what is loaded at first use is not the step
    for _ in range(repeats):
        gc.collect()
        start = time.perf_counter()
        count = work()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": min(times), "peak": peak, "rows": count}


def profile(step: str, way: str, folder: str) -> None:
    """Where the time of one step goes."""
    import cProfile
    import pstats

    from mlang.compile.entry import run

    work = work_of(step, way, folder)
    profiler = cProfile.Profile()
    run(lambda: profiler.runcall(work))
    pstats.Stats(profiler).sort_stats("tottime").print_stats(18)


def compare(rows: int, steps: list[str], ways: list[str]) -> None:
    """One line per step; ratios are to pandas."""
    print(f"{rows} rows; seconds (ratio to pandas, peak MB)")
    print(f"{'step':13}" + "".join(f"{way:>24}" for way in ways))
    with tempfile.TemporaryDirectory() as folder:
        make_data(folder, rows)
        for step in steps:
            found: dict[str, dict[str, float]] = {}
            for _ in range(3 if rows <= 2_000_000 else 1):
                for way in ways:
                    found[way] = _better(found.get(way), _apart(step, way, rows, folder))
            base = found.get("pandas", {}).get("seconds")
            cells = ""
            for result in found.values():
                ratio = f"{result['seconds'] / base:.2f}x" if base else "-"
                cells += f"{result['seconds']:9.3f} ({ratio:>6}, {result['peak']:5.0f})"
            same = len({result["rows"] for result in found.values()}) == 1
            print(f"{step:13}{cells}{'' if same else '  ROWS DIFFER'}", flush=True)


def _better(known: dict[str, float] | None, new: dict[str, float]) -> dict[str, float]:
    return new if known is None or new["seconds"] < known["seconds"] else known


def _apart(step: str, way: str, rows: int, folder: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", step, way, str(rows), folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Reads the arguments."""
    words = sys.argv[1:]
    if words[:1] == ["--one"]:
        step, way, count, folder = words[1:]
        repeats = 5 if int(count) <= 200_000 else 3 if int(count) <= 2_000_000 else 1
        print(json.dumps(measure(step, way, int(count), folder, repeats)))
        return
    ways = list(WAYS)
    if "--ways" in words:
        place = words.index("--ways")
        ways = words[place + 1].split(",")
        del words[place : place + 2]
    rows = next((int(w) for w in words if w.isdigit()), 100_000)
    steps = [w for w in words if w in STEPS] or list(STEPS)
    if "--profile" in words:
        with tempfile.TemporaryDirectory() as folder:
            make_data(folder, rows)
            for step in steps:
                profile(step, ways[0], folder)
        return
    compare(rows, steps, ways)


if __name__ == "__main__":
    main()
