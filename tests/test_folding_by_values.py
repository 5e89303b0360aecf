"""Functions without SQL in the middle of a plan: computed once for each different input (`folding/by_values.py`)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from folding import by_values
from mlang.compile.entry import run
from mlang.values.show import to_m

pytestmark = pytest.mark.usefixtures("proper_without_form")


@pytest.fixture(scope="module")
def sales(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "sales.parquet"
    numbers = [0.0, -0.0, 1.5, -3.25, float("inf"), None, 2.0]
    data = {
        "k": pa.array([i % 7 for i in range(700)], pa.int64()),
        "x": pa.array([numbers[i % 7] for i in range(700)], pa.float64()),
        "t": pa.array([["a b", "Ä", "", None, "x😀"][i % 5] for i in range(700)], pa.string()),
    }
    pq.write_table(pa.table(data), path)
    return f'Parquet.Document(File.Contents("{path}"))'


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many different inputs each step had."""
    found: list[int] = []
    joined = by_values._joined

    def counting(base: object, key: object, keys: list[object], answers: object) -> object:
        found.append(len(keys))
        return joined(base, key, keys, answers)  # type: ignore[arg-type]

    monkeypatch.setattr(by_values, "_joined", counting)
    return found


def answers(m: str) -> tuple[str, str]:
    def answer(engine: str) -> str:
        try:
            value = mlang.evaluate(m, engine=engine, culture="en-US")
            return str(run(lambda: to_m(value, "show")))
        except mlang.MError as error:
            return str(error)

    return answer("duckdb"), answer("none")


GROUP = 'Table.Group(s, {"z"}, {{"n", each Table.RowCount(_)}, {"m", each List.Count([k])}})'


@pytest.mark.parametrize(
    ("step", "inputs"),
    [
        ('Table.AddColumn(t, "z", each Number.ToText([k], "E2"))', [7]),
        ('Table.AddColumn(t, "z", each Text.Proper([t]))', [5]),
        ('Table.AddColumn(t, "z", each Number.ToText([x], "E2"))', [7]),
        ('Table.AddColumn(t, "z", each Number.ToText(1 / [x], "E1"))', [7]),
        ('Table.AddColumn(t, "z", each Number.ToText([k], "0") & Text.Proper([t]))', [35]),
        ('Table.TransformColumns(t, {{"t", Text.Proper}, {"k", each Number.ToText(_, "E2")}})', [5, 7]),
        ('Table.AddColumn(Table.AddColumn(t, "y", each Text.Proper([t])), "z", each Text.Proper([y]) & "!")', [5, 5]),
        ('Table.AddColumn(t, "z", each if [k] > 5 then Number.ToText([k], "E2") else "low")', [7]),
    ],
)  # fmt: skip
def test_one_answer_for_each_input(sales: str, asked: list[int], step: str, inputs: list[int]) -> None:
    name = '"t"' if step.startswith("Table.TransformColumns") else '"z"'
    for end in (GROUP, 'Table.Sort(s, {{"z", 1}, {"k", 0}})'):
        asked.clear()
        last = end.replace('"z"', name)
        folded, interpreted = answers(f"let t = {sales}, s = {step} in {last}")
        assert folded == interpreted
        assert sorted(asked) == sorted(inputs)


def test_errors_stay_in_their_cells(sales: str, asked: list[int]) -> None:
    step = 'Table.AddColumn(t, "z", each Text.Proper(if [k] = 3 then [k] else [t]))'
    m = f'let t = {sales}, s = {step}, o = Table.Sort(s, {{{{"k", 0}}, "t"}}) in Table.FirstN(Table.RemoveColumns(o, "x"), 400)'
    folded, interpreted = answers(m)
    assert folded == interpreted
    assert "error" in folded
    assert asked == [35]


@pytest.mark.parametrize(
    "body",
    ["Number.ToText(Number.RandomBetween(0, 1), \"X\") & [t]", "Text.NewGuid() & [t]", "helper([k])", "Text.Proper(Text.From(Table.RowCount(t)) & [t])"],
)  # fmt: skip
def test_what_is_not_pure_runs_row_by_row(sales: str, asked: list[int], body: str) -> None:
    m = f"""let t = {sales}, helper = (x) => Number.ToText(x, "E2"),
        s = Table.AddColumn(t, "z", each {body}) in Table.RowCount(Table.Distinct(Table.RemoveColumns(s, "z")))"""
    answers(m)
    answers(m.replace('Table.RemoveColumns(s, "z")', 's, "z"'))
    assert asked == []


def test_very_many_inputs_go_to_the_interpreter(
    sales: str, asked: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("folding.repairs.MOST", 3)
    m = f'let t = {sales}, s = Table.AddColumn(t, "z", each Number.ToText([k], "E2")) in {GROUP}'
    folded, interpreted = answers(m)
    assert folded == interpreted
    assert asked == []
