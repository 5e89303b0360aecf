"""Random small tables through random steps: what Sail and Spark give equals what the interpreter gives."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent))

from spark_tables import address_or_skip, engine, evaluated, parquet, values_of

from folding.engines import spark

sys.path.insert(0, str(Path(__file__).parent))
from test_folded_equals_interpreted import CLEAN, ENDS, STEPS, WHOLE
from test_folded_in_databases import GRID, KINDS, MORE_STEPS

#: Examples; of Spark, whose queries take half a second, few.
EXAMPLES = {"Sail": 60, "Spark": 6}
#: Steps that workers do in Python: results of a kind, of any kind, errors with records, conditions that raise.
ON_WORKERS = [
    'Table.TransformColumns({0}, {{{{"t", Text.Proper}}}})', 'Table.SelectRows({0}, each Text.Proper([t]) <> "A")',
    'Table.TransformColumns({0}, {{{{"n", each if _ > 2 then error [Reason = "R", Message = "m", Detail = [v = _]] else _, type number}}}})',
    'Table.TransformColumns({0}, {{{{"k", each {{_, "x"}}{{0}}}}}})', 'Table.TransformColumns({0}, {{{{"t", each Number.FromText(_)}}}})',
    'Table.ReplaceValue({0}, each [k], each [n], Replacer.ReplaceValue, {{"k"}})', "Table.SelectRows({0}, each Record.ToList(_){{1}} <> 3)",
    '(let y = 2, f = (v) => Number.ToText(v * y) in Table.TransformColumns({0}, {{{{"n", f, type text}}}}))',
    'Table.SelectRows({0}, each Character.ToNumber([t]) > 97)', 'Table.TransformColumnTypes({0}, {{{{"n", type text}}, {{"t", type date}}}})',
]  # fmt: skip
ENDS_ON_WORKERS = [
    'Table.AddColumn({0}, "z", each Text.Proper([t]) & Text.From([n]))', 'Table.AddColumn({0}, "z", each [a = _, b = {{[k], [t]}}])',
    'Table.Group(Table.AddColumn({0}, "z", each Text.Proper([t])), {{"z"}}, {{{{"c", each Table.RowCount(_)}}, {{"s", each List.Sum([k])}}}})',
    'Table.Sort(Table.AddColumn({0}, "z", each Text.Proper([t])), {{"z", "k"}})', 'Table.AddColumn({0}, "z", each Number.FromText([t]), type number)',
    'Table.Join({0}, "k", Table.PrefixColumns(Table.TransformColumns({1}, {{{{"t", Text.Proper}}}}), "r"), "r.k", JoinKind.LeftOuter)',
]  # fmt: skip
VALUES = {n: values_of(CLEAN if n == "n" else WHOLE if n == "e" else GRID[n]) for n in KINDS}


@pytest.fixture(scope="module", params=list(EXAMPLES))
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    with engine(address_or_skip(request.param)):
        yield request.param


def rows(draw: Any) -> list[list[Any]]:
    return [[draw(st.sampled_from(VALUES[n])) for n in KINDS] for _ in range(draw(st.integers(0, 9)))]


def test_folded_equals_interpreted(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    read = spark.SparkQuery.reader
    monkeypatch.setattr(spark.SparkQuery, "reader", lambda self: asked.append(self.sql()) or read(self))
    count = settings.get_profile(settings.get_current_profile_name()).max_examples
    scale = max(1, count // 100) if server == "Sail" else 1
    wanted = int(os.environ.get("MLANG_TEST_SPARK_EXAMPLES", EXAMPLES[server] * scale))

    @given(st.data())
    @settings(
        max_examples=wanted, deadline=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate] + [Phase.shrink] * (server == "Sail"),
    )  # fmt: skip
    def prove(data: st.DataObject) -> None:
        left, right = parquet(KINDS, rows(data.draw)), parquet(KINDS, rows(data.draw))
        m = "l0"
        for step in data.draw(st.lists(st.sampled_from(STEPS + MORE_STEPS + ON_WORKERS), max_size=4)):
            m = f"(let x = {m} in {step.format('x')})"
        m = f"(l0, r) => let l = {m} in {data.draw(st.sampled_from(ENDS + ENDS_ON_WORKERS)).format('l', 'r')}"
        assert evaluated(m, "spark", left, right) == evaluated(m, "none", left, right), m

    prove()
    assert len(asked) > EXAMPLES[server] / 3  # much of it was done there
