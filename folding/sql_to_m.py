"""SQL queries over one table as M text: what SqlExpression.ToExpression answers.

The M text keeps SQL's meaning: equality with null is null (Value.NullableEquals), a CASE whose
condition is null takes the next branch, aggregates leave nulls out.  What has no such
translation (joins, windows, LIKE, subqueries in expressions) is refused by name.  The way from
M to SQL begins in ``boundary.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mlang import errors
from mlang.values.show import identifier, to_m

_NAME = "SqlExpression.ToExpression"
_ARITHMETIC = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "DPipe": "&", "And": "and", "Or": "or",
               "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<="}  # fmt: skip
_CALLS = {"Upper": "Text.Upper", "Lower": "Text.Lower", "Abs": "Number.Abs"}
_AGGREGATES = {"Sum": "List.Sum", "Avg": "List.Average", "Min": "List.Min", "Max": "List.Max"}
#: Clauses of SELECT that are translated.
_CLAUSES = frozenset(("expressions", "from", "from_", "where", "group", "having", "order", "limit", "offset",
                      "distinct"))  # fmt: skip
_UNION = frozenset(("this", "expression", "distinct"))


def translate(sql: str, names: Iterable[str]) -> str:
    """The M text of a query over tables of these names."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql, read="tsql")
    except SqlglotError:
        raise errors.bad_sql(sql) from None
    return _Query({name.lower(): name for name in names}).table(tree)


def _unsupported(what: str) -> errors.MError:
    return errors.not_supported(_NAME, what)


def _text(value: str) -> str:
    return to_m(value)


class _Query:
    """Translates queries; ``names`` are those of the environment by their lower case."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def table(self, node: Any) -> str:
        """A query, or the name of a table, as M text."""
        kind = node.__class__.__name__
        if kind == "Subquery":
            return self.table(node.this)
        if kind == "Union" and node.args.get("distinct") is False and not set(_given(node)) - _UNION:
            return f"Table.Combine({{{self.table(node.left)}, {self.table(node.right)}}})"
        if kind == "Table" and not node.args.get("joins"):
            found = self.names.get(node.name.lower())
            if found is None or node.args.get("db"):
                raise errors.unknown_name(node.sql())
            return identifier(found) if "." not in found else found
        if kind == "Select":
            return self.select(node)
        raise _unsupported(f"the SQL form {kind}")

    def select(self, node: Any) -> str:
        other = [name for name in _given(node) if name not in _CLAUSES]
        if other:
            raise _unsupported(f"the SQL clause {other[0]}")
        source = node.args.get("from_") or node.args.get("from")
        if source is None:
            raise _unsupported("a SQL query without FROM")
        rows = self.table(source.this)
        if node.args.get("where"):
            rows = f"Table.SelectRows({rows}, each {self.value(node.args['where'].this)})"
        items = node.expressions
        grouped = node.args.get("group")
        if grouped or any(self.aggregates(item) for item in items):
            rows = self.grouped(rows, node, items, grouped.expressions if grouped else [])
        elif node.args.get("having"):
            raise _unsupported("HAVING without GROUP BY")
        else:
            rows = self.projected(rows, node, items)
        if node.args.get("distinct"):
            rows = f"Table.Distinct({rows})"
        if self.sorts_result(node):
            rows = self.ordered(rows, node)
        return self.limited(rows, node)

    def sorts_result(self, node: Any) -> bool:
        """Whether the result is sorted, by its own columns; else the rows that it is made of are."""
        order = node.args.get("order")
        titles = {_title(item, place) for place, item in enumerate(node.expressions)}
        star = any(item.__class__.__name__ == "Star" for item in node.expressions)
        by_title = bool(order) and (star or all(self.column(key.this) in titles for key in order.expressions))
        if order and not by_title and node.args.get("distinct"):
            raise _unsupported("ordering distinct rows by what isn't selected")
        return by_title

    def projected(self, rows: str, node: Any, items: list[Any]) -> str:
        """Rows in their order, of which the columns are chosen or computed."""
        if not self.sorts_result(node):
            rows = self.ordered(rows, node)
        if len(items) == 1 and items[0].__class__.__name__ == "Star":
            return rows
        fields = []
        for place, item in enumerate(items):
            if item.__class__.__name__ == "Star":
                raise _unsupported("* beside other columns")
            fields.append(f"{identifier(_title(item, place))} = {self.value(_bare(item))}")
        names = ", ".join(_text(_title(item, place)) for place, item in enumerate(items))
        return f"Table.FromRecords(Table.TransformRows({rows}, each [{', '.join(fields)}]), {{{names}}})"

    def grouped(self, rows: str, node: Any, items: list[Any], keys: list[Any]) -> str:
        """A row for each combination of key columns; without keys there is always one row."""
        if not keys:
            if node.args.get("having"):
                raise _unsupported("HAVING without GROUP BY")
            titles = ", ".join(_text(_title(item, place)) for place, item in enumerate(items))
            cells = ", ".join(f"(each {self.aggregate(_bare(item))})(rows)" for item in items)
            return f"let rows = {rows} in #table({{{titles}}}, {{{{{cells}}}}})"
        names = [self.column(key) for key in keys]
        parts, renames = [], []
        for place, item in enumerate(items):
            bare, title = _bare(item), _title(item, place)
            if bare.__class__.__name__ == "Column" and self.column(bare) in names:
                renames.append((self.column(bare), title))
                continue
            parts.append((title, f"each {self.aggregate(bare)}"))
        if node.args.get("having"):
            parts.append(("#having", f"each {self.aggregate(node.args['having'].this)}"))
        listed = ", ".join(f"{{{_text(title)}, {function}}}" for title, function in parts)
        text = f"Table.Group({rows}, {{{', '.join(map(_text, names))}}}, {{{listed}}})"
        if node.args.get("having"):
            text = f'Table.SelectRows({text}, each [#"#having"])'
        if not self.sorts_result(node):
            text = self.ordered(text, node)
        shown = [
            self.column(_bare(i)) if self.is_key(i, names) else _title(i, n) for n, i in enumerate(items)
        ]
        text = f"Table.SelectColumns({text}, {{{', '.join(map(_text, shown))}}})"
        pairs = ", ".join(f"{{{_text(old)}, {_text(new)}}}" for old, new in renames if old != new)
        return f"Table.RenameColumns({text}, {{{pairs}}})" if pairs else text

    def is_key(self, item: Any, names: list[str]) -> bool:
        bare = _bare(item)
        return bare.__class__.__name__ == "Column" and self.column(bare) in names

    def ordered(self, rows: str, node: Any) -> str:
        order = node.args.get("order")
        if not order:
            return rows
        keys = []
        for key in order.expressions:
            direction = "Order.Descending" if key.args.get("desc") else "Order.Ascending"
            keys.append(f"{{{_text(self.column(key.this))}, {direction}}}")
        return f"Table.Sort({rows}, {{{', '.join(keys)}}})"

    def limited(self, rows: str, node: Any) -> str:
        for clause, function in (("offset", "Table.Skip"), ("limit", "Table.FirstN")):
            found = node.args.get(clause)
            if found is not None:
                count = found.args.get("expression") or found.args.get("count")
                options = found.args.get("limit_options")
                if options is not None and set(_given(options)) & {"percent", "with_ties"}:
                    raise _unsupported("TOP with PERCENT or TIES")
                rows = f"{function}({rows}, {self.value(count)})"
        return rows

    # ------------------------------------------------------------ expressions

    def column(self, node: Any) -> str:
        if node.__class__.__name__ != "Column":
            raise _unsupported("ordering or grouping by what is no column")
        return str(node.name)

    def aggregates(self, node: Any) -> bool:
        from sqlglot import exp

        return node.find(exp.AggFunc) is not None

    def aggregate(self, node: Any) -> str:
        """An expression of aggregates over the table ``_``."""
        kind = node.__class__.__name__
        if kind == "Count":
            inner = node.this
            if inner.__class__.__name__ == "Star":
                return "Number.From(Table.RowCount(_))"
            if inner.__class__.__name__ == "Distinct" and len(inner.expressions) == 1:
                return f"List.NonNullCount(List.Distinct({self.cells(inner.expressions[0])}))"
            return f"List.NonNullCount({self.cells(inner)})"
        if kind in _AGGREGATES and node.this.__class__.__name__ != "Distinct":
            return f"{_AGGREGATES[kind]}({self.cells(node.this)})"
        if kind == "Column":
            raise _unsupported(f"the column {node.name} that isn't grouped by")
        return self.value(node, self.aggregate)

    def cells(self, node: Any) -> str:
        """The values of an expression, of all rows of ``_``."""
        return f"Table.TransformRows(_, each {self.value(node)})"

    def value(self, node: Any, inner: Any = None) -> str:
        """An expression of the row ``_``; ``inner`` translates its parts, itself unless given."""
        part = inner or self.value
        kind = node.__class__.__name__
        if kind == "Column":
            return f"[{identifier(node.name)}]"
        if kind == "Literal":
            return _text(node.this) if node.is_string else str(node.this)
        if kind == "National":
            return _text(node.name)
        if kind in ("Null", "Boolean"):
            return "null" if kind == "Null" else str(node.this).lower()
        if kind == "Paren":
            return f"({part(node.this)})"
        if kind in _ARITHMETIC:
            return f"({part(node.left)} {_ARITHMETIC[kind]} {part(node.right)})"
        if kind in ("EQ", "NEQ"):
            same = f"Value.NullableEquals({part(node.left)}, {part(node.right)})"
            return same if kind == "EQ" else f"(not {same})"
        if kind in ("Not", "Neg"):
            return f"({'not' if kind == 'Not' else '-'} {part(node.this)})"
        if kind == "Is" and node.expression.__class__.__name__ == "Null":
            return f"({part(node.this)} = null)"
        return self.form(node, kind, part)

    def form(self, node: Any, kind: str, part: Any) -> str:
        """The longer forms: IN, BETWEEN, CASE, COALESCE and calls."""
        if kind == "In" and node.expressions:
            tests = [f"Value.NullableEquals({part(node.this)}, {part(item)})" for item in node.expressions]
            return f"({' or '.join(tests)})"
        if kind == "Between":
            this = part(node.this)
            return f"({this} >= {part(node.args['low'])} and {this} <= {part(node.args['high'])})"
        if kind == "Case" and node.args.get("this") is None:
            default = node.args.get("default")
            text = "null" if default is None else part(default)
            for branch in reversed(node.args["ifs"]):
                text = f"if ({part(branch.this)} ?? false) then {part(branch.args['true'])} else {text}"
            return f"({text})"
        if kind == "Coalesce":
            return f"({' ?? '.join(part(item) for item in (node.this, *node.expressions))})"
        if kind in _CALLS:
            return f"{_CALLS[kind]}({part(node.this)})"
        raise _unsupported(f"the SQL expression {kind}")


def _given(node: Any) -> list[str]:
    """The clauses that a query has."""
    return [name for name, value in node.args.items() if value]


def _bare(item: Any) -> Any:
    """What a selected item computes, without its alias."""
    return item.this if item.__class__.__name__ == "Alias" else item


def _title(item: Any, place: int) -> str:
    """The name of a selected item."""
    return str(item.alias_or_name or f"Column{place + 1}")
