"""Which plans over Arrow data in memory are left to the interpreter: `arrow_pass`.

Where each step moves whole columns, or is a loop of Arrow's own over them (``kernels.py``, ``codes.py``),
the interpreter is done before an engine has taken the rows in and given them out again
(measured, ``tests/benchmarks/bench_tables.py``).  What is said here is only about speed: a step that
turns out otherwise runs over cells, and gives the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang.connectors.sources import ArrowSource
from mlang.syntax import nodes
from mlang.tables import plan as p
from mlang.values.functions import Function

#: Kinds of columns that are Arrow arrays whose values are M values.
_TYPED = frozenset({"number", "text", "logical", "date"})
_MOVING = (p.Project, p.Retype, p.Append)


def arrow_pass(plan: p.Plan) -> bool:
    """Whether all rows are in memory, some of them as Arrow data, and each step is a pass over columns."""
    stack, arrow = [plan], False
    while stack:
        node = stack.pop()
        if isinstance(node, p.Scan):
            if not isinstance(node.source, ArrowSource) or node.source.data is None:
                return False
            arrow = True
        elif not isinstance(node, (p.Values, *_MOVING)):
            test = _TESTS.get(node.__class__)
            if test is None or not test(node):
                return False
        stack.extend(node.inputs)
    return arrow


def _typed(node: p.Plan, names: tuple[str, ...]) -> bool:
    schema = node.schema
    return all(schema.has(n) and schema.row.fields[schema.index(n)].type.kind in _TYPED for n in names)


def _by_kernel(function: Any) -> bool:
    """Whether a row function is of what kernels know."""
    spec = function.spec if function.__class__ is Function else None
    if spec is None or not isinstance(spec.node, (nodes.Each, nodes.Function)):
        return False
    from mlang.tables.kernels import known_form

    return known_form(spec.node.body)


def _by_library(function: Any) -> bool:
    from mlang.tables.kernels import is_columnar

    spec = function.spec if function.__class__ is Function else None
    if spec is not None and spec.builtin is not None:
        return is_columnar(spec.builtin.name)
    return _by_kernel(function)


def _read(node: p.ChangeTypes) -> bool:
    """Whether only text is read, as numbers or dates, or nothing changes."""
    of = node.input.schema.row.fields
    for name, type in node.changes:
        before = of[node.input.schema.index(name)].type.kind
        if before != type.kind and (before != "text" or type.kind not in ("number", "date")):
            return False
        if type.kind not in _TYPED:
            return False
    return True


def _counted(node: Any) -> bool:
    return node.condition is None


def _grouped(node: p.Group) -> bool:
    from mlang.tables.aggregates import recognise
    from mlang.tables.codes import is_columnar

    if node.local or node.comparer is not None or not node.keys or not _typed(node.input, node.keys):
        return False
    for aggregate in node.aggregates:
        form = recognise(aggregate.value)
        if form is None or not is_columnar(form):
            return False
        if form.column is not None and not _typed(node.input, (form.column,)):
            return False
    return True


def _joined(node: p.Join) -> bool:
    sides = (node.left, node.left_keys), (node.right, node.right_keys)
    return node.comparers is None and all(_typed(side, keys) for side, keys in sides)


def _after_group(node: p.Sort) -> bool:
    """Sorting what is left of a group takes no time."""
    below: p.Plan = node.input
    while isinstance(below, (*_MOVING, p.Sort, p.SelectRows)) and below.inputs:
        below = below.inputs[0]
    return isinstance(below, p.Group)


_TESTS: dict[type, Callable[[Any], bool]] = {
    p.SelectRows: lambda node: _by_kernel(node.predicate),
    p.AddColumn: lambda node: _by_kernel(node.value),
    p.TransformColumns: lambda node: all(_by_library(function) for _, function in node.transforms),
    p.ChangeTypes: _read,
    p.Take: _counted,
    p.Drop: _counted,
    p.Distinct: lambda node: not node.columns and _typed(node.input, node.schema.names),
    p.Group: _grouped,
    p.Join: _joined,
    p.Sort: _after_group,
}
