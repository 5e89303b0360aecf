"""Schema drift: how a table's columns differ from what they were, who reads them, and what is allowed.

A change names the column, its old and its new type.  The mode says what a refresh does
about it: ``evolve`` takes new columns and types (the product's dynamic schema), ``freeze``
refuses any change before a byte is written (its fixed schema, for staged tables).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from mlang.values.types import TableType
from staging import graph
from staging.dataflow import Query
from staging.errors import StagingError
from staging.types import type_label

EVOLVE, FREEZE = "evolve", "freeze"
MODES = (EVOLVE, FREEZE)


class SchemaChanged(StagingError):
    """A frozen schema would change."""


@frozen
class Change:
    """A column that is new, gone, of another type or at another place."""

    kind: str
    column: str
    old: str | None = None
    new: str | None = None

    @property
    def text(self) -> str:
        """For people."""
        if self.kind == "added":
            return f"column '{self.column}' is new ({self.new})"
        if self.kind == "removed":
            return f"column '{self.column}' is gone (was {self.old})"
        return f"column '{self.column}' changes from {self.old} to {self.new}"


def changes(old: TableType, new: TableType) -> list[Change]:
    """The changes from one table type to another, in the order of the columns."""
    before = {f.name: type_label(f.type) for f in old.row.fields}
    after = {f.name: type_label(f.type) for f in new.row.fields}
    found = [Change("removed", n, t) for n, t in before.items() if n not in after]
    for name, label in after.items():
        if name not in before:
            found.append(Change("added", name, None, label))
        elif before[name] != label:
            found.append(Change("retyped", name, before[name], label))
    return found


def report(
    query: str, found: Iterable[Change], needs: Mapping[str, set[str]], queries: Mapping[str, Query]
) -> str:
    """The changes of a query in one text, with the queries that read it and the destinations it goes to."""
    listed = "; ".join(c.text for c in found)
    return " ".join([f"Query '{query}': {listed}.", *dependents(query, needs, queries)])


def dependents(query: str, needs: Mapping[str, set[str]], queries: Mapping[str, Query]) -> list[str]:
    """Sentences: who reads a query, and which destinations it and they are loaded to."""
    below = downstream(query, needs, queries)
    loads = [f"{name} to {s.query}" for name in (query, *below) for s in queries[name].destinations]
    found = [f"Read by {', '.join(below)}."] if below else []
    return found + ([f"Loaded: {', '.join(loads)}."] if loads else [])


def downstream(query: str, needs: Mapping[str, set[str]], queries: Iterable[str]) -> list[str]:
    """The queries that read a query, directly or through others."""
    return [name for name in queries if name != query and query in graph.upstream(name, needs)]
