"""A buffer keeps the Arrow data that an engine or a file gave: cells are made when they are looked at (TBL-52, EVL-19)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from mlang.tables import local_rows
from mlang.values.show import to_m

_INSTANT = dt.datetime(2024, 2, 29, 23, 59, 59, 999_999)
_COLUMNS: dict[str, pa.Array] = {
    "whole": pa.array([1, None, -3, 2**31, 0], pa.int64()),
    "large": pa.array([2**53, None, 2**53 + 1, -(2**60), 0], pa.int64()),
    "unsigned": pa.array([2**64 - 1, None, 1, 2, 3], pa.uint64()),
    "double": pa.array([0.1, None, float("nan"), float("-inf"), -0.0], pa.float64()),
    "single": pa.array([0.1, None, 2.5, -0.0, 1e30], pa.float32()),
    "text": pa.array(["", None, "é😀", "a\0b", "Z"], pa.string()),
    "logical": pa.array([True, None, False, True, None]),
    "day": pa.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31), dt.date(1970, 1, 1), None]),
    "far": pa.array([0, None, 3_000_000, -1_000_000, 1], pa.int32()).cast(pa.date32()),
    "moment": pa.array([_INSTANT, None, dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23), None], pa.timestamp("us")),
    "seconds": pa.array([0, None, 1, -1, 2], pa.int64()).cast(pa.timestamp("s")),
    "instant": pa.array([_INSTANT, None, _INSTANT, None, _INSTANT], pa.timestamp("us", "+02:00")),
    "clock": pa.array([dt.time(23, 59, 59, 999_999), None, dt.time(0), dt.time(1), None], pa.time64("us")),
    "span": pa.array([1, None, -1, 10**15, 0], pa.duration("us")),
    "bytes": pa.array([b"", None, b"\0\xff", b"x", None]),
    "decimal": pa.array([Decimal("0.10"), None, Decimal("-99.99"), Decimal(0), None], pa.decimal128(6, 2)),
    "nothing": pa.nulls(5, pa.float64()),
    "words": pa.array(["a", None, "b", "a", "a"]).dictionary_encode(),
    "items": pa.array([[1], None, [], [None], [2, 3]], pa.list_(pa.int64())),
}  # fmt: skip
#: Those of which M values are made later; the others are kept as cells.
_KEPT = set(_COLUMNS) - {"instant", "span", "decimal", "words", "items"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("buffers") / "t.parquet"
    pq.write_table(pa.table({"id": pa.array(range(5)), **_COLUMNS}), path)
    return f'Parquet.Document(File.Contents("{path}"))'


def answer(text: str, engine: str) -> str:
    try:
        return to_m(mlang.evaluate(text, engine=engine), errors="show")
    except mlang.MError as error:
        return f"error {error.reason}: {error.message}"


@pytest.mark.parametrize("engine", ["none", "duckdb", "auto"])
@pytest.mark.parametrize("name", _COLUMNS)
@pytest.mark.parametrize(
    "step",
    [
        "b", 'Table.Sort(b, "id")', 'Table.Distinct(b, "{0}")', "Table.SelectRows(b, each [{0}] <> null)",
        'Table.Group(b, "{0}", {{"n", Table.RowCount}})', 'Table.AddColumn(b, "y", each [{0}] = null or [{0}] = b[{0}]{{0}})',
        "{b{2}, Table.Last(b), List.Count(b[{0}])}", 'Table.RemoveRowsWithErrors(b, {"{0}"})', "Table.Combine({b, b})",
        'Table.NestedJoin(b, "id", b, "id", "z"){0}[z]{0}',
    ],
)  # fmt: skip
def test_rows_are_those_of_the_table(source: str, name: str, step: str, engine: str) -> None:
    """A table of cells says what is right."""
    body = step.replace("{0}]", f"{name}]").replace('"{0}"', f'"{name}"')
    taken = f'Table.SelectColumns({source}, {{"id", "{name}"}})'
    plain = "Table.FromRows(Table.ToRows(t), Value.Type(t))"
    found = answer(f"let b = Table.Buffer({taken}) in {body}", engine)
    assert found == answer(f"let t = {taken}, b = {plain} in {body}", "none")


@pytest.mark.parametrize("engine", ["none", "duckdb"])
def test_cells_are_made_when_they_are_looked_at(source: str, engine: str) -> None:
    table = mlang.evaluate(f"Table.Buffer({source})", engine=engine)
    parts = dict(zip(table.names, local_rows.buffered(table.plan).parts, strict=True))
    assert {name for name, part in parts.items() if part.raw is not None} == {"id", *_KEPT}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ("b", 1), ("b[a]", 1), ("b[b]", 0), ("b{1}", 1), ("Table.RemoveRowsWithErrors(b)", 0),
        ('Table.ReplaceErrorValues(b, {"a", 0})', 0), ("Table.SelectRowsWithErrors(b)", 1), ("Table.Combine({b, b})", 2),
    ],
)  # fmt: skip
def test_cells_that_did_not_convert_stay_errors(tmp_path: Path, body: str, errors: int) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,x\ntwo,y\n3,z\n")
    text = f'Table.PromoteHeaders(Csv.Document(File.Contents("{path}")))'
    typed = f'Table.TransformColumnTypes({text}, {{"a", type number}})'
    for engine in ("none", "duckdb", "auto"):
        found = answer(f"let b = Table.Buffer({typed}) in {body}", engine)
        assert found.count("DataFormat.Error") == errors, engine
        assert found == answer(f"let b = {typed} in {body}", "none")
