"""Parameters: members written ``value meta [IsParameterQuery = true, Type = "Number", ...]``.

Values from a command line are texts; the declared type says what they become.  A name that is
no member, a text that is no such value and a required parameter without a value are errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlang import registry
from mlang.errors import MError
from mlang.syntax import nodes
from staging.dataflow import attributes_of, is_parameter
from staging.errors import DataflowError

_PARSERS = {
    "Number": "Number.FromText", "Decimal": "Number.FromText", "Integer": "Number.FromText",
    "Logical": "Logical.FromText", "Boolean": "Logical.FromText", "Date": "Date.FromText",
    "Time": "Time.FromText",
    "DateTime": "DateTime.FromText", "DateTimeZone": "DateTimeZone.FromText", "Duration": "Duration.FromText",
}  # fmt: skip


def typed_parameters(members: Mapping[str, nodes.Node], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given parameters with texts converted to the declared types; refuses unknown and missing ones."""
    unknown = sorted(given.keys() - members.keys())
    if unknown:
        known = ", ".join(n for n, node in members.items() if is_parameter(node)) or "none"
        raise DataflowError(f"There is no parameter '{unknown[0]}'. Parameters: {known}.")
    for name, node in members.items():
        about = parameter_of(node)
        if about.get("IsParameterQueryRequired") is True and name not in given and _is_null(node):
            raise DataflowError(f"The parameter '{name}' is required and has no value (--param {name}=...).")
    return {name: typed(name, members[name], value) for name, value in given.items()}


def parameter_of(node: nodes.Node) -> dict[str, Any]:
    """The metadata of a parameter; empty for anything else."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if is_parameter(node) and isinstance(node, nodes.Binary) and isinstance(node.right, nodes.Record):
        return attributes_of(node.right)
    return {}


def _is_null(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Binary) and isinstance(node.left, nodes.Literal) and node.left.value is None


def typed(name: str, node: nodes.Node, value: Any) -> Any:
    """A text as the parameter's type; other values stay as they are."""
    if not isinstance(value, str):
        return value
    declared = parameter_of(node).get("Type")
    if declared is None:
        declared = _literal_type(node)
    parser = _PARSERS.get(str(declared))
    if parser is None:
        return value
    try:
        return registry.value_of(parser).fn(value)
    except MError:
        raise DataflowError(
            f"The parameter '{name}' is of type {declared}; '{value}' is no such value."
        ) from None


def _literal_type(node: nodes.Node) -> str:
    """What a member without a declared type holds when it is a literal."""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if isinstance(node, nodes.Binary) and node.operator == "meta":
        node = node.left
    if isinstance(node, nodes.Literal):
        if node.value.__class__ is bool:
            return "Logical"
        if isinstance(node.value, (int, float)):
            return "Number"
    return "Text"
