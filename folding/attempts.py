"""``try`` in row functions.

Where the engine stops, the interpreter runs the whole function for that row: so handlers are its work, and in the
engine an attempt is its body.  Only where a value is surely an error (a text of letters that is read as a number) does
the engine go on with what the handler gives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.meanings import Row, as_term, record_of
from folding.operators import computing, unify
from folding.scalars import Translator
from folding.terms import Scalar, Unfoldable, typed
from mlang.syntax import nodes


def attempted(translator: Translator, node: nodes.Try) -> Scalar:
    """With a handler."""
    body = as_term(translator.any(node.body))
    if not body.raises:
        return body
    try:
        if node.otherwise is None:
            raise Unfoldable("a handler that reads the error")
        body, handler = unify(body, translator.scalar(node.otherwise))
    except Unfoldable:  # whatever the handler gives, only the interpreter asks it
        return evolve(body, sql=_unmarked(body.sql), nullable=True, constant=t.VARIES, conjuncts=())
    sql = _answered(body.sql, lambda value: value, handler.use)
    return typed(
        sql, body.kind, body.storage, nullable=body.nullable or handler.nullable, raises=handler.raises,
        nonan=body.nonan and handler.nonan, int53=body.int53 and handler.int53,
        ascii=body.ascii and handler.ascii, inside=body.inside,
    )  # fmt: skip


def _has_error(body: Scalar) -> Scalar:
    """Whether an attempt failed."""
    if not _marked(body.sql):
        return computing(_FINE, body)
    sql = _answered(body.sql, lambda value: _computed(body, value), exp.true())
    return typed(sql, "logical", "BOOLEAN", nullable=False)


#: Of an attempt that did not fail.
_FINE = typed(exp.false(), "logical", "BOOLEAN", nullable=False)


def _computed(body: Scalar, value: Any) -> Any:
    return computing(_FINE, evolve(body, sql=value)).sql if t.stops(value) else _FINE.sql


def _answered(sql: Any, answer: Callable[[Any], Any], handler: Any) -> Any:
    """The values of an expression's alternatives answered, and ``handler`` where M surely raises.

    Only what is itself the value counts: an error in a part may be of a part that M does not compute.
    """
    if isinstance(sql, exp.Paren):
        return _answered(sql.this, answer, handler)
    if isinstance(sql, exp.Case) and sql.args.get("this") is None and sql.args.get("default") is not None:
        branches = [(b.this, _answered(b.args["true"], answer, handler)) for b in sql.args["ifs"]]
        return t.case(*branches, otherwise=_answered(sql.args["default"], answer, handler))
    if not t.is_stop(sql):
        return answer(sql)
    raising = sql.meta.get(t.RAISING)
    return t.error() if raising is None else t.case((raising, handler), otherwise=t.error())


def _marked(sql: Any) -> bool:
    """Whether something in an expression tells when M raises."""
    return any(t.RAISING in node.meta for node in t.nodes(sql) if t.is_stop(node))


def _unmarked(sql: Any) -> Any:
    """An expression of which nothing tells when M raises: it does not, outside the attempt."""
    if not _marked(sql):
        return sql

    def plain(node: Any) -> Any:
        return t.error() if t.is_stop(node) and t.RAISING in node.meta else node

    return sql.copy().transform(plain, copy=False)


def attempt(translator: Translator, node: nodes.Try) -> Row:
    """Without one it gives a record; ``Error`` is no field of it where the engine goes on."""
    body = as_term(translator.any(node.body))
    fields: dict[str, Any] = {"HasError": t.literal(False), "Value": body}
    if body.raises:
        fields["HasError"] = _has_error(body)
    made = record_of(fields)
    if not body.raises:
        return made

    def field(name: str) -> Scalar | None:
        found: Scalar | None = made.field(name)
        return computing(t.null(), body) if found is None and name == "Error" else found

    return Row(field, made.names)
