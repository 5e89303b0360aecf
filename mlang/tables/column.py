"""A column of cells that may be M values, Arrow data, or both: `Column`.

Steps that only move cells (choosing, filtering, ordering, joining) move the Arrow data where there
is some, and M values are made of it when somebody reads them: an untouched column is never
converted.  Steps that compute ask for `Column.array`: the column as an Arrow array of a type whose
values *are* M values of one kind (doubles, text, logicals, dates, null), or None; what it says
then holds for M too, and everything else goes through the cells.

Read ``kernels.py`` for functions over such arrays, ``codes.py`` for keys and groups, and
``batches.py`` for the batches that carry columns.  Arrow is imported when there are many rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

from mlang.values.temporal import Date

#: Below so many rows lists are faster than what it takes to leave them.
MANY = 10_000
_NONE = type(None)
_EXACT = 2**53
#: Days since 1970 of the first and last that M has.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896


def many(length: int) -> bool:
    """Whether so many rows are worth leaving Python for."""
    return length >= MANY


class Choice:
    """The rows where an Arrow mask is true, as cells and as Arrow data want to be told; each made once.

    For some columns (``often``) Arrow is quicker when the places of the rows are looked for once.
    """

    __slots__ = ("_moving", "_values", "mask", "often")

    def __init__(self, mask: Any, often: bool = False) -> None:
        self.mask, self.often = mask, often
        self._moving: tuple[str, Any] | None = None
        self._values: list[bool | None] | None = None

    @property
    def moving(self) -> tuple[str, Any]:
        """The method of Arrow data that moves the rows, and its argument."""
        if self._moving is None:
            self._moving = ("filter", self.mask)
            if self.often:
                import pyarrow.compute as pc

                self._moving = ("take", pc.indices_nonzero(self.mask))
        return self._moving

    @property
    def values(self) -> list[bool | None]:
        """Whether each row is chosen."""
        if self._values is None:
            self._values = self.mask.to_pylist()
        return self._values


class Column:
    """``raw`` is Arrow data of any type, or None when there are only cells."""

    __slots__ = ("_array", "_cells", "_tried", "_whole", "length", "raw")

    def __init__(self, cells: list[Any] | None = None, raw: Any = None) -> None:
        self._cells, self.raw = cells, raw
        self._array: Any = None
        self._tried = False
        #: The column that this is a slice of, and where it starts.
        self._whole: tuple[Column, int] | None = None
        self.length: int = len(raw) if cells is None else len(cells)

    def cells(self) -> list[Any]:
        """The cells: M values and thunks."""
        if self._cells is None:
            whole = self._whole
            if whole is not None and whole[0]._cells is not None:
                self._cells = whole[0]._cells[whole[1] : whole[1] + self.length]
            else:
                from mlang.connectors.arrow import column_to_values

                self._cells = column_to_values(self.raw)
        return self._cells

    def array(self, small: bool = False) -> Any:
        """The cells as an Arrow array of float64, string, bool or date32 that says all there is; else None.

        Few cells are not worth it, unless ``small`` says that they are.
        """
        if not self._tried and (
            self.raw is not None or self._whole is not None or small or many(self.length)
        ):
            self._tried = True
            if self._whole is not None:
                array = self._whole[0].array()
                self._array = None if array is None else array.slice(self._whole[1], self.length)
            elif self.raw is not None:
                self._array = plain(self.raw)
            else:
                self._array = from_cells(self.cells())
        return self._array

    def data(self) -> Any:
        """Arrow data to move in place of the cells, or None."""
        return self.raw if self.raw is not None else self.array()

    # -------------------------------------------------------- moving cells

    def slice(self, start: int, stop: int) -> Column:
        """Some rows in a row, without a copy."""
        part = Column.__new__(Column)
        part._cells, part._array, part._tried = None, None, False
        part.raw = None if self.raw is None else self.raw.slice(start, stop - start)
        part._whole = (self, start) if self._whole is None else (self._whole[0], self._whole[1] + start)
        part.length = min(stop, self.length) - start
        return part

    def filter(self, mask: Any) -> Column:
        """The rows where an Arrow mask is true."""
        return self.chosen(Choice(mask))

    def chosen(self, choice: Choice) -> Column:
        """The chosen rows."""
        if self.raw is not None or (self._tried and self._array is not None):
            moved = _moved(self.data(), *choice.moving)
            if moved is not None:
                return moved
        return Column(list(compress(self.cells(), choice.values)))

    def compress(self, values: list[bool | None]) -> Column:
        """The rows where a value is true."""
        if self.raw is None:
            return Column(list(compress(self.cells(), values)))
        import pyarrow as pa

        return self.filter(pa.array(values, pa.bool_()))

    def take(self, rows: Any) -> Column:
        """The rows of an Arrow array of numbers; null where it is null."""
        data = self.data()
        moved = None if data is None else _moved(data, "take", rows)
        if moved is not None:
            return moved
        cells = self.cells()
        return Column([None if row is None else cells[row] for row in rows.to_pylist()])


def _moved(data: Any, how: str, by: Any) -> Column | None:
    """Arrow data filtered or taken; None for types that Arrow does not move, or more text than it holds."""
    import pyarrow as pa

    try:
        found = getattr(data, how)(by)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    return Column(raw=found) if isinstance(found, pa.Array) else None


def joined(parts: Sequence[Column]) -> Column:
    """Columns one after the other."""
    if len(parts) == 1:
        return parts[0]
    whole = _rejoined(parts)
    if whole is not None:
        return whole
    raws = [part.raw for part in parts]
    if all(raw is not None for raw in raws):
        if len({raw.type for raw in raws}) > 1:
            raws = [part.array() for part in parts]
        if all(raw is not None for raw in raws) and len({raw.type for raw in raws}) == 1:
            import pyarrow as pa

            one = _adjoining(raws)
            if one is not None:
                return Column(raw=one)
            try:
                return Column(raw=pa.concat_arrays(raws))
            except pa.ArrowInvalid:
                pass  # more text than one array holds
    return Column([cell for part in parts for cell in part.cells()])


def _rejoined(parts: Sequence[Column]) -> Column | None:
    """The column that parts are slices of, when they follow each other in it."""
    first = parts[0]._whole
    if first is None:
        return None
    whole, start = first
    end = start
    for part in parts:
        if part._whole is None or part._whole[0] is not whole or part._whole[1] != end:
            return None
        end += part.length
    return whole if start == 0 and end == whole.length else whole.slice(start, end)


def _adjoining(raws: list[Any]) -> Any:
    """The array that slices which follow each other in the same memory are of; None where they do not."""
    first = raws[0]
    if first.type.num_fields or first.type.has_variadic_buffers or hasattr(first, "dictionary"):
        return None  # their parts are not told by the buffers alone
    buffers, end = first.buffers(), first.offset
    memory = [buffer and (buffer.address, buffer.size) for buffer in buffers]
    for raw in raws:
        if raw.offset != end or [b and (b.address, b.size) for b in raw.buffers()] != memory:
            return None
        end += len(raw)
    import pyarrow as pa

    return pa.Array.from_buffers(first.type, end - first.offset, buffers, offset=first.offset)


def from_cells(cells: list[Any]) -> Any:
    """Cells of one plain class as an Arrow array; None for all others."""
    classes = set(map(type, cells))
    classes.discard(_NONE)
    if len(classes) != 1:
        return None
    import pyarrow as pa

    types = {float: pa.float64(), str: pa.string(), bool: pa.bool_()}
    only = classes.pop()
    if only is Date:
        days = [None if cell is None else cell.days + _FIRST_DAY for cell in cells]
        return pa.array(days, pa.int32()).view(pa.date32())
    type_ = types.get(only)
    if type_ is None:
        return None
    try:
        array = pa.array(cells, type_, from_pandas=False)
    except (pa.ArrowInvalid, UnicodeEncodeError):  # lone surrogates are not UTF-8
        return None
    return array if isinstance(array, pa.Array) else None


def is_plain(type: Any) -> bool:
    """Whether Arrow data of a type says what its cells are, whenever they are made."""
    import pyarrow as pa

    t = pa.types
    return bool(
        t.is_floating(type) or t.is_integer(type) or t.is_boolean(type) or t.is_time64(type)
        or t.is_string(type) or t.is_large_string(type) or t.is_string_view(type)
        or t.is_binary(type) or t.is_large_binary(type)
        or t.is_date32(type) or (t.is_timestamp(type) and type.tz is None)
    )  # fmt: skip


def plain(raw: Any) -> Any:
    """Arrow data as an array of one of the types that `Column.array` gives; None where M values differ."""
    import pyarrow as pa

    type_, t = raw.type, pa.types
    if type_ in (pa.float64(), pa.string(), pa.bool_()):
        return raw
    if t.is_integer(type_):
        return _whole_numbers(raw)
    if t.is_float32(type_) or t.is_float16(type_):
        return raw.cast(pa.float64())
    if t.is_large_string(type_) or t.is_string_view(type_):
        return raw.cast(pa.string())
    if t.is_date32(type_):
        return raw if _within(raw.view(pa.int32()), _FIRST_DAY, _LAST_DAY) else None
    return None


def _whole_numbers(raw: Any) -> Any:
    import pyarrow as pa

    if raw.type.bit_width == 64 and not _within(raw, -_EXACT, _EXACT):
        return None  # some are exact whole numbers beyond the doubles
    return raw.cast(pa.float64())


def _within(numbers: Any, least: int, most: int) -> bool:
    import pyarrow.compute as pc

    bounds = pc.min_max(numbers).as_py()
    return bounds["min"] is None or (bounds["min"] >= least and bounds["max"] <= most)
