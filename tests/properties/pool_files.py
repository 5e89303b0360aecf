"""The files of a pool of tables: Parquet, CSV and a DuckDB database, from a seed.

What the tables are is in `pool.py`.
"""

from __future__ import annotations

import base64
import datetime as dt
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from tests.properties.pool import (
    CELLS,
    DIALECTS,
    FORMATS,
    LARGE_ROWS,
    LONG,
    LONG_ROWS,
    ODD,
    POOL,
    Kind,
    Shape,
    drawn,
    long_shape,
    odd_shape,
)  # fmt: skip


def make_pool(seed: int, folder: Path, large: bool = False) -> None:
    """The tables of a seed (once); those of many rows only where they are read."""
    import duckdb

    name = "large" if large else "pool"
    if (folder / f"{name}.done").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pool.new").unlink(missing_ok=True)
    database = duckdb.connect(str(folder / "pool.new"))
    random = Random(f"pool {seed}")
    for number in range(POOL):
        rows = drawn(random, bool(number % 3), 12)
        for format in FORMATS:
            _write(Shape(f"t{number}", format), rows, folder, database, random)
    for number in range(ODD):
        shape = odd_shape(seed, number)
        _write(shape, odd_rows(random, shape), folder, database, random)
    for number in range(LONG):
        for big in (False, True) if large else (False,):
            shape = long_shape(seed, number, big)
            _write(shape, long_rows(random, shape, big), folder, database, random)
    database.close()
    (folder / "pool.new").rename(folder / "pool.duckdb")
    (folder / "pool.done").touch()
    (folder / f"{name}.done").touch()


def odd_rows(random: Random, shape: Shape) -> list[list[Any]]:
    """Often no row or one, columns without a value, and lists and records."""
    flat = {n: "null" if isinstance(k, Kind) else k for n, k in shape.columns.items()}
    most = random.choice([0, 1, 3, 12, 40])
    rows: list[list[Any]] = drawn(random, random.random() < 0.5, most, flat, min(most, 1))
    for place, kind in enumerate(shape.columns.values()):
        empty = random.random() < 0.1
        for row in rows:
            if empty:
                row[place] = "null"
            elif isinstance(kind, Kind):
                row[place] = _nested(random, kind)
    return rows


def _nested(random: Random, kind: Kind) -> Any:
    """A list or a record as Python has it."""
    if random.random() < 0.2:
        return None
    if kind == "record":
        return {n: fitting(python_value(random.choice(CELLS[k])), k) for n, k in kind.inside.items()}  # type: ignore[attr-defined]
    cells = CELLS["whole" if kind.inside == "number" else "text"]
    return [python_value(random.choice(cells)) for _ in range(random.randint(0, 3))]


def long_rows(random: Random, shape: Shape, large: bool) -> list[list[str]]:
    """Many rows of few values of each column."""
    count, rows = random.randint(*(LARGE_ROWS[shape.format] if large else LONG_ROWS)), []
    clean = random.random() < 0.7
    few = [
        [row[0] for row in drawn(random, clean, random.choice([2, 6, 12]), {"x": kind}, 2)]
        for kind in shape.columns.values()
    ]
    for _ in range(count):
        rows.append([random.choice(cells) for cells in few])
    return rows


def _write(shape: Shape, rows: list[list[Any]], folder: Path, database: Any, random: Random) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(shape.columns)
    if shape.format == "csv":
        _write_csv(shape, rows, folder)
        return
    arrays = []
    for i, kind in enumerate(shape.columns.values()):
        type = _arrow_type(kind, random if shape.name.startswith("w") else None)
        cells = [fitting(python_value(row[i]), kind) for row in rows]
        arrays.append(_array(cells, type))
    data = pa.table(arrays, names=names)
    if shape.format == "parquet":
        groups = random.choice([1, 3, 1000]) if len(rows) < 100 else random.choice([100, 500, 2048])
        pq.write_table(data, folder / f"{shape.name}.parquet", row_group_size=groups)
        return
    database.register("data", data)
    database.execute(f'CREATE TABLE "{shape.name}" AS SELECT * FROM data')
    if shape.name.startswith("w"):
        _age(shape.name, random, database)


def _age(name: str, random: Random, database: Any) -> None:
    """What happens to tables: rows are deleted, inserted and updated; some are views, some have keys."""
    import duckdb

    first = (
        database.execute(f'SELECT column_name FROM (DESCRIBE "{name}") LIMIT 1')
        .fetchall()[0][0]
        .replace('"', '""')
    )
    done = random.choice([
        [], [], [f'DELETE FROM "{name}" WHERE random() < 0.4'], [f'DELETE FROM "{name}"', f'INSERT INTO "{name}" SELECT * FROM data'],
        [f'INSERT INTO "{name}" SELECT * FROM data', f'UPDATE "{name}" SET "{first}" = NULL WHERE rowid % 3 = 0'],
        [f'ALTER TABLE "{name}" RENAME TO "base {name}"', f'CREATE VIEW "{name}" AS SELECT * FROM "base {name}"'],
        [f'ALTER TABLE "{name}" RENAME TO "base {name}"', f'CREATE VIEW "{name}" AS SELECT * FROM "base {name}" ORDER BY ALL DESC LIMIT 5'],
        [f'DELETE FROM "{name}" WHERE "{first}" IS NULL', f'ALTER TABLE "{name}" ADD PRIMARY KEY ("{first}")'],
        [f'DELETE FROM "{name}" WHERE "{first}" IS NULL', f'ALTER TABLE "{name}" ALTER COLUMN "{first}" SET NOT NULL'],
    ])  # fmt: skip
    try:
        for statement in done:
            database.execute(statement)
    except duckdb.Error:  # not every column can be a key
        return


def _write_csv(shape: Shape, rows: list[list[Any]], folder: Path) -> None:
    """A CSV file in the dialect of its shape."""
    import csv

    delimiter, encoding, _ = DIALECTS[shape.dialect]
    with open(
        folder / f"{shape.name}.csv",
        "w",
        newline="",
        encoding={65001: "utf-8", 1252: "cp1252"}[encoding],
        errors="replace",
    ) as file:
        if shape.dialect == "mark":
            file.write("\ufeff")
        style = csv.QUOTE_ALL if shape.dialect == "quoted" else csv.QUOTE_MINIMAL
        ends = "\r\n" if shape.dialect == "crlf" else "\n"
        writer = csv.writer(
            file, delimiter=delimiter.replace("#(tab)", "\t"), quoting=style, lineterminator=ends
        )
        writer.writerow(shape.columns)
        for row in rows:
            texts = [_csv(c) for c in row]
            while shape.dialect == "ragged" and len(texts) > 1 and not texts[-1]:
                texts.pop()
            writer.writerow(texts)


def _array(cells: list[Any], type: Any) -> Any:
    """The cells as an Arrow type; what a finer type cannot hold as the usual one."""
    import pyarrow as pa

    try:
        if pa.types.is_dictionary(type):
            return pa.array(cells, pa.string()).dictionary_encode()
        if pa.types.is_timestamp(type) and type.unit != "us":
            return pa.array(cells, pa.timestamp("us")).cast(type)
        return pa.array(cells, type)
    except (pa.ArrowInvalid, OverflowError):
        return pa.array(cells, pa.timestamp("us") if pa.types.is_timestamp(type) else None)


def _arrow_type(kind: str, random: Random | None) -> Any:
    """The type of a column; with a random source one of those that files have for the kind."""
    import pyarrow as pa

    types = {
        "number": [pa.float64()], "whole": [pa.int64(), pa.int64(), pa.int16()], "any": [pa.int64()],
        "text": [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], "dirty": [pa.string()],
        "date": [pa.date32(), pa.date64()], "datetime": [pa.timestamp("us"), pa.timestamp("us"), pa.timestamp("ms"), pa.timestamp("ns")],
        "logical": [pa.bool_()], "time": [pa.time64("us"), pa.time64("ns"), pa.time32("ms")],
        "duration": [pa.duration("us")], "zoned": [pa.timestamp("us", tz="UTC"), pa.timestamp("us", tz="Europe/Berlin")],
        "decimal": [pa.decimal128(10, 2), pa.decimal128(38, 10), pa.decimal128(19, 4)], "int32": [pa.int32()],
        "single": [pa.float32()], "big": [pa.int64()], "unsigned": [pa.uint64()], "flag": [pa.int8(), pa.uint8()],
        "binary": [pa.binary(), pa.large_binary()], "null": [pa.null()],
        "record": [pa.struct([("x", pa.int64()), ("y", pa.string())])],
        "list": [pa.list_(pa.string() if getattr(kind, "inside", "") == "text" else pa.float64())],
    }[kind]  # fmt: skip
    return types[0] if random is None else random.choice(types)


def python_value(cell: Any) -> Any:
    words = {"null": None, "true": True, "false": False, "#nan": float("nan"), "#infinity": float("inf"),
             "-#infinity": float("-inf"), 'error "bad"': None}  # fmt: skip
    if not isinstance(cell, str):
        return cell
    if cell in words:
        return words[cell]
    if cell.startswith('"'):
        return cell[1:-1].replace("#(lf)", "\n").replace('""', '"')
    if cell.startswith("#binary"):
        return base64.b64decode(cell[9:-2])
    if cell.startswith("#"):
        return _moment(*cell[1:-1].split("("))
    return float(cell) if any(c in cell for c in ".e") else int(cell)


def _moment(kind: str, text: str) -> Any:
    parts = [float(part) for part in text.split(",")]
    if kind == "date":
        return dt.date(*map(int, parts))
    if kind == "duration":
        return dt.timedelta(days=parts[0], hours=parts[1], minutes=parts[2], seconds=parts[3])
    place = 2 if kind == "time" else 5
    second = parts[place]
    whole = [*map(int, parts[:place]), int(second), int(second % 1 * 1_000_000)]
    if kind == "time":
        return dt.time(*whole)
    if kind == "datetimezone":
        zone = dt.timezone(dt.timedelta(hours=parts[6], minutes=parts[7]))
        return dt.datetime(*whole, tzinfo=zone)  # type: ignore[misc,arg-type]
    return dt.datetime(*whole)  # type: ignore[arg-type]


def fitting(value: Any, kind: str) -> Any:
    if value is None or isinstance(kind, Kind):
        return value
    if kind in ("number", "single"):
        return float(value)
    if kind == "decimal":
        return Decimal(str(value))
    return int(value) if kind in ("whole", "any") else value


def _csv(cell: Any) -> str:
    if cell == "null" or cell is None:
        return ""
    if cell.startswith("#binary"):
        return str(cell[9:-2])
    if cell.startswith(("#", "-#", "error")):
        value = python_value(cell)
        if isinstance(value, dt.timedelta):
            return f"{value.days}.{dt.timedelta(seconds=value.seconds)}"
        return "bad" if value is None else {"inf": "oo", "nan": "NaN"}.get(str(value), str(value))
    return str(python_value(cell)) if cell.startswith('"') else str(cell)
