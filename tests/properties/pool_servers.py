"""The tables of a pool in a source database: SQLite, or PostgreSQL and MariaDB on servers that are started for it.

The shapes are those of `pool.py`, as far as the database has types for their columns.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from tests.properties.pool import LONG, ODD, POOL, SERVERS, Shape, drawn, long_shape, odd_shape
from tests.properties.pool_files import fitting, long_rows, odd_rows, python_value

sys.path.insert(0, str(Path(__file__).parent.parent))

from database_tables import Engine, engine_named


def _opened(name: str) -> Engine:
    """The engine, its server started."""
    found = engine_named(name)
    if isinstance(found, str):
        raise SystemExit(f"{name}: {found}")
    return found


def filled(seed: int, name: str) -> Engine:
    """The engine with the tables of a seed in it."""
    engine, random = _opened(name), Random(f"pool {seed}")
    for number in range(POOL):
        _make(engine, Shape(f"t{number}", name), drawn(random, bool(number % 3), 12))
    for number in range(ODD):
        shape = odd_shape(seed, number, name)
        _make(engine, shape, odd_rows(random, shape))
    for number in range(LONG):
        shape = long_shape(seed, number, False, name)
        _make(engine, shape, long_rows(random, shape, False))
    return engine


def _make(engine: Engine, shape: Shape, rows: list[list[Any]]) -> None:
    """A table with a key before its columns; cells that the engine cannot store are null."""
    types = SERVERS[engine.name]
    columns = ", ".join(f"{_name(engine, n)} {types[k]}" for n, k in shape.columns.items())
    table, key = _name(engine, shape.name), _name(engine, "#")
    made = [f"DROP TABLE IF EXISTS {table}", f"CREATE TABLE {table} ({key} integer PRIMARY KEY, {columns})"]
    for start in range(0, len(rows), 500):
        cells = [
            ", ".join([str(number), *(_literal(engine, c, k) for c, k in zip(row, shape.columns.values(), strict=True))])
            for number, row in enumerate(rows[start : start + 500], start)
        ]  # fmt: skip
        made.append(f"INSERT INTO {table} VALUES ({'), ('.join(cells)})")
    engine.run(*made)


def _name(engine: Engine, name: str) -> str:
    mark = engine.quoted("")[0]
    return mark + name.replace(mark, mark * 2) + mark


def _literal(engine: Engine, cell: str, kind: str) -> str:
    value = fitting(python_value(cell), kind)
    bad_float = value.__class__ is float and not math.isfinite(value)
    if value is None or (
        bad_float and (engine.name == "MySQL" or (value != value and engine.name == "SQLite"))
    ):
        return "NULL"
    if value.__class__ is float:
        return f"'{value!r}'" if engine.name == "PostgreSQL" else engine.number(value)
    if isinstance(value, str):
        return engine.text(value)
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'" if engine.name == "PostgreSQL" else f"x'{value.hex()}'"
    if isinstance(value, dt.timedelta):
        return _span(engine, value)
    if isinstance(value, dt.datetime):
        return f"'{value.isoformat(' ')}'"
    if isinstance(value, dt.date | dt.time):
        return f"'{value.isoformat()}'"
    assert isinstance(value, int | Decimal), value
    return str(value)


def _span(engine: Engine, value: dt.timedelta) -> str:
    seconds, part = divmod(value // dt.timedelta(microseconds=1), 1_000_000)
    if engine.name == "PostgreSQL":
        return f"'{seconds} seconds'::interval + '{part} microseconds'::interval"
    if abs(seconds) >= 838 * 3600:
        return "NULL"
    sign, whole = ("-", -seconds - (part > 0)) if seconds < 0 else ("", seconds)
    part = (1_000_000 - part) % 1_000_000 if seconds < 0 else part
    return f"'{sign}{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}.{part:06}'"
