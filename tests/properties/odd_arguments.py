"""Every library function with odd arguments, as M text: an answer, an M error, or a report.

`python -m tests.properties.odd_arguments [--rounds 200] [--seed N] [--names Text. List.] [--folded]`
A worker evaluates; who watches it ends one that is silent for five seconds, and goes on behind the call.
What a worker may take of memory is limited, so a call that wants gigabytes is reported, too.
With ``--folded`` the function is called on the cells of a column, by DuckDB and by the interpreter, which must agree.
`test_no_python_errors.py` calls the functions themselves, with fewer rounds.
"""

from __future__ import annotations

import argparse
import queue
import random
import resource
import subprocess
import sys
import tempfile
import threading
from typing import Any

from mlang import registry
from mlang.app.api import open_session
from mlang.compile.entry import Document, run
from mlang.errors import MError
from mlang.session import Session, use
from mlang.values.functions import Param
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.show import to_m
from tests.properties.reading import read

#: Values of every kind at the ends of what it holds.
ODD = """null|true|0|-1|1|0.5|-0.0|#nan|#infinity|-#infinity|1e300|-1e300|5e-324|2147483647|2147483648|-2147483649
4294967296|9007199254740993|9223372036854775807|-9223372036854775808|Int64.From("9223372036854775807")
Decimal.From("79228162514264337000000000000")|Decimal.From("0.1")|1 meta [m = 1]
""|"a"|"😀"|"e#(0301)"|Text.Start("😀", 1)|"#(0000)"|"#(cr,lf)"|"1e400"|"{"|"%"|"en-US"|"zz"|"9999-12-31T23:59:59.9999999-14:00"
{}|{null}|{1}|{"a"}|{{}}|{{1}}|{{"a", "b"}}|{#nan, -0.0, #infinity}|{error "x"}|{1, "a"}|{0..3}|{each _}
[]|[a = 1]|[a = error "x"]|[a = [a = {}]]|#table({}, {})|#table({"a"}, {})|#table({"a"}, {{#nan}, {null}})|#table({"a", "b"}, {{1, error "x"}, {2, {}}})
each _|each true|each 1e300|() => 1|(x, y) => x|(optional x) => x|each error "x"|each null
type number|type any|type nullable text|type {number}|type [a = text, ...]|type table [a = number]|type function (x as number) as text|Int64.Type
#date(1, 1, 1)|#date(9999, 12, 31)|#datetime(1, 1, 1, 0, 0, 0)|#datetime(9999, 12, 31, 23, 59, 59.9999999)|#time(0, 0, 0)|#time(23, 59, 59.9999999)
#datetimezone(1, 1, 1, 0, 0, 0, -14, 0)|#datetimezone(9999, 12, 31, 23, 59, 59.9999999, 14, 0)
#duration(10675199, 2, 48, 5)|#duration(-10675199, -2, -48, -5)|#duration(0, 0, 0, 0)
#binary({})|#binary({0, 255})|#binary({239, 187, 191, 97})|Text.ToBinary("a,b")"""  # fmt: skip

#: What a parameter of a kind ordinarily gets, so that a call comes past the first checks.
PLAIN = {
    "number": "0|1|2|3|10",
    "text": '"abc"|"a"|"1"|"2024-02-29"|"en-US"|"yyyy"|"N2"|"b"',
    "logical": "true|false",
    "list": '{1, 2, 3}|{"a"}|{"a", "b"}|{{"a", "c"}}|{{"a", each _}}|{{"a", type text}}|{[a = 1]}|{#table({"a"}, {{1}})}|{{1, 2}, {3, 4}}|{{"n", each 1, type number}}|{#date(2024, 2, 29)}',
    "record": '[a = 1]|[a = 1, b = "x"]|[Culture = "en-US"]',
    "table": '#table({"a", "b"}, {{1, "x"}, {2, "y"}, {2, null}})|#table(type table [a = number, b = text], {{3, "q"}})',
    "function": "each _|(x, y) => x|each [a]|Text.Upper|List.Sum|Comparer.OrdinalIgnoreCase|each true",
    "type": "type text|Int64.Type|type table [a = number, b = text]",
    "date": "#date(2024, 2, 29)", "time": "#time(1, 2, 3.5)", "datetime": "#datetime(2024, 2, 29, 1, 2, 3)",
    "datetimezone": "#datetimezone(2024, 2, 29, 1, 2, 3, 5, 30)", "duration": "#duration(1, 2, 3, 4)",
    "binary": 'Text.ToBinary("abc")|#binary({1, 2, 3, 4, 5, 6, 7, 8, 9})',
    "any": '1|"a"|"abc"|{"a"}|{1}|[a = 1]|each _|#date(2024, 2, 29)|#datetime(2024, 2, 29, 1, 2, 3)|#duration(1, 0, 0, 0)|#table({"a"}, {{1}})|type number|Text.ToBinary("abc")|{{"a", each _}}|"b"',
}  # fmt: skip

#: Functions that look outside or wait as long as they are told to.
OUTSIDE = ("Web.", "OData.", "Function.InvokeAfter", "Sql.", "PostgreSQL.", "MySQL.", "WebAction.")
#: Functions whose lists are as long as they are told, and those that never answer the same; not compared.
UNCOMPARED = (
    "Random",
    "Numbers",
    "Times",
    "Dates",
    "Durations",
    "Repeat",
    "Generate",
    "Pad",
    "NewGuid",
    "Trace",
)
SECONDS = 5
#: Ticks of 2026-03-04.
NOW = 639_080_064_000_000_000
MEMORY = 3 << 30


def _choices(text: str) -> list[str]:
    return [choice for line in text.splitlines() for choice in line.split("|")]


_ODD = _choices(ODD)
_PLAIN = {kind: _choices(text) for kind, text in PLAIN.items()}
#: What stands in cells: no errors, functions or types.
_CELLS = [
    odd for odd in _ODD if not odd.startswith(("each", "(", "()", "type", "{", "[", "#table", "Int64.Type"))
]


def names(starts: list[str], folded: bool) -> list[str]:
    """The functions to call."""
    registry.load_all()
    return sorted(
        name
        for name, entry in registry.BUILTINS.items()
        if isinstance(entry, registry.Builtin)
        and not name.startswith(OUTSIDE)
        and (not starts or name.startswith(tuple(starts)))
        and not (folded and any(part in name for part in UNCOMPARED))
    )


def _argument(draw: random.Random, parameter: Param | None, odds: float) -> str:
    if parameter is None or draw.random() < odds:
        return draw.choice(_ODD)
    return draw.choice(_PLAIN.get(parameter.kind, _ODD))


def call_text(name: str, number: int, seed: int, folded: bool) -> str:
    """One call of a function, always the same for a number."""
    draw = random.Random(f"{seed} {name} {number}")
    function = registry.value_of(name)
    most = function.most if function.most is not None else 3
    parameters = [*registry.BUILTINS[name].parameters, None, None, None]  # type: ignore[union-attr]
    odds = draw.choice((0.2, 0.5, 1.0))
    arguments = [_argument(draw, parameters[i], odds) for i in range(draw.randint(function.least, most))]
    if folded and arguments:
        at = draw.randrange(len(arguments))
        kind = getattr(parameters[at], "kind", "any")
        cells = [arguments[at], *(draw.choice(_CELLS) for _ in range(draw.randint(0, 2)))]
        typed = kind != "any" and draw.random() < 0.7
        if typed:  # what a type says of a column is believed
            cells = [c for c in cells if _same_kind(c, kind)] or draw.choices(_PLAIN.get(kind, ["null"]), k=2)
        arguments[at] = "[x]"
        column = f"type table [x = nullable {kind}]" if typed else '{"x"}'
        rows = ", ".join(f"{{{cell}}}" for cell in cells)
        return f'Table.AddColumn(#table({column}, {{{rows}}}), "r", each {name}({", ".join(arguments)}))'
    if draw.random() < 0.5:
        return f"{name}({', '.join(arguments)})"
    bound = ", ".join(f"a{i} = {argument}" for i, argument in enumerate(arguments))
    given = ", ".join(f"a{i}" for i in range(len(arguments)))
    return f"let f = {name}{', ' + bound if bound else ''} in f({given})"


#: Operators and selections, on two values.
OPERATORS = (
    "a{b}", "a{b}?", "{a}{b}?", "a[x]", "a[x]?", "a[[x], [y]]", "a[[x], [y]]?", "a + b", "a - b", "a * b", "a / b",
    "a & b", "a < b", "a >= b", "a = b", "a <> b", "a and b", "a or b", "a ?? b", "-a", "not a", "a meta b",
    "a is number", "a as table", "if a then b else 1", "a(b)", "error a", "try error a", "type table a", "type {a}",
    "List.FirstN({a..b}, 3)", "{a..b}{0}?", "#table({\"x\"}, {{a}}){b}?", "#table({\"x\"}, {{a}}){[x = b]}?", "[x = a, y = x & b][y]",
    "Text.Start(a, b)", "Text.Middle(a, b)", "Number.Mod(a, b)", "List.Sum({a, b})", "List.Sum(a)",
)  # fmt: skip


def operator_text(number: int, seed: int) -> str:
    """One operator on values of the pools, always the same for a number."""
    draw = random.Random(f"{seed} {number}")
    kinds = list(_PLAIN)
    left, right = (draw.choice(draw.choice((_ODD, _PLAIN[draw.choice(kinds)]))) for _ in range(2))
    text = OPERATORS[number % len(OPERATORS)]
    return f"let a = {left}, b = {right} in {text}"


def failures_of_operators(count: int, seed: int) -> list[str]:
    """Operators that answer with something that is no answer."""
    session = open_session(engine="none", time_zone="UTC", culture="en-US")
    texts = [operator_text(number, seed) for number in range(count)]
    found = run(lambda: [(text, _failure(text, session)) for text in texts])
    return [f"{text}: {failure}" for text, failure in found if failure is not None]


def _same_kind(cell: str, kind: str) -> bool:
    try:
        return kind_of(strip(Document(cell).value())) in (kind, "null")
    except MError:
        return False


def _failure(text: str, session: Session) -> str | None:
    try:
        with use(session):
            read(Document(text).value())
    except MError:
        return None
    except Exception as error:
        return f"{error.__class__.__name__}: {str(error)[:200]}"
    return None


def _answer(text: str, session: Session) -> str:
    try:
        with use(session):
            return to_m(strip(Document(text).value()), "show")
    except MError as error:
        return f"error {error}"
    except Exception as error:
        return f"PYTHON {error.__class__.__name__}: {str(error)[:200]}"


def work(name: str, start: int, end: int, seed: int, folded: bool) -> None:
    """Says each number, then what went wrong with its call."""
    with tempfile.TemporaryDirectory() as folder:
        settings: dict[str, Any] = {
            "base_dir": folder,
            "time_zone": "UTC",
            "culture": "en-US",
            "clock": lambda: NOW,
        }
        plain, engine = open_session(engine="none", **settings), open_session(engine="duckdb", **settings)
        for number in range(start, end):
            print(number, flush=True)
            with use(plain):
                text = call_text(name, number, seed, folded)
            if not folded:
                failure = _failure(text, plain)
            else:
                left, right = _answer(text, engine), _answer(text, plain)
                same = left == right and "PYTHON" not in left
                failure = None if same else f"folded {left[:200]} interpreted {right[:200]}"
            if failure is not None:
                print(f"! {failure}", flush=True)


def worker(seed: int, rounds: int, folded: bool) -> None:
    """Takes "name start" lines until there are none."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    registry.load_all()

    def serve() -> None:
        for line in sys.stdin:
            name, start = line.split()
            work(name, int(start), rounds, seed, folded)
            print("done", flush=True)

    run(serve)


class Watched:
    """The worker, started again when it had to be ended."""

    def __init__(self, seed: int, rounds: int, folded: bool) -> None:
        self.command = [
            sys.executable, "-m", "tests.properties.odd_arguments", "--worker",
            "--seed", str(seed), "--rounds", str(rounds), *(["--folded"] if folded else []),
        ]  # fmt: skip
        self.process: subprocess.Popen[str] | None = None
        self.lines: queue.Queue[str | None] = queue.Queue()
        #: Whether it has answered once: starting takes longer.
        self.warm = False

    def failures(self, name: str, rounds: int) -> list[tuple[int, str]]:
        """What went wrong with a function: numbers of calls and how."""
        found: list[tuple[int, str]] = []
        number = 0
        while number < rounds:
            if self.process is None:
                self._start()
            assert self.process is not None
            assert self.process.stdin is not None
            self.process.stdin.write(f"{name} {number}\n")
            self.process.stdin.flush()
            while True:
                line = self._line()
                if line is None:
                    found.append((number, "silent or dead"))
                    self.end()
                    number += 1
                    break
                if line == "done":
                    return found
                if line.startswith("! "):
                    found.append((number, line[2:]))
                else:
                    number = int(line)
        return found

    def _line(self) -> str | None:
        patience = SECONDS if self.warm else SECONDS + 20
        self.warm = True
        try:
            return self.lines.get(timeout=patience)
        except queue.Empty:
            return None

    def _start(self) -> None:
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, bufsize=1,
        )  # fmt: skip
        self.lines, self.warm = queue.Queue(), False
        threading.Thread(target=self._read, args=(self.process.stdout, self.lines), daemon=True).start()

    @staticmethod
    def _read(stream: Any, lines: queue.Queue[str | None]) -> None:
        for line in stream:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    def end(self) -> None:
        """Ends the worker."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None


def main() -> None:
    parser = argparse.ArgumentParser(description="Library functions with odd arguments.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--names", nargs="*", default=[])
    parser.add_argument("--folded", action="store_true")
    parser.add_argument("--worker", action="store_true")
    options = parser.parse_args()
    if options.worker:
        worker(options.seed, options.rounds, options.folded)
        return
    watched, total = Watched(options.seed, options.rounds, options.folded), 0
    for name in names(options.names, options.folded):
        seen: dict[str, int] = {}
        for number, failure in watched.failures(name, options.rounds):
            total += 1
            key = failure[:30]
            seen[key] = seen.get(key, 0) + 1
            if seen[key] <= 2:
                text = run(
                    lambda name=name, number=number: call_text(name, number, options.seed, options.folded)
                )  # type: ignore[misc]
                print(f"{text}\n    {failure}", flush=True)
    watched.end()
    print(f"{total} calls without an answer")


if __name__ == "__main__":
    main()
