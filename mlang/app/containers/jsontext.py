"""JSON values with their places in the text, so that one can be replaced and every other byte stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from mlang.app.containers.base import BrokenFile

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null")
_DEEPEST = 200


@dataclass(eq=False)
class Value:
    """A value: its text from ``start`` to ``end``; fields and items are values again."""

    start: int
    end: int
    value: Any = None
    fields: dict[str, Value] = field(default_factory=dict)
    keys: dict[str, Value] = field(default_factory=dict)
    items: list[Value] = field(default_factory=list)
    kind: str = "scalar"

    @classmethod
    def nothing(cls) -> Value:
        """A value without anything."""
        return cls(0, 0)

    def get(self, *names: str) -> Value | None:
        """The value of a field of a field …"""
        found: Value | None = self
        for name in names:
            found = found.fields.get(name) if found is not None else None
        return found

    def keyed(self) -> Iterator[tuple[Value | None, Value]]:
        """The items, or the fields with their keys."""
        yield from ((None, item) for item in self.items)
        yield from ((self.keys[name], value) for name, value in self.fields.items())

    def text(self) -> str | None:
        """A text, or lines that are one; None for anything else."""
        if isinstance(self.value, str):
            return self.value
        if self.kind == "list" and self.items and all(isinstance(i.value, str) for i in self.items):
            return "\n".join(i.value for i in self.items)
        return None


class JsonText:
    """A parsed JSON text."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        try:
            self.root = self._value(self._skip(0), 0)
            if self._skip(self.root.end) != len(text):
                raise ValueError
        except (ValueError, IndexError):
            raise BrokenFile(f"{where} holds no readable JSON.") from None

    def _skip(self, position: int) -> int:
        return _SPACE.match(self.text, position).end()  # type: ignore[union-attr]

    def _value(self, start: int, depth: int) -> Value:
        if depth > _DEEPEST:
            raise ValueError
        sign = self.text[start]
        if sign == '"':
            return self._string(start)
        if sign == "{":
            return self._record(start, depth)
        if sign == "[":
            return self._list(start, depth)
        match = _SCALAR.match(self.text, start)
        if match is None:
            raise ValueError
        return Value(start, match.end(), json.loads(match[0]))

    def _string(self, start: int) -> Value:
        value, end = scanstring(self.text, start + 1, False)
        return Value(start, end, value, kind="text")

    def _record(self, start: int, depth: int) -> Value:
        found = Value(start, start, kind="record")
        position = self._skip(start + 1)
        while self.text[position] != "}":
            if self.text[position] != '"':
                raise ValueError
            key = self._string(position)
            position = self._skip(key.end)
            if self.text[position] != ":":
                raise ValueError
            value = self._value(self._skip(position + 1), depth + 1)
            found.fields[key.value], found.keys[key.value] = value, key
            position = self._next(value.end, "}")
        found.end = position + 1
        return found

    def _list(self, start: int, depth: int) -> Value:
        found = Value(start, start, kind="list")
        position = self._skip(start + 1)
        while self.text[position] != "]":
            item = self._value(position, depth + 1)
            found.items.append(item)
            position = self._next(item.end, "]")
        found.end = position + 1
        return found

    def _next(self, position: int, close: str) -> int:
        """Behind a comma, or at the closing sign."""
        position = self._skip(position)
        if self.text[position] == ",":
            position = self._skip(position + 1)
            if self.text[position] == close:
                raise ValueError
        elif self.text[position] != close:
            raise ValueError
        return position

    # ------------------------------------------------------------ writing

    def with_strings(self, changes: list[tuple[Value, str]]) -> str:
        """The text with other texts at some places; lines stay a list of lines in the layout they have."""
        out, position = [], 0
        for place, text in sorted(changes, key=lambda change: change[0].start):
            out += [self.text[position : place.start], self._written(place, text)]
            position = place.end
        return "".join([*out, self.text[position:]])

    def _written(self, place: Value, text: str) -> str:
        if place.kind != "list":
            return _quoted(text)
        first, last = place.items[0], place.items[-1]
        opening = self.text[place.start : first.start]
        between = "," + (
            self.text[first.end : place.items[1].start].partition(",")[2]
            if len(place.items) > 1
            else opening[1:]
        )
        return opening + between.join(map(_quoted, text.split("\n"))) + self.text[last.end : place.end]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
