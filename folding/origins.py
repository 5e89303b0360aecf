"""What can stand in FROM: sources, finished relations that others read, several one after the other, common tables.

An `Origin` gives its SQL when it is known which columns somebody uses (`render`).  `relations.py` builds SELECTs
over them; the leaves are in ``sources.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen
from sqlglot import exp

if TYPE_CHECKING:
    from folding.relations import Relation
    from mlang.tables import plan as p


class Origin:
    """Something that can stand in FROM; ``alias`` is its name there."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def render(self, needed: set[str]) -> Any:
        """The FROM item with (at least) the needed columns."""
        raise NotImplementedError

    def render_joined(self, needed: set[str]) -> Any:
        """The same where a join stands above it (`Relation.select` says what that changes)."""
        return self.render(needed)

    def render_first(self, needed: set[str], count: int) -> Any:
        """The same where no more than the first ``count`` rows are looked at."""
        return self.render_joined(needed)

    def sources(self) -> list[Origin]:
        """The leaves below."""
        return [self]

    depth = 1
    #: Whether several scans make the rows, one after the other.
    several = False
    #: Expressions over the origins beside it that it reads.
    reads: tuple[Any, ...] = ()


class Subquery(Origin):
    """A finished relation that another one reads."""

    def __init__(self, alias: str, relation: Relation, outputs: dict[str, Any]) -> None:
        super().__init__(alias)
        self.relation, self.outputs = relation, outputs
        self.depth = relation.depth + 1
        self.several = relation.natural and relation.origin.several

    def render(self, needed: set[str], joined: bool = False, count: int | None = None) -> Any:
        chosen = [(name, sql) for name, sql in self.outputs.items() if name in needed]
        if not chosen:
            chosen = [("one", exp.Literal.number(1))]
        relation = self.relation.first(count)
        query = relation.select(chosen, relation.limited, joined)
        return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(self.alias)))

    def render_joined(self, needed: set[str]) -> Any:
        return self.render(needed, True)

    def render_first(self, needed: set[str], count: int) -> Any:
        return self.render(needed, True, count)

    def sources(self) -> list[Origin]:
        return self.relation.sources()


class Union(Origin):
    """Several finished relations, one after the other, with the same output names."""

    several = True

    def __init__(self, alias: str, parts: list[tuple[Relation, dict[str, Any]]]) -> None:
        super().__init__(alias)
        self.parts = parts
        self.depth = max(r.depth for r, _ in parts) + 1

    def render(self, needed: set[str], joined: bool = False, count: int | None = None) -> Any:
        query: Any = None
        for whole, outputs in self.parts:
            relation = whole.first(count)
            chosen = [(n, s) for n, s in outputs.items() if n in needed] or [("one", exp.Literal.number(1))]
            part = relation.select(chosen, relation.limited, joined)
            if part.args.get("limit") or part.args.get("offset") or part.args.get("order"):
                part = exp.select("*").from_(
                    exp.Subquery(this=part, alias=exp.TableAlias(this=exp.to_identifier("p")))
                )
            query = part if query is None else exp.Union(this=query, expression=part, distinct=False)
        return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(self.alias)))

    def render_joined(self, needed: set[str]) -> Any:
        return self.render(needed, True)

    def render_first(self, needed: set[str], count: int) -> Any:
        return self.render(needed, True, count)

    def sources(self) -> list[Origin]:
        return [s for relation, _ in self.parts for s in relation.sources()]


class Definition:
    """A relation that several others read, computed once: a common table expression (`common.py`).

    ``step`` is the plan node that it gives, ``columns`` are the M names of its columns.
    """

    def __init__(self, name: str, relation: Relation, step: p.Plan, columns: tuple[str, ...]) -> None:
        self.name, self.relation, self.step, self.columns = name, relation, step, columns
        self.outputs: dict[str, Any] = {}
        self.needed: set[str] | None = None

    def reference(self) -> Relation:
        """The rows for one reader; the engine may hand them on in another order than they were made in."""
        found = self.relation.closed(self)
        return evolve(found, natural=not found.order, sort_raises=False)

    def written(self) -> Any:
        """The expression with the outputs that references asked for since it was last written; None if none did."""
        if self.needed is None:
            return None
        chosen = [(n, s) for n, s in self.outputs.items() if n in self.needed]
        self.needed = None
        chosen = chosen or [("one", exp.Literal.number(1))]
        query = self.relation.select(chosen, self.relation.limited, True)
        alias = exp.TableAlias(this=exp.to_identifier(self.name))
        return exp.CTE(this=query, alias=alias, materialized=True)


class Reference(Origin):
    """One reading of a definition."""

    def __init__(self, alias: str, definition: Definition) -> None:
        super().__init__(alias)
        self.definition = definition

    def render(self, needed: set[str]) -> Any:
        self.definition.needed = needed | (self.definition.needed or set())
        alias = exp.TableAlias(this=exp.to_identifier(self.alias))
        return exp.Table(this=exp.to_identifier(self.definition.name), alias=alias)

    def sources(self) -> list[Origin]:
        return self.definition.relation.sources()


@frozen(eq=False)
class Joined:
    """A second origin: ``side`` is "INNER", "LEFT", "RIGHT", "FULL", "SEMI" or "ANTI"."""

    origin: Origin
    side: str
    on: Any
