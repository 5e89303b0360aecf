"""Parameters: members written ``value meta [IsParameterQuery = true, Type = "Number", ...]``.

Values come from a JSON file, the environment and the command line (`gathered`).  Texts become what the
declared type says.  A name that is
no member, a text that is no such value and a required parameter without a value are errors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
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


#: Environment variables with this prefix are parameters.
PREFIX = "MLANG_PARAM_"


def gathered(
    members: Mapping[str, nodes.Node],
    given: Mapping[str, Any],
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The values from a JSON file, from MLANG_PARAM_name and from the command line; the later wins."""
    found: dict[str, Any] = _from_file(file) if file is not None else {}
    for name, node in members.items():
        text = (os.environ if environment is None else environment).get(PREFIX + name)
        if text is not None and is_parameter(node):
            found[name] = text
    return found | dict(given)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except ValueError as error:
        raise DataflowError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise DataflowError(f"{path} must hold a JSON object of parameter names and values.")
    nested = [name for name, value in found.items() if isinstance(value, (dict, list))]
    if nested:
        raise DataflowError(
            f"{path}: the parameter '{nested[0]}' must be a text, a number, true, false or null."
        )
    whole = {n: float(v) for n, v in found.items() if isinstance(v, int) and not isinstance(v, bool)}
    return found | whole


def typed_parameters(members: Mapping[str, nodes.Node], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given parameters with texts converted to the declared types; refuses unknown and missing ones."""
    unknown = sorted(given.keys() - members.keys())
    if unknown:
        known = ", ".join(n for n, node in members.items() if is_parameter(node)) or "none"
        raise DataflowError(f"There is no parameter '{unknown[0]}'. Parameters: {known}.")
    for name, node in members.items():
        about = parameter_of(node)
        missing = given[name] is None if name in given else _is_null(node)
        if about.get("IsParameterQueryRequired") is True and missing:
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
    declared = parameter_of(node).get("Type")
    if declared is None:
        declared = _literal_type(node)
    if not isinstance(value, str):
        return _checked(name, str(declared), value)
    parser = _PARSERS.get(str(declared))
    if parser is None:
        return value
    try:
        return registry.value_of(parser).fn(value)
    except MError:
        raise DataflowError(
            f"The parameter '{name}' is of type {declared}; '{value}' is no such value."
        ) from None


#: Declared type -> the Python classes of other values than texts.
_CLASSES: dict[str, tuple[type, ...]] = {
    "Number": (float, int, Decimal), "Decimal": (float, int, Decimal), "Integer": (float, int),
    "Logical": (bool,), "Boolean": (bool,), "Text": (), "String": (),
}  # fmt: skip


def _checked(name: str, declared: str, value: Any) -> Any:
    """A value that is no text must already be what the parameter's type says."""
    wanted = _CLASSES.get(declared)
    if value is None or wanted is None:
        return value
    wrong = not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted)
    if wrong or (declared == "Integer" and value != int(value)):
        shown = json.dumps(value) if isinstance(value, (bool, int, float)) else value
        raise DataflowError(f"The parameter '{name}' is of type {declared}; {shown} is no such value.")
    return value


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
