"""Equality, order and hashing of M values: the only place that knows them.

Python's own operators are wrong here (``True == 1``, ``nan`` in a set, code points
instead of UTF-16 units), so everything that compares goes through `equal` (M's
``=``), `compare` (``Value.Compare``), `key_of` (for hash joins and groups) or
`sort_key` (for sorting a list).
"""

from __future__ import annotations

from mlang import errors
from mlang.values.kinds import kind_of
from mlang.values.metadata import Annotated, strip
from mlang.values.related import own_fields, own_part, related_kind
from mlang.values.thunk import Thunk, force

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

# ---------------------------------------------------------------- equality


def equal(a: Any, b: Any) -> bool:
    """``a = b`` of two forced values; an error in a member propagates (OP-14)."""
    ca, cb = a.__class__, b.__class__
    if ca is float and cb is float:
        return bool(a == b)
    if ca is str and cb is str:
        return bool(a == b)
    if ca is Annotated or cb is Annotated:
        related = related_kind(a) or related_kind(b)
        a, b = strip(a), strip(b)
        if related == "record" and a.__class__ is dict and b.__class__ is dict:
            a, b = own_fields(a), own_fields(b)
        return equal(a, b)
    if a is None or b is None:
        return a is b
    kind = kind_of(a)
    if kind != kind_of(b):
        return False
    compare_kind = _EQUAL.get(kind)
    return bool(a == b) if compare_kind is None else compare_kind(a, b)


def _equal_numbers(a: Any, b: Any) -> bool:
    return bool(real(a) == real(b))


def real(number: Any) -> Any:
    """The number that a representation stands for, to be compared exactly (OP-04).

    Python compares int, float and Decimal by value already; but the decimal 0.1 means
    the double 0.1, so a decimal whose digits are those of a double becomes that double
    (whole numbers are printed in full, so of those only what needs an exponent does).
    """
    if number.__class__ is float or number.__class__ is int:
        return number
    from decimal import Decimal

    double = float(number)
    if double.is_integer() and -(2.0**63) < double < 2.0**63:
        return number
    return double if Decimal(repr(double)) == number else number


def _equal_lists(a: Any, b: Any) -> bool:
    if a is b:
        for x in map_force(a):  # noqa: SIM110
            if not equal(x, x):
                return False
        return True
    left, right = iter(a), iter(b)
    end = object()
    while True:
        x, y = next(left, end), next(right, end)
        if x is end or y is end:
            return x is y
        if not equal(force(x), force(y)):
            return False


def map_force(items: Any) -> Any:
    """The forced items, one by one."""
    for item in items:
        yield item.get() if item.__class__ is Thunk else item


def _equal_records(a: dict[str, Any], b: dict[str, Any]) -> bool:
    if a.keys() != b.keys():
        return False
    for name, value in a.items():  # noqa: SIM110 (no generator: deep records would use the C stack)
        if not equal(force(value), force(b[name])):
            return False
    return True


def _equal_tables(a: Any, b: Any) -> bool:
    from mlang.tables.access import equal as equal_tables

    return bool(equal_tables(own_part(a), own_part(b)))


def _equal_binaries(a: Any, b: Any) -> bool:
    from mlang.values.binary import content

    return content(a) == content(b)


def _equal_functions(a: Any, b: Any) -> bool:
    return a is b or a.fn is b.fn


def equal_types(a: Any, b: Any) -> bool:
    """Type equality: same kind, name, nullability, facets and structure."""
    if a is b:
        return True
    if a.__class__ is not b.__class__ or a.kind != b.kind or a.nullable != b.nullable or a.name != b.name:
        return False
    if (a.facets or {}) != (b.facets or {}):
        return False
    if getattr(a, "related", None) is not None:  # related tables refer to each other without end
        return bool(a.related == b.related)
    if a.kind == "list" and hasattr(a, "item"):
        return equal_types(a.item, b.item)
    if a.kind == "record" and hasattr(a, "fields"):
        return (
            a.open == b.open
            and len(a.fields) == len(b.fields)
            and all(
                x.name == y.name and x.optional == y.optional and equal_types(x.type, y.type)
                for x, y in zip(a.fields, b.fields, strict=True)
            )
        )
    if a.kind == "table" and hasattr(a, "row"):
        return equal_types(a.row, b.row)
    if a.kind == "function" and hasattr(a, "parameters"):
        return (
            a.required == b.required
            and equal_types(a.result, b.result)
            and len(a.parameters) == len(b.parameters)
            and all(
                m == n and equal_types(s, t)
                for (m, s), (n, t) in zip(a.parameters, b.parameters, strict=True)
            )
        )
    return True


_EQUAL: dict[str, Any] = {
    "number": _equal_numbers,
    "list": _equal_lists,
    "record": _equal_records,
    "table": _equal_tables,
    "binary": _equal_binaries,
    "function": _equal_functions,
    "type": equal_types,
}

# ---------------------------------------------------------------- order

#: Kinds that can be ordered, in the order they have among each other (OP-73 to OP-75).
RANK = {
    "null": 0, "logical": 1, "number": 2, "time": 3, "date": 4, "datetime": 5, "datetimezone": 6,
    "duration": 7, "text": 8, "binary": 9,
}  # fmt: skip


def text_key(text: str) -> str:
    """A text whose code point order is the UTF-16 order of the original (OP-19)."""
    if text.isascii() or not text or max(text) < "\ue000":
        return text
    return "".join("\U0010ffff" + c if "\ue000" <= c <= "\uffff" else c for c in text)


def compare(a: Any, b: Any) -> int:
    """``Value.Compare``: -1, 0 or 1; null is smallest; kinds that have no order raise."""
    if a.__class__ is float and b.__class__ is float and a == a and b == b:
        return (a > b) - (a < b)
    x, y = sort_key(a, b), sort_key(b, a)
    if (x[0].__class__ is _Unordered and y != (0,)) or (y[0].__class__ is _Unordered and x != (0,)):
        raise errors.cannot_apply("<", b, a)
    return int(x > y) - int(x < y)


class _Unordered:
    """Stands in a key for a value whose kind has no order: it is greater than null's rank, and
    comparing it with anything else is the error (having such a value is none).

    ``other`` is named in the error when only the rank of the other side is known.
    """

    __slots__ = ("other", "value")

    def __init__(self, value: Any, other: Any) -> None:
        self.value, self.other = value, value if other is None else other

    def __eq__(self, other: object) -> bool:
        return self is other or self._above(other, False)

    def __lt__(self, other: Any) -> bool:
        return self._above(other, False)

    def __gt__(self, other: Any) -> bool:
        return self._above(other, True)

    __hash__ = None  # type: ignore[assignment]

    def _above(self, other: Any, answer: bool) -> bool:
        if other.__class__ is int and other == 0:
            return answer
        known = other.__class__ is _Unordered
        # Python's sort asks a later item about an earlier one; M's compares the earlier with the later.
        raise errors.cannot_apply("<", self.value, other.value if known else self.other)


def sort_key(value: Any, other: Any = None) -> Any:
    """A Python key that sorts M values as `compare` does; ``other`` is only named in errors
    (a list being sorted: another of its kind)."""
    if value.__class__ is str:
        return (8, text_key(value))
    if value.__class__ is float and value == value:
        return (2, value)
    if value is None:
        return (0,)
    if value.__class__ is Annotated:
        return sort_key(value.value, other)
    kind = kind_of(value)
    rank = RANK.get(kind)
    if rank is None:
        return (_Unordered(value, other),)
    if kind == "number":
        return (2, real(value)) if value == value else (1.5,)
    if kind == "binary":
        from mlang.values.binary import content

        return (rank, content(value))
    return (rank, value)


def key_of(value: Any) -> Any:
    """A hashable key: equal keys exactly for equal values; NaN equals nothing."""
    cls = value.__class__
    if cls is str or value is None:
        return value
    if cls is float:
        return value if value == value else object()
    if cls is Annotated:
        return key_of(own_part(value) if related_kind(value) else value.value)
    if cls is Thunk:
        return key_of(value.get())
    kind = kind_of(value)
    make = _KEYS.get(kind)
    return value if make is None else make(value)


def _binary_key(value: Any) -> Any:
    from mlang.values.binary import content

    return content(value)


def _table_key(value: Any) -> Any:
    value = own_part(value)
    names = sorted(value.names)
    rows = tuple(tuple(key_of(record[n]) for n in names) for record in value.records())
    return ("table", tuple(names), rows)


_KEYS: dict[str, Any] = {
    "logical": lambda v: ("logical", v),
    "number": real,
    "binary": _binary_key,
    "list": lambda v: ("list", tuple(key_of(x) for x in v)),
    "record": lambda v: ("record", frozenset((n, key_of(x)) for n, x in v.items())),
    "table": _table_key,
    "function": lambda v: ("function", id(v.fn)),
    "type": lambda v: ("type", type_key(v)),
}


def type_key(type: Any) -> str:
    """The type's text: equal types have equal text."""
    from mlang.values.show import type_text

    return type_text(type)
