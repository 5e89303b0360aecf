"""Calls of library functions whose arguments are what the function wants: without the calling layer.

`call` writes the call of a known library function.  Where the classes of the arguments
are tested at the call (or known), the implementation is called itself; some functions have a form
for the ordinary case that stands inline or is one of the helpers below.  Everything else goes
through the function's own checks (``registry.py``), which raise the errors.
"""

from __future__ import annotations

from collections.abc import Callable

from mlang import registry, session
from mlang.compile import streams
from mlang.compile.codegen import Generator
from mlang.values.functions import Function

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing costs more to import than all of this
    from typing import Any

#: Kind -> the class that most of its values have.
_ORDINARY = {
    "number": "float", "text": "str", "logical": "bool", "record": "dict", "list": "list", "binary": "bytes",
    "function": "Function",
}  # fmt: skip
#: Code flags of functions with * or ** parameters.
_VARIADIC = 0x04 | 0x08
#: More tests than these cost as much as the layer they replace.
_MOST_TESTS = 3


def call(g: Generator, name: str, entry: Any, value: Function, codes: list[str]) -> str:
    """An expression for the call of a library function; the count of arguments fits."""
    ordinary = g.constant(value.fn, ("direct", name))
    special = _SPECIAL.get((name, len(codes)))
    classes = special[0] if special is not None else _classes(entry, len(codes))
    tests = _tests(g, codes, classes) if classes is not None else None
    if tests is None:
        return f"{ordinary}({', '.join(codes)})"
    if tests or special is not None:
        codes = [g.as_atom(code) for code in codes]
        tests = _tests(g, codes, classes or [])
        assert tests is not None
    slow = f"{ordinary}({', '.join(codes)})"
    if special is not None:
        code = special[1](g, codes, tests, slow)
        return g.mark(code, special[2]) if not tests else code
    if len(tests) > _MOST_TESTS:
        return slow
    absent = ["None"] * (len(entry.parameters) - len(codes))
    direct = f"{g.constant(entry.implementation, ('implementation', name))}({', '.join([*codes, *absent])})"
    return f"({direct} if {' and '.join(tests)} else {slow})" if tests else direct


def _classes(entry: Any, count: int) -> list[str] | None:
    """The class that each argument must have to be passed on as it is; None when that cannot be said.

    "" stands for any value, "~" for any without metadata.
    """
    if not isinstance(entry, registry.Builtin):
        return None
    code = getattr(entry.implementation, "__code__", None)
    if code is None or code.co_argcount != len(entry.parameters) or code.co_flags & _VARIADIC:
        return None
    nulls = entry.null or ""
    classes = []
    for parameter in entry.parameters[:count]:
        if parameter.kind == "any" and parameter.name not in nulls:
            classes.append("" if entry.raw or parameter.name in entry.keeps else "~")
        elif parameter.kind in _ORDINARY:
            classes.append(_ORDINARY[parameter.kind])
        else:
            return None
    return classes


def _tests(g: Generator, given: list[str], classes: list[str]) -> list[str] | None:
    """The class tests that arguments still need; None when one certainly fails."""
    tests: dict[str, None] = {}
    for code, cls in zip(given, classes, strict=True):
        kind = g.kind(code)
        if cls == "" or kind == cls or (cls == "~" and kind is not None and kind != "Annotated"):
            continue
        if kind is not None and cls != "~":
            return None
        tests[f"{code}.__class__ is {'not Annotated' if cls == '~' else cls}"] = None
    return list(tests)


# ---------------------------------------------------------------- functions with a form of their own


def _inline(template: str, extra: str = "") -> Callable[[Generator, list[str], list[str], str], str]:
    """``template`` with {0}, {1} for the arguments; ``extra`` is one more test."""

    def form(g: Generator, given: list[str], tests: list[str], slow: str) -> str:
        every = [*tests, extra.format(*given)] if extra else tests
        fast = template.format(*given)
        return f"({fast} if {' and '.join(every)} else {slow})" if every else f"({fast})"

    return form


def _helper(make: Callable[[], Callable[..., Any]]) -> Callable[[Generator, list[str], list[str], str], str]:
    """A helper that tests the classes itself."""

    def form(g: Generator, given: list[str], tests: list[str], slow: str) -> str:
        return f"{g.constant(make(), ('helper', make))}({', '.join(given)})"

    return form


def _modulo(g: Generator, given: list[str], tests: list[str], slow: str) -> str:
    """The remainder of finite numbers; C's fmod refuses others."""
    from math import fmod

    number, divisor = given
    every = [*tests, f"{number} - {number} == 0.0"]
    if not divisor[0].isdigit():
        every.append(divisor)
    elif float(divisor) == 0:
        return slow
    return f"({g.constant(fmod, 'fmod')}({number}, {divisor}) if {' and '.join(every)} else {slow})"


def _record_field(g: Generator, given: list[str], tests: list[str], slow: str) -> str:
    """A field by a computed name, forced."""
    every = [*tests, f"{given[1]} in {given[0]}"]
    value = g.temp(f"{given[0]}[{given[1]}] if {' and '.join(every)} else {slow}")
    g.line(f"if {value}.__class__ is Thunk: {value} = {value}.get()")
    return value


#: Places in texts are whole numbers of 32 bits; others raise.
_PLACES = 2e9


def _part(template: str) -> Callable[[Generator, list[str], list[str], str], str]:
    """A slice of an ASCII text: {0} is the text, {1} and {2} are places."""

    def form(g: Generator, given: list[str], tests: list[str], slow: str) -> str:
        text, *numbers = given
        every, places = [*tests, f"{text}.isascii()"], []
        for number in numbers:
            if number[0].isdigit() and float(number) < _PLACES and float(number).is_integer():
                places.append(str(int(float(number))))
                continue
            place = g.fresh("at")
            every.append(f"0.0 <= {number} < {_PLACES!r} and ({place} := int({number})) == {number}")
            places.append(place)
        return f"({template.format(text, *places)} if {' and '.join(every)} else {slow})"

    return form


#: Culture name -> whether its letters have the usual capitals.
_USUAL: dict[str, bool] = {}


def _usual(culture: str) -> bool:
    from mlang.culture.text import upper

    _USUAL[culture] = upper("i", culture) == "I"
    return _USUAL[culture]


def _casing(name: str, change: Callable[[str], str]) -> Callable[[], Callable[[Any], Any]]:
    def make() -> Callable[[Any], Any]:
        ordinary, current, usual = registry.value_of(name).fn, session.current, _USUAL

        def cased(text: Any) -> Any:
            if text.__class__ is str and text.isascii():
                culture = current().culture
                if usual[culture] if culture in usual else _usual(culture):
                    return change(text)
            return ordinary(text)

        return cased

    return make


_SPECIAL: dict[tuple[str, int], tuple[list[str], Any, str | None]] = {
    ("Text.Upper", 1): (["str"], _helper(_casing("Text.Upper", str.upper)), "str"),
    ("Text.Lower", 1): (["str"], _helper(_casing("Text.Lower", str.lower)), "str"),
    ("List.Sum", 1): ([""], _helper(lambda: streams.total), None),
    ("Text.Length", 1): (["str"], _inline("float(len({0}))", "{0}.isascii()"), "float"),
    ("Text.Start", 2): (["str", "float"], _part("{0}[:{1}]"), "str"),
    ("Text.End", 2): (["str", "float"], _part("{0}[max(len({0}) - {1}, 0):]"), "str"),
    ("Text.Middle", 2): (["str", "float"], _part("{0}[{1}:]"), "str"),
    ("Text.Middle", 3): (["str", "float", "float"], _part("{0}[{1}:{1} + {2}]"), "str"),
    ("Number.Mod", 2): (["float", "float"], _modulo, "float"),
    ("Number.Abs", 1): (["float"], _inline("abs({0})"), "float"),
    ("List.Count", 1): (["list"], _inline("float(len({0}))"), "float"),
    ("List.IsEmpty", 1): (["list"], _inline("not {0}"), "bool"),
    ("Record.Field", 2): (["dict", "str"], _record_field, None),
    ("Binary.Length", 1): (["bytes"], _inline("float(len({0}))"), "float"),
}

__all__ = ["call"]
