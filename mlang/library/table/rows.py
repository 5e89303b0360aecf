"""Row operations: choosing by position or condition, inserting, replacing, repeating, combining."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from mlang import errors
from mlang.library.arguments import as_count, of_kind
from mlang.library.table.criteria import count_or_condition, known_columns
from mlang.registry import builtin
from mlang.tables import access
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables.flow import Batch
from mlang.tables.matching import of_row
from mlang.tables.table import Table
from mlang.values.functions import Function, bind
from mlang.values.kinds import kind_of
from mlang.values.lists import LazyList
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import TableType


def _same(table: Table, node: p.Plan) -> Table:
    """A table of fewer or rearranged rows; a new value, so metadata does not go with it (OP-81)."""
    return Table(node)


# ---------------------------------------------------------------- by condition


@builtin("Table.SelectRows(table as table, condition as function) as table")
def select_rows(table: Table, condition: Function) -> Table:
    """Keeps the rows for which a condition is true; null does not select."""
    return _same(table, p.SelectRows(table.type, table.plan, condition))


@builtin("Table.SelectRowsWithErrors(table as table, optional columns as nullable list) as table")
def select_rows_with_errors(table: Table, columns: Any = None) -> Table:
    """Keeps the rows that have an error in one of the columns (all unless named)."""
    return _error_rows(table, columns, True)


@builtin("Table.RemoveRowsWithErrors(table as table, optional columns as nullable list) as table")
def remove_rows_with_errors(table: Table, columns: Any = None) -> Table:
    """Removes the rows that have an error in one of the columns (all unless named)."""
    return _error_rows(table, columns, False)


def _error_rows(table: Table, columns: Any, keep: bool) -> Table:
    names = table.names if columns is None else tuple(known_columns(columns, table.type))
    return _same(table, p.ErrorRows(table.type, table.plan, names, keep))


def holding(table: Table, condition: Function) -> Iterator[bool]:
    """A row condition's answers, row by row."""
    from mlang.tables.local import RowFunction
    from mlang.tables.local_columns import as_condition

    function = RowFunction(condition, table.plan.schema)
    for batch in table.batches(list(function.reads)):
        for value in function.each(batch.columns, batch.length):
            yield as_condition(value)


@builtin("Table.MatchesAllRows(table as table, condition as function) as logical")
def matches_all_rows(table: Table, condition: Function) -> bool:
    """Says whether a condition holds for every row."""
    from mlang.tables.asking import any_row
    from mlang.tables.local_columns import as_condition

    call = bind(condition, 1)
    fails = of_row(lambda row: not as_condition(call(row)), table.names, ("fails", condition))
    found = any_row(table, fails)
    return all(holding(table, condition)) if found is None else not found


@builtin("Table.MatchesAnyRows(table as table, condition as function) as logical")
def matches_any_rows(table: Table, condition: Function) -> bool:
    """Says whether a condition holds for some row."""
    from mlang.tables.asking import any_row

    found = any_row(table, condition)
    return any(holding(table, condition)) if found is None else found


@builtin("Table.FindText(table as table, text as text) as table")
def find_text(table: Table, text: str) -> Table:
    """Keeps the rows in which some text cell contains the given text, in the same case."""

    def contains(row: dict[str, Any]) -> bool:
        cells = (strip(force(cell)) for cell in row.values())
        return any(cell.__class__ is str and text in cell for cell in cells)

    found = of_row(contains, table.names, ("has text", text))
    return _same(table, p.SelectRows(table.type, table.plan, found, "Table.FindText"))


# ---------------------------------------------------------------- from the ends


@builtin("Table.FirstN(table as table, countOrCondition as any) as table")
def first_n(table: Table, count: Any) -> Table:
    """The first rows: so many, or as long as a condition holds."""
    return _same(table, p.Take(table.type, table.plan, *count_or_condition(count)))


@builtin("Table.Skip(table as table, optional countOrCondition as any) as table")
def skip(table: Table, count: Any = None) -> Table:
    """All rows but the first ones: so many (1 unless told), or as long as a condition holds."""
    return _same(table, p.Drop(table.type, table.plan, *count_or_condition(count, 1)))


@builtin("Table.RemoveFirstN(table as table, optional countOrCondition as any) as table")
def remove_first_n(table: Table, count: Any = None) -> Table:
    """All rows but the first ones: so many (1 unless told), or as long as a condition holds."""
    return _same(table, p.Drop(table.type, table.plan, *count_or_condition(count, 1)))


@builtin("Table.LastN(table as table, countOrCondition as any) as table")
def last_n(table: Table, count: Any) -> Table:
    """The last rows: so many, or the run at the end for which a condition holds."""
    return _same(table, p.TakeLast(table.type, table.plan, *count_or_condition(count)))


@builtin("Table.RemoveLastN(table as table, optional countOrCondition as any) as table")
def remove_last_n(table: Table, count: Any = None) -> Table:
    """All rows but the last ones: so many (1 unless told), or the run at the end that meets a condition."""
    return _same(table, p.DropLast(table.type, table.plan, *count_or_condition(count, 1)))


@builtin("Table.First(table as table, optional default as any) as any", raw=True)
def first(table: Table, default: Any = None) -> Any:
    """The first row as a record, or the default (null) when there is none."""
    record = access.item(strip(table), 0.0, True)
    return default if record is None else record


@builtin("Table.Last(table as table, optional default as any) as any", raw=True)
def last(table: Table, default: Any = None) -> Any:
    """The last row as a record, or the default (null) when there is none."""
    table = strip(table)
    record = access.item(Table(p.TakeLast(table.type, table.plan, 1)), 0.0, True)
    return default if record is None else record


@builtin("Table.FirstValue(table as table, optional default as any) as any", raw=True)
def first_value(table: Table, default: Any = None) -> Any:
    """The first cell of the first row, or the default (null) when there is none."""
    table = strip(table)
    if not table.names:
        return default
    for batch in table.batches([table.names[0]], 1):
        if batch.length:
            return force(batch.columns[0][0])
    return default


@builtin("Table.SingleRow(table as table) as record")
def single_row(table: Table) -> dict[str, Any]:
    """The row of a table that has exactly one; any other number is an error."""
    rows = list(Table(p.Take(table.type, table.plan, 2)).records())
    if not rows:
        raise errors.not_enough_elements([])
    if len(rows) > 1:
        raise errors.too_many_elements(list(table.records()))
    return rows[0]


# ---------------------------------------------------------------- by position


@builtin("Table.Range(table as table, offset as number, optional count as nullable number) as table")
def range_of(table: Table, offset: Any, count: Any = None) -> Table:
    """The rows from an offset on, all or so many."""
    rest: p.Plan = p.Drop(table.type, table.plan, as_count(offset, "offset"))
    if count is not None:
        rest = p.Take(table.type, rest, as_count(count, "count"))
    return _same(table, rest)


@builtin("Table.RemoveRows(table as table, offset as number, optional count as nullable number) as table")
def remove_rows(table: Table, offset: Any, count: Any = None) -> Table:
    """Removes rows from an offset on: so many, or one."""
    start = as_count(offset, "offset")
    return _spliced(table, start, 1 if count is None else as_count(count, "count"), [], "Table.RemoveRows")


@builtin("Table.InsertRows(table as table, offset as number, rows as list) as table")
def insert_rows(table: Table, offset: Any, rows: Any) -> Table:
    """Inserts row records before the row at an offset."""
    return _spliced(table, as_count(offset, "offset"), 0, cells_of(table.type, rows), "Table.InsertRows")


@builtin("Table.ReplaceRows(table as table, offset as number, count as number, rows as list) as table")
def replace_rows(table: Table, offset: Any, count: Any, rows: Any) -> Table:
    """Replaces so many rows from an offset on by row records."""
    start, gone = as_count(offset, "offset"), as_count(count, "count")
    return _spliced(table, start, gone, cells_of(table.type, rows), "Table.ReplaceRows")


def cells_of(schema: TableType, rows: Any) -> list[list[Any]]:
    """Row records as cells in column order; the fields must be the columns."""
    return [record_cells(schema, of_kind(row, "record")) for row in rows]


def record_cells(schema: TableType, record: dict[str, Any]) -> list[Any]:
    """One row record as cells in column order."""
    names = schema.names
    for name in names:
        if name not in record:
            raise errors.field_not_found(name, record)
    for name in record:
        schema.index(name)
    return [record[name] for name in names]


def _spliced(table: Table, offset: int, gone: int, rows: list[list[Any]], step: str) -> Table:
    """Rows cut out at an offset and others put in, in one pass."""
    cells = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in table.names]
    added = Batch(cells, len(rows))

    def run(batches: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
        position, inserted = 0, False
        for batch in batches():
            end = position + batch.length
            head = max(0, min(batch.length, offset - position))
            tail = max(0, min(batch.length, offset + gone - position))
            parts: list[Batch] = []
            if head:
                parts.append(Batch([c[:head] for c in batch.columns], head))
            if not inserted and end >= offset:
                inserted = True
                if added.length:
                    parts.append(added)
            if tail < batch.length:
                parts.append(Batch([c[tail:] for c in batch.columns], batch.length - tail))
            yield from _together(parts)
            position = end
        if not inserted:
            if offset > position and added.length:
                raise errors.argument_out_of_range("offset", float(offset))
            if added.length:
                yield added

    schema = schemas.unkeyed(table.type) if rows else table.type
    recipe = (offset, gone) if step == "Table.RemoveRows" else (offset, gone, cells, len(rows))
    return _same(table, p.Step(schema, (table.plan,), run, step, recipe))


def _together(parts: list[Batch]) -> list[Batch]:
    """Small pieces of plain cells as one batch, so that rows inserted one by one do not make a batch each."""
    length = sum(part.length for part in parts)
    if len(parts) < 2 or length > _SMALL:
        return parts
    if any(column.__class__ is not list for part in parts for column in part.columns):
        return parts
    columns = [
        list(chain.from_iterable(cells)) for cells in zip(*(part.columns for part in parts), strict=True)
    ]
    return [Batch(columns, length)]


#: Up to so many rows are copied to make one batch of several.
_SMALL = 4096


@builtin("Table.AlternateRows(table as table, offset as number, skip as number, take as number) as table")
def alternate_rows(table: Table, offset: Any, skipped: Any, taken: Any) -> Table:
    """Keeps the first rows up to an offset, then in turn removes and keeps so many."""
    start, gap, length = as_count(offset, "offset"), as_count(skipped, "skip"), as_count(taken, "take")
    cycle = gap + length

    def keeps(i: int) -> bool:
        return i < start or cycle == 0 or (i - start) % cycle >= gap

    def run(batches: Callable[[], Iterator[Batch]]) -> Iterator[Batch]:
        position = 0
        for batch in batches():
            kept = [i for i in range(batch.length) if keeps(position + i)]
            if kept:
                yield Batch([[c[i] for i in kept] for c in batch.columns], len(kept))
            position += batch.length

    return _same(table, p.Step(table.type, (table.plan,), run, "Table.AlternateRows", (start, gap, length)))


@builtin("Table.Repeat(table as table, count as number) as table")
def repeat(table: Table, count: Any) -> Table:
    """The rows of a table so many times, one after the other."""
    times, schema = as_count(count, "count"), schemas.unkeyed(table.type)
    if times > _WRITTEN_OUT:
        return _same(table, p.Rows(schema, lambda: _repeated(table, times), "Table.Repeat"))
    return _same(table, p.Append(schema, (table.plan,) * times))


#: A plan names every copy up to so many; more are read again and again.
_WRITTEN_OUT = 1000


def _repeated(table: Table, times: int) -> Iterator[Any]:
    for _ in range(times):
        found = False
        for row in table.rows():
            found = True
            yield row
        if not found:
            return


@builtin("Table.ReverseRows(table as table) as table")
def reverse_rows(table: Table) -> Table:
    """The rows from the last to the first."""
    return _same(table, p.Reverse(table.type, table.plan))


# ---------------------------------------------------------------- several tables


@builtin("Table.Combine(tables as list, optional columns as any) as table")
def combine(tables: Any, columns: Any = None) -> Table:
    """The rows of several tables under the union of their columns, missing cells null.

    ``columns`` names the wanted columns, or gives the table type of the result.
    """
    parts: list[Table] = [of_kind(part, "table") for part in tables]
    if columns is None:
        if not parts:
            return Table(p.Values(access.combined_schema([]), [], 0))
        return access.combine(parts)
    schema = _combined_type(parts, columns)
    return Table(p.Append(schema, tuple(part.plan for part in parts)))


def _combined_type(parts: list[Table], columns: Any) -> TableType:
    from mlang.library.arguments import texts
    from mlang.values.types import ANY, non_nullable

    if kind_of(columns) == "type":
        given = non_nullable(columns)
        if not isinstance(given, TableType):
            raise errors.cannot_convert(columns, "List")
        return given
    names = texts(columns)
    schemas.unique(names)
    union = access.combined_schema(parts)
    return schemas.of_columns([(n, schemas.column_type(union, n) if union.has(n) else ANY) for n in names])


class Pages(LazyList):
    """A table cut into tables of so many rows."""

    __slots__ = ("size", "table")

    def __init__(self, table: Table, size: int) -> None:
        self.table, self.size = table, size

    def __iter__(self) -> Iterator[Any]:
        schema, size = self.table.type, self.size
        held: list[list[Any]] = [[] for _ in schema.names]
        length = 0
        for batch in self.table.batches():
            for store, column in zip(held, batch.columns, strict=True):
                store.extend(column)
            length += batch.length
            start = 0
            while length - start >= size:
                yield Table(p.Values(schema, [c[start : start + size] for c in held], size))
                start += size
            held, length = [c[start:] for c in held], length - start
        if length:
            yield Table(p.Values(schema, held, length))

    def count(self) -> int:
        return -(-access.row_count(self.table) // self.size)


@builtin("Table.Split(table as table, pageSize as number) as list")
def split(table: Table, page_size: Any) -> LazyList:
    """Cuts a table into a list of tables of so many rows each."""
    size = as_count(page_size, "pageSize")
    if size == 0:
        raise errors.argument_out_of_range("pageSize", page_size)
    return Pages(table, size)


@builtin("Table.SplitAt(table as table, count as number) as list")
def split_at(table: Table, count: Any) -> list[Any]:
    """Two tables: the first rows, and the others."""
    number = as_count(count, "count")
    return [
        _same(table, p.Take(table.type, table.plan, number)),
        _same(table, p.Drop(table.type, table.plan, number)),
    ]


@builtin("Table.Partition(table as table, column as text, groups as number, hash as function) as list")
def partition(table: Table, column: str, groups: Any, hash_function: Function) -> list[Any]:
    """Deals the rows out into so many tables, by a hash of a column modulo their number."""
    from mlang.values.functions import bind
    from mlang.values.thunk import Thunk

    place, number = table.type.index(column), as_count(groups, "groups")
    if number == 0:
        raise errors.argument_out_of_range("groups", groups)
    call = bind(hash_function, 1)

    def deal() -> list[Table]:
        buckets: list[list[tuple[Any, ...]]] = [[] for _ in range(number)]
        for row in table.rows():
            value = of_kind(call(force(row[place])), "number")
            buckets[int(value % number)].append(row)
        return [_of_rows(table.type, rows) for rows in buckets]

    dealt = Thunk(deal)
    return [Thunk(_at(dealt, i)) for i in range(number)]


def _at(dealt: Any, i: int) -> Callable[[], Table]:
    return lambda: dealt.get()[i]


def _of_rows(schema: TableType, rows: list[tuple[Any, ...]]) -> Table:
    columns = [list(c) for c in zip(*rows, strict=True)] if rows else [[] for _ in schema.names]
    return Table(p.Values(schema, columns, len(rows)))


# ---------------------------------------------------------------- buffers


@builtin("Table.Buffer(table as table, optional options as nullable record) as table")
def buffer(table: Table, settings: Any = None) -> Table:
    """Reads a table into memory, so that it does not change while it is read again.

    Tables, lists and records inside cells stay as they are.  The option ``BufferMode``
    says whether that happens now (``BufferMode.Eager``) or when it is first read.
    """
    from mlang.library.arguments import enum_member, options
    from mlang.tables.local_rows import buffered, left_to_engine

    given = options(settings, "Table.Buffer", {"BufferMode": None})
    mode = enum_member(given["BufferMode"], "BufferMode", (1, 2), 1)
    node = p.Buffer(table.type, table.plan, delayed=mode == 2)
    if mode == 1 and not left_to_engine(node):
        buffered(node)
    return _same(table, node)
