"""Round trips through formats: items, templates, and what an imported document lacks here."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from dataflows.making import make, refresh, rows
from test_cli import mlang  # noqa: F401  (a fixture)

from staging import interchange
from staging.dataflow import read
from staging.portability import template, will_not_run

SECTION = (
    '\ufeff[StagingDefinition = [Kind = "FastCopy"], Mine = [Deep = {1, "x"}]]\r\nsection Section1;\r\n'
    '[Unknown = [A = 1]]\r\nshared #"A 😀" = #table(type table [a = number], {{1}});\t// kept\r\n'
    'shared Hidden = #"A 😀";\r\n\r\n'
)


def test_a_template_comes_back_byte_for_byte(tmp_path: Path, mlang: Any) -> None:  # B5  # noqa: F811
    place = make(tmp_path, SECTION, name="shop")
    (place / "mashup.pq").write_bytes(SECTION.encode())
    about = json.loads((place / "queryMetadata.json").read_text(encoding="utf-8"))
    about["queriesMetadata"] = {"Hidden": {"queryId": "h", "queryName": "Hidden", "isHidden": True}}
    (place / "queryMetadata.json").write_text(json.dumps(about), encoding="utf-8")
    file = tmp_path / "shop.pqt"
    assert mlang("export", str(place), "--pqt", "-o", str(file)).code == 0
    assert file.read_bytes() == template(read(place))  # no time of day in it
    with zipfile.ZipFile(file) as package:
        assert package.read("MashupDocument.pq") == SECTION.encode()
        listed = json.loads(package.read("MashupMetadata.json"))["QueriesMetadata"]
    assert listed == [{"Name": "A 😀"}, {"Name": "Hidden", "IsHidden": True}]
    found = interchange.read(file)
    again = interchange.write_item(found, tmp_path / "again")
    assert (found.name, read(again).queries["Hidden"].hidden) == ("shop", True)
    assert (again / "mashup.pq").read_bytes().removeprefix(b"\xef\xbb\xbf") == SECTION.encode()[3:]
    assert refresh(again).status == "Completed"
    assert rows(again, "Hidden") == [(1.0,)]


def test_an_item_keeps_what_is_not_known(tmp_path: Path) -> None:  # B1
    place = make(tmp_path, SECTION, name="shop")
    originals = {
        "mashup.pq": SECTION.encode(),
        "queryMetadata.json": b'{ "formatVersion":"202502","name":"shop", "x":[1,\t2], "queriesMetadata":'
        b'{"A \xf0\x9f\x98\x80":{"queryId":"1","new":{"a":null}},"Hidden":{}},"connections":[] }\r\n',
        ".platform": b'{"metadata":{"type":"Dataflow","displayName":"shop"},"config":{"logicalId":"7"},"y":1}\n\n',
        "flow.mdf": b'{"name": "m"}',
    }
    for name, data in originals.items():
        (place / name).write_bytes(data)
    assert interchange.item_parts(read(place)) == originals


def test_what_will_not_run_here_is_listed(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    text = (
        "shared A = let x = Cube.Unknown(B), y = #date(1, 1, 1), z = JoinKind.Inner in x; shared B = each _;"
    )
    assert will_not_run("section S; " + text) == ["Cube.Unknown is not known here; used by A."]
    file = tmp_path / "t.pqt"
    file.write_bytes(template(read(make(tmp_path, text))))
    done = mlang("import", str(file), "-o", str(tmp_path / "out"))
    assert (done.code, "Note: Cube.Unknown is not known here; used by A." in done.err) == (0, True)


TMDL = """table Sales
\tcolumn Id

\tpartition Sales = m
\t\tmode: import
\t\tsource =
\t\t\t\tlet
\t\t\t\t    Source = #table(type table [Id = number], {{1}, {2}})
\t\t\t\tin
\t\t\t\t    Source

"""


def test_a_project_is_imported(tmp_path: Path, mlang: Any) -> None:  # B5  # noqa: F811
    tables = tmp_path / "Shop.SemanticModel" / "definition" / "tables"
    tables.mkdir(parents=True)
    (tables / "Sales.tmdl").write_text(TMDL, encoding="utf-8")
    (tmp_path / "Shop.pbip").write_text("{}", encoding="utf-8")
    for path in (tmp_path / "Shop.pbip", tmp_path / "Shop.SemanticModel", tables / "Sales.tmdl"):
        out = tmp_path / path.suffix[1:]
        done = mlang("import", str(path), "-o", str(out), "--name", "Shop")
        assert done.code == 0, done.err
        assert refresh(out / "Shop.Dataflow").status == "Completed"
        assert rows(out / "Shop.Dataflow", "Sales") == [(1.0,), (2.0,)]
