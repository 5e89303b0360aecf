"""Aggregates that an engine lacks, by window functions: first and last values, medians, sums in row order.

`windowed` takes a grouped query apart: a query below it numbers the rows of each group in the order that the
aggregate needs, and the group then picks one row by its number.  Which aggregates are made so, the engine says
(`Renderer.windowed`).
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from folding import terms as t


def windowed(tree: Any, names: frozenset[str]) -> Any:
    """The query without the aggregates of these names; the same tree when it has none."""
    if not names:
        return tree
    parts = [*tree.expressions, *(tree.args["order"].expressions if tree.args.get("order") else ())]
    if not any(_name(node) in names for part in parts for node in part.walk()):
        return tree
    made = _Inner(tree)
    outer = exp.Select(expressions=[made.moved(e, names) for e in tree.expressions])
    if made.keys:
        outer.set("group", exp.Group(expressions=[made.moved(g, frozenset()) for g in made.keys]))
    if tree.args.get("order"):
        outer.set(
            "order", exp.Order(expressions=[made.moved(k, names) for k in tree.args["order"].expressions])
        )
    for name in ("limit", "offset"):
        if tree.args.get(name):
            outer.set(name, tree.args[name].copy())
    outer.set("from_", exp.From(this=made.query()))
    return outer


def _name(node: Any) -> str:
    """What an aggregate is called; a sum in row order is "ordered_sum"."""
    if not isinstance(node, exp.Anonymous):
        return ""
    name = str(node.name.lower())
    return "ordered_sum" if name == "sum" and isinstance(node.expressions[0], exp.Order) else name


class _Inner:
    """The query below: the columns that the group reads, and numbers of its rows."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        self.keys = tree.args["group"].expressions if tree.args.get("group") else []
        self.alias = f"{tree.args['from_'].this.alias}_w"
        self.outputs: dict[str, tuple[str, Any]] = {}

    def query(self) -> Any:
        inner = exp.Select(
            expressions=[exp.alias_(sql, name, copy=False) for name, sql in self.outputs.values()]
            or [exp.alias_(t.whole(1), "one")],
            from_=self.tree.args["from_"].copy(),
        )
        inner.set("joins", [join.copy() for join in self.tree.args.get("joins") or ()])
        if self.tree.args.get("where"):
            inner.set("where", self.tree.args["where"].copy())
        return exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(self.alias)))

    def given(self, sql: Any) -> Any:
        """A column of the query below with this expression."""
        text = sql.sql()
        if text not in self.outputs:
            self.outputs[text] = (f"w{len(self.outputs) + 1}", sql.copy())
        return t.column(self.outputs[text][0], self.alias)

    def moved(self, node: Any, names: frozenset[str]) -> Any:
        """An expression of the group over the query below."""
        if _name(node) in names:
            return self.picked(node)
        if isinstance(node, exp.Column):
            return self.given(node)
        made = node.copy()
        for child in list(made.iter_expressions()):
            child.replace(self.moved(child, names))
        return made

    def picked(self, node: Any) -> Any:
        """An aggregate as the value of one row of the group."""
        name, value = _name(node), node.expressions[0]
        if name in ("arg_min_null", "arg_max_null"):
            first = self.numbered(node.expressions[1], down=name == "arg_max_null")
            return _only(t.binary(exp.EQ, first, t.whole(1)), self.given(value))
        if name == "ordered_sum":
            place = value.expressions[0].this
            frame = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
            running = self.over(t.function("sum", value.this.copy()), [_ordered(place, False)])
            running.set("spec", frame)
            last = t.binary(exp.EQ, self.numbered(place, down=True), t.whole(1))
            return _only(last, self.given(running))
        number = self.numbered(value, down=False)
        many = self.given(self.over(t.function("count", value.copy()), []))
        both = exp.Paren(this=t.binary(exp.Add, many, t.whole(1)))
        middle = t.binary(exp.EQ, number, exp.IntDiv(this=both, expression=t.whole(2)))
        return _only(middle, self.given(value))

    def numbered(self, by: Any, down: bool) -> Any:
        """The number of a row in its group; nulls come last."""
        return self.given(self.over(exp.RowNumber(), [_ordered(by, down)]))

    def over(self, function: Any, order: list[Any]) -> Any:
        window = exp.Window(this=function)
        partition = [key.copy() for key in self.keys if any(key.find_all(exp.Column))]
        if partition:
            window.set("partition_by", partition)
        if order:
            window.set("order", exp.Order(expressions=order))
        return window


def _ordered(by: Any, down: bool) -> Any:
    return exp.Ordered(this=by.copy(), desc=down or None, nulls_first=False)


def _only(condition: Any, value: Any) -> Any:
    return t.function("only", t.case((condition, value)))
