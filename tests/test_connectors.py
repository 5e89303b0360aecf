"""Connectors over files that are made here: Parquet, Excel, DuckDB, Arrow, CSV against an engine."""

from __future__ import annotations

import csv
import io
import os
import random
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.table import Table as ExcelTable

import mlang
from mlang.connectors.arrow import column_to_values, m_type_of, table_from_arrow
from mlang.connectors.arrow_out import Unfit, arrow_type_of, values_to_array
from mlang.connectors.sources import NULL_TEXT, CsvSource
from mlang.errors import MError, expression_error
from mlang.tables.export import column_array, to_batches
from mlang.tables.table import from_columns
from mlang.values import types as mtypes
from mlang.values.temporal import DAY, DAYS, MAX_TICKS, Date, DateTime, Duration, Time
from mlang.values.thunk import error_of, failed


def show(source: str, folder: Path) -> str:
    return mlang.to_m(mlang.evaluate(source, base_dir=str(folder), engine="none"))


def fails(source: str, folder: Path) -> MError:
    with pytest.raises(MError) as caught:
        show(source, folder)
    return caught.value


# ---------------------------------------------------------------- Arrow

_VALUES = {
    "number": st.floats(allow_nan=False),
    "text": st.text(st.characters(exclude_categories=["Cs"])),
    "logical": st.booleans(),
    "binary": st.binary(),
    "date": st.integers(0, DAYS - 1).map(Date),
    "time": st.integers(0, DAY // 10 - 1).map(lambda n: Time(n * 10)),
    "datetime": st.integers(0, MAX_TICKS // 10).map(lambda n: DateTime(n * 10)),
    "duration": st.integers(-(2**60), 2**60).map(lambda n: Duration(n * 10)),
}


@pytest.mark.parametrize("kind", _VALUES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_values_survive_arrow(kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | _VALUES[kind], max_size=8))
    array = values_to_array(values, mtypes.primitive(kind, True))
    assert column_to_values(array) == values
    assert m_type_of(array.type).kind == kind


def test_numbers_that_do_not_fit_are_refused() -> None:
    for value, type in (
        (2.5, mtypes.INT64),
        (2**60 + 1, mtypes.NUMBER),
        (Decimal("0.00001"), mtypes.NAMED["Currency.Type"]),
    ):
        with pytest.raises(Unfit):
            values_to_array([value], type)
    assert column_array([2.5, 1.0], mtypes.INT64).type == pa.float64()
    assert column_array([2**60 + 1, 0.5], mtypes.NUMBER).to_pylist() == [Decimal(2**60 + 1), Decimal("0.5")]
    assert column_array([DateTime(DAY * 730_000 + 1)], mtypes.primitive("datetime")).type == pa.timestamp(
        "ns"
    )


def test_integers_stay_exact() -> None:
    assert column_to_values(pa.array([1, 2**60 + 1, None])) == [1.0, 2**60 + 1, None]


def test_error_cells() -> None:
    error = failed(expression_error("x"))
    array, problems = values_to_array([1.0, error, "z"], mtypes.NUMBER, errors="collect")
    assert array.to_pylist() == [1.0, None, None]
    assert [(row, e.message) for row, e in problems] == [
        (1, "x"),
        (2, 'We cannot convert the value "z" to type Number.'),
    ]
    with pytest.raises(MError, match="x"):
        values_to_array([error], mtypes.NUMBER)


def test_dates_outside_the_calendar_are_error_cells() -> None:
    (cell,) = column_to_values(pa.array([10**8], pa.int32()).view(pa.date32()))
    assert error_of(cell) is not None


#: Spellings of zones and their minutes from UTC in the summer of 2020.
ZONES = [
    ("UTC", 0), ("Z", 0), ("GMT", 0), ("Etc/UTC", 0), ("+00:00", 0), ("-00:00", 0), ("+02:30", 150), ("+0230", 150),
    ("-0330", -210), ("+02", 120), ("-2", -120), ("+02:00:00", 120), ("UTC+2", 120), ("GMT-03:30", -210),
    ("+14:00", 840), ("+15:00", 0), ("Europe/Berlin", 120), ("Etc/GMT+5", -300), ("America/St_Johns", -150),
    ("Asia/Kolkata", 330), ("W. Europe Standard Time", 120),
]  # fmt: skip


def test_zones_give_offsets() -> None:
    array = pa.array([1_593_658_800_000_000], pa.int64())
    for zone, offset in ZONES:
        (value,) = column_to_values(array.view(pa.timestamp("us", zone)))
        assert (value.offset, value.utc_ticks) == (offset, 637_292_556_000_000_000), zone


def test_a_zone_around_the_hours_when_the_clock_is_set() -> None:
    hour = 3_600_000_000
    spring, autumn = 1_585_443_600_000_000, 1_603_587_600_000_000  # 01:00 UTC on 2020-03-29 and 2020-10-25
    array = pa.array([spring - 1, spring, autumn - hour, autumn - 1, autumn], pa.int64())
    values = column_to_values(array.view(pa.timestamp("us", "Europe/Berlin")))
    assert [value.offset for value in values] == [60, 120, 120, 120, 60]
    assert [value.hour for value in values] == [1, 3, 2, 2, 2]


def test_a_zone_that_nobody_knows() -> None:
    with pytest.raises(MError, match=r"The time zone 'Mars/Olympus' isn't known\."):
        column_to_values(pa.array([0], pa.int64()).view(pa.timestamp("us", "Mars/Olympus")))


def test_nested_and_mixed() -> None:
    array = pa.array([{"a": [1, 2], "b": "x"}, None])
    values = column_to_values(array)
    assert values == [{"a": [1.0, 2.0], "b": "x"}, None]
    assert column_to_values(values_to_array(values, mtypes.ANY)) == values
    assert values_to_array([1.0, "a", None, True], mtypes.ANY).to_pylist() == ["1", "a", None, "true"]
    sliced = pa.array([[1], None, [2, 3]])[1:]
    assert column_to_values(sliced) == [None, [2.0, 3.0]]
    dictionary = pa.array(["a", None, "a"]).dictionary_encode()
    assert column_to_values(dictionary) == ["a", None, "a"]


def test_tables_to_arrow_and_back() -> None:
    table = from_columns(["n", "t"], [[1.0, None], ["a", "b"]], [mtypes.INT64, mtypes.TEXT])
    arrow = table.to_arrow()
    assert arrow.schema == pa.schema([("n", pa.int64()), ("t", pa.string())])
    assert [b.num_rows for b in to_batches(table)] == [2]
    again = table_from_arrow(arrow)
    assert list(again.rows()) == [(1.0, "a"), (None, "b")]
    assert again.plan.source.row_count() == 2  # type: ignore[attr-defined]
    assert arrow_type_of(mtypes.ANY) is None


def test_arrow_data_goes_out_as_it_came() -> None:
    day, moment = pa.array([0, None], pa.int32()).view(pa.date32()), pa.array([0, 1], pa.timestamp("us"))
    arrow = pa.table({"n": [1.5, None], "d": day, "t": moment, "l": pa.array([[1], None])})
    table = table_from_arrow(arrow)
    out = table.to_arrow()
    assert out.equals(arrow.set_column(3, "l", out["l"]))
    assert out["l"].to_pylist() == [[1], None]
    assert sum(b.num_rows for b in to_batches(table)) == 2
    wild = pa.table({"d": pa.array([10**8], pa.int32()).view(pa.date32())})
    with pytest.raises(MError):
        table_from_arrow(wild).to_arrow()


# ---------------------------------------------------------------- Parquet


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    table = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int64()),
            "a.b": ["x", None, "z"],
            "m": pa.array([Decimal("1.2345")] * 3, pa.decimal128(19, 4)),
            "s": [{"u": 1}, None, {"u": 2}],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=2)
    return tmp_path


def test_parquet(parquet: Path) -> None:
    assert show('Parquet.Document(File.Contents("t.parquet"))', parquet) == (
        "#table(type table [id = nullable Int64.Type, a.b = nullable text, m = nullable Currency.Type, "
        's = nullable [u = nullable Int64.Type]], {{1, "x", 1.2345, [u = 1]}, {2, null, 1.2345, null}, '
        '{3, "z", 1.2345, [u = 2]}})'
    )
    assert (
        show('Table.FirstN(Parquet.Document(Binary.Buffer(File.Contents("t.parquet"))), 1)[a.b]', parquet)
        == '{"x"}'
    )
    assert show('Parquet.Metadata(File.Contents("t.parquet"))[NumRowGroups]', parquet) == "2"


def test_parquet_errors(parquet: Path) -> None:
    assert fails("Parquet.Document(#binary({1, 2, 3}))", parquet).reason == "DataFormat.Error"
    assert (
        fails('Parquet.Document(File.Contents("t.parquet"), [Foo = 1])', parquet).reason == "Expression.Error"
    )


# ---------------------------------------------------------------- Excel


@pytest.fixture(scope="module")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import datetime as dt

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    sheet.append(["ID", "Name", "When", "Flag", "T", "Span"])
    sheet.append(
        [1, "Bob", dt.datetime(2020, 1, 2, 3, 4, 5), True, dt.time(1, 2, 3), dt.timedelta(days=1, hours=2)]
    )
    sheet.append([2.5, None, dt.date(2021, 1, 1), False])
    sheet["B4"], sheet["C4"] = "#REF!", "#DIV/0!"
    sheet["B4"].data_type = sheet["C4"].data_type = "e"
    sheet.add_table(ExcelTable(displayName="Tbl", ref="A1:D3"))
    hidden = book.create_sheet("Away from A1")
    hidden.sheet_state = "hidden"
    hidden["B3"], hidden["D5"] = "x", 7
    book.create_sheet("Empty")
    book.defined_names["Rng"] = DefinedName("Rng", attr_text="Sheet1!$A$1:$B$3")
    book.defined_names["One"] = DefinedName("One", attr_text="'Away from A1'!$D$5")
    book.defined_names["Const"] = DefinedName("Const", attr_text="42")
    folder = tmp_path_factory.mktemp("excel")
    book.save(folder / "b.xlsx")
    return folder


_OPEN = 'Excel.Workbook(File.Contents("b.xlsx"), null, true)'


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        (
            f'Table.ToRows(Table.SelectColumns({_OPEN}, {{"Name", "Item", "Kind", "Hidden"}}))',
            (
                '{{"Sheet1", "Sheet1", "Sheet", false}, {"Away from A1", "Away from A1", "Sheet", true}, '
                '{"Empty", "Empty", "Sheet", false}, {"Tbl", "Tbl", "Table", false}, '
                '{"Rng", "Rng", "DefinedName", false}, {"One", "One", "DefinedName", false}}'
            ),
        ),
        (
            _OPEN + '{[Item="Tbl", Kind="Table"]}[Data]',
            (
                '#table(type table [ID = any, Name = any, When = any, Flag = any], {{1, "Bob", '
                "#datetime(2020, 1, 2, 3, 4, 5), true}, {2.5, null, #datetime(2021, 1, 1, 0, 0, 0), false}})"
            ),
        ),
        (
            'Excel.Workbook(File.Contents("b.xlsx")){[Item="Tbl"]}[Data]{1}[ID]',
            "2.5",
        ),
        (
            _OPEN + '{[Item="Sheet1"]}[Data]{1}',
            (
                '[Column1 = 1, Column2 = "Bob", Column3 = #datetime(2020, 1, 2, 3, 4, 5), Column4 = true, '
                "Column5 = #datetime(1899, 12, 31, 1, 2, 3), Column6 = #datetime(1900, 1, 1, 2, 0, 0)]"
            ),
        ),
        (f"(try {_OPEN}{{0}}[Data]{{3}}[Column3])[Error][Message]", "\"Invalid cell value '#DIV/0!'.\""),
        (
            _OPEN + '{[Item="Away from A1"]}[Data]',
            (
                "#table(type table [Column1 = any, Column2 = any, Column3 = any], "
                '{{"x", null, null}, {null, null, null}, {null, null, 7}})'
            ),
        ),
        (_OPEN + '{[Item="Empty"]}[Data]', "#table(type table [], {})"),
        (_OPEN + '{[Item="One"]}[Data]{0}[Column1]', "7"),
        (
            'Table.ColumnNames(Excel.Workbook(File.Contents("b.xlsx"), true){0}[Data])',
            '{"ID", "Name", "When", "Flag", "T", "Span"}',
        ),
        (
            (
                'Excel.Workbook(File.Contents("b.xlsx"), [UseHeaders = true, InferSheetDimensions = true]){0}'
                "[Data]{0}[Name]"
            ),
            '"Bob"',
        ),
    ],
)
def test_excel(workbook: Path, expression: str, answer: str) -> None:  # ENV-47, DAT-15
    assert show(expression, workbook) == answer


def test_excel_errors(workbook: Path) -> None:  # ENV-46, ERR-42, DAT-16
    cell = fails(_OPEN + "{0}[Data]{3}[Column2]", workbook)
    assert (cell.reason, cell.message) == ("DataFormat.Error", "Invalid cell value '#REF!'.")
    assert fails("Excel.Workbook(#binary({1, 2}))", workbook).reason == "DataFormat.Error"
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as file:
        file.writestr("hello.txt", "no workbook")
    (workbook / "no.xlsx").write_bytes(package.getvalue())
    assert fails('Excel.Workbook(File.Contents("no.xlsx"))', workbook).reason == "DataFormat.Error"
    missing = fails(_OPEN + '{[Item="Renamed", Kind="Sheet"]}[Data]', workbook)
    assert missing.message == "The key didn't match any rows in the table."
    assert "Valid options are" in str(fails('Excel.Workbook(File.Contents("b.xlsx"), [Foo = 1])', workbook))
    assert fails("Excel.CurrentWorkbook()", workbook).reason == "Expression.Error"


# ---------------------------------------------------------------- DuckDB


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("duckdb")
    with duckdb.connect(str(folder / "d.duckdb")) as connection:
        connection.execute(
            """CREATE TABLE t (id INTEGER PRIMARY KEY, x DOUBLE, s VARCHAR, d DATE, ts TIMESTAMP, b BOOLEAN,
            m DECIMAL(19, 4), h HUGEINT, iv INTERVAL, l INTEGER[])"""
        )
        connection.execute(
            """INSERT INTO t VALUES (1, 1.5, 'a', DATE '2020-01-01', TIMESTAMP '2020-01-01 01:02:03.5', true,
            1.25, 170141183460469231731687303715884105727, INTERVAL 1 DAY, [1, 2]),
            (2, NULL, NULL, NULL, TIMESTAMP 'infinity', NULL, NULL, 3, INTERVAL 1 MONTH, NULL)"""
        )
        connection.execute(
            'CREATE SCHEMA other; CREATE TABLE other."we""ird" AS SELECT range AS i FROM range(40000)'
        )
        connection.execute("CREATE VIEW v AS SELECT id FROM t")
    return folder


_DB = 'DuckDB.Database("d.duckdb")'


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        (
            f'Table.ToRows(Table.SelectColumns({_DB}, {{"Name", "Schema", "Item", "Kind"}}))',
            (
                '{{"t", "main", "t", "Table"}, {"v", "main", "v", "View"}, '
                '{"other.we""ird", "other", "we""ird", "Table"}}'
            ),
        ),
        (
            _DB + '{[Schema="main", Item="t"]}[Data]{0}',
            (
                '[id = 1, x = 1.5, s = "a", d = #date(2020, 1, 1), ts = #datetime(2020, 1, 1, 1, 2, 3.5), '
                "b = true, m = 1.2500, h = 170141183460469231731687303715884105727, "
                "iv = #duration(1, 0, 0, 0), l = {1, 2}]"
            ),
        ),
        (f"(try {_DB}{{0}}[Data]{{1}}[iv])[HasError]", "true"),
        (f"(try {_DB}{{0}}[Data]{{1}}[ts])[HasError]", "true"),
        (_DB + "{0}[Data]{1}[h]", "3"),
        (f'Table.RowCount({_DB}{{[Schema="other", Item="we""ird"]}}[Data])', "40000"),
        (
            f'Table.SelectColumns({_DB}{{0}}[Data], {{"id"}})',
            "#table(type table [id = Int64.Type], {{1}, {2}})",
        ),
        (_DB + '{[Name="v"]}[Data]', "#table(type table [id = nullable Int64.Type], {{1}, {2}})"),
    ],
)
def test_duckdb(database: Path, expression: str, answer: str) -> None:
    assert show(expression, database) == answer


def test_duckdb_errors(database: Path) -> None:
    missing = fails('DuckDB.Database("nope.duckdb")', database)
    assert missing.reason == "DataSource.NotFound"
    assert str(database / "nope.duckdb") in str(missing.message)
    assert not (database / "nope.duckdb").exists()
    assert fails(_DB + '{[Schema="main", Item="x"]}[Data]', database).message == (
        "The key didn't match any rows in the table."
    )
    (database / "junk.duckdb").write_bytes(b"junk" * 100)
    assert fails('DuckDB.Database("junk.duckdb")', database).reason == "DataFormat.Error"
    assert fails('DuckDB.Database("d.duckdb", [Foo = 1])', database).reason == "Expression.Error"


# ---------------------------------------------------------------- CSV


def _engine_rows(path: Path, width: int) -> Any:
    """What DuckDB reads with the options that `CsvSource.engine_safe` vouches for; None when it refuses."""
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    sql = (
        f"SELECT * FROM read_csv(?, auto_detect=false, header=false, columns={{{columns}}}, delim=',', "
        "quote='\"', escape='\"', strict_mode=true, null_padding=false, allow_quoted_nulls=false, nullstr=?)"
    )
    try:
        return duckdb.execute(sql, [str(path), NULL_TEXT]).fetchall()
    except duckdb.Error:
        return None


def test_safe_csv_files_read_alike(tmp_path: Path) -> None:
    chance = random.Random(7)
    path = tmp_path / "r.csv"

    def field() -> str:
        text = "".join(chance.choice('ab ",\né\t\\') for _ in range(chance.randint(0, 4)))
        if chance.random() < 0.4:
            return text
        if chance.random() < 0.6:
            return '"' + text.replace('"', '""') + '"'
        return text.translate({ord(c): None for c in '",\n'})

    compared = 0
    for _ in range(300):
        width = chance.choice([1, 2, 3])
        rows = [",".join(field() for _ in range(width)) for _ in range(chance.randint(1, 4))]
        path.write_text(chance.choice(["\n", "\r\n"]).join(rows), newline="", encoding="utf-8")
        source = CsvSource(None, ("c",) * width, path=str(path))
        ours = [tuple(row or [""]) for row in csv.reader(io.StringIO(path.read_text("utf-8"), newline=""))]
        if not source.engine_safe() or not ours:
            continue
        theirs = _engine_rows(path, len(ours[0]))
        if theirs is not None:
            compared += 1
            assert theirs == ours
    assert compared > 50


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a,b\n1,2\n", True),
        ("\ufeffa,b\r\n1,2\r\n", True),
        ("a\n\nb", False),
        ("\na", False),
        ("a,b\r\n1,2\n", False),
        ('a, "x"\n', False),
        ('a," x "\n', True),
        ('a,"x" ,b\n', False),
        ("a\x01", False),
        ('\ufeff"a\nb",c\n1,2\n', False),  # the mark hides the quote from the engine
        ('"a\nb",c\n1,2\n', True),
        ('"a"b,c\n1,2\n', False),
    ],
)
def test_engine_safe(tmp_path: Path, text: str, safe: bool) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text, newline="", encoding="utf-8")
    assert CsvSource(None, ("a",), path=str(path)).engine_safe() is safe


def test_csv_streams_and_reads_only_asked_columns(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text("".join(f"{i},x\n" for i in range(40_000)), encoding="utf-8")
    source = CsvSource(None, ("a", "b"), path=str(path))
    batches = source.batches(["b"], None)
    first = next(batches)
    assert (len(first.columns), first.length) == (1, 16_384)
    assert first.length + sum(b.length for b in batches) == 40_000
    assert next(source.batches(None, 3)).columns == [["0", "1", "2"], ["x", "x", "x"]]


def test_a_replaced_database_file_is_read_anew(tmp_path: Path) -> None:
    """The catalogue is remembered only as long as the file stays what it was."""
    import duckdb

    def make(name: str, sql: str) -> Path:
        made = tmp_path / name
        with duckdb.connect(str(made)) as database:
            database.execute(sql)
        return made

    file = make("a.duckdb", "CREATE TABLE t AS SELECT 1 AS x")
    query = f'DuckDB.Database("{file}"){{[Schema = "main", Item = "t"]}}[Data]'
    assert mlang.to_m(mlang.evaluate(query)).endswith("{{1}})")
    make("b.duckdb", "CREATE TABLE t AS SELECT 'q' AS y, 2 AS z").replace(file)
    assert mlang.evaluate(query).names == ("y", "z")
    assert mlang.to_m(mlang.evaluate(query)).endswith('{{"q", 2}})')


def test_instants_of_duckdb_do_not_depend_on_the_machine(tmp_path: Path) -> None:
    """Shown in UTC, by the interpreter and by the engine, also where a view makes texts of them."""
    path = tmp_path / "z.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE t AS SELECT TIMESTAMPTZ '2020-07-01 23:30:00+00' AS z, 1 AS i")
        database.execute("CREATE VIEW v AS SELECT z, CAST(z AS VARCHAR) AS s, CAST(z AS DATE) AS d FROM t")
    program = f"""
import mlang
for item in ("t", "v"):
    for engine in ("duckdb", "none"):
        source = 'DuckDB.Database("{path}"){{[Schema = "main", Item = "' + item + '"]}}[Data]'
        print(mlang.to_m(mlang.evaluate(f'Record.ToList(Table.Sort({{source}}, "z"){{{{0}}}})', engine=engine)))
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "TZ": "Asia/Tokyo"}, capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    instant = "#datetimezone(2020, 7, 1, 23, 30, 0, 0, 0)"
    view = f'{{{instant}, "2020-07-01 23:30:00+00", #date(2020, 7, 1)}}'
    assert shown.splitlines() == [f"{{{instant}, 1}}"] * 2 + [view] * 2


def test_a_column_that_only_the_interpreter_reads_is_named(tmp_path: Path) -> None:
    path = tmp_path / "b.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE t AS SELECT 1 AS i, '101'::BIT AS bits, INTERVAL 1 DAY AS span")
    source = f'DuckDB.Database("{path}"){{[Schema = "main", Item = "t"]}}[Data]'
    m = f'Table.Sort(Table.RenameColumns({source}, {{{{"span", "term"}}}}), "i")'
    reason = "the column 'term' is of a type that only the interpreter reads"
    shown = str(mlang.explain(m, engine="duckdb"))
    assert reason in shown or reason.replace("term", "bits") in shown
