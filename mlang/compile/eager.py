"""Members that are computed at once although M would wait, because nobody can tell.

A field or item whose operands are numbers already at hand (``[i = [i] + 1, s = [s] & "x"]``)
costs less to compute than to delay, and chains of such records (the state of
``List.Generate`` or of a recursion) would otherwise build chains of thunks.  It
is exact because the operators chosen cannot fail on the kinds that the guard tests; on
any other kind the member is a thunk as always.
"""

from __future__ import annotations

from mlang.compile.branches import settle
from mlang.compile.codegen import Generator
from mlang.compile.expressions import joined_texts
from mlang.compile.scopes import THUNK, VALUE, Variable
from mlang.syntax import nodes

#: Operators that cannot fail on two doubles (or, for ``&``, on two texts).
_TOTAL = frozenset(["+", "-", "*", "<", "<=", ">", ">="])
_RELATIONS = frozenset(["<", "<=", ">", ">="])


def eager_member(g: Generator, node: nodes.Node) -> str | None:
    """A local with the member's value or thunk; None when the node is not of the kinds done here."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if isinstance(node, nodes.FieldAccess):
        return _copied(g, node)
    if not isinstance(node, nodes.Binary) or not _eligible(g, node):
        return None
    guards: dict[str, str] = {}
    code = _value(g, node, guards)
    guards = {name: cls for name, cls in guards.items() if g.kind(name) != cls}
    if not guards:
        kind = "bool" if node.operator in _RELATIONS else "str" if node.operator == "&" else "float"
        return g.as_atom(g.mark(code, kind))
    test = " and ".join(f"{name}.__class__ is {cls}" for name, cls in guards.items())
    result = g.fresh()
    g.line(f"if {test}: {result} = {code}")
    g.line("else:")
    settle(g, [node])
    with g.block() as lines:
        thunk = g.thunk(node)
    g.frame.lines += [*lines, (g.frame.indent + 1, f"{result} = {thunk}", g.pos)]
    return result


def _copied(g: Generator, node: nodes.FieldAccess) -> str | None:
    """A field handed on as it is: its value or thunk, without reading it."""
    if node.optional or _holder(g, node) is None or g.row_variable(node) is not None:
        return None
    result = _raw_field(g, node)
    g.line(f"if {result} is MISSING:")
    with g.block() as lines:
        thunk = g.thunk(node)
    g.frame.lines += [*lines, (g.frame.indent + 1, f"{result} = {thunk}", g.pos)]
    return result


def _raw_field(g: Generator, node: nodes.FieldAccess) -> str:
    holder, name = _holder(g, node), g.text(node.name)
    return g.temp(f"{holder}.get({name}, MISSING) if {holder}.__class__ is dict else MISSING")


def _holder(g: Generator, node: nodes.FieldAccess) -> str | None:
    """The local of the record whose field is read, when it is already evaluated."""
    key = node if node.target is None else node.target
    if node.target is not None and not isinstance(node.target, nodes.Name):
        return None
    meaning = g.r.meaning.get(id(key))
    return _known(g, meaning) if isinstance(meaning, Variable) else None


def _known(g: Generator, variable: Variable) -> str | None:
    known = g.frame.known.get(variable)
    if known is None and variable.state == VALUE:
        return variable.python
    return known


def _at_hand(g: Generator, variable: Variable) -> str | None:
    """The local of a variable that is set, to a value or a thunk (on which no guard holds)."""
    if variable.state == THUNK and variable not in g.delaying and variable not in g.frame.known:
        return variable.python
    return _known(g, variable)


def _eligible(g: Generator, node: nodes.Node) -> bool:
    if isinstance(node, nodes.Parenthesized):
        return _eligible(g, node.inner)
    if isinstance(node, nodes.Binary):
        return (node.operator in _TOTAL or node.operator == "&") and all(
            _eligible(g, side)
            and not (isinstance(side, nodes.Binary) and (side.operator in _RELATIONS or side.operator == "&"))
            for side in (node.left, node.right)
        )
    if isinstance(node, nodes.Literal):
        return node.value.__class__ in (float, str)
    if isinstance(node, nodes.Name):
        meaning = g.r.meaning[id(node)]
        return isinstance(meaning, Variable) and _at_hand(g, meaning) is not None
    if not isinstance(node, nodes.FieldAccess) or node.optional:
        return False
    return g.row_variable(node) is not None or _holder(g, node) is not None


def _value(g: Generator, node: nodes.Node, guards: dict[str, str], cls: str = "float") -> str:
    if isinstance(node, nodes.Parenthesized):
        return _value(g, node.inner, guards, cls)
    if isinstance(node, nodes.Binary):
        kind = "str" if node.operator == "&" else "float"
        left, right = _value(g, node.left, guards, kind), _value(g, node.right, guards, kind)
        return f"({joined_texts(node, left, right) if kind == 'str' else f'{left} {node.operator} {right}'})"
    if isinstance(node, nodes.Literal):
        code = g.emit(node)
        if node.value.__class__.__name__ != cls:
            guards[g.temp("None")] = cls  # never holds: the thunk will raise
        return code
    if isinstance(node, nodes.Name):
        meaning = g.r.meaning[id(node)]
        assert isinstance(meaning, Variable)
        code = _at_hand(g, meaning) or ""
    else:
        assert isinstance(node, nodes.FieldAccess)
        variable = g.row_variable(node)
        code = variable.python if variable is not None else _raw_field(g, node)
    guards[code] = cls
    return code
