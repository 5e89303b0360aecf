"""Steps that source databases do in another way than DuckDB: filled cells and rows for the items of lists.

Databases have no IGNORE NULLS and no common way to make rows of a list.  A fill numbers the runs that begin with a
value, then takes the first cell of each run; a list that is written out becomes a join with as many numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.origins import Joined, Origin
from folding.relations import Column, Context, Key, Relation
from folding.relations_columns import window_order
from folding.structures import Items
from folding.terms import Unfoldable, typed
from mlang.tables import plan as p

#: Longer lists stay here: the query would name each item.
_MOST_ITEMS = 50


def fill(node: p.Fill, context: Context) -> Relation:
    """`Table.FillDown` and `Table.FillUp`."""
    base = context.child(node.input).opened()
    places = [node.input.schema.index(name) for name in node.columns]
    for place in places:
        c = base.columns[place]
        decimal = isinstance(c.term.inside, t.Scaled)
        if c.text is not None or c.term.raises or (c.term.kind == "any" and not decimal):
            raise Unfoldable("filling over cells that may be errors")
    places = [place for place in places if base.columns[place].term.nullable]
    frame = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    runs = []
    for place in places:
        number = t.function("count", base.columns[place].term.use)
        sql = exp.Window(this=number, order=window_order(base, reverse=not node.down), spec=frame.copy())
        runs.append(Column(typed(sql, "number", "BIGINT", nullable=False)))
    marked = evolve(base, columns=(*base.columns, *runs), windowed=True, natural=False).closed()
    columns = list(marked.columns[: len(base.columns)])
    for place, run in zip(places, marked.columns[len(base.columns) :], strict=True):
        term = columns[place].term
        sql = exp.Window(
            this=t.function("first_value", term.use), partition_by=[run.term.use],
            order=window_order(marked, reverse=not node.down),
        )  # fmt: skip
        columns[place] = Column(evolve(term, sql=sql))
    return evolve(marked, columns=tuple(columns), windowed=True, natural=False).closed()


class NumbersOrigin(Origin):
    """The numbers from 1 to a count, as r1."""

    rows: int | None = None

    def __init__(self, alias: str, count: int) -> None:
        super().__init__(alias)
        self.count = count

    def render(self, needed: set[str]) -> Any:
        function = exp.Anonymous(this="numbers", expressions=[t.whole(self.count)])
        return exp.Table(this=function, alias=exp.TableAlias(this=exp.to_identifier(self.alias)))

    def sources(self) -> list[Origin]:
        return []


def expand_list(node: p.ExpandList, context: Context) -> Relation:
    """`Table.ExpandListColumn` of lists whose items are written out in the query."""
    base = context.child(node.input)
    place = node.input.schema.index(node.column)
    column = base.columns[place]
    held, sql = column.term.inside, column.term.sql
    known = isinstance(sql, exp.Anonymous) and sql.name.lower() == "list_value"
    if not isinstance(held, Items) or column.text is not None or column.term.raises or not known:
        raise Unfoldable("lists that are not written out in the query")
    items = sql.expressions
    if not 0 < len(items) <= _MOST_ITEMS:
        raise Unfoldable("a list without items, or with many")
    item = evolve(held.term, nullable=True)
    columns = [*base.columns[:place], *base.columns[place + 1 :]]
    columns += [Column(evolve(item, sql=sql.copy())) for sql in items]
    base = evolve(base, columns=tuple(columns)).closed()
    numbers = NumbersOrigin(context.alias(), len(items))
    number = t.column("r1", numbers.alias)
    cases = [
        (t.binary(exp.EQ, number.copy(), t.whole(i)), c.term.use)
        for i, c in enumerate(base.columns[-len(items) :], 1)
    ]
    columns = list(base.columns[: -len(items)])
    columns.insert(place, Column(evolve(item, sql=t.case(*cases))))
    return evolve(
        base, columns=tuple(columns), joins=(Joined(numbers, "CROSS", None),),
        order=(*base.order, Key(number, plain=True)), natural=False, unique=(), rows=None,
    )  # fmt: skip


#: By plan node: what stands in for the compilers that DuckDB's queries have.
STEPS: dict[type, Callable[[Any, Context], Relation]] = {p.Fill: fill, p.ExpandList: expand_list}
