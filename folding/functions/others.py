"""SQL forms of logical, list and value functions that stand inside row functions."""

from __future__ import annotations

from sqlglot import exp

from folding import terms as t
from folding.casts import text_to
from folding.functions import Call, folds
from folding.operators import equality
from folding.terms import Scalar, Unfoldable, typed
from mlang.syntax import nodes
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


@folds("Table.RowCount")
def nested_count(call: Call) -> Scalar:
    """Of a nested table."""
    from folding.aggregates import row_count
    from folding.nested import aggregated

    call.at_most(1)
    return aggregated(call.term(0), lambda group: row_count())


@folds(
    "List.Sum", "List.Average", "List.Count", "List.NonNullCount", "List.Min", "List.Max", "List.First",
    "List.Last", "List.Median",
)  # fmt: skip
def nested_list(call: Call) -> Scalar:
    """Of a column of a nested table: `List.Sum([nested][x])`."""
    from folding.aggregates import AGGREGATES
    from folding.nested import aggregated

    call.at_most(1)
    node = call.arguments[0]
    if not isinstance(node, nodes.FieldAccess) or node.target is None or node.optional:
        raise Unfoldable(f"{call.name} of a list")
    table = call.translator.scalar(node.target)
    return aggregated(table, lambda group: AGGREGATES[call.name](group.values(node.name), group))


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
    missing = [t.is_null(side.use) for side in (left, right) if side.nullable]
    if not missing:
        return same
    sql = t.case((t.any_of(missing), t.cast(exp.Null(), "BOOLEAN")), otherwise=same.use)
    return typed(sql, "logical", "BOOLEAN", left, right)


@folds("Value.Equals")
def value_equals(call: Call) -> Scalar:
    call.at_most(2)
    return equality(call.term(0), call.term(1), False)
