"""Generated code gives what the reference walker gives, on random programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from walker import walk

from mlang.compile.entry import Document, run
from mlang.errors import MError
from mlang.syntax import nodes as n
from mlang.syntax import print_node
from mlang.values.show import to_m

NAMES = ["a", "b", "c", "x", "y", "f"]


def literals() -> st.SearchStrategy[n.Node]:
    values = st.sampled_from([None, True, False, 0.0, 1.0, 2.0, 3.5, "", "t", "u"])
    return values.map(n.Literal)


def paren(node: n.Node) -> n.Node:
    return node if isinstance(node, (n.Literal, n.Name, n.List, n.Record)) else n.Parenthesized(node)


@st.composite
def expressions(draw: Any, scope: tuple[str, ...] = (), depth: int = 4) -> n.Node:
    leaves = [literals()]
    if scope:
        leaves += [st.sampled_from(scope).map(n.Name)] * 3
    if "_" in scope:
        names = st.sampled_from(NAMES[:4])
        leaves += [names.map(lambda x: n.FieldAccess(None, x, False))] * 2
        leaves += [names.map(lambda x: n.FieldAccess(n.Name("_"), x, True))]
    if depth == 0:
        return draw(st.one_of(leaves))

    def sub(extra: tuple[str, ...] = ()) -> n.Node:
        return draw(expressions((*scope, *extra), depth - 1))

    kind = draw(
        st.sampled_from(
            [
                "leaf",
                "binary",
                "binary",
                "if",
                "let",
                "let",
                "let",
                "record",
                "list",
                "call",
                "try",
                "field",
                "item",
                "lambda",
                "error",
                "unary",
                "logic",
                "row",
                "row",
            ]
        )  # fmt: skip
    )
    if kind == "leaf":
        return draw(st.one_of(leaves))
    if kind == "binary":
        op = draw(st.sampled_from(["+", "-", "*", "/", "&", "=", "<>", "<", ">=", "??"]))
        return n.Binary(op, paren(sub()), paren(sub()))
    if kind == "logic":
        return n.Binary(draw(st.sampled_from(["and", "or"])), paren(sub()), paren(sub()))
    if kind == "unary":
        return n.Unary(draw(st.sampled_from(["-", "not"])), paren(sub()))
    if kind == "if":
        return n.If(sub(), sub(), sub())
    if kind == "try":
        other = draw(st.sampled_from(["none", "otherwise", "catch"]))
        if other == "none":
            return n.FieldAccess(n.Parenthesized(n.Try(sub(), None, None)), "HasError", False)
        if other == "otherwise":
            return n.Try(sub(), sub(), None)
        return n.Try(sub(), None, n.Function((), None, sub()))
    if kind == "error":
        return n.Error(n.Literal("boom"))
    if kind == "let":
        names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
        return n.Let(tuple(n.Binding(x, sub(tuple(names))) for x in names), sub(tuple(names)))
    if kind == "record":
        names = draw(st.lists(st.sampled_from(NAMES), min_size=0, max_size=3, unique=True))
        return n.Record(tuple(n.Binding(x, sub(tuple(names))) for x in names))
    if kind == "list":
        return n.List(tuple(sub() for _ in range(draw(st.integers(0, 3)))))
    if kind == "field":
        names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
        record = n.Record(tuple(n.Binding(x, sub(tuple(names))) for x in names))
        return n.FieldAccess(record, draw(st.sampled_from(names)), draw(st.booleans()))
    if kind == "item":
        items = n.List(tuple(sub() for _ in range(draw(st.integers(1, 3)))))
        return n.ItemAccess(items, n.Literal(float(draw(st.integers(0, 2)))), draw(st.booleans()))
    if kind == "call":
        name = draw(st.sampled_from(NAMES))
        function = n.Parenthesized(n.Function((n.Parameter(name, False, None),), None, sub((name,))))
        return n.Invocation(function, (sub(),))
    if kind == "row":
        names = draw(st.lists(st.sampled_from(NAMES[:4]), min_size=1, max_size=4, unique=True))
        record = n.Record(tuple(n.Binding(x, sub(tuple(names))) for x in names))
        return n.Invocation(n.Parenthesized(n.Each(sub(("_",)))), (record,))
    return n.Each(sub(("_",)))


def outcome(compute: Any) -> str:
    try:
        return to_m(compute())
    except MError as error:
        return f"!! {error}"


def known(node: n.Node) -> bool:
    """Whether both evaluators can run it: no name that nothing defines."""
    try:
        Document(node, environment={}).value()
    except MError as error:
        return "doesn't exist" not in str(error.message)
    return True


@settings(max_examples=400)
@given(expressions())
def test_compiled_equals_walked(tree: n.Node) -> None:
    def both() -> tuple[str, str]:
        if not known(tree):
            return "", ""
        try:
            walked = outcome(lambda: walk(tree, None))
        except KeyError:
            return "", ""
        return outcome(lambda: Document(tree, environment={}).value()), walked

    compiled, walked = run(both)
    assert compiled == walked, print_node(tree)
