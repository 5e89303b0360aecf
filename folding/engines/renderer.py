"""From the SQL tree of a relation to the text of another engine, form by form, or not at all.

Folding builds its trees for DuckDB, where every form is proven.  A `Renderer` prints such a tree for a source
database: it knows the SQL type of every expression, and prints only what its engine does exactly (the tables of
forms in ``postgres.py``, ``sqlite.py``, ``mysql.py``, ``sqlserver.py``).  Everything else is `Unfoldable`, so a new
form is never sent to an engine that nobody tried it on.  Where an engine would give something else for some rows,
the form raises there, and the interpreter does the work.

Names and literals are written by `name` and `text` only, expressions by ``expressions.py``.  Read ``remote.py``
for who calls this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlglot import exp

from folding.engines.decorrelate import decorrelated
from folding.engines.expressions import AGGREGATES, PLAIN, Expressions, Form, NoNumber, Typed, forms
from folding.engines.grouped_windows import windowed
from folding.terms import Unfoldable


def aggregates_of(tree: Any) -> Iterator[Any]:
    """The aggregates among the outputs of a query."""
    for output in tree.expressions:
        for node in output.walk(prune=lambda n: isinstance(n, (exp.Window, exp.Subquery))):
            if isinstance(node, exp.Count) or (
                isinstance(node, exp.Anonymous) and node.name.lower() in AGGREGATES
            ):
                yield node


class Renderer(Expressions):
    """Prints one query; ``tables`` gives the leaves by alias, ``off`` names forms that this server does otherwise."""

    dialect = ""
    #: Join sides that the engine has.
    sides = frozenset({"LEFT", "RIGHT", "FULL"})
    #: Aggregates that are made with window functions.
    windowed: frozenset[str] = frozenset()
    #: Whether a condition is a value (SQL Server has none).
    conditions_are_values = True
    derived_alias = " AS "

    def __init__(self, tables: dict[str, Any], off: frozenset[str] = frozenset()) -> None:
        super().__init__(off)
        self.tables = tables
        #: For the outermost query: how its columns travel, given their types.
        self.wire: Callable[[int, str], str] | None = None
        #: The types of the columns of common table expressions, by their names.
        self.defined: dict[str, dict[str, str]] = {}
        #: Whether the query of the scope has outer joins.
        self.outer: list[bool] = []
        #: Whether it is grouped.
        self.groups: list[bool] = []
        self.level = 0

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
        definitions = [self.definition(cte) for cte in (tree.args.get("with_") or exp.With()).expressions]
        text, types = self.select(tree)
        return (f"WITH {', '.join(definitions)}{self.line()}" if definitions else "") + text, types

    def definition(self, node: Any) -> str:
        """A common table expression; its columns are known from then on."""
        self.scopes.append({})  # it is no query of which columns travel
        self.level += 1
        start = self.line()
        text, types = self.query(node.this)
        self.level -= 1
        self.scopes.pop()
        self.defined[node.alias] = dict(zip([e.alias for e in node.this.expressions], types, strict=True))
        return f"{node.alias} AS ({start}{text}{self.line()})"

    def common(self, a: str, b: str) -> str:
        if a == b or b == "NULL":
            return a
        if a == "NULL":
            return b
        raise Unfoldable("columns of different types one below the other")

    def line(self) -> str:
        return "\n" + "  " * self.level

    def select(self, tree: Any) -> tuple[str, list[str]]:
        tree = decorrelated(windowed(tree, self.windowed))
        scope: dict[str, dict[str, str]] = {}
        self.scopes.append(scope)
        self.groups.append(tree.args.get("group") is not None or any(aggregates_of(tree)))
        self.outer.append(any(join.args.get("side") for join in tree.args.get("joins") or ()))
        source = self.origin(tree.args["from_"].this, scope)
        semis: list[str] = []
        for join in tree.args.get("joins") or ():
            item = self.origin(join.this, scope)
            if join.args.get("kind") == "CROSS":
                source += f"{self.line()}CROSS JOIN {item}"
                continue
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
        self.groups.pop()
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
        if isinstance(node, exp.Subquery) and node.alias:
            return node.alias, self.render(node)
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
        if isinstance(node, exp.Table) and node.name in self.defined:
            scope[alias] = self.defined[node.name]
            return f"{node.name}{self.derived_alias}{alias}"
        if (
            isinstance(node, exp.Table)
            and isinstance(node.this, exp.Anonymous)
            and node.this.name == "source"
        ):
            return self.leaf(alias, [e.name for e in node.this.expressions], scope)
        if isinstance(node, exp.Table) and node.this.name == "numbers":
            scope[alias] = {"r1": "BIGINT"}
            first, *others = range(1, int(node.this.expressions[0].name) + 1)
            rows = [f"SELECT {first} AS r1", *(f"SELECT {n}" for n in others)]
            return f"({' UNION ALL '.join(rows)}){self.derived_alias}{alias}"
        raise Unfoldable("a source that is not in this database")

    def leaf(self, alias: str, needed: list[str], scope: dict[str, dict[str, str]]) -> str:
        """A table of the database: the needed columns under their names here."""
        found = self.tables[alias]
        place, relation = self.numbered(alias, found) if "r1" in needed else ("", found.relation)
        items, types = [], {}
        for wanted in needed:
            if wanted == "r1":
                items.append(f"{place} AS r1")
                types["r1"] = found.place_storage
            else:
                column = found.columns[int(wanted[1:]) - 1]
                items.append(f"{column.expression} AS {wanted}")
                types[wanted] = column.storage
        scope[alias] = types
        return f"(SELECT {', '.join(items) or '1 AS one'} FROM {relation}){self.derived_alias}{alias}"

    def numbered(self, alias: str, found: Any) -> tuple[str, str]:
        """The place of a table's rows in M's order, and what stands after FROM for it."""
        return found.place, found.relation

    # ------------------------------------------------------------ joins

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
        "BIGINT": "0", "DOUBLE": "0", "DECIMAL": "0", "VARCHAR": "''", "DATE": "DATE '2000-01-01'",
        "TIMESTAMP": "TIMESTAMP '2000-01-01 00:00:00'", "BOOLEAN": "FALSE",
    }  # fmt: skip

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


__all__ = ["PLAIN", "Form", "NoNumber", "Renderer", "Typed", "forms"]
