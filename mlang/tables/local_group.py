"""Runs ``Table.Group``: by hashed keys, by codes of typed keys, by comparers, and by runs.

An aggregate that is a known list function of a column gets that column's cells by group; any
other gets a table of the group when its cell is read.  Read ``aggregates.py`` for the known ones,
``gathering.py`` for what is kept of rows that pass by, and ``codes.py`` for typed keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from mlang import errors
from mlang.tables import plan as p
from mlang.tables.aggregates import ListAggregate, recognise
from mlang.tables.batches import cut, parts_of
from mlang.tables.column import Column, joined, many
from mlang.tables.flow import Batch
from mlang.tables.gathering import Rows, Total
from mlang.tables.keys import first_rows, gathered_by, key_rows, numbered
from mlang.tables.local import (
    Columns,
    batched_rows,
    called,
    columnar,
    execute,
    in_batches,
    picker,
    records,
    runs,
    sound,
    take_rows,
    waiting,
    whole,
)  # fmt: skip
from mlang.tables.table import Table
from mlang.values.compare import key_of
from mlang.values.functions import bind
from mlang.values.kinds import is_number
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, force
from mlang.values.types import TableType

if TYPE_CHECKING:
    from mlang.tables.tally import Ask


@runs(p.Group)
def run_group(node: p.Group, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """One row per key; an aggregate runs when its cell is read, on the table of its group."""
    aggregates = [a for a in node.aggregates if a.column in columns]
    below = group_reads(node, aggregates)
    names = (*node.keys, *(a.column for a in aggregates))
    pick = picker(names, columns)
    if not node.local and node.keys and _comparison(node) is None:
        yield from _hashed(node, aggregates, below, pick, limit)
        return
    groups = _local_groups(node, below) if node.local else _global_groups(node, below)
    rows = _group_rows(node, aggregates, below, groups)
    for batch in batched_rows(rows, len(names), limit):
        yield Batch(pick(batch.columns), batch.length)


def group_reads(node: p.Group, aggregates: list[p.Aggregate]) -> Columns:
    """The keys and what the aggregates may look at (all columns unless each says which), as the input orders them:
    the tables of the groups keep that order."""
    schema = node.input.schema
    needed = set(node.keys)
    for aggregate in aggregates:
        function = aggregate.value
        form = recognise(function)
        if form is not None and (form.column is None or schema.has(form.column)):
            needed.update(() if form.column is None else (form.column,))
            continue
        fused = columnar(function)
        if fused is None or not all(schema.has(name) for name in fused.fields):
            return schema.names
        needed.update(fused.fields)
    return tuple(name for name in schema.names if name in needed)


def _hashed(
    node: p.Group, aggregates: list[p.Aggregate], below: Columns, pick: Any, limit: int | None
) -> Iterator[Batch]:
    """Groups by hashed keys: what needs no table of the group is computed from lists of its cells."""
    forms = [recognise(a.value) for a in aggregates]
    if all(form is not None and (form.column is None or form.column in below) for form in forms):
        yield from _streamed(node, [form for form in forms if form is not None], below, pick, limit)
        return
    gathered, length = whole(node.input, below)
    keys = picker(below, node.keys)(gathered)
    numbers, places = numbered(_keys(node, keys, length))
    tables = _GroupTables(_below_schema(node, below), gathered, numbers, len(places))
    columns = take_rows(keys, places)
    for aggregate in aggregates:
        columns.append(_aggregated(aggregate.value, below, gathered, tables))
    yield from in_batches(pick(columns), len(places), limit)


def _streamed(
    node: p.Group, forms: list[ListAggregate], below: Columns, pick: Any, limit: int | None
) -> Iterator[Batch]:
    """Groups whose aggregates need lists only: the rows pass by, and what is kept of them is small."""
    key_places = [below.index(name) for name in node.keys]
    places = [None if form.column is None else below.index(form.column) for form in forms]
    known, totals = _Known(node), [Total(form) for form in forms]
    for parts, length in _chunks(execute(node.input, below), known, key_places):
        keys = [parts[i] for i in key_places]
        cells = [None if place is None else parts[place] for place in places]
        asked = [total.asks(column) for total, column in zip(totals, cells, strict=True)]
        told = known.tell(keys, asked)
        if told is not None:
            for total, answers in zip(totals, told, strict=True):
                total.take(answers)
            continue
        rows = known.rows(keys, length)
        for total, column in zip(totals, cells, strict=True):
            total.feed(rows, column)
    if known.count:
        yield from cut(pick([*known.columns(), *[total.result() for total in totals]]), known.count)


#: Rows that are numbered at once, where there are not even more groups.
_CHUNK = 1 << 20


def _chunks(batches: Iterator[Batch], known: _Known, keys: list[int]) -> Iterator[tuple[list[Column], int]]:
    """The rows of batches: many at a time while their keys are typed."""
    held: list[list[Column]] = []
    length = 0
    for batch in batches:
        parts = parts_of(batch)
        if not (held or known.count):
            known.typed = (
                many(batch.length) and known.typed and all(parts[i].array() is not None for i in keys)
            )
        held.append(parts)
        length += batch.length
        if not known.typed or length >= max(_CHUNK, known.count):
            yield [joined(column) for column in zip(*held, strict=True)], length
            held, length = [], 0
    if held:
        yield [joined(column) for column in zip(*held, strict=True)], length


class _Known:
    """The keys that were met, in order of appearance: typed as long as all are, then by hash."""

    def __init__(self, node: p.Group) -> None:
        self.node, self.count = node, 0
        self.typed = node.comparer is None
        self._arrays: list[Any] = []
        self._known: dict[Any, int] = {}
        self._firsts: list[list[Any]] = [[] for _ in node.keys]

    def columns(self) -> list[Column]:
        """The keys of the groups, as their first rows have them."""
        if self.typed:
            return [Column(raw=array) for array in self._arrays]
        return [Column(cells) for cells in self._firsts]

    def tell(self, keys: list[Column], asked: list[list[Ask] | None]) -> list[list[Any]] | None:
        """The answers to what is asked of the groups of a chunk's rows, without numbering the rows; or None."""
        if not self.typed or any(asks is None for asks in asked):
            return None
        from mlang.tables.codes import is_plain_key
        from mlang.tables.tally import tallied

        arrays = [key.array() for key in keys]
        if not all(array is not None and is_plain_key(array) for array in arrays):
            return None
        known = self._arrays or [array.slice(0, 0) for array in arrays]
        if [array.type for array in arrays] != [array.type for array in known]:
            return None
        every = [ask for asks in asked if asks is not None for ask in asks]
        self._arrays, answers = tallied(known, arrays, every)
        self.count, rest = len(self._arrays[0]), iter(answers)
        return [list(islice(rest, len(asks))) for asks in asked if asks is not None]

    def rows(self, keys: list[Column], length: int) -> Rows:
        """Numbers the rows of a chunk."""
        before = self.count
        if self.typed:
            found = self._by_code(keys)
            if found is not None:
                return found
            self._leave()
        cells = [key.cells() for key in keys]
        names = _keys(self.node, cells, length)
        known = self._known
        for row in sorted([row for key, row in first_rows(names).items() if key not in known]):
            known[names[row]] = len(known)
            for store, column in zip(self._firsts, cells, strict=True):
                store.append(column[row])
        self.count = len(known)
        return Rows(before, self.count, numbers=list(map(known.__getitem__, names)))

    def _by_code(self, keys: list[Column]) -> Rows | None:
        import pyarrow as pa

        from mlang.tables.codes import key_codes

        arrays = [key.array() for key in keys]
        if any(array is None for array in arrays):
            return None
        before = self.count
        if before:
            if [array.type for array in arrays] != [array.type for array in self._arrays]:
                return None
            try:
                arrays = [pa.concat_arrays(pair) for pair in zip(self._arrays, arrays, strict=True)]
            except pa.ArrowInvalid:  # more text than one array holds
                return None
        codes = key_codes([Column(raw=array) for array in arrays])
        if codes is None:
            return None
        firsts = codes.firsts
        self._arrays, self.count = [array.take(firsts) for array in arrays], codes.count
        return Rows(before, self.count, codes.rows.slice(before), _less(firsts.slice(before), before))

    def _leave(self) -> None:
        self._firsts = [Column(raw=array).cells() for array in self._arrays] or self._firsts
        self._known = {key: number for number, key in enumerate(_keys(self.node, self._firsts, self.count))}
        self.typed = False


def _less(rows: Any, count: int) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.subtract(rows.cast(pa.int64()), count)


def _aggregated(function: Any, below: Columns, gathered: list[list[Any]], tables: _GroupTables) -> list[Any]:
    """One aggregate of all groups: at once where that is sure to be cheap, else when its cell is read."""
    form = recognise(function)
    if form is not None and form.column is None:
        counts = Counter(tables.numbers)
        return [float(counts[number]) for number in range(tables.count)]
    if form is not None and form.column in below:
        lists = tables.lists(below.index(form.column))
        if lists is not None:
            return [form.of(cells) for cells in lists]
    call = bind(function, 1)
    return [Thunk(tables.calling(call, number)) for number in range(tables.count)]


class _GroupTables:
    """The tables of the groups, each made when an aggregate asks for it."""

    def __init__(self, schema: TableType, gathered: list[list[Any]], numbers: list[int], count: int) -> None:
        self.schema, self.gathered, self.numbers, self.count = schema, gathered, numbers, count
        self.members: list[list[int]] | None = None
        self.made: dict[int, Table] = {}
        self._lists: dict[int, list[list[Any]] | None] = {}

    def lists(self, place: int) -> list[list[Any]] | None:
        """The cells of a column by group; None when computing them may be dear."""
        if place not in self._lists:
            column = self.gathered[place]
            delayed = waiting(column)
            self._lists[place] = None if delayed else gathered_by(self.numbers, self.count, column)
        return self._lists[place]

    def calling(self, call: Callable[[Any], Any], number: int) -> Callable[[], Any]:
        """The delayed call of an aggregate on the table of one group."""
        return lambda: call(self.table(number))

    def table(self, number: int) -> Table:
        """The rows of one group."""
        if self.members is None:
            self.members = gathered_by(self.numbers, self.count, list(range(len(self.numbers))))
        found = self.made.get(number)
        if found is None:
            rows = self.members[number]
            columns = take_rows(self.gathered, rows)
            found = self.made[number] = Table(p.Values(self.schema, columns, len(rows)))
        return found


def _below_schema(node: p.Group, below: Columns) -> TableType:
    schema = node.input.schema
    if below == schema.names:
        return schema
    from mlang.tables.schema import projected

    return projected(schema, [(n, n) for n in below])


#: A group: the first row's key cells, and the columns of its rows.
_Group = tuple[list[Any], list[list[Any]], int]


def _global_groups(node: p.Group, below: Columns) -> Iterator[_Group]:
    gathered, length = whole(node.input, below)
    keys = picker(below, node.keys)(gathered)
    if not node.keys:
        if length:
            yield [], gathered, length
        return
    members = _members(node, below, keys, gathered, length)
    for rows in members:
        first = rows[0]
        yield [column[first] for column in keys], take_rows(gathered, rows), len(rows)


def _members(
    node: p.Group, below: Columns, keys: list[list[Any]], gathered: list[list[Any]], length: int
) -> list[list[int]]:
    """The row numbers of each group, groups in order of their first row."""
    same = _comparison(node)
    assert same is not None
    arguments = _comparer_arguments(node, keys, length)
    groups: list[tuple[Any, list[int]]] = []
    for i, key in enumerate(arguments):
        for first, rows in groups:
            if same(first, key):
                rows.append(i)
                break
        else:
            groups.append((key, [i]))
    return [rows for _, rows in groups]


def _keys(node: p.Group, keys: list[list[Any]], length: int) -> list[Any]:
    if node.comparer is None:
        return key_rows(keys, length)
    make = _key_function(node)
    if len(keys) == 1:
        return [make(cell.get() if cell.__class__ is Thunk else cell) for cell in keys[0]]
    return [tuple([make(force(column[i])) for column in keys]) for i in range(length)]


def _key_function(node: p.Group) -> Callable[[Any], Any]:
    if node.comparer is None:
        return key_of
    from mlang.library.comparer import comparer_key

    return comparer_key(node.comparer) or key_of


def _comparison(node: p.Group) -> Callable[[Any, Any], bool] | None:
    """The comparer as a test of two keys; None when keys can be hashed instead (TBL-69)."""
    if node.comparer is None:
        return None
    from mlang.library.comparer import comparer_key

    if comparer_key(node.comparer) is not None:
        return None
    call = bind(node.comparer, 2)

    def same(a: Any, b: Any) -> bool:
        order = strip(call(a, b))
        if not is_number(order):  # a logical too: comparers give an order, 0 for equal keys
            raise errors.cannot_convert(order, "Number")
        return bool(order == 0)

    return same


def _comparer_arguments(node: p.Group, keys: list[list[Any]], length: int) -> list[Any]:
    """What a comparer is given: the value for a single text key, else the record of the key."""
    if node.single:
        return [force(cell) for cell in keys[0]]
    return list(records(node.keys, keys, length))


def _local_groups(node: p.Group, below: Columns) -> Iterator[_Group]:
    """Runs of equal keys, streamed; a failing key comes after the runs before it."""
    same = _comparison(node)
    pick = picker(below, node.keys)
    current: list[list[Any]] = [[] for _ in below]
    first_key: Any = None
    first_cells: list[Any] = []
    count = 0
    for batch in sound(execute(node.input, below), [below.index(name) for name in node.keys]):
        keys = pick(batch.columns)
        make = _keys if same is None else _comparer_arguments
        for i, key in enumerate(make(node, keys, batch.length) if node.keys else [()] * batch.length):
            if count and not (first_key == key if same is None else same(first_key, key)):
                yield first_cells, current, count
                current, count = [[] for _ in below], 0
            if not count:
                first_key, first_cells = key, [column[i] for column in keys]
            for store, column in zip(current, batch.columns, strict=True):
                store.append(column[i])
            count += 1
    if count:
        yield first_cells, current, count


def _group_rows(
    node: p.Group, aggregates: list[p.Aggregate], below: Columns, groups: Iterator[_Group]
) -> Iterator[list[Any]]:
    schema = _below_schema(node, below)
    calls = [bind(a.value, 1) for a in aggregates]
    for cells, columns, length in groups:
        table = Table(p.Values(schema, columns, length))
        yield [*cells, *[Thunk(called(call, table)) for call in calls]]
