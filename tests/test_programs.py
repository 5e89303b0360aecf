"""Readers of file formats written in M (``tests/programs``), held against files made by Python."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from programs_data import write_dbase, write_sqlite

import mlang

PROGRAMS = Path(__file__).parent / "programs"


def run(program: str, query: str, file: Path) -> Any:
    source = (PROGRAMS / program).read_text(encoding="utf-8")
    return mlang.evaluate(source, query=query, parameters={"File": str(file)})


def rows_of(file: Path, table: str) -> list[tuple[Any, ...]]:
    contents = run("sqlite3.pq", "Contents", file)
    from mlang.compile.entry import run as run_m

    value = run_m(lambda: mlang.to_python(contents.fn(table)))
    return [tuple(row.values()) for row in value]


INTEGERS = [
    0,
    1,
    -1,
    127,
    -128,
    128,
    32767,
    -32768,
    8388607,
    -8388608,
    2**31 - 1,
    -(2**31),
    2**47 - 1,
    -(2**47),
    2**52,
]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_sqlite_values(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "values.db"
    rows = [(n, float(n) / 3, f"text {n} é😀", bytes([n % 256, 1])) for n in INTEGERS] + [
        (None, None, "", b"")
    ]
    write_sqlite(
        file,
        [f"pragma encoding = '{encoding}'", "create table v (n integer, f real, [a text] text, b blob)"],
        {"v": rows},
    )
    assert rows_of(file, "v") == rows


def test_sqlite_interior_pages_and_rowids(tmp_path: Path) -> None:
    file = tmp_path / "many.db"
    rows = [(i * 7, f"name {i}") for i in range(6000)]
    create = [
        "pragma page_size = 512",
        "create table t (\"the id\" integer primary key, name text not null check (name <> ','))",
    ]
    write_sqlite(file, create, {"t": rows})
    assert rows_of(file, "t") == rows


def test_sqlite_overflow_pages(tmp_path: Path) -> None:
    file = tmp_path / "long.db"
    rows = [(i, "x" * size, bytes(size)) for i, size in enumerate([0, 10, 440, 500, 508, 1000, 1500, 40000])]
    write_sqlite(file, ["pragma page_size = 512", "create table o (a int, t text, b blob)"], {"o": rows})
    assert rows_of(file, "o") == rows


def test_sqlite_big_and_negative_rowids_and_added_columns(tmp_path: Path) -> None:
    file = tmp_path / "ids.db"
    rows = [(-1, "a"), (-(2**40), "b"), (2**40, "c"), (2**52, "d"), (5, "e")]
    write_sqlite(file, ["create table r (id integer primary key, t)"], {"r": rows})
    write_sqlite(file, ["alter table r add column later"], {})
    assert rows_of(file, "r") == [(*row, None) for row in sorted(rows)]


def test_sqlite_schema(tmp_path: Path) -> None:
    file = tmp_path / "schema.db"
    write_sqlite(
        file,
        [
            "create table a (x, y, primary key (x, y))",
            "create table b (`z w` decimal(10, 2), constraint c check (1))",
        ],
        {"a": [(1, 2)]},
    )
    database = run("sqlite3.pq", "Database", file)
    answer = mlang.evaluate('(t) => Table.ToRows(Table.SelectColumns(t, {"Name", "Columns"}))')
    assert mlang.to_m(answer.fn(database)) == '{{"a", {"x", "y"}}, {"b", {"z w"}}}'


def test_sqlite_refuses_other_files(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    file.write_bytes(b"something else that is long enough to have a header" * 4)
    with pytest.raises(mlang.MError, match="isn't an SQLite 3 database"):
        mlang.to_m(run("sqlite3.pq", "Database", file))


def test_dbase(tmp_path: Path) -> None:
    file = tmp_path / "sales.dbf"
    rows = [
        ("Élan", 12.5, date(2026, 3, 4), True),
        ("gone", 1, date(2000, 1, 1), False),
        ("none", None, None, None),
    ]
    write_dbase(file, rows, deleted=frozenset({1}))
    table = run("dbase.pq", "Contents", file)
    assert mlang.to_m(table) == (
        "#table(type table [NAME = text, PRICE = nullable number, SOLD = nullable date, PAID = nullable logical], "
        '{{"Élan", 12.5, #date(2026, 3, 4), true}, {"none", null, null, null}})'
    )
    assert mlang.to_m(mlang.evaluate("Value.Metadata").fn(table)) == "[Modified = #date(2026, 3, 4)]"


def test_dbase_unknown_kind_and_cut_file(tmp_path: Path) -> None:
    file = tmp_path / "cut.dbf"
    write_dbase(file, [("a", 1, None, None)] * 3)
    data = file.read_bytes()
    file.write_bytes(data[:-40])
    with pytest.raises(mlang.MError, match="The end of the input was reached"):
        mlang.to_m(run("dbase.pq", "Contents", file))
    file.write_bytes(data.replace(b"SOLD\0\0\0\0\0\0\0D", b"SOLD\0\0\0\0\0\0\0Z"))
    with pytest.raises(mlang.MError, match="field kind"):
        mlang.to_m(run("dbase.pq", "Contents", file))
