"""Numbers of which some are decimals and some doubles, each staying what it is, as in M.

They travel as structs of the two (`terms.Mixed`), or, where an engine has no structs, as two columns; in comparisons
and arithmetic they are the doubles of `terms.plain_number`.  Read `operators.alternatives` for where they are made.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.terms import Scalar, Unfoldable, typed


def as_double(sql: Any, scale: int) -> Any:
    """The same of structs; those that are written out in the term are not made at all."""
    if isinstance(sql, exp.Paren):
        return as_double(sql.this, scale)
    if isinstance(sql, exp.Null):
        return t.cast(sql, "DOUBLE")
    if t.is_stop(sql):
        return sql
    if isinstance(sql, exp.Case):
        default = sql.args.get("default")
        branches = [(branch.this, as_double(branch.args["true"], scale)) for branch in sql.args["ifs"]]
        return t.case(*branches, otherwise=None if default is None else as_double(default, scale))
    if isinstance(sql, exp.Struct):
        decimal, number = (part.expression for part in sql.expressions)
        return number if _is_nothing(decimal) else t.decimal_as_double(decimal, scale)
    return t.function("coalesce", t.decimal_as_double(_part(sql, 0), scale), _part(sql, 1))


def decimal_and_double(term: Scalar) -> tuple[Scalar, Scalar]:
    """The two parts of numbers of both sorts, for an engine that has no structs."""
    decimal = Scalar(
        _part(term.use, 0), "any", "DECIMAL", True, term.raises, inside=t.Scaled(term.inside.scale)
    )
    return decimal, Scalar(_part(term.use, 1), "number", "DOUBLE", True, term.raises, nonan=term.nonan)


def _part(sql: Any, place: int) -> Any:
    if isinstance(sql, exp.Paren):
        return _part(sql.this, place)
    if isinstance(sql, exp.Struct):
        return sql.expressions[place].expression
    if isinstance(sql, exp.Null) or t.is_stop(sql):
        return sql
    if isinstance(sql, exp.Case):
        default = sql.args.get("default")
        branches = [(branch.this, _part(branch.args["true"], place)) for branch in sql.args["ifs"]]
        return t.case(*branches, otherwise=None if default is None else _part(default, place))
    return t.function("struct_extract", sql, exp.Literal.string(("c1", "c2")[place]))


def _is_nothing(sql: Any) -> bool:
    return isinstance(sql, exp.Cast) and isinstance(sql.this, exp.Null)


def either_number(term: Scalar, scale: int) -> Scalar:
    """A decimal of some scale, or a number that is a double to M, as one of numbers of both sorts."""
    if isinstance(term.inside, t.Mixed) and term.inside.scale == scale:
        return term
    if term.inside == t.Scaled(scale):
        parts, nonan = (term.use, t.cast(exp.Null(), "DOUBLE")), True
    elif term.kind == "number" and term.inside is None and (term.storage == "DOUBLE" or term.int53):
        nothing = t.cast(exp.Null(), f"DECIMAL({max(scale, 1)}, {scale})")
        parts, nonan = (nothing, t.as_double(term)), term.nonan
    else:
        raise Unfoldable("alternatives of different kinds")
    keys = (exp.to_identifier("c1"), exp.to_identifier("c2"))
    fields = [exp.PropertyEQ(this=key, expression=sql) for key, sql in zip(keys, parts, strict=True)]
    sql = exp.Struct(expressions=fields)
    if term.nullable:
        sql = t.case((t.not_null(term.use), sql))
    return typed(sql, "any", "", term, nonan=nonan, inside=t.Mixed(scale))
