"""``mlang test --coverage``: which steps, queries and functions of the tested files were evaluated.

The trees of the tested documents are instrumented as ``mlang steps --trace`` does it (``tracing.py``).  A step that a
fixture replaces is not evaluated; a literal has nothing to evaluate and does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlang.app.overlay import HIDDEN
from mlang.app.testing.outcome import Outcome
from mlang.app.tracing import Trace, instrument
from mlang.syntax import nodes
from mlang.values.thunk import Thunk


class Recorder:
    """The traces of the documents of one test file."""

    def __init__(self) -> None:
        self._traces: list[tuple[str, Trace]] = []

    def record(self, file: str, text: str, tree: nodes.Node, skip: list[str]) -> dict[str, Thunk]:
        """Instruments a tree, without the members in ``skip``; gives the hidden name that its code calls."""
        trace = Trace(text, f"{HIDDEN}trace{len(self._traces)}")
        self._traces.append((file, trace))
        instrument(tree, trace, skip=frozenset(skip), mocks=False)
        return {trace.name: Thunk(lambda: trace.function)}

    def spots(self) -> list[Spot]:
        """What happened to each step."""
        return [
            Spot(file, s.name, s.line, s.is_function, s.calls)
            for file, trace in self._traces
            for s in trace.spots
        ]


@dataclass
class Spot:
    """A step, query or function of a tested file."""

    file: str
    name: str
    line: int
    is_function: bool
    calls: int


def merged(outcomes: list[Outcome]) -> dict[str, list[Spot]]:
    """The spots of each file, with the evaluations of all tests."""
    found: dict[tuple[str, int, str, int], Spot] = {}
    for outcome in outcomes:
        seen: dict[tuple[str, int, str], int] = {}
        for spot in outcome.coverage:
            place = (spot.file, spot.line, spot.name)
            number = seen[place] = seen.get(place, 0) + 1
            known = found.setdefault(
                (*place, number), Spot(spot.file, spot.name, spot.line, spot.is_function, 0)
            )
            known.calls += spot.calls
    files: dict[str, list[Spot]] = {}
    for spot in found.values():
        files.setdefault(spot.file, []).append(spot)
    return dict(sorted(files.items()))


def percent(spots: list[Spot]) -> float:
    """How much was evaluated; all of nothing."""
    return 100.0 * sum(s.calls > 0 for s in spots) / len(spots) if spots else 100.0


def total(files: dict[str, list[Spot]]) -> float:
    """The percentage over all files."""
    return percent([s for spots in files.values() for s in spots])


def as_dict(files: dict[str, list[Spot]]) -> dict[str, Any]:
    """For JSON."""
    return {
        "percent": round(total(files), 2),
        "files": [
            {
                "file": file, "percent": round(percent(spots), 2),
                "steps": [
                    {"name": s.name, "line": s.line, "function": s.is_function, "times": s.calls} for s in spots
                ],
            }
            for file, spots in files.items()
        ],
    }  # fmt: skip


def lines(files: dict[str, list[Spot]]) -> list[str]:
    """A listing for people: each file, and what was never evaluated."""
    from mlang.app.render import grid_lines

    rows = []
    for file, spots in files.items():
        never = [f"{s.name}{'()' if s.is_function else ''}:{s.line}" for s in spots if not s.calls]
        more = f" and {len(never) - 8} more" if len(never) > 8 else ""
        done = str(len(spots) - len(never))
        rows.append([file, str(len(spots)), done, f"{percent(spots):.1f}", ", ".join(never[:8]) + more])
    spots = [s for found in files.values() for s in found]
    rows.append(["all", str(len(spots)), str(sum(s.calls > 0 for s in spots)), f"{total(files):.1f}", ""])
    return list(
        grid_lines(["Coverage", "Steps", "Evaluated", "%", "Never evaluated"], rows, frozenset((1, 2, 3)))
    )
