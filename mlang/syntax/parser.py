"""Tokens to nodes: one builder for every alternative of the grammar.

A builder is a method with the name after the arrow in grammar/m.lark; its arguments are
the children of that alternative: a token is its index in the token list, a
nonterminal is what its builder gave.  The checks that the language makes before
evaluation (a name bound twice, a required parameter after an optional one, ...)
are made here too and are syntax errors.  Read ``printer.py`` next (nodes to text).
"""

from __future__ import annotations

import gc

from mlang.syntax import nodes as n
from mlang.syntax.driver import BUILDERS, DOCUMENT, EXPRESSION, Unexpected, run
from mlang.syntax.failure import MSyntaxError, already_defined
from mlang.syntax.lexer import Tokens, tokenize

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

#: Binary operators, the higher the tighter (GRM-01).
PRECEDENCE = {
    "meta": 10,
    "*": 9,
    "/": 9,
    "+": 8,
    "-": 8,
    "&": 8,
    "<": 7,
    ">": 7,
    "<=": 7,
    ">=": 7,
    "=": 6,
    "<>": 6,
    "as": 5,
    "is": 4,
    "and": 3,
    "or": 2,
    "??": 1,
}


def parse(text: str, start: int = DOCUMENT, filename: str | None = None) -> n.Node:
    """The tree of a text, or MSyntaxError."""
    # Nothing made here is garbage before the end, and the collector would look at all of it again and again.
    collects = gc.isenabled()
    gc.disable()
    try:
        return _parse(text, start, filename)
    finally:
        if collects:
            gc.enable()


def _parse(text: str, start: int, filename: str | None) -> n.Node:
    tokens = tokenize(text)
    builder = Builder(tokens)
    try:
        result = run(start, tokens.kinds, [getattr(builder, name) for name in BUILDERS])
    except Unexpected as wrong:
        from mlang.syntax.explain import unexpected

        raise unexpected(tokens, wrong, filename) from None
    except Refused as refused:
        raise MSyntaxError(
            refused.message, text, refused.start, refused.end, filename, refused.engine
        ) from None
    assert isinstance(result, n.Node)
    return result


def parse_document(text: str, filename: str | None = None) -> n.SectionDocument | n.Node:
    """The tree of a document: sections or one expression."""
    return parse(text, DOCUMENT, filename)


def parse_expression(text: str) -> n.Node:
    """The tree of one expression."""
    return parse(text, EXPRESSION)


class Refused(Exception):
    """Grammatical, yet refused before evaluation."""

    def __init__(self, message: str, start: int, end: int, engine: str | None = None) -> None:
        super().__init__(message)
        self.message, self.start, self.end, self.engine = message, start, end, engine


class Builder:
    """Makes the nodes of one text."""

    def __init__(self, tokens: Tokens) -> None:
        self.text = tokens.text
        self.kinds = tokens.kinds
        self.values = tokens.values
        self.starts = tokens.starts
        self.ends = tokens.ends

    # ------------------------------------------------------------ lists of anything

    def list_start(self, first: Any) -> list[Any]:
        return [first]

    def list_more(self, items: list[Any], item: Any) -> list[Any]:
        items.append(item)
        return items

    def list_separated(self, items: list[Any], comma: int, item: Any) -> list[Any]:
        items.append(item)  # as the driver does itself
        return items

    # ------------------------------------------------------------ 12.2.2 Section documents

    def section_document(self, parts: list[Any]) -> n.SectionDocument:
        sections: list[n.Section] = []
        members: list[n.Member] = []
        seen: set[str | None] = set()
        names: set[str | None] = set()
        heading: n.Section | None = None
        for part in parts:
            known = names if part.__class__ is n.Section else seen
            if part.name is not None and part.name in known:
                raise Refused(already_defined(part.name), part.pos, part.end)
            known.add(part.name)
            if part.__class__ is n.Section:
                if heading is not None:
                    heading.members = tuple(members)
                    sections.append(heading)
                heading, members, seen = part, [], set()
                continue
            members.append(part)
            heading.end = part.end  # type: ignore[union-attr]
        assert heading is not None
        heading.members = tuple(members)
        sections.append(heading)
        return n.SectionDocument(tuple(sections), sections[0].pos, sections[-1].end)

    def heading(self, section: int, name: int, semi: int) -> n.Section:
        return n.Section(None, self.values[name], (), self.starts[section], self.ends[semi])

    def heading_unnamed(self, section: int, semi: int) -> n.Section:
        return n.Section(None, None, (), self.starts[section], self.ends[semi])

    def heading_with_attributes(self, attributes: n.Record, section: int, name: int, semi: int) -> n.Section:
        return n.Section(attributes, self.values[name], (), attributes.pos, self.ends[semi])

    def heading_unnamed_with_attributes(self, attributes: n.Record, section: int, semi: int) -> n.Section:
        return n.Section(attributes, None, (), attributes.pos, self.ends[semi])

    def member(self, name: int, eq: int, value: n.Node, semi: int) -> n.Member:
        return n.Member(None, False, self.values[name], value, self.starts[name], self.ends[semi])

    def member_shared(self, shared: int, name: int, eq: int, value: n.Node, semi: int) -> n.Member:
        return n.Member(None, True, self.values[name], value, self.starts[shared], self.ends[semi])

    def member_with_attributes(
        self, attributes: n.Record, name: int, eq: int, value: n.Node, semi: int
    ) -> n.Member:
        return n.Member(attributes, False, self.values[name], value, attributes.pos, self.ends[semi])

    def member_shared_with_attributes(
        self, attributes: n.Record, shared: int, name: int, eq: int, value: n.Node, semi: int
    ) -> n.Member:
        return n.Member(attributes, True, self.values[name], value, attributes.pos, self.ends[semi])

    # ------------------------------------------------------------ 12.2.3.2 to 12.2.3.9 Operators

    def chain_start(self, left: n.Node, operator: int, right: n.Node) -> list[Any]:
        return [left, operator, right]

    def chain_more(self, chain: list[Any], operator: int, right: n.Node) -> list[Any]:
        chain.append(operator)
        chain.append(right)
        return chain

    def operation(self, chain: list[Any]) -> n.Node:
        text, starts, ends = self.text, self.starts, self.ends
        if len(chain) == 3:
            left, at, right = chain
            return _binary(text[starts[at] : ends[at]], left, right)
        # Precedence climbing with explicit stacks: operators wait for a looser one.
        operands: list[n.Node] = [chain[0]]
        waiting: list[tuple[int, str]] = []
        for index in range(1, len(chain), 2):
            at = chain[index]
            operator = text[starts[at] : ends[at]]
            level = PRECEDENCE[operator]
            if chain[index - 1].__class__ is n.PrimitiveType and level > waiting[-1][0]:
                raise Refused(
                    f"found '{operator}', which binds tighter than the '{waiting[-1][1]}' before it; "
                    "put parentheses around the type test",
                    starts[at],
                    ends[at],
                    "Token Eof expected.",
                )
            while waiting and waiting[-1][0] >= level:
                right = operands.pop()
                operands[-1] = _binary(waiting.pop()[1], operands[-1], right)
            waiting.append((level, operator))
            operands.append(chain[index + 1])
        while waiting:
            right = operands.pop()
            operands[-1] = _binary(waiting.pop()[1], operands[-1], right)
        return operands[0]

    def unary(self, operator: int, operand: n.Node) -> n.Unary:
        start = self.starts[operator]
        return n.Unary(self.text[start : self.ends[operator]], operand, start, operand.end)

    # ------------------------------------------------------------ 12.2.3.10 to 12.2.3.17

    # Nodes made for every second token: without a call of ``__init__``.

    def literal(self, token: int) -> n.Literal:
        node = n.Literal.__new__(n.Literal)
        node.value, node.pos, node.end = self.values[token], self.starts[token], self.ends[token]
        return node

    def verbatim(self, token: int) -> n.Verbatim:
        return n.Verbatim(self.values[token], self.starts[token], self.ends[token])

    def reference(self, token: int) -> n.Name:
        node = n.Name.__new__(n.Name)
        node.name, node.inclusive = self.values[token], False
        node.pos, node.end = self.starts[token], self.ends[token]
        return node

    def reference_inclusive(self, at: int, token: int) -> n.Name:
        return n.Name(self.values[token], True, self.starts[at], self.ends[token])

    def section_access(self, section: int, bang: int, name: int) -> n.SectionAccess:
        return n.SectionAccess(self.values[section], self.values[name], self.starts[section], self.ends[name])

    def parenthesized(self, opening: int, inner: n.Node, closing: int) -> n.Parenthesized:
        return n.Parenthesized(inner, self.starts[opening], self.ends[closing])

    def not_implemented(self, token: int) -> n.NotImplementedNode:
        return n.NotImplementedNode(self.starts[token], self.ends[token])

    def invocation_empty(self, function: n.Node, opening: int, closing: int) -> n.Invocation:
        return n.Invocation(function, (), function.pos, self.ends[closing])

    def invocation(
        self, function: n.Node, opening: int, arguments: list[n.Node], closing: int
    ) -> n.Invocation:
        return n.Invocation(function, tuple(arguments), function.pos, self.ends[closing])

    def list_empty(self, opening: int, closing: int) -> n.List:
        return n.List((), self.starts[opening], self.ends[closing])

    def list_literal(self, opening: int, items: list[n.Node], closing: int) -> n.List:
        return n.List(tuple(items), self.starts[opening], self.ends[closing])

    def range(self, first: n.Node, dots: int, last: n.Node) -> n.Range:
        return n.Range(first, last, first.pos, last.end)

    # ------------------------------------------------------------ 12.2.3.18 to 12.2.3.20

    def record_empty(self, opening: int, closing: int) -> n.Record:
        return n.Record((), self.starts[opening], self.ends[closing])

    def record(self, opening: int, bindings: dict[str, n.Binding], closing: int) -> n.Record:
        return n.Record(tuple(bindings.values()), self.starts[opening], self.ends[closing])

    def bindings_start(self, binding: Any) -> dict[str, Any]:
        return {binding.name: binding}

    def bindings_more(self, bindings: dict[str, Any], comma: int, binding: Any) -> dict[str, Any]:
        name = binding.name
        if name in bindings:
            raise self._bound_twice(name, comma + 1)
        bindings[name] = binding
        return bindings

    def binding(self, name: int, eq: int, value: n.Node) -> n.Binding:
        return n.Binding(self.values[name], value, self.starts[name], value.end)

    def item_access(
        self, target: n.Node, opening: int, index: n.Node, closing: int, question: int = -1
    ) -> n.ItemAccess:
        if question < 0:
            return n.ItemAccess(target, index, False, target.pos, self.ends[closing])
        return n.ItemAccess(target, index, True, target.pos, self.ends[question])

    def field_access(
        self, target: n.Node, opening: int, name: int, closing: int, question: int = -1
    ) -> n.FieldAccess:
        last = closing if question < 0 else question
        return n.FieldAccess(target, self.values[name], question >= 0, target.pos, self.ends[last])

    def field_access_implicit(
        self, opening: int, name: int, closing: int, question: int = -1
    ) -> n.FieldAccess:
        last = closing if question < 0 else question
        return n.FieldAccess(None, self.values[name], question >= 0, self.starts[opening], self.ends[last])

    def projection(
        self, target: n.Node, opening: int, names: list[str], closing: int, question: int = -1
    ) -> n.Projection:
        last = closing if question < 0 else question
        return n.Projection(target, tuple(names), question >= 0, target.pos, self.ends[last])

    def projection_implicit(
        self, opening: int, names: list[str], closing: int, question: int = -1
    ) -> n.Projection:
        last = closing if question < 0 else question
        return n.Projection(None, tuple(names), question >= 0, self.starts[opening], self.ends[last])

    def selector(self, opening: int, name: int, closing: int) -> str:
        value: str = self.values[name]
        return value

    # ------------------------------------------------------------ 12.2.3.21 to 12.2.3.24

    def function(
        self, opening: int, parameters: dict[str, n.Parameter], closing: int, arrow: int, body: n.Node
    ) -> n.Function:
        return n.Function(tuple(parameters.values()), None, body, self.starts[opening], body.end)

    def function_typed(
        self,
        opening: int,
        parameters: dict[str, n.Parameter],
        closing: int,
        as_: int,
        result: n.PrimitiveType,
        arrow: int,
        body: n.Node,
    ) -> n.Function:
        return n.Function(tuple(parameters.values()), result, body, self.starts[opening], body.end)

    def function_empty(self, opening: int, closing: int, arrow: int, body: n.Node) -> n.Function:
        return n.Function((), None, body, self.starts[opening], body.end)

    def function_empty_typed(
        self, opening: int, closing: int, as_: int, result: n.PrimitiveType, arrow: int, body: n.Node
    ) -> n.Function:
        return n.Function((), result, body, self.starts[opening], body.end)

    def parameters_start(self, parameter: n.Parameter) -> dict[str, n.Parameter]:
        return {parameter.name: parameter}

    def parameters_more(
        self, parameters: dict[str, n.Parameter], comma: int, parameter: n.Parameter
    ) -> dict[str, n.Parameter]:
        name = parameter.name
        if name in parameters:
            raise self._bound_twice(name, comma + (2 if parameter.optional else 1))
        if not parameter.optional and next(reversed(parameters.values())).optional:
            raise Refused(
                f"the required parameter '{name}' cannot come after an optional one",
                parameter.pos,
                parameter.end,
            )
        parameters[name] = parameter
        return parameters

    def parameter(self, name: int, as_: int = -1, type_: n.Node | None = None) -> n.Parameter:
        end = self.ends[name] if type_ is None else type_.end
        return n.Parameter(self.values[name], False, type_, self.starts[name], end)

    def parameter_optional(
        self, optional: int, name: int, as_: int = -1, type_: n.Node | None = None
    ) -> n.Parameter:
        end = self.ends[name] if type_ is None else type_.end
        return n.Parameter(self.values[name], True, type_, self.starts[optional], end)

    def each(self, each: int, body: n.Node) -> n.Each:
        return n.Each(body, self.starts[each], body.end)

    def let(self, let: int, bindings: dict[str, n.Binding], in_: int, body: n.Node) -> n.Let:
        return n.Let(tuple(bindings.values()), body, self.starts[let], body.end)

    def let_empty(self, let: int, in_: int, body: n.Node) -> n.Let:
        return n.Let((), body, self.starts[let], body.end)

    def if_(
        self, if_: int, condition: n.Node, then_: int, then: n.Node, else_: int, otherwise: n.Node
    ) -> n.If:
        return n.If(condition, then, otherwise, self.starts[if_], otherwise.end)

    # ------------------------------------------------------------ 12.2.3.25 Types

    def type_expression(self, type_: int, inner: n.Node) -> n.Type:
        return n.Type(inner, self.starts[type_], inner.end)

    def primitive_type(self, token: int) -> n.PrimitiveType:
        return n.PrimitiveType(self.values[token], False, self.starts[token], self.ends[token])

    def primitive_type_nullable(self, nullable: int, token: int) -> n.PrimitiveType:
        return n.PrimitiveType(self.values[token], True, self.starts[nullable], self.ends[token])

    def record_type_empty(self, opening: int, closing: int) -> n.RecordType:
        return n.RecordType((), False, self.starts[opening], self.ends[closing])

    def record_type(self, opening: int, entries: dict[str, n.FieldType], closing: int) -> n.RecordType:
        return n.RecordType(tuple(entries.values()), False, self.starts[opening], self.ends[closing])

    def record_type_any(self, opening: int, marker: int, closing: int) -> n.RecordType:
        return n.RecordType((), True, self.starts[opening], self.ends[closing])

    def record_type_open(
        self, opening: int, entries: dict[str, n.FieldType], comma: int, marker: int, closing: int
    ) -> n.RecordType:
        return n.RecordType(tuple(entries.values()), True, self.starts[opening], self.ends[closing])

    def field_type(self, name: int, eq: int = -1, type_: n.Node | None = None) -> n.FieldType:
        end = self.ends[name] if type_ is None else type_.end
        return n.FieldType(self.values[name], False, type_, self.starts[name], end)

    def field_type_optional(
        self, optional: int, name: int, eq: int = -1, type_: n.Node | None = None
    ) -> n.FieldType:
        end = self.ends[name] if type_ is None else type_.end
        return n.FieldType(self.values[name], True, type_, self.starts[optional], end)

    def list_type(self, opening: int, item: n.Node, closing: int) -> n.ListType:
        return n.ListType(item, self.starts[opening], self.ends[closing])

    def function_type_empty(
        self, function: int, opening: int, closing: int, as_: int, result: n.Node
    ) -> n.FunctionType:
        return n.FunctionType((), result, self.starts[function], result.end)

    def function_type(
        self,
        function: int,
        opening: int,
        parameters: dict[str, n.Parameter],
        closing: int,
        as_: int,
        result: n.Node,
    ) -> n.FunctionType:
        return n.FunctionType(tuple(parameters.values()), result, self.starts[function], result.end)

    def table_type(self, table: int, row: n.Node) -> n.TableType:
        if row.__class__ is n.RecordType and row.open:
            raise Refused("the row type of a table cannot be open: '...' is not allowed", row.pos, row.end)
        return n.TableType(row, self.starts[table], row.end)

    def nullable_type(self, nullable: int, inner: n.Node) -> n.NullableType:
        return n.NullableType(inner, self.starts[nullable], inner.end)

    # ------------------------------------------------------------ 12.2.3.26 and 12.2.3.27 Errors

    def error(self, error: int, operand: n.Node) -> n.Error:
        return n.Error(operand, self.starts[error], operand.end)

    def try_(self, try_: int, body: n.Node) -> n.Try:
        return n.Try(body, None, None, self.starts[try_], body.end)

    def try_otherwise(self, try_: int, body: n.Node, token: int, otherwise: n.Node) -> n.Try:
        return n.Try(body, otherwise, None, self.starts[try_], otherwise.end)

    def try_catch_empty(
        self, try_: int, body: n.Node, catch: int, opening: int, closing: int, arrow: int, handler: n.Node
    ) -> n.Try:
        function = n.Function((), None, handler, self.starts[opening], handler.end)
        return n.Try(body, None, function, self.starts[try_], handler.end)

    def try_catch(
        self,
        try_: int,
        body: n.Node,
        catch: int,
        opening: int,
        name: int,
        closing: int,
        arrow: int,
        handler: n.Node,
    ) -> n.Try:
        parameter = n.Parameter(self.values[name], False, None, self.starts[name], self.ends[name])
        function = n.Function((parameter,), None, handler, self.starts[opening], handler.end)
        return n.Try(body, None, function, self.starts[try_], handler.end)

    # ------------------------------------------------------------ 12.2.4 Literal attributes

    def attributes(self, record: n.Record) -> n.Record:
        waiting: list[n.Node] = [record]
        while waiting:
            node = waiting.pop()
            if isinstance(node, (n.Record, n.List, n.Binding)):
                waiting.extend(reversed(list(node.children())))
            elif not isinstance(node, n.Literal) or node.value != node.value:
                raise Refused(
                    "an attribute holds only literals, lists and records of literals", node.pos, node.end
                )
        return record

    # ------------------------------------------------------------ help

    def _bound_twice(self, name: str, token: int) -> Refused:
        return Refused(already_defined(name), self.starts[token], self.ends[token])


def _binary(operator: str, left: n.Node, right: n.Node) -> n.Node:
    if right.__class__ is n.PrimitiveType and operator in ("as", "is"):
        return n.TypeTest(operator, left, right, left.pos, right.end)
    return n.Binary(operator, left, right, left.pos, right.end)
