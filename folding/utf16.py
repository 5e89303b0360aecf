"""Texts as M counts and orders them: in UTF-16, where a character beyond the basic plane is two.

Engines count and order characters.  Read `functions/texts.py` for the forms that need to know.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.terms import Scalar

#: Characters above U+FFFF count two in M.
ASTRAL = r"[\x{10000}-\x{10FFFF}]"


def has_astral(text: Any) -> Any:
    """Whether a text has characters beyond the basic plane; cheap for ASCII texts."""
    plain = t.binary(exp.EQ, t.function("strlen", text), t.function("length", text))
    return t.case(
        (plain, exp.false()), otherwise=t.function("regexp_matches", text, exp.Literal.string(ASTRAL))
    )


def basic_plane(term: Scalar, sql: Any) -> Any:
    """``sql``, which counts characters of ``term``; texts beyond the basic plane go to the interpreter."""
    return sql if term.ascii else t.unless(has_astral(term.use), sql)


def ordinal_key(term: Scalar) -> Any:
    """What orders like M orders texts (by UTF-16 unit), where the engine orders by code point."""
    if term.ascii:
        return term.use
    plain = t.binary(exp.EQ, t.function("strlen", term.use), t.function("length", term.use))
    replacement = t.binary(exp.DPipe, t.function("chr", t.whole(1114111)), exp.Literal.string(r"\1"))
    pattern = exp.Literal.string(r"([\x{E000}-\x{FFFF}])")
    moved = t.function("regexp_replace", term.use, pattern, replacement, exp.Literal.string("g"))
    return t.case((plain, term.use), otherwise=moved)
