"""Code that nests too deeply, or is too long, for one Python function.

CPython allows 100 levels of indentation and 20 nested blocks, and compiles a function
in time that grows with the square of its length.  `lift` makes a part of an expression
a function at the top of the unit, which takes what it mentions as parameters of the
same names; `in_parts` makes a long list of several such functions.
"""

from __future__ import annotations

import re
from types import CodeType

from mlang.compile.branches import reach
from mlang.compile.codegen import Frame, Generator, Line, source_text
from mlang.compile.expressions import LONG
from mlang.compile.forms import tail
from mlang.syntax import nodes


def outlined(g: Generator, node: nodes.Node) -> str:
    """The node's value, computed by a function of its own that is called at once."""
    own = {v for inner in node.walk() for v in g.r.scopes.get(id(inner), ())}
    for variable in reach(g, [node])[1]:
        if variable not in own and variable.owner is not None:
            g.capture(variable)
    return lift(g, node, None)


def lift(g: Generator, node: nodes.Node, result: nodes.PrimitiveType | None) -> str:
    """A call of a function at the top of the unit that gives the node's value.

    Every variable that the node mentions must be set where the call stands: it is
    called in the bodies of functions and thunks, which run later, and by `outlined`.
    """
    name, start = g.fresh("lifted"), g.made
    frame = Frame(g.frame, True, 0)
    with g.inside(frame):
        tail(g, node, result)
    body: list[Line] = [(0, f"def {name}():", node.pos), *frame.lines]
    g.lifted[name] = body
    parameters = ", ".join(_unbound(g, source_text(body)[0], start))
    body[0] = (0, f"def {name}({parameters}):", node.pos)
    return f"{name}({parameters})"


#: A name in generated code, and a place where one is bound.
_MENTIONED = re.compile(r"[A-Za-z]\w*_\d+\b")
_BOUND = re.compile(r"\b(?:for|def|as) ([A-Za-z]\w*_\d+)|\b([A-Za-z]\w*_\d+) :?= ")


def _unbound(g: Generator, source: str, start: int) -> list[str]:
    """The locals of other functions that a function mentions, in a fixed order.

    Names are numbered as they are made: those up to ``start`` are older than the function.
    """
    found = {name for name in _MENTIONED.findall(source) if g.is_local(name)}
    older = {name for name in found if int(name.rpartition("_")[2]) <= start}
    if found - older <= {name for match in _BOUND.findall(source) for name in match}:
        return sorted(older)
    names: set[str] = set()
    codes = [compile(source, "<lifted>", "exec")]
    for code in codes:  # grows while it is read
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        if code is not codes[0]:
            names.update(code.co_names)
    return sorted(name for name in names if g.is_local(name))


def in_parts(g: Generator, node: nodes.List) -> str:
    """A long list as several, each made by a function of its own."""
    lists = [
        nodes.List(node.items[start : start + LONG], node.pos, node.end)
        for start in range(0, len(node.items), LONG)
    ]
    g.kept += lists
    parts = [outlined(g, part) for part in lists]
    if any(item.__class__ is nodes.Range for item in node.items):
        return f"join_items({', '.join([g.temp(part) for part in parts])})"
    if len(parts) > LONG:
        name = g.temp("[]", "items")
        for part in parts:
            g.line(f"{name} += {part}")
        return name
    return f"[{', '.join(f'*{part}' for part in parts)}]"


def record_in_parts(g: Generator, node: nodes.Record) -> str:
    """A long record, whose fields do not mention each other, as several."""
    variables = g.r.scopes[id(node)]
    name = g.temp("{}", "record")
    for start in range(0, len(node.entries), LONG):
        part = nodes.Record(node.entries[start : start + LONG], node.pos, node.end)
        g.kept.append(part)
        g.r.scopes[id(part)] = variables[start : start + LONG]
        g.line(f"{name}.update({outlined(g, part)})")
    return g.mark(name, "dict")


__all__ = ["in_parts", "lift", "outlined", "record_in_parts"]
