"""What trees texts give, and where their nodes stand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from test_syntax import ACCEPTED

from mlang.syntax import nodes as n
from mlang.syntax import (
    parse_document,
    parse_expression,
    print_node,
)

HERE = Path(__file__).parent


def lit(value: object) -> n.Literal:
    return n.Literal(value)  # type: ignore[arg-type]


def name(text: str) -> n.Name:
    return n.Name(text)


TREES: list[tuple[str, n.Node]] = [
    ("1 - 2 - 3", n.Binary("-", n.Binary("-", lit(1.0), lit(2.0)), lit(3.0))),
    ("1 + 2 * 3", n.Binary("+", lit(1.0), n.Binary("*", lit(2.0), lit(3.0)))),
    ("1 * 2 + 3", n.Binary("+", n.Binary("*", lit(1.0), lit(2.0)), lit(3.0))),
    ('"a" & 1 + 2', n.Binary("+", n.Binary("&", lit("a"), lit(1.0)), lit(2.0))),
    ("not a = b", n.Binary("=", n.Unary("not", name("a")), name("b"))),
    ("-x meta y", n.Binary("meta", n.Unary("-", name("x")), name("y"))),
    (
        "a ?? b or c and d",
        n.Binary("??", name("a"), n.Binary("or", name("b"), n.Binary("and", name("c"), name("d")))),
    ),
    ("a = b is logical", n.TypeTest("is", n.Binary("=", name("a"), name("b")), n.PrimitiveType("logical"))),
    (
        "x as number is nullable text and y",
        n.Binary(
            "and",
            n.TypeTest(
                "is", n.TypeTest("as", name("x"), n.PrimitiveType("number")), n.PrimitiveType("text", True)
            ),
            name("y"),
        ),
    ),
    ("type text meta y", n.Binary("meta", n.Type(n.PrimitiveType("text")), name("y"))),
    ("type foo", n.Type(name("foo"))),
    ("type (text)", n.Type(n.Parenthesized(name("text")))),
    ("type table foo", n.Type(n.TableType(name("foo")))),
    ("type nullable {type}", n.Type(n.NullableType(n.ListType(n.PrimitiveType("type"))))),
    (
        "type [a = number, optional b, ...]",
        n.Type(
            n.RecordType(
                (n.FieldType("a", False, n.PrimitiveType("number")), n.FieldType("b", True, None)), True
            )
        ),
    ),
    (
        "type function (a as {text}, optional b as any) as c",
        n.Type(
            n.FunctionType(
                (
                    n.Parameter("a", False, n.ListType(n.PrimitiveType("text"))),
                    n.Parameter("b", True, n.PrimitiveType("any")),
                ),
                name("c"),
            )
        ),
    ),
    (
        "(a, optional b as nullable text) as table => ...",
        n.Function(
            (n.Parameter("a", False, None), n.Parameter("b", True, n.PrimitiveType("text", True))),
            n.PrimitiveType("table"),
            n.NotImplementedNode(),
        ),
    ),
    ("x[a]{0}?", n.ItemAccess(n.FieldAccess(name("x"), "a", False), lit(0.0), True)),
    ("[a b]?", n.FieldAccess(None, "a b", True)),
    ("x[[a],[b  c]]", n.Projection(name("x"), ("a", "b  c"), False)),
    ("[[a]]?", n.Projection(None, ("a",), True)),
    ("{1..2, a}", n.List((n.Range(lit(1.0), lit(2.0)), name("a")))),
    ("[if = 1]", n.Record((n.Binding("if", lit(1.0)),))),
    ("@f(1)", n.Invocation(n.Name("f", True), (lit(1.0),))),
    ('S!#"a b"', n.SectionAccess("S", "a b")),
    ("try try a otherwise b otherwise c", n.Try(n.Try(name("a"), name("b"), None), name("c"), None)),
    (
        "try a catch (e) => e",
        n.Try(name("a"), None, n.Function((n.Parameter("e", False, None),), None, name("e"))),
    ),
    ("if a then b else c + 1", n.If(name("a"), name("b"), n.Binary("+", name("c"), lit(1.0)))),
    ("each [a]", n.Each(n.FieldAccess(None, "a", False))),
    ('#!"x""y"', n.Verbatim('x"y')),
    ("#shared", name("#shared")),
    (
        '[V="1"] section S; [A=null] shared x = 1; section; y = 2;',
        n.SectionDocument(
            (
                n.Section(
                    n.Record((n.Binding("V", lit("1")),)),
                    "S",
                    (n.Member(n.Record((n.Binding("A", lit(None)),)), True, "x", lit(1.0)),),
                ),
                n.Section(None, None, (n.Member(None, False, "y", lit(2.0)),)),
            )
        ),
    ),
]


@pytest.mark.parametrize(("text", "tree"), TREES, ids=[text for text, _ in TREES])
def test_tree(text: str, tree: n.Node) -> None:
    assert parse_document(text) == tree


LITERALS: list[tuple[str, object]] = [
    ("1", 1.0),
    ("1.50", 1.5),
    (".5", 0.5),
    ("1e3", 1000.0),
    ("0x10", 16.0),
    ("9007199254740992", 9007199254740992.0),
    ("9007199254740993", 9007199254740993),
    ("9223372036854775807", 2**63 - 1),
    ("9223372036854775808", float(2**63)),
    ("0000000000000000000000000001", 1.0),
    ("0x3FF0000000000000", 4607182418800017408),
    ("0xFFFFFFFFFFFFFFFF", float(2**64 - 1)),
    ("0x" + "F" * 400, math.inf),
    ("1e400", math.inf),
    ("9" * 5000, math.inf),
    ("#infinity", math.inf),
    ("true", True),
    ("null", None),
    ('"a""b"', 'a"b'),
    ('"a\\n\nb"', "a\\n\nb"),
    ('"#(cr,lf,tab,#)#(0041,00000042)"', "\r\n\t#AB"),
    ('"#(#)(lf)"', "#(lf)"),
    ('"#(0001F600)"', "\U0001f600"),
    ('"#(D83D,DE00)"', "\U0001f600"),
    ('"#(D83D)#(DE00)"', "\U0001f600"),
    ('"#(D83D)x"', "\ud83dx"),
    ('"#(0000)"', "\0"),
]


@pytest.mark.parametrize(("text", "value"), LITERALS, ids=[text[:20] for text, _ in LITERALS])
def test_literal(text: str, value: object) -> None:
    tree = parse_expression(text)
    assert isinstance(tree, n.Literal)
    assert tree.value.__class__ is value.__class__
    assert tree.value == value
    assert parse_expression(print_node(tree)) == tree


def test_nan_literals_are_equal() -> None:
    assert parse_expression("#nan") == parse_expression("#nan")
    assert parse_expression("1") != parse_expression("true")


def test_offsets() -> None:
    text = ' let a = f( x )[b]?, c = "t" in -a + (1) as nullable number '
    tree = parse_expression(text)
    spans = {(node.__class__.__name__, text[node.pos : node.end]) for node in tree.walk()}
    assert spans == {
        ("Let", text.strip()),
        ("Binding", "a = f( x )[b]?"),
        ("FieldAccess", "f( x )[b]?"),
        ("Invocation", "f( x )"),
        ("Name", "f"),
        ("Name", "x"),
        ("Binding", 'c = "t"'),
        ("Literal", '"t"'),
        ("TypeTest", "-a + (1) as nullable number"),
        ("Binary", "-a + (1)"),
        ("Unary", "-a"),
        ("Name", "a"),
        ("Parenthesized", "(1)"),
        ("Literal", "1"),
        ("PrimitiveType", "nullable number"),
    }


@pytest.mark.parametrize("text", [t for ts in ACCEPTED.values() for t in ts] + [t for t, _ in TREES])
def test_every_node_spans_itself(text: str) -> None:
    for node in parse_document(text).walk():
        assert 0 <= node.pos < node.end <= len(text)
        for child in node.children():
            assert node.pos <= child.pos
            assert child.end <= node.end
        if isinstance(node, (n.Literal, n.Name, n.Invocation, n.Let, n.List, n.Record, n.Type, n.Binary)):
            assert parse_expression(text[node.pos : node.end]) == node
