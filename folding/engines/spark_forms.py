"""Spark SQL's forms, for Apache Spark 4 (ANSI mode) and, where it differs, for Sail.

Spark compares doubles as DuckDB does (NaN largest and equal to itself, -0 equal to 0); Sail tells -0 from 0 and the
NaNs from each other, so doubles that are compared there are made plain first.  Both raise where a whole number
overflows or a row is refused, and then another engine does the work.
Read ``renderer.py`` for what a form is, ``spark_functions.py`` for those of functions, ``spark.py`` for who prints.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding.engines.forms import counted
from folding.engines.renderer import PLAIN, Renderer, Typed, aggregates_of
from folding.engines.spark_functions import FUNCTIONS, datetime_of, micros, time_of
from folding.terms import INT53, Unfoldable, is_stop, whole

#: Types that a query may hand through, though no form takes them.
_CARRIED = {"DECIMAL": "DECIMAL(38, 18)"}
#: Texts that convert everywhere alike.
PLAIN_TEXTS = {
    "DOUBLE": r"\A[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?\z",
    "BIGINT": r"\A[+-]?[0-9]{1,18}\z",
    "DATE": r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\z",
    "TIMESTAMP": r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?\z",
}


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
        ("DATE", "VARCHAR"): "CAST({} AS STRING)", ("TIMESTAMP", "VARCHAR"): "CAST({} AS STRING)",
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
            types[wanted] = found.type_of(wanted)
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
        """A whole number is compared with a whole constant as one."""
        left, right = node.this, node.expression
        for one, other in ((left, right), (right, left)):
            if (number := _whole_constant(other)) is not None and self.render(one).type == "BIGINT":
                one, other = (one, whole(number)) if one is left else (whole(number), one)
                node = exp.EQ(this=one, expression=other)
                break
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

    def on_TryCast(self, node: Any) -> Typed:
        """A text that is spelt plainly; any other is null, and left to the interpreter."""
        value, target = self.render(node.this), node.to.sql("duckdb")
        target = {"INT": "BIGINT"}.get(target, target)
        plain = PLAIN_TEXTS.get(target)
        if value.type != "VARCHAR" or plain is None:
            raise Unfoldable(f"a conversion from {value.type} to {target}")
        test = f"{value.inner} RLIKE {self.text(plain)}"
        return Typed(f"CASE WHEN {test} THEN try_cast({value.sql} AS {self.types[target]}) END", target)

    def cast(self, value: Typed, target: str) -> Typed:
        if (value.type, target) == ("DOUBLE", "BIGINT"):
            return Typed(f"CAST({self.to_even(value)} AS BIGINT)", target)
        if (value.type, target) == ("TIMESTAMP", "TIME"):
            return time_of(value)
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
        midnight = isinstance(node.this, exp.TimestampTrunc | exp.DateTrunc) or (
            isinstance(node.this, exp.Anonymous) and node.this.name.lower() == "date_trunc"
        )
        if (
            left.type == "DATE"
            and isinstance(node.expression, exp.Cast)
            and node.expression.to.sql("duckdb") == "TIME"
        ):
            return Typed(datetime_of(f"{micros(left)} + {self.render(node.expression).inner}"), "TIMESTAMP")
        if (left.type == "DATE" or midnight) and isinstance(node.expression, exp.Interval):
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


def _whole_constant(node: Any) -> int | None:
    """The number of a double constant that is whole, and compares as such with whole numbers."""
    if not isinstance(node, exp.Cast) or node.to.sql("duckdb") != "DOUBLE":
        return None
    negative = isinstance(node.this, exp.Neg)
    inner = node.this.this if negative else node.this
    if not isinstance(inner, exp.Literal):
        return None
    try:
        value = float(inner.name)
    except ValueError:
        return None
    if not abs(value) < INT53 or value != int(value):
        return None
    return -int(value) if negative else int(value)


class SailRenderer(SparkRenderer):
    """Prints queries for Sail, which speaks Spark's language over another engine."""

    dialect = "sail"

    def select(self, tree: Any) -> tuple[str, list[str]]:
        if self.outer and self.outer[-1] and (tree.args.get("group") or any(aggregates_of(tree))):
            raise Unfoldable("grouped rows below an outer join, which Sail refuses beside something random")
        return super().select(tree)

    def output(self, node: Any) -> tuple[str, Typed]:
        """What is constant on one side of an outer join (a literal, a column that a filter compares with one value)
        Sail takes for constant above it, where it may be null, and leaves it out of an order.  It cannot know that
        of something random."""
        name, value = super().output(node)
        if len(self.outer) < 2 or not self.outer[-2] or value.type not in self.types:
            return name, value
        return name, Typed(f"CASE WHEN rand() < 0D THEN NULL ELSE {value.sql} END", value.type)

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
