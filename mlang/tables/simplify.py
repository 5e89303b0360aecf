"""Rewrites of plans that both the interpreter and folding use.

Running a plan already prunes columns (each runner asks its input for what it needs); what
stands here are rewrites that change nodes: `prune` gives the plan that computes only
some columns, and `expand_of_nested_join` turns the two steps that the editor writes for
a merge into one join.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve

from mlang.tables import plan as p
from mlang.tables import schema as schemas
from mlang.values.functions import Function
from mlang.values.types import ANY


def one_pass(plan: p.Plan) -> bool:
    """Whether the rows are Python lists and no step sorts them: then the interpreter is done before an
    engine has got the data (measured, ``tests/benchmarks/bench_tables.py``)."""
    stack = [plan]
    while stack:
        node = stack.pop()
        below = (node.cell[0],) if isinstance(node, p.Buffer) and node.cell else node.inputs
        if isinstance(node, p.Sort) or not (below or isinstance(node, p.Values)):
            return False
        stack.extend(below)
    return True


def expand_of_nested_join(node: p.ExpandTable) -> p.Plan | None:
    """``ExpandTableColumn`` over the ``NestedJoin`` that made the column, as one `plan.Join`; else None."""
    nested = node.input
    if not isinstance(nested, p.NestedJoin) or nested.column != node.column:
        return None
    right = nested.right.schema
    # Names with a leading U+0000 cannot clash with the columns of the left table.
    fields = [(f"\0{i}", old if right.has(old) else None) for i, (old, _) in enumerate(node.fields)]
    keys, side = _right_side(nested, fields)
    left = nested.left.schema
    both = schemas.of_columns([*schemas.pairs(left), *schemas.pairs(side.schema)])
    join = p.Join(
        both, nested.left, side, nested.left_keys, keys, nested.kind, side.schema.names, nested.comparers,
    )  # fmt: skip
    hidden = {new: hidden for (hidden, _), (_, new) in zip(fields, node.fields, strict=True)}
    chosen = tuple((n, hidden.get(n, n)) for n in node.schema.names)
    return p.Project(node.schema, join, chosen, "Table.ExpandTableColumn")


def _right_side(nested: p.NestedJoin, fields: list[tuple[str, str | None]]) -> tuple[tuple[str, ...], p.Plan]:
    """The right table of a nested join: some columns, and the keys under names that are given too."""
    keys = [(f"\0k{i}", name) for i, name in enumerate(nested.right_keys)]
    side = p.Project(schemas.projected(nested.right.schema, [*fields, *keys]), nested.right, (*fields, *keys))
    return tuple(name for name, _ in keys), side


def without_tables(node: p.Project) -> p.Plan:
    """What a choice of columns reads: of a nested join whose tables nobody looks at, only the rows that it keeps."""
    nested = node.input
    chosen = {old for _, old in node.columns}
    if not isinstance(nested, p.NestedJoin) or nested.kind not in _KEEPS or nested.column in chosen:
        return nested
    return _nested_join(nested, tuple(n for n in nested.schema.names if n in chosen))


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
    rewrite = REWRITES.get(plan.__class__)
    return plan if rewrite is None else rewrite(plan, columns)


def _project(node: p.Project, columns: tuple[str, ...]) -> p.Plan:
    chosen = tuple(pair for pair in node.columns if pair[0] in columns)  # in their order: rows show it
    columns = tuple(name for name, _ in chosen)
    below = tuple(dict.fromkeys(source for _, source in chosen if source is not None))
    inner = _pruned(node.input, below)
    while isinstance(inner, p.Project):  # two choices in a row are one
        under = dict(inner.columns)
        chosen = tuple((new, None if source is None else under[source]) for new, source in chosen)
        inner = inner.input
    types = {name: schemas.column_type(node.schema, name) for name in columns}
    schema = schemas.of_columns([(name, types.get(name, ANY)) for name in columns])
    return p.Project(schema, inner, chosen, node.name)


def _reads(function: Any, plan: p.Plan) -> tuple[str, ...]:
    """The columns of a plan that a function of its rows looks at."""
    from mlang.tables.local import RowFunction

    return RowFunction(function, plan.schema).reads


def _add_column(node: p.AddColumn | p.AddIndex, columns: tuple[str, ...]) -> p.Plan:
    if node.column not in columns:
        return _pruned(node.input, columns)
    reads = _reads(node.value, node.input) if isinstance(node, p.AddColumn) else ()
    inner = _pruned(node.input, _merged((n for n in columns if n != node.column), reads))
    type = schemas.column_type(node.schema, node.column)
    return evolve(node, input=inner, schema=schemas.append(inner.schema, node.column, type))


def _merged(columns: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*columns, *more]))


def _per_column(node: p.OneInput, columns: tuple[str, ...]) -> p.Plan:
    """Steps that change listed columns: unwanted ones leave the list, and an empty list the plan."""
    field = _LISTS[node.__class__]
    kept = tuple(entry for entry in getattr(node, field) if _name(entry) in columns)
    if not kept:
        return _pruned(node.input, columns)
    reads: tuple[str, ...] = ()
    if isinstance(node, p.ReplaceValue) and node.per_row:
        for value in (node.old, node.new):
            if value.__class__ is Function:
                reads = _merged(reads, _reads(value, node.input))
    inner = _pruned(node.input, _merged(columns, reads))
    types = {_name(entry): schemas.column_type(node.schema, _name(entry)) for entry in kept}
    return evolve(node, input=inner, schema=schemas.retyped(inner.schema, types), **{field: kept})


def _name(entry: Any) -> str:
    name: str = entry if entry.__class__ is str else entry[0]
    return name


_LISTS = {
    p.TransformColumns: "transforms",
    p.ChangeTypes: "changes",
    p.ReplaceErrors: "replacements",
    p.ReplaceValue: "columns",
    p.Fill: "columns",
}


def _rows(node: p.OneInput, columns: tuple[str, ...]) -> p.Plan:
    """Steps that choose or order rows: they need their own columns besides the wanted ones."""
    inner = _pruned(node.input, _merged(columns, _needed(node)))
    return evolve(node, input=inner, schema=inner.schema)


def _needed(node: Any) -> tuple[str, ...]:
    """The columns that decide which rows a step gives, and in what order."""
    if isinstance(node, p.SelectRows):
        return _reads(node.predicate, node.input)
    if isinstance(node, p.ErrorRows):
        return node.columns
    if isinstance(node, p.Sort):
        from mlang.tables.local_sort import reads

        return reads(node.keys, node.input.schema)
    if isinstance(node, p.Distinct):
        return tuple(name for name, _ in node.columns) or node.input.schema.names
    condition = getattr(node, "condition", None)
    return () if condition is None else _reads(condition, node.input)


def _group(node: p.Group, columns: tuple[str, ...]) -> p.Plan:
    from mlang.tables.local_group import group_reads

    aggregates = tuple(a for a in node.aggregates if a.column in columns)
    inner = _pruned(node.input, group_reads(node, list(aggregates)))
    kept = {*node.keys, *(a.column for a in aggregates)}
    schema = schemas.of_columns([(n, t) for n, t in schemas.pairs(node.schema) if n in kept])
    return evolve(node, input=inner, aggregates=aggregates, schema=schema)


def _join(node: p.Join, columns: tuple[str, ...]) -> p.Plan:
    left_names = tuple(n for n in columns if node.left.schema.has(n))
    right_names = tuple(n for n in node.right_columns if n in columns)
    left = _pruned(node.left, _merged(left_names, node.left_keys))
    right = _pruned(node.right, _merged(right_names, node.right_keys))
    kept = {*left.schema.names, *right_names}
    schema = schemas.of_columns([(n, t) for n, t in schemas.pairs(node.schema) if n in kept])
    if len(schema.names) != len(kept):
        return node
    left = _narrowed(left, tuple(n for n in schema.names if left.schema.has(n)))
    return evolve(node, left=left, right=right, right_columns=right_names, schema=schema)


#: Nested joins that give a left row once or not at all, and the joins that do without their tables.
_KEEPS = {p.INNER: p.LEFT_SEMI, p.LEFT_SEMI: p.LEFT_SEMI, p.LEFT_ANTI: p.LEFT_ANTI}


def _nested_join(node: p.NestedJoin, columns: tuple[str, ...]) -> p.Plan:
    """A left outer join whose tables nobody looks at is its left side; what keeps or drops left rows is a join without
    right columns."""
    lefts = tuple(n for n in columns if n != node.column)
    if node.kind == p.LEFT_OUTER and node.column not in columns:
        return _pruned(node.left, lefts)
    wanted = _merged(lefts, node.left_keys)
    left = _narrowed(_pruned(node.left, wanted), tuple(n for n in node.left.schema.names if n in wanted))
    if node.kind in _KEEPS and node.column not in columns:
        keys, side = _right_side(node, [])
        return p.Join(left.schema, left, side, node.left_keys, keys, _KEEPS[node.kind], (), node.comparers)
    # the join's own types: a full outer join has rows without a left side
    types = {name: schemas.column_type(node.schema, name) for name in (*left.schema.names, node.column)}
    schema = schemas.append(left.schema, node.column, types[node.column])
    return evolve(node, left=left, schema=schemas.retyped(schema, types))


def _related(node: p.Related, columns: tuple[str, ...]) -> p.Plan:
    """Related rows that nobody looks at cost nothing."""
    links = tuple(link for link in node.links if link.name in columns)
    own = tuple(n for n in columns if node.input.schema.has(n))
    inner = _pruned(node.input, _merged(own, [key for link in links for key in link.keys]))
    if not links:
        return inner
    pairs = [*schemas.pairs(inner.schema), *((link.name, link.type) for link in links)]
    return evolve(node, input=inner, links=links, schema=schemas.of_columns(pairs, inner.schema.keys))


REWRITES: dict[type, Any] = {
    p.Related: _related,
    p.Project: _project,
    p.AddColumn: _add_column,
    p.AddIndex: _add_column,
    p.Group: _group,
    p.Join: _join,
    p.NestedJoin: _nested_join,
    **dict.fromkeys(_LISTS, _per_column),
    **dict.fromkeys(
        (p.SelectRows, p.ErrorRows, p.Take, p.Drop, p.TakeLast, p.DropLast, p.Reverse, p.Sort, p.Distinct),
        _rows,
    ),
}
