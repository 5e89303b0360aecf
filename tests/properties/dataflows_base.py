"""What every part of the generator of dataflows draws with: a random source and the columns at this point.

`dataflows_expressions.py`, `dataflows_steps.py` and `dataflows_tables.py` build on it, `dataflows.py` joins them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from tests.properties.pool import NUMERIC, TYPES, quoted

#: Values and functions that programs name; a program defines those that its steps name.
DEFINITIONS = {
    "pMax": "List.Max(r[k])", "pCount": "Table.RowCount(r)", "pFirst": "Table.FirstValue(Table.SelectColumns(r, {\"k\"}))",
    "pText": '"a"', "pNull": "null", "pSum": "List.Sum(Table.SelectRows(r, each [k] <> null)[k])",
    "pList": "List.Distinct(r[k])", "pTexts": "List.Buffer(r[t])", "pDate": "List.Min(r[d])", "pRecord": "r{0}?",
    "fTwo": "(x as nullable number, optional y as nullable number) as nullable number => if y = null then x else x + y",
    "fText": '(x, optional y) => (if x = null then "" else Text.From(x)) & (y ?? "-")',
    "fOver": "(bound) => (x) => if x > bound then bound else x", "fOverTwo": "fOver(2)",
    "fFact": "(n) => if n = null or n <= 1 or n > 100 then 1 else n * @fFact(n - 1)", "fSafe": "(x) => try Number.From(x) otherwise null",
    "fRow": "(row) => row[k] ?? 0", "fBand": '(x) => if x < 0 then "low" else if x < 2 then "mid" else "high"',
    "fParts": '(x) => let p = Text.Split(x, "-"), c = List.Count(p) in if c > 1 then p{1} else null',
}  # fmt: skip


def field(name: str) -> str:
    """The access to a field of the row."""
    return f"[{identifier(name)}]"


def identifier(name: str) -> str:
    """A name as an identifier of M."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*", name)
    return name if plain and name not in ("_", "each", "type") else "#" + quoted(name)


def claimed(kind: str) -> str:
    """The type of a kind, as an expression."""
    return TYPES[kind] if "." in TYPES[kind] else "type " + TYPES[kind]


def listed(names: Any) -> str:
    """Names as a list of texts."""
    return "{" + ", ".join(map(quoted, names)) + "}"


class Drawing:
    """Draws from a random source; ``columns`` are the names and kinds at the point that is drawn."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.columns: dict[str, str] = {}
        #: The columns of the table ``r``, and of the tables before.
        self.other: dict[str, str] = {}
        self.made = 0
        #: Whether the table has many rows: what multiplies them is not drawn.
        self.long = False
        self.pick = random.choice

    @contextmanager
    def over(self, columns: dict[str, str]) -> Iterator[None]:
        """Draws over other columns for a while."""
        kept, self.columns = self.columns, dict(columns)
        try:
            yield
        finally:
            self.columns = kept

    def name(self) -> str:
        """A new name."""
        self.made += 1
        if self.random.random() < 0.03:
            return self.pick(["Z", "a b", 'q"', "z.z", "😀z", "K"]) + str(self.made)
        return f"z{self.made}"

    def of(self, *kinds: str) -> str | None:
        """A column of one of the kinds; rarely of any."""
        names = [n for n, kind in self.columns.items() if kind in kinds]
        if not names or self.random.random() < 0.02:
            names = list(self.columns)
        return self.pick(names) if names else None

    def having(self, *kinds: str) -> str | None:
        """A column of one of the kinds, or None."""
        names = [n for n, kind in self.columns.items() if kind in kinds]
        return self.pick(names) if names else None

    def numeric(self) -> str:
        """A column of numbers; one of another kind when there is none."""
        return self.of(*NUMERIC) or "k"

    def textual(self) -> str:
        """A column of texts; one of another kind when there is none."""
        return self.of("text", "dirty") or "t"

    def some(self, most: int = 3) -> list[str]:
        """A few columns."""
        names = list(self.columns)
        return self.random.sample(names, self.random.randint(1, min(most, len(names)))) if names else []
