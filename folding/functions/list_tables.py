"""Tables inside row functions: a group, the nested table of a row, and parts of them by table functions.

`table_of` says which rows an expression is (an `aggregates.Group`), `column_of` which list `T[x]` is, `cell_of` which
cell `T{0}[x]` and `Table.Max(T, "a")[x]` are.  No table is made of them: only aggregates are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.functions.list_shapes import Shape, bare, called, condition_of, function_at, listed
from folding.meanings import Lazy, Row
from folding.pairs import Pair
from folding.relations import Key
from folding.scalars import Translator
from folding.structures import record
from folding.terms import Scalar, Unfoldable, typed
from mlang.errors import MError
from mlang.library.table.criteria import sort_keys
from mlang.syntax import nodes
from mlang.tables import schema as schemas
from mlang.tables.plan import SortKey
from mlang.values.thunk import force
from mlang.values.types import ANY

if TYPE_CHECKING:
    from folding.aggregates import Group

_TABLES: dict[str, Callable[[Call], Any]] = {}


def table_of(translator: Translator, node: Any) -> Group | None:
    """The rows that an expression is; None when it is no table that folding knows."""
    from folding.aggregates import Group
    from folding.nested import group_of, nested_table

    if isinstance(node, Scalar):
        return group_of(node) if nested_table(node) is not None else None
    node = bare(node)
    if isinstance(node, nodes.Name):
        found = translator.names.get(node.name)
        if found.__class__ is Lazy:
            return table_of(found.scope, found.node)
        if isinstance(found, Group):
            return found
        return table_of(translator, found) if isinstance(found, Scalar) else None
    if isinstance(node, nodes.FieldAccess) and not node.optional:
        target = translator.names.get("_") if node.target is None else bare(node.target)
        if isinstance(target, nodes.Name):
            target = translator.names.get(target.name)
        cell = target.field(node.name) if isinstance(target, Row) else None
        return None if cell is None else table_of(translator, cell)
    if isinstance(node, nodes.Projection) and not node.optional:
        target = translator.names.get("_") if node.target is None else table_of(translator, node.target)
        kept = isinstance(target, Group) and all(name in target.names for name in node.names)
        return _with(target, list(node.names)) if kept and isinstance(target, Group) else None
    make = _TABLES.get(called(translator, node))
    if make is None:
        return None
    found = make(Call(called(translator, node), translator, node.arguments))
    return found if isinstance(found, Group) else None


def _tables(*names: str) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    def declare(make: Callable[[Call], Any]) -> Callable[[Call], Any]:
        _TABLES.update(dict.fromkeys(names, make))
        return make

    return declare


def _input(call: Call) -> Any:
    return table_of(call.translator, call.arguments[0])


@_tables("Table.Buffer")
def _buffered(call: Call) -> Any:
    return _input(call) if len(call.arguments) == 1 else None


@_tables("Table.SelectRows")
def _selected(call: Call) -> Any:
    group = _input(call)
    if group is None or len(call.arguments) != 2:
        return None
    return group.where(condition_of(function_at(call, 1)(group.row())))


@_tables("Table.AddColumn")
def _added(call: Call) -> Any:
    from folding.aggregates import flat

    group = _input(call)
    if group is None or not 3 <= len(call.arguments) <= 4:
        return None
    name, function, column = call.text(1), function_at(call, 2), group.column
    if name in group.names:
        raise Unfoldable("a column that is there already")

    def field(wanted: str) -> Scalar | None:
        found: Scalar | None = flat(function(group.row())) if wanted == name else column(wanted)
        return found

    return evolve(group, column=field, names=(*group.names, name))


@_tables("Table.SelectColumns", "Table.RemoveColumns")
def _columns(call: Call) -> Any:
    group = _input(call)
    if group is None or len(call.arguments) != 2:
        return None
    given = call.constant(1)
    wanted = [force(name) for name in given] if given.__class__ is list else [given]
    if any(name not in group.names for name in wanted) or len(set(wanted)) < len(wanted):
        raise Unfoldable("columns that a group has not, or twice")
    if call.name == "Table.RemoveColumns":
        wanted = [name for name in group.names if name not in wanted]
    return _with(group, wanted)


def _with(group: Group, names: list[str]) -> Group:
    column = group.column
    return evolve(group, column=lambda name: column(name) if name in names else None, names=tuple(names))


@_tables("Table.Sort")
def _sorted(call: Call) -> Any:
    group = _input(call)
    if group is None or len(call.arguments) != 2:
        return None
    return evolve(group, order=(*_keys(call, group, False), *group.order))


@_tables("Table.ReverseRows")
def _reversed(call: Call) -> Any:
    group = _input(call)
    if group is None:
        return None
    return evolve(group, order=tuple(turned(key) for key in group.ordering()))


def turned(key: Any) -> Any:
    """A criterion of ORDER BY the other way round."""
    down, first = key.args.get("desc"), key.args.get("nulls_first")
    return exp.Ordered(this=key.this.copy(), desc=not down or None, nulls_first=not first)


def _keys(call: Call, group: Group, down: bool) -> list[Any]:
    """The criteria of a sort (columns, functions of the row, comparers), turned round when ``down``."""
    from folding.aggregates import flat
    from folding.relations_rows import order_term

    given = call.constant(1)
    try:
        keys = sort_keys(given, schemas.of_columns([(name, ANY) for name in group.names]))
    except MError:
        raise Unfoldable("criteria of a sort that raise") from None
    found = []
    for key in keys:
        for term, turned_round in _compared(key, group):
            if flat(term).raises:
                raise Unfoldable("an order in a group by what may raise")
            if not term.is_constant:
                found.append(
                    Key(order_term(term), key.descending is not (turned_round is not down)).ordered()
                )
    return found


def _compared(key: SortKey, group: Group) -> list[tuple[Scalar, bool]]:
    """What a criterion compares rows by, and whether it turns that round."""
    from folding.relations_columns import apply_function

    if key.column is not None:
        return [(group.values(key.column), False)]
    if key.comparer is not None:
        return [(part.term, part.descending) for part in Pair(key.comparer, group.row()).order()]
    return [(apply_function(key.key, group.row()), False)]


# ---------------------------------------------------------------- columns and rows of them


#: Functions that take rows from an end: which end, and whether the others stay.
_CUTS = ("Table.FirstN", "Table.LastN", "Table.Skip", "Table.RemoveFirstN", "Table.RemoveLastN")


def column_of(translator: Translator, node: Any) -> Shape | None:
    """The list that a column of a table is: `[x]`, `_[x]`, `Table.Column(_, "x")`; None for another expression."""
    from folding.aggregates import Group, Taken

    if isinstance(node, nodes.FieldAccess) and not node.optional:
        if node.target is not None:
            return _column(translator, node.target, node.name)
        group = translator.names.get("_")
        return Taken(group.values(node.name), group) if isinstance(group, Group) else None
    if called(translator, node) == "Table.Column" and len(node.arguments) == 2:
        name = translator.constant(node.arguments[1])
        return _column(translator, node.arguments[0], name) if name.__class__ is str else None
    return None


def _column(translator: Translator, table: Any, name: str) -> Shape | None:
    from folding.aggregates import Taken
    from folding.functions.list_makers import cut

    table = bare(table)
    function = called(translator, table)
    if function in _CUTS:
        inner = _column(translator, table.arguments[0], name)
        if inner is None:
            return None
        return cut(
            Call(function.replace("Table.", "List."), translator, (listed(inner), *table.arguments[1:]))
        )
    group = table_of(translator, table)
    return None if group is None else Taken(group.values(name), group)


def part_of(translator: Translator, node: nodes.FieldAccess) -> Scalar | None:
    """The column (as a list) or cell of a table that an access to a field is; None for one of something else."""
    column = column_of(translator, node)
    return cell_of(translator, node) if column is None else listed(column)


def _row_of(translator: Translator, node: Any) -> tuple[Group, bool] | None:
    """The table whose first (or, if so told, last) row an expression is, `_{0}` say."""
    node = bare(node)
    if isinstance(node, nodes.Name):
        found = translator.names.get(node.name)
        return _row_of(found.scope, found.node) if found.__class__ is Lazy else None
    if isinstance(node, nodes.ItemAccess):
        index = bare(node.index)
        if not isinstance(index, nodes.Literal) or index.value != 0:
            return None
        group = table_of(translator, node.target)
        return None if group is None else (group, False)
    name = called(translator, node)
    if name not in _ENDS or len(node.arguments) != _ENDS[name]:
        return None
    group = table_of(translator, node.arguments[0])
    if group is None:
        return None
    if _ENDS[name] == 2:
        call = Call(name, translator, node.arguments)
        group = evolve(group, order=(*_keys(call, group, name == "Table.Max"), *group.order))
    return group, name == "Table.Last"


#: Functions that give one row: how many arguments they have here.
_ENDS = {"Table.First": 1, "Table.Last": 1, "Table.Max": 2, "Table.Min": 2}


def cell_of(translator: Translator, node: nodes.FieldAccess) -> Scalar | None:
    """A cell of such a row; where there is no row the query stops, as M raises there."""
    found = _row_of(translator, node.target) if node.target is not None else None
    if found is None or node.optional:
        return None
    group, last = found
    return _cell(group, last, node.name, True)


def _cell(group: Group, last: bool, name: str, sure: bool) -> Scalar:
    from folding.aggregates import AGGREGATES, row_count

    x = group.values(name)
    if x.kind in ("any", "null") and x.inside is None:
        raise Unfoldable("a cell of unknown kind of a group's row")
    cell = AGGREGATES["List.Last" if last else "List.First"](x, group)
    cell = evolve(cell, nullable=x.nullable)
    if sure and not group.whole:
        none = t.binary(exp.EQ, group.finish(row_count(group)).use, t.whole(0))
        sql = t.unless(none, group.finish(cell).use)
        cell = evolve(cell, sql=sql, raises=True)
    return cell


def row_at(translator: Translator, node: nodes.ItemAccess) -> Scalar | None:
    """`_{0}` as a record; None for an item of something else."""
    found = _row_of(translator, node)
    if found is None:
        return None
    if not found[0].whole:
        raise Unfoldable("a row of rows that may be none")
    return _record(*found)


@folds("Table.First", "Table.Last", "Table.Max", "Table.Min")
def one_row(call: Call) -> Scalar:
    """The row as a record; null where there is none."""
    node = nodes.Invocation(nodes.Name(call.name), call.arguments)
    found = _row_of(call.translator, node)
    if found is None:
        raise Unfoldable(f"{call.name} of something other than the rows of a group")
    return _record(*found)


def _record(group: Group, last: bool) -> Scalar:
    from folding.aggregates import row_count

    whole = record(list(group.names), [_cell(group, last, name, False) for name in group.names])
    if group.whole:
        return whole
    none = t.binary(exp.EQ, row_count(group).use, t.whole(0))
    sql = t.case((none, exp.Null()), otherwise=whole.sql)
    return group.finish(evolve(whole, sql=sql, nullable=True))


@folds("Table.RowCount", "Table.IsEmpty")
def counted(call: Call) -> Scalar:
    """Of a group or a nested table; the different rows of one that is whole."""
    from folding.aggregates import count_rows, row_count

    call.at_most(1)
    node = bare(call.arguments[0])
    different = called(call.translator, node) == "Table.Distinct" and len(node.arguments) == 1
    group = table_of(call.translator, node.arguments[0] if different else node)
    if group is None:
        raise Unfoldable(f"{call.name} of something other than rows that folding knows")
    if different and (group.condition is not None or call.name != "Table.RowCount"):
        raise Unfoldable("different rows of a part of a group")
    number = group.finish(count_rows(group) if different else row_count(group))
    if call.name == "Table.RowCount":
        return number
    return typed(t.binary(exp.EQ, number.use, t.whole(0)), "logical", "BOOLEAN", number, nullable=False)
