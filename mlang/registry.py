"""The library's one list: a builtin is declared once, by a decorator on its Python function.

    @builtin("Text.StartsWith(text as nullable text, substring as text, "
             "optional comparer as nullable function) as nullable logical", null="text")
    def starts_with(text: str, substring: str, comparer: Function | None = None) -> bool:
        '''Says whether a text begins with another one.'''

The signature is the M signature; arity, kinds, optionality, help and the function's M
type follow from it.  ``null="text"`` declares null-in-null-out.  The Python function
receives forced, unwrapped values of the declared kinds, positionally (parameters
declared ``any`` keep annotations only with ``raw=True``), and may return a value or raise `MError`.
Values that are no functions (enumerations, types) are declared with `constant`.

Modules register when they are imported, and they are imported when the first name of
their family is looked up: ``Text.*`` lives in ``library/text``, ``Csv.*`` in
``connectors/csv``; `HOMES` names the families that live with another one.  `load_all`
imports everything (for ``#shared`` and docs).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable

from mlang import errors
from mlang.values.functions import Function, Param, Spec
from mlang.values.kinds import DISPLAY, kind_of
from mlang.values.metadata import Annotated

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])


#: Every declared name: `Builtin` or, for constants, `Constant`.
BUILTINS: dict[str, Builtin | Constant] = {}

_SIGNATURE = r"\s*(?P<name>[\w.#]+)\s*\((?P<params>.*)\)\s*as\s+(?P<result>.+?)\s*$"
_PARAM = r"\s*(?P<opt>optional\s+)?(?P<name>\w+)(?:\s+as\s+(?P<null>nullable\s+)?(?P<kind>[\w.]+))?\s*$"
#: Families that live in the module of another one.
HOMES = {
    **dict.fromkeys(
        ("int8", "int16", "int32", "int64", "byte", "single", "double", "decimal", "currency", "percentage"),
        "number",
    ),
    **dict.fromkeys(("guid", "character"), "text"),
    **dict.fromkeys(("geographypoint", "geometry", "geometrypoint"), "geography"),
    **dict.fromkeys(("tableaction", "valueaction"), "action"),
    "identityprovider": "identity",
    **dict.fromkeys(("powerplatform", "powerbi", "lakehouse", "fabric"), "dataflows"),
}
#: Python classes that are exactly a kind: the guard that costs nothing.
_CLASSES = {
    "text": "str", "logical": "bool", "record": "dict", "list": "list", "binary": "bytes",
    "function": "Function",
}  # fmt: skip


class Builtin:
    """A library function: signature, implementation, help."""

    __slots__ = (
        "_function", "doc", "implementation", "keeps", "missing", "module", "name", "null", "parameters", "raw",
        "result", "result_nullable", "signature", "spec", "variadic",
    )  # fmt: skip

    def __init__(
        self,
        signature: str,
        implementation: Callable[..., Any],
        null: str | None,
        raw: bool,
        keeps: str | None,
        missing: str | None,
    ) -> None:
        match = re.match(_SIGNATURE, signature, re.S)
        assert match, signature
        self.name = match["name"]
        self.signature = " ".join(signature.split())
        self.parameters = tuple(_parameter(p) for p in match["params"].split(",") if p.strip())
        words = match["result"].split()
        self.result_nullable = words[0] == "nullable" or words[-1] == "any"
        self.result = words[-1] if words[-1] in DISPLAY else "any"
        self.implementation = implementation
        self.null, self.raw, self.missing = null, raw, missing
        self.keeps = _named(self.name, "keeps", keeps, self.parameters)
        self.doc = (implementation.__doc__ or "").strip()
        self.module = implementation.__module__
        self.spec = Spec(self.parameters, self.result, self.result_nullable, builtin=self, name=self.name)
        self._function: Function | None = None

    @property
    def function(self) -> Function:
        """The function value, made at first use."""
        if self._function is None:
            call = _guarded(self)
            self._function = Function(call, self.spec.required, len(self.parameters), self.spec)
        return self._function


class Constant:
    """A library value that is no function: an enumeration member, a type, a number."""

    __slots__ = ("doc", "module", "name", "value")

    def __init__(self, name: str, value: Any, doc: str, module: str) -> None:
        self.name, self.value, self.doc, self.module = name, value, doc, module


def _parameter(text: str) -> Param:
    match = re.match(_PARAM, text)
    assert match, text
    kind = match["kind"] or "any"
    nullable = bool(match["null"]) or kind == "any"
    if kind not in DISPLAY:  # an enumeration type such as Order.Type: a number
        kind, nullable = "number", nullable
    return Param(match["name"], kind, nullable, bool(match["opt"]))


def _named(function: str, option: str, names: str | None, parameters: tuple[Param, ...]) -> frozenset[str]:
    """The parameters that an option of a declaration names."""
    named = frozenset(n.strip() for n in names.split(",")) if names else frozenset()
    unknown = named - {p.name for p in parameters}
    assert not unknown, f"{function}: {option}= names no parameter: {unknown}"
    return named


def builtin(
    signature: str,
    *,
    null: str | None = None,
    raw: bool = False,
    keeps: str | None = None,
    missing: str | None = None,
) -> Callable[[F], F]:
    """Declares a library function.

    ``null`` names the parameter(s), comma separated, whose null makes the result null.
    ``raw=True`` passes arguments with their annotations, ``keeps`` names the parameters for which
    that is done: values that may become the result (OP-81).  ``missing`` says in one line
    which part is not supported (it is listed in docs/library.md).
    """

    def declare(implementation: F) -> F:
        entry = Builtin(signature, implementation, null, raw, keeps, missing)
        if entry.name in BUILTINS:
            raise AssertionError(f"{entry.name} is declared twice")
        BUILTINS[entry.name] = entry
        return implementation

    return declare


def constant(name: str, value: Any, doc: str = "", module: str = "") -> None:
    """Declares a library value that is no function."""
    if name in BUILTINS:
        raise AssertionError(f"{name} is declared twice")
    BUILTINS[name] = Constant(name, value, doc, module)


# ---------------------------------------------------------------- the calling layer


def _guarded(entry: Builtin) -> Callable[..., Any]:
    """The implementation behind checks of null and kind, as generated Python (one call deep)."""
    names = [f"a{i}" for i in range(len(entry.parameters))]
    head = [n if not p.optional else f"{n}=None" for n, p in zip(names, entry.parameters, strict=True)]
    nulls = _named(entry.name, "null", entry.null, entry.parameters)
    lines = []
    for i, (n, p) in enumerate(zip(names, entry.parameters, strict=True)):
        lines.extend(_guard(n, i, p, entry.raw or p.name in entry.keeps))
    for n, p in zip(names, entry.parameters, strict=True):
        if p.name in nulls:  # after all kinds are checked, as the engine does
            lines.append(f"    if {n} is None: return None")
    source = "def call({}):\n{}\n    return implementation({})\n".format(
        ", ".join(head), "\n".join(lines), ", ".join(names)
    )
    scope: dict[str, Any] = {
        "Annotated": Annotated, "Function": Function, "check": _check, "implementation": entry.implementation,
        "params": entry.parameters,
    }  # fmt: skip
    exec(compile(source, f"<builtin {entry.name}>", "exec"), scope)
    call: Callable[..., Any] = scope["call"]
    return call


def _guard(name: str, index: int, p: Param, raw: bool) -> list[str]:
    if p.kind == "any":
        return [] if raw else [f"    if {name}.__class__ is Annotated: {name} = {name}.value"]
    exact = _CLASSES.get(p.kind)
    accepts_null = p.nullable or p.optional
    test = f"{name}.__class__ is not {exact}" if exact else ""
    if p.kind == "number":
        test = f"{name}.__class__ is not float"
    if accepts_null:
        test = f"{name} is not None" + (f" and {test}" if test else "")
    indent = f"    if {test}: " if test else "    "
    return [f"{indent}{name} = check({name}, params[{index}], {raw!r})"]


def _check(value: Any, p: Param, raw: bool) -> Any:
    """The value, unwrapped, when it has the declared kind; else the conversion error (ERR-05..07).

    Its Detail names the type as it is declared: ``type nullable text`` where null would do.
    """
    bare = value.value if value.__class__ is Annotated else value
    kind = kind_of(bare)
    if kind == p.kind or (p.kind == "anynonnull" and kind != "null"):
        return value if raw else bare
    if kind == "null" and (p.nullable or p.optional):
        return None
    from mlang.values.types import primitive

    raise errors.cannot_convert(value, DISPLAY[p.kind], primitive(p.kind, p.nullable or p.optional))


# ---------------------------------------------------------------- finding names


def lookup(name: str) -> Builtin | Constant | None:
    """The declaration of a library name; imports its family's module when needed."""
    entry = BUILTINS.get(name)
    if entry is not None:
        return entry
    for module in _locate(name):
        _import(module)
        entry = BUILTINS.get(name)
        if entry is not None:
            return entry
    return None


def value_of(name: str) -> Any:
    """The M value of a library name; KeyError when there is none."""
    entry = lookup(name)
    if entry is None:
        raise KeyError(name)
    return entry.function if isinstance(entry, Builtin) else entry.value


def _locate(name: str) -> list[str]:
    """Modules where a name may live: its family's own, then the shared ones."""
    family = name.partition(".")[0].lower()
    family = HOMES.get(family, family)
    own = [] if name.startswith("#") or not family.isidentifier() else [
        f"mlang.library.{family}", f"mlang.connectors.{family}",
    ]  # fmt: skip
    shared = ["mlang.library.constructors", "mlang.library.enumerations", "mlang.library.types"]
    return own + shared + ["*"]


_loaded: set[str] = set()


def _import(module: str) -> None:
    if module == "*":
        load_all()
        return
    if module in _loaded:
        return
    _loaded.add(module)
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise


def load_all() -> None:
    """Imports every module of the library and the connectors (they register themselves)."""
    if "*" in _loaded:
        return
    _loaded.add("*")
    import pkgutil

    for package_name in ("mlang.library", "mlang.connectors"):
        package = importlib.import_module(package_name)
        for info in pkgutil.walk_packages(package.__path__, package_name + "."):
            if not info.name.startswith("mlang.connectors.arrow"):  # declares nothing and loads pyarrow
                importlib.import_module(info.name)
    importlib.import_module("mlang.connectors.services").declare_missing()
