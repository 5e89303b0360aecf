"""Calls of functions that the library made: splitters and combiners, as a row function or in one.

Texts with quotes are for the interpreter where quotes count.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t
from folding.meanings import record_of
from folding.structures import list_of
from folding.terms import Scalar, Unfoldable
from mlang.values.functions import Function

_SPLITTERS = ("Splitter.SplitTextByDelimiter", "Splitter.SplitTextByAnyDelimiter")


def called_maker(function: Function, arguments: list[Any]) -> Scalar:
    """What a function that the library made gives."""
    spec = function.spec
    name = spec.name if spec is not None and spec.node is None and spec.builtin is None else ""
    if name in _SPLITTERS and len(arguments) == 1 and arguments[0].__class__ is Scalar:
        return _pieces(function, arguments[0])
    raise Unfoldable("a call of a function that the library made")


def _pieces(function: Function, text: Scalar) -> Scalar:
    """The pieces of a text; of null there are none."""
    assert function.spec is not None
    given, quote_style, other = function.spec.document
    quotes = quote_style != 0
    text = t.need(t.of_kind(text, "text"), "text")
    marks = (given,) if given.__class__ is str else given
    if not marks or not all(marks) or (len(marks) > 1 and other):
        raise Unfoldable("a splitter without delimiters, or from the end")
    if given.__class__ is str:
        sql = t.function("string_split", text.use, t.string(given))
    else:
        if other or not all(len(mark) == 1 and "\0" < mark < "\ud800" for mark in marks):
            raise Unfoldable("a splitter by delimiters of several characters, or from the end")
        codes = "".join(r"\x{" + format(ord(mark), "X") + "}" for mark in marks)
        sql = t.function("string_split_regex", text.use, exp.Literal.string(f"[{codes}]"))
    if quotes:
        sql = t.unless(t.function("contains", text.use, exp.Literal.string('"')), sql)
    if text.nullable:
        nothing = t.cast(exp.Array(expressions=[]), "VARCHAR[]")
        sql = t.case((t.is_null(text.use), nothing), otherwise=sql)
    item = Scalar(exp.Null(), "text", "VARCHAR", False, ascii=text.ascii)
    return list_of(sql, item, text, nullable=False, raises=quotes or text.raises)


def combined_texts(combiner: Function, texts: list[Scalar]) -> Scalar:
    """Texts that are written out, put together by a combiner."""
    from folding.recipes import _combine

    row = record_of({str(place): text for place, text in enumerate(texts)})
    return _combine(row, combiner, list(row.names))
