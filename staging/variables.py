"""Variable libraries: ``Name.VariableLibrary/`` folders as Fabric keeps them in git, beside the dataflows.

    variables.json          {"variables": [{"name", "type", "value", "note"}]}: the default values
    settings.json           {"valueSetsOrder": [...]}
    valueSets/prod.json     {"name": "prod", "variableOverrides": [{"name", "value"}]}

A query reads one with ``Variable.Value("$(/**/Library/Name)")``.  Which value set is active is no part of the files (in
the product it belongs to the workspace): ``--value-set prod``, ``--value-set Library=prod`` or MLANG_VALUE_SET.
`variables_for` gives a session's variables; a library that nobody's text names is not opened.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from mlang import registry
from mlang.errors import MError
from mlang.syntax import nodes
from staging.errors import DataflowError

SUFFIX = ".VariableLibrary"
#: The environment variable that names value sets, separated by commas.
ENVIRONMENT = "MLANG_VALUE_SET"
_FUNCTIONS = ("Variable.Value", "Variable.ValueOrDefault")
#: How deep below the dataflow's folder libraries are looked for ("/**/" in an identifier means any folder).
_DEPTH = 4


@frozen
class Library:
    """One library: its variables by name (declared type, default value), its value sets' overrides."""

    name: str
    folder: Path
    variables: dict[str, tuple[str, Any]]
    sets: dict[str, dict[str, Any]]

    def values(self, chosen: str | None) -> dict[str, Any]:
        """The M values of the variables in a value set (None: the defaults)."""
        overrides = self.sets[chosen] if chosen is not None else {}
        found = {}
        for name, (type, default) in self.variables.items():
            value = overrides.get(name, default)
            try:
                found[name] = _typed(type, value)
            except (MError, ValueError, TypeError):
                where = f"value set '{chosen}'" if name in overrides else "variables.json"
                raise DataflowError(
                    f"Variable library '{self.name}', {where}: the variable '{name}' is of type {type}; "
                    f"{json.dumps(value, ensure_ascii=False)} is no such value."
                ) from None
        return found


# ---------------------------------------------------------------- the session's variables


def variables_for(
    members: Iterable[nodes.Node], folder: Path, value_sets: Iterable[str] = ()
) -> dict[str, Any]:
    """Identifier -> value for the libraries below ``folder`` that some text of the members names."""
    wanted = _mentioned(members)
    if wanted is not None and not wanted:
        return {}
    libraries = [lib for lib in _libraries(folder) if wanted is None or lib.name in wanted]
    chosen = _chosen(libraries, value_sets)
    found: dict[str, Any] = {}
    for library in libraries:
        for name, value in library.values(chosen.get(library.name)).items():
            found[f"$(/**/{library.name}/{name})"] = value
    return found


def _mentioned(members: Iterable[nodes.Node]) -> set[str] | None:
    """The libraries that identifiers in the texts name; None when an identifier is computed."""
    names: set[str] = set()
    used, known = 0, 0
    for member in members:
        for node in member.walk():
            if isinstance(node, nodes.Name) and node.name in _FUNCTIONS:
                used += 1
            elif isinstance(node, nodes.Invocation) and _literal_call(node):
                known += 1
                library = library_of(str(node.arguments[0].value))  # type: ignore[attr-defined]
                names |= {library} if library is not None else set()
    return names if used == known else None


def _literal_call(node: nodes.Invocation) -> bool:
    function = node.function
    if not (isinstance(function, nodes.Name) and function.name in _FUNCTIONS and node.arguments):
        return False
    return isinstance(node.arguments[0], nodes.Literal) and isinstance(node.arguments[0].value, str)


def library_of(identifier: str) -> str | None:
    """The library that ``$(/**/Library/Name)`` names; None for another text."""
    if not (identifier.startswith("$(/**/") and identifier.endswith(")")):
        return None
    library, slash, name = identifier[6:-1].rpartition("/")
    return library if slash and library and name else None


def _chosen(libraries: list[Library], given: Iterable[str]) -> dict[str, str]:
    """Library -> value set; one without a library's name holds for every library that has it."""
    names = [text for text in given if text]
    if not names:
        names = [t.strip() for t in os.environ.get(ENVIRONMENT, "").split(",") if t.strip()]
    chosen: dict[str, str] = {}
    for text in names:
        library, named, value_set = text.rpartition("=")
        fitting = [lib for lib in libraries if not named or lib.name == library]
        holders = [lib for lib in fitting if value_set in lib.sets]
        if not holders and libraries:
            known = "; ".join(f"{lib.name}: {', '.join(lib.sets) or 'none'}" for lib in fitting) or "none"
            raise DataflowError(f"There is no value set '{text}'. Value sets: {known}.")
        chosen.update({lib.name: value_set for lib in holders})
    return chosen


# ---------------------------------------------------------------- files


def _libraries(folder: Path) -> list[Library]:
    found: dict[str, Library] = {}
    for place in sorted(_folders(folder, _DEPTH)):
        library = read(place)
        if library.name in found:
            raise DataflowError(
                f"Two variable libraries are called '{library.name}': {found[library.name].folder} and {place}."
            )
        found[library.name] = library
    return list(found.values())


def _folders(folder: Path, depth: int) -> list[Path]:
    """The library folders below a folder; hidden folders and other items are not looked into."""
    found = []
    try:
        inside = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")]
    except OSError:
        return []
    for place in inside:
        if place.name.endswith(SUFFIX):
            found.append(place)
        elif depth > 1 and not place.name.endswith((".Dataflow", ".Lakehouse", ".Warehouse")):
            found += _folders(place, depth - 1)
    return found


def read(folder: Path) -> Library:
    """A library from its folder; `DataflowError` names the file and what is wrong with it."""
    platform = _json(folder / ".platform", missing={})
    shown = platform.get("metadata", {})
    name = shown.get("displayName") if isinstance(shown, dict) else None
    if not isinstance(name, str) or not name:
        name = folder.name.removesuffix(SUFFIX)
    file = folder / "variables.json"
    variables: dict[str, tuple[str, Any]] = {}
    for entry in _list(_json(file), "variables", file):
        own, type = entry.get("name"), entry.get("type")
        if not isinstance(own, str) or not isinstance(type, str) or "value" not in entry:
            raise DataflowError(f"{file}: a variable needs name, type and value.")
        if type.lower() not in _TYPES:
            raise DataflowError(f"{file}: the variable '{own}' is of type '{type}'. Types: {_NAMES}.")
        if own in variables:
            raise DataflowError(f"{file}: the variable '{own}' occurs twice.")
        variables[own] = (type, entry["value"])
    return Library(name, folder, variables, _value_sets(folder, variables))


def _value_sets(folder: Path, variables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    order = _json(folder / "settings.json", missing={}).get("valueSetsOrder", [])
    for file in sorted((folder / "valueSets").glob("*.json")):
        document = _json(file)
        overrides = {}
        for entry in _list(document, "variableOverrides", file):
            name = entry.get("name")
            if name not in variables:
                raise DataflowError(f"{file}: the library has no variable {json.dumps(name)}.")
            if "value" not in entry:
                raise DataflowError(f"{file}: the override of '{name}' has no value.")
            overrides[str(name)] = entry["value"]
        name = document.get("name")
        found[name if isinstance(name, str) and name else file.stem] = overrides
    listed = [n for n in order if n in found] if isinstance(order, list) else []
    return {name: found[name] for name in [*listed, *[n for n in found if n not in listed]]}


def _json(path: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        if missing is None:
            raise DataflowError(f"{path.parent} is no variable library: it has no {path.name}.") from None
        return missing
    except ValueError as error:
        raise DataflowError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise DataflowError(f"{path} must hold a JSON object.")
    return found


def _list(found: dict[str, Any], name: str, file: Path) -> list[dict[str, Any]]:
    listed = found.get(name, [])
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise DataflowError(f"{file}: {name} must be a list of objects.")
    return listed


# ---------------------------------------------------------------- types


def _logical(value: Any) -> bool:
    if value.__class__ is not bool:
        raise TypeError
    return bool(value)


def _number(value: Any) -> float:
    if value.__class__ not in (int, float):
        raise TypeError
    return float(value)


def _integer(value: Any) -> float:
    found = _number(value)
    if not found.is_integer() or abs(value) > 2**53:
        raise ValueError
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _datetime(value: Any) -> Any:
    """ISO 8601 in UTC as a datetime; the Z says what all of them are."""
    return registry.value_of("DateTime.FromText").fn(_text(value).removesuffix("Z").removesuffix("z"))


def _reference(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    return {name: _text(part) for name, part in value.items()}


_TYPES: dict[str, Callable[[Any], Any]] = {
    "boolean": _logical, "datetime": _datetime, "guid": lambda v: str(uuid.UUID(_text(v))), "integer": _integer,
    "number": _number, "string": _text, "itemreference": _reference, "connectionreference": _reference,
}  # fmt: skip
_NAMES = "Boolean, DateTime, Guid, Integer, Number, String, ItemReference, ConnectionReference"


def _typed(type: str, value: Any) -> Any:
    return _TYPES[type.lower()](value)
