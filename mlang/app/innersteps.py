"""Steps that stand further in: those of nested lets, of functions that were called and of other queries.

`Document.steps` knows the variables of a query's outermost let.  `inner_steps` evaluates the document once more,
with let variables that take note of the tables that they are, and gives these under names such as
``Query/Step``, ``Step/Inner`` and ``Function/Step`` (of a function that is called more than once, the first call's).
Functions of rows are left alone, because folding reads them.  Used by ``mlang explain``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from attrs import evolve

from folding.plantree import Node
from mlang.app.overlay import HIDDEN, Overlay
from mlang.compile.entry import Document
from mlang.errors import MError
from mlang.syntax import nodes
from mlang.values.functions import native
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, force

_NAME = HIDDEN + "step"


class _Spy:
    """Keeps the first table that each variable turns out to be, in the order of evaluation."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.tables: dict[str, Any] = {}
        self.function = native(self._note, "number", "expression")

    def add(self, path: str) -> int:
        """Registers a variable and gives its number."""
        self.paths.append(path)
        return len(self.paths) - 1

    def _note(self, number: Any, expression: Any) -> Any:
        value = force(force(expression).fn())
        if kind_of(strip(value)) == "table":
            self.tables.setdefault(self.paths[int(force(number))], value)
        return value


def inner_steps(document: Document, query: str | None) -> tuple[list[tuple[str, Any]], dict[str, Any]]:
    """The steps of a query as `Document.steps` has them, evaluated, and the tables further in by their names."""
    spy = _Spy()
    tree = copy.deepcopy(document.tree)
    own = _own(document, query)
    _instrument(tree, spy, own)
    hidden = {**getattr(document, "hidden", {}), _NAME: Thunk(lambda: spy.function)}
    watched = Overlay(
        document.text, filename=document.filename, tree=tree, overrides=document.overrides,
        given=getattr(document, "given", None), hidden=hidden,
    )  # fmt: skip
    steps: list[tuple[str, Any]] = []
    for name, thunk in watched.steps(query):
        try:
            steps.append((name, force(thunk)))
        except MError:
            continue
    outer = {f"{own}/{name}" if own else name for name, _ in steps}
    found = {_short(path, own): table for path, table in spy.tables.items() if path not in outer}
    return steps, found


def named(tree: Node, other: Node) -> Node:
    """A tree with the step names of the tree of the same plan made a second time; as it is if that looks otherwise."""
    same = [_look(node) for node in tree.walk()] == [_look(node) for node in other.walk()]
    return _named(tree, iter([node.step for node in other.walk()])) if same else tree


def _named(node: Node, steps: Iterator[str]) -> Node:
    step = next(steps)
    return evolve(node, step=node.step or step, inputs=tuple(_named(below, steps) for below in node.inputs))


def _look(node: Node) -> tuple[str, str, str, str]:
    return node.id, node.function, node.runs, node.engine


def _own(document: Document, query: str | None) -> str:
    """The name of the query that is explained; "" where the document is one expression."""
    if not document.is_section:
        return ""
    return query if query is not None else next(n for n, m in document.members.items() if m.shared)


def _short(path: str, own: str) -> str:
    """A path without the query it is asked for in."""
    return path.removeprefix(f"{own}/") if own else path


# ---------------------------------------------------------------- taking note


def _instrument(tree: nodes.Node, spy: _Spy, own: str) -> None:
    """Wraps the let variables and queries of a tree, in place."""
    holders: list[Any] = []
    rows: list[tuple[int, int]] = []
    functions: list[tuple[int, int]] = []
    for node in tree.walk():
        if isinstance(node, nodes.Let):
            holders += node.bindings
        elif isinstance(node, nodes.Section):
            holders += node.members
        elif isinstance(node, nodes.Each):
            rows.append((node.pos, node.end))
        elif isinstance(node, nodes.Function):
            functions.append((node.pos, node.end))
    around: list[Any] = []
    for holder in sorted(holders, key=lambda h: (int(h.pos), -int(h.end))):
        while around and holder.pos >= around[-1].end:
            around.pop()
        around.append(holder)
        value, place = holder.value, int(holder.pos)
        if isinstance(value, nodes.Literal | nodes.Function | nodes.Each) or _within(place, rows):
            continue
        if isinstance(holder, nodes.Member) and holder.name == own:
            continue  # its outermost let is looked at step by step
        if not _within(place, functions) or _makes_table(value):
            holder.value = _wrapped(value, spy.add("/".join(h.name for h in around)))


def _within(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place < end for start, end in spans)


def _makes_table(value: nodes.Node) -> bool:
    """Whether an expression in a function is a call of one of the library's table functions."""
    if not isinstance(value, nodes.Invocation) or not isinstance(value.function, nodes.Name):
        return False
    return value.function.name.startswith("Table.")


def _wrapped(node: nodes.Node, number: int) -> nodes.Node:
    pos, end = node.pos, node.end
    delayed = nodes.Function((), None, node, pos, end)
    name = nodes.Name(_NAME, False, pos, end)
    return nodes.Invocation(name, (nodes.Literal(float(number), pos, end), delayed), pos, end)
