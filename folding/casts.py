"""``Table.TransformColumnTypes``: a value and, where the conversion is not certain, the text that failed.

A text converts in the engine only when it is spelt in the plain form that reads the
same in every culture and in both languages; every other text is handed to the interpreter
cell by cell (`Column.text`), which converts it after all or makes the error.  So a
conversion is exact whatever the data is, and fast when the data is plain.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import instants, local_clock, zones
from folding import terms as t
from folding.relations import Column
from folding.spelling import a_word, no_number
from folding.terms import Scalar, Unfoldable, typed
from mlang.errors import MError
from mlang.values.types import INT64, NUMBER, MType

#: Longer texts may hold more digits than a double.
DIGITS = 15


def converted(column: Column, target: MType, culture: str | None) -> Column:
    """The column converted to a type."""
    if column.text is not None or column.term.raises:
        raise Unfoldable("a conversion of cells that may be errors already")
    term = column.term
    if target.kind == "any":
        return column
    if culture is not None and (term.kind == "text") != (target.kind == "text"):
        # an unknown one makes cells errors, also those whose texts are alike in all cultures
        _decimal(culture)
    if term.kind == "text" and (
        target.kind in _READ and (target.kind != "number" or target.name in _NUMBERS)
    ):
        return _from_text(term, target, culture)
    if target.kind == "number" and target.name in _ANY and (term.storage == "DECIMAL" or t.is_decimal(term)):
        return column
    if isinstance(term.inside, t.Scaled):
        return Column(_from_decimal(term, target, culture))
    if t.is_decimal(term) and target.kind == "number":
        if target.name in _KEEPING:
            raise Unfoldable("decimals and doubles, of which some may be too large for the type")
        term = t.plain_number(term)
    try:
        return Column(_from_typed(term, target))
    except Unfoldable:
        return Column(_by_function(term, target, culture))


def _by_function(term: Scalar, target: MType, culture: str | None) -> Scalar:
    """What the function of the type makes of a term, `Date.From` say; where that is not certain the query stops."""
    from folding.functions import Call, form_of, formed
    from folding.scalars import Translator
    from mlang.tables.convert import CULTURED, conversion_name

    name = conversion_name(target)
    form = form_of(name) if name is not None else None
    if name is None or form is None:
        raise Unfoldable(f"conversion from {term.kind} to {target.name or target.kind}")
    arguments = (term, t.literal(culture)) if culture is not None and name in CULTURED else (term,)
    return formed(form, Call(name, Translator(None, {}), arguments))


#: Kinds of types whose texts convert with flags, and the types of numbers among them.
_READ = ("text", "number", "date", "datetime", "datetimezone", "logical")
_NUMBERS = (None, "Double.Type", "Number.Type", INT64.name)
#: Types of numbers whose values a decimal may stay.
_KEEPING = (None, "Number.Type", "Decimal.Type", "Percentage.Type")
#: Those that all numbers are of.
_ANY = (None, "Number.Type")


def _from_decimal(term: Scalar, target: MType, culture: str | None) -> Scalar:
    if target.kind == "number" and target.name == "Decimal.Type":
        size = t.function("abs", t.cast(term.use, "DOUBLE"))
        held = t.unless(t.binary(exp.GTE, size, t.double(2.0**96)), term.use)
        return evolve(term, sql=held, constant=t.VARIES)
    if target.kind == "number" and target.name in _KEEPING:
        return term
    if target.kind == "number" and target.name == "Double.Type":
        return t.plain_number(term)
    if is_int64(target):  # half to even; a double tells the halves of 15 digits apart
        whole = t.function("round_even", t.plain_number(term).use, t.whole(0))
        return typed(t.cast(whole, "BIGINT"), "number", "BIGINT", term, nonan=True, int53=True)
    if target.kind == "text" and target.name is None and _has_point(culture):
        return typed(t.decimal_digits(term), "text", "VARCHAR", term, ascii=True)
    if target.kind == "logical":
        return typed(t.binary(exp.NEQ, term.use, t.whole(0)), "logical", "BOOLEAN", term)
    if target.kind == "number" and target.name == "Currency.Type":
        return _by_function(term, target, culture)
    raise Unfoldable(f"conversion from decimals to {target.name or target.kind}")


def _from_typed(term: Scalar, target: MType) -> Scalar:
    kind = target.kind
    if term.kind == "number" and kind == "number":
        if target.name in (None, "Double.Type") or (is_int64(target) and term.int53):
            return t.need(term, "number")
        raise Unfoldable(f"conversion to {target.name} may round or fail")
    if term.kind == kind and kind in ("logical", "date", "datetime", "datetimezone", "time", "duration"):
        return term
    if term.kind == "datetimezone" and kind in ("date", "datetime", "time"):
        term = local_clock.shown(term)
        if kind == "time":
            return typed(t.cast(term.use, "TIME"), "time", "TIME", term)
        if kind == "datetime":
            return term
    if kind == "datetimezone" and term.kind in ("date", "datetime"):
        return local_clock.attached(term)
    if term.kind == "datetime" and kind == "date":
        term = instants.in_microseconds(term)
        return typed(t.cast(term.use, "DATE"), "date", "DATE", term)
    if term.kind == "date" and kind == "datetime":
        return typed(t.cast(term.use, "TIMESTAMP"), "datetime", "TIMESTAMP", term)
    if term.kind == "logical" and kind == "number" and target.name is None:
        return typed(t.cast(term.use, "DOUBLE"), "number", "DOUBLE", term, nonan=True, int53=True)
    if kind == "text" and target.name is None:
        return _to_text(term)
    raise Unfoldable(f"conversion from {term.kind} to {kind} depends on the culture or may fail")


def _to_text(term: Scalar) -> Scalar:
    if term.kind == "number" and term.int53:
        whole = t.cast(t.cast(term.use, "BIGINT"), "VARCHAR")
        return typed(whole, "text", "VARCHAR", term, ascii=True)
    if term.kind == "logical":
        sql = t.case(
            (term.use, exp.Literal.string("true")), (t.negation(term.use), exp.Literal.string("false"))
        )
        return typed(sql, "text", "VARCHAR", term, ascii=True)
    raise Unfoldable(f"the text of a {term.kind} depends on the culture")


def _from_text(term: Scalar, target: MType, culture: str | None) -> Column:
    if target.kind == "text":
        if target.name is not None:
            raise Unfoldable(f"conversion to {target.name}")
        return Column(term)
    if target.kind == "number":
        value, doubtful = _whole(term) if is_int64(target) else _double(term, target, culture)
    elif target.kind in ("date", "datetime"):
        value, doubtful = _calendar(term, target.kind)
    elif target.kind == "datetimezone":
        value, doubtful = zones.read(term)
    elif target.kind == "logical":
        value, doubtful = _logical(term)
    else:
        raise Unfoldable(f"conversion of texts to {target.kind} depends on the culture")
    text = t.case((doubtful, term.use))
    return Column(value, text, target, culture)


def _doubtful(term: Scalar, value: Any, *reasons: Any) -> Any:
    """Texts that are not empty (an empty one is null) and did not convert for certain."""
    not_converted = t.any_of([t.is_null(value.copy()), *reasons])
    return t.all_of([t.binary(exp.NEQ, term.use, exp.Literal.string("")), not_converted])


def _double(term: Scalar, target: MType, culture: str | None) -> tuple[Scalar, Any]:
    if target.name not in (None, "Double.Type", "Number.Type"):
        raise Unfoldable(f"conversion of texts to {target.name}")
    spelt = term.use
    if not _has_point(culture) and _decimal(culture) == ",":
        spelt = t.function("replace", spelt, exp.Literal.string(","), exp.Literal.string("."))
    value = t.try_cast(spelt, "DOUBLE")
    signs = [
        t.binary(exp.GT, t.function("strlen", term.use), t.whole(DIGITS)),
        t.function("contains", term.use, exp.Literal.string("_")),
    ]
    if not _has_point(culture):
        signs.append(t.function("contains", term.use, exp.Literal.string(".")))
    odd = [t.negation(t.function("isfinite", value.copy())), _is_small(value)]
    doubtful = t.case((_is_ordinary(value), t.any_of(signs)), otherwise=_doubtful(term, value, *signs, *odd))
    return Scalar(value, "number", "DOUBLE", True, nonan=True), doubtful


#: Half of what ordinary numbers are below; beside it fractions of less than 0.03 are lost.
_ORDINARY = 2.0**49


def _is_ordinary(value: Any) -> Any:
    """That a text gave a number, a finite one and no small fraction: most do, and it is computed once for that.

    The engine does not share what stands in alternatives.
    """
    size = t.binary(exp.Sub, t.function("abs", value), t.double(_ORDINARY))
    return t.binary(exp.LT, t.function("abs", size), t.double(_ORDINARY))


def _is_small(value: Any) -> Any:
    """A fraction that M keeps as the decimal it is written as."""
    small = t.binary(exp.LT, t.function("abs", value.copy()), t.double(1e-4))
    return t.all_of([small, t.binary(exp.NEQ, value.copy(), t.double(0.0))])


def text_to_number(term: Scalar, culture: str | None) -> Scalar:
    """``Number.From`` of a text: what is not written plainly is for the interpreter (a value, or an error)."""
    value, doubtful = _double(term, NUMBER, culture)
    sql = t.case((doubtful, t.error(no_number(term.use, culture))), otherwise=value.use)
    return typed(sql, "number", "DOUBLE", term, nullable=True, raises=True, nonan=True)


def text_to(kind: str, term: Scalar) -> Scalar:
    """The same for a date, datetime, datetimezone or logical."""
    form = {"logical": _logical, "datetimezone": zones.read}.get(kind)
    value, doubtful = form(term) if form is not None else _calendar(term, kind)
    raising = a_word(term.use) if kind in ("date", "datetime") else None
    sql = t.case((doubtful, t.error(raising)), otherwise=value.use)
    return typed(sql, kind, value.storage, term, nullable=True, raises=True)


def _has_point(culture: str | None) -> bool:
    """Whether the culture writes decimals with a point, so that 1.5 is one and a half."""
    return _decimal(culture) == "."


def _decimal(culture: str | None) -> str:
    """What a culture writes before decimals."""
    from mlang.culture.data import culture as named

    try:
        return str(named(culture).decimal)
    except MError:
        raise Unfoldable("an unknown culture") from None


def _whole(term: Scalar) -> tuple[Scalar, Any]:
    """Canonical digits convert at once; others with a sign or zeros in front after a closer look."""
    value = t.try_cast(term.use, "BIGINT")
    canonical = t.binary(exp.EQ, t.cast(value.copy(), "VARCHAR"), term.use)
    plain = t.function("regexp_full_match", term.use, exp.Literal.string(r"[+]?[0-9]+|-0*[1-9][0-9]*"))
    doubtful = _doubtful(
        term, value,
        t.binary(exp.GT, t.function("strlen", term.use), t.whole(DIGITS)),
        t.case((canonical, exp.false()), otherwise=t.negation(plain)),
    )  # fmt: skip
    return Scalar(value, "number", "BIGINT", True, nonan=True, int53=True), doubtful


def _calendar(term: Scalar, kind: str) -> tuple[Scalar, Any]:
    """ISO dates and datetimes, as the engine would spell them."""
    storage = "DATE" if kind == "date" else "TIMESTAMP"
    value = t.try_cast(term.use, storage)
    spelt: Any = t.cast(value.copy(), "VARCHAR")
    if kind == "datetime":
        spelt = t.function("replace", spelt, exp.Literal.string(" "), exp.Literal.string("T"))
    other = t.binary(exp.NEQ, spelt, term.use)
    early = t.binary(exp.LT, value.copy(), t.cast(exp.Literal.string("0001-01-01"), storage))
    late = t.binary(exp.GTE, value.copy(), t.cast(exp.Literal.string("10000-01-01"), storage))
    return Scalar(value, kind, storage, True), _doubtful(term, value, other, early, late)


def _logical(term: Scalar) -> tuple[Scalar, Any]:
    lower = t.function("lower", term.use)
    value = t.case(
        (t.binary(exp.EQ, lower, exp.Literal.string("true")), exp.true()),
        (t.binary(exp.EQ, lower.copy(), exp.Literal.string("false")), exp.false()),
    )
    return Scalar(value, "logical", "BOOLEAN", True), _doubtful(term, value)


def is_int64(type: MType | None) -> bool:
    """Whether a type is Int64.Type (nullable or not)."""
    return type is not None and type.name == INT64.name
