"""Row functions that the library makes: cutting a text into columns, putting columns together.

The library says what such a function does by a recipe (`library/table/transform.row_function`): a tuple of a
word and the arguments.  A column that was cut is carried as its text and the cut (`Pieces`); no list is made
until a piece is asked for.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.comparers import folded
from folding.cuts import CUTS, LIST, Pieces
from folding.meanings import Row
from folding.terms import Scalar, Unfoldable, typed


def recipe_of(function: Any) -> tuple[Any, ...] | None:
    """What a row function of the library does; None for other functions."""
    spec = getattr(function, "spec", None)
    if spec is None or spec.name != "row" or spec.node is not None or spec.builtin is not None:
        return None
    found: tuple[Any, ...] | None = spec.document[2]
    return found


def recipe_term(recipe: tuple[Any, ...] | None, row: Any) -> Scalar:
    """The cell that a library's row function makes."""
    form = _FORMS.get(recipe[0]) if recipe is not None and isinstance(row, Row) else None
    if form is None or recipe is None:
        raise Unfoldable("a function that the library made")
    made: Scalar = form(row, *recipe[1:])
    return made


def _column(row: Row, name: str) -> Scalar:
    found: Scalar | None = row.field(name)
    if found is None:
        raise Unfoldable(f"there is no column '{name}'")
    return found


# ---------------------------------------------------------------- Table.SplitColumn


def _split(row: Row, splitter: Any, source: str, width: int, default: Any, extra: int) -> Scalar:
    text = t.need(_column(row, source), "text")
    if extra == LIST:
        raise Unfoldable("surplus pieces as a list")
    name = splitter.spec.name if splitter.spec is not None and splitter.spec.node is None else ""
    if name not in CUTS:
        raise Unfoldable("a splitter other than by delimiters, white space, transitions, lengths or places")
    return evolve(text, kind="any", storage="", inside=Pieces(splitter, width, default, extra))


def _piece(row: Row, index: int) -> Scalar:
    """One piece; what is missing is the default."""
    pieces = _column(row, "\0pieces")
    if not isinstance(pieces.inside, Pieces):
        raise Unfoldable("pieces of a text that was cut elsewhere")
    return piece_term(evolve(pieces, kind="text", storage="VARCHAR", inside=None), pieces.inside, index)


def piece_term(text: Scalar, how: Pieces, index: int) -> Scalar:
    """One piece of a text."""
    from mlang.values.metadata import strip

    default = t.literal(strip(how.default))
    if default.kind not in ("null", "text"):
        raise Unfoldable("a default that is no text")
    spec = how.splitter.spec
    found, odd = CUTS[spec.name](text, spec.document, how, index)
    sql = found if default.constant is None else t.function("coalesce", found, default.use)
    branches = [(condition, t.error()) for condition in odd]
    sql = t.case(*branches, otherwise=sql) if branches else sql
    nullable = default.constant is None
    return typed(sql, "text", "VARCHAR", text, nullable=nullable, raises=bool(branches) or text.raises,
                 ascii=text.ascii and (nullable or default.ascii))  # fmt: skip


# ---------------------------------------------------------------- Table.CombineColumns


def _combine(row: Row, combiner: Any, names: list[str]) -> Scalar:
    """Texts with delimiters between them, null being the empty text; or what a function makes of the list."""
    columns = [_column(row, name) for name in names]
    spec = combiner.spec
    name = spec.name if spec is not None and spec.node is None and spec.builtin is None else ""
    if name not in ("Combiner.CombineTextByDelimiter", "Combiner.CombineTextByEachDelimiter"):
        if name:
            raise Unfoldable("a combiner other than by delimiters or one that is written in M")
        from folding.structures import items

        return _of_value(combiner, items(columns))
    given, quotes = spec.document
    delimiters = (given,) * (len(columns) - 1) if given.__class__ is str else given
    if len(delimiters) < len(columns) - 1:
        raise Unfoldable("a combiner of fewer texts: M raises")
    if not columns or any(c.kind not in ("text", "null") for c in columns):
        raise Unfoldable("columns put together that may not be texts")
    marks = (given,) if given.__class__ is str else given
    parts = [_part(c, marks if quotes else None) for c in columns]
    sql = parts[0]
    for delimiter, part in zip(delimiters, parts[1:], strict=False):
        sql = t.binary(exp.DPipe, t.binary(exp.DPipe, sql, t.string(delimiter)), part) if delimiter else t.binary(
            exp.DPipe, sql, part)  # fmt: skip
    ascii = all(d.isascii() for d in marks) and all(c.ascii for c in columns)
    return typed(sql, "text", "VARCHAR", *columns, nullable=False, ascii=ascii)


def _part(text: Scalar, delimiters: tuple[str, ...] | None) -> Any:
    """A text to be put together with others; with delimiters, in quotes where it has one of them in it."""
    sql = t.function("coalesce", text.use, exp.Literal.string("")) if text.nullable else text.use
    if delimiters is None:
        return sql
    marks = dict.fromkeys(['"', "\r", "\n", *(d for d in delimiters if d)])
    odd = t.any_of([t.function("contains", sql, t.string(mark)) for mark in marks])
    doubled = t.function("replace", sql, exp.Literal.string('"'), exp.Literal.string('""'))
    quote = exp.Literal.string('"')
    quoted = t.binary(exp.DPipe, t.binary(exp.DPipe, quote, doubled), quote.copy())
    return t.case((odd, quoted), otherwise=sql)


def _of_value(function: Any, value: Scalar) -> Scalar:
    from folding.relations_columns import apply_function

    return apply_function(function, value)


def _record(row: Row, names: list[str]) -> Scalar:
    """A record of some cells."""
    from folding.structures import record

    return record(list(names), [_column(row, name) for name in names])


def _aggregate(row: Row, column: str, inner: str, function: Any) -> Scalar:
    """`Table.AggregateTableColumn`: a function of a nested table's column."""
    from folding.nested import nested_aggregate

    return nested_aggregate(_column(row, column), inner, function)


def _of_cell(row: Row, column: str, function: Any) -> Scalar:
    """A function of one cell."""
    return _of_value(function, _column(row, column))


# ---------------------------------------------------------------- conditions


def _matches(row: Row, wanted: tuple[tuple[Any, ...], ...], keeps: bool) -> Scalar:
    """Whether the row equals one of some records in what these are compared in (or none of them)."""
    found = [one_of(row, cells).use for cells in wanted]
    same = t.any_of(found) if found else exp.false()
    return typed(same if keeps else t.negation(same), "logical", "BOOLEAN", nullable=False)


def one_of(row: Row, cells: tuple[Any, ...]) -> Scalar:
    """Whether the row has some values: triples of a column or function of the row, a comparer or None, and a value."""
    from folding.operators import equality

    tests = []
    for what, comparer, value in cells:
        term = _column(row, what) if what.__class__ is str else _of_row(what, row)
        tests.append(equality(folded(term, comparer), folded(t.literal(value), comparer), False))
    if any(x.raises for x in tests):
        raise Unfoldable("cells that may raise compared with a record")
    return typed(t.all_of([x.use for x in tests]), "logical", "BOOLEAN", nullable=False)


def _of_row(function: Any, row: Row) -> Scalar:
    from folding.relations_columns import apply_function

    return apply_function(function, row)


def _fails(row: Row, condition: Any) -> Scalar:
    """Whether a condition is not true."""
    holds = t.need(_of_row(condition, row), "logical", "null")
    sql = t.negation(holds.use)
    if holds.nullable:
        sql = t.function("coalesce", sql, exp.true())
    return typed(sql, "logical", "BOOLEAN", holds, nullable=False)


def _above(row: Row, name: str, bound: float) -> Scalar:
    """Whether a number is above another."""
    number = t.need(_column(row, name), "number")
    return typed(t.binary(exp.GT, number.use, t.whole(int(bound))), "logical", "BOOLEAN", number)


def _has_text(row: Row, text: str) -> Scalar:
    """Whether a text is somewhere in the texts of the row."""
    part, found = t.literal(text), []
    for name in row.names:
        cell = _column(row, name)
        if cell.raises or (cell.kind == "any" and cell.inside is None):
            raise Unfoldable("a text looked for in cells that may raise or are of unknown kind")
        if cell.kind == "text":
            found.append(t.function("contains", cell.use, part.use))
    nothing = exp.false()
    return typed(t.any_of(found) if found else nothing, "logical", "BOOLEAN", nullable=bool(found))


_FORMS: dict[str, Any] = {
    "split": _split,
    "piece": _piece,
    "combine": _combine,
    "record": _record,
    "aggregate": _aggregate,
    "cell": _of_cell,
    "matches": _matches,
    "fails": _fails,
    "above": _above,
    "has text": _has_text,
}
