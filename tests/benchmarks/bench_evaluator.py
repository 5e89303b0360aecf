"""Generated code against the reference tree walker and hand-written Python, in one run.

    python tests/benchmarks/bench_evaluator.py

Prints, per workload, the median of five interleaved rounds and the ratios.  The decision
it proves stands in docs/decisions/evaluator.md.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "properties"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
from walker import walk

from mlang.compile.entry import Document, run
from mlang.values.functions import apply


def fib(n: float) -> float:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def loop(n: float) -> float:
    total = 0.0
    while n:
        total += n * 2
        n -= 1
    return total


def clamp(n: float) -> float:
    out = 0.0
    while n:
        r = {"x": n, "y": n * 2}
        try:
            if r["x"] > 100:
                raise ValueError
            out += r["y"]
        except ValueError:
            out += 1
        n -= 1
    return out


WORKLOADS: dict[str, tuple[str, float, Callable[[float], float]]] = {
    "fib(18)": ("let fib = (n) => if n < 2 then n else @fib(n - 1) + @fib(n - 2) in fib", 18.0, fib),
    "fib(18) as number": (
        "let fib = (n as number) as number => if n < 2 then n else @fib(n - 1) + @fib(n - 2) in fib", 18.0, fib,
    ),
    "tail loop 20000": ("let f = (n, t) => if n = 0 then t else @f(n - 1, t + n * 2) in (n) => f(n, 0)", 20000.0, loop),
    "record, try, let 3000": (
        """let f = (n) => if n = 0 then 0 else
             let r = [x = n, y = x * 2], unused = error "never",
                 v = try (if r[x] > 100 then error "big" else r[y]) otherwise 1
             in v + @f(n - 1) in f""", 3000.0, clamp,
    ),
}  # fmt: skip


def measure() -> None:
    print(
        f"{'workload':24} {'generated':>10} {'walker':>10} {'Python':>10} {'walker/gen':>11} {'gen/Python':>11}"
    )
    for name, (source, argument, by_hand) in WORKLOADS.items():
        document = Document(source)
        generated, walked = document.value(), walk(document.tree, None)
        ways: dict[str, Callable[[], Any]] = {
            "generated": lambda f=generated, a=argument: apply(f, a),
            "walker": lambda f=walked, a=argument: apply(f, a),
            "python": lambda f=by_hand, a=argument: f(a),
        }
        assert ways["generated"]() == ways["walker"]() == ways["python"]()
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(5):
            for way, call in ways.items():
                start = time.perf_counter()
                call()
                times[way].append(time.perf_counter() - start)
        g, w, p = (statistics.median(times[way]) * 1000 for way in ways)
        print(f"{name:24} {g:8.2f}ms {w:8.2f}ms {p:8.2f}ms {w / g:10.1f}x {g / p:10.1f}x")


if __name__ == "__main__":
    run(measure)
