"""Aggregates of other rows as joins: servers run a scalar subquery anew for each row.

Folding writes an aggregate of a nested table (or a field of a related row) as a scalar subquery whose condition
compares keys with those of the row beside it.  DuckDB makes a join of that; the servers here do not, and without an
index each row would cost a scan.  `decorrelated` puts the subquery into FROM as a left join: grouped by its keys,
or as it is where each key has one row (`SINGLE` marks those).
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.terms import Unfoldable

#: Marks a subquery (in its ``meta``) that has one row for each key.
SINGLE = "single"


def decorrelated(tree: Any) -> Any:
    """The query with its scalar subqueries in FROM; the same tree when there are none."""
    if not any(_subqueries(part) for part in _parts(tree)):
        return tree
    if tree.args.get("group") and any(_subqueries(part) for part in tree.expressions):
        raise Unfoldable("an aggregate of other rows beside a group")
    tree = tree.copy()
    made: dict[str, Any] = {}
    for part in _parts(tree):
        for node in _subqueries(part):
            _moved(tree, node, made)
    return tree


def _parts(tree: Any) -> list[Any]:
    others = [tree.args.get(name) for name in ("where", "order")]
    return [*tree.expressions, *(part for part in others if part is not None)]


def _subqueries(part: Any) -> list[Any]:
    """The outermost subqueries of an expression that compare their rows with the row beside them."""
    found = []
    stack = [part]
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Subquery):
            if isinstance(node.this, exp.Select) and any(
                _outer(c, _aliases(node.this)) for c in _conditions(node.this)
            ):
                found.append(node)
        else:
            stack.extend(node.iter_expressions())
    return found


def _aliases(query: Any) -> set[str]:
    joins = [join.this for join in query.args.get("joins") or ()]
    return {item.alias for item in [query.args["from_"].this, *joins]}


def _conditions(query: Any) -> list[Any]:
    where = query.args.get("where")
    return (
        []
        if where is None
        else list(where.this.flatten() if isinstance(where.this, exp.And) else [where.this])
    )


def _outer(sql: Any, inside: set[str]) -> bool:
    """Whether an expression reads columns of the row beside the subquery."""
    return any(c.table not in inside for c in sql.find_all(exp.Column))


def _inner(sql: Any, inside: set[str]) -> bool:
    return any(c.table in inside for c in sql.find_all(exp.Column))


def _moved(tree: Any, node: Any, made: dict[str, Any]) -> None:
    """Makes one subquery a join of the tree, once, and puts what it gave in its place."""
    text = node.this.sql()
    if text not in made:
        made[text] = _joined(tree, node, f"v{len(made) + 1}")
    _replace(node, made[text].copy())


def _joined(tree: Any, node: Any, number: str) -> Any:
    """Adds a subquery to FROM; what stands for it then."""
    inner, inside = node.this, _aliases(node.this)
    if any(inner.args.get(name) for name in ("group", "limit", "offset")) or len(inner.expressions) != 1:
        raise Unfoldable("a scalar subquery of another shape")
    keys: list[tuple[str, Any]] = []
    rest, on = [], []
    alias = f"{min(inside)}_{number}"
    for condition in _conditions(inner):
        if not _outer(condition, inside):
            rest.append(condition)
        elif not _inner(condition, inside):
            on.append(condition)
        else:
            left, right = _sides(condition, inside)
            name = f"k{len(keys) + 1}"
            keys.append((name, right))
            on.append(condition.__class__(this=left.copy(), expression=t.column(name, alias)))
    value = inner.expressions[0].this
    if _outer(value, inside):
        raise Unfoldable("an aggregate that reads the row beside it")
    outputs = {"v": value} if node.meta.get(SINGLE) else _aggregates(value)
    query = exp.Select(
        expressions=[exp.alias_(sql.copy(), name, copy=False) for name, sql in [*keys, *outputs.items()]],
        from_=inner.args["from_"].copy(),
    )
    query.set("joins", [join.copy() for join in inner.args.get("joins") or ()])
    if rest:
        query.set("where", exp.Where(this=t.all_of(rest)))
    if not node.meta.get(SINGLE):
        query.set("group", exp.Group(expressions=[sql.copy() for _, sql in keys]))
    source = exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias)))
    tree.append("joins", exp.Join(this=source, side="LEFT", on=t.all_of(on)))
    return _given(value, outputs, alias)


def _sides(condition: Any, inside: set[str]) -> tuple[Any, Any]:
    """The outer and the inner side of a comparison of keys."""
    if not isinstance(condition, (exp.EQ, exp.NullSafeEQ)):
        raise Unfoldable("a scalar subquery that compares its rows otherwise than by keys")
    a, b = condition.this, condition.expression
    if _inner(a, inside):
        a, b = b, a
    if _inner(a, inside) or _outer(b, inside):
        raise Unfoldable("keys of a scalar subquery that are mixed")
    return a, b


def _aggregates(value: Any) -> dict[str, Any]:
    """What the grouped query gives: the counts of an expression of such, else the expression.

    Each is one list function of M: without rows those that count give 0, all others null.
    """
    counts = list(dict.fromkeys(_counts(value)))
    if not counts:
        return {"v": value}
    bare = value.copy().transform(lambda n: exp.Null() if _is_count(n) else n)
    if any(bare.find_all(exp.Column)):
        return {"v": value}  # a mean, say
    return {f"v{i}": count for i, count in enumerate(counts, 1)}


def _is_count(node: Any) -> bool:
    return isinstance(node, exp.Count) or (isinstance(node, exp.Anonymous) and node.name.lower() == "count")


def _counts(value: Any) -> list[Any]:
    return [node for node in value.walk() if _is_count(node)]


def _given(value: Any, outputs: dict[str, Any], alias: str) -> Any:
    """What stands for the subquery: null where there is no row, but counts are 0."""
    if "v" in outputs:
        return t.column("v", alias)
    columns = {
        count: t.function("coalesce", t.column(name, alias), t.whole(0)) for name, count in outputs.items()
    }
    return value.copy().transform(lambda n: columns[n].copy() if _is_count(n) and n in columns else n)


def _replace(node: Any, new: Any) -> None:
    """Puts an expression in the place of a subquery, under its name where it is an output."""
    node.replace(exp.alias_(new, node.alias, copy=False) if node.alias else exp.paren(new, copy=False))
