"""Tables that a Spark server reads, for tests: one server per kind for the whole run, and Parquet files with row numbers."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import spark_servers
from database_servers import Missing

import mlang
from folding import types
from folding.boundary import run_plan
from folding.engines import spark_server
from mlang.connectors.sources import ParquetSource
from mlang.session import Session, use
from mlang.tables import plan as p
from mlang.tables.table import Table
from mlang.values import types as mtypes
from mlang.values.thunk import force

_open = contextlib.ExitStack()
atexit.register(_open.close)


@functools.cache
def _started(name: str) -> str | Missing:
    try:
        if name == "Spark" and "MLANG_TEST_SPARK" in os.environ:
            spark_servers.client()
            return os.environ["MLANG_TEST_SPARK"]
        return _open.enter_context(getattr(spark_servers, name.lower())())[0]
    except Missing as no:
        return no


def address_or_skip(name: str) -> str:
    """The address of a server, started at first use; skips where it is not installed."""
    found = _started(name)
    if isinstance(found, Missing):
        pytest.skip(str(found))
    return found


def all_or_skip(name: str) -> str:
    """As `address_or_skip`, for tests that take long on Apache Spark: CI, whose minutes are counted, has shorter ones."""
    if name == "Spark" and os.environ.get("MLANG_SPARK_LANE") == "short":
        pytest.skip("takes long on Apache Spark (MLANG_SPARK_LANE=short); runs on Sail")
    return address_or_skip(name)


@contextlib.contextmanager
def engine(address: str) -> Any:
    """The server that sessions with the engine "spark" use."""
    before = os.environ.get(spark_server.VARIABLE)
    os.environ[spark_server.VARIABLE] = address
    try:
        yield
    finally:
        if before is None:
            del os.environ[spark_server.VARIABLE]
        else:
            os.environ[spark_server.VARIABLE] = before


def session(engine: str = "spark", **settings: Any) -> Session:
    """A session whose tables are run by the folding runner."""
    return Session(culture="en-US", time_zone="UTC", engine=engine, runner=run_plan, **settings)


@functools.cache
def _folder() -> Path:
    return Path(_open.enter_context(tempfile.TemporaryDirectory(prefix="mlang-tables-")))


_number = [0]


def parquet(kinds: dict[str, str], rows: list[list[Any]]) -> Table:
    """A table over a Parquet file with the stored row number, as staged tables have it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = []
    for index, kind in enumerate(kinds.values()):
        array = types.to_arrow([row[index] for row in rows], "number" if kind == "whole" else kind)
        arrays.append(array.cast(pa.int64()) if kind == "whole" else array)
    arrays.append(pa.array(range(1, len(rows) + 1), pa.int64()))
    _number[0] += 1
    path = _folder() / f"t{_number[0]}.parquet"
    pq.write_table(pa.table(arrays, names=[*kinds, "rn"]), path)
    named = {n: mtypes.nullable(mtypes.primitive("number" if k == "whole" else k)) for n, k in kinds.items()}
    schema = mtypes.TableType(mtypes.RecordType(mtypes.Field(n, type) for n, type in named.items()))
    source = ParquetSource(None, {**named, "rn": mtypes.INT64}, path=str(path))
    return Table(p.Scan(schema, source, tuple(kinds), "t"))


def evaluated(m: str, engine: str, *tables: Table) -> str:
    """What an M function gives for tables, as M text, or its error."""
    with use(session(engine)):
        try:
            made = mlang.evaluate(m, engine=engine, culture="en-US")
            return mlang.to_m(made.fn(*[Table(t.plan) for t in tables]))
        except mlang.MError as error:
            return str(error)


def values_of(expressions: list[str]) -> list[Any]:
    """M values of literals."""
    return [
        force(v) for v in mlang.evaluate("{" + ", ".join(expressions) + "}", engine="none", culture="en-US")
    ]
