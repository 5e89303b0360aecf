"""SQL forms of ``Value.*``, of comparers and replacers as plain functions, and of ``Function.Invoke``."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.calls import checked, fits
from folding.comparers import builtin_comparer, folded
from folding.functions import Call, folds
from folding.functions.records import applied
from folding.meanings import as_term
from folding.mixed import bound
from folding.operators import (
    alternatives,
    arithmetic,
    computing,
    equality,
    null_test,
    storage_pair,
    text_pair,
    unify,
)
from folding.terms import Scalar, Unfoldable, typed
from mlang.syntax import nodes
from mlang.values.types import MType

_OPERATORS = {"Value.Add": "+", "Value.Subtract": "-", "Value.Multiply": "*", "Value.Divide": "/"}


def _in_doubles(call: Call, index: int = 2) -> None:
    precision = call.constant(index) if call.count > index else None
    if precision not in (None, 0.0):
        raise Unfoldable(f"{call.name} in decimals")


@folds(*_OPERATORS)
def calculated(call: Call) -> Scalar:
    _in_doubles(call)
    return arithmetic(_OPERATORS[call.name], call.term(0), call.term(1))


@folds("Value.Equals")
def value_equals(call: Call) -> Scalar:
    _in_doubles(call)
    return equality(call.term(0), call.term(1), False)


@folds("Value.NullableEquals")
def nullable_equals(call: Call) -> Scalar:
    """Null where a side is null."""
    _in_doubles(call)
    left, right = call.term(0), call.term(1)
    same = equality(left, right, False)
    missing = [null_test(side) for side in (left, right) if side.nullable]
    if not missing:
        return same
    sql = t.case((t.any_of(missing), t.cast(exp.Null(), "BOOLEAN")), otherwise=same.use)
    return typed(sql, "logical", "BOOLEAN", left, right)


# ---------------------------------------------------------------- order


@folds("Value.Compare", "Comparer.Ordinal", "Comparer.OrdinalIgnoreCase")
def compared(call: Call) -> Scalar:
    """-1, 0 or 1; null is smallest.  Numbers that may be NaN stop the query."""
    if call.name == "Value.Compare":
        _in_doubles(call)
    else:
        call.at_most(2)
    left, right = t.plain_number(call.term(0)), t.plain_number(call.term(1))
    if left.raises or right.raises:
        raise Unfoldable("a comparison of values that may raise")
    left, right = unify(left, right)
    if left.kind not in ("number", "text", "date", "datetime", "time", "duration", "logical"):
        raise Unfoldable("a comparison of values of this kind")
    if call.name == "Comparer.OrdinalIgnoreCase" and left.kind == "text":
        function = call.translator.meaning(call.name)
        left, right = folded(left, function), folded(right, function)
    a, b = text_pair(left, right) if left.kind == "text" else storage_pair(left, right)
    odd = []
    if left.kind == "number":
        odd = [t.function("isnan", side) for side, x in ((a, left), (b, right)) if not x.nonan]
    branches: list[tuple[Any, Any]] = [(t.any_of(odd), t.error())] if odd else []
    if left.nullable and right.nullable:
        branches.append((t.all_of([t.is_null(a), t.is_null(b)]), t.whole(0)))
    if left.nullable:
        branches.append((t.is_null(a), t.whole(-1)))
    if right.nullable:
        branches.append((t.is_null(b), t.whole(1)))
    branches += [(t.binary(exp.LT, a, b), t.whole(-1)), (t.binary(exp.GT, a, b), t.whole(1))]
    sql = t.cast(t.case(*branches, otherwise=t.whole(0)), "BIGINT")
    return typed(
        sql, "number", "BIGINT", left, right, nullable=False, nonan=True, int53=True, largest=1,
        raises=bool(odd) or left.raises or right.raises,
    )  # fmt: skip


@folds("Comparer.Equals")
def comparer_equals(call: Call) -> Scalar:
    """Of comparers of the library."""
    call.at_most(3)
    comparer = call.constant(0)
    if not builtin_comparer(comparer)[0]:
        raise Unfoldable("a comparer that somebody wrote")
    left, right = call.term(1), call.term(2)
    if left.kind == "text" and right.kind == "text":
        left, right = folded(left, comparer), folded(right, comparer)
    elif {left.kind, right.kind} != {"text", "null"} and "text" in (left.kind, right.kind):
        raise Unfoldable("a comparison of values of different kinds")
    if "number" in (left.kind, right.kind) and not (left.nonan and right.nonan):
        raise Unfoldable("a comparison of numbers that may be NaN")
    return equality(left, right, False)


# ---------------------------------------------------------------- kinds


def _type(call: Call) -> MType:
    given = call.constant(1)
    if not isinstance(given, MType):
        raise Unfoldable(f"{call.name} of something that is no type")
    return given


@folds("Value.Is")
def value_is(call: Call) -> Scalar:
    call.at_most(2)
    wanted = _type(call)
    return fits(call.translator.any(call.arguments[0]), wanted.kind, wanted.nullable)


@folds("Value.As")
def value_as(call: Call) -> Scalar:
    call.at_most(2)
    wanted = _type(call)
    primitive = nodes.PrimitiveType(wanted.kind, wanted.nullable)
    return as_term(checked(call.translator.any(call.arguments[0]), primitive))


@folds("Value.ReplaceMetadata", "Value.RemoveMetadata")
def without_metadata(call: Call) -> Scalar:
    """A cell that an engine gave has no metadata anyhow."""
    if call.name == "Value.ReplaceMetadata":
        given = call.arguments[1] if len(call.arguments) == 2 else None
        if not isinstance(given, nodes.Record) and call.constant(1).__class__ is not dict:
            raise Unfoldable("metadata that are no record")
    elif call.count > 1 and call.constant(1).__class__ is not str:
        raise Unfoldable("Value.RemoveMetadata of fields that are no text")
    return call.term(0)


# ---------------------------------------------------------------- functions


@folds("Replacer.ReplaceValue")
def replace_value(call: Call) -> Scalar:
    call.at_most(3)
    value, old, new = call.term(0), call.term(1), call.term(2)
    same = equality(value, old, False)
    value, new = alternatives(value, new)
    sql = t.case((same.use, new.use), otherwise=value.use)
    made = typed(
        sql, value.kind, value.storage, value, new, old, nullable=value.nullable or new.nullable,
        nonan=value.nonan and new.nonan, int53=value.int53 and new.int53, ascii=value.ascii and new.ascii,
        inside=value.inside, largest=bound(value, new),
    )  # fmt: skip
    raising = [x for x in (value, old, new) if x.raises]
    return computing(made, *raising) if raising else made


@folds("Function.Invoke")
def invoke(call: Call) -> Scalar:
    """With arguments that are written out."""
    call.at_most(2)
    node = call.arguments[1]
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if not isinstance(node, nodes.List) or any(isinstance(item, nodes.Range) for item in node.items):
        raise Unfoldable("Function.Invoke with arguments that are not written out")
    function = call.translator.any(call.arguments[0])
    found = applied(call, function, *[call.translator.any(item) for item in node.items])
    return as_term(found)
