"""Functions of two rows or keys that somebody wrote: which of them say nothing but what one function of each says.

``(a, b) => Value.Compare(a[n], b[n])`` is an order by ``each [n]``, ``(x, y) => Number.From(x[k] <> y[k])`` equality
of ``each [k]``; where only the second argument is looked at, a group starts at the rows for which the answer is not
0.  Both sides are translated over the same row: they are the same function when their SQL is the same.  Anything
else is for the interpreter.  Library comparers are in `comparers.py`.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen

from folding.calls import bound, checked
from folding.comparers import builtin_comparer, ordinal_ignore_case
from folding.meanings import Row
from folding.scalars import Translator
from folding.terms import Scalar, Unfoldable, need
from mlang.syntax import nodes
from mlang.values.functions import Function
from mlang.values.metadata import strip

_COMPARISONS = ("Value.Compare", "Comparer.Ordinal", "Comparer.OrdinalIgnoreCase")


@frozen(eq=False)
class Compared:
    """What both arguments are compared by, and whether the order is turned round."""

    term: Scalar
    descending: bool = False


class Pair:
    """A function of two arguments, over one row or cell that stands for either."""

    def __init__(self, function: Any, argument: Any) -> None:
        function = strip(function)
        spec = function.spec if function.__class__ is Function else None
        node = spec.node if spec is not None else None
        if not isinstance(node, nodes.Function) or len(node.parameters) != 2:
            raise Unfoldable("a comparison whose body is not known")
        names, raising = bound(node, [argument, argument])
        if raising:
            raise Unfoldable("a comparison of arguments that may raise")
        if node.result is not None and node.result.name not in ("any", "number"):
            raise Unfoldable("a comparison that gives no number")
        first, second = (parameter.name for parameter in node.parameters)
        if first == second:
            raise Unfoldable("a comparison of two arguments of one name")
        self.node = node
        self.first = Translator(function, {**names, second: _OTHER})
        self.second = Translator(function, {**names, first: _OTHER})

    # ------------------------------------------------------------ what is asked

    def order(self) -> list[Compared]:
        """The order that the function compares by, the first part deciding first."""
        return self._order(self.node.body)

    def equality(self) -> Scalar:
        """What is equal where the function gives 0."""
        body = _bare(self.node.body)
        unequal = self._unequal(body)
        if unequal is not None:
            return self._same(unequal.left, unequal.right).term
        found = self._comparison(body)
        if found is None:
            raise Unfoldable("a comparison that is no equality of one function of both")
        return found.term

    def starts(self) -> Scalar:
        """The answer of a function that looks at its second argument only."""
        found = need(self.second.scalar(self.node.body), "number")
        if self.node.result is not None:
            found = checked(found, self.node.result)
        return found

    # ------------------------------------------------------------ forms

    def _order(self, node: nodes.Node) -> list[Compared]:
        node = _bare(node)
        found = self._comparison(node)
        if found is not None:
            return [found]
        if isinstance(node, nodes.Let) and len(node.bindings) == 1:
            return self._let(node.bindings[0], _bare(node.body))
        if isinstance(node, nodes.If):
            return self._branches(node)
        raise Unfoldable("a comparison of another form than Value.Compare of one function of both rows")

    def _branches(self, node: nodes.If) -> list[Compared]:
        """``if a[k] <> b[k] then Value.Compare(a[k], b[k]) else …`` and ``if Value.Compare(…) <> 0 then …``."""
        condition, then, otherwise = _bare(node.condition), node.then, node.otherwise
        if isinstance(condition, nodes.Binary) and condition.operator == "=":
            then, otherwise = otherwise, then
        elif not isinstance(condition, nodes.Binary) or condition.operator != "<>":
            raise Unfoldable("a comparison that depends on something else")
        decided = self._order(then)
        asked = self._comparison(_bare(condition.left))
        if asked is not None and _is_zero(condition.right):
            first = asked.term
        else:
            first = self._same(condition.left, condition.right).term
        if len(decided) != 1 or decided[0].term.sql != first.sql:
            raise Unfoldable("a comparison that depends on something else")
        return [*decided, *self._order(otherwise)]

    def _let(self, binding: nodes.Binding, body: nodes.Node) -> list[Compared]:
        """``let c = Value.Compare(…) in if c <> 0 then c else …``."""
        if not isinstance(body, nodes.If):
            raise Unfoldable("a comparison of another form")
        condition, then, otherwise = _bare(body.condition), _bare(body.then), _bare(body.otherwise)
        if not isinstance(condition, nodes.Binary) or not _is_zero(condition.right):
            raise Unfoldable("a comparison that depends on something else")
        if condition.operator == "=":
            then, otherwise = otherwise, then
        elif condition.operator != "<>":
            raise Unfoldable("a comparison that depends on something else")
        if not (_is_name(condition.left, binding.name) and _is_name(then, binding.name)):
            raise Unfoldable("a comparison that depends on something else")
        return [*self._order(binding.value), *self._order(otherwise)]

    def _unequal(self, node: nodes.Node) -> nodes.Binary | None:
        """The test of ``Number.From(x <> y)``, ``if x = y then 0 else 1`` and ``if x <> y then 1 else 0``."""
        if isinstance(node, nodes.If):
            test = _bare(node.condition)
            if not isinstance(test, nodes.Binary):
                return None
            zero, other = (node.then, node.otherwise) if test.operator == "=" else (node.otherwise, node.then)
            if test.operator in ("=", "<>") and _is_zero(zero) and _is_other_number(other):
                return test
            return None
        if _is_call(node, "Number.From", self.first, 1):
            test = _bare(node.arguments[0])  # type: ignore[attr-defined]
            if isinstance(test, nodes.Binary) and test.operator == "<>":
                return test
        return None

    def _comparison(self, node: nodes.Node) -> Compared | None:
        """A call of a library function that compares one function of both."""
        name = next((n for n in _COMPARISONS if _is_call(node, n, self.first, 2)), None)
        if name is None:
            return None
        left, right = node.arguments  # type: ignore[attr-defined]
        found = self._same(left, right)
        if name != "Comparer.OrdinalIgnoreCase" or found.term.kind != "text":
            return found
        return Compared(ordinal_ignore_case(found.term), found.descending)

    def _same(self, left: nodes.Node, right: nodes.Node) -> Compared:
        """The function that both sides are, one of the first argument and one of the second."""
        for one, other, descending in ((self.first, self.second, False), (self.second, self.first, True)):
            try:
                a, b = one.scalar(left), other.scalar(right)
            except Unfoldable:
                continue
            if a.sql == b.sql and not a.is_constant:
                return Compared(a, descending)
        raise Unfoldable("a comparison of two different functions")


def _absent(name: str) -> Scalar:
    raise Unfoldable("the other argument of a comparison")


#: Stands for the argument that an expression must not look at.
_OTHER = Row(_absent)


def _bare(node: nodes.Node) -> nodes.Node:
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    return node


def _is_name(node: nodes.Node, name: str) -> bool:
    node = _bare(node)
    return isinstance(node, nodes.Name) and node.name == name


def _is_zero(node: nodes.Node) -> bool:
    node = _bare(node)
    return isinstance(node, nodes.Literal) and node.value.__class__ is float and node.value == 0


def _is_other_number(node: nodes.Node) -> bool:
    node = _bare(node)
    if isinstance(node, nodes.Unary) and node.operator == "-":
        node = _bare(node.operand)
    return isinstance(node, nodes.Literal) and node.value.__class__ is float and node.value != 0


def _is_call(node: nodes.Node, name: str, translator: Translator, count: int) -> bool:
    """Whether an expression calls a library function with so many arguments."""
    if not isinstance(node, nodes.Invocation) or not isinstance(node.function, nodes.Name):
        return False
    if len(node.arguments) != count:
        return False
    function = translator.meaning(node.function.name)
    spec = function.spec if function.__class__ is Function else None
    return spec is not None and spec.builtin is not None and spec.builtin.name == name


def written(function: Any) -> bool:
    """Whether a comparer is one that somebody wrote."""
    return bool(function is not None and not builtin_comparer(function)[0])
