"""Whether some columns of a relation are different in each row: then a join with it adds no rows.

Known from a group or from distinct rows, or asked of a small source once (and remembered
as long as the file is the same).  A join that adds no rows keeps the order, the number and
the keys of its left side, which makes what stands above it cheaper.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.origins import Origin, Subquery
from folding.relations import Relation
from folding.sources import ArrowOrigin, DatabaseOrigin, ParquetOrigin

#: Sources with more rows are not asked.
ASKED = 100_000
_STORAGES = frozenset({"BIGINT", "VARCHAR", "DATE", "BOOLEAN", "TIMESTAMP"})


def unique_keys(relation: Relation, places: list[int]) -> bool:
    """Whether no two rows agree in the columns at these places."""
    keys = [relation.columns[place] for place in places]
    if any(c.text is not None or c.term.storage not in _STORAGES for c in keys):
        return False
    return _unique(relation, [c.term.sql for c in keys])


def _unique(relation: Relation, keys: list[Any]) -> bool:
    if relation.unique and all(any(u == key for key in keys) for u in relation.unique):
        return True
    if relation.joins or relation.group is not None:
        return False
    origin = relation.origin
    names = [k.name for k in keys if isinstance(k, exp.Column) and k.table == origin.alias]
    if not names or len(names) != len(keys):
        return False
    if isinstance(origin, Subquery):
        return _unique(origin.relation, [origin.outputs[name] for name in names])
    return _asked(origin, names, relation.source_rows)


def _asked(origin: Origin, names: list[str], rows: int | None) -> bool:
    if rows is None or rows > ASKED:
        return False
    if isinstance(origin, ArrowOrigin):
        return len(names) == 1 and _unique_array(origin.data.column(int(names[0][1:]) - 1))
    from folding.engines.database import identity, remembered

    try:
        if isinstance(origin, ParquetOrigin):
            key = ("unique", identity(str(origin.source.path)), *names)
        elif isinstance(origin, DatabaseOrigin) and origin.is_table:
            key = ("unique", origin.catalog, origin.source.schema, origin.source.table, *names)
        else:
            return False
    except OSError:
        return False
    return remembered(key, lambda: _counted(origin, names))


def _unique_array(column: Any) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        return False
    return bool(pc.count_distinct(column, mode="all").as_py() == len(column))


def _counted(origin: Origin, names: list[str]) -> bool:
    import duckdb

    from folding.engines.database import DIALECT, root

    key = t.function("row", *[t.column(name, origin.alias) for name in names])
    different = exp.Count(this=exp.Distinct(expressions=[key]))
    same = exp.EQ(this=exp.Count(this=exp.Star()), expression=different)
    query = exp.Select(expressions=[same], from_=exp.From(this=origin.render(set(names))))
    try:
        found = root().cursor().execute(query.sql(DIALECT)).fetchone()
    except duckdb.Error:
        return False
    return bool(found and found[0])
