"""What every node of the syntax tree can do: compare, print itself, name its children, be walked.

Two nodes are equal when they have the same class and equal fields; offsets never count.
Read ``nodes.py`` next: the nodes of the language.
"""

from __future__ import annotations

from collections.abc import Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any


class Node:
    """A part of a document.  ``fields`` are the slots that carry meaning."""

    __slots__ = ("end", "pos")
    fields: tuple[str, ...] = ()
    pos: int
    end: int

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        # No recursion: trees may be thousands of levels deep.
        pairs: list[tuple[Any, Any]] = [(self, other)]
        while pairs:
            a, b = pairs.pop()
            if a is b:
                continue
            if a.__class__ is not b.__class__:
                return False  # 1 == True in Python, not in M
            if isinstance(a, Node):
                pairs += [(getattr(a, f), getattr(b, f)) for f in a.fields]
            elif a.__class__ is tuple:
                if len(a) != len(b):
                    return False
                pairs += zip(a, b, strict=True)
            elif a != b and (a == a or b == b):  # nan is the same literal as nan
                return False
        return True

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        inner = ", ".join(f"{f}={getattr(self, f)!r}" for f in self.fields)
        return f"{self.__class__.__name__}({inner})"

    def children(self) -> Iterator[Node]:
        """The nodes directly below this one, in source order."""
        for name in self.fields:
            value = getattr(self, name)
            if isinstance(value, Node):
                yield value
            elif value.__class__ is tuple:
                for item in value:
                    if isinstance(item, Node):
                        yield item

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents first."""
        stack: list[Node] = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(list(node.children())))
