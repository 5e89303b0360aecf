"""Generated code of literals, names, access, operators, lists and records.

One small handler per node class; see ``codegen.py`` for what they may do.
"""

from __future__ import annotations

import math

from mlang.compile.branches import settle
from mlang.compile.codegen import Generator, emits
from mlang.compile.scopes import Global, Variable
from mlang.syntax import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any


@emits(nodes.Literal)
def _literal(g: Generator, node: nodes.Literal) -> str:
    value = node.value
    if value is None or value is True or value is False:
        return repr(value)
    if value.__class__ is str:
        return g.text(value)
    if value.__class__ is float and math.isfinite(value) and value >= 0:
        return repr(value)
    return g.constant(value, ("number", repr(value)))


@emits(nodes.Verbatim)
def _verbatim(g: Generator, node: nodes.Verbatim) -> str:
    return f"fail({g.text(node.text)})"


@emits(nodes.NotImplementedNode)
def _not_implemented(g: Generator, node: nodes.NotImplementedNode) -> str:
    return "fail_with(not_implemented)"


@emits(nodes.Parenthesized)
def _parenthesized(g: Generator, node: nodes.Parenthesized) -> str:
    return g.emit(node.inner)


@emits(nodes.Name)
def _name(g: Generator, node: nodes.Name) -> str:
    meaning = g.r.meaning[id(node)]
    if isinstance(meaning, Variable):
        return g.use(meaning)
    return g.global_value(meaning)


@emits(nodes.SectionAccess)
def _section_access(g: Generator, node: nodes.SectionAccess) -> str:
    return g.as_atom(g.constant(g.unit.section_member(node)) + ".get()")


# ---------------------------------------------------------------- access


@emits(nodes.FieldAccess)
def _field_access(g: Generator, node: nodes.FieldAccess) -> str:
    column = g.row_variable(node)
    if column is not None:
        return g.use(column)
    target = _target(g, node)
    name = g.text(node.name)
    if node.optional:
        value = g.temp(
            f"{target}.get({name}) if {target}.__class__ is dict else field_or_null({target}, {name})"
        )
        g.line(f"if {value}.__class__ is Thunk: {value} = {value}.get()")
        return value
    seen = g.frame.fields.get((target, name))
    if seen is not None:
        return seen
    test = "" if g.kind(target) == "dict" else f"{target}.__class__ is dict and "
    value = g.temp(f"{target}[{name}] if {test}{name} in {target} else field({target}, {name})")
    g.line(f"if {value}.__class__ is Thunk: {value} = {value}.get()")
    if target.isidentifier():
        g.frame.fields[target, name] = value
    return value


def _target(g: Generator, node: Any) -> str:
    if node.target is not None:
        return g.atom(node.target)
    meaning = g.r.meaning[id(node)]
    return g.use(meaning) if isinstance(meaning, Variable) else g.global_value(meaning)


@emits(nodes.Projection)
def _projection(g: Generator, node: nodes.Projection) -> str:
    names = g.constant(node.names, ("names", node.names))
    return f"project({_target(g, node)}, {names}, {node.optional})"


@emits(nodes.ItemAccess)
def _item_access(g: Generator, node: nodes.ItemAccess) -> str:
    target, index = (g.as_atom(code) for code in g.emit_all([node.target, node.index]))
    slow = f"{'item_or_null' if node.optional else 'item'}({target}, {index})"
    if g.kind(target) not in (None, "list"):
        return slow
    position = node.index.value if node.index.__class__ is nodes.Literal else None
    if position.__class__ is float and position.is_integer():
        place = str(int(position))
        test = f"{target}.__class__ is list and {place} < len({target})"
    elif g.kind(index) not in (None, "float"):
        return slow
    else:
        place = g.fresh("at")
        number = "" if g.kind(index) == "float" else f" and {index}.__class__ is float"
        test = f"{target}.__class__ is list{number} and 0.0 <= {index} < len({target})"
        test += f" and ({place} := int({index})) == {index}"
    value = g.temp(f"{target}[{place}] if {test} else {slow}")
    g.line(f"if {value}.__class__ is Thunk: {value} = {value}.get()")
    return value


# ---------------------------------------------------------------- calls

#: Library functions whose calls with literal lambdas become loops (``loops.py``).
FUSED = frozenset(["List.Transform", "List.Select", "List.Accumulate", "List.Generate", "BinaryFormat.Byte"])


@emits(nodes.Invocation)
def _invocation(g: Generator, node: nodes.Invocation) -> str:
    count = len(node.arguments)
    function = node.function
    while function.__class__ is nodes.Parenthesized:
        function = function.inner
    meaning = g.r.meaning.get(id(function)) if function.__class__ is nodes.Name else None
    if isinstance(meaning, Global) and meaning.builtin is not None:
        value = g.unit.builtin_value(meaning.builtin)
        if meaning.name in FUSED:
            from mlang.compile.loops import fuse

            fused = fuse(g, meaning.name, node)
            if fused is not None:
                return fused
        if value.__class__.__name__ == "Function" and _fits(value, count):
            from mlang.compile import builtins

            return builtins.call(g, meaning.name, meaning.builtin, value, g.emit_all(node.arguments))
    if isinstance(meaning, Variable) and meaning.node.__class__ in (nodes.Function, nodes.Each):
        code = _direct_call(g, meaning, node, count)
        if code is not None:
            return code
    codes = g.emit_all([node.function, *node.arguments])
    target = g.as_atom(codes[0])
    arguments = [g.as_atom(c) for c in codes[1:]]
    call = ", ".join(arguments)
    test = f"{target}.__class__ is Function and {target}.least == {count} == {target}.most"
    return f"({target}.fn({call}) if {test} else apply({', '.join([target, *arguments])}))"


def _fits(function: Any, count: int) -> bool:
    return bool(function.least <= count and (function.most is None or count <= function.most))


def _direct_call(g: Generator, variable: Variable, node: nodes.Invocation, count: int) -> str | None:
    """A call of a let-bound function by its Python name, when the count of arguments fits."""
    from mlang.compile.codegen import spec_arity

    least, most = spec_arity(variable.node)
    if not least <= count <= most:
        return None
    variable.emitted += 1
    g.capture(variable)
    if variable.definition is None:
        return None
    arguments = g.emit_all(node.arguments)
    return f"{variable.definition}({', '.join(arguments)})"


# ---------------------------------------------------------------- lists and records


#: Longer lists are made in parts.
LONG = 250


@emits(nodes.List)
def _list(g: Generator, node: nodes.List) -> str:
    value = constant_value(node)
    if value is not None:
        return g.constant(value[0])
    if len(node.items) > LONG:
        from mlang.compile.outline import in_parts

        return in_parts(g, node)
    parts: list[str] = []
    run: list[str] = []
    ranged = False
    for item in node.items:
        if item.__class__ is nodes.Range:
            ranged = True
            if run:
                parts.append(f"[{', '.join(run)}]")
                run = []
            first, last = g.emit_all([item.first, item.last])
            parts.append(g.temp(f"number_range({first}, {last})"))
        else:
            run.append(_short(g, g.member(item)))
    if run or not parts:
        parts.append(f"[{', '.join(run)}]")
    if not ranged:
        return parts[0]
    return f"join_items({', '.join(parts)})"


def _short(g: Generator, code: str) -> str:
    return code if len(code) < 120 else g.temp(code)


@emits(nodes.Record)
def _record(g: Generator, node: nodes.Record) -> str:
    value = constant_value(node)
    if value is not None:
        return g.constant(value[0])
    if len(node.entries) > 4 * LONG and all(v.total == 1 for v in g.r.scopes[id(node)]):
        from mlang.compile.outline import record_in_parts

        return record_in_parts(g, node)
    entries = [f"{g.text(name)}: {code}" for name, code in record_entries(g, node)]
    return g.mark("{" + ", ".join(entries) + "}", "dict")


def record_entries(g: Generator, node: nodes.Record) -> list[tuple[str, str]]:
    """The fields with expressions of their values or thunks."""
    variables = g.r.scopes[id(node)]
    g.declare(variables)
    entries: list[tuple[str, str]] = []
    for variable, entry in zip(variables, node.entries, strict=True):
        if variable.total > 1:
            variable.emitted += 1
            g.capture(variable)
            code = variable.python
        else:
            code = _short(g, g.member(entry.value))
        entries.append((entry.name, code))
    return entries


def constant_value(node: nodes.Node) -> tuple[Any] | None:
    """The value of a literal, or of a list or record of such, wrapped in a tuple; None for anything else.

    Values never change in M, so one object may serve every evaluation.
    """
    if node.__class__ is nodes.Literal:
        return (node.value,)
    if node.__class__ is nodes.Unary and node.operator == "-" and node.operand.__class__ is nodes.Literal:
        number = node.operand.value
        return (-number,) if number.__class__ in (float, int) else None
    if node.__class__ is nodes.List:
        items = [constant_value(item) for item in node.items]
        return None if None in items else ([item[0] for item in items if item is not None],)
    if node.__class__ is nodes.Record:
        record = {}
        for entry in node.entries:
            value = constant_value(entry.value)
            if value is None:
                return None
            record[entry.name] = value[0]
        return (record,)
    return None


# ---------------------------------------------------------------- operators

#: Operators whose ordinary case is Python's on two doubles.
_ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply"}
_RELATIONS = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}


@emits(nodes.Binary)
def _binary(g: Generator, node: nodes.Binary) -> str:
    operator = node.operator
    if operator in ("and", "or"):
        return _logical(g, node)
    if operator == "??":
        return _coalesce(g, node)
    left, right = _operands(g, node)
    if operator == "=":
        return g.mark(_equal(g, node, left, right), "bool")
    if operator == "<>":
        return g.mark(f"(not {_equal(g, node, left, right)})", "bool")
    if operator == "&":
        guard = _guard(g, (left, right), "str")
        fast = joined_texts(node, left, right)
        return _guarded(g, guard, fast, f"concatenate({left}, {right})", "str")
    if operator == "meta":
        return f"add_metadata({left}, {right})"
    guard = _guard(g, (left, right), "float")
    if operator == "/":
        if guard == "":
            return g.mark(f"({left} / {right} if {right} else divide({left}, {right}))", "float")
        guard = f"{guard} and {right}" if guard is not None else None
        return _guarded(g, guard, f"{left} / {right}", f"divide({left}, {right})", "float")
    slow = _ARITHMETIC.get(operator)
    if slow is not None:
        return _guarded(g, guard, f"{left} {operator} {right}", f"{slow}({left}, {right})", "float")
    slow = f"{_RELATIONS[operator]}({left}, {right})"
    return _guarded(g, guard, f"{left} {operator} {right}", slow, "bool")


def joined_texts(node: nodes.Binary, left: str, right: str) -> str:
    """Two texts as one; where halves of a character may meet, only ASCII is simply added."""
    if _whole(node.left, -1) or _whole(node.right, 0):
        return f"{left} + {right}"
    return f"({left} + {right} if {left}.isascii() else joined({left}, {right}))"


def _whole(node: nodes.Node, end: int) -> bool:
    """Whether a text certainly has no half of a character at its end (-1) or start (0)."""
    while True:
        if isinstance(node, nodes.Parenthesized):
            node = node.inner
        elif isinstance(node, nodes.Binary) and node.operator == "&":
            node = node.right if end else node.left
        else:
            break
    text = node.value if node.__class__ is nodes.Literal else None
    return text.__class__ is str and text != "" and not "\ud800" <= text[end] <= "\udfff"


def _guarded(g: Generator, guard: str | None, fast: str, slow: str, kind: str) -> str:
    """The fast form behind its guard; ``kind`` is what it gives when it needs none."""
    if guard is None:
        return slow
    if guard == "":
        return g.mark(f"({fast})", kind)
    if kind == "bool":
        g.conditions[f"({fast} if {guard} else {slow})"] = (f"{fast} if {guard}", slow)
    return f"({fast} if {guard} else {slow})"


def _operands(g: Generator, node: nodes.Binary) -> tuple[str, str]:
    codes = g.emit_all([node.left, node.right])
    return g.as_atom(codes[0]), g.as_atom(codes[1])


def _guard(g: Generator, codes: tuple[str, ...], cls: str) -> str | None:
    """The class tests that operands still need ("" when none); None when one has another class."""
    tests: dict[str, None] = {}
    for code in codes:
        kind = g.kind(code)
        if kind is None:
            tests[f"{code}.__class__ is {cls}"] = None
        elif kind != cls:
            return None
    return " and ".join(tests)


def _equal(g: Generator, node: nodes.Binary, left: str, right: str) -> str:
    for literal, code, other in ((node.right, left, right), (node.left, right, left)):
        if literal.__class__ is nodes.Literal:
            value = literal.value
            if value is None:
                return null_test(g, code)
            if value.__class__ in (str, float):
                cls = value.__class__.__name__
                if g.kind(code) == cls:
                    return f"({code} == {other})"
                return f"({code} == {other} if {code}.__class__ is {cls} else equal({code}, {other}))"
    for cls in ("float", "str"):
        if g.kind(left) == cls == g.kind(right):
            return f"({left} == {right})"
    return f"equal({left}, {right})"


def null_test(g: Generator, code: str) -> str:
    """Whether a value is null, metadata or not."""
    kind = g.kind(code)
    if kind is not None and kind != "Annotated":
        return "True" if kind == "NoneType" else "False"
    return f"({code} is None or {code}.__class__ is Annotated and is_null({code}))"


def _logical(g: Generator, node: nodes.Binary) -> str:
    decided, combine = ("False", "and_values") if node.operator == "and" else ("True", "or_values")
    left = g.named(g.emit(node.left))
    settle(g, [node.right])
    with g.block() as lines:
        right = g.emit(node.right)
        right_kind = g.kind(right)
        if right_kind != "bool":
            right = g.named(right)
    undecided = "True" if decided == "False" else "False"
    certain = g.kind(left) == "bool" == right_kind
    if certain and not lines:
        return g.mark(f"({left} {node.operator} {right})", "bool")
    value = (
        right
        if certain
        else (
            f"({right} if {left} is {undecided} and {right}.__class__ is bool else {combine}({left}, {right}))"
        )
    )
    if not lines:
        return f"({decided} if {left} is {decided} else {value})"
    result = g.fresh()
    g.line(f"if {left} is {decided}: {result} = {decided}")
    g.line("else:")
    if g.kind(left) != "bool":
        check = f"if {left} is not {undecided}: check_logical({left})"
        g.frame.lines.append((g.frame.indent + 1, check, g.pos))
    g.frame.lines += lines
    g.frame.lines.append((g.frame.indent + 1, f"{result} = {value}", g.pos))
    return g.mark(result, "bool" if certain else None)


def _coalesce(g: Generator, node: nodes.Binary) -> str:
    left = g.atom(node.left)
    settle(g, [node.right])
    with g.block() as lines:
        right = g.emit(node.right)
    if not lines:
        return f"({right} if {null_test(g, left)} else {left})"
    result = g.fresh()
    g.line(f"{result} = {left}")
    g.line(f"if {null_test(g, left)}:")
    g.frame.lines += lines
    g.frame.lines.append((g.frame.indent + 1, f"{result} = {right}", g.pos))
    return result


#: Python classes that are certainly of a kind: one test instead of a call.
EXACT = {
    "number": "float", "text": "str", "logical": "bool", "record": "dict", "list": "list", "binary": "bytes",
    "function": "Function",
}  # fmt: skip
_UNARY = {"-": "negate", "+": "positive", "not": "logical_not"}


@emits(nodes.Unary)
def _unary(g: Generator, node: nodes.Unary) -> str:
    value = constant_value(node)
    if value is not None:
        return g.constant(value[0], ("number", repr(value[0])))
    operand = g.atom(node.operand)
    if node.operator == "-" and g.kind(operand) == "float":
        return g.mark(f"(-{operand})", "float")
    if node.operator == "not" and g.kind(operand) == "bool":
        return g.mark(f"(not {operand})", "bool")
    if node.operator == "-":
        return f"(-{operand} if {operand}.__class__ is float else negate({operand}))"
    return f"{_UNARY[node.operator]}({operand})"


@emits(nodes.TypeTest)
def _type_test(g: Generator, node: nodes.TypeTest) -> str:
    operand = g.atom(node.operand)
    name, nullable = node.type.name, node.type.nullable
    kind = g.text(name)
    call = "is_kind" if node.operator == "is" else "as_kind"
    slow = f"{call}({operand}, {kind}, {nullable})"
    cls = EXACT.get(name)
    if cls is not None and g.kind(operand) == cls:
        return "True" if node.operator == "is" else operand
    if cls is not None:
        fast = "True" if node.operator == "is" else operand
        slow = f"({fast} if {operand}.__class__ is {cls} else {slow})"
    return g.mark(slow, "bool") if node.operator == "is" else slow
