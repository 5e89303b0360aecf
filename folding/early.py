"""The first of the different rows, without looking at all rows.

`Table.FirstN(Table.Distinct(t), 100)` needs no more of a large file than its beginning in which a hundred different
rows are.  How long that is is asked of the engine, over ever longer beginnings of the file; where a tenth of it does
not suffice, all of it is read as ever.  Read ``relations_rows.py`` for who asks.
"""

from __future__ import annotations

from attrs import evolve

from folding.counts import row_count
from folding.csv_source import CsvOrigin
from folding.relations import Context, Relation
from mlang.tables import plan as p

#: A source with fewer rows is read whole.
_LARGE = 100_000
#: How many times the wanted rows are looked at.
_TIMES = (4, 64, 1024)


def beginning(node: p.Take, context: Context) -> p.Plan | None:
    """The same first rows as those of a beginning of the table; None where it is not known to hold enough."""
    distinct, wanted = node.input, node.count
    if not isinstance(distinct, p.Distinct) or not wanted or not context.proves:
        return None
    base = context.child(distinct.input)
    total = base.source_rows
    if total is None or total < _LARGE or not _streams(base):
        return None
    for times in _TIMES:
        if wanted * times * 10 > total:
            return None
        head = p.Take(distinct.input.schema, distinct.input, wanted * times)
        shorter = evolve(distinct, input=head)
        if (row_count(context.child(shorter)) or 0) >= wanted:
            return evolve(node, input=shorter)
    return None


def _streams(base: Relation) -> bool:
    """Whether the first rows are read without the others, and no row that M would look at raises."""
    plain = not (base.joins or base.beside or base.sealed or base.raises or base.sort_raises)
    return plain and base.natural and base.context.keeps_order and not isinstance(base.origin, CsvOrigin)
