"""From the engine to the store without passing through Python values.

When a query's whole plan is one SQL statement and its columns are stored as the engine gives them,
Arrow batches go straight to the writer: several times faster than cells.  Whatever does not fit
(a cell that may hold an error, another kind than the column's type claims, a failing statement)
takes the ordinary way, which gives the rows or M's error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlang.compile.entry import run
from mlang.session import Session
from mlang.tables.table import Table, settled
from staging import spark
from staging.encode import kind_of_code
from staging.types import PLAIN, Column


def engine_query(table: Table, columns: tuple[Column, ...], session: Session) -> Any:
    """The SQL query that gives the stored columns of a table; None when there is no such query."""
    if session.engine == "none" or not columns or any(c.code not in PLAIN for c in columns):
        return None
    query = run(lambda: _folded(table), session)
    if query is None:
        return None
    terms = [c.term for c in query.columns]
    if may_hold_errors(query) and not run(lambda: spark.keeps_errors(query), session):
        return None
    fits = all(t.kind == kind_of_code(c.code) for t, c in zip(terms, columns, strict=True))
    return query if fits else None


def _folded(table: Table) -> Any:
    from folding.boundary import fold
    from folding.common import ways
    from folding.engines.duckdb import Query
    from folding.terms import Unfoldable
    from mlang.tables.plan import Scan
    from mlang.tables.simplify import prune

    plan = prune(settled(table.plan), table.names)
    stack, reads = [plan], False
    while stack and not reads:
        node = stack.pop()
        reads = isinstance(node, Scan)
        stack.extend(node.inputs)
    if not reads:
        return None  # data in memory: nothing to gain
    found = spark.query(plan)
    for whole in [] if found else ways(settled(table.plan), table.names):
        try:
            return Query(fold(whole, proves=True))
        except Unfoldable:
            continue
    return found


def may_hold_errors(query: Any) -> bool:
    """Whether cells may be errors, which only a cluster that writes by itself counts."""
    return any(c.text is not None for c in query.columns)


def engine_batches(query: Any, session: Session) -> Iterator[tuple[list[Any], int]]:
    """The columns of each batch as Arrow arrays."""
    reader = run(query.reader, session)
    for batch in reader:
        yield [batch.column(f"c{i}") for i in range(1, len(query.columns) + 1)], batch.num_rows


def failures() -> tuple[type[BaseException], ...]:
    """What a statement that cannot be trusted raises; the interpreter then does the work."""
    import duckdb
    import pyarrow as pa

    return (duckdb.Error, pa.ArrowException, OSError, *spark.failures())
