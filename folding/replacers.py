"""`Table.ReplaceValue`: what a replacer makes of a cell, an old and a new value.

The two of the library have forms of their own; other library functions of three arguments (`Text.Replace`) and
functions written in M are translated like any call.  M computes all three values for each cell, so one that may
raise is computed also where it does not matter.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.functions import Call, form_of, formed
from folding.mixed import bound
from folding.operators import alternatives, computing, equality
from folding.scalars import Translator, inline
from folding.terms import Scalar, Unfoldable, typed
from mlang.values.functions import Function
from mlang.values.metadata import strip


def replaced_cell(replacer: Any, cell: Scalar, old: Any, new: Any) -> Scalar:
    """The cell after the replacer; ``old`` and ``new`` are terms, or M values that SQL does not name."""
    replacer = strip(replacer)
    spec = replacer.spec if replacer.__class__ is Function else None
    name = spec.builtin.name if spec is not None and spec.builtin is not None else ""
    if name in _KNOWN:
        if old.__class__ is not Scalar or new.__class__ is not Scalar:
            raise Unfoldable(f"{name} with values that have no SQL form")
        made = _KNOWN[name](cell, old, new)
    elif spec is not None and spec.node is not None:
        made = inline(replacer, [cell, old, new])
    else:
        form = form_of(name) if name else None
        if form is None:
            raise Unfoldable("a replacer other than one of the library's or one that is written in M")
        made = formed(form, Call(name, Translator(None, {}), (cell, old, new)))
    given = (old, new) if name in _KNOWN else (cell, old, new)
    lazy = [x for x in given if x.__class__ is Scalar and x.raises]
    return computing(made, *lazy) if lazy else made


def _value(cell: Scalar, old: Scalar, new: Scalar) -> Scalar:
    hit = equality(cell, old, False)
    kept, other = alternatives(cell, new)
    return typed(
        t.case((hit.use, other.use), otherwise=kept.use), kept.kind, kept.storage, cell, old, new,
        nullable=kept.nullable or other.nullable, ascii=kept.ascii and other.ascii,
        nonan=kept.nonan and other.nonan, int53=kept.int53 and other.int53, inside=kept.inside,
        largest=bound(kept, other),
    )  # fmt: skip


def _text(cell: Scalar, old: Scalar, new: Scalar) -> Scalar:
    """Nothing is replaced where the old text is empty; a null text stays null, whatever the others are."""
    if cell.kind != "text" or old.kind != "text" or new.kind != "text":
        raise Unfoldable("Replacer.ReplaceText of cells that may not be texts")
    t.need_not_null(old), t.need_not_null(new)
    sql = t.function("replace", cell.use, old.use, new.use)
    if not old.constant:
        return cell
    if not old.is_constant:
        empty = t.binary(exp.EQ, old.use, exp.Literal.string(""))
        sql = t.case((empty, cell.use), otherwise=sql)
    return evolve(
        typed(sql, "text", "VARCHAR", cell, old, new, ascii=cell.ascii and new.ascii), nullable=cell.nullable
    )


_KNOWN = {"Replacer.ReplaceValue": _value, "Replacer.ReplaceText": _text}
