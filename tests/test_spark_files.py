"""Tables of many files on Spark: planned from the manifest, looked at side by side, checked against what was staged."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spark_tables import address_or_skip, engine, evaluated, session

import mlang
from folding.engines import spark, spark_writes
from folding.engines.spark_leaves import FilesOrigin
from folding.engines.spark_writes import NotWritten, Writing, Written
from folding.many import side_by_side
from folding.terms import CannotFold
from mlang.errors import MError
from mlang.session import use
from mlang.tables.table import Table
from mlang.values import types as mtypes
from staging.store.manifest import Manifest, Part
from staging.store.sources import staged_table
from staging.types import Column

COUNT = 70
SORTED = 'each Table.Sort(Table.SelectRows(_, each [k] > 200), {"t", "k"})'


def staged(folder: Path, count: int = COUNT, **facts: Any) -> Manifest:
    """A generation of so many files of ten rows."""
    parts = []
    for number in range(count):
        path = folder / f"part-{number:05d}.parquet"
        numbers = pa.array(range(number * 10, number * 10 + 10))
        doubles = numbers.cast(pa.float64())
        arrays = [numbers, numbers, numbers.cast(pa.string()), doubles]
        pq.write_table(pa.table(arrays, names=["rn", "c1", "c2", "c3"]), path)
        parts.append(Part(path.name, 10, number * 10, path.stat().st_size))
    kinds = (("k", mtypes.INT64, "int64"), ("t", mtypes.primitive("text"), "text"), ("x", mtypes.primitive("number"), "double"))  # fmt: skip
    columns = tuple(Column(n, type, f"c{i}", code) for i, (n, type, code) in enumerate(kinds, 1))
    known = {
        "k": {"nulls": 0, "int53": True, "min": 0, "max": count * 10 - 1},
        "t": {"nulls": 0, "ascii": True},
        "x": {"nulls": 0, **facts},
    }
    return Manifest("flow", "t", 1, "lakehouse", "", "", "", columns, tuple(parts), known)


# ---------------------------------------------------------------- side by side


@pytest.mark.parametrize("count", [0, 1, 31, 32, 1000])
def test_answers_are_in_order(count: int) -> None:
    assert side_by_side(lambda n: n * 2, range(count)) == [n * 2 for n in range(count)]


def test_the_first_failure_ends_it() -> None:
    asked = []

    def ask(number: int) -> None:
        asked.append(number)
        if number in (5, 900):
            raise ValueError(number)

    before = threading.active_count()
    with pytest.raises(ValueError, match=r"^5$"):
        side_by_side(ask, range(100_000))
    assert len(asked) < 100_000
    assert threading.active_count() <= before + 1


# ---------------------------------------------------------------- planning


def planned(table: Table, m: str = SORTED) -> Any:
    with use(session("spark")):
        return spark.describe(mlang.evaluate(m, engine="spark", culture="en-US").fn(Table(table.plan)).plan)


def test_planning_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What staged files hold stands in the manifest."""
    table = staged_table(tmp_path, staged(tmp_path, nan=False))

    def opened(*_: Any, **__: Any) -> None:
        raise AssertionError("a file was opened")

    for name in ("ParquetFile", "read_metadata", "read_schema"):
        monkeypatch.setattr(pq, name, opened)
    found = planned(table, 'each Table.Sort(Table.SelectRows(_, each [x] > 200), {"t", "k"})')
    assert not isinstance(found, CannotFold), found
    assert found.leaves[0].rows == COUNT * 10
    assert len(found.leaves[0].paths) == COUNT


def test_nan_in_the_manifest_is_refused(tmp_path: Path) -> None:
    """Servers believe the statistics of files, which leave NaN out."""
    m = "each Table.SelectRows(_, each [x] > 200)"
    found = planned(staged_table(tmp_path, staged(tmp_path, nan=True)), m)
    assert isinstance(found, CannotFold)
    assert "column 'c3' of the staged table has NaN" in found.reason


def test_a_part_that_is_gone(tmp_path: Path) -> None:
    found = staged(tmp_path)
    table = staged_table(tmp_path, found)
    (tmp_path / found.parts[40].file).unlink()
    assert isinstance(planned(table), CannotFold)  # and the interpreter says which
    with pytest.raises(MError, match=r"part-00040\.parquet is gone"):
        staged_table(tmp_path, found)


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("name", ["Sail", "Spark"])
def test_many_files(name: str, tmp_path: Path) -> None:
    """The rows of all of them, in their order; one of another size than was staged is an error."""
    table = staged_table(tmp_path, staged(tmp_path, nan=False))
    with engine(address_or_skip(name)):
        assert evaluated(SORTED, "spark", table) == evaluated(SORTED, "none", table)
        (tmp_path / "part-00033.parquet").write_bytes(
            (tmp_path / "part-00034.parquet").read_bytes() + b" " * 50
        )
        said = evaluated(SORTED, "spark", table)
    assert said.startswith("DataSource.Error: Spark server sc://"), said
    assert "part-00033.parquet has " in said
    assert "Refresh the dataflow" in said


def test_files_are_looked_at_again_when_they_are_read(tmp_path: Path) -> None:
    (path := tmp_path / "f.parquet").write_bytes(b"1234")
    origin = FilesOrigin("t", "label", [], [str(path)], [], [4])
    server = SimpleNamespace(address="sc://there:1", views={origin.planned: "view"})
    origin.open(server)
    assert origin.view == "view"
    path.write_bytes(b"12345")
    with pytest.raises(MError, match=r"f\.parquet changed since the query was planned"):
        origin.open(server)


# ---------------------------------------------------------------- what was written


def pieces(folder: Path, *starts: int) -> Writing:
    folder.mkdir()
    for start in starts:
        table = pa.table([pa.array(range(start, start + 10))], names=["rn"])
        pq.write_table(table, folder / f"part-{start:05d}.parquet")
    return Writing(SimpleNamespace(server=None), [], {}, 10)


def test_row_numbers_without_a_gap(tmp_path: Path) -> None:
    """In whatever order the files are listed; a gap, a row twice, too few rows are found."""
    good = pieces(tmp_path / "a", *range(0, 500, 10))
    files = good._found((tmp_path / "a").glob("*"))
    assert [(p.name, n) for p, n in files][:2] == [("part-00000.parquet", 10), ("part-00010.parquet", 10)]
    assert good._checked(Written(files, []), 500, 0).rows == 500
    for case, starts, words in (
        ("b", (0, 20), "part-00020.parquet does not begin with row 10"),
        ("c", (0, 5), "part-00005.parquet does not begin with row 10"),
        ("d", (10, 20), "part-00010.parquet does not begin with row 0"),
        ("e", (0,), "the server wrote 20 rows, of which 10 are here"),
    ):
        writing = pieces(tmp_path / case, *starts)
        with pytest.raises(NotWritten, match=words):
            writing._checked(Written(writing._found((tmp_path / case).glob("*")), []), 20, 0)


@pytest.mark.parametrize("starts", [(0, 10, 20), (20, 0, 10), (0, 20, 10), (10,)])
def test_rows_in_the_order_of_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, starts: tuple[int, ...]
) -> None:
    """Within batches and between them; a file that is in order is left alone."""
    monkeypatch.setattr(spark_writes, "_CHECKED", 10)
    path = tmp_path / "f.parquet"
    numbers = [n for start in starts for n in range(start, start + 10)]
    pq.write_table(pa.table({"rn": numbers, "x": [-n for n in numbers]}), path)
    before = path.stat().st_ino
    spark_writes.in_order(path)
    assert (path.stat().st_ino == before) == (numbers == sorted(numbers))
    assert pq.read_table(path).to_pydict() == {"rn": sorted(numbers), "x": [-n for n in sorted(numbers)]}
    swapped = pa.table({"rn": [1, 0, 2], "x": [1, 0, 2]})
    pq.write_table(swapped, path)
    spark_writes.in_order(path)
    assert pq.read_table(path).column("x").to_pylist() == [0, 1, 2]


def test_plans_that_keep_the_order() -> None:
    """Whatever is not known to give rows on as they come may deal them out."""
    start = "== Optimized Logical Plan ==\nSort: x\n\n== Physical Plan ==\n"
    top = "ProjectionExec: expr=[a@0 as #1, 0 as #2]\n"
    merged = (
        "  SortPreservingMergeExec: [k@0 ASC]\n    SortExec: expr=[k@0 ASC], preserve_partitioning=[true]\n"
    )
    for plan, kept in (
        (top + merged, True),
        (top + "  MonotonicIdExec: col=#3\n  ProjectionExec: expr=[a@0 as #2]\n" + merged, True),
        (top + "  SortExec: TopK(fetch=5), expr=[k@0 ASC], preserve_partitioning=[false]\n", True),
        (top + "  SortExec: expr=[k@0 ASC], preserve_partitioning=[true]\n", False),
        (top + "  RepartitionExec: partitioning=RoundRobinBatch(2), input_partitions=1\n" + merged, False),
        (top + "  DataSourceExec: file_groups={1 group: [[a.parquet]]}\n", False),
        ("", False),
    ):
        assert spark_writes.straight(start + plan) == kept, plan
    assert not spark_writes.straight("another form of plan")
