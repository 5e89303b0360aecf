"""Rows that equal one of some records, as conditions that engines know, too.

What rows are compared in comes from the equation criteria (``library/table/criteria.compared_in``): pairs of a column,
or a function of the row, and a comparer or None.  `wanted_cells` takes the values of the records; `condition` makes the
row function, with a recipe for ``folding/recipes.py`` where every value is one that SQL may name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mlang.errors import MError
from mlang.values.functions import Function, Param, Spec, bind
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import force

#: A column name or a function of the row, and what compares its values: a comparer of the library, or None.
Part = tuple[Any, Any]
#: The same with the value that is looked for.
Cell = tuple[Any, Any, Any]

#: Kinds that a condition may name.
_PLAIN = frozenset({"null", "number", "text", "logical", "date", "time", "datetime", "duration"})
#: So many records are looked for in one condition.
MOST = 100


def wanted_cells(
    schema: Any, rows: list[dict[str, Any]], parts: tuple[Part, ...] | None, whole: bool = False
) -> tuple[tuple[Cell, ...], ...] | None:
    """The cells of each record that decide; None when an engine cannot look for them.

    With ``whole`` a record equals a row only if it has all of its fields: others are left out.
    """
    if parts is None or not parts or len(rows) > MOST:
        return None
    wanted = []
    for row in rows:
        if whole and set(row) != set(schema.names):
            continue
        cells = _cells(schema, row, parts)
        if cells is None:
            return None
        wanted.append(cells)
    return tuple(wanted)


def _cells(schema: Any, row: dict[str, Any], parts: Iterable[Part]) -> tuple[Cell, ...] | None:
    cells = []
    for part, comparer in parts:
        try:
            if part.__class__ is Function:
                value = strip(force(bind(part, 1)(row)))
            elif part in row and schema.has(part):
                value = strip(force(row[part]))
            else:
                return None
        except MError:
            return None
        if kind_of(value) not in _PLAIN:
            return None
        cells.append((part, comparer, value))
    return tuple(cells)


def condition(
    test: Callable[[dict[str, Any]], bool],
    schema: Any,
    parts: tuple[Part, ...] | None,
    wanted: tuple[tuple[Cell, ...], ...] | None,
    keeps: bool = True,
) -> Function:
    """The condition that a row is one of the wanted (or, unless ``keeps``, none of them), which ``test`` decides."""
    recipe = None if wanted is None else ("matches", wanted, keeps)
    names = tuple(part for part, _ in parts or ())
    if parts is None or not all(name.__class__ is str and schema.has(name) for name in names):
        names = schema.names
    return of_row(test, tuple(dict.fromkeys(names)), recipe)


def of_row(
    call: Callable[[dict[str, Any]], Any], reads: tuple[str, ...], recipe: tuple[Any, ...] | None
) -> Function:
    """A function of the row made by the library: which columns it reads, and what it does in words for engines."""
    return Function(call, 1, 1, Spec((Param("row"),), name="row", document=(reads, False, recipe)))


def is_known(predicate: Function) -> bool:
    """Whether an engine may know what a condition made here does."""
    return predicate.spec is not None and predicate.spec.document[2] is not None
