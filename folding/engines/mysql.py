"""The forms of MariaDB and MySQL: doubles without NaN and infinities, texts compared by code point, blanks included.

A result that would be infinite or NaN raises there (or is made to raise); logicals are 0 and 1.
"""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from folding.engines.forms import (
    COMMON,
    arguments_of,
    backwards,
    counted,
    leading,
    letter_case,
    moment,
    number_of,
    padded,
    texts,
    unless,
    with_counts,
)
from folding.engines.moments import pieces_of
from folding.engines.renderer import Form, NoNumber, Renderer, Typed, forms
from folding.terms import Unfoldable
from mlang.connectors.mysql import AS_READ

FUNCTIONS: dict[str, Form] = dict(COMMON)
#: A double that is out of range; not a constant, so that it is evaluated only for rows that come here.
_FAILS = "exp(10000 + rand())"
_GROUP_FAILS = "exp(10000 + count(*))"
_ALL = 18446744073709551615


class MySqlRenderer(Renderer):
    """Prints queries for MariaDB 10.5 and later, and MySQL 8."""

    dialect = "mysql"
    functions = FUNCTIONS
    sides = frozenset({"LEFT", "RIGHT"})
    whole_division = "DIV"
    #: How many variables the query has.
    variables = 0
    windowed = frozenset({"arg_min_null", "arg_max_null", "quantile_disc", "ordered_sum"})
    null_safe = ("<=>", "")
    # the server computes with -0, but writes 0
    computed_double = "CASE WHEN {0} = 0 AND atan2({0}, -1) < 0 THEN '-0' ELSE CAST({0} AS CHAR) END"
    types = {  # noqa: RUF012
        "DOUBLE": "DOUBLE", "BIGINT": "SIGNED", "VARCHAR": "CHAR", "BOOLEAN": "SIGNED", "DATE": "DATE",
        "TIMESTAMP": "DATETIME(6)", "DECIMAL": "DECIMAL(65, 30)",
    }  # fmt: skip
    casts = {  # noqa: RUF012
        ("BIGINT", "DOUBLE"): "CAST({} AS DOUBLE)", ("DOUBLE", "BIGINT"): "CAST({} AS SIGNED)",
        ("BOOLEAN", "BIGINT"): "CAST({} AS SIGNED)", ("BOOLEAN", "DOUBLE"): "CAST({} AS DOUBLE)",
        ("BIGINT", "VARCHAR"): "CAST({} AS CHAR)", ("DATE", "TIMESTAMP"): "CAST({} AS DATETIME(6))",
        ("TIMESTAMP", "DATE"): "date({})", ("NUMERIC", "DOUBLE"): "CAST({} AS DOUBLE)",
        ("NUMERIC", "BIGINT"): "CAST({} AS SIGNED)", ("DECIMAL", "DOUBLE"): "CAST({} AS DOUBLE)",
    }  # fmt: skip

    def name(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def number(self, value: float) -> Typed:
        text = repr(value)
        if value - value != 0:
            raise NoNumber("NaN or an infinity, which the engine has not")
        return Typed(text if "e" in text else text + "e0", "DOUBLE", not text.startswith("-"))

    def piece(self, text: str, mark: str, number: int) -> str:
        by = self.text(mark)
        there = (
            f"(char_length({text}) - char_length(replace({text}, {by}, ''))) DIV {len(mark)} >= {number - 1}"
        )
        found = f"substring_index(substring_index({text}, {by}, {number}), {by}, -1)"
        return f"substring_index({text}, {by}, 1)" if number == 1 else f"CASE WHEN {there} THEN {found} END"

    def no_limit(self) -> str:
        return f"{self.line()}LIMIT {_ALL}"

    def numbered(self, alias: str, found: Any) -> tuple[str, str]:
        """Rows without a key are numbered by a variable, once: a limit keeps the query in brackets.

        The variable is set before any rows are read, so each place where a table stands has one of its own.
        """
        if found.place != AS_READ:
            return super().numbered(alias, found)
        self.variables += 1
        number = f"@mlang_{self.variables}"
        start = f"(SELECT {number} := 0 AS mlang_start) AS mlang_{alias}"
        return (
            f"CAST(({number} := {number} + 1) AS SIGNED)",
            f"{found.relation} CROSS JOIN {start} LIMIT {_ALL}",
        )

    def criterion(self, value: Typed, down: bool, nulls_first: bool) -> str:
        plain = f"{value.sql}{' DESC' if down else ''}"
        if down == nulls_first:
            return f"{value.inner} IS NULL{' DESC' if down else ''}, {plain}"
        return plain

    def on_NullSafeNEQ(self, node: Any) -> Typed:
        return Typed(f"NOT ({self._compare(node, '<=>').sql})", "BOOLEAN", False)

    def null_safe_join(self, node: Any) -> str:
        left, right = self.pair(node)
        return f"{left.inner} <=> {right.inner}"

    def failure(self, type: str) -> str:
        # what stands in no aggregate of a group is otherwise computed for each row
        fails = _GROUP_FAILS if self.groups and self.groups[-1] and not self.aggregating else _FAILS
        if type == "DOUBLE":
            return fails
        if type == "BOOLEAN":
            return f"({fails} > 0)"
        if type not in self.types or type == "DECIMAL":
            raise Unfoldable(f"a value of type {type} for which M may raise")
        return f"CAST({fails} AS {self.types[type]})"

    def group_key(self, node: Any) -> str:
        """Keys are computed for each row, where groups cannot be counted yet."""
        self.aggregating += 1
        try:
            return super().group_key(node)
        finally:
            self.aggregating -= 1

    def divided(self, left: Typed, right: Typed) -> Typed:
        by_zero = f"{right.inner} = 0 AND {left.inner} IS NOT NULL"
        return unless(self, by_zero, Typed(f"{left.inner} / {right.inner}", "DOUBLE"))

    def remainder(self, node: Any, left: Typed, right: Typed) -> Typed:
        if left.type != "DOUBLE":
            raise Unfoldable("remainders of whole numbers by a variable")
        by_zero = f"{right.inner} = 0 AND {left.inner} IS NOT NULL"
        return unless(self, by_zero, Typed(f"{left.inner} % {right.inner}", "DOUBLE"))

    def quotient(self, left: Typed, right: Typed) -> Typed:
        return Typed(f"{left.inner} DIV {right.inner}", "BIGINT", False)

    def joined(self, left: Typed, right: Typed) -> Typed:
        return Typed(f"concat({left.sql}, {right.sql})", "VARCHAR")

    def on_Neg(self, node: Any) -> Typed:
        """Minus 0 of a double is -0, also where the engine's own minus says 0."""
        value = self.render(node.this)
        return (
            Typed(f"{value.inner} * -1e0", "DOUBLE", False)
            if value.type == "DOUBLE"
            else super().on_Neg(node)
        )

    def on_Sub(self, node: Any) -> Typed:
        left, right = self.render(node.this), self.render(node.expression)
        if (left.type, right.type) == ("DATE", "DATE"):
            return Typed(f"datediff({left.sql}, {right.sql})", "BIGINT")
        if (left.type, right.type) == ("DATE", "BIGINT"):
            return self.moved(left, f"INTERVAL -({right.sql}) DAY", "DATE")
        return super().on_Sub(node)

    def on_Add(self, node: Any) -> Typed:
        left = self.render(node.this)
        if isinstance(node.expression, exp.Interval) and left.type in ("DATE", "TIMESTAMP"):
            if str(node.expression.args["unit"].name).upper().rstrip("S") != "MONTH":
                raise Unfoldable("intervals other than months")
            found = self.moved(left, f"INTERVAL {int(node.expression.this.name)} MONTH", left.type)
            return Typed(f"CAST({found.sql} AS DATETIME(6))", "TIMESTAMP")
        if left.type == "DATE":
            return self.moved(left, f"INTERVAL {counted(self, node.expression).inner} DAY", "DATE")
        return super().on_Add(node)

    def moved(self, day: Typed, interval: str, type: str) -> Typed:
        """A day some time later; null there means out of range."""
        moved = f"date_add({day.sql}, {interval})"
        fails = f"CASE WHEN {day.inner} IS NOT NULL THEN {self.failure(type)} END"
        return Typed(f"coalesce({moved}, {fails})", type)


# ---------------------------------------------------------------- texts


def _simple(name: str, template: str, count: int, type: str = "VARCHAR") -> None:
    """A text function with a template."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        return Typed(template.format(*[v.sql for v in texts(r, nodes, count)]), type)

    FUNCTIONS[name] = form


_simple("length", "char_length({0})", 1, "BIGINT")
_simple("strlen", "length({0})", 1, "BIGINT")
_simple("contains", "(locate({1}, {0}) > 0)", 2, "BOOLEAN")
_simple("starts_with", "(left({0}, char_length({1})) = {1})", 2, "BOOLEAN")
_simple("suffix", "(right({0}, char_length({1})) = {1})", 2, "BOOLEAN")
_simple("strpos", "locate({1}, {0})", 2, "BIGINT")


for _name in ("upper", "lower"):
    FUNCTIONS[_name] = letter_case(_name + "({0})", "length({0}) > char_length({0})")
for _name in ("left", "right", "substr", "repeat"):
    FUNCTIONS[_name] = with_counts(_name)
FUNCTIONS["lpad"], FUNCTIONS["rpad"] = padded("lpad"), padded("rpad")


def _trim(template: str) -> Form:
    """The engine trims a text, not a set of characters: a class of them at an end."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        a = texts(r, nodes[:1], 1)[0]
        if not isinstance(nodes[1], exp.Literal):
            raise Unfoldable("characters that are not constant")
        codes = "".join(r"\x{" + format(ord(c), "X") + "}" for c in nodes[1].this)
        found = a.sql
        for pattern in template.split():
            found = f"regexp_replace({found}, {r.text(pattern.format(f'[{codes}]+'))}, '')"
        return Typed(found, "VARCHAR")

    return form


FUNCTIONS["trim"], FUNCTIONS["ltrim"], FUNCTIONS["rtrim"] = (
    _trim(r"\A{} {}\z"),
    _trim(r"\A{}"),
    _trim(r"{}\z"),
)


@forms(FUNCTIONS, "split_part")
def _split_part(r: Renderer, nodes: list[Any]) -> Typed:
    a, mark = texts(r, nodes[:2], 2)
    if nodes[2].name != "1":
        raise Unfoldable("later parts of a text")
    return Typed(f"substring_index({a.sql}, {mark.sql}, 1)", "VARCHAR")


@forms(FUNCTIONS, "concat_ws")
def _concat_ws(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"concat_ws({', '.join(v.sql for v in texts(r, nodes))})", "VARCHAR")


@forms(FUNCTIONS, "chr")
def _chr(r: Renderer, nodes: list[Any]) -> Typed:
    if not isinstance(nodes[0], exp.Literal):
        raise Unfoldable("a character that is not constant")
    return Typed(f"CONVERT(X'{chr(int(nodes[0].name)).encode().hex()}' USING utf8mb4)", "VARCHAR")


def _pattern(node: Any) -> str:
    """A class of characters; both engines read \\x{...}."""
    if not isinstance(node, exp.Literal) or not re.fullmatch(
        r"\(?\[\^?((\\x\{[0-9A-Fa-f]+\}|[^\W\d_])-?)+\]\)?", node.this
    ):
        raise Unfoldable("a regular expression of another form")
    return str(node.this)


@forms(FUNCTIONS, "regexp_matches")
def _matches(r: Renderer, nodes: list[Any]) -> Typed:
    a = texts(r, nodes[:1], 1)[0]
    return Typed(f"{a.inner} REGEXP {r.text(_pattern(nodes[1]))}", "BOOLEAN", False)


@forms(FUNCTIONS, "regexp_replace")
def _regexp_replace(r: Renderer, nodes: list[Any]) -> Typed:
    a, new = texts(r, [nodes[0], nodes[2]], 2)
    return Typed(f"regexp_replace({a.sql}, {r.text(_pattern(nodes[1]))}, {new.sql})", "VARCHAR")


@forms(FUNCTIONS, "len")
def _count_of(r: Renderer, nodes: list[Any]) -> Typed:
    """How many pieces a text has, or how many characters match."""
    if nodes[0].name.lower() == "string_split":
        return pieces_of(r, nodes[0], "char_length({})")
    text, pattern = arguments_of(nodes[0], "regexp_extract_all")
    a = texts(r, [text], 1)[0]
    none = f"regexp_replace({a.sql}, {r.text(_pattern(pattern))}, '')"
    return Typed(f"(char_length({a.sql}) - char_length({none}))", "BIGINT")


@forms(FUNCTIONS, "regexp_extract")
def _regexp_extract(r: Renderer, nodes: list[Any]) -> Typed:
    """What stands at the start of a text before any of some characters."""
    a = texts(r, nodes[:1], 1)[0]
    pattern = rf"\A{_pattern(leading(nodes[1]))}*"
    return Typed(f"regexp_substr({a.sql}, {r.text(pattern)})", "VARCHAR")


FUNCTIONS["array_to_string"] = backwards("reverse")


# ---------------------------------------------------------------- numbers


def _number(name: str, template: str) -> None:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        if len(nodes) > 1 and nodes[1].name != "0":
            raise Unfoldable("rounding to digits")
        return Typed(template.format(number_of(r, nodes[0]).inner), "DOUBLE")

    FUNCTIONS[name] = form


_number("floor", "floor({0})")
_number("ceil", "ceiling({0})")
_number("trunc", "truncate({0}, 0)")
_number("sign", "CAST(sign({0}) AS DOUBLE)")
# a tie goes to the even neighbour; nothing else is near one (folding/functions/number.py)
_number(
    "round_even",
    "CASE WHEN abs({0} - truncate({0}, 0)) = 0.5e0 THEN truncate({0}, 0) + truncate({0}, 0) % 2 "
    "ELSE floor({0} + 0.5e0) END",
)
_number("round", "CASE WHEN {0} < 0 THEN -floor(0.5e0 - {0}) ELSE floor({0} + 0.5e0) END")


@forms(FUNCTIONS, "isfinite")
def _isfinite(r: Renderer, nodes: list[Any]) -> Typed:
    x = number_of(r, nodes[0]).inner
    return Typed(f"{x} = {x}", "BOOLEAN", False)


@forms(FUNCTIONS, "sqrt")
def _sqrt(r: Renderer, nodes: list[Any]) -> Typed:
    x = number_of(r, nodes[0])
    return unless(r, f"{x.inner} < 0", Typed(f"sqrt({x.sql})", "DOUBLE"))


# ---------------------------------------------------------------- dates


def _part(name: str, template: str, *types: str) -> None:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        return Typed(template.format(moment(r, nodes[0], *types).sql), "BIGINT")

    FUNCTIONS[name] = form


for _name in ("year", "month", "day", "dayofyear", "quarter"):
    _part(_name, _name + "({0})")
_part("dayofweek", "(dayofweek({0}) - 1)")
_part("hour", "hour({0})", "TIMESTAMP")
_part("second", "second({0})", "TIMESTAMP")
_part("microsecond", "(second({0}) * 1000000 + microsecond({0}))", "TIMESTAMP")
_part("minute", "minute({0})", "TIMESTAMP")
_part("epoch_us", "timestampdiff(MICROSECOND, TIMESTAMP '1970-01-01 00:00:00', {0})", "TIMESTAMP")


def _spelt(*parts: str) -> str:
    """A date by its parts."""
    year, month, day = parts
    return f"CAST(concat(lpad({year}, 4, '0'), '-', lpad({month}, 2, '0'), '-', lpad({day}, 2, '0')) AS DATE)"


@forms(FUNCTIONS, "date_trunc")
def _date_trunc(r: Renderer, nodes: list[Any]) -> Typed:
    unit, value = nodes[0].this, moment(r, nodes[1]).sql
    clock = {"day": "00:00:00", "hour": "%H:00:00", "minute": "%H:%i:00"}.get(unit)
    if clock is not None:
        text = f"concat(lpad(year({value}), 4, '0'), date_format({value}, '-%m-%d {clock}'))"
        return Typed(f"CAST({text} AS DATETIME(6))", "TIMESTAMP")
    month = {"year": "1", "quarter": f"quarter({value}) * 3 - 2", "month": f"month({value})"}.get(unit)
    if month is None:
        raise Unfoldable(f"the start of a {unit}")
    return Typed(f"CAST({_spelt(f'year({value})', month, '1')} AS DATETIME(6))", "TIMESTAMP")


@forms(FUNCTIONS, "last_day")
def _last_day(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"last_day({moment(r, nodes[0]).sql})", "DATE")


@forms(FUNCTIONS, "make_date")
def _make_date(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(_spelt(*[counted(r, n).sql for n in nodes]), "DATE")


# ---------------------------------------------------------------- aggregates


@forms(FUNCTIONS, "sum")
def _sum(r: Renderer, nodes: list[Any]) -> Typed:
    """Whole numbers only: doubles are added in an order that nobody promises."""
    if isinstance(nodes[0], exp.Order):
        raise Unfoldable("sums of doubles in row order")
    value = number_of(r, nodes[0], "BIGINT", "DOUBLE")
    return Typed(f"sum({value.sql})", "DOUBLE" if value.type == "DOUBLE" else "NUMERIC")


@forms(FUNCTIONS, "string_agg")
def _string_agg(r: Renderer, nodes: list[Any]) -> Typed:
    """Texts of a group in the order of its rows; the server cuts longer ones, so they stop the query."""
    between, order = nodes[1].this, nodes[1].expressions[0]
    a = texts(r, nodes[:1], 1)[0]
    if not isinstance(between, exp.Literal):
        raise Unfoldable("a separator that is not constant")
    size = f"coalesce(sum(length({a.sql})), 0) + count({a.sql}) * {len(between.this.encode())}"
    found = f"group_concat({a.sql} ORDER BY {r.ordered(order)} SEPARATOR {r.text(between.this)})"
    return unless(r, f"{size} >= @@group_concat_max_len", Typed(found, "VARCHAR"))


@forms(FUNCTIONS, "bool_or")
def _bool_or(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"max({r.condition(nodes[0])})", "BOOLEAN")
