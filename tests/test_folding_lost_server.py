"""A database server that goes down while its rows are read."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from database_servers import Missing, postgres

import mlang
from folding.engines import remote
from mlang.session import Session, use

SECRET = "no-word-of-this"
CREDENTIALS = {("PostgreSQL", ""): {"Username": "tester", "Password": SECRET}}


@pytest.fixture
def server() -> Iterator[tuple[str, int]]:
    """The M that opens a server of this test's own with a large table, and the server's first process."""
    psycopg = pytest.importorskip("psycopg")
    try:
        with postgres() as (host, port):
            with psycopg.connect(host=host, port=port, user="tester", dbname="postgres") as connection:
                connection.execute(
                    "create table big as select n, repeat('x', 1000) as t from generate_series(1, 100000) as g(n)"
                )
                connection.commit()
                (folder,) = connection.execute("show data_directory").fetchone()
            with open(os.path.join(folder, "postmaster.pid"), encoding="utf-8") as file:
                first = int(file.readline())
            yield f'PostgreSQL.Database("{host}:{port}", "postgres")', first
    except Missing as missing:
        pytest.skip(str(missing))


def kill(first: int) -> None:
    """Ends the server and all its connections at once, without a goodbye."""
    with open(f"/proc/{first}/task/{first}/children", encoding="utf-8") as file:
        children = [int(number) for number in file.read().split()]
    for number in [first, *children]:
        os.kill(number, signal.SIGKILL)


@pytest.mark.skipif(
    not os.path.exists("/proc/self/task"), reason="the processes of a server are not told here"
)
def test_a_server_that_is_killed_amid_the_rows(server: tuple[str, int]) -> None:
    """An error of the source with what was said and the query; afterwards it cannot be reached."""
    source, first = server
    m = f'Table.SelectRows({source}{{[Schema = "public", Item = "big"]}}[Data], each [n] > 1)'
    with use(Session(culture="en-US", time_zone="UTC", credentials=CREDENTIALS)):
        table: Any = mlang.evaluate(m, credentials=CREDENTIALS)
        batches = remote.run(table.plan, None, None)
        assert next(batches).length
        kill(first)
        with pytest.raises(mlang.MError) as raised:
            sum(batch.length for batch in batches)
    lost = raised.value
    assert lost.reason == "DataSource.Error"
    assert str(lost).startswith("DataSource.Error: PostgreSQL: ")
    detail: Any = lost.detail
    assert '"public"."big"' in detail["Query"]
    with pytest.raises(mlang.MError) as gone:
        mlang.to_m(mlang.evaluate(m, credentials=CREDENTIALS))
    assert gone.value.reason == "DataSource.Error"
    for error in (lost, gone.value):
        assert SECRET not in f"{error} {error.detail}"
