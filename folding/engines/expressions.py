"""Expressions of a SQL tree as text of another engine: the half of a `Renderer` that knows no queries.

Every form here is one that an engine does exactly; what has none raises `Unfoldable`.  An engine's class overrides
what it writes or does otherwise.  Read ``renderer.py`` for the other half.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from sqlglot import exp

from folding.mixed import is_missing, is_written
from folding.terms import Unfoldable, is_stop

#: Storages that compare and order as M does.
PLAIN = frozenset({"BIGINT", "DOUBLE", "DECIMAL", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"})


@frozen
class Typed:
    """SQL text and its type; ``free`` tells that it needs no parentheses."""

    sql: str
    type: str
    free: bool = True

    @property
    def inner(self) -> str:
        """The text as an operand."""
        return self.sql if self.free else f"({self.sql})"


def _whole(node: Any) -> Typed | None:
    """A constant double that is a whole number, as such."""
    if not isinstance(node, exp.Cast) or not isinstance(node.this, (exp.Literal, exp.Neg)):
        return None
    text = "-" + node.this.this.name if isinstance(node.this, exp.Neg) else node.this.name
    try:
        value = float(text)
    except ValueError:
        return None
    if not value.is_integer() or abs(value) > 2**53:
        return None
    return Typed(str(int(value)), "BIGINT", value >= 0)


#: What DuckDB prints for a type.
_NAMES = {"TEXT": "VARCHAR", "INT": "BIGINT"}
#: Nodes that every query has.
_ALWAYS = frozenset(
    {"Column", "Literal", "Paren", "Anonymous", "Boolean", "Null", "Cast", "Case", "Subquery"}
)
#: Functions of the rows of a group.
AGGREGATES = frozenset({"sum", "min", "max", "count", "only", "bool_or", "product"})
Form = Callable[[Any, list[Any]], Typed]


def forms(table: dict[str, Form], *names: str) -> Callable[[Form], Form]:
    """Declares how a renderer prints a function of the tree."""

    def declare(form: Form) -> Form:
        for name in names:
            table[name] = form
        return form

    return declare


class NoNumber(Unfoldable):
    """A constant that the engine's doubles have not: NaN, an infinity, -0."""


class Expressions:
    """Prints the expressions of one query; ``off`` names forms that this server does otherwise."""

    #: SQL type names by storage.
    types: dict[str, str]
    functions: dict[str, Form]
    null_safe = ("IS NOT DISTINCT FROM", "IS DISTINCT FROM")
    true, false = "TRUE", "FALSE"

    def __init__(self, off: frozenset[str] = frozenset()) -> None:
        self.off = off
        #: Per open query, the types of the columns of each alias.
        self.scopes: list[dict[str, dict[str, str]]] = []
        #: In how many aggregates the expression stands: there it is one of rows, not of a group.
        self.aggregating = 0
        #: Forms that were printed, for probes and reports.
        self.used: set[str] = set()

    # ------------------------------------------------------------ names and literals

    def name(self, name: str) -> str:
        """A quoted name."""
        return '"' + name.replace('"', '""') + '"'

    def text(self, value: str) -> str:
        """A text literal."""
        if "\0" in value:
            raise Unfoldable("a text with the character 0")
        return "'" + value.replace("'", "''") + "'"

    # ------------------------------------------------------------ expressions

    def render(self, node: Any) -> Typed:
        """An expression."""
        kind = node.__class__.__name__
        method = getattr(self, "on_" + kind, None)
        if kind in self.off:
            raise Unfoldable(f"{kind} is otherwise on this server")
        if kind not in _ALWAYS:
            self.used.add(kind)
        if method is None:
            raise Unfoldable(f"{node.__class__.__name__} has no form in this engine")
        found: Typed = method(node)
        return found

    def condition(self, node: Any) -> str:
        """An expression where a condition stands."""
        value = self.render(node)
        if value.type not in ("BOOLEAN", "CONDITION"):
            raise Unfoldable("a condition of another type")
        return value.sql

    def on_Paren(self, node: Any) -> Typed:
        value = self.render(node.this)
        return value if value.free else Typed(f"({value.sql})", value.type)

    def on_Column(self, node: Any) -> Typed:
        for scope in reversed(self.scopes):
            if node.table in scope:
                return Typed(f"{node.table}.{node.name}", scope[node.table][node.name])
        raise Unfoldable("a column of another query")

    def on_Literal(self, node: Any) -> Typed:
        return Typed(self.text(node.this), "VARCHAR") if node.is_string else Typed(node.this, "BIGINT")

    def on_Boolean(self, node: Any) -> Typed:
        return Typed(self.true if node.this else self.false, "BOOLEAN")

    def on_Null(self, node: Any) -> Typed:
        return Typed("NULL", "NULL")

    def on_Neg(self, node: Any) -> Typed:
        value = self.render(node.this)
        if value.type not in ("BIGINT", "DOUBLE"):
            raise Unfoldable("the negative of something that is no number")
        return Typed(f"-{value.inner}", value.type, False)

    def on_Cast(self, node: Any) -> Typed:
        if isinstance(node, exp.TryCast):
            raise Unfoldable("conversions of texts are done by the interpreter")
        if is_stop(node):
            return Typed("", "ERROR")
        target = _NAMES.get(node.to.sql("duckdb"), node.to.sql("duckdb"))
        inner = node.this
        negative = isinstance(inner, exp.Neg)
        if isinstance(inner, exp.Literal) and inner.is_string:
            midnight = " 00:00:00" if target == "TIMESTAMP" and len(inner.this) == 10 else ""
            return self.constant(inner.this + midnight, target)
        if target == "DOUBLE" and isinstance(inner.this if negative else inner, exp.Literal):
            return self.constant(("-" if negative else "") + (inner.this if negative else inner).name, target)
        return self.cast(self.render(inner), target)

    def constant(self, text: str, target: str) -> Typed:
        """A typed literal: numbers, dates, datetimes, texts."""
        if target == "VARCHAR":
            return Typed(self.text(text), target)
        if target == "DATE":
            return Typed(f"DATE {self.text(text)}", target)
        if target == "TIMESTAMP":
            return Typed(f"TIMESTAMP {self.text(text)}", target)
        if target == "DOUBLE":
            return self.number(float(text))
        raise Unfoldable(f"a constant of type {target}")

    def number(self, value: float) -> Typed:
        """A double, bit for bit."""
        raise NotImplementedError

    def cast(self, value: Typed, target: str) -> Typed:
        """A conversion between types that is exact."""
        if value.type == "NULL" and target.startswith("DECIMAL"):
            return Typed("NULL", "DECIMAL")  # one with digits would give them to the other rows
        if value.type == target or (value.type == "NULL" and target in self.types):
            if value.type == "NULL":
                return Typed(f"CAST(NULL AS {self.types[target]})", target)
            return value
        if (value.type, target) in self.casts:
            return Typed(self.casts[value.type, target].format(value.sql), target)
        if value.type == target:
            return value
        raise Unfoldable(f"a conversion from {value.type} to {target}")

    #: Conversions as templates.
    casts: dict[tuple[str, str], str]

    # ------------------------------------------------------------ logic

    def _logic(self, node: Any, word: str) -> Typed:
        left, right = self.render(node.this), self.render(node.expression)
        for side in (left, right):
            if side.type not in ("BOOLEAN", "CONDITION"):
                raise Unfoldable("a condition of another type")
        a = left.sql if node.this.__class__ is node.__class__ else left.inner
        return Typed(f"{a} {word} {right.inner}", "BOOLEAN", False)

    def on_And(self, node: Any) -> Typed:
        return self._logic(node, "AND")

    def on_Or(self, node: Any) -> Typed:
        return self._logic(node, "OR")

    def on_Not(self, node: Any) -> Typed:
        if isinstance(node.this, exp.Is) and isinstance(node.this.expression, exp.Null):
            return Typed(f"{self.render(node.this.this).inner} IS NOT NULL", "BOOLEAN", False)
        return Typed(f"NOT {self.render(node.this).inner}", "BOOLEAN", False)

    def on_Is(self, node: Any) -> Typed:
        if not isinstance(node.expression, exp.Null):
            raise Unfoldable("IS with something other than NULL")
        if is_written(node.this):
            return self.render(is_missing(node.this))
        return Typed(f"{self.render(node.this).inner} IS NULL", "BOOLEAN", False)

    # ------------------------------------------------------------ comparison

    def pair(self, node: Any) -> tuple[Typed, Typed]:
        """Two operands of one type that compares as in M."""
        left, right = self.render(node.this), self.render(node.expression)
        if {left.type, right.type} == {"BIGINT", "DOUBLE"}:
            left, right = (
                (left, _whole(node.expression) or right)
                if left.type == "BIGINT"
                else (_whole(node.this) or left, right)
            )
        if "NULL" in (left.type, right.type):
            raise Unfoldable("a comparison with an untyped null")
        numbers = {"BIGINT", "DOUBLE", "NUMERIC"}
        if left.type != right.type and not {left.type, right.type} <= numbers:
            raise Unfoldable("a comparison of different types")
        if left.type not in PLAIN | {"TID", "NUMERIC"}:
            raise Unfoldable(f"a comparison of values of type {left.type}")
        if (
            left.type != right.type
            and not isinstance(node.this, exp.Literal)
            and not isinstance(node.expression, exp.Literal)
        ):
            raise Unfoldable("a comparison of whole numbers with doubles")
        return left, right

    def _compare(self, node: Any, operator: str) -> Typed:
        left, right = self.pair(node)
        return Typed(f"{left.inner} {operator} {right.inner}", "BOOLEAN", False)

    def on_EQ(self, node: Any) -> Typed:
        return self._compare(node, "=")

    def on_NEQ(self, node: Any) -> Typed:
        return self._compare(node, "<>")

    def on_LT(self, node: Any) -> Typed:
        return self._compare(node, "<")

    def on_LTE(self, node: Any) -> Typed:
        return self._compare(node, "<=")

    def on_GT(self, node: Any) -> Typed:
        return self._compare(node, ">")

    def on_GTE(self, node: Any) -> Typed:
        return self._compare(node, ">=")

    def on_NullSafeEQ(self, node: Any) -> Typed:
        return self._compare(node, self.null_safe[0])

    def on_NullSafeNEQ(self, node: Any) -> Typed:
        return self._compare(node, self.null_safe[1])

    def on_In(self, node: Any) -> Typed:
        values = [self.pair(exp.EQ(this=node.this, expression=e)) for e in node.expressions]
        if not values or len(values) > 500:
            raise Unfoldable("a long list of alternatives")
        return Typed(f"{values[0][0].inner} IN ({', '.join(v.sql for _, v in values)})", "BOOLEAN", False)

    # ------------------------------------------------------------ arithmetic

    def numbers(self, node: Any) -> tuple[Typed, Typed]:
        left, right = self.render(node.this), self.render(node.expression)
        if left.type != right.type or left.type not in ("BIGINT", "DOUBLE"):
            raise Unfoldable(f"arithmetic of {left.type} and {right.type}")
        return left, right

    def operation(self, operator: str, left: Typed, right: Typed) -> Typed:
        """``+ - *`` of two numbers of one type."""
        return Typed(f"{left.inner} {operator} {right.inner}", left.type, False)

    def on_Add(self, node: Any) -> Typed:
        return self.operation("+", *self.numbers(node))

    def on_Sub(self, node: Any) -> Typed:
        return self.operation("-", *self.numbers(node))

    def on_Mul(self, node: Any) -> Typed:
        return self.operation("*", *self.numbers(node))

    def on_Div(self, node: Any) -> Typed:
        left, right = self.numbers(node)
        if left.type != "DOUBLE":
            raise Unfoldable("a division of whole numbers")
        return self.divided(left, right)

    def divided(self, left: Typed, right: Typed) -> Typed:
        raise Unfoldable("divisions")

    def on_Mod(self, node: Any) -> Typed:
        left, right = self.numbers(node)
        if left.type == "BIGINT" and isinstance(node.expression, exp.Literal) and node.expression.name != "0":
            return Typed(f"{left.inner} % {right.inner}", "BIGINT", False)
        return self.remainder(node, left, right)

    def remainder(self, node: Any, left: Typed, right: Typed) -> Typed:
        raise Unfoldable("remainders of doubles")

    def on_IntDiv(self, node: Any) -> Typed:
        left, right = self.numbers(node)
        if left.type == "BIGINT" and isinstance(node.expression, exp.Literal) and node.expression.name != "0":
            return self.quotient(left, right)
        raise Unfoldable("a division of whole numbers")

    def quotient(self, left: Typed, right: Typed) -> Typed:
        return Typed(f"{left.inner} / {right.inner}", "BIGINT", False)

    def on_DPipe(self, node: Any) -> Typed:
        left, right = self.render(node.this), self.render(node.expression)
        if left.type != "VARCHAR" or right.type != "VARCHAR":
            raise Unfoldable("texts of other types put together")
        return self.joined(left, right)

    def joined(self, left: Typed, right: Typed) -> Typed:
        return Typed(f"{left.inner} || {right.inner}", "VARCHAR", False)

    #: The operator that divides whole numbers.
    whole_division = "/"

    def digits(self, number: str, width: int) -> str:
        """A whole number that is not negative as a text of so many digits."""
        return f"lpad({self.digits_of(number)}, {width}, '0')"

    def digits_of(self, number: str) -> str:
        """A whole number as a text."""
        return self.casts["BIGINT", "VARCHAR"].format(number)

    def collated(self, text: str) -> str:
        """A text that was made here, compared by code point."""
        return text

    def piece(self, text: str, mark: str, number: int) -> str:
        """A piece of a text that is split by a mark; null when there are fewer."""
        raise Unfoldable("pieces of texts")

    # ------------------------------------------------------------ cases and calls

    def failure(self, type: str) -> str:
        """An expression of a type that stops the query when it is evaluated, and not before."""
        raise Unfoldable("a value for which M may raise")

    def alternative(self, node: Any) -> Typed:
        """A value of CASE; a number that the engine has not stops the query where it would be the answer."""
        try:
            return self.render(node)
        except NoNumber:
            return Typed("", "ERROR")

    def on_Case(self, node: Any) -> Typed:
        branches = [(branch.this, branch.args["true"]) for branch in node.args["ifs"]]
        values = [self.alternative(value) for _, value in branches]
        default = node.args.get("default")
        last = None if default is None else self.alternative(default)
        known = [v.type for v in [*values, *([last] if last else [])] if v.type not in ("ERROR", "NULL")]
        known = ["BOOLEAN" if type == "CONDITION" else type for type in known]
        if not known or len(set(known)) > 1:
            raise Unfoldable("alternatives of different types")
        type = known[0]
        parts = [
            f"WHEN {self.condition(test)} THEN {self.failure(type) if v.type == 'ERROR' else self.value_of(v)}"
            for (test, _), v in zip(branches, values, strict=True)
        ]
        if last is not None:
            parts.append(f"ELSE {self.failure(type) if last.type == 'ERROR' else self.value_of(last)}")
        return Typed(f"CASE {' '.join(parts)} END", type)

    def call(self, name: str, *nodes: Any) -> Typed:
        """A function by its name in the tree."""
        return self.on_Anonymous(exp.Anonymous(this=name, expressions=[n.copy() for n in nodes]))

    def on_Anonymous(self, node: Any) -> Typed:
        name = node.name.lower()
        form = self.functions.get(name)
        if form is None or name in self.off:
            raise Unfoldable(f"{name}() has no exact form in this engine")
        self.used.add(name)
        self.aggregating += name in AGGREGATES
        try:
            return form(self, list(node.expressions))
        finally:
            self.aggregating -= name in AGGREGATES

    def on_Count(self, node: Any) -> Typed:
        if isinstance(node.this, exp.Star):
            return Typed("count(*)", "BIGINT")
        if isinstance(node.this, exp.Distinct):
            self.aggregating += 1
            value = self.render(node.this.expressions[0])
            self.aggregating -= 1
            if value.type not in PLAIN | {"ROW"}:
                raise Unfoldable("different values of this type")
            return Typed(f"count(DISTINCT {value.sql})", "BIGINT")
        raise Unfoldable("a count of another shape")

    def value_of(self, value: Typed) -> str:
        """An output as the engine can select it."""
        return value.sql
