"""Runs the fuzzy table steps: joins, nested joins, groups and cluster columns.

Each class here holds what a step was told and has a ``run`` for `plan.Step`.  Rows come in the
order of the exact joins (``local_join.py``).  The index and its scores are in ``fuzzy_index.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

from mlang import errors
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.tables.flow import Batch
from mlang.tables.fuzzy import Reader
from mlang.tables.fuzzy_index import Index, clusters
from mlang.tables.local import take_rows
from mlang.values.functions import bind
from mlang.values.kinds import DISPLAY
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, failed, force
from mlang.values.types import TableType, table_type

Batches = Callable[..., Iterator[Batch]]
#: A row of the right table and how alike its keys are.
Match = tuple[int, float]
_PAIRING = frozenset({p.INNER, p.LEFT_OUTER, p.RIGHT_OUTER, p.FULL_OUTER})
_ENDS_WITH_RIGHT = frozenset({p.RIGHT_OUTER, p.FULL_OUTER, p.RIGHT_ANTI, p.RIGHT_SEMI})


@frozen
class Matching:
    """How texts are compared: the options of the fuzzy functions."""

    reader: Reader
    ignore_space: bool
    threshold: float
    most: int | None = None
    similarity_column: str | None = None

    def index(self, texts: list[str]) -> Index:
        """An index of texts."""
        return Index(texts, self.reader, self.ignore_space, self.threshold)


def text_of(cell: Any) -> str | None:
    """A key cell's text, or null."""
    value = strip(force(cell))
    if value is None or isinstance(value, str):
        return value
    raise errors.cannot_convert(value, DISPLAY["text"])


class _Column:
    """One key column of the right table: its rows by text, null among them (null is like null alone)."""

    def __init__(self, cells: list[Any], matching: Matching) -> None:
        self.rows: dict[str | None, list[int]] = {}
        for row, cell in enumerate(cells):
            self.rows.setdefault(text_of(cell), []).append(row)
        self.texts = [text for text in self.rows if text is not None]
        self.index = matching.index(self.texts)
        self._found: dict[str | None, list[Match]] = {}

    def find(self, text: str | None) -> list[Match]:
        """The rows like a text, in order."""
        found = self._found.get(text)
        if found is None:
            if text is None:
                found = [(row, 1.0) for row in self.rows.get(None, ())]
            else:
                found = [
                    (row, score)
                    for number, score in self.index.search(text)
                    for row in self.rows[self.texts[number]]
                ]
                found.sort()
            self._found[text] = found
        return found


class Finder:
    """The right table of a join, ready to be searched by keys."""

    def __init__(self, keys: list[list[Any]], matching: Matching) -> None:
        self.most = matching.most
        self.columns = [_Column(cells, matching) for cells in keys]

    def find(self, key: list[Any]) -> list[Match]:
        """The rows whose keys are all like these; the least alike key counts."""
        texts = [text_of(cell) for cell in key]
        found = self.columns[0].find(texts[0])
        for column, text in zip(self.columns[1:], texts[1:], strict=True):
            scores = dict(column.find(text))
            found = [(row, min(score, scores[row])) for row, score in found if row in scores]
        if self.most is not None and len(found) > self.most:
            best = sorted([(-score, row) for row, score in found])[: self.most]
            found = sorted([(row, -score) for score, row in best])
        return found


def gather(enumerate_batches: Batches, width: int) -> tuple[list[list[Any]], int]:
    """All rows of an input as columns."""
    columns: list[list[Any]] = [[] for _ in range(width)]
    length = 0
    for batch in enumerate_batches():
        for store, cells in zip(columns, batch.columns, strict=True):
            store.extend(cells)
        length += batch.length
    return columns, length


def _cells(columns: list[list[Any]], rows: list[int]) -> list[list[Any]]:
    """Some rows of columns, null where the number is -1."""
    return [[column[i] if i >= 0 else None for i in rows] for column in columns]


@frozen
class _Join:
    """What both joins share: the schemas, the places of the keys, the kind of join."""

    left: TableType
    right: TableType
    left_keys: list[int]
    right_keys: list[int]
    kind: int
    matching: Matching

    def finder(self, columns: list[list[Any]]) -> Finder:
        """The right side's index."""
        return Finder([columns[i] for i in self.right_keys], self.matching)

    def matches(self, finder: Finder, batch: Batch) -> list[list[Match]]:
        """The matches of each row of a left batch."""
        keys = [batch.columns[i] for i in self.left_keys]
        return [finder.find([column[i] for column in keys]) for i in range(batch.length)]

    def rest(self, hit: set[int], length: int) -> list[int]:
        """The right rows that come at the end."""
        if self.kind not in _ENDS_WITH_RIGHT:
            return []
        return [row for row in range(length) if (row in hit) == (self.kind == p.RIGHT_SEMI)]


class FuzzyJoin(_Join):
    """``Table.FuzzyJoin``: rows side by side, then the similarity if it has a name."""

    def _batch(self, left: list[list[Any]], right: list[list[Any]], scores: list[Any]) -> Batch:
        columns = left + right
        if self.matching.similarity_column is not None:
            columns.append(scores)
        return Batch(columns, len(scores))

    def _pairs(self, matches: list[list[Match]]) -> list[tuple[int, int, float | None]]:
        """(left row, right row or -1, similarity) of one left batch."""
        pairs: list[tuple[int, int, float | None]] = []
        for i, found in enumerate(matches):
            if found and self.kind in _PAIRING:
                pairs += [(i, row, score) for row, score in found]
            elif (found and self.kind == p.LEFT_SEMI) or (
                not found and self.kind in (p.LEFT_OUTER, p.LEFT_ANTI)
            ):
                pairs.append((i, -1, None))
        return pairs

    def run(self, left: Batches, right: Batches) -> Iterator[Batch]:
        """The joined rows."""
        right_cells, length = gather(right, len(self.right.names))
        finder = self.finder(right_cells)
        hit: set[int] = set()
        late: list[list[list[Any]]] = []
        for batch in left():
            matches = self.matches(finder, batch)
            hit.update(row for found in matches for row, _ in found)
            pairs = self._pairs(matches)
            if pairs:
                beside = _cells(right_cells, [row for _, row, _ in pairs])
                yield self._batch(
                    take_rows(batch.columns, [i for i, _, _ in pairs]), beside, [s for _, _, s in pairs]
                )
            if self.kind == p.FULL_OUTER:
                late.append(take_rows(batch.columns, [i for i, found in enumerate(matches) if not found]))
        rest = self.rest(hit, length)
        if rest:
            empty: list[Any] = [None] * len(rest)
            yield self._batch([list(empty) for _ in self.left.names], take_rows(right_cells, rest), empty)
        for cells in late:
            if cells and cells[0]:
                empty = [None] * len(cells[0])
                yield self._batch(cells, [list(empty) for _ in self.right.names], empty)


class FuzzyNestedJoin(_Join):
    """``Table.FuzzyNestedJoin``: the matching rows as a table in a column.

    The nested tables have untyped columns (FUZ-11).  A left outer join keeps every row, and its
    nested tables are made when they are read: an error of the keys stays in them (FUZ-01).
    """

    def nested(self, columns: list[list[Any]], found: list[tuple[int, float | None]]) -> Any:
        """A nested table; row -1 is one of nulls."""
        from mlang.tables.table import Table

        cells = _cells(columns, [row for row, _ in found])
        names = list(self.right.names)
        if self.matching.similarity_column is not None:
            names.append(self.matching.similarity_column)
            cells.append([score for _, score in found])
        return Table(p.Values(table_type(names), cells, len(found)))

    def run(self, left: Batches, right: Batches) -> Iterator[Batch]:
        """The left rows and their nested tables."""
        if self.kind == p.LEFT_OUTER:
            yield from self._left_outer(left, right)
            return
        right_cells, length = gather(right, len(self.right.names))
        finder = self.finder(right_cells)
        hit: set[int] = set()
        late: list[Batch] = []
        nobody: list[tuple[int, float | None]] = [(-1, None)]
        for batch in left():
            matches = self.matches(finder, batch)
            hit.update(row for found in matches for row, _ in found)
            rows, tables = self._rows(matches)
            if rows:
                nested = [self.nested(right_cells, found) for found in tables]
                yield Batch([*take_rows(batch.columns, rows), nested], len(rows))
            alone = [i for i, found in enumerate(matches) if not found]
            if alone and self.kind == p.FULL_OUTER:
                nested = [self.nested(right_cells, nobody) for _ in alone]
                late.append(Batch([*take_rows(batch.columns, alone), nested], len(alone)))
        rest = self.rest(hit, length)
        if rest:
            nulls: list[list[Any]] = [[None] * len(rest) for _ in self.left.names]
            yield Batch([*nulls, [self.nested(right_cells, [(row, None)]) for row in rest]], len(rest))
        yield from late

    def _rows(self, matches: list[list[Match]]) -> tuple[list[int], list[list[tuple[int, float | None]]]]:
        """The left rows that appear in place, and what is nested in each."""
        if self.kind in (p.RIGHT_ANTI, p.RIGHT_SEMI):
            return [], []
        if self.kind in (p.LEFT_ANTI, p.LEFT_SEMI):
            rows = [i for i, found in enumerate(matches) if bool(found) == (self.kind == p.LEFT_SEMI)]
            return rows, [[(-1, None)] for _ in rows]
        rows = [i for i, found in enumerate(matches) if found]
        return rows, [list(matches[i]) for i in rows]

    def _left_outer(self, left: Batches, right: Batches) -> Iterator[Batch]:
        def search() -> tuple[list[list[Any]], Finder]:
            right_cells, _ = gather(right, len(self.right.names))
            return right_cells, self.finder(right_cells)

        side = Thunk(search)
        for batch in left():
            keys = [batch.columns[i] for i in self.left_keys]
            tables = [Thunk(self._delayed(side, keys, i)) for i in range(batch.length)]
            yield Batch([*batch.columns, tables], batch.length)

    def _delayed(self, side: Thunk, keys: list[list[Any]], i: int) -> Callable[[], Any]:
        def get() -> Any:
            right_cells, finder = side.get()
            return self.nested(right_cells, list(finder.find([column[i] for column in keys])))

        return get


def refusing(failure: MError) -> Callable[[Batches, Batches], Iterator[Batch]]:
    """A nested left outer join whose nested cells all fail (FUZ-01)."""

    def run(left: Batches, right: Batches) -> Iterator[Batch]:
        for batch in left():
            yield Batch([*batch.columns, [failed(failure) for _ in range(batch.length)]], batch.length)

    return run


# ---------------------------------------------------------------- groups and clusters


def leaders(texts: list[str | None], matching: Matching) -> dict[str | None, tuple[str | None, float]]:
    """For each text the one that stands for its group, and how alike they are; null stands alone."""
    counts: dict[str, int] = {}
    for text in texts:
        if text is not None:
            counts[text] = counts.get(text, 0) + 1
    distinct = list(counts)
    found: dict[str | None, tuple[str | None, float]] = {None: (None, 1.0)}
    for text, (number, score) in zip(
        distinct, clusters(matching.index(distinct), list(counts.values())), strict=True
    ):
        found[text] = (distinct[number], score)
    return found


@frozen
class Clusters:
    """``Table.AddFuzzyClusterColumn``: the text that stands for each row's, and the similarity if named."""

    width: int
    key: int
    matching: Matching

    def run(self, table: Batches) -> Iterator[Batch]:
        """The rows with their cluster."""
        columns, length = gather(table, self.width)
        texts = [text_of(cell) for cell in columns[self.key]]
        found = leaders(texts, self.matching)
        columns.append([found[text][0] for text in texts])
        if self.matching.similarity_column is not None:
            columns.append([found[text][1] for text in texts])
        if length:
            yield Batch(columns, length)


@frozen
class Groups:
    """``Table.FuzzyGroup``: one row per group of keys that are all alike, in order of appearance.

    The similarity, when it has a name, is a column of the tables that the aggregates get.
    """

    schema: TableType
    width: int
    keys: list[int]
    aggregates: tuple[p.Aggregate, ...]
    matching: Matching

    def run(self, table: Batches) -> Iterator[Batch]:
        """One row per group."""
        columns, length = gather(table, self.width)
        texts = [[text_of(cell) for cell in columns[place]] for place in self.keys]
        found = [leaders(column, self.matching) for column in texts]
        rows: dict[tuple[str | None, ...], list[int]] = {}
        for i in range(length):
            key = tuple([known[column[i]][0] for known, column in zip(found, texts, strict=True)])
            rows.setdefault(key, []).append(i)
        if self.matching.similarity_column is not None:
            scores = [[known[text][1] for text in column] for known, column in zip(found, texts, strict=True)]
            columns = [*columns, [min(row) for row in zip(*scores, strict=True)]]
        if not rows:
            return
        keys = [list(column) for column in zip(*rows, strict=True)]
        groups = [p.Values(self.schema, take_rows(columns, chosen), len(chosen)) for chosen in rows.values()]
        results = [
            [Thunk(_aggregated(aggregate.value, group)) for group in groups] for aggregate in self.aggregates
        ]
        yield Batch(keys + results, len(rows))


def _aggregated(function: Any, group: p.Values) -> Callable[[], Any]:
    from mlang.tables.table import Table

    call = bind(function, 1)
    return lambda: call(Table(group))
