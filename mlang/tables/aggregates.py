"""Aggregates that need no table for their group: ``each List.Sum([x])``, ``each Table.RowCount(_)``.

`recognise` reads the function's syntax tree: a list function of the library over one column is
called on the list of the group's cells, which is what it would get from the group's table, so
nothing else can come out.  All other aggregates get a table when their cell is read.  Read
``gathering.py`` for groups whose rows pass by.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

from mlang import registry
from mlang.errors import MError
from mlang.syntax import nodes
from mlang.tables.keys import has_nan
from mlang.values.functions import Function, captured
from mlang.values.thunk import failed

_MISSING = object()

#: Functions of one list that always end, and look at nothing but its items.
PURE = frozenset(
    "List." + name
    for name in (
        "Sum", "Average", "Min", "Max", "Count", "NonNullCount", "First", "Last", "Median", "Product",
        "StandardDeviation", "Mode", "Modes", "IsEmpty", "IsDistinct",
    )
)  # fmt: skip


_DOUBLES = {float}


def _sum(cells: list[float]) -> float:
    return reduce(add, cells, 0.0)  # left to right, as List.Sum adds; sum() compensates since Python 3.12


def _average(cells: list[float]) -> float:
    return reduce(add, cells, 0.0) / len(cells)


def _least(cells: list[float]) -> float | None:
    return None if has_nan(cells) else min(cells) + 0.0  # zero without a sign


def _greatest(cells: list[float]) -> float | None:
    return None if has_nan(cells) else max(cells) + 0.0


#: What the functions give for doubles only, without looking at each item's kind; None where that is not sure.
_OF_DOUBLES: dict[str, Callable[[list[float]], float | None]] = {
    "List.Sum": _sum,
    "List.Average": _average,
    "List.Min": _least,
    "List.Max": _greatest,
    "List.NonNullCount": lambda cells: float(len(cells)),
}


class ListAggregate:
    """A library function of one column; ``column`` is None for the number of rows."""

    __slots__ = ("call", "column", "name")

    def __init__(self, name: str, call: Callable[..., Any], column: str | None) -> None:
        self.name, self.call, self.column = name, call, column

    def of(self, cells: list[Any]) -> Any:
        """The aggregate of one group's cells; a failure becomes a failed thunk."""
        fast = _OF_DOUBLES.get(self.name)
        if fast is not None and set(map(type, cells)) == _DOUBLES:
            found = fast(cells)
            if found is not None:
                return found
        try:
            return self.call(cells)
        except MError as error:
            return failed(error)


def list_function(function: Any) -> ListAggregate | None:
    """A pure list function of the library given as it is (``List.Sum``), or None."""
    builtin = function.spec.builtin if function.__class__ is Function and function.spec is not None else None
    if builtin is None or builtin.name not in PURE:
        return None
    return ListAggregate(builtin.name, function.fn, "")


def recognise(function: Any) -> ListAggregate | None:
    """The list aggregate that a group function is, or None."""
    if function.__class__ is not Function or function.spec is None:
        return None
    spec = function.spec
    if spec.builtin is not None:
        return ListAggregate("Table.RowCount", len, None) if spec.builtin.name == "Table.RowCount" else None
    node = spec.node
    if isinstance(node, nodes.Each):
        row = "_"
    elif isinstance(node, nodes.Function) and len(node.parameters) == 1:
        if node.parameters[0].type is not None or node.result is not None:
            return None
        row = node.parameters[0].name
    else:
        return None
    body = node.body
    if not isinstance(body, nodes.Invocation) or len(body.arguments) != 1:
        return None
    return _of_invocation(function, body, row)


def _of_invocation(function: Function, body: nodes.Invocation, row: str) -> ListAggregate | None:
    called = builtin_of(function, body.function, row)
    if called is None:
        return None
    name, argument = called.name, body.arguments[0]
    if name == "Table.RowCount":
        of_row = isinstance(argument, nodes.Name) and argument == nodes.Name(row)
        return ListAggregate(name, len, None) if of_row else None
    if name not in PURE or not isinstance(argument, nodes.FieldAccess) or argument.optional:
        return None
    target = argument.target
    if (target is None and row == "_") or (target is not None and target == nodes.Name(row)):
        return ListAggregate(name, registry.value_of(name).fn, argument.name)
    return None


def builtin_of(function: Function, node: nodes.Node, row: str) -> Any:
    """The library function that a name means inside a function; None when it means something else."""
    if not isinstance(node, nodes.Name) or node.name == row or function.spec is None:
        return None
    if captured(function, node.name, _MISSING) is not _MISSING:
        return None
    from mlang.compile.entry import Environment

    unit = function.spec.document
    found = Environment(unit.document, unit.section).find(node.name) if unit is not None else None
    entry = found.builtin if found is not None else None
    return entry if isinstance(entry, registry.Builtin) else None
