"""SQL forms of logical and value functions that stand inside row functions."""

from __future__ import annotations

from sqlglot import exp

from folding import terms as t
from folding.casts import text_to
from folding.functions import Call, folds
from folding.operators import equality, null_test
from folding.terms import Scalar, Unfoldable, typed


@folds("Logical.From", "Logical.FromText")
def logical_from(call: Call) -> Scalar:
    value = call.of(0, *(("text",) if call.name == "Logical.FromText" else ("logical", "number", "text")))
    call.at_most(1)
    if value.kind == "logical":
        return value
    if value.kind == "text":
        return text_to("logical", value)
    if not value.nonan:
        raise Unfoldable("Logical.From of a number that may be NaN")
    return typed(t.binary(exp.NEQ, t.as_double(value), t.double(0.0)), "logical", "BOOLEAN", value)


@folds("Value.NullableEquals")
def nullable_equals(call: Call) -> Scalar:
    """Null where a side is null."""
    call.at_most(2)
    left, right = call.term(0), call.term(1)
    same = equality(left, right, False)
    missing = [null_test(side) for side in (left, right) if side.nullable]
    if not missing:
        return same
    sql = t.case((t.any_of(missing), t.cast(exp.Null(), "BOOLEAN")), otherwise=same.use)
    return typed(sql, "logical", "BOOLEAN", left, right)


@folds("Value.Equals")
def value_equals(call: Call) -> Scalar:
    call.at_most(2)
    return equality(call.term(0), call.term(1), False)
