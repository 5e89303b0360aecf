"""Questions to a whole table that an engine may answer: list functions of a column, rows that equal a record.

`of_column` and `rows_of` run a plan under `plan.Whole`: an engine that can do all of it in one query
answers; else there is no answer (`NOTHING`), and the caller goes through the rows as it always did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import registry
from mlang.errors import MError
from mlang.library.list.shared import NOTHING
from mlang.tables import matching
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.access import TableColumn, in_memory
from mlang.tables.table import Table, run
from mlang.values.functions import Function, Param, Spec, bind
from mlang.values.lists import Deferred, forced
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import ANY


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


def _of(name: str, column: str, arguments: tuple[Any, ...] = ()) -> Function:
    """The function of a table that is a list function of one of its columns (and other arguments)."""
    called = [registry.value_of(part).fn for part in reversed(name.rstrip(")").split("("))]

    def function(table: Table) -> Any:
        found: Any = TableColumn(table, column)
        for call in called:
            found = call(found, *arguments)
        return found

    return Function(function, 1, 1, Spec((Param("_"),), name="column", document=(name, column, *arguments)))


def of_column(items: Any, name: str, *arguments: Any) -> Any:
    """A list function of a table's column, by the engine; `NOTHING` when it has no answer."""
    items = _table_column(items)
    if items is None:
        return NOTHING
    table, column = items.table, items.name
    function = _of(name, column, arguments)
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


def distinct_column(items: Any, comparer: Any = None) -> Any:
    """The different cells of a table's column (for a comparer), as a column again; `NOTHING` when it is not that."""
    columns = () if comparer is None else ((getattr(items, "name", ""), comparer),)
    return column_of(items, lambda plan: p.Distinct(plan.schema, plan, columns))


def sorted_column(items: Any, criterion: Any) -> Any:
    """The sorted cells of a table's column, as a column again; `NOTHING` for criteria other than an order."""
    order = strip(force(criterion))
    if order is not None and (order.__class__ is not float or order not in (0.0, 1.0)):
        return NOTHING
    descending = order == 1.0

    def step(plan: p.Plan) -> p.Plan:
        return p.Sort(plan.schema, plan, (p.SortKey(plan.schema.names[0], descending=descending),))

    column = column_of(items, step)
    return NOTHING if column is NOTHING else KeptColumn(column, items)


def transformed_column(items: Any, function: Function) -> Any:
    """The results of a function for the cells of a table's column, as a column again."""
    if function.spec is None or (function.spec.node is None and function.spec.builtin is None):
        return NOTHING

    def step(plan: p.Plan) -> p.Plan:
        name = plan.schema.names[0]
        return p.TransformColumns(schemas.of_columns([(name, ANY)]), plan, ((name, function),))

    return column_of(items, step)


def present_column(items: Any) -> Any:
    """The cells of a table's column that are not null, as a column again."""

    def step(plan: p.Plan) -> p.Plan:
        name = plan.schema.names[0]
        document = ((name,), False, ("matches", (((name, None, None),),), False))
        spec = Spec((Param("row"),), name="row", document=document)
        test = Function(lambda row: strip(force(row[name])) is not None, 1, 1, spec)
        return p.SelectRows(schemas.unkeyed(plan.schema), plan, test)

    return column_of(items, step)


def chosen_column(items: Any, condition: Function) -> Any:
    """The cells of a table's column for which a condition holds, as a column again."""
    if condition.spec is None or (condition.spec.node is None and condition.spec.builtin is None):
        return NOTHING

    def step(plan: p.Plan) -> p.Plan:
        name, call = plan.schema.names[0], bind(condition, 1)
        spec = Spec((Param("row"),), name="row", document=((name,), False, ("cell", name, condition)))
        return p.SelectRows(
            schemas.unkeyed(plan.schema), plan, Function(lambda row: call(force(row[name])), 1, 1, spec)
        )

    return column_of(items, step)


class KeptColumn(Deferred):
    """A column of a table whose cells are computed at most once: sorted, turned round."""

    __slots__ = ("column",)

    def __init__(self, column: TableColumn, looked_at: Any = ()) -> None:
        """``looked_at`` are cells that M looks at one by one before: their first error is raised."""
        super().__init__(lambda: _computed(column, looked_at), column.count)
        self.column = column


def _computed(column: TableColumn, looked_at: Any) -> list[Any]:
    try:
        return list(column)
    except MError:
        for _ in forced(looked_at):
            pass
        raise


def _table_column(items: Any) -> Any:
    """The column of a table that a list is; None for other lists."""
    if items.__class__ is KeptColumn:
        items = items.column
    return items if items.__class__ is TableColumn and _answers(items.table) else None


def column_of(items: Any, step: Callable[[p.Plan], p.Plan], kept: bool = False) -> Any:
    """The column that a step makes of a table's column, where an engine may do it; else `NOTHING`."""
    items = _table_column(items)
    if items is None:
        return NOTHING
    table = items.table
    chosen = ((items.name, items.name),)
    made = Table(step(p.Project(schemas.projected(table.type, chosen), table.plan, chosen)))
    made.session = table.session
    column = TableColumn(made, items.name)
    return KeptColumn(column) if kept else column


def with_cells(table: Table, rows: list[dict[str, Any]], most: int | None = None) -> p.Plan | None:
    """The rows of a table that equal one of some records in the records' fields, as a plan; None when it
    does not pay, or a field is no column or no plain value."""
    if not rows or len(rows) > matching.MOST or not _answers(table):
        return None
    wanted: list[Any] = []
    for row in rows:
        cells = matching.wanted_cells(table.type, [row], tuple((name, None) for name in row))
        if not cells:
            return None
        wanted.extend(cells)

    def test(row: dict[str, Any]) -> bool:
        from mlang.values.compare import equal

        return any(all(equal(force(row[n]), v) for n, _, v in cells) for cells in wanted)

    parts = tuple((name, None) for cells in wanted for name, _, _ in cells)
    same = matching.condition(test, table.type, parts, tuple(wanted))
    plan: p.Plan = p.SelectRows(schemas.unkeyed(table.type), table.plan, same)
    return plan if most is None else p.Take(plan.schema, plan, most)


def places_of(table: Table, same: Function, most: int | None = None) -> list[float] | None:
    """The numbers of the rows for which a condition holds: the first or last (``most`` 1 or -1), or all, by the
    engine; None when it has no answer."""
    if not _answers(table) or not matching.is_known(same):
        return None
    place = "\0place"
    counted = p.AddIndex(schemas.append(table.type, place), table.plan, place, 0.0, 1.0)
    plan: p.Plan = p.SelectRows(counted.schema, counted, same)
    if most is not None:
        plan = (p.Take if most > 0 else p.TakeLast)(plan.schema, plan, 1)
    found = rows_of(table, plan, (place,))
    return None if found is None else [float(force(row[place])) for row in found]


def any_row(table: Table, predicate: Function) -> bool | None:
    """Whether a condition holds for some row, by the engine; None when it has no answer."""
    if not _answers(table) or not table.names:
        return None
    plan = p.Take(table.type, p.SelectRows(table.type, table.plan, predicate), 1)
    found = rows_of(table, plan, table.names[:1])
    return None if found is None else bool(found)


def repeats(table: Table, columns: tuple[tuple[str, Any], ...]) -> bool | None:
    """Whether two rows agree in some columns (for a comparer), by the engine; None when it has no answer."""
    comparers = [comparer for _, comparer in columns]
    if not columns or not _answers(table) or any(c is not comparers[0] for c in comparers):
        return None
    names, number = tuple(dict.fromkeys(name for name, _ in columns)), "\0number"
    typed = [(name, schemas.column_type(table.type, name)) for name in names]
    schema = schemas.of_columns([*typed, (number, ANY)])
    rows = p.Aggregate(number, registry.value_of("Table.RowCount"))
    groups = p.Group(schema, table.plan, names, (rows,), False, comparers[0])
    more = matching.of_row(lambda row: bool(force(row[number]) > 1), (number,), ("above", number, 1.0))
    found = rows_of(table, p.Take(schema, p.SelectRows(schema, groups, more), 1), (number,))
    return None if found is None else bool(found)


def rows_of(table: Table, plan: p.Plan, names: tuple[str, ...] | None = None) -> list[dict[str, Any]] | None:
    """The rows of a plan over the table, by the engine; None when it has no answer."""
    names = plan.schema.names if names is None else names
    chosen = tuple((name, name) for name in names)
    found = _asked(table, p.Project(schemas.projected(plan.schema, chosen), plan, chosen))
    if found is None:
        return None
    return [dict(zip(names, row, strict=True)) for row in zip(*found, strict=True)]


def in_column(items: Any, value: Any, comparer: Any = None) -> Any:
    """Whether a table's column has a value (for a comparer), by the engine; `NOTHING` when it has no answer."""
    if items.__class__ is not TableColumn:
        return NOTHING
    table, parts = items.table, ((items.name, comparer),)
    wanted = matching.wanted_cells(table.type, [{items.name: value}], parts)
    if wanted is None:
        return NOTHING
    from mlang.library.comparer import criteria

    rule = criteria(comparer)
    same = matching.condition(
        lambda row: rule.equal(strip(force(row[items.name])), strip(value)), table.type, parts, wanted
    )
    found = any_row(table, same)
    return NOTHING if found is None else found
