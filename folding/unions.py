"""Columns one below the other: what `Table.Combine` and `Table.UnpivotOtherColumns` make of several columns.

`combined` says what kind, SQL type and facts the whole column has, `cell` and `told` what one of the columns gives
for it.  Error cells stay where they are: the columns tell them in one way (`alike`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.mixed import either_number
from folding.nested import nested_table
from folding.operators import alternatives, stored_as, unify
from folding.relations import Column
from folding.relations_columns import certain
from folding.terms import Scalar, Unfoldable
from mlang.values.thunk import Thunk


def alike(columns: Sequence[Column | None]) -> list[Column | None]:
    """The columns, their error cells told in one way; where the ways differ, a cell that may be one stops the query."""
    ways = {_way(c) for c in columns if c is not None and c.text is not None}
    return [c if c is None or c.text is None or len(ways) < 2 else _stopping(c) for c in columns]


def _stopping(column: Column) -> Column:
    made = certain(column)
    return evolve(made, term=evolve(made.term, raises=True))


def _way(column: Column) -> Any:
    """How the error cells of a column are told: by numbers, or by texts that the interpreter converts."""
    if not column.failures:
        assert column.target is not None
        return column.target.kind, column.target.name, column.culture
    if column.failures[0].__class__ is not Thunk:
        raise Unfoldable("a combination of columns whose errors come with them")
    return "numbers"


def combined(columns: Sequence[Column | None]) -> Column:
    """The whole column; None stands for a table that has it not."""
    found: Column | None = None
    for c in columns:
        if c is None:
            continue
        if found is None:
            found = c
            continue
        told = c if found.text is None else found
        found = evolve(told, term=common(found.term, c.term), failures=(*found.failures, *c.failures))
    if found is None:
        raise Unfoldable("a combination with a column that no table has")
    # keys of nested tables may be null, and no table is no key
    if None in columns and nested_table(found.term) is not None:
        raise Unfoldable("a combination with tables that have no such column of tables")
    if found.text is not None and not found.term.storage:
        raise Unfoldable("a combination of decimals and cells that may be errors")
    return evolve(found, term=evolve(found.term, nullable=True)) if None in columns else found


def common(a: Scalar, b: Scalar) -> Scalar:
    """What is known of the cells of two columns."""
    if isinstance(a.inside, (t.Scaled, t.Mixed)) or isinstance(b.inside, (t.Scaled, t.Mixed)):
        if "null" in (a.kind, b.kind):
            return evolve(b if a.kind == "null" else a, nullable=True, raises=a.raises or b.raises)
        if a.inside != b.inside and isinstance(a.inside, t.Scaled) and isinstance(b.inside, t.Scaled):
            raise Unfoldable("a combination of decimals with different numbers of digits")
        return _both(*alternatives(a, b))
    if a.inside is not None or b.inside is not None:
        raise Unfoldable("a combination of columns of records, lists or tables")
    if a.kind == "null":
        return evolve(b, nullable=True, raises=a.raises or b.raises)
    if b.kind == "null":
        return evolve(a, nullable=True, raises=a.raises or b.raises)
    if a.kind != b.kind or (a.kind == "any" and a.storage != b.storage):
        raise Unfoldable("a combination of columns of different kinds")
    storage = a.storage if a.storage == b.storage else unify(a, b)[0].storage
    return evolve(
        a, storage=storage, nullable=a.nullable or b.nullable, raises=a.raises or b.raises, constant=t.VARIES,
        nonan=a.nonan and b.nonan, int53=a.int53 and b.int53, ascii=a.ascii and b.ascii,
        largest=None if a.largest is None or b.largest is None else max(a.largest, b.largest),
        natural=a.natural and b.natural,
    )  # fmt: skip


def _both(a: Scalar, b: Scalar) -> Scalar:
    """Two columns of decimals with the same scale, or of decimals and doubles."""
    return evolve(
        a, nullable=a.nullable or b.nullable, raises=a.raises or b.raises, nonan=a.nonan and b.nonan,
        int53=False, largest=None, natural=False,
    )  # fmt: skip


def cell(column: Column | None, shape: Scalar) -> Any:
    """The cells of one of the columns in the SQL type of the whole."""
    term = t.null() if column is None else column.term
    if isinstance(shape.inside, t.Mixed) and shape.inside.scale is not None:
        return exp.Null() if term.kind == "null" else either_number(term, shape.inside.scale).use
    storage = t.exact_storage(shape) or "VARCHAR"
    if column is None:
        return t.cast(exp.Null(), storage)
    if term.storage == shape.storage or not shape.storage:
        return term.use
    return stored_as(term, storage)


def told(columns: Sequence[Column | None], number: int, shape: Column) -> Any:
    """What tells the error cells of one of the columns; numbers go on from those of the columns before."""
    column = columns[number]
    if column is None or column.text is None:
        return t.cast(exp.Null(), "BIGINT" if shape.failures else "VARCHAR")
    before = sum(len(c.failures) for c in columns[:number] if c is not None)
    return t.binary(exp.Add, column.text.copy(), t.whole(before)) if before else column.text.copy()


def read_back(shape: Column, index: int, alias: str) -> Column:
    """The whole column as its reader sees it."""
    term = evolve(t.renamed(shape.term, t.column(f"c{index}", alias)), raises=shape.term.raises)
    return evolve(shape, term=term, text=None if shape.text is None else t.column(f"x{index}", alias))
