"""Rules about names: unknown, unused, hiding others."""

from __future__ import annotations

from mlang.app.linting.base import SAFE, UNSAFE, Found, Subject, rule
from mlang.syntax import nodes

#: Names that only the host of a connector defines.
_HOST = ("Extension.", "Credential.")


@rule("M101", "unknown-name", "A name that neither the text nor the library defines.", fix=SAFE)
def unknown_name(subject: Subject) -> Found:
    from mlang import registry
    from mlang.app.hints import ELSEWHERE, names_of, near
    from mlang.app.refactoring.edits import Edit, Respelt

    own: list[str] | None = None
    for node in subject.scopes.free:
        if (
            node.name in subject.given
            or node.name.startswith(_HOST)
            or registry.lookup(node.name) is not None
        ):
            continue
        if own is None:
            own = names_of(subject.tree)
        elsewhere = ELSEWHERE.get(node.name.casefold())
        found = elsewhere or near(node.name, own) or near(node.name, registry.BUILTINS)
        hint = f"; did you mean {found}?" if found else ""
        fix = []
        if (
            found is not None
            and found.casefold() == node.name.casefold()
            and registry.lookup(found) is not None
        ):
            start, end = subject.source.name_span(node)
            fix = [Edit(start, end, (Respelt(found, start),))]
        yield node, f"Nothing defines '{node.name}'{hint}", fix


@rule("M102", "unused-step", "A step that the result does not need: it is never evaluated.", fix=UNSAFE)
def unused_step(subject: Subject) -> Found:
    from mlang.app.refactoring.removal import without_bindings

    users = subject.scopes.users
    for let in subject.lets():
        local = {id(b): b for b in let.bindings}
        uses: dict[int, list[nodes.Binding]] = {}
        needed = []
        for binding in let.bindings:
            for user in users.get(id(binding), []):
                uses.setdefault(id(user), []).append(binding)
                if id(user) not in local:
                    needed.append(binding)
        reached = {id(b) for b in needed}
        while needed:
            for binding in uses.get(id(needed.pop()), []):
                if id(binding) not in reached:
                    reached.add(id(binding))
                    needed.append(binding)
        for binding in let.bindings:
            if id(binding) not in reached:
                fix = without_bindings(subject.source, let, [binding], [])
                yield binding, f"The step '{binding.name}' is never used", fix


@rule("M103", "hides-library", "A variable or parameter with the name of a library function.")
def hides_library(subject: Subject) -> Found:
    from mlang import registry

    for node in subject.all:
        if isinstance(node, nodes.Let):
            names = [(b, b.name) for b in node.bindings]
        elif isinstance(node, nodes.Function):
            names = [(p, p.name) for p in node.parameters]  # type: ignore[misc]
        elif isinstance(node, nodes.Section):
            names = [(m, m.name) for m in node.members]  # type: ignore[misc]
        else:
            continue
        for where, name in names:
            if "." in name and registry.lookup(name) is not None:
                yield where, f"'{name}' hides the library's {name}"


@rule("M104", "hides-outer", "A variable or parameter with the name of one further out.")
def hides_outer(subject: Subject) -> Found:
    for definition, outer in subject.scopes.hiding:
        what = {nodes.Member: "query", nodes.Parameter: "parameter"}.get(type(outer), "step")
        yield definition, f"'{definition.name}' hides the {what} of the same name further out"


@rule("M105", "unused-parameter", "A parameter that the function does not use.", default=False)
def unused_parameter(subject: Subject) -> Found:
    for node in subject.all:
        if isinstance(node, nodes.Function):
            for parameter in node.parameters:
                if not subject.scopes.users.get(id(parameter)):
                    yield parameter, f"The parameter '{parameter.name}' is never used"
