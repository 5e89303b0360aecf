"""The families Text, Character and Guid: one module per heading of the reference.

``information``, ``comparisons`` (conversions from and to text), ``formatting``
(Text.Format), ``extraction``, ``modification``, ``membership``, ``delimiters`` and
``transformations``.  Lengths and positions count UTF-16 code units (TXT-01): see
``mlang/culture/text.py``.
"""

from __future__ import annotations

from mlang.library.text import (
    comparisons,
    delimiters,
    extraction,
    formatting,
    information,
    membership,
    modification,
    transformations,
)

__all__ = [
    "comparisons", "delimiters", "extraction", "formatting", "information", "membership", "modification",
    "transformations",
]  # fmt: skip
