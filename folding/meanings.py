"""What a name can mean in a row function besides a term: records, functions, entries that are looked at when wanted.

`scalars.py` walks the functions and makes terms of what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from folding import terms as t
from folding.terms import Scalar, Unfoldable
from mlang.syntax import nodes
from mlang.values.functions import Function
from mlang.values.kinds import kind_of
from mlang.values.types import MType

if TYPE_CHECKING:
    from folding.scalars import Translator


class Row:
    """The row record of a row function, or a record made of terms: fields by name, and their names in order.

    ``meaning`` gives a field that may be no term (a function, a record); ``field`` always a term.
    """

    __slots__ = ("field", "meaning", "names")

    def __init__(
        self,
        field: Callable[[str], Scalar | None],
        names: tuple[str, ...] = (),
        meaning: Callable[[str], Any] | None = None,
    ) -> None:
        self.field, self.names, self.meaning = field, names, meaning or field


class Lazy:
    """A let variable: translated where it is first used."""

    __slots__ = ("busy", "found", "node", "scope")

    def __init__(self, node: nodes.Node, scope: Translator) -> None:
        self.node, self.scope = node, scope
        self.found: Any = None
        self.busy = False

    def meaning(self) -> Any:
        """What the variable stands for."""
        if self.found is None:
            with self.alone():
                self.found = self.scope.any(self.node)
        return self.found

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While the variable is looked into, nobody else looks into it."""
        if self.busy:
            raise Unfoldable("a variable that depends on itself")
        self.busy = True
        try:
            yield
        finally:
            self.busy = False


class Closure:
    """A function written inside the row function."""

    __slots__ = ("node", "scope")

    def __init__(self, node: nodes.Function | nodes.Each, scope: Translator) -> None:
        self.node, self.scope = node, scope


class Hidden(Mapping[str, Any]):
    """The names that an initialiser sees: its own means what it means outside, with an @ itself."""

    def __init__(self, names: Mapping[str, Any], outer: Mapping[str, Any], own: str) -> None:
        self.inner, self.outer, self.own = names, outer, own

    def __getitem__(self, name: str) -> Any:
        if name == "@" + self.own:
            return self.inner[self.own]
        return (self.outer if name == self.own else self.inner)[name]

    def __iter__(self) -> Iterator[str]:
        yield "@" + self.own
        yield from self.inner

    def __len__(self) -> int:
        return len(self.inner) + 1


def record_of(fields: dict[str, Any]) -> Row:
    """A record of terms and other meanings; those of variables are found when they are asked for."""

    def meaning(name: str) -> Any:
        found = fields.get(name)
        return found.meaning() if found.__class__ is Lazy else found

    def field(name: str) -> Scalar | None:
        return as_term(meaning(name)) if name in fields else None

    return Row(field, tuple(fields), meaning)


def as_term(value: Any) -> Scalar:
    """A name's meaning as a term."""
    if value.__class__ is Scalar:
        term: Scalar = value
        return term
    if value.__class__ in (Row, dict):
        from folding.records import struct

        return struct(value)
    if value.__class__ in (Function, Closure) or isinstance(value, MType):
        raise Unfoldable("a function or type used as a cell")
    if kind_of(value) == "list":
        from folding.lookups import constants
        from folding.structures import items

        return items([as_term(item) for item in constants(value)])
    try:
        return t.literal(value)
    except TypeError:
        raise Unfoldable("a value that SQL cannot hold") from None
