"""What a refresh does otherwise when its engine is Spark: where tables are staged, who writes them, what a plan says.

With the engine "spark" every staged table is Parquet in the lakehouse, which the cluster reads by file lists; the
warehouse's DuckDB files only this machine can read.  Nothing of Spark is imported for other engines.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from mlang import session as sessions
from mlang.tables.table import Table, settled

#: The part of this machine's memory that data may take before a plan advises a cluster.
_SHARE = 0.5


def chosen(session: Any) -> bool:
    """Whether a session's engine is Spark."""
    return bool(session.engine == "spark")


def query(plan: Any) -> Any:
    """The Spark query of a whole plan; None when Spark is not the engine or does not do all of it."""
    if not chosen(sessions.current()):
        return None
    from folding.engines.spark import query_of
    from folding.terms import Unfoldable

    try:
        return query_of(plan)
    except Unfoldable:
        return None


def writes(query: Any, writer: Any, session: Any) -> bool:
    """Whether the cluster wrote the rows of a query itself; False where they come through this process."""
    if not chosen(session):
        return False
    from mlang.compile.entry import run
    from staging import cluster

    return run(lambda: cluster.fill(query, writer, session), session)


def keeps_errors(query: Any) -> bool:
    """Whether the cluster can write a query whose cells may be errors."""
    if not chosen(sessions.current()):
        return False
    from staging import cluster

    return cluster.keeps_errors(query)


def loads(
    target: Any, path: Any, settings: Any, rows: Any, table: Table, names: list[str], session: Any
) -> int | None:
    """The size of a destination that the cluster wrote itself; None where rows come through this process."""
    if not chosen(session):
        return None
    from mlang.compile.entry import run
    from staging import cluster_loads

    return run(lambda: cluster_loads.load(target, path, settings, rows, table, names, session), session)


def note(result: Any, session: Any) -> None:
    """Adds to a result why its rows came through this process, where the cluster should have written them."""
    if not chosen(session):
        return
    from staging import cluster

    if text := cluster.told(session):
        result.note = f"{result.note}; {text}" if result.note else text


def failures() -> tuple[type[BaseException], ...]:
    """What a query raises that the server refuses; empty as long as nothing of Spark was used."""
    server = sys.modules.get("folding.engines.spark_server")
    return () if server is None else (server.Refusal,)


def engine_name(table: Table, folds: bool) -> str:
    """Which engine would do a query, for `mlang plan`."""
    local = "DuckDB" if folds else "DuckDB and interpreter"
    if not chosen(table.session):
        return local
    from folding.boundary import leaves
    from folding.engines.spark import describe
    from folding.engines.spark_server import address
    from folding.terms import CannotFold
    from mlang.tables.plan import Scan

    plan = settled(table.plan)
    if not any(isinstance(leaf, Scan) for leaf in leaves(plan)):
        return local  # what it reads is not staged yet
    found = describe(plan)
    if not isinstance(found, CannotFold):
        workers = f", on the workers: {', '.join(found.workers)}" if found.workers else ""
        return f"Spark ({address()}){workers}"
    return f"{local} (not Spark: {found.step}: {found.reason})"


def choice(engine: str, size: int | None) -> str:
    """Why the engine "auto" takes an engine for a query that reads so many staged bytes; None when it reads none."""
    if engine.startswith("decided"):
        return "what it reads is not staged yet"
    if size is None:
        return "it reads nothing that is staged"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    address = os.environ.get("MLANG_SPARK", "").strip()
    if memory and size > memory * _SHARE:
        where = address or "a cluster (MLANG_SPARK)"
        return f"{_text(size)}, more than half of the memory; --engine spark runs it on {where}"
    return f"{_text(size)}, fits" + (f"; --engine spark would run it on {address}" if address else "")


def _text(size: int) -> str:
    return f"{size / 1_000_000_000:.1f} GB" if size >= 100_000_000 else f"{size / 1_000_000:.1f} MB"
