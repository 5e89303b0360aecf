"""Steps that keep the rows: choosing, adding, transforming, converting, filling columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.casts import converted
from folding.csv_source import CsvOrigin
from folding.functions import Call, form_of
from folding.makers import called_maker
from folding.operators import unify
from folding.recipes import recipe_term
from folding.relations import Column, Context, Relation, compiles
from folding.replacers import replaced_cell
from folding.scalars import Translator, inline
from folding.spelling import certain as certain_spelling
from folding.spelling import failing, wrong
from folding.terms import Scalar, Unfoldable, typed
from mlang.errors import MError
from mlang.tables import plan as p
from mlang.tables.simplify import without_tables
from mlang.values.functions import Function
from mlang.values.metadata import strip
from mlang.values.thunk import Thunk, force


def apply_function(function: Any, argument: Any) -> Scalar:
    """A function value of one argument as a term: written in M, or a builtin passed by name."""
    function = strip(function)
    if function.__class__ is not Function or function.spec is None:
        raise Unfoldable("a function whose body is not known")
    if function.spec.node is not None:
        return inline(function, [argument])
    if function.spec.name == "row" and function.spec.builtin is None:
        return recipe_term(function.spec.document[2], argument)
    builtin = function.spec.builtin
    if builtin is None:
        return called_maker(function, [argument])
    form = form_of(builtin.name)
    if form is None:
        raise Unfoldable(f"{builtin.name} has no exact SQL form")
    if argument.__class__ is not Scalar:
        raise Unfoldable(f"{builtin.name} of a whole row")
    return form(Call(builtin.name, Translator(None, {}), (argument,)))


def safely(relation: Relation, build: Callable[[Relation], Scalar]) -> tuple[Relation, Scalar]:
    """A term over a relation; large columns that it would repeat go into a subquery first."""
    term = build(relation)
    if t.size(term.sql) > 60 and relation.compact() is not relation:
        relation = relation.compact()
        term = build(relation)
    return relation, term


@compiles(p.Project)
def project(node: p.Project, context: Context) -> Relation:
    below = without_tables(node)
    base, schema = context.child(below), below.schema
    columns = tuple(
        Column(t.null()) if old is None else base.columns[schema.index(old)] for _, old in node.columns
    )
    return evolve(base, columns=columns)


@compiles(p.Retype)
def retype(node: p.Retype, context: Context) -> Relation:
    return context.child(node.input)


@compiles(p.AddColumn)
def add_column(node: p.AddColumn, context: Context) -> Relation:
    base = context.child(node.input)
    schema = node.input.schema
    if context.repairs is not None:
        base, column = context.repairs.added(
            base, node.value, schema, lambda r: apply_function(node.value, r.row(schema))
        )
        return evolve(base, columns=(*base.columns, column))
    base, term = safely(base, lambda r: apply_function(node.value, r.row(schema)))
    return evolve(base, columns=(*base.columns, Column(term)))


@compiles(p.TransformColumns)
def transform_columns(node: p.TransformColumns, context: Context) -> Relation:
    base = context.child(node.input)
    for name, function in node.transforms:
        place = node.input.schema.index(name)
        if context.repairs is not None:
            base, column = context.repairs.transformed(
                base,
                place,
                function,
                lambda r, i=place, f=function: apply_function(f, r.use(i)),  # type: ignore[misc]
            )
            base = replaced(base, place, column)
            continue
        base, term = safely(base, lambda r, i=place, f=function: apply_function(f, r.use(i)))  # type: ignore[misc]
        base = replaced(base, place, Column(term))
    return base


def replaced(relation: Relation, place: int, column: Column) -> Relation:
    """The relation with another column in a place."""
    columns = list(relation.columns)
    columns[place] = column
    return evolve(relation, columns=tuple(columns))


@compiles(p.ChangeTypes)
def change_types(node: p.ChangeTypes, context: Context) -> Relation:
    base = context.child(node.input).compact()
    changes = [(node.input.schema.index(name), target) for name, target in node.changes]
    plain = {}
    if isinstance(base.origin, CsvOrigin):
        first = {place: converted(base.columns[place], to, node.culture) for place, to in reversed(changes)}
        plain = certain_spelling(base, first, context.proves)
        for place, column in plain.items():
            base = replaced(base, place, column)
    for place, target in changes:
        if place in plain:
            del plain[place]
            continue
        column = converted(base.columns[place], target, node.culture)
        if context.repairs is not None and column.text is not None:
            base, column = context.repairs.converted(base, place, column)
        elif context.repairs is not None and column.term.raises:
            base, column = context.repairs.retyped(
                base, place, target, node.culture,
                lambda r, i=place, to=target: converted(r.columns[i], to, node.culture).term,  # type: ignore[misc]
            )  # fmt: skip
        base = replaced(base, place, column)
    return base


def certain(column: Column) -> Column:
    """The column without cells that may be errors: one that did not convert stops the query.

    Here M does not raise, so the interpreter goes on with the errors it finds.
    """
    if column.term.raises:
        raise Unfoldable("which cells are errors is for the interpreter to say")
    if column.text is None:
        return column
    failed = t.stop(column.text.copy(), column.term.storage)
    sql = t.case((t.not_null(column.text.copy()), failed), otherwise=column.term.use)
    return Column(evolve(column.term, sql=sql))


@compiles(p.ReplaceErrors)
def replace_errors(node: p.ReplaceErrors, context: Context) -> Relation:
    base = context.child(node.input).compact()
    for name, value in node.replacements:
        place = node.input.schema.index(name)
        column = base.columns[place]
        known = (column.failures or wrong(column) is not None) and value.__class__ is not Thunk
        base = replaced(base, place, _instead(column, value) if known else certain(column))
    return base


def _instead(column: Column, value: Any) -> Column:
    """A column whose errors are known (`repairs.py`, `spelling.py`) with a value in their place."""
    kept, new = unify(certain(evolve(column, text=None)).term, t.literal(strip(value)))
    bad = t.not_null(column.text.copy()) if column.failures else failing(column, exp.true(), exp.false())
    sql = t.case((bad, new.use), otherwise=kept.use)
    return Column(
        typed(
            sql, kept.kind, kept.storage, nullable=kept.nullable or new.nullable, raises=kept.raises,
            nonan=kept.nonan and new.nonan, int53=kept.int53 and new.int53, ascii=kept.ascii and new.ascii,
        )
    )  # fmt: skip


@compiles(p.ErrorRows)
def error_rows(node: p.ErrorRows, context: Context) -> Relation:
    """In the first attempt a cell that may be an error stops the query; in the second they are known."""
    base = context.child(node.input).opened().compact()
    failed = []
    for name in node.columns:
        place = node.input.schema.index(name)
        column = base.columns[place]
        if column.failures:
            failed.append(t.not_null(column.text.copy()))
            if not node.keep:
                base = replaced(base, place, Column(column.term))
            continue
        sure = certain(column)  # no cell of it may be an error already
        if column.text is None:
            base = replaced(base, place, sure)
            continue
        known = wrong(column) is not None
        if node.keep and not known:
            raise Unfoldable("which cells are errors is for the interpreter to say")
        if node.keep:
            failed.append(failing(column, exp.true(), exp.false()))
            continue
        fine = failing(column, exp.false(), exp.true())
        # the engine may look at a later condition first: the cells stop where they are not known, too
        settled = evolve(column.term, sql=t.case((fine.copy(), column.term.use)), nullable=True)
        base = replaced(base, place, Column(settled) if known else sure)
        base = base.filtered(typed(fine, "logical", "BOOLEAN", nullable=False))
    bad = t.any_of(failed) if failed else exp.false()
    if node.keep and not failed and base.raises:
        raise Unfoldable("no row is wanted of rows that may raise: an engine would not compute them")
    if node.keep:
        return base.filtered(typed(bad, "logical", "BOOLEAN", nullable=False))
    return base.filtered(typed(t.negation(bad), "logical", "BOOLEAN", nullable=False)) if failed else base


@compiles(p.ReplaceValue)
def replace_value(node: p.ReplaceValue, context: Context) -> Relation:
    """Old and new value are constants, or functions of the row as it was before."""
    base = context.child(node.input).compact()
    row = base.row(node.input.schema)
    old, new = (_given(value, row, node.per_row) for value in (node.old, node.new))
    columns = list(base.columns)
    for name in node.columns:
        place = node.input.schema.index(name)
        columns[place] = Column(replaced_cell(node.replacer, base.use(place), old, new))
    return evolve(base, columns=tuple(columns))


def _given(value: Any, row: Any, per_row: bool) -> Any:
    """What is replaced, or put in its place: a term, or an M value that is none."""
    if per_row and value.__class__ is Function:
        return apply_function(value, row)
    try:
        value = strip(force(value))
    except MError:
        raise Unfoldable("replacement values that are errors") from None
    try:
        return t.literal(value)
    except (Unfoldable, TypeError):
        return value


@compiles(p.AddIndex)
def add_index(node: p.AddIndex, context: Context) -> Relation:
    base = context.child(node.input).opened()
    start, step = t.literal(node.start), t.literal(node.step)
    if not (start.int53 and step.int53):
        raise Unfoldable("an index with fractions")
    order = None if base.natural else window_order(base)
    number = exp.Window(this=exp.RowNumber(), order=order)
    # servers count in types of their own; minus zero is no whole number of SQL
    small = max(abs(start.constant), abs(step.constant)) <= _SMALL_STEP and repr(start.constant) != "-0.0"
    whole = context.keeps_order and small
    sql = index_of(number, start.constant, step.constant) if whole else _index_of_doubles(number, start, step)
    bound = None if base.rows is None else int(abs(start.constant) + base.rows * abs(step.constant))
    term = typed(
        sql, "number", "BIGINT" if whole else "DOUBLE", nullable=False, nonan=True, int53=True,
        largest=bound if whole else None, natural=min(start.constant, step.constant) >= 0,
    )  # fmt: skip
    base = evolve(base, columns=(*base.columns, Column(term)), windowed=True)
    return base.closed()


#: With steps up to this one the indexes of all rows that a table can have are exact.
_SMALL_STEP = 2.0**20


def index_of(number: Any, start: float, step: float) -> Any:
    """The index of row ``number`` (from 1) in whole numbers."""
    if step != 1:
        number = t.binary(exp.Mul, t.binary(exp.Sub, number, t.whole(1)), t.whole(int(step)))
    else:
        start -= 1
    if start == 0:
        return number
    return t.binary(exp.Add if start > 0 else exp.Sub, number, t.whole(abs(int(start))))


def _index_of_doubles(number: Any, start: Scalar, step: Scalar) -> Any:
    sql = t.cast(t.binary(exp.Sub, number, t.whole(1)), "DOUBLE")
    if step.constant != 1:
        sql = t.binary(exp.Mul, sql, step.use)
    return sql if start.constant == 0 else t.binary(exp.Add, sql, start.use)


def window_order(relation: Relation, reverse: bool = False) -> Any:
    """ORDER BY of a window over the relation's row order."""
    if not relation.order:
        raise Unfoldable("rows without an order")
    return exp.Order(expressions=[k.ordered(reverse) for k in relation.order])


@compiles(p.Fill)
def fill(node: p.Fill, context: Context) -> Relation:
    base = context.child(node.input).opened()
    columns = list(base.columns)
    for name in node.columns:
        place = node.input.schema.index(name)
        c = base.columns[place]
        if c.text is not None or c.term.raises or (c.term.kind == "any" and not t.is_decimal(c.term)):
            raise Unfoldable("filling over cells that may be errors")
        if not c.term.nullable:
            continue
        ignoring = exp.IgnoreNulls(this=exp.LastValue(this=c.term.use))
        frame = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
        sql = exp.Window(this=ignoring, order=window_order(base, reverse=not node.down), spec=frame)
        columns[place] = Column(evolve(c.term, sql=sql, nullable=True))
    return evolve(base, columns=tuple(columns), windowed=True, natural=False).closed()
