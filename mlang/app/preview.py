"""A value at the prompt: as M text, but never more of it than a screen holds.

A list of ten million items, a record that holds itself or a text of a megabyte is cut where the screen
ends; only what is shown is evaluated.  Tables have their own grid (``render.py``); `to_m` writes whole values.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlang.app.hints import brief
from mlang.errors import MError
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.related import related_kind
from mlang.values.show import identifier, text_literal, to_m
from mlang.values.thunk import force

#: Items of a list that one page shows, and of a list inside it; levels of nesting.
PAGE, NESTED, DEPTH = 100, 12, 4
#: Characters of a text, and of one inside another value.
TEXT, NESTED_TEXT = 2000, 200


def preview(value: Any, width: int) -> str:
    """The value as text: records with a field a line when they are wider than the screen."""
    value = strip(value)
    if kind_of(value) != "record":
        return _text(value, 0)
    fields = [f"{identifier(n)} = {_member(v, 1)}" for n, v in _some(value.items(), PAGE)]
    if len(value) > PAGE:
        fields.append(f"... {len(value) - PAGE} more fields")
    line = f"[{', '.join(fields)}]"
    return line if len(line) <= width else "[\n  " + ",\n  ".join(fields) + "\n]"


def page(items: Any, start: int) -> tuple[str, bool]:
    """A page of a list, and whether there is more of it."""
    texts = []
    more = False
    for position, item in enumerate(_from(items, start)):
        if position >= PAGE:
            more = True
            break
        texts.append(_member(item, 1))
    opening = "{" if start == 0 else "..., "
    return opening + ", ".join(texts) + (", ..." if more else "}"), more


def _from(items: Any, start: int) -> Iterator[Any]:
    if items.__class__ is list:
        return iter(items[start : start + PAGE + 1])
    return (item for position, item in enumerate(items) if position >= start)


def _some(items: Any, limit: int) -> Iterator[Any]:
    return (item for _, item in zip(range(limit), items))


def _member(cell: Any, depth: int) -> str:
    """A member is evaluated when it is shown; one that fails shows its error."""
    related = related_kind(cell)
    if related is not None:
        return f"[{related.capitalize()}]"
    try:
        value = strip(force(cell))
    except MError as error:
        return f"error {text_literal(str(error))}"
    return _text(value, depth)


def _text(value: Any, depth: int) -> str:
    kind = kind_of(value)
    if kind == "text":
        limit = NESTED_TEXT if depth else TEXT
        if len(value) <= limit:
            return text_literal(value)
        return f"{text_literal(value[:limit])} ... {len(value):,} characters"
    if kind == "binary":
        return _bytes(value)
    if kind == "table":
        return brief(value)
    if kind == "record":
        if depth >= DEPTH:
            return "[...]"
        fields = [f"{identifier(n)} = {_member(v, depth + 1)}" for n, v in _some(value.items(), NESTED)]
        return "[" + ", ".join([*fields, *(["..."] if len(value) > NESTED else [])]) + "]"
    if kind == "list":
        if depth >= DEPTH:
            return "{...}"
        texts = [_member(item, depth + 1) for item in _some(value, NESTED + 1)]
        return "{" + ", ".join([*texts[:NESTED], *(["..."] if len(texts) > NESTED else [])]) + "}"
    return to_m(value)


def _bytes(value: Any) -> str:
    from mlang.values.binary import length

    size = length(value)
    return to_m(value) if size <= TEXT // 4 else f"[Binary {size:,} bytes]"
