"""Every table function over typed columns and over Arrow data gives what it gives over cells.

    python tests/properties/test_table_ways.py PROGRAMS [SEED]

runs many programs and prints those whose outcome differs: values, kinds, order, errors, column types, keys.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyarrow as pa
import pytest

import mlang
from mlang.compile.entry import run
from mlang.connectors.arrow import column_to_values, m_types_of
from mlang.errors import MError
from mlang.session import Session
from mlang.tables import column as typed
from mlang.tables import local
from mlang.tables.table import Table, from_columns
from mlang.values.thunk import Thunk
from tests.properties.table_steps import Steps, columns, others

ARROW = {"k": pa.string(), "rk": pa.string(), "v": pa.string(), "b": pa.bool_(), "d": pa.date32()}


def arrow_of(cells: dict[str, list[Any]]) -> pa.Table:
    """The cells as Arrow data."""
    arrays = {
        n: pa.array(c, pa.int32() if n == "d" else ARROW.get(n, pa.float64()), from_pandas=False)
        for n, c in cells.items()
    }
    return pa.table({n: a.view(pa.date32()) if n == "d" else a for n, a in arrays.items()})


def cells_of(data: pa.Table, wild: Random | None) -> Table:
    """The same as an M table of values in memory; ``wild`` puts some cells of other kinds and errors in."""
    values = [column_to_values(column) for column in data.columns]
    types = list(m_types_of(data.schema).values())
    if wild is not None:
        for cells in values:
            for i in range(len(cells)):
                if wild.random() < 0.1:
                    cells[i] = wild.choice(["a", 1.0, True, None, failing(), {"a": 1.0}, [1.0, "b"]])
        return from_columns(data.column_names, values)
    return from_columns(data.column_names, values, types)


def failing() -> Thunk:
    """A cell that holds an error."""

    def fail() -> Any:
        raise MError("Expression.Error", "no cell")

    return Thunk(fail)


def shown(value: Any) -> Any:
    """A value with all that is in it, by class and text; errors by what they say."""
    if value.__class__ is Thunk:
        try:
            value = value.get()
        except MError as error:
            return ("error", error.reason, error.message, shown(error.detail))
    if isinstance(value, Table):
        from mlang.values.show import type_text

        return ("table", type_text(value.type), repr(value.type.keys), *_rows(value))
    if isinstance(value, dict):
        return ("record", *((name, shown(v)) for name, v in value.items()))
    if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)):
        return ("list", *_items(value))
    return (type(value).__name__, repr(value))


def _items(values: Any) -> list[Any]:
    found: list[Any] = []
    try:
        for value in values:
            found.append(shown(value))
    except MError as error:
        found.append(("stopped", error.message))
    return found


def _rows(table: Table) -> list[Any]:
    found: list[Any] = []
    try:
        for row in table.rows():
            found.append(tuple([shown(cell) for cell in row]))
    except MError as error:
        found.append(("stopped", error.message))
    return found


def outcome(program: str, left: Any, right: Any, least: int) -> Any:
    """The shown result of a program whose columns are typed from ``least`` rows on."""
    source = f"section S; shared T = null; shared R = null; shared Result = {program};"
    with ExitStack() as stack:
        stack.enter_context(patch.object(typed, "MANY", least))
        if least == 1:  # batches of few rows, so that steps meet their borders
            stack.enter_context(patch.multiple(local, FIRST=2, LARGEST=5))
        try:
            result = mlang.evaluate(source, query="Result", parameters={"T": left, "R": right}, engine="none")
            return run(lambda: shown(result), getattr(result, "session", None) or Session())
        except MError as error:
            detail = error.detail
            return ("error", error.reason, error.message, run(lambda: shown(detail), Session()))


def differing(seed: int) -> tuple[str, dict[str, Any]] | None:
    """A program of a seed and its outcomes by way, when they differ."""
    chance = Random(seed)
    left, right = columns(chance), others(chance)
    program = Steps(chance).program()
    data, more = arrow_of(left), arrow_of(right)
    if chance.random() < 0.3:
        found = {
            f"cells from {least}": outcome(program, cells_of(data, Random(seed)), cells_of(more, None), least)
            for least in (10**9, 1)
        }
    else:
        found = {
            "cells": outcome(program, cells_of(data, None), cells_of(more, None), 10**9),
            "typed": outcome(program, cells_of(data, None), cells_of(more, None), 1),
            "arrow": outcome(program, data, more, 1),
        }
    first, *rest = found.values()
    return (program, {**found, "T": left, "R": right}) if any(other != first for other in rest) else None


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_ways_agree(start: int) -> None:
    for seed in range(start, start + 50):
        found = differing(seed)
        assert found is None, found


def main() -> None:
    """Many programs."""
    count, start = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    bad = 0
    for seed in range(start, start + count):
        try:
            found = differing(seed)
        except Exception as error:
            found = (f"{type(error).__name__}: {error}", {})
        if found is not None:
            bad += 1
            print(seed, found[0], *(f"\n    {way}: {result}" for way, result in found[1].items()), flush=True)
        if (seed - start + 1) % 5000 == 0:
            print(f"{seed - start + 1} programs, {bad} differ", flush=True)
    print(f"{count} programs from seed {start}: {bad} differ")


if __name__ == "__main__":
    main()
