"""``mlang extract``: the steps of a query down to one of them become a query of their own.

The new query stands before the old one.  Steps that only it needs move; steps that the rest of the old query
needs too stand in both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlang.app.refactoring import metadata
from mlang.app.refactoring.edits import Change, Copy, Edit, Edited, Piece, Plan, Refused, opened
from mlang.app.refactoring.removal import without_bindings
from mlang.app.refactoring.source import Source, steps_let
from mlang.app.refactoring.verify import check
from mlang.errors import Fault
from mlang.syntax import nodes
from mlang.syntax.quoting import identifier


def plan(path: Path, query: str, step: str, name: str) -> Plan:
    """The edits that extract a query."""
    file = opened(path)
    source = Source(file.text, str(file.path))
    edits, copied = extract(source, query, step, name, file.line_end)
    notes = (
        [f"{', '.join(copied)}: the rest of '{query}' needs it too, it stands in both queries."]
        if copied
        else []
    )
    about = metadata.beside(file.path)
    return Plan([Change(file, edits), *([metadata.added(about, name)] if about is not None else [])], notes)


def extract(
    source: Source, query: str, step: str, name: str, line_end: str = "\n"
) -> tuple[list[Edit], list[str]]:
    """The edits of a text, and the names of the steps that both queries have then."""
    member, let, binding = _found(source, query, step, name)
    needed = _needs(source, let, [binding])
    remaining = [b for b in let.bindings if b is not binding]
    rest = _needs(source, let, _roots(source, let, binding), stop=binding)
    gone = [b for b in remaining if id(b) in needed and id(b) not in rest]
    copied = [b.name for b in remaining if id(b) in needed and id(b) in rest]
    moved = [b for b in let.bindings if id(b) in needed]
    new_query = _new_member(source, member, moved, binding, name, line_end)
    call = Edit(binding.value.pos, binding.value.end, (identifier(name),))
    edits = [new_query, *without_bindings(source, let, gone, [call])]

    def fresh(new: Source, node: nodes.Node) -> None:
        calls = any(isinstance(n, nodes.Binding) and n.value is node for n in new.tree.walk())
        if calls and not isinstance(new.scopes.target(node), nodes.Member):
            raise Refused(f"'{name}' means something else inside '{query}'. Choose another name.")

    check(source, Edited(source.text, edits), f"Extracting '{name}'", fresh)
    return edits, copied


def _found(source: Source, query: str, step: str, name: str) -> tuple[nodes.Member, nodes.Let, Any]:
    from mlang.app.hints import near

    if not source.is_section:
        where = source.filename or "The text"
        raise Fault(
            f"{where} is one expression: only a section document (section Section1; shared Q = ...;) can hold "
            "another query."
        )
    member = source.members.get(query)
    if member is None:
        close = near(query, source.members)
        raise Fault(f"There is no query '{query}'" + (f"; did you mean '{close}'?" if close else "."))
    if name in source.members:
        raise Refused(f"There is a query '{name}' already. Choose another name.")
    if not name:
        raise Fault("The new query needs a name.")
    let = steps_let(member.value)
    steps = {b.name: b for b in let.bindings} if let is not None else {}
    if let is None or step not in steps:
        close = near(step, steps)
        raise Fault(
            f"The query '{query}' has no step '{step}'" + (f"; did you mean '{close}'?" if close else ".")
        )
    return member, let, steps[step]


def _needs(source: Source, let: nodes.Let, wanted: list[Any], stop: Any = None) -> set[int]:
    """The bindings of a let that some of its bindings need, themselves included."""
    users = {id(b): [id(u) for u in source.scopes.users.get(id(b), [])] for b in let.bindings}
    # A user may be a binding of an inner let: what counts is the outer binding that it stands in.
    holders = {}
    for outer in let.bindings:
        for node in outer.value.walk():
            holders[id(node)] = id(outer)
        holders[id(outer)] = id(outer)
    found, waiting = {id(b) for b in wanted}, [id(b) for b in wanted]
    while waiting:
        user = waiting.pop()
        if stop is not None and user == id(stop):
            continue
        for binding in let.bindings:
            if id(binding) not in found and any(holders.get(u) == user for u in users[id(binding)]):
                found.add(id(binding))
                waiting.append(id(binding))
    return found


def _roots(source: Source, let: nodes.Let, binding: Any) -> list[Any]:
    """What the rest of the query begins from: bindings that its result or nothing at all mentions."""
    body = {id(n) for n in let.body.walk()}
    roots = []
    needed = _needs(source, let, [binding])
    for other in let.bindings:
        in_body = any(id(m) in body for m in source.mentions(other))
        if other is binding or in_body or id(other) not in needed:
            roots.append(other)
    return roots


def _new_member(
    source: Source, member: nodes.Member, moved: list[Any], last: Any, name: str, line_end: str
) -> Edit:
    """The new query's text before the old one."""
    start = member.attributes.pos if member.attributes is not None else member.pos
    prefix = "shared " if member.shared else ""
    if len(moved) == 1:
        pieces: list[Piece] = [f"{prefix}{identifier(name)} = ", Copy(last.value.pos, last.value.end)]
    else:
        pieces = [f"{prefix}{identifier(name)} = let"]
        for number, binding in enumerate(moved):
            pieces += ["," if number else "", f"{line_end}    ", Copy(binding.pos, binding.value.end)]
        pieces += [f"{line_end}in{line_end}    {identifier(last.name)}"]
    pieces += [f";{line_end}{line_end}"]
    return Edit(start, start, tuple(pieces))
