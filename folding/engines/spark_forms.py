"""Spark SQL's forms, for Apache Spark 4 (ANSI mode) and, where it differs, for Sail.

Spark compares doubles as DuckDB does (NaN largest and equal to itself, -0 equal to 0); Sail tells -0 from 0 and the
NaNs from each other, so doubles that are compared there are made plain first.  Both raise where a whole number
overflows or a row is refused, and then another engine does the work.
Read ``renderer.py`` for what a form is, ``spark.py`` for who prints.
"""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from folding.engines.forms import COMMON, counted, moment, number_of, texts, unless
from folding.engines.renderer import PLAIN, Form, Renderer, Typed, forms
from folding.terms import Unfoldable, is_stop

FUNCTIONS: dict[str, Form] = dict(COMMON)
#: Types that a query may hand through, though no form takes them.
_CARRIED = {"DECIMAL": "DECIMAL(38, 18)"}


class SparkRenderer(Renderer):
    """Prints queries for Apache Spark; ``tables`` are `spark_leaves.SparkOrigin` by alias."""

    dialect = "spark"
    functions = FUNCTIONS
    null_safe = ("<=>", "")
    types = {  # noqa: RUF012
        "DOUBLE": "DOUBLE", "BIGINT": "BIGINT", "VARCHAR": "STRING", "BOOLEAN": "BOOLEAN", "DATE": "DATE",
        "TIMESTAMP": "TIMESTAMP_NTZ",
    }  # fmt: skip
    casts = {  # noqa: RUF012
        ("BIGINT", "DOUBLE"): "CAST({} AS DOUBLE)", ("BIGINT", "VARCHAR"): "CAST({} AS STRING)",
        ("BOOLEAN", "BIGINT"): "CAST({} AS BIGINT)", ("BOOLEAN", "DOUBLE"): "CAST({} AS DOUBLE)",
        ("DATE", "TIMESTAMP"): "CAST({} AS TIMESTAMP_NTZ)", ("TIMESTAMP", "DATE"): "CAST({} AS DATE)",
        ("NUMERIC", "DOUBLE"): "CAST({} AS DOUBLE)", ("NUMERIC", "BIGINT"): "CAST({} AS BIGINT)",
    }  # fmt: skip

    def __init__(self, tables: dict[str, Any], off: frozenset[str] = frozenset()) -> None:
        super().__init__(tables, off)
        #: The group keys of the queries around.
        self.keys: list[list[Any]] = []

    def name(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def text(self, value: str) -> str:
        if "\0" in value:
            raise Unfoldable("a text with the character 0")
        plain = value.replace("\\", "\\\\").replace("'", "\\'")
        return "'" + plain.replace("\n", "\\n").replace("\r", "\\r") + "'"

    def number(self, value: float) -> Typed:
        text = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value))
        if text is not None:
            return Typed(f"CAST('{text}' AS DOUBLE)", "DOUBLE")
        if repr(value) == "-0.0":  # a negated constant would lose its sign
            return Typed("CAST('-0.0' AS DOUBLE)", "DOUBLE")
        return Typed(f"{value!r}D" if value >= 0 else f"({value!r}D)", "DOUBLE")

    def constant(self, text: str, target: str) -> Typed:
        if target == "TIMESTAMP":
            return Typed(f"TIMESTAMP_NTZ {self.text(text)}", target)
        return super().constant(text, target)

    def failure(self, type: str) -> str:
        if type not in self.types:
            raise Unfoldable(f"a value of type {type} for which M may raise")
        return f"CAST(raise_error('M') AS {self.types[type]})"

    # ------------------------------------------------------------ queries

    def select(self, tree: Any) -> tuple[str, list[str]]:
        """A grouped query in an order of aggregates is ordered outside, which both engines do."""
        order, group = tree.args.get("order"), tree.args.get("group")
        self.keys.append(list(group.expressions) if group is not None else [])
        try:
            return super().select(tree) if group is None or order is None else self.ordered_group(tree, order)
        finally:
            self.keys.pop()

    def output(self, node: Any) -> tuple[str, Typed]:
        """A group key stands among the outputs as it stands in GROUP BY."""
        name, value = super().output(node)
        return name, self.plain(value) if isinstance(node, exp.Alias) and node.this in self.keys[
            -1
        ] else value

    def ordered_group(self, tree: Any, order: Any) -> tuple[str, list[str]]:
        """Groups in an order of aggregates."""
        inner = tree.copy()
        for part in ("order", "limit", "offset"):
            inner.set(part, None)
        for number, key in enumerate(order.expressions, 1):
            inner.append("expressions", exp.alias_(key.this.copy(), f"o{number}"))
        self.level += 1
        start = self.line()
        text, types = super().select(inner)
        self.level -= 1
        keys = zip(order.expressions, types[len(tree.expressions) :], strict=True)
        items = [
            self.criterion(
                Typed(f"q.o{number}", type), bool(key.args.get("desc")), bool(key.args.get("nulls_first"))
            )
            for number, (key, type) in enumerate(keys, 1)
        ]
        if not set(types[len(tree.expressions) :]) <= PLAIN:
            raise Unfoldable("an order of values of a type that the engine orders otherwise")
        outputs = ", ".join(f"q.{e.alias} AS {e.alias}" for e in tree.expressions)
        text = f"SELECT {outputs}{self.line()}FROM ({start}{text}{self.line()}) AS q"
        text += f"{self.line()}ORDER BY {', '.join(items)}"
        limit, offset = tree.args.get("limit"), tree.args.get("offset")
        text = self.limited(
            text, None if limit is None else int(limit.expression.name),
            None if offset is None else int(offset.expression.name), True,
        )  # fmt: skip
        return text, types[: len(tree.expressions)]

    def leaf(self, alias: str, needed: list[str], scope: dict[str, dict[str, str]]) -> str:
        """A registered view: its columns are c1.., its row number r1."""
        found = self.tables[alias]
        types = {}
        for wanted in needed:
            types[wanted] = "BIGINT" if wanted == "r1" else found.storages[int(wanted[1:]) - 1]
            if types[wanted] not in self.types and types[wanted] not in _CARRIED:
                raise Unfoldable("a column of a type that Spark has not")
        scope[alias] = types
        return f"{found.view}{self.derived_alias}{alias}"

    def group_key(self, node: Any) -> str:
        """A whole number alone would be the position of an output."""
        value = self.plain(self.render(node))
        return f"CAST({value.sql} AS BIGINT)" if value.sql.isdigit() else value.sql

    def criterion(self, value: Typed, down: bool, nulls_first: bool) -> str:
        value = self.plain(value)
        text = f"CAST({value.sql} AS BIGINT)" if value.sql.isdigit() else value.sql
        return super().criterion(Typed(text, value.type), down, nulls_first)

    def ordered(self, node: Any) -> str:
        value = self.render(node.this)
        if value.type not in PLAIN:
            raise Unfoldable("an order of values of a type that the engine orders otherwise")
        return self.criterion(value, bool(node.args.get("desc")), bool(node.args.get("nulls_first")))

    def null_safe_join(self, node: Any) -> str:
        left, right = self.pair(node)
        return f"{left.inner} <=> {right.inner}"

    def plain(self, value: Typed) -> Typed:
        """A value in the form in which equal ones are the same."""
        return value

    def pair(self, node: Any) -> tuple[Typed, Typed]:
        left, right = super().pair(node)
        return self.plain(left), self.plain(right)

    def on_NullSafeNEQ(self, node: Any) -> Typed:
        left, right = self.pair(node)
        return Typed(f"NOT ({left.inner} <=> {right.inner})", "BOOLEAN", False)

    def on_Literal(self, node: Any) -> Typed:
        if node.is_string:
            return Typed(self.text(node.this), "VARCHAR")
        if not node.this.isdigit():
            raise Unfoldable("a constant without a type")
        return Typed(node.this if int(node.this) < 2**31 else node.this + "L", "BIGINT")

    def on_Count(self, node: Any) -> Typed:
        if isinstance(node.this, exp.Distinct):
            value = self.render(node.this.expressions[0])
            if value.type not in PLAIN:
                raise Unfoldable("different values of this type")
            return Typed(f"count(DISTINCT {self.plain(value).sql})", "BIGINT")
        return super().on_Count(node)

    def on_Cast(self, node: Any) -> Typed:
        if is_stop(node):
            target = {"TEXT": "VARCHAR", "INT": "BIGINT"}.get(node.to.sql("duckdb"), node.to.sql("duckdb"))
            return Typed(self.failure(target), target)
        return super().on_Cast(node)

    def cast(self, value: Typed, target: str) -> Typed:
        if (value.type, target) == ("DOUBLE", "BIGINT"):
            return Typed(f"CAST({self.to_even(value)} AS BIGINT)", target)
        if (value.type, target) == ("BOOLEAN", "INTEGER"):
            return Typed(f"CAST({value.sql} AS BIGINT)", "BIGINT")
        if target in ("INTEGER", "INT", "HUGEINT") and value.type == "BIGINT":
            return value
        return super().cast(value, target)

    # ------------------------------------------------------------ arithmetic

    def divided(self, left: Typed, right: Typed) -> Typed:
        negative = f"CAST({right.sql} AS STRING) LIKE '-%'"
        infinite = (
            f"CASE WHEN {negative} THEN CAST('-Infinity' AS DOUBLE) ELSE CAST('Infinity' AS DOUBLE) END"
        )
        return Typed(
            f"CASE WHEN {right.inner} = 0D THEN {left.inner} * ({infinite}) ELSE {left.inner} / {right.inner} END",
            "DOUBLE",
        )

    def remainder(self, node: Any, left: Typed, right: Typed) -> Typed:
        """Java's remainder of doubles is C's; by 0 it is NaN."""
        return Typed(
            f"CASE WHEN {right.inner} = 0D THEN {left.inner} * CAST('NaN' AS DOUBLE) "
            f"ELSE {left.inner} % {right.inner} END", "DOUBLE",
        )  # fmt: skip

    def quotient(self, left: Typed, right: Typed) -> Typed:
        return Typed(f"{left.inner} div {right.inner}", "BIGINT", False)

    def joined(self, left: Typed, right: Typed) -> Typed:
        return Typed(f"{left.inner} || {right.inner}", "VARCHAR", False)

    def on_Sub(self, node: Any) -> Typed:
        left, right = self.render(node.this), self.render(node.expression)
        if (left.type, right.type) == ("DATE", "DATE"):
            return Typed(f"CAST(datediff({left.sql}, {right.sql}) AS BIGINT)", "BIGINT")
        if (left.type, right.type) == ("DATE", "BIGINT"):
            return Typed(f"date_sub({left.sql}, CAST({right.sql} AS INT))", "DATE")
        return super().on_Sub(node)

    def on_Add(self, node: Any) -> Typed:
        left = self.render(node.this)
        if left.type == "DATE" and isinstance(node.expression, exp.Interval):
            months = int(node.expression.this.name)
            return Typed(f"CAST(add_months({left.sql}, {months}) AS TIMESTAMP_NTZ)", "TIMESTAMP")
        if left.type == "DATE":
            return Typed(f"date_add({left.sql}, CAST({counted(self, node.expression).sql} AS INT))", "DATE")
        return super().on_Add(node)

    def to_even(self, value: Typed) -> str:
        """A double rounded to a whole one, halves to the even one."""
        return f"rint({value.sql})"

    def extreme(self, name: str, value: Typed) -> str:
        """min or max."""
        return f"{name}({value.sql})"

    # ------------------------------------------------------------ windows

    def on_IgnoreNulls(self, node: Any) -> Typed:
        value = self.render(node.this.this)
        return Typed(f"last_value({value.sql}) IGNORE NULLS", value.type)


class SailRenderer(SparkRenderer):
    """Prints queries for Sail, which speaks Spark's language over another engine."""

    dialect = "sail"

    def no_limit(self) -> str:
        """An offset alone forgets the order below it."""
        return f"{self.line()}LIMIT 4611686018427387904"

    def plain(self, value: Typed) -> Typed:
        """Sail compares doubles by their bits: one zero, one NaN."""
        if value.type != "DOUBLE" or value.sql.endswith("D") or value.sql.startswith("CASE WHEN isnan("):
            return value
        return Typed(
            f"CASE WHEN isnan({value.sql}) THEN CAST('NaN' AS DOUBLE) WHEN {value.inner} + 0D = 0D "
            f"THEN 0D ELSE {value.sql} END", "DOUBLE",
        )  # fmt: skip

    def extreme(self, name: str, value: Typed) -> str:
        """Of nothing but infinities Sail gives the largest finite number."""
        made = super().extreme(name, value)
        if value.type != "DOUBLE":
            return made
        infinite, inside = ("'Infinity'", "<") if name == "min" else ("'-Infinity'", ">")
        infinite = f"CAST({infinite} AS DOUBLE)"
        others = f"count(CASE WHEN {value.inner} {inside} {infinite} THEN 1 END)"
        return f"CASE WHEN count({value.sql}) > 0 AND {others} = 0 THEN {infinite} ELSE {made} END"

    def to_even(self, value: Typed) -> str:
        x, big = value.inner, "6755399441055744D"
        return (
            f"CASE WHEN {x} >= 2251799813685248D OR {x} <= -2251799813685248D OR isnan({value.sql}) OR {x} = 0D "
            f"OR {x} = (-0.0D) THEN {x} WHEN {x} < 0D THEN -((-{x} + {big}) - {big}) ELSE ({x} + {big}) - {big} END"
        )


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


def _letter_case(name: str) -> Form:
    """The engines' tables of letters differ from M's: texts beyond ASCII go elsewhere."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        value = texts(r, nodes, 1)[0]
        beyond = f"octet_length({value.sql}) > char_length({value.sql})"
        return unless(r, beyond, Typed(f"{name}({value.sql})", "VARCHAR"))

    return form


FUNCTIONS["upper"], FUNCTIONS["lower"] = _letter_case("upper"), _letter_case("lower")


def _with_count(name: str) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        a, n = texts(r, nodes[:1], 1)[0], counted(r, nodes[1])
        return Typed(f"{name}({a.sql}, CAST({n.sql} AS INT))", "VARCHAR")

    return form


for _name in ("left", "right", "repeat"):
    FUNCTIONS[_name] = _with_count(_name)


@forms(FUNCTIONS, "substr")
def _substr(r: Renderer, nodes: list[Any]) -> Typed:
    a = texts(r, nodes[:1], 1)[0]
    numbers = ", ".join(f"CAST({counted(r, n).sql} AS INT)" for n in nodes[1:])
    return Typed(f"substring({a.sql}, {numbers})", "VARCHAR")


def _pad(name: str) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        a, filler = texts(r, [nodes[0], nodes[2]], 2)
        return Typed(f"{name}({a.sql}, CAST({counted(r, nodes[1]).sql} AS INT), {filler.sql})", "VARCHAR")

    return form


FUNCTIONS["lpad"], FUNCTIONS["rpad"] = _pad("lpad"), _pad("rpad")


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
def _astral_count(r: Renderer, nodes: list[Any]) -> Typed:
    """How many characters match: the only use of lists that has a form."""
    inner = nodes[0]
    if not isinstance(inner, exp.Anonymous) or inner.name.lower() != "regexp_extract_all":
        raise Unfoldable("lists")
    a = texts(r, inner.expressions[:1], 1)[0]
    none = f"regexp_replace({a.sql}, {r.text(_pattern(inner.expressions[1]))}, '')"
    return Typed(f"CAST(char_length({a.sql}) - char_length({none}) AS BIGINT)", "BIGINT")


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
def _round_even(r: Renderer, nodes: list[Any]) -> Typed:
    if nodes[1].name != "0":
        raise Unfoldable("rounding to digits")
    assert isinstance(r, SparkRenderer)
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


for _name in ("year", "month", "day", "dayofyear", "quarter", "hour", "minute"):
    FUNCTIONS[_name] = _part(_name)
FUNCTIONS["dayofweek"] = _part("dayofweek", 1)


@forms(FUNCTIONS, "date_trunc")
def _date_trunc(r: Renderer, nodes: list[Any]) -> Typed:
    unit = nodes[0].this
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


@forms(FUNCTIONS, "epoch_us")
def _epoch(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"unix_micros(CAST({moment(r, nodes[0], 'TIMESTAMP').sql} AS TIMESTAMP))", "BIGINT")


# ---------------------------------------------------------------- aggregates


def _extreme(name: str) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        value = r.render(nodes[0])
        if value.type not in PLAIN:
            raise Unfoldable(f"the {name} of values of type {value.type}")
        assert isinstance(r, SparkRenderer)
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


def _end(name: str) -> Form:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        value, place = r.render(nodes[0]), r.render(nodes[1])
        return Typed(f"{name}({value.sql}, {place.sql})", value.type)

    return form


FUNCTIONS["arg_min_null"], FUNCTIONS["arg_max_null"] = _end("min_by"), _end("max_by")


@forms(FUNCTIONS, "quantile_disc")
def _quantile(r: Renderer, nodes: list[Any]) -> Typed:
    value = number_of(r, nodes[0])
    assert isinstance(r, SparkRenderer)
    return Typed(f"percentile_disc(0.5) WITHIN GROUP (ORDER BY {r.plain(value).sql})", "DOUBLE")
