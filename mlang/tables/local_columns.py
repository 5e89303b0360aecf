"""Runs the steps that work column by column: choosing, adding, converting, replacing, filling.

All keep the number and order of rows, so a limit passes through them.  A cell that
fails becomes a failed thunk; a cell that is still delayed is wrapped, not forced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlang import errors
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.tables.batches import choosing, of, parts_of
from mlang.tables.cell_functions import CellLoop, as_row_function, columnar_cell
from mlang.tables.column import Column
from mlang.tables.convert_columns import ByText, column_converter, typed_converter
from mlang.tables.flow import Batch
from mlang.tables.local import (
    WRAPPED,
    Columns,
    RowFunction,
    execute,
    is_null,
    merged,
    picker,
    runs,
    waiting,
)
from mlang.tables.vector import vector_column
from mlang.values.functions import Function, bind
from mlang.values.thunk import Thunk, force

#: Library families whose functions are pure and end: they run at once instead of in a thunk.
_EAGER = frozenset(
    [
        *("text", "character", "guid", "logical", "date", "datetime", "datetimezone", "time", "duration"),
        *("number", "byte", "int8", "int16", "int32", "int64"),
        *("single", "double", "decimal", "currency", "percentage"),
    ]
)


def delayed_cells(column: list[Any], call: Callable[[Any], Any]) -> list[Any]:
    """``call`` of each cell, when somebody reads it."""
    return [Thunk(_after(call, cell)) for cell in column]


def _after(call: Callable[[Any], Any], cell: Any) -> Callable[[], Any]:
    return lambda: call(cell.get() if cell.__class__ is Thunk else cell)


def is_eager(function: Any) -> bool:
    """Whether a function of a cell may run at once: a builtin without effects."""
    builtin = function.spec.builtin if function.__class__ is Function and function.spec is not None else None
    return builtin is not None and builtin.name.partition(".")[0].lower() in _EAGER


# ---------------------------------------------------------------- choosing and typing


@runs(p.Project)
def run_project(node: p.Project, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Renamed, reordered, removed and duplicated columns; a missing one is all nulls."""
    old = dict(node.columns)
    sources = [old[name] for name in columns]
    below = tuple(dict.fromkeys(name for name in sources if name is not None))
    places = [None if name is None else below.index(name) for name in sources]
    for batch in execute(node.input, below, limit):
        parts, length = parts_of(batch), batch.length
        yield of([Column([None] * length) if i is None else parts[i] for i in places], length)


@runs(p.Retype)
def run_retype(node: p.Retype, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """The same cells under other names and types, by position (TYP-07)."""
    of = dict(zip(node.schema.names, node.input.schema.names, strict=True))
    return execute(node.input, tuple(of[name] for name in columns), limit)


# ---------------------------------------------------------------- adding


@runs(p.AddColumn)
def run_add_column(node: p.AddColumn, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """A column computed from the row."""
    if node.column not in columns:
        yield from execute(node.input, columns, limit)
        return
    called = vector_column(node.value)
    if called is not None and not all(map(node.input.schema.has, called.reads)):
        called = None
    function = called or RowFunction(node.value, node.input.schema)
    others = tuple(name for name in columns if name != node.column)
    below = merged(others, function.reads)
    arguments = choosing(below, function.reads)
    pick = choosing((*below, node.column), columns)
    for batch in execute(node.input, below, limit):
        parts = parts_of(batch)
        read = arguments(parts)
        added = function.vector(read, batch.length, True) if isinstance(function, RowFunction) else None
        if added is None:
            added = Column(function.lazily([part.cells() for part in read], batch.length))
        yield of(pick([*parts, added]), batch.length)


@runs(p.AddIndex)
def run_add_index(node: p.AddIndex, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """A running number."""
    if node.column not in columns:
        yield from execute(node.input, columns, limit)
        return
    below = tuple(name for name in columns if name != node.column)
    pick = choosing((*below, node.column), columns)
    start, step, done = node.start, node.step, 0
    for batch in execute(node.input, below, limit):
        numbers = [start + step * i for i in range(done, done + batch.length)]
        yield of(pick([*parts_of(batch), Column(numbers)]), batch.length)
        done += batch.length


# ---------------------------------------------------------------- changing cells


#: A function of all cells of a column, in two forms: of the cells, and (maybe) of the typed column, which
#: gives None where the cells must be looked at.
CellMap = Callable[[list[Any]], list[Any]]
TypedMap = Callable[[Column], "Column | None"]


def _mapped(
    input: p.Plan, columns: Columns, limit: int | None, maps: Mapping[str, tuple[CellMap, TypedMap | None]]
) -> Iterator[Batch]:
    """Some columns through a function of the whole column part, the rest as they are."""
    work = [(i, *maps[name]) for i, name in enumerate(columns) if name in maps]
    for batch in execute(input, columns, limit):
        if not work:
            yield batch
            continue
        changed = list(parts_of(batch))
        for i, by_cell, typed in work:
            part = changed[i]
            found = typed(part) if typed is not None and part.array() is not None else None
            changed[i] = Column(by_cell(part.cells())) if found is None else found
        yield of(changed, batch.length)


def once_per_text(function: ByText) -> TypedMap:
    """The typed form of a pure function of cells: text goes through it once for each distinct one."""

    def typed(column: Column) -> Column | None:
        from mlang.tables.kernels import by_text

        return by_text(column, lambda texts: function(texts, True))

    return typed


@runs(p.TransformColumns)
def run_transform_columns(node: p.TransformColumns, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Cells through a function; library functions at once, others when the cell is read."""
    return _mapped(node.input, columns, limit, {n: _transformer(f) for n, f in node.transforms})


def _transformer(function: Any) -> tuple[CellMap, TypedMap | None]:
    call = bind(function, 1)
    if is_eager(function):
        pure = ByText(call)
        return pure, _by_library(function.spec.builtin.name, once_per_text(pure))
    form = columnar_cell(function)
    if form is None:
        return (lambda column: delayed_cells(column, call)), None
    loop = CellLoop(form)

    def typed(column: Column) -> Column | None:
        from mlang.tables.kernels import by_text, kernel_of

        kernel = kernel_of(as_row_function(function), form.fields)
        array = None if kernel is None else kernel.array([column], column.length)
        return by_text(column, loop) if array is None else Column(raw=array)

    return (lambda column: delayed_cells(column, call) if waiting(column) else loop(column)), typed


def _by_library(name: str, otherwise: TypedMap) -> TypedMap:
    """A library function of a typed column: Arrow's own where it is the same, else another way."""

    def typed(column: Column) -> Column | None:
        from mlang.tables.kernels import by_ascii

        return by_ascii(column, name) or otherwise(column)

    return typed


@runs(p.ChangeTypes)
def run_change_types(node: p.ChangeTypes, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Cells converted to types."""
    maps: dict[str, tuple[CellMap, TypedMap | None]] = {}
    for name, type in node.changes:
        by_cell = column_converter(type, node.culture)
        if by_cell is not None:
            maps[name] = by_cell, typed_converter(type, node.culture, by_cell)
    return _mapped(node.input, columns, limit, maps)


@runs(p.ReplaceErrors)
def run_replace_errors(node: p.ReplaceErrors, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Cells that fail replaced by a value; each cell is replaced when it is read."""
    return _mapped(node.input, columns, limit, {n: (_healer(v), _unchanged) for n, v in node.replacements})


def _unchanged(column: Column) -> Column:
    """A typed column has no errors."""
    return column


def _healer(value: Any) -> Callable[[list[Any]], list[Any]]:
    def healed(cell: Thunk) -> Callable[[], Any]:
        def get() -> Any:
            try:
                return cell.get()
            except MError:
                return force(value)

        return get

    return lambda column: [Thunk(healed(cell)) if cell.__class__ is Thunk else cell for cell in column]


@runs(p.Fill)
def run_fill(node: p.Fill, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Nulls take the value above, or below; an error cell is no null (TBL-49)."""
    filled = [i for i, name in enumerate(columns) if name in node.columns]
    if not filled:
        yield from execute(node.input, columns, limit)
    elif node.down:
        last: list[Any] = [None] * len(columns)
        for batch in execute(node.input, columns, limit):
            changed = list(batch.columns)
            for i in filled:
                changed[i], last[i] = _filled(changed[i], last[i])
            yield Batch(changed, batch.length)
    else:
        from mlang.tables.local import in_batches, whole

        gathered, length = whole(node.input, columns)
        for i in filled:
            gathered[i] = _filled(gathered[i][::-1], None)[0][::-1]
        yield from in_batches(gathered, length, limit)


def _filled(column: list[Any], last: Any) -> tuple[list[Any], Any]:
    result: list[Any] = []
    for cell in column:
        if cell is not None and not (cell.__class__ in WRAPPED and is_null(cell)):
            last = cell
        result.append(last)
    return result, last


# ---------------------------------------------------------------- ReplaceValue


@runs(p.ReplaceValue)
def run_replace_value(node: p.ReplaceValue, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """``replacer(cell, old, new)`` in the named columns; old and new may be functions of the row."""
    targets = [name for name in columns if name in node.columns]
    call = bind(node.replacer, 3)
    if not targets:
        yield from execute(node.input, columns, limit)
    elif node.per_row and (_is_row_function(node.old) or _is_row_function(node.new)):
        yield from _replace_by_row(node, columns, limit, targets, call)
    else:
        old, new = force(node.old), force(node.new)

        def replaced(cell: Any) -> Any:
            return call(cell, old, new)

        change: tuple[CellMap, TypedMap | None] = (lambda column: delayed_cells(column, replaced)), None
        if _is_replacer(node.replacer):
            pure = ByText(replaced)
            change = pure, once_per_text(pure)
        yield from _mapped(node.input, columns, limit, dict.fromkeys(targets, change))


def _is_replacer(function: Any) -> bool:
    spec = function.spec
    return spec is not None and spec.builtin is not None and spec.builtin.name.startswith("Replacer.")


def _is_row_function(value: Any) -> bool:
    return value.__class__ is Function


def _replace_by_row(
    node: p.ReplaceValue, columns: Columns, limit: int | None, targets: list[str], call: Callable[..., Any]
) -> Iterator[Batch]:
    parts = [RowFunction(v, node.input.schema) if _is_row_function(v) else v for v in (node.old, node.new)]
    below = columns
    for part in parts:
        if isinstance(part, RowFunction):
            below = merged(below, part.reads)
    pick = picker(below, columns)
    for batch in execute(node.input, below, limit):
        olds, news = (_by_row(part, below, batch) for part in parts)
        changed = list(pick(batch.columns))
        for i, name in enumerate(columns):
            if name in targets:
                changed[i] = [
                    Thunk(_replacing(call, *row)) for row in zip(changed[i], olds, news, strict=True)
                ]
        yield Batch(changed, batch.length)


def _by_row(part: Any, below: Columns, batch: Batch) -> list[Any]:
    if isinstance(part, RowFunction):
        return part.lazily(picker(below, part.reads)(batch.columns), batch.length)
    return [part] * batch.length


def _replacing(call: Callable[..., Any], cell: Any, old: Any, new: Any) -> Callable[[], Any]:
    return lambda: call(force(cell), force(old), force(new))


# ---------------------------------------------------------------- conditions


def as_condition(value: Any) -> bool:
    """A predicate's result: null is false, anything but a logical raises (TBL-41)."""
    if value is True:
        return True
    if value is False or value is None:
        return False
    from mlang.values.metadata import strip

    bare = strip(value)
    if bare is True or bare is False or bare is None:
        return bare is True
    raise errors.cannot_convert(value, "Logical")
