"""``try`` in row functions.

Where the engine stops, the interpreter runs the whole function for that row: so handlers are its work, and in the
engine an attempt is its body.
"""

from __future__ import annotations

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
        return evolve(body, nullable=True, constant=t.VARIES, conjuncts=())
    return typed(
        body.sql, body.kind, body.storage, nullable=body.nullable or handler.nullable, raises=handler.raises,
        nonan=body.nonan and handler.nonan, int53=body.int53 and handler.int53,
        ascii=body.ascii and handler.ascii, inside=body.inside,
    )  # fmt: skip


def attempt(translator: Translator, node: nodes.Try) -> Row:
    """Without one it gives a record; ``Error`` is no field of it where the engine goes on."""
    body = as_term(translator.any(node.body))
    failed = typed(exp.false(), "logical", "BOOLEAN", nullable=False)
    fields: dict[str, Any] = {"HasError": t.literal(False), "Value": body}
    if body.raises:
        fields["HasError"] = computing(failed, body)
    made = record_of(fields)
    if not body.raises:
        return made

    def field(name: str) -> Scalar | None:
        found: Scalar | None = made.field(name)
        return computing(t.null(), body) if found is None and name == "Error" else found

    return Row(field, made.names)
