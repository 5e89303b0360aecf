"""Text to tree: what is M, what is not, what errors say, how deep it may nest."""

from __future__ import annotations

import pickle
import tomllib
from pathlib import Path

import pytest

from mlang.syntax import (
    MSyntaxError,
    format_node,
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
    "LEX-66": ["section S; x = 1; section S; y = 2;"],
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
