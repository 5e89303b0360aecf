"""How values and names are spelt in M: text literals, numbers, identifiers.

The inverse of what ``lexer.py`` reads.  Used by ``printer.py`` and by everything
that writes M (values as M text, generated steps).
"""

from __future__ import annotations

import re

from mlang.syntax.lexer import is_field_name, is_identifier
from mlang.syntax.vocabulary import HASH_NAMES

# Characters that cannot be seen or written: controls, line separators, lone surrogates.
_ESCAPED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]+")
_SHORT = {"\r": "cr", "\n": "lf", "\t": "tab"}


def escape(text: str) -> str:
    """The inside of a text literal (LEX-57)."""
    text = text.replace('"', '""').replace("#(", "#(#)(")
    return _ESCAPED.sub(_codes, text)


def _codes(match: re.Match[str]) -> str:
    return "#(" + ",".join(_SHORT.get(c) or f"{ord(c):04X}" for c in match[0]) + ")"


def text_literal(text: str) -> str:
    """A text as a literal."""
    return f'"{escape(text)}"'


def number_literal(number: float | int) -> str:
    """A number as a literal; a negative one with its sign, which M reads as an operator."""
    if number.__class__ is int:
        return str(number)
    if number != number:
        return "#nan"
    if number in (float("inf"), float("-inf")):
        return "#infinity" if number > 0 else "-#infinity"
    text = repr(number)
    # Without ".0" a whole number beyond 2^53 would be read as an exact one.
    return text[:-2] if text.endswith(".0") and abs(number) <= 2**53 else text


def identifier(name: str) -> str:
    """A name where an identifier stands."""
    return name if is_identifier(name) else f'#"{escape(name)}"'


def reference(name: str) -> str:
    """A name that is read; the keyword constructors (``#date``) are never quoted."""
    return name if name in HASH_NAMES or is_identifier(name) else f'#"{escape(name)}"'


def field_name(name: str) -> str:
    """A field name in a record or a selection."""
    return name if is_field_name(name) else f'#"{escape(name)}"'


def type_field_name(name: str) -> str:
    """A field name in a record or table type, which is narrower (LEX-40)."""
    return name if is_field_name(name, in_type=True) else f'#"{escape(name)}"'
