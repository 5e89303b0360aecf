"""Parts of a row function that do not depend on the row: the interpreter computes them once.

`evaluated` compiles such a part as a function of the variables that it names and calls it.  What may give something
else the next time (random numbers, the clock, functions that the library made) is no constant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from folding.terms import Scalar, Unfoldable
from mlang import registry
from mlang.errors import MError
from mlang.syntax import nodes
from mlang.values.functions import Function, captured, member_of
from mlang.values.lists import LazyList
from mlang.values.metadata import strip
from mlang.values.thunk import force
from mlang.values.types import MType

if TYPE_CHECKING:
    from folding.scalars import Translator

#: Families of functions that give the same for the same.
_STEADY = frozenset(
    [
        *("text", "character", "logical", "date", "datetime", "datetimezone", "time", "duration", "number"),
        *("byte", "int8", "int16", "int32", "int64", "single", "double", "decimal", "currency", "percentage"),
        *(
            "list",
            "record",
            "table",
            "value",
            "comparer",
            "splitter",
            "combiner",
            "replacer",
            "lines",
            "type",
        ),
        *("binary", "uri", "function"),
    ]
)
#: Parts of names of functions of these families that do not.
_VARYING = ("Random", "NewGuid", "Now", "IsIn", "InvokeAfter", "View", "NativeQuery", "ToLocal")
_MADE = frozenset({"#date", "#datetime", "#datetimezone", "#time", "#duration", "#table", "#binary"})
#: Classes of values that an argument may be which is no term.
_VALUES = (str, list, LazyList, dict, Function, MType)
#: Free names by node; trees live as long as their functions.
_names: dict[int, tuple[nodes.Node, frozenset[str]]] = {}


class _Outside:
    """An environment in which every name is known, and noted."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find(self, name: str) -> Any:
        """Notes the name."""
        from mlang.compile.scopes import Global

        self.names.add(name)
        return Global(name)


def free_names(node: nodes.Node) -> frozenset[str]:
    """The names that an expression takes from outside, ``_`` of a field access among them."""
    from mlang.compile.scopes import resolve

    known = _names.get(id(node))
    if known is None or known[0] is not node:
        outside = _Outside()
        resolve(node, outside)
        if len(_names) > 5000:
            _names.clear()
        known = _names[id(node)] = (node, frozenset(outside.names))
    return known[1]


def evaluated(translator: Translator, node: nodes.Node) -> Any:
    """The value of an expression that does not depend on the row; `Unfoldable` for others and for errors."""
    from mlang.compile.entry import Unit

    function = translator.function
    unit = function.spec.document if function is not None and function.spec is not None else None
    if unit is None:
        raise Unfoldable("an argument that is not a constant")
    given = _given(translator, node)
    parameters = tuple(nodes.Parameter(name, False, None) for name in given)
    made = nodes.Function(parameters, None, node)
    try:
        found = Unit(unit.document, made, unit.section, unit.name).evaluate()
        return strip(force(found.fn(*given.values())))
    except (MError, RecursionError):  # which M may never compute: there may be no row
        raise Unfoldable("a constant that raises") from None


def _given(translator: Translator, node: nodes.Node) -> dict[str, Any]:
    """What the variables stand for that an expression names; library names are left out."""
    given = {}
    for name in sorted(free_names(node)):
        if name in translator.names:
            given[name] = _meaning(translator.names[name])
            continue
        found = _outer(translator.function, name)
        if found is not None:
            given[name] = found[0]
        elif not _is_steady_name(name):
            raise Unfoldable("an argument that is not a constant")
    return given


def _meaning(found: Any) -> Any:
    """The value of a name of the row function itself."""
    from folding.meanings import Closure, Lazy

    if found.__class__ is Scalar:
        if found.is_constant:
            return found.constant
    elif found.__class__ is Closure:
        return evaluated(found.scope, found.node)
    elif found.__class__ is Lazy:
        with found.alone():
            return evaluated(found.scope, found.node)
    elif isinstance(found, _VALUES) and _is_steady(found, set()):
        return found
    raise Unfoldable("an argument that is not a constant")


def _outer(function: Function | None, name: str) -> tuple[Any] | None:
    """A captured variable, or a member of the section; None for names of the library."""
    if function is None:
        return None
    try:
        value = captured(function, name)
    except KeyError:
        value = member_of(function, name)
        if value is None:
            return None
    try:
        value = force(value)
    except MError:
        raise Unfoldable("a variable whose value is an error") from None
    if not _is_steady(strip(value), set()):
        raise Unfoldable("a function that may give something else the next time")
    return (value,)


def _is_steady(value: Any, seen: set[int]) -> bool:
    """Whether a value is none of a function that may give something else the next time."""
    if value.__class__ is dict:
        return all(_is_steady_later(item, seen) for item in value.values())
    if value.__class__ is not Function:
        return True
    spec = value.spec
    if spec is None or (spec.node is None and spec.builtin is None):
        return False
    if spec.builtin is not None:
        return _is_steady_name(spec.builtin.name)
    if id(spec) in seen:
        return True
    seen.add(id(spec))
    for name in free_names(spec.node):
        try:
            found: Any = captured(value, name)
        except KeyError:
            found = member_of(value, name)
            if found is None:
                if not _is_steady_name(name):
                    return False
                continue
        if not _is_steady_later(found, seen):
            return False
    return True


def _is_steady_later(value: Any, seen: set[int]) -> bool:
    try:
        return _is_steady(strip(force(value)), seen)
    except MError:
        return False


def _is_steady_name(name: str) -> bool:
    """Whether a name of the library stands for a constant or a function that gives the same for the same."""
    entry = registry.lookup(name)
    if entry is None:
        return False
    if not isinstance(entry, registry.Builtin):
        return True
    family, _, rest = name.partition(".")
    return name in _MADE or (family.lower() in _STEADY and not any(part in rest for part in _VARYING))
