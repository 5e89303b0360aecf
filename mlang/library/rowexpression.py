"""RowExpression.*: row functions as syntax trees, for views that translate them (FUN-06)."""

from __future__ import annotations

from typing import Any

from mlang.library import syntax_records
from mlang.registry import builtin
from mlang.registry import constant as declare
from mlang.values.functions import Function


@builtin("RowExpression.From(function as function) as record")
def from_function(function: Function) -> dict[str, Any]:
    """Gives the body of a function of one row as a syntax tree of records."""
    return syntax_records.tree(function)


@builtin("RowExpression.Column(columnName as text) as record")
def column(name: str) -> dict[str, Any]:
    """Gives the syntax tree that stands for a column of the row."""
    return syntax_records.column(name)


declare("RowExpression.Row", syntax_records.ROW, "The syntax tree that stands for the row.", __name__)
