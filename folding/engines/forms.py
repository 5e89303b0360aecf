"""Forms that most engines share, and the checks of arguments that forms begin with.

Each engine's table starts as a copy of `COMMON`.  Read ``renderer.py`` for what a form is.
"""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from folding.engines.moments import list_extract, strftime
from folding.engines.renderer import PLAIN, Form, Renderer, Typed, forms
from folding.terms import Unfoldable, is_null


def texts(renderer: Renderer, nodes: list[Any], count: int | None = None) -> list[Typed]:
    """Arguments that are texts."""
    values = [renderer.render(n) for n in nodes]
    if any(v.type != "VARCHAR" for v in values) or (count is not None and len(values) != count):
        raise Unfoldable("a text function of something else")
    return values


def counted(renderer: Renderer, node: Any) -> Typed:
    """An argument that is a whole number."""
    value = renderer.render(node)
    if value.type != "BIGINT":
        raise Unfoldable("a count that is no whole number")
    return value


def number_of(renderer: Renderer, node: Any, *types: str) -> Typed:
    """An argument that is a number."""
    value = renderer.render(node)
    if value.type not in (types or ("DOUBLE",)):
        raise Unfoldable(f"a number function of {value.type}")
    return value


def moment(renderer: Renderer, node: Any, *types: str) -> Typed:
    """An argument that is a date or datetime."""
    value = renderer.render(node)
    if value.type not in (types or ("DATE", "TIMESTAMP")):
        raise Unfoldable(f"a date function of {value.type}")
    return value


def arguments_of(node: Any, name: str) -> list[Any]:
    """The arguments of the function that makes a list; lists themselves have no form."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() != name:
        raise Unfoldable("lists of texts or characters have no form in this engine")
    return list(node.expressions)


COMMON: dict[str, Form] = {}


@forms(COMMON, "coalesce")
def _coalesce(r: Renderer, nodes: list[Any]) -> Typed:
    values = [r.render(n) for n in nodes]
    types = {"BOOLEAN" if v.type == "CONDITION" else v.type for v in values}
    if len(types) > 1 and not types <= {"BIGINT", "TID"}:
        raise Unfoldable("alternatives of different types")
    if "TID" in types:
        raise Unfoldable("places of rows as numbers")
    return Typed(f"coalesce({', '.join(r.value_of(v) for v in values)})", types.pop())


@forms(COMMON, "hash")
def _looked_at(r: Renderer, nodes: list[Any]) -> Typed:
    """What `operators.computing` compares with 0: any other number, after all values were looked at."""
    found = " + ".join(f"CASE WHEN {r.render(is_null(node)).sql} THEN 1 ELSE 2 END" for node in nodes)
    return Typed(found, "BIGINT", len(nodes) == 1)


@forms(COMMON, "error")
def _error(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed("", "ERROR")


def extreme(name: str, ordered: frozenset[str] = PLAIN - {"BOOLEAN"} | {"TID"}) -> Form:
    """min, max: of types that the engine orders as M does."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        value = r.render(nodes[0])
        if value.type not in ordered:
            raise Unfoldable(f"the {name} of values of type {value.type}")
        return Typed(f"{name}({value.sql})", value.type)

    return form


COMMON["min"], COMMON["max"] = extreme("min"), extreme("max")


@forms(COMMON, "count")
def _count(r: Renderer, nodes: list[Any]) -> Typed:
    return Typed(f"count({r.value_of(r.render(nodes[0]))})", "BIGINT")


@forms(COMMON, "abs")
def _abs(r: Renderer, nodes: list[Any]) -> Typed:
    value = number_of(r, nodes[0], "DOUBLE", "BIGINT")
    return Typed(f"abs({value.sql})", value.type)


def _of_row(name: str) -> Form:
    """A window function that gives a value of another row."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        value = r.render(nodes[0])
        return Typed(f"{name}({r.value_of(value)})", "BOOLEAN" if value.type == "CONDITION" else value.type)

    return form


COMMON["strftime"], COMMON["list_extract"] = strftime, list_extract
COMMON["lag"], COMMON["first_value"] = _of_row("lag"), _of_row("first_value")


def _ranks(name: str) -> Form:
    return lambda r, nodes: Typed(f"{name}()", "BIGINT")


for _name in ("rank", "dense_rank", "row_number"):
    COMMON[_name] = _ranks(_name)


@forms(COMMON, "only")
def _only(r: Renderer, nodes: list[Any]) -> Typed:
    """The one value of a group that is not null."""
    value = r.render(nodes[0])
    return Typed(f"max({value.sql})", value.type)


@forms(COMMON, "isnan")
def _isnan(r: Renderer, nodes: list[Any]) -> Typed:
    """Where doubles have no NaN: false, but null for null."""
    value = number_of(r, nodes[0])
    return Typed(f"{value.inner} <> {value.inner}", "BOOLEAN", False)


@forms(COMMON, "replace")
def _replace(r: Renderer, nodes: list[Any]) -> Typed:
    values = texts(r, nodes, 3)
    return Typed(f"replace({', '.join(v.sql for v in values)})", "VARCHAR")


def unless(r: Renderer, condition: str, value: Typed) -> Typed:
    """A value, but stop the query where a condition holds."""
    return Typed(f"CASE WHEN {condition} THEN {r.failure(value.type)} ELSE {value.sql} END", value.type)


# ---------------------------------------------------------------- families (``count`` is how a count is written)


def letter_case(call: str, beyond: str = "octet_length({0}) > char_length({0})") -> Form:
    """Texts of ASCII letters: of others the engine's table of letters is not M's, so they go to the interpreter."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        value = texts(r, nodes, 1)[0]
        return unless(r, beyond.format(value.sql), Typed(call.format(value.inner), "VARCHAR"))

    return form


def with_counts(name: str, count: str = "{}") -> Form:
    """A text and one or more whole numbers."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        a = texts(r, nodes[:1], 1)[0]
        numbers = ", ".join(count.format(counted(r, n).sql) for n in nodes[1:])
        return Typed(f"{name}({a.sql}, {numbers})", "VARCHAR")

    return form


def padded(name: str, count: str = "{}") -> Form:
    """A text, a length and a filler."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        a, filler = texts(r, [nodes[0], nodes[2]], 2)
        return Typed(f"{name}({a.sql}, {count.format(counted(r, nodes[1]).sql)}, {filler.sql})", "VARCHAR")

    return form


def of_texts(template: str, count: int, type: str = "VARCHAR") -> Form:
    """A function of so many texts."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        return Typed(template.format(*(v.sql for v in texts(r, nodes, count))), type)

    return form


def backwards(name: str) -> Form:
    """The characters of a text from the last to the first: the only list of characters that has a form."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        (characters,) = arguments_of(nodes[0], "list_reverse")
        text, between = arguments_of(characters, "string_split")
        if between.name or nodes[1].name:
            raise Unfoldable("lists of texts or characters have no form in this engine")
        return Typed(f"{name}({texts(r, [text], 1)[0].sql})", "VARCHAR")

    return form


def by_place(template: str) -> Form:
    """The value of a group's row that comes first, or last, by another value."""

    def form(r: Renderer, nodes: list[Any]) -> Typed:
        value, place = r.render(nodes[0]), r.render(nodes[1])
        return Typed(template.format(value.sql, place.sql), value.type)

    return form


def leading(pattern: Any) -> Any:
    """The characters of a pattern that takes what stands at the start of a text before any other: ``^[…]*``."""
    found = isinstance(pattern, exp.Literal) and re.fullmatch(r"\^(\[.*\])\*", pattern.this)
    if not found:
        raise Unfoldable("a regular expression of another form")
    return exp.Literal.string(found[1])
