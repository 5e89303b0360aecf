"""Deep and long programs: they evaluate, or fail as M fails; never as Python does."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from mlang.compile.entry import Document, run
from mlang.errors import MError
from mlang.values.show import to_m


def nested(before: str, inner: str, after: str, times: int) -> str:
    return before * times + inner + after * times


def each_of(times: int, text: str, separator: str = ", ") -> str:
    """The text so many times, ``#`` replaced by the number."""
    return separator.join(text.replace("#", str(i)) for i in range(times))


def lets(times: int) -> str:
    ends = "".join(f" in a{i}({i})" for i in reversed(range(times)))
    return "((x) => " + each_of(times, "let a# = (y#) => ", "") + "x" + ends + ")(7)"


def chain(times: int, condition: str, branch: str, last: str) -> str:
    return each_of(times, f"if {condition} then {branch} else ", "") + last


CASES: dict[str, tuple[str, Any]] = {
    "let in let, functions": (lets(150), 7.0),
    "let in let": (each_of(1000, "let a# = ", "") + "7" + "".join(f" in a{i}" for i in reversed(range(1000))), 7.0),
    "calls of functions in functions": (
        "((z) => " + each_of(150, "((x#) => x# + ", "") + "z" + ")(1)" * 150 + ")(7)", 157.0,
    ),
    "recursive functions in functions": (
        each_of(60, "let f# = (n) => if n = 0 then ", "") + "5"
        + "".join(f" else @f{i}(n - 1) + g{i}, g{i} = 1 in f{i}(2)" for i in reversed(range(60))), 125.0,
    ),
    "lazy records in functions": (
        "((z) => " + nested("[a = (x) => ", "z + 1", "]", 120) + nested("", "", "[a](0)", 120) + ")(7)", 8.0,
    ),
    "additions": ("((x) => " + each_of(3000, "x", " + ") + ")(1)", 3000.0),
    "additions of literals": (each_of(3000, "1", " + "), 3000.0),
    "texts": ('((x) => Text.Length(' + each_of(3000, "x", " & ") + '))("a")', 3000.0),
    "and": ("((x) => " + each_of(2000, "x > 0", " and ") + ")(1)", True),
    "??": ("((x) => " + each_of(2000, "x", " ?? ") + " ?? 3)(null)", 3.0),
    "else if, tail": ("((x) => " + chain(500, "x = #", "#", "-1") + ")(499)", 499.0),
    "else if": ("((x) => 1 + (" + chain(500, "x = #", "#", "-1") + "))(499)", 500.0),
    "else if, reading fields": ("((x) => 1 + (" + chain(500, "x[a] = #", "x[b]", "0") + "))([a = 499, b = 3])", 4.0),
    "else if, shared variable": (
        "((x) => let y = x * 2, z = " + chain(500, "x = #", "y + #", "y") + " in z + y)(499)", 499 + 4 * 499.0,
    ),
    "if in then, tail": ("((x) => " + each_of(300, "if x <> # then ", "") + "1" + " else 2" * 300 + ")(-5)", 1.0),
    "if in then": ("((x) => 1 + (" + each_of(300, "if x <> # then ", "") + "1" + " else 2" * 300 + "))(-5)", 2.0),
    "variables in both branches": (
        "((x) => let a0 = x, " + ", ".join(f"a{i} = if x > {i} then a{i - 1} else a{i - 1} + 1" for i in range(1, 60))
        + " in a59)(3)", 60.0,
    ),
    "parentheses": ("((x) => " + nested("(", "x", ")", 2000) + ")(1)", 1.0),
    "additions in parentheses": ("((x) => " + nested("(1 + ", "x", ")", 2000) + ")(1)", 2001.0),
    "lists in lists": ("((x) => " + nested("{", "x", "}", 300) + nested("", "", "{0}", 300) + ")(1)", 1.0),
    "records in records": ("((x) => " + nested("[a = ", "x", "]", 300) + "[a]" * 300 + ")(1)", 1.0),
    "lazy records in records": (
        "((x) => " + nested("[b = x / 2, a = b + x, c = ", "x", "]", 300) + "[c]" * 300 + ")(1)", 1.0,
    ),
    "try in try": ("((x) => " + nested("(1 + (try ", "x", " otherwise 2))", 100) + ")(1)", 101.0),
    "try in otherwise": ('((x) => ' + nested('(try error "a" otherwise 1 + ', "x", ")", 100) + ")(1)", 101.0),
    "failing try in try": ('((x) => ' + nested("(1 + (try ", '(error "a")', " otherwise 2))", 40) + ")(1)", 42.0),
    "calls in arguments": ("((f) => " + nested("f(", "1", ")", 500) + ")((x) => x + 1)", 501.0),
    "library calls in arguments": ("((x) => " + nested("Number.Abs(", "x", ")", 500) + ")(1)", 1.0),
    "many parameters": (
        "((f) => f(" + each_of(300, "1") + "))((" + each_of(300, "p#") + ") => p7)", 1.0,
    ),
    "signs": ("((x) => " + "- " * 2000 + "x)(1)", 1.0),
    "record of many fields": ("((x) => [" + each_of(5000, "f# = x + #") + "][f4999])(1)", 5000.0),
    "record of fields of each other": (
        "((x) => [f0 = x, " + ", ".join(f"f{i} = f{i - 1} + x" for i in range(1, 5000)) + "][f4999])(1)", 5000.0,
    ),
    "list of many items": ("((x) => List.Sum({" + each_of(20_000, "x + #") + "}))(1)", 200_010_000.0),
    "list of many lazy items": ("((x) => List.Count({" + each_of(20_000, "x / #") + "}))(1)", 20_000.0),
    "list of items and ranges": ("((x) => List.First({" + each_of(500, "x, #..1000000000") + "}))(3)", 3.0),
    "let of many steps": ("let a0 = 1, " + ", ".join(f"a{i} = a{i - 1} + 1" for i in range(1, 1000)) + " in a999", 1000.0),
    "table of many rows": (
        'Table.RowCount(#table({"a", "b"}, {' + each_of(20_000, '{#, "text #"}') + "}))", 20_000.0,
    ),
    "type in type": ("((t) => if t = " + "type " + nested("{", "number", "}", 300) + " then 1 else 2)("
                     + "type " + nested("{", "number", "}", 300) + ")", 1.0),
    "thunks on thunks": (
        "List.Accumulate({1..50000}, [a = 0], (s, i) => [a = s[a] + (if i > 0 then 1 else 2)])[a]", 50_000.0,
    ),
    "else if, 2000": ("((x) => " + chain(2000, "x = #", "#", "-1") + ")(1999)", 1999.0),
    "branches that lead to earlier ones": (
        "((x) => let a0 = x, a1 = x, "
        + ", ".join(f"a{i} = if x > {i} then a{i - 1} else a{i - 2} + 1" for i in range(2, 2000)) + " in a1999)(5)", 1003.0,
    ),
    "steps of lists": (
        "let a0 = {1}, " + ", ".join(f"a{i} = List.Transform(a{i - 1}, each _ + 1)" for i in range(1, 500))
        + " in List.Sum(a499)", 500.0,
    ),
    "let of 5000 steps": (
        "let a0 = 1, " + ", ".join(f"a{i} = a{i - 1} + 1" for i in range(1, 5000)) + " in a4999", 5000.0,
    ),
    "texts, 10000": ('((x) => Text.Length(' + each_of(10_000, "x", " & ") + '))("a")', 10_000.0),
    "recursion of 100000": ("let f = (n) => if n = 0 then 0 else @f(n - 1) + 1 in f(100000)", 100_000.0),
    "recursion of 100000, typed": (
        "let f = (n as number) as number => if n = 0 then 0 else @f(n - 1) + 1 in f(100000)", 100_000.0,
    ),
    "recursion of 100000 through a record": (
        "let o = [f = (n) => if n = 0 then 0 else @f(n - 1) + 1] in o[f](100000)", 100_000.0,
    ),
    "recursion of 100000 through try": (
        "let f = (n) => if n = 0 then 0 else (try @f(n - 1) otherwise 0) + 1 in f(100000)", 100_000.0,
    ),
    "recursion of 50000 through a list": (
        "let f = (n) => if n = 0 then 0 else List.Sum(List.Transform({n - 1}, (x) => @f(x))) + 1 in f(50000)", 50_000.0,
    ),
    "error from a depth of 100000": (
        'let f = (n) => if n = 0 then error "x" else @f(n - 1) + 1 in try f(100000) otherwise 5', 5.0,
    ),
    "equality of lists in lists": (
        "let made = (n) => List.Accumulate({1..n}, {}, (s, i) => {s}) in made(100000) = made(100000)", True,
    ),
    "equality of records in records": (
        "let made = (n) => List.Accumulate({1..n}, [], (s, i) => [a = s]) in made(100000) = made(100000)", True,
    ),
    "recursion of 10000 through tables": (
        'let f = (n) => if n = 0 then 1 else Table.RowCount(Table.SelectRows(t, each @f(n - [a]) >= 1)), t = T in f(10000)'
        .replace("T in", '#table({"a"}, {{1}}) in'), 1.0,
    ),
    "deep recursion": ("let f = (n) => if n = 0 then 0 else 1 + @f(n - 1) in f(50000)", 50_000.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_evaluates(name: str) -> None:
    source, expected = CASES[name]
    assert run(lambda: Document(source).value()) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("let f = (x) => 1 + @f(x) in f(1)", "stack overflow"),
        ("let f = (x) => let y = @f(x + 1) in y + 1 in f(1)", "stack overflow"),
        ("let f = (x) => [a = @f(x + 1)[a]] in f(1)[a]", "stack overflow"),
        ("let f = (n) => List.Sum(List.Transform({n}, (x) => @f(x + 1))) + 1 in f(1)", "stack overflow"),
        (
            "let f = (n) => List.Sum(List.Generate(() => 0, each _ < 2, each _ + 1, each @f(n))) in f(1)",
            "stack overflow",
        ),
        ("let f = (n) => @f(n + 1) + 1 in try f(1) otherwise 5", "stack overflow"),
        (
            'let f = (x) => Table.RowCount(Table.SelectRows(#table({"a"}, {{1}}), each @f([a]) > 1)) in f(1)',
            "stack overflow",
        ),
        (
            'let f = (x) => 1 + @f(x) in Table.RowCount(Table.SelectRows(#table({"a"}, {{1}}), each f([a]) > 1))',
            "stack overflow",
        ),
        ("let a = b, b = a in a", "A cyclic reference was encountered during evaluation."),
        ("let a = b + 1, b = c + 1, c = a + 1 in a", "A cyclic reference was encountered during evaluation."),
        ("let r = [a = b, b = a] in r[a]", "A cyclic reference was encountered during evaluation."),
    ],
)
def test_fails_as_m_does(source: str, message: str) -> None:
    with pytest.raises(MError, match=message):
        run(lambda: Document(source).value())


@pytest.mark.parametrize(("before", "after"), [("{", "}"), ("[a = ", "]")])
def test_shows_deep_values(before: str, after: str) -> None:
    wrapped = before + "s" + after
    source = f"List.Accumulate({{1..100000}}, 1, (s, i) => {wrapped})"
    assert run(lambda: to_m(Document(source).value())) == before * 100_000 + "1" + after * 100_000


@pytest.mark.parametrize(
    "source",
    [
        "let f = (n) => @f(n + 1) in f(1)",
        "List.Count(List.Generate(() => 0, each true, each _ + 1))",
        "List.Accumulate({1..1e12}, 0, (s, i) => s + i)",
        "List.Max({1..1e12})",
        "List.Sort({1..1e11})",
    ],
)
def test_endless_programs_hear_ctrl_c(source: str) -> None:
    """EVL-15: counting an endless list never ends by itself."""
    script = "import sys; from mlang.app.main import main; print('ready', flush=True); main(sys.argv[1:])"
    command = [sys.executable, "-c", script, "eval", source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.7)  # well into the evaluation
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(timeout=20) == 130
        finally:
            process.kill()
