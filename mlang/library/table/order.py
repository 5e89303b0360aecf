"""Ordering: sorting, the smallest and largest rows, ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mlang.library.arguments import enum_member, options
from mlang.library.table.criteria import count_or_condition, sort_keys
from mlang.registry import builtin
from mlang.tables import access
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.flow import Batch
from mlang.tables.plan import SortKey
from mlang.tables.table import Table
from mlang.values.types import NUMBER, nullable

_COMPETITION, _DENSE, _ORDINAL = range(3)


@builtin("Table.Sort(table as table, comparisonCriteria as any) as table")
def sort(table: Table, criteria: Any) -> Table:
    """Sorts rows by columns, by functions of the row, or by a comparison of two rows.

    Each criterion may carry an order.  Rows that are equal keep their order; null comes first, or last
    when descending.
    """
    keys = sort_keys(criteria, table.type)
    return Table(p.Sort(table.type, table.plan, keys)) if keys else table


def _turned(keys: tuple[SortKey, ...]) -> tuple[SortKey, ...]:
    """The same criteria with every order turned round."""
    return tuple(SortKey(k.column, k.key, k.comparer, not k.descending) for k in keys)


def _ordered(table: Table, keys: tuple[SortKey, ...]) -> Table:
    return Table(p.Sort(table.type, table.plan, keys))


@builtin("Table.Min(table as table, comparisonCriteria as any, optional default as any) as any", raw=True)
def smallest(table: Table, criteria: Any, default: Any = None) -> Any:
    """The smallest row by the criteria, or the default (null) when there is none."""
    record = access.item(_ordered(table, sort_keys(criteria, table.type)), 0.0, True)
    return default if record is None else record


@builtin("Table.Max(table as table, comparisonCriteria as any, optional default as any) as any", raw=True)
def largest(table: Table, criteria: Any, default: Any = None) -> Any:
    """The largest row by the criteria, or the default (null) when there is none."""
    record = access.item(_ordered(table, _turned(sort_keys(criteria, table.type))), 0.0, True)
    return default if record is None else record


@builtin("Table.MinN(table as table, comparisonCriteria as any, countOrCondition as any) as table")
def smallest_n(table: Table, criteria: Any, count: Any) -> Table:
    """The smallest rows in ascending order: so many, or as long as a condition holds."""
    sorted_rows = _ordered(table, sort_keys(criteria, table.type))
    return Table(p.Take(table.type, sorted_rows.plan, *count_or_condition(count)))


@builtin("Table.MaxN(table as table, comparisonCriteria as any, countOrCondition as any) as table")
def largest_n(table: Table, criteria: Any, count: Any) -> Table:
    """The largest rows in descending order: so many, or as long as a condition holds."""
    sorted_rows = _ordered(table, _turned(sort_keys(criteria, table.type)))
    return Table(p.Take(table.type, sorted_rows.plan, *count_or_condition(count)))


# ---------------------------------------------------------------- ranks


@builtin("Table.AddRankColumn(table as table, newColumnName as text, comparisonCriteria as any, "
         "optional options as nullable record) as table")  # fmt: skip
def add_rank_column(table: Table, name: str, criteria: Any, settings: Any = None) -> Table:
    """Sorts the rows by the criteria and adds their rank.

    The option ``RankKind`` says how equal rows count: they share a rank and leave a gap after
    it (Competition), or leave none (Dense), or every row has a rank of its own (Ordinal).
    """
    given = options(settings, "Table.AddRankColumn", {"RankKind": None})
    kind = enum_member(given["RankKind"], "RankKind", (_COMPETITION, _DENSE, _ORDINAL), _COMPETITION)
    keys = sort_keys(criteria, table.type)
    below, names = table.type, table.names

    def run(batches: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
        from mlang.tables.local import in_batches, take_rows
        from mlang.tables.local_sort import order, tie_test

        columns: list[list[Any]] = [[] for _ in names]
        length = 0
        for batch in batches():
            for store, column in zip(columns, batch.columns, strict=True):
                store.extend(column)
            length += batch.length
        rows = order(keys, below, names, columns, length)
        ranks = _ranks(rows, tie_test(keys, below, names, columns, length), kind)
        yield from in_batches([*take_rows(columns, rows), ranks], length)

    schema = schemas.append(table.type, name, nullable(NUMBER))
    return Table(p.Step(schema, (table.plan,), run, "Table.AddRankColumn", (keys, kind)))


def _ranks(rows: list[int], same: Callable[[int, int], bool], kind: int) -> list[Any]:
    ranks: list[Any] = []
    for position, row in enumerate(rows):
        tied = position > 0 and same(rows[position - 1], row)
        if kind == _ORDINAL or not ranks:
            ranks.append(float(position + 1))
        elif tied:
            ranks.append(ranks[-1])
        else:
            ranks.append(ranks[-1] + 1.0 if kind == _DENSE else float(position + 1))
    return ranks
