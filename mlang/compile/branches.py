"""What code that may or may not run needs: which variables must be thunks before it.

`settle` is called before the branches of an if, the right side of and/or/??, the body of a try.  `reach` says
which unevaluated variables an expression leads to.  Read ``codegen.py`` for how variables are evaluated.
"""

from __future__ import annotations

from mlang.compile.scopes import UNSET, Variable
from mlang.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from mlang.compile.codegen import Generator
    from mlang.compile.frames import Frame

#: Initialisers up to this many nodes may be generated twice, once per branch.
DUPLICATE_LIMIT = 24


def settle(g: Generator, branches: list[nodes.Node]) -> None:
    """Before code that may or may not run: decides which variables must be thunks from here on.

    A variable that is mentioned in a branch and also elsewhere later would be
    evaluated twice, or be unset, so it becomes a thunk now.  One whose remaining
    mentions all lie in the branches is evaluated there, in each branch anew when
    its initialiser is small.
    """
    sites, reached = reach(g, branches, g.frame)
    inside: dict[Variable, int] = {}
    for site in sites:
        for variable, times in g.r.mentions(site).items():
            inside[variable] = inside.get(variable, 0) + times
    touched = [reach(g, [b], g.frame)[1] for b in branches] if reached and len(branches) > 1 else [reached]
    for variable in reached:
        if variable.state != UNSET:
            continue
        if variable.total - variable.emitted <= inside[variable]:
            touching = sum(1 for found in touched if variable in found)
            if touching < 2 or _small(g, variable):
                continue
        g.capture(variable)


def _small(g: Generator, variable: Variable) -> bool:
    """Whether an initialiser, with those of unevaluated variables it leads to, may be generated twice."""
    assert variable.node is not None
    left, seen, sites = DUPLICATE_LIMIT, {variable}, [variable.node]
    for site in sites:  # grows while it is read
        left -= _size(site)
        if left < 0:
            return False
        for other in g.r.mentions(site):
            if other.state == UNSET and other not in seen and other.node is not None:
                seen.add(other)
                sites.append(other.node)
    return True


def reach(
    g: Generator, given: list[nodes.Node], owner: Frame | None = None
) -> tuple[list[nodes.Node], dict[Variable, None]]:
    """The nodes, with initialisers of unevaluated variables they lead to, and those variables.

    With an ``owner`` only its own variables; those of outer frames lead to none of them.
    """
    sites: list[nodes.Node] = list(given)
    reached: dict[Variable, None] = {}
    for site in sites:  # grows while it is read
        for variable in g.r.mentions(site):
            if variable.state != UNSET or variable in reached or variable.node is None:
                continue
            if owner is None or variable.owner is owner:
                reached[variable] = None
                sites.append(variable.node)
    return sites, reached


def _size(node: nodes.Node) -> int:
    count = 0
    for _ in node.walk():
        count += 1
        if count > DUPLICATE_LIMIT:
            break
    return count
