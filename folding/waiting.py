"""Buffers that wait for an engine: a sorted table is sorted by the query that reads it.

`Table.Distinct(Table.Buffer(Table.Sort(t, {"day", Order.Descending})), {"k"})` is how the latest row of each key is
written.  The buffer is there for the order alone; reading millions of rows into it takes longer than all the rest.
So a buffer of a sorted table waits, if nobody can see when it is read: its data stays as it is (`is_steady`) and no
cell or key of it raises.  The first query that reads it sorts the rows itself (`relations_rows.py`); after that they
are kept in memory, as what is read twice ought to be.
"""

from __future__ import annotations

from folding.inputs import nodes_of
from folding.sources import ArrowOrigin, ParquetOrigin
from folding.terms import Unfoldable
from mlang.connectors.sources import ArrowSource, ParquetSource
from mlang.errors import MError
from mlang.session import Session
from mlang.tables import plan as p
from mlang.tables.simplify import prune

_STEPS = (p.Values, p.Sort, p.Project, p.Retype, p.SelectRows, p.AddColumn, p.ChangeTypes)


def is_steady(plan: p.Plan, session: Session) -> bool:
    """Whether a query gives a plan's rows, the same whenever it is run, and no cell or key of it can raise."""
    from folding.boundary import fold
    from folding.engines.duckdb import Query

    if session.engine not in ("duckdb", "auto") or not all(_lasts(node) for node in nodes_of(plan)):
        return False
    try:
        relation = fold(prune(plan, plan.schema.names), proves=True)
        Query(relation, None, plan.schema)
    except (Unfoldable, MError):
        return False
    if not all(isinstance(origin, (ParquetOrigin, ArrowOrigin)) for origin in relation.sources()):
        return False
    fine = all(c.text is None and not c.term.raises for c in relation.columns)
    return fine and not (relation.raises or relation.sort_raises or relation.strict)


def _lasts(node: p.Plan) -> bool:
    """Whether a step gives the same later: its data is in memory, or a file that others replace, not change."""
    if not isinstance(node, p.Scan):
        return isinstance(node, _STEPS)
    source = node.source
    if isinstance(source, ParquetSource):
        return source.plain
    return isinstance(source, ArrowSource) and source.data is not None


def read_now(plan: p.Plan) -> None:
    """What waits in a plan that an engine runs now will be kept in memory if it is read once more."""
    for node in nodes_of(plan):
        if isinstance(node, p.Buffer):
            node.waits.clear()
