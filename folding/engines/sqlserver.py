"""SQL Server's forms: tested as text only, because no server was at hand; docs/folding.md says "unverified".

A condition is no value there, so a logical that is selected is written out; equality of texts ignores blanks at
their end, so it also compares lengths, and texts are not ordered, grouped or joined there.  A value for which M may
raise has no form.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding.engines.forms import (
    COMMON,
    arguments_of,
    counted,
    extreme,
    letter_case,
    moment,
    number_of,
    texts,
    unless,
    with_counts,
)
from folding.engines.renderer import Form, NoNumber, Renderer, Typed, forms
from folding.terms import Unfoldable
from folding.utf16 import ASTRAL

FUNCTIONS: dict[str, Form] = dict(COMMON)
_FAILS = "CAST(newid() AS nvarchar(36)) + N'M'"
_ORDERED = frozenset({"BIGINT", "DOUBLE", "DECIMAL", "BOOLEAN", "DATE", "TIMESTAMP"})


class SqlServerRenderer(Renderer):
    """Prints queries for SQL Server 2016 and later."""

    dialect = "sqlserver"
    functions = FUNCTIONS
    true, false = "1 = 1", "1 = 0"
    windowed = frozenset({"arg_min_null", "arg_max_null", "quantile_disc"})
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

    def failure(self, type: str) -> str:
        """A conversion that fails; not a constant, so that it is evaluated only for rows that come here."""
        if type not in self.types or type == "DECIMAL":
            raise Unfoldable(f"a value of type {type} for which M may raise")
        if type == "VARCHAR":
            return f"CAST(CAST({_FAILS} AS int) AS nvarchar(max))"
        return f"CAST({_FAILS} AS {self.types[type]})"

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

    def _differ(self, node: Any) -> str:
        """The same for window functions, which may not stand in a query of their own."""
        left, right = self.pair(node)
        same = self._compare(node, "=").sql
        both = f"({same}) OR ({left.inner} IS NULL AND {right.inner} IS NULL)"
        return f"CASE WHEN {both} THEN 0 ELSE 1 END = 1"

    def on_NullSafeEQ(self, node: Any) -> Typed:
        return Typed(self._equal(node), "CONDITION", False)

    def on_NullSafeNEQ(self, node: Any) -> Typed:
        windows = node.find(exp.Window) is not None
        return Typed(self._differ(node) if windows else f"NOT {self._equal(node)}", "CONDITION", False)

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
        value = self.render(node.this)
        if value.type != "BIGINT":
            raise Unfoldable("a negative, which may be -0")
        return Typed(f"-{value.inner}", "BIGINT", False)

    def on_Sub(self, node: Any) -> Typed:
        left, right = self.render(node.this), self.render(node.expression)
        if (left.type, right.type) == ("DATE", "DATE"):
            return Typed(f"CAST(datediff(day, {right.sql}, {left.sql}) AS bigint)", "BIGINT")
        if (left.type, right.type) == ("DATE", "BIGINT"):
            return Typed(f"dateadd(day, -CAST({right.sql} AS int), {left.sql})", "DATE")
        return super().on_Sub(node)

    def on_Add(self, node: Any) -> Typed:
        left = self.render(node.this)
        if isinstance(node.expression, exp.Interval) and left.type in ("DATE", "TIMESTAMP"):
            if str(node.expression.args["unit"].name).upper().rstrip("S") != "MONTH":
                raise Unfoldable("intervals other than months")
            moved = f"dateadd(month, {int(node.expression.this.name)}, {left.sql})"
            return Typed(f"CAST({moved} AS datetime2)", "TIMESTAMP")
        if left.type == "DATE":
            return Typed(
                f"dateadd(day, CAST({counted(self, node.expression).sql} AS int), {left.sql})", "DATE"
            )
        return super().on_Add(node)

    def digits(self, number: str, width: int) -> str:
        return f"right({self.text('0' * width)} + {self.digits_of(number)}, {width})"

    def collated(self, text: str) -> str:
        return f"({text}) COLLATE Latin1_General_BIN2"

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

FUNCTIONS.pop("isnan")


@forms(FUNCTIONS, "isnan")
def _isnan(r: Renderer, nodes: list[Any]) -> Typed:
    """There is no NaN; null for null."""
    x = number_of(r, nodes[0]).inner
    return Typed(f"{x} <> {x}", "CONDITION", False)


@forms(FUNCTIONS, "contains")
def _contains(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    if isinstance(nodes[1], exp.Literal) and nodes[1].this:
        return Typed(f"charindex({b.sql}, {a.sql}) > 0", "CONDITION", False)
    empty = f"datalength({b.sql}) = 0 AND {a.inner} IS NOT NULL"
    return Typed(f"charindex({b.sql}, {a.sql}) > 0 OR ({empty})", "CONDITION", False)


# texts are counted, cut and compared by UTF-16 units, as in M, so none of them is told apart from its code points


def _units(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"CAST(datalength({texts(r, nodes, 1)[0].sql}) / 2 AS bigint)", "BIGINT")


FUNCTIONS["length"] = FUNCTIONS["strlen"] = _units


@forms(FUNCTIONS, "regexp_matches")
def _matches(r: Renderer, nodes: list[Any]) -> Typed:
    if not isinstance(nodes[1], exp.Literal) or nodes[1].this != ASTRAL:
        raise Unfoldable("regular expressions")
    return Typed("1 = 0", "CONDITION", False)


@forms(FUNCTIONS, "len")
def _count_of(r: Renderer, nodes: list[Any]) -> Typed:
    """How many characters are two units: they are counted already."""
    _, pattern = arguments_of(nodes[0], "regexp_extract_all")
    if not isinstance(pattern, exp.Literal) or pattern.this != ASTRAL:
        raise Unfoldable("lists")
    return Typed("CAST(0 AS bigint)", "BIGINT")


_COUNT = "CAST({} AS int)"
for _name, _call in (("left", "left"), ("right", "right"), ("repeat", "replicate")):
    FUNCTIONS[_name] = with_counts(_call, _COUNT)
_BEYOND = "patindex(N'%[^' + nchar(1) + N'-' + nchar(127) + N']%', {0}) > 0"
for _name in ("upper", "lower"):
    FUNCTIONS[_name] = letter_case(_name + "({})", _BEYOND)


@forms(FUNCTIONS, "substr")
def _substr(r: Renderer, nodes: list[Any]) -> Typed:
    a = texts(r, nodes[:1], 1)[0]
    counts = [_COUNT.format(counted(r, n).sql) for n in nodes[1:]] + ["2147483647"]
    return Typed(f"substring({a.sql}, {counts[0]}, {counts[1]})", "VARCHAR")


@forms(FUNCTIONS, "strpos")
def _strpos(r: Renderer, nodes: list[Any]) -> Typed:
    a, b = texts(r, nodes, 2)
    return Typed(f"CAST(charindex({b.sql}, {a.sql}) AS bigint)", "BIGINT")


def _end(call: str) -> Form:
    """Whether a text begins or ends with another; equality alone ignores blanks at the end."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        a, b = texts(r, nodes, 2)
        piece = f"{call}({a.sql}, CAST(datalength({b.sql}) / 2 AS int))"
        same = f"{piece} = {b.inner} AND datalength({piece}) = datalength({b.sql})"
        return Typed(same, "CONDITION", False)

    return form


FUNCTIONS["starts_with"], FUNCTIONS["suffix"] = _end("left"), _end("right")


@forms(FUNCTIONS, "only")
def _only(r: Renderer, nodes: list[Any]) -> Typed:
    """The one value of a group that is not null."""
    value = r.render(nodes[0])
    if value.type == "BOOLEAN":
        return Typed(f"CAST(max(CAST({value.sql} AS int)) AS bit)", "BOOLEAN")
    return Typed(f"max({value.sql})", value.type)


@forms(FUNCTIONS, "sum")
def _sum(r: Renderer, nodes: list[Any]) -> Typed:
    """Of whole numbers; an overflow raises."""
    if isinstance(nodes[0], exp.Order):
        raise Unfoldable("sums of doubles in row order")
    return Typed(f"sum({number_of(r, nodes[0], 'BIGINT').sql})", "BIGINT")


@forms(FUNCTIONS, "sqrt")
def _sqrt(r: Renderer, nodes: list[Any]) -> Typed:
    x = number_of(r, nodes[0])
    return unless(r, f"{x.inner} < 0", Typed(f"sqrt({x.sql})", "DOUBLE"))


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
_part("second", "datepart(second, {0})", "TIMESTAMP")
_part("microsecond", "(datepart(second, {0}) * 1000000 + datepart(microsecond, {0}))", "TIMESTAMP")
_part("dayofweek", "((datediff(day, CAST('0001-01-01' AS date), {0}) + 1) % 7)")
_part("epoch_us", "datediff_big(microsecond, CAST('1970-01-01' AS datetime2), {0})", "TIMESTAMP")


@forms(FUNCTIONS, "make_date")
def _make_date(r: Renderer, nodes: list[Any]) -> Typed:
    parts = ", ".join(_COUNT.format(counted(r, n).sql) for n in nodes)
    return Typed(f"datefromparts({parts})", "DATE")


@forms(FUNCTIONS, "date_trunc")
def _date_trunc(r: Renderer, nodes: list[Any]) -> Typed:
    unit, value = nodes[0].this, moment(r, nodes[1]).sql
    if unit == "day":
        return Typed(f"CAST(CAST({value} AS date) AS datetime2)", "TIMESTAMP")
    months = {"year": "1", "quarter": f"datepart(quarter, {value}) * 3 - 2", "month": f"month({value})"}
    if unit not in months:
        raise Unfoldable(f"the start of a {unit}")
    return Typed(f"CAST(datefromparts(year({value}), {months[unit]}, 1) AS datetime2)", "TIMESTAMP")


@forms(FUNCTIONS, "last_day")
def _last_day(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"eomonth({moment(r, nodes[0]).sql})", "DATE")


FUNCTIONS["min"], FUNCTIONS["max"] = (extreme(n, _ORDERED - {"BOOLEAN"}) for n in ("min", "max"))


@forms(FUNCTIONS, "count")
def _count(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"count_big({r.value_of(r.render(nodes[0]))})", "BIGINT")
