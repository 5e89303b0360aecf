"""The boxes that a text is laid out in: tokens, and what encloses them.

`boxes_of` turns a tree into boxes.  A leaf box stands for one token of the source, in its
order, so that every token keeps its spelling; a box with children says how they may
be arranged.  `Style` has what ``formatter.py`` must know of a box: which blanks stand around
a token, which tokens open and close a block, and which boxes decide for themselves whether they
stand on one line.  The styles are those that Microsoft's formatter uses by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from mlang.syntax import nodes as n
from mlang.syntax.byclass import ByClass


class Style(NamedTuple):
    """How a box is laid out."""

    #: A blank before, after.
    left: bool = False
    right: bool = False
    #: No blank after, whatever comes.
    joins: bool = False
    #: Blanks before are taken away; blanks and line ends before are.
    trims: bool = False
    pulls: bool = False
    #: A block begins before ("L") or after ("R") the box, or ends before it; lines are divided there.
    opens: str = ""
    closes: bool = False
    divides: str = ""
    #: ``=`` opens a block only before ``if``, ``let`` and ``try``.
    opens_for_forms: bool = False
    #: A line end before the token; one or two after it.
    breaks_before: bool = False
    breaks_after: int = 0
    #: A container keeps its own indentation; a line ends after it unless it is tight.
    container: bool = False
    tight: bool = False
    #: Stands on one line exactly if its parent does.
    inherits: bool = False
    #: Once in lines, it is not tried on one line again.
    stays: bool = False


PADDED = Style(left=True, right=True)
BARE = Style()
_SPOT = Style(pulls=True)
_COMMA = Style(right=True, divides="R", pulls=True)
_OPEN = Style(left=True, opens="R", joins=True)
_OPEN_POSTFIX = Style(left=True, opens="R", joins=True, pulls=True)
_OPEN_SELECTOR = Style(opens="R", joins=True, trims=True)
_CLOSE = Style(left=True, right=True, closes=True, trims=True)
_CLOSE_PARAMETERS = Style(closes=True, trims=True)
_CLOSE_ATTRIBUTES = Style(right=True, closes=True, trims=True, breaks_after=1)
_BEGIN = Style(left=True, right=True, opens="R")
_NEXT = Style(left=True, right=True, closes=True, opens="R")
_ASSIGN = Style(right=True, opens="R", opens_for_forms=True)
_DIVIDE = Style(left=True, right=True, divides="L")
_AMPERSAND = Style(left=True, right=True, opens="L")
_SHARED = Style(breaks_before=True)
_END_MEMBER = Style(right=True, pulls=True, breaks_after=1)
_END_HEADING = Style(right=True, pulls=True, breaks_after=2)

_TIGHT = Style(container=True, tight=True)
_INHERITING = Style(container=True, tight=True, inherits=True)
_CONTAINER = Style(container=True)
_FORM = Style(container=True, stays=True)
_OPERATION = Style(container=True, tight=True, stays=True)
_ITEM = Style(inherits=True)


class Box:
    """A token, or boxes in a row."""

    __slots__ = ("children", "force", "kind", "length", "node", "parent", "style", "token")

    def __init__(self, kind: str, style: Style, children: Iterable[Any] = (), length: int = 0) -> None:
        self.kind, self.style = kind, style
        #: Boxes; nodes until `boxes_of` has unfolded them.
        self.children: list[Any] = list(children)
        #: First what stands between the children, at the end the width on one line.
        self.length = length
        #: The index of the token, for a leaf.
        self.token = -1
        self.force = False
        self.node: n.Node | None = None
        self.parent: Box | None = None


#: What makes the box of a node; it is given the kind of the box around.
_BOXES: ByClass[Callable[[Any, str], Box]] = ByClass()


def boxes_of(root: n.Node, starts: list[int], ends: list[int]) -> Box:
    """All boxes of a tree; the leaves hold the tokens in their order."""
    top = _box(root, "")
    every: list[Box] = []
    stack = [top]
    token = 0
    while stack:
        box = stack.pop()
        every.append(box)
        if not box.children:
            if box.kind == "leaf":
                box.token, box.length = token, ends[token] - starts[token]
                token += 1
            continue
        box.children = [c if isinstance(c, Box) else _box(c, box.kind) for c in box.children]
        for child in reversed(box.children):
            child.parent = box
            stack.append(child)
    for box in reversed(every):
        if box.parent is not None:
            box.parent.length += box.length
    return top


def _leaf(style: Style = PADDED) -> Box:
    return Box("leaf", style)


def _box(node: Any, parent: str) -> Box:
    """The box of a node, whose children may still be nodes."""
    box = _BOXES[node.__class__](node, parent)
    if box.node is None:
        box.node = node
    return box


def _several(kind: str, style: Style, items: Iterable[Any]) -> Box:
    """Items with commas between them."""
    listed = list(items)
    last = len(listed) - 1
    separated = [
        Box("item", _ITEM, [item] if index == last else [item, _leaf(_COMMA)])
        for index, item in enumerate(listed)
    ]
    return Box(kind, style, separated)


def _enclosed(
    kind: str, style: Style, opening: Style, items: Iterable[Any], closing: Style, inner: Style = _TIGHT
) -> Box:
    content = _several("items", inner, items)
    between = max(len(content.children) - 1, 0)
    return Box(kind, style, [_leaf(opening), content, _leaf(closing)], between)


# ---------------------------------------------------------------- documents


@_BOXES.of(n.SectionDocument)
def _document(node: n.SectionDocument, parent: str) -> Box:
    return Box("document", BARE, node.sections)


@_BOXES.of(n.Section)
def _section(node: n.Section, parent: str) -> Box:
    parts: list[Any] = []
    if node.attributes is not None:
        parts.append(_attributes(node.attributes, "section", _CLOSE_ATTRIBUTES))
    parts.append(_leaf())
    if node.name is not None:
        parts.append(_leaf())
    parts += [_leaf(_END_HEADING), Box("items", _TIGHT, node.members)]
    return Box("section", BARE, parts, len(parts) - 3)


@_BOXES.of(n.Member)
def _member(node: n.Member, parent: str) -> Box:
    parts: list[Any] = []
    if node.attributes is not None:
        parts.append(_attributes(node.attributes, "member", _CLOSE))
    if node.shared:
        parts.append(_leaf(_SHARED))
    extra = len(parts)
    return Box("member", BARE, [*parts, _assigned(node.value), _leaf(_END_MEMBER)], extra)


def _attributes(node: n.Record, parent: str, closing: Style) -> Box:
    entries = [Box("attribute", BARE, [_leaf(), _leaf(), _Value(e.value)], 2) for e in node.entries]
    style = _INHERITING if parent == "item" else _TIGHT
    box = _enclosed("record literal", style, _OPEN, entries, closing, _INHERITING)
    box.node = node
    return box


class _Value:
    """A value among attributes: lists there are no containers."""

    __slots__ = ("node",)

    def __init__(self, node: n.Node) -> None:
        self.node = node


@_BOXES.of(_Value)
def _value(part: _Value, parent: str) -> Box:
    node = part.node
    if isinstance(node, n.Record):
        return _attributes(node, parent, _CLOSE)
    if isinstance(node, n.List):
        return _enclosed("list literal", BARE, _OPEN, [_Value(i) for i in node.items], _CLOSE)
    return _box(node, parent)


def _assigned(value: n.Node) -> Box:
    return Box("pair", _TIGHT, [_leaf(), _leaf(_ASSIGN), value], 2)


# ---------------------------------------------------------------- primary expressions


@_BOXES.of(n.Literal, n.Verbatim)
def _literal(node: n.Node, parent: str) -> Box:
    return _leaf(BARE if parent in ("unary", "range") else PADDED)


@_BOXES.of(n.NotImplementedNode)
def _word(node: n.Node, parent: str) -> Box:
    return _leaf()


@_BOXES.of(n.Name)
def _name(node: n.Name, parent: str) -> Box:
    return Box("name", _TIGHT, [_leaf(BARE), _leaf(BARE)] if node.inclusive else [_leaf(BARE)])


@_BOXES.of(n.SectionAccess)
def _section_access(node: n.SectionAccess, parent: str) -> Box:
    return Box("name", _TIGHT, [_leaf(BARE), _leaf(_SPOT), _leaf(BARE)])


@_BOXES.of(n.Invocation, n.ItemAccess)
def _postfixes(node: Any, parent: str) -> Box:
    """A value and all that is applied to it."""
    applied: list[Box] = []
    head: Any = node
    while True:
        if isinstance(head, n.Invocation):
            applied.append(_enclosed("call", BARE, _OPEN_POSTFIX, head.arguments, _CLOSE))
            head = head.function
        elif isinstance(head, n.ItemAccess):
            question = [_leaf()] if head.optional else []
            applied.append(
                Box("item access", BARE, [_leaf(_OPEN_POSTFIX), head.index, _leaf(_CLOSE), *question])
            )
            head = head.target
        elif isinstance(head, (n.FieldAccess, n.Projection)) and head.target is not None:
            applied.append(_selection(head, "postfix"))
            head = head.target
        else:
            break
    return Box("primary", BARE, [head, Box("postfix", _TIGHT, reversed(applied))])


def _selection(node: n.FieldAccess | n.Projection, parent: str) -> Box:
    """``[a]`` or ``[[a], [b]]``, alone or after a value."""
    question = [_leaf(_SPOT)] if node.optional else []
    if isinstance(node, n.FieldAccess):
        opening = _OPEN_SELECTOR if parent in ("postfix", "primary") else _OPEN
        return Box("selector", _TIGHT, [_leaf(opening), _leaf(), _leaf(_CLOSE), *question])
    opening = _OPEN_SELECTOR if parent == "postfix" else _OPEN
    names = [Box("selector", _TIGHT, [_leaf(_OPEN), _leaf(), _leaf(_CLOSE)]) for _ in node.names]
    content = _several("items", _TIGHT, names)
    return Box("projection", _TIGHT, [_leaf(opening), content, _leaf(_CLOSE), *question])


@_BOXES.of(n.FieldAccess, n.Projection)
def _access(node: n.FieldAccess | n.Projection, parent: str) -> Box:
    return _selection(node, parent) if node.target is None else _postfixes(node, parent)


@_BOXES.of(n.List)
def _list(node: n.List, parent: str) -> Box:
    return _enclosed("list", _TIGHT, _OPEN, node.items, _CLOSE, _INHERITING)


@_BOXES.of(n.Range)
def _range(node: n.Range, parent: str) -> Box:
    return Box("range", BARE, [node.first, _leaf(_SPOT), node.last])


@_BOXES.of(n.Record)
def _record(node: n.Record, parent: str) -> Box:
    entries = [Box("field", _TIGHT, [_leaf(), _leaf(), e.value], 2) for e in node.entries]
    box = _enclosed(
        "record", _INHERITING if parent == "item" else _TIGHT, _OPEN, entries, _CLOSE, _INHERITING
    )
    box.node = node
    return box


@_BOXES.of(n.Parenthesized)
def _parenthesized(node: n.Parenthesized, parent: str) -> Box:
    return Box("parenthesized", _TIGHT, [_leaf(_OPEN), node.inner, _leaf(_CLOSE)])


# ---------------------------------------------------------------- operators

_FAMILIES = {"=": "equality", "<>": "equality", "and": "logical", "or": "logical", "meta": "metadata"}
_FAMILIES |= dict.fromkeys("+-*/&", "arithmetic")
_CONDITIONS = ("equality", "logical")


@_BOXES.of(n.Unary)
def _unary(node: n.Unary, parent: str) -> Box:
    operators: list[Box] = []
    operand: n.Node = node
    while isinstance(operand, n.Unary):
        operators.append(_leaf(PADDED if operand.operator == "not" else BARE))
        operand = operand.operand
    return Box("unary", BARE, [Box("items", _TIGHT, operators), operand], 1)


@_BOXES.of(n.Binary)
def _binary(node: n.Binary, parent: str) -> Box:
    operator = node.operator
    family = _FAMILIES.get(operator, "relation")
    style = BARE if family == "relation" else _TIGHT
    if family == parent == "arithmetic" or (family in _CONDITIONS and parent in _CONDITIONS):
        style = _OPERATION
    elif family in _CONDITIONS and parent in ("pair", "if"):
        style = _TIGHT._replace(opens="L", divides="R" if parent == "if" else "")
    leaf = _DIVIDE if family == "logical" else _AMPERSAND if operator == "&" else PADDED
    return Box(
        family, style, [node.left, _leaf(leaf), node.right], 2 if family == "metadata" else len(operator)
    )


@_BOXES.of(n.TypeTest)
def _type_test(node: n.TypeTest, parent: str) -> Box:
    return Box("type test", _TIGHT if node.operator == "as" else BARE, [node.operand, _leaf(), node.type], 2)


# ---------------------------------------------------------------- expression forms


@_BOXES.of(n.Function)
def _function(node: n.Function, parent: str) -> Box:
    return Box("function", _CONTAINER, [*_heading(node), _leaf(_BEGIN), node.body], 2 + 2 * bool(node.result))


def _heading(node: n.Function | n.FunctionType) -> list[Any]:
    heading: list[Any] = [_enclosed("parameters", _TIGHT, _OPEN, node.parameters, _CLOSE_PARAMETERS)]
    return heading if node.result is None else [*heading, Box("as", BARE, [_leaf(), node.result], 1)]


@_BOXES.of(n.Parameter)
def _parameter(node: n.Parameter, parent: str) -> Box:
    parts: list[Any] = [_leaf(), _leaf()] if node.optional else [_leaf()]
    extra = len(parts) - 1
    if node.type is not None:
        parts.append(Box("as", BARE, [_leaf(), node.type], 1))
        extra += 1
    return Box("parameter", BARE, parts, extra)


@_BOXES.of(n.Each)
def _each(node: n.Each, parent: str) -> Box:
    return Box("each", _CONTAINER, [_leaf(_BEGIN), node.body], 1)


@_BOXES.of(n.Let)
def _let(node: n.Let, parent: str) -> Box:
    bindings = _several("items", _TIGHT, [_assigned(b.value) for b in node.bindings])
    return Box("let", _FORM, [_leaf(_BEGIN), bindings, _leaf(_NEXT), node.body], 1)


@_BOXES.of(n.If)
def _if(node: n.If, parent: str) -> Box:
    parts = [_leaf(), node.condition, _leaf(_BEGIN), node.then, _leaf(_NEXT), node.otherwise]
    return Box("if", _FORM, parts, 1)


@_BOXES.of(n.Error)
def _error(node: n.Error, parent: str) -> Box:
    return Box("error", _CONTAINER, [_leaf(_BEGIN), node.operand], 1)


@_BOXES.of(n.Try)
def _try(node: n.Try, parent: str) -> Box:
    parts: list[Any] = [_leaf(_BEGIN), node.body]
    if node.otherwise is not None:
        parts.append(Box("otherwise", _CONTAINER, [_leaf(_NEXT), node.otherwise], 1))
    elif node.catch is not None:
        parts.append(Box("catch", BARE, [_leaf(), node.catch], 1))
    return Box("try", _CONTAINER, parts, 1 if len(parts) == 2 else 3)


# ---------------------------------------------------------------- types


@_BOXES.of(n.Type)
def _type(node: n.Type, parent: str) -> Box:
    return Box("type", BARE, [_leaf(), node.inner], 1)


@_BOXES.of(n.PrimitiveType)
def _primitive_type(node: n.PrimitiveType, parent: str) -> Box:
    return Box("nullable", BARE, [_leaf(), _leaf()], 1) if node.nullable else _leaf()


@_BOXES.of(n.NullableType)
def _nullable_type(node: n.NullableType, parent: str) -> Box:
    return Box("nullable", BARE, [_leaf(), node.inner], 1)


@_BOXES.of(n.ListType)
def _list_type(node: n.ListType, parent: str) -> Box:
    return Box("list type", BARE, [_leaf(_OPEN), node.item, _leaf(_CLOSE)])


@_BOXES.of(n.RecordType)
def _record_type(node: n.RecordType, parent: str) -> Box:
    content = _several("items", _TIGHT, node.entries)
    marker: list[Box] = []
    if node.open:
        marker.append(_leaf())
        if node.entries:
            content.children[-1].children.append(_leaf(_COMMA))
    extra = 2 if marker and node.entries else 0
    return Box("fields", _TIGHT, [_leaf(_OPEN), content, *marker, _leaf(_CLOSE)], extra)


@_BOXES.of(n.FieldType)
def _field_type(node: n.FieldType, parent: str) -> Box:
    parts: list[Any] = [_leaf(), _leaf()] if node.optional else [_leaf()]
    if node.type is not None:
        parts.append(Box("field type", BARE, [_leaf(), node.type], 2))
    return Box("specification", _TIGHT, parts)


@_BOXES.of(n.TableType)
def _table_type(node: n.TableType, parent: str) -> Box:
    return Box("table type", BARE, [_leaf(), node.row], 1)


@_BOXES.of(n.FunctionType)
def _function_type(node: n.FunctionType, parent: str) -> Box:
    return Box("function type", BARE, [_leaf(), *_heading(node)], 2)
