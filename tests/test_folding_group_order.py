"""Groups whose rows are expanded again: in the order of their first rows, each with its rows in theirs (TBL-64, TBL-67)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from mlang.values.show import to_m


@pytest.mark.parametrize(
    "rows",
    [
        "{0}", "Table.SelectRows({0}, each [id] > 40)", "Table.Skip({0}, 7)", "{0} & {0}", "Table.ReverseRows({0})",
        'Table.Sort({0}, "v")', "Table.FirstN({0}, 0)", 'Table.Distinct({0}, "v")',
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "after",
    ["{0}", "Table.FirstN({0}, 9)", 'Table.AddIndexColumn({0}, "i")', "{0} & {0}", "Table.ReverseRows({0})"],
)
def test_shares_of_groups(tmp_path: Path, rows: str, after: str) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({
        "k": [None if i % 5 == 3 else f"g{i * 7 % 6}" for i in range(90)], "id": range(90),
        "v": [None if i % 11 == 4 else float(i * 13 % 8) for i in range(90)],
    })  # fmt: skip
    pq.write_table(table, path, row_group_size=16)
    source = rows.format(f'Parquet.Document(File.Contents("{path}"))')
    groups = f'Table.Group({source}, "k", {{{{"all", each _}}, {{"s", each List.Sum([v])}}}})'
    m = after.format(
        f'Table.AddColumn(Table.ExpandTableColumn({groups}, "all", {{"id", "v"}}), "share", each [v] / [s])'
    )
    assert to_m(mlang.evaluate(m, engine="duckdb")) == to_m(mlang.evaluate(m, engine="none"))
