"""Expression.Constant and Expression.Identifier: values and names as M source (FUN-05).

Expression.Evaluate is where documents are compiled: ``compile/entry.py``.
"""

from __future__ import annotations

from typing import Any

from mlang import errors
from mlang.registry import builtin
from mlang.values.kinds import kind_of
from mlang.values.show import identifier, to_m

_CONSTANTS = frozenset(
    ("null", "logical", "number", "text", "binary", "date", "time", "datetime", "datetimezone", "duration",
     "type")
)  # fmt: skip


@builtin("Expression.Constant(value as any) as text")
def constant_text(value: Any) -> str:
    """Writes a value as M source text."""
    if kind_of(value) not in _CONSTANTS:
        raise errors.not_a_constant(value)
    return to_m(value)


@builtin("Expression.Identifier(name as text) as text")
def identifier_text(name: str) -> str:
    """Writes a name as an M identifier, quoted when it needs quotes."""
    return name if _is_dotted(name) else identifier(name)


def _is_dotted(name: str) -> bool:
    """Whether every part of a dotted name stands without quotes."""
    return all(identifier(part) == part for part in name.split("."))
