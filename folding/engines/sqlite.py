"""SQLite's forms: dates are texts, logicals are 0 and 1, and what it lacks comes from ``sqlite_functions.py``.

SQLite has infinities but no NaN (it becomes null), so a result that is null though no operand is stops the query.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import Any

from sqlglot import exp

from folding.engines.forms import (
    COMMON,
    arguments_of,
    backwards,
    by_place,
    counted,
    letter_case,
    moment,
    number_of,
    of_texts,
    padded,
    texts,
    with_counts,
)
from folding.engines.moments import pieces_of
from folding.engines.renderer import PLAIN, Form, NoNumber, Renderer, Typed, forms
from folding.terms import Unfoldable
from mlang.connectors.sqlite_functions import OF_ONE

FUNCTIONS: dict[str, Form] = dict(COMMON)


@lru_cache(4096)
def _reads_back(text: str, value: float) -> bool:
    """Whether SQLite reads this spelling of a double bit for bit."""
    connection = sqlite3.connect(":memory:")
    found: Any = connection.execute(f"SELECT {text}").fetchone()[0]
    connection.close()
    return bool(found.__class__ is float and found.hex() == value.hex())


class SqliteRenderer(Renderer):
    """Prints queries for SQLite 3.35 and later."""

    dialect = "sqlite"
    functions = FUNCTIONS
    null_safe = ("IS", "IS NOT")
    sides = (
        frozenset({"LEFT", "RIGHT", "FULL"})
        if sqlite3.sqlite_version_info >= (3, 39)
        else frozenset({"LEFT"})
    )
    types = {  # noqa: RUF012
        "DOUBLE": "REAL", "BIGINT": "INTEGER", "VARCHAR": "TEXT", "BOOLEAN": "INTEGER", "DATE": "TEXT",
        "TIMESTAMP": "TEXT",
    }  # fmt: skip
    casts = {  # noqa: RUF012
        ("BIGINT", "DOUBLE"): "CAST({} AS REAL)", ("DOUBLE", "BIGINT"): "CAST({} AS INTEGER)",
        ("BOOLEAN", "BIGINT"): "CAST({} AS INTEGER)", ("BOOLEAN", "DOUBLE"): "CAST({} AS REAL)",
        ("BIGINT", "VARCHAR"): "CAST({} AS TEXT)", ("DATE", "TIMESTAMP"): "({} || ' 00:00:00')",
        ("TIMESTAMP", "DATE"): "substr({}, 1, 10)",
    }  # fmt: skip
    some = {  # noqa: RUF012
        "BIGINT": "0", "DOUBLE": "0.0", "VARCHAR": "''", "DATE": "'2000-01-01'", "TIMESTAMP": "'2000-01-01 00:00:00'",
        "BOOLEAN": "0",
    }  # fmt: skip

    def number(self, value: float) -> Typed:
        text = {"inf": "9e999", "-inf": "-9e999"}.get(repr(value), repr(value))
        if value != value:
            raise NoNumber("NaN, which SQLite has not")
        if repr(value) == "-0.0":
            text = "(-1.0 / 9e999)"
        if not _reads_back(text, value):
            raise Unfoldable("a number that SQLite reads otherwise")
        return Typed(text, "DOUBLE", not text.startswith("-"))

    def constant(self, text: str, target: str) -> Typed:
        if target in ("DATE", "TIMESTAMP"):
            return Typed(self.text(text.removesuffix(".000000")), target)
        return super().constant(text, target)

    def digits(self, number: str, width: int) -> str:
        return f"printf('%0{width}d', {number})"

    def piece(self, text: str, mark: str, number: int) -> str:
        return f"m_piece({text}, {self.text(mark)}, {number})"

    def no_limit(self) -> str:
        return f"{self.line()}LIMIT -1"

    def failure(self, type: str) -> str:
        return "m_error()"

    def operation(self, operator: str, left: Typed, right: Typed) -> Typed:
        if left.type == "BIGINT":
            return super().operation(operator, left, right)
        plain = f"{left.inner} {operator} {right.inner}"
        return Typed(f"coalesce({plain}, m_nan({left.sql}, {right.sql}))", "DOUBLE")

    def on_Neg(self, node: Any) -> Typed:
        """Minus 0 of a double is -0: SQLite's own minus says 0."""
        value = self.render(node.this)
        if value.type == "DOUBLE":
            return Typed(f"{value.inner} * -1.0", "DOUBLE", False)
        return super().on_Neg(node)

    def divided(self, left: Typed, right: Typed) -> Typed:
        pair = f"({left.sql}, {right.sql})"
        exact = f"CASE WHEN {right.inner} = 0 THEN m_divide{pair} ELSE m_nan{pair} END"
        return Typed(f"coalesce({left.inner} / {right.inner}, {exact})", "DOUBLE")

    def remainder(self, node: Any, left: Typed, right: Typed) -> Typed:
        if left.type != "DOUBLE":
            raise Unfoldable("remainders of whole numbers by a variable")
        return Typed(f"m_mod({left.sql}, {right.sql})", "DOUBLE")

    def on_Sub(self, node: Any) -> Typed:
        left, right = self.render(node.this), self.render(node.expression)
        if (left.type, right.type) == ("DATE", "DATE"):
            return Typed(f"m_days({left.sql}, {right.sql})", "BIGINT")
        if (left.type, right.type) == ("DATE", "BIGINT"):
            return Typed(f"m_add_days({left.sql}, -{right.inner})", "DATE")
        return super().on_Sub(node)

    def on_Add(self, node: Any) -> Typed:
        left = self.render(node.this)
        if isinstance(node.expression, exp.Interval) and left.type in ("DATE", "TIMESTAMP"):
            if str(node.expression.args["unit"].name).upper().rstrip("S") != "MONTH":
                raise Unfoldable("intervals other than months")
            months = int(node.expression.this.name)
            clock = "' 00:00:00'" if left.type == "DATE" else f"substr({left.sql}, 11)"
            return Typed(f"(m_add_months(substr({left.sql}, 1, 10), {months}) || {clock})", "TIMESTAMP")
        if left.type == "DATE":
            return Typed(f"m_add_days({left.sql}, {counted(self, node.expression).sql})", "DATE")
        return super().on_Add(node)


# ---------------------------------------------------------------- texts


@forms(FUNCTIONS, "length")
def _length(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"length({texts(r, nodes, 1)[0].sql})", "BIGINT")


@forms(FUNCTIONS, "strlen")
def _strlen(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"length(CAST({texts(r, nodes, 1)[0].sql} AS BLOB))", "BIGINT")


for _name in ("upper", "lower"):
    FUNCTIONS[_name] = letter_case(_name + "({0})", "length(CAST({0} AS BLOB)) > length({0})")


@forms(FUNCTIONS, "contains")
def _contains(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    return Typed(f"instr({a.sql}, {b.sql}) > 0", "BOOLEAN", False)


@forms(FUNCTIONS, "starts_with")
def _starts(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    return Typed(f"substr({a.sql}, 1, length({b.sql})) = {b.inner}", "BOOLEAN", False)


@forms(FUNCTIONS, "suffix")
def _suffix(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    end = f"substr({a.sql}, length({a.sql}) - length({b.sql}) + 1) = {b.inner}"
    return Typed(f"CASE WHEN length({a.sql}) < length({b.sql}) THEN 0 ELSE {end} END", "BOOLEAN")


@forms(FUNCTIONS, "strpos")
def _strpos(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    return Typed(f"instr({a.sql}, {b.sql})", "BIGINT")


@forms(FUNCTIONS, "left")
def _left(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"substr({texts(r, nodes[:1], 1)[0].sql}, 1, {counted(r, nodes[1]).sql})", "VARCHAR")


@forms(FUNCTIONS, "right")
def _right(r: Renderer, nodes: list[Any]) -> Typed:
    a, n = texts(r, nodes[:1], 1)[0].sql, counted(r, nodes[1]).sql
    return Typed(f"substr({a}, max(length({a}) - {n}, 0) + 1)", "VARCHAR")


FUNCTIONS["substr"], FUNCTIONS["repeat"] = with_counts("substr"), with_counts("m_repeat")
FUNCTIONS["lpad"], FUNCTIONS["rpad"] = padded("m_lpad"), padded("m_rpad")
for _name in ("trim", "ltrim", "rtrim"):
    FUNCTIONS[_name] = of_texts(_name + "({0}, {1})", 2)


@forms(FUNCTIONS, "split_part")
def _split_part(r: Renderer, nodes: list[Any]) -> Typed:
    a, mark = texts(r, nodes[:2], 2)
    if nodes[2].name != "1":
        raise Unfoldable("later parts of a text")
    place = f"instr({a.sql}, {mark.sql})"
    return Typed(f"CASE WHEN {place} > 0 THEN substr({a.sql}, 1, {place} - 1) ELSE {a.sql} END", "VARCHAR")


@forms(FUNCTIONS, "concat_ws")
def _concat_ws(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"m_concat_ws({', '.join(v.sql for v in texts(r, nodes))})", "VARCHAR")


@forms(FUNCTIONS, "chr")
def _chr(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"char({counted(r, nodes[0]).sql})", "VARCHAR")


@forms(FUNCTIONS, "regexp_matches")
def _matches(r: Renderer, nodes: list[Any]) -> Typed:
    a, pattern = texts(r, nodes, 2)
    return Typed(f"m_matches({a.sql}, {pattern.sql})", "BOOLEAN")


@forms(FUNCTIONS, "regexp_replace")
def _regexp_replace(r: Renderer, nodes: list[Any]) -> Typed:
    a, pattern, new = texts(r, nodes[:3], 3)
    return Typed(f"m_replace({a.sql}, {pattern.sql}, {new.sql})", "VARCHAR")


@forms(FUNCTIONS, "len")
def _count_of(r: Renderer, nodes: list[Any]) -> Typed:
    """How many pieces a text has, or how many characters match."""
    if nodes[0].name.lower() == "string_split":
        return pieces_of(r, nodes[0], "length({})")
    a, pattern = texts(r, arguments_of(nodes[0], "regexp_extract_all"), 2)
    return Typed(f"m_count({a.sql}, {pattern.sql})", "BIGINT")


@forms(FUNCTIONS, "regexp_extract")
def _regexp_extract(r: Renderer, nodes: list[Any]) -> Typed:
    a, pattern = texts(r, nodes, 2)
    return Typed(f"m_extract({a.sql}, {pattern.sql})", "VARCHAR")


FUNCTIONS["array_to_string"] = backwards("m_reverse")


# ---------------------------------------------------------------- numbers


@forms(FUNCTIONS, "isfinite")
def _isfinite(r: Renderer, nodes: list[Any]) -> Typed:
    x = number_of(r, nodes[0]).inner
    return Typed(f"{x} > -9e999 AND {x} < 9e999", "BOOLEAN", False)


@forms(FUNCTIONS, "isinf")
def _isinf(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"abs({number_of(r, nodes[0]).sql}) = 9e999", "BOOLEAN", False)


def _unary(name: str) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        if len(nodes) > 1 and nodes[1].name != "0":
            raise Unfoldable("rounding to digits")
        return Typed(f"{name}({number_of(r, nodes[0]).sql})", "DOUBLE")

    return form


for _name, _call in {
    **{n: "m_" + n for n in (*OF_ONE, "ln")},
    "floor": "m_floor", "ceil": "m_ceil", "trunc": "m_trunc", "round_even": "m_round", "sqrt": "m_sqrt",
}.items():  # fmt: skip
    FUNCTIONS[_name] = _unary(_call)


@forms(FUNCTIONS, "round")
def _round(r: Renderer, nodes: list[Any]) -> Typed:
    if nodes[1].name != "0":
        raise Unfoldable("rounding to digits")
    x = number_of(r, nodes[0])
    half = f"m_floor(abs({x.sql}) + 0.5)"
    return Typed(f"CASE WHEN {x.inner} < 0 THEN -{half} ELSE {half} END", "DOUBLE")


@forms(FUNCTIONS, "pow")
def _power(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = (number_of(r, n) for n in nodes)
    return Typed(f"m_pow({a.sql}, {b.sql})", "DOUBLE")


@forms(FUNCTIONS, "sign")
def _sign(r: Renderer, nodes: list[Any]) -> Typed:
    x = number_of(r, nodes[0]).inner
    return Typed(f"CASE WHEN {x} > 0 THEN 1.0 WHEN {x} < 0 THEN -1.0 WHEN {x} = 0 THEN 0.0 END", "DOUBLE")


# ---------------------------------------------------------------- dates


def _digits(start: int, count: int, *types: str) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        return Typed(
            f"CAST(substr({moment(r, nodes[0], *types).sql}, {start}, {count}) AS INTEGER)", "BIGINT"
        )

    return form


FUNCTIONS["year"], FUNCTIONS["month"], FUNCTIONS["day"] = _digits(1, 4), _digits(6, 2), _digits(9, 2)
FUNCTIONS["hour"], FUNCTIONS["minute"] = _digits(12, 2, "TIMESTAMP"), _digits(15, 2, "TIMESTAMP")
FUNCTIONS["second"] = _digits(18, 2, "TIMESTAMP")


@forms(FUNCTIONS, "microsecond")
def _microsecond(r: Renderer, nodes: list[Any]) -> Typed:
    """Of the minute, with its seconds; days have whole minutes."""
    micros = f"m_micros({moment(r, nodes[0], 'TIMESTAMP').sql})"
    return Typed(f"({micros} % 60000000 + 60000000) % 60000000", "BIGINT", False)


def _strftime(code: str) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        return Typed(f"CAST(strftime('{code}', {moment(r, nodes[0]).sql}) AS INTEGER)", "BIGINT")

    return form


FUNCTIONS["dayofyear"], FUNCTIONS["dayofweek"] = _strftime("%j"), _strftime("%w")


@forms(FUNCTIONS, "quarter")
def _quarter(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"(CAST(substr({moment(r, nodes[0]).sql}, 6, 2) AS INTEGER) + 2) / 3", "BIGINT", False)


@forms(FUNCTIONS, "date_trunc")
def _date_trunc(r: Renderer, nodes: list[Any]) -> Typed:
    unit, value = nodes[0].this, moment(r, nodes[1]).sql
    clock = {"hour": (13, ":00:00"), "minute": (16, ":00")}.get(unit)
    if clock is not None:
        moment(r, nodes[1], "TIMESTAMP")
        return Typed(f"(substr({value}, 1, {clock[0]}) || '{clock[1]}')", "TIMESTAMP")
    if unit == "day":
        return Typed(f"(substr({value}, 1, 10) || ' 00:00:00')", "TIMESTAMP")
    if unit == "year":
        return Typed(f"(substr({value}, 1, 4) || '-01-01 00:00:00')", "TIMESTAMP")
    if unit == "month":
        return Typed(f"(substr({value}, 1, 7) || '-01 00:00:00')", "TIMESTAMP")
    if unit == "quarter":
        month = f"(CAST(substr({value}, 6, 2) AS INTEGER) - 1) / 3 * 3 + 1"
        return Typed(f"(substr({value}, 1, 5) || printf('%02d', {month}) || '-01 00:00:00')", "TIMESTAMP")
    raise Unfoldable(f"the start of a {unit}")


@forms(FUNCTIONS, "last_day")
def _last_day(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"m_last_day(substr({moment(r, nodes[0]).sql}, 1, 10))", "DATE")


@forms(FUNCTIONS, "make_date")
def _make_date(r: Renderer, nodes: list[Any]) -> Typed:
    parts = [counted(r, n).sql for n in nodes]
    return Typed(
        f"CASE WHEN {parts[0]} IS NOT NULL THEN printf('%04d-%02d-%02d', {', '.join(parts)}) END", "DATE"
    )


@forms(FUNCTIONS, "epoch_us")
def _epoch(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"m_micros({moment(r, nodes[0], 'TIMESTAMP').sql})", "BIGINT")


# ---------------------------------------------------------------- aggregates


@forms(FUNCTIONS, "sum")
def _sum(r: Renderer, nodes: list[Any]) -> Typed:
    """Whole numbers (an overflow raises); doubles in row order."""
    inner = nodes[0]
    if isinstance(inner, exp.Order):
        value, place = number_of(r, inner.this), r.render(inner.expressions[0].this)
        return Typed(f"m_sum({value.sql}, {place.sql})", "DOUBLE")
    return Typed(f"sum({number_of(r, inner, 'BIGINT').sql})", "BIGINT")


@forms(FUNCTIONS, "product")
def _product(r: Renderer, nodes: list[Any]) -> Typed:
    value, place = number_of(r, nodes[0].this), r.render(nodes[0].expressions[0].this)
    return Typed(f"m_product({value.sql}, {place.sql})", "DOUBLE")


@forms(FUNCTIONS, "list_sum")
def _squares(r: Renderer, nodes: list[Any]) -> Typed:
    """The squares of the distances from the mean, added in row order: the only sum of a list."""
    listed, square = arguments_of(nodes[0], "list_transform")
    (order,) = arguments_of(listed, "list")
    value, place = number_of(r, order.this), r.render(order.expressions[0].this)
    off, again = square.this.this.unnest(), square.this.expression.unnest()
    total = off.expression.unnest().this if isinstance(off, exp.Sub) else None
    ordered = isinstance(total, exp.Anonymous) and total.name == "sum" and total.expressions == [order]
    if not isinstance(square.this, exp.Mul) or off != again or not ordered:
        raise Unfoldable("sums of lists")
    return Typed(f"m_squares({value.sql}, {place.sql})", "DOUBLE")


@forms(FUNCTIONS, "string_agg")
def _string_agg(r: Renderer, nodes: list[Any]) -> Typed:
    between, place = nodes[1].this, r.render(nodes[1].expressions[0].this)
    a, b = texts(r, [nodes[0], between], 2)
    return Typed(f"m_join({a.sql}, {place.sql}, {b.sql})", "VARCHAR")


@forms(FUNCTIONS, "row")
def _row(r: Renderer, nodes: list[Any]) -> Typed:
    """Only as what is counted."""
    values = [r.render(n) for n in nodes]
    if any(v.type not in PLAIN for v in values):
        raise Unfoldable("different values of this type")
    return Typed(f"m_row({', '.join(v.sql for v in values)})", "ROW")


@forms(FUNCTIONS, "bool_or")
def _bool_or(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"max({r.condition(nodes[0])})", "BOOLEAN")


FUNCTIONS["arg_min_null"], FUNCTIONS["arg_max_null"] = by_place("m_first({}, {})"), by_place("m_last({}, {})")


@forms(FUNCTIONS, "quantile_disc")
def _quantile(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"m_median({number_of(r, nodes[0]).sql})", "DOUBLE")
