"""Aggregates of groups whose rows pass by: what is kept of them is small where that gives the same.

`Gathering` keeps cells and folds them from time to time; `Total` keeps typed results (Arrow) as long as
the cells are typed, and goes on with a `Gathering` from there on.  Sums go on from what they are, from
left to right, as over the whole list.  Read ``local_group.py`` for who feeds them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mlang.errors import MError
from mlang.tables.aggregates import ListAggregate
from mlang.tables.column import Column, joined
from mlang.tables.local import waiting
from mlang.values import operators
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, failed, force

if TYPE_CHECKING:
    from mlang.tables.tally import Ask

#: Aggregates that may go on from their own result: f({f(a), b}) is f({a, b}), item by item.
_FOLDING = frozenset({"List.Sum", "List.Min", "List.Max"})
#: Those that are told by numbers which add up, once it is known what the cells are.
_ADDING = frozenset({"List.NonNullCount", "List.Average"})
#: So many cells, of all groups and of each, are gathered before what can be is folded.
_GATHERED, _PER_GROUP = 500_000, 8
_DOUBLES = frozenset({float, type(None)})


def _counts_rows(form: ListAggregate) -> bool:
    return form.column is None or form.name == "List.Count"


class Gathering:
    """One list aggregate over groups whose cells arrive batch by batch.

    ``lists`` are the cells of each group that are still to be looked at, after ``counts`` others, whose
    sum, where one is asked for, is ``sums``.
    """

    __slots__ = ("counts", "delayed", "form", "held", "lists", "sums")

    def __init__(self, form: ListAggregate) -> None:
        self.form = form
        self.lists: list[list[Any]] = []
        self.counts: list[int] = []
        self.sums: list[float] = []
        self.held = 0
        self.delayed = False

    def feed(self, numbers: list[int], count: int, column: list[Any] | None) -> None:
        """Takes the cells of a batch, whose rows are of the groups ``numbers``; there are ``count`` by now."""
        more = count - len(self.counts)
        self.counts += [0] * more
        self.sums += [0.0] * more
        self.lists += [[] for _ in range(more)]
        if column is None or _counts_rows(self.form):
            for number, rows in Counter(numbers).items():
                self.counts[number] += rows
            return
        self.delayed = self.delayed or waiting(column)
        if self.form.name == "List.First":
            for number, cell in dict(zip(reversed(numbers), reversed(column), strict=True)).items():
                if not self.lists[number]:
                    self.lists[number] = [cell]
            return
        if self.form.name == "List.Last":
            for number, cell in dict(zip(numbers, column, strict=True)).items():
                self.lists[number] = [cell]
            return
        for number, cell in zip(numbers, column, strict=True):
            self.lists[number].append(cell)
        self.held += len(numbers)
        if self.held > max(_GATHERED, _PER_GROUP * count) and not self.delayed:
            self._fold()

    def _fold(self) -> None:
        if self.form.name in _FOLDING:
            for number, cells in enumerate(self.lists):
                found = self.form.of(cells)
                if found.__class__ is not Thunk:  # a failure stays where it is found again
                    self.lists[number] = [] if found is None else [found]
        elif self.form.name in _ADDING:
            for number, cells in enumerate(self.lists):
                if set(map(type, cells)) <= _DOUBLES:
                    self._add(number, [cell for cell in cells if cell is not None])
                    self.lists[number] = []
        else:
            return
        self.held = 0

    def _add(self, number: int, cells: list[float]) -> None:
        total = self.sums[number]
        for cell in cells:
            total += cell
        self.sums[number] = total
        self.counts[number] += len(cells)

    def results(self) -> list[Any]:
        """The aggregate of each group."""
        if _counts_rows(self.form):
            return list(map(float, self.counts))
        makers = [self._later(number) for number in range(len(self.lists))]
        return list(map(Thunk, makers)) if self.delayed else [_now(make) for make in makers]

    def _later(self, number: int) -> Callable[[], Any]:
        form, cells = self.form, self.lists[number]
        count, total = self.counts[number], self.sums[number]
        if not count:
            return (lambda: form.call(cells)) if self.delayed else (lambda: form.of(cells))
        if form.name == "List.NonNullCount":
            return lambda: count + form.call(cells)
        return lambda: _average(total, count, cells)


def _now(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except MError as error:
        return failed(error)


def _average(total: Any, count: int, cells: list[Any]) -> Any:
    """``List.Average`` of numbers and of some more cells, which goes on as it does from the first."""
    values = [value for value in [strip(force(cell)) for cell in cells] if value is not None]
    for value in values:
        total = operators.add(total, value)
    return total / (count + len(values))


class Rows:
    """The rows of a chunk by group: ``codes`` as Arrow data or None, ``numbers`` as a list.

    ``before`` groups were known, ``count`` are; ``fresh`` are the first rows of the new ones.
    """

    __slots__ = ("_numbers", "before", "codes", "count", "fresh")

    def __init__(
        self, before: int, count: int, codes: Any = None, fresh: Any = None, numbers: list[int] | None = None
    ) -> None:
        self.before, self.count, self.codes, self.fresh = before, count, codes, fresh
        self._numbers = numbers

    @property
    def numbers(self) -> list[int]:
        """The group of each row."""
        if self._numbers is None:
            self._numbers = self.codes.to_pylist()
        return self._numbers


class Total:
    """One list aggregate over groups whose rows arrive in chunks of columns."""

    __slots__ = ("_cells", "_counts", "_gathering", "_sums", "form")

    def __init__(self, form: ListAggregate) -> None:
        self.form = form
        self._gathering: Gathering | None = None
        #: For each group, as Arrow data: how many, the result so far; and as a column: the cell that counts.
        self._counts: Any = None
        self._sums: Any = None
        self._cells: Column | None = None

    def feed(self, rows: Rows, column: Column | None) -> None:
        """Takes the rows of a chunk."""
        if self._gathering is None:
            if rows.codes is not None and self._typed(rows, column):
                return
            self._gathering = self._left(rows.before)
        cells = None if column is None else column.cells()
        self._gathering.feed(rows.numbers, rows.count, cells)

    def result(self) -> Column:
        """The aggregate of each group."""
        if self._gathering is not None:
            return Column(self._gathering.results())
        if self._cells is not None:
            return self._cells
        if self.form.name == "List.Average":
            import pyarrow.compute as pc

            return Column(raw=pc.divide(self._sums, self._counts))
        return Column(raw=self._counts if self._sums is None else self._sums)

    def asks(self, column: Column | None) -> list[Ask] | None:
        """What Arrow has to tell of these cells; None when it can't, or can't any more."""
        from mlang.tables.codes import number_how
        from mlang.tables.tally import Ask

        if self._gathering is not None:
            return None
        if column is None or _counts_rows(self.form):
            return [Ask("count", None, self._counts)]
        cells = column.array()
        if cells is None:
            return None
        counting = Ask("count", cells, self._counts)
        if self.form.name == "List.NonNullCount":
            return [counting]
        how = number_how(self.form.name, cells)
        if how is None:
            return None
        adding = Ask(how, cells, self._sums)
        return [adding, counting] if self.form.name == "List.Average" else [adding]

    def take(self, answers: list[Any]) -> None:
        """The answers to what was asked last, a place for each group."""
        if len(answers) == 2:
            self._sums, self._counts = answers
        elif _counts_rows(self.form) or self.form.name == "List.NonNullCount":
            (self._counts,) = answers
        else:
            (self._sums,) = answers

    def _typed(self, rows: Rows, column: Column | None) -> bool:
        from mlang.tables.codes import numbers
        from mlang.tables.tally import tallied

        if column is not None and self.form.name in ("List.First", "List.Last"):
            return self._pick(rows, column)
        asked = self.asks(column)
        if asked is None:
            return False
        known = numbers(rows.before).cast(rows.codes.type)
        self.take(tallied([known], [rows.codes], asked)[1])
        return True

    def _pick(self, rows: Rows, column: Column) -> bool:
        import pyarrow as pa
        import pyarrow.compute as pc

        from mlang.tables.codes import last_rows, numbers

        if self.form.name == "List.First":
            fresh = column.take(rows.fresh)
            self._cells = fresh if self._cells is None else joined([self._cells, fresh])
            return True
        last = last_rows(rows.codes, rows.count)
        if self._cells is None:
            self._cells = column.take(last)
            return True
        old = pa.concat_arrays([numbers(rows.before), pa.nulls(rows.count - rows.before, pa.int64())])
        places = pc.coalesce(pc.add(last, rows.before), old)
        self._cells = joined([self._cells, column]).take(places)
        return True

    def _left(self, count: int) -> Gathering:
        """What goes on from the results of ``count`` groups."""
        gathering = Gathering(self.form)
        gathering.feed([], count, [])
        if self._counts is not None:
            gathering.counts = [int(number) for number in self._counts.to_pylist()]
        if self._cells is not None:
            gathering.lists = [[cell] for cell in self._cells.cells()]
        elif self._sums is not None and self.form.name == "List.Average":
            gathering.sums = [0.0 if total is None else total for total in self._sums.to_pylist()]
        elif self._sums is not None:
            gathering.lists = [[] if found is None else [found] for found in self._sums.to_pylist()]
        return gathering
