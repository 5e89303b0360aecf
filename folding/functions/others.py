"""SQL forms of ``Logical.*``."""

from __future__ import annotations

from sqlglot import exp

from folding import terms as t
from folding.casts import text_to
from folding.functions import Call, folds
from folding.terms import Scalar, typed


@folds("Logical.From", "Logical.FromText")
def logical_from(call: Call) -> Scalar:
    value = call.of(0, *(("text",) if call.name == "Logical.FromText" else ("logical", "number", "text")))
    call.at_most(1)
    if value.kind == "logical":
        return value
    if value.kind == "text":
        return text_to("logical", value)
    sql = t.binary(exp.NEQ, t.as_double(value), t.double(0.0))
    if not value.nonan:
        sql = t.unless(t.function("isnan", t.as_double(value)), sql)
    return typed(sql, "logical", "BOOLEAN", value, raises=value.raises or not value.nonan)
