"""Reading tables: rows by number and by key, columns as lists, counting, comparing, appending.

These are what the operators of the language do to tables (``t{0}``, ``t{[a = 1]}``,
``t[a]``, ``t[[a], [b]]``, ``t1 & t2``, ``t1 = t2``); library functions use them too.
Nothing here forces a cell that the operation does not ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlang import errors
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.table import Table, run, settled
from mlang.values.lists import LazyList
from mlang.values.thunk import force
from mlang.values.types import ANY, MType, nullable

#: Steps that give as many rows as they read.
_SAME_COUNT = (
    p.Project, p.AddColumn, p.TransformColumns, p.ChangeTypes, p.ReplaceValue, p.AddIndex, p.Retype,
    p.Fill, p.ReplaceErrors, p.Sort, p.Reverse, p.Buffer,
)  # fmt: skip


#: Rows at such places are not looked for one batch after the other.
_FAR = 5000

# ---------------------------------------------------------------- lists that read tables


class TableColumn(LazyList):
    """``t[a]``: the cells of a column; each enumeration runs the table's plan anew (EVL-09)."""

    __slots__ = ("name", "table")

    def __init__(self, table: Table, name: str) -> None:
        self.table, self.name = table, name

    def __iter__(self) -> Iterator[Any]:
        for batch in self.table.batches([self.name]):
            yield from batch.columns[0]

    def count(self) -> int:
        return row_count(self.table)

    def item(self, index: int) -> Any:
        if index < 0:
            raise IndexError(index)
        skipped = 0
        for batch in self.table.batches([self.name], index + 1):
            if index < skipped + batch.length:
                return batch.columns[0][index - skipped]
            skipped += batch.length
        raise IndexError(index)


class TableRecords(LazyList):
    """The rows of a table as records."""

    __slots__ = ("table",)

    def __init__(self, table: Table) -> None:
        self.table = table

    def __iter__(self) -> Iterator[Any]:
        return self.table.records()

    def count(self) -> int:
        return row_count(self.table)

    def item(self, index: int) -> Any:
        record = _row(self.table, index)
        if record is None:
            raise IndexError(index)
        return record


def column(table: Table, name: str) -> Any:
    """``t[a]``, lazily; a missing column raises at once (ERR-14)."""
    place = table.type.index(name)
    plan = in_memory(table.plan)
    return plan.columns[place] if plan is not None else TableColumn(table, name)


def columns(table: Table, names: Sequence[str]) -> list[list[Any]]:
    """The cells of some columns, read at once."""
    gathered: list[list[Any]] = [[] for _ in names]
    for batch in table.batches(list(names)):
        for store, cells in zip(gathered, batch.columns, strict=True):
            store += cells
    return gathered


def read_lists(lists: Sequence[Any]) -> list[list[Any]]:
    """The items of some lists; the columns of one table are read at once."""
    found: list[list[Any]] = [[] for _ in lists]
    tables: dict[int, list[int]] = {}
    for i, part in enumerate(lists):
        if part.__class__ is TableColumn:
            tables.setdefault(id(part.table), []).append(i)
        else:
            found[i] = list(part)
    for places in tables.values():
        names = list(dict.fromkeys(lists[i].name for i in places))
        cells = dict(zip(names, columns(lists[places[0]].table, names), strict=True))
        for i in places:
            found[i] = list(cells[lists[i].name])
    return found


def in_memory(plan: p.Plan) -> p.Values | None:
    """The columns behind a plan that is nothing but rows in memory; else None."""
    while isinstance(plan, p.Buffer) and plan.cell:
        plan = plan.cell[0]
    return plan if isinstance(plan, p.Values) else None


def records_of(table: Table) -> LazyList:
    """The rows as a lazy list of records."""
    return TableRecords(table)


# ---------------------------------------------------------------- rows


def _row(table: Table, index: int) -> dict[str, Any] | None:
    """The row record at an index, or None past the end."""
    if index < 0:
        return None
    plan = in_memory(table.plan)
    if plan is not None:
        if index >= plan.length:
            return None
        return {n: c[index] for n, c in zip(plan.schema.names, plan.columns, strict=True)}
    names = table.names
    skipped = 0
    if index >= _FAR:  # an engine skips rows, where this would read them
        from mlang.tables.asking import rows_of

        chosen = p.Take(table.plan.schema, p.Drop(table.plan.schema, table.plan, index), 1)
        found = rows_of(table, chosen)
        if found is not None:
            return found[0] if found else None
    for batch in table.batches(None, index + 1):
        if index < skipped + batch.length:
            here = index - skipped
            return {n: c[here] for n, c in zip(names, batch.columns, strict=True)}
        skipped += batch.length
    return None


def item(table: Table, index: Any, optional: bool = False) -> dict[str, Any] | None:
    """``t{index}``: the row record at a zero-based index; null past the end when optional, else ERR-17."""
    from mlang.library.arguments import as_count

    record = _row(table, as_count(index, "index"))
    if record is None and not optional:
        raise errors.not_enough_elements(table)
    return record


def select_key(table: Table, key: dict[str, Any], optional: bool = False) -> dict[str, Any] | None:
    """``t{[k = v]}``: the one row whose cells equal the fields of ``key``.

    Only key cells are evaluated; all rows are looked at, because a second match is an
    error (ERR-19).  No match is an error too (ERR-20), or null when optional.
    """
    from mlang.tables.asking import rows_of, with_cells
    from mlang.values.compare import equal

    schema = table.type
    plan = with_cells(table, [key], 2) if all(schema.has(name) for name in key) else None
    rows = None if plan is None else rows_of(table, plan)
    if rows is not None:
        if len(rows) > 1:
            raise errors.key_not_unique(key, table)
        if not rows and not optional:
            raise errors.key_not_found(key, table)
        return rows[0] if rows else None
    places = [(schema.index(name), force(value)) for name, value in key.items()]
    names = schema.names
    found: dict[str, Any] | None = None
    for columns, rows_here in _looked_at(table, places):
        for row in rows_here:
            if all(equal(force(columns[place][row]), value) for place, value in places):
                if found is not None:
                    raise errors.key_not_unique(key, table)
                found = {n: c[row] for n, c in zip(names, columns, strict=True)}
    if found is None and not optional:
        raise errors.key_not_found(key, table)
    return found


def _looked_at(table: Table, places: list[tuple[int, Any]]) -> Iterator[tuple[Any, Sequence[int]]]:
    """Columns and the rows of them that may have the cells of a key, in order."""
    plan = in_memory(table.plan)
    if plan is None or not places:
        yield from ((batch.columns, range(batch.length)) for batch in table.batches())
        return
    from mlang.tables.lookups import rows_with

    yield plan.columns, rows_with(plan, *places[0])


# ---------------------------------------------------------------- counting


def known_count(plan: p.Plan) -> int | None:
    """The number of rows when it follows from the plan without reading any."""
    if isinstance(plan, p.Values):
        return plan.length
    if isinstance(plan, p.Scan):
        return plan.source.row_count()
    if isinstance(plan, p.Buffer) and plan.cell:
        return known_count(plan.cell[0])
    if isinstance(plan, _SAME_COUNT):
        return known_count(plan.input)
    if isinstance(plan, (p.Take, p.TakeLast)) and plan.count is not None:
        below = known_count(plan.input)
        return None if below is None else min(below, plan.count)
    if isinstance(plan, (p.Drop, p.DropLast)) and plan.count is not None:
        below = known_count(plan.input)
        return None if below is None else max(0, below - plan.count)
    if isinstance(plan, p.Append):
        counts = [known_count(part) for part in plan.parts]
        return None if None in counts else sum(c for c in counts if c is not None)
    return None


def row_count(table: Table) -> int:
    """How many rows; no cell is forced for it (EVL-12)."""
    plan = table.plan
    while isinstance(plan, _SAME_COUNT) and not (isinstance(plan, p.Buffer) and not plan.cell):
        if isinstance(plan, p.Buffer):
            plan = plan.cell[0]
        else:
            plan = plan.input
    plan = settled(plan)
    known = known_count(plan)
    if known is not None:
        return known
    return sum(batch.length for batch in run(plan, [], None, table.session))


# ---------------------------------------------------------------- whole tables


def project(table: Table, names: list[str] | tuple[str, ...], optional: bool = False) -> Table:
    """``t[[a], [b]]``; with ``optional`` missing columns are added as nulls."""
    schema = table.type
    columns: list[tuple[str, str | None]] = []
    for name in names:
        if not schema.has(name):
            if not optional:
                raise errors.column_not_found(name)
            columns.append((name, None))
        else:
            columns.append((name, name))
    return Table(p.Project(schemas.projected(schema, columns), table.plan, tuple(columns)))


def concatenate(left: Table, right: Table) -> Table:
    """``t1 & t2``: rows of both under the union of their columns (TBL-93)."""
    return combine([left, right])


def combine(tables: list[Table], schema: Any = None) -> Table:
    """Tables one after the other; the schema is given, or the union in first-seen order."""
    if schema is None:
        schema = combined_schema(tables)
    if len(tables) == 1 and tables[0].names == schema.names:
        return Table(tables[0].plan, type=tables[0].type)
    return Table(p.Append(schema, tuple(t.plan for t in tables)))


def combined_schema(tables: list[Table]) -> Any:
    """Columns in first-seen order; a type stays where all parts agree, and is nullable where one lacks it."""
    order: dict[str, list[MType]] = {}
    for table in tables:
        for name, type in schemas.pairs(table.type):
            order.setdefault(name, []).append(type)
    columns = []
    for name, types in order.items():
        type = schemas.union(types)
        columns.append((name, type if len(types) == len(tables) or type is ANY else nullable(type)))
    return schemas.of_columns(columns)


def equal(left: Table, right: Table) -> bool:
    """``t1 = t2``: the same column names in any order, the same rows in order."""
    from mlang.values import compare

    names = list(left.names)
    if len(names) != len(right.names) or set(names) != set(right.names):
        return False
    if left is right and not names:
        return True
    rows = _rows(left, names)
    others = _rows(right, names)
    end = object()
    for row in rows:
        other = next(others, end)
        if other is end:
            return False
        for a, b in zip(row, other, strict=True):  # type: ignore[call-overload]
            if not compare.equal(force(a), force(b)):
                return False
    return next(others, end) is end


def _rows(table: Table, names: list[str]) -> Iterator[tuple[Any, ...]]:
    for batch in table.batches(names):
        if batch.columns:
            yield from zip(*batch.columns, strict=True)
        else:
            yield from ((),) * batch.length
