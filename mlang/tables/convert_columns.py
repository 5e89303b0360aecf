"""Conversions of whole columns: the same values as ``convert.converter`` gives, cell by cell, but faster.

A column part that is all plain digits, or all ISO dates, is converted in one go after one
regular expression has looked at all of it; whatever does not look plain goes to the exact
conversion, once per distinct text.  Read ``culture/numbers.parse_number`` for the rules that
make a spelling plain, and ``culture/date_parse.py`` for the ISO forms every culture reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from mlang.errors import MError
from mlang.tables.column import Column, plain
from mlang.tables.convert import conversion_name, converter
from mlang.tables.keys import classes_of
from mlang.tables.spelt import Spelling
from mlang.values.temporal import DAY, HOUR, MINUTE, SECOND, Date, DateTime
from mlang.values.thunk import FAILED, Thunk, failed
from mlang.values.types import MType

Convert = Callable[[Any], Any]
ColumnMap = Callable[[list[Any]], list[Any]]

_NONE = type(None)
_TEXTS = {str, _NONE}
_WHOLE = re.compile(r"(?:[-+]?[0-9]{1,15}+\n)++")
_DECIMAL = re.compile(r"(?:[-+]?[0-9]++(?:\.[0-9]*+)?\n)++")
_DATES = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}\n)++")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,7}))?\Z")
#: From here on doubles are not all the whole numbers; texts so long may say more than a double holds.
_EXACT, _LONG = 2.0**53, 16
#: So many texts are remembered before the memory is emptied.
_MOST = 100_000


def cells(column: list[Any], convert: Convert) -> list[Any]:
    """``convert`` of each cell, at once; failures become failed thunks, delayed cells stay delayed."""
    result: list[Any] = []
    append = result.append
    for cell in column:
        if cell.__class__ is Thunk:
            append(Thunk(_after(convert, cell)) if cell.state != FAILED else cell)
            continue
        try:
            append(convert(cell))
        except MError as error:
            append(failed(error))
    return result


def _after(convert: Convert, cell: Thunk) -> Callable[[], Any]:
    return lambda: convert(cell.get())


class ByText:
    """A pure function of a cell, called once for each distinct text where texts repeat."""

    __slots__ = ("convert", "known")

    def __init__(self, convert: Convert) -> None:
        self.convert = convert
        self.known: dict[Any, Any] = {}

    def __call__(self, column: list[Any], distinct: bool = False) -> list[Any]:
        """The results; ``distinct`` tells that the cells are texts of a longer column, which come again."""
        if not classes_of(column) <= _TEXTS:
            return cells(column, self.convert)
        known = self.known
        fresh = set(column).difference(known)
        if len(fresh) * 2 > len(column) and not distinct:
            return cells(column, self.convert)
        if len(known) > _MOST:
            known.clear()
            fresh = set(column)
        complete = True
        for text in fresh:
            try:
                known[text] = self.convert(text)
            except MError:
                complete = False  # each failing cell gets an error of its own
        if complete:
            return list(map(known.__getitem__, column))
        return [known[text] if text in known else cells([text], self.convert)[0] for text in column]


def column_converter(type: MType, culture: str | None) -> ColumnMap | None:
    """The conversion of a column to a type; None when nothing changes."""
    convert = converter(type, culture)
    if convert is None:
        return None
    name = conversion_name(type)
    make = _FAST.get(name or "")
    exact = ByText(convert)
    return exact if make is None else make(exact, culture)


# ---------------------------------------------------------------- numbers


def _to_number(exact: ByText, culture: str | None) -> ColumnMap:
    read = _reader(exact, culture)

    def column_of(column: list[Any]) -> list[Any]:
        classes = classes_of(column)
        if classes <= {float, _NONE}:
            return column
        found = read(column) if classes <= _TEXTS else None
        return exact(column) if found is None else found

    return column_of


def _to_integer(bits: int, signed: bool = True) -> Callable[[ByText, str | None], ColumnMap]:
    low, high = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1)) if signed else (0.0, 2.0**bits)

    def fits(number: Any) -> bool:
        return number.__class__ is float and number.is_integer() and low <= number < high

    def all_fit(numbers: list[Any]) -> bool:
        return (
            classes_of(numbers) == {float}
            and all(map(float.is_integer, numbers))
            and min(numbers) >= low
            and max(numbers) < high
        )

    def fitted(texts: list[str], numbers: list[Any], exact: ByText) -> list[Any]:
        if all_fit(numbers):
            return numbers
        pairs = zip(numbers, texts, strict=True)
        return [n if fits(n) else cells([text], exact.convert)[0] for n, text in pairs]

    def make(exact: ByText, culture: str | None) -> ColumnMap:
        read = _reader(exact, culture, fitted)

        def column_of(column: list[Any]) -> list[Any]:
            classes = classes_of(column)
            if classes <= {float, _NONE} and all_fit([n for n in column if n is not None] or [0.0]):
                return column
            found = read(column) if classes <= _TEXTS else None
            return exact(column) if found is None else found

        return column_of

    return make


def _reader(
    exact: ByText,
    culture: str | None,
    fitted: Callable[[list[str], list[Any], ByText], list[Any]] | None = None,
) -> Callable[[list[Any]], list[Any] | None]:
    """Reads a column of texts as numbers; None when some are not plain digits."""
    from mlang.culture.data import culture as culture_of

    state: list[Any] = []

    def read(column: list[Any]) -> list[Any] | None:
        if not state:
            info = culture_of(culture)
            state.append(info.decimal == "." and info.negative_sign == "-")
        texts = column if all(column) else [text for text in column if text]
        if not texts:
            return [None] * len(column)
        joined = "\n".join(texts) + "\n"
        if joined.count("\n") != len(texts):
            return None
        if _WHOLE.fullmatch(joined):
            numbers = list(map(float, texts))
        elif state[0] and _DECIMAL.fullmatch(joined):
            numbers = _decimals(texts, exact)
        else:
            return None
        if fitted is not None:
            numbers = fitted(texts, numbers, exact)
        return numbers if texts is column else _spread(column, numbers)

    return read


def _decimals(texts: list[str], exact: ByText) -> list[Any]:
    """Plain decimals: short ones as they are, long ones where the double says just that."""
    numbers: list[Any] = list(map(float, texts))
    if max(map(len, texts)) < _LONG and min(map(abs, numbers)) >= 1e-4:
        return numbers
    return [
        n
        if (n == 0 and len(text) < _LONG) or (1e-4 <= abs(n) < _EXACT and (len(text) < _LONG or repr(n) == text))
        else cells([text], exact.convert)[0]
        for n, text in zip(numbers, texts, strict=True)
    ]  # fmt: skip


def _spread(column: list[Any], values: list[Any]) -> list[Any]:
    """The values in the places of the texts that are not empty, null in the others."""
    following: Iterator[Any] = iter(values)
    return [next(following) if text else None for text in column]


# ---------------------------------------------------------------- dates


def _to_date(exact: ByText, culture: str | None) -> ColumnMap:
    from datetime import date

    iso = date.fromisoformat
    exactly = exact.convert

    def plain(text: Any) -> Any:
        try:
            return Date(iso(text).toordinal() - 1)
        except ValueError:
            return exactly(text)

    quick = ByText(plain)

    def column_of(column: list[Any]) -> list[Any]:
        classes = classes_of(column)
        if classes <= {Date, _NONE}:
            return column
        if classes == {str}:
            joined = "\n".join(column) + "\n"
            if joined.count("\n") == len(column) and _DATES.fullmatch(joined):
                return quick(column)
        return exact(column)

    return column_of


def _to_datetime(exact: ByText, culture: str | None) -> ColumnMap:
    from datetime import date

    iso = date.fromisoformat
    exactly = exact.convert

    def plain(text: Any) -> Any:
        match = _MOMENT.match(text) if text.__class__ is str else None
        if match is None:
            return exactly(text)
        day, hour, minute, second, fraction = match.groups()
        h, m, s = int(hour), int(minute), int(second)
        if h > 23 or m > 59 or s > 59:
            return exactly(text)
        try:
            days = iso(day).toordinal() - 1
        except ValueError:
            return exactly(text)
        ticks = int(fraction.ljust(7, "0")) if fraction else 0
        return DateTime(days * DAY + h * HOUR + m * MINUTE + s * SECOND + ticks)

    quick = ByText(plain)

    def column_of(column: list[Any]) -> list[Any]:
        return column if classes_of(column) <= {DateTime, _NONE} else quick(column)

    return column_of


def _same(kind: type) -> Callable[[ByText, str | None], ColumnMap]:
    """A conversion that leaves one class as it is."""

    def make(exact: ByText, culture: str | None) -> ColumnMap:
        return lambda column: column if classes_of(column) <= {kind, _NONE} else exact(column)

    return make


_FAST: dict[str, Callable[[ByText, str | None], ColumnMap]] = {
    "Number.From": _to_number,
    "Double.From": _to_number,
    "Int64.From": _to_integer(64),
    "Int32.From": _to_integer(32),
    "Int16.From": _to_integer(16),
    "Int8.From": _to_integer(8),
    "Byte.From": _to_integer(8, signed=False),
    "Date.From": _to_date,
    "DateTime.From": _to_datetime,
    "Text.From": _same(str),
    "Logical.From": _same(bool),
}


# ---------------------------------------------------------------- typed columns

_NUMBERS = frozenset({"Number.From", "Double.From"})
#: Functions of whole numbers, with the least and the first that is too large.
_INTEGERS = {
    "Int64.From": (-(2.0**63), 2.0**63), "Int32.From": (-(2.0**31), 2.0**31),
    "Int16.From": (-(2.0**15), 2.0**15), "Int8.From": (-(2.0**7), 2.0**7), "Byte.From": (0.0, 2.0**8),
}  # fmt: skip


def typed_converter(
    type: MType, culture: str | None, by_cell: ColumnMap
) -> Callable[[Column], Column | None]:
    """The conversion of a typed column: by Arrow where the spellings are plain, else once per distinct text."""
    name = conversion_name(type) or ""

    def typed(column: Column) -> Column | None:
        from mlang.tables.kernels import by_text

        array = column.array()
        kind = str(array.type)
        if kind == _KINDS.get(name):
            return column
        if kind == "double" and name in _INTEGERS:
            return column if _all_whole(array, *_INTEGERS[name]) else None
        found = _read(array, name, culture) if kind == "string" else None
        return by_text(column, by_cell) if found is None else Column(raw=found)

    return typed


_KINDS = {
    **dict.fromkeys(_NUMBERS, "double"), "Text.From": "string", "Logical.From": "bool",
    "Date.From": "date32[day]",
}  # fmt: skip


def _read(texts: Any, name: str, culture: str | None) -> Any:
    """Text read as numbers or dates; None when some of it is not plain."""
    import pyarrow as pa

    spelling = Spelling(texts)
    if not spelling.longest:
        return None
    if spelling.shortest == 0:
        import pyarrow.compute as pc

        texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    try:
        if name == "Date.From":
            return _read_dates(texts, spelling)
        if name in _NUMBERS or name in _INTEGERS:
            numbers = _read_numbers(texts, spelling, name, culture)
            bounds = _INTEGERS.get(name)
            return numbers if numbers is None or bounds is None or _all_whole(numbers, *bounds) else None
    except pa.ArrowInvalid:
        pass  # not plain after all
    return None


def _read_numbers(texts: Any, spelling: Spelling, name: str, culture: str | None) -> Any:
    """Of up to 15 digits with a point, or a sign in front: Arrow reads these as M does, and refuses other orders."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from mlang.culture.data import culture as culture_of

    assert spelling.longest is not None
    if spelling.longest >= _LONG:
        return None
    if not spelling.others:
        whole = texts.cast(pa.int64())  # in half of the time
        return whole if name in _INTEGERS else whole.cast(pa.float64())
    info = culture_of(culture)
    if info.decimal != "." or info.negative_sign != "-" or not spelling.only(b".-"):
        return None
    numbers = texts.cast(pa.float64())
    if b"." not in spelling.others:
        return numbers
    sizes = pc.abs(numbers)
    tiny = pc.and_(pc.less(sizes, 1e-4), pc.greater(sizes, 0.0))
    return None if pc.any(tiny).as_py() else numbers


def _read_dates(texts: Any, spelling: Spelling) -> Any:
    import pyarrow as pa

    if spelling.longest != 10 or spelling.shortest not in (0, 10) or not spelling.only(b"-"):
        return None
    return plain(texts.cast(pa.date32()))


def _all_whole(numbers: Any, low: float, high: float) -> bool:
    """Whether all numbers are whole and of a range."""
    import pyarrow.compute as pc

    bounds = pc.min_max(numbers).as_py()
    if bounds["min"] is None:
        return True
    if not (bounds["min"] >= low and bounds["max"] < high):
        return False
    if str(numbers.type) == "int64":
        return True
    return pc.all(pc.equal(pc.floor(numbers), numbers)).as_py() is not False
