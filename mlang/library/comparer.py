"""Comparers, and the equation criteria that List and Table functions take.

A built-in comparer is recognised by its spec: `Comparer.Ordinal` and
`Comparer.OrdinalIgnoreCase` are builtins, what `Comparer.FromCulture` returns carries
that name and its arguments.  For those three a *key* exists (equal keys exactly for
values that the comparer calls equal), so joins, groups and distinct stay hash based.
`criteria` reads an ``equationCriteria`` argument (LST-24, LST-25) for everybody.
The order of texts in a culture is in ``collation.py``; sort criteria are in ``ordering.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlang import errors
from mlang.culture.text import fold_ordinal
from mlang.library.collation import collation_key
from mlang.registry import builtin
from mlang.values.compare import compare, equal, key_of, sort_key
from mlang.values.functions import Function, Param, Spec, bind
from mlang.values.kinds import is_number, kind_of
from mlang.values.lists import forced
from mlang.values.metadata import strip
from mlang.values.thunk import force

# ---------------------------------------------------------------- the comparers


@builtin("Comparer.Ordinal(x as any, y as any) as number")
def ordinal(x: Any, y: Any) -> float:
    """Compares two values by code units: -1, 0 or 1 when the first is less, equal or greater."""
    return float(compare(x, y))


@builtin("Comparer.OrdinalIgnoreCase(x as any, y as any) as number")
def ordinal_ignore_case(x: Any, y: Any) -> float:
    """Compares two values by code units, upper and lower case being the same."""
    return float(_by_text(x, y, fold_ordinal))


@builtin("Comparer.FromCulture(culture as text, optional ignoreCase as nullable logical) as function")
def from_culture(culture: str, ignore_case: bool | None = None) -> Function:
    """Makes a comparer that orders texts as people of a culture do, with or without regard to case."""
    from mlang.culture.data import culture as find

    find(culture)  # an unknown culture raises here, not at the first comparison
    folded = bool(ignore_case)

    def comparer(x: Any, y: Any) -> float:
        return float(_by_text(strip(x), strip(y), lambda text: collation_key(text, culture, folded)))

    spec = Spec(
        (Param("x"), Param("y")), "number", False, name="Comparer.FromCulture", document=(culture, folded)
    )
    return Function(comparer, 2, 2, spec)


@builtin("Comparer.Equals(comparer as function, x as any, y as any) as logical")
def equals(comparer: Function, x: Any, y: Any) -> bool:
    """Says whether a comparer calls two values equal."""
    result = strip(bind(comparer, 2)(x, y))
    if result.__class__ is bool:
        return bool(result)
    if not is_number(result):
        raise errors.cannot_convert(result, "Number")
    return bool(result == 0)


def _by_text(x: Any, y: Any, key: Callable[[str], Any]) -> int:
    """Two texts by their keys, everything else as Value.Compare."""
    if x.__class__ is str and y.__class__ is str:
        a, b = key(x), key(y)
        if a.__class__ is str:
            return compare(a, b)
        return int(a > b) - int(a < b)
    return compare(x, y)


# ---------------------------------------------------------------- recognising them


def text_key_of(function: Any) -> Callable[[str], Any] | None:
    """How a built-in comparer folds a text before comparing; None for every other function."""
    spec = function.spec
    if spec is None:
        return None
    name = spec.builtin.name if spec.builtin is not None else spec.name
    if name == "Comparer.Ordinal":
        return _same
    if name == "Comparer.OrdinalIgnoreCase":
        return fold_ordinal
    if name == "Comparer.FromCulture" and spec.builtin is None:
        culture, folded = spec.document
        return lambda text: collation_key(text, culture, folded)
    return None


def _same(text: str) -> str:
    return text


def comparer_key(function: Any) -> Callable[[Any], Any] | None:
    """The hash key function of a built-in comparer; None for every other function."""
    fold = text_key_of(function)
    if fold is None:
        return None
    if fold is _same:
        return key_of
    return lambda value: _folded_key(value, fold)


def _folded_key(value: Any, fold: Callable[[str], Any]) -> Any:
    """`key_of` with the texts inside lists and records folded too."""
    value = strip(force(value))
    if value.__class__ is str:
        return ("text", fold(value))
    kind = kind_of(value)
    if kind == "list":
        return ("list", tuple(_folded_key(item, fold) for item in value))
    if kind == "record":
        return ("record", frozenset((name, _folded_key(item, fold)) for name, item in value.items()))
    return key_of(value)


def comparer_sort_key(function: Any) -> Callable[[Any], Any] | None:
    """The sort key function of a built-in comparer; None for every other function."""
    fold = text_key_of(function)
    if fold is None:
        return None
    if fold is _same:
        return sort_key

    def key(value: Any) -> Any:
        value = strip(value)
        if value.__class__ is not str:
            return sort_key(value)
        folded = fold(value)
        return sort_key(folded) if folded.__class__ is str else (sort_key("")[0], folded)

    return key


def is_none_or_comparer(value: Any) -> bool:
    """Whether an equation criteria argument is left out or a comparer of the library."""
    value = strip(value)
    return value is None or (kind_of(value) == "function" and text_key_of(value) is not None)


def takes(function: Any, count: int) -> bool:
    """Whether a function can be called with so many arguments."""
    return bool(function.least <= count and (function.most is None or count <= function.most))


# ---------------------------------------------------------------- equation criteria


class Criteria:
    """How items are told equal: by a hash `key`, or only pairwise by `equal` when ``keyed`` is False."""

    __slots__ = ("_key", "_pair", "_select", "keyed")

    def __init__(
        self,
        key: Callable[[Any], Any] = key_of,
        select: Callable[[Any], Any] | None = None,
        pair: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self._key, self._select, self._pair = key, select, pair
        self.keyed = pair is None

    def key(self, value: Any) -> Any:
        """A hashable key of a forced item."""
        if self._select is not None:
            value = self._select(value)
        return self._key(value)

    def equal(self, a: Any, b: Any) -> bool:
        """Whether two forced items are equal; ``a`` is the one from the list."""
        if self._select is not None:
            a, b = self._select(a), self._select(b)
        if self._pair is None:
            return bool(equal(a, b)) if self._key is key_of else bool(self._key(a) == self._key(b))
        result = strip(self._pair(a, b))
        if result.__class__ is not bool:
            raise errors.cannot_convert(result, "Logical")
        return bool(result)


_DEFAULT = Criteria()


def criteria(value: Any, function_name: str = "", *, custom: bool = False) -> Criteria:
    """Reads an ``equationCriteria`` argument: nothing, a comparer, a key selector, or both in a list.

    ``custom`` tells that ``function_name`` accepts a comparison written by the user (LST-25).
    """
    value = strip(force(value))
    if value is None:
        return _DEFAULT
    kind = kind_of(value)
    if kind == "function":
        key = comparer_key(value)
        if key is not None:
            return Criteria(key)
        if takes(value, 1):
            return Criteria(select=bind(value, 1))
        return Criteria(pair=_custom(value, custom))
    if kind != "list":
        raise errors.cannot_convert(value, "Function")
    parts = [strip(part) for part in forced(value)]
    if len(parts) != 2 or any(kind_of(part) != "function" for part in parts):
        raise errors.bad_distinct_criteria()
    selector, comparer = parts
    key = comparer_key(comparer)
    select = bind(selector, 1)
    if key is not None:
        return Criteria(key, select)
    return Criteria(select=select, pair=_custom(comparer, custom))


def _custom(function: Any, allowed: bool) -> Callable[[Any, Any], Any]:
    if not allowed:
        raise errors.custom_comparer()
    return bind(function, 2)
