"""Import of other files, export of Fabric items (formats B1 to B5), and the SQLite destination."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from container_files import FILES
from dataflows.making import make, refresh, result, rows
from test_cli import mlang  # noqa: F401  (a fixture)

from staging import interchange
from staging.dataflow import read
from staging.destinations.target import SqliteTarget, target_of
from staging.errors import DataflowError
from staging.refresh import Refresh
from staging.workspace import Workspace

SECTION = 'section Section1;\r\nshared A = #table(type table [a = number], {{1}});\r\nshared #"My B" = A;\r\n'
METADATA = """<LocalPackageMetadataFile xmlns="x"><Items>
<Item><ItemLocation><ItemType>AllFormulas</ItemType><ItemPath/></ItemLocation><StableEntries/></Item>
<Item><ItemLocation><ItemType>Formula</ItemType><ItemPath>Section1/My%20B</ItemPath></ItemLocation>
<StableEntries><Entry Type="FillEnabled" Value="l0"/><Entry Type="QueryID" Value="sabc"/></StableEntries></Item>
<Item><ItemLocation><ItemType>Formula</ItemType><ItemPath>Section1/My%20B/Source</ItemPath></ItemLocation></Item>
</Items></LocalPackageMetadataFile>"""


def zipped(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return out.getvalue()


def stream() -> bytes:
    package = zipped(**{
        "Formulas/Section1.m": SECTION.encode(),
        "Config/Package.xml": b'<Package xmlns="y"><Version>2</Version><Culture>de-DE</Culture></Package>',
    })  # fmt: skip
    about = METADATA.encode()
    metadata = struct.pack("<II", 0, len(about)) + about + struct.pack("<I", 0)
    return b"".join(
        [struct.pack("<I", 0), *(struct.pack("<I", len(p)) + p for p in (package, b"<p/>", metadata, b""))]
    )


def workbook(encoding: str) -> bytes:
    text = base64.b64encode(stream()).decode()
    xml = f'<?xml version="1.0" encoding="{encoding}"?><DataMashup sqmid="1" xmlns="http://schemas.microsoft.com/DataMashup">{text}</DataMashup>'
    return zipped(
        **{
            "xl/workbook.xml": b"<a/>",
            "customXml/item1.xml": b"<other/>",
            "customXml/item2.xml": xml.encode(encoding),
        }
    )


MODEL = {
    "name": "Old", "culture": "en-GB", "unknown": 1,
    "pbi:mashup": {"fastCombine": True, "document": SECTION, "queriesMetadata": {"A": {"queryId": "q1", "loadEnabled": False}}},
    "entities": [{"name": "A", "pbi:refreshPolicy": {"$type": "IncrementalRefreshPolicy"}}],
}  # fmt: skip
TABULAR = {
    "model": {
        "culture": "en-US",
        "expressions": [{"name": "A", "kind": "m", "expression": ["1"]}],
        "tables": [{"name": "My B", "partitions": [{"source": {"type": "m", "expression": ["let", "  x = A", "in x"]}}]}],
    }
}  # fmt: skip
PQT = zipped(**{
    "MashupDocument.pq": SECTION.encode(), "Metadata.json": b'{"Name": "Template"}',
    "MashupMetadata.json": b'{"QueriesMetadata": [{"Name": "A", "IsHidden": true}]}',
})  # fmt: skip


@pytest.mark.parametrize(
    ("file", "data", "name", "locale", "queries"),
    [
        ("w.xlsx", workbook("utf-8"), "w", "de-DE", {"My B": {"loadEnabled": False, "queryId": "abc"}}),  # B4
        ("w.xlsx", workbook("utf-16"), "w", "de-DE", {"My B": {"loadEnabled": False, "queryId": "abc"}}),
        ("r.pbix", zipped(DataMashup=stream()), "r", "de-DE", {"My B": {"loadEnabled": False, "queryId": "abc"}}),  # B5
        ("t.pqt", PQT, "Template", "en-US", {"A": {"isHidden": True}}),
        ("model.json", json.dumps(MODEL).encode(), "Old", "en-GB", {"A": {"queryId": "q1", "loadEnabled": False}}),  # B3
        ("m.pbit", zipped(DataModelSchema=json.dumps(TABULAR).encode("utf-16-le")), "m", "en-US", {}),
    ],
)  # fmt: skip
def test_import(
    tmp_path: Path, file: str, data: bytes, name: str, locale: str, queries: dict[str, Any]
) -> None:
    (tmp_path / file).write_bytes(data)
    found = interchange.read(tmp_path / file)
    place = interchange.write_item(found, tmp_path / "out")
    flow = read(place)
    assert (flow.name, list(flow.queries), flow.culture) == (name, ["A", "My B"], locale)
    for query, about in queries.items():
        assert flow.queries[query].metadata.items() >= about.items()
    assert all(q.metadata["queryId"] for q in flow.queries.values())
    with pytest.raises(DataflowError, match="exists already"):
        interchange.write_item(found, tmp_path / "out")


def test_an_imported_document_keeps_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "w.xlsx").write_bytes(workbook("utf-8"))
    place = interchange.write_item(interchange.read(tmp_path / "w.xlsx"), tmp_path)
    assert (place / "mashup.pq").read_bytes() == SECTION.encode()
    assert refresh(place).status == "Completed"


@pytest.mark.parametrize(
    ("file", "data", "message"),
    [
        ("w.xlsx", zipped(a=b""), "holds no queries"),
        ("r.pbix", zipped(DataMashup=stream()[:40]), "stream is broken"),
        ("r.pbix", zipped(DataMashup=b""), "stream is broken"),
        ("x.bin", b"123", "not known are files"),
        ("model.json", b"[]", r"is no model\.json"),
        ("model.json", b"\xff\xfe\xfd", "no readable JSON"),
    ],
    ids=("empty", "short", "nothing", "unknown", "list", "bytes"),
)
def test_broken_files(tmp_path: Path, file: str, data: bytes, message: str) -> None:
    (tmp_path / file).write_bytes(data)
    with pytest.raises(DataflowError, match=message):
        interchange.read(tmp_path / file)


def test_what_is_not_imported_is_said(tmp_path: Path) -> None:  # 42
    (tmp_path / "model.json").write_text(json.dumps(MODEL), encoding="utf-8")
    found = interchange.read(tmp_path / "model.json")
    assert found.notes == ["Entity 'A': an incremental refresh policy is not imported."]
    assert found.metadata["fastCombine"] is True


def test_export_keeps_every_byte(tmp_path: Path, mlang: Any) -> None:  # B1  # noqa: F811
    place = make(tmp_path, SECTION)
    text = '{"formatVersion" :  "202502",\n "mine": {"b":1.50, "a": [ ]}, "queriesMetadata": {"A": {"queryId":"1", "x": 2}}}'
    (place / "queryMetadata.json").write_text(text, encoding="utf-8")
    assert mlang("export", str(place), "-o", str(tmp_path / "out.Dataflow")).code == 0
    data = (tmp_path / "out.Dataflow" / "queryMetadata.json").read_text(encoding="utf-8")
    start, end = text.split('{"A"')
    assert data.startswith(start)
    assert data.endswith('"A"' + end)
    assert list(json.loads(data)["queriesMetadata"]) == ["My B", "A"]
    full = text.replace('"x": 2}', '"x": 2}, "My B": {}')
    (place / "queryMetadata.json").write_text(full, encoding="utf-8")
    assert interchange.item_parts(read(place))["queryMetadata.json"] == full.encode()
    assert mlang("export", str(place), "--rest", "-o", str(tmp_path / "r.json")).code == 0
    parts = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["definition"]["parts"]
    assert [p["path"] for p in parts] == ["mashup.pq", "queryMetadata.json", ".platform"]
    assert base64.b64decode(parts[1]["payload"]) == full.encode()


def test_import_command(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    (tmp_path / "w.xlsx").write_bytes(workbook("utf-8"))
    done = mlang("import", str(tmp_path / "w.xlsx"), "-o", str(tmp_path), "--name", "Shop")
    assert (done.code, done.out.strip()) == (0, str(tmp_path / "Shop.Dataflow"))
    assert mlang("import", str(tmp_path / "w.xlsx"), "-o", str(tmp_path), "--name", "Shop").code == 1


# ---------------------------------------------------------------- SQLite

TARGET = 'SQLite.Database("out/x.sqlite"){[Schema = "main", Item = "T"]}?[Data]?'


def loading(folder: Path, settings: str, table: str) -> Path:
    return make(folder, f"""
        [DataDestinations = {{[Definition = [Kind = "Reference", QueryName = "T"], Settings = [{settings}]]}}]
        shared A = {table};
        shared T = {TARGET};""")  # fmt: skip


def stored(place: Path, query: str = "SELECT * FROM T") -> list[Any]:
    connection = sqlite3.connect(place / "out" / "x.sqlite")
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_sqlite_destination(tmp_path: Path) -> None:  # 20, 21, 23
    table = """#table(type table [n = nullable number, i = Int64.Type, c = Currency.Type, t = text, l = logical, d = date,
        dt = datetime], {{1.5, 2, 3.25, "x", true, #date(2024, 2, 29), #datetime(2024, 1, 2, 3, 4, 5)}})"""
    place = loading(tmp_path, 'Kind = "Automatic"', table)
    for _ in range(2):
        run = refresh(place)
        assert run.status == "Completed", run
    assert stored(place) == [(1.5, 2, "3.25", "x", 1, "2024-02-29", "2024-01-02T03:04:05")]
    append = 'Kind = "Manual", UpdateMethod = [Kind = "Append"]'
    loading(tmp_path, append, table)
    refresh(place)
    assert len(stored(place)) == 2
    loading(tmp_path, 'Kind = "Manual", DynamicSchema = false', "#table(type table [zz = number], {{1}})")
    assert "has no column 'zz'" in str(result(refresh(place), "A", "Activity").error)
    assert len(stored(place)) == 2
    loading(tmp_path, append, "#table(type table [n = number], {{#nan}})")
    assert "holds NaN" in str(result(refresh(place), "A", "Activity").error)
    loading(tmp_path, append, "#table(type table [n = number, t = text], {{1, null}})")
    assert "We can't insert null data" in str(result(refresh(place), "A", "Activity").error)  # 27
    assert len(stored(place)) == 2


def test_sqlite_targets(tmp_path: Path) -> None:
    flow = read(
        make(
            tmp_path,
            f'shared T = {TARGET}; shared U = SQLite.Database("x"){{[Schema = "s", Item = "T"]}}?[Data]?;',
        )
    )
    found = {m.name: m.value for m in flow.tree.sections[0].members}
    assert target_of("T", found, {}) == SqliteTarget("out/x.sqlite", "T")
    with pytest.raises(DataflowError, match="SQLite table is named by"):
        target_of("U", found, {})


def test_an_imported_dataflow_reads_the_tables_of_its_workbook(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    book = tmp_path / "books" / "w.xlsx"
    book.parent.mkdir()
    book.write_bytes(FILES["w.xlsx"])
    done = mlang("import", str(book), "-o", str(tmp_path / "flows"), "--name", "w")
    assert done.code == 0
    assert "Excel.CurrentWorkbook() goes on reading" in done.err
    place = tmp_path / "flows" / "w.Dataflow"
    assert (place / ".workbook").read_text() == "../../books/w.xlsx\n"
    assert mlang("run", str(place), "-q", "Total").out == "5\n"
    text = """section S; shared A = Table.TransformColumnTypes(Excel.CurrentWorkbook(){[Name = "Data"]}[Content],
        {{"Id", type number}});"""
    (place / "mashup.pq").write_text(text, encoding="utf-8")
    assert mlang("check", str(place)).code == 0
    assert refresh(place).status == "Completed"
    assert rows(place, "A") == [(1.0,), (5.0,)]
    again = lambda: result(Refresh(read(place), Workspace.beside(place), reuse=True).run(), "A").status  # noqa: E731
    assert again() == "Cached"
    book.write_bytes(FILES["w.xlsx"] + b" ")  # the workbook is an input like any file
    assert again() == "Completed"
    book.unlink()
    assert "Could not find file" in str(result(refresh(place), "A").error)
    assert mlang("export", str(place), "-o", str(tmp_path / "out")).code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        ".platform",
        "mashup.pq",
        "queryMetadata.json",
    ]
