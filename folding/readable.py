"""The SQL of a query as people read it: the names of M in place of numbered columns, no needless signs.

What runs names columns by their places (c1, c2 …), which no name can disturb.  `readable` makes of its tree
another one that gives the same rows: columns have the names of their sources and of the result, a table that
stands alone needs no alias, and where one SELECT does not suffice those below are common table expressions
with the names of their steps.  Where names would collide (engines do not tell capitals apart) places stay.
"""

from __future__ import annotations

import re
from typing import Any

from attrs import field, frozen
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from folding.engines.database import DIALECT
from folding.sources import DatabaseOrigin, Leaf, ParquetOrigin

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg)
#: What binds closer than AND and OR.
_CONDITIONS = (*_COMPARISONS, exp.Is, exp.In, exp.Not)

Names = dict[str, str]


@frozen
class Step:
    """What a subquery or definition gives: the name of its step ("" if it has none) and of its columns."""

    name: str
    columns: tuple[str, ...]


@frozen
class Scope:
    """What is known of the tables of a query, by their aliases, and the new names of its definitions' columns."""

    leaves: dict[str, Leaf]
    steps: dict[str, Step]
    defined: dict[str, Names] = field(factory=dict)

    def wanted(self, alias: str) -> Names:
        """The names that the columns of a step should have."""
        step = self.steps.get(alias)
        return {} if step is None else {f"c{i}": name for i, name in enumerate(step.columns, 1)}


def readable(tree: Any, leaves: list[Leaf], names: tuple[str, ...], steps: dict[str, Step]) -> Any:
    """A tree of the same query for reading; ``names`` are those of the columns of the result."""
    tree = tree.copy()
    for node in list(tree.find_all(exp.Paren, exp.Not, exp.Cast)):
        _plainer(node)
    scope = Scope({leaf.alias: leaf for leaf in leaves}, steps)
    definitions = tree.args.pop("with_").expressions if tree.args.get("with_") else []
    queries = [tree, *(definition.this for definition in definitions)]
    if all(_reads_its_own(select) for query in queries for select in query.find_all(exp.Select)):
        for definition in definitions:
            alias = definition.alias
            scope.defined[alias] = _rename(definition.this, scope.wanted(alias), scope)
        _rename(tree, {f"c{i}": name for i, name in enumerate(names, 1)}, scope, top=True)
    _define(tree, definitions, scope)
    for select in list(tree.find_all(exp.Select)):
        _call_leaves(select, scope)
    for node in list(tree.find_all(exp.Paren)):  # printed in one line if it is short
        node.replace(exp.Tuple(expressions=[node.this]))
    return tree


# ---------------------------------------------------------------- signs


def _plainer(node: Any) -> None:
    """Takes away what says nothing: parentheses around what binds closer, types of small constants."""
    parent = node.parent
    if isinstance(node, exp.Paren):
        inner = node.this
        closer = isinstance(parent, (exp.And, exp.Or, exp.Where)) and isinstance(inner, _CONDITIONS)
        if closer or (
            isinstance(parent, _COMPARISONS) and isinstance(inner, _ARITHMETIC)
        ) or (isinstance(parent, exp.Not) and isinstance(inner, exp.In)):  # fmt: skip
            node.replace(inner)
    elif isinstance(node, exp.Not):
        if isinstance(node.this, exp.Is) and isinstance(node.this.expression, exp.Null):
            node.replace(exp.Is(this=node.this.this, expression=exp.Not(this=exp.Null())))
    elif (
        isinstance(parent, _COMPARISONS)
        and isinstance(node.this, exp.Literal)
        and not node.this.is_string
        and node.to.is_type("bigint")
    ):
        node.replace(node.this)


# ---------------------------------------------------------------- steps


def _define(tree: Any, definitions: list[Any], scope: Scope) -> None:
    """Gives the definitions the names of their steps, and makes definitions of subqueries that are steps."""
    taken = {table.name.lower() for table in tree.find_all(exp.Table)}
    found: list[Any] = []
    names: dict[str, str] = {}
    for definition in definitions:
        found += _lifted(definition.this, scope, taken)
        step = scope.steps.get(definition.alias)
        if step and step.name:
            names[definition.alias] = _free(step.name, taken)
            definition.set("alias", _alias(names[definition.alias]))
        found.append(definition)
    found += _lifted(tree, scope, taken)
    for query in [tree, *(cte.this for cte in found)]:
        for table in list(query.find_all(exp.Table)):
            if table.name in names:
                _name_table(table, names[table.name])
    if found:
        tree.set("with_", exp.With(expressions=found))


def _lifted(query: Any, scope: Scope, taken: set[str]) -> list[Any]:
    """The subqueries of a query that are steps, as definitions, each after those that it reads."""
    found: list[Any] = []
    for item in reversed(list(query.find_all(exp.Subquery))):  # the inner ones first
        step = scope.steps.get(item.alias)
        if step is None or not isinstance(item.parent, (exp.From, exp.Join)):
            continue
        name = _free(step.name, taken)
        found.append(exp.CTE(this=item.this, alias=_alias(name)))
        table = exp.Table(this=_identifier(name), alias=item.args["alias"])
        item.replace(table)
        _name_table(table, name)
    return found


def _name_table(table: Any, name: str) -> None:
    """Calls a table by the name of its definition, without an alias where it is not read twice side by side."""
    select, alias = table.parent_select, table.alias
    table.set("this", _identifier(name))
    if sum(isinstance(i, exp.Table) and i.name == name for i in _items(select)) == 1:
        table.set("alias", None)
        for column in _own(select, exp.Column):
            if column.table == alias and alias:
                column.set("table", _identifier(name))


def _call_leaves(select: Any, scope: Scope) -> None:
    """Gives sources that are joined the names of their steps in place of their aliases."""
    items = [item for item in _items(select) if item.alias in scope.leaves]
    taken = {item.alias_or_name.lower() for item in _items(select)}
    for item in items:
        step, alias = scope.steps.get(item.alias), item.alias
        if step is None or any(c.table == alias for q in _inner(select) for c in q.find_all(exp.Column)):
            continue
        name = _free(step.name, taken)
        item.args["alias"].set("this", _identifier(name))
        for column in _own(select, exp.Column):
            if column.table == alias:
                column.set("table", _identifier(name))


def _inner(select: Any) -> list[Any]:
    """The queries below one."""
    return [query for query in select.find_all(exp.Select) if query is not select]


def _free(name: str, taken: set[str]) -> str:
    """A name that no other table of the query has."""
    found, number = name, 2
    while found.lower() in taken:
        found, number = f"{name} {number}", number + 1
    taken.add(found.lower())
    return found


def _alias(name: str) -> Any:
    return exp.TableAlias(this=_identifier(name))


# ---------------------------------------------------------------- names


def _rename(query: Any, wanted: Names, scope: Scope, top: bool = False) -> Names:
    """Gives the outputs of a query names, as wanted where that can be, and what is below too: by their old names."""
    if isinstance(query, exp.Union):
        chosen = _rename(query.this, wanted, scope)
        _rename(query.expression, chosen, scope)
        return chosen
    inputs = {item.alias: item for item in _items(query)}
    asked: dict[str, Names] = {alias: {} for alias in inputs}
    for output in query.expressions:
        column = output.this
        if isinstance(column, exp.Column) and output.alias in wanted and column.table in asked:
            asked[column.table].setdefault(column.name, wanted[output.alias])
    known = {alias: _named_item(item, asked[alias], scope) for alias, item in inputs.items()}
    for below in _asked_inside(query):
        _rename(below, {}, scope)
    chosen = _outputs(query, wanted, known, top)
    alone = len(inputs) == 1 and not _hides(query, chosen, known)
    for column in _own(query, exp.Column, inside=False):
        name = known.get(column.table, {}).get(column.name)
        if name is not None:
            table = column.args.get("table")
            column.replace(exp.Column(this=_identifier(name), table=None if alone else table))
    for output in query.expressions:
        name = chosen[output.alias]
        if isinstance(output.this, exp.Column) and output.this.name == name:
            output.replace(output.this)
        else:
            output.set("alias", _identifier(name))
    if alone:
        for item in _items(query):
            if isinstance(item, exp.Table) and not item.args["alias"].args.get("columns"):
                item.set("alias", None)
    return chosen


def _reads_its_own(query: Any) -> bool:
    """Whether a query names only columns of its own FROM, not those of a query that it stands in."""
    if "from_" not in query.args or not all(isinstance(i, (exp.Table, exp.Subquery)) for i in _items(query)):
        return False
    tables = {item.alias for item in _items(query)}
    return all(column.table in tables for column in _own(query, exp.Column, inside=False))


def _items(query: Any) -> list[Any]:
    """What stands in FROM and JOIN."""
    return [query.args["from_"].this, *(join.this for join in query.args.get("joins") or ())]


def _own(query: Any, kind: type, inside: bool = True) -> list[Any]:
    """The nodes of a kind in a query, those of the queries in its FROM left out, and of those in its expressions."""
    found, stack = [], [query]
    inputs = {id(item) for item in _items(query)}
    while stack:
        node = stack.pop()
        if isinstance(node, kind):
            found.append(node)
        if inside or node is query or not isinstance(node, exp.Query):
            stack.extend(child for child in node.iter_expressions() if id(child) not in inputs)
    return found


def _asked_inside(query: Any) -> list[Any]:
    """The queries among the expressions of one, the outermost of them."""
    found = [node for node in _own(query, exp.Query, inside=False) if node is not query]
    return [node.this if isinstance(node, exp.Subquery) else node for node in found]


def _named_item(item: Any, asked: Names, scope: Scope) -> Names:
    """The names of the columns of a FROM item, which has them afterwards."""
    leaf = scope.leaves.get(item.alias)
    if isinstance(item, exp.Subquery) and leaf is None:
        return _rename(item.this, {**asked, **scope.wanted(item.alias)}, scope)
    if isinstance(item, exp.Table) and item.name in scope.defined:
        return scope.defined[item.name]
    names = _source_names(leaf)
    if not names or isinstance(item, exp.Subquery):
        return {}
    item.args["alias"].set("columns", None)
    numbers = {"r1": "file_row_number", "rowid": "rowid"}
    return {**{f"c{i}": name for i, name in enumerate(names, 1)}, **numbers}


def _source_names(leaf: Leaf | None) -> tuple[str, ...]:
    """The names of a source's columns, where the engine finds all of them by these."""
    if not isinstance(leaf, (ParquetOrigin, DatabaseOrigin)):
        return ()
    names = tuple(leaf.source.types)
    small = {name.lower() for name in names} | {"file_row_number", "rowid"}
    return names if len(names) == leaf.width and len(small) == len(names) + 2 and all(names) else ()


def _outputs(query: Any, wanted: Names, known: dict[str, Names], top: bool) -> Names:
    """The new names of a query's outputs."""
    chosen: Names = {}
    taken: set[str] = set()
    for output in query.expressions:
        old, column = output.alias, output.this
        name = wanted.get(old)
        if name is None and isinstance(column, exp.Column):
            name = known.get(column.table, {}).get(column.name)
        if not name or (name.lower() in taken and not top):
            name = old
        chosen[old] = name
        taken.add(name.lower())
    return chosen if top or len(taken) == len(chosen) else {old: old for old in chosen}


def _hides(query: Any, chosen: Names, known: dict[str, Names]) -> bool:
    """Whether an output has the name of another input column, for which it would be taken."""
    (names,) = known.values()
    there = {name.lower() for name in names.values()}
    if not names:
        return True
    for output in query.expressions:
        name, column = chosen[output.alias], output.this
        own = isinstance(column, exp.Column) and names.get(column.name) == name
        if name.lower() in there and not own:
            return True
    return False


def _identifier(name: str) -> Any:
    """A name, in quotes if it needs them."""
    words = Dialect.get_or_raise(DIALECT).tokenizer_class.KEYWORDS
    return exp.to_identifier(name, quoted=not _PLAIN.match(name) or name.upper() in words)
