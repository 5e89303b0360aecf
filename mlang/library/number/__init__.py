"""The families Number, Int64 and their like: one module per heading of the reference.

``constants`` and ``information``, ``conversion`` (Number.From, Int64.From, Number.ToText …),
``rounding``, ``operations``, ``trigonometry``, ``bits`` and ``random``.  Text formats and
parsing themselves are in ``mlang/culture/numbers.py``.
"""

from __future__ import annotations

from mlang.library.number import (
    bits,
    constants,
    conversion,
    information,
    operations,
    random,
    rounding,
    trigonometry,
)

__all__ = [
    "bits", "constants", "conversion", "information", "operations", "random", "rounding", "trigonometry",
]  # fmt: skip
