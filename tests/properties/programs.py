"""Random M programs: expressions over a few names, and calls of list functions with literal lambdas."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from mlang.syntax import nodes as n

NAMES = ["a", "b", "c", "x", "y", "f"]
KINDS = ["number", "number", "text", "logical", "list", "record", "function", "any", "null", "anynonnull"]
SHAPES = [
    "leaf", "binary", "binary", "if", "let", "let", "let", "record", "list", "call", "try", "field", "item",
    "lambda", "error", "unary", "logic", "row", "row", "typed", "optional", "loop", "test", "list call",
    "generate", "object", "library call", "library call", "index", "try error",
]  # fmt: skip
#: Library functions that the compiler calls without their checks where it knows the arguments' classes.
LIBRARY = {
    "Text.Upper": 1, "Text.Lower": 1, "Text.Length": 1, "Number.Mod": 2, "Number.Abs": 1, "List.Count": 1,
    "List.IsEmpty": 1, "List.Sum": 1, "Record.Field": 2, "Binary.Length": 1, "Text.StartsWith": 2, "Text.Middle": 3,
    "Text.Start": 2, "Text.End": 2,
    "Number.RoundDown": 1, "Text.Combine": 2, "List.First": 1, "List.Contains": 2, "Record.HasFields": 2,
    "Text.From": 1, "Text.Trim": 1, "Number.IntegerDivide": 2, "Text.Replace": 3, "Logical.ToText": 1,
    "List.Reverse": 1, "Record.FieldNames": 1, "Value.Equals": 2, "List.Max": 1,
}  # fmt: skip


def literals() -> st.SearchStrategy[n.Node]:
    values = st.sampled_from([None, True, False, 0.0, 1.0, 2.0, 3.5, "", "t", "u", 9007199254740993])
    return values.map(n.Literal)


def paren(node: n.Node) -> n.Node:
    return node if isinstance(node, (n.Literal, n.Name, n.List, n.Record)) else n.Parenthesized(node)


def call(name: str, *arguments: n.Node) -> n.Node:
    return n.Invocation(n.Name(name), arguments)


def function(names: list[str], body: n.Node) -> n.Node:
    return n.Function(tuple(n.Parameter(x, False, None) for x in names), None, body)


@st.composite
def kinds(draw: Any) -> n.PrimitiveType:
    return n.PrimitiveType(draw(st.sampled_from(KINDS)), draw(st.booleans()))


class Maker:
    """Draws one expression: ``scope`` are the names it may mention, ``depth`` how deep it may nest."""

    def __init__(self, draw: Any, scope: tuple[str, ...], depth: int) -> None:
        self.draw, self.scope, self.depth = draw, scope, depth

    def pick(self, values: Any) -> Any:
        return self.draw(st.sampled_from(values))

    def sub(self, *extra: str) -> n.Node:
        return self.draw(expressions((*self.scope, *extra), self.depth - 1))

    def names(self, least: int = 1, most: int = 4, among: Any = NAMES) -> list[str]:
        return self.draw(st.lists(st.sampled_from(among), min_size=least, max_size=most, unique=True))

    def leaf(self) -> n.Node:
        leaves = [literals()]
        if self.scope:
            leaves += [st.sampled_from(self.scope).map(n.Name)] * 3
        if "_" in self.scope:
            names = st.sampled_from(NAMES[:4])
            leaves += [names.map(lambda x: n.FieldAccess(None, x, False))] * 2
            leaves += [names.map(lambda x: n.FieldAccess(n.Name("_"), x, True))]
        return self.draw(st.one_of(leaves))

    def bindings(self, names: list[str]) -> tuple[n.Binding, ...]:
        return tuple(n.Binding(x, self.sub(*names)) for x in names)

    def typed(self) -> n.Node:
        """A function with a declared parameter and result, called."""
        name, parameter, result = self.pick(NAMES), self.draw(kinds()), self.draw(kinds())
        body = self.sub(name, name)
        if self.draw(st.booleans()):
            result = None
        made = n.Function((n.Parameter(name, False, parameter),), result, body)
        return n.Invocation(n.Parenthesized(made), (self.sub(),))

    def optional(self) -> n.Node:
        """A let-bound function with an optional parameter, called with one, two or three arguments."""
        first, second, name = "p", "q", self.pick(NAMES)
        kind = self.draw(st.one_of(st.none(), kinds()))
        made = n.Function(
            (n.Parameter(first, False, None), n.Parameter(second, True, kind)), None, self.sub(first, second)
        )
        count = self.pick([1, 1, 2, 2, 3])
        body = n.Invocation(n.Name(name), tuple(self.sub() for _ in range(count)))
        return n.Let((n.Binding(name, made), n.Binding("z", self.sub())), body)

    def loop(self) -> n.Node:
        """A recursion that counts down, in tail position or not, perhaps through a let."""
        kind = self.pick([None, n.PrimitiveType("number", False)])
        result = self.pick([None, None, n.PrimitiveType("number", False), n.PrimitiveType("any", False)])
        again: n.Node = n.Invocation(
            n.Name("loop", True), (n.Binary("-", n.Name("k"), n.Literal(1.0)), self.sub("k", "s"))
        )
        if self.draw(st.booleans()):
            again = n.Binary(self.pick(["+", "-", "&"]), again, paren(self.sub("k", "s")))
        if self.draw(st.booleans()):
            names = self.names(1, 2)
            again = n.Let(tuple(n.Binding(x, self.sub("k", "s", *names)) for x in names), again)
        test = n.Binary("<=", n.Name("k"), n.Literal(0.0))
        done = self.sub("k", "s")
        body = n.If(test, done, again)
        made = n.Function((n.Parameter("k", False, kind), n.Parameter("s", False, None)), result, body)
        return n.Let(
            (n.Binding("loop", made),),
            n.Invocation(n.Name("loop"), (n.Literal(self.pick([0.0, 2.0])), self.sub())),
        )

    def items(self) -> n.Node:
        """A list to go through."""
        shape = self.pick(["list", "range", "mixed", "call", "any"])
        if shape == "list":
            return n.List(tuple(self.sub() for _ in range(self.pick([0, 1, 2, 3]))))
        reach = n.Range(n.Literal(1.0), n.Literal(self.pick([0.0, 2.0, 3.0])))
        if shape == "range":
            return n.List((reach,))
        if shape == "mixed":
            return n.List((reach, self.sub()))
        return paren(self.list_call() if shape == "call" and self.depth > 1 else self.sub())

    def list_call(self) -> n.Node:
        name = self.pick(["Transform", "Transform", "Select", "Accumulate", "TransformMany", "Generate"])
        if name == "Generate":
            return self.generate()
        if name == "Accumulate":
            return call(
                "List.Accumulate", self.items(), self.sub(), function(["s", "i"], self.sub("s", "i", "s"))
            )
        if name == "TransformMany":
            inner = n.List((n.Name("_"), self.sub("_"))) if self.draw(st.booleans()) else self.sub("_")
            return call(
                "List.TransformMany", self.items(), n.Each(inner), function(["x", "y"], self.sub("x", "y"))
            )
        made = n.Each(self.sub("_")) if self.draw(st.booleans()) else function(["x"], self.sub("x", "x"))
        if name == "Select" and self.draw(st.booleans()):
            made = n.Each(n.Binary(self.pick(["<", ">", "="]), n.Name("_"), paren(self.sub("_"))))
        return call("List." + name, self.items(), made)

    def generate(self) -> n.Node:
        """List.Generate that ends: a counter in the state, or the state itself, goes up to a limit."""
        limit = n.Literal(self.pick([0.0, 2.0, 3.0]))
        if self.draw(st.booleans()):
            start, test, move = n.Literal(0.0), n.Binary("<", n.Name("_"), limit), n.Binary(
                "+", n.Name("_"), n.Literal(1.0))  # fmt: skip
        else:
            names = self.names(0, 2, NAMES[:4])
            start = n.Record((*self.bindings(names), n.Binding("i", n.Literal(0.0))))
            test = n.Binary("<", n.FieldAccess(None, "i", False), limit)
            fields = (n.Binding("i", n.Binary("+", n.FieldAccess(None, "i", False), n.Literal(1.0))),)
            moved = tuple(n.Binding(x, self.sub("_", "_", *names)) for x in names)
            move = n.Record((*moved, *fields) if self.draw(st.booleans()) else (*fields, *moved))
        if self.pick([False, False, True]):
            test = n.Binary("and", test, paren(self.sub("_")))
        parts = [n.Function((), None, start), n.Each(test), n.Each(move)]
        if self.draw(st.booleans()):
            parts.append(n.Each(self.sub("_", "_")))
        return call("List.Generate", *parts)

    def consumed(self) -> n.Node:
        """A list call, perhaps under a function that reads the list."""
        made = self.list_call()
        over = self.pick(["", "Count", "Sum", "First", "Last", "Max", "Buffer", "FirstN", "Item", "IsEmpty"])
        if over == "":
            return made
        if over == "FirstN":
            return call("List.FirstN", made, n.Literal(self.pick([1.0, 2.0])))
        if over == "Item":
            return n.ItemAccess(n.Parenthesized(made), n.Literal(1.0), self.draw(st.booleans()))
        return call("List." + over, made)

    def library_call(self) -> n.Node:
        """A library function, sometimes of too few or too many arguments, sometimes with metadata."""
        name = self.pick(sorted(LIBRARY))
        count = LIBRARY[name] + self.pick([0, 0, 0, 0, 0, 0, 1, -1])
        arguments = [self.sub() for _ in range(count)]
        if arguments and self.pick([False, False, False, True]):
            given = n.Record((n.Binding("m", n.Literal(1.0)),))
            arguments[0] = n.Binary("meta", paren(arguments[0]), given)
        if name == "Record.Field" and count == 2 and self.draw(st.booleans()):
            arguments[1] = n.Literal(self.pick(NAMES[:4]))
        return call(name, *arguments)

    def index(self) -> n.Node:
        """A list, and a place in it that is computed."""
        made = self.items()
        places = [n.Literal(x) for x in (0.0, 1.0, 1.5, 9007199254740993)] + [n.Unary("-", n.Literal(1.0))]
        place = (
            self.pick(places)
            if self.draw(st.booleans())
            else n.Binary("-", paren(self.sub()), n.Literal(1.0))
        )
        return n.ItemAccess(n.Parenthesized(made), place, self.draw(st.booleans()))

    def try_error(self) -> n.Node:
        """An error that an otherwise in the same function hides, in a loop or not."""
        raised = n.Error(
            self.pick([n.Literal("boom"), self.sub(), n.Record((n.Binding("Reason", self.sub()),))])
        )
        body: n.Node = n.If(self.sub(), raised, self.sub()) if self.draw(st.booleans()) else raised
        if self.draw(st.booleans()):
            body = n.Binary(self.pick(["+", "&", "and", "??", "="]), paren(self.sub()), paren(body))
        if self.draw(st.booleans()):
            body = n.Try(body, None, n.Function((), None, n.Error(self.sub())))
        made = n.Try(paren(body), self.sub(), None)
        return call("List.Transform", self.items(), n.Each(made)) if self.draw(st.booleans()) else made

    def object(self) -> n.Node:
        """A record of functions that call each other, and a call of one."""
        names = ["g", "h"]
        fields = [
            n.Binding("g", function(["x"], self.sub("x", "x"))),
            n.Binding("h", function(["y"], n.Invocation(n.Name("g"), (self.sub("y"),)))),
        ]
        record: n.Node = n.Record((*fields, n.Binding("a", self.sub(*names))))
        if self.draw(st.booleans()):
            record = n.Parenthesized(n.Let((n.Binding("o", record), n.Binding("u", self.sub())), n.Name("o")))
        return n.Invocation(n.FieldAccess(record, self.pick(["g", "h"]), False), (self.sub(),))


def make(m: Maker, kind: str) -> n.Node:
    """An expression of a shape."""
    pick, sub = m.pick, m.sub
    if kind == "binary":
        op = pick(["+", "-", "*", "/", "&", "=", "<>", "<", ">=", "??"])
        return n.Binary(op, paren(sub()), paren(sub()))
    if kind == "logic":
        return n.Binary(pick(["and", "or"]), paren(sub()), paren(sub()))
    if kind == "unary":
        return n.Unary(pick(["-", "not"]), paren(sub()))
    if kind == "if":
        return n.If(sub(), sub(), sub())
    if kind == "test":
        tested = paren(sub())
        test = (
            n.TypeTest("is", tested, m.draw(kinds()))
            if pick([1, 0])
            else n.Binary("=", tested, n.Literal(None))
        )
        return n.If(test, n.Binary(pick(["+", "&", "<"]), deepcopy(tested), paren(sub())), sub())
    if kind == "try":
        other = pick(["none", "otherwise", "catch"])
        if other == "none":
            return n.FieldAccess(n.Parenthesized(n.Try(sub(), None, None)), "HasError", False)
        if other == "otherwise":
            return n.Try(sub(), sub(), None)
        return n.Try(sub(), None, n.Function((), None, sub()))
    if kind == "error":
        return n.Error(n.Literal("boom"))
    if kind == "let":
        names = m.names()
        return n.Let(m.bindings(names), sub(*names))
    if kind == "record":
        return n.Record(m.bindings(m.names(0, 3)))
    if kind == "list":
        return n.List(tuple(sub() for _ in range(pick([0, 1, 2, 3]))))
    if kind == "field":
        names = m.names(1, 3)
        return n.FieldAccess(n.Record(m.bindings(names)), pick(names), m.draw(st.booleans()))
    if kind == "item":
        items = n.List(tuple(sub() for _ in range(pick([1, 2, 3]))))
        return n.ItemAccess(items, n.Literal(pick([0.0, 1.0, 2.0])), m.draw(st.booleans()))
    if kind == "call":
        name = pick(NAMES)
        return n.Invocation(n.Parenthesized(function([name], sub(name))), (sub(),))
    if kind == "row":
        record = n.Record(m.bindings(m.names(1, 4, NAMES[:4])))
        return n.Invocation(n.Parenthesized(n.Each(sub("_"))), (record,))
    return n.Each(sub("_"))


@st.composite
def expressions(draw: Any, scope: tuple[str, ...] = (), depth: int = 4) -> n.Node:
    """Any expression."""
    maker = Maker(draw, scope, depth)
    kind = "leaf" if depth == 0 else draw(st.sampled_from(SHAPES))
    if kind == "leaf":
        return maker.leaf()
    own = {
        "typed": maker.typed, "optional": maker.optional, "loop": maker.loop, "list call": maker.consumed,
        "generate": maker.consumed, "object": maker.object,
        "library call": maker.library_call, "index": maker.index, "try error": maker.try_error,
    }.get(kind)  # fmt: skip
    return own() if own is not None else make(maker, kind)
