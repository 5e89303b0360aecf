"""The files of a dataflow: ``Name.Dataflow/`` as Fabric keeps it in git, or a single ``.pq`` document.

`read` gives a `Dataflow`: the queries with what the metadata and the attributes say about them.
Nothing is evaluated here.  JSON fields that we do not know stay in ``metadata`` and
``platform``, so that a tool that writes them back loses nothing.  Read ``graph.py`` next
(which query needs which) and ``destinations/target.py`` (where a destination query points to).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from attrs import field, frozen

from mlang.app.containers.paths import is_container
from mlang.errors import Fault
from mlang.syntax import nodes
from mlang.syntax.parser import parse_document
from staging.buckets import ATTRIBUTE, Policy, policy_of
from staging.errors import DataflowError

FORMAT = "202502"
_UPDATE_METHODS = ("Replace", "Append")


@frozen
class DestinationSettings:
    """One entry of ``DataDestinations``: the target query and how to write to it."""

    query: str
    automatic: bool = True
    update: str = "Replace"
    dynamic_schema: bool = True
    allow_creation: bool = True
    mappings: tuple[tuple[str, str], ...] | None = None
    default: bool = False
    #: Whether the text says how to update, or the kind of destination decides.
    explicit: bool = True


@frozen
class Query:
    """A member of the section, with its metadata."""

    name: str
    node: nodes.Node
    load_enabled: bool = True
    hidden: bool = False
    is_parameter: bool = False
    is_function: bool = False
    is_target: bool = False
    destinations: tuple[DestinationSettings, ...] = ()
    incremental: Policy | None = None
    metadata: dict[str, Any] = field(factory=dict)

    @property
    def staged(self) -> bool:
        """Whether a refresh writes it to the staging store (when its value is a table)."""
        return self.load_enabled and not (self.is_parameter or self.is_function or self.is_target)


@frozen
class Dataflow:
    """A dataflow: ``name`` for people, ``key`` for the workspace, ``path`` of the M document."""

    name: str
    key: str
    path: Path
    text: str
    tree: nodes.SectionDocument
    section: str | None
    queries: dict[str, Query]
    attributes: dict[str, Any]
    metadata: dict[str, Any]
    platform: dict[str, Any]

    @property
    def content(self) -> bytes:
        """The document's bytes as they are stored; what comes from a workbook or model has none of its own."""
        return self.text.encode() if is_container(self.path) else self.path.read_bytes()

    @property
    def base_dir(self) -> Path:
        """What relative paths in the document stand in."""
        return self.path.parent

    @property
    def home(self) -> Path:
        """The folder that the dataflow stands in, beside the other items of its workspace."""
        own = self.path.parent if self.path.name == "mashup.pq" else self.path
        return own.resolve().parent

    @property
    def culture(self) -> str | None:
        """The document's locale."""
        found = self.metadata.get("documentLocale")
        return found if isinstance(found, str) and found else None

    @property
    def concurrency(self) -> int:
        """How many queries may run at a time: ``computeEngineSettings.maxConcurrency``, else the processors."""
        settings = self.metadata.get("computeEngineSettings")
        found = settings.get("maxConcurrency") if isinstance(settings, dict) else None
        return found if isinstance(found, int) and found > 0 else os.cpu_count() or 1

    @property
    def combines(self) -> bool:
        """Whether the privacy firewall is off: ``fastCombine``, or AllowCombine on the section."""
        return self.metadata.get("fastCombine") is True or self.attributes.get("AllowCombine") is True

    @property
    def about(self) -> dict[str, str]:
        """Name, id and place, for readers of the staged data and for whoever cleans up."""
        own = self.path.parent if self.path.name == "mashup.pq" else self.path
        found = {"name": self.name, "path": str(own.resolve())}
        config = self.platform.get("config")
        identity = config.get("logicalId") if isinstance(config, dict) else None
        return found | {"id": identity} if isinstance(identity, str) and identity else found

    def query(self, name: str) -> Query:
        """A query by name; the error lists what there is."""
        found = self.queries.get(name)
        if found is None:
            listed = ", ".join(sorted(self.queries)) or "none"
            raise DataflowError(f"There is no query '{name}' in {self.name}. Queries: {listed}.")
        return found


def read(path: str | Path) -> Dataflow:
    """Reads a dataflow folder or a section document; MSyntaxError when the document is broken M."""
    place = Path(path)
    text = None
    if is_container(place):
        document, platform = place, {}
        text, metadata = _inside(place)
    elif place.is_dir():
        document = place / "mashup.pq"
        if not document.is_file():
            raise DataflowError(f"{place} is no dataflow: it has no mashup.pq.")
        metadata = _json(place / "queryMetadata.json")
        platform = _json(place / ".platform")
    elif place.is_file():
        document, metadata, platform = place, {}, {}
    else:
        raise DataflowError(f"There is no dataflow at {place}.")
    _check_format(metadata, place)
    text = _text(document) if text is None else text
    tree = parse_document(text, str(document))
    if not isinstance(tree, nodes.SectionDocument):
        raise DataflowError(
            f"{document} is one expression; a dataflow is a section document (section Name; ...)."
        )
    key = place.resolve().name
    return _build(document, key, text, tree, metadata, platform)


def standalone(like: Dataflow, tree: nodes.SectionDocument, text: str) -> Dataflow:
    """Another document in the place of a dataflow's own, with its settings; none of its queries are there."""
    settings = {name: value for name, value in like.metadata.items() if name != "queriesMetadata"}
    return _build(like.path, like.key, text, tree, settings, like.platform)


def _inside(place: Path) -> tuple[str, dict[str, Any]]:
    """The M in a workbook, a model or a template, and the locale that it names."""
    from mlang.app.containers.files import open_container

    try:
        found = open_container(place)
        return found.document, {"documentLocale": found.culture} if found.culture else {}
    except Fault as error:
        raise DataflowError(str(error)) from None


def _text(document: Path) -> str:
    try:
        return document.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataflowError(f"{document} is not UTF-8 text (byte {error.start}).") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise DataflowError(f"{path} is not UTF-8 text (byte {error.start}).") from None
    except ValueError as error:
        raise DataflowError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise DataflowError(f"{path} must hold a JSON object.")
    return found


def _check_format(metadata: dict[str, Any], place: Path) -> None:
    version = metadata.get("formatVersion", FORMAT)
    if version != FORMAT:
        raise DataflowError(
            f"{place}: queryMetadata.json has formatVersion {version!r}; known is {FORMAT!r}."
        )
    if not isinstance(metadata.get("queriesMetadata", {}), dict):
        raise DataflowError(f"{place}: queriesMetadata in queryMetadata.json must be an object.")


def _build(
    document: Path,
    key: str,
    text: str,
    tree: nodes.SectionDocument,
    metadata: dict[str, Any],
    platform: dict[str, Any],
) -> Dataflow:
    if len(tree.sections) != 1:
        raise DataflowError(f"{document} has {len(tree.sections)} sections; a dataflow has one.")
    section = tree.sections[0]
    attributes = attributes_of(section.attributes)
    shared = [m for m in section.members if m.shared] or list(section.members)
    default = _default_destination(attributes)
    found = {m.name: _destinations(m, default) for m in shared}
    targets = {d.query for listed in found.values() for d in listed}
    if default is not None:
        targets.add(default.query)
    known = metadata.get("queriesMetadata", {})
    queries = {m.name: _query(m, known.get(m.name, {}), found[m.name], m.name in targets) for m in shared}
    for name, listed in found.items():
        for settings in listed:
            if settings.query not in queries:
                raise DataflowError(
                    f"Query '{name}': its destination query '{settings.query}' is not in the document."
                )
    shown = platform.get("metadata", {}).get("displayName") or metadata.get("name")
    name = shown if isinstance(shown, str) else document.stem if key.endswith(".pq") else key.split(".")[0]
    return Dataflow(name, key, document, text, tree, section.name, queries, attributes, metadata, platform)


def _query(
    member: nodes.Member, about: Any, destinations: tuple[DestinationSettings, ...], is_target: bool
) -> Query:
    known = about if isinstance(about, dict) else {}
    return Query(
        name=member.name,
        node=member.value,
        load_enabled=known.get("loadEnabled", True) is not False,
        hidden=known.get("isHidden", False) is True,
        is_parameter=is_parameter(member.value),
        is_function=isinstance(_bare(member.value), (nodes.Function, nodes.Each)),
        is_target=is_target,
        destinations=destinations,
        incremental=_incremental(member),
        metadata=known,
    )


def _incremental(member: nodes.Member) -> Policy | None:
    entries = member.attributes.entries if member.attributes is not None else ()
    if not _names(entries, ATTRIBUTE):
        return None
    return policy_of(member.name, attributes_of(member.attributes).get(ATTRIBUTE))


def _bare(node: nodes.Node) -> nodes.Node:
    while isinstance(node, nodes.Parenthesized) or (
        isinstance(node, nodes.Binary) and node.operator == "meta"
    ):
        node = node.inner if isinstance(node, nodes.Parenthesized) else node.left
    return node


def is_parameter(node: nodes.Node) -> bool:
    """``value meta [IsParameterQuery = true, ...]``"""
    while isinstance(node, nodes.Parenthesized):
        node = node.inner
    if not (isinstance(node, nodes.Binary) and node.operator == "meta"):
        return False
    return isinstance(node.right, nodes.Record) and attributes_of(node.right).get("IsParameterQuery") is True


# ---------------------------------------------------------------- attributes


class NoLiteral(Exception):
    pass


def literal(node: nodes.Node) -> Any:
    """The Python value of an attribute written as literals: records, lists, texts, numbers, logicals."""
    if isinstance(node, nodes.Parenthesized):
        return literal(node.inner)
    if isinstance(node, nodes.Literal):
        return node.value
    if isinstance(node, nodes.Record):
        return {b.name: literal(b.value) for b in node.entries}
    if isinstance(node, nodes.List):
        return [literal(item) for item in node.items]
    raise NoLiteral


def attributes_of(record: nodes.Record | None) -> dict[str, Any]:
    """The literal attributes; one that is computed is left out (the text keeps it)."""
    found: dict[str, Any] = {}
    for entry in record.entries if record is not None else ():
        try:
            found[entry.name] = literal(entry.value)
        except NoLiteral:
            continue
    return found


def _default_destination(attributes: dict[str, Any]) -> DestinationSettings | None:
    found = attributes.get("DefaultOutputDestinationSettings")
    if not isinstance(found, dict):
        return None
    query = _field(found, "DestinationDefinition", dict).get("QueryName")
    if not isinstance(query, str):
        raise DataflowError("DefaultOutputDestinationSettings names no destination query (QueryName).")
    update = _update_method(found, "the default destination", "Replace")
    return DestinationSettings(query, update=update, default=True, explicit="UpdateMethod" in found)


def _destinations(
    member: nodes.Member, default: DestinationSettings | None
) -> tuple[DestinationSettings, ...]:
    attributes = attributes_of(member.attributes)
    entries = member.attributes.entries if member.attributes is not None else ()
    found = attributes.get("DataDestinations", [])
    if not isinstance(found, list) or (
        "DataDestinations" not in attributes and _names(entries, "DataDestinations")
    ):
        raise DataflowError(f"Query '{member.name}': DataDestinations must be a list of literal records.")
    listed = [_settings(member.name, entry) for entry in found]
    if attributes.get("BindToDefaultDestination") is True:
        if default is None:
            raise DataflowError(
                f"Query '{member.name}' is bound to the default destination, and the section has none "
                "(DefaultOutputDestinationSettings)."
            )
        listed.append(default)
    return tuple(listed)


def _names(entries: Any, name: str) -> bool:
    return any(e.name == name for e in entries)


def _field(found: dict[str, Any], name: str, kind: type) -> Any:
    value = found.get(name)
    return value if isinstance(value, kind) else kind()


def _update_method(found: dict[str, Any], where: str, missing: str) -> str:
    value = _field(found, "UpdateMethod", dict).get("Kind", missing)
    if value not in _UPDATE_METHODS:
        raise DataflowError(f"{where}: UpdateMethod {value!r} is not known ({' or '.join(_UPDATE_METHODS)}).")
    return str(value)


def _settings(query: str, entry: Any) -> DestinationSettings:
    where = f"Query '{query}': DataDestinations"
    if not isinstance(entry, dict):
        raise DataflowError(f"{where} must be a list of records.")
    target = _field(entry, "Definition", dict).get("QueryName")
    if not isinstance(target, str):
        raise DataflowError(f"{where}: Definition has no QueryName.")
    settings = _field(entry, "Settings", dict)
    kind = settings.get("Kind", "Automatic")
    if kind not in ("Automatic", "Manual"):
        raise DataflowError(f"{where}: Settings Kind {kind!r} is not known (Automatic or Manual).")
    if kind == "Automatic":
        return DestinationSettings(target)
    return DestinationSettings(
        target,
        automatic=False,
        update=_update_method(settings, where, "Replace"),
        dynamic_schema=settings.get("DynamicSchema", False) is True,
        allow_creation=settings.get("AllowCreation", True) is not False,
        mappings=_mappings(where, settings),
    )


def _mappings(where: str, settings: dict[str, Any]) -> tuple[tuple[str, str], ...] | None:
    columns = settings.get("ColumnSettings")
    if not isinstance(columns, dict) or "Mappings" not in columns:
        return None
    found = columns["Mappings"]
    try:
        return tuple((m["SourceColumnName"], m["DestinationColumnName"]) for m in found)
    except (TypeError, KeyError):
        raise DataflowError(
            f"{where}: Mappings must be a list of [SourceColumnName, DestinationColumnName]."
        ) from None
