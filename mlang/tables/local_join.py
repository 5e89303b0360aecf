"""Runs joins: the right table is hashed, the left one streams past it.

Row order is the engine's (TBL-82): matches in left order, each left row's matches in right
order; then rows of the right table that found nobody, then (full outer) those of the left.
Null keys match null keys; NaN matches nothing; kinds must agree (TBL-83, TBL-84).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from mlang import errors
from mlang.tables import plan as p
from mlang.tables.batches import cut, failing, good, of, parts_of, spans
from mlang.tables.column import Column, many
from mlang.tables.flow import Batch
from mlang.tables.keys import classes_of, key_rows
from mlang.tables.local import Columns, execute, merged, picker, runs, sound, take_rows, whole, whole_columns
from mlang.values.compare import key_of
from mlang.values.functions import bind
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, force

_NOBODY: list[int] = []


class Index:
    """The rows of a table by key: hashed, or searched pair by pair when a comparer has no key."""

    def __init__(self, columns: list[list[Any]], length: int, comparers: tuple[Any, ...] | None) -> None:
        self.makers, self.pair = _makers(len(columns), comparers)
        self.rows: dict[Any, list[int]] = {}
        #: The one row of each key, where no two rows have the same.
        self.single: dict[Any, int] | None = None
        self.values: list[tuple[Any, ...]] = []
        if self.pair is not None:
            self.values = [tuple(force(c[i]) for c in columns) for i in range(length)]
            return
        keys = self.keys(columns, length)
        single = dict(zip(keys, range(length), strict=True))
        if len(single) == length:
            self.single = single
            return
        for i, key in enumerate(keys):
            self.rows.setdefault(key, []).append(i)

    def keys(self, columns: list[list[Any]], length: int) -> list[Any]:
        """The hash keys of some rows, from their key columns."""
        makers = self.makers
        if all(make is key_of for make in makers):
            return key_rows(columns, length)
        if len(columns) == 1:
            make = makers[0]
            return [make(cell.get() if cell.__class__ is Thunk else cell) for cell in columns[0]]
        return [
            tuple([make(force(c[i])) for make, c in zip(makers, columns, strict=True)]) for i in range(length)
        ]

    def find(self, columns: list[list[Any]], length: int) -> Iterator[list[int]]:
        """For each row of the other table the matching rows here, in order."""
        if self.single is not None:
            one = self.single
            for key in self.keys(columns, length):
                j = one.get(key)
                yield _NOBODY if j is None else [j]
            return
        if self.pair is None:
            rows = self.rows
            for key in self.keys(columns, length):
                yield rows.get(key, _NOBODY)
            return
        for i in range(length):
            key = tuple(force(c[i]) for c in columns)
            yield [j for j, other in enumerate(self.values) if self.pair(key, other)]


def _makers(
    count: int, comparers: tuple[Any, ...] | None
) -> tuple[list[Callable[[Any], Any]], Callable[[Any, Any], bool] | None]:
    if comparers is None:
        return [key_of] * count, None
    from mlang.library.comparer import comparer_key

    makers = [key_of if c is None else comparer_key(c) for c in comparers]
    if all(make is not None for make in makers):
        return [make for make in makers if make is not None], None
    return [], _pairwise(comparers)


def _pairwise(comparers: tuple[Any, ...]) -> Callable[[Any, Any], bool]:
    from mlang.values.compare import equal

    calls = [equal if c is None else bind(c, 2) for c in comparers]

    def same(key: Any, other: Any) -> bool:
        return all(_says_equal(call(a, b)) for call, a, b in zip(calls, key, other, strict=True))

    return same


def _says_equal(result: Any) -> bool:
    """A comparer's answer: true, or the number 0."""
    result = strip(result)
    if result.__class__ is bool:
        return bool(result)
    from mlang.values.kinds import is_number

    if not is_number(result):
        raise errors.cannot_convert(result, "Logical")
    return bool(result == 0)


# ---------------------------------------------------------------- Table.Join

_MATCHES = frozenset({p.INNER, p.LEFT_OUTER, p.RIGHT_OUTER, p.FULL_OUTER})
_UNMATCHED_LEFT = frozenset({p.LEFT_OUTER, p.LEFT_ANTI})
_RIGHT_REST = frozenset({p.RIGHT_OUTER, p.FULL_OUTER, p.RIGHT_ANTI, p.RIGHT_SEMI})


def _single_pairs(index: Index, kind: int, columns: list[list[Any]], length: int) -> Any:
    """The pairs of an inner or left outer join with a table whose keys are unique."""
    assert index.single is not None
    found = list(map(index.single.get, index.keys(columns, length)))
    if kind == p.LEFT_OUTER:
        return range(length), [-1 if j is None else j for j in found] if None in found else found
    if None not in found:
        return range(length), found
    return [i for i, j in enumerate(found) if j is not None], [j for j in found if j is not None]


class _Pairing:
    """The pairs (left row, right row) of one left batch; -1 stands for the missing side."""

    def __init__(self, kind: int, hit: bytearray) -> None:
        self.kind, self.hit = kind, hit

    def pairs(self, matches: Iterator[list[int]]) -> tuple[list[int], list[int], list[int]]:
        """Left and right row numbers, and the left rows without a match."""
        kind, hit = self.kind, self.hit
        left: list[int] = []
        right: list[int] = []
        alone: list[int] = []
        inline, pairing, semi = kind in _UNMATCHED_LEFT, kind in _MATCHES, kind == p.LEFT_SEMI
        marking = kind in _RIGHT_REST
        for i, found in enumerate(matches):
            if not found:
                alone.append(i)
                if inline:
                    left.append(i)
                    right.append(-1)
                continue
            if pairing:
                left += [i] * len(found)
                right += found
            elif semi:
                left.append(i)
                right.append(-1)
            if marking:
                for j in found:
                    hit[j] = 1
        return left, right, alone

    def rest(self) -> list[int]:
        """The right rows that come at the end."""
        if self.kind not in _RIGHT_REST:
            return []
        wanted = 1 if self.kind == p.RIGHT_SEMI else 0
        return [j for j, seen in enumerate(self.hit) if seen == wanted]


def _chosen(columns: list[list[Any]], rows: list[int]) -> list[list[Any]]:
    """Some rows of columns, null where the number is -1."""
    if -1 in rows:
        return [[column[i] if i >= 0 else None for i in rows] for column in columns]
    return take_rows(columns, rows)


#: Kinds in which the rows of a left batch say all that comes of it.
_TYPED_KINDS = frozenset({p.INNER, p.LEFT_OUTER, p.LEFT_ANTI})
#: Left rows that are matched at once, at least.
_BLOCK = 1_000_000


def _settled(parts: list[Column]) -> bool:
    """Whether no cell of the right table can fail, before anything is read of the left one."""
    return all(part.raw is not None or Thunk not in classes_of(part.cells()) for part in parts)


class _TypedJoin:
    """A join by typed keys, in large blocks of the left table; ``rest`` is what it leaves to the hashed cells."""

    def __init__(
        self, node: p.Join, columns: Columns, left: Columns, right: Columns, parts: list[Column]
    ) -> None:
        self.kind = node.kind
        self.places = [left.index(name) for name in node.left_keys]
        #: For each column of the result: whether it is the left table's, and its place there.
        self.sources = [
            (True, left.index(name)) if node.left.schema.has(name) else (False, right.index(name))
            for name in columns
        ]
        self.keys = [parts[right.index(name)] for name in node.right_keys]
        self.parts = parts
        self.length = parts[0].length if parts else 0
        self.rest: Iterator[Batch] | None = None
        self.matcher: Any = None

    def blocks(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The joined rows, until a block whose keys are not typed."""
        first = next(batches, None)
        if first is None:
            return
        batches = chain([of(parts_of(first), first.length)], batches)
        if not many(first.length) or not self._typed(parts_of(first)):
            self.rest = batches
            return
        size = _BLOCK if self.matcher.places is not None else max(_BLOCK, 4 * self.length)
        while True:
            parts, length, failure = good(_up_to(batches, size), len(parts_of(first)))
            if failure is not None:
                self.rest = failing(of(parts, length), failure)
                return
            if not length:
                return
            pairs = self.matcher.pairs([parts[i] for i in self.places])
            if pairs is None:
                self.rest = chain([of(parts, length)], batches)
                return
            yield from self._joined(parts, *pairs)

    def _typed(self, parts: list[Column]) -> bool:
        if any(parts[i].array() is None for i in self.places):
            return False
        from mlang.tables.codes import matcher

        self.matcher = matcher(self.keys, self.length)
        return self.matcher is not None

    def _joined(self, parts: list[Column], left: Any, right: Any) -> Iterator[Batch]:
        if self.kind != p.LEFT_OUTER and (right.null_count or self.kind == p.LEFT_ANTI):
            mask = right.is_valid() if self.kind == p.INNER else right.is_null()
            left, right = left.filter(mask), right.filter(mask)
        same = len(left) == parts[self.places[0]].length and self.kind == p.LEFT_OUTER
        for start, size in spans(len(left)):
            rows, others = left.slice(start, size), right.slice(start, size)
            if same:
                here = [part.slice(start, start + size) for part in parts]
            cells = [
                (here[i] if same else parts[i].take(rows)) if is_left else self.parts[i].take(others)
                for is_left, i in self.sources
            ]
            yield from cut(cells, size)


def _up_to(batches: Iterator[Batch], size: int) -> Iterator[Batch]:
    """Batches until there are so many rows."""
    for batch in batches:
        yield batch
        size -= batch.length
        if size <= 0:
            return


@runs(p.Join)
def run_join(node: p.Join, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Rows of both tables side by side."""
    lefts = tuple(n for n in columns if node.left.schema.has(n))
    rights = tuple(n for n in columns if not node.left.schema.has(n))
    arrange = picker(lefts + rights, columns)
    right_below = merged(rights, node.right_keys)
    right_parts, length = whole_columns(node.right, right_below)
    left_below = merged(lefts, node.left_keys)
    batches = execute(node.left, left_below)
    if limit is None and node.comparers is None and node.kind in _TYPED_KINDS and _settled(right_parts):
        typed = _TypedJoin(node, columns, left_below, right_below, right_parts)
        yield from typed.blocks(batches)
        if typed.rest is None:
            return
        batches = typed.rest
    right_cells_all = [part.cells() for part in right_parts]
    index = Index(picker(right_below, node.right_keys)(right_cells_all), length, node.comparers)
    right_cells = picker(right_below, rights)(right_cells_all)
    pairing = _Pairing(node.kind, bytearray(length))
    keys, left_pick = picker(left_below, node.left_keys), picker(left_below, lefts)
    late: list[Batch] = []
    for batch in sound(batches, [left_below.index(name) for name in node.left_keys]):
        if index.single is not None and node.kind in (p.INNER, p.LEFT_OUTER):
            alone: list[int] = []
            left, right = _single_pairs(index, node.kind, keys(batch.columns), batch.length)
        else:
            left, right, alone = pairing.pairs(index.find(keys(batch.columns), batch.length))
        cells = left_pick(batch.columns)
        if left:
            taken = cells if len(left) == batch.length and left.__class__ is range else take_rows(cells, left)
            yield Batch(arrange(taken + _chosen(right_cells, right)), len(left))
        if alone and node.kind == p.FULL_OUTER:
            late.append(Batch(take_rows(cells, alone), len(alone)))
    rest = pairing.rest()
    if rest:
        nulls = [[None] * len(rest) for _ in lefts]
        yield Batch(arrange(nulls + take_rows(right_cells, rest)), len(rest))
    for batch in late:
        yield Batch(arrange(batch.columns + [[None] * batch.length for _ in rights]), batch.length)


# ---------------------------------------------------------------- Table.NestedJoin


class _RightSide:
    """The right table of a nested join: read and hashed when the first nested table is looked at."""

    def __init__(self, node: p.NestedJoin) -> None:
        self.node = node
        self._index: Index | None = None
        self.columns: list[list[Any]] = []
        self.length = 0

    @property
    def index(self) -> Index:
        """The hash of the right table."""
        if self._index is None:
            right = self.node.right
            names = right.schema.names
            self.columns, self.length = whole(right, names)
            keys = picker(names, self.node.right_keys)(self.columns)
            self._index = Index(keys, self.length, self.node.comparers)
        return self._index

    def table(self, rows: list[int]) -> Any:
        """The nested table of some right rows; -1 is a row of nulls."""
        from mlang.tables.table import Table

        return Table(p.Values(self.node.right.schema, _chosen(self.columns, rows), len(rows)))

    def delayed(self, keys: list[list[Any]], i: int) -> Thunk:
        """The nested table of one left row, searched when it is read."""

        def get() -> Any:
            index = self.index
            return self.table(next(index.find([[column[i]] for column in keys], 1)))

        return Thunk(get)


@runs(p.NestedJoin)
def run_nested_join(node: p.NestedJoin, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """The left rows, and the matching right rows as a table in a column."""
    lefts = tuple(n for n in columns if n != node.column)
    arrange = picker((*lefts, node.column), columns)
    if node.kind == p.LEFT_OUTER:
        yield from _nested_left_outer(node, lefts, node.column in columns, arrange, limit)
        return
    side = _RightSide(node)
    index = side.index
    pairing = _Pairing(node.kind, bytearray(side.length))
    below = merged(lefts, node.left_keys)
    keys, pick = picker(below, node.left_keys), picker(below, lefts)
    late: list[Batch] = []
    for batch in sound(execute(node.left, below), [below.index(name) for name in node.left_keys]):
        matches = list(index.find(keys(batch.columns), batch.length))
        _, _, alone = pairing.pairs(iter(matches))
        rows, nested = _nested_rows(node.kind, matches, alone)
        cells = pick(batch.columns)
        if rows:
            tables = [side.table(found) for found in nested]
            yield Batch(arrange([*take_rows(cells, rows), tables]), len(rows))
        if alone and node.kind == p.FULL_OUTER:
            late.append(Batch([*take_rows(cells, alone), [side.table([-1]) for _ in alone]], len(alone)))
    rest = pairing.rest()
    if rest:
        nulls: list[list[Any]] = [[None] * len(rest) for _ in lefts]
        yield Batch(arrange([*nulls, [side.table([j]) for j in rest]]), len(rest))
    for batch in late:
        yield Batch(arrange(batch.columns), batch.length)


def _nested_rows(kind: int, matches: list[list[int]], alone: list[int]) -> tuple[list[int], list[list[int]]]:
    """The left rows that appear in place, and the right rows nested in each."""
    if kind == p.LEFT_ANTI:
        return alone, [[-1] for _ in alone]
    if kind in (p.RIGHT_ANTI, p.RIGHT_SEMI):
        return [], []
    rows = [i for i, found in enumerate(matches) if found]
    if kind == p.LEFT_SEMI:
        return rows, [[-1] for _ in rows]
    return rows, [matches[i] for i in rows]


def _nested_left_outer(
    node: p.NestedJoin,
    lefts: Columns,
    wanted: bool,
    arrange: Callable[[list[list[Any]]], list[list[Any]]],
    limit: int | None,
) -> Iterator[Batch]:
    """The usual kind: every left row stays, and nobody reads the right table before a nested one is read."""
    if not wanted:
        yield from execute(node.left, lefts, limit)
        return
    side = _RightSide(node)
    below = merged(lefts, node.left_keys)
    keys, pick = picker(below, node.left_keys), picker(below, lefts)
    for batch in execute(node.left, below, limit):
        key_columns = keys(batch.columns)
        tables = [side.delayed(key_columns, i) for i in range(batch.length)]
        yield Batch(arrange([*pick(batch.columns), tables]), batch.length)
