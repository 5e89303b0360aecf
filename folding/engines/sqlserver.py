"""SQL Server's forms: tested as text only, because no server was at hand; docs/folding.md says "unverified".

A condition is no value there, so a logical that is selected is written out; equality of texts ignores blanks at
their end, so it also compares lengths, and texts are not ordered, grouped or joined there.  A value for which M may
raise has no form.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding.engines.forms import COMMON, extreme, moment, number_of, texts
from folding.engines.renderer import Form, NoNumber, Renderer, Typed, forms
from folding.terms import Unfoldable

FUNCTIONS: dict[str, Form] = dict(COMMON)
_ORDERED = frozenset({"BIGINT", "DOUBLE", "DECIMAL", "BOOLEAN", "DATE", "TIMESTAMP"})


class SqlServerRenderer(Renderer):
    """Prints queries for SQL Server 2016 and later."""

    dialect = "sqlserver"
    functions = FUNCTIONS
    true, false = "1 = 1", "1 = 0"
    types = {  # noqa: RUF012
        "DOUBLE": "float", "BIGINT": "bigint", "VARCHAR": "nvarchar(max)", "BOOLEAN": "bit", "DATE": "date",
        "TIMESTAMP": "datetime2", "DECIMAL": "decimal(38, 15)",
    }  # fmt: skip
    casts = {  # noqa: RUF012
        ("BIGINT", "DOUBLE"): "CAST({} AS float)", ("DOUBLE", "BIGINT"): "CAST({} AS bigint)",
        ("BOOLEAN", "BIGINT"): "CAST({} AS bigint)", ("BOOLEAN", "DOUBLE"): "CAST({} AS float)",
        ("BIGINT", "VARCHAR"): "CAST({} AS nvarchar(20))", ("DATE", "TIMESTAMP"): "CAST({} AS datetime2)",
        ("TIMESTAMP", "DATE"): "CAST({} AS date)", ("DECIMAL", "DOUBLE"): "CAST({} AS float)",
    }  # fmt: skip

    def name(self, name: str) -> str:
        return "[" + name.replace("]", "]]") + "]"

    def text(self, value: str) -> str:
        return "N" + super().text(value)

    def number(self, value: float) -> Typed:
        if value - value != 0 or repr(value) == "-0.0":
            raise NoNumber("NaN, an infinity or -0, which the engine has not")
        text = repr(value)
        return Typed(text if "e" in text else text + "e0", "DOUBLE", not text.startswith("-"))

    def constant(self, text: str, target: str) -> Typed:
        if target in ("DATE", "TIMESTAMP"):
            return Typed(f"CAST({super().text(text)} AS {self.types[target]})", target)
        return super().constant(text, target)

    # ------------------------------------------------------------ conditions and values

    def test(self, value: Typed) -> str:
        """A logical where a condition stands."""
        if value.type == "CONDITION":
            return value.sql
        if value.type == "BOOLEAN":
            return f"{value.inner} = 1"
        raise Unfoldable("a condition of another type")

    def condition(self, node: Any) -> str:
        return self.test(self.render(node))

    def value_of(self, value: Typed) -> str:
        if value.type != "CONDITION":
            return value.sql
        return f"CAST(CASE WHEN {value.sql} THEN 1 WHEN NOT ({value.sql}) THEN 0 END AS bit)"

    def on_Boolean(self, node: Any) -> Typed:
        return Typed(self.true if node.this else self.false, "CONDITION", False)

    def _logic(self, node: Any, word: str) -> Typed:
        left, right = (self.test(self.render(n)) for n in (node.this, node.expression))
        return Typed(f"({left}) {word} ({right})", "CONDITION", False)

    def on_Not(self, node: Any) -> Typed:
        return Typed(f"NOT ({self.condition(node.this)})", "CONDITION", False)

    def on_Is(self, node: Any) -> Typed:
        if not isinstance(node.expression, exp.Null):
            raise Unfoldable("IS with something other than NULL")
        return Typed(f"{self.value_of(self.render(node.this))} IS NULL", "CONDITION", False)

    def cast(self, value: Typed, target: str) -> Typed:
        if value.type == "CONDITION":
            value = Typed(self.value_of(value), "BOOLEAN")
        return super().cast(value, target)

    # ------------------------------------------------------------ comparison

    def _compare(self, node: Any, operator: str) -> Typed:
        left, right = self.pair(node)
        if left.type == "VARCHAR":
            if operator not in ("=", "<>"):
                raise Unfoldable("an order of texts")
            same = f"{left.inner} = {right.inner} AND datalength({left.sql}) = datalength({right.sql})"
            return Typed(same if operator == "=" else f"NOT ({same})", "CONDITION", False)
        return Typed(f"{left.inner} {operator} {right.inner}", "CONDITION", False)

    def _equal(self, node: Any) -> str:
        """Equality with nulls being equal; two-valued."""
        left, right = self.pair(node)
        more = ("", "")
        if left.type == "VARCHAR":
            more = (f", datalength({left.sql})", f", datalength({right.sql})")
        return f"EXISTS (SELECT {left.sql}{more[0]} INTERSECT SELECT {right.sql}{more[1]})"

    def on_NullSafeEQ(self, node: Any) -> Typed:
        return Typed(self._equal(node), "CONDITION", False)

    def on_NullSafeNEQ(self, node: Any) -> Typed:
        return Typed(f"NOT {self._equal(node)}", "CONDITION", False)

    def null_safe_join(self, node: Any) -> str:
        return self._equal(node)

    def on_In(self, node: Any) -> Typed:
        found = super().on_In(node)
        if self.render(node.this).type == "VARCHAR":
            raise Unfoldable("a text among alternatives")
        return Typed(found.sql, "CONDITION", False)

    # ------------------------------------------------------------ the rest

    def operation(self, operator: str, left: Typed, right: Typed) -> Typed:
        """Overflows raise; a zero that may be -0 is told apart nowhere, so products stay here."""
        if operator == "*" and left.type == "DOUBLE":
            raise Unfoldable("products, which may be -0")
        return super().operation(operator, left, right)

    def on_Neg(self, node: Any) -> Typed:
        raise Unfoldable("a negative, which may be -0")

    def joined(self, left: Typed, right: Typed) -> Typed:
        return Typed(f"{left.inner} + {right.inner}", "VARCHAR", False)

    def ordered(self, node: Any) -> str:
        value = self.render(node.this)
        if value.type not in _ORDERED:
            raise Unfoldable("an order of values of this type")
        return super().ordered(node)

    def criterion(self, value: Typed, down: bool, nulls_first: bool) -> str:
        plain = f"{value.sql}{' DESC' if down else ''}"
        if down == nulls_first:
            first, last = ("0", "1") if nulls_first else ("1", "0")
            nulls = f"CASE WHEN {value.sql} IS NULL THEN {first} ELSE {last} END"
            return f"{nulls}, {plain}"
        return plain

    def group_key(self, node: Any) -> str:
        value = self.render(node)
        if value.type not in _ORDERED or isinstance(node, exp.Cast):
            raise Unfoldable("groups by values of this type")
        return value.sql

    def limited(self, text: str, limit: int | None, offset: int | None, ordered: bool) -> str:
        if limit is None and not offset:
            return text
        if not ordered:
            text += f"{self.line()}ORDER BY (SELECT NULL)"
        text += f"{self.line()}OFFSET {offset or 0} ROWS"
        return text if limit is None else f"{text} FETCH NEXT {limit} ROWS ONLY"


# ---------------------------------------------------------------- functions

for _name in ("isnan", "replace", "lag"):
    FUNCTIONS.pop(_name)


@forms(FUNCTIONS, "isnan")
def _isnan(r: Renderer, nodes: list[Any]) -> Typed:
    """There is no NaN; null for null."""
    x = number_of(r, nodes[0]).inner
    return Typed(f"{x} <> {x}", "CONDITION", False)


@forms(FUNCTIONS, "contains")
def _contains(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    if not isinstance(nodes[1], exp.Literal) or not nodes[1].this:
        raise Unfoldable("a search for a text that may be empty")
    return Typed(f"charindex({b.sql}, {a.sql}) > 0", "CONDITION", False)


def _part(name: str, template: str, *types: str) -> None:
    def form(r: Renderer, nodes: list[Any]) -> Typed:
        return Typed(f"CAST({template.format(moment(r, nodes[0], *types).sql)} AS bigint)", "BIGINT")

    FUNCTIONS[name] = form


_part("year", "year({0})")
_part("month", "month({0})")
_part("day", "day({0})")
_part("quarter", "datepart(quarter, {0})")
_part("dayofyear", "datepart(dayofyear, {0})")
_part("hour", "datepart(hour, {0})", "TIMESTAMP")
_part("minute", "datepart(minute, {0})", "TIMESTAMP")


@forms(FUNCTIONS, "last_day")
def _last_day(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"eomonth({moment(r, nodes[0]).sql})", "DATE")


FUNCTIONS["min"], FUNCTIONS["max"] = (extreme(n, _ORDERED - {"BOOLEAN"}) for n in ("min", "max"))


@forms(FUNCTIONS, "count")
def _count(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"count_big({r.value_of(r.render(nodes[0]))})", "BIGINT")
