"""Tables of groups that are part of the group: `each Table.FirstN(Table.Sort(_, {"x"}), 1)`.

`steps_of` reads such a function as steps over the group's rows; `taken` does them for all groups at once, so that
what is left are the rows of all these tables.  Read ``relations_shape.py`` for what becomes of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen
from sqlglot import exp

from folding import terms as t
from folding.functions import Call
from folding.functions.list_shapes import applied, bare, called, condition_of
from folding.relations import Column, Relation
from folding.relations_columns import index_of, window_order
from folding.relations_rows import criteria as criteria_of
from folding.relations_rows import key_term, numbered, unlimited
from folding.scalars import Translator
from folding.terms import Scalar, Unfoldable, typed
from mlang.errors import MError
from mlang.library.table.criteria import sort_keys
from mlang.syntax import nodes
from mlang.tables import schema as schemas
from mlang.tables.plan import SortKey
from mlang.values.functions import Function
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import ANY


@frozen(eq=False)
class Rows:
    """The rows of all groups' tables, the schema of these tables (their columns come first), the places of the keys."""

    relation: Relation
    schema: Any
    keys: tuple[int, ...]

    def with_column(self, name: str, column: Column) -> Rows:
        """With another column after those of the tables; what is kept beside them for its sake stays behind it."""
        if self.schema.has(name):
            raise Unfoldable("a column that is there already")
        width = len(self.schema.names)
        columns = self.relation.columns
        made = evolve(self.relation, columns=(*columns[:width], column, *columns[width:]))
        keys = tuple(place + 1 if place >= width else place for place in self.keys)
        return Rows(made, schemas.append(self.schema, name, ANY), keys)


#: One step: what it does to the rows.
Step = Callable[[Rows], Rows]
#: Functions that are steps, and how many arguments they may have.
_COUNTS = {
    "Table.FirstN": (2, 2), "Table.Skip": (2, 2), "Table.RemoveFirstN": (2, 2), "Table.LastN": (2, 2),
    "Table.RemoveLastN": (2, 2), "Table.Sort": (2, 2), "Table.MaxN": (3, 3), "Table.MinN": (3, 3),
    "Table.SelectRows": (2, 2), "Table.AddIndexColumn": (2, 5), "Table.AddColumn": (3, 4),
    "Table.SelectColumns": (2, 2), "Table.RemoveColumns": (2, 2), "Table.FillDown": (2, 2), "Table.FillUp": (2, 2),
}  # fmt: skip


def steps_of(function: Any) -> list[Step] | None:
    """The steps over the group's rows that a function is, in their order; None for another function."""
    calls = calls_of(function)
    return None if calls is None else [step for call in calls for step in _steps(call)]


def calls_of(function: Any, row: bool = False) -> list[Call] | None:
    """The calls that make such steps; with ``row`` those of a function that is the first row of such a table."""
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
    found: list[Call] = []
    body = bare(node.body)
    if row:
        function_of_row = called(translator, body)
        if function_of_row in ("Table.Max", "Table.Min") and len(body.arguments) == 2:
            found.append(Call(function_of_row, translator, body.arguments))
            body = body.arguments[0]
        elif function_of_row == "Table.First" and len(body.arguments) == 1:
            body = body.arguments[0]
        elif isinstance(body, nodes.ItemAccess) and _is_first(body.index):
            body = body.target
        else:
            return None
        body = bare(body)
    while not (isinstance(body, nodes.Name) and body.name == name):
        step = called(translator, body)
        if step not in _COUNTS or not _COUNTS[step][0] <= len(body.arguments) <= _COUNTS[step][1]:
            return None
        found.insert(0, Call(step, translator, body.arguments))
        body = bare(body.arguments[0])
    return found


def _is_first(index: Any) -> bool:
    index = bare(index)
    return isinstance(index, nodes.Literal) and index.value == 0


def _steps(call: Call) -> list[Step]:
    if call.name in _WITH_FUNCTIONS:
        form, place = _WITH_FUNCTIONS[call.name]
        function = call.translator.any(call.arguments[place])
        name = call.text(1) if place == 2 else ""
        return [lambda rows: form(rows, function, name)]
    if call.name in _OF_COLUMNS:
        given = call.constant(1)
        names = [force(name) for name in given] if given.__class__ is list else [given]
        return [lambda rows: _OF_COLUMNS[call.name](rows, names)]
    if call.name == "Table.AddIndexColumn":
        name, start, step = call.text(1), call.constant(2), call.constant(3)
        return [lambda rows: _indexed(rows, name, start, step)]
    if call.name in ("Table.Sort", "Table.MaxN", "Table.MinN"):
        criteria = call.constant(1)
        sort: Step = lambda rows: _sorted(rows, criteria, call.name == "Table.MaxN")  # noqa: E731
        if call.name == "Table.Sort":
            return [sort]
        number = call.count_at(2)
        return [sort, lambda rows: _counted(rows, number, True, False)]
    number = call.count_at(1)
    first, last = call.name in ("Table.FirstN", "Table.LastN"), "Last" in call.name
    return [lambda rows: _counted(rows, number, first, last)]


def taken(rows: Relation, schema: Any, keys: tuple[str, ...], steps: list[Step]) -> Rows:
    """The rows of all groups after the steps."""
    found = Rows(rows, schema, tuple(schema.index(name) for name in keys))
    for step in steps:
        found = step(found)
    return evolve(found, relation=numbered(found.relation)[0]) if steps else found


def _chosen(rows: Rows, function: Any, _: str) -> Rows:
    relation = unlimited(rows.relation).opened()
    test = condition_of(applied(function, [relation.row(rows.schema)]))
    if test.raises or relation.raises:
        raise Unfoldable("rows of groups chosen by what may raise")
    return evolve(rows, relation=relation.filtered(test))


def _computed(rows: Rows, function: Any, name: str) -> Rows:
    """A column that a function of the row gives."""
    term = applied(function, [rows.relation.row(rows.schema)])
    if term.raises:
        raise Unfoldable("a column of groups that may hold errors")
    return rows.with_column(name, Column(term))


_WITH_FUNCTIONS = {"Table.SelectRows": (_chosen, 1), "Table.AddColumn": (_computed, 2)}


def _sorted(rows: Rows, criteria: Any, turned: bool) -> Rows:
    try:
        keys = sort_keys(criteria, rows.schema)
    except MError:
        raise Unfoldable("criteria of a sort that raise") from None
    if turned:
        keys = tuple(SortKey(k.column, k.key, k.comparer, not k.descending) for k in keys)
    relation = unlimited(rows.relation).compact()
    found, terms = criteria_of(relation, keys, rows.schema)
    if any(x.raises for x in terms) or relation.order_may_raise():
        raise Unfoldable("rows of groups in an order that may raise")
    return evolve(rows, relation=evolve(relation, order=(*found, *relation.order), natural=False))


def _open(rows: Rows) -> tuple[Relation, list[Any]]:
    """The rows for a window over each group, and what is equal within one."""
    relation = unlimited(rows.relation).opened().compact().opened()
    terms = [key_term(relation.use(place)) for place in rows.keys]
    if any(x.raises for x in terms) or relation.raises:
        raise Unfoldable("rows of groups by keys that may raise")
    return relation, [x.use for x in terms]


def _counted(rows: Rows, number: int, first: bool, last: bool) -> Rows:
    """The first (or last) rows of each group, or the others."""
    relation, keys = _open(rows)
    place = exp.Window(this=exp.RowNumber(), partition_by=keys, order=window_order(relation, last))
    mark = Column(typed(place, "number", "BIGINT", nullable=False))
    marked = evolve(relation, columns=(*relation.columns, mark), windowed=True).closed()
    side = exp.LTE if first else exp.GT
    test = Scalar(t.binary(side, marked.columns[-1].term.use, t.whole(number)), "logical", "BOOLEAN", False)
    kept = evolve(marked, columns=marked.columns[:-1], natural=False).filtered(test)
    return evolve(rows, relation=kept)


def _indexed(rows: Rows, name: str, start: Any, step: Any) -> Rows:
    """A running number in each group, in whole numbers."""
    found = [default if given is None else given for given, default in ((start, 0.0), (step, 1.0))]
    if any(x.__class__ is not float or not t.literal(x).int53 or abs(x) > 2.0**20 for x in found):
        raise Unfoldable("an index of other numbers than small whole ones")
    if any(repr(x) == "-0.0" for x in found):
        raise Unfoldable("an index that begins with minus zero")
    relation, keys = _open(rows)
    number = exp.Window(this=exp.RowNumber(), partition_by=keys, order=window_order(relation))
    facts = {"nullable": False, "nonan": True, "int53": True}
    column = Column(typed(index_of(number, *found), "number", "BIGINT", **facts))
    made = evolve(rows, relation=evolve(relation, windowed=True, natural=False)).with_column(name, column)
    return evolve(made, relation=made.relation.closed())


def _selected(rows: Rows, names: list[Any]) -> Rows:
    """Some columns; the keys stay beside them."""
    if any(not rows.schema.has(name) for name in names) or len(set(names)) < len(names):
        raise Unfoldable("columns that a group has not, or twice")
    columns = rows.relation.columns
    kept = [columns[rows.schema.index(name)] for name in names]
    hidden = [columns[place] for place in rows.keys]
    places = tuple(range(len(kept), len(kept) + len(hidden)))
    schema = schemas.of_columns([(name, ANY) for name in names])
    return Rows(evolve(rows.relation, columns=(*kept, *hidden)), schema, places)


def _removed(rows: Rows, names: list[Any]) -> Rows:
    if any(not rows.schema.has(name) for name in names):
        raise Unfoldable("columns that a group has not")
    return _selected(rows, [name for name in rows.schema.names if name not in names])


def _filled(rows: Rows, names: list[Any], down: bool) -> Rows:
    """Nulls as the cell before (or after) them in their group."""
    relation, keys = _open(rows)
    columns = list(relation.columns)
    for name in names:
        if not rows.schema.has(name):
            raise Unfoldable("columns that a group has not")
        place = rows.schema.index(name)
        term = columns[place].term
        if columns[place].text is not None or term.raises or (term.kind == "any" and not t.is_decimal(term)):
            raise Unfoldable("filling over cells that may be errors")
        if term.nullable:
            last = exp.IgnoreNulls(this=exp.LastValue(this=term.use))
            frame = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
            order = window_order(relation, reverse=not down)
            parts = [key.copy() for key in keys]
            columns[place] = Column(
                evolve(term, sql=exp.Window(this=last, partition_by=parts, order=order, spec=frame))
            )
    made = evolve(relation, columns=tuple(columns), windowed=True, natural=False).closed()
    return evolve(rows, relation=made)


_OF_COLUMNS: dict[str, Callable[[Rows, list[Any]], Rows]] = {
    "Table.SelectColumns": _selected,
    "Table.RemoveColumns": _removed,
    "Table.FillDown": lambda rows, names: _filled(rows, names, True),
    "Table.FillUp": lambda rows, names: _filled(rows, names, False),
}
