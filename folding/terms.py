"""The vocabulary of folding: typed SQL terms and the small builders that make them.

A `Scalar` is one SQL expression (a sqlglot node) together with what M knows of its
values: the kind, the SQL type that stores it, and the facts that decide which form is
exact.  Every name and literal in a query comes from a sqlglot node made here; no text
is pasted together.  sqlglot's classes are never subclassed.

Read `scalars.py` next: it turns M expressions into terms.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from attrs import evolve, field, frozen
from sqlglot import exp

#: SQL node; sqlglot's own classes are only named here and in the modules that build trees.
Sql = exp.Expression

#: Whole numbers up to this size are the same number as a double.
INT53 = 2**53


class Unfoldable(Exception):
    """Control flow inside folding: this step has no exact SQL form; ``reason`` says why."""

    def __init__(self, reason: str, step: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        #: The M function of the step that does not fold; filled where it is known.
        self.step = step


@frozen
class CannotFold:
    """Why a step stays in the interpreter; `explain` shows it."""

    step: str
    reason: str


#: Marks a `Scalar` that is not a constant.
VARIES: Any = object()


@frozen(eq=False)
class Scalar:
    """A typed SQL expression.

    ``kind`` is the M kind ("null" for the null literal, "any" when only passing through is
    exact); ``storage`` the SQL type.  ``raises`` tells that evaluating may meet a row where M
    raises.  ``constant`` is the M value when it is known.  Facts: ``nonan``, ``int53``
    (whole numbers below 2^53), ``ascii``, ``largest`` (a bound of the magnitudes of whole numbers or decimals),
    ``natural`` (with ``largest``: none is below zero).
    ``conjuncts`` are the sides of an `and` one of which may raise, for filters, where null is as good as false.
    ``inside`` says what a column of lists, records or tables holds (`folding/nested.py`, `recipes.py`).
    """

    sql: Any
    kind: str
    storage: str
    nullable: bool = True
    raises: bool = False
    constant: Any = field(default=VARIES)
    nonan: bool = False
    int53: bool = False
    ascii: bool = False
    largest: int | None = None
    natural: bool = False
    conjuncts: tuple[Scalar, ...] = ()
    inside: Any = None

    @property
    def use(self) -> Any:
        """The SQL, to be built into a larger tree.  Trees share their nodes, which nobody changes."""
        return self.sql

    @property
    def is_constant(self) -> bool:
        return self.constant is not VARIES


def whole_facts(low: Any, high: Any) -> dict[str, Any]:
    """What bounds prove of a column of whole numbers."""
    largest = max(abs(low), abs(high))
    return {"int53": True, "largest": largest, "natural": low >= 0} if largest < INT53 else {}


def typed(sql: Any, kind: str, storage: str, *parts: Scalar, **facts: Any) -> Scalar:
    """A term made of others: nullable and raising when one of them is, unless told."""
    facts.setdefault("nullable", any(p.nullable for p in parts))
    facts.setdefault("raises", any(p.raises for p in parts))
    return Scalar(sql, kind, storage, **facts)


def renamed(term: Scalar, sql: Any) -> Scalar:
    """The same facts about a column that now carries the term's value (it cannot raise any more)."""
    return evolve(term, sql=sql, raises=False, constant=VARIES, conjuncts=())


# ---------------------------------------------------------------- building SQL


@lru_cache(4096)
def column(name: str, table: str | None = None) -> Any:
    """A column reference."""
    return exp.column(name, table=table)


def named(sql: Any, name: str) -> Any:
    """sql AS name."""
    return exp.Alias(this=sql, alias=_identifier(name))


@lru_cache(4096)
def _identifier(name: str) -> Any:
    return exp.to_identifier(name)


def function(name: str, *arguments: Any) -> Any:
    """A call by name, printed as it is."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def operand(sql: Any) -> Any:
    """The expression, in parentheses when an operator stands at its top."""
    if isinstance(sql, (exp.Binary, exp.Not, exp.Neg, exp.In, exp.Between)) and not isinstance(sql, exp.Dot):
        return exp.Paren(this=sql)
    return sql


def binary(node: Any, left: Any, right: Any) -> Any:
    """An operator of two operands."""
    return node(this=operand(left), expression=operand(right))


def all_of(conditions: list[Any]) -> Any:
    """Conditions joined by AND."""
    result = conditions[0]
    for condition in conditions[1:]:
        left = result if isinstance(result, exp.And) else operand(result)
        result = exp.And(this=left, expression=operand(condition))
    return result


def any_of(conditions: list[Any]) -> Any:
    """Conditions joined by OR."""
    result = conditions[0]
    for condition in conditions[1:]:
        left = result if isinstance(result, exp.Or) else operand(result)
        result = exp.Or(this=left, expression=operand(condition))
    return result


def negation(condition: Any) -> Any:
    """NOT condition."""
    return exp.Not(this=operand(condition))


def is_null(sql: Any) -> Any:
    """sql IS NULL."""
    return exp.Is(this=operand(sql), expression=exp.Null())


def not_null(sql: Any) -> Any:
    """sql IS NOT NULL."""
    return exp.Not(this=is_null(sql))


def same(left: Any, right: Any) -> Any:
    """left IS NOT DISTINCT FROM right."""
    return binary(exp.NullSafeEQ, left, right)


def case(*branches: tuple[Any, Any], otherwise: Any = None) -> Any:
    """CASE WHEN … THEN … [ELSE otherwise] END."""
    return exp.Case(ifs=[exp.If(this=c, true=v) for c, v in branches], default=otherwise)


def cast(sql: Any, storage: str) -> Any:
    """CAST(sql AS storage); a cast to the type it has already is not repeated."""
    if isinstance(sql, exp.Cast) and not isinstance(sql, exp.TryCast) and sql.to == _parsed(storage):
        return sql
    return exp.Cast(this=sql, to=_parsed(storage))


def try_cast(sql: Any, storage: str) -> Any:
    """TRY_CAST(sql AS storage)."""
    return exp.TryCast(this=sql, to=_parsed(storage))


@cache
def _parsed(storage: str) -> Any:
    return exp.DataType.build(storage, dialect="duckdb")


def string(text: str) -> Any:
    """A text literal.  NUL and the like travel as chr() so that every engine reads the same."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise Unfoldable("a text with half a surrogate pair")
    if "\0" not in text:
        return exp.Literal.string(text)
    result: Any = None
    for index, part in enumerate(text.split("\0")):
        piece = exp.Literal.string(part)
        if index == 0:
            result = piece
        else:
            result = binary(exp.DPipe, binary(exp.DPipe, result, function("chr", whole(0))), piece)
    return exp.Paren(this=result)


def whole(number: int) -> Any:
    """An integer literal, for counts and positions."""
    return exp.Literal.number(number) if number >= 0 else exp.Neg(this=exp.Literal.number(-number))


def double(number: float) -> Any:
    """A number literal of type DOUBLE, bit for bit."""
    if number != number:
        return cast(exp.Literal.string("nan"), "DOUBLE")
    text = repr(float(number))
    digits = text.lstrip("-").replace(".", "")
    if "inf" in text or "e" in text or len(digits) > 15 or text == "-0.0":
        return cast(exp.Literal.string(text), "DOUBLE")
    text = text[:-2] if text.endswith(".0") else text
    literal = exp.Literal.number(text.lstrip("-"))
    return cast(exp.Neg(this=literal) if text[0] == "-" else literal, "DOUBLE")


#: Where a stop tells when M raises there (`error`).
RAISING = "raising"


def error(raising: Any = None) -> Any:
    """Stops the query: what follows is for the interpreter.

    ``raising`` is a condition under which M surely raises there, which `try` may look at (`attempts.py`).
    """
    made = function("error", exp.Literal.string("M"))
    if raising is not None:
        made.meta[RAISING] = raising
    return made


def failure() -> Scalar:
    """What M raises for: null as far as the engine knows, which stops there."""
    return Scalar(error(), "null", "VARCHAR", True, raises=True)


def unless(condition: Any, sql: Any) -> Any:
    """``sql``, but stop the query where ``condition`` holds."""
    return case((condition, error()), otherwise=sql)


def stop(witness: Any, storage: str) -> Any:
    """A conversion that always fails, of a value that is there.  Unlike error() it is not volatile, so
    the engine may share it between uses and take it as a key."""
    text = binary(exp.DPipe, exp.Literal.string("M"), cast(witness, "VARCHAR"))
    return cast(cast(text, "DOUBLE"), "VARCHAR") if storage == "VARCHAR" else cast(text, storage)


def is_stop(sql: Any) -> bool:
    """Whether a node stops the query whenever it is evaluated (`error` and `stop`)."""
    if isinstance(sql, exp.Anonymous):
        return bool(sql.name.lower() == "error")
    if not isinstance(sql, exp.Cast) or isinstance(sql, exp.TryCast):
        return False
    inner = sql.this
    if isinstance(inner, exp.Cast):
        inner = inner.this
    return isinstance(inner, exp.DPipe) and isinstance(inner.this, exp.Literal) and inner.this.name == "M"


#: What the text of a query holds that may stop (`error` and `stop`), if it is no literal of somebody's own.
STOPPING = ("ERROR('M')", "'M' || ")


def stops(sql: Any) -> bool:
    """Whether evaluating an expression may stop the query."""
    return any(is_stop(node) for node in nodes(sql))


#: Larger expressions are not folded: the text would explode.
LARGEST = 3000


def size(sql: Any) -> int:
    """How many nodes an expression has."""
    return len(nodes(sql))


def limited(sql: Any, most: int = LARGEST) -> None:
    """Raises `Unfoldable` for an expression of more nodes; counts no further, as there may be millions."""
    if len(nodes(sql, most)) > most:
        raise Unfoldable("the expression is too large")


def nodes(sql: Any, enough: int = 2**63) -> list[Any]:
    """An expression and all that it is made of, or more than ``enough`` of that."""
    found = [sql]
    for node in found:
        if len(found) > enough:
            break
        for value in node.args.values():
            if value.__class__ is list:
                found.extend(item for item in value if isinstance(item, exp.Expr))
            elif isinstance(value, exp.Expr):
                found.append(value)
    return found


def columns_in(sql: Any) -> list[Any]:
    """The column references in an expression."""
    return [node for node in nodes(sql) if node.__class__ is exp.Column]


# ---------------------------------------------------------------- literals


def literal(value: Any) -> Scalar:
    """An M scalar as a typed constant; `Unfoldable` for kinds that no SQL literal carries."""
    from mlang.values.kinds import kind_of

    kind = kind_of(value)
    build = _LITERALS.get(kind)
    if build is None:
        raise Unfoldable(f"a constant of kind {kind} has no SQL form")
    return build(value)


def null(kind: str = "null", storage: str = "VARCHAR") -> Scalar:
    """Null, typed."""
    if not storage:
        raise Unfoldable("null in the place of a value that has parts")
    return Scalar(cast(exp.Null(), storage), kind, storage, constant=None)


def of_kind(term: Scalar, kind: str) -> Scalar:
    """A term that is null in every row as a null of some kind; other terms as they are."""
    if term.kind != "null":
        return term
    storage = _STORAGES.get(kind)
    if storage is None:
        raise Unfoldable(f"null in the place of a {kind}")
    return evolve(term, sql=cast(term.use, storage), kind=kind, storage=storage)


_STORAGES = {
    "number": "DOUBLE", "text": "VARCHAR", "logical": "BOOLEAN", "date": "DATE", "datetime": "TIMESTAMP",
    "time": "TIME", "duration": "BIGINT", "datetimezone": "STRUCT(u TIMESTAMP, o BIGINT)",
}  # fmt: skip


def _number(value: Any) -> Scalar:
    if value.__class__ is not float and value != float(value):
        raise Unfoldable("a number with more digits than a double holds")
    if value.__class__ is Decimal and int(value.as_tuple().exponent) < 0 and value.as_tuple().digits[-1] == 0:
        raise Unfoldable("a decimal whose last zeros show")
    x = float(value)
    integral = x == x and abs(x) < INT53 and x == int(x)
    return Scalar(double(x), "number", "DOUBLE", False, constant=x, nonan=x == x, int53=integral)


def _text(value: str) -> Scalar:
    return Scalar(string(value), "text", "VARCHAR", False, constant=value, ascii=value.isascii())


def _date(value: Any) -> Scalar:
    y, m, d = value.ymd
    sql = cast(exp.Literal.string(f"{y:04}-{m:02}-{d:02}"), "DATE")
    return Scalar(sql, "date", "DATE", False, constant=value)


def _datetime(value: Any) -> Scalar:
    if value.ticks % 10:
        return Scalar(cast(whole(value.ticks), "BIGINT"), "datetime", "BIGINT", False, constant=value)
    y, m, d = value.ymd
    text = (
        f"{y:04}-{m:02}-{d:02} {value.hour:02}:{value.minute:02}:{value.second:02}.{value.fraction // 10:06}"
    )
    sql = cast(exp.Literal.string(text), "TIMESTAMP")
    return Scalar(sql, "datetime", "TIMESTAMP", False, constant=value)


def _time(value: Any) -> Scalar:
    if value.ticks % 10:
        raise Unfoldable("a time finer than a microsecond")
    text = f"{value.hour:02}:{value.minute:02}:{value.second:02}.{value.fraction // 10:06}"
    return Scalar(cast(exp.Literal.string(text), "TIME"), "time", "TIME", False, constant=value)


def _datetimezone(value: Any) -> Scalar:
    from folding.zones import constant

    return constant(value)


_LITERALS: dict[str, Callable[[Any], Scalar]] = {
    "null": lambda value: null(),
    "logical": lambda v: Scalar(exp.Boolean(this=v), "logical", "BOOLEAN", False, constant=v),
    "number": _number,
    "text": _text,
    "date": _date,
    "datetime": _datetime,
    "datetimezone": _datetimezone,
    "time": _time,
    "duration": lambda v: Scalar(cast(whole(v.ticks), "BIGINT"), "duration", "BIGINT", False, constant=v),
}


# ---------------------------------------------------------------- numbers and texts


def as_double(term: Scalar) -> Any:
    """The SQL of a number as a DOUBLE."""
    return term.use if term.storage == "DOUBLE" else cast(term.use, "DOUBLE")


def kept(term: Scalar) -> Scalar:
    """A number as a DOUBLE of the same value; a whole number that no double holds is for the interpreter."""
    if term.storage != "BIGINT" or term.int53 or term.inside is not None:
        return term
    made = unless(beyond_doubles(term.use, term.use), as_double(term))
    return evolve(term, sql=made, storage="DOUBLE", raises=True, int53=True)


def beyond_doubles(least: Any, largest: Any) -> Any:
    """Whether the least or the largest of some whole numbers is one that may lose digits as a double."""
    return any_of([binary(exp.GT, largest, whole(INT53)), binary(exp.LT, least, whole(-INT53))])


@frozen
class Scaled:
    """What is inside a column of decimals: how many digits stand behind the point.

    Such a column passes through as it is (its zeros at the end show in texts), is compared and ordered as it is,
    and counts as a double in arithmetic and beside doubles, as in M.
    """

    scale: int


def scaled(name: str) -> Scaled | None:
    """The decimals of a type such as DECIMAL(19,4)."""
    digits = name.partition(",")[2].rstrip(")").strip()
    return Scaled(int(digits)) if name.startswith("DECIMAL(") and digits.isdigit() else None


def exact_storage(term: Scalar) -> str:
    """The SQL type of a column beside which other cells come: a decimal of another scale would change all of it."""
    if isinstance(term.inside, Scaled):
        return f"DECIMAL({max(term.inside.scale, 1)}, {term.inside.scale})"
    return term.storage


@frozen
class Mixed:
    """Numbers of which some are decimals: null, or a struct of the decimal and the double, one of which is null.

    ``scale`` is that of the decimals, where such a number may be calculated with.
    """

    scale: int | None = None


def is_decimal(term: Scalar) -> bool:
    """Whether a term is a number though its kind is not told: decimals, or decimals and doubles."""
    return isinstance(term.inside, Scaled) or (
        isinstance(term.inside, Mixed) and term.inside.scale is not None
    )


def plain_number(term: Scalar) -> Scalar:
    """A decimal as the double it stands for; one of more than 15 digits is for the interpreter."""
    if isinstance(term.inside, Scaled):
        sql, nonan = decimal_as_double(term.use, term.inside.scale, term.largest), True
    elif isinstance(term.inside, Mixed) and term.inside.scale is not None:
        from folding.mixed import as_double as of_either

        sql, nonan = of_either(term.use, term.inside.scale, term.largest), term.nonan
    else:
        return term
    return evolve(
        term, sql=sql, kind="number", storage="DOUBLE", inside=None, nonan=nonan, constant=VARIES, largest=None,
    )  # fmt: skip


def unsigned(term: Scalar) -> Scalar:
    """A number that was found or added up, zero without its sign: which of two zeros an engine finds is chance."""
    if term.kind != "number" or term.storage != "DOUBLE":
        return term
    return evolve(term, sql=binary(exp.Add, term.use, double(0.0)), constant=VARIES)


def decimal_digits(term: Scalar) -> Any:
    """The text of a column of decimals; the engine leaves out the zero before those that only have fractions."""
    if term.inside.scale > 37:
        raise Unfoldable("decimals of 38 fractional digits as texts")
    return cast(cast(term.use, f"DECIMAL(38, {term.inside.scale})"), "VARCHAR")


def decimal_as_double(decimal: Any, scale: int, largest: int | None = None) -> Any:
    """A decimal's double; ``largest`` is a bound of its magnitude, if one is known."""
    number = cast(decimal, "DOUBLE")
    if largest is not None and largest <= 10 ** (15 - scale):
        return number
    beyond = binary(exp.GTE, function("abs", number), double(10.0 ** (15 - scale)))
    return unless(beyond, number)


def need(term: Scalar, *kinds: str) -> Scalar:
    """The term when it has one of the kinds."""
    if term.kind not in kinds:
        what = "a value of unknown kind" if term.kind == "any" else f"a value of kind {term.kind}"
        raise Unfoldable(f"{what} where {' or '.join(kinds)} is needed")
    if term.kind == "number" and term.storage not in ("DOUBLE", "BIGINT"):
        raise Unfoldable("arithmetic with decimals differs between SQL and M")
    return term


def need_not_null(term: Scalar) -> Scalar:
    """The term when it cannot be null (M raises for a null here)."""
    if term.nullable:
        raise Unfoldable("an argument that may be null, for which M raises")
    return term
