"""How the texts of an Arrow column are spelt, told by their bytes: `Spelling`.

One look at the lengths and at all bytes that are no digits takes a tenth of the time of a regular
expression, and proves as much: texts of digits alone are whole numbers to every reader.
"""

from __future__ import annotations

from typing import Any

_DIGITS = b"0123456789"


class Spelling:
    """The ``shortest`` and ``longest`` text in bytes (None: there is none).

    ``data`` are all bytes one behind the other, ``others`` those that are no digits.
    """

    __slots__ = ("data", "longest", "others", "shortest")

    def __init__(self, texts: Any) -> None:
        import pyarrow.compute as pc

        lengths = pc.min_max(pc.binary_length(texts)).as_py()
        self.shortest: int | None = lengths["min"]
        self.longest: int | None = lengths["max"]
        self.data = _bytes(texts) if self.longest else b""
        self.others = self.data.translate(None, _DIGITS)

    def only(self, characters: bytes) -> bool:
        """Whether nothing but digits and these characters stands in the texts."""
        return not self.others.translate(None, characters)


def _bytes(texts: Any) -> bytes:
    """The bytes of all texts; texts that are null may have some, too."""
    _, offsets, data = texts.buffers()
    places = memoryview(offsets).cast("i")
    return bytes(memoryview(data)[places[texts.offset] : places[texts.offset + len(texts)]])
