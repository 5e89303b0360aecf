"""Why two values differ: paths for records and lists, rows and columns for tables.

Values are compared as M compares them, members that fail by reason and message.  The type of a
table counts by the kind of its columns: result files of the engine print bare kinds where the
value has facets (ENV-68).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from mlang.errors import MError
from mlang.values.compare import equal, key_of
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.related import own_part
from mlang.values.show import identifier, to_m, type_text
from mlang.values.thunk import force

MOST = 20  # differences that are shown
_WIDTH = 60
#: Rows above which tables of different length are compared by position only.
_ALIGNED = 5000


@dataclass
class Difference:
    """One spot: where it is, what was expected and what is there."""

    where: str
    expected: str
    actual: str


class _Enough(Exception):
    pass


class Failure:
    """A member that raises, as a value to compare."""

    __slots__ = ("error",)

    def __init__(self, error: MError) -> None:
        self.error = error


def settled(value: Any) -> Any:
    """The bare value of a member, or its `Failure`."""
    try:
        return strip(own_part(force(value)))
    except MError as error:
        return Failure(error)


def short(value: Any) -> str:
    """A value as M text for a cell of the report."""
    if isinstance(value, Failure):
        text = f"error {value.error}"
    elif kind_of(value) == "table":
        text = f"table with columns {', '.join(map(identifier, value.names))}"
    else:
        text = to_m(value, errors="show")
    return text if len(text) <= _WIDTH else text[: _WIDTH - 4] + " ..."


def differences(expected: Any, actual: Any, most: int = MOST) -> list[Difference]:
    """The first differences; empty when the values are equal."""
    found: list[Difference] = []

    def add(where: str, left: str, right: str) -> None:
        found.append(Difference(where, left, right))
        if len(found) > most:
            raise _Enough

    with suppress(_Enough):
        _Differ(add).values("", expected, actual)
    return found


class _Differ:
    """Walks two values side by side."""

    def __init__(self, add: Any) -> None:
        self.add = add

    def values(self, where: str, expected: Any, actual: Any) -> None:
        expected, actual = settled(expected), settled(actual)
        if isinstance(expected, Failure) or isinstance(actual, Failure):
            self.failures(where, expected, actual)
            return
        kind = kind_of(expected)
        walk = getattr(self, kind + "s", None)
        if kind_of(actual) == kind and walk is not None:
            walk(where, expected, actual)
        elif not _same(expected, actual):
            self.add(where or "value", short(expected), short(actual))

    def failures(self, where: str, expected: Any, actual: Any) -> None:
        if isinstance(expected, Failure) and isinstance(actual, Failure):
            left, right = expected.error, actual.error
            if (left.reason, left.message) == (right.reason, right.message):
                return
        self.add(where or "value", short(expected), short(actual))

    def lists(self, where: str, expected: Any, actual: Any) -> None:
        left, right = list(expected), list(actual)
        for index, (a, b) in enumerate(zip(left, right)):
            self.values(f"{where}{{{index}}}", a, b)
        if len(left) != len(right):
            self.add(f"{where or 'list'}: number of items", str(len(left)), str(len(right)))

    def records(self, where: str, expected: Any, actual: Any) -> None:
        for name, value in expected.items():
            if name in actual:
                self.values(f"{where}[{name}]", value, actual[name])
            else:
                self.add(f"{where}[{name}]", short(settled(value)), "(no such field)")
        for name in actual:
            if name not in expected:
                self.add(f"{where}[{name}]", "(no such field)", short(settled(actual[name])))

    # ------------------------------------------------------------ tables

    def tables(self, where: str, expected: Any, actual: Any) -> None:
        prefix = f"{where}: " if where else ""
        if list(expected.names) != list(actual.names):
            self.columns(prefix, list(expected.names), list(actual.names))
        else:
            for name, a, b in zip(expected.names, expected.type.types, actual.type.types):
                if a.kind != b.kind and "any" not in (a.kind, b.kind):
                    self.add(f"{prefix}type of column {name}", type_text(a, True), type_text(b, True))
        common = [n for n in expected.names if n in actual.names]
        left, right = _rows(expected, common), _rows(actual, common)
        if len(left) == len(right) or max(len(left), len(right)) > _ALIGNED:
            self.side_by_side(prefix, common, left, right)
        else:
            self.aligned(prefix, common, left, right)
        if len(left) != len(right):
            self.add(f"{prefix}number of rows", str(len(left)), str(len(right)))

    def columns(self, prefix: str, expected: list[str], actual: list[str]) -> None:
        for name in expected:
            if name not in actual:
                self.add(f"{prefix}column {name}", "there", "missing")
        for name in actual:
            if name not in expected:
                self.add(f"{prefix}column {name}", "not there", "extra")
        if sorted(expected) == sorted(actual):
            self.add(f"{prefix}order of columns", ", ".join(expected), ", ".join(actual))

    def side_by_side(self, prefix: str, names: list[str], left: list[Any], right: list[Any]) -> None:
        for index, (a, b) in enumerate(zip(left, right), 1):
            self.row(f"{prefix}row {index}", names, a, b)

    def row(self, where: str, names: list[str], left: Any, right: Any) -> None:
        for name, a, b in zip(names, left, right):
            self.values(f"{where}, column {name}", a, b)

    def aligned(self, prefix: str, names: list[str], left: list[Any], right: list[Any]) -> None:
        """Rows that were added or dropped are told as such; the rest is compared cell by cell."""
        matcher = SequenceMatcher(None, [_key(r) for r in left], [_key(r) for r in right], autojunk=False)
        for tag, a, a_end, b, b_end in matcher.get_opcodes():
            if tag == "equal":
                continue
            paired = min(a_end - a, b_end - b)
            for offset in range(paired):
                self.row(f"{prefix}row {a + offset + 1}", names, left[a + offset], right[b + offset])
            for index in range(a + paired, a_end):
                self.add(f"{prefix}row {index + 1}", _row_text(left[index]), "(missing)")
            for index in range(b + paired, b_end):
                self.add(f"{prefix}row {index + 1} of the result", "(none)", _row_text(right[index]))


def _same(expected: Any, actual: Any) -> bool:
    if kind_of(expected) != kind_of(actual):
        return False
    if expected.__class__ is float and actual.__class__ is float and expected != expected:
        return actual != actual  # a test that expects NaN means it
    if kind_of(expected) == "function":
        return to_m(expected) == to_m(actual)
    return equal(expected, actual)


def _rows(table: Any, names: list[str]) -> list[tuple[Any, ...]]:
    positions = [list(table.names).index(n) for n in names]
    return [tuple(row[p] for p in positions) for row in table.rows()]


def _key(row: tuple[Any, ...]) -> Any:
    keys: list[Any] = []
    for cell in row:
        value = settled(cell)
        if isinstance(value, Failure):
            keys.append(("error", value.error.reason, value.error.message))
            continue
        try:
            keys.append((kind_of(value), key_of(value)))
        except MError:
            keys.append(to_m(value, errors="show"))
    return tuple(keys)


def _row_text(row: tuple[Any, ...]) -> str:
    text = "{" + ", ".join(short(settled(c)) for c in row) + "}"
    return text if len(text) <= _WIDTH else text[: _WIDTH - 4] + " ..."


def report(found: list[Difference], most: int = MOST) -> list[str]:
    """The differences as an aligned listing."""
    from mlang.app.render import grid_lines

    rows = [[d.where, d.expected, d.actual] for d in found[:most]]
    lines = list(grid_lines(["Where", "Expected", "Actual"], rows))
    return [*lines, "... and more"] if len(found) > most else lines
