"""``Table.TransformColumnTypes`` of every kind of column to every type: folded equals interpreted, errors included."""

from __future__ import annotations

from typing import Any

import pytest

import mlang
from folding.boundary import try_fold
from folding.terms import CannotFold
from mlang.compile.entry import run
from mlang.session import Session, use
from mlang.values.show import to_m
from mlang.values.thunk import force
from tests.test_folding import GRID

TARGETS = (
    "type number", "Int64.Type", "type text", "type date", "type datetime", "type time", "type duration", "type logical",
    "Currency.Type", "Percentage.Type", "Decimal.Type", "Single.Type", "Int32.Type", "Byte.Type", "Double.Type",
)  # fmt: skip
#: What M cannot convert at all: kind of the column to kinds of types.
IMPOSSIBLE = {
    "date": ("time", "duration", "logical"), "datetime": ("duration", "logical"), "time": ("date", "duration", "logical"),
    "logical": ("date", "datetime", "time", "duration"), "duration": ("date", "datetime", "time", "logical"),
}  # fmt: skip


def table_of(kind: str) -> Any:
    """A column of settled cells."""
    rows = ", ".join("{" + cell + "}" for cell in GRID[kind])
    made = mlang.evaluate(f'#table({{"x"}}, {{{rows}}})', engine="none", culture="en-US")
    made.plan.columns[:] = [[force(cell) for cell in column] for column in made.plan.columns]
    return made


@pytest.mark.parametrize(
    "kind",
    [
        "number", "ties", "whole", "date", "datetime", "time", "logical", "duration", "spelt", "clocks", "spans",
        "days",
    ],
)  # fmt: skip
@pytest.mark.parametrize("culture", ["en-US", "de-DE"])
def test_conversions(kind: str, culture: str) -> None:
    cells = table_of(kind)
    for target in TARGETS:
        m = f'(T) => Table.TransformColumnTypes(T, {{{{"x", {target}}}}}, "{culture}")'
        shown = []
        for engine in ("duckdb", "none"):
            with use(Session(culture="en-US", time_zone="UTC", engine=engine)):
                made = mlang.evaluate(m, engine=engine, culture="en-US").fn(cells)
                shown.append(run(lambda made=made: to_m(made, "show")))
                if engine == "duckdb":
                    possible = target.removeprefix("type ") not in IMPOSSIBLE.get(kind, ())
                    assert isinstance(try_fold(made.plan), CannotFold) is not possible, (kind, target)
        assert shown[0] == shown[1], (kind, target)
