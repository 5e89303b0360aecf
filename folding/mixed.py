"""Numbers of which some are decimals and some doubles, each staying what it is, as in M.

They travel as structs of the two (`terms.Mixed`), or, where an engine has no structs, as two columns of which one is
null (`split`, `together`); in comparisons and arithmetic they are the doubles of `terms.plain_number`.  Read
`operators.alternatives` for where they are made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.terms import Scalar, Unfoldable, typed


def as_double(sql: Any, scale: int, largest: int | None = None) -> Any:
    """The double that a number of either sort stands for; structs that are written out in the term are not made."""

    def of_parts(decimal: Any, number: Any) -> Any:
        if _is_nothing(decimal):
            return number
        double = t.decimal_as_double(decimal, scale, largest)
        return double if _is_nothing(number) else t.function("coalesce", double, number)

    return _taken(sql, of_parts, t.cast(exp.Null(), "DOUBLE"))


def decimal_and_double(term: Scalar) -> tuple[Scalar, Scalar]:
    """The two parts of numbers of both sorts, for an engine that has no structs."""
    decimal = Scalar(
        _part(term.use, 0), "any", "DECIMAL", True, term.raises, inside=t.Scaled(term.inside.scale)
    )
    return decimal, Scalar(_part(term.use, 1), "number", "DOUBLE", True, term.raises, nonan=term.nonan)


def is_split(term: Scalar) -> bool:
    """Whether an engine without structs holds a term in two columns."""
    return isinstance(term.inside, t.Mixed) and t.is_decimal(term)


def together(decimal: Any, number: Any) -> Any:
    """What two columns hold; where both are null it is no number."""
    keys = (exp.to_identifier("c1"), exp.to_identifier("c2"))
    fields = [
        exp.PropertyEQ(this=key, expression=sql) for key, sql in zip(keys, (decimal, number), strict=True)
    ]
    return exp.Struct(expressions=fields)


def parts(sql: Any) -> list[Any]:
    """The columns of a number of either sort that is held in two; else the expression itself."""
    if not isinstance(sql, exp.Struct):
        return [sql]
    found = [part.expression for part in sql.expressions]
    return found if all(isinstance(part, exp.Column) for part in found) else [sql]


def is_written(sql: Any) -> bool:
    """Whether an expression is a number of either sort, or is one in an alternative."""
    if isinstance(sql, exp.Paren):
        return is_written(sql.this)
    if isinstance(sql, exp.Case):
        values = [branch.args["true"] for branch in sql.args["ifs"]] + [sql.args.get("default")]
        return any(is_written(value) for value in values)
    return isinstance(sql, exp.Struct)


def is_missing(sql: Any) -> Any:
    """Whether such an expression is null, for an engine that has no structs."""

    def of_parts(decimal: Any, number: Any) -> Any:
        found = [_null_test(part) for part in (decimal, number) if not _is_nothing(part)]
        return t.all_of(found) if found else exp.true()

    return _taken(sql, of_parts, exp.true())


def _null_test(sql: Any) -> Any:
    known = isinstance(sql, exp.Cast) and isinstance(sql.this, (exp.Literal, exp.Neg))
    return exp.false() if known else t.is_null(sql)


def _part(sql: Any, place: int) -> Any:
    return _taken(sql, lambda *both: both[place], exp.Null())


def _taken(sql: Any, take: Callable[[Any, Any], Any], nothing: Any) -> Any:
    """What ``take`` makes of the two parts, in each alternative."""
    if isinstance(sql, exp.Paren):
        return _taken(sql.this, take, nothing)
    if isinstance(sql, exp.Null):
        return nothing
    if t.is_stop(sql):
        return sql
    if isinstance(sql, exp.Case):
        whole = _unwrapped(sql)
        if whole is not None:
            return _taken(whole, take, nothing)
        default = sql.args.get("default")
        branches = [(branch.this, _taken(branch.args["true"], take, nothing)) for branch in sql.args["ifs"]]
        return _plainer(branches, None if default is None else _taken(default, take, nothing))
    if isinstance(sql, exp.Struct):
        return take(*[part.expression for part in sql.expressions])
    return take(*[t.function("struct_extract", sql, exp.Literal.string(name)) for name in ("c1", "c2")])


def _unwrapped(sql: Any) -> Any:
    """The struct of ``CASE WHEN x IS NOT NULL THEN {x} END``: its parts are null where x is."""
    (branch, *others), default = sql.args["ifs"], sql.args.get("default")
    value, tested = branch.args["true"], _not_null_of(branch.this)
    if others or default is not None or tested is None or not isinstance(value, exp.Struct):
        return None
    filled = [part.expression for part in value.expressions if not _is_nothing(part.expression)]
    same = all(x == tested or (isinstance(x, exp.Cast) and x.this == tested) for x in filled)
    return value if same and len(filled) == 1 else None


def _plainer(branches: list[tuple[Any, Any]], default: Any) -> Any:
    """CASE; what gives null where a value is null, else that value, is the value."""
    if len(branches) == 1:
        (condition, value), other = branches[0], default
        tested = _not_null_of(condition)
        if tested is None and isinstance(condition, exp.Is) and isinstance(condition.expression, exp.Null):
            tested, value, other = condition.this, default, value
        if tested is not None and value == tested and (other is None or _is_nothing(other)):
            return value
    return t.case(*branches, otherwise=default)


def _not_null_of(condition: Any) -> Any:
    """The x of ``x IS NOT NULL``."""
    inner = condition.this if isinstance(condition, exp.Not) else None
    while isinstance(inner, exp.Paren):
        inner = inner.this
    return inner.this if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null) else None


def _is_nothing(sql: Any) -> bool:
    return isinstance(sql, exp.Null) or (isinstance(sql, exp.Cast) and isinstance(sql.this, exp.Null))


def either_number(term: Scalar, scale: int) -> Scalar:
    """A decimal of some scale, or a number that is a double to M, as one of numbers of both sorts."""
    if isinstance(term.inside, t.Mixed) and term.inside.scale == scale:
        return term
    if term.inside == t.Scaled(scale):
        parts, nonan, largest = (term.use, t.cast(exp.Null(), "DOUBLE")), True, term.largest
    elif term.kind == "number" and term.inside is None and (term.storage == "DOUBLE" or term.int53):
        nothing = t.cast(exp.Null(), f"DECIMAL({max(scale, 1)}, {scale})")
        parts, nonan, largest = (nothing, t.as_double(term)), term.nonan, 0
    else:
        raise Unfoldable("alternatives of different kinds")
    sql: Any = together(*parts)
    if term.nullable:
        sql = t.case((t.not_null(term.use), sql))
    return typed(sql, "any", "", term, nonan=nonan, inside=t.Mixed(scale), largest=largest)


def bound(left: Scalar, right: Scalar) -> int | None:
    """A bound of the decimals in two alternatives."""
    if left.inside is None:
        return None
    known = [x.largest for x in (left, right) if not (x.is_constant and x.constant is None)]
    return max((x for x in known if x is not None), default=None) if None not in known else None


def first_of(term: Scalar, place: Any) -> Scalar:
    """In a group of equal numbers that of the first row: decimals and doubles are equal but not the same."""
    return evolve(term, sql=at_place("arg_min_null", term, place), raises=False, constant=t.VARIES)


def at_place(name: str, term: Scalar, place: Any) -> Any:
    """What a function finds by a place, of each column where a number of either sort is held in two."""
    held = parts(term.use) if is_split(term) else [term.use]
    found = [t.function(name, part, place.copy()) for part in held]
    return found[0] if len(found) == 1 else together(*found)
