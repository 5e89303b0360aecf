"""PostgreSQL's forms: texts ordered by code point (COLLATE "C"), doubles as IEEE has them.

PostgreSQL counts NaN as the largest number and equal to itself, as DuckDB does, and raises where a double
overflows or underflows; then the interpreter does the work.
"""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from folding.engines.forms import (
    COMMON,
    arguments_of,
    backwards,
    by_place,
    counted,
    leading,
    letter_case,
    moment,
    number_of,
    of_texts,
    padded,
    texts,
    with_counts,
)
from folding.engines.moments import pieces_of
from folding.engines.renderer import PLAIN, Form, Renderer, Typed, forms
from folding.terms import Unfoldable
from folding.utf16 import ASTRAL

FUNCTIONS: dict[str, Form] = dict(COMMON)
_FAILS = "concat('M', random())"


def _months(interval: Any) -> int:
    if str(interval.args["unit"].name).upper().rstrip("S") != "MONTH":
        raise Unfoldable("intervals other than months")
    return int(interval.this.name)


class PostgresRenderer(Renderer):
    """Prints queries for PostgreSQL 14 and later."""

    dialect = "postgres"
    functions = FUNCTIONS
    types = {  # noqa: RUF012
        "DOUBLE": "double precision", "BIGINT": "bigint", "VARCHAR": "text", "BOOLEAN": "boolean", "DATE": "date",
        "TIMESTAMP": "timestamp", "DECIMAL": "numeric",
    }  # fmt: skip
    casts = {  # noqa: RUF012
        ("BIGINT", "DOUBLE"): "CAST({} AS double precision)", ("DOUBLE", "BIGINT"): "CAST({} AS bigint)",
        ("BOOLEAN", "BIGINT"): "CAST(CAST({} AS integer) AS bigint)",
        ("BOOLEAN", "DOUBLE"): "CAST(CAST({} AS integer) AS double precision)",
        ("BIGINT", "VARCHAR"): 'CAST({} AS text) COLLATE "C"', ("DATE", "TIMESTAMP"): "CAST({} AS timestamp)",
        ("TIMESTAMP", "DATE"): "CAST({} AS date)", ("NUMERIC", "DOUBLE"): "CAST({} AS double precision)",
        ("NUMERIC", "BIGINT"): "CAST({} AS bigint)", ("DAYS", "BIGINT"): "CAST({} AS bigint)",
        ("DAYS", "DOUBLE"): "CAST({} AS double precision)", ("DECIMAL", "DOUBLE"): "CAST({} AS double precision)",
    }  # fmt: skip

    def number(self, value: float) -> Typed:
        text = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))
        return Typed(f"{self.text(text)}::double precision", "DOUBLE")

    def failure(self, type: str) -> str:
        """Not a constant, so that it is evaluated only for rows that come here."""
        if type == "BOOLEAN":
            return f"CAST(CAST({_FAILS} AS integer) AS boolean)"
        if type == "VARCHAR":
            return f"CAST(CAST({_FAILS} AS bigint) AS text)"
        if type not in self.types:
            raise Unfoldable(f"a value of type {type} for which M may raise")
        return f"CAST({_FAILS} AS {self.types[type]})"

    def collated(self, text: str) -> str:
        return f'({text}) COLLATE "C"'

    def piece(self, text: str, mark: str, number: int) -> str:
        if number == 1:
            return f"split_part({text}, {self.text(mark)}, 1)"
        return f"(string_to_array({text}, {self.text(mark)}))[{number}]"

    def group_key(self, node: Any) -> str:
        """A constant is a group key only as a conversion."""
        text = self.render(node).sql
        return (
            f"CAST({text} AS text)"
            if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal)
            else text
        )

    def divided(self, left: Typed, right: Typed) -> Typed:
        infinite = f"CASE WHEN CAST({right.sql} AS text) LIKE '-%' THEN '-Infinity' ELSE 'Infinity' END"
        zero = f"{left.inner} * CAST({infinite} AS double precision)"
        return Typed(
            f"CASE WHEN {right.inner} = 0 THEN {zero} ELSE {left.inner} / {right.inner} END", "DOUBLE"
        )  # fmt: skip

    def on_Sub(self, node: Any) -> Typed:
        left, right = self.render(node.this), self.render(node.expression)
        if (left.type, right.type) == ("DATE", "DATE"):
            return Typed(f"{left.inner} - {right.inner}", "DAYS", False)
        if (left.type, right.type) == ("DATE", "BIGINT"):
            return Typed(f"{left.inner} - CAST({right.sql} AS integer)", "DATE", False)
        return super().on_Sub(node)

    def on_Add(self, node: Any) -> Typed:
        left = self.render(node.this)
        if left.type in ("DATE", "TIMESTAMP") and isinstance(node.expression, exp.Interval):
            months = _months(node.expression)
            return Typed(f"{left.inner} + {months} * INTERVAL '1 month'", "TIMESTAMP", False)
        if left.type == "DATE":
            days = counted(self, node.expression)
            return Typed(f"{left.inner} + CAST({days.sql} AS integer)", "DATE", False)
        return super().on_Add(node)

    def remainder(self, node: Any, left: Typed, right: Typed) -> Typed:
        """Of whole numbers held as doubles, by a constant."""
        inner = node.this
        if (
            isinstance(inner, exp.Cast) and self.render(inner.this).type == "BIGINT"
            and isinstance(node.expression, exp.Cast) and isinstance(node.expression.this, exp.Literal)
        ):  # fmt: skip
            by = float(node.expression.this.name)
            if by.is_integer() and 0 < by < 2**53:
                whole = self.render(inner.this)
                rest = f"CAST(abs({whole.sql}) % {int(by)} AS double precision)"
                return Typed(f"CASE WHEN {whole.inner} < 0 THEN -{rest} ELSE {rest} END", "DOUBLE")
        raise Unfoldable("remainders of doubles")


# ---------------------------------------------------------------- texts


@forms(FUNCTIONS, "length")
def _length(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"CAST(char_length({texts(r, nodes, 1)[0].sql}) AS bigint)", "BIGINT")


@forms(FUNCTIONS, "strlen")
def _strlen(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"CAST(octet_length({texts(r, nodes, 1)[0].sql}) AS bigint)", "BIGINT")


# under "C" only ASCII letters have two cases
FUNCTIONS["upper"], FUNCTIONS["lower"] = (letter_case(n + '({} COLLATE "C")') for n in ("upper", "lower"))


@forms(FUNCTIONS, "contains")
def _contains(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    return Typed(f"strpos({a.sql}, {b.sql}) > 0", "BOOLEAN", False)


@forms(FUNCTIONS, "starts_with")
def _starts(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    return Typed(f"starts_with({a.sql}, {b.sql})", "BOOLEAN")


@forms(FUNCTIONS, "suffix")
def _suffix(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    return Typed(f"right({a.sql}, char_length({b.sql})) = {b.inner}", "BOOLEAN", False)


@forms(FUNCTIONS, "strpos")
def _strpos(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    return Typed(f"CAST(strpos({a.sql}, {b.sql}) AS bigint)", "BIGINT")


_COUNT = "CAST({} AS integer)"
for _name in ("left", "right", "repeat", "substr"):
    FUNCTIONS[_name] = with_counts(_name, _COUNT)
FUNCTIONS["lpad"], FUNCTIONS["rpad"] = padded("lpad", _COUNT), padded("rpad", _COUNT)
for _name, _call in (("trim", "btrim"), ("ltrim", "ltrim"), ("rtrim", "rtrim")):
    FUNCTIONS[_name] = of_texts(_call + "({0}, {1})", 2)


@forms(FUNCTIONS, "split_part")
def _split_part(r: Renderer, nodes: list[Any]) -> Typed:
    a, mark = texts(r, nodes[:2], 2)
    return Typed(f"split_part({a.sql}, {mark.sql}, CAST({counted(r, nodes[2]).sql} AS integer))", "VARCHAR")


@forms(FUNCTIONS, "concat_ws")
def _concat_ws(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f'concat_ws({", ".join(v.sql for v in texts(r, nodes))}) COLLATE "C"', "VARCHAR")


@forms(FUNCTIONS, "chr")
def _chr(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"chr(CAST({counted(r, nodes[0]).sql} AS integer))", "VARCHAR")


def _pattern(node: Any) -> str:
    """A class of characters as PostgreSQL writes it; \\x{...} becomes \\U........"""
    if not isinstance(node, exp.Literal) or not re.fullmatch(
        r"\(?\[\^?((\\x\{[0-9A-Fa-f]+\}|[^\W\d_])-?)+\]\)?", node.this
    ):
        raise Unfoldable("a regular expression of another form")
    # PostgreSQL's texts have no character 0
    text = node.this.replace(r"\x{00}", r"\x{01}")
    return re.sub(r"\\x\{([0-9A-Fa-f]+)\}", lambda m: "\\U" + m[1].rjust(8, "0"), text)


@forms(FUNCTIONS, "regexp_matches")
def _matches(r: Renderer, nodes: list[Any]) -> Typed:
    a = texts(r, nodes[:1], 1)[0]
    if nodes[1].this != ASTRAL:
        _pattern(nodes[1])
    return Typed(f"{a.inner} ~ {r.text(_pattern(nodes[1]))}", "BOOLEAN", False)


@forms(FUNCTIONS, "regexp_replace")
def _regexp_replace(r: Renderer, nodes: list[Any]) -> Typed:
    a, new = texts(r, [nodes[0], nodes[2]], 2)
    return Typed(f"regexp_replace({a.sql}, {r.text(_pattern(nodes[1]))}, {new.sql}, 'g')", "VARCHAR")


@forms(FUNCTIONS, "len")
def _count_of(r: Renderer, nodes: list[Any]) -> Typed:
    """How many pieces a text has, or how many characters match: the uses of lists that have a form."""
    if nodes[0].name.lower() == "string_split":
        return pieces_of(r, nodes[0], "CAST(char_length({}) AS bigint)")
    text, pattern = arguments_of(nodes[0], "regexp_extract_all")
    a = texts(r, [text], 1)[0]
    none = f"regexp_replace({a.sql}, {r.text(_pattern(pattern))}, '', 'g')"
    return Typed(f"CAST(char_length({a.sql}) - char_length({none}) AS bigint)", "BIGINT")


@forms(FUNCTIONS, "regexp_extract")
def _regexp_extract(r: Renderer, nodes: list[Any]) -> Typed:
    """What stands at the start of a text before any of some characters."""
    a = texts(r, nodes[:1], 1)[0]
    pattern = f"^{_pattern(leading(nodes[1]))}*"
    return Typed(f"substring({a.sql} from {r.text(pattern)})", "VARCHAR")


FUNCTIONS["array_to_string"] = backwards("reverse")


# ---------------------------------------------------------------- numbers


@forms(FUNCTIONS, "isnan")
def _isnan(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"{number_of(r, nodes[0]).inner} = 'NaN'::double precision", "BOOLEAN", False)


@forms(FUNCTIONS, "isfinite")
def _isfinite(r: Renderer, nodes: list[Any]) -> Typed:
    x = number_of(r, nodes[0]).inner
    return Typed(
        f"{x} > '-Infinity'::double precision AND {x} < 'Infinity'::double precision", "BOOLEAN", False
    )


def _plain(name: str) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        return Typed(f"{name}({number_of(r, nodes[0]).sql})", "DOUBLE")

    return form


for _name in ("floor", "ceil", "trunc", "sign"):
    FUNCTIONS[_name] = _plain(_name)


@forms(FUNCTIONS, "round_even")
def _round_even(r: Renderer, nodes: list[Any]) -> Typed:
    if nodes[1].name != "0":
        raise Unfoldable("rounding to digits")
    return Typed(f"round({number_of(r, nodes[0]).sql})", "DOUBLE")


@forms(FUNCTIONS, "round")
def _round(r: Renderer, nodes: list[Any]) -> Typed:
    if nodes[1].name != "0":
        raise Unfoldable("rounding to digits")
    x = number_of(r, nodes[0]).sql
    return Typed(f"sign({x}) * floor(abs({x}) + 0.5::double precision)", "DOUBLE", False)


@forms(FUNCTIONS, "sqrt")
def _sqrt(r: Renderer, nodes: list[Any]) -> Typed:
    x = number_of(r, nodes[0])
    return Typed(f"CASE WHEN {x.inner} < 0 THEN 'NaN'::double precision ELSE sqrt({x.sql}) END", "DOUBLE")


# ---------------------------------------------------------------- dates


def _extract(field: str) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        value = moment(r, nodes[0])
        return Typed(f"CAST(extract({field} FROM {value.sql}) AS bigint)", "BIGINT")

    return form


for _name, _field in {
    "year": "year", "month": "month", "day": "day", "dayofyear": "doy", "quarter": "quarter", "dayofweek": "dow",
    "hour": "hour", "minute": "minute", "microsecond": "microseconds",
}.items():  # fmt: skip
    FUNCTIONS[_name] = _extract(_field)


@forms(FUNCTIONS, "second")
def _second(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(
        f"CAST(floor(extract(second FROM {moment(r, nodes[0], 'TIMESTAMP').sql})) AS bigint)", "BIGINT"
    )


@forms(FUNCTIONS, "date_trunc")
def _date_trunc(r: Renderer, nodes: list[Any]) -> Typed:
    unit = nodes[0].this
    if unit not in ("year", "quarter", "month", "day", "hour", "minute"):
        raise Unfoldable(f"the start of a {unit}")
    return Typed(f"date_trunc('{unit}', CAST({moment(r, nodes[1]).sql} AS timestamp))", "TIMESTAMP")


@forms(FUNCTIONS, "last_day")
def _last_day(r: Renderer, nodes: list[Any]) -> Typed:
    month = f"date_trunc('month', CAST({moment(r, nodes[0]).sql} AS timestamp))"
    return Typed(f"CAST({month} + INTERVAL '1 month' - INTERVAL '1 day' AS date)", "DATE")


@forms(FUNCTIONS, "make_date")
def _make_date(r: Renderer, nodes: list[Any]) -> Typed:
    parts = ", ".join(f"CAST({counted(r, n).sql} AS integer)" for n in nodes)
    return Typed(f"make_date({parts})", "DATE")


@forms(FUNCTIONS, "epoch_us")
def _epoch(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(
        f"CAST(extract(epoch FROM {moment(r, nodes[0], 'TIMESTAMP').sql}) * 1000000 AS bigint)", "BIGINT"
    )


# ---------------------------------------------------------------- aggregates


@forms(FUNCTIONS, "sum")
def _sum(r: Renderer, nodes: list[Any]) -> Typed:
    """Exact for whole numbers (numeric), in row order for doubles."""
    inner = nodes[0]
    if isinstance(inner, exp.Order):
        value = number_of(r, inner.this)
        # the sum begins with 0, as M's does: -0 alone gives 0
        return Typed(
            f"sum({value.sql} ORDER BY {', '.join(r.ordered(k) for k in inner.expressions)})", "DOUBLE"
        )
    value = number_of(r, inner, "BIGINT", "DOUBLE")
    return Typed(f"sum({value.sql})", "DOUBLE" if value.type == "DOUBLE" else "NUMERIC")


@forms(FUNCTIONS, "string_agg")
def _string_agg(r: Renderer, nodes: list[Any]) -> Typed:
    """Texts of a group in the order of its rows."""
    between, order = nodes[1].this, nodes[1].expressions[0]
    a = texts(r, nodes[:1], 1)[0]
    return Typed(f"string_agg({a.sql}, {r.render(between).sql} ORDER BY {r.ordered(order)})", "VARCHAR")


@forms(FUNCTIONS, "row")
def _row(r: Renderer, nodes: list[Any]) -> Typed:
    """Only as what is counted."""
    values = [r.render(n) for n in nodes]
    if any(v.type not in PLAIN for v in values):
        raise Unfoldable("different values of this type")
    return Typed(f"ROW({', '.join(v.sql for v in values)})", "ROW")


@forms(FUNCTIONS, "bool_or")
def _bool_or(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"bool_or({r.condition(nodes[0])})", "BOOLEAN")


FUNCTIONS["arg_min_null"] = by_place("(array_agg({} ORDER BY {}))[1]")
FUNCTIONS["arg_max_null"] = by_place("(array_agg({} ORDER BY {} DESC NULLS LAST))[1]")


@forms(FUNCTIONS, "quantile_disc")
def _quantile(r: Renderer, nodes: list[Any]) -> Typed:
    value = number_of(r, nodes[0])
    return Typed(f"percentile_disc(0.5) WITHIN GROUP (ORDER BY {value.sql})", "DOUBLE")
