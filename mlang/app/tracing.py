"""A lazy evaluation made visible: let variables and functions that take note when they are evaluated.

`instrument` turns ``x = expression`` into ``x = trace(number, () => expression)`` in the tree, with a name for
``trace`` that no text can spell; offsets stay, so errors still show the text.  Bodies of named functions
are wrapped as well (a tail call is then no loop any more).  Functions written inline (``each``) are left
alone: folding and fusion read them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlang.app.overlay import HIDDEN
from mlang.syntax import nodes
from mlang.syntax.spans import line_column
from mlang.values.functions import native
from mlang.values.thunk import force


class Spot:
    """A variable or function of the document and what happened to it."""

    __slots__ = ("callers", "calls", "failed", "first", "is_function", "line", "name", "own", "total")

    def __init__(self, name: str, line: int, is_function: bool) -> None:
        self.name, self.line, self.is_function = name, line, is_function
        self.calls = self.failed = 0
        self.first: int | None = None
        #: Seconds without and with what it evaluated itself.
        self.own = self.total = 0.0
        self.callers: dict[str, int] = {}


class Trace:
    """All spots of a document, in the order of the text."""

    def __init__(self, text: str, name: str = HIDDEN + "trace") -> None:
        self.text = text
        #: What instrumented code calls it by.
        self.name = name
        self.spots: list[Spot] = []
        self._order = 0
        #: What is being evaluated: spot and seconds spent in what it evaluates.
        self._stack: list[list[Any]] = []
        self.function = native(self._note, "number", "expression")

    def add(self, name: str, pos: int, is_function: bool) -> int:
        """Registers a spot and gives its number."""
        self.spots.append(Spot(name, line_column(self.text, pos)[0], is_function))
        return len(self.spots) - 1

    def _note(self, number: Any, expression: Any) -> Any:
        spot = self.spots[int(force(number))]
        if spot.first is None:
            self._order += 1
            spot.first = self._order
        spot.calls += 1
        caller = self._stack[-1][0] if self._stack else "(result)"
        spot.callers[caller] = spot.callers.get(caller, 0) + 1
        frame: list[Any] = [spot.name, 0.0]
        self._stack.append(frame)
        started = time.perf_counter()
        try:
            return force(expression).fn()
        except BaseException:
            spot.failed += 1
            raise
        finally:
            self._stack.pop()
            spent = time.perf_counter() - started
            spot.total += spent
            spot.own += spent - frame[1]
            if self._stack:
                self._stack[-1][1] += spent

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What is evaluated from here on is evaluated for the rows of the result."""
        self._stack.append(["(rows)", 0.0])
        try:
            yield
        finally:
            self._stack.pop()

    # ------------------------------------------------------------ showing

    def evaluated(self) -> list[Spot]:
        """The spots that were evaluated, in the order of their first evaluation."""
        return sorted((s for s in self.spots if s.first is not None), key=lambda s: s.first or 0)

    def lines(self) -> Iterator[str]:
        """A listing for people."""
        from mlang.app.render import grid_lines

        rows = [
            [
                str(s.first), s.name + ("()" if s.is_function else ""), str(s.line), str(s.calls),
                f"{s.own * 1000:.2f}", f"{s.total * 1000:.2f}", _callers(s) + (" (failed)" if s.failed else ""),
            ]
            for s in self.evaluated()
        ]  # fmt: skip
        head = ["#", "Step", "Line", "Times", "Own ms", "Total ms", "For"]
        return grid_lines(head, rows, frozenset((0, 2, 3, 4, 5)))

    def never(self) -> str:
        """The steps that nothing asked for."""
        names = [f"{s.name} (line {s.line})" for s in self.spots if s.first is None and not s.is_function]
        return f"Never evaluated: {', '.join(names)}" if names else "Everything was evaluated."

    def as_dicts(self) -> list[dict[str, Any]]:
        """For JSON, in the order of the text."""
        return [
            {
                "name": s.name, "line": s.line, "function": s.is_function, "order": s.first, "times": s.calls,
                "failed": s.failed, "own_seconds": round(s.own, 6), "total_seconds": round(s.total, 6),
                "for": s.callers,
            }
            for s in self.spots
        ]  # fmt: skip


def _callers(spot: Spot) -> str:
    most = sorted(spot.callers.items(), key=lambda item: -item[1])[:3]
    text = ", ".join(name if count == 1 else f"{name} x{count}" for name, count in most)
    return text + (" ..." if len(spot.callers) > 3 else "")


# ---------------------------------------------------------------- instrumenting


def instrument(
    tree: nodes.Node, trace: Trace, skip: frozenset[str] = frozenset(), mocks: bool = True
) -> None:
    """Wraps the let variables, members and named functions of a tree, in place.

    Members in ``skip`` are left alone.  Steps that a fixture replaces count as evaluated only with ``mocks``.
    """
    holders: list[Any] = []
    skipped: list[tuple[int, int]] = []
    for node in tree.walk():
        if isinstance(node, nodes.Let):
            holders += node.bindings
        elif isinstance(node, nodes.Section):
            holders += node.members
            skipped += [(m.pos, m.end) for m in node.members if m.name in skip]
    holders = [h for h in holders if not any(a <= h.pos < b for a, b in skipped)]
    for holder in sorted(holders, key=lambda h: int(h.pos)):
        value = holder.value
        if isinstance(value, nodes.Literal):
            continue  # nothing to evaluate
        if not mocks and isinstance(value, nodes.Name) and value.name.startswith(HIDDEN):
            trace.add(holder.name, holder.pos, False)
            continue
        if isinstance(value, nodes.Function):
            number = trace.add(holder.name, holder.pos, True)
            value.body = _wrapped(trace, number, value.body)
        elif not isinstance(value, nodes.Each):
            holder.value = _wrapped(trace, trace.add(holder.name, holder.pos, False), value)


def _wrapped(trace: Trace, number: int, node: nodes.Node) -> nodes.Node:
    pos, end = node.pos, node.end
    delayed = nodes.Function((), None, node, pos, end)
    name = nodes.Name(trace.name, False, pos, end)
    return nodes.Invocation(name, (nodes.Literal(float(number), pos, end), delayed), pos, end)
