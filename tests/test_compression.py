"""Codecs beyond gzip and deflate: they need the package of the extra ``codecs``."""

from __future__ import annotations

import sys

import pytest

import mlang

KINDS = ["Snappy", "Brotli", "LZ4", "Zstandard"]


@pytest.mark.parametrize("kind", [*KINDS, "GZip", "Deflate", "None"])
def test_round_trip(kind: str) -> None:
    if kind in KINDS:
        pytest.importorskip("cramjam", reason="the extra codecs is not installed")
    text = f"""
        let b = Binary.FromList(List.Repeat({{10, 7}}, 5000)),
            c = Binary.Compress(b, Compression.{kind})
        in {{Binary.Decompress(c, Compression.{kind}) = b, Binary.Length(c) < 10000}}"""
    assert mlang.to_m(mlang.evaluate(text)) == ("{true, false}" if kind == "None" else "{true, true}")


@pytest.mark.parametrize("kind", KINDS)
def test_bad_data(kind: str) -> None:
    pytest.importorskip("cramjam", reason="the extra codecs is not installed")
    with pytest.raises(mlang.MError) as caught:
        mlang.evaluate(f"Binary.Decompress(#binary({{1, 2, 3, 255, 255, 255, 255}}), Compression.{kind})")
    assert caught.value.reason == "DataFormat.Error"


def test_framed_snappy_is_read() -> None:
    cramjam = pytest.importorskip("cramjam", reason="the extra codecs is not installed")
    data = ", ".join(str(b) for b in bytes(cramjam.snappy.compress(b"hello")))
    text = f"Text.FromBinary(Binary.Decompress(#binary({{{data}}}), Compression.Snappy))"
    assert mlang.evaluate(text) == "hello"


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cramjam", None)
    with pytest.raises(mlang.MError, match="codecs"):
        mlang.evaluate("Binary.Compress(#binary({1}), Compression.Brotli)")


@pytest.mark.parametrize("kind", [*KINDS, "GZip", "Deflate"])
def test_bombs_are_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks to more than the limit raises; the limit can be chosen."""
    if kind in KINDS:
        pytest.importorskip("cramjam", reason="the extra codecs is not installed")
    monkeypatch.setenv("MLANG_UNPACK_LIMIT", "1000")
    zeros = "Binary.FromList(List.Repeat({0}, 300000))"
    text = (
        f"Binary.Length(Binary.Decompress(Binary.Compress({zeros}, Compression.{kind}), Compression.{kind}))"
    )
    if kind == "Snappy":  # never packs 200 times smaller
        monkeypatch.setattr("mlang.connectors.limits.RATIO", 2)
    else:
        monkeypatch.setattr("mlang.connectors.limits.RATIO", 10)
    with pytest.raises(mlang.MError, match="larger than") as caught:
        mlang.evaluate(text)
    assert caught.value.reason == "DataFormat.Error"
    monkeypatch.setenv("MLANG_UNPACK_LIMIT", "300000")
    assert mlang.evaluate(text) == 300000


def test_gzip_members_follow_one_another() -> None:
    text = """
        let pack = (n) => Binary.Compress(#binary({n}), Compression.GZip)
        in Binary.ToList(Binary.Decompress(Binary.Combine({pack(1), pack(2), #binary({0, 0}), pack(3)}), 0))"""
    assert mlang.evaluate(text) == [1, 2, 3]
