"""Laws of edits on random programs: renaming back gives the same text, and no edit changes what a program gives."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from programs import NAMES, expressions
from test_compiler import outcome

from mlang import registry
from mlang.app.linting.command import chosen_rules, lint_text
from mlang.app.linting.fixes import fixed
from mlang.app.refactoring.edits import Edited, Refused
from mlang.app.refactoring.extract import extract
from mlang.app.refactoring.inline import inline
from mlang.app.refactoring.rename import rename
from mlang.app.refactoring.source import STEP, Source, outer_let
from mlang.compile.entry import Document, run
from mlang.syntax import nodes as n
from mlang.syntax import print_node
from mlang.syntax.spans import line_column

EXAMPLES = int(os.environ.get("MLANG_EXAMPLES", "60"))
LAW = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
FRESH = ["new", "a b", "1st", "each", "_", *NAMES]


@st.composite
def lets(draw: Any) -> n.Node:
    """A program whose outermost form is a let."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    bindings = tuple(n.Binding(x, draw(expressions(tuple(names), 3))) for x in names)
    return n.Let(bindings, draw(expressions(tuple(names), 3)))


def result(text: str, query: str | None = None) -> str:
    """What a program gives, without the places in messages."""
    import re

    return re.sub(
        r"\[\d+,\d+-\d+,\d+\] |The name '[^']*'",
        "",
        run(lambda: outcome(lambda: Document(text).value(query))),
    )


def unknown(source: Source) -> bool:
    """Whether it mentions a name that nothing defines: such a program does not even start."""
    return any(registry.lookup(node.name) is None for node in source.scopes.free)


def where(source: Source, number: int) -> tuple[int, int]:
    """Line and column of a definition."""
    return line_column(source.text, source.name_span(source.places[number].node)[0])


@LAW
@given(st.one_of(lets(), expressions()), st.data())
def test_renaming_keeps_results_and_goes_back(tree: n.Node, data: Any) -> None:
    text = print_node(tree)
    source = Source(text)
    if not source.places:
        return
    number = data.draw(st.integers(0, len(source.places) - 1))
    place, new_name = source.places[number], data.draw(st.sampled_from(FRESH))
    try:
        _, edits = rename(source, place.name, new_name, where(source, number))
    except Refused:
        return
    renamed = Edited(text, edits).text
    assert result(renamed) == result(text)
    after = Source(renamed)
    _, back = rename(after, new_name, place.name, where(after, number))
    assert Edited(renamed, back).text == text


@LAW
@given(lets(), st.data())
def test_inlining_keeps_results(tree: n.Node, data: Any) -> None:
    text = print_node(tree)
    source = Source(text)
    if unknown(source):
        return
    place = data.draw(st.sampled_from([p for p in source.places if p.kind == STEP]))
    try:
        edits = inline(source, place)
    except Refused:
        return
    inlined = Edited(text, edits).text
    assert result(inlined) == result(text), inlined


@LAW
@given(lets(), st.data())
def test_extracting_keeps_results(tree: n.Node, data: Any) -> None:
    text = f"section S; shared Q = {print_node(tree)};"
    source = Source(text)
    let = outer_let(source.members["Q"].value)
    assert let is not None
    if unknown(source):
        return
    step = data.draw(st.sampled_from([b.name for b in let.bindings]))
    try:
        edits, _ = extract(source, "Q", step, data.draw(st.sampled_from(["New", "a b", step])))
    except Refused:
        return
    extracted = Edited(text, edits).text
    assert result(extracted, "Q") == result(text, "Q"), extracted


@LAW
@given(st.one_of(lets(), expressions()))
def test_fixing_keeps_results(tree: n.Node) -> None:
    """Nothing that --fix does changes what a program gives, but for names that are nearly right."""
    text = print_node(tree)
    if unknown(Source(text)):
        return
    rules = chosen_rules("ALL")
    new, _ = fixed(text, lambda t: lint_text(t, "x.pq", rules))
    assert result(new) == result(text), new


@LAW
@given(expressions())
def test_names_mean_what_the_compiler_says(tree: n.Node) -> None:
    """The names that an edit follows are those that the compiler resolves."""
    from mlang.compile.entry import Environment
    from mlang.compile.scopes import UnknownName, Variable, resolve

    source = Source(print_node(tree))
    document = Document(source.tree)
    try:
        resolution = run(lambda: resolve(source.tree, Environment(document, None)))
    except UnknownName:
        return
    owners = {id(v): v for found in resolution.scopes.values() for v in found}
    for node in source.tree.walk():
        if isinstance(node, n.Name):
            meaning = resolution.meaning[id(node)]
            target = source.scopes.target(node)
            assert (target is not None) == isinstance(meaning, Variable), node
            if target is not None:
                assert id(meaning) in owners
                assert getattr(target, "value", None) is meaning.node, node
