"""``mlang replace-source``: the expression of a step, or of the step where a query reads its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlang.app.refactoring.edits import Change, Edit, Edited, Plan, Refused, opened, replaced
from mlang.app.refactoring.source import QUERY, Source, bare, steps_let
from mlang.app.refactoring.verify import check
from mlang.errors import Fault
from mlang.syntax import MSyntaxError, nodes, parse_document


def plan(path: Path, name: str, expression: str, at: tuple[int, int] | None = None) -> Plan:
    """The edit that gives a step or query another expression."""
    file = opened(path)
    source = Source(file.text, str(file.path))
    return Plan([Change(file, [replace_source(source, name, expression, at)])])


def replace_source(source: Source, name: str, expression: str, at: tuple[int, int] | None = None) -> Edit:
    """The same for a text."""
    place = source.find(name, at)
    holder = _reading_step(source, place.node) if place.kind == QUERY else place.node
    text = _expression(expression)
    edit = replaced(holder.value.pos, holder.value.end, text)
    what = f"Replacing the expression of '{holder.name}'"
    new = check(source, Edited(source.text, [edit]), what, _known)
    _refuse_circle(new, holder.name, edit.start, what)
    return edit


def _expression(text: str) -> str:
    try:
        tree = parse_document(text, "<expression>")
    except MSyntaxError as error:
        raise Fault(f"The new expression is no M: {error}") from None
    if isinstance(tree, nodes.SectionDocument):
        raise Fault("The new expression is a section document. Give one expression.")
    return text[tree.pos : tree.end]


def _reading_step(source: Source, query: Any) -> Any:
    """The only step of a query that reads a source; the query itself when it has no steps."""
    from mlang.app.refactoring.sources import own_sources

    let = steps_let(query.value)
    if let is None:
        return query
    reading = [b for b in let.bindings if own_sources(source, b.value)]
    if len(reading) == 1:
        return reading[0]
    names = ", ".join(f"{query.name}/{b.name}" for b in reading or let.bindings)
    what = f"has {len(reading)} steps that read a source" if reading else "has no step that reads a source"
    raise Fault(f"The query '{query.name}' {what}. Name a step: {names}.")


def _known(new: Source, node: nodes.Node) -> None:
    """Names of the new expression must be there."""
    from mlang import registry
    from mlang.app.hints import names_of, near

    if not isinstance(node, nodes.Name) or new.scopes.target(node) is not None:
        if isinstance(node, nodes.SectionAccess) and new.scopes.target(node) is None:
            raise Fault(f"Nothing defines '{node.section}!{node.name}'.")
        return
    if node.name.startswith("#") or registry.lookup(node.name) is not None:
        return
    registry.load_all()
    found = near(node.name, names_of(new.tree)) or near(node.name, registry.BUILTINS)
    hint = (
        f"; did you mean {found}?" if found else ". A step cannot mention itself, or steps of another query."
    )
    raise Fault(f"Nothing defines '{node.name}' where the new expression stands{hint}")


def _refuse_circle(new: Source, name: str, offset: int, what: str) -> None:
    """A value that needs itself never comes; functions may."""
    holder = next(p.node for p in new.places if p.name == name and getattr(p.node, "value", None) is not None
                  and p.node.value.pos == offset)  # fmt: skip
    if isinstance(bare(holder.value), (nodes.Function, nodes.Each)):
        return
    needed, waiting = set(), [holder]
    uses: dict[int, list[Any]] = {}
    for place in new.places:
        for user in new.scopes.users.get(id(place.node), []):
            uses.setdefault(id(user), []).append(place.node)
    while waiting:
        for used in uses.get(id(waiting.pop()), []):
            if used is holder:
                raise Refused(f"{what} would make '{name}' need itself.")
            value = getattr(used, "value", None)
            if id(used) not in needed and not isinstance(
                bare(value) if value is not None else None, nodes.Function
            ):
                needed.add(id(used))
                waiting.append(used)
