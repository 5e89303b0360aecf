"""Parquet files that are damaged, encrypted or grow beyond reason, and what the options may be."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mlang
from mlang.connectors import limits
from mlang.errors import MError

READ = 'Table.ToRows(Parquet.Document(File.Contents("t.parquet")))'


def show(source: str, folder: Path, engine: str = "none") -> str:
    return mlang.to_m(mlang.evaluate(source, base_dir=str(folder), engine=engine))


def fails(source: str, folder: Path, engine: str = "none") -> MError:
    with pytest.raises(MError) as caught:
        show(source, folder, engine)
    return caught.value


def parquet(**how: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2, None], "b": ["x", "y", "z"]}), out, **how)
    return out.getvalue()


def footer_of(data: bytes) -> int:
    """Where the footer begins."""
    return len(data) - 8 - int.from_bytes(data[-8:-4], "little")


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
def test_codecs(tmp_path: Path, codec: str) -> None:
    (tmp_path / "t.parquet").write_bytes(parquet(compression=codec))
    assert show(READ, tmp_path) == '{{1, "x"}, {2, "y"}, {null, "z"}}'


@pytest.mark.parametrize("engine", ["none", "duckdb"])
def test_damaged_footers_end_no_process(tmp_path: Path, engine: str) -> None:
    """pyarrow calls std::terminate for some of these when their statistics are asked for."""
    data = parquet()
    rows = 'Table.SelectRows(Parquet.Document(File.Contents("t.parquet")), each [a] > 1)'
    refused = 0
    for place in range(footer_of(data), len(data) - 8, 3):
        damaged = bytearray(data)
        damaged[place] ^= 0x3F
        (tmp_path / "t.parquet").write_bytes(damaged)
        for text in (rows, 'Parquet.Metadata(File.Contents("t.parquet"))[Columns]'):
            try:
                show(text, tmp_path, engine)
            except MError as error:
                refused += error.reason in ("DataFormat.Error", "Expression.Error")
    assert refused > 50


@pytest.mark.parametrize("size", [0, 3, 8, 50, 200])
def test_truncated(tmp_path: Path, size: int) -> None:
    (tmp_path / "t.parquet").write_bytes(parquet()[:size])
    assert fails(READ, tmp_path).reason == "DataFormat.Error"


def test_checksums_are_held(tmp_path: Path) -> None:
    data = bytearray(parquet(write_page_checksum=True, use_dictionary=False, compression="none"))
    data[data.index(b"\x01\0\0\0x") + 4] = ord("!")
    (tmp_path / "t.parquet").write_bytes(data)
    assert "CRC" in fails(READ, tmp_path).message


def test_signed_footers_are_refused(tmp_path: Path) -> None:
    """Encrypted columns under a readable footer, which a signature of 28 bytes ends."""
    data = parquet()
    footer = data[footer_of(data) : -8] + bytes(28)
    (tmp_path / "t.parquet").write_bytes(
        data[: footer_of(data)] + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    )
    for text in (READ, 'Parquet.Metadata(File.Contents("t.parquet"))'):
        assert fails(text, tmp_path).message == "Parquet: the file is encrypted"


def test_row_groups_that_grow_beyond_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"a": ["x" * 1_000_000 + str(i) for i in range(10)]})
    pq.write_table(
        table, tmp_path / "t.parquet", compression="zstd", use_dictionary=False, write_statistics=False
    )
    assert show(f"List.Count({READ})", tmp_path) == "10"
    monkeypatch.setattr(limits, "LIMIT", 1 << 20)
    assert "refused" in fails(READ, tmp_path).message


def test_texts_that_are_no_utf8(tmp_path: Path) -> None:
    """In cells as .NET reads them; in names the file is refused."""
    data = parquet(use_dictionary=False, compression="none")
    cell = bytearray(data)
    cell[data.index(b"\x01\0\0\0x") + 4] = 0xFF
    (tmp_path / "t.parquet").write_bytes(cell)
    assert show(f"List.Last({READ}{{0}})", tmp_path) == '"\ufffd"'
    name = data.replace(b"\x18\x01b", b"\x18\x01\xff").replace(b"\x08\x01b", b"\x08\x01\xff")
    (tmp_path / "t.parquet").write_bytes(name)
    assert fails(READ, tmp_path).reason == "DataFormat.Error"


OPTIONS: list[tuple[str, str | None]] = [
    ("[Compression = null, LegacyColumnNameEncoding = false, MaxDepth = null]", None),
    ('[TypeMapping = "Sql"]', None),
    ("[Compression = Compression.Zstandard]", None),
    ("[Compression = 9]", "The 'Compression' argument is out of range."),
    ("[LegacyColumnNameEncoding = 1]", "We cannot convert the value 1 to type Logical."),
    ("[LegacyColumnNameEncoding = true]", "Parquet.Document: LegacyColumnNameEncoding isn't supported by mlang."),
    ("[MaxDepth = 3]", "Parquet.Document: MaxDepth isn't supported by mlang."),
    ('[TypeMapping = "Other"]', "Parquet.Document: TypeMapping isn't supported by mlang."),
    ("[TypeMapping = 1]", "We cannot convert the value 1 to type Text."),
]  # fmt: skip


@pytest.mark.parametrize(("option", "message"), OPTIONS)
def test_options(tmp_path: Path, option: str, message: str | None) -> None:
    (tmp_path / "t.parquet").write_bytes(parquet())
    text = f'Table.RowCount(Parquet.Document(File.Contents("t.parquet"), {option}))'
    if message is None:
        assert show(text, tmp_path) == "3"
    else:
        assert fails(text, tmp_path).message == message
