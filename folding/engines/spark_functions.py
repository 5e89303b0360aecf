"""Spark SQL's functions: how each function of the tree is printed for Apache Spark and for Sail.

Where the two differ the form asks its renderer (``spark_forms.py``), which prints the queries around them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

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
    padded,
    texts,
    with_counts,
)
from folding.engines.renderer import PLAIN, Form, Renderer, Typed, forms
from folding.terms import Unfoldable

if TYPE_CHECKING:
    from folding.engines.spark_forms import SparkRenderer

FUNCTIONS: dict[str, Form] = dict(COMMON)


# ---------------------------------------------------------------- texts


def _of_text(template: str, type: str, count: int = 1, free: bool = True) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        return Typed(template.format(*[v.sql for v in texts(r, nodes, count)]), type, free)

    return form


FUNCTIONS.update({
    "length": _of_text("CAST(char_length({}) AS BIGINT)", "BIGINT"),
    "strlen": _of_text("CAST(octet_length({}) AS BIGINT)", "BIGINT"),
    "contains": _of_text("contains({}, {})", "BOOLEAN", 2),
    "starts_with": _of_text("startswith({}, {})", "BOOLEAN", 2),
    "suffix": _of_text("endswith({}, {})", "BOOLEAN", 2),
    "strpos": _of_text("CAST(instr({}, {}) AS BIGINT)", "BIGINT", 2),
    "trim": _of_text("btrim({0}, {1})", "VARCHAR", 2),
    "ltrim": _of_text("ltrim({1}, {0})", "VARCHAR", 2),
    "rtrim": _of_text("rtrim({1}, {0})", "VARCHAR", 2),
})  # fmt: skip


# the engines' tables of letters differ from M's: texts beyond ASCII go elsewhere
FUNCTIONS["upper"], FUNCTIONS["lower"] = letter_case("upper({})"), letter_case("lower({})")


_COUNT = "CAST({} AS INT)"
for _name in ("left", "right", "repeat"):
    FUNCTIONS[_name] = with_counts(_name, _COUNT)
FUNCTIONS["substr"] = with_counts("substring", _COUNT)
FUNCTIONS["lpad"], FUNCTIONS["rpad"] = padded("lpad", _COUNT), padded("rpad", _COUNT)


@forms(FUNCTIONS, "split_part")
def _split_part(r: Renderer, nodes: list[Any]) -> Typed:
    a, mark = texts(r, nodes[:2], 2)
    return Typed(f"split_part({a.sql}, {mark.sql}, CAST({counted(r, nodes[2]).sql} AS INT))", "VARCHAR")


@forms(FUNCTIONS, "concat_ws")
def _concat_ws(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"concat_ws({', '.join(v.sql for v in texts(r, nodes))})", "VARCHAR")


@forms(FUNCTIONS, "chr")
def _chr(r: Renderer, nodes: list[Any]) -> Typed:
    """Spark's chr() knows 256 characters: constants are written out."""
    node = nodes[0].this if isinstance(nodes[0], exp.Cast) else nodes[0]
    if not isinstance(node, exp.Literal) or node.is_string or not node.this.isdigit():
        raise Unfoldable("a character by its number")
    return Typed(r.text(chr(int(node.this))), "VARCHAR")


_CLASS = re.compile(r"\(?\[\^?((\\x\{[0-9A-Fa-f]+\}|[^\W\d_])-?)+\]\)?")


def _pattern(node: Any) -> str:
    """A class of characters, which Java and Rust write as DuckDB does."""
    if not isinstance(node, exp.Literal) or not _CLASS.fullmatch(node.this):
        raise Unfoldable("a regular expression of another form")
    return str(node.this)


@forms(FUNCTIONS, "regexp_matches")
def _matches(r: Renderer, nodes: list[Any]) -> Typed:
    a = texts(r, nodes[:1], 1)[0]
    return Typed(f"{a.inner} RLIKE {r.text(_pattern(nodes[1]))}", "BOOLEAN", False)


@forms(FUNCTIONS, "regexp_extract")
def _regexp_extract(r: Renderer, nodes: list[Any]) -> Typed:
    """What a text begins with of a class of characters."""
    a = texts(r, nodes[:1], 1)[0]
    begins = isinstance(nodes[1], exp.Literal) and nodes[1].this[:1] == "^" and nodes[1].this[-1:] == "*"
    if len(nodes) != 2 or not begins or not _CLASS.fullmatch(nodes[1].this[1:-1]):
        raise Unfoldable("a regular expression of another form")
    return Typed(f"regexp_extract({a.sql}, {r.text(nodes[1].this)}, 0)", "VARCHAR")


#: Regular expressions of characters and classes of them, which all engines take alike.
_PLAIN = re.compile(r"[\[\]0-9A-Za-z+*?|()-]+")


@forms(FUNCTIONS, "regexp_full_match")
def _full_match(r: Renderer, nodes: list[Any]) -> Typed:
    a = texts(r, nodes[:1], 1)[0]
    if not isinstance(nodes[1], exp.Literal) or not _PLAIN.fullmatch(nodes[1].this):
        raise Unfoldable("a regular expression of another form")
    whole = r.text(rf"\A(?:{nodes[1].this})\z")
    return Typed(f"{a.inner} RLIKE {whole}", "BOOLEAN", False)


@forms(FUNCTIONS, "regexp_replace")
def _regexp_replace(r: Renderer, nodes: list[Any]) -> Typed:
    a = texts(r, nodes[:1], 1)[0]
    new = r.text(_replacement(nodes[2]))
    return Typed(f"regexp_replace({a.sql}, {r.text(_pattern(nodes[1]))}, {new})", "VARCHAR")


def _replacement(node: Any) -> str:
    """Plain text, or a character before what was found."""
    if (
        isinstance(node, exp.DPipe)
        and isinstance(node.this, exp.Anonymous)
        and node.this.name.lower() == "chr"
    ):
        number = node.this.expressions[0]
        number = number.this if isinstance(number, exp.Cast) else number
        known = isinstance(number, exp.Literal) and isinstance(node.expression, exp.Literal)
        if known and node.expression.this == "\\1" and number.this.isdigit():
            return chr(int(number.this)) + "$1"
    if not isinstance(node, exp.Literal) or not node.is_string or set(node.this) & set("$\\"):
        raise Unfoldable("a replacement that is no plain text")
    return str(node.this)


@forms(FUNCTIONS, "len")
def _len(r: Renderer, nodes: list[Any]) -> Typed:
    """How many characters match, or how many pieces a text has."""
    if isinstance(nodes[0], exp.Anonymous) and nodes[0].name.lower() == "string_split":
        return Typed(_pieces(r, nodes[0])[2], "BIGINT")
    a, pattern = arguments_of(nodes[0], "regexp_extract_all")
    value = texts(r, [a], 1)[0]
    none = f"regexp_replace({value.sql}, {r.text(_pattern(pattern))}, '')"
    return Typed(f"CAST(char_length({value.sql}) - char_length({none}) AS BIGINT)", "BIGINT")


def _pieces(r: Renderer, node: Any) -> tuple[Typed, str, str]:
    """The text that is cut, the delimiter and the number of pieces."""
    a, mark = arguments_of(node, "string_split")
    value = texts(r, [a], 1)[0]
    if not isinstance(mark, exp.Literal) or not mark.is_string or not mark.this:
        raise Unfoldable("a delimiter that is no constant")
    cut = r.text(mark.this)
    left = f"char_length({value.sql}) - char_length(replace({value.sql}, {cut}, ''))"
    return value, cut, f"CAST(({left}) div {len(mark.this)} + 1 AS BIGINT)"


@forms(FUNCTIONS, "list_extract")
def _list_extract(r: Renderer, nodes: list[Any]) -> Typed:
    """A piece of a text, null where there are fewer; or one of some constants."""
    if isinstance(nodes[0], exp.Array):
        items = nodes[0].expressions
        if not all(isinstance(item, exp.Literal) and item.is_string for item in items):
            raise Unfoldable("lists")
        return Typed(_chosen(r, [item.this for item in items], counted(r, nodes[1]).sql), "VARCHAR")
    value, cut, count = _pieces(r, nodes[0])
    index = counted(r, nodes[1]).sql
    piece = f"split_part({value.sql}, {cut}, CAST({index} AS INT))"
    return Typed(f"CASE WHEN {count} >= {index} THEN {piece} END", "VARCHAR")


FUNCTIONS["array_to_string"] = backwards("reverse")


# ---------------------------------------------------------------- numbers


@forms(FUNCTIONS, "isnan")
def _isnan(r: Renderer, nodes: list[Any]) -> Typed:
    """Null for null, which Spark's own is not."""
    x = number_of(r, nodes[0])
    return Typed(f"CASE WHEN {x.inner} IS NOT NULL THEN isnan({x.sql}) END", "BOOLEAN")


@forms(FUNCTIONS, "isfinite")
def _isfinite(r: Renderer, nodes: list[Any]) -> Typed:
    x = number_of(r, nodes[0])
    return Typed(f"abs({x.sql}) < CAST('Infinity' AS DOUBLE)", "BOOLEAN", False)


def _whole(name: str) -> Form:
    """floor, ceil, which give whole numbers here: large doubles are whole already, and -0 keeps its sign."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        x = number_of(r, nodes[0])
        small = f"abs({x.sql}) < 4503599627370496D"
        signed = f"CASE WHEN {x.inner} < 0D AND {name}({x.sql}) = 0 THEN CAST('-0.0' AS DOUBLE) "
        made = f"{signed}WHEN {x.inner} = 0D THEN {x.sql} ELSE CAST({name}({x.sql}) AS DOUBLE) END"
        return Typed(f"CASE WHEN {small} THEN {made} ELSE {x.sql} END", "DOUBLE")

    return form


FUNCTIONS["floor"], FUNCTIONS["ceil"] = _whole("floor"), _whole("ceil")


@forms(FUNCTIONS, "trunc")
def _trunc(r: Renderer, nodes: list[Any]) -> Typed:
    x = number_of(r, nodes[0])
    made = (
        f"CASE WHEN {x.inner} < 0D AND ceil({x.sql}) = 0 THEN CAST('-0.0' AS DOUBLE) WHEN {x.inner} = 0D THEN {x.sql} "
        f"WHEN {x.inner} < 0D THEN CAST(ceil({x.sql}) AS DOUBLE) ELSE CAST(floor({x.sql}) AS DOUBLE) END"
    )
    return Typed(f"CASE WHEN abs({x.sql}) < 4503599627370496D THEN {made} ELSE {x.sql} END", "DOUBLE")


@forms(FUNCTIONS, "sign")
def _sign(r: Renderer, nodes: list[Any]) -> Typed:
    x = number_of(r, nodes[0])
    return Typed(
        f"CASE WHEN {x.inner} > 0D THEN 1D WHEN {x.inner} < 0D THEN (-1D) ELSE {x.sql} END", "DOUBLE"
    )


@forms(FUNCTIONS, "round_even")
def _round_even(r: SparkRenderer, nodes: list[Any]) -> Typed:
    if nodes[1].name != "0":
        raise Unfoldable("rounding to digits")
    return Typed(r.to_even(number_of(r, nodes[0])), "DOUBLE", False)


@forms(FUNCTIONS, "sqrt")
def _sqrt(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"sqrt({number_of(r, nodes[0]).sql})", "DOUBLE")


# ---------------------------------------------------------------- dates


def _part(name: str, less: int = 0) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        made = f"{name}({moment(r, nodes[0]).sql})"
        return Typed(f"CAST({made}{f' - {less}' if less else ''} AS BIGINT)", "BIGINT")

    return form


for _name in ("year", "month", "day", "dayofyear", "quarter"):
    FUNCTIONS[_name] = _part(_name)
FUNCTIONS["dayofweek"] = _part("dayofweek", 1)

#: A time of the day, which neither engine has for sure, is the number of its microseconds.
_DAY, _HOUR = "86400000000L", "3600000000L"


def micros(value: Typed) -> str:
    """The microseconds since 1970 of a date or datetime."""
    return f"unix_micros(CAST({value.sql} AS TIMESTAMP))"


def time_of(value: Typed) -> Typed:
    """The time of the day of a datetime."""
    return Typed(f"pmod({micros(value)}, {_DAY})", "TIME")


def datetime_of(text: str) -> str:
    """The datetime of so many microseconds since 1970."""
    return f"CAST(timestamp_micros({text}) AS TIMESTAMP_NTZ)"


def _clock(r: Renderer, node: Any) -> Typed:
    """A datetime, or one of the time."""
    value = moment(r, node, "DATE", "TIMESTAMP", "TIME")
    return Typed(datetime_of(value.sql), "TIMESTAMP") if value.type == "TIME" else value


def _clock_part(name: str) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        return Typed(f"CAST({name}({_clock(r, nodes[0]).sql}) AS BIGINT)", "BIGINT")

    return form


FUNCTIONS["hour"], FUNCTIONS["minute"] = _clock_part("hour"), _clock_part("minute")


@forms(FUNCTIONS, "microsecond")
def _microsecond(r: Renderer, nodes: list[Any]) -> Typed:
    """Those of the minute."""
    return Typed(f"pmod({micros(_clock(r, nodes[0]))}, 60000000L)", "BIGINT")


@forms(FUNCTIONS, "make_time")
def _make_time(r: Renderer, nodes: list[Any]) -> Typed:
    """The beginning of an hour."""
    rest = [node.this if isinstance(node, exp.Cast) else node for node in nodes[1:]]
    if not all(isinstance(node, exp.Literal) and float(node.name) == 0 for node in rest):
        raise Unfoldable("a time of several parts")
    return Typed(f"{counted(r, nodes[0]).inner} * {_HOUR}", "TIME", False)


@forms(FUNCTIONS, "date_trunc")
def _date_trunc(r: Renderer, nodes: list[Any]) -> Typed:
    unit = nodes[0].this
    if unit == "hour":
        passed = micros(moment(r, nodes[1], "TIMESTAMP"))
        return Typed(datetime_of(f"{passed} - pmod({passed}, {_HOUR})"), "TIMESTAMP")
    if unit not in ("year", "quarter", "month"):
        raise Unfoldable(f"the start of a {unit}")
    d = moment(r, nodes[1]).sql
    month = {"year": "1", "quarter": f"quarter({d}) * 3 - 2", "month": f"month({d})"}[unit]
    return Typed(f"CAST(make_date(year({d}), {month}, 1) AS TIMESTAMP_NTZ)", "TIMESTAMP")


@forms(FUNCTIONS, "last_day")
def _last_day(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"last_day(CAST({moment(r, nodes[0]).sql} AS DATE))", "DATE")


@forms(FUNCTIONS, "make_date")
def _make_date(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"make_date({', '.join(f'CAST({counted(r, n).sql} AS INT)' for n in nodes)})", "DATE")


#: Parts of dates as texts of so many digits, 0: as many as there are; the hour as clocks of twelve hours have it.
_DIGITS = {"%Y": ("year({})", 4), "%y": ("year({}) % 100", 2), "%m": ("month({})", 2), "%-m": ("month({})", 0),
           "%d": ("day({})", 2), "%-d": ("day({})", 0)}  # fmt: skip
_CLOCK = {"%H": ("hour({})", 2), "%-H": ("hour({})", 0), "%I": ("(hour({}) + 11) % 12 + 1", 2),
          "%-I": ("(hour({}) + 11) % 12 + 1", 0), "%M": ("minute({})", 2), "%-M": ("minute({})", 0),
          "%S": ("second({})", 2), "%-S": ("second({})", 0),
          "%f": ("pmod(unix_micros(CAST({} AS TIMESTAMP)), 1000000L)", 6),
          "%g": ("pmod(unix_micros(CAST({} AS TIMESTAMP)), 1000000L) div 1000L", 3)}  # fmt: skip
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
#: Names in English, by a number that begins with 1.
_NAMES = {"%A": (_DAYS, "dayofweek({})"), "%a": (tuple(d[:3] for d in _DAYS), "dayofweek({})"),
          "%B": (_MONTHS, "month({})"), "%b": (tuple(m[:3] for m in _MONTHS), "month({})"),
          "%p": (("AM", "PM"), "hour({}) div 12 + 1")}  # fmt: skip


@forms(FUNCTIONS, "strftime")
def _strftime(r: Renderer, nodes: list[Any]) -> Typed:
    """A format written out part by part."""
    d, format = _clock(r, nodes[0]), nodes[1]
    if not isinstance(format, exp.Literal) or not format.is_string:
        raise Unfoldable("a format that is no constant")
    pieces = re.findall(r"%-?.|[^%]+", format.this)
    parts = [_piece(r, piece, d) for piece in pieces]
    if not any(p.startswith("%") and p != "%%" for p in pieces):
        parts.append(f"CASE WHEN {d.inner} IS NOT NULL THEN '' END")
    return Typed(f"concat({', '.join(parts)})", "VARCHAR")


def _piece(r: Renderer, piece: str, d: Typed) -> str:
    if not piece.startswith("%") or piece == "%%":
        return r.text(piece.replace("%%", "%"))
    if d.type == "DATE" and (piece in _CLOCK or piece == "%p"):
        raise Unfoldable("the time of a date")
    if piece in _NAMES:
        names, place = _NAMES[piece]
        return _chosen(r, names, place.format(d.sql))
    if piece not in _DIGITS and piece not in _CLOCK:
        raise Unfoldable(f"a format with {piece}")
    part, digits = (_DIGITS.get(piece) or _CLOCK[piece])[:2]
    text = f"CAST({part.format(d.sql)} AS STRING)"
    return f"lpad({text}, {digits}, '0')" if digits else text


def _chosen(r: Renderer, names: Sequence[str], place: str) -> str:
    """One of some texts by a number that begins with 1.  (At element_at() Spark's optimizer fails.)"""
    cases = " ".join(f"WHEN {number} THEN {r.text(name)}" for number, name in enumerate(names, 1))
    return f"CASE {place} {cases} END"


@forms(FUNCTIONS, "epoch_us")
def _epoch(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(micros(moment(r, nodes[0], "TIMESTAMP")), "BIGINT")


# ---------------------------------------------------------------- aggregates


def _extreme(name: str) -> Form:
    def form(r: SparkRenderer, nodes: list[Any]) -> Typed:
        value = r.render(nodes[0])
        if value.type not in PLAIN:
            raise Unfoldable(f"the {name} of values of type {value.type}")
        return Typed(r.extreme(name, r.plain(value)), value.type)

    return form


FUNCTIONS["min"], FUNCTIONS["max"] = _extreme("min"), _extreme("max")


@forms(FUNCTIONS, "sum")
def _sum(r: Renderer, nodes: list[Any]) -> Typed:
    """Exact for whole numbers; of doubles in row order, the values of a group gathered in one place."""
    inner = nodes[0]
    if isinstance(inner, exp.Order):
        value, place = number_of(r, inner.this), r.render(inner.expressions[0].this)
        if len(inner.expressions) != 1:
            raise Unfoldable("a sum in an order of several criteria")
        item = f"named_struct('r', {place.sql}, 'x', {value.sql})"
        gathered = f"array_sort(collect_list(CASE WHEN {value.inner} IS NOT NULL THEN {item} END))"
        added = f"aggregate({gathered}, 0D, (a, s) -> a + s.x)"
        return Typed(f"CASE WHEN count({value.sql}) > 0 THEN {added} END", "DOUBLE")
    value = number_of(r, inner, "BIGINT", "DOUBLE")
    if value.type == "DOUBLE":
        return Typed(f"sum({value.sql})", "DOUBLE")
    return Typed(f"sum(CAST({value.sql} AS DECIMAL(28, 0)))", "NUMERIC")


@forms(FUNCTIONS, "bool_or")
def _bool_or(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"bool_or({r.condition(nodes[0])})", "BOOLEAN")


FUNCTIONS["arg_min_null"], FUNCTIONS["arg_max_null"] = by_place("min_by({}, {})"), by_place("max_by({}, {})")


@forms(FUNCTIONS, "quantile_disc")
def _quantile(r: SparkRenderer, nodes: list[Any]) -> Typed:
    value = number_of(r, nodes[0])
    return Typed(f"percentile_disc(0.5) WITHIN GROUP (ORDER BY {r.plain(value).sql})", "DOUBLE")
