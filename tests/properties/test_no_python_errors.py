"""Whatever a library function is given, it answers with a value or an M error, never with a Python one."""

from __future__ import annotations

import random
from typing import Any

import pytest

import mlang
from mlang import registry
from mlang.compile.entry import run
from mlang.errors import MError
from mlang.session import Session
from mlang.values.thunk import force
from tests.properties.odd_arguments import failures_of_operators
from tests.properties.reading import read

registry.load_all()

#: What arguments are drawn from: ordinary and nasty values of every kind.
POOL = """{
  null, true, false, 0, 1, -1, 2, 3.7, -2.5, 1e300, #nan, #infinity, 9223372036854775807, 65001, 1252,
  "", "a", "A,b;c", "12.5", "2024-02-29", "10:30", "😀é", "x"" y", "#(lf)", "en-US", "de-DE", "zz-ZZ", "yyyy", "N2",
  #date(2024, 2, 29), #date(1, 1, 1), #date(9999, 12, 31), #time(23, 59, 59.9999999), #datetime(2020, 1, 1, 1, 2, 3),
  #datetimezone(2020, 1, 1, 1, 2, 3, 5, 30), #duration(1, 2, 3, 4), #duration(-1, 0, 0, 0),
  {}, {1, 2, 3}, {"a", "b", null}, {null}, {{"a", 1}}, {error "x"}, {1, "a", #date(2020, 1, 1)}, {"a", "A"}, {0, 2},
  {{1, 2}, {3, 4}}, {[a = 1, b = "x"]}, {{"n", each 1}}, {{"a", "b"}}, {1..50},
  [], [a = 1], [a = 1, b = "x"], [Name = "q", Value = 2], [a = error "x"], [Culture = "fr-FR"], [Delimiter = ";"],
  #table({"a", "b"}, {{1, "x"}, {2, null}, {2, "y"}}), #table({}, {}), #table({"a"}, {{error "x"}}),
  #table(type table [a = number, t = text], {{3, "q"}, {1, "p"}}), #table({"l"}, {{{1, 2}}, {null}}),
  each _, each [a], (x, y) => x, () => 1, Text.Upper, Number.From, List.Sum, Comparer.OrdinalIgnoreCase,
  Replacer.ReplaceText, Splitter.SplitTextByDelimiter(","), Combiner.CombineTextByDelimiter("-"), each true,
  type number, type nullable text, type {number}, type [a = text], type table [a = number], Int64.Type, type any,
  type function (x as number) as text,
  #binary({}), #binary({1, 2, 255}), Text.ToBinary("a,b#(lf)1,2"), Text.ToBinary("{""a"": [1, null]}"),
  1 meta [m = 1], {1, 2} meta [m = 1]
}"""

#: Functions that look outside, wait, or run for as long as they are told to.
OUTSIDE = ("File.", "Folder.", "Web.", "OData.", "DuckDB.", "Function.InvokeAfter", "DeltaLake.", "Access.")
ENDLESS = (
    "Repeat",
    "Numbers",
    "Dates",
    "Times",
    "Random",
    "Durations",
    "Generate",
    "Factorial",
    "Pad",
    "DateTime",
)


NAMES = sorted(
    name
    for name, entry in registry.BUILTINS.items()
    if isinstance(entry, registry.Builtin)
    and not name.startswith(OUTSIDE)
    and not any(e in name for e in ENDLESS)
)


@pytest.fixture(scope="module")
def pool() -> list[Any]:
    return list(mlang.evaluate(POOL, engine="none"))


@pytest.mark.parametrize("name", NAMES)
def test_answers_or_raises_an_m_error(name: str, pool: list[Any]) -> None:
    function = registry.value_of(name)
    most = function.most if function.most is not None else 3
    draw = random.Random(name)

    def calls() -> None:
        for _ in range(ROUNDS):
            arguments = [draw.choice(pool) for _ in range(draw.randint(function.least, most))]
            try:
                values = [force(a) for a in arguments]
                read(function.fn(*values))
            except MError:
                continue
            except Exception as error:
                shown = ", ".join(mlang.values.show.to_m(a, "show")[:80] for a in arguments)
                raise AssertionError(f"{name}({shown}): {error!r}") from error

    run(calls, Session(engine="none", time_zone="UTC"))


#: Calls per function; enough to find what is there over many seeds, few enough to run each time.
ROUNDS = 50


def test_operators_answer_or_raise_m_errors() -> None:
    """As compiled code, which has forms of its own for ordinary operands."""
    assert failures_of_operators(4000, 1) == []
