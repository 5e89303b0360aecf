"""Comparers as terms: what makes two values equal for `Comparer.OrdinalIgnoreCase` and its kin.

`folded` gives a term that is equal exactly where the comparer calls values equal, so that joins, groups and distinct
rows by a comparer stay joins, groups and distinct rows.  Functions of two rows that somebody wrote are read by
`pairs.py`.  The interpreter's side is ``mlang/library/comparer.py``.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.terms import Scalar, Unfoldable, typed
from mlang.culture.text import is_turkic
from mlang.values.functions import Function
from mlang.values.metadata import strip

#: Letters that the invariant upper case leaves alone and the engine does not, and what stands for them meanwhile.
_KEPT = {"ß": "\U0010fff0", "ı": "\U0010fff1", "ſ": "\U0010fff2"}
#: Other letters whose upper case differs (found by comparing all of them), and what stands for the above.
_ODD = (
    r"[\x{10D0}-\x{10FF}\x{10400}-\x{105FF}\x{10C80}-\x{10CFF}\x{118A0}-\x{118FF}\x{16E40}-\x{16E7F}"
    r"\x{1E900}-\x{1E9FF}\x{10FFF0}-\x{10FFF2}]"
)


def builtin_comparer(function: Any) -> tuple[str, Any]:
    """The name of a comparer of the library and its arguments; ("", None) for other functions."""
    function = strip(function)
    spec = function.spec if function.__class__ is Function else None
    if spec is None or spec.node is not None:
        return "", None
    name = spec.builtin.name if spec.builtin is not None else spec.name or ""
    if name in ("Comparer.Ordinal", "Comparer.OrdinalIgnoreCase"):
        return name, None
    return (name, spec.document) if name == "Comparer.FromCulture" and spec.builtin is None else ("", None)


def keeps_apart(comparer: Any) -> bool:
    """Whether a comparer calls nothing equal that is not equal."""
    return comparer is None or builtin_comparer(comparer)[0] == "Comparer.Ordinal"


def folded(term: Scalar, comparer: Any) -> Scalar:
    """A term whose values are equal where the comparer calls those of another equal."""
    if comparer is None:
        return term
    name, arguments = builtin_comparer(comparer)
    if not name:
        raise Unfoldable("a comparer that somebody wrote")
    if name == "Comparer.Ordinal" or term.kind != "text":
        return term
    if name == "Comparer.OrdinalIgnoreCase":
        return ordinal_ignore_case(term)
    culture, ignores_case = arguments
    if ignores_case and is_turkic(culture):
        raise Unfoldable("letter case in a culture that has a second i")
    sql = t.function("upper", term.use) if ignores_case else term.use
    if not term.ascii:  # accents and ligatures are for the interpreter
        sql = t.case((_is_ascii(term), sql), (t.not_null(term.use), t.stop(term.use, "VARCHAR")))
    return typed(sql, "text", "VARCHAR", term, ascii=True)


def ordinal_ignore_case(term: Scalar) -> Scalar:
    """A text in the upper case that `Comparer.OrdinalIgnoreCase` compares, for equality and for order."""
    upper = t.function("upper", term.use)
    if term.ascii:
        return typed(upper, "text", "VARCHAR", term, ascii=True)
    inner = term.use
    for letter, other in _KEPT.items():
        inner = t.function("replace", inner, exp.Literal.string(letter), exp.Literal.string(other))
    whole = t.function("upper", inner)
    for letter, other in _KEPT.items():
        whole = t.function("replace", whole, exp.Literal.string(other), exp.Literal.string(letter))
    odd = t.function("regexp_matches", term.use, exp.Literal.string(_ODD))
    sql = t.case((_is_ascii(term), upper), (odd, t.stop(term.use, "VARCHAR")), otherwise=whole)
    return evolve(typed(sql, "text", "VARCHAR", term), ascii=False)


def _is_ascii(term: Scalar) -> Any:
    return t.binary(exp.EQ, t.function("strlen", term.use), t.function("length", term.use))
