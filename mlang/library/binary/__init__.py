"""Binary.*: one module per concern.

``conversion`` (from and to text and lists), ``parts`` (length, ranges, pages, buffering),
``compression``, ``content_type`` (guessing what bytes are), ``views``.  Binary values
themselves are in ``values/binary.py``; what reads formats byte by byte is BinaryFormat.
"""

from __future__ import annotations

from mlang.library.binary import (  # noqa: F401
    compression,
    content_type,
    conversion,
    parts,
    views,
)
