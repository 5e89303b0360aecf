"""M cells to Arrow columns and back, with the facts about a column that folding asks for.

`Encoder` takes batches of cells (values, thunks, failed thunks) and gives Arrow arrays.
An error in a cell becomes null and is counted (docs/decisions/staged-errors.md); a value that
its column's type does not allow stops the query: a wrong table is worse than none.
`decode` is the way back for the interpreter.  Read ``types.py`` first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from attrs import define, field

from mlang.errors import MError
from mlang.values.kinds import kind_of
from mlang.values.metadata import strip
from mlang.values.temporal import MINUTE, Date, DateTime, DateTimeZone, Duration, Time
from mlang.values.thunk import Thunk
from staging.errors import CannotStage
from staging.types import Column, arrow_type

#: 1970-01-01 in days and in microseconds since 0001-01-01.
EPOCH_DAYS = date(1970, 1, 1).toordinal() - 1
EPOCH_MICROS = EPOCH_DAYS * 86_400_000_000
_WHOLE = 2**53
_CENT = Decimal("0.0001")


class TooFine(Exception):
    """A datetime has ticks below a microsecond: the column needs the wider code."""


@define
class Facts:
    """What is known about all cells of a column; field names are those of the manifest."""

    nulls: int = 0
    errors: int = 0
    rounded: int = 0
    min: Any = None
    max: Any = None
    nan: bool = False
    int53: bool | None = None
    ascii: bool | None = None
    bmp: bool | None = None
    first_error: str | None = None
    unordered: bool = field(default=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Only what says something."""
        found: dict[str, Any] = {"nulls": self.nulls}
        for name in ("errors", "rounded", "nan"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        for name in ("int53", "ascii", "bmp", "first_error"):
            if getattr(self, name) is not None:
                found[name] = getattr(self, name)
        if self.min is not None and not self.unordered:
            found["min"], found["max"] = self.min, self.max
        return found


# ---------------------------------------------------------------- one cell


class _Lossy(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


def _double(value: Any) -> float:
    number = float(value)
    if isinstance(value, Decimal) and value.is_finite():
        if Decimal(repr(number)) != value:
            raise _Lossy(number)
    elif number != value and value == value:
        raise _Lossy(number)
    return number


def _int64(value: Any) -> int:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError
    whole = int(value)
    if whole != value or not -(2**63) <= whole < 2**63:
        raise ValueError
    return whole


def _currency(value: Any) -> Decimal:
    exact = (
        value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else value)
    )
    if not exact.is_finite() or abs(exact) >= 10**15:
        raise ValueError
    cents = exact.quantize(_CENT)
    if cents != exact:
        raise _Lossy(cents)
    return cents


def _text(value: str) -> str:
    if not value.isascii():
        value.encode("utf-8")  # UnicodeEncodeError is a ValueError: half of a surrogate pair
    return value


def _micros(ticks: int) -> int:
    if ticks % 10:
        raise TooFine
    return ticks // 10


#: code -> (M kind, value -> what Arrow stores).
_CELLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "double": ("number", _double),
    "int64": ("number", _int64),
    "currency": ("number", _currency),
    "text": ("text", _text),
    "logical": ("logical", lambda v: v),
    "date": ("date", lambda v: v.days - EPOCH_DAYS),
    "datetime": ("datetime", lambda v: _micros(v.ticks) - EPOCH_MICROS),
    "datetime_ticks": ("datetime", lambda v: v.ticks),
    "datetimezone": ("datetimezone", lambda v: _micros(v.utc_ticks) - EPOCH_MICROS),
    "datetimezone_ticks": ("datetimezone", lambda v: v.utc_ticks),
    "instant": ("datetimezone", lambda v: _micros(v.utc_ticks) - EPOCH_MICROS),
    "time": ("time", lambda v: v.ticks),
    "time64": ("time", lambda v: _micros(v.ticks)),
    "duration": ("duration", lambda v: v.ticks),
    "interval": ("duration", lambda v: _micros(v.ticks)),
    "binary": ("binary", lambda v: v if v.__class__ is bytes else v.content()),
}

#: Codes whose values go to Arrow as they are when all have this class.
_DIRECT = {"double": float, "text": str, "logical": bool}
_SIMPLE = {
    "date": Date, "datetime": DateTime, "datetime_ticks": DateTime, "time": Time, "time64": Time,
    "duration": Duration, "interval": Duration,
}  # fmt: skip


class Encoder:
    """Encodes one column batch after batch and gathers its facts."""

    def __init__(self, query: str, column: Column) -> None:
        self.query, self.column = query, column
        self.facts = Facts()
        self.row = 0

    def encode(self, cells: list[Any]) -> list[Any]:
        """The Arrow arrays of some cells: one, or value and offset; `TooFine` changes nothing here."""
        import pyarrow as pa

        code = self.column.code
        classes = set(map(type, cells))
        offsets = None
        if code.startswith("datetimezone"):
            values, offsets = self._with_offsets(cells)
        elif classes <= {_DIRECT.get(code), type(None)} and code in _DIRECT:
            values = cells
        elif code in _SIMPLE and classes <= {_SIMPLE[code], type(None)}:
            convert = _CELLS[code][1]
            values = [None if v is None else convert(v) for v in cells]
        else:
            values = self._slowly(cells)
        array = self._array(values, cells)
        self.row += len(cells)
        gather(self.facts, code, array)
        return [array] if offsets is None else [array, pa.array(offsets, pa.int16())]

    def accept(self, array: Any) -> list[Any]:
        """An Arrow array of an engine as the stored one; ArrowInvalid when a value does not fit."""
        stored = array.cast(arrow_type(self.column.code))
        self.row += len(stored)
        gather(self.facts, self.column.code, stored)
        return [stored]

    def _array(self, values: list[Any], cells: list[Any]) -> Any:
        import pyarrow as pa

        type = arrow_type(self.column.code)
        try:
            if self.column.code in ("date", "datetime", "datetimezone", "instant", "time64", "interval"):
                return pa.array(values, pa.int32() if self.column.code == "date" else pa.int64()).cast(type)
            return pa.array(values, type)
        except UnicodeEncodeError:
            return pa.array(self._slowly(cells), type)  # finds the row

    def _slowly(self, cells: list[Any]) -> list[Any]:
        before = (self.facts.errors, self.facts.rounded, self.facts.first_error)
        try:
            return [self._cell(cell, index) for index, cell in enumerate(cells)]
        except TooFine:
            self.facts.errors, self.facts.rounded, self.facts.first_error = before
            raise

    def _with_offsets(self, cells: list[Any]) -> tuple[list[Any], list[Any]]:
        values = self._slowly(cells)
        found = [None if v is None else self._offset(c) for v, c in zip(values, cells, strict=True)]
        return values, found

    @staticmethod
    def _offset(cell: Any) -> int:
        value = strip(cell.get() if cell.__class__ is Thunk else cell)
        return int(value.offset)

    def _cell(self, cell: Any, index: int) -> Any:
        if cell.__class__ is Thunk:
            try:
                cell = cell.get()
            except MError as error:
                self.facts.errors += 1
                if self.facts.first_error is None:
                    self.facts.first_error = f"row {self.row + index + 1}: {error}"
                return None
        value = strip(cell)
        if value is None:
            return None
        kind, convert = _CELLS[self.column.code]
        if kind_of(value) != kind:
            raise self._refuse(index, f"holds a {kind_of(value)}, its type says {kind}")
        try:
            return convert(value)
        except _Lossy as lossy:
            self.facts.rounded += 1
            return lossy.value
        except (ValueError, OverflowError):
            said = self.column.type.name or kind
            raise self._refuse(index, f"holds a value that {said} can't store") from None

    def _refuse(self, index: int, what: str) -> CannotStage:
        place = f"column '{self.column.name}', row {self.row + index + 1}"
        return CannotStage(f"Query '{self.query}': {place} {what}.")


# ---------------------------------------------------------------- facts


def gather(facts: Facts, code: str, array: Any) -> None:
    """Adds what a batch says about its column; ``facts.errors`` are among the nulls."""
    facts.nulls += array.null_count
    if array.null_count == len(array):
        return
    if code == "text":
        _gather_text(facts, array)
    elif code == "double":
        _gather_double(facts, array)
    elif code not in ("logical", "binary", "currency"):
        _gather_range(facts, code, array)


def _gather_text(facts: Facts, array: Any) -> None:
    import pyarrow.compute as pc

    ascii = bool(pc.all(pc.string_is_ascii(array)).as_py())
    bmp = ascii or not pc.any(pc.match_substring_regex(array, "[\U00010000-\U0010ffff]")).as_py()
    facts.ascii = ascii and facts.ascii is not False
    facts.bmp = bool(bmp) and facts.bmp is not False
    if not facts.ascii:
        # Byte order is M's ordinal order for ASCII only.
        facts.unordered = True
        return
    _widen(facts, pc.min_max(array).as_py())
    facts.unordered = facts.unordered or len(facts.min) > 200 or len(facts.max) > 200


def _gather_double(facts: Facts, array: Any) -> None:
    import pyarrow.compute as pc

    nan = pc.is_nan(array)
    if pc.any(nan).as_py():
        facts.nan, facts.int53 = True, False
        array = array.filter(pc.invert(nan)).drop_null()
        if not len(array):
            return
    low_high = pc.min_max(array).as_py()
    if math.isinf(low_high["min"]) or math.isinf(low_high["max"]):
        facts.int53, facts.unordered = False, True
        return
    _widen(facts, low_high)
    if facts.int53 is not False:
        inside = _inside(low_high)
        whole = inside and pc.all(pc.equal(pc.floor(array), array)).as_py()
        facts.int53 = bool(whole and not _has_negative_zero(array))


def _has_negative_zero(array: Any) -> bool:
    """-0 is no whole number: as an integer it would lose its sign, and 1 / -0 is negative."""
    import pyarrow as pa
    import pyarrow.compute as pc

    zeros = array.filter(pc.equal(array, 0.0)).view(pa.int64())
    return bool(pc.any(pc.not_equal(zeros, 0)).as_py())


def _gather_range(facts: Facts, code: str, array: Any) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if code == "int64":
        low_high = pc.min_max(array).as_py()
        inside = _inside(low_high)
        facts.int53 = inside and facts.int53 is not False
    elif code == "date":
        low_high = pc.min_max(array.cast(pa.int32())).as_py()
    else:
        low_high = pc.min_max(array.cast(pa.int64())).as_py()
    _widen(facts, low_high)


def _inside(low_high: dict[str, Any]) -> bool:
    """Whether all whole numbers of a range are doubles, too."""
    return bool(low_high["min"] > -_WHOLE and low_high["max"] < _WHOLE)


def _widen(facts: Facts, low_high: dict[str, Any]) -> None:
    low, high = low_high["min"], low_high["max"]
    facts.min = low if facts.min is None or low < facts.min else facts.min
    facts.max = high if facts.max is None or high > facts.max else facts.max


# ---------------------------------------------------------------- back to M values


def _number(value: int) -> Any:
    return float(value) if -_WHOLE <= value <= _WHOLE else value


_BACK: dict[str, Callable[[Any], Any]] = {
    "int64": _number,
    "date": lambda v: Date(v + EPOCH_DAYS),
    "datetime": lambda v: DateTime((v + EPOCH_MICROS) * 10),
    "datetime_ticks": DateTime,
    "time": Time,
    "duration": Duration,
}


def kind_of_code(code: str) -> str:
    """The M kind that a code stores."""
    return _CELLS[code][0]


def decode(column: Column, array: Any, offsets: Any = None) -> list[Any]:
    """The M values of a stored column."""
    import pyarrow as pa

    code = column.code
    if code == "date":
        array = array.cast(pa.int32())
    elif code in ("datetime", "datetimezone"):
        array = array.cast(pa.int64())
    values: list[Any] = array.to_pylist()
    if offsets is not None:
        ticks = 10 if code == "datetimezone" else 1
        epoch = EPOCH_MICROS * 10 if code == "datetimezone" else 0
        pairs = zip(values, offsets.to_pylist(), strict=True)
        return [None if v is None else DateTimeZone(v * ticks + epoch + o * MINUTE, o) for v, o in pairs]
    back = _BACK.get(code)
    return values if back is None else [None if v is None else back(v) for v in values]
