"""Views: tables whose type, rows, row count and steps come from handlers (TBL-100 to TBL-103).

A view is a `plan.Scan` of a `ViewSource`.  Steps above it only extend the plan, as above any table;
when somebody reads, `resolved` hands each step that stands directly on a view to the handler of
that step (``OnTake``, ``OnSelectRows`` …), from the bottom up, and goes on with the table that it
returns.  Where there is no handler the step stands on the table underneath; where a handler raises, on
the rows of the view, unless the error was made by ``Table.ViewError``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve

from mlang import errors
from mlang.errors import MError
from mlang.library.arguments import of_kind
from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.tables import table as tables
from mlang.tables.flow import Batch, Source
from mlang.tables.table import Table
from mlang.values.functions import Function, Spec, apply, as_function
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import TableType

#: A handler's name and its arguments.
Call = tuple[str, list[Any]]
_NOTHING = object()


def handler_of(handlers: dict[str, Any], name: str) -> Function | None:
    """The handler of that name, if there is one."""
    value = strip(force(handlers.get(name)))
    return None if value is None else as_function(value)


def asked(handlers: dict[str, Any], name: str, arguments: list[Any], kind: str | None = None) -> Any:
    """What a handler answers; `_NOTHING` when there is none, or when it raises an error that is not final."""
    try:
        handler = handler_of(handlers, name)
        if handler is None:
            return _NOTHING
        most = len(arguments) if handler.most is None else handler.most
        answer = apply(handler, *arguments[:most])
        return answer if kind is None else of_kind(answer, kind)
    except MError as error:
        if error.final:
            raise
        return _NOTHING


class ViewSource(Source):
    """What `Table.View` was given."""

    label = "Table.View"

    def __init__(self, table: Table | None, handlers: dict[str, Any]) -> None:
        self.table, self.handlers = table, handlers

    def type(self) -> TableType:
        """The view's table type."""
        if self.table is None:
            type = strip(apply(handler_of(self.handlers, "GetType")))
        else:
            type = asked(self.handlers, "GetType", [], "type")
            if type is _NOTHING:
                return self.table.type
        if not isinstance(type, TableType):
            raise errors.cannot_convert(type, "Table")
        return TableType(type.row, type.keys, False, type.partition_key) if type.nullable else type

    def rows(self) -> Table:
        """The table of ``GetRows``, else the one underneath."""
        if self.table is None:
            answer: Table = of_kind(apply(handler_of(self.handlers, "GetRows")), "table")
            return answer
        answer = asked(self.handlers, "GetRows", [], "table")
        return self.table if answer is _NOTHING else answer

    def batches(self, columns: list[str] | None, limit: int | None) -> Iterator[Batch]:
        """The view's rows."""
        return self.rows().batches(columns, limit)

    def row_count(self) -> int | None:
        """What ``GetRowCount`` says, whatever the rows are (TBL-102)."""
        count = asked(self.handlers, "GetRowCount", [], "number")
        if count is not _NOTHING and count >= 0 and count == count // 1:
            return int(count)
        below = _view(self.table.plan) if self.table is not None else None
        return None if below is None else below.row_count()


def make_view(table: Table | None, handlers: dict[str, Any]) -> Table:
    """The table value of a view."""
    tables.resolve_with(resolved)
    if table is None:
        for name in ("GetType", "GetRows"):
            if name not in handlers:
                raise errors.field_not_found(name, handlers)
    source = ViewSource(table, handlers)
    type = source.type()
    return Table(p.Scan(type, source, type.names, "Table.View"))


# ---------------------------------------------------------------- steps to handlers


def _project(node: p.Project, inputs: tuple[p.Plan, ...], side: int) -> Call | None:
    if all(new == old for new, old in node.columns):
        return "OnSelectColumns", [[new for new, _ in node.columns]]
    if tuple(old for _, old in node.columns) != inputs[0].schema.names:
        return None
    renames = [{"OldName": old, "NewName": new} for new, old in node.columns if new != old]
    return "OnRenameColumns", [renames]


def _sort(node: p.Sort, inputs: tuple[p.Plan, ...], side: int) -> Call | None:
    if any(key.column is None for key in node.keys):
        return None
    return "OnSort", [[{"Name": key.column, "Order": float(key.descending)} for key in node.keys]]


def _add_column(node: p.AddColumn, inputs: tuple[p.Plan, ...], side: int) -> Call | None:
    type = schemas.column_type(node.schema, node.column)
    return "OnAddColumns", [[{"Name": node.column, "Function": node.value, "Type": type}]]


def _group(node: p.Group, inputs: tuple[p.Plan, ...], side: int) -> Call | None:
    if node.local or node.comparer is not None:
        return None
    aggregates = [
        {"Name": a.column, "Function": a.value, "Type": schemas.column_type(node.schema, a.column)}
        for a in node.aggregates
    ]
    return "OnGroup", [list(node.keys), aggregates]


def _distinct(node: p.Distinct, inputs: tuple[p.Plan, ...], side: int) -> Call | None:
    if any(comparer is not None for _, comparer in node.columns):
        return None
    return "OnDistinct", [[name for name, _ in node.columns] or list(node.schema.names)]


def _join(node: p.Join, inputs: tuple[p.Plan, ...], side: int) -> Call | None:
    if node.comparers is not None:
        return None
    keys = [{"Left": a, "Right": b} for a, b in zip(node.left_keys, node.right_keys, strict=True)]
    return "OnJoin", [float(side), Table(inputs[0]), Table(inputs[1]), keys, float(node.kind)]


def _append(node: p.Append, inputs: tuple[p.Plan, ...], side: int) -> Call | None:
    return "OnCombine", [[Table(part) for part in inputs], float(side)]


def _counted(name: str) -> Callable[[Any, tuple[p.Plan, ...], int], Call | None]:
    return lambda node, inputs, side: None if node.count is None else (name, [float(node.count)])


_CALLS: dict[type, Callable[[Any, tuple[p.Plan, ...], int], Call | None]] = {
    p.Take: _counted("OnTake"),
    p.Drop: _counted("OnSkip"),
    p.Project: _project,
    p.SelectRows: lambda node, inputs, side: ("OnSelectRows", [node.predicate]),
    p.Sort: _sort,
    p.AddColumn: _add_column,
    p.Group: _group,
    p.Distinct: _distinct,
    p.Pivot: lambda node, inputs, side: (
        "OnPivot", [list(node.values), node.attribute, node.value, node.aggregate]
    ),
    p.Unpivot: lambda node, inputs, side: (
        "OnUnpivot", [list(node.columns), node.attribute, node.value]
    ),
    p.Join: _join,
    p.Append: _append,
}  # fmt: skip


# ---------------------------------------------------------------- plans


def resolved(plan: p.Plan) -> p.Plan:
    """The plan after the handlers of its views had their say."""
    if not _has_view(plan):
        return plan
    done: dict[int, p.Plan] = {}
    stack = [(plan, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        below = _inputs(node)
        if ready:
            done[id(node)] = _handled(node, tuple(done[id(part)] for part in below))
        else:
            stack.append((node, True))
            stack += [(part, False) for part in below]
    return done[id(plan)]


def _inputs(node: p.Plan) -> tuple[p.Plan, ...]:
    """What a step reads; a buffer that is filled reads nothing any more."""
    return () if isinstance(node, p.Buffer) and node.cell else node.inputs


def _has_view(plan: p.Plan) -> bool:
    stack, seen = [plan], {id(plan)}
    while stack:
        node = stack.pop()
        if _view(node) is not None:
            return True
        for part in _inputs(node):
            if id(part) not in seen:
                seen.add(id(part))
                stack.append(part)
    return False


def _view(node: p.Plan) -> ViewSource | None:
    source = node.source if isinstance(node, p.Scan) else None
    return source if isinstance(source, ViewSource) else None


def _handled(node: p.Plan, inputs: tuple[p.Plan, ...]) -> p.Plan:
    """A step over resolved inputs: what a handler makes of it, or the step itself."""
    call_of = _CALLS.get(node.__class__)
    for side in range(len(inputs)):
        while (view := _view(inputs[side])) is not None:  # the table below a view may be a view too
            call = call_of(node, inputs, side) if call_of is not None else None
            if call is not None and view.handlers.get(call[0]) is not None:
                answer = asked(view.handlers, call[0], call[1], "table")
                plan = None if answer is _NOTHING else _fitting(node, resolved(answer.plan))
                if plan is not None:
                    return plan
                break
            if view.table is None or view.table.names != inputs[side].schema.names:
                break
            inputs = (*inputs[:side], resolved(view.table.plan), *inputs[side + 1 :])
    if all(old is new for old, new in zip(_inputs(node), inputs, strict=True)):
        return node
    return _over(node, inputs)


def _fitting(node: p.Plan, plan: p.Plan) -> p.Plan | None:
    """A handler's table with the columns of the step in their order; None when it has others."""
    names = node.schema.names
    if plan.schema.names == names:
        return plan
    if sorted(plan.schema.names) != sorted(names):
        return None
    columns = tuple((name, name) for name in names)
    return p.Project(schemas.projected(plan.schema, columns), plan, columns)


def _over(node: p.Plan, inputs: tuple[p.Plan, ...]) -> p.Plan:
    """The same step over other inputs."""
    if isinstance(node, p.OneInput):
        return evolve(node, input=inputs[0])
    if isinstance(node, (p.Append, p.Step)):
        return evolve(node, parts=inputs)
    if isinstance(node, (p.Join, p.NestedJoin)):
        return evolve(node, left=inputs[0], right=inputs[1])
    return node


# ---------------------------------------------------------------- functions of views


def handlers_of(value: Any) -> dict[str, Any] | None:
    """The handlers of a view (a table, or a binary of ``Binary.View``); None for all other values."""
    value = strip(force(value))
    if value.__class__ is Table:
        view = _view(resolved(value.plan))
        return None if view is None else view.handlers
    handlers: dict[str, Any] | None = getattr(value, "handlers", None)
    return handlers


def invoked(function: Function, arguments: list[Any]) -> Any:
    """What ``OnInvoke`` of a view among the arguments makes of a call; `_NOTHING` when nobody handles it."""
    for place, argument in enumerate(arguments):
        handlers = handlers_of(argument)
        if handlers is not None and handlers.get("OnInvoke") is not None:
            answer = asked(handlers, "OnInvoke", [function, list(arguments), float(place)])
            if answer is not _NOTHING:
                return answer
    return _NOTHING


def handled(answer: Any) -> bool:
    """Whether a handler gave an answer."""
    return answer is not _NOTHING


def view_function(function: Function) -> Function:
    """A function that views may handle by ``OnInvoke``; else it is applied as it is."""

    def call(*arguments: Any) -> Any:
        answer = invoked(made, list(arguments))
        return answer if handled(answer) else function.fn(*arguments)

    spec = function.spec
    if spec is not None:
        spec = Spec(spec.parameters, spec.result, spec.result_nullable, name=spec.name)
    made = Function(call, function.least, function.most, spec, function.type, function.meta)
    return made
