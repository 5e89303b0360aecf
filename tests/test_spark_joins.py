"""Orders, groups and distinct rows above outer joins of which one side holds constants.

Sail took what is constant in one side for constant above the join, and left it out of orders there.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from spark_tables import address_or_skip, engine, evaluated, parquet

KINDS = {"n": "number", "k": "whole", "t": "text"}
LEFT = [[1.0, 1.0, "a"], [2.0, 2.0, "b"]]
RIGHT = [[5.0, None, "x"], [3.0, 1.0, "z"], [4.0, 7.0, "y"]]
JOINS = ("LeftOuter", "RightOuter", "FullOuter")
FILTERED = (
    'Table.Join(Table.SelectRows(l, each [k] = 1), "k", Table.PrefixColumns(r, "r"), "r.k", JoinKind.%s)'
)
LITERAL = 'Table.Join(Table.AddColumn(l, "u", each 7), "k", Table.PrefixColumns(r, "r"), "r.k", JoinKind.%s)'
OTHER_SIDE = (
    'Table.Join(Table.PrefixColumns(r, "r"), "r.k", Table.AddColumn(l, "u", each 7), "k", JoinKind.%s)'
)
STEPS = [
    f'Table.Sort({FILTERED}, {{"k", "r.n"}})', f'Table.Sort({FILTERED}, {{{{"t", Order.Descending}}, "r.n"}})',
    f'Table.Group({FILTERED}, {{"k", "t"}}, {{{{"c", each Table.RowCount(_)}}, {{"s", each List.Sum([r.n])}}}})',
    f'Table.Sort(Table.Group({FILTERED}, {{"k"}}, {{{{"c", each Table.RowCount(_)}}}}), {{"k"}})',
    f'Table.FillDown(Table.Sort({FILTERED}, {{"k", "r.n"}}), {{"k"}})', f"Table.SelectRows({FILTERED}, each [k] <> 1)",
    f'Table.Distinct(Table.Sort({FILTERED}, {{"k", "r.n"}}), "t")', f'Table.FirstN(Table.Sort({FILTERED}, {{"t", "r.n"}}), 2)',
    f'Table.Sort({LITERAL}, {{"u", "r.n"}})', f'Table.Sort({OTHER_SIDE}, {{"u", "r.n"}})',
    f'Table.AddColumn({LITERAL}, "z", each [u] = null)',
]  # fmt: skip


@pytest.fixture(scope="module", params=["Sail", "Spark"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    with engine(address_or_skip(request.param)):
        yield request.param


@pytest.mark.parametrize("step", STEPS)
def test_constants_below_outer_joins(server: str, step: str) -> None:
    left, right = parquet(KINDS, LEFT), parquet(KINDS, RIGHT)
    for kind in JOINS if server == "Sail" else JOINS[1:2]:
        m = f"(l, r) => {step % kind}"
        assert evaluated(m, "spark", left, right) == evaluated(m, "none", left, right), m
