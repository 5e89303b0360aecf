"""Rewrites of plans that both the interpreter and folding use.

Running a plan already prunes columns (each runner asks its input for what it needs); what
stands here are rewrites that change nodes: `prune` gives the plan that computes only
some columns, and `expand_of_nested_join` turns the two steps that the editor writes for
a merge into one join.
"""

from __future__ import annotations

from typing import Any

from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.values.types import ANY


def expand_of_nested_join(node: p.ExpandTable) -> p.Plan | None:
    """``ExpandTableColumn`` over the ``NestedJoin`` that made the column, as one `plan.Join`; else None."""
    nested = node.input
    if not isinstance(nested, p.NestedJoin) or nested.column != node.column:
        return None
    if nested.kind not in (p.INNER, p.LEFT_OUTER):
        return None
    right = nested.right.schema
    # Names with a leading U+0000 cannot clash with the columns of the left table.
    fields = [(f"\0{i}", old if right.has(old) else None) for i, (old, _) in enumerate(node.fields)]
    keys = [(f"\0k{i}", name) for i, name in enumerate(nested.right_keys)]
    side = p.Project(schemas.projected(right, [*fields, *keys]), nested.right, (*fields, *keys))
    left = nested.left.schema
    both = schemas.of_columns([*schemas.pairs(left), *schemas.pairs(side.schema)])
    join = p.Join(
        both, nested.left, side, nested.left_keys, tuple(n for n, _ in keys), nested.kind,
        side.schema.names, nested.comparers,
    )  # fmt: skip
    hidden = {new: hidden for (hidden, _), (_, new) in zip(fields, node.fields, strict=True)}
    chosen = tuple((n, hidden.get(n, n)) for n in node.schema.names)
    return p.Project(node.schema, join, chosen, "Table.ExpandTableColumn")


def prune(plan: p.Plan, columns: tuple[str, ...]) -> p.Plan:
    """A plan of exactly the named columns, in order, in which steps for unused columns are gone."""
    return _narrowed(_pruned(plan, columns), columns)


def _narrowed(plan: p.Plan, columns: tuple[str, ...]) -> p.Plan:
    if plan.schema.names == columns:
        return plan
    chosen = tuple((name, name) for name in columns)
    return p.Project(schemas.projected(plan.schema, chosen), plan, chosen)


def _pruned(plan: p.Plan, columns: tuple[str, ...]) -> p.Plan:
    """A plan that has at least the named columns."""
    rewrite = _REWRITES.get(plan.__class__)
    return plan if rewrite is None else rewrite(plan, columns)


def _project(node: p.Project, columns: tuple[str, ...]) -> p.Plan:
    old = dict(node.columns)
    chosen = tuple((name, old[name]) for name in columns)
    below = tuple(dict.fromkeys(source for _, source in chosen if source is not None))
    inner = _pruned(node.input, below)
    while isinstance(inner, p.Project):  # two choices in a row are one
        under = dict(inner.columns)
        chosen = tuple((new, None if source is None else under[source]) for new, source in chosen)
        inner = inner.input
    types = {name: schemas.column_type(node.schema, name) for name in columns}
    schema = schemas.of_columns([(name, types.get(name, ANY)) for name in columns])
    return p.Project(schema, inner, chosen, node.name)


def _add_column(node: p.AddColumn | p.AddIndex, columns: tuple[str, ...]) -> p.Plan:
    return node if node.column in columns else _pruned(node.input, columns)


def _per_column(node: Any, columns: tuple[str, ...]) -> p.Plan:
    """Steps that change listed columns: gone when none of them is wanted."""
    if isinstance(node, (p.ReplaceValue, p.Fill)):
        listed = list(node.columns)
    elif isinstance(node, p.TransformColumns):
        listed = [name for name, _ in node.transforms]
    elif isinstance(node, p.ChangeTypes):
        listed = [name for name, _ in node.changes]
    else:
        listed = [name for name, _ in node.replacements]
    return node if any(name in columns for name in listed) else _pruned(node.input, columns)


_REWRITES: dict[type, Any] = {
    p.Project: _project,
    p.AddColumn: _add_column,
    p.AddIndex: _add_column,
    **dict.fromkeys(
        (p.TransformColumns, p.ChangeTypes, p.ReplaceErrors, p.ReplaceValue, p.Fill), _per_column
    ),
}
