"""Generated code against hand-written Python and the reference tree walker, in one run.

    python tests/benchmarks/bench_evaluator.py [WORD ...]

Prints, per workload (those whose name holds a WORD), the median of interleaved rounds
and the ratios.  The decision it proves stands in docs/decisions/evaluator.md.  The
walker knows no library, so it runs only the workloads without one.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "properties"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from walker import walk
from workloads import WORKLOADS, Workload

from mlang.compile.entry import Document, run
from mlang.values.functions import apply

ROUNDS = 5


def ways_of(workload: Workload) -> dict[str, Callable[[], Any]]:
    """The ways to run a workload, each checked to give the same answer."""
    document = Document(workload.source)
    function = document.value()
    ways = {
        "generated": lambda: apply(function, *workload.arguments),
        "python": lambda: workload.by_hand(*workload.arguments),
    }
    if workload.walked:
        walked = walk(document.tree, None)
        ways["walker"] = lambda: apply(walked, *workload.arguments)
    answers = {way: call() for way, call in ways.items()}
    assert len({repr(a) for a in answers.values()}) == 1, (workload.name, answers)
    return ways


def measure(words: list[str]) -> None:
    print(
        f"{'workload':34} {'generated':>10} {'Python':>10} {'walker':>10} {'gen/Python':>11} {'walker/gen':>11}"
    )
    for workload in WORKLOADS:
        if words and not any(word in workload.name for word in words):
            continue
        ways = ways_of(workload)
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, call in ways.items():
                start = time.perf_counter()
                call()
                times[way].append(time.perf_counter() - start)
        ms = {way: statistics.median(found) * 1000 for way, found in times.items()}
        g, p, w = ms["generated"], ms["python"], ms.get("walker")
        tail = f" {g / p:10.1f}x" + (f" {w / g:10.1f}x" if w else "")
        print(f"{workload.name:34} {g:8.2f}ms {p:8.2f}ms {f'{w:8.2f}ms' if w else '':>10}{tail}", flush=True)


if __name__ == "__main__":
    run(lambda: measure(sys.argv[1:]))
