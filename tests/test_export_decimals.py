"""Decimals as Arrow data: whole columns at once, the same numbers as cell by cell."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mlang
from mlang.connectors.arrow_out import Unfit, values_to_array
from mlang.tables import export
from mlang.values.types import primitive


@st.composite
def columns(draw: st.DrawFn) -> tuple[list[Decimal | None], pa.DataType, pa.DataType]:
    """Cells, their type, and the type that they are wanted in."""
    digits = draw(st.integers(1, 38))
    scale = draw(st.integers(0, min(digits, 25)))
    most = 10 ** draw(st.sampled_from([digits, min(digits, 15), min(digits, 16), min(digits, 3)])) - 1
    whole = st.one_of(st.none(), st.integers(-most, most))
    cells = [None if v is None else Decimal(f"{v}e-{scale}") for v in draw(st.lists(whole, max_size=6))]
    target = draw(st.sampled_from([pa.float64(), pa.float64(), pa.decimal128(19, 4), pa.decimal128(38, 10)]))
    return cells, pa.decimal128(digits, scale), target


@given(columns())
def test_as_cell_by_cell(found: tuple[list[Decimal | None], pa.DataType, pa.DataType]) -> None:
    cells, type, target = found
    column = pa.array([None, *cells, None], type).slice(1, len(cells))
    made = export._from_decimals(column, target)
    if made is None:
        return
    made.validate(full=True)
    expected = values_to_array(cells, primitive("number", True), arrow_type=target)
    assert made.equals(expected)
    assert [str(v) for v in made.to_pylist()] == [str(v) for v in expected.to_pylist()]


@pytest.mark.parametrize("text", ["0.1", "-999999999999999", "0", "1e-22", "12345678.1234567"])
def test_few_digits_need_no_cells(text: str) -> None:
    scale = max(0, -int(Decimal(text).as_tuple().exponent))
    made = export._from_decimals(pa.array([Decimal(text), None], pa.decimal128(38, scale)), pa.float64())
    assert made.to_pylist() == [float(text), None]


@pytest.mark.parametrize("text", ["0.1234567890123456", "-1000000000000000", "99999999999999999999999999"])
def test_many_digits_are_for_the_cells(text: str) -> None:
    scale = max(0, -int(Decimal(text).as_tuple().exponent))
    assert export._from_decimals(pa.array([Decimal(text)], pa.decimal128(38, scale)), pa.float64()) is None


@pytest.mark.parametrize("engine", ["duckdb", "auto"])
def test_merged_decimals_are_not_made_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    prices = [Decimal(i) / 4 for i in range(500)]
    for name in ("left", "right"):
        pq.write_table(
            pa.table({name: range(500), f"{name}_price": pa.array(prices, pa.decimal128(18, 2))}),
            tmp_path / f"{name}.parquet",
        )
    left, right = (f'Parquet.Document(File.Contents("{tmp_path}/{n}.parquet"))' for n in ("left", "right"))
    table = mlang.evaluate(f'Table.Join({left}, "left", {right}, "right")', engine=engine)

    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError("cells")

    monkeypatch.setattr(export, "values_to_array", refused)
    found = table.to_arrow()
    assert found.column("left_price").to_pylist() == [float(p) for p in prices]
    assert found.column("right_price").type == pa.float64()


def test_decimals_that_no_double_holds_stay_decimals(tmp_path: Path) -> None:
    long = Decimal("12345678901234567890.12")
    pq.write_table(pa.table({"d": pa.array([long, None], pa.decimal128(38, 2))}), tmp_path / "long.parquet")
    table = mlang.evaluate(f'Parquet.Document(File.Contents("{tmp_path}/long.parquet"))')
    assert table.to_arrow().column("d").to_pylist() == [long, None]
    with pytest.raises(Unfit):
        values_to_array([long], primitive("number"), arrow_type=pa.float64())
