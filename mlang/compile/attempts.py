"""Generating code twice: a first try that may be given up."""

from __future__ import annotations

from collections.abc import Callable

from mlang.compile.branches import reach
from mlang.compile.codegen import Generator, Line
from mlang.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any


def attempt(g: Generator, given: list[nodes.Node], write: Callable[[], Any]) -> Any:
    """What ``write`` gives; when that is None, as if it had not generated the nodes."""
    mentioned = {v: v.emitted for site in reach(g, given)[0] for v in g.r.mentions(site)}
    result = write()
    if result is None:
        for variable, emitted in mentioned.items():
            variable.emitted = emitted
    return result


def flat(node: nodes.Node) -> bool:
    """Whether an expression holds no function expressions (those would be generated several times)."""
    return not any(isinstance(n, (nodes.Function, nodes.Each)) for n in node.walk())


def makes_closures(lines: list[Line], *codes: str) -> bool:
    """Whether generated code keeps variables for later."""
    return any("lambda:" in code for code in codes) or any(
        text.startswith("def ") or "lambda:" in text for _, text, _ in lines
    )
