"""Binary and OpenDocument workbooks that are made here, their error cells and names, and damaged ones."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

import mlang
from mlang.connectors.excel_binary import error_cells
from mlang.connectors.excel_file import check_area
from mlang.connectors.excel_names import defined_names
from mlang.connectors.excel_ods import ods_errors
from mlang.errors import MError


def show(source: str, folder: Path, **session: Any) -> str:
    return mlang.to_m(mlang.evaluate(source, base_dir=str(folder), **{"engine": "none", **session}))


def fails(source: str, folder: Path, **session: Any) -> MError:
    with pytest.raises(MError) as caught:
        show(source, folder, **session)
    return caught.value


# ---------------------------------------------------------------- xls and xlsb


def xls() -> bytes:
    """A BIFF8 workbook with one sheet in a compound file: 1, #N/A and a formula's #DIV/0!."""
    record = lambda kind, body: struct.pack("<HH", kind, len(body)) + body  # noqa: E731
    begin = lambda what: record(0x809, struct.pack("<HHHHII", 0x600, what, 0, 0, 0, 0))  # noqa: E731
    sheet = begin(0x10)
    sheet += record(0x200, struct.pack("<IIHHH", 0, 2, 0, 2, 0))
    sheet += record(0x203, struct.pack("<HHHd", 0, 0, 0, 1.0))
    sheet += record(0x205, struct.pack("<HHHBB", 0, 1, 0, 0x2A, 1))
    sheet += record(
        0x006, struct.pack("<HHHBBBBBBHHIH", 1, 0, 0, 2, 0, 7, 0, 0, 0, 0xFFFF, 0, 0, 3) + b"\x1e\x01\x00"
    )
    sheet += record(0x205, struct.pack("<HHHBB", 1, 1, 0, 1, 0))
    sheet += record(0x00A, b"")
    head = begin(5)
    bound = lambda start: record(0x85, struct.pack("<IHBB", start, 0, 1, 0) + b"S")  # noqa: E731
    name = lambda flags, text, sheet, formula: record(  # noqa: E731
        0x018, struct.pack("<HBBHHHIB", flags, 0, len(text), len(formula), 0, sheet, 0, 0) + text + formula
    )
    cell = b"\x3a" + struct.pack("<HHH", 0, 0, 0xC001)
    more = record(0x1AE, struct.pack("<HH", 1, 0x401)) + record(0x017, struct.pack("<HHhh", 1, 0, 0, 0))
    more += name(0, b"Both", 0, b"\x3b" + struct.pack("<HHHHH", 0, 0, 1, 0, 1))
    more += name(0x20, b"\x06", 1, b"\x3b" + struct.pack("<HHHHH", 0, 0, 1, 0, 0))
    more += name(0x21, b"\x0d", 1, cell) + name(0, b"Lost", 0, b"\x3c" + bytes(6))
    book = head + bound(len(head) + len(bound(0)) + len(more) + 4) + more + record(0x00A, b"") + sheet
    book = book.ljust(4096, b"\0")
    sectors = len(book) // 512
    entry = lambda name, kind, start, size, child: (  # noqa: E731
        (name + "\0").encode("utf-16-le").ljust(64, b"\0")
        + struct.pack("<HBBIII", 2 * len(name) + 2, kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        + bytes(36) + struct.pack("<IQ", start, size)
    )  # fmt: skip
    fat = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + sectors), 0xFFFFFFFE]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += bytes(6) + struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<I", 0) + b"\xff" * (108 * 4)
    directory = entry("Root Entry", 5, 0xFFFFFFFE, 0, 1) + entry("Workbook", 2, 2, len(book), 0xFFFFFFFF)
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff")
    return header + table + directory.ljust(512, b"\0") + book


def xlsb() -> bytes:
    """An xlsb workbook with one sheet: 1, #REF! and a formula's #NAME?."""
    wide = lambda text: struct.pack("<I", len(text)) + text.encode("utf-16-le")  # noqa: E731

    def record(kind: int, body: bytes) -> bytes:
        number = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return number + bytes([len(body)]) + body

    row = lambda number: record(0, struct.pack("<IIHBBBI", number, 0, 300, 0, 0, 0, 0))  # noqa: E731
    sheet = record(129, b"") + record(148, struct.pack("<IIII", 0, 1, 0, 1)) + record(145, b"")
    sheet += row(0) + record(5, struct.pack("<IId", 0, 0, 1.0)) + record(3, struct.pack("<IIB", 1, 0, 0x17))
    sheet += row(1) + record(11, struct.pack("<IIBHI", 1, 0, 0x1D, 0, 3) + b"\x1e\x01\x00" + bytes(4))
    sheet += record(146, b"") + record(130, b"")
    book = record(131, b"") + record(143, b"")
    book += record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("S")) + record(144, b"")
    book += (
        record(353, b"") + record(357, b"") + record(362, struct.pack("<IIii", 1, 0, 0, 0)) + record(354, b"")
    )
    name = lambda flags, sheet, text, formula: record(  # noqa: E731
        39, struct.pack("<IBI", flags, 0, sheet) + wide(text) + struct.pack("<I", len(formula)) + formula
    )
    cell = b"\x3a" + struct.pack("<HIH", 0, 0, 1)
    book += name(0, 0xFFFFFFFF, "Both", b"\x3b" + struct.pack("<HIIHH", 0, 0, 1, 0, 1))
    book += name(0x20, 0, "_xlnm.Print_Area", b"\x3b" + struct.pack("<HIIHH", 0, 0, 1, 0, 0))
    book += name(0x21, 0, "_xlnm._FilterDatabase", cell) + name(0, 9, "Lost", cell) + record(132, b"")
    relations = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
    link = '<Relationship Id="rId1" Type="{}{}" Target="{}"/>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("_rels/.rels", relations.format(link.format(kind, "officeDocument", "xl/workbook.bin")))
        file.writestr("xl/workbook.bin", book)
        file.writestr(
            "xl/_rels/workbook.bin.rels",
            relations.format(link.format(kind, "worksheet", "worksheets/sheet1.bin")),
        )
        file.writestr("xl/worksheets/sheet1.bin", sheet)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "make", "cells"),
    [
        ("b.xls", xls, "{{1, \"Invalid cell value '#N/A'.\"}, {\"Invalid cell value '#DIV/0!'.\", true}}"),
        ("b.xlsb", xlsb, "{{1, \"Invalid cell value '#REF!'.\"}, {null, \"Invalid cell value '#NAME?'.\"}}"),
    ],
)
def test_error_cells_of_binary_workbooks(tmp_path: Path, name: str, make: Any, cells: str) -> None:
    (tmp_path / name).write_bytes(make())
    source = f'Excel.Workbook(File.Contents("{name}")){{[Name = "S"]}}[Data]'
    rows = f"List.Transform({{0, 1}}, (r) => List.Transform({{0, 1}}, (c) => try Table.ToColumns({source}){{c}}{{r}} "
    assert show(rows + "catch (e) => e[Message]))", tmp_path) == cells


@pytest.mark.parametrize(("name", "make"), [("b.xls", xls), ("b.xlsb", xlsb)])
def test_names_of_binary_workbooks(tmp_path: Path, name: str, make: Any) -> None:
    """As the engine's reader of these formats names them; what is no range of one sheet is left out."""
    (tmp_path / name).write_bytes(make())
    source = f'Excel.Workbook(File.Contents("{name}"), null, true)'
    assert show(f'Table.ToRows(Table.RemoveColumns({source}, {{"Data"}}))', tmp_path) == (
        '{{"S", "S", "Sheet", false}, {"Both", "Both", "DefinedName", false}, '
        '{"S$Print_Area", "S$Print_Area", "DefinedName", false}, '
        '{"S$_xlnm#_FilterDatabase", "S$_xlnm#_FilterDatabase", "DefinedName", true}}'
    )
    size = "{Table.RowCount([Data]), Table.ColumnCount([Data])}"
    assert show(f'Table.AddColumn({source}, "n", each {size})[n]', tmp_path) == (
        "{{2, 2}, {2, 2}, {2, 1}, {1, 1}}"
    )
    assert show(f'{source}{{[Name = "Both"]}}[Data]{{0}}[Column1]', tmp_path) == "1"


def test_names_of_ods(tmp_path: Path) -> None:
    number = ods_cell("1", 'office:value-type="float" office:value="1"')
    rows = f"<table:table-row>{number}</table:table-row>"
    local = '<table:named-expressions><table:named-range table:name="L" table:cell-range-address="$S.$A$1"/></table:named-expressions>'
    everywhere = (
        '<table:named-expressions><table:named-range table:name="N" table:cell-range-address="$S.$A$1:.$B$2"/>'
        '<table:named-range table:name="M" table:cell-range-address="$Nowhere.$A$1"/></table:named-expressions>'
    )
    (tmp_path / "b.ods").write_bytes(ods(rows, local, after=everywhere))
    source = 'Table.SelectRows(Excel.Workbook(File.Contents("b.ods"), null, true), each [Kind] <> "Sheet")'
    assert show(f"Table.ToRows({source}[[Name], [Item], [Kind]])", tmp_path) == (
        '{{"L", "S!L", "DefinedName"}, {"N", "N", "DefinedName"}}'
    )
    assert (
        show(f"List.Transform({source}[Data], Table.ToRows)", tmp_path)
        == "{{{1}}, {{1, null}, {null, null}}}"
    )


def test_broken_binary_workbooks_have_no_error_cells() -> None:
    data = xls()
    for size in range(0, len(data), 97):
        assert isinstance(error_cells(data[:size]), dict)
        assert isinstance(defined_names(data[:size]), list)
    assert error_cells(xlsb()[:-30]) == {}
    assert defined_names(xlsb()[:-30]) == []


NOT_A_WORKBOOK = "The input couldn't be recognized as a valid Excel document."


def test_damaged_workbooks_are_engine_errors(tmp_path: Path) -> None:
    """Parts that end early, lost texts, packed data that is broken: nothing half read, no other failure."""
    import openpyxl
    from openpyxl.worksheet.table import Table

    book = openpyxl.Workbook()
    for row in (["a", "b"], [1, 2]):
        book.active.append(row)
    book.active.add_table(Table(displayName="T", ref="A1:B2"))
    whole = io.BytesIO()
    book.save(whole)
    source = 'let w = Excel.Workbook(File.Contents("d.xlsx")) in List.Transform(w[Data], Table.ToRows)'
    with zipfile.ZipFile(whole) as parts:
        texts = {name: parts.read(name) for name in parts.namelist()}
    for part in ("xl/tables/table1.xml", "xl/worksheets/sheet1.xml", "xl/workbook.xml"):
        with zipfile.ZipFile(tmp_path / "d.xlsx", "w") as file:
            for name, content in texts.items():
                file.writestr(name, content[:-40] if name == part else content)
        assert fails(source, tmp_path).message == NOT_A_WORKBOOK, part
    with zipfile.ZipFile(tmp_path / "d.xlsx", "w") as file:
        for name, content in texts.items():
            file.writestr(name, content.replace(b't="inlineStr"><is><t>a</t></is>', b't="s"><v>0</v>'))
    assert fails(source, tmp_path).message == NOT_A_WORKBOOK
    for place in range(40, len(whole.getvalue()) - 1, 301):
        damaged = bytearray(whole.getvalue())
        damaged[place] ^= 0xFF
        (tmp_path / "d.xlsx").write_bytes(damaged)
        with contextlib.suppress(MError):  # anything else would be a crash
            show(source, tmp_path)


def test_sizes_that_no_memory_holds_are_refused(tmp_path: Path) -> None:
    data = xls()
    place = data.index(struct.pack("<HHII", 0x200, 14, 0, 2)) + 4
    for top, bottom in ((0x25000000, 2), (0, 0x7FFFFFFF)):
        (tmp_path / "d.xls").write_bytes(data[:place] + struct.pack("<II", top, bottom) + data[place + 8 :])
        assert fails('Excel.Workbook(File.Contents("d.xls"))', tmp_path).message == NOT_A_WORKBOOK
    check_area(b'<row r="1"><c r="A1"/></row><row r="1048576"><c r="CZ1048576"/></row>')
    with pytest.raises(MError):
        check_area(b'<row r="1"><c r="A1"/></row><row r="1048576"><c r="XFD1048576"/></row>')


@pytest.mark.parametrize(
    ("claimed", "message"),
    [
        ("A1:XFD1048576", "Excel.Workbook: a sheet that claims so many cells (see InferSheetDimensions) isn't supported by mlang."),
        ("A1:ZZZZ9", NOT_A_WORKBOOK),
        ("A1:B99999999999", NOT_A_WORKBOOK),
    ],
)  # fmt: skip
def test_sheets_that_claim_too_much(tmp_path: Path, claimed: str, message: str) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active["A1"] = 1
    whole = io.BytesIO()
    book.save(whole)
    with zipfile.ZipFile(whole) as parts, zipfile.ZipFile(tmp_path / "c.xlsx", "w") as file:
        for name in parts.namelist():
            file.writestr(name, parts.read(name).replace(b'ref="A1:A1"', f'ref="{claimed}"'.encode()))
    source = 'Excel.Workbook(File.Contents("c.xlsx"), [InferSheetDimensions = {}]){{0}}[Data]'
    assert fails(source.format("false"), tmp_path).message == message
    assert show(f"Table.ToRows({source.format('true')})", tmp_path) == "{{1}}"


# ---------------------------------------------------------------- ods

_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)


def ods(*rows: str, after: str = "") -> bytes:
    """An OpenDocument spreadsheet with one sheet of these rows, and what stands after it."""
    body = f'<table:table table:name="S">{"".join(rows)}</table:table>{after}'
    calc = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        file.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{manifest}"/>')
        content = f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body>"
        file.writestr(
            "content.xml", f"<office:document-content {_SPACES} {calc}>{content}</office:document-content>"
        )
    return out.getvalue()


def ods_cell(shown: str, more: str) -> str:
    return f"<table:table-cell {more}><text:p>{shown}</text:p></table:table-cell>"


def test_error_cells_of_ods(tmp_path: Path) -> None:
    """Marked by LibreOffice, written as zero by Excel, repeated; a text that looks like an error is none."""
    number = ods_cell("1", 'office:value-type="float" office:value="1"')
    marked = ods_cell(
        "#DIV/0!", 'office:value-type="string" office:string-value="" calcext:value-type="error"'
    )
    zero = ods_cell("#N/A", 'table:formula="of:=NA()" office:value-type="float" office:value="0"')
    text_cell = ods_cell("#REF!", 'office:value-type="string"')
    skip = '<table:table-cell table:number-columns-repeated="2"/>'
    (tmp_path / "b.ods").write_bytes(
        ods(
            f"<table:table-row>{number}{marked}{text_cell}</table:table-row>",
            f'<table:table-row table:number-rows-repeated="2">{skip}{zero}</table:table-row>',
        )
    )
    cells = 'Excel.Workbook(File.Contents("b.ods")){[Name = "S"]}[Data]'
    tried = f"(r, c) => try Table.ToColumns({cells}){{c}}{{r}} catch (e) => e[Message]"
    asked = "{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 2}, {2, 2}}"
    assert show(f"List.Transform({asked}, (p) => ({tried})(p{{0}}, p{{1}}))", tmp_path) == (
        '{1, "Invalid cell value \'#DIV/0!\'.", "#REF!", null, '
        "\"Invalid cell value '#N/A'.\", \"Invalid cell value '#N/A'.\"}"
    )


def test_ods_with_endless_error_cells_is_refused(tmp_path: Path) -> None:
    cell = 'table:formula="of:=NA()" table:number-columns-repeated="16384" office:value-type="float"'
    row = ods_cell("#N/A", cell + ' office:value="0"')
    with pytest.raises(MError):
        ods_errors(ods(f'<table:table-row table:number-rows-repeated="1000000">{row}</table:table-row>'))
