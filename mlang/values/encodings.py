"""Text encodings: Windows code pages (TextEncoding.Type numbers) as Python codecs, and byte order marks.

Everything that turns bytes into text goes through `decode` or `open_text`: a byte order
mark wins over the asked encoding and is never part of the text; bytes that mean nothing
become U+FFFD, as in .NET.
"""

from __future__ import annotations

import codecs
from typing import Any

from mlang import errors
from mlang.values.kinds import is_number

UTF8 = 65001
_NAMED = {
    UTF8: "utf-8",
    1200: "utf-16-le",
    1201: "utf-16-be",
    12000: "utf-32-le",
    12001: "utf-32-be",
    20127: "ascii",
    65000: "utf-7",
    28591: "latin-1",
    20866: "koi8-r",
    21866: "koi8-u",
    20932: "euc-jp",
    51932: "euc-jp",
    51949: "euc-kr",
    50220: "iso2022-jp",
    50225: "iso2022-kr",
    936: "gbk",
    54936: "gb18030",
    10000: "mac-roman",
    20290: "cp290",
}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def codec_of(code_page: Any, name: str = "encoding") -> str:
    """The Python codec of a code page; null (None) and 0 mean UTF-8 (TXT-35)."""
    if code_page is None:
        return "utf-8"
    if not is_number(code_page):  # an option, which no signature has looked at
        raise errors.cannot_convert(code_page, "Number")
    number = int(code_page) if code_page == code_page and abs(code_page) < 2**31 else -1
    if number != code_page:
        raise errors.argument_out_of_range(name, code_page)
    if number == 0:
        return "utf-8"
    candidates = [_NAMED[number]] if number in _NAMED else [f"cp{number}"]
    if 28592 <= number <= 28606:
        candidates = [f"iso8859-{number - 28590}"]
    for candidate in candidates:
        try:
            return codecs.lookup(candidate).name
        except LookupError:
            continue
    raise errors.argument_out_of_range(name, code_page)


def mark_of(head: bytes) -> tuple[str | None, int]:
    """The codec that a byte order mark announces and the mark's length; (None, 0) without one."""
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return codec, len(mark)
    return None, 0


def decode(data: bytes, code_page: Any = None) -> str:
    """The text of some bytes; a byte order mark wins and is dropped."""
    codec = codec_of(code_page)
    marked, skip = mark_of(data[:4])
    return data[skip:].decode(marked or codec, "replace")


def encode(text: str, code_page: Any = None, mark: bool = False) -> bytes:
    """The bytes of a text, with a byte order mark if asked; what the encoding lacks becomes "?"."""
    codec = codec_of(code_page)
    if codec.startswith("utf"):  # surrogates pair up; a lone one becomes U+FFFD as in .NET
        try:
            data = text.encode(codec)
        except UnicodeEncodeError:
            data = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode(codec)
    else:
        data = text.encode(codec, "replace")
    if mark:
        data = next((m for m, c in _MARKS if c == codec), b"") + data
    return data


def open_text(path: str, code_page: Any = None) -> Any:
    """A text stream over a file, line breaks as they are; the caller closes it."""
    codec = codec_of(code_page)
    with open(path, "rb") as head:
        marked, skip = mark_of(head.read(4))
    stream = open(path, encoding=marked or codec, errors="replace", newline="")  # noqa: SIM115
    if skip:
        stream.read(1)
    return stream
