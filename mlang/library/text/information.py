"""Text.Length and Text.InferNumberType."""

from __future__ import annotations

from typing import Any

from mlang.culture.text import utf16_length
from mlang.registry import builtin


@builtin("Text.Length(text as nullable text) as nullable number", null="text")
def length(text: str) -> float:
    """Counts the characters (UTF-16 code units) of a text."""
    return float(len(text) if text.isascii() else utf16_length(text))


@builtin("Text.InferNumberType(text as text, optional culture as nullable text) as type")
def infer_number_type(text: str, culture: str | None = None) -> Any:
    """Tells which number type a text spells: Int64, Double, Currency or Percentage; raises when none."""
    from mlang import errors
    from mlang.culture.data import culture as find
    from mlang.culture.numbers import read
    from mlang.culture.text import WHITE_SPACE
    from mlang.values.types import NAMED

    spelt = read(text.strip(WHITE_SPACE), find(culture))
    if spelt is None or spelt.number is None:
        raise errors.could_not_convert_to_number(text)
    if spelt.percent:
        return NAMED["Percentage.Type"]
    if spelt.currency:
        return NAMED["Currency.Type"]
    if spelt.whole and -(2**63) <= spelt.number < 2**63:
        return NAMED["Int64.Type"]
    return NAMED["Double.Type"]
