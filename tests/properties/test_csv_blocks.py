"""Delimited text read by blocks gives the rows, or the error, of the exact reader."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlang.connectors import csv_blocks, csv_reader
from mlang.connectors.sources import CsvSource
from mlang.errors import MError
from mlang.tables.batches import ArrowBatch

plain_fields = st.sampled_from(["", "a", "1.5", "é", "long field", " x ", "😀", "\ufeff", "NULL", "nan"])
quoted_fields = st.sampled_from(
    ['""', '"a"', '"a,b"', '"a;b"', '"x ""y"""', '"two\nlines"', '"two\r\nlines"', '"\n"', '""""', '",\n,"']
)
odd_fields = st.sampled_from(
    ['5" pipe', 'a"', '"a" ', '"a"b', ' "a"', '"open', "a\rb", "\0", '"\r"', "\n", '"']
)
ends = st.sampled_from(["\n", "\n", "\n", "\r\n"])
strange_ends = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\n\r\n", ",\n", "\n\r"])


@st.composite
def documents(draw: Any) -> tuple[str, str, int]:
    """A text, its delimiter and the number of its columns."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|", " "]))
    width = draw(st.integers(1, 3))
    kinds = [plain_fields, plain_fields | quoted_fields, plain_fields | quoted_fields | odd_fields]
    fields = kinds[draw(st.sampled_from([0, 0, 1, 1, 1, 2]))]
    widths = draw(st.sampled_from([st.just(width), st.just(width), st.integers(1, 4)]))
    end = draw(st.sampled_from([st.just("\n"), st.just("\r\n"), ends, strange_ends]))
    rows = draw(st.lists(st.tuples(widths.flatmap(lambda n: st.lists(fields, min_size=n, max_size=n)), end)))
    text = "".join(delimiter.join(row) + stop for row, stop in rows)
    return (text[:-1] if draw(st.booleans()) else text), delimiter, width


def read(source: CsvSource, columns: list[str] | None, least: int, block: int) -> Any:
    """All rows, or the error; and how many of them Arrow read."""
    rows: list[Any] = []
    typed = 0
    with (
        patch.object(csv_blocks, "LEAST", least),
        patch.object(csv_blocks, "BLOCK", block),
    ):
        try:
            for batch in csv_reader.batches(source, columns, None):
                typed += batch.length if batch.__class__ is ArrowBatch else 0
                rows += zip(*batch.columns, strict=True)
        except MError as error:
            return error.message, 0
    return rows, typed


@settings(max_examples=1500, deadline=None)
@given(
    documents(),
    st.sampled_from([4, 16, 40, 200, 10_000]),
    st.sampled_from([1, 2, 2]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(65001, "utf-8"), (65001, "utf-8-sig"), (1252, "cp1252"), (20127, "utf-8"), (1200, "utf-16-le")]),
)  # fmt: skip
@example(('"a"\n"b""c"\n', ",", 1), 4, 1, True, False, (65001, "utf-8"))
@example(("a,b\r\nc,d\r\n" * 20, ",", 2), 16, 1, True, False, (65001, "utf-8"))
@example(("a,b\n\ufeffc,d\n" * 20, ",", 2), 16, 1, True, False, (65001, "utf-8-sig"))
def test_blocks_are_no_other(
    document: tuple[str, str, int], block: int, extra: int, breaks: bool, always: bool, encoding: tuple[int, str]
) -> None:  # fmt: skip
    text, delimiter, width = document
    source = CsvSource(
        text.encode(encoding[1], "replace"),
        tuple(f"c{i}" for i in range(width)),
        delimiter=delimiter,
        encoding=encoding[0],
        quoted_breaks=breaks,
        quote_always=always and not breaks,
        extra_values=extra,
    )
    exact, _ = read(source, None, 10**9, block)
    assert read(source, None, 0, block)[0] == exact
    if not isinstance(exact, str):
        assert read(source, ["c0"], 0, block)[0] == [row[:1] for row in exact]


@pytest.mark.parametrize(
    "broken", [b"\xff", b"\xed\xa0\x80", b"\xe2\x82", b"\0", b"\xef\xbb\xbf", b"\r", b'"', b""]
)
@pytest.mark.parametrize("place", [0, 1, 700])
def test_odd_bytes(broken: bytes, place: int) -> None:
    lines = [b"%d,x%d\n" % (i, i) for i in range(1000)]
    lines[place] = broken + lines[place]
    source = CsvSource(b"".join(lines), ("a", "b"))
    assert read(source, None, 0, 500)[0] == read(source, None, 10**9, 500)[0]


@pytest.mark.parametrize("row", ["{0},text {0},{0}.5\n", '{0},"text, ""{0}""",{0}.5\r\n', '"{0}","a\nb",\n'])
def test_plain_text_goes_through_arrow(row: str) -> None:
    text = "".join(map(row.format, range(5000)))
    source = CsvSource(text.encode(), ("a", "b", "c"))
    rows, typed = read(source, None, 0, 4096)
    assert typed == len(rows) == 5000
    assert rows == read(source, None, 10**9, 4096)[0]


def test_a_row_of_another_width_is_read_exactly_and_arrow_goes_on() -> None:
    lines = [f"{i},x\n" for i in range(10_000)]
    lines[5000] = "5000\n"
    source = CsvSource("".join(lines).encode(), ("a", "b"), extra_values=2)
    rows, typed = read(source, None, 0, 4096)
    assert rows[5000] == ("5000", "")
    assert 9000 < typed < 10_000


@pytest.mark.parametrize("row", ["{0},text {0}\n", '"{0}","a ""quoted"" text\nof two lines"\r\n'])
def test_large_blocks(row: str) -> None:
    text = "".join(map(row.format, range(600_000)))
    assert len(text) > csv_blocks.BLOCK
    source = CsvSource(text.encode(), ("a", "b"))
    rows, typed = read(source, ["a"], 0, csv_blocks.BLOCK)
    assert typed == 600_000
    assert rows == [(str(i),) for i in range(600_000)]


@settings(max_examples=400, deadline=None)
@given(
    documents(),
    st.sampled_from([4, 40, 10_000]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]),
)
def test_what_is_known_of_a_file_changes_no_cell(
    document: tuple[str, str, int], block: int, breaks: bool, codec: str
) -> None:  # fmt: skip
    text, delimiter, width = document
    names = tuple(f"c{i}" for i in range(width))
    with tempfile.TemporaryDirectory() as folder, patch.object(csv_blocks, "_LASTING", 0):
        path = Path(folder) / "t.csv"
        path.write_bytes(text.encode(codec, "replace"))
        source = CsvSource(None, names, path=str(path), delimiter=delimiter, quoted_breaks=breaks)
        csv_blocks._simple.clear()
        first, plain = read(source, None, 0, block), codec.removesuffix("-sig")
        assert not csv_blocks._simple or re.fullmatch(rb'[^"\r\0\x80-\xff]*', text.encode(plain, "replace"))
        assert read(source, None, 0, block) == first


def test_a_file_in_which_nothing_is_odd_is_not_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("1,x\n" * 2000)
    source = CsvSource(None, ("a", "b"), path=str(path))
    csv_blocks._simple.clear()
    with patch.object(csv_blocks, "_LASTING", 0):
        assert read(source, None, 0, 500) == ([("1", "x")] * 2000, 2000)
        assert len(csv_blocks._simple) == 1
        assert read(source, ["b"], 0, 500) == ([("x",)] * 2000, 2000)
        path.write_text('1,x\n"2\n",y\n' * 1000)
        assert read(source, None, 0, 500) == ([("1", "x"), ("2\n", "y")] * 1000, 2000)
        assert len(csv_blocks._simple) == 1
    csv_blocks._simple.clear()
    path.write_text("1,x\n" * 2000)
    read(source, None, 0, 500)
    assert not csv_blocks._simple, "a small file is"
