"""Runs a plan in the interpreter: batch by batch, pulled by whoever reads.

`run_local` is the door.  Every node class has one generator function, registered with
`runs`, that is told which columns are wanted and how many rows at most are of use, and asks
its input for no more than it needs: so a column that nobody reads is never computed, which
is M's laziness, and ``Table.FirstN`` over an endless source ends.  Batches start small
and grow, so that looking at one row is cheap.

The functions live in the ``local_*.py`` files: columns, rows, sorting, joins, shape.  This one
has the sources and what all of them share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import chain, islice
from typing import Any, TypeVar

from mlang.errors import MError
from mlang.tables import batches
from mlang.tables import plan as p
from mlang.tables.column import Column, many
from mlang.tables.flow import Batch
from mlang.tables.keys import classes_of
from mlang.values.functions import Function, bind
from mlang.values.metadata import Annotated, strip
from mlang.values.thunk import WAITING, Thunk, failed, force

#: Rows in the first batch of a source, and in the largest.
FIRST, LARGEST = 64, 8192

Columns = tuple[str, ...]
Runner = Callable[[Any, Columns, "int | None"], Iterator[Batch]]
R = TypeVar("R", bound=Runner)
_RUNNERS: dict[type, Runner] = {}


def runs(node_class: type) -> Callable[[R], R]:
    """Declares the function that runs a node class."""

    def declare(function: R) -> R:
        _RUNNERS[node_class] = function
        return function

    return declare


def run_local(plan: p.Plan, columns: Sequence[str] | None, limit: int | None) -> Iterator[Batch]:
    """The plan's rows as batches of the named columns (None: all), in that order.

    At most the first ``limit`` rows are of use to the caller; more may come.
    """
    wanted = plan.schema.names if columns is None else tuple(columns)
    return execute(plan, wanted, limit)


def execute(plan: p.Plan, columns: Columns, limit: int | None = None) -> Iterator[Batch]:
    """Runs one node; the runners call it for their inputs."""
    runner = _RUNNERS.get(plan.__class__)
    if runner is None:
        _load()
        runner = _RUNNERS[plan.__class__]
    return runner(plan, columns, limit)


def _load() -> None:
    """Imports the files that register the runners of this package."""
    from mlang.tables import (  # noqa: F401
        local_columns,
        local_group,
        local_join,
        local_rows,
        local_shape,
        local_sort,
    )


# ---------------------------------------------------------------- helpers of the runners


def whole(plan: p.Plan, columns: Columns) -> tuple[list[list[Any]], int]:
    """All rows of a plan as columns in memory, and their number."""
    source = plan
    while isinstance(source, p.Buffer) and source.cell:
        source = source.cell[0]
    if isinstance(source, p.Values):
        return [source.columns[source.schema.index(name)] for name in columns], source.length
    gathered: list[list[Any]] = [[] for _ in columns]
    length = 0
    for batch in execute(plan, columns):
        for store, column in zip(gathered, batch.columns, strict=True):
            store.extend(column)
        length += batch.length
    return gathered, length


def whole_columns(plan: p.Plan, columns: Columns) -> tuple[list[Column], int]:
    """All rows of a plan as columns that may be Arrow data, and their number."""
    source = plan
    while isinstance(source, p.Buffer) and source.cell:
        source = source.cell[0]
    if isinstance(source, p.Values):
        return batches.memory(source, columns), source.length
    return batches.gathered(execute(plan, columns), len(columns))


def typed_whole(
    source: Iterator[Batch], columns: Columns, keys: Columns
) -> tuple[tuple[list[Column], Any] | None, Iterator[Batch]]:
    """All rows and the `codes.Codes` of their keys, where there are many and the keys are typed.

    Else None, and the batches as they come: only what looks typed at its start is gathered.
    """
    first = next(source, None)
    if first is None:
        return None, iter(())
    places = [columns.index(name) for name in keys]
    parts = batches.parts_of(first)
    if not many(first.length) or not places or any(parts[i].array() is None for i in places):
        return None, chain([first], source)
    parts, length, failure = batches.good(chain([batches.of(parts, first.length)], source), len(columns))
    from mlang.tables.codes import key_codes

    codes = key_codes([parts[i] for i in places]) if failure is None else None
    return (None if codes is None else (parts, codes)), batches.failing(batches.of(parts, length), failure)


def take_rows(columns: list[list[Any]], rows: Sequence[int]) -> list[list[Any]]:
    """The chosen rows of some columns."""
    return [list(map(column.__getitem__, rows)) for column in columns]


def in_batches(columns: list[list[Any]], length: int, limit: int | None = None) -> Iterator[Batch]:
    """Columns in memory, cut into batches."""
    if length <= LARGEST and (limit is None or length <= limit):
        if length:
            yield Batch(columns, length)
        return
    start, size = 0, FIRST if limit is not None else LARGEST
    while start < length:
        end = min(length, start + size)
        yield Batch([column[start:end] for column in columns], end - start)
        start, size = end, min(LARGEST, size * 4)


def paced(batches: Iterator[Batch], limit: int | None) -> Iterator[Batch]:
    """The same rows in batches that start small, when the reader may stop early (``limit`` is given)."""
    if limit is None:
        yield from batches
        return
    size = FIRST
    for batch in batches:
        start = 0
        while batch.length - start > size:
            yield Batch([column[start : start + size] for column in batch.columns], size)
            start, size = start + size, min(LARGEST, size * 4)
        if start:
            yield Batch([column[start:] for column in batch.columns], batch.length - start)
        else:
            yield batch


def sound(batches: Iterator[Batch], places: list[int]) -> Iterator[Batch]:
    """The rows before the first one with a failing key; its failure comes after them."""
    for batch in batches:
        columns = batch.columns
        keys = [columns[i] for i in places if Thunk in classes_of(columns[i])]
        row = 0
        try:
            for cells in zip(*keys, strict=True):
                for cell in cells:
                    force(cell)
                row += 1
        except MError:
            if row:
                yield Batch([column[:row] for column in columns], row)
            raise
        yield batch


def batched_rows(rows: Iterable[Any], width: int, limit: int | None = None) -> Iterator[Batch]:
    """Sequences of cells, gathered into batches that grow; an error ends the batch before it is raised."""
    iterator = iter(rows)
    size = FIRST if limit is None else max(1, min(FIRST, limit))
    while True:
        gathered, failure = _gather(iterator, size)
        if gathered:
            columns = [list(column) for column in zip(*gathered, strict=True)] if width else []
            yield Batch(columns, len(gathered))
        if failure is not None:
            raise failure
        if len(gathered) < size:
            return
        size = min(LARGEST, size * 4)


def _gather(iterator: Iterator[Any], size: int) -> tuple[list[Any], BaseException | None]:
    gathered: list[Any] = []
    try:
        gathered.extend(islice(iterator, size))
    except Exception as error:  # rows before it are good: whoever wants only those must get them
        return gathered, error
    return gathered, None


@lru_cache(maxsize=512)
def record_maker(names: Columns) -> Callable[[list[list[Any]]], list[dict[str, Any]]]:
    """A function that turns columns into row records; a dict display per row, made once per set of names."""
    if not names:
        raise ValueError("a row record has fields")
    cells = ", ".join(f"c{i}" for i in range(len(names)))
    fields = ", ".join(f"n[{i}]: c{i}" for i in range(len(names)))
    loop = f"for {cells} in zip(*columns)" if len(names) > 1 else "for c0 in columns[0]"
    scope: dict[str, Any] = {"n": names}
    exec(f"def make(columns):\n    return [{{{fields}}} {loop}]", scope)
    make: Callable[[list[list[Any]]], list[dict[str, Any]]] = scope["make"]
    return make


def records(names: Columns, columns: list[list[Any]], length: int) -> list[dict[str, Any]]:
    """Row records of a batch."""
    if not names:
        return [{} for _ in range(length)]
    if len(names) > 200:  # a display of that size is no longer a small expression
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    return record_maker(names)(columns)


class RowFunction:
    """A function of the row, in the cheapest form that it allows.

    ``reads`` names the input columns it needs.  When the compiler has a column form
    (``fusion.columnar``) `map` runs that loop; else each call gets a row record.
    """

    __slots__ = ("_call", "_eager", "_fused", "_kernel", "function", "reads")

    def __init__(self, function: Any, schema: Any) -> None:
        self._eager = False
        self._kernel: Any = _UNKNOWN
        self.function = function
        fused = columnar(function)
        if fused is not None and all(schema.has(name) for name in fused.fields):
            self._fused: Any = fused
            self.reads: Columns = tuple(fused.fields)
        else:
            self._fused = None
            reads, self._eager = declared(function)
            self.reads = schema.names if reads is None else reads
        self._call = bind(function, 1)

    @property
    def fused(self) -> bool:
        """Whether `map` is one loop over columns."""
        return self._fused is not None

    def vector(self, columns: list[Column], length: int, lazy: bool = False) -> Column | None:
        """The results of many rows where whole columns give them (``kernels.py``); None where the loop must.

        ``lazy`` asks for nothing but what may run before somebody reads a result.
        """
        fused = self._fused
        if fused is None or not columns or (lazy and not fused.cheap):
            return None
        for column in columns:  # no ``any``: a generator left early costs as much as the recursion is deep
            if column.array() is None:
                return None
        from mlang.tables import kernels

        if self._kernel is _UNKNOWN:
            self._kernel = kernels.kernel_of(self.function, self.reads)
        array = None if self._kernel is None else self._kernel.array(columns, length)
        if array is not None:
            return Column(raw=array)
        if len(columns) == 1 and fused.cheap:
            return kernels.by_text(columns[0], lambda texts: self.map([texts], len(texts)))
        return None

    def map(self, columns: list[list[Any]], length: int) -> list[Any]:
        """Results per row; failures sit in their place as failed thunks."""
        if self._fused is not None:
            fused: list[Any] = self._fused.map(columns, length)
            return fused
        result: list[Any] = []
        call = self._call
        for record in records(self.reads, columns, length):
            try:
                result.append(call(record))
            except MError as error:
                result.append(failed(error))
        return result

    def lazily(self, columns: list[list[Any]], length: int) -> list[Any]:
        """Thunks per row, none of them run yet; values at once where the column form is cheap."""
        if (self._eager or (self._fused is not None and self._fused.cheap)) and not any(
            map(waiting, columns)
        ):
            return self.map(columns, length)
        call, names = self._call, self.reads
        return [Thunk(_delayed(call, names, columns, i)) for i in range(length)]

    def each(self, columns: list[list[Any]], length: int) -> Iterator[Any]:
        """Forced results, row by row; a failure is raised at its row."""
        if self._fused is not None:
            for value in self.map(columns, length):
                yield value.get() if value.__class__ is Thunk else value
            return
        call = self._call
        for record in records(self.reads, columns, length):
            yield call(record)


_UNKNOWN = object()


def called(call: Callable[[Any], Any], argument: Any) -> Callable[[], Any]:
    """The delayed call of a function."""
    return lambda: call(argument)


def waiting(column: list[Any]) -> bool:
    """Whether a column has cells that nobody computed yet; computing them may be dear."""
    return Thunk in set(map(type, column)) and any(
        cell.__class__ is Thunk and cell.state == WAITING for cell in column
    )


#: Classes of cells that may hold null without being None.
WRAPPED = frozenset({Thunk, Annotated})


def is_null(cell: Any) -> bool:
    """Whether a cell holds null, with metadata or without; computes it.  An error is none."""
    try:
        return strip(force(cell)) is None
    except MError:
        return False


def declared(function: Any) -> tuple[Columns | None, bool]:
    """What a row function of the library reads, and whether it may run at once (``row_function``)."""
    spec = function.spec if function.__class__ is Function else None
    if spec is None or spec.name != "row" or spec.node is not None:
        return None, False
    reads, eager, _ = spec.document
    return reads, eager


def _delayed(call: Callable[..., Any], names: Columns, columns: list[list[Any]], i: int) -> Callable[[], Any]:
    return lambda: call({name: column[i] for name, column in zip(names, columns, strict=True)})


def columnar(function: Any) -> Any:
    """The compiler's column form of a row function, or None."""
    if function.__class__ is not Function or function.spec is None or function.spec.node is None:
        return None
    if not (function.least <= 1 and (function.most is None or function.most >= 1)):
        return None
    return _form()(function)


@cache  # an import statement takes time that grows with the generators around it
def _form() -> Callable[[Any], Any]:
    from mlang.compile.fusion import columnar as form

    return form


def picker(have: Columns, want: Columns) -> Callable[[list[list[Any]]], list[list[Any]]]:
    """A function that picks the wanted columns out of a batch's columns."""
    if have == want:
        return lambda columns: columns
    places = [have.index(name) for name in want]
    return lambda columns: [columns[i] for i in places]


def merged(columns: Columns, more: Iterable[str]) -> Columns:
    """The columns, and those of ``more`` that are not among them."""
    seen = dict.fromkeys(columns)
    seen.update(dict.fromkeys(more))
    return tuple(seen)


# ---------------------------------------------------------------- sources


@runs(p.Values)
def run_values(node: p.Values, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Columns in memory; many rows in large batches, whose Arrow form is remembered."""
    if limit is None and many(node.length):
        return batches.cut(batches.memory(node, columns), node.length)
    chosen = [node.columns[node.schema.index(name)] for name in columns]
    return in_batches(chosen, node.length, limit)


@runs(p.Rows)
def run_rows(node: p.Rows, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """Rows that a function enumerates."""
    names = node.schema.names
    pick = picker(names, columns)
    for batch in batched_rows(node.make(), len(names), limit):
        yield Batch(pick(batch.columns), batch.length)


@runs(p.Scan)
def run_scan(node: p.Scan, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """A connector's table, read by the interpreter's way in."""
    of = dict(zip(node.schema.names, node.columns, strict=True))
    return node.source.batches([of[name] for name in columns], limit)


@runs(p.Step)
def run_step(node: p.Step, columns: Columns, limit: int | None) -> Iterator[Batch]:
    """A step that brings its own function; it gives all columns, of which the wanted are picked."""
    pick = picker(node.schema.names, columns)
    for batch in node.run(*[_enumerator(part) for part in node.parts]):
        yield Batch(pick(batch.columns), batch.length)


def _enumerator(part: p.Plan) -> Callable[..., Iterator[Batch]]:
    def enumerate_batches(columns: Columns | None = None, limit: int | None = None) -> Iterator[Batch]:
        return execute(part, part.schema.names if columns is None else tuple(columns), limit)

    return enumerate_batches
