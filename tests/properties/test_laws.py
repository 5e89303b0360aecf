"""Laws of values: equality, order, keys and printing, over values of every kind.

The operators' table (which kinds an operator takes, what kind it gives) is in
``test_operator_kinds.py``.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import mlang
from mlang.values import operators
from mlang.values import temporal as t
from mlang.values import types as ty
from mlang.values.compare import RANK, compare, equal, key_of, sort_key
from mlang.values.kinds import kind_of

CASES = settings(max_examples=150, deadline=None, derandomize=True)

# ---------------------------------------------------------------- values

DOUBLES = st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, 0.1, 0.3, 2.0**53, 2.0**60, 5e-324])
#: Literals keep the digits of whole numbers up to 64 bits (LEX-50).
WHOLES = st.integers(2**53 - 3, 2**63 - 1) | st.integers(-(2**63), -(2**53) + 3)
#: With up to 15 digits a decimal and the double of its digits are one number.
DECIMALS = st.decimals(-(10**12), 10**12, allow_nan=False, places=3) | st.sampled_from(
    [Decimal(x) for x in ("0.1", "0.10", "1.50", "0.30000000000000004", "1.0000000298023223876953125", "2")]
)
#: The same and neighbouring numbers in other representations.
ALIKE = st.one_of(
    st.builds(lambda x: Decimal(repr(x)), st.floats(-1e20, 1e20)),
    st.builds(Decimal, st.floats(-1e20, 1e20)),
    st.builds(lambda n, step: float(2**53 + n) + step, st.integers(0, 9), st.integers(0, 1)),
    st.builds(lambda n: 2**53 + n, st.integers(0, 9)),
    st.builds(lambda n: Decimal(2**53 + n), st.integers(0, 9)),
)
NUMBERS = DOUBLES | WHOLES | DECIMALS | ALIKE
TEXTS = st.text(max_size=8) | st.sampled_from(
    ["", "a", "A", "é", "e\u0301", "#(lf)", '"', "\ue000", "😀", "#", "#("]
)
DATES = st.integers(0, t.DAYS - 1).map(t.Date) | st.sampled_from([t.Date(0), t.Date(t.DAYS - 1)])
TIMES = st.integers(0, t.DAY).map(t.Time)
DATETIMES = st.integers(0, t.MAX_TICKS).map(t.DateTime) | st.sampled_from(
    [t.DateTime(0), t.DateTime(t.MAX_TICKS)]
)
ZONED = st.builds(t.DateTimeZone, st.integers(t.DAY, t.MAX_TICKS - t.DAY), st.integers(-14 * 60, 14 * 60))
DURATIONS = st.integers(-(2**63), 2**63 - 1).map(t.Duration) | st.integers(-9, 9).map(
    lambda n: t.Duration(n * t.HOUR)
)
ORDERED = (
    st.none() | st.booleans() | NUMBERS | TEXTS | st.binary(max_size=4)
    | DATES | TIMES | DATETIMES | ZONED | DURATIONS
)  # fmt: skip
NAMES = TEXTS | st.sampled_from(["a", "a b", "let", "a.b", "1", "..", "_", "a.1", "type", "é", "if then"])
FIELD_TYPES = st.sampled_from(
    [ty.primitive(kind, nullable) for kind in ty.PRIMITIVES if kind != "action" for nullable in (False, True)]
    + list(ty.NAMED.values())
)


def _record_types(children: Any) -> Any:
    fields = st.dictionaries(NAMES, st.tuples(children, st.booleans()), max_size=3)
    return st.builds(
        lambda given, open: ty.RecordType([ty.Field(n, x, o) for n, (x, o) in given.items()], open),
        fields,
        st.booleans(),
    )


def _table_types(children: Any) -> Any:
    return st.dictionaries(NAMES, children, max_size=3).map(
        lambda given: ty.table_type(given, given.values())
    )


def _function_types(children: Any) -> Any:
    names = st.lists(NAMES, unique=True, max_size=3)
    return st.builds(
        lambda given, inner, least: ty.FunctionType(
            [(n, ty.nullable(inner) if i >= least else inner) for i, n in enumerate(given)], min(least, len(given)), inner
        ),
        names, children, st.integers(0, 3),
    )  # fmt: skip


TYPES = st.recursive(
    FIELD_TYPES,
    lambda inner: inner.map(ty.ListType) | _record_types(inner) | _table_types(inner) | _function_types(inner)
    | inner.map(ty.nullable),
    max_leaves=4,
)  # fmt: skip


def _containers(inner: Any) -> Any:
    return st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)


VALUES = st.recursive(ORDERED | TYPES, _containers, max_leaves=6)


# ---------------------------------------------------------------- equality


@CASES
@given(VALUES)
def test_equality_is_reflexive(a: Any) -> None:
    """OP-01, OP-04, OP-06, OP-11, OP-12."""
    assert equal(a, a)


def test_nan_equals_nothing() -> None:
    """OP-03."""
    assert not equal(math.nan, math.nan)
    assert not equal([math.nan], [math.nan])
    assert key_of(math.nan) != key_of(math.nan)


@CASES
@given(VALUES, VALUES)
def test_equality_is_symmetric(a: Any, b: Any) -> None:
    assert equal(a, b) == equal(b, a)


@settings(CASES, max_examples=400)
@given(NUMBERS, NUMBERS, NUMBERS)
def test_equality_of_numbers_is_transitive(a: Any, b: Any, c: Any) -> None:
    """OP-04: whatever represents a number, equality is by its value."""
    if equal(a, b) and equal(b, c):
        assert equal(a, c)


def test_equality_across_representations() -> None:
    """OP-04 at the limit of whole doubles."""
    exact, double = 2**53 + 1, float(2**53)
    assert not equal(exact, double)
    assert equal(2**53, double)
    assert equal(Decimal("0.1"), 0.1)
    assert equal(Decimal("0.10"), Decimal("0.1"))
    assert not equal(Decimal("0.1000000000000000000001"), 0.1)


@settings(CASES, max_examples=400)
@given(VALUES, VALUES)
def test_keys_are_equal_exactly_for_equal_values(a: Any, b: Any) -> None:
    assert (key_of(a) == key_of(b)) == equal(a, b)
    if equal(a, b):
        assert hash(key_of(a)) == hash(key_of(b))


@settings(CASES, max_examples=600)
@given(NUMBERS, NUMBERS)
def test_number_keys(a: Any, b: Any) -> None:
    assert (key_of(a) == key_of(b)) == equal(a, b)


@CASES
@given(TYPES, TYPES)
def test_type_keys(a: Any, b: Any) -> None:
    """OP-12: structurally equal types are equal here."""
    assert (key_of(a) == key_of(b)) == equal(a, b)


def test_kinds_never_equal_each_other() -> None:
    """OP-01, OP-09: and their keys differ too."""
    samples = [
        None, False, 0.0, "", b"", t.Date(0), t.Time(0), t.DateTime(0), t.DateTimeZone(0, 0), t.Duration(0), [], {},
        ty.NUMBER, ty.TEXT,
    ]  # fmt: skip
    for i, a in enumerate(samples):
        for j, b in enumerate(samples):
            assert equal(a, b) == (i == j)
            assert (key_of(a) == key_of(b)) == (i == j)


# ---------------------------------------------------------------- order


@settings(CASES, max_examples=500)
@given(ORDERED, ORDERED)
def test_order_is_total_and_consistent(a: Any, b: Any) -> None:
    """OP-73, OP-74: antisymmetric, 0 exactly for equal values, the same as sort_key."""
    assert compare(a, b) == -compare(b, a)
    assert (compare(a, b) == 0) == equal(a, b)
    x, y = sort_key(a), sort_key(b)
    assert compare(a, b) == (x > y) - (x < y)


@settings(CASES, max_examples=500)
@given(NUMBERS, NUMBERS, NUMBERS)
def test_order_of_numbers_is_transitive(a: Any, b: Any, c: Any) -> None:
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0


@settings(CASES, max_examples=500)
@given(ORDERED, ORDERED)
def test_operators_agree_with_the_order(a: Any, b: Any) -> None:
    """OP-16, OP-23: within one kind; null gives null (OP-17)."""
    if a is None or b is None:
        assert operators.less(a, b) is None
    elif kind_of(a) == kind_of(b):
        order = compare(a, b)
        assert operators.less(a, b) == (order < 0)
        assert operators.less_equal(a, b) == (order <= 0)
        assert operators.greater(a, b) == (order > 0)
        assert operators.greater_equal(a, b) == (order >= 0)


@CASES
@given(TEXTS, TEXTS)
def test_texts_are_ordered_by_units(a: str, b: str) -> None:
    """OP-19: by UTF-16 code units."""
    x, y = (s.encode("utf-16-be", "surrogatepass") for s in (a, b))
    assert compare(a, b) == (x > y) - (x < y)


def test_order_of_kinds() -> None:
    """OP-73, OP-75: null first; what the order of kinds is called here."""
    assert list(RANK) == sorted(RANK, key=RANK.__getitem__)
    assert compare(None, False) == -1
    assert compare(1.0, "x") == -1


# ---------------------------------------------------------------- printing


@settings(CASES, max_examples=300)
@given(VALUES)
def test_printed_values_read_back(a: Any) -> None:
    """LEX-42, LEX-57, ENV-69: the text of a value evaluates to an equal value."""
    text = mlang.to_m(a)
    back = mlang.evaluate(text, engine="none")
    assert equal(back, a), text


@settings(CASES, max_examples=300)
@given(st.floats())
def test_printed_doubles_read_back(x: float) -> None:
    """CVT-01 to CVT-08."""
    back = mlang.evaluate(mlang.to_m(x), engine="none")
    assert equal(back, x) or (back != back and x != x)


@CASES
@given(TYPES)
def test_printed_types_read_back(a: Any) -> None:
    back = mlang.evaluate(mlang.to_m(a), engine="none")
    assert equal(back, a)


@CASES
@given(
    st.lists(NAMES, unique=True, min_size=1, max_size=3),
    st.lists(st.lists(ORDERED, min_size=1, max_size=3), max_size=3),
)
def test_printed_tables_read_back(names: list[str], rows: list[list[Any]]) -> None:
    """OP-06: and the columns' order does not matter to equality."""
    source = f"#table({mlang.to_m(names)}, {mlang.to_m([(row * len(names))[: len(names)] for row in rows])})"
    table = mlang.evaluate(source, engine="none")
    text = mlang.to_m(table)
    back = mlang.evaluate(text, engine="none")
    assert equal(back, table)
    assert key_of(back) == key_of(table)
    turned = mlang.evaluate(f"Table.ReorderColumns({text}, {mlang.to_m(names[::-1])})", engine="none")
    assert equal(turned, table)
    assert key_of(turned) == key_of(table)
