"""``Table.AddColumn`` with a function made by ``Function.ScalarVector`` (FUN-03).

`vector_column` recognises ``each f([a], [b])``.  What ``f`` is shows when the first cell is read:
then a vector function gets the arguments of a whole batch of rows at once, and any other
function is called for the one row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang.syntax import nodes
from mlang.values.functions import Function, bind, captured
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, force

_MISSING = object()


class VectorColumn:
    """A call of one outer function on fields of the row; ``reads`` are those, in argument order."""

    __slots__ = ("called", "reads", "row")

    def __init__(self, called: Any, fields: tuple[str, ...], row: Function) -> None:
        self.called, self.reads, self.row = called, fields, row

    def lazily(self, columns: list[list[Any]], length: int) -> list[Any]:
        """The delayed results of a batch, whose arguments are ``columns``."""
        batch = Thunk(lambda: self._batch(columns, length))
        return [Thunk(_cell(batch, i)) for i in range(length)]

    def _batch(self, columns: list[list[Any]], length: int) -> Callable[[int], Any]:
        """What gives the result of a row: taken from the batch's results, or called for it."""
        function = strip(force(self.called))
        spec = function.spec if function.__class__ is Function else None
        if spec is not None and spec.name == "Function.ScalarVector" and spec.node is None:
            shape, vector = spec.document
            if len(shape.parameters) == len(columns):
                from mlang.library.function import apply_vector

                results = apply_vector(shape, vector, columns, length)
                return lambda i: force(results[i])
        call, names = bind(self.row, 1), self.reads
        return lambda i: call({n: column[i] for n, column in zip(names, columns, strict=True)})


def _cell(batch: Thunk, i: int) -> Callable[[], Any]:
    return lambda: batch.get()(i)


def vector_column(function: Any) -> VectorColumn | None:
    """The call of an outer function that a row function is; None when it is something else."""
    spec = function.spec if function.__class__ is Function else None
    body = spec.node.body if spec is not None and isinstance(spec.node, nodes.Each) else None
    if not isinstance(body, nodes.Invocation) or not isinstance(body.function, nodes.Name) or spec is None:
        return None
    fields = []
    for argument in body.arguments:
        if not isinstance(argument, nodes.FieldAccess) or argument.optional:
            return None
        if argument.target is not None and argument.target != nodes.Name("_"):
            return None
        fields.append(argument.name)
    if not fields or len(set(fields)) < len(fields) or body.function.name == "_":
        return None
    called = captured(function, body.function.name, _MISSING)
    if called is _MISSING:
        from mlang.compile.entry import Environment

        unit = spec.document
        found = (
            Environment(unit.document, unit.section).find(body.function.name) if unit is not None else None
        )
        if found is None or found.builtin is not None:
            return None
        called = found.value
    if called.__class__ is not Thunk and called.__class__ is not Function:
        return None
    return VectorColumn(called, tuple(fields), function)
