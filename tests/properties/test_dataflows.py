"""Some of the random dataflows of `prove_folding`, and those that differed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlang.compile.entry import run
from tests.properties.dataflows import program
from tests.properties.pool import make_pool
from tests.properties.prove_folding import Evaluator, written

SEED = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pool")
    make_pool(SEED, place)
    return place


def test_random_dataflows(folder: Path) -> None:
    folded, evaluator = 0, Evaluator()
    for number in range(150):
        text = written(program(SEED, number), folder)
        left, right, asked = run(lambda text=text: evaluator.both(text))  # type: ignore[misc]
        assert left == right, text
        folded += asked
    assert folded > 20


def test_a_seed_gives_the_same_programs() -> None:
    assert program(7, 11).text() == program(7, 11).text() != program(7, 12).text()


@pytest.mark.parametrize(
    "steps",
    [
        # a LIMIT below UNION ALL, over a condition with a subquery
        'f = Table.FirstN(t, each ((2 / [k]) >= (try -0.0 otherwise [k]))), x = Table.Combine({Table.SelectColumns(f, {"t"}), Table.FirstN(f, 2)})',
        # pieces of no text
        'f = Table.FirstN(t, 0), s = Table.SplitColumn(f, "t", Splitter.SplitTextByPositions({0, 1}), {"a", "b"}), x = Table.Sort(s, "a")',
    ],
)  # fmt: skip
def test_what_differed_once(folder: Path, steps: str) -> None:
    source = f'DuckDB.Database("{folder}/pool.duckdb"){{[Schema = "main", Item = "t1"]}}[Data]'
    m = f"let t = {source}, {steps} in x"
    left, right, _ = run(lambda: Evaluator().both(m))
    assert left == right
