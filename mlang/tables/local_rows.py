"""Runs the steps that choose rows: predicates, counts, distinct rows, appended and buffered tables."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from mlang import errors
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.tables.batches import ArrowBatch, as_values, choosing, of, parts_of, taken
from mlang.tables.column import Choice, Column, is_plain, joined
from mlang.tables.flow import Batch
from mlang.tables.keys import first_rows, key_rows
from mlang.tables.local import (
    Columns,
    RowFunction,
    execute,
    in_batches,
    merged,
    paced,
    picker,
    runs,
    take_rows,
    typed_whole,
    whole,
)  # fmt: skip
from mlang.tables.local_columns import as_condition
from mlang.values.compare import key_of
from mlang.values.thunk import Thunk, error_of, force

# ---------------------------------------------------------------- predicates


@runs(p.SelectRows)
def run_select_rows(node: p.SelectRows, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Rows for which the predicate is true; an error in it is raised after the rows before it."""
    function = RowFunction(node.predicate, node.input.schema)
    below = merged(columns, function.reads)
    read, keep = choosing(below, function.reads), choosing(below, columns)
    for batch in paced(execute(node.input, below), limit):
        parts = parts_of(batch)
        mask = _mask(function, read(parts), batch.length)
        if mask is not None:
            count = mask.true_count
            if count == batch.length:
                yield of(keep(parts), count)
            elif count:
                yield of(_filtered(keep(parts), mask), count)
            continue
        cells = [part.cells() for part in read(parts)]
        values = function.map(cells, batch.length) if function.fused else None
        if values is not None and set(map(type, values)) <= _LOGICALS:
            count = values.count(True)
            if count == batch.length:
                yield of(keep(parts), count)
            elif count:
                yield of([part.compress(values) for part in keep(parts)], count)
            continue
        kept, failure = _kept(function, cells, batch.length)
        if len(kept) == batch.length:
            yield of(keep(parts), batch.length)
        elif kept:
            chosen = [part.cells() for part in keep(parts)]
            yield Batch(take_rows(chosen, kept), len(kept))
        if failure is not None:
            raise failure


def _mask(function: RowFunction, columns: list[Column], length: int) -> Any:
    """The predicate of many rows as an Arrow mask; None when it must be looked at row by row."""
    found = function.vector(columns, length)
    mask = None if found is None else found.array()
    if mask is None:
        return None
    import pyarrow as pa

    return mask if mask.type == pa.bool_() else None


def _filtered(parts: list[Column], mask: Any) -> list[Column]:
    """The rows where an Arrow mask is true."""
    choice = Choice(mask, len(parts) > 2)
    return [part.chosen(choice) for part in parts]


_LOGICALS = {bool, type(None)}


def _kept(function: RowFunction, columns: list[list[Any]], length: int) -> tuple[list[int], MError | None]:
    """The rows that the predicate selects, up to its first failure."""
    kept: list[int] = []
    try:
        for i, value in enumerate(function.each(columns, length)):
            if value is True or (value is not False and value is not None and as_condition(value)):
                kept.append(i)
    except MError as error:
        return kept, error
    return kept, None


@runs(p.ErrorRows)
def run_error_rows(node: p.ErrorRows, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Rows with, or without, an error in the inspected cells."""
    below = merged(columns, node.columns)
    inspect, pick = picker(below, node.columns), picker(below, columns)
    for batch in execute(node.input, below):
        bad = [False] * batch.length
        for column in inspect(batch.columns):
            for i, cell in enumerate(column):
                if cell.__class__ is Thunk and not bad[i]:
                    bad[i] = error_of(cell) is not None
        kept = [i for i, value in enumerate(bad) if value is node.keep]
        if kept:
            yield Batch(take_rows(pick(batch.columns), kept), len(kept))


# ---------------------------------------------------------------- counts and leading runs


@runs(p.Take)
def run_take(node: p.Take, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """The first rows, by count or while a condition holds; reads no further."""
    if node.count is None:
        yield from _take_while(node, columns, limit)
        return
    left = node.count if limit is None else min(node.count, max(limit, 0))
    if left <= 0:
        return
    for batch in execute(node.input, columns, left):
        if batch.length >= left:
            yield of([part.slice(0, left) for part in parts_of(batch)], left)
            return
        yield batch
        left -= batch.length


def _condition(node: Any, columns: Columns) -> tuple[Columns, Callable[[Batch], Iterator[bool]], Any]:
    """What to read for a row condition, the condition over a batch, and the picker of the wanted columns."""
    function = RowFunction(node.condition, node.input.schema)
    below = merged(columns, function.reads)
    arguments = picker(below, function.reads)

    def holds(batch: Batch) -> Iterator[bool]:
        for value in function.each(arguments(batch.columns), batch.length):
            yield as_condition(value)

    return below, holds, picker(below, columns)


def _leading(holds: Iterator[bool]) -> tuple[int, bool, MError | None]:
    """How many rows hold at the start, whether one did not, and the failure that ended it."""
    count = 0
    try:
        for value in holds:
            if not value:
                return count, True, None
            count += 1
    except MError as error:
        return count, True, error
    return count, False, None


def _take_while(node: p.Take, columns: Columns, limit: int | None) -> Iterator[Batch]:
    below, holds, pick = _condition(node, columns)
    for batch in paced(execute(node.input, below), 1):
        count, ended, failure = _leading(holds(batch))
        if count:
            yield Batch([column[:count] for column in pick(batch.columns)], count)
        if failure is not None:
            raise failure
        if ended:
            return


@runs(p.Drop)
def run_drop(node: p.Drop, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """All but the first rows, by count or while a condition holds."""
    if node.count is None:
        yield from _drop_while(node, columns)
        return
    left, header = node.count, node.header
    for batch in execute(node.input, columns, None if limit is None else limit + left):
        if header is not None and batch.length:
            first = [part.slice(0, 1).cells()[0] for part in parts_of(batch)]
            check_header(header, dict(zip(columns, first, strict=True)), getattr(node.input, "source", None))
            header = None
        if left >= batch.length:
            left -= batch.length
        elif left:
            rest = [part.slice(left, batch.length) for part in parts_of(batch)]
            yield of(rest, batch.length - left)
            left = 0
        else:
            yield batch


def check_header(header: dict[str, str], row: dict[str, Any], source: Any) -> None:
    """Raises where the first row of a file is not the one any more that its columns were named after."""
    for column, cell in row.items():
        expected = header.get(column, cell)
        if cell != expected:
            raise errors.header_changed(str(getattr(source, "path", "")), expected, str(cell or ""))


def _drop_while(node: p.Drop, columns: Columns) -> Iterator[Batch]:
    below, holds, pick = _condition(node, columns)
    dropping = True
    for batch in execute(node.input, below):
        chosen = pick(batch.columns)
        if not dropping:
            yield Batch(chosen, batch.length)
            continue
        count, ended, failure = _leading(holds(batch))
        if failure is not None:
            raise failure
        if ended:
            dropping = False
            yield Batch([column[count:] for column in chosen], batch.length - count)


@runs(p.TakeLast)
def run_take_last(node: p.TakeLast, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """The last rows."""
    if node.count is None:
        gathered, length, start = _trailing(node, columns)
        yield from in_batches([column[start:] for column in gathered], length - start, limit)
        return
    kept: deque[Batch] = deque()
    total = 0
    for batch in execute(node.input, columns):
        kept.append(batch)
        total += batch.length
        while kept and total - kept[0].length >= node.count:
            total -= kept.popleft().length
    skip = max(0, total - node.count)
    for batch in kept:
        if skip >= batch.length:
            skip -= batch.length
        else:
            yield Batch([column[skip:] for column in batch.columns], batch.length - skip)
            skip = 0


@runs(p.DropLast)
def run_drop_last(node: p.DropLast, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """All but the last rows."""
    if node.count is None:
        gathered, _, start = _trailing(node, columns)
        yield from in_batches([column[:start] for column in gathered], start, limit)
        return
    held: deque[Batch] = deque()
    total = 0
    for batch in execute(node.input, columns, None if limit is None else limit + node.count):
        held.append(batch)
        total += batch.length
        while held and total - held[0].length >= node.count:
            first = held.popleft()
            total -= first.length
            yield first
    spare = total - node.count
    for batch in held:
        if spare <= 0:
            return
        count = min(spare, batch.length)
        yield Batch([column[:count] for column in batch.columns], count)
        spare -= count


def _trailing(node: Any, columns: Columns) -> tuple[list[list[Any]], int, int]:
    """All rows, their number, and where the trailing run that meets the condition starts."""
    below, _, pick = _condition(node, columns)
    gathered, length = whole(node.input, below)
    function = RowFunction(node.condition, node.input.schema)
    arguments = picker(below, function.reads)(gathered)
    start = length
    while start > 0:
        row = [[column[start - 1]] for column in arguments]
        if not as_condition(next(function.each(row, 1))):
            break
        start -= 1
    return pick(gathered), length, start


@runs(p.Reverse)
def run_reverse(node: p.Reverse, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Rows backwards."""
    gathered, length = whole(node.input, columns)
    yield from in_batches([column[::-1] for column in gathered], length, limit)


# ---------------------------------------------------------------- distinct rows


@runs(p.Distinct)
def run_distinct(node: p.Distinct, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """The first row of each key; streams."""
    criteria = node.columns or tuple((name, None) for name in node.input.schema.names)
    names = tuple(name for name, _ in criteria)
    below = merged(columns, names)
    keys, pick = picker(below, names), picker(below, columns)
    seen = Seen([comparer for _, comparer in criteria])
    plain = limit is None and all(comparer is None for _, comparer in criteria)
    batches = execute(node.input, below)
    if plain:
        found, batches = typed_whole(batches, below, names)
        if found is not None:
            parts, codes = found
            yield from taken(choosing(below, columns)(parts), codes.firsts)
            return
    for batch in batches:
        kept, _, failure = seen.fresh(keys(batch.columns), batch.length)
        chosen = pick(batch.columns)
        if len(kept) == batch.length:
            yield Batch(chosen, batch.length)
        elif kept:
            yield Batch(take_rows(chosen, kept), len(kept))
        if failure is not None:
            raise failure


class Seen:
    """The keys met so far, compared by equality or by a comparer per column."""

    def __init__(self, comparers: list[Any]) -> None:
        from mlang.library.comparer import comparer_key

        self.makers = [(comparer_key(c) if c is not None else None) or key_of for c in comparers]
        self.keys: set[Any] = set()

    def fresh(self, columns: list[list[Any]], length: int) -> tuple[list[int], int, MError | None]:
        """The rows whose key is new, and how many were looked at: all, or those before the first failure."""
        kept: list[int] = []
        keys, makers = self.keys, self.makers
        if all(make is key_of for make in makers) and columns:
            try:
                batch_keys = key_rows(columns, length)
            except MError:
                pass  # the loop below finds the rows before the failure
            else:
                first = first_rows(batch_keys)
                kept = sorted([row for key, row in first.items() if key not in keys])
                keys.update(first)
                return kept, length, None
        i = 0
        try:
            for i in range(length):
                key = tuple([make(force(c[i])) for make, c in zip(makers, columns, strict=True)])
                if key not in keys:
                    keys.add(key)
                    kept.append(i)
        except MError as error:
            return kept, i, error
        return kept, length, None


# ---------------------------------------------------------------- several parts, buffers


@runs(p.Append)
def run_append(node: p.Append, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Tables one after the other; a column that a part lacks is null there."""
    left = limit
    for part in node.parts:
        if left is not None and left <= 0:
            return
        schema = part.schema
        have = tuple(name for name in columns if schema.has(name))
        complete = len(have) == len(columns)
        for batch in execute(part, have, left):
            if left is not None:
                left -= batch.length
            if complete:
                yield batch
                continue
            given = dict(zip(have, batch.columns, strict=True))
            filled = [given[n] if n in given else [None] * batch.length for n in columns]
            yield Batch(filled, batch.length)


@runs(p.Buffer)
def run_buffer(node: p.Buffer, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Rows pinned in memory at the first reading."""
    return execute(buffered(node), columns, limit)


def buffered(node: p.Buffer) -> p.Values:
    """The rows of a buffer, read at the first call: failing cells stay as errors (EVL-19)."""
    if not node.cell:
        from mlang import session
        from mlang.tables.table import run

        found: list[list[Column]] = [[] for _ in node.schema.names]
        length = 0
        for batch in run(node.input, None, None, session.current()):
            length += batch.length
            for store, part in zip(found, _pinned(batch), strict=True):
                store.append(part)
        parts = [joined(column) if column else Column([]) for column in found]
        node.cell.append(as_values(node.schema, parts, length))
    values: p.Values = node.cell[0]
    return values


def left_to_engine(node: p.Buffer) -> bool:
    """Whether a sorted table need not be read now: an engine sorts it where it is read, and nobody sees when.

    That is what `Table.Buffer` is for where the first row of each key is wanted: it keeps the order.
    """
    from mlang import session
    from mlang.tables.table import run

    if not isinstance(node.input, p.Sort) or session.current().runner is None:
        return False
    node.waits.extend(True for _ in run(p.Steady(node.schema, node.input), None, None, session.current()))
    return bool(node.waits)


def _pinned(batch: Batch) -> list[Column]:
    """A batch's columns, nothing of which is computed later."""
    parts = batch.kept() if isinstance(batch, ArrowBatch) else map(Column, batch.columns)
    return [
        part if part.raw is not None and is_plain(part.raw.type) else Column(_computed(part.cells()))
        for part in parts
    ]


def _computed(cells: list[Any]) -> list[Any]:
    return [_settled(cell) if cell.__class__ is Thunk else cell for cell in cells]


def _settled(cell: Thunk) -> Any:
    """The value of a delayed cell, or the failed thunk itself."""
    return cell if error_of(cell) is not None else cell.get()


@runs(p.Whole)
@runs(p.Steady)
def run_whole(node: p.Whole | p.Steady, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """The interpreter is no engine: no answer."""
    return iter(())
