"""The abstract syntax tree of M, in the order of the language specification.

Every node is a written-out class with ``__slots__``: the tree is built on every
start, so it must cost nothing to define or import.  A node knows the offsets
``pos`` (first character) and ``end`` (one past its last character) in the
source text; line and column are computed on demand (``spans.py``).  What all nodes
share is in ``node.py``.
Read ``parser.py`` next (text to nodes), then ``printer.py`` (nodes to text).
"""

from __future__ import annotations

from mlang.syntax.node import Node as Node

# ---------------------------------------------------------------- documents


class SectionDocument(Node):
    """One or more sections."""

    __slots__ = fields = ("sections",)
    sections: tuple[Section, ...]

    def __init__(self, sections: tuple[Section, ...], pos: int = 0, end: int = 0) -> None:
        self.sections, self.pos, self.end = sections, pos, end


class Section(Node):
    """``[attributes] section name; members``; the name may be missing."""

    __slots__ = fields = ("attributes", "name", "members")
    attributes: Record | None
    name: str | None
    members: tuple[Member, ...]

    def __init__(
        self,
        attributes: Record | None,
        name: str | None,
        members: tuple[Member, ...],
        pos: int = 0,
        end: int = 0,
    ) -> None:
        self.attributes, self.name, self.members = attributes, name, members
        self.pos, self.end = pos, end


class Member(Node):
    """``[attributes] shared name = value;``"""

    __slots__ = fields = ("attributes", "shared", "name", "value")
    attributes: Record | None
    shared: bool
    name: str
    value: Node

    def __init__(
        self,
        attributes: Record | None,
        shared: bool,
        name: str,
        value: Node,
        pos: int = 0,
        end: int = 0,
    ) -> None:
        self.attributes, self.shared, self.name, self.value = attributes, shared, name, value
        self.pos, self.end = pos, end


# ---------------------------------------------------------------- primary expressions


class Literal(Node):
    """null, a logical, a number or a text.

    ``value`` is None, bool, float (ordinary numbers; also ``#infinity`` and
    ``#nan``), int (whole numbers that a double cannot hold) or str.
    """

    __slots__ = fields = ("value",)
    value: bool | float | int | str | None

    def __init__(self, value: bool | float | int | str | None, pos: int = 0, end: int = 0) -> None:
        self.value, self.pos, self.end = value, pos, end


class Verbatim(Node):
    """``#!"..."``: text that is no M; evaluating it raises."""

    __slots__ = fields = ("text",)
    text: str

    def __init__(self, text: str, pos: int = 0, end: int = 0) -> None:
        self.text, self.pos, self.end = text, pos, end


class Name(Node):
    """An identifier reference; ``inclusive`` is the ``@`` form.

    Keyword constructors (``#date``, ``#table``, ``#shared`` ...) are names too,
    spelt with their ``#``.
    """

    __slots__ = fields = ("name", "inclusive")
    name: str
    inclusive: bool

    def __init__(self, name: str, inclusive: bool = False, pos: int = 0, end: int = 0) -> None:
        self.name, self.inclusive, self.pos, self.end = name, inclusive, pos, end


class SectionAccess(Node):
    """``section!member``"""

    __slots__ = fields = ("section", "name")
    section: str
    name: str

    def __init__(self, section: str, name: str, pos: int = 0, end: int = 0) -> None:
        self.section, self.name, self.pos, self.end = section, name, pos, end


class NotImplementedNode(Node):
    """``...`` as an expression."""

    __slots__ = ()

    def __init__(self, pos: int = 0, end: int = 0) -> None:
        self.pos, self.end = pos, end


class Invocation(Node):
    """``function(arguments)``"""

    __slots__ = fields = ("function", "arguments")
    function: Node
    arguments: tuple[Node, ...]

    def __init__(self, function: Node, arguments: tuple[Node, ...], pos: int = 0, end: int = 0) -> None:
        self.function, self.arguments, self.pos, self.end = function, arguments, pos, end


class List(Node):
    """``{items}``; an item is an expression or a `Range`."""

    __slots__ = fields = ("items",)
    items: tuple[Node, ...]

    def __init__(self, items: tuple[Node, ...], pos: int = 0, end: int = 0) -> None:
        self.items, self.pos, self.end = items, pos, end


class Range(Node):
    """``first .. last`` inside a list."""

    __slots__ = fields = ("first", "last")
    first: Node
    last: Node

    def __init__(self, first: Node, last: Node, pos: int = 0, end: int = 0) -> None:
        self.first, self.last, self.pos, self.end = first, last, pos, end


class Record(Node):
    """``[a = 1, b = 2]``; also attributes of sections and members."""

    __slots__ = fields = ("entries",)
    entries: tuple[Binding, ...]

    def __init__(self, entries: tuple[Binding, ...], pos: int = 0, end: int = 0) -> None:
        self.entries, self.pos, self.end = entries, pos, end


class Binding(Node):
    """``name = value`` in a record or a let."""

    __slots__ = fields = ("name", "value")
    name: str
    value: Node

    def __init__(self, name: str, value: Node, pos: int = 0, end: int = 0) -> None:
        self.name, self.value, self.pos, self.end = name, value, pos, end


class ItemAccess(Node):
    """``target{index}`` and ``target{index}?``"""

    __slots__ = fields = ("target", "index", "optional")
    target: Node
    index: Node
    optional: bool

    def __init__(self, target: Node, index: Node, optional: bool, pos: int = 0, end: int = 0) -> None:
        self.target, self.index, self.optional, self.pos, self.end = target, index, optional, pos, end


class FieldAccess(Node):
    """``target[name]``; a missing target is the implicit ``_``."""

    __slots__ = fields = ("target", "name", "optional")
    target: Node | None
    name: str
    optional: bool

    def __init__(self, target: Node | None, name: str, optional: bool, pos: int = 0, end: int = 0) -> None:
        self.target, self.name, self.optional, self.pos, self.end = target, name, optional, pos, end


class Projection(Node):
    """``target[[a], [b]]``; a missing target is the implicit ``_``."""

    __slots__ = fields = ("target", "names", "optional")
    target: Node | None
    names: tuple[str, ...]
    optional: bool

    def __init__(
        self, target: Node | None, names: tuple[str, ...], optional: bool, pos: int = 0, end: int = 0
    ) -> None:
        self.target, self.names, self.optional, self.pos, self.end = target, names, optional, pos, end


class Parenthesized(Node):
    """``(inner)``; kept so that printing gives back what was written."""

    __slots__ = fields = ("inner",)
    inner: Node

    def __init__(self, inner: Node, pos: int = 0, end: int = 0) -> None:
        self.inner, self.pos, self.end = inner, pos, end


# ---------------------------------------------------------------- operators


class Unary(Node):
    """``+ - not`` before an operand."""

    __slots__ = fields = ("operator", "operand")
    operator: str
    operand: Node

    def __init__(self, operator: str, operand: Node, pos: int = 0, end: int = 0) -> None:
        self.operator, self.operand, self.pos, self.end = operator, operand, pos, end


class Binary(Node):
    """``* / + - & < <= > >= = <> and or ?? meta``"""

    __slots__ = fields = ("operator", "left", "right")
    operator: str
    left: Node
    right: Node

    def __init__(self, operator: str, left: Node, right: Node, pos: int = 0, end: int = 0) -> None:
        self.operator, self.left, self.right, self.pos, self.end = operator, left, right, pos, end


class TypeTest(Node):
    """``operand is [nullable] primitive`` (operator "is") or ``as`` (operator "as")."""

    __slots__ = fields = ("operator", "operand", "type")
    operator: str
    operand: Node
    type: PrimitiveType

    def __init__(self, operator: str, operand: Node, type: PrimitiveType, pos: int = 0, end: int = 0) -> None:
        self.operator, self.operand, self.type, self.pos, self.end = operator, operand, type, pos, end


# ---------------------------------------------------------------- expression forms


class Function(Node):
    """``(parameters) as result => body``"""

    __slots__ = fields = ("parameters", "result", "body")
    parameters: tuple[Parameter, ...]
    result: PrimitiveType | None
    body: Node

    def __init__(
        self,
        parameters: tuple[Parameter, ...],
        result: PrimitiveType | None,
        body: Node,
        pos: int = 0,
        end: int = 0,
    ) -> None:
        self.parameters, self.result, self.body, self.pos, self.end = parameters, result, body, pos, end


class Parameter(Node):
    """``optional name as type``; in a function type ``type`` may be any type expression."""

    __slots__ = fields = ("name", "optional", "type")
    name: str
    optional: bool
    type: Node | None

    def __init__(self, name: str, optional: bool, type: Node | None, pos: int = 0, end: int = 0) -> None:
        self.name, self.optional, self.type, self.pos, self.end = name, optional, type, pos, end


class Each(Node):
    """``each body``: a function of ``_``."""

    __slots__ = fields = ("body",)
    body: Node

    def __init__(self, body: Node, pos: int = 0, end: int = 0) -> None:
        self.body, self.pos, self.end = body, pos, end


class Let(Node):
    """``let bindings in body``"""

    __slots__ = fields = ("bindings", "body")
    bindings: tuple[Binding, ...]
    body: Node

    def __init__(self, bindings: tuple[Binding, ...], body: Node, pos: int = 0, end: int = 0) -> None:
        self.bindings, self.body, self.pos, self.end = bindings, body, pos, end


class If(Node):
    """``if condition then then else otherwise``"""

    __slots__ = fields = ("condition", "then", "otherwise")
    condition: Node
    then: Node
    otherwise: Node

    def __init__(self, condition: Node, then: Node, otherwise: Node, pos: int = 0, end: int = 0) -> None:
        self.condition, self.then, self.otherwise, self.pos, self.end = condition, then, otherwise, pos, end


class Error(Node):
    """``error operand``"""

    __slots__ = fields = ("operand",)
    operand: Node

    def __init__(self, operand: Node, pos: int = 0, end: int = 0) -> None:
        self.operand, self.pos, self.end = operand, pos, end


class Try(Node):
    """``try body``, with at most one of ``otherwise`` and ``catch`` (a `Function`)."""

    __slots__ = fields = ("body", "otherwise", "catch")
    body: Node
    otherwise: Node | None
    catch: Function | None

    def __init__(
        self, body: Node, otherwise: Node | None, catch: Function | None, pos: int = 0, end: int = 0
    ) -> None:
        self.body, self.otherwise, self.catch, self.pos, self.end = body, otherwise, catch, pos, end


# ---------------------------------------------------------------- types


class Type(Node):
    """``type inner``: an expression whose value is a type.

    ``inner`` is one of the type nodes below, or any other expression (which must
    give a type value).
    """

    __slots__ = fields = ("inner",)
    inner: Node

    def __init__(self, inner: Node, pos: int = 0, end: int = 0) -> None:
        self.inner, self.pos, self.end = inner, pos, end


class PrimitiveType(Node):
    """A primitive type name, nullable or not (``nullable`` only in is/as/parameters;
    inside ``type`` a `NullableType` node says it)."""

    __slots__ = fields = ("name", "nullable")
    name: str
    nullable: bool

    def __init__(self, name: str, nullable: bool = False, pos: int = 0, end: int = 0) -> None:
        self.name, self.nullable, self.pos, self.end = name, nullable, pos, end


class NullableType(Node):
    """``nullable inner`` in a type expression."""

    __slots__ = fields = ("inner",)
    inner: Node

    def __init__(self, inner: Node, pos: int = 0, end: int = 0) -> None:
        self.inner, self.pos, self.end = inner, pos, end


class ListType(Node):
    """``{item}``"""

    __slots__ = fields = ("item",)
    item: Node

    def __init__(self, item: Node, pos: int = 0, end: int = 0) -> None:
        self.item, self.pos, self.end = item, pos, end


class RecordType(Node):
    """``[fields, ...]``"""

    __slots__ = fields = ("entries", "open")
    entries: tuple[FieldType, ...]
    open: bool

    def __init__(self, entries: tuple[FieldType, ...], open: bool, pos: int = 0, end: int = 0) -> None:
        self.entries, self.open, self.pos, self.end = entries, open, pos, end


class FieldType(Node):
    """``optional name = type``; a missing type is any."""

    __slots__ = fields = ("name", "optional", "type")
    name: str
    optional: bool
    type: Node | None

    def __init__(self, name: str, optional: bool, type: Node | None, pos: int = 0, end: int = 0) -> None:
        self.name, self.optional, self.type, self.pos, self.end = name, optional, type, pos, end


class TableType(Node):
    """``table row``; ``row`` is a `RecordType` or an expression."""

    __slots__ = fields = ("row",)
    row: Node

    def __init__(self, row: Node, pos: int = 0, end: int = 0) -> None:
        self.row, self.pos, self.end = row, pos, end


class FunctionType(Node):
    """``function (parameters) as result``"""

    __slots__ = fields = ("parameters", "result")
    parameters: tuple[Parameter, ...]
    result: Node

    def __init__(self, parameters: tuple[Parameter, ...], result: Node, pos: int = 0, end: int = 0) -> None:
        self.parameters, self.result, self.pos, self.end = parameters, result, pos, end


Document = SectionDocument | Node
