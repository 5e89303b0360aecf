"""Variable.*: named values that whoever starts an evaluation hands in (FUN-12)."""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.registry import builtin
from mlang.session import current
from mlang.values.thunk import force


@builtin("Variable.Value(identifier as text) as any")
def variable_value(name: str) -> Any:
    """Gives the value of a variable of the evaluation's surroundings; raises when there is none."""
    variables = current().variables
    if name not in variables:
        raise errors.variable_not_defined(name)
    return force(variables[name])


@builtin(
    "Variable.ValueOrDefault(identifier as text, optional defaultValue as any) as any", keeps="defaultValue"
)
def variable_value_or_default(name: str, default: Any = None) -> Any:
    """Gives the value of a variable of the evaluation's surroundings, or a default."""
    variables = current().variables
    return force(variables[name]) if name in variables else default
