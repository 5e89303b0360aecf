"""Replacer.*: the two replacing functions that List.ReplaceValue and Table.ReplaceValue take."""

from __future__ import annotations

from typing import Any

from mlang.registry import builtin
from mlang.values.compare import equal


@builtin(
    "Replacer.ReplaceText(text as nullable text, old as text, new as text) as nullable text", null="text"
)
def replace_text(text: str, old: str, new: str) -> str:
    """Replaces every occurrence of a text within a text."""
    return text.replace(old, new) if old else text


@builtin("Replacer.ReplaceValue(value as any, old as any, new as any) as any", keeps="value, new")
def replace_value(value: Any, old: Any, new: Any) -> Any:
    """Gives the new value when a value equals the old one, else the value itself."""
    return new if equal(value, old) else value
