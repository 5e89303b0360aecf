"""PDF and Delta Lake files that are made here, and packed data that is refused."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

import mlang
from mlang.connectors import limits
from mlang.connectors.extras import need
from mlang.errors import MError


def show(source: str, folder: Path, **session: Any) -> str:
    return mlang.to_m(mlang.evaluate(source, base_dir=str(folder), **{"engine": "none", **session}))


def fails(source: str, folder: Path, **session: Any) -> MError:
    with pytest.raises(MError) as caught:
        show(source, folder, **session)
    return caught.value


# ---------------------------------------------------------------- PDF


def pdf(*pages: str) -> bytes:
    """A PDF file with these content streams, in Helvetica on A5 pages."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, page in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] /Contents {5 + 2 * i} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        data = zlib.compress(page.encode())
        objects.append(b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(data), data))
    out, places = io.BytesIO(b"%PDF-1.4\n"), []
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    return out.getvalue()


def ruled(rows: list[list[str]], top: float = 500, widths: tuple[float, ...] = (100, 100)) -> str:
    """A ruled table as a content stream."""
    left, height = 50.0, 20.0
    xs = [left + sum(widths[:i]) for i in range(len(widths) + 1)]
    bottom = top - height * len(rows)
    lines = [f"{x} {top} m {x} {bottom} l S" for x in xs]
    lines += [f"{xs[0]} {top - height * i} m {xs[-1]} {top - height * i} l S" for i in range(len(rows) + 1)]
    for i, row in enumerate(rows):
        lines += [text(cell, xs[j] + 4, top - height * i - 14) for j, cell in enumerate(row) if cell]
    return "\n".join(lines)


def text(value: str, x: float, y: float) -> str:
    return f"BT /F1 10 Tf {x} {y} Td ({value}) Tj ET"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    first = (
        text("Report of all things", 50, 550) + "\n" + ruled([["Name", "Amount"], ["Ann", "1"], ["Bob", ""]])
    )
    (tmp_path / "r.pdf").write_bytes(
        pdf(first, ruled([["Cy Lee", "3"], ["Di", "4"]]), text("The end", 50, 500))
    )
    return tmp_path


PDF = 'Pdf.Tables(File.Contents("r.pdf"){})'


def test_pdf_lists_tables_and_pages(report: Path) -> None:
    assert show(f'Table.ToRows(Table.RemoveColumns({PDF.format("")}, {{"Data"}}))', report) == (
        '{{"Table001", "Table001 (Page 1-2)", "Table"}, {"Page001", "Page001", "Page"}, '
        '{"Page002", "Page002", "Page"}, {"Page003", "Page003", "Page"}}'
    )


def test_pdf_table_over_two_pages(report: Path) -> None:
    rows = f'Table.ToRows({PDF.format("")}{{[Id = "Table001"]}}[Data])'
    assert (
        show(rows, report)
        == '{{"Name", "Amount"}, {"Ann", "1"}, {"Bob", null}, {"Cy Lee", "3"}, {"Di", "4"}}'
    )


def test_pdf_tables_apart(report: Path) -> None:
    source = PDF.format(", [MultiPageTables = false]")
    assert show(f'Table.SelectRows({source}, each [Kind] = "Table")[Name]', report) == (
        '{"Table001 (Page 1)", "Table002 (Page 2)"}'
    )
    assert show(f"Table.ColumnNames({source}{{1}}[Data])", report) == '{"Column1", "Column2"}'


def test_pdf_page_range(report: Path) -> None:
    source = PDF.format(', [StartPage = 2, EndPage = 2, EnforceBorderLines = true, Implementation = "1.3"]')
    assert show(f"{source}[Name]", report) == '{"Table001 (Page 2)", "Page002"}'
    assert show(PDF.format(", [StartPage = 9]") + "[Name]", report) == "{}"


def test_pdf_page_text(report: Path) -> None:
    assert show(f'{PDF.format("")}{{[Id = "Page003"]}}[Data]', report) == (
        '#table(type table [Column1 = nullable text], {{"The end"}})'
    )
    assert (
        show(f'Table.ToRows({PDF.format("")}{{[Id = "Page002"]}}[Data])', report)
        == '{{"Cy Lee", "3"}, {"Di", "4"}}'
    )


def unruled(
    rows: list[list[str]], top: float, xs: tuple[float, ...] = (50, 150, 250), step: float = 14
) -> str:
    cells = [
        (cell, x, top - step * i) for i, row in enumerate(rows) for cell, x in zip(row, xs, strict=False)
    ]
    return "\n".join(text(cell, x, y) for cell, x, y in cells if cell)


def test_pdf_table_without_lines(report: Path) -> None:
    table = [["Name", "Place", "Sum"], ["Ann", "Oslo", "1"], ["Bob Lee", "", "22"], ["Cy", "Rome", "3"]]
    page = text("A list of what was found", 50, 550) + "\n" + unruled(table, 500)
    page += "\n" + text("Nothing more was found here.", 50, 380) + "\n" + ruled([["p", "q"], ["1", "2"]], 300)
    (report / "r.pdf").write_bytes(pdf(page))
    assert show(f"{PDF.format('')}[Id]", report) == '{"Table001", "Table002", "Page001"}'
    assert show(f"Table.ToRows({PDF.format('')}{{0}}[Data])", report) == (
        '{{"Name", "Place", "Sum"}, {"Ann", "Oslo", "1"}, {"Bob Lee", null, "22"}, {"Cy", "Rome", "3"}}'
    )
    assert show(f"Table.ToRows({PDF.format('')}{{1}}[Data])", report) == '{{"p", "q"}, {"1", "2"}}'


def test_pdf_text_that_is_no_table(report: Path) -> None:
    """Prose in two columns, two lines only, lines far apart."""
    prose = [
        ["A long sentence that fills its whole column.", "Another sentence, as long as the first one."]
    ] * 6
    far = [["a", "b"]] * 4
    pages = [unruled(prose, 500, (20, 230)), unruled(far[:2], 500), unruled(far, 500, step=60)]
    (report / "r.pdf").write_bytes(pdf(*pages))
    assert show(f"{PDF.format('')}[Kind]", report) == '{"Page", "Page", "Page"}'


def test_pdf_options_and_junk(report: Path) -> None:
    (report / "r.pdf").write_bytes(b"no document")
    assert fails(PDF.format("") + "{0}", report).reason == "DataFormat.Error"
    (report / "r.pdf").write_bytes(pdf(text("x", 1, 1))[:200])
    assert fails(f"Table.RowCount({PDF.format('')})", report).reason == "DataFormat.Error"
    for wrong in ('[Implementation = "9"]', "[StartPage = 0]", "[EndPage = 1.5]", "[Pages = 1]"):
        assert fails(PDF.format(", " + wrong), report).reason == "Expression.Error"


def test_pdf_with_damaged_data_is_not_half_read(report: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(pdf(ruled([["Name", "Amount"], ["Ann", "1"]])))
    place = data.index(b"stream\n") + 30
    data[place : place + 8] = b"\xff" * 8
    (report / "r.pdf").write_bytes(data)
    assert fails(f"Table.RowCount({PDF.format('')})", report).reason == "DataFormat.Error"
    assert capfd.readouterr().err == ""


# ---------------------------------------------------------------- packed data


def test_streams_that_grow_beyond_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.pdf").write_bytes(pdf(" " * 3_000_000))
    monkeypatch.setattr(limits, "LIMIT", 1 << 20)
    assert "refused" in str(fails(f"Table.RowCount({PDF.format('')})", tmp_path))


def test_zip_that_grows_beyond_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x", bytes(3_000_000))
    limits.check_zip(out.getvalue())
    limits.check_zip(b"no zip")
    monkeypatch.setattr(limits, "LIMIT", 1 << 20)
    with pytest.raises(MError):
        limits.check_zip(out.getvalue())


# ---------------------------------------------------------------- Delta Lake

DELTA = 'DeltaLake.Table(Folder.Contents("t"){})'


@pytest.fixture
def delta(tmp_path: Path) -> Path:
    pytest.importorskip("deltalake")
    write(tmp_path, {"a": [1, 2], "b": ["x", None]})
    write(tmp_path, {"a": [3], "b": ["z"]}, mode="append")
    return tmp_path


def write(folder: Path, data: dict[str, Any], **option: Any) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    write_deltalake(str(folder / "t"), pa.table(data), **option)


@pytest.mark.parametrize("engine", ["none", "duckdb"])
def test_delta_table(delta: Path, engine: str) -> None:
    assert (
        show(f"Table.ToRows({DELTA.format('')})", delta, engine=engine) == '{{1, "x"}, {2, null}, {3, "z"}}'
    )
    assert (
        show(f"Table.RowCount(Table.SelectRows({DELTA.format('')}, each [a] > 1))", delta, engine=engine)
        == "2"
    )
    assert (
        show(f"Value.Type({DELTA.format('')})", delta)
        == "type table [a = nullable Int64.Type, b = nullable text]"
    )


def test_delta_folds_by_its_files(delta: Path) -> None:
    source = f"Table.SelectRows({DELTA.format('')}, each [a] > 1)"
    (step,) = mlang.explain(source, base_dir=str(delta)).steps
    assert step.sql is not None
    assert step.sql.count("READ_PARQUET") == 2


def test_delta_versions(delta: Path) -> None:
    assert show(f"{DELTA.format(', [Version = 0]')}[a]", delta) == "{1, 2}"
    assert show(f"Value.Versions({DELTA.format('')}){{[Version = null]}}[Data][a]", delta) == "{1, 2, 3}"
    assert show(f"Value.Versions({DELTA.format('')}){{[Version = 0]}}[Data][a]", delta) == "{1, 2}"
    assert show(f"Value.Versions({DELTA.format('')})[Version]", delta) == "{null, 0, 1}"
    assert fails(DELTA.format(", [Version = 9]"), delta).reason == "DataFormat.Error"


def test_delta_with_partitions_and_new_columns(tmp_path: Path) -> None:
    pytest.importorskip("deltalake")
    write(tmp_path, {"a": [1, 2], "p": ["x", "y"]}, partition_by=["p"])
    write(tmp_path, {"a": [3], "p": ["x"], "c": [True]}, mode="append", schema_mode="merge")
    rows = f'Table.Sort({DELTA.format("")}, {{"a"}})'
    assert show(rows, tmp_path) == (
        "#table(type table [a = nullable Int64.Type, p = nullable text, c = nullable logical], "
        '{{1, "x", null}, {2, "y", null}, {3, "x", true}})'
    )
    assert show(f"Table.RowCount({DELTA.format('')})", tmp_path) == "3"
    assert show('DeltaLake.Table(Folder.Files("t"))[a]{2}', tmp_path) == "3"


def test_delta_after_delete_and_no_table(delta: Path) -> None:
    from deltalake import DeltaTable

    DeltaTable(str(delta / "t")).delete("a = 1")
    assert show(f"List.Sort({DELTA.format('')}[a])", delta) == "{2, 3}"
    (delta / "empty").mkdir()
    assert fails('DeltaLake.Table(Folder.Contents("empty"))', delta).reason == "DataFormat.Error"
    assert fails("DeltaLake.Table(#table({}, {}))", delta).reason == "Expression.Error"
    assert fails(DELTA.format(", [When = 1]"), delta).reason == "Expression.Error"


@pytest.mark.parametrize("engine", ["none", "duckdb"])
def test_damaged_delta_tables(delta: Path, engine: str) -> None:
    """Every part that is damaged or lost is an error, wherever it is found."""
    rows = f"Table.ToRows({DELTA.format('')})"
    parts = [path for path in (delta / "t").rglob("*") if path.is_file()]
    for part in parts:
        whole = part.read_bytes()
        for damaged in (whole[: len(whole) // 2], b"", whole[:-30] + b"#" * 30, None):
            if not damaged and part.name == "00000000000000000001.json":
                continue  # then that is a table before its last change
            part.unlink()
            if damaged is not None:
                part.write_bytes(damaged)
            assert fails(rows, delta, engine=engine).reason in ("DataFormat.Error", "DataSource.NotFound"), (
                part
            )
            part.write_bytes(whole)
    assert show(f"List.Count({rows})", delta, engine=engine) == "3"


# ---------------------------------------------------------------- optional packages


def test_missing_package_is_named() -> None:
    with pytest.raises(MError) as caught:
        need("no_such_package.part", "Pdf.Tables", "pdf")
    assert (
        caught.value.message
        == 'Pdf.Tables needs the Python package no_such_package: pip install "mlang[pdf]"'
    )
