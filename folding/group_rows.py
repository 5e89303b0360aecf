"""Tables of groups that are part of the group: `each Table.FirstN(Table.Sort(_, {"x"}), 1)`.

`steps_of` reads such a function as steps over the group's rows; `taken` does them for all groups at once, so that
what is left are the rows of all these tables.  Read ``relations_shape.py`` for what becomes of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.functions import Call
from folding.functions.list_shapes import applied, bare, called, condition_of
from folding.relations import Column, Relation
from folding.relations_columns import window_order
from folding.relations_rows import criteria as criteria_of
from folding.relations_rows import key_term, numbered, unlimited
from folding.scalars import Translator
from folding.terms import Scalar, Unfoldable, typed
from mlang.errors import MError
from mlang.library.table.criteria import sort_keys
from mlang.syntax import nodes
from mlang.tables.plan import SortKey
from mlang.values.functions import Function
from mlang.values.metadata import strip

#: One step: what it does to the relation of all groups' rows, given schema and key columns.
Step = Callable[[Relation, Any, tuple[str, ...]], Relation]
_NAMES = (
    "Table.FirstN", "Table.Skip", "Table.RemoveFirstN", "Table.Sort", "Table.MaxN", "Table.MinN", "Table.SelectRows",
)  # fmt: skip


def steps_of(function: Any) -> list[Step] | None:
    """The steps over the group's rows that a function is, in their order; None for another function."""
    function = strip(function)
    node = function.spec.node if function.__class__ is Function and function.spec is not None else None
    name = "_"
    if isinstance(node, nodes.Function):
        if len(node.parameters) != 1 or node.result is not None or node.parameters[0].type is not None:
            return None
        name = node.parameters[0].name
    elif not isinstance(node, nodes.Each):
        return None
    translator = Translator(function, {name: None})
    found: list[Step] = []
    body = bare(node.body)
    while not (isinstance(body, nodes.Name) and body.name == name):
        step = called(translator, body)
        if step not in _NAMES or len(body.arguments) < 2:
            return None
        found[:0] = _steps(Call(step, translator, body.arguments))
        body = bare(body.arguments[0])
    return found


def _steps(call: Call) -> list[Step]:
    if call.name == "Table.SelectRows":
        function = call.translator.any(call.arguments[1])
        return [lambda rows, schema, keys: _chosen(rows, schema, function)]
    if call.name in ("Table.Sort", "Table.MaxN", "Table.MinN"):
        criteria = call.constant(1)
        sort: Step = lambda rows, schema, keys: _sorted(rows, schema, criteria, call.name == "Table.MaxN")  # noqa: E731
        if call.name == "Table.Sort":
            return [sort]
        number = call.count_at(2)
        return [sort, lambda rows, schema, keys: _counted(rows, schema, keys, number, True)]
    number = call.count_at(1)
    first = call.name == "Table.FirstN"
    return [lambda rows, schema, keys: _counted(rows, schema, keys, number, first)]


def taken(rows: Relation, schema: Any, keys: tuple[str, ...], steps: list[Step]) -> Relation:
    """The rows of all groups after the steps."""
    for step in steps:
        rows = step(rows, schema, keys)
    return numbered(rows)[0] if steps else rows


def _chosen(rows: Relation, schema: Any, function: Any) -> Relation:
    rows = unlimited(rows).opened()
    test = condition_of(applied(function, [rows.row(schema)]))
    if test.raises or rows.raises:
        raise Unfoldable("rows of groups chosen by what may raise")
    return rows.filtered(test)


def _sorted(rows: Relation, schema: Any, criteria: Any, turned: bool) -> Relation:
    try:
        keys = sort_keys(criteria, schema)
    except MError:
        raise Unfoldable("criteria of a sort that raise") from None
    if turned:
        keys = tuple(SortKey(k.column, k.key, k.comparer, not k.descending) for k in keys)
    rows = unlimited(rows).compact()
    found, terms = criteria_of(rows, keys, schema)
    if any(x.raises for x in terms) or rows.order_may_raise():
        raise Unfoldable("rows of groups in an order that may raise")
    return evolve(rows, order=(*found, *rows.order), natural=False)


def _counted(rows: Relation, schema: Any, keys: tuple[str, ...], number: int, first: bool) -> Relation:
    """The first rows of each group, or the others."""
    rows = unlimited(rows).opened().compact().opened()
    terms = [key_term(rows.use(schema.index(name))) for name in keys]
    if any(x.raises for x in terms) or rows.raises:
        raise Unfoldable("rows of groups by keys that may raise")
    place = exp.Window(this=exp.RowNumber(), partition_by=[x.use for x in terms], order=window_order(rows))
    mark = Column(typed(place, "number", "BIGINT", nullable=False))
    marked = evolve(rows, columns=(*rows.columns, mark), windowed=True).closed()
    side = exp.LTE if first else exp.GT
    test = Scalar(t.binary(side, marked.columns[-1].term.use, t.whole(number)), "logical", "BOOLEAN", False)
    return evolve(marked, columns=marked.columns[:-1], natural=False).filtered(test)
