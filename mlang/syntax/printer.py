"""Nodes to M text, on one line or formatted.

Every kind of node has one function here that gives its parts: texts, line marks
and child nodes.  An explicit stack unfolds them into one flat list of pieces, so depth
does not matter; ``layout.py`` turns it into lines
(``formatter.py`` does the same and keeps comments).  For a tree that came from the
parser ``parse(print(tree)) == tree``; a tree built by a program gets the
parentheses that its meaning needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mlang.syntax import nodes as n
from mlang.syntax.byclass import ByClass
from mlang.syntax.layout import Mark, Piece, lines, one_line
from mlang.syntax.parser import PRECEDENCE
from mlang.syntax.quoting import (
    escape,
    field_name,
    identifier,
    number_literal,
    reference,
    text_literal,
    type_field_name,
)
from mlang.syntax.vocabulary import PRIMITIVES

# How tightly a node binds: an operator by its precedence, then:
_ANY, _UNARY, _PRIMARY = 0, 11, 12

OPEN, CLOSE, INDENT, DEDENT = Mark.OPEN, Mark.CLOSE, Mark.INDENT, Mark.DEDENT
LINE, SOFT, HARD, BLANK = Mark.LINE, Mark.SOFT, Mark.HARD, Mark.BLANK

Part = Any  # a Piece, a Node, or (Node, least binding)
#: What gives the parts of a node.
_PARTS: ByClass[Callable[[Any], list[Part]]] = ByClass()


def print_node(node: n.Node) -> str:
    """The node as M text on one line."""
    return one_line(_pieces(node))


def format_node(node: n.Node, width: int = 100) -> str:
    """The node as M text, formatted, without a line end at the end."""
    return lines(_pieces(node), width)


def _pieces(root: n.Node) -> list[Piece]:
    out: list[Piece] = []
    stack: list[Part] = [root]
    while stack:
        part = stack.pop()
        if part.__class__ is str or part.__class__ is Mark:
            out.append(part)
        else:
            stack += reversed(expand(part))
    return out


def expand(part: Part) -> list[Part]:
    """The parts of a node, or of a node with the least binding its place asks for."""
    if part.__class__ is tuple:
        part, least = part
        if _binding(part) < least:
            return ["(", part, ")"]
    return _PARTS[part.__class__](part)


def _binding(node: n.Node) -> int:
    kind = node.__class__
    if kind in _LOOSE:
        return _ANY
    if kind is n.Binary or kind is n.TypeTest:
        return PRECEDENCE[node.operator]  # type: ignore[attr-defined]
    if kind is n.Unary or kind is n.Type:
        return _UNARY
    if kind is n.Literal:
        value = node.value  # type: ignore[attr-defined]
        # A negative number prints with a minus sign, which is an operator.
        negative = value.__class__ in (float, int) and str(value).startswith("-")
        return _UNARY if negative else _PRIMARY
    return _PRIMARY


_LOOSE = frozenset([n.Function, n.Each, n.Let, n.If, n.Error, n.Try])


def _separated(parts: Iterable[Part]) -> list[Part]:
    out: list[Part] = []
    for part in parts:
        if out:
            out += [",", LINE]
        out.append(part)
    return out


def _enclosed(opening: str, parts: Iterable[Part], closing: str) -> list[Part]:
    inner = _separated(parts)
    if not inner:
        return [opening + closing]
    return [OPEN, opening, INDENT, SOFT, *inner, DEDENT, SOFT, closing, CLOSE]


# ---------------------------------------------------------------- documents


@_PARTS.of(n.SectionDocument)
def _section_document(node: n.SectionDocument) -> list[Part]:
    parts: list[Part] = []
    for section in node.sections:
        if parts:
            parts.append(BLANK)
        parts.append(section)
    return parts


@_PARTS.of(n.Section)
def _section(node: n.Section) -> list[Part]:
    parts: list[Part] = [node.attributes, HARD] if node.attributes is not None else []
    parts.append("section;" if node.name is None else f"section {identifier(node.name)};")
    for member in node.members:
        parts += [BLANK, member]
    return parts


@_PARTS.of(n.Member)
def _member(node: n.Member) -> list[Part]:
    parts: list[Part] = [node.attributes, HARD] if node.attributes is not None else []
    if node.shared:
        parts.append("shared ")
    return [*parts, *_assigned(identifier(node.name), node.value), ";"]


def _assigned(name: str, value: n.Node) -> list[Part]:
    if value.__class__ in _ON_ITS_OWN:
        return [OPEN, f"{name} =", INDENT, LINE, value, DEDENT, CLOSE]
    return [f"{name} = ", value]


_ON_ITS_OWN = frozenset([n.Let, n.If, n.Try, n.Binary])


# ---------------------------------------------------------------- primary expressions


@_PARTS.of(n.Literal)
def _literal(node: n.Literal) -> list[Part]:
    value = node.value
    if value is None:
        return ["null"]
    if value.__class__ is bool:
        return ["true" if value else "false"]
    if isinstance(value, str):
        return [text_literal(value)]
    return [number_literal(value)]


@_PARTS.of(n.Verbatim)
def _verbatim(node: n.Verbatim) -> list[Part]:
    return [f'#!"{escape(node.text)}"']


@_PARTS.of(n.Name)
def _name(node: n.Name) -> list[Part]:
    return ["@" + identifier(node.name) if node.inclusive else reference(node.name)]


@_PARTS.of(n.SectionAccess)
def _section_access(node: n.SectionAccess) -> list[Part]:
    return [f"{identifier(node.section)}!{identifier(node.name)}"]


@_PARTS.of(n.NotImplementedNode)
def _not_implemented(node: n.NotImplementedNode) -> list[Part]:
    return ["..."]


@_PARTS.of(n.Invocation)
def _invocation(node: n.Invocation) -> list[Part]:
    return [(node.function, _PRIMARY), *_enclosed("(", node.arguments, ")")]


@_PARTS.of(n.List)
def _list(node: n.List) -> list[Part]:
    return _enclosed("{", node.items, "}")


@_PARTS.of(n.Range)
def _range(node: n.Range) -> list[Part]:
    plain = node.first.__class__ in _SHORT and node.last.__class__ in _SHORT
    return [node.first, ".." if plain else " .. ", node.last]


_SHORT = frozenset([n.Literal, n.Name])


@_PARTS.of(n.Record)
def _record(node: n.Record) -> list[Part]:
    return _enclosed("[", [_Field(binding) for binding in node.entries], "]")


class _Field:
    """A binding in a record: its name has other rules than in a let."""

    __slots__ = ("binding",)

    def __init__(self, binding: n.Binding) -> None:
        self.binding = binding


@_PARTS.of(_Field)
def _field(part: _Field) -> list[Part]:
    return _assigned(field_name(part.binding.name), part.binding.value)


@_PARTS.of(n.Binding)
def _variable(node: n.Binding) -> list[Part]:
    return _assigned(identifier(node.name), node.value)


def _question(node: n.ItemAccess | n.FieldAccess | n.Projection) -> str:
    return "?" if node.optional else ""


@_PARTS.of(n.ItemAccess)
def _item_access(node: n.ItemAccess) -> list[Part]:
    return [(node.target, _PRIMARY), "{", node.index, "}" + _question(node)]


@_PARTS.of(n.FieldAccess)
def _field_access(node: n.FieldAccess) -> list[Part]:
    selector = f"[{field_name(node.name)}]{_question(node)}"
    return [selector] if node.target is None else [(node.target, _PRIMARY), selector]


@_PARTS.of(n.Projection)
def _projection(node: n.Projection) -> list[Part]:
    selectors = _enclosed("[", [f"[{field_name(name)}]" for name in node.names], "]" + _question(node))
    return selectors if node.target is None else [(node.target, _PRIMARY), *selectors]


@_PARTS.of(n.Parenthesized)
def _parenthesized(node: n.Parenthesized) -> list[Part]:
    return [OPEN, "(", INDENT, SOFT, node.inner, DEDENT, SOFT, ")", CLOSE]


# ---------------------------------------------------------------- operators


@_PARTS.of(n.Unary)
def _unary(node: n.Unary) -> list[Part]:
    operator = "not " if node.operator == "not" else node.operator
    return [operator, (node.operand, _UNARY)]


@_PARTS.of(n.Binary)
def _binary(node: n.Binary) -> list[Part]:
    level = PRECEDENCE[node.operator]
    # A run of one level ("a & b & c") breaks before all of its operators or before none.
    parts: list[Part] = []
    left: n.Node = node
    while left.__class__ is n.Binary and PRECEDENCE[left.operator] == level:
        parts += [(left.right, level + 1), f"{left.operator} ", LINE]
        left = left.left
    parts += [INDENT, (left, level), OPEN]
    parts.reverse()
    return [*parts, DEDENT, CLOSE]


@_PARTS.of(n.TypeTest)
def _type_test(node: n.TypeTest) -> list[Part]:
    return [(node.operand, PRECEDENCE[node.operator]), f" {node.operator} ", node.type]


# ---------------------------------------------------------------- expression forms


@_PARTS.of(n.Function)
def _function(node: n.Function) -> list[Part]:
    result = [] if node.result is None else [" as ", node.result]
    return [
        OPEN,
        *_enclosed("(", node.parameters, ")"),
        *result,
        " =>",
        INDENT,
        LINE,
        node.body,
        DEDENT,
        CLOSE,
    ]


@_PARTS.of(n.Parameter)
def _parameter(node: n.Parameter) -> list[Part]:
    name = ("optional " if node.optional else "") + identifier(node.name)
    return [name] if node.type is None else [f"{name} as ", *_in_type(node.type)]


@_PARTS.of(n.Each)
def _each(node: n.Each) -> list[Part]:
    return ["each ", node.body]


@_PARTS.of(n.Let)
def _let(node: n.Let) -> list[Part]:
    parts: list[Part] = []
    for binding in node.bindings:
        if parts:
            parts.append(",")
        parts += [HARD, binding]
    return ["let", INDENT, *parts, DEDENT, HARD, "in", INDENT, HARD, node.body, DEDENT]


@_PARTS.of(n.If)
def _if(node: n.If) -> list[Part]:
    parts: list[Part] = [OPEN]
    other: n.Node = node
    while other.__class__ is n.If:
        parts += ["if ", other.condition, " then", INDENT, LINE, other.then, DEDENT, LINE]
        other = other.otherwise
        if other.__class__ is n.If:
            parts.append("else ")
    return [*parts, "else", INDENT, LINE, other, DEDENT, CLOSE]


@_PARTS.of(n.Error)
def _error(node: n.Error) -> list[Part]:
    return ["error ", node.operand]


@_PARTS.of(n.Try)
def _try(node: n.Try) -> list[Part]:
    if node.otherwise is None and node.catch is None:
        return ["try ", node.body]
    # A handler belongs to the innermost open try: one inside the body must be closed off.
    body = [node.body]
    if _ends_in_open_try(node.body):
        body = ["(", node.body, ")"]  # type: ignore[list-item]
    if node.catch is not None:
        return [OPEN, "try ", *body, LINE, "catch ", node.catch, CLOSE]
    return [OPEN, "try ", *body, LINE, "otherwise ", node.otherwise, CLOSE]


def _ends_in_open_try(node: n.Node) -> bool:
    while node.__class__ in _LOOSE:
        if isinstance(node, n.Try):
            if node.otherwise is not None:
                node = node.otherwise
            elif node.catch is not None:
                node = node.catch.body
            else:
                return True
        elif isinstance(node, n.If):
            node = node.otherwise
        elif isinstance(node, n.Error):
            node = node.operand
        else:
            node = node.body  # type: ignore[attr-defined]
    return False


# ---------------------------------------------------------------- types


@_PARTS.of(n.Type)
def _type(node: n.Type) -> list[Part]:
    return ["type ", *_in_type(node.inner)]


def _in_type(node: n.Node) -> list[Part]:
    """A node where a type stands; there some spellings mean something else."""
    if node.__class__ in _TYPE_NODES:
        return [node]
    leftmost: n.Node = node
    while isinstance(leftmost, (n.Invocation, n.ItemAccess, n.FieldAccess, n.Projection)):
        target = leftmost.function if isinstance(leftmost, n.Invocation) else leftmost.target
        if target is None:
            return ["(", node, ")"]
        leftmost = target
    if leftmost.__class__ in (n.List, n.Record) or (
        isinstance(leftmost, n.Literal) and leftmost.value is None
    ):
        return ["(", node, ")"]
    if isinstance(leftmost, n.Name) and not leftmost.inclusive and leftmost.name in _TYPE_WORDS:
        return ["(", node, ")"]
    return [(node, _PRIMARY)]


_TYPE_WORDS = PRIMITIVES | {"nullable"}


@_PARTS.of(n.PrimitiveType)
def _primitive_type(node: n.PrimitiveType) -> list[Part]:
    return [f"nullable {node.name}" if node.nullable else node.name]


@_PARTS.of(n.NullableType)
def _nullable_type(node: n.NullableType) -> list[Part]:
    return ["nullable ", *_in_type(node.inner)]


@_PARTS.of(n.ListType)
def _list_type(node: n.ListType) -> list[Part]:
    return ["{", *_in_type(node.item), "}"]


@_PARTS.of(n.RecordType)
def _record_type(node: n.RecordType) -> list[Part]:
    return _enclosed("[", [*node.entries, "..."] if node.open else node.entries, "]")


@_PARTS.of(n.FieldType)
def _field_type(node: n.FieldType) -> list[Part]:
    name = ("optional " if node.optional else "") + type_field_name(node.name)
    return [name] if node.type is None else [f"{name} = ", *_in_type(node.type)]


@_PARTS.of(n.TableType)
def _table_type(node: n.TableType) -> list[Part]:
    first: n.Node | None = node.row
    while isinstance(first, (n.Invocation, n.ItemAccess, n.FieldAccess, n.Projection)):
        first = first.function if isinstance(first, n.Invocation) else first.target
    if first.__class__ in (n.Name, n.Parenthesized) or node.row.__class__ is n.RecordType:
        return ["table ", node.row]
    return ["table (", node.row, ")"]


@_PARTS.of(n.FunctionType)
def _function_type(node: n.FunctionType) -> list[Part]:
    return ["function ", *_enclosed("(", node.parameters, ")"), " as ", *_in_type(node.result)]


_TYPE_NODES = frozenset(
    [n.PrimitiveType, n.NullableType, n.ListType, n.RecordType, n.TableType, n.FunctionType]
)
