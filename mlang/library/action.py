"""Action.*, TableAction.* and ValueAction.*: actions as values (FUN-16).

An action describes something to be done.  Queries may make and pass actions, but
nothing here does what they describe; printed, an action is the call that made it.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.library.arguments import of_kind
from mlang.registry import builtin, constant
from mlang.values.functions import Function
from mlang.values.lists import forced
from mlang.values.show import to_m

_NEVER = "running the action"


class Action:
    """What is to be done: the name of the function that made it, and its arguments."""

    __slots__ = ("arguments", "meta", "name")
    m_kind = "action"

    def __init__(self, name: str, *arguments: Any, meta: dict[str, Any] | None = None) -> None:
        self.name, self.arguments, self.meta = name, arguments, meta

    def with_meta(self, meta: dict[str, Any] | None) -> Action:
        """The same action with other metadata."""
        return Action(self.name, *self.arguments, meta=meta)

    def __repr__(self) -> str:
        if not self.arguments:
            return self.name
        return f"{self.name}({', '.join([to_m(a) for a in self.arguments])})"


constant("Action.DoNothing", Action("Action.DoNothing"), "The action that does nothing.", __name__)


@builtin("Action.Return(value as any) as action", raw=True, missing=_NEVER)
def action_return(value: Any) -> Action:
    """Makes the action that does nothing and gives a value."""
    return Action("Action.Return", value)


@builtin("Action.Sequence(actions as list) as action", missing=_NEVER)
def sequence(actions: Any) -> Action:
    """Makes one action of several: actions, or functions of the result before that give actions."""
    parts = list(forced(actions))
    for part in parts:
        if part.__class__ is not Function:
            of_kind(part, "action")
    return Action("Action.Sequence", parts)


@builtin("Action.Try(action as action) as action", missing=_NEVER)
def action_try(action: Action) -> Action:
    """Makes the action that gives a record of what another one gives, or of its error."""
    return Action("Action.Try", action)


@builtin("Action.WithErrorContext(action as action, context as text) as action", missing=_NEVER)
def with_error_context(action: Action, context: str) -> Action:
    """Makes the action whose errors mention a context."""
    return Action("Action.WithErrorContext", action, context)


@builtin("Action.View(action as nullable action, handlers as record) as action", missing=_NEVER)
def view(action: Action | None, handlers: dict[str, Any]) -> Action:
    """Makes the action that handlers answer for."""
    return Action("Action.View", action, handlers)


@builtin("Action.ViewFunction(function as function) as function", missing="handlers for calls")
def view_function(function: Function) -> Function:
    """Gives the function itself: views here have no handlers for calls."""
    return function


@builtin(
    "Action.ViewError(errorRecord as record) as record", missing="errors that stop the fallback of a view"
)
def view_error(record: dict[str, Any]) -> Any:
    """Would mark an error record so that a view does not fall back; not supported."""
    raise errors.not_supported("Action.ViewError", "an error that stops the fallback of a view")


@builtin("TableAction.InsertRows(table as table, rowsToInsert as table) as action", missing=_NEVER)
def insert_rows(table: Any, rows: Any) -> Action:
    """Makes the action that adds rows to a table."""
    return Action("TableAction.InsertRows", table, rows)


@builtin("TableAction.DeleteRows(table as table) as action", missing=_NEVER)
def delete_rows(table: Any) -> Action:
    """Makes the action that deletes the rows of a table."""
    return Action("TableAction.DeleteRows", table)


@builtin("TableAction.UpdateRows(table as table, columnUpdates as list) as action", missing=_NEVER)
def update_rows(table: Any, updates: Any) -> Action:
    """Makes the action that updates columns of the rows of a table."""
    return Action("TableAction.UpdateRows", table, updates)


@builtin("TableAction.Tee(table as table, actions as list) as action", missing=_NEVER)
def tee(table: Any, actions: Any) -> Action:
    """Makes the action that hands a table to several functions that give actions."""
    return Action("TableAction.Tee", table, actions)


@builtin("ValueAction.Replace(target as any, source as any) as action", missing=_NEVER)
def replace(target: Any, source: Any) -> Action:
    """Makes the action that replaces a value of a source."""
    return Action("ValueAction.Replace", target, source)


@builtin(
    "ValueAction.NativeStatement(target as any, statement as text, optional parameters as any, "
    "optional options as nullable record) as action",
    missing=_NEVER,
)
def native_statement(target: Any, statement: str, parameters: Any = None, options: Any = None) -> Action:
    """Makes the action that runs a statement in the language of a source."""
    return Action("ValueAction.NativeStatement", target, statement, parameters, options)


@builtin("ValueAction.BeginTransaction(values as record) as any", missing="transactions")
def begin_transaction(values: dict[str, Any]) -> Any:
    """Would begin a transaction; not supported."""
    raise errors.not_supported("ValueAction.BeginTransaction", "a transaction")


@builtin("ValueAction.CommitTransaction(values as record) as any", missing="transactions")
def commit_transaction(values: dict[str, Any]) -> Any:
    """Would end a transaction; not supported."""
    raise errors.not_supported("ValueAction.CommitTransaction", "a transaction")
