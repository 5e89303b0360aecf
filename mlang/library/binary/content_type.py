"""Binary.InferContentType: what some bytes look like.

The answer is a guess from the first bytes (and for text, the first lines): known
signatures first, then JSON, XML and HTML, then delimited text, then plain text.
"""

from __future__ import annotations

import re
from typing import Any

from mlang.registry import builtin
from mlang.tables.table import from_columns
from mlang.values import binary, encodings
from mlang.values.types import NUMBER, TEXT

_HEAD = 64 * 1024
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"\x1f\x8b", "application/x-gzip"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/vnd.ms-excel"),
    (b"\x00\x01\x00\x00Standard ", "application/msaccess"),
)
_OFFICE = (
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_CODE_PAGES = {"utf-8": 65001, "utf-16-le": 1200, "utf-16-be": 1201, "utf-32-le": 12000, "utf-32-be": 12001}
_DELIMITERS = ",;\t|"


@builtin("Binary.InferContentType(source as binary) as record")
def infer_content_type(source: Any) -> dict[str, Any]:
    """Guesses the content type of a binary.

    The record has Content.Type (null when nothing is recognised); for text also Content.Encoding,
    and for delimited text a table of the delimiters that could be meant.
    """
    head = binary.part(source, 0, _HEAD)
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return {"Content.Type": name}
    if head.startswith(b"PK\x03\x04"):
        name = next((name for mark, name in _OFFICE if mark in head), "application/x-zip-compressed")
        return {"Content.Type": name}
    text, code_page = _text(head)
    if text is None:
        return {"Content.Type": None}
    return _text_type(text, code_page)


def _text(head: bytes) -> tuple[str | None, int | None]:
    """The bytes as text and their code page; (None, None) when they are no text."""
    codec, skip = encodings.mark_of(head)
    if codec is not None:
        return head[skip:].decode(codec, "ignore"), _CODE_PAGES[codec]
    if not head or re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head):
        return None, None
    try:
        cut = head[: -3 if len(head) == _HEAD else None]
        return cut.decode("utf-8"), 65001
    except UnicodeDecodeError as error:
        if error.start >= len(head) - 4:
            return head[: error.start].decode("utf-8"), 65001
        return head.decode("cp1252", "replace"), 1252


def _text_type(text: str, code_page: int | None) -> dict[str, Any]:
    start = text.lstrip()[:200].lower()
    found = "text/plain"
    if start.startswith(("<!doctype html", "<html")):
        found = "text/html"
    elif re.match(r"<(\?xml|[a-z_][\w:.-]*[\s/>])", start):
        found = "text/xml"
    elif start[:1] in ("{", "[") and re.match(r'\{\s*("|\})|\[\s*([\[{"\]\d-]|true|false|null)', start):
        found = "application/json"
    if found == "application/json":
        return {"Content.Type": found}
    delimiters = _delimiters(text) if found == "text/plain" else []
    answer: dict[str, Any] = {"Content.Type": "text/csv" if delimiters else found}
    answer["Content.Encoding"] = float(code_page) if code_page else None
    if delimiters:
        names = ["Delimiter", "ColumnCount"]
        columns: list[list[Any]] = [[d for d, _ in delimiters], [float(n) for _, n in delimiters]]
        answer["Csv.PotentialDelimiter"] = from_columns(names, columns, [TEXT, NUMBER])
    return answer


def _delimiters(text: str) -> list[tuple[str, int]]:
    """Delimiters that cut the first lines into the same number (over one) of columns, widest first."""
    from mlang.connectors.csv_reader import rows_of
    from mlang.connectors.sources import CsvSource

    lines = text.splitlines(keepends=True)[:50]
    if len(text) >= _HEAD - 4 and len(lines) > 1:
        lines.pop()  # it may be cut
    found = []
    for delimiter in _DELIMITERS:
        widths = {len(row) for row in rows_of(CsvSource("".join(lines), (), delimiter=delimiter))}
        if len(widths) == 1 and (width := widths.pop()) > 1:
            found.append((-width, delimiter))
    return [(delimiter, -width) for width, delimiter in sorted(found)]
