"""Trees to text: printing, layout, formatting with comments."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from test_syntax import ACCEPTED

from mlang.syntax import (
    format_node,
    format_text,
    parse_document,
    parse_expression,
    print_node,
)
from mlang.syntax import nodes as n

HERE = Path(__file__).parent


def lit(value: object) -> n.Literal:
    return n.Literal(value)  # type: ignore[arg-type]


def name(text: str) -> n.Name:
    return n.Name(text)


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


def test_brackets_around_nothing_stay_together() -> None:
    text = "let\n    a = f([\n\n], g),\n    b = { }\nin\n    a & [\n]"
    wanted = "let\n    a = f([], g), b = {}\nin\n    a & []"
    found = format_text(text)
    assert "[\n" not in found
    assert "{}" in found
    assert format_text(found) == found
    assert wanted.split() == found.split()
