"""Questions to a whole table that an engine may answer: list functions of a column, rows that equal a record.

`of_column` and `rows_of` run a plan under `plan.Whole`: an engine that can do all of it in one query
answers; else there is no answer (`NOTHING`), and the caller goes through the rows as it always did.
"""

from __future__ import annotations

from typing import Any

from mlang import registry
from mlang.errors import MError
from mlang.library.list.shared import NOTHING
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.access import TableColumn, in_memory
from mlang.tables.table import Table, run
from mlang.values.functions import Function, Param, Spec
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, force
from mlang.values.types import ANY

#: Kinds that a condition may name.
_PLAIN = frozenset({"null", "number", "text", "logical", "date", "time", "datetime", "duration"})


def _answers(table: Table) -> bool:
    """Whether it pays to ask: the data is not in memory, and somebody else than the interpreter may answer."""
    return table.session.runner is not None and (
        in_memory(table.plan) is None or table.session.engine == "duckdb"
    )


def _asked(table: Table, plan: p.Plan) -> list[list[Any]] | None:
    """The columns of the answer; None when there is none."""
    found: list[list[Any]] = [[] for _ in plan.schema.names]
    answered = False
    for batch in run(p.Whole(plan.schema, plan), None, None, table.session):
        answered = True
        for store, cells in zip(found, batch.columns, strict=True):
            store.extend(cells)
    return found if answered else None


def _of(name: str, column: str) -> Function:
    """The function of a table that is a list function of one of its columns."""
    called = [registry.value_of(part).fn for part in reversed(name.rstrip(")").split("("))]

    def function(table: Table) -> Any:
        found: Any = TableColumn(table, column)
        for call in called:
            found = call(found)
        return found

    return Function(function, 1, 1, Spec((Param("_"),), name="column", document=(name, column)))


def of_column(items: Any, name: str) -> Any:
    """A list function of a table's column, by the engine; `NOTHING` when it has no answer."""
    if items.__class__ is not TableColumn or not _answers(items.table):
        return NOTHING
    table, column = items.table, items.name
    function = _of(name, column)
    schema = schemas.of_columns([("x", ANY)])
    chosen = ((column, column),)
    plan = p.Project(schemas.projected(table.type, chosen), table.plan, chosen)
    found = _asked(table, p.Group(schema, plan, (), (p.Aggregate("x", function),)))
    if not found or not found[0]:
        return NOTHING
    try:
        return force(found[0][0])
    except MError:
        return NOTHING  # the error is for the function itself to raise


#: How many different values a column has; an engine's name for it (`folding/aggregates.py`).
_DISTINCT = "List.Count(List.Distinct)"


def profile_of(table: Table, column: str, names: tuple[str, ...]) -> list[Any] | None:
    """Some list functions of a column, then how many cells, cells that are not null, and different cells it has,
    by the engine in one query; None when it has no answer."""
    if not _answers(table):
        return None
    asked = (*names, "List.Count", "List.NonNullCount", _DISTINCT)
    titles = [f"x{i}" for i in range(len(asked))]
    aggregates = []
    for title, name in zip(titles, asked, strict=True):
        aggregates.append(p.Aggregate(title, _of(name, column)))
    chosen = ((column, column),)
    plan = p.Project(schemas.projected(table.type, chosen), table.plan, chosen)
    schema = schemas.of_columns([(title, ANY) for title in titles])
    found = _asked(table, p.Group(schema, plan, (), tuple(aggregates)))
    if not found or not found[0]:
        return None
    try:
        return [force(cells[0]) for cells in found]
    except MError:
        return None  # the error is for the interpreter to raise


def distinct_column(items: Any) -> Any:
    """The different cells of a table's column, as a column again; `NOTHING` when it is not that."""
    if items.__class__ is not TableColumn or not _answers(items.table):
        return NOTHING
    table = items.table
    chosen = ((items.name, items.name),)
    plan = p.Project(schemas.projected(table.type, chosen), table.plan, chosen)
    made = Table(p.Distinct(plan.schema, plan))
    made.session = table.session
    return TableColumn(made, items.name)


def with_cells(table: Table, rows: list[dict[str, Any]], most: int | None = None) -> p.Plan | None:
    """The rows of a table that equal one of some records in the records' fields, as a plan; None when it
    does not pay, or a field is no column or no plain value."""
    if not rows or len(rows) > 100 or not _answers(table):
        return None
    wanted = []
    for row in rows:
        cells = {}
        for name, cell in row.items():
            if cell.__class__ is Thunk:
                try:
                    cell = cell.get()
                except MError:
                    return None
            value = strip(cell)
            if not table.type.has(name) or kind_of(value) not in _PLAIN:
                return None
            cells[name] = value
        if not cells:
            return None
        wanted.append(cells)

    def test(row: dict[str, Any]) -> bool:
        from mlang.values.compare import equal

        return any(all(equal(force(row[n]), v) for n, v in cells.items()) for cells in wanted)

    reads = tuple(dict.fromkeys(n for cells in wanted for n in cells))
    spec = Spec((Param("row"),), name="row", document=(reads, False, ("equals", tuple(wanted))))
    plan: p.Plan = p.SelectRows(schemas.unkeyed(table.type), table.plan, Function(test, 1, 1, spec))
    return plan if most is None else p.Take(plan.schema, plan, most)


def rows_of(table: Table, plan: p.Plan, names: tuple[str, ...] | None = None) -> list[dict[str, Any]] | None:
    """The rows of a plan over the table, by the engine; None when it has no answer."""
    names = plan.schema.names if names is None else names
    chosen = tuple((name, name) for name in names)
    found = _asked(table, p.Project(schemas.projected(plan.schema, chosen), plan, chosen))
    if found is None:
        return None
    return [dict(zip(names, row, strict=True)) for row in zip(*found, strict=True)]


def in_column(items: Any, value: Any) -> Any:
    """Whether a table's column has a value, by the engine; `NOTHING` when it has no answer."""
    if items.__class__ is not TableColumn:
        return NOTHING
    plan = with_cells(items.table, [{items.name: value}], 1)
    found = None if plan is None else rows_of(items.table, plan, (items.name,))
    return NOTHING if found is None else bool(found)
