"""CSV files with texts of all spellings: what folds gives the cells, the kinds and the errors of the interpreter.

Files are read both ways that folding has: by the engine (small ones) and by our reader, streamed in blocks.
What is compared is Csv.Document in all its forms (DAT-01 to DAT-09), and conversions of what it gives.
"""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlang
from folding import csv_stream, spelling
from mlang.compile.entry import run
from mlang.connectors import csv_blocks
from mlang.culture.numbers import parse_number
from mlang.errors import MError
from mlang.values.show import to_m
from mlang.values.thunk import Thunk

NUMBERS = [
    "", "0", "1", "2", "3", "7", "10", "-1", "+5", "-0", "-0.0", "007", "-07", "1.5", "2.5", "-2.5", ".5", "5.", "-.5", "1,000",
    "1.000", "1,5", "1 000", "(5)", "5-", "$5", "5%", "1e5", "1E-3", "1e400", "1e-400", "0.00001", "0.0001", "-0.00009", " 5", "5 ", "5\t",
    "1_000", "0x10", "0b1", "nan", "NaN", "-nan", "inf", "-inf", "Infinity", "∞", "-∞", "null", "NULL", "true", "1d", "1f", "--1", "1.2.3",
    "123456789012345", "1234567890123456", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
    "12345678901234567890", "0.1234567890123456", "0.12345678901234567", "1e15", "32768", "2147483648", "٣", "１", "\u00a05", "é", "n/a",
]  # fmt: skip
DATES = [
    "", "2024-02-29", "2024-02-30", "2023-12-31", "0001-01-01", "0000-01-01", "9999-12-31", "10000-01-01", "2024-2-9", "2024/02/03",
    "03.02.2024", "3/2/2024", "13/2/2024", "2/13/2024", "20240203", "2024-02", "Feb 3, 2024", "3 février 2024", "2024-02-03T04:05:06",
    "2024-02-03 04:05:06", "2024-02-03T04:05:06.1234567", "2024-02-03T24:00:00", "2024-02-03T04:05", "2024-02-03T04:05:06Z",
    "2024-02-03T04:05:06+02:00", " 2024-02-03", "2024-02-03 ", "2024-02-03 (BC)", "infinity", "epoch", "today", "-2024-02-03", "04:05",
    "2024-02-03T04:05:06.123", "0001-01-01T00:00:00", "9999-12-31T23:59:59",
]  # fmt: skip
WORDS = [
    "",
    "true",
    "True",
    "FALSE",
    "false ",
    "t",
    "yes",
    "1",
    "0",
    "a",
    "b",
    '"quoted"',
    '"x, ""y"""',
    '"two\nlines"',
    "😀",
]
TYPES = [
    "type number", "Int64.Type", "type nullable number", "Int32.Type", "Currency.Type", "Percentage.Type", "Decimal.Type",
    "type date", "type datetime", "type datetimezone", "type time", "type logical", "type text", "type any",
]  # fmt: skip
CULTURES = ["", ', "en-US"', ', "de-DE"', ', "fr-FR"', ', "en-GB"', ', "sv-SE"']
STEPS = [
    "{0}", "{0}", "Table.SelectRows({0}, each [a] > 1)", "Table.SelectRows({0}, each [a] <> null)", 'Table.Sort({0}, {{"a"}})',
    'Table.Group({0}, {{"b"}}, {{{{"n", each Table.RowCount(_)}}, {{"s", each List.Max([a])}}}})', 'Table.Distinct({0}, {{"a"}})',
    'Table.AddColumn({0}, "z", each [a] * 2)', 'Table.ReplaceErrorValues({0}, {{{{"a", null}}}})', 'Table.RemoveRowsWithErrors({0})',
    'Table.SelectRowsWithErrors({0})', "Table.FirstN({0}, 3)", "Table.LastN({0}, 2)", 'Table.AddIndexColumn({0}, "i")', "Table.Skip({0}, 1)",
    "Table.Combine({{{0}, {0}}})", 'Table.SelectColumns({0}, {{"b"}})', "Table.RowCount({0})", 'Table.AddColumn({0}, "z", each Text.From([a]))',
    'Table.Join({0}, {{"a"}}, Table.RenameColumns(Table.FirstN({0}, 2), {{{{"a", "ra"}}, {{"b", "rb"}}, {{"c", "rc"}}}}), {{"ra"}})',
]  # fmt: skip


@st.composite
def files(draw: Any) -> str:
    """The text of a file of three columns; some columns are plain but for a cell, some rows ragged."""
    length = draw(st.integers(0, 8))
    kinds = draw(st.sampled_from([NUMBERS, NUMBERS, DATES, WORDS]))
    plain = draw(st.booleans())
    likely = kinds[:6] if kinds is NUMBERS else kinds[:4] if kinds is DATES else kinds[:3]
    cells = st.sampled_from(likely) if plain else st.sampled_from(kinds)
    column = [draw(cells) for _ in range(length)]
    if length and plain and draw(st.booleans()):
        column[draw(st.integers(0, length - 1))] = draw(st.sampled_from(kinds))
    rows = [
        [
            c if "," not in c or '"' in c else f'"{c}"',
            draw(st.sampled_from("xyz")),
            draw(st.sampled_from(WORDS)),
        ]
        for c in column
    ]
    if length and draw(st.integers(0, 4)) == 0:
        row = rows[draw(st.integers(0, length - 1))]
        row[:] = draw(
            st.sampled_from([row[:1], row[:2], [], [*row, "more"], ["\0", "x", "y"], ['5" pipe', "x", "y"]])
        )
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    text = end.join(["a,b,c", *map(",".join, rows)]) + (end if draw(st.booleans()) else "")
    return draw(st.sampled_from(["", "", "\ufeff"])) + text


def cells_of(text: str, engine: str) -> Any:
    """All cells of an expression, kinds and zeros told apart, or its error."""

    def cell(value: Any) -> Any:
        if value.__class__ is Thunk:
            try:
                value = value.get()
            except MError as error:
                return error.reason, error.message, to_m(error.detail)
        return value.__class__.__name__, "-0" if value == 0 and str(value).startswith("-") else to_m(value)

    try:
        result = mlang.evaluate(text, engine=engine)
        if not hasattr(result, "rows"):
            return cell(result)
        return run(lambda: [tuple(map(cell, row)) for row in result.rows()], result.session)
    except MError as error:
        return error.reason, error.message


@pytest.mark.parametrize("block", [None, 7, 60])
@settings(max_examples=150, deadline=None)
@given(
    files(),
    st.sampled_from(TYPES),
    st.sampled_from(CULTURES),
    st.sampled_from(STEPS),
    st.sampled_from([1, 2]),
)
def test_folded_files_give_the_same_cells(
    block: int | None, text: str, type: str, culture: str, step: str, extra: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(text.encode())
        source = (
            f'Csv.Document(File.Contents("{path}"), [Columns = 3, ExtraValues = {extra}, Encoding = 65001])'
        )
        typed = f'Table.TransformColumnTypes(Table.PromoteHeaders({source}), {{{{"a", {type}}}}}{culture})'
        program = f"let t = {typed} in " + step.format("t")
        if block is None:
            assert cells_of(program, "duckdb") == cells_of(program, "none")
            return
        spelling._found.clear()
        with patch.object(csv_blocks, "LEAST", 0), patch.object(csv_blocks, "BLOCK", block):
            expected = cells_of(program, "none")
            assert cells_of(program, "duckdb") == expected
            assert cells_of(program, "duckdb") == expected, "with what the first run learnt"


@settings(max_examples=100, deadline=None)
@given(
    files(), st.lists(st.sampled_from(TYPES), min_size=2, max_size=3), st.sampled_from(["a", "b"]),
    st.sampled_from([
        "Table.Combine({x, y})", 'Table.Join(x, "b", Table.PrefixColumns(y, "p"), "p.b")', "{Table.RowCount(x), x, y}",
        'Table.NestedJoin(x, "a", y, "b", "o", JoinKind.Inner)',
        'Table.AddColumn(Table.RemoveColumns(Table.Join(x, "b", Table.PrefixColumns(x, "p"), "p.b"), "a"), "z", each try Text.InferNumberType([c]) otherwise 1)', 'Table.AddColumn(x, "n", each Table.RowCount(y))',
    ]),
)  # fmt: skip
def test_a_file_that_is_read_as_several_types_gives_the_same_cells(
    text: str, types: list[str], column: str, step: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(text.encode())
        raw = f'Table.PromoteHeaders(Csv.Document(File.Contents("{path}"), [Columns = 3, ExtraValues = 1]))'
        x = f'Table.TransformColumnTypes(raw, {{{{"a", {types[0]}}}, {{"b", {types[-1]}}}}}, "en-US")'
        y = f'Table.TransformColumnTypes(raw, {{{{"{column}", {types[1]}}}}}, "en-US")'
        program = f"let raw = {raw}, x = {x}, y = {y} in {step}"
        spelling._found.clear()
        with patch.object(csv_blocks, "LEAST", 0), patch.object(csv_blocks, "BLOCK", 60):
            expected = cells_of(program, "none")
            for _ in range(2):
                assert cells_of(program, "duckdb") == expected


# ---------------------------------------------------------------- columns that the reader converts

PLAIN_STEPS = [
    "{0}", 'Table.SelectRows({0}, each [a] > 1)', 'Table.Group({0}, {{"b"}}, {{{{"s", each List.Sum([a])}}, {{"m", each List.Max([d])}}}})',
    'Table.Sort({0}, {{{{"d", Order.Descending}}, {{"a", Order.Ascending}}}})', 'Table.Distinct({0}, {{"a"}})', "Table.Combine({{{0}, {0}}})",
    'Table.NestedJoin({0}, {{"a"}}, {0}, {{"b"}}, "o")', 'Table.AddColumn({0}, "n", each [a] / [b])', 'Table.FillDown({0}, {{"a", "b"}})',
    'Table.SelectColumns({0}, {{"d"}})', 'Table.AddIndexColumn(Table.SelectRows({0}, each [b] <> null), "i")', 'Table.Max({0}, "b")',
    'Table.Group({0}, {{"d"}}, {{{{"s", each List.Sum([b])}}, {{"n", each Table.RowCount(_)}}}})', "List.Sum({0}[b])",
    'Table.Combine({{Table.SelectColumns({0}, {{"a"}}), Table.SelectColumns(raw, {{"b"}})}})',
    'Table.AddColumn(Table.TransformColumnTypes(Table.DuplicateColumn(raw, "a", "x"), {{{{"a", Int64.Type}}}}), "y", each [x] & "!")',
    'Table.Join({0}, "a", Table.PrefixColumns(raw, "r"), "r.t")',
]  # fmt: skip
_WHOLE = st.sampled_from(["0", "1", "2", "-1", "007", "123456789012345", "-99999999999999", "", '"3"', '""'])
_DOUBLE = st.sampled_from(
    ["0", "1.5", "-2.5", ".5", "5.", "-0", "0.0001", "", "12345.678901234", '"7.25"', "-0.0"]
)
_DATE = st.sampled_from(["2024-02-29", "0001-01-01", "9999-12-31", '"1999-12-31"'])


@pytest.mark.parametrize("block", [7, 40, 4000])
@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(_WHOLE, _DOUBLE, _DATE), min_size=1, max_size=30),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(PLAIN_STEPS),
    st.booleans(),
)
def test_columns_that_the_reader_converts_have_the_same_cells(
    block: int, rows: list[tuple[str, str, str]], end: str, step: str, odd: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        last = ['5" pipe,,1.5,2020-01-01'] if odd else []  # from there on the exact reader goes on
        path.write_bytes(end.join(["t,a,b,d", *("x," + ",".join(row) for row in rows), *last, ""]).encode())
        source = f'Table.PromoteHeaders(Csv.Document(File.Contents("{path}"), [Columns = 4]))'
        types = '{{"a", Int64.Type}, {"b", type number}, {"d", type date}}'
        typed = f"Table.TransformColumnTypes(raw, {types})"
        program = f"let raw = {source}, t = {typed} in " + step.format("t")
        spelling._found.clear()
        with patch.object(csv_blocks, "LEAST", 0), patch.object(csv_blocks, "BLOCK", block):
            expected = cells_of(program, "none")
            for _ in range(3):
                assert cells_of(program, "duckdb") == expected


def test_a_known_column_is_converted_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,x\n2,y\n")
    program = (
        f'let t = Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents("{path}"))),'
        ' {"a", Int64.Type}) in List.Sum(t[a])'
    )
    read: list[dict[str, str]] = []
    make = csv_stream.CsvBatches.__init__

    def noted(batches: Any, *arguments: Any) -> None:
        make(batches, *arguments)
        read.append(batches.storages)

    with patch.object(csv_blocks, "LEAST", 0), patch.object(csv_stream.CsvBatches, "__init__", noted):
        assert mlang.evaluate(program, engine="duckdb") == 3
        assert not any(read), "nothing is known of the file yet"
        assert mlang.evaluate(program, engine="duckdb") == 3
        assert read[-1] == {"c1": "BIGINT"}
        path.write_text("a,b\n1,x\noops,y\n")
        with pytest.raises(MError, match="We couldn't convert to Number"):
            mlang.evaluate(program, engine="duckdb")


def test_columns_that_nobody_reads_are_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n1,x,1\n2,x,2\n3,y,3\n")
    program = (
        f'let t = Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents("{path}"))),'
        ' {{"a", Int64.Type}, {"c", Int64.Type}}) in'
        ' Table.Pivot(Table.SelectColumns(t, {"a", "b"}), {"x", "y"}, "b", "a", List.Sum)'
    )
    kept: list[set[str]] = []
    keep = csv_stream.keep

    def noted(origin: Any, wanted: set[str]) -> None:
        kept.append(wanted)
        keep(origin, wanted)

    with patch.object(csv_blocks, "LEAST", 0), patch.object(csv_stream, "keep", noted):
        first = mlang.to_m(mlang.evaluate(program, engine="duckdb"))
        assert kept, "the texts are looked at before the pivot is written"
        kept.clear()
        assert mlang.to_m(mlang.evaluate(program, engine="duckdb")) == first
        assert not kept, "all that is read is known, and c is not read"


# ---------------------------------------------------------------- forms that the editor writes

FIELDS = [
    "", "1", "2", "-1.5", "a", "é", "€", "x y", '""', '"a"', '"1"', '"a;b,c"', '"two\nlines"', '"two\r\nlines"', '"c\rr"',
    '"x ""y"""', '5" pipe', 'a"b"', ' "a"', '"a" ', '"open', '"a"b', "\0", "\ufeff", "\x01", "日本", "😀", "2024-02-03",
]  # fmt: skip
ENCODINGS = [
    (65001, "utf-8"), (65001, "utf-8-sig"), (65001, "cp1252"), (1252, "cp1252"), (1252, "ascii"), (1252, "utf-8"), (1252, "utf-8-sig"),
    (1200, "utf-16-le"), (1200, "utf-16"), (65001, "utf-16"), (1201, "utf-16-be"), (12000, "utf-32-le"), (932, "cp932"),
    (65000, "utf-7"), (28591, "latin-1"),
]  # fmt: skip
WHOLE = [
    "Table.SelectRows({0}, each true)", 'Table.SelectRows({0}, each [Column1] <> "")', "Table.RowCount({0})", 'Table.Sort({0}, {{"Column1"}})',
    "Table.Distinct({0})", "Table.FirstN({0}, 2)", "Table.LastN({0}, 2)", "Table.Skip({0}, 1)", "Table.PromoteHeaders({0})",
    'Table.Group({0}, {{"Column1"}}, {{{{"n", each Table.RowCount(_)}}}})', 'Table.AddColumn({0}, "n", each Text.Length([Column1]))',
    'Table.TransformColumnTypes({0}, {{{{"Column1", type number}}}})', 'Table.TransformColumnTypes(Table.Skip({0}, 1), {{{{"Column1", type date}}}})',
]  # fmt: skip


@st.composite
def documents(draw: Any) -> tuple[bytes, str]:
    """The bytes of a file, and the options that it is read with."""
    code_page, codec = draw(st.sampled_from(ENCODINGS))
    delimiter = draw(st.sampled_from([",", ",", ";", "\t", "|", "€", "||", ", ", "<->", "😀"]))
    width = draw(st.integers(1, 3))
    fields = st.sampled_from(draw(st.sampled_from([FIELDS[:8], FIELDS[:14], FIELDS])))
    ends = st.sampled_from(draw(st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r", "\n\n"]])))
    widths = st.sampled_from(draw(st.sampled_from([[width], [width], [1, 2, 3, 4]])))
    rows = draw(st.lists(st.tuples(widths.flatmap(lambda n: st.lists(fields, min_size=n, max_size=n)), ends)))
    text = "".join(delimiter.join(row) + end for row, end in rows)
    data = (text.rstrip("\r\n") if draw(st.booleans()) else text).encode(codec, "replace")
    shown = "#(tab)" if delimiter == "\t" else delimiter
    options = [f'Delimiter = "{shown}"', f"Encoding = {code_page}"]
    for name, values in [
        ("Columns", [width, width, width + 1]),
        ("QuoteStyle", ["QuoteStyle.None", "QuoteStyle.None", "QuoteStyle.Csv"]),
        ("CsvStyle", [None, None, "CsvStyle.QuoteAlways"]),
        ("ExtraValues", [None, None, "ExtraValues.Error", "ExtraValues.List"]),
    ]:
        value = draw(st.sampled_from([None, *values]))
        options += [] if value is None else [f"{name} = {value}"]
    return data + draw(st.sampled_from([b"", b"", b"", b"\xff", b"+2AA-"])), ", ".join(options)


@pytest.mark.parametrize("block", [None, 7, 60])
@settings(max_examples=150, deadline=None)
@given(documents(), st.sampled_from(WHOLE))
def test_folded_documents_of_all_forms_give_the_same_cells(
    block: int | None, document: tuple[bytes, str], step: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(document[0])
        program = step.format(f'Csv.Document(File.Contents("{path}"), [{document[1]}])')
        spelling._found.clear()
        small = csv_blocks.LEAST if block is None else 0
        with patch.object(csv_blocks, "LEAST", small), patch.object(csv_blocks, "BLOCK", block or 1 << 22):
            expected = cells_of(program, "none")
            assert cells_of(program, "duckdb") == expected
            assert cells_of(program, "duckdb") == expected, "with what the first run learnt"


@pytest.mark.parametrize("block", [None, 30])
@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b"a,b\r\n1,x\r\n2,y\r\n", 'Delimiter = ",", Columns = 2, Encoding = 1252, QuoteStyle = QuoteStyle.None'),
        (b'a,b\r\n1,"x, y"\r\n2,"""z"""\r\n', 'Delimiter = ",", Columns = 2, Encoding = 1252, QuoteStyle = QuoteStyle.None'),
        (b'a,b\n1,"two\n2,lines"\n2,y\n', "Columns = 2, QuoteStyle = QuoteStyle.None"),
        ("a;b\n1;é €\n".encode("cp1252"), 'Delimiter = ";", Columns = 2, Encoding = 1252'),
        ("a\tb\r\n1\té\r\n".encode("utf-16"), 'Delimiter = "#(tab)", Columns = 2, Encoding = 1200, QuoteStyle = QuoteStyle.None'),
        (b"a,b\n1,x\n\n3\n4,x,y\n", "Columns = 2, ExtraValues = ExtraValues.Ignore"),
        (b"a||b\n1||x|y\n2||z\n", 'Delimiter = "||", Columns = 2'),
        (b'a, b\r\n1, "x, y"\r\n', 'Delimiter = ", ", Encoding = 65001, QuoteStyle = QuoteStyle.Csv'),
        (b'a,b\n1,5" pipe\n', "Columns = 2, CsvStyle = CsvStyle.QuoteAlways"),
    ],
)  # fmt: skip
def test_forms_that_the_editor_writes_fold(
    tmp_path: Path, block: int | None, data: bytes, options: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    typed = (
        f'Table.TransformColumnTypes(Table.PromoteHeaders(Csv.Document(File.Contents("{path}"), [{options}])), '
        '{{"a", Int64.Type}, {"b", type text}})'
    )
    program = f'Table.Group({typed}, {{"b"}}, {{{{"s", each List.Sum([a]), type number}}}})'
    small = csv_blocks.LEAST if block is None else 0
    with patch.object(csv_blocks, "LEAST", small), patch.object(csv_blocks, "BLOCK", block or 1 << 22):
        table = mlang.evaluate(program, engine="duckdb")
        folded = mlang.to_m(table)
        assert folded == mlang.to_m(mlang.evaluate(program, engine="none"))
    assert "folding.cursor" in table.session.fixed


# ---------------------------------------------------------------- what plain spellings rest on


def test_arrow_reads_digits_points_and_signs_as_the_engine_and_as_m() -> None:
    import duckdb

    def read(text: str, type: Any) -> Any:
        try:
            return pa.array([text]).cast(type)[0].as_py()
        except pa.ArrowInvalid:
            return None

    texts = ["".join(t) for size in range(1, 7) for t in itertools.product("01.-", repeat=size)]
    spelt = pa.table({"t": texts})
    assert spelt.num_rows == len(texts)
    rows = (
        duckdb.connect().sql("SELECT t, TRY_CAST(t AS DOUBLE), TRY_CAST(t AS BIGINT) FROM spelt").fetchall()
    )
    for text, number, whole in rows:
        found = read(text, pa.float64())
        assert repr(number) == repr(found), text
        if "." not in text:
            assert whole == read(text, pa.int64()), text
        if found is not None and not 0 < abs(found) < 1e-4:
            assert repr(parse_number(text, "en-US")) == repr(found), text
