"""Common subplans: what several steps of a plan read is computed once, under a name of the query's WITH.

A table that a document uses twice is the same plan node in both places.  `marked` finds such nodes, where computing
them takes more than reading their source again; `settled` says which columns their readers want, together.  The
query then has each of them as a materialized common table expression (`Definition`), and its readers refer to
it (`Reference`).  Steps that do not fold get the plan as it was: the runner reads it without sharing.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from attrs import evolve, field, frozen
from sqlglot import exp

from folding.inputs import with_inputs
from folding.origins import Definition
from folding.relations import COMPILERS, Context, Relation, compiles, load_compilers
from folding.terms import Unfoldable
from mlang.connectors.sources import CsvSource
from mlang.tables import plan as p
from mlang.tables.schema import column_type, of_columns
from mlang.tables.simplify import REWRITES, prune

#: Steps that an engine does not do again for nothing.
_HEAVY = (p.Group, p.Join, p.ExpandTable, p.Distinct, p.Pivot, p.Fill)
#: Text that is parsed a second time costs more than its columns in memory, up to so many bytes.
_TEXT_BYTES = 1 << 30


@frozen(eq=False)
class Part:
    """A subplan with several readers: the step as the document made it, and the columns that they want."""

    node: p.Plan
    wanted: set[str] = field(factory=set)
    #: The plan that is computed, once `settled` knows the columns.
    plans: list[p.Plan] = field(factory=list)


@frozen(eq=False, repr=False)
class Shared(p.OneInput):
    """One reading of a part; its schema has the columns that are wanted here."""

    part: Part

    @property
    def function(self) -> str:
        return self.part.node.function


@frozen(eq=False)
class Marked:
    """A plan in which parts stand, the outer ones first, and of which step each changed step was made."""

    plan: p.Plan
    parts: tuple[Part, ...]
    origins: dict[int, tuple[p.Plan, p.Plan]] = field(factory=dict)


def marked(plan: p.Plan) -> Marked | None:
    """The plan with its common parts; None when there is none, or a step that never folds."""
    order = _post_order(plan)
    if order is None:
        return None
    uses = Counter(id(below) for node in order for below in _inputs(node))
    heavy: dict[int, bool] = {}
    parsed: dict[int, int] = {}
    for node in order:
        parsed[id(node)] = _text_bytes(node) + sum(parsed[id(n)] for n in _inputs(node))
        own = isinstance(node, _HEAVY) or (
            isinstance(node, p.ChangeTypes) and 0 < parsed[id(node)] <= _TEXT_BYTES
        )
        heavy[id(node)] = own or any(heavy[id(n)] for n in _inputs(node))
    parts = {
        id(node): Part(node)
        for node in reversed(order)
        if uses[id(node)] > 1 and heavy[id(node)] and node.inputs and _is_flat(node)
    }
    if not parts:
        return None
    made: dict[int, p.Plan] = {}
    origins: dict[int, tuple[p.Plan, p.Plan]] = {}
    for node in order:
        new = node if isinstance(node, p.Buffer) else with_inputs(node, lambda below: made[id(below)])
        part = parts.get(id(node))
        if part is not None:
            new = Shared(node.schema, new, part)
        if new is not node:
            origins[id(new)] = (new, node)
        made[id(node)] = new
    return Marked(made[id(plan)], tuple(parts.values()), origins)


def ways(plan: p.Plan, columns: tuple[str, ...]) -> list[p.Plan]:
    """The plan of the named columns, to be folded: with its common parts, if there are any, and without."""
    found, plain = marked(plan), prune(plan, columns)
    return [plain] if found is None else [settled(found, columns), plain]


def settled(found: Marked, columns: tuple[str, ...]) -> p.Plan:
    """The plan of the named columns; each part has those that somebody wants."""
    top = prune(found.plan, columns)
    _note(top)
    inner = {id(new.part): new.input for new, _ in found.origins.values() if isinstance(new, Shared)}
    for part in found.parts:
        below = inner[id(part)]
        part.plans.append(prune(below, tuple(n for n in below.schema.names if n in part.wanted)))
        _note(part.plans[0])
    return top


def whole(found: Marked) -> p.Plan:
    """The plan with all columns of its parts, step by step as the document made it: for `explain`."""
    for new, _ in found.origins.values():
        if isinstance(new, Shared):
            new.part.plans.append(new.input)
    return found.plan


def _note(plan: p.Plan) -> None:
    """Tells the parts of a plan which columns are wanted of them."""
    stack, seen = [plan], set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Shared):
            node.part.wanted.update(node.schema.names)
        else:
            stack.extend(_inputs(node))


def _inputs(node: p.Plan) -> tuple[p.Plan, ...]:
    return () if isinstance(node, p.Buffer) else node.inputs


def _post_order(plan: p.Plan) -> list[p.Plan] | None:
    """Each step once, after those that it reads; None when one of them never folds."""
    load_compilers()
    order: list[p.Plan] = []
    seen: set[int] = set()
    stack: list[tuple[p.Plan, bool]] = [(plan, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            if node.__class__ not in COMPILERS and node.__class__ is not p.Values:
                return None
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((below, False) for below in _inputs(node))
    return order


def _text_bytes(node: p.Plan) -> int:
    """How much text a step parses."""
    if isinstance(node, p.Scan) and isinstance(node.source, CsvSource) and node.source.path is not None:
        try:
            return os.path.getsize(str(node.source.path))
        except OSError:
            return 0
    return 0


def _is_flat(node: p.Plan) -> bool:
    """Whether a step's cells are values, not tables, records or lists, which queries hold in forms of their own."""
    return not isinstance(node, (p.NestedJoin, p.Related)) and not any(
        type.kind in ("table", "record", "list", "function") for type in node.schema.types
    )


def _narrowed(node: Shared, columns: tuple[str, ...]) -> p.Plan:
    """The reading of fewer columns, in the order in which the part has them."""
    names = [n for n in node.schema.names if n in columns]
    return evolve(node, schema=of_columns([(n, column_type(node.schema, n)) for n in names]))


REWRITES[Shared] = _narrowed


@compiles(Shared)
def shared(node: Shared, context: Context) -> Relation:
    part = node.part
    definition = context.common.get(id(part))
    if definition is None:
        if not part.plans:
            raise Unfoldable("a part whose readers are not known")
        below = part.plans[0]
        definition = Definition(context.alias(), context.child(below), part.node, below.schema.names)
        context.common[id(part)] = definition
    found = definition.reference()
    places = {name: i for i, name in enumerate(part.plans[0].schema.names)}
    return evolve(found, columns=tuple(found.columns[places[n]] for n in node.schema.names))


def with_definitions(query: Any, context: Context) -> Any:
    """A query with the definitions that it refers to, each before those that read it."""
    written = []
    for definition in reversed(context.common.values()):
        text = definition.written()
        if text is not None:
            written.append(text)
    if written:
        query.set("with_", exp.With(expressions=written[::-1]))
    return query
