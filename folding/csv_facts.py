"""What is learnt of the texts of a CSV file while they stream into the engine: `Watch`.

A column that is converted has a flag for each text that the engine may read in another way than M
(`casts.py`).  Where a whole pass over a file finds no such text, the next query converts the column
without flags (`spelling.py`).  What is looked at here is stricter than the flags, and quicker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from folding.terms import whole_facts
from mlang.tables.spelt import Spelling

#: Longer texts may hold more digits than a double.
DIGITS = 15
#: Days since 1970 of the first date that M has.
_FIRST_DAY = -719_162


class Watch:
    """The texts of a column that is converted to a type of numbers or dates; ``facts`` when all went by."""

    def __init__(self, key: Any, storage: str, has_point: bool) -> None:
        self.key, self._storage = key, storage
        self._signs = b".-" if has_point else b"-"
        self._plain, self._nullable, self._natural, self._longest = True, False, True, 0

    def look(self, texts: Any) -> bool:
        """Looks at some texts: whether all are plain."""
        plain = not texts.null_count and self._looks_plain(texts)
        self._plain = self._plain and plain
        return plain

    def _looks_plain(self, texts: Any) -> bool:
        import pyarrow as pa

        spelling = Spelling(texts)
        if spelling.longest is None:
            return True
        self._nullable = self._nullable or spelling.shortest == 0
        self._longest = max(self._longest, spelling.longest)
        self._natural = self._natural and b"-" not in spelling.others
        try:
            return _PLAIN[self._storage](texts, spelling, self._signs)
        except pa.ArrowInvalid:
            return False

    def facts(self) -> dict[str, Any]:
        """In the words of `terms.Scalar`; nothing when a text is doubtful."""
        if not self._plain:
            return {}
        most = 10**self._longest - 1
        bounds = whole_facts(0 if self._natural else -most, most) if self._storage == "BIGINT" else {}
        return {"plain": True, "nullable": self._nullable, **bounds}


def watches(storage: str) -> bool:
    """Whether texts that become such values are known well enough."""
    return storage in _PLAIN


def _whole(texts: Any, spelling: Spelling, _: bytes) -> bool:
    """Digits; a sign only before a number that is not zero."""
    if not spelling.others:
        return (spelling.longest or 0) <= DIGITS
    if (spelling.longest or 0) > DIGITS or not spelling.only(b"-"):
        return False
    import pyarrow as pa
    import pyarrow.compute as pc

    negative = pc.sum(pc.less(_filled(texts, spelling).cast(pa.int64()), 0)).as_py()
    return bool(negative == len(spelling.others))


def _double(texts: Any, spelling: Spelling, signs: bytes) -> bool:
    """Digits with a point and a sign where Arrow reads them; small fractions are decimals to M."""
    if (spelling.longest or 0) > DIGITS or not spelling.only(signs):
        return False
    if not spelling.others:
        return True
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = _filled(texts, spelling).cast(pa.float64())
    if b".0000" not in spelling.data:  # as every smaller fraction has
        return True
    sizes = pc.abs(numbers)
    return not pc.any(pc.and_(pc.less(sizes, 1e-4), pc.greater(sizes, 0.0))).as_py()


def _date(texts: Any, spelling: Spelling, _: bytes) -> bool:
    if spelling.shortest != 10 or spelling.longest != 10 or not spelling.only(b"-"):
        return False
    import pyarrow as pa
    import pyarrow.compute as pc

    first = pc.min(texts.cast(pa.date32()).view(pa.int32())).as_py()
    return bool(first >= _FIRST_DAY)


_PLAIN: dict[str, Callable[[Any, Spelling, bytes], bool]] = {
    "BIGINT": _whole,
    "DOUBLE": _double,
    "DATE": _date,
}


def _filled(texts: Any, spelling: Spelling) -> Any:
    """The texts, "1" in place of empty ones."""
    if spelling.shortest:
        return texts
    import pyarrow.compute as pc

    return pc.if_else(pc.equal(texts, ""), "1", texts)
