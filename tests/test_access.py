"""Access.Database on files that ``access_files.py`` writes: types, cells, damaged and refused files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

import mlang
from mlang.connectors.access_file import AccessFile
from mlang.connectors.access_properties import result_types
from mlang.connectors.access_table import JetColumn, JetRow, _jet3_ends, _moment, _ole_decimal
from mlang.errors import MError
from mlang.values.thunk import force
from tests.access_files import PAGE, Columns, data_page, database, row

COLUMNS: Columns = [
    ("Id", 4), ("Yes", 1), ("Byte", 2), ("Short", 3), ("Money", 5), ("Single", 6), ("Double", 7), ("When", 8),
    ("Bytes", 9), ("Text", 10), ("Ole", 11), ("Memo", 12), ("Guid", 15), ("Exact", 16), ("Big", 19), ("Several", 18),
]  # fmt: skip
EXACT = bytes((0x80,)) + struct.pack("<IIII", 0, 0, 1, 5)
ROWS: list[list[Any]] = [
    [1, True, 200, -3, 123456, 0.5, 1.25, 36526.75, b"\1\2", "A\u00e9", b"ole", "memo", bytes(range(16)), EXACT,
     2**53 + 1, None],
    [2, False, None, None, None, None, None, None, None, None, None, None, None, None, None, None],
    [3, True, 0, 0, 2**62 + 1, 0.0, 0.0, -1.25, b"", "", b"", b"\xff\xfea\0\x01\x04b\x04\0c", bytes(16), EXACT, 5,
     struct.pack("<i", 1)],
]  # fmt: skip


def written(folder: Path, data: bytes) -> str:
    (folder / "a.mdb").write_bytes(data)
    return 'Access.Database(File.Contents("a.mdb"))'


def show(source: str, folder: Path) -> str:
    return mlang.to_m(mlang.evaluate(source, base_dir=str(folder), time_zone="UTC"))


def fails(source: str, folder: Path) -> MError:
    with pytest.raises(MError) as caught:
        show(source, folder)
    return caught.value


def opened(folder: Path, rows: list[Any] | None = None, columns: Columns = COLUMNS) -> str:
    """M that gives the rows of a table T."""
    data = database({"T": (columns, ROWS if rows is None else rows)})
    return written(folder, data) + '{[Schema="", Item="T"]}[Data]'


def test_lists_tables_then_queries_by_name(tmp_path: Path) -> None:
    others = [
        [0x100, "zebra", 5, 0, None], [0x101, "Deletes", 5, 32, None], [0x102, "~sq_hidden", 5, 8, None],
        [0x103, "Cross", 5, 16, None], [0x104, "Link", 6, 0x200000, None], [0x105, "Form", -32768, 0, None],
    ]  # fmt: skip
    one: Columns = [("x", 4)]
    data = database({"b": (one, []), "A": (one, [])}, others=others)
    source = written(tmp_path, data)
    assert show(f'Table.ToRows(Table.RemoveColumns({source}, {{"Data"}}))', tmp_path) == (
        '{{"A", "", "A", "Table"}, {"b", "", "b", "Table"}, {"Link", "", "Link", "Table"}, '
        '{"Cross", "", "Cross", "View"}, {"zebra", "", "zebra", "View"}}'
    )
    assert show(f"Table.ColumnNames({source})", tmp_path) == '{"Name", "Data", "Schema", "Item", "Kind"}'
    assert show(f"Table.Keys({source})", tmp_path) == '{[Columns = {"Schema", "Item"}, Primary = true]}'
    for item, what in (("zebra", "a saved query"), ("Link", "a linked table")):
        error = fails(f'{source}{{[Schema="", Item="{item}"]}}[Data]', tmp_path)
        assert error.message == f"Access.Database: {what} isn't supported by mlang."


def test_cells_of_every_kind(tmp_path: Path) -> None:
    source = opened(tmp_path)
    assert show(f"{source}{{0}}", tmp_path) == (
        "[Id = 1, Yes = true, Byte = 200, Short = -3, Money = 12.3456, Single = 0.5, Double = 1.25, "
        'When = #datetime(2000, 1, 1, 18, 0, 0), Bytes = #binary("AQI="), Text = "Aé", Ole = #binary("b2xl"), '
        'Memo = "memo", Guid = "03020100-0504-0706-0809-0a0b0c0d0e0f", Exact = -4294967.301, '
        "Big = 9007199254740993, Several = null]"
    )
    assert show(f"List.NonNullCount(Record.ToList({source}{{1}}))", tmp_path) == "2"
    assert show(f"{source}{{[Id = 2]}}[Yes]", tmp_path) == "false"
    assert show(f"Record.ToList({source}{{2}}[[Text], [Bytes], [Memo], [When], [Money]])", tmp_path) == (
        '{"", #binary(""), "aЁтc", #datetime(1899, 12, 29, 6, 0, 0), 461168601842738.7905}'
    ).replace("aЁтc", "a" + b"\x01\x04b\x04".decode("utf-16-le") + "c")
    error = fails(f"{source}{{2}}[Several]", tmp_path)
    assert "a column of attachments, several values or an unknown type" in error.message


def test_types_keys_and_laziness(tmp_path: Path) -> None:
    source = opened(tmp_path)
    assert show(f"Table.Keys({source})", tmp_path) == '{[Columns = {"Id"}, Primary = true]}'
    kinds = f'Table.ToRows(Table.SelectColumns(Table.Schema({source}), {{"Name", "TypeName", "IsNullable"}}))'
    assert show(f"List.Transform({kinds}, each _{{1}})", tmp_path) == (
        '{"Int64.Type", "Logical.Type", "Int64.Type", "Int64.Type", "Currency.Type", "Number.Type", "Number.Type", '
        '"DateTime.Type", "Binary.Type", "Text.Type", "Binary.Type", "Text.Type", "Guid.Type", "Number.Type", '
        '"Int64.Type", "Any.Type"}'
    )
    assert show(f"Table.RowCount({source})", tmp_path) == "3"
    assert show(f"Table.SelectRows({source}, each [Yes])[Id]", tmp_path) == "{1, 3}"
    assert show(f"{source}[[Text], [Id]]{{0}}", tmp_path) == '[Text = "Aé", Id = 1]'


def test_rows_deleted_and_lent(tmp_path: Path) -> None:
    columns: Columns = [("Id", 4), ("Text", 10)]
    rows = [row(columns, [i, f"row {i}"]) for i in range(3)]
    data = bytearray(database({"T": (columns, [])}) + data_page(4, [*rows[1:]], {0: 0x8000, 1: 0x8000}))
    data[5 * PAGE : 6 * PAGE] = data_page(4, [rows[0], b"\1\6\0\0", b"gone"], {1: 0x4000, 2: 0x8000})
    source = written(tmp_path, bytes(data)) + '{[Schema="", Item="T"]}[Data]'
    assert show(f"Table.ToRows({source})", tmp_path) == '{{0, "row 0"}, {2, "row 2"}}'
    data[5 * PAGE : 6 * PAGE] = data_page(4, [b"\0\5\0\0"], {0: 0x4000})  # leads to itself
    error = fails(f'Table.ToRows({written(tmp_path, bytes(data))}{{[Schema="", Item="T"]}}[Data])', tmp_path)
    assert error.message.endswith("a row has no end")


def test_long_values_elsewhere(tmp_path: Path) -> None:
    def source(cells: list[bytes]) -> str:
        columns: Columns = [("Id", 4), ("Ole", 9)]
        data = bytearray(database({"T": (columns, [[i, cell] for i, cell in enumerate(cells)])}))
        data[4 * PAGE :] = data[4 * PAGE :].replace(b"\x09\0\0\0\0\1", b"\x0b\0\0\0\0\1", 1)  # it is OLE
        data += data_page(0x4C41564C, [b"one", struct.pack("<I", 2 | 6 << 8) + b"abcd", bytes(4) + b"ef"])
        return written(tmp_path, bytes(data)) + '{[Schema="", Item="T"]}[Data][Ole]'

    one = struct.pack("<III", 3 | 0x40000000, 0 | 6 << 8, 0)
    chain = struct.pack("<III", 6, 1 | 6 << 8, 0)
    assert show(source([one, chain]), tmp_path) == '{#binary("b25l"), #binary("YWJjZGVm")}'
    for cut in (struct.pack("<III", 9, 1 | 6 << 8, 0), struct.pack("<III", 4 | 0x40000000, 0 | 6 << 8, 0)):
        assert fails(source([cut]), tmp_path).reason == "DataFormat.Error"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the header is missing"),
        (b"PK\3\4" + bytes(100), "the header is missing"),
        (database({})[:1000], "page 2 isn't what it should be"),
        (database({})[: 2 * PAGE + 100], "page 2 isn't what it should be"),
        (database({"T": ([("x", 4)], [[1]])})[: 3 * PAGE], "page 3 isn't what it should be"),
    ],
)  # fmt: skip
def test_damaged_files(tmp_path: Path, data: bytes, message: str) -> None:
    error = fails(written(tmp_path, data), tmp_path)
    assert error.reason == "DataFormat.Error"
    assert error.message == f"The input couldn't be recognized as a valid Access document: {message}"


def test_a_row_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    error = fails(f"Table.RowCount({opened(tmp_path, [ROWS[0], b'x'])})", tmp_path)
    assert error.message.endswith("a row is cut off") or error.message.endswith("the file is damaged")


def test_refused_files_and_options(tmp_path: Path) -> None:
    secret = written(tmp_path, database({}, password="geheim"))
    assert (
        fails(secret, tmp_path).message
        == "Access.Database: a database with a password isn't supported by mlang."
    )
    plain = written(tmp_path, database({}))
    listed = plain[:-1] + ", [CreateNavigationProperties = true])"
    assert show(f"Table.RowCount({listed})", tmp_path) == "0"
    named = plain[:-1] + ", [CreateNavigationProperties = true, NavigationPropertyNameGenerator = 1])"
    assert fails(named, tmp_path).message == "We cannot convert the value 1 to type Function."
    assert fails(plain[:-1] + ", [Other = 1])", tmp_path).reason == "Expression.Error"
    assert fails(plain[:-1] + ', [CreateNavigationProperties = "x"])', tmp_path).reason == "Expression.Error"
    assert fails('Access.Database("a.mdb")', tmp_path).message == (
        'We cannot convert the value "a.mdb" to type Binary.'
    )


def test_columns_for_related_tables(tmp_path: Path) -> None:
    """Only relations whose keys Access looks after; none unless asked for."""
    relations: Columns = [
        ("ccolumn", 4), ("grbit", 4), ("icolumn", 4), ("szColumn", 10), ("szObject", 10),
        ("szReferencedColumn", 10), ("szReferencedObject", 10), ("szRelationship", 10),
    ]  # fmt: skip
    data = database({
        "People": ([("Id", 4), ("Name", 10)], [[1, "Anna"], [2, "Bert"]]),
        "Orders": ([("No", 4), ("Person", 4)], [[10, 1], [11, 1], [12, None]]),
        "Passes": ([("Person", 4), ("Pass", 10)], [[2, "P2"]]),
        "MSysRelationships": (relations, [
            [1, 0, 0, "Person", "Orders", "Id", "People", "one"], [1, 1, 0, "Person", "Passes", "Id", "People", "two"],
            [1, 2, 0, "Pass", "Passes", "Name", "People", "drawn"],
        ]),
    })  # fmt: skip
    plain = written(tmp_path, data)
    source = plain[:-1] + ", [CreateNavigationProperties = true])"
    people, orders = (source + f'{{[Schema = "", Item = "{name}"]}}[Data]' for name in ("People", "Orders"))
    assert (
        show(f'Table.ColumnNames({plain}{{[Schema = "", Item = "People"]}}[Data])', tmp_path)
        == '{"Id", "Name"}'
    )
    assert show(f"Table.ColumnNames({people})", tmp_path) == '{"Id", "Name", "Orders", "Passes"}'
    assert show(f"{people}{{0}}[Orders][No]", tmp_path) == "{10, 11}"
    assert (
        show(f"List.Transform({people}[Passes], each if _ = null then null else [Pass])", tmp_path)
        == '{null, "P2"}'
    )
    expanded = f'Table.ExpandRecordColumn({orders}, "People", {{"Name"}})[Name]'
    assert show(expanded, tmp_path) == '{"Anna", "Anna", null}'
    assert show(f'Table.AddColumn({people}, "n", each Table.RowCount([Orders]))[n]', tmp_path) == "{2, 0}"


def test_rows_of_jet_3() -> None:
    # three values, of which the second ends beyond byte 255: one jump, before the end of the second
    data = bytes(300) + bytes((44, 200, 10)) + b"\x01"
    whole = data + bytes((2, 0xFF))
    assert _jet3_ends(bytes(250) + b"x" * 20 + bytes((14, 200, 1)) + bytes((2, 2)) + b"\x07", 1) == [
        1,
        200,
        270,
    ]
    assert _jet3_ends(b"\3abc" + bytes((4, 2, 1)) + b"\2\7", 1) == [1, 2, 4]
    assert len(whole) == 306


def test_a_column_newer_than_the_row_is_null() -> None:
    columns: Columns = [("Id", 4), ("Text", 10)]
    old = JetRow(row(columns, [1, "a"]), False, 3)
    new = JetColumn("New", 10, 2, 2, 1, 0, 0, 0, 0, False)
    assert old.cell(new) is None
    assert old.marked(0)


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0.0, "#datetime(1899, 12, 30, 0, 0, 0)"),
        (0.5, "#datetime(1899, 12, 30, 12, 0, 0)"),
        (-0.5, "#datetime(1899, 12, 30, 12, 0, 0)"),
        (-1.25, "#datetime(1899, 12, 29, 6, 0, 0)"),
        (2958465.99999, "#datetime(9999, 12, 31, 23, 59, 59.136)"),
    ],
)
def test_moments(days: float, text: str) -> None:
    assert mlang.to_m(_moment(struct.pack("<d", days))) == text


def test_moments_outside_the_calendar() -> None:
    for days in (1e9, -1e9, float("nan"), float("inf")):
        with pytest.raises(MError):
            force(_moment(struct.pack("<d", days)))


def test_values_of_calculated_columns() -> None:
    value = struct.pack("<HBBIQ", 14, 6, 1, 0, 50_325_000)
    assert _ole_decimal(value) == -50.325
    names = "ResultType".encode("utf-16-le")
    column = "Total".encode("utf-16-le")
    texts = struct.pack("<IHH", 8 + len(names), 0x80, len(names)) + names
    inner = (
        struct.pack("<IH", 6 + len(column), len(column))
        + column
        + struct.pack("<HBBHH", 9, 0, 2, 0, 1)
        + b"\5"
    )
    block = struct.pack("<IH", 6 + len(inner), 1) + inner
    file = AccessFile(database({}))
    assert result_types(file, b"MR2\0" + texts + block) == {"Total": 5}
    assert result_types(file, b"") == {}
