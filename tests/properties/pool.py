"""The tables of random dataflows: cells of each kind, and a pool of files in three formats, from a seed."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

NUMBERS = "null 0 -0.0 1 2 2 3 -1.5 0.1 0.2 1e300 5e-324 #nan #infinity -#infinity 7 2.5 -3 9007199254740993 1e15".split()  # noqa: SIM905
CLEAN = "null 0 1 2 2 3 -1.5 0.1 0.2 7 2.5 -3 100 1e15".split()  # noqa: SIM905
WHOLE = "null 0 1 2 3 4 -2 7".split()  # noqa: SIM905
TEXTS = [
    "null",
    '""',
    '"a"',
    '"A"',
    '"b"',
    '"é"',
    '" a b "',
    '"10"',
    '"-1.5"',
    '"😀"',
    '"\ue000"',
    '"abc,d"',
    '"x-y-z"',
    '"ß"',
    '"Ab"',
]
DATES = [
    "null",
    "#date(2020,2,29)",
    "#date(1,1,1)",
    "#date(9999,12,31)",
    "#date(2021,12,31)",
    "#date(1899,12,30)",
    "#date(2024,1,1)",
]
TIMES = [
    "null",
    "#datetime(2020,2,29,23,59,59.5)",
    "#datetime(1,1,1,0,0,0)",
    "#datetime(9999,12,31,23,59,59)",
    "#datetime(2021,3,28,2,30,0)",
]
LOGICALS = ["null", "true", "false"]
CELLS = {
    "number": NUMBERS,
    "whole": WHOLE,
    "text": TEXTS,
    "date": DATES,
    "datetime": TIMES,
    "logical": LOGICALS,
}
TYPES = {"number": "nullable number", "whole": "Int64.Type", "text": "nullable text", "date": "nullable date",
         "datetime": "nullable datetime", "logical": "nullable logical", "any": "any"}  # fmt: skip
COLUMNS = {"n": "number", "k": "whole", "t": "text", "d": "date", "m": "datetime", "b": "logical", "e": "any"}
#: Tables that each pool has in each format.
POOL = 60
CSV_TYPES = "{" + ", ".join(
    f'{{"{n}", {t}}}' for n, t in {
        "n": "type number", "k": "Int64.Type", "d": "type date", "m": "type datetime", "b": "type logical", "e": "type number",
    }.items()
) + "}"  # fmt: skip


def literal(rows: list[list[str]], typed: bool) -> str:
    head = ", ".join(f"{name} = {TYPES[kind]}" for name, kind in COLUMNS.items())
    names = "{" + ", ".join(f'"{name}"' for name in COLUMNS) + "}"
    cells = ", ".join("{" + ", ".join(row) + "}" for row in rows)
    return f"#table({f'type table [{head}]' if typed else names}, {{{cells}}})"


def drawn(random: Random, clean: bool, most: int) -> list[list[str]]:
    """Rows of cells as M texts."""

    def cell(kind: str) -> str:
        if kind == "any":
            return random.choice(WHOLE if clean else [*WHOLE, 'error "bad"'])
        return random.choice(CLEAN if clean and kind == "number" else CELLS[kind])

    return [[cell(kind) for kind in COLUMNS.values()] for _ in range(random.randint(0, most))]


def make_pool(seed: int, folder: Path) -> None:
    """The tables of a seed as Parquet and CSV files and in a DuckDB file (once)."""
    import duckdb
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    if (folder / "pool.duckdb").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    database = duckdb.connect(str(folder / "pool.new"))
    types = {"number": pa.float64(), "whole": pa.int64(), "text": pa.string(), "date": pa.date32(),
             "datetime": pa.timestamp("us"), "logical": pa.bool_(), "any": pa.int64()}  # fmt: skip
    random = Random(f"pool {seed}")
    for number in range(POOL):
        rows = drawn(random, bool(number % 3), 12)
        plain = [[_python(c) for c in row] for row in rows]
        arrays = [
            pa.array([_fitting(row[i], kind) for row in plain], types[kind])
            for i, kind in enumerate(COLUMNS.values())
        ]
        data = pa.table(arrays, names=list(COLUMNS))
        pq.write_table(data, folder / f"t{number}.parquet")
        database.register("data", data)
        database.execute(f"CREATE TABLE t{number} AS SELECT * FROM data")
        texts = [[_csv(c) for c in row] for row in rows]
        columns = [pa.array([row[i] for row in texts], pa.string()) for i in range(len(COLUMNS))]
        csv.write_csv(pa.table(columns, names=list(COLUMNS)), folder / f"t{number}.csv")
    database.close()
    (folder / "pool.new").rename(folder / "pool.duckdb")


def _python(cell: str) -> Any:
    import datetime as dt

    words = {"null": None, "true": True, "false": False, "#nan": float("nan"), "#infinity": float("inf"),
             "-#infinity": float("-inf"), 'error "bad"': None}  # fmt: skip
    if cell in words:
        return words[cell]
    if cell.startswith('"'):
        return cell[1:-1]
    if cell.startswith("#datetime"):
        *parts, second = cell[10:-1].split(",")
        return dt.datetime(*map(int, parts), int(float(second)), int(float(second) % 1 * 1_000_000))
    if cell.startswith("#date"):
        return dt.date(*map(int, cell[6:-1].split(",")))
    return float(cell)


def _fitting(value: Any, kind: str) -> Any:
    return int(value) if kind in ("whole", "any") and value is not None else value


def _csv(cell: str) -> str:
    if cell == "null":
        return ""
    if cell.startswith(("#", "-#", "error")):
        value = _python(cell)
        return "bad" if value is None else {"inf": "oo", "nan": "NaN"}.get(str(value), str(value))
    return cell.strip('"')
