"""Extension modules: archives and folders, what only modules see, and what queries get of them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

import mlang
from mlang.app.main import main

SECTION = """\
[Version = "1.0.0"] section Shop;

[DataSource.Kind = "Shop", Publish = "Shop.Publish"]
shared Shop.Contents = (optional city as text) => Table.SelectRows(Load("rows.pqm"), each city = null or [City] = city);
shared Shop.Label = Extension.LoadString("Label");
shared Shop.Sign = (data as binary) => Binary.ToText(Crypto.CreateHmac(CryptoAlgorithm.SHA256, Text.ToBinary("Jefe"), data), 1);
shared Shop.Hash = Binary.ToText(Crypto.CreateHash(CryptoAlgorithm.MD5, Text.ToBinary("abc")), 1);
shared Shop.Who = Extension.CurrentCredential()[AuthenticationKind];
shared Shop.Refused = error Extension.CredentialError(Credential.AccessDenied, "no");
shared Shop.Missing = Extension.Contents("nothing.txt");
shared Shop.Outside = Extension.Contents("../secret.txt");
Hidden = 1;
Load = (name) => Expression.Evaluate(Text.FromBinary(Extension.Contents(name)), #shared);
Shop = [Authentication = [Anonymous = []], Label = Extension.LoadString("Label")];
"""
ROWS = '#table(type table [City = text, N = number], {{"Ulm", 1}, {Text.Upper("bonn"), 2}})'
TEXTS = '<root><data name="Label"><value>{}</value></data><data name="Other"><value>x</value></data></root>'


@pytest.fixture(params=["shop.mez", "shop.pq"])
def module(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    files = {
        "shop.pq": SECTION, "Rows.pqm": ROWS,
        "resources.resx": TEXTS.format("The shop"), "resources.de-DE.resx": TEXTS.format("Der Laden"),
    }  # fmt: skip
    path = tmp_path / str(request.param)
    if path.suffix == ".mez":
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
    else:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
    return path


def evaluate(text: str, module: Path, **settings: Any) -> Any:
    return mlang.evaluate(text, extensions=[module], **settings)


def test_queries_use_shared_members(module: Path) -> None:
    assert mlang.to_python(evaluate('Shop.Contents("BONN")', module)) == [{"City": "BONN", "N": 2.0}]
    assert evaluate("Table.RowCount(Shop.Contents())", module) == 2
    assert evaluate("#shared[Shop.Who]", module) == "Anonymous"
    assert evaluate("Shop.Label", module) == "The shop"
    assert evaluate("Shop.Label", module, culture="de-DE") == "Der Laden"
    assert evaluate("Shop.Hash", module) == "900150983cd24fb0d6963f7d28e17f72"
    signed = evaluate('Shop.Sign(Text.ToBinary("what do ya want for nothing?"))', module)  # RFC 4231, case 2
    assert signed == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hidden", "'Hidden' doesn't exist"),
        ('Extension.LoadString("Label")', "'Extension.LoadString' doesn't exist"),
        ("Shop.Refused", "Credential.AccessDenied: no"),
        ("Shop.Missing", "has no file 'nothing.txt'"),
        ("Shop.Outside", "files of the module only"),
    ],
)
def test_what_queries_cannot_do(module: Path, text: str, message: str) -> None:
    with pytest.raises(mlang.MError, match=message):
        evaluate(text, module)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pq", "1 + 1", "is no module"),
        ("a.mez", "no archive", "is not a ZIP archive"),
        ("a.pq", "section A; shared Text.Upper = 1;", "the library has a Text.Upper already"),
        ("missing.mez", None, "There is no file"),
        ("missing.pq", None, "There is no file"),
    ],
)
def test_files_that_are_no_modules(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(mlang.Fault, match=message):
        evaluate("1", path)


def test_modules_see_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.pq").write_text("section A; shared A.One = 1; shared A.Both = A.One + B.Two;")
    (tmp_path / "b.pq").write_text("section B; shared B.Two = 2; shared B.Both = A.One + B.Two;")
    both = [tmp_path / "a.pq", tmp_path / "b.pq"]
    assert mlang.evaluate("A.Both + B.Both", extensions=both) == 6
    (tmp_path / "c.pq").write_text("section C; shared A.One = 1;")
    with pytest.raises(mlang.Fault, match=r"another module has a A\.One"):
        mlang.evaluate("1", extensions=[*both, tmp_path / "c.pq"])


def test_on_the_command_line(module: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["eval", "--extension", str(module), "Shop.Label"])
    assert (ended.value.code, capsys.readouterr().out) == (0, '"The shop"\n')
