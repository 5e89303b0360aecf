"""Row functions that the library makes: cutting a text into columns, putting columns together.

The library says what such a function does by a recipe (`library/table/transform.row_function`): a tuple of a
word and the arguments.  A column that was cut is carried as its text and the cut (`Pieces`); no list is made
until a piece is asked for.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen
from sqlglot import exp

from folding import terms as t
from folding.comparers import folded
from folding.scalars import Row
from folding.terms import Scalar, Unfoldable, typed

#: What becomes of surplus pieces (`ExtraValues`).
_LIST, _ERROR = 0, 1


@frozen(eq=False)
class Pieces:
    """How a text is cut: the splitter function, how many columns, what fills up, and the mode of `ExtraValues`."""

    splitter: Any
    width: int
    default: Any
    extra: int


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
    if extra == _LIST:
        raise Unfoldable("surplus pieces as a list")
    name = splitter.spec.name if splitter.spec is not None and splitter.spec.node is None else ""
    if name not in _CUTS:
        raise Unfoldable("a splitter other than by one delimiter, lengths, positions or ranges")
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
    found, odd = _CUTS[spec.name](text, spec.document, how, index)
    sql = found if default.constant is None else t.function("coalesce", found, default.use)
    branches = [(condition, t.error()) for condition in odd]
    sql = t.case(*branches, otherwise=sql) if branches else sql
    nullable = default.constant is None
    return typed(sql, "text", "VARCHAR", text, nullable=nullable, raises=bool(branches) or text.raises,
                 ascii=text.ascii and (nullable or default.ascii))  # fmt: skip


def _by_delimiter(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    delimiter, quotes, _ = arguments
    if not delimiter:
        raise Unfoldable("a split at nothing")
    parts = t.function("string_split", text.use, t.string(delimiter))
    odd = []
    if quotes is None or quotes != 0:
        odd.append(t.function("contains", text.use, exp.Literal.string('"')))
    if how.extra == _ERROR:
        odd.append(t.binary(exp.GT, t.function("len", parts.copy()), t.whole(how.width)))
    return t.function("list_extract", parts, t.whole(index + 1)), odd


def _by_each(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    """Once, at the first or the last occurrence of one delimiter."""
    from folding.functions.pieces import after, before, overlaps

    delimiters, quotes, at_end = arguments
    if len(delimiters) != 1 or not delimiters[0] or (at_end and overlaps(delimiters[0])):
        raise Unfoldable("a split at several delimiters, or at one that may overlap itself")
    mark, from_end = delimiters[0], bool(at_end)
    there = t.function("contains", text.use, t.string(mark))
    odd = [] if quotes == 0 else [t.function("contains", text.use, exp.Literal.string('"'))]
    if how.extra == _ERROR and how.width < 2:
        odd.append(there.copy())
    if index > 1:
        return t.cast(exp.Null(), "VARCHAR"), odd
    if index:
        return t.case((there, after(text, mark, 0, from_end).sql)), odd
    return before(text, mark, 0, from_end).sql, odd


def _slices(
    text: Scalar, ranges: list[tuple[int, int | None]], how: Pieces, index: int
) -> tuple[Any, list[Any]]:
    """Pieces at fixed places."""
    if how.extra == _ERROR and len(ranges) > how.width:
        raise Unfoldable("more pieces than columns")
    if index >= len(ranges):
        return t.cast(exp.Null(), "VARCHAR"), []
    start, size = ranges[index]
    arguments = [text.use, t.whole(start + 1)] + ([] if size is None else [t.whole(max(size, 0))])
    odd = [] if text.ascii else [t.has_astral(text.use)]
    return t.function("substr", *arguments), odd


def _by_positions(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    starts, at_end = arguments
    _from_start(at_end)
    ends = (*starts[1:], None)
    ranges = [(a, None if b is None else b - a) for a, b in zip(starts, ends, strict=True)]
    return _slices(text, ranges, how, index)


def _by_ranges(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    ranges, at_end = arguments
    _from_start(at_end)
    return _slices(text, list(ranges), how, index)


def _by_lengths(text: Scalar, arguments: Any, how: Pieces, index: int) -> tuple[Any, list[Any]]:
    """What is left over is dropped; there is no piece behind the end of the text."""
    sizes, at_end = arguments
    _from_start(at_end)
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    found, odd = _slices(text, list(zip(starts, sizes, strict=True)), how, index)
    needed = [starts[i] for i in range(min(index + 1, len(sizes))) if sizes[i] > 0]
    if index < len(sizes) and needed:
        found = t.case((t.binary(exp.GT, t.function("length", text.use), t.whole(needed[-1])), found))
    return found, odd


def _from_start(at_end: Any) -> None:
    if at_end:
        raise Unfoldable("a splitter that starts at the end")


_CUTS = {
    "Splitter.SplitTextByDelimiter": _by_delimiter, "Splitter.SplitTextByPositions": _by_positions,
    "Splitter.SplitTextByEachDelimiter": _by_each,
    "Splitter.SplitTextByRanges": _by_ranges, "Splitter.SplitTextByLengths": _by_lengths,
}  # fmt: skip


# ---------------------------------------------------------------- Table.CombineColumns


def _combine(row: Row, combiner: Any, names: list[str]) -> Scalar:
    """Texts with a delimiter between them; null is the empty text."""
    spec = combiner.spec
    if spec is None or spec.node is not None or spec.name != "Combiner.CombineTextByDelimiter":
        raise Unfoldable("a combiner other than by one delimiter")
    delimiter, quotes = spec.document
    if quotes:
        raise Unfoldable("a combiner that writes quotes")
    columns = [_column(row, name) for name in names]
    if not columns or any(c.kind not in ("text", "null") for c in columns):
        raise Unfoldable("columns put together that may not be texts")
    parts = [t.function("coalesce", c.use, exp.Literal.string("")) if c.nullable else c.use for c in columns]
    sql = parts[0]
    for part in parts[1:]:
        sql = t.binary(exp.DPipe, t.binary(exp.DPipe, sql, t.string(delimiter)), part) if delimiter else t.binary(
            exp.DPipe, sql, part)  # fmt: skip
    ascii = delimiter.isascii() and all(c.ascii for c in columns)
    return typed(sql, "text", "VARCHAR", *columns, nullable=False, ascii=ascii)


def _aggregate(row: Row, column: str, inner: str, function: Any) -> Scalar:
    """`Table.AggregateTableColumn`: a function of a nested table's column."""
    from folding.nested import nested_aggregate

    return nested_aggregate(_column(row, column), inner, function)


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
    "aggregate": _aggregate,
    "matches": _matches,
    "fails": _fails,
    "above": _above,
    "has text": _has_text,
}
