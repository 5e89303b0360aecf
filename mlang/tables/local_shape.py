"""Runs the steps that change the shape: pivots, and columns of tables, records and lists expanded.

Groups are in ``local_group.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from mlang import errors
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.tables.aggregates import list_function
from mlang.tables.batches import choosing, cut
from mlang.tables.column import Column, many
from mlang.tables.flow import Batch
from mlang.tables.keys import key_rows, numbered
from mlang.tables.local import (
    FIRST,
    LARGEST,
    WRAPPED,
    Columns,
    called,
    execute,
    in_batches,
    is_null,
    merged,
    picker,
    runs,
    take_rows,
    waiting,
    whole_columns,
)  # fmt: skip
from mlang.values.functions import bind
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, failed, force
from mlang.values.types import TableType

# ---------------------------------------------------------------- expanding


@runs(p.ExpandTable)
def run_expand_table(node: p.ExpandTable, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Nested tables become rows: an empty one, or null, gives one row of nulls (TBL-87, TBL-89)."""
    from mlang.tables.simplify import expand_of_nested_join

    joined = expand_of_nested_join(node)
    if joined is not None:
        yield from execute(joined, columns, limit)
        return
    inner = {new: old for old, new in node.fields}
    fields = tuple(inner[name] for name in columns if name in inner)
    yield from _exploded(node, columns, limit, set(inner), lambda cell: _table_rows(cell, fields))


def _table_rows(cell: Any, fields: Columns) -> Iterator[list[list[Any]]]:
    """The wanted columns of a nested table, batch by batch; one row of nulls when there is none."""
    value = strip(force(cell))
    kind = kind_of(value)
    if kind == "record":
        yield [[value.get(name)] for name in fields] or [[None]]
        return
    if kind not in ("null", "table"):
        raise errors.cannot_convert(value, "Table")
    empty = True
    if kind == "table":
        schema: TableType = value.plan.schema
        have = [name for name in dict.fromkeys(fields) if schema.has(name)]
        for batch in value.batches(have):
            if batch.length:
                empty = False
                columns, nulls = dict(zip(have, batch.columns, strict=True)), [None] * batch.length
                yield [columns.get(name, nulls) for name in fields] or [nulls]
    if empty:
        yield [[None] for _ in fields] or [[None]]


@runs(p.ExpandList)
def run_expand_list(node: p.ExpandList, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """One row per item; empty lists and nulls give one row with null (TBL-91)."""
    return _exploded(node, columns, limit, {node.column}, _list_rows)


def _list_rows(cell: Any) -> Iterator[list[list[Any]]]:
    value = strip(force(cell))
    kind = kind_of(value)
    if kind not in ("null", "table", "list"):
        raise errors.cannot_convert(value, "List")
    if value.__class__ is list:
        yield [value or [None]]
        return
    items: Iterator[Any] = iter(()) if kind == "null" else value.records() if kind == "table" else iter(value)
    some = list(islice(items, FIRST)) or [None]
    while some:
        yield [some]
        some = list(islice(items, FIRST))


def _exploded(
    node: Any,
    columns: Columns,
    limit: int | None,
    new: set[str],
    explode: Callable[[Any], Iterator[list[list[Any]]]],
) -> Iterator[Batch]:
    """Rows repeated for what one cell holds, which may have no end; a cell that fails gives one row of that."""
    kept = tuple(name for name in columns if name not in new)
    below = (*kept, node.column) if node.column not in kept else kept
    fresh = tuple(name for name in columns if name in new)
    arrange = picker(kept + fresh, columns)
    size = LARGEST if limit is None else FIRST
    for batch in execute(node.input, below, limit):
        rows: list[int] = []
        cells: list[list[Any]] = [[] for _ in fresh]
        for i, cell in enumerate(batch.columns[below.index(node.column)]):
            for parts in _parts(explode, cell, len(fresh)):
                rows += [i] * len(parts[0])
                for store, part in zip(cells, parts, strict=False):
                    store.extend(part)
                if len(rows) >= size:
                    yield Batch(arrange(take_rows(batch.columns[: len(kept)], rows) + cells), len(rows))
                    rows, cells, size = [], [[] for _ in fresh], min(LARGEST, size * 4)
        if rows:
            yield Batch(arrange(take_rows(batch.columns[: len(kept)], rows) + cells), len(rows))


def _parts(
    explode: Callable[[Any], Iterator[list[list[Any]]]], cell: Any, width: int
) -> Iterator[list[list[Any]]]:
    try:
        yield from explode(cell)
    except MError as error:
        yield [[failed(error)]] * max(1, width)


@runs(p.ExpandRecord)
def run_expand_record(node: p.ExpandRecord, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Fields of a record become columns; nothing is evaluated until a new cell is read."""
    inner = {new: old for old, new in node.fields}
    fresh = tuple(name for name in columns if name in inner)
    kept = tuple(name for name in columns if name not in inner)
    if not fresh:
        yield from execute(node.input, columns, limit)
        return
    below = (*kept, node.column)
    arrange = picker(kept + fresh, columns)
    for batch in execute(node.input, below, limit):
        source = batch.columns[-1]
        added = [[_field(cell, inner[name]) for cell in source] for name in fresh]
        yield Batch(arrange(batch.columns[:-1] + added), batch.length)


def _field(cell: Any, name: str) -> Any:
    if cell.__class__ is dict:
        return cell.get(name)
    if cell is None:
        return None
    return Thunk(lambda: _forced_field(cell, name))


def _forced_field(cell: Any, name: str) -> Any:
    value = strip(force(cell))
    if value is None:
        return None
    if kind_of(value) != "record":
        raise errors.cannot_convert(value, "Record")
    return force(value.get(name))


# ---------------------------------------------------------------- pivots


@runs(p.Pivot)
def run_pivot(node: p.Pivot, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """One row per key, one column per pivot value (TBL-72)."""
    keys = tuple(n for n in node.input.schema.names if n not in (node.attribute, node.value))
    below = (*keys, *dict.fromkeys((node.attribute, node.value)))
    parts, length = whole_columns(node.input, below)
    typed = _typed_pivot(node, keys, below, parts, length)
    if typed is not None:
        yield from cut(choosing((*keys, *node.values), columns)(typed[0]), typed[1])
        return
    gathered = [part.cells() for part in parts]
    numbers, places = numbered(key_rows(gathered[: len(keys)], length))
    result = take_rows(gathered[: len(keys)], places)
    found: dict[Any, list[list[Any] | None]] = {v: [None] * len(places) for v in node.values}
    values = gathered[below.index(node.value)]
    for attribute, number, value in zip(gathered[below.index(node.attribute)], numbers, values, strict=True):
        if attribute.__class__ is not str:
            attribute = strip(force(attribute))
        lists = found.get(attribute) if attribute.__class__ is str else None
        if lists is None:
            continue
        cells = lists[number]
        if cells is None:
            lists[number] = [value]
        else:
            cells.append(value)
    result += [_pivot_cells(node, found[v], waiting(values)) for v in node.values]
    pick = picker((*keys, *node.values), columns)
    yield from in_batches(pick(result), len(places), limit)


def _typed_pivot(
    node: p.Pivot, keys: Columns, below: Columns, parts: list[Column], length: int
) -> tuple[list[Column], int] | None:
    """The pivoted columns and their length, where keys and attributes are typed and the aggregate is known."""
    form = list_function(node.aggregate) if node.aggregate is not None else None
    attributes = parts[below.index(node.attribute)]
    values = parts[below.index(node.value)]
    if form is None or not many(length) or len(set(node.values)) < len(node.values):
        return None
    if attributes.array() is None or values.array() is None:
        return None
    import pyarrow as pa
    import pyarrow.compute as pc

    from mlang.tables.codes import aggregate, key_codes

    codes = key_codes(parts[: len(keys)])
    if codes is None or attributes.array().type != pa.string():
        return None
    columns = [part.take(codes.firsts) for part in parts[: len(keys)]]
    for value in node.values:
        mask = pc.equal(attributes.array(), value)
        found = aggregate(form, codes.rows.filter(mask), codes.count, values.filter(mask))
        if found is None:
            return None
        columns.append(Column(raw=found))
    return columns, codes.count


def _pivot_cells(node: p.Pivot, found: list[list[Any] | None], delayed: bool) -> list[Any]:
    """One new column; a pure list function runs at once."""
    if node.aggregate is None:
        return [_only(cells) for cells in found]
    form = list_function(node.aggregate)
    if form is not None and not delayed:
        return [None if cells is None else form.of(cells) for cells in found]
    call = bind(node.aggregate, 1)
    return [None if cells is None else Thunk(called(call, cells)) for cells in found]


def _only(cells: list[Any] | None) -> Any:
    if cells is None:
        return None
    return cells[0] if len(cells) == 1 else failed(errors.too_many_elements(cells))


@runs(p.Unpivot)
def run_unpivot(node: p.Unpivot, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """One row per cell that is not null; an error cell is one too (TBL-75, TBL-76)."""
    kept = tuple(n for n in columns if n not in (node.attribute, node.value))
    below = merged(kept, node.columns)
    pivoted = [(name, below.index(name)) for name in node.columns]
    arrange = picker((*kept, node.attribute, node.value), columns) if columns else None
    for batch in execute(node.input, below):
        rows: list[int] = []
        attributes: list[Any] = []
        values: list[Any] = []
        sources = [(name, batch.columns[place]) for name, place in pivoted]
        for i in range(batch.length):
            for name, column in sources:
                cell = column[i]
                if cell is None or (cell.__class__ in WRAPPED and is_null(cell)):
                    continue
                rows.append(i)
                attributes.append(name)
                values.append(cell)
        if rows:
            result = [*take_rows(batch.columns[: len(kept)], rows), attributes, values]
            yield Batch(arrange(result) if arrange else [], len(rows))
