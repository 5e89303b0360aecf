"""Counts of rows of a combination below a join: the engine runs the parts at the same time there, so they are sorted."""

from __future__ import annotations

import re

import duckdb
import pytest

import mlang
from mlang.compile.entry import run
from mlang.values.show import to_m

pytestmark = pytest.mark.usefixtures("proper_without_form")

ROWS = 13
#: How often each is run: before the parts were sorted one run in ten or so was wrong.
RUNS = 60

ODD = 'Table.AddColumn({rows}, "z", each Date.AddYears([d], 13), type nullable date)'
JOINED = 'Table.Join({rows}, "i", #table(type table [j = Int64.Type], {{{{1}}, {{3}}, {{99}}}}), "j", JoinKind.LeftOuter)'
NESTED = (
    'Table.RemoveColumns(Table.AddColumn(Table.NestedJoin({rows}, "i", {rows}, "i", "q"), "n",'
    ' each List.Sum([q][i])), "q")'
)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A small file and a view of two parts, with dates to which no thirteen years can be added."""
    folder = tmp_path_factory.mktemp("union")
    file, database = folder / "t.parquet", folder / "t.duckdb"
    made = f"""SELECT i::INTEGER AS i, CASE i % 4 WHEN 3 THEN DATE '9999-12-31' ELSE DATE '2020-02-29' + i::INTEGER END AS d
        FROM range({ROWS}) AS r(i)"""
    duckdb.sql(f"COPY ({made}) TO '{file}'")
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"CREATE TABLE t AS {made}")
        connection.execute("CREATE VIEW v AS SELECT * FROM t UNION ALL SELECT i + 100, d FROM t")
    return {
        "combined": f'(Parquet.Document(File.Contents("{file}")) & Parquet.Document(File.Contents("{file}")))',
        "view": f'DuckDB.Database("{database}"){{[Schema = "main", Item = "v"]}}[Data]',
        "plain": f'Parquet.Document(File.Contents("{file}"))',
    }


def shown(m: str, name: str) -> str:
    value = mlang.evaluate(m, engine=name, culture="en-US")
    return str(run(lambda: to_m(value, "show")))


SKIPPED, KEPT = "Table.Skip({rows}, 3)", "Table.FirstN({rows}, 20)"


@pytest.mark.parametrize("step", [ODD, JOINED, NESTED])
@pytest.mark.parametrize(
    "count", [SKIPPED, KEPT, "Table.SelectRows(Table.Range({rows}, 2, 20), each [i] < 90)"]
)
@pytest.mark.parametrize("source", ["combined", "view"])
def test_rows_are_sorted_for_a_count_below_a_join(
    sources: dict[str, str], queries_run: list[str], source: str, count: str, step: str
) -> None:
    m = step.format(rows=count.format(rows=sources[source]))
    assert shown(m, "duckdb") == shown(m, "none")
    counted = re.findall(r"\) AS \w+( ORDER BY \w+\.\w+)? (?:OFFSET|LIMIT) (?:3|2|20)\b", queries_run[-1])
    assert counted
    assert all(counted)


@pytest.mark.parametrize("step", [ODD, JOINED])
def test_every_run_gives_the_same_rows(sources: dict[str, str], step: str) -> None:
    m = step.format(rows=SKIPPED.format(rows=sources["combined"]))
    assert {shown(m, "duckdb") for _ in range(RUNS)} == {shown(m, "none")}


@pytest.mark.parametrize(("source", "step"), [("plain", ODD), ("plain", JOINED), ("combined", "{rows}")])
def test_one_scan_and_what_is_not_joined_are_not_sorted(
    sources: dict[str, str], queries_run: list[str], source: str, step: str
) -> None:
    m = step.format(rows=SKIPPED.format(rows=sources[source]))
    assert shown(m, "duckdb") == shown(m, "none")
    assert re.search(r"(?<!\.r1) OFFSET 3", queries_run[-1])
