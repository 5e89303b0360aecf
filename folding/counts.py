"""How many rows a part of a plan has, for forms that are exact for few rows only: DuckDB is asked beforehand."""

from __future__ import annotations

from folding.relations import Relation
from folding.terms import Unfoldable
from mlang.errors import Cancelled


def row_count(relation: Relation, limit: int | None = None) -> int | None:
    """How many rows a relation has, which DuckDB is asked; None when it does not say.

    Of rows that come in the order of the source, no more than ``limit`` are looked at.
    """
    import duckdb

    from folding.boundary import counted
    from folding.engines.duckdb import Query

    try:
        return sum(int(batch.columns[0][0]) for batch in Query(counted(relation, limit)).batches())
    except duckdb.InterruptException as stop:
        raise Cancelled("the engine was stopped") from stop
    except (duckdb.Error, Unfoldable):
        return None
