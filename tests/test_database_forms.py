"""Every SQL form on every live engine: what the database gives is what the interpreter gives, or it is not sent there.

The conformance list and its grids are those of ``test_folding.py``; a table of the database holds the grid.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from database_servers import Missing, mariadb, postgres
from database_tables import Engine, MariaDb, Postgres, Sqlite, values_of
from test_folding import FORMS, GRID, columns_of, same

from folding.engines.remote import RemoteQuery, compiled
from folding.terms import Unfoldable
from mlang.connectors.databases import Failure, Refused
from mlang.session import use
from mlang.tables.local import run_local
from mlang.values.thunk import force

#: How many forms each engine does; a change for the worse must be meant.
LEAST = {"PostgreSQL": 150, "SQLite": 100, "MySQL": 100}


@pytest.fixture(scope="module", params=["SQLite", "PostgreSQL", "MySQL"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if request.param == "SQLite":
        yield Sqlite(str(Path(tmp_path_factory.mktemp("sqlite")) / "a.db"))
        return
    try:
        with (postgres if request.param == "PostgreSQL" else mariadb)() as (host, port):
            made = (Postgres if request.param == "PostgreSQL" else MariaDb)(host, port)
            yield made
            made.connection.close()
    except Missing as why:
        pytest.skip(f"{request.param}: {why}")


@functools.cache
def grid(kind: str) -> list[Any]:
    return values_of(GRID[kind])


def table(engine: Engine, expression: str, x: str, y: str | None) -> str:
    """The table of a grid, made at first use."""
    second = y if y is not None and "[y]" in expression else None
    name = f"g_{x}_{second or 'alone'}"
    if name not in engine.known:
        xs = [v for v in grid(x) if engine.holds(x, v)]
        ys = [v for v in grid(second) if engine.holds(second, v)] if second else []
        if second:
            pairs = [[a, b] for a in xs for b in ys]
            rows = pairs[:: max(1, len(pairs) // 500)] + [[a, a] for a in xs if x == second]
            engine.make(name, {"x": x, "y": second}, rows)
        else:
            engine.make(name, {"x": x}, [[a] for a in xs])
        engine.known.add(name)
    return engine.reads(name)


def parts(m: str, count: int) -> Iterator[str]:
    """The table, then ever smaller pieces of it: where rows are refused the others are compared."""
    yield m
    for size in (50, 5, 1):
        for start in range(0, min(count, max(size * 12, 50)), size):
            yield f'Table.SelectRows({m}, each [#"#"] > {start} and [#"#"] <= {start + size})'


def compared(engine: Engine, expression: str, source: str) -> tuple[str, int]:
    """ "exact" and how many rows were compared, or why the form stays here."""
    rows = 0
    for piece in parts(source, 600):
        with use(engine.session()):
            made = engine.evaluate(f'Table.AddColumn({piece}, "r", each {expression})')
            try:
                query = RemoteQuery(*compiled(made.plan))
            except Unfoldable as no:
                return str(no), 0
            try:
                folded = columns_of(query.batches())
            except (Failure, Refused):
                continue
            local = columns_of(run_local(made.plan, None, None))
        if not local:
            continue
        for index, (a, b) in enumerate(zip(local[-1], folded[-1], strict=True)):
            row = [force(c[index]) for c in local[1:-1]]
            assert same(a, b), f"{expression} over {row}: interpreted {a!r}, {engine.name} {b!r}\n{query.sql}"
        rows += len(local[-1])
        if piece is source or rows >= 60:
            break
    return "exact", rows


def test_forms(engine: Engine) -> None:
    """All forms; failures are listed together."""
    wrong, exact = [], 0
    for expression, x, y in FORMS:
        if "duration" in (x, y):
            continue  # no engine has a type for them that is exact
        try:
            verdict, rows = compared(engine, expression, table(engine, expression, x, y))
        except AssertionError as no:
            wrong.append(str(no))
            continue
        if verdict == "exact" and not rows:
            wrong.append(f"{expression} over {x}: every row was refused")
        exact += verdict == "exact"
    assert not wrong, "\n".join(wrong)
    assert exact >= LEAST[engine.name], exact
