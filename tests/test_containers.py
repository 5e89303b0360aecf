"""M inside other files: read, listed, run and written back with every other byte as it was."""

from __future__ import annotations

import base64
import io
import json
import os
import struct
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from test_cli import mlang  # noqa: F401  (a fixture)

from mlang.app.containers.base import BrokenFile, CannotWrite
from mlang.app.containers.files import open_container
from mlang.app.containers.listing import listed
from mlang.app.containers.package import Package
from mlang.app.containers.source import EmbeddedFile, backup_of
from mlang.app.formatting import formatted
from mlang.errors import Fault
from mlang.syntax import parse_document
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


CHANGED = {"w.xlsx": "customXml/item2.xml", "w8.xlsm": "customXml/item2.xml", "b.xlsb": "customXml/item1.xml", "r.pbix": "DataMashup",
           "t.pqt": "MashupDocument.pq", "m.pbit": "DataModelSchema"}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_format_write_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    os.chmod(path, 0o640)
    file = EmbeddedFile(path)
    before, new = file.text, laid_out(file)
    assert file.write(new)
    assert backup_of(path).name == f"{name}.bak2"
    assert (tmp_path / f"{name}.bak").read_bytes() == FILES[name]
    assert path.stat().st_mode & 0o777 == 0o640
    again = EmbeddedFile(path)
    assert words(again.text) == words(before)
    assert again.text.replace("\r\n", "\n") == new
    assert not again.write(laid_out(again)), "settled"
    assert ("\r\n" in again.text) == ("\r\n" in before)
    if name in CHANGED:
        old, now = raw_entries(FILES[name]), raw_entries(path.read_bytes())
        assert list(old) == list(now)
        assert {n for n in old if old[n] != now[n]} == {CHANGED[name]}
        assert old[CHANGED[name]][0] == now[CHANGED[name]][0]


@pytest.mark.parametrize("name", ["w.xlsx", "w8.xlsm", "r.pbix"])
def test_the_rest_of_a_stream_is_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    file = EmbeddedFile(tmp_path / name)
    file.write(laid_out(file))
    old, new = file.container.mashup, EmbeddedFile(tmp_path / name).container.mashup  # type: ignore[attr-defined]
    assert (old.permissions, old.metadata, old.bindings, old.rest) == (
        new.permissions,
        new.metadata,
        new.bindings,
        new.rest,
    )
    assert (new.metadata.endswith(b"abc"), new.rest) == (True, b"more" if name == "r.pbix" else b"")
    one, other = raw_entries(old.package), raw_entries(new.package)
    assert {n for n in one if one[n] != other[n]} == {"Formulas/Section1.m"}
    inside = zipfile.ZipFile(io.BytesIO(new.package)).read("Formulas/Section1.m")
    assert inside.startswith(b"\xef\xbb\xbf")


def test_the_xml_around_a_stream_is_kept(tmp_path: Path) -> None:
    (tmp_path / "w.xlsx").write_bytes(FILES["w.xlsx"])
    file = EmbeddedFile(tmp_path / "w.xlsx")
    file.write(laid_out(file))
    with zipfile.ZipFile(tmp_path / "w.xlsx") as package:
        data = package.read("customXml/item2.xml")
    assert data.startswith(b"\xff\xfe")
    text = data.decode("utf-16")
    assert text.startswith('<?xml version="1.0" encoding="utf-16"?><DataMashup sqmid="a-b" xmlns="http')
    assert text.endswith("</DataMashup>")


def test_json_outside_the_m_is_kept(tmp_path: Path) -> None:
    (tmp_path / "m.bim").write_bytes(FILES["m.bim"])
    file = EmbeddedFile(tmp_path / "m.bim")
    file.write(laid_out(file))
    new = (tmp_path / "m.bim").read_text(encoding="utf-8")
    assert new == (
        SCHEMA.replace("1 meta [IsParameterQuery=true]", "1 meta [IsParameterQuery = true]")
        .replace('["(x)=>", "  x+Least"]', '["(x) => x + Least"]')
        .replace('"let",\n            "  A=1,B = {A,2}",\n            "in B"', '"let A = 1, B = {A, 2} in B"')
        .replace('["{3,", "4}"]', '["{3, 4}"]')
    )  # fmt: skip


def test_tmdl_outside_the_m_is_kept(tmp_path: Path) -> None:
    place = model_folder(tmp_path)
    file = EmbeddedFile(tmp_path / "Shop.pbip")
    assert [p.name for p in file.container.pieces] == [
        "Least",
        "f 'x",
        "Fenced",
        "My Orders",
        "My Orders (refresh policy)",
    ]  # type: ignore[attr-defined]
    assert file.write(laid_out(file))
    expressions = (place / "definition" / "expressions.tmdl").read_bytes().decode()
    assert expressions == (
        EXPRESSIONS.replace("1 meta [IsParameterQuery=true]", "1 meta [IsParameterQuery = true]")
        .replace("\t\t(x)=>\r\n\t\t  x+Least", "\t\t(x) => x + Least")
    )  # fmt: skip
    table = (place / "definition" / "tables" / "My Orders.tmdl").read_text(encoding="utf-8")
    assert table == (
        TABLE.replace(LET, "let A = 1, B = {A, Least} in B")
        .replace("{3,\n                4}", "{3, 4}")
    )  # fmt: skip
    assert sorted(p.name for p in place.rglob("*.bak")) == ["My Orders.tmdl.bak", "expressions.tmdl.bak"]
    assert (
        open_container(place / "definition").document
        == open_container(tmp_path).document
        == EmbeddedFile(tmp_path / "Shop.Report").text
    )


# ---------------------------------------------------------------- any text, any package

_SCALARS = st.sampled_from(
    [
        "1",
        '"a""b"',
        "null",
        "true",
        "#date(2024,1,2)",
        "Text.Upper",
        '"x  "',
        "0x1F",
        '"\u2028 \x85x\x0c"',
        '"two\nlines  \n\n x"',
    ]
)
_SPACE = st.sampled_from([" ", "\n", "  ", "\t", " /* c */ ", " // c\n", "\n\n"])


@st.composite
def _joined(draw: Any, inner: Any) -> str:
    a, b, s, t = draw(inner), draw(inner), draw(_SPACE), draw(_SPACE)
    forms = [
        f"{{{a},{s}{b}}}", f"[x={a},{s}#\"y z\"={b}]", f"let{s} p={a},{t}q={b}{s}in{t} {{p,q}}", f"if {a}{s}=1 then{t} {b} else{s} 2",
        f"({s}x,y)=>{t}x&{a}", f"try {a}{s}otherwise{t} {b}",
    ]  # fmt: skip
    return f"({draw(st.sampled_from(forms))})"


EXPRESSION = st.recursive(_SCALARS, _joined, max_leaves=6)
_ENTRY = st.tuples(
    st.binary(max_size=60), st.sampled_from([0, 8]), st.booleans(), st.booleans(), st.binary(max_size=5)
)


def strange_zip(parts: dict[str, bytes], about: list[Any], prefix: bytes, comment: bytes) -> bytes:
    """A zip file as few write them: streamed entries, forced zip64, extra fields, bytes before and after."""

    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: Any) -> int:
            raise io.UnsupportedOperation

    out: io.BytesIO = Stream() if about and about[0][2] else io.BytesIO()
    out.write(prefix)
    with zipfile.ZipFile(out, "w") as package:
        for number, (name, data) in enumerate(parts.items()):
            _, method, _, big, more = about[number % len(about)] if about else (b"", 8, False, False, b"")
            info = zipfile.ZipInfo(name, (1999, 1, 2, 3, 4, 6))
            info.compress_type, info.comment = method, more
            info.extra = struct.pack("<HH", 0xCAFE, len(more)) + more
            with package.open(info, "w", force_zip64=big) as file:
                file.write(data)
        package.comment = comment
    return out.getvalue()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(EXPRESSION, min_size=1, max_size=4), about=st.lists(_ENTRY, max_size=4),
    prefix=st.binary(max_size=10), comment=st.binary(max_size=10), ending=st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
@example(texts=["1"], about=[(b"", 8, True, True, b"abc")], prefix=b"", comment=b"", ending="\n")
def test_any_text_in_any_package(
    tmp_path: Path, texts: list[str], about: list[Any], prefix: bytes, comment: bytes, ending: str
) -> None:
    section = "section S;\n" + "".join(f'shared #"q {i}" = {t};\n' for i, t in enumerate(texts))
    parts = {f"part{i}": entry[0] for i, entry in enumerate(about)} | {
        "MashupDocument.pq": section.replace("\n", ending).encode()
    }
    parts |= {"last": b"x" * 100}
    data = strange_zip(parts, about, prefix, comment)
    path = tmp_path / "t.pqt"
    path.write_bytes(data)
    if prefix and not data.startswith(b"PK"):
        with pytest.raises(BrokenFile):
            EmbeddedFile(path)
        data = strange_zip(parts, about, b"", comment)
        path.write_bytes(data)
    file = EmbeddedFile(path, backup=False)
    new = laid_out(file)
    file.write_as_it_is(new)
    again = EmbeddedFile(path)
    assert again.text == new
    assert words(again.text.replace("\r\n", "\n")) == words(file.text.replace("\r\n", "\n"))
    old, now = raw_entries(data), raw_entries(path.read_bytes())
    assert list(old) == list(now)
    assert {n for n in old if old[n] != now[n]} <= {"MashupDocument.pq"}
    with zipfile.ZipFile(path) as package:
        assert package.testzip() is None
        assert package.comment == comment


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(EXPRESSION, min_size=1, max_size=4),
    unit=st.sampled_from(["\t", "  ", "    "]),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_any_expression_in_tmdl_and_json(tmp_path: Path, texts: list[str], unit: str, ending: str) -> None:
    bodies = ["\n".join(line and unit * 2 + line for line in t.split("\n")) for t in texts]
    tmdl = f"model M\n{unit}culture: en-US\n\n" + "".join(
        f"expression 'q {i}' = ```\n{b}\n{unit * 2}```\n{unit}lineageTag: {i}\n\n"
        for i, b in enumerate(bodies)
    )
    path = tmp_path / "e.tmdl"
    path.write_bytes(tmdl.replace("\n", ending).encode())
    bim = tmp_path / "m.bim"
    model = {
        "model": {
            "expressions": [
                {"name": f"q {i}", "kind": "m", "expression": t.split("\n")} for i, t in enumerate(texts)
            ]
        }
    }
    bim.write_text(json.dumps(model, indent=1), encoding="utf-8")
    for place in (path, bim):
        file = EmbeddedFile(place, backup=False)
        assert [p.text for p in file.container.pieces] == texts  # type: ignore[attr-defined]
        new = laid_out(file)
        file.write(new)
        again = EmbeddedFile(place, backup=False)
        assert again.text == new
        assert words(again.text) == words(file.text)
    kept = [
        line
        for line in path.read_bytes().decode().split(ending)
        if line.strip().startswith(("lineageTag", "model", "culture"))
    ]
    assert len(kept) == len(texts) + 2


# ---------------------------------------------------------------- commands


def test_list(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    (tmp_path / "w.xlsx").write_bytes(FILES["w.xlsx"])
    done = mlang("list", str(tmp_path / "w.xlsx"))
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["Orders", "query", "yes", "table", "Orders_1,", "data", "model"], ["Least", "parameter", "yes", "?"],
        ["Twice", "it", "function", "yes", "-"], ["Total", "query", "yes", "?"],
        ["Parsed", "query", "yes", "?"],
    ]  # fmt: skip
    (tmp_path / "t.pqt").write_bytes(FILES["t.pqt"])
    found = json.loads(mlang("list", "--json", str(tmp_path / "t.pqt")).out)
    assert found["kind"] == "Power Query template"
    assert found["queries"][0] == {
        "name": "Orders",
        "kind": "query",
        "shared": True,
        "loads": [],
        "hidden": True,
    }
    (tmp_path / "a.pq").write_text(
        "section A; shared F = let f = (x) => x in Value.ReplaceType(f, type function (x as any) as any); G = 1;"
    )
    assert [(q["name"], q["kind"], q["shared"]) for q in listed(tmp_path / "a.pq")["queries"]] == [
        ("F", "function", True),
        ("G", "query", False),
    ]
    model_folder(tmp_path / "p")
    loads = {q["name"]: (q["kind"], q["loads"]) for q in listed(tmp_path / "p" / "Shop.pbip")["queries"]}
    assert loads["My Orders"] == ("query", ["model"])
    assert loads["f 'x"] == ("function", [])


def test_loads_of_a_report(tmp_path: Path) -> None:
    path = tmp_path / "r.pbix"
    about = METADATA.replace(
        '<Entry Type="FillEnabled" Value="l0" />', '<Entry Type="LoadedToAnalysisServices" Value="l1" />'
    )
    path.write_bytes(zipped({"DataMashup": stream(xml=about)}))
    loads = open_container(path).loads
    assert {name: load.targets for name, load in loads.items()} == {
        "Orders": ("model",),
        "Twice it": ("model",),
    }


def test_a_query_sees_its_workbook(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    path = tmp_path / "w.xlsx"
    path.write_bytes(FILES["w.xlsx"])
    assert mlang("run", str(path), "-q", "Total").out == "5\n"
    assert mlang("run", str(path), "-q", "Total", "--param", "Least=0").out == "6\n"
    assert mlang("run", str(path), "-q", "Parsed").out == "1.5\n", "the culture of the file"
    assert mlang("run", str(path), "-q", "Parsed", "--culture", "en-US").out == "15\n"
    assert "Rows" in mlang("explain", str(path), "-q", "Orders").out
    assert "Id" in mlang("steps", str(path), "-q", "Orders").out
    assert mlang("check", str(path)).code == 0
    (tmp_path / "w.test.pq").write_text(
        'section T; shared UnitTest = {[Name = "sum", Expected = 5, Actual = Total]};'
    )
    assert mlang("test", str(tmp_path / "w.test.pq")).code == 0
    (tmp_path / "b.xlsb").write_bytes(FILES["b.xlsb"])
    (tmp_path / "o.pq").write_text("Excel.CurrentWorkbook()")
    assert "Excel.CurrentWorkbook: the current workbook" in mlang("run", str(tmp_path / "o.pq")).err


def test_current_workbook_lists_tables_and_names(tmp_path: Path) -> None:
    import mlang as m

    (tmp_path / "w.xlsx").write_bytes(FILES["w.xlsx"])
    found = m.to_python(m.evaluate("Excel.CurrentWorkbook()", workbook=str(tmp_path / "w.xlsx")))
    assert found == [
        {"Content": [{"Id": 1.0}, {"Id": 5.0}], "Name": "Data"}, {"Content": [{"Column1": 1.0}], "Name": "Limit"},
    ]  # fmt: skip


def test_fmt_commands(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    path = tmp_path / "w.xlsx"
    path.write_bytes(FILES["w.xlsx"])
    assert mlang("fmt", "--check", str(path)).code == 1
    done = mlang("fmt", "--diff", str(path))
    assert done.code == 1
    assert '+shared #"Twice it" = (x) => x * 2;' in done.out
    assert path.read_bytes() == FILES["w.xlsx"]
    assert mlang("fmt", "--no-backup", str(path)).code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["w.xlsx"]
    assert mlang("fmt", "--check", str(path)).code == 0
    model_folder(tmp_path / "p")
    assert mlang("fmt", str(tmp_path / "p")).code == 0
    assert "(x) => x + Least" in (
        tmp_path / "p" / "Shop.SemanticModel" / "definition" / "expressions.tmdl"
    ).read_text(encoding="utf-8")
    path.write_bytes(FILES["w.xlsx"])
    assert mlang("fmt", str(tmp_path)).code == 0, "what isn't named is left alone"
    assert path.read_bytes() == FILES["w.xlsx"]
    assert mlang("lint", str(path)).code in (0, 1)


def test_rename_in_a_workbook(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    path = tmp_path / "w.xlsx"
    path.write_bytes(FILES["w.xlsx"])
    assert mlang("rename", str(path), "Orders", "All orders", "--write").code == 0
    assert mlang("rename", str(path), "All orders/Rows", "Kept ü", "--write").code == 0
    container = open_container(path)
    assert 'shared #"All orders"=let' in container.document
    metadata = container.mashup.metadata.decode("utf-8", "ignore")  # type: ignore[attr-defined]
    for place in (
        "Section1/All%20orders<",
        "Section1/All%20orders/Source<",
        "Section1/All%20orders/Kept%20%C3%BC<",
    ):
        assert place in metadata
    assert container.loads["All orders"].targets == ("table Orders_1", "data model")
    with zipfile.ZipFile(path) as package:
        connections = package.read("xl/connections.xml").decode()
    assert "Location=&quot;All orders&quot;;" in connections
    assert 'command="SELECT * FROM [All orders]"' in connections
    assert mlang("run", str(path), "-q", "Total").out == "5\n"


def test_rename_where_it_cannot_be_followed(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    for name, query in (("r.pbix", "Orders"), ("b.xlsb", "Orders"), ("m.bim", "Orders")):
        path = tmp_path / name
        path.write_bytes(FILES[name])
        done = mlang("rename", str(path), query, "Other", "--write")
        assert done.code != 0
        assert "can't be renamed here" in done.err
        assert path.read_bytes() == FILES[name]
    place = model_folder(tmp_path / "p")
    assert mlang("rename", str(place), "Least", "At least", "--write").code == 0
    text = (place / "definition" / "expressions.tmdl").read_bytes().decode()
    assert text.startswith("\ufeffexpression 'At least' = 1 meta [IsParameterQuery=true]\r\n\tlineageTag: a")
    assert '#"At least"' in (place / "definition" / "tables" / "My Orders.tmdl").read_text(encoding="utf-8")
    (tmp_path / "n.bim").write_bytes(FILES["m.bim"])
    assert mlang("rename", str(tmp_path / "n.bim"), "Least", "Low", "--write").code == 0
    assert '{"name": "Low", "kind": "m"' in (tmp_path / "n.bim").read_text(encoding="utf-8")


def test_queries_that_a_template_holds_twice(tmp_path: Path) -> None:
    path = tmp_path / "t.pbit"
    path.write_bytes(zipped({"DataMashup": stream(), "DataModelSchema": SCHEMA.encode("utf-16-le")}))
    file = EmbeddedFile(path, backup=False)
    assert file.write(laid_out(file))
    file = EmbeddedFile(path, backup=False)
    with pytest.raises(CannotWrite, match="holds its queries twice"):
        file.write(file.text.replace("Least", "Most"))


def test_queries_are_not_added_to_models(tmp_path: Path) -> None:
    (tmp_path / "m.bim").write_bytes(FILES["m.bim"])
    file = EmbeddedFile(tmp_path / "m.bim")
    with pytest.raises(CannotWrite, match="can't be added"):
        file.write_as_it_is(file.text + "shared New = 1;")


def test_a_change_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "w.xlsx"
    path.write_bytes(FILES["w.xlsx"])
    file = EmbeddedFile(path)
    path.write_bytes(FILES["w8.xlsm"])
    with pytest.raises(Fault, match="changed by someone else"):
        file.write(laid_out(file))
    assert path.read_bytes() == FILES["w8.xlsm"]
    assert [p.name for p in tmp_path.iterdir()] == ["w.xlsx"]
    place = model_folder(tmp_path / "p")
    model = EmbeddedFile(place)
    (place / "definition" / "model.tmdl").write_text("model Other")
    with pytest.raises(Fault, match="changed by someone else"):
        model.write(laid_out(model))


# ---------------------------------------------------------------- broken files

COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.xlsx", b"", "not known are files"), ("a.xlsx", COMPOUND, "encrypted or of the old binary format"),
        ("a.xlsx", FILES["w.xlsx"][:500], "no zip file"), ("a.xlsx", zipped({"a": b""}), "holds no queries"),
        ("a.pbix", zipped({"DataModel": b"x", "Report/Layout": b""}), "compressed data model.*pbit.*pbip"),
        ("a.pbix", zipped({"Report/Layout": b"", "Connections": b"{}"}), "a model that lives elsewhere"),
        ("a.pbix", zipped({"DataMashup": stream()[:100]}), "stream is broken"), ("a.pbix", zipped({"DataMashup": b""}), "stream is broken"),
        ("a.pbix", zipped({"DataMashup": b"\1" + stream()[1:]}), "of version 1"),
        ("a.xlsx", zipped({"customXml/item1.xml": b"<DataMashup xmlns='http://schemas.microsoft.com/DataMashup'>&&</DataMashup>"}), "holds no queries"),
        ("a.xlsx", zipped({"customXml/item1.xml": b"<DataMashup xmlns='http://schemas.microsoft.com/DataMashup'>abc</DataMashup>"}), "not base 64"),
        ("a.bim", b"{", "no readable JSON"), ("a.bim", b"[" * 100_000, "no readable JSON"), ("a.bim", b"{}", "holds no queries"),
        ("a.bim", b'{"a": 1,}', "no readable JSON"), ("a.bim", b"\xff\xfe\xd8", "is not UTF-16-LE text"), ("a.bim", b"\x80", "is not UTF-8 text"),
        ("a.pbip", b"[]", "its model isn't here"), ("a.pbip", b"{", "no readable JSON"), ("definition.pbir", b"{}", "lives elsewhere"),
        ("a.tmdl", b"model M", "holds no queries"), ("a.tmdl", b"\x80", "is not UTF-8 text"), ("model.json", b"{}", "holds no mashup document"),
        ("a.pqt", zipped({"MashupDocument.pq": b"\x80"}), "is not UTF-8 text"),
        ("a.pqt", zipped({"MashupDocument.pq": b"", "MashupMetadata.json": b"{"}), "no readable JSON"),
    ],
)  # fmt: skip
def test_broken_files(tmp_path: Path, mlang: Any, name: str, data: bytes, message: str) -> None:  # noqa: F811
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BrokenFile, match=message):
        open_container(tmp_path / name)
    done = mlang("list", str(tmp_path / name))
    assert done.code != 0
    assert "Traceback" not in done.err
    assert name in done.err


def test_missing_files(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    assert "There is no file" in mlang("list", str(tmp_path / "no.xlsx")).err
    (tmp_path / "X.SemanticModel").mkdir()
    assert "neither model.bim nor TMDL" in mlang("list", str(tmp_path / "X.SemanticModel")).err
    (tmp_path / "Y.Dataset").mkdir()
    assert "several models; name one of X.SemanticModel, Y.Dataset" in mlang("list", str(tmp_path)).err


def test_bombs(tmp_path: Path) -> None:
    bomb = zipped({"MashupDocument.pq": b" " * (40 << 20)})
    (tmp_path / "a.pqt").write_bytes(bomb)
    with pytest.raises(BrokenFile, match="isn't unpacked"):
        open_container(tmp_path / "a.pqt")
    lying = bytearray(zipped({"MashupDocument.pq": b"x" * 1000}))
    place = lying.rfind(b"PK\1\2")
    struct.pack_into("<I", lying, place + 24, 1 << 31)
    with pytest.raises(BrokenFile, match="isn't unpacked"):
        Package(bytes(lying), "a").read("MashupDocument.pq")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["w.xlsx", "r.pbix", "m.pbit", "t.pqt", "e.tmdl", "m.bim"]),
    st.integers(0, 10_000),
    st.binary(min_size=1, max_size=4),
    st.booleans(),
)
def test_damaged_files_end_in_messages(
    tmp_path_factory: Any, name: str, place: int, junk: bytes, cut: bool
) -> None:
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(damaged(FILES[name], place, junk, cut))
    message = used(path)
    assert "Traceback" not in message


def damaged(data: bytes, place: int, junk: bytes, cut: bool) -> bytes:
    place %= len(data)
    return data[:place] if cut else data[:place] + junk + data[place + len(junk) :]


def used(path: Path) -> str:
    """Reads, formats and writes a file; the message when that ends in one."""
    try:
        file = EmbeddedFile(path, backup=False)
        parse_document(file.text)
        file.write(laid_out(file))
    except Fault as error:
        return str(error)
    return ""
