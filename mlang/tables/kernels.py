"""Row functions over Arrow columns: comparisons, arithmetic, logic, and pure functions of a text.

`Kernel` reads the syntax tree of a row function and computes it with Arrow's own loops where the
result is M's by construction: doubles are IEEE in both; null is spread, or compared, as M says it; no
operation that is done here can fail.  Whatever is not sure (another kind, an ordered text beyond ASCII,
a null where M wants a logical) raises `Unsure` inside, `Kernel.array` is None, and the rows go
through the loop of ``compile/fusion.py``, which is what M means.  Functions of one text run in that
loop too, once for each distinct text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlang import session
from mlang.culture import text as casing
from mlang.errors import MError
from mlang.syntax import nodes
from mlang.tables.column import Column, from_cells
from mlang.values.functions import Function, Spec, captured
from mlang.values.temporal import Date
from mlang.values.thunk import DONE, Thunk

_MISSING = object()
_NUMBER, _TEXT, _LOGICAL, _DATE = pa.float64(), pa.string(), pa.bool_(), pa.date32()
_EPOCH_DAYS = 719_162
_ARITHMETIC = {"+": pc.add, "-": pc.subtract, "*": pc.multiply, "/": pc.divide}
_ORDER = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal}


class Unsure(Exception):
    """Arrow might give something else than M here."""


class Kernel:
    """A row function over the columns that it reads."""

    __slots__ = ("body", "forms", "function", "names", "row")

    def __init__(self, function: Function, body: nodes.Node, row: str, names: tuple[str, ...]) -> None:
        self.function, self.body, self.row, self.names = function, body, row, names
        #: Calls in the body, by the identity of their node, as functions of a text.
        self.forms: dict[int, tuple[str, Any]] = {}

    def array(self, columns: list[Column], length: int) -> Any:
        """The function's results as an Arrow array, or None."""
        try:
            found = _Run(self, columns).value(self.body, True)
        except (Unsure, MError):  # the loop meets the error where M does
            return None
        if found is None:
            return None
        return pa.repeat(found, length) if isinstance(found, pa.Scalar) else found


def kernel_of(function: Any, names: tuple[str, ...]) -> Kernel | None:
    """The kernel of a function that the compiler made a loop of, which reads the fields ``names``."""
    node = function.spec.node
    if isinstance(node, nodes.Each):
        return Kernel(function, node.body, "_", names)
    if isinstance(node, nodes.Function) and len(node.parameters) == 1 and node.result is None:
        return Kernel(function, node.body, node.parameters[0].name, names)
    return None


def known_form(body: nodes.Node) -> bool:
    """Whether an expression has only parts that a kernel may compute, whatever the cells are."""
    for part in body.walk():
        if part.__class__ not in _VISITS:
            return False
        if isinstance(part, nodes.Invocation) and not (
            isinstance(part.function, nodes.Name) and is_columnar(part.function.name)
        ):
            return False
    return True


class _Run:
    """One evaluation: a visit of the tree, each node giving an array, a scalar, or None for null."""

    def __init__(self, kernel: Kernel, columns: list[Column]) -> None:
        self.kernel = kernel
        self.columns = dict(zip(kernel.names, columns, strict=True))

    def value(self, node: nodes.Node, strict: bool) -> Any:
        """The value of a node; ``strict`` tells that M evaluates it for every row."""
        visit = _VISITS.get(node.__class__)
        if visit is None:
            raise Unsure
        return visit(self, node, strict)

    def field(self, node: nodes.FieldAccess, strict: bool) -> Any:
        """A column."""
        if node.optional or not self._is_row(node.target):
            raise Unsure
        array = self.columns[node.name].array() if node.name in self.columns else None
        if array is None:
            raise Unsure
        return array

    def _is_row(self, target: nodes.Node | None) -> bool:
        if target is None:
            return self.kernel.row == "_"
        return isinstance(target, nodes.Name) and target.name == self.kernel.row

    def name(self, node: nodes.Name, strict: bool) -> Any:
        """A variable from outside; a delayed one is evaluated where the first row would do so."""
        if node.name == self.kernel.row:
            raise Unsure
        value = captured(self.kernel.function, node.name, _MISSING)
        if value is _MISSING:
            found = _outer(self.kernel.function, node.name)
            if found is None or found.builtin is not None:
                raise Unsure
            value = found.value
        if value.__class__ is Thunk:
            if not strict and value.state != DONE:
                raise Unsure
            value = value.get()
        return _constant(value)

    def unary(self, node: nodes.Unary, strict: bool) -> Any:
        """``not`` of logicals, signs of numbers."""
        operand = self.value(node.operand, strict)
        if operand is None:
            raise Unsure
        if node.operator == "not" and operand.type == _LOGICAL:
            return pc.invert(operand)
        if operand.type != _NUMBER or node.operator not in "+-":
            raise Unsure
        return pc.negate(operand) if node.operator == "-" else operand

    def binary(self, node: nodes.Binary, strict: bool) -> Any:
        """The operators."""
        operator = node.operator
        lazy = operator in ("and", "or", "??")
        left, right = self.value(node.left, strict), self.value(node.right, strict and not lazy)
        if operator in ("=", "<>"):
            same = _equal(left, right)
            return same if operator == "=" else pc.invert(same)
        if left is None or right is None or left.type != right.type:
            raise Unsure
        if operator in _ORDER:
            return _ORDER[operator](*_ordered(left, right))
        if operator in _ARITHMETIC and left.type == _NUMBER:
            return _ARITHMETIC[operator](left, right)
        if operator == "&" and left.type == _TEXT:
            return pc.binary_join_element_wise(left, right, "", null_handling="emit_null")
        if operator == "??":
            return pc.coalesce(left, right)
        if lazy and left.type == _LOGICAL:
            return (pc.and_kleene if operator == "and" else pc.or_kleene)(left, right)
        raise Unsure

    def choice(self, node: nodes.If, strict: bool) -> Any:
        """``if``: both branches are computed, which no one sees, as neither can fail."""
        test = self.value(node.condition, strict)
        then, otherwise = self.value(node.then, False), self.value(node.otherwise, False)
        if test is None or test.type != _LOGICAL or _nulls(test):
            raise Unsure
        if then is None or otherwise is None:
            kind = otherwise if then is None else then
            if kind is None:
                raise Unsure
            empty = pa.scalar(None, kind.type)
            then, otherwise = empty if then is None else then, empty if otherwise is None else otherwise
        if then.type != otherwise.type:
            raise Unsure
        return pc.if_else(test, then, otherwise)

    def call(self, node: nodes.Invocation, strict: bool) -> Any:
        """A library function of constants, or of one text and constants."""
        forms = self.kernel.forms
        if id(node) not in forms:
            forms[id(node)] = _form_of_call(self.kernel, node)
        field, form = forms[id(node)]
        if form is None or field not in self.columns:
            raise Unsure
        found = by_ascii(self.columns[field], self._library_name(node))
        if found is not None:
            return found.array()
        found = by_text(self.columns[field], lambda texts: form.map([texts], len(texts)))
        array = None if found is None else found.array()
        if array is None:
            raise Unsure
        return array

    def _library_name(self, node: nodes.Invocation) -> str:
        """What the library calls a function of one field; "" where it is not called so plainly."""
        called, function = node.function, self.kernel.function
        argument = node.arguments[0] if len(node.arguments) == 1 else None
        if not isinstance(argument, nodes.FieldAccess) or not self._is_row(argument.target):
            return ""
        if not isinstance(called, nodes.Name) or captured(function, called.name, _MISSING) is not _MISSING:
            return ""
        found = _outer(function, called.name)
        return "" if found is None or found.builtin is None else str(found.builtin.name)


def _form_of_call(kernel: Kernel, node: nodes.Invocation) -> tuple[str, Any]:
    """The field that a call reads, and its loop over that field; no loop where it is not so simple."""
    parts = list(node.walk())
    fields = list(dict.fromkeys(n.name for n in parts if isinstance(n, nodes.FieldAccess)))
    simple = (nodes.Invocation, nodes.Name, nodes.FieldAccess, nodes.Literal)
    if kernel.row != "_" or len(fields) != 1 or not all(isinstance(part, simple) for part in parts):
        return "", None
    spec = kernel.function.spec
    assert spec is not None
    each = nodes.Each(node, node.pos, node.end)
    inner = Spec(spec.parameters, node=each, names=spec.names, document=spec.document)
    from mlang.compile.fusion import columnar

    form = columnar(Function(kernel.function.fn, 1, 1, inner))
    return fields[0], form if form is not None and form.cheap else None


_VISITS: dict[type, Callable[[_Run, Any, bool], Any]] = {
    nodes.Literal: lambda run, node, strict: _constant(node.value),
    nodes.Parenthesized: lambda run, node, strict: run.value(node.inner, strict),
    nodes.FieldAccess: _Run.field,
    nodes.Name: _Run.name,
    nodes.Unary: _Run.unary,
    nodes.Binary: _Run.binary,
    nodes.If: _Run.choice,
    nodes.Invocation: _Run.call,
}


def _outer(function: Function, name: str) -> Any:
    """What a free name means in a function's document."""
    from mlang.compile.entry import Environment

    unit = function.spec.document if function.spec is not None else None
    return Environment(unit.document, unit.section).find(name) if unit is not None else None


def _constant(value: Any) -> Any:
    """An M value as a scalar; None is null."""
    cls = value.__class__
    if value is None:
        return None
    if cls is float:
        return pa.scalar(value, _NUMBER)
    if cls is bool:
        return pa.scalar(value, _LOGICAL)
    if cls is Date:
        return pa.scalar(value.days - _EPOCH_DAYS, pa.int32()).cast(_DATE)
    if cls is str:
        try:
            return pa.scalar(value, _TEXT)
        except UnicodeEncodeError:
            raise Unsure from None
    raise Unsure


def _nulls(value: Any) -> bool:
    return not value.is_valid if isinstance(value, pa.Scalar) else value.null_count > 0


def _equal(left: Any, right: Any) -> Any:
    """``=``: null equals null and nothing else."""
    if left is None or right is None:
        value = right if left is None else left
        if value is None:
            raise Unsure
        return pc.is_null(value)
    if left.type != right.type:
        raise Unsure
    same = pc.equal(left, right)
    if not (_nulls(left) or _nulls(right)):
        return same
    return pc.coalesce(same, pc.and_(pc.is_null(left), pc.is_null(right)))


def _ordered(left: Any, right: Any) -> tuple[Any, Any]:
    """Operands that Arrow orders as M does: text by its bytes where it is all ASCII."""
    if left.type == _TEXT and not (ascii_only(left) and ascii_only(right)):
        raise Unsure
    return left, right


def ascii_only(value: Any) -> bool:
    """Whether text is of ASCII characters only."""
    return pc.all(pc.string_is_ascii(value)).as_py() is not False if isinstance(value, pa.Array) else (
        value.as_py() is None or value.as_py().isascii()
    )  # fmt: skip


# ---------------------------------------------------------------- functions of a text


def _cased(upper: bool) -> Callable[[Any], Any]:
    def cased(array: Any) -> Any:
        culture = session.current().culture
        if upper:
            return pc.ascii_upper(array) if casing.upper("i", culture) == "I" else None
        return pc.ascii_lower(array) if casing.lower("I", culture) == "i" else None

    return cased


_BLANKS = "".join(character for character in casing.WHITE_SPACE if character.isascii())
#: Library functions of one text that Arrow's are where it is all ASCII.
_ASCII: dict[str, Callable[[Any], Any]] = {
    "Text.Upper": _cased(True),
    "Text.Lower": _cased(False),
    "Text.Trim": lambda array: pc.ascii_trim(array, _BLANKS),
    "Text.TrimStart": lambda array: pc.ascii_ltrim(array, _BLANKS),
    "Text.TrimEnd": lambda array: pc.ascii_rtrim(array, _BLANKS),
    "Text.Length": lambda array: pc.binary_length(array).cast(_NUMBER),
    "Text.Reverse": pc.ascii_reverse,
}


def is_columnar(name: str) -> bool:
    """Whether Arrow has a loop for a library function of one text."""
    return name in _ASCII


def by_ascii(column: Column, name: str) -> Column | None:
    """A library function of a text column's cells by Arrow's own; None when it is not sure."""
    form = _ASCII.get(name)
    array = None if form is None else column.array()
    if form is None or array is None or array.type != _TEXT or not ascii_only(array):
        return None
    found = form(array)
    return None if found is None else Column(raw=found)


def by_text(column: Column, function: Callable[[list[Any]], list[Any]]) -> Column | None:
    """A pure function of a text column's cells, called for the distinct ones; None when it cannot be so.

    Null is one of the cells.  A result that is delayed, or failed, is one for each cell: then None.
    """
    array = column.array()
    if array is None or array.type != _TEXT:
        return None
    encoded = array.dictionary_encode(null_encoding="encode")
    if len(encoded.dictionary) * 2 > len(array):
        return None
    values = function(encoded.dictionary.to_pylist())
    if Thunk in set(map(type, values)):
        return None
    made = from_cells(values)
    if made is not None:
        return Column(raw=made.take(encoded.indices))
    return Column(list(map(values.__getitem__, encoded.indices.to_pylist())))
