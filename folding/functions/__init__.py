"""SQL forms of library functions: one entry per builtin, `@folds("Text.StartsWith")`.

A form takes a `Call` (argument access with checks) and gives a typed term, or raises
`Unfoldable`.  ``folding/reference.py`` makes docs/folding.md of them.  Families: the modules of `_FAMILIES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import evolve
from sqlglot import exp

from folding import terms as t
from folding.instants import in_microseconds, is_fine
from folding.operators import computing, strictly
from folding.terms import (
    Scalar,
    Unfoldable,
    is_null,
    need,
    need_not_null,
    of_kind,
    plain_number,
    unless,
)
from mlang.syntax import nodes

if TYPE_CHECKING:
    from folding.scalars import Translator

Form = Callable[["Call"], Scalar]
FORMS: dict[str, Form] = {}
_FAMILIES = (
    "text",
    "pieces",
    "number",
    "rounding",
    "positions",
    "bits",
    "mathematics",
    "dates",
    "periods",
    "made",
    "durations",
    "formats",
    "lists",
    "records",
    "others",
    "values",
    "zones",  # last: it makes forms of datetimes forms of datetimezones, too
)
_loaded: list[bool] = []
#: Functions that take a decimal as the double it stands for; others give decimals for decimals.
_DOUBLES = frozenset(
    "Number." + name
    for name in (
        "Round", "RoundUp", "RoundDown", "RoundTowardZero", "RoundAwayFromZero", "Sign", "Sqrt", "Mod", "IntegerDivide",
        "Power", "Exp", "Ln", "Log", "Log10", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Tanh",
    )
)  # fmt: skip


def folds(*names: str) -> Callable[[Form], Form]:
    """Declares the SQL form of the named builtins."""

    def declare(form: Form) -> Form:
        for name in names:
            FORMS[name] = form
        return form

    return declare


def form_of(name: str) -> Form | None:
    """The form of a builtin, or None."""
    if not _loaded:
        _loaded.append(True)
        for family in _FAMILIES:
            importlib.import_module(f"folding.functions.{family}")
    return FORMS.get(name)


def formed(form: Form, call: Call) -> Scalar:
    """What a form makes of a call; arguments that may raise are computed, whatever the others are."""
    made = form(call)
    terms = list(call.terms.values())
    if any(x.raises and t.stops(x.sql) for x in terms) and not t.stops(made.sql):
        return computing(made, *[x for x in terms if x.raises])  # the form knows the answer without them
    if not made.nullable or len(terms) < 2:  # not null where an argument is: such forms compute them all
        return made
    return strictly(made, *terms)


def _is_whole(x: Scalar) -> bool:
    """Whether a term is a whole number known now, which a BIGINT and a double both hold."""
    value = x.constant
    return value.__class__ in (int, float) and abs(value) < 1e15 and value == int(value)


class Call:
    """One call of a builtin: its name and arguments, translated on demand.

    ``arguments`` are syntax nodes, or terms when a function value is applied to a cell.
    """

    __slots__ = ("arguments", "name", "terms", "translator")

    def __init__(self, name: str, translator: Translator, arguments: tuple[Any, ...]) -> None:
        self.name, self.translator, self.arguments = name, translator, arguments
        #: Arguments as terms, in the order in which the form asked for them.
        self.terms: dict[int, Scalar] = {}

    @property
    def count(self) -> int:
        """How many arguments were given; trailing null constants do not count."""
        n = len(self.arguments)
        while n and isinstance(self.arguments[n - 1], nodes.Literal) and self.arguments[n - 1].value is None:
            n -= 1
        return n

    def at_most(self, n: int) -> None:
        """Refuses calls with more arguments (their forms differ)."""
        if self.count > n:
            raise Unfoldable(f"{self.name} with its optional arguments has no exact SQL form")

    def term(self, index: int) -> Scalar:
        """An argument as a term."""
        if index >= len(self.arguments):
            raise Unfoldable(f"{self.name} with the wrong number of arguments")
        if index not in self.terms:
            argument = self.arguments[index]
            if isinstance(argument, Scalar):
                self.terms[index] = argument
            else:
                self.terms[index] = found = self.translator.scalar(argument)
                t.limited(found.sql)  # forms repeat their arguments: before it grows a hundredfold
        return self.terms[index]

    def of(self, index: int, *kinds: str) -> Scalar:
        """An argument of one of the kinds, maybe null."""
        term = self.term(index)
        if self.name in _DOUBLES:
            term = plain_number(term)
        if "null" not in kinds:
            term = of_kind(term, kinds[0])
        need(term, *kinds)
        if is_fine(term):
            raise Unfoldable(f"{self.name} of a datetime finer than a microsecond")
        return term

    def moment(self, index: int, *kinds: str) -> Scalar:
        """The same where what is below a microsecond does not count."""
        return in_microseconds(need(of_kind(self.term(index), kinds[0]), *kinds))

    def sure(self, index: int, *kinds: str) -> Scalar:
        """An argument of one of the kinds that is not null: where it is, M raises, and the query stops."""
        term = self.of(index, *kinds)
        if term.kind == "null" or not term.nullable:
            return need_not_null(term)
        if term.is_constant:
            raise Unfoldable(f"{self.name} of null")
        made = evolve(
            term, sql=unless(is_null(term.use), term.use), nullable=False, raises=True, conjuncts=()
        )
        self.terms[index] = made  # it is computed, whatever the other arguments are (`formed`)
        return made

    def is_constant(self, index: int) -> bool:
        """Whether an argument does not depend on the row."""
        try:
            self.constant(index)
        except Unfoldable:
            return False
        return True

    def whole(self, index: int) -> Scalar:
        """A number of the row that is never null, as a BIGINT; what is not whole is for the interpreter."""
        x = self.sure(index, "number")
        if x.storage == "BIGINT":
            return x
        made = t.typed(self.whole_or_null(x), "number", "BIGINT", x, nonan=True, int53=True)
        return evolve(made, constant=x.constant) if _is_whole(x) else made

    def whole_or_null(self, x: Scalar) -> Any:
        """A number as a BIGINT; what is not whole is for the interpreter."""
        if x.storage == "BIGINT":
            return x.use
        if _is_whole(x):
            return t.cast(t.whole(int(x.constant)), "BIGINT")
        sql = x.use
        if not x.int53:
            near = t.binary(exp.LT, t.function("abs", x.use), t.double(1e15))
            integral = t.binary(exp.EQ, t.function("trunc", x.use), x.use)
            sql = t.unless(t.negation(t.all_of([near, integral])), sql)
        return t.cast(sql, "BIGINT")

    def constant(self, index: int, default: Any = None) -> Any:
        """The value of an argument that does not depend on the row; ``default`` when it is not given."""
        if index >= len(self.arguments):
            return default
        argument = self.arguments[index]
        if isinstance(argument, Scalar):
            if argument.is_constant:
                return argument.constant
            raise Unfoldable("an argument that is not a constant")
        return self.translator.constant(argument)

    def text(self, index: int) -> str:
        """A constant text."""
        value = self.constant(index)
        if value.__class__ is not str:
            raise Unfoldable(f"{self.name} with an argument that is not a text")
        return str(value)

    def count_at(self, index: int, default: int | None = None) -> int:
        """A constant whole number, 0 or more."""
        value = self.constant(index)
        if value is None and default is not None:
            return default
        if value.__class__ is not float or value < 0 or not value.is_integer():
            raise Unfoldable(f"{self.name} with a count that is no whole number")
        return int(value)
