"""Information about tables: counting, schema and profile."""

from __future__ import annotations

from typing import Any

from mlang import errors, registry
from mlang.library.table.criteria import function_of, items
from mlang.registry import builtin
from mlang.tables import access
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.describe import schema_table
from mlang.tables.table import Table, from_columns, views_exist
from mlang.values.functions import Function, bind
from mlang.values.lists import forced
from mlang.values.metadata import strip
from mlang.values.types import ANY, INT64, NUMBER, TEXT, MType, nullable


@builtin("Table.RowCount(table as table) as number")
def row_count(table: Table) -> float:
    """How many rows a table has; no cell is evaluated for it."""
    return float(access.row_count(table))


@builtin("Table.ApproximateRowCount(table as table) as number")
def approximate_row_count(table: Table) -> Any:
    """How many rows a table has, roughly; exactly unless a view's ``OnInvoke`` says something else."""
    if views_exist():
        from mlang.tables.view import handled, invoked

        answer = invoked(registry.value_of("Table.ApproximateRowCount"), [table])
        if handled(answer):
            return answer
    return float(access.row_count(table))


@builtin("Table.IsEmpty(table as table) as logical")
def is_empty(table: Table) -> bool:
    """Says whether a table has no rows."""
    return not any(batch.length for batch in table.batches([], 1))


@builtin("Table.StopFolding(table as table) as table")
def stop_folding(table: Table) -> Table:
    """The same rows, but steps that follow are not passed on to the source."""
    return Table(p.Step(table.type, (table.plan,), lambda batches: batches(), "Table.StopFolding"))


# ---------------------------------------------------------------- schema


@builtin("Table.Schema(table as table) as table")
def schema(table: Table) -> Table:
    """A row of facts about each column: name, position, type and what the source says of it."""
    return schema_table(table.type)


# ---------------------------------------------------------------- profile

_ORDERED = frozenset({"number", "text", "date", "time", "datetime", "datetimezone", "duration", "logical"})
_AVERAGED = frozenset({"number", "date", "time", "datetime", "datetimezone", "duration"})
#: Columns that are read from the table together.
_AT_ONCE = 64
_PROFILE = ("Column", "Min", "Max", "Average", "StandardDeviation", "Count", "NullCount", "DistinctCount")


@builtin("Table.Profile(table as table, optional additionalAggregates as nullable list) as table")
def profile(table: Table, additional: Any = None) -> Table:
    """A row of statistics for each column, as far as its type allows.

    An additional aggregate is a name, a test of the column type, and a function of the list of cells.
    """
    extra = [_aggregate(part) for part in items(additional)] if additional is not None else []
    pairs = schemas.pairs(table.type)
    answers = {name: _answered(table, name, type) for name, type in pairs} if not extra else {}
    done = {name: row for name, row in answers.items() if row is not None}
    pairs = [pair for pair in pairs if pair[0] not in done]
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start : start + _AT_ONCE]
        for (name, type), cells in zip(some, access.columns(table, [n for n, _ in some]), strict=True):
            done[name] = _profiled(cells, name, type, extra)
    rows = [done[name] for name in table.type.names]
    names = [*_PROFILE, *(name for name, _, _ in extra)]
    schemas.unique(names)
    types: list[MType] = [TEXT, *[ANY] * 3, nullable(NUMBER), *[nullable(INT64)] * 3, *[ANY] * len(extra)]
    types[3] = ANY
    return from_columns(names, [[row[n] for row in rows] for n in names], types)


#: What an engine is asked for, by the kind of a column.
_ASKED: dict[str, tuple[str, ...]] = {
    "number": ("Min", "Max", "Average", "StandardDeviation"), "text": ("Min", "Max"), "logical": ("Min", "Max"),
}  # fmt: skip


def _answered(table: Table, name: str, type: MType) -> dict[str, Any] | None:
    """The statistics of a column by an engine; None when it has no answer."""
    from mlang.tables.asking import profile_of

    if type.kind not in _ASKED:
        return None
    asked = _ASKED[type.kind]
    found = profile_of(table, name, tuple(f"List.{title}" for title in asked))
    if found is None:
        return None
    count, present, different = found[len(asked) :]
    row: dict[str, Any] = {**dict.fromkeys(_PROFILE), **dict(zip(asked, found, strict=False))}
    row.update(Column=name, Count=count, NullCount=count - present, DistinctCount=different)
    return row


def _aggregate(part: Any) -> tuple[str, Function, Function]:
    row = items(part)
    if len(row) != 3 or row[0].__class__ is not str:
        raise errors.bad_pairs(part, "additionalAggregates")
    return row[0], function_of(row[1]), function_of(row[2])


def _profiled(
    column: list[Any], name: str, type: MType, extra: list[tuple[str, Function, Function]]
) -> dict[str, Any]:
    cells = [strip(cell) for cell in forced(column)]
    values = [cell for cell in cells if cell is not None]
    row: dict[str, Any] = dict.fromkeys(_PROFILE)
    row.update(Column=name, Count=float(len(cells)), NullCount=float(len(cells) - len(values)))
    if type.kind in _ORDERED:
        row["Min"], row["Max"] = _call("List.Min", values), _call("List.Max", values)
        row["DistinctCount"] = float(len(list(_call("List.Distinct", cells))))
    if type.kind in _AVERAGED:
        row["Average"] = _call("List.Average", values)
    if type.kind == "number":
        row["StandardDeviation"] = _call("List.StandardDeviation", values)
    for title, applies, function in extra:
        row[title] = bind(function, 1)(cells) if bind(applies, 1)(type) is True else None
    return row


def _call(name: str, values: list[Any]) -> Any:
    return registry.value_of(name).fn(values)
