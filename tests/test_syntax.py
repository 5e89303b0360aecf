"""Text to tree and back: what is M, what is not, what errors say, how deep it may nest."""

from __future__ import annotations

import math
import pickle
import random
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mlang.syntax import (
    MSyntaxError,
    format_node,
    format_text,
    parse_document,
    parse_expression,
    print_node,
)
from mlang.syntax import nodes as n
from mlang.syntax.spans import line_column, line_starts

HERE = Path(__file__).parent


def lit(value: object) -> n.Literal:
    return n.Literal(value)  # type: ignore[arg-type]


def name(text: str) -> n.Name:
    return n.Name(text)


ACCEPTED = {
    "LEX-02": ["\ufeff1"],
    "LEX-03": ["1\x1a", "1\r\n\x1a"],
    "LEX-05": ["1\u00a0+\u30002", "1\x0b+\x0c2", "1\u2028+\x85 2"],
    "LEX-08": ["1 // one", "// first\n1", "1 /* a\nb */ + /**/ 2", "/* /* */ 1", '"// no" & "/* no"'],
    "LEX-14": [
        "let text = 1, catch = 2, optional = 3 in text",
        "let nullable = 1, table = 2, number = nullable in table",
        "(optional) => optional",
        "(optional, x) => optional",
        "(catch) => catch",
        "try catch catch (catch) => catch",
        "{optional, catch, any}",
    ],
    "LEX-15": ["type action", "x is action"],
    "LEX-18": ["-#infinity", "-#nan", "#nan"],
    "LEX-19": ["List.Transform(x, each Function.Invoke(#date, _))", "#shared", "#sections"],
    "LEX-20": ["type null", "x is null", "type {null}"],
    "LEX-21": ["Text.Type", "and.b", "x.error", "if.then"],
    "LEX-23": ["a.1", "Column.1.2"],
    "LEX-24": ["{foo..bar}"],
    "LEX-26": ["é", "零", "let \U00020000x = 1 in 2", "a\u0301b", "x\u200by"],
    "LEX-28": ['#""', '#"a""b"', '#"a#(lf)b"', 'let #"a b" = 1 in #"a b"'],
    "LEX-30": ['let #"type" = 1, #"let" = 2 in #"type"'],
    "LEX-32": ["let _ = [A = 1] in [A]"],
    "LEX-33": ["@x", "@ x", '@#"x y"'],
    "LEX-35": ["[if then = 1]", "[1]", "[2024 Sales]", "[1st Qtr = 1]", "[a.1]", "[1.5]", "x[let in]"],
    "LEX-37": ["[  a b  = 1]", "[a\n= 1]", "[/* c */ a /* d */ = 1]"],
    "LEX-44": ["1e3", "1E-3", "1.5e+3", ".5", ".05", "00012"],
    "LEX-45": ["{1..5}"],
    "LEX-47": ["0x1F", "0XfF"],
    "LEX-53": ['"#"', '"##"', '"# (lf)"', '"#(#)(lf)"'],
    "LEX-54": ['"#(cr,lf)"', '"#(000D,000A)"', '"#(0001F600,tab,#)"'],
    "LEX-58": ['#!"any thing"'],
    "LEX-60": ["x[a]??0", "x[a]? ?? 0", "x{0}??1"],
    "LEX-61": ["Section1!Member", '#"S 1"!#"a b"', "a.b!c + 1"],
    "LEX-64": ["section;", "section S;"],
    "LEX-66": ["section A; x = 1; section B; y = 2;", "[V = 1] section A; x = 1; [W = 2] section B;"],
    "GRM-04": ["a ?? b ?? c"],
    "GRM-05": ["not a = b", "not x is number"],
    "GRM-06": ["- -1", "not not true", "+-1"],
    "GRM-08": ["1 meta [a = 1] meta [b = 2]"],
    "GRM-11": ["x as number is number", "x is number is logical", "1 as number as logical"],
    "GRM-12": ["1 < 2 < 3"],
    "GRM-16": ["each _ + 1", "(x) => x * 2", "if a then b else c + 1", "error error 1", "each each _"],
    "GRM-18": ["if a then b else if c then d else e"],
    "GRM-19": ["let in 1"],
    "GRM-28": [
        "(x)",
        "(x, y) => x",
        "() => 1",
        "(x) as number => x",
        "(x as nullable text, optional y) => x",
    ],
    "GRM-58": ["f(1){0}[a]?", "f()()", "x[a]?[b]?{0}?[[c],[d]]?", '"abc"{0}', "(f)(x)", "{1}{0}", "[a=1][a]"],
    "GRM-68": ["x[[a],[b]]", "x[[a], [z z]]?"],
    "GRM-70": ["[a]", "[a]?", "[[a]]", "[[a],[b]]?", "{0}"],
    "GRM-71": ["[]", "[ ]", "[a = [b], c = [[d], [e]]]"],
    "GRM-73": ["{1, 5..9, 11}", '{"H".."Z", "a".."z"}', "{}"],
    "GRM-78": ["type (x)", "type Int64.Type", "type {number}", "type nullable {text}", "type foo(1)"],
    "GRM-79": ["type nullable (Type.ForList(x))", "type {(record)}"],
    "GRM-80": ["type {Int64.Type}", "type [a = Int64.Type]", "type table [a = Int64.Type]"],
    "GRM-81": ["type table (x)", "type table x", "type table @x"],
    "GRM-82": ["type list", "type record", "type table", "type function"],
    "GRM-83": [
        "type [a]",
        "type [optional a = text]",
        "type [a, ...]",
        "type []",
        "type [optional a, b = text]",
    ],
    "GRM-85": ["type [...]"],
    "GRM-86": ['type [#"a b" = text, c d = {number}]', "type [optional = text]", "type [if]"],
    "GRM-87": ["type function (x as number, optional y as text) as any", "type function () as {text}"],
    "GRM-88": ["type function (x as {Int64.Type}, y as [a = text, ...]) as table [b = any]"],
    "GRM-91": ["type nullable nullable text"],
    "GRM-92": ["type type", "type null", "type none", "type anynonnull", "type {type}"],
    "GRM-93": ["try e otherwise f", "try e catch (err) => f", "try e catch () => f", "try e"],
    "GRM-96": ["try try a otherwise b otherwise c"],
    "GRM-98": ["...", "{..., 1}", "if a then ... else b"],
    "GRM-99": ["[A = 1] section S; [B = {1, [c = null]}] shared x = 1; y = 2;", "section S; [] x = 1;"],
    "a member called catch": ["section S; [] catch = 2;"],
    "commas of an inner let": ["[f = let a = 1, b = 2 in a, if = 3]", "f(let a = 1, b = 2 in a, c)"],
    "commas of inner brackets": ["[a = each [b], c = [d = 1, e = 2], let = 3]", "[f = (a, b) => a, c = 1]"],
}

REJECTED = {
    "LEX-09": ["1 /* open", "/* /* */ */ 1"],
    "LEX-17": ["# date", "#Date(1,2,3)", "#foo", "@#date"],
    "LEX-22": ["a€", "1 $ 2", "x\u2019s", "\u0301a"],
    "LEX-23": ["a. b", ".a", "a..b"],
    "LEX-34": ["let a b = 1 in 1", "(a b) => 1", "section S; a b = 1;", "let 1a = 1 in 1"],
    "LEX-38": ["[Non-Recurring]", "[a\tb = 1]", "[a/b]", "[don't]", "[a /* c */ b = 1]", "[a (b)]"],
    "LEX-40": ["type [1 = number]", "type [1st = number]"],
    "LEX-41": ['[#"a" b]', '[a #"b"]'],
    "LEX-44": ["1.", "1.e3", "1e"],
    "LEX-48": ["1_000", "0b1", "1d", "0x"],
    "LEX-52": ['"open', '"a""', '#"open', '#!"open'],
    "LEX-54": ['"#(CR)"', '"#()"', '"#(00D)"', '"#(cr, lf)"', '"#(00110000)"', '"#(lf"', '#"#(x)"'],
    "LEX-61": ["a!b!c", "(a)!b"],
    "GRM-10": ["1 as number + 2", "x is text as logical", "x as text & y"],
    "GRM-15": ["1 + each 2", "1 + let x = 1 in x", "1 + if true then 1 else 2", "- (x) => 1", "x ?? error 1"],
    "GRM-17": ['x ?? error "m"'],
    "GRM-18": ["if a then b", "if a else b", "if a then b elseif c then d else e"],
    "GRM-20": ["let a as text = 1 in a"],
    "GRM-23": [
        "{1,}",
        "[a=1,]",
        "f(1,)",
        "let a = 1, in a",
        "(x,) => x",
        "type [a,]",
        "x[[a],]",
        "{,}",
        "f(,)",
    ],
    "GRM-25": ["let a = 1, a = 2 in a", "[a = 1, b = 2, a = 3]", '[a = 1, #"a" = 2]', "type [a, a]"],
    "GRM-26": ["(x, x) => x", "type function (x as any, x as any) as any"],
    "GRM-27": ["section S; x = 1; x = 2;"],
    "GRM-29": ["(x as Int64.Type) => x", "(x as {number}) => x", "(x) as foo => x", "(x as (text)) => x"],
    "GRM-30": ["(optional x, y) => x", "type function (optional x as any, y as any) as any"],
    "GRM-59": ["x()?", "x?", "(x)?"],
    "GRM-68": ["x[[a]?]", "x[[a],b]"],
    "GRM-73": ["{1..}", "{..1}", "{1..2..3}"],
    "GRM-83": ["type [..., a]", "type [a, ..., b]"],
    "GRM-84": ["type table [a, ...]", "type table {a}"],
    "GRM-87": ["type function (x) as any", "type function (x as any)"],
    "GRM-90": [
        "x is Int64.Type",
        "x is {number}",
        "x is type text",
        "x as [a]",
        "x is nullable nullable text",
    ],
    "GRM-93": ["try a otherwise b catch (e) => e", "try a otherwise"],
    "GRM-94": [
        "try a catch e",
        "try a catch each _",
        "try a catch (a, b) => 1",
        "try a catch (e as any) => e",
    ],
    "GRM-97": ["error"],
    "GRM-99": [
        "section S; x = 1",
        "section S; [a = 1 + 1] x = 1;",
        "section S; [a = b] x = 1;",
        "section S; shared = 1;",
    ],
    "types do not nest type": ["type type text", "type {type text}", "type [a = type text]", "type nullable"],
    "sections are no expressions": ["section", "{section S;}", "1; 2", ";"],
    "operators": ["a && b", "a == b", "a != b", "a = > b", "a xor b", "* 1", "1 +", "x meta"],
    "brackets": ["(", ")", "((1)", "{1)", "[a", "x{}", "x[]", "()"],
    "nothing": ["", " ", "// only a comment"],
}


@pytest.mark.parametrize("text", [t for ts in ACCEPTED.values() for t in ts])
def test_accepted(text: str) -> None:
    tree = parse_document(text)
    assert parse_document(print_node(tree)) == tree
    assert parse_document(format_node(tree)) == tree
    assert parse_document(format_node(tree, width=1)) == tree


@pytest.mark.parametrize("text", [t for ts in REJECTED.values() for t in ts])
def test_rejected(text: str) -> None:
    with pytest.raises(MSyntaxError) as caught:
        parse_document(text)
    error = caught.value
    assert 0 <= error.offset <= error.end <= len(text)
    assert "\n" not in error.message
    assert "expected " not in error.message or not error.message.endswith("expected ")
    assert error.engine_message.startswith(f"[{error.line},{error.column}-")
    assert str(error).startswith(f"<text>:{error.line}:{error.column}: ")


def _error_cases() -> list[dict[str, str]]:
    with open(HERE / "errors" / "syntax.toml", "rb") as file:
        cases: list[dict[str, str]] = tomllib.load(file)["case"]
    return cases


@pytest.mark.parametrize("case", _error_cases(), ids=lambda case: case["m"].strip()[:30])
def test_error_texts(case: dict[str, str]) -> None:
    with pytest.raises(MSyntaxError) as caught:
        parse_document(case["m"], filename="query.pq")
    assert str(caught.value) == case["shows"].removeprefix("\n")
    assert caught.value.engine_message == case["engine"]


def test_error_survives_pickling() -> None:
    with pytest.raises(MSyntaxError) as caught:
        parse_document("a b", "f.pq")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.engine_message) == (str(caught.value), caught.value.engine_message)


def test_the_earliest_error_is_told() -> None:
    # The stray quote at the end must not hide the missing comma.
    with pytest.raises(MSyntaxError) as caught:
        parse_expression('let\n a = 1\n b = 2\nin "open')
    assert (caught.value.line, caught.value.column) == (3, 2)


# ---------------------------------------------------------------- trees

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


# ---------------------------------------------------------------- depth and size

DEEP = [
    "(" * 5000 + "1" + ")" * 5000,
    "{" * 5000 + "1" + "}" * 5000,
    "[a=" * 5000 + "1" + "]" * 5000,
    "f(" * 5000 + "1" + ")" * 5000,
    "type " + "{" * 5000 + "any" + "}" * 5000,
    "if a then b else " * 5000 + "c",
    "if " * 3000 + "a" + " then b else c" * 3000,
    "let a = " * 3000 + "1" + " in a" * 3000,
    "(x) => " * 5000 + "x",
    "each " * 5000 + "_",
    "try " * 5000 + "a" + " otherwise b" * 3000,
    "not " * 5000 + "a",
    "1" + " + 1" * 5000,
    "1" + " + 2 * 3" * 3000,
    "x" + "[a]" * 5000,
    "x" + " is text" * 3000,
    "a = b and " * 3000 + "c",
    "{" + "1," * 20000 + "2}",
]


@pytest.mark.parametrize("text", DEEP, ids=[text[:16] for text in DEEP])
def test_depth(text: str) -> None:
    tree = parse_expression(text)
    assert parse_expression(print_node(tree)) == tree
    assert sum(1 for _ in tree.walk()) > 3000
    other = parse_expression(text + " ")
    assert tree == other


@pytest.mark.parametrize(
    "text", ["(" * 5000, "{[a=" * 3000, "f(" * 5000 + ")", "let a = " * 5000, '"' * 9999]
)
def test_depth_broken(text: str) -> None:
    with pytest.raises(MSyntaxError) as caught:
        parse_document(text)
    assert len(str(caught.value)) < 500


def test_deep_trees_can_be_laid_out() -> None:
    for text in DEEP[:12]:
        tree = parse_expression(text)
        assert parse_expression(format_node(tree)) == tree


# ---------------------------------------------------------------- printing

PRINTED: list[tuple[n.Node, str]] = [
    # Trees that no text gives: the printer adds the parentheses that their meaning needs.
    (n.Binary("*", n.Binary("+", lit(1.0), lit(2.0)), lit(3.0)), "(1 + 2) * 3"),
    (n.Binary("-", lit(1.0), n.Binary("-", lit(2.0), lit(3.0))), "1 - (2 - 3)"),
    (n.Binary("+", lit(1.0), n.Each(name("_"))), "1 + (each _)"),
    (n.Invocation(n.Function((), None, lit(1.0)), ()), "(() => 1)()"),
    (n.FieldAccess(n.Binary("&", name("a"), name("b")), "c", False), "(a & b)[c]"),
    (n.Unary("-", n.Binary("+", lit(1.0), lit(2.0))), "-(1 + 2)"),
    (n.Try(n.Try(name("a"), None, None), name("b"), None), "try (try a) otherwise b"),
    (n.Try(n.Each(n.Try(name("a"), None, None)), name("b"), None), "try (each try a) otherwise b"),
    (n.Type(n.Binary("&", name("a"), name("b"))), "type (a & b)"),
    (n.Type(name("text")), "type (text)"),
    (n.Type(n.FieldAccess(name("text"), "a", False)), "type (text[a])"),
    (n.Type(n.List((lit(1.0),))), "type ({1})"),
    (n.FieldAccess(n.Type(n.PrimitiveType("text")), "a", False), "(type text)[a]"),
    (n.Binary("+", n.TypeTest("as", name("x"), n.PrimitiveType("number")), lit(1.0)), "(x as number) + 1"),
    (n.FieldAccess(lit(-1.0), "a", False), "(-1)[a]"),
    (lit(-math.inf), "-#infinity"),
    # Spelling.
    (name("a b"), '#"a b"'),
    (name("type"), '#"type"'),
    (name("#date"), "#date"),
    (name(""), '#""'),
    (lit('a"b#(c'), '"a""b#(#)(c"'),
    (lit("a\r\n\t\0\u2028\ud800é😀"), '"a#(cr,lf,tab,0000,2028,D800)é😀"'),
    (lit(0.1), "0.1"),
    (lit(1e300), "1e+300"),
    (lit(2.0**53), "9007199254740992"),
    (lit(2.0**53 + 2), "9007199254740994.0"),
    (lit(2**53 + 1), "9007199254740993"),
    (n.Record((n.Binding("a b", lit(1.0)), n.Binding("a-b", lit(2.0)))), '[a b = 1, #"a-b" = 2]'),
    (n.Let((n.Binding("a b", lit(1.0)),), name("a b")), 'let #"a b" = 1 in #"a b"'),
    (n.Type(n.RecordType((n.FieldType("1", False, None), n.FieldType("optional x", False, None)), False)),
     'type [#"1", #"optional x"]'),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "text"), PRINTED, ids=[text for _, text in PRINTED])
def test_printed(tree: n.Node, text: str) -> None:
    assert print_node(tree) == text
    parse_expression(text)


def test_layout() -> None:
    text = (
        'let Source = Table.FromRows({{1, "a"}, {2, "b"}}, type table [x = number]), '
        'F = (a, optional b as nullable number) as any => let c = a + b in if c > 3 then "a text" '
        'else if c = 2 then error "other text" else try Text.From(c) otherwise null, '
        'Kept = Table.SelectRows(Source, each [x] > 1 and Text.StartsWith([y], "some even longer text than '
        'ever") '
        'and Record.HasFields(_, "z")) in Kept{0}?[[x], [y]]'
    )
    assert (
        format_node(parse_expression(text))
        == """\
let
    Source = Table.FromRows({{1, "a"}, {2, "b"}}, type table [x = number]),
    F = (a, optional b as nullable number) as any =>
        let
            c = a + b
        in
            if c > 3 then
                "a text"
            else if c = 2 then
                error "other text"
            else
                try Text.From(c) otherwise null,
    Kept = Table.SelectRows(
        Source,
        each [x] > 1
            and Text.StartsWith([y], "some even longer text than ever")
            and Record.HasFields(_, "z")
    )
in
    Kept{0}?[[x], [y]]"""
    )


def test_layout_of_sections() -> None:
    text = '[Version="1.0"] section S; [DataSource.Kind="S"] shared f = (x) => x; y = let a = 1 in a;'
    assert (
        format_node(parse_document(text))
        == """\
[Version = "1.0"]
section S;

[DataSource.Kind = "S"]
shared f = (x) => x;

y =
    let
        a = 1
    in
        a;"""
    )


def test_formatting_twice_changes_nothing() -> None:
    for texts in ACCEPTED.values():
        for text in texts:
            once = format_node(parse_document(text))
            assert format_node(parse_document(once)) == once


# ---------------------------------------------------------------- comments

COMMENTED = """\
// top
/* block */
let
    // first
    a = 1, // one
    b = {1, // x
         2 /* two */, 3
         // last
        },
    /* c doc */ c = f(a, /* inline */ b), // see c
    d = each // why
       [x] + 1
    // before in
in
    // result
    d // end
// bye
"""


def test_formatting_keeps_comments() -> None:
    assert (
        format_text(COMMENTED)
        == """\
// top
/* block */ let
    // first
    a = 1,
    // one
    b = {
        1,
        // x
        2 /* two */,
        3
        // last
    }, /* c doc */ c = f(a, /* inline */ b),
    // see c
    d = each
    // why
    [x] + 1
    // before in
in
    // result
    d
// end
// bye"""
    )
    assert format_text(format_text(COMMENTED)) == format_text(COMMENTED)


def test_comments_anywhere_survive_formatting() -> None:
    from mlang.syntax.comments import comments_of
    from mlang.syntax.lexer import tokenize

    chance = random.Random(3)
    shapes = [" /* c%d */ ", "// c%d\n", "\n// c%d\n", "\n/* c%d */\n", "/* a\n b%d */", "/*x*//*c%d*/"]
    for text in [t for ts in ACCEPTED.values() for t in ts] + [COMMENTED]:
        tree = parse_document(text)
        starts = tokenize(text).starts
        commented = text
        for at in sorted(chance.sample(starts, min(2, len(starts))), reverse=True):
            commented = commented[:at] + chance.choice(shapes) % at + commented[at:]
        formatted = format_text(commented)
        assert parse_document(formatted) == tree
        assert [c.text for c in comments_of(formatted)] == [c.text for c in comments_of(commented)]
        assert format_text(formatted) == formatted


#: What Microsoft's formatter does by default, one decision a text.
LAYOUTS = {
    "let a = 1 in a": "let a = 1 in a",
    "let a = 1, b = 2 in\n  b": "let a = 1, b = 2 in b",
    "each [a][b]": "each[a][b]",
    "f( x{0}? , [a]? )": "f(x{0} ?, [a]?)",
    '#"a" & "x#(lf)" & 0xFF': '#"a" & "x#(lf)" & 0xFF',
    "f([a = 1,\n b = 2])": "f([\n    a = 1,\n    b = 2\n])",
    "[a = 1,\n b = 2]": "[a = 1, b = 2]",
    "f([a = [b = 1]])": "f([\n    a = [b = 1]\n])",
    "section S; A.a = 1; A.b = 2; B.a = 3;": "section S;\n\nA.a = 1;\nA.b = 2;\n\nB.a = 3;",
    '[Version = "1"] section S; [A = 1] shared a = 1;': '[Version = "1"]\nsection S;\n\n[A = 1]\nshared a = 1;',
    "section S; a = 1;\n\nb = 2;": "section S;\n\na = 1;\n\nb = 2;",
    "- 1 + not a * +b": "-1 + not a * +b",
    "{ 1 .. 5, a..b }": "{1..5, a..b}",
    "() => 1": "() => 1",
    "let\n a = 1, // mlang: ignore\n b = f(if x then 1 else 2) // mlang: ignore\n in b": (
        "let\n    a = 1, // mlang: ignore\n    b = f(if x then 1 else 2) // mlang: ignore\nin\n    b"
    ),
    "let a = 1 /* x */, b = 2 // y\n in b": "let\n    a = 1 /* x */,\n    b = 2\n    // y\nin\n    b",
}


@pytest.mark.parametrize("text", LAYOUTS)
def test_texts_are_laid_out(text: str) -> None:
    assert format_text(text) == LAYOUTS[text]
    assert format_text(LAYOUTS[text]) == LAYOUTS[text]
    assert parse_document(LAYOUTS[text]) == parse_document(text)


# ---------------------------------------------------------------- places


def test_lines_and_columns() -> None:
    text = "a\r\nb\nc\rd\u2028e\x85f"
    assert [line_column(text, text.index(c)) for c in "abcdef"] == [(i, 1) for i in range(1, 7)]
    assert len(line_starts(text)) == 6
    assert line_column("ab\n", 3) == (2, 1)
    assert line_column("", 0) == (1, 1)


def test_long_lines_are_cut() -> None:
    text = "{" + "1, " * 1000 + "1 2, " + "3, " * 1000 + "4}"
    with pytest.raises(MSyntaxError) as caught:
        parse_expression(text)
    line, carets = str(caught.value).splitlines()[1:]
    assert len(line) < 140
    assert line[carets.index("^")] == "2"


# ---------------------------------------------------------------- the grammar


def test_tables_are_built_from_the_grammar() -> None:
    from grammar import build, table_bytes
    from mlang.syntax.driver import DIGEST

    assert build.digest() == DIGEST, "run python -m grammar.build"
    assert build.encode() == table_bytes()


def test_every_terminal_is_read_and_every_builder_exists() -> None:
    from mlang.syntax import lexer
    from mlang.syntax.driver import BUILDERS, NUMBER, TERMINALS
    from mlang.syntax.parser import Builder

    assert all(callable(getattr(Builder, builder)) for builder in BUILDERS)
    seen: set[int] = set()
    for texts in [*ACCEPTED.values(), [text for text, _ in TREES]]:
        for text in texts:
            seen.update(lexer.tokenize(text).kinds)
    assert {TERMINALS[kind] for kind in seen} == set(NUMBER)


def test_lark_itself_agrees() -> None:
    """Lark's own loop over the same tokens: same trees, same refusals."""
    parse = lark_parse()
    texts = [t for ts in [*ACCEPTED.values(), *REJECTED.values()] for t in ts] + [t for t, _ in TREES]
    # And every text with one word left out, doubled or exchanged with its neighbour.
    chance = random.Random(20)
    for text in [t for ts in ACCEPTED.values() for t in ts]:
        words = re.findall(r"[\w.]+|\s+|.", text)
        at = chance.randrange(len(words))
        texts += ["".join(words[:at] + words[at + 1 :]), "".join(words[:at] + words[at:][:1] + words[at:])]
        words[at - 1], words[at] = words[at], words[at - 1]
        texts.append("".join(words))
    for text in texts:
        try:
            ours: object = parse_document(text)
        except MSyntaxError as error:
            ours = error.offset
        assert parse(text) == ours, text


def lark_parse() -> object:
    """A function that parses with Lark: the tree, or the offset of the error."""
    from collections.abc import Iterator
    from typing import Any

    import lark
    from lark.lexer import Lexer

    from grammar.build import lark_parser
    from mlang.syntax.driver import END, INVALID, TERMINALS
    from mlang.syntax.lexer import tokenize
    from mlang.syntax.parser import Builder, Refused

    current: list[Any] = [None]

    class OurLexer(Lexer):
        __future_interface__ = 1

        def __init__(self, conf: object) -> None:
            pass

        def lex(self, state: Any, parser_state: Any = None) -> Iterator[lark.Token]:
            tokens = current[0]
            for index, kind in enumerate(tokens.kinds):
                if kind == INVALID:
                    raise Refused("", tokens.starts[index], tokens.ends[index])
                if kind != END:
                    yield lark.Token(TERMINALS[kind], index)  # type: ignore[arg-type]

    class Trees(lark.Transformer):  # type: ignore[type-arg]
        def __default__(self, data: Any, children: Any, meta: Any) -> Any:
            if data.__class__ is str:  # an alias; the name of a rule is a Token
                return getattr(Builder(current[0]), data)(*map(as_index, children))
            assert len(children) == 1
            return children[0]

    def as_index(child: Any) -> Any:
        return child.value if child.__class__ is lark.Token else child

    parser = lark_parser(OurLexer)

    def parse(text: str) -> object:
        current[0] = tokens = tokenize(text)
        try:
            return as_index(Trees().transform(parser.parse(text, start="document")))
        except lark.UnexpectedToken as wrong:
            return tokens.starts[-1] if wrong.token.type == "$END" else tokens.starts[wrong.token.value]
        except Refused as refused:
            return refused.start
        except lark.exceptions.VisitError as wrong:
            if isinstance(wrong.orig_exc, Refused):
                return wrong.orig_exc.start
            raise

    return parse


def test_running_never_imports_lark() -> None:
    code = (
        "import sys; from mlang.syntax import parse_expression, print_node; "
        "print_node(parse_expression('1 + 1')); "
        "heavy = {'lark', 'unicodedata', 'enum', 'dataclasses', 'attr'} & set(sys.modules); "
        "assert not heavy - {'enum'}, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE.parent)
