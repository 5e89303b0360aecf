"""From the SQL tree of a relation to the text of another engine, form by form, or not at all.

Folding builds its trees for DuckDB, where every form is proven.  A `Renderer` prints such a tree for a source
database: it knows the SQL type of every expression, and prints only what its engine does exactly (the tables of
forms in ``postgres.py``, ``sqlite.py``, ``mysql.py``, ``sqlserver.py``).  Everything else is `Unfoldable`, so a new
form is never sent to an engine that nobody tried it on.  Where an engine would give something else for some rows,
the form raises there, and the interpreter does the work.

Names and literals are written by `name` and `text` only.  Read ``remote.py`` for who calls this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen
from sqlglot import exp

from folding.terms import Unfoldable

#: Storages that compare and order as M does.
PLAIN = frozenset({"BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"})


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


#: What DuckDB prints for a type.
_NAMES = {"TEXT": "VARCHAR", "INT": "BIGINT"}
#: Nodes that every query has.
_ALWAYS = frozenset(
    {"Column", "Literal", "Paren", "Anonymous", "Boolean", "Null", "Cast", "Case", "Subquery"}
)
Form = Callable[[Any, list[Any]], Typed]


def forms(table: dict[str, Form], *names: str) -> Callable[[Form], Form]:
    """Declares how a renderer prints a function of the tree."""

    def declare(form: Form) -> Form:
        for name in names:
            table[name] = form
        return form

    return declare


class Renderer:
    """Prints one query; ``tables`` gives the leaves by alias, ``off`` names forms that this server does otherwise."""

    dialect = ""
    #: SQL type names by storage.
    types: dict[str, str]
    functions: dict[str, Form]
    #: Join sides that the engine has.
    sides = frozenset({"LEFT", "RIGHT", "FULL"})
    null_safe = ("IS NOT DISTINCT FROM", "IS DISTINCT FROM")
    true, false = "TRUE", "FALSE"
    #: Whether a condition is a value (SQL Server has none).
    conditions_are_values = True
    derived_alias = " AS "

    def __init__(self, tables: dict[str, Any], off: frozenset[str] = frozenset()) -> None:
        self.tables, self.off = tables, off
        #: For the outermost query: how its columns travel, given their types.
        self.wire: Callable[[int, str], str] | None = None
        self.scopes: list[dict[str, dict[str, str]]] = []
        #: Whether the query of the scope has outer joins.
        self.outer: list[bool] = []
        self.level = 0
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

    # ------------------------------------------------------------ queries

    def query(self, tree: Any) -> tuple[str, list[str]]:
        """The text of a query and the types of its columns."""
        if isinstance(tree, exp.Union):
            left, types = self.query(tree.this)
            right, others = self.query(tree.expression)
            types = [self.common(a, b) for a, b in zip(types, others, strict=True)]
            return f"{left}{self.line()}UNION ALL{self.line()}{right}", types
        if not isinstance(tree, exp.Select):
            raise Unfoldable("a query of another shape")
        return self.select(tree)

    def common(self, a: str, b: str) -> str:
        if a == b or b == "NULL":
            return a
        if a == "NULL":
            return b
        raise Unfoldable("columns of different types one below the other")

    def line(self) -> str:
        return "\n" + "  " * self.level

    def select(self, tree: Any) -> tuple[str, list[str]]:
        scope: dict[str, dict[str, str]] = {}
        self.scopes.append(scope)
        self.outer.append(any(join.args.get("side") for join in tree.args.get("joins") or ()))
        source = self.origin(tree.args["from_"].this, scope)
        semis: list[str] = []
        for join in tree.args.get("joins") or ():
            item = self.origin(join.this, scope)
            condition = self.join_condition(join.args["on"])
            if join.args.get("kind") in ("SEMI", "ANTI"):
                no = "NOT " if join.args["kind"] == "ANTI" else ""
                semis.append(f"{no}EXISTS (SELECT 1 FROM {item} WHERE {condition})")
                continue
            side = join.args.get("side") or "INNER"
            if side not in ("INNER", *self.sides):
                raise Unfoldable(f"{side.lower()} joins are not in this engine")
            source += f"{self.line()}{side} JOIN {item} ON {condition}"
        outputs = [self.output(e) for e in tree.expressions]
        where = tree.args.get("where")
        conditions = [self.condition(where.this)] if where is not None else []
        group = tree.args.get("group")
        sent = self.travelling([self.value_of(v) for _, v in outputs], [v.type for _, v in outputs])
        items = [f"{item} AS {n}" if n else item for item, (n, _) in zip(sent, outputs, strict=True)]
        text = f"SELECT {', '.join(items)}"
        text += f"{self.line()}FROM {source}"
        if conditions or semis:
            if conditions and semis and " OR " in conditions[0]:
                conditions[0] = f"({conditions[0]})"
            text += f"{self.line()}WHERE {' AND '.join(conditions + semis)}"
        if group is not None:
            text += f"{self.line()}GROUP BY {', '.join(self.group_key(g) for g in group.expressions)}"
        order = tree.args.get("order")
        if order is not None:
            text += f"{self.line()}ORDER BY {', '.join(self.ordered(k) for k in order.expressions)}"
        limit, offset = tree.args.get("limit"), tree.args.get("offset")
        text = self.limited(
            text, None if limit is None else int(limit.expression.name),
            None if offset is None else int(offset.expression.name), order is not None,
        )  # fmt: skip
        self.scopes.pop()
        self.outer.pop()
        return text, [v.type for _, v in outputs]

    def travelling(self, items: list[str], types: list[str]) -> list[str]:
        """The outputs of the outermost query in the forms in which they travel."""
        if self.wire is None or len(self.scopes) > 1:
            return items
        sent = []
        for index, (item, type) in enumerate(zip(items, types, strict=True)):
            template = self.wire(index, type)
            stored = item.partition(".")[0] in self.tables and item.replace(".", "").isalnum()
            if template == "{}" and type == "DOUBLE" and not stored:
                template = self.computed_double
            sent.append(template.format(item))
        return sent

    #: How a double travels that was computed.
    computed_double = "{}"

    def value_of(self, value: Typed) -> str:
        """An output as the engine can select it."""
        return value.sql

    def group_key(self, node: Any) -> str:
        return self.render(node).sql

    def limited(self, text: str, limit: int | None, offset: int | None, ordered: bool) -> str:
        """LIMIT and OFFSET."""
        if limit is not None:
            text += f"{self.line()}LIMIT {limit}"
        if offset:
            text += ("" if limit is not None else self.no_limit()) + f" OFFSET {offset}"
        return text

    def no_limit(self) -> str:
        """What stands before OFFSET where there is no limit."""
        return ""

    def output(self, node: Any) -> tuple[str, Typed]:
        if isinstance(node, exp.Star):
            types = self.star()
            return "", Typed("*", types)
        if isinstance(node, exp.Alias):
            value = self.render(node.this)
            if value.type == "ERROR":
                raise Unfoldable("a column that only raises")
            return node.alias, value
        raise Unfoldable("an output without a name")

    def star(self) -> str:
        raise Unfoldable("all columns of a limited part of a combination")

    def origin(self, node: Any, scope: dict[str, dict[str, str]]) -> str:
        """A FROM item; its columns enter the scope."""
        alias = node.alias
        if isinstance(node, exp.Subquery):
            self.level += 1
            start = self.line()
            inner, types = self.query(node.this)
            self.level -= 1
            first = node.this
            while isinstance(first, exp.Union):
                first = first.this
            names = [e.alias for e in first.expressions]
            scope[alias] = dict(zip(names, types, strict=True))
            return f"({start}{inner}{self.line()}){self.derived_alias}{alias}"
        if (
            isinstance(node, exp.Table)
            and isinstance(node.this, exp.Anonymous)
            and node.this.name == "source"
        ):
            return self.leaf(alias, [e.name for e in node.this.expressions], scope)
        raise Unfoldable("a source that is not in this database")

    def leaf(self, alias: str, needed: list[str], scope: dict[str, dict[str, str]]) -> str:
        """A table of the database: the needed columns under their names here."""
        found = self.tables[alias]
        items, types = [], {}
        for wanted in needed:
            if wanted == "r1":
                items.append(f"{found.place} AS r1")
                types["r1"] = found.place_storage
            else:
                column = found.columns[int(wanted[1:]) - 1]
                items.append(f"{column.expression} AS {wanted}")
                types[wanted] = column.storage
        scope[alias] = types
        return f"(SELECT {', '.join(items) or '1 AS one'} FROM {found.relation}){self.derived_alias}{alias}"

    # ------------------------------------------------------------ order

    def ordered(self, node: Any) -> str:
        """One criterion of ORDER BY, nulls where the tree says."""
        value = self.render(node.this)
        if value.type not in PLAIN | {"TID"}:
            raise Unfoldable("an order of values of a type that the engine orders otherwise")
        down, nulls_first = bool(node.args.get("desc")), bool(node.args.get("nulls_first"))
        if not nulls_first and self.never_null(node.this):
            return f"{value.sql}{' DESC' if down else ''}"
        return self.criterion(value, down, nulls_first)

    def never_null(self, node: Any) -> bool:
        """Whether an expression is the place of a row of a table that no outer join may miss."""
        return (
            isinstance(node, exp.Column)
            and node.name == "r1"
            and node.table in self.tables
            and not self.outer[-1]
        )

    def criterion(self, value: Typed, down: bool, nulls_first: bool) -> str:
        return f"{value.sql}{' DESC' if down else ''} NULLS {'FIRST' if nulls_first else 'LAST'}"

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

    def join_condition(self, node: Any) -> str:
        """Equality of keys in a form that the engine can look up, nulls being equal."""
        if isinstance(node, exp.Paren):
            return self.join_condition(node.this)
        if isinstance(node, exp.And):
            return f"{self.join_condition(node.this)} AND {self.join_condition(node.expression)}"
        if isinstance(node, exp.NullSafeEQ):
            return self.null_safe_join(node)
        value = self.condition(node)
        return f"({value})" if isinstance(node, exp.Or) else value

    def null_safe_join(self, node: Any) -> str:
        left, right = self.pair(node)
        some = self.some.get(left.type)
        if some is None:
            raise Unfoldable("a join key of this type")
        return (
            f"coalesce({left.sql}, {some}) = coalesce({right.sql}, {some}) "
            f"AND ({left.inner} IS NULL) = ({right.inner} IS NULL)"
        )

    #: Any value of a type.
    some = {  # noqa: RUF012
        "BIGINT": "0", "DOUBLE": "0", "VARCHAR": "''", "DATE": "DATE '2000-01-01'",
        "TIMESTAMP": "TIMESTAMP '2000-01-01 00:00:00'", "BOOLEAN": "FALSE",
    }  # fmt: skip

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
        target = _NAMES.get(node.to.sql("duckdb"), node.to.sql("duckdb"))
        inner = node.this
        negative = isinstance(inner, exp.Neg)
        if isinstance(inner, exp.Literal) and inner.is_string:
            return self.constant(inner.this, target)
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
        return Typed(f"{self.render(node.this).inner} IS NULL", "BOOLEAN", False)

    # ------------------------------------------------------------ comparison

    def pair(self, node: Any) -> tuple[Typed, Typed]:
        """Two operands of one type that compares as in M."""
        left, right = self.render(node.this), self.render(node.expression)
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

    # ------------------------------------------------------------ cases and calls

    def failure(self, type: str) -> str:
        """An expression of a type that stops the query when it is evaluated, and not before."""
        raise Unfoldable("a value for which M may raise")

    def on_Case(self, node: Any) -> Typed:
        branches = [(branch.this, branch.args["true"]) for branch in node.args["ifs"]]
        values = [self.render(value) for _, value in branches]
        default = node.args.get("default")
        last = None if default is None else self.render(default)
        known = [v.type for v in [*values, *([last] if last else [])] if v.type not in ("ERROR", "NULL")]
        if not known or len(set(known)) > 1:
            raise Unfoldable("alternatives of different types")
        type = known[0]
        parts = [
            f"WHEN {self.condition(test)} THEN {self.failure(type) if v.type == 'ERROR' else self.value_of(v)}"
            for (test, _), v in zip(branches, values, strict=True)
        ]
        if last is not None:
            parts.append(f"ELSE {self.failure(type) if last.type == 'ERROR' else self.value_of(last)}")
        return Typed(f"CASE {' '.join(parts)} END", "BOOLEAN" if type == "CONDITION" else type)

    def on_Anonymous(self, node: Any) -> Typed:
        name = node.name.lower()
        form = self.functions.get(name)
        if form is None or name in self.off:
            raise Unfoldable(f"{name}() has no exact form in this engine")
        self.used.add(name)
        return form(self, list(node.expressions))

    def on_Count(self, node: Any) -> Typed:
        if isinstance(node.this, exp.Star):
            return Typed("count(*)", "BIGINT")
        if isinstance(node.this, exp.Distinct):
            value = self.render(node.this.expressions[0])
            if value.type not in PLAIN:
                raise Unfoldable("different values of this type")
            return Typed(f"count(DISTINCT {value.sql})", "BIGINT")
        raise Unfoldable("a count of another shape")

    def on_Subquery(self, node: Any) -> Typed:
        self.level += 1
        text, types = self.query(node.this)
        self.level -= 1
        return Typed(f"({text})", types[0])

    # ------------------------------------------------------------ windows

    def on_Window(self, node: Any) -> Typed:
        made = self.render(node.this)
        parts = []
        if node.args.get("partition_by"):
            parts.append("PARTITION BY " + ", ".join(self.group_key(k) for k in node.args["partition_by"]))
        if node.args.get("order") is not None:
            parts.append("ORDER BY " + ", ".join(self.ordered(k) for k in node.args["order"].expressions))
        spec = node.args.get("spec")
        if spec is not None:
            parts.append("ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW")
        return Typed(f"{made.sql} OVER ({' '.join(parts)})", made.type)

    def on_RowNumber(self, node: Any) -> Typed:
        return Typed("row_number()", "BIGINT")
