"""M's operators over typed terms: equality, order, logic, arithmetic, alternatives.

Null, NaN and the order of texts are where SQL and M part; every form here was run against the
interpreter over grids of odd values.  Read `scalars.py` for who calls these.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from sqlglot import exp

from folding import instants, utf16, zones
from folding import terms as t
from folding.mixed import bound, either_number
from folding.terms import Scalar, Unfoldable, need, typed
from mlang.values.temporal import DAY

ORDER = {"<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}


def strictly(made: Scalar, *operands: Scalar) -> Scalar:
    """What is null where an operand is, made so that each operand that may raise is computed.

    Where an operand is null for all rows of a batch, or proven to be null, the engine does not compute the others;
    M does.
    """
    if not any(x.raises for x in operands):
        return made
    left_out = [
        b for place, b in enumerate(operands)
        if b.raises and any(a.nullable for at, a in enumerate(operands) if at != place)
    ]  # fmt: skip
    return computing(made, *left_out) if left_out else made


def computing(made: Scalar, *terms: Scalar) -> Scalar:
    """A term, after others whose values may not matter to it but that may raise."""
    sql = t.case((_seen(*terms), t.error()), otherwise=made.use)
    return evolve(made, sql=sql, raises=True, constant=t.VARIES, conjuncts=())


def _seen(*terms: Scalar) -> Any:
    """False, found by computing the terms: no statistics tell what a hash is; if it is 0 once, the query stops.

    The hash of `false` and of 0 is 0, but not beside a text.
    """
    parts = [*[x.use for x in terms], exp.Literal.string("M")]
    return t.binary(exp.EQ, t.function("hash", *parts), t.whole(0))


def null_test(term: Scalar) -> Any:
    """Whether a term is null.

    The engine derives that from the parts of a term that can be null, without computing the rest; so where a
    term may raise, the test stands inside its alternatives, beside what stops the query.
    """
    if not term.raises:
        return t.is_null(term.use)
    inside = _null_test(term.sql) if t.stops(term.sql) else None
    if inside is not None:
        return inside
    return computing(typed(t.is_null(term.use), "logical", "BOOLEAN"), term).sql


def _null_test(sql: Any) -> Any:
    if isinstance(sql, exp.Paren):
        return _null_test(sql.this)
    if t.is_stop(sql):
        return t.error()
    if not isinstance(sql, exp.Case):
        return None if t.stops(sql) else t.is_null(sql.copy())
    default = sql.args.get("default")
    last = exp.true() if default is None else _null_test(default)
    branches = [(branch.this.copy(), _null_test(branch.args["true"])) for branch in sql.args["ifs"]]
    if last is None or any(value is None for _, value in branches):
        return None
    return t.case(*branches, otherwise=last)


def storage_pair(left: Scalar, right: Scalar) -> tuple[Any, Any]:
    """Both sides in one SQL type in which they compare as in M."""
    if left.kind == "datetimezone":
        left, right = zones.instant(left), zones.instant(right)
    if left.kind == "datetime" and left.storage != right.storage:
        return instants.ticks(left), instants.ticks(right)
    if left.kind != "number" or left.storage == right.storage:
        return left.use, right.use
    for term, other in ((left, right), (right, left)):
        if term.is_constant and term.int53 and other.storage == "BIGINT":
            number = t.cast(t.whole(int(term.constant)), "BIGINT")
            return (number, right.use) if term is left else (left.use, number)
    for term in (left, right):
        if term.storage != "DOUBLE" and not term.int53:
            raise Unfoldable("64-bit whole numbers compared with doubles, which may be inexact")
    return t.as_double(left), t.as_double(right)


def _comparable(term: Scalar) -> Scalar:
    if term.kind == "number":
        need(term, "number")
    if term.kind == "any":
        raise Unfoldable("a comparison of values of unknown kind")
    return term


def equality(left: Scalar, right: Scalar, negated: bool) -> Scalar:
    """``=`` and ``<>``: two-valued, null equals null, NaN equals nothing."""
    from folding.structures import holds

    for null, term in ((right, left), (left, right)):
        known = holds(term) or isinstance(term.inside, t.Scaled) or term.storage == "DECIMAL"
        if null.is_constant and null.constant is None and known:
            return _is_missing(term, negated)
    left, right = t.plain_number(left), t.plain_number(right)
    _comparable(left), _comparable(right)
    for null, term in ((right, left), (left, right)):
        if null.is_constant and null.constant is None:
            return _is_missing(term, negated)
    for null, term in ((right, left), (left, right)):
        if null.kind == "null":
            made = _is_missing(term, negated)
            return computing(made, null) if null.raises else made
    if left.kind != right.kind:
        return _unlike(left, right, negated)
    a, b = storage_pair(left, right)
    nan = left.kind == "number" and not (left.nonan or right.nonan)
    plain = not left.nullable and not right.nullable
    if negated:
        sql = t.binary(exp.NEQ if plain else exp.NullSafeNEQ, a, b)
        if nan:
            sql = t.any_of([sql, t.function("coalesce", t.function("isnan", a.copy()), exp.false())])
    else:
        sql = t.binary(exp.EQ if plain else exp.NullSafeEQ, a, b)
        if nan:
            finite = t.function("coalesce", t.negation(t.function("isnan", a.copy())), exp.true())
            sql = t.all_of([sql, finite])
    return strictly(typed(sql, "logical", "BOOLEAN", left, right, nullable=False), left, right)


def _is_missing(term: Scalar, negated: bool) -> Scalar:
    test = t.negation(null_test(term)) if negated else null_test(term)
    return typed(test, "logical", "BOOLEAN", nullable=False, raises=term.raises)


def _unlike(left: Scalar, right: Scalar, negated: bool) -> Scalar:
    """Values of different kinds are equal only when both are null."""
    raising = [x for x in (left, right) if x.raises]
    if not (left.nullable and right.nullable):
        made = typed(exp.Boolean(this=negated), "logical", "BOOLEAN", nullable=False)
        return computing(made, *raising) if raising else made
    if raising:
        raise Unfoldable("a comparison of different kinds whose sides may raise")
    both = t.all_of([t.is_null(left.use), t.is_null(right.use)])
    sql = t.negation(both) if negated else both
    return typed(sql, "logical", "BOOLEAN", left, right, nullable=False)


def ordering(operator: str, left: Scalar, right: Scalar) -> Scalar:
    """``< <= > >=``: null when a side is null, false for NaN, texts by UTF-16 unit."""
    left, right = _beside(t.plain_number(left), t.plain_number(right))
    _comparable(left), _comparable(right)
    if left.kind != right.kind or left.kind in ("null", "binary"):
        raise Unfoldable("a comparison of values of different kinds")
    node = ORDER[operator]
    a, b = text_pair(left, right) if left.kind == "text" else storage_pair(left, right)
    sql = t.binary(node, a, b)
    # the engine orders NaN above everything, M nowhere: only the side that would win needs a look
    high = left if operator in (">", ">=") else right
    if left.kind == "number" and not high.nonan:
        other = right if high is left else left
        high_sql = a if high is left else b
        if other.is_constant and other.nonan:
            infinite = t.cast(exp.Literal.string("inf"), "DOUBLE")
            sql = t.all_of([sql, t.binary(exp.LTE, high_sql.copy(), infinite)])
        else:
            other_sql = b if high is left else a
            nan = t.function("isnan", high_sql.copy())
            if other.nullable or other.raises:
                nan = t.all_of([nan, t.not_null(other_sql.copy())])
            sql = t.case((nan, exp.false()), otherwise=sql)
    return strictly(typed(sql, "logical", "BOOLEAN", left, right), left, right)


def text_pair(left: Scalar, right: Scalar) -> tuple[Any, Any]:
    """Two texts in a form that the engine orders as M does."""
    for term in (left, right):
        if term.is_constant and all(c < "\ud800" for c in term.constant or ""):
            return left.use, right.use  # against such a text both orders agree
    if left.ascii or right.ascii:
        return left.use, right.use
    return utf16.ordinal_key(left), utf16.ordinal_key(right)


def connective(operator: str, left: Scalar, right: Scalar) -> Scalar:
    """``and``, ``or``: three-valued; the right side waits for the left where it may raise."""
    left, right = need(t.of_kind(left, "logical"), "logical"), need(t.of_kind(right, "logical"), "logical")
    if operator == "and" and (left.raises or right.raises):
        return _conjunction([*(left.conjuncts or (left,)), *(right.conjuncts or (right,))])
    if left.raises or right.raises:
        both = t.any_of([left.use, right.use])
        made = typed(t.case((left.use, exp.true()), otherwise=both), "logical", "BOOLEAN", left, right)
        # where the right side alone decides, the engine would not look at the left one
        return computing(made, left) if left.raises else made
    join = t.all_of if operator == "and" else t.any_of
    return typed(join([left.use, right.use]), "logical", "BOOLEAN", left, right)


def _conjunction(sides: list[Scalar]) -> Scalar:
    """Conditions that may raise, in their order; each is written as often however many there are."""
    branches = []
    known = False
    for i, side in enumerate(sides):
        last = i == len(sides) - 1
        # where a later one alone decides, the engine would not look at this one; nor after what it knows to be null
        if side.raises and (known or not last):
            branches.append((_seen(side), t.error()))
        if not last:
            branches.append((t.negation(side.use), exp.false()))
        known = known or any(node.__class__ is exp.Null for node in t.nodes(side.sql))
    every = t.all_of([side.use for side in sides])
    made = typed(t.case(*branches, otherwise=every), "logical", "BOOLEAN", *sides, raises=True)
    return evolve(made, constant=t.VARIES, conjuncts=tuple(sides))


def logical_not(value: Scalar) -> Scalar:
    """``not``: null stays null."""
    value = need(t.of_kind(value, "logical"), "logical")
    return typed(t.negation(value.use), "logical", "BOOLEAN", value)


def _beside(left: Scalar, right: Scalar) -> tuple[Scalar, Scalar]:
    """Two operands; one that is null in every row is a null of the other's kind (of numbers, if both are)."""
    if left.kind == "null":
        left = t.of_kind(left, "number" if right.kind == "null" else right.kind)
    return left, t.of_kind(right, left.kind)


def _operands(operator: str, left: Scalar, right: Scalar) -> tuple[Scalar, Scalar]:
    """The operands of arithmetic; one that is null in every row is of a kind that fits the other's."""
    for null, other in ((left, right), (right, left)):
        if null.kind != "null":
            continue
        kind = other.kind if other.kind in ("number", *_MOMENTS, "duration") else "number"
        if operator == "+" and kind in _MOMENTS:
            kind = "duration"
        elif operator in "*/" and kind == "duration" and (operator == "*" or null is right):
            kind = "number"
        made = t.of_kind(null, kind)
        left, right = (made, right) if null is left else (left, made)
    return left, right


_ARITHMETIC = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul, "/": exp.Div}


def arithmetic(operator: str, left: Scalar, right: Scalar) -> Scalar:
    """``+ - * /`` in doubles; moments and durations in ticks."""
    left, right = _operands(operator, t.plain_number(left), t.plain_number(right))
    if "duration" in (left.kind, right.kind) or (operator == "-" and left.kind in _MOMENTS):
        return strictly(_with_ticks(operator, left, right), left, right)
    need(left, "number"), need(right, "number")
    sql = t.binary(_ARITHMETIC[operator], t.as_double(left), t.as_double(right))
    if operator == "/":
        sql.set("typed", True)
    return strictly(typed(sql, "number", "DOUBLE", left, right), left, right)


_MOMENTS = ("date", "datetime", "datetimezone", "time")


def _with_ticks(operator: str, left: Scalar, right: Scalar) -> Scalar:
    """Arithmetic of moments and durations."""
    pair = (left.kind, operator, right.kind)
    if operator == "-" and left.kind == right.kind and left.kind in _MOMENTS:
        return _difference(left, right)
    if pair in (("duration", "+", "duration"), ("duration", "-", "duration")):
        node = exp.Add if operator == "+" else exp.Sub  # the engine raises beyond 64 bits, as M does
        return typed(t.binary(node, left.use, right.use), "duration", "BIGINT", left, right, raises=True)
    if pair in (("duration", "+", "datetime"), ("duration", "+", "datetimezone")):
        left, right = right, left
    if pair in (("duration", "+", "date"), ("duration", "+", "time")):
        left, right = right, left
    if right.kind == "duration" and operator in "+-" and left.kind in _MOMENTS:
        later = {
            "datetime": _later, "date": _later_day, "time": _later_clock, "datetimezone": zones.later,
        }[left.kind]  # fmt: skip
        return later(left, right, operator == "-")
    if operator == "*" and {left.kind, right.kind} == {"duration", "number"}:
        span, number = (left, right) if left.kind == "duration" else (right, left)
        product = t.binary(exp.Mul, t.cast(span.use, "DOUBLE"), t.as_double(need(number, "number")))
        return instants.ticks_of_double(product, left, right)
    if pair in (("duration", "/", "number"), ("duration", "/", "duration")):
        divisor = (
            t.as_double(need(right, "number")) if right.kind == "number" else t.cast(right.use, "DOUBLE")
        )
        quotient = exp.Div(
            this=t.operand(t.cast(left.use, "DOUBLE")), expression=t.operand(divisor), typed=True
        )
        if right.kind == "number":
            return instants.ticks_of_double(quotient, left, right)
        return typed(quotient, "number", "DOUBLE", left, right)
    raise Unfoldable(f"the operator {operator} of a {left.kind} and a {right.kind}")


def _difference(left: Scalar, right: Scalar) -> Scalar:
    if left.kind == "datetimezone":
        left, right = zones.instant(left), zones.instant(right)
    if left.kind == "date":
        days = t.cast(exp.Paren(this=t.binary(exp.Sub, left.use, right.use)), "BIGINT")
        sql = t.binary(exp.Mul, days, t.whole(864_000_000_000))
    elif instants.is_fine(left) or instants.is_fine(right):
        sql = t.binary(exp.Sub, instants.ticks(left), instants.ticks(right))
    else:
        micros = t.binary(exp.Sub, t.function("epoch_us", left.use), t.function("epoch_us", right.use))
        sql = t.binary(exp.Mul, micros, t.whole(10))
    return typed(sql, "duration", "BIGINT", left, right)


def _later(moment: Scalar, span: Scalar, earlier: bool) -> Scalar:
    """A datetime and a duration; what is finer than a microsecond makes ticks of it."""
    node = exp.Sub if earlier else exp.Add
    whole = span.is_constant and span.constant is not None and span.constant.ticks % 10 == 0
    low, high = t.whole(0), t.whole(instants.END_TICKS)
    if instants.is_fine(moment) or not whole:
        sql = t.binary(node, instants.ticks(moment), span.use)
        outside = t.any_of([t.binary(exp.LT, sql, low), t.binary(exp.GTE, sql.copy(), high)])
        return instants.fine(t.unless(outside, sql.copy()), moment, span, raises=True)
    micros = t.binary(node, t.function("epoch_us", moment.use), t.whole(span.constant.ticks // 10))
    first, end = (
        t.whole(-instants.EPOCH_TICKS // 10),
        t.whole((instants.END_TICKS - instants.EPOCH_TICKS) // 10),
    )
    outside = t.any_of([t.binary(exp.LT, micros, first), t.binary(exp.GTE, micros.copy(), end)])
    sql = t.function("make_timestamp", t.unless(outside, micros.copy()))
    return typed(sql, "datetime", "TIMESTAMP", moment, span, raises=True)


def _later_day(day: Scalar, span: Scalar, earlier: bool) -> Scalar:
    """A date and a duration: a date when it is whole days, else a datetime, so it has to be known."""
    if not span.is_constant or span.constant is None:
        raise Unfoldable(
            "a date and a duration that is not constant: whole days make a date, others a datetime"
        )
    days, rest = divmod(span.constant.ticks, DAY)
    if rest:
        midnight = evolve(day, sql=t.cast(day.use, "TIMESTAMP"), kind="datetime", storage="TIMESTAMP")
        return _later(midnight, span, earlier)
    if abs(days) > 4_000_000:
        raise Unfoldable("a duration of more days than there are")
    moved = t.binary(exp.Sub if earlier else exp.Add, day.use, t.cast(t.whole(days), "INTEGER"))
    ends = [t.cast(exp.Literal.string(text), "DATE") for text in ("0001-01-01", "9999-12-31")]
    outside = t.any_of([t.binary(exp.LT, moved, ends[0]), t.binary(exp.GT, moved.copy(), ends[1])])
    return typed(t.unless(outside, moved.copy()), "date", "DATE", day, span, raises=True)


def _later_clock(clock: Scalar, span: Scalar, earlier: bool) -> Scalar:
    """A time and a duration, around the clock; what is finer than a microsecond is for the interpreter."""
    fine = t.binary(exp.NEQ, t.binary(exp.Mod, span.use, t.whole(10)), t.whole(0))
    day = t.whole(DAY // 10)
    micros = t.binary(exp.IntDiv, t.binary(exp.Mod, span.use, t.whole(DAY)), t.whole(10))
    moved = t.binary(exp.Sub if earlier else exp.Add, t.function("epoch_us", clock.use), micros)
    around = t.binary(exp.Mod, exp.Paren(this=t.binary(exp.Add, exp.Paren(this=moved), day)), day.copy())
    sql = t.cast(t.function("make_timestamp", around), "TIME")
    return typed(t.unless(fine, sql), "time", "TIME", clock, span)


def joined(left: Scalar, right: Scalar) -> Scalar:
    """``&`` of texts; of a date and a time it is the datetime."""
    if (left.kind, right.kind) == ("date", "time"):
        sql = t.binary(exp.Add, left.use, right.use)
        return strictly(typed(sql, "datetime", "TIMESTAMP", left, right), left, right)
    if "text" in (left.kind, right.kind):
        left, right = _beside(left, right)
    sql = t.binary(exp.DPipe, need(left, "text").use, need(right, "text").use)
    ascii = left.ascii and right.ascii
    return strictly(typed(sql, "text", "VARCHAR", left, right, ascii=ascii), left, right)


def unify(left: Scalar, right: Scalar) -> tuple[Scalar, Scalar]:
    """Two alternatives in one kind and SQL type; a null constant takes the other's."""
    if left.kind == "null" and right.kind != "null":
        return _null_as(left, right), right
    if right.kind == "null" and left.kind != "null":
        return left, _null_as(right, left)
    if left.kind != right.kind or left.kind == "any":
        raise Unfoldable("alternatives of different kinds")
    if left.storage == right.storage:
        return left, right
    if left.kind == "datetime":
        return (
            evolve(left, sql=instants.ticks(left), storage="BIGINT"),
            evolve(right, sql=instants.ticks(right), storage="BIGINT"),
        )
    if left.kind == "datetimezone":
        return zones.in_ticks(left), zones.in_ticks(right)
    need(left, "number"), need(right, "number")
    if not (left.storage == "DOUBLE" or left.int53) or not (right.storage == "DOUBLE" or right.int53):
        raise Unfoldable("64-bit whole numbers mixed with doubles")
    return (
        evolve(left, sql=t.as_double(left), storage="DOUBLE"),
        evolve(right, sql=t.as_double(right), storage="DOUBLE"),
    )


def alternatives(left: Scalar, right: Scalar) -> tuple[Scalar, Scalar]:
    """The same where what holds the result keeps ``inside``: decimals beside other numbers stay what they are."""
    scales = [x.inside.scale for x in (left, right) if isinstance(x.inside, (t.Scaled, t.Mixed))]
    if not scales or "null" in (left.kind, right.kind):
        return unify(left, right)
    if left.inside == right.inside:
        return left, right
    if scales[0] is None:
        raise Unfoldable("alternatives of different kinds")
    return either_number(left, scales[0]), either_number(right, scales[0])


def _null_as(null: Scalar, other: Scalar) -> Scalar:
    """A null of the kind of another term; what stops the query is kept."""
    if isinstance(other.inside, t.Mixed) and not null.raises:
        return Scalar(exp.Null(), "any", "", constant=None, nonan=True, inside=other.inside)
    made = t.null(other.kind, other.storage)
    storage = t.exact_storage(other)
    if null.raises or storage != other.storage:
        made = evolve(null, sql=t.cast(null.use, storage), kind=other.kind, storage=other.storage)
    scaled = other.inside if isinstance(other.inside, t.Scaled) else made.inside
    return evolve(made, nonan=True, int53=other.int53, ascii=True, inside=scaled)


def stored_as(term: Scalar, storage: str) -> Any:
    """The SQL of a term in another type of its kind."""
    if term.storage == storage:
        return term.use
    if term.kind == "datetimezone":
        return zones.in_ticks(term).use
    return instants.ticks(term) if term.kind == "datetime" else t.cast(term.use, storage)


def coalesce(left: Scalar, right: Scalar) -> Scalar:
    """``??``"""
    present = t.negation(null_test(left)) if t.is_decimal(left) or t.is_decimal(right) else None
    left, right = alternatives(left, right)
    if isinstance(left.inside, t.Mixed) and present is not None:  # no function of a struct: servers have none
        sql = t.case((present, left.use), otherwise=right.use)
    else:
        sql = t.function("coalesce", left.use, right.use)
    return typed(
        sql, left.kind, left.storage,
        nullable=left.nullable and right.nullable, raises=left.raises or right.raises,
        nonan=left.nonan and right.nonan, int53=left.int53 and right.int53, ascii=left.ascii and right.ascii,
        inside=left.inside, largest=bound(left, right),
    )  # fmt: skip
