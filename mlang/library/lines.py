"""Lines.*: texts and binaries as lists of lines and back (SPL-18, SPL-19).

CR LF, CR or LF ends a line; a break at the very end adds no empty line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mlang import errors
from mlang.library.arguments import enum_member, of_kind, options
from mlang.registry import builtin
from mlang.values.binary import content
from mlang.values.encodings import codec_of, decode, encode
from mlang.values.lists import Streamed
from mlang.values.metadata import strip

_BREAK = re.compile("\r\n|\r|\n")
_QUOTED_BREAK = re.compile('"|\r\n|\r|\n')


class _Rules:
    """How lines are told apart: ``quotes`` None (never), "always", or the delimiter quotes stand behind."""

    __slots__ = ("encoding", "keep", "quotes")

    def __init__(self, quotes: str | None, keep: bool, encoding: Any) -> None:
        self.quotes, self.keep, self.encoding = quotes, keep, encoding


_FIELDS = {"QuoteStyle": None, "CsvStyle": None, "Delimiter": None, "IncludeLineSeparators": None}


def _rules(function: str, quote_style: Any, include: Any, encoding: Any = None) -> _Rules:
    """The positional arguments, or the options record that may stand in the place of the first."""
    if quote_style.__class__ is not dict:
        style = enum_member(quote_style, "quoteStyle", (0, 1))
        return _Rules("always" if style == 1 else None, bool(include), encoding)
    if include is not None or encoding is not None:
        raise errors.options_and_arguments("quoteStyle")
    defaults = dict(_FIELDS) if function == "Lines.FromText" else {**_FIELDS, "Encoding": None}
    chosen = options(quote_style, function, defaults)
    csv = enum_member(chosen["CsvStyle"], "CsvStyle", (0, 1))
    style = enum_member(chosen["QuoteStyle"], "QuoteStyle", (0, 1), 0 if chosen["CsvStyle"] is None else 1)
    quotes = None
    if style == 1:
        after = chosen["CsvStyle"] is not None and csv == 0
        quotes = (of_kind(chosen["Delimiter"], "text") if chosen["Delimiter"] else "") if after else "always"
        if after and len(quotes) != 1:
            raise errors.not_single_character(chosen["Delimiter"])
    keep = chosen["IncludeLineSeparators"]
    encoding = chosen.get("Encoding")
    codec_of(encoding, "Encoding")
    return _Rules(quotes, keep is not None and of_kind(keep, "logical"), encoding)


def _breaks(text: str, rules: _Rules) -> Iterator[re.Match[str]]:
    """The line breaks that end a line."""
    if rules.quotes is None:
        yield from _BREAK.finditer(text)
        return
    inside, start = False, 0
    for match in _QUOTED_BREAK.finditer(text):
        if match[0] == '"':
            at = match.start()
            opens = rules.quotes == "always" or at == start or text[at - 1] == rules.quotes
            inside = not inside if inside or opens else False
        elif not inside:
            start = match.end()
            yield match


def _lines(text: str, rules: _Rules) -> Iterator[str]:
    at = 0
    for match in _breaks(text, rules):
        yield text[at : match.end() if rules.keep else match.start()]
        at = match.end()
    if at < len(text):
        yield text[at:]


@builtin(
    "Lines.FromText(text as text, optional quoteStyle as any, "
    "optional includeLineSeparators as nullable logical) as list"
)
def from_text(text: str, quote_style: Any = None, include: Any = None) -> Any:
    """Cuts a text into its lines; quoted breaks may be left alone."""
    rules = _rules("Lines.FromText", quote_style, include)
    return Streamed(lambda: _lines(text, rules))


@builtin(
    "Lines.FromBinary(binary as binary, optional quoteStyle as any, "
    "optional includeLineSeparators as nullable logical, optional encoding as nullable number) as list"
)
def from_binary(binary: Any, quote_style: Any = None, include: Any = None, encoding: Any = None) -> Any:
    """Reads a binary as text and cuts it into its lines."""
    rules = _rules("Lines.FromBinary", quote_style, include, encoding)
    return Streamed(lambda: _lines(decode(content(binary), rules.encoding), rules))


def _joined(lines: Any, separator: str | None) -> str:
    end = "\r\n" if separator is None else separator
    return "".join(of_kind(line, "text") + end for line in lines)


@builtin("Lines.ToText(lines as list, optional lineSeparator as nullable text) as text")
def to_text(lines: Any, separator: str | None = None) -> str:
    """Joins lines into a text; every line is followed by a separator (CR LF)."""
    return _joined(lines, separator)


@builtin(
    "Lines.ToBinary(lines as list, optional lineSeparator as nullable text, "
    "optional encoding as nullable number, optional includeByteOrderMark as nullable logical) as binary"
)
def to_binary(lines: Any, separator: str | None = None, encoding: Any = None, mark: Any = None) -> bytes:
    """Joins lines into a text, every line followed by a separator, and encodes it."""
    return encode(_joined(lines, separator), encoding, bool(strip(mark)))
