"""ItemExpression.*: functions of list items as syntax trees; the same trees as for rows (FUN-06)."""

from __future__ import annotations

from typing import Any

from mlang.library import syntax_records
from mlang.registry import builtin
from mlang.registry import constant as declare
from mlang.values.functions import Function


@builtin("ItemExpression.From(function as function) as record")
def from_function(function: Function) -> dict[str, Any]:
    """Gives the body of a function of one item as a syntax tree of records."""
    return syntax_records.tree(function)


declare("ItemExpression.Item", syntax_records.ROW, "The syntax tree that stands for the item.", __name__)
