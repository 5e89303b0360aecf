"""Random small tables of live databases through random steps: folded there equals interpreted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent))

from database_tables import Engine, engine_or_skip, values_of

import mlang
from folding.engines.remote import RemoteSource
from mlang.compile.entry import run
from tests.properties.pool_files import make_pool
from tests.properties.pool_servers import filled
from tests.properties.prove_folding import Asked, Evaluator, Pool

sys.path.insert(0, str(Path(__file__).parent))
from test_folded_equals_interpreted import CELLS, ENDS, STEPS

SEED = 11
KINDS = {"n": "number", "k": "whole", "t": "text", "e": "whole"}
MORE_TEXTS = ['"a "', '"a  "', '"é "', '"É"', '"e#(0301)"', '"ß"', '"%"', '"_"', '"a\\b"', '"\'"', '"NULL"']
GRID = {"n": CELLS["n"], "k": CELLS["k"], "t": [*CELLS["t"], *MORE_TEXTS], "e": CELLS["k"]}
MORE_STEPS = [
    'Table.SelectRows({0}, each Text.Contains([t], "a"))', 'Table.SelectRows({0}, each Text.StartsWith([t], "a"))',
    'Table.SelectRows({0}, each [t] = "a ")', 'Table.SelectRows({0}, each List.Contains({{"a", "é", null}}, [t]))',
    'Table.SelectRows({0}, each [n] + [k] > 1)', 'Table.SelectRows({0}, each [n] / [k] <> 1)',
    'Table.SelectRows({0}, each Text.Length([t]) > 1)', 'Table.Sort({0}, {{"n"}})', 'Table.Sort({0}, {{"t"}})',
    'Table.SelectRows({0}, each [k] * 2 >= 4 or [n] = null)', 'Table.SelectRows({0}, each [n] <= 0)',
    'Table.TransformColumns({0}, {{{{"t", each Text.Replace(_, "a", "")}}}})', 'Table.SelectRows({0}, each [k] <> 2)',
]  # fmt: skip


@pytest.fixture(scope="module", params=["SQLite", "PostgreSQL", "MySQL"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_or_skip(request.param)


VALUES = {name: list(zip(ms, values_of(ms), strict=True)) for name, ms in GRID.items()}


def rows(draw: Any, engine: Engine) -> list[list[Any]]:
    grids = [[v for _, v in VALUES[name] if engine.holds(KINDS[name], v)] for name in KINDS]
    return [[draw(st.sampled_from(grid)) for grid in grids] for _ in range(draw(st.integers(0, 9)))]


def answer(engine: Engine, m: str, mode: str) -> str:
    try:
        return mlang.to_m(engine.evaluate(m, mode))
    except mlang.MError as error:
        return str(error)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_folded_equals_interpreted(engine: Engine, data: st.DataObject) -> None:
    left = engine.make("l", KINDS, rows(data.draw, engine))
    right = engine.make("r", KINDS, rows(data.draw, engine))
    steps = data.draw(st.lists(st.sampled_from(STEPS + MORE_STEPS), max_size=4))
    m = f'Table.RemoveColumns({left}, "#")'
    for step in steps:
        m = f"(let x = {m} in {step.format('x')})"
    end = data.draw(st.sampled_from(ENDS))
    m = f'let l = {m}, r = Table.RemoveColumns({right}, "#") in {end.format("l", "r")}'
    assert answer(engine, m, "auto") == answer(engine, m, "none"), m


def test_random_dataflows(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of those of `prove_folding.py`, most of whose tables are in the database, which is asked for steps."""
    monkeypatch.setattr(RemoteSource, "__init__", RemoteSource.__init__)  # restored after the test
    Asked.count()
    make_pool(SEED, tmp_path)
    filled(SEED, engine.name)
    tables = Pool(SEED, tmp_path, over=engine.name, server=engine.source, schema=engine.schema)
    evaluator, served = Evaluator(served=True), 0
    for number in range(40):
        text = tables.text(tables.program(number).text())
        folded, interpreted, asked = run(lambda text=text: evaluator.both(text))  # type: ignore[misc]
        assert folded == interpreted, text
        served += asked
    assert served >= 10
