"""The workloads of the evaluator's benchmark: M text, arguments, the same by hand in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Workload(NamedTuple):
    """``source`` is an M function; ``walked`` says whether the reference walker can run it too."""

    name: str
    source: str
    arguments: tuple[Any, ...]
    by_hand: Callable[..., Any]
    walked: bool = False


def fib(n: float) -> float:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def tail_loop(n: float) -> float:
    total = 0.0
    while n:
        total += n * 2
        n -= 1
    return total


def accumulate(n: float) -> float:
    state = 0.0
    for i in range(1, int(n) + 1):
        state = state + float(i) * 2
    return state


def generate(n: float) -> float:
    def states() -> Iterator[float]:
        i, s = 0.0, 0.0
        while i < n:
            yield s
            i, s = i + 1, s + i

    return sum(states())


def add_column(n: float) -> float:
    a = [float(i) for i in range(int(n))]
    b = [float(i) for i in range(int(n))]
    return sum([x * 2 + y for x, y in zip(a, b, strict=True)])


def upper(n: float) -> float:
    x = [float(i % 20) for i in range(int(n))]
    s = ["abc"] * int(n)
    return float(len([v.upper() if i > 10 else "n/a" for i, v in zip(x, s, strict=True)]))


def varints(data: bytes) -> float:
    at, total = 0, 0.0
    while at < len(data):
        value, more = 0, True
        while more:
            byte = data[at]
            value = value * 128 + byte % 128
            more = byte >= 128
            at += 1
        total += value
    return total


def clamp(n: float) -> float:
    out = 0.0
    for i in range(int(n)):
        x = float(i)
        y = x * 2
        out += y if y > 10 else 0.0
    return out


def failing(n: float) -> float:
    out = 0.0
    for i in range(int(n)):
        try:
            if i % 2:
                raise ValueError("odd")
            out += float(i)
        except ValueError:
            out += 1
    return out


def parsed(n: float) -> float:
    out = 0.0
    for i in range(int(n)):
        try:
            out += float("12" if i % 2 else "x")
        except ValueError:
            out += 1
    return out


def stepped(n: float) -> float:
    steps = [1.0, 2.0, 3.0, 4.0]
    return sum([steps[i % 4] for i in range(int(n))])


def parts(n: float) -> float:
    text = "2024-05-17"
    out = 0.0
    for _ in range(int(n)):
        out += len(text[:4]) + len(text[5:7])
    return out


def own_record(n: float) -> float:
    out = 0.0
    for i in range(1, int(n) + 1):
        r = {"a": float(i)}
        r["b"] = r["a"] * 2
        r["c"] = r["a"] + r["b"]
        out += r["c"]
    return out


VARINTS = b"".join(
    bytes([128 | (i >> 14 & 127), 128 | (i >> 7 & 127), i & 127]) if i >= 1 << 14
    else bytes([128 | (i >> 7 & 127), i & 127]) if i >= 128 else bytes([i])
    for i in (j * 7919 % 100_000 for j in range(100_000))
)  # fmt: skip

#: Variable-length integers as connectors written in M read them: a byte is a format on a range.
VARINT_SOURCE = """(data) => let
    size = Binary.Length(data),
    varint = (o, acc) => let b = BinaryFormat.Byte(Binary.Range(data, o, 1)) in
        if b >= 128 then @varint(o + 1, acc * 128 + (b - 128)) else [value = acc * 128 + b, next = o + 1]
  in List.Sum(List.Generate(() => varint(0, 0), each _ <> null,
        each if [next] < size then varint([next], 0) else null, each [value]))"""

WORKLOADS = (
    Workload("fib(20)", "let fib = (n) => if n < 2 then n else @fib(n - 1) + @fib(n - 2) in fib", (20.0,), fib, True),
    Workload(
        "fib(20) as number",
        "let fib = (n as number) as number => if n < 2 then n else @fib(n - 1) + @fib(n - 2) in fib",
        (20.0,), fib, True,
    ),
    Workload(
        "tail loop 20000", "let f = (n, t) => if n = 0 then t else @f(n - 1, t + n * 2) in (n) => f(n, 0)",
        (20000.0,), tail_loop, True,
    ),
    Workload("List.Accumulate 1e6", "(n) => List.Accumulate({1..n}, 0, (s, i) => s + i * 2)", (1e6,), accumulate),
    Workload(
        "List.Generate 2e5 records",
        "(n) => List.Sum(List.Generate(() => [i = 0, s = 0], each [i] < n, "
        "each [i = [i] + 1, s = [s] + [i]], each [s]))",
        (2e5,), generate,
    ),
    Workload(
        "each [a]*2+[b], 1e6 rows",
        "(n) => List.Sum(Table.AddColumn(Table.FromColumns({{0..n - 1}, {0..n - 1}}, {\"a\", \"b\"}), \"c\", "
        "each [a] * 2 + [b])[c])",
        (1e6,), add_column,
    ),
    Workload(
        "each if ... Text.Upper, 1e6 rows",
        "(n) => let t = Table.FromColumns({List.Transform({0..n - 1}, each Number.Mod(_, 20)), "
        "List.Repeat({\"abc\"}, n)}, {\"x\", \"s\"}) in List.Count(List.Buffer(Table.AddColumn(t, \"c\", "
        "each if [x] > 10 then Text.Upper([s]) else \"n/a\")[c]))",
        (1e6,), upper,
    ),
    Workload("1e5 varints", VARINT_SOURCE, (VARINTS,), varints),
    Workload(
        "lazy let, unused error, 1e5",
        """(n) => List.Sum(List.Transform({0..n - 1}, each
             let x = _, y = x * 2, unused = error "never", r = if y > 10 then y else 0 in r))""",
        (1e5,), clamp,
    ),
    Workload(
        "try ... otherwise, 1e5, half fail",
        """(n) => List.Sum(List.Transform({0..n - 1}, each
             try (if Number.Mod(_, 2) = 1 then error "odd" else _) otherwise 1))""",
        (1e5,), failing,
    ),
    Workload(
        "try Number.FromText, 1e5, half fail",
        """(n) => List.Sum(List.Transform({0..n - 1}, each
             try Number.FromText(if Number.Mod(_, 2) = 1 then "12" else "x") otherwise 1))""",
        (1e5,), parsed,
    ),
    Workload(
        "items by index, 1e5",
        "(n) => let steps = {1, 2, 3, 4} in List.Sum(List.Transform({0..n - 1}, each steps{Number.Mod(_, 4)}))",
        (1e5,), stepped,
    ),
    Workload(
        "Text.Start, Text.Middle, Text.Length, 1e5",
        """(n) => let t = "2024-05-17" in List.Sum(List.Transform({1..n}, each
             Text.Length(Text.Start(t, 4)) + Text.Length(Text.Middle(t, 5, 2))))""",
        (1e5,), parts,
    ),
    Workload(
        "self-referring record per item, 1e5",
        "(n) => List.Sum(List.Transform({1..n}, each let r = [a = _, b = a * 2, c = a + b] in r[c]))",
        (1e5,), own_record,
    ),
    Workload(
        "record of functions as object, 1e5",
        """(n) => let make = (k) => [add = (x) => x + k, twice = (x) => @add(@add(x))], o = make(3)
             in List.Sum(List.Transform({1..n}, each o[twice](_)))""",
        (1e5,), lambda n: sum(float(i) + 3 + 3 for i in range(1, int(n) + 1)),
    ),
    Workload(
        "List.Select + Transform + Count, 1e6",
        "(n) => List.Count(List.Select(List.Transform({1..n}, each _ * 2), each _ > 10))",
        (1e6,), lambda n: float(len([1 for x in [float(i) * 2 for i in range(1, int(n) + 1)] if x > 10])),
    ),
    Workload(
        "let in a tail loop, 1e5",
        """let f = (n, t) => if n = 0 then t else let d = n * 2, e = d + t in @f(n - 1, if e > 1 then e else d)
           in (n) => f(n, 0)""",
        (1e5,), tail_loop,
    ),
)  # fmt: skip
