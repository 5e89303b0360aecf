"""Files with M inside for the tests of containers, made here: workbooks, reports, templates, models."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from mlang.app.containers.source import EmbeddedFile
from mlang.app.formatting import formatted
from mlang.syntax.lexer import tokenize

SECTION = (
    'section Section1;\r\n\r\nshared Orders=let Source=Excel.CurrentWorkbook(){[Name="Data"]}[Content],'
    "\r\n  // kept\r\n  Rows=Table.SelectRows(Source,each [Id]>Least) in Rows;\r\n\r\n"
    'shared Least = 1 meta [IsParameterQuery=true, Type="Number", IsParameterQueryRequired=true];\r\n\r\n'
    'shared #"Twice it"=(x)=>x*2;\r\nshared Total = List.Sum(Orders[Id]);\r\nshared Parsed = Number.From("1,5");\r\n'
)
METADATA = """<?xml version="1.0" encoding="utf-8"?><LocalPackageMetadataFile xmlns:xsd="x"><Items>
<Item><ItemLocation><ItemType>AllFormulas</ItemType><ItemPath /></ItemLocation><StableEntries /></Item>
<Item><ItemLocation><ItemType>Formula</ItemType><ItemPath>Section1/Orders</ItemPath></ItemLocation><StableEntries>
<Entry Type="FillEnabled" Value="l1" /><Entry Type="FillTarget" Value="sOrders_1" /><Entry Type="FillObjectType" Value="sTable" />
<Entry Type="FillToDataModelEnabled" Value="l1" /></StableEntries></Item>
<Item><ItemLocation><ItemType>Formula</ItemType><ItemPath>Section1/Orders/Source</ItemPath></ItemLocation><StableEntries /></Item>
<Item><ItemLocation><ItemType>Formula</ItemType><ItemPath>Section1/Orders/Rows</ItemPath></ItemLocation><StableEntries /></Item>
<Item><ItemLocation><ItemType>Formula</ItemType><ItemPath>Section1/Twice%20it</ItemPath></ItemLocation><StableEntries>
<Entry Type="FillEnabled" Value="l0" /></StableEntries></Item></Items></LocalPackageMetadataFile>"""
CONNECTIONS = (
    '<?xml version="1.0"?><connections><connection id="1" name="Query - Orders"><dbPr connection="Provider='
    'Microsoft.Mashup.OleDb.1;Data Source=$Workbook$;Location=Orders;Extended Properties=&quot;&quot;" '
    'command="SELECT * FROM [Orders]"/></connection></connections>'
)


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as package:
        for name, data in parts.items():
            package.writestr(zipfile.ZipInfo(name, (2019, 5, 4, 3, 2, 2)), data, method)
    return out.getvalue()


def stream(section: str = SECTION, rest: bytes = b"", xml: str = METADATA) -> bytes:
    package = zipped({
        "Config/Package.xml": b"<Package><Culture>de-DE</Culture></Package>", "[Content_Types].xml": b"<Types/>",
        "Formulas/Section1.m": b"\xef\xbb\xbf" + section.encode(),
    })  # fmt: skip
    about = xml.encode()
    metadata = struct.pack("<II", 0, len(about)) + about + struct.pack("<I", 3) + b"abc"
    parts = (package, b"<Permissions/>", metadata, bytes(range(50)))
    return struct.pack("<I", 0) + b"".join(struct.pack("<I", len(p)) + p for p in parts) + rest


def workbook(encoding: str = "utf-16", section: str = SECTION) -> bytes:
    text = base64.b64encode(stream(section)).decode()
    xml = (
        f'<?xml version="1.0" encoding="{encoding}"?><DataMashup sqmid="a-b" '
        f'xmlns="http://schemas.microsoft.com/DataMashup">{text}</DataMashup>'
    )
    parts = _plain_workbook()
    return zipped(parts | {
        "xl/connections.xml": CONNECTIONS.encode(), "customXml/item1.xml": b"<other/>",
        "customXml/item2.xml": xml.encode(encoding),
    })  # fmt: skip


@cache
def _plain_workbook() -> dict[str, bytes]:
    """The parts of a workbook with the table Data and the name Limit."""
    import openpyxl
    from openpyxl.workbook.defined_name import DefinedName
    from openpyxl.worksheet.table import Table

    book, out = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    for row in (["Id"], [1], [5]):
        sheet.append(row)
    sheet.add_table(Table(displayName="Data", ref="A1:A3"))
    book.defined_names["Limit"] = DefinedName("Limit", attr_text="Sheet!$A$2")
    book.save(out)
    with zipfile.ZipFile(out) as package:
        return {name: package.read(name) for name in package.namelist()}


SCHEMA = """{
  "name": "M", "model": {
    "culture": "en-US",
    "expressions": [
      {"name": "Least", "kind": "m", "expression": "1 meta [IsParameterQuery=true]"},
      {"name": "f x", "kind": "m", "expression": ["(x)=>", "  x+Least"], "lineageTag": "t"}
    ],
    "tables": [
      {"name": "Orders", "measures": [{"name": "m", "expression": "1 +  2"}], "partitions": [
        {"name": "Orders-1", "mode": "import", "source": {"type": "m", "expression": [
            "let",
            "  A=1,B = {A,2}",
            "in B"
        ]}}]},
      {"name": "Calc", "partitions": [{"name": "c", "source": {"type": "calculated", "expression": "ROW()"}}]},
      {"name": "Parts", "partitions": [
        {"name": "old", "source": {"type": "m", "expression": "{1}"}},
        {"name": "new", "source": {"type": "m", "expression": "{2}"}}],
       "refreshPolicy": {"type": "basic", "sourceExpression": ["{3,", "4}"]}}
    ]
  }, "big": 1.50e3, "esc": "\\u00e4"
}"""
PQT = {
    "Metadata.json": b'{"Name": "Shop"}', "MashupDocument.pq": SECTION.encode(),
    "MashupMetadata.json": b'{"QueriesMetadata": [{"Name": "Orders", "IsHidden": true, "LoadEnabled": false},  {"Name":"Least"}]}',
}  # fmt: skip
EXPRESSIONS = (
    "\ufeffexpression Least = 1 meta [IsParameterQuery=true]\r\n\tlineageTag: a\r\n\r\n"
    "/// a description of\r\nexpression 'f ''x' =\r\n\t\t(x)=>\r\n\t\t  x+Least\r\n\r\n\tqueryGroup: g\r\n\r\n"
    "\tannotation PBI_ResultType = Function\r\n\r\n"
    'expression Fenced = ```\r\n\t\t"a  \r\n\t\t b" & ""\r\n\t\t```\r\n\tlineageTag: b\r\n'
)
LET = "let\n                    A=1,\n\n                    B={A,Least}\n                in\n                    B"
TABLE = (
    "table 'My Orders'\n    lineageTag: 1\n\n    measure 'expression x' =\n            partition y = m\n            + 1\n"
    "        formatString: 0\n\n    measure F = ```\n            table Nothing\n            ```\n\n    column Id\n        dataType: int64\n\n"
    "    partition Orders-1 = m\n        mode: import\n        source =\n                let\n                    A=1,\n\n"
    "                    B={A,Least}\n                in\n                    B\n\n"
    "    refreshPolicy\n        policyType: basic\n        sourceExpression =\n                {3,\n                4}\n\n    annotation X = Y\n"
)


def model_folder(folder: Path) -> Path:
    home = folder / "Shop.SemanticModel" / "definition"
    (home / "tables").mkdir(parents=True)
    (home / "model.tmdl").write_bytes(b"model Model\n\tculture: en-US\n\nref table 'My Orders'\n")
    (home / "expressions.tmdl").write_bytes(EXPRESSIONS.encode())
    (home / "tables" / "My Orders.tmdl").write_bytes(TABLE.encode())
    (folder / "Shop.Report").mkdir()
    (folder / "Shop.Report" / "definition.pbir").write_text(
        '{"datasetReference": {"byPath": {"path": "../Shop.SemanticModel"}}}'
    )
    (folder / "Shop.pbip").write_text('{"artifacts": [{"report": {"path": "Shop.Report"}}]}')
    return folder / "Shop.SemanticModel"


FILES: dict[str, bytes] = {
    "w.xlsx": workbook(), "w8.xlsm": workbook("utf-8"), "b.xlsb": zipped({"xl/workbook.bin": b"x", "customXml/item1.xml": b"<DataMashup xmlns='http://schemas.microsoft.com/DataMashup'>" + base64.b64encode(stream()) + b"</DataMashup>"}),
    "r.pbix": zipped({"Version": b"1", "DataMashup": stream(rest=b"more"), "DataModel": b"xx"}, zipfile.ZIP_STORED),
    "t.pqt": zipped(PQT), "m.pbit": zipped({"Version": b"1", "DataModelSchema": SCHEMA.encode("utf-16-le")}),
    "m.bim": SCHEMA.encode(), "model.json": json.dumps({"name": "x", "pbi:mashup": {"document": SECTION}, "z": [1.0]}).encode(),
    "e.tmdl": EXPRESSIONS.encode(), "o.tmdl": TABLE.encode(),
}  # fmt: skip


def words(text: str) -> list[str]:
    tokens = tokenize(text)
    return [text[a:b] for a, b in zip(tokens.starts, tokens.ends, strict=True)]


def laid_out(file: EmbeddedFile) -> str:
    return file.formatted(lambda text, name: formatted(text, name, 120))


def raw_entries(data: bytes) -> dict[str, tuple[Any, ...]]:
    """Everything of each entry as it lies in the file, in order."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        for info in package.infolist():
            names, extras = struct.unpack_from("<HH", data, info.header_offset + 26)
            end = info.header_offset + 30 + names + extras + info.compress_size
            about = (
                info.date_time,
                info.compress_type,
                info.external_attr,
                info.extra,
                info.comment,
                info.flag_bits,
            )
            found[info.filename] = (about, data[info.header_offset : end])
    return found
