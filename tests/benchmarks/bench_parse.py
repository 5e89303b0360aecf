"""How fast M text becomes a tree: ours against Lark's own loop over the same grammar.

Run ``python tests/benchmarks/bench_parse.py``.  The text is generated: queries as
people write them.  Prints milliseconds, tokens per second and the ratio;
the two are timed in turn, so that a busy machine disturbs both alike.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from test_syntax import lark_parse  # noqa: E402

from mlang.syntax.lexer import tokenize  # noqa: E402
from mlang.syntax.parser import parse_document  # noqa: E402


def generated(steps: int) -> str:
    """A section with queries of twenty steps each."""
    chance = random.Random(1)
    lines = ["section Benchmark;\n"]
    for query in range(steps // 20):
        lines.append(f"shared Query{query} = let\n    Step0 = Table.FromRows({{")
        rows = [f'{{{i}, "name {i}", {chance.random():.4f}, null}}' for i in range(20)]
        lines.append(
            ", ".join(rows) + "}, type table [Id = Int64.Type, Name = text, Amount = number, Rest = any]),\n"
        )
        for step in range(1, 20):
            before = f"Step{step - 1}"
            lines.append(
                f"    Step{step} = "
                + chance.choice(
                    [
                        f'Table.SelectRows({before}, each [Amount] > 0.5 and Text.StartsWith([Name], "n"))',
                        f'Table.AddColumn({before}, "C{step}", each if [Id] = null then 0 else [Id] + 1)',
                        f'Table.RenameColumns({before}, {{{{"Id", "Key {step}"}}, {{"Name", "T"}}}})',
                        f'Table.Group({before}, {{"Name"}}, {{{{"Sum", each List.Sum([Amount])}}}})',
                        f'try {before}{{[Name = "x"]}}[Amount] otherwise #date(2024, 1, {step})',
                        f"List.Transform({{1..{step}}}, (x as number, optional y) => x + (y ?? 1))",
                    ]
                )
                + ",\n"
            )
        lines.append("    Result = Step19\nin\n    Result;\n\n")
    return "".join(lines)


def measure(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    text = generated(1000)
    count = len(tokenize(text).kinds)
    lark = lark_parse()
    assert lark(text) == parse_document(text)
    times: dict[str, list[float]] = {"lexer alone": [], "ours": [], "Lark's loop": []}
    for _ in range(5):
        times["lexer alone"].append(measure(lambda: tokenize(text)))
        times["ours"].append(measure(lambda: parse_document(text)))
        times["Lark's loop"].append(measure(lambda: lark(text)))
    print(f"{len(text) / 1e6:.2f} MB, {count} tokens")
    ours = statistics.median(times["ours"])
    for name, taken in times.items():
        seconds = statistics.median(taken)
        speed = f"{seconds * 1000:7.1f} ms {count / seconds / 1000:7.0f} k tokens/s"
        print(f"{name:12} {speed} {seconds / ours:5.1f} x")


if __name__ == "__main__":
    main()
