"""Broken, damaged, hostile and missing files with M inside."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from container_files import FILES, laid_out, stream, zipped
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cli import mlang  # noqa: F401  (a fixture)

from mlang.app.containers.base import BrokenFile
from mlang.app.containers.files import open_container
from mlang.app.containers.package import Package
from mlang.app.containers.source import EmbeddedFile
from mlang.errors import Fault
from mlang.syntax import parse_document

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
