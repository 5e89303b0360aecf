"""SQL forms of logical, list and value functions that stand inside row functions."""

from __future__ import annotations

from sqlglot import exp

from folding import terms as t
from folding.functions import Call, folds
from folding.operators import equality
from folding.terms import Scalar, Unfoldable, typed
from mlang.values.thunk import force


@folds("List.Contains")
def list_contains(call: Call) -> Scalar:
    """A constant list: null is found like any value."""
    call.at_most(2)
    items = call.constant(0)
    if items.__class__ is not list or len(items) > 2000:
        raise Unfoldable("List.Contains of something other than a short constant list")
    value = call.term(1)
    tests = [equality(value, t.literal(force(item)), False) for item in items]
    tests = [x for x in tests if not isinstance(x.sql, exp.Boolean) or x.sql.this]
    if not tests:
        return typed(exp.false(), "logical", "BOOLEAN", nullable=False)
    same = [x.sql.expression for x in tests if isinstance(x.sql, (exp.NullSafeEQ, exp.EQ))]
    rest = [x.use for x in tests if not isinstance(x.sql, (exp.NullSafeEQ, exp.EQ))]
    found = []
    if same:
        first = next(x.sql.this for x in tests if isinstance(x.sql, (exp.NullSafeEQ, exp.EQ)))
        inside = exp.In(this=t.operand(first.copy()), expressions=[s.copy() for s in same])
        found.append(t.function("coalesce", inside, exp.false()) if value.nullable else inside)
    return typed(t.any_of(found + rest), "logical", "BOOLEAN", value, nullable=False)


@folds("Logical.From")
def logical_from(call: Call) -> Scalar:
    value = call.of(0, "logical", "number")
    if value.kind == "logical":
        return value
    if not value.nonan:
        raise Unfoldable("Logical.From of a number that may be NaN")
    return typed(t.binary(exp.NEQ, t.as_double(value), t.double(0.0)), "logical", "BOOLEAN", value)


@folds("Value.Equals")
def value_equals(call: Call) -> Scalar:
    call.at_most(2)
    return equality(call.term(0), call.term(1), False)
