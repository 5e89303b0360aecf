"""BinaryFormat.*: readers of binary structures, applied to a binary as functions.

``formats`` says what a format is and how one is recognised; ``scalars`` has numbers,
``sequences`` what has a length (binary, text, list, length), ``structures`` what is made
of other formats (record, choice, transform, byte order), ``groups`` keyed items.
"""

from __future__ import annotations

from mlang.library.binaryformat import groups, scalars, sequences, structures  # noqa: F401
