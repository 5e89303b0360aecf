"""The relational plan: what table functions build instead of looping over rows.

A node is one table step.  It names the columns it reads by their M names, keeps row
functions as M functions (`values.functions.Function`: syntax tree and captured
variables), and knows its own schema.  ``local.py`` runs a plan by batches in Python;
``folding/`` turns the largest exact pieces of it into SQL.  Both read the same nodes.

What flows between the steps, and where it comes from, is in ``flow.py``.

Node groups: sources (`Values`, `Rows`, `Scan`), columns (`Project`, `AddColumn`,
`TransformColumns`, `ChangeTypes`, `AddIndex`, `Retype`), rows (`SelectRows`, `Take`,
`Drop`, `Sort`, `Distinct`, `Reverse` …), several tables (`Append`, `Join`,
`NestedJoin`), shape (`Group`, `Expand…`, `Pivot`, `Unpivot`), and `Step` for all that
only the interpreter does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import field, frozen

from mlang.tables.flow import Batch as Batch
from mlang.tables.flow import Source as Source
from mlang.values.types import MType, TableType


@frozen(eq=False, repr=False)
class Plan:
    """A step; ``schema`` is the table type of its result."""

    schema: TableType

    @property
    def inputs(self) -> tuple[Plan, ...]:
        """The plans this one reads, in order."""
        return ()

    @property
    def function(self) -> str:
        """The M function that this step comes from, for ``explain``."""
        return "Table." + self.__class__.__name__


@frozen(eq=False, repr=False)
class OneInput(Plan):
    """A step over one table."""

    input: Plan

    @property
    def inputs(self) -> tuple[Plan, ...]:
        return (self.input,)


# ---------------------------------------------------------------- sources


@frozen(eq=False, repr=False)
class Values(Plan):
    """Columns in memory (``#table``, buffered tables); cells may be thunks."""

    columns: Sequence[list[Any]]
    length: int
    #: The columns as `column.Column`, once somebody wanted them so (``batches.memory``).
    parts: list[Any] = field(factory=list)

    @property
    def function(self) -> str:
        return "#table"


@frozen(eq=False, repr=False)
class Rows(Plan):
    """Rows that a function enumerates anew each time, as sequences of cells in schema order."""

    make: Callable[[], Iterator[Any]]
    name: str = "Table.FromRows"

    @property
    def function(self) -> str:
        return self.name


@frozen(eq=False, repr=False)
class Scan(Plan):
    """A connector's table; ``columns`` names the source's columns in schema order."""

    source: Source
    columns: tuple[str, ...]
    name: str = "source"

    @property
    def function(self) -> str:
        return self.name


@frozen(eq=False, repr=False)
class Related(OneInput):
    """A database table with columns for the rows of related tables (``related.py``): one per link, at the end."""

    links: tuple[Any, ...]

    @property
    def function(self) -> str:
        return self.input.function


# ---------------------------------------------------------------- columns


@frozen(eq=False, repr=False)
class Project(OneInput):
    """Chosen, reordered, renamed, removed or duplicated columns: (new name, old name or None for nulls)."""

    columns: tuple[tuple[str, str | None], ...]
    name: str = "Table.SelectColumns"

    @property
    def function(self) -> str:
        return self.name


@frozen(eq=False, repr=False)
class AddColumn(OneInput):
    """One more column at the end, ``value`` of the row."""

    column: str
    value: Any


@frozen(eq=False, repr=False)
class TransformColumns(OneInput):
    """Cells replaced by a function of the cell: (column, function)."""

    transforms: tuple[tuple[str, Any], ...]


@frozen(eq=False, repr=False)
class ChangeTypes(OneInput):
    """Cells converted to types: (column, target type); ``culture`` None is the session's."""

    changes: tuple[tuple[str, MType], ...]
    culture: str | None = None

    @property
    def function(self) -> str:
        return "Table.TransformColumnTypes"


@frozen(eq=False, repr=False)
class ReplaceValue(OneInput):
    """``Table.ReplaceValue``: replacer(cell, old, new) in the named columns.

    ``old`` and ``new`` are values, or functions of the row when ``per_row``.
    ``replacer`` is the function value; folding recognises Replacer.ReplaceValue and ReplaceText
    by ``replacer.spec.builtin``.
    """

    old: Any
    new: Any
    replacer: Any
    columns: tuple[str, ...]
    per_row: bool = False


@frozen(eq=False, repr=False)
class AddIndex(OneInput):
    """A running number at the end."""

    column: str
    start: Any
    step: Any

    @property
    def function(self) -> str:
        return "Table.AddIndexColumn"


@frozen(eq=False, repr=False)
class Retype(OneInput):
    """Another table type over the same cells, columns matched by position (TYP-07)."""

    name: str = "Value.ReplaceType"

    @property
    def function(self) -> str:
        return self.name


@frozen(eq=False, repr=False)
class Fill(OneInput):
    """Nulls replaced by the last (down) or next (up) value of the column."""

    columns: tuple[str, ...]
    down: bool

    @property
    def function(self) -> str:
        return "Table.FillDown" if self.down else "Table.FillUp"


@frozen(eq=False, repr=False)
class ReplaceErrors(OneInput):
    """Error cells replaced: (column, value)."""

    replacements: tuple[tuple[str, Any], ...]

    @property
    def function(self) -> str:
        return "Table.ReplaceErrorValues"


# ---------------------------------------------------------------- rows


@frozen(eq=False, repr=False)
class SelectRows(OneInput):
    """Rows whose predicate is true (null: not selected, TBL-41)."""

    predicate: Any
    name: str = "Table.SelectRows"

    @property
    def function(self) -> str:
        return self.name


@frozen(eq=False, repr=False)
class ErrorRows(OneInput):
    """Rows with (``keep``) or without an error in the named columns."""

    columns: tuple[str, ...]
    keep: bool

    @property
    def function(self) -> str:
        return "Table.SelectRowsWithErrors" if self.keep else "Table.RemoveRowsWithErrors"


@frozen(eq=False, repr=False)
class Take(OneInput):
    """The first ``count`` rows, or the leading rows for which the function ``condition`` holds."""

    count: int | None
    condition: Any = None

    @property
    def function(self) -> str:
        return "Table.FirstN"


@frozen(eq=False, repr=False)
class Drop(OneInput):
    """All rows but the first ``count``, or but the leading rows for which ``condition`` holds.

    ``header`` is the first row of a file, by column, where names were made of it: it must be the same when it is read.
    """

    count: int | None
    condition: Any = None
    header: dict[str, str] | None = None

    @property
    def function(self) -> str:
        return "Table.Skip"


@frozen(eq=False, repr=False)
class TakeLast(OneInput):
    """The last ``count`` rows, or the trailing run for which ``condition`` holds."""

    count: int | None
    condition: Any = None

    @property
    def function(self) -> str:
        return "Table.LastN"


@frozen(eq=False, repr=False)
class DropLast(OneInput):
    """All rows but the last ``count``, or but the trailing run for which ``condition`` holds."""

    count: int | None
    condition: Any = None

    @property
    def function(self) -> str:
        return "Table.RemoveLastN"


@frozen(eq=False, repr=False)
class Reverse(OneInput):
    """Rows in reverse order."""

    @property
    def function(self) -> str:
        return "Table.ReverseRows"


@frozen(eq=False, repr=False)
class SortKey:
    """One sort criterion: a column name, or a function of the row; descending or not.

    ``comparer`` is a function of two rows (then ``column`` and ``key`` are None).
    """

    column: str | None = None
    key: Any = None
    comparer: Any = None
    descending: bool = False


@frozen(eq=False, repr=False)
class Sort(OneInput):
    """Stable order by keys; nulls first ascending, last descending (TBL-61)."""

    keys: tuple[SortKey, ...]


@frozen(eq=False, repr=False)
class Distinct(OneInput):
    """The first row of each key: (column, comparer or None); no columns means whole rows."""

    columns: tuple[tuple[str, Any], ...] = ()


@frozen(eq=False, repr=False)
class Buffer(OneInput):
    """Rows pinned in memory at first use; ``cell`` holds the `Values` once made.

    ``waits`` holds something while nobody has read them and an engine gives the same rows later: then one query may
    read the input itself (`Steady`).
    """

    cell: list[Any] = field(factory=list)
    delayed: bool = False
    waits: list[bool] = field(factory=list)


@frozen(eq=False, repr=False)
class Whole(OneInput):
    """The input's rows, if one query of an engine gives them all, and an empty batch; else nothing (`asking.py`)."""


@frozen(eq=False, repr=False)
class Steady(OneInput):
    """An empty batch, if a query of an engine gives the input's rows, now or later, and none raises; else nothing."""


# ---------------------------------------------------------------- several tables


@frozen(eq=False, repr=False)
class Append(Plan):
    """Tables one after the other; schema columns missing in a part are null (``Table.Combine``)."""

    parts: tuple[Plan, ...]

    @property
    def inputs(self) -> tuple[Plan, ...]:
        return self.parts

    @property
    def function(self) -> str:
        return "Table.Combine"


#: Join kinds by their M number (TBL-77).
INNER, LEFT_OUTER, RIGHT_OUTER, FULL_OUTER, LEFT_ANTI, RIGHT_ANTI, LEFT_SEMI, RIGHT_SEMI = range(8)


@frozen(eq=False, repr=False)
class Join(Plan):
    """``Table.Join``.  The schema has the left columns, then the right ones of ``right_columns``.

    ``right_columns`` leaves out the right key columns that an inner join on equal names drops (TBL-79);
    semi joins keep the columns as the engine does (all of both sides).  ``comparers`` is one key
    equality comparer per key, or None.
    """

    left: Plan
    right: Plan
    left_keys: tuple[str, ...]
    right_keys: tuple[str, ...]
    kind: int
    right_columns: tuple[str, ...]
    comparers: tuple[Any, ...] | None = None

    @property
    def inputs(self) -> tuple[Plan, ...]:
        return (self.left, self.right)


@frozen(eq=False, repr=False)
class NestedJoin(Plan):
    """``Table.NestedJoin``: the left columns and one column of tables."""

    left: Plan
    right: Plan
    left_keys: tuple[str, ...]
    right_keys: tuple[str, ...]
    column: str
    kind: int
    comparers: tuple[Any, ...] | None = None

    @property
    def inputs(self) -> tuple[Plan, ...]:
        return (self.left, self.right)


# ---------------------------------------------------------------- shape


@frozen(eq=False, repr=False)
class Aggregate:
    """One aggregate of a group: result column and function of the group's table."""

    column: str
    value: Any


@frozen(eq=False, repr=False)
class Group(OneInput):
    """``Table.Group``; schema: keys, then aggregates.  ``local`` groups runs only; ``comparer`` as TBL-69
    (``single`` tells that the key was given as one text, so the comparer gets scalars)."""

    keys: tuple[str, ...]
    aggregates: tuple[Aggregate, ...]
    local: bool = False
    comparer: Any = None
    single: bool = False


@frozen(eq=False, repr=False)
class ExpandTable(OneInput):
    """``Table.ExpandTableColumn``: (inner column, new name)."""

    column: str
    fields: tuple[tuple[str, str], ...]

    @property
    def function(self) -> str:
        return "Table.ExpandTableColumn"


@frozen(eq=False, repr=False)
class ExpandRecord(OneInput):
    """``Table.ExpandRecordColumn``: (field, new name)."""

    column: str
    fields: tuple[tuple[str, str], ...]

    @property
    def function(self) -> str:
        return "Table.ExpandRecordColumn"


@frozen(eq=False, repr=False)
class ExpandList(OneInput):
    """``Table.ExpandListColumn``: one row per item; empty lists and nulls give one row with null."""

    column: str

    @property
    def function(self) -> str:
        return "Table.ExpandListColumn"


@frozen(eq=False, repr=False)
class Pivot(OneInput):
    """``Table.Pivot``: one column per pivot value, cells from ``value`` through ``aggregate`` (or None)."""

    values: tuple[str, ...]
    attribute: str
    value: str
    aggregate: Any = None


@frozen(eq=False, repr=False)
class Unpivot(OneInput):
    """``Table.Unpivot`` and ``UnpivotOtherColumns``: the pivoted columns become rows; null cells vanish."""

    columns: tuple[str, ...]
    attribute: str
    value: str


@frozen(eq=False, repr=False)
class Step(Plan):
    """A step that only the interpreter does: ``run`` gets the inputs' row iterators made on demand.

    ``run(*inputs)`` receives, per input, a function that enumerates its batches, and yields batches.
    ``recipe`` are the step's arguments, for engines that know the step by its name.
    """

    parts: tuple[Plan, ...]
    run: Callable[..., Iterator[Batch]]
    name: str
    recipe: tuple[Any, ...] | None = None

    @property
    def inputs(self) -> tuple[Plan, ...]:
        return self.parts

    @property
    def function(self) -> str:
        return self.name
