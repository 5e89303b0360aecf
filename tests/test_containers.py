"""M inside other files: read and written back with every other byte as it was."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from container_files import EXPRESSIONS, FILES, LET, SCHEMA, TABLE, laid_out, model_folder, raw_entries, words
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlang.app.containers.base import BrokenFile
from mlang.app.containers.files import open_container
from mlang.app.containers.source import EmbeddedFile, backup_of

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
