"""Commands on M inside other files: list, run, fmt, lint, rename, diff; what is refused."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
from container_files import FILES, METADATA, SCHEMA, laid_out, model_folder, stream, zipped
from test_cli import mlang  # noqa: F401  (a fixture)

from mlang.app.containers.base import CannotWrite
from mlang.app.containers.files import open_container
from mlang.app.containers.listing import listed
from mlang.app.containers.source import EmbeddedFile
from mlang.errors import Fault


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


def test_edits_without_backups(tmp_path: Path, mlang: Any) -> None:  # noqa: F811
    path = tmp_path / "w.xlsx"
    path.write_bytes(FILES["w.xlsx"])
    for arguments in (
        ("rename", str(path), "Total", "Sum"),
        ("replace-source", str(path), "Parsed", "Number.From(2)"),
        ("inline", str(path), "Orders/Source"),
        ("extract", str(path), "Orders", "Rows", "Large"),
    ):
        done = mlang(*arguments, "--write", "--no-backup")
        assert done.code == 0, done.err
    assert mlang("lint", "--fix", "--no-backup", str(path)).code in (0, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["w.xlsx"]
    assert "shared Large = " in EmbeddedFile(path).text


def test_diff_with_a_revision(tmp_path: Path, mlang: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    Path("w.xlsx").write_bytes(FILES["w.xlsx"])
    model_folder(Path("p"))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["init", "-q", ".."], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *arguments], check=True)
    assert mlang("diff", "HEAD:w.xlsx", "w.xlsx").code == 0
    assert mlang("rename", "w.xlsx", "Total", "Sum", "--write", "--no-backup").code == 0
    assert mlang("diff", "HEAD:w.xlsx", "w.xlsx").out == "= Sum: renamed from 'Total'\n"
    assert mlang("rename", "p", "Least", "Low", "--write", "--no-backup").code == 0
    for place in ("p", "p/Shop.pbip", "p/Shop.Report/definition.pbir", "p/Shop.SemanticModel"):
        done = mlang("diff", f"HEAD:{place}", place)
        assert (done.code, done.out.splitlines()[0]) == (1, "= Low: renamed from 'Least'"), done.err
    assert "exist" in mlang("diff", "HEAD:no.xlsx", "w.xlsx").err
