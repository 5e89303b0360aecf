"""Function values.

A `Function` is a Python callable with positional parameters plus what M knows of
it: how many arguments it takes, its `Spec` (parameters, result, syntax tree or
builtin) and, when somebody ascribed one, its type.  The callable checks the kinds
of its arguments itself; whoever calls ``fn`` directly has checked the count, which
`bind` and `apply` do.

What a row function captured is read through `captured` (folding needs it): the
generated callable's closure cells, by M name.
"""

from __future__ import annotations

from collections.abc import Callable

from mlang import errors

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any


class Spec:
    """What is static of a function: shared by all closures made from one expression.

    ``parameters`` is a tuple of `Param`; ``result`` the declared result kind ("any"
    when none) and ``result_nullable``.  ``node`` is the `nodes.Function` or
    `nodes.Each` of a function written in M, ``builtin`` the registry entry of a
    library function; exactly one is set, or neither for functions made by the library.
    ``names`` maps M variable names to the Python names of the generated code and
    ``document`` is the compiled document it came from; ``made`` what others made of the expression, by their name.
    """

    __slots__ = (
        "builtin", "document", "made", "name", "names", "node", "parameters", "required", "result",
        "result_nullable",
    )  # fmt: skip

    def __init__(
        self,
        parameters: tuple[Param, ...],
        result: str = "any",
        result_nullable: bool = True,
        *,
        node: Any = None,
        builtin: Any = None,
        name: str | None = None,
        names: dict[str, str] | None = None,
        document: Any = None,
    ) -> None:
        self.parameters, self.result, self.result_nullable = parameters, result, result_nullable
        self.required = sum(1 for p in parameters if not p.optional)
        self.node, self.builtin, self.name = node, builtin, name
        self.names, self.document = names, document
        self.made: dict[str, Any] = {}


class Param:
    """A parameter: name, kind ("any" or a primitive), nullable, optional."""

    __slots__ = ("kind", "name", "nullable", "optional")

    def __init__(self, name: str, kind: str = "any", nullable: bool = True, optional: bool = False) -> None:
        self.name, self.kind, self.nullable, self.optional = name, kind, nullable, optional


class Function:
    """A function value: ``fn`` takes ``least`` to ``most`` positional arguments (None: any number)."""

    __slots__ = ("fn", "least", "meta", "most", "spec", "type")
    m_kind = "function"

    def __init__(
        self,
        fn: Callable[..., Any],
        least: int,
        most: int | None,
        spec: Spec | None = None,
        type: Any = None,
        meta: dict[str, Any] | None = None,
    ) -> None:
        self.fn, self.least, self.most, self.spec, self.type, self.meta = fn, least, most, spec, type, meta

    def with_meta(self, meta: dict[str, Any] | None) -> Function:
        """The same function with other metadata."""
        return Function(self.fn, self.least, self.most, self.spec, self.type, meta)

    def with_type(self, type: Any) -> Function:
        """The same function with an ascribed type; its checking does not change (TYP-06)."""
        return Function(self.fn, self.least, self.most, self.spec, type, self.meta)


def apply(function: Any, *arguments: Any) -> Any:
    """Calls a function value; raises the engine's error for a wrong count or a value that is none."""
    if function.__class__ is not Function:
        function = as_function(function)
    n = len(arguments)
    if n < function.least or (function.most is not None and n > function.most):
        raise errors.wrong_argument_count(n, function.least, function.most, list(arguments))
    return function.fn(*arguments)


def bind(function: Any, n: int) -> Callable[..., Any]:
    """The bare callable for calls with ``n`` arguments; a wrong count raises at the call, not here."""
    if function.__class__ is not Function:
        function = as_function(function)
    if function.least <= n and (function.most is None or n <= function.most):
        return function.fn  # type: ignore[no-any-return]
    least, most = function.least, function.most

    def wrong(*arguments: Any) -> Any:
        raise errors.wrong_argument_count(len(arguments), least, most, list(arguments))

    return wrong


def as_function(value: Any) -> Function:
    """The function behind annotations, or the conversion error."""
    from mlang.values.metadata import strip

    value = strip(value)
    if value.__class__ is Function:
        return value
    raise errors.cannot_convert(value, "Function")


def native(fn: Callable[..., Any], *names: str, result: str = "any") -> Function:
    """A function value made by the library (splitters, comparers, record constructors …)."""
    spec = Spec(tuple(Param(name) for name in names), result)
    return Function(fn, len(names), len(names), spec)


_MISSING = object()


def captured(function: Function, name: str, default: Any = _MISSING) -> Any:
    """What the M name means inside a function written in M: the captured value or thunk.

    Raises KeyError for names that are not captured variables (parameters, inner
    lets, library names) unless a default is given.
    """
    spec = function.spec
    names = spec.names if spec is not None else None
    python_name = names.get(name) if names else None
    code = getattr(function.fn, "__code__", None)
    if python_name is not None and code is not None and python_name in code.co_freevars:
        cell = function.fn.__closure__[code.co_freevars.index(python_name)]  # type: ignore[index]
        content = cell.cell_contents
        if content.__class__ is type(captured):  # a let-bound function is captured as its definition
            own = spec.document.specs[python_name]  # type: ignore[union-attr]
            return Function(content, own.required, len(own.parameters), own)
        return content
    if default is _MISSING:
        raise KeyError(name)
    return default


def member_of(function: Function, name: str) -> Any:
    """The thunk of a section's member (a parameter, another query) that a function written in M names, or None."""
    unit = function.spec.document if function.spec is not None else None
    if unit is None or name in (function.spec.names or ()):  # type: ignore[union-attr]
        return None
    return unit.document.member(name, unit.section)
